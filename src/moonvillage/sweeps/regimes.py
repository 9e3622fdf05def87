"""Which missions may fly when, under a variant of the rules or with some of the partners: the key of a solve.

What a plan depends on of all laws and agreements is one table: mission × period → may it depart. Two variants with
the same table are the same question and are solved once. Each family of players (restrictions, grounds, partners) is
a function from subsets to such tables.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from moonvillage.catalog.model import Law
from moonvillage.cooperation import Interaction, Rulebook, decide, decide_mission
from moonvillage.pipeline.permissions import mission_interactions
from moonvillage.scenario.model import Mission, Scenario

#: mission → whether it may depart in each period
Flags = Mapping[str, tuple[bool, ...]]


@dataclass(frozen=True, slots=True)
class Player:
    """A rule, an agreement or a house of partners. ``members`` are the partners of a house."""

    id: str
    kind: str  # "rule", "agreement" or "partner"
    title: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Game:
    """Players of one kind, and what may fly when only some of them are there.

    ``flags`` maps a set of player ids to a table of flags; all else stands as the law says. ``active`` are the
    players whose presence changes that table for some set of others; the rest cost and save nothing, exactly.
    """

    name: str  # "restrictions", "grounds" or "partners"
    players: tuple[Player, ...]
    flags: Callable[[frozenset[str]], Flags]
    active: tuple[str, ...]


#: Rules that bear on one mission, up to which all their combinations are looked at to see which matter.
COMBINED: Final = 8


class Regimes:
    """The variants of one scenario's rules.

    Parameters
    ----------
    scenario
        Its missions' interactions are worked out once.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.book = Rulebook(scenario.of("partner"), scenario.agreements, scenario.laws)
        self.interactions: dict[str, tuple[Interaction, ...]] = {
            m.id: tuple(i for i, _ in mission_interactions(scenario, m, self.book))
            for m in scenario.missions.values()
        }
        header = scenario.header
        self.dates = [header.start_tdb_s + (k + 0.5) * header.step_s for k in range(scenario.periods)]
        self.involved = {m.id: involved(scenario, m, self.interactions[m.id]) for m in scenario.missions.values()}
        self.touching = {id_: self._touching(found) for id_, found in self.interactions.items()}
        met = sorted(set().union(*self.touching.values()))
        self.rules = tuple(id_ for id_ in met if id_ in self.book.laws)
        self.agreements = tuple(id_ for id_ in met if id_ in self.book.agreements)
        self._without: dict[tuple[str, frozenset[str]], tuple[bool, ...]] = {}

    def flags(self, book: Rulebook, *, waived: Collection[str] = (), barred: Collection[str] = ()) -> Flags:
        """What may fly under a rulebook, without the missions in ``barred``. Periods outside a mission's own dates
        are counted as not allowed, so that differences which cannot matter do not make two questions of one."""
        return {
            mission: tuple(
                mission not in barred
                and self._flies(mission, period)
                and (not found or decide_mission(found, book, date, waived=waived).permits)
                for period, date in enumerate(self.dates)
            )
            for mission, found in self.interactions.items()
        }

    def unrestricted(self, barred: Collection[str] = ()) -> Flags:
        """No rule bars anything, and everything has a basis."""
        return {
            mission: tuple(mission not in barred and self._flies(mission, k) for k in range(len(self.dates)))
            for mission in self.interactions
        }

    def _flies(self, mission: str, period: int) -> bool:
        entry, header = self.scenario.missions[mission], self.scenario.header
        begin = header.start_tdb_s + period * header.step_s
        return entry.last_tdb_s >= begin and entry.first_tdb_s <= begin + header.step_s

    def named(self) -> dict[str, Flags]:
        """The four regimes: as the law stands, certification granted, full cooperation, each alone.

        ``certified`` takes every waiver and licence that a rule of the scenario knows as held from the beginning
        (what it costs is not counted here: see :mod:`moonvillage.sweeps.remedying`). ``full`` has no rules at all.
        ``alone`` bars every mission that needs two houses of agencies.
        """
        waivable = [id_ for id_ in self.rules if self.book.laws[id_].waiver is not None]
        apart = [
            mission for mission, found in self.involved.items() if len({self.house_of(p) for p in found} - {""}) > 1
        ]
        return {
            "law": self.flags(self.book),
            "certified": self.flags(self.book, waived=waivable),
            "full": self.unrestricted(),
            "alone": self.flags(self.book, barred=apart),
        }

    # Players ------------------------------------------------------------------------------------------------

    def _touching(self, interactions: Iterable[Interaction]) -> frozenset[str]:
        """Laws and agreements that bear on some decision, also once others of them are gone."""
        met: set[str] = set()
        book = self.book
        while True:
            before = len(met)
            for interaction in interactions:
                for date in self.dates:
                    decision = decide(interaction, book, date)
                    met.update(hit.id for hit in decision.rules)
                    met.update(id_ for id_, _ in decision.agreements)
            if len(met) == before:
                return frozenset(met)
            # a rule that an agreement excepts shows only without it
            book = self.book.without(*(id_ for id_ in met if id_ in self.book.agreements))

    def without(self, gone: frozenset[str]) -> Flags:
        """What may fly without some laws and agreements; worked out once per mission and what bears on it."""
        return {
            mission: self._mission_without(mission, gone & self.touching[mission]) for mission in self.interactions
        }

    def _mission_without(self, mission: str, gone: frozenset[str]) -> tuple[bool, ...]:
        found = self._without.get((mission, gone))
        if found is None:
            book = self.book.without(*gone) if gone else self.book
            parts = self.interactions[mission]
            found = self._without[mission, gone] = tuple(
                self._flies(mission, period) and decide_mission(parts, book, date).permits
                for period, date in enumerate(self.dates)
            )
        return found

    def _active(self, players: Iterable[str]) -> tuple[str, ...]:
        """The players whose absence matters to some mission in some company."""
        among = frozenset(players)
        active: set[str] = set()
        for mission, touching in self.touching.items():
            here = sorted(among & touching)
            if len(here) > COMBINED:
                active |= set(here)
                continue
            for size in range(len(here)):
                for gone in itertools.combinations(here, size):
                    before = self._mission_without(mission, frozenset(gone))
                    active |= {
                        p
                        for p in here
                        if p not in gone
                        and p not in active
                        and self._mission_without(mission, frozenset({*gone, p})) != before
                    }
        return tuple(sorted(active))

    def house_of(self, partner: str) -> str:
        """The house of an agency, by its players' name; "" for companies and institutes, who deal with anyone."""
        for player in self.houses():
            if partner in player.members:
                return player.id
        return ""

    def houses(self) -> tuple[Player, ...]:
        """Agencies, states and bodies that take part, those of one house together."""
        partners = self.book.partners
        met = sorted({p for found in self.involved.values() for p in found})
        agencies = [p for p in met if partners[p].kind in ("agency", "state", "body")]
        groups: list[list[str]] = []
        for agency in agencies:
            for group in groups:
                if self.book.house((*group, agency)).houses == 1:
                    group.append(agency)
                    break
            else:
                groups.append([agency])
        return tuple(
            Player("+".join(g), "partner", " and ".join(partners[p].title for p in g), tuple(g)) for g in groups
        )

    def games(self) -> tuple[Game, ...]:
        """The three games. Restrictions are bars and conditions, under the agreements as they stand; grounds are
        agreements and permits, under the bars as they stand; partners act under both."""
        laws: Mapping[str, Law] = self.book.laws
        bars = [id_ for id_ in self.rules if laws[id_].effect != "permit"]
        permits = [id_ for id_ in self.rules if laws[id_].effect == "permit"]
        grounds = [*permits, *self.agreements]
        houses = self.houses()
        members = {h.id: set(h.members) for h in houses}
        agencies = {p for found in members.values() for p in found}

        def among(kept: frozenset[str]) -> Flags:
            here = {p for id_ in kept for p in members[id_]}
            return self.flags(self.book, barred=[m for m, who in self.involved.items() if (who & agencies) - here])

        return (
            Game(
                "restrictions",
                tuple(_rule(laws[id_]) for id_ in bars),
                lambda kept: self.without(frozenset(bars) - kept),
                self._active(bars),
            ),
            Game(
                "grounds",
                (
                    *(_rule(laws[id_]) for id_ in permits),
                    *(Player(id_, "agreement", self.book.agreements[id_].title) for id_ in self.agreements),
                ),
                lambda kept: self.without(frozenset(grounds) - kept),
                self._active(grounds),
            ),
            Game("partners", houses, among, tuple(h.id for h in houses)),
        )


def _rule(law: Law) -> Player:
    return Player(law.id, "rule", law.title)


def involved(scenario: Scenario, mission: Mission, interactions: Iterable[Interaction]) -> frozenset[str]:
    """Partners without whom a mission is not flown: its operator and partners, those who seat crew, the operators of
    its craft and launchers, and the parties and funders of its interactions."""
    found = {mission.operator, *mission.partners, *mission.seats}
    craft, launchers = scenario.of("craft"), scenario.of("launcher")
    for step in mission.steps:
        if step.do == "launch":
            found.add(launchers[step.on].operator)
            found |= {craft[c].operator for c in step.lifts}
        elif step.do == "take":
            found |= {craft[c].operator for c in step.craft}
    for interaction in interactions:
        found |= {*interaction.parties, *(interaction.funders or ())}
    known = scenario.of("partner")
    return frozenset(p for p in found if p in known)


def key_of(flags: Flags) -> str:
    """A short digest of a table of flags."""
    text = ";".join(f"{m}:" + "".join("01"[f] for f in row) for m, row in sorted(flags.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def laxer(one: Flags, other: Flags) -> bool:
    """Whether ``one`` allows all that ``other`` allows."""
    return all(a or not b for m, row in other.items() for a, b in zip(one[m], row, strict=True))
