"""Changes of phase on halo and distant retrograde orbits."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.records.places import Dro, Halo
from moonvillage.trajectory import nrho
from moonvillage.trajectory.phasing import solve_phasing

NRHO = Halo("gateway", 2, False, perilune_radius_m=3.228e6)
DRO = Dro("dro", 70e6)


def _apolune(place: Halo | Dro, epoch_tdb_s: float) -> float:
    period = nrho.period_s(place)
    return (float(np.floor(epoch_tdb_s / period)) + 0.02) * period


def test_longer_is_cheaper_and_ends_on_the_reference() -> None:
    start, period = _apolune(DRO, 9.0e8), nrho.period_s(DRO)
    quick = solve_phasing(DRO, start, 12.0 * 3600.0, period)
    slow = solve_phasing(DRO, start, 12.0 * 3600.0, 3.0 * period, samples=20)
    assert quick.converged, quick.reason
    assert slow.converged, slow.reason
    assert slow.dv_m_s < 0.6 * quick.dv_m_s < 20.0
    aim = nrho.reference(DRO, slow.arrival_tdb_s).state(slow.arrival_tdb_s)
    assert slow.final_state is not None
    assert np.linalg.norm(slow.final_state[:3] - aim[:3]) < 100.0
    assert slow.closure_velocity_m_s < 0.1
    assert "another moment" in slow.approximation


def test_three_hours_on_the_nrho() -> None:
    leg = solve_phasing(NRHO, _apolune(NRHO, 9.75e8), 3.0 * 3600.0, nrho.period_s(NRHO))
    assert leg.converged, leg.reason
    assert 2.0 < leg.dv_m_s < 30.0


@pytest.mark.parametrize(("late_h", "turns", "word"), [(48.0, 1.0, "15 %"), (1.0, 20.0, "revolutions")])
def test_refusals_are_sentences(late_h: float, turns: float, word: str) -> None:
    leg = solve_phasing(NRHO, 9.0e8, late_h * 3600.0, turns * nrho.period_s(NRHO))
    assert not leg.converged
    assert word in leg.reason
