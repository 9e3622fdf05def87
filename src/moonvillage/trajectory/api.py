"""The one entrance to the room: solve an arc on a date."""

from __future__ import annotations

import importlib
import importlib.util
from functools import lru_cache

import numpy as np

from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc
from moonvillage.trajectory.registry import SOLVERS, SolveOptions, failure

_MODULES = ("lunar", "earth_return", "landing", "halo_legs", "halo_moon", "free_return", "rendezvous", "mars")


@lru_cache(maxsize=1)
def _load_solvers() -> None:
    for name in _MODULES:
        full = f"moonvillage.trajectory.{name}"
        if importlib.util.find_spec(full) is not None:
            importlib.import_module(full)


def solve(
    arc: Arc,
    departure_tdb_s: float,
    *,
    plane_normal: tuple[float, float, float] | None = None,
    duration_s: float | None = None,
    samples: int = 0,
    fixed_departure: bool = False,
) -> Leg:
    """Solve one arc for one departure date, in the n-body model.

    Parameters
    ----------
    arc
        Where from, where to, and (for powered flight) with what thrust.
    departure_tdb_s
        Requested departure, TDB seconds past J2000. The solver may shift it by up to half a revolution of the orbit
        that is left; the real one is in ``Leg.departure_tdb_s``.
    plane_normal
        ICRF unit normal of the lunar orbit that the craft is in (departures from the Moon's orbits) or must reach
        (ascent). None: the best plane.
    duration_s
        Flight time, s. None: near the cheapest.
    samples
        Number of states to keep in ``Leg.trajectory``.
    fixed_departure
        Depart exactly at the given time.

    Returns
    -------
    A :class:`~moonvillage.records.legs.Leg`; where no solution was found, one with ``converged`` False and a reason.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves the span of DE440 (1549 to 2650).
    """
    _load_solvers()
    normal = None
    if plane_normal is not None:
        length = float(np.linalg.norm(plane_normal))
        if not length > 0.0:
            return failure(arc, departure_tdb_s, "The plane normal is not a direction.")
        x, y, z = (float(component) / length for component in plane_normal)
        normal = (x, y, z)
    solver = SOLVERS.get((type(arc.origin), type(arc.destination)))
    if solver is None:
        pair = f"{type(arc.origin).__name__} to {type(arc.destination).__name__}"
        return failure(arc, departure_tdb_s, f"No solver flies from {pair}.")
    return solver(arc, departure_tdb_s, SolveOptions(normal, duration_s, samples, fixed_departure))
