"""Terrain from a file that the user has: GeoTIFF, or a PDS image with its label; lunar coordinates by pyproj.

rasterio (GDAL) reads the file. Heights may be written as metres or kilometres, above a sphere or from the Moon's
centre, with the scale and offset that the file states (LOLA's products state 0.5 m and 1737.4 km).
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.errors import InputError
from moonvillage.terrain.extra import need
from moonvillage.terrain.grid import Terrain
from moonvillage.terrain.projections import Crs

Floats = NDArray[np.float64]

#: Radii of a reference sphere that can be the Moon's, m.
_RADII_M: Final = (1_734_000.0, 1_741_000.0)
#: Heights that the Moon has, with room, m (-9.1 to +10.8 km by LOLA).
_HEIGHTS_M: Final = (-12_000.0, 14_000.0)
#: More cells than this are cut to a window about the site, or thinned.
MOST_CELLS: Final = 4_000_000


def read_terrain(
    path: str | Path, *, around: tuple[float, float] | None = None, most_cells: int = MOST_CELLS
) -> Terrain:
    """Read terrain.

    Parameters
    ----------
    path
        A GeoTIFF, or a PDS label (.lbl, .xml) or image (.img) with its label beside it; the first band is read.
    around
        Planetocentric latitude and east longitude, rad: where a file has more than ``most_cells``, the square
        window about this place is read. Without it such a file is thinned.
    most_cells
        Largest number of cells kept.

    Returns
    -------
    Terrain
        ``notes`` says what was cut or thinned, and the share of holes.

    Raises
    ------
    InputError
        If the file cannot be read, has no lunar coordinate reference system, heights that the Moon has not, no
        data, or does not reach the place; or if the extra ``geo`` is missing.
    """
    rasterio = need("rasterio", "reading terrain")
    file = Path(path)
    if not file.is_file():
        raise _bad(file, "is not a file", "give a GeoTIFF, or a PDS label with its image")
    notes: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        try:
            source = rasterio.open(_labelled(file))
        except rasterio.errors.RasterioError as cause:
            raise _bad(file, f"cannot be read ({cause})", "give a GeoTIFF, or a PDS label with its image") from None
        with source:
            projection, radius_m = _reference(source, file)
            transform = source.transform
            if abs(transform.b) + abs(transform.d) > 1e-9 * (abs(transform.a) + abs(transform.e)):
                raise _bad(file, "is rotated against its map", "warp it to a map with north up (gdalwarp)")
            rows, columns, r0, c0 = source.height, source.width, 0, 0
            step = 1
            if rows * columns > most_cells and around is not None:
                side = int(np.sqrt(most_cells))
                x0, y0 = (float(v) for v in projection.forward(*around))
                column, row = (x0 - transform.c) / transform.a, (y0 - transform.f) / transform.e
                if not (0.0 <= column <= columns and 0.0 <= row <= rows):
                    place = f"{np.rad2deg(around[0]):.4f}, {np.rad2deg(around[1]):.4f} deg"
                    raise _bad(file, f"does not contain the site at {place}", "give terrain around the site")
                whole = (rows, columns)
                rows, columns = min(rows, side), min(columns, side)
                r0 = max(0, min(whole[0] - rows, int(row) - rows // 2))
                c0 = max(0, min(whole[1] - columns, int(column) - columns // 2))
                notes.append(f"Of {whole[0]} × {whole[1]} cells the {rows} × {columns} about the site were read.")
            elif rows * columns > most_cells:
                step = int(np.ceil(np.sqrt(rows * columns / most_cells)))
                notes.append(f"Every {step}th cell in each direction was read, as a mean of its neighbours.")
            shape = (rows // step, columns // step)
            if min(shape) < 3:
                raise _bad(file, f"has only {rows} × {columns} cells", "give terrain of at least 3 × 3 cells")
            window = rasterio.windows.Window(c0, r0, shape[1] * step, shape[0] * step)
            averaging = rasterio.enums.Resampling.average
            try:
                data = source.read(1, window=window, out_shape=shape, masked=True, resampling=averaging)
            except rasterio.errors.RasterioError as cause:
                raise _bad(file, f"cannot be read ({cause})", "is its image beside its label, and whole?") from None
            heights = _heights(source, data, file, radius_m)
            x = transform.c + transform.a * (c0 + (np.arange(shape[1]) + 0.5) * step)
            y = transform.f + transform.e * (r0 + (np.arange(shape[0]) + 0.5) * step)
            if projection.geographic and abs(x.size * (x[1] - x[0]) - 360.0) < 1e-6:  # close the seam
                x, heights = np.append(x, x[0] + 360.0), np.column_stack([heights, heights[:, 0]])
    holes = float(np.isnan(heights).mean())
    if holes:
        notes.append(f"{holes:.2%} of the terrain's cells have no data; sight passes through them.")
    return Terrain(heights, x, y, projection, radius_m, str(path), False, tuple(notes))


def _bad(file: Path, message: str, remedy: str) -> InputError:
    return InputError.one(message, remedy, file=str(file), field="terrain")


def _labelled(file: Path) -> Path:
    """The label of a PDS image that has it in a file of its own, else the file."""
    if file.suffix.lower() == ".img":
        for suffix in (".lbl", ".LBL", ".xml", ".XML"):
            if file.with_suffix(suffix).is_file():
                return file.with_suffix(suffix)
    return file


def _reference(source: Any, file: Path) -> tuple[Crs, float]:
    """The map and the radius of its sphere, m."""
    if source.crs is None:
        raise _bad(
            file,
            "has no coordinate reference system",
            "give it one of the Moon's, such as IAU_2015:30135 (gdal_edit.py -a_srs)",
        )
    pyproj = need("pyproj", "reading terrain")
    wkt = source.crs.to_wkt()
    try:
        crs = pyproj.CRS.from_wkt(wkt)
    except pyproj.exceptions.CRSError as cause:
        raise _bad(file, f"has an unreadable coordinate reference system ({cause})", "assign a lunar one") from None
    ellipsoid = crs.ellipsoid
    if ellipsoid is None or crs.geodetic_crs is None:
        raise _bad(file, "has a coordinate system without a body", "assign a lunar one, such as IAU_2015:30135")
    radius = float(ellipsoid.semi_major_metre)
    low, high = _RADII_M
    if not (low <= radius <= high and abs(float(ellipsoid.semi_minor_metre) - radius) < 2_500.0):
        raise _bad(
            file,
            f"is not on the Moon: its ellipsoid ({ellipsoid.name}) has a radius of {radius / 1e3:.1f} km",
            "give terrain in a lunar coordinate reference system, such as IAU_2015:30135 (1737.4 km)",
        )
    return Crs(wkt, bool(crs.is_geographic)), radius


def _heights(source: Any, data: Any, file: Path, radius_m: float) -> Floats:
    """Heights above the sphere, m, with NaN for holes; what the file states of scale, offset and unit is applied."""
    scale, offset = float(source.scales[0]), float(source.offsets[0])
    values = np.ma.filled(data.astype(np.float64), np.nan) * scale + offset
    values[~np.isfinite(values) | (np.abs(values) > 1e30)] = np.nan
    if np.isnan(values).all():
        raise _bad(file, "has no data", "give terrain with heights in its first band")
    unit = (source.units[0] or _label_unit(source) or "").strip().lower()
    if unit in ("km", "kilometer", "kilometers", "kilometre", "kilometres"):
        values *= 1e3
    middle = float(np.nanmedian(values))
    if 1.70e6 < middle < 1.78e6:  # radii, m
        values -= radius_m
    elif 1.70e3 < middle < 1.78e3:  # radii, km
        values = values * 1e3 - radius_m
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if not (_HEIGHTS_M[0] <= low and high <= _HEIGHTS_M[1]):
        raise _bad(
            file,
            f"has heights from {low:.6g} m to {high:.6g} m, which the Moon has not",
            "state its unit, scale, offset and no-data value (gdal_edit.py -scale -offset -a_nodata)",
        )
    return values


def _label_unit(source: Any) -> str:
    """The unit that a PDS3 label states for its samples."""
    if not str(source.driver).startswith("PDS"):
        return ""
    for name in source.files:
        if Path(name).suffix.lower() == ".lbl":
            text = Path(name).read_text(errors="replace")
            found = re.search(r"^\s*UNIT\s*=\s*\"?([A-Za-z]+)", text, re.MULTILINE)
            return found[1] if found else ""
    return ""
