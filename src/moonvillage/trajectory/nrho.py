"""Halo orbits in the ephemeris: the reference that a craft on a halo is taken to follow.

The periodic orbit of the restricted problem is laid along the calendar, its nodes are scaled with the true
Earth–Moon distance, and multiple shooting makes them one trajectory of the n-body model, by steps of least norm
(K. C. Howell & H. J. Pernicka, "Numerical determination of Lissajous trajectories in the restricted three-body
problem", Celestial Mechanics 41, 1988). The phase is fixed once for all dates: apolune at J2000 and every period
after, so that a halo of one name is one orbit for everybody. It is solved in blocks of a few revolutions, each with
a margin; where two blocks meet, the reference
jumps, by a thousand kilometres and some m/s, which a leg never sees: each uses one block throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.records.places import Dro, Halo
from moonvillage.trajectory import cr3bp, dro, halo, periodic
from moonvillage.trajectory.cr3bp import TIME_S
from moonvillage.trajectory.halo import HaloOrbit
from moonvillage.trajectory.periodic import PeriodicOrbit

Floats = NDArray[np.float64]

#: Revolutions of a block, of the margin on either side of it, and nodes in a revolution.
_BLOCK: Final = 4
_MARGIN: Final = 1
_NODES: Final = 4
#: A step of least norm weighs a change of position of 1 km like one of velocity of 5 mm/s.
_VELOCITY_WEIGHT_S: Final = 2e5
_ROUGH_M: Final = 1e3
_CLOSED_M: Final = 0.05
_LONGEST_STEP_M: Final = 3e6
_ITERATIONS: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A stretch of a halo in the n-body model, Moon-centred ICRF; states are valid from ``start`` to ``end``.

    ``gap_m`` and ``gap_m_s`` are the largest discontinuities between its arcs; ``reason`` is empty where it
    converged.
    """

    orbit: HaloOrbit | PeriodicOrbit
    start_tdb_s: float
    end_tdb_s: float
    paths: tuple[dynamics.Path, ...]
    gap_m: float
    gap_m_s: float
    reason: str = ""

    def state(self, epoch_tdb_s: float) -> Floats:
        """State (6,) at an epoch, m and m/s, Moon-centred ICRF."""
        for path in self.paths:
            if path.start_tdb_s <= epoch_tdb_s <= path.epoch_tdb_s:
                return np.asarray(path.at(epoch_tdb_s))
        raise ValueError(
            f"epoch {epoch_tdb_s:.0f} s lies outside the reference, {self.start_tdb_s:.0f} to {self.end_tdb_s:.0f} s"
        )

    def rate(self, epoch_tdb_s: float) -> Floats:
        """Time derivative (6,) of the state, by central differences of the dense output."""
        low = max(epoch_tdb_s - 5.0, self.start_tdb_s)
        high = min(epoch_tdb_s + 5.0, self.end_tdb_s)
        return (self.state(high) - self.state(low)) / (high - low)

    def phase(self, epoch_tdb_s: float) -> float:
        """Nominal phase in revolutions past apolune, in [0, 1)."""
        return float((epoch_tdb_s / (self.orbit.period * TIME_S)) % 1.0)


def find(place: Halo | Dro) -> HaloOrbit | PeriodicOrbit:
    """The periodic orbit of the restricted problem that a place names.

    Raises
    ------
    ValueError
        Where the family has no such member.
    """
    return dro.find_dro(place) if isinstance(place, Dro) else halo.find_halo(place)


def period_s(place: Halo | Dro) -> float:
    """Nominal period of a halo or distant retrograde orbit, s. Raises ValueError where there is no such member."""
    return find(place).period * TIME_S


def reference(place: Halo | Dro, epoch_tdb_s: float) -> Reference:
    """The stretch of a place's reference that holds an epoch, with at least a revolution on either side.

    Raises
    ------
    ValueError
        Where the family has no such member.
    EphemerisRangeError
        If the stretch leaves DE440.
    """
    orbit = find(place)
    block = int(np.floor(epoch_tdb_s / (_BLOCK * orbit.period * TIME_S)))
    return _reference(orbit, block)


def _sample(orbit: HaloOrbit | PeriodicOrbit, phase: float) -> Floats:
    return periodic.sample(orbit, phase) if isinstance(orbit, PeriodicOrbit) else halo.sample(orbit, phase)


@lru_cache(maxsize=96)
def _reference(orbit: HaloOrbit | PeriodicOrbit, block: int) -> Reference:
    """Multiple shooting over one block and its margins."""
    period = orbit.period * TIME_S
    first = (block * _BLOCK - _MARGIN) * _NODES
    count = (_BLOCK + 2 * _MARGIN) * _NODES + 1
    # nodes stand off the apses, where the motion is even
    phases = (first + np.arange(count) + 0.5) / _NODES
    epochs = phases * period
    moon_r, moon_v = de440.load().state("moon", epochs, "earth")
    turns = [_sample(orbit, float((k + 0.5) / _NODES)) for k in range(_NODES)]
    guess = np.array([turns[(first + k) % _NODES] for k in range(count)])
    r, v = cr3bp.to_moon_centred(guess, moon_r, moon_v)
    nodes = np.hstack([r, v])
    weights = np.array([1.0] * 3 + [_VELOCITY_WEIGHT_S] * 3)
    matrices: list[Floats] = []
    gap = np.full((count - 1, 6), np.inf)
    paths: list[dynamics.Path] = []
    factor = None
    rough = True  # with a point-mass Moon, and its matrices; then the full model's states with the last of them
    for _ in range(_ITERATIONS):
        if rough:
            ends, matrices = _rough_arcs(epochs, nodes, moon_r, moon_v, weights)
        else:
            paths = [
                dynamics.propagate(epochs[k], nodes[k, :3], nodes[k, 3:], epochs[k + 1], centre="moon", dense=True)
                for k in range(count - 1)
            ]
            ends = np.array([path.state for path in paths])
        gap = ends - nodes[1:]
        widest = float(np.max(np.abs(gap[:, :3])))
        if not np.isfinite(widest):
            return _failed(orbit, epochs, "an arc of the halo runs into the Moon")
        if not rough and widest < _CLOSED_M:
            break
        if rough:
            factor = _factor(matrices, weights)
            rough = widest > _ROUGH_M
        assert factor is not None
        multipliers = cho_solve(factor, -gap.ravel()).reshape(-1, 6)
        step = np.zeros_like(nodes)
        for k in range(count - 1):
            step[k] += matrices[k].T @ multipliers[k]
            step[k + 1] -= multipliers[k] / weights
        step = step / weights
        longest = float(np.max(np.abs(step[:, :3])))
        nodes = nodes + step * min(1.0, _LONGEST_STEP_M / longest)
    closed = float(np.max(np.linalg.norm(gap[:, :3], axis=1)))
    if not closed < 100.0 * _CLOSED_M or not paths[0].pieces:
        return _failed(orbit, epochs, f"the halo was not closed over its revolutions: {closed:.0f} m are left")
    speed = float(np.max(np.linalg.norm(gap[:, 3:], axis=1)))
    return Reference(orbit, float(epochs[0]), float(epochs[-1]), tuple(paths), closed, speed)


def _rough_arcs(
    epochs: Floats, nodes: Floats, moon_r: Floats, moon_v: Floats, weights: Floats
) -> tuple[Floats, list[Floats]]:
    """End states (n, 6) and scaled transition matrices of all arcs, the Moon a point mass: fast, and near enough."""
    moon = np.hstack([moon_r, moon_v])
    ends, matrices = [], []
    for k in range(epochs.size - 1):
        start = nodes[k] + moon[k]
        path = dynamics.propagate(epochs[k], start[:3], start[3:], epochs[k + 1], centre="earth", stm=True)
        ends.append(path.state - moon[k + 1])
        matrices.append(np.full((6, 6), np.nan) if path.stm is None else path.stm / weights)
    return np.array(ends), matrices


def _factor(matrices: list[Floats], weights: Floats) -> tuple[Floats, bool]:
    """Cholesky factor of J W⁻² Jᵀ for the continuity Jacobian J, which is block bidiagonal."""
    n = len(matrices)
    normal = np.zeros((6 * n, 6 * n))
    for k, matrix in enumerate(matrices):
        a = slice(6 * k, 6 * k + 6)
        normal[a, a] = matrix @ matrix.T + np.diag(weights**-2)
        if k:
            b = slice(6 * k - 6, 6 * k)
            normal[a, b] = -matrix / weights
            normal[b, a] = normal[a, b].T
    factor, lower = cho_factor(normal)
    return np.asarray(factor), bool(lower)


def _failed(orbit: HaloOrbit | PeriodicOrbit, epochs: Floats, reason: str) -> Reference:
    nan = float("nan")
    return Reference(orbit, float(epochs[0]), float(epochs[-1]), (), nan, nan, reason)
