"""Why there is no plan: which demands and limits contradict each other, and the least that would have to give.

HiGHS's own infeasible subsystems are for linear programs only, so this is done with groups of rows: *conflict*, a
least set of groups that cannot hold together (each is left out in turn; what can be left out without a plan
appearing does not belong to it), and *relaxation*, the cheapest slack that lets a plan appear, which is then applied
and solved again before it is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from moonvillage.campaign.columns import Columns
from moonvillage.campaign.constraints import SOFT
from moonvillage.campaign.matrix import INF, Program, solve
from moonvillage.campaign.model import MEUR, TONNE, Assembly
from moonvillage.ephemeris.time import tdb_s_to_utc

Group = tuple[str, ...]
#: Wall time for one question put to the solver (s), and for all of them.
ONE_S = 20.0
ALL_S = 90.0
#: What one unit of slack costs in the search for the cheapest relaxation, by family: a demand given up by half weighs
#: as much as any other given up by half, limits somewhat more than demands.
WEIGHTS: Mapping[str, float] = {
    "demand": 1.0,
    "least": 1.0,
    "most": 1.5,
    "reserve": 1.0,
    "launcher": 1.5,
    "per_step": 1.5,
    "housing": 2.0,
    "power": 2.0,
    "requires": 2.0,
    "budget": 1.5,
}


@dataclass(frozen=True, slots=True)
class Relaxed:
    """A relaxation: slack by row (in the row's unit), and the group of each."""

    slack: Mapping[int, float]
    groups: tuple[Group, ...]


def explain(
    a: Assembly,
    columns: Columns,
    permissions: Mapping[str, Sequence[bool]],
    *,
    cancelled: Callable[[], bool] | None = None,
) -> list[str]:
    """Sentences that say why an infeasible program is so, the conflict first, then what would mend it.

    Parameters
    ----------
    a
        The infeasible program with its rows.
    columns
        With the refusals of missions that cannot be flown at all.
    permissions
        As given to ``plan``: missions that the rules bar are named.
    cancelled
        Asked between solves.
    """
    program = a.program.copy()
    for column, counts in zip(a.columns, a.counts, strict=True):
        for var in counts:
            if not column.prescribed:  # the rows of 'per_step' say the same, and can be relaxed
                program.upper[var] += 20.0
    sentences: list[str] = []
    soft = sorted({g for g in program.groups if g[0] in SOFT})
    # where fractions of flights cannot do it either, the quick relaxation tells the conflict
    linear = solve(program, relax=lambda _: True, time_limit_s=ONE_S).status == "infeasible"
    relaxed = relax(program, set(soft), cancelled)
    rough = relax(program, set(soft), cancelled, relaxed_integers=True) if relaxed is None or linear else None
    if relaxed is None and rough is None:
        sentences.append("the flights, stocks and prescribed dates contradict each other whatever is demanded")
    else:
        hint = rough or relaxed
        assert hint is not None
        conflict = conflicting(program, hint.groups, soft, cancelled, linear=linear)
        names = [describe(a, group) for group in conflict]
        if len(names) > 1:
            sentences.append("these cannot hold together: " + "; ".join(names))
        elif names:
            sentences.append(f"this cannot be met: {names[0]}")
        if relaxed is not None:
            sentences += _remedies(a, program, relaxed)
    for mission, reasons in columns.refusals.items():
        sentences += [
            f"mission '{mission}' can never be flown: {r.removeprefix(f'{mission}: ')}" for r in reasons[:2]
        ]
    for mission, allowed in sorted(permissions.items()):
        if mission not in columns.refusals and not all(allowed):
            barred = sum(not flag for flag in allowed)
            sentences.append(f"the rules bar mission '{mission}' in {barred} of {len(allowed)} periods")
    return sentences


def relax(
    program: Program,
    soft: set[Group],
    cancelled: Callable[[], bool] | None = None,
    *,
    relaxed_integers: bool = False,
) -> Relaxed | None:
    """The cheapest slack of the rows of some groups with which there is a plan; None where there is none.

    Slack is priced relative to the size of the row's bound, with the family's weight.
    """
    elastic = program.copy()
    elastic.cost = [0.0] * len(elastic.cost)
    elastic.offset = 0.0
    added: dict[int, tuple[int, float]] = {}
    rows = _rows_of(program)
    elastic.starts, elastic.indices, elastic.values = [0], [], []
    for r, (indices, values) in enumerate(rows):
        group = program.groups[r]
        if group in soft:
            weight = WEIGHTS.get(group[0], 1.0)
            for limit, sign in ((program.low[r], 1.0), (program.high[r], -1.0)):
                if abs(limit) < INF:
                    size = max(1.0, abs(limit)) if group[0] != "demand" else max(1e-6, abs(limit))
                    column = elastic.variable(("slack", r, sign), cost=weight / size)
                    added[column] = (r, sign)
                    indices, values = [*indices, column], [*values, sign]
        elastic.indices += indices
        elastic.values += values
        elastic.starts.append(len(elastic.indices))
    solution = solve(
        elastic,
        gap=0.001,
        time_limit_s=ONE_S,
        relax=(lambda _: True) if relaxed_integers else None,
        cancelled=cancelled,
    )
    if not solution.found:
        return None
    slack = {r: float(solution.values[c]) * sign for c, (r, sign) in added.items() if solution.values[c] > 1e-6}
    groups = tuple(dict.fromkeys(program.groups[r] for r in slack))
    return Relaxed(slack, groups)


def _rows_of(program: Program) -> list[tuple[list[int], list[float]]]:
    return [
        (program.indices[s:e], program.values[s:e])
        for s, e in zip(program.starts[:-1], program.starts[1:], strict=True)
    ]


def apply(program: Program, relaxed: Relaxed) -> Program:
    """The program with the relaxation applied to its bounds."""
    mended = program.copy()
    for row, amount in relaxed.slack.items():
        if amount > 0.0:
            mended.low[row] -= amount * (1.0 + 1e-9) + 1e-9
        else:
            mended.high[row] -= amount * (1.0 + 1e-9) - 1e-9
    return mended


def feasible(
    program: Program, without: set[Group], cancelled: Callable[[], bool] | None, *, linear: bool = False
) -> bool | None:
    """Whether there is a plan without the rows of some groups; None where that could not be told in time.

    With ``linear``, whether there is one of fractional flights.
    """
    reduced = program.copy()
    reduced.cost = [0.0] * len(reduced.cost)
    for r, group in enumerate(program.groups):
        if group in without:
            reduced.low[r], reduced.high[r] = -INF, INF
    whole = (lambda _: True) if linear else None
    solution = solve(reduced, gap=INF, time_limit_s=ONE_S, cancelled=cancelled, relax=whole)
    if solution.found:
        return True
    return False if solution.status == "infeasible" else None


def conflicting(
    program: Program,
    first: Sequence[Group],
    soft: Sequence[Group],
    cancelled: Callable[[], bool] | None = None,
    *,
    linear: bool = False,
) -> list[Group]:
    """A set of groups that cannot hold together, none of which can be left out (a deletion filter).

    The groups of the cheapest relaxation (``first``) are tried last, so that they stay in the answer. Where a
    question is not answered in time its group stays in, so that the set may then be larger than need be.
    """
    began = time.perf_counter()
    dropped: set[Group] = set()
    order = [g for g in soft if g not in first] + list(first)
    # families at once first: most have nothing to do with it
    for family in sorted({g[0] for g in order}):
        members = {g for g in order if g[0] == family and g not in first}
        if (
            members
            and not members <= dropped
            and feasible(program, dropped | members, cancelled, linear=linear) is False
        ):
            dropped |= members
    for group in order:
        if group in dropped or time.perf_counter() - began > ALL_S:
            continue
        if feasible(program, dropped | {group}, cancelled, linear=linear) is False:
            dropped.add(group)
    return [g for g in soft if g not in dropped]


def _remedies(a: Assembly, program: Program, relaxed: Relaxed) -> list[str]:
    """The relaxation in sentences, told only if a plan really appears with it."""
    mended = apply(program, relaxed)
    mended.cost = [0.0] * len(mended.cost)
    check = solve(mended, gap=INF, time_limit_s=ONE_S)
    if not check.found:
        return []
    amounts: dict[Group, list[tuple[int, float]]] = {}
    for row, amount in relaxed.slack.items():
        amounts.setdefault(program.groups[row], []).append((row, abs(amount)))
    told = [_remedy(a, group, found) for group, found in sorted(amounts.items())]
    return ["a plan exists with " + " and ".join(told)] if told else []


def _remedy(a: Assembly, group: Group, found: Sequence[tuple[int, float]]) -> str:
    most = max(amount for _, amount in found)
    family = group[0]
    if family == "demand":
        demand = a.demands[group[1]]
        what = _name(demand.title, demand.id)
        if demand.module or demand.mission:
            return f"{most:.0f} fewer for the demand {what} (of {demand.count})"
        if demand.commodity or demand.samples_kg > 0.0:
            asked = demand.amount_kg or demand.samples_kg
            return f"{most * TONNE:.1f} kg less for the demand {what} (of {asked:.1f} kg)"
        if demand.crew_days:
            return f"{most:.0f} crew-days fewer for the demand {what} (of {demand.crew_days})"
        return f"the demand {what} not met at {len(found)} of the times at which it is asked for"
    if family == "launcher":
        return f"{most:.0f} more launches of {group[1]} in {group[2]}"
    if family == "per_step":
        return f"{most:.0f} more flights of mission '{group[1]}' in one period"
    if family == "most":
        return f"{most:.0f} more flights of mission '{group[1]}' in all"
    if family == "least":
        return f"{most:.0f} fewer flights of mission '{group[1]}' than its 'least'"
    if family == "budget":
        return f"{most * MEUR / 1e6:.1f} MEUR more in the budget '{group[1]}'"
    if family == "reserve":
        return f"a reserve of {group[2]} at {group[1]} that is {most * TONNE:.0f} kg smaller"
    if family == "power":
        return f"{most:.1f} kW more power at {group[1]}"
    if family == "housing":
        return f"{most:.0f} more people housed at {group[1]}"
    return f"the requirement {group[2]} of mission '{group[1]}' waived"


def describe(a: Assembly, group: Group) -> str:
    """A group of rows in words, with amounts and dates."""
    family = group[0]
    if family == "demand":
        demand = a.demands[group[1]]
        what = _name(demand.title, demand.id)
        by = f" by {tdb_s_to_utc(demand.by_tdb_s)[:10]}" if abs(demand.by_tdb_s) < 9e11 else ""
        if demand.module:
            return f"the demand {what}: {demand.count} × {demand.module} at {demand.at}{by}"
        if demand.commodity:
            return f"the demand {what}: {demand.amount_kg:.0f} kg of {demand.commodity} at {demand.at}{by}"
        if demand.mission:
            return f"the demand {what}: {demand.count} flights of {demand.mission}{by}"
        if demand.samples_kg > 0.0:
            return f"the demand {what}: {demand.samples_kg:.0f} kg of samples on Earth{by}"
        if demand.crew_days:
            return f"the demand {what}: {demand.crew_days} crew-days at {demand.at}{by}"
        since = f" from {tdb_s_to_utc(demand.since_tdb_s)[:10]}" if abs(demand.since_tdb_s) < 9e11 else ""
        return f"the demand {what}: {demand.crew} people at {demand.at}{since}"
    if family == "launcher":
        rate = a.kit.launchers[group[1]].rate_per_year
        return f"{group[1]} flies at most {rate} times in {group[2]}"
    if family == "per_step":
        return f"mission '{group[1]}' flies at most {a.scenario.missions[group[1]].per_step} times in a period"
    if family == "most":
        return f"mission '{group[1]}' flies at most {a.scenario.missions[group[1]].most} times"
    if family == "least":
        return f"mission '{group[1]}' flies at least {a.scenario.missions[group[1]].least} times"
    if family == "budget":
        budget = a.scenario.budgets[group[1]]
        return f"the budget '{group[1]}' of {budget.partner}: {budget.amount_eur / 1e6:.0f} MEUR"
    if family == "reserve":
        return f"the reserve of {group[2]} at {group[1]}"
    if family == "power":
        return f"the power at {group[1]}"
    if family == "housing":
        return f"the housing at {group[1]}"
    need = a.scenario.missions[group[1]].requires[int(group[2])]
    what = f"mission '{need.mission}'" if need.mission else f"module '{need.module}' at {need.at}"
    return f"mission '{group[1]}' requires {what}"


def _name(title: str, id_: str) -> str:
    return f"'{id_}' ({title})" if title else f"'{id_}'"
