"""Which waivers and agreements make an infeasible campaign feasible: all minimal sets, cheapest first.

Waivers and agreements are yes-or-no decisions of the planner's own program (:mod:`moonvillage.campaign.papers`). With
the cost of flights left out, its optimum is the cheapest set of papers with which there is a plan; since every paper
costs something (a trifle at least), no part of it suffices. A cut then forbids that set and all that contain it, and
the program is solved again, until nothing is left. Each set is checked by what it says: the rulebook is changed,
permissions are worked out anew, and the campaign is planned from the beginning, also without each of its papers in
turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from moonvillage.campaign import Paper, plan
from moonvillage.campaign.columns import build_columns
from moonvillage.campaign.constraints import add_all
from moonvillage.campaign.matrix import solve
from moonvillage.campaign.model import MEUR, assemble
from moonvillage.campaign.plan import with_papers as opened
from moonvillage.pipeline.permissions import obtainable, permissions, with_papers
from moonvillage.records.campaign import Campaign
from moonvillage.records.legs import LegTable
from moonvillage.scenario import Scenario
from moonvillage.sweeps.regimes import Regimes
from moonvillage.sweeps.solving import Question

#: What a paper without a stated cost weighs in the search (MEUR).
TRIFLE: Final = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class PaperSet:
    """A set of waivers and agreements, and what it buys.

    ``verified``: planning again under the changed rulebook gave the plan ``campaign``. ``needed``: whether planning
    without any one of its papers was shown to give none (None where that could not be told in time).
    """

    papers: tuple[Paper, ...]
    cost_eur: float
    lead_s: float
    verified: bool
    needed: bool | None
    campaign: Campaign


@dataclass(frozen=True, slots=True, eq=False)
class Minimal:
    """The answer. ``sets`` are cheapest first; ``complete`` says that there are no others."""

    status: str  # "planned" (nothing is needed), "papers", or "none"
    sets: tuple[PaperSet, ...] = ()
    complete: bool = True
    reasons: tuple[str, ...] = field(default_factory=tuple)


def minimal_papers(
    scenario: Scenario,
    legs: LegTable,
    *,
    most: int = 8,
    time_limit_s: float = 60.0,
    progress: Callable[[str, float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Minimal:
    """All minimal sets of waivers and agreements with which there is a plan, up to ``most``.

    Parameters
    ----------
    scenario, legs
        What is asked, with legs of all missions, also of those that the law bars.
    most
        Sets at most.
    time_limit_s
        Wall time for each solve.
    progress, cancelled
        Called with (stage, fraction, message); asked whether to stop.

    Returns
    -------
    Minimal
        "planned" where a plan exists as the law stands; "none", with the planner's reasons, where no set of papers
        that the rules know of would help.

    Raises
    ------
    Interrupted
        If ``cancelled`` said so.
    """
    from moonvillage.errors import Interrupted

    found = permissions(scenario)
    question = Question.of(scenario, legs, time_limit_s=time_limit_s)

    def planned(flags: Mapping[str, Sequence[bool]], explain: bool = False) -> Campaign:
        campaign = plan(
            question.scenario,
            legs,
            question.rates,
            permissions=flags,
            time_limit_s=time_limit_s,
            explain=explain,
            cancelled=cancelled,
        )
        if cancelled is not None and cancelled():
            raise Interrupted("allow")
        return campaign

    law = planned(found.flags)
    if law.status != "infeasible":
        if law.status in ("optimal", "feasible"):
            return Minimal("planned")
        return Minimal("none", complete=False, reasons=("the time ran out before a plan was found",))
    papers = obtainable(scenario, found)
    if not papers.papers:
        told = planned(found.flags, explain=True).reasons
        return Minimal("none", reasons=("no waiver or agreement known would free any flight", *told))
    objective = "cost" if scenario.header.objective == "earliest" else scenario.header.objective
    columns = build_columns(question.scenario, legs, opened(found.flags, papers), {})
    a = assemble(question.scenario, columns, question.rates, scenario.demands, objective=objective, papers=papers)
    add_all(a)
    program = a.program
    program.cost = [0.0] * len(program.cost)
    program.offset = 0.0
    for id_, var in a.held.items():
        program.cost[var] = papers.papers[id_].cost_eur / MEUR + TRIFLE
    regimes = Regimes(scenario)
    sets: list[PaperSet] = []
    complete = False
    while len(sets) < most:
        solution = solve(program, gap=0.0, time_limit_s=time_limit_s, cancelled=cancelled)
        if cancelled is not None and cancelled():
            raise Interrupted("allow")
        if not solution.found:
            complete = solution.status == "infeasible"
            break
        chosen = sorted(id_ for id_, var in a.held.items() if solution.values[var] > 0.5)
        members = tuple(papers.papers[id_] for id_ in chosen)
        start = scenario.header.start_tdb_s

        def under(held: tuple[Paper, ...], start: float = start) -> Campaign:
            return planned(regimes.flags(with_papers(found.rulebook, held, start)))

        campaign = under(members)
        without = [under(tuple(p for p in members if p is not left)).status for left in members]
        needed = True if all(s == "infeasible" for s in without) else None if "interrupted" in without else False
        sets.append(
            PaperSet(
                members,
                sum(p.cost_eur for p in members),
                max((p.lead_s for p in members), default=0.0),
                campaign.status in ("optimal", "feasible"),
                needed,
                campaign,
            )
        )
        program.row(("seen",), [(a.held[id_], 1.0) for id_ in chosen], high=float(len(chosen) - 1))
        if progress is not None:
            progress("papers", len(sets) / most, f"{len(sets)} sets")
    if not sets:
        told = planned(opened(found.flags, papers), explain=True).reasons
        reason = (
            "no set of known waivers and agreements gives a plan"
            if complete
            else "the time ran out before a set of waivers and agreements was found"
        )
        return Minimal("none", complete=complete, reasons=(reason, *told))
    return Minimal("papers", tuple(sets), complete)
