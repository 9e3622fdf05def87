"""Solving many variants of one scenario: each question once, side by side, kept on disk as soon as it is answered."""

from __future__ import annotations

import functools
import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from moonvillage.pipeline.folder import digest
from moonvillage.pipeline.loop import RESERVE, planning_rates
from moonvillage.pipeline.state import State
from moonvillage.pipeline.summary import summarise
from moonvillage.records.campaign import Campaign
from moonvillage.records.legs import LegTable
from moonvillage.records.rates import OutpostRates
from moonvillage.records.store import plain, read_json, read_table, write_bytes, write_json, write_table
from moonvillage.scenario import Scenario, loads
from moonvillage.sweeps.effort import plan_most
from moonvillage.sweeps.regimes import Flags, key_of, laxer
from moonvillage.sweeps.shares import Interval
from moonvillage.trajectory.tabulate import from_frame, to_frame
from moonvillage.trajectory.workers import processes, side_by_side
from moonvillage.units import DAY_S

Progress = Callable[[str, float, str], None]
#: metric → (unit, what it is)
METRICS: Final[Mapping[str, tuple[str, str]]] = {
    "demands": ("", "demands met"),
    "money": ("EUR", "cost of all flights and modules"),
    "launch_mass": ("kg", "mass launched to orbit"),
    "time": ("d", "days from the start to the milestone, or to the first crew's arrival"),
}
#: header objective → the metric that its bound proves, and the factor from its unit to the metric's
PROVEN: Final[Mapping[str, tuple[str, float]]] = {
    "cost": ("money", 1e6),
    "launch_mass": ("launch_mass", 1.0),
    "earliest": ("time", 1.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one regime gives. ``worth`` holds the metrics; one that the plan's bound proves has low < value or
    low = value, the others are read off the same plan and have no proven interval (low and high are −∞ and ∞)."""

    key: str
    status: str
    unmet: tuple[str, ...]
    fewest: bool
    worth: Mapping[str, Interval]
    summary: Mapping[str, Any]
    spent_eur: Mapping[str, float] = field(default_factory=dict)  # by operator of flights and modules
    seconds: float = 0.0

    @property
    def planned(self) -> bool:
        """Whether there is a plan."""
        return self.status in ("optimal", "feasible")


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Everything that the solves of one sweep have in common."""

    scenario: Scenario
    legs: LegTable
    rates: Mapping[str, OutpostRates]
    gap: float
    time_limit_s: float

    @classmethod
    def of(
        cls, scenario: Scenario, legs: LegTable, *, gap: float | None = None, time_limit_s: float = 60.0
    ) -> Question:
        """With the reserves and rates that ``plan`` uses."""
        stricter = {
            id_: replace(outpost, reserve_s={k: RESERVE * v for k, v in outpost.reserve_s.items()})
            for id_, outpost in scenario.outposts.items()
        }
        return cls(
            replace(scenario, outposts=stricter),
            legs,
            planning_rates(scenario),
            scenario.header.gap if gap is None else gap,
            time_limit_s,
        )

    def identity(self) -> str:
        """A digest of all but the flags: scenario, catalog, code and solvers, legs, gap and time limit."""
        parts = [*sorted(digest(self.scenario).items()), ("gap", self.gap), ("limit", self.time_limit_s)]
        rows = hashlib.sha256(repr(sorted(self.legs.rows.items())).encode()).hexdigest()
        return hashlib.sha256(repr((parts, rows)).encode()).hexdigest()

    def answer(self, flags: Flags, cancelled: Callable[[], bool] | None = None) -> Outcome:
        """Solve one regime."""
        began = time.perf_counter()
        effort = plan_most(
            self.scenario,
            self.legs,
            self.rates,
            flags,
            gap=self.gap,
            time_limit_s=self.time_limit_s,
            cancelled=cancelled,
        )
        campaign = effort.campaign
        summary = plain(summarise(self.scenario, campaign, None, None, State(), []))
        planned = campaign.status in ("optimal", "feasible")
        return Outcome(
            key_of(flags),
            campaign.status,
            effort.unmet,
            effort.fewest,
            measured(self.scenario, campaign, effort.unmet) if planned else {},
            summary,
            spent(self.scenario, campaign) if planned else {},
            time.perf_counter() - began,
        )


def measured(scenario: Scenario, campaign: Campaign, unmet: Sequence[str]) -> dict[str, Interval]:
    """The metrics of a plan, in EUR, kg and days after the start."""
    inf = float("inf")
    modules = scenario.of("module")
    goods = campaign.table("manifest").filter(campaign.table("manifest")["kind"] == "module")
    built = sum(modules[row["cargo"]].cost_eur * row["amount"] for row in goods.iter_rows(named=True))
    earned = sum(scenario.missions[m].revenue_eur for m in campaign.table("flights")["mission"].to_list())
    money = float(campaign.table("flights")["cost_eur"].sum() or 0.0) + built - earned
    mass = float(campaign.table("flights")["mass_to_orbit_kg"].sum() or 0.0)
    asked = [*scenario.demands, *(m.id for m in scenario.missions.values() if m.least > 0)]
    met = float(sum(1 for name in asked if name not in unmet))
    worth = {
        "demands": Interval(met, met, met),
        "money": Interval(money, -inf, inf),
        "launch_mass": Interval(mass, -inf, inf),
    }
    epoch = first_crew_tdb_s(scenario, campaign)
    if epoch is not None:
        worth["time"] = Interval((epoch - scenario.header.start_tdb_s) / DAY_S, -inf, inf)
    metric, factor = PROVEN[campaign.objective_name]
    value, bound = campaign.objective_value * factor, campaign.bound * factor
    if math.isnan(value):  # nothing can fly, and nothing needs to
        value = bound = 0.0
        if metric == "time":
            return worth
    worth[metric] = Interval(value, min(bound, value), value)
    return worth


def first_crew_tdb_s(scenario: Scenario, campaign: Campaign) -> float | None:
    """When people first arrive at a place that is not the Earth (TDB seconds past J2000); None if never."""
    ground = {id_ for id_, spec in scenario.place_specs.items() if spec.kind == "ground"}
    dates = [
        row["epoch_tdb_s"]
        for row in campaign.table("manifest").iter_rows(named=True)
        if row["kind"] == "crew" and row["destination"] not in ground
    ]
    return min(dates, default=None)


def spent(scenario: Scenario, campaign: Campaign) -> dict[str, float]:
    """What each partner spends in a plan (EUR): operators on their flights less what these earn, builders on their
    modules."""
    found: dict[str, float] = {}
    modules = scenario.of("module")
    for row in campaign.table("flights").iter_rows(named=True):
        cost = row["cost_eur"] - scenario.missions[row["mission"]].revenue_eur
        found[row["operator"]] = found.get(row["operator"], 0.0) + cost
    for row in campaign.table("manifest").iter_rows(named=True):
        if row["kind"] == "module":
            module = modules[row["cargo"]]
            found[module.operator] = found.get(module.operator, 0.0) + module.cost_eur * row["amount"]
    return found


def to_record(outcome: Outcome) -> dict[str, Any]:
    """JSON-ready; an interval without proof has no low and high."""
    return {
        "key": outcome.key,
        "status": outcome.status,
        "unmet": list(outcome.unmet),
        "fewest": outcome.fewest,
        "worth": {name: [w.value, w.low, w.high] for name, w in outcome.worth.items()},
        "summary": outcome.summary,
        "spent_eur": dict(outcome.spent_eur),
        "seconds": outcome.seconds,
    }


def from_record(record: Mapping[str, Any]) -> Outcome:
    """The reverse of :func:`to_record`."""
    inf = float("inf")
    return Outcome(
        record["key"],
        record["status"],
        tuple(record["unmet"]),
        record["fewest"],
        {
            n: Interval(v, -inf if lo is None else lo, inf if hi is None else hi)
            for n, (v, lo, hi) in record["worth"].items()
        },
        record["summary"],
        record["spent_eur"],
        record["seconds"],
    )


class Solver:
    """Answers regimes, each distinct one once.

    Parameters
    ----------
    question
        What is solved.
    folder
        Where answers are kept (one file each, written atomically), so that a killed sweep goes on; None for memory.
    workers
        Processes; by default one a core.
    """

    def __init__(
        self,
        question: Question,
        folder: Path | None = None,
        *,
        workers: int | None = None,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> None:
        self.question = question
        self.workers, self.progress, self.cancelled = workers, progress, cancelled
        self.tables: dict[str, Flags] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.solved = 0
        self.folder = None if folder is None else folder / "solved" / question.identity()[:16]

    def key(self, flags: Flags) -> str:
        """The solve that a table of flags is, remembered for :meth:`solve`."""
        key = key_of(flags)
        self.tables.setdefault(key, flags)
        return key

    def solve(self) -> None:
        """Answer all that was asked for with :meth:`key` and is not answered yet.

        Raises
        ------
        Interrupted
            If ``cancelled`` said so; what is finished is kept.
        """
        todo = [key for key in self.tables if key not in self.outcomes]
        for key in todo:
            record = None if self.folder is None else read_json(self.folder / f"{key}.json")
            if record is not None:
                self.outcomes[key] = from_record(record)
        todo = [key for key in todo if key not in self.outcomes]
        if not todo:
            return
        count = processes(self.workers, len(todo))
        if count == 1 or self.folder is None:
            work: Callable[[Any], Outcome] = self._answer
            jobs: Sequence[Any] = [(key, self.tables[key]) for key in todo]
            count = 1
        else:
            _keep_question(self.question, self.folder)
            work = _answer_elsewhere
            jobs = [(str(self.folder), key, dict(self.tables[key])) for key in todo]
        for done, (index, outcome) in enumerate(
            side_by_side(work, jobs, workers=count, cancelled=self.cancelled, stage="price"), 1
        ):
            self.outcomes[todo[index]] = outcome
            self.solved += 1
            if self.progress is not None:
                self.progress("price", done / len(todo), f"{done} of {len(todo)} regimes")

    def _answer(self, job: tuple[str, Flags]) -> Outcome:
        key, flags = job
        outcome = self.question.answer(flags, self.cancelled)
        if self.cancelled is not None and self.cancelled():
            from moonvillage.errors import Interrupted

            raise Interrupted("price")  # a plan that was cut short is no answer
        if self.folder is not None:
            write_json(self.folder / f"{key}.json", to_record(outcome))
        return outcome

    def consistent(self) -> dict[str, Outcome]:
        """The answers, made to agree with each other: a plan under a stricter regime is a plan under a laxer one, and
        a bound on a laxer one is a bound on a stricter one, where both meet the same demands."""
        objective = self.question.scenario.header.objective
        metric, _ = PROVEN[objective]
        order = sorted(self.outcomes, key=lambda k: (sum(map(sum, self.tables[k].values())), k))
        made = dict(self.outcomes)
        pairs = [
            (strict, lax)
            for i, strict in enumerate(order)
            for lax in order[i + 1 :]
            if made[strict].planned
            and made[lax].planned
            and made[strict].unmet == made[lax].unmet
            and laxer(self.tables[lax], self.tables[strict])
        ]
        for strict, lax in pairs:
            mine, its = made[lax].worth[metric], made[strict].worth[metric]
            if its.value < mine.value:
                taken = {**made[strict].worth, metric: Interval(its.value, min(mine.low, its.value), its.value)}
                made[lax] = replace(
                    made[lax], worth=taken, spent_eur=made[strict].spent_eur, summary=made[strict].summary
                )
        for strict, lax in reversed(pairs):
            mine, its = made[strict].worth[metric], made[lax].worth[metric]
            if its.low > mine.low:
                raised = Interval(mine.value, min(its.low, mine.value), mine.high)
                made[strict] = replace(made[strict], worth={**made[strict].worth, metric: raised})
        return made


def _keep_question(question: Question, folder: Path) -> None:
    write_table(folder / "legs.parquet", to_frame(question.legs))
    write_bytes(folder / "scenario.toml", question.scenario.source.encode())
    write_json(
        folder / "question.json",
        {"gap": question.gap, "time_limit_s": question.time_limit_s, "name": question.scenario.name},
    )


@functools.lru_cache(maxsize=1)
def _kept_question(folder: str) -> Question:
    """A question as another process left it (remembered: one a process)."""
    at = Path(folder)
    said = read_json(at / "question.json")
    scenario = loads((at / "scenario.toml").read_text(), file=str(at / "scenario.toml"), name=said["name"])
    legs = from_frame(read_table(at / "legs.parquet"))
    return Question.of(scenario, legs, gap=said["gap"], time_limit_s=said["time_limit_s"])


def _answer_elsewhere(job: tuple[str, str, Flags]) -> Outcome:
    folder, key, flags = job
    outcome = _kept_question(folder).answer(flags)
    write_json(Path(folder) / f"{key}.json", to_record(outcome))
    return outcome
