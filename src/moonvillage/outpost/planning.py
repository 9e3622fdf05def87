"""What a planner may count on: linear rates that are never better than the simulated outpost.

The recycling of a place depends on its people and its plants together, which no linear rate can say. So the rates
are net of recycling under the modules that are *expected* to stand there, with their capacity shared among as many
people as those modules house: fewer people never fare worse. Modules give rates of their own only where they work
whether people are there or not (mining, generic plants). Leaks, and spares for repairs, are the place's: they go on
whatever works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moonvillage.catalog.model import Metabolism, Module
from moonvillage.outpost.body import (
    AIRLOCK_LOST_PA_M3_H,
    EVA_OXYGEN_KG_H,
    EVA_WATER_KG_H,
    Body,
    close,
)
from moonvillage.outpost.light import mean_fraction
from moonvillage.outpost.matter import CARBON_DIOXIDE_PA, GAS_KG_PA_M3, VAPOUR_PA, Air, Parts
from moonvillage.outpost.plants import DIGGERS, Yard, availability, plant_of, yard
from moonvillage.outpost.species import (
    CARBON_DIOXIDE_PER_HYDROGEN,
    HYDROGEN_PER_OXYGEN,
    WATER_PER_HYDROGEN,
    WATER_PER_OXYGEN,
    CatalogView,
    commodity_for,
    substance_of,
)
from moonvillage.records.rates import OutpostRates
from moonvillage.scenario.outposts import Outpost


def parts_of(catalog: CatalogView) -> Parts:
    """The commodity ids that play the parts of the simulation."""
    known = catalog.of("commodity")
    names = Parts.__dataclass_fields__
    return Parts(**{name: commodity_for(name, known) for name in names})


def body_of(outpost: Outpost, catalog: CatalogView) -> Body:
    """The closed metabolism of an outpost's people.

    Raises
    ------
    ValueError
        If the catalog lacks the set.
    """
    found: Metabolism | None = catalog.of("metabolism").get(outpost.metabolism)
    if found is None:
        raise ValueError(f"outpost {outpost.id!r}: no metabolism {outpost.metabolism!r} in the catalog")
    return close(found)


def site_of(outpost: Outpost, catalog: CatalogView) -> Any:
    """The site of an outpost, None for an orbit.

    Raises
    ------
    ValueError
        If the catalog lacks the site.
    """
    if not outpost.site:
        return None
    found = catalog.of("site").get(outpost.site)
    if found is None:
        raise ValueError(f"outpost {outpost.id!r}: no site {outpost.site!r} in the catalog")
    return found


def air_of(outpost: Outpost) -> Air:
    """The cabin's set points: oxygen by volume of the whole pressure, nitrogen the rest; its relief and control.

    Raises
    ------
    ValueError
        If the cabin or its relief lies above the pressure that it is rated for, or the relief below the cabin.
    """
    cabin = outpost.cabin_pa
    rating = outpost.rating_pa or 1.25 * cabin
    relief = outpost.relief_pa or min(1.1 * cabin, rating)
    if cabin > rating or relief > rating:
        what, high = ("cabin pressure", cabin) if cabin > rating else ("relief pressure", relief)
        raise ValueError(
            f"outpost {outpost.id!r}: the {what} of {high / 1000.0:.1f} kPa is above the rating of "
            f"{rating / 1000.0:.1f} kPa; lower it or raise 'rating'"
        )
    if relief < cabin:
        raise ValueError(
            f"outpost {outpost.id!r}: the relief opens at {relief / 1000.0:.1f} kPa, below the cabin's "
            f"{cabin / 1000.0:.1f} kPa; raise 'relief'"
        )
    if outpost.oxygen_limit <= outpost.oxygen_share and outpost.oxygen_limit < 0.5:
        raise ValueError(
            f"outpost {outpost.id!r}: oxygen is vented above {outpost.oxygen_limit:.0%} but kept at "
            f"{outpost.oxygen_share:.0%}; raise 'oxygen_limit'"
        )
    oxygen = outpost.oxygen_share * cabin
    nitrogen = max(cabin - oxygen - CARBON_DIOXIDE_PA - VAPOUR_PA, 0.0)
    limit = 1.0 if outpost.oxygen_limit <= outpost.oxygen_share else outpost.oxygen_limit
    return Air(oxygen, nitrogen, relief, limit, outpost.air == "kept")


@dataclass(frozen=True, slots=True)
class NetUse:
    """Net use of the parts under a yard: per person and second, and standing, kg/s, by commodity."""

    crew_kg_s: Mapping[str, float]
    standing_kg_s: Mapping[str, float]
    generator_share: float


def net_use(yard_: Yard, body: Body, air: Air, parts: Parts, eva_h_s: float, housing: int | None = None) -> NetUse:
    """Use after recycling, the plants' capacity shared among as many people as the yard houses.

    ``eva_h_s`` is EVA hours per person and second; ``housing`` overrides how many share.
    """
    people = float(max(yard_.housing if housing is None else housing, 1))
    o2, n2, co2, h2o = air.targets_kg(yard_.volume_m3)
    leak = yard_.leak_per_s
    total_pa = air.oxygen_pa + air.nitrogen_pa + CARBON_DIOXIDE_PA + VAPOUR_PA
    lost = eva_h_s * AIRLOCK_LOST_PA_M3_H / total_pa if yard_.volume_m3 > 0.0 else 0.0
    lock = [
        lost * p * k
        for p, k in zip((air.oxygen_pa, air.nitrogen_pa, CARBON_DIOXIDE_PA, VAPOUR_PA), GAS_KG_PA_M3, strict=True)
    ]
    demand = body.oxygen_kg_s + lock[0]
    makers = [(p, units) for p, units, _ in yard_.plants]
    capacity = sum(p.rate_kg_s * u for p, u in makers if p.process == "electrolysis" and not p.surplus)
    share = min(1.0, capacity / (people * demand + o2 * leak)) if capacity > 0.0 else 0.0

    hydrogen = share * demand * HYDROGEN_PER_OXYGEN
    reducers = sum(p.rate_kg_s * u for p, u in makers if p.process == "sabatier")
    carbon = max(body.carbon_dioxide_kg_s - lock[2], 0.0) / CARBON_DIOXIDE_PER_HYDROGEN
    reduced = min(hydrogen, reducers / people, carbon)

    waste = max(body.urine_kg_s + body.hygiene_kg_s + body.vapour_kg_s - lock[3], 0.0)
    recovered = 0.0
    for plant, units in makers:
        if plant.process == "water_recovery":
            fed = min(waste, plant.rate_kg_s * units / people)
            waste -= fed
            recovered += fed * plant.recovery
    water = body.water_kg_s + body.hygiene_kg_s + EVA_WATER_KG_H * eva_h_s
    water += share * demand * WATER_PER_OXYGEN - reduced * WATER_PER_HYDROGEN - recovered
    crew = {
        parts.oxygen: (1.0 - share) * demand + EVA_OXYGEN_KG_H * eva_h_s,
        parts.water: max(water, 0.0),
        parts.food: body.food_kg_s,
    }
    if lock[1] > 0.0:
        crew[parts.nitrogen] = lock[1]
    standing: dict[str, float] = {}
    if leak > 0.0:
        carbon_water = co2 * leak / CARBON_DIOXIDE_PER_HYDROGEN * WATER_PER_HYDROGEN if reducers > 0.0 else 0.0
        standing = {
            parts.oxygen: (1.0 - share) * o2 * leak,
            parts.nitrogen: n2 * leak,
            parts.water: share * o2 * leak * WATER_PER_OXYGEN + h2o * leak + carbon_water,
        }
    return NetUse(crew, standing, share)


def rates(outpost: Outpost, catalog: CatalogView, *, expected: Mapping[str, int] | None = None) -> OutpostRates:
    """Linear planning rates of an outpost, never better than what :func:`live` then finds.

    Parameters
    ----------
    outpost
        The place. Its ``eva_per_crew`` is EVA hours per person and second.
    catalog
        Modules, commodities, metabolism sets and sites.
    expected
        Module counts that will stand there while people are there; by default those at the start. The recycling in
        ``crew_kg_s`` and the leaks and repairs in ``standing_kg_s`` are theirs.

    Returns
    -------
    OutpostRates
        ``module_kg_s`` has plants that work without people (at the place's mean light unless all power is
        nuclear); ``module_power_w`` allows for what storage loses over the dark.

    Raises
    ------
    ValueError
        If an entry is missing, or a module beats its thermodynamic floor.
    """
    modules: Mapping[str, Module] = catalog.of("module")
    body, air, parts = body_of(outpost, catalog), air_of(outpost), parts_of(catalog)
    site = site_of(outpost, catalog)
    ice = site.ice_fraction if site is not None else 0.0
    counts = dict(outpost.modules if expected is None else expected)
    missing = sorted(set(counts) - set(modules))
    if missing:
        raise ValueError(f"outpost {outpost.id!r}: no module {missing[0]!r} in the catalog")
    failing = outpost.failures != "none"
    working = {m: n * (availability(modules[m]) if failing else 1.0) for m, n in counts.items()}
    here = yard(counts, working, modules, body, ice)
    use = net_use(here, body, air, parts, outpost.eva_per_crew)
    sun = outpost.orbit_sunlight if site is None else mean_fraction(site)
    nuclear = here.fission_w > 0.0 and here.solar_w <= 0.0
    lit = 1.0 if nuclear else sun
    dark_cost = 1.0 if nuclear else sun + (1.0 - sun) / here.efficiency

    standing = dict(use.standing_kg_s)
    if failing:  # things break whether a planner lets them work or not
        wear = sum(working[m] * modules[m].failure_per_s * modules[m].spare_kg for m in counts)
        standing[parts.spares] = standing.get(parts.spares, 0.0) + wear

    module_kg_s: dict[str, dict[str, float]] = {}
    module_power_w: dict[str, float] = {}
    for name in sorted(modules):
        module = modules[name]
        up = availability(module) if failing else 1.0
        plant = plant_of(module, body, ice)
        flows: dict[str, float] = {}
        duty = 1.0
        if plant is not None and plant.surplus:
            duty = up * lit
            if plant.process in DIGGERS:
                flows = {c: -r * duty for c, r in plant.takes}
                flows[plant.product] = flows.get(plant.product, 0.0) + plant.rate_kg_s * duty
            elif plant.process == "electrolysis":
                flows = {
                    plant.product or parts.oxygen: plant.rate_kg_s * duty,
                    parts.water: -plant.rate_kg_s * WATER_PER_OXYGEN * duty,
                }
                if parts.hydrogen in module.holds_kg:
                    flows[parts.hydrogen] = plant.rate_kg_s * HYDROGEN_PER_OXYGEN * duty
        if plant is not None and plant.process == "blend":
            duty = up * (lit if plant.surplus and plant.priority == 3 else 1.0)
            flows = {c: -r * up for c, r in plant.takes if substance_of(c) != "regolith"}
            for c, r in plant.makes:
                flows[c] = flows.get(c, 0.0) + 0.98 * r * duty
        flows = {c: f for c, f in flows.items() if f != 0.0}
        if flows:
            module_kg_s[name] = flows
        source = module.source_w * up * (1.0 if module.kind == "fission" else sun)
        if plant is not None and plant.priority == 3:
            standby = min(module.standby_w, module.load_w)
            load = standby * dark_cost + (module.load_w - standby) * duty
        else:
            load = max(module.load_w, module.standby_w) * dark_cost
        if source or load:
            module_power_w[name] = source - load
    return OutpostRates(
        place=outpost.place,
        crew_kg_s={c: r for c, r in use.crew_kg_s.items() if r > 0.0},
        standing_kg_s={c: r for c, r in standing.items() if r > 0.0},
        module_kg_s=module_kg_s,
        module_power_w=module_power_w,
        crew_power_w=0.0,
    )
