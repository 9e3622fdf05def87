"""Adding up what the records hold: by partner, by year, by class of supply. No figure here is new."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from moonvillage.catalog.schema import key_of
from moonvillage.reporting import formats as f
from moonvillage.reporting.bundle import Bundle
from moonvillage.units import DAY_S, JULIAN_YEAR_S

Rows = list[dict[str, Any]]
#: Points kept of any line over time.
_POINTS: Final = 260
_NUMBER: Final = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
#: Classes of supply (NATO's, as SpaceNet adapted them: Shull et al., AIAA 2006-7234).
SUPPLY: Final = {
    1: "Propellants and fuels",
    2: "Crew provisions",
    3: "Crew operations",
    4: "Maintenance and upkeep",
    5: "Stowage and restraint",
    6: "Exploration and research",
    7: "Waste and disposal",
    8: "Habitation and infrastructure",
    9: "Transportation",
    10: "Miscellaneous",
}
#: Mean synodic month.
LUNATION_S: Final = 29.530589 * DAY_S
CREW: Final = "Crew"
SAMPLES: Final = "Samples"


def bat_segments(bundle: Bundle) -> Rows:
    """Straight pieces of each flight between its ledger events, with the mass carried along each.

    An arrival's own leg says when the way to it began; before that the stack waits. What is undocked and left
    waits until it is docked again.
    """
    operators = dict(bundle.campaign.table("flights").select("flight", "operator").iter_rows())
    legs = bundle.campaign.table("legs")
    departures = {(row[0], row[1]): row[2] for row in legs.select("flight", "step", "departure_tdb_s").iter_rows()}
    ground = next((id_ for id_ in bundle.places if bundle.rank(id_) == 0), "")
    segments: Rows = []
    events = bundle.campaign.table("events").sort("flight", "epoch_tdb_s", "step", maintain_order=True)
    for (flight,), rows in events.group_by("flight", maintain_order=True):
        id_ = str(flight)

        def add(a: dict[str, Any], b: dict[str, Any], id_: str = id_) -> None:
            if a["mass_kg"] > 1e-3 and (a["place"] != b["place"] or b["epoch_tdb_s"] > a["epoch_tdb_s"]):
                segments.append(_segment(bundle, operators, id_, a, b))

        before: dict[str, Any] | None = None
        left: dict[str, dict[str, Any]] = {}
        for row in rows.filter(pl.col("place") != "").iter_rows(named=True):
            here = row["place"]
            if row["event"] == "launch" and ground and here != ground:
                new = row["mass_kg"] - (before["mass_kg"] if before is not None and before["place"] == here else 0.0)
                add({**row, "place": ground, "mass_kg": new}, row)
            if before is not None:
                if before["place"] == here:
                    add(before, row)
                elif row["event"] not in ("launch", "take"):
                    leaves = departures.get((id_, row["step"]), before["epoch_tdb_s"])
                    start = {**before, "epoch_tdb_s": max(before["epoch_tdb_s"], leaves)}
                    add(before, start)
                    add(start, row)
                if row["event"] == "undock":
                    left[here] = {**row, "mass_kg": before["mass_kg"] - row["mass_kg"]}
            if row["event"] == "dock" and here in left:
                add(left.pop(here), row)
            before = row
    return segments


def _segment(
    bundle: Bundle, operators: dict[str, str], flight: str, a: dict[str, Any], b: dict[str, Any]
) -> dict[str, Any]:
    wait = a["place"] == b["place"]
    when, kg = f.date(a["epoch_tdb_s"]), f.mass(a["mass_kg"])
    where = bundle.place(a["place"]) if wait else f"{bundle.place(a['place'])} → {bundle.place(b['place'])}"
    return {
        "flight": flight,
        "operator": operators.get(flight, ""),
        "place0": a["place"],
        "place1": b["place"],
        "t0": f.unix_ms(a["epoch_tdb_s"]),
        "t1": f.unix_ms(b["epoch_tdb_s"]),
        "mass_kg": a["mass_kg"],
        "wait": wait,
        "label": f"{flight}: {'waits at ' if wait else ''}{where}, {when}, {kg}",
    }


def crew_on_site(bundle: Bundle) -> dict[str, tuple[bool, Rows]]:
    """People by place over time, for places that ever have any: (dated, rows of ``t`` and ``crew``).

    Where flights bring people and take them home, the dates of their stays count (``dated``); elsewhere the plan's
    own count at the middle of each period.
    """
    begin, end = bundle.scenario.header.start_tdb_s, bundle.scenario.header.end_tdb_s
    moves = bundle.campaign.table("manifest").filter(pl.col("kind") == "crew")
    planned = bundle.campaign.table("crew")
    found: dict[str, tuple[bool, Rows]] = {}
    for place in (id_ for id_ in bundle.places if bundle.rank(id_) > 0):
        come = moves.filter(pl.col("destination") == place).select("epoch_tdb_s", "amount")
        go = moves.filter(pl.col("origin") == place).select("epoch_tdb_s", -pl.col("amount"))
        if len(come) and len(go):
            changes = pl.concat([come, go]).group_by("epoch_tdb_s").agg(pl.col("amount").sum()).sort("epoch_tdb_s")
            counts = np.cumsum(changes["amount"].to_numpy())
            steps = [(begin, 0.0), *zip(changes["epoch_tdb_s"].to_list(), counts.tolist(), strict=True)]
            steps.append((max(end, steps[-1][0]), steps[-1][1]))
            if counts.min() >= -1e-9:
                found[place] = (True, [{"t": f.unix_ms(epoch), "crew": crew} for epoch, crew in steps])
                continue
        own = planned.filter(pl.col("place") == place).sort("epoch_tdb_s").select("epoch_tdb_s", "crew")
        if len(own.filter(pl.col("crew") > 0)):
            found[place] = (False, [{"t": f.unix_ms(epoch), "crew": crew} for epoch, crew in own.iter_rows()])
    return found


def lowest(table: pl.DataFrame, column: str, points: int = _POINTS) -> pl.DataFrame:
    """At most ``points`` rows over time, the smallest of each interval: no shortage is smoothed away."""
    if len(table) <= points:
        return table.select("epoch_tdb_s", column)
    size = -(-len(table) // points)
    return (
        table.select("epoch_tdb_s", column)
        .with_row_index("i")
        .group_by(pl.col("i") // size, maintain_order=True)
        .agg(pl.all().sort_by(column).first())
        .drop("i")
        .select("epoch_tdb_s", column)
    )


def levels(bundle: Bundle) -> dict[tuple[str, str], Rows]:
    """Stock levels by place and commodity: planned and lived, and the reserve; ``kg`` at ``t``."""
    found: dict[tuple[str, str], Rows] = {}
    plan = bundle.campaign.table("stocks").sort("place", "commodity", "epoch_tdb_s")
    for (place, commodity), table in plan.group_by("place", "commodity", maintain_order=True):
        rows = found.setdefault((str(place), str(commodity)), [])
        for row in table.iter_rows(named=True):
            rows.append({"t": f.unix_ms(row["epoch_tdb_s"]), "kg": row["amount_kg"], "kind": "plan"})
            if row["reserve_kg"]:
                rows.append({"t": f.unix_ms(row["epoch_tdb_s"]), "kg": row["reserve_kg"], "kind": "reserve"})
    if bundle.log is not None:
        days = bundle.log.days
        columns = [c for c in days.columns if c.endswith("_kg") and f"{c[:-3]}_used_kg" in days.columns]
        for (place,), table in days.sort("epoch_tdb_s").group_by("place", maintain_order=True):
            for column in columns:
                values = table.filter(pl.col(column).is_not_null() & pl.col(column).is_not_nan())
                key = (str(place), column[:-3])
                if values.is_empty() or (
                    key not in found and float(values[column].cast(pl.Float64).abs().sum()) == 0.0
                ):
                    continue
                for epoch, kg in lowest(values, column).iter_rows():
                    found.setdefault(key, []).append({"t": f.unix_ms(epoch), "kg": kg, "kind": "lived"})
    kept = {key: rows for key, rows in found.items() if any(row["kg"] for row in rows)}
    order = {id_: i for i, id_ in enumerate(bundle.places)}
    return dict(sorted(kept.items(), key=lambda item: (order.get(item[0][0], 99), item[0][1])))


def power(bundle: Bundle) -> dict[str, tuple[float, Rows]]:
    """By place: the interval in days, and mean, low and high of each series (kW, kWh, %) in each interval.

    Over more than three years the interval is a lunation, so that the month's own beat does not alias.
    """
    if bundle.log is None:
        return {}
    result: dict[str, tuple[float, Rows]] = {}
    for (place,), table in bundle.log.days.sort("epoch_tdb_s").group_by("place", maintain_order=True):
        epochs = table["epoch_tdb_s"].to_numpy()
        if len(epochs) < 2:
            continue
        step = float(np.median(np.diff(epochs)))
        span = float(epochs[-1] - epochs[0])
        if step <= 0.0:
            continue
        interval = max(step, LUNATION_S if span > 3.0 * JULIAN_YEAR_S else span / _POINTS)
        series = {
            "generated": ("generated_j", 1e-3 / step),
            "load": ("load_j", 1e-3 / step),
            "shed": ("shed_j", 1e-3 / step),
            "stored": ("stored_j", 1.0 / 3.6e6),
            "capacity": ("storage_capacity_j", 1.0 / 3.6e6),
            "sunlight": ("sun_fraction", 100.0),
        }
        cell = ((pl.col("epoch_tdb_s") - epochs[0]) / interval).floor().alias("cell")
        rows: Rows = []
        for name, (column, factor) in series.items():
            if column not in table.columns:
                continue
            value = pl.col(column) * factor
            grouped = table.group_by(cell, maintain_order=True).agg(
                pl.col("epoch_tdb_s").mean().alias("t"),
                value.mean().alias("mean"),
                value.min().alias("low"),
                value.max().alias("high"),
            )
            for row in grouped.drop_nulls().iter_rows(named=True):
                rows.append(
                    {
                        "series": name,
                        "t": f.unix_ms(row["t"]),
                        **{k: round(row[k], 4) for k in ("mean", "low", "high")},
                    }
                )
        result[str(place)] = (interval / DAY_S, rows)
    return result


def costs(bundle: Bundle) -> Rows:
    """Cost and flights by operator and year of departure; for a partner those alone whose cost is released."""
    totals: dict[tuple[str, int], list[float]] = {}
    for row in bundle.campaign.table("flights").iter_rows(named=True):
        total = totals.setdefault((row["operator"], f.year(row["departure_tdb_s"])), [0.0, 0.0])
        total[0] += row["cost_eur"] or 0.0
        total[1] += 1
    return [
        {"operator": operator, "year": year, "cost_eur": cost, "flights": int(count)}
        for (operator, year), (cost, count) in sorted(totals.items(), key=lambda item: (item[0][1], item[0][0]))
        if cost or bundle.release is None
    ]


@dataclass(frozen=True, slots=True)
class Share:
    """What one partner does in the plan."""

    partner: str
    flights: int
    joined: int
    launches: int
    to_orbit_kg: float
    landed_kg: float
    owned_kg: float
    seats: int
    cost_eur: float
    launch_cost_eur: float


def shares(bundle: Bundle) -> list[Share]:
    """By partner: flights flown and joined, launches by its launchers, masses, seats, cost."""
    flights = bundle.campaign.table("flights")
    launches = bundle.campaign.table("launches").filter(pl.col("launcher") != "")
    manifest = bundle.campaign.table("manifest").filter(pl.col("kind") != "crew")
    launchers = bundle.scenario.of("launcher")
    ids: dict[str, None] = dict.fromkeys(bundle.operators)
    for mission in bundle.scenario.missions.values():
        ids.update(dict.fromkeys([*mission.partners, *mission.seats]))
    providers = {id_: getattr(launchers.get(id_), "operator", "") for id_ in launches["launcher"].unique().sort()}
    ids.update(dict.fromkeys(p for p in providers.values() if p))
    seats = dict.fromkeys(ids, 0)
    for row in flights.filter((pl.col("crew_up") > 0) | (pl.col("crew_down") > 0)).iter_rows(named=True):
        mission_ = bundle.scenario.missions.get(row["mission"])
        for partner, count in (mission_.seats if mission_ is not None else {}).items():
            seats[partner] += count
    result = []
    for id_ in ids:
        own = flights.filter(pl.col("operator") == id_)
        mine = [launcher for launcher, provider in providers.items() if provider == id_]
        lifted = launches.filter(pl.col("launcher").is_in(mine))
        share = Share(
            partner=id_,
            flights=len(own),
            joined=int(flights.filter(pl.col("partners").list.contains(id_)).height),
            launches=len(lifted),
            to_orbit_kg=float(own["mass_to_orbit_kg"].sum()),
            landed_kg=float(own["mass_landed_kg"].sum()),
            owned_kg=float(manifest.filter(pl.col("owner") == id_)["mass_kg"].sum()),
            seats=seats[id_],
            cost_eur=float(own["cost_eur"].sum()),
            launch_cost_eur=float(lifted["cost_eur"].sum()),
        )
        result.append(share)
    return result


def supply_class(bundle: Bundle, cargo: str, kind: str) -> str:
    """The class of supply of a load, in words."""
    if kind == "crew":
        return CREW
    if kind == "samples":
        return SAMPLES
    entry = bundle.scenario.of("commodity").get(cargo)
    if entry is not None:
        return SUPPLY[entry.supply_class]
    return SUPPLY[8] if cargo in bundle.scenario.of("module") else SUPPLY[10]


def mass_flow(bundle: Bundle) -> list[tuple[str, str, str, float]]:
    """(origin, destination, class of supply, kg) of everything handed over."""
    totals: dict[tuple[str, str, str], float] = {}
    for row in bundle.campaign.table("manifest").iter_rows(named=True):
        # what goes into the tanks of a craft is told apart from the stocks of the place
        key = (
            row["origin"],
            row["destination"].partition(":")[0] + (":" if ":" in row["destination"] else ""),
            supply_class(bundle, row["cargo"], row["kind"]),
        )
        totals[key] = totals.get(key, 0.0) + (row["mass_kg"] or 0.0)
    return [(*key, kg) for key, kg in sorted(totals.items()) if kg > 0.0]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A figure that the run rests on and that is not sure."""

    kind: str
    title: str
    figure: str
    written: str
    confidence: str
    source: str


def doubts(bundle: Bundle) -> list[Doubt]:
    """Figures of low or medium confidence among the entries that the plan really uses, the least sure first."""
    found = []
    for kind, entry in _used(bundle):
        for name, provenance in sorted(getattr(entry, "provenance", {}).items()):
            if provenance.confidence == "high":
                continue
            source = bundle.scenario.of("source").get(provenance.source)
            where = provenance.source
            if source is not None:
                where = ", ".join(part for part in (source.title, source.publisher, source.published) if part)
            head, _, tail = name.partition(".")
            label = f.words(key_of(head)) + (f" of {f.words(tail)}" if tail else "")
            found.append(Doubt(kind, entry.title, label, provenance.as_written, provenance.confidence, where))
    order = {"low": 0, "medium": 1}
    return sorted(found, key=lambda d: (order.get(d.confidence, 2), d.kind, d.title, d.figure))


def _used(bundle: Bundle) -> Iterator[tuple[str, Any]]:
    scenario, campaign = bundle.scenario, bundle.campaign
    ids: dict[str, set[str]] = {k: set() for k in ("launcher", "craft", "module", "site", "metabolism", "commodity")}
    ids["launcher"] |= set(campaign.table("launches")["launcher"].to_list())
    ids["craft"] |= set(campaign.table("burns")["craft"].to_list())
    for mission in set(campaign.table("flights")["mission"].to_list()) & set(scenario.missions):
        for step in scenario.missions[mission].steps:
            ids["craft"] |= {*step.lifts, *step.craft, *step.burners, *step.burns.values(), step.by}
    manifest = campaign.table("manifest")
    ids["module"] |= set(manifest.filter(pl.col("kind") == "module")["cargo"].to_list())
    ids["commodity"] |= set(manifest.filter(pl.col("kind") == "commodity")["cargo"].to_list())
    for outpost in scenario.outposts.values():
        ids["module"] |= set(outpost.modules)
        ids["metabolism"].add(outpost.metabolism)
        ids["site"].add(outpost.site)
    places = set(bundle.campaign.table("legs")["destination"].to_list())
    ids["site"] |= {spec.site for id_, spec in scenario.place_specs.items() if spec.site and id_ in places}
    for kind, names in ids.items():
        entries = scenario.of(kind)
        for name in sorted(names & set(entries)):
            yield kind, entries[name]


def approximations(bundle: Bundle) -> list[tuple[str, int]]:
    """Every approximation that a leg reports, with how many legs it concerns; numbers that differ become a range."""
    table = bundle.flights.flown
    if table.is_empty():
        return []
    groups: dict[str, list[list[str]]] = {}
    for text in table["approximation"].drop_nulls().to_list():
        if text:
            groups.setdefault(_NUMBER.sub("\0", text), []).append(_NUMBER.findall(text))
    said = []
    for pattern, numbers in groups.items():
        parts = pattern.split("\0")
        spans = [sorted(set(column), key=float) for column in zip(*numbers, strict=True)]
        shown = [span[0] if len(span) == 1 else f"{span[0]} to {span[-1]}" for span in spans]
        whole = parts[0] + "".join(number + part for number, part in zip(shown, parts[1:], strict=True))
        said.append((whole[:1].upper() + whole[1:], len(numbers)))
    return sorted(said, key=lambda item: (-item[1], item[0]))


def arc_errors(bundle: Bundle) -> Rows:
    """Quantiles of flown minus planned by arc, and the largest closure errors."""
    flown = bundle.flights.flown
    rows: Rows = []
    if flown.is_empty():
        return rows
    for (origin, destination), table in flown.sort("planned_departure_tdb_s").group_by(
        "origin", "destination", maintain_order=True
    ):
        good = table.filter(pl.col("converged") & pl.col("dv_m_s").is_finite())
        error = (good["dv_m_s"] - good["planned_dv_m_s"]).to_numpy()
        rows.append(
            {
                "origin": origin,
                "destination": destination,
                "legs": len(table),
                "failed": len(table) - int(table["converged"].sum()),
                "planned": _mean(table["planned_dv_m_s"]),
                "q50": _quantile(np.abs(error), 0.5),
                "q99": _quantile(np.abs(error), 0.99),
                "max": _quantile(np.abs(error), 1.0),
                "mean": float(error.mean()) if error.size else float("nan"),
                "closure_position_m": _largest(good["closure_position_m"]),
                "closure_velocity_m_s": _largest(good["closure_velocity_m_s"]),
            }
        )
    return rows


def _finite(series: pl.Series) -> Any:
    values = series.drop_nulls().to_numpy()
    return values[np.isfinite(values)]


def _mean(series: pl.Series) -> float:
    values = _finite(series)
    return float(values.mean()) if values.size else float("nan")


def _largest(series: pl.Series) -> float:
    values = _finite(series)
    return float(values.max()) if values.size else float("nan")


def _quantile(values: Any, q: float) -> float:
    return float(np.quantile(values, q)) if len(values) else float("nan")


def flatten(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Nested mappings as (dotted path, text); dataclasses and lists of scalars too."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, dict) or hasattr(value, "items"):
        for key, item in value.items():
            yield from flatten(item, f"{path} › {key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        if all(not isinstance(item, (dict, list, tuple)) for item in value):
            yield path, ", ".join(str(item) for item in value)
        else:
            for index, item in enumerate(value):
                yield from flatten(item, f"{path} › {index + 1}")
    else:
        yield path, f"{value:.6g}" if isinstance(value, float) else str(value)
