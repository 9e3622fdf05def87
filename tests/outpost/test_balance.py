"""Whatever stands, comes, fails and goes: matter and energy balance in every step, and no stock is negative."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage.errors import ConservationError
from moonvillage.outpost import live
from moonvillage.outpost.ledger import TOLERANCE
from moonvillage.outpost.matter import Step
from moonvillage.outpost.power import balance
from moonvillage.records.outpost import Handover
from tests.outpost.world import DAY, START, base, modules, shining, world

COMMODITIES = ("oxygen", "nitrogen", "water", "food", "spares", "samples")
MODULES = tuple(sorted(modules()))
_mass = st.floats(0.0, 3000.0, allow_subnormal=False).map(lambda x: round(x, 3))
_stocks = st.dictionaries(st.sampled_from(COMMODITIES), _mass, max_size=6)
_counts = st.dictionaries(st.sampled_from(MODULES), st.integers(0, 3), max_size=8)
_handover = st.builds(
    lambda day, stocks, gone, mods, crew: Handover(
        START + day * DAY, "ridge", f"f{day:.2f}", {**stocks, **{c: -v for c, v in gone.items()}}, mods, crew
    ),
    st.floats(0.0, 39.9),
    _stocks,
    st.dictionaries(st.sampled_from(COMMODITIES), _mass, max_size=2),
    st.dictionaries(st.sampled_from(MODULES), st.integers(-1, 2), max_size=3),
    st.integers(-4, 6),
)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    counts=_counts,
    stocks=_stocks,
    handovers=st.lists(_handover, max_size=6),
    light=st.floats(0.0, 1.0),
    failures=st.sampled_from(("none", "expected", "sampled")),
    step=st.sampled_from((DAY, DAY / 4, 3600.0 * 7)),
    eva=st.sampled_from((0.0, 16.0 / (7 * DAY))),
    orbit=st.booleans(),
    air=st.sampled_from(("kept", "falls")),
    crops=st.sampled_from((0.0, 0.6, 6.0)),
    cabin=st.sampled_from(((101_300.0, 0.21, 0.5), (70_300.0, 0.265, 0.3), (55_200.0, 0.34, 0.36))),
)
def test_everything_balances(counts, stocks, handovers, light, failures, step, eva, orbit, air, crops, cabin) -> None:
    outpost = base(
        modules=counts,
        stocks_kg=stocks,
        failures=failures,
        eva_per_crew=eva,
        reserve_s={"water": 20 * DAY, "oxygen": 10 * DAY},
        site="" if orbit else "ridge",
        orbit_sunlight=light,
        air=air,
        crop_food_kg_s=crops / DAY,
        crop_grown_s=20 * DAY,
        cabin_pa=cabin[0],
        oxygen_share=cabin[1],
        oxygen_limit=cabin[2],
        relief_pa=1.01 * cabin[0],
    )
    log = live(
        {"base": outpost}, handovers, START, START + 40 * DAY, world(), sun=shining(light), step_s=step, seed=1
    )
    assert {b.quantity for b in log.balances} == {"mass", "H", "C", "O", "N", "energy"}
    for found in log.balances:
        assert found.worst_relative < TOLERANCE
    numbers = log.days.select(pl.selectors.ends_with("_kg") | pl.selectors.ends_with("_j"))
    signed = {c for c in numbers.columns if c.endswith("_in_kg")}
    lowest = numbers.drop(signed).min().row(0)
    assert min(lowest) >= 0.0
    # no plant beats the floor of its product: every kilogram of oxygen made took its Gibbs energy
    if "oxygen_made_kg" in log.days.columns:
        least = log.days["oxygen_made_kg"] * 4.12 * 3.6e6
        assert (log.days["load_j"] >= least * (1.0 - 1e-9) - 1.0).all()
    # the commodities' own accounts, from the table alone
    for commodity in COMMODITIES:
        if f"{commodity}_kg" not in log.days.columns:
            continue
        flow = log.days.select(
            pl.col(f"{commodity}_in_kg")
            + pl.col(f"{commodity}_made_kg")
            - pl.col(f"{commodity}_used_kg")
            - pl.col(f"{commodity}_lost_kg")
        ).to_series()
        end = stocks.get(commodity, 0.0) + flow.sum()
        assert end == pytest.approx(log.days[f"{commodity}_kg"][-1], rel=1e-9, abs=1e-6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    light=st.lists(st.floats(0.0, 30_000.0), min_size=1, max_size=24),
    loads=st.lists(st.floats(0.0, 15_000.0), min_size=4, max_size=4),
    charge=st.floats(0.0, 1.0),
    capacity=st.floats(0.0, 1e9),
    efficiency=st.floats(0.3, 1.0),
    cycle=st.floats(1.0, 1.5),
    budget=st.one_of(st.none(), st.lists(st.floats(0.0, 1e9), min_size=4, max_size=4)),
)
def test_power_balances(light, loads, charge, capacity, efficiency, cycle, budget) -> None:
    before = charge * capacity
    step = balance(light, 3600.0, loads, budget, before, capacity, efficiency, cycle)
    into = step.generated_j + before
    out = sum(step.served_j) + step.losses_j + step.curtailed_j + step.stored_j
    assert out == pytest.approx(into, rel=1e-12, abs=1e-3)
    assert -1e-6 <= step.stored_j <= capacity * (1 + 1e-12)
    assert step.losses_j >= -1e-3
    for i in range(4):
        assert step.served_j[i] <= loads[i] * 3600.0 * len(light) * (1 + 1e-12)
        assert budget is None or step.served_j[i] <= budget[i] * (1 + 1e-12)


def test_a_defect_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The books are no tautology: matter smuggled into a state is found."""
    honest = Step.run

    def smuggle(self, *args):
        trial = honest(self, *args)
        trial.state.waste[1] += 1e-6
        return trial

    monkeypatch.setattr(Step, "run", smuggle)
    outpost = base(modules={"hab": 1, "sun": 1}, stocks_kg=dict.fromkeys(COMMODITIES, 1000.0))
    crew = [Handover(START, "ridge", "up", crew=2)]
    with pytest.raises(ConservationError, match="does not balance"):
        live({"base": outpost}, crew, START, START + DAY, world(), sun=shining())


def test_ten_years_in_time() -> None:
    """Three outposts, ten years of days: seconds of CPU (printed)."""
    import time

    stocks = {"oxygen": 500.0, "nitrogen": 500.0, "water": 4000.0, "food": 30_000.0, "spares": 5000.0}
    places = {
        name: base(
            id=name,
            place=name,
            site="" if name == "leo" else "ridge",
            modules={"hab": 1, "sun": 3, "cells": 2, "oga": 1, "sab": 1, "wrs": 1, "plant": 1, "mine": 1, "lab": 1},
            stocks_kg=stocks,
            failures="sampled",
        )
        for name in ("a", "b", "leo")
    }
    handovers = [Handover(START, name, "up", crew=4) for name in places]
    begin = time.process_time()
    log = live(places, handovers, START, START + 3653 * DAY, world(), sun=None)
    cpu = time.process_time() - begin
    worst = max(b.worst_relative for b in log.balances)
    print(f"3 outposts x 3653 d: {cpu:.2f} s of CPU; worst imbalance {worst:.1e}")
    assert log.days.height == 3 * 3653
    assert np.isfinite(log.days.select(pl.selectors.numeric()).to_numpy()).all()
    assert cpu < 12.0  # 1.3 s where no other process shares the core
