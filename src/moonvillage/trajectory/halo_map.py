"""A window map to a halo learns from itself: dear cells try the flybys of their cheaper neighbours.

Transfers with like times are alike, and so is what they cost, but where one search has found the better way and the
next has not. The map is gone through in rounds: all cells of a round look at the map as it was before, so that the
result does not depend on how the work was shared out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.records.places import EarthOrbit, Halo
from moonvillage.trajectory.many_burns import Rows
from moonvillage.trajectory.many_halo import HaloTransfers, learn

Floats = NDArray[np.float64]

#: Rounds at most; flybys that a cell tries in one; cells of one job.
_ROUNDS: Final = 4
_TRIED: Final = 3
_CELLS: Final = 96
#: A cell tries others where it is dearer than the mean of two opposite neighbours by so much, or than one by more.
_ABOVE_M_S: Final = 15.0
_BESIDE_M_S: Final = 30.0
#: What was tried is tried again once it has become so much cheaper.
_AGAIN_M_S: Final = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Cells (n) of a map and the flybys (q, n, 7) that they try, with the arrivals (q, n) to which those belong."""

    origin: EarthOrbit
    place: Halo
    departures_tdb_s: Floats
    durations_s: Floats
    found: HaloTransfers
    ways: Floats
    arrivals_tdb_s: Floats


def take_lesson(lesson: Lesson) -> HaloTransfers:
    """Work of one job; see :func:`~moonvillage.trajectory.many_halo.learn`.

    Raises
    ------
    EphemerisRangeError
        If a flight leaves DE440.
    """
    return learn(
        lesson.origin,
        lesson.place,
        lesson.departures_tdb_s,
        lesson.durations_s,
        lesson.found,
        lesson.ways,
        lesson.arrivals_tdb_s,
    )


def neighbours(departures_tdb_s: Floats, durations_s: Floats) -> Rows:
    """Cells (6, m · k) beside each of a map of departures (m,) × flight times (k,), row by row; −1 for none.

    In opposite pairs: the next shorter and longer flight, the departure before and after with the same flight time,
    and with the nearest arrival.
    """
    m, k = departures_tdb_s.size, durations_s.size
    day, time = np.divmod(np.arange(m * k), k)
    found = [np.where(time > 0, time - 1, -1) + day * k, np.where(time < k - 1, time + 1, -1) + day * k]
    found[0][time == 0], found[1][time == k - 1] = -1, -1
    alike = []
    for step in (-1, +1):
        other = day + step
        inside = (other >= 0) & (other < m)
        other = np.clip(other, 0, m - 1)
        found.append(np.where(inside, other * k + time, -1))
        wanted = departures_tdb_s[day] + durations_s[time] - departures_tdb_s[other]
        gap = np.abs(wanted[:, None] - durations_s)
        nearest = np.argmin(gap, axis=1)
        spacing = np.abs(np.gradient(durations_s))[nearest] if k > 1 else np.zeros(m * k)
        close = inside & (gap[np.arange(m * k), nearest] <= 0.75 * spacing)
        alike.append(np.where(close, other * k + nearest, -1))
    return np.stack(found + alike)


def lessons(
    origin: EarthOrbit,
    place: Halo,
    departures_tdb_s: Floats,
    durations_s: Floats,
    found: HaloTransfers,
    beside: Rows,
    tried: Floats,
) -> list[tuple[Rows, Lesson]]:
    """The cells of a map that should try others' flybys, in jobs.

    ``beside`` (q, m · k) are the :func:`neighbours`; ``tried`` (q, m · k) what each cost when it was tried last, and
    is brought up to date.
    """
    k = durations_s.size
    total = np.where(found.solved, found.burns_m_s.sum(axis=1), np.inf)
    theirs = np.where(beside >= 0, total[beside], np.inf)
    between = (0.5 * (theirs[0::2] + theirs[1::2])).min(axis=0)
    alike = theirs[4:].min(axis=0)
    dear = (total > between + _ABOVE_M_S) | (total > alike + _BESIDE_M_S) | ~found.solved
    useful = (beside >= 0) & ~found.straight[beside] & (theirs < np.minimum(total - _ABOVE_M_S, 1e6))
    useful &= theirs < tried - _AGAIN_M_S
    order = np.argsort(np.where(useful, theirs, np.inf), axis=0, kind="stable")[:_TRIED]
    chosen = np.take_along_axis(useful, order, axis=0) & dear
    rows = np.flatnonzero(chosen.any(axis=0))
    jobs = []
    for first in range(0, rows.size, _CELLS):
        mine = rows[first : first + _CELLS]
        sources = np.take_along_axis(beside[:, mine], order[:, mine], axis=0)
        arrivals = departures_tdb_s[sources // k] + durations_s[sources % k]
        arrivals = np.where(chosen[:, mine], arrivals, np.nan)
        for rank in range(order.shape[0]):
            on = mine[chosen[rank, mine]]
            tried[order[rank, on], on] = theirs[order[rank, on], on]
        lesson = Lesson(
            origin,
            place,
            departures_tdb_s[mine // k],
            durations_s[mine % k],
            found.take(mine),
            found.unknowns[sources],
            arrivals,
        )
        jobs.append((mine, lesson))
    return jobs


def settle(
    origin: EarthOrbit,
    place: Halo,
    departures_tdb_s: Floats,
    durations_s: Floats,
    found: HaloTransfers,
    run: Callable[[Sequence[Lesson]], Iterable[tuple[int, HaloTransfers]]],
) -> HaloTransfers:
    """Let the cells of a map learn from each other until none gains, or a few times.

    Parameters
    ----------
    origin, place
        Parking orbit and halo.
    departures_tdb_s, durations_s
        (m,) TDB seconds past J2000 and (k,) s: the map.
    found
        Its cells (m · k), row by row.
    run
        Does jobs by :func:`take_lesson`, in any order, and yields (index of the job, result).

    Returns
    -------
    HaloTransfers
        A new record (m · k), nowhere dearer.
    """
    found = found.take(np.arange(found.solved.size))
    beside = neighbours(departures_tdb_s, durations_s)
    tried = np.full(beside.shape, np.inf)
    for _ in range(_ROUNDS):
        jobs = lessons(origin, place, departures_tdb_s, durations_s, found, beside, tried)
        if not jobs:
            break
        for index, learnt in run([lesson for _, lesson in jobs]):
            found.put(jobs[index][0], learnt)
    return found
