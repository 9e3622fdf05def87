"""Skylines of every cell of a grid at once, one azimuth after another.

In one azimuth the lines of sight of all cells cross the rows and columns ahead at the same fractions of a cell, so
the ground at the j-th row ahead is, for all cells at once, the grid moved by j rows and blended with its neighbour
column; at the k-th column likewise, and near the eye at the diagonals by which :mod:`moonvillage.terrain.horizon`
cuts its cells into triangles. Along a line with z' = z - s²/2R, s the distance along it, the ground at distance d
rises from an eye at s₀ by (z' - z'₀)/d plus s₀/R: the Moon's curvature with a term of the eye alone, exact to the
order (height / R). No row or column is skipped: what a convex-hull sweep (Dozier & Frew 1990, IEEE TGRS 28:963) saves
in sums it loses in branches. Rays check it (docs/design/light.md).
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
#: Diagonals are crossed so many rows ahead: farther off they move skylines by less than the grid is known.
_DIAGONAL_ROWS: Final = 24
#: After so many crossings it is asked whether anything farther can still rise above the skyline.
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
    result = _sweep(
        np.ascontiguousarray(grid[r0:, c0:]), cell_m / north, east / north, size, mast_m, radius_m, flip == mirror
    )
    if mirror:
        result = result[:, ::-1]
    if flip:
        result = result[::-1]
    return np.arctan(result.T if swap else result)


def _sweep(
    grid: Single, step_m: float, shear: float, size: int, mast_m: float, radius_m: float, upward: bool
) -> Single:
    """Slope of the skyline towards higher rows, ``shear`` columns a row, of the first (size, size) cells.

    ``upward``: the diagonals run from low rows and columns to high ones.
    """
    rows, columns = grid.shape
    s = np.arange(rows) * step_m
    bent = np.where(np.isnan(grid), _NOTHING, grid) - (s * s / (2.0 * radius_m)).astype(np.float32)[:, None]
    # ground at a crossing: of one corner, and how much it rises to the other
    on_row = (bent, np.diff(bent, axis=1))
    on_column = (bent, np.diff(bent, axis=0))
    diagonal = (bent, bent[1:, 1:] - bent[:-1, :-1]) if upward else (bent[:, 1:], bent[1:, :-1] - bent[:-1, 1:])
    # rows ahead, row and column of the first corner, share of the way to the second
    crossings = [(float(j), j, int(shear * j), shear * j % 1.0, on_row) for j in range(1, rows)]
    if shear > 1e-9:
        found = (k / shear for k in range(1, columns))
        crossings += [(at, int(at), round(shear * at), at % 1.0, on_column) for at in found if at < rows - 1]
    turn = 1.0 - shear if upward else 1.0 + shear
    if turn > 1e-9:
        found = ((k / turn) for k in range(1, 2 * _DIAGONAL_ROWS))
        crossings += [
            (at, int(at), int(shear * at), at % 1.0, diagonal) for at in found if at < min(rows - 1, _DIAGONAL_ROWS)
        ]
    crossings.sort(key=lambda crossing: crossing[0])
    top = np.maximum.accumulate(bent.max(axis=1)[::-1])[::-1]  # the highest of each row and all beyond
    best = np.full((size, size), _NOTHING, dtype=np.float32)
    height = max(1, _BLOCK // size)
    work = np.empty((height, size), dtype=np.float32)
    for first in range(0, size, height):
        last = min(first + height, size)
        eye = bent[first:last, :size] + np.float32(mast_m)
        skylines = best[first:last]
        lowest_eye = float(eye[eye > 0.5 * _NOTHING].min(initial=0.0))
        for number, (ahead, row, column, share, (corner, rise)) in enumerate(crossings, start=1):
            count = min(last - first, rise.shape[0] - first - row)
            width = min(size, rise.shape[1] - column)
            if width <= 0 or count <= 0:
                continue
            there = (slice(first + row, first + row + count), slice(column, column + width))
            part = work[:count, :width]
            np.multiply(rise[there], np.float32(share), out=part)
            part += corner[there]
            part -= eye[:count, :width]
            part *= np.float32(1.0 / (ahead * step_m))
            np.maximum(skylines[:count, :width], part, out=skylines[:count, :width])
            if number % _ASK == 0:
                higher = float(top[min(first + row, rows - 1)]) - lowest_eye
                if 0.0 < higher < float(skylines.min()) * ahead * step_m:
                    break
        skylines += (s[first:last] / radius_m).astype(np.float32)[:, None]
    return best
