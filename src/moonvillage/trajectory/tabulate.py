"""``tabulate``: the real Δv and flight time of every arc at every departure date.

Every row is a trajectory targeted in the n-body model. Rows are kept on disk by the content that determines them
(arc geometry, dates, ephemeris, and the code of the rooms that solve them), so that a second run, or another
scenario with the same arcs, finds them there; a run that was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import polars as pl

from moonvillage.ephemeris.de440 import load as load_ephemeris
from moonvillage.records.legs import Leg, LegRow, LegTable
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit, MoonSurface
from moonvillage.records.store import cache_dir, write_bytes
from moonvillage.scenario.model import Scenario
from moonvillage.scenario.walk import arc_of, walk
from moonvillage.scenario.walk import arcs as arcs_of
from moonvillage.trajectory.api import solve
from moonvillage.trajectory.workers import side_by_side
from moonvillage.units import DAY_S

Progress = Callable[[str, float, str], None]  # stage, fraction done, message

#: Legs may depart after the last day of the scenario: crews come home, stays end.
OVERRUN_S: Final = 400.0 * DAY_S
#: How many departures are solved as one unit of work (and of resumption).
CHUNK: Final = 24
#: Time between the tabulated departures of a local arc.
LOCAL_STEP_S: Final = 91.0 * DAY_S


def is_local(arc: Arc) -> bool:
    """Whether the arc stays in one neighbourhood (descent, ascent, hop, rendezvous, deorbit).

    Its Δv hardly depends on the date, so that one departure a season is tabulated instead of several a period.
    """
    ends = (type(arc.origin), type(arc.destination))
    local = {(MoonOrbit, MoonSurface), (MoonSurface, MoonOrbit), (MoonSurface, MoonSurface), (EarthOrbit, EarthOrbit)}
    return ends in local or (ends[0] is EarthOrbit and ends[1].__name__ == "EarthGround")


def departures(scenario: Scenario, arc: Arc) -> list[float]:
    """The departure dates tabulated for an arc, on past the end by 400 days.

    ``dates_per_step`` evenly over each period; for a local arc one a season. Dates on which no mission could fly the
    arc (before the first's ``first``, after the last's ``last`` and 400 days) are left out.
    """
    header = scenario.header
    step_s = max(header.step_s, LOCAL_STEP_S) if is_local(arc) else header.step_s / header.dates_per_step
    spans = [
        (mission.first_tdb_s - step_s, mission.last_tdb_s + OVERRUN_S)
        for mission in scenario.missions.values()
        if any(point.step.do == "fly" and arc_of(scenario, mission, point).id == arc.id for point in walk(mission))
    ]
    first = max(header.start_tdb_s, min(start for start, _ in spans))
    last = min(header.end_tdb_s, max(end for _, end in spans) - OVERRUN_S) + OVERRUN_S
    dates = (header.start_tdb_s + (k + 0.5) * step_s for k in range(int((last - header.start_tdb_s) / step_s)))
    return [date for date in dates if date >= first]


def row_of(leg: Leg) -> LegRow:
    """What a planner needs of a leg."""
    return LegRow(
        arc=leg.arc,
        departure_tdb_s=float(leg.departure_tdb_s),
        arrival_tdb_s=float(leg.arrival_tdb_s),
        converged=leg.converged,
        dv_m_s=tuple((burn.name, float(burn.dv_m_s)) for burn in leg.burns),
        c3_m2_s2=None if leg.c3_m2_s2 is None else float(leg.c3_m2_s2),
        closure_position_m=float(leg.closure_position_m),
        closure_velocity_m_s=float(leg.closure_velocity_m_s),
        reason=leg.reason,
        approximation=leg.approximation,
    )


def tabulate(
    scenario: Scenario,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> LegTable:
    """Solve every arc of a scenario at its departure dates.

    Parameters
    ----------
    scenario
        A scenario that :func:`moonvillage.scenario.check.check` found sound.
    workers
        Processes; by default one a core, at most 8.
    progress, cancelled
        Called with (stage, fraction, message); asked whether to stop.

    Returns
    -------
    LegTable
        Rows by arc id and departure. An unsolved date is a row with ``converged`` False and its reason.

    Raises
    ------
    Interrupted
        If ``cancelled`` said so; what is finished stays in the cache.
    """
    arcs = arcs_of(scenario)
    rows: dict[str, dict[int, tuple[LegRow, ...]]] = {name: {} for name in arcs}
    todo: list[tuple[str, int, Arc, list[float], Path]] = []
    twins: dict[Path, list[tuple[str, int]]] = {}  # arcs of equal geometry are solved once
    for name, arc in arcs.items():
        dates = departures(scenario, arc)
        for start in range(0, len(dates), CHUNK):
            chunk = dates[start : start + CHUNK]
            path = cache_dir() / "legs" / f"{_key(arc, chunk)}.parquet"
            found = _read(path, name)
            if found is not None:
                rows[name][start] = found
            elif path in twins:
                twins[path].append((name, start))
            else:
                twins[path] = []
                todo.append((name, start, arc, chunk, path))
    paths = {(name, start): path for name, start, _, _, path in todo}
    total = sum(len(chunk) for *_, chunk, _ in todo)
    done = 0
    jobs = [(arc, chunk, path) for _, _, arc, chunk, path in todo]
    for index, result in side_by_side(_solve_chunk, jobs, workers=workers, cancelled=cancelled, stage="tabulate"):
        name, start = todo[index][:2]
        rows[name][start] = result
        for twin, at in twins[paths[name, start]]:
            rows[twin][at] = tuple(dataclasses.replace(row, arc=twin) for row in result)
        done += len(result)
        if progress is not None:
            progress("tabulate", done / total, f"{name}: {done} of {total} departures")
    return LegTable(
        {name: tuple(row for start in sorted(parts) for row in parts[start]) for name, parts in rows.items()}
    )


def _solve_chunk(job: tuple[Arc, Sequence[float], Path]) -> tuple[LegRow, ...]:
    arc, dates, path = job
    rows = tuple(row_of(solve(arc, date)) for date in dates)
    # without a writable cache the work is merely not kept
    with contextlib.suppress(OSError):
        _write(path, rows)
    return rows


def _key(arc: Arc, dates: Sequence[float]) -> str:
    content = json.dumps([_geometry(arc), list(dates), _solver_version()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:40]


def _geometry(arc: Arc) -> dict[str, Any]:
    """What determines an arc's trajectory: everything but names."""

    def strip(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items() if k != "id"}
        return value

    data = strip(dataclasses.asdict(arc))
    return {**data, "kinds": [type(arc.origin).__name__, type(arc.destination).__name__]}


@lru_cache(maxsize=1)
def _solver_version() -> str:
    """A digest of the code and the ephemeris that rows depend on."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parent.parent
    for room in ("ephemeris", "dynamics", "trajectory"):
        for path in sorted((root / room).glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    digest.update(str(load_ephemeris().identity).encode())
    return digest.hexdigest()


def to_frame(table: LegTable) -> pl.DataFrame:
    """The table as a data frame, a row per departure and burn columns as a list."""
    rows = [row for name in table.rows for row in table.rows[name]]
    return pl.DataFrame(
        {
            "arc": [r.arc for r in rows],
            "departure_tdb_s": [r.departure_tdb_s for r in rows],
            "arrival_tdb_s": [r.arrival_tdb_s for r in rows],
            "converged": [r.converged for r in rows],
            "burns": [[name for name, _ in r.dv_m_s] for r in rows],
            "dv_m_s": [[dv for _, dv in r.dv_m_s] for r in rows],
            "c3_m2_s2": [r.c3_m2_s2 for r in rows],
            "closure_position_m": [r.closure_position_m for r in rows],
            "closure_velocity_m_s": [r.closure_velocity_m_s for r in rows],
            "reason": [r.reason for r in rows],
            "approximation": [r.approximation for r in rows],
        },
        schema={
            "arc": pl.String(),
            "departure_tdb_s": pl.Float64(),
            "arrival_tdb_s": pl.Float64(),
            "converged": pl.Boolean(),
            "burns": pl.List(pl.String()),
            "dv_m_s": pl.List(pl.Float64()),
            "c3_m2_s2": pl.Float64(),
            "closure_position_m": pl.Float64(),
            "closure_velocity_m_s": pl.Float64(),
            "reason": pl.String(),
            "approximation": pl.String(),
        },
    )


def from_frame(frame: pl.DataFrame) -> LegTable:
    """The inverse of :func:`to_frame`."""
    rows: dict[str, list[LegRow]] = {}
    for r in frame.iter_rows(named=True):
        rows.setdefault(r["arc"], []).append(
            LegRow(
                arc=r["arc"],
                departure_tdb_s=r["departure_tdb_s"],
                arrival_tdb_s=r["arrival_tdb_s"],
                converged=r["converged"],
                dv_m_s=tuple(zip(r["burns"], r["dv_m_s"], strict=True)),
                c3_m2_s2=r["c3_m2_s2"],
                closure_position_m=r["closure_position_m"],
                closure_velocity_m_s=r["closure_velocity_m_s"],
                reason=r["reason"],
                approximation=r["approximation"],
            )
        )
    return LegTable({name: tuple(found) for name, found in rows.items()})


def _write(path: Path, rows: Sequence[LegRow]) -> None:
    buffer = io.BytesIO()
    to_frame(LegTable({"": tuple(rows)})).write_parquet(buffer, compression="zstd", compression_level=3)
    write_bytes(path, buffer.getvalue())


def _read(path: Path, name: str) -> tuple[LegRow, ...] | None:
    """Rows from the cache under the arc's present id, or None; a damaged file counts as none."""
    try:
        table = from_frame(pl.read_parquet(io.BytesIO(path.read_bytes())))
    except (OSError, pl.exceptions.PolarsError, KeyError, ValueError):
        return None
    found = [row for part in table.rows.values() for row in part]
    return tuple(dataclasses.replace(row, arc=name) for row in found)
