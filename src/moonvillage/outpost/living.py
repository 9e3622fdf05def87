"""Living: every step at every outpost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moonvillage.outpost.ledger import spells
from moonvillage.outpost.light import SunModel, sun_model
from moonvillage.outpost.place import Place
from moonvillage.outpost.species import CatalogView
from moonvillage.outpost.verdict import judge
from moonvillage.records.outpost import Balance, Handover, Margin, OutpostLog, Shortfall
from moonvillage.scenario.outposts import Outpost

EVENT_SCHEMA: Final = {
    "place": pl.String(),
    "epoch_tdb_s": pl.Float64(),
    "kind": pl.String(),
    "subject": pl.String(),
    "detail": pl.String(),
}


def live(
    outposts: Mapping[str, Outpost],
    handovers: Sequence[Handover],
    start_tdb_s: float,
    end_tdb_s: float,
    catalog: CatalogView,
    *,
    step_s: float = 86400.0,
    seed: int = 0,
    sun: SunModel | Mapping[str, SunModel] | None = None,
    progress: Callable[[float], None] | None = None,
) -> OutpostLog:
    """Simulate every outpost, step by step.

    Parameters
    ----------
    outposts
        By id. Handovers find theirs by ``place``.
    handovers
        Applied at the start of the step that holds their epoch; people count from the epoch itself. Those outside
        the span are left out and noted.
    start_tdb_s, end_tdb_s
        The span, TDB seconds past J2000; the last step is cut short where ``step_s`` does not divide it.
    step_s
        Step of matter; power is balanced hourly within it.
    seed
        Of the sampled failures.
    sun
        The light of surface places: one model for all, or one by place; by default :func:`light.sun_model` of
        each outpost's site.
    progress
        Called with the share done, 0 to 1.

    Returns
    -------
    OutpostLog
        Rows are at the ends of the steps; ``notes`` says what was approximated.

    Raises
    ------
    ValueError
        If an entry is missing in the catalog, a module cannot be, or metabolism sets are mixed.
    ConservationError
        If a step does not balance (a defect of this program).
    """
    if not end_tdb_s > start_tdb_s or not step_s > 0.0:
        raise ValueError(f"the span {start_tdb_s:.0f} s to {end_tdb_s:.0f} s with steps of {step_s:.0f} s is empty")
    sets = sorted({o.metabolism for o in outposts.values()})
    if len(sets) > 1:
        raise ValueError(f"the outposts use the metabolism sets {', '.join(sets)}; use one set in a run")
    steps = max(ceil((end_tdb_s - start_tdb_s) / step_s - 1e-9), 1)
    edges = [start_tdb_s + k * step_s for k in range(steps)] + [end_tdb_s]
    subs = max(round(step_s / 3600.0), 1)
    log_frames, events, notes = [], [], []
    shortfalls: list[Shortfall] = []
    margins: list[Margin] = []
    balances: list[Balance] = []
    crew_days = 0.0
    for number, (id_, outpost) in enumerate(outposts.items()):
        mine = [h for h in handovers if h.place == outpost.place]
        inside = [h for h in mine if start_tdb_s <= h.epoch_tdb_s < end_tdb_s]
        if len(inside) < len(mine):
            notes.append(f"{len(mine) - len(inside)} handovers to {id_} lie outside the simulated span.")
        place = Place(outpost, inside, catalog, seed)
        lit = _light(place, edges, subs, sun)

        def tick(k: int, number: int = number) -> None:
            if progress is not None and k % 100 == 0:
                progress((number + k / steps) / len(outposts))

        place.live(edges, lit, tick if progress is not None else None)
        its_balances, its_margins = judge(place)
        balances += its_balances
        margins += its_margins
        shortfalls += place.shortfalls
        notes += [f"{id_}: {note}" for note in place.notes]
        crew_days += float(np.dot(place.book.crew, np.diff(edges))) / 86400.0
        log_frames.append(place.book.frame(place.always))
        events += [(outpost.place, *event) for event in sorted(place.events)]
    if progress is not None:
        progress(1.0)
    notes += _GENERAL_NOTES
    return OutpostLog(
        days=_together(log_frames),
        events=pl.DataFrame(events, schema=EVENT_SCHEMA, orient="row"),
        shortfalls=tuple(sorted(shortfalls, key=lambda s: (s.epoch_tdb_s, s.place, s.commodity, s.reason))),
        margins=tuple(margins),
        balances=tuple(balances),
        crew_days=crew_days,
        notes=tuple(notes),
    )


_GENERAL_NOTES: Final = (
    "Deliveries count from the start of the step in which they arrive; people from their epoch.",
    "New modules bring the air that fills them and charged storage; solar arrays do not age or gather dust.",
    "A commodity that ran out was drawn from an accounted deficit, so that the simulation could go on.",
)


def _light(
    place: Place, edges: Sequence[float], subs: int, sun: SunModel | Mapping[str, SunModel] | None
) -> NDArray[Any]:
    """Lit share in each sub-step, shape (steps, subs); notes how it was found."""
    outpost, site = place.outpost, place.site
    begins, lengths = np.array(edges[:-1]), np.diff(edges)
    if site is None:
        place.notes.append(f"The Sun shines on it {outpost.orbit_sunlight:.0%} of each orbit, taken as a mean.")
        return np.full((begins.size, subs), outpost.orbit_sunlight)
    model = sun.get(outpost.place) if isinstance(sun, Mapping) else sun
    if model is None:
        model = sun_model(site)
    epochs = begins[:, None] + lengths[:, None] * ((np.arange(subs) + 0.5) / subs)[None, :]
    lit = model.sun_fraction(epochs)
    dark = max((b - a for a, b in spells((lit <= 0.0).ravel())), default=0) * float(lengths[0]) / subs
    found = f"lit {lit.mean():.1%} of the span, longest night {dark / 86400.0:.1f} d"
    if model.skyline is not None:
        line = model.skyline
        place.notes.append(
            f"The horizon of {site.id} is traced on {line.source}, {line.mast_m:g} m above the ground: {found}."
        )
        place.notes.extend(line.notes)
    elif model.calibrated:
        place.notes.append(
            f"The light of {site.id} is that of an effective horizon, level at {np.rad2deg(model.horizon_rad):+.2f} "
            f"deg with {model.hills} hills of {np.rad2deg(model.hill_rad):.2f} deg, fitted to the published "
            f"{site.illumination:.1%} over 18.6 years and longest night of {site.longest_night_s / 86400.0:.1f} d: "
            f"{found}."
        )
    else:
        place.notes.append(f"The horizon of {site.id} is that of a sphere: {found}.")
    return lit


def _together(frames: list[pl.DataFrame]) -> pl.DataFrame:
    if not frames:
        return pl.DataFrame(schema={"place": pl.String(), "epoch_tdb_s": pl.Float64()})
    whole = pl.concat(frames, how="diagonal")
    numbers = [c for c in whole.columns if c != "place"]
    return whole.with_columns(pl.col(numbers).fill_null(0.0))
