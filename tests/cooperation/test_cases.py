"""The cases with a known answer in the real world, from catalog data alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import CASES, Case

from moonvillage.catalog import load_catalog
from moonvillage.cooperation import Decision, Rulebook, decide
from moonvillage.ephemeris.time import utc_to_tdb_s

BOOK = Rulebook.from_catalog(load_catalog())


def answer(case: Case) -> Decision:
    return decide(case.interaction, BOOK, utc_to_tdb_s(case.date))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_answer_and_citations(case: Case) -> None:
    decision = answer(case)
    assert decision.answer == case.answer, (case.what, decision)
    cited = {(hit.id, hit.effect) for hit in decision.rules}
    assert set(case.rules) <= cited
    assert set(case.agreements) <= set(decision.agreements)
    for hit in decision.rules:
        assert hit.citation
    bars = {id_ for id_, effect in cited if effect == "bar"}
    assert bars == {id_ for id_, effect in case.rules if effect == "bar"}
    assert (case.answer == "barred") == bool(bars)
    assert decision.why


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_one_fact_less_is_unknown(case: Case) -> None:
    without = dict(case.without)
    date = None if "date" in without else utc_to_tdb_s(case.date)
    without.pop("date", None)
    decision = decide(replace(case.interaction, **without), BOOK, date)
    assert decision.answer == "unknown", decision
    assert decision.missing
    assert any("state the" in line for line in decision.would_change)


@pytest.mark.parametrize("case", [c for c in CASES if c.answer == "barred"], ids=lambda case: case.id)
def test_every_bar_says_what_would_change_it(case: Case) -> None:
    decision = answer(case)
    for id_, effect in case.rules:
        if effect == "bar":
            assert any(line.startswith(id_) for line in decision.would_change)
            assert any(need.rule == id_ and need.lead_s > 0 for need in decision.waivers)


def test_no_basis_names_the_agreement_to_conclude() -> None:
    case = next(c for c in CASES if c.id == "T18")
    decision = answer(case)
    assert [opening.agreement for opening in decision.openings] == ["esa_cmsa_flight"]
    assert not any(hit.effect == "bar" for hit in decision.rules)
