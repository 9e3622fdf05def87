"""A logistics story: elements that are created, moved, burned, staged and used up, event by event.

The vocabulary is that of SpaceNet (G. T. Ju, P. T. Grogan, O. de Weck et al., "SpaceNet: Modeling and simulating
space logistics", AIAA Space 2008-7747, and the user guide of version 2.5): nodes and edges, elements that hold
elements and resources, classes of supply, demand models, missions as lists of timed events. It is what
:mod:`moonvillage.exchange.spacenet` reads and writes and :mod:`moonvillage.campaign.replay` executes; a plan is
told in it too (:mod:`moonvillage.campaign.telling`). SI units; times of events are seconds after the start of
their mission; ids are opaque strings, unique within a story.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moonvillage.errors import Problem

#: Classes of supply (SpaceNet): the first digit, and 10, give the base class.
SUPPLY_CLASSES: Mapping[int, str] = {
    0: "none",
    1: "propellants and fuels",
    2: "crew provisions",
    3: "crew operations",
    4: "maintenance and upkeep",
    5: "stowage and restraint",
    6: "exploration and research",
    7: "waste and disposal",
    8: "habitation and infrastructure",
    9: "transportation and carriers",
    10: "miscellaneous",
}

NODE_KINDS = ("surface", "orbital", "lagrange")
EDGE_KINDS = ("space", "surface", "flight")
ELEMENT_KINDS = ("element", "crew", "container", "tank", "carrier", "propulsive", "surface_vehicle")
STATE_KINDS = ("active", "quiescent", "special", "dormant", "decommissioned")
MODEL_KINDS = ("rated", "impulse", "sparing", "consumables")
EVENT_KINDS = (
    "create",
    "move",
    "remove",
    "add",
    "consume",
    "transfer",
    "burn",
    "reconfigure",
    "reconfigure_group",
    "eva",
    "exploration",
    "space_transport",
    "surface_transport",
    "flight_transport",
)


def base_class(supply_class: int) -> int:
    """The base class of supply (0 to 10) of a class such as 9021; 10 has no subclasses.

    Examples
    --------
    >>> base_class(9021), base_class(10), base_class(603)
    (9, 10, 6)
    """
    return supply_class if supply_class in SUPPLY_CLASSES else int(str(supply_class)[0])


@dataclass(frozen=True, slots=True)
class StoryNode:
    """A place. Orbits are given by their heights above the body, Lagrange points by number and second body."""

    id: str
    name: str
    kind: str
    body: str = "Earth"
    latitude_rad: float = 0.0
    longitude_rad: float = 0.0
    apoapsis_m: float = 0.0
    periapsis_m: float = 0.0
    inclination_rad: float = 0.0
    body2: str = ""
    point: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class EdgeBurn:
    """A burn of a space edge, at a time after departure; ``engine``: "OMS" or "RCS" where a file tells them apart."""

    id: str
    time_s: float
    dv_m_s: float
    engine: str = ""


@dataclass(frozen=True, slots=True)
class StoryEdge:
    """A way between two nodes: by burns, over the surface, or as an abstracted flight with capacities."""

    id: str
    name: str
    kind: str
    origin: str
    destination: str
    duration_s: float = 0.0
    burns: tuple[EdgeBurn, ...] = ()
    distance_m: float = 0.0
    crew: int = 0
    cargo_kg: float = 0.0
    description: str = ""


@dataclass(frozen=True, slots=True)
class Supply:
    """A kind of resource; ``unit_kg`` is the mass of one unit, ``kind`` "continuous", "discrete" or "generic"."""

    id: str
    name: str
    supply_class: int
    kind: str = "continuous"
    environment: str = "Unpressurized"
    units: str = "kg"
    unit_kg: float = 1.0
    unit_m3: float = 0.0
    packing: float = 0.0
    description: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """So many units of a resource; without one, so many kg of a class of supply. In rates: units per day."""

    resource: str
    amount: float
    supply_class: int = 0
    environment: str = ""


@dataclass(frozen=True, slots=True)
class DemandModel:
    """How an element or a mission asks for supplies.

    ``rated``: ``demands`` per day. ``impulse``: ``demands`` once. ``sparing``: a share of the element's mass per
    year of 365 days, ``pressurized`` and ``unpressurized``. ``consumables``: the crew's needs in ``figures``
    (SpaceNet's names).
    """

    id: str
    name: str
    kind: str
    demands: tuple[Amount, ...] = ()
    unpressurized_per_year: float = 0.0
    pressurized_per_year: float = 0.0
    parts_list: bool = False
    figures: Mapping[str, float | bool] = field(default_factory=dict)
    template: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ElementState:
    """A state that an element may be in, with its demands."""

    id: str
    name: str
    kind: str
    models: tuple[DemandModel, ...] = ()


@dataclass(frozen=True, slots=True)
class PartUse:
    """A part of an element: how many of a discrete resource; times are None where they do not apply."""

    resource: str
    quantity: float = 1.0
    duty_cycle: float = 1.0
    failure_s: float | None = None
    repair_s: float | None = None
    repair_kg: float = 0.0


@dataclass(frozen=True, slots=True)
class StoryElement:
    """Anything that exists as one thing: ``kind`` is one of :data:`ELEMENT_KINDS`.

    ``fuel`` is the resource in its tank (main engine), ``rcs_*`` a second set; a second engine without a tank of its
    own draws on the first one's. ``inside`` names the elements that it holds when it is created.
    """

    id: str
    name: str
    kind: str
    mass_kg: float = 0.0
    supply_class: int = 0
    template: str = ""
    environment: str = "Unpressurized"
    accommodation_kg: float = 0.0
    volume_m3: float = 0.0
    cargo_kg: float = 0.0
    cargo_m3: float = 0.0
    cargo_environment: str = "Unpressurized"
    crew: int = 0
    isp_s: float = 0.0
    fuel: str = ""
    fuel_max_kg: float = 0.0
    fuel_kg: float = 0.0
    rcs_isp_s: float = 0.0
    rcs_fuel: str = ""
    rcs_max_kg: float = 0.0
    speed_m_s: float = 0.0
    active_fraction: float = 1.0
    contents: tuple[Amount, ...] = ()
    inside: tuple[str, ...] = ()
    states: tuple[ElementState, ...] = ()
    state: int = -1
    parts: tuple[PartUse, ...] = ()
    cost_eur: float | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class BurnAction:
    """One item of a burn's sequence: an element burns until the Δv is made or it is empty, or is dropped."""

    stage: bool
    element: str


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """Something that happens. Which fields matter depends on ``kind`` (:data:`EVENT_KINDS`).

    ``time_s`` counts from the start of the mission; events at one time go by ``priority``. ``sequences`` has the
    actions of each burn, by burn id. ``states`` gives crew members their state during an excursion (-1: as it was).
    """

    kind: str
    name: str = ""
    time_s: float = 0.0
    priority: int = 1
    location: str = ""
    elements: tuple[str, ...] = ()
    container: str = ""
    origin: str = ""
    edge: str = ""
    burn: str = ""
    sequences: tuple[tuple[str, tuple[BurnAction, ...]], ...] = ()
    amounts: tuple[Amount, ...] = ()
    vehicle: str = ""
    duration_s: float = 0.0
    eva_s: float = 0.0
    eva_per_week: float = 0.0
    states: tuple[tuple[str, int], ...] = ()
    state: int = -1
    state_kind: str = ""
    speed_m_s: float = 0.0
    duty_cycle: float = 1.0


@dataclass(frozen=True, slots=True)
class StoryMission:
    """A list of events with its start; origin and destination serve the demand models of crews."""

    name: str
    start_tdb_s: float
    events: tuple[StoryEvent, ...] = ()
    models: tuple[DemandModel, ...] = ()
    origin: str = ""
    destination: str = ""
    return_origin: str = ""
    return_destination: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """A whole scenario of logistics.

    ``library`` and ``models`` are the templates of elements and of demand models; elements are complete without.
    ``configuration`` has the file's settings under SpaceNet's (correctly spelt) names; ``gravity_m_s2`` is the g0 of
    specific impulse. ``unknown`` lists what a reader found and did not understand, with its path; it takes no part
    in comparisons.
    """

    name: str
    start_tdb_s: float
    nodes: tuple[StoryNode, ...] = ()
    edges: tuple[StoryEdge, ...] = ()
    supplies: tuple[Supply, ...] = ()
    elements: tuple[StoryElement, ...] = ()
    missions: tuple[StoryMission, ...] = ()
    library: tuple[StoryElement, ...] = ()
    models: tuple[DemandModel, ...] = ()
    kind: str = "Lunar"
    author: str = ""
    description: str = ""
    gravity_m_s2: float = 9.81
    configuration: Mapping[str, float | bool | str] = field(default_factory=dict)
    unknown: tuple[Problem, ...] = field(default=(), compare=False)
