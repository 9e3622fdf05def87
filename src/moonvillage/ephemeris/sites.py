"""Places on the Earth and on the Moon: where they are, and where things stand in their sky."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from erfa import ufunc as _erfa
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris.constants import EARTH_RADIUS_M, MOON_RADIUS_M
from moonvillage.ephemeris.earth_orientation import EarthOrientation
from moonvillage.ephemeris.frames import EARTH_FLATTENING, earth_itrf_matrix, earth_pole, spherical_to_cartesian
from moonvillage.ephemeris.orientation import PrincipalAxes, moon_angular_velocity, moon_me_matrix

Floats = NDArray[np.float64]

#: Rate of the Earth rotation angle, rad per SI second (IERS Conventions 2010, eq. 5.15).
EARTH_SPIN_RAD_S: Final = 2.0 * np.pi * 1.00273781191135448 / 86400.0


def enu_matrix(latitude_rad: ArrayLike, longitude_rad: ArrayLike) -> Floats:
    """Rotation from body-fixed axes to east, north, up at a latitude and east longitude, shape ``(..., 3, 3)``.

    With a geodetic latitude up is the ellipsoid's normal, with a planetocentric one it is radial.
    """
    lat, lon = np.broadcast_arrays(np.asarray(latitude_rad, dtype=np.float64), longitude_rad)
    sl, cl, so, co = np.sin(lat), np.cos(lat), np.sin(lon), np.cos(lon)
    east = np.stack([-so, co, np.zeros_like(sl)], axis=-1)
    north = np.stack([-sl * co, -sl * so, cl], axis=-1)
    up = np.stack([cl * co, cl * so, sl], axis=-1)
    return np.stack([east, north, up], axis=-2)


def azimuth_elevation(enu: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Azimuth [0, 2π) from north over east, elevation (rad) and range of vectors ``(..., 3)`` in east, north, up.

    Geometric: no refraction, no light time.
    """
    v = np.asarray(enu, dtype=np.float64)
    level = np.hypot(v[..., 0], v[..., 1])
    azimuth = np.arctan2(v[..., 0], v[..., 1]) % (2.0 * np.pi)
    return np.asarray(azimuth), np.arctan2(v[..., 2], level), np.linalg.norm(v, axis=-1)


@dataclass(frozen=True, slots=True)
class Site:
    """A place fixed on ``body`` (``"earth"`` or ``"moon"``).

    On the Earth latitude and height are geodetic (WGS 84); on the Moon latitude is planetocentric in mean-Earth axes
    and height is above 1737400 m. ``earth_orientation`` and ``lunar_axes`` replace the built-in orientation.
    """

    body: str
    latitude_rad: float
    longitude_rad: float
    height_m: float = 0.0
    name: str = ""
    earth_orientation: EarthOrientation | None = None
    lunar_axes: PrincipalAxes | None = None

    def __post_init__(self) -> None:
        if self.body not in ("earth", "moon"):
            raise ValueError(f"a site is on 'earth' or 'moon', not on {self.body!r}")

    @property
    def fixed_m(self) -> Floats:
        """Body-fixed position (3,): ITRF or Moon ME."""
        if self.body == "earth":
            place = (self.longitude_rad, self.latitude_rad, self.height_m)
            return np.asarray(_erfa.gd2gce(EARTH_RADIUS_M, EARTH_FLATTENING, *place)[0], dtype=np.float64)
        return spherical_to_cartesian(self.latitude_rad, self.longitude_rad, MOON_RADIUS_M + self.height_m)

    def body_matrix(self, epoch_tdb_s: ArrayLike) -> Floats:
        """Rotation ICRF → the body's fixed axes, ``(..., 3, 3)``."""
        if self.body == "earth":
            return earth_itrf_matrix(epoch_tdb_s, self.earth_orientation)
        return self.lunar_axes.me_matrix(epoch_tdb_s) if self.lunar_axes else moon_me_matrix(epoch_tdb_s)

    def axes(self, epoch_tdb_s: ArrayLike) -> Floats:
        """Rotation ICRF → east, north, up at epochs ``(...)``, TDB s; shape ``(..., 3, 3)``."""
        return np.asarray(enu_matrix(self.latitude_rad, self.longitude_rad) @ self.body_matrix(epoch_tdb_s))

    def state(self, epoch_tdb_s: ArrayLike) -> tuple[Floats, Floats]:
        """Position (m) and velocity (m/s) about the body, ICRF axes, ``(..., 3)``, at epochs ``(...)``, TDB s.

        The Earth turns at the rate of its rotation angle about the pole of date: precession and the length of day
        change the velocity by less than 0.05 mm/s.
        """
        r = np.einsum("...ji,j->...i", self.body_matrix(epoch_tdb_s), self.fixed_m)
        if self.body == "earth":
            spin = EARTH_SPIN_RAD_S * earth_pole(epoch_tdb_s)
        elif self.lunar_axes:
            spin = self.lunar_axes.angular_velocity(epoch_tdb_s)
        else:
            spin = moon_angular_velocity(epoch_tdb_s)
        return np.asarray(r), np.cross(spin, r)

    def look(self, epoch_tdb_s: ArrayLike, r_m: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Azimuth and elevation (rad) and range (m) of positions ``(..., 3)``, ICRF about the site's body, m.

        Epochs ``(...)``, TDB s. Geometric: no refraction, no light time.
        """
        matrix = self.body_matrix(epoch_tdb_s)
        fixed = np.einsum("...ij,...j->...i", matrix, np.asarray(r_m, dtype=np.float64)) - self.fixed_m
        local = enu_matrix(self.latitude_rad, self.longitude_rad)
        return azimuth_elevation(np.einsum("ij,...j->...i", local, fixed))
