"""Lyapunov and halo orbits about L1 and L2 in the restricted problem: bifurcation, continuation, named members.

The planar Lyapunov family is followed from the libration point outward; where its stability index against motion out
of the plane passes one, the halos leave it. That point is found, not assumed, and the halo family is followed
from it by pseudo-arclength down to the near-rectilinear members that graze the Moon (J. V. Breakwell & J. V. Brown,
"The halo family of 3-dimensional periodic orbits in the Earth–Moon restricted 3-body problem", Celestial Mechanics
20, 1979).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.records.places import Halo
from moonvillage.trajectory import periodic
from moonvillage.trajectory.cr3bp import EARTH_MOON_MU, LENGTH_M, collinear_point
from moonvillage.trajectory.periodic import Half, PeriodicOrbit

Floats = NDArray[np.float64]

#: The member of a halo family; the name under which other modules know it.
HaloOrbit = PeriodicOrbit

_STEP: Final = 0.02  # arclength of the continuation
_MEMBERS: Final = 200
_SMALLEST_PERILUNE_M: Final = 1_737_400.0
_LYAPUNOV_FIRST: Final = 1e-3  # amplitude along x of the first Lyapunov orbit, in units of length
#: Where that family is left: this near to the Moon's centre, or this near to the Earth's (its end is a collision).
_NEAR_MOON: Final = 0.02
_NEAR_EARTH: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Bifurcation:
    """Where a halo family leaves the planar one: the orbit, its index against vertical motion, and the slope ∂vz/∂z.

    ``vertical_index`` is 1 and ``slope`` 0 to rounding; of the two signs the slope tells halos from axial orbits.
    """

    half: Half
    vertical_index: float
    slope: float


@lru_cache(maxsize=4)
def lyapunov_halves(point: int, mu: float = EARTH_MOON_MU) -> tuple[Half, ...]:
    """Corrected halves of the planar Lyapunov family about L1 or L2, from the point outward.

    The first is the linear orbit of amplitude 0.001 (V. Szebehely, "Theory of Orbits", 1967, chapter 5).

    Raises
    ------
    ValueError
        If ``point`` is neither 1 nor 2.
    ArithmeticError
        If that orbit does not converge.
    """
    libration = collinear_point(point, mu)
    c2 = (1.0 - mu) / abs(libration + mu) ** 3 + mu / abs(libration - 1.0 + mu) ** 3
    frequency = float(np.sqrt(1.0 - 0.5 * c2 + 0.5 * np.sqrt(9.0 * c2**2 - 8.0 * c2)))
    ratio = (frequency**2 + 1.0 + 2.0 * c2) / (2.0 * frequency)
    # x = -A cos, y = ratio A sin: at the crossing nearer to the Earth it moves up
    guess = np.array([libration - _LYAPUNOV_FIRST, 0.0, ratio * frequency * _LYAPUNOV_FIRST, np.pi / frequency])
    first = periodic.correct(guess, np.array([1.0, 0.0, 0.0, 0.0]), True, mu)
    if first is None:
        raise ArithmeticError(f"the linear orbit about L{point} did not converge")
    found = [first]
    for half in periodic.walk(first, np.array([-1.0, 0.0, 0.0, 0.0]), True, 2e-3, _STEP, _MEMBERS, mu):
        if abs(half.free[0] - 1.0 + mu) < _NEAR_MOON or half.free[0] + mu < _NEAR_EARTH:
            break
        found.append(half)
    return tuple(found)


@lru_cache(maxsize=4)
def bifurcation(point: int, mu: float = EARTH_MOON_MU) -> Bifurcation:
    """Where the halos leave the Lyapunov family: its vertical stability index passes 1 with ∂vz(T/2)/∂z₀.

    Raises
    ------
    ValueError
        If ``point`` is neither 1 nor 2.
    ArithmeticError
        If the family has no such orbit.
    """

    def slope(half: Half) -> float:
        return float(half.stm[5, 2])

    for a, b in pairwise(lyapunov_halves(point, mu)):
        crosses = (periodic.vertical_index(a) - 1.0) * (periodic.vertical_index(b) - 1.0) < 0.0
        if crosses and slope(a) * slope(b) < 0.0:
            half = periodic.refine(a, b, True, slope, mu)
            if half is not None:
                return Bifurcation(half, periodic.vertical_index(half), slope(half))
    raise ArithmeticError(f"the Lyapunov family about L{point} has no bifurcation to halos")


@lru_cache(maxsize=4)
def halves(point: int, mu: float = EARTH_MOON_MU) -> tuple[Half, ...]:
    """Corrected halves of a halo family, from the bifurcation down to a perilune at the Moon's surface."""
    start = bifurcation(point, mu).half
    out = np.array([0.0, 1.0, 0.0, 0.0])
    found: list[Half] = []
    step = _STEP / 10.0  # the family turns sharply where it leaves the plane
    for half in periodic.walk(start, out, False, step, _STEP, _MEMBERS, mu):
        found.append(half)
        if periodic.orbit(half, "halo", point, mu).perilune_radius * LENGTH_M < _SMALLEST_PERILUNE_M:
            break
    return tuple(found)


def mirror(orbit: PeriodicOrbit) -> PeriodicOrbit:
    """The member of the other class: z and vz change sign."""
    flipped = orbit.state * np.array([1.0, 1.0, -1.0, 1.0, 1.0, -1.0])
    return replace(orbit, northern=not orbit.northern, state=flipped)


@lru_cache(maxsize=4)
def family(point: int, mu: float = EARTH_MOON_MU) -> tuple[PeriodicOrbit, ...]:
    """The halo family about L1 or L2, one class of it, from the bifurcation down to the Moon's surface.

    Raises
    ------
    ValueError
        If ``point`` is neither 1 nor 2.
    """
    return tuple(periodic.orbit(half, "halo", point, mu) for half in halves(point, mu))


def find_halo(place: Halo) -> PeriodicOrbit:
    """The periodic member that a :class:`~moonvillage.records.places.Halo` names.

    Lengths are taken at the mean Earth–Moon distance 384,400 km. Where an amplitude names two members (the
    family's amplitude has a maximum), the first from the plane is meant: the one of the longer period.

    Raises
    ------
    ValueError
        If the point is not L1 or L2, if not exactly one of perilune radius and amplitude is given, or if the
        family has no such member; the message gives the span that it has.
    """
    return _find(place.point, place.northern, place.perilune_radius_m, place.amplitude_z_m)


@lru_cache(maxsize=64)
def _find(point: int, northern: bool, perilune_radius_m: float | None, amplitude_z_m: float | None) -> PeriodicOrbit:
    if (perilune_radius_m is None) == (amplitude_z_m is None):
        raise ValueError("a halo is named by its perilune radius or by its amplitude, exactly one of them")
    if perilune_radius_m is not None:
        found = _find_member(point, northern, lambda orbit: orbit.perilune_radius * LENGTH_M, perilune_radius_m)
        what = "perilune radii"
    else:
        assert amplitude_z_m is not None
        found = _find_member(point, northern, lambda orbit: orbit.amplitude_z * LENGTH_M, amplitude_z_m)
        what = "amplitudes"
    if isinstance(found, PeriodicOrbit):
        return found
    raise ValueError(
        f"the halo family about L{point} has {what} from {found[0] / 1e3:.0f} to {found[1] / 1e3:.0f} km, "
        f"not {(perilune_radius_m or amplitude_z_m or 0.0) / 1e3:.0f} km"
    )


def _find_member(
    point: int, northern: bool, measure: Callable[[PeriodicOrbit], float], value: float
) -> PeriodicOrbit | tuple[float, float]:
    """The first halo, from the plane towards the Moon, whose ``measure`` is ``value``; or the span of the measure."""
    known = family(point)
    values = [measure(orbit) for orbit in known]
    span = max(abs(v) for v in values)

    def miss(half: Half) -> float:
        return (measure(periodic.orbit(half, "halo", point)) - value) / span

    corrected = halves(point)
    for (a, fa), (b, fb) in pairwise(zip(corrected, values, strict=True)):
        if (fa - value) * (fb - value) > 0.0:
            continue
        half = periodic.refine(a, b, False, miss)
        if half is None:
            raise ArithmeticError(f"the halo about L{point} could not be corrected between its neighbours")
        found = periodic.orbit(half, "halo", point)
        return found if found.northern == northern else mirror(found)
    return min(values), max(values)


def sample(orbit: PeriodicOrbit, phase: float) -> Floats:
    """State (6,) at a ``phase`` in revolutions past apolune."""
    return periodic.sample(orbit, phase)
