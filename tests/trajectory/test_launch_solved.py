"""Launch windows in n-body motion, and the finite injection."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.ephemeris.constants import EARTH_RADIUS_M
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.records.places import MoonOrbit
from moonvillage.trajectory.launch import daily_windows, launch_site, site_direction
from moonvillage.trajectory.launch_solved import finite_injection, solved_launch

LIMITS = (np.deg2rad(72.0), np.deg2rad(106.0))
KENNEDY = launch_site("ksc_lc39", np.deg2rad(28.6083), np.deg2rad(-80.6041), LIMITS)


def test_apollo_11_in_n_body_motion() -> None:
    """Flown: lift-off 13:32:00 at the opening (72 deg), injection burn 16:16:16 to 16:22:03, C3 some -1.4 km²/s²."""
    day = daily_windows(
        KENNEDY, utc_to_tdb_s("1969-07-16"), flight_time_s=73.0 * 3600.0, revolutions=1, opportunities=2
    )
    solved = solved_launch(KENNEDY, day.windows[1].opportunities[0], MoonOrbit("llo", 111e3, np.deg2rad(178.0)))
    assert not solved.reason
    chance = solved.opportunity
    assert chance.leg is not None
    late = chance.launch_tdb_s - utc_to_tdb_s("1969-07-16T13:32:00")
    print(f"Apollo 11: computed opening {late:+.0f} s from the flown launch")
    assert abs(late) < 240.0
    assert abs(chance.injection_tdb_s - utc_to_tdb_s("1969-07-16T16:19:10")) < 240.0
    assert chance.dv_m_s == pytest.approx(3163.0, abs=5.0)
    # the burn stays in the plane of the parking orbit, which holds the pad at lift-off
    assert chance.leg.trajectory is not None
    r, v = chance.leg.trajectory.r_m[0], chance.leg.trajectory.v_m_s[0]
    burn = np.array(chance.leg.burns[0].dv_icrf_m_s)
    assert abs(burn @ np.cross(r, v)) / np.linalg.norm(burn) / np.linalg.norm(np.cross(r, v)) < 5e-3
    si, co = np.sin(chance.inclination_rad), np.cos(chance.inclination_rad)
    normal = np.array([si * np.sin(chance.raan_rad), -si * np.cos(chance.raan_rad), co])
    pad = site_direction(KENNEDY, np.array([chance.launch_tdb_s]))[0]
    assert abs(normal @ pad) < 2e-4


def test_random_days_launch() -> None:
    rng = np.random.default_rng(8)
    moved = []
    for _ in range(4):
        date = float(rng.uniform(8.2e8, 14e8))
        day = daily_windows(KENNEDY, date, flight_time_s=float(rng.uniform(3.0, 4.3)) * 86400.0, opportunities=3)
        window = day.windows[int(rng.integers(len(day.windows)))]
        solved = solved_launch(KENNEDY, window.opportunities[1], MoonOrbit("polar", 100e3, np.deg2rad(90.0)))
        assert not solved.reason, solved.reason
        moved.append((solved.opportunity.launch_tdb_s - window.opportunities[1].launch_tdb_s) / 60.0)
        assert solved.opportunity.dv_m_s == pytest.approx(window.opportunities[1].dv_m_s, abs=8.0)
    print("n-body launches after those of conics, minutes:", np.round(moved, 1))
    assert max(np.abs(moved)) < 40.0


def test_finite_injection() -> None:
    """Saturn's third stage burned 347 s for its second time; losses grow with the square of the length."""
    speed = np.sqrt(2.0 * 3.986e14 / 6_563_337.0 - 1.4e6)
    r, v = np.array([6_563_337.0, 0.0, 0.0]), np.array([0.0, speed * 0.85, speed * np.sqrt(1 - 0.85**2)])
    circular = np.sqrt(3.986004e14 / 6_563_337.0)
    dv = v * (1.0 - circular / speed)
    burns = [finite_injection(7e8, r, v, tuple(dv), 134_000.0, thrust, 421.0) for thrust in (900e3, 450e3)]
    assert burns[0].duration_s == pytest.approx(330.0, abs=25.0)
    assert burns[1].loss_m_s / burns[0].loss_m_s == pytest.approx(4.0, abs=0.6)
    for burn in burns:
        assert not burn.reason
        energy = 0.5 * burn.v_m_s @ burn.v_m_s - 3.98600435507e14 / np.linalg.norm(burn.r_m)
        assert energy == pytest.approx(0.5 * speed**2 - 3.98600435507e14 / 6_563_337.0, abs=50.0)
        assert 180e3 < burn.perigee_m - EARTH_RADIUS_M < 420e3
    weak = finite_injection(7e8, r, v, tuple(dv), 134_000.0, 50e3, 421.0)
    assert "split" in weak.reason
