"""The command line: one thin command a verb.

Results go to standard output, as text or as JSON (``--json``); progress and messages go to standard error.
Exit codes: 0 done; 1 done, and the answer is no; 2 the input is wrong; 3 interrupted, resumable.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from moonvillage import __version__
from moonvillage.cli.shared import (
    ANSWER_IS_NO,
    DONE,
    INTERRUPTED,
    WRONG_INPUT,
    Json,
    Out,
    Quiet,
    as_json,
    paper,
    print_json,
    progress_bar,
    stoppable,
)
from moonvillage.errors import InputError

app = cyclopts.App(
    name="moonvillage",
    version=__version__,
    help="Plan, fly, live and share a human outpost on the Moon: a scenario file in, a campaign with its proof out.",
    help_format="markdown",
)


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
        print_json({"file": str(path), "from": from_})
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
        print_json({"ok": not problems, "problems": [as_json(p) for p in problems]})
    elif problems:
        for problem in problems:
            print(problem, file=sys.stderr)
    else:
        print(f"{file}: sound. {scenario}")
    return WRONG_INPUT if problems else DONE


def _run(file: Path, out: Path | None, until: str, json: bool, quiet: bool, workers: int | None) -> int:
    from moonvillage.pipeline import run as run_pipeline

    folder = out if out is not None else Path("runs") / file.stem
    with stoppable() as stop, progress_bar(quiet or (json and not sys.stderr.isatty())) as progress:
        summary = run_pipeline(file, folder, until=until, progress=progress, cancelled=stop, workers=workers)
    if json:
        print_json(summary)
    else:
        from moonvillage.reporting.console import summary_lines

        paper().print(summary_lines(summary))
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
    file: Path,
    /,
    *,
    out: Out = None,
    runs: int = 200,
    slip: str = "",
    loss: float = 0.0,
    json: Json = False,
    quiet: Quiet = False,
    workers: int | None = None,
) -> int:
    """The whole loop, up to the days of every outpost, and their odds in many lives; without the report.

    Example: `moonvillage live mine.toml --runs 1000 --slip "20 d"`

    Parameters
    ----------
    runs
        Lives with failures drawn by chance; 0 for none.
    slip
        Mean delay of flights that bring something.
    loss
        Chance that a flight without people is lost, 0 to 1.
    """
    from moonvillage.cli.odds import live_with_odds

    return live_with_odds(file, out, runs, slip, loss, json, quiet, workers)


app.command("moonvillage.cli.report:report")


@app.command
def allow(
    file: Path,
    /,
    *,
    mission: str | None = None,
    date: str | None = None,
    minimal: bool = False,
    most: int = 8,
    json: Json = False,
) -> int:
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
    minimal
        Where there is no plan: all minimal sets of waivers and agreements that give one, each planned again.
    most
        So many sets at most.
    """
    if minimal:
        from moonvillage.cli.price import minimal as minimal_sets

        return minimal_sets(file, most, json)
    from moonvillage.pipeline.permissions import decide_scenario
    from moonvillage.scenario import load

    decisions = decide_scenario(load(file), mission=mission, date=date)
    if json:
        print_json(decisions)
    else:
        from moonvillage.reporting.listing import decision_lines

        paper().print(decision_lines(decisions))
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
        print_json(value)
    else:
        from moonvillage.reporting.listing import catalog_lines

        paper().print(catalog_lines(value))
    return DONE


@app.command
def schema(*, json: Json = True) -> int:
    """Print the JSON Schema of a scenario file, for editors.

    Example: `moonvillage schema > moonvillage.schema.json`
    """
    from moonvillage.scenario.schema import scenario_schema

    print_json(scenario_schema())
    return DONE


@app.command
def cite(folder: Path | None = None, /, *, json: Json = False) -> int:
    """What to cite: the product, and the models, data and solvers that a run used, as BibTeX.

    Example: `moonvillage cite`
    """
    from moonvillage.pipeline.cite import citations

    entries = citations()
    if json:
        print_json(entries)
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
        print_json({"ok": all(f["ok"] for f in findings), "findings": findings})
    else:
        for finding in findings:
            print(f"{'ok ' if finding['ok'] else 'BAD'}  {finding['what']}: {finding['found']}")
    return DONE if all(f["ok"] for f in findings) else ANSWER_IS_NO


app.command("moonvillage.cli.samples:app", name="samples", help="The sample ledger, from collection to loan.")
app.command("moonvillage.cli.exchange:export")
app.command("moonvillage.cli.exchange:import_", name="import")
app.command("moonvillage.cli.replay:replay")
app.command("moonvillage.cli.dispersion:dispersion")
app.command("moonvillage.cli.orbits:app", name="orbits", help="Periodic orbits: families, members, upkeep.")
app.command("moonvillage.cli.windows:windows")
app.command("moonvillage.cli.price:price")
app.command("moonvillage.cli.light:light")
app.command("moonvillage.cli.aborts:aborts")
