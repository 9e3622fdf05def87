"""Departures for Mars from orbits near the Moon, by a low perigee."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.records.places import Arc, Halo, Planet
from moonvillage.trajectory import mars, solve
from moonvillage.units import DAY_S

NRHO = Halo("gateway", 2, False, perilune_radius_m=3.228e6)
MARS = Planet("mars", "mars")


@pytest.mark.slow
def test_from_the_nrho_by_a_perigee_burn() -> None:
    """A burn of some 0.5 km/s at perigee for C3 8 to 10, and 0.2 to 0.45 km/s to fall there, are published."""
    date = mars.opportunities(8.2e8, 10.0e8)[1][0] - 40.0 * DAY_S
    leg = solve(Arc("chain", NRHO, MARS), date, samples=100)
    assert leg.converged, leg.reason
    assert [burn.name for burn in leg.burns] == ["departure", "flyby", "tmi"]
    fall = leg.burns[0].dv_m_s + leg.burns[1].dv_m_s
    assert 200.0 < fall < 470.0
    assert 430.0 < leg.burns[2].dv_m_s < 700.0
    assert leg.c3_m2_s2 is not None
    assert 7e6 < leg.c3_m2_s2 < 16e6
    assert 0.0 < (leg.departure_tdb_s - date) / DAY_S < 80.0
    assert leg.closure_position_m < 1e3
    # what is asked of the burn is what the energy says: from a fall of the Moon's height to that C3
    speed = np.sqrt(2.0 * 3.986004e14 / 6.778e6)
    least = np.sqrt(leg.c3_m2_s2 + speed**2) - np.sqrt(speed**2 - 2.0e6)
    assert least - 15.0 < leg.burns[2].dv_m_s < least + 150.0


def test_refusals_are_sentences() -> None:
    leg = solve(Arc("chain", NRHO, MARS), 9.0e8, fixed_departure=True)
    assert not leg.converged
    assert "cannot be given" in leg.reason
