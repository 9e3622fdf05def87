"""Low Earth orbit to low lunar orbit: translunar injection and lunar-orbit insertion, both impulsive.

The flight time is chosen on conics through the Moon's centre, the guess patches conics at 60,000 km, and both ends
are shot towards one another in the n-body model (``shooting``). The parking orbit's node and phase are free, so the
departure is at the requested instant. Where the parking orbit's inclination is too low for the Moon's declination
(or the lunar orbit's for the arrival direction), the plane is kept and the burn turns out of it, at its price.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state, unit
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.records.legs import Burn, Event, Leg
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit
from moonvillage.trajectory import translunar as tl
from moonvillage.trajectory.conics import climb
from moonvillage.trajectory.planes import ApsisEnd, PlaneFamily
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register

Floats = NDArray[np.float64]

_DURATIONS_S: Final = np.arange(3.0, 5.51, 0.125) * tl.DAY_S
_NORTH: Final = np.array([0.0, 0.0, 1.0])


def parking_family(orbit: EarthOrbit) -> PlaneFamily:
    """The planes that a low Earth orbit may lie in: one inclination, and one node if it is given."""
    if orbit.raan_rad is None:
        return PlaneFamily.about(_NORTH, orbit.inclination_rad)
    s = np.sin(orbit.inclination_rad)
    normal = np.array([s * np.sin(orbit.raan_rad), -s * np.cos(orbit.raan_rad), np.cos(orbit.inclination_rad)])
    return PlaneFamily.about(normal, 0.0)


def lunar_family(
    orbit: MoonOrbit, epoch_tdb_s: float, plane_normal: tuple[float, float, float] | None = None
) -> PlaneFamily:
    """The planes that a lunar orbit may lie in at an epoch: a given one, one inclination, or all over a site.

    An orbit with neither inclination nor site is taken as polar.
    """
    if plane_normal is not None:
        return PlaneFamily.about(np.array(plane_normal), 0.0)
    if orbit.over is not None and orbit.inclination_rad is None:
        site, _ = moon_site_state(
            epoch_tdb_s + orbit.over_after_s, orbit.over.latitude_rad, orbit.over.longitude_rad
        )
        return PlaneFamily.about(unit(site), 0.5 * np.pi)
    inclination = 0.5 * np.pi if orbit.inclination_rad is None else orbit.inclination_rad
    return PlaneFamily.about(moon_me_matrix(epoch_tdb_s)[2], inclination)


def _scan(
    departure: float, durations: Floats, start_radius: float, parking: PlaneFamily, orbit: MoonOrbit, normal: tuple[float, float, float] | None
) -> list[tuple[float, float, int, Floats]]:
    """(cost, duration, parking branch, excess velocity) of conics to the Moon's centre, cheapest first."""
    arrivals = departure + durations
    moon_r, moon_v = de440.load().state("moon", arrivals)
    arcs = climb(start_radius, 0.0, np.linalg.norm(moon_r, axis=1), durations)
    rows: list[tuple[float, float, int, Floats]] = []
    circular = np.sqrt(GM_EARTH_M3_S2 / start_radius)
    for k in np.flatnonzero(arcs.valid):
        one = climb(start_radius, 0.0, float(np.linalg.norm(moon_r[k])), durations[k : k + 1])
        family = lunar_family(orbit, float(arrivals[k]), normal)
        for branch in (0, 1):
            held = tl.hold(parking, unit(moon_r[k]), float(arcs.angle_rad[k]), branch)
            v = tl.excess_velocity(moon_r[k], moon_v[k], one, held.conic_normal[None], +1)[0]
            size = float(np.linalg.norm(v))
            _, margin = family.containing(v / size)
            speed = float(arcs.start_speed_m_s[k])
            injection = np.sqrt(speed**2 + circular**2 - 2.0 * speed * circular * np.cos(held.beta))
            insertion = float(
                tl.apsis_dv(MOON_RADIUS_M + orbit.altitude_m, np.array(size), np.array(max(0.0, -margin)))
            )
            rows.append((float(injection) + insertion, float(durations[k]), branch, v))
    rows.sort(key=lambda row: row[0])
    return rows


@register(EarthOrbit, MoonOrbit)
def solve_leo_to_llo(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """Translunar injection from a circular parking orbit, coast, insertion into a circular lunar orbit."""
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(target, MoonOrbit)
    start_radius = EARTH_RADIUS_M + origin.altitude_m
    parking = parking_family(origin)
    durations = _DURATIONS_S if options.duration_s is None else np.array([options.duration_s])
    rows = _scan(departure_tdb_s, durations, start_radius, parking, target, options.plane_normal)
    if not rows:
        return failure(arc, departure_tdb_s, "No ellipse reaches the Moon in the given flight time.")
    legs: list[Leg] = []
    tried = 0
    for _, duration, branch, v in rows[:1] + [row for row in rows[1:] if row[1] != rows[0][1]][:3]:
        for lunar_branch in (0, 1):
            tried += 1
            leg = _attempt(arc, departure_tdb_s, duration, branch, lunar_branch, v, options)
            if leg.converged:
                return leg
            legs.append(leg)
    return failure(arc, departure_tdb_s, f"{legs[0].reason} ({tried} guesses were tried.)")


def _attempt(
    arc: Arc, departure: float, duration: float, branch: int, lunar_branch: int, v: Floats, options: SolveOptions
) -> Leg:
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(target, MoonOrbit)
    arrival = departure + duration
    earth_end = ApsisEnd(parking_family(origin), EARTH_RADIUS_M + origin.altitude_m)
    lunar_end = ApsisEnd(lunar_family(target, arrival, options.plane_normal), MOON_RADIUS_M + target.altitude_m)
    holds: list[tl.Hold] = []

    def plane(direction: Floats, swept: float) -> Floats:
        holds.append(tl.hold(earth_end.family, direction, swept, branch))
        return holds[-1].conic_normal

    guess = tl.patched(+1, departure, arrival, (earth_end.radius_m, 0.0), plane, lunar_end, lunar_branch, v)
    held = holds[-1]
    first = np.array([held.psi, held.omega, float(guess.climb.start_speed_m_s[0]), held.beta])
    side = tl.earth_side(earth_end, departure, first, held.free, entry=False)
    result, _ = tl.correct(guess, side, lunar_end, arrival)
    if not result.converged:
        return failure(arc, departure, result.reason)
    return _leg(arc, departure, arrival, guess.rim_tdb_s, earth_end, lunar_end, result.parameters, options)


def _leg(
    arc: Arc,
    departure: float,
    arrival: float,
    rim: float,
    earth_end: ApsisEnd,
    lunar_end: ApsisEnd,
    parameters: tuple[Floats, Floats],
    options: SolveOptions,
) -> Leg:
    start, parked = earth_end.state(parameters[0]), earth_end.circular(parameters[0], GM_EARTH_M3_S2)
    aimed, orbit = lunar_end.state(parameters[1]), lunar_end.circular(parameters[1], GM_MOON_M3_S2)
    flight = tl.fly(start, departure, rim, arrival, +1, dense=options.samples > 0)
    injection, insertion = start[3:] - parked[3:], orbit[3:] - aimed[3:]
    final = flight.state + np.concatenate([np.zeros(3), insertion])
    miss_m = float(np.linalg.norm(final[:3] - orbit[:3]))
    miss_m_s = float(np.linalg.norm(final[3:] - orbit[3:]))
    if not (miss_m <= 100.0 and miss_m_s <= 0.1):
        return failure(
            arc, departure, f"Flown again in one go, the leg misses its orbit by {miss_m:.0f} m and {miss_m_s:.2f} m/s."
        )
    speed = float(np.linalg.norm(start[3:]))
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=departure,
        arrival_tdb_s=arrival,
        converged=True,
        burns=(
            Burn("tli", departure, float(np.linalg.norm(injection)), _tuple(injection)),
            Burn("loi", arrival, float(np.linalg.norm(insertion)), _tuple(insertion)),
        ),
        events=(
            Event("departure", departure),
            Event("perilune", arrival, f"{(lunar_end.radius_m - MOON_RADIUS_M) / 1e3:.1f} km"),
            Event("arrival", arrival),
        ),
        c3_m2_s2=speed**2 - 2.0 * GM_EARTH_M3_S2 / earth_end.radius_m,
        closure_position_m=miss_m,
        closure_velocity_m_s=miss_m_s,
        approximation="burns are impulses",
        trajectory=tl.sample(flight, options.samples),
        final_centre="moon",
        final_state=final,
    )


def _tuple(vector: Floats) -> tuple[float, float, float]:
    x, y, z = (float(component) for component in vector)
    return x, y, z
