"""One outpost being lived: what stands there, what comes and goes, and the order of a step.

A step: handovers; failures; matter with all plants at will; power for what they then take; and, where power did not
reach, matter again with what it did reach. The second time no plant does more than it was granted power for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

from numpy.typing import NDArray

from moonvillage.catalog.model import Module
from moonvillage.errors import ConservationError
from moonvillage.outpost.failures import Failures
from moonvillage.outpost.ledger import Book
from moonvillage.outpost.matter import Demand, Parts, State, Step, Trial
from moonvillage.outpost.planning import NetUse, air_of, body_of, net_use, parts_of, site_of
from moonvillage.outpost.plants import HOUSING, Yard, availability, yard
from moonvillage.outpost.power import CLASS_NAMES, CLASSES, PowerStep, balance
from moonvillage.outpost.species import CatalogView, composition_of
from moonvillage.records.outpost import Handover, Shortfall
from moonvillage.scenario.outposts import Outpost

#: Surplus plants leave the water of the reserve, of this much longer, and of two days without recycling.
#: How far ahead the water of those who come is kept from the plants that make propellant of it.
AHEAD_S: Final = 90.0 * 86400.0
WATER_SLACK_S: Final = 30.0 * 86400.0


@dataclass(slots=True)
class Phase:
    """What stands and works at a place for a while."""

    yard: Yard
    step: Step
    use: NetUse
    index: int


class Place:
    """One outpost being lived."""

    def __init__(
        self,
        outpost: Outpost,
        handovers: Sequence[Handover],
        catalog: CatalogView,
        seed: int,
    ) -> None:
        self.outpost = outpost
        self.modules: Mapping[str, Module] = catalog.of("module")
        self.body = body_of(outpost, catalog)
        self.air = air_of(outpost)
        self.parts = parts_of(catalog)
        self.site = site_of(outpost, catalog)
        self.ice = self.site.ice_fraction if self.site is not None else 0.0
        self.handovers = sorted(handovers, key=lambda h: (h.epoch_tdb_s, h.flight))
        self.counts = {m: n for m, n in outpost.modules.items() if n > 0}
        self.failures = Failures(outpost.failures, outpost.place, seed, self.modules)
        self.crew = 0
        self._next = 0  # the handover that comes next
        self.unmended_kg = 0.0
        self.events: list[tuple[float, str, str, str]] = []
        self.shortfalls: list[Shortfall] = []
        self.notes: list[str] = list(self.body.notes)
        if outpost.crop_food_kg_s > 0.0:
            self.notes.append(
                "Crops grow with the canopy's closure and take no light, power or labour; what they transpire "
                "returns, and nitrogen that the waste lacks comes with nutrient salts."
            )
        present = set(self.counts).union(*(h.modules for h in self.handovers)) if self.handovers else set(self.counts)
        for name in sorted(present):
            if name not in self.modules:
                raise ValueError(f"outpost {outpost.id!r}: no module {name!r} in the catalog")
        ids = {getattr(self.parts, name) for name in Parts.__dataclass_fields__}
        ids |= set(outpost.stocks_kg) | set(outpost.reserve_s)
        brought = set(outpost.stocks_kg).union(*(h.stocks_kg for h in self.handovers))
        ids |= brought
        for name in present:
            module = self.modules[name]
            ids |= set(module.makes_kg_s) | set(module.takes_kg_s) | set(module.holds_kg)
        self.kept = frozenset(brought)
        parts = self.parts
        core = (parts.oxygen, parts.nitrogen, parts.water, parts.food, parts.spares)
        self.always = frozenset((*core, *outpost.stocks_kg, *outpost.reserve_s))
        commodities = tuple(sorted(ids))
        self.compositions = {c: composition_of(c, catalog, self.body.food) for c in commodities}
        entries = catalog.of("commodity")
        self.boiloff = {c: entries[c].boiloff_per_s if c in entries else 0.0 for c in commodities}
        self.tare = {c: entries[c].tare if c in entries else 0.0 for c in commodities}
        self.boxed = {c: kg for c, kg in outpost.stocks_kg.items() if self.tare[c] > 0.0}
        self.book = Book(outpost.place, commodities)
        self.housing = self._most_housing()
        self.phases: list[Phase] = []
        self._cache: dict[tuple[object, ...], Phase] = {}
        self.phase = self._phase_now()
        cabin = list(self.air.targets_kg(self.phase.yard.volume_m3))
        stocks = {c: float(outpost.stocks_kg.get(c, 0.0)) for c in commodities}
        self.state = State(stocks, cabin, [0.0] * 5)
        self.stored_j = self.phase.yard.storage_j
        self.book.open(self.state)

    def _crew_by(self, epoch_tdb_s: float) -> int:
        """The most people on site between now and an epoch, by the handovers that are known to come."""
        crew = most = self.crew
        for handover in self.handovers[self._next :]:
            if handover.epoch_tdb_s >= epoch_tdb_s:
                break
            crew += handover.crew
            most = max(most, crew)
        return most

    # -- what stands ----------------------------------------------------------------------------------------

    def _most_housing(self) -> int:
        """The most people that the place ever houses: plants share their capacity among so many, as in the rates."""
        counts = dict(self.counts)
        most = 0
        for change in ({}, *(h.modules for h in self.handovers)):
            for name, count in change.items():
                counts[name] = max(counts.get(name, 0) + count, 0)
            homes = ((n, self.modules[m]) for m, n in counts.items() if self.modules[m].kind in HOUSING)
            most = max(most, sum(n * module.crew for n, module in homes))
        return most

    def _phase_now(self) -> Phase:
        working = self.failures.working(self.counts)
        key = (tuple(sorted(self.counts.items())), tuple(sorted(working.items())), tuple(sorted(self.boxed.items())))
        found = self._cache.get(key)
        if found is None:
            here = yard(self.counts, working, self.modules, self.body, self.ice)
            mean = working
            if self.failures.mode == "sampled":
                mean = {m: n * availability(self.modules[m]) for m, n in self.counts.items()}
            planned = yard(self.counts, mean, self.modules, self.body, self.ice)
            use = net_use(planned, self.body, self.air, self.parts, self.outpost.eva_per_crew, self.housing)
            harvest = self.outpost.crop_harvest
            step = Step(
                here, self.body, self.parts, self.air, self.compositions, self.boiloff, self.kept, self.boxed, harvest
            )
            found = Phase(here, step, use, len(self.phases))
            self.phases.append(found)
            self._cache[key] = found
        return found

    # -- handovers ------------------------------------------------------------------------------------------

    def _receive(self, handover: Handover, moved: dict[str, float], cabin_in: list[float]) -> float:
        """Apply a handover; the energy (J) that came or went in storage."""
        place, when = self.outpost.place, handover.epoch_tdb_s
        stocks = self.state.stocks
        said = []
        for commodity, kg in sorted(handover.stocks_kg.items()):
            amount = kg
            if kg < 0.0 and stocks[commodity] + kg < 0.0:
                amount = -stocks[commodity]
                lacking = amount - kg
                if lacking > 1e-6:
                    reason = f"{handover.flight} was to take {-kg:.1f} kg away and {lacking:.1f} kg were not there"
                    self.shortfalls.append(Shortfall(place, commodity, when, lacking, reason, handover.flight))
            stocks[commodity] += amount
            moved[commodity] = moved.get(commodity, 0.0) + amount
            if amount > 0.0 and self.tare[commodity] > 0.0:
                self.boxed[commodity] = self.boxed.get(commodity, 0.0) + amount
            if kg:
                said.append(f"{kg:+.1f} kg {commodity}")
        before = self.phase.yard
        for module, count in sorted(handover.modules.items()):
            now = self.counts.get(module, 0) + count
            if now < 0:
                self.events.append((when, "error", module, f"{handover.flight} takes {-now} more than there are"))
                now = 0
            self.counts[module] = now
            if now == 0:
                del self.counts[module]
            said.append(f"{count:+d} {module}")
        if handover.modules or handover.stocks_kg:
            self.phase = self._phase_now()
        energy = 0.0
        if handover.modules:
            after = self.phase.yard
            if after.volume_m3 > before.volume_m3:
                extra = self.air.targets_kg(after.volume_m3 - before.volume_m3)
                for i in range(4):
                    cabin_in[i] += extra[i]
                    self.state.cabin[i] += extra[i]
            elif after.volume_m3 < before.volume_m3:
                share = 1.0 - after.volume_m3 / before.volume_m3
                for i in range(4):
                    out = self.state.cabin[i] * share
                    cabin_in[i] -= out
                    self.state.cabin[i] -= out
            if after.storage_j > before.storage_j:
                energy = after.storage_j - before.storage_j
            else:
                energy = -max(self.stored_j - after.storage_j, 0.0)
            self.stored_j += energy
        if handover.crew:
            said.append(f"{handover.crew:+d} crew")
        self.crew += handover.crew
        if self.crew < 0:
            self.events.append((when, "error", "crew", f"{handover.flight} takes {-self.crew} more than there are"))
            self.crew = 0
        coming = handover.crew > 0 or any(v > 0 for v in handover.modules.values())
        coming = coming or any(v > 0 for v in handover.stocks_kg.values())
        kind = "arrival" if coming else "departure"
        self.events.append((when, kind, handover.flight, ", ".join(said)))
        return energy

    # -- a step ---------------------------------------------------------------------------------------------

    def live(self, edges: Sequence[float], sun: NDArray[Any], period_tick: Callable[[int], None] | None) -> None:
        """Live all steps; ``sun`` is the lit share in each sub-step, shape (steps, sub-steps)."""
        lit = sun.tolist()
        due = 0
        for k in range(len(edges) - 1):
            start, end = edges[k], edges[k + 1]
            dt = end - start
            moved: dict[str, float] = {}
            cabin_in = [0.0] * 4
            delivered_j = 0.0
            before_j = self.stored_j
            crew_seconds, since = 0.0, start
            while due < len(self.handovers) and self.handovers[due].epoch_tdb_s < end:
                handover = self.handovers[due]
                due += 1
                crew_seconds += self.crew * (handover.epoch_tdb_s - since)
                since = handover.epoch_tdb_s
                delivered_j += self._receive(handover, moved, cabin_in)
            self._next = due
            crew = (crew_seconds + self.crew * (end - since)) / dt
            spares = self._fail(start, dt)
            self._step(k, start, dt, crew, lit[k], spares, moved, cabin_in, delivered_j, before_j)
            if period_tick is not None:
                period_tick(k)

    def _fail(self, start: float, dt: float) -> float:
        if self.failures.mode == "none" or not self.counts:
            return 0.0
        if self.failures.mode == "expected":
            return self.failures.expected_spares_kg(self.counts, dt) + self.unmended_kg
        stock = self.state.stocks[self.parts.spares]
        incidents, used, lacking = self.failures.advance(self.counts, start, dt, stock)
        for incident in incidents:
            self.events.append((start, incident.kind, incident.module, incident.detail))
            if "waits" in incident.detail:
                reason = f"{incident.module} {incident.detail}"
                self.shortfalls.append(Shortfall(self.outpost.place, self.parts.spares, start, lacking, reason))
        if incidents:
            self.phase = self._phase_now()
        return used

    def _step(
        self,
        k: int,
        start: float,
        dt: float,
        crew: float,
        lit: Sequence[float],
        spares: float,
        moved: Mapping[str, float],
        cabin_in: Sequence[float],
        delivered_j: float,
        before_j: float,
    ) -> None:
        phase, outpost, book = self.phase, self.outpost, self.book
        here = phase.yard
        water_floor = outpost.reserve_s.get(self.parts.water, 0.0) + WATER_SLACK_S
        soon = max(crew, self._crew_by(start + AHEAD_S))  # those who come soon find their water
        water_floor *= phase.use.crew_kg_s.get(self.parts.water, 0.0) * soon
        water_floor += 2.0 * 86400.0 * (self.body.water_kg_s + self.body.hygiene_kg_s) * soon
        eva, share_made = outpost.eva_per_crew * crew * dt, phase.use.generator_share
        demand = Demand(dt, crew, eva, share_made, water_floor, spares, self._crops(start, dt))
        caps = [units for _, units, _ in here.plants]
        trial = phase.step.run(self.state, demand, caps, 1.0)

        fixed = [
            here.standby_w[i] + here.always_w[i] + (here.crewed_w[i] if crew > 0.0 else 0.0) for i in range(CLASSES)
        ]
        plants = _plant_watts(here, trial)
        wanted = [f + p for f, p in zip(fixed, plants, strict=True)]
        sub = dt / len(lit)
        generation = [here.solar_w * s + here.fission_w for s in lit]
        overflow = max(self.stored_j - here.storage_j, 0.0)  # storage that failed under its charge
        stored = self.stored_j - overflow
        cycle, limit = self._orbit(here)
        offered = wanted
        if limit is not None:
            offered, room = [], limit
            for watts in wanted:
                offered.append(min(watts, room))
                room -= offered[-1]
        args = (stored, here.storage_j, here.efficiency, cycle)
        power = balance(generation, sub, offered, None, *args)
        shed = sum(max(wanted[i] * dt - power.served_j[i], 0.0) for i in range(3))
        if shed <= 1e-9 * sum(wanted) * dt:
            shed = 0.0
        if shed > 0.0 or power.served_j[3] < wanted[3] * dt * (1.0 - 1e-12):
            share = [
                min(power.served_j[i] / (wanted[i] * dt), 1.0) if wanted[i] > 0.0 else 1.0 for i in range(CLASSES)
            ]
            caps = [
                duty * share[plant.priority] for duty, (plant, _, _) in zip(trial.duties, here.plants, strict=True)
            ]
            trial = phase.step.run(self.state, demand, caps, share[0])
            plants = _plant_watts(here, trial)
            budgets = [(fixed[i] * share[i] + plants[i]) * dt for i in range(CLASSES)]
            power = balance(generation, sub, offered, budgets, *args)
            for i in range(CLASSES):
                if power.served_j[i] < budgets[i] * (1.0 - 1e-9) - 1e-3:  # matter moved without its energy
                    missing = 1.0 - power.served_j[i] / budgets[i]
                    raise ConservationError("energy of " + CLASS_NAMES[i], missing, budgets[i], outpost.place)
            self._note_shed(start, share, shed)
        else:
            self._shedding = -1
        self.state = trial.state
        self.unmended_kg = trial.unmended_kg
        self.stored_j = power.stored_j
        book.write(trial.state, trial.flows, moved, cabin_in)
        book.energy.append(_energies(power, shed, here.storage_j, overflow, delivered_j))
        book.stored_before_j.append(before_j)
        book.starts.append(start)
        book.ends.append(start + dt)
        book.crew.append(crew)
        book.crew_end.append(self.crew)
        book.sun.append(sum(lit) / len(lit))
        book.phase.append(phase.index)
        book.vented.append(trial.vented_kg)
        book.lacking.append(trial.lacking_kg)

    def _crops(self, start: float, dt: float) -> float:
        """Dry matter that the crops would grow: the canopy closes in proportion to the time since sowing."""
        outpost = self.outpost
        if outpost.crop_food_kg_s <= 0.0:
            return 0.0
        age = start + 0.5 * dt - self.book.starts[0] if self.book.starts else 0.5 * dt
        return outpost.crop_food_kg_s / outpost.crop_harvest * min(age / outpost.crop_grown_s, 1.0) * dt

    _shedding = -1

    def _note_shed(self, start: float, share: Sequence[float], shed: float) -> None:
        """An event when shedding begins, or reaches a more vital class than before."""
        if shed <= 0.0:
            self._shedding = -1
            return
        worst = min(i for i in range(3) if share[i] < 1.0 - 1e-9)
        if self._shedding == -1 or worst < self._shedding:
            detail = f"{shed / 3.6e6:.1f} kWh could not be served in this step"
            self.events.append((start, "shed", CLASS_NAMES[worst], detail))
            self._shedding = worst

    def _orbit(self, here: Yard) -> tuple[float, float | None]:
        """Energy from the source per energy used, and the most power that the eclipses allow (None: no limit)."""
        sun = self.outpost.orbit_sunlight
        if self.site is not None or sun >= 1.0 or here.solar_w <= 0.0 or here.storage_j <= 0.0:
            return 1.0, None
        cycle = sun + (1.0 - sun) / here.efficiency
        limit = here.storage_j * sqrt(here.efficiency) / ((1.0 - sun) * self.outpost.orbit_period_s)
        return cycle, limit + here.fission_w


def _plant_watts(here: Yard, trial: Trial) -> list[float]:
    watts = [0.0] * CLASSES
    for duty, (plant, _, extra) in zip(trial.duties, here.plants, strict=True):
        watts[plant.priority] += extra * duty
    return watts


def _energies(power: PowerStep, shed: float, capacity: float, overflow: float, delivered: float) -> tuple[float, ...]:
    return (
        power.generated_j,
        sum(power.served_j),
        shed,
        power.stored_j,
        capacity,
        power.curtailed_j,
        power.losses_j + overflow,
        delivered,
    )
