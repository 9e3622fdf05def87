"""The force models, as heyoka expressions.

Three formulations of one physics, each centred where the craft is:

* ``"earth"``: Earth (point mass + J2 about its pole of date), Moon and Sun as point masses, and the linear tide of
  Mercury, Venus, Mars, Jupiter and Saturn. For all that is not near the Moon.
* ``"moon"``: Moon with its gravity field (degree and order 8) turning with the IAU orientation, Earth (point mass)
  and Sun as point masses, linear tide of the planets. Within about 100,000 km of the Moon.
* ``"sun"``: Sun, Mercury to Saturn and the Moon as point masses. For heliocentric cruise.

Left out: solar radiation pressure, relativity, lunar and Earth tides, the Earth's field beyond J2, air drag. The
Moon's field does not act in ``"earth"``: 1e-10 m/s² at the 60,000 km where legs change centre.

Everything that depends on the date or on data is a runtime parameter (``par[]``), so one compiled integrator serves
every date, and masses may be set to those of another tool. Time in the integrator is seconds from the middle of the
granule. Methods: Taylor integration, Biscani & Izzo 2021, MNRAS 504, 2614.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import heyoka as hy
import numpy as np
from numpy.typing import NDArray

from moonvillage.dynamics import gravity
from moonvillage.ephemeris import granules
from moonvillage.ephemeris.constants import EARTH_J2, EARTH_RADIUS_M, GM_M3_S2
from moonvillage.ephemeris.orientation import pa_from_me

Floats = NDArray[np.float64]
Expression = Any

CENTRES: Final = ("earth", "moon", "sun")
#: Degree of the Moon's field in the equations of motion (the variational equations carry degree 2 of it).
FIELD_DEGREE: Final = 8
_HALF_GRANULE_S: Final = 172800.0
_FAR: Final = ("mercury", "venus", "mars", "jupiter", "saturn")
_TIDE_DEGREE: Final = 3
_ORIENTATION_DEGREE: Final = 8

#: centre → attracting point masses and the degree of their polynomials
_POINTS: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "earth": (("moon", 12), ("sun", 7)),
    "moon": (("earth", 12), ("sun", 9)),
    "sun": (
        ("mercury", 7),
        ("venus", 6),
        ("earth", 9),
        ("moon", 12),
        ("mars", 5),
        ("jupiter", 3),
        ("saturn", 3),
    ),
}


@dataclass(frozen=True, slots=True)
class Model:
    """One system of equations: six states; with the 6 × 6 state transition matrix if ``stm``; with a :class:`Thrust`.

    Powered flight exists about the Moon only, without variations. ``field`` replaces the Moon's built-in field.
    """

    centre: str
    stm: bool = False
    thrust: bool = False
    field: gravity.GravityField | None = None

    def __post_init__(self) -> None:
        if self.thrust and (self.stm or self.centre != "moon"):
            raise ValueError("powered flight is modelled about the Moon only, without variations")
        if self.field is not None and self.centre != "moon":
            raise ValueError("the Moon's field acts in the formulation about the Moon only")
        if self.centre not in CENTRES:
            raise ValueError(f"centre is {self.centre!r}; it must be one of {', '.join(CENTRES)}")


#: Components of a symmetric tensor as stored, and where (i, j) is found among them.
_PAIRS: Final = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
_SLOT: Final = ((0, 1, 2), (1, 3, 4), (2, 4, 5))


@dataclass(frozen=True, slots=True, eq=False)
class Thrust:
    """Constant thrust along the linear primer direction p(t) = ``direction`` + ``rate_1_s`` (t − start).

    The acceleration is A / (1 − A (t − start) / c), as the craft grows lighter, with A = ``acceleration_m_s2`` at the
    start and c = ``exhaust_m_s`` (infinite: constant acceleration). Vectors are ICRF; only p's direction counts. The
    law is Lawden's (1963, "Optimal Trajectories for Space Navigation") for a uniform gravity field.
    """

    start_tdb_s: float
    acceleration_m_s2: float
    exhaust_m_s: float
    direction: Floats
    rate_1_s: Floats

    def dv_m_s(self, duration_s: float) -> float:
        """What the engine has given after ``duration_s``."""
        if np.isinf(self.exhaust_m_s):
            return self.acceleration_m_s2 * duration_s
        return float(-self.exhaust_m_s * np.log1p(-self.acceleration_m_s2 * duration_s / self.exhaust_m_s))

    def parameters(self, mid_tdb_s: float) -> Floats:
        """Values of the last nine slots of ``par[]`` in the granule around ``mid_tdb_s``."""
        head = [self.start_tdb_s - mid_tdb_s, self.acceleration_m_s2, 1.0 / self.exhaust_m_s]
        return np.concatenate([head, self.direction, self.rate_1_s])


class _Parameters:
    """Hands out par[] slots while the expressions are built."""

    def __init__(self) -> None:
        self.count = 0

    def take(self) -> Expression:
        self.count += 1
        return hy.par[self.count - 1]

    def polynomial(self, degree: int, tau: Expression) -> Expression:
        """Horner form; slots in ascending powers."""
        slots = [self.take() for _ in range(degree + 1)]
        value = slots[-1]
        for slot in reversed(slots[:-1]):
            value = slot + tau * value
        return value


class _Force:
    """Sum of accelerations, and of their gradient (xx, xy, xz, yy, yz, zz) where variations are wanted."""

    def __init__(self, r: list[Expression], gradient: bool) -> None:
        self.r = r
        self.r2 = hy.sum([c * c for c in r])
        self.wanted = gradient
        self.acceleration: list[list[Expression]] = [[], [], []]
        self.gradient: list[list[Expression]] = [[] for _ in _PAIRS]

    def add(self, acceleration: list[Expression], gradient: list[Expression] | None) -> None:
        for i in range(3):
            self.acceleration[i].append(acceleration[i])
        if self.wanted and gradient is not None:
            for k in range(6):
                self.gradient[k].append(gradient[k])

    def centre(self, gm: Expression, acceleration: bool = True) -> None:
        pull = -gm * self.r2**-1.5
        outer = 3.0 * gm * self.r2**-2.5
        zero = [hy.expression(0.0)] * 3
        gradient = [outer * self.r[i] * self.r[j] + (pull if i == j else 0.0) for i, j in _PAIRS]
        self.add([pull * c for c in self.r] if acceleration else zero, gradient)

    def body(self, d: list[Expression], gm: Expression) -> None:
        """A point mass at ``d``: its direct attraction minus that on the centre."""
        gap = [d[i] - self.r[i] for i in range(3)]
        gap2 = hy.sum([g * g for g in gap])
        near = gm * gap2**-1.5
        far = gm * hy.sum([x * x for x in d]) ** -1.5
        outer = 3.0 * gm * gap2**-2.5
        gradient = [outer * gap[i] * gap[j] - (near if i == j else 0.0) for i, j in _PAIRS]
        self.add([near * gap[i] - far * d[i] for i in range(3)], gradient)

    def tide(self, tensor: list[Expression]) -> None:
        """A linear field."""
        self.add([hy.sum([tensor[_SLOT[i][j]] * self.r[j] for j in range(3)]) for i in range(3)], tensor)

    def quadrupole(self, q: list[Expression], gm: Expression, acceleration: bool = True) -> None:
        """The potential GM rᵀQr / 2r⁵ of a symmetric traceless Q (m²), given by its six components."""
        r, r2 = self.r, self.r2
        qr = [hy.sum([q[_SLOT[i][j]] * r[j] for j in range(3)]) for i in range(3)]
        rqr = hy.sum([r[i] * qr[i] for i in range(3)])
        a5, a7 = gm * r2**-2.5, gm * r2**-3.5
        radial = -2.5 * rqr * a7
        zero = [hy.expression(0.0)] * 3
        outer = -7.0 * radial / r2
        gradient = [
            a5 * q[k] - 5.0 * a7 * (qr[i] * r[j] + qr[j] * r[i]) + outer * r[i] * r[j] + (radial if i == j else 0.0)
            for k, (i, j) in enumerate(_PAIRS)
        ]
        self.add([a5 * qr[i] + radial * r[i] for i in range(3)] if acceleration else zero, gradient)


def _rotate(matrix: list[list[Expression]], vector: list[Expression], transpose: bool) -> list[Expression]:
    return [hy.sum([(matrix[j][i] if transpose else matrix[i][j]) * vector[j] for j in range(3)]) for i in range(3)]


def _principal_axes(slots: _Parameters, tau: Expression) -> list[list[Expression]]:
    """Rotation ICRF → Moon ME, from the Euler angles' polynomials; the constant ME → PA is folded into the field."""
    phi, theta, w = (slots.polynomial(_ORIENTATION_DEGREE, tau) for _ in range(3))
    cp, sp, ct, st, cw, sw = hy.cos(phi), hy.sin(phi), hy.cos(theta), hy.sin(theta), hy.cos(w), hy.sin(w)
    me = [
        [cw * cp - sw * ct * sp, cw * sp + sw * ct * cp, sw * st],
        [-(sw * cp) - cw * ct * sp, cw * ct * cp - sw * sp, cw * st],
        [st * sp, -(st * cp), ct],
    ]
    constant = pa_from_me("de421")
    return [[hy.sum([float(constant[i, k]) * me[k][j] for k in range(3)]) for j in range(3)] for i in range(3)]


def _quadrupole_of(field: gravity.GravityField) -> Floats:
    """Q (3, 3), m², with U₂ = GM rᵀQr / 2r⁵, from the unnormalised degree-2 coefficients."""
    c = {(2, m): field.coefficients[3 + m] for m in range(3)}
    j2 = -c[2, 0][0] * np.sqrt(5.0)
    c21, s21 = np.array(c[2, 1]) * np.sqrt(5.0 / 3.0)
    c22, s22 = np.array(c[2, 2]) * np.sqrt(5.0 / 12.0)
    q = np.array([[j2 + 6 * c22, 6 * s22, 3 * c21], [6 * s22, j2 - 6 * c22, 3 * s21], [3 * c21, 3 * s21, -2 * j2]])
    return np.asarray(q * field.radius_m**2)


def equations(model: Model) -> tuple[list[tuple[Expression, Expression]], int]:
    """The ODE system of a model and its number of parameters.

    With ``model.stm`` the state is followed by the 36 elements of the transition matrix ∂(r, v)/∂(r₀, v₀), row by
    row, governed by Φ' = [[0, I], [G, 0]] Φ with G the gradient of the acceleration.
    """
    names = ["x", "y", "z", "vx", "vy", "vz"]
    if model.stm:
        names += [f"p{i}{j}" for i in range(6) for j in range(6)]
    variables = list(hy.make_vars(*names))
    r, v = variables[:3], variables[3:6]
    slots = _Parameters()
    tau = hy.time * (1.0 / _HALF_GRANULE_S)
    gm = slots.take()
    force = _Force(r, model.stm)
    for _, degree in _POINTS[model.centre]:
        gm_body = slots.take()
        force.body([slots.polynomial(degree, tau) for _ in range(3)], gm_body)
    if model.centre != "sun":
        force.tide([slots.polynomial(_TIDE_DEGREE, tau) for _ in range(6)])
    if model.centre == "earth":
        force.centre(gm)
        j2_r2 = slots.take()
        pole = [slots.take() for _ in range(3)]
        q = [j2_r2 * ((1.0 if i == j else 0.0) - 3.0 * pole[i] * pole[j]) for i, j in _PAIRS]
        force.quadrupole(q, gm)
    elif model.centre == "moon":
        axes = _principal_axes(slots, tau)
        field = model.field or gravity.built_in().truncated(FIELD_DEGREE)
        pairs = [[hy.expression(c), hy.expression(s)] for c, s in field.coefficients]
        attraction = hy.model.sh_gravity_acc(_rotate(axes, r, False), pairs, gm, hy.expression(field.radius_m))
        force.add(_rotate(axes, attraction, True), None)
        if model.stm:
            fixed = _quadrupole_of(field if field.degree >= 2 else gravity.built_in())
            half = [[hy.sum([float(fixed[i, k]) * axes[k][j] for k in range(3)]) for j in range(3)] for i in range(3)]
            q = [hy.sum([axes[k][i] * half[k][j] for k in range(3)]) for i, j in _PAIRS]
            force.centre(gm, acceleration=False)
            force.quadrupole(q, gm, acceleration=False)
    else:
        force.centre(gm)
    if model.thrust:
        since, strength, inverse_exhaust = hy.time - slots.take(), slots.take(), slots.take()
        start, rate = [slots.take() for _ in range(3)], [slots.take() for _ in range(3)]
        primer = [start[i] + rate[i] * since for i in range(3)]
        size2 = hy.sum([component * component for component in primer])
        push = strength / (1.0 - strength * inverse_exhaust * since) * size2**-0.5
        force.add([push * component for component in primer], None)
    system = [(r[i], v[i]) for i in range(3)]
    system += [(v[i], hy.sum(force.acceleration[i])) for i in range(3)]
    if model.stm:
        gradient = [hy.sum(parts) for parts in force.gradient]
        phi = [variables[6 + 6 * i : 12 + 6 * i] for i in range(6)]
        for i in range(3):
            system += [(phi[i][j], phi[i + 3][j]) for j in range(6)]
        for i in range(3):
            for j in range(6):
                system.append((phi[i + 3][j], hy.sum([gradient[_SLOT[i][k]] * phi[k][j] for k in range(3)])))
    return system, slots.count


def parameters(centre: str, granule: int, gm: Mapping[str, float] | None = None, j2: float = EARTH_J2) -> Floats:
    """Values of ``par[]`` for a granule. ``gm`` replaces masses (m³/s²) by name; see :data:`GM_M3_S2`."""
    if gm is None and j2 == EARTH_J2:
        return _standard_parameters(centre, granule)
    return _parameters(centre, granule, {**GM_M3_S2, **(gm or {})}, j2)


@lru_cache(maxsize=2048)
def _standard_parameters(centre: str, granule: int) -> Floats:
    values = _parameters(centre, granule, dict(GM_M3_S2), EARTH_J2)
    values.setflags(write=False)
    return values


def _parameters(centre: str, granule: int, gm: dict[str, float], j2: float) -> Floats:
    values: list[Floats] = [np.array([gm[centre]])]
    for body, degree in _POINTS[centre]:
        values.append(np.array([gm[body]]))
        values.append(granules.body_polynomial(granule, body, centre, degree).T.ravel())
    if centre != "sun":
        far = tuple(body for body in _FAR if gm[body] == GM_M3_S2[body])
        values.append(granules.tidal_polynomial(granule, far, centre, _TIDE_DEGREE).T.ravel())
    if centre == "earth":
        values.append(np.array([j2 * EARTH_RADIUS_M**2]))
        values.append(granules.pole_vector(granule))
    if centre == "moon":
        values.append(granules.orientation_polynomial(granule, _ORIENTATION_DEGREE).T.ravel())
    return np.concatenate(values)
