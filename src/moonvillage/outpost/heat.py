"""Heat in the ground: the one-dimensional regolith column of Hayne et al. 2017, marched implicitly.

Depth-dependent density, conductivity that grows with T³, heat capacity that depends on temperature, albedo that
grows towards grazing light, a geothermal flux from below. All parameters are the published ones (:data:`HAYNE_2017`);
nothing is fitted here. Many columns are solved together: their tridiagonal systems are laid end to end.

Hayne, P. O. et al. (2017), "Global regolith thermophysical properties of the Moon from the Diviner Lunar Radiometer
Experiment", JGR Planets 122, 2371, doi 10.1002/2017JE005387, appendix A and table A1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.lapack import dgtsv

Floats = NDArray[np.float64]
#: Stefan-Boltzmann constant, W/(m² K⁴) (SI 2019).
STEFAN_W_M2_K4: Final = 5.670374419e-8
#: Mean synodic month, s (29.530 589 d).
LUNAR_DAY_S: Final = 29.530589 * 86400.0


@dataclass(frozen=True, slots=True)
class Regolith:
    """Thermophysical parameters of the ground (names as in Hayne et al. 2017, table A1)."""

    solar_w_m2: float = 1361.0
    albedo: float = 0.12  # at normal incidence
    albedo_a: float = 0.06
    albedo_b: float = 0.25
    emissivity: float = 0.95
    surface_w_m_k: float = 7.4e-4  # conductivity of the contacts at the surface
    deep_w_m_k: float = 3.4e-3  # and at depth
    chi: float = 2.7  # radiative share of the conductivity at 350 K
    surface_kg_m3: float = 1100.0
    deep_kg_m3: float = 1800.0
    scale_m: float = 0.06  # H
    geothermal_w_m2: float = 0.018
    capacity: tuple[float, float, float, float, float] = (-3.6125, 2.7431, 2.3616e-3, -1.2340e-5, 8.9093e-9)

    def density_kg_m3(self, depth_m: ArrayLike) -> Floats:
        """Density at a depth, any shape."""
        depth = np.asarray(depth_m, dtype=np.float64)
        grown = self.deep_kg_m3 - (self.deep_kg_m3 - self.surface_kg_m3) * np.exp(-depth / self.scale_m)
        return np.asarray(grown, dtype=np.float64)

    def contact_w_m_k(self, density_kg_m3: Floats) -> Floats:
        """Conductivity of the contacts, by density (their eq. A5)."""
        share = (self.deep_kg_m3 - density_kg_m3) / (self.deep_kg_m3 - self.surface_kg_m3)
        return self.deep_w_m_k - (self.deep_w_m_k - self.surface_w_m_k) * share

    def conductivity_w_m_k(self, contact_w_m_k: Floats, kelvin: Floats) -> Floats:
        """Conductivity with its radiative part (their eq. A4)."""
        return contact_w_m_k * (1.0 + self.chi * (kelvin / 350.0) ** 3)

    def capacity_j_kg_k(self, kelvin: Floats) -> Floats:
        """Heat capacity (their eq. A6); below about 1.3 K, where the polynomial turns negative, held at 1e-3."""
        c0, c1, c2, c3, c4 = self.capacity
        return np.maximum(c0 + kelvin * (c1 + kelvin * (c2 + kelvin * (c3 + kelvin * c4))), 1e-3)

    def albedo_at(self, incidence_rad: ArrayLike) -> Floats:
        """Albedo at an incidence angle from the vertical (their eq. A3, after Keihm 1984)."""
        angle = np.asarray(incidence_rad, dtype=np.float64)
        grown = self.albedo + self.albedo_a * (angle / (pi / 4)) ** 3 + self.albedo_b * (angle / (pi / 2)) ** 8
        return np.asarray(grown, dtype=np.float64)


HAYNE_2017: Final = Regolith()


def absorbed_w_m2(sin_elevation: ArrayLike, model: Regolith = HAYNE_2017, lit: ArrayLike = 1.0) -> Floats:
    """Sunlight absorbed by level ground.

    Parameters
    ----------
    sin_elevation
        Sine of the Sun's elevation, any shape; nothing is absorbed below the horizon.
    lit
        Share of the disc in view (terrain), broadcast.
    """
    sine = np.clip(np.asarray(sin_elevation, dtype=np.float64), 0.0, 1.0)
    share = np.asarray(lit, dtype=np.float64)
    return np.asarray(model.solar_w_m2 * (1.0 - model.albedo_at(np.arccos(sine))) * sine * share, dtype=np.float64)


def month_of_light(latitudes_rad: ArrayLike, steps: int = 480, declination_rad: float = 0.0) -> Floats:
    """Sine of the Sun's elevation through a lunar day from noon on, shape (latitudes, steps), at mid-steps."""
    latitude = np.atleast_1d(np.asarray(latitudes_rad, dtype=np.float64))[:, None]
    hour = (np.arange(steps) + 0.5) * (2.0 * pi / steps)
    sine = np.sin(latitude) * np.sin(declination_rad) + np.cos(latitude) * np.cos(declination_rad) * np.cos(hour)
    return np.asarray(sine, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Temperatures:
    """Temperatures of columns over a cycle of their forcing, K.

    ``surface`` (columns, steps); ``depth_m`` (nodes,); ``mean``, ``lowest``, ``highest`` (columns, nodes) over the
    cycle. ``drift_k`` is the largest change of any node from one cycle to the next, ``cycles`` how many were marched;
    ``imbalance_w_m2`` the largest difference between the mean flux through any depth and the geothermal flux.
    """

    surface_k: Floats
    depth_m: Floats
    mean_k: Floats
    lowest_k: Floats
    highest_k: Floats
    drift_k: float
    imbalance_w_m2: float
    cycles: int

    def mean_at(self, depth_m: float) -> Floats:
        """Mean temperature at a depth, shape (columns,), by linear interpolation."""
        return np.array([float(np.interp(depth_m, self.depth_m, row)) for row in self.mean_k])


class Column:
    """Columns of ground under given fluxes; the state is ``kelvin``, shape (columns, nodes).

    The grid is that of the paper: a first layer of a tenth of the diurnal skin depth, each next a fifth thicker,
    down to twenty skin depths and at least 1.2 m. A step is a Crank-Nicolson step, its coefficients those of the
    temperatures halfway through (one predictor, one corrector), the surface's radiation taken by Newton's method at
    the new time.
    """

    def __init__(self, kelvin: ArrayLike, model: Regolith = HAYNE_2017, *, period_s: float = LUNAR_DAY_S) -> None:
        self.model = model
        rough = model.surface_w_m_k / (model.surface_kg_m3 * 600.0)
        skin = sqrt(rough * period_s / pi)
        depths, layer = [0.0], skin / 10.0
        while depths[-1] < max(20.0 * skin, 1.2):
            depths.append(depths[-1] + layer)
            layer *= 1.2
        self.depth_m = np.array(depths)
        start = np.atleast_1d(np.asarray(kelvin, dtype=np.float64))
        self.kelvin = np.repeat(start[:, None], self.depth_m.size, axis=1) if start.ndim == 1 else start.copy()
        self._gap = np.diff(self.depth_m)
        faces = np.concatenate(([0.0], 0.5 * (self.depth_m[1:] + self.depth_m[:-1]), [self.depth_m[-1]]))
        self._size = np.diff(faces)
        density = model.density_kg_m3(self.depth_m)
        self._mass = density * self._size
        self._contact = model.contact_w_m_k(model.density_kg_m3(0.5 * (self.depth_m[1:] + self.depth_m[:-1])))

    def flux_w_m2(self, kelvin: Floats) -> tuple[Floats, Floats]:
        """Upward heat flux between nodes and the conductivity there, shape (columns, nodes - 1)."""
        between = 0.5 * (kelvin[:, 1:] + kelvin[:, :-1])
        conductivity = self.model.conductivity_w_m_k(self._contact, between)
        return conductivity * (kelvin[:, 1:] - kelvin[:, :-1]) / self._gap, conductivity

    def step(self, absorbed_w_m2: Floats, dt_s: float) -> None:
        """March by ``dt_s`` under the mean absorbed flux of the step, shape (columns,)."""
        model, old = self.model, self.kelvin
        columns, nodes = old.shape
        new = old
        for _ in range(2):
            half = 0.5 * (old + new)
            _, conductivity = self.flux_w_m2(half)
            carry = conductivity / self._gap
            store = self._mass * model.capacity_j_kg_k(half) / dt_s
            # store (T' - T) = θ flux(T') + (1 - θ) flux(T), with the surface implicit throughout
            theta = 0.5
            lower, upper = np.zeros((columns, nodes)), np.zeros((columns, nodes))
            lower[:, :-1] = -theta * carry  # couples node i + 1 to i
            upper[:, :-1] = -theta * carry
            diagonal = store.copy()
            diagonal[:, :-1] += theta * carry
            diagonal[:, 1:] += theta * carry
            change = carry * np.diff(old, axis=1) * (1.0 - theta)
            right = store * old
            right[:, :-1] += change
            right[:, 1:] -= change
            right[:, -1] += model.geothermal_w_m2
            guess = new[:, 0]
            glow = model.emissivity * STEFAN_W_M2_K4 * guess**3
            diagonal[:, 0] += 4.0 * glow
            right[:, 0] += absorbed_w_m2 + 3.0 * glow * guess
            solved = dgtsv(lower.ravel()[:-1], diagonal.ravel(), upper.ravel()[:-1], right.ravel())
            new = solved[3].reshape(columns, nodes)
            new = np.maximum(new, 2.0)
        self.kelvin = new


def cycle(
    absorbed_w_m2: ArrayLike,
    model: Regolith = HAYNE_2017,
    *,
    period_s: float = LUNAR_DAY_S,
    skin_period_s: float | None = None,
    most_cycles: int = 40,
    settled_k: float = 0.05,
) -> Temperatures:
    """The periodic temperatures of columns under a flux that repeats.

    After each cycle the mean profile is moved to where the mean flux through every depth is the geothermal one, so
    that the deep ground, which takes years to follow, settles in some cycles.

    Parameters
    ----------
    absorbed_w_m2
        Absorbed flux (sunlight, scattered light and infrared), shape (columns, steps) or (steps,), W/m², means of
        equal steps.
    period_s
        Length of the cycle.
    skin_period_s
        Period that sets the grid; by default ``period_s``.
    most_cycles, settled_k
        Stop after so many cycles, or when no node changed by more than this from cycle to cycle.

    Raises
    ------
    ValueError
        If the flux is negative or not finite.
    """
    flux = np.atleast_2d(np.asarray(absorbed_w_m2, dtype=np.float64))
    if not np.isfinite(flux).all() or (flux < 0.0).any():
        raise ValueError("the absorbed flux must be finite and not negative; check the illumination that gave it")
    columns, steps = flux.shape
    dt = period_s / steps
    mean_flux = flux.mean(axis=1) + model.geothermal_w_m2
    start = (mean_flux / (model.emissivity * STEFAN_W_M2_K4)) ** 0.25
    column = Column(0.9 * start, model, period_s=skin_period_s or period_s)
    nodes = column.depth_m.size
    surface = np.empty((columns, steps))
    drift = imbalance = float("inf")
    done = 0
    for done in range(1, most_cycles + 1):
        begin = column.kelvin.copy()
        low, high = np.full((columns, nodes), np.inf), np.zeros((columns, nodes))
        total = np.zeros((columns, nodes))
        through, conduct = np.zeros((columns, nodes - 1)), np.zeros((columns, nodes - 1))
        for k in range(steps):
            before = column.kelvin
            column.step(flux[:, k], dt)
            now = column.kelvin
            half = 0.5 * (before + now)
            rate, conductivity = column.flux_w_m2(half)
            total += half
            through += rate
            conduct += conductivity
            np.minimum(low, now, out=low)
            np.maximum(high, now, out=high)
            surface[:, k] = now[:, 0]
        drift = float(np.abs(column.kelvin - begin).max())
        lacking = model.geothermal_w_m2 - through / steps
        imbalance = float(np.abs(lacking).max())
        if drift < settled_k and imbalance < 0.005:
            break
        if done < most_cycles:
            slope = lacking / (conduct / steps) * np.diff(column.depth_m)
            column.kelvin[:, 1:] = np.maximum(column.kelvin[:, 1:] + 0.8 * np.cumsum(slope, axis=1), 10.0)
    return Temperatures(surface, column.depth_m, total / steps, low, high, drift, imbalance, done)
