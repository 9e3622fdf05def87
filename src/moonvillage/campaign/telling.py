"""A plan told as a story: created, moved, transferred, burned and staged, to be replayed and exported.

Every flight becomes a mission of the story, every craft of it an element of its own. The story knows nothing of the
optimiser's coefficients, so that replaying it (:mod:`moonvillage.campaign.replay`) is a second opinion about every
mass; :func:`second_opinion` compares. Conventions:

- A launch on a launcher is an abstracted flight with the launcher's capacity; flown and stated burns are space
  edges of the flight's own, with the Δv that the plan used, margin included.
- A craft with seats and no stated hold may hold the samples. People travel with the active stack, in the craft
  that has the seats.
- Reuse is told as removing a craft where it is parked and creating it again, empty, where it is taken. What is
  used up at places, and modules at work there, is not told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from moonvillage.campaign.measures import Measures
from moonvillage.campaign.program import Kit, boarding_step, cargo_craft_of, crew_of, samples_step
from moonvillage.campaign.replay import Failure, replay_story
from moonvillage.records.campaign import Campaign
from moonvillage.records.logistics import (
    Amount,
    BurnAction,
    EdgeBurn,
    Story,
    StoryEdge,
    StoryElement,
    StoryEvent,
    StoryMission,
    StoryNode,
    Supply,
)
from moonvillage.records.places import Dro, EarthGround, EarthOrbit, FreeReturn, Halo, MoonOrbit, MoonSurface, Planet
from moonvillage.scenario.model import Mission, Scenario
from moonvillage.scenario.walk import walk

_MOON_RADIUS_M = 1_737_400.0
#: Base class of supply of a module by its kind; habitation and infrastructure for all others.
_MODULE_CLASS = {"laboratory": 6, "payload": 6, "relay": 8}


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """A plan against its replay: ``mismatches`` are failures of the story and burns that differ, with their events.

    ``worst_kg`` is the largest difference of a mass before a burn or of its propellant.
    """

    story: Story
    measures: Measures
    mismatches: tuple[Failure, ...]
    burns: int
    worst_kg: float


def second_opinion(scenario: Scenario, campaign: Campaign) -> SecondOpinion:
    """Replay a plan event by event and compare it with the plan's own ledger.

    Parameters
    ----------
    scenario, campaign
        A plan with flights (not of a ``[network]`` study), and its scenario.

    Returns
    -------
    SecondOpinion
        Masses must agree to 0.1 kg or 1e-6 of their size. The cost of the measures is that of the plan's flights.
    """
    story = tell(scenario, campaign)
    found = replay_story(story)
    planned: dict[str, list[dict[str, Any]]] = {}
    for row in campaign.table("burns").iter_rows(named=True):
        planned.setdefault(row["flight"], []).append(row)
    replayed: dict[str, list[Any]] = {}
    for burn in found.burns:
        replayed.setdefault(burn.element.rsplit("/", 1)[0], []).append(burn)
    mismatches = list(found.failures)
    worst, number = 0.0, 0
    for flight, rows in planned.items():
        mine = replayed.get(flight, [])
        rows = [row for row in rows if row["propellant_kg"] > 0.0]
        if len(mine) != len(rows):
            message = f"{len(rows)} burns were planned and {len(mine)} replayed"
            mismatches.append(Failure(story.start_tdb_s, flight, flight, "burn", message))
        for row, burn in zip(rows, mine, strict=False):
            number += 1
            for what, value, other in (
                ("mass before", row["mass_before_kg"], burn.mass_before_kg),
                ("propellant", row["propellant_kg"], burn.propellant_kg),
            ):
                error = abs(value - other)
                worst = max(worst, error)
                if error > max(0.1, 1e-6 * abs(value)):
                    which = f"{what} of the burn '{row['burn']}' of {row['craft']}"
                    message = f"{which}: {value:.3f} kg planned, {other:.3f} kg replayed"
                    mismatches.append(Failure(burn.epoch_tdb_s, flight, burn.event, "burn", message))
    cost = float(campaign.table("flights")["cost_eur"].sum() or 0.0)
    measures = replace(found.measures, cost_eur=cost or None)
    return SecondOpinion(story, measures, tuple(mismatches), number, worst)


def tell(scenario: Scenario, campaign: Campaign) -> Story:
    """The story of a plan.

    Parameters
    ----------
    scenario, campaign
        A plan with its flights, and its scenario.

    Returns
    -------
    Story
        Ids are ``flight/craft`` for craft and ``place`` for nodes; g0 is the scenario's.
    """
    kit = Kit.of(scenario)
    header = scenario.header
    teller = _Teller(scenario, kit, campaign)
    for row in campaign.table("flights").iter_rows(named=True):
        teller.flight(row)
    used = {e.fuel for e in teller.elements} - {""}
    supplies = tuple(
        Supply(name, kit.propellants[name].title if name in kit.propellants else name, 1) for name in sorted(used)
    )
    return Story(
        name=header.title,
        start_tdb_s=min([header.start_tdb_s, *(m.start_tdb_s for m in teller.missions)]),
        nodes=tuple(_node(scenario, name) for name in scenario.places),
        edges=tuple(teller.edges),
        supplies=supplies,
        elements=tuple(teller.elements),
        missions=tuple(teller.missions),
        author="moonvillage",
        gravity_m_s2=header.gravity_m_s2,
    )


def _node(scenario: Scenario, name: str) -> StoryNode:
    """A place as a node."""
    place = scenario.places[name]
    spec = scenario.place_specs.get(name)
    title = spec.title if spec is not None and spec.title else name
    if isinstance(place, EarthGround):
        return StoryNode(
            name, title, "surface", "Earth", place.site_latitude_rad or 0.0, place.site_longitude_rad or 0.0
        )
    if isinstance(place, MoonSurface):
        return StoryNode(name, title, "surface", "Moon", place.latitude_rad, place.longitude_rad)
    if isinstance(place, (EarthOrbit, MoonOrbit)):
        body = "Earth" if isinstance(place, EarthOrbit) else "Moon"
        tilt = place.inclination_rad if place.inclination_rad is not None else math.pi / 2.0
        return StoryNode(
            name,
            title,
            "orbital",
            body,
            apoapsis_m=place.altitude_m,
            periapsis_m=place.altitude_m,
            inclination_rad=tilt,
        )
    if isinstance(place, Halo):
        return StoryNode(name, title, "lagrange", "Earth", body2="Moon", point=place.point)
    if isinstance(place, Dro):
        height = place.radius_m - _MOON_RADIUS_M
        return StoryNode(
            name, title, "orbital", "Moon", apoapsis_m=height, periapsis_m=height, inclination_rad=math.pi
        )
    if isinstance(place, Planet):
        return StoryNode(name, title, "orbital", place.name.capitalize(), apoapsis_m=place.arrival_radius_m)
    height = place.perilune_altitude_m if isinstance(place, FreeReturn) else 0.0
    return StoryNode(name, title, "orbital", "Moon", apoapsis_m=height, periapsis_m=height)


class _Teller:
    """The story so far."""

    def __init__(self, scenario: Scenario, kit: Kit, campaign: Campaign) -> None:
        self.scenario, self.kit = scenario, kit
        self.full = scenario.header.objective == "none"
        self.edges: list[StoryEdge] = []
        self.elements: list[StoryElement] = []
        self.missions: list[StoryMission] = []
        self.tables: dict[str, dict[str, list[dict[str, Any]]]] = {}
        for name in ("burns", "events", "legs", "launches", "manifest"):
            by_flight: dict[str, list[dict[str, Any]]] = {}
            for row in campaign.table(name).iter_rows(named=True):
                by_flight.setdefault(row["flight"], []).append(row)
            self.tables[name] = by_flight

    def rows(self, table: str, flight: str) -> list[dict[str, Any]]:
        return self.tables[table].get(flight, [])

    def flight(self, row: Mapping[str, Any]) -> None:
        told = _Flight(self, row["flight"], self.scenario.missions[row["mission"]], row["departure_tdb_s"])
        told.run()
        self.missions.append(told.mission())


class _Flight:
    """One flight being told."""

    def __init__(self, teller: _Teller, flight: str, mission: Mission, departure_tdb_s: float) -> None:
        self.t, self.id, self.plan = teller, flight, mission
        self.kit = teller.kit
        self.start = departure_tdb_s
        self.events: list[StoryEvent] = []
        self.active: list[str] = []
        self.place = ""
        self.crew: tuple[str, ...] = ()
        self.holder = ""  # the craft that the people are in
        self.samples = ""
        self.loads: list[tuple[str, dict[str, Any]]] = []
        self.cargo_craft = cargo_craft_of(mission)
        self.at = {row["step"]: row["epoch_tdb_s"] for row in teller.rows("events", flight)}
        self.burned: dict[int, list[dict[str, Any]]] = {}
        for row in teller.rows("burns", flight):
            self.burned.setdefault(row["step"], []).append(row)
        self.epoch = departure_tdb_s

    def ref(self, craft: str) -> str:
        return f"{self.id}/{craft}"

    def say(self, kind: str, **fields: Any) -> None:
        at = self.epoch - self.start
        where = fields.pop("location", self.place)
        event = StoryEvent(kind, f"{self.id}: {kind}", at, len(self.events) + 1, where, **fields)
        self.events.append(event)

    def mission(self) -> StoryMission:
        steps = [s.to for s in self.plan.steps if s.to]
        ground = [p for p in steps if isinstance(self.kit.places.get(p), EarthGround)]
        first = ground[0] if ground else next(iter(self.ground()), "")
        far = next((p for p in reversed(steps) if p not in ground), "")
        surface = next((p for p in steps if isinstance(self.kit.places.get(p), MoonSurface)), far)
        back = (surface, ground[-1]) if ground and steps and steps[-1] in ground else ("", "")
        return StoryMission(self.id, self.start, tuple(self.events), (), first, surface, *back)

    def ground(self) -> list[str]:
        return [name for name, place in self.kit.places.items() if isinstance(place, EarthGround)]

    def run(self) -> None:
        points = walk(self.plan)
        boards = boarding_step(self.kit, self.plan) if crew_of(self.plan) else -1
        samples_at = samples_step(self.kit, self.plan) if self.plan.samples_kg > 0.0 else -1
        index = 0
        while index < len(points):
            step = points[index].step
            self.epoch = self.at.get(index, self.epoch)
            if step.do == "launch":
                self.launch(index, boards)
            elif step.do == "take":
                self.place = step.to or self.place
                self.create(step.craft, new=isinstance(self.kit.places.get(self.place), EarthGround))
                self.board(index, boards)
            elif step.do == "fly":
                self.fly(index)
            elif step.do == "burn":
                index = self.burns(index)
                self.epoch = self.at.get(index, self.epoch)
            elif step.do == "undock":
                self.seat([c for c in self.active if c in step.craft])
                self.active = [c for c in self.active if c in step.craft]
            elif step.do == "dock":
                self.active += [c for c in step.craft if c not in self.active]
            elif step.do in ("drop", "park"):
                self.seat([c for c in self.active if c not in step.craft])
                self.active = [c for c in self.active if c not in step.craft]
                if step.do == "park":
                    self.say("remove", elements=tuple(self.ref(c) for c in step.craft))
            elif step.do == "load":
                self.load(step.cargo, self.place)
            elif step.do == "unload":
                self.unload(step.cargo)
            elif step.do == "refuel":
                self.refuel(index)
            if index == samples_at:
                self.gather()
            index += 1

    def create(self, crafts: Sequence[str], *, new: bool) -> None:
        """Create craft here; with their propellant where they are new."""
        for craft in crafts:
            entry = self.kit.craft[craft]
            used = math.fsum(r["propellant_kg"] for rows in self.burned.values() for r in rows if r["craft"] == craft)
            taken = math.fsum(
                r["amount"] for r in self.t.rows("manifest", self.id) if r["destination"].endswith(f":{craft}")
            )
            fill = entry.propellant_kg if self.t.full else min(entry.propellant_kg, max(0.0, used - taken))
            hold = entry.cargo_kg or (self.plan.samples_kg if entry.seats else 0.0)
            fuel = entry.propellant or ("propellant" if entry.propellant_kg > 0.0 else "")
            self.t.elements.append(
                StoryElement(
                    self.ref(craft),
                    craft,
                    "propulsive" if entry.propellant_kg > 0.0 else "carrier",
                    entry.dry_kg,
                    902 if entry.propellant_kg > 0.0 else 901,
                    cargo_kg=hold,
                    cargo_environment="Pressurized",
                    crew=entry.seats,
                    isp_s=entry.isp_s,
                    fuel=fuel,
                    fuel_max_kg=entry.propellant_kg,
                    fuel_kg=fill if new else 0.0,
                    cost_eur=entry.cost_eur or None,
                    description=entry.title,
                )
            )
        self.say("create", elements=tuple(self.ref(c) for c in crafts), container=self.place)
        self.active += [c for c in crafts if c not in self.active]
        if new and self.cargo_craft in crafts:
            self.load(self.plan.cargo, "")

    def load(self, items: Sequence[str], origin: str) -> None:
        """Create the loads that are taken aboard here (from the Earth where ``origin`` is empty)."""
        made = []
        for number, row in enumerate(self.t.rows("manifest", self.id)):
            from_ground = row["origin"] in self.ground() or row["origin"] == "earth"
            if row["cargo"] not in items or row["kind"] not in ("commodity", "module") or ":" in row["destination"]:
                continue
            if (origin and row["origin"] != origin) or (not origin and not from_ground):
                continue
            name = self.ref(f"{row['cargo']}.{number}")
            if any(name == other for other, _ in self.loads):
                continue
            module = self.kit.modules.get(row["cargo"])
            cos = (
                self.kit.commodities[row["cargo"]].supply_class
                if module is None
                else _MODULE_CLASS.get(module.kind, 8)
            )
            cost = module.cost_eur * row["amount"] if module is not None else None
            self.t.elements.append(
                StoryElement(name, row["cargo"], "element", row["mass_kg"], cos, cost_eur=cost or None)
            )
            self.loads.append((name, row))
            made.append(name)
        if made:
            self.say("create", elements=tuple(made), container=self.ref(self.cargo_craft))

    def unload(self, items: Sequence[str]) -> None:
        out = tuple(
            name
            for name, row in self.loads
            if row["cargo"] in items
            and row["destination"] == self.place
            and abs(row["epoch_tdb_s"] - self.epoch) < 1.0
        )
        if out:
            self.say("move", elements=out, container=self.place)

    def board(self, index: int, boards: int) -> None:
        """The people board in step ``boards``: what they eat on the way weighs with them."""
        if index != boards:
            return
        people = crew_of(self.plan)
        lifted = self.lifted(index)
        begin = lifted["epoch_tdb_s"] if lifted else self.at.get(index, self.start)
        travel_s = max(self.at.values(), default=begin) - begin
        previous = self.start
        for number, point in enumerate(self.plan.steps):
            now = self.at.get(number, previous)
            if point.do == "stay" and self.places()[number] in self.kit.homes:
                travel_s -= now - previous
            previous = now
        each = self.plan.crew_mass_kg + self.kit.provisions_kg_s * max(0.0, travel_s)
        self.crew = tuple(self.ref(f"crew.{n + 1}") for n in range(people))
        for n, name in enumerate(self.crew):
            self.t.elements.append(StoryElement(name, f"crew {n + 1}", "crew", each, 0, active_fraction=0.66))
        seated = [c for c in self.active if self.kit.craft[c].seats >= people]
        dropped = {c for s in self.plan.steps if s.do in ("drop", "park") for c in s.craft}
        self.holder = next((c for c in seated if c not in dropped), seated[0] if seated else self.active[-1])
        self.say("create", elements=self.crew, container=self.ref(self.holder))

    def lifted(self, index: int) -> dict[str, Any] | None:
        """The row of the launch that is step ``index``: rows are in the order of the steps."""
        rows = [r for r in self.t.rows("launches", self.id) if r["launcher"]]
        steps = [n for n, s in enumerate(self.plan.steps) if s.do == "launch"]
        return rows[steps.index(index)] if index in steps and len(rows) == len(steps) else None

    def places(self) -> list[str]:
        return [p.place or p.step.to for p in walk(self.plan)]

    def seat(self, stack: Sequence[str]) -> None:
        """People (and samples) move to a craft that goes on."""
        if not self.crew or not stack or self.holder in stack:
            return
        best = max(stack, key=lambda c: (self.kit.craft[c].seats >= len(self.crew), self.kit.craft[c].seats))
        aboard = (*self.crew, *([self.samples] if self.samples else []))
        self.holder = best
        self.say("move", elements=aboard, container=self.ref(best))

    def gather(self) -> None:
        """The samples come aboard."""
        self.samples = self.ref("samples")
        self.t.elements.append(StoryElement(self.samples, "samples", "element", self.plan.samples_kg, 603))
        roomy = [c for c in self.active if self.kit.craft[c].cargo_kg >= self.plan.samples_kg]
        holder = self.holder or (roomy[-1] if roomy else self.active[-1])
        self.say("create", elements=(self.samples,), container=self.ref(holder))

    def refuel(self, index: int) -> None:
        for row in self.t.rows("manifest", self.id):
            place, _, craft = row["destination"].partition(":")
            if craft in self.plan.steps[index].craft and place == self.place and row["amount"] > 0.0:
                fuel = self.kit.craft[craft].propellant or "propellant"
                self.say("add", amounts=(Amount(fuel, row["amount"]),), container=self.ref(craft))

    def stack(self) -> tuple[str, ...]:
        return tuple(self.ref(c) for c in self.active)

    def launch(self, index: int, boards: int) -> None:
        step = self.plan.steps[index]
        row = self.lifted(index)
        before = list(self.active)
        end, self.epoch = self.epoch, row["epoch_tdb_s"] if row else self.epoch
        self.place = next(iter(self.ground()), "earth")
        self.active = []
        self.create(step.lifts, new=True)
        self.board(index, boards)
        capacity = row["capacity_kg"] if row and row["capacity_kg"] is not None else 0.0
        edge = StoryEdge(
            f"{self.id}/{index}",
            f"launch on {step.on}",
            "flight",
            self.place,
            step.to,
            max(0.0, end - self.epoch),
            crew=max(len(self.crew), 0),
            cargo_kg=capacity,
        )
        self.t.edges.append(edge)
        self.say("flight_transport", edge=edge.id, elements=self.stack())
        self.active = [*before, *self.active]
        self.place, self.epoch = step.to, end

    def fly(self, index: int) -> None:
        leg = next(r for r in self.t.rows("legs", self.id) if r["step"] == index)
        rows = self.burned.get(index, [])
        span = leg["arrival_tdb_s"] - leg["departure_tdb_s"]
        self.epoch = leg["departure_tdb_s"]
        gap = span / max(1, len(rows) - 1)
        parts = [(r["dv_m_s"], (BurnAction(False, self.ref(r["craft"])),)) for r in rows]
        self.transport(index, leg["destination"], parts, [gap * i for i in range(len(rows))], span, leg["arc"])
        self.epoch = leg["arrival_tdb_s"]

    def transport(
        self,
        index: int,
        to: str,
        parts: Sequence[tuple[float, tuple[BurnAction, ...]]],
        times: Sequence[float],
        span_s: float,
        name: str,
    ) -> None:
        id_ = f"{self.id}/{index}"
        burns = tuple(EdgeBurn(f"{id_}.{i}", t, dv) for i, ((dv, _), t) in enumerate(zip(parts, times, strict=True)))
        self.t.edges.append(StoryEdge(id_, name, "space", self.place, to, span_s, burns))
        sequences = tuple((burn.id, actions) for burn, (_, actions) in zip(burns, parts, strict=True))
        self.say("space_transport", edge=id_, elements=self.stack(), sequences=sequences)
        self.place = to

    def burns(self, index: int) -> int:
        """Stated burns and drops in a row, as one transport; the index of the last of them."""
        steps = self.plan.steps
        origin, to = self.place, ""
        parts: list[tuple[float, tuple[BurnAction, ...]]] = []
        last = index
        before = self.stack()
        for number in range(index, len(steps)):
            step = steps[number]
            if step.do == "drop" and parts:
                self.seat([c for c in self.active if c not in step.craft])
                dv, actions = parts[-1]
                parts[-1] = (dv, (*actions, *(BurnAction(True, self.ref(c)) for c in step.craft)))
                self.active = [c for c in self.active if c not in step.craft]
            elif step.do == "burn" and not (step.to and to):
                to = to or step.to
                parts.append(self.one_burn(number))
            else:
                break
            last = number
        active, self.active = self.active, [name.rsplit("/", 1)[1] for name in before]
        self.place = origin
        self.transport(index, to or origin, parts, [0.0] * len(parts), 0.0, f"{origin}-{to or origin}")
        self.active = active
        return last

    def one_burn(self, index: int) -> tuple[float, tuple[BurnAction, ...]]:
        """A stated burn's Δv and sequence: who burned, and who was dropped in turn."""
        step = self.plan.steps[index]
        rows = self.burned.get(index, [])
        dv = math.fsum(r["dv_m_s"] for r in rows)
        burners = [r["craft"] for r in rows]
        actions: list[BurnAction] = []
        for craft in step.burners:
            if craft in burners:
                actions.append(BurnAction(False, self.ref(craft)))
            if burners and craft == burners[-1]:
                break
            if step.stage:
                actions.append(BurnAction(True, self.ref(craft)))
                self.active.remove(craft)
        return dv, tuple(actions)
