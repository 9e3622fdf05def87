"""A small catalog for these tests: what stands in it is chosen for round numbers, not for truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from moonvillage.catalog.model import Commodity, Metabolism, Module, Site
from moonvillage.outpost import SunModel
from moonvillage.scenario.outposts import Outpost

DAY = 86400.0
KWH = 3.6e6
START = 1.0e9


class World:
    """A catalog view."""

    def __init__(self, **kinds: Mapping[str, Any]) -> None:
        self.kinds = kinds

    def of(self, kind: str) -> Mapping[str, Any]:
        return self.kinds.get(kind, {})


#: NASA's 2004 baseline (NASA/CR-2004-208941, table 3.3.1 ff.), kg per day.
NASA_2004 = Metabolism(
    id="nasa-2004",
    title="2004 baseline",
    oxygen_kg_s=0.835 / DAY,
    carbon_dioxide_kg_s=0.998 / DAY,
    food_dry_kg_s=0.617 / DAY,
    water_in_kg_s=3.909 / DAY,
    urine_kg_s=1.886 / DAY,
    vapour_kg_s=2.277 / DAY,
    faecal_water_kg_s=0.091 / DAY,
    heat_w=137.0,
)


def module(id_: str, kind: str, **given: Any) -> Module:
    return Module(id=id_, title=id_, kind=kind, operator="nobody", mass_kg=1000.0, **given)


def modules() -> dict[str, Module]:
    found = [
        module("hab", "habitat", crew=4, volume_m3=200.0, load_w=4000.0, standby_w=500.0, leak_per_s=5e-4 / DAY),
        module("sun", "solar", source_w=20_000.0),
        module("pile", "fission", source_w=40_000.0),
        module("cells", "battery", storage_j=400 * KWH, storage_efficiency=0.81),
        module(
            "oga",
            "life_support",
            process="electrolysis",
            makes_kg_s={"oxygen": 4.0 / DAY},
            load_w=2000.0,
            standby_w=300.0,
        ),
        module("sab", "life_support", process="sabatier", crew=4, load_w=300.0),
        module("wrs", "life_support", process="water_recovery", crew=4, recovery=0.93, load_w=600.0, standby_w=100.0),
        module(
            "plant",
            "isru",
            process="molten_regolith",
            makes_kg_s={"oxygen": 10.0 / DAY},
            load_w=10.0 * 25.0 * KWH / DAY,
            standby_w=100.0,
        ),
        module(
            "mine",
            "isru",
            process="ice_mining",
            makes_kg_s={"water": 10.0 / DAY},
            takes_kg_s={"regolith": 200.0 / DAY},
            load_w=10.0 * 3.0 * KWH / DAY,
        ),
        module(
            "split", "isru", process="electrolysis", makes_kg_s={"oxygen": 8.0 / DAY}, load_w=8.0 * 5.0 * KWH / DAY
        ),
        module(
            "lab",
            "laboratory",
            load_w=1500.0,
            standby_w=100.0,
            failure_per_s=2.0 / (365 * DAY),
            spare_kg=20.0,
            repair_s=5 * DAY,
        ),
        module("tank", "depot", holds_kg={"oxygen": 500.0, "water": 800.0}, load_w=50.0),
        module(
            "can",
            "station",
            crew=3,
            volume_m3=80.0,
            load_w=2000.0,
            standby_w=800.0,
            source_w=12_000.0,
            storage_j=40 * KWH,
        ),
    ]
    return {m.id: m for m in found}


def commodities() -> dict[str, Commodity]:
    return {
        "oxygen": Commodity(
            id="oxygen", title="oxygen", supply_class=2, composition={"O": 1.0}, boiloff_per_s=1e-5 / DAY
        ),
        "nitrogen": Commodity(id="nitrogen", title="nitrogen", supply_class=2, composition={"N": 1.0}),
        "water": Commodity(id="water", title="water", supply_class=2, composition={"H": 0.11, "O": 0.89}),
        "food": Commodity(id="food", title="food", supply_class=2),
        "spares": Commodity(id="spares", title="spares", supply_class=4),
        "samples": Commodity(id="samples", title="samples", supply_class=6, composition={"O": 0.43}),
    }


SITES = {
    "ridge": Site(
        id="ridge",
        title="Connecting Ridge",
        latitude_rad=np.deg2rad(-89.45),
        longitude_rad=np.deg2rad(222.7),
        height_m=1900.0,
        illumination=0.9227,
        longest_night_s=5 * DAY,
        ice_fraction=0.05,
    ),
    "plain": Site(id="plain", title="a plain", latitude_rad=np.deg2rad(0.7), longitude_rad=np.deg2rad(23.5)),
}


def world(**changes: Any) -> World:
    kinds: dict[str, Any] = {
        "module": modules(),
        "commodity": commodities(),
        "metabolism": {"nasa-2004": NASA_2004, "zero": replace(NASA_2004, id="zero")},
        "site": SITES,
    }
    kinds.update(changes)
    return World(**kinds)


def base(**given: Any) -> Outpost:
    given.setdefault("failures", "none")
    given.setdefault("site", "ridge")
    return Outpost(id=given.pop("id", "base"), place=given.pop("place", "ridge"), **given)


class Always(SunModel):
    """Light that never changes, or follows a given function of time."""

    def sun_fraction(self, epoch_tdb_s: Any) -> Any:
        return np.full(np.shape(epoch_tdb_s), self.horizon_rad)


def shining(share: float = 1.0) -> SunModel:
    return Always(0.0, 0.0, 0.0, share)
