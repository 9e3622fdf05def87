"""From a run to its report: in the loop, again from a run folder, or released to a partner."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import getpass
import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moonvillage.ephemeris.time import tdb_s_to_utc, utc_to_tdb_s
from moonvillage.errors import InputError
from moonvillage.records.flights import FLOWN, FLOWN_BURNS, SAMPLES, Flights
from moonvillage.records.store import new_folder, plain, read_json, write_json

if TYPE_CHECKING:
    from moonvillage.pipeline.releases import ReleaseEntry
    from moonvillage.pipeline.state import Result
    from moonvillage.reporting import Bundle

#: In the folder of a bundle: what it is, so that it can be found in the record.
RELEASE = "release.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Released:
    """A bundle that was made for a partner: its folder, the files in it, its entry in the record."""

    folder: Path
    files: tuple[Path, ...]
    entry: ReleaseEntry
    withheld: int


@dataclasses.dataclass(frozen=True, slots=True)
class Draft:
    """A release being made: what may be shown, where to write it, and the sentence that marks it."""

    shown: Bundle
    folder: Path
    text: str


def write_report(
    folder: Path,
    result: Result,
    manifest: Mapping[str, Any],
    progress: Callable[[str, float, str], None] | None = None,
) -> Path:
    """Write report.html and its figures into a run folder; returns the page's path."""
    from moonvillage.reporting import report

    def show(message: str) -> None:
        if progress is not None:
            progress("report", 0.0, message)

    return report(bundle_of(result, manifest, folder), folder, progress=show)


def bundle_of(result: Result, manifest: Mapping[str, Any], folder: Path) -> Bundle:
    """A run as the value that reports are made from; its samples are read from the run folder."""
    import polars as pl

    from moonvillage.pipeline.samples import sample_rows
    from moonvillage.reporting import Bundle

    assert result.campaign is not None
    flights = result.flights or Flights(
        pl.DataFrame(schema=dict(FLOWN)), pl.DataFrame(schema=dict(SAMPLES)), pl.DataFrame(schema=dict(FLOWN_BURNS))
    )
    return Bundle(
        scenario=result.scenario,
        campaign=result.campaign,
        flights=flights,
        log=result.log,
        legs=result.legs,
        summary=plain(result.summary),
        manifest=plain(manifest),
        samples=sample_rows(folder),
    )


def report_folder(folder: Path) -> Path:
    """Write the report of a finished run again.

    Raises
    ------
    InputError
        If the folder holds no finished run.
    """
    from moonvillage.pipeline.folder import read_result

    _is_folder(folder)
    result, manifest = read_result(folder)
    return write_report(folder, result, manifest)


def report_to(
    folder: Path, partner: str, *, out: Path | None = None, date: str | None = None, by: str | None = None
) -> Released:
    """Write the report that a partner may see, with its figures and tables, and record the release.

    Parameters
    ----------
    folder
        The run folder.
    partner
        Partner id.
    out
        Where to; ``partners/ID`` in the run folder by default. A bundle that lies there is replaced.
    date
        UTC day of the release, by whose rules it is decided; today by default.
    by
        Who releases; the user of this computer by default.

    Raises
    ------
    InputError
        If there is no finished run, no such partner or date, the record is corrupted, or ``out`` holds other files.
    """
    from moonvillage.reporting import report
    from moonvillage.reporting.released import write_tables

    with release(folder, partner, "report", out, date, by) as draft:
        report(draft.shown, draft.folder)
        write_tables(draft.shown, draft.folder / "tables")
    return _last(folder, partner, out, draft)


@contextlib.contextmanager
def release(
    folder: Path, partner: str, what: str, out: Path | None = None, date: str | None = None, by: str | None = None
) -> Iterator[Draft]:
    """Make a release: fill the draft's folder; it is then recorded, and after that put in its place.

    Where the body raises, or is killed, nothing is released. Killed between the record and the renaming, an entry
    stands for a bundle that nobody got: the safe side.
    """
    from moonvillage.pipeline.folder import read_result
    from moonvillage.pipeline.releases import digests, register
    from moonvillage.reporting.projection import project
    from moonvillage.reporting.released import mark_text

    _is_folder(folder)
    epoch, day = _day(date)
    result, manifest = read_result(folder)
    shown = project(bundle_of(result, manifest, folder), partner, epoch)
    told = shown.release
    assert told is not None
    target = out if out is not None else folder / "partners" / partner
    if target.exists() and not (target / RELEASE).exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError.one(
            "holds files that are no release", "name an empty or new folder with -o", file=str(target)
        )
    said = {
        "what": what,
        "to": partner,
        "date": day,
        "by": by or _user(),
        "run": manifest.get("key") or hashlib.sha256(repr(sorted(manifest)).encode()).hexdigest(),
    }
    with register(folder) as record:
        mark = record.mark(said)
        shown = dataclasses.replace(shown, release=dataclasses.replace(told, mark=mark))
        withheld = [{"class": name, "under": why, "items": count} for name, why, count in told.withheld]
        under = {name: list(ids) for name, ids in told.under}
        with new_folder(target) as made:
            yield Draft(shown, made, mark_text(shown))
            files = digests(made)
            body = {
                **said,
                "recorded": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "files": files,
                "digest": hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest(),
                "under": under,
                "withheld": withheld,
            }
            write_json(
                made / RELEASE,
                {
                    "to": partner,
                    "date": day,
                    "what": what,
                    "mark": mark,
                    "entry": record.seq,
                    "previous": record.previous,
                    "files": files,
                    "under": under,
                    "withheld": withheld,
                },
            )
            record.append(mark, body)


def _last(folder: Path, partner: str, out: Path | None, draft: Draft) -> Released:
    from moonvillage.pipeline.releases import verify

    target = out if out is not None else folder / "partners" / partner
    told = draft.shown.release
    assert told is not None
    mark = read_json(target / RELEASE)["mark"]
    entry = next(entry for entry in reversed(verify(folder).entries) if entry.mark == mark)
    return Released(target, tuple(sorted(p for p in target.rglob("*") if p.is_file())), entry, told.items)


def _is_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise InputError.one("is not a folder", "name a run folder", file=str(folder))


def _day(date: str | None) -> tuple[float, str]:
    text = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d") if date is None else date
    try:
        epoch = utc_to_tdb_s(text)
    except ValueError:
        raise InputError.one("is not a date", "write 2033-04-12", field="--date", value=text) from None
    return epoch, tdb_s_to_utc(epoch)[:10]


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
