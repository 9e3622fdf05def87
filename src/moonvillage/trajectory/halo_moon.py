"""Legs between halo (or distant retrograde) orbits and low lunar orbits: a burn on the halo and one at perilune.

The plane of the low orbit is turned by the burn on the halo, where the craft is slow. The orbit's place on the
halo is the cheapest, a day of flight counted as 10 m/s; a departure is shifted to the nearest such phase.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.records.legs import Event, Leg
from moonvillage.records.places import Arc, Dro, Halo, MoonOrbit
from moonvillage.trajectory import halo_arcs, nrho
from moonvillage.trajectory.apses import speed_at
from moonvillage.trajectory.flown import Coast, fly, impulse
from moonvillage.trajectory.halo_arcs import Evaluator, Near, Plane
from moonvillage.trajectory.halo_legs import Build, finish, fixed_times, refusal, search_transfer
from moonvillage.trajectory.halo_seeds import DAY_WORTH_M_S, Seed, low_orbit_seeds, mirrored
from moonvillage.trajectory.least_burns import Evaluation
from moonvillage.trajectory.nrho import Reference
from moonvillage.trajectory.registry import SolveOptions, register
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

_SQUARE: Final = 0.0  # the cosine of a right angle


def _planes(orbit: MoonOrbit, near: Near, options: SolveOptions, arriving: bool) -> list[Plane]:
    """What the plane of the low orbit must satisfy at the epoch of perilune."""
    if options.plane_normal is not None:
        normal = np.array(options.plane_normal)
        side = np.cross(normal, [0.0, 0.0, 1.0] if abs(normal[2]) < 0.9 else [1.0, 0.0, 0.0])
        side /= np.linalg.norm(side)
        return [Plane(side, _SQUARE), Plane(np.cross(normal, side), _SQUARE)]
    if orbit.inclination_rad is not None:
        pole = moon_me_matrix(near.epoch_tdb_s)[2]
        return [Plane(pole, float(np.cos(orbit.inclination_rad)))]
    if orbit.over is not None and arriving:
        epoch = near.epoch_tdb_s + orbit.over_after_s
        site, _ = moon_site_state(epoch, orbit.over.latitude_rad, orbit.over.longitude_rad, orbit.over.height_m)
        return [Plane(site / np.linalg.norm(site), _SQUARE)]
    return []


def _build(orbit: MoonOrbit, sense: int, options: SolveOptions) -> Build:
    radius = MOON_RADIUS_M + orbit.altitude_m
    circular = float(np.sqrt(GM_MOON_M3_S2 / radius))

    def build(stretch: Reference, epoch: float, exact: bool) -> Evaluator:
        def evaluate(x: Floats) -> Evaluation:
            near = halo_arcs.near_moon(stretch, epoch, sense, x, exact)
            values, rows = halo_arcs.perilune_conditions(near, radius)
            planes = _planes(orbit, near, options, sense > 0)
            if planes:
                tilts, tilts_by = halo_arcs.plane_conditions(near.state, near.jacobian, planes)
                values, rows = np.concatenate([values, tilts]), np.vstack([rows, tilts_by])
            speed, speed_by = speed_at(near.state[:3], near.state[3:], radius, GM_MOON_M3_S2)
            cost_by = speed_by @ near.jacobian
            cost_by[1] += DAY_WORTH_M_S / DAY_S
            cost = speed - circular + float(x[1]) * DAY_WORTH_M_S / DAY_S
            return Evaluation(values, rows, cost, cost_by, near)

        return evaluate

    return build


def _seeds(place: Halo | Dro, orbit: MoonOrbit, options: SolveOptions) -> list[Seed]:
    """Guesses in the plane asked for where the restricted problem can say it; in any plane and polar otherwise."""
    member = nrho.find(place)
    radius = MOON_RADIUS_M + orbit.altitude_m
    anywhere = low_orbit_seeds(member, radius, None)
    if options.plane_normal is None and orbit.inclination_rad is not None:
        # the cheapest of any plane come last, to be turned where those in the plane do not converge
        return [*low_orbit_seeds(member, radius, orbit.inclination_rad), *anywhere]
    polar = low_orbit_seeds(member, radius, 0.5 * np.pi)
    return sorted([*anywhere, *polar], key=lambda seed: seed.cost)


def _circular_burn(near: Near) -> Floats:
    """From the speed at perilune to that of the circular orbit there, along the motion."""
    r, v = near.state[:3], near.state[3:]
    speed = float(np.linalg.norm(v))
    return np.asarray(v * (np.sqrt(GM_MOON_M3_S2 / np.linalg.norm(r)) / speed - 1.0))


@register(Halo, MoonOrbit)
@register(Dro, MoonOrbit)
def solve_halo_to_moon_orbit(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From a halo or distant retrograde orbit to a circular low lunar orbit: burns "departure" and "loi"."""
    place, orbit = arc.origin, arc.destination
    assert isinstance(place, (Halo, Dro))
    assert isinstance(orbit, MoonOrbit)
    try:
        seeds = [mirrored(seed) for seed in _seeds(place, orbit, options)]
    except ValueError as error:
        return refusal(arc, departure_tdb_s, str(error))
    fixed = fixed_times(options, +1, departure_tdb_s)
    found = search_transfer(place, seeds, +1, departure_tdb_s, False, _build(orbit, +1, options), fixed)
    if isinstance(found, str):
        return refusal(arc, departure_tdb_s, found)
    x = found.solution.x
    near = found.solution.evaluation.detail
    assert isinstance(near, Near)
    t0, t1 = found.epoch_tdb_s + float(x[0]), near.epoch_tdb_s
    brake = _circular_burn(near)
    start = found.reference.state(t0)
    flown = fly(t0, "moon", start[:3], start[3:] + x[2:5], [Coast(t1, "moon", brake)], dense=options.samples > 0)
    target = near.state.copy()
    target[3:] += brake
    return finish(
        arc,
        [impulse("departure", t0, x[2:5]), impulse("loi", t1, brake)],
        [
            Event("departure", t0, f"phase {found.reference.phase(t0):.3f} past apolune"),
            Event("arrival", t1, f"circular at {orbit.altitude_m / 1e3:.0f} km"),
        ],
        flown,
        (float(np.linalg.norm(flown.r_m - target[:3])), float(np.linalg.norm(flown.v_m_s - target[3:]))),
        t0,
        options,
    )


@register(MoonOrbit, Halo)
@register(MoonOrbit, Dro)
def solve_moon_orbit_to_halo(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From a circular low lunar orbit to a halo or distant retrograde orbit: burns "departure" and "insertion".

    The plane is ``options.plane_normal`` where the craft's real plane is known, and otherwise any of the orbit's
    inclination.
    """
    orbit, place = arc.origin, arc.destination
    assert isinstance(place, (Halo, Dro))
    assert isinstance(orbit, MoonOrbit)
    try:
        seeds = _seeds(place, orbit, options)
    except ValueError as error:
        return refusal(arc, departure_tdb_s, str(error))
    fixed = fixed_times(options, -1, departure_tdb_s)
    found = search_transfer(place, seeds, -1, departure_tdb_s, False, _build(orbit, -1, options), fixed)
    if isinstance(found, str):
        return refusal(arc, departure_tdb_s, found)
    x = found.solution.x
    near = found.solution.evaluation.detail
    assert isinstance(near, Near)
    t0, t1 = near.epoch_tdb_s, found.epoch_tdb_s + float(x[0])
    push = -_circular_burn(near)
    flown = fly(t0, "moon", near.state[:3], near.state[3:], [Coast(t1, "moon", x[2:5])], dense=options.samples > 0)
    target = found.reference.state(t1)
    return finish(
        arc,
        [impulse("departure", t0, push), impulse("insertion", t1, x[2:5])],
        [
            Event("departure", t0, f"circular at {orbit.altitude_m / 1e3:.0f} km"),
            Event("arrival", t1, f"phase {found.reference.phase(t1):.3f} past apolune"),
        ],
        flown,
        (float(np.linalg.norm(flown.r_m - target[:3])), float(np.linalg.norm(flown.v_m_s - target[3:]))),
        t0,
        options,
    )
