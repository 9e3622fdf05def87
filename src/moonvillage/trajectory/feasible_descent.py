"""The least cost on the surface where conditions hold: second-order steps along it, each brought back onto it.

The method is the generalized reduced gradient (J. Abadie & J. Carpentier, "Generalization of the Wolfe reduced
gradient method to the case of nonlinear constraints", in R. Fletcher (ed.), Optimization, 1969) with a full second
derivative: the tangent space is the null space of the conditions' Jacobian, the Hessian of the Lagrangian on it is
had by differences of gradients (one evaluation for each direction that is left), and a trust region guards the step.
After each step Newton's method of least norm meets the conditions again, so costs are compared where all conditions
hold. It is meant for problems of a few dozen unknowns with a handful of freedoms, as chains of flights are: there it
converges in some eight steps where sequential quadratic programming with a learned Hessian takes hundreds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_DIFFERENCE: Final = 1e-3
_LONGEST: Final = 30.0
_WIDEST: Final = 100.0
_SMALLEST: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A point's conditions (m,) and their Jacobian (m, n), scaled to order one, the cost, and its gradient (n,)."""

    conditions: Floats
    jacobian: Floats
    cost: float
    gradient: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Least:
    """The end of a search: ``x`` (n,), its cost, the largest condition left, and the steps taken.

    ``converged`` is True where the conditions hold and no step gains any more; else ``reason`` says what went wrong.
    """

    x: Floats
    cost: float
    miss: float
    steps: int
    converged: bool
    reason: str = ""


Evaluate = Callable[[Floats], Point]


def _restore(evaluate: Evaluate, x: Floats, *, tolerance: float = 1e-8, iterations: int = 20) -> tuple[Floats, Point]:
    """Newton's method of least norm onto the conditions; the last point, whether or not it met them."""
    point = evaluate(x)
    for _ in range(iterations):
        if not np.all(np.isfinite(point.conditions)) or float(np.abs(point.conditions).max()) < tolerance:
            break
        step = np.linalg.lstsq(point.jacobian, -point.conditions, rcond=None)[0]
        step *= min(1.0, _LONGEST / max(float(np.abs(step).max()), 1e-300))
        x = x + step
        point = evaluate(x)
    return x, point


def _held(point: Point, tolerance: float) -> bool:
    finite = bool(np.all(np.isfinite(point.conditions))) and np.isfinite(point.cost)
    return finite and float(np.abs(point.conditions).max()) < tolerance


def _trust_step(slope: Floats, curvature: Floats, radius: float) -> Floats:
    """The step in the Hessian's own axes: Newton's where it is short enough, else the longest allowed downhill."""
    bend = np.abs(curvature) + 1e-9
    step = -slope / bend
    if float(np.linalg.norm(step)) > radius:
        low, high = 0.0, float(np.linalg.norm(slope)) / radius
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if np.linalg.norm(slope / (bend + middle)) > radius else (low, middle)
        step = -slope / (bend + high)
    return np.asarray(step)


def descend(
    evaluate: Evaluate,
    x: Floats,
    *,
    radius: float = 1.0,
    accuracy: float = 1e-4,
    tolerance: float = 1e-6,
    steps: int = 60,
) -> Least:
    """Least cost under the conditions, near a start.

    Parameters
    ----------
    evaluate
        Conditions, cost and derivatives at x, in scaled variables of order one.
    x
        Start (n,), near enough for Newton's method to meet the conditions.
    radius
        First step allowed along the surface, in scaled variables.
    accuracy
        The search ends when a step gains less, in the unit of the cost.
    tolerance
        Largest condition that may be left.
    steps
        Limit.

    Returns
    -------
    Least
        ``converged`` False, with a reason, where the conditions cannot be met or the limit was reached.
    """
    x, point = _restore(evaluate, x)
    if not _held(point, tolerance):
        return Least(x, np.nan, np.inf, 0, False, "The conditions of the flight cannot be met from the first guess.")
    reason = "The search ran out of steps."
    count = 0
    for count in range(1, steps + 1):  # noqa: B007
        multipliers = np.linalg.lstsq(point.jacobian.T, point.gradient, rcond=None)[0]
        lagrangian = point.gradient - point.jacobian.T @ multipliers
        tangent = np.linalg.svd(point.jacobian)[2][point.conditions.size :].T
        if tangent.shape[1] == 0:
            reason = ""
            break
        slope = tangent.T @ lagrangian
        hessian = np.empty((slope.size, slope.size))
        for i in range(slope.size):
            beside = evaluate(x + _DIFFERENCE * tangent[:, i])
            change = beside.gradient - beside.jacobian.T @ multipliers - lagrangian
            hessian[:, i] = tangent.T @ change / _DIFFERENCE
        curvature, axes = np.linalg.eigh(0.5 * (hessian + hessian.T))
        along = axes.T @ slope
        gain = 0.0
        while radius > _SMALLEST:
            step = _trust_step(along, curvature, radius)
            promised = -float(along @ step + 0.5 * step @ (curvature * step))
            trial, found = _restore(evaluate, x + tangent @ (axes @ step))
            if _held(found, tolerance) and found.cost < point.cost:
                gain = point.cost - found.cost
                radius = min(2.0 * radius, _WIDEST) if gain > 0.7 * promised else radius
                radius = 0.5 * radius if gain < 0.25 * promised else radius
                x, point = trial, found
                break
            if promised < 0.1 * accuracy:
                break
            radius *= 0.3
        if gain < accuracy:
            reason = ""
            break
    return Least(x, point.cost, float(np.abs(point.conditions).max()), count, not reason, reason)
