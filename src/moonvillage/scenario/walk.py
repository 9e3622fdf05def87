"""Following a mission's steps from place to place: which arcs it needs, and who is in the active stack.

Both the trajectories (which arcs to tabulate) and the plan (which legs a flight has) start from this walk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moonvillage.catalog import Craft
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit, MoonSurface
from moonvillage.scenario.model import Mission, Scenario, Step


@dataclass(frozen=True, slots=True)
class Waypoint:
    """The state of a mission before one of its steps.

    ``place`` is where the active stack is (empty before the first launch); ``active`` the craft in it, in the
    order they joined; ``waiting`` the craft left at each place; ``carried_by_launcher`` whether the launcher still
    makes the next burn.
    """

    index: int
    step: Step
    place: str
    active: tuple[str, ...]
    waiting: Mapping[str, tuple[str, ...]]
    carried_by_launcher: bool


def walk(mission: Mission) -> list[Waypoint]:
    """The waypoints of a mission, one per step, in order.

    Several launches in a row join their craft where they are launched to; a launch adds the craft that it
    ``lifts``. The walk trusts that references are right; :mod:`moonvillage.scenario.check` complains otherwise.
    """
    place = ""
    active: tuple[str, ...] = ()
    waiting: dict[str, tuple[str, ...]] = {}
    carried = False
    points: list[Waypoint] = []
    for index, step in enumerate(mission.steps):
        points.append(Waypoint(index, step, place, active, dict(waiting), carried))
        if step.do == "launch":
            place = step.to
            active = (*active, *(c for c in step.lifts if c not in active))
            carried = step.into != "leo"
        elif step.do == "fly":
            place = step.to
            carried = False
        elif step.do == "burn":
            place = step.to or place
        elif step.do == "undock":
            left = tuple(c for c in active if c not in step.craft)
            waiting[place] = (*waiting.get(place, ()), *left)
            active = tuple(c for c in active if c in step.craft)
        elif step.do == "dock":
            joined = tuple(c for c in waiting.get(place, ()) if c in step.craft)
            waiting[place] = tuple(c for c in waiting.get(place, ()) if c not in step.craft)
            active = (*active, *joined)
        elif step.do in ("drop", "park"):
            active = tuple(c for c in active if c not in step.craft)
        elif step.do == "take":
            active = (*active, *(c for c in step.craft if c not in active))
            place = step.to or place
    return points


def arc_id(origin: str, destination: str, powered_by: str = "", via: str = "") -> str:
    """The id of an arc; powered descents, ascents and spirals depend on the craft too."""
    return f"{origin}>{destination}" + (f"~{via}" if via else "") + (f"@{powered_by}" if powered_by else "")


def arc_of(scenario: Scenario, mission: Mission, point: Waypoint) -> Arc:
    """The arc that a ``fly`` step flies.

    For a descent or an ascent the initial thrust acceleration is the craft's thrust over the stack's mass with
    full tanks and full cargo for a descent, and without cargo for an ascent; for a spiral, with full tanks and
    full cargo.
    """
    via = point.step.via
    origin = scenario.places[point.place]
    destination = scenario.places[point.step.to]
    powered = isinstance(origin, MoonSurface) or (
        isinstance(destination, MoonSurface) and isinstance(origin, MoonOrbit | EarthOrbit)
    )
    spiral = via == "spiral"
    if not powered and not spiral:
        return Arc(arc_id(point.place, point.step.to, via=via), origin, destination, via=via)
    crafts: Mapping[str, Craft] = scenario.of("craft")
    burner = crafts[point.step.by]
    mass_kg = sum(crafts[c].dry_kg + crafts[c].propellant_kg for c in point.active)
    if isinstance(destination, MoonSurface) or spiral:
        mass_kg += sum(crafts[c].cargo_kg for c in point.active)
    thrust_to_mass = burner.thrust_n / mass_kg if burner.thrust_n > 0.0 and mass_kg > 0.0 else None
    return Arc(
        arc_id(point.place, point.step.to, f"{mission.id}.{point.index}", via),
        origin,
        destination,
        thrust_to_mass_m_s2=thrust_to_mass,
        isp_s=burner.isp_s or None,
        via=via,
    )


def arcs(scenario: Scenario) -> dict[str, Arc]:
    """Every arc that some mission flies, by id, in the order of first use."""
    found: dict[str, Arc] = {}
    for mission in scenario.missions.values():
        for point in walk(mission):
            if point.step.do == "fly":
                arc = arc_of(scenario, mission, point)
                found.setdefault(arc.id, arc)
    return found
