"""Flown missions against what the product computes for them.

``replay(name_or_file)`` flies a mission's steps and returns a :class:`~moonvillage.replay.records.Replay` whose rows
compare computed with flown; ``names()`` lists the built-in missions. A mission is a data file (docs/replay.md): the
operators' dated choices are its inputs, everything else is computed. Kinds of step live in ``replay/kinds``, one
module a sort; each registers itself.
"""

from __future__ import annotations

from moonvillage.replay.engine import replay
from moonvillage.replay.files import names, read_mission
from moonvillage.replay.records import QUANTITIES, Computed, Outcome, Quantity, Replay, Row, Situation, summarise

__all__ = [
    "QUANTITIES",
    "Computed",
    "Outcome",
    "Quantity",
    "Replay",
    "Row",
    "Situation",
    "names",
    "read_mission",
    "replay",
    "summarise",
]
