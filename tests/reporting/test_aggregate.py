"""Sums in the report are the sums of the records."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from moonvillage.records.campaign import TABLES, Campaign
from moonvillage.reporting import aggregate
from moonvillage.reporting.bundle import Bundle
from tests.reporting import factory


def test_costs_add_up(run: Bundle) -> None:
    flights = run.campaign.table("flights")
    rows = aggregate.costs(run)
    assert sum(row["cost_eur"] for row in rows) == pytest.approx(flights["cost_eur"].sum())
    assert sum(row["flights"] for row in rows) == len(flights)
    assert sum(s.cost_eur for s in aggregate.shares(run)) == pytest.approx(flights["cost_eur"].sum())


def test_every_flight_launch_and_seat_has_its_partner(run: Bundle) -> None:
    shares = {s.partner: s for s in aggregate.shares(run)}
    flights, launches = run.campaign.table("flights"), run.campaign.table("launches")
    assert sum(s.flights for s in shares.values()) == len(flights)
    assert sum(s.launches for s in shares.values()) == len(launches)
    crewed = len(flights.filter(pl.col("mission") == "crew"))
    assert (shares["nasa"].seats, shares["esa"].seats, shares["acme"].seats) == (2 * crewed, crewed, crewed)
    assert sum(s.to_orbit_kg for s in shares.values()) == pytest.approx(flights["mass_to_orbit_kg"].sum())


def test_mass_flow_is_the_manifest(run: Bundle) -> None:
    flows = aggregate.mass_flow(run)
    assert sum(kg for *_, kg in flows) == pytest.approx(run.campaign.table("manifest")["mass_kg"].sum())
    kinds = {kind for _, _, kind, _ in flows}
    assert {"Crew", "Samples", "Crew provisions", "Habitation and infrastructure"} <= kinds


def test_bat_segments_follow_each_flight_without_a_gap(run: Bundle) -> None:
    for flight in ("argonaut-1", "crew-2"):
        own = [s for s in aggregate.bat_segments(run) if s["flight"] == flight]
        assert own[0]["place0"] == "earth"
        for before, after in pairwise(own):
            assert (before["place1"], before["t1"]) == (after["place0"], after["t0"])
        assert any(s["wait"] for s in own)


def test_thinning_keeps_the_lowest_point() -> None:
    rng = np.random.default_rng(5)
    table = pl.DataFrame({"epoch_tdb_s": np.arange(4000.0), "x_kg": rng.uniform(10.0, 20.0, 4000)})
    table[1234, "x_kg"] = 0.5
    kept = aggregate.lowest(table, "x_kg")
    assert len(kept) <= 260
    assert kept["x_kg"].min() == 0.5
    assert kept.filter(pl.col("x_kg") == 0.5)["epoch_tdb_s"].to_list() == [1234.0]
    assert kept["epoch_tdb_s"].is_sorted()


def test_power_means_bracketed_by_their_range(run: Bundle) -> None:
    interval_d, rows = aggregate.power(run)["base"]
    assert interval_d == pytest.approx(29.53, abs=0.01)  # ten years: by the lunation
    assert {row["series"] for row in rows} == {"generated", "load", "shed", "stored", "capacity", "sunlight"}
    assert all(row["low"] <= row["mean"] <= row["high"] for row in rows)
    generated = [row["mean"] for row in rows if row["series"] == "generated"]
    assert np.mean(generated) == pytest.approx(24.0 * 0.86, rel=0.02)


def test_doubts_are_of_what_is_used(run: Bundle) -> None:
    found = aggregate.doubts(run)
    assert found[0].confidence == "low"
    assert {d.confidence for d in found} == {"low", "medium"}
    assert ("Argonaut", "isp", "322 s") in {(d.title, d.figure, d.written) for d in found}
    assert all("press kit" in d.source for d in found)
    unused = dataclasses.replace(run, campaign=factory.empty().campaign)
    assert "Argonaut" not in {d.title for d in aggregate.doubts(unused)}


def test_arc_errors_count_failures_apart(run: Bundle) -> None:
    rows = aggregate.arc_errors(run)
    assert sum(row["legs"] for row in rows) == len(run.flights.flown)
    assert sum(row["failed"] for row in rows) == 1
    assert all(row["q50"] <= row["q99"] <= row["max"] for row in rows)


def test_colours_are_one_per_operator(run: Bundle) -> None:
    assert len(set(run.colours.values())) == len(run.operators)
    assert run.colour("nobody") not in run.colours.values()


def test_what_is_left_waits_until_it_is_docked_again(run: Bundle) -> None:
    """Two launches that meet in lunar orbit: the first stack waits there."""
    day = 86400.0
    rows = [
        ("launch", "leo", 0.0, 100.0),
        ("arrive", "llo", 5.0, 80.0),
        ("undock", "llo", 5.0, 0.0),
        ("launch", "leo", 10.0, 90.0),
        ("arrive", "llo", 15.0, 70.0),
        ("dock", "llo", 15.0, 150.0),
        ("undock", "llo", 16.0, 60.0),
        ("arrive", "base", 16.5, 40.0),
    ]
    events = pl.DataFrame(
        [
            {
                "flight": "f",
                "step": i,
                "event": e,
                "place": p,
                "epoch_tdb_s": 1e9 + t * day,
                "mass_kg": m,
                "detail": "",
            }
            for i, (e, p, t, m) in enumerate(rows)
        ],
        schema=dict(TABLES["events"]),
    )
    plan = Campaign(status="optimal", tables={"events": events})
    found = [
        (s["place0"], s["place1"], round((s["t1"] - s["t0"]) / 864e5, 3), s["mass_kg"])
        for s in aggregate.bat_segments(dataclasses.replace(run, campaign=plan))
    ]
    assert found == [
        ("earth", "leo", 0.0, 100.0),
        ("leo", "llo", 5.0, 100.0),
        ("earth", "leo", 0.0, 90.0),
        ("leo", "llo", 5.0, 90.0),
        ("llo", "llo", 10.0, 80.0),
        ("llo", "llo", 1.0, 150.0),
        ("llo", "base", 0.5, 60.0),
    ]


def test_people_count_by_the_dates_of_their_flights(run: Bundle) -> None:
    found = aggregate.crew_on_site(run)
    dated, rows = found["nrho"]
    assert dated
    assert max(row["crew"] for row in rows) == 4.0
    assert rows[-1]["crew"] == 0.0
    stays = [b["t"] - a["t"] for a, b in pairwise(rows) if a["crew"] == 4.0]
    assert stays == pytest.approx([20.0 * 864e5] * 10, rel=0.02)
    assert not found["base"][0]  # only the plan's own count there


def test_approximations_of_one_kind_are_told_once(run: Bundle) -> None:
    legs = run.flights.flown.head(3).with_columns(
        approximation=pl.Series(["the site lies 0.36 deg off", "the site lies 0.48 deg off", "burns are impulses"])
    )
    flights = dataclasses.replace(run.flights, flown=legs)
    assert aggregate.approximations(dataclasses.replace(run, flights=flights)) == [
        ("The site lies 0.36 to 0.48 deg off", 2),
        ("Burns are impulses", 1),
    ]
