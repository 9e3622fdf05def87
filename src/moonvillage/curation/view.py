"""Reading a sample ledger: records, holdings, balances, histories, the trail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from moonvillage.curation import refusals as no
from moonvillage.curation.book import Book, guarded
from moonvillage.curation.masses import show_mass
from moonvillage.curation.model import (
    Account,
    Analysis,
    Entry,
    Holding,
    Loan,
    Record,
    Request,
    Sample,
    Verification,
    storage,
    table_of,
)
from moonvillage.curation.steps import asked_for, known

#: What holdings can be grouped by.
PROPERTIES: Final = (
    "use",
    "custodian",
    "owner",
    "state",
    "place",
    "origin",
    "mission",
    "asset",
    "container",
)


class View:
    """What can be asked of a ledger file. :class:`~moonvillage.curation.Ledger` adds what can be done."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def close(self) -> None:
        """Let go of the file."""
        self._book.close()

    def __repr__(self) -> str:
        held = self.samples()
        total = show_mass(sum(s.mass_tenth_mg for s in held))
        return f"Ledger({str(self.path)!r}: {len(held)} samples, {total}, {self.head[0] + 1} entries)"

    @property
    def path(self) -> Path:
        """The file."""
        return self._book.path

    @property
    def head(self) -> tuple[int, str]:
        """Number and hash of the last entry: kept elsewhere, it proves later that nothing before it was changed."""
        with guarded(self.path):
            row = self._book.last()
        assert row is not None
        return row[0], row[4]

    def sample(self, id: str) -> Sample:
        """A sample by id. Raises InputError with what it may have meant."""
        return asked_for(self._book, Sample, id)

    def request_of(self, id: str) -> Request:
        """A request by id. Raises InputError with what it may have meant."""
        return asked_for(self._book, Request, id)

    def loan(self, id: str) -> Loan:
        """A loan by id. Raises InputError with what it may have meant."""
        return asked_for(self._book, Loan, id)

    def samples(self, **matching: Any) -> list[Sample]:
        """Samples by id; only those with these values (``use="research"``, ``catalogued=True``)."""
        return self._list(Sample, matching)

    def requests(self, **matching: Any) -> list[Request]:
        """Requests by id; only those with these values (``status="granted"``)."""
        return self._list(Request, matching)

    def loans(self, **matching: Any) -> list[Loan]:
        """Loans by id; only those with these values (``state="out"``)."""
        return self._list(Loan, matching)

    def analyses(self, **matching: Any) -> list[Analysis]:
        """Analyses by id; only those with these values (``sample="S1.3"``)."""
        return self._list(Analysis, matching)

    def _list(self, cls: type[Record], matching: Mapping[str, Any]) -> list[Record]:
        kept = storage(cls)
        for name in matching:
            if kept.get(name, "json") == "json":
                raise no.unknown(
                    f"property of {table_of(cls)}", name, [k for k, how in kept.items() if how != "json"]
                )
        clause = " AND ".join(f"{name} = ?" for name in matching)
        with guarded(self.path):
            return self._book.rows(cls, f"WHERE {clause}" if clause else "", tuple(matching.values()))

    def holdings(self, by: str = "use") -> list[Holding]:
        """How many samples with something in them, and how much, by one of :data:`PROPERTIES`."""
        if by not in PROPERTIES:
            raise no.unknown("property", by, PROPERTIES)
        query = (
            f"SELECT {by}, count(*), sum(mass_tenth_mg) FROM samples WHERE mass_tenth_mg > 0 GROUP BY 1 ORDER BY 1"
        )
        with guarded(self.path):
            rows = self._book.connection.execute(query).fetchall()
        return [Holding(key=str(key), samples=int(count), mass_tenth_mg=int(mass)) for key, count, mass in rows]

    def balances(self) -> dict[str, int]:
        """The accounts besides the samples, and all samples together ("held"); their sum is zero."""
        with guarded(self.path), self._book.reading():
            found = {account.id: account.mass_tenth_mg for account in self._book.rows(Account)}
            held = self._book.connection.execute("SELECT coalesce(sum(mass_tenth_mg), 0) FROM samples").fetchone()[0]
        return {**found, "held": int(held)}

    def history(self, sample: str, *, ancestors: bool = True) -> list[Entry]:
        """Every entry that touched a sample, its requests and its loan, in order.

        With ``ancestors`` also what was done to those that it was split from, until it was.
        """
        book = self._book
        with guarded(self.path), book.reading():
            one = known(book, Sample, sample)
            names = [f"samples/{sample}"]
            names += [f"requests/{found.id}" for found in book.rows(Request, "WHERE sample = ?", (sample,))]
            for loan in book.rows(Loan, "WHERE sample = ?", (sample,)):
                names += [f"loans/{loan.id}", f"requests/{loan.request}"]
            numbers = {seq for name in names for seq in book.touching(name)}
            while ancestors and one.parent:
                born = min(book.touching(f"samples/{one.id}"))
                one = known(book, Sample, one.parent)
                numbers |= {seq for seq in book.touching(f"samples/{one.id}") if seq <= born}
            return [entry for seq in sorted(numbers) for entry in book.entries("WHERE seq = ?", (seq,))]

    def entries(self) -> list[Entry]:
        """The whole trail."""
        with guarded(self.path), self._book.reading():
            return list(self._book.entries())

    def verify(self, anchor: tuple[int, str] | None = None) -> Verification:
        """Check the whole ledger: see :func:`moonvillage.curation.proof.verify`."""
        from moonvillage.curation.proof import verify

        return verify(self.path, anchor)

    def export_json(self, path: Path | str) -> Path:
        """Write the ledger, trail and tables, as one JSON file: see :mod:`moonvillage.curation.exchange`."""
        from moonvillage.curation.exchange import export_json

        return export_json(self._book, Path(path))

    def export_csv(self, folder: Path | str) -> Path:
        """Write the ledger as CSV tables into a folder: see :mod:`moonvillage.curation.exchange`."""
        from moonvillage.curation.exchange import export_csv

        return export_csv(self._book, Path(folder))
