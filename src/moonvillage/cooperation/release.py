"""What one partner may be shown of another's: a class of data, decided like every other interaction.

Interface and safety data, operations and public science pass where the rules and an agreement let data pass. A
detailed design passes only under an agreement that names it (after Article 19 of the Intergovernmental Agreement on
the International Space Station: what is needed for interface, integration and safety flows without restriction;
what is marked as detailed design does not). *Conditional* is not *allowed*: papers that nobody holds release nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from moonvillage.cooperation.decisions import Decision, decide
from moonvillage.cooperation.interactions import DATA_CLASSES, Interaction
from moonvillage.cooperation.rulebook import Rulebook

#: Passes within one house without a paper; a detailed design does not even there.
_AT_HOME: Final = frozenset(DATA_CLASSES) - {"detailed-design"}
#: Why something is withheld, by the rulebook's answer, where no rule is to be named.
_WHY: Final = {
    "no_basis": "no agreement in force releases it",
    "suspended": "the agreement that would release it is suspended",
    "unknown": "a fact that the rules ask for is not known",
    "conditional": "a licence that the rules ask for is not held",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """Whether a class of data of some owners passes to a partner.

    ``under`` names what lets it pass: agreements and laws by id, or "own". ``why`` says what withholds it, without
    naming an owner or an agreement; it is empty where it passes.
    """

    released: bool
    under: tuple[str, ...] = ()
    why: str = ""


OWN: Final = Grant(True, ("own",))


class Releases:
    """What passes to one partner on one date. Answers are remembered; the rulebook is not changed.

    Parameters
    ----------
    book
        The rules that hold.
    partner
        To whom. Raises InputError if the rulebook does not know it.
    date_tdb_s
        The day on which the data pass, TDB seconds past J2000.
    """

    def __init__(self, book: Rulebook, partner: str, date_tdb_s: float) -> None:
        book.owners_of(partner)
        self.partner = partner
        self.date_tdb_s = date_tdb_s
        self._book = book
        self._books: dict[str, Rulebook] = {}
        self._known: dict[tuple[str, str, tuple[str, ...], str], Grant] = {}

    def mine(self, owner: str) -> bool:
        """Whether something of ``owner`` is the partner's own: its own, or of somebody whom it owns."""
        if owner == self.partner:
            return True
        return owner in self._book.partners and self.partner in self._book.owners_of(owner)

    def grant(self, owners: Iterable[str], data_class: str, assets: Iterable[str] = (), place: str = "moon") -> Grant:
        """May the partner see this? What several own together each of them sees; a third needs the leave of all.

        Parameters
        ----------
        owners
            Partner ids. Nobody at all, or somebody unknown to the rulebook, releases nothing.
        data_class
            One of :data:`~moonvillage.cooperation.DATA_CLASSES`.
        assets
            What it is about: agreements may be limited to some.
        place
            Where in space: "earth", "leo", "moon" or "mars".
        """
        asked = sorted(set(owners))
        if any(self.mine(owner) for owner in asked):
            return OWN
        if not asked:
            return Grant(False, why="nobody is known who could release it")
        named = tuple(sorted(set(assets)))
        under: dict[str, None] = {}
        for owner in asked:
            found = self._one(owner, data_class, named, place)
            if not found.released:
                return found
            under.update(dict.fromkeys(found.under))
        return Grant(True, tuple(under))

    def _one(self, owner: str, data_class: str, assets: tuple[str, ...], place: str) -> Grant:
        key = (owner, data_class, assets, place)
        if key not in self._known:
            self._known[key] = self._decided(owner, data_class, assets, place)
        return self._known[key]

    def _decided(self, owner: str, data_class: str, assets: tuple[str, ...], place: str) -> Grant:
        book = self._releasing(data_class)
        if owner not in book.partners:
            return Grant(False, why="nobody is known who could release it")
        parties = (owner, self.partner)
        decision = decide(
            Interaction(
                kind="share_data",
                parties=parties,
                funders=book.funders_of(parties),
                assets=assets,
                bill=(),
                destinations=(),
                data_class=data_class,
                place=place,
                ports=(),
                # drawings and performance are technology; whether a timetable is, nobody has said
                facts={"technology_flow": True} if data_class == "detailed-design" else {},
            ),
            book,
            self.date_tdb_s,
        )
        if decision.answer != "allowed":
            return Grant(False, why=_why(decision))
        grounds = [id_ for id_, status in decision.agreements if status == "active"]
        # a permit that only lifts a bar is no basis by itself
        grounds += [h.id for h in decision.rules if h.effect == "permit" and not book.laws[h.id].lifts]
        if grounds:
            return Grant(True, tuple(grounds))
        if data_class in _AT_HOME:
            return Grant(True, ("one house",))
        return Grant(False, why=_WHY["no_basis"])

    def _releasing(self, data_class: str) -> Rulebook:
        """The rulebook with those agreements alone that let this class pass."""
        if data_class not in self._books:
            book = self._book
            agreements = {k: a for k, a in book.agreements.items() if data_class in a.data}
            self._books[data_class] = Rulebook(book.partners, agreements, book.laws, book.waivers)
        return self._books[data_class]


def _why(decision: Decision) -> str:
    bars = [f"{hit.title or hit.id} [{hit.citation}]" for hit in decision.rules if hit.effect == "bar"]
    return "; ".join(bars) if decision.answer == "barred" and bars else _WHY.get(decision.answer, "the rules bar it")
