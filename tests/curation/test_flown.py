"""A plan's flights that bring samples home, in the ledger: real dates, four uses, decisions, loans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from moonvillage.curation import Ledger, from_run
from moonvillage.curation.flown import SHARES
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.errors import InputError
from moonvillage.records.campaign import TABLES, Campaign
from moonvillage.records.flights import FLOWN, FLOWN_BURNS, SAMPLES, Flights
from moonvillage.scenario import Scenario, loads
from moonvillage.scenario.examples import example_text

ASCENT, HOME = utc_to_tdb_s("2030-05-12T10:00"), utc_to_tdb_s("2030-05-24T18:00")
DAY_S = 86400.0


def rows(schema: Any, *given: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in given], schema=dict(schema))


def campaign(scenario: Scenario, *missions: str) -> Campaign:
    flights, legs, manifest = [], [], []
    for number, mission in enumerate(missions):
        flight, shift = f"{mission}-2030-05-{number + 1}", 30.0 * DAY_S * number
        surface = "procellarum" if mission == "near" else "apollo"
        flights.append({"flight": flight, "mission": mission})
        for step, (origin, when) in enumerate(
            (("leo", ASCENT - 8 * DAY_S), (surface, ASCENT), ("llo", HOME - 4 * DAY_S))
        ):
            legs.append({"flight": flight, "step": step, "origin": origin, "departure_tdb_s": when + shift})
        mass = scenario.missions[mission].samples_kg
        # a robot's manifest may leave the place open: the mission's steps say it
        home = {"origin": surface if mission == "far" else "", "destination": "earth", "epoch_tdb_s": HOME + shift}
        manifest.append({"flight": flight, "cargo": "samples", "kind": "samples", "mass_kg": mass, **home})
        manifest.append({"flight": flight, "cargo": "water", "kind": "commodity", "mass_kg": 7.0, **home})
    given = {"flights": flights, "legs": legs, "manifest": manifest}
    return Campaign("optimal", tables={name: rows(TABLES[name], *found) for name, found in given.items()})


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    # with an agreement, as the flagship scenario has it
    text = example_text("sample-return") + CHARTER
    return loads(text)


CHARTER = """
[agreements.charter]
title = "A charter (assumed)"
parties = ["esa", "cnsa"]
scope = ["receive_sample", "track"]
multilateral = true
history = [{ status = "active", since = 2029-01-01 }]
citation = "assumption of this test"
confidence = "low"
"""


def test_each_flight_becomes_samples_uses_and_loans(scenario: Scenario, tmp_path: Path) -> None:
    with from_run(campaign(scenario, "near", "far"), scenario, tmp_path / "a") as ledger:
        assert ledger.balances()["held"] == 17_000_000 + 19_000_000
        near = ledger.sample("near-2030-05-1")
        assert near.collected_tdb_s == ASCENT
        assert near.origin == "Oceanus Procellarum"
        received = next(e for e in ledger.history(near.id) if e.kind == "receive")
        assert received.date_tdb_s == HOME
        for use, share in SHARES.items():
            held = [h.mass_tenth_mg for h in ledger.holdings() if h.key == use]
            assert held == [36_000_000 * share // 1000]
        [request] = ledger.requests()
        assert (request.applicant, request.owner, request.status) == ("open_university", "cnsa", "lent")
        assert request.agreements
        [loan] = ledger.loans()
        assert (loan.lent_tenth_mg, loan.borrower) == (600, "open_university")
        assert ledger.verify().sound


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ('"open_university"]', '"mit"]', "no_basis"),  # nothing is agreed with it
        ("request_approved = true", "request_approved = false", "barred"),  # CNSA has to approve each request
        ('stage = "research", facts', 'funders = ["nasa"], stage = "research", facts', "barred"),  # Wolf, with mit
    ],
)
def test_the_rules_decide(tmp_path: Path, old: str, new: str, answer: str) -> None:
    text = example_text("sample-return")
    assert old in text
    changed = text.replace(old, new)
    if "nasa" in new:
        changed = changed.replace('"open_university"]', '"mit"]')
    scenario = loads(changed)
    with from_run(campaign(scenario, "near"), scenario, tmp_path / "a") as ledger:
        [request] = ledger.requests()
        assert (request.answer, request.status) == (answer, "refused")
        assert request.would_change
        assert ("nasa" in new) == any(line.startswith("wolf_amendment: bar") for line in request.rules)
        assert not ledger.loans()


def test_twice_is_once_and_equal(scenario: Scenario, tmp_path: Path) -> None:
    plan = campaign(scenario, "near", "far")
    with from_run(plan, scenario, tmp_path / "a") as ledger:
        head = ledger.head
    with from_run(plan, scenario, tmp_path / "a") as again, from_run(plan, scenario, tmp_path / "b") as other:
        assert again.head == head == other.head
    with pytest.raises(InputError, match="another operation"):
        from_run(shifted(plan), scenario, tmp_path / "a")


def shifted(plan: Campaign) -> Campaign:
    later = {name: t.with_columns(pl.col("^.*_tdb_s$") + DAY_S) for name, t in plan.tables.items()}
    return Campaign("optimal", tables=later)


def test_flown_dates_stand_for_planned_ones(scenario: Scenario, tmp_path: Path) -> None:
    plan = campaign(scenario, "near")
    legs = plan.table("legs")
    flown = legs.select(
        "flight",
        "step",
        "origin",
        (pl.col("departure_tdb_s") + 100.0).alias("departure_tdb_s"),
        (pl.col("departure_tdb_s") + 4 * DAY_S + 200.0).alias("arrival_tdb_s"),
        pl.lit(True).alias("converged"),
    )
    full = rows(FLOWN, *flown.iter_rows(named=True))
    flights = Flights(full, pl.DataFrame(schema=dict(SAMPLES)), pl.DataFrame(schema=dict(FLOWN_BURNS)))
    with from_run(plan, scenario, tmp_path / "a", flights) as ledger:
        assert ledger.sample("near-2030-05-1").collected_tdb_s == ASCENT + 100.0
        assert [e.date_tdb_s for e in ledger.entries() if e.kind == "receive"] == [HOME + 200.0]


def test_a_plan_without_samples_is_an_empty_ledger(scenario: Scenario, tmp_path: Path) -> None:
    with from_run(Campaign("optimal"), scenario, tmp_path / "a") as ledger:
        assert isinstance(ledger, Ledger)
        assert ledger.samples() == []
        assert ledger.verify().sound
