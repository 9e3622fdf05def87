"""What pulls and pushes, as heyoka expressions: the terms that :mod:`moonvillage.dynamics.models` adds up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import heyoka as hy

from moonvillage.dynamics import shadow
from moonvillage.ephemeris.constants import SUN_RADIUS_M

Expression = Any

#: Components of a symmetric tensor as stored, and where (i, j) is found among them.
PAIRS: Final = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
SLOT: Final = ((0, 1, 2), (1, 3, 4), (2, 4, 5))


class Parameters:
    """Hands out par[] slots while the expressions are built; ``named`` keeps those that a sensitivity may ask for."""

    def __init__(self) -> None:
        self.count = 0
        self.named: dict[str, int] = {}
        self._powers: list[Expression] = []

    def take(self, name: str = "") -> Expression:
        """The next slot, known by ``name`` if a sensitivity may ask for it."""
        if name:
            self.named[name] = self.count
        self.count += 1
        return hy.par[self.count - 1]

    def polynomial(self, degree: int, tau: Expression) -> Expression:
        """Slots in ascending powers of ``tau``, which is linear in time and the same in every call.

        The powers are shared by all polynomials, and a power has no Taylor coefficients beyond its own order: a third
        of a flight's time less than by Horner's rule, whose every product is a product of series.
        """
        powers = self._powers
        while len(powers) < degree:
            k = len(powers) + 1
            powers.append(tau if k == 1 else powers[k // 2 - 1] * powers[k - k // 2 - 1])
        slots = [self.take() for _ in range(degree + 1)]
        return hy.sum([slots[0], *(slot * power for slot, power in zip(slots[1:], powers, strict=False))])


class Force:
    """Sum of accelerations, and of their gradient (xx, xy, xz, yy, yz, zz) where variations are wanted."""

    def __init__(self, r: list[Expression], gradient: bool) -> None:
        self.r = r
        self.r2 = hy.sum([c * c for c in r])
        self.wanted = gradient
        self.acceleration: list[list[Expression]] = [[], [], []]
        self.gradient: list[list[Expression]] = [[] for _ in PAIRS]

    def add(self, acceleration: list[Expression], gradient: list[Expression] | None) -> None:
        """Add a term: its acceleration (3), and where variations are wanted its gradient (6)."""
        for i in range(3):
            self.acceleration[i].append(acceleration[i])
        if self.wanted and gradient is not None:
            for k in range(6):
                self.gradient[k].append(gradient[k])

    def centre(self, gm: Expression, acceleration: bool = True) -> None:
        """The centre as a point mass; without ``acceleration`` only its gradient."""
        pull = -gm * self.r2**-1.5
        outer = 3.0 * gm * self.r2**-2.5
        zero = [hy.expression(0.0)] * 3
        gradient = [outer * self.r[i] * self.r[j] + (pull if i == j else 0.0) for i, j in PAIRS]
        self.add([pull * c for c in self.r] if acceleration else zero, gradient)

    def body(self, d: list[Expression], gm: Expression, indirect: bool = True) -> None:
        """A point mass at ``d``: its direct attraction, minus that on the centre if ``indirect``."""
        gap = [d[i] - self.r[i] for i in range(3)]
        gap2 = hy.sum([g * g for g in gap])
        near = gm * gap2**-1.5
        outer = 3.0 * gm * gap2**-2.5
        gradient = [outer * gap[i] * gap[j] - (near if i == j else 0.0) for i, j in PAIRS]
        direct = [near * gap[i] for i in range(3)]
        if indirect:
            far = gm * hy.sum([x * x for x in d]) ** -1.5
            direct = [direct[i] - far * d[i] for i in range(3)]
        self.add(direct, gradient)

    def tide(self, tensor: list[Expression]) -> None:
        """A linear field."""
        self.add([hy.sum([tensor[SLOT[i][j]] * self.r[j] for j in range(3)]) for i in range(3)], tensor)

    def quadrupole(self, q: list[Expression], gm: Expression, acceleration: bool = True) -> None:
        """The potential GM rᵀQr / 2r⁵ of a symmetric traceless Q (m²), given by its six components."""
        r, r2 = self.r, self.r2
        qr = [hy.sum([q[SLOT[i][j]] * r[j] for j in range(3)]) for i in range(3)]
        rqr = hy.sum([r[i] * qr[i] for i in range(3)])
        a5, a7 = gm * r2**-2.5, gm * r2**-3.5
        radial = -2.5 * rqr * a7
        zero = [hy.expression(0.0)] * 3
        outer = -7.0 * radial / r2
        gradient = [
            a5 * q[k] - 5.0 * a7 * (qr[i] * r[j] + qr[j] * r[i]) + outer * r[i] * r[j] + (radial if i == j else 0.0)
            for k, (i, j) in enumerate(PAIRS)
        ]
        self.add([a5 * qr[i] + radial * r[i] for i in range(3)] if acceleration else zero, gradient)

    def zonals(self, strengths: Sequence[Expression], pole: list[Expression], gm: Expression) -> None:
        """Zonal harmonics of degree 3 and up about ``pole``; ``strengths`` are Jₙ Rⁿ, n = 3, 4 ...

        a = GM Σ Jₙ Rⁿ / rⁿ⁺² [((n + 1) Pₙ(s) + s Pₙ'(s)) r̂ − Pₙ'(s) k], s = r̂·k: the gradient of
        −GM/r Σ Jₙ (R/r)ⁿ Pₙ(s).
        """
        r = self.r
        inverse = self.r2**-0.5
        s = hy.sum([r[i] * pole[i] for i in range(3)]) * inverse
        legendre, slope = [hy.expression(1.0), s], [hy.expression(0.0), hy.expression(1.0)]
        for n in range(2, 3 + len(strengths)):
            legendre.append(((2 * n - 1) / n) * s * legendre[-1] - ((n - 1) / n) * legendre[-2])
            slope.append(float(n) * legendre[n - 1] + s * slope[-1])
        along, axial = [], []
        for k, strength in enumerate(strengths):
            n = k + 3
            common = gm * strength * inverse ** float(n + 2)
            along.append(common * (float(n + 1) * legendre[n] + s * slope[n]))
            axial.append(common * slope[n])
        radial, polar = hy.sum(along) * inverse, hy.sum(axial)
        self.add([radial * r[i] - polar * pole[i] for i in range(3)], None)


class Sunlight:
    """Pressure of sunlight on a sphere, dimmed by the cones of :mod:`moonvillage.dynamics.shadow`.

    Each shadow is in one phase (full light, penumbra, umbra or ring) from one cone's edge to the next: four
    parameters say which, and ``edges`` are the expressions whose zeros end it. So the equations are smooth wherever
    the integrator is, and the edges are met exactly.
    """

    def __init__(self, r: list[Expression], sun: list[Expression], strength: Expression) -> None:
        self.r, self.sun = r, sun
        gap = [r[i] - sun[i] for i in range(3)]
        push = strength * hy.sum([g * g for g in gap]) ** -1.5
        self.push = [push * g for g in gap]
        self.edges: list[Expression] = []
        self.fractions: list[Expression] = []

    def cast(self, body: list[Expression] | None, radius_m: float, slots: Sequence[Expression]) -> None:
        """A spherical body at ``body`` (None: the centre) dims the light by ``slots``: see ``shadow.weights``."""
        at = body or [hy.expression(0.0)] * 3
        r = [self.r[i] - at[i] for i in range(3)] if body else self.r
        sun = [self.sun[i] - at[i] for i in range(3)] if body else self.sun
        inverse = hy.sum([x * x for x in sun]) ** -0.5
        behind = -inverse * hy.sum([r[i] * sun[i] for i in range(3)])
        off2 = hy.sum([x * x for x in r]) - behind * behind
        outer, inner = (SUN_RADIUS_M + radius_m) * inverse, (SUN_RADIUS_M - radius_m) * inverse
        penumbra2 = (radius_m + behind * outer) ** 2.0 / (1.0 - outer * outer)
        umbra2 = (radius_m - behind * inner) ** 2.0 / (1.0 - inner * inner)
        scale = radius_m**-2
        self.edges += [scale * (off2 - penumbra2), scale * (off2 - umbra2)]
        base, share, sign, guard = slots
        penumbra = (radius_m + behind * outer) / hy.sqrt(1.0 - outer * outer)
        umbra = sign * (radius_m - behind * inner) / hy.sqrt(1.0 - inner * inner)
        off = hy.sqrt(off2 + guard * radius_m**2)  # the guard keeps what is not used from being singular
        u = 2.0 * (off - umbra) / (penumbra - umbra + guard * (1e3 * radius_m)) - 1.0
        c1, c3, c5 = shadow.EDGE
        self.fractions.append(base + share * (0.5 + u * (c1 + u * u * (c3 + u * u * c5))))

    def acceleration(self) -> list[Expression]:
        """Two bodies dim independently: their fractions multiply."""
        push = self.push
        for fraction in self.fractions:
            push = [fraction * p for p in push]
        return push
