"""The light command, and terrain named by a scenario."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio

from moonvillage.catalog.load import load_catalog
from moonvillage.cli import main
from moonvillage.errors import InputError
from moonvillage.exchange.ephemeris import Ephemeris, Segment
from moonvillage.exchange.oem import oem_text
from moonvillage.outpost.light import mean_fraction, sun_model
from moonvillage.scenario import loads
from moonvillage.scenario.load import load

SCENARIO = """[scenario]
title = "light"
start = 2030-01-01
end = 2030-06-01

[places.base]
kind = "surface"
site = "hill"

[sites.hill]
base = "connecting_ridge"
terrain = "{terrain}"
mast = "10 m"

[outposts.base]
place = "base"
site = "hill"
"""


def _run(*arguments: str) -> int:
    try:
        return int(main(list(arguments)) or 0)
    except SystemExit as end:
        return int(end.code or 0)


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert _run(*arguments, "--json") == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_named_site_without_terrain_keeps_its_published_light(capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "light", "connecting_ridge", "--step", "6h")["connecting_ridge"]
    assert isinstance(found, dict)
    assert found["illumination"] == pytest.approx(0.9565, abs=0.002)
    assert found["published"]["illumination"] == pytest.approx(0.9565)
    assert "earth_visible" not in found  # nothing is known of it, so no figure is given
    assert any("no terrain" in note for note in found["notes"])


def test_synthetic_terrain_is_labelled_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, series = tmp_path / "light.svg", tmp_path / "light.csv"
    arguments = ["light", "-89.45,222.2", "--terrain", "synthetic:7", "--mast", "10m", "--years", "0.1"]
    arguments += ["--station", "cebreros", "--out", str(series), "--plot", str(picture)]
    found = _json(capsys, *arguments)["-89.45,222.2"]
    assert isinstance(found, dict)
    assert found["synthetic"] is True
    assert len(found["skyline_rad"]) == 720
    assert 0.0 < found["station_cebreros"] < found["earth_visible"]
    assert "SYNTHETIC" in picture.read_text()
    assert "synthetic" in series.read_text()
    assert _run(*arguments[:8]) == 0
    text = capsys.readouterr().out
    assert "synthetic terrain" in text
    assert "resembles no real place" in text


def test_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["light", "-89.45,222.2", "--terrain", "synthetic:7", "--years", "0.1", "--azimuths", "36"]
    arguments += ["--map", str(tmp_path / "m.tif"), "--size", "400m", "--plot", str(tmp_path / "m.svg"), "--quiet"]
    found = _json(capsys, *arguments)["-89.45,222.2"]
    assert isinstance(found, dict)
    assert found["cells"] == [21, 21]
    assert found["synthetic"] is True
    assert (tmp_path / "m.tif").stat().st_size > 0
    assert "SYNTHETIC" in (tmp_path / "m.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "is no site and no file"),
        (["91,0"], "is no place"),
        (["0,0", "--terrain", "absent.tif"], "is not a file"),
        (["0,0", "--mast", "10"], "has no unit"),
        (["0,0", "--mast", "-3m"], "is no height of a mast"),
        (["0,0", "--map", "m.tif"], "needs terrain"),
        (["0,0", "--map", "m.xyz", "--terrain", "synthetic"], "is no kind of file"),
        (["0,0", "--station", "atlantis"], "is no tracking station"),
        (["0,0", "--years", "-1"], "leaves no step"),
        (["0,0", "--terrain", "synthetic:x"], "is no synthetic terrain"),
    ],
)
def test_wrong_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("light", *arguments) == 2
    assert message in capsys.readouterr().err


def _hill(path: Path, crs: str) -> None:
    axis = (np.arange(201) - 100.0) * 400.0
    x, y = np.meshgrid(axis, -axis)
    heights = 2_000.0 * np.exp(-(x**2 + (y - 25_000.0) ** 2) / 5_000.0**2)
    transform = rasterio.Affine(400.0, 0.0, axis[0] - 200.0, 0.0, -400.0, -axis[0] + 200.0)
    with rasterio.open(
        path, "w", driver="GTiff", width=201, height=201, count=1, dtype="float32", crs=crs, transform=transform
    ) as target:
        target.write(heights.astype("float32"), 1)


def test_a_scenario_names_terrain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _hill(tmp_path / "hill.tif", "IAU_2015:30135")
    file = tmp_path / "s.toml"
    file.write_text(SCENARIO.format(terrain="hill.tif"))
    site = load(file).of("site")["hill"]
    assert site.terrain == str((tmp_path / "hill.tif").resolve())
    model = sun_model(site)
    assert model.skyline is not None
    assert not model.skyline.synthetic
    assert model.skyline.mast_m == 10.0
    epochs = 788_961_669.0 + np.arange(0.0, 86400.0 * 400.0, 21_600.0)
    plain = sun_model(load_catalog().of("site")["connecting_ridge"])
    assert 0.3 < model.sun_fraction(epochs).mean() < plain.sun_fraction(epochs).mean()
    assert 0.3 < mean_fraction(site) < 0.8
    found = _json(capsys, "light", str(file), "--years", "1")["hill"]
    assert isinstance(found, dict)
    assert found["synthetic"] is False
    assert found["terrain"] == "hill.tif"


def test_bad_terrain_of_a_scenario_names_file_line_and_field(tmp_path: Path) -> None:
    _hill(tmp_path / "earth.tif", "EPSG:3031")
    for terrain, message in (("absent.tif", "is not a file"), ("earth.tif", "is not on the Moon")):
        file = tmp_path / "s.toml"
        file.write_text(SCENARIO.format(terrain=terrain))
        with pytest.raises(InputError, match=message) as caught:
            load(file)
        problem = caught.value.problems[0]
        assert (problem.file, problem.line, problem.field) == (str(file), 12, "sites.hill.terrain")
        assert problem.value == terrain


def test_synthetic_terrain_of_a_scenario_says_so() -> None:
    site = loads(SCENARIO.format(terrain="synthetic:3")).of("site")["hill"]
    model = sun_model(site)
    assert model.skyline is not None
    assert model.skyline.synthetic
    assert "synthetic" in model.skyline.source


def test_a_relay_comes_from_its_ephemeris(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A circular polar orbit 2000 km high passes over a pole each turn; beyond its span there is no answer."""
    start, radius, gm = 788_961_669.0, 3_737_400.0, 4.9028e12
    t = start - 600.0 + np.arange(0.0, 90_000.0, 60.0)
    rate = np.sqrt(gm / radius**3)
    angle = rate * (t - start)
    zero = np.zeros_like(t)
    r = radius * np.stack([np.cos(angle), zero, np.sin(angle)], axis=1)
    v = radius * rate * np.stack([-np.sin(angle), zero, np.cos(angle)], axis=1)
    relay = Ephemeris("Lantern", "2030-001A", "moon", (Segment(t, r, v),))
    (tmp_path / "relay.oem").write_text(oem_text(relay))
    arguments = ["light", "-90,0", "--relay", str(tmp_path / "relay.oem"), "--step", "5min", "--start", "2025-01-01"]
    found = _json(capsys, *arguments, "--years", "0.0027")["-90,0"]
    assert isinstance(found, dict)
    # above a level horizon for 2 arccos(R / r) of each turn
    assert found["relay_Lantern"] == pytest.approx(np.arccos(1_737_400.0 / radius) / np.pi, abs=0.08)
    assert _run(*arguments, "--years", "1") == 2
    assert "does not cover the span" in capsys.readouterr().err
