"""Prices as a table for a terminal and as a figure.

Reading the figure: one row a rule, agreement or partner; right of the line it costs, left of it it saves. The dot is
the Shapley share, the bar its proven range; the open marks are the two simpler figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from moonvillage.sweeps.remedying import Minimal
from moonvillage.sweeps.solving import METRICS
from moonvillage.units import DAY_S

#: metric → (unit shown, factor)
SHOWN: Final[Mapping[str, tuple[str, float]]] = {
    "demands": ("demands", 1.0),
    "money": ("MEUR", 1e-6),
    "launch_mass": ("t", 1e-3),
    "time": ("d", 1.0),
}
GAMES: Final[Mapping[str, str]] = {
    "restrictions": "rules that bar",
    "grounds": "agreements and permits",
    "partners": "partners",
}
FIGURES: Final = {"shapley": "Shapley share", "lifted_alone": "lifted alone", "kept_alone": "kept alone"}


def lines(result: Mapping[str, Any]) -> RenderableType:
    """The regimes, the prices of what has one, and the value of cooperation, for a terminal."""
    parts: list[RenderableType] = [Text(result["title"], "bold"), _regimes(result["regimes"])]
    for game, title in GAMES.items():
        rows = [row for row in result["items"] if row["game"] == game]
        if rows:
            parts += [Text(f"\n{title}: costs (+) and saves (−)", "bold"), _prices(rows)]
    told = result.get("cooperation")
    if told and told.get("metric"):
        parts += _cooperation(told)
    solves = result["solves"]
    gap = solves["worst_gap"]
    parts.append(
        Text(
            f"{solves['distinct']} different regimes planned ({solves['solved_now']} now), "
            f"{solves['seconds']:.0f} s in all; largest gap {100.0 * gap:.2f} %."
            if gap is not None
            else "no regime has a plan",
            "dim",
        )
    )
    return Group(*parts)


def _regimes(regimes: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table("regime", "plan", "demands", "MEUR", "to orbit (t)", "first crew (d)", "gap", box=box.SIMPLE_HEAD)
    for plan in regimes.values():
        worth = plan["worth"]
        table.add_row(
            plan["regime"],
            plan["status"],
            f"{worth['demands']:.0f} of {worth['demands'] + len(plan['unmet']):.0f}" if worth else "",
            f"{worth['money'] / 1e6:,.0f}" if worth else "",
            f"{worth['launch_mass'] / 1e3:,.0f}" if worth else "",
            f"{worth['time']:,.0f}" if "time" in worth else "",
            f"{100.0 * plan['gap']:.2f} %" if worth and plan["gap"] is not None else "",
        )
    return table


def _shown(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if value is None:
        return "–"
    unit, factor = SHOWN[row["metric"]]
    found = f"{factor * value:+,.1f} {unit}" if abs(factor * value) >= 0.05 else "0"
    span = row.get(f"{name}_range")
    if span and span[1] - span[0] > 0.1 / factor:
        found += f" [{factor * span[0]:+,.0f}, {factor * span[1]:+,.0f}]"
    if name == "shapley" and row["standard_error"]:
        found += f" ± {factor * row['standard_error']:,.1f}"
    return found


def _prices(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = Table("", "metric", *FIGURES.values(), "remark", box=box.SIMPLE_HEAD)
    idle = []
    for row in rows:
        if row["notes"] and row["notes"][0].startswith("it changes for no flight"):
            idle += [row["id"]] if row["metric"] == "demands" else []
            continue
        remark = "; ".join(dict.fromkeys(note.partition(": ")[2] or note for note in row["notes"]))
        table.add_row(
            row["id"] if row["metric"] == "demands" else "",
            row["metric"].replace("_", " "),
            *(escape(_shown(row, name)) for name in FIGURES),
            escape(remark),
        )
    if not idle:
        return table
    return Group(table, Text("without effect on any flight: " + ", ".join(idle), "dim"))


def _cooperation(told: Mapping[str, Any]) -> list[RenderableType]:
    unit, factor = SHOWN[told["metric"]]
    table = Table("coalition", f"worth ({unit})", box=box.SIMPLE_HEAD)
    for row in told["value"]:
        table.add_row(", ".join(row["members"]), f"{factor * row['value']:,.1f}")
    stable = (
        "the split is stable: no coalition would do better on its own"
        if told["stable"]
        else f"no split is stable: some coalition always gains {factor * told['excess']:,.1f} {unit} by leaving "
        + "; ".join(", ".join(c) for c in told["tempted"])
    )
    split = ", ".join(f"{p} {factor * v:,.1f}" for p, v in told["nucleolus"].items())
    parts: list[RenderableType] = [
        Text(f"\nthe value of cooperation ({told['meaning']})", "bold"),
        table,
        Text(f"nucleolus: {split} {unit}; {stable}."),
    ]
    if told["barter"]:
        barter = Table("", "spends (MEUR)", "bears", "pays (+) or receives (−)", box=box.SIMPLE_HEAD)
        for partner, row in told["barter"].items():
            barter.add_row(partner, *(f"{row[k] / 1e6:+,.1f}" for k in ("spends", "bears", "pays")))
        parts.append(barter)
    return parts


def rows_of(result: Mapping[str, Any], metric: str) -> list[dict[str, Any]]:
    """The rows of the figure: players with a figure that is not zero, the dearest first."""
    factor = SHOWN[metric][1]
    rows = []
    for row in result["items"]:
        if row["metric"] != metric or not any(row[name] for name in FIGURES):
            continue
        for name, label in FIGURES.items():
            if row[name] is None:
                continue
            low, high = row.get(f"{name}_range") or (row[name], row[name])
            rows.append(
                {
                    "id": row["id"],
                    "game": GAMES[row["game"]],
                    "figure": label,
                    "value": factor * row[name],
                    "low": factor * low,
                    "high": factor * high,
                    "size": abs(factor * (row["shapley"] if row["shapley"] is not None else row[name])),
                }
            )
    return rows


def figure(result: Mapping[str, Any]) -> str:
    """The prices as an SVG document: the metrics that have any, side by side."""
    import altair as alt

    from moonvillage.reporting.figures import INK, LIMIT, LIVED, PLAN, on_paper, render

    data: list[dict[str, Any]] = []
    for metric in METRICS:
        unit, _ = SHOWN[metric]
        names = {"demands": "demands met", "money": f"cost ({unit})", "launch_mass": f"mass to orbit ({unit})"}
        label = names.get(metric, f"first crew ({unit})")
        data += [{**row, "metric": label} for row in rows_of(result, metric)]
    metrics = list(dict.fromkeys(row["metric"] for row in data))
    order = list(dict.fromkeys(row["id"] for row in sorted(data, key=lambda r: (r["game"], -r["size"]))))
    if not data:
        data = [{"id": "no rule", "metric": "", "figure": "", "value": 0.0, "low": 0.0, "high": 0.0}]
        metrics = [""]
    panels = []
    for number, metric in enumerate(metrics):
        base = alt.Chart(alt.NamedData("rows")).transform_filter(alt.datum.metric == metric)
        y = alt.Y("id:N", sort=order, title=None, axis=alt.Axis(labels=number == 0), scale=alt.Scale(domain=order))
        colour = alt.Color(
            "figure:N",
            title=None,
            scale=alt.Scale(domain=list(FIGURES.values()), range=[LIVED, LIMIT, PLAN]),
            legend=alt.Legend(orient="bottom") if number == 0 else None,
        )
        spread = alt.YOffset("figure:N", sort=list(FIGURES.values()))
        panels.append(
            alt.layer(
                base.mark_rule(color=INK, strokeWidth=0.75).encode(x=alt.datum(0.0)),
                base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(
                    x="low:Q", x2="high:Q", y=y, yOffset=spread, color=colour
                ),
                base.mark_point(filled=True, size=46, opacity=1.0).encode(
                    x=alt.X("value:Q", title=metric, scale=alt.Scale(padding=12)), y=y, yOffset=spread, color=colour
                ),
            ).properties(width=230, height=max(90, 34 * len(order)))
        )
    chart = alt.hconcat(*panels, spacing=18)
    drawn = render("price", "Prices of rules, agreements and partners", chart, data, "prices")
    return on_paper(drawn.svg)


def minimal_record(found: Minimal) -> dict[str, Any]:
    """The minimal sets of papers, JSON-ready: ``status``, ``sets``, ``complete``, ``reasons``."""
    return {
        "status": found.status,
        "complete": found.complete,
        "reasons": list(found.reasons),
        "sets": [
            {
                "papers": [
                    {"id": p.id, "kind": p.kind, "title": p.title, "authority": p.authority}
                    | {"lead_d": p.lead_s / DAY_S, "cost_eur": p.cost_eur}
                    for p in one.papers
                ],
                "cost_eur": one.cost_eur,
                "lead_d": one.lead_s / DAY_S,
                "verified": one.verified,
                "each_needed": one.needed,
                "plan": {
                    "status": one.campaign.status,
                    "objective": one.campaign.objective_name,
                    "value": one.campaign.objective_value,
                    "unit": one.campaign.objective_unit,
                    "bound": one.campaign.bound,
                    "gap": one.campaign.gap,
                },
            }
            for one in found.sets
        ],
    }


def minimal_lines(found: Minimal) -> RenderableType:
    """The minimal sets of papers for a terminal, with what each buys."""
    if found.status == "planned":
        return Text("a plan exists as the law stands: no waiver or agreement is needed")
    if found.status == "none":
        return Text("\n".join(found.reasons))
    table = Table("papers", "by", "takes", "cost", "buys", "planned again", box=box.SIMPLE_HEAD)
    for one in found.sets:
        campaign = one.campaign
        told = "yes" if one.verified else "no: a defect"
        if one.verified and one.needed:
            told += ", and not with less"
        table.add_row(
            escape("\n".join(f"{p.id}: {p.title}" for p in one.papers)),
            escape("\n".join(p.authority for p in one.papers)),
            f"{one.lead_s / DAY_S:.0f} d",
            f"{one.cost_eur / 1e6:,.1f} MEUR",
            f"a plan of {campaign.objective_value:,.0f} {campaign.objective_unit} (gap {100.0 * campaign.gap:.2f} %)",
            told,
        )
    more = "these are all there are" if found.complete else "there may be more"
    return Group(
        Text("Without waivers or agreements there is no plan. With any of these sets there is:"), table, more
    )
