"""One step of matter at an outpost: breathing, drinking, recycling, leaking, mining; nothing appears or vanishes.

A step works on copies, so that it can be repeated with less power. Every flow is written down twice over: in the
state that it changes and in the flows from which the ledger (ledger.py) recomputes that change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import expm1, inf
from typing import Final

from moonvillage.outpost.body import (
    AIRLOCK_LOST_PA_M3_H,
    EVA_OXYGEN_KG_H,
    EVA_WATER_KG_H,
    Body,
)
from moonvillage.outpost.plants import DIGGERS, REGOLITH_OXYGEN, Plant, Yard
from moonvillage.outpost.species import (
    CARBON_DIOXIDE_PER_HYDROGEN,
    HYDROGEN_PER_OXYGEN,
    METHANE_PER_HYDROGEN,
    MOLAR,
    PURE,
    WATER_PER_HYDROGEN,
    WATER_PER_OXYGEN,
    Vector,
    substance_of,
)

#: Gas constant, J/(kmol K) (SI 2019), and cabin temperature, K.
GAS_J_KMOL_K: Final = 8314.462618
CABIN_K: Final = 295.0
#: Order of the cabin's gases.
GASES: Final = ("oxygen", "nitrogen", "carbon_dioxide", "water")
#: Set points of carbon dioxide and vapour, and the pressure at which vapour condenses on the walls (295 K), Pa.
CARBON_DIOXIDE_PA: Final = 400.0
VAPOUR_PA: Final = 1_000.0
SATURATION_PA: Final = 2_620.0
#: Air cleaning is sized for a quarter more people than the modules' crew.
SCRUBBER_MARGIN: Final = 1.25
#: kg per (Pa m3) of each gas.
GAS_KG_PA_M3: Final = tuple(MOLAR[gas] / (GAS_J_KMOL_K * CABIN_K) for gas in GASES)
_Make = Callable[[str, float], None]
_Take = Callable[[str, float], float]
MINERAL: Final[Vector] = (0.0, 0.0, REGOLITH_OXYGEN, 0.0, 1.0 - REGOLITH_OXYGEN)


@dataclass(frozen=True, slots=True)
class Parts:
    """Which commodity plays which part at this place."""

    oxygen: str
    nitrogen: str
    water: str
    food: str
    spares: str
    waste_water: str
    hydrogen: str
    carbon_dioxide: str
    methane: str


@dataclass(frozen=True, slots=True)
class Air:
    """The cabin's set points, Pa: oxygen and nitrogen; where its relief opens; how it is controlled."""

    oxygen_pa: float
    nitrogen_pa: float
    relief_pa: float = inf
    oxygen_limit: float = 1.0  # mole share above which air is vented
    kept: bool = True  # gas that no stock can give is made good from the deficit

    @property
    def total_pa(self) -> float:
        """Pressure at the set points."""
        return self.oxygen_pa + self.nitrogen_pa + CARBON_DIOXIDE_PA + VAPOUR_PA

    def targets_kg(self, volume_m3: float) -> tuple[float, float, float, float]:
        """Mass of each gas at the set points."""
        pressures = (self.oxygen_pa, self.nitrogen_pa, CARBON_DIOXIDE_PA, VAPOUR_PA)
        o2, n2, co2, h2o = (p * volume_m3 * k for p, k in zip(pressures, GAS_KG_PA_M3, strict=True))
        return o2, n2, co2, h2o


@dataclass(slots=True)
class State:
    """What is where: stocks by commodity, cabin gases (order of :data:`GASES`), waste by element, kg."""

    stocks: dict[str, float]
    cabin: list[float]
    waste: list[float]


@dataclass(slots=True)
class Flows:
    """What moved in one step, kg."""

    made: dict[str, float] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)
    lost: dict[str, float] = field(default_factory=dict)
    deficit: dict[str, float] = field(default_factory=dict)
    cabin_out: list[float] = field(default_factory=lambda: [0.0] * 4)
    outside: list[float] = field(default_factory=lambda: [0.0] * 5)  # net, from regolith and to space, by element


@dataclass(frozen=True, slots=True)
class Demand:
    """What a step asks for."""

    duration_s: float
    crew: float
    eva_h: float
    generator_share: float  # of the oxygen demand that electrolysers supply
    water_floor_kg: float  # water that surplus plants may not touch
    spares_kg: float
    crop_kg: float = 0.0  # dry matter that the crops would grow


@dataclass(slots=True)
class Trial:
    """The outcome of a step: the new state, its flows, and the duty of each plant in working units."""

    state: State
    flows: Flows
    duties: list[float]
    unmended_kg: float = 0.0  # of the spares asked for, what was not there
    vented_kg: float = 0.0  # cabin air let out by relief and oxygen control
    lacking_kg: list[float] = field(default_factory=lambda: [0.0, 0.0])  # oxygen, nitrogen that no stock could give


class Step:
    """The step of one place under one yard. Constants that hold while the yard stands are worked out once."""

    def __init__(
        self,
        yard: Yard,
        body: Body,
        parts: Parts,
        air: Air,
        compositions: Mapping[str, Vector],
        boiloff_per_s: Mapping[str, float],
        kept: frozenset[str],
        boxed_kg: Mapping[str, float],
        crop_harvest: float = 0.4,
    ) -> None:
        self.yard = yard
        self.crop_harvest = crop_harvest
        self.body = body
        self.parts = parts
        self.compositions = compositions
        self.boiloff_per_s = {c: b for c, b in boiloff_per_s.items() if b > 0.0}
        self.air = air
        self.targets = air.targets_kg(yard.volume_m3)
        self.cap = {c: kg + boxed_kg.get(c, 0.0) for c, kg in yard.holds_kg.items()}
        byproducts = (parts.hydrogen, parts.carbon_dioxide, parts.methane)
        self.vented = tuple(c for c in byproducts if c not in kept and c not in self.cap)
        self.blends = {plant.module: self._blend(plant) for plant, _, _ in yard.plants if plant.process == "blend"}

    def _blend(self, plant: Plant) -> tuple[float, Vector]:
        """Scale of the makes (1, or a hair less where rounded figures make too much), and the rest to waste."""
        taken = [0.0] * 5
        for commodity, rate in plant.takes:
            vector = MINERAL if substance_of(commodity) == "regolith" else self.compositions[commodity]
            taken = [t + rate * v for t, v in zip(taken, vector, strict=True)]
        made = [0.0] * 5
        for commodity, rate in plant.makes:
            made = [m + rate * v for m, v in zip(made, self.compositions[commodity], strict=True)]
        scale = 1.0
        for m, t in zip(made, taken, strict=True):
            if m > t:
                scale = min(scale, t / m)
        if scale < 0.98:
            raise ValueError(
                f"module {plant.module!r}: makes an element that it does not take in; its 'makes' and 'takes' "
                "do not balance"
            )
        h, c, o, n, x = (max(t - scale * m, 0.0) for t, m in zip(taken, made, strict=True))
        return scale, (h, c, o, n, x)

    def run(self, before: State, demand: Demand, caps: Sequence[float], air_fraction: float) -> Trial:
        """Let a step pass.

        Parameters
        ----------
        caps
            Working units of each plant of the yard, after failures and shedding.
        air_fraction
            Share of the step in which life support had power.
        """
        body, parts, yard, dt = self.body, self.parts, self.yard, demand.duration_s
        state = State(dict(before.stocks), list(before.cabin), list(before.waste))
        flows = Flows()
        stocks, cabin, waste = state.stocks, state.cabin, state.waste
        made, used, outside = flows.made, flows.used, flows.outside
        trial = Trial(state, flows, [0.0] * len(caps))
        people = demand.crew * dt

        def make(commodity: str, kg: float) -> None:
            stocks[commodity] += kg
            made[commodity] = made.get(commodity, 0.0) + kg

        def take(commodity: str, kg: float) -> float:
            """Draw at most ``kg``; what was drawn."""
            have = stocks[commodity]
            got = kg if kg <= have else have
            stocks[commodity] = have - got
            used[commodity] = used.get(commodity, 0.0) + got
            return got

        def need(commodity: str, kg: float) -> None:
            """Draw ``kg``, what lacks from the deficit source."""
            got = take(commodity, kg)
            if kg > got:
                flows.deficit[commodity] = flows.deficit.get(commodity, 0.0) + (kg - got)

        # Air leaks, and the airlock loses some.
        if yard.volume_m3 > 0.0:
            share = -expm1(-yard.leak_per_s * dt)
            pressure = self._pressure(cabin) if demand.eva_h > 0.0 else 0.0
            if pressure > 0.0:
                share += demand.eva_h * AIRLOCK_LOST_PA_M3_H / (pressure * yard.volume_m3)
            share = min(share, 1.0)
            for i in range(4):
                out = cabin[i] * share
                cabin[i] -= out
                flows.cabin_out[i] += out
        # Bodies.
        if people > 0.0:
            need(parts.food, body.food_kg_s * people)
            cabin[0] -= body.oxygen_kg_s * people
            cabin[2] += body.carbon_dioxide_kg_s * people
            cabin[3] += body.vapour_kg_s * people
            make(parts.waste_water, (body.urine_kg_s + body.hygiene_kg_s) * people)
            faecal = body.faecal_water_kg_s * people
            for e in range(5):
                waste[e] += body.solids[e] * people + PURE["water"][e] * faecal
        if demand.crop_kg > 0.0:
            self._grow(demand.crop_kg, state, flows, make, take)
        # Air cleaning: what it takes out is at hand for the plants.
        limit = yard.scrubbing * SCRUBBER_MARGIN * air_fraction * body.carbon_dioxide_kg_s * dt
        carbon = min(max(cabin[2] - self.targets[2], 0.0), limit)
        if carbon > 0.0:
            cabin[2] -= carbon
            make(parts.carbon_dioxide, carbon)
        dry_to = self.targets[3] if air_fraction > 1e-9 and yard.scrubbing > 0.0 else self._saturation_kg()
        vapour = cabin[3] - dry_to
        if vapour > 0.0:
            cabin[3] -= vapour
            make(parts.waste_water, vapour)
        # Water: recovered, then drunk.
        for i, (plant, _, _) in enumerate(yard.plants):
            if plant.process == "water_recovery" and caps[i] > 0.0:
                fed = take(parts.waste_water, min(plant.rate_kg_s * caps[i] * dt, stocks[parts.waste_water]))
                trial.duties[i] = fed / (plant.rate_kg_s * dt)
                make(parts.water, fed * plant.recovery)
                brine = fed - fed * plant.recovery
                for e in range(5):
                    waste[e] += PURE["water"][e] * brine
        need(parts.water, (body.water_kg_s + body.hygiene_kg_s) * people)
        if demand.eva_h > 0.0:
            for commodity, rate in ((parts.water, EVA_WATER_KG_H), (parts.oxygen, EVA_OXYGEN_KG_H)):
                need(commodity, rate * demand.eva_h)
                vector = self.compositions[commodity]
                for e in range(5):
                    outside[e] -= vector[e] * rate * demand.eva_h
        # Plants that follow no crew.
        for i, (plant, _, _) in enumerate(yard.plants):
            if caps[i] <= 0.0:
                continue
            if plant.process in DIGGERS:
                trial.duties[i] = self._dig(plant, caps[i], dt, state, flows, make, take)
            elif plant.process == "blend":
                trial.duties[i] = self._run_blend(plant, caps[i], dt, state, flows, make, take)
        # Oxygen: wanted to refill the cabin; part of it from water.
        wanted = max(self.targets[0] - cabin[0], 0.0)
        hydrogen = 0.0
        quota = max(demand.generator_share * wanted, wanted - stocks[parts.oxygen])
        for i, (plant, _, _) in enumerate(yard.plants):
            if plant.process != "electrolysis" or caps[i] <= 0.0:
                continue
            product = plant.product or parts.oxygen
            full = plant.rate_kg_s * caps[i] * dt
            if plant.surplus:
                spare = max(stocks[parts.water] - demand.water_floor_kg, 0.0) / WATER_PER_OXYGEN
                goal = min(full, spare, self._room(product, stocks))
            else:
                goal = min(full, quota, stocks[parts.water] / WATER_PER_OXYGEN)
                quota -= goal
            oxygen = take(parts.water, goal * WATER_PER_OXYGEN) / WATER_PER_OXYGEN
            make(product, oxygen)
            hydrogen += oxygen * HYDROGEN_PER_OXYGEN
            trial.duties[i] = oxygen / (plant.rate_kg_s * dt)
        if hydrogen > 0.0:
            make(parts.hydrogen, hydrogen)
        for i, (plant, _, _) in enumerate(yard.plants):
            if plant.process == "sabatier" and caps[i] > 0.0 and hydrogen > 0.0:
                carbon_limit = stocks[parts.carbon_dioxide] / CARBON_DIOXIDE_PER_HYDROGEN
                fed = take(parts.hydrogen, min(hydrogen, plant.rate_kg_s * caps[i] * dt, carbon_limit))
                take(parts.carbon_dioxide, fed * CARBON_DIOXIDE_PER_HYDROGEN)
                make(parts.methane, fed * METHANE_PER_HYDROGEN)
                make(parts.water, fed * WATER_PER_HYDROGEN)
                hydrogen -= fed
                trial.duties[i] = fed / (plant.rate_kg_s * dt)
        # Too much oxygen: air is let out, to be made up with nitrogen.
        self._vent_oxygen(trial)
        # People need their air at once; an empty cabin is filled as far as the stock goes.
        nitrogen = self.targets[1] - cabin[1]
        if cabin[0] > self.targets[0] and nitrogen > 0.0:  # no more than brings the cabin to its pressure
            gap = (self.air.total_pa - self._pressure(cabin)) * yard.volume_m3 * GAS_KG_PA_M3[1]
            nitrogen = min(nitrogen, gap)
        for gas, commodity, kg in ((0, parts.oxygen, wanted), (1, parts.nitrogen, nitrogen)):
            if kg > 0.0 and people > 0.0 and self.air.kept:
                need(commodity, kg)
                cabin[gas] += kg
            elif kg > 0.0:
                got = take(commodity, kg)
                cabin[gas] += got
                trial.lacking_kg[gas] = kg - got
        if cabin[0] < 0.0:  # nobody can breathe what is not there
            flows.deficit[parts.oxygen] = flows.deficit.get(parts.oxygen, 0.0) - cabin[0]
            cabin[0] = 0.0
        self._relieve(trial)
        # Spares become scrap; what cannot be mended waits until people are there to miss it.
        if demand.spares_kg > 0.0:
            mended = demand.spares_kg
            if people > 0.0:
                need(parts.spares, mended)
            else:
                mended = take(parts.spares, mended)
                trial.unmended_kg = demand.spares_kg - mended
            for e in range(5):
                waste[e] += self.compositions[parts.spares][e] * mended
        self._lose(state, flows, dt)
        return trial

    def _pressure(self, cabin: Sequence[float]) -> float:
        """Pressure of a cabin's gases, Pa."""
        volume = self.yard.volume_m3
        if volume <= 0.0:
            return 0.0
        k0, k1, k2, k3 = GAS_KG_PA_M3
        return (cabin[0] / k0 + cabin[1] / k1 + cabin[2] / k2 + cabin[3] / k3) / volume

    def _let_out(self, trial: Trial, share: float) -> None:
        for i in range(4):
            out = trial.state.cabin[i] * share
            trial.state.cabin[i] -= out
            trial.flows.cabin_out[i] += out
            trial.vented_kg += out

    def _vent_oxygen(self, trial: Trial) -> None:
        """Let out so much air that, made up to its pressure, it holds no more than the limit of oxygen."""
        cabin, limit = trial.state.cabin, self.air.oxygen_limit
        if limit >= 1.0 or self.yard.volume_m3 <= 0.0 or cabin[0] <= self.targets[0]:
            return
        moles = sum(m / k for m, k in zip(cabin, GAS_KG_PA_M3, strict=True))
        share = cabin[0] / GAS_KG_PA_M3[0] / moles
        if share > limit:
            self._let_out(trial, 1.0 - limit / share)

    def _relieve(self, trial: Trial) -> None:
        pressure = self._pressure(trial.state.cabin)
        if pressure > self.air.relief_pa:
            self._let_out(trial, 1.0 - self.air.relief_pa / pressure)

    def _grow(self, dry_kg: float, state: State, flows: Flows, make: _Make, take: _Take) -> None:
        """Crops: carbon dioxide and water become food, litter and oxygen; nitrogen comes out of the waste.

        What they grow has the composition of the dry food, so that eating it is the same reaction backwards. What the
        waste cannot give of nitrogen comes with the nutrient salts, from outside the books' stocks.
        """
        parts, cabin, waste = self.parts, state.cabin, state.waste
        food = self.compositions[parts.food]
        dry = 1.0 - food[4]
        hydrogen, carbon, oxygen, nitrogen = (food[e] / dry for e in range(4))
        carbon_dioxide = carbon / PURE["carbon_dioxide"][1]
        water = hydrogen / PURE["water"][0]
        stocks = state.stocks
        floor = 0.1 * self.targets[2]
        have = max(cabin[2] - floor, 0.0) + stocks[parts.carbon_dioxide]
        grown = min(dry_kg, have / carbon_dioxide, stocks[parts.water] / water)
        if grown <= 0.0:
            return
        from_air = min(max(cabin[2] - floor, 0.0), grown * carbon_dioxide)
        cabin[2] -= from_air
        drawn = take(parts.carbon_dioxide, grown * carbon_dioxide - from_air)
        wet = take(parts.water, grown * water)
        given = (drawn + from_air) * PURE["carbon_dioxide"][2] + wet * PURE["water"][2] - grown * oxygen
        cabin[0] += given
        # nitrogen, and what inert matter the food stock is said to hold
        edible = grown * self.crop_harvest
        stock = edible / dry  # with the stock's inert share
        salts = (0.0, 0.0, 0.0, grown * nitrogen, stock * food[4])
        for e in (3, 4):
            back = min(max(waste[e], 0.0), salts[e])
            waste[e] -= back
            flows.outside[e] += salts[e] - back
        make(parts.food, stock)
        litter = grown - edible
        for e, share in enumerate((hydrogen, carbon, oxygen, nitrogen)):
            waste[e] += litter * share

    def _saturation_kg(self) -> float:
        return SATURATION_PA * self.yard.volume_m3 * GAS_KG_PA_M3[3]

    def _room(self, commodity: str, stocks: Mapping[str, float]) -> float:
        cap = self.cap.get(commodity)
        return float("inf") if cap is None else max(cap - stocks[commodity], 0.0)

    def _dig(
        self, plant: Plant, units: float, dt: float, state: State, flows: Flows, make: _Make, take: _Take
    ) -> float:
        if plant.rate_kg_s <= 0.0:
            return 0.0
        full = plant.rate_kg_s * units * dt
        duty = min(full, self._room(plant.product, state.stocks)) / full
        for commodity, rate in plant.takes:
            wanted = rate * units * dt
            if wanted > 0.0:
                duty = min(duty, state.stocks[commodity] / wanted)
        made = full * duty
        make(plant.product, made)
        product = self.compositions[plant.product]
        # Regolith in, tailings out: net, what leaves the ground is what was won.
        for e in range(5):
            flows.outside[e] += product[e] * made
        for commodity, rate in plant.takes:
            fed = take(commodity, rate * units * dt * duty)
            vector = self.compositions[commodity]
            for e in range(5):
                flows.outside[e] -= vector[e] * fed
        return units * duty

    def _run_blend(
        self, plant: Plant, units: float, dt: float, state: State, flows: Flows, make: _Make, take: _Take
    ) -> float:
        scale, rest = self.blends[plant.module]
        duty = 1.0
        for commodity, rate in plant.takes:
            wanted = rate * units * dt
            if wanted > 0.0 and substance_of(commodity) != "regolith":
                duty = min(duty, state.stocks[commodity] / wanted)
        for commodity, rate in plant.makes:
            if rate > 0.0:
                duty = min(duty, self._room(commodity, state.stocks) / (rate * scale * units * dt))
        amount = units * dt * duty
        for commodity, rate in plant.takes:
            if substance_of(commodity) == "regolith":
                for e in range(5):
                    flows.outside[e] += MINERAL[e] * rate * amount
            else:
                take(commodity, rate * amount)
        for commodity, rate in plant.makes:
            make(commodity, rate * scale * amount)
        for e in range(5):
            state.waste[e] += rest[e] * amount
        return units * duty

    def _lose(self, state: State, flows: Flows, dt: float) -> None:
        """Boil-off, by-products nobody keeps, and what no tank holds."""
        stocks, lost = state.stocks, flows.lost
        for commodity, rate in self.boiloff_per_s.items():
            kg = -stocks[commodity] * expm1(-rate * dt)
            stocks[commodity] -= kg
            lost[commodity] = lost.get(commodity, 0.0) + kg
        for commodity in self.vented:
            kg = stocks[commodity]
            if kg > 0.0:
                stocks[commodity] = 0.0
                lost[commodity] = lost.get(commodity, 0.0) + kg
        for commodity, cap in self.cap.items():
            over = stocks[commodity] - cap
            if over > 1e-9 * cap:
                stocks[commodity] = cap
                lost[commodity] = lost.get(commodity, 0.0) + over
