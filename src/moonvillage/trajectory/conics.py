"""Two-body arcs for first guesses: from the Earth's vicinity up to the Moon's distance, and past the Moon.

A way down (a return) is a way up run backwards. Textbook two-body relations (Battin 1999, ch. 3–4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_MOON_M3_S2

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Climb:
    """An ellipse about the Earth that leaves a radius at a flight-path angle and reaches another in a given time.

    All arrays have the shape of the times asked for. ``angle_rad`` is swept between start and end; ``valid`` is False
    where no such ellipse exists (then the ellipse of the nearest time stands in).
    """

    start_speed_m_s: Floats
    angle_rad: Floats
    radial_m_s: Floats
    transverse_m_s: Floats
    valid: NDArray[np.bool_]


def climb(start_radius_m: float, path_angle_rad: float, end_radius_m: ArrayLike, time_s: ArrayLike) -> Climb:
    """The ellipse from ``start_radius_m`` at ``path_angle_rad`` ≥ 0 out to ``end_radius_m`` in ``time_s``.

    ``end_radius_m`` and ``time_s`` are (...), broadcast together.

    Solved by Newton's method for the eccentric anomaly E at the end, in which the time of flight is smooth and
    rising through apogee (E = π; about 5 d to the Moon): longer flights arrive on the way down.
    """
    end, time = np.broadcast_arrays(np.asarray(end_radius_m, float), np.asarray(time_s, float))
    mu = GM_EARTH_M3_S2
    cos2 = float(np.cos(path_angle_rad)) ** 2
    perigee = np.full(end.shape, start_radius_m * cos2)
    lead = np.zeros(end.shape)  # time from perigee to the start
    last = np.full(end.shape, 2.8)
    for turn in range(12):
        q = perigee / end
        cos_last, sin_last = np.cos(last), np.sin(last)
        below = 1.0 - q * cos_last
        e = (1.0 - q) / below
        a = perigee / (1.0 - e)
        rate = np.sqrt(a**3 / mu)
        e_slope = -(1.0 - q) * q * sin_last / below**2
        elapsed = rate * (last - e * sin_last)
        slope = 1.5 * elapsed * e_slope / (1.0 - e) + rate * (1.0 - e * cos_last - sin_last * e_slope)
        step = (time + lead - elapsed) / slope
        last = np.maximum(np.minimum(last + np.maximum(np.minimum(step, 0.6), -0.6), 5.5), 0.6)
        if path_angle_rad > 0.0 and turn < 11:
            perigee = start_radius_m * cos2 * (2.0 - start_radius_m / a) / (2.0 - perigee / a)
            first = np.arccos(np.clip((1.0 - start_radius_m / a) / np.maximum(e, 1e-9), -1.0, 1.0))
            lead = rate * (first - e * np.sin(first))
        if turn > 2 and float(np.abs(step).max()) < 1e-9:
            break
    valid = np.abs(step) < 1e-6
    first = np.arccos(np.clip((1.0 - start_radius_m / a) / e, -1.0, 1.0))
    factor = np.sqrt((1.0 + e) / (1.0 - e))
    swept = 2.0 * (np.arctan2(factor * np.sin(0.5 * last), np.cos(0.5 * last)))
    swept = swept - 2.0 * np.arctan(factor * np.tan(0.5 * first))
    transverse = np.sqrt(mu * a * (1.0 - e * e)) / end
    radial = np.sqrt(mu * a) * e * np.sin(last) / end
    return Climb(np.sqrt(mu * (2.0 / start_radius_m - 1.0 / a)), swept, radial, transverse, valid)


def perilune_turn(perilune_radius_m: float, v_infinity_m_s: float, rim_m: float) -> tuple[float, float]:
    """A hyperbola about the Moon: the angle from its perilune direction to its velocity at the outgoing rim, and
    its speed at perilune (rad, m/s)."""
    mu = GM_MOON_M3_S2
    e = 1.0 + perilune_radius_m * v_infinity_m_s**2 / mu
    anomaly = math.acos(max(-1.0, min(1.0, (perilune_radius_m * (1.0 + e) / rim_m - 1.0) / e)))
    heading = math.atan2(e + math.cos(anomaly), -math.sin(anomaly))
    return heading, math.sqrt(v_infinity_m_s**2 + 2.0 * mu / perilune_radius_m)


def escape(r_m: Floats, v_m_s: Floats, rim_m: float) -> tuple[float, Floats, Floats] | None:
    """Follow a hyperbola about the Moon outward to a rim radius.

    Returns the time (s) and the state there; None if the orbit does not get there.
    """
    mu = GM_MOON_M3_S2
    radius, speed2 = math.sqrt(float(r_m @ r_m)), float(v_m_s @ v_m_s)
    inverse_a = 2.0 / radius - speed2 / mu
    if inverse_a >= 0.0:
        return None
    a = -1.0 / inverse_a
    e_vector = ((speed2 - mu / radius) * r_m - float(r_m @ v_m_s) * v_m_s) / mu
    e = math.sqrt(float(e_vector @ e_vector))
    momentum = math.sqrt(mu * a * (e * e - 1.0))
    first = math.copysign(math.acosh(max(1.0, (radius / a + 1.0) / e)), float(r_m @ v_m_s))
    last = math.acosh((rim_m / a + 1.0) / e)
    rate = math.sqrt(a**3 / mu)
    time = rate * ((e * math.sinh(last) - last) - (e * math.sinh(first) - first))
    p_hat = e_vector / e
    normal = np.array(
        [
            r_m[1] * v_m_s[2] - r_m[2] * v_m_s[1],
            r_m[2] * v_m_s[0] - r_m[0] * v_m_s[2],
            r_m[0] * v_m_s[1] - r_m[1] * v_m_s[0],
        ]
    )
    q_hat = np.cross(normal / momentum, p_hat)
    cos_nu = (a * (e * e - 1.0) / rim_m - 1.0) / e
    sin_nu = math.sqrt(max(0.0, 1.0 - cos_nu * cos_nu))
    position = rim_m * (cos_nu * p_hat + sin_nu * q_hat)
    velocity = (mu / momentum) * (-sin_nu * p_hat + (e + cos_nu) * q_hat)
    return time, position, velocity


def best_burn(normal: Floats, radius_m: float, v_infinity: Floats, lowest_m: float) -> Floats | None:
    """The cheapest single impulse from a circular lunar orbit to a hyperbola with a given outgoing excess velocity.

    All points of the orbit are tried (every degree); the velocity that leads from a radius to an asymptote is (Battin
    1999, §7.2) v = (D + v∞/2) â + (D − v∞/2) r̂ with D² = μ/(r (1 + cos ψ)) + v∞²/4. Hyperbolas that dip
    below ``lowest_m`` first are left out.

    Returns the state after the burn (6,), or None.
    """
    mu = GM_MOON_M3_S2
    helper = np.array([1.0, 0.0, 0.0]) if abs(normal[0]) < 0.8 else np.array([0.0, 1.0, 0.0])
    x = np.cross(normal, helper)
    x /= np.linalg.norm(x)
    y = np.cross(normal, x)
    omega = np.linspace(0.0, 2.0 * np.pi, 361)[:-1, None]
    radial = np.cos(omega) * x + np.sin(omega) * y
    along = np.cos(omega) * y - np.sin(omega) * x
    size = float(np.linalg.norm(v_infinity))
    asymptote = v_infinity / size
    cosine = radial @ asymptote
    d = np.sqrt(mu / (radius_m * np.maximum(1.0 + cosine, 1e-3)) + 0.25 * size * size)
    velocity = (d + 0.5 * size)[:, None] * asymptote + (d - 0.5 * size)[:, None] * radial
    cost = np.linalg.norm(velocity - np.sqrt(mu / radius_m) * along, axis=1)
    momentum = radius_m * np.linalg.norm(np.cross(radial, velocity), axis=1)
    e = np.sqrt(1.0 + (momentum * size / mu) ** 2)
    perilune = momentum**2 / mu / (1.0 + e)
    rising = np.sum(radial * velocity, axis=1) >= 0.0
    cost = np.where(rising | (perilune > lowest_m), cost, np.inf)
    k = int(np.argmin(cost))
    if not np.isfinite(cost[k]):
        return None
    return np.concatenate([radius_m * radial[k], velocity[k]])
