"""A ledger as JSON or CSV, and back.

The trail is the ledger; the tables follow from it. An export carries both, so that anybody can read it; an import
checks the chain, replays it, and compares: a table that was edited by hand is refused, for a change without an entry
would be a change without a trace. Going out and back in gives the same bytes again.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moonvillage.curation.book import Book, Deed, body_of, canonical, draft_of, guarded
from moonvillage.curation.model import TABLES, Entry, Sample, storage, values_of
from moonvillage.curation.proof import Broken, Replay, Tables
from moonvillage.curation.refusals import new_id
from moonvillage.errors import InputError

if TYPE_CHECKING:
    from moonvillage.curation.ledger import Ledger

FORMAT: Final = "moonvillage sample ledger"
VERSION: Final = 1
#: Columns of a table of samples to collect.
NEEDED: Final = ("id", "mass", "date", "place", "owner")
MAY: Final = ("custodian", "container", "mission", "asset", "description")
_TRAIL: Final = ("seq", "operation", "kind", "by", "date_utc", "previous", "hash", "body")


def _all(book: Book) -> tuple[list[Entry], dict[str, list[dict[str, Any]]]]:
    with guarded(book.path), book.reading():
        entries = list(book.entries())
        return entries, {name: [values_of(record) for record in book.rows(cls)] for name, cls in TABLES.items()}


def _body(entry: Entry) -> str:
    return body_of(Deed(entry.kind, entry.by, entry.date_tdb_s, None, entry.asked), draft_of(entry))


def export_json(book: Book, path: Path) -> Path:
    """Write the whole ledger as one JSON file; returns its path."""
    from moonvillage.records.store import write_bytes

    entries, tables = _all(book)
    trail = [
        {"seq": e.seq, "operation": e.operation, "previous": e.previous, "hash": e.hash, "body": json.loads(_body(e))}
        for e in entries
    ]
    value = {"format": FORMAT, "version": VERSION, "trail": trail, **tables}
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    with guarded(path):
        write_bytes(path, (text + "\n").encode())
    return path


def import_json(source: Path, path: Path) -> Book:
    """A new ledger file from what :func:`export_json` wrote.

    Raises
    ------
    InputError
        If the file is no such export, an entry does not hold (it is named), a table differs from the trail, or the
        new file exists.
    """
    shown = str(source)
    with guarded(source):
        raw = source.read_bytes()
    try:
        value = json.loads(raw)
        if value["format"] != FORMAT or value["version"] != VERSION:
            raise ValueError(f"format {value['format']!r}, version {value['version']!r}")
        rows = [
            (int(e["seq"]), str(e["operation"]), canonical(e["body"]), str(e["previous"]), str(e["hash"]))
            for e in value["trail"]
        ]
        tables = {name: {str(row["id"]): dict(row) for row in value[name]} for name in TABLES}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError.one(
            f"is not an exported sample ledger ({error})", "export one with 'samples export'", file=shown
        ) from None
    return _rebuilt(shown, rows, tables, path)


def export_csv(book: Book, folder: Path) -> Path:
    """Write trail.csv and a CSV table of each kind of record into a folder; returns it.

    Masses are whole tenths of a milligram, epochs TDB seconds past J2000, lists and mappings JSON.
    """
    from moonvillage.ephemeris.time import tdb_s_to_utc
    from moonvillage.records.store import write_bytes

    entries, tables = _all(book)
    trail = [
        (e.seq, e.operation, e.kind, e.by, tdb_s_to_utc(e.date_tdb_s), e.previous, e.hash, _body(e)) for e in entries
    ]
    with guarded(folder):
        write_bytes(folder / "trail.csv", _csv(_TRAIL, trail))
        for name, cls in TABLES.items():
            kept = storage(cls)
            rows = [[_cell(how, row[column]) for column, how in kept.items()] for row in tables[name]]
            write_bytes(folder / f"{name}.csv", _csv(list(kept), rows))
    return folder


def import_csv(folder: Path, path: Path) -> Book:
    """A new ledger file from what :func:`export_csv` wrote.

    Raises
    ------
    InputError
        As :func:`import_json`.
    """
    shown = str(folder / "trail.csv")
    try:
        trail = _read(folder / "trail.csv")
        rows = [(int(r["seq"]), r["operation"], r["body"], r["previous"], r["hash"]) for r in trail]
        tables: Tables = {}
        for name, cls in TABLES.items():
            kept, shown = storage(cls), str(folder / f"{name}.csv")
            read = [{column: _value(how, row[column]) for column, how in kept.items()} for row in _read(Path(shown))]
            tables[name] = {str(row["id"]): row for row in read}
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError.one(
            f"is not a table of an exported sample ledger ({error!r})", "export one with 'samples export'", file=shown
        ) from None
    return _rebuilt(str(folder), rows, tables, path)


def collect_csv(ledger: Ledger, path: Path, by: str) -> list[Sample]:
    """Collect the samples of a table of one's own: :data:`NEEDED` columns, and any of :data:`MAY`.

    Every line is an operation of its own (``table/ID``): the same table given again adds only what is new.

    Raises
    ------
    InputError
        With the line, at the first that cannot be collected; those before it are.
    """
    shown = str(path)
    try:
        rows = _read(path)
    except (ValueError, csv.Error) as error:
        raise InputError.one(f"is not a CSV table ({error})", "save it as CSV in UTF-8", file=shown) from None
    columns = list(rows[0]) if rows else []
    missing, extra = [c for c in NEEDED if c not in columns], [c for c in columns if c not in (*NEEDED, *MAY)]
    if missing or extra:
        what = f"has no column {', '.join(missing)}" if missing else f"has an unknown column {extra[0]!r}"
        raise InputError.one(what, f"the columns are {', '.join(NEEDED)}; and {', '.join(MAY)}", file=shown, line=1)
    made = []
    for line, row in enumerate(rows, 2):
        given = {name: (row[name] or "").strip() for name in columns}
        try:
            mass, operation = given.pop("mass"), f"table/{new_id(given['id'], 'id')}"
            made.append(ledger.collect(mass, by=by, operation=operation, **given))
        except InputError as error:
            raise InputError([replace(p, file=shown, line=line) for p in error.problems]) from None
    return made


def _rebuilt(shown: str, rows: Sequence[tuple[int, str, str, str, str]], tables: Tables, path: Path) -> Book:
    replay = Replay()
    try:
        entries = [replay.take(row) for row in rows]
    except Broken as broken:
        raise InputError.one(str(broken), "restore the export from a copy", file=shown) from None
    if not entries:
        raise InputError.one("holds no entries", "restore the export from a copy", file=shown)
    for name, expected in replay.tables.items():
        for id_ in sorted(set(expected) | set(tables[name])):
            if expected.get(id_) != tables[name].get(id_):
                raise InputError.one(
                    "differs from what the trail says",
                    "import the export as it was, then record the change as an operation",
                    file=shown,
                    field=name,
                    value=id_,
                )
    first = entries[0]
    return Book.create(path, Deed(first.kind, first.by, first.date_tdb_s, first.operation, first.asked), entries)


def _csv(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue().encode()


def _read(path: Path) -> list[Mapping[str, str]]:
    with guarded(path):
        text = path.read_bytes().decode("utf-8-sig")
    limit = csv.field_size_limit(1 << 24)
    try:
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    finally:
        csv.field_size_limit(limit)


def _cell(how: str, value: Any) -> str:
    if value is None and how.endswith("?"):
        return ""
    if how == "json":
        return canonical(value)
    if how == "flag":
        return "true" if value else "false"
    return repr(value) if how.startswith("real") else str(value)


def _value(how: str, cell: str) -> Any:
    if how.endswith("?") and cell == "":
        return None
    if how == "json":
        return json.loads(cell)
    if how == "flag":
        return {"true": True, "false": False}[cell]
    if how == "integer":
        return int(cell)
    return float(cell) if how.startswith("real") else cell
