"""Powered flight near the Moon's surface: the burn as a segment, its first guess, and a root finder for the chain.

Steering is the linear-tangent law: the thrust follows a primer vector that is linear in time, which is optimal in a
uniform field (Lawden 1963; for lunar landing: Klumpp 1974, Automatica 10:133, who flew a polynomial for the
same end). Its coefficients, and the burning time, are found by shooting in the full model.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.trajectory.planes import cross, normalised

Floats = NDArray[np.float64]

#: Used where an arc does not state them: typical of storable-propellant landers (Apollo's LM: 3.0 m/s² and 311 s).
DEFAULT_THRUST_TO_MASS_M_S2: Final = 3.2
DEFAULT_ISP_S: Final = 315.0
#: Perilune of the ellipse after descent-orbit insertion, m above the site's level.
PERILUNE_M: Final = 15_000.0


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A piece of a chain: an impulse, then a flight until ``to_tdb_s``, free or under thrust."""

    impulse_m_s: Floats
    to_tdb_s: float
    thrust: dynamics.Thrust | None = None


def fly_chain(
    start_tdb_s: float, state: Floats, segments: list[Segment], *, dense: bool = False
) -> list[dynamics.Path]:
    """Fly segments one after another from a ``state`` (6,), ICRF about the Moon.

    Stops after a path that broke: its ``reason`` is not empty.
    """
    paths: list[dynamics.Path] = []
    now, r, v = start_tdb_s, state[:3], state[3:]
    for segment in segments:
        path = dynamics.propagate(
            now, r, v + segment.impulse_m_s, segment.to_tdb_s, centre="moon", thrust=segment.thrust, dense=dense
        )
        paths.append(path)
        if path.reason:
            break
        now, r, v = segment.to_tdb_s, path.r_m, path.v_m_s
    return paths


def thrust_integral(thrust: dynamics.Thrust, duration_s: float) -> Floats:
    """∫ thrust acceleration dt, (3,) m/s, ICRF, by Gauss–Legendre quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    t = 0.5 * duration_s * (nodes + 1.0)
    primer = thrust.direction + t[:, None] * thrust.rate_1_s
    push = thrust.acceleration_m_s2 / (1.0 - thrust.acceleration_m_s2 * t / thrust.exhaust_m_s)
    units = primer / np.linalg.norm(primer, axis=1, keepdims=True)
    return np.asarray(0.5 * duration_s * (weights * push) @ units)


def steering(
    epoch_tdb_s: float,
    state: Floats,
    normal: Floats,
    acceleration_m_s2: float,
    exhaust_m_s: float,
    law: Floats,
    sense: float,
) -> dynamics.Thrust:
    """Thrust with a linear primer in the axes of a state: along-track ``sense``, up a + b t, cross c + d t.

    ``law`` is (a, b, c, d); b and d per 100 s. The axes: up along r, cross along ``normal``.
    """
    up = normalised(state[:3])
    along = normalised(cross(normal, up))
    a, b, c, d = (float(x) for x in law)
    direction = sense * along + a * up + c * normal
    return dynamics.Thrust(epoch_tdb_s, acceleration_m_s2, exhaust_m_s, direction, 0.01 * (b * up + d * normal))


def planar_guess(
    altitude_m: float,
    vertical_m_s: float,
    horizontal_m_s: float,
    end: tuple[float, float, float],
    acceleration_m_s2: float,
    exhaust_m_s: float,
    sense: float,
) -> tuple[float, float, float, float] | None:
    """The linear-tangent burn in a plane over a round, still Moon without a field's irregularity.

    From altitude, vertical and horizontal speed to ``end`` (the same three), with horizontal thrust in ``sense``.

    Returns
    -------
    a, b (per 100 s), burning time (s), and the angle covered (rad); None if no burn was found.
    """
    start = np.array([MOON_RADIUS_M + altitude_m, 0.0, vertical_m_s, horizontal_m_s])

    def fly(x: Floats) -> Floats:
        a, b, duration = (float(value) for value in x)
        steps = 48
        h = duration / steps
        y = start.tolist()

        def rate(t: float, r: float, vr: float, vt: float, swept: float) -> tuple[float, float, float, float]:
            push = acceleration_m_s2 / max(0.02, 1.0 - acceleration_m_s2 * t / exhaust_m_s)
            px, py = sense, a + 0.01 * b * t  # along and up in the axes at the start
            size = math.hypot(px, py)
            cs, sn = math.cos(swept), math.sin(swept)
            thrust_t = push * (px * cs - py * sn) / size
            thrust_r = push * (px * sn + py * cs) / size
            return vr, vt / r, thrust_r - GM_MOON_M3_S2 / r**2 + vt * vt / r, thrust_t - vr * vt / r

        r, swept, vr, vt = y
        for k in range(steps):
            t = k * h
            k1 = rate(t, r, vr, vt, swept)
            k2 = rate(t + h / 2, r + h / 2 * k1[0], vr + h / 2 * k1[2], vt + h / 2 * k1[3], swept + h / 2 * k1[1])
            k3 = rate(t + h / 2, r + h / 2 * k2[0], vr + h / 2 * k2[2], vt + h / 2 * k2[3], swept + h / 2 * k2[1])
            k4 = rate(t + h, r + h * k3[0], vr + h * k3[2], vt + h * k3[3], swept + h * k3[1])
            r += h / 6 * (k1[0] + 2 * k2[0] + 2 * k3[0] + k4[0])
            swept += h / 6 * (k1[1] + 2 * k2[1] + 2 * k3[1] + k4[1])
            vr += h / 6 * (k1[2] + 2 * k2[2] + 2 * k3[2] + k4[2])
            vt += h / 6 * (k1[3] + 2 * k2[3] + 2 * k3[3] + k4[3])
        return np.array([r - MOON_RADIUS_M, vr, vt, swept])

    aim = np.array(end)

    def miss(x: Floats) -> Floats | None:
        if not 20.0 < x[2] < 0.97 * exhaust_m_s / acceleration_m_s2:
            return None
        return np.asarray((fly(x)[:3] - aim) / np.array([1000.0, 10.0, 10.0]))

    change = abs(end[2] - horizontal_m_s)
    duration = exhaust_m_s / acceleration_m_s2 * (1.0 - math.exp(-1.04 * change / exhaust_m_s))
    angle = 0.5 * max(abs(horizontal_m_s), abs(end[2])) * duration / MOON_RADIUS_M
    tries = ((0.05, 0.35), (0.3, 0.3), (-0.2, 0.4)) if sense < 0.0 else ((0.5, 0.05), (0.9, 0.1), (0.25, 0.0))
    for first, last in tries:
        a = math.tan(first)
        b = (math.tan(last + angle if sense < 0.0 else last - angle) - a) / duration * 100.0
        found = find_root(miss, np.array([a, b, duration]), np.array([0.3, 0.3, 0.15 * duration]), 1e-6)
        if found is not None:
            return float(found[0]), float(found[1]), float(found[2]), float(fly(found)[3])
    return None


def find_root(
    function: Callable[[Floats], Floats | None], start: Floats, limits: Floats, tolerance: float, turns: int = 40
) -> Floats | None:
    """A root (n,) of n equations in n unknowns by Broyden's good method, or None.

    The Jacobian is taken by differences once, then updated by rank one, and taken anew where a step does not help.
    A step is cut to ``limits`` (n,) and halved while the norm does not fall; ``function`` may return None (not
    defined).
    """
    x = start.copy()
    value = function(x)
    if value is None:
        return None
    norm = float(np.linalg.norm(value))
    jacobian: Floats | None = None
    fresh = False
    for _ in range(turns):
        if norm < tolerance:
            return x
        if jacobian is None:
            columns = []
            for k in range(x.size):
                moved = x.copy()
                moved[k] += 1e-5 * limits[k]
                other = function(moved)
                if other is None:
                    return None
                columns.append((other - value) / (1e-5 * limits[k]))
            jacobian, fresh = np.stack(columns, axis=1), True
        try:
            step = -np.linalg.solve(jacobian, value)
        except np.linalg.LinAlgError:
            return None
        step *= min(1.0, 1.0 / max(1e-300, float(np.max(np.abs(step) / limits))))
        share, accepted = 1.0, False
        for _ in range(6 if fresh else 2):
            trial = x + share * step
            new = function(trial)
            if new is not None and float(np.linalg.norm(new)) < norm:
                accepted = True
                break
            share *= 0.5
        if not accepted or new is None:
            if fresh:
                return None
            jacobian = None
            continue
        move = trial - x
        slow = float(np.linalg.norm(new)) > 0.3 * norm
        jacobian = jacobian + np.outer(new - value - jacobian @ move, move) / float(move @ move)
        x, value, norm = trial, new, float(np.linalg.norm(new))
        if slow and not fresh:
            jacobian = None
        fresh = False
    return x if norm < tolerance else None
