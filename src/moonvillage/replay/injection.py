"""The loss of a long burn out of an orbit: the same energy reached with constant thrust along the velocity."""

from __future__ import annotations

import math
from typing import Any, Final

from scipy.integrate import solve_ivp

from moonvillage.ephemeris.constants import GM_EARTH_M3_S2
from moonvillage.units import STANDARD_GRAVITY_M_S2

#: A burn that would take longer goes a good part around the body: it is not flown as one burn.
LONGEST_S: Final = 5400.0


def finite_injection(
    radius_m: float,
    impulse_m_s: float,
    thrust_n: float,
    mass_kg: float,
    isp_s: float,
    *,
    mu_m3_s2: float = GM_EARTH_M3_S2,
    start_m_s: float | None = None,
) -> tuple[float, float]:
    """Extra Δv (m/s) and length (s) of a tangential burn of constant thrust around the lowest point of an orbit.

    The burn is centred on that point (``radius_m``, speed ``start_m_s``; circular by default) and ends at the energy
    that the impulse ``impulse_m_s`` along the motion would give there. A round body; the burn is too short for
    its flattening or other bodies to matter to the loss. Not a number where the burn does not reach the energy, or
    is so long that it is no burn around a lowest point any more (:data:`LONGEST_S`).
    """
    mu = mu_m3_s2
    exhaust = isp_s * STANDARD_GRAVITY_M_S2
    acceleration = thrust_n / mass_kg
    fast = math.sqrt(mu / radius_m) if start_m_s is None else start_m_s
    energy = 0.5 * (fast + impulse_m_s) ** 2 - mu / radius_m
    ideal = exhaust / acceleration * -math.expm1(-impulse_m_s / exhaust)

    if not ideal < LONGEST_S:
        return math.nan, math.nan

    def coast(t: float, y: Any) -> list[float]:
        x, z, u, w = y
        r3 = math.hypot(x, z) ** 3
        return [u, w, -mu * x / r3, -mu * z / r3]

    lead = solve_ivp(coast, (0.0, -0.5 * ideal), [radius_m, 0.0, 0.0, fast], rtol=1e-9, atol=1e-6).y[:, -1]

    def rate(t: float, y: Any) -> list[float]:
        x, z, u, w = y
        r3 = math.hypot(x, z) ** 3
        speed = math.hypot(u, w)
        push = acceleration / max(1e-3, 1.0 - acceleration * t / exhaust) / speed
        return [u, w, -mu * x / r3 + push * u, -mu * z / r3 + push * w]

    def reached(t: float, y: Any) -> float:
        x, z, u, w = y
        return float(0.5 * (u * u + w * w) - mu / math.hypot(x, z) - energy)

    reached.terminal = True  # type: ignore[attr-defined]
    longest = min(0.98 * exhaust / acceleration, 3.0 * ideal)
    found = solve_ivp(rate, (0.0, longest), list(lead), events=reached, rtol=1e-9, atol=1e-6)
    if not found.t_events or not len(found.t_events[0]):
        return math.nan, math.nan
    duration = float(found.t_events[0][0])
    return -exhaust * math.log1p(-acceleration * duration / exhaust) - impulse_m_s, duration
