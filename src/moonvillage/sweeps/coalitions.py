"""The value of cooperation: what each coalition of partners can do, whether a split of it is stable, and a barter.

A split of what all achieve together is *stable* (in the core, D. B. Gillies 1959) if no coalition would do better on
its own. The core is found by a linear program; where it is empty, the least ε that every coalition would have to be
paid to stay is told (the least core). Of all splits of the (least) core the nucleolus (D. Schmeidler 1969) is taken,
which makes the worst-off coalition as well off as possible, then the next: a sequence of linear programs (M.
Maschler, B. Peleg, L. S. Shapley 1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from moonvillage.scenario import Scenario
from moonvillage.sweeps.regimes import Player
from moonvillage.sweeps.shares import Coalition, Interval, exact_terms, subsets, total
from moonvillage.sweeps.solving import Outcome

#: Excesses closer than this, relative to the largest worth, are equal.
EQUAL = 1e-7


@dataclass(frozen=True, slots=True)
class Split:
    """A split of the worth of all. ``excess`` is the largest that any coalition could gain by leaving: at most zero
    where the core is not empty (the split is then in it). ``tempted`` are the coalitions that would gain so much."""

    shares: Mapping[str, float]
    excess: float
    stable: bool
    tempted: tuple[Coalition, ...]


def nucleolus(players: Sequence[str], worth: Mapping[Coalition, float]) -> Split:
    """The nucleolus of a game with transferable worth.

    Parameters
    ----------
    players
        Their ids, at least one.
    worth
        Of every coalition, that of nobody included (taken as zero).

    Returns
    -------
    Split
        Shares that sum to the worth of all.

    Raises
    ------
    ValueError
        If a coalition's worth is missing.
    """
    everyone = frozenset(players)
    proper = [c for c in subsets(players) if c and c != everyone]
    missing = [c for c in [*proper, everyone] if c not in worth]
    if missing:
        raise ValueError(f"the worth of {sorted(missing[0])} is not given")
    n = len(players)
    if n == 1:
        return Split({players[0]: worth[everyone]}, 0.0, True, ())
    scale = max(1.0, *(abs(worth[c]) for c in [*proper, everyone]))
    rows: NDArray[np.float64] = np.array([[float(p in c) for p in players] for c in proper])
    values: NDArray[np.float64] = np.array([worth[c] for c in proper]) / scale
    fixed: dict[int, float] = {}  # coalition → its excess, settled
    x: NDArray[np.float64] = np.zeros(n)
    first = None
    while True:
        free = [i for i in range(len(proper)) if i not in fixed]
        equal = np.vstack([np.ones(n), *(rows[i] for i in fixed)])
        right = np.array([worth[everyone] / scale, *(values[i] - e for i, e in fixed.items())])
        # x(S) + ε ≥ v(S), ε least
        answer = linprog(
            np.array([0.0] * n + [1.0]),
            A_ub=np.hstack([-rows[free], -np.ones((len(free), 1))]),
            b_ub=-values[free],
            A_eq=np.hstack([equal, np.zeros((len(equal), 1))]),
            b_eq=right,
            bounds=[(None, None)] * (n + 1),
            method="highs",
        )
        if not answer.success:
            raise ArithmeticError(f"the least core could not be found: {answer.message}")
        found: NDArray[np.float64] = np.asarray(answer.x, dtype=np.float64)
        x, epsilon = found[:n], float(found[n])
        first = epsilon if first is None else first
        # settled: those whose excess is ε in every optimum (a positive multiplier shows it; one at least has one)
        duals = -answer.ineqlin.marginals
        settled = [i for i, d in zip(free, duals, strict=True) if d > EQUAL]
        for i in settled:
            fixed[i] = epsilon
        if np.linalg.matrix_rank(np.vstack([np.ones(n), *(rows[i] for i in fixed)])) == n or len(fixed) == len(
            proper
        ):
            break
        # coalitions that follow from the settled ones are settled too
        basis = np.vstack([np.ones(n), *(rows[i] for i in fixed)])
        rank = np.linalg.matrix_rank(basis)
        for i in free:
            if i not in fixed and np.linalg.matrix_rank(np.vstack([basis, rows[i]])) == rank:
                fixed[i] = float(values[i] - rows[i] @ x)
        if len(fixed) == len(proper):
            break
    assert first is not None
    excess = values - rows @ x
    tempted = tuple(c for c, e in zip(proper, excess, strict=True) if e > first - EQUAL and first > EQUAL)
    shares = {p: float(v) * scale for p, v in zip(players, x, strict=True)}
    return Split(shares, first * scale, first <= EQUAL, tempted)


def cooperation(scenario: Scenario, houses: Sequence[Player], found: Mapping[Coalition, Outcome]) -> dict[str, Any]:
    """The value of cooperation per partner: alone, in each coalition, together; the stability of the split; a barter.

    The worth of a coalition is worked out in the objective's metric where all coalitions meet the same demands: what
    its members save, together, over what each would need alone. Otherwise it is the number of demands that it meets
    with its own missions: money cannot be compared between plans that do different things.

    Parameters
    ----------
    scenario
        Its partners.
    houses
        The players, each a house of agencies.
    found
        The outcome of every coalition, the empty one included.

    Returns
    -------
    dict
        ``metric``, ``unit``; ``coalitions``: rows with ``members``, ``value`` (as planned), ``low``, ``high``,
        ``unmet``, ``status``; ``worth`` rows; ``shapley`` and ``nucleolus`` by house; ``stable``; ``excess``;
        ``tempted``; and ``barter``: by house what it spends as planned, its share of the cost under the nucleolus,
        and what it pays (positive) or receives so that it comes to that; None where money is not compared.
    """
    from moonvillage.sweeps.solving import METRICS, PROVEN

    names = [h.id for h in houses]
    everyone = frozenset(names)
    metric = PROVEN[scenario.header.objective][0]
    rows = [
        {
            "members": sorted(c),
            "status": o.status,
            "unmet": list(o.unmet),
            "worth": {m: w.value for m, w in o.worth.items()},
        }
        for c, o in sorted(found.items(), key=lambda pair: (len(pair[0]), sorted(pair[0])))
    ]
    result: dict[str, Any] = {"houses": {h.id: list(h.members) for h in houses}, "coalitions": rows}
    ready = {c: o for c, o in found.items() if c}
    if not names or any(not o.planned for o in ready.values()):
        return {**result, "metric": None, "note": "some coalitions have no plan that could be told in time"}
    same = len({o.unmet for o in ready.values()}) == 1 and metric == "money"
    values: dict[Coalition, Interval] = {}
    if same:
        cost = {c: o.worth[metric] for c, o in ready.items()}
        for c, w in cost.items():
            alone = [cost[frozenset({p})] for p in c]
            if len(c) == 1:
                values[c] = Interval(0.0, 0.0, 0.0)
                continue
            values[c] = Interval(
                sum(a.value for a in alone) - w.value,
                sum(a.low for a in alone) - w.high,
                sum(a.high for a in alone) - w.low,
            )
    else:
        metric = "demands"
        values = {c: o.worth["demands"] for c, o in ready.items()}
        nobody = found[frozenset()].worth.get("demands") if frozenset() in found else None
        base = 0.0 if nobody is None else nobody.value
        values = {c: Interval(w.value - base, w.low - base, w.high - base) for c, w in values.items()}
    worth = {c: w.value for c, w in values.items()} | {frozenset(): 0.0}
    split = nucleolus(names, worth)
    labels = {c: "|".join(sorted(c)) for c in worth}
    terms = exact_terms(names, lambda c: labels[c])
    intervals = {labels[c]: w for c, w in values.items()} | {"": Interval(0.0, 0.0, 0.0)}
    result |= {
        "metric": metric,
        "unit": METRICS[metric][0],
        "meaning": "saved over each alone" if same else "demands met beyond those that need no agency",
        "value": [{"members": sorted(c), "value": w.value, "low": w.low, "high": w.high} for c, w in values.items()],
        "shapley": {p: total(terms[p], intervals).value for p in names},
        "nucleolus": dict(split.shares),
        "stable": split.stable,
        "excess": split.excess,
        "tempted": [sorted(c) for c in split.tempted],
        "barter": None,
    }
    if same:
        grand = ready[everyone]
        members = {p: h.id for h in houses for p in h.members}
        spends = dict.fromkeys(names, 0.0)
        market = 0.0
        for partner, amount in grand.spent_eur.items():
            if partner in members:
                spends[members[partner]] += amount
            else:
                market += amount
        bears = {p: ready[frozenset({p})].worth["money"].value - split.shares[p] for p in names}
        result["barter"] = {
            p: {"spends": spends[p], "bears": bears[p], "pays": bears[p] - spends[p]} for p in names
        } | ({"market": {"spends": market, "bears": 0.0, "pays": -market}} if market else {})
    return result
