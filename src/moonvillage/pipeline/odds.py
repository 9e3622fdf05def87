"""The odds of a finished run: its outposts lived many times, kept as ``odds.json`` in its folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from moonvillage.outpost import Chances, odds
from moonvillage.pipeline.feedback import handovers_flown
from moonvillage.pipeline.folder import read_result
from moonvillage.records.store import write_json
from moonvillage.units import parse_quantity


def odds_of_run(
    folder: Path | str,
    *,
    runs: int = 200,
    slip: str = "",
    loss: float = 0.0,
    values: bool = True,
    progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Live the outposts of a finished run ``runs`` times with failures by chance.

    Parameters
    ----------
    folder
        A run folder.
    slip, loss
        Mean delay of flights that bring something, such as ``"20 d"``; chance that a flight without people is lost.
    values
        Find what a kilogram more of each commodity that ran short is worth (lives again with the same luck).

    Returns
    -------
    dict
        As :meth:`moonvillage.outpost.Odds.as_json`; also written to ``odds.json``. Empty where the run has no
        outposts or no plan.

    Raises
    ------
    InputError
        If the folder holds no finished run.
    ValueError
        If ``runs`` is below one, or ``slip`` is no time.
    """
    folder = Path(folder)
    result, _ = read_result(folder)
    scenario, campaign = result.scenario, result.campaign
    if campaign is None or result.flights is None or result.log is None or not scenario.outposts:
        return {}
    header = scenario.header
    slip_s = parse_quantity(slip, "time") if slip else 0.0
    open_air = {id_: replace(outpost, crop_food_kg_s=0.0) for id_, outpost in scenario.outposts.items()}
    found = odds(
        open_air,
        handovers_flown(campaign, scenario, result.flights),
        header.start_tdb_s,
        header.end_tdb_s,
        scenario,
        runs=runs,
        seed=header.seed,
        chances=Chances(slip_s, loss),
        values=values,
        keep=folder / ".odds",
        progress=progress,
    )
    shown = found.as_json()
    if any(outpost.crop_food_kg_s > 0.0 for outpost in scenario.outposts.values()):
        shown["notes"].append("Crops are left out of the odds; a single life follows them.")
    write_json(folder / "odds.json", shown)
    return shown
