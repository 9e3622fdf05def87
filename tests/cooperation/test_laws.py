"""Every rule of the catalog bites on a case made for it, and lets go when one condition is taken out of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from moonvillage.catalog import Part, load_catalog
from moonvillage.cooperation import PREDICATES, Interaction, Rulebook, decide
from moonvillage.ephemeris.time import utc_to_tdb_s

BOOK = Rulebook.from_catalog(load_catalog())
D2033 = utc_to_tdb_s("2033-01-01")


def part(regime: str, control_class: str = "", share: float = 0.1, direct_product: bool = False) -> Part:
    return Part(origin="USA", regime=regime, control_class=control_class, share=share, direct_product=direct_product)


HOSTED = Interaction(
    "host_instrument",
    ("esa", "cnsa"),
    funders=("esa",),
    bill=(),
    destinations=("CHN",),
    venue_owner="cnsa",
    place="moon",
)
VISIT = Interaction(
    "host_visit",
    ("nasa", "cas"),
    funders=("cas",),
    bill=(),
    destinations=("USA",),
    venue_owner="nasa",
    place="earth",
    facts={"official_capacity": True, "chinese_nationals": True, "technology_flow": False},
)
SUPPLY = Interaction(
    "export_hardware",
    ("nasa", "esa"),
    funders=("nasa",),
    assets=("esm",),
    bill=(),
    destinations=("DEU",),
    place="earth",
    facts={"mtcr_category_1": False},
)
SAMPLES = Interaction(
    "receive_sample", ("cologne", "cnsa"), funders=("cologne",), assets=("ce5_samples",), stage="research"
)

#: rule, effect seen, an interaction on which it bites, a change that lets go of it
BITES: list[tuple[str, str, Interaction, dict[str, object]]] = [
    (
        "wolf_amendment",
        "bar",
        Interaction("co_author", ("brown", "cas"), funders=("nasa",)),
        {"funders": ("brown",)},
    ),
    (
        "wolf_amendment",
        "bar",
        Interaction("co_author", ("brown", "cas"), funders=("ostp",)),
        {"parties": ("brown", "cas", "osaka")},
    ),
    (
        "wolf_amendment",
        "bar",
        Interaction(
            "buy_service",
            ("nasa", "bit"),
            funders=("nasa",),
            bill=(),
            destinations=(),
            facts={"commercial": False, "technology_flow": False},
        ),
        {"facts": {"commercial": True, "technology_flow": False}},
    ),
    ("wolf_visitors", "bar", VISIT, {"facts": {**VISIT.facts, "official_capacity": False}}),
    ("wolf_visitors", "bar", VISIT, {"venue_owner": "spacex"}),
    ("nasa_access_2025", "bar", VISIT, {"facts": {**VISIT.facts, "chinese_nationals": False}}),
    ("itar_126_1", "bar", replace(HOSTED, bill=(part("ITAR", "USML XV", 0.001),)), {"bill": (part("EU-DU"),)}),
    (
        "itar_126_1",
        "bar",
        replace(HOSTED, bill=(part("ITAR"),), destinations=("FRA", "RUS"), venue_owner="esa"),
        {"destinations": ("FRA", "JPN")},
    ),
    ("ear_9x515_d5", "bar", replace(HOSTED, bill=(part("EAR", "9A515.a"),)), {"bill": (part("EAR", "9A004"),)}),
    ("ear_9x515y_china", "bar", replace(HOSTED, bill=(part("EAR", "9A515.y"),)), {"bill": ()}),
    (
        "ear_9x515y_china",
        "bar",
        replace(HOSTED, bill=(part("EAR", "9A515.y"),)),
        {"destinations": ("RUS",), "venue_owner": "esa"},
    ),
    (
        "ear_direct_product",
        "bar",
        replace(HOSTED, bill=(part("EU-DU", direct_product=True),)),
        {"bill": (part("EU-DU"),)},
    ),
    (
        "ear_technology_china",
        "bar",
        Interaction(
            "share_data",
            ("spacex", "cas"),
            funders=("cas",),
            data_class="detailed-design",
            facts={"technology_flow": True},
        ),
        {"data_class": "interface-safety"},
    ),
    (
        "ear_9x515_allies",
        "permit_if",
        replace(SUPPLY, bill=(part("EAR", "9A515.x"),)),
        {"facts": {**SUPPLY.facts, "licensed": True}},
    ),
    (
        "ear_9x515_allies",
        "permit_if",
        replace(SUPPLY, bill=(part("EAR", "9A515.x"),)),
        {"destinations": ("USA",)},
    ),
    ("itar_allies", "permit_if", replace(SUPPLY, bill=(part("ITAR"),)), {"destinations": ("USA",)}),
    (
        "ear_de_minimis_25",
        "permit_if",
        replace(HOSTED, bill=(part("EAR", "9A004", 0.15), part("EAR", "9A004", 0.11))),
        {"bill": (part("EAR", "9A004", 0.25),)},
    ),
    (
        "mtcr_category_1",
        "bar",
        replace(SUPPLY, facts={"mtcr_category_1": True}),
        {"facts": {"mtcr_category_1": False}},
    ),
    (
        "eu_russia_833_2014",
        "bar",
        replace(HOSTED, parties=("esa", "roscosmos"), destinations=("RUS",), venue_owner="roscosmos"),
        {"assets": ("iss",)},
    ),
    ("cnsa_sample_approval", "bar", SAMPLES, {"facts": {"request_approved": True}}),
    ("cnsa_sample_approval", "bar", SAMPLES, {"stage": "apply"}),
    (
        "ports_match",
        "bar",
        Interaction(
            "dock",
            ("roscosmos", "cnsa"),
            funders=("cnsa",),
            bill=(),
            destinations=(),
            place="moon",
            ports=(("ssvp",), ("cn-apas",)),
        ),
        {"ports": (("ssvp",), ("cn-apas", "ssvp"))},
    ),
    (
        "open_science",
        "permit",
        Interaction("co_author", ("esa", "cas"), funders=("esa",)),
        {"kind": "host_visit", "facts": {"technology_flow": False}},
    ),
    (
        "public_data",
        "permit",
        Interaction("share_data", ("cnsa", "isro"), funders=("isro",), data_class="public-science"),
        {"data_class": "detailed-design"},
    ),
    (
        "contract",
        "permit",
        Interaction(
            "buy_service", ("esa", "ispace"), funders=("esa",), bill=(), destinations=(), facts={"commercial": True}
        ),
        {"facts": {"commercial": False}},
    ),
    (
        "wolf_certification_ce5_apply",
        "permit",
        Interaction("receive_sample", ("brown", "cnsa"), funders=("nasa",), assets=("ce5_samples",), stage="apply"),
        {"assets": ("ce6_samples",)},
    ),
    (
        "wolf_certification_mars_orbits",
        "permit",
        Interaction(
            "share_data",
            ("nasa", "cnsa"),
            funders=("nasa",),
            place="mars",
            data_class="interface-safety",
            facts={"technology_flow": False},
        ),
        {"place": "moon"},
    ),
]


@pytest.mark.parametrize(
    ("rule", "effect", "interaction", "change"), BITES, ids=[f"{b[0]}-{i}" for i, b in enumerate(BITES)]
)
def test_bites_and_lets_go(rule: str, effect: str, interaction: Interaction, change: dict[str, object]) -> None:
    def seen(i: Interaction) -> set[tuple[str, str]]:
        return {(hit.id, hit.effect) for hit in decide(i, BOOK, D2033).rules}

    assert (rule, effect) in seen(interaction)
    assert not {pair for pair in seen(replace(interaction, **change)) if pair[0] == rule}  # type: ignore[arg-type]


def test_every_rule_and_every_predicate_is_exercised() -> None:
    assert {bite[0] for bite in BITES} == set(BOOK.laws)
    used = {condition.test for law in BOOK.laws.values() for condition in (*law.when, *law.unless)}
    assert used == set(PREDICATES)


@pytest.mark.parametrize("law", sorted(BOOK.laws))
def test_rules_hold_only_while_in_force(law: str) -> None:
    rule, _, interaction, _ = next(bite for bite in BITES if bite[0] == law)
    before = decide(interaction, BOOK, BOOK.laws[rule].valid_from_tdb_s - 1.0)
    assert rule not in {hit.id for hit in before.rules}
    ended = BOOK.with_law(replace(BOOK.laws[rule], valid_to_tdb_s=D2033))
    assert rule not in {hit.id for hit in decide(interaction, ended, D2033).rules}
