"""Rendezvous to contact: profiles, corridor, ports; about the Earth and about the Moon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moonvillage import dynamics
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit
from moonvillage.trajectory import solve
from moonvillage.trajectory.catching_up import Insertion
from moonvillage.trajectory.flown import Coast, circular_state, fly
from moonvillage.trajectory.ports import mate
from moonvillage.trajectory.proximity import Approach, approach_target, clohessy_wiltshire, relative_state
from moonvillage.trajectory.rendezvous import (
    FAST,
    LUNAR_COELLIPTIC,
    LUNAR_TWO_DAYS,
    TWO_DAYS,
    Profile,
    Refuelling,
    Rendezvous,
    fitted,
    plan_rendezvous,
)


def _station(centre: str, altitude_m: float, inclination_deg: float, raan: float, argument: float) -> np.ndarray:
    radius, mu = (EARTH_RADIUS_M, GM_EARTH_M3_S2) if centre == "earth" else (MOON_RADIUS_M, GM_MOON_M3_S2)
    return np.concatenate(circular_state(radius + altitude_m, np.deg2rad(inclination_deg), raan, argument, mu))


def _check(plan: Rendezvous) -> None:
    assert plan.converged, plan.reason
    assert plan.closure_position_m < 0.01
    assert plan.closure_velocity_m_s < 1e-4
    assert plan.contact_m_s == pytest.approx(0.2, abs=0.01)
    assert np.rad2deg(plan.worst_cone_rad) < 10.0
    assert plan.worst_speed <= 1.0
    epochs = [burn.epoch_tdb_s for burn in plan.burns]
    assert epochs == sorted(epochs)


@pytest.mark.parametrize(
    ("profile", "altitude_m", "hours"), [(TWO_DAYS, 393e3, 44.0), (FAST, 370e3, 6.5)], ids=["two days", "6.5 h"]
)
def test_tianzhou_like_profiles_dock(profile: Profile, altitude_m: float, hours: float) -> None:
    """Insertion at 200 x 350 km, 42.8 deg; five orbit changes; hand-over 52 km behind (CMSA, 2016 and 2017)."""
    rng = np.random.default_rng(5)
    for _ in range(2):
        t0 = float(rng.uniform(5e8, 14e8))
        station = _station("earth", altitude_m, 42.8, float(rng.uniform(0, 6)), float(rng.uniform(0, 6)))
        plan = plan_rendezvous(
            "earth",
            t0,
            station,
            Insertion(EARTH_RADIUS_M + 200e3, EARTH_RADIUS_M + 350e3),
            profile,
            docking_tdb_s=t0 + hours * 3600.0,
            mass_kg=12_910.0,
            isp_s=290.0,
            refuelling=[Refuelling(43_200.0, 345_600.0, 250.0)],
        )
        _check(plan)
        changes = dict(plan.phases)
        assert [name for name in changes][:5] == ["perigee raise", "phasing", "departure", "coelliptic", "transfer"]
        far = sum(dv for name, dv in changes.items() if name in list(changes)[:6])
        # from 200 x 350 km one goes up by two apses: vis-viva gives the least
        r1, r2, rt = EARTH_RADIUS_M + 200e3, EARTH_RADIUS_M + 350e3, EARTH_RADIUS_M + altitude_m
        first = np.sqrt(2 * GM_EARTH_M3_S2 * (1 / r2 - 1 / (r2 + rt))) - np.sqrt(
            2 * GM_EARTH_M3_S2 * (1 / r2 - 1 / (r1 + r2))
        )
        second = np.sqrt(GM_EARTH_M3_S2 / rt) - np.sqrt(2 * GM_EARTH_M3_S2 * (1 / rt - 1 / (r2 + rt)))
        assert far == pytest.approx(first + second, abs=8.0)
        assert 12.0 < plan.dv_m_s - far < 22.0
        assert plan.propellant_kg == pytest.approx(12_910 * (1 - np.exp(-plan.dv_m_s / 290 / 9.80665)))
        names = [event.name for event in plan.events]
        assert (
            names.index("hand-over") < names.index("hold") < names.index("contact") < names.index("refuelling begins")
        )


def test_the_flown_plan_meets_a_station_propagated_apart() -> None:
    """Contact by other means: the burns of the record, the station from its own initial state."""
    t0 = 7.7e8
    station = _station("earth", 380e3, 51.6, 1.0, 2.0)
    low = EARTH_RADIUS_M + 200e3
    plan = plan_rendezvous("earth", t0, station, Insertion(low, low), FAST)
    assert plan.chaser_r_m is not None
    assert plan.chaser_v_m_s is not None
    coasts = [Coast(b.epoch_tdb_s, "earth", np.array(b.dv_icrf_m_s)) for b in plan.burns]
    flown = fly(t0, "earth", plan.chaser_r_m, plan.chaser_v_m_s, [*coasts, Coast(plan.docking_tdb_s, "earth")])
    there = dynamics.propagate(t0, station[:3], station[3:], plan.docking_tdb_s, centre="earth")
    assert np.linalg.norm(flown.r_m - there.r_m) < 0.05
    assert np.linalg.norm(flown.v_m_s - there.v_m_s) == pytest.approx(0.2, abs=0.01)


def test_a_given_phase_is_caught_or_refused_with_the_range() -> None:
    t0 = 7.7e8
    station = _station("earth", 393e3, 42.8, 1.0, 0.0)
    apses = (EARTH_RADIUS_M + 200e3, EARTH_RADIUS_M + 350e3)
    chosen = plan_rendezvous("earth", t0, station, Insertion(*apses), FAST)
    assert chosen.chaser_r_m is not None
    given = Insertion(*apses, chosen.chaser_r_m, chosen.chaser_v_m_s)
    again = plan_rendezvous("earth", t0, station, given, FAST)
    _check(again)
    assert again.dv_m_s == pytest.approx(chosen.dv_m_s, abs=2.0)
    opposite = Insertion(*apses, -chosen.chaser_r_m, -chosen.chaser_v_m_s)  # type: ignore[operator]
    refused = plan_rendezvous("earth", t0, station, opposite, FAST)
    assert not refused.converged
    assert "cannot be caught" in refused.reason


@pytest.mark.parametrize("profile", [LUNAR_TWO_DAYS, LUNAR_COELLIPTIC], ids=lambda profile: str(profile.name))
def test_lunar_profiles_dock(profile: Profile) -> None:
    """Chang'e 5 (200 km, two days) and Apollo (60 nmi, 3.5 h)."""
    altitude = 200e3 if profile is LUNAR_TWO_DAYS else 111e3
    apolune = 180e3 if profile is LUNAR_TWO_DAYS else 87e3
    plan = plan_rendezvous(
        "moon",
        6.6e8,
        _station("moon", altitude, 40.0, 1.0, 2.0),
        Insertion(MOON_RADIUS_M + 17e3, MOON_RADIUS_M + apolune),
        profile,
    )
    _check(plan)
    assert plan.dv_m_s < 75.0


def test_a_lunar_leg_turns_the_plane_at_its_price() -> None:
    leg = solve(
        Arc("up", MoonOrbit("low", 50e3, np.deg2rad(80.0)), MoonOrbit("high", 100e3, np.deg2rad(85.0))),
        8.8e8,
        samples=40,
    )
    assert leg.converged, leg.reason
    # some of the turn is made for less where it adds to another burn at right angles
    turn = next(burn.dv_m_s for burn in leg.burns if burn.name == "plane change")
    price = 2.0 * np.sqrt(GM_MOON_M3_S2 / (MOON_RADIUS_M + 85e3)) * np.sin(np.deg2rad(2.5))
    assert 0.65 * price < turn < 1.05 * price
    assert leg.closure_position_m < 0.01
    assert leg.trajectory is not None
    assert np.all(np.linalg.norm(leg.trajectory.r_m, axis=1) > MOON_RADIUS_M + 20e3)
    far = solve(Arc("x", MoonOrbit("a", 1e5, 0.3), MoonOrbit("b", 1e5, 1.2)), 8.8e8)
    assert not far.converged
    assert "planes" in far.reason


def test_docking_legs_choose_the_profile_by_duration() -> None:
    low, station = EarthOrbit("c", 200e3, 0.747), EarthOrbit("s", 380e3, 0.747, raan_rad=0.7)
    for via, duration, days in (
        ("docking", None, 2.0),
        ("docking", 6.5 * 3600.0, 6.5 / 24),
        ("fast", None, 6.5 / 24),
    ):
        leg = solve(Arc("up", low, station, via=via), 8.3e8, duration_s=duration)
        assert leg.converged, leg.reason
        assert leg.duration_s / 86400.0 == pytest.approx(days)
        assert 95.0 < leg.dv_m_s < 130.0
    hasty = solve(Arc("up", low, station, via="docking"), 8.3e8, duration_s=7200.0)
    assert not hasty.converged
    assert "too short" in hasty.reason


@pytest.mark.parametrize("axis", ["behind", "ahead", "below", "above"])
def test_every_axis_of_approach(axis: str) -> None:
    t0 = 8.2e8
    station = _station("earth", 400e3, 51.6, 0.3, 0.0)
    path = dynamics.propagate(t0, station[:3], station[3:], t0 + 1.5e4, centre="earth", dense=True)
    start = path.at(t0 + 1000.0 + (6.8 if axis in ("ahead", "above") else -6.8))
    approach = Approach(axis=axis)
    end = approach_target("earth", t0 + 1000.0, start[:3], start[3:], path, approach)
    assert not end.reason
    assert np.rad2deg(end.worst_cone_rad) < 5.0
    assert end.relative is not None
    assert np.linalg.norm(end.relative.r_m[-1]) < 0.01
    last = relative_state(np.concatenate([end.r_m, end.v_m_s]), path.at(end.contact_tdb_s))[1][0]
    assert np.linalg.norm(last) == pytest.approx(0.2, abs=0.01)


def test_braking_at_the_target_is_forbidden_without_canted_thrusters() -> None:
    t0 = 8.2e8
    station = _station("earth", 400e3, 51.6, 0.3, 0.0)
    path = dynamics.propagate(t0, station[:3], station[3:], t0 + 1.5e4, centre="earth", dense=True)
    start = path.at(t0 + 1000.0 - 6.8)
    straight = Approach(plume_cant_rad=None)
    refused = approach_target("earth", t0 + 1000.0, start[:3], start[3:], path, straight)
    assert "canted" in refused.reason
    free = approach_target("earth", t0 + 1000.0, start[:3], start[3:], path, replace(straight, plume_distance_m=0.0))
    canted = approach_target("earth", t0 + 1000.0, start[:3], start[3:], path, Approach())
    assert free.dv_m_s < canted.dv_m_s < free.dv_m_s / np.cos(np.deg2rad(30.0))
    hasty = approach_target("earth", t0 + 1000.0, start[:3], start[3:], path, Approach(cone_half_angle_rad=1e-3))
    assert "corridor" in hasty.reason


def test_clohessy_wiltshire_agrees_with_two_orbits_nearby() -> None:
    """A kilometre apart for a quarter of an hour: J2's tide and curvature leave a metre."""
    t0 = 8.2e8
    station = _station("earth", 400e3, 51.6, 0.3, 0.0)
    n = np.sqrt(GM_EARTH_M3_S2 / np.linalg.norm(station[:3]) ** 3)
    other = station + np.array([300.0, -500.0, 400.0, 0.3, 0.2, -0.4])
    r0, v0 = relative_state(other, station)
    a = dynamics.propagate(t0, station[:3], station[3:], t0 + 900.0, centre="earth").state
    b = dynamics.propagate(t0, other[:3], other[3:], t0 + 900.0, centre="earth").state
    r1, v1 = relative_state(b, a)
    found = clohessy_wiltshire(float(n), 900.0) @ np.concatenate([r0[0], v0[0]])
    assert np.linalg.norm(found[:3] - r1[0]) < 5.0
    assert np.linalg.norm(found[3:] - v1[0]) < 0.02


def test_ports() -> None:
    assert mate(["cn-apas"], ["cn-apas", "idss"]).standard == "cn-apas"
    assert "adapter" in mate(["ssvp"], ["idss"]).reason
    assert mate(["ssvp:probe"], ["ssvp:drogue"]).possible
    assert "other half" in mate(["ssvp:probe"], ["ssvp:probe"]).reason
    assert "passive" in mate(["idss:passive"], ["idss:passive"]).reason
    assert mate(["cbm"], ["cbm"]).berthing
    assert not mate([], ["idss"]).possible
    refused = plan_rendezvous(
        "earth",
        8e8,
        _station("earth", 4e5, 51.6, 0.0, 0.0),
        Insertion(6.6e6, 6.6e6),
        FAST,
        ports=(["ssvp"], ["idss"]),
    )
    assert "standard" in refused.reason


def test_a_flight_too_short_says_so() -> None:
    station = _station("earth", 4e5, 51.6, 0.0, 0.0)
    plan = plan_rendezvous("earth", 8e8, station, Insertion(6.6e6, 6.6e6), fitted(TWO_DAYS, 20_000.0))
    assert "fit" in plan.reason or "too short" in plan.reason
