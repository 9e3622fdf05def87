"""Is a ledger what it was? The chain, the tables that follow from it, the sums, and the file itself.

The check trusts nothing that it can work out: hashes are computed again from the first entry on, all tables are
rebuilt from the trail alone, and both are compared with what the file holds. What is found is named: the entry, or
the row and the entry that last wrote it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from moonvillage.curation.book import APPLICATION_ID, GENESIS, SCHEMA, VERSION, connect, digest, entry_of, guarded
from moonvillage.curation.masses import show_mass
from moonvillage.curation.model import BALANCE, BALANCED, TABLES, Entry, Verification, from_sql, storage
from moonvillage.errors import InputError

#: What reading a damaged file can raise.
DAMAGE: Final = (sqlite3.Error, UnicodeError, OverflowError)
#: After so many the rest is only counted.
_MOST: Final = 20

Tables = dict[str, dict[str, dict[str, Any]]]


class Broken(Exception):
    """An entry does not hold: its number and what is wrong with it."""

    def __init__(self, seq: int, what: str) -> None:
        self.seq = seq
        self.what = what
        super().__init__(f"entry {seq} is corrupted: {what}")


class Replay:
    """The tables as they follow from the trail, entry by entry."""

    def __init__(self) -> None:
        self.tables: Tables = {name: {} for name in TABLES}
        self.wrote: dict[tuple[str, str], int] = {}
        self.touched: set[tuple[str, int]] = set()
        self.operations: set[str] = set()
        self.head = GENESIS
        self.count = 0

    def take(self, row: tuple[Any, ...]) -> Entry:
        """The next row of the trail (seq, operation, body, previous, hash).

        Raises
        ------
        Broken
            If it does not follow from the entries before it.
        """
        seq, operation, body, previous, stored = row
        if seq != self.count:
            raise Broken(self.count, f"it is missing; the next one is number {seq}")
        if not all(isinstance(text, str) for text in (operation, body, previous, stored)):
            raise Broken(seq, "it is not text any more")
        if previous != self.head:
            raise Broken(seq, f"it does not continue the chain ({_named(operation, body)})")
        if digest(seq, operation, body, previous) != stored:
            raise Broken(seq, f"its content does not match its hash ({_named(operation, body)})")
        try:
            entry = entry_of(seq, operation, body, previous, stored)
            self._apply(entry)
        except Broken:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Broken(seq, f"it cannot be replayed ({error!r}; {_named(operation, body)})") from None
        self.head, self.count = stored, seq + 1
        return entry

    def _apply(self, entry: Entry) -> None:
        seq = entry.seq
        if entry.operation in self.operations:
            raise Broken(seq, f"operation {entry.operation!r} is done twice")
        self.operations.add(entry.operation)
        if not all(type(change) is int for change in entry.postings.values()):
            raise Broken(seq, "it moves something else than whole tenths of a milligram")
        if sum(entry.postings.values()):
            raise Broken(seq, f"its postings sum to {show_mass(sum(entry.postings.values()))}, not to zero")
        for table, id_, values in entry.changes:
            rows = self.tables[table]
            if ("id" in values) == (id_ in rows):
                raise Broken(seq, f"{table}/{id_} is {'made twice' if id_ in rows else 'changed before it is made'}")
            if not set(values) <= set(storage(TABLES[table])):
                raise Broken(seq, f"{table} has no {', '.join(sorted(set(values) - set(storage(TABLES[table]))))}")
            if table in BALANCED and values.get(BALANCE, 0) != 0:
                raise Broken(seq, f"it gives {table}/{id_} a mass that no posting moved")
            if BALANCE in values and id_ in rows and table in BALANCED:
                raise Broken(seq, f"it takes the mass of {table}/{id_} without a posting")
            rows.setdefault(id_, {}).update(values)
            self._mark(table, id_, seq)
        for id_, change in entry.postings.items():
            table = "accounts" if id_.startswith("@") else "samples"
            row = self.tables[table][id_]
            row[BALANCE] += change
            if table == "samples" and row[BALANCE] < 0:
                raise Broken(seq, f"it takes more out of {id_} than there is")
            self._mark(table, id_, seq)

    def _mark(self, table: str, id_: str, seq: int) -> None:
        self.wrote[table, id_] = seq
        if table != "accounts":
            self.touched.add((f"{table}/{id_}", seq))

    def balances(self) -> dict[str, int]:
        """The accounts, and all samples together ("held")."""
        found = {id_: int(row[BALANCE]) for id_, row in self.tables["accounts"].items()}
        return {**found, "held": sum(int(row[BALANCE]) for row in self.tables["samples"].values())}


def verify(path: Path, anchor: tuple[int, str] | None = None) -> Verification:
    """Check a ledger file.

    Parameters
    ----------
    path
        The file; it is only read.
    anchor
        Number and hash of an entry, noted earlier and kept elsewhere (:attr:`Ledger.head`). A chain that was cut
        short or written anew as a whole can only be known by it.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be opened.
    """
    if not path.is_file():
        raise InputError.one("is not there", "name a ledger", file=str(path))
    with guarded(path):
        connection = connect(path)
    try:
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        return _verify(connection, anchor)
    finally:
        connection.close()


def _verify(connection: sqlite3.Connection, anchor: tuple[int, str] | None) -> Verification:
    replay = Replay()
    problems: list[str] = []
    first_bad: int | None = None
    try:
        connection.execute("BEGIN")
        problems += _file(connection)
    except DAMAGE as error:
        return Verification(sound=False, entries=0, head="", problems=(f"the file is damaged: {error}",))
    anchored = anchor is None
    try:
        for row in _trail(connection):
            replay.take(row)
            anchored = anchored or (replay.count - 1, replay.head) == anchor
    except Broken as broken:
        first_bad = broken.seq
        problems.append(str(broken))
    except DAMAGE as error:
        first_bad = replay.count
        problems.append(f"entry {replay.count} is corrupted: the file is damaged there ({error})")
    if replay.count == 0 and first_bad is None:
        first_bad = 0
        problems.append("entry 0 is corrupted: it is missing; the trail is empty")
    if first_bad is None:
        if not anchored:
            assert anchor is not None
            problems.append(f"entry {anchor[0]} is not the one noted earlier: the chain was cut or written anew")
            first_bad = min(anchor[0], replay.count)
        try:
            problems += _compare(connection, replay)
        except DAMAGE as error:
            problems.append(f"a table is damaged ({error}); the trail is whole: export it and import it anew")
    balances = replay.balances()
    if first_bad is None and sum(balances.values()) != 0:
        problems.append(f"the balances sum to {show_mass(sum(balances.values()))}, not to zero")
    shown = problems[:_MOST] + ([f"and {len(problems) - _MOST} more"] if len(problems) > _MOST else [])
    return Verification(
        sound=not problems,
        entries=replay.count,
        head=replay.head if replay.count else "",
        first_bad=first_bad,
        problems=tuple(shown),
        balances=balances,
    )


def _trail(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    yield from connection.execute("SELECT seq, operation, body, previous, hash FROM trail ORDER BY seq")


def _file(connection: sqlite3.Connection) -> Iterator[str]:
    """What SQLite finds wrong with its own pages, and a structure that is not ours."""
    for name, wanted in (("application_id", APPLICATION_ID), ("user_version", VERSION)):
        found = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if found != wanted:
            yield f"the file's {name} is {found}, not {wanted}"
    for (text,) in connection.execute("PRAGMA integrity_check(5)"):
        if text != "ok":
            yield f"the file is damaged: {text}"
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"))
    for name in sorted(set(found) | set(SCHEMA)):
        if found.get(name) != SCHEMA.get(name):
            yield f"the definition of {name} was changed, removed or added"


def _compare(connection: sqlite3.Connection, replay: Replay) -> Iterator[str]:
    """Where the tables differ from what the trail makes of them."""
    for table, cls in TABLES.items():
        kept = storage(cls)
        expected = replay.tables[table]
        seen = set()
        for row in connection.execute(f"SELECT {', '.join(kept)} FROM {table}"):
            values = _decoded(kept, row)
            id_ = str(values["id"])
            seen.add(id_)
            if id_ not in expected:
                yield f"{table}/{id_} is in no entry of the trail"
                continue
            for name, value in values.items():
                if value != expected[id_][name] or type(value) is not type(expected[id_][name]):
                    told, wrote = _shown(name, expected[id_][name]), replay.wrote[table, id_]
                    yield f"{table}/{id_}: {name} is {_shown(name, value)}; by entry {wrote} it is {told}"
        for id_ in sorted(set(expected) - seen):
            yield f"{table}/{id_} is missing; entry {replay.wrote[table, id_]} wrote it"
    marks = set(connection.execute("SELECT record, seq FROM touched"))
    if marks != replay.touched:
        odd = min(marks ^ replay.touched, key=str)
        yield f"the index of the trail is wrong at {odd[0]}, entry {odd[1]}"


def _decoded(kept: Mapping[str, str], row: tuple[Any, ...]) -> dict[str, Any]:
    values = {}
    for (name, how), value in zip(kept.items(), row, strict=True):
        try:
            values[name] = from_sql(how, value)
        except (ValueError, TypeError):
            values[name] = f"unreadable {value!r}"
    return values


def _named(operation: str, body: str) -> str:
    try:
        kind = str(json.loads(body)["kind"])
    except (ValueError, KeyError, TypeError):
        kind = "unreadable"
    return f"{kind}, operation {operation!r}"


def _shown(name: str, value: Any) -> str:
    return show_mass(value) if name.endswith("_tenth_mg") and isinstance(value, int) else repr(value)
