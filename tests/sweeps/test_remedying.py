"""The only lander is barred: the minimal waivers and agreements, each verified by solving again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from law import bar, firm, legs_for, pact, scenario, scenario_text

from moonvillage.pipeline.permissions import least_sets, obtainable, permissions
from moonvillage.scenario import Scenario, loads
from moonvillage.sweeps import Minimal, minimal_papers
from moonvillage.sweeps.drawing import minimal_lines, minimal_record
from moonvillage.units import DAY_S


def only(*parts: str, **more: Any) -> Scenario:
    """No way but the flights of both partners together."""
    return scenario(*parts, cargo=None, **more)


def found(s: Scenario, **more: Any) -> Minimal:
    return minimal_papers(s, legs_for(s), **more)


def names(answer: Minimal) -> list[tuple[str, ...]]:
    return [tuple(p.id for p in one.papers) for one in answer.sets]


def test_the_waiver_of_the_only_lander() -> None:
    answer = found(only(bar(), pact()))
    assert answer.status == "papers"
    assert answer.complete
    assert names(answer) == [("act",)]
    one = answer.sets[0]
    assert one.verified
    assert one.needed
    assert one.cost_eur == pytest.approx(7e6)
    assert one.lead_s == pytest.approx(45.0 * DAY_S)
    assert one.campaign.objective_value == pytest.approx(120.0)  # two flights; the paper is told apart
    first = one.campaign.table("flights")["departure_tdb_s"].min()
    assert first is not None


def test_two_bars_need_two_waivers() -> None:
    answer = found(only(bar("one"), bar("two", cost=3.0), pact()))
    assert names(answer) == [("one", "two")]
    assert answer.sets[0].needed
    assert answer.sets[0].cost_eur == pytest.approx(10e6)


def test_a_waiver_and_any_of_two_agreements_cheapest_first() -> None:
    s = only(bar(), pact("dear", "proposed", cost=30.0), pact("cheap", "suspended", cost=4.0))
    answer = found(s)
    assert names(answer) == [("act", "cheap"), ("act", "dear")]
    assert all(one.verified and one.needed for one in answer.sets)
    assert [one.cost_eur for one in answer.sets] == pytest.approx([11e6, 37e6])
    assert answer.complete
    assert not found(s, most=1).complete


def test_a_waiver_that_comes_too_late_is_none() -> None:
    answer = found(only(bar(lead="250 d"), pact(), by="2030-07-01"))
    assert answer.status == "none"
    assert "no set of known waivers" in answer.reasons[0]
    assert found(only(bar(lead="100 d"), pact(), by="2030-07-01")).status == "papers"


def test_what_no_paper_lifts_is_said_so() -> None:
    answer = found(only(firm(), pact()))
    assert answer.status == "none"
    assert "no waiver or agreement known" in answer.reasons[0]


def test_nothing_is_needed_where_there_is_a_plan() -> None:
    assert found(scenario(bar(), pact())).status == "planned"


def test_ways_of_a_mission_are_least() -> None:
    a, b, c = (frozenset(x) for x in ("a", "ab", "bc"))
    assert least_sets([b, a, c, a]) == (a, c)
    s = only(bar("one"), bar("two"), pact(status="proposed"))
    papers = obtainable(s, permissions(s))
    assert set(papers.ways("cheap", 0)) == {frozenset({"one", "two", "pact"})}
    assert papers.lead_s(frozenset({"one"})) == 45.0 * DAY_S


def test_the_answer_in_words_and_as_json() -> None:
    from rich.console import Console

    answer = found(only(bar(), pact()))
    told = json.loads(json.dumps(minimal_record(answer)))
    assert told["sets"][0]["papers"][0]["authority"] == "the ministry"
    assert told["sets"][0]["verified"]
    console = Console(width=150)
    with console.capture() as capture:
        console.print(minimal_lines(answer))
    assert "the ministry" in capture.get()
    assert "and not with less" in capture.get()


def test_an_american_part_on_the_only_lander_under_the_laws_of_the_catalog() -> None:
    """ESA's only lander has a part of ECCN 9A515.x and delivers to China's base: 15 CFR 734.4 bars it, and no
    agreement in force covers it. The licence (365 days) is needed, and one of the two agreements that are only
    proposed (730 and 900 days). Permissions are decided for the middle of every period, hence half a step."""
    text = scenario_text(cargo=None, by="2033-04-01").replace("end = 2030-10-28", "end = 2033-04-15")
    part = 'bill = [{ origin = "USA", regime = "EAR", control_class = "9A515.x", share = 0.02 }]'
    s = loads(text.replace("[craft.lander]\n", f"[craft.lander]\n{part}\n"))
    answer = found(s)
    assert set(names(answer)) == {("ear_9x515_d5", "ilrs_esa"), ("ear_9x515_d5", "moon_village_esa_cnsa")}
    assert [one.lead_s / DAY_S for one in answer.sets] == [900.0, 730.0]
    assert all(one.verified and one.needed for one in answer.sets)
    assert answer.complete
    for one in answer.sets:
        first = min(one.campaign.table("flights")["departure_tdb_s"].to_list())
        assert first >= s.header.start_tdb_s + one.lead_s - 0.5 * s.header.step_s
