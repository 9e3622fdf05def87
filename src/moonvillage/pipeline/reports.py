"""From a run to its report: in the loop, or again from a run folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moonvillage.errors import InputError
from moonvillage.records.flights import FLOWN, FLOWN_BURNS, SAMPLES, Flights
from moonvillage.records.store import plain

if TYPE_CHECKING:
    from moonvillage.pipeline.state import Result


def write_report(
    folder: Path,
    result: Result,
    manifest: Mapping[str, Any],
    progress: Callable[[str, float, str], None] | None = None,
) -> Path:
    """Write report.html and its figures into a run folder; returns the page's path."""
    import polars as pl

    from moonvillage.reporting import Bundle, report

    assert result.campaign is not None
    flights = result.flights or Flights(
        pl.DataFrame(schema=dict(FLOWN)), pl.DataFrame(schema=dict(SAMPLES)), pl.DataFrame(schema=dict(FLOWN_BURNS))
    )
    bundle = Bundle(
        scenario=result.scenario,
        campaign=result.campaign,
        flights=flights,
        log=result.log,
        legs=result.legs,
        summary=plain(result.summary),
        manifest=plain(manifest),
    )

    def show(message: str) -> None:
        if progress is not None:
            progress("report", 0.0, message)

    return report(bundle, folder, progress=show)


def report_folder(folder: Path) -> Path:
    """Write the report of a finished run again.

    Raises
    ------
    InputError
        If the folder holds no finished run.
    """
    from moonvillage.pipeline.folder import read_result

    if not folder.is_dir():
        raise InputError.one("is not a folder", "name a run folder", file=str(folder))
    result, manifest = read_result(folder)
    return write_report(folder, result, manifest)
