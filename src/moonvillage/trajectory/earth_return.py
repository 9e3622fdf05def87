"""Low lunar orbit to Earth entry: trans-Earth injection, one impulse, to a flight-path angle at the entry altitude.

The plane of the lunar orbit is given or free within its inclination; the phase on the orbit is free, which stands
for a departure within half a revolution of the requested instant. The landing place is not aimed at: longitude and
inclination at entry are free (the return is eastward, with the Earth's turning). Where the departure direction lies
outside the orbit's plane, the burn also turns the plane, at its price.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import earth_latitude_longitude
from moonvillage.records.legs import Burn, Event, Leg
from moonvillage.records.places import Arc, EarthGround, MoonOrbit
from moonvillage.trajectory import translunar as tl
from moonvillage.trajectory.conics import climb
from moonvillage.trajectory.lunar import lunar_family
from moonvillage.trajectory.planes import ApsisEnd, EntryEnd, PlaneFamily, cross, normalised, planes_through
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register

Floats = NDArray[np.float64]

_DURATIONS_S: Final = np.arange(3.0, 5.51, 0.25) * tl.DAY_S
#: Tilt of the return plane from the one nearest the equator, about the line to the Moon: eastward returns only.
_TILTS_RAD: Final = np.deg2rad(np.arange(-75.0, 75.1, 10.0))
_NORTH: Final = np.array([0.0, 0.0, 1.0])


def _return_normal(direction: Floats, tilt_rad: float) -> Floats:
    """Normal of the plane through ``direction`` tilted from the one of least inclination."""
    north = normalised(_NORTH - float(direction[2]) * direction)
    return math.cos(tilt_rad) * north + math.sin(tilt_rad) * cross(direction, north)


def _scan(
    departure: float, durations: Floats, ground: EarthGround, lunar: PlaneFamily, lunar_radius: float
) -> list[tuple[float, float, float, Floats]]:
    """(cost, duration, tilt, excess velocity) of conics from the Moon's centre, cheapest first."""
    moon_r, moon_v = de440.load().state("moon", departure)
    direction = normalised(moon_r)
    angle = abs(ground.entry_flight_path_angle_rad)
    arcs = climb(EARTH_RADIUS_M + ground.entry_altitude_m, angle, float(np.linalg.norm(moon_r)), durations)
    normals = np.stack([_return_normal(direction, float(tilt)) for tilt in _TILTS_RAD])[:, None, :]
    v = tl.excess_velocity(moon_r[None], moon_v[None], arcs, np.repeat(normals, durations.size, axis=1), -1)
    size = np.linalg.norm(v, axis=-1)
    _, margin = planes_through(lunar, (v / size[..., None]).reshape(-1, 3))
    out = np.maximum(0.0, -margin).reshape(size.shape)
    cost = np.where(arcs.valid, tl.apsis_dv(lunar_radius, size, out), np.inf)
    rows = [
        (float(cost[i, k]), float(durations[k]), float(_TILTS_RAD[i]), v[i, k])
        for i, k in np.ndindex(*cost.shape)
        if np.isfinite(cost[i, k])
    ]
    rows.sort(key=lambda row: row[0])
    return rows


@register(MoonOrbit, EarthGround)
def solve_llo_to_earth(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """Trans-Earth injection from a circular lunar orbit to entry."""
    origin, ground = arc.origin, arc.destination
    assert isinstance(origin, MoonOrbit)
    assert isinstance(ground, EarthGround)
    durations = _DURATIONS_S if options.duration_s is None else np.array([options.duration_s])
    lunar_end = ApsisEnd(
        lunar_family(origin, departure_tdb_s, options.plane_normal), MOON_RADIUS_M + origin.altitude_m
    )
    rows = _scan(departure_tdb_s, durations, ground, lunar_end.family, lunar_end.radius_m)
    if not rows:
        return failure(arc, departure_tdb_s, "No ellipse returns to the Earth in the given flight time.")
    first = rows[0]
    others = [row for row in rows[1:] if abs(row[1] - first[1]) > 0.3 * tl.DAY_S or abs(row[2] - first[2]) > 0.3]
    reasons: list[str] = []
    for _, duration, tilt, v in [first, *rows[1:2], *others[:2]]:
        for branch in (0, 1):
            leg = _attempt(arc, departure_tdb_s, duration, tilt, branch, v, lunar_end, options)
            if leg.converged:
                return leg
            reasons.append(leg.reason)
    return failure(arc, departure_tdb_s, f"{reasons[0]} ({len(reasons)} guesses were tried.)")


def _attempt(
    arc: Arc,
    departure: float,
    duration: float,
    tilt: float,
    branch: int,
    v: Floats,
    lunar_end: ApsisEnd,
    options: SolveOptions,
) -> Leg:
    ground = arc.destination
    assert isinstance(ground, EarthGround)
    arrival = departure + duration
    entry = EntryEnd(EARTH_RADIUS_M + ground.entry_altitude_m, -abs(ground.entry_flight_path_angle_rad))
    start = (entry.radius_m, abs(ground.entry_flight_path_angle_rad))

    def plane(direction: Floats, swept: float) -> Floats:
        return _return_normal(direction, tilt)

    guess = tl.patched(-1, arrival, departure, start, plane, lunar_end, branch, v)
    if guess is None:
        return failure(arc, departure, "No hyperbola leads from this lunar orbit towards the Earth.")
    heading = cross(guess.earth_normal, guess.earth_direction)
    first = entry.parameters(guess.earth_direction, float(guess.climb.start_speed_m_s[0]) * heading)
    side = tl.earth_side(entry, arrival, first, (0, 1, 2, 3), entry=True)
    result, _ = tl.correct(guess, side, lunar_end, departure)
    if not result.converged:
        return failure(arc, departure, result.reason)
    aimed, left = entry.state(result.parameters[0]), lunar_end.state(result.parameters[1])
    orbit = lunar_end.circular(result.parameters[1], GM_MOON_M3_S2)
    flight = tl.fly(left, departure, guess.rim_tdb_s, arrival, -1, dense=options.samples > 0)
    final = flight.state
    miss_m = float(np.linalg.norm(final[:3] - aimed[:3]))
    miss_m_s = float(np.linalg.norm(final[3:] - aimed[3:]))
    if not (miss_m <= 100.0 and miss_m_s <= 0.1):
        return failure(
            arc, departure, f"Flown again in one go, the leg misses entry by {miss_m:.0f} m and {miss_m_s:.2f} m/s."
        )
    burn = left[3:] - orbit[3:]
    latitude, longitude, _ = earth_latitude_longitude(arrival, final[:3])
    speed = float(np.linalg.norm(final[3:]))
    path_angle = math.degrees(math.asin(float(final[:3] @ final[3:]) / speed / float(np.linalg.norm(final[:3]))))
    detail = (
        f"inertial speed {speed:.1f} m/s, flight-path angle {path_angle:.2f} deg, "
        f"latitude {math.degrees(float(latitude)):.1f} deg, longitude {math.degrees(float(longitude)):.1f} deg"
    )
    x, y, z = (float(component) for component in burn)
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=departure,
        arrival_tdb_s=arrival,
        converged=True,
        burns=(Burn("tei", departure, float(np.linalg.norm(burn)), (x, y, z)),),
        events=(Event("departure", departure), Event("entry", arrival, detail)),
        closure_position_m=miss_m,
        closure_velocity_m_s=miss_m_s,
        approximation="the burn is an impulse; the landing place is not aimed at",
        trajectory=tl.sample(flight, options.samples),
        final_centre="earth",
        final_state=final,
    )
