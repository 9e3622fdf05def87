"""Low-thrust spirals, against Edelbaum's formula and SMART-1."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.records.places import Arc, EarthOrbit, Halo, MoonOrbit
from moonvillage.trajectory import solve
from moonvillage.trajectory.spiral import edelbaum_dv_m_s, fly_spiral
from moonvillage.units import DAY_S

LEO = EarthOrbit("leo", 400e3, 0.5)
GEO = EarthOrbit("geo", 35_786e3, 0.5)
NRHO = Halo("gateway", 2, False, perilune_radius_m=3.228e6)
LLO = MoonOrbit("llo", 100e3, 1.5)


def _arc(origin: EarthOrbit, destination: EarthOrbit | Halo | MoonOrbit) -> Arc:
    return Arc("spiral", origin, destination, thrust_to_mass_m_s2=3e-4, isp_s=2000.0, via="spiral")


@pytest.mark.parametrize("inward", [False, True])
def test_between_circles_costs_what_edelbaum_says(inward: bool) -> None:
    arc = _arc(GEO, LEO) if inward else _arc(LEO, GEO)
    leg = solve(arc, 9.0e8, samples=20)
    assert leg.converged, leg.reason
    least = edelbaum_dv_m_s(EARTH_RADIUS_M + 400e3, EARTH_RADIUS_M + 35_786e3)
    assert leg.dv_m_s == pytest.approx(least, rel=2e-3)
    assert leg.closure_position_m < 100.0
    # the duration is that of the rocket equation
    exhaust = 2000.0 * 9.80665
    assert leg.duration_s == pytest.approx(exhaust / 3e-4 * (1.0 - np.exp(-leg.dv_m_s / exhaust)), rel=1e-6)
    assert leg.trajectory is not None
    assert "shadow is left out" in leg.approximation


def test_edelbaum_turns_the_plane() -> None:
    """From 7000 km to 42,166 km with 28.5 deg: 5.784 km/s (J. A. Kechichian, JGCD 20, 1997)."""
    assert edelbaum_dv_m_s(7.0e6, 42.166e6, np.deg2rad(28.5)) == pytest.approx(5783.8, abs=1.0)


def test_smart_1() -> None:
    """SMART-1 had burnt 24 kg in a little more than 1500 h when it had left the belts, in January 2004.

    Its orbit's period had grown from 10 h 41 min to 20 h 19 min (ESA, "ESA's journey to the Moon continues",
    2004-01-12). It raised its perigee more than thrust along the motion does, and paused; so only the size is asked.
    """
    perigee, apogee = EARTH_RADIUS_M + 656e3, EARTH_RADIUS_M + 35_885e3
    axis = 0.5 * (perigee + apogee)
    assert 2.0 * np.pi * np.sqrt(axis**3 / GM_EARTH_M3_S2) == pytest.approx(10.0 * 3600.0 + 41.0 * 60.0, abs=120.0)
    speed = np.sqrt(GM_EARTH_M3_S2 * (2.0 / perigee - 1.0 / axis))
    tilt = np.deg2rad(7.0)
    v = speed * np.array([0.0, np.cos(tilt), np.sin(tilt)])
    spiral = fly_spiral(
        utc_to_tdb_s("2003-09-30T00:00:00"), [perigee, 0.0, 0.0], v, 0.068 / 367.0, 1640.0, mass_ratio=343.0 / 367.0
    )
    assert spiral.reason == ""
    hours = (spiral.end_tdb_s - spiral.start_tdb_s) / 3600.0
    assert 1500.0 < hours < 1650.0
    period_h = 2.0 * np.pi * np.sqrt(spiral.semi_major_axis_m**3 / GM_EARTH_M3_S2) / 3600.0
    assert 20.0 < period_h < 25.0


@pytest.mark.parametrize(("target", "low", "high"), [(LLO, 7700.0, 8200.0), (NRHO, 6500.0, 6900.0)])
def test_to_the_moon_says_what_is_priced(target: Halo | MoonOrbit, low: float, high: float) -> None:
    """Some 8 km/s from low orbit to low lunar orbit is the studies' figure for low thrust."""
    leg = solve(_arc(LEO, target), 9.0e8)
    assert leg.converged, leg.reason
    assert low < leg.dv_m_s < high
    assert "not flown" in leg.approximation
    assert 150.0 < leg.duration_s / DAY_S < 300.0


def test_refusals_are_sentences() -> None:
    assert "thrust-to-mass" in solve(Arc("s", LEO, GEO, via="spiral"), 9.0e8).reason
    steep = Arc("s", LEO, GEO, thrust_to_mass_m_s2=1.0, isp_s=2000.0, via="spiral")
    assert "no low thrust" in solve(steep, 9.0e8).reason
    tilted = EarthOrbit("t", 35_786e3, 0.9)
    assert "inclination" in solve(_arc(LEO, tilted), 9.0e8).reason
    with pytest.raises(ValueError, match="needs an end"):
        fly_spiral(9.0e8, [7e6, 0.0, 0.0], [0.0, 7.5e3, 0.0], 1e-4, 2000.0)


def test_a_geostationary_transfer_orbit_is_left_by_a_spiral_alone() -> None:
    """From GTO the way to the NRHO costs less than from a low orbit; an impulse leg refuses the ellipse."""
    gto = EarthOrbit("gto", 250e3, np.radians(7.0), None, 35_786e3)
    start = utc_to_tdb_s("2030-01-01")
    leg = solve(Arc("a", gto, NRHO, 2e-4, 1640.0, via="spiral"), start)
    assert leg.converged, leg.reason
    # SMART-1 took about 3.9 km/s from GTO to its lunar orbit; here to the NRHO, and no impulse helps
    assert 2_500.0 < leg.dv_m_s < 4_500.0
    assert leg.closure_position_m < 100.0
    direct = solve(Arc("b", gto, NRHO), start)
    assert "spiral" in direct.reason
    wrong = EarthOrbit("bad", 250e3, 0.1, None, 100e3)
    assert "apogee" in solve(Arc("c", wrong, NRHO, 2e-4, 1640.0, via="spiral"), start).reason
