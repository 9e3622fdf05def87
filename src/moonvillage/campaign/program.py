"""The exact execution of a mission's steps, generic over what a number is.

The same few lines run once with plain floats (the ledger: one flight with its loads) and once with affine
expressions over a column's decisions (numpy vectors: what the optimiser needs). Adding, subtracting and scaling
are all that is used, so both answers come from one text and cannot drift apart (docs/design/campaign.md §2).

Masses are in kg, epochs in TDB seconds past J2000, Δv in m/s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from moonvillage.campaign.launching import capability_kg
from moonvillage.campaign.timeline import Timeline
from moonvillage.catalog import Commodity, Craft, Launcher, Module, Propellant
from moonvillage.records.places import EarthGround, MoonSurface
from moonvillage.scenario.model import Mission, Scenario

#: A float (kg) or a numpy vector of coefficients (kg per unit of each decision).
Number = Any


class Impossible(Exception):
    """A mission's steps cannot be carried out, whatever is decided; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A hold of a flight that is filled at one step and emptied at another.

    ``source`` is the step index at which it is filled: the launch (or first taking) of the cargo craft, or a
    ``load`` step. ``sink`` is the ``unload`` step at which it is emptied, or -1 where it comes back to the Earth.
    ``items`` may travel in it; ``from_place`` and ``to_place`` say where it is filled and emptied.
    """

    source: int
    sink: int
    items: tuple[str, ...]
    from_place: str
    to_place: str
    fixed_kg: float = 0.0


@dataclass(frozen=True, slots=True)
class Refuel:
    """A decision to take propellant of one component from the stocks at a step."""

    step: int
    craft: str
    component: str
    place: str


@dataclass(frozen=True, slots=True)
class LaunchDone:
    """A launch: the gross mass lifted, against the capability (nan where the stack lifts itself)."""

    step: int
    launcher: str
    into: str
    c3_m2_s2: float | None
    epoch_tdb_s: float
    mass: Number
    capacity_kg: float


@dataclass(frozen=True, slots=True)
class BurnDone:
    """A burn by one craft, with its margin in ``dv_m_s``."""

    step: int
    name: str
    craft: str
    dv_m_s: float
    mass_before: Number
    propellant: Number
    epoch_tdb_s: float


@dataclass(frozen=True, slots=True)
class EventDone:
    """Something that happened, with the gross mass of the active stack after it."""

    step: int
    event: str
    place: str
    epoch_tdb_s: float
    mass: Number
    detail: str = ""


@dataclass(slots=True)
class Record:
    """Everything that one execution did. ``checks`` must all be ≥ 0 (kg) for the flight to be possible."""

    launches: list[LaunchDone] = field(default_factory=list)
    burns: list[BurnDone] = field(default_factory=list)
    events: list[EventDone] = field(default_factory=list)
    checks: dict[tuple[str, ...], Number] = field(default_factory=dict)
    remaining: dict[str, Number] = field(default_factory=dict)  # by craft, all components, at its end
    landed: Number = 0.0
    fleet: list[tuple[str, str, float, int]] = field(default_factory=list)  # place, craft, epoch, ±1


@dataclass(frozen=True, slots=True)
class Kit:
    """The catalog entries and header figures that executing a mission needs."""

    craft: Mapping[str, Craft]
    launchers: Mapping[str, Launcher]
    propellants: Mapping[str, Propellant]
    commodities: Mapping[str, Commodity]
    modules: Mapping[str, Module]
    places: Mapping[str, Any]
    gravity_m_s2: float
    margin: float
    provisions_kg_s: float  # what one traveller uses on the way
    homes: frozenset[str]  # places with an outpost, where travellers live from its stocks

    @classmethod
    def of(cls, scenario: Scenario) -> Kit:
        """The kit of a scenario; travellers' provisions follow the first outpost's set of human needs."""
        provisions = 0.0
        needs = scenario.of("metabolism")
        for outpost in scenario.outposts.values():
            if outpost.metabolism in needs:
                m = needs[outpost.metabolism]
                provisions = m.oxygen_kg_s + m.food_dry_kg_s * (1.0 + m.packaging) + m.water_in_kg_s
                break
        return cls(
            craft=scenario.of("craft"),
            launchers=scenario.of("launcher"),
            propellants=scenario.of("propellant"),
            commodities=scenario.of("commodity"),
            modules=scenario.of("module"),
            places=scenario.places,
            gravity_m_s2=scenario.header.gravity_m_s2,
            margin=scenario.header.margin,
            provisions_kg_s=provisions,
            homes=frozenset(o.place for o in scenario.outposts.values()),
        )

    def unit_kg(self, item: str) -> float:
        """Gross mass of one kilogram of a commodity (with its packaging) or of one module."""
        if item in self.commodities:
            return 1.0 + float(self.commodities[item].tare)
        return float(self.modules[item].mass_kg)

    def mixture(self, craft: Craft) -> Mapping[str, float]:
        """Mass fractions of the components that a craft burns."""
        if craft.propellant in self.propellants:
            return self.propellants[craft.propellant].mixture
        return {craft.propellant or "propellant": 1.0}


def crew_of(mission: Mission) -> int:
    """People aboard: the partners' seats and the tourists."""
    return sum(mission.seats.values()) + mission.tourists


def boarding_step(kit: Kit, mission: Mission) -> int:
    """The step at which the people board: the launch (or taking) of the craft in which they will land.

    Where nobody lands, it is the first launch with a craft that has seats for all of them; -1 without people.
    """
    people = crew_of(mission)
    if people == 0:
        return -1
    gone: set[str] = set()
    for step in mission.steps:
        if step.do in ("drop", "park"):
            gone |= set(step.craft)
    seated: list[tuple[int, str]] = []
    for index, step in enumerate(mission.steps):
        names = step.lifts if step.do == "launch" else step.craft if step.do == "take" else ()
        seated += [(index, c) for c in names if kit.craft[c].seats >= people]
    lands = any(step.do == "land" for step in mission.steps)
    home = [index for index, c in seated if c not in gone]
    if lands and home:
        return home[0]
    return seated[0][0] if seated else -1


def lanes_of(kit: Kit, mission: Mission) -> tuple[Lane, ...]:
    """The holds of a mission: every pair of a filling step and a later emptying step with their common items."""
    holder = cargo_craft_of(mission)
    place = ""
    sources: list[tuple[int, str, tuple[str, ...], float]] = []
    sinks: list[tuple[int, str, tuple[str, ...]]] = []
    for index, step in enumerate(mission.steps):
        if step.do == "launch":
            if holder in step.lifts and mission.cargo:
                sources.append((index, "", mission.cargo, 0.0))
            place = step.to
        elif step.do == "take":
            place = step.to or place
            if holder in step.craft and mission.cargo and isinstance(kit.places.get(place), EarthGround):
                sources.append((index, "", mission.cargo, 0.0))
        elif step.do in ("fly", "burn"):
            place = step.to or place
        elif step.do == "load":
            sources.append((index, place, step.cargo, step.amount_kg))
        elif step.do == "unload":
            sinks.append((index, place, step.cargo))
    home = next((s.to or "earth" for s in reversed(mission.steps) if s.do == "fly"), "earth")
    lands = any(step.do == "land" for step in mission.steps)
    lanes: list[Lane] = []
    for source, origin, items, fixed in sources:
        for sink, where, wanted in sinks:
            common = tuple(i for i in items if i in wanted)
            if sink > source and common:
                lanes.append(Lane(source, sink, common, origin, where, fixed))
        if origin and lands:
            lanes.append(Lane(source, -1, items, origin, home, fixed))
    return tuple(lanes)


def cargo_craft_of(mission: Mission) -> str:
    """The craft that holds the cargo: as stated, or the last that joins the stack."""
    if mission.cargo_craft:
        return mission.cargo_craft
    last = ""
    for step in mission.steps:
        names = step.lifts if step.do == "launch" else step.craft if step.do == "take" else ()
        last = names[-1] if names else last
    return last


def refuels_of(kit: Kit, mission: Mission) -> tuple[Refuel, ...]:
    """Every component that some step may take from the stocks."""
    place = ""
    found: list[Refuel] = []
    for index, step in enumerate(mission.steps):
        if step.do in ("launch", "fly", "burn") or step.do == "take":
            place = step.to or place
        elif step.do == "refuel":
            for name in step.craft:
                found += [
                    Refuel(index, name, component, place)
                    for component in kit.mixture(kit.craft[name])
                    if not step.components or component in step.components
                ]
    return tuple(found)


def fills_of(kit: Kit, mission: Mission) -> tuple[str, ...]:
    """The craft that leave the Earth in this mission, whose tanks are filled there."""
    place = ""
    found: list[str] = []
    for step in mission.steps:
        if step.do == "launch":
            found += [c for c in step.lifts if c not in found]
            place = step.to
        elif step.do == "take":
            place = step.to or place
            if isinstance(kit.places.get(place), EarthGround):
                found += [c for c in step.craft if c not in found]
        elif step.do in ("fly", "burn"):
            place = step.to or place
    return tuple(c for c in found if kit.craft[c].propellant_kg > 0.0)


@dataclass(frozen=True, slots=True)
class Decisions:
    """What is decided about one execution, as numbers of either algebra.

    ``one`` stands for the flight itself (1.0, or the unit vector of the column's count). ``lanes`` are gross
    masses by lane index, ``fills`` the propellant at departure by craft, ``refuels`` by :class:`Refuel`.
    """

    one: Number
    lanes: Sequence[Number]
    fills: Mapping[str, Number]
    refuels: Mapping[Refuel, Number]


def samples_step(kit: Kit, mission: Mission) -> int:
    """The step after which the samples are aboard: the last stay on the surface, else the last unloading there."""
    place, found = "", -1
    for index, step in enumerate(mission.steps):
        if step.do in ("launch", "fly", "burn"):
            place = step.to or place
        if isinstance(kit.places.get(place), MoonSurface) and step.do in ("fly", "unload", "stay"):
            found = index
    return found if found >= 0 else len(mission.steps) - 1


def execute(
    kit: Kit,
    mission: Mission,
    timeline: Timeline,
    lanes: Sequence[Lane],
    refuels: Sequence[Refuel],
    decisions: Decisions,
) -> Record:
    """Run a mission's steps.

    Every burn obeys the rocket equation, p = m (1 − exp(−Δv (1 + margin) / (Isp g0))), and draws on the tanks in
    the proportions of the mixture. Several burners of one ``burn`` step, or stages dropped when empty, make the
    mass depend on the loads in a way that is not affine: that works with floats only.

    Parameters
    ----------
    kit, mission, timeline
        What is flown, and when (:mod:`moonvillage.campaign.timeline`).
    lanes, refuels
        As :func:`lanes_of` and :func:`refuels_of` give them.
    decisions
        The numbers.

    Returns
    -------
    Record
        With ``checks``, all of which must be ≥ 0: tanks, capacities, launch masses.

    Raises
    ------
    Impossible
        If a craft that is to act is not in the stack, or joins it twice.
    """
    return _Run(kit, mission, timeline, lanes, refuels, decisions).run()


class _Run:
    """One execution in progress: which craft are where, and what is in them."""

    def __init__(
        self,
        kit: Kit,
        mission: Mission,
        timeline: Timeline,
        lanes: Sequence[Lane],
        refuels: Sequence[Refuel],
        decisions: Decisions,
    ) -> None:
        self.kit, self.mission, self.timeline = kit, mission, timeline
        self.lanes, self.refuels, self.d = lanes, refuels, decisions
        self.zero = decisions.one * 0.0
        self.place = ""
        self.active: list[str] = []
        self.waiting: dict[str, list[str]] = {}
        self.tanks: dict[str, dict[str, Number]] = {}
        self.filled: dict[str, int] = {}
        self.held: dict[int, Number] = {}  # lane → gross mass aboard
        self.holder = cargo_craft_of(mission)
        self.people = crew_of(mission)
        self.boards = boarding_step(kit, mission)
        self.aboard = self.zero
        self.travellers_kg = self.people * (mission.crew_mass_kg + kit.provisions_kg_s * timeline.travel_s(kit.homes))
        self.samples_at = samples_step(kit, mission) if mission.samples_kg > 0.0 else -1
        self.samples = self.zero
        self.behind: tuple[str, Number, Number] | None = None  # place, people and samples left there with their craft
        self.out = Record()

    def dry(self, craft: str) -> Number:
        return self.d.one * self.kit.craft[craft].dry_kg

    def mass(self, crafts: Sequence[str]) -> Number:
        total = self.zero
        for craft in crafts:
            total = total + self.dry(craft)
            for amount in self.tanks[craft].values():
                total = total + amount
            if craft == self.holder:
                for held in self.held.values():
                    total = total + held
        return total

    def gross(self) -> Number:
        """The active stack with the people and samples in it."""
        return self.mass(self.active) + self.aboard + self.samples

    def note(self, index: int, event: str, detail: str = "") -> None:
        epoch = self.timeline.ends[index]
        self.out.events.append(EventDone(index, event, self.place, epoch, self.gross(), detail))

    def run(self) -> Record:
        carried = False
        for index, step in enumerate(self.mission.steps):
            begin = self.timeline.begins[index]
            if step.do == "launch":
                self.join(step.lifts, new=True)
                self.board(index)
                self.place = step.to
                lifted = self.mass(step.lifts) + (self.aboard if index == self.boards else self.zero)
                c3 = self.timeline.c3_after(index) if step.into != "leo" else None
                capacity = capability_kg(self.kit.launchers[step.on], step.into, c3)
                self.out.launches.append(LaunchDone(index, step.on, step.into, c3, begin, lifted, capacity))
                self.out.checks["launch", str(index), step.on] = self.d.one * capacity - lifted
                carried = step.into != "leo"
                self.note(index, "launch", step.on)
            elif step.do == "fly":
                leg = self.timeline.legs[index]
                for number, (name, dv) in enumerate(leg.dv_m_s):
                    if number == 0 and carried:
                        continue
                    self.burn(index, name, step.burns.get(name, step.by), dv, begin)
                carried = False
                self.place = step.to
                self.note(index, "arrive", step.to)
            elif step.do == "burn":
                self.stated(index, step.dv_m_s, step.burners, step.stage, begin)
                self.place = step.to or self.place
                self.note(index, "arrive" if step.to else "burn", step.to)
            elif step.do == "undock":
                for craft in step.craft:
                    self.here(index, craft)
                left = [c for c in self.active if c not in step.craft]
                self.waiting.setdefault(self.place, []).extend(left)
                self.active = [c for c in self.active if c in step.craft]
                if not self.active and self.behind is None:  # everything waits, and so do the people
                    self.behind = (self.place, self.aboard, self.samples)
                    self.aboard = self.samples = self.zero
                self.note(index, "undock", ", ".join(left) + " wait" if left else "")
            elif step.do == "dock":
                here = self.waiting.get(self.place, [])
                absent = [c for c in step.craft if c not in here]
                if absent:
                    raise Impossible(f"{absent[0]} is to dock in step {index + 1} and does not wait there")
                self.active += [c for c in here if c in step.craft]
                self.waiting[self.place] = [c for c in here if c not in step.craft]
                if self.behind is not None and self.behind[0] == self.place:
                    self.aboard, self.samples = self.aboard + self.behind[1], self.samples + self.behind[2]
                    self.behind = None
                self.note(index, "dock", ", ".join(step.craft))
            elif step.do in ("drop", "park"):
                for craft in step.craft:
                    self.here(index, craft)
                    self.leave(craft)
                    if step.do == "park":
                        self.out.fleet.append((self.place, craft, self.timeline.ends[index], 1))
                self.active = [c for c in self.active if c not in step.craft]
                self.note(index, step.do, ", ".join(step.craft))
            elif step.do == "take":
                self.place = step.to or self.place
                new = isinstance(self.kit.places.get(self.place), EarthGround)
                self.join(step.craft, new=new)
                self.board(index)
                if not new:
                    self.out.fleet += [(self.place, craft, begin, -1) for craft in step.craft]
                self.note(index, "take", ", ".join(step.craft))
            elif step.do == "load":
                self.fill_lanes(index)
                self.note(index, "load", ", ".join(step.cargo))
            elif step.do == "unload":
                for number, lane in enumerate(self.lanes):
                    if lane.sink == index and number in self.held:
                        amount = self.held.pop(number)
                        if isinstance(self.kit.places.get(self.place), MoonSurface):
                            self.out.landed = self.out.landed + amount
                self.note(index, "unload", ", ".join(step.cargo))
            elif step.do == "refuel":
                self.refuel(index)
                self.note(index, "refuel", ", ".join(step.craft))
            elif step.do in ("stay", "land"):
                self.note(index, step.do)
            if index == self.samples_at:
                self.samples = self.d.one * self.mission.samples_kg
        for craft in list(self.tanks):
            self.leave(craft)
        return self.out

    def here(self, index: int, craft: str) -> None:
        """A craft that does something must be in the stack.

        Raises
        ------
        Impossible
            If it is not.
        """
        if craft not in self.active:
            raise Impossible(
                f"{craft or 'nobody'} is to act in step {index + 1} ({self.mission.steps[index].do}) "
                f"and is not in the stack"
            )

    def join(self, crafts: Sequence[str], *, new: bool) -> None:
        for craft in crafts:
            if craft in self.tanks:
                raise Impossible(f"{craft} joins the stack twice; give the second one an id of its own")
            entry = self.kit.craft[craft]
            self.active.append(craft)
            mixture = self.kit.mixture(entry)
            fill = self.d.fills.get(craft, self.zero) if new else self.zero
            self.tanks[craft] = {name: fill * share for name, share in mixture.items()}
            if new and craft in self.d.fills:
                self.out.checks["tank", craft, "full"] = self.d.one * entry.propellant_kg - fill
            if craft == self.holder and new:
                self.fill_lanes(None)

    def board(self, index: int) -> None:
        if index == self.boards:
            self.aboard = self.d.one * self.travellers_kg

    def fill_lanes(self, index: int | None) -> None:
        """Fill the lanes of a load step, or (None) those filled on the Earth."""
        for number, lane in enumerate(self.lanes):
            if (index is None and lane.from_place == "") or (index is not None and lane.source == index):
                self.held[number] = self.d.lanes[number]
        total = self.zero
        for amount in self.held.values():
            total = total + amount
        if self.held:
            capacity = self.kit.craft[self.holder].cargo_kg
            key = "Earth" if index is None else str(index)
            self.out.checks["hold", self.holder, key] = self.d.one * capacity - total

    def refuel(self, index: int) -> None:
        for refuel in self.refuels:
            if refuel.step != index:
                continue
            self.here(index, refuel.craft)
            entry = self.kit.craft[refuel.craft]
            tank = self.tanks[refuel.craft]
            self.check_tank(refuel.craft, refuel.component)
            tank[refuel.component] = tank[refuel.component] + self.d.refuels[refuel]
            share = self.kit.mixture(entry)[refuel.component]
            self.filled[refuel.craft] = self.filled.get(refuel.craft, 0) + 1
            self.out.checks["tank", refuel.craft, f"{refuel.component} at step {index + 1}"] = (
                self.d.one * (entry.propellant_kg * share) - tank[refuel.component]
            )

    def check_tank(self, craft: str, component: str) -> None:
        key = ("propellant", craft, component, str(self.filled.get(craft, 0)))
        self.out.checks[key] = self.tanks[craft][component]

    def leave(self, craft: str) -> None:
        """A craft's part ends: its tanks must not have been overdrawn."""
        if craft not in self.tanks:
            return
        total = self.zero
        for component, amount in self.tanks[craft].items():
            self.check_tank(craft, component)
            total = total + amount
        self.out.remaining[craft] = total

    def burn(self, index: int, name: str, craft: str, dv_m_s: float, epoch_tdb_s: float) -> None:
        if dv_m_s <= 0.0:
            return
        self.here(index, craft)
        entry = self.kit.craft[craft]
        speed = entry.isp_s * self.kit.gravity_m_s2
        dv = dv_m_s * (1.0 + self.kit.margin)
        before = self.gross()
        share = 1.0 - math.exp(-dv / speed) if speed > 0.0 else 1.0
        used = before * share
        for component, fraction in self.kit.mixture(entry).items():
            self.tanks[craft][component] = self.tanks[craft][component] - used * fraction
        self.out.burns.append(BurnDone(index, name, craft, dv, before, used, epoch_tdb_s))

    def stated(self, index: int, dv_m_s: float, burners: Sequence[str], stage: bool, epoch_tdb_s: float) -> None:
        """A stated Δv: by one craft exactly as a flown burn; by several in turn, each until it is empty.

        An inert part among the stages (an escape tower, a fairing) is empty at once and dropped in its turn.
        """
        ground = isinstance(self.kit.places.get(self.place), EarthGround)
        if ground:
            self.out.launches.append(LaunchDone(index, "", "leo", None, epoch_tdb_s, self.gross(), math.nan))
        if len(burners) == 1:
            self.burn(index, "burn", burners[0], dv_m_s, epoch_tdb_s)
            return
        left = dv_m_s * (1.0 + self.kit.margin)
        for craft in burners:
            if left <= 0.0:
                return
            self.here(index, craft)
            entry = self.kit.craft[craft]
            speed = entry.isp_s * self.kit.gravity_m_s2
            before = float(self.gross())
            tank = float(sum(self.tanks[craft].values()))
            possible = speed * math.log(before / (before - tank))
            last = craft == burners[-1]
            dv = left if last else min(left, possible)
            used = before * (1.0 - math.exp(-dv / speed)) if dv < possible or last else tank
            if used > 0.0:
                for component, fraction in self.kit.mixture(entry).items():
                    self.tanks[craft][component] -= used * fraction
                self.out.burns.append(BurnDone(index, "burn", craft, dv, before, used, epoch_tdb_s))
            left -= dv
            if stage and dv >= possible and not last:
                for component in self.tanks[craft]:
                    self.tanks[craft][component] = 0.0
                self.leave(craft)
                self.active.remove(craft)
