"""An ephemeris that was flown, taken apart: which stretches are coasts, where it burned, where the filter jumped.

A post-flight ephemeris is a chain of integrated arcs. Within an arc each state follows from the one before by free
flight; where it does not, something happened: a burn, or a join, at which the navigators' filter went over from one
solution to the next. The two are told apart by what an impulse can do. A burn of Δv within an interval Δt moves the
craft by at most Δv·Δt, along Δv; a join moves it by any amount. So every break is fitted with one impulse, its epoch
free within the break: what the fit misses in position says which of the two it was.

1. *Steps.* Every state is flown to the epoch of the next (0.1 ms a step).
2. *Breaks.* A step is broken where its miss exceeds what the force model may leave out: :data:`STEP_FLOOR_M_S` and
   :data:`STEP_FLOOR_M`, and three times the field that the model omits, estimated by Kaula's rule at the distance of
   the craft (:func:`omitted_m_s2`), and ten times the median miss of the whole file (files of few digits).
   Neighbouring broken steps are one break.
3. *Burn or join.* A break is a burn if the impulse's miss is at most :data:`BURN_MISS` of Δv·Δt plus the floor.
4. *Arcs* lie between breaks, *coasts* between burns; both are flown from their first state to their last.

What is left is the error of the force model over hours to days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.records.oem import OemSegment

Floats = NDArray[np.float64]

#: A step that misses by less than this is no break, whatever the distance.
STEP_FLOOR_M_S: Final = 1e-3
STEP_FLOOR_M: Final = 0.5
#: A burn's position miss, as a share of Δv times the length of the break, above which it is a join.
BURN_MISS: Final = 0.05
#: Within this distance of the Moon a state is flown about the Moon, beyond it about the Earth.
MOON_REGION_M: Final = 100.0e6
#: Kaula's rule: rms of the normalised coefficients of degree n is K / n². (Kaula 1966, Theory of Satellite Geodesy;
#: for the Moon Lemoine et al. 2013, JGR Planets 118:1676.)
_KAULA_MOON: Final = 2.5e-4
_KAULA_EARTH: Final = 1.0e-5
_FIRST_OMITTED_MOON: Final = 9
_FIRST_OMITTED_EARTH: Final = 3
_EARTH_ZONALS: Final = 6


@dataclass(frozen=True, slots=True, eq=False)
class Break:
    """Where the ephemeris does not follow from itself. ``first`` and ``last`` are the states before and after.

    ``epoch_tdb_s`` and ``dv_icrf_m_s`` (3,) are the impulse that joins both sides best, ``miss_m`` the distance that
    it leaves. ``kind`` is ``"burn"`` or ``"join"``; for a join the impulse is what it would take, not what was burnt.
    """

    kind: str
    first: int
    last: int
    start_tdb_s: float
    end_tdb_s: float
    epoch_tdb_s: float
    dv_icrf_m_s: Floats
    miss_m: float
    moon_distance_m: float
    earth_distance_m: float

    @property
    def dv_m_s(self) -> float:
        """Size of the impulse."""
        return float(np.linalg.norm(self.dv_icrf_m_s))


@dataclass(frozen=True, slots=True)
class Arc:
    """A stretch flown from its first state to its last, and by how much the model misses the last.

    ``joins`` counts the joins within (0 for an arc between breaks); ``perilune_m`` is the least distance from the
    Moon's centre, NaN where the arc has no closest approach within :data:`MOON_REGION_M`; ``least_moon_m`` is the
    least distance of its states from it.
    """

    first: int
    last: int
    start_tdb_s: float
    end_tdb_s: float
    error_m: float
    error_m_s: float
    joins: int
    perilune_m: float
    perilune_tdb_s: float
    least_moon_m: float

    @property
    def duration_s(self) -> float:
        """Length."""
        return self.end_tdb_s - self.start_tdb_s


@dataclass(frozen=True, slots=True, eq=False)
class AsFlown:
    """An ephemeris taken apart. ``arcs`` lie between breaks of either kind, ``coasts`` between burns."""

    segment: OemSegment
    breaks: tuple[Break, ...]
    arcs: tuple[Arc, ...]
    coasts: tuple[Arc, ...]
    notes: tuple[str, ...]

    @property
    def burns(self) -> tuple[Break, ...]:
        """The breaks that are burns."""
        return tuple(found for found in self.breaks if found.kind == "burn")

    @property
    def joins(self) -> tuple[Break, ...]:
        """The breaks that are joins of the navigators' solutions."""
        return tuple(found for found in self.breaks if found.kind == "join")


@dataclass(frozen=True, slots=True)
class Sunlit:
    """What sunlight pushes on: area times reflectivity coefficient, and the mass after each burn.

    ``mass_kg`` at the first state; ``exhaust_m_s`` turns burns into propellant (None: the mass stays). Given by the
    user from public figures, never fitted to the file.
    """

    area_m2: float
    reflectivity: float
    mass_kg: float
    exhaust_m_s: float | None = None

    def ratio_m2_kg(self, dv_m_s: float) -> float:
        """Reflectivity × area / mass after burns of ``dv_m_s`` in all."""
        mass = self.mass_kg if self.exhaust_m_s is None else self.mass_kg * np.exp(-dv_m_s / self.exhaust_m_s)
        return float(self.reflectivity * self.area_m2 / mass)


def omitted_m_s2(moon_distance_m: Floats, earth_distance_m: Floats) -> Floats:
    """Rms acceleration of the field that the model leaves out, by Kaula's rule, m/s².

    The degree variances of the acceleration, (n + 1)² (2n + 1) K² n⁻⁴ (R/r)²ⁿ (GM/r²)², are summed from the first
    degree that is left out: 9 of the Moon, 3 of the Earth.
    """
    total = np.zeros_like(moon_distance_m)
    for distance, gm, radius, kaula, first in (
        (moon_distance_m, GM_MOON_M3_S2, MOON_RADIUS_M, _KAULA_MOON, _FIRST_OMITTED_MOON),
        (earth_distance_m, GM_EARTH_M3_S2, EARTH_RADIUS_M, _KAULA_EARTH, _FIRST_OMITTED_EARTH),
    ):
        ratio = np.minimum(radius / distance, 1.0)
        n = np.arange(first, 180)[:, None]
        variance = np.sum((n + 1.0) ** 2 * (2 * n + 1) * kaula**2 / n**4.0 * ratio ** (2.0 * n), axis=0)
        total += (gm / distance**2) ** 2 * variance
    return np.asarray(np.sqrt(total))


class _Track:
    """The states of a segment about Earth and Moon, and flights between them."""

    def __init__(self, segment: OemSegment) -> None:
        self.epochs = segment.epoch_tdb_s
        ephemeris = de440.load()
        ephemeris.check_covers(self.epochs)
        states = np.hstack([segment.r_m, segment.v_m_s])
        from_earth = np.hstack(ephemeris.state(segment.centre, self.epochs, "earth"))
        moon = np.hstack(ephemeris.state("moon", self.epochs, "earth"))
        self.about = {"earth": states + from_earth, "moon": states + from_earth - moon}
        self.moon_distance = np.linalg.norm(self.about["moon"][:, :3], axis=1)
        self.earth_distance = np.linalg.norm(self.about["earth"][:, :3], axis=1)
        self.near_moon = self.moon_distance < MOON_REGION_M

    def centre(self, index: int) -> str:
        return "moon" if self.near_moon[index] else "earth"

    def state(self, epoch_tdb_s: float, start: int, centre: str, srp_m2_kg: float) -> Floats:
        """State (6,) about ``centre`` at an epoch near state ``start``, flown from it."""
        first = self.about[centre][start]
        path = dynamics.propagate(
            self.epochs[start], first[:3], first[3:], epoch_tdb_s, centre=centre, **_forces(centre, srp_m2_kg)
        )
        return path.state

    def misses(self) -> Floats:
        """State k + 1 minus state k flown to its epoch, (n − 1, 6)."""
        result = np.empty((self.epochs.size - 1, 6))
        for k in range(self.epochs.size - 1):
            centre = self.centre(k)
            result[k] = self.about[centre][k + 1] - self.state(self.epochs[k + 1], k, centre, 0.0)
        return result

    def arc(self, first: int, last: int, joins: int, ratios: Sequence[tuple[float, float]]) -> Arc:
        """Fly from one state to another, changing centre where the file passes :data:`MOON_REGION_M`."""
        edges = [k + 1 for k in range(first, last) if self.near_moon[k] != self.near_moon[k + 1] and k + 1 < last]
        stops = [*edges, last]
        centre, ratio = self.centre(first), _in_force(ratios, self.epochs[first])
        state, now = self.about[centre][first], self.epochs[first]
        perilune, when = np.nan, np.nan
        least = float(self.moon_distance[first : last + 1].min())
        for stop in stops:
            path = dynamics.propagate(
                now, state[:3], state[3:], self.epochs[stop], centre=centre, dense=True, **_forces(centre, ratio)
            )
            if path.reason:
                lost = np.nan
                return Arc(first, last, self.epochs[first], self.epochs[last], lost, lost, joins, lost, lost, least)
            if centre == "moon":
                for epoch in path.periapses():
                    distance = float(np.linalg.norm(path.at(epoch)[:3]))
                    if not perilune <= distance:
                        perilune, when = distance, float(epoch)
            now, state = float(self.epochs[stop]), path.state
            if stop != last and (after := self.centre(stop)) != centre:
                state = np.hstack(dynamics.change_centre(now, state[:3], state[3:], centre, after))
                centre = after
        miss = self.about[centre][last] - state
        error_m, error_m_s = float(np.linalg.norm(miss[:3])), float(np.linalg.norm(miss[3:]))
        return Arc(first, last, self.epochs[first], now, error_m, error_m_s, joins, perilune, when, least)


def _forces(centre: str, srp_m2_kg: float) -> dict[str, Any]:
    """Options of the propagation: sunlight, and near the Earth its zonal harmonics to degree 6."""
    return {"srp_m2_kg": srp_m2_kg} | ({"earth_zonals": _EARTH_ZONALS} if centre == "earth" else {})


def _in_force(ratios: Sequence[tuple[float, float]], epoch_tdb_s: float) -> float:
    """The last value set before an epoch."""
    return [value for since, value in ratios if since <= epoch_tdb_s][-1]


def _impulse(track: _Track, first: int, last: int) -> tuple[float, Floats, float]:
    """Epoch within the break, Δv (3,) and position miss of the impulse that joins its two sides best.

    The gap between the two coasts is a smooth function of the epoch; it is sampled, then refined by golden section.
    """
    centre = track.centre(first)
    low, high = float(track.epochs[first]), float(track.epochs[last])

    def gap(epoch: float) -> Floats:
        return track.state(epoch, last, centre, 0.0) - track.state(epoch, first, centre, 0.0)

    def distance(epoch: float) -> float:
        return float(np.linalg.norm(gap(epoch)[:3]))

    grid = np.linspace(low, high, 13)
    best = int(np.argmin([distance(epoch) for epoch in grid]))
    a, b = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, 12)])
    golden = 0.5 * (np.sqrt(5.0) - 1.0)
    while b - a > 1e-3:
        c, d = b - golden * (b - a), a + golden * (b - a)
        if distance(c) < distance(d):
            b = d
        else:
            a = c
    epoch = 0.5 * (a + b)
    found = gap(epoch)
    return epoch, found[3:], float(np.linalg.norm(found[:3]))


def take_apart(segment: OemSegment, *, sunlit: Sunlit | None = None) -> AsFlown:
    """Find the burns and the navigation joins of an ephemeris, and fly every arc between them.

    Parameters
    ----------
    segment
        States of one craft, any centre of DE440; at least two.
    sunlit
        What sunlight pushes on (None: solar radiation pressure is left out).

    Returns
    -------
    The breaks in order of time, the arcs between all breaks, and the coasts between burns (which hold the joins),
    each with the miss of its last state.

    Raises
    ------
    EphemerisRangeError
        If an epoch lies outside DE440.
    """
    track = _Track(segment)
    misses = track.misses()
    position, velocity = np.linalg.norm(misses[:, :3], axis=1), np.linalg.norm(misses[:, 3:], axis=1)
    step = np.diff(track.epochs)
    allowance = 3.0 * np.maximum(
        omitted_m_s2(track.moon_distance[:-1], track.earth_distance[:-1]),
        omitted_m_s2(track.moon_distance[1:], track.earth_distance[1:]),
    )
    floor_m = np.maximum(STEP_FLOOR_M, 10.0 * float(np.median(position)))
    floor_m_s = np.maximum(STEP_FLOOR_M_S, 10.0 * float(np.median(velocity)))
    broken = (velocity > floor_m_s + allowance * step) | (position > floor_m + 0.5 * allowance * step**2)
    breaks = []
    k = 0
    while k < broken.size:
        if not broken[k]:
            k += 1
            continue
        first = k
        while k < broken.size and broken[k]:
            k += 1
        epoch, dv, miss = _impulse(track, first, k)
        span = float(track.epochs[k] - track.epochs[first])
        slack = floor_m + 0.5 * float(allowance[first:k].max()) * span**2
        burn = miss <= BURN_MISS * float(np.linalg.norm(dv)) * span + slack
        breaks.append(
            Break(
                "burn" if burn else "join",
                first,
                k,
                float(track.epochs[first]),
                float(track.epochs[k]),
                epoch,
                dv,
                miss,
                float(track.moon_distance[first]),
                float(track.earth_distance[first]),
            )
        )
    ratios = _ratios(breaks, sunlit)
    arcs = _between(track, breaks, [], ratios)
    joins = [found for found in breaks if found.kind == "join"]
    coasts = _between(track, [found for found in breaks if found.kind == "burn"], joins, ratios)
    return AsFlown(segment, tuple(breaks), tuple(arcs), tuple(coasts), _notes(sunlit))


def _ratios(breaks: Sequence[Break], sunlit: Sunlit | None) -> list[tuple[float, float]]:
    if sunlit is None:
        return [(-np.inf, 0.0)]
    ratios, spent = [(-np.inf, sunlit.ratio_m2_kg(0.0))], 0.0
    for found in breaks:
        if found.kind == "burn":
            spent += found.dv_m_s
            ratios.append((found.end_tdb_s, sunlit.ratio_m2_kg(spent)))
    return ratios


def _between(
    track: _Track, breaks: Sequence[Break], joins: Sequence[Break], ratios: Sequence[tuple[float, float]]
) -> list[Arc]:
    starts = [0, *(found.last for found in breaks)]
    ends = [*(found.first for found in breaks), track.epochs.size - 1]
    arcs = []
    for first, last in zip(starts, ends, strict=True):
        if last > first:
            inside = sum(first <= found.first < last for found in joins)
            arcs.append(track.arc(first, last, inside, ratios))
    return arcs


def _notes(sunlit: Sunlit | None) -> tuple[str, ...]:
    light = (
        "Sunlight's pressure is left out."
        if sunlit is None
        else f"Sunlight pushes on {sunlit.area_m2:g} m² with a coefficient of {sunlit.reflectivity:g} straight away "
        f"from the Sun, on {sunlit.mass_kg:,.0f} kg at first; the craft's attitude is not followed."
    )
    return (light, "Venting, attitude jets and air are not modelled; burns below the floor of a step stay unseen.")
