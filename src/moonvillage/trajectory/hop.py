"""From one site on the Moon to another without an orbit: boost, ballistic coast, braking.

From half a kilometre to a quarter of the way around, and more. Both burns and the coast between them are one problem
of least propellant (:mod:`~moonvillage.trajectory.convexified`), flown segment by segment in the full model; the
first guess is the cheapest two-body arc between the sites, leaving at an elevation of (180° − ψ)/4 for sites ψ apart
(textbook: Bate, Mueller & White 1971, section 6.2). It rises straight up for some seconds first and ends plumb over
the site.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state
from moonvillage.records.legs import Burn, Event, Leg, Trajectory
from moonvillage.records.places import Arc, MoonSurface
from moonvillage.trajectory.convexified import Phase, Plan
from moonvillage.trajectory.descent import Lander, Moonscape, PoweredFlight, braking_time, design
from moonvillage.trajectory.landing import engine_of
from moonvillage.trajectory.planes import cross, normalised, rotate, triple
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register
from moonvillage.units import STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]

_RISE_S: Final = 4.0
_VERTICAL_M: Final = 20.0
_FALL_M_S: Final = 4.0
_NEAREST_M: Final = 500.0
#: Least share of the full thrust while burning: deep throttling of a landing engine.
_LEAST_THROTTLE: Final = 0.1
_MASS_KG: Final = 1000.0
#: Lengths of the burns in the first guess that are tried one after another, in terms of the likely ones.
_STARTS: Final = (1.0, 1.5, 0.7)


def _ballistic(origin: Floats, goal: Floats) -> tuple[Floats, float]:
    """Velocity (3,) at the start of the cheapest two-body arc between two places, and its time of flight, s.

    The places are taken as on the sphere of the first one's radius; farther than 150° apart, as 150°.
    """
    radius = float(np.linalg.norm(origin))
    up, there = origin / radius, normalised(goal)
    apart = math.acos(max(-1.0, min(1.0, float(up @ there))))
    swept = min(apart, math.radians(150.0))
    level = there - float(there @ up) * up
    level = normalised(level) if float(level @ level) > 1e-16 else normalised(cross(np.array([0.0, 0.0, 1.0]), up))
    half = math.sin(0.5 * swept)
    speed = math.sqrt(GM_MOON_M3_S2 / radius * 2.0 * half / (1.0 + half))
    elevation = 0.25 * (math.pi - swept)
    velocity = speed * (math.sin(elevation) * up + math.cos(elevation) * level)
    semi = 1.0 / (2.0 / radius - speed**2 / GM_MOON_M3_S2)
    momentum = radius * speed * math.cos(elevation)
    eccentricity = math.sqrt(max(0.0, 1.0 - momentum**2 / (GM_MOON_M3_S2 * semi)))
    # from one side of the apolune to the other
    cosine = max(-1.0, min(1.0, (1.0 - radius / semi) / max(eccentricity, 1e-12)))
    anomaly = math.acos(cosine)
    mean = anomaly - eccentricity * math.sin(anomaly)
    return velocity, 2.0 * (math.pi - mean) * math.sqrt(semi**3 / GM_MOON_M3_S2)


def _phases(coast_segments: int, floor_m: float) -> tuple[Phase, ...]:
    """The parts of a hop; nothing before the vertical end goes below ``floor_m``, m above the goal's level."""
    burning = (_LEAST_THROTTLE, 1.0)
    return (
        Phase("boost", 20, burning, floor_m=floor_m),
        Phase("coast", coast_segments, (0.0, 0.0), floor_m=floor_m),
        Phase("braking", 25, burning, floor_m=floor_m),
        Phase(
            "vertical",
            6,
            burning,
            start_height_m=_VERTICAL_M,
            tilt_rad=math.radians(5.0),
            plumb=True,
            fall_m_s=_FALL_M_S,
        ),
    )


def fly_hop(
    origin: MoonSurface, site: MoonSurface, epoch_tdb_s: float, lander: Lander, *, rise_s: float = _RISE_S
) -> PoweredFlight:
    """The hop of least propellant between two sites.

    Parameters
    ----------
    origin, site
        From where to where; 500 m apart or more.
    epoch_tdb_s
        Lift-off, TDB s past J2000.
    lander
        The vehicle, with its mass at lift-off.
    rise_s
        Straight up at full thrust first, s.

    Returns
    -------
    A :class:`~moonvillage.trajectory.descent.PoweredFlight` from the end of the rise on (its ``mass_kg`` begins with
    what is left then); where none was found, one with ``converged`` False and a reason.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves the ephemeris.
    """
    world, craft = Moonscape(site), lander.craft()
    r0, v0 = moon_site_state(epoch_tdb_s, origin.latitude_rad, origin.longitude_rad, origin.height_m)
    push = lander.thrust_n / lander.mass_kg
    gravity = GM_MOON_M3_S2 / float(r0 @ r0)
    if push < 1.2 * gravity:
        return PoweredFlight(False, f"A thrust-to-mass of {push:.2f} m/s² does not lift off the Moon.", site, lander)
    goal = world.goal(epoch_tdb_s)[0]
    apart = float(np.linalg.norm(goal[:3] - r0))
    if apart < _NEAREST_M:
        return PoweredFlight(False, f"The sites are {apart:.0f} m apart; a hop is flown from 500 m on.", site, lander)
    lift = dynamics.Thrust(epoch_tdb_s, push, craft.exhaust_m_s, normalised(r0), np.zeros(3))
    risen = dynamics.propagate(epoch_tdb_s, r0, v0, epoch_tdb_s + rise_s, centre="moon", thrust=lift)
    mass = lander.mass_kg - lander.thrust_n * rise_s / craft.exhaust_m_s
    rest = replace(lander, mass_kg=mass)
    begin = epoch_tdb_s + rise_s
    velocity, flight_s = _ballistic(r0, goal[:3])
    # the goal moves while the craft flies
    velocity, flight_s = _ballistic(r0, world.goal(epoch_tdb_s + flight_s)[0][:3])
    phases = _phases(max(8, min(40, math.ceil(flight_s / 60.0))), min(0.0, origin.height_m - site.height_m))
    found = PoweredFlight(False)
    for share in _STARTS:
        guess = _guess(world, rest, phases, begin, risen.state, velocity, flight_s, share)
        found = design(
            world,
            rest,
            phases,
            guess,
            lambda _: risen.state,
            sliding=False,
            touchdown_m_s=0.0,
            notes=("the ground between the sites is taken as level",),
        )
        if found.converged:
            break
    return found


def _guess(
    world: Moonscape,
    lander: Lander,
    phases: tuple[Phase, ...],
    begin: float,
    start: Floats,
    velocity: Floats,
    flight_s: float,
    share: float,
) -> Plan:
    """The ballistic arc between the ends, with cubics that join it to rest on both sides."""
    craft = lander.craft()
    gravity = GM_MOON_M3_S2 / float(start[:3] @ start[:3])
    speed = float(np.linalg.norm(velocity))
    rising = float(velocity @ normalised(start[:3])) / speed
    lost = 1.0 + gravity * rising / (craft.thrust_n / craft.mass_kg)
    boost = share * braking_time(craft, speed * lost)
    lighter = Lander(craft.mass_kg * math.exp(-speed * lost / craft.exhaust_m_s), lander.thrust_n, lander.isp_s)
    brake = share * braking_time(lighter.craft(), speed * lost)
    vertical = _VERTICAL_M / 2.5
    coast = max(flight_s - 0.5 * (boost + brake), 0.15 * flight_s, 4.0)
    plan = Plan(begin, np.array([boost, coast, brake, vertical]), np.zeros((1, 6)), np.zeros(1), np.zeros((0, 3)))
    epochs, steps = plan.epochs(phases), plan.steps(phases)
    goal, axes = world.goal(float(epochs[-1]))
    top = np.concatenate([goal[:3] + _VERTICAL_M * axes[0], goal[3:] - 2.5 * axes[0]])
    # where on the arc the coast begins and ends: half of each burn counts as flight
    arc = _arc(start[:3], velocity)
    into, out_of = min(0.5 * boost, 0.4 * flight_s), max(flight_s - 0.5 * brake, 0.6 * flight_s)
    marks = np.cumsum([0, *(p.segments for p in phases)])
    states = np.empty((epochs.size, 6))
    for k in range(epochs.size):
        if k <= marks[1]:
            states[k] = _cubic(start, arc(into), boost, k / phases[0].segments)
        elif k <= marks[2]:
            states[k] = arc(into + (out_of - into) * (k - marks[1]) / phases[1].segments)
        elif k <= marks[3]:
            states[k] = _cubic(arc(out_of), top, brake, (k - marks[2]) / phases[2].segments)
        else:
            states[k] = _cubic(top, goal, vertical, (k - marks[3]) / phases[3].segments)
    push = np.diff(states[:, 3:], axis=0) / steps[:, None]
    push -= np.array([world.gravity(r)[0] for r in 0.5 * (states[:-1, :3] + states[1:, :3])])
    push[marks[1] : marks[2]] = 0.0
    size = np.linalg.norm(push, axis=1, keepdims=True)
    push *= np.minimum(1.0, craft.thrust_n / craft.mass_kg / np.maximum(size, 1e-9))
    burnt = np.linalg.norm(push, axis=1) * steps / craft.exhaust_m_s
    log_mass = math.log(craft.mass_kg) - np.concatenate([[0.0], np.cumsum(burnt)])
    return Plan(begin, plan.durations_s, states, log_mass, push)


def _arc(r_m: Floats, v_m_s: Floats) -> Callable[[float], Floats]:
    """A two-body arc as a function of time: seconds after the start → state (6,). Kepler's equation by Newton."""
    radius = float(np.linalg.norm(r_m))
    up = r_m / radius
    normal = normalised(cross(r_m, v_m_s))
    rising = float(v_m_s @ up)
    momentum = float(np.linalg.norm(cross(r_m, v_m_s)))
    semi = 1.0 / (2.0 / radius - float(v_m_s @ v_m_s) / GM_MOON_M3_S2)
    motion = math.sqrt(GM_MOON_M3_S2 / semi**3)
    e_cos, e_sin = 1.0 - radius / semi, radius * rising / math.sqrt(GM_MOON_M3_S2 * semi)
    e = math.hypot(e_cos, e_sin)
    first = math.atan2(e_sin, e_cos)
    first_true = math.atan2(math.sqrt(1.0 - e * e) * math.sin(first), math.cos(first) - e)

    def at(time_s: float) -> Floats:
        mean = first - e * math.sin(first) + motion * time_s
        last = mean + e * math.sin(mean)
        for _ in range(40):
            step = (last - e * math.sin(last) - mean) / (1.0 - e * math.cos(last))
            last -= step
            if abs(step) < 1e-12:
                break
        true = math.atan2(math.sqrt(1.0 - e * e) * math.sin(last), math.cos(last) - e)
        size = semi * (1.0 - e * math.cos(last))
        radial = rotate(up, normal, true - first_true)
        fast = motion * semi**2 / size
        speed_up = fast * e * math.sin(last)
        return np.concatenate([size * radial, speed_up * radial + momentum / size * cross(normal, radial)])

    return at


def _cubic(first: Floats, last: Floats, duration_s: float, s: float) -> Floats:
    """Hermite's cubic between two states, at a share s of the duration."""
    a, b = first[:3], last[:3]
    u, w = first[3:] * duration_s, last[3:] * duration_s
    r = (2 * s**3 - 3 * s**2 + 1) * a + (s**3 - 2 * s**2 + s) * u + (3 * s**2 - 2 * s**3) * b + (s**3 - s**2) * w
    v = (6 * s**2 - 6 * s) * (a - b) + (3 * s**2 - 4 * s + 1) * u + (3 * s**2 - 2 * s) * w
    return np.concatenate([r, v / duration_s])


@register(MoonSurface, MoonSurface)
def solve_hop(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """Rest on one site to rest on another, ballistically."""
    origin, site = arc.origin, arc.destination
    assert isinstance(origin, MoonSurface)
    assert isinstance(site, MoonSurface)
    if options.duration_s is not None:
        return failure(arc, departure_tdb_s, "The duration of a hop is that of the least propellant; leave it free.")
    push, exhaust, notes = engine_of(arc)
    lander = Lander(_MASS_KG, push * _MASS_KG, exhaust / STANDARD_GRAVITY_M_S2, (_LEAST_THROTTLE, 1.0))
    found = fly_hop(origin, site, departure_tdb_s, lander)
    if not found.converged:
        return failure(arc, departure_tdb_s, found.reason)
    start = np.concatenate(
        moon_site_state(departure_tdb_s, origin.latitude_rad, origin.longitude_rad, origin.height_m)
    )
    lift = dynamics.Thrust(departure_tdb_s, push, exhaust, normalised(start[:3]), np.zeros(3))
    names = np.array(found.phase)
    steps = np.diff(found.epoch_tdb_s)
    size = exhaust * np.log(found.mass_kg[:-1] / found.mass_kg[1:])
    thrust = np.linalg.norm(found.thrust_n, axis=1, keepdims=True)
    vectors = np.where(thrust > 0.0, found.thrust_n / np.maximum(thrust, 1e-12), 0.0) * size[:, None]
    boosting, braking = names == "boost", (names == "braking") | (names == "vertical")
    rise = lift.dv_m_s(_RISE_S)
    boost_dv = rise + float(size[boosting].sum())
    brake_tdb = float(found.epoch_tdb_s[:-1][braking][0])
    cutoff = float(found.epoch_tdb_s[:-1][boosting][-1] + steps[boosting][-1])
    arrival = float(found.epoch_tdb_s[-1])
    highest = float(np.linalg.norm(found.states[:, :3], axis=1).max()) - MOON_RADIUS_M - site.height_m
    burns = (
        Burn(
            "ascent",
            departure_tdb_s,
            boost_dv,
            triple(rise * normalised(start[:3]) + vectors[boosting].sum(axis=0)),
            cutoff - departure_tdb_s,
        ),
        Burn(
            "descent",
            brake_tdb,
            float(size[braking].sum()),
            triple(vectors[braking].sum(axis=0)),
            arrival - brake_tdb,
        ),
    )
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=departure_tdb_s,
        arrival_tdb_s=arrival,
        converged=True,
        burns=burns,
        events=(
            Event("lift-off", departure_tdb_s),
            Event("cutoff", cutoff),
            Event(
                "highest",
                float(found.epoch_tdb_s[int(np.argmax(np.linalg.norm(found.states[:, :3], axis=1)))]),
                f"{highest / 1e3:.1f} km",
            ),
            Event("powered descent", brake_tdb),
            Event("touchdown", arrival),
        ),
        closure_position_m=found.closure_position_m,
        closure_velocity_m_s=found.closure_velocity_m_s,
        approximation="; ".join([found.approximation, *notes]),
        trajectory=_track(found, options.samples, start, departure_tdb_s),
        final_centre="moon",
        final_state=found.states[-1].copy(),
    )


def _track(found: PoweredFlight, samples: int, start: Floats, departure: float) -> Trajectory | None:
    """Samples along the hop: the nodes, thinned or filled by the flight itself."""
    if samples <= 0:
        return None
    epochs = np.linspace(float(found.epoch_tdb_s[0]), float(found.epoch_tdb_s[-1]), max(2, samples - 1))
    states = np.vstack([start, *(found.at(float(epoch))[0] for epoch in epochs)])
    return Trajectory("moon", np.concatenate([[departure], epochs]), states[:, :3].copy(), states[:, 3:].copy())
