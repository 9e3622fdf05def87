"""Artemis I replayed from its schedule, and the flights past the Moon that it is made of."""

from __future__ import annotations

import dataclasses
import json
from functools import lru_cache

import numpy as np
import pytest

from moonvillage import dynamics
from moonvillage.cli import main
from moonvillage.ephemeris import utc_to_tdb_s
from moonvillage.records.places import Dro
from moonvillage.replay import Replay, read_mission, replay
from moonvillage.replay.model import KINDS, Context
from moonvillage.trajectory.dro_stay import find_stay, rotating_axes
from moonvillage.trajectory.feasible_descent import Point, descend
from moonvillage.trajectory.powered_flyby import time_since_perilune


@lru_cache(maxsize=1)
def _artemis() -> Replay:
    return replay("artemis_1")


@pytest.mark.slow
def test_the_round_trip_follows_from_the_schedule() -> None:
    """Burns within 5 %, distances within 3 %, entry within 10 min: what nobody told the computation."""
    rows = {(row.event, row.quantity): row for row in _artemis().rows if row.step == "mission"}
    for row in rows.values():
        print(
            f"{row.event:40s} {row.quantity:10s} {row.computed:12.2f} {row.flown:12.2f} {row.error:+10.2f} {row.unit}"
        )
    burns = [row.relative_error for (_, quantity), row in rows.items() if quantity == "dv"]
    assert len(burns) == 6
    sizes = np.abs(np.array(burns, dtype=np.float64))
    print("Artemis I Δv: " + " ".join(f"q{q} {np.quantile(sizes, q / 100):.4f}" for q in (50, 99, 100)))
    assert sizes.max() < 0.05
    assert all(row.within for row in rows.values())


@pytest.mark.slow
def test_the_ephemeris_is_met_arc_by_arc() -> None:
    rows = [row for row in _artemis().rows if row.step == "as_flown"]
    assert len(rows) == 15
    assert all(row.within for row in rows)
    median = next(row for row in rows if "arcs" in row.event)
    assert median.computed is not None
    assert median.computed < 2.0  # with sunlight on 76 m²; 5.5 m without


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [
        {"outbound_perilune_height_m": 300e3, "return_perilune_height_m": 300e3},
        {"entry_longitude_rad": -1.4},
        {"insertion_tdb_s": utc_to_tdb_s("2022-11-26T03:53:12")},
    ],
)
def test_other_schedules_are_solved_too(changed: dict[str, float]) -> None:
    """First guesses are computed, so nothing hangs on the flown schedule; higher perilunes cost more."""
    mission = read_mission("artemis_1")
    step = dataclasses.replace(mission.steps[0], radius_m=70e6, flown=(), **changed)
    outcome = KINDS[step.kind].fly(step, Context(mission, {}))
    assert outcome.reason == ""
    burns = [outcome.computed[name, "dv"].value for name in ("outbound_flyby", "insertion", "return_flyby")]
    print(changed, [round(burn, 1) for burn in burns])
    assert all(50.0 < burn < 500.0 for burn in burns)
    if "return_perilune_height_m" in changed:
        assert burns[0] > 179.0
        assert burns[2] > 310.0


def test_no_flown_burn_is_an_input() -> None:
    """The flown figures stand in ``flown`` alone: no field of a step is a speed, but for the state's."""
    for step in read_mission("artemis_1").steps:
        speeds = [name for name in type(step).__slots__ if name.endswith("_m_s")]
        assert set(speeds) <= {"vx_m_s", "vy_m_s", "vz_m_s"}


@pytest.mark.slow
def test_an_ephemeris_of_ones_own_from_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    import moonvillage.replay as room

    path = f"{room.__path__[0]}/data/artemis1_as_flown.oem.gz"
    assert main(["replay", "--ephemeris", path, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["arcs"]["count"] == 90
    assert shown["arcs"]["error_m"]["q50"] < 15.0
    assert len(shown["joins"]) == 69
    assert shown["burns"][0]["dv_m_s"] == pytest.approx(34.95, abs=0.02)


def test_a_stay_crosses_beside_the_moon_on_its_epoch() -> None:
    epoch = utc_to_tdb_s("2022-12-01T21:54:50")
    stay = find_stay(Dro("d", 70e6), epoch, ahead=False)
    assert stay.reason == ""
    assert stay.gap_m < 0.05
    axes, _ = rotating_axes(epoch)
    x, y, z = axes @ stay.state(epoch)[:3]
    assert abs(x) < 1e3
    assert y == pytest.approx(-95e6, rel=0.03)
    assert abs(z) < 1e6
    # one trajectory: flown in one go over half a revolution
    start = stay.state(epoch - 6 * 86400.0)
    flown = dynamics.propagate(epoch - 6 * 86400.0, start[:3], start[3:], epoch, centre="moon")
    assert np.linalg.norm(flown.r_m - stay.state(epoch)[:3]) < 100.0


@pytest.mark.parametrize("energy", [-0.3e6, 0.9e6])
def test_time_since_perilune_is_kepler_s(energy: float) -> None:
    """Against flight: back to the perilune of a point-mass Moon takes as long as it says."""
    gm = {name: 0.0 for name in ("earth", "sun", "mercury", "venus", "mars", "jupiter", "saturn")}
    epoch = utc_to_tdb_s("2026-01-01T00:00:00")
    radius, mu = 4.0e6, 4902.800118e9
    speed = np.sqrt(2.0 * (energy + mu / radius))
    r, v = np.array([radius, 0.0, 0.0]), speed * np.array([0.8, 0.6, 0.0])
    after = float(time_since_perilune(r, v))
    assert after > 0.0
    path = dynamics.propagate(epoch, r, v, epoch - after, centre="moon", gm_m3_s2=gm)
    along = float(path.r_m @ path.v_m_s) / float(np.linalg.norm(path.r_m) * np.linalg.norm(path.v_m_s))
    assert abs(along) < 5e-3  # the field's higher degrees act; the Moon alone would be 1e-9
    assert float(time_since_perilune(r, -v)) == pytest.approx(-after)


def test_descend_finds_the_least_on_a_sphere() -> None:
    target = np.array([3.0, -1.0, 2.0])

    def evaluate(x: np.ndarray) -> Point:
        gap = x - target
        return Point(np.array([x @ x - 1.0]), 2.0 * x[None, :], float(np.linalg.norm(gap)), gap / np.linalg.norm(gap))

    least = descend(evaluate, np.array([-0.9, 0.3, -0.2]), accuracy=1e-10)
    assert least.converged
    np.testing.assert_allclose(least.x, target / np.linalg.norm(target), atol=1e-4)


def test_descend_says_why_it_cannot() -> None:
    def evaluate(x: np.ndarray) -> Point:
        return Point(np.array([x @ x + 1.0]), 2.0 * x[None, :], float(x[0]), np.array([1.0, 0.0]))

    least = descend(evaluate, np.array([1.0, 1.0]))
    assert not least.converged
    assert "cannot be met" in least.reason
