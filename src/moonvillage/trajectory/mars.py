"""Departures from low Earth orbit to Mars: the porkchop, and legs targeted through the whole n-body model.

The guess is a Lambert arc between the ephemeris positions of Earth and Mars (patched conics); the leg is flown from
the parking orbit about the Earth, then about the Sun with all planets, to its periapsis at Mars. Newton's method
runs on the node and argument of the burn and on its size, and asks the Mars-centred hyperbola for its periapsis, the
time of it, and a plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_J2, EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MARS_M3_S2, GM_SUN_M3_S2
from moonvillage.records.legs import Event, Leg
from moonvillage.records.places import Arc, EarthOrbit, Planet
from moonvillage.trajectory.apses import with_gradient
from moonvillage.trajectory.flown import Coast, circular_state, departure_burns, fly, orbit_radius, sample
from moonvillage.trajectory.lambert import solve_lambert
from moonvillage.trajectory.least_burns import Evaluation, satisfy
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

#: Pole of the ecliptic of J2000, ICRF (obliquity 84381.406", IAU 2006).
_ECLIPTIC_POLE: Final = np.array([0.0, -np.sin(np.deg2rad(23.4392794)), np.cos(np.deg2rad(23.4392794))])
#: Flight times tried where none is asked for: types I and II.
DURATIONS_S: Final = np.arange(110.0, 451.0, 5.0) * DAY_S
#: The integration changes from the Earth to the Sun here, about a million kilometres out.
LEAVING_S: Final = 3.0 * DAY_S
#: Where the first aim at Mars is taken: the hyperbola is read this long before its periapsis.
_BEFORE_S: Final = 5.0 * DAY_S
_TIME: Final = 7500.0
_TRIES: Final = 6
_SAME_OPPORTUNITY_S: Final = 200.0 * DAY_S


@dataclass(frozen=True, slots=True, eq=False)
class Porkchop:
    """Patched-conic transfers: rows are departures, columns flight times; NaN where there is none.

    ``c3_m2_s2`` is the energy at departure, ``arrival_m_s`` the hyperbolic excess at Mars, ``departure_m_s`` the
    excess velocity vectors (n, m, 3), ICRF.
    """

    departure_tdb_s: Floats
    duration_s: Floats
    c3_m2_s2: Floats
    arrival_m_s: Floats
    departure_m_s: Floats

    def least(self) -> tuple[Floats, Floats]:
        """For each departure the least C3 and the flight time of it, (n,) each."""
        filled = np.where(np.isfinite(self.c3_m2_s2), self.c3_m2_s2, np.inf)
        column = np.argmin(filled, axis=1)
        return filled[np.arange(filled.shape[0]), column], self.duration_s[column]


def porkchop(departure_tdb_s: ArrayLike, duration_s: ArrayLike, planet: str = "mars") -> Porkchop:
    """All pairs of departures (n,) and flight times (m,), by Lambert's problem about the Sun.

    Raises
    ------
    EphemerisRangeError
        If a departure or arrival lies outside DE440.
    """
    start = np.atleast_1d(np.asarray(departure_tdb_s, dtype=float))
    durations = np.atleast_1d(np.asarray(duration_s, dtype=float))
    ephemeris = de440.load()
    r1, v1 = ephemeris.state("earth", start, "sun")
    r2, v2 = ephemeris.state(planet, start[:, None] + durations[None, :], "sun")
    arcs = solve_lambert(r1[:, None, :], r2, durations[None, :], GM_SUN_M3_S2, normal=_ECLIPTIC_POLE)
    leaving = arcs.v1_m_s - v1[:, None, :]
    coming = arcs.v2_m_s - v2
    c3 = np.einsum("...i,...i->...", leaving, leaving)
    return Porkchop(start, durations, c3, np.linalg.norm(coming, axis=-1), leaving)


def opportunities(
    start_tdb_s: float, end_tdb_s: float, step_s: float = 5.0 * DAY_S
) -> list[tuple[float, float, float]]:
    """The opportunities between two dates: (departure, flight time, C3 in m²/s²) of the least C3 of each, in order.

    Dates are good to ``step_s``, C3 to a few hundredths of a km²/s².
    """
    departures = np.arange(start_tdb_s, end_tdb_s + step_s, step_s)
    least, durations = porkchop(departures, DURATIONS_S).least()
    inner = (least[1:-1] < least[:-2]) & (least[1:-1] <= least[2:]) & (least[1:-1] < 40e6)
    found: list[tuple[float, float, float]] = []
    for k in np.flatnonzero(inner) + 1:
        entry = (float(departures[k]), float(durations[k]), float(least[k]))
        if found and entry[0] - found[-1][0] < _SAME_OPPORTUNITY_S:
            if entry[2] < found[-1][2]:
                found[-1] = entry
        else:
            found.append(entry)
    return found


def _burn_place(excess: Floats, plane: float, radius: float, ascending: bool) -> tuple[float, float]:
    """Node and argument of the perigee whose hyperbola, in a plane of that inclination, leaves along ``excess``."""
    speed = float(np.linalg.norm(excess))
    declination = float(np.arcsin(excess[2] / speed))
    ascension = float(np.arctan2(excess[1], excess[0]))
    along = float(np.arcsin(np.clip(np.sin(declination) / np.sin(plane), -1.0, 1.0)))
    across = float(np.arcsin(np.clip(np.tan(declination) / np.tan(plane), -1.0, 1.0)))
    if not ascending:
        along, across = np.pi - along, np.pi - across
    eccentricity = 1.0 + radius * speed**2 / GM_EARTH_M3_S2
    return ascension - across, along - float(np.arccos(-1.0 / eccentricity))


def _departure(excess: Floats, inclination: float, radius: float) -> tuple[float, Floats]:
    """Inclination of the hyperbola, and (node, argument, speed) of its burn; the cheapest from the parking orbit."""
    declination = abs(float(np.arcsin(excess[2] / np.linalg.norm(excess))))
    speed = float(np.sqrt(excess @ excess + 2.0 * GM_EARTH_M3_S2 / radius))
    room = np.deg2rad(0.5)  # so that the node stays a smooth function of the asymptote
    if declination + room < inclination < np.pi - declination - room:
        node, argument = _burn_place(excess, inclination, radius, True)
        return inclination, np.array([node, argument, speed])
    best: tuple[float, float, Floats] | None = None
    for plane in np.arange(declination + room, np.pi - declination - room, np.deg2rad(1.0)):
        for ascending in (True, False):
            node, argument = _burn_place(excess, float(plane), radius, ascending)
            x = np.array([node, argument, speed])
            r, v = _burnout(radius, float(plane), x)
            burns, _ = departure_burns("tmi", 0.0, r, v, inclination)
            cost = sum(burn.dv_m_s for burn in burns)
            if best is None or cost < best[0] - 1e-6:
                best = cost, float(plane), x
    assert best is not None  # the range of planes is never empty: an asymptote has a declination under 90 deg
    return best[1], best[2]


def hyperbola_miss(
    r: Floats, v: Floats, normal: Floats, side: Floats, periapsis: float
) -> tuple[Floats, Floats, Floats]:
    """How far a Mars-centred state is from the wished hyperbola: (momentum along it − 1, across it, time, s).

    ``r``, ``v`` are (..., 3), m and m/s, ICRF about Mars; ``normal`` and ``side`` unit vectors (3,) of the wished
    momentum and across it; ``periapsis`` its radius, m. Each result is (...,); the time is since periapsis.
    """
    radius = np.sqrt(np.einsum("...i,...i->...", r, r))
    speed2 = np.einsum("...i,...i->...", v, v)
    energy = np.maximum(0.5 * speed2 - GM_MARS_M3_S2 / radius, 1e3)
    h = np.cross(r, v)
    wished = periapsis * np.sqrt(2.0 * (energy + GM_MARS_M3_S2 / periapsis))
    a = GM_MARS_M3_S2 / (2.0 * energy)
    size2 = np.einsum("...i,...i->...", h, h)
    e = np.sqrt(1.0 + size2 / (GM_MARS_M3_S2 * a))
    sinh = np.einsum("...i,...i->...", r, v) / (e * np.sqrt(GM_MARS_M3_S2 * a))
    time = np.sqrt(a**3 / GM_MARS_M3_S2) * (e * sinh - np.arcsinh(sinh))
    return h @ normal / wished - 1.0, h @ side / wished, time


@register(EarthOrbit, Planet)
def solve_earth_to_planet(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From a low Earth orbit to a periapsis at Mars: one burn, "tmi".

    The node of the parking orbit is free. Where the asymptote stands higher than the inclination, the hyperbola is
    not in the orbit's plane, and the burn turns it, or a "plane_change" before it. The flight time is
    ``options.duration_s``, or that of least C3 on the date: outside the opportunities, every 26 months, it is large.
    Capture at Mars is not part of the leg.
    """
    origin, planet = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(planet, Planet)
    if planet.name != "mars":
        return failure(arc, departure_tdb_s, f"Only Mars can be flown to, not {planet.name}.")
    tries = DURATIONS_S if options.duration_s is None else np.array([options.duration_s])
    chart = porkchop([departure_tdb_s], tries)
    order = np.argsort(np.where(np.isfinite(chart.c3_m2_s2[0]), chart.c3_m2_s2[0], np.inf))
    reason = "Lambert's problem has no solution for this date and flight time."
    failed: list[int] = []
    for column in order:
        lost = any(abs(int(column) - other) < 4 for other in failed)
        if lost or not np.isfinite(chart.c3_m2_s2[0, column]) or len(failed) >= _TRIES:
            continue
        excess = chart.departure_m_s[0, column]
        leg = _target(arc, origin, planet, departure_tdb_s, float(tries[column]), excess, options)
        if leg.converged:
            return leg
        reason = leg.reason
        failed.append(int(column))
    return failure(arc, departure_tdb_s, reason)


def _target(
    arc: Arc, origin: EarthOrbit, planet: Planet, t0: float, duration: float, excess: Floats, options: SolveOptions
) -> Leg:
    radius = orbit_radius(origin.altitude_m)
    t2 = t0 + duration
    plane, x = _departure(excess, origin.inclination_rad, radius)
    arrival = de440.load().state("mars", t2, "sun")
    asymptote = arrival_asymptote(t0, t2)
    side = np.cross(asymptote, np.cross(arrival[0], arrival[1]))
    side /= np.linalg.norm(side)
    normal = np.cross(side, asymptote)

    def evaluator(before: float) -> object:
        def evaluate(x: Floats) -> Evaluation:
            r, v = _burnout(radius, plane, x)
            jacobian = np.empty((6, 3))
            for j, step in enumerate((1e-7, 1e-7, 1e-2)):
                e = np.zeros(3)
                e[j] = step
                high, low = _burnout(radius, plane, x + e), _burnout(radius, plane, x - e)
                jacobian[:, j] = (np.concatenate(high) - np.concatenate(low)) / (2.0 * step)
            out = dynamics.propagate(t0, r, v, t0 + LEAVING_S, centre="earth", stm=True)
            nothing = Evaluation(np.full(3, np.nan), np.full((3, 3), np.nan))
            if out.stm is None:
                return nothing
            r, v = dynamics.change_centre(t0 + LEAVING_S, out.r_m, out.v_m_s, "earth", "sun")
            end = t2 - before
            over = dynamics.propagate(t0 + LEAVING_S, r, v, end, centre="sun", stm=True)
            if over.stm is None:
                return nothing
            r, v = dynamics.change_centre(end, over.r_m, over.v_m_s, "sun", "mars")
            values, by = with_gradient(lambda a, b: hyperbola_miss(a, b, normal, side, planet.arrival_radius_m), r, v)
            scale = np.array([1.0, 1.0, _TIME])
            return Evaluation(
                (values + np.array([0.0, 0.0, before])) / scale,
                by @ over.stm @ out.stm @ jacobian / scale[:, None],
                detail=(r, v),
            )

        return evaluate

    scale = np.array([0.2, 0.2, 300.0])
    for before, tolerance in ((30.0 * DAY_S, 1.0), (_BEFORE_S, 1e-3), (0.0, 1e-9)):
        evaluate = evaluator(before)
        assert callable(evaluate)
        solution = satisfy(evaluate, x, scale, tolerance=tolerance, iterations=20)
        x = solution.x
    if not solution.miss < 1e-7:
        return failure(
            arc, t0, f"The departure for Mars in {duration / DAY_S:.0f} d did not converge ({solution.miss:.1e})."
        )
    detail = solution.evaluation.detail
    assert isinstance(detail, tuple)
    return _leg(arc, origin, t0, t2, _burnout(radius, plane, x), detail, options)


def _burnout(radius: float, inclination: float, x: Floats) -> tuple[Floats, Floats]:
    r, v = circular_state(radius, inclination, float(x[0]), float(x[1]), GM_EARTH_M3_S2)
    return r, v * (float(x[2]) / np.linalg.norm(v))


def arrival_asymptote(t0: float, t2: float) -> Floats:
    """Direction (3,), ICRF, of the excess velocity at Mars, on patched conics; epochs are TDB s past J2000."""
    ephemeris = de440.load()
    r1 = ephemeris.position("earth", t0, "sun")
    r2, v2 = ephemeris.state("mars", t2, "sun")
    arc = solve_lambert(r1, r2, t2 - t0, GM_SUN_M3_S2, normal=_ECLIPTIC_POLE)
    excess = arc.v2_m_s - v2
    return np.asarray(excess / np.linalg.norm(excess))


def _leg(
    arc: Arc,
    origin: EarthOrbit,
    t0: float,
    t2: float,
    burnout: tuple[Floats, Floats],
    target: tuple[Floats, Floats],
    options: SolveOptions,
) -> Leg:
    r0, v0 = burnout
    burns, turn = departure_burns("tmi", t0, r0, v0, origin.inclination_rad)
    coasts = [Coast(t0 + LEAVING_S, "earth"), Coast(t2, "sun")]
    flown = fly(t0, "earth", r0, v0, coasts, dense=options.samples > 0)
    r, v = dynamics.change_centre(t2, flown.r_m, flown.v_m_s, "sun", "mars")
    closure = float(np.linalg.norm(r - target[0])), float(np.linalg.norm(v - target[1]))
    if not (closure[0] < 100.0 and closure[1] < 0.1):
        return failure(arc, t0, f"Flown again in one go, the leg misses Mars's periapsis by {closure[0]:.0f} m.")
    distance, speed = float(np.linalg.norm(r)), float(np.linalg.norm(v))
    excess = float(np.sqrt(max(speed**2 - 2.0 * GM_MARS_M3_S2 / distance, 0.0)))
    note = "capture at Mars is not part of the leg" + (f"; {turn}" if turn else "")
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=t0,
        arrival_tdb_s=t2,
        converged=True,
        burns=tuple(burns),
        events=(
            Event("departure", t0),
            Event("arrival", t2, f"periapsis {distance / 1e3:.0f} km, excess speed {excess:.0f} m/s at Mars"),
        ),
        c3_m2_s2=departure_energy(r0, v0),
        closure_position_m=closure[0],
        closure_velocity_m_s=closure[1],
        approximation=note,
        trajectory=sample(flown.paths, options.samples, "sun"),
        final_centre="sun",
        final_state=np.concatenate([flown.r_m, flown.v_m_s]),
    )


def departure_energy(r: Floats, v: Floats) -> float:
    """C3, m²/s², of a geocentric state r, v (3,), with the potential of the Earth's J2: that of the asymptote."""
    distance = float(np.linalg.norm(r))
    flat = EARTH_J2 * (EARTH_RADIUS_M / distance) ** 2 * 0.5 * (3.0 * (r[2] / distance) ** 2 - 1.0)
    return float(v @ v) - 2.0 * GM_EARTH_M3_S2 / distance * (1.0 - float(flat))
