"""Two ends shot towards one another, until they meet: the corrector of the Earth–Moon legs.

The state at the Earth's end and at the Moon's end each obey their own conditions by construction (an orbit's radius
and plane, an entry's flight-path angle), with a few free parameters. Both are propagated, with variations, to a
common epoch at the rim of the Moon's neighbourhood, each in the formulation of its own centre; damped Newton steps
on the free parameters close the gap in position and velocity. Shooting from both ends keeps each arc's sensitivity
small: undamped single shooting across the whole leg loses a third of its cases to guesses that are 2 m/s off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics

Floats = NDArray[np.float64]

#: Distance from the Moon at which legs change between the Earth's and the Moon's formulation.
RIM_M: Final = 60.0e6
#: A gap in velocity counts as one in position after this time.
_WEIGHT_S: Final = 4.0e4
#: Once the weighted gap is below this, Newton's last step (which leaves some 1e-4 of it) is taken without looking.
NEAR_M: Final = 30.0


class End(Protocol):
    """One end of a leg: parameters to a state (6,)."""

    def state(self, parameters: Floats) -> Floats:
        """The state (6,) of parameters (n,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """An end with its epoch, centre, first guess, and which of its parameters may move, by how much a step."""

    end: End
    centre: str
    epoch_tdb_s: float
    guess: Floats
    free: tuple[int, ...]
    limit: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """The result: parameters of both ends, whether they met, and what it took.

    The gap is that before the last step; what the step leaves shows in the flight of the leg (``Leg.closure_*``).
    """

    parameters: tuple[Floats, Floats]
    converged: bool
    gap_m: float
    gap_m_s: float
    iterations: int
    reason: str = ""


def _jacobian(side: Side, parameters: Floats) -> Floats:
    """∂state/∂(free parameters) by central differences of a closed form, (6, n)."""
    columns = []
    for k in side.free:
        step = 1e-6 * max(1.0, abs(float(parameters[k])))
        up, down = parameters.copy(), parameters.copy()
        up[k] += step
        down[k] -= step
        columns.append((side.end.state(up) - side.end.state(down)) / (2.0 * step))
    return np.stack(columns, axis=1)


def _shoot(side: Side, parameters: Floats, rim_tdb_s: float) -> tuple[Floats, Floats] | None:
    """State at the rim epoch (Earth-centred) and its derivative by the free parameters; None if the path broke."""
    state = side.end.state(parameters)
    path = dynamics.propagate(side.epoch_tdb_s, state[:3], state[3:], rim_tdb_s, centre=side.centre, stm=True)
    if path.reason or path.stm is None:
        return None
    r, v = path.r_m, path.v_m_s
    if side.centre != "earth":
        r, v = dynamics.change_centre(rim_tdb_s, r, v, side.centre, "earth")
    return np.concatenate([r, v]), path.stm @ _jacobian(side, parameters)


def match(sides: Sequence[Side], rim_tdb_s: float, *, max_iterations: int = 30) -> Match:
    """Bring two ends together at ``rim_tdb_s``.

    With more free parameters than six, each step is the smallest (in units of the limits), so the solution stays
    near the guess. A step is cut to the limits, then halved until the gap falls.
    """
    first, second = sides
    current = [first.guess.copy(), second.guess.copy()]
    weights = np.array([1.0, 1.0, 1.0, _WEIGHT_S, _WEIGHT_S, _WEIGHT_S])
    limits = np.concatenate([side.limit[list(side.free)] for side in sides])
    split = len(first.free)

    def evaluate(trial: list[Floats]) -> tuple[Floats, Floats] | None:
        a = _shoot(first, trial[0], rim_tdb_s)
        b = _shoot(second, trial[1], rim_tdb_s) if a is not None else None
        if a is None or b is None:
            return None
        return a[0] - b[0], np.hstack([a[1], -b[1]])

    found = evaluate(current)
    if found is None:
        return Match((current[0], current[1]), False, np.inf, np.inf, 0, "The first guess runs into a body.")
    gap, jacobian = found
    norm = float(np.linalg.norm(weights * gap))
    count = 0

    def newton() -> Floats:
        """The smallest step that closes the gap to first order, in units of the limits."""
        scaled = (weights[:, None] * jacobian) * limits
        return np.asarray(np.linalg.lstsq(scaled, -(weights * gap), rcond=1e-12)[0])

    def moved(step: Floats) -> list[Floats]:
        trial = [current[0].copy(), current[1].copy()]
        trial[0][list(first.free)] += (step * limits)[:split]
        trial[1][list(second.free)] += (step * limits)[split:]
        return trial

    while norm >= NEAR_M and count < max_iterations:
        count += 1
        step = newton()
        step *= min(1.0, 1.0 / max(1e-300, float(np.abs(step).max())))
        share = 1.0
        for _ in range(8):
            trial = moved(share * step)
            found = evaluate(trial)
            if found is not None:
                new = float(np.linalg.norm(weights * found[0]))
                if new < norm * (1.0 - 1e-4 * share) or new < NEAR_M:
                    break
            share *= 0.5
        else:
            break
        assert found is not None
        current, (gap, jacobian), norm = trial, found, new
    gap_m, gap_m_s = float(np.linalg.norm(gap[:3])), float(np.linalg.norm(gap[3:]))
    good = norm < NEAR_M
    if good:
        current = moved(newton())
    reason = "" if good else f"The two ends still miss by {gap_m / 1e3:.1f} km and {gap_m_s:.2f} m/s."
    return Match((current[0], current[1]), good, gap_m, gap_m_s, count, reason)
