"""The plan: which flights, carrying what, when; and the proof that comes with it.

All tables are polars frames with the schemas below; ids are strings; epochs are TDB seconds past J2000.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

#: One row per flight (a mission flown once).
FLIGHTS: Final[Mapping[str, pl.DataType]] = {
    "flight": pl.String(),  # "argonaut-2033-04-1"
    "mission": pl.String(),  # template id
    "title": pl.String(),
    "operator": pl.String(),
    "partners": pl.List(pl.String()),
    "period": pl.Int32(),
    "departure_tdb_s": pl.Float64(),
    "arrival_tdb_s": pl.Float64(),
    "crew_up": pl.Int32(),
    "crew_down": pl.Int32(),
    "mass_to_orbit_kg": pl.Float64(),
    "mass_landed_kg": pl.Float64(),
    "cost_eur": pl.Float64(),
    "agreements": pl.List(pl.String()),
    "rules": pl.List(pl.String()),
}
#: One row per launch of a flight.
LAUNCHES: Final[Mapping[str, pl.DataType]] = {
    "flight": pl.String(),
    "launcher": pl.String(),
    "epoch_tdb_s": pl.Float64(),
    "into": pl.String(),  # "leo", "tli", "escape"
    "c3_m2_s2": pl.Float64(),
    "mass_kg": pl.Float64(),
    "capacity_kg": pl.Float64(),
    "cost_eur": pl.Float64(),
}
#: One row per leg of a flight, with the planned figures.
LEGS: Final[Mapping[str, pl.DataType]] = {
    "flight": pl.String(),
    "step": pl.Int32(),  # index into the mission's steps
    "arc": pl.String(),
    "origin": pl.String(),
    "destination": pl.String(),
    "departure_tdb_s": pl.Float64(),
    "arrival_tdb_s": pl.Float64(),
    "dv_m_s": pl.Float64(),  # planned, all burns of the craft (a launcher's own burn is not in it)
}
#: One row per burn, planned: who burns, how much propellant.
BURNS: Final[Mapping[str, pl.DataType]] = {
    "flight": pl.String(),
    "step": pl.Int32(),
    "burn": pl.String(),
    "craft": pl.String(),
    "dv_m_s": pl.Float64(),
    "mass_before_kg": pl.Float64(),
    "propellant_kg": pl.Float64(),
}
#: One row per load moved by a flight: from where to where. Items are counted, commodities weighed.
MANIFEST: Final[Mapping[str, pl.DataType]] = {
    "flight": pl.String(),
    "cargo": pl.String(),  # commodity or module id
    "kind": pl.String(),  # "commodity", "module", "crew", "samples"
    "origin": pl.String(),
    "destination": pl.String(),
    "epoch_tdb_s": pl.Float64(),  # of the handover at the destination
    "amount": pl.Float64(),  # kg, or a count for modules and crew
    "mass_kg": pl.Float64(),
    "owner": pl.String(),
}
#: One row per ledger event of a flight, for the bat chart: the gross mass of the active stack after it.
EVENTS: Final[Mapping[str, pl.DataType]] = {
    "flight": pl.String(),
    "step": pl.Int32(),
    "event": pl.String(),  # "launch", "burn", "arrive", "dock", "undock", "drop", "unload", "load", "refuel", "land"
    "place": pl.String(),
    "epoch_tdb_s": pl.Float64(),
    "mass_kg": pl.Float64(),
    "detail": pl.String(),
}
#: One row per place, commodity and period end.
STOCKS: Final[Mapping[str, pl.DataType]] = {
    "place": pl.String(),
    "commodity": pl.String(),
    "period": pl.Int32(),
    "epoch_tdb_s": pl.Float64(),
    "amount_kg": pl.Float64(),
    "delivered_kg": pl.Float64(),
    "produced_kg": pl.Float64(),
    "used_kg": pl.Float64(),
    "reserve_kg": pl.Float64(),
}
#: One row per place and period: who is there.
CREW: Final[Mapping[str, pl.DataType]] = {
    "place": pl.String(),
    "period": pl.Int32(),
    "epoch_tdb_s": pl.Float64(),
    "crew": pl.Float64(),
}
#: One row per decision about who may do what.
PERMISSIONS: Final[Mapping[str, pl.DataType]] = {
    "mission": pl.String(),
    "flight": pl.String(),  # empty where the interaction was refused for the mission as such
    "interaction": pl.String(),
    "parties": pl.List(pl.String()),
    "date_tdb_s": pl.Float64(),
    "answer": pl.String(),
    "rules": pl.List(pl.String()),
    "agreements": pl.List(pl.String()),
    "why": pl.String(),
}

TABLES: Final[Mapping[str, Mapping[str, pl.DataType]]] = {
    "flights": FLIGHTS,
    "launches": LAUNCHES,
    "legs": LEGS,
    "burns": BURNS,
    "manifest": MANIFEST,
    "events": EVENTS,
    "stocks": STOCKS,
    "crew": CREW,
    "permissions": PERMISSIONS,
}


@dataclass(frozen=True, slots=True, eq=False)
class Campaign:
    """A plan with its proof, or a refusal with its reasons.

    ``status`` is "optimal" (gap within the request), "feasible", "infeasible", "unbounded" or "interrupted".
    ``gap`` is relative: |objective − bound| / |objective|. ``papers`` are the waivers and agreements that the plan
    needs besides what holds anyhow.
    """

    status: str
    objective_name: str = ""
    objective_value: float = float("nan")
    objective_unit: str = ""
    bound: float = float("nan")
    gap: float = float("nan")
    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    model: Mapping[str, float] = field(default_factory=dict)  # rows, columns, nonzeros, build_s, solve_s, nodes
    papers: tuple[str, ...] = ()

    def table(self, name: str) -> pl.DataFrame:
        """One of :data:`TABLES`, empty with its schema where the plan has no such rows."""
        return self.tables.get(name, pl.DataFrame(schema=dict(TABLES[name])))
