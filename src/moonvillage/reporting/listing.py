"""The catalog and decisions as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

_ANSWERS: Final = {
    "allowed": "green",
    "conditional": "yellow",
    "unknown": "magenta",
    "no_basis": "yellow",
    "suspended": "yellow",
    "barred": "red",
}
_TRUST: Final = {"high": "green", "medium": "yellow", "low": "red"}


def catalog_lines(value: Mapping[str, Any]) -> RenderableType:
    """Kinds with counts, the entries of a kind, or one entry with its figures (see ``catalog.show``)."""
    if "kinds" in value:
        table = Table("kind", "entries", box=box.SIMPLE_HEAD)
        for kind, count in value["kinds"].items():
            table.add_row(kind, str(count))
        return table
    if "entries" in value:
        table = Table("id", "name", box=box.SIMPLE_HEAD)
        for entry in value["entries"]:
            table.add_row(entry["id"], escape(entry["title"]))
        return table
    table = Table("field", "value", "source", "trust", box=box.SIMPLE_HEAD)
    for field in value["fields"]:
        if field["value"] in (None, "", [], {}, 0, 0.0) and not field["source"]:
            continue
        shown = field["as_written"] or _short(field["value"])
        trust = Text(field["confidence"], style=_TRUST.get(field["confidence"], ""))
        table.add_row(field["field"], escape(shown), field["source"], trust)
    sources = [
        Text(f"{id_}: {source['title']}, {source['publisher']} ({source['published']})".replace(", (", " ("), "dim")
        for id_, source in value["sources"].items()
    ]
    return Group(Text(f"{value['title']}  [{value['kind']} {value['id']}]", "bold"), table, *sources)


def decision_lines(decisions: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Who may do what, on which date, and why."""
    table = Table("mission", "interaction", "date", "answer", "why", box=box.SIMPLE_HEAD)
    for decision in decisions:
        why = decision["why"]
        if decision["would_change"] and decision["answer"] not in ("allowed", "conditional"):
            why += ". Would change it: " + "; ".join(decision["would_change"])
        papers = [
            f"{need['title']} by {need['authority']} ({need['rule']}): {_effort(need)}"
            for need in decision.get("waivers", ())
        ]
        if decision["answer"] not in ("allowed", "conditional"):
            papers += [
                f"agreement {way['agreement']} (now {way['status']}): {_effort(way)}"
                for way in decision.get("openings", ())
            ]
        if papers:
            why += ". Papers: " + "; ".join(papers)
        table.add_row(
            decision["mission"],
            escape(decision["interaction"]),
            decision["date"],
            Text(decision["answer"], style=_ANSWERS.get(decision["answer"], "")),
            escape(why),
        )
    return table


def _effort(paper: Mapping[str, Any]) -> str:
    """Lead time and cost of a waiver or an agreement."""
    return f"{paper['lead_d']:.0f} days, {paper['cost_eur'] / 1e6:.2g} M€"


def _short(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_short(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_short(item)}" for key, item in value.items())
    return str(value)
