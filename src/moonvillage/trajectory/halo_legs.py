"""Legs to and from halo orbits: from low Earth orbit, to the Earth's air, to and from low lunar orbit.

Between Earth and halo the craft passes low over the Moon with a burn there ("flyby"), the cheapest way to the
L2 halos and the NRHO in a week. The plan, with its burns free in all directions, is optimised in the n-body model
from the guesses of :mod:`moonvillage.trajectory.halo_seeds`. The departure is shifted to the nearest favourable
phase of the halo, by half its period at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, MOON_RADIUS_M
from moonvillage.records.legs import Burn, Event, Leg
from moonvillage.records.places import Arc, Dro, EarthGround, EarthOrbit, Halo
from moonvillage.trajectory import halo_arcs, nrho
from moonvillage.trajectory.apses import speed_at
from moonvillage.trajectory.cr3bp import SPEED_M_S, TIME_S
from moonvillage.trajectory.flown import Coast, Flown, departure_burns, fly, impulse, orbit_radius, sample
from moonvillage.trajectory.halo_arcs import CHANGE_S, FLYBY_ALTITUDE_M, Evaluator, Plane
from moonvillage.trajectory.halo_seeds import Seed, flyby_seeds, mirrored
from moonvillage.trajectory.least_burns import Evaluation, Solution, polish, satisfy
from moonvillage.trajectory.nrho import Reference, reference
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register

Floats = NDArray[np.float64]

_CLOSED: Final = 1e-7
#: Burns beyond this multiple of the restricted problem's make the search try its next guess, too.
_USUAL: Final = 1.2
_GOOD_POSITION_M: Final = 100.0
_GOOD_VELOCITY_M_S: Final = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A solved transfer: the unknowns of ``solution`` count from ``epoch_tdb_s`` on the halo's ``reference``."""

    reference: Reference
    epoch_tdb_s: float
    solution: Solution


Build = Callable[[Reference, float, bool], Evaluator]


def _halo_epoch(seed: Seed, sense: int, period: float, departure: float) -> float:
    """The epoch on the halo, at the seed's phase, that puts the departure nearest to the date asked for."""
    flight = 0.0 if sense > 0 else (seed.coast + seed.transfer) * TIME_S
    turns = (departure + flight) / period - seed.phase
    return (float(np.round(turns)) + seed.phase) * period


def search_transfer(
    place: Halo | Dro,
    seeds: Sequence[Seed],
    sense: int,
    departure: float,
    flyby: bool,
    build: Build,
    fixed: Sequence[tuple[Floats, float]],
) -> Found | str:
    """Try the seeds in order of cost until one converges at its usual price; or why none did.

    ``fixed`` are linear conditions (row, value) on (departure epoch relative to the one asked for, duration),
    given as rows over (halo epoch, coast, transfer).
    """
    orbit = nrho.find(place)
    reason = f"no transfer was found in the restricted problem for {place.id}"
    scale = halo_arcs.SCALE if flyby else halo_arcs.SCALE[:5]
    burns = [slice(2, 5), slice(5, 8)] if flyby else [slice(2, 5)]
    best: Found | None = None
    least = float("inf")
    for seed in seeds:
        epoch = _halo_epoch(seed, sense, orbit.period * TIME_S, departure)
        stretch = reference(place, epoch)
        if stretch.reason:
            return stretch.reason
        search = _and_fixed(build(stretch, epoch, False), fixed, epoch, flyby)
        exact = _and_fixed(build(stretch, epoch, True), fixed, epoch, flyby)
        x = halo_arcs.start_from(seed, sense, epoch, flyby)
        if flyby:
            x = _from_near(search, x, scale)
        solution = polish(search, x, scale, burns, halo_arcs.UNIT_M_S, tolerance=1e-6)
        if not solution.miss < 1e-5:
            reason = f"the search for the least burns ended with its conditions unmet ({solution.miss:.1e})"
            if fixed:
                reason += "; let the departure and the duration go, so that it finds a favourable phase of the halo"
            continue
        end = satisfy(exact, solution.x, scale, tolerance=_CLOSED)
        if not end.miss < 10.0 * _CLOSED:
            reason = f"the full model was not met ({end.miss:.1e})"
            continue
        spent = sum(float(np.linalg.norm(end.x[b])) for b in burns)
        if not flyby:  # the low orbit's burn and the days count, too; a TLI hardly differs
            spent += end.evaluation.extra_cost
        if spent < least:
            best, least = Found(stretch, epoch, end), spent
        if fixed or spent < _USUAL * seed.cost * SPEED_M_S:
            break
    return best if best is not None else reason


def _from_near(evaluate: Evaluator, x: Floats, scale: Floats) -> Floats:
    """Put the perilune right first: what follows it makes no sense before."""

    def near_only(y: Floats) -> Evaluation:
        found = evaluate(y)
        return Evaluation(found.conditions[:2], found.jacobian[:2])

    held = scale.copy()
    held[5:] = 0.0
    return satisfy(near_only, x, held, tolerance=1e-3).x


def _and_fixed(evaluate: Evaluator, fixed: Sequence[tuple[Floats, float]], epoch: float, flyby: bool) -> Evaluator:
    """Add the linear conditions of a fixed departure or duration."""
    if not fixed:
        return evaluate

    def more(x: Floats) -> Evaluation:
        found = evaluate(x)
        values, rows = [], []
        for weights, target in fixed:
            row = np.zeros(x.size)
            row[0], row[1] = weights[0], weights[1]
            total = weights[0] * (epoch + x[0]) + weights[1] * x[1] - target
            if flyby:
                row[8] = weights[2]
                total += weights[2] * x[8]
            values.append(total / 7500.0)
            rows.append(row / 7500.0)
        return Evaluation(
            np.append(found.conditions, values),
            np.vstack([found.jacobian, *rows]),
            found.extra_cost,
            found.extra_gradient,
            found.detail,
        )

    return more


def fixed_times(options: SolveOptions, sense: int, departure: float) -> list[tuple[Floats, float]]:
    """The linear conditions that a fixed departure or duration puts on (halo epoch, coast, transfer).

    Each is a row (3,) and its value.
    """
    found = []
    if options.fixed_departure:
        back = 0.0 if sense > 0 else -1.0
        found.append((np.array([1.0, back, back]), departure))
    if options.duration_s is not None:
        found.append((np.array([0.0, 1.0, 1.0]), options.duration_s))
    return found


def finish(
    arc: Arc,
    burns: Sequence[Burn],
    events: Sequence[Event],
    flown: Flown,
    closure: tuple[float, float],
    departure: float,
    options: SolveOptions,
    c3: float | None = None,
    final: Floats | None = None,
    approximation: str = "",
) -> Leg:
    """The leg, if its second flight ends where it should; a failure otherwise.

    ``final`` (6,), if the end of the flight is not the end of the leg.
    """
    arrival = flown.epoch_tdb_s
    if not (closure[0] < _GOOD_POSITION_M and closure[1] < _GOOD_VELOCITY_M_S):
        return failure(
            arc,
            departure,
            f"Flown again in one go, the leg misses its end by {closure[0]:.0f} m and {closure[1]:.3f} m/s.",
        )
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=departure,
        arrival_tdb_s=arrival,
        converged=True,
        burns=tuple(burns),
        events=tuple(events),
        c3_m2_s2=c3,
        closure_position_m=closure[0],
        closure_velocity_m_s=closure[1],
        approximation=approximation,
        trajectory=sample(flown.paths, options.samples, "earth"),
        final_centre=flown.centre,
        final_state=np.concatenate([flown.r_m, flown.v_m_s]) if final is None else final,
    )


def refusal(arc: Arc, departure: float, reason: str) -> Leg:
    """A failure whose reason is made a sentence."""
    return failure(arc, departure, reason[0].upper() + reason[1:].rstrip(".") + ".")


@register(EarthOrbit, Halo)
@register(EarthOrbit, Dro)
def solve_earth_to_halo(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From a low Earth orbit, past the Moon, into a halo or retrograde orbit: burns "tli", "flyby", "insertion"."""
    origin, place = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(place, (Halo, Dro))
    radius = orbit_radius(origin.altitude_m)
    inclined = Plane(np.array([0.0, 0.0, 1.0]), float(np.cos(origin.inclination_rad)))
    low = MOON_RADIUS_M + FLYBY_ALTITUDE_M
    circular = float(np.sqrt(GM_EARTH_M3_S2 / radius))

    def in_plane(nearest: bool) -> Build:
        def build(stretch: Reference, epoch: float, exact: bool) -> Evaluator:
            return outward(stretch, epoch, exact, nearest)

        return build

    def outward(stretch: Reference, epoch: float, exact: bool, nearest: bool) -> Evaluator:
        def evaluate(x: Floats) -> Evaluation:
            near = halo_arcs.near_moon(stretch, epoch, -1, x, exact)
            t, state, jacobian = halo_arcs.near_earth(near, -1, x, exact)
            planes = [inclined]
            if nearest:
                moon_r, moon_v = de440.load().state("moon", near.epoch_tdb_s, "earth")
                planes = halo_arcs.outward_planes(moon_r, moon_v, origin.inclination_rad)[:1]
            parts = [
                halo_arcs.perilune_conditions(near, low),
                halo_arcs.perigee_conditions(state, jacobian, radius),
                halo_arcs.plane_conditions(state, jacobian, planes),
            ]
            speed, speed_by = speed_at(state[:3], state[3:], radius, GM_EARTH_M3_S2)
            return Evaluation(
                np.concatenate([value for value, _ in parts]),
                np.vstack([by for _, by in parts]),
                speed - circular,
                speed_by @ jacobian,
                (t, state, near),
            )

        return evaluate

    try:
        seeds = flyby_seeds(nrho.find(place), low)
    except ValueError as error:
        return refusal(arc, departure_tdb_s, str(error))
    fixed = fixed_times(options, -1, departure_tdb_s)
    found = search_transfer(place, seeds, -1, departure_tdb_s, True, in_plane(False), fixed)
    if isinstance(found, str):
        # where the Moon stands too high for the inclination, the nearest plane is flown, and the departure pays
        found = search_transfer(place, seeds, -1, departure_tdb_s, True, in_plane(True), fixed)
    if isinstance(found, str) and isinstance(place, Halo) and options.fixed_departure and options.duration_s:
        return _at_given_times(arc, departure_tdb_s, options, found)
    if isinstance(found, str):
        return refusal(arc, departure_tdb_s, found)
    x = found.solution.x
    detail = found.solution.evaluation.detail
    assert isinstance(detail, tuple)
    t0, home, near = detail
    t1 = near.epoch_tdb_s
    t2 = found.epoch_tdb_s + float(x[0])
    burns, note = departure_burns("tli", t0, home[:3], home[3:], origin.inclination_rad)
    coasts = [Coast(t1 - CHANGE_S, "earth"), Coast(t1, "moon", x[5:8]), Coast(t2, "moon", x[2:5])]
    flown = fly(t0, "earth", home[:3], home[3:], coasts, dense=options.samples > 0)
    target = found.reference.state(t2)
    closure = (
        float(np.linalg.norm(flown.r_m - target[:3])),
        float(np.linalg.norm(flown.v_m_s - target[3:])),
    )
    distance = float(np.linalg.norm(home[:3]))
    c3 = float(home[3:] @ home[3:]) - 2.0 * GM_EARTH_M3_S2 / distance
    return finish(
        arc,
        [*burns, impulse("flyby", t1, x[5:8]), impulse("insertion", t2, x[2:5])],
        [
            Event("departure", t0),
            Event("perilune", t1, f"{FLYBY_ALTITUDE_M / 1e3:.0f} km"),
            Event("arrival", t2, f"phase {found.reference.phase(t2):.3f} past apolune"),
        ],
        flown,
        closure,
        t0,
        options,
        c3,
        approximation=note,
    )


def _at_given_times(arc: Arc, departure: float, options: SolveOptions, reason: str) -> Leg:
    """A leg that must leave and arrive at given times, at whatever phase of the halo: as a window map's cell."""
    from moonvillage.trajectory.flyby_fan import flyby_fan
    from moonvillage.trajectory.many_halo import transfers_to_halo
    from moonvillage.trajectory.many_halo_arcs import STRAIGHT_CHANGE_S

    origin, place = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(place, Halo)
    duration = float(options.duration_s or 0.0)
    fan = flyby_fan(nrho.find(place), MOON_RADIUS_M + FLYBY_ALTITUDE_M)
    cell = transfers_to_halo(origin, place, np.array([departure]), np.array([duration]), fan)
    if not cell.solved[0]:
        return refusal(arc, departure, reason)
    x, home, arrival = cell.unknowns[0], cell.home[0], departure + duration
    burns, note = departure_burns("tli", departure, home[:3], home[3:], origin.inclination_rad)
    events = [Event("departure", departure)]
    coasts = [Coast(arrival - STRAIGHT_CHANGE_S, "earth")]
    if not cell.straight[0]:
        near = arrival - float(x[0])
        coasts = [Coast(near - CHANGE_S, "earth"), Coast(near, "moon", x[4:])]
        burns.append(impulse("flyby", near, x[4:]))
        events.append(Event("perilune", near, f"{FLYBY_ALTITUDE_M / 1e3:.0f} km"))
    stretch = reference(place, arrival)
    target = stretch.state(arrival)
    coasts.append(Coast(arrival, "moon", x[1:4]))
    flown = fly(departure, "earth", home[:3], home[3:], coasts, dense=options.samples > 0)
    return finish(
        arc,
        [*burns, impulse("insertion", arrival, x[1:4])],
        [*events, Event("arrival", arrival, f"phase {stretch.phase(arrival):.3f} past apolune")],
        flown,
        (float(np.linalg.norm(flown.r_m - target[:3])), float(np.linalg.norm(flown.v_m_s - target[3:]))),
        departure,
        options,
        float(cell.c3_m2_s2[0]),
        approximation=note,
    )


@register(Halo, EarthGround)
@register(Dro, EarthGround)
def solve_halo_to_earth(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From a halo or distant retrograde orbit, past the Moon, to the entry interface: burns "departure", "flyby".

    The entry interface and its flight-path angle are those of the :class:`EarthGround`; the place of landing, and
    so the inclination of the return, is free.
    """
    place, ground = arc.origin, arc.destination
    assert isinstance(place, (Halo, Dro))
    assert isinstance(ground, EarthGround)
    radius = orbit_radius(ground.entry_altitude_m)
    gamma = ground.entry_flight_path_angle_rad
    low = MOON_RADIUS_M + FLYBY_ALTITUDE_M

    def build(stretch: Reference, epoch: float, exact: bool) -> Evaluator:
        def evaluate(x: Floats) -> Evaluation:
            near = halo_arcs.near_moon(stretch, epoch, +1, x, exact)
            t, state, jacobian = halo_arcs.near_earth(near, +1, x, exact)
            perilune, perilune_by = halo_arcs.perilune_conditions(near, low)
            entry, entry_by = halo_arcs.entry_conditions(state, jacobian, radius, gamma)
            return Evaluation(
                np.concatenate([perilune, entry]), np.vstack([perilune_by, entry_by]), detail=(t, state, near)
            )

        return evaluate

    try:
        seeds = [mirrored(seed) for seed in flyby_seeds(nrho.find(place), low)]
    except ValueError as error:
        return refusal(arc, departure_tdb_s, str(error))
    found = search_transfer(place, seeds, +1, departure_tdb_s, True, build, fixed_times(options, +1, departure_tdb_s))
    if isinstance(found, str):
        return refusal(arc, departure_tdb_s, found)
    x = found.solution.x
    detail = found.solution.evaluation.detail
    assert isinstance(detail, tuple)
    t2, _, near = detail
    t0, t1 = found.epoch_tdb_s + float(x[0]), near.epoch_tdb_s
    state = found.reference.state(t0)
    coasts = [Coast(t1, "moon", x[5:8]), Coast(t1 + CHANGE_S, "moon"), Coast(t2, "earth")]
    flown = fly(t0, "moon", state[:3], state[3:] + x[2:5], coasts, dense=options.samples > 0)
    distance, speed = float(np.linalg.norm(flown.r_m)), float(np.linalg.norm(flown.v_m_s))
    angle = float(np.arcsin(np.clip(flown.r_m @ flown.v_m_s / (distance * speed), -1.0, 1.0)))
    return finish(
        arc,
        [impulse("departure", t0, x[2:5]), impulse("flyby", t1, x[5:8])],
        [
            Event("departure", t0, f"phase {found.reference.phase(t0):.3f} past apolune"),
            Event("perilune", t1, f"{FLYBY_ALTITUDE_M / 1e3:.0f} km"),
            Event("entry", t2, f"flight-path angle {np.rad2deg(angle):.2f} deg, {speed:.0f} m/s"),
        ],
        flown,
        (abs(distance - radius), abs(angle - gamma) * speed),
        t0,
        options,
        approximation="the landing point is free",
    )
