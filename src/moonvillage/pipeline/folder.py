"""The run folder: what a finished run leaves, and what a killed one resumes from.

A stage's tables appear whole or not at all. ``.work/state.json`` names the last finished iteration; ``manifest.json``
is written last, and says that the run is done.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from moonvillage import __version__
from moonvillage.campaign import FlownColumn, FlownStep
from moonvillage.ephemeris.de440 import load as load_ephemeris
from moonvillage.errors import InputError
from moonvillage.pipeline.state import Result, State
from moonvillage.records.campaign import TABLES, Campaign
from moonvillage.records.flights import Flights
from moonvillage.records.outpost import Balance, Margin, OutpostLog, Shortfall
from moonvillage.records.store import (
    MANIFEST,
    WORK,
    new_folder,
    read_json,
    read_table,
    write_bytes,
    write_json,
    write_table,
)
from moonvillage.scenario import Demand, Scenario, load
from moonvillage.trajectory.tabulate import from_frame, to_frame

STAGES: Final = ("tabulate", "plan", "fly", "live", "report")


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
    for id_, site in scenario.of("site").items():
        if site.terrain and Path(site.terrain).is_file():
            with Path(site.terrain).open("rb") as stream:
                parts[f"terrain of {id_}"] = hashlib.file_digest(stream, "sha256").hexdigest()
    for package in ("heyoka", "highspy", "numpy", "polars", "scipy"):
        parts[package] = metadata.version(package)
    return parts


def manifest_of(
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


def finished(folder: Path, key: str, until: str) -> dict[str, Any] | None:
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


def resume(folder: Path, key: str) -> State:
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
    state.lifts = saved["lifts"]
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


def checkpoint(folder: Path, state: State) -> None:
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
            "lifts": state.lifts,
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


def save(folder: Path, scenario: Scenario, result: Result, manifest: Mapping[str, Any]) -> None:
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


def tidy(folder: Path) -> None:
    """Remove the checkpoints of a run that is done."""
    shutil.rmtree(folder / WORK, ignore_errors=True)
