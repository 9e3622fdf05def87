"""Probability of sufficiency, and the lightest manifest against brute force."""

from __future__ import annotations

from itertools import product

import pytest

from moonvillage.outpost.spares import lightest, module_spares, sufficiency
from tests.outpost.world import DAY, modules


@pytest.mark.parametrize(("spares", "known"), [(0, 0.3679), (1, 0.7358), (2, 0.9197), (3, 0.9810), (4, 0.9963)])
def test_one_expected_failure(spares: int, known: float) -> None:
    """Poisson distribution function at mean one (any table of it)."""
    assert round(sufficiency([1.0], [spares]), 4) == known


def test_kinds_multiply() -> None:
    assert sufficiency([1.0, 1.0], [2, 3]) == pytest.approx(0.919699 * 0.981012, rel=1e-5)
    assert sufficiency([0.0, 1.0], [0, 0]) == pytest.approx(0.367879, rel=1e-5)


@pytest.mark.parametrize("target", [0.5, 0.9, 0.97, 0.995])
def test_lightest_is_brute_forces(target: float) -> None:
    expected = {"a": 0.7, "b": 1.9, "c": 0.2}
    mass = {"a": 30.0, "b": 7.0, "c": 55.0}
    found = lightest(expected, mass, target)
    best = min(
        sum(m * k for m, k in zip(mass.values(), counts, strict=True))
        for counts in product(range(10), repeat=3)
        if sufficiency(list(expected.values()), counts) >= target
    )
    assert found.sufficiency >= target
    assert found.mass_kg == pytest.approx(best)


def test_common_parts_need_fewer() -> None:
    """Ten places for one part, each failing once in 5 intervals: shared spares against ten separate stores."""
    separate = lightest({f"p{i}": 0.2 for i in range(10)}, {f"p{i}": 1.0 for i in range(10)}, 0.95)
    shared = lightest({"p": 2.0}, {"p": 1.0}, 0.95)
    assert shared.mass_kg < 0.67 * separate.mass_kg


def test_modules() -> None:
    found = module_spares({"lab": 2, "sun": 3}, modules(), 180 * DAY, 0.95)
    assert set(found.spares) == {"lab"}
    assert found.mass_kg == found.spares["lab"] * 20.0


def test_no_certainty() -> None:
    with pytest.raises(ValueError, match="not a probability"):
        lightest({"a": 1.0}, {"a": 1.0}, 1.0)
