"""Frames: between ICRF axes and those that turn (docs/conventions.md §3).

All rotations are matrices M with ``r_new = M @ r_old``, vectorised over leading axes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from erfa import ufunc as _erfa
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.orientation import moon_angular_velocity, moon_me_matrix
from moonvillage.ephemeris.time import TT_MINUS_TAI_S

Floats = NDArray[np.float64]
_DAY_S: Final = 86400.0
_EARTH_FLATTENING: Final = 1.0 / 298.257223563  # WGS 84


def unit(vector: ArrayLike) -> Floats:
    """Vectors of length one along the last axis."""
    v = np.asarray(vector, dtype=np.float64)
    return np.asarray(v / np.linalg.norm(v, axis=-1, keepdims=True))


def earth_itrf_matrix(epoch_tdb_s: ArrayLike) -> Floats:
    """Rotation ICRF (GCRS) → ITRF, shape ``(..., 3, 3)``: IAU 2006/2000A precession-nutation and Earth rotation.

    UT1 is taken as UTC (within 0.9 s, 0.4 km at the equator) and polar motion (10 m) is left out.
    """
    epochs = np.asarray(epoch_tdb_s, dtype=np.float64)
    tt_days = epochs / _DAY_S  # TDB for TT: 2 ms at most
    tai_jd2 = tt_days - TT_MINUS_TAI_S / _DAY_S
    ut1, ut2, _ = _erfa.taiutc(2451545.0, tai_jd2)
    return np.asarray(_erfa.c2t06a(2451545.0, tt_days, ut1, ut2, 0.0, 0.0))


def earth_pole(epoch_tdb_s: ArrayLike) -> Floats:
    """Unit vector of the Earth's celestial intermediate pole, ICRF, shape ``(..., 3)`` (IAU 2006/2000A)."""
    days = np.asarray(epoch_tdb_s, dtype=np.float64) / _DAY_S
    return np.asarray(_erfa.pnm06a(2451545.0, days))[..., 2, :]


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


def earth_moon_rotating(
    epoch_tdb_s: ArrayLike, r_m: ArrayLike, *, centre: str = "earth", origin: str = "emb"
) -> Floats:
    """Position in the rotating, pulsating Earth–Moon frame: x from Earth to Moon, z along their orbit normal.

    Parameters
    ----------
    epoch_tdb_s, r_m
        Shapes ``(...)`` and ``(..., 3)``; ``r_m`` is ICRF about ``centre``.
    origin
        ``"emb"``, ``"earth"`` or ``"moon"``.

    Returns
    -------
    Shape ``(..., 3)``, in units of the instantaneous Earth–Moon distance.
    """
    moon, velocity = de440.load().state("moon", epoch_tdb_s, "earth")
    distance = np.linalg.norm(moon, axis=-1)[..., None]
    x = moon / distance
    z = unit(np.cross(moon, velocity))
    matrix = np.stack([x, np.cross(z, x), z], axis=-2)
    share = {"earth": 0.0, "emb": GM_MOON_M3_S2 / (GM_EARTH_M3_S2 + GM_MOON_M3_S2), "moon": 1.0}
    if centre not in share or origin not in share:
        raise ValueError(f"centre {centre!r} and origin {origin!r} must each be one of {', '.join(share)}")
    relative = np.asarray(r_m, dtype=np.float64) + (share[centre] - share[origin]) * moon
    return np.asarray(np.einsum("...ij,...j->...i", matrix, relative) / distance)


def spherical_to_cartesian(latitude_rad: ArrayLike, longitude_rad: ArrayLike, radius_m: ArrayLike) -> Floats:
    """Body-fixed vector of a planetocentric latitude, east longitude and radius, shape ``(..., 3)``."""
    lat, lon, radius = np.broadcast_arrays(latitude_rad, longitude_rad, radius_m)
    direction = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    return np.asarray(radius[..., None] * direction, dtype=np.float64)


def cartesian_to_spherical(r_m: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Planetocentric latitude, east longitude (−π, π] and radius of a body-fixed vector."""
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
    """ME latitude, east longitude (rad) and height above 1737400 m of a Moon-centred ICRF position."""
    fixed = np.einsum("...ij,...j->...i", moon_me_matrix(epoch_tdb_s), np.asarray(r_m, dtype=np.float64))
    latitude, longitude, radius = cartesian_to_spherical(fixed)
    return latitude, longitude, radius - MOON_RADIUS_M


def earth_latitude_longitude(epoch_tdb_s: ArrayLike, r_m: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """WGS 84 geodetic latitude, east longitude (rad) and height (m) of an Earth-centred ICRF position."""
    fixed = np.einsum("...ij,...j->...i", earth_itrf_matrix(epoch_tdb_s), np.asarray(r_m, dtype=np.float64))
    longitude, latitude, height, _ = _erfa.gc2gde(EARTH_RADIUS_M, _EARTH_FLATTENING, fixed)
    return np.asarray(latitude), np.asarray(longitude), np.asarray(height)
