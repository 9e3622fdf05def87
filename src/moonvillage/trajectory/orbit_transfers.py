"""Transfers between orbits about the libration points and the Moon: halo, near-rectilinear halo, distant retrograde.

Two burns, one at either end, and a coast of days to weeks between them. Both orbits are laid along the calendar
(:mod:`moonvillage.trajectory.nrho`), so a date of departure and a flight time fix both phases; the departure shifts
by half a revolution of the orbit that is left at most, and the flight time is free. First guesses come from a scan in
the restricted problem, once for a pair of orbits: burns of several sizes in all directions at all phases, and where
what they lead to comes near the other orbit. On a date those guesses are taken whose phases fit it, corrected in the
restricted problem, and solved and made cheap in the ephemeris.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris import de440
from moonvillage.records.legs import Event, Leg
from moonvillage.records.places import Arc, Dro, Halo
from moonvillage.trajectory import cr3bp, halo, nrho
from moonvillage.trajectory.cr3bp import EARTH_MOON_MU, LENGTH_M, SPEED_M_S, TIME_S
from moonvillage.trajectory.flown import Coast, fly, impulse
from moonvillage.trajectory.halo import HaloOrbit
from moonvillage.trajectory.halo_arcs import flow, state_rate
from moonvillage.trajectory.halo_legs import finish, fixed_times, refusal
from moonvillage.trajectory.least_burns import Evaluation, Solution, polish, satisfy
from moonvillage.trajectory.registry import SolveOptions, register
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

_PHASES: Final = 16
_SIZES: Final = (0.01, 0.03, 0.06, 0.1, 0.16, 0.25)  # of the first burn; one is 1.02 km/s
_DIRECTIONS: Final = 40
_LONGEST: Final = 21.0 * DAY_S / TIME_S
_SHORTEST: Final = 1.0 * DAY_S / TIME_S
_TIMES: Final = 85
_TARGETS: Final = 72
#: A guess may miss the other orbit by so much, in units of length.
_NEAR: Final = 0.06
#: No nearer to the Moon or the Earth than this, in units of length: the guesses would be too sensitive.
_CLOSEST: Final = 2.2e6 / LENGTH_M
#: How far, in revolutions of the target, a guess may be off the date's phase.
_FITTING: Final = (0.06, 0.15)
_STARTS: Final = 10
_FLOWN: Final = 3
#: A day of flight is worth so much.
DAY_WORTH_M_S: Final = 5.0
_CLOSED: Final = 1e-7
_BURNS: Final = (slice(2, 5), slice(5, 8))
_UNIT_M_S: Final = 200.0
_SCALE: Final = np.array([0.1 * TIME_S, 0.1 * TIME_S, *[30.0] * 6])
_UNITS: Final = np.array([LENGTH_M] * 3 + [SPEED_M_S] * 3)


@dataclass(frozen=True, slots=True, eq=False)
class _Guesses:
    """Coasts from one orbit to near another: phases of both ends, flight time, first burn (n, 3), estimated cost."""

    phase: Floats
    target_phase: Floats
    time: Floats
    burn: Floats
    cost: Floats


@lru_cache(maxsize=16)
def _guesses(origin: HaloOrbit, target: HaloOrbit) -> _Guesses:
    """The scan in the restricted problem, non-dimensional."""
    targets = np.array([halo.sample(target, k / _TARGETS) for k in range(_TARGETS)])
    times = np.linspace(0.0, _LONGEST, _TIMES)
    first = int(np.searchsorted(times, _SHORTEST))
    rows: list[tuple[float, float, float, Floats, float]] = []
    moon = np.array([1.0 - EARTH_MOON_MU, 0.0, 0.0])
    k = np.arange(_DIRECTIONS)
    z = 1.0 - 2.0 * (k + 0.5) / _DIRECTIONS
    turn = np.pi * (3.0 - np.sqrt(5.0)) * k
    sphere = np.column_stack([np.sqrt(1.0 - z * z) * np.cos(turn), np.sqrt(1.0 - z * z) * np.sin(turn), z])
    flat = bool(np.max(np.abs(targets[:, 2])) < 1e-9 and abs(origin.state[2]) < 1e-9)
    if flat:
        sphere = np.column_stack([np.cos(turn), np.sin(turn), np.zeros_like(turn)])
    for p in np.arange(_PHASES) / _PHASES:
        start = halo.sample(origin, float(p))
        for size in _SIZES:
            for direction in sphere:
                burn = size * direction
                state = start.copy()
                state[3:] += burn
                track = cr3bp.propagate_grid(state, times)
                if track.shape[0] != times.size or not np.all(np.isfinite(track)):
                    continue
                close = np.linalg.norm(track[:, :3] - moon, axis=1) < _CLOSEST
                close |= np.linalg.norm(track[:, :3], axis=1) < 0.1
                last = int(np.argmax(close)) if close.any() else times.size
                if last <= first:
                    continue
                part = track[first:last]
                gap = np.linalg.norm(part[:, None, :3] - targets[None, :, :3], axis=-1)
                if not np.any(gap < _NEAR):
                    continue
                brake = np.linalg.norm(part[:, None, 3:] - targets[None, :, 3:], axis=-1)
                when = times[first:last, None]
                cost = size + brake + 2.0 * gap / np.minimum(when, 1.0) + when * _day_worth()
                cost = np.where(gap < _NEAR, cost, np.inf)
                # the best of each sixth of the target's revolution
                for sector in np.split(np.arange(_TARGETS), 6):
                    i, j = np.unravel_index(int(np.argmin(cost[:, sector])), (last - first, sector.size))
                    value = float(cost[i, sector[j]])
                    if np.isfinite(value):
                        rows.append((float(p), float(sector[j]) / _TARGETS, float(times[first + i]), burn, value))
    rows.sort(key=lambda row: row[4])
    return _Guesses(
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows]).reshape(-1, 3),
        np.array([row[4] for row in rows]),
    )


def _day_worth() -> float:
    """Of a unit of time, in units of speed."""
    return DAY_WORTH_M_S / SPEED_M_S * TIME_S / DAY_S


def _in_three_bodies(origin: HaloOrbit, target: HaloOrbit, turns: float) -> Callable[[Floats], Evaluation]:
    """x = (phase, time, first burn (3), second burn (3)); both phases are on one calendar.

    ``turns`` is the target's phase when the origin's is zero.
    """
    ratio = origin.period / target.period

    def evaluate(x: Floats) -> Evaluation:
        start = halo.sample(origin, float(x[0]))
        along = cr3bp.derivative(start) * origin.period
        state = start.copy()
        state[3:] += x[2:5]
        if not 0.3 * _SHORTEST < x[1] < 2.0 * _LONGEST:
            return Evaluation(np.full(6, np.nan), np.full((6, 8), np.nan))
        end, stm = cr3bp.propagate_with_stm(state, float(x[1]))
        phase = turns + float(x[0]) * ratio + float(x[1]) / target.period
        aim = halo.sample(target, phase)
        aim_rate = cr3bp.derivative(aim)
        jacobian = np.zeros((6, 8))
        jacobian[:, 0] = stm @ along - aim_rate * origin.period
        jacobian[:, 1] = cr3bp.derivative(end) - aim_rate
        jacobian[:, 2:5] = stm[:, 3:]
        jacobian[3:, 5:8] = np.eye(3)
        values = end - aim
        values[3:] += x[5:8]
        worth = np.zeros(8)
        worth[1] = _day_worth()
        return Evaluation(values, jacobian, float(x[1]) * _day_worth(), worth)

    return evaluate


def _in_ephemeris(
    leaving: nrho.Reference, reaching: nrho.Reference, epoch: float, exact: bool, fixed: list[tuple[Floats, float]]
) -> Callable[[Floats], Evaluation]:
    """x = (shift of the departure from ``epoch``, flight time, both burns), s and m/s, Moon-centred ICRF."""

    def evaluate(x: Floats) -> Evaluation:
        t0 = epoch + float(x[0])
        t1 = t0 + float(x[1])
        inside = leaving.start_tdb_s <= t0 <= leaving.end_tdb_s and reaching.start_tdb_s <= t1 <= reaching.end_tdb_s
        rows = 6 + len(fixed)
        if not inside or x[1] <= 0.0:
            return Evaluation(np.full(rows, np.nan), np.full((rows, 8), np.nan))
        start = leaving.state(t0)
        along = leaving.rate(t0)
        start = start.copy()
        start[3:] += x[2:5]
        end, stm = flow(t0, start, t1, "moon", exact)
        if not np.all(np.isfinite(end)):
            return Evaluation(np.full(rows, np.nan), np.full((rows, 8), np.nan))
        rate = state_rate(t1, end, "moon") - reaching.rate(t1)
        jacobian = np.zeros((rows, 8))
        jacobian[:6, 0] = stm @ (along - state_rate(t0, start, "moon")) + rate
        jacobian[:6, 1] = rate
        jacobian[:6, 2:5] = stm[:, 3:]
        jacobian[3:6, 5:8] = np.eye(3)
        jacobian[:6] /= _UNITS[:, None]
        values = end - reaching.state(t1)
        values[3:] += x[5:8]
        more = []
        for k, (weights, aim) in enumerate(fixed):
            jacobian[6 + k, 0], jacobian[6 + k, 1] = weights[0] / 7500.0, weights[1] / 7500.0
            more.append((weights[0] * t0 + weights[1] * float(x[1]) - aim) / 7500.0)
        worth = np.zeros(8)
        worth[1] = DAY_WORTH_M_S / DAY_S
        return Evaluation(
            np.concatenate([values / _UNITS, more]), jacobian, float(x[1]) * DAY_WORTH_M_S / DAY_S, worth, (t0, t1)
        )

    return evaluate


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """A guess on a date: the calendar revolution of the departure orbit, and the corrected unknowns."""

    turn: float
    solution: Solution


def _plans(origin: HaloOrbit, target: HaloOrbit, departure: float) -> list[_Plan]:
    """Guesses whose phases fit the date, corrected and made cheap in the restricted problem; cheapest first."""
    guesses = _guesses(origin, target)
    if not guesses.cost.size:
        return []
    period, other = origin.period * TIME_S, target.period * TIME_S
    turn = np.round(departure / period - guesses.phase)
    start = (turn + guesses.phase) * period
    off = (start + guesses.time * TIME_S) / other - guesses.target_phase
    off = np.abs(off - np.round(off))
    scale = np.array([0.03, 0.1, *[0.05] * 6])
    found: list[_Plan] = []
    for reach in _FITTING:
        chosen: list[int] = []
        for k in np.flatnonzero(off < reach):  # in order of cost
            if all(
                abs(guesses.phase[k] - guesses.phase[j]) > 0.07 or abs(guesses.time[k] - guesses.time[j]) > 0.35
                for j in chosen
            ):
                chosen.append(int(k))
            if len(chosen) == _STARTS:
                break
        for pick in chosen:
            turns = turn[pick] * period / other
            evaluate = _in_three_bodies(origin, target, float(turns - np.floor(turns)))
            x = np.concatenate([[guesses.phase[pick], guesses.time[pick]], guesses.burn[pick], np.zeros(3)])
            first = evaluate(x)
            x[5:8] = -first.conditions[3:]
            solution = polish(evaluate, x, scale, list(_BURNS), _UNIT_M_S / SPEED_M_S, tolerance=1e-7, evaluations=30)
            if solution.miss < 1e-5 and 0.5 * _SHORTEST < solution.x[1] < 1.5 * _LONGEST:
                found.append(_Plan(float(turn[pick]), solution))
        if found:
            break
    found.sort(key=lambda plan: plan.solution.cost)
    return found


def _turned(burn: Floats, epoch: float) -> Floats:
    length, _, axes, rate = cr3bp.rotating_axes(*de440.load().state("moon", epoch, "earth"))
    return np.asarray(axes @ burn * float(length) * float(rate))


def _solve(arc: Arc, departure: float, options: SolveOptions) -> Leg:
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, (Halo, Dro))
    assert isinstance(target, (Halo, Dro))
    try:
        orbit = nrho.find(origin)
        if nrho.find(target) is orbit:
            return refusal(
                arc, departure, "both ends are one orbit; a change of phase on it is trajectory.phasing.solve_phasing"
            )
        plans = _plans(orbit, nrho.find(target), departure)
    except ValueError as error:
        return refusal(arc, departure, str(error))
    fixed = fixed_times(options, +1, departure)
    reason = f"no transfer from {origin.id} to {target.id} was found in the restricted problem"
    best: tuple[float, nrho.Reference, Solution] | None = None
    for count, plan in enumerate(plans):
        if count >= _FLOWN and best is not None:
            break
        guess = plan.solution.x
        epoch = (plan.turn + float(guess[0])) * orbit.period * TIME_S
        flight = float(guess[1]) * TIME_S
        leaving, reaching = nrho.reference(origin, epoch), nrho.reference(target, epoch + flight)
        if leaving.reason or reaching.reason:
            reason = leaving.reason or reaching.reason
            continue
        burns = [_turned(guess[2:5], epoch), _turned(guess[5:8], epoch + flight)]
        x = np.concatenate([[0.0, flight], *burns])
        search = _in_ephemeris(leaving, reaching, epoch, False, fixed)
        rough = polish(search, x, _SCALE, list(_BURNS), _UNIT_M_S, tolerance=1e-6, evaluations=20)
        if not rough.miss < 1e-4:
            reason = f"the guess of the restricted problem did not close in the ephemeris ({rough.miss:.1e})"
            continue
        exact = _in_ephemeris(leaving, reaching, epoch, True, fixed)
        end = satisfy(exact, rough.x, _SCALE, tolerance=_CLOSED, iterations=15)
        if not end.miss < 10.0 * _CLOSED:
            reason = f"the full model was not met ({end.miss:.1e})"
            continue
        spent = sum(float(np.linalg.norm(end.x[b])) for b in _BURNS) + end.evaluation.extra_cost
        if best is None or spent < best[0]:
            best = (spent, leaving, end)
        if spent < 1.15 * plan.solution.cost * SPEED_M_S:
            break
    if best is None:
        return refusal(arc, departure, reason)
    _, leaving, end = best
    detail = end.evaluation.detail
    assert isinstance(detail, tuple)
    t0, t1 = detail
    start = leaving.state(t0)
    reaching = nrho.reference(target, t1)
    flown = fly(
        t0, "moon", start[:3], start[3:] + end.x[2:5], [Coast(t1, "moon", end.x[5:8])], dense=options.samples > 0
    )
    aim = reaching.state(t1)
    return finish(
        arc,
        [impulse("departure", t0, end.x[2:5]), impulse("insertion", t1, end.x[5:8])],
        [
            Event("departure", t0, f"phase {leaving.phase(t0):.3f}"),
            Event("arrival", t1, f"phase {reaching.phase(t1):.3f}"),
        ],
        flown,
        (float(np.linalg.norm(flown.r_m - aim[:3])), float(np.linalg.norm(flown.v_m_s - aim[3:]))),
        t0,
        options,
    )


@register(Halo, Halo)
@register(Halo, Dro)
@register(Dro, Halo)
@register(Dro, Dro)
def solve_between_orbits(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """Between two halo or distant retrograde orbits in two burns: "departure", "insertion".

    Parameters
    ----------
    arc
        From one :class:`Halo` or :class:`Dro` to another. The same orbit at both ends is a change of phase, and is
        not solved here.
    departure_tdb_s
        TDB seconds past J2000; shifted by at most about half a revolution of the orbit that is left.
    options
        ``duration_s`` and ``fixed_departure`` are met at their price.

    Returns
    -------
    Leg
        Flown again in one go about the Moon, in the full model; or a failure with its reason. A day of flight counts
        as 5 m/s in the choice among transfers.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves DE440.
    """
    return _solve(arc, departure_tdb_s, options)
