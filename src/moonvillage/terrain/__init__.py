"""Terrain of the Moon, horizons traced on it, and what is seen above them: the Sun, the Earth, stations, relays.

The heavy libraries (rasterio, pyproj, embreex, xarray) are the extra ``geo`` and are imported where they are used.
"""

from __future__ import annotations

from moonvillage.terrain.grid import Terrain
from moonvillage.terrain.horizon import Horizon, Tracer, sphere_horizon
from moonvillage.terrain.maps import LightMap, light_map
from moonvillage.terrain.read import read_terrain
from moonvillage.terrain.sight import Sight, sight
from moonvillage.terrain.synthetic import fractal_terrain, ring_terrain, smooth_terrain

__all__ = [
    "Horizon",
    "LightMap",
    "Sight",
    "Terrain",
    "Tracer",
    "fractal_terrain",
    "light_map",
    "read_terrain",
    "ring_terrain",
    "sight",
    "smooth_terrain",
    "sphere_horizon",
]
