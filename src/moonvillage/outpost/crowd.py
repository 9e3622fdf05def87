"""One step of matter and power for many runs of a place at once: :mod:`matter` and :mod:`power`, over arrays.

Every quantity is an array over runs. The order of a step and every rule are those of the single run, line by line; a
test holds both to the same stocks. Waste is not followed (it is never drawn on), nor are crops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from moonvillage.outpost.body import AIRLOCK_LOST_PA_M3_H, EVA_OXYGEN_KG_H, EVA_WATER_KG_H, Body
from moonvillage.outpost.matter import (
    GAS_KG_PA_M3,
    SATURATION_PA,
    SCRUBBER_MARGIN,
    Air,
    Parts,
)
from moonvillage.outpost.plants import DIGGERS, Plant
from moonvillage.outpost.power import FLOOR
from moonvillage.outpost.species import (
    CARBON_DIOXIDE_PER_HYDROGEN,
    HYDROGEN_PER_OXYGEN,
    METHANE_PER_HYDROGEN,
    WATER_PER_HYDROGEN,
    WATER_PER_OXYGEN,
    substance_of,
)

Floats = NDArray[np.float64]


@dataclass(slots=True)
class Yards:
    """What stands at a place in each run: the sums of :class:`plants.Yard`, shape (runs,)."""

    units: list[Floats]  # working units of each plant
    housing: Floats
    scrubbing: Floats
    volume_m3: Floats
    leak_per_s: Floats
    solar_w: Floats
    fission_w: Floats
    storage_j: Floats
    efficiency: Floats
    standby_w: list[Floats]
    crewed_w: list[Floats]
    always_w: list[Floats]
    cap_kg: dict[str, Floats]  # inf where nothing limits


@dataclass(slots=True)
class Asked:
    """What a step asks for, shape (runs,) each."""

    duration_s: float
    crew: Floats
    eva_h: Floats
    generator_share: Floats
    water_floor_kg: Floats
    spares_kg: Floats


@dataclass(slots=True)
class Outcome:
    """After a step: stocks, cabin, what lacked, plant duties."""

    stocks: dict[str, Floats]
    cabin: list[Floats]
    deficit: dict[str, Floats]
    lacking: list[Floats]
    duties: list[Floats] = field(default_factory=list)
    unmended_kg: Floats | None = None


class Crowd:
    """The step of many runs of one place."""

    def __init__(
        self,
        body: Body,
        parts: Parts,
        air: Air,
        plants: Sequence[tuple[Plant, float]],
        blends: Mapping[str, float],
        boiloff_per_s: Mapping[str, float],
        kept: frozenset[str],
    ) -> None:
        self.body, self.parts, self.air = body, parts, air
        self.plants = [plant for plant, _ in plants]
        self.extra_w = [extra for _, extra in plants]
        self.blends = blends
        self.boiloff = {c: b for c, b in boiloff_per_s.items() if b > 0.0}
        byproducts = (parts.hydrogen, parts.carbon_dioxide, parts.methane)
        self.vented = tuple(c for c in byproducts if c not in kept)
        self.per_m3 = air.targets_kg(1.0)

    def run(
        self,
        stocks: Mapping[str, Floats],
        cabin: Sequence[Floats],
        yard: Yards,
        asked: Asked,
        caps: Sequence[Floats],
        air_fraction: Floats | float,
    ) -> Outcome:
        """Let a step pass; see :meth:`matter.Step.run`."""
        body, parts, dt = self.body, self.parts, asked.duration_s
        stock = dict(stocks)
        gas = [g.copy() for g in cabin]
        people = asked.crew * dt
        there = people > 0.0
        zero = np.zeros_like(people)
        out = Outcome(stock, gas, {}, [zero, zero], [zero for _ in caps])

        def take(commodity: str, kg: Floats) -> Floats:
            got = np.minimum(kg, stock[commodity])
            stock[commodity] = stock[commodity] - got
            return got

        def make(commodity: str, kg: Floats) -> None:
            stock[commodity] = stock[commodity] + kg

        def need(commodity: str, kg: Floats) -> None:
            lack = kg - take(commodity, kg)
            if lack.any():
                out.deficit[commodity] = out.deficit.get(commodity, zero) + lack

        volume = yard.volume_m3
        housed = volume > 0.0
        if housed.any():
            share = -np.expm1(-yard.leak_per_s * dt)
            pascal_m3 = sum(g / k for g, k in zip(gas, GAS_KG_PA_M3, strict=True))
            lost = np.divide(asked.eva_h * AIRLOCK_LOST_PA_M3_H, pascal_m3, out=zero.copy(), where=pascal_m3 > 0.0)
            share = np.where(housed, np.minimum(share + lost, 1.0), 0.0)
            for i in range(4):
                gas[i] = gas[i] * (1.0 - share)
        if there.any():
            need(parts.food, body.food_kg_s * people)
            gas[0] = gas[0] - body.oxygen_kg_s * people
            gas[2] = gas[2] + body.carbon_dioxide_kg_s * people
            gas[3] = gas[3] + body.vapour_kg_s * people
            make(parts.waste_water, (body.urine_kg_s + body.hygiene_kg_s) * people)
        target = [t * volume for t in self.per_m3]
        limit = yard.scrubbing * (SCRUBBER_MARGIN * body.carbon_dioxide_kg_s * dt) * air_fraction
        carbon = np.minimum(np.maximum(gas[2] - target[2], 0.0), limit)
        gas[2] = gas[2] - carbon
        make(parts.carbon_dioxide, carbon)
        cleaned = (np.asarray(air_fraction) > 1e-9) & (yard.scrubbing > 0.0)
        dry_to = np.where(cleaned, target[3], SATURATION_PA * GAS_KG_PA_M3[3] * volume)
        vapour = np.maximum(gas[3] - dry_to, 0.0)
        gas[3] = gas[3] - vapour
        make(parts.waste_water, vapour)
        for i, plant in enumerate(self.plants):
            if plant.process == "water_recovery":
                full = plant.rate_kg_s * dt
                fed = take(parts.waste_water, full * caps[i])
                out.duties[i] = fed / full
                make(parts.water, fed * plant.recovery)
        need(parts.water, (body.water_kg_s + body.hygiene_kg_s) * people)
        if asked.eva_h.any():
            need(parts.water, EVA_WATER_KG_H * asked.eva_h)
            need(parts.oxygen, EVA_OXYGEN_KG_H * asked.eva_h)
        for i, plant in enumerate(self.plants):
            if plant.process in DIGGERS or plant.process == "blend":
                out.duties[i] = self._produce(plant, caps[i], dt, stock, yard)
        wanted = np.maximum(target[0] - gas[0], 0.0)
        hydrogen = zero
        quota = np.maximum(asked.generator_share * wanted, wanted - stock[parts.oxygen])
        for i, plant in enumerate(self.plants):
            if plant.process != "electrolysis":
                continue
            product = plant.product or parts.oxygen
            most = plant.rate_kg_s * dt * caps[i]
            if plant.surplus:
                spare = np.maximum(stock[parts.water] - asked.water_floor_kg, 0.0) / WATER_PER_OXYGEN
                goal = np.minimum(np.minimum(most, spare), self._room(product, stock, yard))
            else:
                goal = np.minimum(np.minimum(most, quota), stock[parts.water] / WATER_PER_OXYGEN)
                goal = np.maximum(goal, 0.0)
                quota = quota - goal
            oxygen = take(parts.water, goal * WATER_PER_OXYGEN) / WATER_PER_OXYGEN
            make(product, oxygen)
            hydrogen = hydrogen + oxygen * HYDROGEN_PER_OXYGEN
            out.duties[i] = oxygen / (plant.rate_kg_s * dt)
        make(parts.hydrogen, hydrogen)
        for i, plant in enumerate(self.plants):
            if plant.process == "sabatier":
                carbon_limit = stock[parts.carbon_dioxide] / CARBON_DIOXIDE_PER_HYDROGEN
                goal = np.minimum(np.minimum(hydrogen, plant.rate_kg_s * dt * caps[i]), carbon_limit)
                fed = take(parts.hydrogen, goal)
                take(parts.carbon_dioxide, fed * CARBON_DIOXIDE_PER_HYDROGEN)
                make(parts.methane, fed * METHANE_PER_HYDROGEN)
                make(parts.water, fed * WATER_PER_HYDROGEN)
                hydrogen = hydrogen - fed
                out.duties[i] = fed / (plant.rate_kg_s * dt)
        self._breathe(gas, target, wanted, there, yard, out, take)
        if asked.spares_kg.any():
            got = take(parts.spares, asked.spares_kg)
            lack = asked.spares_kg - got
            out.unmended_kg = np.where(there, 0.0, lack)
            missing = np.where(there, lack, 0.0)
            if missing.any():
                out.deficit[parts.spares] = out.deficit.get(parts.spares, zero) + missing
        for commodity, rate in self.boiloff.items():
            stock[commodity] = stock[commodity] * np.exp(-rate * dt)
        for commodity in self.vented:
            cap = yard.cap_kg.get(commodity)
            stock[commodity] = zero if cap is None else np.where(np.isinf(cap), 0.0, stock[commodity])
        for commodity, cap in yard.cap_kg.items():
            stock[commodity] = np.minimum(stock[commodity], cap)
        return out

    def _breathe(
        self,
        gas: list[Floats],
        target: Sequence[Floats],
        wanted: Floats,
        there: NDArray[np.bool_],
        yard: Yards,
        out: Outcome,
        take: Callable[[str, Floats], Floats],
    ) -> None:
        """Oxygen control, topping up, relief: the end of the cabin's step."""
        parts, air, volume = self.parts, self.air, yard.volume_m3
        if air.oxygen_limit < 1.0:
            moles = sum(g / k for g, k in zip(gas, GAS_KG_PA_M3, strict=True))
            share = np.divide(gas[0] / GAS_KG_PA_M3[0], moles, out=np.zeros_like(moles), where=moles > 0.0)
            over = (share > air.oxygen_limit) & (gas[0] > target[0])
            left = np.where(over, air.oxygen_limit / np.maximum(share, 1e-9), 1.0)
            for i in range(4):
                gas[i] = gas[i] * left
        nitrogen = target[1] - gas[1]
        rich = gas[0] > target[0]
        if rich.any():
            held = sum(g / k for g, k in zip(gas, GAS_KG_PA_M3, strict=True))
            gap = (air.total_pa * volume - held) * GAS_KG_PA_M3[1]
            nitrogen = np.where(rich, np.minimum(nitrogen, gap), nitrogen)
        for i, commodity, kg in ((0, parts.oxygen, wanted), (1, parts.nitrogen, np.maximum(nitrogen, 0.0))):
            got = take(commodity, kg)
            lack = kg - got
            if air.kept and lack.any():
                stands_in = np.where(there, lack, 0.0)
                out.deficit[commodity] = out.deficit.get(commodity, 0.0) + stands_in
                got = got + stands_in
                lack = lack - stands_in
            gas[i] = gas[i] + got
            out.lacking[i] = lack
        if (gas[0] < 0.0).any():
            out.deficit[parts.oxygen] = out.deficit.get(parts.oxygen, 0.0) + np.maximum(-gas[0], 0.0)
            gas[0] = np.maximum(gas[0], 0.0)
        if np.isfinite(air.relief_pa):
            held = sum(g / k for g, k in zip(gas, GAS_KG_PA_M3, strict=True))
            most = air.relief_pa * volume
            left = np.divide(most, held, out=np.ones_like(held), where=(held > most) & (volume > 0.0))
            for i in range(4):
                gas[i] = gas[i] * left

    def _room(self, commodity: str, stock: Mapping[str, Floats], yard: Yards) -> Floats | float:
        cap = yard.cap_kg.get(commodity)
        return np.inf if cap is None else np.maximum(cap - stock[commodity], 0.0)

    def _produce(self, plant: Plant, units: Floats, dt: float, stock: dict[str, Floats], yard: Yards) -> Floats:
        digs = plant.process in DIGGERS
        if digs and plant.rate_kg_s <= 0.0:
            return np.zeros_like(units)
        scale = 1.0 if digs else self.blends[plant.module]
        makes = ((plant.product, plant.rate_kg_s),) if digs else plant.makes
        takes = [(c, r) for c, r in plant.takes if r > 0.0 and substance_of(c) != "regolith"]
        duty = np.ones_like(units)
        works = units > 0.0
        for commodity, rate in makes:
            if rate > 0.0:
                full = rate * scale * dt * units
                room = self._room(commodity, stock, yard)
                duty = np.minimum(duty, np.divide(room, full, out=np.ones_like(units), where=works))
        for commodity, rate in takes:
            wanted = rate * dt * units
            duty = np.minimum(duty, np.divide(stock[commodity], wanted, out=np.ones_like(units), where=works))
        amount = np.where(works, units * duty, 0.0)
        for commodity, rate in takes:
            stock[commodity] = np.maximum(stock[commodity] - rate * dt * amount, 0.0)
        for commodity, rate in makes:
            stock[commodity] = stock[commodity] + rate * scale * dt * amount
        return amount


@dataclass(slots=True)
class Served:
    """Energies of a step, J, shape (runs,): served by priority, stored at its end."""

    served_j: list[Floats]
    stored_j: Floats


def balance_many(
    generation_w: Sequence[Floats],
    sub_s: float,
    loads_w: Sequence[Floats],
    budgets_j: Sequence[Floats] | None,
    stored_j: Floats,
    capacity_j: Floats,
    efficiency: Floats,
    cycle: Floats,
) -> Served:
    """:func:`power.balance` for many runs at once, arrays of shape (runs,)."""
    whole = [load * sub_s for load in loads_w]
    count = len(generation_w)
    vital = whole[0] + whole[1] + whole[2]
    if budgets_j is None:
        least = np.minimum.reduce(list(generation_w)) * sub_s
        if ((stored_j >= capacity_j) & (least >= (vital + whole[3]) * cycle)).all():
            return Served([w * count for w in whole], stored_j)
    one_way = np.sqrt(efficiency)
    left = [np.full_like(stored_j, np.inf) for _ in range(4)] if budgets_j is None else [b.copy() for b in budgets_j]
    floors = [share * capacity_j for share in FLOOR[:3]]
    given = [np.zeros_like(stored_j) for _ in range(4)]
    stored = stored_j
    for power in generation_w:
        have = power * sub_s
        wants = [np.minimum(whole[i], left[i]) for i in range(3)]
        surplus = have - (wants[0] + wants[1] + wants[2]) * cycle
        bright = surplus >= 0.0
        free = np.maximum(surplus, 0.0)
        charge = np.minimum(free, np.maximum(capacity_j - stored, 0.0) / one_way)
        give = np.minimum(np.minimum(whole[3], left[3]), (free - charge) / cycle)
        if not bright.all():
            rest, held = have, stored
            gives = []
            for want, floor in zip(wants, floors, strict=True):
                asked = want * cycle
                direct = np.minimum(asked, rest)
                rest = rest - direct
                drawn = np.minimum(asked - direct, np.maximum(held - floor, 0.0) * one_way)
                held = held - drawn / one_way
                gives.append((direct + drawn) / cycle)
            wants = [np.where(bright, want, got) for want, got in zip(wants, gives, strict=True)]
            stored = np.where(bright, stored + charge * one_way, held)
            give = np.where(bright, give, 0.0)
        else:
            stored = stored + charge * one_way
        for i, amount in enumerate((*wants, give)):
            given[i] = given[i] + amount
            left[i] = left[i] - amount
    return Served(given, np.maximum(stored, 0.0))
