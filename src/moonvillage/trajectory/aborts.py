"""Aborts: from any moment of a crewed flight, what it costs to come home, and how long that takes.

From a state in flight, for each flight time of a grid, the smallest burn is sought after which the craft meets the
entry interface at its flight-path angle: first on conics about the Earth, then in the n-body model, by Newton steps
that take the burn of least norm among those that meet the linearised conditions, so that they end at the least burn.
The burn may be made at once or after a wait. From a lunar orbit the trans-Earth legs of the room are used, from the
surface an ascent before them. The answers are a Pareto table of Δv and time to entry.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, EarthGround, MoonOrbit, MoonSurface
from moonvillage.trajectory.api import solve
from moonvillage.trajectory.apses import entry_with_gradient
from moonvillage.trajectory.flown import orbit_radius
from moonvillage.trajectory.planes import triple
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

HOUR_S: Final = 3600.0
_WAITS_S: Final = (0.0, 6.0 * HOUR_S, 18.0 * HOUR_S, 36.0 * HOUR_S)
_DURATIONS_S: Final = np.concatenate([np.arange(0.25, 2.0, 0.25), np.arange(2.0, 6.01, 0.5), [7.0, 8.0]]) * DAY_S
_ITERATIONS: Final = 25
_TIME: Final = 3000.0
#: Steps of the burn are held to this, m/s.
_TRUST_M_S: Final = 250.0


@dataclass(frozen=True, slots=True)
class AbortOption:
    """One way home.

    ``wait_s`` from the moment to the burn, ``duration_s`` from the moment to the entry interface; ``dv_icrf_m_s`` of
    the (first) burn; ``entry_speed_m_s`` inertial. ``closure_rad``: how far the flight-path angle at the interface is
    from the wanted one. ``approximation`` is empty for an n-body solution of impulses.
    """

    dv_m_s: float
    duration_s: float
    wait_s: float
    dv_icrf_m_s: tuple[float, float, float]
    entry_speed_m_s: float
    closure_rad: float = math.nan
    approximation: str = ""


@dataclass(frozen=True, slots=True)
class Aborts:
    """The ways home from one moment: ``options`` are the Pareto front, quickest first, within the limits.

    ``cheapest`` is over all flight times, within the limits; ``reason`` says why there is none. ``tried`` counts.
    """

    epoch_tdb_s: float
    options: tuple[AbortOption, ...]
    tried: int
    reason: str = ""

    @property
    def cheapest(self) -> AbortOption | None:
        """The option of least Δv."""
        return min(self.options, key=lambda option: option.dv_m_s, default=None)

    @property
    def quickest(self) -> AbortOption | None:
        """The option of least time."""
        return min(self.options, key=lambda option: option.duration_s, default=None)


@dataclass(frozen=True, slots=True)
class AbortProfile:
    """Aborts along a flight, moment by moment, and which moment is the worst.

    ``worst`` is the index of the moment whose cheapest return costs most, or the first without any; the ``summary``
    is a sentence about it.
    """

    moments: tuple[Aborts, ...]
    worst: int
    summary: str


def _front(options: Sequence[AbortOption]) -> tuple[AbortOption, ...]:
    found: list[AbortOption] = []
    for option in sorted(options, key=lambda o: (o.duration_s, o.dv_m_s)):
        if not found or option.dv_m_s < found[-1].dv_m_s - 0.05:
            found.append(option)
    return tuple(found)


def _gathered(
    epoch: float, options: Sequence[AbortOption], tried: int, dv_limit_m_s: float, time_limit_s: float, failure: str
) -> Aborts:
    front = _front([o for o in options if o.dv_m_s <= dv_limit_m_s and o.duration_s <= time_limit_s])
    reason = ""
    if not front:
        reason = failure
        if options:
            least = min(options, key=lambda o: o.dv_m_s)
            quick = min(options, key=lambda o: o.duration_s)
            reason = (
                f"No return within {dv_limit_m_s:.0f} m/s and {time_limit_s / DAY_S:.1f} d: the cheapest takes "
                f"{least.dv_m_s:.0f} m/s and {least.duration_s / DAY_S:.1f} d, the quickest {quick.dv_m_s:.0f} m/s "
                f"and {quick.duration_s / DAY_S:.1f} d."
            )
    return Aborts(epoch, front, tried, reason)


def conic_returns(r_m: Floats, v_m_s: Floats, entry_radius_m: float, angle_rad: float) -> tuple[Floats, Floats]:
    """Velocities (n, 3) at ``r_m`` of conics about the Earth that lead to the entry, and their flight times (n,), s.

    In the plane of r and v, the way round it goes; both straight down and by way of an apogee. Two bodies.
    """
    mu = GM_EARTH_M3_S2
    radius = float(np.linalg.norm(r_m))
    up = r_m / radius
    normal = np.cross(r_m, v_m_s)
    size = float(np.linalg.norm(normal))
    # a plane that is hardly determined is taken eastward
    normal = normal / size if size > 1e-3 * radius * float(np.linalg.norm(v_m_s)) else np.array([0.0, 0.0, 1.0])
    level = np.cross(normal, up)
    level = level / np.linalg.norm(level)
    # speeds at entry from that of the least ellipse to well above escape
    least = math.sqrt(max(2.0 * mu * (1.0 / entry_radius_m - 1.0 / (radius + entry_radius_m)), 1.0))
    speed = np.linspace(least, math.sqrt(2.0 * mu / entry_radius_m + 4.0e7), 1200)
    momentum = entry_radius_m * speed * math.cos(angle_rad)
    energy = 0.5 * speed**2 - mu / entry_radius_m
    across = momentum / radius
    square = 2.0 * (energy + mu / radius) - across**2
    good = square > 0.0
    speed, momentum, energy, across = speed[good], momentum[good], energy[good], across[good]
    radial = np.sqrt(square[good])
    e = np.sqrt(np.maximum(1.0 + 2.0 * energy * momentum**2 / mu**2, 1e-12))

    def since_perigee(distance: float, size: Floats) -> Floats:
        """Time from perigee to a radius on the way out, s."""
        a = -0.5 * mu / energy
        with np.errstate(all="ignore"):
            bound = np.arccos(np.clip((1.0 - distance / a) / e, -1.0, 1.0))
            ellipse = np.sqrt(np.abs(a) ** 3 / mu) * (bound - e * np.sin(bound))
            free = np.arccosh(np.maximum((1.0 - distance / a) / e, 1.0))
            hyperbola = np.sqrt(np.abs(a) ** 3 / mu) * (e * np.sinh(free) - free)
        return np.asarray(np.where(energy < 0.0, ellipse, hyperbola)) + 0.0 * size

    there, interface = since_perigee(radius, e), since_perigee(entry_radius_m, e)
    down = there - interface
    with np.errstate(all="ignore"):
        period = 2.0 * np.pi * np.sqrt(np.abs(0.5 * mu / energy) ** 3 / mu)
    over = np.where(energy < 0.0, period - there - interface, np.nan)
    velocities = np.concatenate(
        [
            -radial[:, None] * up + across[:, None] * level,
            radial[:, None] * up + across[:, None] * level,
        ]
    )
    times = np.concatenate([down, over])
    keep = np.isfinite(times) & (times > 0.0)
    return velocities[keep], times[keep]


def abort_from_state(
    epoch_tdb_s: float,
    r_m: Floats,
    v_m_s: Floats,
    *,
    centre: str = "earth",
    ground: EarthGround | None = None,
    dv_limit_m_s: float = math.inf,
    time_limit_s: float = 10.0 * DAY_S,
    waits_s: Sequence[float] = _WAITS_S,
    durations_s: Sequence[float] | None = None,
) -> Aborts:
    """The ways home from a state in free flight.

    Parameters
    ----------
    epoch_tdb_s, r_m, v_m_s, centre
        The moment, TDB seconds past J2000, and the state (3,), (3,), ICRF about ``"earth"`` or ``"moon"``.
    ground
        Entry altitude and flight-path angle; None: those of :class:`EarthGround`.
    dv_limit_m_s, time_limit_s
        What the craft has, and how long the crew lasts from the moment to entry.
    waits_s
        Waits before the burn that are tried.
    durations_s
        Flight times from the burn to entry that are tried.

    Returns
    -------
    Aborts
        Each option n-body solved: impulses, Earth with J2, Moon and Sun. Flights whose burn lies within some
        20,000 km of the Moon are found only where conics about the Earth lead there; use
        :func:`abort_from_orbit` for lunar orbits.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves the ephemeris.
    """
    place = ground or EarthGround("entry")
    radius, gamma = orbit_radius(place.entry_altitude_m), -abs(place.entry_flight_path_angle_rad)
    grid = _DURATIONS_S if durations_s is None else np.asarray(durations_s, dtype=float)
    r, v = (r_m, v_m_s) if centre == "earth" else dynamics.change_centre(epoch_tdb_s, r_m, v_m_s, centre, "earth")
    options: list[AbortOption] = []
    tried = 0
    for wait in waits_s:
        if wait >= time_limit_s:
            continue
        begin = epoch_tdb_s + wait
        state = np.concatenate([r, v])
        if wait > 0.0:
            path = dynamics.propagate(epoch_tdb_s, r, v, begin, centre="earth")
            if path.reason or float(np.linalg.norm(path.r_m)) < radius + 100e3:
                continue
            state = path.state
        velocities, times = conic_returns(state[:3], state[3:], radius, gamma)
        if not times.size:
            continue
        for duration in grid:
            if wait + duration > time_limit_s:
                continue
            near = np.abs(times - duration) < 0.06 * duration + 600.0
            guesses: list[Floats] = [np.zeros(3)]  # a craft that is on its way home needs next to nothing
            if near.any():
                cost = np.linalg.norm(velocities[near] - state[3:], axis=1)
                guesses.insert(0, velocities[near][int(np.argmin(cost))] - state[3:])
            tried += 1
            found = [_least_burn(begin, state, guess, duration, radius, gamma) for guess in guesses]
            solved = [one for one in found if one is not None]
            if solved:
                dv, speed, off = min(solved, key=lambda one: float(np.linalg.norm(one[0])))
                x, y, z = (float(c) for c in dv)
                size = float(np.linalg.norm(dv))
                options.append(AbortOption(size, wait + float(duration), wait, (x, y, z), speed, off))
    return _gathered(
        epoch_tdb_s, options, tried, dv_limit_m_s, time_limit_s, "No flight time of the grid leads to an entry."
    )


def _least_burn(
    begin: float, state: Floats, guess: Floats, duration: float, radius: float, gamma: float
) -> tuple[Floats, float, float] | None:
    """The least impulse that leads to the interface after a time: (Δv (3,), entry speed, miss of the angle)."""
    dv = guess.copy()
    before = math.inf
    for _ in range(_ITERATIONS):
        path = dynamics.propagate(begin, state[:3], state[3:] + dv, begin + duration, centre="earth", stm=True)
        if path.reason or path.stm is None:
            return None
        value, gradient = entry_with_gradient(path.r_m, path.v_m_s, radius, gamma, GM_EARTH_M3_S2)
        residual = value / np.array([1.0, _TIME])
        if not np.all(np.isfinite(residual)):
            return None
        jacobian = gradient @ path.stm[:, 3:] / np.array([[1.0], [_TIME]])
        size = float(np.linalg.norm(dv))
        if float(np.max(np.abs(residual))) < 1e-8 and abs(size - before) < 0.02:
            distance, pace = float(np.linalg.norm(path.r_m)), float(np.linalg.norm(path.v_m_s))
            angle = math.asin(float(path.r_m @ path.v_m_s) / (distance * pace))
            if abs(distance - radius) > 1e3 or abs(angle - gamma) > 1e-3:
                return None
            return dv, pace, angle - gamma
        before = size
        fresh = np.linalg.lstsq(jacobian, jacobian @ dv - residual, rcond=1e-12)[0]
        step = fresh - dv
        longest = float(np.linalg.norm(step))
        dv = dv + step * min(1.0, _TRUST_M_S / max(longest, 1e-9))
    return None


def abort_from_orbit(
    epoch_tdb_s: float,
    orbit: MoonOrbit,
    plane_normal: tuple[float, float, float] | None = None,
    *,
    ground: EarthGround | None = None,
    dv_limit_m_s: float = math.inf,
    time_limit_s: float = 10.0 * DAY_S,
    durations_s: Sequence[float] = tuple(np.arange(2.5, 5.51, 0.5) * DAY_S),
) -> Aborts:
    """The ways home from a low lunar orbit, by the n-body legs of ``earth_return``.

    ``plane_normal`` is the plane that the craft is in (ICRF unit normal); None: the best of its inclination. Other
    parameters as for :func:`abort_from_state`; the departure is within half a revolution.
    """
    place = ground or EarthGround("entry")
    options: list[AbortOption] = []
    first = ""
    for duration in durations_s:
        leg = solve(Arc("abort", orbit, place), epoch_tdb_s, plane_normal=plane_normal, duration_s=float(duration))
        if not leg.converged:
            first = first or leg.reason
            continue
        options.append(_of_leg(epoch_tdb_s, leg, 0.0, 0.0))
    return _gathered(epoch_tdb_s, options, len(durations_s), dv_limit_m_s, time_limit_s, first)


def abort_from_surface(
    epoch_tdb_s: float,
    site: MoonSurface,
    orbit: MoonOrbit,
    *,
    thrust_to_mass_m_s2: float,
    isp_s: float,
    orbit_normal: tuple[float, float, float] | None = None,
    rendezvous_s: float = 6.0 * HOUR_S,
    ground: EarthGround | None = None,
    dv_limit_m_s: float = math.inf,
    time_limit_s: float = 10.0 * DAY_S,
    durations_s: Sequence[float] = tuple(np.arange(2.5, 5.51, 0.5) * DAY_S),
) -> Aborts:
    """The ways home from the surface: ascent to an orbit, ``rendezvous_s`` in it, trans-Earth injection.

    ``orbit_normal`` is the plane that the ascent has to reach (that of the ship that waits); None: the plane of the
    ascent's own choice, which the return then leaves. The Δv is of ascent and injection together, and ``dv_icrf_m_s``
    that of the injection.
    """
    place = ground or EarthGround("entry")
    up = solve(Arc("ascent", site, orbit, thrust_to_mass_m_s2, isp_s), epoch_tdb_s, plane_normal=orbit_normal)
    if not up.converged or up.final_state is None:
        return Aborts(epoch_tdb_s, (), 1, f"The ascent: {up.reason}")
    normal = np.cross(up.final_state[:3], up.final_state[3:])
    normal = normal / np.linalg.norm(normal)
    plane = triple(normal)
    leave = up.arrival_tdb_s + rendezvous_s
    options: list[AbortOption] = []
    first = ""
    for duration in durations_s:
        leg = solve(Arc("abort", orbit, place), leave, plane_normal=plane, duration_s=float(duration))
        if not leg.converged:
            first = first or leg.reason
            continue
        options.append(_of_leg(epoch_tdb_s, leg, up.dv_m_s, leave - epoch_tdb_s))
    return _gathered(epoch_tdb_s, options, len(durations_s), dv_limit_m_s, time_limit_s, first)


def _of_leg(epoch: float, leg: Leg, more_m_s: float, wait_s: float) -> AbortOption:
    assert leg.final_state is not None
    speed = float(np.linalg.norm(leg.final_state[3:]))
    return AbortOption(
        leg.dv_m_s + more_m_s,
        leg.arrival_tdb_s - epoch,
        wait_s,
        leg.burns[0].dv_icrf_m_s,
        speed,
        approximation=leg.approximation,
    )


def abort_profile(
    leg: Leg,
    *,
    moments: int = 9,
    dv_limit_m_s: float = math.inf,
    time_limit_s: float = 10.0 * DAY_S,
    ground: EarthGround | None = None,
    waits_s: Sequence[float] = (0.0, 12.0 * HOUR_S),
) -> AbortProfile:
    """The ways home from moments along a solved leg, and the worst of them.

    Parameters
    ----------
    leg
        Converged, with a trajectory (``samples`` > 0) about the Earth or the Moon.
    moments
        How many, evenly over the leg, without its two ends.
    dv_limit_m_s, time_limit_s, ground, waits_s
        As for :func:`abort_from_state`.

    Returns
    -------
    AbortProfile
        Its summary is a sentence such as a report can carry.

    Raises
    ------
    ValueError
        If the leg has no trajectory.
    """
    track = leg.trajectory
    if track is None or not leg.converged:
        raise ValueError("the leg has no trajectory; solve it with samples > 0")
    epochs = np.linspace(track.epoch_tdb_s[0], track.epoch_tdb_s[-1], moments + 2)[1:-1]
    found: list[Aborts] = []
    for epoch in epochs:
        k = int(np.argmin(np.abs(track.epoch_tdb_s - epoch)))
        found.append(
            abort_from_state(
                float(track.epoch_tdb_s[k]),
                track.r_m[k],
                track.v_m_s[k],
                centre=track.centre,
                ground=ground,
                dv_limit_m_s=dv_limit_m_s,
                time_limit_s=time_limit_s,
                waits_s=waits_s,
            )
        )

    def price(k: int) -> float:
        cheapest = found[k].cheapest
        return math.inf if cheapest is None else cheapest.dv_m_s

    worst = max(range(len(found)), key=price)
    moment = (found[worst].epoch_tdb_s - leg.departure_tdb_s) / DAY_S
    cheapest = found[worst].cheapest
    if cheapest is None:
        summary = f"{moment:.1f} d after departure of {leg.arc} there is no way home: {found[worst].reason}"
    else:
        summary = (
            f"The worst moment of {leg.arc} is {moment:.1f} d after departure: the cheapest return takes "
            f"{cheapest.dv_m_s:.0f} m/s and {cheapest.duration_s / DAY_S:.1f} d to entry."
        )
    return AbortProfile(tuple(found), worst, summary)


def moon_distance(epoch_tdb_s: float, r_m: Floats) -> float:
    """Distance from the Moon's centre of an Earth-centred ICRF position (3,), m."""
    return float(np.linalg.norm(r_m - de440.load().position("moon", epoch_tdb_s)))
