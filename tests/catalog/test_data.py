"""The built-in data: complete, cited, and physically sane."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import pytest

from moonvillage.catalog import KINDS, Catalog, Commodity, Craft, Launcher, Metabolism, Module, load_catalog
from moonvillage.catalog.schema import fields_of
from moonvillage.units import STANDARD_GRAVITY_M_S2

ATOMIC = {"H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999}
DAY = 86400.0


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def every(catalog: Catalog, kind: str) -> Iterator[Any]:
    yield from catalog.of(kind).values()


def test_breadth(catalog: Catalog) -> None:
    """At least sixty real things, and every kind has entries."""
    assert all(len(catalog.of(kind)) > 0 for kind in KINDS)
    things = ("launcher", "craft", "module", "site", "ground_site", "partner")
    assert sum(len(catalog.of(kind)) for kind in things) >= 200
    real = [
        entry
        for kind in ("launcher", "craft", "module", "site")
        for entry in every(catalog, kind)
        if "notional" not in getattr(entry, "note", "").lower()
    ]
    assert len(real) >= 60


def test_every_number_has_a_known_source(catalog: Catalog) -> None:
    sources = set(catalog.of("source"))
    figures = 0
    for kind, (cls, _) in KINDS.items():
        quantities = [f for f in fields_of(cls).values() if f.metadata["kind"] in ("quantity", "quantities")]
        for entry in every(catalog, kind):
            for field in quantities:
                value = getattr(entry, field.name)
                if isinstance(value, float):
                    default = field.default
                    if default is not dataclasses.MISSING and value == default:
                        continue
                    names = [field.name]
                else:
                    names = [f"{field.name}.{key}" for key in value]
                for name in names:
                    figures += 1
                    assert name in entry.provenance, (kind, entry.id, name)
                    assert entry.provenance[name].source in sources
    print(f"figures with a source: {figures}")
    assert figures > 900


def test_memory_and_invention_are_never_high(catalog: Catalog) -> None:
    for kind in KINDS:
        for entry in every(catalog, kind):
            for name, provenance in getattr(entry, "provenance", {}).items():
                if provenance.source == "notional" or (provenance.source == "recall" and entry.id not in ("esm",)):
                    assert provenance.confidence == "low", (kind, entry.id, name)


def test_notional_figures_are_called_so(catalog: Catalog) -> None:
    for craft in every(catalog, "craft"):
        if craft.provenance["dry_kg"].source == "notional":
            assert craft.note.startswith("Notional"), craft.id


def test_craft_are_physical(catalog: Catalog) -> None:
    for craft in every(catalog, "craft"):
        total = craft.dry_kg + craft.propellant_kg
        assert craft.dry_kg > 0
        assert craft.propellant_kg / total < 0.97, craft.id
        assert (craft.propellant_kg > 0) == (craft.propellant != ""), craft.id
        assert craft.cost_eur >= 0
        if craft.propellant_kg:
            low, high = {
                "lox_lh2": (440, 470),
                "lox_lh2_55": (440, 470),
                "lox_ch4": (310, 385),
                "mmh_nto": (225, 330),
                "udmh_nto": (290, 340),
                "solid": (270, 300),
                "kerolox": (310, 360),
            }[craft.propellant]
            assert low <= craft.isp_s <= high, craft.id
            assert craft.thrust_n > 0, craft.id


def _dv(craft: Craft, above_kg: float, payload_kg: float = 0.0) -> float:
    start = craft.dry_kg + craft.propellant_kg + payload_kg + above_kg
    end = start - craft.propellant_kg
    return craft.isp_s * STANDARD_GRAVITY_M_S2 * math.log(start / end)


@pytest.mark.parametrize(
    ("lander", "needed_m_s"),
    [
        ("argonaut", 2900),
        ("griffin", 2900),
        ("ce4_lander", 2900),
        ("ce7_lander", 2900),
        ("ilrs_cargo_lander", 2900),
        ("lupex_lander", 2900),
        ("nova_c", 2900),
        ("blue_moon_mk1", 6050),
        ("ispace_apex", 2900),
    ],
)
def test_landers_can_land_their_cargo(catalog: Catalog, lander: str, needed_m_s: float) -> None:
    """Translunar orbit to ground: 0.85 + 2.05 km/s; from low Earth orbit 3.15 more."""
    craft = catalog.get(Craft, lander)
    assert _dv(craft, craft.cargo_kg) >= needed_m_s


def test_chinese_crewed_landing_closes(catalog: Catalog) -> None:
    mengzhou, lanyue, stage = (catalog.get(Craft, i) for i in ("mengzhou", "lanyue", "lanyue_stage"))
    assert _dv(mengzhou, 300) > 1900  # into lunar orbit and home
    wet = lanyue.dry_kg + lanyue.propellant_kg + 200
    assert _dv(stage, wet) + _dv(lanyue, 0, 200) > 4800  # insertion, descent, ascent
    full, inserter = (catalog.get(Craft, i) for i in ("lanyue_full", "lanyue_loi_stage"))
    assert _dv(full, 0, 200) > 3950
    assert _dv(inserter, full.dry_kg + full.propellant_kg + 200) > 900
    capacity = catalog.get(Launcher, "cz_10").tli_kg
    for stack in ((mengzhou,), (lanyue, stage), (full, inserter)):
        assert sum(c.dry_kg + c.propellant_kg for c in stack) + 500 <= capacity


@pytest.mark.parametrize(
    ("launcher", "into", "stack"),
    [
        ("cz_5", "tli_kg", ("ce5_orbiter", "ce5_returner", "ce5_lander", "ce5_ascender")),
        ("cz_3b", "tli_kg", ("ce4_lander",)),
        ("cz_7", "leo_kg", ("tianzhou",)),
        ("cz_2f", "leo_kg", ("shenzhou",)),
        ("cz_10a", "leo_kg", ("mengzhou_leo",)),
        ("cz_10", "tli_kg", ("ilrs_cargo_lander",)),
        ("sls_block1", "tli_kg", ("orion", "esm")),
        ("ariane_64_p160", "tli_kg", ("argonaut",)),
        ("new_glenn", "leo_kg", ("blue_moon_mk1",)),
        ("falcon_heavy", "tli_kg", ("griffin",)),
        ("falcon_9", "tli_kg", ("nova_c",)),
        ("falcon_9", "leo_kg", ("dragon_cargo",)),
        ("soyuz_21a", "leo_kg", ("soyuz_ms",)),
        ("h3_24", "leo_kg", ("htv_x",)),
        ("h3_24", "tli_kg", ("lupex_lander",)),
        ("lvm3", "leo_kg", ("chandrayaan3_pm", "chandrayaan3_lander")),
        ("saturn_v", "tli_kg", ("apollo_csm", "apollo_lm_descent", "apollo_lm_ascent")),
    ],
)
def test_launchers_lift_what_they_are_known_to_lift(
    catalog: Catalog, launcher: str, into: str, stack: tuple[str, ...]
) -> None:
    crafts = [catalog.get(Craft, i) for i in stack]
    cargo = sum(c.cargo_kg for c in crafts if c.seats == 0)
    total = sum(c.dry_kg + c.propellant_kg for c in crafts) + min(cargo, 20_000)
    assert total <= getattr(catalog.get(Launcher, launcher), into)


def test_launchers_lift_less_the_farther(catalog: Catalog) -> None:
    for launcher in every(catalog, "launcher"):
        assert launcher.leo_kg > launcher.tli_kg >= launcher.escape_kg >= 0, launcher.id
        assert launcher.sites
        assert launcher.cost_eur > 1e7
        for site in launcher.sites:
            assert catalog.of("ground_site")[site].kind == "launch"


def test_published_totals(catalog: Catalog) -> None:
    """Totals that are public, kept by the splits made here (kg)."""

    def wet(*ids: str) -> float:
        return sum(c.dry_kg + c.propellant_kg for c in (catalog.get(Craft, i) for i in ids))

    assert wet("ce5_orbiter", "ce5_returner", "ce5_lander", "ce5_ascender") == pytest.approx(8200, abs=10)
    assert wet("ce4_lander") + 140 == pytest.approx(3780, abs=1)
    assert wet("orion", "esm") == pytest.approx(10387 + 15461, abs=1)
    assert wet("queqiao1") == pytest.approx(448, abs=1)
    assert wet("mengzhou") == pytest.approx(26_000, rel=0.01)
    assert wet("lanyue", "lanyue_stage") == pytest.approx(26_000, rel=0.01)
    assert wet("argonaut") + 1500 == pytest.approx(10_000, rel=0.02)


def test_propellants_and_compositions_sum(catalog: Catalog) -> None:
    for propellant in every(catalog, "propellant"):
        assert sum(propellant.mixture.values()) == pytest.approx(1.0, abs=1e-12), propellant.id
    for commodity in every(catalog, "commodity"):
        total = sum(commodity.composition.values())
        assert total <= 1.0 + 1e-12, commodity.id
        assert set(commodity.composition) <= set("HCON")


@pytest.mark.parametrize(
    ("commodity", "formula"),
    [
        ("water", {"H": 2, "O": 1}),
        ("methane", {"C": 1, "H": 4}),
        ("carbon_dioxide", {"C": 1, "O": 2}),
        ("mmh", {"C": 1, "H": 6, "N": 2}),
        ("udmh", {"C": 2, "H": 8, "N": 2}),
        ("nto", {"N": 2, "O": 4}),
        ("oxygen", {"O": 2}),
        ("hydrogen", {"H": 2}),
        ("nitrogen", {"N": 2}),
    ],
)
def test_composition_follows_the_formula(catalog: Catalog, commodity: str, formula: dict[str, int]) -> None:
    molar = sum(ATOMIC[e] * n for e, n in formula.items())
    expected = {e: ATOMIC[e] * n / molar for e, n in formula.items()}
    assert dict(catalog.get(Commodity, commodity).composition) == pytest.approx(expected, abs=2e-8)


@pytest.mark.parametrize("id_", ["nasa-2004", "nasa-bvad-rev2"])
def test_people_balance(catalog: Catalog, id_: str) -> None:
    """Water out = water in + metabolic water; what is left over of each element is a plausible body solid."""
    m = catalog.get(Metabolism, id_)
    food, water, co2 = (catalog.get(Commodity, i).composition for i in ("food", "water", "carbon_dioxide"))
    made = m.urine_kg_s + m.vapour_kg_s + m.faecal_water_kg_s - m.water_in_kg_s
    solids = {
        e: m.food_dry_kg_s * food.get(e, 0.0)
        + (m.oxygen_kg_s if e == "O" else 0.0)
        - m.carbon_dioxide_kg_s * co2.get(e, 0.0)
        - made * water.get(e, 0.0)
        for e in "HCON"
    }
    total = m.food_dry_kg_s + m.oxygen_kg_s - m.carbon_dioxide_kg_s - made
    assert 0.30 < made * DAY < 0.40
    assert sum(solids.values()) == pytest.approx(total, rel=1e-9)
    assert all(value > 0 for value in solids.values()), solids
    assert 0.10 < total * DAY < 0.12
    assert solids["C"] / total == pytest.approx(0.37, abs=0.02)
    if id_ == "nasa-2004":  # Volk & Rummel (1987): 59 g C2H6O2N2, 32 g C42H69O13N5, 18 g C13H28O13N2
        formulas = (
            (0.059, {"C": 2, "H": 6, "O": 2, "N": 2}),
            (0.032, {"C": 42, "H": 69, "O": 13, "N": 5}),
            (0.018, {"C": 13, "H": 28, "O": 13, "N": 2}),
        )
        for e in "HCON":
            expected = sum(mass * ATOMIC[e] * f[e] / sum(ATOMIC[k] * n for k, n in f.items()) for mass, f in formulas)
            assert solids[e] * DAY == pytest.approx(expected, abs=1e-7)
    # heat: about 13 to 15 kJ per gram of oxygen
    assert 12e6 < m.heat_w / m.oxygen_kg_s < 15e6


def test_plants_conserve_mass(catalog: Catalog) -> None:
    checked = 0
    for module in every(catalog, "module"):
        if module.process and module.process != "water_recovery":
            made, taken = sum(module.makes_kg_s.values()), sum(module.takes_kg_s.values())
            assert made == pytest.approx(taken, rel=1e-8), module.id
            checked += 1
        if module.process == "water_recovery":
            assert module.makes_kg_s["water"] == pytest.approx(
                module.recovery * module.takes_kg_s["waste_water"], rel=1e-12
            )
    assert checked >= 9


def test_no_process_beats_its_floor(catalog: Catalog) -> None:
    """kWh per kg: electrolysis 4.96 per kg of oxygen (heating value), ice 1.2 per kg of water, oxides more."""
    kwh = 3.6e6
    for module in every(catalog, "module"):
        if module.process == "electrolysis":
            assert module.load_w / module.makes_kg_s["oxygen"] / kwh > 4.96, module.id
        if module.process == "ice_mining":
            assert module.load_w / module.makes_kg_s["water"] / kwh > 1.2, module.id
        if module.process in ("hydrogen_reduction", "molten_regolith", "carbothermal"):
            assert 18 <= module.load_w / module.makes_kg_s["oxygen"] / kwh <= 50.1, module.id


def test_modules_have_what_their_kind_needs(catalog: Catalog) -> None:
    for module in every(catalog, "module"):
        if module.kind in ("solar", "fission"):
            assert module.source_w > 0, module.id
        if module.kind == "battery":
            assert 100 < module.storage_j / module.mass_kg / 3600 < 600, module.id  # Wh/kg
        if module.kind == "habitat":
            assert module.crew > 0, module.id
            assert module.volume_m3 / module.crew > 8, module.id
        assert module.standby_w <= max(module.load_w, 1e-9), module.id
    assert catalog.get(Module, "fission_40kw").mass_kg <= 6000


def test_no_two_fields_are_written_alike() -> None:
    for cls, _ in KINDS.values():
        assert fields_of(cls)  # asserts on a collision
