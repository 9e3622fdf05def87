"""Ways into a halo from a low flyby of the Moon, for every phase of arrival: first guesses for a window map.

A departure and a flight time ask for one place on the halo, and the cheapest transfer's place is another. Seen from a
place on the halo, backward in time, the insertions whose coasts graze the Moon at a given height form a surface of
two dimensions, which depends on the phase of the halo alone. It is sampled once per halo in the restricted problem:
burns of many sizes and directions are flown back, and those that come near the Moon are corrected to the height.
What the burn at perilune then costs hangs on the date and the flight time, and is priced by conics for each transfer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import heyoka as hy
import numpy as np
from numpy.typing import NDArray

from moonvillage.dynamics import cache
from moonvillage.dynamics.batch import lanes
from moonvillage.trajectory import cr3bp, halo
from moonvillage.trajectory.apses import periapsis
from moonvillage.trajectory.cr3bp import EARTH_MOON_MU, LENGTH_M, MOON, TO_INERTIAL
from moonvillage.trajectory.halo_seeds import sphere
from moonvillage.trajectory.many_burns import Rows, Values, meet
from moonvillage.trajectory.periodic import PeriodicOrbit

Floats = NDArray[np.float64]

#: Phases of arrival: so many over the revolution, and closer ones about perilune, where the craft is fast.
_PHASES: Final = 24
_NEAR_PERILUNE: Final = (
    0.43,
    0.445,
    0.46,
    0.47,
    0.48,
    0.487,
    0.494,
    0.5,
    0.506,
    0.513,
    0.52,
    0.53,
    0.54,
    0.555,
    0.57,
)
_DIRECTIONS: Final = 48
_SIZES: Final = (0.04, 0.1, 0.18, 0.28, 0.45)
_LARGEST: Final = 0.9
_LONGEST: Final = 1.5
_STEPS: Final = 46
_NEAR: Final = 0.09  # from the Moon, between two steps
_SCALE: Final = np.array([0.1, 0.2, 0.2, 0.2])
_MET: Final = 1e-4
_TOLERANCE: Final = 1e-9  # they are guesses
#: Two ways in are one where coast and burn agree so well.
_SAME: Final = np.array([0.04, 0.025, 0.025, 0.025])


@dataclass(frozen=True, slots=True, eq=False)
class FlybyFan:
    """Ways in: non-dimensional, Moon-centred, on the axes that rotate, with inertial velocities.

    ``phases`` (p,) of arrival; ``first`` (p + 1,) says where the ways of each phase begin. A way (a row, c in all) is
    ``x`` (c, 4), coast from perilune to the halo and insertion (3), with position ``r`` and velocity ``v`` (c, 3) at
    perilune, after the burn there.
    """

    phases: Floats
    first: Rows
    x: Floats
    r: Floats
    v: Floats


def _phases() -> Floats:
    coarse = np.arange(_PHASES) / _PHASES
    coarse = coarse[np.abs(coarse - 0.5) > 0.075]
    return np.sort(np.concatenate([coarse, _NEAR_PERILUNE]))


def periapsis_slopes(r: Floats, v: Floats, mu: float) -> tuple[Floats, Floats]:
    """(periapsis radius, time since periapsis) (k, 2) and the gradient by (r, v), (k, 2, 6); see ``apses``."""
    states = np.hstack([r, v])
    steps = np.hstack(
        [
            np.repeat(1e-6 * np.linalg.norm(r, axis=1)[:, None], 3, axis=1),
            np.repeat(1e-6 * np.linalg.norm(v, axis=1)[:, None], 3, axis=1),
        ]
    )
    nudges = np.zeros((13, 6))
    nudges[1:7], nudges[7:] = np.eye(6), -np.eye(6)
    table = states[:, None, :] + nudges * steps[:, None, :]
    values = np.stack(periapsis(table[..., :3], table[..., 3:], mu), axis=-1)
    return values[:, 0], ((values[:, 1:7] - values[:, 7:]) / (2.0 * steps[:, :, None])).transpose(0, 2, 1)


def _integrator(variations: bool) -> Any:
    width = lanes()

    def build() -> Any:
        system, start = cr3bp.equations(variations)
        states = np.repeat(np.array(start)[:, None], width, axis=1)
        return hy.taylor_adaptive_batch(
            system, states, pars=np.full((1, width), EARTH_MOON_MU), tol=_TOLERANCE, compact_mode=False
        )

    kind = "stm" if variations else "state"
    return cache.integrator(f"cr3bp-{kind}-x{width}-{_TOLERANCE:g}-1", build)


def flow(states: Floats, times: Floats) -> tuple[Floats, Floats]:
    """Flow (k, 6) and transition matrices (k, 6, 6) of the restricted problem over times (k,), non-dimensional."""
    integrator, width = _integrator(True), lanes()
    ends, matrices = np.full((states.shape[0], 6), np.nan), np.full((states.shape[0], 6, 6), np.nan)
    sound = np.isfinite(states).all(axis=1) & np.isfinite(times)
    order = np.argsort(times, kind="stable")
    order = order[sound[order]]
    state = integrator.state
    for first in range(0, order.size, width):
        mine = order[first : first + width]
        padded = np.concatenate([mine, np.full(width - mine.size, mine[-1])])
        state[:6] = states[padded].T
        state[6:] = np.eye(6).reshape(36, 1)
        integrator.set_time(0.0)
        integrator.propagate_until(times[padded], max_steps=250)
        reached = np.array([row[0] == hy.taylor_outcome.time_limit for row in integrator.propagate_res])[: mine.size]
        ends[mine[reached]] = state[:6].T[: mine.size][reached]
        matrices[mine[reached]] = state[6:].T[: mine.size][reached].reshape(-1, 6, 6)
    return ends, matrices


def _tracks(states: Floats, times: Floats) -> Floats:
    """Positions (k, t, 3) at common times (t,), of which the first is zero; no number after a path broke down."""
    integrator, width = _integrator(False), lanes()
    found = np.full((states.shape[0], times.size, 3), np.nan)
    grid = np.repeat(times[:, None], width, axis=1)
    for first in range(0, states.shape[0], width):
        mine = np.arange(first, min(first + width, states.shape[0]))
        padded = np.concatenate([mine, np.full(width - mine.size, mine[-1])])
        integrator.state[:] = states[padded].T
        integrator.set_time(0.0)
        _, track = integrator.propagate_grid(grid, max_steps=1000)
        found[mine] = np.asarray(track)[:, :3, : mine.size].transpose(2, 0, 1)
    return found


def _inertial(states: Floats, centre: Floats) -> tuple[Floats, Floats]:
    """Rotating states (k, 6) to position and inertial velocity about a body, on axes that stand still now."""
    r = states[:, :3] - centre
    v = states[:, 3:] + np.stack([-states[:, 1], states[:, 0] - centre[0], np.zeros(states.shape[0])], axis=1)
    return r, v


@lru_cache(maxsize=16)
def flyby_fan(orbit: PeriodicOrbit, perilune_radius_m: float) -> FlybyFan:
    """The ways into a halo from flybys at a radius, for all phases of arrival."""
    radius = perilune_radius_m / LENGTH_M
    phases = _phases()
    halo_states = np.array([halo.sample(orbit, float(phase)) for phase in phases])
    burns = np.concatenate([size * sphere(_DIRECTIONS) for size in _SIZES])
    owner = np.repeat(np.arange(phases.size), burns.shape[0])
    insertion = np.tile(burns, (phases.size, 1))
    starts = halo_states[owner].copy()
    starts[:, 3:] -= insertion
    times = -np.linspace(0.0, _LONGEST, _STEPS)
    distance = np.linalg.norm(_tracks(starts, times) - MOON, axis=2)
    dip = (
        (distance[:, 1:-1] < distance[:, :-2]) & (distance[:, 1:-1] <= distance[:, 2:]) & (distance[:, 1:-1] < _NEAR)
    )
    row, step = np.nonzero(dip)
    guess = np.hstack([-times[step + 1][:, None], insertion[row]])
    phase = owner[row]

    def graze(x: Floats, rows: Rows) -> Values:
        start = halo_states[phase[rows]].copy()
        start[:, 3:] -= x[:, 1:]
        start[x[:, 0] < 1e-3] = np.nan
        near, stm = flow(start, -x[:, 0])
        by = np.zeros((rows.size, 6, 4))
        by[:, :, 0] = -cr3bp.derivative(near)
        by[:, :, 1:] = -stm[:, :, 3:]
        r, v = _inertial(near, MOON)
        value, gradient = periapsis_slopes(r, v, EARTH_MOON_MU)
        scale = np.array([radius, 0.02])
        conditions = (value - [radius, 0.0]) / scale
        return Values(
            conditions, gradient @ TO_INERTIAL @ by / scale[:, None], np.zeros(rows.size), 0.0 * x, np.hstack([r, v])
        )

    found = meet(graze, guess, _SCALE, tolerance=_MET, iterations=7, hopeless=20.0)
    small = np.linalg.norm(found.x[:, 1:], axis=1) < _LARGEST
    good = (found.miss < _MET) & small & (found.x[:, 0] > 0.01) & (found.x[:, 0] < _LONGEST)
    keys = np.column_stack([phase[good], np.round(found.x[good] / _SAME)])
    _, kept = np.unique(keys, axis=0, return_index=True)
    kept = np.flatnonzero(good)[kept]  # sorted by phase
    first = np.searchsorted(phase[kept], np.arange(phases.size + 1))
    detail = found.values.detail[kept]
    return FlybyFan(phases, first, found.x[kept], detail[:, :3], detail[:, 3:])
