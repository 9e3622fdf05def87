"""Flown legs out and in again, in every format, judged by other tools where there are any."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import spiceypy
from ccsds_ndm.ndm_io import NdmIo
from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage import dynamics
from moonvillage.cli import main
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.errors import InputError
from moonvillage.exchange import Ephemeris, Manoeuvre, Segment, from_flight, read, write
from moonvillage.exchange.gmat import gmat_text
from moonvillage.exchange.opm import Opm, opm_of, opm_text, read_opm
from moonvillage.records.flights import FLOWN, FLOWN_BURNS, SAMPLES, Flights
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit, MoonSurface
from moonvillage.trajectory import solve

START = utc_to_tdb_s("2031-03-05")


def _flights(legs: list[Leg]) -> Flights:
    rows, burns = [], []
    for step, leg in enumerate(legs):
        t = leg.trajectory
        assert t is not None
        for k, epoch in enumerate(t.epoch_tdb_s):
            rows.append(("one", step, t.centre, float(epoch), *map(float, t.r_m[k]), *map(float, t.v_m_s[k])))
        burns += [
            ("one", step, b.name, "craft", b.epoch_tdb_s, b.dv_m_s, *b.dv_icrf_m_s, b.duration_s, 10.0)
            for b in leg.burns
        ]
    return Flights(
        pl.DataFrame(schema=dict(FLOWN)),
        pl.DataFrame(rows, schema=dict(SAMPLES), orient="row"),
        pl.DataFrame(burns, schema=dict(FLOWN_BURNS), orient="row"),
    )


@pytest.fixture(scope="module")
def flights() -> Flights:
    """To a polar lunar orbit, and down to its pole."""
    leo = EarthOrbit("leo", 200e3, math.radians(30.0))
    llo = MoonOrbit("llo", 100e3, math.radians(90.0))
    out = solve(Arc("out", leo, llo), START, samples=97)
    assert out.converged, out.reason
    pole = MoonSurface("pole", math.radians(-89.5), 0.0)
    down = solve(Arc("down", llo, pole, 3.5, 320.0), out.arrival_tdb_s + 86400.0, samples=97)
    assert down.converged, down.reason
    return _flights([out, down])


@pytest.fixture(scope="module")
def flown(flights: Flights) -> Ephemeris:
    return from_flight(flights, "one")


def _hermite(segment: Segment, epoch: float) -> np.ndarray:
    """Cubic Hermite interpolation of a position, the least that a reader will do."""
    k = int(np.clip(np.searchsorted(segment.epoch_tdb_s, epoch) - 1, 0, segment.epoch_tdb_s.size - 2))
    t0, t1 = segment.epoch_tdb_s[k], segment.epoch_tdb_s[k + 1]
    h, u = t1 - t0, (epoch - t0) / (t1 - t0)
    p0, p1, v0, v1 = segment.r_m[k], segment.r_m[k + 1], segment.v_m_s[k] * h, segment.v_m_s[k + 1] * h
    return np.asarray(
        (2 * u**3 - 3 * u**2 + 1) * p0 + (u**3 - 2 * u**2 + u) * v0 + (3 * u**2 - 2 * u**3) * p1 + (u**3 - u**2) * v1
    )


def test_dense_enough_for_cubic_interpolation(flown: Ephemeris) -> None:
    """Between its states the ephemeris is the flight: cubic interpolation misses it by little."""
    segment = flown.segments[0]
    misses = []
    for k in range(0, segment.epoch_tdb_s.size - 1, 7):
        middle = 0.5 * (segment.epoch_tdb_s[k] + segment.epoch_tdb_s[k + 1])
        path = dynamics.propagate(
            segment.epoch_tdb_s[k], segment.r_m[k], segment.v_m_s[k], middle, centre="earth", dense=False
        )
        misses.append(float(np.linalg.norm(path.r_m - _hermite(segment, middle))))
    print(f"cubic interpolation: q50 {np.median(misses):.4f} m, q99 {np.quantile(misses, 0.99):.4f} m")
    assert np.quantile(misses, 0.99) < 1.0


def test_segments_break_at_impulses(flights: Flights, flown: Ephemeris) -> None:
    """No segment spans an impulse, and the states on both sides of a gap differ by it alone."""
    for burn in flights.burns.filter(pl.col("duration_s") == 0.0).iter_rows(named=True):
        for segment in flown.segments:
            inside = segment.epoch_tdb_s[0] + 1.0 < burn["epoch_tdb_s"] < segment.epoch_tdb_s[-1] - 1.0
            assert not inside, burn["burn"]
    assert any("under thrust" in note for note in flown.notes)


@pytest.mark.parametrize("name", ["oem", "oem-xml", "stk"])
@pytest.mark.parametrize("centre", ["earth", "moon"])
def test_round_trip(flown: Ephemeris, tmp_path: Path, name: str, centre: str) -> None:
    """What is written is read back: states to a millimetre, epochs to a microsecond, segments one for one."""
    moved = flown.about(centre)
    path = write(moved, tmp_path / "a.txt", name)
    found = read(path)
    assert isinstance(found, list)
    back = found[0]
    assert back.centre == centre
    assert len(back.segments) == len(moved.segments)
    for a, b in zip(moved.segments, back.segments, strict=True):
        assert np.abs(a.epoch_tdb_s - b.epoch_tdb_s).max() < 2e-6
        assert np.abs(a.r_m - b.r_m).max() < 1e-3
        assert np.abs(a.v_m_s - b.v_m_s).max() < 1e-6
    assert write(moved, tmp_path / "b.txt", name).read_bytes() == path.read_bytes()


def test_spice_reads_the_kernel(flown: Ephemeris, tmp_path: Path) -> None:
    """SPICE gives back the states, and between them the flight."""
    path = write(flown, tmp_path / "craft.bsp", "spk", naif_id=-777)
    spiceypy.furnsh(str(path))
    try:
        misses = []
        for segment in flown.segments:
            for k in range(0, segment.epoch_tdb_s.size, 11):
                state, _ = spiceypy.spkgeo(-777, float(segment.epoch_tdb_s[k]), "J2000", 399)
                misses.append(np.abs(np.array(state[:3]) * 1e3 - segment.r_m[k]).max())
        assert max(misses) < 1e-3
        first = flown.segments[0]
        middle = 0.5 * (first.epoch_tdb_s[40] + first.epoch_tdb_s[41])
        path_ = dynamics.propagate(first.epoch_tdb_s[40], first.r_m[40], first.v_m_s[40], middle, centre="earth")
        state, _ = spiceypy.spkgeo(-777, float(middle), "J2000", 399)
        assert np.linalg.norm(np.array(state[:3]) * 1e3 - path_.r_m) < 0.01
        assert "moonvillage" in path.read_bytes()[1024:2048].decode("ascii", "replace")
    finally:
        spiceypy.kclear()


@pytest.mark.parametrize(("name", "kind"), [("oem", "oem"), ("oem-xml", "oem"), ("opm", "opm"), ("opm-xml", "opm")])
def test_another_reader_reads_the_messages(flown: Ephemeris, tmp_path: Path, name: str, kind: str) -> None:
    """ccsds-ndm, an independent implementation, accepts what we write and sees the same numbers."""
    path = write(flown, tmp_path / f"craft.{kind}", name)
    message = NdmIo().from_path(path)
    segment = message.body.segment[0] if kind == "oem" else message.body.segment
    state = segment.data.state_vector[0] if kind == "oem" else segment.data.state_vector
    assert float(state.x.value) * 1e3 == pytest.approx(flown.segments[0].r_m[0, 0], abs=1e-3)
    assert float(state.z_dot.value) * 1e3 == pytest.approx(flown.segments[0].v_m_s[0, 2], abs=1e-6)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    st.lists(st.floats(-1e9, 1e9), min_size=6, max_size=6),
    st.floats(-1e9, 1e9),
    st.booleans(),
    st.lists(st.tuples(st.floats(0.0, 1e6), st.floats(-500.0, 500.0)), max_size=3),
)
def test_opm_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    state: list[float],
    epoch: float,
    xml: bool,
    burns: list[tuple[float, float]],
) -> None:
    """Any state and burns survive an OPM in both notations."""
    given_ = Opm(
        "craft",
        "2031-001A",
        "earth",
        epoch,
        np.array(state[:3]),
        np.array(state[3:]) * 1e-5,
        1234.5,
        tuple(Manoeuvre("x", epoch + t, 0.0, (dv, -dv, 0.5 * dv), 3.0) for t, dv in sorted(burns)),
    )
    path = tmp_path_factory.mktemp("opm") / "a.opm"
    path.write_text(opm_text(given_, xml=xml))
    found = read_opm(path)
    assert found.epoch_tdb_s == pytest.approx(epoch, abs=2e-6)
    assert np.allclose(found.r_m, given_.r_m, atol=1e-5, rtol=0)
    assert np.allclose(found.v_m_s, given_.v_m_s, atol=1e-8, rtol=0)
    assert len(found.manoeuvres) == len(burns)
    for a, b in zip(found.manoeuvres, given_.manoeuvres, strict=True):
        assert np.allclose(a.dv_icrf_m_s, b.dv_icrf_m_s, atol=1e-8)
        assert a.propellant_kg == pytest.approx(3.0)


def test_an_opm_flies_to_where_the_leg_went(flown: Ephemeris) -> None:
    """The first state alone, flown on, meets the rest of the leg to some metres."""
    first = flown.segments[0]
    end = float(first.epoch_tdb_s[-1])
    flight = opm_of(flown).fly(end)
    assert np.linalg.norm(flight.segments[-1].r_m[-1] - first.r_m[-1]) < 100.0


def test_gmat_script_flies_the_leg(flown: Ephemeris, flights: Flights) -> None:
    """The numbers of the script, flown in our model, end where the leg ends."""
    leg = from_flight(flights, "one", step=0)
    text = gmat_text(leg)
    values = {name: float(x) for name, x in re.findall(r"GMAT Sat\.(\w+) = '?([-\d.]+)'?;", text) if name != "Date"}
    epoch = (values["Epoch"] - 21545.0) * 86400.0
    r = np.array([values[k] for k in ("X", "Y", "Z")]) * 1e3
    v = np.array([values[k] for k in ("VX", "VY", "VZ")]) * 1e3
    about = "earth"
    for name, seconds in re.findall(r"Propagate (\w+)\(Sat\) \{Sat\.ElapsedSecs = ([\d.]+)\};", text):
        wanted = "moon" if name == "NearMoon" else "earth"
        r, v = dynamics.change_centre(epoch, r, v, about, wanted)
        about = wanted
        path = dynamics.propagate(epoch, r, v, epoch + float(seconds), centre=about)
        epoch, r, v = path.epoch_tdb_s, path.r_m, path.v_m_s
    end = leg.about("moon").segments[-1]
    assert about == "moon"
    assert abs(epoch - end.epoch_tdb_s[-1]) < 1e-3
    assert np.linalg.norm(r - end.r_m[-1]) < 100.0


def test_czml_increases_and_is_inertial(flown: Ephemeris, tmp_path: Path) -> None:
    packets = json.loads(write(flown, tmp_path / "a.czml", "czml").read_text())
    assert packets[0]["id"] == "document"
    for interval in packets[1]["position"]:
        assert interval["referenceFrame"] == "INERTIAL"
        times = interval["cartesianVelocity"][::7]
        assert all(b > a for a, b in itertools.pairwise(times))


WRONG = {
    "oem": [("ICRF", "ITRF2000", "REF_FRAME"), ("UTC\n", "GMST\n", "TIME_SYSTEM"), ("EARTH", "PLUTO", "CENTER_NAME")],
    "oem-xml": [('units="km"', 'units="m"', "X"), ("</oem>", "", "XML"), ("<X ", "<XX ", "mismatched tag")],
    "opm": [("X_DOT", "X_DIT", "X_DOT"), ("EPOCH = 2", "EPOCH = x", "EPOCH"), ("ICRF", "RTN", "REF_FRAME")],
    "stk": [("ICRF", "Fixed", "CoordinateSystem"), ("Meters", "Feet", "DistanceUnit"), ("stk.v", "stt.v", "")],
}


CASES = [(name, change) for name, changes in WRONG.items() for change in changes]


@pytest.mark.parametrize(("name", "change"), CASES)
def test_wrong_files_are_refused_with_a_remedy(
    flown: Ephemeris, tmp_path: Path, name: str, change: tuple[str, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(flown, tmp_path / "a.txt", name)
    old, new, named = change
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError) as caught:
        read(path)
    assert named in str(caught.value)
    assert main(["import", str(path)]) == 2
    assert "a.txt" in capsys.readouterr().err


def test_unknown_flight_is_refused(flights: Flights) -> None:
    with pytest.raises(InputError, match="choose one of: one"):
        from_flight(flights, "two")


def test_import_converts(flown: Ephemeris, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(flown, tmp_path / "a.oem", "oem")
    assert main(["import", str(path), "--format", "stk", "-o", str(tmp_path / "b.e"), "--centre", "moon"]) == 0
    assert "segments about the earth" in capsys.readouterr().out
    found = read(tmp_path / "b.e")
    assert isinstance(found, list)
    assert found[0].centre == "moon"
    opm = write(flown, tmp_path / "a.opm", "opm")
    assert main(["import", str(opm), "--json", "--days", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["ephemerides"][0]["states"] > 300
    assert de440.load() is not None
