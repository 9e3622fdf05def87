"""Many lives of one place at once: failures, slips and lost flights drawn for each, all runs marched together.

Runs go in chunks of :data:`CHUNK`; every chunk has random streams of its own (seed, place, chunk, purpose), so that
a run is the same whichever others are made with it, and what was done can be kept and continued.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.outpost.crowd import Asked, Crowd, Floats, Outcome, Yards, balance_many
from moonvillage.outpost.health import BIOSIM_LIMITS, SEA_LEVEL_PA, Doses
from moonvillage.outpost.matter import GAS_KG_PA_M3, Step
from moonvillage.outpost.place import AHEAD_S, WATER_SLACK_S, Place
from moonvillage.outpost.planning import net_use
from moonvillage.outpost.plants import HOUSING, availability, yard
from moonvillage.outpost.species import CatalogView
from moonvillage.records.outpost import Handover
from moonvillage.scenario.outposts import Outpost

#: Runs marched together.
CHUNK: Final = 1000
#: The need of more air cleaning, among the commodities that ran short, kg of carbon dioxide.
AIR_CLEANING: Final = "air_cleaning"
#: Deaths are looked for every so many hours where something lacks.
_HEALTH_HOURS: Final = 6.0
_J_PER_KG_OXYGEN: Final = 11.82e6 / 0.835


@dataclass(frozen=True, slots=True)
class Chances:
    """What may go wrong besides failures: flights that bring something slip, and cargo flights are lost.

    ``slip_mean_s``: mean of an exponential delay. ``loss``: chance that a flight without people never arrives.
    """

    slip_mean_s: float = 0.0
    loss: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Lives:
    """What happened in each of many runs of a place.

    ``died``, ``troubled`` (runs,): step of the first death, of the first shortfall or death; ``steps`` where none.
    ``short`` by commodity (runs,): step of its first shortfall; ``lacked`` by commodity (runs,): the most that it
    lacked, kg. ``series`` by commodity (sampled steps, runs): stock, kg, at the steps ``sampled``.
    ``final`` by commodity (runs,): the stock at the end.
    """

    steps: int
    died: NDArray[np.int64]
    troubled: NDArray[np.int64]
    short: Mapping[str, NDArray[np.int64]]
    lacked: Mapping[str, Floats]
    sampled: NDArray[np.int64]
    series: Mapping[str, NDArray[np.float32]]
    final: Mapping[str, Floats]


class _Luck:
    """Failures of one kind of module in every run: hazard used up, that of the next failure, repairs under way."""

    def __init__(self, rng: np.random.Generator, runs: int, slots: int) -> None:
        self.rng = rng
        self.hazard = np.zeros(runs)
        self.next = rng.exponential(size=runs)
        self.waiting = np.zeros(runs)
        self.mending = np.zeros(runs)
        self.ring = np.zeros((slots, runs))


class Throng:
    """Many runs of one place. ``march`` lives them all."""

    def __init__(
        self,
        outpost: Outpost,
        handovers: Sequence[Handover],
        catalog: CatalogView,
        edges: Sequence[float],
        lit: NDArray[Any],
        *,
        runs: int,
        seed: int,
        chunk: int = 0,
        chances: Chances | None = None,
    ) -> None:
        if outpost.crop_food_kg_s > 0.0:
            raise ValueError(f"outpost {outpost.id!r} has crops, which many runs at once do not follow; live it once")
        chances = chances or Chances()
        self.outpost, self.runs, self.edges, self.lit = outpost, runs, list(edges), lit
        self.dt = self.edges[1] - self.edges[0]
        self.one = one = Place(replace(outpost, failures="none"), handovers, catalog, seed)
        self.modules = one.modules
        names = sorted(set(one.counts).union(*(h.modules for h in one.handovers)))
        self.names = names
        self.mode = outpost.failures
        entire = yard(dict.fromkeys(names, 1), {}, self.modules, one.body, one.ice)
        step = Step(entire, one.body, one.parts, one.air, one.compositions, one.boiloff, one.kept, {})
        plants = [(plant, extra) for plant, _, extra in entire.plants]
        self.crowd = Crowd(
            one.body,
            one.parts,
            one.air,
            plants,
            {name: scale for name, (scale, _) in step.blends.items()},
            one.boiloff,
            one.kept,
        )
        self.single = {name: yard({name: 1}, {}, self.modules, one.body, one.ice) for name in names}
        key = zlib.crc32(outpost.place.encode())

        def stream(purpose: str) -> np.random.Generator:
            words = [seed, key, chunk, zlib.crc32(purpose.encode())]
            return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))

        self.luck: dict[str, _Luck] = {}
        if self.mode == "sampled":
            for name in names:
                module = self.modules[name]
                if module.failure_per_s > 0.0:
                    self.luck[name] = _Luck(stream(name), runs, max(ceil(module.repair_s / self.dt), 1) + 1)
        self.deaths = stream(" death")
        self.arrive: list[tuple[Handover, Floats]] = []
        for number, handover in enumerate(one.handovers):
            when = np.full(runs, handover.epoch_tdb_s)
            brings = any(v > 0.0 for v in handover.stocks_kg.values()) or any(
                v > 0 for v in handover.modules.values()
            )
            draw = stream(f" flight {number}")
            if chances.slip_mean_s > 0.0 and (brings or handover.crew > 0):
                when = when + draw.exponential(chances.slip_mean_s, runs)
            if chances.loss > 0.0 and brings and handover.crew == 0:
                when = np.where(draw.random(runs) < chances.loss, np.inf, when)
            self.arrive.append((handover, when))
        self.counts = {name: np.full(runs, float(one.counts.get(name, 0))) for name in names}
        self.stocks = {c: np.full(runs, kg) for c, kg in one.state.stocks.items()}
        self.cabin = [np.full(runs, kg) for kg in one.state.cabin]
        self.boxed = {c: np.full(runs, kg) for c, kg in one.boxed.items()}
        self.crew = np.zeros(runs)
        self.unmended = np.zeros(runs)
        self._use()
        self.yards = self._yards()
        self.stored = self.yards.storage_j.copy()

    # -- what stands ----------------------------------------------------------------------------------------

    def _working(self, name: str) -> Floats:
        luck = self.luck.get(name)
        if luck is not None:
            return np.maximum(self.counts[name] - luck.waiting - luck.mending, 0.0)
        if self.mode == "expected":
            return self.counts[name] * availability(self.modules[name])
        return self.counts[name]

    def _yards(self) -> Yards:
        """Add up what stands and works in each run; every figure of a yard is linear in its units."""
        runs = self.runs
        sums: dict[str, Any] = {n: np.zeros(runs) for n in ("housing", "scrub", "volume", "leak", "solar", "fission")}
        storage, kept = np.zeros(runs), np.zeros(runs)
        standby, crewed, always = ([np.zeros(runs) for _ in range(4)] for _ in range(3))
        holds: dict[str, Floats] = {}
        works: dict[str, Floats] = {}
        for name in self.names:
            unit, count = self.single[name], self.counts[name]
            work = works[name] = self._working(name)
            for i in range(4):
                for total, each in ((standby, unit.standby_w), (crewed, unit.crewed_w), (always, unit.always_w)):
                    if each[i]:
                        total[i] += each[i] * work
            if unit.housing:
                sums["housing"] += unit.housing * count
            if unit.scrubbing:
                sums["scrub"] += unit.scrubbing * work
            if unit.volume_m3:
                sums["volume"] += unit.volume_m3 * count
                sums["leak"] += unit.leak_per_s * unit.volume_m3 * count
            if unit.solar_w:
                sums["solar"] += unit.solar_w * work
            if unit.fission_w:
                sums["fission"] += unit.fission_w * work
            if unit.storage_j:
                storage += unit.storage_j * work
                kept += unit.storage_j * unit.efficiency * work
            for commodity, kg in unit.holds_kg.items():
                before = holds.get(commodity, np.full(runs, np.nan))
                holds[commodity] = np.where(count > 0.0, np.nan_to_num(before) + kg * count, before)
        cap = {}
        for commodity, holding in holds.items():
            boxed = self.boxed.get(commodity, 0.0)
            cap[commodity] = np.where(np.isnan(holding), np.inf, holding + boxed)
        volume = sums["volume"]
        return Yards(
            units=[works[plant.module] for plant in self.crowd.plants],
            housing=sums["housing"],
            scrubbing=sums["scrub"],
            volume_m3=volume,
            leak_per_s=np.divide(sums["leak"], volume, out=np.zeros(runs), where=volume > 0.0),
            solar_w=sums["solar"],
            fission_w=sums["fission"],
            storage_j=storage,
            efficiency=np.divide(kept, storage, out=np.full(runs, 0.9), where=storage > 0.0),
            standby_w=standby,
            crewed_w=crewed,
            always_w=always,
            cap_kg=cap,
        )

    def _use(self) -> None:
        """Net use and the generators' share under what stands, found once for each combination of modules."""
        one, runs = self.one, self.runs
        table = np.stack([self.counts[name] for name in self.names], axis=1) if self.names else np.zeros((runs, 0))
        rows, which = np.unique(table, axis=0, return_inverse=True)
        which = np.asarray(which).reshape(-1)
        self.share = np.zeros(runs)
        wanted = {one.parts.water, *self.outpost.reserve_s}
        self.per_person = {c: np.zeros(runs) for c in wanted}
        for index, row in enumerate(rows):
            counts = {name: int(n) for name, n in zip(self.names, row, strict=True) if n > 0}
            mean: dict[str, float] = {name: float(n) for name, n in counts.items()}
            if self.mode != "none":
                mean = {name: n * availability(self.modules[name]) for name, n in counts.items()}
            planned = yard(counts, mean, self.modules, one.body, one.ice)
            use = net_use(planned, one.body, one.air, one.parts, self.outpost.eva_per_crew, one.housing)
            mine = which == index
            self.share[mine] = use.generator_share
            for commodity, values in self.per_person.items():
                values[mine] = use.crew_kg_s.get(commodity, 0.0)

    def _coming(self, until: float) -> Floats:
        """The most people on site until an epoch, by what is planned to come."""
        crew, most = self.crew, self.crew
        for handover, when in self.arrive:
            if handover.crew:
                crew = crew + np.where((when >= self.edges[self.k + 1]) & (when < until), handover.crew, 0)
                most = np.maximum(most, crew)
        return most

    # -- handovers and failures -----------------------------------------------------------------------------

    def _receive(self, handover: Handover, mine: NDArray[np.bool_]) -> None:
        for commodity, kg in sorted(handover.stocks_kg.items()):
            held = self.stocks[commodity]
            change = np.where(mine, kg, 0.0)
            if kg < 0.0:
                change = np.where(mine, -np.minimum(held, -kg), 0.0)
                self._miss(commodity, np.where(mine, -kg + change, 0.0))
            self.stocks[commodity] = held + change
            if kg > 0.0 and self.one.tare.get(commodity, 0.0) > 0.0:
                self.boxed[commodity] = self.boxed.get(commodity, np.zeros(self.runs)) + change
        before = self.yards
        for name, count in handover.modules.items():
            self.counts[name] = np.maximum(self.counts[name] + np.where(mine, count, 0), 0.0)
        if handover.modules:
            self._use()
        if handover.modules or handover.stocks_kg:
            self.yards = self._yards()
        if handover.modules:
            after = self.yards
            grown = np.maximum(after.volume_m3 - before.volume_m3, 0.0)
            left = np.divide(after.volume_m3, before.volume_m3, out=np.ones(self.runs), where=before.volume_m3 > 0.0)
            for i, target in enumerate(self.one.air.targets_kg(1.0)):
                self.cabin[i] = self.cabin[i] * np.minimum(left, 1.0) + target * grown
            more = after.storage_j - before.storage_j
            self.stored = np.where(more > 0.0, self.stored + more, np.minimum(self.stored, after.storage_j))

    def _fail(self, k: int) -> Floats:
        """Failures and repairs of a step; the spares used."""
        if self.mode == "expected":
            rate = np.zeros(self.runs)
            for name in self.names:
                module = self.modules[name]
                rate += self.counts[name] * (availability(module) * module.failure_per_s * module.spare_kg)
            return rate * self.dt + self.unmended
        used = np.zeros(self.runs)
        changed = False
        stock = self.stocks[self.one.parts.spares]
        for name, luck in self.luck.items():
            module, slots = self.modules[name], luck.ring.shape[0]
            done = luck.ring[k % slots]
            if done.any():
                luck.mending = luck.mending - done
                done[:] = 0.0
                changed = True
            end = luck.ring[(k + slots - 1) % slots]
            if luck.waiting.any():
                able = np.floor((stock - used) / module.spare_kg) if module.spare_kg > 0.0 else luck.waiting
                begun = np.clip(able, 0.0, luck.waiting)
                luck.waiting = luck.waiting - begun
                luck.mending = luck.mending + begun
                end += begun
                used = used + begun * module.spare_kg
                changed = changed or bool(begun.any())
            works = np.maximum(self.counts[name] - luck.waiting - luck.mending, 0.0)
            luck.hazard = luck.hazard + works * (module.failure_per_s * self.dt)
            hit = np.flatnonzero((luck.hazard >= luck.next) & (works > 0.0))
            while hit.size:
                changed = True
                luck.next[hit] += luck.rng.exponential(size=hit.size)
                works[hit] -= 1.0
                able_now = used[hit] + module.spare_kg <= stock[hit]
                mended, waits = hit[able_now], hit[~able_now]
                used[mended] += module.spare_kg
                luck.mending[mended] += 1.0
                end[mended] += 1.0
                luck.waiting[waits] += 1.0
                hit = hit[(luck.hazard[hit] >= luck.next[hit]) & (works[hit] > 0.0)]
            if luck.waiting.any():
                self._miss(self.one.parts.spares, luck.waiting * module.spare_kg)
        if changed:
            self.yards = self._yards()
        return used

    def _miss(self, commodity: str, kg: Floats) -> None:
        """Write down that ``kg`` of a commodity lacked at some moment of this step."""
        lacks = kg > 1e-6
        if not lacks.any():
            return
        short = self.short.setdefault(commodity, np.full(self.runs, self.steps))
        np.minimum(short, np.where(lacks, self.k, self.steps), out=short)
        self.lacked[commodity] = np.maximum(self.lacked.get(commodity, np.zeros(self.runs)), kg)

    # -- a life ---------------------------------------------------------------------------------------------

    def march(self, samples: int = 100) -> Lives:
        """Live every step in every run."""
        steps = self.steps = len(self.edges) - 1
        self.short: dict[str, NDArray[np.int64]] = {}
        self.lacked: dict[str, Floats] = {}
        self.owing: dict[str, Floats] = {}
        died = np.full(self.runs, steps)
        doses = Doses(self.runs, replace(BIOSIM_LIMITS, oxygen_low_share=self.outpost.oxygen_least_pa / SEA_LEVEL_PA))
        every = max(steps // samples, 1)
        sampled = np.arange(every - 1, steps, every)
        followed = sorted(self.one.always)
        series = {c: np.empty((sampled.size, self.runs), dtype=np.float32) for c in followed}
        homes = any(self.modules[name].kind in HOUSING for name in self.names)
        row = 0
        for k in range(steps):
            self.k, self.now, end = k, self.edges[k], self.edges[k + 1]
            self.dt = end - self.now
            seconds = self.crew * self.dt
            for handover, when in self.arrive:
                mine = (when >= self.now) & (when < end)
                if mine.any():
                    if handover.stocks_kg or handover.modules:
                        self._receive(handover, mine)
                    change = np.where(mine, handover.crew, 0.0)
                    seconds = seconds + change * np.where(mine, end - when, 0.0)
                    self.crew = np.maximum(self.crew + change, 0.0)
            crew = np.maximum(seconds / self.dt, 0.0)
            spares = self._fail(k) if self.mode != "none" else np.zeros(self.runs)
            after = self._step(k, crew, spares)
            self._judge(after, crew, doses, died, homes)
            if row < sampled.size and sampled[row] == k:
                for commodity, values in series.items():
                    values[row] = self.stocks[commodity]
                row += 1
        troubled = died.copy()
        for first in self.short.values():
            np.minimum(troubled, first, out=troubled)
        return Lives(steps, died, troubled, self.short, self.lacked, sampled, series, dict(self.stocks))

    def _step(self, k: int, crew: Floats, spares: Floats) -> Outcome:
        here, one, dt = self.yards, self.one, self.dt
        soon = np.maximum(crew, self._coming(self.now + AHEAD_S))
        floor = (self.outpost.reserve_s.get(one.parts.water, 0.0) + WATER_SLACK_S) * self.per_person[one.parts.water]
        floor = (floor + 2.0 * 86400.0 * (one.body.water_kg_s + one.body.hygiene_kg_s)) * soon
        asked = Asked(dt, crew, self.outpost.eva_per_crew * crew * dt, self.share, floor, spares)
        trial = self.crowd.run(self.stocks, self.cabin, here, asked, here.units, 1.0)
        there = crew > 0.0
        fixed = [here.standby_w[i] + here.always_w[i] + np.where(there, here.crewed_w[i], 0.0) for i in range(4)]
        wanted = [f + p for f, p in zip(fixed, self._plant_watts(trial), strict=True)]
        lit = self.lit[k].tolist()
        sub = dt / len(lit)
        generation = [here.solar_w * s + here.fission_w for s in lit]
        stored = np.minimum(self.stored, here.storage_j)
        cycle, room = self._orbit()
        offered = wanted
        if room is not None:
            offered = []
            for watts in wanted:
                offered.append(np.minimum(watts, room))
                room = room - offered[-1]
        args = (stored, here.storage_j, here.efficiency, cycle)
        power = balance_many(generation, sub, offered, None, *args)
        want_j = [w * dt for w in wanted]
        short = np.zeros(self.runs, dtype=bool)
        for i in range(4):
            short |= power.served_j[i] < want_j[i] * (1.0 - 1e-12)
        if short.any():
            share = [
                np.minimum(
                    np.divide(power.served_j[i], want_j[i], out=np.ones(self.runs), where=want_j[i] > 0.0), 1.0
                )
                for i in range(4)
            ]
            caps = [
                np.where(short, duty * share[plant.priority], units)
                for duty, plant, units in zip(trial.duties, self.crowd.plants, here.units, strict=True)
            ]
            trial = self.crowd.run(self.stocks, self.cabin, here, asked, caps, np.where(short, share[0], 1.0))
            plants = self._plant_watts(trial)
            budgets = [np.where(short, (fixed[i] * share[i] + plants[i]) * dt, np.inf) for i in range(4)]
            power = balance_many(generation, sub, offered, budgets, *args)
        self.stocks, self.cabin, self.stored = trial.stocks, trial.cabin, power.stored_j
        if trial.unmended_kg is not None:
            self.unmended = trial.unmended_kg
        return trial

    def _plant_watts(self, trial: Outcome) -> list[Floats]:
        watts = [np.zeros(self.runs) for _ in range(4)]
        for duty, plant, extra in zip(trial.duties, self.crowd.plants, self.crowd.extra_w, strict=True):
            if extra:
                watts[plant.priority] = watts[plant.priority] + extra * duty
        return watts

    def _orbit(self) -> tuple[Floats, Floats | None]:
        here, sun = self.yards, self.outpost.orbit_sunlight
        if self.one.site is not None or sun >= 1.0:
            return np.ones(self.runs), None
        passes = (here.solar_w > 0.0) & (here.storage_j > 0.0)
        cycle = np.where(passes, sun + (1.0 - sun) / here.efficiency, 1.0)
        limit = here.storage_j * np.sqrt(here.efficiency) / ((1.0 - sun) * self.outpost.orbit_period_s)
        return cycle, np.where(passes, limit + here.fission_w, np.inf)

    def _judge(self, after: Outcome, crew: Floats, doses: Doses, died: NDArray[np.int64], homes: bool) -> None:
        """Write down what lacked, and whether anyone died of it."""
        for commodity, owing in list(self.owing.items()):
            if commodity not in after.deficit:
                self.owing[commodity] = np.zeros_like(owing)
        for commodity, kg in after.deficit.items():
            lacks = np.where(kg > 1e-9 * np.maximum(kg, 1e-3), kg, 0.0)
            total = np.where(lacks > 0.0, self.owing.get(commodity, 0.0) + lacks, 0.0)
            self.owing[commodity] = total
            self._miss(commodity, total)
        peopled = crew > 0.0
        for gas, commodity in enumerate((self.one.parts.oxygen, self.one.parts.nitrogen)):
            if not self.one.air.kept:
                self._miss(commodity, np.where(peopled, after.lacking[gas], 0.0))
        for commodity, seconds in self.outpost.reserve_s.items():
            per_person = self.per_person[commodity]
            below = seconds * per_person * self.crew - self.stocks[commodity]
            self._miss(commodity, np.where(below > 1e-6 + per_person * self.crew * self.dt, below, 0.0))
        if homes:
            self._miss("crew_places", np.maximum(self.crew - self.yards.housing, 0.0))
        if not peopled.any():
            return
        parts, body, dt = self.one.parts, self.one.body, self.dt
        zero = np.zeros(self.runs)
        person = np.where(peopled, crew, 1.0) * dt
        water = after.deficit.get(parts.water, zero) / person * 3600.0
        eaten = np.minimum(after.deficit.get(parts.food, zero) / (person * body.food_kg_s), 1.0)
        food = eaten * (body.oxygen_kg_s * _J_PER_KG_OXYGEN * 3600.0)
        volume = self.yards.volume_m3
        moles = sum(g / k for g, k in zip(self.cabin, GAS_KG_PA_M3, strict=True))
        housed = (volume > 0.0) & (moles > 0.0)
        carbon = np.divide(self.cabin[2] / GAS_KG_PA_M3[2], moles, out=zero.copy(), where=housed)
        oxygen_pa = np.divide(
            self.cabin[0] / GAS_KG_PA_M3[0], volume, out=np.full(self.runs, SEA_LEVEL_PA), where=housed
        )
        if self.one.air.kept and parts.oxygen in after.deficit:  # air that only the books hold cannot be breathed
            lacking = self.owing[parts.oxygen]
            real = (self.cabin[0] - lacking) / GAS_KG_PA_M3[0]
            oxygen_pa = np.where(
                housed, np.maximum(np.divide(real, volume, out=zero.copy(), where=housed), 0.0), oxygen_pa
            )
        limits = doses.limits
        oxygen = oxygen_pa / SEA_LEVEL_PA
        foul = peopled & (carbon > limits.carbon_dioxide_share)
        if foul.any():  # as a need: the carbon dioxide that more air cleaning would have to take out
            self._miss(AIR_CLEANING, np.where(foul, self.cabin[2] - self.one.air.targets_kg(1.0)[2] * volume, 0.0))
        bad = (
            (water > 0.0) | (food > 0.0) | (oxygen < limits.oxygen_low_share) | (carbon > limits.carbon_dioxide_share)
        )
        if not (bad & peopled).any() and doses.filled.max() < 1e-6:
            return
        parts_of_step = max(round(dt / 3600.0 / _HEALTH_HOURS), 1)
        hours = dt / 3600.0 / parts_of_step
        lives = np.ones(self.runs)
        for _ in range(parts_of_step):
            chance = doses.hour(
                np.where(peopled, water * hours, 0.0),
                np.where(peopled, food * hours, 0.0),
                np.where(peopled, oxygen, 1.0),
                np.where(peopled, carbon, 0.0),
                hours,
            )
            lives *= np.prod(1.0 - chance, axis=0)
        lost = self.deaths.random(self.runs) < 1.0 - lives ** np.maximum(crew, 0.0)
        np.minimum(died, np.where(lost & peopled, self.k, self.steps), out=died)


def wilson(successes: ArrayLikeInt, runs: int, z: float = 1.959963984540054) -> tuple[Floats, Floats]:
    """Wilson's 95 % confidence interval of a share (Wilson 1927, JASA 22, 209): lower and upper, same shape."""
    share = np.asarray(successes, dtype=np.float64) / runs
    middle = (share + z * z / (2 * runs)) / (1 + z * z / runs)
    half = z / (1 + z * z / runs) * np.sqrt(share * (1 - share) / runs + z * z / (4.0 * runs * runs))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


ArrayLikeInt = NDArray[np.int64] | int
__all__ = ["AIR_CLEANING", "CHUNK", "Chances", "Lives", "Throng", "wilson"]
