"""Aborts: every option flown to the interface, limits kept, and figures against published ones."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage import dynamics
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.records.places import Arc, EarthGround, EarthOrbit, FreeReturn, MoonOrbit, MoonSurface
from moonvillage.trajectory import solve
from moonvillage.trajectory.aborts import (
    DAY_S,
    abort_from_orbit,
    abort_from_state,
    abort_from_surface,
    abort_profile,
    conic_returns,
)

PARKING = EarthOrbit("parking", 185e3, np.deg2rad(28.5))


def test_conic_returns_reach_the_interface() -> None:
    r = np.array([2.5e8, 5e7, 2e7])
    velocities, times = conic_returns(r, np.array([700.0, 500.0, 100.0]), EARTH_RADIUS_M + 122e3, -0.11)
    for k in range(0, len(times), 97):
        energy = 0.5 * velocities[k] @ velocities[k] - GM_EARTH_M3_S2 / np.linalg.norm(r)
        momentum = np.linalg.norm(np.cross(r, velocities[k]))
        speed = np.sqrt(2 * (energy + GM_EARTH_M3_S2 / (EARTH_RADIUS_M + 122e3)))
        assert momentum == pytest.approx((EARTH_RADIUS_M + 122e3) * speed * np.cos(0.11), rel=1e-9)
        assert times[k] > 0.0


def test_outbound_options_are_flown_to_entry_and_form_a_front() -> None:
    leg = solve(Arc("out", PARKING, MoonOrbit("low", 1e5, np.deg2rad(90.0))), 8.9e8, samples=200)
    assert leg.trajectory is not None
    k = int(np.searchsorted(leg.trajectory.epoch_tdb_s, leg.departure_tdb_s + 1.3 * DAY_S))
    epoch, r, v = float(leg.trajectory.epoch_tdb_s[k]), leg.trajectory.r_m[k], leg.trajectory.v_m_s[k]
    found = abort_from_state(epoch, r, v, waits_s=(0.0,), durations_s=np.array([1.0, 2.0, 3.0, 4.0, 5.0]) * DAY_S)
    assert len(found.options) >= 4
    dv = [option.dv_m_s for option in found.options]
    assert dv == sorted(dv, reverse=True)
    gamma = EarthGround("x").entry_flight_path_angle_rad
    for option in found.options:
        path = dynamics.propagate(
            epoch, r, v + np.array(option.dv_icrf_m_s), epoch + option.duration_s, centre="earth"
        )
        assert np.linalg.norm(path.r_m) == pytest.approx(EARTH_RADIUS_M + 121_920.0, abs=2e3)
        angle = np.arcsin(path.r_m @ path.v_m_s / np.linalg.norm(path.r_m) / np.linalg.norm(path.v_m_s))
        assert angle == pytest.approx(gamma, abs=1e-3)
        # no neighbouring burn of the same size does the same for less: the burn is least, so shrunk it misses
        less = dynamics.propagate(
            epoch, r, v + 0.99 * np.array(option.dv_icrf_m_s), epoch + option.duration_s, centre="earth"
        )
        assert abs(np.linalg.norm(less.r_m) - np.linalg.norm(path.r_m)) > 1e3
    tight = abort_from_state(epoch, r, v, waits_s=(0.0,), durations_s=[2.0 * DAY_S], dv_limit_m_s=10.0)
    assert not tight.options
    assert "No return within 10 m/s" in tight.reason


def test_a_free_return_needs_next_to_nothing_when_left_alone() -> None:
    leg = solve(Arc("round", PARKING, FreeReturn("tour")), 8.9e8, samples=300)
    assert leg.trajectory is not None
    k = int(np.searchsorted(leg.trajectory.epoch_tdb_s, leg.arrival_tdb_s - 1.0 * DAY_S))
    epoch = float(leg.trajectory.epoch_tdb_s[k])
    left = leg.arrival_tdb_s - epoch
    found = abort_from_state(
        epoch, leg.trajectory.r_m[k], leg.trajectory.v_m_s[k], waits_s=(0.0,), durations_s=[left, 0.7 * left]
    )
    assert found.cheapest is not None
    assert found.cheapest.dv_m_s < 1.0
    assert found.quickest is not None
    assert found.quickest.dv_m_s > 100.0


def test_from_lunar_orbit_and_surface() -> None:
    """Trans-Earth injection 800 to 1,000 m/s (Apollo 11: 999 in 2.5 d); ascent 1.85 km/s before it."""
    orbit = MoonOrbit("low", 1e5, np.deg2rad(90.0))
    found = abort_from_orbit(8.9e8, orbit, durations_s=np.array([2.5, 4.5]) * DAY_S)
    assert found.cheapest is not None
    assert 780.0 < found.cheapest.dv_m_s < 880.0
    assert found.quickest is not None
    assert 900.0 < found.quickest.dv_m_s < 1150.0
    ground = abort_from_surface(
        8.9e8,
        MoonSurface("pole", np.deg2rad(-88.0), 0.3),
        orbit,
        thrust_to_mass_m_s2=4.0,
        isp_s=320.0,
        durations_s=[4.5 * DAY_S],
    )
    assert ground.cheapest is not None
    assert 2_600.0 < ground.cheapest.dv_m_s < 3_400.0


def test_profile_names_the_worst_moment() -> None:
    leg = solve(Arc("round", PARKING, FreeReturn("tour")), 8.9e8, samples=200)
    profile = abort_profile(leg, moments=3, waits_s=(0.0,), dv_limit_m_s=3_000.0)
    assert len(profile.moments) == 3
    prices = [m.cheapest.dv_m_s if m.cheapest else np.inf for m in profile.moments]
    assert profile.worst == int(np.argmax(prices))
    assert "d after departure" in profile.summary
