"""Prices that can be worked out by hand; shares that add up; sweeps that go on after a break."""

from __future__ import annotations

import io
import itertools
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from law import SAVED_EUR, bar, firm, legs_for, pact, scenario, scenario_text

from moonvillage.errors import InputError, Interrupted
from moonvillage.scenario import Scenario, loads
from moonvillage.sweeps import price
from moonvillage.sweeps.coalitions import nucleolus
from moonvillage.sweeps.drawing import figure, lines
from moonvillage.sweeps.regimes import Regimes, key_of, laxer
from moonvillage.sweeps.shares import Interval, exact_terms, orders, sampled_terms, standard_error, subsets, total
from moonvillage.sweeps.solving import Question, Solver


def priced(s: Scenario, **more: Any) -> dict[str, Any]:
    return price(s, legs_for(s), **more)


def row(result: dict[str, Any], id_: str, metric: str = "money") -> dict[str, Any]:
    return next(r for r in result["items"] if r["id"] == id_ and r["metric"] == metric)


def test_one_bar_costs_what_the_dearer_launcher_costs() -> None:
    result = priced(scenario(bar(), pact()))
    found = row(result, "act")
    assert [found[n] for n in ("lifted_alone", "kept_alone", "shapley")] == pytest.approx([SAVED_EUR] * 3)
    assert found["standard_error"] == 0.0
    assert found["shapley_range"] == pytest.approx([SAVED_EUR, SAVED_EUR])
    assert row(result, "pact")["shapley"] == 0.0  # barred anyhow
    regimes = {name: r["worth"]["money"] for name, r in result["regimes"].items()}
    assert regimes == pytest.approx({"law": 300e6, "certified": 120e6, "full": 120e6, "alone": 300e6})


def test_two_bars_on_one_flight_show_nothing_alone_and_share_the_price() -> None:
    result = priced(scenario(bar("one"), bar("two"), pact()))
    for id_ in ("one", "two"):
        found = row(result, id_)
        assert found["lifted_alone"] == 0.0
        assert found["kept_alone"] == pytest.approx(SAVED_EUR)
        assert found["shapley"] == pytest.approx(SAVED_EUR / 2)


def test_an_agreement_saves_what_it_opens() -> None:
    result = priced(scenario(pact()))
    found = row(result, "pact")
    assert [found[n] for n in ("lifted_alone", "kept_alone", "shapley")] == pytest.approx([-SAVED_EUR] * 3)
    partners = {p: row(result, p, "demands")["shapley"] for p in ("esa", "cnsa")}
    assert partners == {"esa": 1.0, "cnsa": 0.0}


def test_a_rule_that_binds_nothing_costs_nothing_and_is_not_solved() -> None:
    russian = bar("other").replace('of = ["cnsa"]', 'of = ["esa"]').replace('effect = "bar"', 'effect = "permit_if"')
    with_it, without = priced(scenario(russian, bar(), pact())), priced(scenario(bar(), pact()))
    assert with_it["solves"]["distinct"] == without["solves"]["distinct"]
    found = row(with_it, "other")
    assert found["shapley"] == found["lifted_alone"] == found["kept_alone"] == 0.0
    assert "changes for no flight" in found["notes"][0]


def test_a_plan_that_does_less_is_not_called_cheaper() -> None:
    """Without the other flights the bar leaves no way at all: one demand is lost, and money is not compared."""
    result = priced(scenario(bar(), pact(), cargo=None))
    assert row(result, "act", "demands")["shapley"] == -1.0
    found = row(result, "act", "money")
    assert found["shapley"] is None
    assert "different demands" in found["notes"][0]
    assert result["regimes"]["law"]["unmet"] == ["goods"]
    assert result["regimes"]["full"]["unmet"] == []


def test_what_is_not_optimised_has_no_price() -> None:
    with pytest.raises(InputError, match="no price"):
        priced(scenario(bar(), pact(), objective="none"))


def test_a_sweep_goes_on_after_a_break(tmp_path: Path) -> None:
    s = scenario(bar("one"), bar("two"), pact())
    asked = itertools.count()
    with pytest.raises(Interrupted):
        priced(s, folder=tmp_path, workers=1, cancelled=lambda: next(asked) > 3)
    whole = priced(s, folder=tmp_path, workers=1)
    assert not list(tmp_path.rglob(".*"))
    again = priced(s, folder=tmp_path, workers=1)
    assert again["solves"]["solved_now"] == 0
    assert whole["items"] == again["items"]
    fresh = priced(s)
    assert fresh["items"] == whole["items"]
    assert (tmp_path / "price.json").exists()


def test_flags_of_fewer_rules_allow_more() -> None:
    regimes = Regimes(scenario(bar("one"), firm("two"), pact()))
    restrictions = regimes.games()[0]
    names = [p.id for p in restrictions.players]
    assert set(names) == {"one", "two"}
    for kept in subsets(names):
        for more in subsets(names):
            if kept <= more:
                assert laxer(restrictions.flags(kept), restrictions.flags(more))
    assert key_of(restrictions.flags(frozenset({"one"}))) == key_of(restrictions.flags(frozenset({"two"})))


def test_a_stricter_regime_lends_its_plan_and_its_bound() -> None:
    s = scenario(bar(), pact())
    solver = Solver(Question.of(s, legs_for(s)))
    regimes = Regimes(s)
    law, full = (solver.key(regimes.named()[n]) for n in ("law", "full"))
    solver.solve()
    told = solver.outcomes[full]
    spoiled = type(told)(
        told.key,
        "feasible",
        told.unmet,
        told.fewest,
        {**told.worth, "money": Interval(9e8, 1.1e8, 9e8)},
        told.summary,
    )
    solver.outcomes[full] = spoiled
    mended = solver.consistent()
    assert mended[full].worth["money"] == Interval(3e8, 1.1e8, 3e8)
    assert mended[law].worth["money"].low == pytest.approx(3e8)


# Shares ----------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.integers(-50, 50), min_size=8, max_size=8))
def test_shares_add_up_and_sampling_comes_to_the_same(values: list[int]) -> None:
    players = ["a", "b", "c"]
    worth = {
        ",".join(sorted(c)): Interval(v, v - 1.0, v + 1.0)
        for c, v in zip(subsets(players), map(float, values), strict=True)
    }
    key = lambda c: ",".join(sorted(c))  # noqa: E731
    exact = {p: total(t, worth) for p, t in exact_terms(players, key).items()}
    assert sum(w.value for w in exact.values()) == pytest.approx(values[-1] - values[0])
    every = [order for o in itertools.permutations(players) for order in (o, o[::-1])]
    sampled = {p: total(mean, worth) for p, (mean, _) in sampled_terms(every, key).items()}
    for p in players:
        assert sampled[p].value == pytest.approx(exact[p].value)
        assert exact[p].low <= exact[p].value <= exact[p].high


def test_sampled_shares_lie_within_their_errors() -> None:
    players = [f"p{i}" for i in range(9)]
    size = {p: 2.0**i for i, p in enumerate(players)}
    worth: dict[str, Interval] = {}

    def key(c: frozenset[str]) -> str:
        name = ",".join(sorted(c))
        value = math.sqrt(sum(size[p] for p in c))
        worth[name] = Interval(value, value, value)
        return name

    exact = exact_terms(players, key)
    drawn = sampled_terms(orders(players, 200, 7), key)
    for p, (mean, pairs) in drawn.items():
        error = standard_error(pairs, worth)
        assert 0.0 < error < 1.0
        assert abs(total(mean, worth).value - total(exact[p], worth).value) < 4.5 * error
    assert orders(players, 10, 3) == orders(players, 10, 3)


# Coalitions ------------------------------------------------------------------------------------------------


def worths(**given: float) -> dict[frozenset[str], float]:
    return {frozenset(name): value for name, value in given.items()}


def test_nucleolus_of_games_with_known_answers() -> None:
    # gloves: one left, two rights; the left glove takes all
    gloves = worths(a=0, b=0, c=0, ab=1, ac=1, bc=0, abc=1)
    split = nucleolus(["a", "b", "c"], gloves)
    assert [split.shares[p] for p in "abc"] == pytest.approx([1.0, 0.0, 0.0], abs=1e-7)
    assert split.stable
    # majority: every pair can do it all, so no split is stable
    majority = worths(a=0, b=0, c=0, ab=1, ac=1, bc=1, abc=1)
    split = nucleolus(["a", "b", "c"], majority)
    assert [split.shares[p] for p in "abc"] == pytest.approx([1 / 3] * 3)
    assert not split.stable
    assert split.excess == pytest.approx(1 / 3)
    assert len(split.tempted) == 3
    # bankruptcy of 200 with claims of 100, 200, 300 (Aumann and Maschler 1985, the Talmud's figures): 50, 75, 75
    claims = {"a": 100.0, "b": 200.0, "c": 300.0}
    estate = {c: max(0.0, 200.0 - sum(v for p, v in claims.items() if p not in c)) for c in subsets("abc") if c}
    split = nucleolus(["a", "b", "c"], estate)
    assert [split.shares[p] for p in "abc"] == pytest.approx([50.0, 75.0, 75.0])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.floats(0.0, 100.0), min_size=7, max_size=7))
def test_a_split_gives_away_all_and_its_excess_is_what_coalitions_want(values: list[float]) -> None:
    worth = {c: v for c, v in zip((c for c in subsets("abc") if c), values, strict=True)}
    split = nucleolus(["a", "b", "c"], worth)
    assert sum(split.shares.values()) == pytest.approx(values[-1], abs=1e-6)
    most = max(v - sum(split.shares[p] for p in c) for c, v in worth.items() if len(c) < 3)
    assert most == pytest.approx(split.excess, abs=1e-4)


def test_the_table_and_the_figure_say_the_same() -> None:
    from rich.console import Console

    result = priced(scenario(bar("one"), bar("two"), pact()))
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(lines(result))
    told = console.export_text()
    assert "+90.0 MEUR" in told
    assert "as the law stands" in told
    svg = figure(result)
    assert svg.startswith("<svg")
    assert "one" in svg
    assert "lifted alone" in svg


def test_two_processes_give_what_one_gives(tmp_path: Path) -> None:
    s = loads(scenario_text(bar("one"), bar("two"), pact()))
    assert priced(s, folder=tmp_path, workers=2)["items"] == priced(s)["items"]
