"""What was flown: every leg of the plan as a trajectory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from moonvillage.records.legs import Leg

#: One row per leg of a flight: planned beside flown.
FLOWN: Final[Mapping[str, pl.DataType]] = {
    "flight": pl.String(),
    "step": pl.Int32(),
    "arc": pl.String(),
    "kind": pl.String(),
    "origin": pl.String(),
    "destination": pl.String(),
    "planned_departure_tdb_s": pl.Float64(),
    "departure_tdb_s": pl.Float64(),
    "arrival_tdb_s": pl.Float64(),
    "planned_dv_m_s": pl.Float64(),
    "dv_m_s": pl.Float64(),
    "planned_propellant_kg": pl.Float64(),
    "propellant_kg": pl.Float64(),
    "closure_position_m": pl.Float64(),
    "closure_velocity_m_s": pl.Float64(),
    "converged": pl.Boolean(),
    "reason": pl.String(),
    "approximation": pl.String(),
}
#: Dense samples: one row per sample, ICRF axes about ``centre``.
SAMPLES: Final[Mapping[str, pl.DataType]] = {
    "flight": pl.String(),
    "step": pl.Int32(),
    "centre": pl.String(),
    "epoch_tdb_s": pl.Float64(),
    "x_m": pl.Float64(),
    "y_m": pl.Float64(),
    "z_m": pl.Float64(),
    "vx_m_s": pl.Float64(),
    "vy_m_s": pl.Float64(),
    "vz_m_s": pl.Float64(),
}
#: One row per burn flown.
FLOWN_BURNS: Final[Mapping[str, pl.DataType]] = {
    "flight": pl.String(),
    "step": pl.Int32(),
    "burn": pl.String(),
    "craft": pl.String(),
    "epoch_tdb_s": pl.Float64(),
    "dv_m_s": pl.Float64(),
    "dvx_m_s": pl.Float64(),
    "dvy_m_s": pl.Float64(),
    "dvz_m_s": pl.Float64(),
    "duration_s": pl.Float64(),
    "propellant_kg": pl.Float64(),
}


@dataclass(frozen=True, slots=True, eq=False)
class Flights:
    """The flown plan. ``legs`` maps (flight, step) to the full leg; the tables hold what is stored."""

    flown: pl.DataFrame
    samples: pl.DataFrame
    burns: pl.DataFrame
    legs: Mapping[tuple[str, int], Leg] = field(default_factory=dict)
