"""A plan even where not everything can be had: as many demands as possible are met, then as well as possible.

Under a stricter regime some demands cannot be met at all. They are left out, as few as possible, and how many is part
of the answer; a regime's cost is only compared with another's where both meet the same demands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from moonvillage.campaign import plan
from moonvillage.campaign.columns import build_columns
from moonvillage.campaign.constraints import add_all
from moonvillage.campaign.matrix import solve
from moonvillage.campaign.model import assemble
from moonvillage.records.campaign import Campaign
from moonvillage.records.legs import LegTable
from moonvillage.records.rates import OutpostRates
from moonvillage.scenario.model import Scenario

Group = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Effort:
    """A plan with what it leaves out: demands, and missions whose ``least`` flights are not flown."""

    campaign: Campaign
    unmet: tuple[str, ...]
    fewest: bool  # whether it is proven that no plan meets more


def plan_most(
    scenario: Scenario,
    legs: LegTable,
    rates: Mapping[str, OutpostRates],
    flags: Mapping[str, Sequence[bool]],
    *,
    gap: float,
    time_limit_s: float,
    cancelled: Callable[[], bool] | None = None,
) -> Effort:
    """Meet as many demands as possible, then optimise the header's objective.

    Parameters
    ----------
    scenario, legs, rates
        As for :func:`moonvillage.campaign.plan`.
    flags
        By mission, whether it may depart in each period.
    gap, time_limit_s
        For the plan; the search for the demands to leave out has the same time once more.

    Returns
    -------
    Effort
        With a campaign of status "infeasible" or "interrupted" where no plan was found.
    """
    barred = {m.id for m in scenario.missions.values() if m.on_dates and not all(flags.get(m.id, (True,)))}
    whole = replace(scenario, missions={k: v for k, v in scenario.missions.items() if k not in barred})
    campaign = plan(
        whole,
        legs,
        rates,
        permissions=flags,
        gap=gap,
        time_limit_s=time_limit_s,
        cancelled=cancelled,
        explain=False,
    )
    if campaign.status != "infeasible":
        return Effort(campaign, tuple(sorted(barred)), True)
    for relaxed in (True, False):
        left_out = _left_out(whole, legs, rates, flags, relaxed, time_limit_s, cancelled)
        if left_out is None:
            return Effort(campaign, (), False)
        names, proven = left_out
        demands = {k: v for k, v in whole.demands.items() if ("demand", k) not in names}
        missions = {
            k: replace(m, least=0, requires=m.requires) if ("least", k) in names else m
            for k, m in whole.missions.items()
        }
        campaign = plan(
            replace(whole, demands=demands, missions=missions),
            legs,
            rates,
            permissions=flags,
            gap=gap,
            time_limit_s=time_limit_s,
            cancelled=cancelled,
            explain=False,
        )
        if campaign.status != "infeasible":
            return Effort(campaign, tuple(sorted({n for _, n in names} | barred)), proven)
    return Effort(campaign, (), False)


def _left_out(
    scenario: Scenario,
    legs: LegTable,
    rates: Mapping[str, OutpostRates],
    flags: Mapping[str, Sequence[bool]],
    relaxed: bool,
    time_limit_s: float,
    cancelled: Callable[[], bool] | None,
) -> tuple[set[Group], bool] | None:
    """The fewest demands and 'least' totals without which flights (fractions of them, if ``relaxed``) can do."""
    objective = "cost" if scenario.header.objective == "earliest" else scenario.header.objective
    a = assemble(
        replace(scenario, header=replace(scenario.header, objective=objective)),
        build_columns(scenario, legs, flags, {}),
        rates,
        scenario.demands,
        objective=objective,
    )
    add_all(a)
    program = a.program
    program.cost = [0.0] * len(program.cost)
    program.offset = 0.0
    chosen: dict[Group, int] = {}
    starts, indices, values = [0], list[int](), list[float]()
    for r, group in enumerate(program.groups):
        part = slice(program.starts[r], program.starts[r + 1])
        indices += program.indices[part]
        values += program.values[part]
        if group[0] in ("demand", "least") and program.low[r] > 0.0:
            if group not in chosen:
                chosen[group] = program.variable(("unmet", *group), 0.0, 1.0, cost=1.0, integer=True)
            indices.append(chosen[group])
            values.append(program.low[r])
        starts.append(len(indices))
    program.starts, program.indices, program.values = starts, indices, values
    picked = set(chosen.values())
    solution = solve(
        program,
        gap=0.0,
        time_limit_s=time_limit_s,
        relax=(lambda i: i not in picked) if relaxed else None,
        cancelled=cancelled,
    )
    if not solution.found:
        return None
    return {group for group, var in chosen.items() if solution.values[var] > 0.5}, solution.status == "optimal"
