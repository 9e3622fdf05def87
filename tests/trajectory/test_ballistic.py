"""Ballistic lunar transfers."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.ephemeris.constants import GM_MOON_M3_S2
from moonvillage.records.places import Arc, EarthOrbit, Halo, MoonOrbit, Place
from moonvillage.trajectory import solve
from moonvillage.trajectory.ballistic_seeds import BLOCK_S, LOW_M2_S, seeds
from moonvillage.units import DAY_S

NRHO = Halo("gateway", 2, False, perilune_radius_m=3.228e6)
QUEQIAO = Halo("queqiao", 2, False, amplitude_z_m=13e6)
LEO = EarthOrbit("leo", 185e3, np.deg2rad(28.5))
LLO = MoonOrbit("llo", 100e3, np.deg2rad(90.0))
DATE = 1.1e9


def test_seeds_come_from_far_out_with_little_momentum() -> None:
    found = seeds(QUEQIAO, int(DATE // BLOCK_S) + 7)
    assert found
    sizes = [float(np.linalg.norm(seed.momentum_m2_s)) for seed in found]
    assert sizes == sorted(sizes)
    assert sizes[0] < 3.0 * LOW_M2_S
    for seed in found:
        assert 60.0 * DAY_S < seed.arrival_tdb_s - seed.departure_tdb_s < 150.0 * DAY_S
        assert seed.inbound_tdb_s < seed.apogee_tdb_s < seed.arrival_tdb_s


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "most", "name"),
    [(QUEQIAO, 110.0, "insertion"), (NRHO, 130.0, "insertion"), (LLO, 760.0, "loi")],
)
def test_ballistic_leg(place: Place, most: float, name: str) -> None:
    """Far cheaper on arrival than a flight of some days (NRHO some 400 m/s, 100 km orbit some 810 m/s)."""
    leg = solve(Arc("slow", LEO, place, via="ballistic"), DATE, samples=200)
    assert leg.converged, leg.reason
    assert [burn.name for burn in leg.burns] == ["tli", "deep_space", name]
    assert 65.0 < leg.duration_s / DAY_S < 145.0
    assert abs(leg.departure_tdb_s - DATE) < 25.0 * DAY_S
    assert "the date asked for" in leg.approximation
    assert sum(burn.dv_m_s for burn in leg.burns[1:]) < most
    assert 3180.0 < leg.burns[0].dv_m_s < 3230.0
    assert leg.c3_m2_s2 is not None
    assert -1.2e6 < leg.c3_m2_s2 < -0.3e6
    assert leg.closure_position_m < 100.0
    assert leg.trajectory is not None
    distance = np.linalg.norm(leg.trajectory.r_m, axis=1)
    assert 1.0e9 < distance.max() < 2.2e9
    assert leg.final_state is not None
    if name == "loi":
        speed = float(np.linalg.norm(leg.final_state[3:]))
        assert speed == pytest.approx(np.sqrt(GM_MOON_M3_S2 / 1.8374e6), abs=0.1)


def test_refusals_are_sentences() -> None:
    leg = solve(Arc("slow", LEO, NRHO, via="sideways"), DATE)
    assert not leg.converged
    assert "'ballistic'" in leg.reason
    held = EarthOrbit("leo", 185e3, 0.5, raan_rad=1.0)
    assert "node" in solve(Arc("slow", held, NRHO, via="ballistic"), DATE).reason
    absent = Halo("absent", 2, False, amplitude_z_m=1e9)
    assert "family" in solve(Arc("slow", LEO, absent, via="ballistic"), DATE).reason
