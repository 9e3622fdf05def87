"""The one entrance to the room: solve an arc on a date."""

from __future__ import annotations

import importlib
import importlib.util
import math
from functools import lru_cache
from typing import Final

import numpy as np

from moonvillage.ephemeris import de440
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, EarthGround, EarthOrbit, MoonOrbit, MoonSurface, Place
from moonvillage.trajectory.registry import SolveOptions, failure, solver_of

_MODULES = (
    "lunar",
    "earth_return",
    "landing",
    "direct_landing",
    "hop",
    "halo_legs",
    "halo_moon",
    "free_return",
    "hybrid",
    "station_legs",
    "docking_legs",
    "deorbit",
    "mars",
    "ballistic",
    "orbit_transfers",
    "mars_chain",
    "spiral",
)


@lru_cache(maxsize=1)
def _load_solvers() -> None:
    for name in _MODULES:
        full = f"moonvillage.trajectory.{name}"
        if importlib.util.find_spec(full) is not None:
            importlib.import_module(full)


#: What solvers are asked to handle: type of place → (field, lowest, highest, what it is).
_BOUNDS: Final[dict[type[Place], tuple[tuple[str, float, float, str], ...]]] = {
    EarthOrbit: (
        ("altitude_m", 100e3, 100_000e3, "altitude of an Earth orbit in m"),
        ("inclination_rad", 0.0, math.pi, "inclination of an Earth orbit in rad"),
    ),
    MoonOrbit: (
        ("altitude_m", 5e3, 10_000e3, "altitude of a lunar orbit in m"),
        ("inclination_rad", 0.0, math.pi, "inclination of a lunar orbit in rad"),
    ),
    MoonSurface: (
        ("latitude_rad", -0.5 * math.pi, 0.5 * math.pi, "latitude in rad"),
        ("height_m", -12e3, 12e3, "height of a site in m"),
    ),
    EarthGround: (
        ("entry_altitude_m", 50e3, 500e3, "entry altitude in m"),
        ("entry_flight_path_angle_rad", -0.6, -0.005, "flight-path angle at entry in rad"),
    ),
}


def _refusal(arc: Arc, duration_s: float | None) -> str:
    """A sentence if a number of the arc is beyond sense, else empty; a NaN is beyond sense."""
    for place in (arc.origin, arc.destination):
        for name, low, high, label in _BOUNDS.get(type(place), ()):
            value = getattr(place, name)
            if value is not None and not low <= value <= high:
                return f"The {label} is {value:g}; it must lie between {low:g} and {high:g}."
    if arc.thrust_to_mass_m_s2 is not None and not 0.0 < arc.thrust_to_mass_m_s2 <= 100.0:
        return (
            f"A thrust-to-mass of {arc.thrust_to_mass_m_s2:g} m/s² cannot be flown; it must be above 0, at most 100."
        )
    if arc.isp_s is not None and not 50.0 <= arc.isp_s <= 20_000.0:
        return f"A specific impulse of {arc.isp_s:g} s cannot be flown; it must lie between 50 and 20000 s."
    if duration_s is not None and not 0.0 < duration_s <= 3.2e8:
        return f"A flight time of {duration_s:g} s cannot be flown; it must be above 0, at most ten years."
    return ""


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
    de440.load().check_covers(np.array([departure_tdb_s]))
    refusal = _refusal(arc, duration_s)
    if refusal:
        return failure(arc, departure_tdb_s, refusal)
    normal = None
    if plane_normal is not None:
        length = float(np.linalg.norm(plane_normal))
        if not 0.0 < length < np.inf:
            return failure(arc, departure_tdb_s, "The plane normal is not a direction.")
        x, y, z = (float(component) / length for component in plane_normal)
        normal = (x, y, z)
    for place in (arc.origin, arc.destination):
        if isinstance(place, EarthOrbit) and place.apogee_altitude_m is not None:
            if not place.altitude_m <= place.apogee_altitude_m <= 400_000e3:
                return failure(arc, departure_tdb_s, "An apogee lies between the perigee and 400000 km.")
            if arc.via != "spiral" or place is arc.destination:
                return failure(arc, departure_tdb_s, "An elliptic Earth orbit can only be left, and by a spiral.")
    solver = solver_of(arc)
    if isinstance(solver, str):
        return failure(arc, departure_tdb_s, solver)
    return solver(arc, departure_tdb_s, SolveOptions(normal, duration_s, samples, fixed_departure))
