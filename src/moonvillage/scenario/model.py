"""What the user wrote, as frozen values in SI units.

A scenario names places, missions (templates of flights, each a list of steps), demands, outposts and extra or
changed catalog entries. The classes here are also its schema: see :mod:`moonvillage.catalog.schema`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moonvillage.catalog import Agreement, Catalog, Law
from moonvillage.catalog.schema import (
    Provenance,
    choice,
    counts,
    date,
    flag,
    integer,
    mapping,
    quantities,
    quantity,
    raw,
    ref,
    refs,
    tables,
    text,
    times,
    words,
)
from moonvillage.records.places import Place
from moonvillage.scenario.network import Network
from moonvillage.scenario.outposts import Outpost
from moonvillage.units import STANDARD_GRAVITY_M_S2

#: Interaction kinds, the closed list that laws and agreements speak about (:mod:`moonvillage.cooperation`).
INTERACTIONS = (
    "fly_crew",
    "dock",
    "host_instrument",
    "share_data",
    "buy_service",
    "receive_sample",
    "co_author",
    "host_visit",
    "track",
    "deliver_cargo",
    "launch",
    "crew_exchange",
    "export_hardware",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The ``[scenario]`` table."""

    title: str = text("one line that says what this is about")
    start_tdb_s: float = date("first day")
    end_tdb_s: float = date("last day")
    step_s: float = quantity("time", "length of a planning period", 30.4375 * 86400.0, low=86400.0)
    objective: str = choice(("cost", "launch_mass", "earliest", "none"), "what to minimise", "cost")
    earliest: str = text("for the objective 'earliest': the demand to meet as early as possible", "")
    discount: float = quantity("fraction", "yearly discount rate of money", 0.0, low=0.0, high=0.5)
    gap: float = quantity("fraction", "proven gap to reach", 0.02, low=0.0, high=1.0)
    margin: float = quantity("fraction", "delta-v added to every planned leg", 0.01, low=0.0, high=0.5)
    gravity_m_s2: float = quantity(
        "acceleration", "g0 of specific impulse", STANDARD_GRAVITY_M_S2, low=9.0, high=10.0
    )
    seed: int = integer("seed of everything random", 1, low=0)
    dates_per_step: int = integer("departure dates tabulated in each period", 3, low=1, high=31)
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceSpec:
    """A ``[places.ID]`` table; ``geometry`` turns it into a record."""

    id: str
    kind: str = choice(
        ("ground", "earth_orbit", "moon_orbit", "surface", "halo", "dro", "planet", "free_return"), "what it is"
    )
    title: str = text("name shown in the report", "")
    altitude_m: float = quantity("length", "altitude of an orbit or of the perilune", 0.0, low=0.0)
    inclination_rad: float = quantity("angle", "inclination to the equator", -1.0, low=0.0, high=3.141592653589793)
    raan_rad: float = quantity(
        "angle", "right ascension of the node (stations)", -1.0, low=0.0, high=6.283185307179587
    )
    site: str = ref("site", "for a surface place: the site", "")
    over: str = ref("place", "for a lunar orbit: the surface place that it passes over", "")
    over_after_s: float = quantity("time", "time from arrival to the pass over that place", 86400.0, low=0.0)
    point: int = integer("for a halo: 1 or 2", 2, low=1, high=2)
    northern: bool = flag("for a halo: the northern class", False)
    perilune_m: float = quantity("length", "for a near-rectilinear halo: perilune radius", 0.0, low=0.0)
    amplitude_m: float = quantity("length", "for a halo: out-of-plane amplitude", 0.0, low=0.0)
    radius_m: float = quantity(
        "length", "for a distant retrograde orbit: distance from the Moon's centre on the Earth's side", 0.0, low=0.0
    )
    planet: str = text("for a planet: its name", "mars")
    stores: bool = flag("stocks may be kept here between flights", False)
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a mission. Which fields matter depends on ``do``:

    ``launch``: ``on`` a launcher, ``lifts`` these craft (all by default), ``to`` an Earth orbit, ``into`` leo, tli or
    escape (then the launcher makes the first burn of the next flight of these craft).
    ``fly``: ``to`` a place, ``by`` a craft (``burns`` names others for single burns), at least ``wait`` after the
    step before, within ``within`` after that; ``via`` names another way than the usual one.
    ``burn``: a stated ``dv`` by ``burners`` in turn, each dropped when empty where ``stage`` is true (no trajectory);
    the stack is then at ``to`` where that is given.
    ``undock``: go on with ``craft`` only, the others wait here; ``dock``: take ``craft`` (waiting here) back in.
    ``drop``: leave ``craft`` behind for good. ``unload``: hand over ``cargo`` here. ``load``: take ``cargo`` from the
    stocks here (``amount`` kg where fixed). ``refuel``: fill ``craft`` from the stocks here (``components`` only).
    ``take``: take reusable ``craft`` from the fleet parked here, with empty tanks (on the ground: new, with full
    ones); ``park``: leave it to the fleet here.
    ``stay``: remain ``stay`` or one of ``choices`` here; the crew lives here meanwhile.
    ``land``: the end on Earth.
    """

    do: str = choice(
        (
            "launch",
            "fly",
            "burn",
            "undock",
            "dock",
            "drop",
            "unload",
            "load",
            "refuel",
            "take",
            "park",
            "stay",
            "land",
        ),
        "what happens",
    )
    on: str = ref("launcher", "launch: the launcher", "")
    into: str = choice(("leo", "tli", "escape"), "launch: how far the launcher takes it", "leo")
    lifts: tuple[str, ...] = refs("craft", "launch: the craft on top", ())
    to: str = ref("place", "launch, fly, burn: where to; the first take: where it begins", "")
    by: str = ref("craft", "fly: who burns", "")
    burns: Mapping[str, str] = mapping("craft", "fly: who makes which burn, where it is not 'by'", {})
    wait_s: float = quantity("time", "fly: earliest departure after the step before", 0.0, low=0.0)
    within_s: float = quantity("time", "fly: latest departure after the earliest", 0.0, low=0.0)
    via: str = choice(
        ("", "ballistic", "direct", "docking", "fast", "hybrid", "spiral"),
        "fly: the way: 'ballistic' (80 to 130 days by the Sun's tide), 'direct' (without a lunar flyby), 'docking' "
        "(to a station's port in two days), 'fast' (in 6.5 hours), 'hybrid' (leaving a free return), 'spiral' (low "
        "thrust); the usual one by default",
        "",
    )
    dv_m_s: float = quantity("speed", "burn: velocity change", 0.0, low=0.0)
    burners: tuple[str, ...] = refs("craft", "burn: stages in the order of burning", ())
    stage: bool = flag("burn: drop each stage when it is empty", False)
    craft: tuple[str, ...] = refs("craft", "undock, dock, drop, take, park, refuel: which", ())
    cargo: tuple[str, ...] = refs("commodity|module", "unload, load: what", ())
    amount_kg: float = quantity("mass", "load: how much, where fixed", 0.0, low=0.0)
    components: tuple[str, ...] = refs("commodity", "refuel: only these components", ())
    stay_s: float = quantity("time", "stay: how long", 0.0, low=0.0)
    choices_s: tuple[float, ...] = times("stay: the durations to choose from", ())
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Another mission must have been flown, or a module must stand, before this one departs."""

    mission: str = ref("mission", "the mission that must have arrived", "")
    module: str = ref("module", "the module that must stand", "")
    at: str = ref("place", "where the module must stand", "")
    count: int = integer("how many", 1, low=1)
    lead_s: float = quantity("time", "how long before", 0.0, low=0.0)
    each: bool = flag("one for each flight, not one for all", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionSpec:
    """Partners doing something together in a mission; the rules decide whether they may.

    What is not written is taken as the documentation of each field says; a fact that a rule needs and nobody stated
    makes the answer "unknown", which is no permission.
    """

    kind: str = choice(INTERACTIONS, "what they do")
    parties: tuple[str, ...] = refs("partner", "who takes part")
    funders: tuple[str, ...] = refs("partner", "whose money pays; the parties' own funders by default", ())
    assets: tuple[str, ...] = refs(
        "craft|module|launcher|commodity",
        "what is launched, docked or handed over; its controlled content counts",
        (),
    )
    venue: str = ref("partner", "who owns the craft or place where it happens; nobody in particular by default", "")
    destinations: tuple[str, ...] = words(
        "states where the assets go, ISO 3166 alpha-3; the states of the mission's launch sites by default", ()
    )
    basis: tuple[str, ...] = refs("agreement", "agreements relied on; any that fits by default", ())
    stage: str = text("for samples: 'apply' or 'research'", "")
    data: str = choice(
        ("", "interface-safety", "detailed-design", "operations", "public-science"), "for data: its class", ""
    )
    facts: Mapping[str, Any] = raw("facts that rules may ask for, such as { technology_flow = false }", {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """A template of flights: the planner decides how often and when it is flown, and with what load."""

    id: str
    title: str = text("name shown in the report")
    operator: str = ref("partner", "who flies it")
    partners: tuple[str, ...] = refs("partner", "others who take part", ())
    steps: tuple[Step, ...] = tables(Step, "what happens, in order")
    cargo: tuple[str, ...] = refs("commodity|module", "what it may carry from the Earth", ())
    cargo_craft: str = ref("craft", "the craft that holds the cargo; the last of the stack by default", "")
    seats: Mapping[str, int] = counts("partner", "crew by partner", {})
    tourists: int = integer("paying passengers", 0, low=0)
    samples_kg: float = quantity("mass", "samples brought to the Earth by each flight", 0.0, low=0.0)
    loads_kg: Mapping[str, float] = quantities(
        "mass",
        "what each flight carries from the Earth, where that is not left to the planner",
        {},
        of="commodity",
        low=0.0,
    )
    carries: Mapping[str, int] = counts("module", "modules that each flight carries, likewise", {})
    crew_mass_kg: float = quantity("mass", "mass of one person with suit and kit", 110.0, low=0.0)
    cost_eur: float = quantity("money", "operations, besides launchers and craft", 0.0, low=0.0)
    revenue_eur: float = quantity("money", "earned by each flight", 0.0, low=0.0)
    least: int = integer("flights at least, over the whole time", 0, low=0)
    most: int = integer("flights at most, over the whole time", 1000, low=0)
    per_step: int = integer("flights at most in one period", 2, low=1)
    first_tdb_s: float = date("no departure before", -1e12)
    last_tdb_s: float = date("no departure after", 1e12)
    requires: tuple[Requirement, ...] = tables(Requirement, "what must be there before", ())
    interactions: tuple[InteractionSpec, ...] = tables(InteractionSpec, "what partners do together in it", ())
    optional: bool = flag("leave it out where the rules bar it, instead of calling the scenario wrong", False)
    on_dates: tuple[str, ...] = words("prescribed departure dates (UTC): flown then, nothing is chosen", ())
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Something that the campaign must achieve. Exactly one of the subjects is given.

    ``module`` with ``count`` at ``at`` by ``by``; ``commodity`` with ``amount`` delivered to ``at`` by ``by``;
    ``crew`` people at ``at`` in every period from ``since`` to ``until``; ``crew_days`` at ``at`` by ``by``;
    ``mission`` with ``count`` flights from ``since`` to ``by``; ``samples`` on Earth by ``by``.
    """

    id: str
    title: str = text("name shown in the report", "")
    module: str = ref("module", "a module to stand somewhere", "")
    commodity: str = ref("commodity", "something to be delivered", "")
    mission: str = ref("mission", "a mission to be flown", "")
    at: str = ref("place", "where", "")
    count: int = integer("how many modules or flights", 1, low=1)
    amount_kg: float = quantity("mass", "how much of the commodity", 0.0, low=0.0)
    samples_kg: float = quantity("mass", "samples on Earth", 0.0, low=0.0)
    crew: int = integer("people present in every period", 0, low=0)
    continuous: bool = flag("crew: at every moment, not only at the middle of every period", False)
    crew_days: int = integer("crew-days in all", 0, low=0)
    since_tdb_s: float = date("from when", -1e12)
    until_tdb_s: float = date("until when", 1e12)
    by_tdb_s: float = date("by when", 1e12)
    owner: str = ref("partner", "who asks for it", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Reusable craft that stand somewhere at the start."""

    id: str
    craft: str = ref("craft", "which")
    at: str = ref("place", "where")
    count: int = integer("how many", 1, low=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A cap on what one partner spends in a span of time."""

    id: str
    partner: str = ref("partner", "whose money")
    amount_eur: float = quantity("money", "at most", low=0.0)
    since_tdb_s: float = date("from when", -1e12)
    until_tdb_s: float = date("until when", 1e12)
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scenario:
    """A whole scenario: everything that the verbs need, with the catalog merged under the user's own entries.

    ``of(kind)`` gives all entries of a catalog kind, the user's first. ``source`` is the text as read.
    """

    name: str
    file: str
    source: str
    header: Header
    places: Mapping[str, Place]
    place_specs: Mapping[str, PlaceSpec]
    missions: Mapping[str, Mission]
    demands: Mapping[str, Demand]
    outposts: Mapping[str, Outpost]
    fleets: Mapping[str, Fleet]
    budgets: Mapping[str, Budget]
    entries: Mapping[str, Mapping[str, Any]]
    catalog: Catalog
    network: Network | None = None
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict)

    def of(self, kind: str) -> Mapping[str, Any]:
        """All catalog entries of a kind, the scenario's own before the built-in ones."""
        own = self.entries.get(kind, {})
        return {**self.catalog.of(kind), **own} if own else self.catalog.of(kind)

    @property
    def agreements(self) -> Mapping[str, Agreement]:
        """All agreements known, by id."""
        return self.of("agreement")

    @property
    def laws(self) -> Mapping[str, Law]:
        """All rules known, by id."""
        return self.of("law")

    @property
    def periods(self) -> int:
        """Number of planning periods."""
        span = self.header.end_tdb_s - self.header.start_tdb_s
        return max(1, round(span / self.header.step_s))

    def __repr__(self) -> str:
        return (
            f"Scenario({self.name!r}: {len(self.missions)} missions, {len(self.places)} places, "
            f"{len(self.demands)} demands, {self.periods} periods)"
        )
