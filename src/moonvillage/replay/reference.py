"""The reference of the mission file, written from the classes that read it (docs/replay.md holds it)."""

from __future__ import annotations

import dataclasses
from typing import Any

from moonvillage.catalog.schema import fields_of
from moonvillage.replay.files import load_kinds, offered
from moonvillage.replay.model import KINDS, Craft, Flown, Mission, Step
from moonvillage.replay.records import QUANTITIES
from moonvillage.units import DIMENSIONS

_WORDS = {
    "date": "UTC date",
    "flag": "true or false",
    "integer": "whole number",
    "text": "text",
    "raw": "value",
    "tables": "list of tables",
}


def _table(cls: type, skip: frozenset[str] = frozenset()) -> str:
    lines = ["| field | value | | meaning |", "|---|---|---|---|"]
    for key, f in fields_of(cls).items():
        if key in skip:
            continue
        meta: Any = f.metadata
        needed = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if meta["kind"] == "quantity":
            example = "312 s" if key == "isp" else DIMENSIONS[meta["dimension"]][1]
            value = f"{meta['dimension']}, such as `{example}`"
        elif meta["kind"] == "choice":
            value = " or ".join(f"`{option}`" for option in meta["options"])
        else:
            value = _WORDS.get(meta["kind"], meta["kind"])
        lines.append(f"| `{key}` | {value} | {'needed' if needed else ''} | {meta['doc']} |")
    return "\n".join(lines)


def reference() -> str:
    """Markdown: the tables of a mission file, the quantities, and every kind of step with its fields and results."""
    load_kinds()
    parts = ["### The file", _table(Mission), "### `[craft.NAME]`", _table(Craft)]
    parts += ["### Every step", _table(Step), "### `flown`", _table(Flown), "### Quantities"]
    lines = ["| quantity | in tables | default bound | meaning |", "|---|---|---|---|"]
    for name, q in QUANTITIES.items():
        bound = f"{100 * q.bound:g} %" if q.relative else f"{q.bound / q.factor:g} {q.unit}"
        lines.append(f"| `{name}` | {q.unit} | {bound} | {q.doc} |")
    parts.append("\n".join(lines))
    common = frozenset(fields_of(Step))
    for name in sorted(KINDS):
        cls = KINDS[name].cls
        told = []
        for event, quantities in offered(cls).items():
            numbers = ", ".join(f"`{q}`" for q in quantities)
            told.append(f"of `{event}`: {numbers}" if event else numbers)
        about = " ".join((cls.__doc__ or "").split())
        parts += [f'### `kind = "{name}"`', about, _table(cls, common), "Computes " + "; ".join(told) + "."]
    return "\n\n".join(parts) + "\n"
