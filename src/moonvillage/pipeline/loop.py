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
from pathlib import Path
from typing import Any, Final

from moonvillage.campaign import plan
from moonvillage.errors import InputError, Interrupted
from moonvillage.outpost import live
from moonvillage.outpost import rates as outpost_rates
from moonvillage.pipeline.feedback import compare, handovers_flown, lifted, shortfalls
from moonvillage.pipeline.flying import PlannedFlight, fly_all, planned_flights, to_flights
from moonvillage.pipeline.folder import checkpoint, digest, finished, manifest_of, resume, save, tidy
from moonvillage.pipeline.permissions import Permissions, permissions
from moonvillage.pipeline.samples import keep_samples
from moonvillage.pipeline.state import Result, State
from moonvillage.pipeline.summary import quantiles, summarise, summary_of_legs
from moonvillage.records.campaign import Campaign
from moonvillage.records.flights import Flights
from moonvillage.records.legs import Leg, LegTable
from moonvillage.records.outpost import Handover, OutpostLog
from moonvillage.records.rates import OutpostRates
from moonvillage.records.store import MANIFEST, open_run_folder, write_json
from moonvillage.scenario import Scenario, load
from moonvillage.scenario.check import check
from moonvillage.trajectory.tabulate import tabulate

Progress = Callable[[str, float, str], None]

MAX_ITERATIONS: Final = 15
#: The plan keeps this many times the reserve that the days lived are asked for: it thinks in periods and mean crews,
#: they in days, and while one crew hands over to the next there are twice as many people.
RESERVE: Final = 2.2
#: Wall time after which a plan that is not proven to the gap is taken as it is, with its gap.
PLAN_LIMIT_S: Final = 300.0


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
    before = finished(folder, key, until)
    if before is not None:
        tidy(folder)
        return before
    state = resume(folder, key)
    clock = Clock(state.wall_s)
    try:
        result = _loop(scenario, folder, state, clock, allowed, until, progress, cancelled, workers)
    except Interrupted:
        summary = {"status": "interrupted", "run": str(folder), "iterations": state.iteration, "wall_s": state.wall_s}
        return summary
    summary = {**result.summary, "run": str(folder), "wall_s": dict(state.wall_s)}
    manifest = manifest_of(scenario, identity, key, state, summary, until)
    save(folder, scenario, result, manifest)
    if result.campaign is not None:
        keep_samples(folder, scenario, result.campaign, result.flights)
    if until == "report" and result.campaign is not None:
        from moonvillage.pipeline.reports import write_report

        with clock.measure("report"):
            path = write_report(folder, result, manifest, progress)
        summary = {**summary, "report": str(path), "wall_s": dict(state.wall_s)}
        manifest = manifest_of(scenario, identity, key, state, summary, until)
    write_json(folder / MANIFEST, manifest)
    tidy(folder)
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
    # what the rules never allow is not flown: its arcs need no trajectories
    open_ = {id_: mission for id_, mission in scenario.missions.items() if id_ not in allowed.refused}
    with clock.measure("tabulate"):
        legs = tabulate(
            dataclasses.replace(scenario, missions=open_), workers=workers, progress=progress, cancelled=cancelled
        )
    if until == "tabulate":
        return Result(scenario, summary_of_legs(legs), legs)
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
            return Result(scenario, summarise(scenario, campaign, None, None, state, []), legs, campaign)
        if until == "plan":
            return Result(scenario, summarise(scenario, campaign, None, None, state, []), legs, campaign)
        with clock.measure("fly"):
            flown = _fly(scenario, campaign, known, progress, cancelled, workers)
        flights = to_flights(scenario, campaign, flown)
        raised, reasons = compare(scenario, campaign, flights, flown, state)
        entry: dict[str, Any] = {
            "iteration": state.iteration + 1,
            "objective": campaign.objective_value,
            "gap": campaign.gap,
            "flights": campaign.table("flights").height,
            "legs_dearer_than_planned": len(raised),
            "dv_error_m_s": quantiles(flights),
            "shortfalls": 0,
        }
        if not raised and until != "fly":
            with clock.measure("live"):
                log = live_through(scenario, handovers_flown(campaign, scenario, flights), progress)
            new, struck, reasons = shortfalls(scenario, campaign, log, state)
            entry["shortfalls"] = len(log.shortfalls)
            state.demands += new
        else:
            new, struck = [], False
        entry["reasons"] = reasons[:24]
        state.history.append(entry)
        state.iteration += 1
        state.campaign = campaign
        if not raised and not new and not struck:
            converged = not reasons
            break
        checkpoint(folder, state)
    assert campaign is not None
    if flights is not None and log is None and until != "fly":
        with clock.measure("live"):
            log = live_through(scenario, handovers_flown(campaign, scenario, flights), progress)
    summary = summarise(scenario, campaign, flights, log, state, reasons)
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

    stricter = {
        id_: dataclasses.replace(outpost, reserve_s={k: RESERVE * v for k, v in outpost.reserve_s.items()})
        for id_, outpost in scenario.outposts.items()
    }
    return plan(
        dataclasses.replace(scenario, outposts=stricter),
        lifted(legs, state.lifts),
        rates,
        permissions=allowed.flags,
        flown=state.flown,
        extra_demands=tuple(state.demands),
        warm=state.campaign,
        time_limit_s=PLAN_LIMIT_S,
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
