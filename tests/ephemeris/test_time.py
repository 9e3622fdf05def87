"""Time scales, against ERFA's documented leap seconds and by round trips."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage.ephemeris import tdb_s_to_datetime, tdb_s_to_utc, utc_to_tdb_s


def test_j2000_is_zero() -> None:
    # J2000.0 is 2000-01-01T12:00:00 TDB = 11:58:55.816 UTC (TT − UTC = 64.184 s; TDB − TT is under 0.1 ms then)
    assert utc_to_tdb_s("2000-01-01T11:58:55.816Z") == pytest.approx(0.0, abs=2e-4)


@pytest.mark.parametrize(
    ("before", "after", "gap"),
    [("2016-12-31T23:59:59Z", "2017-01-01T00:00:00Z", 2.0), ("2015-12-31T23:59:59Z", "2016-01-01T00:00:00Z", 1.0)],
)
def test_a_leap_second_lengthens_its_day(before: str, after: str, gap: float) -> None:
    assert utc_to_tdb_s(after) - utc_to_tdb_s(before) == pytest.approx(gap, abs=1e-6)


@pytest.mark.parametrize(
    "text", ["1969-07-20T20:17:40Z", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2045-06-30T23:59:59Z"]
)
def test_utc_text_comes_back(text: str) -> None:
    assert tdb_s_to_utc(utc_to_tdb_s(text)) == text


def test_forms_of_the_same_instant_agree() -> None:
    plain = utc_to_tdb_s("2031-05-06")
    assert plain == utc_to_tdb_s("2031-05-06 00:00") == utc_to_tdb_s("2031-05-06T00:00:00.000Z")
    assert plain == utc_to_tdb_s(datetime(2031, 5, 6, tzinfo=UTC)) == utc_to_tdb_s(datetime(2031, 5, 6))


@pytest.mark.parametrize(
    "text",
    ["soon", "2031-5-6", "2031-05-06T24:00", "2031-05-06T12:00:60Z", "2031-05-06T23:59:60Z", "1950-01-01", ""],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        utc_to_tdb_s(text)


def test_an_impossible_date_is_refused() -> None:
    with pytest.raises(ValueError, match="day"):
        utc_to_tdb_s("2031-02-30")


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.datetimes(min_value=datetime(1973, 1, 1), max_value=datetime(2060, 1, 1)))
def test_datetimes_come_back_to_the_microsecond(when: datetime) -> None:
    back = tdb_s_to_datetime(utc_to_tdb_s(when))
    assert abs(back - when.replace(tzinfo=UTC)) <= timedelta(microseconds=2)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.floats(-8e8, 1.9e9))
def test_epochs_come_back_and_text_is_ordered(epoch: float) -> None:
    text = tdb_s_to_utc(epoch, decimals=6)
    assert utc_to_tdb_s(text) == pytest.approx(epoch, abs=2e-6)
    assert tdb_s_to_utc(epoch + 1.0, decimals=6) > text or text[17:19] == "60"
