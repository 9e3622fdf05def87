"""What a run says of itself: the summary that ``--json`` prints (docs/commands.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from moonvillage.campaign.measures import as_mapping
from moonvillage.campaign.telling import second_opinion
from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.pipeline.state import State
from moonvillage.records.campaign import Campaign
from moonvillage.records.flights import Flights
from moonvillage.records.legs import LegTable
from moonvillage.records.outpost import OutpostLog
from moonvillage.scenario import Scenario
from moonvillage.units import DAY_S


def quantiles(flights: Flights) -> dict[str, float]:
    flown = flights.flown.filter(pl.col("converged"))
    if flown.height == 0:
        return {}
    error = (flown["dv_m_s"] - flown["planned_dv_m_s"]).to_numpy()
    return {
        "q50": float(np.quantile(error, 0.5)),
        "q99": float(np.quantile(error, 0.99)),
        "max": float(np.max(error)),
    }


def summary_of_legs(legs: LegTable) -> dict[str, Any]:
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


def crew_days(scenario: Scenario, campaign: Campaign) -> float:
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


def _ledger(scenario: Scenario, campaign: Campaign) -> list[dict[str, Any]]:
    """The burns of prescribed flights with what each stage has left of its propellant."""
    crafts = scenario.of("craft")
    used: dict[tuple[str, str], float] = {}
    rows = []
    for burn in campaign.table("burns").iter_rows(named=True):
        key = (burn["flight"], burn["craft"])
        used[key] = used.get(key, 0.0) + burn["propellant_kg"]
        rows.append({**burn, "left_kg": crafts[burn["craft"]].propellant_kg - used[key]})
    return rows


def summarise(
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
        "crew_days": crew_days(scenario, campaign),
        "iterations": state.iteration,
        "margins": margins,
        "reasons": [*campaign.reasons, *reasons],
        "model": dict(campaign.model),
    }
    if scenario.network is not None and campaign.status in ("optimal", "feasible"):
        summary["mass_to_orbit_kg"] = campaign.objective_value
    if scenario.header.objective == "none":
        summary["ledger"] = _ledger(scenario, campaign)
    if scenario.network is None and campaign.status in ("optimal", "feasible") and table.height:
        told = second_opinion(scenario, campaign)
        summary["measures"] = as_mapping(told.measures)
        summary["replay"] = {
            "burns": told.burns,
            "worst_kg": told.worst_kg,
            "mismatches": [f"{m.mission}: {m.event}: {m.message}" for m in told.mismatches],
        }
    if flights is not None:
        good = flights.flown.filter(pl.col("converged"))
        summary["dv_error_m_s"] = quantiles(flights)
        summary["legs"] = flights.flown.height
        summary["closure"] = {
            "position_m": good["closure_position_m"].max() if good.height else None,
            "velocity_m_s": good["closure_velocity_m_s"].max() if good.height else None,
        }
    if log is not None:
        summary["balance"] = {f"{b.place}.{b.quantity}": b.worst_relative for b in log.balances}
    return summary
