"""Laws that every decision obeys, whatever the interaction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage.catalog import Condition, Law, Part, load_catalog
from moonvillage.cooperation import (
    FACTS,
    INTERACTION_KINDS,
    Interaction,
    Rulebook,
    decide,
    decide_mission,
    remedies,
)
from moonvillage.ephemeris.time import utc_to_tdb_s

BOOK = Rulebook.from_catalog(load_catalog())
DATES = [
    utc_to_tdb_s(d) for d in ("2010-06-01", "2012-01-01", "2023-10-15", "2023-12-15", "2025-06-01", "2033-01-01")
]
PARTNERS = (
    "nasa",
    "esa",
    "cnsa",
    "cmsa",
    "roscosmos",
    "jaxa",
    "suparco",
    "stony_brook",
    "cologne",
    "spacex",
    "unoosa",
)
PARTS = st.builds(
    Part,
    origin=st.sampled_from(("USA", "CHN", "FRA")),
    regime=st.sampled_from(("EAR", "ITAR", "EU-DU", "PRC")),
    control_class=st.sampled_from(("9A515.x", "9A515.y", "9A004", "")),
    share=st.sampled_from((0.0, 0.1, 0.5)),
    direct_product=st.booleans(),
)


def known() -> st.SearchStrategy[Interaction]:
    """Interactions with every fact stated."""
    return st.builds(
        Interaction,
        kind=st.sampled_from(sorted(INTERACTION_KINDS)),
        parties=st.lists(st.sampled_from(PARTNERS), min_size=1, max_size=4, unique=True).map(tuple),
        funders=st.lists(st.sampled_from(PARTNERS), min_size=1, max_size=2, unique=True).map(tuple),
        assets=st.sampled_from(((), ("iss",), ("gateway",), ("ce5_samples",), ("orion", "esm"), ("tianhe",))),
        bill=st.lists(PARTS, max_size=2).map(tuple),
        destinations=st.lists(st.sampled_from(("USA", "CHN", "FRA", "RUS")), max_size=2, unique=True).map(tuple),
        venue_owner=st.sampled_from(("", "nasa", "cnsa", "esa")),
        place=st.sampled_from(("earth", "leo", "moon", "mars")),
        data_class=st.sampled_from(("interface-safety", "detailed-design", "public-science")),
        stage=st.sampled_from(("apply", "research", "none")),
        ports=st.sampled_from(((), (("idss",), ("idss", "cn-apas")), (("idss",), ("cn-apas",)))),
        facts=st.fixed_dictionaries({name: st.booleans() for name in FACTS}),
    )


def blanks(interaction: Interaction) -> dict[str, Any]:
    """Every fact that can be taken away, with what stands for its absence."""
    return {
        "funders": None,
        "assets": None,
        "bill": None,
        "destinations": None,
        "venue_owner": None,
        "place": "",
        "data_class": None,
        "stage": None,
        "ports": None,
        "facts": {k: v for k, v in interaction.facts.items() if FACTS[k][1] is not None},
    }


@settings(max_examples=150, deadline=None, derandomize=True)
@given(known(), st.sampled_from(DATES))
def test_all_facts_stated_is_never_unknown(interaction: Interaction, date: float) -> None:
    decision = decide(interaction, BOOK, date)
    assert decision.answer != "unknown"
    assert not decision.missing
    assert decision.why
    if decision.answer == "barred":
        assert any(hit.effect == "bar" for hit in decision.rules)
    else:
        assert not any(hit.effect == "bar" for hit in decision.rules)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(known(), st.sampled_from(DATES), st.data())
def test_a_missing_fact_gives_the_same_answer_or_unknown(
    interaction: Interaction, date: float, data: st.DataObject
) -> None:
    taken = data.draw(st.lists(st.sampled_from(sorted(blanks(interaction))), min_size=1, max_size=3, unique=True))
    less = replace(interaction, **{name: blanks(interaction)[name] for name in taken})
    full, part = decide(interaction, BOOK, date), decide(less, BOOK, date)
    assert part.answer in (full.answer, "unknown")
    if part.answer == "unknown":
        assert part.missing


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    known(),
    st.sampled_from(DATES),
    st.sampled_from(
        (
            (),
            (Condition(test="party_of_state", of=("CHN",), not_=False),),
            (Condition(test="funded_by", of=("nasa",), not_=True),),
            (Condition(test="content", of=("EAR",), not_=False),),
        )
    ),
)
def test_a_bar_more_never_turns_no_into_yes(
    interaction: Interaction, date: float, when: tuple[Condition, ...]
) -> None:
    law = Law(
        id="extra",
        title="An extra bar",
        layer="policy",
        effect="bar",
        when=when,
        valid_from_tdb_s=-1e12,
        citation="a test",
    )
    before, after = decide(interaction, BOOK, date), decide(interaction, BOOK.with_law(law), date)
    if not before.permits:
        assert not after.permits
    if not when:
        assert after.answer == "barred"
    assert decide(interaction, BOOK.with_law(law).without("extra"), date) == before


@settings(max_examples=100, deadline=None, derandomize=True)
@given(known(), st.sampled_from(DATES), st.sampled_from(sorted(BOOK.agreements)))
def test_an_agreement_less_never_turns_no_into_yes(interaction: Interaction, date: float, gone: str) -> None:
    before, after = decide(interaction, BOOK, date), decide(interaction, BOOK.without(gone), date)
    if not before.permits:
        assert not after.permits


@settings(max_examples=100, deadline=None, derandomize=True)
@given(known(), st.sampled_from(DATES))
def test_remedies_work_and_are_smallest(interaction: Interaction, date: float) -> None:
    for remedy in remedies(interaction, BOOK, date):
        book = BOOK.with_status(remedy.agreement, "active") if remedy.agreement else BOOK
        assert decide(interaction, book, date, waived=remedy.waivers).permits
        for left in remedy.waivers:
            fewer = [w for w in remedy.waivers if w != left]
            assert not decide(interaction, book, date, waived=fewer).permits
        if remedy.agreement:
            assert not decide(interaction, BOOK, date, waived=remedy.waivers).permits


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(known(), max_size=3), st.sampled_from(DATES))
def test_a_mission_is_as_good_as_its_worst_part(interactions: list[Interaction], date: float) -> None:
    mission = decide_mission(interactions, BOOK, date)
    single = [decide(i, BOOK, date) for i in interactions]
    assert mission.permits == all(d.permits for d in single)
    assert mission.answer in {"allowed", *(d.answer for d in single)}
    assert all(hit in mission.rules for d in single for hit in d.rules)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(PARTNERS), st.sampled_from(sorted(set(INTERACTION_KINDS))), st.sampled_from(DATES))
def test_own_activity_needs_no_basis(partner: str, kind: str, date: float) -> None:
    """One partner with its own funds, content and place, at home: no agreement, and nothing bars it."""
    interaction = Interaction(
        kind,
        (partner,),
        funders=(partner,),
        bill=(),
        destinations=(),
        place="leo",
        data_class="operations",
        stage="none",
        ports=(),
        facts={name: name in ("licensed", "request_approved") for name in FACTS},
    )
    assert decide(interaction, BOOK, date).answer == "allowed"
