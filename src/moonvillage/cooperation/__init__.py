"""Partners, agreements, rules, decisions, waivers: what may be done, with whom, and why not.

A model for planning (docs/design/cooperation.md), not legal advice.
"""

from moonvillage.cooperation.decisions import (
    ANSWERS,
    Decision,
    MissionDecision,
    Opening,
    Remedy,
    RuleHit,
    WaiverNeed,
    decide,
    decide_mission,
    earliest_allowed,
    remedies,
)
from moonvillage.cooperation.interactions import (
    DATA_CLASSES,
    FACTS,
    INTERACTION_KINDS,
    PLACES,
    Interaction,
    bill_of,
)
from moonvillage.cooperation.predicates import PREDICATES
from moonvillage.cooperation.rulebook import Rulebook

__all__ = [
    "ANSWERS",
    "DATA_CLASSES",
    "FACTS",
    "INTERACTION_KINDS",
    "PLACES",
    "PREDICATES",
    "Decision",
    "Interaction",
    "MissionDecision",
    "Opening",
    "Remedy",
    "RuleHit",
    "Rulebook",
    "WaiverNeed",
    "bill_of",
    "decide",
    "decide_mission",
    "earliest_allowed",
    "remedies",
]
