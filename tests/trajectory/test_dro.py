"""Distant retrograde orbits: the family, the place, and the reference in the ephemeris."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moonvillage import dynamics
from moonvillage.errors import InputError
from moonvillage.records.places import Dro
from moonvillage.scenario import load
from moonvillage.scenario.examples import example_text
from moonvillage.trajectory import cr3bp, dro, nrho

ARTEMIS = Dro("dro", 70e6)


def test_near_the_moon_it_is_a_circle() -> None:
    """Close in the period against the stars is Kepler's; the frame turns the other way and shortens it."""
    orbit = dro.family()[0]
    radius = orbit.perilune_radius
    kepler = 2.0 * np.pi * np.sqrt(radius**3 / cr3bp.EARTH_MOON_MU)
    seen = 1.0 / (1.0 / kepler + 1.0 / (2.0 * np.pi))
    assert orbit.period == pytest.approx(seen, rel=2e-3)
    assert orbit.apolune_radius == pytest.approx(radius, rel=1e-3)


def test_the_family_reaches_out_and_is_stable() -> None:
    members = dro.family()
    radii = np.array([1.0 - cr3bp.EARTH_MOON_MU - m.state[0] for m in members]) * cr3bp.LENGTH_M
    assert radii[0] == pytest.approx(5e6)
    assert radii[-1] > 150e6
    assert np.all(np.diff(radii) > 0.0)
    for member in members[::8]:
        half = cr3bp.propagate(member.state, 0.5 * member.period)
        assert np.max(np.abs(half[[1, 3]])) < 1e-10
        assert all(abs(index) < 1.0 for index in member.stability)
        assert member.state[4] > 0.0  # on the Earth's side it moves with the Moon: retrograde about it


def test_artemis_orbit() -> None:
    """Artemis I's orbit of some 70,000 km: about two weeks a revolution (NASA press kit, 2022)."""
    orbit = dro.find_dro(ARTEMIS)
    assert (1.0 - cr3bp.EARTH_MOON_MU - orbit.state[0]) * cr3bp.LENGTH_M == pytest.approx(70e6, abs=1e-2)
    days = orbit.period * cr3bp.TIME_S / 86400.0
    assert 13.5 < days < 14.3
    with pytest.raises(ValueError, match="has radii from"):
        dro.find_dro(Dro("far", 9e8))


def test_a_scenario_may_name_one(tmp_path: Path) -> None:
    """`kind = "dro"` with its radius; without it the error names the remedy."""
    text = example_text("far-side")
    place = '\n[places.dro]\nkind = "dro"\n'
    good = tmp_path / "good.toml"
    good.write_text(text + place + 'radius = "70000 km"\n')
    assert load(good).places["dro"] == Dro("dro", 70e6)
    bad = tmp_path / "bad.toml"
    bad.write_text(text + place)
    with pytest.raises(InputError) as caught:
        load(bad)
    assert "70000 km" in str(caught.value)


@pytest.mark.parametrize("radius_m", [20e6, 70e6])
def test_reference_for_months(radius_m: float) -> None:
    """Flown again through ten of its arcs, the window stays one trajectory."""
    place = Dro("x", radius_m)
    window = nrho.reference(place, 9.1e8)
    assert window.reason == ""
    assert window.gap_m < 1.0
    assert window.gap_m_s < 1e-3
    k = window.epochs_tdb_s.size // 2
    start, end = window.epochs_tdb_s[k], window.epochs_tdb_s[k + 10]
    flown = dynamics.propagate(start, window.nodes[k, :3], window.nodes[k, 3:], end, centre="moon")
    miss = float(np.linalg.norm(flown.r_m - window.nodes[k + 10, :3]))
    span = (window.end_tdb_s - window.start_tdb_s) / 86400.0
    print(f"{radius_m / 1e6:.0f},000 km: {span:.0f} d, gap {window.gap_m:.3f} m; ten arcs in one go {miss:.2f} m")
    assert miss < 50.0
    radii = np.linalg.norm(window.nodes[:, :3], axis=1)
    assert 0.7 * radius_m < radii.min()
    assert radii.max() < 2.0 * radius_m
