"""The constraint families of a campaign, one function each. Its docstring is the reason for it.

Every row carries a group: the family and its subject. :data:`SOFT` families may be relaxed when the planner
explains why there is no plan; the others are physics and bookkeeping. Each family has a golden model in
``tests/campaign/test_constraints.py``, and a test fails where one is missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from moonvillage.campaign.columns import Column
from moonvillage.campaign.matrix import INF
from moonvillage.campaign.model import MEUR, TONNE, Assembly, Moved, tracked_stocks
from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.units import DAY_S

HOUSING: Final = ("habitat", "station")


def _by(a: Assembly, moved: list[Moved], since_tdb_s: float, by_tdb_s: float) -> list[tuple[int, float]]:
    """Terms of what is moved from one epoch to another (both included)."""
    return [(m.var, m.factor) for m in moved if since_tdb_s <= m.epoch_tdb_s <= by_tdb_s]


def flights_per_period(a: Assembly) -> None:
    """A mission departs at most ``per_step`` times in one period: pads, teams and docking ports are shared."""
    together: dict[tuple[str, int], list[int]] = {}
    for index, column in enumerate(a.columns):
        if not column.prescribed:
            together.setdefault(column.key[:2], []).append(index)
    for (mission, _), indices in together.items():
        limit = a.scenario.missions[mission].per_step
        terms = [term for i in indices for term in a.flights(i)]
        a.program.row(("per_step", mission), terms, high=float(limit))


def flights_in_all(a: Assembly) -> None:
    """A mission flies at least ``least`` and at most ``most`` times. The total is an integer of its own: branching
    on it first settles how much flying is needed before settling when."""
    for mission in a.scenario.missions.values():
        terms = [t for i, c in enumerate(a.columns) if c.key[0] == mission.id for t in a.flights(i)]
        if not terms:
            if mission.least > 0:
                a.program.row(("least", mission.id), [], low=float(mission.least))
            continue
        total = a.totals[mission.id] = a.program.variable(("total", mission.id), 0.0, INF, integer=True)
        a.program.row(("total", mission.id), [*terms, (total, -1.0)], 0.0, 0.0)
        if mission.least > 0:
            a.program.row(("least", mission.id), [(total, 1.0)], low=float(mission.least))
        if mission.most < len(terms) * mission.per_step:
            a.program.row(("most", mission.id), [(total, 1.0)], high=float(mission.most))


def modules_in_all(a: Assembly) -> None:
    """How many of each module reach a place in all is an integer of its own too: it says that half a habitat is none,
    long before it is settled which flight brings it."""
    for (place, module), moved in a.deliveries.items():
        if module in a.kit.modules and len(moved) > 1:
            total = a.program.variable(("total", place, module), 0.0, INF, integer=True)
            a.totals[f"{place}/{module}"] = total
            a.program.row(("total", place, module), [*((m.var, m.factor) for m in moved), (total, -1.0)], 0.0, 0.0)


def launcher_rates(a: Assembly) -> None:
    """A launcher flies at most ``rate_per_year`` times for the campaign in each calendar year (UTC)."""
    used: dict[tuple[str, int], list[tuple[int, float]]] = {}
    for index, column in enumerate(a.columns):
        for launcher, epoch, _ in column.launches:
            if launcher:
                year = int(tdb_s_to_utc(epoch)[:4])
                used.setdefault((launcher, year), []).extend(a.flights(index))
    for (launcher, year), terms in sorted(used.items()):
        rate = a.kit.launchers[launcher].rate_per_year
        if sum(a.program.upper[v] * f for v, f in terms) > rate:
            a.program.row(("launcher", launcher, str(year)), terms, high=float(rate))


def requirements(a: Assembly) -> None:
    """A flight departs only if what it requires has arrived ``lead`` before: other flights (with ``each``, one for
    every flight), or modules that stand. More than one for all needs a yes-or-no decision of when that is met."""
    for mission in a.scenario.missions.values():
        for number, need in enumerate(mission.requires):
            group = ("requires", mission.id, str(number))
            if need.mission:
                before = [
                    Moved(c.arrival_tdb_s, var, 1.0)
                    for i, c in enumerate(a.columns)
                    if c.key[0] == need.mission
                    for var in a.counts[i]
                ]
                have = 0
            else:
                before = a.deliveries.get((need.at, need.module), [])
                have = a.initial_modules(need.at).get(need.module, 0)
            _require(a, group, mission.id, before, have, need.count, need.lead_s, need.each, mission.per_step)


def _require(
    a: Assembly,
    group: tuple[str, ...],
    mission: str,
    before: list[Moved],
    have: int,
    count: int,
    lead_s: float,
    each: bool,
    per_step: int,
) -> None:
    together: dict[float, list[tuple[int, float]]] = {}
    for index, column in enumerate(a.columns):
        if column.key[0] == mission:
            together.setdefault(column.departure_tdb_s, []).extend(a.flights(index))
    so_far: list[tuple[int, float]] = []
    for epoch in sorted(together):
        arrived = _by(a, before, -INF, epoch - lead_s)
        so_far += together[epoch]
        if each:
            a.program.row(
                group, [*((v, count * f) for v, f in so_far), *((v, -f) for v, f in arrived)], high=float(have)
            )
            continue
        if have >= count:
            continue
        if not arrived:
            a.program.row(group, together[epoch], high=0.0)
        elif count == 1:
            a.program.row(group, [*together[epoch], *((v, -per_step * f) for v, f in arrived)], high=0.0)
        else:
            met = a.program.variable((*group, epoch), 0.0, 1.0, integer=True)
            a.program.row(group, [*together[epoch], (met, -float(per_step))], high=0.0)
            a.program.row(group, [(met, float(count)), *((v, -f) for v, f in arrived)], high=float(have))


def fleets(a: Assembly) -> None:
    """Reusable craft are counted by type and place, never told apart: as many can be taken in a period as are
    parked there at its beginning."""
    moves: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
    for index, column in enumerate(a.columns):
        for place, craft, epoch, sign in column.fleet:
            moves.setdefault((place, craft), []).append((a.period(epoch), index, sign))
    for (place, craft), found in sorted(moves.items()):
        have = sum(f.count for f in a.scenario.fleets.values() if (f.at, f.craft) == (place, craft))
        last: list[tuple[int, float]] = []
        for period in range(a.periods):
            parked = a.program.variable(("fleet", place, craft, period), 0.0, INF)
            terms = [(parked, 1.0), *last]
            for when, index, sign in found:
                if when == period and sign < 0:
                    terms += a.flights(index)
                elif when == period - 1 and sign > 0:
                    terms += [(v, -f) for v, f in a.flights(index)]
            start = float(have) if period == 0 else 0.0
            a.program.row(("fleet", place, craft), terms, start, start)
            last = [(parked, -1.0)]


def overlap_d(since: float, until: float, begin: float, end: float) -> float:
    """Days that two spans of time share."""
    return max(0.0, min(until, end) - max(since, begin)) / DAY_S


def presence(a: Assembly) -> None:
    """Who is where: crew-days of each period and people at its middle, for places where somebody may stay. Use,
    power, housing and demands for crew are stated in them."""
    places = sorted({place for c in a.columns for place, _, _ in c.stays})
    for place in places:
        days: list[int] = []
        middle: list[int] = []
        stays = [
            (i, c.shape.people, since, until)
            for i, c in enumerate(a.columns)
            for where, since, until in c.stays
            if where == place
        ]
        for period in range(a.periods):
            begin, end = float(a.edges[period]), float(a.edges[period + 1])
            centre = 0.5 * (begin + end)
            day = a.program.variable(("crew_days", place, period))
            here = a.program.variable(("present", place, period))
            used: list[tuple[int, float]] = [(day, -1.0)]
            seen: list[tuple[int, float]] = [(here, -1.0)]
            for index, people, since, until in stays:
                shared = overlap_d(since, until, begin, end)
                if shared > 0.0:
                    used += [(v, f * people * shared) for v, f in a.flights(index)]
                if since <= centre < until:
                    seen += [(v, f * people) for v, f in a.flights(index)]
            a.program.row(("presence", place), used, 0.0, 0.0)
            a.program.row(("presence", place), seen, 0.0, 0.0)
            days.append(day)
            middle.append(here)
        a.crew_days[place], a.present[place] = days, middle


def modules_standing(a: Assembly) -> None:
    """Modules that house, power or produce are counted where they stand; how many of them work is a decision, and
    one works at the earliest in the period after its arrival."""
    for place, rate in a.rates.items():
        initial = a.initial_modules(place)
        arriving = {item for (where, item) in a.deliveries if where == place and item in a.kit.modules}
        for module in sorted(set(initial) | arriving):
            entry = a.kit.modules[module]
            housing = entry.kind in HOUSING and entry.crew > 0
            power = rate.module_power_w.get(module, 0.0)
            if not housing and power == 0.0 and module not in rate.module_kg_s:
                continue
            before: list[tuple[int, float]] = []
            standing: list[int] = []
            working: list[int] = []
            for period in range(a.periods):
                stand = a.program.variable(("standing", place, module, period))
                work = a.program.variable(("working", place, module, period))
                begin, end = float(a.edges[period]), float(a.edges[period + 1])
                terms = [(stand, 1.0), *((v, -f) for v, f in before)]
                terms += [
                    (m.var, -m.factor) for m in a.deliveries.get((place, module), []) if begin <= m.epoch_tdb_s < end
                ]
                have = float(initial.get(module, 0)) if period == 0 else 0.0
                a.program.row(("standing", place, module), terms, have, have)
                a.program.row(("standing", place, module), [(work, 1.0), *((v, -f) for v, f in before)], high=have)
                before = [(stand, 1.0)]
                standing.append(stand)
                working.append(work)
            a.standing[place, module] = standing
            a.working[place, module] = working


def outpost_stands(a: Assembly) -> None:
    """Leaks begin when the first housing module has arrived: a yes-or-no per period for outposts that do not stand
    from the beginning."""
    for place, rate in a.rates.items():
        housing = [
            m
            for (where, m) in a.standing
            if where == place and a.kit.modules[m].kind in HOUSING and a.kit.modules[m].crew > 0
        ]
        if not rate.standing_kg_s or a.initial_modules(place) or not housing:
            continue
        stands = []
        for period in range(a.periods):
            stand = a.program.variable(("stands", place, period), 0.0, 1.0, integer=True)
            for module in housing:
                a.program.row(("stands", place), [(stand, 50.0), (a.standing[place, module][period], -1.0)], 0.0)
            stands.append(stand)
        a.stands[place] = stands


def stock_balance(a: Assembly) -> None:
    """What is stored at the end of a period is what was there, less boil-off, plus what came and was made, less what
    was used and taken. More may be vented, never less be there than nothing. Flights may take only what was there
    when the period began, so that no flight relies on another that lands after it. At the end there is enough for all
    who are still there until they leave: the last month is no loophole."""
    pairs = tracked_stocks(a)
    for place, item in sorted(pairs):
        rate = a.rates.get(place)
        deliveries = a.deliveries.get((place, item), [])
        withdrawals = a.withdrawals.get((place, item), [])
        loss = a.kit.commodities[item].boiloff_per_s if item in a.kit.commodities else 0.0
        crew = rate.crew_kg_s.get(item, 0.0) * DAY_S / TONNE if rate else 0.0
        leak = rate.standing_kg_s.get(item, 0.0) * DAY_S / TONNE if rate else 0.0
        flows = [
            (module, rate.module_kg_s[module][item] * DAY_S / TONNE)
            for where, module in a.working
            if where == place and rate is not None and item in rate.module_kg_s.get(module, {})
        ]
        always = leak if a.initial_modules(place) else 0.0  # what never stands does not leak
        stocks: list[int] = []
        start = a.initial_stock_kg(place, item) / TONNE
        for period in range(a.periods):
            begin, end, days = float(a.edges[period]), float(a.edges[period + 1]), a.length_d(period)
            keep = math.exp(-loss * days * DAY_S)
            stock = a.program.variable(("stock", place, item, period))
            terms: list[tuple[int, float]] = [(stock, 1.0)]
            if stocks:
                terms.append((stocks[-1], -keep))
            have = start * keep if period == 0 else 0.0
            terms += [(m.var, -m.factor) for m in deliveries if begin <= m.epoch_tdb_s < end]
            taken = [(m.var, m.factor) for m in withdrawals if begin <= m.epoch_tdb_s < end]
            terms += taken
            if crew and place in a.crew_days:
                terms.append((a.crew_days[place][period], crew))
                if period == a.periods - 1:
                    terms += [(v, f * crew) for v, f in crew_days_by(a, place, end, INF)]
            terms += [(a.working[place, module][period], -flow * days) for module, flow in flows]
            if leak and place in a.stands:
                terms.append((a.stands[place][period], leak * days))
            a.program.row(("balance", place, item), terms, high=have - always * days)
            if taken:
                earlier = [(stocks[-1], -keep)] if stocks else []
                a.program.row(("balance", place, item), [*taken, *earlier], high=have)
            stocks.append(stock)
        a.stocks[place, item] = stocks


def reserves(a: Assembly) -> None:
    """At the end of every period there is enough in store for so many days of the use of that period: help is
    weeks away."""
    for outpost in a.scenario.outposts.values():
        rate = a.rates.get(outpost.place)
        for item, span_s in outpost.reserve_s.items():
            stocks = a.stocks.get((outpost.place, item))
            if rate is None or stocks is None or outpost.place not in a.crew_days:
                continue
            crew = rate.crew_kg_s.get(item, 0.0) / TONNE
            if crew <= 0.0:
                continue
            for period, stock in enumerate(stocks):
                days = a.crew_days[outpost.place][period]
                a.program.row(
                    ("reserve", outpost.place, item),
                    [(stock, 1.0), (days, -span_s * crew / a.length_d(period))],
                    low=0.0,
                )


def power(a: Assembly) -> None:
    """In every period the sources that stand give what the working modules and the people take."""
    for place, rate in a.rates.items():
        if not rate.module_power_w:
            continue
        for period in range(a.periods):
            terms: list[tuple[int, float]] = []
            for (where, module), working in a.working.items():
                if where == place:
                    terms.append((working[period], rate.module_power_w.get(module, 0.0) / 1e3))
            if place in a.present and rate.crew_power_w > 0.0:
                terms.append((a.present[place][period], -rate.crew_power_w / 1e3))
            if any(f < 0.0 for _, f in terms):
                a.program.row(("power", place), terms, low=0.0)


def housing(a: Assembly) -> None:
    """No more people stay than the working habitats house, wherever there are habitats to speak of; elsewhere they
    live in their lander."""
    for place in a.rates:
        homes = [
            (module, a.kit.modules[module].crew)
            for where, module in a.working
            if where == place and a.kit.modules[module].kind in HOUSING and a.kit.modules[module].crew > 0
        ]
        if not homes or place not in a.present:
            continue
        for period in range(a.periods):
            a.program.row(
                ("housing", place),
                [
                    (a.present[place][period], 1.0),
                    *((a.working[place, m][period], -float(n)) for m, n in homes),
                ],
                high=0.0,
            )


def demands(a: Assembly) -> None:
    """Every demand is met by its date: modules standing, commodities delivered, flights flown, crew present,
    crew-days spent, samples brought home."""
    for demand in a.demands.values():
        group = ("demand", demand.id)
        since, by = demand.since_tdb_s, demand.by_tdb_s
        if demand.module:
            have = a.initial_modules(demand.at).get(demand.module, 0)
            terms = _by(a, a.deliveries.get((demand.at, demand.module), []), since, by)
            a.program.row(group, terms, low=float(demand.count - have))
        elif demand.commodity:
            terms = _by(a, a.deliveries.get((demand.at, demand.commodity), []), since, by)
            a.program.row(group, terms, low=demand.amount_kg / TONNE)
        elif demand.mission:
            terms = [
                t
                for i, c in enumerate(a.columns)
                if c.key[0] == demand.mission and since <= c.departure_tdb_s <= by
                for t in a.flights(i)
            ]
            a.program.row(group, terms, low=float(demand.count))
        elif demand.samples_kg > 0.0:
            a.program.row(group, samples_by(a, by), low=demand.samples_kg / TONNE)
        elif demand.crew_days > 0:
            a.program.row(group, crew_days_by(a, demand.at, since, by), low=float(demand.crew_days))
        elif demand.crew > 0:
            _crew(a, demand.id, demand.at, demand.crew, since, demand.until_tdb_s, demand.continuous)


def samples_by(a: Assembly, by_tdb_s: float) -> list[tuple[int, float]]:
    """Terms of the samples on Earth by an epoch (t)."""
    return [
        (v, f * c.mission.samples_kg / TONNE)
        for i, c in enumerate(a.columns)
        if c.mission.samples_kg > 0.0 and c.end_tdb_s <= by_tdb_s
        for v, f in a.flights(i)
    ]


def crew_days_by(a: Assembly, place: str, since_tdb_s: float, by_tdb_s: float) -> list[tuple[int, float]]:
    """Terms of the crew-days spent at a place between two epochs."""
    return [
        (v, f * c.shape.people * overlap_d(since, until, since_tdb_s, by_tdb_s))
        for i, c in enumerate(a.columns)
        for where, since, until in c.stays
        if where == place
        for v, f in a.flights(i)
    ]


def moments(a: Assembly, place: str, since: float, until: float, continuous: bool) -> list[float]:
    """Epochs at which people must be present so that they are present all the time that is asked for.

    Without ``continuous`` these are the middles of the periods that lie in the span. With it, they are the moments
    just before an arrival that follows some departure: presence is least there, so it suffices to look then.
    """
    if not continuous:
        middles = [0.5 * float(a.edges[p] + a.edges[p + 1]) for p in range(a.periods)]
        return [m for m in middles if since <= m <= until]
    since, until = max(since, float(a.edges[0])), min(until, float(a.edges[-1]))
    marks: list[tuple[float, int]] = []
    for column in a.columns:
        for where, begin, end in column.stays:
            if where == place:
                marks += [(begin, 1), (end, 0)]
    found: list[float] = [since]
    ended = False
    last = since
    for epoch, kind in sorted(marks):
        if not since < epoch < until:
            continue
        if kind == 0:
            ended = True
        elif ended:
            found.append(0.5 * (last + epoch) if last < epoch else last)
            ended = False
        last = epoch
    found.append(until)
    return found


def _crew(a: Assembly, id_: str, place: str, crew: int, since: float, until: float, continuous: bool) -> None:
    """Presence at each moment. A flight with more people than are asked for counts as so many, and where all flights
    then count the same, flights are counted instead of people: both tighten the relaxation and cut off no plan."""
    stays: list[tuple[int, Column, float, float]] = [
        (i, c, begin, end) for i, c in enumerate(a.columns) for where, begin, end in c.stays if where == place
    ]
    sizes = {min(c.shape.people, crew) for _, c, _, _ in stays}
    size = sizes.pop() if len(sizes) == 1 else 1
    for moment in moments(a, place, since, until, continuous):
        terms = [
            (v, f * min(c.shape.people, crew) / size)
            for i, c, begin, end in stays
            if begin <= moment < end
            for v, f in a.flights(i)
        ]
        a.program.row(("demand", id_), terms, low=float(math.ceil(crew / size - 1e-9)))


def budgets(a: Assembly) -> None:
    """A partner spends no more than its budget in a span of time: the flights that it operates (launchers, craft,
    operations, less what they earn) and the modules that it builds, at their departure."""
    for budget in a.scenario.budgets.values():
        terms: list[tuple[int, float]] = []
        for index, column in enumerate(a.columns):
            if not budget.since_tdb_s <= column.departure_tdb_s <= budget.until_tdb_s:
                continue
            mission = column.mission
            if mission.operator == budget.partner:
                price = (column.shape.cost_eur - mission.revenue_eur) / MEUR
                terms += [(v, f * price) for v, f in a.flights(index)]
            for copy in range(len(a.counts[index])):
                for _, item, var in a.parts.get((index, copy), []):
                    if item in a.kit.modules and a.kit.modules[item].operator == budget.partner:
                        terms.append((var, a.kit.modules[item].cost_eur / MEUR))
        if terms:
            a.program.row(("budget", budget.id), terms, high=budget.amount_eur / MEUR)


def earliest(a: Assembly) -> None:
    """For the objective 'earliest': a yes-or-no per period whether the demand is met by its end. The objective
    counts the periods in which it is not."""
    header = a.scenario.header
    if header.objective != "earliest":
        return
    demand = a.demands[header.earliest]
    a.met.clear()
    for period in range(a.periods):
        end = float(a.edges[period + 1])
        met = a.program.variable(("met", period), 0.0, 1.0, integer=True, cost=-1.0)
        a.met.append(met)
        since = demand.since_tdb_s
        have, need = 0.0, float(demand.count)
        if demand.module:
            terms = _by(a, a.deliveries.get((demand.at, demand.module), []), since, end)
            have = float(a.initial_modules(demand.at).get(demand.module, 0))
        elif demand.commodity:
            terms = _by(a, a.deliveries.get((demand.at, demand.commodity), []), since, end)
            need = demand.amount_kg / TONNE
        elif demand.mission:
            terms = [
                t
                for i, c in enumerate(a.columns)
                if c.key[0] == demand.mission and since <= c.departure_tdb_s <= end
                for t in a.flights(i)
            ]
        elif demand.samples_kg > 0.0:
            terms, need = samples_by(a, end), demand.samples_kg / TONNE
        elif demand.crew_days > 0:
            terms, need = crew_days_by(a, demand.at, since, end), float(demand.crew_days)
        else:
            terms = _by_crew(a, demand.at, end)
            need = float(demand.crew)
        a.program.row(("earliest",), [(met, need), *((v, -f) for v, f in terms)], high=have)
    a.program.offset += float(a.periods)


def _by_crew(a: Assembly, place: str, by_tdb_s: float) -> list[tuple[int, float]]:
    """Terms of the people that have begun to stay at a place by an epoch."""
    return [
        (v, f * c.shape.people)
        for i, c in enumerate(a.columns)
        for where, begin, _ in c.stays
        if where == place and begin <= by_tdb_s
        for v, f in a.flights(i)
    ]


def papers(a: Assembly) -> None:
    """A flight that the rules bar departs only with a set of waivers and agreements that frees it: each of them is a
    yes-or-no decision, holds from its lead time after the beginning of the campaign on, and costs once."""
    if a.papers is None:
        return
    start = a.scenario.header.start_tdb_s
    together: dict[frozenset[str], int] = {}
    for index, column in enumerate(a.columns):
        ways = a.papers.ways(*column.key[:2])
        if not ways:
            continue
        terms = a.flights(index)
        most = sum(a.program.upper[v] for v, _ in terms)
        in_time = [way for way in ways if column.departure_tdb_s >= start + a.papers.lead_s(way)]
        for way in in_time:
            if way not in together:
                together[way] = _way(a, way)
        a.program.row(("papers", column.key[0]), [*terms, *((together[w], -most) for w in in_time)], high=0.0)


def _way(a: Assembly, way: frozenset[str]) -> int:
    """The variable that says whether all papers of a way are held."""
    assert a.papers is not None
    for id_ in sorted(way):
        if id_ not in a.held:
            price = a.papers.papers[id_].cost_eur / MEUR
            # where money is not counted, a trifle keeps papers out that are not needed
            cost = price if a.objective == "cost" else 1e-6
            a.held[id_] = a.program.variable(("paper", id_), 0.0, 1.0, cost=cost, integer=True)
            a.totals[f"paper/{id_}"] = a.held[id_]
    if len(way) == 1:
        return a.held[next(iter(way))]
    both = a.program.variable(("way", *sorted(way)), 0.0, 1.0)
    for id_ in sorted(way):
        a.program.row(("papers", id_), [(both, 1.0), (a.held[id_], -1.0)], high=0.0)
    return both


#: Families in the order in which they are built (later ones read the registers of earlier ones).
FAMILIES: Final[tuple[Callable[[Assembly], None], ...]] = (
    flights_per_period,
    flights_in_all,
    modules_in_all,
    launcher_rates,
    requirements,
    fleets,
    presence,
    modules_standing,
    outpost_stands,
    stock_balance,
    reserves,
    power,
    housing,
    demands,
    budgets,
    earliest,
    papers,
)
#: Families whose rows may be relaxed to explain that there is no plan.
SOFT: Final = frozenset(
    {"per_step", "least", "most", "launcher", "requires", "reserve", "power", "housing", "demand", "budget"}
)


def add_all(a: Assembly) -> None:
    """Add every family to the program."""
    for family in FAMILIES:
        family(a)
