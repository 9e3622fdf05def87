"""Many transfers from low Earth orbit to low lunar orbit at once, each with its departure and flight time.

The method is that of :mod:`moonvillage.trajectory.lunar`, a flight a row: conics pick the parking plane, patched
conics give the guess, and damped Newton steps close the gap at the rim, all flights in step, their arcs flown by
:func:`~moonvillage.dynamics.batch.propagate_batch`. What the planes do not hold without a turn, or what does not
converge, is left to the solver of single legs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.dynamics.batch import propagate_batch
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit
from moonvillage.trajectory import translunar as tl
from moonvillage.trajectory.conics import climb
from moonvillage.trajectory.families import Families, cross, dot, size, unit
from moonvillage.trajectory.lunar import SURPRISE_M_S, lunar_family, prepare, scan_fixed
from moonvillage.trajectory.registry import SolveOptions
from moonvillage.trajectory.shooting import NEAR_M, RIM_M

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: A gap in velocity counts as one in position after this time; see ``shooting``.
_WEIGHTS: Final = np.array([1.0, 1.0, 1.0, 4.0e4, 4.0e4, 4.0e4])
#: Longest step of ψ, ω (rad), speed (m/s), β and γ at either end.
_LIMITS: Final = np.array([0.1, 0.1, 30.0, 0.05, 0.05] * 2)
_EVALUATIONS: Final = 24


@dataclass(frozen=True, slots=True, eq=False)
class Transfers:
    """Solved transfers, a row each (n): burns, C3 and closure; ``solved`` False where the single solver must look.

    ``burns_m_s`` (n, k) in the order of ``names``; ``closure_m``, ``closure_m_s`` are the misses of the flight flown
    again in one go.
    """

    names: tuple[str, ...]
    burns_m_s: Floats
    c3_m2_s2: Floats
    closure_m: Floats
    closure_m_s: Floats
    solved: Flags


@dataclass(frozen=True, slots=True, eq=False)
class _Guess:
    """Patched conics: rim epochs (n,), both ends' parameters (n, 5) and (n, 5), which six of the ten may move (n, 6),
    and where the planes hold them."""

    rim_tdb_s: Floats
    earth: Floats
    moon: Floats
    free: NDArray[np.int64]
    held: Flags


def lunar_families(orbit: MoonOrbit, epochs_tdb_s: Floats) -> Families:
    """The planes that a lunar orbit may lie in at each epoch (n,); see ``lunar.lunar_family``."""
    if orbit.over is not None and orbit.inclination_rad is None:
        over = orbit.over
        site, _ = moon_site_state(epochs_tdb_s + orbit.over_after_s, over.latitude_rad, over.longitude_rad)
        return Families.about(site, 0.5 * np.pi)
    inclination = 0.5 * np.pi if orbit.inclination_rad is None else orbit.inclination_rad
    return Families.about(moon_me_matrix(epochs_tdb_s)[:, 2, :], inclination)


def transfers_to_low_orbit(
    origin: EarthOrbit, target: MoonOrbit, departures_tdb_s: Floats, durations_s: Floats
) -> Transfers:
    """Solve LEO → low lunar orbit for given departures and flight times.

    Parameters
    ----------
    origin
        A parking orbit with a free node.
    target
        A low lunar orbit: by inclination, over a site, or polar.
    departures_tdb_s, durations_s
        (n,), TDB seconds past J2000, and s. Both are met exactly: node and phase of the parking orbit are free.

    Returns
    -------
    Transfers
        Burns "tli" and "loi". Not solved are flights that must turn a plane, that have no ellipse, that did not
        converge, or that miss by more than 100 m or 0.1 m/s when flown again.

    Raises
    ------
    EphemerisRangeError
        If a flight leaves DE440.
    ValueError
        If the parking orbit's node is given.
    """
    if origin.raan_rad is not None:
        raise ValueError("the parking orbit's node must be free")
    count = departures_tdb_s.size
    start_radius, radius = EARTH_RADIUS_M + origin.altitude_m, MOON_RADIUS_M + target.altitude_m
    arrivals = departures_tdb_s + durations_s
    parking = Families.about(np.tile([0.0, 0.0, 1.0], (count, 1)), origin.inclination_rad)
    lunar = lunar_families(target, arrivals)
    branch, v_excess, cost, held = _choose(departures_tdb_s, arrivals, start_radius, radius, parking, lunar)
    guess = _patched(departures_tdb_s, arrivals, start_radius, radius, parking, lunar, branch, v_excess)
    ready = held & guess.held
    tilt = np.zeros(count)
    for row in np.flatnonzero(~ready):
        _with_turn(
            origin, target, departures_tdb_s, durations_s, int(row), guess, parking, lunar, (cost, tilt, ready)
        )
    burns, c3 = np.full((count, 3), np.nan), np.full(count, np.nan)
    miss_m, miss_m_s = np.full(count, np.nan), np.full(count, np.nan)
    todo = np.flatnonzero(ready)
    if todo.size:
        radii = (start_radius, radius)
        earth, moon, met = _close(departures_tdb_s, arrivals, radii, (parking, lunar), guess, todo)
        done, earth, moon = todo[met], earth[met], moon[met]
        start, aim = parking.take(done).states(start_radius, earth), lunar.take(done).states(radius, moon)
        circular = math.sqrt(GM_EARTH_M3_S2 / start_radius)
        burns[done] = np.column_stack(
            [
                2.0 * circular * np.sin(0.5 * tilt[done]),
                _impulse(parking.take(done), start_radius, start, earth, circular),
                _impulse(lunar.take(done), radius, aim, moon, math.sqrt(GM_MOON_M3_S2 / radius)),
            ]
        )
        c3[done] = earth[:, 2] ** 2 - 2.0 * GM_EARTH_M3_S2 / start_radius
        gap = _fly(start, departures_tdb_s[done], guess.rim_tdb_s[done], arrivals[done]) - aim
        miss_m[done], miss_m_s[done] = size(gap[:, :3]), size(gap[:, 3:])
    with np.errstate(invalid="ignore"):
        solved = (miss_m <= 100.0) & (miss_m_s <= 0.1) & (burns.sum(axis=1) < cost + SURPRISE_M_S)
    return Transfers(("plane_change", "tli", "loi"), burns, c3, miss_m, miss_m_s, solved)


def _impulse(families: Families, radius: float, states: Floats, parameters: Floats, circular: float) -> Floats:
    """Size (n,) of the burns between the states and the circular orbits in their planes."""
    still = parameters.copy()
    still[:, 2:] = [circular, 0.0, 0.0]
    return size(states[:, 3:] - families.states(radius, still)[:, 3:])


def _with_turn(
    origin: EarthOrbit,
    target: MoonOrbit,
    departures: Floats,
    durations: Floats,
    row: int,
    guess: _Guess,
    parking: Families,
    lunar: Families,
    marks: tuple[Floats, Floats, Flags],
) -> None:
    """Enter the guess of a flight whose planes must turn, as the solver of single legs makes it."""
    arc, departure, duration = Arc("", origin, target), float(departures[row]), float(durations[row])
    cost, tilt, ready = marks
    family = lunar_family(target, departure + duration)
    choices = scan_fixed(departure, duration, origin, family, MOON_RADIUS_M + target.altitude_m)
    if not choices or choices[0].detour is not None:
        return
    made = prepare(arc, departure, choices[0], 0, SolveOptions(duration_s=duration))
    if made is None or len(made.guess.free) != 3:
        return
    guess.rim_tdb_s[row] = made.guess.rim_tdb_s
    guess.earth[row], guess.moon[row] = made.first, made.guess.moon
    guess.free[row] = [*made.free, *(5 + k for k in made.guess.free)]
    parking.put(row, made.earth_end.family)
    lunar.put(row, made.lunar_end.family)
    cost[row], tilt[row], ready[row] = choices[0].cost_m_s, choices[0].tilt_rad, True


def _choose(
    departures: Floats, arrivals: Floats, start_radius: float, radius: float, parking: Families, lunar: Families
) -> tuple[NDArray[np.int64], Floats, Floats, Flags]:
    """The cheaper parking branch on conics through the Moon's centre, its excess velocity and cost; if it holds."""
    moon_r, moon_v = de440.load().state("moon", arrivals)
    distance = size(moon_r)
    arcs = climb(start_radius, 0.0, distance, arrivals - departures)
    directions = moon_r / distance[:, None]
    psi, margin = parking.containing(directions)
    normals = np.stack([parking.normal(psi[0]), parking.normal(psi[1])])
    v = tl.excess_velocity(moon_r, moon_v, arcs, normals, +1)
    fast = size(v)
    injection = arcs.start_speed_m_s - math.sqrt(GM_EARTH_M3_S2 / start_radius)
    lunar_margin = np.stack([lunar.containing(v[k] / fast[k][:, None])[1] for k in (0, 1)])
    loi = np.sqrt(fast**2 + 2.0 * GM_MOON_M3_S2 / radius) - math.sqrt(GM_MOON_M3_S2 / radius)
    cost = injection + loi
    branch = np.argmin(cost, axis=0)
    rows = np.arange(departures.size)
    held = arcs.valid & (margin > tl.MARGIN_RAD) & (lunar_margin > tl.MARGIN_RAD).all(axis=0)
    return branch, v[branch, rows], cost[branch, rows], held


def _place(families: Families, direction: Floats, turn: Floats, psi: Floats) -> tuple[Floats, Floats]:
    """ω (n,) of an apsis from which the conic points along ``direction`` after ``turn``, and the plane's normal."""
    normal = families.normal(psi)
    out = np.arcsin(np.clip(dot(normal, direction), -1.0, 1.0))
    lead = np.arccos(np.clip(np.cos(turn) / np.maximum(1e-9, np.cos(out)), -1.0, 1.0))
    lead = np.where(np.sin(turn) < 0.0, 2.0 * np.pi - lead, lead)
    return families.angle_of(psi, direction) - lead, normal


def _escape(r: Floats, v: Floats) -> tuple[Floats, Floats, Flags]:
    """Follow hyperbolas about the Moon from perilune out to the rim: times, positions, and where they get there."""
    mu = GM_MOON_M3_S2
    radius, speed2 = size(r), dot(v, v)
    inverse_a = 2.0 / radius - speed2 / mu
    fine = inverse_a < 0.0
    a = -1.0 / np.where(fine, inverse_a, -1e-9)
    e = 1.0 + radius / a  # from perilune
    last = np.arccosh(np.maximum(1.0, (RIM_M / a + 1.0) / e))
    time = np.sqrt(a**3 / mu) * (e * np.sinh(last) - last)
    p_hat = r / radius[:, None]
    q_hat = v / np.sqrt(speed2)[:, None]
    cosine = (a * (e * e - 1.0) / RIM_M - 1.0) / e
    sine = np.sqrt(np.maximum(0.0, 1.0 - cosine**2))
    return time, RIM_M * (cosine[:, None] * p_hat + sine[:, None] * q_hat), fine


def _patched(
    departures: Floats,
    arrivals: Floats,
    start_radius: float,
    radius: float,
    parking: Families,
    lunar: Families,
    branch: NDArray[np.int64],
    v_relative: Floats,
) -> _Guess:
    """Ellipse and hyperbola patched at the rim, in five rounds; see ``translunar.patched``."""
    mu = GM_MOON_M3_S2
    rows = np.arange(departures.size)
    zero = np.zeros(departures.size)
    held = np.ones(departures.size, dtype=bool)
    for turn in range(5):
        v2 = dot(v_relative, v_relative) - (2.0 * mu / RIM_M if turn else 0.0)
        v_infinity = np.sqrt(np.maximum(v2, 250.0**2))
        direction = unit(v_relative)
        psi, margin = lunar.containing(direction)
        e = 1.0 + radius * v_infinity**2 / mu
        anomaly = np.arccos(np.clip((radius * (1.0 + e) / RIM_M - 1.0) / e, -1.0, 1.0))
        heading = np.arctan2(e + np.cos(anomaly), -np.sin(anomaly))
        speed = np.sqrt(v_infinity**2 + 2.0 * mu / radius)
        omega, _ = _place(lunar, direction, np.pi - heading, psi[0])
        moon = np.column_stack([psi[0], omega, speed, zero, zero])
        state = lunar.states(radius, moon)
        time, out, fine = _escape(state[:, :3], -state[:, 3:])
        rim_tdb = arrivals - time
        moon_r, moon_v = de440.load().state("moon", rim_tdb)
        rim = moon_r + out
        arc = climb(start_radius, 0.0, size(rim), np.maximum(rim_tdb - departures, 3600.0))
        ahead = unit(rim)
        psis, room = parking.containing(ahead)
        psi_earth = psis[branch, rows]
        omega_earth, normal = _place(parking, ahead, arc.angle_rad, psi_earth)
        v_relative = arc.radial_m_s[:, None] * ahead + arc.transverse_m_s[:, None] * cross(normal, ahead) - moon_v
        held = (margin > tl.MARGIN_RAD) & (room > tl.MARGIN_RAD) & fine & (rim_tdb > departures + 3600.0)
    earth = np.column_stack([psi_earth, omega_earth, arc.start_speed_m_s, zero, zero])
    free = np.tile([0, 1, 2, 5, 6, 7], (departures.size, 1))
    return _Guess(rim_tdb, earth, moon, free, held & np.isfinite(earth).all(axis=1) & np.isfinite(moon).all(axis=1))


def _close(
    departures: Floats,
    arrivals: Floats,
    radii: tuple[float, float],
    families: tuple[Families, Families],
    guess: _Guess,
    todo: NDArray[np.int64],
) -> tuple[Floats, Floats, Flags]:
    """Damped Newton steps on the free parameters until the gap at the rim is closed, all flights in step.

    A step is cut to the limits, and halved while it does not lower the weighted gap; the last one, which leaves some
    1e-4 of 30 m, is taken without looking. Returns the ends' parameters (m, 5) of the flights ``todo`` (m,), and
    which of them met.
    """
    count = todo.size
    free = guess.free[todo]
    limits = _LIMITS[free]
    now = np.hstack([guess.earth, guess.moon])[todo]
    trial, step = now.copy(), np.zeros((count, 6))
    share, norm = np.ones(count), np.full(count, np.inf)
    met = np.zeros(count, dtype=bool)
    active = np.arange(count)
    for _ in range(_EVALUATIONS):
        if not active.size:
            break
        rows = todo[active]
        epochs = (departures[rows], arrivals[rows])
        ends = (families[0].take(rows), families[1].take(rows))
        gap, jacobian = _gap(epochs, guess.rim_tdb_s[rows], radii, ends, trial[active], free[active])
        new = size(_WEIGHTS * gap)
        with np.errstate(invalid="ignore"):
            better = (new < norm[active] * (1.0 - 1e-4 * share[active])) | (new < NEAR_M)
        good = active[better]
        now[good], norm[good], share[good] = trial[good], new[better], 1.0
        step[good] = _newton(_WEIGHTS[:, None] * jacobian[better] * limits[good, None, :], -_WEIGHTS * gap[better])
        ending = good[norm[good] < NEAR_M]
        now[ending[:, None], free[ending]] += step[ending] * limits[ending]
        met[ending] = True
        step[good] /= np.abs(step[good]).max(axis=1, initial=1.0)[:, None]
        share[active[~better]] *= 0.5
        hopeless = (share < 1.0 / 200.0) | ~np.isfinite(norm) | ~np.isfinite(step).all(axis=1)
        active = active[~met[active] & ~hopeless[active]]
        trial[active] = now[active]
        trial[active[:, None], free[active]] += share[active, None] * step[active] * limits[active]
    return now[:, :5], now[:, 5:], met & np.isfinite(now).all(axis=1)


def _newton(matrix: Floats, right: Floats) -> Floats:
    """Solve each (6, 6) system; not a number where it is singular."""
    scale = np.abs(matrix).max(axis=(1, 2), initial=0.0)
    whole = np.abs(np.linalg.det(matrix / np.maximum(scale, 1e-300)[:, None, None])) > 1e-30
    sound = np.where(whole[:, None, None], matrix, np.eye(6))
    return np.where(whole[:, None], np.linalg.solve(sound, right[..., None])[..., 0], np.nan)


def _gap(
    epochs: tuple[Floats, Floats],
    rim: Floats,
    radii: tuple[float, float],
    families: tuple[Families, Families],
    unknowns: Floats,
    free: NDArray[np.int64],
) -> tuple[Floats, Floats]:
    """The gap at the rim (n, 6), Earth's end less the Moon's, and its Jacobian by the free parameters (n, 6, 6)."""
    ends, slopes = [], []
    for side, centre in enumerate(("earth", "moon")):
        parameters = unknowns[:, 5 * side : 5 * side + 5]
        state = families[side].states(radii[side], parameters)
        found = propagate_batch(epochs[side], state[:, :3], state[:, 3:], rim, centre=centre, stm=True)
        assert found.stm is not None
        end = found.state
        if centre == "moon":
            r, v = dynamics.change_centre(rim, end[:, :3], end[:, 3:], "moon", "earth")
            end = np.hstack([r, v])
        ends.append(end)
        mine = free[:, 3 * side : 3 * side + 3] - 5 * side
        slope = np.take_along_axis(families[side].slopes(radii[side], parameters), mine[:, None, :], axis=2)
        slopes.append(found.stm @ slope)
    return ends[0] - ends[1], np.concatenate([slopes[0], -slopes[1]], axis=2)


def _fly(start: Floats, departures: Floats, rim: Floats, arrivals: Floats) -> Floats:
    """States (n, 6) about the Moon at arrival, flown in one go from the departure: the proof of the transfers."""
    first = propagate_batch(departures, start[:, :3], start[:, 3:], rim, centre="earth")
    r, v = dynamics.change_centre(rim, first.r_m, first.v_m_s, "earth", "moon")
    return propagate_batch(rim, r, v, arrivals, centre="moon").state
