"""Legs: solved trajectories, and the table of them by departure date.

Vectors are Earth-centred or Moon-centred ICRF as each field says; epochs are TDB seconds past J2000.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Burn:
    """One manoeuvre. ``name`` is the arc kind's own ("tli", "loi", "tei", "doi", "descent", "flyby", ...).

    ``dv_m_s`` is what the propulsion must give (losses included for a finite burn); ``dv_icrf_m_s`` is the
    impulse vector, or the net thrust integral for a finite burn. ``duration_s`` is 0 for an impulse.
    """

    name: str
    epoch_tdb_s: float
    dv_m_s: float
    dv_icrf_m_s: tuple[float, float, float]
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens along a leg: "departure", "perilune", "arrival", "entry", "touchdown", ..."""

    name: str
    epoch_tdb_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Dense samples of a leg. ``r_m`` and ``v_m_s`` are (n, 3), ICRF axes, centred on ``centre``.

    ``centre`` is "earth", "moon" or "sun"; ``epoch_tdb_s`` is (n,), increasing.
    """

    centre: str
    epoch_tdb_s: Floats
    r_m: Floats
    v_m_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """One solved leg, or an honest failure: ``converged`` False and a ``reason`` that is a sentence.

    ``closure_*`` is the miss at the target when the solved initial state and burns are propagated again, in one
    go, in the full model (not the targeter's own residual). ``approximation`` is empty where nothing was
    approximated; otherwise it says what was.
    ``final_state`` is (6,) r, v ICRF about ``final_centre`` after the last burn: the next leg may start from it.
    ``c3_m2_s2`` is the departure energy about the Earth where the leg leaves a low Earth orbit, else None.
    """

    arc: str
    kind: str
    departure_tdb_s: float
    arrival_tdb_s: float
    converged: bool
    reason: str = ""
    burns: tuple[Burn, ...] = ()
    events: tuple[Event, ...] = ()
    c3_m2_s2: float | None = None
    closure_position_m: float = float("nan")
    closure_velocity_m_s: float = float("nan")
    approximation: str = ""
    trajectory: Trajectory | None = None
    final_centre: str = ""
    final_state: Floats | None = field(default=None)

    @property
    def dv_m_s(self) -> float:
        """Sum of all burns."""
        return float(sum(burn.dv_m_s for burn in self.burns))

    @property
    def duration_s(self) -> float:
        """Arrival minus departure."""
        return self.arrival_tdb_s - self.departure_tdb_s

    def propellant_kg(self, mass_kg: float, isp_s: float, gravity_m_s2: float = 9.80665) -> float:
        """Propellant that all burns use from a mass before the first one (Tsiolkovsky)."""
        return mass_kg * -math.expm1(-self.dv_m_s / (isp_s * gravity_m_s2))

    def __repr__(self) -> str:
        if not self.converged:
            return f"Leg({self.arc}, not converged: {self.reason})"
        parts = " + ".join(f"{burn.name} {burn.dv_m_s:.1f}" for burn in self.burns)
        return f"Leg({self.arc}, {self.duration_s / 86400:.2f} d, {parts} = {self.dv_m_s:.1f} m/s)"


@dataclass(frozen=True, slots=True)
class LegRow:
    """One departure date of one arc: what a planner needs to know of the leg.

    ``dv_m_s`` is by burn name, in order of burning, before any margin. Where ``converged`` is False the leg may
    not be used, and ``reason`` says why.
    """

    arc: str
    departure_tdb_s: float
    arrival_tdb_s: float
    converged: bool
    dv_m_s: tuple[tuple[str, float], ...]
    c3_m2_s2: float | None = None
    closure_position_m: float = float("nan")
    closure_velocity_m_s: float = float("nan")
    reason: str = ""
    approximation: str = ""

    @property
    def total_m_s(self) -> float:
        """Sum over the burns."""
        return float(sum(dv for _, dv in self.dv_m_s))


@dataclass(frozen=True, slots=True, eq=False)
class LegTable:
    """Every arc at every tabulated departure date. ``rows`` maps an arc id to its rows by departure."""

    rows: dict[str, tuple[LegRow, ...]]

    def __repr__(self) -> str:
        total = sum(len(rows) for rows in self.rows.values())
        good = sum(row.converged for rows in self.rows.values() for row in rows)
        return f"LegTable({len(self.rows)} arcs, {total} departures, {good} converged)"
