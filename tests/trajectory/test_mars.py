"""Departures for Mars against published opportunities."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from moonvillage.ephemeris.constants import GM_EARTH_M3_S2
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, EarthOrbit, Planet
from moonvillage.trajectory import mars, solve

MARS = Planet("mars", "mars")

#: Least C3 of ballistic type I or II transfers, km²/s², and its month: L. M. Burke, R. D. Falck, M. L. McGuire,
#: "Interplanetary Mission Design Handbook: Earth-to-Mars Mission Opportunities 2026 to 2045", NASA/TM-2010-216764,
#: table of minimum departure energies (to the figures given there).
PUBLISHED = {2026: (9.144, 10), 2028: (8.928, 12), 2031: (8.237, 2), 2033: (7.781, 4), 2035: (10.19, 6)}


def _seconds(year: int, month: int, day: int) -> float:
    return (dt.datetime(year, month, day) - dt.datetime(2000, 1, 1, 12)).total_seconds()


def _date(epoch_tdb_s: float) -> dt.datetime:
    return dt.datetime(2000, 1, 1, 12) + dt.timedelta(seconds=epoch_tdb_s)


@pytest.fixture(scope="module")
def found() -> list[tuple[float, float, float]]:
    return mars.opportunities(_seconds(2026, 1, 1), _seconds(2036, 1, 1))


def test_opportunities_come_every_26_months_at_the_published_energy(
    found: list[tuple[float, float, float]],
) -> None:
    assert [_date(entry[0]).year for entry in found] == list(PUBLISHED)
    for departure, duration, c3 in found:
        energy, month = PUBLISHED[_date(departure).year]
        assert c3 / 1e6 == pytest.approx(energy, rel=0.02)
        assert abs(_date(departure).month - month) <= 1
        assert 150.0 < duration / 86400.0 < 400.0
    gaps = np.diff([entry[0] for entry in found]) / 86400.0
    assert np.all((gaps > 700.0) & (gaps < 880.0))


def _fly(date: float, inclination_deg: float = 28.5, **options: float) -> Leg:
    leo = EarthOrbit("leo", 400e3, np.deg2rad(inclination_deg))
    return solve(Arc("tmi", leo, MARS), date, **options)  # type: ignore[arg-type]


def test_legs_in_the_opportunities(found: list[tuple[float, float, float]]) -> None:
    misses = []
    for departure, _, c3 in found:
        leg = _fly(departure)
        assert leg.converged, leg.reason
        assert leg.c3_m2_s2 is not None
        assert leg.c3_m2_s2 == pytest.approx(c3, rel=0.05)
        # from 400 km: 3.54 km/s for C3 8, 3.63 for 10, 3.85 for 15 (vis-viva)
        radius = 6_778_137.0
        conic = np.sqrt(leg.c3_m2_s2 + 2 * GM_EARTH_M3_S2 / radius) - np.sqrt(GM_EARTH_M3_S2 / radius)
        assert leg.burns[0].name == "tmi"
        if "turns" not in leg.approximation:
            assert leg.dv_m_s == pytest.approx(conic, abs=8.0)
        assert leg.dv_m_s > conic - 8.0
        misses.append(leg.closure_position_m)
        assert leg.closure_velocity_m_s < 0.1
    print(f"Mars: closure max {max(misses):.2f} m over {len(misses)} opportunities")
    assert max(misses) < 100.0


def test_the_leg_ends_at_the_wished_periapsis(found: list[tuple[float, float, float]]) -> None:
    from moonvillage import dynamics

    leg = _fly(found[0][0])
    assert leg.final_centre == "sun"
    assert leg.final_state is not None
    r, v = dynamics.change_centre(leg.arrival_tdb_s, leg.final_state[:3], leg.final_state[3:], "sun", "mars")
    assert np.linalg.norm(r) == pytest.approx(3_800_000.0, abs=100.0)
    assert abs(r @ v) / np.linalg.norm(r) < 0.5


def test_a_low_parking_orbit_pays_for_a_high_asymptote(found: list[tuple[float, float, float]]) -> None:
    """From an orbit too flat for the asymptote the burn turns the plane, and says so."""
    date = _seconds(2028, 12, 3)
    flat, steep = _fly(date, 20.0, duration_s=320 * 86400.0), _fly(date, 51.6, duration_s=320 * 86400.0)
    assert steep.converged
    assert "turns" not in steep.approximation
    assert flat.converged
    assert flat.dv_m_s > steep.dv_m_s
    assert "turns the plane" in flat.approximation or "tilted" in flat.approximation


def test_outside_the_opportunities_it_is_dear() -> None:
    leg = _fly(_seconds(2027, 12, 1))
    assert leg.converged, leg.reason
    assert leg.dv_m_s > 5000.0
    with pytest.raises(ValueError, match="unknown body"):
        mars.porkchop([8.3e8], [2e7], planet="vulcan")
