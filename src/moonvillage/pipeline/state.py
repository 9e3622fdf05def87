"""What a run knows: the state that its loop carries on, and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moonvillage.campaign import FlownColumn, Key
from moonvillage.records.campaign import Campaign
from moonvillage.records.flights import Flights
from moonvillage.records.legs import LegTable
from moonvillage.records.outpost import OutpostLog
from moonvillage.scenario import Demand, Scenario


@dataclass(slots=True)
class State:
    """What the loop has learned so far: enough, with the scenario, to go on from here."""

    iteration: int = 0
    flown: dict[Key, FlownColumn] = field(default_factory=dict)
    lifts: dict[str, float] = field(default_factory=dict)  # arc → what flights needed of it, over the table
    demands: list[Demand] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    wall_s: dict[str, float] = field(default_factory=dict)
    campaign: Campaign | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A run in memory: all records, and the summary that ``--json`` prints."""

    scenario: Scenario
    summary: Mapping[str, Any]
    legs: LegTable | None = None
    campaign: Campaign | None = None
    flights: Flights | None = None
    log: OutpostLog | None = None
