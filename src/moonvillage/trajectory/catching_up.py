"""Catching up: the burns that bring a chaser to an aim point behind a target, over hours or days, in n-body motion.

One scheme serves the Earth and the Moon. A profile names its burns by what each is for (raise the perigee, settle
in the phasing orbit, leave it, settle below the target, go up, match) and when it comes, in revolutions after
insertion or before arrival. Conics give the first figures; Newton's method in the full model meets the aim point,
and of all burns that meet it those of least sum are kept (iteratively reweighted least squares: R. Chartrand &
W. Yin, "Iteratively reweighted algorithms for compressive sensing", ICASSP 2008, here on vectors).

The aim point trails (or leads) the target on the target's own path by a time, so that a craft there would stay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import (
    EARTH_RADIUS_M,
    GM_M3_S2,
    MOON_RADIUS_M,
)
from moonvillage.trajectory.planes import local_axes

Floats = NDArray[np.float64]

_RADIUS: Final = {"earth": EARTH_RADIUS_M, "moon": MOON_RADIUS_M}
#: Lowest radius that a phasing orbit may have, above the body's radius, m.
_LOWEST: Final = {"earth": 150e3, "moon": 12e3}
_ITERATIONS: Final = 14
_SECANTS: Final = 16
#: Burns smaller than this weigh alike, m/s.
_SMALL_M_S: Final = 0.3
#: The aim point is met when this close, m; what is left, proximity operations take up.
_CLOSE_M: Final = 0.05


@dataclass(frozen=True, slots=True)
class Slot:
    """One burn of a profile.

    ``aim`` says what the burn is for, which gives its first figure: "raise" (set the opposite apse to the phasing
    radius), "settle" (circularise at the phasing radius), "leave" (set the opposite apse to the coelliptic radius),
    "coelliptic" (circularise there), "transfer" (set the opposite apse to the target's radius), "plane" (turn into
    the target's plane where the two cross, nearest to the time given). ``revolutions`` are counted from insertion, or
    before the arrival at the aim point if negative. ``axes`` are the components that may be non-zero: r(adial),
    t(angential), n(ormal).
    """

    name: str
    aim: str
    revolutions: float
    axes: str = "t"


@dataclass(frozen=True, slots=True, eq=False)
class Insertion:
    """Where the chaser starts.

    Either the state ``r_m``, ``v_m_s`` (3,), (3,), ICRF about the body (then the phase is given), or only the apses
    ``periapsis_m``, ``apoapsis_m`` (radii): it is then inserted at periapsis, in the target's plane turned by as much
    as the two planes will drift apart, at the phase that suits the profile. That is what a launch at the right minute
    towards a station whose phase was prepared does. With ``normal`` (3,), ICRF, the plane is given, not the phase.
    """

    periapsis_m: float
    apoapsis_m: float
    r_m: Floats | None = None
    v_m_s: Floats | None = None
    normal: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class PhasingBurn:
    """An impulse: epoch (TDB s), vector (3,) m/s ICRF."""

    name: str
    epoch_tdb_s: float
    dv_icrf_m_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Phasing:
    """A phasing flight to the aim point, or why there is none (``reason`` not empty).

    ``r0_m``, ``v0_m_s`` is the chaser at insertion; ``r1_m``, ``v1_m_s`` at the aim point after the last burn
    ("match"), ICRF about the body. ``bias_rad`` is by how much the insertion plane is turned from the target's of the
    moment (at the node's quadrature, at the node); zeros where the state was given. ``lead_rad``: how far the target
    is ahead at insertion. ``miss_m``: of the aim point.
    """

    start_tdb_s: float
    end_tdb_s: float
    r0_m: Floats
    v0_m_s: Floats
    burns: tuple[PhasingBurn, ...]
    r1_m: Floats
    v1_m_s: Floats
    bias_rad: tuple[float, float] = (0.0, 0.0)
    phasing_radius_m: float = float("nan")
    lead_rad: float = float("nan")
    miss_m: float = float("nan")
    reason: str = ""


def _relative(state: Floats, aim: Floats) -> Floats:
    """(..., 6) states to (radius, arc, cross, radial, transverse, cross speeds) beside the aim state (6,), m, m/s.

    Along the arc, not along the tangent: nearly linear in the burns however far along the orbit the chaser is.
    """
    axes = local_axes(aim[:3], aim[3:])
    r, v = state[..., :3] @ axes, state[..., 3:] @ axes
    radius = float(np.linalg.norm(aim[:3]))
    flat = np.hypot(r[..., 0], r[..., 1])
    angle = np.arctan2(r[..., 1], r[..., 0])
    own = aim[3:] @ axes
    along = (-r[..., 1] * v[..., 0] + r[..., 0] * v[..., 1]) / flat
    up = (r[..., 0] * v[..., 0] + r[..., 1] * v[..., 1]) / flat
    return np.stack([flat - radius, radius * angle, r[..., 2], up - own[0], along - own[1], v[..., 2]], axis=-1)


def _relative_gradient(state: Floats, aim: Floats) -> Floats:
    steps = np.array([1.0] * 3 + [1e-3] * 3)
    table = np.concatenate([state + np.diag(steps), state - np.diag(steps)])
    found = _relative(table, aim)
    return np.asarray(((found[:6] - found[6:]) / (2.0 * steps[:, None])).T)


def _sequence(
    slots: tuple[Slot, ...], mu: float, insertion: tuple[float, float], radii: tuple[float, float, float]
) -> tuple[list[float], float, list[float]]:
    """Tangential first figures and the period after each slot, on conics (Hohmann steps)."""
    phasing, coelliptic, last = radii
    here, opposite = insertion  # periapsis, apoapsis; the first slot is at the opposite apse
    values: list[float] = []
    periods = [2.0 * np.pi * np.sqrt((0.5 * (here + opposite)) ** 3 / mu)]
    for slot in slots:
        if slot.aim == "plane":
            values.append(0.0)
            periods.append(periods[-1])
            continue
        here, opposite = opposite, here
        wanted = {
            "raise": phasing,
            "settle": here,
            "leave": coelliptic,
            "coelliptic": here,
            "transfer": last,
            "trim": opposite,
        }[slot.aim]
        before = np.sqrt(2.0 * mu * (1.0 / here - 1.0 / (here + opposite)))
        after = np.sqrt(2.0 * mu * (1.0 / here - 1.0 / (here + wanted)))
        values.append(float(after - before))
        opposite = wanted
        periods.append(2.0 * np.pi * np.sqrt((0.5 * (here + opposite)) ** 3 / mu))
    here, opposite = opposite, here
    match = float(np.sqrt(mu / here) - np.sqrt(2.0 * mu * (1.0 / here - 1.0 / (here + opposite))))
    return values, match, periods


#: Phasing radius, m → epochs (n,) of the burns and first figures (n, 3) in local axes, or None where they do not fit.
SetUp = Callable[[float], "tuple[Floats, Floats] | None"]


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    centre: str
    t0: float
    t1: float
    slots: tuple[Slot, ...]
    insertion: Insertion
    target0: Floats  # the target's state at insertion
    aim: Floats  # the aim point's state at arrival
    free: bool


def _start(problem: _Problem, free: Floats) -> Floats:
    """The insertion state for (phase, node bias, inclination bias)."""
    given = problem.insertion
    if given.r_m is not None and given.v_m_s is not None:
        return np.concatenate([given.r_m, given.v_m_s])
    mu = GM_M3_S2[problem.centre]
    normal = np.cross(problem.target0[:3], problem.target0[3:]) if given.normal is None else given.normal
    normal = normal / np.linalg.norm(normal)
    pole = np.array([0.0, 0.0, 1.0])
    node = np.cross(pole, normal)
    size = float(np.linalg.norm(node))
    node = node / size if size > 1e-6 else np.array([1.0, 0.0, 0.0])
    turn, tilt = float(free[1]), float(free[2])
    c, s = np.cos(turn), np.sin(turn)
    # the plane is turned about the axis square to the node (node bias, as seen in the plane) and about the node
    square = np.cross(normal, node)
    normal = normal * c + node * s
    square_turned = square
    node_turned = np.cross(square_turned, normal)
    normal = normal * np.cos(tilt) - square_turned * np.sin(tilt)
    across = np.cross(normal, node_turned)
    cu, su = np.cos(free[0]), np.sin(free[0])
    q, big = given.periapsis_m, given.apoapsis_m
    speed = np.sqrt(2.0 * mu * (1.0 / q - 1.0 / (q + big)))
    return np.concatenate([q * (cu * node_turned + su * across), speed * (cu * across - su * node_turned)])


def _fly(
    problem: _Problem, free: Floats, burns: Floats, epochs: Floats, stm: bool
) -> tuple[Floats, Floats | None, list[Floats]]:
    """End state, its Jacobian by (free, burns) (6, 3 + 3n), and the axes at each burn; burns (n, 3) in local axes."""
    state = _start(problem, free)
    count = burns.shape[0]
    jacobian = np.zeros((6, 3 + 3 * count))
    if stm and problem.free:
        for j in range(3):
            step = np.zeros(3)
            step[j] = 1e-6
            jacobian[:, j] = (_start(problem, free + step) - _start(problem, free - step)) / 2e-6
    axes_list: list[Floats] = []
    now = problem.t0
    for k in range(count + 1):
        to = float(epochs[k]) if k < count else problem.t1
        if to > now:
            path = dynamics.propagate(now, state[:3], state[3:], to, centre=problem.centre, stm=stm)
            if path.reason:
                return np.full(6, np.nan), None, axes_list
            state = path.state
            if stm and path.stm is not None:
                jacobian = path.stm @ jacobian
        now = to
        if k < count:
            axes = local_axes(state[:3], state[3:])
            axes_list.append(axes)
            if stm:  # the burn turns with the axes of the state that earlier burns change
                steps = np.array([100.0] * 3 + [0.1] * 3)
                turned = np.stack(
                    [
                        (local_axes(*np.split(state + e, 2)) - local_axes(*np.split(state - e, 2))) @ burns[k]
                        for e in np.diag(steps)
                    ],
                    axis=1,
                ) / (2.0 * steps)
                jacobian[3:] += turned @ jacobian
            state = state + np.concatenate([np.zeros(3), axes @ burns[k]])
            jacobian[3:, 3 + 3 * k : 6 + 3 * k] += axes
    return state, (jacobian if stm else None), axes_list


def phase(
    centre: str,
    start_tdb_s: float,
    arrival_tdb_s: float,
    insertion: Insertion,
    target: dynamics.Path,
    trailing_s: float,
    slots: tuple[Slot, ...],
    *,
    coelliptic_m: float,
    phasing_fraction: float,
) -> Phasing:
    """Solve a phasing flight from insertion to the aim point.

    Parameters
    ----------
    centre
        ``"earth"`` or ``"moon"``.
    start_tdb_s, arrival_tdb_s
        Insertion, and arrival at the aim point; TDB seconds past J2000.
    insertion
        Where the chaser starts (:class:`Insertion`).
    target
        The target's flight, with dense output, over ``start_tdb_s`` to ``arrival_tdb_s`` and the trailing time.
    trailing_s
        The aim point is where the target was so long before (s; negative: ahead of it).
    slots
        The burns (:class:`Slot`), in order; "match" at the aim point is added.
    coelliptic_m
        How far below the target the chaser settles last, m.
    phasing_fraction
        Where the phase is free: height of the phasing orbit between insertion (0) and coelliptic orbit (1).

    Returns
    -------
    Phasing
        With a ``reason`` where nothing was found; where the phase is given, the reason names the phases that the
        profile can catch.
    """
    mu = GM_M3_S2[centre]
    aim = target.at(arrival_tdb_s - trailing_s)
    target0 = target.at(start_tdb_s)
    free = insertion.r_m is None
    problem = _Problem(centre, start_tdb_s, arrival_tdb_s, slots, insertion, target0, aim, free)
    radius = 1.0 / (2.0 / float(np.linalg.norm(aim[:3])) - float(aim[3:] @ aim[3:]) / mu)
    coelliptic = radius - coelliptic_m
    duration = arrival_tdb_s - start_tdb_s
    ends = (insertion.periapsis_m, insertion.apoapsis_m)

    def set_up(phasing: float) -> tuple[Floats, Floats] | None:
        values, match, periods = _sequence(slots, mu, ends, (phasing, coelliptic, radius))
        epochs = []
        now, turned = start_tdb_s, 0.0
        for k, slot in enumerate(slots):
            if slot.revolutions >= 0.0:
                now += (slot.revolutions - turned) * periods[k]
                turned = slot.revolutions
                epochs.append(now)
            else:
                epochs.append(arrival_tdb_s + slot.revolutions * periods[-1])
        times = np.array([*epochs, arrival_tdb_s])
        if np.any(np.diff(times) < 60.0) or times[0] < start_tdb_s:
            return None
        burns = np.zeros((len(slots) + 1, 3))
        burns[:-1, 1] = values
        burns[-1, 1] = match
        return times, burns

    start = float(np.mean(ends))
    if free:
        phasing = start + phasing_fraction * (coelliptic - start)
        found = set_up(phasing)
        if found is None:
            return _nothing(problem, f"The burns of the profile do not fit into {duration / 3600:.1f} hours.")
        epochs, burns = found
        x0 = np.zeros(3)
        for _ in range(3):
            end, _, _ = _fly(problem, x0, burns, epochs, False)
            if not np.all(np.isfinite(end)):
                return _nothing(problem, "The flight on the first figures runs into the body.")
            x0[0] -= float(_relative(end, aim)[1]) / float(np.linalg.norm(aim[:3]))
            if not _turn_at_the_crossing(problem, target, x0, burns, epochs):
                return _nothing(problem, "The two planes do not cross within the time given.")
    else:
        x0 = np.zeros(3)
        chosen = _phasing_radius(problem, set_up, start, coelliptic)
        if isinstance(chosen, str):
            return _nothing(problem, chosen)
        phasing = chosen
        found = set_up(phasing)
        assert found is not None
        epochs, burns = found
        if not _turn_at_the_crossing(problem, target, x0, burns, epochs):
            return _nothing(problem, "The two planes do not cross within the time given.")
    return _solve(problem, x0, burns, epochs, phasing)


def _turn_at_the_crossing(
    problem: _Problem, target: dynamics.Path, free: Floats, burns: Floats, epochs: Floats
) -> bool:
    """Move the burn that turns the plane to where the planes cross, and size it (in place); False if they do not."""
    for k, slot in enumerate(problem.slots):
        if slot.aim != "plane":
            continue
        begin = float(epochs[k - 1]) if k else problem.t0
        shorter = replace(problem, slots=problem.slots[:k], t1=begin + 1.0)
        state, _, _ = _fly(shorter, free, burns[:k], epochs[:k], False)
        path = dynamics.propagate(
            begin + 1.0, state[:3], state[3:], float(epochs[k + 1]) - 60.0, centre=problem.centre, dense=True
        )
        if path.reason:
            return False

        def above(t: Floats, s: Floats) -> Floats:
            other = target.at(t)
            return np.asarray(np.einsum("ij,ij->i", s[:, :3], np.cross(other[:, :3], other[:, 3:])))

        crossings = path.crossings(above)
        crossings = crossings[(crossings > begin + 120.0)]
        if not crossings.size:
            return False
        epochs[k] = float(crossings[np.argmin(np.abs(crossings - epochs[k]))])
        own, other = path.at(epochs[k]), target.at(epochs[k])
        axes = local_axes(own[:3], own[3:])
        normal = np.cross(other[:3], other[3:])
        level = np.cross(normal, own[:3])
        flat = float(own[3:] @ axes[:, 1])
        burns[k] = axes.T @ (flat * level / np.linalg.norm(level) + (own[3:] @ axes[:, 0]) * axes[:, 0] - own[3:])
    return True


def _phasing_radius(problem: _Problem, set_up: SetUp, start: float, coelliptic: float) -> float | str:
    """The phasing radius at which the given phase is caught in the given time, by the full model; or why none is."""
    lowest = _RADIUS[problem.centre] + _LOWEST[problem.centre]
    highest = 2.0 * coelliptic - min(start, coelliptic) + 30e3
    grid = np.linspace(lowest, max(highest, coelliptic + 30e3), 15)
    errors = np.full(grid.size, np.nan)
    mu = GM_M3_S2[problem.centre]

    def error(radius: float) -> float:
        found = set_up(radius)
        if found is None:
            return float("nan")
        end, _, _ = _fly(problem, np.zeros(3), found[1], found[0], False)
        return float(_relative(end, problem.aim)[1]) / float(np.linalg.norm(problem.aim[:3]))

    for k, radius in enumerate(grid):
        errors[k] = error(float(radius))
    good = np.isfinite(errors)
    if int(good.sum()) < 3:
        return "The burns of the profile do not fit into the time given."
    grid, errors = grid[good], errors[good]
    # the angle is known but for whole turns; conics say how it goes with the radius
    slope = 1.5 * np.sqrt(mu / coelliptic**5) * (problem.t1 - problem.t0)
    for k in range(1, errors.size):
        expected = errors[k - 1] - slope * (grid[k] - grid[k - 1])
        errors[k] += 2.0 * np.pi * np.round((expected - errors[k]) / (2.0 * np.pi))
    best: float | None = None
    for turns in range(int(np.floor(errors.min() / (2 * np.pi))), int(np.ceil(errors.max() / (2 * np.pi))) + 1):
        shifted = errors - 2.0 * np.pi * turns
        for m in np.flatnonzero(shifted[:-1] * shifted[1:] <= 0.0):
            k = int(m)
            a, b, fa, fb = grid[k], grid[k + 1], shifted[k], shifted[k + 1]
            root = float(a - fa * (b - a) / (fb - fa))
            outside = max(0.0, min(start, coelliptic) - root, root - max(start, coelliptic))
            kept = (
                float("inf")
                if best is None
                else max(0.0, min(start, coelliptic) - best, best - max(start, coelliptic))
            )
            if outside < kept:
                best = root
    if best is None:
        low, high = np.rad2deg(errors.min()), np.rad2deg(errors.max())
        return (
            f"This phase cannot be caught in {(problem.t1 - problem.t0) / 3600:.1f} hours: between the lowest and "
            f"the highest phasing orbit the chaser arrives {low:+.0f} to {high:+.0f} deg from the aim point."
        )
    return best


def _solve(problem: _Problem, x0: Floats, burns: Floats, epochs: Floats, phasing: float) -> Phasing:
    aim = problem.aim
    count = burns.shape[0]
    allowed = np.zeros(3 + 3 * count, dtype=bool)
    allowed[0] = problem.free
    allowed[1:3] = problem.free and problem.insertion.normal is None
    for k in range(count):
        axes = problem.slots[k].axes if k < count - 1 else "rtn"
        for j, letter in enumerate("rtn"):
            allowed[3 + 3 * k + j] = letter in axes
    x = np.concatenate([x0, burns.ravel()])
    rate = float(np.linalg.norm(aim[3:])) / float(np.linalg.norm(aim[:3]))
    scale = np.array([1.0, 1.0, 1.0, rate, rate, rate])
    miss, total_before = float("inf"), float("inf")
    done = False
    axes_list: list[Floats] = []
    end = np.full(6, np.nan)
    jacobian_kept: Floats | None = None
    step_made = np.zeros(x.size)
    error_before = np.zeros(6)
    for turn in range(_ITERATIONS + _SECANTS):
        closing = turn >= _ITERATIONS - 5  # the last turns only close the gap
        secant = turn >= _ITERATIONS
        if secant and jacobian_kept is None:
            break
        end, jacobian, axes_list = _fly(problem, x[:3], x[3:].reshape(-1, 3), epochs, not secant)
        if not np.all(np.isfinite(end)):
            return _nothing(problem, "The phasing search left for an orbit that runs into the body.")
        error = _relative(end, aim)
        miss = float(np.linalg.norm(error[:3]))
        total = float(np.sum(np.linalg.norm(x[3:].reshape(-1, 3), axis=1)))
        settled = abs(total - total_before) < 0.01 or turn >= _ITERATIONS - 4
        # after many turns about the Moon, what rounding leaves may be more
        close = _CLOSE_M if turn < _ITERATIONS + 4 else 20.0 * _CLOSE_M
        if miss < close and float(np.max(np.abs(error[3:]))) < 2e-3 * close and settled:
            done = True
            break
        total_before = total
        # minimise Σ |b|²/|b_old| subject to the conditions, linearised; phase and bias are free of charge
        weight = np.ones(x.size)
        sizes = np.linalg.norm(x[3:].reshape(-1, 3), axis=1)
        weight[3:] = np.repeat(sizes + _SMALL_M_S, 3)
        weight = np.where(allowed, weight, 0.0)
        if jacobian is not None:
            slope = _relative_gradient(end, aim) @ jacobian / scale[:, None]
        else:  # about the Moon the variations carry degree 2 of the field only: Broyden's update learns the rest
            assert jacobian_kept is not None
            metric = np.divide(step_made, weight, out=np.zeros(x.size), where=weight > 0.0)
            change = (error - error_before) / scale
            slope = jacobian_kept + np.outer(change - jacobian_kept @ step_made, metric) / max(
                float(step_made @ metric), 1e-300
            )
        keep = np.zeros(x.size)
        keep[:3] = x[:3]
        keep = x.copy() if closing else keep
        wanted = slope @ (x - keep) - error / scale
        gram = (slope * weight) @ slope.T
        root = np.sqrt(np.diag(gram))
        if not np.all(root > 0.0):
            return _nothing(problem, "The burns of the profile cannot steer to the aim point.")
        solution = np.linalg.lstsq(gram / np.outer(root, root), wanted / root, rcond=1e-13)[0] / root
        step = keep + weight * (slope.T @ solution) - x
        longest = max(float(np.max(np.abs(step[:3]))) / 0.3, float(np.max(np.abs(step[3:]))) / 120.0, 1e-12)
        step_made, error_before, jacobian_kept = step * min(1.0, 1.0 / longest), error, slope
        x = x + step_made
    if not done:
        return _nothing(problem, f"The phasing search stopped {miss:.3g} m from the aim point.")
    burns = x[3:].reshape(-1, 3)
    names = [slot.name for slot in problem.slots] + ["match"]
    start = _start(problem, x[:3])
    before = axes_list
    made = tuple(
        PhasingBurn(names[k], float(epochs[k]), before[k] @ burns[k])
        for k in range(count)
        if k == count - 1 or float(np.linalg.norm(burns[k])) > 1e-3
    )
    target0 = problem.target0
    lead = float(_relative(target0, start)[1]) / float(np.linalg.norm(start[:3]))
    return Phasing(
        problem.t0,
        problem.t1,
        start[:3],
        start[3:],
        made,
        end[:3],
        end[3:],
        (float(x[1]), float(x[2])),
        phasing,
        lead % (2.0 * np.pi),
        miss,
    )


def _nothing(problem: _Problem, reason: str) -> Phasing:
    none = np.full(3, np.nan)
    return Phasing(problem.t0, problem.t1, none, none, (), none, none, reason=reason)
