"""Waivers and agreements as decisions: golden models that can be done by hand."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tiny import CARGO_MEUR, legs_for, tiny

from moonvillage.campaign import Paper, Papers, plan
from moonvillage.records.campaign import Campaign
from moonvillage.scenario import Scenario
from moonvillage.units import DAY_S

GOODS = '[demands.goods]\ncommodity = "goods"\namount = "600 kg"\nat = "base"\nby = {by}\n'


def paper(id_: str, cost_meur: float, lead_d: float = 0.0) -> Paper:
    return Paper(id_, "waiver", id_, "the ministry", lead_d * DAY_S, cost_meur * 1e6)


def with_ways(s: Scenario, ways: tuple[frozenset[str], ...], *papers: Paper) -> Campaign:
    """The cargo flights are barred in all periods; ``ways`` free them."""
    barred: Mapping[str, tuple[bool, ...]] = {"cargo": (False,) * s.periods}
    known = Papers({p.id: p for p in papers}, {"cargo": (ways,) * s.periods})
    return plan(s, legs_for(s), {}, permissions=barred, papers=known)


def test_the_cheapest_way_is_taken() -> None:
    """One flight: with the dear waiver alone (20), or with two cheap papers together (5 + 6): the two are taken."""
    s = tiny(GOODS.format(by="2030-10-01"))
    ways = (frozenset({"dear"}), frozenset({"this", "that"}))
    campaign = with_ways(s, ways, paper("dear", 20.0), paper("this", 5.0), paper("that", 6.0))
    assert campaign.status == "optimal"
    assert campaign.papers == ("that", "this")
    assert campaign.objective_value == pytest.approx(CARGO_MEUR + 11.0)


def test_a_paper_costs_once_and_two_flights_share_it() -> None:
    s = tiny('[demands.goods]\ncommodity = "goods"\namount = "1 t"\nat = "base"\nby = 2030-10-01\n')
    campaign = with_ways(s, (frozenset({"one"}),), paper("one", 9.0))
    assert campaign.objective_value == pytest.approx(2 * CARGO_MEUR + 9.0)


def test_a_paper_takes_its_time() -> None:
    """By day 135 with 100 days of lead: the flight departs after them. By day 90 it cannot."""
    late = with_ways(s := tiny(GOODS.format(by="2030-05-20")), (frozenset({"slow"}),), paper("slow", 1.0, 100.0))
    assert late.status == "optimal"
    departure = late.table("flights")["departure_tdb_s"].to_list()[0]
    assert departure >= s.header.start_tdb_s + 100.0 * DAY_S
    early = with_ways(tiny(GOODS.format(by="2030-04-01")), (frozenset({"slow"}),), paper("slow", 1.0, 100.0))
    assert early.status == "infeasible"


def test_the_quick_paper_is_taken_where_the_slow_one_is_too_late() -> None:
    ways = (frozenset({"slow"}), frozenset({"quick"}))
    papers = (paper("slow", 1.0, 100.0), paper("quick", 30.0, 10.0))
    assert with_ways(tiny(GOODS.format(by="2030-10-01")), ways, *papers).papers == ("slow",)
    assert with_ways(tiny(GOODS.format(by="2030-04-01")), ways, *papers).papers == ("quick",)


@pytest.mark.parametrize("objective", ["launch_mass", "earliest"])
def test_papers_that_are_not_needed_are_not_taken(objective: str) -> None:
    s = tiny(GOODS.format(by="2030-10-01"), objective=objective, header='earliest = "goods"')
    ways = (frozenset({"one"}), frozenset({"two"}))
    campaign = with_ways(s, ways, paper("one", 9.0), paper("two", 9.0))
    assert campaign.status == "optimal"
    assert len(campaign.papers) == 1


def test_a_plan_without_papers_names_none() -> None:
    s = tiny(GOODS.format(by="2030-10-01"))
    assert plan(s, legs_for(s), {}).papers == ()
    assert with_ways(s, ()).status == "infeasible"
