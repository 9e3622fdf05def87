"""The reader of CCSDS OEM files: what it takes, and every way in which it refuses."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage.ephemeris import tdb_s_to_utc, utc_to_tdb_s
from moonvillage.errors import InputError
from moonvillage.records.oem import epoch_tdb_s, parse_oem, read_oem

_TEXT = """\
CCSDS_OEM_VERS = 2.0
COMMENT a header
CREATION_DATE = 2022-12-13T07:03:33
ORIGINATOR = NASA/JSC/FOD/FDO

META_START
OBJECT_NAME = EM1
OBJECT_ID = 23
CENTER_NAME = EARTH
REF_FRAME = EME2000
TIME_SYSTEM = UTC
START_TIME = 2022-11-16T08:44:51.150
USEABLE_STOP_TIME = 2022-11-16T08:48:51.150
STOP_TIME = 2022-11-16T08:52:51.150
INTERPOLATION = HERMITE
INTERPOLATION_DEGREE = 7
META_STOP

COMMENT Orion/ICPS separation
2022-11-16T08:44:51.150 -2706.474978 8923.779246 5462.225803 -7.816727564 2.384400840 2.222359159
2022-11-16T08:48:51.150 -4555.574445 9421.751852 5949.603124 -7.585088598 1.791952344 1.853760863
COVARIANCE_START
EPOCH = 2022-11-16T08:44:51.150
COV_REF_FRAME = RTN
1
2 3
4 5 6
7 8 9 10
11 12 13 14 15
16 17 18 19 20 21
COVARIANCE_STOP
"""


def test_reads_states_in_si_and_tdb() -> None:
    message = parse_oem(_TEXT)
    (segment,) = message.segments
    assert (message.version, message.originator, message.comments) == ("2.0", "NASA/JSC/FOD/FDO", ("a header",))
    assert (segment.centre, segment.frame, segment.interpolation_degree) == ("earth", "EME2000", 7)
    assert segment.comments == ("Orion/ICPS separation",)
    assert segment.epoch_tdb_s[0] == pytest.approx(utc_to_tdb_s("2022-11-16T08:44:51.150"), abs=1e-6)
    assert segment.usable_start_tdb_s is None
    assert segment.usable_stop_tdb_s == segment.epoch_tdb_s[1]
    np.testing.assert_allclose(segment.r_m[0], [-2706474.978, 8923779.246, 5462225.803], rtol=1e-14)
    np.testing.assert_allclose(segment.v_m_s[1], [-7585.088598, 1791.952344, 1853.760863], rtol=1e-14)
    matrix = segment.covariances[0].matrix
    assert segment.covariances[0].frame == "RTN"
    np.testing.assert_array_equal(matrix, matrix.T)
    assert matrix[5, 5] == 21e6


def test_reads_several_segments_accelerations_and_gzip(tmp_path: Path) -> None:
    head, rest = _TEXT.split("META_START", 1)
    body = "META_START" + rest.split("COVARIANCE_START")[0]
    with_acceleration = "\n".join(f"{x} 0 0 -0.003" if x.startswith("20") else x for x in body.splitlines())
    path = tmp_path / "two.oem.gz"
    path.write_bytes(gzip.compress(f"{head}{body}\n{with_acceleration.replace('= EARTH', '= MOON')}".encode()))
    first, second = read_oem(path).segments
    assert first.a_m_s2 is None
    assert second.a_m_s2 is not None
    assert second.a_m_s2[1, 2] == -3.0
    assert (first.centre, second.centre) == ("earth", "moon")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("OEM_VERS = 2.0", "OEM_VERS = 9.0", 4, "version"),
        ("CCSDS_OEM_VERS", "CCSDS_OPM_VERS", 1, "does not begin"),
        ("ORIGINATOR = NASA/JSC/FOD/FDO", "", 3, "missing from the header"),
        ("EME2000", "TEME", 17, "not one that is read"),
        ("TIME_SYSTEM = UTC", "TIME_SYSTEM = UT1", 17, "not one that is read"),
        ("= EARTH", "= PLUTO", 17, "not one that is read"),
        ("OBJECT_ID = 23", "OBJECT_ID = 23\nOBJECT_ID = 24", 9, "twice"),
        ("OBJECT_ID = 23", "OBJECT_IDEE = 23", 8, "no key"),
        ("START_TIME = 2022-11-16T08:44", "START_TIME = 2022-11-16T08:46", 20, "outside"),
        ("STOP_TIME = 2022-11-16T08:52", "STOP_TIME = 2021-11-16T08:52", 17, "before START_TIME"),
        ("2022-11-16T08:48:51.150 -4", "2022-11-16T08:44:51.150 -4", 21, "repeats"),
        ("2022-11-16T08:48:51.150 -4", "2022-11-16T08:44:51.149 -4", 21, "goes back"),
        ("5949.603124 ", "", 21, "not an epoch with six numbers"),
        ("5949.603124", "59x", 21, "not a number"),
        ("5949.603124", "nan", 21, "not finite"),
        ("2022-11-16T08:48:51.150 -4", "2022-11-31T08:48:51.150 -4", 21, "not an epoch"),
        ("7 8 9 10\n", "", 28, "lower triangle"),
        ("16 17 18 19 20 21\n", "", 30, "fewer than six"),
        ("INTERPOLATION_DEGREE = 7", "INTERPOLATION_DEGREE = x", 17, "whole number"),
    ],
)
def test_refuses_and_says_where(old: str, new: str, line: int, message: str) -> None:
    assert old in _TEXT
    with pytest.raises(InputError, match=message) as caught:
        parse_oem(_TEXT.replace(old, new, 1), file="x.oem")
    assert caught.value.problems[0].line == line
    assert caught.value.problems[0].remedy


def test_refuses_files_that_are_none(tmp_path: Path) -> None:
    for name, content in (("a", b""), ("b", b"\xff\xfe"), ("c", b"\x1f\x8bbroken")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError):
            read_oem(tmp_path / name)
    with pytest.raises(InputError, match="cannot be read"):
        read_oem(tmp_path / "missing")


def test_time_systems_and_day_of_year_agree() -> None:
    same = ["2022-320T08:44:51.15", "2022-11-16T08:44:51.15", "2022-11-16T08:44:51.150Z"]
    values = [epoch_tdb_s(text, "UTC") for text in same]
    values += [epoch_tdb_s("2022-11-16T08:45:28.15", "TAI"), epoch_tdb_s("2022-11-16T08:45:09.15", "GPS")]
    values += [epoch_tdb_s("2022-11-16T08:46:00.334", "TT")]
    np.testing.assert_allclose(values, values[0], rtol=0, atol=1e-6)
    assert epoch_tdb_s("2000-01-01T12:00:00", "TDB") == 0.0
    for text in ("2022-366T00:00:00", "2022-11-16", "2022-11-16T24:00:00"):
        with pytest.raises(ValueError, match=r"year|not|range"):
            epoch_tdb_s(text, "TT")


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.floats(0.0, 1.5e9))
def test_an_epoch_survives_being_written(tdb_s: float) -> None:
    assert epoch_tdb_s(tdb_s_to_utc(tdb_s, decimals=6).rstrip("Z"), "UTC") == pytest.approx(tdb_s, abs=2e-6)
