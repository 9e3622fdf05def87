"""Atmospheric entry of a capsule: flight, loads, heating, corridor, footprint, and the way to a site.

A point mass with constant lift and drag, whose lift vector is banked, over a turning, flattened Earth with J2 in the
U.S. Standard Atmosphere 1976: the equations of N. X. Vinh, A. Busemann & R. D. Culp, "Hypersonic and Planetary Entry
Flight Mechanics", 1980, chapter 2, here in Cartesian form, by Runge–Kutta steps of many flights at once. Stagnation
heating: K. Sutton & R. A. Graves, NASA TR R-376, 1971 (convective) and M. E. Tauber & K. Sutton, "Stagnation-point
radiative heating relations for Earth and Mars entries", J. Spacecraft 28, 1991 (radiative).

Steering is by two figures: the bank's size, and the speed at which its sign is reversed. That is a predictor, not a
flown guidance; it says what can be reached and at what loads. No winds, no dispersions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris.constants import EARTH_J2, EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.ephemeris.frames import EARTH_FLATTENING, earth_itrf_matrix, earth_latitude_longitude
from moonvillage.trajectory.atmosphere import density
from moonvillage.units import STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]

_RATE: Final = 2.0 * math.pi * 1.00273781191135448 / 86400.0
#: Sutton & Graves for air, kg^0.5/m.
_SUTTON_GRAVES: Final = 1.7415e-4
#: Tauber & Sutton's function of speed for air (m/s; W/cm² scale), table 1.
_SPEEDS: Final = (
    9000.0, 9250.0, 9500.0, 9750.0, 10000.0, 10250.0, 10500.0, 10750.0, 11000.0, 11500.0,
    12000.0, 12500.0, 13000.0, 13500.0, 14000.0, 14500.0, 15000.0, 15500.0, 16000.0,
)  # fmt: skip
_F_OF_V: Final = (
    1.5, 4.3, 9.7, 19.5, 35.0, 55.0, 81.0, 115.0, 151.0, 238.0,
    359.0, 495.0, 660.0, 850.0, 1065.0, 1313.0, 1550.0, 1780.0, 2040.0,
)  # fmt: skip
#: Here the flight ends: drogue parachutes.
_DROGUE_M: Final = 7_500.0
#: Apogee above which a skip counts as an escape: such skips go thousands of kilometres astray.
_ESCAPE_M: Final = 250e3
_PULLOUT_M_S: Final = -213.4
#: A reversal rolls through lift up while the speed falls by some times this, as a roll of 15 to 20 deg/s does.
_ROLL_M_S: Final = 100.0
_LONGEST_S: Final = 4_000.0
#: A flight that climbs by this much after its lowest point has skipped.
_SKIP_M: Final = 20e3


@dataclass(frozen=True, slots=True)
class Capsule:
    """A capsule: mass, drag area (coefficient × reference area), lift to drag, nose radius (for the heating)."""

    mass_kg: float
    drag_area_m2: float
    lift_to_drag: float
    nose_radius_m: float

    @property
    def ballistic_kg_m2(self) -> float:
        """Mass over drag area."""
        return self.mass_kg / self.drag_area_m2


#: 5,560 kg at entry (Apollo 11 Mission Report), 12.02 m² × 1.29, L/D 0.30 (NASA TN D-6725, 1972), nose 4.69 m.
APOLLO: Final = Capsule(5_560.0, 12.02 * 1.29, 0.30, 4.69)
#: 9,300 kg (NASA, Artemis I press kit), 19.87 m² × 1.35, L/D 0.27, nose 6.0 m: medium confidence.
ORION: Final = Capsule(9_300.0, 19.87 * 1.35, 0.27, 6.0)


@dataclass(frozen=True, slots=True, eq=False)
class EntryFlight:
    """One entry flown to the drogue parachutes, or to its escape (``reason`` not empty).

    Samples (n,): epochs TDB s; ``r_m``, ``v_m_s`` (n, 3) ICRF about the Earth; height above WGS 84, speed over the
    turning Earth, load in g, heat fluxes W/m² at the stagnation point. ``range_m`` is along the surface from entry to
    the end.
    """

    epoch_tdb_s: Floats
    r_m: Floats
    v_m_s: Floats
    height_m: Floats
    speed_m_s: Floats
    load_g: Floats
    convective_w_m2: Floats
    radiative_w_m2: Floats
    latitude_rad: float
    longitude_rad: float
    range_m: float
    skipped: bool
    reason: str = ""

    @property
    def peak_load_g(self) -> float:
        """Largest load, g."""
        return float(self.load_g.max())

    @property
    def peak_heat_w_m2(self) -> float:
        """Largest total heat flux."""
        return float((self.convective_w_m2 + self.radiative_w_m2).max())

    @property
    def heat_load_j_m2(self) -> float:
        """Heat over the whole flight."""
        flux = self.convective_w_m2 + self.radiative_w_m2
        return float(np.sum(0.5 * (flux[1:] + flux[:-1]) * np.diff(self.epoch_tdb_s)))


def heating(density_kg_m3: ArrayLike, speed_m_s: ArrayLike, nose_radius_m: float) -> tuple[Floats, Floats]:
    """Convective and radiative heat flux at the stagnation point, W/m² (n,), of densities and speeds (n,).

    Tauber & Sutton hold from 10 to 16 km/s, 6.66e-5 to 6.31e-4 kg/m³ and noses of 0.3 to 3 m; a blunter nose is
    taken as one of 3 m for the radiation, which is nothing below 9 km/s.
    """
    rho, v = np.asarray(density_kg_m3, dtype=float), np.asarray(speed_m_s, dtype=float)
    convective = _SUTTON_GRAVES * np.sqrt(rho / nose_radius_m) * v**3
    nose = min(nose_radius_m, 3.0)
    most = 1.0 if nose <= 1.0 else 0.6 if nose <= 2.0 else 0.5
    with np.errstate(divide="ignore", over="ignore"):
        power = np.minimum(1.072e6 * np.maximum(v, 1.0) ** -1.88 * np.maximum(rho, 1e-12) ** -0.325, most)
    f = np.interp(v, _SPEEDS, _F_OF_V, left=0.0)
    return convective, np.asarray(4.736e4 * nose**power * rho**1.22 * f * 1e4)


def _height(r: Floats) -> Floats:
    distance = np.linalg.norm(r, axis=-1)
    sine = r[..., 2] / distance
    return np.asarray(distance - EARTH_RADIUS_M * (1.0 - EARTH_FLATTENING * sine**2))


def _rate(state: Floats, capsule: Capsule, bank: Floats) -> tuple[Floats, Floats, Floats]:
    """Derivative (n, 6), load (n,) in m/s², density (n,)."""
    r, v = state[:, :3], state[:, 3:]
    d2 = np.einsum("ij,ij->i", r, r)
    d = np.sqrt(d2)
    z2 = (r[:, 2] / d) ** 2
    j2 = 1.5 * EARTH_J2 * EARTH_RADIUS_M**2 / d2
    gravity = -(GM_EARTH_M3_S2 / (d2 * d))[:, None] * r
    gravity = gravity * (1.0 + j2[:, None] * (np.array([1.0, 1.0, 3.0]) - 5.0 * z2[:, None]))
    air = _air(state)
    speed = np.sqrt(np.einsum("ij,ij->i", air, air))
    rho = density(_height(r))
    drag = 0.5 * rho * speed**2 / capsule.ballistic_kg_m2
    along = air / speed[:, None]
    up = r / d[:, None]
    up = up - np.einsum("ij,ij->i", up, along)[:, None] * along
    up = up / np.maximum(np.linalg.norm(up, axis=1), 1e-9)[:, None]
    right = np.cross(along, up)
    lift = capsule.lift_to_drag * drag
    force = -drag[:, None] * along
    force = force + (lift * np.cos(bank))[:, None] * up + (lift * np.sin(bank))[:, None] * right
    load = drag * math.sqrt(1.0 + capsule.lift_to_drag**2)
    return np.concatenate([v, gravity + force], axis=1), load, rho


@dataclass(frozen=True, slots=True, eq=False)
class EntryBatch:
    """Many entries at once, (n,): where and how they end.

    ``landed``: came down to the drogues. ``downrange_m`` and ``crossrange_m`` (to the right) are measured along and
    off the great circle of the entry velocity over the turning Earth, ``end_m`` (n, 3) is Earth-fixed.
    ``peak_load_g``, ``peak_heat_w_m2``, ``heat_load_j_m2``; ``skipped``; ``duration_s``.
    """

    landed: NDArray[np.bool_]
    downrange_m: Floats
    crossrange_m: Floats
    end_m: Floats
    peak_load_g: Floats
    peak_heat_w_m2: Floats
    heat_load_j_m2: Floats
    skipped: NDArray[np.bool_]
    duration_s: Floats
    samples: tuple[Floats, Floats] | None = None


def entry_state(epoch_tdb_s: float, r_m: Floats, v_m_s: Floats) -> Floats:
    """State (6,) on the Earth-fixed axes of the epoch, held still, from ICRF vectors (3,) about the Earth.

    The velocity stays that over the stars.
    """
    matrix = earth_itrf_matrix(epoch_tdb_s)
    return np.concatenate([matrix @ r_m, matrix @ v_m_s])


def fly_batch(
    states: Floats,
    capsule: Capsule,
    bank_rad: ArrayLike,
    reversal_m_s: ArrayLike = 0.0,
    *,
    pullout_rad: float | None = None,
    step_s: float = 2.0,
    keep: bool = False,
) -> EntryBatch:
    """Fly entries side by side.

    Parameters
    ----------
    states
        (n, 6) or (6,): position and inertial velocity at entry, on axes that lie along the Earth-fixed ones at entry
        and do not turn (:func:`entry_state` makes them of ICRF states).
    capsule
        The same for all.
    bank_rad
        (n,) or scalar: bank angle of the lift, 0 up, positive to the right; held, but for its sign.
    pullout_rad
        Bank until the pull-out, which ends when the capsule sinks by less than 215 m/s (700 ft/s, as in Apollo's
        entry guidance; R. Morth, "Reentry guidance for Apollo", MIT R-532, 1966); None: ``bank_rad`` from the start.
    reversal_m_s
        (n,) or scalar: below this speed over the turning Earth the sign is reversed; 0: never.
    step_s
        Of the fourth-order Runge–Kutta integration (at 2 s landing points are good to some 100 m, loads to 0.1 %).
    keep
        Keep all states: ``samples`` is then (times (m,), states (m, n, 6)).
    """
    bank, reversal = np.atleast_1d(np.asarray(bank_rad, float)), np.atleast_1d(np.asarray(reversal_m_s, float))
    start = np.atleast_2d(np.asarray(states, dtype=float))
    n = max(start.shape[0], bank.size, reversal.size)
    y = np.broadcast_to(start, (n, 6)).copy()
    bank, reversal = np.broadcast_to(bank, (n,)), np.broadcast_to(reversal, (n,))
    first = y.copy()
    alive = np.ones(n, dtype=bool)
    landed = np.zeros(n, dtype=bool)
    peak_load, peak_heat, heat = np.zeros(n), np.zeros(n), np.zeros(n)
    lowest, climbed = np.full(n, np.inf), np.zeros(n, dtype=bool)
    ends, duration = y.copy(), np.zeros(n)
    history: list[Floats] = [y.copy()]
    times = [0.0]
    now = 0.0
    if pullout_rad is not None:
        # flown once where all begin alike, to the instant itself: what follows must not depend on the step
        alike = start.shape[0] == 1
        pulled = _pull_out(start if alike else y, capsule, pullout_rad, keep)
        y[:] = pulled.state
        ends[:], duration[:] = y, pulled.elapsed_s
        peak_load[:], peak_heat[:], heat[:] = pulled.peak_load_g, pulled.peak_heat_w_m2, pulled.heat_load_j_m2
        history += [np.broadcast_to(one, (n, 6)).copy() for one in pulled.history]
        times += pulled.times
        now = float(pulled.elapsed_s.max())
    while alive.any() and now < _LONGEST_S:
        index = np.flatnonzero(alive)
        s = y[index]
        speed = np.linalg.norm(_air(s), axis=1)
        sign = np.tanh((speed - reversal[index]) / _ROLL_M_S)
        angle = bank[index] * sign
        # out of the air, longer steps do
        h = step_s * (8.0 if float(_height(s[:, :3]).min()) > 130e3 else 1.0)
        fresh, load, rho = _step(s, capsule, angle, np.full(index.size, h))
        convective, radiative = heating(rho, speed, capsule.nose_radius_m)
        flux = convective + radiative
        peak_load[index] = np.maximum(peak_load[index], load / STANDARD_GRAVITY_M_S2)
        peak_heat[index] = np.maximum(peak_heat[index], flux)
        heat[index] += flux * h
        before, after = _height(s[:, :3]), _height(fresh[:, :3])
        lowest[index] = np.minimum(lowest[index], after)
        climbed[index] |= (after > lowest[index] + _SKIP_M) & (after < before + 1e9)
        now += h
        down = after <= _DROGUE_M
        share = np.where(down, (before - _DROGUE_M) / np.maximum(before - after, 1e-9), 1.0)
        y[index] = s + share[:, None] * (fresh - s)
        duration[index] += share * h
        landed[index] |= down
        away = (after > 140e3) & (_apogee(fresh) > EARTH_RADIUS_M + _ESCAPE_M)
        alive[index] = ~down & ~away
        ends[index] = y[index]
        if keep:
            history.append(y.copy())
            times.append(now)
    fixed_end = _turn(ends[:, :3], -_RATE * duration)
    downrange, crossrange = ranges(first, fixed_end)
    return EntryBatch(
        landed,
        downrange,
        crossrange,
        fixed_end,
        peak_load,
        peak_heat,
        heat,
        climbed,
        duration,
        (np.array(times), np.stack(history)) if keep else None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pulled:
    state: Floats
    elapsed_s: Floats
    peak_load_g: Floats
    peak_heat_w_m2: Floats
    heat_load_j_m2: Floats
    times: list[float]
    history: list[Floats]


def _climb(state: Floats) -> Floats:
    r, v = state[:, :3], state[:, 3:]
    return np.asarray(np.einsum("ij,ij->i", r, v) / np.linalg.norm(r, axis=1))


def _pull_out(states: Floats, capsule: Capsule, bank_rad: float, keep: bool) -> _Pulled:
    """Fly (n, 6) to the end of the pull-out, or down to 30 km where there is none."""
    y = states.copy()
    n = len(y)
    elapsed, load_g, flux, heat = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    alive = np.ones(n, dtype=bool)
    times: list[float] = []
    history: list[Floats] = []
    for _ in range(1200):
        index = np.flatnonzero(alive)
        if not index.size:
            break
        s = y[index]
        fresh, load, rho = _step(s, capsule, np.full(index.size, bank_rad), np.full(index.size, 0.5))
        over = (_climb(fresh) > _PULLOUT_M_S) & (_height(fresh[:, :3]) < 90e3)
        share = np.full(index.size, 1.0)
        if over.any():
            a, b = _climb(s), _climb(fresh)
            share = np.where(over, np.clip((_PULLOUT_M_S - a) / np.where(b != a, b - a, 1.0), 0.0, 1.0), 1.0)
            fresh, _, _ = _step(s, capsule, np.full(index.size, bank_rad), 0.5 * share)
        speed = np.linalg.norm(_air(s), axis=1)
        total = sum(heating(rho, speed, capsule.nose_radius_m))
        load_g[index] = np.maximum(load_g[index], load / STANDARD_GRAVITY_M_S2)
        flux[index] = np.maximum(flux[index], total)
        heat[index] += total * 0.5 * share
        y[index] = fresh
        elapsed[index] += 0.5 * share
        alive[index] = ~over & (_height(fresh[:, :3]) > 30e3) & (_climb(fresh) < 3e3)
        # a flight that misses the air altogether climbs, and is left to the caller
        alive[index] &= ~((_climb(fresh) > 0.0) & (_height(fresh[:, :3]) > 90e3))
        if keep:
            history.append(y.copy())
            times.append(float(elapsed.max()))
    return _Pulled(y, elapsed, load_g, flux, heat, times, history)


def _air(state: Floats) -> Floats:
    """Velocity over the turning Earth, (n, 3)."""
    return np.asarray(state[:, 3:] - np.stack([-_RATE * state[:, 1], _RATE * state[:, 0], 0.0 * state[:, 0]], axis=1))


def _step(s: Floats, capsule: Capsule, angle: Floats, h: Floats) -> tuple[Floats, Floats, Floats]:
    """One fourth-order Runge–Kutta step of (n, 6) by (n,) seconds; load and density at its begin."""
    w = h[:, None]
    k1, load, rho = _rate(s, capsule, angle)
    k2, _, _ = _rate(s + 0.5 * w * k1, capsule, angle)
    k3, _, _ = _rate(s + 0.5 * w * k2, capsule, angle)
    k4, _, _ = _rate(s + w * k3, capsule, angle)
    return s + w / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4), load, rho


def _apogee(state: Floats) -> Floats:
    """Radius of the osculating apogee, m, (n,); infinite on the way to infinity."""
    r, v = state[:, :3], state[:, 3:]
    d = np.linalg.norm(r, axis=1)
    energy = 0.5 * np.einsum("ij,ij->i", v, v) - GM_EARTH_M3_S2 / d
    momentum = np.linalg.norm(np.cross(r, v), axis=1)
    e = np.sqrt(np.maximum(1.0 + 2.0 * energy * momentum**2 / GM_EARTH_M3_S2**2, 0.0))
    a = -0.5 * GM_EARTH_M3_S2 / np.minimum(energy, -1.0)
    return np.asarray(np.where(energy < -1.0, a * (1.0 + e), np.inf))


def _turn(r: Floats, angle: Floats) -> Floats:
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * r[:, 0] - s * r[:, 1], s * r[:, 0] + c * r[:, 1], r[:, 2]], axis=1)


def ranges(first: Floats, end_m: Floats) -> tuple[Floats, Floats]:
    """Down- and crossrange on the Earth's surface from entry states (n, 6) to Earth-fixed places (n, 3)."""
    r = first[:, :3]
    air = _air(first)
    up = r / np.linalg.norm(r, axis=1, keepdims=True)
    normal = np.cross(up, air)
    normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    ahead = np.cross(normal, up)
    there = end_m / np.linalg.norm(end_m, axis=1, keepdims=True)
    along = np.arctan2(np.einsum("ij,ij->i", there, ahead), np.einsum("ij,ij->i", there, up))
    across = np.arcsin(np.clip(-np.einsum("ij,ij->i", there, normal), -1.0, 1.0))
    # a skip may fly past the antipode; short of none is flown backward
    along = np.where(along < -0.2, along + 2.0 * math.pi, along)
    return EARTH_RADIUS_M * along, EARTH_RADIUS_M * across


def fly_entry(
    epoch_tdb_s: float,
    r_m: Floats,
    v_m_s: Floats,
    capsule: Capsule,
    bank_rad: float,
    reversal_m_s: float = 0.0,
    *,
    pullout_rad: float | None = None,
    step_s: float = 0.5,
) -> EntryFlight:
    """Fly one entry from a state (3,), (3,), ICRF about the Earth, at a TDB epoch; the record keeps every step.

    Parameters as for :func:`fly_batch`.
    """
    start = entry_state(epoch_tdb_s, r_m, v_m_s)
    batch = fly_batch(start, capsule, bank_rad, reversal_m_s, pullout_rad=pullout_rad, step_s=step_s, keep=True)
    assert batch.samples is not None
    times, states = batch.samples[0], batch.samples[1][:, 0]
    times[-1] = batch.duration_s[0]
    speed = np.linalg.norm(_air(states), axis=1)
    _, load, rho = _rate(states, capsule, np.zeros(len(states)))
    convective, radiative = heating(rho, speed, capsule.nose_radius_m)
    matrix = earth_itrf_matrix(epoch_tdb_s)
    r, v = states[:, :3] @ matrix, states[:, 3:] @ matrix
    latitude, longitude, _ = earth_latitude_longitude(epoch_tdb_s, batch.end_m[0] @ matrix)
    reason = "" if batch.landed[0] else "The capsule leaves the air again and does not come down."
    return EntryFlight(
        epoch_tdb_s + times,
        r,
        v,
        _height(states[:, :3]),
        speed,
        load / STANDARD_GRAVITY_M_S2,
        convective,
        radiative,
        float(latitude),
        float(longitude),
        float(np.hypot(batch.downrange_m[0], batch.crossrange_m[0])),
        bool(batch.skipped[0]),
        reason,
    )


@dataclass(frozen=True, slots=True)
class Corridor:
    """The flight-path angles at entry between which a capsule can be flown, rad (negative down).

    ``overshoot_rad``: shallower than this, full lift down does not hold it in the air. ``undershoot_rad``: steeper,
    full lift up exceeds the load limit. ``skip_rad``: shallower than this, full lift up skips out for good. None
    where the search from −12 to −1 deg finds no such angle.
    """

    overshoot_rad: float | None
    undershoot_rad: float | None
    skip_rad: float | None

    @property
    def width_rad(self) -> float | None:
        """Overshoot minus undershoot; negative where there is no corridor."""
        if self.overshoot_rad is None or self.undershoot_rad is None:
            return None
        return self.overshoot_rad - self.undershoot_rad


def _turned(state: Floats, angles: Floats) -> Floats:
    """The entry state (6,) with other flight-path angles (n,): (n, 6)."""
    up = state[:3] / np.linalg.norm(state[:3])
    level = state[3:] - (state[3:] @ up) * up
    level = level / np.linalg.norm(level)
    speed = np.linalg.norm(state[3:])
    v = speed * (np.cos(angles)[:, None] * level + np.sin(angles)[:, None] * up)
    return np.concatenate([np.broadcast_to(state[:3], (angles.size, 3)), v], axis=1)


def corridor(state: Floats, capsule: Capsule, load_limit_g: float = 12.0) -> Corridor:
    """The entry corridor of a state's place, heading and speed.

    Parameters
    ----------
    state
        (6,) m, m/s at the interface, Earth-fixed axes that do not turn; its own flight-path angle does not matter.
    capsule
        The vehicle.
    load_limit_g
        12 g was Apollo's for the crew's safety (NASA TN D-6725), 20 g that of the structure.

    Returns
    -------
    Corridor
        Angles good to 0.01 deg.
    """
    low, high = math.radians(-12.0), math.radians(-1.0)

    def boundary(bank: float, test: str) -> float | None:
        lower, upper = low, high
        for count in (23, 23, 23):
            angles = np.linspace(lower, upper, count)
            batch = fly_batch(_turned(state, angles), capsule, bank)
            # True on the steep side
            good = batch.landed if test == "captured" else (batch.peak_load_g > load_limit_g)
            if good.all() or not good[0]:
                return None
            last = int(np.argmin(good))
            lower, upper = float(angles[last - 1]), float(angles[last])
        return 0.5 * (lower + upper)

    return Corridor(boundary(math.pi, "captured"), boundary(0.0, "load"), boundary(0.0, "captured"))


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """What can be reached from an entry state: for banks (n,), down- and crossrange (m), load, and whether it counts.

    ``allowed``: comes down within the load limit. ``shortest_m``, ``longest_m``: downrange over the allowed ones (NaN
    where there is none); ``widest_m``: largest crossrange.
    """

    bank_rad: Floats
    downrange_m: Floats
    crossrange_m: Floats
    peak_load_g: Floats
    skipped: NDArray[np.bool_]
    allowed: NDArray[np.bool_]

    @property
    def shortest_m(self) -> float:
        """Shortest allowed downrange."""
        return float(self.downrange_m[self.allowed].min()) if self.allowed.any() else math.nan

    @property
    def longest_m(self) -> float:
        """Longest allowed downrange."""
        return float(self.downrange_m[self.allowed].max()) if self.allowed.any() else math.nan

    @property
    def widest_m(self) -> float:
        """Largest allowed crossrange."""
        return float(np.abs(self.crossrange_m[self.allowed]).max()) if self.allowed.any() else math.nan


def footprint(
    state: Floats,
    capsule: Capsule,
    *,
    load_limit_g: float = 12.0,
    longest_m: float = 12e6,
    pullout_rad: float | None = 0.0,
    count: int = 73,
) -> Footprint:
    """The reachable set over banks from −180 to 180 deg of a state at the interface (6,) (:func:`entry_state`).

    ``pullout_rad`` as for :func:`fly_batch`: by default the lift is up until the pull-out.
    """
    bank = np.linspace(-math.pi, math.pi, count)
    batch = fly_batch(state, capsule, bank, pullout_rad=pullout_rad)
    allowed = batch.landed & (batch.peak_load_g <= load_limit_g) & (batch.downrange_m <= longest_m)
    return Footprint(bank, batch.downrange_m, batch.crossrange_m, batch.peak_load_g, batch.skipped, allowed)
