"""Light as files: maps as GeoTIFF or NetCDF, time series as CSV, Parquet or NetCDF.

Every file says of what terrain it is, whether that is synthetic, and what was approximated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from moonvillage.errors import InputError
from moonvillage.terrain.extra import need
from moonvillage.terrain.maps import LightMap
from moonvillage.terrain.sight import Sight

_SUN: Final = "mean share of the Sun's disc in sight"
_EARTH: Final = "share of the time with the Earth's centre in sight"
_SHADOW: Final = "1 where nothing of the Sun is seen in the whole span"


def _kind(path: Path, kinds: tuple[str, ...], field: str) -> str:
    if path.suffix.lower() not in kinds:
        shown = ", ".join(kinds[:-1]) + f" or {kinds[-1]}"
        raise InputError.one("is no kind of file for this", f"let it end in {shown}", field=field, value=str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.suffix.lower()


def _said(of: LightMap | Sight) -> dict[str, str]:
    """Attributes that go into every file."""
    horizon = of if isinstance(of, LightMap) else of.horizon
    return {
        "terrain": horizon.source,
        "synthetic": "yes: made up, no real place" if horizon.synthetic else "no",
        "mast_m": f"{horizon.mast_m:g}",
        "notes": " ".join(of.notes),
    }


def check_map_name(path: str | Path) -> None:
    """Raise :class:`InputError` where :func:`write_map` would not know how to write, before the work is done."""
    kind = _kind(Path(path), (".tif", ".tiff", ".nc"), "map")
    need("xarray" if kind == ".nc" else "rasterio", "NetCDF" if kind == ".nc" else "GeoTIFF")


def write_map(found: LightMap, path: str | Path) -> None:
    """Write a map: GeoTIFF (``.tif``; the first row is the northernmost) or NetCDF (``.nc``).

    Raises
    ------
    InputError
        If the name ends otherwise, or the extra ``geo`` is missing.
    """
    file = Path(path)
    kind = _kind(file, (".tif", ".tiff", ".nc"), "map")
    bands = {
        "sun_share": (found.sun_share, _SUN),
        "earth_share": (found.earth_share, _EARTH),
        "shadowed": (np.where(np.isnan(found.sun_share), np.nan, found.shadowed), _SHADOW),
        "height": (found.height_m, "height of the ground above 1737.4 km, m"),
    }
    if kind == ".nc":
        xarray = need("xarray", "NetCDF")
        data = {
            name: (("y", "x"), np.asarray(v, np.float32), {"long_name": text}) for name, (v, text) in bands.items()
        }
        units = {"units": "m"}
        coordinates = {"x": ("x", found.x, units), "y": ("y", found.y, units)}
        attributes = {**_said(found), "proj": found.projection.definition, "start_tdb_s": found.start_tdb_s}
        attributes |= {"span_s": found.span_s, "azimuths": found.azimuths}
        xarray.Dataset(data, coordinates, attributes).to_netcdf(file, engine="scipy")
        return
    rasterio = need("rasterio", "GeoTIFF")
    cell = float(found.x[1] - found.x[0])
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": found.x.size,
        "height": found.y.size,
        "count": len(bands),
        "dtype": "float32",
        "crs": rasterio.crs.CRS.from_string(found.projection.definition),
        "transform": rasterio.Affine(cell, 0.0, found.x[0] - 0.5 * cell, 0.0, -cell, found.y[-1] + 0.5 * cell),
        "nodata": float("nan"),
        "compress": "deflate",
    }
    with rasterio.open(file, "w", **profile) as target:
        for number, (name, (values, text)) in enumerate(bands.items(), start=1):
            target.write(np.asarray(values[::-1], np.float32), number)
            target.set_band_description(number, name)
            target.update_tags(number, long_name=text)
        target.update_tags(**_said(found))


def table(found: Sight) -> pl.DataFrame:
    """A time series as a data frame: one row an epoch, angles in degrees."""
    columns: dict[str, Any] = {
        "epoch_tdb_s": found.epoch_tdb_s,
        "sun_azimuth_deg": np.rad2deg(found.sun.azimuth_rad),
        "sun_elevation_deg": np.rad2deg(found.sun.elevation_rad),
        "sun_share": found.sun_share,
        "earth_azimuth_deg": np.rad2deg(found.earth.azimuth_rad),
        "earth_elevation_deg": np.rad2deg(found.earth.elevation_rad),
        "earth_share": found.earth_share,
        "earth_in_sight": found.earth_centre,
    }
    if found.horizon.fitted:  # says nothing of the Earth
        columns = {name: values for name, values in columns.items() if name not in ("earth_share", "earth_in_sight")}
        return pl.DataFrame(columns)
    columns |= {f"station_{name}": seen for name, seen in found.stations.items()}
    columns |= {f"relay_{name}": seen for name, seen in found.relays.items()}
    frame = pl.DataFrame(columns)
    if found.horizon.synthetic:
        frame = frame.with_columns(pl.lit(found.horizon.source).alias("terrain"))
    return frame


def write_sight(found: Sight, path: str | Path) -> None:
    """Write a time series: ``.csv``, ``.parquet`` or ``.nc`` (with the skyline).

    Raises
    ------
    InputError
        If the name ends otherwise, or the extra ``geo`` is missing for NetCDF.
    """
    file = Path(path)
    kind = _kind(file, (".csv", ".parquet", ".nc"), "out")
    frame = table(found)
    if kind == ".csv":
        frame.write_csv(file)
    elif kind == ".parquet":
        frame.write_parquet(file)
    else:
        xarray = need("xarray", "NetCDF")
        series = {
            name: ("epoch", frame[name].to_numpy().astype(np.int8 if frame[name].dtype == pl.Boolean else np.float64))
            for name in frame.columns
            if name not in ("epoch_tdb_s", "terrain")
        }
        horizon = found.horizon
        series["skyline_deg"] = ("azimuth", np.rad2deg(horizon.elevation_rad))
        series["skyline_distance_m"] = ("azimuth", horizon.distance_m)
        coordinates = {
            "epoch": ("epoch", found.epoch_tdb_s, {"units": "s", "long_name": "TDB seconds past J2000"}),
            "azimuth": (
                "azimuth",
                np.rad2deg(horizon.azimuth_rad),
                {"units": "degrees", "long_name": "north over east"},
            ),
        }
        place = {
            "latitude_deg": float(np.rad2deg(horizon.latitude_rad)),
            "longitude_deg": float(np.rad2deg(horizon.longitude_rad)),
            "ground_m": horizon.ground_m,
        }
        xarray.Dataset(series, coordinates, {**_said(found), **place}).to_netcdf(file, engine="scipy")
