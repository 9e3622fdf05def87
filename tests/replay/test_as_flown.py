"""Taking an ephemeris apart: synthetic ones, whose burns and joins are known, and Artemis I as flown."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import moonvillage.replay
from moonvillage import dynamics
from moonvillage.ephemeris import tdb_s_to_utc, utc_to_tdb_s
from moonvillage.records.oem import OemSegment, read_oem
from moonvillage.replay.as_flown import AsFlown, omitted_m_s2, take_apart
from moonvillage.replay.finite_burns import finite_burn

_FILE = Path(moonvillage.replay.__file__).parent / "data" / "artemis1_as_flown.oem.gz"

# Impulsive equivalents of all burns of 1 m/s and more, found by an independent coasting of the same file between its
# states; those of the flybys and of the distant retrograde orbit agree with NASA's figures at the time (589, 363, 454
# and 961 ft/s; NASA, Artemis I flight day reports, 21 November to 5 December 2022).
_BURNS = [
    ("2022-11-16T14:32:52", 34.95),
    ("2022-11-21T12:45:26", 179.50),
    ("2022-11-24T21:52:34", 2.68),
    ("2022-11-25T21:53:12", 110.63),
    ("2022-11-30T21:54:47", 13.22),
    ("2022-12-01T21:54:50", 138.48),
    ("2022-12-05T16:45:07", 292.93),
    ("2022-12-10T20:20:19", 1.54),
    ("2022-12-11T17:03:47", 1.83),
]


def _segment(epochs: NDArray[np.float64], states: NDArray[np.float64], centre: str = "earth") -> OemSegment:
    return OemSegment("X", "0", centre, "ICRF", "TDB", epochs[0], epochs[-1], epochs, states[:, :3], states[:, 3:])


def _synthetic(
    dv: NDArray[np.float64], jump: NDArray[np.float64], at: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two hours every four minutes out of Earth, with an impulse or a jump of the state ``at`` seconds."""
    start = utc_to_tdb_s("2026-03-01T00:00:00")
    r, v = np.array([7.0e7, 1.0e7, -3.0e7]), np.array([1500.0, 900.0, 200.0])
    epochs = start + np.arange(0.0, 7200.1, 240.0)
    first = dynamics.propagate(start, r, v, start + at, centre="earth", dense=True)
    changed = first.state + np.concatenate([jump, dv])
    second = dynamics.propagate(start + at, changed[:3], changed[3:], epochs[-1], centre="earth", dense=True)
    before = epochs < start + at
    return epochs, np.vstack([first.at(epochs[before]), second.at(epochs[~before])])


@lru_cache(maxsize=1)
def _artemis() -> AsFlown:
    return take_apart(read_oem(_FILE).segments[0])


@pytest.mark.parametrize("size", [0.02, 1.0, 300.0])
def test_finds_an_impulse(size: float) -> None:
    dv = size * np.array([0.6, -0.48, 0.64])
    flown = take_apart(_segment(*_synthetic(dv, np.zeros(3), 3000.0)))
    (found,) = flown.breaks
    assert found.kind == "burn"
    assert found.epoch_tdb_s - flown.segment.epoch_tdb_s[0] == pytest.approx(3000.0, abs=0.5)
    np.testing.assert_allclose(found.dv_icrf_m_s, dv, atol=1e-5 * size + 1e-6)
    assert [arc.joins for arc in flown.coasts] == [0, 0]
    assert max(arc.error_m for arc in flown.arcs) < 0.01


@pytest.mark.parametrize("metres", [3.0, 3e2, 3e5])
def test_tells_a_join_from_a_burn(metres: float) -> None:
    jump = metres * np.array([0.0, 0.6, 0.8])
    flown = take_apart(_segment(*_synthetic(np.array([0.0, 1e-6 * metres, 0.0]), jump, 3000.0)))
    (found,) = flown.breaks
    assert found.kind == "join"
    assert found.miss_m == pytest.approx(metres, rel=0.01)
    (coast,) = flown.coasts
    assert coast.joins == 1
    assert coast.error_m > 0.9 * metres
    assert max(arc.error_m for arc in flown.arcs) < 0.01


def test_what_coasts_has_no_break() -> None:
    flown = take_apart(_segment(*_synthetic(np.zeros(3), np.zeros(3), 3000.0)))
    assert flown.breaks == ()
    assert len(flown.arcs) == len(flown.coasts) == 1


def test_a_file_of_few_digits_has_no_false_breaks() -> None:
    epochs, states = _synthetic(np.array([0.0, 0.5, 0.0]), np.zeros(3), 3000.0)
    states = np.hstack([np.round(states[:, :3], -1), np.round(states[:, 3:], 2)])  # 10 m, 1 cm/s
    flown = take_apart(_segment(epochs, states))
    assert [found.kind for found in flown.breaks] == ["burn"]
    assert flown.breaks[0].dv_m_s == pytest.approx(0.5, abs=0.02)


def test_the_omitted_field_falls_with_distance() -> None:
    """At the Moon, 1867 km from its centre, degree 8 omits some 2e-4 m/s² (half of what GRGM1200L's degrees 9 to 20
    do on the worst flank of Artemis I's flyby); far away nothing."""
    far = np.array([4e8])
    near = omitted_m_s2(np.array([1.867e6]), far)[0]
    assert 1e-4 < near < 4e-4
    assert omitted_m_s2(np.array([1e8]), far)[0] < 1e-12


def test_artemis_1_burns() -> None:
    found = [burn for burn in _artemis().burns if burn.dv_m_s >= 1.0]
    assert len(found) == len(_BURNS)
    errors = []
    for burn, (when, dv) in zip(found, _BURNS, strict=True):
        errors.append(abs(burn.dv_m_s - dv))
        assert abs(burn.epoch_tdb_s - utc_to_tdb_s(when)) < 6.0, tdb_s_to_utc(burn.epoch_tdb_s)
    q50, q99, most = np.quantile(errors, [0.5, 0.99, 1.0])
    print(f"Artemis I burns of 1 m/s and more: error q50 {q50:.3f} q99 {q99:.3f} max {most:.3f} m/s")
    assert most < 0.5


def test_artemis_1_arcs() -> None:
    arcs = _artemis().arcs
    errors = np.array([arc.error_m for arc in arcs])
    hours = sum(arc.duration_s for arc in arcs) / 3600.0
    q50, q99, most = np.quantile(errors, [0.5, 0.99, 1.0])
    print(f"Artemis I, {len(arcs)} arcs, {hours:.0f} h: error q50 {q50:.1f} q99 {q99:.1f} max {most:.1f} m")
    assert hours > 600.0
    assert q50 < 15.0
    flybys = [arc for arc in arcs if arc.perilune_m < 3e6]
    flybys += [arc for arc in arcs if abs(arc.end_tdb_s - utc_to_tdb_s("2022-12-05T16:43:19")) < 60]
    assert len(flybys) == 2
    print("through the flybys:", ", ".join(f"{arc.error_m:.1f} m" for arc in flybys))
    assert max(arc.error_m for arc in flybys) < 2000.0
    outbound = flybys[0]
    assert outbound.perilune_m == pytest.approx(1867.79e3, abs=300.0)
    assert outbound.perilune_tdb_s == pytest.approx(utc_to_tdb_s("2022-11-21T12:57:37"), abs=2.0)


def test_artemis_1_joins_are_not_called_burns() -> None:
    """The largest: the filter jumped by 260 km on 24 November, with 0.7 m/s."""
    worst = max(_artemis().joins, key=lambda found: found.miss_m)
    assert tdb_s_to_utc(worst.start_tdb_s)[:16] == "2022-11-24T01:02"
    assert worst.miss_m == pytest.approx(260.0e3, rel=0.01)


@pytest.mark.parametrize("turn", [0.0, 0.1])
def test_recovers_a_finite_burn(turn: float) -> None:
    """A burn of 100 s about the Moon, straight or turning, from states of which some lie within it."""
    start = utc_to_tdb_s("2026-03-01T00:00:00")
    r, v = np.array([1.8e6, 0.9e6, 0.2e6]), np.array([-900.0, 1700.0, 300.0])
    epochs = start + np.arange(0.0, 1800.1, 60.0)
    direction, side = np.array([0.6, 0.8, 0.0]), np.array([-0.8, 0.6, 0.0])
    ignition, length, exhaust = start + 700.0, 100.0, 3100.0
    rate = side * turn / length
    thrust = dynamics.Thrust(ignition, 1.5, exhaust, direction - 0.5 * length * rate, rate)
    before = dynamics.propagate(start, r, v, ignition, centre="moon", dense=True)
    during = dynamics.propagate(
        ignition, before.r_m, before.v_m_s, ignition + length, centre="moon", thrust=thrust, dense=True
    )
    after = dynamics.propagate(ignition + length, during.r_m, during.v_m_s, epochs[-1], centre="moon", dense=True)
    states = np.array(
        [(before if t <= ignition else during if t <= ignition + length else after).at(t) for t in epochs]
    )
    flown = take_apart(_segment(epochs, states, "moon"))
    (found,) = flown.breaks
    assert found.kind == "burn"
    burn = finite_burn(flown, found, exhaust_m_s=exhaust)
    assert burn.reason == ""
    assert burn.ignition_tdb_s == pytest.approx(ignition, abs=0.2)
    assert burn.duration_s == pytest.approx(length, abs=0.3)
    assert burn.dv_m_s == pytest.approx(thrust.dv_m_s(length), rel=2e-4)
    assert burn.turn_rad == pytest.approx(turn, abs=0.01)


def test_a_join_is_no_finite_burn() -> None:
    flown = take_apart(_segment(*_synthetic(np.zeros(3), np.array([0.0, 500.0, 0.0]), 3000.0)))
    assert finite_burn(flown, flown.breaks[0]).reason == "A join is no burn."


def test_artemis_1_burnt_as_long_as_nasa_said() -> None:
    """150, 88, 105 and 207 s (NASA, flight day reports), found to a second with the exhaust speed of its engine."""
    large = [burn for burn in _artemis().burns if burn.dv_m_s > 100.0]
    found = [finite_burn(_artemis(), burn, exhaust_m_s=316.0 * 9.80665).duration_s for burn in large]
    print("Artemis I, lengths of burns:", ", ".join(f"{length:.1f} s" for length in found))
    np.testing.assert_allclose(found, [150.0, 88.0, 105.0, 207.0], atol=1.0)
