"""The families of periodic orbits by name, their members by any of their figures, and their bifurcations.

Families: ``l1-lyapunov``, ``l2-lyapunov``, ``l1-halo-north``, ``l1-halo-south``, ``l2-halo-north``,
``l2-halo-south``, ``dro``. All are computed when first asked for, in the restricted problem of
:mod:`moonvillage.trajectory.cr3bp`, and kept for the process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from moonvillage.trajectory import dro, halo, periodic
from moonvillage.trajectory.cr3bp import EARTH_MOON_MU, LENGTH_M, TIME_S
from moonvillage.trajectory.periodic import Half, PeriodicOrbit
from moonvillage.units import DAY_S

#: Mean synodic month, d (J. Chapront & M. Chapront-Touzé, ELP 2000-85, Astronomy and Astrophysics 190, 1988).
SYNODIC_MONTH_S: Final = 29.530588853 * DAY_S

NAMES: Final = (
    "l1-lyapunov",
    "l2-lyapunov",
    "l1-halo-north",
    "l1-halo-south",
    "l2-halo-north",
    "l2-halo-south",
    "dro",
)


def crossing_radius_m(orbit: PeriodicOrbit) -> float:
    """Distance from the Moon's centre at phase 0, m: what names a :class:`~moonvillage.records.places.Dro`."""
    return float(np.linalg.norm(orbit.state[:3] - [1.0 - EARTH_MOON_MU, 0.0, 0.0])) * LENGTH_M


#: What members may be asked for by: name → measure in SI units (the Jacobi constant has none).
MEASURES: Final[dict[str, Callable[[PeriodicOrbit], float]]] = {
    "perilune_radius_m": lambda orbit: orbit.perilune_radius * LENGTH_M,
    "apolune_radius_m": lambda orbit: orbit.apolune_radius * LENGTH_M,
    "amplitude_z_m": lambda orbit: orbit.amplitude_z * LENGTH_M,
    "amplitude_y_m": lambda orbit: orbit.amplitude_y * LENGTH_M,
    "crossing_radius_m": crossing_radius_m,
    "period_s": lambda orbit: orbit.period * TIME_S,
    "jacobi": lambda orbit: orbit.jacobi,
}


@dataclass(frozen=True, slots=True, eq=False)
class FamilyBifurcation:
    """A member at which a stability index passes +1 (``"tangent"``: another family of this period touches or leaves,
    or this one turns back) or −1 (``"period doubling"``: one of twice the period leaves)."""

    orbit: PeriodicOrbit
    kind: str


def _halves(name: str) -> tuple[Half, ...]:
    if name not in NAMES:
        raise ValueError(f"there is no family {name!r}; the families are {', '.join(NAMES)}")
    if name == "dro":
        return dro.halves()
    point = int(name[1])
    return halo.lyapunov_halves(point) if name.endswith("lyapunov") else halo.halves(point)


def _orbit(name: str, half: Half) -> PeriodicOrbit:
    if name == "dro":
        return periodic.orbit(half, "dro", 0)
    point = int(name[1])
    if name.endswith("lyapunov"):
        return periodic.orbit(half, "lyapunov", point)
    found = periodic.orbit(half, "halo", point)
    return found if found.northern == name.endswith("north") else halo.mirror(found)


@lru_cache(maxsize=len(NAMES))
def family(name: str) -> tuple[PeriodicOrbit, ...]:
    """The members of a family, in the order of continuation.

    Lyapunov orbits from the libration point outward, halos from the bifurcation to a perilune at the Moon's surface,
    distant retrograde orbits from 5,000 to 150,000 km.

    Raises
    ------
    ValueError
        If there is no family of that name.
    """
    return tuple(_orbit(name, half) for half in _halves(name))


def members(name: str, by: str, value: float) -> tuple[PeriodicOrbit, ...]:
    """All members of a family with a given figure, in the order of continuation; empty where there is none.

    Parameters
    ----------
    name
        One of :data:`NAMES`.
    by
        One of :data:`MEASURES`; lengths at the mean Earth–Moon distance 384,400 km.
    value
        In SI units.

    Raises
    ------
    ValueError
        If the family or the measure is unknown.
    """
    if by not in MEASURES:
        raise ValueError(f"members are not named by {by!r}; choose one of {', '.join(MEASURES)}")
    measure = MEASURES[by]
    known = [measure(orbit) for orbit in family(name)]
    scale = max(abs(v) for v in known)

    def miss(half: Half) -> float:
        return (measure(_orbit(name, half)) - value) / scale

    return _where(name, [(v - value) / scale for v in known], miss)


def resonant(name: str, revolutions: int, months: int) -> tuple[PeriodicOrbit, ...]:
    """The members that make ``revolutions`` in ``months`` synodic months: (9, 2) is the Gateway's orbit.

    Raises
    ------
    ValueError
        If the family is unknown or a number is not positive.
    """
    if revolutions < 1 or months < 1:
        raise ValueError(f"a resonance has positive numbers, not {revolutions}:{months}")
    return members(name, "period_s", SYNODIC_MONTH_S * months / revolutions)


def bifurcations(name: str) -> tuple[FamilyBifurcation, ...]:
    """Where the stability indices of a family pass ±1, by sign changes of (s₁ ∓ 1)(s₂ ∓ 1) along it.

    A pair of passages between two neighbours in the continuation is missed. ValueError for an unknown family.
    """
    found: list[tuple[int, FamilyBifurcation]] = []
    for kind, at in (("tangent", 1.0), ("period doubling", -1.0)):

        def measure(half: Half, at: float = at) -> float:
            first, second = periodic.stability(half)
            return float(((first - at) * (second - at)).real)

        values = [float(((o.stability[0] - at) * (o.stability[1] - at)).real) for o in family(name)]
        corrected = _halves(name)
        for k, (fa, fb) in enumerate(pairwise(values)):
            if fa * fb < 0.0:
                half = periodic.refine(corrected[k], corrected[k + 1], not name.endswith(("north", "south")), measure)
                if half is not None:
                    found.append((k, FamilyBifurcation(_orbit(name, half), kind)))
    return tuple(item for _, item in sorted(found, key=lambda pair: pair[0]))


def _where(name: str, values: list[float], miss: Callable[[Half], float]) -> tuple[PeriodicOrbit, ...]:
    planar = not name.endswith(("north", "south"))
    corrected = _halves(name)
    found = []
    for k, (fa, fb) in enumerate(pairwise(values)):
        if (fa < 0.0) == (fb < 0.0):
            continue
        half = periodic.refine(corrected[k], corrected[k + 1], planar, miss)
        if half is not None:
            found.append(_orbit(name, half))
    return tuple(found)
