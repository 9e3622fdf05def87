"""Finding a plan and its proof for programs too large to be left to the solver alone.

Three deterministic stages (docs/design/campaign.md §4). *Plan*: a dive through time, rounding up the earliest
fractional decision and solving the relaxation again from where it stood. *Repair*: one span of time after another is
freed and solved as a small program of its own, while the rest stands. *Proof*: only the totals (flights per mission
and modules per place over the whole time) are kept whole; that bounds every plan from below, and it stops where a
known plan is within the gap. Longer spans, then the whole program started from the plan, have what time is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import highspy
import numpy as np

from moonvillage.campaign.matrix import INF, Floats, Program, Solution, load, solve

#: Values to begin with: by column name, or for every column.
Start = Mapping[Hashable, float] | Floats
#: Programs with fewer undecided whole numbers are left to the solver.
SMALL = 1200
#: Nodes granted to the totals and to a span (a limit on nodes, unlike one on time, is the same on every machine).
TOTALS_NODES = 2000
SPAN_NODES = 50
#: Length of the spans that are freed, as a share of the whole time: before the proof, and after it.
SHORT, LONG = 1.0 / 15.0, 1.0 / 4.0
#: With a plan in hand, the solver's own search for plans is wasted on the proof, and so is long probing of branches.
NO_HEURISTICS: dict[str, bool | int | float | str] = {
    "mip_heuristic_effort": 0.0,
    "mip_pscost_minreliable": 1,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
}


@dataclass(frozen=True, slots=True)
class Clock:
    """How much time is left, who listens, and whether to stop."""

    deadline_s: float
    progress: Callable[[float, float], None] | None
    cancelled: Callable[[], bool] | None

    @property
    def left_s(self) -> float:
        """Seconds of wall time left."""
        return self.deadline_s - time.perf_counter()

    @property
    def stop(self) -> bool:
        """Whether the time is up or the caller has cancelled."""
        return self.left_s <= 0.0 or (self.cancelled is not None and self.cancelled())

    def report(self, objective: float, bound: float) -> None:
        """Pass a pair of objective and bound on."""
        if self.progress is not None:
            self.progress(objective, bound)


def search(
    program: Program,
    when: Sequence[int],
    totals: Sequence[int],
    *,
    gap: float,
    time_limit_s: float,
    seed: int,
    start: Start | None = None,
    progress: Callable[[float, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    small: int = SMALL,
) -> Solution:
    """Solve a campaign's program.

    Parameters
    ----------
    program
        What to solve.
    when
        Period of every column (-1 where it has none).
    totals
        Columns that are totals over the whole time.
    gap, time_limit_s, seed, start, progress, cancelled
        As for :func:`moonvillage.campaign.matrix.solve`.
    small
        Programs with fewer free whole numbers go to the solver directly.
    """
    began = time.perf_counter()
    clock = Clock(began + time_limit_s, progress, cancelled)
    whole = [i for i, flag in enumerate(program.integer) if flag and program.lower[i] < program.upper[i]]

    def direct(limit: float, guess: Start | None) -> Solution:
        return solve(
            program,
            gap=gap,
            time_limit_s=limit,
            seed=seed,
            start=guess,
            progress=progress,
            cancelled=cancelled,
        )

    if len(whole) < small or not totals:
        return direct(time_limit_s, start)
    relaxed = solve(program, relax=lambda _: True, time_limit_s=time_limit_s)
    if relaxed.status == "infeasible":
        return relaxed
    bound = relaxed.objective if relaxed.found else -INF
    cost = np.array(program.cost)
    best = _given(program, when, start, gap, seed, clock)

    def value(x: Floats | None) -> float:
        return INF if x is None else float(cost @ x) + program.offset

    def enough() -> bool:
        return best is not None and value(best) - bound <= gap * abs(value(best))

    nodes = 0
    proof: Solution | None = None
    if best is not None and not enough() and not clock.stop:
        # an earlier plan that is still good enough stays as it is: the loop with flying then comes to rest
        proof = prove(program, totals, best, value(best), gap, seed, clock, bound)
        bound = max(bound, proof.bound)
    if not enough():
        dived = dive(program, when, clock, bound)
        if dived is not None and value(dived) < value(best):
            best = dived
            clock.report(value(best), bound)
    if best is not None and not enough():
        best = repair(program, when, best, bound, gap, seed, clock, SHORT)
    if proof is None and not enough() and not clock.stop:
        proof = prove(program, totals, best, value(best), gap, seed, clock, bound)
        bound = max(bound, proof.bound)
    if proof is not None:
        nodes = proof.nodes
        if proof.status == "infeasible":
            return proof
    if best is not None and not enough():
        best = repair(program, when, best, bound, gap, seed, clock, LONG)
    seconds = time.perf_counter() - began
    if best is not None and (enough() or clock.stop):
        status = "optimal" if enough() else "interrupted" if cancelled is not None and cancelled() else "feasible"
        return Solution(status, best, value(best), bound, seconds, nodes)
    final = direct(max(1.0, clock.left_s), best if best is not None else start)
    final = replace(final, bound=max(bound, final.bound), seconds=time.perf_counter() - began)
    if best is not None and value(best) < final.objective:
        final = replace(final, values=best, objective=value(best))
        if final.status in ("infeasible", "unsolved"):
            final = replace(final, status="feasible")
    return final


def _given(
    program: Program, when: Sequence[int], start: Start | None, gap: float, seed: int, clock: Clock
) -> Floats | None:
    """The plan that an earlier one gives: as it was where that still works, else with flights added to it."""
    if start is None or clock.stop:
        return None
    kept, grown = program.copy(), program.copy()
    for i, (name, whole) in enumerate(zip(program.names, program.integer, strict=True)):
        value = start.get(name) if isinstance(start, Mapping) else float(start[i])
        if whole and value is not None and when[i] >= 0:
            kept.lower[i] = kept.upper[i] = min(max(float(round(value)), program.lower[i]), program.upper[i])
            grown.lower[i] = kept.lower[i]
    again = solve(
        kept,
        gap=gap,
        time_limit_s=max(1.0, min(20.0, clock.left_s)),
        seed=seed,
        cancelled=clock.cancelled,
        options={"mip_max_nodes": SPAN_NODES},
    )
    return again.values if again.found else dive(grown, when, clock, -INF)


def prove(
    program: Program,
    totals: Sequence[int],
    best: Floats | None,
    value: float,
    gap: float,
    seed: int,
    clock: Clock,
    floor: float,
) -> Solution:
    """Bound every plan from below, keeping only the totals whole; stop once a known plan is within the gap."""
    kept = set(totals)
    reached = [False]

    def heard(_: float, bound: float) -> None:
        clock.report(value, max(bound, floor))
        reached[0] = value < INF and value - bound <= gap * abs(value)

    return solve(
        program,
        gap=0.1 * gap,
        time_limit_s=max(1.0, 0.8 * clock.left_s),
        seed=seed,
        relax=lambda i: i not in kept,
        start=best,
        progress=heard,
        cancelled=lambda: reached[0] or (clock.cancelled is not None and clock.cancelled()),
        options={"mip_max_nodes": TOTALS_NODES, **(NO_HEURISTICS if best is not None else {})},
    )


def dive(program: Program, when: Sequence[int], clock: Clock, bound: float) -> Floats | None:
    """Round up through time: the earliest fractional decision first, the largest part of a flight first.

    More flights never hurt the rows that need something, so rounding up keeps the relaxation feasible unless a limit
    is hit; then the decision is rounded down instead, and where that fails too the dive is given up.
    """
    highs = load(program, relaxed=True)
    whole = [i for i, flag in enumerate(program.integer) if flag]
    lower, upper = np.array(program.lower), np.array(program.upper)
    place = np.array([when[i] if when[i] >= 0 else 10**6 for i in whole])
    index = np.array(whole)
    decided = 0
    while not clock.stop:
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        x = np.array(highs.getSolution().col_value, dtype=float)
        clock.report(INF, bound)
        fraction = x[index] - np.floor(x[index] + 1e-6)
        open_ = np.flatnonzero(fraction > 1e-6)
        if open_.size == 0:
            result = x.copy()
            result[index] = np.round(x[index])
            return _polished(program, result)
        earliest = int(place[open_].min())
        if earliest > decided:
            # what lies before the earliest fraction is whole: let it stand
            for i, p in zip(index, place, strict=True):
                if decided <= p < earliest and lower[i] < upper[i]:
                    lower[i] = upper[i] = round(x[i])
                    highs.changeColBounds(int(i), lower[i], upper[i])
            decided = earliest
        here = [k for k in open_ if place[k] == earliest]
        pick = int(index[max(here, key=lambda k: (round(float(fraction[k]), 9), -int(index[k])))])
        old = lower[pick]
        lower[pick] = min(upper[pick], float(np.ceil(x[pick] - 1e-6)))
        highs.changeColBounds(pick, lower[pick], upper[pick])
        highs.run()
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            lower[pick], upper[pick] = old, float(np.floor(x[pick] + 1e-6))
            highs.changeColBounds(pick, lower[pick], upper[pick])
    return None


def _still(clock: Clock, objective: float, bound: float, *_: float) -> None:
    clock.report(objective, bound)


def _polished(program: Program, values: Floats) -> Floats | None:
    """The best continuous decisions for given whole ones, or None where there are none."""
    fixed = program.copy()
    for i, flag in enumerate(program.integer):
        if flag:
            fixed.lower[i] = fixed.upper[i] = float(round(values[i]))
    solution = solve(fixed, relax=lambda _: True)
    return solution.values if solution.found else None


def repair(
    program: Program,
    when: Sequence[int],
    values: Floats,
    bound: float,
    gap: float,
    seed: int,
    clock: Clock,
    share: float,
) -> Floats:
    """Free one span of time after another, with half of it shared with the next, and solve it.

    ``share`` is the length of a span relative to the whole time (six periods at least).
    """
    cost = np.array(program.cost)
    best = values
    last = max(when)
    length = max(6, round(share * (last + 1)))
    for first in range(0, last + 1, max(1, length // 2)):
        now = float(cost @ best) + program.offset
        if clock.stop or now - bound <= gap * abs(now):
            return best
        part = program.copy()
        for i, flag in enumerate(program.integer):
            if flag and when[i] >= 0 and not first <= when[i] < first + length:
                part.lower[i] = part.upper[i] = float(round(best[i]))
        answer = solve(
            part,
            gap=0.1 * gap,
            time_limit_s=max(1.0, clock.left_s),
            seed=seed,
            start=best,
            progress=partial(_still, clock, now, bound),
            cancelled=clock.cancelled,
            options={"mip_max_nodes": SPAN_NODES},
        )
        if answer.found and answer.objective < now - 1e-9 * abs(now):
            polished = _polished(program, answer.values)
            if polished is not None:
                best = polished
    return best
