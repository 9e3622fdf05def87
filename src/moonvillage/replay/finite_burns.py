"""Burns of finite length out of an as-flown ephemeris: ignition, duration, and the Δv that the engine gave.

A burn is taken as constant thrust in a constant direction while the craft grows lighter; where that leaves more than
metres and the file has states within the burn, the direction may turn evenly. Its numbers (ignition, duration, Δv
vector; the turn) are fitted by least squares to the states during and after the break, flown from the state before
it in the n-body model; six numbers or more against five. The flown attitude may turn, thrust may settle: what such
things do is in the residual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import least_squares

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.replay.as_flown import MOON_REGION_M, AsFlown, Break, Floats

_POSITION_M: Final = 1.0
_SPEED_M_S: Final = 0.01
#: Misses (in units of 1 m and 1 cm/s) above which the direction is let turn, if there are states within the burn.
_STRAIGHT: Final = 10.0
#: Starts of the search: shares of the break that the burn fills.
_SHARES: Final = (0.25, 0.5, 0.9)


@dataclass(frozen=True, slots=True, eq=False)
class FiniteBurn:
    """A burn of constant thrust; ``dv_icrf_m_s`` (3,) is its length times its mean direction, ICRF.

    ``turn_rad`` is by how much its direction turned from ignition to cut-off. ``residual_m`` and ``residual_m_s`` are
    the largest misses at the states that it was fitted to; ``states`` counts them. ``reason`` is a sentence where no
    burn was found.
    """

    ignition_tdb_s: float
    duration_s: float
    dv_icrf_m_s: Floats
    residual_m: float
    residual_m_s: float
    states: int
    turn_rad: float = 0.0
    reason: str = ""

    @property
    def dv_m_s(self) -> float:
        """What the engine gave."""
        return float(np.linalg.norm(self.dv_icrf_m_s))


def finite_burn(flown: AsFlown, found: Break, *, exhaust_m_s: float = np.inf) -> FiniteBurn:
    """The finite burn that a break holds.

    Parameters
    ----------
    flown, found
        An ephemeris taken apart, and one of its burns.
    exhaust_m_s
        Effective exhaust speed; infinite: constant acceleration.

    Returns
    -------
    FiniteBurn
        With a ``reason`` where the break is a join, or the fit leaves more than a tenth of the burn.
    """
    segment = flown.segment
    epochs = segment.epoch_tdb_s[found.first : found.last + 1]
    centre = "moon" if found.moon_distance_m < MOON_REGION_M else "earth"
    shift = np.hstack(de440.load().state(segment.centre, epochs, centre))
    states = np.hstack([segment.r_m, segment.v_m_s])[found.first : found.last + 1] + shift
    nothing = FiniteBurn(np.nan, np.nan, np.full(3, np.nan), np.nan, np.nan, 0)
    if found.kind != "burn":
        return FiniteBurn(np.nan, np.nan, nothing.dv_icrf_m_s, np.nan, np.nan, 0, reason="A join is no burn.")
    span = float(epochs[-1] - epochs[0])
    size = found.dv_m_s
    weights = np.array([_POSITION_M] * 3 + [_SPEED_M_S] * 3)

    def misses(x: Floats) -> Floats:
        ignition, duration = epochs[0] + x[0] * span, max(float(x[1]) * span, 1e-3)
        dv = x[2:5] * size
        given = float(np.linalg.norm(dv))
        initial = given / duration
        if np.isfinite(exhaust_m_s):
            initial = exhaust_m_s / duration * -float(np.expm1(-given / exhaust_m_s))
        rate = x[5:] / duration if x.size > 5 else np.zeros(3)
        # the direction turns about its middle, so that the mean is that of the Δv
        thrust = dynamics.Thrust(ignition, initial, exhaust_m_s, dv / given - 0.5 * duration * rate, rate)
        result = []
        now, state = float(epochs[0]), states[0]
        lit = dynamics.propagate(now, state[:3], state[3:], ignition, centre=centre)
        off = ignition + duration
        for k in range(1, epochs.size):
            t = float(epochs[k])
            if t <= ignition:
                end = dynamics.propagate(now, state[:3], state[3:], t, centre=centre)
            else:
                end = dynamics.propagate(ignition, lit.r_m, lit.v_m_s, min(t, off), centre=centre, thrust=thrust)
                if t > off:
                    end = dynamics.propagate(off, end.r_m, end.v_m_s, t, centre=centre)
            result.append((end.state - states[k]) / weights)
        return np.concatenate(result)

    best = None
    middle = (found.epoch_tdb_s - epochs[0]) / span
    for share in _SHARES:
        start = max(middle - 0.5 * share, 0.0)
        guess = np.concatenate([[start, share], found.dv_icrf_m_s / size])
        low = np.array([0.0, 1e-3, -2.0, -2.0, -2.0])
        high = np.array([1.0, 1.0, 2.0, 2.0, 2.0])
        fit = least_squares(misses, np.clip(guess, low + 1e-6, high - 1e-6), bounds=(low, high), x_scale="jac")
        if best is None or fit.cost < best.cost:
            best = fit
    assert best is not None
    if epochs.size > 2 and np.abs(best.fun).max() > _STRAIGHT:
        low, high = np.append(low, np.full(3, -1.0)), np.append(high, np.full(3, 1.0))
        turned = least_squares(misses, np.append(best.x, np.full(3, 1e-3)), bounds=(low, high), x_scale="jac")
        best = turned if turned.cost < best.cost else best
    left = (best.fun.reshape(-1, 6) * weights).reshape(-1, 2, 3)
    miss = np.linalg.norm(left, axis=2).max(axis=0)
    mean = best.x[2:5] / np.linalg.norm(best.x[2:5])
    across = best.x[5:] - (best.x[5:] @ mean) * mean if best.x.size > 5 else np.zeros(3)
    turn = 2.0 * float(np.arctan(0.5 * np.linalg.norm(across)))
    reason = "" if miss[1] < 0.1 * size else "No burn of constant thrust fits the states of this break."
    return FiniteBurn(
        float(epochs[0] + best.x[0] * span),
        float(best.x[1] * span),
        best.x[2:5] * size,
        float(miss[0]),
        float(miss[1]),
        int(epochs.size - 1),
        turn,
        reason,
    )
