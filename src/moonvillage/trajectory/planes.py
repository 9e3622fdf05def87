"""Orbit planes that obey one condition, and states on the orbits in them.

A :class:`PlaneFamily` holds every plane whose normal makes a given angle with an axis: all planes of one inclination
(axis: the pole), all planes through a site (axis: the site, angle 90°), or one plane alone (angle 0).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.orientation import moon_me_matrix

Floats = NDArray[np.float64]
_NORTH: Final = np.array([0.0, 0.0, 1.0])


def cross(first: Floats, second: Floats) -> Floats:
    """Cross product of two 3-vectors; ten times faster than NumPy's general one.

    ``first`` and ``second`` are (3,).
    """
    a, b, c = first.tolist()
    d, e, f = second.tolist()
    return np.array([b * f - c * e, c * d - a * f, a * e - b * d])


def normalised(vector: Floats) -> Floats:
    """A 3-vector divided by its length.

    ``vector`` (3,).
    """
    return vector / math.sqrt(float(vector @ vector))


def _perpendicular(axis: Floats) -> tuple[Floats, Floats]:
    """Two unit vectors that complete ``axis`` to a right-handed triad."""
    helper = np.array([0.0, 0.0, 1.0]) if abs(axis[2]) < 0.9 else np.array([0.0, 1.0, 0.0])
    a = normalised(cross(helper, axis))
    return a, cross(axis, a)


def rotate(vector: Floats, axis: Floats, angle_rad: float) -> Floats:
    """Rotate a vector about a unit axis (Rodrigues).

    ``vector`` and ``axis`` are (3,).
    """
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    return vector * c + cross(axis, vector) * s + axis * (float(axis @ vector) * (1.0 - c))


def triple(vector: Floats) -> tuple[float, float, float]:
    """A vector (3,) as records keep it."""
    x, y, z = vector.tolist()
    return x, y, z


def local_axes(r_m: Floats, v_m_s: Floats) -> Floats:
    """Columns (3, 3): radial, along-track, cross-track unit vectors of ``r_m``, ``v_m_s`` (3,), on the same axes."""
    radial, normal = normalised(r_m), normalised(cross(r_m, v_m_s))
    return np.column_stack([radial, cross(normal, radial), normal])


def tilted_normal(direction: Floats, tilt_rad: float) -> Floats:
    """Unit normal (3,) of the plane through a unit ``direction`` (3,), tilted from that of least inclination to z."""
    north = normalised(_NORTH - float(direction[2]) * direction)
    return math.cos(tilt_rad) * north + math.sin(tilt_rad) * cross(direction, north)


@dataclass(frozen=True, slots=True, eq=False)
class PlaneFamily:
    """Planes with normal n(ψ) = cos(angle) axis + sin(angle) (cos ψ a + sin ψ b); all ICRF unit vectors."""

    axis: Floats
    angle_rad: float
    a: Floats
    b: Floats

    @classmethod
    def about(cls, axis: Floats, angle_rad: float) -> PlaneFamily:
        """The family about any axis; ψ is counted from an arbitrary, fixed direction.

        ``axis`` (3,).
        """
        k = normalised(axis)
        a, b = _perpendicular(k)
        return cls(k, angle_rad, a, b)

    def normal(self, psi: float) -> Floats:
        """Unit normal of the plane ψ.

        Returns (3,).
        """
        s = math.sin(self.angle_rad)
        return math.cos(self.angle_rad) * self.axis + (s * math.cos(psi)) * self.a + (s * math.sin(psi)) * self.b

    def node(self, psi: float) -> Floats:
        """A unit vector in the plane ψ, perpendicular to the axis: where ω is counted from.

        Returns (3,).
        """
        return -math.sin(psi) * self.a + math.cos(psi) * self.b

    def containing(self, direction: Floats) -> tuple[tuple[float, float], float]:
        """The two ψ whose planes hold ``direction``, and the margin.

        The margin is the angle (rad) by which the family reaches beyond the direction; where it is negative no plane
        holds it, and both ψ are that of the nearest plane.
        """
        along = float(self.axis @ direction)
        p, q = float(self.a @ direction), float(self.b @ direction)
        across = float(np.hypot(p, q))
        # cos(angle) along + sin(angle) across cos(ψ − ψ₀) = 0
        centre = math.atan2(q, p)
        latitude = float(np.arctan2(along, across))
        reach = min(self.angle_rad, np.pi - self.angle_rad)
        margin = float(reach - abs(latitude))
        denominator = np.sin(self.angle_rad) * across
        cosine = -np.cos(self.angle_rad) * along / denominator if denominator > 1e-15 else 0.0
        half = float(np.arccos(np.clip(cosine, -1.0, 1.0)))
        return (centre + half, centre - half), margin


def planes_through(family: PlaneFamily, directions: Floats) -> tuple[Floats, Floats]:
    """Normals (2, n, 3) of the planes of a family through each direction (n, 3), and the margins (n,).

    The many-at-once form of :meth:`PlaneFamily.containing`; a negative margin is the angle by which the nearest plane
    misses the direction, and then the normals are those of the nearest planes turned to hold it.
    """
    along, p, q = directions @ family.axis, directions @ family.a, directions @ family.b
    across = np.hypot(p, q)
    margin = min(family.angle_rad, math.pi - family.angle_rad) - np.abs(np.arctan2(along, across))
    denominator = np.maximum(math.sin(family.angle_rad) * across, 1e-15)
    half = np.arccos(np.clip(-math.cos(family.angle_rad) * along / denominator, -1.0, 1.0))
    centre = np.arctan2(q, p)
    psi = np.stack([centre + half, centre - half])[..., None]
    normals = math.cos(family.angle_rad) * family.axis + math.sin(family.angle_rad) * (
        np.cos(psi) * family.a + np.sin(psi) * family.b
    )
    normals = normals - np.sum(normals * directions, axis=-1, keepdims=True) * directions
    if np.any(np.linalg.norm(normals, axis=-1) < 1e-9):  # the plane lies square to the direction: any turn will do
        spare = np.cross(directions, np.where(np.abs(directions[:, :1]) < 0.9, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]))
        normals = np.where(np.linalg.norm(normals, axis=-1, keepdims=True) < 1e-9, spare, normals)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True), margin


def in_plane_angle(family: PlaneFamily, psi: float, direction: Floats) -> float:
    """ω of the direction's projection on the plane ψ.

    ``direction`` (3,).
    """
    node, normal = family.node(psi), family.normal(psi)
    return float(np.arctan2(direction @ cross(normal, node), direction @ node))


@dataclass(frozen=True, slots=True, eq=False)
class ApsisEnd:
    """States on a circular orbit's radius, before or after a burn: parameters (ψ, ω, speed, β, γ).

    β turns the velocity out of the plane ψ about the radius: a burn from (or to) the circular orbit in that plane
    then changes the plane by β. γ is the flight-path angle, 0 at an apsis.
    """

    family: PlaneFamily
    radius_m: float

    def state(self, parameters: Floats) -> Floats:
        """(6,) position and velocity, ICRF about the orbit's centre."""
        psi, omega, speed, beta, gamma = (float(p) for p in parameters)
        node, normal = self.family.node(psi), self.family.normal(psi)
        radial = math.cos(omega) * node + math.sin(omega) * cross(normal, node)
        level = math.cos(beta) * cross(normal, radial) + math.sin(beta) * normal
        velocity = (speed * math.cos(gamma)) * level + (speed * math.sin(gamma)) * radial
        return np.concatenate([self.radius_m * radial, velocity])

    def parameters(self, psi: float, state: Floats) -> Floats:
        """The parameters of a state on this radius whose position lies in the plane ψ.

        ``state`` (6,).
        """
        radial = normalised(state[:3])
        normal = self.family.normal(psi)
        speed = float(np.linalg.norm(state[3:]))
        beta = math.atan2(float(state[3:] @ normal), float(state[3:] @ cross(normal, radial)))
        gamma = math.asin(max(-1.0, min(1.0, float(state[3:] @ radial) / speed)))
        return np.array([psi, in_plane_angle(self.family, psi, radial), speed, beta, gamma])

    def circular(self, parameters: Floats, gm_m3_s2: float) -> Floats:
        """The state on the circular orbit itself at the same point, (6,)."""
        speed = float(np.sqrt(gm_m3_s2 / self.radius_m))
        return self.state(np.array([parameters[0], parameters[1], speed, 0.0, 0.0]))


@dataclass(frozen=True, slots=True, eq=False)
class EntryEnd:
    """States at entry: parameters (declination, right ascension, heading from north through east, speed)."""

    radius_m: float
    flight_path_angle_rad: float

    def state(self, parameters: Floats) -> Floats:
        """(6,) position and velocity, ICRF about the Earth."""
        dec, ra, heading, speed = (float(p) for p in parameters)
        radial = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
        east = np.array([-np.sin(ra), np.cos(ra), 0.0])
        north = cross(radial, east)
        level = np.cos(heading) * north + np.sin(heading) * east
        gamma = self.flight_path_angle_rad
        return np.concatenate([self.radius_m * radial, speed * (np.sin(gamma) * radial + np.cos(gamma) * level)])

    def parameters(self, r_m: Floats, v_m_s: Floats) -> Floats:
        """The parameters of the nearest state of this kind (radius and flight-path angle are replaced).

        ``r_m`` and ``v_m_s`` are (3,).
        """
        radial = normalised(r_m)
        dec, ra = float(np.arcsin(radial[2])), float(np.arctan2(radial[1], radial[0]))
        east = np.array([-np.sin(ra), np.cos(ra), 0.0])
        heading = float(np.arctan2(v_m_s @ east, v_m_s @ cross(radial, east)))
        return np.array([dec, ra, heading, float(np.linalg.norm(v_m_s))])


#: Unnormalised J2 of the Moon (GRGM1200L: −√5 C20), at the radius 1738 km.
_MOON_J2: Final = 9.08782510e-05 * math.sqrt(5.0)
_MOON_J2_RADIUS_M: Final = 1_738_000.0


def precessed(
    plane_normal: tuple[float, float, float], altitude_m: float, start_tdb_s: float, end_tdb_s: float
) -> tuple[float, float, float]:
    """Where the plane of a circular low lunar orbit has turned by another date.

    The node's secular motion under the Moon's J2, Ω' = −1.5 n J2 (R/a)² cos i about the lunar pole (Kozai 1959):
    1.0° a day at 100 km and 30°, nothing at 90°. The higher field and the Earth, left out, add swings of a degree.

    Parameters
    ----------
    plane_normal
        ICRF unit normal at ``start_tdb_s``.
    altitude_m
        Of the orbit, above 1737.4 km.
    """
    radius = MOON_RADIUS_M + altitude_m
    pole = moon_me_matrix(0.5 * (start_tdb_s + end_tdb_s))[2]
    normal = normalised(np.array(plane_normal))
    motion = math.sqrt(GM_MOON_M3_S2 / radius**3)
    rate = -1.5 * motion * _MOON_J2 * (_MOON_J2_RADIUS_M / radius) ** 2 * float(normal @ pole)
    return triple(rotate(normal, pole, rate * (end_tdb_s - start_tdb_s)))
