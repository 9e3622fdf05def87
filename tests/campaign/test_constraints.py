"""One golden model for each constraint family: small enough to be solved by hand."""

from __future__ import annotations

import math

import polars as pl
import pytest
from test_papers import test_the_cheapest_way_is_taken
from tiny import CARGO_MEUR, CREW_MEUR, PAYLOAD_KG, legs_for, text, tiny

from moonvillage.campaign import plan
from moonvillage.campaign.constraints import FAMILIES
from moonvillage.campaign.matrix import Program, solve
from moonvillage.catalog import Catalog
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.records.campaign import Campaign
from moonvillage.records.rates import OutpostRates
from moonvillage.scenario import Scenario, loads
from moonvillage.units import DAY_S

GOODS = '[demands.goods]\ncommodity = "goods"\namount = "{amount}"\nat = "base"\nby = {by}\n'
BASE = '[outposts.base]\nplace = "base"\nmetabolism = "none"\n'
METABOLISM = (
    '[metabolisms.none]\ntitle = "none"\n'
    + "".join(
        f'{k} = "0 kg/d"\n'
        for k in (
            "oxygen",
            "carbon_dioxide",
            "food_dry",
            "water_in",
            "urine",
            "vapour",
            "faecal_water",
        )
    )
    + 'heat = "0 W"\n'
)
OUTPOST = METABOLISM + BASE


def goods(amount: str, by: str = "2030-10-01") -> str:
    return GOODS.format(amount=amount, by=by)


def solved(scenario: Scenario, rates: dict[str, OutpostRates] | None = None) -> Campaign:
    campaign = plan(scenario, legs_for(scenario), rates or {})
    assert campaign.status == "optimal", campaign.reasons
    return campaign


def water(**more: object) -> dict[str, OutpostRates]:
    return {"base": OutpostRates("base", crew_kg_s={"water": 10.0 / DAY_S}, **more)}  # type: ignore[arg-type]


def count(campaign: Campaign, mission: str) -> int:
    return campaign.table("flights").filter(pl.col("mission") == mission).height


def test_flights_per_period() -> None:
    campaign = solved(tiny(goods("2 t"), cargo="per_step = 1"))
    assert campaign.objective_value == pytest.approx(3 * CARGO_MEUR)
    periods = campaign.table("flights")["period"].to_list()
    assert len(set(periods)) == 3
    refused = plan(
        s := tiny(goods("2 t", "2030-02-20"), cargo="per_step = 1"), legs_for(s), {}
    )  # only two periods' flights arrive by then
    assert refused.status == "infeasible"
    assert any("at most 1 times in a period" in reason for reason in refused.reasons)


def test_flights_in_all() -> None:
    assert solved(tiny(cargo="least = 4")).objective_value == pytest.approx(4 * CARGO_MEUR)
    refused = plan(s := tiny(goods("1 t"), cargo="most = 1"), legs_for(s), {})
    assert refused.status == "infeasible"
    short = 1000.0 - PAYLOAD_KG
    assert any(f"{short:.1f} kg less" in reason for reason in refused.reasons)


def test_modules_in_all() -> None:
    campaign = solved(tiny('[demands.habs]\nmodule = "hab"\ncount = 2\nat = "base"\n'))
    assert campaign.objective_value == pytest.approx(2 * CARGO_MEUR + 2 * 30.0)
    rows = campaign.table("manifest").filter(pl.col("kind") == "module")
    assert rows["amount"].sum() == 2


def test_launcher_rates() -> None:
    scenario = loads(text(goods("2 t")).replace("rate_per_year = 12", "rate_per_year = 2"), catalog=Catalog({}, ""))
    refused = plan(scenario, legs_for(scenario), {})
    assert refused.status == "infeasible"
    assert any("heavy flies at most 2 times in 2030" in reason for reason in refused.reasons)
    enough = loads(text(goods("2 t")).replace("rate_per_year = 12", "rate_per_year = 3"), catalog=Catalog({}, ""))
    assert solved(enough).objective_value == pytest.approx(3 * CARGO_MEUR)


@pytest.mark.parametrize(
    ("need", "flights", "gap_d"),
    [
        ('{ mission = "cargo", lead = "60 d" }', 1, 60.0),
        ('{ mission = "cargo", count = 2, lead = "60 d" }', 2, 60.0),
        ('{ mission = "cargo", count = 2, each = true }', 4, 0.0),
        ('{ module = "hab", at = "base", count = 2, lead = "30 d" }', 2, 30.0),
    ],
)
def test_requirements(need: str, flights: int, gap_d: float) -> None:
    more = f"requires = [{need}]"
    scenario = tiny('[demands.trips]\nmission = "crew"\ncount = 2\n', crew=more)
    campaign = solved(scenario)
    assert count(campaign, "cargo") == flights
    extra = 60.0 if "hab" in need else 0.0
    assert campaign.objective_value == pytest.approx(flights * CARGO_MEUR + 2 * CREW_MEUR + extra)
    table = campaign.table("flights").sort("departure_tdb_s")
    arrivals = sorted(r["arrival_tdb_s"] for r in table.iter_rows(named=True) if r["mission"] == "cargo")
    departures = sorted(r["departure_tdb_s"] for r in table.iter_rows(named=True) if r["mission"] == "crew")
    if "each" not in need:
        assert departures[0] >= arrivals[flights - 1] + gap_d * DAY_S
    else:
        assert departures[0] >= arrivals[1]
        assert departures[1] >= arrivals[3]


HOPS = """
[missions.hop]
title = "Hop"
operator = "esa"
per_step = 1
steps = [
  { do = "take", to = "base", craft = ["hopper"] },
  { do = "refuel", craft = ["hopper"] },
  { do = "fly", to = "llo", by = "hopper" },
  { do = "fly", to = "base", by = "hopper" },
  { do = "park", craft = ["hopper"] },
]
[craft.hopper]
title = "Hopper"
operator = "esa"
dry = "100 kg"
propellant_mass = "1 t"
propellant = "hydrolox"
isp = "203.9432425955856 s"
[fleets.hoppers]
craft = "hopper"
at = "base"
count = 1
[demands.hops]
mission = "hop"
count = 3
"""


def test_fleets() -> None:
    """One hopper makes one hop a period; each hop burns 100 kg (e − 1) of hydrolox from the stocks."""
    each = 100.0 * (math.e - 1.0)
    stocks = f'stocks = {{ lox = "{3 * 0.8 * each + 1} kg", lh2 = "{3 * 0.2 * each + 1} kg" }}\n'
    campaign = solved(tiny(HOPS, OUTPOST + stocks))
    assert len(set(campaign.table("flights")["period"].to_list())) == 3
    burned = campaign.table("burns")["propellant_kg"].sum()
    assert burned == pytest.approx(3 * each, rel=1e-6)
    last = campaign.table("stocks").filter(pl.col("period") == 9)
    assert sorted(last["amount_kg"].to_list()) == pytest.approx([1.0, 1.0], abs=0.2)
    short = f'stocks = {{ lox = "{3 * 0.8 * each - 1} kg", lh2 = "1 t" }}\n'
    refused = plan(s := tiny(HOPS, OUTPOST + short), legs_for(s), {})
    assert refused.status == "infeasible"
    none = tiny(HOPS.replace("count = 1\n", "count = 0\n"), OUTPOST + stocks)
    assert plan(none, legs_for(none), {}).status == "infeasible"


def test_presence() -> None:
    demand = '[demands.crew]\ncrew = 2\nat = "base"\nsince = 2030-03-01\nuntil = 2030-05-31\n'
    campaign = solved(tiny(demand, crew="", stay='choices = ["20 d", "65 d"]'))
    crew = campaign.table("crew").sort("period")["crew"].to_list()
    assert all(c >= 2 for c in crew[2:5])
    assert campaign.objective_value == pytest.approx(2 * CREW_MEUR)


def test_presence_without_a_gap() -> None:
    demand = '[demands.crew]\ncrew = 2\nat = "base"\nsince = 2030-03-10\nuntil = 2030-07-31\ncontinuous = true\n'
    campaign = solved(tiny(demand, crew="per_step = 1", stay='stay = "65 d"'))
    rows = campaign.table("manifest").filter(pl.col("kind") == "crew")
    ups = sorted(r["epoch_tdb_s"] for r in rows.iter_rows(named=True) if r["destination"] == "base")
    downs = sorted(r["epoch_tdb_s"] for r in rows.iter_rows(named=True) if r["origin"] == "base")
    assert all(up <= down for up, down in zip(ups[1:], downs, strict=False))
    assert campaign.objective_value == pytest.approx(3 * CREW_MEUR)


def test_housing_and_modules_standing() -> None:
    """Four people of two flights at once need the second habitat only where one houses fewer."""
    demand = '[demands.crew]\ncrew = 4\nat = "base"\nsince = 2030-05-01\nuntil = 2030-06-01\n'
    campaign = solved(tiny(demand, OUTPOST, crew="", stay='stay = "28 d"'), water())
    modules = campaign.table("manifest").filter(pl.col("kind") == "module")
    assert modules["cargo"].to_list() == ["hab"]
    crew = campaign.table("crew").filter(pl.col("crew") > 0)
    assert modules["epoch_tdb_s"].max() < crew["epoch_tdb_s"].min() - 15.0 * DAY_S
    assert count(campaign, "crew") == 2
    assert count(campaign, "cargo") == math.ceil((600.0 + 4 * 28 * 10.0) / PAYLOAD_KG)


def test_power() -> None:
    """The habitat takes 5 kW and each person 1 kW, so an array of 10 kW must stand too."""
    demand = '[demands.crew]\ncrew = 2\nat = "base"\nsince = 2030-05-01\nuntil = 2030-06-01\n'
    power = {"hab": -5000.0, "sun": 10000.0}
    rates = {"base": OutpostRates("base", module_power_w=power, crew_power_w=1000.0)}
    campaign = solved(tiny(demand, OUTPOST, crew="", stay='stay = "28 d"'), rates)
    modules = campaign.table("manifest").filter(pl.col("kind") == "module")
    assert sorted(modules["cargo"].to_list()) == ["hab", "sun"]
    assert campaign.objective_value == pytest.approx(CREW_MEUR + 2 * CARGO_MEUR + 35.0)


def test_outpost_stands() -> None:
    """The leak of 2 kg/d begins in the period in which the habitat arrives, not before."""
    demand = '[demands.hab]\nmodule = "hab"\nat = "base"\nby = 2030-03-20\n'
    rates = {"base": OutpostRates("base", standing_kg_s={"water": 2.0 / DAY_S})}
    campaign = solved(tiny(demand, OUTPOST), rates)
    arrived = campaign.table("manifest").filter(pl.col("kind") == "module")
    start = campaign.table("stocks").sort("epoch_tdb_s")
    used = start["used_kg"].to_list()
    period = next(i for i, u in enumerate(used) if u > 0)
    first = arrived["epoch_tdb_s"].to_list()[0]
    assert start["epoch_tdb_s"].to_list()[period] >= first
    assert period == 0 or start["epoch_tdb_s"].to_list()[period - 1] < first
    assert used[period] == pytest.approx(60.0, rel=1e-6)


def test_an_outpost_that_cannot_stand_does_not_leak() -> None:
    """Where the rules bar every flight that brings a habitat, there is nothing to leak."""
    rates = {"base": OutpostRates("base", standing_kg_s={"water": 2.0 / DAY_S})}
    scenario = tiny('[demands.trip]\nmission = "crew"\ncount = 1\n', OUTPOST, crew="")
    barred = {"cargo": (False,) * scenario.periods}
    assert plan(scenario, legs_for(scenario), rates, permissions=barred).objective_value == pytest.approx(CREW_MEUR)


def test_stock_balance() -> None:
    """Two people for 20 days use 400 kg of water; 60 kg are there, a tenth of a percent boils off a day."""
    demand = '[demands.trip]\nmission = "crew"\ncount = 1\n'
    campaign = solved(tiny(demand, OUTPOST + 'stocks = { water = "60 kg" }\n', crew=""), water())
    assert campaign.objective_value == pytest.approx(CREW_MEUR + CARGO_MEUR)
    brought = campaign.table("manifest").filter(pl.col("cargo") == "water")["amount"].sum()
    assert brought == pytest.approx(340.0, rel=1e-6)
    assert solved(
        tiny(demand, OUTPOST + 'stocks = { water = "401 kg" }\n', crew=""), water()
    ).objective_value == pytest.approx(CREW_MEUR)
    leaky = loads(
        text(demand, OUTPOST + 'stocks = { water = "401 kg" }\n', crew="").replace(
            'water = { title = "water", supply_class = 2 }',
            'water = { title = "water", supply_class = 2, boiloff = "1 %/d" }',
        ),
        catalog=Catalog({}, ""),
    )
    campaign = solved(leaky, water())
    assert campaign.objective_value > CREW_MEUR
    after = campaign.table("stocks").sort("period")["amount_kg"].to_list()
    assert after[0] == pytest.approx(401.0 * math.exp(-0.3), rel=1e-6) or after[0] < 401.0


def test_production() -> None:
    """A plant that stands makes the water of the crew, so that no cargo flies; without power it makes nothing."""
    demand = '[demands.trip]\nmission = "crew"\ncount = 1\nsince = 2030-04-01\n'
    outpost = OUTPOST + "modules = { plant = 1, sun = 1 }\n"
    rates = {
        "base": OutpostRates(
            "base",
            crew_kg_s={"water": 10.0 / DAY_S},
            module_kg_s={"plant": {"water": 7.0 / DAY_S}},
            module_power_w={"plant": -8000.0, "sun": 10000.0},
        )
    }
    assert solved(tiny(demand, outpost, crew=""), rates).objective_value == pytest.approx(CREW_MEUR)
    dark = tiny(demand, OUTPOST + "modules = { plant = 1 }\n", crew="", cargo=None)
    assert plan(dark, legs_for(dark), rates).status == "infeasible"


def test_reserves() -> None:
    """30 days in reserve: 600 kg more must be there while two people stay for all of a period."""
    demand = '[demands.trip]\nmission = "crew"\ncount = 1\n'
    campaign = solved(tiny(demand, OUTPOST + 'reserve = { water = "30 d" }\n', crew=""), water())
    rows = campaign.table("stocks")
    for row in rows.iter_rows(named=True):
        assert row["amount_kg"] >= row["reserve_kg"] - 0.2
    assert rows["reserve_kg"].max() > 100.0
    brought = campaign.table("manifest").filter(pl.col("cargo") == "water")["amount"].sum()
    assert brought > 500.0


@pytest.mark.parametrize(
    ("demand", "cost"),
    [
        ('commodity = "food"\namount = "500 kg"\nat = "base"', CARGO_MEUR),  # 625 kg with its packaging
        ('commodity = "food"\namount = "600 kg"\nat = "base"', 2 * CARGO_MEUR),  # 750 kg
        ('module = "plant"\nat = "base"', CARGO_MEUR + 20.0),
        ('mission = "crew"\ncount = 2', 2 * CREW_MEUR),
        ('samples = "100 kg"', 2 * CREW_MEUR),  # 60 kg each
        ('crew_days = 70\nat = "base"', 2 * CREW_MEUR),  # 2 people, 20 days
        ('crew = 2\nat = "base"\nsince = 2030-03-15\nuntil = 2030-03-20', CREW_MEUR),
    ],
)
def test_demands(demand: str, cost: float) -> None:
    by = "" if "until" in demand else "by = 2030-09-01\n"
    campaign = solved(tiny(f"[demands.it]\n{demand}\n{by}", crew='samples = "60 kg"', stay='stay = "20 d"'))
    assert campaign.objective_value == pytest.approx(cost)


def test_budgets() -> None:
    budget = '[budgets.esa]\npartner = "esa"\namount = "{} MEUR"\nuntil = 2030-04-20\n'
    late = goods("1 t", "2030-06-01")
    free = solved(tiny(late, budget.format(300)))
    assert free.objective_value == pytest.approx(2 * CARGO_MEUR)
    tight = solved(tiny(late, budget.format(200)))
    dates = sorted(tight.table("flights")["departure_tdb_s"].to_list())
    assert len(dates) == 2
    assert dates[1] > utc_to_tdb_s("2030-04-20")
    refused = plan(s := tiny(goods("1 t", "2030-04-01"), budget.format(200)), legs_for(s), {})
    assert any("budget 'esa'" in reason for reason in refused.reasons)


def test_earliest() -> None:
    """Three flights of at most one a period: the third period ends on day 90."""
    scenario = tiny(goods("2 t"), objective="earliest", header='earliest = "goods"', cargo="per_step = 1")
    campaign = solved(scenario)
    assert campaign.objective_unit == "d"
    assert campaign.objective_value == pytest.approx(90.0)
    assert campaign.table("flights").height == 3


def test_launch_mass() -> None:
    """Minimum mass: two flights with 1 t between them weigh (2 t dry + 1 t) e^1.5."""
    campaign = solved(tiny(goods("1 t"), objective="launch_mass"))
    assert campaign.objective_unit == "kg"
    assert campaign.objective_value == pytest.approx(3000.0 * math.exp(1.5), rel=1e-6)
    assert campaign.table("flights")["mass_to_orbit_kg"].sum() == pytest.approx(campaign.objective_value)


GOLDEN = {
    "flights_per_period": test_flights_per_period,
    "flights_in_all": test_flights_in_all,
    "modules_in_all": test_modules_in_all,
    "launcher_rates": test_launcher_rates,
    "requirements": test_requirements,
    "fleets": test_fleets,
    "presence": test_presence,
    "modules_standing": test_housing_and_modules_standing,
    "outpost_stands": test_outpost_stands,
    "stock_balance": test_stock_balance,
    "reserves": test_reserves,
    "power": test_power,
    "housing": test_housing_and_modules_standing,
    "demands": test_demands,
    "budgets": test_budgets,
    "earliest": test_earliest,
    "papers": test_the_cheapest_way_is_taken,
}


def test_every_family_has_a_golden_model_and_a_reason() -> None:
    assert {family.__name__ for family in FAMILIES} == set(GOLDEN)
    for family in FAMILIES:
        assert len((family.__doc__ or "").split()) >= 12, family.__name__


def test_program_sums_repeated_columns() -> None:
    program = Program()
    x = program.variable("x", cost=1.0)
    program.row(("r",), [(x, 1.0), (x, 1.0)], low=4.0)
    assert solve(program).objective == pytest.approx(2.0)
