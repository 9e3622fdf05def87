"""What a sample ledger holds: samples, requests, loans, analyses, and the trail of what was done.

Each class is a table of the database too: a field is a column, and its annotation says how it is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar

#: The four uses of the CNSA's rules of 2020-12-17, with what each means here.
USES: Final[Mapping[str, str]] = {
    "permanent_storage": "kept untouched for later generations: never lent, never moved to another use",
    "backup_storage": "kept at another place against the loss of the first: not lent, but may be split for use",
    "research": "lent to, and analysed by, those whose request is granted",
    "public_display": "exhibited: lent, not consumed",
}
#: Uses out of which a loan can be made.
LENT_FROM: Final = ("research", "public_display")
#: What a sample can be: on its way, closed, open, lent out, or used up.
SAMPLE_STATES: Final = ("collected", "sealed", "open", "lent", "spent")
#: What a request can be; "admitted" is an application (stage "apply") that the rules allow to be made.
REQUEST_STATES: Final = ("pending", "admitted", "granted", "refused", "undecided", "lent")
LOAN_STATES: Final = ("out", "returned", "consumed")
#: Where mass comes from and goes to besides the samples; all balances together are zero.
ACCOUNTS: Final[Mapping[str, str]] = {
    "@moon": "minus everything that was collected",
    "@consumed": "used up in analyses",
    "@lost": "lost in opening, splitting, handling",
    "@weighing": "corrections where a balance showed something else than was booked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample: a mass in one container in one custody.

    ``parent`` is the sample that it was split from; ``origin`` the place of collection; ``asset`` the name by which
    laws and agreements know the collection. ``mass_tenth_mg`` is what is left in it.
    """

    id: str
    parent: str = ""
    mass_tenth_mg: int = 0
    state: str = "collected"
    use: str = ""
    owner: str = ""
    custodian: str = ""
    container: str = ""
    place: str = ""
    origin: str = ""
    mission: str = ""
    asset: str = ""
    collected_tdb_s: float = 0.0
    since_tdb_s: float = 0.0
    catalogued: bool = False
    description: str = ""
    portions: int = 0
    loan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Somebody asks for material, and what the rules and the owner said."""

    id: str
    sample: str
    applicant: str
    owner: str
    others: tuple[str, ...] = ()
    mass_tenth_mg: int = 0
    stage: str = "research"
    funders: tuple[str, ...] | None = None
    basis: tuple[str, ...] = ()
    venue: str = ""
    region: str = ""
    facts: Mapping[str, bool | None] = field(default_factory=dict)
    purpose: str = ""
    date_tdb_s: float = 0.0
    status: str = "pending"
    answer: str = ""
    why: str = ""
    rules: tuple[str, ...] = ()
    agreements: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
    decided_tdb_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """Material out of the house. ``sample`` is the portion that was split off for it."""

    id: str
    request: str
    sample: str
    borrower: str
    lent_tenth_mg: int = 0
    lent_tdb_s: float = 0.0
    due_tdb_s: float = 0.0
    state: str = "out"
    returned_tenth_mg: int = 0
    closed_tdb_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What was measured on a sample, by whom, and how much of it that took."""

    id: str
    sample: str
    laboratory: str
    method: str
    result: str = ""
    publication: str = ""
    consumed_tenth_mg: int = 0
    date_tdb_s: float = 0.0
    loan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One of :data:`ACCOUNTS` with its balance."""

    id: str
    mass_tenth_mg: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the audit trail. ``hash`` covers it and ``previous``, the hash of the line before.

    ``asked`` is what the caller wanted, ``postings`` the mass moved (account or sample → tenths of a milligram, in
    all zero), ``changes`` the columns written: (table, id, values).
    """

    seq: int
    operation: str
    kind: str
    by: str
    date_tdb_s: float
    asked: Mapping[str, Any]
    postings: Mapping[str, int]
    changes: tuple[tuple[str, str, Mapping[str, Any]], ...]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """One part of a split. Empty fields are inherited; without an ``id`` it is PARENT.1, PARENT.2, ..."""

    mass: int | str
    use: str = ""
    container: str = ""
    custodian: str = ""
    place: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What belongs to one value of a property (a use, a custodian, a state): how many samples, how much."""

    key: str
    samples: int
    mass_tenth_mg: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a check of the whole ledger found.

    ``first_bad`` is the number of the first entry that is corrupted, ``None`` if the chain holds; ``problems`` are
    sentences; ``head`` is the hash of the last sound entry, to be kept elsewhere as an anchor.
    """

    sound: bool
    entries: int
    head: str
    first_bad: int | None = None
    problems: tuple[str, ...] = ()
    balances: Mapping[str, int] = field(default_factory=dict)


#: Table → record class. The order is that of the exports.
TABLES: Final[Mapping[str, type[Any]]] = {
    "samples": Sample,
    "requests": Request,
    "loans": Loan,
    "analyses": Analysis,
    "accounts": Account,
}
Record = TypeVar("Record", Sample, Request, Loan, Analysis, Account)

#: The balance is written by postings alone, never by a change.
BALANCE: Final = "mass_tenth_mg"
#: Tables of which :data:`BALANCE` is a balance (in a request it is a wish).
BALANCED: Final = ("samples", "accounts")


def table_of(cls: type[Any]) -> str:
    """The table that keeps a record class."""
    return next(name for name, known in TABLES.items() if known is cls)


def storage(cls: type[Any]) -> dict[str, str]:
    """Column → how it is kept: "text", "integer", "real", "flag" or "json", with "?" where it may be absent."""
    kinds = {"str": "text", "int": "integer", "float": "real", "float | None": "real?", "bool": "flag"}
    return {f.name: kinds.get(str(f.type), "json") for f in fields(cls)}


def values_of(record: Any) -> dict[str, Any]:
    """A record as JSON-ready values by column."""
    return {name: _listed(getattr(record, name)) for name in storage(type(record))}


def record_of(cls: type[Record], values: Mapping[str, Any]) -> Record:
    """The record of JSON-ready values."""
    fields_: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return cls(**fields_)


def to_sql(kept: str, value: Any) -> Any:
    """A JSON-ready value as SQLite keeps it."""
    return (
        json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        if kept == "json"
        else int(value)
        if kept == "flag"
        else value
    )


def from_sql(kept: str, value: Any) -> Any:
    """And back."""
    return json.loads(value) if kept == "json" else bool(value) if kept == "flag" else value


def _listed(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
