"""SpaceNet's measures of effectiveness, tabulated while a story is replayed.

Definitions of SpaceNet 2.5 (user guide, "Measures of effectiveness"; reference values of Apollo 17 in its public
software): a crew member on a surface other than the Earth's (or on the way over it) earns crew surface days, and
exploration capability in proportion to the mass of classes of supply 6 and 8 at that place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from moonvillage.records.logistics import Story, StoryEdge, StoryEvent, StoryNode
from moonvillage.units import DAY_S

if TYPE_CHECKING:
    from moonvillage.campaign.replay import _Run

#: Apollo 17: exploration capability, crew × days × kg, and launch mass, kg.
APOLLO_17_CAPABILITY_KG_D: Final = 2594.0
APOLLO_17_LAUNCH_KG: Final = 2_930_000.0


@dataclass(frozen=True, slots=True)
class Measures:
    """Measures of effectiveness of a story.

    Capacity utilisations have two readings. ``up_utilisation`` and ``down_utilisation`` divide the cargo in the
    holds by what the holds may carry; ``*_mass_ratio`` divide, as SpaceNet's software does, the whole mass of the
    carriers (dry mass and propellant included) by it, and so exceed one for stages. None: no such flights, or no
    holds. ``relative_capability`` is against Apollo 17. ``cost_eur`` is None where no element states a cost.
    ``crew_time_h`` is the crews' active time, anywhere away from the Earth's surface or not.
    """

    crew_surface_days: float
    exploration_mass_kg: float
    launch_mass_kg: float
    up_utilisation: float | None
    down_utilisation: float | None
    up_mass_ratio: float | None
    down_mass_ratio: float | None
    exploration_capability_kg_d: float
    relative_capability: float | None
    crew_time_h: float
    eva_h: float
    cost_eur: float | None


def relative_capability(capability_kg_d: float, launch_mass_kg: float) -> float | None:
    """Exploration capability per launched mass against Apollo 17; None where nothing is launched.

    Examples
    --------
    >>> round(relative_capability(4 * 7 * 500.0, 889_575.0 + 3_669_400.0), 5)
    3.46863
    """
    if launch_mass_kg <= 0.0:
        return None
    return (capability_kg_d / APOLLO_17_CAPABILITY_KG_D) / (launch_mass_kg / APOLLO_17_LAUNCH_KG)


@dataclass(slots=True)
class _Use:
    cargo: float = 0.0
    mass: float = 0.0
    capacity: float = 0.0

    def ratio(self, amount: float) -> float | None:
        return amount / self.capacity if self.capacity > 0.0 else None


class Tally:
    """The running sums of a replay."""

    def __init__(self) -> None:
        self.days = self.capability = self.launched = self.explored = self.hours = self.eva_s = 0.0
        self.up, self.down = _Use(), _Use()

    @staticmethod
    def surface(run: _Run, place: str) -> bool:
        """Whether crew at a place earns surface days."""
        if place in run.edges:
            edge = run.edges[place]
            origin = run.nodes.get(edge.origin)
            return edge.kind == "surface" and origin is not None and origin.body.lower() != "earth"
        node = run.nodes.get(place)
        return node is not None and explored(node)

    def crew(self, run: _Run, name: str, place: str, span_s: float, useful_kg: float) -> None:
        """A crew member spends a span of time at a place with so much of classes 6 and 8."""
        self.hours += span_s / 3600.0 * run.things[name].spec.active_fraction
        if self.surface(run, place):
            self.days += span_s / DAY_S
            self.capability += span_s / DAY_S * useful_kg

    def transport(self, run: _Run, event: StoryEvent, edge: StoryEdge, origin: StoryNode, to: StoryNode) -> None:
        """A flight leaves: launched and delivered mass, and how well it is filled."""
        names = [n for n in event.elements if run.present(n) and run.place(n) == edge.origin]
        if len(names) < len(event.elements):
            return  # it will be refused
        if explored(to):
            self.explored += math.fsum(run.class_kg(n, cos) for n in names for cos in (6, 8))
        start, end = grounded(origin), grounded(to)
        if start:
            self.launched += math.fsum(run.mass(n) for n in names)
        if not start and not end:
            return
        use = self.up if start else self.down
        carriers = [n for n in names if run.things[n].spec.kind in ("carrier", "propulsive", "surface_vehicle")]
        use.mass += math.fsum(run.mass(n) for n in carriers)
        use.cargo += math.fsum(run.cargo_kg(n) for n in carriers)
        if event.kind == "flight_transport":
            use.capacity += edge.cargo_kg
        else:
            use.capacity += math.fsum(run.things[n].spec.cargo_kg for n in carriers)

    def eva(self, crew_s: float) -> None:
        """Crew time spent outside, s."""
        self.eva_s += crew_s

    def result(self, story: Story) -> Measures:
        """The measures so far."""
        costs = [e.cost_eur for e in story.elements if e.cost_eur is not None]
        return Measures(
            crew_surface_days=self.days,
            exploration_mass_kg=self.explored,
            launch_mass_kg=self.launched,
            up_utilisation=self.up.ratio(self.up.cargo),
            down_utilisation=self.down.ratio(self.down.cargo),
            up_mass_ratio=self.up.ratio(self.up.mass),
            down_mass_ratio=self.down.ratio(self.down.mass),
            exploration_capability_kg_d=self.capability,
            relative_capability=relative_capability(self.capability, self.launched),
            crew_time_h=self.hours,
            eva_h=self.eva_s / 3600.0,
            cost_eur=math.fsum(costs) if costs else None,
        )


def grounded(node: StoryNode) -> bool:
    """Whether a node is on the Earth."""
    return node.kind == "surface" and node.body.lower() == "earth"


def explored(node: StoryNode) -> bool:
    """Whether a node is a surface other than the Earth's, or an orbit about the Sun (an asteroid)."""
    return (node.kind == "surface" and not grounded(node)) or (node.kind == "orbital" and node.body.lower() == "sun")


def as_mapping(measures: Measures) -> dict[str, Any]:
    """Measures by name, in the order of the record."""
    return {name: getattr(measures, name) for name in measures.__slots__}
