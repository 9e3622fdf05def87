"""How long a low lunar orbit lives, and what it costs to keep: the Moon's uneven field in the n-body model.

The Moon's mass concentrations move a low orbit's perilune up and down; unattended, many orbits strike the ground
within weeks or months, and at some inclinations ("frozen") perilune moves little (M. Lara, "Design of long-lifetime
lunar orbits: a hybrid approach", Acta Astronautica 69, 2011). A craft is flown until its perilune falls to a limit;
there two burns make the orbit circular again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.dynamics.gravity import GravityField
from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.units import DAY_S, JULIAN_YEAR_S

Floats = NDArray[np.float64]

_LEG_S: Final = 2.0 * DAY_S
_APPROXIMATION: Final = (
    "the Moon's field to degree {degree}; the ground is the sphere of 1737.4 km; corrections are two impulses of a "
    "Hohmann transfer, without errors; the plane is left to drift"
)


@dataclass(frozen=True, slots=True, eq=False)
class LowOrbitLife:
    """A low lunar orbit left alone, or kept.

    Attributes
    ----------
    days
        Flown, d.
    struck
        Whether it came down to the ground within them (only where it is left alone).
    lowest_m
        Lowest perilune above 1737.4 km, m.
    highest_m
        Highest apolune above it, m.
    corrections
        How often it was made circular again.
    cost_m_s_per_year
        Sum of those burns, per Julian year; zero where it was left alone.
    reason
        Empty; or why it could not be flown.
    approximation
        What the figures leave out.
    """

    days: float
    struck: bool
    lowest_m: float
    highest_m: float
    corrections: int
    cost_m_s_per_year: float
    reason: str = ""
    approximation: str = ""


def _start(epoch_tdb_s: float, altitude_m: float, inclination_rad: float, node_rad: float) -> tuple[Floats, Floats]:
    """Circular orbit at its ascending node on the Moon's equator; the node counts from the ME frame's x axis."""
    radius = MOON_RADIUS_M + altitude_m
    speed = np.sqrt(GM_MOON_M3_S2 / radius)
    out = np.array([np.cos(node_rad), np.sin(node_rad), 0.0])
    along = np.array([-np.sin(node_rad), np.cos(node_rad), 0.0])
    ahead = np.cos(inclination_rad) * along + np.sin(inclination_rad) * np.array([0.0, 0.0, 1.0])
    axes = moon_me_matrix(epoch_tdb_s)
    return np.asarray(radius * out @ axes), np.asarray(speed * ahead @ axes)


def _circularised(r: Floats, v: Floats, target_m: float) -> tuple[Floats, float]:
    """Velocity on the circle through r in the same plane, and the cost of the way to the circle of ``target_m``.

    At perilune of (perilune, apolune): a Hohmann transfer to the target circle, by two burns (exact for apsides).
    """
    radius = float(np.linalg.norm(r))
    energy = 0.5 * float(v @ v) - GM_MOON_M3_S2 / radius
    axis = -GM_MOON_M3_S2 / (2.0 * energy)
    apolune = 2.0 * axis - radius

    def speed(at: float, other: float) -> float:
        return float(np.sqrt(2.0 * GM_MOON_M3_S2 * other / (at * (at + other))))

    # at perilune: onto the ellipse that reaches the target; at its other end: onto the circle
    first = abs(speed(radius, target_m) - speed(radius, apolune))
    second = abs(np.sqrt(GM_MOON_M3_S2 / target_m) - speed(target_m, radius))
    normal = np.cross(r, v)
    along = np.cross(normal, r)
    along /= np.linalg.norm(along)
    return np.asarray(along), first + float(second)


def low_orbit_life(
    epoch_tdb_s: float,
    altitude_m: float,
    inclination_rad: float,
    days: float,
    *,
    node_rad: float = 0.0,
    keep_above_m: float | None = None,
    field: GravityField | None = None,
) -> LowOrbitLife:
    """Fly a circular low lunar orbit for ``days``, left alone or kept above a perilune.

    Parameters
    ----------
    epoch_tdb_s
        Start, TDB seconds past J2000.
    altitude_m
        Above 1737.4 km.
    inclination_rad, node_rad
        To the Moon's equator; node from the prime meridian of the start (ME frame).
    keep_above_m
        Altitude of the perilune at which the orbit is made circular again, at ``altitude_m``; None leaves it alone.
    field
        In place of the built-in field of degree 8.

    Raises
    ------
    ValueError
        If the altitude is not above the limit and the ground.
    EphemerisRangeError
        If the flight leaves DE440.
    """
    limit = keep_above_m if keep_above_m is not None else 0.0
    if not altitude_m > limit >= 0.0 or days <= 0.0:
        raise ValueError(f"an orbit of {altitude_m:.0f} m cannot be kept above {limit:.0f} m for {days:g} d")
    approximation = _APPROXIMATION.format(degree=8 if field is None else field.degree)
    target = MOON_RADIUS_M + altitude_m
    r, v = _start(epoch_tdb_s, altitude_m, inclination_rad, node_rad)
    now, end = epoch_tdb_s, epoch_tdb_s + days * DAY_S
    lowest, highest, spent, corrections = altitude_m, altitude_m, 0.0, 0
    while now < end:
        until = min(end, now + _LEG_S)
        path = dynamics.propagate(now, r, v, until, centre="moon", dense=True, lunar_field=field)
        if path.reason:
            return LowOrbitLife((now - epoch_tdb_s) / DAY_S, False, lowest, highest, corrections, spent, path.reason)
        lows = path.periapses()
        heights = np.linalg.norm(path.at(lows)[:, :3], axis=1) - MOON_RADIUS_M if lows.size else np.empty(0)
        below = np.flatnonzero(heights < limit)
        stop = float(lows[below[0]]) if below.size else until
        seen = path.at(np.linspace(now, stop, max(2, int((stop - now) / 120.0))))
        reach = np.linalg.norm(seen[:, :3], axis=1) - MOON_RADIUS_M
        lowest, highest = min(lowest, float(reach.min())), max(highest, float(reach.max()))
        state = path.at(stop)
        r, v, now = state[:3], state[3:], stop
        if not below.size:
            continue
        lowest = min(lowest, float(heights[below[0]]))
        if keep_above_m is None:
            return LowOrbitLife(
                (now - epoch_tdb_s) / DAY_S, True, lowest, highest, corrections, 0.0, approximation=approximation
            )
        along, cost = _circularised(r, v, target)
        # half a transfer later, on the other side, it is circular at its height
        half = float(np.pi * np.sqrt((0.5 * (target + float(np.linalg.norm(r)))) ** 3 / GM_MOON_M3_S2))
        r = -r / np.linalg.norm(r) * target
        v = -along * np.sqrt(GM_MOON_M3_S2 / target)
        now += half
        spent += cost
        corrections += 1
    flown = (now - epoch_tdb_s) / DAY_S
    return LowOrbitLife(
        flown,
        False,
        lowest,
        highest,
        corrections,
        spent / (flown * DAY_S / JULIAN_YEAR_S),
        approximation=approximation,
    )
