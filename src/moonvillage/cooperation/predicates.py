"""The closed vocabulary of tests that a rule may name.

Data name a test and its arguments; the code here implements it. Nothing in data is evaluated. Each test answers
True, False, or None where a fact that it needs is not known (Kleene's strong three-valued logic), and notes the
missing fact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from moonvillage.catalog import Condition
from moonvillage.cooperation.interactions import DATA_CLASSES, FACTS, PLACES, Interaction

if TYPE_CHECKING:
    from moonvillage.catalog import Part

Truth = bool | None


class View(Protocol):
    """What a test sees of an interaction on a date (see :class:`moonvillage.cooperation.rulebook.Glance`)."""

    interaction: Interaction
    missing: dict[str, None]

    @property
    def party_ids(self) -> frozenset[str]:
        """Parties with their owners, transitively."""

    @property
    def party_states(self) -> frozenset[str]:
        """States of all parties and of their owners."""

    @property
    def each(self) -> Sequence[tuple[frozenset[str], bool]]:
        """Per party: its states, and whether it counts as a genuine third party."""

    @property
    def funder_ids(self) -> frozenset[str] | None:
        """Funders with their owners."""

    @property
    def venue_ids(self) -> frozenset[str] | None:
        """The venue's owner with its owners; empty where there is no venue."""

    @property
    def reach(self) -> frozenset[str]:
        """States known to be reached: destinations, and those of the venue's owner."""

    @property
    def multilateral(self) -> Truth:
        """Whether a real multilateral agreement in force covers the interaction."""


Test = Callable[[View], Truth]
Maker = Callable[[tuple[str, ...]], Test]


@dataclass(frozen=True, slots=True)
class Predicate:
    """A word of the vocabulary: how to make the test, what it asks, and how many arguments it takes."""

    make: Maker
    doc: str
    least: int = 0
    most: int = 99
    parties_only: bool = False  # its answer follows from who takes part, whatever else


def _unknown(view: View, fact: str) -> Truth:
    view.missing[fact] = None
    return None


def _funded_by(of: tuple[str, ...]) -> Test:
    wanted = frozenset(of)

    def test(view: View) -> Truth:
        funders = view.funder_ids
        if funders is None:
            return _unknown(view, "funders")
        return not wanted.isdisjoint(funders)

    return test


def _party_in(of: tuple[str, ...]) -> Test:
    wanted = frozenset(of)
    return lambda view: not wanted.isdisjoint(view.party_ids)


def _party_of_state(of: tuple[str, ...]) -> Test:
    wanted = frozenset(of)
    return lambda view: not wanted.isdisjoint(view.party_states)


def _bilateral(of: tuple[str, ...]) -> Test:
    both, other = frozenset(of), frozenset(of[1:])

    def test(view: View) -> Truth:
        if other.isdisjoint(view.party_states):
            return False
        return not any(genuine and both.isdisjoint(states) for states, genuine in view.each)

    return test


def _multilateral_basis(of: tuple[str, ...]) -> Test:
    def test(view: View) -> Truth:
        value = view.multilateral
        return _unknown(view, "assets or place") if value is None else value

    return test


def _reaches(of: tuple[str, ...]) -> Test:
    wanted = frozenset(of)

    def test(view: View) -> Truth:
        if not wanted.isdisjoint(view.reach):
            return True
        return _open_reach(view)

    return test


def _reaches_beyond(of: tuple[str, ...]) -> Test:
    home = frozenset(of)

    def test(view: View) -> Truth:
        if view.reach - home:
            return True
        return _open_reach(view)

    return test


def _open_reach(view: View) -> Truth:
    if view.interaction.destinations is None:
        return _unknown(view, "destinations")
    if view.venue_ids is None:
        return _unknown(view, "venue_owner")
    return False


def _matcher(of: tuple[str, ...]) -> Callable[[Part], bool]:
    regime, classes = of[0], of[1:]
    if not classes:
        return lambda part: part.regime == regime
    return lambda part: part.regime == regime and part.control_class.startswith(classes)


def _content(of: tuple[str, ...]) -> Test:
    match = _matcher(of)

    def test(view: View) -> Truth:
        bill = view.interaction.bill
        if bill is None:
            return _unknown(view, "bill")
        return any(match(part) for part in bill)

    return test


def _content_share_over(of: tuple[str, ...]) -> Test:
    match, limit = _matcher(of[:-1]), float(of[-1]) / 100.0

    def test(view: View) -> Truth:
        bill = view.interaction.bill
        if bill is None:
            return _unknown(view, "bill")
        return sum(part.share for part in bill if match(part)) > limit

    return test


def _direct_product(of: tuple[str, ...]) -> Test:
    def test(view: View) -> Truth:
        bill = view.interaction.bill
        if bill is None:
            return _unknown(view, "bill")
        return any(part.direct_product for part in bill)

    return test


def _fact(of: tuple[str, ...]) -> Test:
    name = of[0]

    def test(view: View) -> Truth:
        value = view.interaction.fact(name)
        if value is None:
            return _unknown(view, name)
        return value

    return test


def _commercial(of: tuple[str, ...]) -> Test:
    def test(view: View) -> Truth:
        if view.interaction.kind != "buy_service":
            return False
        value = view.interaction.fact("commercial")
        if value is None:
            return _unknown(view, "commercial")
        return value

    return test


def _stage_in(of: tuple[str, ...]) -> Test:
    wanted = frozenset(of)

    def test(view: View) -> Truth:
        stage = view.interaction.stage
        if stage is None or (stage == "" and view.interaction.kind == "receive_sample"):
            return _unknown(view, "stage")
        return stage in wanted

    return test


def _data_in(of: tuple[str, ...]) -> Test:
    wanted = frozenset(of)

    def test(view: View) -> Truth:
        data = view.interaction.data_class
        if data is None or (data == "" and view.interaction.kind == "share_data"):
            return _unknown(view, "data_class")
        return data in wanted

    return test


def _venue_of(of: tuple[str, ...]) -> Test:
    wanted = frozenset(of)

    def test(view: View) -> Truth:
        venue = view.venue_ids
        if venue is None:
            return _unknown(view, "venue_owner")
        return not wanted.isdisjoint(venue)

    return test


def _asset_in(of: tuple[str, ...]) -> Test:
    wanted = frozenset(of)

    def test(view: View) -> Truth:
        assets = view.interaction.assets
        if assets is None:
            return _unknown(view, "assets")
        return not wanted.isdisjoint(assets)

    return test


def _place_in(of: tuple[str, ...]) -> Test:
    wanted = frozenset(of)

    def test(view: View) -> Truth:
        place = view.interaction.place
        if not place:
            return _unknown(view, "place")
        return place in wanted

    return test


def _ports_differ(of: tuple[str, ...]) -> Test:
    def test(view: View) -> Truth:
        ports = view.interaction.ports
        if ports is None:
            return _unknown(view, "ports")
        if len(ports) < 2:
            return False
        return not frozenset(ports[0]).intersection(*ports[1:])

    return test


#: The whole vocabulary.
PREDICATES: Final[Mapping[str, Predicate]] = {
    "funded_by": Predicate(_funded_by, "one of these partners pays", 1),
    "party_in": Predicate(_party_in, "one of these partners, or somebody they own, takes part", 1, parties_only=True),
    "party_of_state": Predicate(
        _party_of_state, "a party is affiliated to one of these states", 1, parties_only=True
    ),
    "bilateral": Predicate(
        _bilateral,
        "only the first state and the others take part, with no genuine party of a third",
        2,
        parties_only=True,
    ),
    "multilateral_basis": Predicate(_multilateral_basis, "a real multilateral agreement in force covers it", 0, 0),
    "reaches": Predicate(_reaches, "the asset comes to, or under the owner of, one of these states", 1),
    "reaches_beyond": Predicate(_reaches_beyond, "the asset leaves these states", 1),
    "content": Predicate(_content, "the asset holds a part of this regime (and class)", 1),
    "content_share_over": Predicate(
        _content_share_over, "parts of this regime (and class) make more than this percentage of its value", 2
    ),
    "direct_product": Predicate(_direct_product, "a part is a direct product of controlled technology", 0, 0),
    "fact": Predicate(_fact, "this fact holds", 1, 1),
    "commercial_purchase": Predicate(_commercial, "it is a purchase of a commercial item or service", 0, 0),
    "stage_in": Predicate(_stage_in, "the matter is at one of these stages", 1),
    "data_in": Predicate(_data_in, "the data are of one of these classes", 1),
    "venue_of": Predicate(_venue_of, "it happens at a place of one of these partners", 1),
    "asset_in": Predicate(_asset_in, "one of these assets is used", 1),
    "place_in": Predicate(_place_in, "it happens in one of these regions of space", 1),
    "ports_differ": Predicate(_ports_differ, "the craft have no docking port in common", 0, 0),
}


def complaint(condition: Condition) -> str:
    """What is wrong with a condition, as a sentence; empty if nothing is."""
    known = PREDICATES.get(condition.test)
    if known is None:
        return f"names the unknown test {condition.test!r}; use one of {', '.join(PREDICATES)}"
    count = len(condition.of)
    if not known.least <= count <= known.most:
        return f"gives {count} arguments to {condition.test!r}, which takes {known.least} or more"
    if condition.test == "fact" and condition.of[0] not in FACTS:
        return f"asks for the unknown fact {condition.of[0]!r}; use one of {', '.join(FACTS)}"
    if condition.test == "data_in" and not set(condition.of) <= set(DATA_CLASSES):
        return f"asks for an unknown class of data; use some of {', '.join(DATA_CLASSES)}"
    if condition.test == "place_in" and not set(condition.of) <= set(PLACES):
        return f"asks for an unknown region; use some of {', '.join(PLACES)}"
    if condition.test == "content_share_over":
        try:
            float(condition.of[-1])
        except ValueError:
            return "ends a share with something that is no number of percent"
    return ""


def compile_test(condition: Condition) -> Test:
    """The test of a condition that :func:`complaint` has nothing to say about."""
    test = PREDICATES[condition.test].make(condition.of)
    if not condition.not_:
        return test

    def negated(view: View) -> Truth:
        value = test(view)
        return None if value is None else not value

    return negated


def phrase(condition: Condition) -> str:
    """A condition in words."""
    words = PREDICATES[condition.test].doc
    listed = condition.of if len(condition.of) <= 6 else (*condition.of[:5], "...")
    text = f"{words} ({', '.join(listed)})" if listed else words
    return f"not: {text}" if condition.not_ else text


def every(tests: Sequence[Test], view: View) -> Truth:
    """Kleene conjunction; stops at the first False."""
    result: Truth = True
    for test in tests:
        value = test(view)
        if value is False:
            return False
        if value is None:
            result = None
    return result


def some(tests: Sequence[Test], view: View) -> Truth:
    """Kleene disjunction; stops at the first True."""
    result: Truth = False
    for test in tests:
        value = test(view)
        if value is True:
            return True
        if value is None:
            result = None
    return result
