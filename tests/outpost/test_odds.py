"""Odds of many lives against a probability that is known in closed form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moonvillage.outpost import odds
from moonvillage.outpost.spares import sufficiency
from tests.outpost.world import DAY, START, base, modules, world


def test_odds_are_the_poisson_odds() -> None:
    """One lab, 2 failures a year, instant repairs, 3 spares, one year: the stock suffices with POS(2, 3)."""
    kinds = modules()
    kinds["lab"] = replace(kinds["lab"], repair_s=0.0, load_w=0.0, standby_w=0.0)
    outpost = base(modules={"lab": 1}, stocks_kg={"spares": 60.0})
    found = odds({"b": outpost}, [], START, START + 365 * DAY, world(module=kinds), runs=300, step_s=5 * DAY)
    known = sufficiency([2.0], [3])
    print(f"no shortfall in {found.mission:.3f} of {found.runs} runs; Poisson {known:.4f}")
    assert found.mission == pytest.approx(known, abs=4 * (known * (1 - known) / 300) ** 0.5)
    assert found.stockout["spares"] == pytest.approx(1.0 - found.mission)
    assert found.crew == 1.0
    assert found.first_shortfall is not None
    assert [n.commodity for n in found.needs] == ["spares"]


def test_odds_repeat() -> None:
    outpost = base(modules={"sun": 1, "lab": 3}, stocks_kg={"spares": 60.0})
    first, again = (odds({"b": outpost}, [], START, START + 90 * DAY, world(), runs=5, seed=7) for _ in range(2))
    assert first == again


def test_no_runs() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        odds({}, [], START, START + DAY, world(), runs=0)
