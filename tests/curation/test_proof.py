"""A ledger that was tampered with, cut short or damaged is known, and the place is named."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from moonvillage.curation import Ledger
from moonvillage.curation.book import canonical, digest
from moonvillage.curation.proof import verify
from moonvillage.errors import InputError


def tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for trigger in ("trail_stays", "trail_is_kept"):
            sql = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (trigger,)).fetchone()[0]
            connection.execute(f"DROP TRIGGER {trigger}")
            statements = (*statements, sql)
        for statement in statements:
            connection.execute(statement)
    finally:
        connection.close()


def test_the_trail_is_append_only(chang_e: Path) -> None:
    connection = sqlite3.connect(chang_e, isolation_level=None)
    try:
        for statement in ("UPDATE trail SET operation = 'x' WHERE seq = 3", "DELETE FROM trail WHERE seq = 33"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)
    finally:
        connection.close()
    assert verify(chang_e).sound


@pytest.mark.parametrize("column", ["operation", "body", "previous", "hash"])
@pytest.mark.parametrize("seq", [0, 7, 33])
def test_a_changed_entry_is_named(chang_e: Path, column: str, seq: int) -> None:
    value = "replace(body, '2', '3')" if column == "body" else f"{column} || 'x'"
    tamper(chang_e, f"UPDATE trail SET {column} = {value} WHERE seq = {seq}")
    found = verify(chang_e)
    assert not found.sound
    assert found.first_bad == seq
    assert f"entry {seq} is corrupted" in found.problems[0]


def test_a_removed_entry_is_named(chang_e: Path) -> None:
    tamper(chang_e, "DELETE FROM trail WHERE seq = 5")
    found = verify(chang_e)
    assert found.first_bad == 5
    assert "missing" in found.problems[0]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE samples SET mass_tenth_mg = mass_tenth_mg + 1 WHERE id = 'CE5-R'", "samples/CE5-R: mass_tenth_mg"),
        ("UPDATE samples SET custodian = 'me' WHERE id = 'CE5-P'", "samples/CE5-P: custodian is 'me'; by entry 5"),
        ("UPDATE requests SET rules = '[]' WHERE id = 'stony_brook-1'", "requests/stony_brook-1: rules"),
        ("UPDATE requests SET rules = '[' WHERE id = 'stony_brook-1'", "unreadable"),
        ("DELETE FROM loans WHERE id = 'loan-ipgp'", "loans/loan-ipgp is missing"),
        ("INSERT INTO accounts VALUES ('@pocket', 0)", "accounts/@pocket is in no entry"),
        ("DELETE FROM touched WHERE seq = 9", "the index of the trail"),
        ("DROP TRIGGER trail_stays", "definition of trail_stays"),
        ("CREATE TABLE other (x)", "definition of other"),
        ("PRAGMA user_version = 7", "user_version is 7"),
    ],
)
def test_a_changed_table_is_named(chang_e: Path, statement: str, named: str) -> None:
    connection = sqlite3.connect(chang_e, isolation_level=None)
    connection.execute(statement)
    connection.close()
    found = verify(chang_e)
    assert not found.sound
    assert any(named in problem for problem in found.problems), found.problems


def test_a_chain_cut_short_is_known_by_the_anchor(chang_e: Path, tmp_path: Path) -> None:
    """Somebody who rolls the whole file back to an older copy leaves a sound ledger; a noted head gives him away."""
    with Ledger.open(chang_e) as ledger:
        older = shutil.copy(chang_e, tmp_path / "older")
        ledger.transfer("CE5-P", to="somebody", date="2026-01-01", by="cas")
        head = ledger.head
        assert ledger.verify(head).sound
    assert verify(Path(older)).sound
    found = verify(Path(older), head)
    assert not found.sound
    assert "cut or written anew" in found.problems[0]


def test_any_flipped_bit_is_found_or_harmless(chang_e: Path, tmp_path: Path) -> None:
    """250 single bits over the whole file: not sound, not openable, or every record still as it was."""
    raw = chang_e.read_bytes()
    with Ledger.open(chang_e) as ledger:
        ledger.export_json(tmp_path / "whole.json")
    whole = (tmp_path / "whole.json").read_bytes()
    dice = random.Random(20201216)
    found = harmless = 0
    for number, place in enumerate(dice.sample(range(len(raw)), 250)):
        broken = tmp_path / f"broken{number}"
        changed = bytearray(raw)
        changed[place] ^= 1 << dice.randrange(8)
        broken.write_bytes(changed)
        try:
            sound = verify(broken).sound
        except InputError:
            sound = False
        if not sound:
            found += 1
            continue
        harmless += 1
        with Ledger.open(broken) as ledger:
            ledger.export_json(tmp_path / "again.json")
        assert (tmp_path / "again.json").read_bytes() == whole, place
    print(f"flipped bits: {found} found, {harmless} without effect (unused parts of pages)")
    assert found > 80


def test_a_truncated_file_is_known(chang_e: Path) -> None:
    raw = chang_e.read_bytes()
    for size in (0, 100, 4096, len(raw) // 2, len(raw) - 4096):
        chang_e.write_bytes(raw[:size])
        try:
            sound = verify(chang_e).sound
        except InputError:
            sound = False
        assert not sound, size


def test_a_corrupted_end_stops_writing(chang_e: Path) -> None:
    tamper(chang_e, "UPDATE trail SET body = body || ' ' WHERE seq = 33")
    with pytest.raises(InputError, match="corrupted last entry"):
        Ledger.open(chang_e)


@pytest.mark.parametrize(
    ("postings", "changes", "told"),
    [
        ({"CE5-R": 1}, [], "not to zero"),
        ({"CE5-R": 0.5, "@lost": -0.5}, [], "whole tenths"),
        ({"CE5-R": -(10**9), "@lost": 10**9}, [], "more out of CE5-R"),
        ({"CE5-X": -1, "@lost": 1}, [], "cannot be replayed"),
        ({}, [["samples", "CE5-R", {"mass_tenth_mg": 0}]], "without a posting"),
        ({}, [["samples", "new", {"id": "new", "mass_tenth_mg": 5}]], "no posting moved"),
        ({}, [["samples", "CE5-R", {"id": "CE5-R"}]], "made twice"),
        ({}, [["samples", "CE5-X", {"use": "research"}]], "before it is made"),
        ({}, [["samples", "CE5-R", {"use, id": "x"}]], "samples has no use, id"),
        ({}, [["trail", "CE5-R", {"body": "x"}]], "cannot be replayed"),
    ],
)
def test_a_forged_entry_with_a_right_hash_is_refused(
    chang_e: Path, tmp_path: Path, postings: dict[str, float], changes: list[object], told: str
) -> None:
    """Whoever can compute hashes can append; what he appends must still be a possible history."""
    with Ledger.open(chang_e) as ledger:
        ledger.export_json(tmp_path / "a.json")
        seq, previous = ledger.head
    value = json.loads((tmp_path / "a.json").read_text())
    body = {"kind": "x", "by": "x", "date_tdb_s": 0.0, "asked": {}, "postings": postings, "changes": changes}
    hash_ = digest(seq + 1, "forged", canonical(body), previous)
    value["trail"].append({"seq": seq + 1, "operation": "forged", "previous": previous, "hash": hash_, "body": body})
    (tmp_path / "a.json").write_text(json.dumps(value))
    with pytest.raises(InputError, match=f"entry {seq + 1} is corrupted.*{told}"):
        Ledger.import_json(tmp_path / "a.json", tmp_path / "x")
