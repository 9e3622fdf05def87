"""Terrain that is made up, for tests, studies and places without data: always labelled synthetic.

:func:`fractal_terrain` adds craters to a Gaussian surface whose power falls with the wave number as k^-(2H+2); H and
the slope are those of lunar highlands at scales above 20 m (Rosenburg et al. 2011, JGR 116, E02001: H about 0.95,
median slope 7.5 deg at 25 m). Craters: number falling with diameter squared, depth a fifth of the diameter,
rim a twenty-fifth of it (Pike 1977, "Size-dependence in the shape of fresh impact craters on the moon").
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris.constants import MOON_RADIUS_M
from moonvillage.terrain.grid import Terrain
from moonvillage.terrain.projections import Stereographic

Floats = NDArray[np.float64]
_LABEL: Final = "The terrain is synthetic: it is made up and resembles no real place."
_HURST: Final = 0.95
_DEPTH: Final = 0.20
_RIM: Final = 0.04


def _made(latitude_rad: float, longitude_rad: float, axis: Floats, heights_m: Floats, name: str) -> Terrain:
    projection = Stereographic(latitude_rad, longitude_rad)
    return Terrain(heights_m, axis, axis, projection, MOON_RADIUS_M, name, True, (_LABEL,))


def _axis(half_m: float, cell_m: float) -> Floats:
    if not 0.0 < cell_m <= half_m / 2.0:
        raise ValueError(f"cells of {cell_m:g} m do not make a terrain of {2.0 * half_m:g} m")
    count = round(half_m / cell_m)
    return np.asarray(np.arange(-count, count + 1) * cell_m, dtype=np.float64)


def smooth_terrain(
    latitude_rad: float, longitude_rad: float, half_m: float = 10_000.0, cell_m: float = 100.0, height_m: float = 0.0
) -> Terrain:
    """A smooth sphere: every cell at ``height_m`` above 1737.4 km."""
    axis = _axis(half_m, cell_m)
    return _made(latitude_rad, longitude_rad, axis, np.full((axis.size, axis.size), height_m), "smooth sphere")


def ring_terrain(
    latitude_rad: float,
    longitude_rad: float,
    half_m: float = 8_000.0,
    cell_m: float = 20.0,
    *,
    radius_m: float = 3_000.0,
    rim_m: float = 600.0,
    width_m: float = 500.0,
) -> Terrain:
    """A ring wall about the centre: height ``rim_m`` exp(-((s - radius_m) / width_m)^2) at ground distance s.

    Seen from anywhere its horizon follows from this formula (:func:`ring_height`), so tests can hold it.
    """
    axis = _axis(half_m, cell_m)
    x, y = np.meshgrid(axis, axis)
    arc = 2.0 * MOON_RADIUS_M * np.arctan(np.hypot(x, y) / (2.0 * MOON_RADIUS_M))  # ground distance from the centre
    heights = ring_height(arc, radius_m, rim_m, width_m)
    name = f"ring wall of {rim_m:g} m at {radius_m:g} m"
    return _made(latitude_rad, longitude_rad, axis, heights, name)


def ring_height(distance_m: Floats, radius_m: float, rim_m: float, width_m: float) -> Floats:
    """Height of the ring wall at ground distances from its centre, m."""
    return np.asarray(rim_m * np.exp(-(((distance_m - radius_m) / width_m) ** 2)))


def fractal_terrain(
    latitude_rad: float,
    longitude_rad: float,
    half_m: float = 10_000.0,
    cell_m: float = 20.0,
    *,
    seed: int = 1,
    slope_rad: float = np.deg2rad(7.5),
    largest_m: float = 4_000.0,
    craters: int = 400,
) -> Terrain:
    """Seeded hills and craters.

    Parameters
    ----------
    latitude_rad, longitude_rad
        The centre.
    half_m, cell_m
        Half of the side, and the spacing of cells, m.
    seed
        Equal seeds give equal terrain.
    slope_rad
        Root mean square slope of the hills from cell to cell.
    largest_m, craters
        Diameter of the largest crater, and how many there are.
    """
    rng = np.random.default_rng(seed)
    axis = _axis(half_m, cell_m)
    n = axis.size
    k = np.hypot(*np.meshgrid(np.fft.rfftfreq(n), np.fft.fftfreq(n)))
    k[0, 0] = np.inf
    noise = np.fft.rfft2(rng.standard_normal((n, n)))
    heights = np.fft.irfft2(noise * k ** -(_HURST + 1.0), s=(n, n))
    steep = np.sqrt(0.5 * (np.diff(heights, axis=0) ** 2).mean() + 0.5 * (np.diff(heights, axis=1) ** 2).mean())
    heights *= np.tan(slope_rad) / np.sqrt(2.0) * cell_m / steep
    smallest = max(4.0 * cell_m, largest_m / 100.0)
    share = rng.random(craters)
    diameters = np.sort(1.0 / np.sqrt(share / smallest**2 + (1.0 - share) / largest_m**2))[::-1]
    centres = rng.uniform(-half_m, half_m, (craters, 2))
    for diameter, (cx, cy) in zip(diameters.tolist(), centres.tolist(), strict=True):
        reach = 1.5 * diameter
        i0, i1 = np.searchsorted(axis, [cx - reach, cx + reach])
        j0, j1 = np.searchsorted(axis, [cy - reach, cy + reach])
        r = np.hypot(axis[i0:i1][None, :] - cx, axis[j0:j1][:, None] - cy) / (0.5 * diameter)
        bowl = (_DEPTH * r * r - _DEPTH + _RIM * r**4) * diameter
        apron = _RIM * diameter * (np.maximum(r, 1e-9) ** -3.0 - 1.0 / 27.0) * 27.0 / 26.0
        heights[j0:j1, i0:i1] += np.where(r < 1.0, bowl, np.maximum(apron, 0.0))
    name = f"fractal, seed {seed}, {2.0 * half_m / 1e3:g} km at {cell_m:g} m"
    return _made(latitude_rad, longitude_rad, axis, heights - heights.mean(), name)
