"""The shadows of Earth and Moon: two cones each, and how much of the Sun is seen between them.

With s the vector from the Sun to a spherical body of radius R, and the craft at x along ŝ behind the body and ρ off
that axis, the penumbra reaches to ρ = (R + x sin p) / cos p with sin p = (R☉ + R)/|s|, and the umbra to
ρ = (R − x sin u) / cos u with sin u = (R☉ − R)/|s| (Montenbruck & Gill 2000, "Satellite Orbits", §3.4.2). Beyond the
umbra's tip its width is negative: there the Sun is a ring, the antumbra. Light bends in no air: the Earth is a sphere
of its equatorial radius.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris.constants import EARTH_RADIUS_M, MOON_RADIUS_M, SUN_RADIUS_M

Floats = NDArray[np.float64]

RADIUS_M: Final = {"earth": EARTH_RADIUS_M, "moon": MOON_RADIUS_M}
#: Fraction of a disc that a straight edge leaves in sight, ½ + (u √(1 − u²) + asin u)/π for the edge at u ∈ [−1, 1]
#: solar radii, as an odd polynomial about ½ that is exact at both ends and at most 0.0012 off between (minimax).
EDGE: Final = (0.629708256923896, -0.06792327, -0.061784986923896)


@dataclass(frozen=True, slots=True)
class Cones:
    """Where points stand in the shadow of one body; arrays of equal shape ``(...)``, metres.

    ``behind_m``: distance behind the body along the shadow's axis (negative on the Sun's side); ``off_m``: distance
    from the axis; ``penumbra_m``, ``umbra_m``: the cones' radii there (the umbra's is negative beyond its tip).
    """

    behind_m: Floats
    off_m: Floats
    penumbra_m: Floats
    umbra_m: Floats


def cones(r_m: ArrayLike, sun_m: ArrayLike, radius_m: float) -> Cones:
    """Geometry of the points ``r_m`` ``(..., 3)`` and the Sun ``sun_m`` ``(..., 3)``, both about the casting body."""
    r, sun = np.asarray(r_m, dtype=np.float64), np.asarray(sun_m, dtype=np.float64)
    distance = np.linalg.norm(sun, axis=-1)
    axis = -sun / distance[..., None]
    behind = np.einsum("...i,...i->...", r, axis)
    off = np.linalg.norm(r - behind[..., None] * axis, axis=-1)
    outer, inner = (SUN_RADIUS_M + radius_m) / distance, (SUN_RADIUS_M - radius_m) / distance
    penumbra = (radius_m + behind * outer) / np.sqrt(1.0 - outer * outer)
    umbra = (radius_m - behind * inner) / np.sqrt(1.0 - inner * inner)
    return Cones(behind, off, penumbra, umbra)


def _ring(r_m: Floats, sun_m: Floats, radius_m: float) -> Floats:
    """What an annular eclipse leaves of the Sun."""
    to_sun = np.linalg.norm(sun_m - r_m, axis=-1)
    return np.asarray(1.0 - (radius_m / SUN_RADIUS_M * to_sun / np.linalg.norm(r_m, axis=-1)) ** 2)


def sunlit_fraction(r_m: ArrayLike, sun_m: ArrayLike, radius_m: float) -> Floats:
    """Fraction of the Sun's disc in sight, shape ``(...)``; the arguments of :func:`cones`.

    Inside the penumbra the body's edge is taken as straight (:data:`EDGE`): within 0.002 of the disc for the Earth
    from near it and for the Moon from low orbit, within 0.04 where both discs look alike in size.
    """
    r, sun = np.asarray(r_m, dtype=np.float64), np.asarray(sun_m, dtype=np.float64)
    place = cones(r, sun, radius_m)
    floor = np.where(place.umbra_m < 0.0, np.maximum(_ring(r, sun, radius_m), 0.0), 0.0)
    inner = np.abs(place.umbra_m)
    with np.errstate(invalid="ignore", divide="ignore"):
        u = np.clip(2.0 * (place.off_m - inner) / (place.penumbra_m - inner) - 1.0, -1.0, 1.0)
    u = np.where(np.isfinite(u), u, 1.0)
    c1, c3, c5 = EDGE
    share = 0.5 + u * (c1 + u * u * (c3 + u * u * c5))
    lit = (place.behind_m <= 0.0) | (place.off_m >= place.penumbra_m)
    return np.where(lit, 1.0, floor + (1.0 - floor) * share)


def weights(r_m: Floats, sun_m: Floats, radius_m: float) -> tuple[float, float, float, float]:
    """The phase at a point (3,): (w₀, w₁, σ, guard).

    Until the next cone the fraction is w₀ + w₁·EDGE, σ is the sign of the umbra's radius, and the guard is 0 in the
    penumbra and 1 elsewhere.
    """
    place = cones(r_m, sun_m, radius_m)
    sign = 1.0 if place.umbra_m >= 0.0 else -1.0
    if place.behind_m <= 0.0 or place.off_m >= place.penumbra_m:
        return 1.0, 0.0, sign, 1.0
    floor = max(float(_ring(r_m, sun_m, radius_m)), 0.0) if sign < 0.0 else 0.0
    if place.off_m <= abs(float(place.umbra_m)):
        return floor, 0.0, sign, 1.0
    return floor, 1.0 - floor, sign, 0.0
