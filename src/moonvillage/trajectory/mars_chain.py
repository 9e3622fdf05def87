"""To Mars from a halo or distant retrograde orbit: fall by the Moon to a low perigee, and leave there.

A small burn lets the craft fall past the Moon, a second one at perilune sends it to a perigee 400 km above the Earth,
and the burn for Mars is made there, at eleven kilometres a second, where it is worth most (H. Oberth's effect; R. W.
Farquhar et al., "Utilization of libration points for human exploration in the Sun-Earth-Moon system and beyond", Acta
Astronautica 55, 2004). The perigee lies opposite to where the Moon was, and the asymptote must lie a hyperbola's turn
from it: that happens once a month, and fixes the date within hours. What the orbit's own phase then costs is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_MARS_M3_S2, MOON_RADIUS_M
from moonvillage.records.legs import Event, Leg
from moonvillage.records.places import Arc, Dro, Halo, Planet
from moonvillage.trajectory import halo_arcs, nrho
from moonvillage.trajectory.apses import hyperbola_through, with_gradient
from moonvillage.trajectory.cr3bp import SPEED_M_S, TIME_S
from moonvillage.trajectory.flown import Coast, fly, impulse, orbit_radius, sample
from moonvillage.trajectory.halo_arcs import CHANGE_S, FLYBY_ALTITUDE_M, Evaluator, Near, Plane
from moonvillage.trajectory.halo_legs import refusal
from moonvillage.trajectory.halo_seeds import Seed, flyby_seeds, mirrored
from moonvillage.trajectory.least_burns import Evaluation, Solution, polish, satisfy
from moonvillage.trajectory.mars import (
    DURATIONS_S,
    LEAVING_S,
    arrival_asymptote,
    departure_energy,
    hyperbola_miss,
    porkchop,
)
from moonvillage.trajectory.registry import SolveOptions, kind, register
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

#: Height of the perigee at which the craft leaves for Mars.
PERIGEE_ALTITUDE_M: Final = 400e3
#: Perigees are looked for so long after the date asked for.
_WINDOW_S: Final = 75.0 * DAY_S
_STEP_S: Final = 0.25 * DAY_S
#: How many pairs of a perigee's date and a fall are tried.
_TRIES: Final = 12
#: What a day is worth that the orbit's phase is off, and one that is waited.
_OFF_M_S: Final = 80.0
_WAIT_M_S: Final = 2.0
#: The plane of the fall is turned about the line to the Moon by at most so much from the Moon's own.
_STEEPEST_COSINE: Final = 0.2
_CLOSED: Final = 1e-7
_BURNS: Final = (slice(2, 5), slice(5, 8))
#: A total that is no more than this is good enough not to look at the next date.
_GOOD_M_S: Final = 1000.0
#: Beyond this the geometry does not fit.
_DEAR_M_S: Final = 2500.0
_LEAST_TRANSFER_S: Final = 2.0 * DAY_S


@dataclass(frozen=True, slots=True, eq=False)
class _Departure:
    """A perigee at which the geometry fits: its epoch, flight time to Mars, excess velocity (3,), ICRF, and burn."""

    perigee_tdb_s: float
    duration_s: float
    excess_m_s: Floats
    burn_m_s: float


def _leaving(r_m: Floats, excess_m_s: Floats) -> Floats:
    """Velocity (..., 3) at ``r_m`` of the hyperbola that leaves the Earth with an excess velocity (3,)."""
    return np.asarray(-hyperbola_through(r_m, -excess_m_s[None, :], GM_EARTH_M3_S2)[0])


def _injection(state: Floats, excess_m_s: Floats) -> tuple[float, Floats]:
    """Size of the burn from a state (6,) onto that hyperbola, and its gradient (6,)."""

    def size(r: Floats, v: Floats) -> tuple[Floats, ...]:
        wanted = np.array([_leaving(row, excess_m_s) for row in r])
        return (np.linalg.norm(wanted - v, axis=-1),)

    value, gradient = with_gradient(size, state[:3], state[3:])
    return float(value[0]), gradient[0]


def _departures(departure: float, seed: Seed, options: SolveOptions) -> list[_Departure]:
    """Perigee epochs at which an asymptote to Mars lies about a hyperbola's turn ahead of the perigee, in order.

    The perigee is taken to lie as far from the Moon's direction at the flyby, in the Moon's plane, as a fall of the
    seed's transfer time sweeps: half a turn, nearly.
    """
    fall = seed.transfer * TIME_S
    first = departure + (seed.coast + seed.transfer) * TIME_S - 0.5 * seed.coast * TIME_S
    epochs = np.arange(first, first + _WINDOW_S, _STEP_S)
    tries = DURATIONS_S if options.duration_s is None else np.array([max(options.duration_s, 50.0 * DAY_S)])
    chart = porkchop(epochs, tries)
    moon_r, moon_v = de440.load().state("moon", epochs - fall)
    normal = np.cross(moon_r, moon_v)
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    away = -moon_r / np.linalg.norm(moon_r, axis=1)[:, None]
    excess = chart.departure_m_s
    speed = np.linalg.norm(excess, axis=-1)
    radius = orbit_radius(PERIGEE_ALTITUDE_M)
    turn = np.arccos(-1.0 / (1.0 + radius * speed**2 / GM_EARTH_M3_S2))
    direction = excess / speed[..., None]
    angle = np.arccos(np.clip(np.einsum("ij,ikj->ik", away, direction), -1.0, 1.0))
    plane = np.cross(away[:, None, :], direction)
    plane /= np.maximum(np.linalg.norm(plane, axis=-1), 1e-9)[..., None]
    prograde = np.einsum("ikj,ij->ik", plane, normal) > _STEEPEST_COSINE
    # what the burn costs from a fall from the Moon's distance, its turn included
    low = 2.0 * GM_EARTH_M3_S2 / radius
    fast, slow = np.sqrt(low + speed**2), np.sqrt(low - 2.0e6)
    cost = np.sqrt(fast**2 + slow**2 - 2.0 * fast * slow * np.cos(angle - turn))
    cost = np.where(prograde & np.isfinite(cost), cost, np.inf)
    column = np.argmin(cost, axis=1)
    least = cost[np.arange(epochs.size), column]
    found = []
    for k in range(1, epochs.size - 1):
        if np.isfinite(least[k]) and least[k] <= least[k - 1] and least[k] < least[k + 1]:
            leave = _Departure(float(epochs[k]), float(tries[column[k]]), excess[k, column[k]], float(least[k]))
            found.append(leave)
    return found


def _evaluator(
    stretch: nrho.Reference,
    epoch: float,
    perigee: float | None,
    excess: Floats | None,
    exact: bool,
    in_plane: bool = False,
) -> Evaluator:
    """The fall of :mod:`halo_arcs` to a perigee, at an epoch if given; the burn for Mars is its cost.

    ``in_plane`` asks that the fall's plane hold the asymptote, instead of counting the burn.
    """
    low = MOON_RADIUS_M + FLYBY_ALTITUDE_M
    radius = orbit_radius(PERIGEE_ALTITUDE_M)

    def evaluate(x: Floats) -> Evaluation:
        near = halo_arcs.near_moon(stretch, epoch, +1, x, exact)
        t, state, jacobian = halo_arcs.near_earth(near, +1, x, exact)
        apse, apse_by = halo_arcs.perilune_conditions(near, low)
        end, end_by = halo_arcs.perigee_conditions(state, jacobian, radius)
        values, rows = [*apse, *end], [*apse_by, *end_by]
        if perigee is not None:
            row = np.zeros(9)
            row[[0, 1, 8]] = 1.0
            values.append((t - perigee) / 7500.0)
            rows.append(row / 7500.0)
        cost, cost_by = 0.0, None
        if in_plane and excess is not None:
            plane = Plane(excess / np.linalg.norm(excess), 0.0)
            tilt, tilt_by = halo_arcs.plane_conditions(state, jacobian, [plane])
            values.extend(tilt)
            rows.extend(tilt_by)
        elif excess is not None and np.all(np.isfinite(state)):
            cost, by = _injection(state, excess)
            cost_by = by @ jacobian
        return Evaluation(np.array(values), np.array(rows), cost, cost_by, (t, state, near))

    return evaluate


def _fall(place: Halo | Dro, seed: Seed, leave: _Departure) -> tuple[nrho.Reference, float, Solution] | str:
    """From the orbit to the perigee, in the full model: its reference, the epoch there, the unknowns; or why not."""
    period = nrho.period_s(place)
    flight = (seed.coast + seed.transfer) * TIME_S
    epoch = (float(np.round((leave.perigee_tdb_s - flight) / period - seed.phase)) + seed.phase) * period
    stretch = nrho.reference(place, epoch)
    if stretch.reason:
        return stretch.reason
    scale = halo_arcs.SCALE
    x = halo_arcs.start_from(seed, +1, epoch, True)
    rough = _evaluator(stretch, epoch, None, None, False)

    def near_only(y: Floats) -> Evaluation:
        found = rough(y)
        return Evaluation(found.conditions[:2], found.jacobian[:2])

    short = scale.copy()
    short[5:] = 0.0
    x = satisfy(near_only, x, short, tolerance=1e-3).x
    x = satisfy(rough, x, scale, tolerance=1e-3, iterations=20).x
    aligned = _evaluator(stretch, epoch, leave.perigee_tdb_s, leave.excess_m_s, False, True)
    placed = satisfy(aligned, x, scale, tolerance=1e-3, iterations=30)
    if not placed.miss < 0.05:
        return f"the fall could not be brought into the plane of the asymptote ({placed.miss:.1e})"
    if _injection(_perigee(placed)[1], leave.excess_m_s)[0] > _DEAR_M_S:
        return "the fall leads round the Earth against the way to Mars"
    excess = leave.excess_m_s
    solution = placed
    for _ in range(2):  # the perigee's date moves, and the asymptote with it
        search = _evaluator(stretch, epoch, None, excess, False)
        solution = polish(search, solution.x, scale, list(_BURNS), halo_arcs.UNIT_M_S, tolerance=1e-6, evaluations=25)
        if not solution.miss < 1e-5:
            break
        excess = _excess(_perigee(solution)[0], leave)
    if not solution.miss < 1e-5 or not solution.x[8] > _LEAST_TRANSFER_S:
        return f"the fall to the perigee did not meet its conditions on the day Mars asks for ({solution.miss:.1e})"
    exact = _evaluator(stretch, epoch, None, excess, True)
    end = satisfy(exact, solution.x, scale, tolerance=_CLOSED)
    if not end.miss < 10.0 * _CLOSED:
        return f"the full model was not met ({end.miss:.1e})"
    return stretch, epoch, end


def _perigee(solution: Solution) -> tuple[float, Floats]:
    """Epoch and geocentric state (6,) at perigee."""
    detail = solution.evaluation.detail
    assert isinstance(detail, tuple)
    return float(detail[0]), np.asarray(detail[1])


def _excess(perigee_tdb_s: float, leave: _Departure) -> Floats:
    """Excess velocity (3,) of the arc from a perigee at that epoch to the same arrival."""
    flight = leave.perigee_tdb_s + leave.duration_s - perigee_tdb_s
    return np.asarray(porkchop([perigee_tdb_s], [flight]).departure_m_s[0, 0])


def _spent(solution: Solution) -> float:
    return sum(float(np.linalg.norm(solution.x[b])) for b in _BURNS) + solution.evaluation.extra_cost


def aim(
    t0: float, r_m: Floats, v_m_s: Floats, t2: float, planet: Planet
) -> tuple[Floats, tuple[Floats, Floats]] | str:
    """The velocity (3,) at ``r_m`` near the Earth that leads to a periapsis at Mars at ``t2``.

    Parameters
    ----------
    t0, t2
        Epochs of departure and of periapsis, TDB seconds past J2000.
    r_m, v_m_s
        Geocentric ICRF position, and a first guess of the velocity there, (3,) each.
    planet
        Its ``arrival_radius_m`` is the radius of the periapsis.

    Returns
    -------
    The velocity, and the Mars-centred position and velocity at periapsis; or why there is none.
    """
    arrival = de440.load().state("mars", t2, "sun")
    asymptote = arrival_asymptote(t0, t2)
    side = np.cross(asymptote, np.cross(arrival[0], arrival[1]))
    side /= np.linalg.norm(side)
    normal = np.cross(side, asymptote)
    v = v_m_s
    solution: Solution | None = None
    for before, tolerance in ((60.0 * DAY_S, 3.0), (30.0 * DAY_S, 0.3), (5.0 * DAY_S, 1e-3), (0.0, 1e-9)):

        def evaluate(x: Floats, before: float = before) -> Evaluation:
            nothing = Evaluation(np.full(3, np.nan), np.full((3, 3), np.nan))
            out = dynamics.propagate(t0, r_m, x, t0 + LEAVING_S, centre="earth", stm=True)
            if out.stm is None:
                return nothing
            r, u = dynamics.change_centre(t0 + LEAVING_S, out.r_m, out.v_m_s, "earth", "sun")
            over = dynamics.propagate(t0 + LEAVING_S, r, u, t2 - before, centre="sun", stm=True)
            if over.stm is None:
                return nothing
            r, u = dynamics.change_centre(t2 - before, over.r_m, over.v_m_s, "sun", "mars")
            values, by = with_gradient(lambda a, b: hyperbola_miss(a, b, normal, side, planet.arrival_radius_m), r, u)
            scale = np.array([1.0, 1.0, 7500.0])
            return Evaluation(
                (values + np.array([0.0, 0.0, before])) / scale,
                by @ over.stm @ out.stm[:, 3:] / scale[:, None],
                detail=(r, u),
            )

        solution = satisfy(evaluate, v, np.full(3, 100.0), tolerance=tolerance, iterations=20)
        v = solution.x
    assert solution is not None
    if not solution.miss < 1e-7:
        return f"the burn at perigee found no way to Mars ({solution.miss:.1e})"
    detail = solution.evaluation.detail
    assert isinstance(detail, tuple)
    return v, detail


def _solve(arc: Arc, departure: float, options: SolveOptions) -> Leg:
    place, planet = arc.origin, arc.destination
    assert isinstance(place, (Halo, Dro))
    assert isinstance(planet, Planet)
    if planet.name != "mars":
        return refusal(arc, departure, f"only Mars can be flown to, not {planet.name}")
    if options.fixed_departure:
        return refusal(
            arc, departure, "the Moon's place fixes the day of departure for Mars, so that it cannot be given"
        )
    try:
        seeds = [mirrored(seed) for seed in flyby_seeds(nrho.find(place), MOON_RADIUS_M + FLYBY_ALTITUDE_M)]
    except ValueError as error:
        return refusal(arc, departure, str(error))
    if not seeds:
        return refusal(arc, departure, f"no fall past the Moon was found in the restricted problem for {place.id}")
    dates = _departures(departure, seeds[0], options)
    reason = "in the months after the date no perigee lies right for an asymptote to Mars"
    best: tuple[float, _Departure, nrho.Reference, float, Solution] | None = None
    period = nrho.period_s(place)
    pairs = []
    for leave in dates:
        for seed in seeds:
            turns = (leave.perigee_tdb_s - (seed.coast + seed.transfer) * TIME_S) / period - seed.phase
            off_s = abs(float(turns - np.round(turns))) * period
            waited_s = leave.perigee_tdb_s - dates[0].perigee_tdb_s
            price = leave.burn_m_s + seed.cost * SPEED_M_S + (_OFF_M_S * off_s + _WAIT_M_S * waited_s) / DAY_S
            pairs.append((price, leave, seed))
    pairs.sort(key=lambda pair: pair[0])
    for _, leave, seed in pairs[:_TRIES]:
        found = _fall(place, seed, leave)
        if isinstance(found, str):
            reason = found
            continue
        spent = _spent(found[2])
        if best is None or spent < best[0]:
            best = (spent, leave, *found)
        if best[0] < _GOOD_M_S:
            break
    if best is None:
        return refusal(arc, departure, reason)
    spent, leave, stretch, epoch, end = best
    if spent > _DEAR_M_S:
        return refusal(
            arc,
            departure,
            f"in the months after the date the cheapest way to Mars by a low perigee costs {spent:.0f} m/s, because "
            "the Moon and the orbit's phase do not fit it; ask for a date of another month",
        )
    return _leg(arc, planet, leave, stretch, epoch, end, options)


def _leg(
    arc: Arc,
    planet: Planet,
    leave: _Departure,
    stretch: nrho.Reference,
    epoch: float,
    end: Solution,
    options: SolveOptions,
) -> Leg:
    detail = end.evaluation.detail
    assert isinstance(detail, tuple)
    t2, perigee, near = detail
    assert isinstance(near, Near)
    x = end.x
    t0, t1 = epoch + float(x[0]), near.epoch_tdb_s
    t3 = leave.perigee_tdb_s + leave.duration_s
    aimed = aim(t2, perigee[:3], _leaving(perigee[:3], _excess(t2, leave)), t3, planet)
    if isinstance(aimed, str):
        return refusal(arc, t0, aimed)
    burn = aimed[0] - perigee[3:]
    start = stretch.state(t0)
    coasts = [
        Coast(t1, "moon", x[5:8]),
        Coast(t1 + CHANGE_S, "moon"),
        Coast(t2, "earth", burn),
        Coast(t2 + LEAVING_S, "earth"),
        Coast(t3, "sun"),
    ]
    flown = fly(t0, "moon", start[:3], start[3:] + x[2:5], coasts, dense=options.samples > 0)
    r, v = dynamics.change_centre(t3, flown.r_m, flown.v_m_s, "sun", "mars")
    closure = float(np.linalg.norm(r - aimed[1][0])), float(np.linalg.norm(v - aimed[1][1]))
    if not (closure[0] < 5e3 and closure[1] < 3.0):
        return refusal(arc, t0, f"flown again in one go, the leg misses Mars's periapsis by {closure[0]:.0f} m")
    distance, speed = float(np.linalg.norm(r)), float(np.linalg.norm(v))
    excess = float(np.sqrt(max(speed**2 - 2.0 * GM_MARS_M3_S2 / distance, 0.0)))
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=t0,
        arrival_tdb_s=t3,
        converged=True,
        burns=(impulse("departure", t0, x[2:5]), impulse("flyby", t1, x[5:8]), impulse("tmi", t2, burn)),
        events=(
            Event("departure", t0, f"phase {stretch.phase(t0):.3f}"),
            Event("perilune", t1, f"{FLYBY_ALTITUDE_M / 1e3:.0f} km"),
            Event("perigee", t2, f"{PERIGEE_ALTITUDE_M / 1e3:.0f} km"),
            Event("arrival", t3, f"periapsis {distance / 1e3:.0f} km, excess speed {excess:.0f} m/s at Mars"),
        ),
        c3_m2_s2=departure_energy(perigee[:3], aimed[0]),
        closure_position_m=closure[0],
        closure_velocity_m_s=closure[1],
        approximation="capture at Mars is not part of the leg",
        trajectory=sample(flown.paths, options.samples, "sun"),
        final_centre="sun",
        final_state=np.concatenate([flown.r_m, flown.v_m_s]),
    )


@register(Halo, Planet)
@register(Dro, Planet)
def solve_halo_to_planet(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From a halo or distant retrograde orbit to a periapsis at Mars: burns "departure", "flyby", "tmi".

    Parameters
    ----------
    arc
        From a :class:`Halo` or :class:`Dro` to a :class:`Planet`, Mars.
    departure_tdb_s
        TDB seconds past J2000. The Moon's place and the asymptote fix the day: the first fitting one of the 75 days
        that follow is flown, or the second or third where the orbit's phase makes the first dear.
    options
        ``duration_s`` is the flight time from perigee to Mars (None: that of least C3); a fixed departure is refused.

    Returns
    -------
    Leg
        Flown again in one go to the periapsis at Mars; or a failure with its reason. Over a year of flight with a low
        perigee the closure at Mars is some kilometres, by rounding alone.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves DE440.
    """
    return _solve(arc, departure_tdb_s, options)
