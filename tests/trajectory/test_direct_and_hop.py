"""Straight from the Earth to a site, and from site to site."""

from __future__ import annotations

import math

import numpy as np
import pytest

from moonvillage import trajectory
from moonvillage.ephemeris import utc_to_tdb_s
from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, EarthOrbit, MoonSurface

DATE = utc_to_tdb_s("2030-03-01")
DAY_S = 86400.0
LEO = EarthOrbit("leo", 200e3, math.radians(28.5))


def site(name: str, latitude_deg: float, longitude_deg: float, height_m: float = -1500.0) -> MoonSurface:
    return MoonSurface(name, math.radians(latitude_deg), math.radians(longitude_deg), height_m)


def check(leg: Leg, goal: MoonSurface) -> None:
    """At rest on the site, flown in one go, as the record says."""
    assert leg.converged, leg.reason
    assert leg.closure_position_m < 5.0
    assert leg.closure_velocity_m_s < 0.05
    assert leg.final_state is not None
    r, v = moon_site_state(leg.arrival_tdb_s, goal.latitude_rad, goal.longitude_rad, goal.height_m)
    assert np.linalg.norm(leg.final_state[:3] - r) < 5.0
    assert np.linalg.norm(leg.final_state[3:] - v) < 0.05
    assert sum(b.dv_m_s for b in leg.burns) == pytest.approx(leg.dv_m_s)
    for burn in leg.burns:
        assert math.hypot(*burn.dv_icrf_m_s) <= burn.dv_m_s + 1e-6


@pytest.mark.parametrize(
    ("goal", "steep_deg"),
    [
        # selenographic sites of missions that came straight down; Surveyor 1 fell 6 deg off the vertical and Luna 9
        # nearly along it, on faster flights than these
        (site("surveyor 1", -2.4, -43.2), (40.0, 90.0)),
        (site("luna 9", 7.1, -64.4), (60.0, 90.0)),
        (site("surveyor 5", 1.5, 23.2), (10.0, 50.0)),
        (site("pole", -89.0, 0.0, 1500.0), (15.0, 60.0)),
    ],
)
def test_straight_down(goal: MoonSurface, steep_deg: tuple[float, float]) -> None:
    """Surface from translunar injection: 2.900 km/s in 5 d (NASA, Copernicus; table 4 of PMC7385728, 2020)."""
    found = []
    for k in range(3):
        arc = Arc("direct", LEO, goal, 4.5, 320.0)
        leg = trajectory.solve(arc, DATE + 9.3 * k * DAY_S, samples=60)
        check(leg, goal)
        found.append(leg.burns[1].dv_m_s)
        steep = float(leg.events[1].detail.split("falling at ")[1].split(" ")[0])
        assert steep_deg[0] < steep < steep_deg[1]
        assert leg.trajectory is not None
        assert np.all(np.diff(leg.trajectory.epoch_tdb_s) > 0.0)
    print(goal.id, [round(x) for x in found])
    assert all(2600.0 < dv < 2900.0 * 1.03 for dv in found)


def test_a_strong_engine_loses_less() -> None:
    goal = site("surveyor 1", -2.4, -43.2)
    found = [trajectory.solve(Arc("d", LEO, goal, push, 320.0), DATE).burns[1].dv_m_s for push in (3.0, 6.0, 12.0)]
    assert found[0] > found[1] > found[2]
    # nothing stops on less than the speed of the fall itself
    assert found[2] > math.sqrt(2.0 * GM_MOON_M3_S2 / MOON_RADIUS_M)


def test_the_flight_time_is_kept_and_a_hidden_site_refused() -> None:
    goal = site("surveyor 1", -2.4, -43.2)
    leg = trajectory.solve(Arc("d", LEO, goal, 6.0, 320.0), DATE, duration_s=4.0 * DAY_S)
    check(leg, goal)
    assert leg.duration_s == pytest.approx(4.0 * DAY_S, abs=600.0)
    # opposite to where flights from the Earth come from, which is some 60 deg west
    hidden = trajectory.solve(Arc("d", LEO, site("hidden", 0.0, 116.0), 6.0, 320.0), DATE)
    assert not hidden.converged
    assert "land from orbit" in hidden.reason


@pytest.mark.parametrize("distance_km", [2.0, 60.0, pytest.param(400.0, marks=pytest.mark.slow), 1500.0])
def test_hops(distance_km: float) -> None:
    """Between the cheapest ballistic arc with impulses, and half as much again."""
    start = site("here", 10.0, 30.0, 0.0)
    apart = distance_km * 1e3 / MOON_RADIUS_M
    goal = MoonSurface("there", start.latitude_rad + 0.6 * apart, start.longitude_rad + 0.8 * apart, 100.0)
    leg = trajectory.solve(Arc("hop", start, goal, 5.0, 320.0), DATE, samples=20)
    check(leg, goal)
    a, b = (moon_site_state(DATE, s.latitude_rad, s.longitude_rad)[0] for s in (start, goal))
    angle = math.acos(float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b)))
    half = math.sin(0.5 * angle)
    impulses = 2.0 * math.sqrt(GM_MOON_M3_S2 / MOON_RADIUS_M * 2.0 * half / (1.0 + half))
    print(f"{distance_km:.0f} km: {leg.dv_m_s:.0f} m/s, impulses {impulses:.0f} m/s")
    assert 0.98 * impulses < leg.dv_m_s < 1.5 * impulses
    assert [event.name for event in leg.events] == ["lift-off", "cutoff", "highest", "powered descent", "touchdown"]
    assert leg.trajectory is not None
    assert np.linalg.norm(leg.trajectory.r_m, axis=1).min() > MOON_RADIUS_M - 1.0


def test_hops_that_cannot_be() -> None:
    start = site("here", 10.0, 30.0, 0.0)
    near = trajectory.solve(Arc("hop", start, site("near", 10.001, 30.0, 0.0), 5.0), DATE)
    assert not near.converged
    assert "500 m" in near.reason
    weak = trajectory.solve(Arc("hop", start, site("far", 20.0, 30.0, 0.0), 1.7), DATE)
    assert not weak.converged
    assert "lift off" in weak.reason
