"""What the catalog knows: launchers, craft, modules, sites, stations, commodities, partners, agreements, laws.

Each class is the schema of its table (see :mod:`moonvillage.catalog.schema`); every quantity has a provenance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moonvillage.catalog.schema import (
    Provenance,
    choice,
    date,
    flag,
    integer,
    quantities,
    quantity,
    ref,
    refs,
    table,
    tables,
    text,
    words,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where figures were read."""

    id: str
    title: str = text("title of the document or page")
    publisher: str = text("who published it", "")
    url: str = text("address, where public", "")
    published: str = text("date of publication or access, YYYY-MM-DD or YYYY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Commodity:
    """Something that is weighed: a consumable, a propellant component, logistics, regolith, samples."""

    id: str
    title: str = text("name")
    supply_class: int = integer("SpaceNet class of supply, 1 to 10", low=1, high=10)
    composition: Mapping[str, float] = quantities("fraction", "mass fractions of H, C, O, N; the rest is inert", {})
    boiloff_per_s: float = quantity("rate", "loss in storage, per time", 0.0, low=0.0)
    tare: float = quantity("fraction", "packaging or tank mass per mass delivered", 0.0, low=0.0)
    density_kg_m3: str = text("note on density or storage", "")
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Propellant:
    """A propellant: its components as commodities with mass fractions that sum to 1."""

    id: str
    title: str = text("name")
    mixture: Mapping[str, float] = quantities("fraction", "mass fraction by commodity", of="commodity", low=0.0)
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A bill-of-material line that export control cares about."""

    origin: str = text("state of origin, ISO 3166 alpha-3")
    regime: str = text("regime, such as ITAR, EAR, none")
    control_class: str = text("class within the regime, such as 9A515.x", "")
    share: float = quantity("fraction", "share of the asset's value", 0.0, low=0.0, high=1.0)
    direct_product: bool = flag("made with controlled technology (EAR 734.9 foreign direct product)", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """A launch vehicle, by what it can put where."""

    id: str
    title: str = text("name")
    operator: str = ref("partner", "who flies it")
    leo_kg: float = quantity("mass", "payload to a 200 km orbit of the launch site's latitude", 0.0, low=0.0)
    tli_kg: float = quantity("mass", "payload to a translunar injection (C3 about -1.8 km2/s2)", 0.0, low=0.0)
    escape_kg: float = quantity("mass", "payload to C3 = 10 km2/s2 (Mars)", 0.0, low=0.0)
    cost_eur: float = quantity("money", "price of one launch", low=0.0)
    rate_per_year: int = integer("launches a year that a campaign may take", 12, low=0)
    first_tdb_s: float = date("first date on which it can be used", 0.0)
    crewed: bool = flag("rated to carry people", False)
    sites: tuple[str, ...] = refs("ground_site", "where it flies from", ())
    bill: tuple[Part, ...] = tables(Part, "controlled content", ())
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Craft:
    """An element of a stack: stage, crew craft, cargo craft, lander, ascender, capsule, relay bus, kick stage."""

    id: str
    title: str = text("name")
    operator: str = ref("partner", "who builds or flies it")
    dry_kg: float = quantity("mass", "dry mass with residuals", low=0.0)
    propellant_kg: float = quantity("mass", "usable propellant when full", 0.0, low=0.0, key="propellant_mass")
    propellant: str = ref("propellant", "what it burns", "")
    isp_s: float = quantity("time", "vacuum specific impulse", 0.0, low=0.0, high=2000.0)
    thrust_n: float = quantity("force", "vacuum thrust of the main engines", 0.0, low=0.0)
    cargo_kg: float = quantity("mass", "cargo it can hold", 0.0, low=0.0)
    seats: int = integer("people it can carry", 0, low=0)
    endurance_s: float = quantity("time", "longest life in space with people or cargo aboard", 0.0, low=0.0)
    ports: tuple[str, ...] = words("docking ports, such as idss, apas, ssvp", ())
    reusable: bool = flag("may fly again from an orbit or a base", False)
    cost_eur: float = quantity("money", "price of one unit", 0.0, low=0.0)
    first_tdb_s: float = date("first date on which it can be used", 0.0)
    bill: tuple[Part, ...] = tables(Part, "controlled content", ())
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """Something that is delivered whole and then works at a place: habitat, power, plant, laboratory, rover, relay.

    Electric figures are means of the working unit; ``makes`` and ``takes`` are at full power.
    """

    id: str
    title: str = text("name")
    kind: str = choice(
        (
            "habitat",
            "solar",
            "fission",
            "battery",
            "life_support",
            "isru",
            "laboratory",
            "rover",
            "relay",
            "depot",
            "station",
            "payload",
        ),
        "what it does",
    )
    operator: str = ref("partner", "who builds it")
    mass_kg: float = quantity("mass", "mass delivered", low=0.0)
    crew: int = integer("people it houses or sustains", 0, low=0)
    volume_m3: float = quantity("volume", "pressurised volume", 0.0, low=0.0)
    source_w: float = quantity("power", "electric power it gives in full sun, or always for fission", 0.0, low=0.0)
    load_w: float = quantity("power", "electric power it takes when working", 0.0, low=0.0)
    standby_w: float = quantity("power", "electric power it takes to survive", 0.0, low=0.0)
    storage_j: float = quantity("energy", "usable electric energy stored", 0.0, low=0.0)
    storage_efficiency: float = quantity("fraction", "round-trip efficiency of storage", 0.9, low=0.01, high=1.0)
    process: str = choice(
        (
            "",
            "electrolysis",
            "sabatier",
            "water_recovery",
            "hydrogen_reduction",
            "molten_regolith",
            "carbothermal",
            "ice_mining",
        ),
        "for life support and ISRU: the process it runs",
        "",
    )
    makes_kg_s: Mapping[str, float] = quantities("mass_rate", "output at full power", {}, of="commodity", low=0.0)
    takes_kg_s: Mapping[str, float] = quantities("mass_rate", "input at full power", {}, of="commodity", low=0.0)
    holds_kg: Mapping[str, float] = quantities("mass", "storage capacity by commodity", {}, of="commodity", low=0.0)
    recovery: float = quantity(
        "fraction", "for water recovery: share of waste water returned", 0.0, low=0.0, high=1.0
    )
    leak_per_s: float = quantity("rate", "share of the cabin air lost, per time", 0.0, low=0.0)
    failure_per_s: float = quantity("rate", "failures of the unit, per time", 0.0, low=0.0)
    spare_kg: float = quantity("mass", "spares used to mend one failure", 0.0, low=0.0)
    repair_s: float = quantity("time", "time to mend one failure", 0.0, low=0.0)
    life_s: float = quantity("time", "design life", 0.0, low=0.0)
    cost_eur: float = quantity("money", "price of one unit", 0.0, low=0.0)
    bill: tuple[Part, ...] = tables(Part, "controlled content", ())
    ports: tuple[str, ...] = words("docking ports", ())
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A named place on the Moon with its published light."""

    id: str
    title: str = text("name")
    latitude_rad: float = quantity(
        "angle", "planetocentric latitude, ME frame", low=-1.5707963267948968, high=1.5707963267948968
    )
    longitude_rad: float = quantity(
        "angle", "east longitude, ME frame", low=-6.283185307179587, high=6.283185307179587
    )
    height_m: float = quantity("length", "height above the mean radius 1737.4 km", 0.0, low=-12_000.0, high=12_000.0)
    illumination: float = quantity("fraction", "share of the year with sunlight at the mast", 0.5, low=0.0, high=1.0)
    longest_night_s: float = quantity("time", "longest time without sunlight at the mast", 1_274_400.0, low=0.0)
    mast_m: float = quantity("length", "height above ground that the light figures are for", 2.0, low=0.0)
    earth_visible: float = quantity("fraction", "share of the time with the Earth in sight", 1.0, low=0.0, high=1.0)
    terrain: str = text(
        "terrain that gives its horizon instead of the light figures: a GeoTIFF, a PDS label, or 'synthetic:SEED'", ""
    )
    ice_fraction: float = quantity(
        "fraction",
        "water ice in the regolith nearby, by mass (a guess where marked low)",
        0.0,
        low=0.0,
        high=1.0,
    )
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundSite:
    """A launch site or a ground station on the Earth."""

    id: str
    title: str = text("name")
    kind: str = choice(("launch", "tracking", "recovery"), "what it is for")
    operator: str = ref("partner", "who runs it")
    state: str = text("state it stands in, ISO 3166 alpha-3")
    latitude_rad: float = quantity("angle", "geodetic latitude", low=-1.5707963267948968, high=1.5707963267948968)
    longitude_rad: float = quantity("angle", "east longitude", low=-6.283185307179587, high=6.283185307179587)
    dish_m: float = quantity("length", "diameter of the largest antenna", 0.0, low=0.0)
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metabolism:
    """A versioned set of human needs; sets are never mixed within a run."""

    id: str
    title: str = text("name")
    oxygen_kg_s: float = quantity("mass_rate", "oxygen used by one person", low=0.0)
    carbon_dioxide_kg_s: float = quantity("mass_rate", "carbon dioxide given off", low=0.0)
    food_dry_kg_s: float = quantity("mass_rate", "dry food eaten", low=0.0)
    water_in_kg_s: float = quantity("mass_rate", "water drunk and in food", low=0.0)
    urine_kg_s: float = quantity("mass_rate", "urine water", low=0.0)
    vapour_kg_s: float = quantity("mass_rate", "water vapour given off", low=0.0)
    faecal_water_kg_s: float = quantity("mass_rate", "water in faeces", low=0.0)
    hygiene_kg_s: float = quantity("mass_rate", "hygiene water, all of it recoverable", 0.0, low=0.0)
    heat_w: float = quantity("power", "metabolic heat", low=0.0)
    packaging: float = quantity("fraction", "packaging per mass of dry food", 0.0, low=0.0)
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A dated membership of a partner in an arrangement (ILRS, Artemis Accords, ESA, IGA)."""

    in_: str = text("the arrangement")
    since_tdb_s: float = date("since when")
    until_tdb_s: float = date("until when", 1e12)
    confidence: str = choice(("high", "medium", "low"), "how sure", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """An agency, company, university or laboratory."""

    id: str
    title: str = text("name")
    kind: str = choice(("agency", "company", "university", "laboratory", "state", "body"), "what it is")
    states: tuple[str, ...] = words("states it belongs to, ISO 3166 alpha-3")
    funds: str = text("whose money it spends by default, a funder id such as nasa", "")
    owned_by: tuple[str, ...] = words("owners or parent partners", ())
    members: tuple[str, ...] = refs("partner", "members, where it is made of partners", ())
    memberships: tuple[Membership, ...] = tables(Membership, "dated memberships", ())
    genuine_third_party: bool = flag("counts as a real third party to a collaboration", True)
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """From a date on, an agreement has a status."""

    status: str = choice(("proposed", "active", "suspended", "ended"), "the status from this date on")
    since_tdb_s: float = date("from when")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Something that gives a basis to act together."""

    id: str
    title: str = text("name")
    parties: tuple[str, ...] = refs("partner", "who is bound")
    scope: tuple[str, ...] = words("interaction kinds that it covers")
    assets: tuple[str, ...] = words("assets that it is limited to; empty for any", ())
    places: tuple[str, ...] = words(
        "where in space it applies; empty for anywhere", (), ("earth", "leo", "moon", "mars")
    )
    stages: tuple[str, ...] = words("stages of the matter that it covers, such as apply; empty for any", ())
    data: tuple[str, ...] = words(
        "classes of data that pass under it, where it covers the sharing of data; detailed-design must be named",
        ("interface-safety", "operations", "public-science"),
        ("interface-safety", "detailed-design", "operations", "public-science"),
    )
    multilateral: bool = flag("a real multilateral agreement", False)
    open_to_all: bool = flag("an open call: whoever applies is covered together with a named party", False)
    history: tuple[StatusChange, ...] = tables(StatusChange, "status by date, in order")
    lead_s: float = quantity("time", "time to bring it into force, where it is only proposed", 0.0, low=0.0)
    cost_eur: float = quantity("money", "cost to bring it into force", 0.0, low=0.0)
    citation: str = text("where it is written")
    confidence: str = choice(("high", "medium", "low"), "how sure", "high")
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)

    def status(self, epoch_tdb_s: float) -> str:
        """The status at an epoch (TDB seconds past J2000); "none" before the first entry."""
        current = "none"
        for change in self.history:
            if change.since_tdb_s <= epoch_tdb_s:
                current = change.status
        return current


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """How a bar may be lifted lawfully."""

    authority: str = text("who can grant it")
    lead_s: float = quantity("time", "time before it takes effect", low=0.0)
    cost_eur: float = quantity("money", "cost", 0.0, low=0.0)
    title: str = text("what it is called", "waiver")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One test of the closed vocabulary in :mod:`moonvillage.cooperation.predicates`."""

    test: str = text("the predicate's name")
    of: tuple[str, ...] = words("its arguments", ())
    not_: bool = flag("true to negate it", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """A rule row: statute, regulation, agreement term, policy or technical rule."""

    id: str
    title: str = text("name")
    layer: str = choice(("statute", "regulation", "agreement", "policy", "technical"), "its rank")
    effect: str = choice(("bar", "permit", "permit_if"), "what it does when its conditions hold")
    kinds: tuple[str, ...] = words("interaction kinds that it speaks about; empty for all", ())
    when: tuple[Condition, ...] = tables(Condition, "all must hold", ())
    unless: tuple[Condition, ...] = tables(Condition, "exceptions: any one lifts it", ())
    lifts: tuple[str, ...] = refs("law", "for permit: the bars that it lifts while its conditions hold", ())
    requires: str = text("for permit_if: what is needed, in words", "")
    waiver: Waiver | None = table(Waiver, "how it may be waived", None)
    valid_from_tdb_s: float = date("in force from")
    valid_to_tdb_s: float = date("in force until", 1e12)
    citation: str = text("where it is written")
    confidence: str = choice(("high", "medium", "low"), "how sure", "high")
    note: str = text("remark", "")
    provenance: Mapping[str, Provenance] = field(default_factory=dict)


#: kind → (class, file or scenario table name)
KINDS: dict[str, tuple[type, str]] = {
    "source": (Source, "sources"),
    "commodity": (Commodity, "commodities"),
    "propellant": (Propellant, "propellants"),
    "launcher": (Launcher, "launchers"),
    "craft": (Craft, "craft"),
    "module": (Module, "modules"),
    "site": (Site, "sites"),
    "ground_site": (GroundSite, "ground_sites"),
    "metabolism": (Metabolism, "metabolisms"),
    "partner": (Partner, "partners"),
    "agreement": (Agreement, "agreements"),
    "law": (Law, "laws"),
}
