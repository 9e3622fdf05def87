"""Low lunar orbit to Earth entry: trans-Earth injection in one burn or three, to a path angle at entry altitude.

Where the ground names a landing site, see :func:`_to_site`; else:

The plane of the lunar orbit is given or free within its inclination; the phase on the orbit is free, which stands
for a departure within half a revolution of the requested instant. The landing place is not aimed at: longitude and
inclination at entry are free (the return is eastward, with the Earth's turning). Where the departure direction lies
outside the orbit's plane, the burn also turns the plane, at its price, or three burns do it over a day if that is
cheaper ("raise", "plane_change", "tei"; see ``three_burn``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import earth_itrf_matrix, earth_latitude_longitude
from moonvillage.records.legs import Burn, Event, Leg
from moonvillage.records.places import Arc, EarthGround, MoonOrbit
from moonvillage.trajectory import translunar as tl
from moonvillage.trajectory.conics import Climb, climb
from moonvillage.trajectory.entry import entry_state
from moonvillage.trajectory.entry_targeting import site_ranges, site_vector
from moonvillage.trajectory.flown import impulse
from moonvillage.trajectory.lunar import lunar_family
from moonvillage.trajectory.planes import (
    ApsisEnd,
    EntryEnd,
    PlaneFamily,
    cross,
    normalised,
    planes_through,
    rotate,
    tilted_normal,
)
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register
from moonvillage.trajectory.three_burn import PERIOD_S, Detour, best_detour, connect
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

_DURATIONS_S: Final = np.arange(3.0, 5.51, 0.25) * DAY_S
#: Tilt of the return plane from the one nearest the equator, about the line to the Moon: eastward returns only.
_TILTS_RAD: Final = np.deg2rad(np.arange(-75.0, 75.1, 10.0))
#: A single burn that costs less is not compared with three; three must save so much to be flown.
_CHEAP_M_S: Final = 880.0
_WORTH_M_S: Final = 40.0
_NORTH: Final = np.array([0.0, 0.0, 1.0])
#: From the interface to the ground, about.
_DESCENT_S: Final = 900.0
_SITE_CHOICES: Final = 5
#: How near the site has to be to the plane of entry: a capsule flies 100 km across easily.
_ACROSS_M: Final = 25e3
_FAR_M: Final = 150e3
_NEAR_S: Final = np.arange(-3600.0, 3601.0, 300.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """A flight to try: its cost on conics, time from injection to entry, tilt, excess velocity, and the way there."""

    cost_m_s: float
    duration_s: float
    tilt_rad: float
    v_excess_m_s: Floats
    detour: Detour | None = None


def _departures(
    injection: float, durations: Floats, tilts: Floats, ground: EarthGround
) -> tuple[Floats, NDArray[np.bool_]]:
    """Excess velocities (tilts, durations, 3) of conics from the Moon's centre to entry, and which of them exist."""
    moon_r, moon_v = de440.load().state("moon", injection)
    direction = normalised(moon_r)
    angle = abs(ground.entry_flight_path_angle_rad)
    arcs = climb(EARTH_RADIUS_M + ground.entry_altitude_m, angle, float(np.linalg.norm(moon_r)), durations)
    normals = np.stack([tilted_normal(direction, float(tilt)) for tilt in tilts])[:, None, :]
    v = tl.excess_velocity(moon_r[None], moon_v[None], arcs, np.repeat(normals, durations.size, axis=1), -1)
    return v, np.broadcast_to(arcs.valid, v.shape[:-1])


def _scan(departure: float, durations: Floats, ground: EarthGround, lunar_end: ApsisEnd) -> list[_Choice]:
    """Single-burn returns on conics, cheapest first."""
    v, valid = _departures(departure, durations, _TILTS_RAD, ground)
    size = np.linalg.norm(v, axis=-1)
    _, margin = planes_through(lunar_end.family, (v / size[..., None]).reshape(-1, 3))
    out = np.maximum(0.0, -margin).reshape(size.shape)
    cost = np.where(valid, tl.apsis_dv(lunar_end.radius_m, size, out), np.inf)
    rows = [
        _Choice(float(cost[i, k]), float(durations[k]), float(_TILTS_RAD[i]), v[i, k])
        for i, k in np.ndindex(*cost.shape)
        if np.isfinite(cost[i, k])
    ]
    return sorted(rows, key=lambda row: row.cost_m_s)


def _scan_detour(departure: float, fixed: float | None, ground: EarthGround, lunar_end: ApsisEnd) -> _Choice | None:
    """The cheapest three-burn return on conics."""
    normal = lunar_end.family.normal(0.0)
    wait = PERIOD_S
    choice: _Choice | None = None
    for _ in range(3):  # the coast's length sets the injection's date, and that the direction
        durations = _DURATIONS_S[::2] if fixed is None else np.array([fixed - wait])
        if float(durations[0]) < 2.4 * DAY_S:
            return None
        v, valid = _departures(departure + wait, durations, _TILTS_RAD[::2], ground)
        keep = np.flatnonzero(valid.ravel())
        if not keep.size:
            return None
        detour = best_detour(normal, lunar_end.radius_m, v.reshape(-1, 3)[keep])
        if detour is None:
            return None
        i, k = np.unravel_index(int(keep[detour.index]), valid.shape)
        choice = _Choice(detour.dv_m_s, float(durations[k]), float(_TILTS_RAD[::2][i]), v[i, k], detour)
        if abs(detour.outward_s + detour.inward_s - wait) < 600.0:
            break
        wait = detour.outward_s + detour.inward_s
    return choice


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
    if ground.site_latitude_rad is not None and ground.site_longitude_rad is not None:
        site = site_vector(ground.site_latitude_rad, ground.site_longitude_rad)
        return _to_site(arc, departure_tdb_s, ground, site, lunar_end, options)
    rows = _scan(departure_tdb_s, durations, ground, lunar_end)
    reasons: list[str] = []
    # with the plane given (or held at one), turning it in one burn may be dear
    if lunar_end.family.angle_rad == 0.0 and not (rows and rows[0].cost_m_s < _CHEAP_M_S):
        longer = _scan_detour(departure_tdb_s, options.duration_s, ground, lunar_end)
        if longer is not None and not (rows and rows[0].cost_m_s < longer.cost_m_s + _WORTH_M_S):
            leg = _attempt(arc, departure_tdb_s, longer, 0, lunar_end, options)
            if leg.converged:
                return leg
            reasons.append(leg.reason)
    if not rows:
        return failure(arc, departure_tdb_s, "No ellipse returns to the Earth in the given flight time.")
    first = rows[0]
    others = [
        row
        for row in rows[1:]
        if abs(row.duration_s - first.duration_s) > 0.3 * DAY_S or abs(row.tilt_rad - first.tilt_rad) > 0.3
    ]
    for choice in [first, *rows[1:2], *others[:2]]:
        for branch in (0, 1):
            leg = _attempt(arc, departure_tdb_s, choice, branch, lunar_end, options)
            if leg.converged:
                return leg
            reasons.append(leg.reason)
    return failure(arc, departure_tdb_s, f"{reasons[0]} ({len(reasons)} guesses were tried.)")


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """A return whose plane holds the site: time from injection to entry, tilt, range from entry to site, cost."""

    cost_m_s: float
    duration_s: float
    tilt_rad: float
    range_m: float
    v_excess_m_s: Floats


def _ways(
    departure: float,
    durations: Floats,
    ground: EarthGround,
    site: Floats,
    lunar_end: ApsisEnd,
    aim_offset: Floats | None,
) -> list[_Way]:
    """Returns on conics after which the site lies ahead within the ranges, cheapest first.

    ``aim_offset`` (3, 3) turns the Moon's direction into the one from which the n-body return really came.
    """
    moon_r, moon_v = de440.load().state("moon", departure)
    direction = normalised(moon_r)
    angle = abs(ground.entry_flight_path_angle_rad)
    arcs = climb(EARTH_RADIUS_M + ground.entry_altitude_m, angle, float(np.linalg.norm(moon_r)), durations)
    # the site when the capsule gets there, some ten minutes after the interface
    there = np.einsum("nji,j->ni", earth_itrf_matrix(departure + durations + _DESCENT_S), site)
    there = there / np.linalg.norm(there, axis=1, keepdims=True)
    seen = direction if aim_offset is None else aim_offset @ direction
    apart = np.arccos(np.clip(there @ seen, -1.0, 1.0))
    rows: list[_Way] = []
    for beyond in (False, True):  # less or more than half a turn from the Moon's direction to the site
        total = 2.0 * np.pi - apart if beyond else apart
        ahead = EARTH_RADIUS_M * (total - arcs.angle_rad)
        normals = np.cross(there, seen) if beyond else np.cross(seen, there)
        size = np.linalg.norm(normals, axis=1)
        good = arcs.valid & (ahead >= ground.range_min_m) & (ahead <= ground.range_max_m) & (size > 1e-3)
        good &= normals[:, 2] > 0.0  # eastward
        index = np.flatnonzero(good)
        if not index.size:
            continue
        normals = normals[index] / size[index, None]
        # the plane must hold the Moon itself for the conic; what the offset turns is a degree or two
        normals = normals - (normals @ direction)[:, None] * direction
        normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
        some = Climb(
            arcs.start_speed_m_s[index],
            arcs.angle_rad[index],
            arcs.radial_m_s[index],
            arcs.transverse_m_s[index],
            arcs.valid[index],
        )
        v = tl.excess_velocity(moon_r[None], moon_v[None], some, normals, -1)
        speed = np.linalg.norm(v, axis=-1)
        _, margin = planes_through(lunar_end.family, v / speed[:, None])
        cost = tl.apsis_dv(lunar_end.radius_m, speed, np.maximum(0.0, -margin))
        north = normalised(_NORTH - float(direction[2]) * direction)
        across = cross(direction, north)
        for j, k in enumerate(index):
            tilt = math.atan2(float(normals[j] @ across), float(normals[j] @ north))
            rows.append(_Way(float(cost[j]), float(durations[k]), tilt, float(ahead[k]), v[j]))
    return sorted(rows, key=lambda row: row.cost_m_s)


def _to_site(
    arc: Arc, departure: float, ground: EarthGround, site: Floats, lunar_end: ApsisEnd, options: SolveOptions
) -> Leg:
    """A single-burn return whose entry has a landing site ahead, in its plane and within range.

    The flight time sets where the turning Earth has the site at arrival, the tilt of the return's plane about the
    line to the Moon leads over it. Both are chosen on conics; what the n-body return misses is taken into the next
    choice as a turn of the direction from which it came.
    """
    durations = np.arange(3.0, 5.5, 1.0 / 96.0) * DAY_S
    if options.duration_s is not None:
        durations = np.array([options.duration_s])
    ways = _ways(departure, durations, ground, site, lunar_end, None)
    if not ways:
        return failure(
            arc,
            departure,
            f"No eastward return in {durations[0] / DAY_S:.1f} to {durations[-1] / DAY_S:.1f} d has the site "
            f"{ground.range_min_m / 1e3:.0f} to {ground.range_max_m / 1e3:.0f} km ahead of its entry: its latitude "
            "is too far from the point opposite to the Moon. Allow a longer skip, or another day of the month.",
        )
    reasons: list[str] = []
    tried: list[_Way] = []
    for way in ways:
        if len(tried) >= _SITE_CHOICES:
            break
        if any(abs(way.duration_s - old.duration_s) < 0.2 * DAY_S for old in tried):
            continue
        tried.append(way)
        for branch in (0, 1):
            leg = _refined(arc, departure, ground, site, lunar_end, options, way, branch)
            if leg.converged:
                return leg
            reasons.append(leg.reason)
    return failure(arc, departure, f"{reasons[0]} ({len(reasons)} guesses were tried.)")


def _refined(
    arc: Arc,
    departure: float,
    ground: EarthGround,
    site: Floats,
    lunar_end: ApsisEnd,
    options: SolveOptions,
    way: _Way,
    branch: int,
) -> Leg:
    best, off = failure(arc, departure, "No return led over the site."), math.inf
    for _ in range(5):
        choice = _Choice(way.cost_m_s, way.duration_s, way.tilt_rad, way.v_excess_m_s)
        leg = _attempt(arc, departure, choice, branch, lunar_end, options)
        if not leg.converged or leg.final_state is None:
            return best if best.converged else leg
        along, across = site_ranges(entry_state(leg.arrival_tdb_s, leg.final_state[:3], leg.final_state[3:]), site)
        within = ground.range_min_m <= along <= ground.range_max_m
        if within and abs(across) < off:
            detail = f"{along / 1e3:.0f} km ahead of the entry, {across / 1e3:+.0f} km to the right of its plane"
            best = replace(
                leg,
                events=(*leg.events, Event("landing site", leg.arrival_tdb_s, detail)),
                approximation="burns are impulses; the way through the air is not part of the leg",
            )
            off = abs(across)
        if off < _ACROSS_M:
            break
        # where the return came from, as seen from its entry, against where the conic came from
        came = _came_from(leg, way.duration_s, ground)
        moon = normalised(de440.load().position("moon", departure))
        offset = _turn_between(moon, came)
        span = np.array([way.duration_s]) if options.duration_s is not None else way.duration_s + _NEAR_S
        again = _ways(departure, span, ground, site, lunar_end, offset)
        if not again:
            break
        way = min(
            again, key=lambda row: abs(row.duration_s - way.duration_s) + 2e5 * abs(row.tilt_rad - way.tilt_rad)
        )
    if best.converged and off > _FAR_M:
        return failure(arc, departure, f"The nearest return has the site {off / 1e3:.0f} km off its plane.")
    return best


def _came_from(leg: Leg, duration: float, ground: EarthGround) -> Floats:
    """Direction at which the entry's plane was, as far back as the conic sweeps."""
    assert leg.final_state is not None
    r, v = leg.final_state[:3], leg.final_state[3:]
    distance = float(np.linalg.norm(de440.load().position("moon", leg.departure_tdb_s)))
    angle = abs(ground.entry_flight_path_angle_rad)
    swept = climb(EARTH_RADIUS_M + ground.entry_altitude_m, angle, distance, np.array([duration])).angle_rad[0]
    return rotate(normalised(r), normalised(cross(r, v)), -float(swept))


def _turn_between(old: Floats, new: Floats) -> Floats:
    """The smallest rotation (3, 3) that takes one direction into another."""
    axis = cross(old, new)
    sine, cosine = float(np.linalg.norm(axis)), float(old @ new)
    if sine < 1e-12:
        return np.eye(3)
    x, y, z = axis / sine
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + sine * skew + (1.0 - cosine) * skew @ skew)


def _attempt(
    arc: Arc, departure: float, choice: _Choice, branch: int, orbit_end: ApsisEnd, options: SolveOptions
) -> Leg:
    ground = arc.destination
    assert isinstance(ground, EarthGround)
    detour = choice.detour
    injection = departure + (detour.outward_s + detour.inward_s if detour else 0.0)
    arrival = injection + choice.duration_s
    if detour and options.duration_s is not None:
        arrival = departure + options.duration_s
    # after a detour the hyperbola lies in the plane that the second burn made
    lunar_end = ApsisEnd(PlaneFamily.about(detour.hyperbola_normal, 0.0), orbit_end.radius_m) if detour else orbit_end
    entry = EntryEnd(EARTH_RADIUS_M + ground.entry_altitude_m, -abs(ground.entry_flight_path_angle_rad))
    start = (entry.radius_m, abs(ground.entry_flight_path_angle_rad))

    def plane(direction: Floats, swept: float) -> Floats:
        return tilted_normal(direction, choice.tilt_rad)

    guess = tl.patched(-1, arrival, injection, start, plane, lunar_end, branch, choice.v_excess_m_s)
    if guess is None:
        return failure(arc, departure, "No hyperbola leads from this lunar orbit towards the Earth.")
    heading = cross(guess.earth_normal, guess.earth_direction)
    first = entry.parameters(guess.earth_direction, float(guess.climb.start_speed_m_s[0]) * heading)
    side = tl.earth_side(entry, arrival, first, (0, 1, 2, 3), entry=True)
    result, _ = tl.correct(guess, side, lunar_end, injection)
    if not result.converged:
        return failure(arc, departure, result.reason)
    aimed, left = entry.state(result.parameters[0]), lunar_end.state(result.parameters[1])
    paths: tuple[dynamics.Path, ...] = ()
    begin = left
    if detour is None:
        orbit = lunar_end.circular(result.parameters[1], GM_MOON_M3_S2)
        burns = [impulse("tei", departure, left[3:] - orbit[3:])]
    else:
        normal = orbit_end.family.normal(0.0)
        way = connect(normal, orbit_end.radius_m, detour, departure, injection, left[:3])
        if way is None:
            return failure(arc, departure, "The coasts between the three burns did not meet.")
        last = left[3:] - way.arrival_m_s
        burns = [
            impulse("raise", departure, way.raise_m_s),
            impulse("plane_change", way.turn_tdb_s, way.turn_m_s),
            impulse("tei", injection, last),
        ]
        dense = options.samples > 0
        v = way.start[3:] + way.raise_m_s
        up = dynamics.propagate(departure, way.start[:3], v, way.turn_tdb_s, centre="moon", dense=dense)
        down = dynamics.propagate(
            way.turn_tdb_s, up.r_m, up.v_m_s + way.turn_m_s, injection, centre="moon", dense=dense
        )
        paths = (up, down)
        begin = np.concatenate([down.r_m, down.v_m_s + last])
    flight = tl.fly(begin, injection, guess.rim_tdb_s, arrival, -1, dense=options.samples > 0)
    return _leg(arc, departure, arrival, burns, tl.Flight(flight.state, paths + flight.paths), aimed, options)


def _leg(
    arc: Arc,
    departure: float,
    arrival: float,
    burns: list[Burn],
    flight: tl.Flight,
    aimed: Floats,
    options: SolveOptions,
) -> Leg:
    final = flight.state
    miss_m = float(np.linalg.norm(final[:3] - aimed[:3]))
    miss_m_s = float(np.linalg.norm(final[3:] - aimed[3:]))
    if not (miss_m <= 100.0 and miss_m_s <= 0.1):
        return failure(
            arc, departure, f"Flown again in one go, the leg misses entry by {miss_m:.0f} m and {miss_m_s:.2f} m/s."
        )
    latitude, longitude, _ = earth_latitude_longitude(arrival, final[:3])
    speed = float(np.linalg.norm(final[3:]))
    path_angle = math.degrees(math.asin(float(final[:3] @ final[3:]) / speed / float(np.linalg.norm(final[:3]))))
    detail = (
        f"inertial speed {speed:.1f} m/s, flight-path angle {path_angle:.2f} deg, "
        f"latitude {math.degrees(float(latitude)):.1f} deg, longitude {math.degrees(float(longitude)):.1f} deg"
    )
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=departure,
        arrival_tdb_s=arrival,
        converged=True,
        burns=tuple(burns),
        events=(Event("departure", departure), Event("entry", arrival, detail)),
        closure_position_m=miss_m,
        closure_velocity_m_s=miss_m_s,
        approximation="burns are impulses; the landing place is not aimed at",
        trajectory=tl.sample(flight, options.samples),
        final_centre="earth",
        final_state=final,
    )
