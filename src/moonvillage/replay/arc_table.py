"""An ephemeris taken apart, as a table for a terminal and as plain values for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.replay.as_flown import Arc, AsFlown, Break
from moonvillage.replay.finite_burns import FiniteBurn, finite_burn
from moonvillage.units import DAY_S


def _quantiles(arcs: tuple[Arc, ...]) -> dict[str, float | None]:
    errors = np.array([arc.error_m for arc in arcs if np.isfinite(arc.error_m)])
    if errors.size == 0:
        return {"q50": None, "q99": None, "max": None}
    return {name: float(np.quantile(errors, q)) for name, q in (("q50", 0.5), ("q99", 0.99), ("max", 1.0))}


def _break(found: Break) -> dict[str, Any]:
    return {
        "start_utc": tdb_s_to_utc(found.start_tdb_s),
        "end_utc": tdb_s_to_utc(found.end_tdb_s),
        "impulse_utc": tdb_s_to_utc(found.epoch_tdb_s),
        "dv_m_s": found.dv_m_s,
        "dv_icrf_m_s": [float(c) for c in found.dv_icrf_m_s],
        "miss_m": found.miss_m,
        "moon_distance_m": found.moon_distance_m,
        "earth_distance_m": found.earth_distance_m,
    }


def _arc(arc: Arc) -> dict[str, Any]:
    finite = np.isfinite(arc.error_m)
    return {
        "start_utc": tdb_s_to_utc(arc.start_tdb_s),
        "duration_s": arc.duration_s,
        "error_m": arc.error_m if finite else None,
        "error_m_s": arc.error_m_s if finite else None,
        "joins": arc.joins,
        "perilune_m": arc.perilune_m if np.isfinite(arc.perilune_m) else None,
    }


def _finite(burn: FiniteBurn) -> dict[str, Any]:
    if burn.reason:
        return {"reason": burn.reason}
    return {
        "ignition_utc": tdb_s_to_utc(burn.ignition_tdb_s, decimals=1),
        "duration_s": burn.duration_s,
        "dv_m_s": burn.dv_m_s,
        "dv_icrf_m_s": [float(c) for c in burn.dv_icrf_m_s],
        "turn_rad": burn.turn_rad,
        "residual_m": burn.residual_m,
    }


def as_json(flown: AsFlown) -> dict[str, Any]:
    """Everything found, for ``moonvillage replay --ephemeris FILE --json``."""
    return {
        "object": flown.segment.object_name,
        "states": int(flown.segment.epoch_tdb_s.size),
        "arcs": {"count": len(flown.arcs), "error_m": _quantiles(flown.arcs), "list": [_arc(a) for a in flown.arcs]},
        "coasts": [_arc(coast) for coast in flown.coasts],
        "burns": [_break(burn) | {"finite": _finite(finite_burn(flown, burn))} for burn in flown.burns],
        "joins": [_break(join) for join in flown.joins],
        "notes": list(flown.notes),
    }


def arc_table(flown: AsFlown) -> RenderableType:
    """Burns, and a line for every coast between burns with the worst of its arcs."""
    burns = Table(title="Burns found", title_justify="left", box=None, pad_edge=False)
    for head in ("impulse at, UTC", "Δv, m/s", "miss, m", "from Moon, km", "from Earth, km", "burnt for, s"):
        burns.add_column(head, justify="left" if head.startswith("impulse") else "right")
    for burn in flown.burns:
        burns.add_row(
            tdb_s_to_utc(burn.epoch_tdb_s),
            f"{burn.dv_m_s:.3f}",
            f"{burn.miss_m:.1f}",
            f"{burn.moon_distance_m / 1e3:,.0f}",
            f"{burn.earth_distance_m / 1e3:,.0f}",
            "–" if (finite := finite_burn(flown, burn)).reason else f"{finite.duration_s:.1f}",
        )
    coasts = Table(title="Coasts between burns", title_justify="left", box=None, pad_edge=False)
    for head in ("from, UTC", "days", "joins", "arcs", "median miss, m", "worst miss, m", "perilune, km"):
        coasts.add_column(head, justify="left" if head.startswith("from") else "right")
    for coast in flown.coasts:
        inside = [arc for arc in flown.arcs if coast.first <= arc.first < coast.last]
        misses = [arc.error_m for arc in inside]
        coasts.add_row(
            tdb_s_to_utc(coast.start_tdb_s),
            f"{coast.duration_s / DAY_S:.2f}",
            str(coast.joins),
            str(len(inside)),
            f"{np.median(misses):.2f}" if misses else "–",
            f"{max(misses):.2f}" if misses else "–",
            f"{coast.perilune_m / 1e3:,.1f}" if np.isfinite(coast.perilune_m) else "",
        )
    q = _quantiles(flown.arcs)
    shown = " ".join(f"{name} {value:.2f} m" for name, value in q.items() if value is not None)
    line = f"{len(flown.arcs)} arcs between {len(flown.burns)} burns and {len(flown.joins)} joins: {shown}"
    return Group(burns, "", coasts, "", Text(line), *(Text(f"  {note}") for note in flown.notes))
