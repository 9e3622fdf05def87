"""Burns and orbits of replays against the textbook and against a second flight."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage import dynamics
from moonvillage.ephemeris import utc_to_tdb_s
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import earth_latitude_longitude
from moonvillage.records.places import MoonOrbit
from moonvillage.replay.homeward import Splashdown, return_to
from moonvillage.replay.injection import finite_injection
from moonvillage.replay.kinds.other_ways import gravity_turn
from moonvillage.replay.orbits import burn_to, burnt, shape, speed_at, velocity_for
from moonvillage.trajectory.lunar import lunar_family
from moonvillage.trajectory.planes import ApsisEnd

EPOCH = utc_to_tdb_s("2030-03-01T00:00:00Z")


def hyperbola(perilune_m: float, excess_m_s: float) -> np.ndarray:
    speed = math.sqrt(excess_m_s**2 + 2.0 * GM_MOON_M3_S2 / perilune_m)
    return np.array([perilune_m, 0.0, 0.0, 0.0, 0.0, speed])


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    low=st.floats(1.75e6, 4e6),
    more=st.floats(1e3, 2e7),
    share=st.floats(0.0, 1.0),
    rising=st.sampled_from([-1.0, 1.0]),
    tilt=st.floats(-1.0, 1.0),
)
def test_a_velocity_for_an_orbit(low: float, more: float, share: float, rising: float, tilt: float) -> None:
    """The orbit has the apses asked for, keeps the plane and goes on rising or falling."""
    high = low + more
    radius = low + share * more
    state = np.array([radius, 0.0, 0.0, rising * 100.0, 1500.0 * math.cos(tilt), 1500.0 * math.sin(tilt)])
    after = np.concatenate([state[:3], velocity_for(state, low, high, "moon")])
    now = shape(after, "moon")
    assert now.periapsis_m == pytest.approx(low, rel=1e-6)
    assert now.apoapsis_m == pytest.approx(high, rel=1e-6)
    assert abs(float(np.cross(state[:3], state[3:]) @ after[3:])) < 1e-3 * radius
    assert after[3] * rising >= 0.0


def test_an_impulsive_limit() -> None:
    """With a hundred times the thrust a finite burn costs what the impulse does."""
    state = hyperbola(MOON_RADIUS_M + 100e3, 850.0)
    radius = MOON_RADIUS_M + 100e3
    burn = burn_to("moon", EPOCH, state, radius, radius + 200e3, 4000.0, 750e3, 310.0)
    assert burn is not None
    impulse = state[5] - speed_at(radius, radius, radius + 200e3, "moon")
    assert burn.dv_m_s == pytest.approx(impulse, abs=0.2)
    assert burn.duration_s == pytest.approx(burnt(4000.0, burn.dv_m_s, 310.0) * 310.0 * 9.80665 / 750e3, rel=1e-9)


@pytest.mark.parametrize(("thrust_n", "apoapsis_m"), [(7500.0, 100e3), (3000.0, 5500e3), (400.0, 3100e3)])
def test_a_finite_burn_reaches_its_orbit(thrust_n: float, apoapsis_m: float) -> None:
    """Also where it lasts 40 minutes; it costs more than the impulse, and its loss grows with its length."""
    radius = MOON_RADIUS_M + 220e3
    high = max(radius, MOON_RADIUS_M + apoapsis_m)
    burn = burn_to("moon", EPOCH, hyperbola(radius, 850.0), radius, high, 2000.0, thrust_n, 300.0)
    assert burn is not None
    now = shape(burn.state, "moon")
    print(f"{thrust_n:.0f} N: {burn.duration_s:.0f} s, loss {burn.loss_m_s:.1f} m/s, lift {burn.lift_m / 1e3:.0f} km")
    assert now.periapsis_m == pytest.approx(radius, abs=1e3)
    assert now.apoapsis_m == pytest.approx(high, abs=1e3)
    assert -5.0 < burn.loss_m_s < 60.0


def test_the_loss_of_an_injection() -> None:
    """None with great thrust; with the S-IVB's some 10 m/s (Saturn V flight manuals: about 0.3 %)."""
    radius = 6_378_137.0 + 185e3
    none, _ = finite_injection(radius, 3150.0, 9e8, 136e3, 430.0)
    some, length = finite_injection(radius, 3150.0, 894e3, 136e3, 430.0)
    assert abs(none) < 0.01
    assert 5.0 < some < 25.0
    assert length == pytest.approx(345.0, rel=0.03)
    assert math.isnan(finite_injection(radius, 3150.0, 10.0, 136e3, 20.0)[0])


def test_a_gravity_turn_straight_down() -> None:
    """Vertical, at great thrust: the fall's speed and little more; too little thrust: None."""
    found = gravity_turn(2600.0, 0.0, MOON_RADIUS_M, 1000.0, 1e6, 300.0)
    assert found is not None
    assert found[0] == pytest.approx(2600.0, rel=0.005)
    assert gravity_turn(2600.0, 0.0, MOON_RADIUS_M, 1000.0, 900.0, 300.0) is None


def test_a_return_to_a_place() -> None:
    """The entry state, flown on over the ground by the range asked for, is above the place."""
    departure = utc_to_tdb_s("1969-07-22T04:56:58Z")
    family = lunar_family(MoonOrbit("", 0.0, math.radians(178.75)), departure)
    place = Splashdown(math.radians(13.3), math.radians(-169.15), 2772e3, 121_920.0, math.radians(-6.48))
    about = utc_to_tdb_s("1969-07-24T12:00:00Z")
    found = return_to(ApsisEnd(family, MOON_RADIUS_M + 109e3), departure, about, place)
    assert not found.reason
    latitude, longitude, height = earth_latitude_longitude(found.entry_tdb_s, found.entry[:3])
    assert float(height) == pytest.approx(121_920.0, abs=12e3)  # the interface is above a sphere
    cosine = math.sin(float(latitude)) * math.sin(place.latitude_rad) + math.cos(float(latitude)) * math.cos(
        place.latitude_rad
    ) * math.cos(float(longitude) - place.longitude_rad)
    assert math.acos(cosine) * 6_378_137.0 == pytest.approx(2772e3, rel=0.01)
    r, v = found.departure[:3], found.departure[3:]
    flown = dynamics.propagate(departure, r, v, departure + 5e4, centre="moon")
    r, v = dynamics.change_centre(departure + 5e4, flown.r_m, flown.v_m_s, "moon", "earth")
    end = dynamics.propagate(departure + 5e4, r, v, found.entry_tdb_s, centre="earth")
    assert float(np.linalg.norm(end.r_m - found.entry[:3])) < 1e3
    # another day, another flight time; the same longitude comes round
    later = return_to(ApsisEnd(family, MOON_RADIUS_M + 109e3), departure, about + 86400.0, place)
    assert not later.reason
    assert later.entry_tdb_s - found.entry_tdb_s == pytest.approx(86164.0, abs=5400.0)


def test_energy_of_speeds() -> None:
    assert speed_at(7e6, 7e6, 7e6, "earth") == pytest.approx(math.sqrt(GM_EARTH_M3_S2 / 7e6))
