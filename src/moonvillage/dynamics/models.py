"""The force models, as heyoka expressions.

Three formulations of one physics, each centred where the craft is:

* ``"earth"``: Earth (point mass + J2 about its pole of date), Moon and Sun as point masses, and the linear tide of
  Mercury, Venus, Mars, Jupiter and Saturn. For all that is not near the Moon.
* ``"moon"``: Moon with its gravity field (degree and order 8) turning with the IAU orientation, Earth (point mass)
  and Sun as point masses, linear tide of the planets. Within about 100,000 km of the Moon.
* ``"sun"``: Sun, Mercury to Saturn and the Moon as point masses. For heliocentric cruise.

Options, each a compiled integrator of its own: Earth's zonals up to J6, sunlight's pressure with the shadows of Earth
and Moon, planets as full point masses, another lunar field, orientation from a principal-axes kernel, thrust, and
derivatives with respect to parameters.

Left out: relativity, lunar and Earth tides, the Earth's tesseral field, air drag. The Moon's field does not act in
``"earth"``: 1e-10 m/s² at the 60,000 km where legs change centre.

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

from moonvillage.dynamics import gravity, shadow
from moonvillage.dynamics.forces import PAIRS, SLOT, Force, Parameters, Sunlight
from moonvillage.dynamics.thrust import STEERING, Thrust
from moonvillage.ephemeris import granules
from moonvillage.ephemeris.constants import (
    AU_M,
    EARTH_J2,
    EARTH_RADIUS_M,
    EARTH_ZONALS,
    GM_M3_S2,
    SUNLIGHT_N_M2,
)
from moonvillage.ephemeris.orientation import PrincipalAxes, pa_from_me

__all__ = ["CENTRES", "FIELD_DEGREE", "Model", "System", "Thrust", "build", "equations", "layout", "parameters"]

Floats = NDArray[np.float64]
Expression = Any

CENTRES: Final = ("earth", "moon", "sun")
#: Degree of the Moon's field in the equations of motion (the variational equations carry degree 2 of it).
FIELD_DEGREE: Final = 8
_HALF_GRANULE_S: Final = 172800.0
_FAR: Final = ("mercury", "venus", "mars", "jupiter", "saturn")
_FAR_DEGREE: Final = {"mercury": 9, "venus": 9, "mars": 9, "jupiter": 9, "saturn": 9}
_TIDE_DEGREE: Final = 3
#: Of the pull on the centre; that of the Earth on the Moon is a hundred times that of the Moon on the Earth.
_INDIRECT_DEGREE: Final = {"earth": 8, "moon": 12}
_ORIENTATION_DEGREE: Final = 8

#: centre → attracting point masses and the degree of their polynomials
_POINTS: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "earth": (("moon", 12), ("sun", 6)),
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
#: Bodies that cast shadows, and slots of a phase (:func:`moonvillage.dynamics.shadow.weights`).
SHADOWS: Final = ("earth", "moon")
PHASE_SLOTS: Final = 4
#: Scale of the thrust's two slots where derivatives are wanted: keeps these of the size of the state.
PUSH_UNIT: Final = (1e-6, 1e-9)
_BURN: Final = ("start_tdb_s", "acceleration_m_s2", "exhaust_m_s")
_BURN_VECTORS: Final = tuple(f"{kind}_{axis}" for kind in ("direction", "rate") for axis in "xyz")


@dataclass(frozen=True, slots=True)
class Model:
    """One system of equations: six states, and derivatives if ``stm``.

    ``steering`` is empty (no thrust) or one of :data:`~moonvillage.dynamics.thrust.STEERING`. ``field`` replaces the
    Moon's built-in field, ``axes`` (``"de421"``, ``"de440"``) its IAU orientation by kernel angles. ``zonals`` is
    the Earth's highest degree, ``points`` are planets taken out of the tide, ``sunlight`` adds its pressure. ``wrt``
    names parameters to differentiate by. ``full`` asks for the variations of the whole lunar field. ``only_points``
    leaves nothing but the centre and the other bodies of :data:`_POINTS` as points.
    """

    centre: str
    stm: bool = False
    steering: str = ""
    field: gravity.GravityField | None = None
    zonals: int = 2
    points: tuple[str, ...] = ()
    sunlight: bool = False
    axes: str = "iau"
    wrt: tuple[str, ...] = ()
    full: bool = False
    only_points: bool = False

    def __post_init__(self) -> None:
        if self.centre not in CENTRES:
            raise ValueError(f"centre is {self.centre!r}; it must be one of {', '.join(CENTRES)}")
        if self.steering and self.steering not in STEERING:
            raise ValueError(f"steering is {self.steering!r}; it must be one of {', '.join(STEERING)}")
        if self.centre != "moon" and (self.field is not None or self.axes != "iau" or self.full):
            raise ValueError("the Moon's field and axes act in the formulation about the Moon only")
        if self.zonals != 2 and (self.centre != "earth" or not 2 <= self.zonals <= max(EARTH_ZONALS)):
            raise ValueError(f"Earth's zonals are 2 to {max(EARTH_ZONALS)}, and act about the Earth only")
        if set(self.points) - set(_FAR) or (self.points and self.centre == "sun"):
            raise ValueError(f"planets to take out of the tide are among {', '.join(_FAR)}, about Earth or Moon")
        if self.only_points and (self.field or self.axes != "iau" or self.full or self.zonals != 2 or self.points):
            raise ValueError("where all is points there are no zonals, no planets, and no field of the Moon")
        unknown = set(self.wrt) - set(layout(self))
        if unknown or (self.wrt and not self.stm):
            raise ValueError(
                f"derivatives by {', '.join(sorted(unknown)) or 'parameters'} are not to be had here; with stm=True "
                f"this model has {', '.join(layout(self))}"
            )

    @property
    def by_hand(self) -> bool:
        """Whether the variations are those written out by hand (degree 2 of the Moon's field)."""
        return not (self.steering or self.zonals > 2 or self.sunlight or self.wrt or self.full)

    @property
    def indirect(self) -> bool:
        """Whether the pull of the other bodies on the centre is a polynomial of its own, cheaper than its formula.

        It would hide how that pull depends on their masses, where derivatives by these are wanted.
        """
        return self.centre != "sun" and not self.wrt

    @property
    def plain(self) -> bool:
        """Whether all its parameters but the thrust's are those of :func:`parameters`."""
        return not (self.zonals > 2 or self.points or self.sunlight)

    @property
    def edges(self) -> range:
        """Numbers of the events that stop it: two cones for each shadow."""
        return range(2 * len(SHADOWS) if self.sunlight and self.centre != "sun" else 0)

    @property
    def name(self) -> str:
        """What a cache file of this model is called: all that is settled in its equations."""
        parts = [self.centre, "thrust" if self.steering else "stm" if self.stm else "state"]
        if self.steering:
            parts += [self.steering, *(["stm"] if self.stm else [])]
        parts += [f"j{self.zonals}"] if self.zonals != 2 else []
        parts += ["srp"] if self.sunlight else []
        parts += ["full"] if self.full else []
        parts += ["points"] if self.only_points else []
        parts += [self.axes] if self.axes != "iau" else []
        parts += [*self.points, *self.wrt]
        if self.field is not None:
            parts.append(f"{self.field.degree}-{self.field.digest}")
        return "-".join(parts)


def layout(model: Model) -> dict[str, int]:
    """Slots of ``par[]`` by the name of the parameter that they hold; those that ``wrt`` may name.

    ``_size`` aside, ``_light`` is the first slot of the shadows' phases and ``_thrust`` that of the thrust.
    """
    found, count = {f"gm_{model.centre}": 0}, 1
    for body, degree in _POINTS[model.centre]:
        found[f"gm_{body}"] = count
        count += 1 + 3 * (degree + 1)
    if model.indirect:
        count += 3 * (_INDIRECT_DEGREE[model.centre] + 1)
    if model.centre != "sun" and not model.only_points:
        count += 6 * (_TIDE_DEGREE + 1)
    if model.only_points:
        pass
    elif model.centre == "earth":
        found["j2"] = count
        count += 4
        for degree in range(3, model.zonals + 1):
            found[f"j{degree}"] = count
            count += 1
    elif model.centre == "moon":
        count += 3 * (_ORIENTATION_DEGREE + 1)
    for body in model.points:
        found[f"gm_{body}"] = count
        count += 1 + 3 * (_FAR_DEGREE[body] + 1)
    if model.sunlight:
        found["srp_m2_kg"] = count
        count += 1 + (PHASE_SLOTS * len(SHADOWS) if model.centre != "sun" else 0)
    if model.steering:
        for name in (*_BURN, *_BURN_VECTORS):
            found[name] = count
            count += 1
    return found


def scale(name: str, thrust: Thrust | None) -> float:
    """d(slot) / d(parameter) for the parameters that are not held as they are."""
    if name == "srp_m2_kg":
        return SUNLIGHT_N_M2 * AU_M**2
    if name in ("acceleration_m_s2", "exhaust_m_s"):
        assert thrust is not None
        return 1.0 / PUSH_UNIT[0] if name[0] == "a" else -1.0 / (thrust.exhaust_m_s**2 * PUSH_UNIT[1])
    if name[0] == "j":
        return EARTH_RADIUS_M ** int(name[1:])
    return 1.0


@dataclass(frozen=True, slots=True)
class System:
    """The ODE system of a model: (variable, derivative) pairs, how many parameters, and zeros that stop it."""

    pairs: list[tuple[Expression, Expression]]
    parameters: int
    slots: Mapping[str, int]
    edges: tuple[Expression, ...]


def _rotate(matrix: list[list[Expression]], vector: list[Expression], transpose: bool) -> list[Expression]:
    return [hy.sum([(matrix[j][i] if transpose else matrix[i][j]) * vector[j] for j in range(3)]) for i in range(3)]


def _field_axes(axes: str) -> Floats:
    """Constant rotation from the axes of the angles to those of the field (principal axes of DE421)."""
    if axes == "iau":
        return pa_from_me("de421")
    return pa_from_me("de421") @ pa_from_me(axes).T


def _principal_axes(slots: Parameters, tau: Expression, axes: str) -> list[list[Expression]]:
    """Rotation ICRF → the field's axes, from the polynomials of three Euler angles and a constant rotation."""
    phi, theta, w = (slots.polynomial(_ORIENTATION_DEGREE, tau) for _ in range(3))
    cp, sp, ct, st, cw, sw = hy.cos(phi), hy.sin(phi), hy.cos(theta), hy.sin(theta), hy.cos(w), hy.sin(w)
    me = [
        [cw * cp - sw * ct * sp, cw * sp + sw * ct * cp, sw * st],
        [-(sw * cp) - cw * ct * sp, cw * ct * cp - sw * sp, cw * st],
        [st * sp, -(st * cp), ct],
    ]
    constant = _field_axes(axes)
    return [[hy.sum([float(constant[i, k]) * me[k][j] for k in range(3)]) for j in range(3)] for i in range(3)]


def _quadrupole_of(field: gravity.GravityField) -> Floats:
    """Q (3, 3), m², with U₂ = GM rᵀQr / 2r⁵, from the unnormalised degree-2 coefficients."""
    c = {(2, m): field.coefficients[3 + m] for m in range(3)}
    j2 = -c[2, 0][0] * np.sqrt(5.0)
    c21, s21 = np.array(c[2, 1]) * np.sqrt(5.0 / 3.0)
    c22, s22 = np.array(c[2, 2]) * np.sqrt(5.0 / 12.0)
    q = np.array([[j2 + 6 * c22, 6 * s22, 3 * c21], [6 * s22, j2 - 6 * c22, 3 * s21], [3 * c21, 3 * s21, -2 * j2]])
    return np.asarray(q * field.radius_m**2)


def _cross(a: list[Expression], b: list[Expression]) -> list[Expression]:
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def _unit(a: list[Expression]) -> list[Expression]:
    inverse = hy.sum([c * c for c in a]) ** -0.5
    return [inverse * c for c in a]


def _push(model: Model, slots: Parameters, r: list[Expression], v: list[Expression]) -> list[Expression]:
    """Acceleration of the thrust."""
    since, strength, inverse_exhaust = (
        hy.time - slots.take(_BURN[0]),
        slots.take(_BURN[1]),
        slots.take(_BURN[2]),
    )
    if model.wrt:
        strength, inverse_exhaust = strength * PUSH_UNIT[0], inverse_exhaust * PUSH_UNIT[1]
    names = iter(_BURN_VECTORS)
    start, rate = [slots.take(next(names)) for _ in range(3)], [slots.take(next(names)) for _ in range(3)]
    primer = [start[i] + rate[i] * since for i in range(3)]
    size2 = hy.sum([component * component for component in primer])
    push = strength / (1.0 - strength * inverse_exhaust * since) * size2**-0.5
    if model.steering == "vnc":
        along, normal = _unit(v), _unit(_cross(r, v))
        axes = [along, normal, _cross(along, normal)]
    elif model.steering == "rsw":
        radial, normal = _unit(r), _unit(_cross(r, v))
        axes = [radial, _cross(normal, radial), normal]
    else:
        return [push * component for component in primer]
    return [push * hy.sum([primer[k] * axes[k][i] for k in range(3)]) for i in range(3)]


def build(model: Model) -> System:
    """The ODE system of a model.

    With ``model.stm`` the state is followed, row by row, by the 6 × (6 + k) derivatives of the state by the start
    state and by the k parameters that ``wrt`` names: by hand as Φ' = [[0, I], [G, 0]] Φ with G the gradient of the
    acceleration, or, for the options, as heyoka derives them.
    """
    names = ["x", "y", "z", "vx", "vy", "vz"]
    by_hand = model.stm and model.by_hand
    if by_hand:
        names += [f"p{i}{j}" for i in range(6) for j in range(6)]
    variables = list(hy.make_vars(*names))
    r, v = variables[:3], variables[3:6]
    slots = Parameters()
    tau = hy.time * (1.0 / _HALF_GRANULE_S)
    gm = slots.take(f"gm_{model.centre}")
    force = Force(r, by_hand)
    places: dict[str, list[Expression]] = {}
    for body, degree in _POINTS[model.centre]:
        gm_body = slots.take(f"gm_{body}")
        places[body] = [slots.polynomial(degree, tau) for _ in range(3)]
        force.body(places[body], gm_body, indirect=not model.indirect)
    if model.indirect:
        force.add([slots.polynomial(_INDIRECT_DEGREE[model.centre], tau) for _ in range(3)], None)
    if model.centre != "sun" and not model.only_points:
        force.tide([slots.polynomial(_TIDE_DEGREE, tau) for _ in range(6)])
    if model.only_points:
        force.centre(gm)
    elif model.centre == "earth":
        force.centre(gm)
        j2_r2 = slots.take("j2")
        pole = [slots.take() for _ in range(3)]
        q = [j2_r2 * ((1.0 if i == j else 0.0) - 3.0 * pole[i] * pole[j]) for i, j in PAIRS]
        force.quadrupole(q, gm)
        if model.zonals > 2:
            force.zonals([slots.take(f"j{n}") for n in range(3, model.zonals + 1)], pole, gm)
    elif model.centre == "moon":
        axes = _principal_axes(slots, tau, model.axes)
        field = model.field or gravity.built_in().truncated(FIELD_DEGREE)
        pairs = [[hy.expression(c), hy.expression(s)] for c, s in field.coefficients]
        attraction = hy.model.sh_gravity_acc(_rotate(axes, r, False), pairs, gm, hy.expression(field.radius_m))
        force.add(_rotate(axes, attraction, True), None)
        if by_hand:
            fixed = _quadrupole_of(field if field.degree >= 2 else gravity.built_in())
            half = [[hy.sum([float(fixed[i, k]) * axes[k][j] for k in range(3)]) for j in range(3)] for i in range(3)]
            q = [hy.sum([axes[k][i] * half[k][j] for k in range(3)]) for i, j in PAIRS]
            force.centre(gm, acceleration=False)
            force.quadrupole(q, gm, acceleration=False)
    else:
        force.centre(gm)
    for body in model.points:
        gm_body = slots.take(f"gm_{body}")
        force.body([slots.polynomial(_FAR_DEGREE[body], tau) for _ in range(3)], gm_body)
    edges: list[Expression] = []
    if model.sunlight:
        strength = slots.take("srp_m2_kg")
        light = Sunlight(r, places["sun"] if model.centre != "sun" else [hy.expression(0.0)] * 3, strength)
        for body in SHADOWS if model.centre != "sun" else ():
            light.cast(places.get(body), shadow.RADIUS_M[body], [slots.take() for _ in range(PHASE_SLOTS)])
        force.add(light.acceleration(), None)
        edges = light.edges
    if model.steering:
        force.add(_push(model, slots, r, v), None)
    system = [(r[i], v[i]) for i in range(3)]
    system += [(v[i], hy.sum(force.acceleration[i])) for i in range(3)]
    if by_hand:
        gradient = [hy.sum(parts) for parts in force.gradient]
        phi = [variables[6 + 6 * i : 12 + 6 * i] for i in range(6)]
        for i in range(3):
            system += [(phi[i][j], phi[i + 3][j]) for j in range(6)]
        for i in range(3):
            for j in range(6):
                system.append((phi[i + 3][j], hy.sum([gradient[SLOT[i][k]] * phi[k][j] for k in range(3)])))
    return System(system, slots.count, dict(slots.named), tuple(edges))


def equations(model: Model) -> tuple[list[tuple[Expression, Expression]], int]:
    """The ODE system of a model and its number of parameters; see :func:`build`.

    With ``model.stm`` the state is followed by the 36 elements of the transition matrix ∂(r, v)/∂(r₀, v₀), row by
    row, governed by Φ' = [[0, I], [G, 0]] Φ with G the gradient of the acceleration.
    """
    found = build(model)
    return found.pairs, found.parameters


def parameters(
    centre: str,
    granule: int,
    gm: Mapping[str, float] | None = None,
    j2: float = EARTH_J2,
    points: tuple[str, ...] = (),
    axes: PrincipalAxes | None = None,
    *,
    indirect: bool = True,
    only_points: bool = False,
) -> Floats:
    """Values (n,) of the first slots of ``par[]``, those that every model of a centre has, for a granule.

    ``gm`` replaces masses (m³/s²) by name; see :data:`GM_M3_S2`. ``points`` are left out of the tide. ``axes`` are
    the Moon's, in place of the IAU series. ``indirect`` and ``only_points`` are as the model says
    (:class:`Model`).
    """
    indirect = indirect and centre != "sun"
    if gm is None and j2 == EARTH_J2 and not points and axes is None:
        return _standard_parameters(centre, granule, indirect, only_points)
    return _parameters(centre, granule, {**GM_M3_S2, **(gm or {})}, j2, points, axes, indirect, only_points)


def extras(model: Model, granule: int, gm: Mapping[str, float] | None, srp_m2_kg: float) -> Floats:
    """Values (n,) of the slots that follow those of :func:`parameters`, up to the thrust's; phases are full light."""
    masses = {**GM_M3_S2, **(gm or {})}
    values: list[Floats] = [np.array([EARTH_ZONALS[n] * EARTH_RADIUS_M**n]) for n in range(3, model.zonals + 1)]
    for body in model.points:
        values.append(np.array([masses[body]]))
        values.append(granules.body_polynomial(granule, body, model.centre, _FAR_DEGREE[body]).T.ravel())
    if model.sunlight:
        values.append(np.array([srp_m2_kg * scale("srp_m2_kg", None)]))
        if model.centre != "sun":
            values.append(np.array([1.0, 0.0, 1.0, 1.0] * len(SHADOWS)))
    return np.concatenate(values) if values else np.empty(0)


@lru_cache(maxsize=2048)
def _standard_parameters(centre: str, granule: int, indirect: bool, only_points: bool) -> Floats:
    values = _parameters(centre, granule, dict(GM_M3_S2), EARTH_J2, (), None, indirect, only_points)
    values.setflags(write=False)
    return values


def _parameters(
    centre: str,
    granule: int,
    gm: dict[str, float],
    j2: float,
    points: tuple[str, ...],
    axes: PrincipalAxes | None,
    indirect: bool,
    only_points: bool,
) -> Floats:
    values: list[Floats] = [np.array([gm[centre]])]
    for body, degree in _POINTS[centre]:
        values.append(np.array([gm[body]]))
        values.append(granules.body_polynomial(granule, body, centre, degree).T.ravel())
    if indirect:
        pulling = tuple((body, gm[body]) for body, _ in _POINTS[centre])
        values.append(granules.indirect_polynomial(granule, pulling, centre, _INDIRECT_DEGREE[centre]).T.ravel())
    if only_points:
        return np.concatenate(values)
    if centre != "sun":
        far = tuple(body for body in _FAR if gm[body] == GM_M3_S2[body] and body not in points)
        values.append(granules.tidal_polynomial(granule, far, centre, _TIDE_DEGREE).T.ravel())
    if centre == "earth":
        values.append(np.array([j2 * EARTH_RADIUS_M**2]))
        values.append(granules.pole_vector(granule))
    if centre == "moon":
        values.append(granules.orientation_polynomial(granule, _ORIENTATION_DEGREE, axes).T.ravel())
    return np.concatenate(values)
