"""The rulebook: partners, agreements and laws in force, compiled once so that a decision takes microseconds.

A rulebook is a value. Its variants (:meth:`Rulebook.without`, :meth:`Rulebook.with_status`, ...) are new rulebooks,
so that what a rule or an agreement is worth is the difference of two runs of the same functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from moonvillage.catalog import Agreement, Catalog, Law, Partner, StatusChange
from moonvillage.catalog.reader import did_you_mean
from moonvillage.cooperation.interactions import INTERACTION_KINDS, Interaction
from moonvillage.cooperation.predicates import PREDICATES, Test, Truth, compile_test, complaint, phrase
from moonvillage.errors import InputError, Problem

#: Agreements of these partners also cover institutions of their states.
_SPEAKS_FOR_STATES = ("agency", "state", "body")
_ALWAYS = -1e300


@dataclass(frozen=True, slots=True)
class Rule:
    """A law with its tests compiled."""

    law: Law
    when: tuple[Test, ...]
    unless: tuple[Test, ...]
    when_parties: tuple[Test, ...]  # those of "when" that depend on the parties alone
    advice: tuple[str, ...]  # what would take it away, in sentences


@dataclass(frozen=True, slots=True)
class Pact:
    """An agreement with what coverage needs looked up."""

    agreement: Agreement
    parties: frozenset[str]
    states: tuple[tuple[str, frozenset[str]], ...]  # of each party that speaks for its states
    since: Mapping[str, tuple[tuple[float, float], ...]]  # of parties whose membership is dated
    assets: frozenset[str]
    stages: frozenset[str]
    places: frozenset[str]

    def bound(self, party: str, date_tdb_s: float) -> bool:
        """Whether a party named in the agreement is a member on a date."""
        spans = self.since.get(party)
        return spans is None or any(start <= date_tdb_s < end for start, end in spans)


@dataclass(frozen=True, slots=True)
class House:
    """What a set of participants is: their ids with owners, their states, each one's, and how many houses."""

    ids: frozenset[str]
    states: frozenset[str]
    each: tuple[tuple[frozenset[str], bool], ...]
    houses: int


class Rulebook:
    """Partners, agreements and laws that decisions are taken under.

    Parameters
    ----------
    partners, agreements, laws
        By id.
    waivers
        Law id → date (TDB seconds past J2000) from which a waiver of it is held.

    Raises
    ------
    InputError
        If a law or an agreement names an unknown test, fact, interaction kind or partner.
    """

    def __init__(
        self,
        partners: Mapping[str, Partner],
        agreements: Mapping[str, Agreement],
        laws: Mapping[str, Law],
        waivers: Mapping[str, float] | None = None,
    ) -> None:
        self.partners = MappingProxyType(dict(partners))
        self.agreements = MappingProxyType(dict(agreements))
        self.laws = MappingProxyType(dict(laws))
        self.waivers = MappingProxyType(dict(waivers or {}))
        problems = list(_problems(self.partners, self.agreements, self.laws))
        if problems:
            raise InputError(problems)
        self._owners = {id_: self._closure(id_) for id_ in self.partners}
        self._states = {id_: self._states_of(id_) for id_ in self.partners}
        self._houses: dict[tuple[str, ...], House] = {}
        self._relevant: dict[tuple[str, tuple[str, ...]], tuple[Rule, ...]] = {}
        self._candidates: dict[tuple[str, tuple[str, ...]], tuple[Pact, ...]] = {}
        rules = [
            Rule(
                law,
                tuple(compile_test(c) for c in law.when),
                tuple(compile_test(c) for c in law.unless),
                tuple(compile_test(c) for c in law.when if PREDICATES[c.test].parties_only),
                tuple(_advice(law)),
            )
            for law in self.laws.values()
        ]
        self.rules: Mapping[str, tuple[Rule, ...]] = {
            kind: tuple(rule for rule in rules if not rule.law.kinds or kind in rule.law.kinds)
            for kind in INTERACTION_KINDS
        }
        pacts = [self._pact(agreement) for agreement in self.agreements.values()]
        self.pacts: Mapping[str, tuple[Pact, ...]] = {
            kind: tuple(pact for pact in pacts if kind in pact.agreement.scope) for kind in INTERACTION_KINDS
        }

    @classmethod
    def from_catalog(
        cls,
        catalog: Catalog,
        *,
        partners: Mapping[str, Partner] | None = None,
        agreements: Mapping[str, Agreement] | None = None,
        laws: Mapping[str, Law] | None = None,
    ) -> Rulebook:
        """The catalog's rules with a scenario's own added; an id given again replaces the catalog's."""
        return cls(
            {**catalog.of("partner"), **(partners or {})},
            {**catalog.of("agreement"), **(agreements or {})},
            {**catalog.of("law"), **(laws or {})},
        )

    def __repr__(self) -> str:
        return (
            f"Rulebook({len(self.partners)} partners, {len(self.agreements)} agreements, {len(self.laws)} laws, "
            f"{len(self.waivers)} waivers)"
        )

    # Variants -----------------------------------------------------------------------------------------------

    def without(self, *ids: str) -> Rulebook:
        """The rulebook without some laws or agreements. Raises KeyError for an id that is neither."""
        self._known(ids)
        gone = set(ids)
        return Rulebook(
            self.partners,
            {k: v for k, v in self.agreements.items() if k not in gone},
            {k: v for k, v in self.laws.items() if k not in gone},
            {k: v for k, v in self.waivers.items() if k not in gone},
        )

    def only(self, ids: Iterable[str]) -> Rulebook:
        """The rulebook with no laws and agreements but these."""
        kept = set(ids)
        self._known(kept)
        return self.without(*(set(self.laws) | set(self.agreements)) - kept)

    def with_law(self, law: Law) -> Rulebook:
        """The rulebook with a law added (or replaced)."""
        return Rulebook(self.partners, self.agreements, {**self.laws, law.id: law}, self.waivers)

    def with_agreement(self, agreement: Agreement) -> Rulebook:
        """The rulebook with an agreement added (or replaced)."""
        return Rulebook(self.partners, {**self.agreements, agreement.id: agreement}, self.laws, self.waivers)

    def with_status(self, agreement: str, status: str, since_tdb_s: float = _ALWAYS) -> Rulebook:
        """The rulebook in which an agreement has a status from a date on, whatever came later in its history."""
        self._known((agreement,))
        old = self.agreements[agreement]
        history = (
            *(change for change in old.history if change.since_tdb_s < since_tdb_s),
            StatusChange(status=status, since_tdb_s=since_tdb_s),
        )
        return self.with_agreement(replace(old, history=history))

    def with_waiver(self, law: str, since_tdb_s: float = _ALWAYS) -> Rulebook:
        """The rulebook in which a waiver of a law is held from a date on."""
        if law not in self.laws:
            raise KeyError(f"no law {law!r}: {did_you_mean(law, self.laws)}")
        return Rulebook(self.partners, self.agreements, self.laws, {**self.waivers, law: since_tdb_s})

    def _known(self, ids: Iterable[str]) -> None:
        for id_ in ids:
            if id_ not in self.laws and id_ not in self.agreements:
                known = [*self.laws, *self.agreements]
                raise KeyError(f"no law or agreement {id_!r}: {did_you_mean(id_, known)}")

    # Looking up ---------------------------------------------------------------------------------------------

    def funders_of(self, parties: Iterable[str]) -> tuple[str, ...]:
        """Who pays for these partners by default, in order and once each."""
        found: dict[str, None] = {}
        for party in parties:
            self._partner(party)
            found[self.partners[party].funds or party] = None
        return tuple(found)

    def states_of(self, partner: str) -> frozenset[str]:
        """States of a partner and of its owners."""
        self._partner(partner)
        return self._states[partner]

    def owners_of(self, partner: str) -> frozenset[str]:
        """A partner and its owners, transitively."""
        self._partner(partner)
        return self._owners[partner]

    def house(self, partners: tuple[str, ...]) -> House:
        """What these participants are together; remembered per tuple."""
        found = self._houses.get(partners)
        if found is None:
            for partner in partners:
                self._partner(partner)
            found = House(
                ids=frozenset().union(*(self._owners[p] for p in partners)),
                states=frozenset().union(*(self._states[p] for p in partners)),
                each=tuple((self._states[p], self.partners[p].genuine_third_party) for p in partners),
                houses=self._count(partners),
            )
            self._houses[partners] = found
        return found

    def _partner(self, id_: str) -> None:
        if id_ not in self.partners:
            raise InputError.one(
                "is not a known partner", did_you_mean(id_, self.partners), field="parties", value=id_
            )

    def _closure(self, id_: str) -> frozenset[str]:
        found: set[str] = set()
        todo = [id_]
        while todo:
            current = todo.pop()
            if current not in found:
                found.add(current)
                if current in self.partners:
                    todo.extend(self.partners[current].owned_by)
        return frozenset(found)

    def _states_of(self, id_: str) -> frozenset[str]:
        states: set[str] = set()
        for owner in self._owners[id_]:
            if owner in self.partners:
                states.update(self.partners[owner].states)
            elif len(owner) == 3 and owner.isupper():  # an owner given as a state
                states.add(owner)
        return frozenset(states)

    def _count(self, partners: Sequence[str]) -> int:
        """How many houses: partners linked by an owner or a state, directly or through another of them."""
        groups: list[set[str]] = []
        for partner in partners:
            marks = {*self._owners[partner], *(f"@{state}" for state in self._states[partner])}
            apart = []
            for group in groups:
                if group.isdisjoint(marks):
                    apart.append(group)
                else:
                    marks |= group
            groups = [*apart, marks]
        return len(groups)

    def _pact(self, agreement: Agreement) -> Pact:
        speakers = [p for p in agreement.parties if self.partners[p].kind in _SPEAKS_FOR_STATES]
        return Pact(
            agreement=agreement,
            parties=frozenset(agreement.parties),
            states=tuple((p, self._states[p]) for p in speakers),
            since={
                p: spans
                for p in agreement.parties
                if (
                    spans := tuple(
                        (m.since_tdb_s, m.until_tdb_s) for m in self.partners[p].memberships if m.in_ == agreement.id
                    )
                )
            },
            assets=frozenset(agreement.assets),
            stages=frozenset(agreement.stages),
            places=frozenset(agreement.places),
        )

    def relevant(self, kind: str, parties: tuple[str, ...]) -> tuple[Rule, ...]:
        """Rules that can concern these parties in this kind of interaction; remembered per question."""
        key = (kind, parties)
        found = self._relevant.get(key)
        if found is None:
            glance = Glance(self, Interaction(kind, parties), 0.0)
            found = tuple(r for r in self.rules[kind] if all(test(glance) for test in r.when_parties))
            self._relevant[key] = found
        return found

    def candidates(self, kind: str, participants: tuple[str, ...]) -> tuple[Pact, ...]:
        """Agreements whose scope and parties cover these participants on some date; remembered per question."""
        key = (kind, participants)
        found = self._candidates.get(key)
        if found is None:
            found = tuple(pact for pact in self.pacts[kind] if self.binds(pact, participants, None))
            self._candidates[key] = found
        return found

    def binds(self, pact: Pact, participants: tuple[str, ...], date_tdb_s: float | None) -> bool:
        """Whether an agreement's parties cover these participants on a date (``None``: on any date).

        A participant is covered if it, or an owner of it, is a party (a member on the date, where memberships are
        dated), or if all its states are states of one party that is an agency, a state or a body. The participants
        must stand on two sides of it at least: what one party does at home is no matter of the agreement. Under an
        open call others are covered together with a party.
        """
        sides: set[str] = set()
        outsiders = 0
        for partner in participants:
            states = self._states[partner]
            speakers = {*(pact.parties & self._owners[partner])}
            if states:
                speakers.update(party for party, spoken in pact.states if states <= spoken)
            met = {p for p in speakers if date_tdb_s is None or pact.bound(p, date_tdb_s)}
            if met:
                sides |= met
            elif pact.agreement.open_to_all:
                outsiders += 1
            else:
                return False
        return bool(sides) and len(sides) + outsiders >= 2

    def covers(self, pact: Pact, interaction: Interaction, participants: tuple[str, ...], date_tdb_s: float) -> Truth:
        """Whether a candidate's terms, apart from its status, cover an interaction (None: a fact is missing)."""
        if pact.since and not self.binds(pact, participants, date_tdb_s):
            return False
        result: Truth = True
        if pact.assets:
            if interaction.assets is None:
                result = None
            elif pact.assets.isdisjoint(interaction.assets):
                return False
        if pact.places:
            if not interaction.place:
                result = None
            elif interaction.place not in pact.places:
                return False
        if pact.stages:
            if interaction.stage is None or (interaction.stage == "" and interaction.kind == "receive_sample"):
                result = None
            elif interaction.stage not in pact.stages:
                return False
        return result


class Glance:
    """One interaction on one date, as the tests see it (:class:`~moonvillage.cooperation.predicates.View`).

    What is dear is worked out once, when first asked for.
    """

    __slots__ = (
        "_covering",
        "_multilateral",
        "_reach",
        "book",
        "date_tdb_s",
        "each",
        "interaction",
        "missing",
        "participants",
        "party_ids",
        "party_states",
    )

    def __init__(self, book: Rulebook, interaction: Interaction, date_tdb_s: float) -> None:
        self.book = book
        self.interaction = interaction
        self.date_tdb_s = date_tdb_s
        self.missing: dict[str, None] = {}
        parties, venue = interaction.parties, interaction.venue_owner
        house = book.house(parties)
        self.party_ids = house.ids
        self.party_states = house.states
        self.each = house.each
        self.participants = parties if not venue or venue in parties else (*parties, venue)
        self._reach: frozenset[str] | None = None
        self._covering: tuple[tuple[Agreement, str, Truth], ...] | None = None
        self._multilateral: tuple[Truth] | None = None

    @property
    def funder_ids(self) -> frozenset[str] | None:
        """Funders with their owners; None if not known."""
        funders = self.interaction.funders
        return None if funders is None else self.book.house(funders).ids

    @property
    def venue_ids(self) -> frozenset[str] | None:
        """The venue's owner with its owners; None if not known."""
        venue = self.interaction.venue_owner
        if venue is None:
            return None
        return self.book.owners_of(venue) if venue else frozenset()

    @property
    def reach(self) -> frozenset[str]:
        """States known to be reached."""
        if self._reach is None:
            known = frozenset(self.interaction.destinations or ())
            venue = self.interaction.venue_owner
            self._reach = known | self.book.states_of(venue) if venue else known
        return self._reach

    @property
    def covering(self) -> tuple[tuple[Agreement, str, Truth], ...]:
        """Agreements that cover the interaction or may: with the status on the date, and whether they do."""
        if self._covering is None:
            interaction, date = self.interaction, self.date_tdb_s
            claimed = interaction.basis
            found = []
            for pact in self.book.candidates(interaction.kind, self.participants):
                agreement = pact.agreement
                if claimed and agreement.id not in claimed:
                    continue
                covers = self.book.covers(pact, interaction, self.participants, date)
                if covers is not False:
                    found.append((agreement, agreement.status(date), covers))
            self._covering = tuple(found)
        return self._covering

    @property
    def multilateral(self) -> Truth:
        """Whether a real multilateral agreement in force covers it."""
        if self._multilateral is None:
            result: Truth = False
            for agreement, status, covers in self.covering:
                if agreement.multilateral and status == "active":
                    if covers:
                        result = True
                        break
                    result = None
            self._multilateral = (result,)
        return self._multilateral[0]


def _advice(law: Law) -> Iterable[str]:
    if law.effect == "permit_if":
        yield f"{law.id}: obtain {law.requires or law.title}"
    if law.effect != "bar":
        return
    if law.waiver is not None:
        days = law.waiver.lead_s / 86400.0
        yield f"{law.id}: {law.waiver.title} by {law.waiver.authority}, {days:.0f} days ahead"
    for condition in law.unless:
        yield f"{law.id}: excepted if {phrase(condition)}"
    for condition in law.when:
        if condition.test == "bilateral":
            yield f"{law.id}: a genuine party of a third country takes it out of 'bilateral'"
        if condition.test in ("content", "direct_product", "content_share_over"):
            yield f"{law.id}: an asset without such content"


def _problems(
    partners: Mapping[str, Partner], agreements: Mapping[str, Agreement], laws: Mapping[str, Law]
) -> Iterable[Problem]:
    for id_, law in laws.items():
        for name, conditions in (("when", law.when), ("unless", law.unless)):
            for number, condition in enumerate(conditions, 1):
                wrong = complaint(condition)
                if wrong:
                    message, _, remedy = wrong.partition("; ")
                    where = f"laws.{id_}.{name}[{number}]"
                    yield Problem("", None, where, condition.test, message, remedy or "mend its arguments")
        for kind in law.kinds:
            if kind not in INTERACTION_KINDS:
                yield _unknown_kind(f"laws.{id_}.kinds", kind)
    for id_, agreement in agreements.items():
        for kind in agreement.scope:
            if kind not in INTERACTION_KINDS:
                yield _unknown_kind(f"agreements.{id_}.scope", kind)
        for party in agreement.parties:
            if party not in partners:
                yield Problem(
                    "",
                    None,
                    f"agreements.{id_}.parties",
                    party,
                    "is not a known partner",
                    did_you_mean(party, partners),
                )


def _unknown_kind(where: str, kind: str) -> Problem:
    return Problem("", None, where, kind, "is not a known interaction kind", did_you_mean(kind, INTERACTION_KINDS))
