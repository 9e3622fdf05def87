"""Waivers and agreements as decisions of a plan: what each takes, and which flights it frees.

A flight that the rules bar may still be planned if the papers that free it are obtained: each takes its lead time
from the beginning of the campaign, and its cost once. The constraint family is
:func:`moonvillage.campaign.constraints.papers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Alternatives, each a set of papers that suffices together.
Ways = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """A waiver of a rule, or an agreement brought into force. ``id`` is the rule's or the agreement's."""

    id: str
    kind: str  # "waiver" or "agreement"
    title: str
    authority: str
    lead_s: float
    cost_eur: float


@dataclass(frozen=True, slots=True, eq=False)
class Papers:
    """What may be obtained, and what it frees.

    ``frees`` maps a mission to the ways to free its departure in each period; a period without ways is either allowed
    as it is or cannot be freed. Missions that are missing have none.
    """

    papers: Mapping[str, Paper]
    frees: Mapping[str, tuple[Ways, ...]]

    def ways(self, mission: str, period: int) -> Ways:
        """The ways to free a mission's departure in a period."""
        found = self.frees.get(mission, ())
        return found[period] if period < len(found) else ()

    def lead_s(self, way: frozenset[str]) -> float:
        """The time that a set of papers takes: they are sought side by side."""
        return max((self.papers[p].lead_s for p in way), default=0.0)
