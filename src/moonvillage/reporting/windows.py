"""A window map as a table to read, a data frame to keep and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from moonvillage.ephemeris.time import tdb_s_to_datetime, tdb_s_to_utc
from moonvillage.errors import InputError
from moonvillage.units import DAY_S

#: Largest table that is printed; larger maps are thinned, and say so.
_ROWS: Final = 32
_COLUMNS: Final = 11
#: Cells within this of the best of all carry a mark.
_NEAR_BEST_M_S: Final = 10.0


def lines(found: Any) -> list[str]:
    """A coarse table of a :class:`~moonvillage.trajectory.windows.WindowMap`, and what stands out."""
    m, k = found.dv_m_s.shape
    best = found.best() if found.converged > 0.0 else None
    rows = _picked(m, _ROWS, best[0] if best else None)
    columns = _picked(k, _COLUMNS, best[1] if best else None)
    least = float(np.nanmin(found.dv_m_s)) if best else np.nan
    text = [f"{found.arc}: sum of burns, m/s, by departure (UTC) and flight time (days)"]
    text.append(f"{'':<16}" + "".join(f"{found.durations_s[j] / DAY_S:>8.2f}" for j in columns))
    for i in rows:
        cells = []
        for j in columns:
            value = float(found.dv_m_s[i, j])
            mark = "*" if best == (i, j) else "+" if value <= least + _NEAR_BEST_M_S else " "
            cells.append(f"{value:>7.0f}{mark}" if np.isfinite(value) else f"{'-':>7} ")
        text.append(f"{tdb_s_to_utc(float(found.departures_tdb_s[i]))[:16]:<16}" + "".join(cells))
    if best:
        i, j = best
        burns = [f"{name} {dv:.1f}" for name, dv in zip(found.names, found.burns_m_s[i, j], strict=True) if dv > 0.0]
        text.append(
            f"* best: {tdb_s_to_utc(float(found.departures_tdb_s[i]))}, {found.durations_s[j] / DAY_S:.2f} d, "
            f"{' + '.join(burns)} = {found.dv_m_s[i, j]:.1f} m/s; + within {_NEAR_BEST_M_S:.0f} m/s of it"
        )
    if len(rows) < m or len(columns) < k:
        text.append(
            f"shown are {len(rows)} of {m} departures and {len(columns)} of {k} flight times; --csv keeps all"
        )
    good = int(np.isfinite(found.dv_m_s).sum())
    text.append(
        f"{good} of {m * k} transfers converged ({found.converged:.1%}) in {found.wall_s:.1f} s, "
        f"{found.cpu_s:.1f} s of processor time"
    )
    if good:
        far, fast = float(np.nanmax(found.closure_m)), float(np.nanmax(found.closure_m_s))
        text.append(f"flown again in one go they miss by at most {far:.2g} m and {fast:.2g} m/s")
        moved = float(np.nanmax(np.abs(found.shift_s)))
        if moved > 1.0:
            text.append(f"the solver moved departures by up to {moved / 3600.0:.2f} h")
    reasons = [reason for row in found.reasons for reason in row if reason]
    common = sorted(set(reasons), key=lambda r: (-reasons.count(r), r))[:5]
    text += [f"{reasons.count(reason)} without: {reason}" for reason in common]
    text += [f"note: {note}" for note in found.notes]
    return text


def _picked(count: int, most: int, wanted: int | None) -> list[int]:
    """Indices spread over a range, with one that must be among them."""
    chosen = set(np.unique(np.round(np.linspace(0, count - 1, min(count, most))).astype(int)).tolist())
    if wanted is not None and wanted not in chosen:
        inner = [x for x in chosen if x not in (0, count - 1)] or list(chosen)
        chosen.discard(min(inner, key=lambda x: abs(x - wanted)))
        chosen.add(wanted)
    return sorted(chosen)


def table(found: Any) -> pl.DataFrame:
    """Every cell as a row: departure, flight time, burns, sum, C3, shift, closure, reason."""
    m, k = found.dv_m_s.shape
    columns: dict[str, Any] = {
        "departure_utc": np.repeat([tdb_s_to_utc(float(t)) for t in found.departures_tdb_s], k),
        "departure_tdb_s": np.repeat(found.departures_tdb_s, k),
        "duration_s": np.tile(found.durations_s, m),
        "dv_m_s": found.dv_m_s.ravel(),
    }
    for column, name in enumerate(found.names):
        columns[f"{name}_m_s"] = found.burns_m_s[:, :, column].ravel()
    columns |= {
        "c3_m2_s2": found.c3_m2_s2.ravel(),
        "shift_s": found.shift_s.ravel(),
        "closure_m": found.closure_m.ravel(),
        "closure_m_s": found.closure_m_s.ravel(),
        "reason": [reason for row in found.reasons for reason in row],
    }
    return pl.DataFrame(columns).with_columns(pl.selectors.float().fill_nan(None))


def draw(found: Any, path: Path) -> None:
    """A heat map with the best cell marked, as SVG, PNG or HTML by the file's name (Altair is imported here).

    The colours end at the dearest of the cheapest 90 %: what is dearer is all alike.
    """
    import altair as alt

    if path.suffix not in (".svg", ".png", ".html"):
        raise InputError.one(
            "is no kind of picture", "let it end in .svg, .png or .html", field="plot", value=str(path)
        )
    m, k = found.dv_m_s.shape
    days = found.durations_s / DAY_S
    half = 0.5 * float(np.min(np.diff(days))) if k > 1 else 0.25
    pace = float(np.min(np.diff(found.departures_tdb_s))) if m > 1 else DAY_S
    rows = []
    for i in range(m):
        begin = tdb_s_to_datetime(float(found.departures_tdb_s[i] - 0.5 * pace))
        until = tdb_s_to_datetime(float(found.departures_tdb_s[i] + 0.5 * pace))
        for j in range(k):
            value = float(found.dv_m_s[i, j])
            rows.append(
                {
                    "from": begin.isoformat(),
                    "until": until.isoformat(),
                    "low": float(days[j]) - half,
                    "high": float(days[j]) + half,
                    "dv": round(value, 1) if np.isfinite(value) else None,
                }
            )
    data = alt.InlineData(values=rows)
    good = found.dv_m_s[np.isfinite(found.dv_m_s)]
    domain = [float(good.min()), float(np.quantile(good, 0.9))] if good.size else [0.0, 1.0]
    if domain[1] - domain[0] < 1.0:
        domain[1] = domain[0] + 1.0
    x = alt.X(
        "from:T",
        title="departure (UTC)",
        axis=alt.Axis(format="%Y-%m-%d", tickCount=8),
        scale=alt.Scale(type="utc", nice=False),
    )
    cells = (
        alt.Chart(data)
        .mark_rect(strokeWidth=0)
        .encode(
            x=x,
            x2="until:T",
            y=alt.Y("low:Q", title="flight time, days", scale=alt.Scale(zero=False, nice=False)),
            y2="high:Q",
            color=alt.Color(
                "dv:Q",
                title="sum of burns, m/s",
                scale=alt.Scale(scheme="viridis", reverse=True, domain=domain, clamp=True),
            ),
            tooltip=["from:T", "low:Q", "dv:Q"],
        )
    )
    layers = [cells]
    title = f"{found.arc}: {found.converged:.1%} of {m * k} transfers converged"
    if good.size:
        i, j = found.best()
        at = tdb_s_to_datetime(float(found.departures_tdb_s[i])).isoformat()
        mark = alt.Chart(alt.InlineData(values=[{"from": at, "day": float(days[j])}]))
        layers.append(
            mark.mark_point(shape="cross", size=120, color="#d1495b", strokeWidth=2).encode(x="from:T", y="day:Q")
        )
        title += f"; best {found.dv_m_s[i, j]:.0f} m/s"
    chart = alt.layer(*layers).properties(width=760, height=360, title=title)
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.save(str(path), scale_factor=2 if path.suffix == ".png" else 1)
