"""How the end of a leg answers to its start and to its burns: the sensitivities of a solved leg."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc
from moonvillage.trajectory.covariance import follow

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivities:
    """Derivatives of the state at ``end_tdb_s``, ICRF about ``centre``, SI.

    ``start`` is ∂(r, v)/∂(r₀, v₀), (6, 6), by the state after departure; ``burns`` are pairs of the epoch of an
    impulse on the way and ∂(r, v)/∂(Δv), (6, 3). ``reason`` says why there are none.
    """

    end_tdb_s: float
    centre: str
    start: Floats
    burns: tuple[tuple[float, Floats], ...] = ()
    reason: str = ""


def sensitivities(arc: Arc, leg: Leg) -> Sensitivities:
    """The state transition matrices of a leg, its impulses held in inertial axes.

    Parameters
    ----------
    arc, leg
        The arc and its leg, solved with samples (``samples`` > 0).

    Returns
    -------
    Sensitivities
        At the leg's end; before an insertion or an entry they are read some time ahead of it, where they are still
        nearly linear (:func:`~moonvillage.trajectory.covariance.follow`), which ``end_tdb_s`` says. For a powered leg
        or one without samples, a record with a ``reason``.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves the ephemeris.
    """
    course = follow(arc, leg, ())
    if course.reason:
        return Sensitivities(float("nan"), "", np.full((6, 6), np.nan), (), course.reason)
    last = course.epoch_tdb_s.size - 1
    burns = tuple(
        (float(course.epoch_tdb_s[k]), course.transition(k, last)[:, 3:])
        for k in range(1, last)
        if float(np.linalg.norm(course.burn_m_s[k])) > 0.0
    )
    return Sensitivities(float(course.epoch_tdb_s[last]), course.centre[-1], course.transition(0, last), burns)
