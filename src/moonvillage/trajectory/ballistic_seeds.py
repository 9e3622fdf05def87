"""Where ballistic ways to the Moon exist: found by flying backward from the target, in the ephemeris itself.

A craft that leaves the Moon's neighbourhood backward in time with hardly any energy goes out a million kilometres and
more; there the Sun's tide takes or gives angular momentum, and where it takes nearly all of it, the way back leads to
a low perigee: read forward, a transfer that arrives with next to no burn (E. A. Belbruno & J. K. Miller,
"Sun-perturbed Earth-to-Moon transfers with ballistic capture", JGCD 16, 1993; J. S. Parker & R. L. Anderson,
"Low-Energy Lunar Trajectory Design", 2014). Such ways come twice a month. They are looked for in blocks of half a
synodic month of arrivals, on a grid of arrival phases and small burns, and kept for the process.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.dynamics.batch import SEARCH_TOLERANCE, propagate_batch
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


def follow(begins: Sequence[_Begin]) -> list[BallisticSeed | None]:
    """Backward from many states at once: the seed of each.

    None where the craft does not go out, goes out too far, meets a body, does not come back in 140 days, or comes
    with too much momentum.
    """
    found: list[BallisticSeed | None] = [None] * len(begins)
    if not begins:
        return found
    start = np.array([begin.epoch_tdb_s for begin in begins])
    states = np.array([begin.state for begin in begins])
    r, v = dynamics.change_centre(start, states[:, :3], states[:, 3:], "moon", "earth")
    path = propagate_batch(start, r, v, start - _OUT_S, centre="earth", tolerance=SEARCH_TOLERANCE)
    distance = np.linalg.norm(path.r_m, axis=1)
    c3 = np.sum(path.v_m_s**2, axis=1) - 2.0 * GM_EARTH_M3_S2 / distance
    going = np.flatnonzero(path.ok & (distance > _OUT_M) & (c3 > _OUT_C3_M2_S2[0]) & (c3 < _OUT_C3_M2_S2[1]))
    now, r, v = start[going] - _OUT_S, path.r_m[going], path.v_m_s[going]
    apogee, far = now.copy(), distance[going].copy()
    for _ in range(int((_LONGEST_S - _OUT_S) / _STRIDE_S)):
        if not going.size:
            break
        path = propagate_batch(now, r, v, now - _STRIDE_S, centre="earth", tolerance=SEARCH_TOLERANCE)
        now, r, v = now - _STRIDE_S, path.r_m, path.v_m_s
        distance = np.linalg.norm(r, axis=1)
        rising = distance > far
        apogee, far = np.where(rising, now, apogee), np.maximum(far, distance)
        inside = path.ok & ~rising & (distance < _INBOUND_M)
        for k in np.flatnonzero(inside):
            momentum = cross(r[k], v[k])
            if float(np.linalg.norm(momentum)) <= _TOO_WIDE_M2_S:
                begin = begins[int(going[k])]
                found[int(going[k])] = BallisticSeed(
                    begin.epoch_tdb_s, begin.start, float(apogee[k]), float(now[k]), momentum, begin.burn_m_s
                )
        on = path.ok & ~inside & (distance < _FARTHEST_M)
        going, now, r, v, apogee, far = going[on], now[on], r[on], v[on], apogee[on], far[on]
    return found


def _phases(orbit: halo.HaloOrbit) -> Floats:
    """Phases of a periodic orbit, closer where it is fast."""
    fine = np.linspace(0.0, 1.0, 201)
    speed = np.array([np.linalg.norm(cr3bp.derivative(halo.sample(orbit, float(p)))[:3]) for p in fine])
    density = 0.5 + 0.5 * speed / speed.mean()
    total = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    return np.asarray(np.interp((np.arange(_PHASES) + 0.5) / _PHASES * total[-1], total, fine))


def _burns(orbit: halo.HaloOrbit) -> tuple[float, ...]:
    close = orbit.perilune_radius * cr3bp.LENGTH_M < _CLOSE_M
    return _BURNS_CLOSE_M_S if close else _BURNS_M_S


def _orbit_begin(place: Halo | Dro, epoch: float, burn: float) -> _Begin | None:
    """A periodic orbit's state with ``burn`` more speed along the motion."""
    stretch = nrho.reference(place, epoch)
    if stretch.reason:
        return None
    state = stretch.state(epoch)
    dv = burn * state[3:] / np.linalg.norm(state[3:])
    return _Begin(epoch, np.concatenate([[0.0], dv]), state + np.concatenate([np.zeros(3), dv]), burn)


def _orbit_seeds(place: Halo | Dro, block: int) -> list[BallisticSeed]:
    """The grid, and between neighbours on it the points where the momentum should be least."""
    orbit = nrho.find(place)
    period = orbit.period * TIME_S
    low, high = block * BLOCK_S, (block + 1) * BLOCK_S
    turns = range(int(np.floor(low / period)), int(np.floor(high / period)) + 1)
    every = [(turn + float(phase)) * period for turn in turns for phase in _phases(orbit)]
    epochs = [epoch for epoch in every if low <= epoch < high]
    burns = _burns(orbit)
    grid = {(i, j): _orbit_begin(place, epochs[i], burns[j]) for i in range(len(epochs)) for j in range(len(burns))}
    begun = {key: begin for key, begin in grid.items() if begin is not None}
    followed = dict(zip(begun, follow(list(begun.values())), strict=True))
    found = {key: seed for key, seed in followed.items() if seed is not None}
    between = []
    for (i, j), seed in found.items():
        for other in ((i + 1, j), (i, j + 1)):
            if other not in found:
                continue
            share = _least_between(seed.momentum_m2_s, found[other].momentum_m2_s)
            if share > 0.0:
                epoch = epochs[i] + share * (epochs[other[0]] - epochs[i])
                begin = _orbit_begin(place, epoch, burns[j] + share * (burns[other[1]] - burns[j]))
                if begin is not None:
                    between.append(begin)
    return [*found.values(), *(seed for seed in follow(between) if seed is not None)]


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


def _low_seeds(place: MoonOrbit, block: int) -> list[BallisticSeed]:
    """Perilunes at four epochs, in twelve planes of the inclination, at twelve places of each, at three energies."""
    radius = MOON_RADIUS_M + place.altitude_m
    least = float(np.sqrt(2.0 * GM_MOON_M3_S2 / radius + _MOON_C3_M2_S2[0]))
    turns = np.arange(_ANGLES) / _ANGLES * 2.0 * np.pi
    begins = []
    for epoch in (block + (np.arange(4) + 0.5) / 4.0) * BLOCK_S:
        family = low_orbit_family(place, float(epoch))
        for c3, psi, omega in itertools.product(_MOON_C3_M2_S2, turns, turns):
            speed = float(np.sqrt(2.0 * GM_MOON_M3_S2 / radius + c3))
            state = low_orbit_state(family, radius, float(psi), float(omega), speed)
            start = np.array([0.0, float(psi), float(omega), speed])
            begins.append(_Begin(float(epoch), start, state, speed - least))
    return [seed for seed in follow(begins) if seed is not None]


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
