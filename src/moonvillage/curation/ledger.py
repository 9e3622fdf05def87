"""The sample ledger: from the collection of a sample to its loan, its analysis and its return.

Every method that writes is one transaction: all of it is on the disk when it returns, and nothing of it if it raises
or is killed. Give it an ``operation`` id of your own, and doing it again after a kill does it once (the record is
then returned as it is now). Dates are UTC texts or TDB seconds past J2000 (conventions §2); masses are texts with a
unit or whole tenths of a milligram.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moonvillage.curation import refusals as no
from moonvillage.curation.book import Book, Deed, Draft
from moonvillage.curation.masses import Mass, mass_tenth_mg, show_mass
from moonvillage.curation.model import Analysis, Loan, Portion, Request, Sample
from moonvillage.curation.refusals import Date, epoch, said
from moonvillage.curation.steps import (
    asked_for,
    correct,
    decided,
    do,
    free_id,
    interaction,
    known,
    left,
    new_ids,
    not_granted,
    split_off,
    usable,
    use_up,
)
from moonvillage.curation.view import View
from moonvillage.errors import InputError

if TYPE_CHECKING:
    from moonvillage.cooperation import Rulebook


class Ledger(View):
    """An open sample ledger. It is a context manager; one object serves one thread, a file as many as there are."""

    @classmethod
    def create(cls, path: Path | str, *, title: str = "", by: str = "curator", date: Date = 0.0) -> Ledger:
        """A new ledger file. Raises InputError if there is one already."""
        asked: dict[str, Any] = {"title": said(title, "title")}
        deed = Deed("create", said(by, "by", needed=True), epoch(date), "create", asked)
        return cls(Book.create(Path(path), deed))

    @classmethod
    def open(cls, path: Path | str) -> Ledger:
        """An existing ledger file. Raises InputError if it is none, or its last entry is corrupted."""
        return cls(Book.open(Path(path)))

    @classmethod
    def import_json(cls, source: Path | str, path: Path | str) -> Ledger:
        """A new ledger file from a JSON export, its chain checked: see :mod:`moonvillage.curation.exchange`."""
        from moonvillage.curation.exchange import import_json

        return cls(import_json(Path(source), Path(path)))

    @classmethod
    def import_csv(cls, folder: Path | str, path: Path | str) -> Ledger:
        """A new ledger file from a folder of CSV tables, likewise."""
        from moonvillage.curation.exchange import import_csv

        return cls(import_csv(Path(folder), Path(path)))

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Field and return ---------------------------------------------------------------------------------------

    def collect(
        self,
        mass: Mass,
        *,
        date: Date,
        by: str,
        place: str,
        owner: str,
        custodian: str = "",
        container: str = "",
        id: str = "",
        mission: str = "",
        asset: str = "",
        description: str = "",
        operation: str | None = None,
    ) -> Sample:
        """A sample is taken: where, when, how much, into which container, in whose custody (the owner's by default).

        ``asset`` is the name of the collection in laws and agreements; without an ``id`` it is S1, S2, ...
        """
        when, tenths = epoch(date), mass_tenth_mg(mass)
        if tenths == 0:
            raise InputError.one("is nothing", "collect something", field="mass", value=str(mass))
        asked: dict[str, Any] = {
            "id": no.new_id(id, "id") if id else "",
            "mass": tenths,
            "place": said(place, "place", needed=True),
            "owner": said(owner, "owner", needed=True),
            "custodian": said(custodian, "custodian") or owner,
            "container": said(container, "container"),
            "mission": said(mission, "mission"),
            "asset": said(asset, "asset"),
            "description": said(description, "description"),
        }

        def work() -> Draft:
            draft = Draft()
            name = free_id(self._book, Sample, id)
            rest = {k: asked[k] for k in ("owner", "custodian", "container", "mission", "asset", "description")}
            draft.new(Sample(id=name, place=place, origin=place, collected_tdb_s=when, since_tdb_s=when, **rest))
            draft.move("@moon", name, tenths)
            return draft

        entry = do(self._book, "collect", by, when, operation, asked, work)
        return self.sample(new_ids(entry, Sample)[0])

    def collect_csv(self, table: Path | str, *, by: str) -> list[Sample]:
        """Collect every sample of a CSV table: see :func:`moonvillage.curation.exchange.collect_csv`."""
        from moonvillage.curation.exchange import collect_csv

        return collect_csv(self, Path(table), by)

    def receive(
        self,
        sample: str,
        *,
        date: Date,
        by: str,
        place: str,
        custodian: str = "",
        weighed: Mass | None = None,
        operation: str | None = None,
    ) -> Sample:
        """It is back on Earth, sealed; ``weighed`` corrects the mass estimated in the field."""
        when = epoch(date)
        asked: dict[str, Any] = {
            "sample": sample,
            "place": said(place, "place", needed=True),
            "custodian": said(custodian, "custodian"),
            "weighed": None if weighed is None else mass_tenth_mg(weighed, "weighed"),
        }

        def work() -> Draft:
            found = usable(self._book, sample, when, ("collected",), "received")
            draft = Draft()
            changes = {"custodian": custodian} if custodian else {}
            draft.change(Sample, sample, state="sealed", place=place, **changes)
            if asked["weighed"] is not None:
                correct(draft, found, asked["weighed"])
            return draft

        do(self._book, "receive", by, when, operation, asked, work)
        return self.sample(sample)

    def open_container(
        self,
        sample: str,
        *,
        date: Date,
        by: str,
        container: str = "",
        loss: Mass = 0,
        operation: str | None = None,
    ) -> Sample:
        """The sealed container is opened, into another one where given; ``loss`` is what stuck or flew off."""
        when, lost = epoch(date), mass_tenth_mg(loss, "loss")
        asked: dict[str, Any] = {"sample": sample, "container": said(container, "container"), "loss": lost}

        def work() -> Draft:
            found = usable(self._book, sample, when, ("sealed",), "opened", lost)
            draft = Draft()
            draft.change(Sample, sample, state="open", container=container or found.container)
            draft.move(sample, "@lost", lost)
            return draft

        do(self._book, "open", by, when, operation, asked, work)
        return self.sample(sample)

    def split(
        self,
        sample: str,
        portions: Sequence[Portion],
        *,
        date: Date,
        by: str,
        loss: Mass = 0,
        operation: str | None = None,
    ) -> tuple[Sample, ...]:
        """An open sample is divided: portions + loss leave it, the rest stays in it.

        A portion without a use keeps its parent's. Permanent storage is not moved to another use.
        """
        when, lost = epoch(date), mass_tenth_mg(loss, "loss")
        if not portions:
            raise InputError.one("has no portions", "say at least one mass", field="split", value=sample)
        parts: list[dict[str, Any]] = [
            {
                "id": no.new_id(p.id, "id") if p.id else "",
                "mass": mass_tenth_mg(p.mass),
                "use": no.use_of(p.use) if p.use else "",
                "container": said(p.container, "container"),
                "custodian": said(p.custodian, "custodian"),
                "place": said(p.place, "place"),
            }
            for p in portions
        ]
        if any(part["mass"] == 0 for part in parts):
            raise InputError.one("has an empty portion", "leave it out", field="split", value=sample)
        asked: dict[str, Any] = {"sample": sample, "portions": parts, "loss": lost}

        def work() -> Draft:
            parent = usable(self._book, sample, when, ("open",), "split", lost + sum(part["mass"] for part in parts))
            draft, number = Draft(), parent.portions
            for part in parts:
                _, number = split_off(self._book, draft, parent, number, when, part)
            draft.move(sample, "@lost", lost)
            draft.change(Sample, sample, portions=number, **left(parent, draft))
            return draft

        entry = do(self._book, "split", by, when, operation, asked, work)
        return tuple(self.sample(id_) for id_ in new_ids(entry, Sample))

    def transfer(
        self,
        sample: str,
        *,
        to: str,
        date: Date,
        by: str,
        place: str = "",
        container: str = "",
        operation: str | None = None,
    ) -> Sample:
        """Custody passes to somebody else (the owner stays the same); a loan is not done this way."""
        when = epoch(date)
        asked: dict[str, Any] = {
            "sample": sample,
            "to": said(to, "custodian", needed=True),
            "place": said(place, "place"),
            "container": said(container, "container"),
        }

        def work() -> Draft:
            usable(self._book, sample, when, ("collected", "sealed", "open"), "handed over")
            draft = Draft()
            moved = {name: value for name, value in (("place", place), ("container", container)) if value}
            draft.change(Sample, sample, custodian=to, **moved)
            return draft

        do(self._book, "transfer", by, when, operation, asked, work)
        return self.sample(sample)

    def weigh(
        self, sample: str, mass: Mass, *, date: Date, by: str, reason: str, operation: str | None = None
    ) -> Sample:
        """The balance shows something else than the book: the difference is booked, with its reason."""
        when, tenths = epoch(date), mass_tenth_mg(mass)
        asked: dict[str, Any] = {"sample": sample, "mass": tenths, "reason": said(reason, "reason", needed=True)}

        def work() -> Draft:
            found = usable(self._book, sample, when, ("collected", "sealed", "open", "lent"), "weighed")
            draft = Draft()
            correct(draft, found, tenths)
            return draft

        do(self._book, "weigh", by, when, operation, asked, work)
        return self.sample(sample)

    def consume(
        self, sample: str, mass: Mass, *, date: Date, by: str, reason: str, operation: str | None = None
    ) -> Sample:
        """Part of it, or all, is used up. What is on loan and wholly used up closes its loan."""
        when, tenths = epoch(date), mass_tenth_mg(mass)
        asked: dict[str, Any] = {"sample": sample, "mass": tenths, "reason": said(reason, "reason", needed=True)}

        def work() -> Draft:
            found = usable(self._book, sample, when, ("open", "lent"), "consumed", tenths)
            draft = Draft()
            use_up(draft, found, tenths, when)
            return draft

        do(self._book, "consume", by, when, operation, asked, work)
        return self.sample(sample)

    # Catalogue, requests, loans -----------------------------------------------------------------------------

    def catalogue(
        self, sample: str, *, description: str, date: Date, by: str, operation: str | None = None
    ) -> Sample:
        """An open sample is described and offered: from now on it can be asked for."""
        when = epoch(date)
        asked: dict[str, Any] = {"sample": sample, "description": said(description, "description", needed=True)}

        def work() -> Draft:
            no.must_be_for_loan(usable(self._book, sample, when, ("open",), "offered"))
            draft = Draft()
            draft.change(Sample, sample, catalogued=True, description=description)
            return draft

        do(self._book, "catalogue", by, when, operation, asked, work)
        return self.sample(sample)

    def request(
        self,
        sample: str,
        applicant: str,
        mass: Mass,
        *,
        date: Date,
        by: str,
        stage: str = "research",
        funders: Sequence[str] | None = None,
        others: Sequence[str] = (),
        basis: Sequence[str] = (),
        venue: str = "",
        region: str = "",
        facts: Mapping[str, bool | None] | None = None,
        purpose: str = "",
        id: str = "",
        operation: str | None = None,
    ) -> Request:
        """Somebody asks for material out of a catalogued sample.

        Parameters
        ----------
        stage
            "apply" asks whether one may apply at all, "research" asks for the material.
        funders
            Whose money pays for the work; ``None`` if it was not said (the decision may then be unknown).
        others, basis, venue, region, facts
            Other parties, agreements relied on, owner of the place of work, region of space and facts, as in
            :class:`~moonvillage.cooperation.Interaction`.
        """
        when, tenths = epoch(date), mass_tenth_mg(mass)
        wish: dict[str, Any] = {
            "applicant": said(applicant, "applicant", needed=True),
            "others": [said(o, "others", needed=True) for o in others],
            "mass_tenth_mg": tenths,
            "stage": said(stage, "stage"),
            "funders": None if funders is None else [said(f, "funders", needed=True) for f in funders],
            "basis": [said(b, "basis", needed=True) for b in basis],
            "venue": said(venue, "venue"),
            "region": said(region, "region"),
            "facts": dict(facts or {}),
            "purpose": said(purpose, "purpose"),
        }
        asked: dict[str, Any] = {"id": no.new_id(id, "id") if id else "", "sample": sample, **wish}

        def work() -> Draft:
            found = usable(self._book, sample, when, ("open",), "asked for", tenths)
            if tenths == 0 and stage != "apply":
                raise InputError.one("asks for nothing", "say how much", field="mass", value=str(mass))
            no.must_be_for_loan(found)
            if not found.catalogued:
                raise InputError.one(
                    "is not in the catalogue yet", "offer it first: 'samples catalogue'", field="sample", value=sample
                )
            if found.owner == applicant:
                raise InputError.one(
                    "owns the sample and need not ask",
                    "record the work with 'samples analyse'",
                    field="applicant",
                    value=applicant,
                )
            held: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in wish.items()}
            name = free_id(self._book, Request, id)
            record = Request(id=name, sample=sample, owner=found.owner, date_tdb_s=when, **held)
            interaction(record, found, None)  # a fact that does not exist is refused here, not when it is decided
            draft = Draft()
            draft.new(record)
            return draft

        entry = do(self._book, "request", by, when, operation, asked, work)
        return asked_for(self._book, Request, new_ids(entry, Request)[0])

    def decide(
        self,
        request: str,
        rulebook: Rulebook,
        *,
        date: Date,
        by: str,
        approved: bool | None = None,
        waived: Collection[str] = (),
        operation: str | None = None,
    ) -> Request:
        """Decide a request under the rules of the date, and write down the answer with every rule and agreement.

        Parameters
        ----------
        approved
            Whether the owner of the samples approves (the fact ``request_approved``); ``None``: nothing was said.
            An owner's no refuses what the rules would allow; its yes does not allow what they bar.
        """
        when = epoch(date)
        asked: dict[str, Any] = {"request": request, "approved": approved, "waived": sorted(waived)}

        def work() -> Draft:
            wish, draft = known(self._book, Request, request), Draft()
            sample = known(self._book, Sample, wish.sample)
            draft.change(Request, request, **decided(wish, sample, rulebook, when, approved, waived))
            return draft

        do(self._book, "decide", by, when, operation, asked, work)
        return self.request_of(request)

    def lend(
        self,
        request: str,
        *,
        date: Date,
        due: Date,
        by: str,
        mass: Mass | None = None,
        container: str = "",
        place: str = "",
        id: str = "",
        operation: str | None = None,
    ) -> Loan:
        """A granted request is served: a portion is split off and goes out (the mass asked for, or less)."""
        when, until = epoch(date), epoch(due, "due")
        asked: dict[str, Any] = {
            "id": no.new_id(id, "id") if id else "",
            "request": request,
            "due_tdb_s": until,
            "mass": None if mass is None else mass_tenth_mg(mass),
            "container": said(container, "container"),
            "place": said(place, "place"),
        }

        def work() -> Draft:
            wish = known(self._book, Request, request)
            if wish.status != "granted":
                raise not_granted(wish)
            assert wish.decided_tdb_s is not None
            if not wish.decided_tdb_s <= when < until:
                raise InputError.one(
                    f"is not between the grant of {no.day(wish.decided_tdb_s)} and the return of {no.day(until)}",
                    "mend the dates",
                    field="date",
                    value=no.day(when),
                )
            tenths = wish.mass_tenth_mg if asked["mass"] is None else int(asked["mass"])
            if not 0 < tenths <= wish.mass_tenth_mg:
                raise InputError.one(
                    f"is not within the {show_mass(wish.mass_tenth_mg)} granted",
                    "lend less",
                    field="mass",
                    value=show_mass(tenths),
                )
            parent = usable(self._book, wish.sample, when, ("open",), "lent", tenths)
            no.must_be_for_loan(parent)
            name, draft = free_id(self._book, Loan, id), Draft()
            part = {"id": "", "mass": tenths, "use": "", "container": container, "custodian": wish.applicant}
            part["place"] = place or wish.applicant
            portion, number = split_off(
                self._book, draft, parent, parent.portions, when, part, state="lent", loan=name
            )
            draft.change(Sample, parent.id, portions=number, **left(parent, draft))
            draft.new(
                Loan(
                    id=name,
                    request=request,
                    sample=portion,
                    borrower=wish.applicant,
                    lent_tenth_mg=tenths,
                    lent_tdb_s=when,
                    due_tdb_s=until,
                )
            )
            draft.change(Request, request, status="lent")
            return draft

        entry = do(self._book, "lend", by, when, operation, asked, work)
        return asked_for(self._book, Loan, new_ids(entry, Loan)[0])

    def record_analysis(
        self,
        sample: str,
        *,
        laboratory: str,
        method: str,
        date: Date,
        by: str,
        result: str = "",
        publication: str = "",
        consumed: Mass = 0,
        id: str = "",
        operation: str | None = None,
    ) -> Analysis:
        """What a laboratory that has the sample in its custody measured, and how much of it that took."""
        when, tenths = epoch(date), mass_tenth_mg(consumed, "consumed")
        told = {
            "laboratory": said(laboratory, "laboratory", needed=True),
            "method": said(method, "method", needed=True),
            "result": said(result, "result"),
            "publication": said(publication, "publication"),
        }
        asked: dict[str, Any] = {
            "id": no.new_id(id, "id") if id else "",
            "sample": sample,
            "consumed": tenths,
            **told,
        }

        def work() -> Draft:
            found = usable(self._book, sample, when, ("open", "lent"), "analysed", tenths)
            if found.custodian != laboratory:
                raise InputError.one(
                    f"has not the sample: it is in the custody of {found.custodian}",
                    "record the transfer or the loan first",
                    field="laboratory",
                    value=laboratory,
                )
            draft = Draft()
            name = free_id(self._book, Analysis, id)
            draft.new(
                Analysis(id=name, sample=sample, consumed_tenth_mg=tenths, date_tdb_s=when, loan=found.loan, **told)
            )
            if tenths:
                use_up(draft, found, tenths, when)
            return draft

        entry = do(self._book, "analyse", by, when, operation, asked, work)
        return asked_for(self._book, Analysis, new_ids(entry, Analysis)[0])

    def give_back(
        self,
        loan: str,
        *,
        date: Date,
        by: str,
        weighed: Mass | None = None,
        custodian: str = "",
        place: str = "",
        container: str = "",
        operation: str | None = None,
    ) -> Sample:
        """A loan comes back. It stays a sample of its own; what is missing on the balance is booked as lost."""
        when = epoch(date)
        asked: dict[str, Any] = {
            "loan": loan,
            "weighed": None if weighed is None else mass_tenth_mg(weighed, "weighed"),
            "custodian": said(custodian, "custodian"),
            "place": said(place, "place"),
            "container": said(container, "container"),
        }

        def work() -> Draft:
            out = known(self._book, Loan, loan)
            if out.state != "out":
                assert out.closed_tdb_s is not None
                raise InputError.one(
                    f"was {out.state} on {no.day(out.closed_tdb_s)}",
                    "nothing is left to return",
                    field="loan",
                    value=loan,
                )
            found = usable(self._book, out.sample, when, ("lent",), "returned")
            back = found.mass_tenth_mg if asked["weighed"] is None else int(asked["weighed"])
            if back > found.mass_tenth_mg:
                raise InputError.one(
                    f"is more than the {show_mass(found.mass_tenth_mg)} that are out",
                    "weigh again; if it is so, book the correction first ('samples weigh')",
                    field="weighed",
                    value=show_mass(back),
                )
            parent = known(self._book, Sample, found.parent)
            draft = Draft()
            draft.move(found.id, "@lost", found.mass_tenth_mg - back)
            draft.change(
                Sample,
                found.id,
                state="open" if back else "spent",
                custodian=custodian or parent.custodian,
                place=place or parent.place,
                container=container or found.container,
                loan="",
            )
            draft.change(Loan, loan, state="returned", returned_tenth_mg=back, closed_tdb_s=when)
            return draft

        entry = do(self._book, "return", by, when, operation, asked, work)
        return self.sample(next(id_ for table, id_, _ in entry.changes if table == "samples"))
