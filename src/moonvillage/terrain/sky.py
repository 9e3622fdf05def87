"""Where the Sun, the Earth and ground stations stand in a lunar site's sky, vectorised over many epochs.

DE440 positions, the Moon's IAU orientation (docs/conventions.md §3); geometric: light time and aberration, up to 20
arcseconds for the Sun, are left out. Epochs are TDB seconds past J2000.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, MOON_RADIUS_M, SUN_RADIUS_M
from moonvillage.ephemeris.frames import earth_itrf_matrix, spherical_to_cartesian
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.ephemeris.sites import Site, azimuth_elevation, enu_matrix

Floats = NDArray[np.float64]

#: Epochs taken at a time, which bounds memory.
CHUNK: Final = 8192
RADII_M: Final[Mapping[str, float]] = {"sun": SUN_RADIUS_M, "earth": EARTH_RADIUS_M}


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The way of a body over a site's sky: azimuth from north over east, elevation of its centre, angular radius.

    All rad, of the epochs' shape; the radius of a point (a station, a relay) is zero.
    """

    azimuth_rad: Floats
    elevation_rad: Floats
    radius_rad: Floats


def chunks(count: int) -> Iterator[slice]:
    """Slices that cover a range."""
    return (slice(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK))


def track(
    body: str, epoch_tdb_s: ArrayLike, latitude_rad: float, longitude_rad: float, height_m: float = 0.0
) -> Track:
    """The way of the ``"sun"`` or the ``"earth"`` over a site.

    Parameters
    ----------
    body
        A key of :data:`RADII_M`.
    epoch_tdb_s
        Epochs, any shape.
    latitude_rad, longitude_rad, height_m
        Of the eye: planetocentric, mean-Earth axes, above 1737.4 km.

    Raises
    ------
    EphemerisRangeError
        If an epoch lies outside the ephemeris.
    """
    epochs = np.asarray(epoch_tdb_s, dtype=np.float64)
    flat = epochs.ravel()
    found = np.empty((flat.size, 3))
    ephemeris = de440.load()
    for part in chunks(flat.size):
        found[part] = ephemeris.position(body, flat[part], "moon")
    return of_positions(flat, found, latitude_rad, longitude_rad, height_m, RADII_M[body], epochs.shape)


def of_positions(
    epoch_tdb_s: Floats,
    r_m: Floats,
    latitude_rad: float,
    longitude_rad: float,
    height_m: float = 0.0,
    body_radius_m: float = 0.0,
    shape: tuple[int, ...] | None = None,
) -> Track:
    """The way of anything whose positions about the Moon, ICRF axes, m, (n, 3), are known at epochs (n,)."""
    local = enu_matrix(latitude_rad, longitude_rad)
    site = spherical_to_cartesian(latitude_rad, longitude_rad, MOON_RADIUS_M + height_m)
    result = np.empty((3, epoch_tdb_s.size))
    for part in chunks(epoch_tdb_s.size):
        turned = np.matmul(moon_me_matrix(epoch_tdb_s[part]), r_m[part, :, None])[:, :, 0] - site
        azimuth, elevation, distance = azimuth_elevation(turned @ local.T)
        result[:, part] = azimuth, elevation, np.arcsin(np.minimum(body_radius_m / distance, 1.0))
    return Track(*result.reshape(3, *(epoch_tdb_s.shape if shape is None else shape)))


def station_track(
    station: Site, epoch_tdb_s: Floats, latitude_rad: float, longitude_rad: float, height_m: float = 0.0
) -> tuple[Track, Floats]:
    """The way of a ground station over a lunar site, and the site's elevation at the station (n,), rad.

    No refraction at the station; UT1 is taken as UTC unless the station brings a table.
    """
    ephemeris = de440.load()
    seen = np.empty((epoch_tdb_s.size, 3))
    risen = np.empty(epoch_tdb_s.size)
    lunar = spherical_to_cartesian(latitude_rad, longitude_rad, MOON_RADIUS_M + height_m)
    zenith = enu_matrix(station.latitude_rad, station.longitude_rad)[2]
    for part in chunks(epoch_tdb_s.size):
        epochs = epoch_tdb_s[part]
        to_earth_fixed = earth_itrf_matrix(epochs, station.earth_orientation)
        place = np.einsum("nji,j->ni", to_earth_fixed, station.fixed_m)
        up = np.einsum("nji,j->ni", to_earth_fixed, zenith)
        seen[part] = ephemeris.position("earth", epochs, "moon") + place
        back = np.einsum("nji,j->ni", moon_me_matrix(epochs), lunar) - seen[part]
        risen[part] = np.arcsin(np.einsum("ni,ni->n", back, up) / np.linalg.norm(back, axis=1))
    return of_positions(epoch_tdb_s, seen, latitude_rad, longitude_rad, height_m), risen
