"""The skyline of a site from what a user names: a file, or synthetic terrain by its seed (``synthetic:7``)."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from moonvillage.errors import InputError
from moonvillage.terrain.grid import Terrain
from moonvillage.terrain.horizon import AZIMUTHS, Horizon, Tracer
from moonvillage.terrain.read import MOST_CELLS, read_terrain
from moonvillage.terrain.synthetic import fractal_terrain

#: What a check reads around a site: enough to find holes, wrong heights and a wrong map.
_GLANCE_CELLS: Final = 40_000
_SYNTHETIC: Final = re.compile(r"synthetic(?::(\d{1,9}))?\Z")


def is_synthetic(name: str) -> bool:
    """Does a name stand for synthetic terrain and not for a file?

    Raises
    ------
    InputError
        If it begins so and is no such name.
    """
    if name.startswith("synthetic:") and not _SYNTHETIC.match(name):
        raise InputError.one("is no synthetic terrain", "write synthetic:SEED, such as synthetic:7", field="terrain")
    return _SYNTHETIC.match(name) is not None


def open_terrain(name: str, latitude_rad: float, longitude_rad: float, most_cells: int = MOST_CELLS) -> Terrain:
    """The terrain that a name stands for, around a place.

    Parameters
    ----------
    name
        A file (:func:`~moonvillage.terrain.read.read_terrain`), or ``synthetic`` or ``synthetic:SEED`` for
        :func:`~moonvillage.terrain.synthetic.fractal_terrain`, 20 km across at 20 m about the place.
    latitude_rad, longitude_rad
        Planetocentric, mean-Earth axes.
    most_cells
        A larger file is cut to a window about the place.

    Raises
    ------
    InputError
        As ``read_terrain``.
    """
    if is_synthetic(name):
        match = _SYNTHETIC.match(name)
        assert match is not None
        return fractal_terrain(latitude_rad, longitude_rad, seed=int(match[1] or 1))
    return read_terrain(name, around=(latitude_rad, longitude_rad), most_cells=most_cells)


def check_site(name: str, latitude_rad: float, longitude_rad: float) -> None:
    """Raise what :func:`site_horizon` would find wrong with a file, after a glance at it around the site.

    Raises
    ------
    InputError
        If the file is none, is not terrain of the Moon, does not reach the site or has a hole there.
    """
    if not is_synthetic(name):
        open_terrain(name, latitude_rad, longitude_rad, _GLANCE_CELLS).corners(latitude_rad, longitude_rad)


def site_horizon(
    name: str, latitude_rad: float, longitude_rad: float, mast_m: float, azimuths: int = AZIMUTHS
) -> Horizon:
    """The skyline of a site on terrain that is named; kept in memory while the file stays as it is.

    Raises
    ------
    InputError
        As :func:`open_terrain` and :meth:`~moonvillage.terrain.horizon.Tracer.horizon`.
    """
    stamp = (0, 0)
    if not is_synthetic(name) and Path(name).is_file():
        state = Path(name).stat()
        stamp = (state.st_mtime_ns, state.st_size)
    return _horizon(name, stamp, latitude_rad, longitude_rad, mast_m, azimuths)


@lru_cache(maxsize=32)
def _horizon(
    name: str, stamp: tuple[int, int], latitude_rad: float, longitude_rad: float, mast_m: float, azimuths: int
) -> Horizon:
    terrain = open_terrain(name, latitude_rad, longitude_rad)
    return Tracer(terrain).horizon(latitude_rad, longitude_rad, mast_m, azimuths)
