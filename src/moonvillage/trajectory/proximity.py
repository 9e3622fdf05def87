"""The last fifty kilometres: hold points, corridor, glideslope, plume and contact, in the n-body model.

A terminal phase is a chain of waypoints on or beside the target's path. From each to the next the velocity is solved
so that the chaser, flown in the full model, comes there at its time: first guess by the solution of Clohessy and
Wiltshire ("Terminal guidance system for satellite rendezvous", J. Aerospace Sciences 27, 1960), then Newton's
method. Between far hold points one such transfer leads; in the corridor many short ones follow the multipulse
glideslope of H. Hablani, M. Tapper and D. Dana-Bashian ("Guidance and relative navigation for autonomous rendezvous
in a circular orbit", JGCD 25, 2002, eqs. 23–30), whose speed falls with the distance. Hold points behind or ahead of
the target lie on its own path, where a craft stays by itself.

Relative axes: R (radial, outward), S (along-track), W (cross-track) of the target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_M3_S2
from moonvillage.trajectory.planes import local_axes

Floats = NDArray[np.float64]

#: Shares of a revolution over which the Clohessy–Wiltshire solution alone is corrected with (else the STM).
_SHORT: Final = 0.06
_CLOSE_M: Final = 1e-4
AXES: Final = {
    "behind": (0.0, -1.0, 0.0),
    "ahead": (0.0, 1.0, 0.0),
    "below": (-1.0, 0.0, 0.0),
    "above": (1.0, 0.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold point: distance from the target's port, m; how long it is kept, s; the way there, in revolutions.

    ``transfer_revolutions`` is the length of the two-impulse transfer that leads here; None: along the glideslope.
    """

    distance_m: float
    duration_s: float
    transfer_revolutions: float | None = None


@dataclass(frozen=True, slots=True)
class Approach:
    """The rules of a terminal phase.

    ``holds`` run from far to near. Within ``corridor_m`` the chaser keeps inside a cone of ``cone_half_angle_rad``
    about the port's axis, and closes no faster than ``contact_m_s`` + ``closing_rate_s`` × distance. A pulse within
    ``plume_distance_m`` whose exhaust (half-angle ``plume_half_angle_rad``) would strike the target is fired with
    thrusters canted by ``plume_cant_rad`` off the axis, at the price of 1/cos; with None it is forbidden.
    Defaults: hold points of Shenzhou and Tianzhou at 5 km, 400 m, 140 m and 30 m (CMSA, 2011 and 2016), contact at
    0.2 m/s (CMSA 2011); canted braking within 300 m as in the Shuttle's Low-Z mode (within 1,000 ft; NASA
    JSC-49686).
    """

    axis: str = "behind"
    start_distance_m: float = 52_000.0
    holds: tuple[Hold, ...] = (
        Hold(5_000.0, 300.0, 0.8),
        Hold(400.0, 180.0, 0.4),
        Hold(140.0, 120.0),
        Hold(30.0, 120.0),
    )
    corridor_m: float = 400.0
    cone_half_angle_rad: float = float(np.deg2rad(10.0))
    contact_m_s: float = 0.2
    closing_rate_s: float = 0.004
    pulse_s: float = 30.0
    plume_distance_m: float = 300.0
    plume_half_angle_rad: float = float(np.deg2rad(30.0))
    plume_cant_rad: float | None = float(np.deg2rad(30.0))


@dataclass(frozen=True, slots=True, eq=False)
class Pulse:
    """One impulse of the terminal phase.

    ``dv_icrf_m_s`` (3,) ICRF; ``dv_rsw_m_s`` (3,) on the target's axes; ``spent_m_s`` what the propulsion gives
    (more than the size where canted thrusters brake); ``distance_m`` from the port.
    """

    phase: str
    epoch_tdb_s: float
    dv_icrf_m_s: Floats
    dv_rsw_m_s: Floats
    spent_m_s: float
    distance_m: float
    canted: bool


@dataclass(frozen=True, slots=True, eq=False)
class RelativeTrajectory:
    """The chaser beside the target: epochs (n,) TDB s; r_m, v_m_s (n, 3) on the target's turning RSW axes."""

    epoch_tdb_s: Floats
    r_m: Floats
    v_m_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Terminal:
    """A terminal phase from the first hold distance to contact, or why there is none (``reason`` not empty).

    ``worst_cone_rad`` and ``worst_speed`` are the largest angle off the axis and the largest closing speed over its
    limit within the corridor, until contact (the pulses are such that both limits hold, or the reason says so).
    ``r_m``, ``v_m_s``: the chaser at contact, before it is stopped, ICRF about the body.
    """

    start_tdb_s: float
    contact_tdb_s: float
    pulses: tuple[Pulse, ...]
    holds: tuple[tuple[float, float, float], ...]  # distance, begin, end
    relative: RelativeTrajectory | None
    r_m: Floats
    v_m_s: Floats
    worst_cone_rad: float = float("nan")
    worst_speed: float = float("nan")
    reason: str = ""

    @property
    def dv_m_s(self) -> float:
        """What the propulsion gives in all."""
        return float(sum(pulse.spent_m_s for pulse in self.pulses))


def clohessy_wiltshire(rate_rad_s: float, time_s: float) -> Floats:
    """Transition matrix (6, 6) of motion beside a target in circular orbit, RSW position and velocity.

    W. H. Clohessy & R. S. Wiltshire 1960; as in Vallado, 4th ed., section 6.8 (x radial, y along-track).
    """
    n, t = rate_rad_s, time_s
    s, c = np.sin(n * t), np.cos(n * t)
    return np.array(
        [
            [4 - 3 * c, 0, 0, s / n, 2 * (1 - c) / n, 0],
            [6 * (s - n * t), 1, 0, -2 * (1 - c) / n, (4 * s - 3 * n * t) / n, 0],
            [0, 0, c, 0, 0, s / n],
            [3 * n * s, 0, 0, c, 2 * s, 0],
            [-6 * n * (1 - c), 0, 0, -2 * s, 4 * c - 3, 0],
            [0, 0, -n * s, 0, 0, c],
        ]
    )


def relative_state(chaser: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Position and velocity (..., 3) beside the target on its turning RSW axes, from ICRF states (..., 6)."""
    chaser, target = np.atleast_2d(chaser), np.atleast_2d(target)
    r, v = target[:, :3], target[:, 3:]
    distance = np.linalg.norm(r, axis=1, keepdims=True)
    momentum = np.cross(r, v)
    radial = r / distance
    cross = momentum / np.linalg.norm(momentum, axis=1, keepdims=True)
    axes = np.stack([radial, np.cross(cross, radial), cross], axis=1)
    turning = momentum / distance**2  # the tilt of the plane, some 1e-7 of it, is left out
    apart = chaser[:, :3] - r
    motion = chaser[:, 3:] - v - np.cross(turning, apart)
    return np.einsum("nij,nj->ni", axes, apart), np.einsum("nij,nj->ni", axes, motion)


@dataclass(frozen=True, slots=True, eq=False)
class _Waypoint:
    epoch_tdb_s: float
    r_m: Floats  # ICRF about the body
    phase: str


def _hold_position(target: dynamics.Path, epoch: float, axis: str, distance: float) -> Floats:
    """Where a hold point is, ICRF: on the target's path behind or ahead of it, or straight below or above."""
    state = target.at(epoch)
    if axis in ("behind", "ahead"):
        lag = distance / float(np.linalg.norm(state[3:])) * (1.0 if axis == "behind" else -1.0)
        return np.asarray(target.at(epoch - lag)[:3])
    return np.asarray(state[:3] + local_axes(state[:3], state[3:]) @ (distance * np.array(AXES[axis])))


def trailing_time(approach: Approach, speed_m_s: float) -> float:
    """How long behind the target (s; negative: ahead) the start of the terminal phase lies on the target's path."""
    lag = approach.start_distance_m / speed_m_s
    return -lag if approach.axis in ("ahead", "above") else lag


def duration(approach: Approach, period_s: float) -> float:
    """Length of the terminal phase, s, from its start to contact, for a target's orbital period."""
    total = 0.0
    previous = approach.start_distance_m
    for hold in approach.holds:
        if hold.transfer_revolutions is not None:
            total += hold.transfer_revolutions * period_s
        else:
            total += _glide(approach, previous, hold.distance_m)[0]
        total += hold.duration_s
        previous = hold.distance_m
    return total + _glide(approach, previous, 0.0)[0]


def _glide(approach: Approach, start_m: float, end_m: float) -> tuple[float, Floats, Floats]:
    """Length, and the times and distances of the pulses, of a glideslope between two distances."""
    span = start_m - end_m
    limit = approach.contact_m_s + approach.closing_rate_s * start_m
    last = approach.contact_m_s
    first = max(min(0.6 * limit, 1.2), last)
    if end_m == 0.0:
        first = last  # nothing may be braked any more
    slope = (first - last) / span
    length = span / last if slope < 1e-9 else float(np.log(first / last) / slope)
    count = max(int(np.ceil(length / approach.pulse_s)), 2)
    times = np.linspace(0.0, length, count + 1)
    if slope < 1e-9:
        distance = start_m - last * times
    else:
        rest = span * np.exp(-slope * times) - last / slope * (1.0 - np.exp(-slope * times))
        distance = end_m + rest
    distance[-1] = end_m
    return length, times, distance


def _waypoints(
    approach: Approach, target: dynamics.Path, start: float, period: float
) -> tuple[list[_Waypoint], list[tuple[float, float, float]], float]:
    axis = approach.axis
    outer = {"below": "behind", "above": "ahead"}.get(axis, axis)
    points: list[_Waypoint] = []
    holds: list[tuple[float, float, float]] = []
    now, previous = start, approach.start_distance_m

    def place(epoch: float, distance: float) -> Floats:
        side = axis if distance <= approach.corridor_m else outer
        return _hold_position(target, epoch, side, distance)

    for hold in approach.holds:
        name = "homing" if hold.distance_m > 2_000.0 else "closing" if hold.transfer_revolutions else "approach"
        if hold.transfer_revolutions is not None:
            now += hold.transfer_revolutions * period
            points.append(_Waypoint(now, place(now, hold.distance_m), name))
        else:
            length, times, distances = _glide(approach, previous, hold.distance_m)
            points += [
                _Waypoint(now + float(t), place(now + float(t), float(d)), "approach")
                for t, d in zip(times[1:], distances[1:], strict=True)
            ]
            now += length
        holds.append((hold.distance_m, now, now + hold.duration_s))
        # where the point is not on the target's path it has to be held by pulses
        drifting = axis in ("below", "above") and hold.distance_m <= approach.corridor_m
        count = max(int(np.ceil(hold.duration_s / approach.pulse_s)), 1) if drifting else 1
        for k in range(1, count + 1):
            epoch = now + hold.duration_s * k / count
            points.append(_Waypoint(epoch, place(epoch, hold.distance_m), "hold"))
        now += hold.duration_s
        previous = hold.distance_m
    length, times, distances = _glide(approach, previous, 0.0)
    points += [
        _Waypoint(now + float(t), place(now + float(t), float(d)), "final")
        for t, d in zip(times[1:], distances[1:], strict=True)
    ]
    return points, holds, now + length


def _aimed(
    centre: str, now: float, state: Floats, target: Floats, to: _Waypoint, rate: float, place: Floats
) -> tuple[Floats, Floats] | None:
    """The velocity that leads to a waypoint, and the state there; None if it is not found."""
    span = to.epoch_tdb_s - now
    axes0 = local_axes(target[:3], target[3:])
    axes1 = local_axes(place[:3], place[3:])
    cw = clohessy_wiltshire(rate, span)
    near, _ = relative_state(state, target)
    there = axes1.T @ (to.r_m - place[:3])
    inverse = np.linalg.pinv(cw[:3, 3:], rcond=1e-3)
    spin = np.cross(target[:3], target[3:]) / float(target[:3] @ target[:3])
    wanted = inverse @ (there - cw[:3, :3] @ near[0])
    v = target[3:] + np.cross(spin, state[:3] - target[:3]) + axes0 @ wanted
    exact = span * rate > 2.0 * np.pi * _SHORT
    for _ in range(9):
        path = dynamics.propagate(now, state[:3], v, to.epoch_tdb_s, centre=centre, stm=exact)
        if path.reason:
            return None
        miss = path.r_m - to.r_m
        if float(np.linalg.norm(miss)) < _CLOSE_M:
            return v, path.state
        if exact and path.stm is not None:
            v = v - np.linalg.pinv(path.stm[:3, 3:], rcond=1e-4) @ miss
        else:
            v = v - axes0 @ (inverse @ (axes1.T @ miss))
    return None


def approach_target(
    centre: str,
    start_tdb_s: float,
    r_m: Floats,
    v_m_s: Floats,
    target: dynamics.Path,
    approach: Approach,
    period_s: float | None = None,
) -> Terminal:
    """Fly the terminal phase from a state near its start to contact.

    Parameters
    ----------
    centre
        ``"earth"`` or ``"moon"``.
    start_tdb_s, r_m, v_m_s
        The chaser, (3,) m and (3,) m/s, ICRF about the body, TDB seconds past J2000.
    target
        The target's flight with dense output over the whole phase and the trailing time of its farthest hold.
    approach
        The rules.
    period_s
        What a revolution is counted as, s; None: the target's osculating period at the start.

    Returns
    -------
    Terminal
        With a ``reason`` where a transfer was not found or a rule of the approach would be broken.
    """
    state = target.at(start_tdb_s)
    mu = GM_M3_S2[centre]
    axis = 1.0 / (2.0 / float(np.linalg.norm(state[:3])) - float(state[3:] @ state[3:]) / mu)
    rate = float(np.sqrt(mu / axis**3))
    points, holds, contact = _waypoints(approach, target, start_tdb_s, period_s or 2.0 * np.pi / rate)
    chaser = np.concatenate([r_m, v_m_s])
    now = start_tdb_s
    pulses: list[Pulse] = []
    legs: list[tuple[float, Floats, float]] = []
    reason = ""
    for point in points:
        there = target.at(point.epoch_tdb_s)
        found = _aimed(centre, now, chaser, state, point, rate, there)
        if found is None:
            return _none(start_tdb_s, contact, f"No transfer to the next point of the {point.phase} was found.")
        velocity, arrived = found
        dv = velocity - chaser[3:]
        pulse = _pulse(point.phase, now, dv, chaser, state, approach)
        if pulse is None:
            distance = float(np.linalg.norm(chaser[:3] - state[:3]))
            reason = reason or (
                f"Braking by {float(np.linalg.norm(dv)):.2f} m/s at {distance:.0f} m would blow at the target, and "
                "the chaser has no canted thrusters; move the hold point out or allow a cant."
            )
        elif pulse.spent_m_s > 1e-6:
            pulses.append(pulse)
        legs.append((now, np.concatenate([chaser[:3], velocity]), point.epoch_tdb_s))
        now, chaser, state = point.epoch_tdb_s, arrived, there
    relative = _sample(centre, legs, target)
    cone, speed = _margins(relative, approach)
    if not reason and cone > approach.cone_half_angle_rad:
        reason = (
            f"Within {approach.corridor_m:.0f} m the chaser strays {np.rad2deg(cone):.1f} deg off the port's axis; "
            f"the corridor allows {np.rad2deg(approach.cone_half_angle_rad):.1f} deg. Pulse more often."
        )
    if not reason and speed > 1.0 + 1e-6:
        reason = f"Within {approach.corridor_m:.0f} m the chaser closes at {speed:.2f} of the speed allowed."
    return Terminal(
        start_tdb_s, contact, tuple(pulses), tuple(holds), relative, chaser[:3], chaser[3:], cone, speed, reason
    )


def _pulse(phase: str, epoch: float, dv: Floats, chaser: Floats, target: Floats, approach: Approach) -> Pulse | None:
    """The pulse with what it costs; None where its plume would strike the target and nothing is canted."""
    axes = local_axes(target[:3], target[3:])
    apart = target[:3] - chaser[:3]
    distance = float(np.linalg.norm(apart))
    size = float(np.linalg.norm(dv))
    spent, canted = size, False
    if 0.0 < distance < approach.plume_distance_m and size > 0.02:
        # the exhaust leaves against Δv; pulses below 2 cm/s are small thrusters' and strike nothing noticeable
        cosine = float(-dv @ apart) / (size * distance)
        if cosine > np.cos(approach.plume_half_angle_rad):
            if approach.plume_cant_rad is None:
                return None
            spent, canted = size / float(np.cos(approach.plume_cant_rad)), True
    return Pulse(phase, epoch, dv, axes.T @ dv, spent, distance, canted)


def _sample(centre: str, legs: list[tuple[float, Floats, float]], target: dynamics.Path) -> RelativeTrajectory:
    epochs: list[Floats] = []
    states: list[Floats] = []
    for now, state, end in legs:
        path = dynamics.propagate(now, state[:3], state[3:], end, centre=centre, dense=True)
        count = int(np.clip((end - now) / 20.0, 3, 120))
        grid = np.linspace(now, end, count)
        epochs.append(grid)
        states.append(path.at(grid))
    t = np.concatenate(epochs)
    r, v = relative_state(np.concatenate(states), target.at(t))
    return RelativeTrajectory(t, r, v)


def _margins(relative: RelativeTrajectory, approach: Approach) -> tuple[float, float]:
    """Largest angle off the axis and largest closing speed as a share of its limit, within the corridor."""
    distance = np.linalg.norm(relative.r_m, axis=1)
    inside = (distance < approach.corridor_m * 0.999) & (distance > 0.5)
    axis = np.array(AXES[approach.axis])
    along = relative.r_m @ axis
    off = np.arctan2(np.linalg.norm(relative.r_m - along[:, None] * axis, axis=1), along)
    closing = -np.einsum("ij,ij->i", relative.r_m, relative.v_m_s) / np.maximum(distance, 1e-9)
    limit = approach.contact_m_s + approach.closing_rate_s * distance
    begin = int(np.argmax(inside)) if inside.any() else 0
    later = inside & (np.arange(distance.size) >= begin)
    if not later.any():
        return 0.0, 0.0
    # on a straight line at the contact speed, the sampled speed may exceed it by rounding and by tides of 1e-4 m/s
    return float(off[later].max()), float(np.max((closing[later] - 2e-2) / limit[later]))


def _none(start: float, contact: float, reason: str) -> Terminal:
    none = np.full(3, np.nan)
    return Terminal(start, contact, (), (), None, none, none, reason=reason)
