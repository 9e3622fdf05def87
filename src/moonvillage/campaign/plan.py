"""``plan``: from a scenario and its legs to a campaign with its proof, or to the reasons why there is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from moonvillage.campaign.columns import Columns, build_columns, column_key, edges_of
from moonvillage.campaign.constraints import add_all
from moonvillage.campaign.ledger import Replayed, fill_tables, name_flights, overdrawn, replay, stock_tables
from moonvillage.campaign.matrix import INF, Floats, Program, Solution, round_integers, solve
from moonvillage.campaign.model import Assembly, Loaded, Unpacked, assemble, fixed_loads, read_flights
from moonvillage.campaign.papers import Papers
from moonvillage.campaign.program import Impossible, Kit
from moonvillage.campaign.search import search
from moonvillage.campaign.timeline import FlownColumn, FlownStep, Key
from moonvillage.errors import InputError
from moonvillage.records.campaign import Campaign
from moonvillage.records.legs import Leg, LegTable
from moonvillage.records.rates import OutpostRates
from moonvillage.scenario.model import Demand, Scenario
from moonvillage.units import DAY_S

#: objective → unit of its value
UNITS = {"cost": "MEUR", "launch_mass": "kg", "earliest": "d", "none": ""}


def plan(
    scenario: Scenario,
    legs: LegTable,
    rates: Mapping[str, OutpostRates],
    *,
    permissions: Mapping[str, Sequence[bool]] | None = None,
    flown: Mapping[Key, FlownColumn] | None = None,
    extra_demands: Sequence[Demand] = (),
    warm: Campaign | None = None,
    time_limit_s: float = 600.0,
    gap: float | None = None,
    progress: Callable[[float, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    explain: bool = True,
    papers: Papers | None = None,
) -> Campaign:
    """Choose flights, dates and loads.

    Parameters
    ----------
    scenario
        What is asked. With a ``[network]`` table the plain network is solved instead
        (:mod:`moonvillage.campaign.network`).
    legs
        Δv and dates by arc and departure.
    rates
        What each outpost uses and makes, by outpost or place id (the record's ``place`` counts).
    permissions
        By mission id, whether it may depart in each period; a missing mission always may.
    flown
        By column key (mission, period, choice), what flying it showed; :func:`flown_from` makes it.
    extra_demands
        Demands besides the scenario's, such as shortfalls that living through the plan revealed.
    warm
        An earlier plan of the same scenario to begin with.
    time_limit_s
        Wall time for solving.
    gap
        Proven gap to reach; the header's by default.
    progress
        Called with (objective, bound) in the objective's unit as the solver goes.
    cancelled
        Asked often; true returns the best plan so far with status "interrupted".
    explain
        Whether to look for the conflicting demands where there is no plan.
    papers
        Waivers and agreements that may be obtained, with what they free: flights that ``permissions`` does not allow
        are then planned where that pays, and the plan names the papers it needs.

    Returns
    -------
    Campaign
        ``model`` holds rows, columns, nonzeros, build_s, solve_s, nodes, flights, mass_to_orbit_kg, mass_landed_kg,
        cost_eur, and shifted_legs: how many legs were planned with the figures of another date
        (:mod:`moonvillage.campaign.timeline`).

    Raises
    ------
    ConservationError
        If the exact ledger does not confirm the plan (a defect).
    InputError
        If the objective is 'earliest' and names no demand.
    """
    if scenario.network is not None:
        from moonvillage.campaign.network import plan_network

        return plan_network(scenario, gap=gap, time_limit_s=time_limit_s)
    began = time.perf_counter()
    header = scenario.header
    demands = {**scenario.demands, **{d.id: d for d in extra_demands}}
    if header.objective == "earliest" and header.earliest not in demands:
        raise InputError.one(
            "names no demand to be met as early as possible",
            f"use one of {', '.join(sorted(demands)) or 'the demands, once there are any'}",
            file=scenario.file,
            line=scenario.lines.get(("scenario",)),
            field="scenario.earliest",
            value=header.earliest,
        )
    open_ = permissions or {} if papers is None else with_papers(permissions or {}, papers)
    columns = build_columns(scenario, legs, open_, flown or {})
    barred = _prescribed_problems(scenario, columns)
    if barred:
        return Campaign("infeasible", header.objective, reasons=tuple(barred))
    if header.objective == "none":
        return _prescribed(scenario, columns, began)
    wanted = header.gap if gap is None else gap
    split: frozenset[Key] = frozenset()
    known: Sequence[Key] = tuple(flight_columns(warm).values()) if warm is not None else ()
    deadline = time.perf_counter() + time_limit_s
    while True:
        try:
            return _optimised(
                scenario,
                columns,
                rates,
                demands,
                open_,
                papers,
                split,
                known,
                began,
                max(10.0, deadline - time.perf_counter()),
                wanted,
                progress,
                cancelled,
                explain,
            )
        except Unpacked as unpacked:  # rare: ask again with the flights of that column told apart
            split |= {unpacked.key}
            known = unpacked.flown


def _optimised(
    scenario: Scenario,
    columns: Columns,
    rates: Mapping[str, OutpostRates],
    demands: Mapping[str, Demand],
    permissions: Mapping[str, Sequence[bool]],
    papers: Papers | None,
    split: frozenset[Key],
    known: Sequence[Key],
    began: float,
    time_limit_s: float,
    wanted: float,
    progress: Callable[[float, float], None] | None,
    cancelled: Callable[[], bool] | None,
    explain: bool,
) -> Campaign:
    """Build the program, search it, and read the plan.

    Raises
    ------
    Unpacked
        If the modules of some column do not fit its flights.
    """
    header = scenario.header
    a = assemble(scenario, columns, rates, demands, objective=header.objective, split=split, papers=papers)
    add_all(a)
    build_s = time.perf_counter() - began
    start = _warm_start(a, known)
    scale = 1000.0 if header.objective == "launch_mass" else 1.0

    def report(objective: float, bound: float) -> None:
        if progress is not None:
            progress(objective * scale, bound * scale)

    solution = search(
        a.program,
        [period_of(a, name) for name in a.program.names],
        list(a.totals.values()),
        gap=wanted,
        time_limit_s=time_limit_s,
        seed=header.seed,
        start=start,
        progress=report if progress is not None else None,
        cancelled=cancelled,
    )
    model = _model_figures(a.program, build_s, solution)
    if not solution.found:
        if solution.status == "infeasible":
            from moonvillage.campaign.explain import explain as explain_infeasible

            reasons = (
                explain_infeasible(a, columns, permissions, cancelled=cancelled)
                if explain
                else ("no plan meets all demands within the limits",)
            )
            return Campaign("infeasible", header.objective, reasons=tuple(reasons), model=model)
        status = "interrupted" if solution.status == "interrupted" else solution.status
        if status == "unsolved":
            status = "interrupted"
        return Campaign(
            status,
            header.objective,
            reasons=("the time ran out before a plan was found",) if status == "interrupted" else (),
            bound=solution.bound * scale,
            model=model,
        )
    values = round_integers(a.program, solution.values)
    if header.objective == "earliest" and not (cancelled is not None and cancelled()):
        left_s = max(1.0, time_limit_s - solution.seconds)
        values = _cheapest(a, columns, rates, demands, split, values, wanted, left_s, cancelled)
    values = _tidy(a, values)
    return _campaign(a, solution, values, wanted, scale, model)


def _cheapest(
    a: Assembly,
    columns: Columns,
    rates: Mapping[str, OutpostRates],
    demands: Mapping[str, Demand],
    split: frozenset[Key],
    values: Floats,
    gap: float,
    time_limit_s: float,
    cancelled: Callable[[], bool] | None,
) -> Floats:
    """Of all plans that meet the demand in the same period, one of least cost (within the gap)."""
    priced = assemble(a.scenario, columns, rates, demands, objective="cost", split=split, papers=a.papers)
    add_all(priced)
    program = a.program.copy()
    program.cost = list(priced.program.cost)
    program.offset = 0.0
    for var in a.met:
        program.cost[var] = 0.0
        program.lower[var] = float(round(values[var]))
    answer = search(
        program,
        [period_of(a, name) for name in program.names],
        list(a.totals.values()),
        gap=max(gap, 0.001),
        time_limit_s=time_limit_s,
        seed=a.scenario.header.seed,
        start=values,
        cancelled=cancelled,
    )
    return round_integers(program, answer.values) if answer.found else values


def with_papers(permissions: Mapping[str, Sequence[bool]], papers: Papers) -> dict[str, list[bool]]:
    """What may depart if all papers are obtained: as permitted, or where some way frees it."""
    return {
        mission: [flag or bool(papers.ways(mission, period)) for period, flag in enumerate(flags)]
        for mission, flags in permissions.items()
    }


def period_of(a: Assembly, name: Any) -> int:
    """The period that a decision belongs to, by its name; -1 for totals."""
    if name[0] in ("total", "pool", "paper", "way"):
        return -1
    if name[0] == "requires":
        return a.period(name[-1])
    numbers = [part for part in name[1:] if isinstance(part, int)]
    return numbers[0] if name[0] in a.scenario.missions else numbers[-1]


def _model_figures(program: Program, build_s: float, solution: Solution) -> dict[str, float]:
    rows, columns, nonzeros = program.shape
    return {
        "rows": float(rows),
        "columns": float(columns),
        "nonzeros": float(nonzeros),
        "build_s": build_s,
        "solve_s": solution.seconds,
        "nodes": float(solution.nodes),
    }


def _prescribed_problems(scenario: Scenario, columns: Columns) -> list[str]:
    """Prescribed flights that cannot be flown."""
    return [
        reason
        for mission in scenario.missions.values()
        if mission.on_dates
        for reason in columns.refusals.get(mission.id, ())
    ]


def _tidy(a: Assembly, values: Floats) -> Floats:
    """With the whole numbers as decided, the least loads that do: nothing is carried without need.

    Objectives that count mass are left as they are.
    """
    if a.scenario.header.objective == "launch_mass":
        return values
    program = a.program.copy()
    for i, whole in enumerate(program.integer):
        program.cost[i] = 0.0
        if whole:
            program.lower[i] = program.upper[i] = values[i]
    loads: set[int] = {var for pool in a.pools.values() for var in pool.loads.values()}
    loads |= {var for found in (*a.refuels.values(), *a.fills.values()) for var in found}
    loads |= {var for part in a.parts.values() for _, _, var in part}
    for var in sorted(loads):
        program.cost[var] = 1.0
    program.offset = 0.0
    tidied = solve(program, relax=lambda _: True)
    if not tidied.found:
        return values
    result = tidied.values.copy()
    for i, whole in enumerate(program.integer):
        if whole:
            result[i] = values[i]
    return result


def _warm_start(a: Assembly, known: Sequence[Key]) -> dict[Any, float] | None:
    """Counts by column of flights that are known to make a plan, or nearly so."""
    counts: dict[Any, float] = {}
    by_key: dict[Key, int] = {}
    for key in known:
        by_key[key] = by_key.get(key, 0) + 1
    if not by_key:
        return None
    for index, column in enumerate(a.columns):
        number = by_key.get(column.key, 0)
        for copy, var in enumerate(a.counts[index]):
            room = round(a.program.upper[var])
            counts[a.program.names[var]] = float(min(room, max(0, number - copy * room)))
    for mission, var in a.totals.items():
        if mission in a.scenario.missions:
            counts[a.program.names[var]] = float(sum(n for k, n in by_key.items() if k[0] == mission))
    return counts


def _campaign(
    a: Assembly,
    solution: Solution,
    values: Floats,
    wanted: float,
    scale: float,
    model: dict[str, float],
) -> Campaign:
    header = a.scenario.header
    flights = read_flights(a, values)
    replayed = [replay(a.kit, flight, name) for flight, name in zip(flights, name_flights(flights), strict=True)]
    tables = fill_tables(a.scenario, a.kit, replayed)
    tables["stocks"], tables["crew"] = stock_tables(a, replayed, values)
    objective = (
        float(np.dot(a.program.cost, values)) + a.program.offset
        if header.objective != "cost"
        else (solution.objective)
    )
    bound = min(solution.bound, objective)
    if header.objective == "earliest":
        ends = a.edges[1:] - a.edges[0]
        met = round(objective)
        objective = float(ends[min(met, len(ends) - 1)]) / DAY_S if met < len(ends) else INF
        least = max(0, int(np.ceil(solution.bound - 1e-6)))
        bound = float(ends[min(least, len(ends) - 1)]) / DAY_S
    else:
        objective *= scale
        bound *= scale
    distance = abs(objective - bound)
    gap = 0.0 if distance <= 1e-9 * max(1.0, abs(objective)) else distance / max(abs(objective), 1e-9)
    status = solution.status
    if status in ("optimal", "feasible"):
        status = "optimal" if gap <= wanted + 1e-6 else "feasible"
    shifted = sum(leg.shifted for f in replayed for leg in f.column.timeline.legs.values())
    model = {**model, **_totals(tables), "shifted_legs": float(shifted)}
    needed = tuple(sorted(id_ for id_, var in a.held.items() if values[var] > 0.5))
    return Campaign(
        status, header.objective, objective, UNITS[header.objective], bound, gap, tables, (), model, needed
    )


def _totals(tables: Mapping[str, Any]) -> dict[str, float]:
    flights = tables["flights"]
    return {
        "flights": float(flights.height),
        "mass_to_orbit_kg": float(flights["mass_to_orbit_kg"].sum() or 0.0),
        "mass_landed_kg": float(flights["mass_landed_kg"].sum() or 0.0),
        "cost_eur": float(flights["cost_eur"].sum() or 0.0),
    }


def _prescribed(scenario: Scenario, columns: Columns, began: float) -> Campaign:
    """Fly what is prescribed, with full tanks and the stated loads; nothing is chosen."""
    kit = Kit.of(scenario)
    flights: list[Loaded] = []
    for column in columns.columns:
        if column.prescribed:
            carried = {n: dict(items) for n, items in fixed_loads(kit, column).items()}
            flights.append(Loaded(column, carried))
    flights.sort(key=lambda f: (f.column.departure_tdb_s, f.column.key))
    names = name_flights(flights)
    try:
        replayed: list[Replayed] = [
            replay(kit, flight, name, full_tanks=True) for flight, name in zip(flights, names, strict=True)
        ]
    except Impossible as impossible:
        return Campaign("infeasible", "none", reasons=(str(impossible),))
    tables = fill_tables(scenario, kit, replayed)
    model = {"build_s": time.perf_counter() - began, "solve_s": 0.0, **_totals(tables)}
    reasons = tuple(reason for flight in replayed for reason in overdrawn(flight))
    return Campaign("infeasible" if reasons else "feasible", "none", tables=tables, reasons=reasons, model=model)


def flight_columns(campaign: Campaign) -> dict[str, Key]:
    """The column (mission, period, choice) of each flight of a plan."""
    found: dict[str, Key] = {}
    for row in campaign.table("events").iter_rows(named=True):
        detail: str = row["detail"]
        if detail.endswith("]") and "[" in detail and row["flight"] not in found:
            found[row["flight"]] = column_key(detail[detail.rindex("[") + 1 : -1])
    return found


def flown_from(
    campaign: Campaign,
    legs: Mapping[tuple[str, int], Leg],
    earlier: Mapping[Key, FlownColumn] | None = None,
) -> dict[Key, FlownColumn]:
    """What flying a plan showed, for the next ``plan(..., flown=...)``.

    Where several flights share a column, each burn's largest Δv counts and the first flight's dates. A leg that
    did not converge takes its column out of the plan. ``earlier`` findings are kept: Δv is never lowered.

    Parameters
    ----------
    campaign
        The plan that was flown.
    legs
        Flown legs by (flight, step).
    earlier
        The result of earlier calls.
    """
    found: dict[Key, FlownColumn] = dict(earlier or {})
    fresh: set[tuple[Key, int]] = set()
    for flight, key in sorted(flight_columns(campaign).items()):
        for (name, step), leg in sorted(legs.items(), key=lambda item: item[0]):
            if name != flight:
                continue
            column = found.get(key, FlownColumn({}))
            if not leg.converged:
                found[key] = replace(column, failure=f"{leg.arc} could not be flown: {leg.reason}")
                continue
            old = column.steps.get(step)
            dv = tuple((b.name, b.dv_m_s) for b in leg.burns)
            dates = (leg.departure_tdb_s, leg.arrival_tdb_s)
            c3 = leg.c3_m2_s2
            if old is not None:
                before = dict(old.dv_m_s)
                if len(before) == len(dv) and all(n in before for n, _ in dv):
                    dv = tuple((n, max(v, before[n])) for n, v in dv)
                elif sum(before.values()) > sum(v for _, v in dv):
                    dv = old.dv_m_s
                if (key, step) in fresh:
                    dates = (old.departure_tdb_s, old.arrival_tdb_s)
                if c3 is not None and old.c3_m2_s2 is not None:
                    c3 = max(c3, old.c3_m2_s2)
            fresh.add((key, step))
            found[key] = replace(column, steps={**column.steps, step: FlownStep(*dates, dv, c3)})
    return found


__all__ = ["edges_of", "flight_columns", "flown_from", "plan"]
