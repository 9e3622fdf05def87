"""The database under a ledger: one SQLite file, a chain of entries, and tables that follow from it.

Everything that changes goes through :meth:`Book.append`: in one transaction that holds the write lock from its first
read, an entry is written to the trail and its postings and changes to the tables. Either all of it is there after a
kill, or none. The trail refuses to be changed (triggers), and :mod:`moonvillage.curation.proof` finds it if it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from moonvillage.curation.model import (
    ACCOUNTS,
    BALANCE,
    BALANCED,
    TABLES,
    Account,
    Entry,
    Record,
    from_sql,
    record_of,
    storage,
    table_of,
    to_sql,
    values_of,
)
from moonvillage.errors import ConservationError, InputError

#: "mvsl": the file says what it is (``PRAGMA application_id``).
APPLICATION_ID: Final = 0x6D76736C
VERSION: Final = 1
GENESIS: Final = hashlib.sha256(b"moonvillage sample ledger 1").hexdigest()
#: How long a writer waits for its turn.
BUSY_S: Final = 60.0
_SQL_TYPES: Final = {"text": "TEXT", "integer": "INTEGER", "flag": "INTEGER", "real": "REAL", "json": "TEXT"}


def _create_table(name: str, cls: type[Any]) -> str:
    columns = []
    for column, kept in storage(cls).items():
        sql = _SQL_TYPES[kept.rstrip("?")]
        checks = [] if kept.endswith("?") else ["NOT NULL"]
        if column == "id":
            checks.append("PRIMARY KEY")
        if sql == "INTEGER":
            checks.append(f"CHECK (typeof({column}) = 'integer')")
        if column.endswith("_tenth_mg") and name != "accounts":
            checks.append(f"CHECK ({column} >= 0)")
        columns.append(" ".join((column, sql, *checks)))
    return f"CREATE TABLE {name} ({', '.join(columns)}) WITHOUT ROWID"


#: Name → the statement that makes it; what the file holds is compared with this.
SCHEMA: Final[Mapping[str, str]] = {
    "trail": "CREATE TABLE trail (seq INTEGER PRIMARY KEY, operation TEXT NOT NULL UNIQUE, body TEXT NOT NULL, "
    "previous TEXT NOT NULL, hash TEXT NOT NULL)",
    "trail_stays": "CREATE TRIGGER trail_stays BEFORE UPDATE ON trail BEGIN SELECT RAISE(ABORT, "
    "'the trail is append-only'); END",
    "trail_is_kept": "CREATE TRIGGER trail_is_kept BEFORE DELETE ON trail BEGIN SELECT RAISE(ABORT, "
    "'the trail is append-only'); END",
    "touched": "CREATE TABLE touched (record TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (record, seq)) "
    "WITHOUT ROWID",
    **{name: _create_table(name, cls) for name, cls in TABLES.items()},
}


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody does: kind, who enters it, when it happened, an id against doing it twice, and what was asked."""

    kind: str
    by: str
    date_tdb_s: float
    operation: str | None
    asked: Mapping[str, Any]


@dataclass(slots=True)
class Draft:
    """What a deed does to the books: mass moved, and columns written (new records whole)."""

    postings: dict[str, int] = field(default_factory=dict)
    changes: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def new(self, record: Any) -> None:
        """A new record; its balance comes by a posting."""
        values = values_of(record)
        table = table_of(type(record))
        if table in BALANCED:
            values[BALANCE] = 0
        self.changes.append((table, record.id, values))

    def change(self, cls: type[Any], id_: str, **values: Any) -> None:
        """Columns of an existing record."""
        listed = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
        self.changes.append((table_of(cls), id_, listed))

    def move(self, source: str, target: str, tenth_mg: int) -> None:
        """Mass from one account or sample to another."""
        if tenth_mg:
            self.postings[source] = self.postings.get(source, 0) - tenth_mg
            self.postings[target] = self.postings.get(target, 0) + tenth_mg


def canonical(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no spaces, numbers exact."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(seq: int, operation: str, body: str, previous: str) -> str:
    """The hash of an entry: SHA-256 over its number, its predecessor's hash, its operation and its body."""
    text = f"{seq}\n{previous}\n{operation}\n{body}"
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def body_of(deed: Deed, draft: Draft) -> str:
    """The text of an entry that is hashed and kept."""
    return canonical(
        {
            "kind": deed.kind,
            "by": deed.by,
            "date_tdb_s": deed.date_tdb_s,
            "asked": deed.asked,
            "postings": draft.postings,
            "changes": draft.changes,
        }
    )


def entry_of(seq: int, operation: str, body: str, previous: str, hash_: str) -> Entry:
    """A line of the trail as a record. Raises ValueError or KeyError if the body is damaged."""
    values = json.loads(body)
    return Entry(
        seq=seq,
        operation=operation,
        kind=values["kind"],
        by=values["by"],
        date_tdb_s=values["date_tdb_s"],
        asked=values["asked"],
        postings=values["postings"],
        changes=tuple((table, id_, columns) for table, id_, columns in values["changes"]),
        previous=previous,
        hash=hash_,
    )


class Book:
    """An open ledger file. Use :meth:`create` or :meth:`open`, and close it."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    @classmethod
    def create(cls, path: Path, first: Deed, entries: Sequence[Entry] | None = None) -> Book:
        """A new file with its first entry (or with the given ones, that were checked); whole or not at all.

        Raises
        ------
        InputError
            If the file exists, or cannot be written.
        """
        with guarded(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and (path.is_dir() or path.stat().st_size):
                raise InputError.one("is there already", "name a new file, or open this one", file=str(path))
            book = cls(path, connect(path))
            try:
                book.connection.execute("PRAGMA journal_mode = WAL")
                with book.writing():
                    if book.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                        raise InputError.one("is there already", "name a new file, or open this one", file=str(path))
                    for statement in SCHEMA.values():
                        book.connection.execute(statement)
                    book.connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    book.connection.execute(f"PRAGMA user_version = {VERSION}")
                    if entries is None:
                        draft = Draft()
                        for account in ACCOUNTS:
                            draft.new(Account(id=account))
                        book._write(first, draft)
                    for entry in entries or ():
                        book._post(entry)
            except BaseException:
                book.close()
                raise
            return book

    @classmethod
    def open(cls, path: Path) -> Book:
        """An existing file.

        Raises
        ------
        InputError
            If there is none, it is no sample ledger, of a later version, or its last entry is corrupted.
        """
        shown = str(path)
        if not path.is_file():
            raise InputError.one(
                "is not there", "name a ledger, or make one with 'moonvillage samples new'", file=shown
            )
        with guarded(path):
            book = cls(path, connect(path))
            try:
                id_ = book.connection.execute("PRAGMA application_id").fetchone()[0]
                if id_ != APPLICATION_ID:
                    raise InputError.one("is not a sample ledger", "name a file made by 'samples new'", file=shown)
                version = book.connection.execute("PRAGMA user_version").fetchone()[0]
                if version != VERSION:
                    raise InputError.one(
                        f"is of version {version}; this program reads version {VERSION}",
                        "use the program that wrote it, and export it as JSON",
                        file=shown,
                    )
                row = book.last()
                if row is None or digest(row[0], row[1], row[2], row[3]) != row[4]:
                    raise InputError.one(
                        "has a corrupted last entry",
                        "run 'moonvillage samples verify' on it and restore a copy",
                        file=shown,
                    )
            except BaseException:
                book.close()
                raise
            return book

    def close(self) -> None:
        """Let go of the file."""
        self.connection.close()

    # Reading ------------------------------------------------------------------------------------------------

    def last(self) -> tuple[int, str, str, str, str] | None:
        """The last row of the trail."""
        row = self.connection.execute(
            "SELECT seq, operation, body, previous, hash FROM trail ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return None if row is None else (row[0], row[1], row[2], row[3], row[4])

    def find(self, cls: type[Record], id_: str) -> Record | None:
        """A record by id, or None."""
        found = self.rows(cls, "WHERE id = ?", (id_,))
        return found[0] if found else None

    def rows(self, cls: type[Record], clause: str = "", values: Sequence[Any] = ()) -> list[Record]:
        """Records of a class, by id."""
        kept = storage(cls)
        query = f"SELECT {', '.join(kept)} FROM {table_of(cls)} {clause} ORDER BY id"
        found = self.connection.execute(query, tuple(values)).fetchall()
        with legible(self.path):
            named = [zip(kept.items(), row, strict=True) for row in found]
            return [record_of(cls, {name: from_sql(how, v) for (name, how), v in row}) for row in named]

    def entries(self, clause: str = "", values: Sequence[Any] = ()) -> Iterator[Entry]:
        """Lines of the trail in their order."""
        query = f"SELECT seq, operation, body, previous, hash FROM trail {clause} ORDER BY seq"
        for row in self.connection.execute(query, tuple(values)).fetchall():
            with legible(self.path):
                entry = entry_of(*row)
            yield entry

    def touching(self, record: str) -> list[int]:
        """Numbers of the entries that touched a record ("samples/S1"), in order."""
        query = "SELECT seq FROM touched WHERE record = ? ORDER BY seq"
        return [int(row[0]) for row in self.connection.execute(query, (record,))]

    # Writing ------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction that holds the write lock from the start, so that what it reads stays true."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """A transaction that sees one state of the ledger, whatever others write meanwhile."""
        self.connection.execute("BEGIN")
        try:
            yield
        finally:
            with contextlib.suppress(sqlite3.Error):
                self.connection.execute("ROLLBACK")

    def append(self, deed: Deed, work: Callable[[], Draft]) -> Entry:
        """Do a deed once: if its operation id is in the trail, the entry of then is returned and nothing is done.

        Parameters
        ----------
        work
            Reads the tables (nobody else writes meanwhile), refuses with an InputError, or says what to write.

        Raises
        ------
        InputError
            From ``work``; or if the operation id was used for something else; or if the file is busy or damaged.
        ConservationError
            If the postings of a draft do not sum to zero.
        """
        with guarded(self.path), self.writing():
            if deed.operation is not None:
                done = next(self.entries("WHERE operation = ?", (deed.operation,)), None)
                if done is not None:
                    same = (done.kind, canonical(done.asked)) == (deed.kind, canonical(deed.asked))
                    if not same or done.by != deed.by or done.date_tdb_s != deed.date_tdb_s:
                        raise InputError.one(
                            f"was used for another operation ({done.kind}, entry {done.seq})",
                            "give every operation an id of its own",
                            field="operation",
                            value=deed.operation,
                        )
                    return done
            return self._write(deed, work())

    def _write(self, deed: Deed, draft: Draft) -> Entry:
        if sum(draft.postings.values()):
            moved = sum(abs(v) for v in draft.postings.values())
            raise ConservationError("sample mass", float(sum(draft.postings.values())), float(moved), deed.kind)
        row = self.last()
        seq, previous = (0, GENESIS) if row is None else (row[0] + 1, row[4])
        operation = deed.operation if deed.operation is not None else f"#{seq}"
        body = body_of(deed, draft)
        entry = entry_of(seq, operation, body, previous, digest(seq, operation, body, previous))
        self._post(entry, body)
        return entry

    def _post(self, entry: Entry, body: str | None = None) -> None:
        """Write an entry and what follows from it to the tables."""
        run = self.connection.execute
        if body is None:
            body = body_of(Deed(entry.kind, entry.by, entry.date_tdb_s, None, entry.asked), draft_of(entry))
        run(
            "INSERT INTO trail VALUES (?, ?, ?, ?, ?)", (entry.seq, entry.operation, body, entry.previous, entry.hash)
        )
        marks: dict[str, None] = {}
        for table, id_, values in entry.changes:
            marks[f"{table}/{id_}"] = None
            kept = storage(TABLES[table])
            given = [to_sql(kept[name], value) for name, value in values.items()]
            if "id" in values:
                places = ", ".join("?" * len(given))
                run(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})", given)
            else:
                settings = ", ".join(f"{name} = ?" for name in values)
                if run(f"UPDATE {table} SET {settings} WHERE id = ?", (*given, id_)).rowcount != 1:
                    raise sqlite3.IntegrityError(f"no {id_!r} in {table}")
        for id_, change in entry.postings.items():
            table = "accounts" if id_.startswith("@") else "samples"
            marks[f"{table}/{id_}"] = None
            if run(f"UPDATE {table} SET {BALANCE} = {BALANCE} + ? WHERE id = ?", (change, id_)).rowcount != 1:
                raise sqlite3.IntegrityError(f"no {id_!r} in {table}")
        for mark in marks:
            if not mark.startswith("accounts/"):
                run("INSERT INTO touched VALUES (?, ?)", (mark, entry.seq))


def draft_of(entry: Entry) -> Draft:
    """What an entry did, as a draft."""
    return Draft(dict(entry.postings), [(table, id_, dict(values)) for table, id_, values in entry.changes])


def connect(path: Path) -> sqlite3.Connection:
    """A connection that waits its turn and writes through to the disk at every commit."""
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say into an error that tells what to do."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "locked" in text or "busy" in text:
            problem = (f"is kept busy by another writer for more than {BUSY_S:.0f} s", "try again")
        elif "readonly" in text or "unable to open" in text:
            problem = (f"cannot be written ({text})", "mend the permissions of the file and its folder")
        else:
            problem = (f"is damaged ({text})", "run 'moonvillage samples verify' on it and restore a copy")
        raise InputError.one(*problem, file=str(path)) from error
    except UnicodeEncodeError as error:
        raise InputError.one(
            "holds characters that are no text", "write it anew", value=repr(error.object)
        ) from error
    except UnicodeDecodeError as error:
        raise InputError.one(
            f"is damaged ({error})",
            "run 'moonvillage samples verify' on it and restore a copy",
            file=str(path),
        ) from error
    except OSError as error:
        raise InputError.one(
            f"cannot be used ({error.strerror})", "name another file, or mend its permissions", file=str(path)
        ) from error


@contextlib.contextmanager
def legible(path: Path) -> Iterator[None]:
    """Turn what decoding a damaged row raises into an error that tells what to do."""
    try:
        yield
    except (ValueError, KeyError, TypeError) as error:
        raise InputError.one(
            f"holds a row that cannot be read ({type(error).__name__}: {error})",
            "run 'moonvillage samples verify' on it and restore a copy",
            file=str(path),
        ) from error
