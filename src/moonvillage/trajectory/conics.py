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

    Times longer than that of the slowest rise (about 5 d to the Moon) arrive after apogee, on the way down.
    """
    end, time = np.broadcast_arrays(np.asarray(end_radius_m, float), np.asarray(time_s, float))
    mu = GM_EARTH_M3_S2
    cosine = np.cos(path_angle_rad)

    def shape(inverse_a: Floats) -> tuple[Floats, ...]:
        speed2 = mu * (2.0 / start_radius_m - inverse_a)
        h2 = start_radius_m**2 * speed2 * cosine**2
        e = np.sqrt(np.maximum(1.0 - h2 * inverse_a / mu, 0.0))
        cos_first = np.clip((1.0 - start_radius_m * inverse_a) / e, -1.0, 1.0)
        cos_last = np.clip((1.0 - end * inverse_a) / e, -1.0, 1.0)
        return speed2, h2, e, np.arccos(cos_first), np.arccos(cos_last)

    def duration(inverse_a: Floats, late: NDArray[np.bool_]) -> Floats:
        _, _, e, first, last = shape(inverse_a)
        last = np.where(late, 2.0 * np.pi - last, last)
        return np.asarray(((last - e * np.sin(last)) - (first - e * np.sin(first))) / np.sqrt(mu * inverse_a**3))

    # the ellipse whose apogee is the end radius: e = 1 − … solved by its energy, since apogee = end
    ratio = start_radius_m * cosine / end
    speed2 = 2.0 * mu * (1.0 / start_radius_m - 1.0 / end) / (1.0 - ratio**2)
    slowest = 2.0 / start_radius_m - speed2 / mu
    never = np.zeros(end.shape, dtype=bool)
    late = time > duration(slowest, never)
    # early: 1/a in (0, slowest), time rises with 1/a; late: 1/a in (slowest/2, slowest), time falls with it
    low = np.where(late, 0.6 * slowest, 1e-3 * slowest)
    high = slowest.copy()
    low0, high0 = low.copy(), high.copy()
    for _ in range(30):
        middle = 0.5 * (low + high)
        short = duration(middle, late) < time
        raise_low = short != late
        low, high = np.where(raise_low, middle, low), np.where(raise_low, high, middle)
    inverse_a = 0.5 * (low + high)
    valid = (inverse_a - low0 > 1e-6 * slowest) & ((high0 - inverse_a > 1e-9 * slowest) | late)
    speed2, h2, e, first, last = shape(inverse_a)
    last = np.where(late, 2.0 * np.pi - last, last)
    factor = np.sqrt((1.0 + e) / (1.0 - e))
    swept = 2.0 * (np.arctan(factor * np.tan(0.5 * last)) - np.arctan(factor * np.tan(0.5 * first)))
    swept = np.where(swept < 0.0, swept + 2.0 * np.pi, swept)
    transverse = np.sqrt(h2) / end
    radial = np.sqrt(np.maximum(mu * (2.0 / end - inverse_a) - transverse**2, 0.0)) * np.where(late, -1.0, 1.0)
    return Climb(np.sqrt(speed2), swept, radial, transverse, valid)


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
