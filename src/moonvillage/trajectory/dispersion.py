"""The correction budget of a leg: when to correct, and what it costs at 95 and 99 %.

Two ways to the same numbers, which must agree: linear covariance (:mod:`~moonvillage.trajectory.covariance`), and a
Monte Carlo of dispersed flights in the n-body model, all flown side by side
(:func:`moonvillage.dynamics.batch.propagate_batch`). Each flight is corrected as navigators do: on an estimate that
is wrong by the error of knowledge, by Newton's method on what the flight aims at, and executed with errors. The times
of the corrections are given, or placed so that the 99 % budget is least.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.dynamics.batch import propagate_batch
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc
from moonvillage.trajectory.api import solve
from moonvillage.trajectory.covariance import Course, Errors, Linear, analyse, follow, root_of, times_of

Floats = NDArray[np.float64]

_HOUR_S: Final = 3600.0
#: Flights on which a correction is improved, after the step from the transition matrices.
_NEWTON: Final = 6
#: Steps below this, m/s, are not worth another flight.
_SMALL_M_S: Final = 1e-4
_BOTH_SIDES: Final = 1.96
#: Between two corrections, for tracking.
_GAP_S: Final = 10.0 * _HOUR_S
#: What is asked of the delivery where nothing is said, 1σ: an insertion, or an entry, can take this.
USUAL_LIMITS: Final = (
    ("perilune radius", 2_000.0),
    ("entry flight-path angle", math.radians(0.1)),
    *((f"arrival {axis}", 10_000.0) for axis in "xyz"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A statistic of a sample, with its 95 % confidence interval."""

    value: float
    low: float
    high: float

    def __repr__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of something over the runs: mean, median, 95 and 99 % quantiles. ``unit`` says of what."""

    name: str
    unit: str
    mean: Figure
    q50: Figure
    q95: Figure
    q99: Figure


@dataclass(frozen=True, slots=True, eq=False)
class MonteCarlo:
    """Dispersed flights: ``runs`` flown, of which ``lost`` ran into a body and are left out of the statistics.

    ``total`` is of the sum of the sizes of a flight's corrections, ``each`` of every correction (m/s); ``delivery``
    is of the absolute error of what is shown at each aim. ``totals_m_s`` (runs − lost,) are the sums themselves.
    """

    runs: int
    seed: int
    lost: int
    total: Statistics
    each: tuple[Statistics, ...]
    delivery: tuple[Statistics, ...]
    totals_m_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Budget:
    """What a leg's corrections cost, or why that is not known (``reason`` not empty).

    ``times_s``: the corrections, after departure. ``margin_m_s``: the 99 % quantile of their sum, what a plan should
    add to the leg's Δv. ``linear`` and ``monte_carlo`` are two independent ways to it (the latter None if no runs
    were asked for; the margin is then the linear one).
    """

    arc: str
    departure_tdb_s: float
    times_s: tuple[float, ...]
    placed: bool
    margin_m_s: float
    linear: Linear | None
    monte_carlo: MonteCarlo | None
    approximation: str = ""
    reason: str = ""


def _quantile(ordered: Floats, p: float) -> Figure:
    """An order statistic and the 95 % interval of its rank (normal approximation to the binomial)."""
    n = ordered.size
    half = _BOTH_SIDES * math.sqrt(n * p * (1.0 - p))
    low, high = max(0, math.floor(n * p - half) - 1), min(n - 1, math.ceil(n * p + half))
    return Figure(float(np.quantile(ordered, p)), float(ordered[low]), float(ordered[high]))


def statistics(name: str, unit: str, values: Floats) -> Statistics:
    """Mean and quantiles of a sample (n,), n ≥ 2, with 95 % confidence intervals.

    Raises
    ------
    ValueError
        If there are fewer than two values.
    """
    if values.size < 2:
        raise ValueError(f"{name}: statistics need at least two values, not {values.size}")
    ordered = np.sort(values)
    mean = float(values.mean())
    half = _BOTH_SIDES * float(values.std(ddof=1)) / math.sqrt(values.size)
    quantiles = [_quantile(ordered, p) for p in (0.5, 0.95, 0.99)]
    return Statistics(name, unit, Figure(mean, mean - half, mean + half), *quantiles)


def _advance(course: Course, first: int, last: int, states: Floats) -> Floats:
    """Deviated states (n, 6) at node ``first`` (after its burn) flown to node ``last``, before its burn."""
    now = states
    for k in range(first, last):
        ends = propagate_batch(
            float(course.epoch_tdb_s[k]),
            now[:, :3],
            now[:, 3:],
            float(course.epoch_tdb_s[k + 1]),
            centre=course.centre[k],
        )
        now = ends.state
        if k + 1 < last:
            now = _cross(course, k + 1, now)
            now[:, 3:] += course.burn_m_s[k + 1]
    return now


def _cross(course: Course, node: int, states: Floats) -> Floats:
    """Into the centre of the flight that follows a node."""
    if node >= len(course.centre) or course.centre[node] == course.centre[node - 1]:
        return states.copy()
    epoch = float(course.epoch_tdb_s[node])
    r, v = dynamics.change_centre(epoch, states[:, :3], states[:, 3:], course.centre[node - 1], course.centre[node])
    return np.hstack([r, v])


def _correct(course: Course, node: int, estimate: Floats) -> Floats:
    """Corrections (n, 3) for estimated states (n, 6) at a node: linear first, then Newton on what is flown."""
    gain = course.gain(node)
    following = course.aim_after(node)
    if gain is None or following is None:
        return np.zeros((estimate.shape[0], 3))
    at, aim = following
    dv = -(estimate - course.states[node]) @ gain.T
    effect = aim.gradient(course.states[at]) @ course.transition(node, at)[:, 3:]
    weights = 1.0 / np.linalg.norm(effect, axis=1)
    back = np.linalg.pinv(weights[:, None] * effect, rcond=1e-6) * weights
    best, least = dv, np.full(dv.shape[0], np.inf)
    trial = dv
    for _ in range(_NEWTON):
        moved = estimate.copy()
        moved[:, 3:] += trial
        miss = aim.read(_advance(course, node, at, moved))
        size = np.linalg.norm(miss * weights, axis=1)
        size = np.where(np.isfinite(size), size, np.inf)
        better = size < least
        step = np.where(np.isfinite(size)[:, None], -(np.nan_to_num(miss) @ back.T), 0.0)
        # where a step made it worse, a part of it is tried instead
        next_trial = np.where(better[:, None], trial + step, best + 0.3 * (trial - best))
        best = np.where(better[:, None], trial, best)
        sure = better & (size < 0.3 * least)
        least = np.where(better, size, least)
        trial = next_trial
        if np.all(better) and float(np.linalg.norm(step, axis=1).max()) < _SMALL_M_S:
            return np.asarray(trial)
    # the last step is taken unseen where the one before it helped much
    return np.asarray(np.where(sure[:, None], trial, best))


def monte_carlo(course: Course, errors: Errors, corrections: Sequence[int], runs: int, seed: int) -> MonteCarlo:
    """Fly dispersed copies of a course, correcting each.

    Parameters
    ----------
    course
        Followed without a ``reason``.
    errors
        Injection, execution and knowledge, 1σ; all normal.
    corrections
        Indices of nodes, increasing.
    runs, seed
        How many flights; the same seed gives the same flights.

    Returns
    -------
    A :class:`MonteCarlo`.

    Raises
    ------
    ValueError
        If fewer than two flights are asked for.
    """
    if runs < 2:
        raise ValueError(f"a Monte Carlo needs at least two runs, not {runs}")
    draw = np.random.default_rng(seed)
    root = root_of(course.start_covariance(errors))
    states = course.states[0] + draw.standard_normal((runs, 6)) @ root.T
    knowledge = np.array([errors.knowledge.position_m] * 3 + [errors.knowledge.velocity_m_s] * 3)
    sizes = np.zeros((runs, len(corrections)))
    aimed = {at: aim for at, aim in course.aims}
    shown: list[tuple[str, str, Floats]] = []
    last = course.epoch_tdb_s.size - 1
    for node in range(last + 1):
        if node > 0:
            states = _advance(course, node - 1, node, states)
            states = _cross(course, node, states) if node < last else states
        burn = course.burn_m_s[node] if node > 0 else np.zeros(3)
        states = states.copy()
        states[:, 3:] += burn
        if node in corrections:
            estimate = states + draw.standard_normal((runs, 6)) * knowledge
            noise = draw.standard_normal((runs, 3))
            dv = _correct(course, node, np.where(np.isfinite(estimate), estimate, course.states[node]))
            sizes[:, list(corrections).index(node)] = np.linalg.norm(dv, axis=1)
            states[:, 3:] += dv + errors.gates.draw(dv, noise)
        if float(burn @ burn) > 0.0:
            states[:, 3:] += errors.gates.draw(np.tile(burn, (runs, 1)), draw.standard_normal((runs, 3)))
        if node in aimed:
            values = np.abs(aimed[node].show(states))
            shown += [(name, unit, values[:, k]) for k, (name, unit) in enumerate(aimed[node].shown)]
    good = np.all(np.isfinite(states), axis=1)
    totals = sizes.sum(axis=1)[good]
    if totals.size < 2:
        raise ValueError("every dispersed flight ran into a body: the injection error is beyond correction")
    return MonteCarlo(
        runs,
        seed,
        int(runs - good.sum()),
        statistics("sum of corrections", "m/s", totals),
        tuple(statistics(f"correction {k + 1}", "m/s", sizes[good, k]) for k in range(sizes.shape[1])),
        tuple(statistics(f"error of {name}", unit, values[good]) for name, unit, values in shown),
        totals,
    )


def place(
    course: Course, errors: Errors, count: int, *, limits: Sequence[tuple[str, float]] = ()
) -> tuple[tuple[int, ...], bool] | None:
    """Where along a course to correct, so that the 99 % sum is least.

    All choices of ``count`` of the course's candidates are tried in linear covariance.

    Parameters
    ----------
    course
        Followed with the candidates (a dozen or so).
    errors
        Injection, execution and knowledge.
    count
        How many corrections, beside the leg's own burns, which are always computed anew.
    limits
        (name of what is shown at an aim, greatest 1σ) which the choice should obey; see ``Aim.shown``. A name that
        the course does not show asks nothing.

    Returns
    -------
    Indices of nodes and whether the limits are obeyed; where no choice obeys them, that which comes nearest. None
    where the candidates leave no room for so many, ten hours apart, at least one on the way to each aim.
    """
    ends = np.array([at for at, _ in course.aims])
    best: tuple[float, float, tuple[int, ...]] | None = None
    burns = course.retargeted()
    for picked in itertools.combinations(course.candidates, count):
        choice = tuple(sorted({*picked, *burns}))
        if np.any(np.diff(course.epoch_tdb_s[list(picked)]) < _GAP_S):
            continue
        if np.unique(np.searchsorted(ends, picked, side="right")).size < ends.size:
            continue
        found = analyse(course, errors, choice, draws=2000)
        spread = {s.name: s.sigma for s in found.delivery}
        excess = max((spread.get(name, 0.0) / limit - 1.0 for name, limit in limits), default=0.0)
        rank = (max(0.0, excess), found.q99_m_s, choice)
        if best is None or rank < best:
            best = rank
    return None if best is None else (best[2], best[0] == 0.0)


def candidates_s(leg: Leg) -> tuple[float, ...]:
    """Times after a leg's departure worth a try, s: on both ends and in the middle of each way to a passage."""
    passages = [e.epoch_tdb_s - leg.departure_tdb_s for e in leg.events if e.name == "perilune"]
    edges = [0.0, *(t for t in passages if 0.1 * leg.duration_s < t < 0.9 * leg.duration_s), leg.duration_s]
    found: set[float] = set()
    for begin, end in itertools.pairwise(edges):
        length = end - begin
        offsets = [6.0, 12.0, 18.0, 24.0, 36.0]
        found |= {begin + h * _HOUR_S for h in offsets if h * _HOUR_S < 0.45 * length}
        found |= {end - h * _HOUR_S for h in (8.0, 12.0, 18.0, 24.0, 36.0) if h * _HOUR_S < 0.45 * length}
        found.add(begin + 0.5 * length)
    return tuple(sorted(found))


def budget(
    arc: Arc,
    departure_tdb_s: float,
    *,
    errors: Errors | None = None,
    times_s: Sequence[float] | None = None,
    count: int | None = None,
    runs: int = 1000,
    seed: int = 1,
    limits: Sequence[tuple[str, float]] = USUAL_LIMITS,
    leg: Leg | None = None,
) -> Budget:
    """The correction budget of an arc on a date.

    Parameters
    ----------
    arc, departure_tdb_s
        As for :func:`moonvillage.trajectory.solve`; epochs in TDB s past J2000.
    errors
        Injection, execution, knowledge; None: the defaults, which are assumptions and said to be.
    times_s
        Corrections, s after departure; None: ``count`` of them (None: one for each aim and two more) placed for the
        least 99 % sum (see :func:`place`).
    runs, seed
        Of the Monte Carlo; 0 runs: linear covariance alone.
    limits
        Of the delivery, for the placing.
    leg
        The leg, solved with samples (None: solved here).

    Returns
    -------
    A :class:`Budget`; ``margin_m_s`` is the Δv to add at 99 %. A failure is one with a ``reason``.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves the ephemeris.
    """
    said = [
        "corrections are impulses; errors are normal; knowledge errors are fresh at each correction",
    ]
    if errors is None:
        errors = Errors()
        said.append("injection, execution and knowledge errors are assumed")

    def failed(reason: str) -> Budget:
        return Budget(arc.id, departure_tdb_s, (), False, math.nan, None, None, "; ".join(said), reason)

    solved = solve(arc, departure_tdb_s, samples=400) if leg is None else leg
    if not solved.converged:
        return failed(solved.reason)
    given = candidates_s(solved) if times_s is None else tuple(times_s)
    course = follow(arc, solved, given)
    if course.reason:
        return failed(course.reason)
    if not course.candidates:
        return failed("No correction falls within the leg; give times between its departure and its last aim.")
    chosen = tuple(sorted({*course.candidates, *course.retargeted()}))
    if times_s is None:
        if count is not None and count < 1:
            return failed(f"{count} corrections were asked for; ask for one or more.")
        placed, wanted = None, count or len(course.aims) + 2
        while placed is None and wanted > 0:  # a short leg has no room for as many
            placed = place(course, errors, wanted, limits=limits)
            wanted -= 0 if placed else 1 if count is None else wanted
        if placed is None:
            return failed("The leg leaves no room for the corrections, ten hours apart and one before each aim.")
        chosen, obeyed = placed
        if not obeyed:
            said.append("no placing of the corrections keeps the delivery within its limits; the nearest is used")
    linear = analyse(course, errors, chosen)
    sampled = monte_carlo(course, errors, chosen, runs, seed) if runs > 0 else None
    margin = linear.q99_m_s if sampled is None else sampled.total.q99.value
    return Budget(
        arc.id,
        solved.departure_tdb_s,
        times_of(course, chosen),
        times_s is None,
        margin,
        linear,
        sampled,
        "; ".join(said),
    )
