"""From low Earth orbit straight to a site on the Moon, without a parking orbit: the way of Luna 9 and Surveyor.

The aim at the Moon is the site itself: of the hyperbolas with the arrival's asymptote one comes down on it. The
braking burn is flown backward in the full model: from touchdown up the vertical approach of every landing here
(:func:`~moonvillage.trajectory.landing.gate_of`), then up the burn, whose thrust has a direction with a slow turn.
Direction and duration are three unknowns; with the three of the injection they close the gap at the rim of the Moon's
neighbourhood (:mod:`~moonvillage.trajectory.shooting`). The turn is then chosen for the least Δv. For the geometry of
such landings see "Surveyor I Mission Report", JPL TR 32-1023, 1966.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state
from moonvillage.records.legs import Burn, Event, Leg
from moonvillage.records.places import Arc, EarthOrbit, MoonSurface
from moonvillage.trajectory import translunar as tl
from moonvillage.trajectory.apses import hyperbola_through
from moonvillage.trajectory.conics import climb, escape
from moonvillage.trajectory.landing import APPROACH_S, engine_of, gate_of
from moonvillage.trajectory.lunar import parking_family, parking_hold
from moonvillage.trajectory.planes import ApsisEnd, cross, normalised, planes_through, triple
from moonvillage.trajectory.powered import find_root, thrust_integral
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register
from moonvillage.trajectory.shooting import RIM_M, Side, match
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

_DURATIONS_S: Final = np.arange(2.5, 5.01, 0.125) * DAY_S
#: The flattest approach that is tried, below the horizon of the site.
_FLATTEST_RAD: Final = math.radians(8.0)
_LIMIT: Final = np.array([0.03, 0.03, 30.0, 1e-4])
_TRIES: Final = 4
#: The turn of the thrust that is tried first, rad/s.
_TURN: Final = 1.5e-4


@dataclass(frozen=True, slots=True, eq=False)
class BrakingEnd:
    """The state at ignition of a burn that ends over a site, as a function of the burn.

    Parameters: two angles of the thrust's direction from ``axes`` row 0 (towards rows 1 and 2), the burn's duration
    (s), and the rate at which the direction turns towards row 1 (rad/s). ``ignition_tdb_s`` is fixed.
    """

    site: MoonSurface
    ignition_tdb_s: float
    axes: Floats
    acceleration_m_s2: float
    exhaust_m_s: float

    def thrust(self, parameters: Floats) -> dynamics.Thrust:
        """The burn with ``parameters`` (4,)."""
        one, two, _, turn = (float(p) for p in parameters)
        direction = self.axes[0] + math.tan(one) * self.axes[1] + math.tan(two) * self.axes[2]
        size = math.sqrt(float(direction @ direction))
        return dynamics.Thrust(
            self.ignition_tdb_s,
            self.acceleration_m_s2,
            self.exhaust_m_s,
            direction / size,
            turn * self.axes[1] / size,
        )

    def possible(self, parameters: Floats) -> bool:
        """Whether the burn with ``parameters`` (4,) leaves any mass."""
        return 20.0 < float(parameters[2]) < 0.95 * self.exhaust_m_s / self.acceleration_m_s2

    def state(self, parameters: Floats) -> Floats:
        """(6,) at ignition, ICRF about the Moon, for ``parameters`` (4,); NaN where the burn is impossible."""
        if not self.possible(parameters):
            return np.full(6, np.nan)
        end = self.ignition_tdb_s + float(parameters[2])
        gate = gate_of(self.site, end)[0]
        path = dynamics.propagate(
            end, gate[:3], gate[3:], self.ignition_tdb_s, centre="moon", thrust=self.thrust(parameters)
        )
        return path.state


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """A flight on conics: cost, flight time, parking branch, velocity of arrival relative to the Moon."""

    cost_m_s: float
    duration_s: float
    branch: int
    v_excess_m_s: Floats


def _scan(departure: float, durations: Floats, origin: EarthOrbit, site: MoonSurface) -> list[_Choice]:
    """Conics to the Moon's centre whose arrival comes down on the site, cheapest first."""
    parking = parking_family(origin)
    moon_r, moon_v = de440.load().state("moon", departure + durations)
    distance = np.linalg.norm(moon_r, axis=1)
    start_radius = EARTH_RADIUS_M + origin.altitude_m
    arcs = climb(start_radius, 0.0, distance, durations)
    normals, margin = planes_through(parking, moon_r / distance[:, None])
    v = tl.excess_velocity(moon_r, moon_v, arcs, normals, +1)
    circular = math.sqrt(GM_EARTH_M3_S2 / start_radius)
    rows = []
    for branch, k in np.ndindex(2, durations.size):
        if not arcs.valid[k]:
            continue
        place = moon_site_state(departure + float(durations[k]), site.latitude_rad, site.longitude_rad)[0]
        fall = hyperbola_through(place, v[branch, k][None, :], GM_MOON_M3_S2)[0]
        speed = float(np.linalg.norm(fall))
        steep = math.asin(max(-1.0, min(1.0, -float(fall @ place) / speed / float(np.linalg.norm(place)))))
        if not steep > _FLATTEST_RAD:
            continue
        turn = max(0.0, -float(margin[k]))
        injection = float(arcs.start_speed_m_s[k]) - circular + turn**2 * circular
        # a steep fall costs gravity over the burn, whose length goes with the speed
        cost = injection + speed * (1.0 + 0.15 * math.sin(steep))
        rows.append(_Choice(cost, float(durations[k]), branch, v[branch, k]))
    rows.sort(key=lambda row: row.cost_m_s)
    return rows


def _first_burn(end: BrakingEnd, fall: Floats, wanted: Floats) -> Floats | None:
    """The burn whose ignition state has the wanted asymptotic velocity, (4,); None if none was found."""
    speed = float(np.linalg.norm(fall))
    c, a = end.exhaust_m_s, end.acceleration_m_s2
    duration = -c / a * math.expm1(-1.1 * speed / c)

    def miss(x: Floats) -> Floats | None:
        state = end.state(np.array([x[0], x[1], x[2], 0.0]))
        if not np.all(np.isfinite(state)):
            return None
        back = _incoming(state)
        return None if back is None else np.asarray((back - wanted) / 100.0)

    for tilt in (0.15, 0.0, 0.35):
        found = find_root(miss, np.array([tilt, 0.0, duration]), np.array([0.2, 0.2, 80.0]), 1e-4)
        if found is not None:
            return np.array([found[0], found[1], found[2], 0.0])
    return None


def _incoming(state: Floats) -> Floats | None:
    """Asymptotic velocity (3,) with which a hyperbolic state about the Moon came in; None for an ellipse."""
    r, v = state[:3], state[3:]
    size = math.sqrt(float(r @ r))
    energy = 0.5 * float(v @ v) - GM_MOON_M3_S2 / size
    if energy <= 1.0:
        return None
    h = cross(r, v)
    e_vector = cross(v, h) / GM_MOON_M3_S2 - r / size
    e = math.sqrt(float(e_vector @ e_vector))
    axis = e_vector / e
    across = cross(normalised(h), axis)
    return np.asarray(math.sqrt(2.0 * energy) * (axis / e + math.sqrt(max(0.0, 1.0 - 1.0 / e**2)) * across))


@register(EarthOrbit, MoonSurface)
def solve_direct(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """Translunar injection, coast, and one burn down to rest on a site."""
    origin, site = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(site, MoonSurface)
    acceleration, exhaust, notes = engine_of(arc)
    durations = _DURATIONS_S if options.duration_s is None else np.array([options.duration_s])
    rows = _scan(departure_tdb_s, durations, origin, site)
    if not rows:
        return failure(
            arc,
            departure_tdb_s,
            "No flight from the Earth comes down on this site from 8 deg or more above its horizon; land from orbit.",
        )
    first = rows[0]
    spread = [row for row in rows if abs(row.duration_s - first.duration_s) > 0.4 * DAY_S]
    reason = ""
    for choice in [first, *rows[1:2], *spread[: _TRIES - 2]]:
        leg = _attempt(arc, departure_tdb_s, choice, acceleration, exhaust, notes, options)
        if leg.converged:
            return leg
        reason = reason or leg.reason
    return failure(arc, departure_tdb_s, reason)


def _attempt(
    arc: Arc,
    departure: float,
    choice: _Choice,
    acceleration: float,
    exhaust: float,
    notes: list[str],
    options: SolveOptions,
) -> Leg:
    origin, site = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(site, MoonSurface)
    earth_end = ApsisEnd(parking_family(origin), EARTH_RADIUS_M + origin.altitude_m)
    # in all, the flight takes what was asked for: the burn and the approach come last
    speed = math.sqrt(float(choice.v_excess_m_s @ choice.v_excess_m_s) + 2.0 * GM_MOON_M3_S2 / MOON_RADIUS_M)
    burning = -exhaust / acceleration * math.expm1(-1.1 * speed / exhaust)
    ignition = departure + choice.duration_s - burning - APPROACH_S
    place = moon_site_state(ignition + burning, site.latitude_rad, site.longitude_rad, site.height_m)[0]
    v_relative = choice.v_excess_m_s
    ephemeris = de440.load()
    end: BrakingEnd | None = None
    burn: Floats | None = None
    held = None
    rim_tdb, rim_offset = departure, np.zeros(3)
    for turn in range(4):
        square = float(v_relative @ v_relative) - (2.0 * GM_MOON_M3_S2 / RIM_M if turn else 0.0)
        wanted = normalised(v_relative) * math.sqrt(max(square, 250.0**2))
        if turn:
            wanted = _unbend(v_relative, rim_offset, wanted)
        fall = hyperbola_through(place, wanted[None, :], GM_MOON_M3_S2)[0]
        if float(fall @ place) > -math.sin(0.5 * _FLATTEST_RAD) * float(np.linalg.norm(fall) * np.linalg.norm(place)):
            return failure(arc, departure, "The approach to the site is too flat.")
        back = -normalised(fall)
        lift = normalised(place) - float(normalised(place) @ back) * back
        side = lift if float(lift @ lift) > 1e-6 else cross(back, np.array([0.3, 0.5, 0.8]))
        axes = np.stack([back, normalised(side), cross(back, normalised(side))])
        end = BrakingEnd(site, ignition, axes, acceleration, exhaust)
        burn = _first_burn(end, fall, wanted)
        if burn is None:
            return failure(arc, departure, "The braking burn did not converge; the thrust may be too small.")
        state = end.state(burn)
        out = escape(state[:3], -state[3:], RIM_M)
        if out is None:
            return failure(arc, departure, "The approach to the site does not come from afar.")
        rim_tdb = ignition - out[0]
        moon_r, moon_v = ephemeris.state("moon", rim_tdb)
        rim_offset = out[1]
        rim = moon_r + rim_offset
        arcs = climb(earth_end.radius_m, 0.0, float(np.linalg.norm(rim)), np.array([rim_tdb - departure]))
        direction = normalised(rim)
        swept = float(arcs.angle_rad[0])
        held = parking_hold(earth_end.family, direction, swept, choice.branch)
        if held is None:
            return failure(arc, departure, "The parking orbit does not reach the Moon's declination.")
        normal = held.conic_normal
        v_relative = arcs.radial_m_s[0] * direction + arcs.transverse_m_s[0] * cross(normal, direction) - moon_v
    assert end is not None
    assert burn is not None
    assert held is not None
    start = np.array([held.psi, held.omega, float(arcs.start_speed_m_s[0]), held.beta, 0.0])
    earth = tl.earth_side(earth_end, departure, start, held.free, entry=False)

    def close(turn_rate: float, earth_guess: Floats, burn_guess: Floats) -> tuple[Floats, Floats] | str:
        moved = burn_guess.copy()
        moved[3] = turn_rate
        near = Side(earth_end, "earth", departure, earth_guess, earth.free, earth.limit)
        far = Side(end, "moon", ignition, moved, (0, 1, 2), _LIMIT)
        found = match((near, far), rim_tdb)
        return found.parameters if found.converged else found.reason

    best = close(0.0, start, burn)
    if isinstance(best, str):
        return failure(arc, departure, best)
    best = _least(close, best)
    return _leg(arc, departure, earth_end, end, best, rim_tdb, notes, options)


def _unbend(v_rim: Floats, r_rim: Floats, wanted: Floats) -> Floats:
    """The asymptotic velocity of the conic that passes the rim at r with v; as given where it is no hyperbola."""
    found = _incoming(np.concatenate([r_rim, v_rim]))
    return wanted if found is None else found


def _least(close: object, best: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """Choose the rate of turn for the shortest burn, by a parabola through three."""
    assert callable(close)
    trials = [(0.0, best)]
    for rate in (_TURN, -_TURN):
        found = close(rate, best[0], best[1])
        if not isinstance(found, str):
            trials.append((rate, found))
    if len(trials) == 3:
        rates = np.array([t[0] for t in trials])
        times = np.array([float(t[1][1][2]) for t in trials])
        curve = np.polyfit(rates, times, 2)
        if curve[0] > 0.0:
            rate = float(np.clip(-0.5 * curve[1] / curve[0], -8.0 * _TURN, 8.0 * _TURN))
            near = min(trials, key=lambda t: abs(t[0] - rate))[1]
            steps = max(1, math.ceil(abs(rate - float(near[1][3])) / (3.0 * _TURN)))
            origin = float(near[1][3])
            for k in range(1, steps + 1):
                found = close(origin + (rate - origin) * k / steps, near[0], near[1])
                if isinstance(found, str):
                    break
                near = found
                trials.append((float(near[1][3]), near))
    return min(trials, key=lambda t: float(t[1][1][2]))[1]


def _leg(
    arc: Arc,
    departure: float,
    earth_end: ApsisEnd,
    end: BrakingEnd,
    solved: tuple[Floats, Floats],
    rim_tdb: float,
    notes: list[str],
    options: SolveOptions,
) -> Leg:
    site, dense = end.site, options.samples > 0
    start = earth_end.state(solved[0])
    parked = earth_end.circular(solved[0], GM_EARTH_M3_S2)
    injection = start[3:] - parked[3:]
    flight = tl.fly(start, departure, rim_tdb, end.ignition_tdb_s, +1, dense=dense)
    duration = float(solved[1][2])
    braking = end.thrust(solved[1])
    gate_tdb = end.ignition_tdb_s + duration
    approach = gate_of(site, gate_tdb)[1]
    touchdown = gate_tdb + APPROACH_S
    if not np.all(np.isfinite(flight.state)):
        return failure(arc, departure, "The leg runs into the Moon before it brakes.")
    down = dynamics.propagate(
        end.ignition_tdb_s,
        flight.state[:3],
        flight.state[3:],
        gate_tdb,
        centre="moon",
        thrust=braking,
        dense=True,
    )
    last = dynamics.propagate(gate_tdb, down.r_m, down.v_m_s, touchdown, centre="moon", thrust=approach, dense=dense)
    aim = np.concatenate(moon_site_state(touchdown, site.latitude_rad, site.longitude_rad, site.height_m))
    miss, miss_speed = (float(np.linalg.norm(x)) for x in np.split(last.state - aim, 2))
    if not (miss <= 100.0 and miss_speed <= 0.1):
        return failure(
            arc,
            departure,
            f"Flown again in one go, the leg misses its site by {miss:.0f} m and {miss_speed:.2f} m/s.",
        )
    lowest = _lowest(flight.state, down) - MOON_RADIUS_M - site.height_m
    net = thrust_integral(braking, duration) + thrust_integral(approach, APPROACH_S)
    powered = braking.dv_m_s(duration) + approach.dv_m_s(APPROACH_S)
    speed = float(np.linalg.norm(start[3:]))
    steep = math.degrees(math.asin(-float(flight.state[:3] @ flight.state[3:]) / _size(flight.state)))
    height = float(np.linalg.norm(flight.state[:3])) - MOON_RADIUS_M
    said = ["the injection is an impulse", "the thrust turns evenly", *notes]
    if lowest < -1.0:
        said.append(f"the way down dips {-lowest:.0f} m below the site's level")
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=departure,
        arrival_tdb_s=touchdown,
        converged=True,
        burns=(
            Burn("tli", departure, float(np.linalg.norm(injection)), triple(injection)),
            Burn("descent", end.ignition_tdb_s, powered, triple(net), touchdown - end.ignition_tdb_s),
        ),
        events=(
            Event("departure", departure),
            Event("powered descent", end.ignition_tdb_s, f"{height / 1e3:.0f} km, falling at {steep:.0f} deg"),
            Event("touchdown", touchdown),
        ),
        c3_m2_s2=speed**2 - 2.0 * GM_EARTH_M3_S2 / earth_end.radius_m,
        closure_position_m=miss,
        closure_velocity_m_s=miss_speed,
        approximation="; ".join(said),
        trajectory=tl.sample(tl.Flight(last.state, (*flight.paths, down, last)), options.samples),
        final_centre="moon",
        final_state=last.state,
    )


def _size(state: Floats) -> float:
    return float(np.linalg.norm(state[:3]) * np.linalg.norm(state[3:]))


def _lowest(start: Floats, path: dynamics.Path) -> float:
    """Least distance from the Moon's centre along a burn, m."""
    ends = [float(np.linalg.norm(start[:3])), float(np.linalg.norm(path.r_m))]
    if path.pieces:
        ends += [float(x) for x in np.linalg.norm(path.at(path.step_epochs())[:, :3], axis=1)]
    return min(ends)
