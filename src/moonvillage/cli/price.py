"""`moonvillage price`: what each rule, agreement and partner costs or saves, and four regimes side by side."""

from __future__ import annotations

from pathlib import Path

from moonvillage.cli.shared import (
    ANSWER_IS_NO,
    DONE,
    INTERRUPTED,
    Json,
    Out,
    Quiet,
    paper,
    print_json,
    progress_bar,
    stoppable,
)
from moonvillage.errors import InputError, Interrupted
from moonvillage.units import parse_quantity


def price(
    file: Path,
    /,
    *,
    out: Out = None,
    regimes: bool = False,
    samples: int = 32,
    gap: str = "",
    time_limit: str = "60 s",
    plot: Path | None = None,
    workers: int | None = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """What is each rule, agreement and partner worth, in launch mass, money and time?

    The scenario is planned under four regimes (as the law stands, waivers granted, full cooperation, each alone) and
    under every variant of its rules that is a different question. Three figures each, since no single one is honest:
    lifted alone, kept alone, and the Shapley share. An interrupted sweep goes on with the same command.

    Example: `moonvillage price mine.toml -o runs/mine-price --plot price.svg`

    Parameters
    ----------
    file
        A scenario file.
    out
        The folder for the answers; by default runs/NAME-price.
    regimes
        Only the four regimes.
    samples
        Orders drawn for Shapley shares where more than six rules matter.
    gap
        Proven gap of each plan, such as "2 %"; the scenario's by default.
    time_limit
        Wall time for each plan.
    plot
        Write the figure here (SVG).
    workers
        Processes; by default one a core.
    json
        Print the result as JSON.
    quiet
        No progress.
    """
    from moonvillage.scenario import load
    from moonvillage.scenario.check import check
    from moonvillage.sweeps import price as price_of
    from moonvillage.sweeps.drawing import figure, lines

    scenario = load(file)
    problems = check(scenario)
    if problems:
        raise InputError(sorted(problems, key=lambda p: (p.line or 0, p.field)))
    folder = out if out is not None else Path("runs") / f"{file.stem}-price"
    with stoppable() as stop, progress_bar(quiet) as progress:
        try:
            result = price_of(
                scenario,
                folder=folder,
                workers=workers,
                samples=samples,
                gap=parse_quantity(gap, "fraction") if gap else None,
                time_limit_s=parse_quantity(time_limit, "time"),
                only_regimes=regimes,
                progress=progress,
                cancelled=stop,
            )
        except Interrupted:
            if json:
                print_json({"status": "interrupted", "folder": str(folder)})
            return INTERRUPTED
    if plot is not None:
        from moonvillage.records.store import write_bytes

        write_bytes(plot, figure(result).encode())
    if json:
        print_json(result)
    else:
        paper().print(lines(result))
    planned = any(r["status"] in ("optimal", "feasible") for r in result["regimes"].values())
    return DONE if planned else ANSWER_IS_NO


def minimal(file: Path, most: int, json: bool) -> int:
    """`moonvillage allow FILE --minimal`: the sets of waivers and agreements with which there is a plan."""
    from moonvillage.scenario import load
    from moonvillage.scenario.check import check
    from moonvillage.sweeps import minimal_papers
    from moonvillage.sweeps.drawing import minimal_lines, minimal_record
    from moonvillage.trajectory.tabulate import tabulate

    scenario = load(file)
    problems = check(scenario)
    if problems:
        raise InputError(sorted(problems, key=lambda p: (p.line or 0, p.field)))
    with stoppable() as stop, progress_bar(json) as progress:
        try:
            legs = tabulate(scenario, progress=progress, cancelled=stop)
            found = minimal_papers(scenario, legs, most=most, progress=progress, cancelled=stop)
        except Interrupted:
            return INTERRUPTED
    if json:
        print_json(minimal_record(found))
    else:
        paper().print(minimal_lines(found))
    return ANSWER_IS_NO if found.status == "none" else DONE
