"""Time scales, the Earth's orientation and sites, against astropy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage.ephemeris import frames, scales, utc_to_tdb_s
from moonvillage.ephemeris.earth_orientation import EarthOrientation, read_finals
from moonvillage.ephemeris.sites import Site
from moonvillage.errors import EphemerisRangeError, InputError

HERE = Path(__file__).parent / "truth"
ROWS = json.loads((HERE / "astropy_frames.json").read_text())["rows"]
SECONDS = st.floats(utc_to_tdb_s("1973-01-01"), utc_to_tdb_s("2099-01-01"))


@pytest.fixture(scope="module")
def table() -> EarthOrientation:
    return read_finals(HERE / "finals2000A_excerpt.txt")


def test_scales_agree_with_astropy(table: EarthOrientation) -> None:
    """TDB in astropy is that of ERFA with a topocentric term of 2 µs; the rest is one table for both."""
    misses: dict[str, list[float]] = {"tt": [], "tai": [], "ut1": [], "tdb": []}
    for row in ROWS:
        tdb = utc_to_tdb_s(row["utc"] + "Z")
        misses["tdb"].append(abs(tdb - row["tdb_s"]))
        for name in ("tt", "tai", "ut1"):
            found = float(scales.convert(row["tdb_s"], "tdb", name, table))
            misses[name].append(abs(found - row[f"{name}_s"]))
    for name, found in misses.items():
        q50, q99, most = np.quantile(found, [0.5, 0.99, 1.0])
        print(f"{name}: q50 {q50:.1e} q99 {q99:.1e} max {most:.1e} s")
    assert max(misses["tt"] + misses["tai"] + misses["tdb"]) < 5e-6
    assert max(misses["ut1"]) < 5e-6


@settings(max_examples=80, derandomize=True, deadline=None)
@given(SECONDS, st.sampled_from(scales.SCALES), st.sampled_from(scales.SCALES))
def test_every_conversion_has_a_way_back(tdb: float, old: str, new: str) -> None:
    start = scales.convert(tdb, "tdb", old)
    there = scales.convert(start, old, new)
    back = scales.convert(there, new, old)
    during_leap = np.any(np.abs(float(scales.convert(tdb, "tdb", "utc")) - np.array(scales.leaps()[0])) < 2.0)
    assert during_leap or abs(float(back - start)) < 1e-6
    assert abs(float(scales.convert(tdb, "tdb", new) - there)) < 1e-6


def test_a_leap_second_is_passed_once() -> None:
    texts = ("2016-12-31T23:59:59Z", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2017-01-01T00:00:01Z")
    utc = scales.convert(np.array([utc_to_tdb_s(text) for text in texts]), "tdb", "utc")
    assert np.allclose(np.diff(utc), [1.0, 0.0, 1.0], atol=1e-6)
    assert np.allclose(scales.tai_minus_utc(utc + 1e-3), [36.0, 37.0, 37.0, 37.0])


def test_earth_orientation_agrees_with_astropy(table: EarthOrientation) -> None:
    """astropy leaves out the corrections dX, dY to the celestial pole: 1 cm at the surface."""
    misses: dict[str, list[float]] = {"ITRF": [], "ITRF without table": [], "TEME": [], "TEME without table": []}
    for row in ROWS:
        for name, key, function in (("ITRF", "itrf", frames.earth_itrf_matrix), ("TEME", "teme", frames.teme_matrix)):
            for label, given_table in ((name, table), (f"{name} without table", None)):
                gap = function(row["tdb_s"], given_table) - np.array(row[key])
                misses[label].append(float(np.linalg.norm(gap)) / np.sqrt(2.0) * 6378137.0)
    for name, found in misses.items():
        q50, q99, most = np.quantile(found, [0.5, 0.99, 1.0])
        print(f"{name}: q50 {q50:.3f} q99 {q99:.3f} max {most:.3f} m at the surface")
    assert max(misses["ITRF"]) < 0.05
    assert max(misses["TEME"]) < 0.1
    assert max(misses["ITRF without table"]) < 450.0
    assert max(misses["TEME without table"]) < 0.1


def test_sites_agree_with_astropy(table: EarthOrientation) -> None:
    misses = []
    for row in ROWS:
        site = Site("earth", np.deg2rad(28.5), np.deg2rad(-80.6), 12.0, earth_orientation=table)
        r, v = site.state(row["tdb_s"])
        misses.append((float(np.linalg.norm(r - row["site_m"])), float(np.linalg.norm(v - row["site_m_s"]))))
    print(f"site: max {np.max(misses, axis=0)} m, m/s")
    assert np.max(misses, axis=0)[0] < 0.05
    assert np.max(misses, axis=0)[1] < 1e-3


def test_tables_say_what_is_wrong(tmp_path: Path, table: EarthOrientation) -> None:
    with pytest.raises(EphemerisRangeError):
        scales.convert(utc_to_tdb_s("2050-01-01"), "tdb", "ut1", table)
    with pytest.raises(ValueError, match="unknown time scale"):
        scales.convert(0.0, "tdb", "gps")
    with pytest.raises(ValueError, match="1972"):
        scales.convert(utc_to_tdb_s("1970-01-01"), "tdb", "utc")
    (tmp_path / "text").write_text("no table\n")
    with pytest.raises(InputError, match="no rows"):
        read_finals(tmp_path / "text")
    (tmp_path / "odd").write_text("x" * 200 + "\n")
    with pytest.raises(InputError, match="not a table"):
        read_finals(tmp_path / "odd")
    (tmp_path / "turned").write_text("\n".join(reversed((HERE / "finals2000A_excerpt.txt").read_text().splitlines())))
    with pytest.raises(InputError, match="order"):
        read_finals(tmp_path / "turned")


def test_ut1_goes_back_and_forth_over_a_leap_second(table: EarthOrientation) -> None:
    epochs = utc_to_tdb_s("2016-12-31T23:59:50Z") + np.arange(30.0)
    ut1 = scales.convert(epochs, "tdb", "ut1", table)
    assert np.allclose(np.diff(ut1), 1.0, atol=1e-6)
    assert np.allclose(scales.convert(ut1, "ut1", "tdb", table), epochs, atol=1e-6)
