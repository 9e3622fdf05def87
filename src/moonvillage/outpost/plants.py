"""Modules as plants: what each one runs, how much at full power, and the floor that its power may not beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from moonvillage.catalog.model import Module
from moonvillage.outpost.body import Body
from moonvillage.outpost.species import (
    CARBON_DIOXIDE_PER_HYDROGEN,
    METHANE_PER_HYDROGEN,
    WATER_PER_HYDROGEN,
    WATER_PER_OXYGEN,
    substance_of,
)

_J_PER_KWH: Final = 3.6e6
#: Least energy per kilogram of product, J/kg, with its reason.
#: Water: Gibbs energy of formation 237.1 kJ/mol (NIST-JANAF); iron oxide: enthalpy 272.0 kJ/mol (NIST-JANAF);
#: ice: enthalpy of sublimation 2.834 MJ/kg (Feistel & Wagner 2007, doi 10.1016/j.gca.2006.08.034).
FLOORS_J_KG: Final[Mapping[str, tuple[str, float, str]]] = {
    "electrolysis": ("oxygen", 4.12 * _J_PER_KWH, "the Gibbs energy of water, 4.12 kWh per kg of oxygen"),
    "hydrogen_reduction": ("oxygen", 4.12 * _J_PER_KWH, "the electrolysis of the water it makes, 4.12 kWh/kg"),
    "carbothermal": ("oxygen", 4.12 * _J_PER_KWH, "the electrolysis of the water it makes, 4.12 kWh/kg"),
    "molten_regolith": ("oxygen", 4.72 * _J_PER_KWH, "the enthalpy of the weakest oxide, FeO, 4.72 kWh/kg"),
    "ice_mining": ("water", 2.834e6, "the sublimation of ice, 0.79 kWh/kg"),
}
#: Oxygen won per regolith dug, where a module does not say: 10 wt% ilmenite gives 1.05 wt%; melts and carbothermal
#: reduction reach about half and a quarter of the 43 wt% oxygen (Schlüter & Cowley 2020, PSS 181:104753).
_YIELD: Final[Mapping[str, float]] = {
    "hydrogen_reduction": 0.0105,
    "molten_regolith": 0.20,
    "carbothermal": 0.10,
}
#: Mass fraction of oxygen in mean lunar regolith (Papike, Simon & Laul 1982, doi 10.1029/RG020i004p00761).
REGOLITH_OXYGEN: Final = 0.43
DIGGERS: Final = frozenset(("hydrogen_reduction", "molten_regolith", "carbothermal", "ice_mining"))
#: Kind → priority of its working load (power.py).
PRIORITY: Final[Mapping[str, int]] = {
    "habitat": 0,
    "station": 0,
    "life_support": 0,
    "solar": 1,
    "fission": 1,
    "battery": 1,
    "relay": 1,
    "depot": 1,
    "laboratory": 2,
    "rover": 2,
    "payload": 2,
    "isru": 3,
}
#: Kinds whose crew is housed.
HOUSING: Final = frozenset(("habitat", "station"))
#: Kinds that work only while people are there, and stand by otherwise.
CREWED_KINDS: Final = frozenset(("habitat", "life_support", "laboratory"))


@dataclass(frozen=True, slots=True)
class Plant:
    """One kind of plant. ``rate_kg_s`` is that of its key product or feed at full power, per unit:

    electrolysis: oxygen out; sabatier: hydrogen in; water_recovery: waste water in; diggers: product out
    (``regolith_kg_s`` in); blend: ``makes``/``takes`` at full power, whatever is left over going to waste.
    """

    module: str
    process: str
    rate_kg_s: float
    product: str = ""
    recovery: float = 0.0
    regolith_kg_s: float = 0.0
    makes: tuple[tuple[str, float], ...] = ()
    takes: tuple[tuple[str, float], ...] = ()
    priority: int = 0
    surplus: bool = False  # waits for surplus power and fills tanks, instead of following the crew's needs


def _pick(table: Mapping[str, float], substance: str) -> tuple[str, float]:
    for commodity, rate in table.items():
        if substance_of(commodity) == substance:
            return commodity, rate
    return "", 0.0


def _refuse(module: Module, text: str) -> ValueError:
    return ValueError(f"module {module.id!r}: {text}")


def check_floor(module: Module, process: str, product_kg_s: float) -> None:
    """Refuse a module whose power is below the least that physics allows for its output.

    Raises
    ------
    ValueError
        With the module, its energy per kilogram and the floor.
    """
    if process not in FLOORS_J_KG or product_kg_s <= 0.0:
        return
    product, floor, why = FLOORS_J_KG[process]
    energy = module.load_w / product_kg_s
    if energy < floor * (1.0 - 1e-9):
        raise _refuse(
            module,
            f"takes {energy / _J_PER_KWH:.3g} kWh per kg of {product}, less than {why}; "
            "raise 'load' or lower 'makes'",
        )


def plant_of(module: Module, body: Body, ice_fraction: float) -> Plant | None:
    """What a module runs, or None where it runs nothing.

    Raises
    ------
    ValueError
        If its process lacks a rate, makes something from nothing, or beats its thermodynamic floor.
    """
    process = module.process or ("water_recovery" if module.recovery > 0.0 else "")
    surplus = module.kind not in ("life_support", "habitat", "station")
    priority = PRIORITY[module.kind]
    makes, takes = module.makes_kg_s, module.takes_kg_s
    if process == "electrolysis":
        product, rate = _pick(makes, "oxygen")
        if rate <= 0.0:
            rate = _pick(takes, "water")[1] / WATER_PER_OXYGEN
        if rate <= 0.0:
            rate = module.crew * body.oxygen_kg_s
        if rate <= 0.0:
            raise _refuse(module, "electrolyses at no rate; give 'makes' of oxygen, or 'crew'")
        check_floor(module, process, rate)
        return Plant(module.id, process, rate, product, priority=priority, surplus=surplus)
    if process == "sabatier":
        rate = _pick(takes, "hydrogen")[1]
        if rate <= 0.0:
            rate = _pick(makes, "water")[1] / WATER_PER_HYDROGEN
        if rate <= 0.0:
            rate = _pick(makes, "methane")[1] / METHANE_PER_HYDROGEN
        if rate <= 0.0:
            carbon = _pick(takes, "carbon_dioxide")[1] or module.crew * body.carbon_dioxide_kg_s
            rate = carbon / CARBON_DIOXIDE_PER_HYDROGEN
        if rate <= 0.0:
            raise _refuse(module, "reduces carbon dioxide at no rate; give 'makes' of water, or 'crew'")
        return Plant(module.id, process, rate, priority=priority, surplus=surplus)
    if process == "water_recovery":
        rate = _pick(takes, "waste_water")[1]
        if rate <= 0.0 and module.recovery > 0.0:
            rate = _pick(makes, "water")[1] / module.recovery
        if rate <= 0.0:
            rate = module.crew * (body.urine_kg_s + body.vapour_kg_s + body.hygiene_kg_s)
        if rate <= 0.0:
            raise _refuse(module, "recovers water at no rate; give 'makes' of water, or 'crew'")
        return Plant(module.id, process, rate, recovery=module.recovery, priority=priority, surplus=surplus)
    if process in DIGGERS:
        return _digger(module, process, ice_fraction, surplus, priority)
    if makes or takes:
        if not takes:
            raise _refuse(module, f"makes {', '.join(makes)} from nothing; give its 'process' or its 'takes'")
        return Plant(
            module.id,
            "blend",
            1.0,
            makes=tuple(sorted(makes.items())),
            takes=tuple(sorted(takes.items())),
            priority=priority,
            surplus=surplus,
        )
    return None


def _digger(module: Module, process: str, ice_fraction: float, surplus: bool, priority: int) -> Plant:
    substance = "water" if process == "ice_mining" else "oxygen"
    product, rate = _pick(module.makes_kg_s, substance)
    if rate <= 0.0:
        raise _refuse(module, f"gives no {substance}; say what it 'makes'")
    check_floor(module, process, rate)
    dug = sum(r for c, r in module.takes_kg_s.items() if substance_of(c) == "regolith")
    if process == "ice_mining":
        if dug > 0.0:  # what it digs is fixed; poorer ground yields less, richer no more than it was built for
            rate = min(rate, dug * ice_fraction)
        elif ice_fraction > 0.0:
            dug = rate / ice_fraction
        else:
            rate = 0.0
    else:
        dug = dug or rate / _YIELD[process]
        if rate > REGOLITH_OXYGEN * dug:
            raise _refuse(module, f"wins more oxygen than the {REGOLITH_OXYGEN:.0%} that regolith holds")
    others = tuple(sorted((c, r) for c, r in module.takes_kg_s.items() if substance_of(c) != "regolith"))
    return Plant(
        module.id, process, rate, product, regolith_kg_s=dug, takes=others, priority=priority, surplus=surplus
    )


@dataclass(frozen=True, slots=True)
class Yard:
    """Everything that stands at a place, added up for the working units."""

    plants: tuple[tuple[Plant, float, float], ...]  # plant, working units, W above standby per unit
    housing: int
    scrubbing: float  # people whose air can be cleaned
    volume_m3: float
    leak_per_s: float
    solar_w: float
    fission_w: float
    storage_j: float
    efficiency: float
    standby_w: tuple[float, float, float, float]
    crewed_w: tuple[float, float, float, float]  # above standby, while people are there
    always_w: tuple[float, float, float, float]  # above standby, at all times
    holds_kg: Mapping[str, float]


def availability(module: Module) -> float:
    """Mean share of the time that a unit works: MTBF / (MTBF + repair time)."""
    return 1.0 / (1.0 + module.failure_per_s * module.repair_s)


def yard(
    counts: Mapping[str, float], working: Mapping[str, float], modules: Mapping[str, Module], body: Body, ice: float
) -> Yard:
    """Add up what stands (``counts``) and what of it works (``working``, may be fractional)."""
    standby, crewed, always = [0.0] * 4, [0.0] * 4, [0.0] * 4
    plants: list[tuple[Plant, float, float]] = []
    holds: dict[str, float] = {}
    housing, scrubbing, volume, leak = 0, 0.0, 0.0, 0.0
    solar = fission = storage = loss_weight = 0.0
    for name in sorted(counts):
        module, count = modules[name], counts[name]
        if count <= 0:
            continue
        works = working.get(name, count)
        priority = PRIORITY[module.kind]
        base = min(module.standby_w, module.load_w) if module.load_w > 0.0 else module.standby_w
        extra = module.load_w - base if module.load_w > 0.0 else 0.0
        standby[min(priority, 1)] += base * works
        plant = plant_of(module, body, ice)
        own = module.kind in HOUSING  # their load is not their plant's
        if plant is not None:
            plants.append((plant, works, 0.0 if own else extra))
        if plant is None or own:
            (crewed if module.kind in CREWED_KINDS else always)[priority] += extra * works
        if module.kind in HOUSING:
            housing += int(module.crew * count)
        if module.kind in ("habitat", "station", "life_support"):
            scrubbing += module.crew * works
        volume += module.volume_m3 * count
        leak += module.leak_per_s * module.volume_m3 * count
        if module.kind == "fission":
            fission += module.source_w * works
        else:
            solar += module.source_w * works
        storage += module.storage_j * works
        loss_weight += module.storage_j * works * module.storage_efficiency
        for commodity, capacity in module.holds_kg.items():
            holds[commodity] = holds.get(commodity, 0.0) + capacity * count
    return Yard(
        plants=tuple(sorted(plants, key=lambda item: -item[0].recovery)),  # the best recovers first
        housing=housing,
        scrubbing=scrubbing,
        volume_m3=volume,
        leak_per_s=leak / volume if volume > 0.0 else 0.0,
        solar_w=solar,
        fission_w=fission,
        storage_j=storage,
        efficiency=loss_weight / storage if storage > 0.0 else 0.9,
        standby_w=_four(standby),
        crewed_w=_four(crewed),
        always_w=_four(always),
        holds_kg=holds,
    )


def _four(values: list[float]) -> tuple[float, float, float, float]:
    return values[0], values[1], values[2], values[3]
