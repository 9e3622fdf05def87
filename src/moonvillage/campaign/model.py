"""The mixed-integer program of a campaign: its decisions, and how a solution reads as flights with loads.

Decisions are whole numbers of flights per column, whole modules per flight, and continuous loads. Commodities that
flights of like kind bring to the same place in the same span are one decision for all of them; they are shared out
to the flights afterwards, which loses nothing because only their sum matters (docs/design/campaign.md §3). The
constraint families are in :mod:`moonvillage.campaign.constraints`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from moonvillage.campaign.columns import Column, Columns, Floats, edges_of
from moonvillage.campaign.matrix import Program
from moonvillage.campaign.papers import Papers
from moonvillage.campaign.program import Kit, Lane, cargo_craft_of
from moonvillage.campaign.timeline import Key
from moonvillage.records.rates import OutpostRates
from moonvillage.scenario.model import Demand, Scenario
from moonvillage.units import DAY_S, JULIAN_YEAR_S

TONNE: Final = 1000.0
MEUR: Final = 1e6


@dataclass(frozen=True, slots=True)
class Moved:
    """A term of what reaches or leaves a place: ``factor`` (t or count) per unit of variable ``var``."""

    epoch_tdb_s: float
    var: int
    factor: float


@dataclass(slots=True)
class Pool:
    """Commodities that several flights bring to one place in one span of time."""

    place: str
    items: tuple[str, ...]
    loads: dict[str, int] = field(default_factory=dict)  # item → variable (t net)
    members: list[tuple[int, int]] = field(default_factory=list)  # column, copy
    terms: list[tuple[int, float]] = field(default_factory=list)  # capacity (t gross)
    epoch_tdb_s: float = 0.0


@dataclass(slots=True, eq=False)
class Assembly:
    """A program under construction, with the registers that the constraint families read."""

    scenario: Scenario
    kit: Kit
    columns: tuple[Column, ...]
    rates: Mapping[str, OutpostRates]
    demands: Mapping[str, Demand]
    edges: Floats
    program: Program
    counts: list[list[int]] = field(default_factory=list)  # column → variables of its copies
    deliveries: dict[tuple[str, str], list[Moved]] = field(default_factory=dict)
    withdrawals: dict[tuple[str, str], list[Moved]] = field(default_factory=dict)
    pools: dict[tuple[str, int, tuple[str, ...]], Pool] = field(default_factory=dict)
    parts: dict[tuple[int, int], list[tuple[int, str, int]]] = field(default_factory=dict)
    refuels: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    fills: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    stocks: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    vents: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    standing: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    working: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    crew_days: dict[str, list[int]] = field(default_factory=dict)
    present: dict[str, list[int]] = field(default_factory=dict)
    stands: dict[str, list[int]] = field(default_factory=dict)
    met: list[int] = field(default_factory=list)
    objective: str = ""
    papers: Papers | None = None
    held: dict[str, int] = field(default_factory=dict)

    @property
    def periods(self) -> int:
        """Number of periods."""
        return len(self.edges) - 1

    def period(self, epoch_tdb_s: float) -> int:
        """The period of an epoch; before the start 0, after the end the number of periods."""
        return max(0, bisect_right(self.edges.tolist(), epoch_tdb_s) - 1)

    def length_d(self, period: int) -> float:
        """Length of a period in days."""
        return float(self.edges[period + 1] - self.edges[period]) / DAY_S

    def discount(self, epoch_tdb_s: float) -> float:
        """Present value at the start of one unit of money at an epoch."""
        years = (epoch_tdb_s - self.scenario.header.start_tdb_s) / JULIAN_YEAR_S
        return float((1.0 + self.scenario.header.discount) ** -years)

    def flights(self, column: int) -> list[tuple[int, float]]:
        """The terms of the number of flights of a column."""
        return [(var, 1.0) for var in self.counts[column]]

    def initial_modules(self, place: str) -> dict[str, int]:
        """Modules standing at a place from the beginning."""
        found: dict[str, int] = {}
        for outpost in self.scenario.outposts.values():
            if outpost.place == place:
                for module, count in outpost.modules.items():
                    found[module] = found.get(module, 0) + count
        return found

    def initial_stock_kg(self, place: str, item: str) -> float:
        """What is stored at a place from the beginning (kg)."""
        return sum(o.stocks_kg.get(item, 0.0) for o in self.scenario.outposts.values() if o.place == place)


def useful_modules(
    scenario: Scenario, rates: Mapping[str, OutpostRates], demands: Mapping[str, Demand]
) -> set[tuple[str, str]]:
    """(place, module) pairs that change anything: demanded, required, housing, powering or producing."""
    pairs = {(d.at, d.module) for d in demands.values() if d.module}
    for mission in scenario.missions.values():
        pairs |= {(r.at, r.module) for r in mission.requires if r.module}
    modules = scenario.of("module")
    for outpost in scenario.outposts.values():
        rate = rates.get(outpost.place)
        for mission in scenario.missions.values():
            for item in mission.cargo:
                if item not in modules:
                    continue
                module = modules[item]
                houses = module.kind in ("habitat", "station") and module.crew > 0
                works = rate is not None and (
                    any(v > 0.0 for v in rate.module_kg_s.get(item, {}).values())
                    or rate.module_power_w.get(item, 0.0) > 0.0
                )
                if houses or works:
                    pairs.add((outpost.place, item))
    return pairs


def assemble(
    scenario: Scenario,
    columns: Columns,
    rates: Mapping[str, OutpostRates],
    demands: Mapping[str, Demand],
    *,
    objective: str,
    split: frozenset[Key] = frozenset(),
    papers: Papers | None = None,
) -> Assembly:
    """The program with its decisions and objective, before the constraint families.

    ``split`` names columns whose flights must be told apart, because whole modules did not fit them otherwise.
    ``papers`` are waivers and agreements that may be obtained.
    """
    kit = Kit.of(scenario)
    a = Assembly(
        scenario,
        kit,
        columns.columns,
        {r.place: r for r in rates.values()},
        demands,
        edges_of(scenario),
        Program(),
        objective=objective,
        papers=papers,
    )
    useful = useful_modules(scenario, a.rates, demands)
    tracked = tracked_stocks(a)
    wanted = {(d.at, d.commodity) for d in demands.values() if d.commodity}
    dates = {float(e) for e in a.edges}
    for demand in demands.values():
        dates |= {demand.since_tdb_s, demand.by_tdb_s}
    boundaries = sorted(dates)
    for index, column in enumerate(a.columns):
        _decide(a, index, column, objective, useful, tracked | wanted, boundaries, split)
    for pool in a.pools.values():
        terms = [(var, kit.unit_kg(item)) for item, var in pool.loads.items()]
        a.program.row(("hold", pool.place), [*terms, *((v, -f) for v, f in pool.terms)], high=0.0)
        for item, var in pool.loads.items():
            a.deliveries.setdefault((pool.place, item), []).append(Moved(pool.epoch_tdb_s, var, 1.0))
    return a


def tracked_stocks(a: Assembly) -> set[tuple[str, str]]:
    """(place, commodity) pairs of which something may be used up, so that a balance is needed."""
    found: set[tuple[str, str]] = set()
    for place, rate in a.rates.items():
        for uses in (rate.crew_kg_s, rate.standing_kg_s):
            found |= {(place, k) for k, v in uses.items() if v > 0.0}
        for flows in rate.module_kg_s.values():
            found |= {(place, k) for k, v in flows.items() if v < 0.0}
    for shape in {id(c.shape): c.shape for c in a.columns}.values():
        for lane in shape.lanes:
            if lane.from_place:
                found |= {(lane.from_place, item) for item in lane.items if item in a.kit.commodities}
        found |= {(r.place, r.component) for r in shape.refuels}
    return found


def fixed_loads(kit: Kit, column: Column) -> dict[int, dict[str, float]]:
    """The stated loads of each flight by lane: kg of commodities, counts of modules."""
    mission = column.mission
    fixed: dict[int, dict[str, float]] = {}
    for item, amount in (*mission.loads_kg.items(), *mission.carries.items()):
        for number, lane in enumerate(column.shape.lanes):
            if lane.from_place == "" and item in lane.items:
                fixed.setdefault(number, {})[item] = float(amount)
                break
    return fixed


def _decide(
    a: Assembly,
    index: int,
    column: Column,
    objective: str,
    useful: set[tuple[str, str]],
    goods: set[tuple[str, str]],
    boundaries: Sequence[float],
    split: frozenset[Key],
) -> None:
    """The variables of one column: its flights, and what they carry."""
    kit, program, mission = a.kit, a.program, column.mission
    loaded = any(lane.from_place == "" for lane in column.shape.lanes)
    stated = bool(mission.loads_kg or mission.carries)
    modules = (
        ()
        if stated
        else tuple(
            (number, item)
            for number, lane in enumerate(column.shape.lanes)
            for item in lane.items
            if lane.from_place == "" and item in kit.modules and (lane.to_place, item) in useful
        )
    )
    most = 1 if column.prescribed else mission.per_step
    copies = most if modules and (column.key in split or not column.simple) else 1
    weight: Floats = np.zeros(column.shape.width)
    for _, _, mass in column.launches:
        weight = weight + mass / TONNE
    discount = a.discount(column.departure_tdb_s)
    money = (column.shape.cost_eur - mission.revenue_eur) / MEUR * discount
    a.counts.append([])
    for copy in range(copies):
        count = program.variable(
            (*column.key, copy),
            1.0 if column.prescribed else 0.0,
            float(most // copies),
            integer=True,
            cost=money if objective == "cost" else float(weight[0]) if objective == "launch_mass" else 0.0,
        )
        a.counts[index].append(count)
        if copy:
            program.row(("copies",), [(a.counts[index][copy - 1], 1.0), (count, -1.0)], low=0.0)
        part = a.parts.setdefault((index, copy), [])
        for number, item in modules:
            part.append(_module(a, index, column, copy, number, item, count, objective, discount, weight))
        if stated:
            _stated(a, column, count, objective, weight)
        if column.simple:
            if loaded and not stated:
                _pooled(a, index, column, copy, count, part, goods, boundaries, objective, weight)
        else:
            _own(a, index, column, copy, count, part, goods, objective, weight, stated)


def _module(
    a: Assembly,
    index: int,
    column: Column,
    copy: int,
    number: int,
    item: str,
    count: int,
    objective: str,
    discount: float,
    weight: Floats,
) -> tuple[int, str, int]:
    """A whole number of one module in one lane of one flight."""
    lane = column.shape.lanes[number]
    module = a.kit.modules[item]
    room = column.payload_kg if column.simple else a.kit.craft[cargo_craft_of(column.mission)].cargo_kg
    fits = int((room + 1e-6) // module.mass_kg) if module.mass_kg > 0.0 else 20
    cost = 0.0
    if objective == "cost":
        cost = module.cost_eur / MEUR * discount
    elif objective == "launch_mass" and not column.simple:
        cost = float(weight[1 + number]) * module.mass_kg
    var = a.program.variable((*column.key, copy, number, item), 0.0, float(min(fits, 50)), integer=True, cost=cost)
    a.program.row(("hold", lane.to_place), [(var, 1.0), (count, -float(min(fits, 50)))], high=0.0)
    a.deliveries.setdefault((lane.to_place, item), []).append(Moved(column.timeline.ends[lane.sink], var, 1.0))
    return number, item, var


def _stated(a: Assembly, column: Column, count: int, objective: str, weight: Floats) -> None:
    """Loads that every flight carries: they go with the count."""
    for number, items in fixed_loads(a.kit, column).items():
        lane = column.shape.lanes[number]
        for item, amount in items.items():
            factor = amount / TONNE if item in a.kit.commodities else amount
            a.deliveries.setdefault((lane.to_place, item), []).append(
                Moved(column.timeline.ends[lane.sink], count, factor)
            )
            if objective == "launch_mass":
                a.program.cost[count] += float(weight[1 + number]) * a.kit.unit_kg(item) * amount


def _pooled(
    a: Assembly,
    index: int,
    column: Column,
    copy: int,
    count: int,
    part: Sequence[tuple[int, str, int]],
    goods: set[tuple[str, str]],
    boundaries: Sequence[float],
    objective: str,
    weight: Floats,
) -> None:
    """One lane from the Earth: commodities go to the pool of their place and span."""
    lane: Lane = column.shape.lanes[0]
    epoch = column.timeline.ends[lane.sink]
    items = tuple(sorted(i for i in lane.items if i in a.kit.commodities and (lane.to_place, i) in goods))
    capacity = column.payload_kg / TONNE
    used = [(var, a.kit.unit_kg(item) / TONNE) for _, item, var in part]
    share = (count, capacity)
    exact = objective == "launch_mass"
    if items:
        key = (lane.to_place, bisect_right(boundaries, epoch), items)
        pool = a.pools.get(key)
        if pool is None:
            pool = a.pools[key] = Pool(lane.to_place, items)
            for item in items:
                pool.loads[item] = a.program.variable(("pool", *key[:2], ",".join(items), item))
        pool.members.append((index, copy))
        pool.epoch_tdb_s = max(pool.epoch_tdb_s, epoch)
        if used or exact:
            cost = float(weight[1]) * 1.0 if exact else 0.0
            bulk = a.program.variable((*column.key, copy, "bulk"), cost=cost * TONNE)
            pool.terms.append((bulk, 1.0))
            used.append((bulk, 1.0))
        else:
            pool.terms.append(share)
    if used:
        a.program.row(("hold", lane.to_place), [*used, (count, -capacity)], high=0.0)
    if exact:
        for _, item, var in part:
            a.program.cost[var] += float(weight[1]) * a.kit.unit_kg(item)


def _own(
    a: Assembly,
    index: int,
    column: Column,
    copy: int,
    count: int,
    part: list[tuple[int, str, int]],
    goods: set[tuple[str, str]],
    objective: str,
    weight: Floats,
    stated: bool,
) -> None:
    """Several lanes, loading or refuelling on the way: every amount is a decision of its own."""
    shape, kit = column.shape, a.kit
    width: list[list[tuple[int, float]]] = [[(count, 1.0)]]  # per decision: terms in t
    fixed = fixed_loads(kit, column) if stated else {}
    lifts: dict[int, list[tuple[int, float]]] = {}
    for number, lane in enumerate(shape.lanes):
        terms: list[tuple[int, float]] = [(var, kit.unit_kg(item) / TONNE) for n, item, var in part if n == number]
        if number in fixed:
            terms.append((count, sum(kit.unit_kg(i) * v for i, v in fixed[number].items()) / TONNE))
        for item in lane.items:
            if item not in kit.commodities or (stated and not lane.from_place):
                continue
            if (lane.to_place, item) not in goods and not lane.fixed_kg:
                continue
            cost = float(weight[1 + number]) * kit.unit_kg(item) if objective == "launch_mass" else 0.0
            var = a.program.variable((*column.key, copy, number, item), cost=cost * TONNE)
            part.append((number, item, var))
            terms.append((var, kit.unit_kg(item)))
            if lane.sink >= 0:
                a.deliveries.setdefault((lane.to_place, item), []).append(
                    Moved(column.timeline.ends[lane.sink], var, 1.0)
                )
            elif lane.sink == -1:
                a.deliveries.setdefault((lane.to_place, item), []).append(Moved(column.end_tdb_s, var, 1.0))
            if lane.from_place:
                lifts.setdefault(lane.source, []).append((var, 1.0))
                a.withdrawals.setdefault((lane.from_place, item), []).append(
                    Moved(column.timeline.begins[lane.source], var, 1.0)
                )
        width.append(terms)
    for source, terms in lifts.items():
        amount = column.mission.steps[source].amount_kg / TONNE
        if amount > 0.0:
            a.program.row(("load", column.mission.id), [*terms, (count, -amount)], 0.0, 0.0)
    refuelled = []
    for number, refuel in enumerate(shape.refuels):
        var = a.program.variable((*column.key, copy, "refuel", number))
        a.withdrawals.setdefault((refuel.place, refuel.component), []).append(
            Moved(column.timeline.begins[refuel.step], var, 1.0)
        )
        refuelled.append(var)
        width.append([(var, 1.0)])
    a.refuels[index, copy] = refuelled
    kept = []
    for craft in shape.kept:
        var = a.program.variable((*column.key, copy, "fill", craft))
        kept.append(var)
        width.append([(var, 1.0)])
    a.fills[index, copy] = kept
    if objective == "launch_mass":
        for i, var in enumerate([*refuelled, *kept]):
            a.program.cost[var] += float(weight[1 + len(shape.lanes) + i]) * TONNE
    for row in column.rows:
        terms = []
        for i, (coefficient, decision) in enumerate(zip(row, width, strict=True)):
            scale = coefficient / TONNE if i == 0 else coefficient
            terms += [(var, scale * factor) for var, factor in decision]
        a.program.row(("flight", column.mission.id), terms, low=0.0)


@dataclass(slots=True)
class Loaded:
    """One flight as decided: which column, and what it carries in each lane (kg net, or module counts)."""

    column: Column
    carried: dict[int, dict[str, float]]
    refuels_kg: list[float] = field(default_factory=list)
    fills_kg: list[float] = field(default_factory=list)


def read_flights(a: Assembly, values: Floats) -> list[Loaded]:
    """The flights of a solution, in the order of departure, with pooled loads shared out."""
    flights: list[Loaded] = []
    members: dict[tuple[int, int], list[Loaded]] = {}
    for index, column in enumerate(a.columns):
        for copy, var in enumerate(a.counts[index]):
            number = round(values[var])
            fixed = fixed_loads(a.kit, column)
            for _ in range(number):
                carried: dict[int, dict[str, float]] = {n: dict(items) for n, items in fixed.items()}
                for lane, item, load in a.parts.get((index, copy), []):
                    if item in a.kit.modules and number > 1:
                        continue
                    amount = float(values[load])
                    if item in a.kit.commodities:
                        amount = amount * TONNE / number
                    if amount > 1e-9:
                        hold = carried.setdefault(lane, {})
                        hold[item] = hold.get(item, 0.0) + amount
                flight = Loaded(
                    column,
                    carried,
                    [max(0.0, values[v]) * TONNE / number for v in a.refuels.get((index, copy), [])],
                    [max(0.0, values[v]) * TONNE / number for v in a.fills.get((index, copy), [])],
                )
                flights.append(flight)
                members.setdefault((index, copy), []).append(flight)
            if number > 1:
                _pack(a, column, a.parts.get((index, copy), []), values, members[index, copy])
    for pool in a.pools.values():
        _share_out(a, pool, values, members)
    flights.sort(key=lambda f: (f.column.departure_tdb_s, f.column.key))
    return flights


class Unpacked(Exception):
    """Whole modules do not fit the flights of a column, although their sum does.

    ``key`` is the column's, ``flown`` the columns of all flights of the plan that failed so.
    """

    def __init__(self, key: Key, flown: Sequence[Key]) -> None:
        self.key = key
        self.flown = tuple(flown)
        super().__init__(f"the modules do not fit the flights of {key}")


def _pack(
    a: Assembly,
    column: Column,
    parts: Sequence[tuple[int, str, int]],
    values: Floats,
    flights: Sequence[Loaded],
) -> None:
    """Share whole modules out to like flights, the heaviest first, each to the first flight that has room.

    Raises
    ------
    Unpacked
        If that does not work: then the flights must be told apart in the program.
    """
    pieces = [
        (a.kit.unit_kg(item), lane, item)
        for lane, item, var in parts
        if item in a.kit.modules
        for _ in range(round(values[var]))
    ]
    room = [column.payload_kg] * len(flights)
    for mass, lane, item in sorted(pieces, reverse=True):
        fits = next((i for i, left in enumerate(room) if left >= mass - 1e-6), None)
        if fits is None:
            flown = [c.key for i, c in enumerate(a.columns) for v in a.counts[i] for _ in range(round(values[v]))]
            raise Unpacked(column.key, flown)
        room[fits] -= mass
        hold = flights[fits].carried.setdefault(lane, {})
        hold[item] = hold.get(item, 0.0) + 1.0


def _share_out(a: Assembly, pool: Pool, values: Floats, members: Mapping[tuple[int, int], Sequence[Loaded]]) -> None:
    """Fill the flights of a pool one after another, each up to its payload."""
    flights = sorted(
        (f for member in pool.members for f in members.get(member, ())),
        key=lambda f: (f.column.arrival_tdb_s, f.column.key),
    )
    left = {item: max(0.0, float(values[var])) * TONNE for item, var in pool.loads.items()}
    for flight in flights:
        hold = flight.carried.setdefault(0, {})
        room = flight.column.payload_kg - sum(a.kit.unit_kg(i) * v for i, v in hold.items())
        for item in pool.items:
            amount = min(left[item], max(0.0, room) / a.kit.unit_kg(item))
            if amount > 1e-6:
                hold[item] = hold.get(item, 0.0) + amount
                left[item] -= amount
                room -= amount * a.kit.unit_kg(item)
    # rounding of the solver may leave grams over: the last flight takes them
    for item, rest in left.items():
        if rest > 1e-6 and flights:
            hold = flights[-1].carried.setdefault(0, {})
            hold[item] = hold.get(item, 0.0) + rest
