"""How many spares: the probability that they suffice, and the lightest manifest that reaches a target.

With failures of each kind a Poisson process of its own, the probability of sufficiency is
``POS = Π_i Σ_{k ≤ s_i} e^{-λ_i t} (λ_i t)^k / k!`` (Barlow & Proschan 1965, Mathematical Theory of Reliability, on
spare-part kits). The lightest manifest is a knapsack over the logarithms of its factors, solved exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p
from typing import Final

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from moonvillage.catalog.model import Module

_TAIL: Final = 1e-13


def sufficiency(expected: Sequence[float], spares: Sequence[int]) -> float:
    """Probability that the spares of every kind suffice.

    Parameters
    ----------
    expected
        Mean number of failures λt of each kind over the time without resupply.
    spares
        Spares carried of each kind, same length.
    """
    total = 0.0
    for mean, count in zip(expected, spares, strict=True):
        total += _log_factor(mean, count)
    return exp(total)


def _log_factor(mean: float, count: int) -> float:
    """ln of the Poisson distribution function; -inf for a negative count."""
    if mean < 0.0:
        raise ValueError(f"the mean number of failures is {mean}; it cannot be negative")
    if count < 0:
        return -inf
    if mean == 0.0:
        return 0.0
    # sum the smaller side, so that neither 1 - tail nor a tiny value loses its digits
    term = exp(-mean)
    if term == 0.0:
        raise ValueError(f"a mean of {mean:.0f} failures is beyond this sum; split the time")
    below = term
    for k in range(1, count + 1):
        term *= mean / k
        below += term
    if below < 0.5:
        return log(below)
    tail, k = 0.0, count
    while term > 1e-18 * max(tail, 1e-300) and term > 0.0:
        k += 1
        term *= mean / k
        tail += term
    return log1p(-min(tail, 1.0 - 1e-16))


@dataclass(frozen=True, slots=True)
class Manifest:
    """Spares by kind, their mass and the probability that they suffice."""

    spares: Mapping[str, int]
    mass_kg: float
    sufficiency: float


def lightest(expected: Mapping[str, float], unit_kg: Mapping[str, float], target: float) -> Manifest:
    """The lightest spares whose probability of sufficiency reaches ``target``: a proven optimum (HiGHS).

    Parameters
    ----------
    expected
        Mean number of failures of each kind over the time without resupply.
    unit_kg
        Mass of one spare of each kind, kg, ≥ 0.
    target
        Wanted probability, below one.

    Raises
    ------
    ValueError
        If the target is not a probability below one.
    """
    if not 0.0 < target < 1.0:
        raise ValueError(f"the target {target} is not a probability between 0 and 1; give one such as 0.95")
    kinds = [kind for kind in sorted(expected) if expected[kind] > 0.0]
    if not kinds:
        return Manifest({}, 0.0, 1.0)
    columns: list[tuple[int, int, float]] = []  # kind, count, ln factor
    floor = log(target)
    for index, kind in enumerate(kinds):
        count = 0
        while True:
            value = _log_factor(expected[kind], count)
            if value >= floor:  # fewer can never do
                columns.append((index, count, value))
            if value > max(floor * 1e-6, -1e-9) or 1.0 - exp(value) < _TAIL:
                break
            count += 1
    cost = np.array([unit_kg[kinds[i]] * count + 1e-9 * count for i, count, _ in columns])
    choose = np.zeros((len(kinds), len(columns)))
    for column, (i, _, _) in enumerate(columns):
        choose[i, column] = 1.0
    logs = np.array([v for _, _, v in columns])
    solved = milp(
        cost,
        integrality=np.ones(len(columns), dtype=np.int64),
        bounds=Bounds(0.0, 1.0),
        constraints=[LinearConstraint(choose, 1.0, 1.0), LinearConstraint(logs[None, :] / -floor, -1.0, inf)],
        options={"mip_rel_gap": 0.0},
    )
    if solved.x is None:
        raise ValueError(f"no manifest reaches {target}: {solved.message}")
    spares = {kinds[i]: count for (i, count, _), on in zip(columns, solved.x, strict=True) if on > 0.5}
    mass = sum(unit_kg[kind] * count for kind, count in spares.items())
    return Manifest(spares, mass, sufficiency([expected[k] for k in kinds], [spares[k] for k in kinds]))


def module_spares(
    counts: Mapping[str, int], modules: Mapping[str, Module], duration_s: float, target: float
) -> Manifest:
    """The lightest repair kits (``spare_kg`` each) for the modules of a place over a time without resupply."""
    expected = {m: n * modules[m].failure_per_s * duration_s for m, n in counts.items()}
    return lightest(expected, {m: modules[m].spare_kg for m in counts}, target)
