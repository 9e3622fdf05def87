"""The commands of the sample ledger: `moonvillage samples ...`, one thin command an operation.

Exit codes as everywhere: 0 done; 1 done, and the answer is no (a request refused or undecided, a ledger that is not
sound); 2 the input is wrong. Every operation takes --date (UTC, now by default), --by (the user by default) and
--operation, an id under which it is done only once, however often the command is given.
"""

from __future__ import annotations

import getpass
import json as _json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import cyclopts
from cyclopts import Parameter

from moonvillage.cli.shared import ANSWER_IS_NO, DONE, Json
from moonvillage.curation import Entry, Holding, Ledger, Loan, Portion, Request, Sample, show_mass
from moonvillage.errors import InputError

app = cyclopts.App(
    name="samples",
    help="The sample ledger: from collection to loan, exact to 0.1 mg, with its audit trail.",
    help_format="markdown",
)


@Parameter(name="*")
@dataclass(frozen=True)
class Entered:
    """Who enters an operation, when it happened, and an id against doing it twice."""

    date: str = ""
    "When it happened, UTC: 2031-04-12 or 2031-04-12T10:00Z; now by default."
    by: str = ""
    "Who enters it; the user by default."
    operation: str | None = None
    "An id of this operation: given again, it is not done again."

    def said(self) -> dict[str, Any]:
        """As arguments of the ledger's methods."""
        date = self.date or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        if self.operation and not self.date:
            raise InputError.one(
                "is missing beside --operation",
                "say --date, so that the command means the same when it is given again",
                field="--date",
            )
        return {"date": date, "by": self.by or _user(), "operation": self.operation}


NOW: Final = Entered()


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise InputError.one("is missing: this system does not say who you are", "say --by", field="--by") from None


def _plain(record: Any) -> dict[str, Any]:
    """A record for people and programs: masses and dates also as texts."""
    from moonvillage.ephemeris.time import tdb_s_to_utc
    from moonvillage.records.store import plain

    shown: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        shown[field.name] = plain(value)
        if field.name.endswith("_tenth_mg"):
            shown[field.name.removesuffix("_tenth_mg")] = show_mass(value)
        if field.name.endswith("_tdb_s") and value is not None:
            shown[field.name.removesuffix("_tdb_s") + "_utc"] = tdb_s_to_utc(value)
    return shown


def _print(value: Any, json: bool, text: str) -> int:
    print(_json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) if json else text)
    return DONE


def _line(record: Any) -> str:
    """A record in a line."""
    if isinstance(record, Sample):
        parts = [record.id, show_mass(record.mass_tenth_mg), record.state, record.use.replace("_", " ")]
        parts += [f"with {record.custodian}", "catalogued" if record.catalogued else ""]
    elif isinstance(record, Request):
        parts = [record.id, record.applicant, show_mass(record.mass_tenth_mg), f"of {record.sample}", record.stage]
        parts += [record.status, record.why]
    elif isinstance(record, Loan):
        shown = _plain(record)
        parts = [
            record.id,
            record.borrower,
            shown["lent"],
            record.sample,
            record.state,
            f"due {shown['due_utc'][:10]}",
        ]
    elif isinstance(record, Holding):
        parts = [record.key or "(none)", f"{record.samples} samples", show_mass(record.mass_tenth_mg)]
    elif isinstance(record, Entry):
        moved = ", ".join(f"{id_} {show_mass(mass)}" for id_, mass in record.postings.items())
        parts = [str(record.seq), _plain(record)["date_utc"], record.kind, f"by {record.by}", moved, record.hash[:12]]
    else:
        shown = _plain(record)
        parts = [record.id, record.sample, record.laboratory, record.method, record.result, shown["consumed"]]
    return "  ".join(part for part in parts if part)


def _one(record: Any, json: bool) -> int:
    return _print(_plain(record), json, _line(record))


def _many(records: Sequence[Any], json: bool, none: str) -> int:
    return _print([_plain(r) for r in records], json, "\n".join(_line(r) for r in records) or none)


@app.command
def new(file: Path, /, *, title: str = "", entered: Entered = NOW, json: Json = False) -> int:
    """Make an empty ledger.

    Example: `moonvillage samples new apollo.samples --title "Our samples"`
    """
    said = entered.said()
    with Ledger.create(file, title=title, date=said["date"], by=said["by"]) as ledger:
        return _print({"file": str(file), "head": list(ledger.head)}, json, f"made {file}")


@app.command
def example(file: Path, /, *, json: Json = False) -> int:
    """Make the ledger of Chang'e 5: 1731 g, four uses, seven loans.

    Example: `moonvillage samples example ce5.samples`
    """
    from moonvillage.curation import example as make

    with make(file) as ledger:
        return _print({"file": str(file), "head": list(ledger.head)}, json, repr(ledger))


@app.command
def collect(
    file: Path,
    mass: str,
    /,
    *,
    place: str,
    owner: str,
    custodian: str = "",
    container: str = "",
    id: str = "",
    mission: str = "",
    asset: str = "",
    description: str = "",
    entered: Entered = NOW,
    json: Json = False,
) -> int:
    """A sample is taken.

    Example: `moonvillage samples collect a.samples "1.7 kg" --place Procellarum --owner cnsa --date 2031-05-12`

    Parameters
    ----------
    mass
        With its unit: "1731 g".
    asset
        The name of the collection in laws and agreements, such as ce5_samples.
    """
    with Ledger.open(file) as ledger:
        made = ledger.collect(
            mass,
            place=place,
            owner=owner,
            custodian=custodian,
            container=container,
            id=id,
            mission=mission,
            asset=asset,
            description=description,
            **entered.said(),
        )
        return _one(made, json)


@app.command(name="collect-table")
def collect_table(file: Path, table: Path, /, *, by: str = "", json: Json = False) -> int:
    """Collect every sample of a CSV table (id, mass, date, place, owner, ...); given again, only what is new.

    Example: `moonvillage samples collect-table a.samples field.csv`
    """
    with Ledger.open(file) as ledger:
        return _many(ledger.collect_csv(table, by=by or _user()), json, "no samples")


@app.command
def receive(
    file: Path,
    sample: str,
    /,
    *,
    place: str,
    custodian: str = "",
    weighed: str | None = None,
    entered: Entered = NOW,
    json: Json = False,
) -> int:
    """It is back on Earth, sealed.

    Example: `moonvillage samples receive a.samples S1 --place Beijing --weighed "1731 g"`
    """
    with Ledger.open(file) as ledger:
        said = entered.said()
        return _one(ledger.receive(sample, place=place, custodian=custodian, weighed=weighed, **said), json)


@app.command(name="open")
def open_(
    file: Path,
    sample: str,
    /,
    *,
    container: str = "",
    loss: str = "0 mg",
    entered: Entered = NOW,
    json: Json = False,
) -> int:
    """The sealed container is opened.

    Example: `moonvillage samples open a.samples S1 --loss "0.3 mg"`
    """
    with Ledger.open(file) as ledger:
        return _one(ledger.open_container(sample, container=container, loss=loss, **entered.said()), json)


@app.command
def split(
    file: Path,
    sample: str,
    portions: Annotated[list[str], Parameter(negative=())],
    /,
    *,
    loss: str = "0 mg",
    entered: Entered = NOW,
    json: Json = False,
) -> int:
    """An open sample is divided; what is not named stays in it.

    Example: `moonvillage samples split a.samples S1 "600 g:research" "700 g:permanent_storage:S1-P"`

    Parameters
    ----------
    portions
        Each "MASS", "MASS:USE" or "MASS:USE:ID"; uses: permanent_storage, backup_storage, research, public_display.
    """
    parts = []
    for text in portions:
        mass, _, rest = text.partition(":")
        use, _, id_ = rest.partition(":")
        parts.append(Portion(mass=mass, use=use, id=id_))
    with Ledger.open(file) as ledger:
        return _many(ledger.split(sample, parts, loss=loss, **entered.said()), json, "")


@app.command
def transfer(
    file: Path,
    sample: str,
    /,
    *,
    to: str,
    place: str = "",
    container: str = "",
    entered: Entered = NOW,
    json: Json = False,
) -> int:
    """Custody passes to somebody else.

    Example: `moonvillage samples transfer a.samples S1 --to cas --place Beijing`
    """
    with Ledger.open(file) as ledger:
        return _one(ledger.transfer(sample, to=to, place=place, container=container, **entered.said()), json)


@app.command
def weigh(file: Path, sample: str, mass: str, /, *, reason: str, entered: Entered = NOW, json: Json = False) -> int:
    """The balance shows something else than the book.

    Example: `moonvillage samples weigh a.samples S1.3 "59.8 mg" --reason "new balance"`
    """
    with Ledger.open(file) as ledger:
        return _one(ledger.weigh(sample, mass, reason=reason, **entered.said()), json)


@app.command
def consume(file: Path, sample: str, mass: str, /, *, reason: str, entered: Entered = NOW, json: Json = False) -> int:
    """Part of a sample, or all, is used up.

    Example: `moonvillage samples consume a.samples S1.3 "5 mg" --reason dissolved`
    """
    with Ledger.open(file) as ledger:
        return _one(ledger.consume(sample, mass, reason=reason, **entered.said()), json)


@app.command
def catalogue(file: Path, sample: str, /, *, description: str, entered: Entered = NOW, json: Json = False) -> int:
    """A sample is described and offered: from now on it can be asked for.

    Example: `moonvillage samples catalogue a.samples S1.1 --description "fines below 1 mm"`
    """
    with Ledger.open(file) as ledger:
        return _one(ledger.catalogue(sample, description=description, **entered.said()), json)


@app.command
def request(
    file: Path,
    sample: str,
    applicant: str,
    mass: str,
    /,
    *,
    funders: Annotated[list[str] | None, Parameter(negative=())] = None,
    stage: str = "research",
    purpose: str = "",
    id: str = "",
    entered: Entered = NOW,
    json: Json = False,
) -> int:
    """Somebody asks for material.

    Example: `moonvillage samples request ce5.samples CE5-R cologne "10 mg" --funders cologne`

    Parameters
    ----------
    applicant
        A partner of the catalog, such as open_university.
    funders
        Whose money pays (repeat it for several); where nobody says it, the decision may be "unknown".
    stage
        "apply" (may one apply at all) or "research".
    """
    with Ledger.open(file) as ledger:
        said = entered.said()
        made = ledger.request(sample, applicant, mass, funders=funders, stage=stage, purpose=purpose, id=id, **said)
        return _one(made, json)


@app.command
def decide(
    file: Path,
    request: str,
    /,
    *,
    approved: Annotated[bool | None, Parameter(negative="--declined")] = None,
    scenario: Path | None = None,
    entered: Entered = NOW,
    json: Json = False,
) -> int:
    """Decide a request under the rules of the date; write down every rule and agreement that made the answer.

    Example: `moonvillage samples decide ce5.samples R3 --approved --date 2025-04-24`

    Parameters
    ----------
    approved
        The owner of the samples approves it, or --declined.
    scenario
        A scenario whose rules hold; by default the catalog's.
    """
    from moonvillage.catalog import load_catalog
    from moonvillage.cooperation import Rulebook

    if scenario is None:
        book = Rulebook.from_catalog(load_catalog())
    else:
        from moonvillage.scenario import load

        loaded = load(scenario)
        book = Rulebook(loaded.of("partner"), loaded.agreements, loaded.laws)
    with Ledger.open(file) as ledger:
        made = ledger.decide(request, book, approved=approved, **entered.said())
        _one(made, json)
        return DONE if made.status in ("admitted", "granted", "lent") else ANSWER_IS_NO


@app.command
def lend(
    file: Path,
    request: str,
    /,
    *,
    due: str,
    mass: str | None = None,
    container: str = "",
    place: str = "",
    id: str = "",
    entered: Entered = NOW,
    json: Json = False,
) -> int:
    """A granted request is served.

    Example: `moonvillage samples lend ce5.samples R3 --due 2026-04-25`
    """
    with Ledger.open(file) as ledger:
        said = entered.said()
        return _one(ledger.lend(request, due=due, mass=mass, container=container, place=place, id=id, **said), json)


@app.command
def analyse(
    file: Path,
    sample: str,
    /,
    *,
    laboratory: str,
    method: str,
    result: str = "",
    publication: str = "",
    consumed: str = "0 mg",
    entered: Entered = NOW,
    json: Json = False,
) -> int:
    """What a laboratory measured on a sample, and how much of it that took.

    Example: `moonvillage samples analyse ce5.samples CE5-R.1 --laboratory open_university --method NanoSIMS`
    """
    with Ledger.open(file) as ledger:
        made = ledger.record_analysis(
            sample,
            laboratory=laboratory,
            method=method,
            result=result,
            publication=publication,
            consumed=consumed,
            **entered.said(),
        )
        return _one(made, json)


@app.command(name="return")
def return_(
    file: Path, loan: str, /, *, weighed: str | None = None, entered: Entered = NOW, json: Json = False
) -> int:
    """A loan comes back; what is missing on the balance is booked as lost.

    Example: `moonvillage samples return ce5.samples loan-cologne --weighed "300 mg"`
    """
    with Ledger.open(file) as ledger:
        return _one(ledger.give_back(loan, weighed=weighed, **entered.said()), json)


@app.command(name="list")
def list_(
    file: Path,
    /,
    *,
    of: str = "samples",
    use: str | None = None,
    state: str | None = None,
    custodian: str | None = None,
    json: Json = False,
) -> int:
    """What the ledger holds.

    Example: `moonvillage samples list ce5.samples --of loans --state out`

    Parameters
    ----------
    of
        samples, requests, loans or analyses.
    state
        Of samples and loans; of requests, their status.
    """
    from moonvillage.curation.refusals import unknown

    given = {"use": use, "custodian": custodian, "status" if of == "requests" else "state": state}
    matching = {name: value for name, value in given.items() if value is not None}
    with Ledger.open(file) as ledger:
        tables: dict[str, Callable[..., Sequence[Any]]] = {
            "samples": ledger.samples,
            "requests": ledger.requests,
            "loans": ledger.loans,
            "analyses": ledger.analyses,
        }
        if of not in tables:
            raise unknown("table", of, tables)
        return _many(tables[of](**matching), json, f"no such {of}")


@app.command
def holdings(file: Path, /, *, by: str = "use", json: Json = False) -> int:
    """How much there is, by use, custodian, owner, state, place, origin, mission, asset or container.

    Example: `moonvillage samples holdings ce5.samples --by custodian`
    """
    with Ledger.open(file) as ledger:
        return _many(ledger.holdings(by), json, "nothing")


@app.command
def history(file: Path, sample: str, /, *, json: Json = False) -> int:
    """Everything that was done to a sample and those that it was split from.

    Example: `moonvillage samples history ce5.samples CE5-R.1`
    """
    with Ledger.open(file) as ledger:
        return _many(ledger.history(sample), json, "")


@app.command
def verify(file: Path, /, *, anchor: str = "", json: Json = False) -> int:
    """Is the ledger what it was? Names the first corrupted entry, or the rows that do not follow from the trail.

    Example: `moonvillage samples verify ce5.samples`

    Parameters
    ----------
    anchor
        NUMBER:HASH of an entry, noted earlier: finds a trail that was cut short or written anew.
    """
    from moonvillage.curation.proof import verify as check

    number, _, hash_ = anchor.partition(":")
    if anchor and not (number.isdecimal() and hash_):
        raise InputError.one("is no anchor", "write NUMBER:HASH", field="--anchor", value=anchor)
    found = check(file, (int(number), hash_) if anchor else None)
    told = f"{file}: sound; {found.entries} entries, head {found.entries - 1}:{found.head}"
    _print(_plain(found), json, told if found.sound else "\n".join(f"{file}: {p}" for p in found.problems))
    return DONE if found.sound else ANSWER_IS_NO


@app.command
def export(file: Path, out: Path, /, *, json: Json = False) -> int:
    """Write the ledger as JSON (OUT ends in .json), or as CSV tables into a folder.

    Example: `moonvillage samples export ce5.samples ce5.json`
    """
    with Ledger.open(file) as ledger:
        made = ledger.export_json(out) if out.suffix == ".json" else ledger.export_csv(out)
        return _print({"written": str(made)}, json, f"wrote {made}")


@app.command(name="import")
def import_(source: Path, file: Path, /, *, json: Json = False) -> int:
    """Make a ledger from an export (a .json file or a folder of CSV tables); the chain is checked.

    Example: `moonvillage samples import ce5.json ce5.samples`
    """
    make = Ledger.import_csv if source.is_dir() else Ledger.import_json
    with make(source, file) as ledger:
        return _print({"file": str(file), "head": list(ledger.head)}, json, repr(ledger))


@app.command(name="from-run")
def from_run(folder: Path, file: Path, /, *, json: Json = False) -> int:
    """Make the ledger of the samples that the flights of a run bring home.

    Example: `moonvillage samples from-run runs/sample-return samples.samples`

    Parameters
    ----------
    folder
        A finished run.
    """
    from moonvillage.curation import from_run as make
    from moonvillage.pipeline import read_result

    if not folder.is_dir():
        raise InputError.one("is not a folder", "name a run folder", file=str(folder))
    result, _ = read_result(folder)
    if result.campaign is None:
        raise InputError.one("holds no plan", "finish the run first", file=str(folder))
    with make(result.campaign, result.scenario, file, result.flights) as ledger:
        return _print({"file": str(file), "head": list(ledger.head)}, json, repr(ledger))
