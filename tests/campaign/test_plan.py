"""Plans as a whole: properties that any plan must have, the ledger, flown figures, cancelling, explaining."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import CARGO_MEUR, EMPTY, PAYLOAD_KG, legs_for, text, tiny

from moonvillage.campaign import FlownColumn, FlownStep, flight_columns, flown_from, handovers, plan
from moonvillage.campaign.columns import affine, build_columns, column_key, column_name, make_column, shape_of
from moonvillage.campaign.launching import capability_kg
from moonvillage.campaign.ledger import replay
from moonvillage.campaign.matrix import Program, residual, solve
from moonvillage.campaign.model import Loaded
from moonvillage.campaign.program import Decisions, Kit, execute
from moonvillage.campaign.search import search
from moonvillage.campaign.timeline import Planner
from moonvillage.errors import ConservationError
from moonvillage.records.campaign import TABLES, Campaign
from moonvillage.records.legs import Burn, Leg
from moonvillage.records.rates import OutpostRates
from moonvillage.scenario import Demand, Scenario, loads
from moonvillage.units import DAY_S

QUICK = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
GOODS = '[demands.goods]\ncommodity = "goods"\namount = "2 t"\nat = "base"\nby = 2030-08-01\n'
FOOD = '[demands.food]\ncommodity = "food"\namount = "1 t"\nat = "base"\nby = 2030-09-01\n'


def best(scenario: Scenario, **more: object) -> Campaign:
    return plan(scenario, legs_for(scenario), {}, **more)  # type: ignore[arg-type]


def test_tables_have_their_schemas() -> None:
    campaign = best(tiny(GOODS, FOOD))
    for name, schema in TABLES.items():
        assert dict(campaign.table(name).schema) == dict(schema), name
    assert campaign.table("flights")["flight"].to_list()[0].startswith("cargo-2030-")


@QUICK
@given(st.lists(st.integers(100, 900), min_size=1, max_size=3), st.integers(0, 2))
def test_removing_a_demand_never_worsens_and_doubling_never_improves(amounts: list[int], which: int) -> None:
    def value(wanted: list[int]) -> float:
        demands = [
            f'[demands.d{i}]\ncommodity = "goods"\namount = "{a} kg"\nat = "base"\nby = 2030-0{4 + i}-01\n'
            for i, a in enumerate(np.cumsum(wanted))
        ]
        return best(tiny(*demands)).objective_value

    whole = value(amounts)
    which = which % len(amounts)
    assert value([0 if i == which else a for i, a in enumerate(amounts)]) <= whole + 1e-6
    assert value([2 * a if i == which else a for i, a in enumerate(amounts)]) >= whole - 1e-6


def test_names_do_not_matter() -> None:
    one = text(GOODS, FOOD)
    two = one.replace("cargo]", "zz]").replace("esa", "aaa").replace("lander", "alpha").replace("base", "zuse")
    a, b = best(loads(one, catalog=EMPTY)), best(loads(two, catalog=EMPTY))
    assert a.objective_value == pytest.approx(b.objective_value)
    assert a.table("flights").height == b.table("flights").height


def test_the_same_question_gives_the_same_bytes() -> None:
    first, second = best(tiny(GOODS, FOOD)), best(tiny(GOODS, FOOD))
    for name in TABLES:
        assert first.table(name).write_json() == second.table(name).write_json()


CHAIN = """
[missions.chain]
title = "Tug, depot and lander"
operator = "esa"
cargo = ["goods", "water"]
cargo_craft = "lander"
seats = { esa = 2 }
samples = "30 kg"
steps = [
  { do = "launch", on = "heavy", lifts = ["ship", "lander"], to = "leo" },
  { do = "fly", to = "llo", by = "ship", burns = { loi = "lander" } },
  { do = "unload", cargo = ["water"] },
  { do = "undock", craft = ["lander"] },
  { do = "refuel", craft = ["lander"], components = ["lox"] },
  { do = "fly", to = "base", by = "lander" },
  { do = "unload", cargo = ["goods"] },
  { do = "fly", to = "llo", by = "lander" },
  { do = "load", cargo = ["water"], amount = "20 kg" },
  { do = "dock", craft = ["ship"] },
  { do = "drop", craft = ["lander"] },
  { do = "fly", to = "earth", by = "ship" },
  { do = "land" },
]
"""


@QUICK
@given(st.lists(st.floats(0.0, 800.0), min_size=8, max_size=8))
def test_affine_and_numeric_execution_agree(numbers: list[float]) -> None:
    """The optimiser's coefficients and the ledger's floats come from one text: they agree to rounding."""
    scenario = tiny(CHAIN)
    kit, mission = Kit.of(scenario), scenario.missions["chain"]
    shape = shape_of(kit, mission)
    planner = Planner(scenario, mission, legs_for(scenario), shape.boards)
    timeline = planner.timeline(scenario.header.start_tdb_s, ())
    assert not isinstance(timeline, str)
    record, transform = affine(kit, shape, timeline)
    x = np.array([1.0, *numbers[: shape.width - 1]])
    everything = transform @ x
    at = 1 + len(shape.lanes)
    refuels = {r: float(x[at + i]) for i, r in enumerate(shape.refuels)}
    fills = {c: float(x[at + len(refuels) + i]) for i, c in enumerate(shape.kept)}
    fills.update({c: float(everything[shape.width + i]) for i, c in enumerate(shape.least)})
    exact = execute(kit, mission, timeline, shape.lanes, shape.refuels, Decisions(1.0, list(x[1:at]), fills, refuels))
    assert set(exact.checks) == set(record.checks)
    for key, value in exact.checks.items():
        assert value == pytest.approx(float(record.checks[key] @ everything), rel=1e-9, abs=1e-6)
    for done, planned in zip(exact.burns, record.burns, strict=True):
        assert done.mass_before == pytest.approx(float(planned.mass_before @ everything), rel=1e-9)
    for craft in shape.least:
        assert exact.remaining[craft] == pytest.approx(0.0, abs=1e-6)
    # mass is conserved: what was launched and loaded is burned, unloaded, dropped or still there
    lifted = exact.launches[0].mass
    burned = sum(b.propellant for b in exact.burns)
    final = exact.events[-1].mass
    dropped = next(e.mass for e in exact.events if e.event == "dock") - next(
        e.mass for e in exact.events if e.event == "drop"
    )
    unloaded = sum(float(v) for v, lane in zip(x[1:at], shape.lanes, strict=True) if lane.sink >= 0)
    gained = sum(refuels.values()) + mission.samples_kg
    gained += sum(float(v) for v, lane in zip(x[1:at], shape.lanes, strict=True) if lane.from_place)
    assert lifted + gained == pytest.approx(burned + unloaded + dropped + final, rel=1e-9)


def test_the_ledger_refuses_what_does_not_fit() -> None:
    scenario = tiny(GOODS)
    columns = build_columns(scenario, legs_for(scenario), {}, {})
    column = columns.columns[0]
    assert column.payload_kg == pytest.approx(PAYLOAD_KG, rel=1e-9)
    kit = Kit.of(scenario)
    replay(kit, Loaded(column, {0: {"goods": column.payload_kg}}), "x")
    with pytest.raises(ConservationError, match="lander"):
        replay(kit, Loaded(column, {0: {"goods": column.payload_kg + 5.0}}), "x")


def test_capability_between_the_quoted_energies() -> None:
    launcher = tiny().of("launcher")["heavy"]
    assert capability_kg(launcher, "leo", None) == 20_000.0
    assert capability_kg(launcher, "tli", -1.8e6) == pytest.approx(8_000.0)
    assert 8_000.0 < capability_kg(launcher, "tli", -2.2e6) < 8_300.0
    assert 5_000.0 < capability_kg(launcher, "escape", 10e6) < 8_000.0
    full = replace(launcher, escape_kg=5_000.0)
    assert capability_kg(full, "escape", 10e6) == pytest.approx(5_000.0)
    assert capability_kg(replace(launcher, leo_kg=0.0), "escape", 10e6) == 0.0


def test_permissions_bar_periods() -> None:
    scenario = tiny(GOODS)
    flags = [False] * 4 + [True] * 6
    campaign = best(scenario, permissions={"cargo": flags})
    assert min(campaign.table("flights")["period"].to_list()) >= 4
    barred = best(scenario, permissions={"cargo": [False] * 10})
    assert barred.status == "infeasible"
    assert any("the rules bar it" in reason for reason in barred.reasons)


def test_extra_demands_count() -> None:
    extra = Demand(id="more", commodity="goods", at="base", amount_kg=3000.0)
    campaign = best(tiny(GOODS), extra_demands=[extra])
    assert campaign.objective_value == pytest.approx(5 * CARGO_MEUR)


def test_flown_figures_raise_and_never_lower() -> None:
    scenario = tiny(GOODS)
    first = best(scenario)
    keys = flight_columns(first)
    assert set(keys.values()) <= {("cargo", p, 0) for p in range(10)}
    legs = {}
    for row in first.table("legs").iter_rows(named=True):
        if row["step"] == 1:
            burns = (
                Burn("tli", row["departure_tdb_s"], 3100.0, (0.0, 0.0, 0.0)),
                Burn("loi", row["arrival_tdb_s"], 800.0, (0.0, 0.0, 0.0)),
            )
        else:
            burns = (Burn("descent", row["departure_tdb_s"], 10.0, (0.0, 0.0, 0.0)),)
        legs[row["flight"], row["step"]] = Leg(
            row["arc"], "x", row["departure_tdb_s"] + 3600.0, row["arrival_tdb_s"] + 3600.0, True, burns=burns
        )
    flown = flown_from(first, legs)
    columns = build_columns(scenario, legs_for(scenario), {}, flown)
    for column in columns.columns:
        if column.key in flown:
            assert dict(column.timeline.legs[1].dv_m_s) == {"tli": 3100.0, "loi": 800.0}
            assert dict(column.timeline.legs[2].dv_m_s) == {"descent": 1000.0}
            assert column.payload_kg < PAYLOAD_KG - 100.0
        else:
            assert column.payload_kg == pytest.approx(PAYLOAD_KG, rel=1e-6)
    second = plan(scenario, legs_for(scenario), {}, flown=flown, warm=first)
    assert second.status == "optimal"
    assert second.objective_value >= first.objective_value - 1e-9
    failed = {key: FlownColumn({1: FlownStep(0.0, 1.0, ())}, failure="no such leg") for key in flown}
    third = plan(scenario, legs_for(scenario), {}, flown=failed)
    assert not set(flight_columns(third).values()) & set(flown)


def test_handovers_are_what_the_manifest_says() -> None:
    outpost = '[outposts.base]\nplace = "base"\nmetabolism = "m"\nstocks = { water = "1 t" }\n'
    outpost = (
        '[metabolisms.m]\ntitle = "m"\noxygen = "0 kg/d"\ncarbon_dioxide = "0 kg/d"\nfood_dry = "0 kg/d"\n'
        'water_in = "0 kg/d"\nurine = "0 kg/d"\nvapour = "0 kg/d"\nfaecal_water = "0 kg/d"\nheat = "0 W"\n' + outpost
    )
    scenario = tiny(GOODS, outpost, '[demands.trip]\nmission = "crew"\n', crew="")
    campaign = plan(scenario, legs_for(scenario), {"base": OutpostRates("base", crew_kg_s={"water": 10.0 / DAY_S})})
    found = handovers(campaign, scenario)
    assert sum(h.crew for h in found) == 0
    assert max(h.crew for h in found) == 2
    assert sum(h.stocks_kg.get("goods", 0.0) for h in found) == pytest.approx(2000.0, rel=1e-6)
    assert [h.epoch_tdb_s for h in found] == sorted(h.epoch_tdb_s for h in found)


def lot_sizing(periods: int = 24) -> tuple[Program, list[int], list[int]]:
    """Three kinds of flights that must bring a rising need in time, at most two a period."""
    rng = np.random.default_rng(5)
    program, when, totals = Program(), [], []
    sizes = (1.0, 2.6, 5.1)
    counts: dict[int, list[int]] = {}
    for kind, price in enumerate((30.0, 61.0, 105.0)):
        counts[kind] = [program.variable(("z", kind, t), 0, 3, cost=price, integer=True) for t in range(periods)]
        when += list(range(periods))
        total = program.variable(("total", kind), integer=True)
        when.append(-1)
        totals.append(total)
        program.row(("total",), [*((z, 1.0) for z in counts[kind]), (total, -1.0)], 0.0, 0.0)
    need = np.cumsum(rng.uniform(0.2, 1.4, periods))
    for t in range(periods):
        terms = [(counts[k][s], w) for k, w in enumerate(sizes) for s in range(t + 1)]
        program.row(("need",), terms, low=float(need[t]))
        program.row(("rate",), [(counts[k][t], 1.0) for k in counts], high=2.0)
    return program, when, totals


def test_search_agrees_with_the_solver() -> None:
    """Dive, repair and proof end within the gap of the optimum that the solver alone finds."""
    program, when, totals = lot_sizing()
    exact = solve(program)
    found = search(program, when, totals, gap=0.02, time_limit_s=30.0, seed=1, small=0)
    assert found.status == "optimal"
    assert residual(program, found.values) < 1e-6
    assert found.objective <= exact.objective / 0.98 + 1e-9
    assert found.bound <= exact.objective + 1e-6
    again = search(program, when, totals, gap=0.02, time_limit_s=30.0, seed=1, small=0)
    assert np.array_equal(found.values, again.values)


def test_search_begins_with_an_earlier_plan() -> None:
    program, when, totals = lot_sizing()
    first = search(program, when, totals, gap=0.02, time_limit_s=30.0, seed=1, small=0)
    start = {name: float(v) for name, v in zip(program.names, first.values, strict=True)}
    more = program.copy()
    more.low = [low + 0.3 if group == ("need",) else low for low, group in zip(more.low, more.groups, strict=True)]
    second = search(more, when, totals, gap=0.05, time_limit_s=30.0, seed=1, start=start, small=0)
    assert second.status == "optimal"
    assert residual(more, second.values) < 1e-6


def test_cancelling_keeps_the_best_plan() -> None:
    program, when, totals = lot_sizing(36)
    seen: list[tuple[float, float]] = []

    def cancelled() -> bool:
        return any(objective < 1e9 and bound < objective for objective, bound in seen)

    found = search(
        program,
        when,
        totals,
        gap=0.0,
        time_limit_s=30.0,
        seed=1,
        small=0,
        progress=lambda objective, bound: seen.append((objective, bound)),
        cancelled=cancelled,
    )
    assert seen
    assert found.status == "interrupted"
    if found.found:
        assert residual(program, found.values) < 1e-6


def test_cancelling_at_once_gives_no_plan_and_says_so() -> None:
    program, when, totals = lot_sizing()
    found = search(program, when, totals, gap=0.0, time_limit_s=30.0, seed=1, small=0, cancelled=lambda: True)
    assert found.status in ("interrupted", "unsolved")
    assert not found.found


def test_prescribed_dates_are_flown_as_said() -> None:
    dated = 'on_dates = ["2030-02-11", "2030-05-02T12:00:00"]\nloads = { goods = "300 kg" }'
    scenario = tiny('[demands.g]\ncommodity = "goods"\namount = "600 kg"\nat = "base"\n', cargo=dated)
    campaign = best(scenario)
    assert campaign.status == "optimal"
    assert campaign.table("flights")["flight"].to_list() == ["cargo-2030-02-1", "cargo-2030-05-1"]
    assert campaign.table("manifest")["amount"].to_list() == pytest.approx([300.0, 300.0])
    heavy = tiny(cargo='on_dates = ["2030-02-11"]\nloads = { goods = "900 kg" }')
    refused = best(heavy)
    assert refused.status == "infeasible"
    assert "exceeds the payload of 721 kg" in refused.reasons[0]


def test_column_names_round_trip() -> None:
    key = ("a-b_c", 12, 1003)
    assert column_key(column_name(key)) == key


def test_a_mission_too_heavy_says_by_how_much() -> None:
    scenario = loads(text(GOODS).replace('tli = "8 t"', 'tli = "4 t"'), catalog=EMPTY)
    campaign = best(scenario)
    assert campaign.status == "infeasible"
    short = 1000.0 * math.exp(1.5) - 4000.0
    assert any(f"{short:.0f} kg too heavy even without cargo" in reason for reason in campaign.reasons)


def test_several_refuels_and_lanes_plan() -> None:
    """The chain with a depot in lunar orbit: the lander takes oxygen there, water comes and goes."""
    scenario = loads(
        text(
            CHAIN,
            "[demands.c]\nmission = 'chain'\n",
            '[demands.g]\ncommodity = "goods"\namount = "50 kg"\nat = "base"\n',
        )
        .replace('inclination = "90 deg" }', 'inclination = "90 deg", stores = true }')
        .replace('leo = "20 t"', 'leo = "200 t"')
        .replace('propellant_mass = "6 t"', 'propellant_mass = "160 t"')
        + '[metabolisms.m]\ntitle = "m"\noxygen = "0 kg/d"\ncarbon_dioxide = "0 kg/d"\nfood_dry = "0 kg/d"\n'
        'water_in = "0 kg/d"\nurine = "0 kg/d"\nvapour = "0 kg/d"\nfaecal_water = "0 kg/d"\nheat = "0 W"\n'
        '[outposts.llo]\nplace = "llo"\nmetabolism = "m"\nstocks = { lox = "3 t", water = "20 kg" }\n',
        catalog=EMPTY,
    )
    campaign = best(scenario)
    assert campaign.status == "optimal", campaign.reasons
    rows = campaign.table("manifest")
    assert rows.filter((pl.col("cargo") == "water") & (pl.col("origin") == "llo"))["amount"].sum() == pytest.approx(
        20.0
    )
    assert make_column  # the public way to a column stays importable


def test_whole_modules_do_not_share_a_hold() -> None:
    """Three modules of 500 kg fit two flights by their sum but not one by one: three flights of 723 kg are needed."""
    campaign = best(tiny('[demands.p]\nmodule = "plant"\ncount = 2\nat = "base"\n'))
    assert campaign.objective_value == pytest.approx(2 * CARGO_MEUR + 40.0)
    mixed = best(
        tiny(
            '[demands.p]\nmodule = "plant"\ncount = 2\nat = "base"\nby = 2030-02-10\n'
            '[demands.s]\nmodule = "sun"\ncount = 1\nat = "base"\nby = 2030-02-10\n',
        )
    )
    assert mixed.objective_value == pytest.approx(3 * CARGO_MEUR + 45.0)
    loads_kg = mixed.table("flights")["mass_landed_kg"].to_list()
    assert sorted(loads_kg) == pytest.approx([300.0, 500.0, 500.0])


@pytest.mark.slow
def test_a_campaign_of_full_size_is_proven() -> None:
    """Ten years by month, 20 missions, a base and two stations: within 2 % of the optimum."""
    from flagship import flagship, legs, rates

    scenario = flagship(120)
    campaign = plan(scenario, legs(scenario), rates(), time_limit_s=300.0)
    print(campaign.status, campaign.gap, campaign.model)
    assert campaign.status == "optimal"
    assert campaign.gap <= 0.02
