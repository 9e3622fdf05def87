"""The odds of a run: in words, in its folder, and beside the summary of ``live --json``."""

from __future__ import annotations

import json

import pytest

from moonvillage.cli.odds import live_with_odds, odds_lines
from moonvillage.errors import InputError
from moonvillage.scenario.examples import write_example


def test_in_words() -> None:
    found = {
        "runs": 200,
        "survival": {"crew": 1.0, "mission": 0.9, "crew_95": [0.98, 1.0], "mission_95": [0.85, 0.94]},
        "needs": [{"place": "base", "commodity": "spares", "amount_kg": 120.0, "odds": 0.1, "value_per_kg": 0.0005}],
    }
    lines = odds_lines(found)
    assert lines[0] == "In 200 lives nobody dies: 100.0% (95 %: 98.0% to 100.0%)."
    assert lines[2].startswith("1. base needs 120 kg more spares: it runs short in 10.0% of the lives")
    assert "+0.050 points" in lines[2]
    assert odds_lines({}) == []


@pytest.mark.parametrize(("runs", "slip", "loss"), [(-1, "", 0.0), (1, "", 1.5), (1, "20 kg", 0.0)])
def test_wrong_odds(tmp_path, runs: int, slip: str, loss: float) -> None:
    with pytest.raises(InputError, match="--"):
        live_with_odds(tmp_path / "none.toml", None, runs, slip, loss, True, True, None)


@pytest.mark.slow
def test_live_says_its_odds(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_example("station-resupply", tmp_path / "station.toml")
    live_with_odds(file, tmp_path / "run", 50, "20 d", 0.02, True, True, 1)
    shown = json.loads(capsys.readouterr().out)
    assert shown["runs"] == 50
    assert 0.0 <= shown["survival"]["mission"] <= shown["survival"]["crew"] <= 1.0
    assert {"stockout", "first_shortfall", "needs", "margins"} <= set(shown)
    assert (tmp_path / "run" / "odds.json").exists()
