"""Ledgers to test on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from moonvillage.curation import Ledger, Portion, example

DAY = "2031-03-01"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """One kilogram, opened: 600 g research and 100 g display catalogued, 200 g permanent, 100 g left over."""
    with Ledger.create(tmp_path / "a.samples", title="a test", date="2031-01-01") as made:
        made.collect("1 kg", id="S", date="2031-01-02", by="esa", place="site", owner="esa", container="box")
        made.receive("S", date="2031-01-09", by="esa", place="Earth")
        made.open_container("S", date="2031-01-10", by="esa")
        made.split(
            "S",
            [
                Portion(mass="600 g", use="research"),
                Portion(mass="100 g", use="public_display"),
                Portion(mass="200 g", use="permanent_storage"),
            ],
            date="2031-01-20",
            by="esa",
        )
        made.catalogue("S.1", description="fines", date="2031-02-01", by="esa")
        yield made


@pytest.fixture(scope="session")
def chang_e_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Chang'e 5 ledger, closed; copy it before writing."""
    path = tmp_path_factory.mktemp("chang_e") / "ce5.samples"
    example(path).close()
    return path


@pytest.fixture
def chang_e(chang_e_file: Path, tmp_path: Path) -> Path:
    """A copy of the Chang'e 5 ledger."""
    return Path(shutil.copy(chang_e_file, tmp_path / "ce5.samples"))
