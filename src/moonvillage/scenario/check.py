"""Does a scenario make sense as a whole? Everything that types and references cannot tell.

Each check is one function from a scenario to problems; :func:`check` runs them all. A problem here is always the
user's to mend; whether a sensible scenario has a feasible plan is for the planner to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from moonvillage.catalog import Craft, Launcher, Module
from moonvillage.catalog.reader import Path_, dotted, nearest_line, shown
from moonvillage.ephemeris.de440 import load as load_ephemeris
from moonvillage.ephemeris.time import tdb_s_to_utc, utc_to_tdb_s
from moonvillage.errors import Problem
from moonvillage.records.places import (
    Dro,
    EarthGround,
    EarthOrbit,
    FreeReturn,
    Halo,
    MoonOrbit,
    MoonSurface,
    Place,
    Planet,
)
from moonvillage.scenario.model import Mission, Scenario
from moonvillage.scenario.walk import Waypoint, walk
from moonvillage.units import DAY_S

#: Which kinds of place a craft can fly between.
FLYABLE: Final[frozenset[tuple[type, type]]] = frozenset(
    {
        (EarthOrbit, EarthOrbit),
        (EarthOrbit, EarthGround),
        (EarthOrbit, MoonOrbit),
        (EarthOrbit, Halo),
        (EarthOrbit, FreeReturn),
        (EarthOrbit, Planet),
        (EarthOrbit, MoonSurface),
        (MoonOrbit, EarthGround),
        (MoonOrbit, MoonSurface),
        (MoonOrbit, MoonOrbit),
        (MoonOrbit, Halo),
        (MoonSurface, MoonOrbit),
        (MoonSurface, MoonSurface),
        (Halo, EarthGround),
        (Halo, MoonOrbit),
        (EarthOrbit, Dro),
        (MoonOrbit, Dro),
        (Dro, EarthGround),
        (Dro, MoonOrbit),
        (Halo, Planet),
        (Dro, Planet),
        (Halo, Halo),
        (Halo, Dro),
        (Dro, Halo),
        (Dro, Dro),
    }
)
#: Ways that a ``fly`` step may name in ``via``, by kinds of place.
WAYS: Final[Mapping[tuple[type, type], tuple[str, ...]]] = {
    (EarthOrbit, Halo): ("ballistic", "spiral"),
    (EarthOrbit, MoonOrbit): ("ballistic", "hybrid", "spiral"),
    (EarthOrbit, Dro): ("spiral",),
    (EarthOrbit, EarthOrbit): ("docking", "fast", "spiral"),
}
MAX_PERIODS: Final = 1000


class _Checker:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    def problem(self, path: Path_, value: object, message: str, remedy: str) -> Problem:
        line = nearest_line(self.scenario.lines, path)
        return Problem(self.scenario.file, line, dotted(path), shown(value), message, remedy)


def check(scenario: Scenario) -> list[Problem]:
    """Every problem of a scenario that has been read, in the order of the file; empty if it is sound."""
    checker = _Checker(scenario)
    problems: list[Problem] = []
    for one in CHECKS:
        problems += one(checker)
    return sorted(problems, key=lambda p: (p.line or 0, p.field))


def _span(c: _Checker) -> Iterator[Problem]:
    header = c.scenario.header
    if header.end_tdb_s <= header.start_tdb_s:
        yield c.problem(
            ("scenario", "end"),
            tdb_s_to_utc(header.end_tdb_s)[:10],
            "is not after the start",
            "write a later date",
        )
        return
    ephemeris = load_ephemeris()
    reach_s = 400 * DAY_S  # legs that depart on the last day still have to arrive
    first, last = utc_to_tdb_s("1962-01-01"), ephemeris.end_tdb_s - reach_s  # UTC is not defined long before
    for key, epoch in (("start", header.start_tdb_s), ("end", header.end_tdb_s)):
        if not first <= epoch <= last:
            yield c.problem(
                ("scenario", key),
                tdb_s_to_utc(epoch)[:10],
                "lies outside the ephemeris DE440",
                f"write a date between {tdb_s_to_utc(first)[:10]} and {tdb_s_to_utc(last)[:10]}",
            )
    if c.scenario.periods > MAX_PERIODS:
        yield c.problem(
            ("scenario", "step"),
            f"{header.step_s / DAY_S:g} d",
            f"makes {c.scenario.periods} periods",
            f"lengthen the step or shorten the time to stay under {MAX_PERIODS}",
        )


def _substance(c: _Checker) -> Iterator[Problem]:
    s = c.scenario
    if not s.missions and s.network is None:
        yield c.problem((), "", "has no missions", "add at least one [missions.ID] with its steps")


def _walks(c: _Checker) -> Iterator[Problem]:
    for mission in c.scenario.missions.values():
        for point in walk(mission):
            yield from _step(c, mission, point)
        yield from _crew_comes_home(c, mission)


def _step(c: _Checker, mission: Mission, point: Waypoint) -> Iterator[Problem]:
    s = c.scenario
    step = point.step
    path: Path_ = ("missions", mission.id, "steps", point.index)
    places = s.places

    def lacks(key: str, example: str) -> Problem:
        return c.problem(path, "", f"'{step.do}' lacks '{key}'", f"add {key} = {example}")

    if step.do == "launch":
        if not step.on:
            yield lacks("on", '"ariane_64"')
        if not step.lifts:
            yield lacks("lifts", '["argonaut"]')
        if not step.to:
            yield lacks("to", '"leo"')
        elif not isinstance(places[step.to], EarthOrbit):
            yield c.problem(
                (*path, "to"), step.to, "is not an Earth orbit", "launch to a place of kind 'earth_orbit'"
            )
        return
    if step.do == "take":
        if not step.craft:
            yield lacks("craft", '["blue_moon_mk2"]')
        if not step.to and not point.place:
            yield lacks("to", '"nrho"')
        return
    if not point.active and step.do != "dock":
        yield c.problem(path, "", f"'{step.do}' with no craft", "launch or take a craft first")
        return
    if step.do == "fly":
        if not step.to:
            yield lacks("to", '"llo"')
            return
        origin, destination = places.get(point.place), places[step.to]
        if origin is not None and (type(origin), type(destination)) not in FLYABLE:
            yield c.problem(
                (*path, "to"),
                step.to,
                f"cannot be flown to from '{point.place}' ({_kind(origin)} to {_kind(destination)})",
                "go by way of "
                + (" or ".join(sorted({_KIND[b] for a, b in FLYABLE if a is type(origin)})) or "a launch"),
            )
        ways = WAYS.get((type(origin), type(destination)), ())
        if step.via and step.via not in ways:
            yield c.problem(
                (*path, "via"),
                step.via,
                f"is no way from '{point.place}' to '{step.to}'",
                f"write {' or '.join(ways)}, or leave it out" if ways else "leave it out",
            )
        for craft in (step.by, *step.burns.values()):
            if craft and craft not in point.active:
                yield c.problem(
                    (*path, "by"),
                    craft,
                    "is not in the stack at this step",
                    f"use one of {', '.join(point.active)}",
                )
        needs_engine = not (point.carried_by_launcher and isinstance(destination, (FreeReturn, Planet)))
        if needs_engine and not step.by and not step.burns:
            yield lacks("by", f'"{point.active[-1]}"')
        crafts = s.of("craft")
        for craft in {step.by, *step.burns.values()} - {""}:
            entry: Craft | None = crafts.get(craft)
            if entry is not None and (entry.isp_s <= 0.0 or entry.propellant_kg <= 0.0 or not entry.propellant):
                yield c.problem(
                    (*path, "by"),
                    craft,
                    "has no engine or no propellant in the catalog",
                    "burn with another craft",
                )
    elif step.do in ("undock", "drop", "park", "refuel"):
        for name in step.craft:
            if name not in point.active:
                yield c.problem(
                    (*path, "craft"),
                    name,
                    "is not in the stack at this step",
                    f"use one of {', '.join(point.active)}",
                )
        if step.do in ("drop", "park", "refuel") and not step.craft:
            yield lacks("craft", f'["{point.active[-1]}"]')
    elif step.do == "dock":
        for name in step.craft:
            if name not in point.waiting.get(point.place, ()):
                waiting = ", ".join(point.waiting.get(point.place, ())) or "none waits there"
                yield c.problem(
                    (*path, "craft"),
                    name,
                    f"does not wait at '{point.place}'",
                    f"dock with what does: {waiting}",
                )
    elif step.do == "stay":
        if step.stay_s <= 0.0 and not step.choices_s:
            yield lacks("stay' or 'choices", '"14 d"')
    elif step.do in ("unload", "load"):
        if not step.cargo:
            yield lacks("cargo", '["logistics"]')
    elif step.do == "burn" and (step.dv_m_s <= 0.0 or not step.burners):
        yield lacks("dv' and 'burners", '"950 m/s"')


_KIND: Final[dict[type, str]] = {
    EarthGround: "ground",
    EarthOrbit: "earth_orbit",
    MoonOrbit: "moon_orbit",
    MoonSurface: "surface",
    Halo: "halo",
    Dro: "dro",
    Planet: "planet",
    FreeReturn: "free_return",
}


def _kind(place: Place) -> str:
    return _KIND[type(place)]


def _crew_comes_home(c: _Checker, mission: Mission) -> Iterator[Problem]:
    """People who leave the Earth come back to it in the same mission, in seats."""
    people = sum(mission.seats.values()) + mission.tourists
    if not people:
        return
    path: Path_ = ("missions", mission.id)
    points = walk(mission)
    crafts = c.scenario.of("craft")
    last = points[-1].step if points else None
    returns = False
    for point in points:
        if point.step.do == "fly":
            destination = c.scenario.places.get(point.step.to)
            returns = isinstance(destination, (EarthGround, FreeReturn))
            seats = sum(crafts[name].seats for name in point.active if name in crafts)
            crewed_leg = _crew_aboard(points, point.index, crafts)
            if crewed_leg and seats < people:
                yield c.problem(
                    (*path, "steps", point.index),
                    "",
                    f"flies {people} people with {seats} seats",
                    "add a crew craft to the stack or take fewer people",
                )
    if any(point.step.do == "burn" for point in points) and last is not None and last.do == "land":
        returns = True
    if not returns:
        yield c.problem(
            (*path, "seats") if mission.seats else (*path, "tourists"),
            "",
            f"takes {people} people away and does not bring them back",
            "end the steps with a fly to the ground and a 'land'",
        )


def _crew_aboard(points: list[Waypoint], index: int, crafts: object) -> bool:
    """Whether people fly this leg: from the first launch of a craft with seats that is not sent ahead."""
    assert hasattr(crafts, "get")
    launched: list[tuple[int, tuple[str, ...]]] = [(p.index, p.step.lifts) for p in points if p.step.do == "launch"]
    crewed = [i for i, lifts in launched if any(crafts.get(x) is not None and crafts.get(x).seats for x in lifts)]
    # the crew rides on the last launch that lifts seats; what went before was sent ahead
    return bool(crewed) and index > crewed[-1]


def _requirements(c: _Checker) -> Iterator[Problem]:
    graph = {m.id: [r.mission for r in m.requires if r.mission] for m in c.scenario.missions.values()}
    for mission in c.scenario.missions.values():
        for index, need in enumerate(mission.requires):
            path: Path_ = ("missions", mission.id, "requires", index)
            if bool(need.mission) == bool(need.module):
                yield c.problem(path, "", "names neither or both of a mission and a module", "name exactly one")
            elif need.module and not need.at:
                yield c.problem(path, need.module, "does not say where the module must stand", 'add at = "base"')
    seen: set[str] = set()
    for start in graph:
        trail = [start]
        while True:
            following = [n for n in graph.get(trail[-1], []) if n in graph]
            if not following or following[0] in seen:
                break
            if following[0] in trail:
                loop = [*trail[trail.index(following[0]) :], following[0]]
                yield c.problem(
                    ("missions", loop[0], "requires"),
                    " -> ".join(loop),
                    "is a cycle: each waits for the other",
                    "remove one of these requirements",
                )
                break
            trail.append(following[0])
        seen.update(trail)


def _demands(c: _Checker) -> Iterator[Problem]:
    s = c.scenario
    for demand in s.demands.values():
        path: Path_ = ("demands", demand.id)
        subjects = [
            name
            for name, given in (
                ("module", demand.module),
                ("commodity", demand.commodity),
                ("mission", demand.mission),
                ("crew", demand.crew),
                ("crew_days", demand.crew_days),
                ("samples", demand.samples_kg),
            )
            if given
        ]
        if len(subjects) != 1:
            yield c.problem(
                path,
                ", ".join(subjects),
                "names no subject" if not subjects else "names several subjects",
                "give exactly one of module, commodity, mission, crew, crew_days, samples",
            )
            continue
        if subjects[0] in ("module", "commodity", "crew", "crew_days") and not demand.at:
            yield c.problem(path, "", "does not say where", 'add at = "base"')
        if subjects[0] == "commodity" and demand.amount_kg <= 0.0:
            yield c.problem(path, "", "lacks 'amount'", 'add amount = "4 t"')
        header = s.header
        for key, epoch in (("by", demand.by_tdb_s), ("since", demand.since_tdb_s)):
            if abs(epoch) < 1e12 and not header.start_tdb_s <= epoch <= header.end_tdb_s:
                yield c.problem(
                    (*path, key),
                    tdb_s_to_utc(epoch)[:10],
                    "lies outside the scenario's time",
                    f"write a date between {tdb_s_to_utc(header.start_tdb_s)[:10]} and "
                    f"{tdb_s_to_utc(header.end_tdb_s)[:10]}",
                )
        carriers = [m for m in s.missions.values() if (demand.module or demand.commodity) in m.cargo]
        made = demand.commodity and any(
            demand.commodity in module.makes_kg_s for module in s.of("module").values() if isinstance(module, Module)
        )
        if (
            subjects[0] in ("module", "commodity")
            and not carriers
            and not made
            and not _stands(c, demand.module, demand.at)
        ):
            yield c.problem(
                (*path, subjects[0]),
                demand.module or demand.commodity,
                "is carried by no mission",
                "add it to the cargo of a mission that goes there",
            )


def _stands(c: _Checker, module: str, at: str) -> bool:
    return any(o.place == at and o.modules.get(module, 0) > 0 for o in c.scenario.outposts.values())


def _cargo(c: _Checker) -> Iterator[Problem]:
    for mission in c.scenario.missions.values():
        handed = {item for step in mission.steps if step.do == "unload" for item in step.cargo}
        for index, item in enumerate(mission.cargo):
            if item not in handed:
                yield c.problem(
                    ("missions", mission.id, "cargo", index),
                    item,
                    "is carried and never unloaded",
                    'add a step { do = "unload", cargo = [...] } that hands it over',
                )
        launches = any(step.do == "launch" for step in mission.steps)
        if launches and mission.cargo_craft and not any(mission.cargo_craft in step.lifts for step in mission.steps):
            yield c.problem(
                ("missions", mission.id, "cargo_craft"),
                mission.cargo_craft,
                "is never launched in this mission",
                "name a craft that a launch step lifts",
            )
        if mission.least > mission.most:
            yield c.problem(
                ("missions", mission.id, "least"),
                mission.least,
                "is more than 'most'",
                "lower 'least' or raise 'most'",
            )
    for fleet in c.scenario.fleets.values():
        craft: Craft | None = c.scenario.of("craft").get(fleet.craft)
        if craft is not None and not craft.reusable:
            yield c.problem(
                ("fleets", fleet.id, "craft"),
                fleet.craft,
                "is not reusable",
                "name a craft that may fly again",
            )


def _launchers(c: _Checker) -> Iterator[Problem]:
    """A crewed launch needs a launcher rated for people; every launcher must be able to lift the dry stack."""
    s = c.scenario
    launchers = s.of("launcher")
    crafts = s.of("craft")
    for mission in s.missions.values():
        people = sum(mission.seats.values()) + mission.tourists
        for index, step in enumerate(mission.steps):
            launcher: Launcher | None = launchers.get(step.on)
            if step.do != "launch" or launcher is None:
                continue
            path: Path_ = ("missions", mission.id, "steps", index, "on")
            limit = {"leo": launcher.leo_kg, "tli": launcher.tli_kg, "escape": launcher.escape_kg}[step.into]
            dry = sum(crafts[name].dry_kg for name in step.lifts if name in crafts)
            if dry > limit:
                yield c.problem(
                    path,
                    step.on,
                    f"lifts {limit:.0f} kg into {step.into} and the craft weigh {dry:.0f} kg empty",
                    "use a larger launcher or split the launch",
                )
            later = any(o.do == "launch" and _seats(o.lifts, crafts) for o in mission.steps[index + 1 :])
            if people and _seats(step.lifts, crafts) and not later and not launcher.crewed:
                yield c.problem(path, step.on, "is not rated to carry people", "launch the crew on a crewed launcher")


def _seats(names: tuple[str, ...], crafts: object) -> int:
    assert hasattr(crafts, "get")
    return sum(crafts.get(name).seats for name in names if crafts.get(name) is not None)


def _outposts(c: _Checker) -> Iterator[Problem]:
    for outpost in c.scenario.outposts.values():
        place = c.scenario.places.get(outpost.place)
        path: Path_ = ("outposts", outpost.id)
        if isinstance(place, MoonSurface) and not outpost.site:
            yield c.problem(path, "", "stands on the surface and names no site", 'add site = "connecting_ridge"')
        if place is not None and not isinstance(place, (MoonSurface, EarthOrbit, MoonOrbit, Halo, Dro)):
            yield c.problem(
                (*path, "place"), outpost.place, "cannot hold an outpost", "name a surface place or an orbit"
            )


CHECKS: Final[tuple[Callable[[_Checker], Iterator[Problem]], ...]] = (
    _span,
    _substance,
    _walks,
    _requirements,
    _demands,
    _cargo,
    _launchers,
    _outposts,
)
