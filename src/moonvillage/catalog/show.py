"""The catalog as plain values, for the command line and the documentation."""

from __future__ import annotations

import dataclasses
from typing import Any

from moonvillage.catalog.load import Catalog, load_catalog
from moonvillage.catalog.model import KINDS
from moonvillage.catalog.reader import did_you_mean
from moonvillage.catalog.schema import fields_of
from moonvillage.errors import InputError


def listing(kind: str | None, catalog: Catalog | None = None) -> dict[str, Any]:
    """Counts of every kind, or id and title of every entry of one kind. Raises InputError for an unknown kind."""
    catalog = catalog or load_catalog()
    if kind is None:
        return {"kinds": {name: len(catalog.of(name)) for name in KINDS}}
    _known(kind)
    return {"kind": kind, "entries": [{"id": i, "title": entry.title} for i, entry in catalog.of(kind).items()]}


def describe(kind: str, id_: str, catalog: Catalog | None = None) -> dict[str, Any]:
    """One entry: every field with its value, what was written, its source and confidence. Raises InputError."""
    catalog = catalog or load_catalog()
    _known(kind)
    entries = catalog.of(kind)
    if id_ not in entries:
        raise InputError.one(f"is not a {kind} of the catalog", did_you_mean(id_, entries), value=id_)
    entry = entries[id_]
    provenance = getattr(entry, "provenance", {})
    fields = []
    for key, field in fields_of(type(entry)).items():
        value = getattr(entry, field.name)
        found = provenance.get(field.name)
        fields.append(
            {
                "field": key,
                "si_name": field.name,
                "value": _plain(value),
                "as_written": found.as_written if found else "",
                "source": found.source if found else "",
                "confidence": found.confidence if found else "",
                "doc": field.metadata["doc"],
            }
        )
    sources = {f["source"] for f in fields if f["source"]} | {p.source for p in provenance.values()}
    cited = {s: _plain(catalog.of("source")[s]) for s in sorted(sources) if s in catalog.of("source")}
    return {"kind": kind, "id": id_, "title": entry.title, "fields": fields, "sources": cited}


def _known(kind: str) -> None:
    if kind not in KINDS:
        raise InputError.one("is not a kind of catalog entry", did_you_mean(kind, KINDS), value=kind)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {k: _plain(v) for k, v in dataclasses.asdict(value).items() if k != "provenance"}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value
