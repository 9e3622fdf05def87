"""Time scales: UTC at the edge, TDB seconds past J2000 inside (docs/conventions.md §2).

Leap seconds are those built into pyerfa (ERFA ``eraDat``). None has been announced after 2017-01-01; for later
dates the last known TAI − UTC (37 s) is kept. If the IERS ever inserts another, UTC labels after it shift by
one second against what is written here; TDB, in which everything is computed, does not.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from erfa import leap_seconds
from erfa import ufunc as _erfa
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

TT_MINUS_TAI_S: Final = 32.184
_DAY_S: Final = 86400.0
#: J2000.0 is noon of this day.
_J2000_DAY: Final = date(2000, 1, 1).toordinal()
_ISO = re.compile(
    r"\s*(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?)?\s*(?:Z|UTC|\+00:00)?\s*\Z"
)


@lru_cache(maxsize=1)
def leaps() -> tuple[Floats, Floats]:
    """UTC counts (s past 2000-01-01T12:00 UTC) from which on TAI − UTC has a value, (n,); the values, since 1972."""
    table = leap_seconds.get()
    table = table[table["year"] >= 1972]
    days = np.array([_erfa.cal2jd(int(row["year"]), int(row["month"]), 1)[1] for row in table]) - 51544.5
    return np.asarray(days * _DAY_S), np.asarray(table["tai_utc"], dtype=np.float64)


def look_up(count: Floats, starts: Floats, values: Floats) -> Floats:
    """The value of the step that each count stands on, of the shape of ``count``; ValueError below the first."""
    index = np.searchsorted(starts, count, side="right") - 1
    if np.any(index < 0):
        raise ValueError("UTC is held here from 1972-01-01 on; earlier dates are read as text alone")
    return np.asarray(values[index])


def tai_minus_utc(utc_s: ArrayLike) -> Floats:
    """TAI − UTC, s, at UTC counts ``(...)``; ValueError before 1972."""
    return look_up(np.asarray(utc_s, dtype=np.float64), *leaps())


@lru_cache(maxsize=4096)
def _tai_minus_utc_s(day: int, fraction: float) -> float:
    when = date.fromordinal(day)
    delta, status = _erfa.dat(when.year, when.month, when.day, fraction)
    if status < 0 or when.year < 1961:
        raise ValueError(f"TAI − UTC is not defined on {when.isoformat()}; write a date from 1961 on")
    return float(delta)


def _tdb_minus_tt_s(seconds_past_j2000: float) -> float:
    """Geocentric TDB − TT of Fairhead & Bretagnon (1990), as in ERFA ``eraDtdb``; UT only moves it by 2 µs."""
    days = seconds_past_j2000 / _DAY_S
    return float(_erfa.dtdb(2451545.0, days, (days + 0.5) % 1.0, 0.0, 0.0, 0.0))


def _tdb_from_calendar(day: int, second_of_day: float) -> float:
    if not 0.0 <= second_of_day < 86401.0:
        raise ValueError("the time of day lies outside 00:00:00 to 23:59:60.999")
    fraction = min(second_of_day / _DAY_S, 0.999999)
    tt = (day - _J2000_DAY) * _DAY_S - 43200.0 + second_of_day + _tai_minus_utc_s(day, _key(day, fraction))
    tt += TT_MINUS_TAI_S
    return tt + _tdb_minus_tt_s(tt)


def _key(day: int, fraction: float) -> float:
    """Since 1972 TAI − UTC is constant over a day; before, it drifts within the day."""
    return 0.0 if day >= date(1972, 1, 1).toordinal() else fraction


def utc_to_tdb_s(when: str | datetime) -> float:
    """TDB seconds past J2000 of a UTC instant.

    Parameters
    ----------
    when
        ISO 8601 text (``2027-03-14``, ``2027-03-14T06:00``, ``2027-03-14T06:00:00.250Z``; second 60 is accepted),
        or a ``datetime`` (one without a zone is taken as UTC).

    Raises
    ------
    ValueError
        If the text is not such a date, or lies before 1961, when UTC was not defined.
    """
    if isinstance(when, datetime):
        moment = when.astimezone(UTC) if when.tzinfo is not None else when
        second = moment.hour * 3600.0 + moment.minute * 60.0 + moment.second + moment.microsecond * 1e-6
        return _tdb_from_calendar(moment.toordinal(), second)
    match = _ISO.match(when)
    if match is None:
        raise ValueError(f"{when!r} is not a UTC date; write it as '2027-03-14' or '2027-03-14T06:00:00Z'")
    year, month, day_of_month, hour, minute, second_text, decimals = match.groups()
    day = date(int(year), int(month), int(day_of_month)).toordinal()
    hours, minutes, seconds = int(hour or 0), int(minute or 0), int(second_text or 0)
    if hours > 23 or minutes > 59 or seconds > 60:
        raise ValueError(f"{when!r} has an hour, minute or second out of range; write it as '2027-03-14T06:00:00Z'")
    second = hours * 3600.0 + minutes * 60.0 + seconds + float(decimals or 0.0)
    if seconds == 60 and second < _DAY_S:
        raise ValueError(f"{when!r} puts a leap second before the end of its day; second 60 exists only at 23:59")
    if second >= _DAY_S and _day_length_s(day) <= _DAY_S:
        raise ValueError(f"{when!r} has second 60, but no leap second was inserted on that day")
    return _tdb_from_calendar(day, second)


def _day_length_s(day: int) -> float:
    return _DAY_S + _tai_minus_utc_s(day + 1, 0.0) - _tai_minus_utc_s(day, _key(day, 0.999999))


def _tdb_to_calendar(tdb_s: float) -> tuple[int, float]:
    """Day ordinal and UTC second of that day."""
    tt = tdb_s - _tdb_minus_tt_s(tdb_s)
    tai = tt - TT_MINUS_TAI_S + 43200.0
    day = _J2000_DAY + int((tai - 60.0) // _DAY_S)
    for candidate in (day + 1, day):
        second = tai - (candidate - _J2000_DAY) * _DAY_S
        second -= _tai_minus_utc_s(candidate, 0.0)
        if _key(candidate, 1.0) != 0.0:
            drift = _tai_minus_utc_s(candidate, min(max(second / _DAY_S, 0.0), 0.999999))
            second += _tai_minus_utc_s(candidate, 0.0) - drift
        if second >= -1e-9:
            return candidate, max(second, 0.0)
    return day - 1, second + _DAY_S


def tdb_s_to_utc(tdb_s: float, *, decimals: int = 0) -> str:
    """ISO 8601 UTC text of TDB seconds past J2000, to ``decimals`` (0 to 6) places: ``2027-03-14T06:00:00Z``.

    Raises ValueError for other ``decimals``.
    """
    if not 0 <= decimals <= 6:
        raise ValueError(f"decimals is {decimals}; give 0 to 6")
    day, second = _tdb_to_calendar(tdb_s)
    ticks = round(second * 10**decimals)
    length = round(_day_length_s(day)) * 10**decimals
    if ticks >= length:
        day, ticks = day + 1, 0
    whole, rest = divmod(ticks, 10**decimals)
    hours, minutes = min(whole // 3600, 23), 0
    minutes = min((whole - hours * 3600) // 60, 59)
    seconds = whole - hours * 3600 - minutes * 60
    tail = f".{rest:0{decimals}d}" if decimals else ""
    return f"{date.fromordinal(day).isoformat()}T{hours:02d}:{minutes:02d}:{seconds:02d}{tail}Z"


def tdb_s_to_datetime(tdb_s: float) -> datetime:
    """UTC ``datetime`` of TDB seconds past J2000, to the microsecond; a leap second becomes 23:59:59.999999."""
    day, second = _tdb_to_calendar(tdb_s)
    start = datetime.combine(date.fromordinal(day), datetime.min.time(), UTC)
    return start + timedelta(microseconds=min(round(second * 1e6), 86_400_000_000 - 1))
