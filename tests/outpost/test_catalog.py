"""The built-in catalog: every module is possible, and a base of its parts lives."""

from __future__ import annotations

import pytest

from moonvillage.catalog.load import load_catalog
from moonvillage.outpost import live, rates
from moonvillage.outpost.body import close
from moonvillage.records.outpost import Handover
from moonvillage.scenario.outposts import Outpost
from tests.outpost.world import DAY, START

VILLAGE = {
    "small_habitat": 2,
    "oxygen_generator_eu": 1,
    "water_recovery_cn": 1,
    "solar_vertical_cn": 4,
    "rfc_1mwh": 1,
    "ice_mine_ilrs": 2,
    "propellant_plant_10t": 1,
    "surface_tanks": 1,
}


def test_every_metabolism_closes_with_the_catalogs_food() -> None:
    catalog = load_catalog()
    food = catalog.of("commodity")["food"].composition
    for metabolism in catalog.of("metabolism").values():
        body = close(metabolism)
        assert not body.notes
        dry = [x / (1.0 - body.food[4]) for x in body.food[:4]]
        assert dry == pytest.approx([food[e] for e in ("H", "C", "O", "N")], abs=0.015)


def test_rates_of_every_module_at_every_site() -> None:
    catalog = load_catalog()
    for site in catalog.of("site"):
        found = rates(Outpost(id="x", place="x", site=site, modules=VILLAGE), catalog)
        assert found.module_power_w["fission_40kw"] > 39_000.0
        assert found.crew_kg_s["food"] > 0.0


def test_a_village_fed_by_its_rates_lives() -> None:
    """Two people for three years with what the rates ask for, a fortnight of working stock and a 45-day reserve."""
    catalog = load_catalog()
    reserve = dict.fromkeys(("oxygen", "water", "food"), 45 * DAY)
    outpost = Outpost(id="v", place="v", site="connecting_ridge", modules=VILLAGE, reserve_s=reserve)
    found = rates(outpost, catalog)
    assert sum(found.module_power_w.get(m, 0.0) * n for m, n in VILLAGE.items()) > 0.0
    span = 3 * 365 * DAY
    stocks = {}
    for commodity in ("oxygen", "water", "food", "nitrogen", "spares"):
        crew = 2 * found.crew_kg_s.get(commodity, 0.0)
        use = crew + found.standing_kg_s.get(commodity, 0.0)
        decay = catalog.of("commodity")[commodity].boiloff_per_s * span
        stocks[commodity] = (use * span + crew * 60 * DAY) * (1.0 + decay)
    village = Outpost(
        id="v", place="v", site="connecting_ridge", modules=VILLAGE, reserve_s=reserve, stocks_kg=stocks
    )
    log = live({"v": village}, [Handover(START, "v", "up", crew=2)], START, START + span, catalog)
    assert log.shortfalls == ()
    assert not log.events.filter(kind="death").height
    assert max(b.worst_relative for b in log.balances) < 1e-9
    assert log.crew_days == pytest.approx(2 * 3 * 365)
