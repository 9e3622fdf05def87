"""A SpaceNet story as a scenario file of prescribed flights.

The planner's missions know stacks, stated burns, staging, waiting, docking and hand-overs; most of what stories do
has its step there. What has none (demands of resources, excursions, states, surface drives) is listed, and stays in
the story, which can be replayed and exported as it is (docs/design/spacenet.md).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.errors import Problem
from moonvillage.records.logistics import (
    BurnAction,
    Story,
    StoryElement,
    StoryEvent,
    StoryMission,
    StoryNode,
    base_class,
)
from moonvillage.units import DAY_S

_MOON_RADIUS_M = 1_737_400.0
#: Time between the end of the last event and the end of the scenario.
_AFTER_S = 10.0 * DAY_S


@dataclass(frozen=True, slots=True)
class Converted:
    """The text of a scenario file, and what did not go into it."""

    text: str
    left_out: tuple[Problem, ...]


def scenario_text(story: Story, *, file: str = "") -> Converted:
    """The scenario file of a story.

    Parameters
    ----------
    story
        What :func:`moonvillage.exchange.spacenet.read_spacenet` gives.
    file
        The name that is told in problems and in the file's first line.

    Returns
    -------
    Converted
        ``left_out`` begins with what the reader did not understand.
    """
    return _Writer(story, file).write()


def _quote(text: str) -> str:
    cleaned = re.sub(r"\s+", " ", text).strip()
    return '"' + cleaned.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _list(items: Iterable[str]) -> str:
    return "[" + ", ".join(_quote(i) for i in items) + "]"


def _figure(value: float) -> str:
    return f"{value:.12g}"


class _Ids:
    """Ids in the manner of scenario files, one for each name, made unique."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.of: dict[str, str] = {}

    def make(self, key: str, name: str) -> str:
        if key in self.of:
            return self.of[key]
        stem = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:56] or "x"
        if not stem[0].isalpha():
            stem = f"x_{stem}"
        id_, number = stem, 2
        while id_ in self.used:
            id_, number = f"{stem}_{number}", number + 1
        self.used.add(id_)
        self.of[key] = id_
        return id_


@dataclass(slots=True)
class _Stack:
    """Where a mission is, as its steps leave it: the active craft, those waiting by place, and who is in whom."""

    place: str = ""
    active: list[str] = field(default_factory=list)
    waiting: dict[str, list[str]] = field(default_factory=dict)
    since: float | None = None  # when the crew landed


class _Writer:
    """A scenario file in the making."""

    def __init__(self, story: Story, file: str) -> None:
        self.story, self.file = story, file
        self.problems: list[Problem] = list(story.unknown)
        self.nodes = {n.id: n for n in story.nodes}
        self.edges = {e.id: e for e in story.edges}
        self.elements = {e.id: e for e in story.elements}
        self.places, self.crafts, self.goods, self.fuels = _Ids(), _Ids(), _Ids(), _Ids()
        self.missions = _Ids()
        self.fuels.used |= {"hydrogen", "oxygen"}
        for node in story.nodes:
            self.places.make(node.id, node.name)
        self.inside: dict[str, str] = {o: e.id for e in story.elements for o in e.inside}
        self.kits: dict[str, StoryElement] = {}  # craft id → element
        self.loads: dict[str, StoryElement] = {}

    def note(self, path: str, value: str, message: str, remedy: str = "see docs/design/spacenet.md") -> None:
        self.problems.append(Problem(self.file, None, path, value, message, remedy))

    def write(self) -> Converted:
        story = self.story
        missions = []
        for number, mission in enumerate(story.missions):
            text = self.mission(number, mission)
            if text:
                missions.append(text)
        first = min([story.start_tdb_s, *(m.start_tdb_s for m in story.missions)])
        last = first
        for mission in story.missions:
            for event in mission.events:
                span = self.edges[event.edge].duration_s if event.edge in self.edges else event.duration_s
                last = max(last, mission.start_tdb_s + event.time_s + span)
        origin = f" from {self.file}" if self.file else ""
        lines = [
            f"# Imported{origin}: a SpaceNet scenario as prescribed flights; g0 is SpaceNet's.",
            "[scenario]",
            f"title = {_quote(story.name or 'SpaceNet scenario')}",
            f"start = {tdb_s_to_utc(first)[:10]}",
            f"end = {tdb_s_to_utc(last + _AFTER_S)[:10]}",
            'objective = "none"',
            "margin = 0.0",
            f'gravity = "{_figure(story.gravity_m_s2)} m/s^2"',
            "",
            "[places]",
        ]
        sites: list[str] = []
        lines += [self.place(node, sites) for node in story.nodes]
        lines += ["", "[partners]", 'operator = { title = "Operator", kind = "agency", states = ["USA"] }', ""]
        lines += sites
        self.library()
        lines += ["[commodities]"]
        names = {s.id: s for s in story.supplies}
        for fuel, id_ in self.fuels.of.items():
            title = names[fuel].name if fuel in names else fuel
            lines.append(f"{id_}_stock = {{ title = {_quote(title)}, supply_class = 1 }}")
        for key, id_ in self.goods.of.items():
            element = self.loads[key]
            cos = base_class(element.supply_class) or 10
            lines.append(f"{id_} = {{ title = {_quote(element.name)}, supply_class = {cos}, tare = 0.0 }}")
        lines += ["", "[propellants]"]
        for fuel, id_ in self.fuels.of.items():
            title = names[fuel].name if fuel in names else fuel
            lines.append(f"{id_} = {{ title = {_quote(title)}, mixture = {{ {id_}_stock = 1.0 }} }}")
        lines += ["", "[craft]", *(self.craft(id_, e) for id_, e in self.kits.items()), ""]
        return Converted("\n".join([*lines, *missions]), tuple(self.problems))

    def library(self) -> None:
        """Without missions, the templates themselves are the craft (a database)."""
        if self.story.missions:
            return
        for element in self.story.library:
            if element.kind in ("propulsive", "carrier", "surface_vehicle"):
                self.kits[self.crafts.make(element.id, element.name)] = element
                if element.fuel:
                    self.fuel(element.fuel)
            elif element.kind != "crew":
                self.goods.make(element.id, element.name)
                self.loads[element.id] = element

    def fuel(self, resource: str) -> str:
        name = next((s.name for s in self.story.supplies if s.id == resource), resource)
        return self.fuels.make(resource, name)

    def place(self, node: StoryNode, sites: list[str]) -> str:
        id_ = self.places.of[node.id]
        title = _quote(node.description or node.name)
        tilt = _figure(math.degrees(node.inclination_rad))
        height = 0.5 * (node.apoapsis_m + node.periapsis_m)
        body = node.body.lower()
        if node.kind == "surface" and body == "earth":
            return f'{id_} = {{ kind = "ground", title = {title} }}'
        if node.kind == "surface":
            if body != "moon":
                self.note(f"network.nodes.{node.name}", node.body, "is told as a site on the Moon")
            sites += [
                f"[sites.{id_}]",
                f"title = {title}",
                f'latitude = "{_figure(math.degrees(node.latitude_rad))} deg"',
                f'longitude = "{_figure(math.degrees(node.longitude_rad))} deg"',
                "",
            ]
            return f'{id_} = {{ kind = "surface", title = {title}, site = "{id_}" }}'
        if node.kind == "orbital" and body in ("earth", "moon"):
            if node.apoapsis_m != node.periapsis_m:
                self.note(f"network.nodes.{node.name}", "", "is told as a circular orbit of the mean height")
            kind = "earth_orbit" if body == "earth" else "moon_orbit"
            km = _figure(max(1.0, height / 1000.0))
            return f'{id_} = {{ kind = "{kind}", title = {title}, altitude = "{km} km", inclination = "{tilt} deg" }}'
        if node.kind == "lagrange" and {body, node.body2.lower()} == {"earth", "moon"} and node.point in (1, 2):
            self.note(
                f"network.nodes.{node.name}", "", "is told as a halo orbit of 8,000 km about the Lagrange point"
            )
            return f'{id_} = {{ kind = "halo", title = {title}, point = {node.point}, amplitude = "8000 km" }}'
        self.note(f"network.nodes.{node.name}", node.body, "is told as the planet's vicinity")
        planet = body if body in ("mars", "venus", "jupiter", "mercury", "saturn") else "mars"
        return f'{id_} = {{ kind = "planet", title = {title}, planet = "{planet}" }}'

    def craft(self, id_: str, e: StoryElement) -> str:
        parts = [f"title = {_quote(e.name)}", 'operator = "operator"', f'dry = "{_figure(e.mass_kg)} kg"']
        if e.fuel_max_kg > 0.0 and e.fuel:
            if abs(e.fuel_kg - e.fuel_max_kg) > 1e-9:
                self.note(
                    f"elements.{e.name}", f"{e.fuel_kg:g} kg", "leaves with a part-filled tank, told as its size"
                )
            parts += [
                f'propellant_mass = "{_figure(e.fuel_kg)} kg"',
                f'propellant = "{self.fuels.of[e.fuel]}"',
                f'isp = "{_figure(e.isp_s)} s"',
            ]
        if e.cargo_kg > 0.0:
            parts.append(f'cargo = "{_figure(e.cargo_kg)} kg"')
        if e.crew:
            parts.append(f"seats = {e.crew}")
        return f"{id_} = {{ {', '.join(parts)} }}"

    # missions

    def mission(self, number: int, mission: StoryMission) -> str:
        return _Mission(self, number, mission).text()


class _Mission:
    """One mission of the story, step by step."""

    def __init__(self, writer: _Writer, number: int, mission: StoryMission) -> None:
        self.w, self.story = writer, mission
        self.path = f"missionList[{number}]"
        self.id = writer.missions.make(str(number), mission.name or f"mission {number + 1}")
        self.s = _Stack()
        self.steps: list[str] = []
        self.holder = dict(writer.inside)  # element → the element that it is in
        self.crew: list[str] = []
        self.cargo: dict[str, str] = {}  # load → craft
        self.out: set[str] = set()
        self.samples_kg = 0.0
        self.here: dict[str, str] = {}  # craft → place
        self.dropped: set[str] = set()

    def text(self) -> str:
        w = self.w
        events = sorted(self.story.events, key=lambda e: (e.time_s, e.priority))
        self.events = events
        for number, event in enumerate(events):
            path = f"{self.path}.events[{self.story.events.index(event)}]"
            handler = getattr(self, f"do_{event.kind}", None)
            if handler is None:
                w.note(path, event.name, f"has no step in a scenario ('{event.kind}')")
            else:
                handler(event, path, number)
        for model in self.story.models:
            w.note(f"{self.path}.demandModels", model.name, f"has no step in a scenario ('{model.kind}')")
        if not self.steps:
            w.note(self.path, self.story.name, "flies nothing, and is left out")
            return ""
        if self.lands():
            self.steps.append('{ do = "land" }')
        on = tdb_s_to_utc(self.story.start_tdb_s)
        lines = [f"[missions.{self.id}]", f"title = {_quote(self.story.name or self.id)}", 'operator = "operator"']
        if self.crew:
            masses = [w.elements[c].mass_kg for c in self.crew]
            if max(masses) - min(masses) > 1e-9:
                w.note(self.path, "", "has crew members of several masses, told by their mean")
            lines += [f"seats = {{ operator = {len(self.crew)} }}"]
            lines += [f'crew_mass = "{_figure(math.fsum(masses) / len(masses))} kg"']
        if self.cargo:
            lines.append(f"cargo = {_list(sorted({w.goods.of[c] for c in self.cargo}))}")
            crafts = [w.crafts.of[c] for c in self.cargo.values()]
            if len(set(crafts)) > 1:
                w.note(self.path, ", ".join(sorted(set(crafts))), "hold cargo; all is told to be in the first")
            lines.append(f'cargo_craft = "{crafts[0]}"')
            loads = ", ".join(f'{w.goods.of[c]} = "{_figure(w.elements[c].mass_kg)} kg"' for c in self.cargo)
            lines.append(f"loads = {{ {loads} }}")
        if self.samples_kg > 0.0:
            lines.append(f'samples = "{_figure(self.samples_kg)} kg"')
        date = on[:10] if on.endswith("T00:00:00Z") else on
        lines.append(f'on_dates = ["{date}"]')
        return "\n".join([*lines, "steps = [", *(f"  {s}," for s in self.steps), "]", ""])

    def lands(self) -> bool:
        node = self.w.nodes.get(self.s.place)
        return node is not None and node.kind == "surface" and node.body.lower() == "earth" and bool(self.crew)

    def root(self, name: str) -> str:
        while name in self.holder:
            name = self.holder[name]
        return name

    def on_earth(self, place: str) -> bool:
        node = self.w.nodes.get(place)
        return node is not None and node.kind == "surface" and node.body.lower() == "earth"

    def do_create(self, event: StoryEvent, path: str, number: int) -> None:
        container = event.container or event.location
        for name in (o for n in event.elements for o in self.whole(n)):
            element = self.w.elements.get(name)
            if element is None:
                self.w.note(path, name, "is not defined")
                continue
            if container in self.w.elements and name in event.elements:
                self.holder[name] = container
            self.register(element, event, path)

    def whole(self, name: str) -> Iterable[str]:
        yield name
        element = self.w.elements.get(name)
        for other in element.inside if element else ():
            yield from self.whole(other)

    def register(self, element: StoryElement, event: StoryEvent, path: str) -> None:
        w = self.w
        earth = self.on_earth(event.location)
        for item in element.contents:
            w.note(path, element.name, f"holds {item.amount:g} of a resource, which has no step in a scenario")
        if element.states and any(s.models for s in element.states):
            w.note(path, element.name, "has demand models, which have no step in a scenario")
        if element.kind == "crew":
            self.crew.append(element.id)
            if not earth:
                w.note(path, element.name, "is created away from the Earth; told as flown from there")
        elif element.kind in ("propulsive", "carrier", "surface_vehicle") and element.id not in self.holder:
            w.kits[w.crafts.make(element.id, element.name.rsplit("|", 1)[-1].strip())] = element
            self.here[element.id] = event.location
            if element.fuel:
                w.fuel(element.fuel)
            if not earth:
                w.note(path, element.name, "is created away from the Earth, which has no step in a scenario")
        elif earth:
            root = self.root(element.id)
            if root == element.id:
                w.note(path, element.name, "is in no craft, and is left out")
                return
            w.goods.make(element.id, element.name.rsplit("|", 1)[-1].strip())
            w.loads[element.id] = element
            self.cargo[element.id] = root
        else:
            self.samples_kg += element.mass_kg

    def do_move(self, event: StoryEvent, path: str, number: int) -> None:
        for name in event.elements:
            if event.container in self.w.nodes:
                self.holder.pop(name, None)
                if name in self.cargo and name not in self.out:
                    self.out.add(name)
                    self.steps.append(f'{{ do = "unload", cargo = {_list([self.w.goods.of[name]])} }}')
            else:
                self.holder[name] = event.container

    def do_remove(self, event: StoryEvent, path: str, number: int) -> None:
        names = [n for n in event.elements if n in self.s.active]
        if names and not self.on_earth(event.location):
            self.drop(names)

    def drop(self, names: list[str]) -> None:
        self.steps.append(f'{{ do = "drop", craft = {_list(self.w.crafts.of[n] for n in names)} }}')
        self.s.active = [n for n in self.s.active if n not in names]
        self.dropped |= set(names)

    def used_later(self, names: list[str], number: int) -> set[str]:
        later: set[str] = set()
        for event in self.events[number:]:
            if event.kind.endswith("_transport") or event.kind == "burn":
                later |= set(event.elements)
        return {n for n in names if n in later}

    def gather(self, event: StoryEvent, number: int, path: str) -> bool:
        """Make the active stack what the event moves; false where it cannot be."""
        w, s = self.w, self.s
        wanted = [n for n in event.elements if n in self.here and n not in self.dropped]
        loose = [n for n in event.elements if n not in self.here]
        if loose:
            w.note(path, ", ".join(w.elements[n].name for n in loose if n in w.elements), "flies outside a craft")
        new = [n for n in wanted if n not in s.active and not any(n in g for g in s.waiting.values())]
        joining = [n for n in wanted if any(n in group for group in s.waiting.values())]
        leaving = [n for n in s.active if n not in wanted]
        if joining and s.active and s.place == event.location:  # first together, so that people can change over
            self.dock(event.location, joining)
        if leaving:
            later = self.used_later(leaving, number)
            gone = [n for n in leaving if n not in later]
            if s.active and self.here.get(s.active[0]) == event.location:
                goods = [c for c, craft in self.cargo.items() if craft in gone and c not in self.out]
                if goods:
                    self.out |= set(goods)
                    self.steps.append(f'{{ do = "unload", cargo = {_list(w.goods.of[c] for c in goods)} }}')
            if gone:
                self.drop(gone)
            if later or not [n for n in wanted if n in s.active]:
                keep = [n for n in s.active if n in wanted]
                if s.active and (later or keep != s.active):
                    self.steps.append(f'{{ do = "undock", craft = {_list(w.crafts.of[n] for n in keep)} }}')
                    s.waiting.setdefault(s.place, []).extend(n for n in s.active if n not in keep)
                    s.active = keep
        if new:
            place = event.location
            if not self.on_earth(place):
                w.note(
                    path, ", ".join(w.elements[n].name for n in new), "was left here by another mission; told as new"
                )
            to = w.places.of[place]
            self.steps.append(f'{{ do = "take", to = "{to}", craft = {_list(w.crafts.of[n] for n in new)} }}')
            s.active += new
            s.place = place
        if joining and joining[0] not in s.active:
            self.dock(event.location, joining)
        return bool(wanted)

    def dock(self, place: str, joining: list[str]) -> None:
        group = self.s.waiting.get(place, [])
        ready = [n for n in joining if n in group]
        if ready:
            self.steps.append(f'{{ do = "dock", craft = {_list(self.w.crafts.of[n] for n in ready)} }}')
        self.s.waiting[place] = [n for n in group if n not in ready]
        self.s.active += ready
        self.s.place = place

    def landed(self, event: StoryEvent, to: str, arrival_s: float) -> None:
        self.s.place = to
        for name in self.s.active:
            self.here[name] = to
        if any(self.root(c) in self.s.active for c in self.crew):
            self.s.since = arrival_s

    def stay(self, event: StoryEvent) -> None:
        """The crew has been somewhere since it arrived: a stay, where that is a surface away from the Earth."""
        node = self.w.nodes.get(self.s.place)
        since = self.s.since
        if since is None or node is None or node.kind != "surface" or node.body.lower() == "earth":
            return
        if any(self.root(c) in event.elements for c in self.crew) and event.time_s > since:
            goods = [
                c
                for c, craft in self.cargo.items()
                if c not in self.out and craft in self.s.active and craft not in event.elements
            ]
            if goods:
                self.out |= set(goods)
                self.steps.append(f'{{ do = "unload", cargo = {_list(self.w.goods.of[c] for c in goods)} }}')
            self.steps.append(f'{{ do = "stay", stay = "{_figure((event.time_s - since) / DAY_S)} d" }}')
            self.s.since = None

    def do_space_transport(self, event: StoryEvent, path: str, number: int) -> None:
        w = self.w
        edge = w.edges.get(event.edge)
        if edge is None:
            w.note(path, event.edge, "names no edge")
            return
        self.stay(event)
        if not self.gather(event, number, path):
            return
        if edge.duration_s and not self.on_earth(edge.origin):
            days = f"{edge.duration_s / DAY_S:g} d"
            w.note(
                path, days, "is the time of flight, which stated burns do not take: dates within the mission shift"
            )
        sequences = dict(event.sequences)
        moved = False
        for i, burn in enumerate(edge.burns):
            last = i == len(edge.burns) - 1
            ground = self.on_earth(edge.origin)
            home = self.on_earth(edge.destination)
            to = ""
            if not moved and (last or not home or ground):
                to, moved = w.places.of[edge.destination], True
            self.burn(burn.dv_m_s, sequences.get(burn.id, ()), to, path)
        if not edge.burns:
            w.note(path, edge.name, "has no burns")
        self.landed(event, edge.destination, event.time_s + edge.duration_s)

    def burn(self, dv_m_s: float, actions: tuple[BurnAction, ...], to: str, path: str) -> None:
        """One burn: burners in turn, staged when empty; drops before and after as steps of their own."""
        w = self.w
        items = [a for a in actions if a.element in self.s.active]
        seen: set[tuple[bool, str]] = set()
        unique = [a for a in items if not ((a.stage, a.element) in seen or seen.add((a.stage, a.element)))]  # type: ignore[func-returns-value]
        burners = [a.element for a in unique if not a.stage]
        if not burners:
            w.note(path, f"{dv_m_s:g} m/s", "is burned by nobody in the stack")
            return
        first = next(i for i, a in enumerate(unique) if not a.stage)
        last = max(i for i, a in enumerate(unique) if not a.stage)
        before = [a.element for a in unique[:first]]
        after = [a.element for a in unique[last + 1 :]]
        turn: list[str] = []
        staged = {a.element for a in unique[first:last] if a.stage}
        for action in unique[first : last + 1]:
            if action.element not in turn:
                turn.append(action.element)
        if before:
            self.drop(before)
        kept = [n for n in turn[:-1] if n not in staged]
        if kept and staged:
            w.note(
                path, ", ".join(w.elements[n].name for n in kept), "burns out and is kept; told as dropped when empty"
            )
        parts = [f'do = "burn", dv = "{_figure(dv_m_s)} m/s"', f"burners = {_list(w.crafts.of[n] for n in turn)}"]
        if staged:
            parts.append("stage = true")
        if to:
            parts.append(f'to = "{to}"')
        self.steps.append(f"{{ {', '.join(parts)} }}")
        if staged:
            self.s.active = [n for n in self.s.active if n not in turn[:-1]]
            self.dropped |= set(turn[:-1])
        after = [n for n in after if n in self.s.active]
        if after:
            self.drop(after)

    def do_burn(self, event: StoryEvent, path: str, number: int) -> None:
        burns = {b.id: b for e in self.w.story.edges for b in e.burns}
        if event.burn in burns and self.gather(event, number, path):
            self.burn(burns[event.burn].dv_m_s, dict(event.sequences).get(event.burn, ()), "", path)

    def do_flight_transport(self, event: StoryEvent, path: str, number: int) -> None:
        self.w.note(path, event.name, "is an abstracted flight without burns, which has no step in a scenario")

    def do_exploration(self, event: StoryEvent, path: str, number: int) -> None:
        if event.eva_per_week > 0.0:
            self.w.note(
                path, f"{event.eva_per_week:g} a week", "excursions have no step in a scenario; the stay is told"
            )
