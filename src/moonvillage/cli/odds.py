"""``live`` with the odds of its outposts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from moonvillage.cli.shared import ANSWER_IS_NO, DONE, INTERRUPTED, paper, print_json, progress_bar, stoppable
from moonvillage.errors import InputError
from moonvillage.units import parse_quantity


def live_with_odds(
    file: Path, out: Path | None, runs: int, slip: str, loss: float, json: bool, quiet: bool, workers: int | None
) -> int:
    """Run the loop up to the outposts, then live them ``runs`` times; print both."""
    from moonvillage.pipeline import run as run_pipeline
    from moonvillage.pipeline.odds import odds_of_run

    if runs < 0 or not 0.0 <= loss <= 1.0:
        field, value = ("--runs", runs) if runs < 0 else ("--loss", loss)
        raise InputError.one(f"is {value}", "give --runs of 0 or more, and --loss from 0 to 1", field=field)
    if slip:
        try:
            parse_quantity(slip, "time")
        except ValueError as error:
            raise InputError.one(str(error.args[0]), str(error.args[-1]), field="--slip") from error
    folder = out if out is not None else Path("runs") / file.stem
    found: dict[str, Any] = {}
    with stoppable() as stop, progress_bar(quiet or (json and not sys.stderr.isatty())) as progress:
        summary = run_pipeline(file, folder, until="live", progress=progress, cancelled=stop, workers=workers)
        if runs > 0 and summary["status"] in ("optimal", "feasible"):

            def show(share: float) -> None:
                if progress is not None:
                    progress("odds", share, "")

            found = odds_of_run(folder, runs=runs, slip=slip, loss=loss, progress=show)
    if json:
        print_json({**summary, **found})
    else:
        from moonvillage.reporting.console import summary_lines

        console = paper()
        console.print(summary_lines(summary))
        for line in odds_lines(found):
            console.print(line, highlight=False)
    if summary["status"] == "interrupted":
        return INTERRUPTED
    return DONE if summary["status"] in ("optimal", "feasible", "tabulated") else ANSWER_IS_NO


def odds_lines(found: dict[str, Any]) -> list[str]:
    """The odds in words: survival with its confidence, what ran short, what the base needs next."""
    if not found:
        return []
    survival = found["survival"]
    lines = []
    for who, text in (("crew", "nobody dies"), ("mission", "nothing runs short")):
        low, high = survival[f"{who}_95"] or (survival[who], survival[who])
        lines.append(f"In {found['runs']} lives {text}: {survival[who]:.1%} (95 %: {low:.1%} to {high:.1%}).")
    for number, need in enumerate(found["needs"][:5], 1):
        worth = need["value_per_kg"]
        gain = f", each kilogram {100.0 * worth:+.3f} points of the mission's odds" if worth else ""
        lines.append(
            f"{number}. {need['place']} needs {need['amount_kg']:,.0f} kg more {need['commodity']}: "
            f"it runs short in {need['odds']:.1%} of the lives{gain}."
        )
    return lines
