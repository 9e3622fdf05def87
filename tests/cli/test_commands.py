"""Every command: its help, its JSON, its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moonvillage.cli import app, main
from moonvillage.scenario.examples import example_names

COMMANDS = sorted(name for name in app if not name.startswith("-"))
#: Commands that only hold others.
GROUPS = ("orbits", "samples")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"moonvillage {command}" in text
    assert "--json" in text or command in GROUPS


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_has_examples_in_its_commands(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A group takes no options itself: what holds for a command holds for each one in it."""
    names = [name for name in app[group] if not name.startswith("-")]
    assert len(names) >= 2
    for name in names:
        assert main([group, name, "--help"]) == 0
        text = capsys.readouterr().out
        assert f"Example: moonvillage {group} {name}" in " ".join(text.split())
        assert "--json" in text


def test_the_help_says_what_each_command_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    rows = {words[1]: words[2:] for line in capsys.readouterr().out.splitlines() if len(words := line.split()) > 2}
    assert not [name for name in COMMANDS if len(rows.get(name, [])) < 3]


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "run" in capsys.readouterr().out


@pytest.mark.parametrize("name", example_names())
def test_new_and_check(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / f"{name}.toml"
    assert main(["new", str(path), "--from", name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"file": str(path), "from": name}
    assert main(["check", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "problems": []}


def test_new_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    assert main(["new", str(path)]) == 2
    assert path.read_text() == "mine"
    assert "exists already" in capsys.readouterr().err


def test_allow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "village.toml"
    main(["new", str(path), "--from", "moon-village"])
    capsys.readouterr()
    assert main(["allow", str(path), "--mission", "nasa_instrument", "--json"]) == 1
    decisions = json.loads(capsys.readouterr().out)
    barred = [d for d in decisions if d["answer"] == "barred"]
    assert any(rule["id"] == "wolf_amendment" and rule["citation"] for d in barred for rule in d["rules"])
    assert all(d["would_change"] for d in barred)
    assert main(["allow", str(path), "--mission", "village_crew", "--date", "2034-01-01", "--json"]) == 0
    assert {d["answer"] for d in json.loads(capsys.readouterr().out)} <= {"allowed", "conditional"}
    assert main(["allow", str(path), "--mission", "village_crew", "--date", "2029-06-01", "--json"]) == 1
    assert main(["allow", str(path), "--mission", "nobody"]) == 2
    assert main(["allow", str(path), "--date", "soon"]) == 2


def test_catalog(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "--json"]) == 0
    kinds = json.loads(capsys.readouterr().out)["kinds"]
    assert sum(kinds[k] for k in ("launcher", "craft", "module", "site", "ground_site", "partner")) >= 40
    assert main(["catalog", "craft", "argonaut", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out)
    dry = next(f for f in entry["fields"] if f["field"] == "dry")
    assert dry["value"] > 0
    assert dry["source"] in entry["sources"]
    assert dry["confidence"] in ("high", "medium", "low")
    assert main(["catalog", "launcher"]) == 0
    assert "ariane_64" in capsys.readouterr().out
    assert main(["catalog", "craft", "argonout"]) == 2
    assert "did you mean 'argonaut'" in capsys.readouterr().err


def test_the_catalog_holds_what_was_promised(capsys: pytest.CaptureFixture[str]) -> None:
    promised = {
        "launcher": ["cz_5", "cz_10", "cz_7", "ariane_64", "falcon_heavy", "sls_block1"],
        "craft": ["starship_hls", "mengzhou", "lanyue", "orion", "esm", "argonaut", "tianzhou", "queqiao2",
                  "ce5_orbiter", "ce5_returner", "ce5_lander", "ce5_ascender"],
    }  # fmt: skip
    for kind, ids in promised.items():
        main(["catalog", kind, "--json"])
        have = {entry["id"] for entry in json.loads(capsys.readouterr().out)["entries"]}
        assert set(ids) <= have


def test_schema_cite_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "moonvillage scenario"
    assert main(["cite", "--json"]) == 0
    assert {"moonvillage", "park2021de440"} <= {entry["key"] for entry in json.loads(capsys.readouterr().out)}
    assert main(["doctor", "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)
    assert findings["ok"], findings


def test_report_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "no finished run" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
