"""Legs to and from a distant retrograde orbit, against Artemis I's and the studies' burns."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.records.places import Arc, Dro, EarthGround, EarthOrbit, MoonOrbit, Place
from moonvillage.trajectory import solve

DRO = Dro("dro", 70e6)
LEO = EarthOrbit("leo", 185e3, np.deg2rad(28.5))
LLO = MoonOrbit("llo", 100e3, np.deg2rad(90.0))
GROUND = EarthGround("home")
DATES = (8.31e8, 13.9e8)


@pytest.mark.parametrize(
    ("origin", "destination", "burns", "least", "most", "days"),
    [
        # Artemis I flew 179.5 + 110.6 m/s out and 138.5 + 292.9 m/s home, on dates and to a landing place of its own
        (LEO, DRO, ["tli", "flyby", "insertion"], 220.0, 300.0, 16.0),
        (DRO, GROUND, ["departure", "flyby"], 220.0, 300.0, 16.0),
        # low lunar orbit to and from the orbit: 0.83 km/s published
        (LLO, DRO, ["departure", "insertion"], 760.0, 850.0, 6.0),
        (DRO, LLO, ["departure", "loi"], 760.0, 850.0, 6.0),
    ],
)
def test_burns_are_those_published(
    origin: Place, destination: Place, burns: list[str], least: float, most: float, days: float
) -> None:
    for date in DATES:
        leg = solve(Arc("arc", origin, destination), date)
        assert leg.converged, leg.reason
        assert [burn.name for burn in leg.burns] == burns
        assert least < sum(burn.dv_m_s for burn in leg.burns if burn.name != "tli") < most
        assert 3.0 < leg.duration_s / 86400.0 < days
        assert leg.closure_position_m < 10.0
        assert abs(leg.departure_tdb_s - date) < 7.5 * 86400.0
