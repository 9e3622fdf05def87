"""Osculating apse conditions: what a targeter asks of an arc that should graze a body.

Asking for the radius and for r·v = 0 is crooked: far from the apse the derivatives point elsewhere. The
osculating periapsis and the time since periapsis are almost linear in the free variables, and they say the same
at the apse itself. That is why the searches of this room converge from poor guesses.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def periapsis(r_m: Floats, v_m_s: Floats, mu_m3_s2: float) -> tuple[Floats, Floats]:
    """Radius of the osculating periapsis, m, and a time since periapsis, s; r, v are (..., 3).

    The time is Barker's, of the parabola with the same periapsis and true anomaly: zero at the periapsis only, and
    of the right sign and order elsewhere, for ellipses and hyperbolas alike.
    """
    radius = np.sqrt(np.einsum("...i,...i->...", r_m, r_m))
    speed2 = np.einsum("...i,...i->...", v_m_s, v_m_s)
    radial = np.einsum("...i,...i->...", r_m, v_m_s)
    h2 = np.maximum(radius**2 * speed2 - radial**2, 1e-300)
    energy = 0.5 * speed2 - mu_m3_s2 / radius
    eccentricity = np.sqrt(np.maximum(1.0 + 2.0 * energy * h2 / mu_m3_s2**2, 0.0))
    q = h2 / mu_m3_s2 / (1.0 + eccentricity)
    # tan(ν/2) = e sin ν / (e + e cos ν); it runs to infinity towards an apoapsis
    below = eccentricity + h2 / (mu_m3_s2 * radius) - 1.0
    half_tangent = radial * np.sqrt(h2) / (mu_m3_s2 * radius) / np.where(np.abs(below) > 1e-9, below, 1e-9)
    return q, np.sqrt(2.0 * q**3 / mu_m3_s2) * (half_tangent + half_tangent**3 / 3.0)


def with_gradient(
    values: Callable[[Floats, Floats], tuple[Floats, ...]], r_m: Floats, v_m_s: Floats
) -> tuple[Floats, Floats]:
    """Values (k,) and their gradient by (r, v), (k, 6), by central differences, all in one call."""
    steps = np.array([1e-6 * float(np.linalg.norm(r_m))] * 3 + [1e-6 * float(np.linalg.norm(v_m_s))] * 3)
    state = np.concatenate([r_m, v_m_s])
    table = np.concatenate([state[None, :], state + np.diag(steps), state - np.diag(steps)])
    found = np.stack(values(table[:, :3], table[:, 3:]), axis=-1)
    return found[0], ((found[1:7] - found[7:13]) / (2.0 * steps[:, None])).T


def periapsis_with_gradient(r_m: Floats, v_m_s: Floats, mu_m3_s2: float) -> tuple[Floats, Floats]:
    """(periapsis radius, time since periapsis) as (2,) and its gradient by (r, v), (2, 6)."""
    return with_gradient(lambda r, v: periapsis(r, v, mu_m3_s2), r_m, v_m_s)


def entry(
    r_m: Floats, v_m_s: Floats, radius_m: float, flight_path_angle_rad: float, mu_m3_s2: float
) -> tuple[Floats, Floats]:
    """How far a state is from an atmospheric entry: (ratio of angular momentum − 1, time past the interface, s).

    Both are zero exactly where the state is at ``radius_m``, falling at the (negative) flight-path angle. The
    momentum is compared with that of the same energy at the angle; the times are Barker's, see :func:`periapsis`.
    """
    radius = np.sqrt(np.einsum("...i,...i->...", r_m, r_m))
    speed2 = np.einsum("...i,...i->...", v_m_s, v_m_s)
    radial = np.einsum("...i,...i->...", r_m, v_m_s)
    h = np.sqrt(np.maximum(radius**2 * speed2 - radial**2, 1e-300))
    at = np.sqrt(np.maximum(speed2 - 2.0 * mu_m3_s2 * (1.0 / radius - 1.0 / radius_m), 1.0))
    q, now = periapsis(r_m, v_m_s, mu_m3_s2)
    fall = -np.sqrt(np.maximum((radius_m * at) ** 2 - h**2, 0.0))
    eccentricity = h**2 / (mu_m3_s2 * q) - 1.0
    half_tangent = fall * h / (mu_m3_s2 * radius_m) / (eccentricity + h**2 / (mu_m3_s2 * radius_m) - 1.0)
    then = np.sqrt(2.0 * q**3 / mu_m3_s2) * (half_tangent + half_tangent**3 / 3.0)
    return h / (radius_m * at * np.cos(flight_path_angle_rad)) - 1.0, now - then


def entry_with_gradient(
    r_m: Floats, v_m_s: Floats, radius_m: float, flight_path_angle_rad: float, mu_m3_s2: float
) -> tuple[Floats, Floats]:
    """:func:`entry` as (2,) and its gradient by (r, v), (2, 6)."""
    return with_gradient(lambda r, v: entry(r, v, radius_m, flight_path_angle_rad, mu_m3_s2), r_m, v_m_s)


def hyperbola_through(r_m: Floats, v_infinity_m_s: Floats, mu_m3_s2: float) -> Floats:
    """Velocity at ``r_m`` (3,) of the hyperbolas that came in with the asymptotic velocities (n, 3).

    R. H. Battin, "An Introduction to the Mathematics and Methods of Astrodynamics", 1987, section 7.4 (there for
    the outgoing asymptote; time is reversed here).
    """
    radius = np.linalg.norm(r_m)
    direction = r_m / radius
    speed = np.linalg.norm(v_infinity_m_s, axis=-1)
    u = v_infinity_m_s / speed[:, None]
    cosine = -u @ direction
    d = np.sqrt(1.0 + 4.0 * mu_m3_s2 / (radius * speed**2 * np.maximum(1.0 + cosine, 1e-9)))
    return np.asarray(0.5 * speed[:, None] * ((d + 1.0)[:, None] * u - (d - 1.0)[:, None] * direction))


def speed_at(r_m: Floats, v_m_s: Floats, radius_m: float, mu_m3_s2: float) -> tuple[float, Floats]:
    """Speed that the osculating orbit has at ``radius_m``, and its gradient by (r, v), (6,).

    As a cost it is smooth where the speed of a state that is not yet at its apse would mislead a search.
    """
    distance = float(np.linalg.norm(r_m))
    square = float(v_m_s @ v_m_s) - 2.0 * mu_m3_s2 * (1.0 / distance - 1.0 / radius_m)
    speed = float(np.sqrt(max(square, 1e-12)))
    return speed, np.concatenate([mu_m3_s2 * r_m / distance**3, v_m_s]) / speed
