"""Many transfers from low Earth orbit to a halo at once, each with its departure and flight time.

Departure and arrival are given, so the place on the halo is, too. The guess is the restricted problem's way in from a
flyby that costs least with the hyperbola on which the craft comes (:mod:`moonvillage.trajectory.flyby_fan`). Coast
and insertion are then flown and improved with the burn at perilune by conics, then all is flown; the conditions
are those of :mod:`moonvillage.trajectory.halo_legs`. All transfers go in step, their arcs flown by
:func:`~moonvillage.dynamics.batch.propagate_batch`. Where no flyby helps (arrivals near the halo's perilune) the
craft goes straight to the halo, and one burn there does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.dynamics.batch import propagate_batch
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import (
    EARTH_RADIUS_M,
    GM_EARTH_M3_S2,
    MOON_RADIUS_M,
)
from moonvillage.records.places import EarthOrbit, Halo
from moonvillage.trajectory import cr3bp, halo
from moonvillage.trajectory import many_halo_arcs as arcs
from moonvillage.trajectory.cr3bp import EARTH_MOON_MU, SPEED_M_S, TIME_S
from moonvillage.trajectory.families import size
from moonvillage.trajectory.flown import departure_burns
from moonvillage.trajectory.flyby_fan import FlybyFan
from moonvillage.trajectory.halo_arcs import CHANGE_S, FLYBY_ALTITUDE_M, UNIT_M_S
from moonvillage.trajectory.many_burns import Ends, Rows, Values, lessen, meet, meet_by_secants
from moonvillage.trajectory.nrho import reference

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Trustworthy steps of coast (s) and burns (m/s).
_SCALE: Final = np.array([0.1 * TIME_S] + [50.0] * 6)
#: A first step may be so many times longer: the plane of departure is not in the guess.
_WIDE: Final = 4.0
#: Steps towards the plane of departure: the burn at perilune turns, hardly the time of it.
_TURN: Final = np.array([0.02 * TIME_S] + [50.0] * 6)
_BURNS: Final = (slice(1, 4), slice(4, 7))
_CLOSED: Final = 1e-6

#: Steps of the search with the burn at perilune by conics, and of that with all flown.
_CONIC_STEPS: Final = 9
_STEPS: Final = 4
#: The ways of a fan are samples: between them lie ways that cost so much less.
_BETWEEN_M_S: Final = 250.0
#: Another guess is flown where its price is less than what was spent beyond a usual injection, by so much: flown in
#: the model a way costs 25 m/s more than its price by conics in the median, and in one case of twenty 20 m/s less.
_INJECTION_M_S: Final = 3135.0
_UNSURE_M_S: Final = 25.0
#: What another transfer's flyby gains at most on its way to the least, from its first price at one's own times.
_SETTLES_M_S: Final = 400.0


@dataclass(frozen=True, slots=True, eq=False)
class HaloTransfers:
    """Solved transfers, a row each (n); ``solved`` False where there is none, and ``reasons`` then says why.

    ``names`` "plane_change", "tli", "flyby", "insertion"; ``burns_m_s`` (n, 4), zero where a burn is not needed.
    ``unknowns`` (n, 7): coast from perilune to the halo (s), insertion and burn at perilune (m/s, ICRF);
    coast and burn are zero where the transfer is ``straight`` (n,). ``home`` (n, 6) is the geocentric state after the
    injection. Closures are the misses of the flight flown again in one go.
    """

    names: tuple[str, ...]
    burns_m_s: Floats
    c3_m2_s2: Floats
    unknowns: Floats
    straight: Flags
    home: Floats
    closure_m: Floats
    closure_m_s: Floats
    solved: Flags
    reasons: list[str]

    def take(self, rows: Rows) -> HaloTransfers:
        """Some of the transfers, copied: ``rows`` (m,)."""
        columns: dict[str, Any] = {name: getattr(self, name)[rows].copy() for name in COLUMNS}
        return HaloTransfers(names=self.names, reasons=[self.reasons[row] for row in rows.tolist()], **columns)

    @staticmethod
    def joined(parts: Sequence[HaloTransfers]) -> HaloTransfers:
        """The transfers of several records, one after the other (n)."""
        columns: dict[str, Any] = {name: np.concatenate([getattr(p, name) for p in parts]) for name in COLUMNS}
        return HaloTransfers(names=parts[0].names, reasons=[r for part in parts for r in part.reasons], **columns)

    def put(self, rows: Rows, other: HaloTransfers) -> None:
        """Replace ``rows`` (m,) by others (m)."""
        for name in COLUMNS:
            getattr(self, name)[rows] = getattr(other, name)
        for row, reason in zip(rows.tolist(), other.reasons, strict=True):
            self.reasons[row] = reason


#: The arrays of :class:`HaloTransfers`, a row for each transfer, in their order.
COLUMNS: Final = (
    "burns_m_s",
    "c3_m2_s2",
    "unknowns",
    "straight",
    "home",
    "closure_m",
    "closure_m_s",
    "solved",
)


def halo_states(place: Halo, epochs_tdb_s: Floats) -> tuple[Floats, list[str]]:
    """States (n, 6) of a halo's reference, Moon-centred ICRF, and a reason where there is none."""
    states = np.full((epochs_tdb_s.size, 6), np.nan)
    reasons = [""] * epochs_tdb_s.size
    for row, epoch in enumerate(epochs_tdb_s.tolist()):
        stretch = reference(place, epoch)
        reasons[row] = stretch.reason
        if not stretch.reason:
            states[row] = stretch.state(epoch)
    return states, reasons


def transfers_to_halo(
    origin: EarthOrbit,
    place: Halo,
    departures_tdb_s: Floats,
    durations_s: Floats,
    fan: FlybyFan,
) -> HaloTransfers:
    """Solve LEO → halo for given departures and flight times, both met exactly.

    Parameters
    ----------
    origin
        The parking orbit; its node and phase are free.
    place
        The halo, whose phase is fixed for all dates (:mod:`moonvillage.trajectory.nrho`).
    departures_tdb_s, durations_s
        (n,), TDB seconds past J2000, and s.
    fan
        The halo's first guesses, :func:`~moonvillage.trajectory.flyby_fan.flyby_fan`.

    Returns
    -------
    HaloTransfers
        The cheapest transfer found of each row: with a flyby at 130 km, or straight.

    Raises
    ------
    EphemerisRangeError
        If a flight leaves DE440.
    """
    count = departures_tdb_s.size
    task, reasons = _task(origin, place, departures_tdb_s, durations_s)
    phases = (task.arrivals / (halo.find_halo(place).period * TIME_S)) % 1.0
    found = HaloTransfers(
        ("plane_change", "tli", "flyby", "insertion"),
        np.full((count, 4), np.nan),
        np.full(count, np.nan),
        np.zeros((count, 7)),
        np.zeros(count, dtype=bool),
        np.full((count, 6), np.nan),
        np.full(count, np.nan),
        np.full(count, np.nan),
        np.zeros(count, dtype=bool),
        reasons,
    )
    offers, plain = _by_flyby(fan, phases, task), _straight(task)
    ways = _Ways.nothing(_OFFERS + plain.cost.shape[0], count)
    ways.price[_OFFERS:], ways.start[_OFFERS:, :, :3] = plain.cost, plain.x
    for rank in range(_OFFERS):
        rows = np.flatnonzero(offers.cost[rank] < np.minimum(ways.price.min(axis=0), 1e6))
        ways.put(rank, rows, _lay_in(task.take(rows), offers.x[rank, rows]))
    _fly_cheapest(origin, found, task, ways, _OFFERS, False)
    left = np.flatnonzero(~found.solved)
    if left.size:  # again, with more and shorter steps, and at last in the nearest plane
        part, of_left = ways.take(left), found.take(left)
        for held in (False, True):
            patient = _Ways(part.price.copy(), part.start, part.branch)
            _fly_cheapest(origin, of_left, task.take(left), patient, _OFFERS, True, held)
        found.put(left, of_left)
    for row in np.flatnonzero(~found.solved):
        reasons[row] = reasons[row] or "No transfer converged from the guesses of the restricted problem."
    return found


def learn(
    origin: EarthOrbit,
    place: Halo,
    departures_tdb_s: Floats,
    durations_s: Floats,
    found: HaloTransfers,
    ways: Floats,
    arrivals_tdb_s: Floats,
) -> HaloTransfers:
    """Try the flybys of other transfers: where one is cheaper at one's own times, it takes the place of one's own.

    Parameters
    ----------
    origin, place, departures_tdb_s, durations_s
        As for :func:`transfers_to_halo`.
    found
        What was found for them (n).
    ways, arrivals_tdb_s
        ``unknowns`` (q, n, 7) of up to q other transfers for each, and the arrivals (q, n) to which they belong; no
        number where there is none.

    Returns
    -------
    HaloTransfers
        A new record (n), nowhere dearer.

    Raises
    ------
    EphemerisRangeError
        If a flight leaves DE440.
    """
    task, _ = _task(origin, place, departures_tdb_s, durations_s)
    found = found.take(np.arange(departures_tdb_s.size))
    laid = _Ways.nothing(ways.shape[0], departures_tdb_s.size)
    spent = np.where(found.solved, found.burns_m_s.sum(axis=1) - _INJECTION_M_S, np.inf)
    for rank in range(ways.shape[0]):
        rows = np.flatnonzero(np.isfinite(arrivals_tdb_s[rank]))
        guesses = _moved(ways[rank, rows], arrivals_tdb_s[rank, rows], task.arrivals[rows])
        laid.put(rank, rows, _lay_in(task.take(rows), guesses, spent[rows]))
    _fly_cheapest(origin, found, task, laid, ways.shape[0], False)
    return found


def _task(origin: EarthOrbit, place: Halo, departures: Floats, durations: Floats) -> tuple[arcs.Task, list[str]]:
    targets, reasons = halo_states(place, departures + durations)
    flags = np.zeros(departures.size, dtype=bool)
    perigee, perilune = EARTH_RADIUS_M + origin.altitude_m, MOON_RADIUS_M + FLYBY_ALTITUDE_M
    arrivals = departures + durations
    return arcs.Task(departures, arrivals, targets, perigee, perilune, origin.inclination_rad, flags, False), reasons


@dataclass(frozen=True, slots=True, eq=False)
class _Ways:
    """Ways (q, n) that might be flown: price beyond the injection, m/s; unknowns (q, n, 7); plane of departure."""

    price: Floats
    start: Floats
    branch: Rows

    @staticmethod
    def nothing(offers: int, count: int) -> _Ways:
        return _Ways(
            np.full((offers, count), np.inf),
            np.zeros((offers, count, 7)),
            np.zeros((offers, count), dtype=np.int64),
        )

    def put(self, rank: int, rows: Rows, ways: _Ways) -> None:
        self.price[rank, rows], self.start[rank, rows] = ways.price[0], ways.start[0]
        self.branch[rank, rows] = ways.branch[0]

    def take(self, rows: Rows) -> _Ways:
        return _Ways(self.price[:, rows], self.start[:, rows], self.branch[:, rows])


def _fly_cheapest(
    origin: EarthOrbit,
    found: HaloTransfers,
    task: arcs.Task,
    ways: _Ways,
    flybys: int,
    patient: bool,
    held: bool = False,
) -> None:
    """Fly the cheapest way of each transfer, and another where that failed or cost more than the other's price.

    The first ``flybys`` ways pass the Moon, the others are straight. Prices of what was tried become infinite.
    """
    every = np.arange(task.arrivals.size)
    for _ in range(ways.price.shape[0]):
        best = np.argmin(ways.price, axis=0)
        price = ways.price[best, every]
        spent = np.where(found.solved, found.burns_m_s.sum(axis=1) - _INJECTION_M_S - _UNSURE_M_S, np.inf)
        open_ = price < np.minimum(spent, 1e6)
        if not open_.any():
            return
        for straight in (False, True):
            rows = np.flatnonzero(open_ & ((best >= flybys) == straight))
            if rows.size:
                start = ways.start[best[rows], rows]
                part = replace(task.take(rows), straight=straight)
                _fly(origin, found, rows, start, part, ways.branch[best[rows], rows], patient, held)
        ways.price[best[open_], every[open_]] = np.inf


#: Guesses of each sort that are tried for a transfer, and how much their coasts differ (non-dimensional).
_OFFERS: Final = 3
_APART: Final = 0.06
_KNOTS: Final = 17


@dataclass(frozen=True, slots=True, eq=False)
class _Offers:
    """Guesses (o, n, u) in s and m/s, ICRF, and what they promise to cost beyond the injection (o, n), m/s."""

    x: Floats
    cost: Floats


def _by_flyby(fan: FlybyFan, phases: Floats, task: arcs.Task) -> _Offers:
    """The ways of the fan that cost least for each transfer, priced by the hyperbola on which the craft comes."""
    count = phases.size
    x, cost = np.zeros((_OFFERS, count, 7)), np.full((_OFFERS, count), np.inf)
    gap = np.abs(phases[:, None] - fan.phases + 0.5) % 1.0 - 0.5
    owner = np.argmin(np.abs(gap), axis=1)
    knots = np.linspace(0.0, float(fan.x[:, 0].max()) + 1e-6, _KNOTS)
    for node in np.unique(owner):
        rows = np.flatnonzero(owner == node)
        ways = slice(int(fan.first[node]), int(fan.first[node + 1]))
        if ways.start == ways.stop:
            continue
        coast = fan.x[ways, 0]
        excess = _excess_at(task.take(rows), knots)  # (2, k, knots, 3)
        place = coast / (knots[1] - knots[0])
        low = np.minimum(place.astype(np.int64), _KNOTS - 2)
        share = (place - low)[:, None]
        met = excess[:, :, low] * (1.0 - share) + excess[:, :, low + 1] * share  # (2, k, c, 3)
        burn = fan.v[ways] - arcs.hyperbola(fan.r[ways], met, EARTH_MOON_MU)
        spent = size(burn) + size(fan.x[ways, 1:])
        spent = np.where(np.isfinite(spent), spent, np.inf)
        branch = np.argmin(spent, axis=0)
        least = np.take_along_axis(spent, branch[None], axis=0)[0]  # (k, c)
        index = np.arange(rows.size)
        for offer in range(_OFFERS):
            best = np.argmin(least, axis=1)
            cost[offer, rows] = least[index, best] * SPEED_M_S - _BETWEEN_M_S
            turn = burn[branch[index, best], index, best]
            x[offer, rows] = np.column_stack([coast[best], fan.x[ways][best, 1:], turn])
            least = np.where(np.abs(coast - coast[best][:, None]) < _APART, np.inf, least)
    arrivals = task.arrivals
    for offer in range(_OFFERS):
        seconds = x[offer, :, 0] * TIME_S
        x[offer, :, 1:4] = arcs.turned_at(x[offer, :, 1:4], arrivals)
        x[offer, :, 4:] = arcs.turned_at(x[offer, :, 4:], arrivals - seconds)
        x[offer, :, 0] = seconds
    return _Offers(x, cost)


def _moved(x: Floats, old: Floats, new: Floats) -> Floats:
    """Unknowns (n, 7) of transfers with other arrivals, on the axes that rotate with the Moon laid in at new ones."""
    moon = de440.load()

    def again(burns: Floats, before: Floats, after: Floats) -> Floats:
        length, _, axes, rate = cr3bp.rotating_axes(*moon.state("moon", before, "earth"))
        return arcs.turned_at(np.einsum("nji,nj->ni", axes, burns) / (length * rate)[:, None], after)

    return np.hstack(
        [x[:, :1], again(x[:, 1:4], old, new), again(x[:, 4:], old - x[:, 0], new - x[:, 0])],
    )


def _excess_at(task: arcs.Task, knots: Floats) -> Floats:
    """Excess velocities (2, k, knots, 3) with which craft come to the Moon so long before the arrival.

    Non-dimensional, on the rotating axes of the moment; no number where the flight would be too short.
    """
    epochs = task.arrivals[:, None] - knots * TIME_S
    flat = np.maximum(epochs, task.departures[:, None] + arcs.SHORTEST_S).ravel()
    repeated = arcs.Task(
        np.repeat(task.departures, knots.size),
        np.repeat(task.arrivals, knots.size),
        np.repeat(task.targets, knots.size, axis=0),
        task.perigee_m,
        task.perilune_m,
        task.inclination_rad,
        np.repeat(task.nearest, knots.size),
        False,
    )
    excess, _ = arcs.excess_at(repeated, flat, np.zeros((flat.size, 3)))
    length, _, axes, rate = cr3bp.rotating_axes(*de440.load().state("moon", flat, "earth"))
    turned = np.einsum("nji,bnj->bni", axes, excess) / (length * rate)[:, None]
    turned[:, (epochs < task.departures[:, None] + arcs.SHORTEST_S).ravel()] = np.nan
    return np.asarray(turned.reshape(2, task.arrivals.size, knots.size, 3))


def _straight(task: arcs.Task) -> _Offers:
    """Insertions (o, n, 3) of craft that come straight to the halo, in either plane, the cheaper first."""
    aims, _ = arcs.aims_at(task, task.arrivals, task.targets[:, :3])
    burns = task.targets[:, 3:] - aims
    costs = size(burns)
    order = np.argsort(costs, axis=0, kind="stable")
    x, cost = np.zeros((2, task.arrivals.size, 3)), np.full((2, task.arrivals.size), np.inf)
    for offer in range(2):
        x[offer] = np.take_along_axis(burns, order[offer][None, :, None], axis=0)[0]
        cost[offer] = np.take_along_axis(costs, order[offer][None], axis=0)[0]
    return _Offers(x, np.where(np.isfinite(cost), cost, np.inf))


def _lay_in(task: arcs.Task, guesses: Floats, limit: Floats | None = None) -> _Ways:
    """Ways by the Moon (1, n) that are met in the model up to perilune, and cost least there by conics.

    ``guesses`` (n, 7). The price is infinite where there is none, or where it will not come below a ``limit`` (n,).
    """
    ways = _Ways.nothing(1, guesses.shape[0])
    if not guesses.shape[0]:
        return ways

    def graze(x: Floats, index: Rows) -> Values:
        return arcs.graze(task.take(index), x)

    wide = _WIDE * _SCALE[:4]
    grazed = meet(graze, guesses[:, :4], wide, tolerance=1e-3, iterations=8, hopeless=50.0)
    keep = np.flatnonzero(grazed.miss < 0.1)
    if not keep.size:
        return ways
    grazed, task = grazed.take(keep), task.take(keep)
    # the burn at perilune by conics, the rest flown: two free directions, and no long arc to bend them
    near = grazed.values.detail
    aims, _ = arcs.aims_at(task, task.arrivals - grazed.x[:, 0], near[:, :3])
    branch = np.argmin(size(near[:, 3:] - aims), axis=0)

    def priced(x: Floats, index: Rows) -> Values:
        return arcs.graze(task.take(index), x, branch[index])

    grazed = Ends(grazed.x, priced(grazed.x, np.arange(keep.size)), grazed.miss)
    if limit is not None:
        near_enough = size(grazed.x[:, 1:]) + grazed.values.extra < limit[keep] + _SETTLES_M_S
        hope = np.flatnonzero(near_enough)
        if not hope.size:
            return ways
        grazed, task, keep, branch = grazed.take(hope), task.take(hope), keep[hope], branch[hope]
    grazed = lessen(priced, grazed, wide, (slice(1, 4),), UNIT_M_S, evaluations=_CONIC_STEPS, accuracy=2e-3)
    near = grazed.values.detail
    aims, _ = arcs.aims_at(task, task.arrivals - grazed.x[:, 0], near[:, :3])
    flyby = near[:, 3:] - aims[branch, np.arange(keep.size)]
    price = size(grazed.x[:, 1:]) + size(flyby)
    ways.price[0, keep] = np.where(np.isfinite(price), price, np.inf)
    ways.start[0, keep], ways.branch[0, keep] = np.hstack([grazed.x, flyby]), branch
    return ways


def _fly(
    origin: EarthOrbit,
    found: HaloTransfers,
    rows: Rows,
    start: Floats,
    task: arcs.Task,
    branch: Rows,
    patient: bool,
    held: bool,
) -> None:
    """Fly some rows from starts (k, 7) of one sort, and enter what converged."""
    straight = task.straight
    many, far, reach = (16, 1e4, 1.0) if patient else (8, 50.0, _WIDE)
    scale, burns = (_SCALE[1:4], (slice(0, 3),)) if straight else (_SCALE, _BURNS)
    if straight:
        start = start[:, :3]
        place = task.targets[:, :3]
        aims, task.nearest[:] = arcs.aims_at(task, task.arrivals, place)
        branch = np.argmin(size(task.targets[:, 3:] - start - aims), axis=0)
        aimed = arcs.with_planes(task, task.arrivals, place, branch)
    else:
        near = task.arrivals - start[:, 0]
        nowhere = np.zeros((rows.size, 3))
        _, task.nearest[:] = arcs.excess_at(task, near, nowhere)
        aimed = arcs.with_planes(task, near, nowhere, branch)
    if held:
        task.nearest[:] = True

    def turn(x: Floats, index: Rows) -> Values:
        return arcs.evaluate(aimed.take(index), x, False)

    turned = meet(turn, start, scale if straight else _TURN, tolerance=2e-2, iterations=many, hopeless=far)
    keep = np.flatnonzero(turned.miss < 0.1)
    if not keep.size:
        return
    start, task = turned.x[keep], task.take(keep)

    def search(x: Floats, index: Rows) -> Values:
        return arcs.evaluate(task.take(index), x, False)

    ends: Ends = meet(search, start, reach * scale, tolerance=1e-2, iterations=many, hopeless=far)
    hope = np.flatnonzero(ends.miss < 0.1)
    if not hope.size:
        return
    ends, keep = ends.take(hope), keep[hope]
    task = task.take(hope)
    if not straight:  # nothing is free where one burn meets three conditions
        ends = lessen(search, ends, reach * scale, burns, UNIT_M_S, evaluations=_STEPS, accuracy=1e-3)

    def exact(x: Floats, index: Rows) -> tuple[Floats, Floats]:
        return arcs.residuals(task.take(index), x)

    x, home, miss = meet_by_secants(
        exact, ends.x, ends.values.jacobian, scale, tolerance=_CLOSED, iterations=9, hopeless=0.5
    )
    met = np.flatnonzero(miss < _CLOSED)
    if met.size:
        _enter(origin, found, rows[keep[met]], task.take(met), x[met], home[met])


def _enter(origin: EarthOrbit, found: HaloTransfers, rows: Rows, task: arcs.Task, x: Floats, home: Floats) -> None:
    """Fly solved transfers again in one go, price them, and enter those that close."""
    if task.straight:
        near, change = task.arrivals, task.arrivals - arcs.STRAIGHT_CHANGE_S
        coast, insertion, flyby = np.zeros(rows.size), x, np.zeros_like(x)
    else:
        coast, insertion, flyby = x[:, 0], x[:, 1:4], x[:, 4:]
        near, change = task.arrivals - coast, task.arrivals - coast - CHANGE_S
    path = propagate_batch(task.departures, home[:, :3], home[:, 3:], change, centre="earth")
    r, v = arcs.changed(change, path.state, "earth", "moon")
    path = propagate_batch(change, r, v, near, centre="moon")
    if not task.straight:
        path = propagate_batch(near, path.r_m, path.v_m_s + flyby, task.arrivals, centre="moon")
    gap = path.state - task.targets
    gap[:, 3:] += insertion
    miss_m, miss_m_s = size(gap[:, :3]), size(gap[:, 3:])
    with np.errstate(invalid="ignore"):
        good = (miss_m < 100.0) & (miss_m_s < 0.1)
    for k in np.flatnonzero(good):
        row = int(rows[k])
        r0, v0 = home[k, :3], home[k, 3:]
        injection, _ = departure_burns("tli", float(task.departures[k]), r0, v0, origin.inclination_rad)
        named = {burn.name: burn.dv_m_s for burn in injection}
        burns = [
            named.get("plane_change", 0.0),
            named["tli"],
            float(np.linalg.norm(flyby[k])),
            float(np.linalg.norm(insertion[k])),
        ]
        if found.solved[row] and not sum(burns) < float(found.burns_m_s[row].sum()):
            continue
        found.burns_m_s[row] = burns
        found.c3_m2_s2[row] = float(v0 @ v0) - 2.0 * GM_EARTH_M3_S2 / float(np.linalg.norm(r0))
        found.unknowns[row] = np.concatenate([[coast[k]], insertion[k], flyby[k]])
        found.straight[row], found.home[row], found.solved[row] = task.straight, home[k], True
        found.closure_m[row], found.closure_m_s[row] = miss_m[k], miss_m_s[k]
