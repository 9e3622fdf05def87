"""The file format of a mission, as classes: each field declares its unit, bounds, default and meaning.

A mission is a list of steps. Each step has a ``kind``, which names the class that reads it and the function that
flies it (:func:`register`); numbers that were flown stand beside it in ``flown`` and are never seen by the function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, TypeVar

from moonvillage.catalog.schema import date, raw, tables, text, words
from moonvillage.catalog.schema import quantity as measure
from moonvillage.ephemeris.constants import MOON_RADIUS_M
from moonvillage.replay.records import Outcome, Situation

S = TypeVar("S", bound="Step")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flown:
    """A figure of what happened, to compare with."""

    quantity: str = text("what is compared: dv, burn_time, propellant, time, flight_time, periapsis, ...")
    value: Any = raw("the flown value with its unit; an instant as a UTC date")
    of: str = text("which event of the step; by default the step itself", "")
    confidence: float = measure("fraction", "how far the figure is to be trusted, 0 to 1", low=0.0, high=1.0)
    source: str = text("the id of a source of this file, or the source itself")
    bound: Any = raw("the error allowed: a fraction ('2 %') or an amount ('10 min', '5 km')", None)
    reason: str = text("why the row may lie outside, or what the flown figure includes", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Craft:
    """A spacecraft: masses and engine, used where a step does not give its own."""

    mass_kg: float | None = measure("mass", "mass at the start of the mission", None, low=0.0)
    thrust_n: float | None = measure("force", "thrust of the engine", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0, high=20000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What every step has. Subclasses add the fields of their kind."""

    #: Events of this kind that have numbers, and which: event → quantities; ``""`` is the step itself. A name that
    #: ends in ``#`` stands for any number (``burn_#`` for burn_1, burn_2 ...).
    OFFERS: ClassVar[Mapping[str, str]] = {}
    #: (event, quantity) → fields that, where given, set the number: the row is then an input and proves nothing.
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {}

    kind: str = text("what sort of step this is")
    id: str = text("a name for the step, unique in the file")
    title: str = text("what tables call it; by default the id", "")
    craft: str = text("the craft that flies it", "craft")
    flown: tuple[Flown, ...] = tables(Flown, "what was flown", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """A mission as read: header, craft, and steps in order."""

    id: str = text("a short name")
    title: str = text("the mission's name")
    aliases: tuple[str, ...] = words("other names by which a built-in mission is found", ())
    about: str = text("what is replayed, and what is not", "")
    start_tdb_s: float = date("launch (UTC): relative errors of instants count from here")
    lunar_radius_m: float = measure(
        "length",
        "the radius above which lunar heights of this file are counted",
        MOON_RADIUS_M,
        low=1.7e6,
        high=1.75e6,
    )
    sources: Mapping[str, str] = raw("id → where figures come from", {})
    crafts: Mapping[str, Craft] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    #: (step, flown) → (flown value, bound), SI, parsed when the file was read; a bound of None is the default.
    figures: Mapping[tuple[int, int], tuple[float, float | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """What a step's function may see: the mission's header and craft, and where each craft is by now."""

    mission: Mission
    situations: Mapping[str, Situation]

    def height_m(self, height_m: float) -> float:
        """A lunar height of the file as a radius, m."""
        return self.mission.lunar_radius_m + height_m

    def engine(self, step: Step) -> tuple[float | None, float | None, float | None]:
        """Mass (kg), thrust (N), specific impulse (s) for a step: its own, else its craft's; None where unknown."""
        craft = self.mission.crafts.get(step.craft, Craft())
        here = self.situations.get(step.craft)
        mass = getattr(step, "mass_kg", None)
        if mass is None and here is not None:
            mass = here.mass_kg
        if mass is None:
            mass = craft.mass_kg
        thrust = getattr(step, "thrust_n", None)
        isp = getattr(step, "isp_s", None)
        return mass, craft.thrust_n if thrust is None else thrust, craft.isp_s if isp is None else isp


@dataclass(frozen=True, slots=True)
class Kind:
    """A registered kind: the class that reads it and the function that flies it."""

    cls: type[Step]
    fly: Callable[[Any, Context], Outcome]


#: Name → kind; filled at import by :func:`register`, never changed later.
KINDS: Final[dict[str, Kind]] = {}


def register(name: str, cls: type[S]) -> Callable[[Callable[[S, Context], Outcome]], Callable[[S, Context], Outcome]]:
    """Enter the function that flies steps of a kind.

    Raises
    ------
    ValueError
        If the name is taken.
    """

    def enter(function: Callable[[S, Context], Outcome]) -> Callable[[S, Context], Outcome]:
        if name in KINDS:
            raise ValueError(f"two kinds of step are called {name!r}")
        KINDS[name] = Kind(cls, function)
        return function

    return enter
