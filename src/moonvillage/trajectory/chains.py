"""Long chains of arcs made one trajectory of the n-body model: multiple shooting by steps of least norm.

A periodic orbit of the restricted problem is laid along the calendar, its nodes scaled with the true Earth–Moon
distance, and the gaps between the arcs that start at them are closed by Newton's method; of all steps that close
the linearised gaps the shortest is taken (K. C. Howell & H. J. Pernicka, "Numerical determination of Lissajous
trajectories in the restricted three-body problem", Celestial Mechanics 41, 1988). The normal matrix of a chain is
block tridiagonal, so that a step costs as much as its arcs, however long the chain.

A chain of many revolutions cannot start from the periodic orbit: its own and the true orbit's phases drift apart,
and near perilune the gaps are beyond linear. It starts from short chains, each solved with margins over its
neighbours and blended with them there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_solve_banded, cholesky_banded

from moonvillage import dynamics
from moonvillage.dynamics.batch import SEARCH_TOLERANCE, propagate_batch
from moonvillage.ephemeris import de440
from moonvillage.trajectory import cr3bp, periodic
from moonvillage.trajectory.cr3bp import LENGTH_M, SPEED_M_S, TIME_S
from moonvillage.trajectory.periodic import PeriodicOrbit
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

#: Nodes in a revolution. They stand off the apses, where the motion is even.
NODES: Final = 4
#: Revolutions of a short chain and of its margin on either side.
SHORT: Final = 4
MARGIN: Final = 1
#: A step of least norm weighs a change of position of 1 km like one of velocity of 5 mm/s.
_WEIGHTS: Final = np.array([1.0] * 3 + [2e5] * 3)
#: Closed enough: for blending, for leaving the point-mass Moon, and for good.
_BLENDED_M: Final = 1e5
_ROUGH_M: Final = 1e3
CLOSED_M: Final = 0.05
#: The longest change of a node in one step, as a share of the orbit's greatest distance from the Moon.
_LONGEST: Final = 0.05
_ITERATIONS: Final = 60
#: Steps of a fit at each reach, and the change of position at which it rests.
_FITS: Final = 6
_FITTED_M: Final = 1e4
#: Orbits with stability indices below this are fitted, for their chains are governed by phase, not by instability.
_STABLE: Final = 1.05


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Nodes of a trajectory: ``epochs_tdb_s`` (n,), ``nodes`` (n, 6) m and m/s, Moon-centred ICRF.

    ``gap_m`` and ``gap_m_s`` are the widest gaps between the end of an arc and the next node; ``reason`` is empty
    where they were closed.
    """

    epochs_tdb_s: Floats
    nodes: Floats
    gap_m: float
    gap_m_s: float
    reason: str = ""


def _laid(orbit: PeriodicOrbit, first: int, count: int, pulsating: bool) -> tuple[Floats, Floats]:
    numbers = first + np.arange(count)
    epochs = (numbers + 0.5) / NODES * orbit.period * TIME_S
    moon_r, moon_v = de440.load().state("moon", epochs, "earth")
    if not pulsating:
        _, _, axes, _ = cr3bp.rotating_axes(moon_r, moon_v)
        moon_r, moon_v = LENGTH_M * axes[..., 0], SPEED_M_S * axes[..., 1]
    turns = np.array([periodic.sample(orbit, float((k + 0.5) / NODES)) for k in range(NODES)])
    r, v = cr3bp.to_moon_centred(turns[numbers % NODES], moon_r, moon_v)
    return epochs, np.hstack([r, v])


@lru_cache(maxsize=64)
def _pulsates(orbit: PeriodicOrbit) -> bool:
    """Whether the orbit scaled with the Moon's distance of date fits better than at the mean distance.

    Orbits deep in the Moon's attraction do not breathe with its distance, those about L1 and L2 do. Measured by the
    median gap over a year after J2000.
    """
    count = int(np.clip(365.25 * DAY_S / (orbit.period * TIME_S) * NODES, 25, 100))

    def gap(pulsating: bool) -> float:
        epochs, nodes = _laid(orbit, 0, count, pulsating)
        ends, _ = _rough(epochs, nodes, np.hstack(de440.load().state("moon", epochs, "earth")))
        return float(np.nanmedian(np.linalg.norm((ends - nodes[1:])[:, :3], axis=1)))

    return gap(True) < gap(False)


def lay(orbit: PeriodicOrbit, first: int, count: int) -> tuple[Floats, Floats]:
    """The periodic orbit along the calendar, on the rotating axes of date.

    Lengths are scaled with the Moon's true distance, or with the mean one, whichever fits the orbit better. Node
    ``k`` stands at phase (k + ½)/4 revolutions, counted from J2000, whatever chain it is part of.

    Returns
    -------
    epochs (count,) TDB s, states (count, 6) Moon-centred ICRF, m and m/s.

    Raises
    ------
    EphemerisRangeError
        If the chain leaves DE440.
    """
    return _laid(orbit, first, count, _pulsates(orbit))


def _rough(epochs: Floats, nodes: Floats, moon: Floats) -> tuple[Floats, Floats]:
    """End states (n, 6) and transition matrices (n, 6, 6), the Moon a point mass: fast, and near enough."""
    start = nodes[:-1] + moon[:-1]
    flown = propagate_batch(
        epochs[:-1], start[:, :3], start[:, 3:], epochs[1:], centre="earth", stm=True, tolerance=SEARCH_TOLERANCE
    )
    assert flown.stm is not None
    return flown.state - moon[1:], flown.stm


def _exact(epochs: Floats, nodes: Floats) -> Floats:
    """End states (n, 6) in the full Moon-centred model, from the integrator that will fly them."""
    ends = [
        dynamics.propagate(epochs[k], nodes[k, :3], nodes[k, 3:], epochs[k + 1], centre="moon").state
        for k in range(epochs.size - 1)
    ]
    return np.array(ends)


def _factor(matrices: Floats) -> Floats:
    """Banded Cholesky factor of J W⁻² Jᵀ for the continuity Jacobian J, which is block bidiagonal."""
    count = len(matrices)
    scaled = matrices / _WEIGHTS
    diagonal = scaled @ scaled.transpose(0, 2, 1) + np.diag(_WEIGHTS**-2)
    below = -matrices[1:] * _WEIGHTS**-2
    banded = np.zeros((12, 6 * count))
    for i in range(6):
        for j in range(i + 1):
            banded[i - j, j::6] = diagonal[:, i, j]
        for j in range(6):
            banded[6 + i - j, j : 6 * (count - 1) : 6] = below[:, i, j]
    return np.asarray(cholesky_banded(banded, lower=True))


def close(orbit: PeriodicOrbit, epochs: Floats, nodes: Floats, *, enough_m: float = CLOSED_M) -> Chain:
    """Close the gaps of a chain.

    Parameters
    ----------
    orbit
        The periodic orbit that it follows; sets the scale of steps.
    epochs, nodes
        (n,) TDB s, (n, 6) Moon-centred ICRF, m and m/s.
    enough_m
        Widest gap to stop at. Above 1 km it is reached with the Moon a point mass.

    Returns
    -------
    The chain, with its reason where it was not closed.
    """
    moon = np.hstack(de440.load().state("moon", epochs, "earth"))
    longest = _LONGEST * orbit.apolune_radius * LENGTH_M
    rough = True  # with a point-mass Moon, and its matrices; then the full model's states with the last of them
    factor: Floats | None = None
    matrices = np.empty((0, 6, 6))
    gap = np.full((epochs.size - 1, 6), np.inf)
    for _ in range(_ITERATIONS):
        if rough:
            ends, matrices = _rough(epochs, nodes, moon)
        else:
            ends = _exact(epochs, nodes)
        gap = ends - nodes[1:]
        widest = float(np.max(np.abs(gap[:, :3])))
        if not np.isfinite(widest):
            return _chain(epochs, nodes, gap, "an arc of the orbit runs into the Moon")
        if widest < enough_m and (not rough or enough_m > _ROUGH_M):
            return _chain(epochs, nodes, gap, "")
        if rough:
            try:
                factor = _factor(matrices)
            except LinAlgError:
                return _chain(epochs, nodes, gap, "the conditions between the arcs became dependent")
            rough = widest > _ROUGH_M
        assert factor is not None
        multipliers = cho_solve_banded((factor, True), -gap.ravel()).reshape(-1, 6)
        step = np.zeros_like(nodes)
        step[:-1] += np.einsum("kij,ki->kj", matrices, multipliers)
        step[1:] -= multipliers
        step /= _WEIGHTS**2
        nodes = nodes + step * min(1.0, longest / float(np.max(np.abs(step[:, :3]))))
    left = float(np.max(np.linalg.norm(gap[:, :3], axis=1)))
    reason = (
        ""
        if left < 1.0 and enough_m < 1.0
        else f"the orbit was not closed over its revolutions: {left:.0f} m are left"
    )
    return _chain(epochs, nodes, gap, reason)


def _chain(epochs: Floats, nodes: Floats, gap: Floats, reason: str) -> Chain:
    position = float(np.max(np.linalg.norm(gap[:, :3], axis=1)))
    speed = float(np.max(np.linalg.norm(gap[:, 3:], axis=1)))
    return Chain(epochs, nodes, position, speed, reason)


def _spread(orbit: PeriodicOrbit, first: int, count: int) -> Floats:
    """Nodes (count, 6) of one ballistic trajectory of a stable orbit, fitted to the periodic one by least squares.

    The fit begins with two revolutions in the middle and doubles its reach until the chain is covered, so that the
    phase never runs away from the linear. The Moon is a point mass here.
    """
    epochs, laid = lay(orbit, first, count)
    moon = np.hstack(de440.load().state("moon", epochs, "earth"))
    middle = count // 2
    state = laid[middle].copy()
    longest = _LONGEST * orbit.apolune_radius * LENGTH_M
    reach = 2 * NODES
    nodes = laid.copy()
    while True:
        low, high = max(0, middle - reach), min(count - 1, middle + reach)
        for _ in range(_FITS):
            tracks = np.empty((count, 6))
            parts = np.empty((count, 6, 6))
            tracks[middle], parts[middle] = state, np.eye(6)
            for sense, last in ((-1, low), (1, high)):
                for k in range(middle, last, sense):
                    start = tracks[k] + moon[k]
                    path = dynamics.propagate(
                        epochs[k], start[:3], start[3:], epochs[k + sense], centre="earth", stm=True
                    )
                    if path.stm is None:
                        return nodes
                    tracks[k + sense] = path.state - moon[k + sense]
                    parts[k + sense] = path.stm @ parts[k]
            inside = slice(low, high + 1)
            nodes[inside] = tracks[inside]
            miss = ((laid[inside] - tracks[inside]) * _WEIGHTS).ravel()
            design = (parts[inside] * _WEIGHTS[:, None] / _WEIGHTS).reshape(-1, 6)
            change = np.linalg.lstsq(design, miss, rcond=None)[0] / _WEIGHTS
            size = float(np.max(np.abs(change[:3])))
            state = state + change * min(1.0, longest / size)
            if size < _FITTED_M:
                break
        if low == 0 and high == count - 1:
            return nodes
        reach *= 2


def follow(orbit: PeriodicOrbit, first: int, count: int) -> Chain:
    """One trajectory along a periodic orbit in the n-body model.

    Parameters
    ----------
    orbit
        The orbit of the restricted problem.
    first, count
        Number of the first node (4 to a revolution, node 0 an eighth of one after J2000) and how many nodes.

    Returns
    -------
    The closed chain, or one with its reason. Equal arguments give equal results.

    Raises
    ------
    EphemerisRangeError
        If the chain, or the short chains that it starts from, leave DE440.
    """
    span = SHORT * NODES
    if count <= span + 2 * MARGIN * NODES + 1:
        epochs, nodes = lay(orbit, first, count)
        return close(orbit, epochs, nodes)
    if abs(orbit.stability[0]) < _STABLE:
        epochs = lay(orbit, first, count)[0]
        return close(orbit, epochs, _spread(orbit, first, count))
    epochs, laid = lay(orbit, first, count)
    total, weight = np.zeros_like(laid), np.zeros(count)
    for block in range(first // span, (first + count - 1) // span + 1):
        begin = block * span - MARGIN * NODES
        length = span + 2 * MARGIN * NODES + 1
        own_epochs, own = lay(orbit, begin, length)
        piece = close(orbit, own_epochs, own, enough_m=_BLENDED_M)
        if piece.reason:
            continue
        place = np.arange(length)
        share = np.minimum(1.0, np.minimum(place + 1, length - place) / (2 * MARGIN * NODES))
        mine = begin + place - first
        inside = (mine >= 0) & (mine < count)
        total[mine[inside]] += share[inside, None] * piece.nodes[inside]
        weight[mine[inside]] += share[inside]
    nodes = np.where(weight[:, None] > 0.0, total / np.maximum(weight, 1e-9)[:, None], laid)
    return close(orbit, epochs, nodes)
