"""Skylines of every cell of a grid at once, one azimuth after another.

In one azimuth the lines of sight of all cells cross the rows (or columns) ahead at the same fractions of a cell, so
the ground at the j-th row ahead is, for all cells at once, the grid moved by j rows and blended with its neighbour
column. Along a line with z' = z - s²/2R, s the distance along it, the ground at distance d rises from an eye at s₀ by
(z' - z'₀)/d plus s₀/R: the Moon's curvature with a term of the eye alone, exact to the order (height / R). All rows
are taken, none is skipped: what a convex-hull sweep (Dozier & Frew 1990, IEEE TGRS 28:963) saves in sums it loses
in branches. The rays of :mod:`moonvillage.terrain.horizon` check it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Single = NDArray[np.float32]

#: Height that stands for no ground: lines of sight pass over it.
_NOTHING: Final = np.float32(-1e9)
#: Cells handled at a time, so that the arrays stay in the processor's cache.
_BLOCK: Final = 40_000
#: After so many rows it is asked whether anything farther can still rise above the skyline.
_ASK: Final = 16


def skyline(
    heights_m: NDArray[np.floating],
    cell_m: float,
    azimuth_rad: float,
    window: tuple[int, int, int],
    mast_m: float,
    radius_m: float,
) -> Single:
    """Elevation of the skyline in one azimuth, rad, for the cells of a square window.

    Parameters
    ----------
    heights_m
        Heights on a grid with x (columns) to the east and y (rows) to the north, m; NaN where there is no ground.
        Single precision is kept best where their mean is near zero.
    cell_m
        Spacing.
    azimuth_rad
        From north (y) over east (x).
    window
        First row, first column and size of the window whose skylines are wanted.
    mast_m, radius_m
        Height of the eye above the ground; radius of the Moon to the mean ground.

    Returns
    -------
    array
        (size, size), rad. Where no ground lies ahead on the grid it is about minus a right angle.
    """
    # mirror and transpose until the sight runs to higher rows and columns, with at most a column a row
    grid = np.asarray(heights_m, dtype=np.float32)
    r0, c0, size = window
    north, east = float(np.cos(azimuth_rad)), float(np.sin(azimuth_rad))
    swap = abs(east) > abs(north)
    if swap:
        grid, r0, c0, north, east = grid.T, c0, r0, east, north
    flip = north < 0.0
    if flip:
        grid, r0, north = grid[::-1], grid.shape[0] - r0 - size, -north
    mirror = east < 0.0
    if mirror:
        grid, c0, east = grid[:, ::-1], grid.shape[1] - c0 - size, -east
    result = _sweep(np.ascontiguousarray(grid[r0:, c0:]), cell_m / north, east / north, size, mast_m, radius_m)
    if mirror:
        result = result[:, ::-1]
    if flip:
        result = result[::-1]
    return np.arctan(result.T if swap else result)


def _sweep(grid: Single, step_m: float, shear: float, size: int, mast_m: float, radius_m: float) -> Single:
    """Slope of the skyline towards higher rows, ``shear`` columns a row, of the first (size, size) cells."""
    rows, columns = grid.shape
    s = np.arange(rows) * step_m
    bent = np.where(np.isnan(grid), _NOTHING, grid) - (s * s / (2.0 * radius_m)).astype(np.float32)[:, None]
    beside = np.diff(bent, axis=1)
    top = np.maximum.accumulate(bent.max(axis=1)[::-1])[::-1]  # the highest of each row and all beyond
    best = np.full((size, size), _NOTHING, dtype=np.float32)
    height = max(1, _BLOCK // size)
    work = np.empty((height, size), dtype=np.float32)
    for first in range(0, size, height):
        last = min(first + height, size)
        eye = bent[first:last, :size] + np.float32(mast_m)
        found = best[first:last]
        lowest_eye = float(eye[eye > 0.5 * _NOTHING].min(initial=0.0))
        for j in range(1, rows - first):
            count = min(last - first, rows - first - j)
            offset = shear * j
            low = int(offset)
            width = min(size, columns - 1 - low)
            if width <= 0:
                break
            there = slice(first + j, first + j + count)
            part = work[:count, :width]
            np.multiply(beside[there, low : low + width], np.float32(offset - low), out=part)
            part += bent[there, low : low + width]
            part -= eye[:count, :width]
            part *= np.float32(1.0 / (j * step_m))
            np.maximum(found[:count, :width], part, out=found[:count, :width])
            if j % _ASK == 0 and first + j + 1 < rows:
                rise = float(top[first + j + 1]) - lowest_eye
                if rise / ((j + 1) * step_m) < float(found.min()) and rise > 0.0:
                    break
        found += (s[first:last] / radius_m).astype(np.float32)[:, None]
    return best
