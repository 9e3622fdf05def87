"""Everything that a report may say, in one value, with the names and colours that all its figures share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import polars as pl

from moonvillage.records.campaign import Campaign
from moonvillage.records.flights import Flights
from moonvillage.records.legs import LegTable
from moonvillage.records.outpost import OutpostLog
from moonvillage.reporting.formats import NONE, words
from moonvillage.scenario.model import Scenario

#: A row per sample that a flight brought home, with what became of it.
SAMPLE_COLUMNS: Final[Mapping[str, pl.DataType]] = {
    "flight": pl.String(),
    "owner": pl.String(),
    "custodian": pl.String(),
    "place": pl.String(),
    "collected_tdb_s": pl.Float64(),
    "returned_tdb_s": pl.Float64(),
    "mass_kg": pl.Float64(),
    "requests": pl.Int32(),
    "granted": pl.Int32(),
    "loans": pl.Int32(),
    "lent_kg": pl.Float64(),
}
#: Colours told apart with the common kinds of colour blindness (Okabe and Ito 2008, then darker neighbours).
COLOURS: Final = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#7a5195",
    "#8c6d31",
    "#4b7d86",
    "#a3333d",
)
#: Everyone after the tenth operator, and what belongs to nobody.
OTHER: Final = "#7c8791"
#: Low to high on the bat chart.
_RANKS: Final = {
    "ground": 0,
    "earth_orbit": 1,
    "free_return": 2,
    "halo": 3,
    "dro": 3,
    "moon_orbit": 4,
    "surface": 5,
    "planet": 6,
}


@dataclass(frozen=True, slots=True)
class Release:
    """What was released: to whom, on which day, what it rests on, and how much is withheld.

    ``withheld`` counts items by (class, reason); an item is a row or an entry of which something is withheld.
    ``under`` names agreements and laws by class. ``mark`` is the watermark, set when the release is recorded.
    """

    partner: str
    date_tdb_s: float
    withheld: tuple[tuple[str, str, int], ...] = ()
    under: tuple[tuple[str, tuple[str, ...]], ...] = ()
    mark: str = ""

    @property
    def items(self) -> int:
        """How many items are withheld."""
        return sum(count for _, _, count in self.withheld)


@dataclass(frozen=True, eq=False)
class Bundle:
    """One run, as records.

    ``flights.legs`` may be empty (it is not stored): the page reads the tables only. ``log`` and ``legs`` are None
    where that stage was not run. ``summary`` is what ``run --json`` prints; ``manifest`` is ``manifest.json``.
    ``samples`` has the columns :data:`SAMPLE_COLUMNS`. ``release`` is None for the owner of the run, who sees all.
    """

    scenario: Scenario
    campaign: Campaign
    flights: Flights
    log: OutpostLog | None = None
    legs: LegTable | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    samples: pl.DataFrame | None = None
    release: Release | None = None

    @property
    def status(self) -> str:
        """The outcome: the run's own word, else the plan's."""
        return str(self.summary.get("status") or self.campaign.status)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the answer is no, in sentences, each once."""
        return tuple(dict.fromkeys([*map(str, self.summary.get("reasons") or ()), *self.campaign.reasons]))

    @cached_property
    def operators(self) -> tuple[str, ...]:
        """Who flies something, in the order of the scenario; then whoever flew in the plan beside them."""
        found = [mission.operator for mission in self.scenario.missions.values()]
        found += self.campaign.table("flights")["operator"].to_list()
        return tuple(dict.fromkeys(found))

    @cached_property
    def colours(self) -> Mapping[str, str]:
        """The colour of each operator, the same in every figure."""
        return {id_: COLOURS[i] if i < len(COLOURS) else OTHER for i, id_ in enumerate(self.operators)}

    def colour(self, partner: str) -> str:
        """The colour of a partner."""
        return self.colours.get(partner, OTHER)

    @cached_property
    def places(self) -> tuple[str, ...]:
        """Places that the plan touches, from the Earth up."""
        touched = dict.fromkeys(self.scenario.place_specs)
        for table, columns in (("events", ("place",)), ("manifest", ("origin", "destination"))):
            for column in columns:
                touched.update(dict.fromkeys(self.campaign.table(table)[column].to_list()))
        order = [id_ for id_ in touched if id_ and ":" not in id_]
        return tuple(sorted(order, key=lambda id_: (self.rank(id_), order.index(id_))))

    def rank(self, place: str) -> int:
        """How far up a place is: ground, Earth orbit, halo, lunar orbit, surface, planet."""
        spec = self.scenario.place_specs.get(place)
        return _RANKS.get(spec.kind, 2) if spec is not None else (0 if place == "earth" else 2)

    def place(self, id_: str) -> str:
        """What a place is called."""
        if not id_:
            return NONE
        where, colon, craft = id_.partition(":")
        if colon:
            inside = self.title("craft", craft) if craft else "tanks"
            return f"{inside[:1].upper()}{inside[1:]} at {self.place(where)}"
        spec = self.scenario.place_specs.get(id_)
        if spec is not None and spec.title:
            return spec.title
        return {"leo": "LEO", "llo": "LLO", "nrho": "NRHO"}.get(id_, words(id_).capitalize())

    def title(self, kind: str, id_: str) -> str:
        """What a catalog entry is called."""
        entry = self.scenario.of(kind).get(id_)
        return str(getattr(entry, "title", "") or words(id_))

    def partner(self, id_: str) -> str:
        """What a partner is called."""
        entry = self.scenario.of("partner").get(id_)
        if entry is not None:
            return str(entry.title)
        return id_.upper() if len(id_) <= 5 else words(id_).capitalize()

    def mission(self, id_: str) -> str:
        """What a mission is called."""
        entry = self.scenario.missions.get(id_)
        return entry.title if entry is not None else words(id_)

    def known(self, id_: str) -> str:
        """The title of a commodity or module, or the text as it stands."""
        return next((self.title(k, id_) for k in ("commodity", "module") if id_ in self.scenario.of(k)), id_)

    def cargo(self, id_: str) -> str:
        """What a commodity or module is called."""
        for kind in ("commodity", "module"):
            if id_ in self.scenario.of(kind):
                return self.title(kind, id_)
        return words(id_)
