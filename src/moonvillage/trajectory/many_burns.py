"""Newton's method and the least sum of burns for many problems at once: the arrays of ``least_burns``.

Every problem (a row) goes its own way: its step, its damping, its end. What they share is the call of ``evaluate``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Conditions (k, m) and Jacobians (k, m, n), scaled to order one; an extra cost (k,) and its gradient (k, n).

    What cannot be evaluated is not a number. ``detail`` (k, d) is what the caller wants back with the solution.
    """

    conditions: Floats
    jacobian: Floats
    extra: Floats
    extra_by: Floats
    detail: Floats

    def take(self, rows: Rows | NDArray[np.bool_]) -> Values:
        """Some rows: ``rows`` (m,)."""
        return Values(
            self.conditions[rows], self.jacobian[rows], self.extra[rows], self.extra_by[rows], self.detail[rows]
        )

    def put(self, rows: Rows, other: Values) -> None:
        """Replace rows (m,)."""
        self.conditions[rows], self.jacobian[rows] = other.conditions, other.jacobian
        self.extra[rows], self.extra_by[rows], self.detail[rows] = other.extra, other.extra_by, other.detail


#: (unknowns (k, n), which problems (k,)) → values
Evaluate = Callable[[Floats, Rows], Values]

_SMALLEST_BURN: Final = 1e-3
_STEP: Final = 0.5
_PENALTY: Final = 10.0
_DAMPING: Final = 0.02
#: The curvature is measured anew after so many steps, over this part of a scale; less is taken for none.
_AFRESH: Final = 5
_NUDGE: Final = 0.02
_FLAT: Final = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Unknowns (k, n), their values, and the largest condition of each (k,)."""

    x: Floats
    values: Values
    miss: Floats

    def take(self, rows: Rows) -> Ends:
        """Some rows: ``rows`` (m,)."""
        return Ends(self.x[rows], self.values.take(rows), self.miss[rows])


def _largest(conditions: Floats) -> Floats:
    found = np.max(np.abs(conditions), axis=1, initial=0.0)
    return np.asarray(np.where(np.isfinite(found), found, np.inf))


def meet(
    evaluate: Evaluate, x: Floats, scale: Floats, *, tolerance: float, iterations: int, hopeless: float = np.inf
) -> Ends:
    """Newton's method of least scaled norm onto the conditions, for all rows of ``x`` (k, n).

    Steps are at most half a scale (n,). The best point of each row is kept, converged or not: look at ``miss``. Rows
    that ever miss by more than ``hopeless`` are given up.
    """
    now = x.copy()
    rows: Rows = np.arange(x.shape[0])
    values = evaluate(now, rows)
    best = Ends(now.copy(), values, _largest(values.conditions))
    miss = best.miss.copy()
    for _ in range(iterations - 1):
        going = (miss >= tolerance) & (miss < hopeless)
        rows, values = rows[going], values.take(going)
        if not rows.size:
            break
        delta = _least_norm(values.jacobian * scale, -values.conditions)
        longest = np.abs(delta).max(axis=1, initial=0.0)
        delta *= np.minimum(1.0, _STEP / np.maximum(longest, 1e-300))[:, None]
        now[rows] += scale * delta
        values = evaluate(now[rows], rows)
        miss = _largest(values.conditions)
        better = miss < best.miss[rows]
        k = rows[better]
        best.x[k], best.miss[k] = now[k], miss[better]
        best.values.put(k, values.take(better))
    return best


def meet_by_secants(
    residuals: Callable[[Floats, Rows], tuple[Floats, Floats]],
    x: Floats,
    jacobian: Floats,
    scale: Floats,
    *,
    tolerance: float,
    iterations: int,
    hopeless: float,
) -> tuple[Floats, Floats, Floats]:
    """Like :func:`meet` where only conditions are evaluated, from Jacobians (k, m, n) that are nearly right.

    ``residuals`` gives conditions (k, m) and details (k, d). Broyden's update of least change (Nocedal & Wright 2006,
    equation 11.12) corrects the Jacobians. Returns unknowns (k, n), details, and the largest condition of each (k,).
    """
    now, by = x.copy(), jacobian * scale
    rows: Rows = np.arange(x.shape[0])
    conditions, details = residuals(now, rows)
    misses = _largest(conditions)
    for _ in range(iterations - 1):
        rows = np.flatnonzero((misses >= tolerance) & (misses < hopeless))
        if not rows.size:
            break
        delta = _least_norm(by[rows], -conditions[rows])
        now[rows] += scale * delta
        conditions[rows], details[rows] = residuals(now[rows], rows)
        misses[rows] = _largest(conditions[rows])
        length = np.maximum((delta**2).sum(axis=1), 1e-300)[:, None, None]
        by[rows] += conditions[rows][:, :, None] * delta[:, None, :] / length
    return now, details, misses


def _least_norm(matrix: Floats, right: Floats) -> Floats:
    """The smallest solutions (k, n) of underdetermined systems (k, m, n) (k, m); zero where there is none."""
    square = matrix @ matrix.transpose(0, 2, 1)
    sound = np.asarray(np.isfinite(square).all(axis=(1, 2)) & np.isfinite(right).all(axis=1))
    m = square.shape[1]
    square = np.where(sound[:, None, None], square, np.eye(m))
    square = square + 1e-13 * np.trace(square, axis1=1, axis2=2)[:, None, None] * np.eye(m)
    factor = np.linalg.solve(square, np.where(sound[:, None], right, 0.0)[..., None])
    return np.asarray((matrix.transpose(0, 2, 1) @ factor)[..., 0] * sound[:, None])


def burn_sum(x: Floats, burns: Sequence[slice]) -> Floats:
    """Sum of the lengths of the burns, (k,)."""
    return np.asarray(sum(np.linalg.norm(x[:, burn], axis=1) for burn in burns))


def lessen(
    evaluate: Evaluate,
    start: Ends,
    scale: Floats,
    burns: Sequence[slice],
    unit: float,
    *,
    evaluations: int,
    accuracy: float,
) -> Ends:
    """From near the conditions towards the least sum of burns: sequential quadratic programming, all rows in step.

    ``scale`` (n,); the result has the rows (k, n) of ``start``.

    The Hessian begins as that of the burns (a length curves only across itself) and learns the rest by damped BFGS
    updates (Nocedal & Wright 2006, procedure 18.2). A step counts if the augmented Lagrangian falls, with the
    multipliers of the step itself, so that the curvature of the conditions does not forbid what Newton's method will
    repair for nothing; else it is tried shorter. A row ends when a step gains less than ``accuracy``.
    """
    count, unknowns = start.x.shape
    constraints = start.values.conditions.shape[1]
    x, values = start.x.copy(), start.values.take(np.arange(count))
    rows: Rows = np.flatnonzero(np.isfinite(start.miss))
    gradient, hessian = np.zeros((count, unknowns)), np.zeros((count, unknowns, unknowns))
    gradient[rows], hessian[rows] = _burn_slopes(x[rows], values.take(rows), scale, burns, unit)
    hessian[rows] += _DAMPING * np.eye(unknowns)
    radius = np.full(count, _STEP)
    for turn in range(evaluations):
        if not rows.size:
            break
        if turn % _AFRESH == 0:
            hessian[rows] = _curved(evaluate, x, values, gradient, hessian, rows, scale, (burns, unit))
        by = values.jacobian[rows] * scale
        system = np.zeros((rows.size, unknowns + constraints, unknowns + constraints))
        system[:, :unknowns, :unknowns] = hessian[rows]
        system[:, :unknowns, unknowns:] = by.transpose(0, 2, 1)
        system[:, unknowns:, :unknowns] = by
        system[:, unknowns:, unknowns:] = -1e-12 * np.eye(constraints)
        right = -np.hstack([gradient[rows], values.conditions[rows]])
        answer = np.asarray(np.linalg.solve(system, right[..., None])[..., 0], dtype=np.float64)
        delta, multipliers = answer[:, :unknowns], answer[:, unknowns:]
        longest = np.abs(delta).max(axis=1, initial=0.0)
        promise = 0.5 * np.einsum("ki,kij,kj->k", delta, hessian[rows], delta)
        delta = delta * np.minimum(1.0, radius[rows] / np.maximum(longest, 1e-300))[:, None]
        trial = x[rows] + scale * delta
        found = evaluate(trial, rows)
        before = _merit(x[rows], values.take(rows), burns, unit, multipliers)
        after = _merit(trial, found, burns, unit, multipliers)
        better = after < before
        k = rows[better]
        if k.size:
            fresh, _ = _burn_slopes(trial[better], found.take(better), scale, burns, unit)
            lagrange = multipliers[better]
            change = fresh - gradient[k]
            change += np.einsum("kmi,km->ki", (found.jacobian[better] - values.jacobian[k]) * scale, lagrange)
            hessian[k] = _updated(hessian[k], delta[better], change)
            x[k], gradient[k] = trial[better], fresh
            values.put(k, found.take(better))
            radius[k] = np.minimum(2.0 * radius[k], _STEP)
        radius[rows[~better]] = 0.25 * np.minimum(radius[rows[~better]], longest[~better])
        ended = (better & (before - after < accuracy)) | (promise < 0.2 * accuracy) | (radius[rows] < 1e-3)
        rows = rows[~ended]
    return Ends(x, values, _largest(values.conditions))


def _curved(
    evaluate: Evaluate,
    x: Floats,
    values: Values,
    gradient: Floats,
    hessian: Floats,
    rows: Rows,
    scale: Floats,
    cost: tuple[Sequence[slice], float],
) -> Floats:
    """Hessians (k, n, n) with the true curvature of the Lagrangian along the conditions, by differences.

    The conditions leave n − m directions; the Lagrangian's gradient is differenced along each. Negative curvature is
    turned positive: the step then leaves a saddle downhill.
    """
    by = values.jacobian[rows] * scale
    constraints, unknowns = by.shape[1:]
    _, _, basis = np.linalg.svd(by)
    free = basis[:, constraints:]  # (k, n - m, n)
    multipliers = -_least_norm_rows(by, gradient[rows])
    columns = []
    for k in range(unknowns - constraints):
        nudged = x[rows] + scale * _NUDGE * free[:, k]
        found = evaluate(nudged, rows)
        slope, _ = _burn_slopes(nudged, found, scale, *cost)
        change = slope - gradient[rows]
        change += np.einsum("kmi,km->ki", found.jacobian * scale - by, multipliers)
        columns.append(np.einsum("kji,ki->kj", free, change) / _NUDGE)
    reduced = np.stack(columns, axis=2)
    reduced = 0.5 * (reduced + reduced.transpose(0, 2, 1))
    sound = np.isfinite(reduced).all(axis=(1, 2))
    size, axes = np.linalg.eigh(np.where(sound[:, None, None], reduced, np.eye(unknowns - constraints)))
    size = np.maximum(np.abs(size), _FLAT)
    reduced = np.einsum("kij,kj,klj->kil", axes, size, axes)
    along = np.einsum("kai,kab,kbj->kij", free, reduced, free)
    across = np.eye(unknowns) - np.einsum("kai,kaj->kij", free, free)
    return np.where(sound[:, None, None], along + across, hessian[rows])


def _least_norm_rows(by: Floats, gradient: Floats) -> Floats:
    """Least-squares multipliers (k, m) of a gradient (k, n) over the rows of Jacobians (k, m, n)."""
    square = by @ by.transpose(0, 2, 1)
    square = square + 1e-13 * np.trace(square, axis1=1, axis2=2)[:, None, None] * np.eye(square.shape[1])
    return np.asarray(np.linalg.solve(square, np.einsum("kmi,ki->km", by, gradient)[..., None])[..., 0])


def _merit(x: Floats, at: Values, burns: Sequence[slice], unit: float, multipliers: Floats) -> Floats:
    """Burns and extra, in units, as they will be once the conditions are met (to first order), and a penalty."""
    value = (burn_sum(x, burns) + at.extra) / unit
    value = value + np.einsum("km,km->k", multipliers, at.conditions) + _PENALTY * (at.conditions**2).sum(axis=1)
    return np.where(np.isfinite(value), value, np.inf)


def _burn_slopes(x: Floats, at: Values, scale: Floats, burns: Sequence[slice], unit: float) -> tuple[Floats, Floats]:
    """Gradient (k, n) of burns and extra and Hessian (k, n, n) of the burns, by scaled unknowns, in units."""
    gradient = at.extra_by * scale / unit
    hessian = np.zeros((*x.shape, x.shape[1]))
    for burn in burns:
        length = np.maximum(np.linalg.norm(x[:, burn], axis=1), _SMALLEST_BURN * unit)[:, None]
        direction, width = x[:, burn] / length, scale[burn]
        gradient[:, burn] += direction * width / unit
        across = np.eye(3) - direction[:, :, None] * direction[:, None, :]
        hessian[:, burn, burn] += across / (length[:, :, None] * unit) * width[:, None] * width[None, :]
    return gradient, hessian


def _updated(hessian: Floats, step: Floats, change: Floats) -> Floats:
    """Powell's damped BFGS update of Hessians (k, n, n) by steps and changes of the gradient (k, n)."""
    along = np.einsum("kij,kj->ki", hessian, step)
    curvature = np.einsum("ki,ki->k", step, along)
    seen = np.einsum("ki,ki->k", step, change)
    low = seen < 0.2 * curvature
    share = np.where(low, 0.8 * curvature / np.where(low, np.maximum(curvature - seen, 1e-300), 1.0), 1.0)
    mixed = share[:, None] * change + (1.0 - share)[:, None] * along
    met = np.einsum("ki,ki->k", step, mixed)
    fine = (curvature > 1e-14) & (met > 1e-14)
    first = along[:, :, None] * along[:, None, :] / np.maximum(curvature, 1e-300)[:, None, None]
    second = mixed[:, :, None] * mixed[:, None, :] / np.maximum(met, 1e-300)[:, None, None]
    return np.where(fine[:, None, None], hessian - first + second, hessian)
