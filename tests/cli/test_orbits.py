"""`moonvillage orbits`: tables, figures, continuity, upkeep, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from moonvillage.cli import main


def test_family_as_table_json_csv_and_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot, table = tmp_path / "f.svg", tmp_path / "f.csv"
    asked = ["orbits", "family", "l2-halo-south", "--members", "5", "--plot", str(plot), "--csv", str(table)]
    assert main(asked) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len([line for line in shown if line[:1] == " "]) == 5
    assert any(line.startswith("period doubling") for line in shown)
    rows = table.read_text().splitlines()
    assert len(rows) > 100
    assert rows[0].startswith("period_s,jacobi")
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")
    assert main([*asked[:3], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["members"]) == len(rows) - 1


def test_a_member_followed_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["orbits", "follow", "l2-halo-south", "--resonance", "9:2", "--revolutions", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["gap_m"] < 1.0
    assert told["gap_m_s"] < 1e-3
    assert len(told["epochs_tdb_s"]) == 13
    assert main(["orbits", "keep", "dro", "--radius", "70000 km", "--years", "0.1", "--samples", "4", "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)
    assert 0.0 < kept["cost_m_s_per_year"]["q50"] < 10.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["family", "l4-halo"], "is no family"),
        (["follow", "dro"], "names no member"),
        (["follow", "dro", "--radius", "70000 km", "--period", "14 d"], "names a member twice"),
        (["follow", "dro", "--radius", "7 km"], "is had by 0 members"),
        (["keep", "dro", "--resonance", "two"], "is no resonance"),
        (["keep", "dro", "--radius", "70000"], "--radius"),
        (["family", "dro", "--members", "0"], "shows nothing"),
    ],
)
def test_refusals(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["orbits", *words]) == 2
    assert said in capsys.readouterr().err
