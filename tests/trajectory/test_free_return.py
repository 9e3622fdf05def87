"""Circumlunar free returns."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.ephemeris.constants import EARTH_RADIUS_M
from moonvillage.records.places import Arc, EarthOrbit, FreeReturn
from moonvillage.trajectory import solve

DATES = np.linspace(8.2e8, 14.5e8, 6) + 86400.0 * 4.1 * np.arange(6)  # 2025 to 2045, all ages of the Moon


@pytest.mark.parametrize(("inclination_deg", "perilune_m"), [(28.5, 250e3), (51.6, 1000e3)])
def test_free_return(inclination_deg: float, perilune_m: float) -> None:
    """TLI of a free return is 3.15 to 3.18 km/s from a low orbit, out and back in six days and a bit (Apollo)."""
    arc = Arc("tour", EarthOrbit("leo", 185e3, np.deg2rad(inclination_deg)), FreeReturn("moon", perilune_m))
    positions, velocities = [], []
    for date in DATES:
        leg = solve(arc, date)
        assert leg.converged, leg.reason
        assert [burn.name for burn in leg.burns] == ["tli"]
        assert 3130.0 < leg.dv_m_s < 3200.0
        assert leg.c3_m2_s2 is not None
        assert -2.2e6 < leg.c3_m2_s2 < -1.0e6
        assert 5.0 < leg.duration_s / 86400.0 < 7.5
        assert leg.departure_tdb_s == pytest.approx(date, abs=1.0)
        assert [event.name for event in leg.events] == ["departure", "perilune", "entry"]
        positions.append(leg.closure_position_m)
        velocities.append(leg.closure_velocity_m_s)
        assert leg.final_state is not None
        r, v = leg.final_state[:3], leg.final_state[3:]
        assert np.linalg.norm(r) == pytest.approx(EARTH_RADIUS_M + 121_920.0, abs=100.0)
        assert np.rad2deg(np.arcsin(r @ v / np.linalg.norm(r) / np.linalg.norm(v))) == pytest.approx(-6.5, abs=0.01)
    print(f"free return: closure max {max(positions):.3f} m, {max(velocities):.5f} m/s")
    assert max(positions) < 100.0
    assert max(velocities) < 0.1


def test_it_passes_behind_the_moon_at_the_wished_height() -> None:
    from moonvillage.ephemeris import de440

    arc = Arc("tour", EarthOrbit("leo", 200e3, np.deg2rad(42.0)), FreeReturn("moon", 500e3))
    leg = solve(arc, 9.0e8, samples=4000)
    assert leg.trajectory is not None
    moon = de440.load().position("moon", leg.trajectory.epoch_tdb_s, "earth")
    distance = np.linalg.norm(leg.trajectory.r_m - moon, axis=1)
    k = int(np.argmin(distance))
    assert distance[k] - 1_737_400.0 == pytest.approx(500e3, abs=20e3)  # samples are two minutes apart
    # over the far side: farther from the Earth than the Moon's centre
    assert np.linalg.norm(leg.trajectory.r_m[k]) > np.linalg.norm(moon[k]) + 1e6


def test_a_duration_can_be_asked_for() -> None:
    arc = Arc("tour", EarthOrbit("leo", 200e3, np.deg2rad(42.0)), FreeReturn("moon", 1500e3))
    free = solve(arc, 9.0e8)
    asked = solve(arc, 9.0e8, duration_s=free.duration_s + 2 * 3600.0)
    assert asked.converged, asked.reason
    assert asked.duration_s == pytest.approx(free.duration_s + 7200.0, abs=1.0)


def test_too_flat_an_orbit_pays_for_the_plane() -> None:
    """From 10 deg the Moon is out of reach on most days; the turn is priced, and said."""
    arc = Arc("tour", EarthOrbit("leo", 185e3, np.deg2rad(10.0)), FreeReturn("moon"))
    legs = [solve(arc, date) for date in DATES]
    assert all(leg.converged for leg in legs)
    dear = [leg for leg in legs if leg.dv_m_s > 3200.0]
    assert dear
    for leg in dear:
        assert "turns the plane" in leg.approximation or "tilted" in leg.approximation


def test_what_cannot_be_flown_is_said() -> None:
    far = solve(Arc("x", EarthOrbit("leo", 185e3, 0.5), FreeReturn("far", perilune_altitude_m=200e6)), DATES[0])
    assert not far.converged
    assert far.reason.endswith(".")
