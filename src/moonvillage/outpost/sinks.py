"""Where heat goes: the sink that a radiator sees, its area, and how cold traps stay cold and keep their ice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.outpost.heat import HAYNE_2017, STEFAN_W_M2_K4, Regolith

Floats = NDArray[np.float64]
#: Molar mass of water, kg/mol, over the gas constant, J/(mol K).
_WATER_KG_MOL: Final = 0.018015
_GAS_J_MOL_K: Final = 8.314462618


@dataclass(frozen=True, slots=True)
class Radiator:
    """A radiator panel. ``ground_view`` is the share of its view that the ground fills: 0 facing up, ½ upright."""

    absorptivity: float = 0.2
    emissivity: float = 0.85
    ground_view: float = 0.5
    fin_efficiency: float = 0.9


def sink_k(
    radiator: Radiator,
    ground_k: ArrayLike,
    direct_w_m2: ArrayLike = 0.0,
    scattered_w_m2: ArrayLike = 0.0,
    *,
    ground_emissivity: float = HAYNE_2017.emissivity,
) -> Floats:
    """Temperature of the black surroundings that would load a radiator as its real surroundings do, K.

    Parameters
    ----------
    ground_k
        Temperature of the ground in its view.
    direct_w_m2, scattered_w_m2
        Sunlight on the panel itself, and that which the ground in its view reflects (radiosity), W/m².

    Notes
    -----
    ``σ T⁴ = F ε_g σ T_g⁴ + (α / ε)(direct + F scattered)``: the heat balance of a panel of one temperature in an
    open landscape of one temperature (Gilmore 2002, Spacecraft Thermal Control Handbook I, ch. 6). Craters, other
    hardware and dust on the panel are not in it.
    """
    view = radiator.ground_view
    ground = ground_emissivity * STEFAN_W_M2_K4 * np.asarray(ground_k, dtype=np.float64) ** 4
    light = np.asarray(direct_w_m2, dtype=np.float64) + view * np.asarray(scattered_w_m2, dtype=np.float64)
    load = view * ground + radiator.absorptivity / radiator.emissivity * light
    return np.asarray((load / STEFAN_W_M2_K4) ** 0.25, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Sizing:
    """The area that a heat load needs, m²; ``area_m2`` is None where no area would do, and ``reason`` says why."""

    area_m2: float | None
    worst_sink_k: float
    reason: str


def radiator_area(heat_w: float, radiator: Radiator, radiator_k: float, sinks_k: ArrayLike) -> Sizing:
    """Area that rejects ``heat_w`` at the worst of the given sinks (:func:`sink_k`), one-sided.

    Raises
    ------
    ValueError
        If the heat or the radiator's temperature is not positive.
    """
    if heat_w <= 0.0 or radiator_k <= 0.0:
        raise ValueError(f"heat {heat_w} W at {radiator_k} K: both must be positive")
    worst = float(np.max(np.asarray(sinks_k, dtype=np.float64)))
    net = radiator.fin_efficiency * radiator.emissivity * STEFAN_W_M2_K4 * (radiator_k**4 - worst**4)
    if net <= 0.0:
        reason = f"the sink reaches {worst:.0f} K, the radiator only {radiator_k:.0f} K: no area rejects heat then"
        return Sizing(None, worst, reason)
    return Sizing(heat_w / net, worst, f"at the worst sink of {worst:.0f} K")


def bowl_shadow_w_m2(sin_elevation: ArrayLike, depth_to_diameter: float, model: Regolith = HAYNE_2017) -> Floats:
    """Heat absorbed by shadowed ground in a spherical bowl crater: light and infrared of its lit wall, W/m².

    ``S sin e · f (1 - A) / (1 - A f) · (ε + A (1 - f))`` with ``f = 1 / (1 + (D / 2d)²)``
    (Ingersoll, Svitek & Murray 1992, Icarus 100, 40, doi 10.1016/0019-1035(92)90016-Z): every point of a sphere sees
    every other alike. ``A`` is the albedo at normal incidence.
    """
    share = 1.0 / (1.0 + (0.5 / depth_to_diameter) ** 2)
    albedo, emissivity = model.albedo, model.emissivity
    come = model.solar_w_m2 * np.clip(np.asarray(sin_elevation, dtype=np.float64), 0.0, 1.0)
    kept = share * (1.0 - albedo) / (1.0 - albedo * share) * (emissivity + albedo * (1.0 - share))
    return np.asarray(come * kept, dtype=np.float64)


def balance_k(absorbed_w_m2: ArrayLike, model: Regolith = HAYNE_2017) -> Floats:
    """Temperature at which ground gives off what it absorbs and what comes from below, K."""
    flux = np.asarray(absorbed_w_m2, dtype=np.float64) + model.geothermal_w_m2
    return np.asarray((flux / (model.emissivity * STEFAN_W_M2_K4)) ** 0.25, dtype=np.float64)


def ice_pressure_pa(kelvin: ArrayLike) -> Floats:
    """Vapour pressure of ice, Pa (Murphy & Koop 2005, eq. 7, doi 10.1256/qj.04.94; stated for above 110 K)."""
    t = np.asarray(kelvin, dtype=np.float64)
    return np.asarray(np.exp(9.550426 - 5723.265 / t + 3.53068 * np.log(t) - 0.00728332 * t), dtype=np.float64)


def ice_loss_kg_m2_s(kelvin: ArrayLike) -> Floats:
    """Sublimation of bare ice into vacuum (Hertz-Knudsen, sticking one), kg/(m² s); any shape.

    Take the mean over a cycle of temperatures, not the loss at a mean temperature: the warmest hours rule.
    """
    t = np.asarray(kelvin, dtype=np.float64)
    return np.asarray(
        ice_pressure_pa(t) * np.sqrt(_WATER_KG_MOL / (2.0 * np.pi * _GAS_J_MOL_K * t)), dtype=np.float64
    )


def keeps_ice(kelvin: ArrayLike, limit_kg_m2_s: float = 917.0 * 1e-3 / (1e6 * 365.25 * 86400.0)) -> bool:
    """Whether bare ice outlives a loss limit, by default a millimetre in a million years (a metre in a billion)."""
    return bool(np.mean(ice_loss_kg_m2_s(kelvin)) <= limit_kg_m2_s)
