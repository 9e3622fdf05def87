"""Low lunar orbit to a site and back: descent-orbit insertion and powered descent; powered ascent and insertion.

Everything is flown in the full model about the Moon (8 × 8 field, Earth, Sun), burns of the lander's engine as finite
thrust with falling mass. The phase on the orbit is free: the first burn is at the requested instant, at the point of
the orbit from which the site comes up next. Where the site lies off the orbit's plane by more than 0.3°, an impulse
a quarter revolution away turns the plane onto it, at its price; less is taken up by the steering.

Descent: down to a perilune 15 km high, there constant thrust with linear-tangent steering to a gate 1 km over the
site, then 40 s of throttled vertical approach. Ascent: 10 s of vertical rise, constant thrust into an ellipse of
15 km perilune whose apolune is the target's altitude, and an impulse there.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state
from moonvillage.records.legs import Burn, Event, Leg, Trajectory
from moonvillage.records.places import Arc, MoonOrbit, MoonSurface
from moonvillage.trajectory import powered
from moonvillage.trajectory.lunar import lunar_family
from moonvillage.trajectory.planes import PlaneFamily, cross, normalised, rotate, triple
from moonvillage.trajectory.powered import PERILUNE_M, Segment
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register
from moonvillage.units import STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]

_PLANE_SLACK_RAD: Final = float(np.deg2rad(0.3))
#: The approach from the gate: net deceleration and duration; 1000 m high and 50 m/s at its start.
APPROACH_M_S2: Final = 1.25
APPROACH_S: Final = 40.0
_RISE_S: Final = 10.0
#: More thrust than this is throttled off in the descent: from 15 km it would only lengthen the fall.
DESCENT_MOST_M_S2: Final = 4.5
#: More is throttled off in the ascent too: it would turn before it is up.
_ASCENT_MOST_M_S2: Final = 10.0
_ZERO: Final = np.zeros(3)


def engine_of(arc: Arc) -> tuple[float, float, list[str]]:
    """Initial acceleration, exhaust speed, and what was assumed."""
    notes = []
    acceleration, isp = arc.thrust_to_mass_m_s2, arc.isp_s
    if acceleration is None:
        acceleration = powered.DEFAULT_THRUST_TO_MASS_M_S2
        notes.append(f"thrust-to-mass of {acceleration} m/s² assumed")
    if isp is None:
        isp = powered.DEFAULT_ISP_S
        notes.append(f"specific impulse of {isp:.0f} s assumed")
    return acceleration, isp * STANDARD_GRAVITY_M_S2, notes


def _plane_over(
    orbit: MoonOrbit, site: Floats, epoch_tdb_s: float, plane_normal: tuple[float, float, float] | None
) -> tuple[Floats, float]:
    """The orbit's normal and the angle (rad) by which the site lies off its plane (positive: towards n)."""
    if plane_normal is not None:
        normal = np.array(plane_normal)
    elif orbit.inclination_rad is None:  # any plane over the site: the one of least inclination
        pole = lunar_family(MoonOrbit("", 0.0, 0.0), epoch_tdb_s).axis
        tilted = pole - float(pole @ site) * site
        normal = normalised(tilted) if float(tilted @ tilted) > 1e-12 else PlaneFamily.about(site, 0.5 * np.pi).a
    else:
        family = lunar_family(orbit, epoch_tdb_s)
        normal = family.normal(family.containing(site)[0][0])
    return normal, math.asin(max(-1.0, min(1.0, float(normal @ site))))


def _samples(paths: list[dynamics.Path], count: int) -> Trajectory | None:
    if count <= 0:
        return None
    own = np.unique(np.concatenate([path.step_epochs() for path in paths]))
    epochs = np.unique(np.interp(np.linspace(0.0, own.size - 1.0, max(2, count)), np.arange(own.size), own))
    edges = np.array([path.epoch_tdb_s for path in paths[:-1]])
    owner = np.searchsorted(edges, epochs, side="left")
    states = np.concatenate([path.at(epochs[owner == k]) for k, path in enumerate(paths)])
    return Trajectory("moon", epochs, states[:, :3].copy(), states[:, 3:].copy())


@register(MoonOrbit, MoonSurface)
def solve_descent(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """Circular lunar orbit to rest on a site."""
    orbit, site = arc.origin, arc.destination
    assert isinstance(orbit, MoonOrbit)
    assert isinstance(site, MoonSurface)
    perilune = PERILUNE_M + max(0.0, site.height_m)
    if orbit.altitude_m < perilune + 2_000.0:
        return failure(
            arc, departure_tdb_s, f"The orbit is lower than the descent's start at {perilune / 1e3:.0f} km."
        )
    acceleration, exhaust, notes = engine_of(arc)
    if acceleration > DESCENT_MOST_M_S2:
        notes.append(f"engine throttled to {DESCENT_MOST_M_S2} m/s² at the start of the descent")
        acceleration = DESCENT_MOST_M_S2
    radius, low = MOON_RADIUS_M + orbit.altitude_m, MOON_RADIUS_M + perilune
    semi = 0.5 * (radius + low)
    circular = math.sqrt(GM_MOON_M3_S2 / radius)
    slow_down = circular - math.sqrt(GM_MOON_M3_S2 * (2.0 / radius - 1.0 / semi))
    fall = math.pi * math.sqrt(semi**3 / GM_MOON_M3_S2)
    fast = math.sqrt(GM_MOON_M3_S2 * (2.0 / low - 1.0 / semi))
    gate_height = site.height_m + 0.5 * APPROACH_M_S2 * APPROACH_S**2
    guess = powered.planar_guess(
        perilune, 0.0, fast, (gate_height, -APPROACH_M_S2 * APPROACH_S, 0.0), acceleration, exhaust, -1.0
    )
    if guess is None:
        return failure(
            arc,
            departure_tdb_s,
            f"A thrust-to-mass of {acceleration:.2f} m/s² does not land from {perilune / 1e3:.0f} km.",
        )
    a, b, burning, swept = guess
    rate = circular / radius
    landing = departure_tdb_s + fall + burning + APPROACH_S
    normal, off = _plane_over(orbit, _direction(site, landing), landing, options.plane_normal)
    turned = abs(off) > _PLANE_SLACK_RAD
    wait = (0.5 * math.pi - swept) / rate if turned else 0.0
    while turned and wait < 30.0:
        wait += 2.0 * math.pi / rate
    normal, off = _plane_over(orbit, _direction(site, landing + wait), landing + wait, options.plane_normal)
    ahead = normalised(_direction(site, landing + wait) - math.sin(off) * normal)
    flown_normal = rotate(normal, cross(normal, ahead), -off) if turned else normal

    def start(omega: float) -> Floats:
        """On the circular orbit, ω before the site's foot; with the plane turned at once if it has to be."""
        radial = rotate(ahead, normal, -omega)
        return np.concatenate([radius * radial, circular * cross(normal, radial)])

    def chain(x: Floats) -> tuple[Floats, list[Segment], float]:
        """Start state and segments for (phase or wait, DOI Δv, coast, a, b, c, d, burning time)."""
        first = start(-0.5 * math.pi if turned else float(x[0]))
        now = departure_tdb_s
        segments: list[Segment] = []
        state = first
        if turned:
            turn = circular * (cross(flown_normal, normalised(first[:3])) - cross(normal, normalised(first[:3])))
            now += wait + float(x[0])
            segments.append(Segment(turn, now))
            path = powered.fly_chain(departure_tdb_s, first, segments)[-1]
            state = path.state
        along = normalised(state[3:])
        segments.append(Segment(-float(x[1]) * along, now + float(x[2])))
        return first, segments, now + float(x[2])

    def whole(x: Floats) -> tuple[Floats, list[Segment], dynamics.Path, float] | None:
        first, segments, pdi = chain(x)
        paths = powered.fly_chain(departure_tdb_s, first, segments)
        if paths[-1].reason or not x[7] > 10.0 or x[7] * acceleration > 0.97 * exhaust:
            return None
        law = np.array([x[3], x[4], x[5], x[6]])
        thrust = powered.steering(pdi, paths[-1].state, flown_normal, acceleration, exhaust, law, -1.0)
        segments.append(Segment(_ZERO, pdi + float(x[7]), thrust))
        return first, segments, paths[-1], pdi

    def miss(x: Floats) -> Floats | None:
        built = whole(x)
        if built is None:
            return None
        _, segments, at_pdi, pdi = built
        end = powered.fly_chain(pdi, at_pdi.state, segments[-1:])[-1]
        if end.reason:
            return None
        gate = gate_of(site, pdi + float(x[7]))[0]
        radial = float(np.linalg.norm(at_pdi.r_m))
        climbing = float(at_pdi.r_m @ at_pdi.v_m_s) / radial
        return np.concatenate(
            [(end.r_m - gate[:3]) / 100.0, end.v_m_s - gate[3:], [(radial - low) / 100.0, climbing]]
        )

    first = np.array([0.0 if turned else math.pi + swept, slow_down, fall, a, b, 0.0, 0.0, burning])
    limits = np.array([300.0 if turned else 0.1, 3.0, 200.0, 0.2, 0.2, 0.1, 0.1, 60.0])
    found = powered.find_root(miss, first, limits, 2e-4)
    solved = None if found is None else whole(found)
    if found is None or solved is None:
        return failure(arc, departure_tdb_s, "The powered descent did not converge onto the site.")
    begin, segments, _, pdi = solved
    touchdown = pdi + float(found[7]) + APPROACH_S
    approach = gate_of(site, pdi + float(found[7]))[1]
    segments.append(Segment(_ZERO, touchdown, approach))
    paths = powered.fly_chain(departure_tdb_s, begin, segments, dense=options.samples > 0)
    final = paths[-1].state
    aim = np.concatenate(moon_site_state(touchdown, site.latitude_rad, site.longitude_rad, site.height_m))
    braking = segments[-2].thrust
    assert braking is not None
    burns = []
    if turned:
        turn = segments[0].impulse_m_s
        burns.append(Burn("plane_change", departure_tdb_s, float(np.linalg.norm(turn)), triple(turn)))
        notes.append(f"the site lies {math.degrees(abs(off)):.2f} deg off the orbit's plane; an impulse turns it")
    doi = segments[-3].impulse_m_s
    doi_tdb = segments[0].to_tdb_s if turned else departure_tdb_s
    burns.append(Burn("doi", doi_tdb, float(np.linalg.norm(doi)), triple(doi)))
    powered_dv = braking.dv_m_s(float(found[7])) + approach.dv_m_s(APPROACH_S)
    net = powered.thrust_integral(braking, float(found[7])) + powered.thrust_integral(approach, APPROACH_S)
    burns.append(Burn("descent", pdi, powered_dv, triple(net), touchdown - pdi))
    events = (
        Event("departure", departure_tdb_s),
        Event("powered descent", pdi, f"{perilune / 1e3:.1f} km"),
        Event("touchdown", touchdown),
    )
    return _finish(arc, departure_tdb_s, touchdown, burns, events, paths, final, aim, notes, options)


def _direction(site: MoonSurface, epoch_tdb_s: float) -> Floats:
    return normalised(moon_site_state(epoch_tdb_s, site.latitude_rad, site.longitude_rad)[0])


def gate_of(site: MoonSurface, epoch_tdb_s: float) -> tuple[Floats, dynamics.Thrust]:
    """State (6,), ICRF about the Moon, at the start of the approach, and its thrust: touchdown flown backwards."""
    touchdown = epoch_tdb_s + APPROACH_S
    r, v = moon_site_state(touchdown, site.latitude_rad, site.longitude_rad, site.height_m)
    gravity = GM_MOON_M3_S2 / float(r @ r)
    thrust = dynamics.Thrust(epoch_tdb_s, gravity + APPROACH_M_S2, math.inf, normalised(r), _ZERO)
    path = dynamics.propagate(touchdown, r, v, epoch_tdb_s, centre="moon", thrust=thrust)
    return path.state, thrust


@register(MoonSurface, MoonOrbit)
def solve_ascent(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """Rest on a site to a circular lunar orbit."""
    site, orbit = arc.origin, arc.destination
    assert isinstance(site, MoonSurface)
    assert isinstance(orbit, MoonOrbit)
    cutoff = PERILUNE_M + max(0.0, site.height_m)
    if orbit.altitude_m < cutoff + 2_000.0:
        return failure(arc, departure_tdb_s, f"The orbit is lower than the ascent's end at {cutoff / 1e3:.0f} km.")
    acceleration, exhaust, notes = engine_of(arc)
    if acceleration > _ASCENT_MOST_M_S2:
        notes.append(f"engine throttled to {_ASCENT_MOST_M_S2} m/s² at lift-off")
        acceleration = _ASCENT_MOST_M_S2
    radius, low = MOON_RADIUS_M + orbit.altitude_m, MOON_RADIUS_M + cutoff
    semi = 0.5 * (radius + low)
    fast = math.sqrt(GM_MOON_M3_S2 * (2.0 / low - 1.0 / semi))
    climb_time = math.pi * math.sqrt(semi**3 / GM_MOON_M3_S2)
    burnt = 1.0 - acceleration * _RISE_S / exhaust
    push = acceleration / burnt if burnt > 0.0 else 0.0
    gravity = GM_MOON_M3_S2 / (MOON_RADIUS_M + site.height_m) ** 2
    if not acceleration > 1.15 * gravity or push <= 0.0:
        return failure(
            arc, departure_tdb_s, f"A thrust-to-mass of {acceleration:.2f} m/s² does not lift off the Moon."
        )
    rise = acceleration - gravity
    guess = powered.planar_guess(
        site.height_m + 0.5 * rise * _RISE_S**2, rise * _RISE_S, 0.0, (cutoff, 0.0, fast), push, exhaust, +1.0
    )
    if guess is None:
        return failure(arc, departure_tdb_s, f"A thrust-to-mass of {acceleration:.2f} m/s² does not reach orbit.")
    a, b, burning, swept = guess
    here = _direction(site, departure_tdb_s)
    normal, off = _plane_over(orbit, here, departure_tdb_s, options.plane_normal)
    turned = abs(off) > _PLANE_SLACK_RAD
    first_normal = normalised(normal - float(normal @ here) * here) if turned else normal
    r0, v0 = moon_site_state(departure_tdb_s, site.latitude_rad, site.longitude_rad, site.height_m)
    begin = np.concatenate([r0, v0])
    lift = dynamics.Thrust(departure_tdb_s, acceleration, exhaust, here, _ZERO)
    pitch_tdb = departure_tdb_s + _RISE_S
    risen = dynamics.propagate(departure_tdb_s, r0, v0, pitch_tdb, centre="moon", thrust=lift).state

    def chain(x: Floats) -> tuple[list[Segment], list[dynamics.Path]] | None:
        """Segments after the rise, for (a, b, c, d, burning time, coast[, time from cutoff to the turn])."""
        end = pitch_tdb + float(x[4])
        if not x[4] > 10.0 or x[4] * push > 0.97 * exhaust or (turned and not 10.0 < x[6] < x[5] - 10.0):
            return None
        thrust = powered.steering(pitch_tdb, risen, first_normal, push, exhaust, x[:4], +1.0)
        segments = [Segment(_ZERO, end, thrust)]
        paths = powered.fly_chain(pitch_tdb, risen, segments)
        if paths[-1].reason:
            return None
        if turned:
            segments.append(Segment(_ZERO, end + float(x[6])))
            paths += powered.fly_chain(end, paths[-1].state, segments[-1:])
            node = paths[-1].state
            # turn the velocity about the radius until it lies in the wanted plane
            up = normalised(node[:3])
            rising = float(node[3:] @ up)
            level = node[3:] - rising * up
            wanted = normalised(cross(normal, up)) * float(np.linalg.norm(level))
            segments.append(Segment(wanted - level, end + float(x[5])))
            paths += powered.fly_chain(segments[-2].to_tdb_s, node, segments[-1:])
        else:
            segments.append(Segment(_ZERO, end + float(x[5])))
            paths += powered.fly_chain(end, paths[-1].state, segments[-1:])
        return (segments, paths) if not paths[-1].reason else None

    def miss(x: Floats) -> Floats | None:
        built = chain(x)
        if built is None:
            return None
        paths = built[1]
        out, top = paths[0], paths[-1]
        r_out, r_top = float(np.linalg.norm(out.r_m)), float(np.linalg.norm(top.r_m))
        plane = out if turned else top
        errors = [
            (r_out - low) / 100.0,
            float(out.r_m @ out.v_m_s) / r_out,
            (r_top - radius) / 100.0,
            float(top.r_m @ top.v_m_s) / r_top,
            float(first_normal @ plane.r_m) / 100.0,
            float(first_normal @ plane.v_m_s),
        ]
        if turned:
            errors.append(float(normal @ paths[1].r_m) / 100.0)
        return np.array(errors)

    start = np.array([a, b, 0.0, 0.0, burning, climb_time])
    limits = np.array([0.2, 0.2, 0.1, 0.1, 60.0, 200.0])
    if turned:
        quarter = (0.5 * math.pi - swept) / (fast / low)
        start, limits = np.append(start, quarter), np.append(limits, 120.0)
    # 2 cm, and more for a high orbit, where the rounding of the epochs is felt
    found = powered.find_root(miss, start, limits, 2e-4 * max(1.0, orbit.altitude_m / 200e3))
    built = None if found is None else chain(found)
    if found is None or built is None:
        return failure(arc, departure_tdb_s, "The powered ascent did not converge onto the orbit.")
    segments = [Segment(_ZERO, pitch_tdb, lift), *built[0]]
    paths = powered.fly_chain(departure_tdb_s, begin, segments, dense=options.samples > 0)
    arrival, top = paths[-1].epoch_tdb_s, paths[-1]
    up = normalised(built[1][-1].r_m)
    target_r = radius * up
    target_v = math.sqrt(GM_MOON_M3_S2 / radius) * normalised(cross(normal, up))
    circularise = target_v - built[1][-1].v_m_s
    final = top.state + np.concatenate([_ZERO, circularise])
    steered = segments[1].thrust
    assert steered is not None
    ascent_dv = lift.dv_m_s(_RISE_S) + steered.dv_m_s(float(found[4]))
    net = powered.thrust_integral(lift, _RISE_S) + powered.thrust_integral(steered, float(found[4]))
    burns = [Burn("ascent", departure_tdb_s, ascent_dv, triple(net), _RISE_S + float(found[4]))]
    if turned:
        turn = segments[-1].impulse_m_s
        burns.append(Burn("plane_change", segments[-2].to_tdb_s, float(np.linalg.norm(turn)), triple(turn)))
        notes.append(f"the site lies {math.degrees(abs(off)):.2f} deg off the orbit's plane; an impulse turns it")
    burns.append(Burn("circularisation", arrival, float(np.linalg.norm(circularise)), triple(circularise)))
    events = (
        Event("lift-off", departure_tdb_s),
        Event("cutoff", pitch_tdb + float(found[4]), f"{cutoff / 1e3:.1f} km"),
        Event("arrival", arrival),
    )
    aim = np.concatenate([target_r, target_v])
    return _finish(arc, departure_tdb_s, arrival, burns, events, paths, final, aim, notes, options)


def _finish(
    arc: Arc,
    departure: float,
    arrival: float,
    burns: list[Burn],
    events: tuple[Event, ...],
    paths: list[dynamics.Path],
    final: Floats,
    aim: Floats,
    notes: list[str],
    options: SolveOptions,
) -> Leg:
    miss_m = float(np.linalg.norm(final[:3] - aim[:3]))
    miss_m_s = float(np.linalg.norm(final[3:] - aim[3:]))
    if not (miss_m <= 100.0 and miss_m_s <= 0.1):
        return failure(
            arc, departure, f"Flown again in one go, the leg misses its end by {miss_m:.0f} m and {miss_m_s:.2f} m/s."
        )
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=departure,
        arrival_tdb_s=arrival,
        converged=True,
        burns=tuple(burns),
        events=events,
        closure_position_m=miss_m,
        closure_velocity_m_s=miss_m_s,
        approximation="; ".join(["steering by the linear-tangent law", *notes]),
        trajectory=_samples(paths, options.samples),
        final_centre="moon",
        final_state=final,
    )
