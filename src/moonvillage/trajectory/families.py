"""Orbit planes and the states on them, for many flights at once: the arrays of :mod:`moonvillage.trajectory.planes`.

Every array has a leading axis of flights (n).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moonvillage.trajectory.planes import PlaneFamily

Floats = NDArray[np.float64]


def dot(first: Floats, second: Floats) -> Floats:
    """Scalar products along the last axis, (..., 3) → (...)."""
    return np.asarray(np.einsum("...i,...i->...", first, second))


def size(vector: Floats) -> Floats:
    """Lengths along the last axis, (..., 3) → (...)."""
    return np.sqrt(dot(vector, vector))


def unit(vector: Floats) -> Floats:
    """Vectors of length one.

    ``vector`` (..., 3).
    """
    return vector / size(vector)[..., None]


def cross(first: Floats, second: Floats) -> Floats:
    """Cross products along the last axis; several times faster than NumPy's own.

    ``first`` and ``second`` are (..., 3).
    """
    a, b, c = first[..., 0], first[..., 1], first[..., 2]
    d, e, f = second[..., 0], second[..., 1], second[..., 2]
    return np.stack([b * f - c * e, c * d - a * f, a * e - b * d], axis=-1)


@dataclass(frozen=True, slots=True, eq=False)
class Families:
    """One :class:`~moonvillage.trajectory.planes.PlaneFamily` a flight: axis, a, b are (n, 3), the angle (n,)."""

    axis: Floats
    angle_rad: Floats
    a: Floats
    b: Floats

    @classmethod
    def about(cls, axis: Floats, angle_rad: float) -> Families:
        """Families about axes (n, 3)."""
        k = unit(axis)
        helper = np.where(np.abs(k[:, 2:]) < 0.9, [0.0, 0.0, 1.0], [0.0, 1.0, 0.0])
        a = unit(cross(helper, k))
        return cls(k, np.full(k.shape[0], angle_rad), a, cross(k, a))

    def put(self, row: int, family: PlaneFamily) -> None:
        """Replace the family of one flight."""
        self.axis[row], self.angle_rad[row], self.a[row], self.b[row] = (
            family.axis,
            family.angle_rad,
            family.a,
            family.b,
        )

    def take(self, index: NDArray[np.int64]) -> Families:
        """The families of some of the flights.

        ``index`` (m,).
        """
        return Families(self.axis[index], self.angle_rad[index], self.a[index], self.b[index])

    def normal(self, psi: Floats) -> Floats:
        """Unit normals (n, 3) of the planes ψ (n,)."""
        turned = np.cos(psi)[:, None] * self.a + np.sin(psi)[:, None] * self.b
        return np.asarray(np.cos(self.angle_rad)[:, None] * self.axis + np.sin(self.angle_rad)[:, None] * turned)

    def node(self, psi: Floats) -> Floats:
        """Unit vectors (n, 3) in the planes from which ω is counted."""
        return np.asarray(np.cos(psi)[:, None] * self.b - np.sin(psi)[:, None] * self.a)

    def containing(self, direction: Floats) -> tuple[Floats, Floats]:
        """The two ψ (2, n) whose planes hold each direction (n, 3), and the margins (n,), rad."""
        along = dot(self.axis, direction)
        p, q = dot(self.a, direction), dot(self.b, direction)
        across = np.hypot(p, q)
        centre = np.arctan2(q, p)
        margin = np.minimum(self.angle_rad, np.pi - self.angle_rad) - np.abs(np.arctan2(along, across))
        below = np.sin(self.angle_rad) * across
        cosine = np.where(below > 1e-15, -np.cos(self.angle_rad) * along / np.maximum(below, 1e-15), 0.0)
        half = np.arccos(np.clip(cosine, -1.0, 1.0))
        return np.stack([centre + half, centre - half]), margin

    def angle_of(self, psi: Floats, direction: Floats) -> Floats:
        """ω (n,) of each direction's projection on its plane ψ."""
        node, normal = self.node(psi), self.normal(psi)
        return np.arctan2(dot(direction, cross(normal, node)), dot(direction, node))

    def states(self, radius_m: float, parameters: Floats) -> Floats:
        """States (n, 6) at ``radius_m`` for (ψ, ω, speed, β, γ), (n, 5): see ``planes.ApsisEnd``."""
        psi, omega, speed, beta, gamma = parameters.T
        node, normal = self.node(psi), self.normal(psi)
        forward = cross(normal, node)
        c, s = np.cos(omega)[:, None], np.sin(omega)[:, None]
        radial = c * node + s * forward
        level = np.cos(beta)[:, None] * (c * forward - s * node) + np.sin(beta)[:, None] * normal
        velocity = (speed * np.cos(gamma))[:, None] * level + (speed * np.sin(gamma))[:, None] * radial
        return np.hstack([radius_m * radial, velocity])

    def slopes(self, radius_m: float, parameters: Floats) -> Floats:
        """∂states/∂(ψ, ω, speed, β, γ), (n, 6, 5), by central differences of the closed form."""
        columns = []
        for k in range(5):
            step = 1e-6 * np.maximum(1.0, np.abs(parameters[:, k]))
            up, down = parameters.copy(), parameters.copy()
            up[:, k] += step
            down[:, k] -= step
            columns.append((self.states(radius_m, up) - self.states(radius_m, down)) / (2.0 * step[:, None]))
        return np.stack(columns, axis=2)
