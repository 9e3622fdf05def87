"""The small steps that operations are made of; all run inside the transaction of :meth:`Book.append`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from moonvillage.curation import refusals as no
from moonvillage.curation.book import Book, Deed, Draft, guarded
from moonvillage.curation.model import Entry, Loan, Record, Request, Sample, table_of
from moonvillage.errors import InputError

if TYPE_CHECKING:
    from moonvillage.cooperation import Interaction, Rulebook

_PREFIX = {"samples": "S", "requests": "R", "loans": "L", "analyses": "A"}
_KINDS = {"samples": "sample", "requests": "request", "loans": "loan", "analyses": "analysis"}


def do(
    book: Book,
    kind: str,
    by: str,
    date_tdb_s: float,
    operation: str | None,
    asked: Mapping[str, Any],
    work: Callable[[], Draft],
) -> Entry:
    """Append a deed to the trail, or find that it was done."""
    if operation is not None:
        no.new_id(operation, "operation")
    return book.append(Deed(kind, no.said(by, "by", needed=True), date_tdb_s, operation, asked), work)


def new_ids(entry: Entry, cls: type[Any]) -> tuple[str, ...]:
    """Ids of the records of a class that an entry made, in order."""
    table = table_of(cls)
    return tuple(id_ for name, id_, values in entry.changes if name == table and "id" in values)


def asked_for(book: Book, cls: type[Record], id_: str) -> Record:
    """A record by id, for a reader."""
    with guarded(book.path):
        return known(book, cls, id_)


def known(book: Book, cls: type[Record], id_: str) -> Record:
    """A record by id; refused with what it may have meant."""
    found = book.find(cls, str(id_))
    if found is None:
        table = table_of(cls)
        ids = [row[0] for row in book.connection.execute(f"SELECT id FROM {table}")]
        raise no.unknown(_KINDS.get(table, table), id_, ids)
    return found


def usable(
    book: Book, id_: str, date_tdb_s: float, states: tuple[str, ...], doing: str, needs_tenth_mg: int = 0
) -> Sample:
    """A sample that is in one of these states on this date and holds at least so much."""
    sample = known(book, Sample, id_)
    no.must_be(sample, states, doing)
    no.not_before(sample, date_tdb_s)
    if needs_tenth_mg > sample.mass_tenth_mg:
        raise no.too_much(sample, needs_tenth_mg, f"to be {doing}")
    return sample


def free_id(book: Book, cls: type[Any], wish: str) -> str:
    """The id wished for if it is free, or the next number."""
    table = table_of(cls)
    if wish:
        if book.find(cls, wish) is not None:
            raise no.taken(_KINDS[table], wish)
        return wish
    where = " WHERE parent = ''" if cls is Sample else ""
    number = int(book.connection.execute(f"SELECT count(*) FROM {table}{where}").fetchone()[0]) + 1
    while book.find(cls, f"{_PREFIX[table]}{number}") is not None:
        number += 1
    return f"{_PREFIX[table]}{number}"


def split_off(
    book: Book,
    draft: Draft,
    parent: Sample,
    number: int,
    date_tdb_s: float,
    part: Mapping[str, Any],
    *,
    state: str = "open",
    loan: str = "",
) -> tuple[str, int]:
    """A portion of a parent: its id, and how many portions the parent has had then."""
    if part["use"] and part["use"] != parent.use and parent.use == "permanent_storage":
        raise InputError.one(
            f"is permanent storage; a portion of it cannot be for {part['use'].replace('_', ' ')}",
            "split another sample",
            field="sample",
            value=parent.id,
        )
    taken = {id_ for table, id_, _ in draft.changes if table == "samples"}
    name = part["id"]
    if name and (name in taken or book.find(Sample, name) is not None):
        raise no.taken("sample", name)
    number += 1
    while not name:
        name = f"{parent.id}.{number}"
        if name in taken or book.find(Sample, name) is not None:
            name, number = "", number + 1
    draft.new(
        Sample(
            id=name,
            parent=parent.id,
            state=state,
            use=part["use"] or parent.use,
            owner=parent.owner,
            custodian=part["custodian"] or parent.custodian,
            container=part["container"],
            place=part["place"] or parent.place,
            origin=parent.origin,
            mission=parent.mission,
            asset=parent.asset,
            collected_tdb_s=parent.collected_tdb_s,
            since_tdb_s=date_tdb_s,
            description=parent.description,
            loan=loan,
        )
    )
    draft.move(parent.id, name, int(part["mass"]))
    return name, number


def left(sample: Sample, draft: Draft) -> dict[str, str]:
    """The state to write where nothing is left of a sample."""
    return {"state": "spent"} if sample.mass_tenth_mg + draft.postings.get(sample.id, 0) == 0 else {}


def correct(draft: Draft, sample: Sample, tenth_mg: int) -> None:
    """Book a sample at what the balance shows."""
    if tenth_mg == 0:
        raise InputError.one(
            "weighs nothing",
            "record what became of it: consumed, or lost in handling",
            field="sample",
            value=sample.id,
        )
    if tenth_mg > sample.mass_tenth_mg:
        draft.move("@weighing", sample.id, tenth_mg - sample.mass_tenth_mg)
    else:
        draft.move(sample.id, "@weighing", sample.mass_tenth_mg - tenth_mg)


def use_up(draft: Draft, sample: Sample, tenth_mg: int, date_tdb_s: float) -> None:
    """Take mass for an analysis; a sample that is gone is spent, and its loan is over."""
    if tenth_mg == 0:
        raise InputError.one("is nothing", "say how much was used up", field="mass", value="0 mg")
    if sample.use not in ("", "research"):
        raise InputError.one(
            f"is kept for {sample.use.replace('_', ' ')} and is not consumed",
            "use a sample for research",
            field="sample",
            value=sample.id,
        )
    draft.move(sample.id, "@consumed", tenth_mg)
    if tenth_mg == sample.mass_tenth_mg:
        draft.change(Sample, sample.id, state="spent", loan="")
        if sample.loan:
            draft.change(Loan, sample.loan, state="consumed", closed_tdb_s=date_tdb_s)


def interaction(wish: Request, sample: Sample, approved: bool | None) -> Interaction:
    """A request as the rules see it. The samples hold no controlled content, so that the bill is empty."""
    from moonvillage.cooperation import Interaction

    facts = dict(wish.facts)
    if approved is not None:
        facts["request_approved"] = approved
    try:
        return Interaction(
            kind="receive_sample",
            parties=(wish.applicant, wish.owner, *wish.others),
            funders=wish.funders,
            assets=(sample.asset,) if sample.asset else (),
            bill=(),
            venue_owner=wish.venue,
            basis=wish.basis,
            place=wish.region,
            stage=wish.stage,
            facts=facts,
            label=f"{wish.applicant} asks {wish.owner} for {sample.id}",
        )
    except ValueError as error:
        raise InputError.one(str(error), "mend the request", field="request", value=wish.id) from None


def decided(
    wish: Request,
    sample: Sample,
    rulebook: Rulebook,
    date_tdb_s: float,
    approved: bool | None,
    waived: Collection[str],
) -> dict[str, Any]:
    """What the rules and the owner say to a request: the columns to write."""
    from moonvillage.cooperation import decide

    if wish.status == "lent":
        raise InputError.one("was decided and lent", "nothing is left to decide", field="request", value=wish.id)
    if date_tdb_s < wish.date_tdb_s:
        raise InputError.one(
            f"lies before the request of {no.day(wish.date_tdb_s)}",
            "mend the date",
            field="date",
            value=no.day(date_tdb_s),
        )
    decision = decide(interaction(wish, sample, approved), rulebook, date_tdb_s, waived=waived)
    status, why = "undecided" if decision.answer == "unknown" else "refused", decision.why
    if decision.permits and approved is False:
        why = f"{wish.owner} declined it; by the rules it is {why}"
    elif decision.permits:
        status = "admitted" if wish.stage == "apply" else "granted"
    return {
        "status": status,
        "answer": decision.answer,
        "why": why,
        "rules": tuple(f"{hit.id}: {hit.effect} [{hit.citation}]" for hit in decision.rules),
        "agreements": tuple(f"{id_}: {state}" for id_, state in decision.agreements),
        "would_change": decision.would_change,
        "decided_tdb_s": date_tdb_s,
    }


def not_granted(wish: Request) -> InputError:
    """Why a request cannot be served."""
    message, remedy = {
        "pending": ("is not decided yet", "decide it: 'samples decide'"),
        "admitted": ("is an application, not a grant", "file a request with stage 'research'"),
        "refused": (f"is refused: {wish.why}", "; or ".join(wish.would_change) or "ask the owner"),
        "undecided": (f"is {wish.why}", "; or ".join(wish.would_change) or "state what is missing"),
        "lent": ("has been served", "file another request"),
    }[wish.status]
    return InputError.one(message, remedy, field="request", value=wish.id)
