"""Window maps: transfers by the hundred are those one by one, truly flown, on every cell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moonvillage.errors import Interrupted
from moonvillage.records.places import Arc, EarthOrbit, Halo, MoonOrbit, MoonSurface
from moonvillage.trajectory import windows
from moonvillage.trajectory.api import solve
from moonvillage.trajectory.windows import WindowMap, many_at_once, window_map

DAY_S = 86400.0
START = 9.5e8
LEO = EarthOrbit("leo", 185e3, np.deg2rad(28.5))
SITE = MoonSurface("rim", np.deg2rad(-89.7), np.deg2rad(129.0))
TO_LLO = Arc("leo>llo", LEO, MoonOrbit("llo", 100e3, None, SITE, DAY_S))
TO_NRHO = Arc("leo>nrho", LEO, Halo("nrho", 2, False, perilune_radius_m=3228e3))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(windows, "cache_dir", lambda: tmp_path)  # compiled code stays where it is
    return tmp_path


def _one_by_one(arc: Arc, found: WindowMap, cells: list[tuple[int, int]]) -> np.ndarray:
    differences = []
    for i, j in cells:
        leg = solve(
            arc,
            float(found.departures_tdb_s[i]),
            duration_s=float(found.durations_s[j]),
            fixed_departure=True,
        )
        if leg.converged:
            differences.append(found.dv_m_s[i, j] - leg.dv_m_s)
    return np.array(differences)


@pytest.mark.parametrize(
    "target",
    [TO_LLO.destination, MoonOrbit("tilted", 200e3, np.deg2rad(60.0))],
    ids=["over a site", "by inclination"],
)
def test_low_lunar_orbits_are_those_of_single_legs(target: MoonOrbit) -> None:
    arc = replace(TO_LLO, destination=target)
    departures = START + DAY_S * np.array([0.0, 6.3, 12.9, 20.1])
    found = window_map(arc, departures, DAY_S * np.array([3.0, 4.4, 5.8]), workers=1)
    assert found.converged == 1.0
    assert np.nanmax(found.closure_m) < 1.0
    assert np.nanmax(found.closure_m_s) < 1e-3
    assert not found.shift_s.any()
    difference = _one_by_one(arc, found, [(0, 0), (1, 2), (2, 1), (3, 0)])
    print(f"map minus single leg, m/s: {difference}")
    assert np.abs(difference).max() < 0.1


def test_planes_that_must_turn_are_solved_too() -> None:
    arc = replace(TO_LLO, origin=EarthOrbit("low", 185e3, np.deg2rad(19.5)))
    departures = START + DAY_S * np.arange(0.0, 14.0, 2.0)
    found = window_map(arc, departures, DAY_S * np.array([4.0]), workers=1)
    assert found.converged == 1.0
    cells = [(i, 0) for i in range(departures.size)]
    assert np.abs(_one_by_one(arc, found, cells)).max() < 0.1
    assert found.dv_m_s.max() > found.dv_m_s.min() + 20.0  # there are such days among them


@pytest.mark.slow
def test_every_phase_of_the_nrho_is_reached() -> None:
    departures = START + DAY_S * np.arange(8.0)
    found = window_map(TO_NRHO, departures, DAY_S * np.array([5.0, 6.5, 8.0, 9.5]), workers=1)
    assert found.converged >= 0.95
    assert np.nanmax(found.closure_m) < 100.0
    assert np.nanmax(found.closure_m_s) < 0.1
    parts = found.burns_m_s[np.isfinite(found.dv_m_s)].sum(axis=1)
    np.testing.assert_allclose(parts, found.dv_m_s[np.isfinite(found.dv_m_s)])
    good = sorted((float(found.dv_m_s[i, j]), i, j) for i, j in np.argwhere(np.isfinite(found.dv_m_s)))
    difference = _one_by_one(TO_NRHO, found, [(i, j) for _, i, j in good[:5]])
    print(f"NRHO, map minus single leg, m/s: {difference}")
    assert difference.size
    assert np.median(difference) < 5.0
    assert difference.max() < 30.0


def test_another_arc_goes_cell_by_cell() -> None:
    arc = Arc("nrho>llo", TO_NRHO.destination, MoonOrbit("llo", 100e3, 0.5 * np.pi))
    assert not many_at_once(arc)
    found = window_map(arc, np.array([START, START + DAY_S]), np.array([0.8 * DAY_S]), workers=1)
    for i in range(2):
        leg = solve(arc, float(found.departures_tdb_s[i]), duration_s=0.8 * DAY_S, fixed_departure=True)
        if leg.converged:
            assert found.dv_m_s[i, 0] == pytest.approx(leg.dv_m_s)
        else:
            assert found.reasons[i][0] == leg.reason


def test_a_hopeless_cell_says_why() -> None:
    found = window_map(TO_LLO, np.array([START]), np.array([0.3 * DAY_S]), workers=1)
    assert found.converged == 0.0
    assert np.isnan(found.dv_m_s[0, 0])
    assert found.reasons[0][0].endswith(".")
    with pytest.raises(ValueError, match="no cell"):
        found.best()


def test_an_interrupted_map_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch, own_cache: Path) -> None:
    monkeypatch.setattr(windows, "_CELLS_AT_ONCE", 4)
    departures, durations = START + DAY_S * np.arange(6.0), DAY_S * np.array([4.0, 5.0])
    asked = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(Interrupted):
        window_map(TO_LLO, departures, durations, workers=1, cancelled=stop)
    kept = sorted(own_cache.rglob("*.npz"))
    assert len(kept) == 2
    seen: list[float] = []
    whole = window_map(TO_LLO, departures, durations, workers=1, progress=lambda _s, share, _m: seen.append(share))
    assert len(seen) == 1  # two of three parts were there
    again = window_map(TO_LLO, departures, durations, workers=1, keep=False)
    np.testing.assert_array_equal(whole.dv_m_s, again.dv_m_s)
    kept[0].write_bytes(b"damaged")
    np.testing.assert_array_equal(window_map(TO_LLO, departures, durations, workers=1).dv_m_s, again.dv_m_s)


def test_no_cells_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        window_map(TO_LLO, np.array([]), np.array([DAY_S]))


@pytest.mark.slow
def test_a_cell_can_be_flown_as_a_leg() -> None:
    """The single solver finds a transfer for given times at any phase, with its trajectory."""
    found = window_map(TO_NRHO, np.array([START + 3 * DAY_S]), DAY_S * np.array([5.0, 7.0, 9.0]), workers=1)
    for j, duration in enumerate(found.durations_s):
        leg = solve(TO_NRHO, START + 3 * DAY_S, duration_s=float(duration), fixed_departure=True, samples=5)
        assert leg.converged, leg.reason
        assert leg.departure_tdb_s == pytest.approx(START + 3 * DAY_S, abs=1e-3)
        assert leg.duration_s == pytest.approx(float(duration), abs=1e-3)
        assert leg.dv_m_s < found.dv_m_s[0, j] + 100.0
        assert leg.trajectory is not None
