"""Eight processes write at once, two of them are killed and do their work again: nothing is lost, nothing doubled."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from moonvillage.curation import Ledger

WORKER = Path(__file__).with_name("worker.py")
PROCESSES = 8


def start(path: Path, number: int, blocks: int, go: Path, *die: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(WORKER), str(path), str(number), str(blocks), str(go), *die])


def written(ledger: Ledger, number: int) -> int:
    query = "SELECT count(*) FROM trail WHERE operation LIKE ?"
    return int(ledger._book.connection.execute(query, (f"w{number}-%",)).fetchone()[0])


def race(folder: Path, blocks: int, timeout_s: float, deaths: dict[int, str]) -> float:
    """``deaths``: how a process dies by itself, or "" to kill it from outside when it has done some."""
    path, go = folder / "pool.samples", folder / "go"
    with Ledger.create(path) as ledger:
        ledger.collect("10 g", id="pool", date="2031-01-01", by="esa", place="site", owner="esa")
        ledger.receive("pool", date="2031-01-02", by="esa", place="Earth")
        first = ledger.open_container("pool", date="2031-01-03", by="esa").mass_tenth_mg
        anchor = ledger.head
        running = {n: start(path, n, blocks, go, *filter(None, [deaths.get(n)])) for n in range(PROCESSES)}
        try:
            limit = time.monotonic() + timeout_s
            while not all((folder / f"ready{n}").exists() for n in running):
                assert time.monotonic() < limit
                time.sleep(0.01)
            began = time.monotonic()
            go.touch()
            for victim, how in deaths.items():
                while not how and written(ledger, victim) < 7:
                    assert time.monotonic() < limit
                    time.sleep(0.002)
                if not how:
                    running[victim].kill()
                assert running[victim].wait(timeout_s) == -9
                assert 0 < written(ledger, victim) < 5 * blocks
                running[victim] = start(path, victim, blocks, go)  # does its whole list again
            for process in running.values():
                assert process.wait(max(1.0, limit - time.monotonic())) == 0
            wall = time.monotonic() - began
        finally:
            for process in running.values():
                process.kill()
                process.wait()
        total = PROCESSES * blocks
        found = ledger.verify(anchor)
        assert found.sound, found.problems
        assert found.entries == 4 + 5 * total
        assert (
            found.balances
            == ledger.balances()
            == {
                "@moon": -first,
                "@lost": total,
                "@consumed": total,
                "@weighing": total,
                "held": first - 3 * total,
            }
        )
        assert ledger.sample("pool").mass_tenth_mg == first - 7 * total
        assert ledger.sample("pool").portions == total
        samples = ledger.samples()
        assert len(samples) == 1 + 2 * total
        assert all(s.mass_tenth_mg == 2 for s in samples if s.id != "pool")
    assert sorted(p.name for p in folder.glob("pool*")) == ["pool.samples"]  # one file again
    return wall


def test_eight_writers_two_killed(tmp_path: Path) -> None:
    wall = race(tmp_path, 10, 60.0, {0: "unsaid:23", 1: "midst:23"})
    print(f"400 operations of 8 processes, 2 killed: {wall:.1f} s")


@pytest.mark.slow
def test_ten_thousand_operations_of_eight_writers_two_killed(tmp_path: Path) -> None:
    wall = race(tmp_path, 250, 600.0, {0: "", 1: ""})
    print(f"10,000 operations of 8 processes, 2 killed: {wall:.1f} s, {10_000 / wall:.0f} a second")


def test_a_reader_sees_one_state_while_others_write(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "a") as one, Ledger.open(tmp_path / "a") as two:
        one.collect(10, date="2031-01-01", by="esa", place="site", owner="esa")
        with two._book.reading():
            assert len(two._book.rows(type(one.sample("S1")))) == 1
            one.collect(10, date="2031-01-01", by="esa", place="site", owner="esa")
            assert len(two._book.rows(type(one.sample("S1")))) == 1
        assert [s.id for s in two.samples()] == ["S1", "S2"]
