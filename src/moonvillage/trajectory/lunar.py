"""Low Earth orbit to low lunar orbit: translunar injection and lunar-orbit insertion, both impulsive.

The flight time is chosen on conics through the Moon's centre, the guess patches conics at 60,000 km, and both ends
are shot towards one another in the n-body model (``shooting``). The parking orbit's node and phase are free, so the
departure is at the requested instant. Where the parking orbit's inclination is too low for the Moon's declination
(or the lunar orbit's for the arrival direction), the plane is kept and the burn turns out of it, at its price; where
even that cannot reach, the parking orbit is first tilted by a burn of its own ("plane_change"). Into a given plane,
three burns over a day ("loi", "plane_change", "circularisation"; see ``three_burn``) are flown if they are cheaper.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state, unit
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.records.legs import Burn, Event, Leg
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit
from moonvillage.trajectory import translunar as tl
from moonvillage.trajectory.conics import climb
from moonvillage.trajectory.planes import ApsisEnd, PlaneFamily, planes_through, triple
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register
from moonvillage.trajectory.three_burn import PERIOD_S, Detour, best_detour, connect
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

_DURATIONS_S: Final = np.arange(3.0, 5.51, 0.125) * DAY_S
#: A leg that costs so much more than on conics sends the solver to look for a better one.
SURPRISE_M_S: Final = 60.0
#: Farther off the plane of a parking orbit with a given node, no injection is looked for.
_NODE_REACH_RAD: Final = math.radians(4.0)
#: Three burns must save so much to be flown instead of one.
_WORTH_M_S: Final = 60.0
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
        site, _ = moon_site_state(epoch_tdb_s + orbit.over_after_s, orbit.over.latitude_rad, orbit.over.longitude_rad)
        return PlaneFamily.about(unit(site), 0.5 * np.pi)
    inclination = 0.5 * np.pi if orbit.inclination_rad is None else orbit.inclination_rad
    return PlaneFamily.about(moon_me_matrix(epoch_tdb_s)[2], inclination)


def parking_hold(family: PlaneFamily, direction: Floats, swept_rad: float, branch: int) -> tl.Hold | None:
    """Where on the parking orbits the injection lies; None if none of them can send a craft that way.

    ``direction`` (3,), a unit vector.
    """
    _, margin = family.containing(direction)
    if margin > tl.MARGIN_RAD:
        return tl.hold(family, direction, swept_rad, branch)
    if family.angle_rad > 0.0:
        return tl.hold_low(family, direction, swept_rad)
    held = tl.hold(family, direction, swept_rad, branch)
    return held if abs(held.beta) < 0.5 * np.pi else None


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """A flight to try: its cost on conics, duration, parking branch, tilted parking inclination, excess velocity."""

    cost_m_s: float
    duration_s: float
    branch: int
    tilt_rad: float
    v_excess_m_s: Floats
    detour: Detour | None = None


def _scan(
    departure: float, durations: Floats, origin: EarthOrbit, lunar: PlaneFamily, lunar_radius: float
) -> list[Choice]:
    """Conics to the Moon's centre, cheapest first."""
    start_radius = EARTH_RADIUS_M + origin.altitude_m
    parking = parking_family(origin)
    moon_r, moon_v = de440.load().state("moon", departure + durations)
    distance = np.linalg.norm(moon_r, axis=1)
    arcs = climb(start_radius, 0.0, distance, durations)
    directions = moon_r / distance[:, None]
    normals, margin = planes_through(parking, directions)
    circular = np.sqrt(GM_EARTH_M3_S2 / start_radius)
    extra = np.zeros(durations.size)
    turn = np.zeros(durations.size)
    tilt = np.zeros(durations.size)
    for k in np.flatnonzero(margin <= tl.MARGIN_RAD):
        held = parking_hold(parking, directions[k], float(arcs.angle_rad[k]), 0)
        change = float(-margin[k]) + 2.0 * tl.MARGIN_RAD
        by_tilt = 2.0 * circular * np.sin(0.5 * change) if parking.angle_rad > 0.0 else np.inf
        if held is not None and 0.5 * held.beta**2 * arcs.start_speed_m_s[k] < by_tilt:
            turn[k] = held.beta
            normals[:, k] = held.conic_normal
        elif np.isfinite(by_tilt):
            extra[k], tilt[k] = by_tilt, change
        else:
            extra[k] = np.inf
    v = tl.excess_velocity(moon_r, moon_v, arcs, normals, +1)  # (2, n, 3)
    size = np.linalg.norm(v, axis=-1)
    speed = arcs.start_speed_m_s
    injection = np.sqrt(speed**2 + circular**2 - 2.0 * speed * circular * np.cos(turn)) + extra
    _, lunar_margin = planes_through(lunar, (v / size[..., None]).reshape(-1, 3))
    out = np.maximum(0.0, -lunar_margin).reshape(size.shape)
    cost = np.where(arcs.valid, injection + tl.apsis_dv(lunar_radius, size, out), np.inf)
    rows = [
        Choice(float(cost[branch, k]), float(durations[k]), branch, float(tilt[k]), v[branch, k])
        for branch, k in np.ndindex(*cost.shape)
        if np.isfinite(cost[branch, k])
    ]
    rows.sort(key=lambda row: row.cost_m_s)
    if lunar.angle_rad == 0.0 and rows:
        rows = _with_detour(rows, injection, durations, v, arcs.valid, tilt, lunar, lunar_radius) + rows
    return rows


def _with_detour(
    rows: list[Choice],
    injection: Floats,
    durations: Floats,
    v: Floats,
    valid: NDArray[np.bool_],
    tilt: Floats,
    lunar: PlaneFamily,
    lunar_radius: float,
) -> list[Choice]:
    """The cheapest arrival in three burns into a given plane, if it is worth the day it takes."""
    keep = [(branch, k) for branch in (0, 1) for k in np.flatnonzero(valid & np.isfinite(injection))]
    if not keep:
        return []
    detour = best_detour(-lunar.normal(0.0), lunar_radius, -np.stack([v[branch, k] for branch, k in keep]))
    if detour is None:
        return []
    branch, k = keep[detour.index]
    cost = float(injection[k]) + detour.dv_m_s
    if cost > rows[0].cost_m_s - _WORTH_M_S:
        return []
    return [Choice(cost, float(durations[k]), branch, float(tilt[k]), v[branch, k], detour)]


def scan_fixed(
    departure: float, duration: float, origin: EarthOrbit, lunar: PlaneFamily, lunar_radius: float
) -> list[Choice]:
    """Flights that take a given time in all: the coasts of a detour are part of it."""
    rows = [
        row
        for row in _scan(departure, np.array([duration]), origin, lunar, lunar_radius)
        if row.detour is None  # those would arrive later
    ]
    coasts, longer = PERIOD_S, None
    for _ in range(3):
        if lunar.angle_rad > 0.0 or duration - coasts < _DURATIONS_S[0]:
            return rows
        found = _scan(departure, np.array([duration - coasts]), origin, lunar, lunar_radius)
        if not found or found[0].detour is None:
            return rows
        detour = found[0].detour
        longer = replace(found[0], duration_s=duration - detour.outward_s - detour.inward_s)
        if abs(detour.outward_s + detour.inward_s - coasts) < 600.0:
            break
        coasts = detour.outward_s + detour.inward_s
    if longer is not None and not (rows and rows[0].cost_m_s < longer.cost_m_s + _WORTH_M_S):
        rows.insert(0, longer)
    return rows


@register(EarthOrbit, MoonOrbit)
def solve_leo_to_llo(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """Translunar injection from a circular parking orbit, coast, insertion into a circular lunar orbit."""
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(target, MoonOrbit)
    durations = _DURATIONS_S if options.duration_s is None else np.array([options.duration_s])
    middle = departure_tdb_s + float(durations.mean())
    lunar = lunar_family(target, middle, options.plane_normal)
    radius = MOON_RADIUS_M + target.altitude_m
    if options.duration_s is None:
        rows = _scan(departure_tdb_s, durations, origin, lunar, radius)
    else:
        rows = scan_fixed(departure_tdb_s, options.duration_s, origin, lunar, radius)
    if origin.raan_rad is not None:
        moon = de440.load().position("moon", departure_tdb_s + durations)
        off = np.abs(np.arcsin(moon @ parking_family(origin).axis / np.linalg.norm(moon, axis=1)))
        if float(off.min()) > _NODE_REACH_RAD:
            return failure(
                arc,
                departure_tdb_s,
                f"The Moon passes {math.degrees(float(off.min())):.0f} deg off the plane of the parking orbit, whose "
                "node is given; leave the node free, or depart when the plane holds the Moon, twice a month.",
            )
    if not rows:
        return failure(
            arc, departure_tdb_s, "No ellipse from this parking orbit reaches the Moon in the given flight time."
        )
    first = rows[0]
    spread = [row for row in rows if abs(row.duration_s - first.duration_s) > 0.4 * DAY_S]
    choices = [first, *spread[:1], *rows[1:2], *spread[1:2]]
    if origin.raan_rad is None:  # more tilt: the way in may need a steeper plane than the Moon's centre does
        choices += [replace(first, tilt_rad=first.tilt_rad + extra) for extra in np.deg2rad([4.0, 8.0])]
    best: Leg | None = None
    reasons: list[str] = []
    for choice in choices:
        for lunar_branch in (0, 1):
            leg = _attempt(arc, departure_tdb_s, choice, lunar_branch, options)
            if not leg.converged:
                reasons.append(leg.reason)
                continue
            if best is None or leg.dv_m_s < best.dv_m_s:
                best = leg
            if best.dv_m_s < first.cost_m_s + SURPRISE_M_S:
                return best
            break
    return best or failure(arc, departure_tdb_s, f"{reasons[0]} ({len(reasons)} guesses were tried.)")


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A guess, ready to be corrected: both ends, the Earth end's parameters and those of them that may move."""

    choice: Choice
    arrival_tdb_s: float
    earth_end: ApsisEnd
    lunar_end: ApsisEnd
    orbit_end: ApsisEnd
    guess: tl.Guess
    first: Floats
    free: tuple[int, ...]


def prepare(arc: Arc, departure: float, choice: Choice, lunar_branch: int, options: SolveOptions) -> Prepared | None:
    """The patched conics of a choice; None if the parking orbit does not reach the Moon's declination."""
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(target, MoonOrbit)
    arrival = departure + choice.duration_s
    family = parking_family(origin)
    if choice.tilt_rad > 0.0:
        up = 1.0 if origin.inclination_rad < 0.5 * np.pi else -1.0
        family = PlaneFamily.about(family.axis, family.angle_rad + up * choice.tilt_rad)
    earth_end = ApsisEnd(family, EARTH_RADIUS_M + origin.altitude_m)
    detour = choice.detour
    orbit_end = ApsisEnd(lunar_family(target, arrival, options.plane_normal), MOON_RADIUS_M + target.altitude_m)
    lunar_end = (
        ApsisEnd(PlaneFamily.about(-detour.hyperbola_normal, 0.0), orbit_end.radius_m) if detour else orbit_end
    )
    last: list[tl.Hold] = []

    def plane(direction: Floats, swept: float) -> Floats | None:
        held = parking_hold(earth_end.family, direction, swept, choice.branch)
        if held is None:
            return None
        last.append(held)
        return held.conic_normal

    start = (earth_end.radius_m, 0.0)
    guess = tl.patched(+1, departure, arrival, start, plane, lunar_end, lunar_branch, choice.v_excess_m_s)
    if guess is None:
        return None
    held = last[-1]
    first = np.array([held.psi, held.omega, float(guess.climb.start_speed_m_s[0]), held.beta, 0.0])
    return Prepared(choice, arrival, earth_end, lunar_end, orbit_end, guess, first, held.free)


def _attempt(arc: Arc, departure: float, choice: Choice, lunar_branch: int, options: SolveOptions) -> Leg:
    made = prepare(arc, departure, choice, lunar_branch, options)
    if made is None:
        return failure(arc, departure, "The parking orbit does not reach the Moon's declination.")
    side = tl.earth_side(made.earth_end, departure, made.first, made.free, entry=False)
    result, _ = tl.correct(made.guess, side, made.lunar_end, made.arrival_tdb_s)
    if not result.converged:
        return failure(arc, departure, result.reason)
    rim = made.guess.rim_tdb_s
    flown = _Flown(departure, made.arrival_tdb_s, rim, made.earth_end, made.lunar_end, result.parameters)
    return _leg(arc, choice, flown, made.orbit_end, options)


@dataclass(frozen=True, slots=True, eq=False)
class _Flown:
    """A corrected transfer: epochs of departure, perilune and rim; both ends and their parameters."""

    departure: float
    perilune: float
    rim: float
    earth_end: ApsisEnd
    lunar_end: ApsisEnd
    parameters: tuple[Floats, Floats]


def _leg(arc: Arc, choice: Choice, flown: _Flown, orbit_end: ApsisEnd, options: SolveOptions) -> Leg:
    departure, detour, dense = flown.departure, choice.detour, options.samples > 0
    start = flown.earth_end.state(flown.parameters[0])
    parked = flown.earth_end.circular(flown.parameters[0], GM_EARTH_M3_S2)
    aimed = flown.lunar_end.state(flown.parameters[1])
    injection = start[3:] - parked[3:]
    flight = tl.fly(start, departure, flown.rim, flown.perilune, +1, dense=dense)
    burns = [Burn("tli", departure, float(np.linalg.norm(injection)), triple(injection))]
    if detour is None:
        arrival = flown.perilune
        orbit = flown.lunar_end.circular(flown.parameters[1], GM_MOON_M3_S2)
        last = orbit[3:] - aimed[3:]
        burns.append(Burn("loi", arrival, float(np.linalg.norm(last)), triple(last)))
    else:
        arrival = flown.perilune + detour.inward_s + detour.outward_s
        normal = orbit_end.family.normal(0.0)
        way = connect(normal, orbit_end.radius_m, detour, arrival, flown.perilune, aimed[:3])
        if way is None:
            return failure(arc, departure, "The coasts between the three burns did not meet.")
        orbit, last = way.start, -way.raise_m_s
        capture, turn = way.arrival_m_s - aimed[3:], -way.turn_m_s
        burns += [
            Burn("loi", flown.perilune, float(np.linalg.norm(capture)), triple(capture)),
            Burn("plane_change", way.turn_tdb_s, float(np.linalg.norm(turn)), triple(turn)),
            Burn("circularisation", arrival, float(np.linalg.norm(last)), triple(last)),
        ]
        r, v = flight.state[:3], flight.state[3:] + capture
        up = dynamics.propagate(flown.perilune, r, v, way.turn_tdb_s, centre="moon", dense=dense)
        down = dynamics.propagate(way.turn_tdb_s, up.r_m, up.v_m_s + turn, arrival, centre="moon", dense=dense)
        flight = tl.Flight(down.state, (*flight.paths, up, down))
    final = flight.state + np.concatenate([np.zeros(3), last])
    miss_m = float(np.linalg.norm(final[:3] - orbit[:3]))
    miss_m_s = float(np.linalg.norm(final[3:] - orbit[3:]))
    if not (miss_m <= 100.0 and miss_m_s <= 0.1):
        return failure(
            arc,
            departure,
            f"Flown again in one go, the leg misses its orbit by {miss_m:.0f} m and {miss_m_s:.2f} m/s.",
        )
    speed = float(np.linalg.norm(start[3:]))
    approximation = "burns are impulses"
    if choice.tilt_rad > 0.0:
        parked_speed = float(np.linalg.norm(parked[3:]))
        pole = math.copysign(2.0 * parked_speed * math.sin(0.5 * choice.tilt_rad), float(parked[5]) or 1.0)
        burns.insert(0, Burn("plane_change", departure, abs(pole), (0.0, 0.0, pole)))
        approximation += (
            f"; the parking orbit is tilted by {math.degrees(choice.tilt_rad):.1f} deg at a node just before, "
            "which is priced but not flown"
        )
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=departure,
        arrival_tdb_s=arrival,
        converged=True,
        burns=tuple(burns),
        events=(
            Event("departure", departure),
            Event("perilune", flown.perilune, f"{(orbit_end.radius_m - MOON_RADIUS_M) / 1e3:.1f} km"),
            Event("arrival", arrival),
        ),
        c3_m2_s2=speed**2 - 2.0 * GM_EARTH_M3_S2 / flown.earth_end.radius_m,
        closure_position_m=miss_m,
        closure_velocity_m_s=miss_m_s,
        approximation=approximation,
        trajectory=tl.sample(flight, options.samples),
        final_centre="moon",
        final_state=final,
    )
