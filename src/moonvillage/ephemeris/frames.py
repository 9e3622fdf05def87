"""Frames: between ICRF axes and those that turn (docs/conventions.md §3).

All rotations are matrices M with ``r_new = M @ r_old``, vectorised over leading axes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from erfa import ufunc as _erfa
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris import scales
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, MOON_RADIUS_M
from moonvillage.ephemeris.earth_orientation import EarthOrientation
from moonvillage.ephemeris.orientation import moon_angular_velocity, moon_me_matrix
from moonvillage.ephemeris.time import TT_MINUS_TAI_S

Floats = NDArray[np.float64]
_DAY_S: Final = 86400.0
#: Up to so many epochs the pole's series is summed for each.
_FEW: Final = 8
#: Flattening of WGS 84.
EARTH_FLATTENING: Final = 1.0 / 298.257223563


def unit(vector: ArrayLike) -> Floats:
    """Vectors of length one along the last axis, of the shape given, (..., n)."""
    v = np.asarray(vector, dtype=np.float64)
    return np.asarray(v / np.linalg.norm(v, axis=-1, keepdims=True))


def _ut1(epochs: Floats, table: EarthOrientation | None) -> tuple[Floats, Floats]:
    """UT1 as a Julian date in two parts; without a table UTC, which ERFA stretches over a day with a leap second."""
    if table is not None:
        days = scales.convert(epochs, "tdb", "ut1", table) / _DAY_S
        return np.full_like(days, 2451545.0), days
    whole, part, _ = _erfa.taiutc(2451545.0, (epochs - TT_MINUS_TAI_S) / _DAY_S)
    return np.asarray(whole), np.asarray(part)


def earth_itrf_matrix(epoch_tdb_s: ArrayLike, earth_orientation: EarthOrientation | None = None) -> Floats:
    """Rotation ICRF (GCRS) → ITRF, shape ``(..., 3, 3)``: IAU 2006/2000A precession-nutation and Earth rotation.

    Without a table (:func:`~moonvillage.ephemeris.earth_orientation.read_finals`) UT1 is taken as UTC (within 0.9 s,
    0.4 km at the equator) and polar motion (10 m) is left out. Source: IERS Conventions 2010, chapter 5, by ERFA.
    """
    epochs = np.asarray(epoch_tdb_s, dtype=np.float64)
    tt_days = epochs / _DAY_S  # TDB for TT: 2 ms at most, of a rotation that turns on UT1
    if earth_orientation is None and epochs.size <= _FEW:
        return np.asarray(_erfa.c2t06a(2451545.0, tt_days, *_ut1(epochs, None), 0.0, 0.0))
    if earth_orientation is None:
        turn = _erfa.era00(*_ut1(epochs, None))
        wobble = _erfa.pom00(0.0, 0.0, _erfa.sp00(2451545.0, tt_days))
        return np.asarray(_erfa.c2tcio(_erfa.c2ixys(*_celestial_pole(epochs)), turn, wobble))
    utc = scales.convert(epochs, "tdb", "utc")
    turn = _erfa.era00(*_ut1(epochs, earth_orientation))
    x, y, s = _celestial_pole(epochs)
    dx, dy = earth_orientation.celestial_pole(utc)
    wobble = _erfa.pom00(*earth_orientation.pole(utc), _erfa.sp00(2451545.0, tt_days))
    return np.asarray(_erfa.c2tcio(_erfa.c2ixys(x + dx, y + dy, s), turn, wobble))


def teme_matrix(epoch_tdb_s: ArrayLike, earth_orientation: EarthOrientation | None = None) -> Floats:
    """Rotation ICRF → TEME, the true equator and mean equinox of date of SGP4's element sets, ``(..., 3, 3)``.

    Through ITRF and Greenwich mean sidereal time of 1982: Vallado, Crawford, Hujsak & Kelso 2006, "Revisiting
    Spacetrack Report #3", AIAA 2006-6753, appendix C. The table is that of :func:`earth_itrf_matrix`; UT1 itself
    nearly cancels.
    """
    epochs = np.asarray(epoch_tdb_s, dtype=np.float64)
    fixed = earth_itrf_matrix(epochs, earth_orientation)
    if earth_orientation is not None:
        utc = scales.convert(epochs, "tdb", "utc")
        wobble = np.asarray(_erfa.pom00(*earth_orientation.pole(utc), _erfa.sp00(2451545.0, epochs / _DAY_S)))
        fixed = np.swapaxes(wobble, -1, -2) @ fixed
    angle = np.asarray(_erfa.gmst82(*_ut1(epochs, earth_orientation)))
    c, s, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    back = np.stack(
        [np.stack([c, -s, zero], -1), np.stack([s, c, zero], -1), np.stack([zero, zero, one], -1)], axis=-2
    )
    return np.asarray(back @ fixed)


def eme2000_matrix() -> Floats:
    """Rotation ICRF → the mean equator and equinox of J2000, (3, 3): the constant frame bias, 23 mas (IAU 2006).

    SPICE, GMAT and the makers of OEM files mean the ICRF when they write EME2000 or J2000, and so does this package
    wherever it does not name this matrix: 40 m at the Moon's distance lie between the two readings.
    """
    return np.asarray(_erfa.bp06(2451545.0, 0.0)[0])


def _celestial_pole(epochs: Floats) -> tuple[Floats, Floats, Floats]:
    """X, Y of the Earth's celestial intermediate pole and the locator s, rad (IAU 2006/2000A).

    The series has 1,400 terms. For many epochs it is taken at every quarter of a day and interpolated with cubics,
    2e-11 rad off at most.
    """
    if epochs.size <= _FEW:
        return _erfa.xys06a(2451545.0, epochs / _DAY_S)  # type: ignore[no-any-return]
    step = 0.25 * _DAY_S
    place = epochs / step
    first = np.floor(place).astype(np.int64) - 1
    wanted, index = np.unique(first[..., None] + np.arange(4), return_inverse=True)
    knots = np.stack(_erfa.xys06a(2451545.0, wanted * 0.25), axis=-1)[index.reshape((*epochs.shape, 4))]
    t = place - first  # in [1, 2): Lagrange over the nodes 0, 1, 2, 3
    weights = np.stack(
        [
            -(t - 1.0) * (t - 2.0) * (t - 3.0) / 6.0,
            t * (t - 2.0) * (t - 3.0) / 2.0,
            -t * (t - 1.0) * (t - 3.0) / 2.0,
            t * (t - 1.0) * (t - 2.0) / 6.0,
        ],
        axis=-1,
    )
    x, y, s = np.moveaxis(np.einsum("...k,...kc->...c", weights, knots), -1, 0)
    return x, y, s


def earth_pole(epoch_tdb_s: ArrayLike) -> Floats:
    """Unit vector of the Earth's celestial intermediate pole, ICRF, shape ``(..., 3)`` (IAU 2006/2000A)."""
    epochs = np.asarray(epoch_tdb_s, dtype=np.float64)
    if epochs.size <= _FEW:
        return np.asarray(_erfa.pnm06a(2451545.0, epochs / _DAY_S))[..., 2, :]
    x, y, _ = _celestial_pole(epochs)
    return np.stack([x, y, np.sqrt(1.0 - x * x - y * y)], axis=-1)


def rsw_matrix(r_m: ArrayLike, v_m_s: ArrayLike) -> Floats:
    """Rotation ICRF → RSW (radial, along-track, cross-track) of a state, shape ``(..., 3, 3)``."""
    r = np.asarray(r_m, dtype=np.float64)
    radial = unit(r)
    cross = unit(np.cross(r, np.asarray(v_m_s, dtype=np.float64)))
    return np.stack([radial, np.cross(cross, radial), cross], axis=-2)


def vnc_matrix(r_m: ArrayLike, v_m_s: ArrayLike) -> Floats:
    """Rotation ICRF → VNC (along velocity, orbit normal, co-normal) of a state, shape ``(..., 3, 3)``."""
    v = np.asarray(v_m_s, dtype=np.float64)
    along = unit(v)
    normal = unit(np.cross(np.asarray(r_m, dtype=np.float64), v))
    return np.stack([along, normal, np.cross(along, normal)], axis=-2)


def spherical_to_cartesian(latitude_rad: ArrayLike, longitude_rad: ArrayLike, radius_m: ArrayLike) -> Floats:
    """Body-fixed vector of a planetocentric latitude, east longitude and radius, shape ``(..., 3)``."""
    lat, lon, radius = np.broadcast_arrays(latitude_rad, longitude_rad, radius_m)
    direction = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    return np.asarray(radius[..., None] * direction, dtype=np.float64)


def cartesian_to_spherical(r_m: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Latitude, east longitude (−π, π], rad, and radius, each (...), of body-fixed vectors (..., 3)."""
    r = np.asarray(r_m, dtype=np.float64)
    radius = np.linalg.norm(r, axis=-1)
    return np.arctan2(r[..., 2], np.hypot(r[..., 0], r[..., 1])), np.arctan2(r[..., 1], r[..., 0]), radius


def moon_site_state(
    epoch_tdb_s: ArrayLike, latitude_rad: float, longitude_rad: float, height_m: float = 0.0
) -> tuple[Floats, Floats]:
    """Position and velocity of a place fixed on the Moon, Moon-centred ICRF, shapes ``(..., 3)``.

    Latitude and longitude are planetocentric ME; height is above the mean radius 1737400 m.
    """
    fixed = spherical_to_cartesian(latitude_rad, longitude_rad, MOON_RADIUS_M + height_m)
    r = np.einsum("...ji,j->...i", moon_me_matrix(epoch_tdb_s), fixed)
    return np.asarray(r), np.cross(moon_angular_velocity(epoch_tdb_s), r)


def moon_latitude_longitude(epoch_tdb_s: ArrayLike, r_m: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """ME latitude, east longitude (rad), height over 1737400 m, each (...).

    ``r_m`` (..., 3) are positions, ICRF about the Moon.
    """
    fixed = np.einsum("...ij,...j->...i", moon_me_matrix(epoch_tdb_s), np.asarray(r_m, dtype=np.float64))
    latitude, longitude, radius = cartesian_to_spherical(fixed)
    return latitude, longitude, radius - MOON_RADIUS_M


def earth_latitude_longitude(epoch_tdb_s: ArrayLike, r_m: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """WGS 84 geodetic latitude, east longitude (rad) and height (m) of an Earth-centred ICRF position."""
    fixed = np.einsum("...ij,...j->...i", earth_itrf_matrix(epoch_tdb_s), np.asarray(r_m, dtype=np.float64))
    longitude, latitude, height, _ = _erfa.gc2gde(EARTH_RADIUS_M, EARTH_FLATTENING, fixed)
    return np.asarray(latitude), np.asarray(longitude), np.asarray(height)
