"""Distant retrograde orbits about the Moon: the family from close to the Moon outward, and its named members.

Near the Moon they are circles flown against the Moon's motion; far from it the Earth stretches them along its orbit
to twice their width (M. Hénon, "Numerical exploration of the restricted problem. V", Astronomy and Astrophysics 1,
1969). They are stable nearly everywhere, which is why they are flown: Artemis I stayed in one of 70,000 km.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from moonvillage.records.places import Dro
from moonvillage.trajectory import periodic
from moonvillage.trajectory.cr3bp import EARTH_MOON_MU, LENGTH_M
from moonvillage.trajectory.periodic import Half, PeriodicOrbit

#: Where the walk begins and ends: distances from the Moon's centre on the Earth's side, in units of length.
_FIRST: Final = 5e6 / LENGTH_M
_LAST: Final = 150e6 / LENGTH_M
_STEP: Final = 0.02
_MEMBERS: Final = 200


def _radius(half: Half, mu: float = EARTH_MOON_MU) -> float:
    return float(1.0 - mu - half.free[0])


@lru_cache(maxsize=2)
def halves(mu: float = EARTH_MOON_MU) -> tuple[Half, ...]:
    """The corrected halves of the whole family, outward.

    Raises
    ------
    ArithmeticError
        If the first orbit, close to the Moon, does not converge.
    """
    rate = np.sqrt(mu / _FIRST**3)
    # on the Earth's side of a circle flown against the frame's turn, seen from the turning frame
    guess = np.array([1.0 - mu - _FIRST, 0.0, (rate + 1.0) * _FIRST, np.pi / (rate + 1.0)])
    first = periodic.correct(guess, np.array([1.0, 0.0, 0.0, 0.0]), True, mu)
    if first is None:
        raise ArithmeticError("the retrograde orbit close to the Moon did not converge")
    found = [first]
    for half in periodic.walk(first, np.array([-1.0, 0.0, 0.0, 0.0]), True, 1e-3, _STEP, _MEMBERS, mu):
        found.append(half)
        if _radius(half, mu) > _LAST:
            break
    return tuple(found)


@lru_cache(maxsize=2)
def family(mu: float = EARTH_MOON_MU) -> tuple[PeriodicOrbit, ...]:
    """The family from 5,000 to 150,000 km from the Moon's centre, outward."""
    return tuple(periodic.orbit(half, "dro", 0, mu) for half in halves(mu))


@lru_cache(maxsize=64)
def _find(radius_m: float) -> PeriodicOrbit:
    wished = radius_m / LENGTH_M
    members = halves()
    for a, b in pairwise(members):
        if (_radius(a) - wished) * (_radius(b) - wished) > 0.0:
            continue
        half = periodic.refine(a, b, True, lambda trial: _radius(trial) - wished)
        if half is not None:
            return periodic.orbit(half, "dro", 0)
    raise ValueError(
        f"the family of distant retrograde orbits has radii from {_radius(members[0]) * LENGTH_M / 1e3:.0f} to "
        f"{_radius(members[-1]) * LENGTH_M / 1e3:.0f} km, not {radius_m / 1e3:.0f} km"
    )


def find_dro(place: Dro) -> PeriodicOrbit:
    """The periodic member that a :class:`~moonvillage.records.places.Dro` names, at the mean distance 384,400 km.

    Raises
    ------
    ValueError
        If the family has no such member; the message gives the span that it has.
    """
    return _find(place.radius_m)
