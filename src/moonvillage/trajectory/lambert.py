"""Lambert's problem, vectorised: the conic through two positions in a given time.

The method is Izzo's (D. Izzo, "Revisiting Lambert's problem", Celestial Mechanics and Dynamical Astronomy
121, 2015): the universal variable x, his starting values, Householder iterations of third order, with the time of
flight by Battin's hypergeometric series near the parabola and Lancaster–Blanchard's expression elsewhere. All
cases of an array are iterated together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_ITERATIONS: Final = 15
_TOLERANCE: Final = 1e-13


@dataclass(frozen=True, slots=True, eq=False)
class LambertArc:
    """Velocities at both ends, (..., 3) m/s; rows are NaN where the case has no solution.

    ``residual`` is the relative error of the time of flight, (...).
    """

    v1_m_s: Floats
    v2_m_s: Floats
    residual: Floats


def _time_of_flight(x: Floats, lam: Floats, revolutions: int) -> Floats:
    """Non-dimensional time of flight T(x); Izzo (2015) eqs. 9, 18 and Battin's series near x = 1."""
    e = 1.0 - x * x
    rho = np.abs(e)
    z = np.sqrt(1.0 + lam * lam * (x * x - 1.0))
    with np.errstate(all="ignore"):
        y = np.sqrt(rho)
        g = x * z + lam * e
        psi = np.where(
            e > 0.0,
            np.arccos(np.clip(g, -1.0, 1.0)),
            np.arcsinh(np.maximum(y * (z - lam * x), 0.0)),
        )
        lancaster = ((psi + revolutions * np.pi) / y - x + lam * z) / e
    if revolutions:
        return np.asarray(lancaster)
    eta = z - lam * x
    s1 = 0.5 * (1.0 - lam - x * eta)
    q = 4.0 / 3.0 * _hypergeometric(np.clip(s1, -0.7, 0.7))
    battin = 0.5 * (eta**3 * q + 4.0 * lam * eta)
    return np.where(np.abs(x - 1.0) < 0.2, battin, lancaster)


def _hypergeometric(z: Floats) -> Floats:
    """Gauss's 2F1(3, 1; 5/2; z), by its series."""
    total = np.ones_like(z)
    term = np.ones_like(z)
    for j in range(60):
        term = term * (3.0 + j) * (1.0 + j) / ((2.5 + j) * (j + 1.0)) * z
        total = total + term
        if np.max(np.abs(term), initial=0.0) < 1e-16:
            break
    return total


def _derivatives(x: Floats, lam: Floats, t: Floats) -> tuple[Floats, Floats, Floats]:
    """First three derivatives of T(x), Izzo (2015) eq. 22."""
    one = 1.0 - x * x
    one = np.where(np.abs(one) < 1e-12, 1e-12, one)
    y2 = 1.0 - lam * lam * (1.0 - x * x)
    y = np.sqrt(y2)
    d1 = (3.0 * t * x - 2.0 + 2.0 * lam**3 * x / y) / one
    d2 = (3.0 * t + 5.0 * x * d1 + 2.0 * (1.0 - lam * lam) * lam**3 / (y2 * y)) / one
    d3 = (7.0 * x * d2 + 8.0 * d1 - 6.0 * (1.0 - lam * lam) * lam**5 * x / (y2 * y2 * y)) / one
    return d1, d2, d3


def _start(t: Floats, lam: Floats, revolutions: int, right: bool) -> Floats:
    """Starting values, Izzo (2015) eqs. 30 and 31."""
    if revolutions:
        base = (revolutions + 1) * np.pi if not right else revolutions * np.pi
        k = (base / (8.0 * t)) ** (2.0 / 3.0) if not right else (8.0 * t / base) ** (2.0 / 3.0)
        x = (k - 1.0) / (k + 1.0)
        return np.asarray(x)
    t0 = np.arccos(np.clip(lam, -1.0, 1.0)) + lam * np.sqrt(np.maximum(1.0 - lam * lam, 0.0))
    t1 = 2.0 / 3.0 * (1.0 - lam**3)
    with np.errstate(all="ignore"):
        slow = (t0 / t) ** (2.0 / 3.0) - 1.0
        fast = 2.5 * t1 * (t1 - t) / (t * (1.0 - lam**5)) + 1.0
        middle = np.exp(np.log(2.0) * np.log(t / t0) / np.log(t1 / t0)) - 1.0
    return np.where(t >= t0, slow, np.where(t <= t1, fast, middle))


def solve_lambert(
    r1_m: ArrayLike,
    r2_m: ArrayLike,
    tof_s: ArrayLike,
    mu_m3_s2: float,
    *,
    prograde: bool = True,
    normal: ArrayLike | None = None,
    revolutions: int = 0,
    right_branch: bool = False,
) -> LambertArc:
    """Solve Lambert's problem for arrays of cases.

    Parameters
    ----------
    r1_m, r2_m
        Positions, (..., 3) m, in one inertial frame centred on the attracting body; broadcast together.
    tof_s
        Times of flight, (...) s, positive.
    mu_m3_s2
        Gravitational parameter of the attracting body.
    prograde
        Whether the motion is counter-clockwise about ``normal``.
    normal
        Reference direction, (..., 3); the +z axis of the frame by default.
    revolutions
        Complete revolutions; ``right_branch`` picks the solution of larger x (shorter period) of the two.

    Returns
    -------
    LambertArc
        NaN rows mark cases without a solution: collinear positions (the plane is undefined), a flight time
        that is not positive, or one too short for the revolutions asked for.

    Notes
    -----
    Izzo (2015), algorithms 1 and 2.
    """
    r1 = np.asarray(r1_m, dtype=float)
    r2 = np.asarray(r2_m, dtype=float)
    tof = np.asarray(tof_s, dtype=float)
    up = np.array([0.0, 0.0, 1.0]) if normal is None else np.asarray(normal, dtype=float)
    shape = np.broadcast_shapes(r1.shape[:-1], r2.shape[:-1], tof.shape, up.shape[:-1])
    r1 = np.broadcast_to(r1, (*shape, 3)).reshape(-1, 3)
    r2 = np.broadcast_to(r2, (*shape, 3)).reshape(-1, 3)
    up = np.broadcast_to(up, (*shape, 3)).reshape(-1, 3)
    tof = np.broadcast_to(tof, shape).reshape(-1)

    with np.errstate(all="ignore"):
        n1 = np.linalg.norm(r1, axis=1)
        n2 = np.linalg.norm(r2, axis=1)
        c = np.linalg.norm(r2 - r1, axis=1)
        s = 0.5 * (n1 + n2 + c)
        i1 = r1 / n1[:, None]
        i2 = r2 / n2[:, None]
        cross = np.cross(i1, i2)
        sine = np.linalg.norm(cross, axis=1)
        bad = (sine < 1e-12) | ~(tof > 0.0)
        ih = cross / np.where(sine > 0, sine, 1.0)[:, None]
        short = (np.einsum("ij,ij->i", ih, up) >= 0.0) == prograde
        lam = np.sqrt(np.maximum(1.0 - c / s, 0.0)) * np.where(short, 1.0, -1.0)
        turn = np.where(short, 1.0, -1.0)[:, None]
        it1 = np.cross(ih, i1) * turn
        it2 = np.cross(ih, i2) * turn
        t = np.where(bad, 1.0, tof) * np.sqrt(2.0 * mu_m3_s2 / s**3)
        x = np.clip(_start(t, lam, revolutions, right_branch), -0.999999, 1e3)
        for _ in range(_ITERATIONS):
            value = _time_of_flight(x, lam, revolutions)
            f = value - t
            d1, d2, d3 = _derivatives(x, lam, value)
            step = f * (d1 * d1 - 0.5 * f * d2) / (d1 * (d1 * d1 - f * d2) + d3 * f * f / 6.0)
            fresh = x - step
            fresh = np.where(fresh <= -1.0, 0.5 * (x - 1.0), fresh)
            if revolutions:
                fresh = np.where(fresh >= 1.0, 0.5 * (x + 1.0), fresh)
            done = np.abs(fresh - x) < _TOLERANCE * (1.0 + np.abs(x))
            x = np.where(np.isfinite(fresh), fresh, x)
            if bool(np.all(done | ~np.isfinite(fresh))):
                break
        residual = np.abs(_time_of_flight(x, lam, revolutions) - t) / t
        bad |= ~(residual < 1e-8)
        gamma = np.sqrt(0.5 * mu_m3_s2 * s)
        rho = (n1 - n2) / c
        sigma = np.sqrt(np.maximum(1.0 - rho * rho, 0.0))
        y = np.sqrt(1.0 - lam * lam + lam * lam * x * x)
        vr1 = gamma * ((lam * y - x) - rho * (lam * y + x)) / n1
        vr2 = -gamma * ((lam * y - x) + rho * (lam * y + x)) / n2
        vt = gamma * sigma * (y + lam * x)
        v1 = vr1[:, None] * i1 + (vt / n1)[:, None] * it1
        v2 = vr2[:, None] * i2 + (vt / n2)[:, None] * it2
    v1 = np.where(bad[:, None], np.nan, v1)
    v2 = np.where(bad[:, None], np.nan, v2)
    return LambertArc(v1.reshape(*shape, 3), v2.reshape(*shape, 3), residual.reshape(shape))


def propagate_kepler(r_m: ArrayLike, v_m_s: ArrayLike, dt_s: ArrayLike, mu_m3_s2: float) -> tuple[Floats, Floats]:
    """Two-body motion by universal variables, vectorised; (..., 3) m, (..., 3) m/s, (...) s of either sign.

    Danby's form (J. M. A. Danby, "Fundamentals of Celestial Mechanics", 2nd ed. 1988, section 6.9), with a
    Laguerre–Conway iteration, which hardly depends on its start.
    """
    r0 = np.asarray(r_m, dtype=float)
    v0 = np.asarray(v_m_s, dtype=float)
    dt = np.asarray(dt_s, dtype=float)
    shape = np.broadcast_shapes(r0.shape[:-1], v0.shape[:-1], dt.shape)
    r0 = np.broadcast_to(r0, (*shape, 3))
    v0 = np.broadcast_to(v0, (*shape, 3))
    dt = np.broadcast_to(dt, shape)
    n0 = np.linalg.norm(r0, axis=-1)
    rv = np.einsum("...i,...i->...", r0, v0)
    alpha = 2.0 * mu_m3_s2 / n0 - np.einsum("...i,...i->...", v0, v0)
    s = dt / n0
    # on a hyperbola far from its start the linear guess overflows; the eccentric anomaly grows as a logarithm
    root = np.sqrt(np.maximum(-alpha, 1e-300))
    most = (np.arcsinh(root**3 * np.abs(dt) / mu_m3_s2) + 3.0) / root
    s = np.where(alpha < 0.0, np.clip(s, -most, most), s)
    for _ in range(60):
        g0, g1, g2, g3 = _stumpff(alpha, s)
        f = n0 * g1 + rv * g2 + mu_m3_s2 * g3 - dt
        d1 = n0 * g0 + rv * g1 + mu_m3_s2 * g2
        d2 = -n0 * alpha * g1 + rv * g0 + mu_m3_s2 * g1
        root = np.sqrt(np.abs(16.0 * d1 * d1 - 20.0 * f * d2))
        step = 5.0 * f / (d1 + np.where(d1 >= 0, root, -root))
        s = s - step
        if np.max(np.abs(step) / (np.abs(s) + 1e-30), initial=0.0) < 1e-15:
            break
    g0, g1, g2, g3 = _stumpff(alpha, s)
    norm = n0 * g0 + rv * g1 + mu_m3_s2 * g2
    f = 1.0 - mu_m3_s2 * g2 / n0
    g = dt - mu_m3_s2 * g3
    fd = -mu_m3_s2 * g1 / (n0 * norm)
    gd = 1.0 - mu_m3_s2 * g2 / norm
    return (
        f[..., None] * r0 + g[..., None] * v0,
        fd[..., None] * r0 + gd[..., None] * v0,
    )


def _stumpff(alpha: Floats, s: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """The universal functions g_n = s^n c_n(alpha s^2), n = 0..3."""
    x = alpha * s * s
    root = np.sqrt(np.abs(x))
    small = np.abs(x) < 1e-2
    safe = np.where(small, 1.0, root)
    with np.errstate(over="ignore", invalid="ignore"):
        c0 = np.where(x > 0, np.cos(root), np.cosh(np.where(x > 0, 0.0, root)))
        c1 = np.where(x > 0, np.sin(root), np.sinh(np.where(x > 0, 0.0, root))) / safe
        square = np.where(small, 1.0, x)
        c2 = (1.0 - c0) / square
        c3 = (1.0 - c1) / square
    c2 = np.where(small, 0.5 - x / 24.0 + x**2 / 720.0 - x**3 / 40320.0 + x**4 / 3628800.0, c2)
    c3 = np.where(small, 1 / 6 - x / 120.0 + x**2 / 5040.0 - x**3 / 362880.0 + x**4 / 39916800.0, c3)
    c1 = np.where(small, 1.0 - x * c3, c1)
    c0 = np.where(small, 1.0 - x * c2, c0)
    return c0, s * c1, s * s * c2, s**3 * c3
