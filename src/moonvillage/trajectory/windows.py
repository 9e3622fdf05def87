"""Window maps: an arc over departures × flight times, every cell a transfer of the n-body model.

Two arcs are solved by the hundred, in step (``many_lunar``, ``many_halo``): low Earth orbit to a low lunar orbit, and
to a halo. Every other arc goes cell by cell through :func:`~moonvillage.trajectory.api.solve`. What is finished is
kept on disk by the content that determines it, so that a map that was interrupted goes on where it was.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.dynamics.batch import warm_up
from moonvillage.ephemeris.constants import MOON_RADIUS_M
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, EarthOrbit, Halo, MoonOrbit
from moonvillage.records.store import cache_dir, write_bytes
from moonvillage.trajectory import halo, halo_map
from moonvillage.trajectory.api import solve
from moonvillage.trajectory.flyby_fan import FlybyFan, flyby_fan
from moonvillage.trajectory.halo_arcs import FLYBY_ALTITUDE_M
from moonvillage.trajectory.many_halo import COLUMNS, HaloTransfers, transfers_to_halo
from moonvillage.trajectory.many_lunar import transfers_to_low_orbit
from moonvillage.trajectory.tabulate import _geometry, _solver_version
from moonvillage.trajectory.workers import by_crew, crew, processes

Floats = NDArray[np.float64]
Progress = Callable[[str, float, str], None]

#: Cells of one unit of work (and of resumption): many at once, or one by one.
_CELLS_AT_ONCE: Final = 400
_CELLS_ONE_BY_ONE: Final = 20
#: A leg whose flight time is so far from the one asked for has one of its own.
_SAME_TIME_S: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class WindowMap:
    """An arc over departures (m,) and flight times (k,); TDB seconds past J2000, s, m/s.

    Attributes
    ----------
    dv_m_s
        (m, k) sum of the burns; not a number where no transfer was found, and ``reasons`` (m × k) then says why.
    names, burns_m_s
        The burns by name, and (m, k, b) their sizes; zero where a transfer does not need one.
    c3_m2_s2
        (m, k), where the arc leaves the Earth.
    shift_s, flown_s
        (m, k) what the solver moved the departure by, and the flight time that it flew. A parking orbit's phase and
        node are free, so that both are met exactly on the way from a parking orbit.
    closure_m, closure_m_s
        (m, k) what each transfer, flown again in one go, misses its end by.
    notes
        Approximations, each once.
    wall_s, cpu_s
        What it took, all processes together; nothing for what was found on disk.
    """

    arc: str
    departures_tdb_s: Floats
    durations_s: Floats
    dv_m_s: Floats
    names: tuple[str, ...]
    burns_m_s: Floats
    c3_m2_s2: Floats
    shift_s: Floats
    flown_s: Floats
    closure_m: Floats
    closure_m_s: Floats
    reasons: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    wall_s: float
    cpu_s: float

    @property
    def converged(self) -> float:
        """Share of the cells with a transfer."""
        return float(np.mean(np.isfinite(self.dv_m_s))) if self.dv_m_s.size else 0.0

    def __repr__(self) -> str:
        m, k = self.dv_m_s.shape
        return f"WindowMap({self.arc}, {m} departures × {k} flight times, {self.converged:.1%} converged)"

    def best(self) -> tuple[int, int]:
        """Row and column of the cheapest cell. ValueError if there is none."""
        if not np.isfinite(self.dv_m_s).any():
            raise ValueError("no cell of the map has a transfer")
        i, j = np.unravel_index(int(np.nanargmin(self.dv_m_s)), self.dv_m_s.shape)
        return int(i), int(j)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    arc: Arc
    departures: Floats
    durations: Floats
    path: Path | None
    fan: FlybyFan | None


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The cells of some departures, (c, ...) row by row."""

    names: tuple[str, ...]
    burns: Floats
    c3: Floats
    shift: Floats
    flown: Floats
    closure: Floats
    reasons: list[str]
    notes: tuple[str, ...]
    cpu_s: float
    halo: HaloTransfers | None = None


def many_at_once(arc: Arc) -> bool:
    """Whether the arc is one of those that are solved by the hundred."""
    free = isinstance(arc.origin, EarthOrbit) and arc.origin.raan_rad is None and not arc.via
    return free and isinstance(arc.destination, (MoonOrbit, Halo))


def window_map(
    arc: Arc,
    departures_tdb_s: Floats,
    durations_s: Floats,
    *,
    workers: int | None = None,
    keep: bool = True,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> WindowMap:
    """Solve an arc on every departure with every flight time.

    Parameters
    ----------
    arc
        Any arc that :func:`~moonvillage.trajectory.api.solve` knows.
    departures_tdb_s, durations_s
        (m,) TDB seconds past J2000 and (k,) s.
    workers
        Processes; by default one a core, at most 8.
    keep
        Whether to look for finished cells on disk, and to leave them there.
    progress, cancelled
        Called with (stage, fraction, message); asked whether to stop.

    Raises
    ------
    Interrupted
        If ``cancelled`` said so; what is finished stays on disk.
    EphemerisRangeError
        If a flight leaves DE440.
    ValueError
        If there is no departure or no flight time, or the halo does not exist.
    """
    began, started = time.perf_counter(), time.process_time()
    m, k = departures_tdb_s.size, durations_s.size
    if not m or not k:
        raise ValueError("a window map needs at least one departure and one flight time")
    at_once = many_at_once(arc)
    rows = max(1, (_CELLS_AT_ONCE if at_once else _CELLS_ONE_BY_ONE) // k)
    to_halo = at_once and isinstance(arc.destination, Halo)
    settled = cache_dir() / "windows" / f"{_key(arc, departures_tdb_s, durations_s)}-map.npz"
    whole = _read(settled, m * k) if keep and to_halo else None
    fan = None
    todo: list[tuple[int, _Job]] = []
    parts: dict[int, _Part] = {} if whole is None else {0: whole}
    for first in range(0, m if whole is None else 0, rows):
        chunk = departures_tdb_s[first : first + rows]
        path = cache_dir() / "windows" / f"{_key(arc, chunk, durations_s)}.npz" if keep else None
        found = None if path is None else _read(path, chunk.size * k)
        if found is not None:
            parts[first] = found
            continue
        if fan is None and at_once and isinstance(arc.destination, Halo):
            fan = _fan(arc.destination, keep)
        todo.append((first, _Job(arc, chunk, durations_s, path, fan)))
    if at_once and whole is None:  # once, not by every process
        warm_up()
    done = sum(part.burns.shape[0] for part in parts.values())
    own = time.process_time() - started
    jobs = -(-m // rows) if to_halo and whole is None else len(todo)
    with crew(processes(workers, jobs)) as pool:
        for index, part in by_crew(pool, _solve, [job for _, job in todo], cancelled=cancelled, stage="windows"):
            parts[todo[index][0]] = part
            done += part.burns.shape[0]
            own += part.cpu_s
            if progress is not None:
                progress("windows", done / (m * k), f"{arc.id}: {done} of {m * k} cells")
        ordered = [parts[first] for first in sorted(parts)]
        if to_halo and whole is None:
            settling = time.process_time()
            whole, spent = _settled(arc, departures_tdb_s, durations_s, ordered, pool, cancelled)
            ordered = [whole]
            own += spent if pool is None else spent + time.process_time() - settling
            if keep:
                with contextlib.suppress(OSError):
                    _write(settled, whole)
    names = tuple(dict.fromkeys(name for part in ordered for name in part.names))
    burns = np.concatenate([_spread(part, names) for part in ordered]).reshape(m, k, len(names))
    shape = (m, k)

    def joined(values: Sequence[Floats]) -> Floats:
        return np.concatenate(values).reshape(shape)

    reasons = [reason for part in ordered for reason in part.reasons]
    closure = np.concatenate([part.closure for part in ordered])
    return WindowMap(
        arc.id,
        departures_tdb_s,
        durations_s,
        burns.sum(axis=2),
        names,
        burns,
        joined([part.c3 for part in ordered]),
        joined([part.shift for part in ordered]),
        joined([part.flown for part in ordered]),
        closure[:, 0].reshape(shape),
        closure[:, 1].reshape(shape),
        tuple(tuple(reasons[i * k : (i + 1) * k]) for i in range(m)),
        tuple(sorted({note for part in ordered for note in part.notes})),
        time.perf_counter() - began,
        own,
    )


def _settled(
    arc: Arc,
    departures: Floats,
    durations: Floats,
    parts: Sequence[_Part],
    pool: concurrent.futures.Executor | None,
    cancelled: Callable[[], bool] | None,
) -> tuple[_Part, float]:
    """The map after its cells have learnt from each other, and the processor time that the jobs took."""
    assert isinstance(arc.origin, EarthOrbit)
    assert isinstance(arc.destination, Halo)
    spent = 0.0

    def run(lessons: Sequence[halo_map.Lesson]) -> Iterator[tuple[int, HaloTransfers]]:
        nonlocal spent
        for index, (learnt, cpu_s) in by_crew(pool, _learn, lessons, cancelled=cancelled, stage="windows"):
            spent += cpu_s
            yield index, learnt

    found = HaloTransfers.joined([part.halo for part in parts if part.halo is not None])
    found = halo_map.settle(arc.origin, arc.destination, departures, durations, found, run)
    return _halo_part(found, np.tile(durations, departures.size)), spent


def _learn(lesson: halo_map.Lesson) -> tuple[HaloTransfers, float]:
    started = time.process_time()
    return halo_map.take_lesson(lesson), time.process_time() - started


def _spread(part: _Part, names: tuple[str, ...]) -> Floats:
    """The burns of a part under all names; zero for those that it does not know."""
    wide = np.zeros((part.burns.shape[0], len(names)))
    for column, name in enumerate(part.names):
        wide[:, names.index(name)] = part.burns[:, column]
    wide[~np.isfinite(part.burns).all(axis=1)] = np.nan
    return wide


def _solve(job: _Job) -> _Part:
    started = time.process_time()
    arc = job.arc
    departures = np.repeat(job.departures, job.durations.size)
    durations = np.tile(job.durations, job.departures.size)
    if job.fan is not None:
        assert isinstance(arc.origin, EarthOrbit)
        assert isinstance(arc.destination, Halo)
        part = _halo_part(transfers_to_halo(arc.origin, arc.destination, departures, durations, job.fan), durations)
    elif many_at_once(arc):
        part = _to_low_orbit(arc, departures, durations)
    else:
        part = _one_by_one(arc, departures, durations)
    part = _Part(
        part.names,
        part.burns,
        part.c3,
        part.shift,
        part.flown,
        part.closure,
        part.reasons,
        part.notes,
        time.process_time() - started,
        part.halo,
    )
    if job.path is not None:
        with contextlib.suppress(OSError):  # without a writable cache the work is merely not kept
            _write(job.path, part)
    return part


def _to_low_orbit(arc: Arc, departures: Floats, durations: Floats) -> _Part:
    assert isinstance(arc.origin, EarthOrbit)
    assert isinstance(arc.destination, MoonOrbit)
    found = transfers_to_low_orbit(arc.origin, arc.destination, departures, durations)
    burns, c3 = found.burns_m_s.copy(), found.c3_m2_s2.copy()
    closure = np.column_stack([found.closure_m, found.closure_m_s])
    names = list(found.names)
    reasons = [""] * departures.size
    notes = {"burns are impulses"}
    for row in np.flatnonzero(~found.solved):
        leg = solve(arc, float(departures[row]), duration_s=float(durations[row]), fixed_departure=True)
        if not leg.converged or abs(leg.duration_s - float(durations[row])) > _SAME_TIME_S:
            burns[row], c3[row], closure[row] = np.nan, np.nan, np.nan
            reasons[row] = leg.reason or _own_time(leg)
            continue
        for burn in leg.burns:
            if burn.name not in names:
                names.append(burn.name)
                burns = np.column_stack([burns, np.zeros(departures.size)])
        sizes = {name: 0.0 for name in names}
        for burn in leg.burns:
            sizes[burn.name] += burn.dv_m_s
        burns[row] = list(sizes.values())
        c3[row] = np.nan if leg.c3_m2_s2 is None else leg.c3_m2_s2
        closure[row] = leg.closure_position_m, leg.closure_velocity_m_s
    if "plane_change" in names and np.nanmax(burns[:, names.index("plane_change")], initial=0.0) > 0.0:
        notes.add("a tilt of the parking orbit is priced but not flown")
    return _Part(tuple(names), burns, c3, 0.0 * durations, durations, closure, reasons, tuple(sorted(notes)), 0.0)


def _halo_part(found: HaloTransfers, durations: Floats) -> _Part:
    burns = found.burns_m_s.copy()
    burns[~found.solved] = np.nan
    closure = np.column_stack([found.closure_m, found.closure_m_s])
    notes = {"burns are impulses"}
    if (found.straight & found.solved).any():
        notes.add("where no flyby helps, the craft goes straight to the halo")
    if np.nanmax(burns[:, 0], initial=0.0) > 0.0:
        notes.add("a tilt of the parking orbit is priced but not flown")
    reasons = ["" if solved else reason for solved, reason in zip(found.solved, found.reasons, strict=True)]
    shift, told = 0.0 * durations, tuple(sorted(notes))
    return _Part(found.names, burns, found.c3_m2_s2, shift, durations, closure, reasons, told, 0.0, found)


def _own_time(leg: Leg) -> str:
    return f"This arc's flight time cannot be chosen; it takes {leg.duration_s / 86400.0:.3f} d."


def _one_by_one(arc: Arc, departures: Floats, durations: Floats) -> _Part:
    legs = [
        solve(arc, departure, duration_s=duration, fixed_departure=True)
        for departure, duration in zip(departures.tolist(), durations.tolist(), strict=True)
    ]
    names = tuple(dict.fromkeys(burn.name for leg in legs for burn in leg.burns))
    burns = np.full((len(legs), len(names)), np.nan)
    values = np.full((len(legs), 5), np.nan)  # C3, shift, flight time, closure
    reasons = []
    for row, leg in enumerate(legs):
        reason = leg.reason
        if leg.converged and abs(leg.duration_s - float(durations[row])) > max(_SAME_TIME_S, 1e-3 * durations[row]):
            reason = _own_time(leg)
        reasons.append(reason)
        if reason or not leg.converged:
            continue
        burns[row] = 0.0
        for burn in leg.burns:
            burns[row, names.index(burn.name)] += burn.dv_m_s
        c3 = np.nan if leg.c3_m2_s2 is None else leg.c3_m2_s2
        shift = leg.departure_tdb_s - float(departures[row])
        values[row] = c3, shift, leg.duration_s, leg.closure_position_m, leg.closure_velocity_m_s
    if not names:
        burns = np.full((len(legs), 1), np.nan)
    notes = tuple(sorted({leg.approximation for leg in legs if leg.converged and leg.approximation}))
    return _Part(
        names or ("none",), burns, values[:, 0], values[:, 1], values[:, 2], values[:, 3:], reasons, notes, 0.0
    )


def _fan(place: Halo, keep: bool) -> FlybyFan:
    """The first guesses of a halo, from the disk where they are."""
    orbit, radius = halo.find_halo(place), MOON_RADIUS_M + FLYBY_ALTITUDE_M
    content = np.array([*orbit.state, orbit.period, radius]).tobytes() + _solver_version().encode()
    path = cache_dir() / "windows" / f"fan-{hashlib.sha256(content).hexdigest()[:32]}.npz"
    if keep:
        with contextlib.suppress(OSError, ValueError, KeyError), np.load(path, allow_pickle=False) as file:
            return FlybyFan(file["phases"], file["first"], file["x"], file["r"], file["v"])
    fan = flyby_fan(orbit, radius)
    if keep:
        buffer = io.BytesIO()
        np.savez(buffer, phases=fan.phases, first=fan.first, x=fan.x, r=fan.r, v=fan.v)
        with contextlib.suppress(OSError):
            write_bytes(path, buffer.getvalue())
    return fan


def _key(arc: Arc, departures: Floats, durations: Floats) -> str:
    content = json.dumps([_geometry(arc), departures.tolist(), durations.tolist(), _solver_version()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:40]


def _write(path: Path, part: _Part) -> None:
    buffer = io.BytesIO()
    extra = {} if part.halo is None else {f"halo_{name}": getattr(part.halo, name) for name in COLUMNS}
    np.savez(
        buffer,
        names=np.array(part.names),
        burns=part.burns,
        rest=np.column_stack([part.c3, part.shift, part.flown, part.closure]),
        reasons=np.array(part.reasons),
        notes=np.array(part.notes, dtype=str),
        **extra,
    )
    write_bytes(path, buffer.getvalue())


def _read(path: Path, cells: int) -> _Part | None:
    """A finished part from the disk, or None; a damaged file counts as none."""
    try:
        with np.load(path, allow_pickle=False) as file:
            rest, burns = file["rest"], file["burns"]
            if burns.shape[0] != cells:
                return None
            names, reasons, notes = (tuple(str(x) for x in file[name]) for name in ("names", "reasons", "notes"))
            found = None
            if "halo_solved" in file:
                columns: dict[str, Any] = {name: file[f"halo_{name}"] for name in COLUMNS}
                found = HaloTransfers(names=names, reasons=list(reasons), **columns)
    except (OSError, ValueError, KeyError, EOFError):
        return None
    return _Part(names, burns, rest[:, 0], rest[:, 1], rest[:, 2], rest[:, 3:], list(reasons), notes, 0.0, found)
