"""`moonvillage dispersion`: what the corrections of an arc cost, at 95 and 99 %."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moonvillage.cli.shared import ANSWER_IS_NO, DONE, Json, print_json
from moonvillage.errors import InputError
from moonvillage.units import parse_quantity


def _three(text: str, dimension: str, field: str) -> tuple[float, float, float]:
    parts = text.split(",")
    if len(parts) not in (1, 3):
        raise InputError.one(
            "is neither one quantity nor three", 'write "3 m/s" or "3 m/s, 2 m/s, 2 m/s"', field=field, value=text
        )
    values = [_quantity(part, dimension, field) for part in parts]
    x, y, z = values * 3 if len(values) == 1 else values
    return x, y, z


def _quantity(text: str, dimension: str, field: str) -> float:
    try:
        value = parse_quantity(text.strip(), dimension)
    except ValueError as error:
        raise InputError.one(str(error), "write a number with its unit", field=field, value=text) from None
    if not 0.0 <= value < math.inf:
        raise InputError.one("is not a size", "write a quantity of zero or more", field=field, value=text)
    return value


def dispersion(
    file: Path,
    /,
    *,
    arc: str = "",
    date: str = "",
    runs: int = 1000,
    seed: int = 1,
    corrections: int | None = None,
    after: Sequence[str] = (),
    injection: str = "",
    knowledge: str = "",
    json: Json = False,
) -> int:
    """What do the corrections of an arc cost, and how well does it then arrive?

    Dispersed flights in the n-body model, each corrected on an estimate and with an engine that err, beside linear
    covariance. Prints the sum of the corrections (mean, 95 %, 99 %, with confidence intervals) and the delivery.

    Example: `moonvillage dispersion mine.toml --arc "leo>llo" --runs 1000`

    Parameters
    ----------
    file
        A scenario file.
    arc
        The arc's id; all its arcs are listed where none is given.
    date
        Departure, UTC; the scenario's first day by default.
    runs
        Flights of the Monte Carlo; 0 for linear covariance alone.
    seed
        The same seed gives the same flights.
    corrections
        How many, placed where they cost least; two more than the arc has aims by default.
    after
        When to correct instead, after departure: `--after "6 h" --after "2 d"`.
    injection
        Error of injection, 1 sigma along, across and in the plane: `"3 m/s, 2 m/s, 2 m/s"`.
    knowledge
        Error of the estimate at a correction, 1 sigma by axis, position and velocity: `"1 km, 1 cm/s"`.
    """
    from moonvillage.ephemeris.time import tdb_s_to_utc, utc_to_tdb_s
    from moonvillage.scenario import load
    from moonvillage.scenario.walk import arcs
    from moonvillage.trajectory.covariance import Errors, Injection, Knowledge
    from moonvillage.trajectory.dispersion import budget

    scenario = load(file)
    known = arcs(scenario)
    if not arc:
        if json:
            print_json({"arcs": sorted(known)})
        else:
            print("\n".join(sorted(known)))
        return DONE
    if arc not in known:
        raise InputError.one(
            "is no arc of the scenario",
            f"it has {', '.join(sorted(known))}",
            file=str(file),
            field="--arc",
            value=arc,
        )
    if runs < 0 or runs == 1:
        raise InputError.one(
            "is no number of runs", "ask for two or more, or 0 for none", field="--runs", value=str(runs)
        )
    departure = scenario.header.start_tdb_s
    if date:
        try:
            departure = utc_to_tdb_s(date)
        except ValueError as error:
            raise InputError.one(str(error), "write 2031-04-12", field="--date", value=date) from None
    known_to = Knowledge()
    if knowledge:
        where, _, fast = knowledge.partition(",")
        known_to = Knowledge(_quantity(where, "length", "--knowledge"), _quantity(fast, "speed", "--knowledge"))
    injected = None
    if injection:
        injected = Injection(velocity_m_s=_three(injection, "speed", "--injection"))
    given = Errors(injected, knowledge=known_to) if injection or knowledge else None
    times = [_quantity(text, "time", "--after") for text in after] or None
    found = budget(known[arc], departure, errors=given, times_s=times, count=corrections, runs=runs, seed=seed)
    if json:
        print_json(_plain(found))
    elif found.reason:
        print(found.reason)
    else:
        print(_text(found, tdb_s_to_utc(found.departure_tdb_s)))
    return ANSWER_IS_NO if found.reason else DONE


def _plain(value: Any) -> Any:
    """A budget for programs: without the samples and the covariances themselves."""
    if is_dataclass(value):
        own = {field.name: getattr(value, field.name) for field in fields(value)}
        return {name: _plain(found) for name, found in own.items() if name not in ("totals_m_s", "covariance")}
    if isinstance(value, tuple | list):
        return [_plain(found) for found in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _text(found: Any, departure: str) -> str:
    placed = "placed for the least 99 %" if found.placed else "as asked"
    lines = [
        f"{found.arc}, departure {departure}",
        f"corrections after {', '.join(f'{t / 3600.0:.1f} h' for t in found.times_s)} ({placed})",
        "",
        f"{'':34} {'mean':>9} {'95 %':>9} {'99 %':>9}   95 % interval of the 99 %",
    ]
    linear = found.linear
    lines.append(
        f"{'sum, linear covariance, m/s':34} {linear.mean_m_s:9.2f} {linear.q95_m_s:9.2f} {linear.q99_m_s:9.2f}"
    )
    if found.monte_carlo is not None:
        sampled = found.monte_carlo
        for row in (sampled.total, *sampled.each, *sampled.delivery):
            scale, unit = _scale(row.unit)
            lines.append(
                f"{f'{row.name}, {unit}':34} {row.mean.value * scale:9.2f} {row.q95.value * scale:9.2f} "
                f"{row.q99.value * scale:9.2f}   {row.q99.low * scale:.2f} to {row.q99.high * scale:.2f}"
            )
        lines += ["", f"{sampled.runs} flights, seed {sampled.seed}, {sampled.lost} lost"]
    else:
        for spread in linear.delivery:
            scale, unit = _scale(spread.unit)
            lines.append(f"{f'{spread.name}, 1 sigma, {unit}':34} {spread.sigma * scale:9.2f}")
    lines += ["", f"margin to add to the arc: {found.margin_m_s:.1f} m/s", f"note: {found.approximation}"]
    return "\n".join(lines)


def _scale(unit: str) -> tuple[float, str]:
    return {"m": (1e-3, "km"), "rad": (math.degrees(1.0), "deg")}.get(unit, (1.0, unit))
