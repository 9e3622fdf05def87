"""The horizon of a site, by ray tracing on the terrain's triangles with Embree (embreex).

The cells' centres are placed on the sphere in three dimensions, so that the Moon's curvature is that of the Moon, and
joined by triangles. In every azimuth the least elevation at which a ray leaves freely is found by bisection; a height
field seen from above the ground blocks every ray below a blocked one, so bisection finds it. Beyond the terrain's
edge the ground is a sphere at the mean height of that edge.
Embree: Wald et al. 2014, "Embree: a kernel framework for efficient CPU ray tracing", ACM TOG 33(4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris.constants import MOON_RADIUS_M
from moonvillage.ephemeris.sites import enu_matrix
from moonvillage.errors import InputError
from moonvillage.terrain.extra import need
from moonvillage.terrain.grid import Terrain

Floats = NDArray[np.float64]

#: Azimuths of a horizon unless others are asked for: every half degree.
AZIMUTHS: Final = 720
#: Rays start this much above the mast's foot at least, so that they do not start within the ground, m.
_LIFT_M: Final = 0.002
#: The bisection's first bounds and its rounds: 160 deg / 2^25 is 5e-6 deg, the resolution of Embree's floats.
_LOWEST_RAD: Final = np.deg2rad(-80.0)
_HIGHEST_RAD: Final = np.deg2rad(80.0)
_ROUNDS: Final = 25


@dataclass(frozen=True, slots=True, eq=False)
class Horizon:
    """The skyline of a site.

    Parameters
    ----------
    latitude_rad, longitude_rad
        The site, planetocentric, mean-Earth axes.
    ground_m, mast_m
        Height of the ground above 1737.4 km, and of the eye above the ground.
    azimuth_rad, elevation_rad
        Evenly spaced azimuths from north over east beginning at zero, and the elevation of the skyline in each
        (n,), against the plane that is level at the eye.
    distance_m
        How far off the skyline is (n,); NaN where it is the sphere beyond the terrain.
    source, synthetic, notes
        Of what terrain; whether that is made up; what was approximated.
    fitted
        True for a skyline fitted to published sunlight, which says nothing of anything but the Sun.
    """

    latitude_rad: float
    longitude_rad: float
    ground_m: float
    mast_m: float
    azimuth_rad: Floats
    elevation_rad: Floats
    distance_m: Floats
    source: str
    synthetic: bool
    notes: tuple[str, ...] = ()
    fitted: bool = False

    @property
    def height_m(self) -> float:
        """Height of the eye above 1737.4 km, m."""
        return self.ground_m + self.mast_m

    def at(self, azimuth_rad: ArrayLike) -> Floats:
        """Elevation of the skyline at azimuths of any shape, rad; linear between those traced."""
        n = self.elevation_rad.size
        step = (np.asarray(azimuth_rad, dtype=np.float64) % (2.0 * np.pi)) * (n / (2.0 * np.pi))
        low = step.astype(np.int64)
        share = step - low
        low %= n
        return np.asarray(self.elevation_rad[low] * (1.0 - share) + self.elevation_rad[(low + 1) % n] * share)


def evenly(azimuths: int) -> Floats:
    """Azimuths evenly spaced from zero, rad."""
    return np.asarray(np.arange(azimuths) * (2.0 * np.pi / azimuths), dtype=np.float64)


def sphere_horizon(
    latitude_rad: float, longitude_rad: float, ground_m: float = 0.0, mast_m: float = 0.0, azimuths: int = AZIMUTHS
) -> Horizon:
    """The skyline of a sphere of the ground's radius: level, or lower by the mast's dip."""
    radius = MOON_RADIUS_M + ground_m
    dip = -np.arccos(radius / (radius + max(mast_m, 0.0)))
    azimuth = evenly(azimuths)
    return Horizon(
        latitude_rad,
        longitude_rad,
        ground_m,
        mast_m,
        azimuth,
        np.full(azimuths, dip),
        np.full(azimuths, np.nan),
        "a smooth sphere",
        False,
        ("There is no terrain: the horizon is that of a sphere.",),
    )


class Tracer:
    """Terrain made ready for tracing: Embree's scene is built once, horizons of any number of sites follow.

    Parameters
    ----------
    terrain
        Where the sites stand.
    far
        Coarser terrain around it; its cells within ``terrain`` are left out.

    Raises
    ------
    InputError
        If the extra ``geo`` is missing.
    """

    def __init__(self, terrain: Terrain, far: Terrain | None = None) -> None:
        scenes: Any = need("embreex.rtcore_scene", "tracing horizons")
        meshes: Any = need("embreex.mesh_construction", "tracing horizons")
        self.terrain = terrain
        self.far = far
        self._fixed = terrain.fixed_m()
        middle = self._fixed[terrain.y.size // 2, terrain.x.size // 2]
        if np.isnan(middle).any():
            known = ~np.isnan(terrain.heights_m)
            middle = self._fixed[known].mean(axis=0) if known.any() else np.zeros(3)
        self._origin = middle
        self._scene = scenes.EmbreeScene(robust=True)
        vertices = (self._fixed - middle).astype(np.float32).reshape(-1, 3)
        self._meshes = [meshes.TriangleMesh(self._scene, *_clean(vertices, _triangles(terrain.heights_m)))]
        edge = _edge(self._fixed)
        if far is not None:
            fixed = far.fixed_m()
            x, y = np.meshgrid(far.x, far.y)
            row, column = terrain.indices(*far.projection.inverse(x, y))
            rows, columns = terrain.heights_m.shape
            within = (row >= 0.0) & (row <= rows - 1.0) & (column >= 0.0) & (column <= columns - 1.0)
            faces = _triangles(far.heights_m)
            faces = faces[~within.ravel()[faces].all(axis=1)]
            vertices = (fixed - middle).astype(np.float32).reshape(-1, 3)
            self._meshes.append(meshes.TriangleMesh(self._scene, *_clean(vertices, faces)))
            edge = _edge(fixed)
        self._scene.run(np.zeros((1, 3), np.float32), np.array([[0.0, 0.0, 1.0]], np.float32))  # builds the tree now
        self._edge = edge
        self._edge_radius = float(np.linalg.norm(edge, axis=1).mean()) if edge.size else np.nan

    def ground(self, latitude_rad: float, longitude_rad: float) -> Floats:
        """The ground at a place, m, Moon-fixed (3,), on its triangle.

        Raises
        ------
        InputError
            If the place is off the terrain or next to a hole.
        """
        j, i, v, u = self.terrain.corners(latitude_rad, longitude_rad)
        a, b = self._fixed[j, i], self._fixed[j, i + 1]
        c, d = self._fixed[j + 1, i], self._fixed[j + 1, i + 1]
        return np.asarray(a + u * (b - a) + v * (d - b) if u >= v else a + v * (c - a) + u * (d - c))

    def horizon(
        self, latitude_rad: float, longitude_rad: float, mast_m: float = 2.0, azimuths: int = AZIMUTHS
    ) -> Horizon:
        """Trace the skyline of a site.

        Parameters
        ----------
        latitude_rad, longitude_rad
            Planetocentric, mean-Earth axes.
        mast_m
            Height of the eye above the ground; not negative.
        azimuths
            How many, evenly spaced from north over east.

        Raises
        ------
        InputError
            If the site is off the terrain or at a hole.
        ValueError
            If the mast is below the ground or there are fewer than 8 azimuths.
        """
        if not 0.0 <= mast_m < 1e5 or azimuths < 8:
            raise ValueError(f"a mast of {mast_m!r} m and {azimuths} azimuths")
        ground = self.ground(latitude_rad, longitude_rad)
        local = enu_matrix(latitude_rad, longitude_rad)
        eye = ground + max(mast_m, _LIFT_M) * local[2]
        azimuth = evenly(azimuths)
        level = np.sin(azimuth)[:, None] * local[0] + np.cos(azimuth)[:, None] * local[1]
        origins = np.repeat((eye - self._origin).astype(np.float32)[None, :], azimuths, axis=0)

        def rays(elevation: Floats) -> NDArray[np.float32]:
            made = np.cos(elevation)[:, None] * level + np.sin(elevation)[:, None] * local[2]
            return np.asarray(made, dtype=np.float32)

        low, high = np.full(azimuths, _LOWEST_RAD), np.full(azimuths, _HIGHEST_RAD)
        for _ in range(_ROUNDS):
            middle = 0.5 * (low + high)
            blocked = self._scene.run(origins, rays(middle), query="OCCLUDED") >= 0
            low, high = np.where(blocked, middle, low), np.where(blocked, high, middle)
        distance = self._scene.run(origins, rays(low), query="DISTANCE").astype(np.float64)
        elevation = 0.5 * (low + high)
        beyond = self._beyond(ground + mast_m * local[2], local, azimuth)
        sphere = beyond >= elevation
        distance[sphere | (distance > 1e30)] = np.nan
        notes = [*self.terrain.notes]
        if self.far is not None:
            notes += [f"Around it: {self.far.label}.", *self.far.notes]
        if sphere.any():
            notes.append(
                f"In {sphere.mean():.0%} of the azimuths the skyline is the ground beyond the terrain, a sphere at "
                f"its edge's mean height of {self._edge_radius - MOON_RADIUS_M:.0f} m."
            )
        return Horizon(
            latitude_rad,
            longitude_rad,
            float(np.linalg.norm(ground)) - MOON_RADIUS_M,
            mast_m,
            azimuth,
            np.maximum(elevation, beyond),
            distance,
            self.terrain.label,
            self.terrain.synthetic or (self.far is not None and self.far.synthetic),
            tuple(notes),
        )

    def _beyond(self, eye: Floats, local: Floats, azimuth: Floats) -> Floats:
        """Elevation of the sphere beyond the edge: its tangent where that lies beyond, else its nearest point."""
        if not self._edge.size:
            return np.full(azimuth.size, -0.5 * np.pi)
        east, north, up = (self._edge @ local.T).T
        around = np.arctan2(east, north) % (2.0 * np.pi)
        angle = np.arctan2(np.hypot(east, north), up)  # at the Moon's centre, from the site to the edge
        order = np.argsort(around, kind="stable")
        reach = np.interp(azimuth, around[order], angle[order], period=2.0 * np.pi)
        radius = float(np.linalg.norm(eye))
        ratio = self._edge_radius / radius
        tangent = np.arccos(ratio) if ratio < 1.0 else 0.0
        theta = np.maximum(reach, tangent)
        return np.asarray(np.arctan2(ratio * np.cos(theta) - 1.0, ratio * np.sin(theta)))


def _triangles(heights: NDArray[Any]) -> NDArray[np.int32]:
    """Two triangles a cell, (m, 3) indices of vertices; those that touch a hole are left out."""
    rows, columns = heights.shape
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, :-1].ravel(), index[1:, 1:].ravel()
    faces = np.empty((2 * a.size, 3), dtype=np.int32)
    faces[0::2, 0], faces[0::2, 1], faces[0::2, 2] = a, b, d
    faces[1::2, 0], faces[1::2, 1], faces[1::2, 2] = a, d, c
    holes = np.isnan(heights).ravel()
    if holes.any():
        faces = faces[~holes[faces].any(axis=1)]
        if not faces.size:
            raise InputError.one(
                "has no two cells of data side by side", "give terrain without holes", field="terrain"
            )
    return faces


def _clean(vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Vertices that no face uses may be holes: give them numbers."""
    return np.ascontiguousarray(np.nan_to_num(vertices)), np.ascontiguousarray(faces)


def _edge(fixed: Floats) -> Floats:
    """The outermost cells' positions that have data, (n, 3)."""
    ring = np.concatenate([fixed[0], fixed[-1], fixed[1:-1, 0], fixed[1:-1, -1]])
    return np.asarray(ring[~np.isnan(ring).any(axis=1)])
