"""Out and in again: the same bytes; a hand on the export is seen."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from moonvillage.curation import Ledger
from moonvillage.curation.model import TABLES
from moonvillage.errors import InputError


def test_json_round_trip(chang_e: Path, tmp_path: Path) -> None:
    with Ledger.open(chang_e) as ledger:
        first = ledger.export_json(tmp_path / "a.json").read_bytes()
        head = ledger.head
    with Ledger.import_json(tmp_path / "a.json", tmp_path / "again") as again:
        assert again.head == head
        assert again.verify(head).sound
        assert again.export_json(tmp_path / "b.json").read_bytes() == first
        again.transfer("CE5-B", to="cas", date="2026-01-01", by="cas")  # it lives on


def test_csv_round_trip(chang_e: Path, tmp_path: Path) -> None:
    with Ledger.open(chang_e) as ledger:
        ledger.transfer("CE5-B", to='a "quoted", name; é', date="2026-01-01", by="cas")
        ledger.export_csv(tmp_path / "a")
    with Ledger.import_csv(tmp_path / "a", tmp_path / "again") as again:
        again.export_csv(tmp_path / "b")
        assert again.verify().sound
    for name in ("trail", *TABLES):
        assert (tmp_path / "a" / f"{name}.csv").read_bytes() == (tmp_path / "b" / f"{name}.csv").read_bytes()
    with (tmp_path / "a" / "samples.csv").open(newline="", encoding="utf-8") as file:
        held = {row["id"]: int(row["mass_tenth_mg"]) for row in csv.DictReader(file)}
    assert sum(held.values()) == 17_310_000


def test_an_edited_table_is_refused(chang_e: Path, tmp_path: Path) -> None:
    with Ledger.open(chang_e) as ledger:
        ledger.export_json(tmp_path / "a.json")
        ledger.export_csv(tmp_path / "a")
    value = json.loads((tmp_path / "a.json").read_text())
    value["samples"][2]["custodian"] = "me"
    (tmp_path / "a.json").write_text(json.dumps(value))
    with pytest.raises(InputError, match="differs from what the trail says"):
        Ledger.import_json(tmp_path / "a.json", tmp_path / "x")
    table = tmp_path / "a" / "samples.csv"
    table.write_text(table.read_text().replace("7310000", "7310001"), newline="")
    with pytest.raises(InputError, match="CE5-P"):
        Ledger.import_csv(tmp_path / "a", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_an_edited_entry_is_named(chang_e: Path, tmp_path: Path) -> None:
    with Ledger.open(chang_e) as ledger:
        ledger.export_json(tmp_path / "a.json")
    value = json.loads((tmp_path / "a.json").read_text())
    value["trail"][5]["body"]["postings"]["CE5-R"] += 1
    (tmp_path / "a.json").write_text(json.dumps(value))
    with pytest.raises(InputError, match="entry 5 is corrupted"):
        Ledger.import_json(tmp_path / "a.json", tmp_path / "x")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "moonvillage sample ledger", "version": 9}', "\xff"])
def test_what_is_no_export_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_bytes(text.encode("latin-1"))
    (tmp_path / "trail.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError):
        Ledger.import_json(tmp_path / "a.json", tmp_path / "x")
    with pytest.raises(InputError):
        Ledger.import_csv(tmp_path, tmp_path / "x")
    with pytest.raises(InputError):
        Ledger.import_csv(tmp_path / "absent", tmp_path / "x")


TABLE = "id,mass,date,place,owner,container\nA,60 mg,2031-01-02,site,esa,bag 1\nB,1.5 g,2031-01-03,site,esa,bag 2\n"


def test_a_table_of_ones_own_is_collected_once(ledger: Ledger, tmp_path: Path) -> None:
    table = tmp_path / "field.csv"
    table.write_text(TABLE)
    assert [s.mass_tenth_mg for s in ledger.collect_csv(table, by="esa")] == [600, 15_000]
    head = ledger.head
    assert [s.container for s in ledger.collect_csv(table, by="esa")] == ["bag 1", "bag 2"]
    assert ledger.head == head
    table.write_text(TABLE + "C,1 g,2031-01-03,site,esa,\n")
    assert len(ledger.collect_csv(table, by="esa")) == 3
    assert ledger.head[0] == head[0] + 1


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ("1.5 g", "1.5", 3, "not a mass"),
        ("2031-01-02", "yesterday", 2, "not a UTC date"),
        ("A,", "S,", 2, "already"),
        (",owner", ",besitzer", 1, "no column owner"),
        (",container", ",box", 1, "unknown column 'box'"),
    ],
)
def test_a_wrong_line_is_named(ledger: Ledger, tmp_path: Path, old: str, new: str, line: int, told: str) -> None:
    table = tmp_path / "field.csv"
    table.write_text(TABLE.replace(old, new, 1))
    with pytest.raises(InputError, match=told) as refused:
        ledger.collect_csv(table, by="esa")
    assert refused.value.problems[0].line == line
    assert refused.value.problems[0].file == str(table)
