"""The hybrid free return: home without another burn until the hybrid burn, and into the lunar orbit after it."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage import dynamics
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, MOON_RADIUS_M
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit
from moonvillage.trajectory import solve

PARKING = EarthOrbit("parking", 185e3, np.deg2rad(28.5))


@pytest.mark.parametrize(("inclination_deg", "most_m_s"), [(170.0, 30.0), (120.0, 45.0), (90.0, 60.0)])
def test_hybrid(inclination_deg: float, most_m_s: float) -> None:
    """Apollo 12: 19 m/s, 30 h after injection, into a near-equatorial retrograde orbit."""
    rng = np.random.default_rng(int(inclination_deg))
    for date in rng.uniform(8e8, 14e8, 2):
        target = MoonOrbit("low", 111e3, np.deg2rad(inclination_deg))
        leg = solve(Arc("out", PARKING, target, via="hybrid"), float(date), samples=60)
        assert leg.converged, leg.reason
        names = {burn.name: burn for burn in leg.burns}
        assert names["hybrid"].dv_m_s < most_m_s
        assert leg.closure_position_m < 10.0
        assert leg.final_state is not None
        assert np.linalg.norm(leg.final_state[:3]) == pytest.approx(MOON_RADIUS_M + 111e3, abs=10.0)
        normal = np.cross(leg.final_state[:3], leg.final_state[3:])
        pole = moon_me_matrix(leg.arrival_tdb_s)[2]
        found = np.rad2deg(np.arccos(normal @ pole / np.linalg.norm(normal)))
        assert found == pytest.approx(inclination_deg, abs=0.1)
        # until the burn the craft is on its way around the Moon and home: fly on without it
        assert leg.trajectory is not None
        before = leg.trajectory.epoch_tdb_s < names["hybrid"].epoch_tdb_s - 60.0
        k = int(np.flatnonzero(before)[-1])
        home = dynamics.propagate(
            float(leg.trajectory.epoch_tdb_s[k]),
            leg.trajectory.r_m[k],
            leg.trajectory.v_m_s[k],
            leg.departure_tdb_s + 8.5 * 86400.0,
            centre="earth",
            dense=True,
        )
        lowest = home.periapses() if not home.reason else np.array([])
        altitudes = [np.linalg.norm(home.at(t)[:3]) - EARTH_RADIUS_M for t in lowest]
        assert home.reason or min(altitudes) < 150e3
