"""Columns and their dates: hand-checked figures."""

from __future__ import annotations

import math

import pytest
from tiny import CARGO_MEUR, EMPTY, PAYLOAD_KG, legs_for, text, tiny

from moonvillage.campaign import plan
from moonvillage.campaign.columns import Column, Columns, build_columns
from moonvillage.records.legs import LegRow, LegTable
from moonvillage.scenario import Scenario, loads
from moonvillage.units import DAY_S, JULIAN_YEAR_S

METABOLISM = (
    '[metabolisms.m]\ntitle = "m"\noxygen = "1 kg/d"\ncarbon_dioxide = "0 kg/d"\nfood_dry = "0.5 kg/d"\n'
    'water_in = "3 kg/d"\nurine = "0 kg/d"\nvapour = "0 kg/d"\nfaecal_water = "0 kg/d"\nheat = "0 W"\n'
    "packaging = 1.0\n"
)


def columns_of(scenario: Scenario, legs: LegTable | None = None) -> Columns:
    return build_columns(scenario, legs or legs_for(scenario), {}, {})


def crew_columns(scenario: Scenario, legs: LegTable | None = None) -> list[Column]:
    return [c for c in columns_of(scenario, legs).columns if c.key[0] == "crew"]


def test_payload_of_a_landing() -> None:
    """(1 t + L) e^1.5 = 1 t + L + 6 t: the tank binds, not the launcher."""
    for column in columns_of(tiny()).columns:
        assert column.payload_kg == pytest.approx(PAYLOAD_KG, rel=1e-12)
        assert float(column.fills["lander"] @ [1.0, PAYLOAD_KG]) == pytest.approx(6000.0)


def test_margin_is_added_to_every_burn() -> None:
    scenario = loads(text().replace("margin = 0.0", "margin = 0.02"), catalog=EMPTY)
    expected = 6000.0 / (math.exp(1.53) - 1.0) - 1000.0
    assert columns_of(scenario).columns[0].payload_kg == pytest.approx(expected, rel=1e-12)


def test_the_launcher_binds_where_it_is_small() -> None:
    scenario = loads(text().replace('tli = "8 t"', 'tli = "6 t"'), catalog=EMPTY)
    expected = 6000.0 * math.exp(-1.5) - 1000.0
    assert columns_of(scenario).columns[0].payload_kg == pytest.approx(expected, rel=1e-9)


def test_the_cheapest_date_of_a_period_is_taken() -> None:
    """Departures every ten days at 500, 501 and 502 m/s: the first of each period is taken."""
    scenario = tiny()
    for column in columns_of(scenario).columns:
        offset = (column.departure_tdb_s - scenario.header.start_tdb_s) / DAY_S
        assert offset % 30.0 == pytest.approx(0.0, abs=1e-6)
        assert dict(column.timeline.legs[1].dv_m_s)["loi"] == 500.0


def test_later_legs_wait_for_the_best_date_within_reach() -> None:
    scenario = tiny(crew="")
    table = legs_for(scenario)
    back = next(arc for arc in table.rows if arc == "llo>earth")
    cheap = tuple(
        LegRow(r.arc, r.departure_tdb_s, r.arrival_tdb_s, True, (("tei", 500.0 - 7.0 * (i % 3)),))
        for i, r in enumerate(table.rows[back])
    )
    legs = LegTable({**table.rows, back: cheap})
    column = crew_columns(scenario, legs)[0]
    ascent_end = column.timeline.ends[4]
    chosen = column.timeline.legs[5]
    reachable = [r for r in cheap if ascent_end <= r.departure_tdb_s <= ascent_end + 31.0 * DAY_S]
    assert dict(chosen.dv_m_s)["tei"] == min(r.total_m_s for r in reachable) == 486.0
    assert not chosen.shifted


def test_legs_that_did_not_converge_are_not_flown() -> None:
    scenario = tiny()
    table = legs_for(scenario)
    rows = tuple(
        LegRow(r.arc, r.departure_tdb_s, r.arrival_tdb_s, i % 3 == 2, r.dv_m_s, r.c3_m2_s2, reason="no")
        for i, r in enumerate(table.rows["leo>llo"])
    )
    found = columns_of(scenario, LegTable({**table.rows, "leo>llo": rows}))
    assert {dict(c.timeline.legs[1].dv_m_s)["loi"] for c in found.columns} == {502.0}
    none = tuple(LegRow(r.arc, r.departure_tdb_s, r.arrival_tdb_s, False, ()) for r in rows)
    refused = columns_of(scenario, LegTable({**table.rows, "leo>llo": none}))
    assert not refused.columns
    assert "no departure is tabulated" in refused.refusals["cargo"][0]


def test_a_return_after_the_end_takes_the_dearest_row_and_says_so() -> None:
    scenario = tiny(crew="", stay='stay = "60 d"')
    late = [c for c in crew_columns(scenario) if c.end_tdb_s > scenario.header.end_tdb_s]
    assert late
    assert all(c.timeline.legs[5].shifted for c in late if c.timeline.ends[4] > scenario.header.end_tdb_s)
    campaign = plan(
        s := tiny('[demands.c]\nmission = "crew"\nsince = 2030-09-15\n', crew="", stay='stay = "60 d"'),
        legs_for(s),
        {},
    )
    assert campaign.model["shifted_legs"] >= 1


def test_travellers_carry_what_they_use_on_the_way() -> None:
    """5 kg a day each (oxygen, packed food, water) outside the outpost: 2 × 5 × the days of travel are lifted too."""
    outpost = METABOLISM + '[outposts.base]\nplace = "base"\nmetabolism = "m"\n'
    with_, without = crew_columns(tiny(outpost, crew=""))[0], crew_columns(tiny(crew=""))[0]
    days = (with_.end_tdb_s - with_.timeline.begins[0]) / DAY_S - 20.0
    lifted = [c.launches[0][2][0] for c in (with_, without)]
    assert lifted[0] - lifted[1] == pytest.approx(2 * 5.0 * days * math.exp(1.5), rel=1e-9)


def test_endurance_ends_a_flight() -> None:
    short = loads(text(crew="").replace("seats = 4", 'seats = 4\nendurance = "25 d"'), catalog=EMPTY)
    found = columns_of(short)
    assert not [c for c in found.columns if c.key[0] == "crew"]
    assert "its endurance is 25.0 d" in found.refusals["crew"][0]
    home = METABOLISM + '[outposts.base]\nplace = "base"\nmetabolism = "m"\n'
    housed = loads(text(home, crew="").replace("seats = 4", 'seats = 4\nendurance = "25 d"'), catalog=EMPTY)
    assert crew_columns(housed)


def test_nothing_flies_before_it_exists() -> None:
    late = loads(text().replace('tli = "8 t"', 'tli = "8 t"\nfirst = 2030-05-15'), catalog=EMPTY)
    periods = [c.key[1] for c in columns_of(late).columns]
    assert min(periods) == 4  # the period from 1 to 31 May, on its second or third date
    assert all(c.departure_tdb_s >= late.of("launcher")["heavy"].first_tdb_s for c in columns_of(late).columns)


def test_money_is_discounted_to_the_start() -> None:
    scenario = tiny('[demands.g]\nmission = "cargo"\nsince = 2030-07-01\nby = 2030-08-15\n', header="discount = 0.1")
    campaign = plan(scenario, legs_for(scenario), {})
    when = campaign.table("flights")["departure_tdb_s"].to_list()[0]
    years = (when - scenario.header.start_tdb_s) / JULIAN_YEAR_S
    assert campaign.objective_value == pytest.approx(CARGO_MEUR * 1.1**-years, rel=1e-9)
    assert campaign.model["cost_eur"] == pytest.approx(CARGO_MEUR * 1e6)


def test_revenue_counts_against_cost() -> None:
    scenario = tiny(cargo='revenue = "160 MEUR"\nmost = 3')
    campaign = plan(scenario, legs_for(scenario), {})
    assert campaign.table("flights").height == 3
    assert campaign.objective_value == pytest.approx(-30.0)


def test_several_burners_are_only_for_prescribed_flights() -> None:
    staged = """
[missions.staged]
title = "Staged"
operator = "esa"
steps = [
  { do = "take", to = "earth", craft = ["lander", "ship"] },
  { do = "burn", dv = "900 m/s", burners = ["lander", "ship"], stage = true, to = "leo" },
]
"""
    scenario = tiny(staged, '[demands.s]\nmission = "staged"\n')
    campaign = plan(scenario, legs_for(scenario), {})
    assert campaign.status == "infeasible"
    assert any("objective 'none'" in reason for reason in campaign.reasons)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (
            '{ do = "launch", on = "heavy", to = "leo" }, { do = "fly", to = "llo", by = "lander" }',
            "not in the stack",
        ),
        (
            '{ do = "launch", on = "heavy", lifts = ["lander"], to = "leo" }, { do = "drop", craft = ["ship"] }',
            "ship is",
        ),
        (
            '{ do = "launch", on = "heavy", lifts = ["lander"], to = "leo" }, { do = "dock", craft = ["ship"] }',
            "wait",
        ),
        ('{ do = "take", to = "earth", craft = ["lander"] }, { do = "take", craft = ["lander"] }', "twice"),
        ("", "no steps"),
    ],
)
@pytest.mark.parametrize("objective", ["cost", "none"])
def test_steps_that_make_no_sense_are_refused_in_a_sentence(steps: str, reason: str, objective: str) -> None:
    dates = 'on_dates = ["2030-02-02"]\n' if objective == "none" else "least = 1\n"
    mission = f'[missions.x]\ntitle = "x"\noperator = "esa"\n{dates}steps = [{steps}]\n'
    scenario = tiny(mission, objective=objective, cargo=None)
    campaign = plan(scenario, legs_for(scenario), {})
    assert campaign.status == "infeasible"
    assert any(reason in sentence for sentence in campaign.reasons), campaign.reasons


def test_people_need_seats() -> None:
    scenario = tiny('[demands.c]\nmission = "crew"\n', crew="tourists = 3")
    campaign = plan(scenario, legs_for(scenario), {})
    assert any("no craft has seats for 5 people" in reason for reason in campaign.reasons)
