"""Time scales as numbers: TDB, TT, TAI, UTC and UT1, each in seconds past its own 2000-01-01T12:00:00.

The text of a date is :mod:`moonvillage.ephemeris.time`'s. Here a scale is a count of SI seconds (of days of 86,400 s,
for UTC and UT1) past noon of 2000-01-01 *in that scale*, so that the numbers of two scales differ by the offset
between their clocks: TT − TAI = 32.184 s, TAI − UTC = 32 s at J2000 and 37 s since 2017. A UTC count repeats the last
second of a day that ends in a leap second: within it (23:59:60) the count is that of the second which follows.

Leap seconds are ERFA's, from 1972 on; none is assumed after the last one announced. TT to TDB is ERFA's ``dtdb``
(Fairhead & Bretagnon 1990) at the geocentre, some microseconds. UT1 is taken as UTC (within 0.9 s) unless a table is
given (:func:`moonvillage.ephemeris.earth_orientation.read_finals`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import erfa
import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris.earth_orientation import EarthOrientation
from moonvillage.ephemeris.time import TT_MINUS_TAI_S, leaps, look_up, tai_minus_utc

Floats = NDArray[np.float64]

SCALES: Final = ("tdb", "tt", "tai", "utc", "ut1")
_DAY_S: Final = 86400.0


def _utc_from_tai(tai_s: Floats) -> Floats:
    starts, values = leaps()
    return tai_s - look_up(tai_s, starts + values, values)


def tdb_minus_tt(tdb_s: ArrayLike) -> Floats:
    """TDB − TT at the geocentre, s, at TDB (or TT) counts ``(...)``: at most 1.7 ms."""
    days = np.asarray(tdb_s, dtype=np.float64) / _DAY_S
    return np.asarray(erfa.dtdb(2451545.0, days, (days + 0.5) % 1.0, 0.0, 0.0, 0.0))


def _ut1_from_tai(tai_s: Floats, table: EarthOrientation | None) -> Floats:
    utc = _utc_from_tai(tai_s)
    return utc if table is None else tai_s + table.ut1_minus_tai(utc)


def _tai_from_ut1(ut1_s: Floats, table: EarthOrientation | None) -> Floats:
    if table is None:
        return ut1_s + tai_minus_utc(ut1_s)
    tai = ut1_s + 33.0  # UT1 − TAI is within 10 s of that since 1972, and moves by 3 ms a day
    for _ in range(3):
        tai = ut1_s - table.ut1_minus_tai(_utc_from_tai(tai))
    return tai


def convert(seconds: ArrayLike, old: str, new: str, earth_orientation: EarthOrientation | None = None) -> Floats:
    """The same instants in another scale.

    Parameters
    ----------
    seconds
        Counts ``(...)`` in the scale ``old``: seconds past 2000-01-01T12:00:00 of that scale.
    old, new
        ``"tdb"``, ``"tt"``, ``"tai"``, ``"utc"`` or ``"ut1"``.
    earth_orientation
        Table of UT1; without one UT1 is UTC.

    Returns
    -------
    Counts ``(...)`` in the scale ``new``. A double resolves 0.1 µs here.

    Raises
    ------
    ValueError
        For an unknown scale, and UTC before 1972.
    EphemerisRangeError
        For UT1 outside the table.
    """
    for name in (old, new):
        if name not in SCALES:
            raise ValueError(f"unknown time scale {name!r}; known are {', '.join(SCALES)}")
    given = np.asarray(seconds, dtype=np.float64)
    if old == new:
        return given
    to_tai: dict[str, Callable[[], Floats]] = {
        "tdb": lambda: given - tdb_minus_tt(given) - TT_MINUS_TAI_S,
        "tt": lambda: given - TT_MINUS_TAI_S,
        "tai": lambda: given,
        "utc": lambda: given + tai_minus_utc(given),
        "ut1": lambda: _tai_from_ut1(given, earth_orientation),
    }
    tai = to_tai[old]()
    tt = tai + TT_MINUS_TAI_S
    from_tai: dict[str, Callable[[], Floats]] = {
        "tdb": lambda: tt + tdb_minus_tt(tt),
        "tt": lambda: tt,
        "tai": lambda: tai,
        "utc": lambda: _utc_from_tai(tai),
        "ut1": lambda: _ut1_from_tai(tai, earth_orientation),
    }
    return np.asarray(from_tai[new]())
