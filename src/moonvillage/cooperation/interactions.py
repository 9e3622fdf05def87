"""What partners do together: one interaction, as a value with every fact that a rule may ask for.

A fact that is not known is ``None``; an empty tuple says that there is none. The difference matters: an unknown
fact can make a decision ``unknown``, never ``allowed``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from moonvillage.catalog import Catalog, Craft, Launcher, Module, Part

#: The closed list of interaction kinds, with what each means.
INTERACTION_KINDS: Final[Mapping[str, str]] = {
    "fly_crew": "people of one partner fly in another's craft or live at another's place",
    "dock": "craft or modules of different owners are joined",
    "host_instrument": "one partner's instrument or payload flies on another's craft",
    "share_data": "data pass between partners",
    "buy_service": "one partner buys a service of another",
    "receive_sample": "one partner asks for, or works on, another's samples",
    "co_author": "people of different partners publish together",
    "host_visit": "people of one partner visit another's facility",
    "track": "one partner's ground station supports another's craft",
    "deliver_cargo": "one partner's goods are carried by another, or to another's place",
    "launch": "one partner's craft flies on another's launcher",
    "crew_exchange": "partners train together, or swap crew members",
    "export_hardware": "a part or a craft is handed to another partner for good",
}

#: Facts that a rule may ask for by name: (meaning, value where nothing is said). ``None`` is unknown;
#: ``False`` stands for papers that nobody holds unless they are claimed.
FACTS: Final[Mapping[str, tuple[str, bool | None]]] = {
    "commercial": ("a purchase of a commercial item or service", None),
    "technology_flow": ("controlled technology passes to the other party", None),
    "chinese_nationals": ("the people who need access are Chinese nationals", None),
    "official_capacity": ("the visitors come in an official capacity", None),
    "mtcr_category_1": ("the goods are of MTCR category I", None),
    "licensed": ("the export licences or technical assistance agreements are held", False),
    "request_approved": ("the owner of the samples has approved this request", False),
}

DATA_CLASSES: Final = ("interface-safety", "detailed-design", "operations", "public-science")
#: Regions of space that agreements and rules may be limited to.
PLACES: Final = ("earth", "leo", "moon", "mars")


@dataclass(frozen=True, slots=True)
class Interaction:
    """One thing that partners do together.

    Parameters
    ----------
    kind
        A key of :data:`INTERACTION_KINDS`.
    parties
        Partner ids of those who act, by affiliation.
    funders
        Partner ids of those whose money pays for it; ``None`` if not known.
    assets
        Ids of what is used (craft, modules, a station's name); agreements may be limited to some.
    bill
        Controlled content that travels with the asset; ``None`` if not known, ``()`` if there is none.
    destinations
        States (ISO 3166 alpha-3) in which the asset will physically be, the launch site's included.
    venue_owner
        Partner id of the owner of the craft, place or facility where it happens; ``""`` if there is no such owner.
    basis
        Agreement ids on which the parties rely; ``()`` for whatever fits.
    data_class
        One of :data:`DATA_CLASSES` for shared data.
    place
        Where in space it happens: "earth", "leo", "moon" or "mars"; ``""`` if not said.
    stage
        Where a matter has stages ("apply", "research" for samples): which one.
    ports
        Docking ports of each of the craft to be joined; ``()`` where nothing docks by a port.
    facts
        Answers to :data:`FACTS`.
    """

    kind: str
    parties: tuple[str, ...]
    funders: tuple[str, ...] | None = None
    assets: tuple[str, ...] | None = ()
    bill: tuple[Part, ...] | None = None
    destinations: tuple[str, ...] | None = None
    venue_owner: str | None = ""
    basis: tuple[str, ...] = ()
    place: str | None = ""
    data_class: str | None = ""
    stage: str | None = ""
    ports: tuple[tuple[str, ...], ...] | None = None
    facts: Mapping[str, bool | None] = field(default_factory=dict)
    label: str = ""

    def __post_init__(self) -> None:
        if self.kind not in INTERACTION_KINDS:
            raise ValueError(f"{self.kind!r} is no interaction kind; use one of {', '.join(INTERACTION_KINDS)}")
        unknown = set(self.facts) - set(FACTS)
        if unknown:
            raise ValueError(f"{sorted(unknown)} are no facts; use some of {', '.join(FACTS)}")
        if self.data_class and self.data_class not in DATA_CLASSES:
            raise ValueError(f"{self.data_class!r} is no data class; use one of {', '.join(DATA_CLASSES)}")
        if self.place and self.place not in PLACES:
            raise ValueError(f"{self.place!r} is no place; use one of {', '.join(PLACES)}")

    def fact(self, name: str) -> bool | None:
        """The answer to a fact, or what holds where nothing is said."""
        value = self.facts.get(name)
        return FACTS[name][1] if value is None else value

    def __str__(self) -> str:
        return self.label or f"{self.kind.replace('_', ' ')} of {', '.join(self.parties)}"


def bill_of(catalog: Catalog, assets: Iterable[str]) -> tuple[Part, ...]:
    """The controlled content of catalog assets (launchers, craft, modules) taken together, in their order.

    Raises
    ------
    KeyError
        If an id is none of these.
    """
    parts: list[Part] = []
    for asset in assets:
        for cls in (Launcher, Craft, Module):
            kind = {Launcher: "launcher", Craft: "craft", Module: "module"}[cls]
            if asset in catalog.of(kind):
                parts.extend(catalog.of(kind)[asset].bill)
                break
        else:
            raise KeyError(f"{asset!r} is no launcher, craft or module of the catalog")
    return tuple(parts)
