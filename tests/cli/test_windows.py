"""`moonvillage windows`: maps and launch windows from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moonvillage.cli.windows import _durations, _place, windows
from moonvillage.errors import InputError
from moonvillage.records.places import Dro, EarthOrbit, Halo, MoonOrbit, MoonSurface


def test_a_map_in_every_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask: dict[str, Any] = {
        "from_": "LEO 200km 30deg",
        "to": "LLO 100km 90deg",
        "start": "2031-03-01",
        "end": "2031-03-04",
        "durations": "4d..5d/2",
        "workers": 1,
    }
    table, picture = tmp_path / "map.csv", tmp_path / "map.svg"
    assert windows(**ask, json=True, out_csv=table, plot=picture) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["departures"] == ["2031-03-01T00:00:00Z", "2031-03-02T00:00:00Z", "2031-03-03T00:00:00Z"]
    assert found["durations_s"] == [4 * 86400.0, 5 * 86400.0]
    assert np.shape(found["dv_m_s"]) == (3, 2)
    assert found["converged"] == 1.0
    assert found["best"]["dv_m_s"] == min(min(row) for row in found["dv_m_s"])
    assert len(table.read_text().splitlines()) == 7
    assert picture.read_text().lstrip().startswith("<svg")
    assert windows(**ask) == 0
    text = capsys.readouterr().out
    assert "best: 2031-03-0" in text
    assert "6 of 6 transfers converged" in text


def test_the_launch_windows_of_a_pad(capsys: pytest.CaptureFixture[str]) -> None:
    assert windows(site="wenchang", start="2030-01-01", end="2030-01-03", durations="4d", json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["days"]) == 2
    low, high = found["azimuths_deg"]
    for day in found["days"]:
        for window in day["windows"]:
            assert low - 0.5 <= window["azimuth_deg"] <= high + 0.5
            assert window["inclination_deg"] > 18.0  # not below the latitude of the pad, nearly
            assert window["opens"] <= window["launch"] <= window["closes"]
            assert window["launch"] < window["injection"]


def test_places_by_phrase() -> None:
    leo = _place("LEO 185km 28.5deg", "from", {})
    assert isinstance(leo, EarthOrbit)
    assert leo.inclination_rad == pytest.approx(np.deg2rad(28.5))
    assert leo.altitude_m == pytest.approx(185e3)
    over = _place("llo 100 km over shackleton_rim", "to", {})
    assert isinstance(over, MoonOrbit)
    assert over.over is not None
    assert over.inclination_rad is None
    assert over.altitude_m == pytest.approx(100e3)
    assert isinstance(_place("NRHO", "to", {}), Halo)
    halo = _place("halo L2 south 13000km", "to", {})
    assert isinstance(halo, Halo)
    assert halo.amplitude_z_m == pytest.approx(13e6)
    assert isinstance(_place("DRO 70000km", "to", {}), Dro)
    assert isinstance(_place("von_karman", "to", {}), MoonSurface)
    assert _place("mine", "to", {"mine": leo}) is leo


@pytest.mark.parametrize("phrase", ["", "nowhere", "LEO 5kg", "halo L3 south 1km", "LLO 100km over nothing"])
def test_no_place(phrase: str) -> None:
    with pytest.raises(InputError):
        _place(phrase, "to", {})


def test_flight_times() -> None:
    np.testing.assert_allclose(_durations("3d..6d/4"), 86400.0 * np.array([3.0, 4.0, 5.0, 6.0]))
    np.testing.assert_allclose(_durations("12 h, 2d"), [43200.0, 172800.0])
    for wrong in ("6d..3d/4", "3", "0d", "3d..4d/0", "soon"):
        with pytest.raises(InputError):
            _durations(wrong)


def test_what_is_missing_is_asked_for() -> None:
    with pytest.raises(InputError, match="start"):
        windows(from_="LEO", to="NRHO")
    with pytest.raises(InputError, match="arc"):
        windows(from_="LEO", start="2030-01-01")
    with pytest.raises(InputError, match="site"):
        windows(site="nowhere", start="2030-01-01")
