"""`moonvillage dispersion`: arcs, budgets, JSON, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moonvillage.cli import main


@pytest.fixture
def scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    path = tmp_path / "sortie.toml"
    assert main(["new", str(path), "--from", "sortie"]) == 0
    capsys.readouterr()
    return path


def test_without_an_arc_it_lists_them(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dispersion", str(scenario), "--json"]) == 0
    assert "leo>llo" in json.loads(capsys.readouterr().out)["arcs"]


def test_a_budget_as_json_and_as_text(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["dispersion", str(scenario), "--arc", "leo>llo", "--runs", "60", "--after", "6 h", "--after", "2 d"]
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["times_s"] == [21600.0, 172800.0]
    assert found["monte_carlo"]["runs"] == 60
    low, high = (found["monte_carlo"]["total"]["mean"][side] for side in ("low", "high"))
    assert low < found["linear"]["mean_m_s"] < high
    assert main([*asked, "--injection", "1 m/s", "--knowledge", "300 m, 5 mm/s"]) == 0
    text = capsys.readouterr().out
    assert "margin to add to the arc" in text
    smaller = float(text.split("margin to add to the arc: ")[1].split(" ")[0])
    assert smaller < found["margin_m_s"]


def test_what_cannot_be_followed_is_a_no(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dispersion", str(scenario), "--json"]) == 0
    down = next(arc for arc in json.loads(capsys.readouterr().out)["arcs"] if arc.startswith("llo>ridge"))
    assert main(["dispersion", str(scenario), "--arc", down]) == 1
    assert "finite burns" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--arc", "leo>mars"], "is no arc"),
        (["--arc", "leo>llo", "--runs", "1"], "two or more"),
        (["--arc", "leo>llo", "--injection", "3"], "--injection"),
        (["--arc", "leo>llo", "--injection", "1 m/s, 2 m/s"], "neither one quantity nor three"),
        (["--arc", "leo>llo", "--after", "soon"], "--after"),
        (["--arc", "leo>llo", "--date", "someday"], "--date"),
    ],
)
def test_wrong_input_is_told(
    scenario: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["dispersion", str(scenario), *arguments]) == 2
    assert words in capsys.readouterr().err
