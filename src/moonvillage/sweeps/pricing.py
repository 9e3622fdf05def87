"""What every rule, agreement and partner costs or saves: lifted alone, kept alone, and its Shapley share.

No single figure is honest. *Lifted alone* is what would change if only this one were gone; two bars that block the
same flight both show nothing then. *Kept alone* is what it does if all others of its kind were gone; it then counts
what others would have barred as well. The *Shapley share* splits the whole fairly between them. All three are
differences of optima: positive means that its being there costs so much, negative that it saves so much.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from moonvillage.errors import InputError
from moonvillage.records.legs import LegTable
from moonvillage.records.store import write_json
from moonvillage.scenario import Scenario
from moonvillage.sweeps.coalitions import cooperation
from moonvillage.sweeps.regimes import Game, Player, Regimes
from moonvillage.sweeps.shares import (
    Coalition,
    Interval,
    Terms,
    difference,
    exact_terms,
    orders,
    sampled_terms,
    standard_error,
    total,
)
from moonvillage.sweeps.solving import METRICS, PROVEN, Outcome, Progress, Question, Solver
from moonvillage.trajectory.tabulate import tabulate

#: Up to so many players all coalitions are looked at; with more, orders are sampled.
EXACT: Final = 6
#: Sampled orders (antithetic pairs count twice).
SAMPLES: Final = 32

REGIMES: Final = {
    "law": "as the law stands",
    "certified": "every waiver and licence granted from the beginning",
    "full": "full cooperation: no rule bars anything",
    "alone": "each alone: no mission of two houses of agencies",
}


class _Asked:
    """One game with the solves that its figures need."""

    def __init__(self, game: Game, solver: Solver, samples: int, seed: int) -> None:
        self.game, self.solver = game, solver
        self.known: dict[Coalition, str] = {}
        self.everyone: Coalition = frozenset(p.id for p in game.players)
        self.active: Coalition = frozenset(game.active)
        self.exact = len(self.active) <= EXACT
        names = sorted(self.active)
        self.terms: dict[str, Terms] = {}
        self.pairs: dict[str, list[Terms]] = {}
        if self.exact:
            self.terms = exact_terms(names, self.key)
        else:
            for player, (mean, pairs) in sampled_terms(orders(names, samples, seed), self.key).items():
                self.terms[player], self.pairs[player] = mean, pairs
        whole, none = self.key(self.active), self.key(frozenset())
        self.lifted = {p: difference(whole, self.key(self.active - {p})) for p in names}
        self.kept = {p: difference(self.key(frozenset({p})), none) for p in names}

    def key(self, active: Coalition) -> str:
        """The solve of a coalition of active players (those without effect change nothing)."""
        if active not in self.known:
            self.known[active] = self.solver.key(self.game.flags(active | (self.everyone - self.active)))
        return self.known[active]

    def items(self, outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
        """The rows of the price table, of each player and metric."""
        rows = []
        for player in self.game.players:
            for metric, (unit, _) in METRICS.items():
                rows.append(self._item(player, metric, unit, outcomes))
        return rows

    def _item(self, player: Player, metric: str, unit: str, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
        id_ = player.id
        row: dict[str, Any] = {
            "id": id_,
            "kind": player.kind,
            "game": self.game.name,
            "title": player.title,
            "metric": metric,
            "unit": unit,
            "exact": self.exact or id_ not in self.active,
        }
        notes: list[str] = []
        for name, terms in (
            ("lifted_alone", self.lifted.get(id_, {})),
            ("kept_alone", self.kept.get(id_, {})),
            ("shapley", self.terms.get(id_, {})),
        ):
            found = compared(terms, metric, outcomes)
            if isinstance(found, str):
                row[name] = None
                notes.append(f"{name}: {found}")
            else:
                row[name] = found.value
                row[f"{name}_range"] = None if math.isinf(found.low) else [found.low, found.high]
                if found.within_gaps and not math.isinf(found.low):
                    notes.append(f"{name}: smaller than the gaps of the plans, not told from zero")
        row["standard_error"] = None if row["shapley"] is None else 0.0
        if id_ in self.pairs and row["shapley"] is not None:
            worth = {k: outcomes[k].worth[metric] for t in self.pairs[id_] for k in t}
            row["standard_error"] = standard_error(self.pairs[id_], worth)
        if id_ not in self.active:
            notes = ["it changes for no flight whether it may depart"]
        row["notes"] = notes
        return row


def compared(terms: Terms, metric: str, outcomes: Mapping[str, Outcome]) -> Interval | str:
    """A combination of worths, or a sentence why it cannot be had.

    Cost, mass and time are compared only between plans that meet the same demands: a plan that does less is cheaper
    without being better. What it does less is said by the metric 'demands'.
    """
    used = [outcomes[key] for key, factor in terms.items() if abs(factor) > 1e-12]
    lost = [o for o in used if not o.planned]
    if lost:
        found = sorted({o.status for o in lost})
        return f"{len(lost)} of {len(used)} regimes have no plan ({', '.join(found)})"
    if metric != "demands" and len({o.unmet for o in used}) > 1:
        counts = sorted({len(o.unmet) for o in used})
        return f"the regimes meet different demands ({counts[0]} to {counts[-1]} unmet), see 'demands'"
    if any(metric not in o.worth for o in used):
        return "nobody flies in some of the regimes"
    return total(terms, {o.key: o.worth[metric] for o in used})


def price(
    scenario: Scenario,
    legs: LegTable | None = None,
    *,
    folder: Path | None = None,
    workers: int | None = None,
    samples: int = SAMPLES,
    gap: float | None = None,
    time_limit_s: float = 60.0,
    only_regimes: bool = False,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """The price of every rule, agreement and partner that touches a scenario.

    Parameters
    ----------
    scenario
        What is planned; its objective is what each solve optimises and proves.
    legs
        Its legs; tabulated once for all regimes (every mission, also those that the law bars) where not given.
    folder
        Where answers are kept; a sweep that was interrupted goes on from there.
    workers
        Processes; by default one a core.
    samples
        Orders drawn for the Shapley shares of games with more than six active players, seeded by the scenario.
    gap, time_limit_s
        For each solve: the proven gap to reach (the header's by default), and wall time.
    only_regimes
        Only the four regimes, no table of prices.
    progress, cancelled
        Called with (stage, fraction, message); asked whether to stop.

    Returns
    -------
    dict
        ``items``: one row for each player and metric: ``id``, ``kind`` ("rule", "agreement" or "partner"), ``metric``
        ("demands", "money" in EUR, "launch_mass" in kg, "time" in days), ``lifted_alone``, ``kept_alone``,
        ``shapley`` (None where it cannot be had, with a note why), ``standard_error``, and ``..._range``, the proven
        [low, high] where the metric is the objective. ``regimes``: by name the summary of its plan. ``cooperation``:
        the value of coalitions, see :func:`moonvillage.sweeps.coalitions.cooperation`.

    Raises
    ------
    InputError
        If nothing is optimised in the scenario (objective "none", or a plain network).
    Interrupted
        If ``cancelled`` said so; what is finished is in the folder.
    """
    if scenario.header.objective not in PROVEN or scenario.network is not None:
        raise InputError.one(
            "is not something to be optimised, so that rules have no price in it",
            "use cost, launch_mass or earliest",
            file=scenario.file,
            line=scenario.lines.get(("scenario",)),
            field="scenario.objective",
            value=scenario.header.objective,
        )
    regimes = Regimes(scenario)
    if legs is None:
        legs = tabulate(scenario, workers=workers, progress=progress, cancelled=cancelled)
    question = Question.of(scenario, legs, gap=gap, time_limit_s=time_limit_s)
    solver = Solver(question, folder, workers=workers, progress=progress, cancelled=cancelled)
    named = {name: solver.key(flags) for name, flags in regimes.named().items()}
    solver.solve()
    asked = [] if only_regimes else [_Asked(g, solver, samples, scenario.header.seed) for g in regimes.games()]
    solver.solve()
    outcomes = solver.consistent()
    result: dict[str, Any] = {
        "title": scenario.header.title,
        "objective": scenario.header.objective,
        "proven_metric": PROVEN[scenario.header.objective][0],
        "items": [row for game in asked for row in game.items(outcomes)],
        "regimes": {name: _regime(name, outcomes[key]) for name, key in named.items()},
        "solves": {
            "distinct": len(outcomes),
            "solved_now": solver.solved,
            "seconds": sum(o.seconds for o in outcomes.values()),
            "worst_gap": max((float(o.summary["gap"] or 0.0) for o in outcomes.values() if o.planned), default=None),
        },
    }
    partners = [g for g in asked if g.game.name == "partners"]
    if partners:
        houses = partners[0].game.players
        found = {c: outcomes[k] for c, k in partners[0].known.items()}
        result["cooperation"] = cooperation(scenario, houses, found) if partners[0].exact else None
    if folder is not None:
        write_json(folder / "price.json", result)
    return result


def _regime(name: str, outcome: Outcome) -> dict[str, Any]:
    return {
        **outcome.summary,
        "regime": REGIMES[name],
        "unmet": list(outcome.unmet),
        "fewest_unmet_proven": outcome.fewest,
        "worth": {metric: w.value for metric, w in outcome.worth.items()},
        "solve_s": outcome.seconds,
    }
