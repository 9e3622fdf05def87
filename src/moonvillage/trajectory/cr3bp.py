"""The circular restricted three-body problem of Earth and Moon: equations, variations, rotating frame.

Non-dimensional, barycentric, rotating: the Earth at (−μ, 0, 0), the Moon at (1 − μ, 0, 0), unit of length the
mean Earth–Moon distance, unit of time the sidereal month over 2π (V. Szebehely, "Theory of Orbits", 1967).
The problem serves only as the source of first guesses; every leg is solved again in the ephemeris.
"""

from __future__ import annotations

from typing import Any, Final

import heyoka as hy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.dynamics import cache

Floats = NDArray[np.float64]

#: Mass ratio of the Moon to Earth and Moon, from the GMs of DE440 (Park et al. 2021, AJ 161:105).
EARTH_MOON_MU: Final = 0.01215058426994
#: Unit of length, m (IAU mean distance), and of time, s: the sidereal month 27.321661 d over 2π.
LENGTH_M: Final = 384_400_000.0
TIME_S: Final = 27.321661 * 86400.0 / (2.0 * np.pi)
SPEED_M_S: Final = LENGTH_M / TIME_S

_TOLERANCE: Final = 1e-15


def equations(variations: bool) -> tuple[list[Any], list[float]]:
    """Equations of the state, or of state and transition matrix Φ (row by row), and a start; par[0] is μ.

    The variations Φ' = [[0, I], [G, C]] Φ are written out with the symmetric gradient G of the force and the
    Coriolis matrix C, which compiles and runs several times faster than differentiated expressions.
    """
    names = ["x", "y", "z", "vx", "vy", "vz"]
    if variations:
        names += [f"p{i}{j}" for i in range(6) for j in range(6)]
    variables = hy.make_vars(*names)
    r, v = variables[:3], variables[3:6]
    mu = hy.par[0]
    to_earth, to_moon = [r[0] + mu, r[1], r[2]], [r[0] - 1.0 + mu, r[1], r[2]]
    earth2, moon2 = hy.sum([c * c for c in to_earth]), hy.sum([c * c for c in to_moon])
    earth, moon = (1.0 - mu) * earth2**-1.5, mu * moon2**-1.5
    system = [(r[i], v[i]) for i in range(3)]
    system += [
        (v[0], 2.0 * v[1] + r[0] - earth * to_earth[0] - moon * to_moon[0]),
        (v[1], r[1] - 2.0 * v[0] - earth * r[1] - moon * r[1]),
        (v[2], -(earth * r[2]) - moon * r[2]),
    ]
    start = [0.8, 0.1, 0.1, 0.0, 0.0, 0.0]
    if variations:
        earth5, moon5 = 3.0 * (1.0 - mu) * earth2**-2.5, 3.0 * mu * moon2**-2.5
        phi = [variables[6 + 6 * i : 12 + 6 * i] for i in range(6)]
        gradient = [
            [earth5 * to_earth[i] * to_earth[k] + moon5 * to_moon[i] * to_moon[k] for k in range(3)] for i in range(3)
        ]
        for i in range(3):
            gradient[i][i] = gradient[i][i] - (earth + moon) + (1.0 if i < 2 else 0.0)
            system += [(phi[i][j], phi[i + 3][j]) for j in range(6)]
        for i in range(3):
            for j in range(6):
                terms = [gradient[i][k] * phi[k][j] for k in range(3)]
                if i < 2:
                    terms.append((2.0 if i == 0 else -2.0) * phi[4 - i][j])
                system.append((phi[i + 3][j], hy.sum(terms)))
        start += list(np.eye(6).ravel())
    return system, start


def _build(variations: bool) -> Any:
    system, start = equations(variations)
    return hy.taylor_adaptive(system, start, pars=[EARTH_MOON_MU], tol=_TOLERANCE)


def _integrator(variations: bool) -> Any:
    """This thread's compiled integrator, kept on disk between runs."""
    name = "cr3bp-stm-1" if variations else "cr3bp-state-1"  # the number counts versions of the equations
    return cache.integrator(name, lambda: _build(variations))


#: Where the Moon stands, non-dimensional; and states (6,) about it, rotating to inertial axes of the same direction.
MOON: Final = np.array([1.0 - EARTH_MOON_MU, 0.0, 0.0])
TO_INERTIAL: Final = np.eye(6)
TO_INERTIAL[3, 1], TO_INERTIAL[4, 0] = -1.0, 1.0


def derivative(state: ArrayLike, mu: float = EARTH_MOON_MU) -> Floats:
    """Time derivative of states (..., 6)."""
    s = np.asarray(state, dtype=float)
    x, y, z, vx, vy, vz = np.moveaxis(s, -1, 0)
    d1 = ((x + mu) ** 2 + y**2 + z**2) ** -1.5
    d2 = ((x - 1.0 + mu) ** 2 + y**2 + z**2) ** -1.5
    ax = 2.0 * vy + x - (1.0 - mu) * (x + mu) * d1 - mu * (x - 1.0 + mu) * d2
    ay = -2.0 * vx + y - (1.0 - mu) * y * d1 - mu * y * d2
    az = -(1.0 - mu) * z * d1 - mu * z * d2
    return np.stack([vx, vy, vz, ax, ay, az], axis=-1)


def jacobi(state: ArrayLike, mu: float = EARTH_MOON_MU) -> Floats:
    """Jacobi constant of states (..., 6), without the term μ(1 − μ)."""
    s = np.asarray(state, dtype=float)
    x, y, z, vx, vy, vz = np.moveaxis(s, -1, 0)
    r1 = np.sqrt((x + mu) ** 2 + y**2 + z**2)
    r2 = np.sqrt((x - 1.0 + mu) ** 2 + y**2 + z**2)
    return np.asarray(x**2 + y**2 + 2.0 * (1.0 - mu) / r1 + 2.0 * mu / r2 - vx**2 - vy**2 - vz**2)


def collinear_point(point: int, mu: float = EARTH_MOON_MU) -> float:
    """The x of the collinear point L1 or L2, by Newton's method on the balance of forces.

    Raises
    ------
    ValueError
        If ``point`` is neither 1 nor 2.
    """
    if point not in (1, 2):
        raise ValueError(f"the halo families stand about L1 and L2, not L{point}")
    sign = -1.0 if point == 1 else 1.0
    x = 1.0 - mu + sign * (mu / 3.0) ** (1.0 / 3.0)
    for _ in range(50):
        a = x + mu
        b = x - 1.0 + mu
        f = x - (1.0 - mu) / a**2 - mu * np.sign(b) / b**2
        slope = 1.0 + 2.0 * (1.0 - mu) / a**3 + 2.0 * mu / abs(b) ** 3
        step = f / slope
        x -= step
        if abs(step) < 1e-15:
            break
    return float(x)


def propagate(state: ArrayLike, time: float, mu: float = EARTH_MOON_MU) -> Floats:
    """Flow of one state (6,) over ``time``, of either sign; all non-dimensional."""
    ta = _integrator(False)
    ta.pars[0] = mu
    ta.time = 0.0
    ta.state[:] = state
    ta.propagate_until(time)
    return np.array(ta.state)


def propagate_grid(state: ArrayLike, times: ArrayLike, mu: float = EARTH_MOON_MU) -> Floats:
    """States (n, 6) at the monotonic ``times`` (n,), of which the first is the epoch of ``state``."""
    ta = _integrator(False)
    grid = np.asarray(times, dtype=float)
    ta.pars[0] = mu
    ta.time = grid[0]
    ta.state[:] = state
    return np.array(ta.propagate_grid(grid)[-1])


def propagate_with_stm(state: ArrayLike, time: float, mu: float = EARTH_MOON_MU) -> tuple[Floats, Floats]:
    """Flow (6,) and state transition matrix (6, 6) of one state over ``time``."""
    ta = _integrator(True)
    ta.pars[0] = mu
    ta.time = 0.0
    ta.state[:6] = state
    ta.state[6:] = np.eye(6).ravel()
    ta.propagate_until(time)
    return np.array(ta.state[:6]), np.array(ta.state[6:]).reshape(6, 6)


def rotating_axes(moon_r_m: ArrayLike, moon_v_m_s: ArrayLike) -> tuple[Floats, Floats, Floats, Floats]:
    """The instantaneous, pulsating rotating frame of the Earth–Moon line.

    Parameters
    ----------
    moon_r_m, moon_v_m_s
        Geocentric state of the Moon, (..., 3) each, on inertial axes.

    Returns
    -------
    length_m, length_rate_m_s, axes, rate_rad_s
        (...,) distance and its rate; ``axes`` (..., 3, 3), whose columns are the rotating x, y, z on inertial
        axes; (...,) rate about z. The slow turn of the orbit plane is left out: a first guess does not miss it.
    """
    r = np.asarray(moon_r_m, dtype=float)
    v = np.asarray(moon_v_m_s, dtype=float)
    length = np.linalg.norm(r, axis=-1)
    ex = r / length[..., None]
    h = np.cross(r, v)
    norm = np.linalg.norm(h, axis=-1)
    ez = h / norm[..., None]
    ey = np.cross(ez, ex)
    rate = norm / length**2
    return length, np.einsum("...i,...i->...", ex, v), np.stack([ex, ey, ez], axis=-1), rate


def to_moon_centred(
    state: ArrayLike, moon_r_m: ArrayLike, moon_v_m_s: ArrayLike, mu: float = EARTH_MOON_MU
) -> tuple[Floats, Floats]:
    """Rotating, non-dimensional states (..., 6) to Moon-centred inertial r, v (..., 3) m, m/s.

    Lengths scale with the instantaneous Earth–Moon distance, rates with its instantaneous angular rate.
    """
    s = np.asarray(state, dtype=float)
    length, length_rate, axes, rate = rotating_axes(moon_r_m, moon_v_m_s)
    rho = s[..., :3] - np.array([1.0 - mu, 0.0, 0.0])
    spin = np.stack([-rho[..., 1], rho[..., 0], np.zeros_like(rho[..., 0])], axis=-1)
    r = length[..., None] * np.einsum("...ij,...j->...i", axes, rho)
    v = np.einsum(
        "...ij,...j->...i",
        axes,
        length_rate[..., None] * rho + (length * rate)[..., None] * (s[..., 3:] + spin),
    )
    return r, v


def from_moon_centred(
    r_m: ArrayLike, v_m_s: ArrayLike, moon_r_m: ArrayLike, moon_v_m_s: ArrayLike, mu: float = EARTH_MOON_MU
) -> Floats:
    """Moon-centred inertial r, v (..., 3) to rotating, non-dimensional states (..., 6)."""
    length, length_rate, axes, rate = rotating_axes(moon_r_m, moon_v_m_s)
    rho = np.einsum("...ji,...j->...i", axes, np.asarray(r_m, dtype=float)) / length[..., None]
    u = np.einsum("...ji,...j->...i", axes, np.asarray(v_m_s, dtype=float))
    spin = np.stack([-rho[..., 1], rho[..., 0], np.zeros_like(rho[..., 0])], axis=-1)
    rho_dot = (u - length_rate[..., None] * rho) / (length * rate)[..., None] - spin
    return np.concatenate([rho + np.array([1.0 - mu, 0.0, 0.0]), rho_dot], axis=-1)
