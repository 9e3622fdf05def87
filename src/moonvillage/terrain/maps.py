"""Maps of light: how much of the Sun and of the Earth every cell of a square sees over 18.6 years.

For every azimuth the skylines of all cells (:mod:`moonvillage.terrain.sweep`) are looked up in a table of how much of
the time the Sun's disc stands how high there; the table is of the square's centre, and a cell d metres nearer to what
is seen finds it d/R higher. Cells that see nothing of the Sun's disc in the whole span are in permanent shadow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris.constants import MOON_RADIUS_M
from moonvillage.errors import InputError
from moonvillage.terrain.grid import Terrain
from moonvillage.terrain.horizon import AZIMUTHS
from moonvillage.terrain.projections import Stereographic
from moonvillage.terrain.sight import NODE_PERIOD_S
from moonvillage.terrain.sky import Track, track
from moonvillage.terrain.sweep import skyline

Floats = NDArray[np.float64]

#: Finest step of the table's elevations, and the most steps it has.
_FINEST_RAD: Final = np.deg2rad(0.005)
_MOST_STEPS: Final = 6000
#: Azimuths are handled in so many groups whatever the number of processes, so that sums are the same.
_GROUPS: Final = 48
#: Terrain so far around the square is taken into account unless another reach is asked for, m.
REACH_M: Final = 20_000.0


@dataclass(frozen=True, slots=True, eq=False)
class LightMap:
    """Light of every cell of a square.

    Parameters
    ----------
    x, y
        Map coordinates of columns and rows, m; y grows to the north.
    projection
        The map: stereographic about the square's centre, Moon mean-Earth axes.
    height_m
        Ground above 1737.4 km (rows, columns); NaN where there are no data, as in the others.
    sun_share, earth_share
        Mean share of the Sun's disc in sight, and share of the time with the Earth's centre in sight.
    mast_m, span_s, start_tdb_s, azimuths
        What was computed.
    source, synthetic, notes
        Of what terrain; whether it is made up; what was approximated.
    """

    x: Floats
    y: Floats
    projection: Stereographic
    height_m: Floats
    sun_share: Floats
    earth_share: Floats
    mast_m: float
    start_tdb_s: float
    span_s: float
    azimuths: int
    source: str
    synthetic: bool
    notes: tuple[str, ...] = ()

    @property
    def shadowed(self) -> NDArray[np.bool_]:
        """Cells that see nothing of the Sun in the whole span (rows, columns); False where there are no data."""
        return np.asarray(self.sun_share == 0.0)

    @property
    def shadowed_share(self) -> float:
        """Share of the cells with data that lie in permanent shadow."""
        known = int(np.isfinite(self.sun_share).sum())
        return float(self.shadowed.sum()) / known if known else float("nan")

    def best(self) -> tuple[float, float, float]:
        """Latitude and longitude, rad, and mean lit share of the most lit cell."""
        j, i = np.unravel_index(int(np.nanargmax(self.sun_share)), self.sun_share.shape)
        latitude, longitude = self.projection.inverse(self.x[i], self.y[j])
        return float(latitude), float(longitude), float(self.sun_share[j, i])


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """For every azimuth, which share of the time is seen above a skyline at ``low_rad`` + k ``step_rad``."""

    low_rad: float
    step_rad: float
    share: Floats  # (azimuths, steps)

    def look_up(self, azimuth: int, elevation_rad: NDArray[np.floating]) -> Floats:
        """Linear between the steps; all below them, nothing above."""
        row = self.share[azimuth]
        at = np.clip((elevation_rad - self.low_rad) * (1.0 / self.step_rad), 0.0, row.size - 1.001)
        low = at.astype(np.int32)
        below = row[low]
        return np.asarray(below + (at - low) * (row[low + 1] - below))


def _table(body: Track, azimuths: int, disc: bool) -> _Table:
    """The table of a body's track; with ``disc`` the lit share of its disc counts, else its centre."""
    radius = float(body.radius_rad.mean()) if disc else 0.0
    low, high = float(body.elevation_rad.min()), float(body.elevation_rad.max())
    step = max(_FINEST_RAD, (high - low) / _MOST_STEPS)
    room = int(np.ceil(radius / step)) + 1
    low -= room * step
    steps = int(np.ceil((high - low) / step)) + room + 2
    column = np.rint(body.azimuth_rad * (azimuths / (2.0 * np.pi))).astype(np.int64) % azimuths
    at = np.rint((body.elevation_rad - low) / step).astype(np.int64)
    count = np.bincount(column * steps + at, minlength=azimuths * steps).reshape(azimuths, steps).astype(np.float64)
    if disc:  # what one sample adds to skylines around it: the disc's share above a chord, rising away from it
        chord = np.clip(-np.arange(-room, room + 1) * step / radius, -1.0, 1.0)
        seen = 0.5 + (chord * np.sqrt(1.0 - chord * chord) + np.arcsin(chord)) / np.pi
        share = np.zeros_like(count)
        falls = np.diff(seen)  # convolve with the derivative, then sum: the far tail is a constant
        for k, fall in enumerate(falls.tolist()):
            shift = k - room + 1
            moved = np.zeros_like(count)
            if shift >= 0:
                moved[:, shift:] = count[:, : steps - shift]
            else:
                moved[:, :shift] = count[:, -shift:]
            share -= fall * moved
    else:
        share = count
    above = np.cumsum(share[:, ::-1], axis=1)[:, ::-1]
    total = np.concatenate([above[:, 1:], np.zeros((azimuths, 1))], axis=1) if disc else above
    total[total < 1e-9] = 0.0
    return _Table(low, step, total / body.azimuth_rad.size)


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What a process needs for its azimuths."""

    heights_m: NDArray[np.float32]  # about their mean
    cell_m: float
    window: tuple[int, int, int]
    mast_m: float
    radius_m: float
    edge_m: float
    azimuths: int
    sun: _Table
    earth: _Table

    def group(self, numbers: Iterable[int]) -> tuple[Floats, Floats]:
        """Sums over some azimuths of what the cells see of Sun and Earth."""
        r0, c0, size = self.window
        rows, columns = self.heights_m.shape
        east = (c0 + np.arange(size) - 0.5 * (columns - 1)) * self.cell_m
        north = (r0 + np.arange(size) - 0.5 * (rows - 1)) * self.cell_m
        eye = self.heights_m[r0 : r0 + size, c0 : c0 + size].astype(np.float64) + (self.mast_m - self.edge_m)
        sun, earth = np.zeros((size, size)), np.zeros((size, size))
        half_e, half_n = 0.5 * columns * self.cell_m, 0.5 * rows * self.cell_m
        for number in numbers:
            azimuth = number * (2.0 * np.pi / self.azimuths)
            line = skyline(self.heights_m, self.cell_m, azimuth, self.window, self.mast_m, self.radius_m)
            # beyond the edge, a sphere at its mean height: its tangent if that lies beyond, else its nearest point
            s, c = float(np.sin(azimuth)), float(np.cos(azimuth))
            to_e = (half_e - np.sign(s) * east)[None, :] / max(abs(s), 1e-9)
            to_n = (half_n - np.sign(c) * north)[:, None] / max(abs(c), 1e-9)
            reach = np.maximum(np.minimum(to_e, to_n), self.cell_m)
            theta = np.maximum(reach, np.sqrt(2.0 * self.radius_m * np.maximum(eye, 0.0)))
            beyond = np.arctan(-eye / theta - theta / (2.0 * self.radius_m))
            nearer = (east[None, :] * s + north[:, None] * c) / self.radius_m
            height = np.maximum(line, beyond) - nearer
            sun += self.sun.look_up(number, height)
            earth += self.earth.look_up(number, height)
        return sun, earth


_WORK: dict[str, _Work] = {}  # of a worker process, set once when it starts


def _begin(work: _Work) -> None:
    _WORK["work"] = work


def _group(numbers: range) -> tuple[Floats, Floats]:
    return _WORK["work"].group(numbers)


def light_map(
    terrain: Terrain,
    latitude_rad: float,
    longitude_rad: float,
    size_m: float,
    cell_m: float = 20.0,
    *,
    mast_m: float = 2.0,
    start_tdb_s: float = 788_961_669.0,
    span_s: float = NODE_PERIOD_S,
    step_s: float = 3600.0,
    azimuths: int = AZIMUTHS,
    reach_m: float = REACH_M,
    far: Terrain | None = None,
    processes: int = 1,
    progress: Callable[[float], None] | None = None,
) -> LightMap:
    """Map the light of a square.

    Parameters
    ----------
    terrain
        The ground; resampled to the map by bilinear interpolation.
    latitude_rad, longitude_rad
        Centre of the square, planetocentric, mean-Earth axes.
    size_m, cell_m
        Its side and the spacing of its cells, whose middle one is the centre (their number along a side is odd).
    mast_m
        Height of the eye above the ground.
    start_tdb_s, span_s, step_s
        The span; 18.6 years of hours from 2025 by default.
    azimuths
        Directions in which the skyline is found.
    reach_m
        Ground up to so far outside the square may stand in the way, as far as there are data.
    far
        Coarser ground, taken where ``terrain`` has none.
    processes
        How many work side by side; the result does not depend on it.
    progress
        Called with the share done.

    Raises
    ------
    InputError
        If the square is off the terrain or has no data at its centre.
    ValueError
        If the sizes make no map.
    EphemerisRangeError
        If the span leaves the ephemeris.
    """
    if not (cell_m > 0.0 and size_m >= 4.0 * cell_m and size_m <= 200_000.0 and mast_m >= 0.0 and azimuths >= 8):
        raise ValueError(f"a map of {size_m:g} m in cells of {cell_m:g} m, mast {mast_m:g} m, {azimuths} azimuths")
    terrain.corners(latitude_rad, longitude_rad)  # an error if the centre is off the terrain
    half = round(0.5 * size_m / cell_m)
    size = 2 * half + 1
    margin = int(np.ceil(min(reach_m, _needed(terrain, far, latitude_rad, longitude_rad, size_m)) / cell_m))
    ground = terrain.local(latitude_rad, longitude_rad, (half + margin) * cell_m, cell_m)
    heights = ground.heights_m + (terrain.radius_m - MOON_RADIUS_M)
    notes = [*terrain.notes]
    if far is not None:
        coarse = far.local(latitude_rad, longitude_rad, (half + margin) * cell_m, cell_m)
        heights = np.where(np.isnan(heights), coarse.heights_m + (far.radius_m - MOON_RADIUS_M), heights)
        notes += [f"Around it: {far.label}.", *far.notes]
    inner = (slice(margin, margin + size),) * 2
    shown = np.asarray(heights[inner], dtype=np.float64)
    if np.isnan(shown).all():
        raise InputError.one("has no data in the square", "move the map", file=terrain.name, field="terrain")
    mean = float(np.nanmean(heights))
    outer = terrain if far is None else far
    edge = np.concatenate([outer.heights_m[k] for k in (0, -1)] + [outer.heights_m[:, k] for k in (0, -1)])
    edge_m = float(np.nanmean(edge)) + outer.radius_m - MOON_RADIUS_M if np.isfinite(edge).any() else mean
    epochs = start_tdb_s + np.arange(0.0, span_s, step_s)
    place = (latitude_rad, longitude_rad, float(np.nanmean(shown)) + mast_m)
    work = _Work(
        np.asarray(heights - mean, dtype=np.float32),
        cell_m,
        (margin, margin, size),
        mast_m,
        MOON_RADIUS_M + mean,
        edge_m - mean,
        azimuths,
        _table(track("sun", epochs, *place), azimuths, True),
        _table(track("earth", epochs, *place), azimuths, False),
    )
    sun, earth = np.zeros((size, size)), np.zeros((size, size))
    groups = [range(k, azimuths, _GROUPS) for k in range(min(_GROUPS, azimuths))]
    if processes > 1:
        pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, (work,))
        with pool:
            _add(pool.map(_group, groups), sun, earth, len(groups), progress)
    else:
        _add(map(work.group, groups), sun, earth, len(groups), progress)
    lost = np.isnan(shown)
    sun[lost] = earth[lost] = np.nan
    notes += [
        f"{azimuths} azimuths, ground up to {margin * cell_m / 1e3:.1f} km outside the square, beyond it a sphere at "
        f"the edge's mean height; {span_s / (365.25 * 86400.0):.1f} years in steps of {step_s:.0f} s.",
        "The disc is cut by a level skyline in each azimuth; geometric: light time and aberration are left out.",
    ]
    axis = ground.x[margin : margin + size]
    projection = Stereographic(latitude_rad, longitude_rad, terrain.radius_m)
    fixed = (mast_m, start_tdb_s, span_s, azimuths, terrain.label)
    made_up = terrain.synthetic or (far is not None and far.synthetic)
    return LightMap(axis, axis, projection, shown, np.minimum(sun, 1.0), earth, *fixed, made_up, tuple(notes))


def _add(
    parts: Iterable[tuple[Floats, Floats]],
    sun: Floats,
    earth: Floats,
    count: int,
    progress: Callable[[float], None] | None,
) -> None:
    """Add the groups' sums in their order."""
    for number, (its_sun, its_earth) in enumerate(parts):
        sun += its_sun
        earth += its_earth
        if progress is not None:
            progress((number + 1) / count)


def _needed(terrain: Terrain, far: Terrain | None, latitude_rad: float, longitude_rad: float, size_m: float) -> float:
    """How far outside the square there are data at all, m."""
    widest = 0.0
    for one in (terrain, far):
        if one is not None:
            x, y = np.meshgrid(one.x[:: max(1, one.x.size // 64)], one.y[:: max(1, one.y.size // 64)])
            east, north = Stereographic(latitude_rad, longitude_rad).forward(*one.projection.inverse(x, y))
            widest = max(widest, float(np.nanmax(np.abs(east))), float(np.nanmax(np.abs(north))))
            widest += one.cell_m()
    return max(0.0, widest - 0.5 * size_m)
