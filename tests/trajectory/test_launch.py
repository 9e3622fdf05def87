"""Launch windows, against launches that were flown."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.trajectory.flown import circular_state
from moonvillage.trajectory.launch import (
    DAY_S,
    Ascent,
    LaunchSite,
    daily_windows,
    launch_site,
    plane_windows,
    site_direction,
)


def _kennedy(low_deg: float = 72.0, high_deg: float = 106.0) -> LaunchSite:
    limits = (np.deg2rad(low_deg), np.deg2rad(high_deg))
    return launch_site("ksc_lc39", np.deg2rad(28.6083), np.deg2rad(-80.6041), limits)


def test_apollo_11() -> None:
    """Launched at the opening, 72 deg, on 1969-07-16T13:32:00; injection in the second revolution, ignition 16:16:16.

    The window was 72 to 106 deg, 13:32 to 17:54 (Apollo 11 press kit); 73.0 h from cut-off to lunar-orbit insertion.
    """
    day = daily_windows(_kennedy(), utc_to_tdb_s("1969-07-16"), flight_time_s=73.0 * 3600.0, revolutions=1)
    assert [window.coast for window in day.windows] == ["short", "long"]
    pacific = day.windows[1]
    first = pacific.opportunities[0]
    assert abs(pacific.opens_tdb_s - utc_to_tdb_s("1969-07-16T13:32:00")) < 8.0 * 60.0
    assert abs(pacific.closes_tdb_s - utc_to_tdb_s("1969-07-16T17:54:00")) < 20.0 * 60.0
    # the impulse stands for a burn of 347 s from 16:16:16
    assert abs(first.injection_tdb_s - utc_to_tdb_s("1969-07-16T16:19:10")) < 8.0 * 60.0
    assert np.rad2deg(first.azimuth_rad) == pytest.approx(72.0, abs=0.1)
    assert np.rad2deg(first.inclination_rad) == pytest.approx(32.5, abs=0.8)  # flown: 32.51 deg
    assert first.c3_m2_s2 / 1e6 == pytest.approx(-1.4, abs=0.3)  # flown: some -1.4 km²/s²


def test_artemis_1() -> None:
    """06:47:44 on 2022-11-16, two-hour window from 06:04; osculating inclination after injection 30.5 deg (OEM)."""
    day = daily_windows(
        _kennedy(35.0, 120.0),
        utc_to_tdb_s("2022-11-16"),
        flight_time_s=5.18 * DAY_S,
        opportunities=200,
    )
    launch = utc_to_tdb_s("2022-11-16T06:47:44")
    window = next(w for w in day.windows if w.opens_tdb_s < launch < w.closes_tdb_s)
    flown = min(window.opportunities, key=lambda o: abs(o.launch_tdb_s - launch))
    assert np.rad2deg(flown.inclination_rad) == pytest.approx(30.5, abs=0.6)
    # separation from the upper stage at 08:44:51, some nine minutes after the burn of 18 min
    assert abs(flown.injection_tdb_s - utc_to_tdb_s("2022-11-16T08:26:00")) < 25.0 * 60.0


def test_change_5() -> None:
    """20:30:12 on 2020-11-23 from Wenchang, separated at 21:07; lunar-orbit insertion 2020-11-28T12:58 (CNSA)."""
    wenchang = launch_site("wenchang", np.deg2rad(19.6145), np.deg2rad(110.951))
    day = daily_windows(wenchang, utc_to_tdb_s("2020-11-23T12:00"), flight_time_s=111.9 * 3600.0, opportunities=200)
    launch = utc_to_tdb_s("2020-11-23T20:30:12")
    window = next(w for w in day.windows if w.opens_tdb_s < launch < w.closes_tdb_s)
    flown = min(window.opportunities, key=lambda o: abs(o.launch_tdb_s - launch))
    assert 90.0 < np.rad2deg(flown.azimuth_rad) < 120.0
    assert abs(flown.injection_tdb_s - utc_to_tdb_s("2020-11-23T21:06:00")) < 12.0 * 60.0


def test_planes_hold_pad_and_moon() -> None:
    site = _kennedy()
    flight = 4.0 * DAY_S
    ascent = Ascent()
    rng = np.random.default_rng(2)
    seen = 0
    for date in rng.uniform(8e8, 14e8, 8):
        day = daily_windows(site, float(date), flight_time_s=flight, ascent=ascent)
        for window in day.windows:
            for chance in window.opportunities:
                seen += 1
                si, co = np.sin(chance.inclination_rad), np.cos(chance.inclination_rad)
                normal = np.array([si * np.sin(chance.raan_rad), -si * np.cos(chance.raan_rad), co])
                pad = site_direction(site, np.array([chance.launch_tdb_s]))[0]
                assert abs(normal @ pad) < 1e-6
                moon = de440.load().position("moon", chance.arrival_tdb_s)
                # J2 turns the plane on the way: less than a degree in a coast of up to 1.5 h
                assert abs(normal @ moon / np.linalg.norm(moon)) < np.sin(np.deg2rad(0.6))
                assert 71.9 < np.rad2deg(chance.azimuth_rad) < 106.1
                assert chance.coast_s >= 300.0
                assert 3050.0 < chance.dv_m_s < 3250.0
    assert seen > 60


def test_two_windows_on_nearly_every_day() -> None:
    site = _kennedy()
    counts = [len(daily_windows(site, 9.0e8 + k * DAY_S, opportunities=2).windows) for k in range(30)]
    # the windows come 50 minutes later each day, so that one of either kind falls out in a month
    assert sum(counts) >= 57
    assert set(counts) <= {1, 2, 3}


def test_a_day_without_a_window_says_why() -> None:
    north = launch_site("polar", np.deg2rad(62.9), np.deg2rad(40.6), (np.deg2rad(85.0), np.deg2rad(86.0)))
    day = daily_windows(north, 9.0e8)
    assert not day.windows or not day.reason
    impossible = launch_site("west", np.deg2rad(28.0), 0.0, (np.deg2rad(200.0), np.deg2rad(210.0)))
    refused = daily_windows(impossible, 9.0e8)
    assert not refused.windows
    assert "azimuths" in refused.reason


def test_two_launches_a_day_into_a_station_plane() -> None:
    """Shenzhou from Jiuquan at 42.8 deg: twice, near the northern end of the track."""
    t0 = utc_to_tdb_s("2016-10-16T12:00")
    r, v = circular_state(EARTH_RADIUS_M + 393e3, np.deg2rad(42.8), 2.0, 0.0, GM_EARTH_M3_S2)
    station = dynamics.propagate(t0, r, v, t0 + 1.2 * DAY_S, centre="earth", dense=True)
    jiuquan = launch_site("jiuquan", np.deg2rad(40.9606), np.deg2rad(100.2983))
    found = plane_windows(jiuquan, station, t0)
    assert len(found.launches) == 2
    for launch in found.launches:
        # at 40.96 deg the plane of 42.8 deg runs nearly east
        assert 60.0 < np.rad2deg(launch.azimuth_rad) < 120.0
        assert np.rad2deg(launch.inclination_rad) == pytest.approx(42.8, abs=0.1)
        assert launch.dv_per_minute_m_s == pytest.approx(
            7670.0 * np.deg2rad(0.25) * np.sin(np.deg2rad(42.8)), rel=0.03
        )
    assert {launch.ascending for launch in found.launches} == {True, False}
    vostochny = launch_site("vostochny", np.deg2rad(51.88), np.deg2rad(128.3))
    assert "never" in plane_windows(vostochny, station, t0).reason


def test_site_direction_with_a_held_pole() -> None:
    site = _kennedy()
    epochs = 9.1e8 + np.array([0.0, 4e4, 1.1e5])
    near = site_direction(site, epochs)
    exact = site_direction(site, np.append(epochs, 9.1e8 + 9.0 * DAY_S))[:3]
    print("held pole: worst", EARTH_RADIUS_M * np.abs(near - exact).max(), "m")
    assert EARTH_RADIUS_M * np.linalg.norm(near - exact, axis=1).max() < 20.0
