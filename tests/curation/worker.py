"""One of many writers: `python worker.py LEDGER NUMBER BLOCKS GO [DIE]`. Five operations a block, each with its id.

DIE is "unsaid:N" (killed after operation N is on the disk, before anybody hears of it) or "midst:N" (killed when all
of operation N is written, but not committed).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from moonvillage.curation import Ledger, Portion

DATE = "2031-01-05"


def block(ledger: Ledger, name: str) -> None:
    """7 tenths of a milligram out of the pool; of them 2 split off, 1 lost, 1 consumed, 1 corrected, 2 left."""
    said: dict[str, Any] = {"date": DATE, "by": name}
    ledger.split("pool", [Portion(mass=7, id=name)], operation=f"{name}/1", **said)
    ledger.transfer(name, to=name, operation=f"{name}/2", **said)
    ledger.split(name, [Portion(mass=2)], loss=1, operation=f"{name}/3", **said)
    ledger.consume(name, 1, reason="dissolved", operation=f"{name}/4", **said)
    ledger.weigh(name, 2, reason="balance", operation=f"{name}/5", **said)


def doomed(ledger: Ledger, die: str) -> None:
    """Arrange for the death of this process."""
    when, _, count = die.partition(":")
    book, done = ledger._book, 0
    name = {"unsaid": "append", "midst": "_post"}[when]
    real = getattr(book, name)

    def last(*arguments: Any) -> Any:
        nonlocal done
        result = real(*arguments)
        done += 1
        if done == int(count):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(book, name, last)


def main() -> None:
    path, number, blocks, go = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    with Ledger.open(path) as ledger:
        if len(sys.argv) > 5:
            doomed(ledger, sys.argv[5])
        (go.parent / f"ready{number}").touch()
        while not go.exists():
            time.sleep(0.005)
        for k in range(blocks):
            block(ledger, f"w{number}-{k}")


if __name__ == "__main__":
    main()
