"""The samples of a run: its ledger in the run folder, and what the report tells of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from moonvillage.records.campaign import Campaign
from moonvillage.records.flights import Flights
from moonvillage.scenario import Scenario

if TYPE_CHECKING:
    from moonvillage.curation import Ledger

LEDGER: Final = "samples.ledger"


def keep_samples(folder: Path, scenario: Scenario, campaign: Campaign, flights: Flights | None) -> Path | None:
    """Write ``samples.ledger`` for a plan that brings samples home; whole or not at all.

    A ledger that is there and goes on from the same plan (somebody has worked with it) stays as it is. One of another
    plan is kept beside, under the first letters of its last hash. None where nothing is brought home.

    Raises
    ------
    InputError
        If the plan's samples cannot be entered: see :func:`moonvillage.curation.from_run`.
    """
    from moonvillage.curation import Ledger, from_run

    if campaign.table("manifest").filter(pl.col("kind") == "samples").is_empty():
        return None
    path = folder / LEDGER
    with tempfile.TemporaryDirectory(prefix=".samples-", dir=folder) as name:
        made = Path(name) / LEDGER
        with from_run(campaign, scenario, made, flights) as ledger:
            hashes = [entry.hash for entry in ledger.entries()]
        if path.exists():
            with Ledger.open(path) as old:
                before = [entry.hash for entry in old.entries()]
            if before[: len(hashes)] == hashes:
                return path
            os.replace(path, folder / f"samples-{before[-1][:8]}.ledger")
        os.replace(made, path)
    return path


def sample_rows(folder: Path) -> pl.DataFrame | None:
    """What the report tells of each sample that a flight brought home; None where the run has no ledger."""
    from moonvillage.curation import Ledger
    from moonvillage.reporting.bundle import SAMPLE_COLUMNS

    path = folder / LEDGER
    if not path.exists():
        return None
    with Ledger.open(path) as ledger:
        rows = [_row(ledger, sample.id) for sample in ledger.samples() if not sample.parent]
    return pl.DataFrame(rows, schema=dict(SAMPLE_COLUMNS))


def _row(ledger: Ledger, id_: str) -> dict[str, Any]:
    root = ledger.sample(id_)
    family = {id_}
    todo = [id_]
    while todo:
        parent = todo.pop()
        found = [s.id for s in ledger.samples(parent=parent)]
        family.update(found)
        todo += found
    entries = ledger.history(id_, ancestors=False)
    mass = next((entry.postings.get(id_, 0) for entry in entries if entry.kind == "collect"), 0)
    home = next((entry.date_tdb_s for entry in entries if entry.kind == "receive"), None)
    requests = [r for r in ledger.requests() if r.sample in family]
    asked = {r.id for r in requests}
    loans = [loan for loan in ledger.loans() if loan.request in asked]
    return {
        "flight": id_,
        "owner": root.owner,
        "custodian": root.custodian,
        "place": root.origin,
        "collected_tdb_s": root.collected_tdb_s,
        "returned_tdb_s": home,
        "mass_kg": mass / 1e7,
        "requests": len(requests),
        "granted": sum(r.status in ("granted", "lent") for r in requests),
        "loans": len(loans),
        "lent_kg": sum(loan.lent_tenth_mg for loan in loans) / 1e7,
    }
