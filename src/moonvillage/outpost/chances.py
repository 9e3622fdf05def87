"""Odds: many lives under sampled failures and slips, what share of them goes well, and what would help the most."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, sqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.outpost.light import SunModel, sun_model
from moonvillage.outpost.many import AIR_CLEANING, CHUNK, Chances, Lives, Throng, wilson
from moonvillage.outpost.planning import site_of
from moonvillage.outpost.species import CatalogView
from moonvillage.records.outpost import Handover, Shortfall
from moonvillage.scenario.outposts import Outpost

Floats = NDArray[np.float64]
#: Runs in which the value of a kilogram is sought.
_VALUE_RUNS: Final = 1000
#: Quantiles of the bands.
QUANTILES: Final = (0.05, 0.5, 0.95)


@dataclass(frozen=True, slots=True)
class Need:
    """What would have had to be there: a commodity that some runs lacked at a place.

    ``amount_kg`` covers nineteen in twenty of the runs that fell short; ``by_tdb_s`` is the earliest that any did;
    ``odds`` the share of runs that did; ``value_per_kg`` the gain in the mission's odds from each kilogram more at
    the start, up to that amount, found by living again with the same luck (None: not a mass, or not asked for).
    """

    place: str
    commodity: str
    amount_kg: float
    by_tdb_s: float
    odds: float = 0.0
    value_per_kg: float | None = None


@dataclass(frozen=True, slots=True)
class Survival:
    """Shares of the runs up to an epoch in which nobody had died (crew), nothing had run short (mission).

    Each with its 95 % confidence interval (Wilson).
    """

    epoch_tdb_s: float
    crew: float
    crew_low: float
    crew_high: float
    mission: float
    mission_low: float
    mission_high: float


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Quantiles 5, 50 and 95 % of a stock over the runs: ``kg`` has shape (3, epochs)."""

    place: str
    commodity: str
    epochs_tdb_s: Floats
    kg: Floats


@dataclass(frozen=True, slots=True)
class Odds:
    """Shares of the runs, 0 to 1.

    ``crew``: no death; ``mission``: nor any shortfall, reserves included. ``stockout`` by commodity is the
    share in which it ran short. ``standard_error`` is the largest that a share of so many runs can have. ``needs``
    are ranked: what helps the mission most per kilogram first, then by how often it lacks. ``survival`` by date has
    confidence intervals; ``bands`` (left out of comparisons) every stock.
    """

    runs: int
    crew: float
    mission: float
    stockout: Mapping[str, float]
    first_shortfall: Shortfall | None  # the earliest of all runs
    needs: tuple[Need, ...]
    standard_error: float
    survival: tuple[Survival, ...] = ()
    bands: tuple[Band, ...] = field(default=(), compare=False)
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """A plain mapping: runs, survival, stock-outs, first shortfall, ranked needs, survival by date, notes."""
        first = self.first_shortfall
        last = self.survival[-1] if self.survival else None
        return {
            "runs": self.runs,
            "survival": {
                "crew": self.crew,
                "mission": self.mission,
                "crew_95": [last.crew_low, last.crew_high] if last else None,
                "mission_95": [last.mission_low, last.mission_high] if last else None,
            },
            "stockout": dict(self.stockout),
            "first_shortfall": None
            if first is None
            else {"place": first.place, "commodity": first.commodity, "epoch_tdb_s": first.epoch_tdb_s}
            | {"amount_kg": first.amount_kg, "reason": first.reason},
            "needs": [
                {
                    "place": need.place,
                    "commodity": need.commodity,
                    "amount_kg": need.amount_kg,
                    "by_tdb_s": need.by_tdb_s,
                    "odds": need.odds,
                    "value_per_kg": need.value_per_kg,
                }
                for need in self.needs
            ],
            "by_date": [
                {"epoch_tdb_s": s.epoch_tdb_s, "crew": s.crew, "mission": s.mission}
                | {"crew_95": [s.crew_low, s.crew_high], "mission_95": [s.mission_low, s.mission_high]}
                for s in self.survival
            ],
            "notes": list(self.notes),
        }


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
    chances: Chances | None = None,
    sun: SunModel | Mapping[str, SunModel] | None = None,
    values: bool = False,
    keep: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> Odds:
    """Live ``runs`` times with failures drawn by chance, all runs marched together.

    Parameters
    ----------
    outposts, handovers, start_tdb_s, end_tdb_s, catalog, step_s, sun
        As for :func:`live`; ``failures`` is taken as "sampled" throughout.
    runs
        How many lives, at least one. They are made in chunks of a thousand, each with its own random streams.
    chances
        Slips and losses of flights; none by default.
    values
        Live again, with the same luck, with more of each commodity that ran short: what a kilogram of it is worth.
    keep
        A folder in which finished chunks are kept; a later call with the same inputs continues there.
    progress
        Called with the share done, 0 to 1.

    Raises
    ------
    ValueError
        As :func:`live`, or if ``runs`` is below one, or an outpost has crops (live it once).
    """
    if runs < 1:
        raise ValueError(f"runs is {runs}; give at least 1")
    steps = max(ceil((end_tdb_s - start_tdb_s) / step_s - 1e-9), 1)
    edges = [start_tdb_s + k * step_s for k in range(steps)] + [end_tdb_s]
    lit = {id_: _light(outpost, edges, catalog, sun) for id_, outpost in outposts.items()}
    sizes = [min(CHUNK, runs - begin) for begin in range(0, runs, CHUNK)]

    def lives(id_: str, outpost: Outpost, chunk: int, size: int, kept: Path | None) -> Lives:
        mine = [h for h in handovers if h.place == outpost.place and start_tdb_s <= h.epoch_tdb_s < end_tdb_s]
        chancy = replace(outpost, failures="sampled")
        given = (chancy, mine, edges, lit[id_])
        path = None
        if kept is not None:
            path = kept / f"{id_}-{chunk}-{_digest(given, catalog, size, seed, chances)}.npz"
            if path.exists():
                return _load(path)
        throng = Throng(chancy, mine, catalog, edges, lit[id_], runs=size, seed=seed, chunk=chunk, chances=chances)
        found = throng.march()
        if path is not None:
            _save(path, found)
        return found

    done = 0
    found: dict[str, list[Lives]] = {}
    for id_, outpost in outposts.items():
        for chunk, size in enumerate(sizes):
            found.setdefault(id_, []).append(lives(id_, outpost, chunk, size, keep))
            done += 1
            if progress is not None:
                progress(done / (len(sizes) * len(outposts)))
    died = _first([np.concatenate([part.died for part in parts]) for parts in found.values()], steps, runs)
    troubled = _first([np.concatenate([part.troubled for part in parts]) for parts in found.values()], steps, runs)
    needs, first = [], None
    short: dict[str, NDArray[np.bool_]] = {}
    for id_, parts in found.items():
        place = outposts[id_].place
        for commodity in sorted({c for part in parts for c in part.short}):
            when = np.concatenate([part.short.get(commodity, np.full(part.died.size, steps)) for part in parts])
            kg = np.concatenate([part.lacked.get(commodity, np.zeros(part.died.size)) for part in parts])
            lacks = when < steps
            if not lacks.any():
                continue
            short[commodity] = short.get(commodity, np.zeros(runs, dtype=bool)) | lacks
            amount, at, share = (
                float(np.quantile(kg[lacks], 0.95)),
                float(edges[int(when.min())]),
                float(lacks.mean()),
            )
            value = None
            if values and commodity not in ("crew_places", AIR_CLEANING) and amount > 0.0:
                value = _value(id_, outposts[id_], commodity, amount, lives, sizes, parts)
            needs.append(Need(place, commodity, amount, at, share, value))
            if first is None or at < first.epoch_tdb_s:
                reason = f"it ran short in {share:.1%} of {runs} runs, here first; nineteen in twenty lacked less"
                first = Shortfall(place, commodity, at, amount, reason)
    needs.sort(key=lambda n: (-(n.value_per_kg or 0.0), -n.odds, n.place, n.commodity))
    return Odds(
        runs=runs,
        crew=float((died >= steps).mean()),
        mission=float((troubled >= steps).mean()),
        stockout={c: float(lacks.mean()) for c, lacks in sorted(short.items())},
        first_shortfall=first,
        needs=tuple(needs),
        standard_error=0.5 / sqrt(runs),
        survival=_survival(died, troubled, edges, runs),
        bands=tuple(band for id_, parts in found.items() for band in _bands(outposts[id_].place, parts, edges)),
        notes=_notes(chances, step_s),
    )


def _notes(chances: Chances | None, step_s: float) -> tuple[str, ...]:
    chances = chances or Chances()
    said = [f"Steps of {step_s / 86400.0:g} d; failures are drawn by module, everything else is as planned."]
    if chances.slip_mean_s > 0.0:
        said.append(f"Flights that bring something slip by {chances.slip_mean_s / 86400.0:g} d in the mean.")
    if chances.loss > 0.0:
        said.append(f"A flight without people is lost with a chance of {chances.loss:.1%}.")
    return tuple(said)


def _first(parts: Sequence[NDArray[np.int64]], steps: int, runs: int) -> NDArray[np.int64]:
    found = np.full(runs, steps)
    for part in parts:
        found = np.minimum(found, part)
    return found


def _light(
    outpost: Outpost, edges: Sequence[float], catalog: CatalogView, sun: SunModel | Mapping[str, SunModel] | None
) -> Floats:
    """Lit share in each hour of each step, shape (steps, hours), as :func:`live` takes it."""
    begins, lengths = np.array(edges[:-1]), np.diff(edges)
    subs = max(round(float(lengths[0]) / 3600.0), 1)
    site = site_of(outpost, catalog)
    if site is None:
        return np.full((begins.size, subs), outpost.orbit_sunlight)
    model = sun.get(outpost.place) if isinstance(sun, Mapping) else sun
    epochs = begins[:, None] + lengths[:, None] * ((np.arange(subs) + 0.5) / subs)[None, :]
    return np.asarray((model or sun_model(site)).sun_fraction(epochs), dtype=np.float64)


def _value(
    id_: str,
    outpost: Outpost,
    commodity: str,
    amount: float,
    lives: Callable[[str, Outpost, int, int, Path | None], Lives],
    sizes: Sequence[int],
    parts: Sequence[Lives],
) -> float:
    """Gain in the share of untroubled runs per kilogram more at the start, with the same luck."""
    count = max(_VALUE_RUNS // CHUNK, 1)
    more = replace(
        outpost, stocks_kg={**outpost.stocks_kg, commodity: outpost.stocks_kg.get(commodity, 0.0) + amount}
    )
    before = after = total = 0
    for chunk, size in enumerate(sizes[:count]):
        again = lives(id_, more, chunk, size, None)
        before += int((parts[chunk].troubled >= parts[chunk].steps).sum())
        after += int((again.troubled >= again.steps).sum())
        total += size
    return (after - before) / total / amount


def _survival(
    died: NDArray[np.int64], troubled: NDArray[np.int64], edges: Sequence[float], runs: int
) -> tuple[Survival, ...]:
    steps = len(edges) - 1
    every = max(steps // 100, 1)
    found = []
    for k in sorted({*range(every - 1, steps, every), steps - 1}):
        crew, mission = int((died > k).sum()), int((troubled > k).sum())
        low, high = wilson(np.array([crew, mission]), runs)
        found.append(
            Survival(
                edges[k + 1],
                crew / runs,
                float(low[0]),
                float(high[0]),
                mission / runs,
                float(low[1]),
                float(high[1]),
            )
        )
    return tuple(found)


def _bands(place: str, parts: Sequence[Lives], edges: Sequence[float]) -> list[Band]:
    epochs = np.array(edges)[parts[0].sampled + 1]
    return [
        Band(
            place,
            c,
            epochs,
            np.quantile(np.concatenate([part.series[c] for part in parts], axis=1), QUANTILES, axis=1),
        )
        for c in parts[0].series
    ]


# -- what is kept ------------------------------------------------------------------------------------------------


def _digest(
    given: tuple[Outpost, Sequence[Handover], Sequence[float], Floats],
    catalog: CatalogView,
    size: int,
    seed: int,
    chances: Chances | None,
) -> str:
    outpost, handovers, edges, lit = given
    found = hashlib.sha256()
    kinds = [sorted(catalog.of(kind).items()) for kind in ("module", "commodity", "metabolism")]
    for part in (outpost, list(handovers), edges[0], edges[-1], len(edges), kinds, size, seed, chances):
        found.update(repr(part).encode())
    found.update(np.ascontiguousarray(lit).tobytes())
    return found.hexdigest()[:16]


def _save(path: Path, lives: Lives) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {"steps": np.array(lives.steps), "sampled": lives.sampled}
    arrays |= {"died": lives.died, "troubled": lives.troubled}
    for name in ("short", "lacked", "series", "final"):
        arrays |= {f"{name}:{c}": values for c, values in getattr(lives, name).items()}
    part = path.with_suffix(".part.npz")
    with part.open("wb") as file:
        np.savez_compressed(file, **arrays)
    part.replace(path)


def _load(path: Path) -> Lives:
    with np.load(path) as stored:
        tables: dict[str, dict[str, Any]] = {name: {} for name in ("short", "lacked", "series", "final")}
        for key in stored.files:
            name, _, commodity = key.partition(":")
            if commodity:
                tables[name][commodity] = stored[key]
        return Lives(int(stored["steps"]), stored["died"], stored["troubled"], sampled=stored["sampled"], **tables)
