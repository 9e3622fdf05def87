"""Odds: many lives under sampled failures, and what share of them goes well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.outpost.light import SunModel, sun_model
from moonvillage.outpost.living import live
from moonvillage.outpost.planning import site_of
from moonvillage.outpost.species import CatalogView
from moonvillage.records.outpost import Handover, Shortfall
from moonvillage.scenario.outposts import Outpost


@dataclass(frozen=True, slots=True)
class Need:
    """What would have had to be there: the most that any run lacked of a commodity at a place."""

    place: str
    commodity: str
    amount_kg: float
    by_tdb_s: float


@dataclass(frozen=True, slots=True)
class Odds:
    """Shares of the runs, 0 to 1.

    ``crew``: no death; ``mission``: no shortfall of any kind, reserves included. ``stockout`` by commodity is the
    share in which it ran short. ``standard_error`` is the largest that a share of so many runs can have.
    """

    runs: int
    crew: float
    mission: float
    stockout: Mapping[str, float]
    first_shortfall: Shortfall | None  # the earliest of all runs
    needs: tuple[Need, ...]
    standard_error: float


@dataclass(frozen=True, slots=True)
class _Remembering(SunModel):
    """A light that is worked out once for the same epochs."""

    model: SunModel = field(default_factory=lambda: SunModel(0.0, 0.0))
    memory: dict[tuple[int, float, float], NDArray[np.float64]] = field(default_factory=dict)

    def sun_fraction(self, epoch_tdb_s: ArrayLike) -> NDArray[np.float64]:
        epochs = np.asarray(epoch_tdb_s, dtype=np.float64)
        key = (epochs.size, float(epochs.flat[0]), float(epochs.flat[-1]))
        if key not in self.memory:
            self.memory[key] = self.model.sun_fraction(epochs)
        return self.memory[key]


def odds(
    outposts: Mapping[str, Outpost],
    handovers: Sequence[Handover],
    start_tdb_s: float,
    end_tdb_s: float,
    catalog: CatalogView,
    *,
    runs: int = 100,
    seed: int = 0,
    step_s: float = 86400.0,
    progress: Callable[[float], None] | None = None,
) -> Odds:
    """Live ``runs`` times with failures drawn by chance, seeds ``seed`` and following.

    Parameters
    ----------
    outposts, handovers, start_tdb_s, end_tdb_s, catalog, step_s
        As for :func:`live`; ``failures`` is taken as "sampled" throughout.
    runs
        How many lives, at least one.
    progress
        Called with the share done, 0 to 1.

    Raises
    ------
    ValueError
        As :func:`live`, or if ``runs`` is below one.
    """
    if runs < 1:
        raise ValueError(f"runs is {runs}; give at least 1")
    chancy = {id_: replace(outpost, failures="sampled") for id_, outpost in outposts.items()}
    suns: dict[str, SunModel] = {}
    for outpost in outposts.values():
        site = site_of(outpost, catalog)
        if site is not None:
            model = sun_model(site)
            place = (model.latitude_rad, model.longitude_rad, model.height_m, model.horizon_rad, model.calibrated)
            suns[outpost.place] = _Remembering(*place, model.hill_rad, model.hills, model)
    survived = untroubled = 0
    short: dict[str, int] = {}
    worst: dict[tuple[str, str], Shortfall] = {}
    first: Shortfall | None = None
    for number in range(runs):
        log = live(chancy, handovers, start_tdb_s, end_tdb_s, catalog, step_s=step_s, seed=seed + number, sun=suns)
        survived += log.events.filter(kind="death").height == 0
        untroubled += not log.shortfalls
        for commodity in {s.commodity for s in log.shortfalls}:
            short[commodity] = short.get(commodity, 0) + 1
        for shortfall in log.shortfalls:
            key = (shortfall.place, shortfall.commodity)
            if key not in worst or shortfall.amount_kg > worst[key].amount_kg:
                worst[key] = shortfall
            if first is None or shortfall.epoch_tdb_s < first.epoch_tdb_s:
                first = shortfall
        if progress is not None:
            progress((number + 1) / runs)
    return Odds(
        runs=runs,
        crew=survived / runs,
        mission=untroubled / runs,
        stockout={c: n / runs for c, n in sorted(short.items())},
        first_shortfall=first,
        needs=tuple(Need(p, c, s.amount_kg, s.epoch_tdb_s) for (p, c), s in sorted(worst.items())),
        standard_error=0.5 / sqrt(runs),
    )
