"""The user's question as values: load, check, vary."""

from moonvillage.scenario.load import load, loads
from moonvillage.scenario.model import (
    Budget,
    Demand,
    Fleet,
    Header,
    InteractionSpec,
    Mission,
    PlaceSpec,
    Requirement,
    Scenario,
    Step,
)
from moonvillage.scenario.network import Network
from moonvillage.scenario.outposts import Outpost

__all__ = [
    "Budget",
    "Demand",
    "Fleet",
    "Header",
    "InteractionSpec",
    "Mission",
    "Network",
    "Outpost",
    "PlaceSpec",
    "Requirement",
    "Scenario",
    "Step",
    "load",
    "loads",
]
