"""The arcs between a halo and the neighbourhood of the Moon or Earth, in the n-body model, with derivatives.

One writing serves the ways in and out: ``sense`` +1 leaves the halo and runs forward in time, −1 arrives and runs
backward, which is the well-conditioned direction, away from the sensitive end. The unknowns are

    x = (shift of the epoch on the halo, coast, burn at the halo (3) [, burn at perilune (3), transfer])

in seconds and m/s, ICRF axes. Conditions are scaled to order one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_J2, EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MOON_M3_S2
from moonvillage.trajectory import cr3bp
from moonvillage.trajectory.apses import entry_with_gradient, periapsis_with_gradient
from moonvillage.trajectory.cr3bp import TIME_S
from moonvillage.trajectory.halo_seeds import Seed
from moonvillage.trajectory.least_burns import Evaluation
from moonvillage.trajectory.nrho import Reference

Floats = NDArray[np.float64]

#: Height of the powered flyby, m: Artemis I passed at 130 km on both ways.
FLYBY_ALTITUDE_M: Final = 130e3
#: Flight time from perilune to where the integration changes centre, some 60,000 km from the Moon.
CHANGE_S: Final = 0.7 * 86400.0
#: Scale of a time condition.
_TIME: Final = 7500.0


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A condition on the orbit normal h: h · axis / |h| = cosine."""

    axis: Floats
    cosine: float


@dataclass(frozen=True, slots=True, eq=False)
class Near:
    """At perilune, on the halo's side of the burn there: epoch, Moon-centred state (6,), Jacobian (6, n)."""

    epoch_tdb_s: float
    state: Floats
    jacobian: Floats


def flow(epoch: float, state: Floats, to: float, centre: str, exact: bool) -> tuple[Floats, Floats]:
    """End state and transition matrix.

    ``state`` (6,), SI, about ``centre``; returns (6,) and (6, 6).

    The search runs in the Earth-centred formulation throughout, where the Moon is a point mass: it is four times
    faster. ``exact`` flies the full model of the centre, for the few steps that remain.
    """
    nothing = np.full(6, np.nan), np.full((6, 6), np.nan)
    if not exact and centre == "moon":
        r, v = dynamics.change_centre(epoch, state[:3], state[3:], "moon", "earth")
        path = dynamics.propagate(epoch, r, v, to, centre="earth", stm=True)
        if path.stm is None:
            return nothing
        r, v = dynamics.change_centre(to, path.r_m, path.v_m_s, "earth", "moon")
        return np.concatenate([r, v]), path.stm
    path = dynamics.propagate(epoch, state[:3], state[3:], to, centre=centre, stm=True)
    if path.stm is None:
        return nothing
    return path.state, path.stm


def state_rate(epoch: float, state: Floats, centre: str) -> Floats:
    """Time derivative of a state: both bodies and the Earth's J2 (about the pole of J2000); good to 1e-7 m/s².

    ``state`` and the result are (6,).
    """
    gm, other = (GM_MOON_M3_S2, "earth") if centre == "moon" else (GM_EARTH_M3_S2, "moon")
    gm_other = GM_EARTH_M3_S2 if centre == "moon" else GM_MOON_M3_S2
    r = state[:3]
    d = de440.load().position(other, epoch, centre)
    gap = d - r
    distance = float(np.linalg.norm(r))
    pull = gm_other * (gap / np.linalg.norm(gap) ** 3 - d / np.linalg.norm(d) ** 3) - gm * r / distance**3
    if centre == "earth":
        k = -1.5 * GM_EARTH_M3_S2 * EARTH_J2 * EARTH_RADIUS_M**2 / distance**5
        share = 1.0 - 5.0 * (r[2] / distance) ** 2
        pull = pull + k * (share * r + np.array([0.0, 0.0, 2.0 * r[2]]))
    return np.concatenate([state[3:], pull])


def near_moon(reference: Reference, epoch_tdb_s: float, sense: int, x: Floats, exact: bool) -> Near:
    """From the halo, after its burn, to x[1] seconds later (or earlier).

    ``x`` (8,) or (5,).
    """
    t_halo = epoch_tdb_s + float(x[0])
    t_near = t_halo + sense * float(x[1])
    nothing = Near(t_near, np.full(6, np.nan), np.full((6, x.size), np.nan))
    inside = reference.start_tdb_s <= t_halo <= reference.end_tdb_s
    if not inside or not 0.0 < x[1] < 20.0 * 86400.0:
        return nothing
    start = reference.state(t_halo)
    along = reference.rate(t_halo)
    start = start.copy()
    start[3:] += sense * x[2:5]
    state, stm = flow(t_halo, start, t_near, "moon", exact)
    jacobian = np.zeros((6, x.size))
    # moving the epoch on the halo moves both ends of the coast: the explicit dependence on time is part of it
    rate_end = state_rate(t_near, state, "moon")
    jacobian[:, 0] = stm @ (along - state_rate(t_halo, start, "moon")) + rate_end
    jacobian[:, 1] = sense * rate_end
    jacobian[:, 2:5] = sense * stm[:, 3:]
    return Near(t_near, state, jacobian)


def near_earth(near: Near, sense: int, x: Floats, exact: bool) -> tuple[float, Floats, Floats]:
    """From perilune, past the burn there, to the Earth: epoch, geocentric state (6,), Jacobian (6, n)."""
    transfer = float(x[8])
    t_change = near.epoch_tdb_s + sense * CHANGE_S
    t_end = near.epoch_tdb_s + sense * transfer
    if not CHANGE_S < transfer < 20.0 * 86400.0 or not np.all(np.isfinite(near.state)):
        return t_end, np.full(6, np.nan), np.full((6, x.size), np.nan)
    state = near.state.copy()
    state[3:] += sense * x[5:8]
    jacobian = near.jacobian.copy()
    jacobian[3:, 5:8] += sense * np.eye(3)
    # moving the epoch of perilune (x[0], x[1]) moves the coast with it
    moved = np.zeros(x.size)
    moved[0], moved[1] = 1.0, sense
    jacobian = jacobian - np.outer(state_rate(near.epoch_tdb_s, state, "moon"), moved)
    if exact:
        state, stm = flow(near.epoch_tdb_s, state, t_change, "moon", exact)
        jacobian = stm @ jacobian
    else:
        t_change = near.epoch_tdb_s
    r, v = dynamics.change_centre(t_change, state[:3], state[3:], "moon", "earth")
    end, stm = flow(t_change, np.concatenate([r, v]), t_end, "earth", exact)
    jacobian = stm @ jacobian
    rate = state_rate(t_end, end, "earth")
    jacobian += np.outer(rate, moved)
    jacobian[:, 8] += sense * rate
    return t_end, end, jacobian


def plane_conditions(state: Floats, jacobian: Floats, planes: list[Plane]) -> tuple[Floats, Floats]:
    """Values (k,) and gradients (k, n) of the conditions on the orbit normal."""
    r, v = state[:3], state[3:]
    h = np.cross(r, v)
    size = float(np.linalg.norm(h))
    h_by = np.cross(jacobian[:3].T, v).T + np.cross(r, jacobian[3:].T).T
    values, rows = [], []
    for plane in planes:
        cosine = float(plane.axis @ h) / size
        values.append(cosine - plane.cosine)
        rows.append((plane.axis - cosine * h / size) @ h_by / size)
    return np.array(values), np.array(rows).reshape(len(planes), jacobian.shape[1])


def outward_planes(moon_r: Floats, moon_v: Floats, inclination_rad: float) -> list[Plane]:
    """Conditions that turn the outward plane about the line to the Moon to the inclination, the likelier first.

    ``moon_r`` and ``moon_v`` are (3,), geocentric.

    Each says that the normal has no part along one direction; unlike the inclination itself it is never singular.
    Where the Moon stands higher than the inclination, the one plane is the nearest.
    """
    m = moon_r / np.linalg.norm(moon_r)
    orbit = np.cross(moon_r, moon_v)
    orbit /= np.linalg.norm(orbit)
    across = float(np.hypot(m[0], m[1]))
    # normals are cos ψ a + sin ψ b with a the northernmost direction across the line, b in the equator
    b = np.array([-m[1], m[0], 0.0]) / across
    a = np.cross(m, b)
    psi = float(np.arccos(np.clip(np.cos(inclination_rad) / across, -1.0, 1.0)))
    normals = [np.cos(p) * a + np.sin(p) * b for p in ((psi, -psi) if psi > 0.0 else (0.0,))]
    normals.sort(key=lambda n: -float(n @ orbit))
    return [Plane(np.cross(n, m), 0.0) for n in normals]


def perilune_conditions(near: Near, radius_m: float) -> tuple[Floats, Floats]:
    """That the state is at a perilune of that radius: (2,) and (2, n)."""
    value, gradient = periapsis_with_gradient(near.state[:3], near.state[3:], GM_MOON_M3_S2)
    scale = np.array([radius_m, _TIME])
    return (value - [radius_m, 0.0]) / scale, gradient @ near.jacobian / scale[:, None]


def perigee_conditions(state: Floats, jacobian: Floats, radius_m: float) -> tuple[Floats, Floats]:
    """That the state is at a perigee of that radius: (2,) and (2, n)."""
    value, gradient = periapsis_with_gradient(state[:3], state[3:], GM_EARTH_M3_S2)
    scale = np.array([radius_m, _TIME])
    return (value - [radius_m, 0.0]) / scale, gradient @ jacobian / scale[:, None]


def entry_conditions(
    state: Floats, jacobian: Floats, radius_m: float, flight_path_angle_rad: float
) -> tuple[Floats, Floats]:
    """That the state is at the entry interface, at the angle: (2,) and (2, n)."""
    value, gradient = entry_with_gradient(state[:3], state[3:], radius_m, flight_path_angle_rad, GM_EARTH_M3_S2)
    scale = np.array([1.0, _TIME])
    return value / scale, gradient @ jacobian / scale[:, None]


def start_from(seed: Seed, sense: int, epoch_tdb_s: float, flyby: bool) -> Floats:
    """The unknowns of a seed laid into the ephemeris at an epoch on the halo (shift zero).

    Returns (9,) with a flyby, (5,) without.
    """
    ephemeris = de440.load()

    def turned(burn: Floats, epoch: float) -> Floats:
        length, _, axes, rate = cr3bp.rotating_axes(*ephemeris.state("moon", epoch, "earth"))
        return np.asarray(axes @ burn * float(length) * float(rate))

    coast = seed.coast * TIME_S
    head = np.concatenate([[0.0, coast], turned(seed.insertion, epoch_tdb_s)])
    if not flyby:
        return head
    pull = turned(seed.flyby, epoch_tdb_s + sense * coast)
    return np.concatenate([head, pull, [seed.transfer * TIME_S]])


#: Sizes of trustworthy steps in x, with and without a flyby: s, s, m/s ×3 [, m/s ×3, s].
SCALE: Final = np.array([0.1 * TIME_S] * 2 + [50.0] * 6 + [0.3 * TIME_S])
#: Typical burn, m/s.
UNIT_M_S: Final = 200.0

Evaluator = Callable[[Floats], Evaluation]
