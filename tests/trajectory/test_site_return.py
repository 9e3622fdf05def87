"""Returns from lunar orbit to a landing site."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.records.places import Arc, EarthGround, MoonOrbit
from moonvillage.trajectory import solve
from moonvillage.trajectory.entry import ORION, entry_state
from moonvillage.trajectory.entry_targeting import plan_entry, site_ranges, site_vector

POLAR = MoonOrbit("low", 100e3, np.deg2rad(90.0))


def _ground(latitude_deg: float, longitude_deg: float, longest_m: float = 6.5e6) -> EarthGround:
    return EarthGround(
        "site",
        site_latitude_rad=np.deg2rad(latitude_deg),
        site_longitude_rad=np.deg2rad(longitude_deg),
        range_max_m=longest_m,
    )


def test_random_sites_lie_ahead_of_the_entry() -> None:
    rng = np.random.default_rng(1)
    across = []
    for _ in range(6):
        date, latitude, longitude = rng.uniform(8e8, 14e8), rng.uniform(-35, 40), rng.uniform(-180, 180)
        ground = _ground(float(latitude), float(longitude))
        leg = solve(Arc("home", POLAR, ground), float(date))
        assert leg.converged, leg.reason
        free = solve(Arc("home", POLAR, EarthGround("anywhere")), float(date))
        assert free.dv_m_s - 2.0 < leg.dv_m_s < free.dv_m_s + 120.0
        assert leg.final_state is not None
        state = entry_state(leg.arrival_tdb_s, leg.final_state[:3], leg.final_state[3:])
        site = site_vector(np.deg2rad(latitude), np.deg2rad(longitude))
        along, off = site_ranges(state, site)
        assert ground.range_min_m <= along <= ground.range_max_m
        across.append(abs(off) / 1e3)
    print(f"site off the plane of entry, km: q50 {np.median(across):.0f}, max {max(across):.0f}")
    assert max(across) < 150.0


def test_a_site_out_of_reach_is_refused_in_a_sentence() -> None:
    leg = solve(Arc("home", POLAR, _ground(65.0, 60.0, longest_m=2.0e6)), 8.8e8)
    assert not leg.converged
    assert "opposite to the Moon" in leg.reason or "off its plane" in leg.reason


@pytest.mark.slow
def test_change_5_comes_home_to_siziwang_by_a_skip() -> None:
    """Chang'e 5: injection 2020-12-13T01:51, landing 12-16T17:59 at 42.3 N 111.4 E, after a skip of some 6,000 km."""
    ground = _ground(42.3, 111.4, longest_m=8e6)
    leg = solve(Arc("home", MoonOrbit("ce5", 200e3, np.deg2rad(43.0)), ground), utc_to_tdb_s("2020-12-13T01:51"))
    assert leg.converged, leg.reason
    assert leg.final_state is not None
    plan = plan_entry(
        leg.arrival_tdb_s,
        leg.final_state[:3],
        leg.final_state[3:],
        ORION,
        np.deg2rad(42.3),
        np.deg2rad(111.4),
        load_limit_g=10.0,
    )
    print("Siziwang:", leg, plan.kind, plan.reason, plan.miss_m)
    assert plan.kind in ("direct", "skip")
    # the flown day of landing is within a day of the computed
    assert abs(leg.arrival_tdb_s - utc_to_tdb_s("2020-12-16T17:45")) < 2.0 * 86400.0
