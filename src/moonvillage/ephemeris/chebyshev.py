"""Chebyshev records of equal length, as in SPK and binary PCK segments of type 2, for many epochs at once."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Records:
    """One segment of an opened DAF file: three components, each a Chebyshev series per record.

    ``unit`` multiplies the values: 1e3 for kilometres to metres, 1 for radians.
    """

    def __init__(self, daf: Any, start: int, end: int, unit: float) -> None:
        self.init_s, self.length_s, size, count = (float(x) for x in daf.read_array(end - 3, end))
        records = daf.map_array(start, end - 4).reshape(int(count), int(size))
        terms = (int(size) - 2) // 3
        self.unit = unit
        self.coefficients = records[:, 2:].reshape(int(count), 3, terms)
        self.count = int(count)
        self.orders = np.arange(terms)

    def evaluate(self, epoch_tdb_s: Floats, derivative: bool) -> tuple[Floats, Floats | None]:
        """Values (n, 3) and, if asked, their time derivatives (n, 3) per second."""
        index = np.minimum(((epoch_tdb_s - self.init_s) / self.length_s).astype(np.int64), self.count - 1)
        half = 0.5 * self.length_s
        x = (epoch_tdb_s - self.init_s - index * self.length_s) / half - 1.0
        x = np.maximum(np.minimum(x, 1.0), -1.0)  # several times faster than np.clip
        c = self.coefficients[index]
        basis = np.cos(self.orders * np.arccos(x)[:, None])  # T_k(x)
        value = (c @ basis[:, :, None])[..., 0] * self.unit
        if not derivative:
            return value, None
        slope = basis @ _derivative_matrix(c.shape[2])
        return value, (c @ slope[:, :, None])[..., 0] * (self.unit / half)


@lru_cache(maxsize=32)
def _derivative_matrix(terms: int) -> Floats:
    """D with T'_j = Σ_k D[k, j] T_k."""
    matrix = np.zeros((terms, terms))
    for j in range(terms):
        for k in range(j - 1, -1, -2):
            matrix[k, j] = j if k == 0 else 2 * j
    return matrix
