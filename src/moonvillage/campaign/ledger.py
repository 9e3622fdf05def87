"""The exact ledger: every flight of a plan replayed with plain numbers, event by event, into the tables.

The optimiser worked with affine coefficients; the ledger runs the same steps with floats and checks that nothing
differs: masses, propellant and stocks agree to 1e-6 of their size or 0.1 kg, and no limit is overstepped. A
mismatch is a defect of ours and raises :class:`~moonvillage.errors.ConservationError`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from moonvillage.campaign.columns import Column, column_name
from moonvillage.campaign.constraints import overlap_d
from moonvillage.campaign.launching import capability_kg
from moonvillage.campaign.matrix import Floats
from moonvillage.campaign.model import TONNE, Assembly, Loaded
from moonvillage.campaign.program import Decisions, Kit, Record, Refuel, execute
from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.errors import ConservationError
from moonvillage.records.campaign import TABLES, Campaign
from moonvillage.records.outpost import Handover
from moonvillage.scenario.model import Mission, Scenario
from moonvillage.units import DAY_S

RELATIVE: Final = 1e-6
ABSOLUTE_KG: Final = 0.1
#: Kinds of steps in which people board or leave at a place.
_Rows = dict[str, list[dict[str, Any]]]


def close(expected: float, found: float) -> bool:
    """Whether two masses (kg) agree within the ledger's tolerance."""
    return abs(expected - found) <= max(ABSOLUTE_KG, RELATIVE * max(abs(expected), abs(found)))


@dataclass(frozen=True, slots=True, eq=False)
class Replayed:
    """One flight after its replay."""

    id: str
    loaded: Loaded
    record: Record
    lanes_kg: tuple[float, ...]
    refuels_kg: Mapping[Refuel, float]

    @property
    def column(self) -> Column:
        """The column it was flown from."""
        return self.loaded.column


def name_flights(flights: Sequence[Loaded]) -> list[str]:
    """Flight ids, ``mission-YYYY-MM-n``, counted in order of departure."""
    used: dict[str, int] = {}
    names: list[str] = []
    for flight in flights:
        stem = f"{flight.column.key[0]}-{tdb_s_to_utc(flight.column.departure_tdb_s)[:7]}"
        used[stem] = used.get(stem, 0) + 1
        names.append(f"{stem}-{used[stem]}")
    return names


def replay(kit: Kit, flight: Loaded, id_: str, *, full_tanks: bool = False) -> Replayed:
    """Replay one flight and check it against its column.

    Parameters
    ----------
    kit, flight, id_
        What to replay.
    full_tanks
        Leave the Earth with full tanks (prescribed flights of an objective 'none') instead of with the least
        propellant that does.

    Raises
    ------
    ConservationError
        If a limit is overstepped or a launch mass differs from the column's.
    """
    column = flight.column
    shape = column.shape
    lanes = [
        math.fsum(kit.unit_kg(item) * amount for item, amount in sorted(flight.carried.get(n, {}).items()))
        for n in range(len(shape.lanes))
    ]
    refuels = dict(zip(shape.refuels, flight.refuels_kg or [0.0] * len(shape.refuels), strict=True))
    kept = flight.fills_kg or [0.0] * len(shape.kept)
    decisions = np.array([1.0, *lanes, *refuels.values(), *kept])
    fills = dict(zip(shape.kept, kept, strict=True))
    for craft, vector in column.fills.items():
        fills[craft] = float(vector @ decisions)
    if full_tanks:
        fills = {craft: kit.craft[craft].propellant_kg for craft in (*shape.kept, *shape.least)}
    record = execute(
        kit, shape.mission, column.timeline, shape.lanes, shape.refuels, Decisions(1.0, lanes, fills, refuels)
    )
    if not full_tanks:
        for check, value in record.checks.items():
            scale = max(1.0, sum(abs(x) for x in lanes))
            if value < -max(ABSOLUTE_KG, RELATIVE * scale):
                raise ConservationError(" ".join(check), float(value), scale, id_)
        for done, (launcher, _, vector) in zip(record.launches, column.launches, strict=True):
            planned = float(vector @ decisions)
            if not close(planned, float(done.mass)):
                raise ConservationError(f"launch mass on {launcher}", float(done.mass) - planned, planned, id_)
    return Replayed(id_, flight, record, tuple(lanes), refuels)


def overdrawn(flight: Replayed) -> list[str]:
    """What a prescribed flight oversteps, in sentences."""
    found = []
    for check, value in flight.record.checks.items():
        if value < -ABSOLUTE_KG:
            what = {
                "propellant": f"{check[1]} lacks {{}} kg of {check[2]}" if len(check) > 2 else "",
                "launch": f"{check[-1]} lifts {{}} kg too much",
                "hold": f"{check[1]} holds {{}} kg too much",
                "tank": f"the tanks of {check[1]} hold {{}} kg too much",
            }[check[0]]
            found.append(f"{flight.id}: {what.format(f'{-float(value):.1f}')}")
    return found


def fill_tables(scenario: Scenario, kit: Kit, flights: Sequence[Replayed]) -> dict[str, pl.DataFrame]:
    """The tables of a plan that are made of its flights: all but stocks, crew and permissions."""
    rows: _Rows = {name: [] for name in TABLES}
    for flight in flights:
        _flight(rows, scenario, kit, flight)
    rows["events"].sort(key=lambda r: (r["epoch_tdb_s"], r["flight"], r["step"]))
    return {name: pl.DataFrame(rows[name], schema=dict(schema)) for name, schema in TABLES.items()}


def _flight(rows: _Rows, scenario: Scenario, kit: Kit, flight: Replayed) -> None:
    column, record = flight.column, flight.record
    mission, timeline, shape = column.mission, column.timeline, column.shape
    steps = mission.steps
    modules_cost = sum(
        kit.modules[item].cost_eur * count
        for hold in flight.loaded.carried.values()
        for item, count in hold.items()
        if item in kit.modules
    )
    lands = any(step.do == "land" for step in steps)
    lifted = [done for done in record.launches if done.launcher]
    ground = [done for done in record.launches if not done.launcher]
    to_orbit = sum(float(done.mass) for done in lifted)
    for done in ground:
        to_orbit += next(float(e.mass) for e in record.events if e.step == done.step)
    rows["flights"].append(
        {
            "flight": flight.id,
            "mission": mission.id,
            "title": mission.title,
            "operator": mission.operator,
            "partners": sorted({*mission.partners, *mission.seats} - {mission.operator}),
            "period": column.key[1],
            "departure_tdb_s": column.departure_tdb_s,
            "arrival_tdb_s": column.arrival_tdb_s,
            "crew_up": shape.people,
            "crew_down": shape.people if lands else 0,
            "mass_to_orbit_kg": to_orbit,
            "mass_landed_kg": float(record.landed),
            "cost_eur": shape.cost_eur - mission.revenue_eur + modules_cost,
            "agreements": [],
            "rules": [],
        }
    )
    for done in record.launches:
        launcher = kit.launchers.get(done.launcher)
        rows["launches"].append(
            {
                "flight": flight.id,
                "launcher": done.launcher,
                "epoch_tdb_s": done.epoch_tdb_s,
                "into": done.into,
                "c3_m2_s2": done.c3_m2_s2,
                "mass_kg": float(done.mass),
                "capacity_kg": capability_kg(launcher, done.into, done.c3_m2_s2) if launcher else None,
                "cost_eur": launcher.cost_eur if launcher else 0.0,
            }
        )
    launched = False
    for index, step in enumerate(steps):
        if step.do == "launch":
            launched = step.into != "leo"
        elif step.do == "fly":
            leg = timeline.legs[index]
            own = leg.dv_m_s[1:] if launched else leg.dv_m_s
            launched = False
            rows["legs"].append(
                {
                    "flight": flight.id,
                    "step": index,
                    "arc": leg.arc,
                    "origin": leg.origin,
                    "destination": leg.destination,
                    "departure_tdb_s": leg.departure_tdb_s,
                    "arrival_tdb_s": leg.arrival_tdb_s,
                    "dv_m_s": sum(dv for _, dv in own),
                }
            )
    for burn in record.burns:
        rows["burns"].append(
            {
                "flight": flight.id,
                "step": burn.step,
                "burn": burn.name,
                "craft": burn.craft,
                "dv_m_s": burn.dv_m_s,
                "mass_before_kg": float(burn.mass_before),
                "propellant_kg": float(burn.propellant),
            }
        )
    for number, event in enumerate(record.events):
        detail = event.detail
        if number == 0:
            detail = f"{detail} [{column_name(column.key)}]".strip()
        rows["events"].append(
            {
                "flight": flight.id,
                "step": event.step,
                "event": event.event,
                "place": event.place,
                "epoch_tdb_s": event.epoch_tdb_s,
                "mass_kg": float(event.mass),
                "detail": detail,
            }
        )
    _manifest(rows, kit, flight, lands)


def _manifest(rows: _Rows, kit: Kit, flight: Replayed, lands: bool) -> None:
    column = flight.column
    mission, timeline, shape = column.mission, column.timeline, column.shape
    start = next((name for name, place in kit.places.items() if type(place).__name__ == "EarthGround"), "earth")

    def move(
        cargo: str, kind: str, origin: str, to: str, epoch: float, amount: float, mass: float, owner: str
    ) -> None:
        rows["manifest"].append(
            {
                "flight": flight.id,
                "cargo": cargo,
                "kind": kind,
                "origin": origin,
                "destination": to,
                "epoch_tdb_s": epoch,
                "amount": amount,
                "mass_kg": mass,
                "owner": owner,
            }
        )

    for number, hold in sorted(flight.loaded.carried.items()):
        lane = shape.lanes[number]
        epoch = timeline.ends[lane.sink] if lane.sink >= 0 else column.end_tdb_s
        for item, amount in sorted(hold.items()):
            if amount <= 1e-6:
                continue
            module = item in kit.modules
            owner = kit.modules[item].operator if module else mission.operator
            origin = lane.from_place or start
            kind = "module" if module else "commodity"
            move(item, kind, origin, lane.to_place, epoch, amount, kit.unit_kg(item) * amount, owner)
    for refuel, amount in flight.refuels_kg.items():
        if amount > 1e-6:
            epoch = timeline.begins[refuel.step]
            to = f"{refuel.place}:{refuel.craft}"
            move(refuel.component, "commodity", refuel.place, to, epoch, amount, amount, mission.operator)
    groups = [*sorted(mission.seats.items())]
    if mission.tourists:
        groups.append(("tourists", mission.tourists))
    for place, since, until in column.stays:
        for owner, count in groups:
            mass = count * mission.crew_mass_kg
            who = mission.operator if owner == "tourists" else owner
            move(owner, "crew", start, place, since, float(count), mass, who)
            if lands:
                move(owner, "crew", place, start, until, float(count), mass, who)
    if mission.samples_kg > 0.0 and lands:
        surface = column.stays[-1][0] if column.stays else _collected_at(kit, mission)
        mass = mission.samples_kg
        move("samples", "samples", surface, start, column.end_tdb_s, mass, mass, mission.operator)


def _collected_at(kit: Kit, mission: Mission) -> str:
    """Where a mission without a crew collects: the last surface that its steps reach; "" where it reaches none."""
    surfaces = {name for name, place in kit.places.items() if type(place).__name__ == "MoonSurface"}
    return next((step.to for step in reversed(mission.steps) if step.to in surfaces), "")


def stock_tables(a: Assembly, flights: Sequence[Replayed], values: Floats) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Stocks at the end of each period and people present, recomputed from the flights.

    What modules make and take follows the working units of the solution; everything else is recomputed.

    Raises
    ------
    ConservationError
        If a recomputed stock is below the optimiser's by more than the tolerance.
    """
    stock_rows: list[dict[str, Any]] = []
    for (place, item), stocks in a.stocks.items():
        rate = a.rates.get(place)
        loss = a.kit.commodities[item].boiloff_per_s if item in a.kit.commodities else 0.0
        amount = a.initial_stock_kg(place, item)
        reserve_s = max(
            (o.reserve_s.get(item, 0.0) for o in a.scenario.outposts.values() if o.place == place), default=0.0
        )
        throughput = amount
        for period, var in enumerate(stocks):
            begin, end = float(a.edges[period]), float(a.edges[period + 1])
            keep = math.exp(-loss * (end - begin))
            brought, taken = _exchanged(flights, place, item, begin, end)
            days = sum(
                f.column.shape.people * overlap_d(since, until, begin, end)
                for f in flights
                for where, since, until in f.column.stays
                if where == place
            )
            used = made = 0.0
            if rate is not None:
                used = rate.crew_kg_s.get(item, 0.0) * DAY_S * days
                leak = rate.standing_kg_s.get(item, 0.0) * (end - begin)
                stood = bool(a.initial_modules(place))
                used += leak * (round(values[a.stands[place][period]]) if place in a.stands else float(stood))
                for (where, module), working in a.working.items():
                    if where == place:
                        flow = rate.module_kg_s.get(module, {}).get(item, 0.0)
                        flow *= float(values[working[period]]) * (end - begin)
                        if flow >= 0.0:
                            made += flow
                        else:
                            used -= flow
            amount = amount * keep + brought + made - used - taken
            throughput += brought + made + used + taken
            planned = float(values[var]) * TONNE
            if amount < planned - max(ABSOLUTE_KG, RELATIVE * throughput):
                raise ConservationError(f"stock of {item}", amount - planned, throughput, f"{place}, period {period}")
            crew_s = rate.crew_kg_s.get(item, 0.0) * days * DAY_S / (end - begin) if rate else 0.0
            stock_rows.append(
                {
                    "place": place,
                    "commodity": item,
                    "period": period,
                    "epoch_tdb_s": end,
                    "amount_kg": max(0.0, amount),
                    "delivered_kg": brought,
                    "produced_kg": made,
                    "used_kg": used + taken,
                    "reserve_kg": max(0.0, reserve_s * crew_s),
                }
            )
    crew_rows: list[dict[str, Any]] = []
    for place in a.present:
        for period in range(a.periods):
            centre = 0.5 * float(a.edges[period] + a.edges[period + 1])
            here = sum(
                f.column.shape.people
                for f in flights
                for where, since, until in f.column.stays
                if where == place and since <= centre < until
            )
            crew_rows.append({"place": place, "period": period, "epoch_tdb_s": centre, "crew": float(here)})
    return (
        pl.DataFrame(stock_rows, schema=dict(TABLES["stocks"])),
        pl.DataFrame(crew_rows, schema=dict(TABLES["crew"])),
    )


def _exchanged(flights: Sequence[Replayed], place: str, item: str, begin: float, end: float) -> tuple[float, float]:
    """What flights brought to and took from a stock in a span of time (kg)."""
    brought = taken = 0.0
    for flight in flights:
        column = flight.column
        for number, hold in flight.loaded.carried.items():
            lane = column.shape.lanes[number]
            amount = hold.get(item, 0.0)
            arrives = column.timeline.ends[lane.sink] if lane.sink >= 0 else column.end_tdb_s
            if lane.to_place == place and begin <= arrives < end:
                brought += amount
            if lane.from_place == place and begin <= column.timeline.begins[lane.source] < end:
                taken += amount
        for refuel, amount in flight.refuels_kg.items():
            when = column.timeline.begins[refuel.step]
            if refuel.place == place and refuel.component == item and begin <= when < end:
                taken += amount
    return brought, taken


def handovers(campaign: Campaign, scenario: Scenario) -> list[Handover]:
    """What reaches or leaves each place that has an outpost, in the order of time.

    Deliveries and withdrawals (propellant and loads taken from the stocks) are at their real dates; people change
    at the beginning and the end of their stays.
    """
    manifest = campaign.table("manifest")
    homes = {o.place for o in scenario.outposts.values()}
    found: dict[tuple[float, str, str], tuple[dict[str, float], dict[str, int], int]] = {}
    for row in manifest.iter_rows(named=True):
        for place, sign in ((row["destination"], 1), (row["origin"], -1)):
            if place not in homes:
                continue
            key = (row["epoch_tdb_s"], place, row["flight"])
            stocks, modules, crew = found.get(key, ({}, {}, 0))
            if row["kind"] == "commodity":
                stocks[row["cargo"]] = stocks.get(row["cargo"], 0.0) + sign * row["amount"]
            elif row["kind"] == "module":
                modules[row["cargo"]] = modules.get(row["cargo"], 0) + sign * round(row["amount"])
            elif row["kind"] == "crew":
                crew += sign * round(row["amount"])
            else:
                continue
            found[key] = (stocks, modules, crew)
    return [
        Handover(epoch, place, flight, stocks, modules, crew)
        for (epoch, place, flight), (stocks, modules, crew) in sorted(found.items(), key=lambda kv: kv[0])
    ]
