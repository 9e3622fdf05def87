"""What flying and living teach the plan: dearer legs, and stocks that ran short."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from moonvillage.campaign import FlownColumn, FlownStep, Key, flight_columns, handovers
from moonvillage.campaign.launching import capability_kg
from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.pipeline.state import State
from moonvillage.records.campaign import Campaign
from moonvillage.records.flights import Flights
from moonvillage.records.legs import Leg, LegTable
from moonvillage.records.outpost import Handover, OutpostLog
from moonvillage.scenario import Demand, Scenario
from moonvillage.scenario.walk import walk


def compare(
    scenario: Scenario, campaign: Campaign, flights: Flights, flown: Mapping[str, Sequence[Leg]], state: State
) -> tuple[list[Key], list[str]]:
    """Columns whose flights need more than planned, or could not be flown; their flown figures enter the state.

    What a flight needed of an arc above the table, all flights of that arc are planned with from then on
    (``state.lifts``): the table leaves the plane free, and they are bound alike.

    More than planned: more Δv than the planned one with the scenario's margin, or a launcher asked for more than it
    can lift to the energy flown.
    """
    margin = 1.0 + scenario.header.margin
    launchers = scenario.of("launcher")
    launched: dict[str, list[dict[str, Any]]] = {}
    for launch in campaign.table("launches").sort("epoch_tdb_s").iter_rows(named=True):
        if launch["c3_m2_s2"] is not None:
            launched.setdefault(launch["flight"], []).append(launch)
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
            (launch["c3_m2_s2"], found)
            for launch, found in zip(launched.get(flight, []), energies, strict=False)
            if launch["mass_kg"] > capability_kg(launchers[launch["launcher"]], launch["into"], found) * (1.0 + 1e-9)
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
            for r in dear:
                lift = state.lifts.get(r["arc"], 1.0)
                state.lifts[r["arc"]] = max(lift, lift * r["dv_m_s"] / r["planned_dv_m_s"])
            old = state.flown.get(key)
            new: dict[int, FlownStep] = dict(old.steps) if old is not None else {}
            for row, leg in zip(rows, flown[flight], strict=False):
                burns = dict(new[row["step"]].dv_m_s) if row["step"] in new else {}
                merged = tuple((b.name, max(b.dv_m_s, burns.get(b.name, 0.0))) for b in leg.burns)
                new[row["step"]] = FlownStep(leg.departure_tdb_s, leg.arrival_tdb_s, merged, leg.c3_m2_s2)
            state.flown[key] = FlownColumn(new)
            raised.append(key)
    return raised, reasons


def lifted(legs: LegTable, lifts: Mapping[str, float]) -> LegTable:
    """The table with the Δv of some arcs raised by what flights needed of them."""
    if not lifts:
        return legs
    rows = {
        arc: tuple(
            dataclasses.replace(row, dv_m_s=tuple((name, dv * lifts[arc]) for name, dv in row.dv_m_s))
            for row in found
        )
        if arc in lifts
        else found
        for arc, found in legs.rows.items()
    }
    return LegTable(rows)


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


def shortfalls(
    scenario: Scenario, campaign: Campaign, log: OutpostLog, state: State
) -> tuple[list[Demand], bool, list[str]]:
    """What ran short, turned into what the plan can act on.

    A stock that flights can deliver becomes a demand for what was delivered by then and what was missing. A flight
    that was to take away what was not there, and that nobody can bring or that asking did not bring, is not flown in
    that period again.

    Returns
    -------
    The new demands, whether a flight was struck out, and a sentence for each shortfall.
    """
    delivered: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in campaign.table("manifest").iter_rows(named=True):
        if row["kind"] == "commodity":
            delivered.setdefault((row["destination"], row["cargo"]), []).append((row["epoch_tdb_s"], row["amount"]))
    columns = flight_columns(campaign)
    header = scenario.header
    demands: list[Demand] = []
    reasons: list[str] = []
    struck = False
    for shortfall in sorted(log.shortfalls, key=lambda s: (s.place, s.commodity, s.epoch_tdb_s)):
        place, commodity = shortfall.place, shortfall.commodity
        date = tdb_s_to_utc(shortfall.epoch_tdb_s)[:10]
        reasons.append(f"{place}: {commodity} runs short by {shortfall.amount_kg:.0f} on {date}: {shortfall.reason}")
        by = min(max(header.start_tdb_s + header.step_s, shortfall.epoch_tdb_s), header.end_tdb_s)
        asked = [d for d in (*state.demands, *demands) if d.at == place and d.commodity == commodity]
        before = any(abs(d.by_tdb_s - by) < header.step_s for d in asked)
        if commodity in scenario.of("commodity") and _deliverable(scenario, commodity, place) and not before:
            so_far = sum(amount for epoch, amount in delivered.get((place, commodity), []) if epoch <= by)
            demands.append(
                Demand(
                    id=f"shortfall-{state.iteration + 1}-{len(demands) + 1}-{place}-{commodity}",
                    title=f"{commodity} that the days lived were short of",
                    commodity=commodity,
                    at=place,
                    amount_kg=so_far + 1.05 * shortfall.amount_kg,
                    by_tdb_s=by,
                )
            )
        elif shortfall.flight in columns:
            key = columns[shortfall.flight]
            known = state.flown.get(key, FlownColumn({}))
            if not known.failure:
                state.flown[key] = dataclasses.replace(known, failure=reasons[-1])
                struck = True
    return demands, struck, reasons


def _deliverable(scenario: Scenario, commodity: str, place: str) -> bool:
    """Whether some mission unloads a commodity at a place."""
    return any(
        step.do == "unload" and commodity in step.cargo and point.place == place
        for mission in scenario.missions.values()
        for point in walk(mission)
        for step in (point.step,)
    )
