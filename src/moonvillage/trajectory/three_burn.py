"""Leaving or reaching a lunar orbit in three burns, where one would have to turn the plane at full speed.

The first burn raises the apolune to an orbit of a day, the second turns the plane and the line of apsides where the
craft is slow, the third injects at the next perilune: the sequence of the Constellation studies of anytime returns
(Ocampo & Saudemont 2010, "Initial trajectory model for a multi-maneuver Moon-to-Earth abort sequence", JGCD 33).
A turn of 90° costs some 0.3 km/s so, and 1.5 km/s and more in one burn. An arrival is the same, backwards in time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_MOON_M3_S2
from moonvillage.trajectory.planes import cross, normalised, rotate

Floats = NDArray[np.float64]

#: Period of the orbit after the first burn.
PERIOD_S: Final = 86400.0
_STEEPEST: Final = 0.97  # eccentricity of the second ellipse
# Steps of the corrector: the first burn's point and the velocity after the second.
_STEP_RAD: Final = 0.05
_STEP_M_S: Final = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Detour:
    """Three burns on conics: the total, the first radius direction, the coasts, and the hyperbola's perilune."""

    dv_m_s: float
    index: int
    first_radial: Floats
    outward_s: float
    inward_s: float
    hyperbola_normal: Floats
    hyperbola_radial: Floats


def _first_ellipse(radius_m: float) -> tuple[float, float, float]:
    """Apolune radius, perilune speed and apolune speed of the raised orbit."""
    semi = (GM_MOON_M3_S2 * (PERIOD_S / (2.0 * math.pi)) ** 2) ** (1.0 / 3.0)
    apolune = 2.0 * semi - radius_m
    speed = math.sqrt(GM_MOON_M3_S2 * (2.0 / radius_m - 1.0 / semi))
    return apolune, speed, speed * radius_m / apolune


def best_detour(normal: Floats, radius_m: float, v_infinity: Floats) -> Detour | None:
    """The cheapest three burns from a circular orbit to one of several outgoing excess velocities (m, 3).

    For each point of the first burn (every 5°) and each velocity, the second ellipse is the one through the first's
    apolune whose perilune, on the orbit's radius, is the departure hyperbola's. ``Detour.index`` names the velocity.
    """
    mu = GM_MOON_M3_S2
    apolune, fast, slow = _first_ellipse(radius_m)
    helper = np.array([1.0, 0.0, 0.0]) if abs(normal[0]) < 0.8 else np.array([0.0, 1.0, 0.0])
    x = normalised(cross(normal, helper))
    y = cross(normal, x)
    omega = np.linspace(0.0, 2.0 * np.pi, 73)[:-1, None]
    top = -(np.cos(omega) * x + np.sin(omega) * y)[:, None, :]  # direction of apolune (72, 1, 3)
    size = np.linalg.norm(v_infinity, axis=-1)
    u = (v_infinity / size[:, None])[None]  # (1, m, 3)
    swing = np.arccos(-1.0 / (1.0 + radius_m * size**2 / mu))  # from perilune to asymptote
    found: list[tuple[float, Detour]] = []
    across = np.cross(top, u)
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-9)
    for sense in (1.0, -1.0):
        plane = sense * across
        perilune = u * np.cos(swing)[:, None] - np.cross(plane, u) * np.sin(swing)[:, None]
        cosine = np.sum(top * perilune, axis=-1)
        sine = np.sum(plane * np.cross(top, perilune), axis=-1)
        anomaly = np.mod(-np.arctan2(sine, cosine), 2.0 * np.pi)  # of the apolune point on the second ellipse
        below = radius_m - apolune * cosine
        e = np.where(below > 0.0, (apolune - radius_m) / np.maximum(below, 1.0), 2.0)
        momentum = np.sqrt(mu * radius_m * (1.0 + e))
        radial = mu / momentum * e * np.sin(anomaly)
        after = radial[..., None] * top + (momentum / apolune)[..., None] * np.cross(plane, top)
        before = slow * np.cross(normal, top)
        speed = np.sqrt(size**2 + 2.0 * mu / radius_m)
        cost = np.linalg.norm(after - before, axis=-1) + np.abs(speed - momentum / radius_m)
        cost = np.where((e > 0.05) & (e < _STEEPEST), cost + fast - math.sqrt(mu / radius_m), np.inf)
        i, k = np.unravel_index(int(np.argmin(cost)), cost.shape)
        if not np.isfinite(cost[i, k]):
            continue
        ecc = float(e[i, k])
        semi = radius_m / (1.0 - ecc)
        half = 0.5 * float(anomaly[i, k])
        eccentric = 2.0 * math.atan2(math.sqrt(1.0 - ecc) * math.sin(half), math.sqrt(1.0 + ecc) * math.cos(half))
        mean = math.fmod(eccentric - ecc * math.sin(eccentric) + 4.0 * math.pi, 2.0 * math.pi)
        inward = (2.0 * math.pi - mean) * math.sqrt(semi**3 / mu)
        detour = Detour(
            float(cost[i, k]), int(k), -top[i, 0], 0.5 * PERIOD_S, inward, plane[i, k].copy(), perilune[i, k].copy()
        )
        found.append((detour.dv_m_s, detour))
    return min(found, key=lambda item: item[0])[1] if found else None


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """The two coasts, solved: state before the first burn, and the three velocities that the burns give and meet."""

    start: Floats
    raise_m_s: Floats
    turn_tdb_s: float
    turn_m_s: Floats
    arrival_m_s: Floats


def connect(
    normal: Floats, radius_m: float, detour: Detour, start_tdb_s: float, end_tdb_s: float, end_r_m: Floats
) -> Way | None:
    """Fly up and back in the n-body model, so that the second coast ends at ``end_r_m`` at ``end_tdb_s``.

    ``normal`` and ``end_r_m`` are (3,), about the Moon.

    The point of the first burn and the velocity after the second are found together by Newton's method on both
    transition matrices, with the least steps: where the coast back covers nearly half a turn, its plane hangs on the
    point of the first burn alone. None if it does not converge.

    An arrival is given with ``end_tdb_s`` before ``start_tdb_s``, the circular orbit's ``normal`` as it is, and a
    detour found for the reversed motion; the velocities returned are those of forward time.
    """
    sign = 1.0 if end_tdb_s > start_tdb_s else -1.0
    fast = _first_ellipse(radius_m)[1]
    circular = math.sqrt(GM_MOON_M3_S2 / radius_m)
    turn_tdb = start_tdb_s + sign * detour.outward_s
    omega = 0.0
    velocity: Floats | None = None
    for _ in range(25):
        radial = rotate(detour.first_radial, normal, omega)
        along = cross(normal, radial)
        up = dynamics.propagate(start_tdb_s, radius_m * radial, fast * along, turn_tdb, centre="moon", stm=True)
        if up.reason or up.stm is None:
            return None
        if velocity is None:
            guess = _second_ellipse(up.r_m, radius_m, detour)
            if guess is None:
                return None
            velocity = sign * guess
        down = dynamics.propagate(turn_tdb, up.r_m, velocity, end_tdb_s, centre="moon", stm=True)
        if down.reason or down.stm is None:
            return None
        gap = end_r_m - down.r_m
        if float(np.linalg.norm(gap)) < 2e-3:
            start = np.concatenate([radius_m * radial, circular * along])
            return Way(start, (fast - circular) * along, turn_tdb, velocity - up.v_m_s, down.v_m_s)
        slope = up.stm[:3] @ np.concatenate([radius_m * along, -fast * radial])
        jacobian = np.column_stack([(down.stm[:3, :3] @ slope) * _STEP_RAD, down.stm[:3, 3:] * _STEP_M_S])
        step = np.linalg.lstsq(jacobian, gap, rcond=1e-10)[0]
        step *= min(1.0, 1.0 / max(1e-300, float(np.abs(step).max())))
        omega += float(step[0]) * _STEP_RAD
        velocity = velocity + step[1:] * _STEP_M_S
    return None


def _second_ellipse(top_r_m: Floats, radius_m: float, detour: Detour) -> Floats | None:
    """Velocity at a point for the conic through it whose perilune is that of the hyperbola; None if there is none."""
    top = normalised(top_r_m)
    cosine = float(top @ detour.hyperbola_radial)
    height = float(np.linalg.norm(top_r_m))
    e = (height - radius_m) / (radius_m - height * cosine)
    if not 0.0 < e < 1.0:
        return None
    momentum = math.sqrt(GM_MOON_M3_S2 * radius_m * (1.0 + e))
    sine = -float(detour.hyperbola_normal @ cross(top, detour.hyperbola_radial))
    return GM_MOON_M3_S2 / momentum * e * sine * top + momentum / height * cross(detour.hyperbola_normal, top)
