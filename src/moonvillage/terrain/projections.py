"""From the Moon's latitude and longitude to a map's plane and back.

:class:`Stereographic` is our own (Snyder 1987, "Map Projections: A Working Manual", USGS Professional Paper 1395,
eq. 21-2 to 21-4 and 20-14 to 20-18, sphere), so that synthetic terrain and maps need no library; :class:`Crs` is any
coordinate reference system that pyproj knows. Angles are radians, planetocentric, longitudes east.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris.constants import MOON_RADIUS_M
from moonvillage.terrain.extra import need

Floats = NDArray[np.float64]


class Projection(Protocol):
    """What a terrain asks of its map."""

    @property
    def definition(self) -> str:
        """A definition that PROJ reads: WKT or a PROJ string."""

    def forward(self, latitude_rad: ArrayLike, longitude_rad: ArrayLike) -> tuple[Floats, Floats]:
        """Map coordinates x, y (the map's units), NaN where there are none."""

    def inverse(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Latitude and longitude, rad."""


@dataclass(frozen=True, slots=True)
class Stereographic:
    """Oblique stereographic map of a sphere, touching at a centre; x points east there and y north, m.

    At a pole north is the direction that the meridian of ``longitude_rad`` has there.
    """

    latitude_rad: float
    longitude_rad: float
    radius_m: float = MOON_RADIUS_M

    @property
    def definition(self) -> str:
        """A PROJ string."""
        lat, lon = np.rad2deg(self.latitude_rad), np.rad2deg(self.longitude_rad)
        return f"+proj=stere +lat_0={lat:.12g} +lon_0={lon:.12g} +k=1 +R={self.radius_m:.12g} +units=m +no_defs"

    def forward(self, latitude_rad: ArrayLike, longitude_rad: ArrayLike) -> tuple[Floats, Floats]:
        """Map coordinates x, y, m."""
        lat = np.asarray(latitude_rad, dtype=np.float64)
        turn = np.asarray(longitude_rad, dtype=np.float64) - self.longitude_rad
        s0, c0 = np.sin(self.latitude_rad), np.cos(self.latitude_rad)
        facing = 1.0 + s0 * np.sin(lat) + c0 * np.cos(lat) * np.cos(turn)
        with np.errstate(divide="ignore"):
            scale = np.where(facing > 1e-9, 2.0 * self.radius_m / facing, np.nan)
        x = scale * np.cos(lat) * np.sin(turn)
        return np.asarray(x), np.asarray(scale * (c0 * np.sin(lat) - s0 * np.cos(lat) * np.cos(turn)))

    def inverse(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Latitude and longitude (within half a turn of the centre's), rad."""
        px, py = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        rho = np.hypot(px, py)
        # the point on the unit sphere in east, north, up of the centre: no loss of digits near it
        half = rho / (2.0 * self.radius_m)
        stretch = 1.0 / (1.0 + half * half)
        east, north = px / self.radius_m * stretch, py / self.radius_m * stretch
        up = (1.0 - half * half) * stretch
        s0, c0 = np.sin(self.latitude_rad), np.cos(self.latitude_rad)
        z = s0 * up + c0 * north
        out = c0 * up - s0 * north
        return np.arctan2(z, np.hypot(out, east)), self.longitude_rad + np.arctan2(east, out)


@dataclass(frozen=True, slots=True)
class Crs:
    """A coordinate reference system on a sphere, given as WKT; ``geographic`` where it counts in degrees."""

    wkt: str
    geographic: bool = False

    @property
    def definition(self) -> str:
        """The WKT."""
        return self.wkt

    def forward(self, latitude_rad: ArrayLike, longitude_rad: ArrayLike) -> tuple[Floats, Floats]:
        """Map coordinates x, y in the system's units, NaN where it has none."""
        there, _ = _transformers(self.wkt)
        x, y = there.transform(np.rad2deg(longitude_rad), np.rad2deg(latitude_rad))
        xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        bad = ~(np.isfinite(xs) & np.isfinite(ys))
        return np.where(bad, np.nan, xs), np.where(bad, np.nan, ys)

    def inverse(self, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
        """Latitude and longitude, rad."""
        _, back = _transformers(self.wkt)
        lon, lat = back.transform(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
        return np.deg2rad(np.asarray(lat)), np.deg2rad(np.asarray(lon))


@lru_cache(maxsize=16)
def _transformers(wkt: str) -> tuple[Any, Any]:
    pyproj = need("pyproj", "a map's coordinate reference system")
    crs = pyproj.CRS.from_user_input(wkt)
    globe = crs.geodetic_crs
    return (
        pyproj.Transformer.from_crs(globe, crs, always_xy=True),
        pyproj.Transformer.from_crs(crs, globe, always_xy=True),
    )
