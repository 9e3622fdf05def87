"""Entry: air, loads, heating, corridor, footprint, and the way to a site; against Apollo's published figures."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.ephemeris.frames import earth_itrf_matrix
from moonvillage.trajectory.atmosphere import density
from moonvillage.trajectory.entry import APOLLO, ORION, Capsule, corridor, fly_batch, footprint, heating
from moonvillage.trajectory.entry_targeting import plan_entry


def _state(speed: float, gamma_deg: float, azimuth_deg: float = 75.0) -> np.ndarray:
    gamma, azimuth = np.deg2rad(gamma_deg), np.deg2rad(azimuth_deg)
    level = np.array([0.0, np.sin(azimuth), np.cos(azimuth)])
    velocity = speed * (np.cos(gamma) * level + np.sin(gamma) * np.array([1.0, 0.0, 0.0]))
    return np.concatenate([[EARTH_RADIUS_M + 121_920.0, 0.0, 0.0], velocity])


APOLLO_11 = _state(11_032.0, -6.48)


def test_standard_atmosphere() -> None:
    """Table I of the U.S. Standard Atmosphere 1976, kg/m³."""
    truth = {
        0.0: 1.2250,
        5e3: 0.73643,
        11e3: 0.36480,
        20e3: 0.08891,
        32e3: 0.013555,
        47e3: 1.4275e-3,
        71e3: 6.4211e-5,
    }
    heights = np.array(list(truth))
    # the table's heights here are geometric up to 20 km and geopotential above: take those given in both
    assert density(heights[:4]) == pytest.approx(list(truth.values())[:4], rel=3e-3)
    geopotential = np.array([47e3, 71e3])
    geometric = 6_356_766.0 * geopotential / (6_356_766.0 - geopotential)
    assert density(geometric) == pytest.approx([1.4275e-3, 6.4211e-5], rel=5e-3)
    assert density(100e3) == pytest.approx(5.604e-7, rel=1e-3)
    fine = density(np.linspace(0.0, 200e3, 4001))
    assert np.all(np.diff(fine) < 0.0)


def test_heating_formulas() -> None:
    convective, radiative = heating(2e-4, 11_000.0, 1.0)
    assert convective == pytest.approx(1.7415e-4 * np.sqrt(2e-4) * 11_000.0**3)
    assert radiative == pytest.approx(4.736e8 * 2e-4**1.22 * 151.0, rel=1e-6)
    assert heating(2e-4, 8_900.0, 1.0)[1] == 0.0


def test_vacuum_flight_keeps_its_energy() -> None:
    """Without air nothing but gravity acts: a capsule of enormous ballistic coefficient on an ellipse."""
    heavy = Capsule(1e12, 1e-6, 0.3, 1.0)
    start = _state(7_900.0, 3.0)
    batch = fly_batch(start, heavy, 0.0, keep=True)
    assert batch.samples is not None
    states = batch.samples[1][:200, 0]
    r = np.linalg.norm(states[:, :3], axis=1)
    j2 = 1.08262539e-3 * (EARTH_RADIUS_M / r) ** 2 * (1.5 * (states[:, 2] / r) ** 2 - 0.5)
    energy = 0.5 * np.sum(states[:, 3:] ** 2, axis=1) - GM_EARTH_M3_S2 / r * (1.0 - j2)
    assert np.ptp(energy) / abs(energy[0]) < 1e-9


def test_apollo_11_loads_and_range() -> None:
    """Mission report: 11,032 m/s at −6.48 deg, 6.51 g at most, 1,497 nmi (2,772 km) to splashdown, 15 min to it."""
    matrix = earth_itrf_matrix(7e8)
    bearing = 2_772e3 / EARTH_RADIUS_M
    heading = APOLLO_11[3:] - np.cross([0.0, 0.0, 7.292115e-5], APOLLO_11[:3])
    ahead = heading - heading[0] * np.array([1.0, 0.0, 0.0])
    place = np.cos(bearing) * np.array([1.0, 0.0, 0.0]) + np.sin(bearing) * ahead / np.linalg.norm(ahead)
    latitude = float(np.arctan(np.tan(np.arcsin(place[2])) / (1 - 1 / 298.257223563) ** 2))
    longitude = float(np.arctan2(place[1], place[0]))
    plan = plan_entry(7e8, matrix.T @ APOLLO_11[:3], matrix.T @ APOLLO_11[3:], APOLLO, latitude, longitude)
    assert not plan.reason
    assert plan.miss_m < 2_000.0
    assert plan.flight is not None
    print(
        f"Apollo 11: {plan.flight.peak_load_g:.2f} g (flown 6.5), {plan.flight.peak_heat_w_m2 / 1e4:.0f} W/cm², "
        f"{plan.flight.heat_load_j_m2 / 1e7:.1f} kJ/cm², bank {np.rad2deg(plan.bank_rad):.0f} deg"
    )
    assert plan.flight.peak_load_g == pytest.approx(6.51, rel=0.06)
    # to the drogues at 7.5 km; main parachutes took five minutes more
    assert plan.flight.epoch_tdb_s[-1] - 7e8 == pytest.approx(9.5 * 60.0, abs=90.0)


@pytest.mark.slow
def test_apollo_corridor() -> None:
    """Lunar return: overshoot near −5.2 to −5.3, undershoot near −7.3 to −7.4 deg (NASA TN D-6725), −6.5 nominal."""
    found = corridor(APOLLO_11, APOLLO, load_limit_g=12.0)
    assert found.overshoot_rad is not None
    assert found.undershoot_rad is not None
    assert np.rad2deg(found.overshoot_rad) == pytest.approx(-5.2, abs=0.4)
    assert -8.2 < np.rad2deg(found.undershoot_rad) < -7.0
    assert found.width_rad is not None
    assert found.width_rad > np.deg2rad(1.5)


def test_footprint_is_even_in_the_bank_and_holds_the_skip() -> None:
    found = footprint(_state(11_032.0, -6.2, 90.0), ORION, count=25)
    # eastward along the equator, right and left are alike but for nothing
    assert found.crossrange_m[1:-1] == pytest.approx(-found.crossrange_m[1:-1][::-1], abs=50.0)
    assert found.downrange_m == pytest.approx(found.downrange_m[::-1], abs=200.0)
    assert found.longest_m > 4_500e3
    assert found.skipped[found.allowed].any()
    assert found.shortest_m < 2_000e3


@pytest.mark.slow
def test_skip_entry_reaches_a_far_site() -> None:
    """Orion flies up to 8,900 km by a skip (NASA); Chang'e 5's capsule some 6,000 km."""
    matrix = earth_itrf_matrix(7e8)
    state = _state(11_000.0, -6.0, 90.0)
    far = 6_500e3 / EARTH_RADIUS_M
    plan = plan_entry(7e8, matrix.T @ state[:3], matrix.T @ state[3:], ORION, 0.005, far)
    assert not plan.reason, plan.reason
    assert plan.kind == "skip"
    assert plan.miss_m < 5_000.0
    assert plan.flight is not None
    assert plan.flight.peak_load_g < 7.0
    near = plan_entry(7e8, matrix.T @ state[:3], matrix.T @ state[3:], ORION, 0.0, 300e3 / EARTH_RADIUS_M)
    assert "can be reached" in near.reason or "peaks" in near.reason
