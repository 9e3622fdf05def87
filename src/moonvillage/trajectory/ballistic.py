"""Ballistic lunar transfers: 80 to 130 days by way of the Sun's tide, arriving with next to no burn.

The injection is a little larger than to the Moon itself (C3 about -0.6 instead of -2 km²/s²); the insertion into a
halo orbit costs metres to some tens of metres a second instead of hundreds, that into a low lunar orbit some 130 m/s
less. The ways are found backward from the target (:mod:`moonvillage.trajectory.ballistic_seeds`), and corrected so,
too: backward is away from the sensitive end. One deep-space burn near apogee is allowed and counted. Such ways come
twice a month: the departure is shifted to one of them, by some days, up to half a month.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.records.legs import Event, Leg
from moonvillage.records.places import Arc, Dro, EarthOrbit, Halo, MoonOrbit
from moonvillage.trajectory import ballistic_seeds as seeding
from moonvillage.trajectory import nrho
from moonvillage.trajectory.apses import periapsis
from moonvillage.trajectory.ballistic_seeds import BLOCK_S, LOW_M2_S, BallisticSeed, low_orbit_family, low_orbit_state
from moonvillage.trajectory.flown import Coast, departure_burns, fly, impulse, orbit_radius
from moonvillage.trajectory.halo_arcs import Plane, flow, perigee_conditions, plane_conditions, state_rate
from moonvillage.trajectory.halo_legs import finish, refusal
from moonvillage.trajectory.least_burns import Evaluation, Solution, polish, satisfy
from moonvillage.trajectory.registry import SolveOptions, register
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

#: Flight time about which the first arrivals are looked for, and how far (in blocks) the search widens.
_USUAL_S: Final = 100.0 * DAY_S
_BLOCKS: Final = (0, 1, -1, 2, -2)
#: A shift of the departure is worth so much, m/s for a day; a wide momentum so much for 1e10 m²/s.
_SHIFT_M_S: Final = 2.0
_WIDE_M_S: Final = 4.0
_FARTHEST_SHIFT_S: Final = 18.0 * DAY_S
_TRIES: Final = 8
#: Seeds are tried until a leg costs no more than this above the arrival's unavoidable part.
_CHEAP_M_S: Final = 40.0
#: The full model of the Moon acts up to this distance from it.
_RIM_M: Final = 9e7
_CLOSED: Final = 1e-7
_UNIT_M_S: Final = 50.0
_LAST: Final = 7  # index of the flight time among the unknowns
_SCALE_ORBIT: Final = np.array([3600.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 0.5 * DAY_S])
_SCALE_LOW: Final = np.array([6.0 * 3600.0, 0.1, 0.1, 5.0, 10.0, 10.0, 10.0, 0.5 * DAY_S])

#: Unknowns of the target (4,) → epoch, Moon-centred state (6,), its derivative by the unknowns at that epoch, (6, 4).
Start = Callable[[Floats], tuple[float, Floats, Floats]]


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """What differs between targets: the chain's start, the burns among the unknowns, scales, and the arrival burn."""

    start: Start
    burns: tuple[slice, ...]
    scale: Floats
    low: bool


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Fixed epochs at which the chain changes centre (none in the search) and burns in deep space."""

    change_tdb_s: float
    deep_tdb_s: float


@dataclass(frozen=True, slots=True, eq=False)
class _Chain:
    """Both ends of an evaluated chain: epoch and Moon-centred state at the target, geocentric state at the Earth."""

    arrival_tdb_s: float
    arrival: Floats
    departure_tdb_s: float
    departure: Floats


def _orbit_target(place: Halo | Dro, seed: BallisticSeed) -> _Target | str:
    stretch = nrho.reference(place, seed.arrival_tdb_s)
    if stretch.reason:
        return stretch.reason

    def start(p: Floats) -> tuple[float, Floats, Floats]:
        epoch = seed.arrival_tdb_s + float(p[0])
        if not stretch.start_tdb_s <= epoch <= stretch.end_tdb_s:
            return epoch, np.full(6, np.nan), np.full((6, 4), np.nan)
        state = stretch.state(epoch)
        by = np.zeros((6, 4))
        by[:, 0] = stretch.rate(epoch)
        by[3:, 1:] = np.eye(3)
        return epoch, state + np.concatenate([np.zeros(3), p[1:4]]), by

    return _Target(start, (slice(1, 4), slice(4, 7)), _SCALE_ORBIT, False)


def _low_target(place: MoonOrbit, seed: BallisticSeed) -> _Target:
    family = low_orbit_family(place, seed.arrival_tdb_s)
    radius = MOON_RADIUS_M + place.altitude_m

    def start(p: Floats) -> tuple[float, Floats, Floats]:
        state = low_orbit_state(family, radius, float(p[1]), float(p[2]), float(p[3]))
        by = np.zeros((6, 4))
        for k in (1, 2):
            ahead, behind = p.copy(), p.copy()
            ahead[k] += 1e-6
            behind[k] -= 1e-6
            by[:, k] = (
                low_orbit_state(family, radius, float(ahead[1]), float(ahead[2]), float(p[3]))
                - low_orbit_state(family, radius, float(behind[1]), float(behind[2]), float(p[3]))
            ) / 2e-6
        by[3:, 3] = state[3:] / p[3]
        return seed.arrival_tdb_s + float(p[0]), state, by

    return _Target(start, (slice(4, 7),), _SCALE_LOW, True)


def _chain(target: _Target, base: float, nodes: _Nodes, x: Floats, exact: bool) -> tuple[_Chain, Floats] | None:
    """Fly the chain backward from the target to the Earth: both ends, and the last state's Jacobian (6, 8)."""
    epoch, arrival, by = target.start(x[:4])
    end = base - float(x[_LAST])
    if not np.all(np.isfinite(arrival)) or not end < nodes.deep_tdb_s < nodes.change_tdb_s < epoch:
        return None
    jacobian = np.zeros((6, 8))
    jacobian[:, :4] = by
    # the epoch moves with x[0], the next node does not
    jacobian[:, 0] -= state_rate(epoch, arrival, "moon")
    state = arrival
    if exact:
        state, stm = flow(epoch, state, nodes.change_tdb_s, "moon", True)
        jacobian, epoch_now = stm @ jacobian, nodes.change_tdb_s
    else:
        epoch_now = epoch
    if not np.all(np.isfinite(state)):
        return None
    r, v = dynamics.change_centre(epoch_now, state[:3], state[3:], "moon", "earth")
    state, stm = flow(epoch_now, np.concatenate([r, v]), nodes.deep_tdb_s, "earth", exact)
    jacobian = stm @ jacobian
    state = state.copy()
    state[3:] -= x[4:7]
    jacobian[3:, 4:7] -= np.eye(3)
    state, stm = flow(nodes.deep_tdb_s, state, end, "earth", exact)
    jacobian = stm @ jacobian
    if not np.all(np.isfinite(state)):
        return None
    jacobian[:, _LAST] = -state_rate(end, state, "earth")
    return _Chain(epoch, arrival, end, state), jacobian


_NOTHING: Final = Evaluation(np.full(3, np.nan), np.full((3, 8), np.nan))


def _towards(target: _Target, base: float, nodes: _Nodes, wished: Floats) -> Callable[[Floats], Evaluation]:
    """The condition on the angular momentum about the Earth while the craft is still far out."""

    def evaluate(x: Floats) -> Evaluation:
        found = _chain(target, base, nodes, x, False)
        if found is None:
            return _NOTHING
        state, by = found[0].departure, found[1]
        h = np.cross(state[:3], state[3:])
        h_by = np.cross(by[:3].T, state[3:]).T + np.cross(state[:3], by[3:].T).T
        return Evaluation((h - wished) / 1e11, h_by / 1e11, detail=found[0])

    return evaluate


def _on_cone(
    target: _Target, base: float, nodes: _Nodes, size: float, inclination: float
) -> Callable[[Floats], Evaluation]:
    """The same with the node free: only the momentum's part along the pole and its part across it are asked for.

    Far out these conditions are smooth, where those at perigee are stiff: here the burns are made least.
    """

    def evaluate(x: Floats) -> Evaluation:
        found = _chain(target, base, nodes, x, False)
        if found is None:
            return Evaluation(np.full(2, np.nan), np.full((2, 8), np.nan))
        state, by = found[0].departure, found[1]
        h = np.cross(state[:3], state[3:])
        h_by = np.cross(by[:3].T, state[3:]).T + np.cross(state[:3], by[3:].T).T
        across = max(float(np.hypot(h[0], h[1])), 1.0)
        values = np.array([h[2] - size * np.cos(inclination), across - size * np.sin(inclination)])
        rows = np.array([h_by[2], (h[0] * h_by[0] + h[1] * h_by[1]) / across])
        extra, extra_by = (float(x[3]), np.eye(8)[3]) if target.low else (0.0, None)
        return Evaluation(values / 1e11, rows / 1e11, extra, extra_by, found[0])

    return evaluate


def _to_perigee(
    target: _Target,
    base: float,
    nodes: _Nodes,
    radius: float,
    inclination: float,
    fixed: list[tuple[Floats, float]],
    exact: bool,
) -> Callable[[Floats], Evaluation]:
    """Perigee radius and time, the plane of the parking orbit, and fixed times; the cost of a low orbit's speed."""
    plane = Plane(np.array([0.0, 0.0, 1.0]), float(np.cos(inclination)))

    def evaluate(x: Floats) -> Evaluation:
        found = _chain(target, base, nodes, x, exact)
        if found is None:
            return _NOTHING
        apse, apse_by = perigee_conditions(found[0].departure, found[1], radius)
        tilt, tilt_by = plane_conditions(found[0].departure, found[1], [plane])
        values, rows = [*apse, *tilt], [*apse_by, *tilt_by]
        for weights, aim in fixed:
            row = np.zeros(8)
            row[0], row[_LAST] = weights
            values.append((weights[0] * x[0] + weights[1] * x[_LAST] - aim) / 7500.0)
            rows.append(row / 7500.0)
        extra, extra_by = 0.0, None
        if target.low:
            extra, extra_by = float(x[3]), np.eye(8)[3]
        return Evaluation(np.array(values), np.array(rows), extra, extra_by, found[0])

    return evaluate


def _wished(momentum: Floats, radius: float, inclination: float) -> Floats:
    """The momentum of a low perigee in the inclination whose node is nearest to the given momentum's."""
    size = LOW_M2_S * float(np.sqrt(radius / 6.56e6))
    level = momentum * np.array([1.0, 1.0, 0.0])
    length = float(np.linalg.norm(level))
    level = level / length if length > 0.0 else np.array([1.0, 0.0, 0.0])
    return np.asarray(size * (np.cos(inclination) * np.array([0.0, 0.0, 1.0]) + np.sin(inclination) * level))


def _rim(seed: BallisticSeed, target: _Target) -> float:
    """When the craft, backward, is first beyond the rim of the Moon's full model."""
    epoch, state, _ = target.start(seed.start)
    now, r, v = epoch, state[:3], state[3:]
    step = 0.5 * DAY_S
    while now > epoch - 30.0 * DAY_S:
        path = dynamics.propagate(now, r, v, now - step, centre="moon")
        if path.reason:
            break
        now, r, v = now - step, path.r_m, path.v_m_s
        if float(np.linalg.norm(r)) > _RIM_M:
            break
    return now


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    target: _Target
    nodes: _Nodes
    base_tdb_s: float
    solution: Solution

    @property
    def cost_m_s(self) -> float:
        """What is spent at the target and in deep space."""
        x = self.solution.x
        return sum(float(np.linalg.norm(x[b])) for b in self.target.burns) + self.solution.evaluation.extra_cost

    @property
    def departure_tdb_s(self) -> float:
        """Epoch of perigee."""
        return self.base_tdb_s - float(self.solution.x[_LAST])


@lru_cache(maxsize=1024)
def _free(place: Halo | Dro | MoonOrbit, block: int, index: int, radius: float, inclination: float) -> _Found | str:
    """A seed corrected with its times free, kept: neighbouring dates share it."""
    return _correct(place, seeding.seeds(place, block)[index], radius, inclination, [])


def _correct(
    place: Halo | Dro | MoonOrbit,
    seed: BallisticSeed,
    radius: float,
    inclination: float,
    fixed: list[tuple[Floats, float]],
) -> _Found | str:
    """From a seed of the grid to a flight from the parking orbit, in the full model; or why not.

    ``fixed`` are linear conditions on (shift of the arrival, flight time before the seed's arrival), s.
    """
    target = _low_target(place, seed) if isinstance(place, MoonOrbit) else _orbit_target(place, seed)
    if isinstance(target, str):
        return target
    base = seed.arrival_tdb_s
    rim = _rim(seed, target)
    nodes = _Nodes(rim, min(seed.apogee_tdb_s, rim - DAY_S))
    x = np.concatenate([seed.start, np.zeros(3), [base - seed.inbound_tdb_s]])
    held = target.scale.copy()
    held[_LAST] = 0.0
    wished = _wished(seed.momentum_m2_s, radius, inclination)
    inbound = satisfy(_towards(target, base, nodes, wished), x, held, tolerance=3e-3, iterations=25)
    if not inbound.miss < 0.1:
        return f"the way in from the Sun's tide did not bend to a low perigee ({inbound.miss:.1e})"
    least = polish(
        _on_cone(target, base, nodes, float(np.linalg.norm(wished)), inclination),
        inbound.x,
        held,
        target.burns,
        _UNIT_M_S,
        tolerance=3e-3,
        evaluations=40,
    )
    if least.miss < 0.02:
        inbound = least
    chain = inbound.evaluation.detail
    assert isinstance(chain, _Chain)
    # fall on to the perigee of the osculating orbit, in steps: its time is rough from far out
    r, v, now = chain.departure[:3], chain.departure[3:], chain.departure_tdb_s
    for _ in range(4):
        _, since = periapsis(r, v, GM_EARTH_M3_S2)
        step = float(np.clip(0.9 * abs(float(since)), 600.0, 6.0 * DAY_S))
        path = dynamics.propagate(now, r, v, now - step, centre="earth")
        if path.reason or path.r_m @ path.v_m_s < 0.0:
            break
        r, v, now = path.r_m, path.v_m_s, now - step
    x = inbound.x.copy()
    x[_LAST] = base - now
    search = _to_perigee(target, base, nodes, radius, inclination, fixed, False)
    exact = _to_perigee(target, base, nodes, radius, inclination, fixed, True)
    rough = polish(search, x, target.scale, target.burns, _UNIT_M_S, tolerance=1e-5, evaluations=40)
    if not rough.miss < 1e-3:
        return f"the perigee was not met ({rough.miss:.1e})"
    end = satisfy(exact, rough.x, target.scale, tolerance=_CLOSED, iterations=25)
    if not end.miss < 10.0 * _CLOSED:
        return f"the full model was not met ({end.miss:.1e})"
    return _Found(target, nodes, base, end)


def _search(
    place: Halo | Dro | MoonOrbit, radius: float, inclination: float, departure: float, options: SolveOptions
) -> _Found | str:
    """The cheapest of the first few that converge, those near the date first."""
    duration = _USUAL_S if options.duration_s is None else options.duration_s
    middle = int(np.floor((departure + duration) / BLOCK_S))
    reason = "no ballistic way arrives from a low Earth orbit in the months around the date"
    best: _Found | None = None
    least, tried = float("inf"), 0
    for offset in _BLOCKS:
        block = middle + offset
        ranked = []
        for index, seed in enumerate(seeding.seeds(place, block)):
            shift = abs(seed.departure_tdb_s - departure)
            if shift > _FARTHEST_SHIFT_S:
                continue
            if options.duration_s is not None:
                shift += abs(seed.arrival_tdb_s - seed.departure_tdb_s - options.duration_s)
            wide = float(np.linalg.norm(seed.momentum_m2_s - _wished(seed.momentum_m2_s, radius, inclination)))
            ranked.append((_SHIFT_M_S * shift / DAY_S + _WIDE_M_S * wide / 1e10 + seed.burn_m_s, index, seed))
        for _, index, seed in sorted(ranked, key=lambda entry: entry[:2])[: _TRIES // 2]:
            fixed = _fixed(seed.arrival_tdb_s, departure, options)
            if fixed:
                found = _correct(place, seed, radius, inclination, fixed)
            else:
                found = _free(place, block, index, radius, inclination)
            tried += 1
            if isinstance(found, str):
                reason = found
                continue
            price = found.cost_m_s + _SHIFT_M_S * abs(found.departure_tdb_s - departure) / DAY_S
            if price < least:
                best, least = found, price
        if best is not None and (tried >= _TRIES or _within(best, place)):
            break
    if best is None:
        return f"{reason}; {tried} guesses were tried"
    return best


def _fixed(base: float, departure: float, options: SolveOptions) -> list[tuple[Floats, float]]:
    fixed = []
    if options.fixed_departure:
        fixed.append((np.array([0.0, 1.0]), base - departure))
    if options.duration_s is not None:
        fixed.append((np.array([1.0, 1.0]), options.duration_s))
    return fixed


def _within(found: _Found, place: Halo | Dro | MoonOrbit) -> bool:
    cost = found.cost_m_s
    if isinstance(place, MoonOrbit):
        cost -= float(np.sqrt(2.0 * GM_MOON_M3_S2 / (MOON_RADIUS_M + place.altitude_m)))
    return cost < _CHEAP_M_S


def _from_deep_space(t0: float, home: Floats, deep: Floats, nodes: _Nodes, arrival: float) -> Floats | None:
    """Transition matrix from after the burn in deep space to the arrival."""
    out = dynamics.propagate(t0, home[:3], home[3:], nodes.deep_tdb_s, centre="earth")
    state, first = flow(
        nodes.deep_tdb_s, np.concatenate([out.r_m, out.v_m_s + deep]), nodes.change_tdb_s, "earth", True
    )
    r, v = dynamics.change_centre(nodes.change_tdb_s, state[:3], state[3:], "earth", "moon")
    if not np.all(np.isfinite(r)):
        return None
    _, second = flow(nodes.change_tdb_s, np.concatenate([r, v]), arrival, "moon", True)
    return np.asarray(second @ first) if np.all(np.isfinite(second)) else None


def _leg(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    origin, place = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(place, (Halo, Dro, MoonOrbit))
    if origin.raan_rad is not None:
        return refusal(
            arc,
            departure_tdb_s,
            "ballistic transfers are solved with the node of the parking orbit free, and this one's is given",
        )
    if isinstance(place, MoonOrbit) and (place.over is not None or options.plane_normal is not None):
        return refusal(
            arc,
            departure_tdb_s,
            "ballistic transfers reach a lunar orbit of given inclination, not one over a site or in a given plane",
        )
    radius = orbit_radius(origin.altitude_m)
    try:
        found = _search(place, radius, origin.inclination_rad, departure_tdb_s, options)
    except ValueError as error:
        return refusal(arc, departure_tdb_s, str(error))
    if isinstance(found, str):
        return refusal(arc, departure_tdb_s, found)
    x, nodes = found.solution.x, found.nodes
    chain = found.solution.evaluation.detail
    assert isinstance(chain, _Chain)
    if isinstance(place, MoonOrbit):
        v = chain.arrival[3:]
        arrival_burn = v * (np.sqrt(GM_MOON_M3_S2 / np.linalg.norm(chain.arrival[:3])) / np.linalg.norm(v) - 1.0)
        name = "loi"
    else:
        arrival_burn, name = -x[1:4], "insertion"
    t0, home = chain.departure_tdb_s, chain.departure
    deep = x[4:7]
    aimed = chain.arrival[3:] + arrival_burn
    for _ in range(3):
        coasts = [
            Coast(nodes.deep_tdb_s, "earth", deep),
            Coast(nodes.change_tdb_s, "earth"),
            Coast(chain.arrival_tdb_s, "moon", arrival_burn),
        ]
        flown = fly(t0, "earth", home[:3], home[3:], coasts, dense=options.samples > 0)
        miss, drift = flown.r_m - chain.arrival[:3], flown.v_m_s - aimed
        closure = float(np.linalg.norm(miss)), float(np.linalg.norm(drift))
        if not 5.0 < closure[0] < 1e6:
            break
        # forward, rounding at the Earth has grown: the burn in deep space takes it out
        stm = _from_deep_space(t0, home, deep, nodes, chain.arrival_tdb_s)
        if stm is None:
            break
        fix = -np.linalg.solve(stm[:3, 3:], miss)
        deep = deep + fix
        arrival_burn = arrival_burn - drift - stm[3:, 3:] @ fix
    burns, note = departure_burns("tli", t0, home[:3], home[3:], origin.inclination_rad)
    burns += [impulse("deep_space", nodes.deep_tdb_s, deep), impulse(name, chain.arrival_tdb_s, arrival_burn)]
    shift = (t0 - departure_tdb_s) / DAY_S
    notes = [note] if note else []
    notes.append(f"the departure is {abs(shift):.1f} d {'after' if shift > 0.0 else 'before'} the date asked for")
    speed2, distance = float(home[3:] @ home[3:]), float(np.linalg.norm(home[:3]))
    return finish(
        arc,
        burns,
        [
            Event("departure", t0),
            Event("apogee", nodes.deep_tdb_s, "about the farthest from the Earth"),
            Event("arrival", chain.arrival_tdb_s),
        ],
        flown,
        closure,
        t0,
        options,
        speed2 - 2.0 * GM_EARTH_M3_S2 / distance,
        approximation="; ".join(notes),
    )


@register(EarthOrbit, Halo, "ballistic")
def solve_earth_to_halo_ballistic(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From a low Earth orbit into a halo by the Sun's tide: burns "tli", "deep_space", "insertion".

    Parameters
    ----------
    arc
        From an :class:`EarthOrbit` (node free) to a :class:`Halo` about L2.
    departure_tdb_s
        TDB seconds past J2000. The real departure may lie up to 18 days from it (``Leg.approximation`` says how
        many) unless ``options.fixed_departure`` holds it, at a price or without success.
    options
        ``duration_s`` is met if a way of about that time exists.

    Returns
    -------
    Leg
        Flown again in one go, in the full model; or a failure with its reason.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves DE440.
    """
    return _leg(arc, departure_tdb_s, options)


@register(EarthOrbit, MoonOrbit, "ballistic")
def solve_earth_to_moon_orbit_ballistic(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From a low Earth orbit to a circular low lunar orbit by the Sun's tide: burns "tli", "deep_space", "loi".

    The lunar orbit's inclination is met, its node is free; parameters, result and errors are those of
    :func:`solve_earth_to_halo_ballistic`.
    """
    return _leg(arc, departure_tdb_s, options)
