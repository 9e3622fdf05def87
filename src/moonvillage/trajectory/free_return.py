"""Around the Moon and home without another burn: the circumlunar free return.

The first guess is the symmetric free return of the restricted problem (A. Schwaniger, "Trajectories in the
Earth–Moon space with symmetrical free return properties", NASA TN D-1833, 1963), found by one search for the speed
over the far side. From that perilune the n-body model is flown both ways, back to the parking orbit and on to the
entry interface, and Newton's method of least norm meets the conditions of both ends and of the perilune.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.records.legs import Event, Leg
from moonvillage.records.places import Arc, EarthOrbit, FreeReturn
from moonvillage.trajectory import cr3bp
from moonvillage.trajectory.apses import entry_with_gradient, periapsis, periapsis_with_gradient
from moonvillage.trajectory.cr3bp import EARTH_MOON_MU, LENGTH_M, TIME_S
from moonvillage.trajectory.flown import Coast, departure_burns, fly, orbit_radius, sample
from moonvillage.trajectory.halo_arcs import (
    CHANGE_S,
    Evaluator,
    Plane,
    flow,
    outward_planes,
    plane_conditions,
    state_rate,
)
from moonvillage.trajectory.least_burns import Evaluation, satisfy
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register

Floats = NDArray[np.float64]

_TIME: Final = 7500.0
_CLOSED: Final = 1e-8
#: Sizes of trustworthy steps in (r, v at perilune, time back to perigee, time on to entry,
#: shift of the perilune's epoch).
_SCALE: Final = np.array([3e5] * 3 + [200.0] * 3 + [4e4] * 2 + [2e3])
#: Holds the epoch while the guess is far: it is moved between the searches instead, with the Moon.
_STILL: Final = np.array([1.0] * 8 + [0.0])
_RECENTRINGS: Final = 8
_SHORT_S: Final = 0.35 * 86400.0


@lru_cache(maxsize=32)
def _symmetric(perilune_radius_m: float, perigee_radius_m: float) -> tuple[float, float] | None:
    """Excess speed at the Moon and time from perilune to perigee, non-dimensional; None if there is none."""
    radius = perilune_radius_m / LENGTH_M
    earth = np.array([-EARTH_MOON_MU, 0.0, 0.0])
    spin = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])

    def start(excess: float) -> Floats:
        speed = np.sqrt(excess**2 + 2.0 * EARTH_MOON_MU / radius)
        return np.array([1.0 - EARTH_MOON_MU + radius, 0.0, 0.0, 0.0, -(speed + radius), 0.0])

    def home(excess: float, before: float = 1.5 * 86400.0 / TIME_S) -> tuple[float, float, float]:
        """Osculating perigee, time since it, and angular momentum, 1.5 d before perilune."""
        state = cr3bp.propagate(start(excess), -before)
        r = state[:3] - earth
        v = state[3:] + spin @ r
        q, t = periapsis(r, v, 1.0 - EARTH_MOON_MU)
        return float(q), float(t), float(np.cross(r, v)[2])

    wanted = np.sqrt(2.0 * perigee_radius_m / LENGTH_M * (1.0 - EARTH_MOON_MU))

    def miss(excess: float) -> float:
        return home(excess)[2] - float(wanted)

    grid = np.linspace(0.4, 1.8, 71)
    values = np.array([miss(float(e)) for e in grid])
    found: list[tuple[float, float]] = []
    for k in np.flatnonzero(values[:-1] * values[1:] < 0.0):
        excess = float(brentq(miss, grid[k], grid[k + 1], xtol=1e-10))
        before = 1.5 * 86400.0 / TIME_S
        for _ in range(8):  # on to the perigee itself
            q, t, _ = home(excess, before)
            before += float(np.clip(t, -0.2, 0.2))
        days = before * TIME_S / 86400.0
        if 0.5 < q * LENGTH_M / perigee_radius_m < 2.0 and abs(t) < 0.01 and 2.0 < days < 6.0:
            found.append((before, excess))
    if not found:
        return None
    before, excess = min(found)
    return excess, before


@register(EarthOrbit, FreeReturn)
def solve_free_return(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From a low Earth orbit around the Moon to the entry interface: one burn, "tli".

    The perilune altitude, the inclination of the parking orbit (where the Moon's declination allows: otherwise the
    departure pays for the turn), the altitude and flight-path angle of entry are met exactly. The departure is the
    one asked for; what remains free, the energy, is left near that of the symmetric free return or set by
    ``options.duration_s``.
    """
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(target, FreeReturn)
    perigee = orbit_radius(origin.altitude_m)
    perilune = MOON_RADIUS_M + target.perilune_altitude_m
    entry_radius = orbit_radius(target.entry_altitude_m)
    gamma = target.entry_flight_path_angle_rad
    inclined = Plane(np.array([0.0, 0.0, 1.0]), float(np.cos(origin.inclination_rad)))
    guess = _symmetric(perilune, perigee)
    if guess is None:
        return failure(
            arc,
            departure_tdb_s,
            f"No free return of the restricted problem passes the Moon at {target.perilune_altitude_m / 1e3:.0f} km.",
        )
    excess, time = guess
    t1 = departure_tdb_s + time * TIME_S

    def conditions(start: float, exact: bool, plane: Plane | None, on_time: bool) -> Evaluator:
        def evaluate(x: Floats) -> Evaluation:
            epoch, state = start + float(x[8]), x[:6]
            base = np.zeros((6, 9))
            base[:, :6] = np.eye(6)
            shift = np.zeros(9)
            shift[8] = 1.0
            # a shift of the perilune's epoch moves both ends, and what the bodies do between
            moved = base - np.outer(state_rate(epoch, state, "moon"), shift)
            near, near_by = periapsis_with_gradient(state[:3], state[3:], GM_MOON_M3_S2)
            values = [(near - [perilune, 0.0]) / [perilune, _TIME]]
            rows = [near_by @ base / np.array([[perilune], [_TIME]])]
            t0, r0, j0 = _to_earth(epoch, state, -float(x[6]), exact)
            rate = state_rate(t0, r0, "earth")
            back = j0 @ moved + np.outer(rate, shift)
            back[:, 6] -= rate
            far, far_by = periapsis_with_gradient(r0[:3], r0[3:], GM_EARTH_M3_S2)
            values.append((far - [perigee, 0.0]) / [perigee, _TIME])
            rows.append(far_by @ back / np.array([[perigee], [_TIME]]))
            if plane is not None:
                tilt, tilt_by = plane_conditions(r0, back, [plane])
                values.append(tilt)
                rows.append(tilt_by)
            t2, r2, j2 = _to_earth(epoch, state, float(x[7]), exact)
            rate = state_rate(t2, r2, "earth")
            on = j2 @ moved + np.outer(rate, shift)
            on[:, 7] += rate
            down, down_by = entry_with_gradient(r2[:3], r2[3:], entry_radius, gamma, GM_EARTH_M3_S2)
            values.append(down / [1.0, _TIME])
            rows.append(down_by @ on / np.array([[1.0], [_TIME]]))
            if on_time:
                values.append(np.array([(epoch - x[6] - departure_tdb_s) / _TIME]))
                rows.append(np.array([[0.0] * 6 + [-1.0 / _TIME, 0.0, 1.0 / _TIME]]))
            if plane is not None and options.duration_s is not None:
                values.append(np.array([(x[6] + x[7] - options.duration_s) / _TIME]))
                rows.append(np.array([[0.0] * 6 + [1.0 / _TIME, 1.0 / _TIME, 0.0]]))
            return Evaluation(np.concatenate(values), np.vstack(rows), detail=r0)

        return evaluate

    reason = ""
    for branch in (0, 1):
        epoch, time_s = t1, time * TIME_S
        # short of the Earth, which a guess may hit; the conditions say how far it is
        x = np.array([0.0] * 6 + [time_s - _SHORT_S] * 2 + [0.0])
        solution = None
        plane = None
        frame = None
        for turn in range(_RECENTRINGS):
            moon_r, moon_v = de440.load().state("moon", epoch, "earth")
            length, _, axes, rate = cr3bp.rotating_axes(moon_r, moon_v)
            if frame is None:
                # the excess speed goes with that of the Moon; the energy at perilune does not
                fast = np.sqrt((excess * float(length * rate)) ** 2 + 2.0 * GM_MOON_M3_S2 / perilune)
                x[:3], x[3:6] = perilune * axes[:, 0], -fast * axes[:, 1]
            else:
                turned = axes @ frame.T
                x[:3], x[3:6] = turned @ x[:3], turned @ x[3:6]
            frame = axes
            choice = outward_planes(moon_r, moon_v, origin.inclination_rad)
            if branch >= len(choice):
                break
            plane = choice[branch] if turn else None
            aim = conditions(epoch, False, plane, False)
            solution = satisfy(aim, x, _SCALE * _STILL, tolerance=1e-5, iterations=25)
            if not solution.miss < 1e-3:
                break
            x = solution.x.copy()
            late = epoch - float(x[6]) - departure_tdb_s
            if turn and abs(late) < 600.0:
                break
            epoch -= late
        if solution is None:
            break
        if not solution.miss < 1e-3:
            reason = _why(solution.miss, origin)
            continue
        # where the inclination cannot be met, the nearest plane stays, and the departure pays for it
        for last in (inclined, plane):
            solution = satisfy(conditions(epoch, True, last, True), x, _SCALE, tolerance=_CLOSED, iterations=15)
            if solution.miss < 10.0 * _CLOSED:
                home = np.asarray(solution.evaluation.detail)
                return _leg(arc, departure_tdb_s, epoch + float(solution.x[8]), solution.x, home, options)
        reason = _why(solution.miss, origin)
    return failure(arc, departure_tdb_s, reason)


def _why(miss: float, origin: EarthOrbit) -> str:
    return (
        f"The free return from {origin.id} did not converge ({miss:.1e}); a duration asked for may be out of reach."
    )


def _to_earth(epoch: float, state: Floats, duration: float, exact: bool) -> tuple[float, Floats, Floats]:
    """From perilune forward or back to the Earth: epoch, geocentric state, transition matrix."""
    end = epoch + duration
    matrix = np.eye(6)
    if not CHANGE_S < abs(duration) < 12.0 * 86400.0:
        return end, np.full(6, np.nan), np.full((6, 6), np.nan)
    if exact:
        change = epoch + np.sign(duration) * CHANGE_S
        state, matrix = flow(epoch, state, change, "moon", True)
        epoch = change
    r, v = dynamics.change_centre(epoch, state[:3], state[3:], "moon", "earth")
    last, stm = flow(epoch, np.concatenate([r, v]), end, "earth", exact)
    return end, last, stm @ matrix


def _leg(arc: Arc, departure: float, t1: float, x: Floats, home: Floats, options: SolveOptions) -> Leg:
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(target, FreeReturn)
    t0, t2 = t1 - float(x[6]), t1 + float(x[7])
    burns, note = departure_burns("tli", t0, home[:3], home[3:], origin.inclination_rad)
    coasts = [
        Coast(t1 - CHANGE_S, "earth"),
        Coast(t1, "moon"),
        Coast(t1 + CHANGE_S, "moon"),
        Coast(t2, "earth"),
    ]
    flown = fly(t0, "earth", home[:3], home[3:], coasts, dense=options.samples > 0)
    distance, speed = float(np.linalg.norm(flown.r_m)), float(np.linalg.norm(flown.v_m_s))
    angle = float(np.arcsin(np.clip(flown.r_m @ flown.v_m_s / (distance * speed), -1.0, 1.0)))
    closure = (
        abs(distance - orbit_radius(target.entry_altitude_m)),
        abs(angle - target.entry_flight_path_angle_rad) * speed,
    )
    if not (closure[0] < 100.0 and closure[1] < 0.1):
        return failure(
            arc,
            departure,
            f"Flown again in one go, the free return misses its entry by {closure[0]:.0f} m, {closure[1]:.3f} m/s.",
        )
    c3 = float(home[3:] @ home[3:]) - 2.0 * GM_EARTH_M3_S2 / float(np.linalg.norm(home[:3]))
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=t0,
        arrival_tdb_s=t2,
        converged=True,
        burns=tuple(burns),
        events=(
            Event("departure", t0),
            Event("perilune", t1, f"{(np.linalg.norm(x[:3]) - MOON_RADIUS_M) / 1e3:.1f} km"),
            Event("entry", t2, f"flight-path angle {np.rad2deg(angle):.2f} deg, {speed:.0f} m/s"),
        ),
        c3_m2_s2=c3,
        closure_position_m=closure[0],
        closure_velocity_m_s=closure[1],
        approximation="the landing point is free" + (f"; {note}" if note else ""),
        trajectory=sample(flown.paths, options.samples, "earth"),
        final_centre="earth",
        final_state=np.concatenate([flown.r_m, flown.v_m_s]),
    )
