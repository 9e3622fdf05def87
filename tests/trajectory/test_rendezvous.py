"""Low Earth orbit: rendezvous and deorbit."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage import dynamics
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, EarthGround, EarthOrbit
from moonvillage.trajectory import deorbit, solve, station_legs
from moonvillage.trajectory.flown import circular_state

DATES = np.linspace(8.2e8, 14.5e8, 6)  # 2025 to 2045


def _hohmann(low_m: float, high_m: float) -> float:
    r1, r2 = EARTH_RADIUS_M + low_m, EARTH_RADIUS_M + high_m
    a = 0.5 * (r1 + r2)
    return float(
        np.sqrt(GM_EARTH_M3_S2 / r1) * (np.sqrt(r2 / a) - 1.0)
        + np.sqrt(GM_EARTH_M3_S2 / r2) * (1.0 - np.sqrt(r1 / a))
    )


@pytest.mark.parametrize("duration_s", [None, 6.5 * 3600.0])
def test_rendezvous_costs_a_hohmann_transfer(duration_s: float | None) -> None:
    """Tianzhou-1's two profiles, of two days and of 6.5 hours, at 42.8 deg (CMSA, 2017)."""
    chaser = EarthOrbit("insertion", 200e3, np.deg2rad(42.8))
    station = EarthOrbit("station", 380e3, np.deg2rad(42.8), raan_rad=0.7)
    for date in DATES:
        leg = solve(Arc("up", chaser, station), date, duration_s=duration_s)
        assert leg.converged, leg.reason
        assert [burn.name for burn in leg.burns] == ["phasing", "rendezvous"]
        # J2's short-period motion of the two orbits changes the conic figure by some metres a second
        assert leg.dv_m_s == pytest.approx(_hohmann(200e3, 380e3), abs=6.0)
        assert leg.duration_s == pytest.approx(duration_s or 172800.0)
        assert leg.closure_position_m < 1.0
        assert leg.closure_velocity_m_s < 0.01


def test_rendezvous_ends_beside_the_propagated_station() -> None:
    station = EarthOrbit("station", 393e3, np.deg2rad(41.5), raan_rad=0.3)
    leg = solve(Arc("up", EarthOrbit("insertion", 280e3, np.deg2rad(41.5)), station), 8.5e8, samples=50)
    r, v = circular_state(EARTH_RADIUS_M + 393e3, np.deg2rad(41.5), 0.3, 0.0, GM_EARTH_M3_S2)
    there = dynamics.propagate(8.5e8, r, v, leg.arrival_tdb_s, centre="earth")
    assert leg.final_state is not None
    assert np.linalg.norm(leg.final_state[:3] - there.r_m) < 1.0
    assert np.linalg.norm(leg.final_state[3:] - there.v_m_s) < 1e-3
    assert leg.trajectory is not None
    altitude = np.linalg.norm(leg.trajectory.r_m, axis=1) - EARTH_RADIUS_M
    assert altitude.min() > 260e3
    assert altitude.max() < 410e3


def test_node_bias_is_the_differential_regression() -> None:
    """First-order J2 theory gives the bias that the n-body targeter finds."""
    i = np.deg2rad(51.6)
    leg = solve(Arc("up", EarthOrbit("c", 200e3, i), EarthOrbit("s", 400e3, i)), 8.3e8)
    _, low = station_legs.mean_rates(EARTH_RADIUS_M + 200e3, i)
    _, high = station_legs.mean_rates(EARTH_RADIUS_M + 400e3, i)
    expected = np.rad2deg((high - low) * leg.duration_s)
    found = float(leg.events[0].detail.split()[-2])
    assert found == pytest.approx(expected, rel=0.1)


def test_refusals_are_sentences() -> None:
    low = EarthOrbit("low", 200e3, 0.7, raan_rad=0.0)
    far = solve(Arc("x", low, EarthOrbit("s", 400e3, 0.7, raan_rad=0.5)), 8.3e8)
    assert not far.converged
    assert "plane" in far.reason
    tilted = solve(Arc("x", low, EarthOrbit("s", 400e3, 0.9)), 8.3e8)
    assert "deg" in tilted.reason
    hasty = solve(Arc("x", low, EarthOrbit("s", 400e3, 0.7)), 8.3e8, duration_s=60.0)
    assert "half a revolution" in hasty.reason


def _deorbit(altitude_m: float, date: float) -> Leg:
    return solve(Arc("down", EarthOrbit("s", altitude_m, np.deg2rad(51.6)), EarthGround("sea")), date)


def test_deorbit() -> None:
    """Soyuz leaves the ISS with 115 to 128 m/s from about 410 km."""
    for date in DATES:
        leg = _deorbit(410e3, date)
        assert leg.converged, leg.reason
        assert leg.burns[0].name == "deorbit"
        assert 100.0 < leg.dv_m_s < 130.0
        assert leg.closure_position_m < 1.0
        assert leg.final_state is not None
        r, v = leg.final_state[:3], leg.final_state[3:]
        gamma = np.arcsin(r @ v / np.linalg.norm(r) / np.linalg.norm(v))
        assert gamma == pytest.approx(deorbit.LEO_ENTRY_FLIGHT_PATH_ANGLE_RAD, abs=1e-8)
        assert np.linalg.norm(r) - EARTH_RADIUS_M == pytest.approx(121_920.0, abs=1.0)
    assert not _deorbit(130e3, 8.3e8).converged
