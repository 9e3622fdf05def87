"""Low lunar orbits left alone and kept, against what flew."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.trajectory import low_orbits
from moonvillage.trajectory.low_orbits import low_orbit_life


@pytest.mark.slow
def test_lro_kept_its_height() -> None:
    """50 km polar, kept above 35 km: LRO budgeted about 150 m/s a year (M. Beckman & R. Lamb, ISSFD 2007)."""
    kept = low_orbit_life(utc_to_tdb_s("2010-01-01"), 50e3, np.deg2rad(90.0), 82.0, keep_above_m=35e3)
    lowest = f"lowest {kept.lowest_m / 1e3:.1f} km"
    print(f"{kept.cost_m_s_per_year:.0f} m/s a year in {kept.corrections} corrections, {lowest}")
    assert not kept.struck
    assert 4 <= kept.corrections <= 9
    assert kept.lowest_m > 33e3
    assert 120.0 < kept.cost_m_s_per_year < 220.0


def test_inclination_decides() -> None:
    """At 27°, one of the frozen inclinations, perilune moves little in three weeks; at 11° it falls to the ground."""
    begin = utc_to_tdb_s("2030-01-01")
    calm = low_orbit_life(begin, 100e3, np.deg2rad(27.0), 20.0)
    wild = low_orbit_life(begin, 100e3, np.deg2rad(11.0), 60.0)
    print(f"27 deg: lowest {calm.lowest_m / 1e3:.0f} km in 20 d; 11 deg: struck after {wild.days:.0f} d")
    assert calm.lowest_m > 60e3
    assert wild.struck
    assert wild.days < 50.0
    assert wild.lowest_m < 0.0
    assert "degree 8" in calm.approximation


def test_cost_is_hohmann() -> None:
    """From perilune of 50 × 150 km to 100 km circular: by hand with vis-viva."""
    low, high, target = MOON_RADIUS_M + 50e3, MOON_RADIUS_M + 150e3, MOON_RADIUS_M + 100e3

    def speed(at: float, axis: float) -> float:
        return float(np.sqrt(GM_MOON_M3_S2 * (2.0 / at - 1.0 / axis)))

    r, v = np.array([low, 0.0, 0.0]), np.array([0.0, speed(low, 0.5 * (low + high)), 0.0])
    axis = 0.5 * (low + target)
    expected = speed(low, 0.5 * (low + high)) - speed(low, axis) + speed(target, target) - speed(target, axis)
    along, cost = low_orbits._circularised(r, v, target)
    assert cost == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(along, [0.0, 1.0, 0.0])


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="cannot be kept"):
        low_orbit_life(9e8, 50e3, 1.0, 10.0, keep_above_m=60e3)
