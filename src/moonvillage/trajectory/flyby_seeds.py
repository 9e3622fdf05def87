"""First guesses for powered flybys: a scan of perilunes in the plane of the Moon's orbit.

A pass of the Moon in the plane of its orbit has two numbers when its radius and epoch are given: where perilune lies
and the energy; the sense of the pass doubles them. A grid of both is flown to the place (or past the Earth) that it
should meet, the best is refined by Gauss and Newton's method, for the pass before the burn and for the pass after it;
the burn is put where the pass that obeys the perilune condition is at the burn's epoch. The corrector does the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_MOON_M3_S2
from moonvillage.ephemeris.rotating import rotating_axes
from moonvillage.trajectory.powered_flyby import Flyby
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

_PLACES: Final = 24
#: Twice the energy per mass about the Moon, (km/s)²
_ENERGIES: Final = (-0.05, 0.2, 0.45, 0.7, 1.0)
_FAR_M: Final = 1e12
#: Grid points of each sense that are refined.
_KEPT: Final = 4
#: Vacuum perigee of an entry of some 6°, below the interface.
_BELOW_M: Final = 70e3

Miss = Callable[[Floats], Floats]


def _pass(flyby: Flyby, sense: float, p: Floats) -> Floats:
    """State (6,) at perilune of a place (rad) and twice the energy ((km/s)²), Moon-centred ICRF."""
    axes = rotating_axes(flyby.perilune_tdb_s).matrix
    out = np.cos(p[0]) * axes[0] + np.sin(p[0]) * axes[1]
    along = sense * (np.cos(p[0]) * axes[1] - np.sin(p[0]) * axes[0])
    speed = np.sqrt(1e6 * p[1] + 2.0 * GM_MOON_M3_S2 / flyby.perilune_m)
    return np.concatenate([flyby.perilune_m * out, speed * along])


def _fly(epoch: float, state: Floats, to: float) -> Floats:
    path = dynamics.propagate(epoch, state[:3], state[3:], to, centre="moon")
    return np.full(6, _FAR_M) if path.reason else path.state


def _to_place(flyby: Flyby, sense: float, epoch: float, r_moon_m: Floats) -> Miss:
    """How far the pass is from a place at an epoch, in the plane of the Moon's orbit, units of 1000 km."""
    axes = rotating_axes(epoch).matrix[:2]

    def miss(p: Floats) -> Floats:
        state = _fly(flyby.perilune_tdb_s, _pass(flyby, sense, p), epoch)
        return np.asarray(axes @ (state[:3] - r_moon_m) / 1e6)

    return miss


def _to_perigee(flyby: Flyby, sense: float, epoch: float, radius_m: float) -> Miss:
    """How far the pass is from a prograde perigee of a radius at an epoch: hours, and momentum in 10 %."""
    outside = flyby.perilune_tdb_s + 1.2 * DAY_S
    moon = np.concatenate(de440.load().state("moon", outside, "earth"))
    wanted = np.sqrt(2.0 * GM_EARTH_M3_S2 * radius_m)

    def miss(p: Floats) -> Floats:
        state = _fly(flyby.perilune_tdb_s, _pass(flyby, sense, p), outside) + moon
        r, v = state[:3], state[3:]
        distance = float(np.linalg.norm(r))
        if not distance < 1e10:
            return np.array([_FAR_M, _FAR_M])
        h = np.cross(r, v)
        momentum = float(h @ rotating_axes(outside).matrix[2])
        energy = 0.5 * float(v @ v) - GM_EARTH_M3_S2 / distance
        if energy >= -1e4:
            return np.array([1e3, momentum / wanted * 10.0 - 10.0])
        a = -0.5 * GM_EARTH_M3_S2 / energy
        e_cos, e_sin = 1.0 - distance / a, float(r @ v) / np.sqrt(GM_EARTH_M3_S2 * a)
        anomaly = np.arctan2(e_sin, e_cos)
        mean = anomaly - e_sin
        period = 2.0 * np.pi * np.sqrt(a**3 / GM_EARTH_M3_S2)
        perigee = outside + (-mean % (2.0 * np.pi)) / (2.0 * np.pi) * period
        return np.array([(perigee - epoch) / 3600.0, (abs(momentum) / wanted - 1.0) * 10.0])

    return miss


def _refine(miss: Miss, p: Floats) -> tuple[Floats, float]:
    """Damped Newton steps on two numbers, by differences."""
    value = miss(p)
    for _ in range(12):
        size = float(np.linalg.norm(value))
        if size < 0.1:
            break
        slope = np.stack([(miss(p + step) - value) / step.sum() for step in np.diag([1e-4, 1e-4])], axis=1)
        step = np.clip(np.linalg.lstsq(slope, -value, rcond=None)[0], -0.15, 0.15)
        share = 1.0
        while share > 0.05:
            trial = miss(p + share * step)
            if np.linalg.norm(trial) < size:
                break
            share *= 0.5
        else:
            break
        p, value = p + share * step, trial
    return p, float(np.linalg.norm(value))


def _best(make: Callable[[float], Miss]) -> list[tuple[float, float, Floats]]:
    """The passes that meet their aim, as (miss, sense, parameters): of each sense the best grid points, refined."""
    refined: list[tuple[float, float, Floats]] = []
    for sense in (-1.0, 1.0):
        miss = make(sense)
        grid = [np.array([2.0 * np.pi * k / _PLACES, e]) for k in range(_PLACES) for e in _ENERGIES]
        grid.sort(key=lambda p: float(np.linalg.norm(miss(p))))
        for p in grid[:_KEPT]:
            better, size = _refine(miss, p)
            if all(s != sense or np.abs(better - q).max() > 0.02 for _, s, q in refined):
                refined.append((size, sense, better))
    refined.sort(key=lambda item: item[0])
    return refined


def _pair(
    before: list[tuple[float, float, Floats]], after: list[tuple[float, float, Floats]]
) -> tuple[tuple[float, Floats], tuple[float, Floats]]:
    """The two passes that a burn near perilune joins most cheaply: same sense, perilunes side by side."""

    def price(pair: tuple[tuple[float, float, Floats], tuple[float, float, Floats]]) -> float:
        (miss_a, sense_a, a), (miss_b, sense_b, b) = pair
        apart = abs((a[0] - b[0] + np.pi) % (2.0 * np.pi) - np.pi)
        return float(apart + abs(a[1] - b[1]) / 5.0 + miss_a + miss_b + (0.0 if sense_a == sense_b else 10.0))

    a, b = min(((a, b) for a in before for b in after), key=price)
    return a[1:], b[1:]


def _node(flyby: Flyby, before: tuple[float, Floats], after: tuple[float, Floats]) -> Floats:
    """The guess (9,) at the burn: the place from the pass that obeys the perilune condition, velocities from both."""
    states = [_fly(flyby.perilune_tdb_s, _pass(flyby, sense, p), flyby.epoch_tdb_s) for sense, p in (before, after)]
    chosen = states[1] if flyby.after_burn else states[0]
    axes = rotating_axes(flyby.perilune_tdb_s).matrix
    velocities = []
    for state in states:  # turned about the pole by the angle between the places
        a, b = axes @ state[:3], axes @ chosen[:3]
        turn = np.arctan2(b[1], b[0]) - np.arctan2(a[1], a[0])
        c, s = np.cos(turn), np.sin(turn)
        v = axes @ state[3:]
        velocities.append(axes.T @ np.array([c * v[0] - s * v[1], s * v[0] + c * v[1], v[2]]))
    return np.concatenate([chosen[:3], *velocities])


def seed_between(
    flyby: Flyby, near_tdb_s: float, near_m: Floats, far_tdb_s: float, far_m: Floats
) -> tuple[Floats, Floats, Floats]:
    """A guess of the node (9,) and of the velocities (3,), (3,) at both places; places Moon-centred ICRF, m."""
    before, after = _pair(
        _best(lambda sense: _to_place(flyby, sense, near_tdb_s, near_m)),
        _best(lambda sense: _to_place(flyby, sense, far_tdb_s, far_m)),
    )
    start = _fly(flyby.perilune_tdb_s, _pass(flyby, *before), near_tdb_s)
    end = _fly(flyby.perilune_tdb_s, _pass(flyby, *after), far_tdb_s)
    return _node(flyby, before, after), start[3:], end[3:]


def seed_homeward(
    flyby: Flyby, near_tdb_s: float, near_m: Floats, entry_tdb_s: float, radius_m: float
) -> tuple[Floats, Floats, Floats]:
    """A guess of the node (9,), of the velocity (3,) at the near place, and of entry (epoch, speed, latitude)."""
    before, after = _pair(
        _best(lambda sense: _to_place(flyby, sense, near_tdb_s, near_m)),
        _best(lambda sense: _to_perigee(flyby, sense, entry_tdb_s, radius_m - _BELOW_M)),
    )
    start = _fly(flyby.perilune_tdb_s, _pass(flyby, *before), near_tdb_s)
    speed = np.sqrt(2.0 * GM_EARTH_M3_S2 / radius_m * (1.0 - radius_m / 4e8))
    moon = de440.load().position("moon", flyby.perilune_tdb_s, "earth")
    declination = float(np.arcsin(moon[2] / np.linalg.norm(moon)))
    return _node(flyby, before, after), start[3:], np.array([entry_tdb_s, speed, -declination])
