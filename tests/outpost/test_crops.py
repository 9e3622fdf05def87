"""Crop oxygen, venting, nitrogen, death: the chain of causes of the Mars One analysis, from a scenario file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from moonvillage.outpost import live
from moonvillage.records.outpost import Handover
from moonvillage.scenario import load
from tests.outpost.world import START, base, module, modules, shining, world

DAY = 86400.0
FILE = Path(__file__).parent / "scenarios" / "crops.toml"


def lived(**changes):
    scenario = load(FILE)
    outpost = replace(scenario.outposts["base"], **changes)
    start = scenario.header.start_tdb_s
    crew = [Handover(start, "base", "arrival", crew=4)]
    log = live({"base": outpost}, crew, start, scenario.header.end_tdb_s, scenario, sun=shining(), step_s=DAY / 4)
    return log, start


def first(log, start, kind, subject):
    found = log.events.filter(kind=kind, subject=subject)
    return (found["epoch_tdb_s"].min() - start) / DAY if found.height else float("inf")


def test_the_chain_of_causes() -> None:
    log, start = lived()
    vent = first(log, start, "vent", "cabin")
    nitrogen = first(log, start, "shortfall", "nitrogen")
    pressure = first(log, start, "pressure", "cabin")
    thin = first(log, start, "health", "oxygen")
    death = first(log, start, "death", "oxygen")
    print(
        f"vents from day {vent:.1f}, nitrogen gone day {nitrogen:.1f}, pressure low day {pressure:.1f}, "
        f"oxygen thin day {thin:.1f}, death day {death:.1f} (HabNet: near day 68)"
    )
    assert vent < nitrogen < pressure < thin < death < 200.0
    share = log.days["cabin_oxygen_kg"] / 31.998
    total = share + log.days["cabin_nitrogen_kg"] / 28.014 + log.days["cabin_carbon_dioxide_kg"] / 44.009
    assert (share / total).max() > 0.29
    assert log.days["food_made_kg"].sum() > 0.0
    assert max(b.worst_relative for b in log.balances) < 1e-9


@pytest.mark.parametrize(
    "changes",
    [{"crop_food_kg_s": 0.0}, {"oxygen_limit": 0.5}],
    ids=["without crops", "without the vent for oxygen"],
)
def test_without_a_link_the_chain_breaks(changes) -> None:
    log, start = lived(**changes)
    nitrogen = first(log, start, "shortfall", "nitrogen")
    whole, _ = lived()
    print(f"nitrogen lasts until day {nitrogen:.1f}")
    assert nitrogen > first(whole, start, "shortfall", "nitrogen")


def test_more_nitrogen_puts_it_off() -> None:
    stocks = dict(load(FILE).outposts["base"].stocks_kg)
    less, start = lived()
    more, _ = lived(stocks_kg={**stocks, "nitrogen": 4 * stocks["nitrogen"]})
    assert first(more, start, "death", "oxygen") > first(less, start, "death", "oxygen") + 20.0


def test_relief_holds_the_pressure() -> None:
    """People, carbon dioxide, oxygen from stock and no air cleaning: the cabin rises to its relief and no further."""
    box = module("box", "laboratory", volume_m3=40.0)
    outpost = base(
        modules={"box": 1}, stocks_kg={"oxygen": 200.0, "water": 500.0, "food": 100.0}, relief_pa=103_000.0
    )
    crew = [Handover(START, "ridge", "up", crew=2)]
    catalog = world(module={**modules(), "box": box})
    log = live({"b": outpost}, crew, START, START + 20 * DAY, catalog, sun=shining(), step_s=3600.0)
    masses = {"oxygen": 31.998, "nitrogen": 28.014, "carbon_dioxide": 44.009, "water": 18.015}
    kmol = sum(log.days[f"cabin_{name}_kg"] / m for name, m in masses.items())
    pressure = kmol * 8314.462618 * 295.0 / 40.0
    assert pressure.max() == pytest.approx(103_000.0, rel=1e-9)
    assert log.days["cabin_vented_kg"].sum() > 0.0
    assert log.events.filter(kind="vent", subject="cabin").height >= 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rating_pa": 60_000.0}, "cabin pressure of 70.3 kPa is above the rating"),
        ({"rating_pa": 80_000.0, "relief_pa": 90_000.0}, "relief pressure of 90.0 kPa is above the rating"),
        ({"relief_pa": 60_000.0}, "the relief opens at 60.0 kPa, below"),
        ({"oxygen_limit": 0.26}, "oxygen is vented above 26% but kept at 26%"),
    ],
)
def test_impossible_cabins(changes, said) -> None:
    with pytest.raises(ValueError, match=said):
        lived(**changes)
