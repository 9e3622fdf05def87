"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from moonvillage.ephemeris import utc_to_tdb_s
from moonvillage.reporting import formats as f


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (f.mass(12_345.0), "12.3 t"),
        (f.mass(850.4), "850 kg"),
        (f.mass(0.0), "0 kg"),
        (f.mass(math.nan), "–"),
        (f.mass(-52.0), "−52.0 kg"),
        (f.money(18.4e9), "18.4 bn €"),
        (f.money(250e6), "250 M€"),
        (f.money(1234.0), "1 234 €"),
        (f.speed(3210.0, 4), "3 210 m/s"),
        (f.length(0.0021), "2.1 mm"),
        (f.length(38_440.0, 3), "38.4 km"),
        (f.percent(0.0131), "1.3 %"),
        (f.seconds(412.0), "6 min 52 s"),
        (f.amount(3.0, "day"), "3.00 day"),
        (f.number(3e-16, 2), "3.0·10⁻¹⁶"),
        (f.headed("dv_max_m_s"), "Dv max, m/s"),
        (f.plural(1, "flight"), "1 flight"),
        (f.plural(1200, "launch", "launches"), "1 200 launches"),
        (f.cut("a  long   name", 8), "a long…"),
    ],
)
def test_written(made: str, expected: str) -> None:
    assert made.replace(f.GAP, " ") == expected


def test_dates_are_calendar_days_in_utc() -> None:
    epoch = utc_to_tdb_s("2033-03-12T00:00:00")
    assert f.date(epoch) == "2033-03-12"
    assert f.month(epoch) == "Mar 2033"
    assert f.year(utc_to_tdb_s("2033-12-31T23:59:59")) == 2033
    assert f.date(math.nan) == f.NONE
    assert f.date(1e12) == f.NONE  # the schema's "no end"


def test_the_axis_time_agrees_with_the_calendar_to_a_second() -> None:
    for day, unix_s in (("2030-01-01", 1_893_456_000), ("2039-12-31", 2_208_902_400)):
        assert abs(f.unix_ms(utc_to_tdb_s(day)) / 1000.0 - unix_s) <= 1.0
