"""``moonvillage aborts``: the ways home from every moment of a run's crewed flights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from moonvillage.cli.shared import DONE, Json, paper, print_json
from moonvillage.errors import InputError


def aborts(
    folder: Path,
    /,
    *,
    flight: str = "",
    moments: int = 9,
    limit: str = "",
    within: str = "10 d",
    json: Json = False,
) -> int:
    """From moments along each crewed flight: the cheapest way home, how long it takes, and the worst moment.

    Example: `moonvillage aborts runs/moon-village --limit "900 m/s" --within "6 d"`

    Parameters
    ----------
    folder
        A finished run.
    flight
        One flight's id; every flight with people aboard by default.
    moments
        How many moments along each leg between the Earth and the Moon.
    limit
        The most velocity change that the craft has left.
    within
        The longest way home.
    """
    from moonvillage.pipeline import read_result
    from moonvillage.pipeline.aborts import abort_tables, crewed_flights
    from moonvillage.units import parse_quantity

    if moments < 1:
        raise InputError.one("is not a number of moments", "give 1 or more", field="--moments", value=str(moments))
    most = parse_quantity(limit, "speed") if limit else math.inf
    longest = parse_quantity(within, "time")
    result, _ = read_result(folder)
    if result.campaign is None or result.flights is None:
        raise InputError.one("holds no flown legs", "run it at least to the stage 'fly'", file=str(folder))
    crewed = crewed_flights(result.campaign)
    if flight and flight not in crewed:
        known = ", ".join(crewed[:12]) or "there is none"
        raise InputError.one("has nobody aboard", f"choose one of: {known}", field="--flight", value=flight)
    found = abort_tables(result.flights, [flight] if flight else crewed, moments, most, longest)
    if json:
        print_json({"legs": found})
        return DONE
    for entry in found:
        _show(entry)
    if not found:
        print("no flight with people aboard crosses between the Earth and the Moon")
    return DONE


def _show(entry: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(title=f"{entry['flight']}: {entry['from']} to {entry['to']}", title_justify="left", box=None)
    for name in ("moment", "cheapest, m/s", "home in", "quickest, m/s", "home in"):
        table.add_column(name, justify="left" if name == "moment" else "right")
    for moment in entry["moments"]:
        if moment["reason"]:
            table.add_row(moment["utc"], moment["reason"], "", "", "")
            continue
        cheap, quick = moment["cheapest"], moment["quickest"]
        table.add_row(
            moment["utc"],
            f"{cheap['dv_m_s']:.0f}",
            f"{cheap['duration_s'] / 86400.0:.2f} d",
            f"{quick['dv_m_s']:.0f}",
            f"{quick['duration_s'] / 86400.0:.2f} d",
        )
    paper().print(table)
    paper().print(f"  {entry['summary']}\n")
