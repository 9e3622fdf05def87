"""Halo orbits about L1 and L2 in the restricted three-body problem: correction, continuation, named members.

A member is corrected between its two perpendicular crossings of the xz plane (K. C. Howell,
"Three-dimensional, periodic, halo orbits", Celestial Mechanics 32, 1984), and the family is followed by
pseudo-arclength from the third-order analytic orbit (D. L. Richardson, "Analytic construction of periodic
orbits about the collinear points", Celestial Mechanics 22, 1980) down to the near-rectilinear members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.records.places import Halo
from moonvillage.trajectory.cr3bp import (
    EARTH_MOON_MU,
    LENGTH_M,
    collinear_point,
    derivative,
    jacobi,
    propagate,
    propagate_with_stm,
)

Floats = NDArray[np.float64]

_CLOSURE: Final = 1e-12
_STEP: Final = 0.02  # arclength of the continuation
_MEMBERS: Final = 200
_SMALLEST_PERILUNE_M: Final = 1_737_400.0


@dataclass(frozen=True, slots=True, eq=False)
class HaloOrbit:
    """A periodic halo orbit in the rotating frame, non-dimensional (see :mod:`moonvillage.trajectory.cr3bp`).

    ``state`` is (6,) at a perpendicular crossing of the xz plane: the one farther from the Moon (apolune).
    ``perilune_radius`` and ``apolune_radius`` are the distances from the Moon's centre at the two crossings,
    ``amplitude_z`` the larger \\|z\\| of the two, in units of length.
    """

    point: int
    northern: bool
    state: Floats
    period: float
    jacobi: float
    perilune_radius: float
    apolune_radius: float
    amplitude_z: float


def _richardson(point: int, amplitude_z: float, mu: float) -> tuple[Floats, float]:
    """Third-order halo of small amplitude (in units of length): state at the crossing, and period."""
    libration = collinear_point(point, mu)
    gamma = abs(libration - (1.0 - mu))
    sign = 1.0 if point == 1 else -1.0  # Richardson's upper sign is L1

    def c(n: int) -> float:
        return float(
            (sign**n * mu + (-1.0) ** n * (1.0 - mu) * gamma ** (n + 1) / (1.0 - sign * gamma) ** (n + 1)) / gamma**3
        )

    c2, c3, c4 = c(2), c(3), c(4)
    lam = np.sqrt(0.5 * (2.0 - c2 + np.sqrt(9.0 * c2**2 - 8.0 * c2)))
    k = 2.0 * lam / (lam**2 + 1.0 - c2)
    delta = lam**2 - c2
    d1 = 3.0 * lam**2 / k * (k * (6.0 * lam**2 - 1.0) - 2.0 * lam)
    a21 = 3.0 * c3 * (k**2 - 2.0) / (4.0 * (1.0 + 2.0 * c2))
    a22 = 3.0 * c3 / (4.0 * (1.0 + 2.0 * c2))
    a23 = -3.0 * c3 * lam / (4.0 * k * d1) * (3.0 * k**3 * lam - 6.0 * k * (k - lam) + 4.0)
    a24 = -3.0 * c3 * lam / (4.0 * k * d1) * (2.0 + 3.0 * k * lam)
    b21 = -3.0 * c3 * lam / (2.0 * d1) * (3.0 * k * lam - 4.0)
    b22 = 3.0 * c3 * lam / d1
    d21 = -c3 / (2.0 * lam**2)
    s1 = (
        1.0
        / (2.0 * lam * (lam * (1.0 + k**2) - 2.0 * k))
        * (
            1.5 * c3 * (2.0 * a21 * (k**2 - 2.0) - a23 * (k**2 + 2.0) - 2.0 * k * b21)
            - 0.375 * c4 * (3.0 * k**4 - 8.0 * k**2 + 8.0)
        )
    )
    s2 = (
        1.0
        / (2.0 * lam * (lam * (1.0 + k**2) - 2.0 * k))
        * (
            1.5 * c3 * (2.0 * a22 * (k**2 - 2.0) + a24 * (k**2 + 2.0) + 2.0 * k * b22 + 5.0 * d21)
            + 0.375 * c4 * (12.0 - k**2)
        )
    )
    l1 = -1.5 * c3 * (2.0 * a21 + a23 + 5.0 * d21) - 0.375 * c4 * (12.0 - k**2) + 2.0 * lam**2 * s1
    l2 = 1.5 * c3 * (a24 - 2.0 * a22) + 1.125 * c4 + 2.0 * lam**2 * s2
    az = amplitude_z / gamma
    ax = np.sqrt(max((-l2 * az**2 - delta) / l1, 0.0))
    omega = 1.0 + s1 * ax**2 + s2 * az**2
    # second order suffices for the start of a Newton iteration; phase 0, class n = 1
    x = a21 * ax**2 + a22 * az**2 - ax + a23 * ax**2 - a24 * az**2
    z = az + d21 * ax * az * (1.0 - 3.0)
    vy = k * ax * lam + 2.0 * lam * (b21 * ax**2 - b22 * az**2)
    state = np.array([libration + gamma * x, 0.0, gamma * z, 0.0, gamma * vy * omega, 0.0])
    return state, float(2.0 * np.pi / (lam * omega))


def _unpack(free: Floats) -> Floats:
    return np.array([free[0], 0.0, free[1], 0.0, free[2], 0.0])


def _residual(free: Floats, mu: float) -> tuple[Floats, Floats]:
    """y, vx, vz at the half period and their derivatives by (x0, z0, vy0, T/2)."""
    end, stm = propagate_with_stm(_unpack(free), free[3], mu)
    rate = derivative(end, mu)
    rows = [1, 3, 5]
    jacobian = np.column_stack([stm[rows][:, [0, 2, 4]], rate[rows]])
    return end[rows], jacobian


def _correct(free: Floats, tangent: Floats | None, guess: Floats, step: float, mu: float) -> Floats | None:
    """Newton with the pseudo-arclength condition, or with least norm when there is no tangent."""
    for _ in range(12):
        f, jacobian = _residual(free, mu)
        if tangent is not None:
            f = np.append(f, tangent @ (free - guess) - step)
            jacobian = np.vstack([jacobian, tangent])
        if np.max(np.abs(f)) < _CLOSURE:
            return free
        delta = np.linalg.lstsq(jacobian, -f, rcond=None)[0]
        if not np.all(np.isfinite(delta)) or np.max(np.abs(delta)) > 0.3:
            return None
        free = free + delta
    f, _ = _residual(free, mu)
    return free if np.max(np.abs(f)) < 1e3 * _CLOSURE else None


def _orbit(point: int, free: Floats, mu: float) -> HaloOrbit:
    """Name the member by its geometry; the state is put at the apolune crossing."""
    near = _unpack(free)
    far = propagate(near, free[3], mu)
    far[[1, 3, 5]] = 0.0
    moon = np.array([1.0 - mu, 0.0, 0.0])
    d_near = float(np.linalg.norm(near[:3] - moon))
    d_far = float(np.linalg.norm(far[:3] - moon))
    apolune = near if d_near > d_far else far
    # the class is where the orbit lingers: northern when apolune is above the plane
    return HaloOrbit(
        point=point,
        northern=bool(apolune[2] > 0.0),
        state=apolune,
        period=float(2.0 * free[3]),
        jacobi=float(jacobi(apolune, mu)),
        perilune_radius=min(d_near, d_far),
        apolune_radius=max(d_near, d_far),
        amplitude_z=float(max(abs(near[2]), abs(far[2]))),
    )


def mirror(orbit: HaloOrbit) -> HaloOrbit:
    """The member of the other class: z and vz change sign."""
    flipped = orbit.state * np.array([1.0, 1.0, -1.0, 1.0, 1.0, -1.0])
    return replace(orbit, northern=not orbit.northern, state=flipped)


def _walk(point: int, mu: float) -> Iterator[Floats]:
    """Follow the family from a small halo towards the Moon; yields the free variables of each member."""
    state, period = _richardson(point, 0.005, mu)
    free: Floats | None = np.array([state[0], state[2], state[4], 0.5 * period])
    assert free is not None
    # hold z0 on the first member, so that it stays a halo and does not fall onto the planar orbit
    hold = np.array([0.0, 1.0, 0.0, 0.0])
    free = _correct(free, hold, free, 0.0, mu)
    if free is None:
        raise ArithmeticError(f"the analytic halo about L{point} did not converge")
    previous: Floats | None = None
    step = _STEP / 10.0  # the family turns sharply where it leaves the plane
    yield free
    for _ in range(_MEMBERS):
        _, jacobian = _residual(free, mu)
        tangent = np.linalg.svd(jacobian)[2][-1]
        if previous is None:
            tangent = tangent * np.sign(tangent[1] * free[1])  # away from the plane
        elif tangent @ previous < 0.0:
            tangent = -tangent
        fresh = _correct(free + step * tangent, tangent, free, step, mu)
        while fresh is None:
            step *= 0.5
            if step < 1e-4:
                return
            fresh = _correct(free + step * tangent, tangent, free, step, mu)
        previous, free = tangent, fresh
        yield free
        step = min(_STEP, 1.3 * step)


@lru_cache(maxsize=4)
def family(point: int, mu: float = EARTH_MOON_MU) -> tuple[HaloOrbit, ...]:
    """Members of the family about L1 or L2, from a small halo to one that grazes the Moon, in order.

    Members are of one class; :func:`mirror` gives the other. The walk takes about a second and is cached.
    """
    return tuple(orbit for orbit, _ in _members(point, mu))


@lru_cache(maxsize=4)
def _members(point: int, mu: float) -> tuple[tuple[HaloOrbit, Floats], ...]:
    members: list[tuple[HaloOrbit, Floats]] = []
    for free in _walk(point, mu):
        orbit = _orbit(point, free, mu)
        members.append((orbit, free))
        if orbit.perilune_radius * LENGTH_M < _SMALLEST_PERILUNE_M:
            break
    return tuple(members)


def find_halo(place: Halo) -> HaloOrbit:
    """The periodic member that a :class:`~moonvillage.records.places.Halo` names.

    Lengths are taken at the mean Earth–Moon distance 384,400 km. Where an amplitude names two members (the
    family's amplitude has a maximum), the first from the plane is meant: the one of the longer period.

    Raises
    ------
    ValueError
        If the point is not L1 or L2, if not exactly one of perilune radius and amplitude is given, or if the
        family has no such member; the message gives the span that it has.
    """
    return _find(place.point, place.northern, place.perilune_radius_m, place.amplitude_z_m)


@lru_cache(maxsize=64)
def _find(point: int, northern: bool, perilune_radius_m: float | None, amplitude_z_m: float | None) -> HaloOrbit:
    if (perilune_radius_m is None) == (amplitude_z_m is None):
        raise ValueError("a halo is named by its perilune radius or by its amplitude, exactly one of them")
    wished = (perilune_radius_m if perilune_radius_m is not None else amplitude_z_m or 0.0) / LENGTH_M

    def measure(orbit: HaloOrbit) -> float:
        return (orbit.perilune_radius if perilune_radius_m is not None else orbit.amplitude_z) - wished

    members = _members(point, EARTH_MOON_MU)
    for (a, free_a), (b, free_b) in pairwise(members):
        fa, fb = measure(a), measure(b)
        if fa * fb > 0.0:
            continue
        orbit = _secant(point, free_a, free_b, fa, fb, measure)
        return orbit if orbit.northern == northern else mirror(orbit)
    values = [(measure(orbit) + wished) * LENGTH_M for orbit, _ in members]
    what = "perilune radii" if perilune_radius_m is not None else "amplitudes"
    raise ValueError(
        f"the halo family about L{point} has {what} from {min(values) / 1e3:.0f} to "
        f"{max(values) / 1e3:.0f} km, not {wished * LENGTH_M / 1e3:.0f} km"
    )


def _secant(
    point: int, low: Floats, high: Floats, f_low: float, f_high: float, measure: Callable[[HaloOrbit], float]
) -> HaloOrbit:
    """Regula falsi (Illinois) on the chord between two neighbours, each trial corrected onto the family."""
    chord = high - low
    length = float(np.linalg.norm(chord))
    tangent = chord / length
    a, fa, b, fb = 0.0, f_low, length, f_high
    side = 0
    orbit: HaloOrbit | None = None
    for _ in range(60):
        s = 0.5 * (a + b) if fa == fb else (a * fb - b * fa) / (fb - fa)
        free = _correct(low + s * tangent, tangent, low, s, EARTH_MOON_MU)
        if free is None:
            break
        orbit = _orbit(point, free, EARTH_MOON_MU)
        f = measure(orbit)
        if abs(f) < 1e-13 or abs(b - a) < 1e-14:
            return orbit
        if f * fa > 0.0:
            a, fa = s, f
            fb = 0.5 * fb if side == 1 else fb
            side = 1
        else:
            b, fb = s, f
            fa = 0.5 * fa if side == -1 else fa
            side = -1
    if orbit is None:
        raise ArithmeticError(f"the halo about L{point} could not be corrected between its neighbours")
    return orbit


def sample(orbit: HaloOrbit, phase: float) -> Floats:
    """State (6,) at a ``phase`` in revolutions past apolune."""
    turn = (phase - np.round(phase)) * orbit.period
    return propagate(orbit.state, float(turn)) if turn != 0.0 else orbit.state.copy()
