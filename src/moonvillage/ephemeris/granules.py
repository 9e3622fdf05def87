"""The ephemeris re-expanded for the integrators: polynomials over four-day granules.

A granule is one Chebyshev record of the Moon in DE440, so the geocentric Moon is reproduced exactly (to rounding,
5e-5 m); slower bodies are interpolated at Chebyshev nodes at a degree that keeps the same order of accuracy in the
acceleration. Polynomials are in powers of τ = (t − mid) / half, τ in [−1, 1], which is well conditioned here since
the Chebyshev coefficients fall off geometrically.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from moonvillage.ephemeris import de440, frames
from moonvillage.ephemeris.constants import GM_M3_S2
from moonvillage.ephemeris.orientation import PrincipalAxes, euler_angles

Floats = NDArray[np.float64]


def granule_index(epoch_tdb_s: float) -> int:
    """Number of the granule that holds an epoch."""
    ephemeris = de440.load()
    ephemeris.check_covers(np.array([epoch_tdb_s]))
    return int((epoch_tdb_s - ephemeris.granule_origin_tdb_s) // ephemeris.granule_length_s)


def granule_span(index: int) -> tuple[float, float]:
    """Middle and half length of a granule: (TDB seconds past J2000, s)."""
    ephemeris = de440.load()
    half = 0.5 * ephemeris.granule_length_s
    return ephemeris.granule_origin_tdb_s + (2 * index + 1) * half, half


@lru_cache(maxsize=32)
def _nodes_and_matrix(degree: int) -> tuple[Floats, Floats]:
    """Chebyshev nodes, and the matrix from values there to monomial coefficients (rows: power)."""
    n = degree + 1
    nodes = np.cos(np.pi * (np.arange(n) + 0.5) / n)
    vandermonde = chebyshev.chebvander(nodes, degree)  # (node, k)
    to_cheb = vandermonde.T * (2.0 / n)
    to_cheb[0] *= 0.5
    to_power = np.zeros((n, n))
    for k in range(n):
        row = np.zeros(n)
        row[k] = 1.0
        power = chebyshev.cheb2poly(row)
        to_power[: power.size, k] = power
    return nodes, to_power @ to_cheb


def _fit(index: int, degree: int) -> tuple[Floats, Floats]:
    nodes, matrix = _nodes_and_matrix(degree)
    mid, half = granule_span(index)
    return mid + half * nodes, matrix


@lru_cache(maxsize=4096)
def body_polynomial(index: int, body: str, centre: str, degree: int) -> Floats:
    """Coefficients (degree + 1, 3) in powers of τ of the position of ``body`` about ``centre``, m, ICRF."""
    epochs, matrix = _fit(index, degree)
    ephemeris = de440.load()
    epochs = np.clip(epochs, ephemeris.start_tdb_s, ephemeris.end_tdb_s)
    return np.asarray(matrix @ ephemeris.position(body, epochs, centre))


@lru_cache(maxsize=4096)
def indirect_polynomial(index: int, bodies: tuple[tuple[str, float], ...], centre: str, degree: int) -> Floats:
    """Coefficients (degree + 1, 3) in powers of τ of −Σ GM d/|d|³, m/s², ICRF: how the centre itself is not pulled.

    ``bodies`` are pairs of a name and its GM in m³/s²; d is their position about ``centre``.
    """
    epochs, matrix = _fit(index, degree)
    ephemeris = de440.load()
    epochs = np.clip(epochs, ephemeris.start_tdb_s, ephemeris.end_tdb_s)
    values = np.zeros((epochs.size, 3))
    for body, gm in bodies:
        d = ephemeris.position(body, epochs, centre)
        values -= gm * d / np.linalg.norm(d, axis=1)[:, None] ** 3
    return np.asarray(matrix @ values)


@lru_cache(maxsize=4096)
def tidal_polynomial(index: int, bodies: tuple[str, ...], centre: str, degree: int) -> Floats:
    """Coefficients (degree + 1, 6) of the summed tidal tensor Σ GM (3 d dᵀ/d⁵ − 1/d³), 1/s², of far bodies.

    Columns: xx, xy, xz, yy, yz, zz. The linear tide is the far bodies' whole effect to a relative r/d.
    """
    epochs, matrix = _fit(index, degree)
    values = np.zeros((epochs.size, 6))
    for body in bodies:
        d = de440.load().position(body, epochs, centre)
        distance = np.linalg.norm(d, axis=1)
        u = d / distance[:, None]
        gm = GM_M3_S2[body] / distance**3
        for column, (i, j) in enumerate(((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))):
            values[:, column] += gm * (3.0 * u[:, i] * u[:, j] - (1.0 if i == j else 0.0))
    return np.asarray(matrix @ values)


@lru_cache(maxsize=4096)
def orientation_polynomial(index: int, degree: int, axes: PrincipalAxes | None = None) -> Floats:
    """Coefficients (degree + 1, 3) in powers of τ of the Moon's Euler angles φ, θ, W, rad: ME's, or a kernel's PA."""
    epochs, matrix = _fit(index, degree)
    angles = np.stack(axes.euler_angles(epochs) if axes else euler_angles(epochs), axis=-1)
    angles[:, 2] -= 2.0 * np.pi * np.floor(angles[0, 2] / (2.0 * np.pi))
    return np.asarray(matrix @ angles)


@lru_cache(maxsize=4096)
def pole_vector(index: int) -> Floats:
    """The Earth's pole of date at the middle of a granule, ICRF unit vector (3,)."""
    return np.asarray(frames.earth_pole(granule_span(index)[0]))
