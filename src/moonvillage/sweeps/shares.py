"""Intervals and shares: what each of several players adds, with what is proven about it.

The Shapley share of a player is the mean of what it adds, over all orders in which the players may come (L. S.
Shapley, "A value for n-person games", 1953). It is linear in the worth of the coalitions, so that it is written here
as coefficients by *distinct solve*: coalitions that are the same question cancel exactly, and the interval that
remains comes only from the gaps of solves that differ.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

Coalition = frozenset[str]
#: solve → coefficient of its worth
Terms = dict[str, float]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with what is proven about it: the true one lies in [low, high]."""

    value: float
    low: float
    high: float

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.value - other.value, self.low - other.high, self.high - other.low)

    @property
    def within_gaps(self) -> bool:
        """Whether it cannot be told from zero."""
        return self.low <= 0.0 <= self.high and self.low < self.high


def total(terms: Terms, worth: Mapping[str, Interval]) -> Interval:
    """The interval of a linear combination of worths; coefficients below 1e-12 are nothing."""
    value = low = high = 0.0
    for key, factor in terms.items():
        if abs(factor) > 1e-12:
            w = worth[key]
            value += factor * w.value
            low += factor * (w.low if factor > 0.0 else w.high)
            high += factor * (w.high if factor > 0.0 else w.low)
    return Interval(value, low, high)


def difference(one: str, other: str) -> Terms:
    """The terms of worth(one) − worth(other): none where they are the same solve."""
    return {} if one == other else {one: 1.0, other: -1.0}


def subsets(players: Sequence[str]) -> Iterable[Coalition]:
    """All coalitions, the empty one first."""
    for size in range(len(players) + 1):
        for members in itertools.combinations(players, size):
            yield frozenset(members)


def exact_terms(players: Sequence[str], key: Callable[[Coalition], str]) -> dict[str, Terms]:
    """The Shapley share of each player as coefficients by solve, over all 2^n coalitions.

    Parameters
    ----------
    players
        Their ids.
    key
        Which solve a coalition is.
    """
    n = len(players)
    found: dict[str, Terms] = {}
    for player in players:
        others = [p for p in players if p != player]
        terms: Terms = {}
        for coalition in subsets(others):
            weight = math.factorial(len(coalition)) * math.factorial(n - len(coalition) - 1) / math.factorial(n)
            one, other = key(coalition | {player}), key(coalition)
            if one != other:
                terms[one] = terms.get(one, 0.0) + weight
                terms[other] = terms.get(other, 0.0) - weight
        found[player] = terms
    return found


def orders(players: Sequence[str], count: int, seed: int) -> list[tuple[str, ...]]:
    """Random orders of the players, each with its reverse (antithetic pairs); the same for the same seed."""
    draw = random.Random(seed)
    found: list[tuple[str, ...]] = []
    for _ in range((count + 1) // 2):
        order = list(players)
        draw.shuffle(order)
        found += [tuple(order), tuple(reversed(order))]
    return found


def sampled_terms(
    sampled: Sequence[tuple[str, ...]], key: Callable[[Coalition], str]
) -> dict[str, tuple[Terms, list[Terms]]]:
    """For each player the mean of what it adds in sampled orders, and the terms of each antithetic pair.

    The pairs are independent of each other, so the standard error of the mean is that of their means.
    """
    found: dict[str, tuple[Terms, list[Terms]]] = {}
    pairs = len(sampled) // 2
    for number, order in enumerate(sampled):
        so_far: Coalition = frozenset()
        before = key(so_far)
        for player in order:
            so_far |= {player}
            after = key(so_far)
            mean, each = found.setdefault(player, ({}, [{} for _ in range(pairs)]))
            if after != before:
                for terms, weight in ((mean, 1.0 / len(sampled)), (each[number // 2], 0.5)):
                    terms[after] = terms.get(after, 0.0) + weight
                    terms[before] = terms.get(before, 0.0) - weight
            before = after
    return found


def standard_error(pairs: Sequence[Terms], worth: Mapping[str, Interval]) -> float:
    """Standard error of the mean of independent pairs (0 where they are all alike; nan for one alone)."""
    values = [total(terms, worth).value for terms in pairs]
    if len(values) < 2:
        return math.nan
    mean = sum(values) / len(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values))
