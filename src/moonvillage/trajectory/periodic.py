"""Periodic orbits of the restricted problem that cross the xz plane at right angles twice in a revolution.

Halo, Lyapunov and distant retrograde orbits are of this sort. Such an orbit is corrected over half a revolution
(K. C. Howell, "Three-dimensional, periodic, halo orbits", Celestial Mechanics 32, 1984): from (x, 0, z, 0, vy, 0)
to the next crossing with y = vx = vz = 0, the time to it among the unknowns. A family is followed by
pseudo-arclength (H. B. Keller, "Numerical solution of bifurcation and nonlinear eigenvalue problems", in
Applications of Bifurcation Theory, 1977).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.trajectory.cr3bp import (
    EARTH_MOON_MU,
    derivative,
    jacobi,
    propagate,
    propagate_grid,
    propagate_with_stm,
)

Floats = NDArray[np.float64]

_CLOSURE: Final = 1e-12
#: y and time reversed, the restricted problem reads the same.
_MIRROR: Final = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
_SHAPE_NODES: Final = 49  # samples of half a revolution, for its greatest extents


@dataclass(frozen=True, slots=True, eq=False)
class PeriodicOrbit:
    """A periodic orbit in the rotating frame, non-dimensional (:mod:`moonvillage.trajectory.cr3bp`).

    Attributes
    ----------
    family
        ``"halo"``, ``"lyapunov"`` or ``"dro"``.
    point
        1 or 2 for the families about L1 and L2; 0 for distant retrograde orbits.
    northern
        Class of a halo: where it lingers; False for planar orbits.
    state
        (6,) at a perpendicular crossing of the xz plane, which is phase 0: of a halo the one farther from the Moon
        (apolune), of planar orbits the one nearer to the Earth.
    period, jacobi
        Period and Jacobi constant (without the term μ(1 − μ)).
    perilune_radius, apolune_radius
        The lesser and the greater distance from the Moon's centre at the two crossings.
    amplitude_z
        The larger \\|z\\| of the two crossings.
    stability
        The two indices (λ + 1/λ)/2 of the monodromy matrix's nontrivial pairs, the larger in size first; real where
        the pairs are real or on the unit circle, complex for a quadruple. The orbit is linearly stable where both
        are real and within ±1.
    """

    family: str
    point: int
    northern: bool
    state: Floats
    period: float
    jacobi: float
    perilune_radius: float
    apolune_radius: float
    amplitude_z: float
    stability: tuple[complex, complex]

    @property
    def amplitude_y(self) -> float:
        """The greatest \\|y\\| on the orbit, from a sampled half revolution (parabola through the largest)."""
        track = propagate_grid(self.state, np.linspace(0.0, 0.5 * self.period, _SHAPE_NODES))
        y = np.abs(track[:, 1])
        k = int(np.clip(np.argmax(y), 1, y.size - 2))
        low, mid, high = y[k - 1 : k + 2]
        bend = low - 2.0 * mid + high
        return float(mid - 0.125 * (high - low) ** 2 / bend) if bend < 0.0 else float(mid)


def unpack(free: Floats) -> Floats:
    """The state (6,) at the crossing, from the unknowns (x, z, vy, half period)."""
    return np.array([free[0], 0.0, free[1], 0.0, free[2], 0.0])


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """A corrected half revolution: unknowns (4,), and the transition matrix over it (6, 6)."""

    free: Floats
    stm: Floats
    jacobian: Floats


def _shoot(free: Floats, rows: list[int], mu: float) -> tuple[Floats, Floats, Floats]:
    end, stm = propagate_with_stm(unpack(free), float(free[3]), mu)
    rate = derivative(end, mu)
    return end[rows], np.column_stack([stm[rows][:, [0, 2, 4]], rate[rows]]), stm


def correct(
    guess: Floats, hold: Floats, planar: bool, mu: float = EARTH_MOON_MU, iterations: int = 12
) -> Half | None:
    """Newton's method for a half revolution near ``guess`` (4,), with no motion along ``hold`` (4,).

    Parameters
    ----------
    guess
        (x, z, vy, half period), non-dimensional.
    hold
        Direction in the space of unknowns in which the solution must not move: a tangent for a step of
        pseudo-arclength, a unit vector to hold one unknown.
    planar
        True keeps z = 0.

    Returns
    -------
    The corrected half, with y, vx (and vz) below 1e-12 at its end; None where the method did not converge.
    """
    rows = [1, 3] if planar else [1, 3, 5]
    columns = [0, 2, 3] if planar else [0, 1, 2, 3]
    free = guess.copy()
    reached = np.inf
    for _ in range(iterations):
        f, jacobian, stm = _shoot(free, rows, mu)
        reached = max(float(np.max(np.abs(f))), abs(float(hold @ (free - guess))))
        if reached < _CLOSURE:
            return Half(free, stm, jacobian)
        if not np.isfinite(reached):
            return None
        system = np.vstack([jacobian[:, columns], hold[columns]])
        try:
            delta = np.linalg.solve(system, -np.append(f, hold @ (free - guess)))
        except np.linalg.LinAlgError:
            return None
        if not np.all(np.isfinite(delta)) or np.max(np.abs(delta)) > 0.3:
            return None
        free[columns] += delta
    f, jacobian, stm = _shoot(free, rows, mu)
    return Half(free, stm, jacobian) if np.max(np.abs(f)) < 1e3 * _CLOSURE else None


def tangent_of(half: Half, planar: bool) -> Floats:
    """Unit tangent (4,) of the family at a corrected half, of either sense."""
    columns = [0, 2, 3] if planar else [0, 1, 2, 3]
    found = np.zeros(4)
    found[columns] = np.linalg.svd(half.jacobian[:, columns])[2][-1]
    return found


def walk(
    start: Half,
    towards: Floats,
    planar: bool,
    step: float,
    longest: float,
    members: int,
    mu: float = EARTH_MOON_MU,
) -> Iterator[Half]:
    """Follow a family from ``start`` (not yielded) in the sense of ``towards`` (4,).

    Steps grow by 30 % up to ``longest`` and are halved where the corrector fails; the walk ends after ``members``
    members, or where steps fall below 1e-5.
    """
    half, previous = start, towards
    for _ in range(members):
        tangent = tangent_of(half, planar)
        if tangent @ previous < 0.0:
            tangent = -tangent
        fresh = correct(half.free + step * tangent, tangent, planar, mu)
        while fresh is None:
            step *= 0.5
            if step < 1e-5:
                return
            fresh = correct(half.free + step * tangent, tangent, planar, mu)
        previous, half = tangent, fresh
        yield half
        step = min(longest, 1.3 * step)


def refine(
    low: Half, high: Half, planar: bool, measure: Callable[[Half], float], mu: float = EARTH_MOON_MU
) -> Half | None:
    """The member between two neighbours at which ``measure`` vanishes, by regula falsi (Illinois) on their chord.

    Every trial is corrected onto the family. None where one could not be.
    """
    chord = high.free - low.free
    length = float(np.linalg.norm(chord))
    tangent = chord / length
    a, fa, b, fb = 0.0, measure(low), length, measure(high)
    side = 0
    half: Half | None = None
    for _ in range(60):
        s = 0.5 * (a + b) if fa == fb else (a * fb - b * fa) / (fb - fa)
        half = correct(low.free + s * tangent, tangent, planar, mu)
        if half is None:
            return None
        f = measure(half)
        if abs(f) < 1e-13 or abs(b - a) < 1e-14:
            break
        if f * fa > 0.0:
            a, fa = s, f
            fb = 0.5 * fb if side == 1 else fb
            side = 1
        else:
            b, fb = s, f
            fa = 0.5 * fa if side == -1 else fa
            side = -1
    return half


def monodromy(half: Half) -> Floats:
    """Transition matrix (6, 6) over a whole revolution from that over its half: M = G Φ⁻¹ G Φ, by the mirror."""
    turned = np.linalg.solve(half.stm, np.diag(_MIRROR))
    return np.asarray(np.diag(_MIRROR) @ turned @ half.stm)


def vertical_index(half: Half) -> float:
    """Stability index of a planar orbit against motion out of its plane: half the trace of that block of M.

    With the half's block [[a, b], [c, d]] of unit determinant it is ad + bc; it passes 1 with c where a family of
    orbits symmetric to the xz plane leaves (the halos), and with b where an axial one does.
    """
    block = half.stm[np.ix_([2, 5], [2, 5])]
    return float(block[0, 0] * block[1, 1] + block[0, 1] * block[1, 0])


def stability(half: Half) -> tuple[complex, complex]:
    """The two stability indices, from the invariants of the monodromy matrix.

    With α = 2 − tr M and β = (α² + 2 − tr M²)/2 the nontrivial pairs have λ + 1/λ = (−α ± √(α² − 4β + 8))/2
    (R. A. Broucke, "Stability of periodic orbits in the elliptic restricted three-body problem", AIAA J. 7, 1969).
    """
    matrix = monodromy(half)
    alpha = 2.0 - float(np.trace(matrix))
    beta = 0.5 * (alpha**2 + 2.0 - float(np.sum(matrix * matrix.T)))
    root = np.sqrt(complex(alpha**2 - 4.0 * beta + 8.0))
    pairs = sorted(((-alpha + root) / 4.0, (-alpha - root) / 4.0), key=lambda index: -abs(index))
    return complex(pairs[0]), complex(pairs[1])


def orbit(half: Half, family: str, point: int, mu: float = EARTH_MOON_MU) -> PeriodicOrbit:
    """The record of a corrected half revolution."""
    near = unpack(half.free)
    far = propagate(near, float(half.free[3]), mu)
    far[[1, 3, 5]] = 0.0
    moon = np.array([1.0 - mu, 0.0, 0.0])
    d_near = float(np.linalg.norm(near[:3] - moon))
    d_far = float(np.linalg.norm(far[:3] - moon))
    first = (near if d_near > d_far else far) if family == "halo" else (near if near[0] < far[0] else far)
    return PeriodicOrbit(
        family=family,
        point=point,
        northern=bool(family == "halo" and first[2] > 0.0),
        state=first,
        period=float(2.0 * half.free[3]),
        jacobi=float(jacobi(first, mu)),
        perilune_radius=min(d_near, d_far),
        apolune_radius=max(d_near, d_far),
        amplitude_z=float(max(abs(near[2]), abs(far[2]))),
        stability=stability(half),
    )


def sample(member: PeriodicOrbit, phase: float) -> Floats:
    """State (6,) at a ``phase`` in revolutions past the member's first crossing."""
    turn = (phase - np.round(phase)) * member.period
    return propagate(member.state, float(turn)) if turn != 0.0 else member.state.copy()
