"""The sections of the page that say why to believe it: flown against planned, rules, costs, doubts, provenance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl

from moonvillage.reporting import formats as f
from moonvillage.reporting.aggregate import (
    Doubt,
    approximations,
    arc_errors,
    costs,
    doubts,
    flatten,
    shares,
)
from moonvillage.reporting.bundle import Bundle
from moonvillage.reporting.figures import Figure
from moonvillage.reporting.markup import Child, Markup, element, join, table
from moonvillage.reporting.sections import dot, figure, more, section

#: Keys of the manifest that the page tells elsewhere.
_TOLD = frozenset({"summary", "wall_s", "convergence", "history", "gap", "until"})
_ANSWERS = {
    "allowed": "good",
    "barred": "bad",
    "no_basis": "bad",
    "suspended": "bad",
    "conditional": "mid",
    "unknown": "mid",
}


def flown(bundle: Bundle, item: Figure | None) -> Markup | None:
    """Flown against planned, leg by leg."""
    legs = bundle.flights.flown
    if legs.is_empty():
        return None
    arcs = [
        (
            f"{bundle.place(row['origin'])} → {bundle.place(row['destination'])}",
            f.whole(row["legs"]),
            f.whole(row["failed"]) if row["failed"] else f.NONE,
            f.speed(row["planned"], 4),
            f.speed(row["mean"], 2),
            f.speed(row["q50"]),
            f.speed(row["q99"]),
            f.speed(row["max"]),
            f.length(row["closure_position_m"]),
            f.speed(row["closure_velocity_m_s"], 2),
        )
        for row in arc_errors(bundle)
    ]
    failed = legs.filter(~pl.col("converged"))
    missing = None
    if len(failed):
        items = [
            element(
                "li",
                f"{row['flight']}, step {row['step']}, {bundle.place(row['origin'])} → "
                f"{bundle.place(row['destination'])}: {row['reason'] or 'no reason was recorded'}",
            )
            for row in failed.head(50).iter_rows(named=True)
        ]
        missing = element(
            "div",
            element("h3", f"{f.plural(len(failed), 'leg')} did not converge"),
            element("ul", items),
            class_="why soft",
        )
    rows = [
        (
            element("span", row["flight"], class_="id"),
            str(row["step"]),
            f"{bundle.place(row['origin'])} → {bundle.place(row['destination'])}",
            f.date(row["departure_tdb_s"]),
            f.days((row["arrival_tdb_s"] or math.nan) - (row["departure_tdb_s"] or math.nan)),
            f.speed(row["planned_dv_m_s"], 5),
            f.speed(row["dv_m_s"], 5) if row["converged"] else "not converged",
            f.mass(row["planned_propellant_kg"], 4),
            f.mass(row["propellant_kg"], 4) if row["converged"] else f.NONE,
            f.length(row["closure_position_m"]),
        )
        for row in legs.sort("departure_tdb_s", "flight", "step").iter_rows(named=True)
    ]
    heads = (
        "Flight",
        "Step",
        "Leg",
        "Departs",
        "Takes",
        "Δv planned",
        "Δv flown",
        "Propellant planned",
        "Propellant flown",
        "Closure",
    )
    return section(
        "flown",
        "Flown against planned",
        "Each leg of the plan was targeted again as a trajectory, and its solution propagated once more from start "
        "to end: the closure error is the miss of that second propagation.",
        missing,
        figure(item),
        table(
            "Difference of flown and planned Δv, and closure errors, by arc (quantiles of the absolute difference)",
            (
                "Arc",
                "Legs",
                "Failed",
                "Planned, mean",
                "Mean difference",
                "q50",
                "q99",
                "Max",
                "Closure, worst",
                "Closure in speed",
            ),
            arcs,
            numeric=range(1, 10),
        ),
        more(
            f"All legs ({len(rows)})",
            table("Legs in order of departure", heads, rows, numeric=(4, 5, 6, 7, 8, 9)),
        ),
    )


def legs(bundle: Bundle) -> Markup | None:
    """What was tabulated before planning: the ways there are, by arc."""
    if bundle.legs is None or not bundle.legs.rows:
        return None
    body = []
    for arc, rows in sorted(bundle.legs.rows.items()):
        good = [row for row in rows if row.converged]
        way, _, craft = arc.partition("@")
        way, _, via = way.partition("~")
        origin, _, destination = way.partition(">")
        name = f"{bundle.place(origin)} → {bundle.place(destination)}"
        if via:
            name += f", {via}"
        if craft:
            name += f", {bundle.title('craft', craft.partition('.')[0])}"
        dv = [row.total_m_s for row in good]
        time_s = [row.arrival_tdb_s - row.departure_tdb_s for row in good]
        why = Counter(row.reason for row in rows if not row.converged and row.reason).most_common(1)
        body.append(
            (
                name,
                f.whole(len(rows)),
                element("span", f.whole(len(good)), class_="bad" if not good else None),
                f.speed(min(dv), 4) if good else f.NONE,
                f.speed(max(dv), 4) if good else f.NONE,
                f"{f.days(min(time_s))} to {f.days(max(time_s))}" if good else f.NONE,
                why[0][0] if why else "",
            )
        )
    heads = ("Arc", "Departures tried", "Solved", "Least Δv", "Most Δv", "Takes", "Most frequent reason of failure")
    shown = table("Legs tabulated for the plan, by arc", heads, body, numeric=(1, 2, 3, 4))
    bad = sum(1 for _, rows in bundle.legs.rows.items() if not any(row.converged for row in rows))
    said = f"{f.plural(len(body), 'arc')} in the ephemeris; Δv of all burns, a launcher's own included."
    return section(
        "legs",
        "What ways there are",
        said + (f" No leg was found for {f.plural(bad, 'arc')}." if bad else ""),
        shown if bad or bundle.flights.flown.is_empty() else more("By arc", shown),
    )


def partners(bundle: Bundle) -> Markup | None:
    """Who did what, and under which agreement."""
    found = [s for s in shares(bundle) if s.flights or s.joined or s.launches or s.seats or s.owned_kg]
    allowed = bundle.campaign.table("permissions")
    if not found and allowed.is_empty():
        return None
    rows = [
        (
            join([dot(bundle.colour(s.partner)), bundle.partner(s.partner)]),
            f.whole(s.flights) if s.flights else f.NONE,
            f.whole(s.joined) if s.joined else f.NONE,
            f.whole(s.launches) if s.launches else f.NONE,
            f.mass(s.to_orbit_kg) if s.to_orbit_kg else f.NONE,
            f.mass(s.landed_kg) if s.landed_kg else f.NONE,
            f.mass(s.owned_kg) if s.owned_kg else f.NONE,
            f.whole(s.seats) if s.seats else f.NONE,
            f.money(s.cost_eur) if s.cost_eur else f.NONE,
        )
        for s in found
    ]
    heads = ("Partner", "Flights flown", "Joined", "Launches", "To orbit", "Landed", "Loads owned", "Seats", "Cost")
    return section(
        "partners",
        "Who does what, and on what basis",
        "Masses and cost stand with the operator of a flight; launches with whoever runs the launcher; seats are "
        "crew by partner, summed over flights.",
        table("Shares of the partners", heads, rows, numeric=range(1, 9)),
        _permissions(bundle, allowed),
    )


def _permissions(bundle: Bundle, allowed: pl.DataFrame) -> Child:
    if allowed.is_empty():
        return element("p", "No interaction between partners needed a decision.", class_="empty")
    groups: dict[tuple[Any, ...], list[float]] = {}
    for row in allowed.sort("date_tdb_s").iter_rows(named=True):
        key = (
            row["answer"],
            row["interaction"],
            tuple(row["parties"] or ()),
            row["mission"],
            tuple(row["rules"] or ()),
            tuple(row["agreements"] or ()),
            row["why"] or "",
        )
        groups.setdefault(key, []).append(row["date_tdb_s"])
    order = {"barred": 0, "no_basis": 1, "suspended": 2, "unknown": 3, "conditional": 4, "allowed": 5}
    body = []
    for key, dates in sorted(groups.items(), key=lambda item: (order.get(item[0][0], 9), item[1][0])):
        answer, interaction, parties, mission, rules, agreements, why = key
        first, last = min(dates), max(dates)
        when = f.month(first) if f.month(first) == f.month(last) else f"{f.month(first)} to {f.month(last)}"
        body.append(
            (
                element("span", f.words(answer), class_=f"tag {_ANSWERS.get(answer, 'mid')}"),
                f.words(interaction),
                ", ".join(bundle.partner(p) for p in parties),
                bundle.mission(mission) if mission else f.NONE,
                f"{len(dates)} ×, {when}" if len(dates) > 1 else when,
                join([_law(bundle, rule) for rule in rules], " ") if rules else f.NONE,
                join([_agreement(bundle, a, first, last) for a in agreements], " ") if agreements else f.NONE,
                why,
            )
        )
    heads = ("Answer", "What", "Parties", "Mission", "When", "Rules", "Agreements", "Why")
    return table("Decisions about who may do what", heads, body, class_="text")


def _law(bundle: Bundle, id_: str) -> Markup:
    id_, _, rest = id_.partition(":")
    law = bundle.scenario.laws.get(id_)
    effect = rest.partition("[")[0].strip()
    if law is None:
        cited = rest.partition("[")[2].rstrip("]")
        return element("span", f.words(id_), element("small", f"{effect}. {cited}") if rest else None, class_="cite")
    sure = "" if law.confidence == "high" else f" ({law.confidence} confidence)"
    said = f"{f.words(effect)}: " if effect else ""
    return element("span", law.title, element("small", f"{said}{law.citation}{sure}"), class_="cite")


def _agreement(bundle: Bundle, id_: str, first: float, last: float) -> Markup:
    id_, _, rest = id_.partition(":")
    found = bundle.scenario.agreements.get(id_)
    if found is None:
        return element("span", f.words(id_), element("small", rest.strip()) if rest else None, class_="cite")
    steps = [found.status(first)]
    changes = [f"{found.status(first)} on {f.date(first)}"]
    for change in found.history:
        if first < change.since_tdb_s <= last and change.status != steps[-1]:
            steps.append(change.status)
            changes.append(f"{change.status} from {f.date(change.since_tdb_s)}")
    sure = "" if found.confidence == "high" else f" ({found.confidence} confidence)"
    return element(
        "span", found.title, element("small", f"{'; '.join(changes)}. {found.citation}{sure}"), class_="cite"
    )


def money(bundle: Bundle, item: Figure | None) -> Markup | None:
    """Costs by partner and year."""
    rows = costs(bundle)
    if item is None or not rows:
        return None
    years = sorted({row["year"] for row in rows})
    spent = {row["operator"] for row in rows if row["cost_eur"] or bundle.release is None}
    operators = [id_ for id_ in bundle.operators if id_ in spent]
    cell = {(row["operator"], row["year"]): row["cost_eur"] for row in rows}
    body = [
        (
            bundle.partner(id_),
            *(f.number(cell[id_, y] / 1e6) if cell.get((id_, y)) else f.NONE for y in years),
            f.number(sum(cell.get((id_, y), 0.0) for y in years) / 1e6, 4),
        )
        for id_ in operators
    ]
    if bundle.release is None:  # else it would be a sum of some, under a name that says all
        body.append(_together(operators, years, cell))
    notes = "Not discounted, at the prices of the scenario; a flight's whole cost falls in the year of its departure."
    if bundle.release is not None:
        notes += " Costs that are not released are left out."
    return section(
        "costs",
        "What it costs",
        notes,
        figure(item),
        table(
            "Cost by partner and year, M€",
            ("Partner", *map(str, years), "All years"),
            body,
            numeric=range(1, len(years) + 2),
        ),
    )


def _together(operators: list[str], years: list[int], cell: Mapping[tuple[str, int], float]) -> tuple[str, ...]:
    return (
        "Together",
        *(f.number(sum(cell.get((id_, y), 0.0) for id_ in operators) / 1e6) for y in years),
        f.number(sum(cell.values()) / 1e6, 4),
    )


def samples(bundle: Bundle) -> Markup | None:
    """What was brought to the Earth: whose it is, from where, and who has asked for some."""
    found = bundle.samples
    if found is None or found.is_empty():
        return None
    body = [
        (
            element("span", row["flight"], class_="id"),
            bundle.partner(row["owner"]),
            row["place"],
            f.date(row["collected_tdb_s"]),
            f.date(row["returned_tdb_s"]),
            f.mass(row["mass_kg"]),
            f.whole(row["requests"]) if row["requests"] else f.NONE,
            f.whole(row["granted"]) if row["granted"] else f.NONE,
            f.mass(row["lent_kg"]) if row["lent_kg"] else f.NONE,
        )
        for row in found.sort("returned_tdb_s", "flight").iter_rows(named=True)
    ]
    heads = ("Flight", "Owner", "From", "Collected", "On Earth", "Mass", "Requests", "Granted", "Lent")
    by_owner = found.group_by("owner", "place").agg(pl.col("mass_kg").sum(), pl.len()).sort("owner", "place")
    totals = [
        (bundle.partner(row["owner"]), row["place"], f.whole(row["len"]), f.mass(row["mass_kg"]))
        for row in by_owner.iter_rows(named=True)
    ]
    return section(
        "samples",
        "What comes home",
        "Each return is a sample in the run's ledger (samples.ledger): divided, catalogued, asked for and lent under "
        "the rules of the day of the decision.",
        table("Samples by owner and place", ("Owner", "From", "Returns", "Mass"), totals, numeric=(2, 3)),
        more(f"All returns ({len(body)})", table("Samples in order of return", heads, body, numeric=(5, 6, 7, 8))),
    )


def doubt(bundle: Bundle) -> Markup:
    """What is approximate, and which figures are not sure."""
    found = doubts(bundle)
    low = [d for d in found if d.confidence == "low"]
    medium = [d for d in found if d.confidence != "low"]
    heads = ("Entry", "Kind", "Figures", "Source")

    def rows(items: list[Doubt]) -> list[tuple[Child, ...]]:
        """One row per entry and source, its figures side by side."""
        groups: dict[tuple[str, str, str], list[str]] = {}
        for d in items:
            groups.setdefault((d.title, d.kind, d.source), []).append(f"{d.figure}{f.GAP}{d.written}")
        return [(title, f.words(kind), ", ".join(shown), source) for (title, kind, source), shown in groups.items()]

    said = [
        element("li", f"{text} ", element("small", f"({f.plural(count, 'leg')})"))
        for text, count in approximations(bundle)
    ]
    notes = [
        element("li", note) for note in (bundle.log.notes if bundle.log is not None and len(bundle.log.days) else ())
    ]
    return section(
        "doubts",
        "What is approximate, and what is not sure",
        "Only what this run really uses is listed here.",
        element("h3", "Approximations in flight") if said else None,
        element("ul", said) if said else None,
        element("h3", "Approximations in life at the outposts") if notes else None,
        element("ul", notes) if notes else None,
        None if said or notes else element("p", "No leg and no outpost reports an approximation.", class_="empty"),
        table(
            "Figures of low confidence", heads, rows(low), empty="No figure of low confidence is used.", class_="text"
        ),
        more(
            f"Figures of medium confidence ({len(medium)})",
            table("Figures of medium confidence", heads, rows(medium), class_="text"),
        )
        if medium
        else None,
    )


def provenance(bundle: Bundle) -> Markup:
    """Versions, hashes, seed, times, convergence, and how to cite the run."""
    manifest = bundle.manifest
    history = next(
        (manifest[key] for key in ("history", "convergence", "iterations") if _is_history(manifest.get(key))), None
    )
    wall = bundle.summary.get("wall_s") or manifest.get("wall_s") or {}
    blocks: list[Child] = []
    if history is not None:
        keys = list(dict.fromkeys(key for row in history for key in row))
        body = [tuple(_plain(row.get(key)) for key in keys) for row in history]
        blocks.append(
            table(
                "Convergence of the loop, one row per iteration",
                [f.headed(k) for k in keys],
                body,
                numeric=range(1, len(keys)),
            )
        )
    if isinstance(wall, Mapping) and wall:
        pairs = [
            (f.words(str(stage)), f.seconds(float(s))) for stage, s in wall.items() if isinstance(s, (int, float))
        ]
        blocks.append(table("Wall time by stage", ("Stage", "Time"), pairs, numeric=(1,)))
    if bundle.campaign.model:
        pairs = [
            (f.headed(k), f.whole(float(v)) if float(v).is_integer() else f.number(float(v), 3))
            for k, v in bundle.campaign.model.items()
        ]
        blocks.append(
            more(
                "The optimisation model",
                table("Size and effort of the model", ("Quantity", "Value"), pairs, numeric=(1,)),
            )
        )
    facts = [
        (key, element("code", text))
        for key, text in flatten({k: v for k, v in manifest.items() if k not in _TOLD and not _is_history(v)})
    ]
    facts.append(("seed", element("code", str(bundle.scenario.header.seed)))) if "seed" not in manifest else None
    blocks.append(table("Identity of the run: versions and digests", ("Item", "Value"), facts, class_="text"))
    blocks.append(element("h3", "How to cite this run"))
    blocks.append(element("pre", citation(bundle)))
    if bundle.scenario.source:
        blocks.append(more("The scenario as read", element("pre", bundle.scenario.source)))
    return section(
        "provenance",
        "Where this comes from",
        "The same scenario, seed and versions give the same tables, byte for byte.",
        blocks,
    )


def _is_history(value: object) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _plain(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return f.NONE if value is None else str(value).lower()
    if isinstance(value, int):
        return f.whole(value)
    if isinstance(value, float):
        return f.number(value, 4)
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {f.number(v, 2) if isinstance(v, float) else _plain(v)}" for k, v in value.items())
    return str(value)


def citation(bundle: Bundle) -> str:
    """A BibTeX entry for the run."""
    manifest = bundle.manifest
    versions = manifest.get("versions") or manifest.get("identity") or {}
    version = versions.get("moonvillage", "") if isinstance(versions, Mapping) else ""
    hashes = manifest.get("hashes") or manifest.get("identity") or {}
    digest = str(hashes.get("scenario", "")) if isinstance(hashes, Mapping) else ""
    lines = [
        f"@misc{{moonvillage-{bundle.scenario.name},",
        f"  title = {{{_bibtex(bundle.scenario.header.title)}}},",
        f"  howpublished = {{computed with moonvillage{' ' + str(version) if version else ''}}},",
        f"  note = {{scenario {bundle.scenario.name}, seed {bundle.scenario.header.seed}"
        + (f", sha256 {digest[:16]}" if digest else "")
        + ", ephemeris DE440},",
        "}",
    ]
    return "\n".join(lines)


def _bibtex(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "&%$#_{}" else sign for sign in text)
