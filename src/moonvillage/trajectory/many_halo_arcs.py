"""The arcs of many transfers to a halo at once: flown backward, with derivatives and conditions.

The arrays of :mod:`moonvillage.trajectory.halo_arcs`, with arrival and departure given. The unknowns of a transfer
with a flyby are its coast from perilune to the halo (s), insertion and burn at perilune (m/s, ICRF); a straight one
has the insertion alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.dynamics import TOLERANCE
from moonvillage.dynamics.batch import COARSE_TOLERANCE, propagate_batch
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import (
    EARTH_J2,
    EARTH_RADIUS_M,
    GM_EARTH_M3_S2,
    GM_MOON_M3_S2,
)
from moonvillage.trajectory import cr3bp
from moonvillage.trajectory.apses import periapsis
from moonvillage.trajectory.conics import climb
from moonvillage.trajectory.families import cross, dot, size, unit
from moonvillage.trajectory.flyby_fan import periapsis_slopes
from moonvillage.trajectory.halo_arcs import CHANGE_S
from moonvillage.trajectory.many_burns import Rows, Values
from moonvillage.trajectory.planes import PlaneFamily, planes_through
from moonvillage.trajectory.translunar import excess_velocity

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_TIME: Final = 7500.0
SHORTEST_S: Final = 1.2 * 86400.0
#: Beyond this distance from the Moon conics from the Earth are aimed at the place itself, not at the Moon.
_OPEN_M: Final = 2.0e7
#: Where the inclination reaches the Moon's declination by less, the nearest plane is flown.
_LEAST_MARGIN_RAD: Final = 0.004
#: Of the angular momentum to that of a parabola of like perigee: √((1 + e) / 2) of an ellipse to the Moon.
_ECCENTRIC: Final = 0.9924
#: Steps of differences: places at perilune, and epochs there.
_ASIDE_M: Final = 1e3
_LATER_S: Final = 60.0
#: Straight transfers change centre so long before they arrive.
STRAIGHT_CHANGE_S: Final = 0.5 * 86400.0


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What is given: epochs (k,), the halo's states at arrival (k, 6), radii and inclination of both ends."""

    departures: Floats
    arrivals: Floats
    targets: Floats
    perigee_m: float
    perilune_m: float
    inclination_rad: float
    nearest: Flags
    straight: bool
    #: Normals of the planes of departure by conics (k, 3), and the directions that both planes hold.
    normals: Floats | None = None
    through: Floats | None = None

    def take(self, rows: Rows) -> Task:
        """Some of the transfers: ``rows`` (m,)."""
        return Task(
            self.departures[rows],
            self.arrivals[rows],
            self.targets[rows],
            self.perigee_m,
            self.perilune_m,
            self.inclination_rad,
            self.nearest[rows],
            self.straight,
            None if self.normals is None else self.normals[rows],
            None if self.through is None else self.through[rows],
        )


def turned_at(burns: Floats, epochs: Floats) -> Floats:
    """Burns (k, 3) of the restricted problem at epochs, m/s ICRF."""
    length, _, axes, rate = cr3bp.rotating_axes(*de440.load().state("moon", epochs, "earth"))
    return np.asarray(np.einsum("nij,nj->ni", axes, burns) * (length * rate)[:, None])


def changed(epochs: Floats, states: Floats, old: str, new: str) -> tuple[Floats, Floats]:
    """The same states about another body; epochs that are no number stay none.

    ``epochs`` (k,), ``states`` (k, 6).
    """
    sound = np.where(np.isfinite(epochs), epochs, 0.0)
    r, v = dynamics.change_centre(sound, states[:, :3], states[:, 3:], old, new)
    return r, v


def excess_at(task: Task, epochs: Floats, r_m: Floats) -> tuple[Floats, Flags]:
    """Velocities about the Moon (2, k, 3) of ellipses from the parking orbit to points near it (k, 3).

    One in either plane of its inclination.

    Also where the plane must be the nearest one, the inclination being too low.
    """
    moon_r, moon_v = de440.load().state("moon", epochs)
    point = _aim_point(moon_r, r_m)
    distance = size(point)
    arcs = climb(task.perigee_m, 0.0, distance, epochs - task.departures)
    parking = PlaneFamily.about(np.array([0.0, 0.0, 1.0]), task.inclination_rad)
    normals, margin = planes_through(parking, point / distance[:, None])
    return excess_velocity(point, moon_v, arcs, normals, +1), margin < _LEAST_MARGIN_RAD


def _aim_point(moon_r: Floats, r_m: Floats) -> Floats:
    """The points (k, 3) at which conics from the Earth are aimed, geocentric."""
    far = size(r_m) > _OPEN_M
    return np.asarray(moon_r + np.where(far[:, None], r_m, 0.0))


def with_planes(task: Task, epochs: Floats, r_m: Floats, branch: Rows) -> Task:
    """The task with the planes of departure that conics take, for the first steps of :func:`evaluate`.

    ``epochs`` (k,) and ``r_m`` (k, 3) about the Moon are where conics arrive, ``branch`` (k,) the plane of either.
    """
    point = unit(_aim_point(de440.load().position("moon", epochs, "earth"), r_m))
    parking = PlaneFamily.about(np.array([0.0, 0.0, 1.0]), task.inclination_rad)
    normals, _ = planes_through(parking, point)
    return replace(task, normals=normals[branch, np.arange(branch.size)], through=point)


def aims_at(task: Task, epochs: Floats, r_m: Floats) -> tuple[Floats, Flags]:
    """Velocities (2, k, 3) of craft from the parking orbit that come to points about the Moon (k, 3), by conics."""
    excess, nearest = excess_at(task, epochs, r_m)
    return hyperbola(r_m, excess, GM_MOON_M3_S2), nearest


def hyperbola(r: Floats, excess: Floats, mu: float) -> Floats:
    """Velocities (..., 3) at places (..., 3) of hyperbolas that came in with excess velocities (..., 3).

    R. H. Battin, "An Introduction to the Mathematics and Methods of Astrodynamics", 1987, section 7.4; see
    ``apses.hyperbola_through``.
    """
    speed, radius = size(excess), size(r)
    u, direction = excess / speed[..., None], r / radius[..., None]
    opening = np.maximum(1.0 - dot(u, direction), 1e-9)
    d = np.sqrt(1.0 + 4.0 * mu / (radius * speed**2 * opening))
    return np.asarray(0.5 * speed[..., None] * ((d + 1.0)[..., None] * u - (d - 1.0)[..., None] * direction))


def near_moon(task: Task, x: Floats, exact: bool) -> tuple[Floats, Floats, Floats]:
    """Epochs, states at perilune on the halo's side of the burn there, and their slopes (k, 6, 4)."""
    start = task.targets.copy()
    now = task.arrivals - x[:, 0]
    bad = ~((x[:, 0] > 600.0) & (now - task.departures > SHORTEST_S))
    start[bad] = np.nan
    now = np.where(bad, task.departures + SHORTEST_S, now)
    start[:, 3:] -= x[:, 1:4]
    near, stm = _flow(task.arrivals, start, now, "moon", exact)
    by = np.zeros((x.shape[0], 6, 4))
    by[:, :, 1:] = -stm[:, :, 3:]
    by[:, :, 0] = -_rate(now, near, "moon")
    return now, near, by


def graze(task: Task, x: Floats, branch: Rows | None = None) -> Values:
    """The conditions at perilune alone, by coast and insertion (k, 4); the detail are the states there (k, 6).

    With the ``branch`` of the plane from the Earth the extra cost is the burn at perilune, by conics.
    """
    now, near, by = near_moon(task, x, False)
    value, gradient = periapsis_slopes(near[:, :3], near[:, 3:], GM_MOON_M3_S2)
    scale = np.array([task.perilune_m, _TIME])
    conditions = (value - [task.perilune_m, 0.0]) / scale
    extra, extra_by = np.zeros(x.shape[0]), np.zeros(x.shape)
    if branch is not None:
        extra, slope = _burn_there(task, branch, now, near)
        extra_by = np.einsum("ki,kij->kj", slope[:, :6], by)
        extra_by[:, 0] -= slope[:, 6]
    return Values(conditions, gradient @ by / scale[:, None], extra, extra_by, near)


def _burn_there(task: Task, branch: Rows, epochs: Floats, near: Floats) -> tuple[Floats, Floats]:
    """The burn at perilune by conics (k,), and its slope by state and epoch (k, 7), by differences."""
    count = near.shape[0]
    rows = np.arange(count)
    r, v = near[:, :3], near[:, 3:]
    ahead = np.array([0.0, _LATER_S, -_LATER_S])
    three = np.tile(rows, 3)
    excess, _ = excess_at(task.take(three), (epochs + ahead[:, None]).ravel(), r[three])
    excess = excess[branch[three], np.arange(three.size)].reshape(3, count, 3)
    nudges = np.zeros((9, 1, 3))
    nudges[1:4, 0], nudges[4:7, 0] = _ASIDE_M * np.eye(3), -_ASIDE_M * np.eye(3)
    met = excess[[0] * 7 + [1, 2]]
    away = v - hyperbola(r + nudges, met, GM_MOON_M3_S2)
    burns = size(away)
    by_r = (burns[1:4] - burns[4:7]) / (2.0 * _ASIDE_M)
    by_t = (burns[7] - burns[8]) / (2.0 * _LATER_S)
    return burns[0], np.column_stack([by_r.T, away[0] / burns[0][:, None], by_t])


def _flow(epochs: Floats, states: Floats, to: Floats, centre: str, exact: bool) -> tuple[Floats, Floats]:
    """End states and transition matrices; the search takes the Moon as a point mass throughout, see ``halo_arcs``."""
    if not exact and centre == "moon":
        r, v = changed(epochs, states, "moon", "earth")
        path = propagate_batch(epochs, r, v, to, centre="earth", stm=True, tolerance=COARSE_TOLERANCE)
        r, v = changed(to, path.state, "earth", "moon")
        ends = np.hstack([r, v])
    else:
        tolerance = TOLERANCE if exact else COARSE_TOLERANCE
        path = propagate_batch(epochs, states[:, :3], states[:, 3:], to, centre=centre, stm=True, tolerance=tolerance)
        ends = path.state
    assert path.stm is not None
    return ends, path.stm


def _rate(epochs: Floats, states: Floats, centre: str) -> Floats:
    """Time derivative of states (k, 6): both bodies and the Earth's J2; see ``halo_arcs.state_rate``."""
    gm, other = (GM_MOON_M3_S2, "earth") if centre == "moon" else (GM_EARTH_M3_S2, "moon")
    gm_other = GM_EARTH_M3_S2 if centre == "moon" else GM_MOON_M3_S2
    r = states[:, :3]
    d = de440.load().position(other, epochs, centre)
    gap = d - r
    distance = size(r)[:, None]
    pull = gm_other * (gap / size(gap)[:, None] ** 3 - d / size(d)[:, None] ** 3) - gm * r / distance**3
    if centre == "earth":
        k = -1.5 * GM_EARTH_M3_S2 * EARTH_J2 * EARTH_RADIUS_M**2 / distance**5
        share = 1.0 - 5.0 * (r[:, 2:] / distance) ** 2
        pull = pull + k * (share * r + 2.0 * r[:, 2:] * np.array([0.0, 0.0, 1.0]))
    return np.hstack([states[:, 3:], pull])


def evaluate(task: Task, x: Floats, exact: bool) -> Values:
    """Conditions at perilune and perigee, with the injection as extra cost; the detail are the states after it.

    ``x`` (k, 7) with a flyby, (k, 3) straight. Where the task has planes of departure by conics, perigee and
    plane are asked for by the angular momentum about the Earth, on which the burns act linearly.
    """
    start = task.targets.copy()
    unknowns = x.shape[1]
    conditions, slopes = [], []
    if task.straight:
        start[:, 3:] -= x
        rising = dot(start[:, :3], start[:, 3:]) > 0.0
        start[rising & (periapsis(start[:, :3], start[:, 3:], GM_MOON_M3_S2)[0] < task.perilune_m)] = np.nan
        by = np.zeros((x.shape[0], 6, 3))
        by[:, 3:] = -np.eye(3)
        now, state, change = task.arrivals, start, task.arrivals - STRAIGHT_CHANGE_S
    else:
        now, near, part = near_moon(task, x, exact)
        by = np.zeros((x.shape[0], 6, 7))
        by[:, :, :4] = part
        value, gradient = periapsis_slopes(near[:, :3], near[:, 3:], GM_MOON_M3_S2)
        scale = np.array([task.perilune_m, _TIME])
        conditions.append((value - [task.perilune_m, 0.0]) / scale)
        slopes.append(gradient @ by / scale[:, None])
        state = near.copy()
        state[:, 3:] -= x[:, 4:]
        by[:, 3:, 4:] -= np.eye(3)
        by[:, :, 0] += _rate(now, state, "moon")  # perilune moves back as the coast grows
        change = now - CHANGE_S
    encounter = now
    if exact:
        state, stm = _flow(now, state, change, "moon", True)
        by, now = stm @ by, change
    r, v = changed(now, state, "moon", "earth")
    home, stm = _flow(now, np.hstack([r, v]), task.departures, "earth", exact)
    by = stm @ by
    value, gradient = periapsis_slopes(home[:, :3], home[:, 3:], GM_EARTH_M3_S2)
    scale = np.array([task.perigee_m, _TIME])
    speed, speed_by = _speed_at(home, task.perigee_m)
    perigee, perigee_by = (value - [task.perigee_m, 0.0]) / scale, gradient @ by / scale[:, None]
    if task.normals is None:
        plane, plane_by = _plane(task, home, by, encounter)
    else:
        perigee[:, 0], perigee_by[:, 0], plane, plane_by = _turning(task, home, by)
    conditions += [perigee, plane[:, None]]
    slopes += [perigee_by, plane_by[:, None, :]]
    extra = speed - np.sqrt(GM_EARTH_M3_S2 / task.perigee_m)
    extra_by = np.einsum("ki,kij->kj", speed_by, by)
    if unknowns == 3:
        extra, extra_by = np.zeros_like(extra), np.zeros_like(extra_by)
    return Values(np.hstack(conditions), np.concatenate(slopes, axis=1), extra, extra_by, home)


def residuals(task: Task, x: Floats) -> tuple[Floats, Floats]:
    """The conditions of :func:`evaluate` (k, m) in the full model, and the states after the injection (k, 6)."""
    start, parts = task.targets.copy(), []
    scale = np.array([task.perilune_m, _TIME])
    start[:, 3:] -= x if task.straight else x[:, 1:4]
    if task.straight:
        now, state, change = task.arrivals, start, task.arrivals - STRAIGHT_CHANGE_S
    else:
        now = task.arrivals - x[:, 0]
        state = propagate_batch(task.arrivals, start[:, :3], start[:, 3:], now, centre="moon").state
        near = np.stack(periapsis(state[:, :3], state[:, 3:], GM_MOON_M3_S2), axis=1)
        parts.append((near - [task.perilune_m, 0.0]) / scale)
        state[:, 3:] -= x[:, 4:]
        change = now - CHANGE_S
    state = propagate_batch(now, state[:, :3], state[:, 3:], change, centre="moon").state
    r, v = changed(change, state, "moon", "earth")
    home = propagate_batch(change, r, v, task.departures, centre="earth").state
    far = np.stack(periapsis(home[:, :3], home[:, 3:], GM_EARTH_M3_S2), axis=1)
    parts.append((far - [task.perigee_m, 0.0]) / np.array([task.perigee_m, _TIME]))
    plane, _ = _plane(task, home, np.zeros((x.shape[0], 6, 0)), now)
    return np.hstack([*parts, plane[:, None]]), home


def _plane(task: Task, home: Floats, by: Floats, encounter: Floats) -> tuple[Floats, Floats]:
    """The condition on the plane of departure (k,) and its gradient (k, u).

    It is the inclination; or, where the Moon stands higher than that, that the nearest plane holds.
    """
    r, v = home[:, :3], home[:, 3:]
    h = cross(r, v)
    length = size(h)
    axis = np.tile([0.0, 0.0, 1.0], (home.shape[0], 1))
    wanted = np.full(home.shape[0], np.cos(task.inclination_rad))
    if task.nearest.any():
        moon = unit(de440.load().position("moon", encounter, "earth"))
        east = unit(np.stack([-moon[:, 1], moon[:, 0], np.zeros(len(moon))], axis=1))
        northern = cross(moon, east)
        axis = np.where(task.nearest[:, None], cross(northern, moon), axis)
        wanted = np.where(task.nearest, 0.0, wanted)
    cosine = dot(axis, h) / length
    ahead = (axis - cosine[:, None] * h / length[:, None]) / length[:, None]  # of the condition by h
    by_r, by_v = cross(v, ahead), cross(ahead, r)
    return cosine - wanted, np.einsum("ki,kij->kj", np.hstack([by_r, by_v]), by)


def _turning(task: Task, home: Floats, by: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Conditions on the angular momentum: its size, and its part along the plane by conics.

    Each is (k,), with its gradient (k, u). The size is that of a parabola, nearly: good to a hundredth.
    """
    assert task.normals is not None
    assert task.through is not None
    r, v = home[:, :3], home[:, 3:]
    whole = np.sqrt(2.0 * GM_EARTH_M3_S2 * task.perigee_m) * _ECCENTRIC
    h = cross(r, v) / whole
    found = []
    for axis, wanted in ((task.normals, 1.0), (cross(task.normals, task.through), 0.0)):
        slope = np.hstack([cross(v, axis), cross(axis, r)]) / whole
        found += [dot(axis, h) - wanted, np.einsum("ki,kij->kj", slope, by)]
    return found[0], found[1], found[2], found[3]


def _speed_at(states: Floats, radius: float) -> tuple[Floats, Floats]:
    """Speed of the osculating orbits at a radius (k,) and its gradient (k, 6); see ``apses.speed_at``."""
    distance = size(states[:, :3])
    square = dot(states[:, 3:], states[:, 3:]) - 2.0 * GM_EARTH_M3_S2 * (1.0 / distance - 1.0 / radius)
    speed = np.sqrt(np.maximum(square, 1e-12))
    slope = np.hstack([GM_EARTH_M3_S2 * states[:, :3] / distance[:, None] ** 3, states[:, 3:]])
    return speed, slope / speed[:, None]
