"""Decisions: may these parties do this on this date, under which rules, and what would change the answer.

Precedence: a live bar wins unless it is excepted, lifted by a permit or waived. Otherwise a basis is needed: an
agreement in force that covers the parties and the matter, a permit, or that it is the parties' own activity. A
condition that is not met makes it conditional. A missing fact that could matter makes it unknown, never allowed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from moonvillage.catalog import Law
from moonvillage.cooperation.interactions import Interaction
from moonvillage.cooperation.predicates import Truth, every, some
from moonvillage.cooperation.rulebook import Glance, Rule, Rulebook

ANSWERS: Final = ("allowed", "conditional", "unknown", "no_basis", "suspended", "barred")
_RANK: Final[Mapping[str, int]] = {answer: rank for rank, answer in enumerate(ANSWERS)}
_OWN: Final = "own activity"


@dataclass(frozen=True, slots=True)
class RuleHit:
    """A rule that bears on the answer.

    ``effect``: "bar", "permit", "permit_if" as the rule acts; "waived" or "lifted" for a bar that a waiver or a
    permit takes away; "bar?" or "permit_if?" where a missing fact leaves it open.
    """

    id: str
    citation: str
    effect: str
    title: str = ""
    requires: str = ""


@dataclass(frozen=True, slots=True)
class WaiverNeed:
    """A waiver (or licence) that would take away a rule that stands in the way."""

    rule: str
    title: str
    authority: str
    lead_s: float
    cost_eur: float


@dataclass(frozen=True, slots=True)
class Opening:
    """An agreement that covers the matter but is not in force, and what it takes to bring it into force."""

    agreement: str
    status: str
    lead_s: float
    cost_eur: float


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer with its reasons. ``missing`` names the facts without which it is unknown."""

    answer: str
    rules: tuple[RuleHit, ...] = ()
    agreements: tuple[tuple[str, str], ...] = ()
    would_change: tuple[str, ...] = ()
    waivers: tuple[WaiverNeed, ...] = ()
    openings: tuple[Opening, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def permits(self) -> bool:
        """Whether it may be done: allowed, or allowed on a condition that papers can meet."""
        return self.answer in ("allowed", "conditional")

    @property
    def why(self) -> str:
        """The reasons in one sentence, each with its citation."""
        bars = [f"{hit.title or hit.id} [{hit.citation}]" for hit in self.rules if hit.effect == "bar"]
        if self.answer == "barred":
            return "barred by " + "; ".join(bars)
        if self.answer == "unknown":
            return (
                "unknown: " + ", ".join(self.missing) + (" is" if len(self.missing) == 1 else " are") + " not stated"
            )
        if self.answer == "suspended":
            return "the agreement is suspended: " + ", ".join(i for i, s in self.agreements if s == "suspended")
        if self.answer == "no_basis":
            return "nothing bars it, but no agreement in force covers it"
        grounds = [i for i, s in self.agreements if s == "active"]
        grounds += [hit.title or hit.id for hit in self.rules if hit.effect == "permit"]
        text = "allowed under " + ", ".join(grounds) if grounds else f"allowed as {_OWN}"
        needs = [f"{hit.requires or hit.title} [{hit.citation}]" for hit in self.rules if hit.effect == "permit_if"]
        return text + (", with " + "; ".join(needs) if needs else "")


@dataclass(frozen=True, slots=True)
class MissionDecision:
    """The worst answer of several interactions, with all decisions in their order."""

    answer: str
    decisions: tuple[tuple[Interaction, Decision], ...]

    @property
    def permits(self) -> bool:
        """Whether all of it may be done."""
        return self.answer in ("allowed", "conditional")

    @property
    def rules(self) -> tuple[RuleHit, ...]:
        """Every rule hit, once."""
        return tuple(dict.fromkeys(hit for _, decision in self.decisions for hit in decision.rules))

    @property
    def agreements(self) -> tuple[tuple[str, str], ...]:
        """Every agreement met with its status, once."""
        return tuple(dict.fromkeys(pair for _, decision in self.decisions for pair in decision.agreements))

    @property
    def waivers(self) -> tuple[WaiverNeed, ...]:
        """Every waiver needed, once."""
        return tuple(dict.fromkeys(need for _, decision in self.decisions for need in decision.waivers))

    @property
    def openings(self) -> tuple[Opening, ...]:
        """Every agreement that would open a way, once."""
        return tuple(dict.fromkeys(way for _, decision in self.decisions for way in decision.openings))

    @property
    def why(self) -> str:
        """The reasons of the worst decisions."""
        worst = [(i, d) for i, d in self.decisions if d.answer == self.answer]
        return "; ".join(dict.fromkeys(f"{interaction}: {decision.why}" for interaction, decision in worst))


@dataclass(frozen=True, slots=True)
class Remedy:
    """A smallest set of papers after which the interaction may be done: verified by deciding again."""

    waivers: tuple[str, ...]
    agreement: str  # "" where none is needed
    lead_s: float
    cost_eur: float


def _fires(rule: Rule, glance: Glance) -> tuple[Truth, dict[str, None]]:
    """Whether a rule holds, and the facts that were missing if that is not known."""
    glance.missing = {}
    value = every(rule.when, glance)
    if value is False or not rule.unless:
        return value, glance.missing
    excepted = some(rule.unless, glance)
    if excepted is True:
        return False, glance.missing
    return (None if excepted is None else value), glance.missing


@lru_cache(maxsize=8192)
def _made(id_: str, citation: str, effect: str, title: str, requires: str) -> RuleHit:
    """Hits are values: one of each is enough."""
    return RuleHit(id_, citation, effect, title, requires)


def _hit(law: Law, effect: str) -> RuleHit:
    return _made(law.id, law.citation, effect, law.title, law.requires)


def decide(
    interaction: Interaction,
    rulebook: Rulebook,
    date_tdb_s: float | None,
    *,
    waived: Collection[str] = (),
) -> Decision:
    """May these parties do this on this date?

    Parameters
    ----------
    interaction
        What is to be done, by whom, with whose money and things.
    rulebook
        The rules that hold.
    date_tdb_s
        When, TDB seconds past J2000; ``None`` if not known (the answer is then ``unknown``).
    waived
        Ids of rules whose waiver or licence is taken as held, besides the rulebook's own.

    Raises
    ------
    InputError
        If a party, funder or venue owner is not in the rulebook. (A claimed basis that is not there gives none:
        a variant of the rulebook may have taken it out.)
    """
    if date_tdb_s is None or not interaction.parties:
        first = "date" if date_tdb_s is None else "parties"
        return Decision("unknown", missing=(first,), would_change=(f"state the {first}",))
    glance = Glance(rulebook, interaction, date_tdb_s)

    permits: list[tuple[Rule, Truth, dict[str, None]]] = []
    others: list[tuple[Rule, Truth, dict[str, None]]] = []
    for rule in rulebook.relevant(interaction.kind, interaction.parties):
        law = rule.law
        if not law.valid_from_tdb_s <= date_tdb_s < law.valid_to_tdb_s:
            continue
        value, missing = _fires(rule, glance)
        if value is not False:
            (permits if law.effect == "permit" else others).append((rule, value, missing))

    lifted: dict[str, Truth] = {}
    for rule, value, _ in permits:
        for id_ in rule.law.lifts:
            lifted[id_] = True if value or lifted.get(id_) else None

    hits: list[RuleHit] = []
    bars: list[Rule] = []
    conditions: list[Rule] = []
    open_bars: dict[str, None] = {}
    open_conditions: dict[str, None] = {}
    for rule, value, missing in others:
        law = rule.law
        if law.id in waived or rulebook.waivers.get(law.id, 1e300) <= date_tdb_s:
            if value:
                hits.append(_hit(law, "waived"))
            continue
        bar = law.effect == "bar"
        if bar and lifted.get(law.id, False) is not False:
            if lifted[law.id]:
                if value:
                    hits.append(_hit(law, "lifted"))
                continue
            value = None
            for permit, _, unclear in permits:
                if law.id in permit.law.lifts:
                    missing = {**missing, **unclear}
        if value:
            (bars if bar else conditions).append(rule)
            hits.append(_hit(law, law.effect))
        else:
            (open_bars if bar else open_conditions).update(missing or {"facts": None})
            hits.append(_hit(law, law.effect + "?"))

    basis, lacking, ground = _basis(glance, permits)
    hits += [_hit(rule.law, "permit") for rule, value, _ in permits if value]
    agreements = tuple((agreement.id, status) for agreement, status, covers in glance.covering if covers)
    openings = (
        tuple(
            Opening(agreement.id, status, agreement.lead_s, agreement.cost_eur)
            for agreement, status, covers in glance.covering
            if covers and status != "active"
        )
        if basis is False
        else ()
    )

    missed: tuple[str, ...] = ()
    if bars:
        answer = "barred"
    elif open_bars:
        answer, missed = "unknown", tuple(open_bars)
    elif basis is None:
        answer, missed = "unknown", tuple(lacking)
    elif basis is False:
        answer = ground
    elif conditions:
        answer = "conditional"
    elif open_conditions:
        answer, missed = "unknown", tuple(open_conditions)
    else:
        answer = "allowed"

    return Decision(
        answer,
        tuple(hits),
        agreements,
        tuple(_would_change((*bars, *conditions), openings, basis, missed)),
        tuple(_need(rule.law) for rule in bars or conditions if rule.law.waiver is not None),
        openings,
        missed,
    )


def _need(law: Law) -> WaiverNeed:
    waiver = law.waiver
    assert waiver is not None
    return WaiverNeed(law.id, waiver.title, waiver.authority, waiver.lead_s, waiver.cost_eur)


def _basis(
    glance: Glance, permits: Sequence[tuple[Rule, Truth, dict[str, None]]]
) -> tuple[Truth, dict[str, None], str]:
    """Whether there is a basis; the facts missing to know; and what to call it where there is none."""
    claimed = glance.interaction.basis
    lacking: dict[str, None] = {}
    result: Truth = False
    if not claimed:
        funders = glance.interaction.funders
        together = glance.book.house((*glance.participants, *(funders or ())))
        if together.houses == 1:
            if funders is not None and glance.interaction.venue_owner is not None:
                return True, {}, ""
            lacking["funders" if funders is None else "venue_owner"] = None
            result = None
        for rule, value, missing in permits:
            if rule.law.lifts:  # a permit that lifts bars is no basis by itself
                continue
            if value:
                return True, {}, ""
            result = None
            lacking.update(missing)
    suspended = False
    for agreement, status, covers in glance.covering:
        if status == "active":
            if covers:
                return True, {}, ""
            result = None
            if agreement.assets and glance.interaction.assets is None:
                lacking["assets"] = None
            if agreement.places and not glance.interaction.place:
                lacking["place"] = None
            if agreement.stages and not glance.interaction.stage:
                lacking["stage"] = None
        elif status == "suspended" and covers:
            suspended = True
    return result, lacking, "suspended" if suspended else "no_basis"


def _would_change(
    rules: Iterable[Rule], openings: Sequence[Opening], basis: Truth, missing: Sequence[str]
) -> Iterable[str]:
    for rule in rules:
        yield from rule.advice
    if basis is False:
        for opening in openings:
            days = opening.lead_s / 86400.0
            verb = {"suspended": "resume", "ended": "renew"}.get(opening.status, "bring into force")
            yield f"{verb} the agreement {opening.agreement} (now {opening.status}; about {days:.0f} days)"
        if not openings:
            yield "conclude an agreement that covers these parties and this kind of interaction"
    for fact in missing:
        yield f"state the {fact.replace('_', ' ')}"


def decide_mission(
    interactions: Iterable[Interaction],
    rulebook: Rulebook,
    date_tdb_s: float | None,
    *,
    waived: Collection[str] = (),
) -> MissionDecision:
    """Decide everything that a mission needs; its answer is the worst (no interaction at all is allowed)."""
    decisions = tuple((i, decide(i, rulebook, date_tdb_s, waived=waived)) for i in interactions)
    answer = max((d.answer for _, d in decisions), key=lambda answer: _RANK[answer], default="allowed")
    return MissionDecision(answer, decisions)


def earliest_allowed(
    interaction: Interaction,
    rulebook: Rulebook,
    dates_tdb_s: Iterable[float],
    *,
    waived: Collection[str] = (),
) -> tuple[float, Decision] | None:
    """The first of some dates on which it may be done, with the decision; None if there is none."""
    for date in sorted(dates_tdb_s):
        decision = decide(interaction, rulebook, date, waived=waived)
        if decision.permits:
            return date, decision
    return None


def remedies(interaction: Interaction, rulebook: Rulebook, date_tdb_s: float | None) -> tuple[Remedy, ...]:
    """The smallest sets of waivers and at most one agreement after which it may be done, cheapest first.

    Every bar needs its own waiver, so sets differ only in the agreement. Empty where it may be done already, where
    a bar has no waiver, where no known agreement would give a basis, or where facts are missing.
    """
    decision = decide(interaction, rulebook, date_tdb_s)
    if decision.permits or decision.answer == "unknown" or date_tdb_s is None:
        return ()
    needs = decision.waivers if decision.answer == "barred" else ()
    waived = tuple(need.rule for need in needs)
    ways: list[Opening | None] = list(decision.openings) if decision.openings else [None]
    found = []
    for way in ways:
        book = rulebook if way is None else rulebook.with_status(way.agreement, "active")
        if decide(interaction, book, date_tdb_s, waived=waived).permits:
            found.append(
                Remedy(
                    waived,
                    "" if way is None else way.agreement,
                    max([n.lead_s for n in needs] + ([way.lead_s] if way else []), default=0.0),
                    sum(n.cost_eur for n in needs) + (way.cost_eur if way else 0.0),
                )
            )
    return tuple(sorted(found, key=lambda r: (r.cost_eur, r.lead_s, r.agreement)))
