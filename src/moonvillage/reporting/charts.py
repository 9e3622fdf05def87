"""The charts over time and by partner, as Altair specifications (altair and vl-convert are imported on first use)."""

from __future__ import annotations

import json
from typing import Any, Final

import polars as pl

from moonvillage.reporting import formats as f
from moonvillage.reporting.aggregate import bat_segments, costs, crew_on_site, levels, power
from moonvillage.reporting.bundle import Bundle
from moonvillage.reporting.figures import GRID, INK, LIMIT, LIVED, PLAN, QUIET, Figure, render
from moonvillage.units import DAY_S, JULIAN_YEAR_S

WIDE: Final = 980
SMALL: Final = 340
Rows = list[dict[str, Any]]


def _alt() -> Any:
    import altair

    return altair


def _chart() -> Any:
    """A chart of the rows that :func:`render` is given (Altair would check every row against its schema)."""
    alt = _alt()
    return alt.Chart(alt.NamedData("rows"))


def _time(bundle: Bundle, *, flights_only: bool = False, **axis: Any) -> dict[str, Any]:
    """Scale and axis of the campaign, or of its flights only; ticks by the year where there is room for them only."""
    alt = _alt()
    first, last = _span(bundle)
    table = bundle.campaign.table("flights")
    if flights_only and len(table):
        begin, end = f.unix_ms(min(table["departure_tdb_s"])), f.unix_ms(max(table["arrival_tdb_s"]))
        slack = 0.03 * (end - begin) + 4.0 * DAY_S * 1000.0
        moves = bundle.campaign.table("events")["epoch_tdb_s"]
        end = max(end, f.unix_ms(max(moves))) if len(moves) else end
        first, last = max(first, begin - slack), min(last, end + slack)
    if "tickCount" not in axis and last - first > 4.0 * JULIAN_YEAR_S * 1000.0:
        axis["tickCount"] = "year"
    elif "tickCount" not in axis and 100.0 < (last - first) / (DAY_S * 1000.0) < 500.0:
        axis |= {"tickCount": "month", "format": "%b %Y"}
    return {
        "scale": alt.Scale(type="utc", domain=[first, last]),
        "axis": alt.Axis(title=None, labelOverlap=True, **axis),
    }


def _span(bundle: Bundle) -> tuple[float, float]:
    header = bundle.scenario.header
    table = bundle.campaign.table("flights")
    ends = [header.start_tdb_s, header.end_tdb_s, *table["departure_tdb_s"], *table["arrival_tdb_s"]]
    return f.unix_ms(min(ends)), f.unix_ms(max(ends))


def _operators(bundle: Bundle) -> tuple[list[str], list[str]]:
    present = set(bundle.campaign.table("flights")["operator"].to_list())
    ids = [id_ for id_ in bundle.operators if id_ in present]
    return [bundle.partner(id_) for id_ in ids], [bundle.colour(id_) for id_ in ids]


def _operator_colour(bundle: Bundle, legend: bool = True, stroke: bool = False) -> Any:
    alt = _alt()
    look = {"symbolType": "stroke", "symbolStrokeWidth": 4} if stroke else {}
    names, colours = _operators(bundle)
    fitting = max(1, int(WIDE * 0.9 / (6.3 * max(map(len, names), default=1) + 34.0)))
    return alt.Color(
        "operator:N",
        scale=alt.Scale(domain=names, range=colours),
        legend=alt.Legend(title=None, columns=min(fitting, 6), **look) if legend else None,
    )


def bat(bundle: Bundle) -> Figure | None:
    """Places up, time right, width the gross mass of the stack, dashes where it waits; the whole campaign."""
    segments = bat_segments(bundle)
    if not segments:
        return None
    chart, rows = _bat_chart(bundle, segments, WIDE, 90 + 32 * _heights(segments), absolute=True)
    caption = (
        "Bat chart of the campaign: places from the Earth up, time to the right, line width the gross mass of the "
        "stack (widest {}), dashed while it waits."
    ).format(f.mass(max(row["mass_kg"] for row in segments)))
    alt_text = (
        f"Bat chart of {f.plural(len({row['flight'] for row in segments}), 'flight')} between places over time."
    )
    return render("bat", caption, chart, rows, alt_text, wide=True)


def bat_profiles(bundle: Bundle) -> list[Figure]:
    """The first flight of each mission on its own, in days since its first launch."""
    segments = bat_segments(bundle)
    figures: list[Figure] = []
    missions = bundle.campaign.table("flights").sort("departure_tdb_s", "flight")
    for row in missions.unique("mission", keep="first", maintain_order=True).iter_rows(named=True):
        own = [segment for segment in segments if segment["flight"] == row["flight"]]
        if not own:
            continue
        begin = min(segment["t0"] for segment in own)
        shifted = [{**s, "t0": (s["t0"] - begin) / 86_400_000.0, "t1": (s["t1"] - begin) / 86_400_000.0} for s in own]
        chart, rows = _bat_chart(bundle, shifted, SMALL, 210, absolute=False)
        chart = chart.properties(
            title={
                "text": f.cut(bundle.mission(row["mission"]), 46),
                "subtitle": f"{bundle.partner(row['operator'])}, first {f.month(row['departure_tdb_s'])}",
            }
        )
        figures.append(
            render(
                f"profile-{len(figures) + 1:02d}",
                f"{bundle.mission(row['mission'])}: first flight.",
                chart,
                rows,
                f"Places against days since launch for the first flight of {bundle.mission(row['mission'])}.",
            )
        )
    return figures


def _heights(segments: Rows) -> int:
    """How many places a bat chart has rows for."""
    return max(5, len({row["place0"] for row in segments} | {row["place1"] for row in segments}))


def _bat_chart(bundle: Bundle, segments: Rows, width: int, height: int, *, absolute: bool) -> tuple[Any, Rows]:
    alt = _alt()
    used = {row["place0"] for row in segments} | {row["place1"] for row in segments}
    places = [id_ for id_ in bundle.places if id_ in used]
    level = {id_: i for i, id_ in enumerate(places)}
    heaviest = max(row["mass_kg"] for row in segments) or 1.0
    rows: Rows = [
        {
            "t0": row["t0"],
            "t1": row["t1"],
            "y0": level[row["place0"]],
            "y1": level[row["place1"]],
            "operator": bundle.partner(row["operator"]),
            "wait": row["wait"],
            "w": max(0.8, (5.0 if absolute else 9.0) * (row["mass_kg"] / heaviest) ** 0.5),
            "label": row["label"],
        }
        for row in segments
    ]
    names = json.dumps([f.cut(bundle.place(id_), 24) for id_ in places])
    if absolute:
        x: Any = alt.X("t0:T", **_time(bundle, flights_only=True, grid=True))
    else:
        x = alt.X("t0:Q", scale=alt.Scale(nice=False), axis=alt.Axis(title="days since launch", tickCount=5))
    y = alt.Y(
        "y0:Q",
        scale=alt.Scale(domain=[-0.35, len(places) - 0.65]),
        axis=alt.Axis(
            title=None,
            values=list(range(len(places))),
            labelExpr=f"{names}[datum.value]",
            gridColor=GRID,
            labelColor=INK,
        ),
    )
    chart = (
        _chart()
        .mark_rule(strokeCap="butt", opacity=0.88)
        .encode(
            x=x,
            x2="t1",
            y=y,
            y2="y1",
            color=_operator_colour(bundle, legend=absolute, stroke=True),
            strokeWidth=alt.StrokeWidth("w:Q", scale=None),
            strokeDash=alt.StrokeDash(
                "wait:N", scale=alt.Scale(domain=[False, True], range=[[1, 0], [3, 3]]), legend=None
            ),
            description="label:N",
        )
        .properties(width=width, height=height)
    )
    return chart, rows


def gantt(bundle: Bundle) -> Figure | None:
    """A row per mission, a bar per flight, in the operator's colour."""
    alt = _alt()
    table = bundle.campaign.table("flights").sort("departure_tdb_s", "flight")
    if table.is_empty():
        return None
    rows: Rows = []
    counts: dict[str, int] = {}
    for row in table.iter_rows(named=True):
        counts[row["mission"]] = counts.get(row["mission"], 0) + 1
    order = {id_: i for i, id_ in enumerate(bundle.operators)}
    missions = sorted(counts, key=lambda m: order.get(_operator_of(table, m), 99))
    shown = _distinct([f"{f.cut(bundle.mission(m), 38)}  ({counts[m]})" for m in missions])
    label = dict(zip(missions, shown, strict=True))
    for row in table.iter_rows(named=True):
        crew = f", crew {row['crew_up']} up, {row['crew_down']} down" if row["crew_up"] or row["crew_down"] else ""
        rows.append(
            {
                "mission": label[row["mission"]],
                "operator": bundle.partner(row["operator"]),
                "t0": f.unix_ms(row["departure_tdb_s"]),
                "t1": f.unix_ms(row["arrival_tdb_s"]),
                "label": f"{row['flight']}: {f.date(row['departure_tdb_s'])} to {f.date(row['arrival_tdb_s'])}, "
                f"{f.mass(row['mass_to_orbit_kg'])} to orbit{crew}",
            }
        )
    chart = (
        _chart()
        .mark_bar(height=13, stroke=None)
        .encode(
            x=alt.X("t0:T", **_time(bundle, flights_only=True, grid=True)),
            x2="t1",
            y=alt.Y("mission:N", sort=list(label.values()), title=None, axis=alt.Axis(labelColor=INK)),
            color=_operator_colour(bundle),
            stroke=_operator_colour(bundle, legend=False),
            strokeWidth=alt.value(1.4),
            description="label:N",
        )
        .properties(width=WIDE, height=50 + max(40, 25 * len(missions)))
    )
    caption = "Flights by mission and operator, from departure to arrival; the number of flights stands in brackets."
    return render("gantt", caption, chart, rows, f"Gantt chart of {f.plural(len(rows), 'flight')}.", wide=True)


def _operator_of(table: pl.DataFrame, mission: str) -> str:
    return str(table.filter(pl.col("mission") == mission)["operator"][0])


def _distinct(labels: list[str]) -> list[str]:
    """Labels made different where cutting them has made two alike."""
    seen: dict[str, int] = {}
    result = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        result.append(label if seen[label] == 1 else f"{label} · {seen[label]}")
    return result


def crew(bundle: Bundle) -> list[Figure]:
    """People over time, a figure per place that ever has any."""
    alt = _alt()
    figures = []
    for place, (dated, rows) in crew_on_site(bundle).items():
        most = max(row["crew"] for row in rows)
        chart = (
            _chart()
            .mark_area(
                clip=True, interpolate="step-after" if dated else "step", color=LIVED, opacity=0.75, line=False
            )
            .encode(
                x=alt.X("t:T", **_time(bundle, flights_only=True)),
                y=alt.Y("crew:Q", title="people", axis=alt.Axis(tickCount=2, format="d", tickMinStep=1)),
            )
            .properties(width=WIDE, height=112, title=f.cut(f"People at {bundle.place(place)}", 60))
        )
        how = "by the dates of the flights" if dated else "at the middle of each planning period"
        caption = f"People at {bundle.place(place)}, {how}; at most {most:g} at once."
        figures.append(render(f"crew-{place}", caption, chart, rows, caption, wide=True))
    return figures


def stocks(bundle: Bundle) -> list[tuple[str, Figure]]:
    """A small chart per place and commodity: plan and lived levels with the reserve; (place, figure) pairs."""
    alt = _alt()
    figures: list[tuple[str, Figure]] = []
    for (place, commodity), rows in levels(bundle).items():
        kinds = {row["kind"] for row in rows}
        tonnes = max((row["kg"] for row in rows), default=0.0) >= 2000.0
        unit, factor = ("t", 1e-3) if tonnes else ("kg", 1.0)
        data: Rows = [{"t": row["t"], "y": row["kg"] * factor, "kind": row["kind"]} for row in rows]
        base = _chart().encode(
            x=alt.X("t:T", **_time(bundle, tickCount=5)),
            y=alt.Y("y:Q", title=unit, axis=alt.Axis(tickCount=4), scale=alt.Scale(zero=True)),
        )
        layers = [
            base.mark_area(color=LIVED, opacity=0.12).transform_filter("datum.kind == 'lived'"),
            base.mark_line(color=PLAN, interpolate="step-after", strokeWidth=1.2).transform_filter(
                "datum.kind == 'plan'"
            ),
            base.mark_line(color=LIVED).transform_filter("datum.kind == 'lived'"),
            base.mark_line(
                color=LIMIT, strokeDash=[4, 3], strokeWidth=1.2, interpolate="step-after"
            ).transform_filter("datum.kind == 'reserve'"),
        ]
        chart = alt.layer(*layers).properties(width=SMALL, height=180, title=f.cut(bundle.cargo(commodity), 40))
        what = " and ".join(sorted(kinds & {"plan", "lived"}))
        name = f"stock-{place}-{commodity}"
        caption = f"{bundle.cargo(commodity)} at {bundle.place(place)}, {what}" + (
            ", with its reserve (dashed)." if "reserve" in kinds else "."
        )
        figures.append((place, render(name, caption, chart, data, caption)))
    return figures


def power_charts(bundle: Bundle) -> list[tuple[str, Figure]]:
    """Per place: generation and load, energy stored, share of sunlight; means and the range of each interval."""
    alt = _alt()
    figures: list[tuple[str, Figure]] = []
    panels = (
        ("power", "Power", "kW", (("generated", "#e69f00"), ("load", LIVED), ("shed", LIMIT))),
        ("storage", "Energy stored", "kWh", (("stored", LIVED), ("capacity", PLAN))),
        ("sun", "Sunlight", "% of the time", (("sunlight", "#e69f00"),)),
    )
    for place, (interval_d, rows) in power(bundle).items():
        for name, title, unit, series in panels:
            present = [(key, colour) for key, colour in series if any(r["series"] == key and r["high"] for r in rows)]
            data = [row for row in rows if row["series"] in {key for key, _ in present}]
            if not data:
                continue
            top = 100.0 if name == "sun" else max(row["high"] for row in data) * 1.05
            base = _chart().encode(
                x=alt.X("t:T", **_time(bundle, tickCount=5)),
                color=alt.Color(
                    "series:N",
                    scale=alt.Scale(domain=[k for k, _ in present], range=[c for _, c in present]),
                    legend=alt.Legend(
                        title=None, orient="bottom", symbolType="stroke", symbolStrokeWidth=2, symbolOpacity=1
                    )
                    if len(present) > 1
                    else None,
                ),
            )
            y = alt.Y("mean:Q", title=unit, axis=alt.Axis(tickCount=4), scale=alt.Scale(domain=[0, top]))
            band = base.mark_area(opacity=0.2).encode(y=alt.Y("low:Q", title=unit), y2="high")
            chart = (band + base.mark_line(strokeWidth=1.5).encode(y=y)).properties(
                width=SMALL, height=190 if len(present) > 1 else 170, title=title
            )
            shown = ", ".join(key for key, _ in present)
            caption = f"{title} at {bundle.place(place)} ({shown}): mean and range of every {interval_d:.3g} days."
            figures.append((place, render(f"{name}-{place}", caption, chart, data, caption)))
    return figures


def dv_errors(bundle: Bundle) -> Figure | None:
    """Flown minus planned delta-v of every leg, by arc."""
    alt = _alt()
    flown = bundle.flights.flown
    if flown.is_empty():
        return None
    operator = dict(bundle.campaign.table("flights").select("flight", "operator").iter_rows())
    rows: Rows = []
    good = flown.filter(pl.col("converged") & pl.col("dv_m_s").is_finite() & pl.col("planned_dv_m_s").is_finite())
    for row in good.iter_rows(named=True):
        difference = row["dv_m_s"] - row["planned_dv_m_s"]
        rows.append(
            {
                "arc": f.cut(f"{bundle.place(row['origin'])} → {bundle.place(row['destination'])}", 40),
                "d": difference,
                "operator": bundle.partner(operator.get(row["flight"], "")),
                "label": f"{row['flight']}, step {row['step']}: {f.speed(difference)} against the plan of "
                f"{f.speed(row['planned_dv_m_s'], 4)}",
            }
        )
    if not rows:
        return None
    arcs = list(dict.fromkeys(row["arc"] for row in rows))
    reach = max(0.05, *(abs(row["d"]) * 1.08 for row in rows))
    base = _chart()
    once = alt.Chart(alt.InlineData(values=[{}]))
    zero = once.mark_rule(color=QUIET, strokeWidth=1).encode(x=alt.datum(0))
    points = base.mark_tick(thickness=2, height=16, opacity=0.75).encode(
        x=alt.X(
            "d:Q",
            title="flown − planned Δv, m/s",
            scale=alt.Scale(domain=[-reach, reach], nice=False),
            axis=alt.Axis(grid=True, tickCount=8),
        ),
        y=alt.Y("arc:N", sort=arcs, title=None, axis=alt.Axis(labelColor=INK, grid=True)),
        color=_operator_colour(bundle),
        description="label:N",
    )
    chart = (zero + points).properties(width=WIDE, height=80 + max(50, 27 * len(arcs)))
    caption = f"Flown minus planned Δv of {f.plural(len(rows), 'leg')}; a mark to the left is cheaper than planned."
    return render("dv", caption, chart, rows, caption, wide=True)


def cost_by_year(bundle: Bundle) -> Figure | None:
    """Stacked bars: cost by year of departure and operator."""
    alt = _alt()
    rows = [row for row in costs(bundle) if row["cost_eur"]]
    if not rows:
        return None
    most = pl.DataFrame(rows).group_by("year").agg(pl.col("cost_eur").sum())["cost_eur"].max()
    factor, unit = (1e9, "bn €") if isinstance(most, float) and most >= 2e9 else (1e6, "M€")
    header = bundle.scenario.header
    years = list(range(f.year(header.start_tdb_s), f.year(header.end_tdb_s - 86400.0) + 1))
    years = sorted({*years, *(row["year"] for row in rows)})
    order = {id_: i for i, id_ in enumerate(bundle.operators)}
    data: Rows = [
        {
            "year": str(row["year"]),
            "operator": bundle.partner(row["operator"]),
            "order": order.get(row["operator"], 99),
            "y": row["cost_eur"] / factor,
            "label": f"{bundle.partner(row['operator'])} {row['year']}: {f.money(row['cost_eur'])}, "
            f"{f.plural(row['flights'], 'flight')}",
        }
        for row in rows
    ]
    chart = (
        _chart()
        .mark_bar(**({"size": 70} if len(years) < 8 else {}))
        .encode(
            x=alt.X(
                "year:N",
                title=None,
                scale=alt.Scale(domain=[str(y) for y in years]),
                axis=alt.Axis(labelAngle=0, labelOverlap=True),
            ),
            y=alt.Y("y:Q", title=unit, axis=alt.Axis(tickCount=5)),
            color=_operator_colour(bundle),
            order="order:Q",
            description="label:N",
        )
        .properties(width=WIDE, height=250)
    )
    return render(
        "cost",
        "Cost of the flights by year of departure, with the operator who flies them.",
        chart,
        data,
        "Cost by year and operator.",
        wide=True,
    )
