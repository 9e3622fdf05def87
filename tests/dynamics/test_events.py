"""Events along dense paths: against theory, brute force and each other."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.dynamics import events, shadow
from moonvillage.ephemeris import load, utc_to_tdb_s
from moonvillage.ephemeris.constants import (
    EARTH_RADIUS_M,
    GM_EARTH_M3_S2,
    GM_M3_S2,
    MOON_RADIUS_M,
)
from moonvillage.ephemeris.frames import earth_latitude_longitude, earth_pole
from moonvillage.ephemeris.sites import Site

Floats = NDArray[np.float64]
EPOCH = utc_to_tdb_s("2030-01-02")
QUIET = settings(max_examples=12, derandomize=True, deadline=None)
ALONE = dict.fromkeys(GM_M3_S2, 0.0) | {"earth": GM_EARTH_M3_S2}


def _orbit(semi_major_m: float, eccentricity: float, inclination: float, anomaly: float) -> Floats:
    """State at a true anomaly, node and argument of periapsis zero."""
    p = semi_major_m * (1.0 - eccentricity**2)
    r = p / (1.0 + eccentricity * np.cos(anomaly))
    c, s, ci, si = np.cos(anomaly), np.sin(anomaly), np.cos(inclination), np.sin(inclination)
    speed = np.sqrt(GM_EARTH_M3_S2 / p)
    v = speed * np.array([-s, (eccentricity + c) * ci, (eccentricity + c) * si])
    return np.concatenate([r * np.array([c, s * ci, s * si]), v])


def _fly(start: Floats, span: float, centre: str = "earth", **options: object) -> dynamics.Path:
    end = EPOCH + span
    return dynamics.propagate(EPOCH, start[:3], start[3:], end, centre=centre, dense=True, **options)  # type: ignore[arg-type]


@QUIET
@given(st.floats(7e6, 4e7), st.floats(0.02, 0.8), st.floats(0.1, 3.0), st.floats(-3.0, 3.0))
def test_apsides_and_nodes_of_a_conic_are_keplers(a: float, e: float, inclination: float, anomaly: float) -> None:
    """Around a bare Earth: apsides half a period apart and at a (1 ∓ e); passages to a millisecond."""
    a = a if a * (1.0 - e) > 6.6e6 else 6.6e6 / (1.0 - e)
    period = 2.0 * np.pi * np.sqrt(a**3 / GM_EARTH_M3_S2)
    path = _fly(_orbit(a, e, inclination, anomaly), 2.6 * period, gm_m3_s2=ALONE, earth_j2=0.0)
    found = events.apsides(path)
    eccentric = 2.0 * np.arctan(np.sqrt((1.0 - e) / (1.0 + e)) * np.tan(0.5 * anomaly))
    since = (eccentric - e * np.sin(eccentric)) * period / (2.0 * np.pi)  # time since periapsis
    for one in found:
        peri = one.kind == "periapsis"
        turns = (one.epoch_tdb_s - EPOCH + since) / period - (0.0 if peri else 0.5)
        assert abs(turns - round(turns)) * period < 1e-3
        assert one.value == pytest.approx(a * (1.0 - e if peri else 1.0 + e), abs=0.1)
    assert len(found) in (5, 6)
    middle = events.radius_crossings(path, a)
    assert len(middle) in (5, 6)
    for one in middle:
        assert one.value == pytest.approx(a, abs=0.1)
        assert (one.r_m @ one.v_m_s > 0.0) == (one.kind == "exit")
    for one in events.nodes(path):
        pole = earth_pole(one.epoch_tdb_s)
        assert abs(one.r_m @ pole) < 0.05
        assert (one.v_m_s @ pole > 0.0) == (one.kind == "ascending_node")


LOW = np.array([6.778e6, 0.0, 0.0, 0.0, 7.669e3 * np.cos(0.5), 7.669e3 * np.sin(0.5)])
LOW_LUNAR = np.array([1.8374e6, 0.0, 1e3, 0.0, 1100.0, 1200.0])


def _brute(path: dynamics.Path, truth: object, step: float) -> int:
    epochs = np.arange(path.start_tdb_s, path.epoch_tdb_s, step)
    flags = np.asarray(truth(epochs, path.at(epochs)))  # type: ignore[operator]
    return int(np.count_nonzero(flags[1:] != flags[:-1]))


@pytest.mark.parametrize(("centre", "start"), [("earth", LOW), ("moon", LOW_LUNAR)])
def test_eclipses_are_those_of_a_fine_search(centre: str, start: Floats) -> None:
    path = _fly(start, 86400.0, centre)
    found = events.eclipses(path, centre)
    radius = shadow.RADIUS_M[centre]

    def fraction(epochs: Floats, states: Floats) -> Floats:
        return shadow.sunlit_fraction(states[:, :3], load().position("sun", epochs, centre), radius)

    assert len(found) == _brute(path, lambda t, s: fraction(t, s) >= 1.0, 2.0) + _brute(
        path, lambda t, s: fraction(t, s) <= 0.0, 2.0
    )
    order = [one.kind for one in found]
    cycle = ["penumbra_entry", "umbra_entry", "umbra_exit", "penumbra_exit"]
    first = cycle.index(order[0])
    assert order == [cycle[(first + k) % 4] for k in range(len(order))]
    for one in found:
        t = one.epoch_tdb_s + np.array([-1e-3, 1e-3])
        t = np.clip(t, path.start_tdb_s, path.epoch_tdb_s)
        before, after = fraction(t, path.at(t))
        edge = 1.0 if one.kind.startswith("penumbra") else 0.0
        if one.kind.endswith("entry"):
            assert before >= after
        else:
            assert before <= after
        assert min(abs(before - edge), abs(after - edge)) < 1e-9


def test_a_ring_is_told_from_darkness() -> None:
    """Two million kilometres behind the Earth the umbra has ended."""
    sun = load().position("sun", EPOCH)
    axis = sun / np.linalg.norm(sun)
    side = np.cross(axis, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    start = np.concatenate([-2e9 * axis - 4e7 * side, 1000.0 * side])
    found = events.eclipses(_fly(start, 2 * 86400.0), "earth")
    assert [one.kind for one in found] == ["penumbra_entry", "antumbra_entry", "antumbra_exit", "penumbra_exit"]
    assert found[1].value == pytest.approx(1.0 - (EARTH_RADIUS_M / 2e9 / (6.957e8 / 1.491e11)) ** 2, abs=0.03)


def test_the_moon_hides_the_earth_and_a_station_from_low_lunar_orbit() -> None:
    path = _fly(LOW_LUNAR, 43200.0, "moon")
    found = events.occultations(path, "earth", "moon")

    def hidden(epochs: Floats, states: Floats) -> NDArray[np.bool_]:
        earth = load().position("earth", epochs, "moon")
        gap = earth - states[:, :3]
        direction = gap / np.linalg.norm(gap, axis=1)[:, None]
        away = np.linalg.norm(np.cross(states[:, :3], direction), axis=1)
        return np.asarray((away < MOON_RADIUS_M) & (np.einsum("ij,ij->i", states[:, :3], direction) < 0.0))

    assert len(found) == _brute(path, hidden, 5.0) > 6
    for one in found:
        t = one.epoch_tdb_s + np.array([-1e-3, 1e-3])
        assert list(hidden(t, path.at(t))) == [one.kind.endswith("end"), one.kind.endswith("start")]
    station = Site("earth", 0.6, -2.0, name="Goldstone")
    near = events.occultations(path, station, "moon")
    assert len(near) == len(found)
    assert all(one.body == "Goldstone" for one in near)
    assert max(abs(a.epoch_tdb_s - b.epoch_tdb_s) for a, b in zip(near, found, strict=True)) < 120.0
    with pytest.raises(ValueError, match="horizon"):
        events.occultations(path, station, "earth")


@pytest.mark.parametrize("mask_deg", [0.0, 10.0, 30.0])
def test_passes_over_a_station_are_those_of_a_fine_search(mask_deg: float) -> None:
    path = _fly(LOW, 86400.0)
    site = Site("earth", 0.45, 0.3, 50.0, name="Here")
    mask = np.deg2rad(mask_deg)
    found = events.passes(path, site, mask)
    assert sum(one.kind != "culmination" for one in found) == _brute(
        path, lambda t, s: site.look(t, s[:, :3])[1] >= mask, 5.0
    )
    for one in found:
        assert one.value == pytest.approx(float(site.look(one.epoch_tdb_s, one.r_m)[1]), abs=1e-9)
        if one.kind == "culmination":
            around = one.epoch_tdb_s + np.array([-3.0, 0.0, 3.0])
            low, top, high = site.look(around, path.at(around)[:, :3])[1]
            assert top > max(low, high)
        else:
            assert one.value == pytest.approx(mask, abs=2e-3 * 1e-3)
    kinds = [one.kind for one in found if one.kind != "culmination"]
    assert all(a != b for a, b in itertools.pairwise(kinds))


def test_a_lunar_site_and_altitudes() -> None:
    path = _fly(LOW_LUNAR, 20000.0, "moon")
    site = Site("moon", 0.3, 0.1)
    for one in events.passes(path, site, 0.05):
        assert one.value >= 0.05 - 1e-6
    heights = events.altitude_crossings(path, 1.0e5)
    assert heights
    for one in heights:
        assert np.linalg.norm(one.r_m) - MOON_RADIUS_M == pytest.approx(1e5, abs=1e-2)
        assert (one.r_m @ one.v_m_s > 0.0) == (one.kind == "ascending")
    low = _fly(LOW, 20000.0)
    for one in events.altitude_crossings(low, 4.05e5):
        assert float(earth_latitude_longitude(one.epoch_tdb_s, one.r_m)[2]) == pytest.approx(4.05e5, abs=1e-2)


def test_the_moons_sphere_is_entered_and_left_and_perilune_lies_between() -> None:
    """Seen from a path that is flown about the Earth."""
    moon, moon_v = load().state("moon", EPOCH)
    radial = moon / np.linalg.norm(moon)
    start = np.concatenate([moon - 9e7 * radial + 1.5e7 * np.array([0.0, 0.0, 1.0]), moon_v + 1100.0 * radial])
    path = _fly(start, 2.5 * 86400.0)
    crossings = events.radius_crossings(path, 6e7, "moon")
    assert [one.kind for one in crossings] == ["entry", "exit"]
    perilune = [one for one in events.apsides(path, "moon") if one.kind == "periapsis"]
    assert len(perilune) == 1
    assert crossings[0].epoch_tdb_s < perilune[0].epoch_tdb_s < crossings[1].epoch_tdb_s
    epochs = np.linspace(crossings[0].epoch_tdb_s, crossings[1].epoch_tdb_s, 20001)
    distance = np.linalg.norm(path.at(epochs)[:, :3] - load().position("moon", epochs), axis=1)
    assert perilune[0].value <= distance.min() + 1e-3
    assert perilune[0].value == pytest.approx(distance.min(), rel=1e-6)


@QUIET
@given(st.floats(0.05, 0.95), st.floats(1e-4, 5e-2))
def test_a_dip_between_samples_is_not_lost(place: float, width: float) -> None:
    """A measure that is negative for a moment anywhere, much shorter than the samples."""
    path = _DIP_PATH
    middle = path.start_tdb_s + place * (path.epoch_tdb_s - path.start_tdb_s)
    half = width * 100.0
    found, rising = events.roots(path, lambda t, s: (t - middle) ** 2 - half**2)
    assert list(rising) == [False, True]
    assert np.allclose(found, [middle - half, middle + half], atol=1e-3)


_DIP_PATH = _fly(LOW, 20000.0)


def test_without_dense_output_it_is_said() -> None:
    path = dynamics.propagate(EPOCH, LOW[:3], LOW[3:], EPOCH + 100.0, centre="earth")
    with pytest.raises(ValueError, match="dense"):
        events.apsides(path)
    with pytest.raises(ValueError, match="sun"):
        events.nodes(_DIP_PATH, "sun")
    with pytest.raises(ValueError, match="sun"):
        events.altitude_crossings(_DIP_PATH, 1e5, "sun")
