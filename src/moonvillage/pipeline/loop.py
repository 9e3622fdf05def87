"""``run``: tabulate, plan, fly, live, and again until they agree.

The loop feeds two things back. A flown leg that needs more Δv than planned replaces the planned figure of its
column, and a figure is only ever raised, so that planning and flying cannot chase each other. A stock that runs
short in the days lived becomes a dated demand. It ends when no flown leg needs more propellant than planned (the
stated margin apart) and nothing runs short, or says that it did not converge, and where.

Every finished iteration is kept in the run folder; a killed run goes on after the last one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from moonvillage import __version__
from moonvillage.campaign import FlownColumn, FlownStep, Key, flight_columns, handovers, plan
from moonvillage.ephemeris.de440 import load as load_ephemeris
from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.errors import InputError, Interrupted
from moonvillage.outpost import live
from moonvillage.outpost import rates as outpost_rates
from moonvillage.pipeline.flying import PlannedFlight, fly_all, planned_flights, to_flights
from moonvillage.pipeline.permissions import Permissions, permissions
from moonvillage.records.campaign import TABLES, Campaign
from moonvillage.records.flights import Flights
from moonvillage.records.legs import Leg, LegTable
from moonvillage.records.outpost import Handover, OutpostLog
from moonvillage.records.rates import OutpostRates
from moonvillage.records.store import (
    MANIFEST,
    WORK,
    new_folder,
    open_run_folder,
    read_json,
    read_table,
    write_bytes,
    write_json,
    write_table,
)
from moonvillage.scenario import Demand, Scenario, load
from moonvillage.scenario.check import check
from moonvillage.trajectory.tabulate import from_frame, tabulate, to_frame
from moonvillage.units import DAY_S

Progress = Callable[[str, float, str], None]

STAGES: Final = ("tabulate", "plan", "fly", "live", "report")
MAX_ITERATIONS: Final = 15
#: A flown departure energy above the planned one by less than this (m2/s2) is within what a launcher has in hand.
C3_SLACK_M2_S2: Final = 20_000.0


@dataclass(slots=True)
class State:
    """What the loop has learned so far: enough, with the scenario, to go on from here."""

    iteration: int = 0
    flown: dict[Key, FlownColumn] = field(default_factory=dict)
    demands: list[Demand] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    wall_s: dict[str, float] = field(default_factory=dict)
    campaign: Campaign | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A run in memory: all records, and the summary that ``--json`` prints."""

    scenario: Scenario
    summary: Mapping[str, Any]
    legs: LegTable | None = None
    campaign: Campaign | None = None
    flights: Flights | None = None
    log: OutpostLog | None = None


class Clock:
    """Adds up the wall time of each stage."""

    def __init__(self, wall_s: dict[str, float]) -> None:
        self.wall_s = wall_s

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self.wall_s[stage] = self.wall_s.get(stage, 0.0) + time.perf_counter() - start


def digest(scenario: Scenario) -> dict[str, str]:
    """What a run depends on: hashes of scenario, catalog, ephemeris and code, and versions of the solvers."""
    from importlib import metadata

    code = hashlib.sha256()
    root = Path(__file__).resolve().parent.parent
    for path in sorted(root.rglob("*.py")):
        code.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    parts = {
        "scenario": hashlib.sha256(scenario.source.encode()).hexdigest(),
        "catalog": scenario.catalog.digest,
        "ephemeris": str(load_ephemeris().identity),
        "code": code.hexdigest(),
        "moonvillage": __version__,
    }
    for package in ("heyoka", "highspy", "numpy", "polars", "scipy"):
        parts[package] = metadata.version(package)
    return parts


def run(
    file: Path | str,
    out: Path | str,
    *,
    until: str = "report",
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    workers: int | None = None,
) -> dict[str, Any]:
    """Run a scenario into a run folder, up to a stage; resume what is there of the same run.

    Parameters
    ----------
    file, out
        The scenario file and the run folder.
    until
        The last stage wanted: "tabulate", "plan", "fly", "live" or "report".
    progress, cancelled
        Called with (stage, fraction, message); asked whether to stop.
    workers
        Processes for trajectories; by default one a core.

    Returns
    -------
    dict
        The summary (the JSON contract of ``run``).

    Raises
    ------
    InputError
        If the scenario or the folder is wrong; nothing is written then.
    """
    scenario = load(file)
    allowed = permissions(scenario)
    problems = [*check(scenario), *allowed.problems]
    if problems:
        raise InputError(sorted(problems, key=lambda p: (p.line or 0, p.field)))
    folder = open_run_folder(Path(out))
    identity = digest(scenario)
    key = hashlib.sha256(repr(sorted(identity.items())).encode()).hexdigest()
    finished = _finished(folder, key, until)
    if finished is not None:
        return finished
    state = _resume(folder, key)
    clock = Clock(state.wall_s)
    try:
        result = _loop(scenario, folder, state, clock, allowed, until, progress, cancelled, workers)
    except Interrupted:
        summary = {"status": "interrupted", "run": str(folder), "iterations": state.iteration, "wall_s": state.wall_s}
        return summary
    summary = {**result.summary, "run": str(folder), "wall_s": dict(state.wall_s)}
    manifest = _manifest(scenario, identity, key, state, summary, until)
    _save(folder, scenario, result, manifest)
    if until == "report" and result.campaign is not None:
        from moonvillage.pipeline.reports import write_report

        with clock.measure("report"):
            path = write_report(folder, result, manifest, progress)
        summary = {**summary, "report": str(path), "wall_s": dict(state.wall_s)}
        manifest = _manifest(scenario, identity, key, state, summary, until)
    write_json(folder / MANIFEST, manifest)
    return summary


def _loop(
    scenario: Scenario,
    folder: Path,
    state: State,
    clock: Clock,
    allowed: Permissions,
    until: str,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
    workers: int | None,
) -> Result:
    rates = planning_rates(scenario)
    with clock.measure("tabulate"):
        legs = tabulate(scenario, workers=workers, progress=progress, cancelled=cancelled)
    if until == "tabulate":
        return Result(scenario, _summary_of_legs(legs), legs)
    known: dict[Any, list[Leg]] = {}
    flights: Flights | None = None
    log: OutpostLog | None = None
    reasons: list[str] = []
    converged = False
    campaign = state.campaign
    while state.iteration < MAX_ITERATIONS:
        with clock.measure("plan"):
            campaign = _plan(scenario, legs, rates, allowed, state, progress, cancelled)
        if campaign.status == "interrupted":
            raise Interrupted("plan")
        if campaign.status not in ("optimal", "feasible"):
            return Result(scenario, _summary(scenario, campaign, None, None, state, []), legs, campaign)
        if until == "plan":
            return Result(scenario, _summary(scenario, campaign, None, None, state, []), legs, campaign)
        with clock.measure("fly"):
            flown = _fly(scenario, campaign, known, progress, cancelled, workers)
        flights = to_flights(scenario, campaign, flown)
        raised, reasons = _compare(scenario, campaign, flights, flown, state)
        entry: dict[str, Any] = {
            "iteration": state.iteration + 1,
            "objective": campaign.objective_value,
            "gap": campaign.gap,
            "flights": campaign.table("flights").height,
            "legs_dearer_than_planned": len(raised),
            "dv_error_m_s": _quantiles(flights),
            "shortfalls": 0,
        }
        if not raised and until != "fly":
            with clock.measure("live"):
                log = live_through(scenario, handovers_flown(campaign, scenario, flights), progress)
            new, reasons = _shortfalls(scenario, campaign, log, state)
            entry["shortfalls"] = len(log.shortfalls)
            state.demands += new
        else:
            new = []
        state.history.append(entry)
        state.iteration += 1
        state.campaign = campaign
        if not raised and not new:
            converged = not reasons
            break
        _checkpoint(folder, state)
    assert campaign is not None
    if flights is not None and log is None and until != "fly":
        with clock.measure("live"):
            log = live_through(scenario, handovers_flown(campaign, scenario, flights), progress)
    summary = _summary(scenario, campaign, flights, log, state, reasons)
    if not converged:
        summary["status"] = "no_convergence"
        summary["reasons"] = reasons or [f"the loop did not settle within {MAX_ITERATIONS} iterations"]
    campaign = dataclasses.replace(
        campaign, tables={**campaign.tables, "permissions": allowed.table(scenario, campaign)}
    )
    return Result(scenario, summary, legs, campaign, flights, log)


def planning_rates(scenario: Scenario) -> dict[str, OutpostRates]:
    """The linear rates of each outpost, by place, for the modules that stand there or are demanded there.

    Raises
    ------
    InputError
        If a module is impossible (it beats its thermodynamic floor, say) or an entry is missing.
    """
    found: dict[str, OutpostRates] = {}
    for outpost in scenario.outposts.values():
        expected = dict(outpost.modules)
        for demand in scenario.demands.values():
            if demand.module and demand.at == outpost.place:
                expected[demand.module] = max(expected.get(demand.module, 0), demand.count)
        try:
            found[outpost.place] = outpost_rates(outpost, scenario, expected=expected)
        except ValueError as error:
            message, remedy = error.args if len(error.args) == 2 else (str(error), "mend the entry")
            line = scenario.lines.get(("outposts", outpost.id))
            raise InputError.one(
                str(message), str(remedy), file=scenario.file, line=line, field=f"outposts.{outpost.id}"
            ) from None
    return found


def _plan(
    scenario: Scenario,
    legs: LegTable,
    rates: Mapping[str, OutpostRates],
    allowed: Permissions,
    state: State,
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
) -> Campaign:
    def show(objective: float, bound: float) -> None:
        if progress is not None and objective == objective and bound == bound and objective:
            gap = abs(objective - bound) / abs(objective)
            done = 1.0 if gap <= scenario.header.gap else scenario.header.gap / gap
            progress("plan", done, f"gap {100.0 * gap:.2f} % of {100.0 * scenario.header.gap:.1f} %")

    return plan(
        scenario,
        legs,
        rates,
        permissions=allowed.flags,
        flown=state.flown,
        extra_demands=tuple(state.demands),
        warm=state.campaign,
        progress=show,
        cancelled=cancelled,
    )


def _fly(
    scenario: Scenario,
    campaign: Campaign,
    known: dict[Any, list[Leg]],
    progress: Progress | None,
    cancelled: Callable[[], bool] | None,
    workers: int | None,
) -> dict[str, list[Leg]]:
    """Fly what was not flown before: equal legs on equal dates give equal trajectories."""
    flights = planned_flights(scenario, campaign)
    fresh: dict[Any, PlannedFlight] = {}
    for flight in flights:
        if flight.legs not in known:
            fresh.setdefault(flight.legs, flight)
    solved = fly_all(list(fresh.values()), workers=workers, progress=progress, cancelled=cancelled)
    for legs, flight in fresh.items():
        known[legs] = solved[flight.flight]
    return {flight.flight: known[flight.legs] for flight in flights}


def _compare(
    scenario: Scenario, campaign: Campaign, flights: Flights, flown: Mapping[str, Sequence[Leg]], state: State
) -> tuple[list[Key], list[str]]:
    """Columns whose flights need more than planned, or could not be flown; their flown figures enter the state.

    More than planned: more Δv than the planned one with the scenario's margin, or a launcher asked for more energy.
    """
    margin = 1.0 + scenario.header.margin
    planned_c3: dict[str, list[float]] = {}
    for launch in campaign.table("launches").sort("epoch_tdb_s").iter_rows(named=True):
        if launch["c3_m2_s2"] is not None:
            planned_c3.setdefault(launch["flight"], []).append(launch["c3_m2_s2"])
    keys = flight_columns(campaign)
    steps: dict[str, list[dict[str, Any]]] = {}
    for row in flights.flown.iter_rows(named=True):
        steps.setdefault(row["flight"], []).append(row)
    raised: list[Key] = []
    reasons: list[str] = []
    for flight, rows in steps.items():
        key = keys[flight]
        bad = [r for r in rows if not r["converged"]]
        dear = [r for r in rows if r["converged"] and r["dv_m_s"] > r["planned_dv_m_s"] * margin]
        energies = [leg.c3_m2_s2 for leg in flown[flight] if leg.c3_m2_s2 is not None]
        hungry = [
            (wanted, found)
            for wanted, found in zip(planned_c3.get(flight, []), energies, strict=False)
            if found > wanted + C3_SLACK_M2_S2
        ]
        if bad:
            r = bad[0]
            reasons.append(f"{flight}: {r['origin']} to {r['destination']} could not be flown: {r['reason']}")
            state.flown[key] = FlownColumn(state.flown[key].steps if key in state.flown else {}, failure=reasons[-1])
            raised.append(key)
        elif dear or hungry:
            reasons += [
                f"{flight}: the launcher must give {found / 1e6:.3f} km2/s2, planned {wanted / 1e6:.3f}"
                for wanted, found in hungry
            ]
            reasons += [
                f"{flight}: {r['origin']} to {r['destination']} on {tdb_s_to_utc(r['departure_tdb_s'])[:10]} "
                f"needs {r['dv_m_s']:.1f} m/s, planned {r['planned_dv_m_s']:.1f}"
                for r in dear
            ]
            old = state.flown.get(key)
            new: dict[int, FlownStep] = dict(old.steps) if old is not None else {}
            for row, leg in zip(rows, flown[flight], strict=False):
                burns = dict(new[row["step"]].dv_m_s) if row["step"] in new else {}
                merged = tuple((b.name, max(b.dv_m_s, burns.get(b.name, 0.0))) for b in leg.burns)
                new[row["step"]] = FlownStep(leg.departure_tdb_s, leg.arrival_tdb_s, merged, leg.c3_m2_s2)
            state.flown[key] = FlownColumn(new)
            raised.append(key)
    return raised, reasons


def handovers_flown(campaign: Campaign, scenario: Scenario, flights: Flights) -> list[Handover]:
    """Handovers on the dates flown: each moves with the leg that brought it."""
    shifts: dict[str, list[tuple[float, float]]] = {}
    arrivals = {(r["flight"], r["step"]): r["arrival_tdb_s"] for r in campaign.table("legs").iter_rows(named=True)}
    for row in flights.flown.iter_rows(named=True):
        planned = arrivals[row["flight"], row["step"]]
        if row["converged"]:
            shifts.setdefault(row["flight"], []).append((planned, row["arrival_tdb_s"] - planned))
    moved = []
    for handover in handovers(campaign, scenario):
        before = [s for s in shifts.get(handover.flight, []) if s[0] <= handover.epoch_tdb_s + 1.0]
        delta = max(before)[1] if before else 0.0
        moved.append(dataclasses.replace(handover, epoch_tdb_s=handover.epoch_tdb_s + delta))
    return sorted(moved, key=lambda h: (h.epoch_tdb_s, h.flight, h.place))


def live_through(scenario: Scenario, handed: Sequence[Handover], progress: Progress | None = None) -> OutpostLog:
    """Simulate the days of all outposts over the scenario's time."""
    header = scenario.header

    def show(fraction: float) -> None:
        if progress is not None:
            progress("live", fraction, "")

    return live(
        scenario.outposts,
        handed,
        header.start_tdb_s,
        header.end_tdb_s,
        scenario,
        seed=header.seed,
        progress=show,
    )


def _shortfalls(
    scenario: Scenario, campaign: Campaign, log: OutpostLog, state: State
) -> tuple[list[Demand], list[str]]:
    """Each stock that ran short becomes a demand for what was delivered by then and what was missing."""
    delivered: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in campaign.table("manifest").iter_rows(named=True):
        if row["kind"] == "commodity":
            delivered.setdefault((row["destination"], row["cargo"]), []).append((row["epoch_tdb_s"], row["amount"]))
    demands: list[Demand] = []
    reasons: list[str] = []
    commodities = scenario.of("commodity")
    header = scenario.header
    worst: dict[tuple[str, str], Any] = {}
    for shortfall in log.shortfalls:
        place = next((o.place for o in scenario.outposts.values() if shortfall.place in (o.id, o.place)), "")
        kept = worst.get((place, shortfall.commodity))
        if kept is None or shortfall.amount_kg > kept.amount_kg:
            worst[place, shortfall.commodity] = shortfall
    for (place, commodity), shortfall in worst.items():
        date = tdb_s_to_utc(shortfall.epoch_tdb_s)[:10]
        reasons.append(f"{place}: {commodity} runs short by {shortfall.amount_kg:.0f} on {date}: {shortfall.reason}")
        if commodity not in commodities or not place:
            continue
        by = max(header.start_tdb_s + header.step_s, shortfall.epoch_tdb_s)
        if any(
            d.at == place and d.commodity == commodity and abs(d.by_tdb_s - by) < header.step_s for d in state.demands
        ):
            continue  # it was asked for already and could not be had in time
        so_far = sum(amount for epoch, amount in delivered.get((place, commodity), []) if epoch <= by)
        demands.append(
            Demand(
                id=f"shortfall-{state.iteration + 1}-{place}-{commodity}",
                title=f"{commodity} that the days lived were short of",
                commodity=commodity,
                at=place,
                amount_kg=so_far + 1.05 * shortfall.amount_kg,
                by_tdb_s=min(by, header.end_tdb_s),
            )
        )
    return demands, reasons


# ------------------------------------------------------------------------------------------- summary


def _quantiles(flights: Flights) -> dict[str, float]:
    flown = flights.flown.filter(pl.col("converged"))
    if flown.height == 0:
        return {}
    error = (flown["dv_m_s"] - flown["planned_dv_m_s"]).to_numpy()
    return {
        "q50": float(np.quantile(error, 0.5)),
        "q99": float(np.quantile(error, 0.99)),
        "max": float(np.max(error)),
    }


def _summary_of_legs(legs: LegTable) -> dict[str, Any]:
    rows = [row for found in legs.rows.values() for row in found]
    good = [row for row in rows if row.converged]
    return {
        "status": "tabulated",
        "arcs": len(legs.rows),
        "departures": len(rows),
        "converged": len(good) / max(1, len(rows)),
        "closure": {
            "position_m": max((r.closure_position_m for r in good), default=0.0),
            "velocity_m_s": max((r.closure_velocity_m_s for r in good), default=0.0),
        },
    }


def _crew_days(scenario: Scenario, campaign: Campaign) -> float:
    """Days that people spend away from the Earth at the places they are flown to, as planned, within the scenario."""
    header = scenario.header
    total_s = 0.0
    for row in campaign.table("manifest").iter_rows(named=True):
        if row["kind"] == "crew":
            left_s = max(0.0, header.end_tdb_s - row["epoch_tdb_s"]) * row["amount"]
            specs = scenario.place_specs
            if row["destination"] in specs and specs[row["destination"]].kind != "ground":
                total_s += left_s
            if row["origin"] in specs and specs[row["origin"]].kind != "ground":
                total_s -= left_s
    return total_s / DAY_S


def _summary(
    scenario: Scenario,
    campaign: Campaign,
    flights: Flights | None,
    log: OutpostLog | None,
    state: State,
    reasons: Sequence[str],
) -> dict[str, Any]:
    table = campaign.table("flights")
    landed: dict[str, float] = {}
    surfaces = {p for p, spec in scenario.place_specs.items() if spec.kind == "surface"}
    for row in campaign.table("manifest").iter_rows(named=True):
        if row["destination"] in surfaces:
            landed[row["destination"]] = landed.get(row["destination"], 0.0) + row["mass_kg"]
    margins: dict[str, Any] = {}
    if log is not None:
        for m in log.margins:
            name = m.commodity if len(scenario.outposts) == 1 else f"{m.place}.{m.commodity}"
            margins[name] = {
                "value": m.amount_kg,
                "unit": "kg",
                "date": tdb_s_to_utc(m.epoch_tdb_s)[:10],
                "days_of_use": m.days_of_use,
            }
    summary: dict[str, Any] = {
        "title": scenario.header.title,
        "status": campaign.status,
        "objective": {
            "name": campaign.objective_name,
            "value": campaign.objective_value,
            "unit": campaign.objective_unit,
        },
        "bound": campaign.bound,
        "gap": campaign.gap,
        "flights": table.height,
        "mass_to_orbit_kg": float(table["mass_to_orbit_kg"].sum()) if table.height else 0.0,
        "mass_landed_kg": landed,
        "crew_days": _crew_days(scenario, campaign),
        "iterations": state.iteration,
        "margins": margins,
        "reasons": [*campaign.reasons, *reasons],
        "model": dict(campaign.model),
    }
    if flights is not None:
        good = flights.flown.filter(pl.col("converged"))
        summary["dv_error_m_s"] = _quantiles(flights)
        summary["legs"] = flights.flown.height
        summary["closure"] = {
            "position_m": good["closure_position_m"].max() if good.height else None,
            "velocity_m_s": good["closure_velocity_m_s"].max() if good.height else None,
        }
    if log is not None:
        summary["balance"] = {f"{b.place}.{b.quantity}": b.worst_relative for b in log.balances}
    return summary


# -------------------------------------------------------------------------------------------- folder


def _manifest(
    scenario: Scenario, identity: Mapping[str, str], key: str, state: State, summary: Mapping[str, Any], until: str
) -> dict[str, Any]:
    return {
        "product": "moonvillage",
        "key": key,
        "until": until,
        "scenario": scenario.name,
        "seed": scenario.header.seed,
        "identity": dict(identity),
        "wall_s": dict(state.wall_s),
        "gap": summary.get("gap"),
        "convergence": list(state.history),
        "summary": dict(summary),
    }


def _finished(folder: Path, key: str, until: str) -> dict[str, Any] | None:
    """The summary of a run that is already there, whole, up to the stage wanted."""
    manifest = read_json(folder / MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("key") != key or manifest.get("until") not in STAGES:
        return None
    if STAGES.index(manifest["until"]) < STAGES.index(until):
        return None
    if until == "report" and not (folder / "report.html").exists():
        return None
    summary = manifest["summary"]
    assert isinstance(summary, dict)
    return {**summary, "run": str(folder), "resumed": True}


def _resume(folder: Path, key: str) -> State:
    """The state after the last finished iteration of the same run, or a fresh one."""
    saved = read_json(folder / WORK / "state.json")
    state = State()
    if not isinstance(saved, dict) or saved.get("key") != key:
        write_json(folder / WORK / "state.json", {"key": key})
        return state
    if "iteration" not in saved:
        return state
    state.iteration = saved["iteration"]
    state.history = saved["history"]
    state.wall_s = saved["wall_s"]
    for (mission, period, choice), column in saved["flown"]:
        steps = {
            int(index): FlownStep(s[0], s[1], tuple((name, dv) for name, dv in s[2]), s[3])
            for index, s in column["steps"].items()
        }
        state.flown[mission, period, choice] = FlownColumn(steps, column["failure"])
    state.demands = [Demand(**{**d, "provenance": {}}) for d in saved["demands"]]
    tables = {name: read_table(folder / WORK / saved["plan"] / f"{name}.parquet", TABLES[name]) for name in TABLES}
    state.campaign = Campaign(**saved["campaign"], tables=tables)
    return state


def _checkpoint(folder: Path, state: State) -> None:
    """Keep the state after an iteration: first the plan's tables, then the file that names them."""
    assert state.campaign is not None
    name = f"plan-{state.iteration}"
    with new_folder(folder / WORK / name) as made:
        for table in TABLES:
            write_table(made / f"{table}.parquet", state.campaign.table(table))
    campaign = state.campaign
    saved = read_json(folder / WORK / "state.json") or {}
    write_json(
        folder / WORK / "state.json",
        {
            "key": saved.get("key"),
            "iteration": state.iteration,
            "history": state.history,
            "wall_s": state.wall_s,
            "plan": name,
            "campaign": {
                "status": campaign.status,
                "objective_name": campaign.objective_name,
                "objective_value": campaign.objective_value,
                "objective_unit": campaign.objective_unit,
                "bound": campaign.bound,
                "gap": campaign.gap,
                "reasons": list(campaign.reasons),
                "model": dict(campaign.model),
            },
            "flown": [
                [
                    list(key),
                    {
                        "failure": column.failure,
                        "steps": {
                            str(i): [s.departure_tdb_s, s.arrival_tdb_s, [list(b) for b in s.dv_m_s], s.c3_m2_s2]
                            for i, s in column.steps.items()
                        },
                    },
                ]
                for key, column in state.flown.items()
            ],
            "demands": [
                {f.name: getattr(d, f.name) for f in dataclasses.fields(d) if f.name != "provenance"}
                for d in state.demands
            ],
        },
    )


def _save(folder: Path, scenario: Scenario, result: Result, manifest: Mapping[str, Any]) -> None:
    """The records of a run, each stage's folder whole or not at all."""
    write_bytes(folder / "scenario.toml", scenario.source.encode())
    if result.legs is not None:
        write_table(folder / "legs.parquet", to_frame(result.legs))
    if result.campaign is not None:
        with new_folder(folder / "campaign") as made:
            for table in TABLES:
                write_table(made / f"{table}.parquet", result.campaign.table(table))
    if result.flights is not None:
        with new_folder(folder / "flights") as made:
            write_table(made / "flown.parquet", result.flights.flown)
            write_table(made / "samples.parquet", result.flights.samples)
            write_table(made / "burns.parquet", result.flights.burns)
    if result.log is not None:
        with new_folder(folder / "outpost") as made:
            write_table(made / "days.parquet", result.log.days)
            write_table(made / "events.parquet", result.log.events)
            write_json(
                made / "summary.json",
                {
                    "crew_days": result.log.crew_days,
                    "notes": list(result.log.notes),
                    **{
                        name: [dataclasses.asdict(item) for item in getattr(result.log, name)]
                        for name in ("shortfalls", "margins", "balances")
                    },
                },
            )


def read_result(folder: Path) -> tuple[Result, dict[str, Any]]:
    """A finished run from its folder, with its manifest.

    Raises
    ------
    InputError
        If the folder holds no finished run.
    """
    from moonvillage.records.outpost import Balance, Margin, Shortfall

    manifest = read_json(folder / MANIFEST)
    if not isinstance(manifest, dict) or not (folder / "campaign").is_dir():
        raise InputError.one("holds no finished run", "run 'moonvillage run FILE -o DIR' first", file=str(folder))
    scenario = dataclasses.replace(load(folder / "scenario.toml"), name=manifest["scenario"])
    summary = manifest["summary"]
    objective = summary.get("objective") or {}
    campaign = Campaign(
        status=summary["status"],
        objective_name=objective.get("name", ""),
        objective_value=_number(objective.get("value")),
        objective_unit=objective.get("unit", ""),
        bound=_number(summary.get("bound")),
        gap=_number(summary.get("gap")),
        tables={name: read_table(folder / "campaign" / f"{name}.parquet", TABLES[name]) for name in TABLES},
        reasons=tuple(summary.get("reasons", ())),
        model=summary.get("model", {}),
    )
    flights = None
    if (folder / "flights").is_dir():
        flights = Flights(
            read_table(folder / "flights" / "flown.parquet"),
            read_table(folder / "flights" / "samples.parquet"),
            read_table(folder / "flights" / "burns.parquet"),
        )
    log = None
    if (folder / "outpost").is_dir():
        saved = read_json(folder / "outpost" / "summary.json")
        log = OutpostLog(
            days=read_table(folder / "outpost" / "days.parquet"),
            events=read_table(folder / "outpost" / "events.parquet"),
            shortfalls=tuple(Shortfall(**item) for item in saved["shortfalls"]),
            margins=tuple(Margin(**item) for item in saved["margins"]),
            balances=tuple(Balance(**item) for item in saved["balances"]),
            crew_days=saved["crew_days"],
            notes=tuple(saved["notes"]),
        )
    legs = from_frame(read_table(folder / "legs.parquet")) if (folder / "legs.parquet").exists() else None
    return Result(scenario, summary, legs, campaign, flights, log), manifest


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
