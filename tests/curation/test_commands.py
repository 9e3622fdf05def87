"""`moonvillage samples ...`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moonvillage.cli import main
from moonvillage.cli.samples import app

DATES = ["--date", "2026-01-01", "--by", "cnsa"]


def told(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    assert main(["samples", *words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_sample_from_the_field_to_the_laboratory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "a.samples")
    day = ["--by", "esa", "--date"]
    told(capsys, "new", file, "--title", "ours", *day, "2031-01-01")
    told(capsys, "collect", file, "1.7 kg", "--place", "site", "--owner", "esa", "--id", "S", *day, "2031-01-02")
    back = told(
        capsys,
        "receive",
        file,
        "S",
        "--place",
        "Earth",
        "--weighed",
        "1.6999 kg",
        "--operation",
        "r",
        *day,
        "2031-01-09",
    )
    again = told(
        capsys,
        "receive",
        file,
        "S",
        "--place",
        "Earth",
        "--weighed",
        "1.6999 kg",
        "--operation",
        "r",
        *day,
        "2031-01-09",
    )
    assert back["mass"] == "1699.9000 g"
    assert back == again
    told(capsys, "open", file, "S", "--loss", "0.4 mg", *day, "2031-01-10")
    parts = told(capsys, "split", file, "S", "1 kg:research:S-R", "100 g:public_display", "5 g", *day, "2031-01-11")
    assert [p["id"] for p in parts] == ["S-R", "S.2", "S.3"]
    assert [p["use"] for p in parts] == ["research", "public_display", ""]
    told(capsys, "catalogue", file, "S-R", "--description", "fines", *day, "2031-01-12")
    told(capsys, "request", file, "S-R", "ipgp", "60 mg", "--funders", "ipgp", *day, "2031-02-01")
    assert told(capsys, "decide", file, "R1", "--approved", *day, "2031-02-02")["status"] == "granted"
    loan = told(capsys, "lend", file, "R1", "--due", "2032-02-02", *day, "2031-02-03")
    assert (loan["lent"], loan["due_utc"][:10]) == ("60.0 mg", "2032-02-02")
    done = told(
        capsys,
        *("analyse", file, loan["sample"], "--laboratory", "ipgp", "--method", "XRD", "--consumed", "1 mg"),
        *(*day, "2031-03-01"),
    )
    assert done["loan"] == "L1"
    told(capsys, "consume", file, loan["sample"], "2 mg", "--reason", "dissolved", *day, "2031-04-01")
    told(capsys, "weigh", file, loan["sample"], "57.1 mg", "--reason", "balance", *day, "2031-05-01")
    assert told(capsys, "return", file, "L1", "--weighed", "57 mg", *day, "2031-06-01")["mass"] == "57.0 mg"
    table = tmp_path / "field.csv"
    table.write_text("id,mass,date,place,owner\nT,1 g,2031-01-02,site,esa\n")
    assert [s["id"] for s in told(capsys, "collect-table", file, str(table))] == ["T"]
    told(capsys, "transfer", file, "S.2", "--to", "museum", *day, "2031-06-01")
    assert [s["id"] for s in told(capsys, "list", file, "--custodian", "museum")] == ["S.2"]
    assert told(capsys, "list", file, "--of", "analyses")[0]["method"] == "XRD"
    assert {h["key"] for h in told(capsys, "holdings", file)} == {"", "research", "public_display"}
    assert [e["kind"] for e in told(capsys, "history", file, "S.2")] == [
        "collect",
        "receive",
        "open",
        "split",
        "transfer",
    ]
    found = told(capsys, "verify", file)
    assert found["sound"]
    assert sum(found["balances"].values()) == 0
    told(capsys, "verify", file, "--anchor", f"{found['entries'] - 1}:{found['head']}")
    assert told(capsys, "verify", file, "--anchor", f"3:{found['head']}", code=1)["first_bad"] == 3


def test_the_answer_no_is_one_and_wrong_input_is_two(chang_e: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(chang_e)
    told(capsys, "request", file, "CE5-R", "cologne", "1 mg", "--funders", "cologne", "--id", "q", *DATES)
    assert told(capsys, "decide", file, "q", "--declined", *DATES, code=1)["status"] == "refused"
    assert told(capsys, "decide", file, "q", "--approved", *DATES)["status"] == "granted"
    problem = told(capsys, "lend", file, "stony_brook-3", "--due", "2027-01-01", *DATES, code=2)["problems"][0]
    assert "Wolf Amendment" in problem["message"]
    assert "'loans'" in told(capsys, "list", file, "--of", "lones", code=2)["problems"][0]["remedy"]
    assert told(capsys, "history", file, "CE5-X", code=2)["problems"][0]["remedy"].startswith("did you mean")
    assert told(capsys, "transfer", file, "CE5-P", "--to", "x", "--operation", "o", code=2)["problems"]


def test_out_and_in(chang_e: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("out.json", "tables"):
        out, file = str(tmp_path / name), str(tmp_path / f"{name}.samples")
        told(capsys, "export", str(chang_e), out)
        told(capsys, "import", out, file)
        assert main(["samples", "verify", file]) == 0
        assert "sound; 34 entries" in capsys.readouterr().out


def test_text_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "ce5.samples")
    assert main(["samples", "example", file]) == 0
    assert "1731.0000 g" in capsys.readouterr().out
    for words in (["list"], ["list", "--of", "loans"], ["list", "--of", "requests"], ["holdings"]):
        assert main(["samples", words[0], file, *words[1:]]) == 0
        assert capsys.readouterr().out.count("\n") >= 4
    assert main(["samples", "history", file, "CE5-R.1"]) == 0
    assert "CE5-R.1 60.0 mg" in capsys.readouterr().out


def test_every_command_shows_an_example_and_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    for name in app:
        if not name.startswith("-"):
            assert f"Example: `moonvillage samples {name} " in (app[name].help or ""), name
            assert f"moonvillage samples {name}" in text, name
