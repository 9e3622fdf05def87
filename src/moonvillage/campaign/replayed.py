"""What replaying a story shows: the log, burns, failures, unmet demands, the balance of mass."""

from __future__ import annotations

from dataclasses import dataclass, field

from moonvillage.campaign.measures import Measures
from moonvillage.records.logistics import StoryElement


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be done: at ``epoch_tdb_s``, in the event of that name and kind, and why."""

    epoch_tdb_s: float
    mission: str
    event: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class BurnRecord:
    """One vehicle's part of a burn: masses in kg, Δv in m/s; ``left_kg`` is what its tank holds afterwards."""

    epoch_tdb_s: float
    event: str
    element: str
    name: str
    dv_m_s: float
    mass_before_kg: float
    propellant_kg: float
    left_kg: float


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the log: ``mass_kg`` is that of all elements which the event names, after it."""

    epoch_tdb_s: float
    mission: str
    kind: str
    event: str
    place: str
    mass_kg: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unmet:
    """A demand that nothing could meet: ``amount`` units of ``resource``, or kg of a class of supply."""

    epoch_tdb_s: float
    place: str
    element: str
    resource: str
    supply_class: int
    amount: float
    mass_kg: float


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay showed.

    ``imbalance_kg`` is what was created and added less what is there, burned, used up and left behind; it is rounding
    only. ``left_kg`` is the propellant of each vehicle at the end, also of those left behind.
    """

    happenings: tuple[Happening, ...]
    burns: tuple[BurnRecord, ...]
    failures: tuple[Failure, ...]
    unmet: tuple[Unmet, ...]
    measures: Measures
    left_kg: dict[str, float]
    places: dict[str, str]
    imbalance_kg: float
    throughput_kg: float


@dataclass(slots=True)
class Thing:
    """An element as it is now. ``at`` is the id of a node, an edge or another element; empty before and after."""

    spec: StoryElement
    fuel_kg: float
    rcs_kg: float
    stores: dict[tuple[str, int], float]
    state: int
    at: str = ""
    holds: list[str] = field(default_factory=list)
    gone: bool = False
    asked: set[str] = field(default_factory=set)
