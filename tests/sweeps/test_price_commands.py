"""`moonvillage price` and `moonvillage allow --minimal` from the command line, with hand-made legs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from law import SAVED_EUR, bar, legs_for, pact, scenario_text

from moonvillage.cli import main
from moonvillage.scenario import Scenario


@pytest.fixture
def hand_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def legs(scenario: Scenario, **_: Any) -> Any:
        return legs_for(scenario)

    monkeypatch.setattr("moonvillage.sweeps.pricing.tabulate", legs)
    monkeypatch.setattr("moonvillage.trajectory.tabulate.tabulate", legs)


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(list(arguments))
    return code, capsys.readouterr().out


@pytest.mark.usefixtures("hand_made")
def test_price(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    file = tmp_path / "two.toml"
    file.write_text(scenario_text(bar("one"), bar("two"), pact()))
    out, plot = tmp_path / "out", tmp_path / "price.svg"
    given = ("price", str(file), "-o", str(out), "--workers", "1")
    code, text = ran(capsys, *given, "--json", "--plot", str(plot))
    assert code == 0
    told = json.loads(text)
    shares = {r["id"]: r["shapley"] for r in told["items"] if r["metric"] == "money" and r["game"] == "restrictions"}
    assert {k: shares[k] for k in ("one", "two")} == pytest.approx({"one": SAVED_EUR / 2, "two": SAVED_EUR / 2})
    assert {"id", "kind", "metric", "lifted_alone", "kept_alone", "shapley", "standard_error"} <= set(
        told["items"][0]
    )
    assert set(told["regimes"]) == {"law", "certified", "full", "alone"}
    assert plot.read_text().startswith("<svg")
    code, text = ran(capsys, *given, "--quiet")
    assert code == 0
    assert "as the law stands" in text


@pytest.mark.usefixtures("hand_made")
def test_minimal_papers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "barred.toml"
    file.write_text(scenario_text(bar(), pact(), cargo=None))
    code, text = ran(capsys, "allow", str(file), "--minimal", "--json")
    assert code == 0
    told = json.loads(text)
    assert [[p["id"] for p in one["papers"]] for one in told["sets"]] == [["act"]]
    assert told["sets"][0]["verified"]
    assert told["sets"][0]["each_needed"]
    assert told["complete"]
    file.write_text(scenario_text(bar(lead="290 d"), pact(), cargo=None))
    code, text = ran(capsys, "allow", str(file), "--minimal")
    assert code == 1
    assert "no set of known waivers" in text
