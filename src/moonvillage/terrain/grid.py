"""Heights on a regular grid of a map, and where its cells are in space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import map_coordinates

from moonvillage.ephemeris.frames import spherical_to_cartesian
from moonvillage.errors import InputError
from moonvillage.terrain.projections import Projection, Stereographic

Floats = NDArray[np.float64]
_SIDE: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """Heights of the Moon's ground on a regular grid.

    Parameters
    ----------
    heights_m
        Height of each cell's centre above a sphere of ``radius_m``, m; shape (rows, columns); NaN where the data
        have a hole.
    x, y
        Map coordinates of the columns' and rows' centres, in the projection's units; each evenly spaced.
    projection
        The map (:mod:`moonvillage.terrain.projections`); latitudes planetocentric, mean-Earth axes.
    radius_m
        Radius of the reference sphere.
    name
        A file's name, or what a synthetic terrain is.
    synthetic
        True for terrain that is made up; every result made from it says so.
    notes
        What was approximated when it was read or made.
    """

    heights_m: NDArray[np.floating]
    x: Floats
    y: Floats
    projection: Projection
    radius_m: float
    name: str
    synthetic: bool
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.heights_m.shape != (self.y.size, self.x.size) or min(self.heights_m.shape) < _SIDE:
            raise ValueError(f"terrain of shape {self.heights_m.shape} for {self.y.size} rows, {self.x.size} columns")

    @property
    def label(self) -> str:
        """The name, with the word synthetic where it is."""
        return f"synthetic terrain ({self.name})" if self.synthetic else Path(self.name).name

    @property
    def holes(self) -> float:
        """Share of the cells that have no height."""
        return float(np.isnan(self.heights_m).mean())

    def fixed_m(self) -> Floats:
        """Positions of all cells, m, Moon-fixed mean-Earth axes; shape (rows, columns, 3)."""
        x, y = np.meshgrid(self.x, self.y)
        latitude, longitude = self.projection.inverse(x, y)
        return spherical_to_cartesian(latitude, longitude, self.radius_m + self.heights_m)

    def cell_m(self) -> float:
        """Spacing of the cells on the ground at the middle of the grid, m (the larger of the two directions)."""
        j, i = self.y.size // 2, self.x.size // 2
        latitude, longitude = self.projection.inverse(
            [self.x[i], self.x[i - 1], self.x[i]], [self.y[j], self.y[j], self.y[j - 1]]
        )
        p = spherical_to_cartesian(latitude, longitude, self.radius_m)
        return float(max(np.linalg.norm(p[1] - p[0]), np.linalg.norm(p[2] - p[0])))

    def indices(self, latitude_rad: ArrayLike, longitude_rad: ArrayLike) -> tuple[Floats, Floats]:
        """Row and column, as fractions, of places; NaN or outside the grid where they are not on it."""
        turn = np.asarray(longitude_rad, dtype=np.float64)
        x, y = self.projection.forward(latitude_rad, turn)
        column = (x - self.x[0]) / (self.x[1] - self.x[0])
        # a map in degrees may count longitudes another way round
        for shift in (2.0 * np.pi, -2.0 * np.pi):
            out = ~((column >= 0.0) & (column <= self.x.size - 1.0))
            if not np.any(out):
                break
            again, _ = self.projection.forward(latitude_rad, turn + shift)
            other = (again - self.x[0]) / (self.x[1] - self.x[0])
            fits = out & (other >= 0.0) & (other <= self.x.size - 1.0)
            column = np.where(fits, other, column)
        return (y - self.y[0]) / (self.y[1] - self.y[0]), np.asarray(column)

    def corners(self, latitude_rad: float, longitude_rad: float) -> tuple[int, int, float, float]:
        """Row and column of the cell that holds a place, and the place's fractions within it.

        Raises
        ------
        InputError
            If the place is off the grid, or next to a hole.
        """
        row, column = (float(v) for v in self.indices(latitude_rad, longitude_rad))
        rows, columns = self.heights_m.shape
        place = f"{np.rad2deg(latitude_rad):.4f}, {np.rad2deg(longitude_rad):.4f} deg"
        if not (-1e-9 <= row <= rows - 1 + 1e-9 and -1e-9 <= column <= columns - 1 + 1e-9):
            raise InputError.one(
                f"does not contain the site at {place}",
                "give terrain around the site, or another site",
                file=self.name,
                field="terrain",
            )
        j, i = min(max(int(row), 0), rows - 2), min(max(int(column), 0), columns - 2)
        if np.isnan(self.heights_m[j : j + 2, i : i + 2]).any():
            raise InputError.one(
                f"has no data at the site at {place}",
                "move the site, or give terrain without the hole",
                file=self.name,
                field="terrain",
            )
        return j, i, row - j, column - i

    def local(self, latitude_rad: float, longitude_rad: float, half_m: float, cell_m: float) -> Terrain:
        """The terrain on a stereographic grid about a centre, by bilinear interpolation; NaN beyond the data.

        ``half_m`` is half of the new grid's side and ``cell_m`` its spacing; north (y) is up, so the last row is the
        northernmost.
        """
        count = round(half_m / cell_m)
        axis = np.asarray(np.arange(-count, count + 1) * cell_m, dtype=np.float64)
        projection = Stereographic(latitude_rad, longitude_rad, self.radius_m)
        x, y = np.meshgrid(axis, axis)
        row, column = self.indices(*projection.inverse(x, y))
        lost = ~(np.isfinite(row) & np.isfinite(column))
        places = np.array([np.where(lost, -1.0, row), np.where(lost, -1.0, column)])
        source = np.asarray(self.heights_m, dtype=np.float64)
        heights = map_coordinates(source, places, order=1, mode="constant", cval=np.nan)
        return Terrain(heights, axis, axis, projection, self.radius_m, self.name, self.synthetic, self.notes)
