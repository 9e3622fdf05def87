"""The stages as plain functions, for Python: each takes records and returns one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from moonvillage.campaign import plan as plan_campaign
from moonvillage.errors import InputError
from moonvillage.pipeline.feedback import handovers_flown
from moonvillage.pipeline.flying import fly_all, planned_flights, to_flights
from moonvillage.pipeline.loop import live_through, planning_rates
from moonvillage.pipeline.loop import run as run_loop
from moonvillage.pipeline.permissions import permissions
from moonvillage.pipeline.reports import write_report
from moonvillage.pipeline.state import Result
from moonvillage.records.campaign import Campaign
from moonvillage.records.flights import Flights
from moonvillage.records.legs import LegTable
from moonvillage.records.outpost import OutpostLog
from moonvillage.records.store import read_json
from moonvillage.scenario import Scenario


def plan(scenario: Scenario, legs: LegTable, *, gap: float | None = None) -> Campaign:
    """The best campaign on tabulated legs, under the rules; ``status`` says how good, ``reasons`` why not.

    Parameters
    ----------
    scenario
        A sound scenario.
    legs
        Of :func:`moonvillage.tabulate`.
    gap
        Proven gap to reach; the scenario's own by default.

    Raises
    ------
    InputError
        If the rules never allow a mission that is not optional.
    """
    allowed = permissions(scenario)
    if allowed.problems:
        raise InputError(list(allowed.problems))
    return plan_campaign(scenario, legs, planning_rates(scenario), permissions=allowed.flags, gap=gap)


def fly(scenario: Scenario, campaign: Campaign, *, workers: int | None = None) -> Flights:
    """Every leg of a plan as a trajectory in the n-body model, each from the plane that the one before left."""
    flown = fly_all(planned_flights(scenario, campaign), workers=workers)
    return to_flights(scenario, campaign, flown)


def live(scenario: Scenario, campaign: Campaign, flights: Flights) -> OutpostLog:
    """Every day of every outpost and station, with what the flights brought on the dates flown."""
    return live_through(scenario, handovers_flown(campaign, scenario, flights))


def report(
    scenario: Scenario, campaign: Campaign, flights: Flights, log: OutpostLog | None, folder: Path | str
) -> Path:
    """One self-contained page and its figures, written into a folder; returns the page's path."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    summary: Mapping[str, Any] = {
        "status": campaign.status,
        "objective": {
            "name": campaign.objective_name,
            "value": campaign.objective_value,
            "unit": campaign.objective_unit,
        },
        "bound": campaign.bound,
        "gap": campaign.gap,
        "flights": campaign.table("flights").height,
    }
    manifest = read_json(target / "manifest.json") or {}
    return write_report(target, Result(scenario, summary, None, campaign, flights, log), manifest)


def run(file: Path | str, out: Path | str, **options: Any) -> dict[str, Any]:
    """The whole loop into a run folder; returns the summary. See :func:`moonvillage.pipeline.loop.run`."""
    return run_loop(file, out, **options)
