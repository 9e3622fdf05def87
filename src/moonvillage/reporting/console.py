"""The end of a run on the terminal: what came out, how sure it is, where to read on. Fits 80 columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from moonvillage.reporting import formats as f
from moonvillage.reporting.sections import GOOD, STATUS

_LINES = 8

#: Measures of effectiveness: title, unit, decimals.
MEASURES: Mapping[str, tuple[str, str, int]] = {
    "crew_surface_days": ("crew surface days", "", 2),
    "exploration_mass_kg": ("exploration mass", " kg", 2),
    "launch_mass_kg": ("total launch mass", " kg", 2),
    "up_utilisation": ("cargo capacity used, up", "", 4),
    "down_utilisation": ("cargo capacity used, down", "", 4),
    "exploration_capability_kg_d": ("exploration capability", " kg d", 2),
    "relative_capability": ("relative capability", "", 5),
    "cost_eur": ("total cost", " EUR", 0),
}


def summary_lines(summary: Mapping[str, Any], *, title: str = "") -> RenderableType:
    """What ``run`` prints when it is done.

    Parameters
    ----------
    summary
        The mapping that ``run --json`` prints; missing keys leave their lines out.
    title
        The scenario's title, for the head line.

    Returns
    -------
    rich.console.RenderableType
        For ``Console.print``; without a terminal it is plain text.
    """
    status = str(summary.get("status", "unknown"))
    good = status in GOOD
    head = Text()
    head.append("● ", style="green" if good else "red")
    head.append(STATUS.get(status, f.words(status).capitalize()), style="bold green" if good else "bold red")
    if title:
        head.append(f"  {title}", style="bold")
    parts: list[RenderableType] = [head]
    reasons = [str(reason) for reason in summary.get("reasons") or ()]
    if reasons:
        parts.append(_bullets(reasons, "" if good else "red"))
    if summary.get("ledger"):
        parts.append(_ledger(summary["ledger"]))
    for name, rows in (
        ("Plan", _plan(summary)),
        ("Measures of effectiveness", _measures(summary)),
        ("Flight", _flight(summary)),
        ("Smallest margins", _margins(summary)),
        ("Time", _times(summary)),
    ):
        if rows:
            parts += [Rule(Text(name, style="dim"), align="left", style="dim", characters="─"), _grid(rows)]
    place = summary.get("report") or summary.get("run")
    if place:
        where = Text("Report  " if summary.get("report") else "Run folder  ", style="dim")
        where.append(str(place), style="cyan")
        where.overflow = "fold"
        parts += [Rule(style="dim", characters="─"), where]
    return Group(*parts)


def _ledger(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The burns of prescribed flights, one by one: who, how much, and what is left."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1))
    for name in ("stage", "dv m/s", "before kg", "used kg", "left kg"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for row in rows:
        figures = (row["dv_m_s"], row["mass_before_kg"], row["propellant_kg"], row["left_kg"])
        table.add_row(escape(row["craft"]), *(f"{value:,.2f}" for value in figures))
    return table


def _bullets(lines: list[str], style: str) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line in lines[:_LINES]:
        table.add_row("–", Text(line, style=style))
    if len(lines) > _LINES:
        table.add_row("", Text(f"and {len(lines) - _LINES} more", style="dim"))
    return Padding(table, (0, 0, 0, 2))


def _grid(rows: list[tuple[str, str, str]]) -> RenderableType:
    """Label, value, remark; values flush right, remarks give way first."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", max_width=26, overflow="fold")
    table.add_column(justify="right", no_wrap=True, style="bold")
    table.add_column(style="dim", overflow="fold")
    for label, shown, remark in rows:
        table.add_row(Text(label), Text(shown), Text(remark))
    return Padding(table, (0, 0, 0, 2))


def _plan(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    objective = summary.get("objective") or {}
    value = _float(objective.get("value"))
    if math.isfinite(value):
        unit = str(objective.get("unit", ""))
        remark = ""
        bound, gap = _float(summary.get("bound")), _float(summary.get("gap"))
        if math.isfinite(bound):
            remark = f"bound {f.amount(bound, unit)}"
        if math.isfinite(gap):
            remark += f"{', ' if remark else ''}gap {f.percent(gap)}"
        rows.append((f.words(str(objective.get("name", "objective"))), f.amount(value, unit), remark))
    if "flights" in summary:
        rows.append(("flights", f.whole(_float(summary["flights"])), ""))
    if "mass_to_orbit_kg" in summary:
        rows.append(("mass to orbit", f.mass(_float(summary["mass_to_orbit_kg"])), ""))
    for site, kg in (summary.get("mass_landed_kg") or {}).items():
        rows.append((f"landed at {f.words(str(site))}", f.mass(_float(kg)), ""))
    if summary.get("crew_days"):
        rows.append(("crew-days", f.whole(_float(summary["crew_days"])), ""))
    return rows


def _measures(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """SpaceNet's measures, of prescribed flights (a long plan has them in its JSON)."""
    found = summary.get("measures") or {}
    if not summary.get("ledger"):
        return []
    return [
        (title, f"{_float(found[name]):,.{decimals}f}{unit}", "")
        for name, (title, unit, decimals) in MEASURES.items()
        if found.get(name) is not None
    ]


def _flight(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    if "iterations" in summary:
        rows.append(("plan and fly, rounds", f.whole(_float(summary["iterations"])), ""))
    error = summary.get("dv_error_m_s") or {}
    if error:
        remark = f"q99 {f.speed(_float(error.get('q99')))}, max {f.speed(_float(error.get('max')))}"
        rows.append(("flown − planned Δv", f.speed(_float(error.get("q50"))), f"median; {remark}"))
    closure = summary.get("closure") or {}
    if closure:
        position, velocity = _float(closure.get("position_m")), _float(closure.get("velocity_m_s"))
        rows.append(("closure, worst", f.length(position), f.speed(velocity, 2)))
    return rows


def _margins(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    rows = []
    for stock, margin in (summary.get("margins") or {}).items():
        value = _float(margin.get("value"))
        remark = f"on {margin['date']}" if margin.get("date") else ""
        if value < 0.0:
            remark += f"{', ' if remark else ''}below the reserve"
        rows.append((f.words(str(stock)), f.amount(value, str(margin.get("unit", ""))), remark))
    return rows


def _times(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    wall = {str(k): _float(v) for k, v in (summary.get("wall_s") or {}).items()}
    return [(f.words(stage), f.seconds(s), "") for stage, s in wall.items() if math.isfinite(s)]


def _float(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
