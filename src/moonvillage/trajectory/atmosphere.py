"""Density of the air: the U.S. Standard Atmosphere 1976 (NOAA-S/T 76-1562).

Below 86 km by its seven layers of geopotential height; above by its tabulated densities, interpolated as logarithms.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.units import STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]

_GAS: Final = 287.05287
_RADIUS_M: Final = 6_356_766.0
#: Base geopotential height (m), base temperature (K), lapse (K/m): table 4 of the standard.
_LAYERS: Final = (
    (0.0, 288.15, -6.5e-3),
    (11e3, 216.65, 0.0),
    (20e3, 216.65, 1.0e-3),
    (32e3, 228.65, 2.8e-3),
    (47e3, 270.65, 0.0),
    (51e3, 270.65, -2.8e-3),
    (71e3, 214.65, -2.0e-3),
)
#: Geometric height (km) and density (kg/m³) above 86 km: table I of the standard.
_UPPER: Final = (
    (86.0, 6.958e-6),
    (90.0, 3.416e-6),
    (95.0, 1.393e-6),
    (100.0, 5.604e-7),
    (105.0, 2.325e-7),
    (110.0, 9.708e-8),
    (115.0, 4.289e-8),
    (120.0, 2.222e-8),
    (130.0, 8.152e-9),
    (140.0, 3.831e-9),
    (150.0, 2.076e-9),
    (160.0, 1.233e-9),
    (180.0, 5.194e-10),
    (200.0, 2.541e-10),
    (250.0, 6.073e-11),
    (300.0, 1.916e-11),
    (400.0, 2.803e-12),
    (500.0, 5.215e-13),
)
_STEP_M: Final = 100.0


def _lower(height_m: Floats) -> Floats:
    """Density of the layers below 86 km."""
    h = _RADIUS_M * height_m / (_RADIUS_M + height_m)
    pressure, result = 101_325.0, np.zeros_like(h)
    for k, (base, temperature, lapse) in enumerate(_LAYERS):
        top = _LAYERS[k + 1][0] if k + 1 < len(_LAYERS) else 84_852.0
        inside = (h >= base) if k else np.ones(h.shape, dtype=bool)
        t = np.maximum(temperature + lapse * (h - base), 100.0)
        if lapse:
            p = pressure * (t / temperature) ** (-STANDARD_GRAVITY_M_S2 / (_GAS * lapse))
            step = ((temperature + lapse * (top - base)) / temperature) ** (-STANDARD_GRAVITY_M_S2 / (_GAS * lapse))
        else:
            p = pressure * np.exp(-STANDARD_GRAVITY_M_S2 * (h - base) / (_GAS * temperature))
            step = float(np.exp(-STANDARD_GRAVITY_M_S2 * (top - base) / (_GAS * temperature)))
        result = np.where(inside, p / (_GAS * t), result)
        pressure *= step
    return result


@lru_cache(maxsize=1)
def _table() -> tuple[Floats, Floats]:
    heights = np.arange(0.0, 500e3 + 1.0, _STEP_M)
    low = heights <= 86e3
    upper = np.array(_UPPER)
    logs = np.where(
        low, np.log(_lower(np.minimum(heights, 86e3))), np.interp(heights, upper[:, 0] * 1e3, np.log(upper[:, 1]))
    )
    return heights, logs


def density(height_m: ArrayLike) -> Floats:
    """Density, kg/m³, at geometric heights (...), m; held below the sea, falling on at the last rate above 500 km."""
    heights, logs = _table()
    h = np.asarray(height_m, dtype=np.float64)
    found = np.exp(np.interp(h, heights, logs))
    return np.asarray(np.where(h > 500e3, found * np.exp(-(h - 500e3) / 6e4), found))
