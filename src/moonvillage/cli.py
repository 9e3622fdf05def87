"""The command line: one thin command a verb.

Results go to standard output, as text or as JSON (``--json``); progress and messages go to standard error.
Exit codes: 0 done; 1 done, and the answer is no; 2 the input is wrong; 3 interrupted, resumable.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from moonvillage import __version__
from moonvillage.errors import EphemerisRangeError, InputError, Interrupted, Problem

DONE: Final = 0
ANSWER_IS_NO: Final = 1
WRONG_INPUT: Final = 2
INTERRUPTED: Final = 3

app = cyclopts.App(
    name="moonvillage",
    version=__version__,
    help="Plan, fly, live and share a human outpost on the Moon: a scenario file in, a campaign with its proof out.",
    help_format="markdown",
)

Json = Annotated[bool, Parameter(name=["--json"], negative=())]
Quiet = Annotated[bool, Parameter(name=["--quiet", "-q"], negative=())]
Out = Annotated[Path | None, Parameter(name=["--out", "-o"])]


class _Stop:
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
def _stoppable() -> Iterator[_Stop]:
    stop = _Stop()
    before = signal.signal(signal.SIGINT, stop.handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str, float, str], None] | None]:
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


def _print_json(value: Any) -> None:
    from moonvillage.records.store import plain

    print(json.dumps(plain(value), ensure_ascii=False, indent=1, allow_nan=False))


def _as_json(problem: Problem) -> dict[str, Any]:
    return {
        "file": problem.file,
        "line": problem.line,
        "field": problem.field,
        "value": problem.value,
        "message": problem.message,
        "remedy": problem.remedy,
    }


@app.command
def new(
    file: Path, /, *, from_: Annotated[str, Parameter(name="--from")] = "moon-village", json: Json = False
) -> int:
    """Write a starting scenario.

    Example: `moonvillage new mine.toml --from sortie`

    Parameters
    ----------
    file
        The file to write; it must not exist.
    from_
        moon-village, sortie, station-resupply, sample-return, far-side or mars-depot.
    """
    from moonvillage.scenario.examples import write_example

    path = write_example(from_, file)
    if json:
        _print_json({"file": str(path), "from": from_})
    else:
        print(f"wrote {path}; now: moonvillage check {path}")
    return DONE


@app.command
def check(file: Path, /, *, json: Json = False) -> int:
    """Is a scenario well-formed, consistent and allowed?

    Example: `moonvillage check mine.toml`

    Parameters
    ----------
    file
        A scenario file.
    """
    from moonvillage.pipeline import check_scenario
    from moonvillage.scenario import load

    try:
        scenario = load(file)
        problems = check_scenario(scenario)
    except InputError as error:
        problems = error.problems
        scenario = None
    if json:
        _print_json({"ok": not problems, "problems": [_as_json(p) for p in problems]})
    elif problems:
        for problem in problems:
            print(problem, file=sys.stderr)
    else:
        print(f"{file}: sound. {scenario}")
    return WRONG_INPUT if problems else DONE


def _run(file: Path, out: Path | None, until: str, json: bool, quiet: bool, workers: int | None) -> int:
    from moonvillage.pipeline import run as run_pipeline

    folder = out if out is not None else Path("runs") / file.stem
    with _stoppable() as stop, _progress(quiet or (json and not sys.stderr.isatty())) as progress:
        summary = run_pipeline(file, folder, until=until, progress=progress, cancelled=stop, workers=workers)
    if json:
        _print_json(summary)
    else:
        from moonvillage.reporting.console import summary_lines

        Console().print(summary_lines(summary))
    if summary["status"] == "interrupted":
        return INTERRUPTED
    return DONE if summary["status"] in ("optimal", "feasible", "tabulated") else ANSWER_IS_NO


@app.command
def run(
    file: Path, /, *, out: Out = None, json: Json = False, quiet: Quiet = False, workers: int | None = None
) -> int:
    """The whole loop: tabulate, plan, fly, live, again until they agree; then the report.

    Example: `moonvillage run mine.toml -o runs/mine`

    Parameters
    ----------
    file
        A scenario file.
    out
        The run folder; by default runs/NAME. An interrupted run in it is resumed.
    json
        Print the result as JSON.
    quiet
        No progress.
    workers
        Processes for the trajectories; by default one a core.
    """
    return _run(file, out, "report", json, quiet, workers)


@app.command
def tabulate(
    file: Path, /, *, out: Out = None, json: Json = False, quiet: Quiet = False, workers: int | None = None
) -> int:
    """Solve every arc at every departure date: real delta-v and flight times.

    Example: `moonvillage tabulate mine.toml`
    """
    return _run(file, out, "tabulate", json, quiet, workers)


@app.command
def plan(
    file: Path, /, *, out: Out = None, json: Json = False, quiet: Quiet = False, workers: int | None = None
) -> int:
    """Find the best campaign on the tabulated legs, with its proven gap; or why there is none.

    Example: `moonvillage plan mine.toml`
    """
    return _run(file, out, "plan", json, quiet, workers)


@app.command
def fly(
    file: Path, /, *, out: Out = None, json: Json = False, quiet: Quiet = False, workers: int | None = None
) -> int:
    """Plan and fly until no flown leg needs more than was planned.

    Example: `moonvillage fly mine.toml`
    """
    return _run(file, out, "fly", json, quiet, workers)


@app.command
def live(
    file: Path, /, *, out: Out = None, json: Json = False, quiet: Quiet = False, workers: int | None = None
) -> int:
    """The whole loop, up to the days of every outpost, without the report.

    Example: `moonvillage live mine.toml`
    """
    return _run(file, out, "live", json, quiet, workers)


@app.command
def report(folder: Path, /, *, json: Json = False, quiet: Quiet = False) -> int:
    """Write the report of a finished run again.

    Example: `moonvillage report runs/mine`

    Parameters
    ----------
    folder
        A run folder.
    """
    from moonvillage.pipeline import report_folder

    path = report_folder(folder)
    if json:
        _print_json({"report": str(path)})
    else:
        print(path)
    return DONE


@app.command
def allow(file: Path, /, *, mission: str | None = None, date: str | None = None, json: Json = False) -> int:
    """May these parties do this on this date? Which rules and agreements say so?

    Example: `moonvillage allow mine.toml --mission crew --date 2033-04-01`

    Parameters
    ----------
    file
        A scenario file; the interactions of its missions are decided.
    mission
        Only this mission.
    date
        A UTC date; by default each mission's first possible date.
    """
    from moonvillage.pipeline.permissions import decide_scenario
    from moonvillage.scenario import load

    decisions = decide_scenario(load(file), mission=mission, date=date)
    if json:
        _print_json(decisions)
    else:
        from moonvillage.reporting.listing import decision_lines

        Console().print(decision_lines(decisions))
    return DONE if all(d["answer"] in ("allowed", "conditional") for d in decisions) else ANSWER_IS_NO


@app.command
def catalog(kind: str | None = None, id: str | None = None, /, *, json: Json = False) -> int:
    """What the catalog knows: kinds, the entries of a kind, or one entry with its sources.

    Example: `moonvillage catalog launcher ariane_64`

    Parameters
    ----------
    kind
        launcher, craft, module, site, ground_site, commodity, propellant, metabolism, partner, agreement or law.
    id
        One entry.
    """
    from moonvillage.catalog.show import describe, listing

    value = listing(kind) if id is None else describe(kind or "", id)
    if json:
        _print_json(value)
    else:
        from moonvillage.reporting.listing import catalog_lines

        Console().print(catalog_lines(value))
    return DONE


@app.command
def schema(*, json: Json = True) -> int:
    """Print the JSON Schema of a scenario file, for editors.

    Example: `moonvillage schema > moonvillage.schema.json`
    """
    from moonvillage.scenario.schema import scenario_schema

    _print_json(scenario_schema())
    return DONE


@app.command
def cite(folder: Path | None = None, /, *, json: Json = False) -> int:
    """What to cite: the product, and the models, data and solvers that a run used, as BibTeX.

    Example: `moonvillage cite`
    """
    from moonvillage.pipeline.cite import citations

    entries = citations()
    if json:
        _print_json(entries)
    else:
        print("\n\n".join(entry["bibtex"] for entry in entries))
    return DONE


@app.command
def doctor(*, json: Json = False) -> int:
    """Is this installation sound? Versions, ephemeris, caches, a test propagation.

    Example: `moonvillage doctor`
    """
    from moonvillage.pipeline.doctor import examine

    findings = examine()
    if json:
        _print_json({"ok": all(f["ok"] for f in findings), "findings": findings})
    else:
        for finding in findings:
            print(f"{'ok ' if finding['ok'] else 'BAD'}  {finding['what']}: {finding['found']}")
    return DONE if all(f["ok"] for f in findings) else ANSWER_IS_NO


app.command("moonvillage.samples_cli:app", name="samples", help="The sample ledger, from collection to loan.")


def main(argv: list[str] | None = None) -> int:
    """Run a command; the value is the exit code. Installed as ``moonvillage``."""
    arguments = sys.argv[1:] if argv is None else argv
    wants_json = "--json" in arguments
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        return int(code) if isinstance(code, int) else DONE
    except cyclopts.CycloptsError as error:
        problems = [Problem("command line", None, "", "", " ".join(str(error).split()), "see 'moonvillage --help'")]
    except InputError as error:
        problems = error.problems
    except EphemerisRangeError as error:
        problems = [Problem("", None, "", "", str(error), "choose dates within DE440 (1550 to 2649)")]
    except (Interrupted, KeyboardInterrupt):
        if wants_json:
            _print_json({"status": "interrupted"})
        print("interrupted; the same command resumes", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return DONE
    if wants_json:
        _print_json({"ok": False, "problems": [_as_json(p) for p in problems]})
    for problem in problems:
        print(str(problem).lstrip(": "), file=sys.stderr)
    return WRONG_INPUT


if __name__ == "__main__":
    sys.exit(main())
