"""Two-burn transfers between halo and distant retrograde orbits."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.records.places import Arc, Dro, Halo, Place
from moonvillage.trajectory import nrho, solve

NRHO = Halo("gateway", 2, False, perilune_radius_m=3.228e6)
QUEQIAO = Halo("queqiao", 2, False, amplitude_z_m=13e6)
L1 = Halo("l1", 1, False, amplitude_z_m=20e6)
DRO = Dro("dro", 70e6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("origin", "destination", "most"),
    [(NRHO, DRO, 520.0), (DRO, NRHO, 540.0), (NRHO, QUEQIAO, 500.0), (QUEQIAO, DRO, 450.0), (L1, QUEQIAO, 260.0)],
)
def test_two_burns_close(origin: Place, destination: Place, most: float) -> None:
    date = 1.05e9
    leg = solve(Arc("arc", origin, destination), date, samples=50)
    assert leg.converged, leg.reason
    assert [burn.name for burn in leg.burns] == ["departure", "insertion"]
    assert 50.0 < leg.dv_m_s < most
    assert 1.0 < leg.duration_s / 86400.0 < 30.0
    assert leg.closure_position_m < 100.0
    assert isinstance(origin, (Halo, Dro))
    assert isinstance(destination, (Halo, Dro))
    assert abs(leg.departure_tdb_s - date) < 0.7 * nrho.period_s(origin)
    # it ends on the destination's reference, by the reference's own word
    aim = nrho.reference(destination, leg.arrival_tdb_s).state(leg.arrival_tdb_s)
    assert leg.final_state is not None
    assert np.linalg.norm(leg.final_state[:3] - aim[:3]) < 100.0
    assert np.linalg.norm(leg.final_state[3:] - aim[3:]) < 0.1


def test_one_orbit_is_no_transfer() -> None:
    leg = solve(Arc("arc", DRO, Dro("same", 70e6)), 1.05e9)
    assert not leg.converged
    assert "change of phase" in leg.reason
