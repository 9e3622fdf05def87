"""Where ballistic ways to the Moon exist: found by flying backward from the target, in the ephemeris itself.

A craft that leaves the Moon's neighbourhood backward in time with hardly any energy goes out a million kilometres and
more; there the Sun's tide takes or gives angular momentum, and where it takes nearly all of it, the way back leads to
a low perigee: read forward, a transfer that arrives with next to no burn (E. A. Belbruno & J. K. Miller,
"Sun-perturbed Earth-to-Moon transfers with ballistic capture", JGCD 16, 1993; J. S. Parker & R. L. Anderson,
"Low-Energy Lunar Trajectory Design", 2014). Such ways come twice a month. They are looked for in blocks of half a
synodic month of arrivals, on a grid of arrival phases and small burns, and kept for the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.records.places import Dro, Halo, MoonOrbit
from moonvillage.trajectory import cr3bp, halo, nrho
from moonvillage.trajectory.cr3bp import TIME_S
from moonvillage.trajectory.planes import PlaneFamily, cross
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

#: Length of a block of arrivals: half a synodic month, after which the Sun's tide repeats.
BLOCK_S: Final = 0.5 * 29.530589 * DAY_S
#: Burns at arrival that are tried, m/s: the craft comes in faster by so much. Orbits that pass close to the Moon are
#: nearly stable, and need more; the others are left along their manifolds with next to nothing.
_BURNS_M_S: Final = (0.3, 1.0, 2.0, 4.0, 7.0, 12.0, 20.0, 30.0)
_BURNS_CLOSE_M_S: Final = (6.0, 10.0, 14.0, 18.0, 22.0, 27.0, 33.0, 40.0)
_CLOSE_M: Final = 1.2e7
_PHASES: Final = 60
#: Speeds at perilune above the local circular one that are tried for low orbits: C3 about the Moon, m²/s².
_MOON_C3_M2_S2: Final = (-4e4, 0.0, 4e4)
_ANGLES: Final = 12
#: A craft that is not this far from the Earth so long before its arrival does not come from the Sun's tide.
_OUT_S: Final = 32.0 * DAY_S
_OUT_M: Final = 7e8
_OUT_C3_M2_S2: Final = (-0.9e6, -0.2e6)
_LONGEST_S: Final = 140.0 * DAY_S
_STRIDE_S: Final = 4.0 * DAY_S
_FARTHEST_M: Final = 2.2e9
#: Where on the way (backward) to the Earth its angular momentum is read.
_INBOUND_M: Final = 7e8
#: Angular momentum, m²/s, beyond which a seed is not worth a correction.
_TOO_WIDE_M2_S: Final = 30e10
#: Angular momentum of a low perigee on a nearly parabolic orbit.
LOW_M2_S: Final = float(np.sqrt(2.0 * GM_EARTH_M3_S2 * 6.56e6))


@dataclass(frozen=True, slots=True, eq=False)
class BallisticSeed:
    """A way from near the Earth to the target, found on the grid.

    ``arrival_tdb_s`` and ``start`` (4,): epoch at the target, and what the target's chain begins with there (for an
    orbit: 0 and the velocity before arrival minus the orbit's, ICRF m/s; for a low orbit: 0, ψ, ω, speed).
    ``apogee_tdb_s`` is about the farthest point; at ``inbound_tdb_s`` the angular momentum about the Earth is
    ``momentum_m2_s`` (3,). ``burn_m_s`` is the burn at arrival (of a low orbit: above the least of the grid).
    """

    arrival_tdb_s: float
    start: Floats
    apogee_tdb_s: float
    inbound_tdb_s: float
    momentum_m2_s: Floats
    burn_m_s: float

    @property
    def departure_tdb_s(self) -> float:
        """About the epoch of perigee: an inbound fall from some 600,000 km takes four to five days."""
        return self.inbound_tdb_s - 4.5 * DAY_S


@dataclass(frozen=True, slots=True, eq=False)
class _Begin:
    """A state (6,) at the target before its burn, Moon-centred ICRF, and what the seed keeps of it."""

    epoch_tdb_s: float
    start: Floats
    state: Floats
    burn_m_s: float


def _seed(begin: _Begin) -> BallisticSeed | None:
    way = follow(begin.epoch_tdb_s, begin.state[:3], begin.state[3:])
    if way is None or float(np.linalg.norm(way[2])) > _TOO_WIDE_M2_S:
        return None
    return BallisticSeed(begin.epoch_tdb_s, begin.start, way[0], way[1], way[2], begin.burn_m_s)


def follow(arrival_tdb_s: float, r_m: Floats, v_m_s: Floats) -> tuple[float, float, Floats] | None:
    """Backward from a Moon-centred state: epochs of apogee and of the return inward, and the momentum there.

    None where the craft does not go out, goes out too far, meets a body, or does not come back in 140 days.
    """
    r, v = dynamics.change_centre(arrival_tdb_s, r_m, v_m_s, "moon", "earth")
    now = arrival_tdb_s - _OUT_S
    path = dynamics.propagate(arrival_tdb_s, r, v, now, centre="earth")
    if path.reason:
        return None
    distance = float(np.linalg.norm(path.r_m))
    c3 = float(path.v_m_s @ path.v_m_s) - 2.0 * GM_EARTH_M3_S2 / distance
    if distance < _OUT_M or not _OUT_C3_M2_S2[0] < c3 < _OUT_C3_M2_S2[1]:
        return None
    apogee, far = now, distance
    while now > arrival_tdb_s - _LONGEST_S:
        path = dynamics.propagate(now, path.r_m, path.v_m_s, now - _STRIDE_S, centre="earth")
        now -= _STRIDE_S
        distance = float(np.linalg.norm(path.r_m))
        if path.reason or distance > _FARTHEST_M:
            return None
        if distance > far:
            apogee, far = now, distance
        elif distance < _INBOUND_M:
            return apogee, now, cross(path.r_m, path.v_m_s)
    return None


def _phases(orbit: halo.HaloOrbit) -> Floats:
    """Phases of a periodic orbit, closer where it is fast."""
    fine = np.linspace(0.0, 1.0, 201)
    speed = np.array([np.linalg.norm(cr3bp.derivative(halo.sample(orbit, float(p)))[:3]) for p in fine])
    density = 0.5 + 0.5 * speed / speed.mean()
    total = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    return np.interp((np.arange(_PHASES) + 0.5) / _PHASES * total[-1], total, fine)


def _burns(orbit: halo.HaloOrbit) -> tuple[float, ...]:
    close = orbit.perilune_radius * cr3bp.LENGTH_M < _CLOSE_M
    return _BURNS_CLOSE_M_S if close else _BURNS_M_S


def _orbit_rows(place: Halo | Dro, block: int) -> Iterator[tuple[float, list[_Begin]]]:
    """Arrival epochs of a block in order, each with its beginnings by burn."""
    orbit = nrho.find(place)
    period = orbit.period * TIME_S
    phases = _phases(orbit)
    low, high = block * BLOCK_S, (block + 1) * BLOCK_S
    for turn in range(int(np.floor(low / period)), int(np.floor(high / period)) + 1):
        for phase in phases:
            epoch = (turn + float(phase)) * period
            if low <= epoch < high:
                found = [_orbit_begin(place, epoch, burn) for burn in _burns(orbit)]
                yield epoch, [begin for begin in found if begin is not None]


def _orbit_begin(place: Halo | Dro, epoch: float, burn: float) -> _Begin | None:
    """A periodic orbit's state with ``burn`` more speed along the motion."""
    stretch = nrho.reference(place, epoch)
    if stretch.reason:
        return None
    state = stretch.state(epoch)
    dv = burn * state[3:] / np.linalg.norm(state[3:])
    return _Begin(epoch, np.concatenate([[0.0], dv]), state + np.concatenate([np.zeros(3), dv]), burn)


def _orbit_seeds(place: Halo | Dro, block: int) -> Iterator[BallisticSeed]:
    """The grid, and between neighbours on it the points where the momentum should be least."""
    before: dict[float, BallisticSeed] = {}
    for epoch, begins in _orbit_rows(place, block):
        now = {begin.burn_m_s: seed for begin in begins if (seed := _seed(begin)) is not None}
        yield from now.values()
        burns = list(now)
        pairs = [(before[burn], now[burn], burn) for burn in burns if burn in before]
        for old, new, burn in pairs:
            share = _least_between(old.momentum_m2_s, new.momentum_m2_s)
            begin = _orbit_begin(place, old.arrival_tdb_s + share * (epoch - old.arrival_tdb_s), burn)
            between = None if begin is None or share == 0.0 else _seed(begin)
            if between is not None:
                yield between
        for low, high in pairwise(burns):
            share = _least_between(now[low].momentum_m2_s, now[high].momentum_m2_s)
            begin = _orbit_begin(place, epoch, low + share * (high - low))
            between = None if begin is None or share == 0.0 else _seed(begin)
            if between is not None:
                yield between
        before = now


def _least_between(first: Floats, second: Floats) -> float:
    """The share of the way from one vector to another at which the chord is nearest to zero; 0 where an end is."""
    step = second - first
    size = float(step @ step)
    share = -float(first @ step) / size if size > 0.0 else 0.0
    return share if 0.1 < share < 0.9 else 0.0


def low_orbit_family(orbit: MoonOrbit, epoch_tdb_s: float) -> PlaneFamily:
    """The planes of one inclination to the Moon's equator; an orbit over a site counts as polar here."""
    inclination = 0.5 * np.pi if orbit.inclination_rad is None else orbit.inclination_rad
    return PlaneFamily.about(moon_me_matrix(epoch_tdb_s)[2], inclination)


def low_orbit_state(family: PlaneFamily, radius_m: float, psi: float, omega: float, speed: float) -> Floats:
    """State (6,) at perilune: plane ψ of the family, ω from its node, moving level at ``speed``."""
    normal, node = family.normal(psi), family.node(psi)
    up = np.cos(omega) * node + np.sin(omega) * cross(normal, node)
    return np.concatenate([radius_m * up, speed * cross(normal, up)])


def _low_seeds(place: MoonOrbit, block: int) -> Iterator[BallisticSeed]:
    radius = MOON_RADIUS_M + place.altitude_m
    least = float(np.sqrt(2.0 * GM_MOON_M3_S2 / radius + _MOON_C3_M2_S2[0]))
    turns = np.arange(_ANGLES) / _ANGLES * 2.0 * np.pi
    for epoch in (block + (np.arange(4) + 0.5) / 4.0) * BLOCK_S:
        family = low_orbit_family(place, float(epoch))
        for c3 in _MOON_C3_M2_S2:
            speed = float(np.sqrt(2.0 * GM_MOON_M3_S2 / radius + c3))
            for psi in turns:
                for omega in turns:
                    state = low_orbit_state(family, radius, float(psi), float(omega), speed)
                    start = np.array([0.0, float(psi), float(omega), speed])
                    seed = _seed(_Begin(float(epoch), start, state, speed - least))
                    if seed is not None:
                        yield seed


@lru_cache(maxsize=512)
def seeds(place: Halo | Dro | MoonOrbit, block: int) -> tuple[BallisticSeed, ...]:
    """All seeds of a block of arrivals, those with the least angular momentum at the Earth first.

    Parameters
    ----------
    place
        The target. Raises ValueError where its family has no such member.
    block
        Arrivals from ``block * BLOCK_S`` to the next, TDB seconds past J2000.
    """
    found = _low_seeds(place, block) if isinstance(place, MoonOrbit) else _orbit_seeds(place, block)
    return tuple(sorted(found, key=lambda seed: float(np.linalg.norm(seed.momentum_m2_s))))
