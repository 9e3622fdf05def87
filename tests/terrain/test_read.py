"""Terrain from files: GeoTIFF and PDS, lunar coordinates, and everything that can be wrong with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pytest
import rasterio
import xarray

from moonvillage.errors import InputError
from moonvillage.terrain import Tracer, light_map, read_terrain, ring_terrain, sight
from moonvillage.terrain.site import check_site, open_terrain, site_horizon
from moonvillage.terrain.write import write_map, write_sight

#: South polar stereographic on 1737.4 km, as IAU_2015:30135.
SOUTH: Final = "+proj=stere +lat_0=-90 +lon_0=0 +k=1 +R=1737400 +units=m +no_defs"
LAT, LON = np.deg2rad(-89.0), np.deg2rad(40.0)
RADIUS = 1_737_400.0


def from_origin(west: float, north: float, width: float, height: float) -> rasterio.Affine:
    return rasterio.Affine(width, 0.0, west, 0.0, -height, north)


def _write(path: Path, heights: np.ndarray, crs: Any = SOUTH, cell: float = 100.0, **profile: Any) -> Path:
    """A GeoTIFF centred on the pole unless told otherwise."""
    rows, columns = heights.shape
    given = {
        "driver": "GTiff",
        "dtype": "float32",
        "crs": crs,
        "transform": from_origin(-0.5 * columns * cell, 0.5 * rows * cell, cell, cell),
        **profile,
    }
    if crs is None:
        del given["crs"]
    with rasterio.open(path, "w", width=columns, height=rows, count=1, **given) as target:
        target.write(heights.astype(given["dtype"]), 1)
    return path


def _hill(count: int = 400, cell: float = 200.0) -> np.ndarray:
    """A hill 20 km from the pole towards the Earth (longitude 0 is up on this map)."""
    axis = (np.arange(count) - 0.5 * (count - 1)) * cell
    x, y = np.meshgrid(axis, -axis)
    return 3_000.0 * np.exp(-(x**2 + (y - 20_000.0) ** 2) / 3_000.0**2)


def test_geotiff_in_a_lunar_map(tmp_path: Path) -> None:
    terrain = read_terrain(_write(tmp_path / "hill.tif", _hill(), cell=200.0))
    assert not terrain.synthetic
    assert terrain.cell_m() == pytest.approx(200.0, rel=1e-3)
    assert terrain.indices(-np.pi / 2.0, 0.0) == pytest.approx((199.5, 199.5))
    horizon = Tracer(terrain).horizon(LAT, LON, 2.0)
    # the hill's top: 20 km from the pole on the meridian of the Earth
    top_lat = -np.pi / 2.0 + 20_000.0 / RADIUS
    up = np.array([np.cos(LAT) * np.cos(LON), np.cos(LAT) * np.sin(LON), np.sin(LAT)])
    east = np.array([-np.sin(LON), np.cos(LON), 0.0])
    line = (RADIUS + 3_000.0) * np.array([np.cos(top_lat), 0.0, np.sin(top_lat)]) - up * (
        RADIUS + horizon.ground_m + 2.0
    )
    azimuth = np.arctan2(line @ east, line @ np.cross(up, east)) % (2.0 * np.pi)
    highest = horizon.azimuth_rad[int(np.argmax(horizon.elevation_rad))]
    assert np.rad2deg(abs(highest - azimuth)) < 1.0
    assert horizon.elevation_rad.max() == pytest.approx(
        np.arcsin(line @ up / np.linalg.norm(line)), abs=np.deg2rad(0.1)
    )


def test_iau_code_and_degrees(tmp_path: Path) -> None:
    """The same sphere in IAU_2015:30135, and in a geographic map whose longitudes count to 360."""
    code = read_terrain(_write(tmp_path / "a.tif", np.full((40, 40), 7.0), "IAU_2015:30135"))
    assert code.corners(-np.pi / 2.0, 0.3)
    globe = np.full((180, 360), 5.0)
    geographic = _write(
        tmp_path / "b.tif", globe, "IAU_2015:30100", transform=from_origin(0.0, 90.0, 1.0, 1.0), cell=1.0
    )
    terrain = read_terrain(geographic)
    assert terrain.x.size == 361  # the seam is closed
    for longitude in (-3.0, -0.001, 0.001, 3.1):
        horizon = Tracer(terrain).horizon(0.1, longitude, 5_000.0, 36)
        assert horizon.ground_m == pytest.approx(5.0 - RADIUS * (np.deg2rad(0.5) ** 2) / 2.0, abs=70.0)


@pytest.mark.parametrize(("unit", "scale", "offset"), [("METER", 0.5, 1_737_400.0), ("KILOMETER", 0.0005, 1_737.4)])
def test_pds3_image_with_its_label(tmp_path: Path, unit: str, scale: float, offset: float) -> None:
    """LOLA's way: 16-bit numbers with a scaling factor, and the radius as offset; the image beside the label."""
    heights = np.round(_hill(64, 1_000.0) * 2.0).astype("<i2")
    (tmp_path / "ldem.img").write_bytes(heights.tobytes())
    (tmp_path / "ldem.lbl").write_text(
        f"""PDS_VERSION_ID = PDS3
FILE_NAME = "ldem.img"
RECORD_TYPE = FIXED_LENGTH
RECORD_BYTES = 128
FILE_RECORDS = 64
^IMAGE = "ldem.img"
OBJECT = IMAGE
  NAME = HEIGHT
  LINES = 64
  LINE_SAMPLES = 64
  SAMPLE_TYPE = LSB_INTEGER
  SAMPLE_BITS = 16
  UNIT = {unit}
  SCALING_FACTOR = {scale}
  OFFSET = {offset}
END_OBJECT = IMAGE
OBJECT = IMAGE_MAP_PROJECTION
  MAP_PROJECTION_TYPE = "POLAR STEREOGRAPHIC"
  A_AXIS_RADIUS = 1737.4 <km>
  B_AXIS_RADIUS = 1737.4 <km>
  C_AXIS_RADIUS = 1737.4 <km>
  TARGET_NAME = MOON
  COORDINATE_SYSTEM_NAME = PLANETOCENTRIC
  POSITIVE_LONGITUDE_DIRECTION = EAST
  CENTER_LATITUDE = -90.0 <deg>
  CENTER_LONGITUDE = 0.0 <deg>
  LINE_PROJECTION_OFFSET = 31.5
  SAMPLE_PROJECTION_OFFSET = 31.5
  MAP_SCALE = 1.0 <km/pix>
  MAP_RESOLUTION = 30.3 <pix/deg>
END_OBJECT = IMAGE_MAP_PROJECTION
END
""".replace("\n", "\r\n")
    )
    for name in ("ldem.lbl", "ldem.img"):
        terrain = read_terrain(tmp_path / name)
        assert terrain.heights_m == pytest.approx(heights * 0.5, abs=0.01)
        assert terrain.cell_m() == pytest.approx(1_000.0, rel=1e-3)


def test_a_large_file_is_cut_about_the_site_or_thinned_and_says_so(tmp_path: Path) -> None:
    path = _write(tmp_path / "hill.tif", _hill(), cell=200.0)
    cut = read_terrain(path, around=(LAT, LON), most_cells=10_000)
    assert cut.heights_m.shape == (100, 100)
    assert cut.corners(LAT, LON)
    assert "about the site" in cut.notes[0]
    thin = read_terrain(path, most_cells=10_000)
    assert thin.heights_m.shape == (100, 100)
    assert "4th cell" in thin.notes[0]
    whole = read_terrain(path)
    at = [
        float(t.heights_m[round(float(r)), round(float(c))]) for t in (whole, thin) for r, c in [t.indices(LAT, LON)]
    ]
    assert at[0] == pytest.approx(at[1], abs=60.0)


def test_holes_are_holes(tmp_path: Path) -> None:
    heights = _hill(80, 1_000.0)
    heights[10:20, 10:20] = -32_768.0
    terrain = read_terrain(_write(tmp_path / "a.tif", heights, cell=1_000.0, nodata=-32_768.0))
    assert terrain.holes == pytest.approx(100.0 / 6_400.0)
    assert any("have no data" in note for note in terrain.notes)


def _bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    small = np.zeros((20, 20))
    text = folder / "text.tif"
    text.write_text("no terrain")
    holed = np.zeros((20, 20))
    holed[8:12, 8:12] = np.nan
    return {
        "absent": (folder / "absent.tif", "is not a file"),
        "text": (text, "cannot be read"),
        "no map": (_write(folder / "nocrs.tif", small, None), "no coordinate reference system"),
        "the Earth": (_write(folder / "earth.tif", small, "EPSG:3031"), "is not on the Moon"),
        "Mars": (_write(folder / "mars.tif", small, "IAU_2015:49935"), "is not on the Moon"),
        "elsewhere": (
            _write(folder / "off.tif", small, transform=from_origin(5e5, 5e5, 100.0, 100.0)),
            "does not contain the site",
        ),
        "hole": (_write(folder / "hole.tif", holed), "has no data at the site"),
        "nothing": (_write(folder / "nan.tif", small * np.nan), "has no data"),
        "no heights": (_write(folder / "high.tif", small + 5e4), "which the Moon has not"),
        "rotated": (
            _write(folder / "rot.tif", small, transform=rasterio.Affine(80.0, 60.0, 0.0, 60.0, -80.0, 0.0)),
            "is rotated",
        ),
        "tiny": (_write(folder / "tiny.tif", np.zeros((2, 20))), "at least 3"),
    }


def test_bad_terrain_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    for what, (path, message) in _bad_files(tmp_path).items():
        for ask in (check_site, lambda *args: site_horizon(*args, 2.0)):
            with pytest.raises(InputError, match=message) as caught:
                ask(str(path), -np.pi / 2.0, 0.0)
            assert caught.value.problems[0].field == "terrain", what
            assert caught.value.problems[0].file.endswith(path.name), what


def test_synthetic_by_name() -> None:
    assert open_terrain("synthetic:5", -1.5, 0.0).synthetic
    with pytest.raises(InputError, match="no synthetic terrain"):
        open_terrain("synthetic:x", -1.5, 0.0)


def test_the_extra_is_named_when_it_is_missing(tmp_path: Path) -> None:
    """Without rasterio or embreex the rest works, and the error names the extra."""
    program = """
import sys
for name in ("rasterio", "pyproj", "embreex", "xarray"): sys.modules[name] = None
import moonvillage.terrain as t
from moonvillage.errors import InputError
made = t.smooth_terrain(-1.5, 0.0)
t.sight(t.sphere_horizon(-1.5, 0.0), 0.0, 86400.0)
for ask in (lambda: t.read_terrain("x.tif"), lambda: t.Tracer(made)):
    try: ask()
    except InputError as error: print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("moonvillage[geo]" in line for line in lines)


def test_written_maps_and_series_come_back(tmp_path: Path) -> None:
    ground = ring_terrain(LAT, LON, 4_500.0, 100.0)
    made = light_map(ground, LAT, LON, 2_000.0, 100.0, span_s=0.2 * 3.15576e7, azimuths=90)
    for name in ("map.tif", "map.nc"):
        write_map(made, tmp_path / name)
    with rasterio.open(tmp_path / "map.tif") as file:
        assert file.descriptions == ("sun_share", "earth_share", "shadowed", "height")
        assert np.array_equal(file.read(1)[::-1], made.sun_share.astype(np.float32), equal_nan=True)
        assert "made up" in file.tags()["synthetic"]
        # the file's own map leads back to the centre: it can be read as terrain
        height = file.read(4)
        profile = {"crs": file.crs, "transform": file.transform}
    again = read_terrain(_write(tmp_path / "again.tif", height, **profile))
    row, column = again.indices(LAT, LON)
    assert (float(row), float(column)) == pytest.approx((10.0, 10.0), abs=1e-6)
    with xarray.open_dataset(tmp_path / "map.nc", engine="scipy") as data:
        assert data["sun_share"].values == pytest.approx(made.sun_share, abs=1e-6)
        assert "made up" in data.attrs["synthetic"]
    seen = sight(Tracer(ground).horizon(LAT, LON, 2.0), 0.0, 864_000.0, stations={})
    for name in ("s.csv", "s.parquet", "s.nc"):
        write_sight(seen, tmp_path / name)
    frame = pl.read_parquet(tmp_path / "s.parquet")
    assert frame["sun_share"].to_numpy() == pytest.approx(seen.sun_share)
    assert frame["terrain"][0].startswith("synthetic")
    assert pl.read_csv(tmp_path / "s.csv").height == frame.height == 240
    with xarray.open_dataset(tmp_path / "s.nc", engine="scipy") as data:
        assert data["skyline_deg"].size == 720
    with pytest.raises(InputError, match="no kind of file"):
        write_map(made, tmp_path / "map.xyz")
