"""The built-in missions: how near they come, what they are given and what not, and the command."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from moonvillage.catalog.schema import fields_of
from moonvillage.cli import main
from moonvillage.replay import QUANTITIES, Replay, names, read_mission, replay, summarise
from moonvillage.replay.files import event_key, offered

MINE = ("apollo_8", "apollo_11", "chandrayaan_3", "change_3", "change_4", "change_5", "lro")


@pytest.fixture(scope="module")
def flown() -> dict[str, Replay]:
    return {name: replay(name) for name in MINE}


@pytest.mark.slow
def test_every_row_is_within_its_bound(flown: dict[str, Replay]) -> None:
    outside = [
        (name, row.event, row.quantity, row.error, row.reason)
        for name, r in flown.items()
        for row in r.rows
        if not row.within
    ]
    assert not outside


@pytest.mark.slow
def test_how_good_it_is(flown: dict[str, Replay]) -> None:
    """The bounds of the whole: speeds 1.5 % (median) and 5 %, instants 10 min, shapes 5 km, propellant 3 %."""
    rows = [row for result in flown.values() for row in result.rows]
    found = summarise(rows, 0.9)
    for name, item in found.items():
        print(name, item)
    assert found["dv"]["median"] <= 0.015
    assert found["dv"]["max"] <= 0.05
    assert found["time"]["median"] <= 600.0
    assert found["flight_time"]["median"] <= 600.0
    assert found["propellant"]["median"] <= 0.03
    assert found["periapsis"]["max"] <= 5.0
    assert found["apoapsis"]["max"] <= 5.0
    assert not any(item["failed"] for item in found.values())


@pytest.mark.slow
def test_it_is_quick(flown: dict[str, Replay]) -> None:
    seconds = {name: result.cpu_s for name, result in flown.items()}
    print(seconds)
    assert sum(seconds.values()) < 60.0


@pytest.mark.parametrize("name", names())
def test_what_is_compared_is_not_an_input(name: str) -> None:
    """No field of a step holds the flown value of a row of it that counts, and none is declared to set it."""
    mission = read_mission(name)
    for index, step in enumerate(mission.steps):
        inputs = {key: getattr(step, f.name) for key, f in fields_of(type(step)).items()}
        numbers = {key: value for key, value in inputs.items() if isinstance(value, float) and value != 0.0}
        for number, figure in enumerate(step.flown):
            assert event_key(type(step), figure.of) is not None
            given = step.CHOSEN.get((figure.of, figure.quantity), ())
            if any(getattr(step, field) is not None for field in given):
                continue  # its row is marked as an input, and no summary counts it
            value = mission.figures[index, number][0]
            same = [
                key
                for key, held in numbers.items()
                if abs(held - value) <= 1e-9 * abs(value)
                and fields_of(type(step))[key].metadata.get("dimension", "date")
                == QUANTITIES[figure.quantity].dimension
            ]
            assert set(same) <= {"landing"}, f"{name}, {step.id}: {figure.quantity} stands in {same}"


def test_flown_figures_change_nothing() -> None:
    """Other flown values, the same computed ones, to the bit."""
    mission = read_mission("change_3")
    other = dataclasses.replace(
        mission, figures={key: (1.3 * value, bound) for key, (value, bound) in mission.figures.items()}
    )
    first, second = replay(mission), replay(other)
    assert [row.computed for row in first.rows] == [row.computed for row in second.rows]
    assert [row.flown for row in first.rows] != [row.flown for row in second.rows]


def test_a_landing_instant_is_not_its_own_input() -> None:
    """The `landing` of a return names the day: moved by hours, the computed landing stays."""
    mission = read_mission("apollo_11")
    tei = next(k for k, step in enumerate(mission.steps) if step.id == "tei")
    found = []
    for hours in (-6.0, 5.0):
        step = dataclasses.replace(
            mission.steps[tei], landing_tdb_s=mission.steps[tei].landing_tdb_s + hours * 3600.0
        )
        result = replay(
            dataclasses.replace(
                mission, steps=(step,), figures={(0, k): mission.figures[tei, k] for k in range(len(step.flown))}
            )
        )
        found.append(next(row.computed for row in result.rows if row.quantity == "time"))
    assert found[0] == pytest.approx(found[1], abs=2.0)


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON by contract; 0 where all is within, 1 where a row is not, 2 where the file is wrong."""
    text = """id = "low"
title = "Low"
start = 2023-08-05T00:00:00Z
[[steps]]
kind = "orbit"
id = "low"
date = 2023-08-05T00:00:00Z
periapsis = "100 km"
apoapsis = "100 km"
flown = [{ quantity = "period", value = "117.8 min", confidence = 0.9, source = "Kepler", bound = "BOUND" },
         { quantity = "apoapsis", value = "100 km", confidence = 0.9, source = "Kepler" }]
"""
    file = tmp_path / "low.toml"
    for bound, code in (("1 min", 0), ("0.1 s", 1), ("1 kg", 2)):
        file.write_text(text.replace("BOUND", bound))
        assert main(["replay", str(file), "--json"]) == code
        out = capsys.readouterr()
        if code == 2:
            assert "low.toml:10: steps[1].flown[1].bound" in out.err
            continue
        (item,) = json.loads(out.out)
        assert item["mission"] == "low"
        row, given = item["rows"]
        assert {"event", "quantity", "unit", "computed", "flown", "error", "relative_error"} <= set(row)
        assert {"confidence", "source", "bound", "within"} <= set(row)
        assert row["error"] == pytest.approx(row["computed"] - row["flown"])
        assert row["within"] is (code == 0)
        assert row["within"] is (abs(row["error"]) <= row["bound"])
        assert given["role"] == "input"
        assert item["summary"]["period"] == {
            "median": abs(row["relative_error"]),
            "max": abs(row["relative_error"]),
            "rows": 1,
            "failed": 0,
            "unit": "1",
        }
        assert "apoapsis" not in item["summary"]
    file.write_text(text.replace("BOUND", "1 min"))
    assert main(["replay", str(file), "-q"]) == 0
    shown = capsys.readouterr().out
    assert "period" in shown
    assert max(map(len, shown.splitlines())) <= 120
    assert main(["replay", "--list"]) == 0
    assert "apollo_11" in capsys.readouterr().out


@pytest.mark.slow
def test_offers_are_kept(flown: dict[str, Replay]) -> None:
    """What a kind says it computes is what its rows may name; nothing that was computed is not a number."""
    for name, result in flown.items():
        mission = read_mission(name)
        for step in mission.steps:
            assert offered(type(step))
        assert all(row.computed is None or np.isfinite(row.computed) for row in result.rows)
        json.dumps(result.as_json(), allow_nan=False)
