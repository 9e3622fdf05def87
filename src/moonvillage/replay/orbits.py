"""Orbits as shapes, burns between them, and burns of finite length about the Moon.

Two-body relations are textbook (Battin 1999, ch. 3); what is flown is flown in the n-body model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_M3_S2
from moonvillage.ephemeris.frames import earth_pole
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.trajectory.planes import cross, normalised, rotate
from moonvillage.units import STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shape:
    """An osculating orbit: radii of its apses (m; the upper infinite where it is not closed) and its period (s)."""

    periapsis_m: float
    apoapsis_m: float
    period_s: float


def shape(state: Floats, centre: str) -> Shape:
    """The osculating shape of a state (6,) about ``"earth"`` or ``"moon"``."""
    mu = GM_M3_S2[centre]
    r, v = state[:3], state[3:]
    radius = float(np.linalg.norm(r))
    inverse = 2.0 / radius - float(v @ v) / mu
    h = cross(r, v)
    e = math.sqrt(max(0.0, 1.0 - float(h @ h) / mu * inverse))
    if inverse <= 0.0:
        return Shape(float(h @ h) / mu / (1.0 + e), math.inf, math.inf)
    a = 1.0 / inverse
    return Shape(a * (1.0 - e), a * (1.0 + e), 2.0 * math.pi * math.sqrt(a**3 / mu))


def inclination(epoch_tdb_s: float, state: Floats, centre: str) -> float:
    """Inclination of a state (6,), ICRF about ``centre``, to the equator of date (the Moon's: ME frame), rad."""
    pole = moon_me_matrix(epoch_tdb_s)[2] if centre == "moon" else earth_pole(epoch_tdb_s)
    return math.acos(max(-1.0, min(1.0, float(normalised(cross(state[:3], state[3:])) @ pole))))


def speed_at(radius_m: float, periapsis_m: float, apoapsis_m: float, centre: str) -> float:
    """Speed at a radius on an orbit of given apses, m/s."""
    return math.sqrt(GM_M3_S2[centre] * (2.0 / radius_m - 2.0 / (periapsis_m + apoapsis_m)))


def velocity_for(state: Floats, periapsis_m: float, apoapsis_m: float, centre: str) -> Floats:
    """The velocity (3,) that puts a craft, where it is and in its plane, on an orbit of given apses.

    Of the two such velocities the one that rises or falls as the craft does. Where the craft is below the periapsis
    or above the apoapsis, that apsis is put where the craft is.
    """
    r = state[:3]
    radius = float(np.linalg.norm(r))
    low, high = min(periapsis_m, radius), max(apoapsis_m, radius)
    mu = GM_M3_S2[centre]
    up = r / radius
    along = cross(normalised(cross(r, state[3:])), up)
    level = math.sqrt(2.0 * mu * low * high / (low + high)) / radius
    speed2 = mu * (2.0 / radius - 2.0 / (low + high))
    rising = math.sqrt(max(0.0, speed2 - level**2))
    return level * along + math.copysign(rising, float(r @ state[3:])) * up


def burnt(mass_kg: float, dv_m_s: float, isp_s: float) -> float:
    """Propellant of a burn by the rocket equation, kg."""
    return mass_kg * -math.expm1(-dv_m_s / (isp_s * STANDARD_GRAVITY_M_S2))


@dataclass(frozen=True, slots=True, eq=False)
class FiniteBurn:
    """A burn of constant thrust as flown: ignition, duration, Δv by the rocket equation, and the state at cutoff.

    ``loss_m_s`` is what it costs above the impulse at the apsis. ``lift_m`` is by how much the approach had to be
    aimed higher, at the same energy, because a long burn sinks.
    """

    ignition_tdb_s: float
    duration_s: float
    dv_m_s: float
    loss_m_s: float
    state: Floats
    lift_m: float = 0.0

    @property
    def cutoff_tdb_s(self) -> float:
        """When the engine stops."""
        return self.ignition_tdb_s + self.duration_s


def fly_burn(
    centre: str,
    start_tdb_s: float,
    state: Floats,
    duration_s: float,
    acceleration_m_s2: float,
    exhaust_m_s: float,
    first: Floats,
    last: Floats,
) -> Floats | None:
    """End state (6,) of a burn whose thrust turns from ``first`` to ``last`` (units), by the linear-tangent law."""
    thrust = dynamics.Thrust(
        start_tdb_s, acceleration_m_s2, exhaust_m_s, first, (last - first) / max(duration_s, 1e-3)
    )
    path = dynamics.propagate(
        start_tdb_s, state[:3], state[3:], start_tdb_s + duration_s, centre=centre, thrust=thrust
    )
    return None if path.reason else path.state


def burn_to(
    centre: str,
    apsis_tdb_s: float,
    before: Floats,
    periapsis_m: float,
    apoapsis_m: float,
    mass_kg: float,
    thrust_n: float,
    isp_s: float,
    *,
    ignition_tdb_s: float | None = None,
) -> FiniteBurn | None:
    """Brake (or speed up) around an apsis into an orbit of given apses with an engine of constant thrust.

    Parameters
    ----------
    apsis_tdb_s, before
        The instant of the apsis and the state there without the burn, (6,) ICRF about ``centre``.
    periapsis_m, apoapsis_m
        Radii of the orbit wanted at cutoff (osculating).
    ignition_tdb_s
        Where the operator chose the ignition; else it is found with the duration.

    Returns
    -------
    The burn, thrust along the velocity (turning by the linear-tangent law between that of ignition and of cutoff,
    pitched by what meets both apses), or None where none was found.
    """
    exhaust = isp_s * STANDARD_GRAVITY_M_S2
    acceleration = thrust_n / mass_kg
    wanted = velocity_for(before, periapsis_m, apoapsis_m, centre)
    impulse = float(np.linalg.norm(wanted - before[3:]))
    sense = math.copysign(1.0, float((wanted - before[3:]) @ before[3:]))
    duration = exhaust / acceleration * -math.expm1(-impulse / exhaust)
    mu = GM_M3_S2[centre]
    semi = 0.5 * (periapsis_m + apoapsis_m)
    wanted_e = (apoapsis_m - periapsis_m) / (apoapsis_m + periapsis_m)
    normal = normalised(cross(before[:3], before[3:]))

    radius0, up = float(np.linalg.norm(before[:3])), normalised(before[:3])

    def flight(x: Floats) -> tuple[float, float, Floats] | None:
        """Ignition, duration, end state for (shift / 100 s, share of duration, pitch / 0.1 rad, lift / 100 km)."""
        length = duration * float(x[1])
        start = apsis_tdb_s - 0.5 * length + 100.0 * float(x[0]) if ignition_tdb_s is None else ignition_tdb_s
        higher = radius0 + 1e5 * float(x[3])
        energy = float(before[3:] @ before[3:]) - 2.0 * mu / radius0 + 2.0 * mu / higher
        if length <= 0.0 or length * acceleration > 0.97 * exhaust or energy <= 0.0:
            return None
        v = before[3:] * math.sqrt(energy) / float(np.linalg.norm(before[3:]))
        path = dynamics.propagate(apsis_tdb_s, higher * up, v, start, centre=centre)
        if path.reason:
            return None
        pitch = 0.1 * float(x[2])
        first = sense * rotate(normalised(path.v_m_s), normal, pitch)
        last = first
        state = path.state
        for _ in range(3 if length < 600.0 else 6):
            burnt_out = fly_burn(centre, start, path.state, length, acceleration, exhaust, first, last)
            if burnt_out is None:
                return None
            state = burnt_out
            last = sense * rotate(normalised(state[3:]), normal, pitch)
        return start, length, state

    def search(chosen: list[int]) -> tuple[float, Floats]:
        """Greatest miss (km) and the four numbers, moving only some of them."""

        def full(y: Floats) -> Floats:
            x = np.array([0.0, 1.0, 0.0, 0.0])
            x[chosen] = y
            return x

        def miss(y: Floats) -> Floats:
            nowhere = np.full(2 if wanted_e > 0.02 else 3, 1e3)
            flown = flight(full(y))
            if flown is None:
                return nowhere
            state = flown[2]
            radius = float(np.linalg.norm(state[:3]))
            inverse = 2.0 / radius - float(state[3:] @ state[3:]) / mu
            if inverse <= 0.0:
                return nowhere
            a = 1.0 / inverse
            if wanted_e > 0.02:
                return np.array([(a - semi) / 1e3, (shape(state, centre).periapsis_m - periapsis_m) / 1e3])
            flat = float(state[:3] @ state[3:]) / math.sqrt(mu * a) * semi / 1e3
            return np.array([(a - semi) / 1e3, (1.0 - radius / a) * semi / 1e3, flat])

        scales = np.array([1.0, 0.1, 1.0, 1.0])[chosen]
        found = least_squares(
            miss, np.array([0.0, 1.0, 0.0, 0.0])[chosen], x_scale=scales, diff_step=np.full(len(chosen), 1e-5)
        )
        return float(np.abs(found.fun).max()), full(found.x)

    ways = [[0, 1], [0, 1, 3]] if ignition_tdb_s is None else [[1, 2], [1, 3], [1, 2, 3]]
    if wanted_e > 0.02 and ignition_tdb_s is None:
        ways[1] = [1, 3]
    tried: list[tuple[float, Floats]] = []
    for chosen in ways:
        tried.append(search(chosen))
        if tried[-1][0] < 0.5:
            break
    worst, x = min(tried, key=lambda item: item[0])
    flown = flight(x)
    if flown is None or worst > 20.0:
        return None
    start, length, state = flown
    dv = -exhaust * math.log1p(-acceleration * length / exhaust)
    return FiniteBurn(start, length, dv, dv - impulse, state, 1e5 * float(x[3]))
