"""Two-body arcs for first guesses: from the Earth's vicinity up to the Moon's distance, and past the Moon.

A way down (a return) is a way up run backwards. Textbook two-body relations (Battin 1999, ch. 3–4).
"""

from __future__ import annotations

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
        last = np.clip(last + np.clip(step, -0.6, 0.6), 0.6, 5.5)
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


@dataclass(frozen=True, slots=True)
class Flyby:
    """A hyperbola about the Moon between its perilune and a rim radius.

    ``time_s`` from rim to perilune; ``anomaly_rad`` (positive) of the rim; ``speed_m_s`` at perilune;
    ``heading_rad``: angle in the plane from the perilune direction to the velocity at the outgoing rim.
    """

    time_s: float
    anomaly_rad: float
    speed_m_s: float
    heading_rad: float
    asymptote_rad: float


def flyby(perilune_radius_m: float, v_infinity_m_s: float, rim_m: float) -> Flyby:
    """The hyperbola of a perilune radius and an excess speed, out to ``rim_m``."""
    mu = GM_MOON_M3_S2
    a = mu / v_infinity_m_s**2
    e = 1.0 + perilune_radius_m / a
    p = perilune_radius_m * (1.0 + e)
    anomaly = float(np.arccos(np.clip((p / rim_m - 1.0) / e, -1.0, 1.0)))
    big_f = float(np.arccosh((rim_m / a + 1.0) / e))
    time = float((e * np.sinh(big_f) - big_f) * np.sqrt(a**3 / mu))
    speed = float(np.sqrt(v_infinity_m_s**2 + 2.0 * mu / perilune_radius_m))
    heading = float(np.arctan2(e + np.cos(anomaly), -np.sin(anomaly)))
    return Flyby(time, anomaly, speed, heading, float(np.arccos(-1.0 / e)))
