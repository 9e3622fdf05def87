"""The least sum of burns under equality conditions, for problems of a dozen unknowns.

The search is sequential quadratic programming (D. Kraft, SLSQP, DFVLR-FB 88-28, 1988, in SciPy) in scaled
variables with exact gradients; it starts from a point that Newton's method has put near the conditions, and ends
with Newton's method of least norm, which meets them to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]

_SMALLEST_BURN: Final = 1e-3  # relative to `unit`; keeps the weight of a vanishing burn finite
_STEP: Final = 0.5
_PENALTY: Final = 10.0  # of a condition, against a typical burn
_REACH: Final = 200.0  # scales; a search that wanders farther is lost


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """Conditions (m,) and their Jacobian (m, n), scaled to order one; a smooth extra cost and its gradient (n,).

    ``detail`` carries whatever the caller wants back with the solution.
    """

    conditions: Floats
    jacobian: Floats
    extra_cost: float = 0.0
    extra_gradient: Floats | None = None
    detail: object = None


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """``x`` with its evaluation; ``miss`` is the largest condition left, ``cost`` the sum of burns and extra."""

    x: Floats
    evaluation: Evaluation
    cost: float
    miss: float
    evaluations: int


def satisfy(
    evaluate: Callable[[Floats], Evaluation],
    x: Floats,
    scale: Floats,
    *,
    tolerance: float = 1e-8,
    iterations: int = 25,
    step: float = _STEP,
) -> Solution:
    """Newton's method of least scaled norm onto the conditions; ``scale`` (n,) is 0 where x is held.

    Steps are shortened to at most ``step`` scales. The best point is returned whether or not it converged: look
    at ``miss``.
    """
    best: Solution | None = None
    for count in range(1, iterations + 1):
        evaluation = evaluate(x)
        miss = float(np.max(np.abs(evaluation.conditions), initial=0.0))
        if not np.isfinite(miss):
            break
        if best is None or miss < best.miss:
            best = Solution(x, evaluation, float("nan"), miss, count)
        if miss < tolerance:
            break
        delta = np.linalg.lstsq(evaluation.jacobian * scale, -evaluation.conditions, rcond=None)[0]
        longest = float(np.max(np.abs(delta)))
        if longest > step:
            delta = delta * (step / longest)
        x = x + scale * delta
    if best is None:
        evaluation = evaluate(x)
        return Solution(x, evaluation, float("nan"), float("inf"), 1)
    return best


def least_burns(
    evaluate: Callable[[Floats], Evaluation],
    x: Floats,
    scale: Floats,
    burns: Sequence[slice],
    unit: float,
    *,
    tolerance: float = 1e-8,
    iterations: int = 40,
    accuracy: float = 1e-4,
) -> Solution:
    """Minimise the summed lengths of the burns ``x[slice]`` plus the extra cost, subject to the conditions.

    Parameters
    ----------
    evaluate
        Conditions and Jacobian at x.
    x, scale
        First guess and the size of a trustworthy step, (n,); a zero scale holds a variable.
    burns
        Where in x the burn vectors are.
    unit
        A typical burn, in the unit of x: costs are compared relative to it.
    tolerance
        Largest condition that may be left.
    iterations, accuracy
        Limit of the search, and the relative change of cost at which it ends.

    Returns
    -------
    Solution
        ``cost`` in the unit of x. The conditions are met if ``miss`` is below ``tolerance``; that the search ran
        out of iterations is no failure, only a burn sum that could be a little less.
    """
    start = satisfy(evaluate, x, scale, tolerance=0.01, iterations=20)
    if not start.miss < 1.0:
        return start
    origin = start.x
    count = start.evaluations
    free = np.flatnonzero(scale > 0.0)
    width = scale[free]
    memory: dict[bytes, Evaluation] = {np.zeros(free.size).tobytes(): start.evaluation}

    def point(u: Floats) -> Floats:
        y = origin.copy()
        y[free] += width * u
        return y

    def at(u: Floats) -> Evaluation:
        nonlocal count
        key = u.tobytes()
        if key not in memory:
            memory.clear()
            memory[key] = evaluate(point(u))
            count += 1
        return memory[key]

    def cost(u: Floats) -> float:
        y = point(u)
        value = sum(float(np.linalg.norm(y[b])) for b in burns) + at(u).extra_cost
        return value / unit if np.isfinite(value) else 1e6

    def slope(u: Floats) -> Floats:
        y = point(u)
        gradient = np.zeros(y.size)
        for b in burns:
            gradient[b] = y[b] / max(float(np.linalg.norm(y[b])), _SMALLEST_BURN * unit)
        extra = at(u).extra_gradient
        if extra is not None:
            gradient = gradient + extra
        return np.asarray(gradient[free] * width / unit)

    equal: Any = {
        "type": "eq",
        "fun": lambda u: at(u).conditions,
        "jac": lambda u: at(u).jacobian[:, free] * width,
    }
    found = minimize(
        cost,
        np.zeros(free.size),
        jac=slope,
        method="SLSQP",
        bounds=[(-_REACH, _REACH)] * free.size,
        constraints=[equal],
        options={"maxiter": iterations, "ftol": accuracy},
    )
    u = np.asarray(found.x)
    if not np.all(np.isfinite(u)):
        return start
    end = satisfy(evaluate, point(u), scale, tolerance=tolerance, iterations=12)
    total = sum(float(np.linalg.norm(end.x[b])) for b in burns) + end.evaluation.extra_cost
    return Solution(end.x, end.evaluation, total, end.miss, count + end.evaluations)


def polish(
    evaluate: Callable[[Floats], Evaluation],
    x: Floats,
    scale: Floats,
    burns: Sequence[slice],
    unit: float,
    *,
    tolerance: float = 1e-8,
    evaluations: int = 14,
    accuracy: float = 1e-3,
) -> Solution:
    """Like :func:`least_burns`, from a start that is already near the least: a few safe steps.

    ``x`` and ``scale`` are (n,); ``evaluate`` takes (n,).

    Each step minimises a model of the burns (their curvature is known in closed form: a length grows to second
    order only across itself) under the linearised conditions, within a trust region that shrinks when a step does
    not pay. Costs are taken at equal conditions: the least-norm step back onto them is part of the comparison.
    """
    now = satisfy(evaluate, x, scale, tolerance=1e-3, iterations=20)
    if not now.miss < 1.0:
        return now
    count = now.evaluations
    free = np.flatnonzero(scale > 0.0)
    width = scale[free]
    n = free.size

    def merit(point: Floats, at: Evaluation) -> float:
        total = sum(float(np.linalg.norm(point[b])) for b in burns) + at.extra_cost
        return total / unit + _PENALTY * float(np.sum(np.abs(at.conditions)))

    point, at = now.x, now.evaluation
    value = merit(point, at)
    damping = 0.1
    for _ in range(evaluations):
        gradient = np.zeros(point.size)
        hessian = np.zeros((point.size, point.size))
        for b in burns:
            length = max(float(np.linalg.norm(point[b])), _SMALLEST_BURN * unit)
            direction = point[b] / length
            gradient[b] += direction / unit
            hessian[b, b] += (np.eye(3) - np.outer(direction, direction)) / (length * unit)
        if at.extra_gradient is not None:
            gradient = gradient + at.extra_gradient / unit
        g = gradient[free] * width
        h = hessian[np.ix_(free, free)] * np.outer(width, width) + damping * np.eye(n)
        jacobian = at.jacobian[:, free] * width
        m = jacobian.shape[0]
        system = np.block([[h, jacobian.T], [jacobian, np.zeros((m, m))]])
        delta = np.linalg.lstsq(system, -np.concatenate([g, at.conditions]), rcond=None)[0][:n]
        longest = float(np.max(np.abs(delta)))
        if longest > _STEP:
            delta = delta * (_STEP / longest)
        trial = point.copy()
        trial[free] += width * delta
        found = evaluate(trial)
        count += 1
        fresh = merit(trial, found)
        if np.isfinite(fresh) and fresh < value:
            gain = value - fresh
            point, at, value = trial, found, fresh
            damping = max(0.3 * damping, 1e-3)
            if gain < accuracy:
                break
        else:
            damping *= 6.0
            if damping > 1e3:
                break
    end = satisfy(evaluate, point, scale, tolerance=tolerance, iterations=12)
    total = sum(float(np.linalg.norm(end.x[b])) for b in burns) + end.evaluation.extra_cost
    return Solution(end.x, end.evaluation, total, end.miss, count + end.evaluations)
