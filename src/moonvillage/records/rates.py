"""What an outpost uses and makes, as the linear coefficients that a planner needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutpostRates:
    """Linear rates of one outpost. Commodities are catalog ids ("oxygen", "water", "food", "nitrogen", ...).

    ``crew_kg_s``: net use per crew member, after recycling, by commodity.
    ``standing_kg_s``: use while the outpost stands, crewed or not (leaks), by commodity.
    ``module_kg_s``: by module id, the net output (positive) or input (negative) of one working unit.
    ``module_power_w``: by module id, the mean electrical balance of one unit (positive: source) under the
    place's mean light; a plan needs a sum ≥ 0.
    ``crew_power_w``: load per crew member.
    """

    place: str
    crew_kg_s: Mapping[str, float] = field(default_factory=dict)
    standing_kg_s: Mapping[str, float] = field(default_factory=dict)
    module_kg_s: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    module_power_w: Mapping[str, float] = field(default_factory=dict)
    crew_power_w: float = 0.0
