"""Replays as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from moonvillage.replay.records import QUANTITIES, Replay, Row, summarise

#: From this confidence on the summary's second block counts a row.
TRUSTED = 0.9
_NAMES = {
    "dv": "Δv",
    "burn_time": "burn time",
    "mass_after": "mass after",
    "flight_time": "flight time",
    "c3": "C3",
    "position_error": "position error",
}
_UNITS = {"km2/s2": "km²/s²"}


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    size = abs(value)
    digits = {"km2/s2": 3, "deg": 2, "km": 1, "m/s": 1, "kg": 1, "s": 1}.get(unit, 2)
    if size >= 9999.5 and digits > 0:
        digits = 0
    return f"{value:,.{digits}f}"


def _time(seconds: float) -> str:
    size, sign = abs(seconds), "−" if seconds < 0 else "+"
    if size < 120.0:
        return f"{sign}{size:.0f} s"
    return f"{sign}{size / 60.0:.1f} min" if size < 36000.0 else f"{sign}{size / 3600.0:.1f} h"


def _cells(row: Row) -> tuple[str, str, str, str]:
    """Computed, flown, error and bound as people read them."""
    if row.utc:
        computed, flown = (row.computed_utc or "–").rstrip("Z"), (row.flown_utc or "–").rstrip("Z")
        shown = computed[5:].replace("T", " ") if row.computed is not None else "–"
        error = "–" if row.error is None else _time(row.error)
        return shown, flown[5:].replace("T", " "), error, _time(row.bound)[1:]
    unit = _UNITS.get(row.unit, row.unit)
    if row.unit == "s" and abs(row.flown) > 7200.0:
        computed = "–" if row.computed is None else f"{row.computed / 3600.0:,.2f}"
        error = "–" if row.error is None else _time(row.error)
        if QUANTITIES[row.quantity].relative and row.relative_error is not None:
            error = f"{100.0 * row.relative_error:+.2f} %"
        return f"{computed} h", f"{row.flown / 3600.0:,.2f} h", error, _time(row.bound)[1:]
    computed, flown = _number(row.computed, row.unit), _number(row.flown, row.unit)
    relative = QUANTITIES[row.quantity].relative and row.relative_error is not None
    error = "–" if row.error is None else f"{_number(row.error, row.unit)} {unit}"
    if row.error is not None and row.error >= 0:
        error = "+" + error
    if relative and row.relative_error is not None:
        error = f"{100.0 * row.relative_error:+.2f} %"
    bound = f"{100.0 * row.bound / abs(row.flown):.3g} %" if relative and row.flown else f"{row.bound:.4g} {unit}"
    return f"{computed} {unit}", f"{flown} {unit}", error.replace("-", "−"), bound


def _verdict(row: Row) -> Text:
    if row.role == "input":
        return Text("input", "dim")
    return Text("yes", "green") if row.within else Text("NO", "bold red")


def mission_table(replay: Replay) -> RenderableType:
    """One mission: a row a comparison, the reasons of those that have one, and what was approximated."""
    table = Table(
        title=replay.title, title_justify="left", title_style="bold", box=None, padding=(0, 1), pad_edge=False
    )
    table.add_column("event", max_width=34)
    table.add_column("quantity")
    for heading in ("computed", "flown", "error", "bound"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("conf.", justify="right")
    table.add_column("within")
    reasons: list[str] = []
    for row in replay.rows:
        mark = ""
        if row.reason:
            reasons.append(row.reason)
            mark = f" [{len(reasons)}]"
        cells = _cells(row)
        name = Text(row.event + mark)
        table.add_row(name, _NAMES.get(row.quantity, row.quantity), *cells, f"{row.confidence:.2f}", _verdict(row))
    parts: list[RenderableType] = [table]
    parts += [Text(f"  [{k + 1}] {reason}", "dim") for k, reason in enumerate(reasons)]
    parts += [Text(f"  failed: {failure}", "red") for failure in replay.failures]
    parts.append(Text(""))
    return Group(*parts)


def summary_table(replays: Sequence[Replay]) -> RenderableType:
    """Median and greatest errors by quantity: all rows, and those of confidence 0.9 and more."""
    rows = [row for replay in replays for row in replay.rows]
    every, trusted = summarise(rows), summarise(rows, TRUSTED)
    table = Table(
        title="Errors, |computed − flown|", title_justify="left", title_style="bold", box=None, pad_edge=False
    )
    table.add_column("quantity")
    for heading in ("rows", "median", "most"):
        table.add_column(heading, justify="right")
    for heading in (f"rows, conf. ≥ {TRUSTED}", "median", "most"):
        table.add_column(heading, justify="right")

    def cells(found: dict[str, object] | None, name: str) -> list[str]:
        if found is None:
            return ["–", "–", "–"]
        shown = [f"{found['rows']}" + (f" ({found['failed']} failed)" if found["failed"] else "")]
        for key in ("median", "max"):
            value = found[key]
            if not isinstance(value, float):
                shown.append("–")
            elif QUANTITIES[name].relative:
                shown.append(f"{100.0 * value:.2f} %")
            elif QUANTITIES[name].unit == "s":
                shown.append(_time(value)[1:])
            else:
                shown.append(f"{value:.3g} {_UNITS.get(QUANTITIES[name].unit, QUANTITIES[name].unit)}")
        return shown

    for name in every:
        table.add_row(_NAMES.get(name, name), *cells(every[name], name), *cells(trusted.get(name), name))
    outside = [(replay, row) for replay in replays for row in replay.rows if not row.within]
    inputs = sum(row.role == "input" for row in rows)
    said = f"{len(rows) - inputs} comparisons in {len(replays)} missions; {len(outside)} outside their bounds."
    if inputs:
        said += f" {inputs} rows restate an operator's choice and are not counted."
    lines: list[RenderableType] = [table, Text(""), Text(said, "bold red" if outside else "bold green")]
    for replay, row in outside:
        lines.append(Text(f"  {replay.title}, {row.event}, {row.quantity}: {row.reason or 'no reason is known'}"))
    return Group(*lines)


def notes_of(replay: Replay) -> RenderableType:
    """What the steps of a mission approximated or failed at."""
    return Group(*(Text(f"  {note}", "dim") for note in replay.notes))
