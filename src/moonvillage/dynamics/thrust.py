"""Finite burns: constant thrust, steered, with the craft growing lighter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.units import STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]

#: Axes in which a burn may be steered: inertial, or turning with the craft's own motion about the centre.
STEERING: Final = ("icrf", "vnc", "rsw")


@dataclass(frozen=True, slots=True, eq=False)
class Thrust:
    """Constant thrust along p(t) = ``direction`` + ``rate_1_s`` (t − start), in the axes that ``steering`` names.

    The acceleration is A / (1 − A (t − start) / c), as the craft grows lighter, with A = ``acceleration_m_s2`` at the
    start and c = ``exhaust_m_s`` (infinite: constant acceleration). Only p's direction counts.

    * ``"icrf"``: p is an inertial vector. The law is then Lawden's (1963, "Optimal Trajectories for Space
      Navigation") linear primer, optimal in a uniform gravity field.
    * ``"vnc"``: along the velocity, along the orbit's normal r × v, and their cross product V × N.
    * ``"rsw"``: radial, along-track, along the orbit's normal.

    The turning axes are those of the motion about the formulation's centre
    (:func:`~moonvillage.ephemeris.frames.vnc_matrix`, :func:`~moonvillage.ephemeris.frames.rsw_matrix`).
    """

    start_tdb_s: float
    acceleration_m_s2: float
    exhaust_m_s: float
    direction: Floats
    rate_1_s: Floats
    steering: str = "icrf"

    def __post_init__(self) -> None:
        if self.steering not in STEERING:
            raise ValueError(f"steering is {self.steering!r}; it must be one of {', '.join(STEERING)}")

    @classmethod
    def of_engine(
        cls,
        start_tdb_s: float,
        thrust_n: float,
        isp_s: float,
        mass_kg: float,
        direction: ArrayLike,
        rate_1_s: ArrayLike = (0.0, 0.0, 0.0),
        steering: str = "icrf",
    ) -> Thrust:
        """A burn of an engine of ``thrust_n`` and ``isp_s`` (of 9.80665 m/s²); ``mass_kg`` is that at the start.

        ``direction`` (3,) and ``rate_1_s`` (3,) are in the axes of ``steering``.
        """
        exhaust = isp_s * STANDARD_GRAVITY_M_S2
        vectors = (np.asarray(direction, dtype=np.float64), np.asarray(rate_1_s, dtype=np.float64))
        return cls(start_tdb_s, thrust_n / mass_kg, exhaust, *vectors, steering)

    @property
    def burnout_s(self) -> float:
        """Duration after which nothing would be left of the craft (infinite with ``exhaust_m_s``)."""
        if np.isinf(self.exhaust_m_s) or self.acceleration_m_s2 <= 0.0:
            return float("inf")
        return self.exhaust_m_s / self.acceleration_m_s2

    def mass_ratio(self, duration_s: float) -> float:
        """Mass after ``duration_s`` over the mass at the start."""
        return 1.0 - duration_s / self.burnout_s

    def dv_m_s(self, duration_s: float) -> float:
        """What the engine has given after ``duration_s``."""
        if np.isinf(self.exhaust_m_s):
            return self.acceleration_m_s2 * duration_s
        return float(-self.exhaust_m_s * np.log1p(-self.acceleration_m_s2 * duration_s / self.exhaust_m_s))

    def parameters(self, mid_tdb_s: float) -> Floats:
        """Values (9,) of the last slots of ``par[]`` in the granule around ``mid_tdb_s``."""
        head = [self.start_tdb_s - mid_tdb_s, self.acceleration_m_s2, 1.0 / self.exhaust_m_s]
        return np.concatenate([head, self.direction, self.rate_1_s])
