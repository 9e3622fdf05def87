"""What a ledger refuses, each with its remedy, and how it reads what the user wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from moonvillage.curation.masses import show_mass
from moonvillage.curation.model import LENT_FROM, USES, Sample
from moonvillage.errors import InputError

#: When something happened: UTC text, or TDB seconds past J2000.
Date = str | float

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,99}\Z")
_LONGEST: Final = 4000


def epoch(when: Date, field: str = "date") -> float:
    """TDB seconds past J2000 of a UTC text (or of themselves)."""
    from moonvillage.ephemeris.time import utc_to_tdb_s

    if isinstance(when, (int, float)) and not isinstance(when, bool):
        if not abs(when) < 1e12:
            raise InputError.one("is out of range", "write a date such as '2020-12-16'", field=field, value=str(when))
        return float(when)
    try:
        return utc_to_tdb_s(str(when))
    except (ValueError, TypeError):
        raise InputError.one(
            "is not a UTC date", "write it as '2020-12-16' or '2020-12-16T17:59Z'", field=field, value=str(when)
        ) from None


def day(date_tdb_s: float) -> str:
    """The UTC day of an epoch."""
    from moonvillage.ephemeris.time import tdb_s_to_utc

    return tdb_s_to_utc(date_tdb_s)[:10]


def new_id(id_: str, field: str) -> str:
    """An id that somebody chose."""
    if not isinstance(id_, str) or not _ID.match(id_):
        raise InputError.one(
            "is no id",
            "use up to 100 letters, digits and _ . : / + -, beginning with a letter or digit",
            field=field,
            value=str(id_)[:120],
        )
    return id_


def said(text: str, field: str, *, needed: bool = False) -> str:
    """A text that can be kept and exported."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise InputError.one(f"is no text of up to {_LONGEST} characters", "shorten it", field=field)
    if any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 or ord(c) == 127 for c in text):
        raise InputError.one("holds control characters", "write one line of plain text", field=field, value=text[:80])
    if needed and not text.strip():
        raise InputError.one("is missing", f"say the {field.replace('_', ' ')}", field=field)
    return text


def use_of(use: str, field: str = "use") -> str:
    """One of the four uses."""
    from moonvillage.catalog.reader import did_you_mean

    if use not in USES:
        raise InputError.one("is not a use of samples", did_you_mean(use, USES), field=field, value=use)
    return use


def unknown(kind: str, id_: str, known: Iterable[str]) -> InputError:
    """There is no such sample, request or loan."""
    from moonvillage.catalog.reader import did_you_mean

    return InputError.one(f"is not a known {kind}", did_you_mean(str(id_), known), field=kind, value=str(id_))


def taken(kind: str, id_: str) -> InputError:
    """There is one already."""
    return InputError.one(f"is a {kind} already", "choose another id", field=kind, value=id_)


def too_much(sample: Sample, wanted: int, what: str) -> InputError:
    """More than there is."""
    return InputError.one(
        f"needs {show_mass(wanted)} {what}, and the sample holds {show_mass(sample.mass_tenth_mg)}",
        "take less, or take it from another sample ('samples list' shows what there is)",
        field="sample",
        value=sample.id,
    )


def not_before(sample: Sample, date_tdb_s: float) -> None:
    """Nothing is done to a sample before there is one."""
    if date_tdb_s < sample.since_tdb_s:
        raise InputError.one(
            f"lies before {day(sample.since_tdb_s)}, when the sample came to be",
            "mend the date",
            field="date",
            value=day(date_tdb_s),
        )


def must_be(sample: Sample, states: tuple[str, ...], doing: str) -> None:
    """The sample has to be in one of these states."""
    if sample.state in states:
        return
    remedy = {
        "collected": "record its return first: 'samples receive'",
        "sealed": "open it first: 'samples open'",
        "open": "it is open already",
        "lent": f"it is out on loan {sample.loan}: record what came back first ('samples return {sample.loan}')",
        "spent": "nothing is left of it; its history is kept ('samples history')",
    }[sample.state]
    raise InputError.one(f"is {sample.state} and cannot be {doing}", remedy, field="sample", value=sample.id)


def must_be_for_loan(sample: Sample) -> None:
    """Only what is meant for research or display leaves the house."""
    if sample.use not in LENT_FROM:
        kept = f"is kept for {sample.use.replace('_', ' ')}" if sample.use else "has no use assigned yet"
        raise InputError.one(
            f"{kept} and is not lent",
            "ask for a sample for research or public display ('samples list --use research')",
            field="sample",
            value=sample.id,
        )
