"""Apollo 11 from its dates, orbits and engines alone, against the Mission Report (NASA MSC-00171, 1969)."""

from __future__ import annotations

import math

import pytest

from moonvillage import trajectory
from moonvillage.ephemeris import utc_to_tdb_s
from moonvillage.records.places import Arc, EarthGround, EarthOrbit, MoonOrbit, MoonSurface

# The lunar orbit was retrograde, near the equator, 111 km high once circular; the site is Tranquility Base.
ORBIT = MoonOrbit("orbit", 111e3, math.radians(178.8))
BASE = MoonSurface("base", math.radians(0.67408), math.radians(23.47297), -1_900.0)


def test_out() -> None:
    """Injection 3041 m/s (by the platform) to 3182 (nominal); insertion in two burns, 889.3 and 48.4 m/s."""
    start, end = utc_to_tdb_s("1969-07-16T16:22:03Z"), utc_to_tdb_s("1969-07-19T17:24:48Z")
    leg = trajectory.solve(
        Arc("out", EarthOrbit("parking", 185.9e3, math.radians(32.5)), ORBIT), start, duration_s=end - start
    )
    assert leg.converged, leg
    assert 3_041.0 < leg.burns[0].dv_m_s < 3_190.0
    assert leg.burns[1].dv_m_s == pytest.approx(889.3 + 48.4, rel=0.02)


def test_ascent() -> None:
    """1850 m/s in 435 s, with 15.6 kN on 4888 kg and 311 s of specific impulse."""
    leg = trajectory.solve(Arc("up", BASE, ORBIT, 15.6e3 / 4888.0, 311.0), utc_to_tdb_s("1969-07-21T17:54:01Z"))
    assert leg.converged, leg
    assert leg.burns[0].dv_m_s == pytest.approx(1850.0, rel=0.01)
    assert leg.burns[0].duration_s == pytest.approx(435.0, rel=0.02)


def test_descent_without_the_hover() -> None:
    """2112 m/s were flown in 756 s, of which the approach and the hover were some minutes: the bound is one-sided."""
    leg = trajectory.solve(Arc("down", ORBIT, BASE, 42.3e3 / 15_100.0, 311.0), utc_to_tdb_s("1969-07-20T19:08:14Z"))
    assert leg.converged, leg
    assert leg.burns[0].dv_m_s == pytest.approx(23.3, rel=0.12)
    assert 1_800.0 < leg.burns[1].dv_m_s < 2_112.0
    assert leg.burns[1].duration_s < 756.0


def test_home() -> None:
    """999.4 m/s, 59.6 h from injection to entry."""
    start, end = utc_to_tdb_s("1969-07-22T04:57:00Z"), utc_to_tdb_s("1969-07-24T16:35:05Z")
    leg = trajectory.solve(Arc("home", ORBIT, EarthGround("earth")), start, duration_s=end - start)
    assert leg.converged, leg
    assert leg.dv_m_s == pytest.approx(999.4, rel=0.01)
    assert 11_000.0 < float(leg.events[-1].detail.split()[2]) < 11_060.0  # 11,032 m/s at entry
