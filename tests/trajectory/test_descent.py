"""Designed landings: what is asked of them is kept, what they use is little, and they fly."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from moonvillage import dynamics, trajectory
from moonvillage.ephemeris import utc_to_tdb_s
from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state
from moonvillage.records.places import Arc, MoonOrbit, MoonSurface
from moonvillage.trajectory.descent import (
    FREE,
    PILOTED,
    Approach,
    Lander,
    Moonscape,
    PoweredFlight,
    divert,
    land,
    land_from_perilune,
)
from moonvillage.trajectory.leg_margin import leg_margin
from moonvillage.trajectory.planes import cross, normalised, rotate

DATE = utc_to_tdb_s("2030-03-01")
SITE = MoonSurface("hadley", math.radians(26.1), math.radians(3.6), -1900.0)
LANDER = Lander(1000.0, 3500.0, 320.0, (0.1, 1.0))


def plane(turn: float = 0.0) -> np.ndarray:
    """Normal of an orbit over the site, tilted off it by an angle."""
    up, east, north = Moonscape(SITE).goal(DATE)[1]
    return normalised(
        math.cos(turn) * normalised(cross(up, math.cos(0.4) * east + math.sin(0.4) * north)) + math.sin(turn) * up
    )


def fly_again(flight: PoweredFlight) -> np.ndarray:
    """Through all thrusts in one go, from the first state."""
    state = flight.states[0]
    for k in range(flight.thrust_n.shape[0]):
        path = dynamics.propagate(
            float(flight.epoch_tdb_s[k]),
            state[:3],
            state[3:],
            float(flight.epoch_tdb_s[k + 1]),
            centre="moon",
            thrust=flight.thrust(k),
        )
        state = path.state
    return state


@pytest.fixture(scope="module")
def free() -> PoweredFlight:
    return land_from_perilune(DATE, 100e3, plane(), SITE, LANDER)


@pytest.fixture(scope="module")
def piloted() -> PoweredFlight:
    return land_from_perilune(
        DATE, 100e3, plane(), SITE, Lander(1000.0, 3500.0, 320.0, (0.1, 1.0), math.radians(5.0)), PILOTED
    )


def test_it_flies_and_ends_at_rest_on_the_site(free: PoweredFlight) -> None:
    assert free.converged, free.reason
    end = float(free.epoch_tdb_s[-1])
    r, v = moon_site_state(end, SITE.latitude_rad, SITE.longitude_rad, SITE.height_m)
    final = fly_again(free)
    print(f"closure {np.linalg.norm(final[:3] - r):.3f} m, {np.linalg.norm(final[3:] - v):.5f} m/s")
    assert np.linalg.norm(final[:3] - r) < 1.0
    assert np.linalg.norm(final[3:] - v) < 0.01
    assert free.closure_position_m < 1.0


def test_the_books_of_mass_are_the_rockets(free: PoweredFlight) -> None:
    flow = np.linalg.norm(free.thrust_n, axis=1) / (320.0 * 9.80665)
    burnt = float(np.sum(flow * np.diff(free.epoch_tdb_s)))
    assert burnt == pytest.approx(free.propellant_kg, rel=1e-9)
    assert free.dv_m_s == pytest.approx(320.0 * 9.80665 * math.log(1000.0 / (1000.0 - burnt)), rel=1e-9)
    share = np.linalg.norm(free.thrust_n, axis=1) / 3500.0
    assert share.min() > 0.1 - 1e-4
    assert share.max() < 1.0 + 1e-4


def test_nothing_lands_on_less_than_its_energy(free: PoweredFlight) -> None:
    """Below the impulse that stops it at the perilune and the one that stops the fall, no landing is possible."""
    base = MOON_RADIUS_M + SITE.height_m
    low, high = base + 15e3, base + 100e3
    perilune = math.sqrt(2.0 * GM_MOON_M3_S2 * high / (low * (low + high)))
    # one impulse onto a grazing arc to the surface, one there: the least of all (Hohmann)
    grazing = math.sqrt(2.0 * GM_MOON_M3_S2 * base / (low * (low + base)))
    bound = perilune - grazing + grazing * low / base - 5.0  # 5 m/s: the ground itself moves
    assert bound < free.dv_m_s < 1.08 * bound


def test_a_pilots_approach_is_kept(piloted: PoweredFlight) -> None:
    assert piloted.converged, piloted.reason
    world = Moonscape(SITE)
    names = np.array(piloted.phase)
    for k in np.flatnonzero(names != "braking"):
        goal, axes = world.goal(float(piloted.epoch_tdb_s[k]))
        offset = axes @ (piloted.states[k, :3] - goal[:3])
        drift = axes @ (piloted.states[k, 3:] - goal[3:])
        away = math.hypot(offset[1], offset[2])
        tilt = math.degrees(piloted.tilt_rad[k])
        if names[k] == "approach":
            assert tilt < 55.0 + 0.5
            assert math.degrees(math.atan2(offset[0], away)) > 12.0 - 0.05
        else:
            assert tilt < 5.0 + 0.1
            assert away < 0.05
            assert math.hypot(drift[1], drift[2]) < 0.01
            assert drift[0] > -3.0 - 0.01
    gate = int(np.flatnonzero(names == "approach")[0])
    assert np.linalg.norm(piloted.states[gate, :3]) - MOON_RADIUS_M - SITE.height_m == pytest.approx(2200.0, abs=1.0)
    directions = piloted.thrust_n / np.linalg.norm(piloted.thrust_n, axis=1, keepdims=True)
    turn = np.degrees(np.arccos(np.clip(np.einsum("ij,ij->i", directions[1:], directions[:-1]), -1.0, 1.0)))
    steps = np.diff(piloted.epoch_tdb_s)
    assert np.max(turn / (0.5 * (steps[1:] + steps[:-1]))) < 5.0 * 1.05
    v = moon_site_state(float(piloted.epoch_tdb_s[-1]), SITE.latitude_rad, SITE.longitude_rad, SITE.height_m)[1]
    assert np.linalg.norm(piloted.states[-1, 3:] - v) == pytest.approx(1.0, abs=1e-3)


def test_what_is_asked_costs(free: PoweredFlight, piloted: PoweredFlight) -> None:
    print(f"free {free.dv_m_s:.1f} m/s, piloted {piloted.dv_m_s:.1f} m/s")
    assert free.dv_m_s < piloted.dv_m_s < free.dv_m_s + 60.0


def test_the_tabulated_leg_has_a_margin() -> None:
    arc = Arc("down", MoonOrbit("llo", 100e3), SITE, 3.5, 320.0)
    leg = trajectory.solve(arc, DATE, samples=200)
    found = leg_margin(arc, leg)
    print(f"leg {found.leg_m_s:.1f} m/s, least {found.least_m_s:.1f} m/s")
    assert found.reason == ""
    assert 60.0 < found.margin_m_s < 120.0
    assert leg_margin(arc, trajectory.solve(arc, DATE)).reason


def test_the_moment_of_ignition_is_found_on_a_coast() -> None:
    """From a state on the descent ellipse half a quarter before the site."""
    base = MOON_RADIUS_M + SITE.height_m
    low, high = base + 15e3, base + 100e3
    speed = math.sqrt(2.0 * GM_MOON_M3_S2 * high / (low * (low + high)))
    normal, up = plane(), Moonscape(SITE).goal(DATE + 700.0)[1][0]
    radial = rotate(up, normal, -0.6)
    state = np.concatenate([low * radial, speed * cross(normal, radial)])
    found = land(DATE, state, SITE, LANDER)
    assert found.converged, found.reason
    assert found.closure_position_m < 1.0
    assert 1740.0 < found.dv_m_s < 1850.0


def test_a_plane_off_the_site_is_steered_in(free: PoweredFlight) -> None:
    off = land_from_perilune(DATE, 100e3, plane(math.radians(0.5)), SITE, LANDER)
    assert off.converged, off.reason
    assert free.dv_m_s < off.dv_m_s < free.dv_m_s + 40.0


@pytest.mark.parametrize(
    "share", [pytest.param(0.3, marks=pytest.mark.slow), pytest.param(0.7, marks=pytest.mark.slow), 0.93]
)
def test_diverts(piloted: PoweredFlight, share: float) -> None:
    """From any moment to a site 1 to 20 km farther on: at rest there, at a price."""
    moment = float(piloted.epoch_tdb_s[0]) + share * piloted.duration_s
    away = {0.3: 20e3, 0.7: 6e3, 0.93: 300.0}[share] / MOON_RADIUS_M
    new = MoonSurface("other", SITE.latitude_rad + 0.5 * away, SITE.longitude_rad + 0.7 * away, SITE.height_m + 50.0)
    state, mass = piloted.at(moment)
    straight = mass - float(piloted.mass_kg[-1])
    found = divert(piloted, moment, new, PILOTED)
    assert found.converged, found.reason
    assert found.mass_kg[0] == pytest.approx(mass)
    assert np.allclose(found.states[0], state)
    assert found.propellant_kg > 0.97 * straight
    r = moon_site_state(float(found.epoch_tdb_s[-1]), new.latitude_rad, new.longitude_rad, new.height_m)[0]
    assert np.linalg.norm(fly_again(found)[:3] - r) < 2.0


def test_failures_are_values() -> None:
    weak = land_from_perilune(DATE, 100e3, plane(), SITE, Lander(1000.0, 700.0, 320.0))
    assert not weak.converged
    assert "thrust" in weak.reason
    wrong = land_from_perilune(DATE, 100e3, plane(), SITE, Lander(1000.0, 3500.0, 320.0, (0.5, 0.4)))
    assert "throttle" in wrong.reason
    upside = land_from_perilune(DATE, 100e3, plane(), SITE, LANDER, Approach(gate_m=20.0, vertical_m=30.0))
    assert "gate" in upside.reason


@pytest.mark.slow
def test_a_divert_beyond_reach_says_so(free: PoweredFlight) -> None:
    """A place 900 km on is reached by a hop, if there were the propellant."""
    far = MoonSurface("far", SITE.latitude_rad - 0.5, SITE.longitude_rad, SITE.height_m)
    last = float(free.epoch_tdb_s[-8])
    thirsty = replace(free, lander=replace(LANDER, dry_kg=0.95 * float(free.mass_kg[-1])))
    found = divert(thirsty, last, far, FREE)
    assert not found.converged
    assert "kg of propellant; the lander has" in found.reason
    with pytest.raises(ValueError, match="outside the flight"):
        divert(free, float(free.epoch_tdb_s[-1]) + 10.0, SITE)


def test_the_same_question_has_the_same_answer(free: PoweredFlight) -> None:
    again = land_from_perilune(DATE, 100e3, plane(), SITE, LANDER)
    assert np.array_equal(again.states, free.states)
    assert np.array_equal(again.thrust_n, free.thrust_n)
