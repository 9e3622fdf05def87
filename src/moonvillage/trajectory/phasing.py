"""Changing phase on a halo or distant retrograde orbit: to arrive where the reference is, from ahead of it or behind.

A craft that came on an orbit at another time than its reference is early or late by some hours. It leaves its place
with one burn, flies a stretch beside the orbit, and joins the reference with a second. The longer the stretch, the
less it costs, unless the orbit is unstable: about the libration points one revolution or two are the limit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris import de440
from moonvillage.records.legs import Event, Leg
from moonvillage.records.places import Arc, Dro, Halo
from moonvillage.trajectory import cr3bp, nrho
from moonvillage.trajectory.flown import Coast, fly, impulse
from moonvillage.trajectory.halo_arcs import flow, state_rate
from moonvillage.trajectory.halo_legs import finish, refusal
from moonvillage.trajectory.least_burns import Evaluation, polish, satisfy
from moonvillage.trajectory.registry import SolveOptions
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

_BURNS: Final = (slice(0, 3), slice(3, 6))
_SCALE: Final = np.array([20.0] * 6 + [0.05 * DAY_S])
_UNIT_M_S: Final = 50.0
#: The flight time may differ from what is asked by so much, s, so that both ends stay clear of perilune.
_SLACK_S: Final = 1.0 * DAY_S
#: More than this at once, in revolutions, is no small change: the first guess is too far.
_MOST: Final = 0.15
_STAGES: Final = 4


def _behind(reference: nrho.Reference, epoch_tdb_s: float, late_s: float) -> Floats:
    """The reference's state ``late_s`` earlier, laid into the rotating frame of the epoch: Moon-centred ICRF (6,)."""
    then = epoch_tdb_s - late_s
    state = reference.state(then)
    ephemeris = de440.load()
    rotating = cr3bp.from_moon_centred(state[:3], state[3:], *ephemeris.state("moon", then, "earth"))
    r, v = cr3bp.to_moon_centred(rotating, *ephemeris.state("moon", epoch_tdb_s, "earth"))
    return np.concatenate([r, v])


def solve_phasing(
    place: Halo | Dro,
    departure_tdb_s: float,
    late_s: float,
    duration_s: float,
    *,
    samples: int = 0,
) -> Leg:
    """Join an orbit's reference from a place on the orbit that is late (or, negative, early) by a time.

    Parameters
    ----------
    place
        The orbit.
    departure_tdb_s
        Epoch of the first burn, TDB seconds past J2000.
    late_s
        How far the craft is behind the reference, s; at most 15 % of a revolution either way.
    duration_s
        About how long the change may take; it is shifted by up to a day where that is cheaper. Some revolutions make
        it cheap.
    samples
        Number of states to keep in ``Leg.trajectory``.

    Returns
    -------
    Leg
        Burns "departure" and "insertion", flown again in one go about the Moon; or a failure with its reason.
        The craft's own place is the reference's of ``late_s`` before in the rotating frame, which is not quite an
        orbit of the date; ``approximation`` says so.

    Raises
    ------
    ValueError
        Where the family has no such member.
    EphemerisRangeError
        If the flight leaves DE440.
    """
    arc = Arc(f"{place.id}:phasing", place, place)
    period = nrho.period_s(place)
    if not abs(late_s) <= _MOST * period:
        return refusal(
            arc,
            departure_tdb_s,
            f"a change of phase by {late_s / 3600.0:.1f} h is more than 15 % of a revolution, "
            f"which takes {period / DAY_S:.1f} d; make it in several",
        )
    if not 0.2 * period <= duration_s <= 8.0 * period:
        return refusal(
            arc, departure_tdb_s, "a change of phase is flown over 0.2 to 8 revolutions; ask for such a duration"
        )
    leaving = nrho.reference(place, departure_tdb_s)
    joining = nrho.reference(place, departure_tdb_s + duration_s)
    if leaving.reason or joining.reason:
        return refusal(arc, departure_tdb_s, leaving.reason or joining.reason)
    if joining.start_tdb_s > departure_tdb_s - abs(late_s):
        joining = leaving if leaving.end_tdb_s > departure_tdb_s + duration_s + 2.0 * _SLACK_S else joining

    def problem(start: Floats, exact: bool, base: float) -> object:
        def evaluate(x: Floats) -> Evaluation:
            t1 = base + float(x[6])
            nothing = Evaluation(np.full(6, np.nan), np.full((6, 7), np.nan))
            if not departure_tdb_s < t1 < joining.end_tdb_s or abs(x[6]) > 2.0 * _SLACK_S:
                return nothing
            state = start.copy()
            state[3:] += x[0:3]
            end, stm = flow(departure_tdb_s, state, t1, "moon", exact)
            if not np.all(np.isfinite(end)):
                return nothing
            units = np.array([cr3bp.LENGTH_M] * 3 + [cr3bp.SPEED_M_S] * 3)
            jacobian = np.zeros((6, 7))
            jacobian[:, 0:3] = stm[:, 3:]
            jacobian[3:, 3:6] = np.eye(3)
            jacobian[:, 6] = state_rate(t1, end, "moon") - joining.rate(t1)
            values = end - joining.state(t1)
            values[3:] += x[3:6]
            return Evaluation(values / units, jacobian / units[:, None], detail=(t1, joining.state(t1)))

        return evaluate

    base = departure_tdb_s + duration_s
    x = np.zeros(7)
    # from no change to the whole: the guess of each stage is the end of the one before
    for stage in range(1, _STAGES + 1):
        start = _behind(leaving, departure_tdb_s, late_s * stage / _STAGES)
        evaluate = problem(start, False, base)
        assert callable(evaluate)
        rough = polish(evaluate, x, _SCALE, list(_BURNS), _UNIT_M_S, tolerance=1e-6, evaluations=25)
        if not rough.miss < 1e-4:
            return refusal(
                arc,
                departure_tdb_s,
                f"the change of phase did not close ({rough.miss:.1e}); give it another duration",
            )
        x = rough.x
    exact = problem(start, True, base)
    assert callable(exact)
    end = satisfy(exact, x, _SCALE, tolerance=1e-8, iterations=20)
    if not end.miss < 1e-6:
        return refusal(arc, departure_tdb_s, f"the full model was not met ({end.miss:.1e})")
    detail = end.evaluation.detail
    assert isinstance(detail, tuple)
    t1, aim = detail
    coasts = [Coast(t1, "moon", end.x[3:6])]
    flown = fly(departure_tdb_s, "moon", start[:3], start[3:] + end.x[0:3], coasts, dense=samples > 0)
    leg = finish(
        arc,
        [impulse("departure", departure_tdb_s, end.x[0:3]), impulse("insertion", t1, end.x[3:6])],
        [Event("departure", departure_tdb_s, f"{late_s / 3600.0:.1f} h late"), Event("arrival", t1)],
        flown,
        (float(np.linalg.norm(flown.r_m - aim[:3])), float(np.linalg.norm(flown.v_m_s - aim[3:]))),
        departure_tdb_s,
        SolveOptions(samples=samples),
    )
    if not leg.converged:
        return leg
    return replace(
        leg,
        approximation="the craft starts on the reference of another moment, laid into the rotating frame of the date",
    )
