"""What every command shares: exit codes, switches, progress, Ctrl-C, JSON on standard output."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.console import Console

from moonvillage.errors import Problem

DONE: Final = 0
ANSWER_IS_NO: Final = 1
WRONG_INPUT: Final = 2
INTERRUPTED: Final = 3

Json = Annotated[bool, Parameter(name=["--json"], negative=())]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative=())]
Out = Annotated[Path | None, Parameter(name=["--out", "-o"])]


class Stop:
    """Ctrl-C once asks the work to stop at the next safe point; twice ends it at once."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        return self.asked

    def handle(self, signum: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        print("\nstopping at the next safe point; the run can be resumed (again to stop at once)", file=sys.stderr)


@contextmanager
def stoppable() -> Iterator[Stop]:
    stop = Stop()
    before = signal.signal(signal.SIGINT, stop.handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[str, float, str], None] | None]:
    """A progress bar with the time left, on standard error, only on a terminal."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description:>9}"),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[message]}"),
        console=console,
        transient=True,
    ) as bar:
        tasks: dict[str, Any] = {}

        def show(stage: str, fraction: float, message: str) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=1.0, message="")
            bar.update(tasks[stage], completed=min(1.0, fraction), message=message[:60])

        yield show


def print_json(value: Any) -> None:
    from moonvillage.records.store import plain

    print(json.dumps(plain(value), ensure_ascii=False, indent=1, allow_nan=False))


def as_json(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "field": problem.field,
        "value": problem.value,
        "message": problem.message,
        "remedy": problem.remedy,
    }


def paper() -> Console:
    """Where tables are printed: as wide as the terminal, and 120 columns where there is none."""
    console = Console()
    return console if console.is_terminal or "COLUMNS" in os.environ else Console(width=120)
