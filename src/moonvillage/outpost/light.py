"""The Sun at a site: elevation in DE440, a horizon that reproduces the published light, and the lit share.

Without a terrain model a polar site is given an effective horizon, ``h0 + a cos(n (azimuth - pole))``. Its level
``h0`` makes the mean lit share of the Sun's disc over 18.6 years (the precession of the Moon's node) equal the
site's published illumination; ``n`` hills of height ``a`` (2 or 3, the first toward the pole) bring the longest
night as near as they can to the published one. It has the right seasons, months, total and longest night; it cannot
have the right hours, since a real horizon has other hills. Away from the poles the horizon is that of a sphere and
nights last a fortnight, whatever the site's published mean.

A site that names terrain has the skyline that rays find there (:mod:`moonvillage.terrain`), and its own hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.catalog.model import Site
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import MOON_RADIUS_M, SUN_RADIUS_M
from moonvillage.ephemeris.frames import spherical_to_cartesian
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.terrain.horizon import Horizon
from moonvillage.terrain.sight import disc_share
from moonvillage.terrain.site import site_horizon
from moonvillage.terrain.sky import Track

Floats = NDArray[np.float64]

#: Poleward of this latitude the horizon is calibrated; equatorward it is a sphere's.
POLAR_LATITUDE_RAD: Final = np.deg2rad(80.0)
#: The calibration's span: 18.6 Julian years from 2025-01-01, every six hours.
_SPAN_START_TDB_S: Final = 788_961_669.0
_SPAN_S: Final = 18.6 * 365.25 * 86400.0
_SPAN_STEP_S: Final = 21_600.0
_CHUNK: Final = 8192


def sun_angles(
    epoch_tdb_s: ArrayLike, latitude_rad: float, longitude_rad: float, height_m: float = 0.0
) -> tuple[Floats, Floats, Floats]:
    """Elevation and azimuth (from north over east) of the Sun's centre, and its angular radius, all rad.

    Topocentric at a planetocentric ME latitude, east longitude and height above 1737.4 km; geometric (light time and
    aberration, 20 arcseconds together, are left out). Shapes follow the epochs, TDB seconds past J2000.
    """
    epochs = np.asarray(epoch_tdb_s, dtype=np.float64)
    flat = epochs.ravel()
    site = spherical_to_cartesian(latitude_rad, longitude_rad, MOON_RADIUS_M + height_m)
    up = site / np.linalg.norm(site)
    east = np.array([-np.sin(longitude_rad), np.cos(longitude_rad), 0.0])
    north = np.cross(up, east)
    result = np.empty((3, flat.size))
    ephemeris = de440.load()
    for first in range(0, flat.size, _CHUNK):
        part = slice(first, first + _CHUNK)
        sun = ephemeris.position("sun", flat[part], "moon")
        fixed = np.einsum("nij,nj->ni", moon_me_matrix(flat[part]), sun) - site
        distance = np.linalg.norm(fixed, axis=1)
        result[0, part] = np.arcsin(fixed @ up / distance)
        result[1, part] = np.arctan2(fixed @ east, fixed @ north)
        result[2, part] = np.arcsin(SUN_RADIUS_M / distance)
    elevation, azimuth, radius = result.reshape(3, *epochs.shape)
    return elevation, azimuth, radius


def disc_fraction(elevation_rad: ArrayLike, radius_rad: ArrayLike, horizon_rad: float) -> Floats:
    """Share of the Sun's disc above a straight horizon: area of a circle cut by a chord."""
    offset = (np.asarray(elevation_rad, dtype=np.float64) - horizon_rad) / np.asarray(radius_rad)
    d = np.clip(offset, -1.0, 1.0)
    return np.asarray(0.5 + (d * np.sqrt(1.0 - d * d) + np.arcsin(d)) / np.pi)


#: Heights of hills that are tried, rad.
_HILLS_RAD: Final = tuple(np.deg2rad((0.0, 0.15, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)).tolist())
#: A night this near to the published one is near enough, s; the smaller hills are taken.
_NIGHT_TOLERANCE_S: Final = 43_200.0


def _longest(dark: NDArray[np.bool_], step_s: float) -> float:
    """The longest unbroken darkness of an evenly sampled series, s."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], dark, [False])).astype(np.int8)))
    return 0.0 if edges.size == 0 else float((edges[1::2] - edges[::2]).max() * step_s)


@lru_cache(maxsize=64)
def _calibrate(
    latitude_rad: float, longitude_rad: float, height_m: float, illumination: float, longest_night_s: float
) -> tuple[float, float, int]:
    """Level, hill height (rad) and number of hills of the effective horizon."""
    epochs = _SPAN_START_TDB_S + np.arange(0.0, _SPAN_S, _SPAN_STEP_S)
    elevation, azimuth, radius = sun_angles(epochs, latitude_rad, longitude_rad, height_m)
    pole = np.pi if latitude_rad < 0.0 else 0.0
    best, nearest = (0.0, 0.0, 2), np.inf
    for hills in (2, 3):
        wave = np.cos(hills * (azimuth - pole))
        for height in _HILLS_RAD:
            above = elevation - height * wave
            low, high = float(above.min() - 0.01), float(above.max() + 0.01)
            for _ in range(26):
                middle = 0.5 * (low + high)
                if float(disc_fraction(above, radius, middle).mean()) > illumination:
                    low = middle
                else:
                    high = middle
            level = 0.5 * (low + high)
            night = _longest(above <= level - radius, _SPAN_STEP_S)
            if abs(night - longest_night_s) < nearest - 1.0:
                best, nearest = (level, height, hills), abs(night - longest_night_s)
            if nearest <= _NIGHT_TOLERANCE_S:
                return best
    return best


@dataclass(frozen=True, slots=True)
class SunModel:
    """The light of one place on the Moon.

    ``horizon_rad`` is the level of its effective horizon, ``hills`` their number and ``hill_rad`` their height (the
    first toward the pole). ``calibrated`` tells whether it was fitted to published light (:func:`sun_model`). A
    ``skyline`` from terrain takes the place of all of these.
    """

    latitude_rad: float
    longitude_rad: float
    height_m: float = 0.0
    horizon_rad: float = 0.0
    calibrated: bool = False
    hill_rad: float = 0.0
    hills: int = 2
    skyline: Horizon | None = None

    def sun_fraction(self, epoch_tdb_s: ArrayLike) -> Floats:
        """Lit share of the Sun's disc, 0 to 1, at epochs in TDB seconds past J2000 (same shape)."""
        place = (self.latitude_rad, self.longitude_rad, self.height_m)
        elevation, azimuth, radius = sun_angles(epoch_tdb_s, *place)
        if self.skyline is not None:
            return disc_share(self.skyline, Track(azimuth % (2.0 * np.pi), elevation, radius))
        if self.hill_rad:
            pole = np.pi if self.latitude_rad < 0.0 else 0.0
            elevation = elevation - self.hill_rad * np.cos(self.hills * (azimuth - pole))
        return disc_fraction(elevation, radius, self.horizon_rad)

    def longest_night_s(self, start_tdb_s: float, end_tdb_s: float, step_s: float = 3600.0) -> float:
        """The longest time without any of the Sun's disc in a span, to within a step."""
        return _longest(self.sun_fraction(np.arange(start_tdb_s, end_tdb_s, step_s)) <= 0.0, step_s)


def sun_model(site: Site) -> SunModel:
    """The light of a catalog site.

    With ``site.terrain`` the horizon is traced there, ``site.mast_m`` above the ground. Without it, poleward of 80°
    it is calibrated to ``site.illumination`` and ``site.longest_night_s``; elsewhere it is a sphere's, at zero
    elevation.

    Raises
    ------
    InputError
        If the terrain is bad, or the extra ``geo`` is missing.
    """
    if site.terrain:
        skyline = site_horizon(site.terrain, site.latitude_rad, site.longitude_rad, site.mast_m)
        return SunModel(site.latitude_rad, site.longitude_rad, skyline.height_m, skyline=skyline)
    place = (site.latitude_rad, site.longitude_rad, site.height_m)
    if abs(site.latitude_rad) < POLAR_LATITUDE_RAD:
        return SunModel(*place)
    if not 0.0 < site.illumination < 1.0:  # always dark, or always lit
        return SunModel(*place, 0.5 * np.pi if site.illumination <= 0.0 else -0.5 * np.pi, True)
    level, height, hills = _calibrate(*place, site.illumination, site.longest_night_s)
    return SunModel(*place, level, True, height, hills)


def effective_horizon(site: Site, azimuths: int = 720) -> Horizon:
    """The skyline that :func:`sun_model` gives a catalog site without terrain, as one that terrain would give.

    ``notes`` says that it is fitted to published light and has not the right hours, or that it is a sphere's; the
    Earth above a fitted skyline is as little to be trusted hour by hour.
    """
    model = sun_model(site)
    azimuth = np.asarray(np.arange(azimuths) * (2.0 * np.pi / azimuths), dtype=np.float64)
    pole = np.pi if site.latitude_rad < 0.0 else 0.0
    elevation = model.horizon_rad + model.hill_rad * np.cos(model.hills * (azimuth - pole))
    if model.calibrated:
        source = "no terrain: an effective horizon fitted to published light"
        note = (
            "There is no terrain: seasons and totals of sunlight are as published; its hours are not, and what else "
            "stands in sight is not known."
        )
    else:
        source, note = "a smooth sphere", "There is no terrain: the horizon is that of a sphere."
    ground = site.height_m
    nowhere = np.full(azimuths, np.nan)
    return Horizon(
        site.latitude_rad,
        site.longitude_rad,
        ground,
        site.mast_m,
        azimuth,
        elevation,
        nowhere,
        source,
        False,
        (note,),
        model.calibrated,
    )


def mean_fraction(site: Site) -> float:
    """Long-term mean lit share: what terrain gives in 18.6 years, else the published value, or half off the poles."""
    if site.terrain:
        return _terrain_mean(site.terrain, site.latitude_rad, site.longitude_rad, site.mast_m)
    return site.illumination if abs(site.latitude_rad) >= POLAR_LATITUDE_RAD else 0.5


@lru_cache(maxsize=64)
def _terrain_mean(terrain: str, latitude_rad: float, longitude_rad: float, mast_m: float) -> float:
    skyline = site_horizon(terrain, latitude_rad, longitude_rad, mast_m)
    model = SunModel(latitude_rad, longitude_rad, skyline.height_m, skyline=skyline)
    return float(model.sun_fraction(_SPAN_START_TDB_S + np.arange(0.0, _SPAN_S, _SPAN_STEP_S)).mean())
