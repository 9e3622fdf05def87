"""A story executed event by event, with an exact ledger of mass.

The rules are SpaceNet's (G. T. Ju et al., AIAA Space 2008-7747; user guide of SpaceNet 2.5): events go by time, then
priority; a burn works through its sequence, each vehicle burning until the Δv is made or it is empty, each staged
element being left for good; demands of elements are asked for over every span between events and met from the
element's own stores, its holder's and those of its place; transports move what they name and all that is inside.
Unlike there, no mass is rounded. What cannot be done is a :class:`Failure` with its event, and the replay goes on.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from moonvillage.campaign.demands import consumables, over_time
from moonvillage.campaign.measures import Tally
from moonvillage.campaign.replayed import BurnRecord, Failure, Happening, Replay, Thing, Unmet
from moonvillage.records.logistics import (
    Amount,
    BurnAction,
    EdgeBurn,
    Story,
    StoryEdge,
    StoryEvent,
    StoryMission,
    StoryNode,
)
from moonvillage.units import DAY_S

#: Slack of capacities and tanks, kg (half of SpaceNet's precision of mass).
SLACK_KG: Final = 0.005
#: Slack of a burn's Δv, m/s.
SLACK_M_S: Final = 1e-6


class _Refused(Exception):
    """An event that cannot be done; the message is a sentence."""


def replay_story(story: Story) -> Replay:
    """Execute a story.

    Parameters
    ----------
    story
        What to do. Specific impulse counts with ``story.gravity_m_s2``.

    Returns
    -------
    Replay
        Log, burns, failures with their events, unmet demands, measures of effectiveness, balance of mass (kg).
    """
    return _Run(story).run()


class _Run:
    """A replay in progress."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.nodes: dict[str, StoryNode] = {n.id: n for n in story.nodes}
        self.edges: dict[str, StoryEdge] = {e.id: e for e in story.edges}
        self.burns: dict[str, EdgeBurn] = {b.id: b for e in story.edges for b in e.burns}
        self.supplies = {s.id: s for s in story.supplies}
        self.things: dict[str, Thing] = {}
        for spec in story.elements:
            stores: dict[tuple[str, int], float] = {}
            for item in spec.contents:
                key = (item.resource, item.supply_class)
                stores[key] = stores.get(key, 0.0) + item.amount
            self.things[spec.id] = Thing(spec, spec.fuel_kg, spec.rcs_max_kg, stores, spec.state)
        self.watched = [e.id for e in story.elements if e.kind == "crew" or e.states]
        self.queue: list[tuple[float, int, str, int, StoryEvent, StoryMission]] = []
        self.count = 0
        self.now = story.start_tdb_s
        self.happenings: list[Happening] = []
        self.done: list[BurnRecord] = []
        self.failures: list[Failure] = []
        self.unmet: list[Unmet] = []
        self.tally = Tally()
        self.came = self.went = 0.0

    def flag(self, name: str, default: bool) -> bool:
        return bool(self.story.configuration.get(name, default))

    def push(self, epoch: float, event: StoryEvent, mission: StoryMission) -> None:
        self.count += 1
        heapq.heappush(self.queue, (epoch, event.priority, event.name, self.count, event, mission))

    def run(self) -> Replay:
        for mission in self.story.missions:
            for event in mission.events:
                self.push(mission.start_tdb_s + event.time_s, event, mission)
            asked = consumables(self.story, mission)
            if asked.amounts:
                event = StoryEvent("consume", "crew consumables", location=mission.destination, amounts=asked.amounts)
                self.push(mission.start_tdb_s + asked.time_s, replace(event, priority=2**31), mission)
        while self.queue:
            epoch, _, _, _, event, mission = heapq.heappop(self.queue)
            self.pass_time(epoch)
            self.tabulate(event)
            try:
                detail = getattr(self, f"do_{event.kind}")(event, mission) or ""
            except _Refused as refusal:
                self.failures.append(Failure(epoch, mission.name, event.name, event.kind, str(refusal)))
                continue
            mass = math.fsum(self.mass(name) for name in event.elements if self.present(name))
            self.happenings.append(
                Happening(epoch, mission.name, event.kind, event.name, self.name(event.location), mass, detail)
            )
        there = math.fsum(self.mass(n) for n, t in self.things.items() if t.at in self.nodes or t.at in self.edges)
        return Replay(
            tuple(self.happenings),
            tuple(self.done),
            tuple(self.failures),
            tuple(self.unmet),
            self.tally.result(self.story),
            {n: t.fuel_kg for n, t in self.things.items() if t.spec.fuel_max_kg > 0.0},
            {n: self.place(n) for n, t in self.things.items() if t.at},
            self.came - self.went - there,
            self.came,
        )

    # what is where, and how heavy

    def present(self, name: str) -> bool:
        return name in self.things and bool(self.things[name].at)

    def name(self, id_: str) -> str:
        if id_ in self.nodes:
            return self.nodes[id_].name
        if id_ in self.edges:
            return self.edges[id_].name
        return self.things[id_].spec.name if id_ in self.things else id_

    def place(self, name: str) -> str:
        at = self.things[name].at
        while at in self.things:
            at = self.things[at].at
        return at

    def inside(self, name: str) -> Iterator[str]:
        yield name
        for other in self.things[name].holds:
            yield from self.inside(other)

    def own_kg(self, name: str) -> float:
        thing = self.things[name]
        return thing.spec.mass_kg + thing.fuel_kg + thing.rcs_kg * bool(thing.spec.rcs_fuel) + self.stores_kg(thing)

    def stores_kg(self, thing: Thing) -> float:
        return math.fsum(self.unit_kg(resource) * amount for (resource, _), amount in thing.stores.items())

    def unit_kg(self, resource: str) -> float:
        return self.supplies[resource].unit_kg if resource in self.supplies else 1.0

    def mass(self, name: str) -> float:
        return math.fsum(self.own_kg(each) for each in self.inside(name))

    def cargo_kg(self, name: str) -> float:
        thing = self.things[name]
        return self.stores_kg(thing) + math.fsum(
            self.mass(o) for o in thing.holds if self.things[o].spec.kind != "crew"
        )

    def class_kg(self, name: str, base: int) -> float:
        """Mass of a base class of supply in an element and all inside it."""
        total = 0.0
        for each in self.inside(name):
            thing = self.things[each]
            if self.is_class(thing.spec.supply_class, base):
                total += thing.spec.mass_kg
            for (resource, cos), amount in thing.stores.items():
                if self.is_class(self.supplies[resource].supply_class if resource in self.supplies else cos, base):
                    total += self.unit_kg(resource) * amount
        return total

    def useful_kg(self, place: str) -> float:
        """Mass of the classes of supply 6 and 8 at a place where crews earn surface days."""
        if not self.tally.surface(self, place):
            return 0.0
        return math.fsum(self.class_kg(n, cos) for n, t in self.things.items() if t.at == place for cos in (6, 8))

    @staticmethod
    def is_class(supply_class: int, wanted: int) -> bool:
        if supply_class == wanted:
            return True
        return (
            10 not in (supply_class, wanted) and str(supply_class).startswith(str(wanted)) and supply_class > wanted
        )

    def crew_in(self, name: str) -> int:
        return sum(1 for each in self.inside(name) if self.things[each].spec.kind == "crew")

    # time

    def pass_time(self, epoch: float) -> None:
        span = epoch - self.now
        if span > 0.0:
            useful: dict[str, float] = {}
            for name in self.watched:
                thing = self.things[name]
                if not thing.at:
                    continue
                where = self.place(name)
                if thing.spec.kind == "crew":
                    if where not in useful:
                        useful[where] = self.useful_kg(where)
                    self.tally.crew(self, name, where, span, useful[where])
                if 0 <= thing.state < len(thing.spec.states):
                    for model in thing.spec.states[thing.state].models:
                        once = model.kind == "impulse" and model.id in thing.asked
                        thing.asked.add(model.id)
                        amounts = () if once else over_time(model, thing.spec, span / DAY_S, self.supplies)
                        self.meet(epoch, name, where, amounts)
        self.now = max(self.now, epoch)

    def tabulate(self, event: StoryEvent) -> None:
        if event.kind in ("space_transport", "flight_transport") and event.edge in self.edges:
            edge = self.edges[event.edge]
            if edge.origin in self.nodes and edge.destination in self.nodes:
                self.tally.transport(self, event, edge, self.nodes[edge.origin], self.nodes[edge.destination])

    def meet(self, epoch: float, element: str, place: str, amounts: tuple[Amount, ...]) -> None:
        """Meet demands from the element, what holds it, and all that is at the place; the rest is unmet."""
        order: list[str] = []
        if element:
            order += list(self.inside(element))
            if self.things[element].at in self.things:
                order.append(self.things[element].at)
        order += [n for n, t in self.things.items() if t.at and n not in order and self.place(n) == place]
        for item in amounts:
            left = item.amount
            for name in order:
                left -= self.draw(name, item, left)
            if left > 1e-9:
                mass = left * self.unit_kg(item.resource)
                self.unmet.append(
                    Unmet(epoch, self.name(place), self.name(element), item.resource, item.supply_class, left, mass)
                )

    def draw(self, name: str, item: Amount, wanted: float) -> float:
        thing = self.things[name]
        taken = 0.0
        for key, amount in list(thing.stores.items()):
            resource, cos = key
            own = self.supplies[resource].supply_class if resource in self.supplies else cos
            if key[0] == item.resource if item.resource else self.is_class(own, item.supply_class):
                part = min(amount, wanted - taken)
                thing.stores[key] = amount - part
                taken += part
                self.went += part * self.unit_kg(resource)
        return taken

    # events

    def thing(self, name: str, place: str = "") -> Thing:
        if name not in self.things:
            raise _Refused(f"{name or 'an element without a name'} is not defined")
        thing = self.things[name]
        if not thing.at:
            raise _Refused(f"{thing.spec.name} {'was left behind' if thing.gone else 'does not exist yet'}")
        if place and self.place(name) != place:
            raise _Refused(f"{thing.spec.name} is at {self.name(self.place(name))}, not at {self.name(place)}")
        return thing

    def put(self, name: str, container: str) -> None:
        """Put an element into a container, if it fits.

        Raises
        ------
        _Refused
            If it does not.
        """
        thing = self.things[name]
        if container in self.things:
            holder = self.thing(container)
            if container in self.inside(name):
                raise _Refused(f"{thing.spec.name} cannot be put into itself")
            if name in holder.holds:
                return
            if thing.spec.kind == "crew":
                aboard = sum(1 for o in holder.holds if self.things[o].spec.kind == "crew")
                if aboard + 1 > holder.spec.crew:
                    raise _Refused(
                        f"{holder.spec.name} has {holder.spec.crew} seats, one too few for {thing.spec.name}"
                    )
            else:
                over = self.cargo_kg(container) + self.mass(name) - holder.spec.cargo_kg
                if over > SLACK_KG:
                    raise _Refused(f"{holder.spec.name} would hold {over:.2f} kg too much with {thing.spec.name}")
                sealed = thing.spec.environment.lower().startswith("press")
                if (
                    sealed
                    and holder.spec.cargo_environment.lower().startswith("unpress")
                    and self.flag("environmentConstrained", True)
                ):
                    raise _Refused(f"{thing.spec.name} needs pressure and {holder.spec.name} has none")
        elif container not in self.nodes and container not in self.edges:
            raise _Refused(f"{container or 'a container without a name'} is not defined")
        if thing.at in self.things:
            self.things[thing.at].holds.remove(name)
        thing.at = container
        if container in self.things:
            self.things[container].holds.append(name)

    def do_create(self, event: StoryEvent, mission: StoryMission) -> str:
        container = event.container or event.location
        if container in self.things:
            self.thing(container, event.location)
        for name in event.elements:
            if name not in self.things:
                raise _Refused(f"{name} is not defined")
            if self.things[name].at or self.things[name].gone:
                raise _Refused(f"{self.things[name].spec.name} is created twice")
            self.put(name, container)
            self.came += self.own_kg(name)
            self.fill(name)
        return f"in {self.name(container)}"

    def fill(self, name: str) -> None:
        for other in self.things[name].spec.inside:
            if other not in self.things:
                raise _Refused(f"{other} is not defined")
            self.put(other, name)
            self.came += self.own_kg(other)
            self.fill(other)

    def do_move(self, event: StoryEvent, mission: StoryMission) -> str:
        container = event.container or event.location
        if container in self.things:
            self.thing(container, event.location)
        for name in event.elements:
            if self.present(name) or event.name != _ARRIVAL:
                self.thing(name, event.location)
                self.put(name, container)
        return f"to {self.name(container)}"

    def do_remove(self, event: StoryEvent, mission: StoryMission) -> str:
        for name in event.elements:
            self.thing(name, event.location)
            self.leave(name)
        return ""

    def leave(self, name: str) -> None:
        self.went += self.mass(name)
        thing = self.things[name]
        if thing.at in self.things:
            self.things[thing.at].holds.remove(name)
        for each in list(self.inside(name)):
            self.things[each].gone = True
            self.things[each].at = ""

    def store(self, name: str, item: Amount, sign: float) -> None:
        """Add to (or take from) an element's tank or stores.

        Raises
        ------
        _Refused
            If it does not fit, or is not there.
        """
        thing = self.thing(name)
        spec = thing.spec
        amount = item.amount * sign
        if spec.fuel and item.resource == spec.fuel:
            new = thing.fuel_kg + amount
            if new > spec.fuel_max_kg + SLACK_KG:
                raise _Refused(f"the tank of {spec.name} would hold {new - spec.fuel_max_kg:.2f} kg too much")
            if new < -SLACK_KG:
                raise _Refused(f"the tank of {spec.name} lacks {-new:.2f} kg")
            thing.fuel_kg = max(0.0, new)
            return
        key = (item.resource, 0 if item.resource else item.supply_class)
        new = thing.stores.get(key, 0.0) + amount
        over = self.cargo_kg(name) + amount * self.unit_kg(item.resource) - spec.cargo_kg
        if amount > 0.0 and over > SLACK_KG:
            raise _Refused(f"{spec.name} would hold {over:.2f} kg too much")
        if new < -SLACK_KG:
            what = (
                self.supplies[item.resource].name if item.resource in self.supplies else f"class {item.supply_class}"
            )
            raise _Refused(f"{spec.name} lacks {-new:.2f} of {what}")
        thing.stores[key] = max(0.0, new)

    def do_add(self, event: StoryEvent, mission: StoryMission) -> str:
        self.thing(event.container, event.location)
        for item in event.amounts:
            before = self.own_kg(event.container)
            self.store(event.container, item, 1.0)
            self.came += self.own_kg(event.container) - before
        return f"to {self.name(event.container)}"

    def do_consume(self, event: StoryEvent, mission: StoryMission) -> str:
        element = event.container if event.container in self.things else ""
        if element:
            thing = self.thing(element, event.location)
            for item in event.amounts:
                if thing.spec.fuel and item.resource == thing.spec.fuel:
                    self.store(element, item, -1.0)
                    self.went += item.amount
        plain = tuple(
            i for i in event.amounts if not element or i.resource != self.things[element].spec.fuel or not i.resource
        )
        self.meet(self.now, element, event.location, plain)
        return ""

    def do_transfer(self, event: StoryEvent, mission: StoryMission) -> str:
        self.thing(event.origin)
        self.thing(event.container, self.place(event.origin))
        for item in event.amounts:
            self.store(event.origin, item, -1.0)
            try:
                self.store(event.container, item, 1.0)
            except _Refused:
                self.store(event.origin, item, 1.0)
                raise
        return f"from {self.name(event.origin)} to {self.name(event.container)}"

    def do_reconfigure(self, event: StoryEvent, mission: StoryMission) -> str:
        for name in event.elements:
            thing = self.thing(name, event.location)
            if not -1 <= event.state < len(thing.spec.states):
                raise _Refused(f"{thing.spec.name} has no state {event.state}")
            thing.state = event.state
        return ""

    def do_reconfigure_group(self, event: StoryEvent, mission: StoryMission) -> str:
        for name in event.elements:
            thing = self.thing(name, event.location)
            found = [i for i, s in enumerate(thing.spec.states) if s.kind == event.state_kind]
            if found:
                thing.state = found[0]
        return event.state_kind

    def do_burn(self, event: StoryEvent, mission: StoryMission) -> str:
        if event.burn not in self.burns:
            raise _Refused("the burn is not defined")
        burn = self.burns[event.burn]
        actions = dict(event.sequences).get(event.burn, ())
        stack = [name for name in event.elements if self.present(name)]
        left = burn.dv_m_s
        for action in actions:
            name = action.element
            if action.stage:
                if not self.present(name):
                    continue  # staged already: writers repeat such items
                if self.crew_in(name):
                    raise _Refused(f"{self.things[name].spec.name} is to be dropped with people aboard")
                self.leave(name)
                stack = [n for n in stack if n != name]
            elif left > SLACK_M_S and self.present(name):
                left -= self.thrust(event, name, stack, burn, left)
        if left > SLACK_M_S:
            raise _Refused(f"{left:.2f} m/s of {burn.dv_m_s:g} m/s are lacking")
        return f"{burn.dv_m_s:g} m/s"

    def thrust(self, event: StoryEvent, name: str, stack: list[str], burn: EdgeBurn, wanted: float) -> float:
        thing = self.things[name]
        second = burn.engine == "RCS" and thing.spec.rcs_isp_s > 0.0
        speed = (thing.spec.rcs_isp_s if second else thing.spec.isp_s) * self.story.gravity_m_s2
        own = second and bool(thing.spec.rcs_fuel)
        tank = thing.rcs_kg if own else thing.fuel_kg
        if speed <= 0.0 or tank <= 0.0:
            return 0.0
        if not any(name in self.inside(top) for top in stack):
            raise _Refused(f"{thing.spec.name} is to burn and is not in the stack")
        mass = math.fsum(self.mass(n) for n in stack)
        used = mass * -math.expm1(-wanted / speed)
        made = wanted
        if used > tank:
            used, made = tank, -speed * math.log1p(-tank / mass)
        if own:
            thing.rcs_kg -= used
        else:
            thing.fuel_kg -= used
        self.went += used
        now = thing.rcs_kg if own else thing.fuel_kg
        self.done.append(BurnRecord(self.now, event.name, name, thing.spec.name, made, mass, used, now))
        return made

    def edge_of(self, event: StoryEvent) -> StoryEdge:
        if event.edge not in self.edges:
            raise _Refused("the way is not defined")
        return self.edges[event.edge]

    def depart(self, event: StoryEvent, edge: StoryEdge) -> None:
        for name in event.elements:
            self.thing(name, event.location or edge.origin)
        for name in event.elements:
            self.put(name, edge.id)

    def do_space_transport(self, event: StoryEvent, mission: StoryMission) -> str:
        edge = self.edge_of(event)
        self.depart(event, edge)
        sequences = dict(event.sequences)
        number = len(edge.burns)
        for i, burn in enumerate(edge.burns):
            actions: tuple[BurnAction, ...] = sequences.get(burn.id, ())
            part = replace(
                event,
                kind="burn",
                burn=burn.id,
                sequences=((burn.id, actions),),
                priority=i - number,
                location=edge.id,
            )
            self.push(self.now + burn.time_s, part, mission)
        self.arrive(event, edge, edge.duration_s, mission)
        return edge.name

    def arrive(self, event: StoryEvent, edge: StoryEdge, span_s: float, mission: StoryMission, to: str = "") -> None:
        to = to or edge.destination
        move = StoryEvent("move", _ARRIVAL, 0.0, 0, edge.id, event.elements, to)
        self.push(self.now + span_s, move, mission)

    def do_flight_transport(self, event: StoryEvent, mission: StoryMission) -> str:
        edge = self.edge_of(event)
        crew = sum(self.crew_in(name) for name in event.elements if self.present(name))
        if crew > edge.crew:
            raise _Refused(f"{edge.name} carries {edge.crew} people, not {crew}")
        cargo = math.fsum(self.mass(n) for n in event.elements if self.present(n))
        if cargo - edge.cargo_kg > SLACK_KG:
            raise _Refused(f"{edge.name} would carry {cargo - edge.cargo_kg:.2f} kg too much")
        self.depart(event, edge)
        self.arrive(event, edge, edge.duration_s, mission)
        return edge.name

    def do_surface_transport(self, event: StoryEvent, mission: StoryMission) -> str:
        edge = self.edge_of(event)
        name = event.vehicle or (event.elements[0] if event.elements else "")
        thing = self.thing(name, event.location)
        speed = event.speed_m_s * event.duty_cycle
        if speed <= 0.0:
            raise _Refused("a speed of zero never arrives")
        back = event.location == edge.destination
        to = edge.origin if back else edge.destination
        span_s = edge.distance_m / speed
        whole = replace(event, elements=(name,))
        before = thing.state
        if event.state >= 0:
            self.do_reconfigure(whole, mission)
            back_to = StoryEvent("reconfigure", event.name, 0.0, 0, to, (name,), state=before)
            self.push(self.now + span_s, back_to, mission)
        self.put(name, edge.id)
        move = StoryEvent("move", _ARRIVAL, 0.0, -1, edge.id, (name,), to)
        self.push(self.now + span_s, move, mission)
        return edge.name

    def do_exploration(self, event: StoryEvent, mission: StoryMission) -> str:
        self.thing(event.vehicle, event.location)
        for name, _ in event.states:
            self.thing(name, event.location)
        number = math.floor(event.duration_s / DAY_S * event.eva_per_week / 7.0 + 1e-9)
        if number and self.flag("detailedEva", True):
            gap = (event.duration_s - event.eva_s * number) / (number + 1)
            for i in range(number):
                self.push(self.now + (i + 1) * gap, replace(event, kind="eva", priority=0), mission)
        return f"{number} excursions"

    def do_eva(self, event: StoryEvent, mission: StoryMission) -> str:
        self.thing(event.vehicle, event.location)
        people = tuple(name for name, _ in event.states) or event.elements
        for name in people:
            self.thing(name, event.location)
        if not self.flag("detailedEva", True):
            return ""
        end = self.now + event.eva_s
        for name, state in event.states:
            if state >= 0:
                thing = self.things[name]
                self.push(
                    end,
                    StoryEvent("reconfigure", event.name, 0.0, 0, event.location, (name,), state=thing.state),
                    mission,
                )
                thing.state = state if state < len(thing.spec.states) else thing.state
        for name in people:
            self.put(name, event.location)
        self.push(end, StoryEvent("move", event.name, 0.0, 0, event.location, people, event.vehicle), mission)
        if event.amounts:
            use = StoryEvent("consume", event.name, 0.0, 0, event.location, (), event.vehicle, amounts=event.amounts)
            self.push(end, use, mission)
        self.tally.eva(event.eva_s * len(people))
        return f"{len(people)} people, {event.eva_s / 3600.0:g} h"


_ARRIVAL: Final = "arrival"


__all__ = ["BurnRecord", "Failure", "Happening", "Replay", "Unmet", "replay_story"]
