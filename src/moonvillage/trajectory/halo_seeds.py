"""First guesses of the transfers to halo orbits, found in the restricted problem once per halo and kept.

Everything is written for the way in; the way out is its mirror image, for the restricted problem reads the same
with y and time reversed. Time runs backwards from the halo: at phase φ the craft did not yet have its insertion
burn; a coast earlier it grazed the Moon. A scan of insertion burns finds such coasts, a patched conic says what
the rest would cost, and the best few are optimised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.trajectory import cr3bp, halo
from moonvillage.trajectory.apses import hyperbola_through, periapsis, periapsis_with_gradient, speed_at
from moonvillage.trajectory.cr3bp import EARTH_MOON_MU, LENGTH_M, MOON, SPEED_M_S, TIME_S, TO_INERTIAL
from moonvillage.trajectory.halo import HaloOrbit
from moonvillage.trajectory.least_burns import Evaluation, Solution, least_burns, satisfy

Floats = NDArray[np.float64]

_DAY: Final = 86400.0 / TIME_S
_EARTH: Final = np.array([-EARTH_MOON_MU, 0.0, 0.0])
#: Rotating to inertial velocity about a centre is linear in the state; this is its (6, 6) matrix.
_PERIGEE: Final = 6_563_000.0 / LENGTH_M
_BURN: Final = 0.2  # about 200 m/s
_PHASES: Final = 16
_SIZES: Final = (0.03, 0.06, 0.1, 0.15, 0.2)
_DIRECTIONS: Final = 40
_LONGEST: Final = 1.3
_LONGEST_DRO: Final = 2.2  # of the wide retrograde orbits, which are slow
_STARTS: Final = 8
#: Of two transfers between halo and low orbit the quicker is taken if it costs less than this for each day saved.
DAY_WORTH_M_S: Final = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Seed:
    """A transfer into a halo, non-dimensional and rotating.

    ``phase`` (revolutions past apolune) of the insertion; ``coast`` from perilune to insertion; ``insertion`` the
    burn (3,); ``flyby`` the burn at perilune (3,), and ``transfer`` the time from perigee to perilune, both zero
    where the coast starts from a low lunar orbit. ``cost`` is the sum of burns (with the low orbit's own, and the
    worth of the days, if any).
    """

    phase: float
    coast: float
    insertion: Floats
    flyby: Floats
    transfer: float
    cost: float


def mirrored(seed: Seed) -> Seed:
    """The way out of the halo: burns in order of time are departure and flyby, times are as before.

    With y and time reversed the phase changes sign, and the burn that stopped the craft sends it off.
    """
    turn = np.array([1.0, -1.0, 1.0])
    return Seed(-seed.phase, seed.coast, seed.insertion * turn, seed.flyby * turn, seed.transfer, seed.cost)


def _moon_frame(state: Floats) -> tuple[Floats, Floats]:
    s = state - np.concatenate([MOON, np.zeros(3)])
    t = s @ TO_INERTIAL.T
    return t[..., :3], t[..., 3:]


def _backwards(orbit: HaloOrbit, x: Floats) -> tuple[Floats, Floats]:
    """State at perilune and its derivative by x = (phase, coast, insertion)."""
    start = halo.sample(orbit, float(x[0]))
    along = cr3bp.derivative(start) * orbit.period
    start = start.copy()
    start[3:] -= x[2:5]
    state, stm = cr3bp.propagate_with_stm(start, -float(x[1]))
    jacobian = np.column_stack([stm @ along, -cr3bp.derivative(state), -stm[:, 3:]])
    return state, jacobian


def _perilune(state: Floats, jacobian: Floats, radius: float) -> tuple[Floats, Floats]:
    r, v = _moon_frame(state)
    value, gradient = periapsis_with_gradient(r, v, EARTH_MOON_MU)
    scale = np.array([radius, 0.02])
    return (value - [radius, 0.0]) / scale, gradient @ TO_INERTIAL @ jacobian / scale[:, None]


def _with_flyby(orbit: HaloOrbit, radius: float) -> Callable[[Floats], Evaluation]:
    """x = (phase, coast, insertion (3), flyby (3), transfer): perilune and perigee conditions."""

    def evaluate(x: Floats) -> Evaluation:
        state, part = _backwards(orbit, x)
        jacobian = np.zeros((6, 9))
        jacobian[:, :5] = part
        near, near_by = _perilune(state, jacobian, radius)
        before = state.copy()
        before[3:] -= x[5:8]
        jacobian[3:, 5:8] -= np.eye(3)
        home, stm = cr3bp.propagate_with_stm(before, -float(x[8]))
        jacobian = stm @ jacobian
        jacobian[:, 8] = -cr3bp.derivative(home)
        relative = (home - np.concatenate([_EARTH, np.zeros(3)])) @ TO_INERTIAL.T
        value, gradient = periapsis_with_gradient(relative[:3], relative[3:], 1.0 - EARTH_MOON_MU)
        scale = np.array([_PERIGEE, 0.02])
        far = (value - [_PERIGEE, 0.0]) / scale
        far_by = gradient @ TO_INERTIAL @ jacobian / scale[:, None]
        return Evaluation(np.concatenate([near, far]), np.vstack([near_by, far_by]), detail=state)

    return evaluate


def _from_orbit(orbit: HaloOrbit, radius: float, inclination: float | None) -> Callable[[Floats], Evaluation]:
    """x = (phase, coast, insertion (3)): perilune at the low orbit's radius, in its inclination if it has one."""
    circular = float(np.sqrt(EARTH_MOON_MU / radius))

    def evaluate(x: Floats) -> Evaluation:
        state, jacobian = _backwards(orbit, x)
        value, by = _perilune(state, jacobian, radius)
        r, v = _moon_frame(state)
        inertial = TO_INERTIAL @ jacobian
        if inclination is not None:
            h = np.cross(r, v)
            size = float(np.linalg.norm(h))
            tilt = h[2] / size
            h_by = np.cross(inertial[:3].T, v).T + np.cross(r, inertial[3:].T).T
            tilt_by = (h_by[2] - tilt * (h / size) @ h_by) / size
            value = np.append(value, tilt - np.cos(inclination))
            by = np.vstack([by, tilt_by])
        speed, speed_by = speed_at(r, v, radius, EARTH_MOON_MU)
        cost_by = speed_by @ inertial
        cost_by[1] += DAY_WORTH_M_S / SPEED_M_S / _DAY
        return Evaluation(
            value, by, speed - circular + float(x[1]) * DAY_WORTH_M_S / SPEED_M_S / _DAY, cost_by, state
        )

    return evaluate


def sphere(count: int) -> Floats:
    """Directions spread evenly, (count, 3): the golden spiral."""
    k = np.arange(count)
    z = 1.0 - 2.0 * (k + 0.5) / count
    turn = np.pi * (3.0 - np.sqrt(5.0)) * k
    return np.column_stack([np.sqrt(1.0 - z * z) * np.cos(turn), np.sqrt(1.0 - z * z) * np.sin(turn), z])


def arrivals() -> Floats:
    """Moon-relative velocities with which transfers from low Earth orbit come in, (n, 3)."""
    momentum = np.sqrt(2.0 * _PERIGEE * (1.0 - EARTH_MOON_MU))
    return np.array(
        [
            [radial, momentum * np.cos(tilt) - 1.0, momentum * np.sin(tilt)]
            for radial in (0.05, 0.2, 0.35, 0.5)
            for tilt in np.deg2rad([0.0, 20.0, 40.0, -20.0, -40.0])
        ]
    )


def _longest(orbit: HaloOrbit) -> float:
    return _LONGEST_DRO if orbit.point == 0 else _LONGEST


@lru_cache(maxsize=16)
def _scan(orbit: HaloOrbit, radius: float) -> tuple[tuple[Floats, Floats, Floats, float], ...]:
    """Coasts that come near the Moon: (x, direction of perilune, of motion there, speed at ``radius``)."""
    found = []
    times = -np.linspace(0.0, _longest(orbit), 53)
    for phase in np.arange(_PHASES) / _PHASES:
        start = halo.sample(orbit, float(phase))
        for size in _SIZES:
            for direction in sphere(_DIRECTIONS):
                state = start.copy()
                state[3:] -= size * direction
                track = cr3bp.propagate_grid(state, times)
                if track.shape[0] != times.size or not np.all(np.isfinite(track)):
                    continue
                distance = np.linalg.norm(track[:, :3] - MOON, axis=1)
                j = int(np.argmin(distance))
                if not 1 < j < times.size - 1 or distance[j] > 15.0 * radius:
                    continue
                r, v = _moon_frame(track[j])
                h = np.cross(r, v)
                pointing = np.cross(v, h) / EARTH_MOON_MU - r / np.linalg.norm(r)
                eccentricity = float(np.linalg.norm(pointing))
                size_h = float(np.linalg.norm(h))
                energy = 0.5 * float(v @ v) - EARTH_MOON_MU / float(np.linalg.norm(r))
                square = 2.0 * (energy + EARTH_MOON_MU / radius)
                if eccentricity < 1e-3 or size_h < 1e-9 or square <= 0.0:
                    continue
                apse = pointing / eccentricity
                motion = np.cross(h / size_h, apse)
                x = np.concatenate([[phase, -times[j]], size * direction])
                found.append((x, apse, motion, float(np.sqrt(square))))
    return tuple(found)


def _spread(ranked: list[tuple[float, Floats]]) -> list[Floats]:
    """The best starts, no two of nearly the same phase and coast."""
    chosen: list[Floats] = []
    for _, x in sorted(ranked, key=lambda entry: entry[0]):
        if all(abs(x[0] - y[0]) > 0.02 or abs(x[1] - y[1]) > 0.15 * y[1] for y in chosen):
            chosen.append(x)
        if len(chosen) == _STARTS:
            break
    return chosen


def _seed(solution: Solution) -> Seed:
    x = solution.x
    flyby, transfer = (x[5:8], float(x[8])) if x.size == 9 else (np.zeros(3), 0.0)
    phase = float(x[0] - np.floor(x[0]))
    return Seed(phase, float(x[1]), x[2:5].copy(), flyby.copy(), transfer, solution.cost)


def _distinct(seeds: list[Seed]) -> tuple[Seed, ...]:
    kept: list[Seed] = []
    for seed in sorted(seeds, key=lambda s: s.cost):
        if all(
            abs(np.angle(np.exp(2j * np.pi * (seed.phase - k.phase)))) > 0.15 or abs(seed.coast - k.coast) > 0.1
            for k in kept
        ):
            kept.append(seed)
    return tuple(kept)


@lru_cache(maxsize=32)
def flyby_seeds(orbit: HaloOrbit, perilune_radius_m: float) -> tuple[Seed, ...]:
    """Transfers from low Earth orbit with a powered flyby of the Moon, cheapest first; empty if none was found."""
    radius = perilune_radius_m / LENGTH_M
    evaluate = _with_flyby(orbit, radius)
    ways = arrivals()
    ranked = []
    for x, apse, motion, speed in _scan(orbit, radius):
        burn = speed * motion - hyperbola_through(apse * radius, ways, EARTH_MOON_MU)
        ranked.append((float(np.linalg.norm(x[2:5]) + np.min(np.linalg.norm(burn, axis=1))), x))
    scale = np.array([0.03, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.3])
    seeds: list[Seed] = []
    for x in _spread(ranked):

        def near_only(y: Floats) -> Evaluation:
            state, jacobian = _backwards(orbit, y)
            return Evaluation(*_perilune(state, jacobian, radius), detail=state)

        grazed = satisfy(near_only, x, scale[:5], tolerance=1e-6)
        if not grazed.miss < 1e-3 or not grazed.x[1] > 0.02:
            continue
        state = np.asarray(grazed.evaluation.detail)
        r, v = _moon_frame(state)
        burns = v - hyperbola_through(r, ways, EARTH_MOON_MU)
        burn = burns[np.argmin(np.linalg.norm(burns, axis=1))]
        start = np.concatenate([grazed.x, burn, [4.3 * _DAY]])
        solution = least_burns(evaluate, start, scale, [slice(2, 5), slice(5, 8)], _BURN)
        if solution.miss < 1e-6 and 2.2 * _DAY < solution.x[8] < 8.0 * _DAY and 0.0 < solution.x[1] < 2.0:
            seeds.append(_seed(solution))
    return _distinct(seeds)


@lru_cache(maxsize=32)
def low_orbit_seeds(orbit: HaloOrbit, radius_m: float, inclination_rad: float | None) -> tuple[Seed, ...]:
    """Transfers from a low lunar orbit, cheapest first; empty if none was found."""
    radius = radius_m / LENGTH_M
    evaluate = _from_orbit(orbit, radius, inclination_rad)
    circular = float(np.sqrt(EARTH_MOON_MU / radius))
    ranked = []
    for x, apse, motion, speed in _scan(orbit, radius):
        tilt = 0.0 if inclination_rad is None else abs(np.cross(apse, motion)[2] - np.cos(inclination_rad))
        ranked.append((float(np.linalg.norm(x[2:5]) + speed - circular + tilt), x))
    scale = np.array([0.03, 0.1, 0.05, 0.05, 0.05])
    seeds = []
    for x in _spread(ranked):
        solution = least_burns(evaluate, x, scale, [slice(2, 5)], _BURN)
        if solution.miss < 1e-6 and 0.02 < solution.x[1] < _longest(orbit):
            seeds.append(_seed(solution))
    return _distinct(seeds)


def perilune_state(orbit: HaloOrbit, seed: Seed) -> Floats:
    """Rotating state just after the flyby burn (or the departure from the low orbit) of a seed.

    Returns (6,), non-dimensional.
    """
    x = np.concatenate([[seed.phase, seed.coast], seed.insertion])
    return _backwards(orbit, x)[0]


def check_perilune(orbit: HaloOrbit, seed: Seed) -> float:
    """Perilune radius of a seed, m: what its conditions were meant to hold."""
    r, v = _moon_frame(perilune_state(orbit, seed))
    return float(periapsis(r, v, EARTH_MOON_MU)[0]) * LENGTH_M
