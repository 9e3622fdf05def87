"""Flying the steps of a mission one after another, and comparing what they gave with what was flown."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.replay.files import load_kinds, read_mission
from moonvillage.replay.model import KINDS, Context, Flown, Mission, Step
from moonvillage.replay.records import QUANTITIES, Outcome, Replay, Row, Situation

Progress = Callable[[str, float, str], None]


def replay(mission: Mission | str | Path, *, progress: Progress | None = None) -> Replay:
    """Compute a flown mission anew and compare.

    Parameters
    ----------
    mission
        A mission as read, the name of a built-in one, or a file.
    progress
        Called with (mission, fraction done, step) before each step.

    Returns
    -------
    A :class:`~moonvillage.replay.records.Replay`. A step that finds no solution leaves rows without a computed
    value, each with the reason; the steps that need its end fail with it, the others do not.

    Raises
    ------
    InputError
        If the mission is unknown or its file is wrong.
    EphemerisRangeError
        If a date lies outside DE440.
    """
    load_kinds()
    if not isinstance(mission, Mission):
        mission = read_mission(mission)
    begun = time.process_time()
    # what flies the steps never sees what was flown
    blind = dataclasses.replace(mission, steps=(), figures={})
    situations: dict[str, Situation] = {}
    rows: list[Row] = []
    notes: list[str] = []
    failures: list[str] = []
    for index, step in enumerate(mission.steps):
        if progress is not None:
            progress(mission.id, index / len(mission.steps), step.title or step.id)
        unknowing = dataclasses.replace(step, flown=())
        outcome = _fly(unknowing, Context(blind, dict(situations)))
        situations |= outcome.after
        name = step.title or step.id
        if outcome.reason:
            failures.append(f"{name}: {outcome.reason}")
            situations.pop(step.craft, None)
        notes += [f"{name}: {note}" for note in outcome.notes]
        for number, flown in enumerate(step.flown):
            value, bound = mission.figures[index, number]
            rows.append(_row(mission, step, flown, value, bound, outcome))
    if progress is not None:
        progress(mission.id, 1.0, "")
    sources = tuple((str(k), str(v)) for k, v in mission.sources.items())
    return Replay(
        mission.id,
        mission.title,
        tuple(rows),
        tuple(notes),
        sources,
        tuple(failures),
        time.process_time() - begun,
    )


def _fly(step: Step, context: Context) -> Outcome:
    """Fly a step; numbers that no flight can have end in a reason, not in a traceback."""
    try:
        return KINDS[step.kind].fly(step, context)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return Outcome(reason=f"With these inputs the step cannot be computed ({text}).")


def _row(mission: Mission, step: Step, flown: Flown, value: float, bound: float | None, outcome: Outcome) -> Row:
    quantity = QUANTITIES[flown.quantity]
    instant = quantity.dimension == "date"
    if bound is None:
        bound = quantity.bound * abs(value) if quantity.relative else quantity.bound
    found = outcome.computed.get((flown.of, flown.quantity))
    computed = None if found is None or not math.isfinite(found.value) else found.value
    reason = flown.reason
    if computed is None:
        why = outcome.reason or "The step gives no such number here."
        reason = f"{why} {reason}".strip()
    error = None if computed is None else computed - value
    scale = value - mission.start_tdb_s if instant else value
    relative = None if error is None else (error / abs(scale) if scale != 0.0 else None)
    chosen = step.CHOSEN.get((flown.of, flown.quantity), ())
    given = any(getattr(step, name) is not None for name in chosen)
    factor = quantity.factor
    name = step.title or step.id
    return Row(
        event=f"{name}: {flown.of}" if flown.of else name,
        quantity=flown.quantity,
        unit=quantity.unit,
        computed=None if computed is None else computed / factor,
        flown=value / factor,
        error=None if error is None else error / factor,
        relative_error=relative,
        confidence=flown.confidence,
        source=mission.sources.get(flown.source, flown.source),
        bound=bound / factor,
        within=error is not None and abs(error) <= bound,
        role="input" if given else "compared",
        reason=" ".join(part for part in (reason, found.note if found is not None else "") if part),
        step=step.id,
        kind=step.kind,
        utc=instant,
    )


def utc(epoch_tdb_s: float) -> str:
    """UTC text of an epoch for notes."""
    return tdb_s_to_utc(epoch_tdb_s)
