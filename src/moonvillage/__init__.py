"""moonvillage: plan, fly, live and share a human outpost on the Moon.

The verbs are functions on frozen records::

    import moonvillage as mv

    scenario = mv.load("mine.toml")
    legs = mv.tabulate(scenario)                # real delta-v and dates, n-body in DE440
    campaign = mv.plan(scenario, legs)          # flights, loads, dates; proven gap
    flights = mv.fly(scenario, campaign)        # every leg as a trajectory
    log = mv.live(scenario, campaign, flights)  # every day at every outpost
    mv.report(scenario, campaign, flights, log, "out")

:func:`run` is the whole loop, with its feedback and its run folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from moonvillage.pipeline.verbs import fly, live, plan, report, run
    from moonvillage.records.campaign import Campaign
    from moonvillage.records.flights import Flights
    from moonvillage.records.legs import Leg, LegTable
    from moonvillage.records.outpost import OutpostLog
    from moonvillage.scenario import Scenario, load
    from moonvillage.trajectory.tabulate import tabulate

_HOMES = {
    "Campaign": "moonvillage.records.campaign",
    "Flights": "moonvillage.records.flights",
    "Leg": "moonvillage.records.legs",
    "LegTable": "moonvillage.records.legs",
    "OutpostLog": "moonvillage.records.outpost",
    "Scenario": "moonvillage.scenario",
    "fly": "moonvillage.pipeline.verbs",
    "live": "moonvillage.pipeline.verbs",
    "load": "moonvillage.scenario",
    "plan": "moonvillage.pipeline.verbs",
    "report": "moonvillage.pipeline.verbs",
    "run": "moonvillage.pipeline.verbs",
    "tabulate": "moonvillage.trajectory.tabulate",
}

__all__ = [
    "Campaign",
    "Flights",
    "Leg",
    "LegTable",
    "OutpostLog",
    "Scenario",
    "fly",
    "live",
    "load",
    "plan",
    "report",
    "run",
    "tabulate",
]


def __getattr__(name: str) -> Any:
    # names are found when first used, so that `import moonvillage` costs nothing
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'moonvillage' has no attribute {name!r}")
