"""What flights to the Moon and back have in common: scan, patched-conic guess, correction, and the proof flight.

``way`` is +1 for Earth → Moon and −1 for Moon → Earth; a return is an outbound flight with time running backwards,
as far as conics go.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import GM_MOON_M3_S2
from moonvillage.records.legs import Trajectory
from moonvillage.trajectory.conics import Climb, best_burn, climb, escape, perilune_turn
from moonvillage.trajectory.planes import (
    ApsisEnd,
    PlaneFamily,
    cross,
    in_plane_angle,
    normalised,
    planes_through,
    rotate,
)
from moonvillage.trajectory.shooting import RIM_M, End, Match, Side, match

Floats = NDArray[np.float64]

#: Where a plane family reaches beyond a direction by less than this, the plane is held and the burn turns it.
MARGIN_RAD: Final = float(np.deg2rad(0.7))
_APSIS_LIMIT: Final = np.array([0.1, 0.1, 30.0, 0.05, 0.05])
#: A burn that leaves the plane may dip to this radius before it climbs away.
_LOWEST_M: Final = 1_757_400.0
_ENTRY_LIMIT: Final = np.array([0.1, 0.1, 0.1, 30.0])


@dataclass(frozen=True, slots=True, eq=False)
class Hold:
    """How an apsis end sits in its family: ψ, ω, β; which parameters are free; the conic's normal; its apsis."""

    psi: float
    omega: float
    beta: float
    free: tuple[int, ...]
    conic_normal: Floats
    radial: Floats


def hold(family: PlaneFamily, direction: Floats, turn_rad: float, branch: int) -> Hold:
    """Place an apsis so that the conic, ``turn_rad`` further along, points to (or goes through) ``direction``.

    ``direction`` (3,), a unit vector.

    Where the family has planes that hold the direction, one of the two is taken (``branch`` 0 or 1); else the nearest
    plane is kept and the conic leaves it by the least angle β.
    """
    psis, margin = family.containing(direction)
    psi = psis[branch]
    normal = family.normal(psi)
    along_plane = in_plane_angle(family, psi, direction)
    out = float(np.arcsin(np.clip(normal @ direction, -1.0, 1.0)))
    reach = np.clip(np.cos(turn_rad) / max(1e-9, np.cos(out)), -1.0, 1.0)
    lead = float(np.arccos(reach))
    if np.sin(turn_rad) < 0.0:
        lead = 2.0 * np.pi - lead
    omega = along_plane - lead
    node = family.node(psi)
    radial = np.cos(omega) * node + np.sin(omega) * cross(normal, node)
    if margin > MARGIN_RAD:
        return Hold(psi, omega, 0.0, (0, 1, 2), normal, radial)
    conic_normal = normalised(cross(radial, direction)) * (1.0 if np.sin(turn_rad) >= 0.0 else -1.0)
    heading = cross(conic_normal, radial)
    beta = math.atan2(float(heading @ normal), float(heading @ cross(normal, radial)))
    return Hold(psi, omega, beta, (1, 2, 3), conic_normal, radial)


def hold_low(family: PlaneFamily, direction: Floats, turn_rad: float) -> Hold | None:
    """Like :func:`hold` where no plane of the family (or barely one) holds the direction, but some reach its apsis.

    ``direction`` (3,), a unit vector.

    The apsis may lie anywhere on the cone ``turn_rad`` before the direction. Of the points there over which orbits
    of the family pass, the one is taken at which orbit and conic differ least in heading. None if there is no such
    point: the family is too far from the direction.
    """
    chi = np.linspace(0.0, 2.0 * np.pi, 361)[:-1]
    side = PlaneFamily.about(direction, 0.5 * np.pi)
    around = np.cos(chi)[:, None] * side.a + np.sin(chi)[:, None] * side.b
    radials = math.cos(turn_rad) * direction + math.sin(turn_rad) * around
    conics = np.cross(radials, direction) / math.sin(turn_rad)
    normals, margin = planes_through(family, radials)
    agreement = np.where(margin >= 0.0, np.sum(normals * conics, axis=-1), -2.0)
    branch, k = np.unravel_index(int(np.argmax(agreement)), agreement.shape)
    if agreement[branch, k] < -1.0:
        return None
    radial = radials[k]
    psi = family.containing(radial)[0][branch]
    normal = family.normal(psi)
    heading = cross(conics[k], radial)
    beta = math.atan2(float(heading @ normal), float(heading @ cross(normal, radial)))
    return Hold(psi, in_plane_angle(family, psi, radial), beta, (1, 2, 3), conics[k], radial)


def excess_velocity(moon_r: Floats, moon_v: Floats, arc: Climb, normals: Floats, way: int) -> Floats:
    """Velocity about the Moon (..., n, 3) of conics through its centre (n), in planes of normals (..., n, 3)."""
    m = moon_r / np.linalg.norm(moon_r, axis=-1, keepdims=True)
    along = np.cross(normals, m)
    return np.asarray(way * arc.radial_m_s[:, None] * m + arc.transverse_m_s[:, None] * along - moon_v)


def apsis_dv(radius_m: float, v_infinity_m_s: Floats, out_of_plane_rad: Floats) -> Floats:
    """Δv between a circular lunar orbit and a hyperbola whose asymptote leaves the orbit's plane by an angle, m/s.

    One impulse at the orbit's radius, at the cheapest of 72 points of the orbit (see :func:`conics.best_burn`);
    vectorised over any shape.
    """
    v, out = np.broadcast_arrays(np.asarray(v_infinity_m_s, float), np.asarray(out_of_plane_rad, float))
    v, out = v[..., None], out[..., None]
    circular2 = GM_MOON_M3_S2 / radius_m
    omega = np.linspace(0.0, 2.0 * np.pi, 73)[:-1]  # of the point, from the asymptote's projection on the plane
    cosine = np.cos(out) * np.cos(omega)
    d = np.sqrt(circular2 / np.maximum(1.0 + cosine, 1e-3) + 0.25 * v * v)
    speed2 = v * v + 2.0 * circular2
    along = -(d + 0.5 * v) * np.cos(out) * np.sin(omega)  # component of the burnt velocity on the orbit's
    radial = (d + 0.5 * v) * cosine + d - 0.5 * v
    cost = np.sqrt(np.maximum(speed2 + circular2 - 2.0 * np.sqrt(circular2) * along, 0.0))
    tangent = np.sqrt(speed2) - np.sqrt(circular2)
    best = np.min(np.where(radial > -0.15 * np.sqrt(speed2), cost, np.inf), axis=-1)
    return np.asarray(np.where(out[..., 0] < 1e-3, tangent[..., 0], best))


#: Chooses the Earth's end: (direction of the rim point, angle swept from the end) → normal of motion there, or None.
EarthPlane = Callable[[Floats, float], Floats | None]


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """A patched-conic flight: where it crosses the rim, and what both ends look like.

    ``moon`` holds the lunar end's parameters (ψ, ω, speed, β, γ), ``free`` those that may move.
    """

    rim_tdb_s: float
    moon: Floats
    free: tuple[int, ...]
    climb: Climb
    earth_direction: Floats
    earth_normal: Floats


def _lunar_state(
    lunar: ApsisEnd, v_relative: Floats, v_infinity: float, way: int, branch: int
) -> tuple[Floats, tuple[int, ...]] | None:
    """Parameters at the Moon's end for a velocity at the rim: tangent where the planes allow, else the best burn."""
    direction = normalised(v_relative)
    psis, margin = lunar.family.containing(direction)
    heading, speed = perilune_turn(lunar.radius_m, v_infinity, RIM_M)
    if margin > MARGIN_RAD:
        held = hold(lunar.family, direction, math.pi - heading if way > 0 else heading, branch)
        return np.array([held.psi, held.omega, speed, 0.0, 0.0]), (0, 1, 2)
    psi = psis[branch]
    # an arrival is a departure with time reversed: the orbit turns the other way, the asymptote points back
    burn = best_burn(-way * lunar.family.normal(psi), lunar.radius_m, -way * v_infinity * direction, _LOWEST_M)
    if burn is None:
        return None
    burn[3:] *= -way
    return lunar.parameters(psi, burn), (1, 2, 3, 4)


def patched(
    way: int,
    earth_tdb_s: float,
    moon_tdb_s: float,
    start: tuple[float, float],
    plane: EarthPlane,
    lunar: ApsisEnd,
    branch: int,
    v_relative: Floats,
) -> Guess | None:
    """Patch an Earth ellipse and a lunar hyperbola at the rim, by fixed-point iteration from a relative velocity.

    ``start`` is the radius and the (positive) flight-path angle at the Earth's end. None if an end cannot be placed.
    """
    ephemeris = de440.load()
    guess: Guess | None = None
    for _ in range(5):
        v2 = float(v_relative @ v_relative) - (2.0 * GM_MOON_M3_S2 / RIM_M if guess is not None else 0.0)
        placed = _lunar_state(lunar, v_relative, math.sqrt(max(v2, 250.0**2)), way, branch)
        if placed is None:
            return None
        state = lunar.state(placed[0])
        out = escape(state[:3], -way * state[3:], RIM_M)
        if out is None:
            return None
        rim_tdb = moon_tdb_s - way * out[0]
        moon_r, moon_v = ephemeris.state("moon", rim_tdb)
        rim = moon_r + out[1]
        arc = climb(start[0], start[1], float(np.linalg.norm(rim)), np.array([abs(rim_tdb - earth_tdb_s)]))
        direction = normalised(rim)
        swept = float(arc.angle_rad[0])
        normal = plane(direction, swept)
        if normal is None:
            return None
        velocity = way * arc.radial_m_s[0] * direction + arc.transverse_m_s[0] * cross(normal, direction)
        v_relative = velocity - moon_v
        guess = Guess(rim_tdb, placed[0], placed[1], arc, rotate(direction, normal, -way * swept), normal)
    return guess


def correct(guess: Guess, earth: Side, lunar: ApsisEnd, moon_tdb_s: float) -> tuple[Match, Side]:
    """Close the gap between both ends in the n-body model."""
    side = Side(lunar, "moon", moon_tdb_s, guess.moon, guess.free, _APSIS_LIMIT)
    return match((earth, side), guess.rim_tdb_s), side


def earth_side(end: End, epoch_tdb_s: float, parameters: Floats, free: tuple[int, ...], entry: bool) -> Side:
    """The Earth's end with the step limits of its kind.

    ``parameters`` (n,), those of the end.
    """
    return Side(end, "earth", epoch_tdb_s, parameters, free, _ENTRY_LIMIT if entry else _APSIS_LIMIT)


@dataclass(frozen=True, slots=True, eq=False)
class Flight:
    """One leg flown in one go: end state about the last centre, and dense pieces."""

    state: Floats
    paths: tuple[dynamics.Path, ...]


def fly(start: Floats, start_tdb_s: float, rim_tdb_s: float, end_tdb_s: float, way: int, *, dense: bool) -> Flight:
    """Fly from one end to the other, changing centre at the rim; the proof of a leg and the source of its samples.

    ``start`` (6,) about the first centre; the result's state (6,) about the last.
    """
    centres = ("earth", "moon") if way > 0 else ("moon", "earth")
    first = dynamics.propagate(start_tdb_s, start[:3], start[3:], rim_tdb_s, centre=centres[0], dense=dense)
    if first.reason:
        return Flight(np.full(6, np.nan), (first,))
    r, v = dynamics.change_centre(rim_tdb_s, first.r_m, first.v_m_s, centres[0], centres[1])
    second = dynamics.propagate(rim_tdb_s, r, v, end_tdb_s, centre=centres[1], dense=dense)
    return Flight(second.state, (first, second))


def sample(flight: Flight, count: int) -> Trajectory | None:
    """``count`` Earth-centred states, evenly spread over the integration's own steps: dense where motion is fast."""
    if count <= 0 or not all(path.pieces for path in flight.paths):
        return None
    own = np.unique(np.concatenate([path.step_epochs() for path in flight.paths]))
    epochs = np.interp(np.linspace(0.0, own.size - 1.0, max(2, count)), np.arange(own.size), own)
    epochs = np.unique(epochs)
    states = np.empty((epochs.size, 6))
    owner = np.searchsorted([path.epoch_tdb_s for path in flight.paths[:-1]], epochs, side="left")
    for k, path in enumerate(flight.paths):
        mine = owner == k
        if mine.any():
            found = path.at(epochs[mine])
            r, v = dynamics.change_centre(epochs[mine], found[:, :3], found[:, 3:], path.centre, "earth")
            states[mine, :3], states[mine, 3:] = r, v
    return Trajectory("earth", epochs, states[:, :3].copy(), states[:, 3:].copy())
