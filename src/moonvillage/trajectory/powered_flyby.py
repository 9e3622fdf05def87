"""Flights past the Moon with a burn near perilune: out to a state beyond it, or home from one to an entry.

Three impulses at epochs that are given: one at the near end, where the craft is, one near perilune, one at the far
end (none at an entry). Perilune's radius and epoch are given as well, after the burn on the way out and before it on
the way home. Both arcs are shot from their two ends and matched in between, each half in the formulation of the body
that it is near (:mod:`moonvillage.dynamics`); the sum of the burns is then made least over what is left free
(:mod:`moonvillage.trajectory.feasible_descent`), which is the plane of the flyby.

Artemis I flew both ways: to a distant retrograde orbit and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_MOON_M3_S2
from moonvillage.ephemeris.frames import earth_itrf_matrix
from moonvillage.trajectory.apses import with_gradient
from moonvillage.trajectory.feasible_descent import Point, descend

Floats = NDArray[np.float64]

_POSITION_M: Final = 1e5
_SPEED_M_S: Final = 10.0
_STATE: Final = np.array([_POSITION_M] * 3 + [_SPEED_M_S] * 3)
_NODE: Final = np.array([_POSITION_M] * 3 + [_SPEED_M_S] * 6)
_RADIUS_M: Final = 1e3
_TIME_S: Final = 10.0


class End(Protocol):
    """An end of the flight: three parameters (scaled, about zero) to an epoch and a state, with its derivative."""

    @property
    def centre(self) -> str:
        """The body that states are about."""
        ...

    def epoch(self, p: Floats) -> float:
        """The epoch, TDB s, for parameters (3,)."""
        ...

    def state(self, p: Floats) -> Floats:
        """State (6,) of the flight, ICRF about ``centre``, m and m/s, for parameters (3,)."""
        ...

    def slope(self, p: Floats) -> Floats:
        """∂state/∂parameters (6, 3), at a fixed epoch."""
        ...

    def burn(self, p: Floats) -> Floats | None:
        """The impulse (3,), m/s ICRF; None where none is flown."""
        ...

    def values(self, p: Floats) -> Floats:
        """What the parameters stand for, (3,), SI."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A burn at a place and epoch: the parameters are the velocity of the flight there, about ``guess_m_s`` (3,).

    ``own_m_s`` (3,) is the velocity that the craft has before it (``leaving``) or is to have after it.
    """

    centre: str
    epoch_tdb_s: float
    r_m: Floats
    own_m_s: Floats
    guess_m_s: Floats
    leaving: bool

    def epoch(self, p: Floats) -> float:
        """The epoch, TDB s, whatever the parameters (3,)."""
        return self.epoch_tdb_s

    def state(self, p: Floats) -> Floats:
        """State (6,) on the flight's side."""
        return np.concatenate([self.r_m, self.guess_m_s + _SPEED_M_S * p])

    def slope(self, p: Floats) -> Floats:
        """∂state/∂parameters (6, 3)."""
        return np.vstack([np.zeros((3, 3)), _SPEED_M_S * np.eye(3)])

    def values(self, p: Floats) -> Floats:
        """Velocity (3,) of the flight there, m/s."""
        return np.asarray(self.guess_m_s + _SPEED_M_S * p)

    def burn(self, p: Floats) -> Floats:
        """The impulse (3,), m/s ICRF."""
        velocity = self.guess_m_s + _SPEED_M_S * p
        return velocity - self.own_m_s if self.leaving else self.own_m_s - velocity


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """Entry interface at a geocentric radius, flight-path angle, east longitude and azimuth (inertial velocity).

    The parameters are the epoch, the speed and the geocentric latitude, about ``guess`` (3,).
    """

    radius_m: float
    flight_path_angle_rad: float
    longitude_rad: float
    azimuth_rad: float
    guess: Floats
    centre: str = "earth"

    _SCALE = np.array([10.0, 10.0, 1e-3])

    def values(self, p: Floats) -> Floats:
        """Epoch (TDB s), inertial speed (m/s), latitude (rad)."""
        return np.asarray(self.guess + self._SCALE * p)

    def epoch(self, p: Floats) -> float:
        """Epoch of entry, TDB s, for parameters (3,)."""
        return float(self.values(p)[0])

    def _at(self, values: Floats) -> Floats:
        epoch, speed, latitude = values
        east_longitude = self.longitude_rad
        fixed = np.array(
            [
                np.cos(latitude) * np.cos(east_longitude),
                np.cos(latitude) * np.sin(east_longitude),
                np.sin(latitude),
            ]
        )
        up = earth_itrf_matrix(epoch).T @ fixed
        east = np.cross([0.0, 0.0, 1.0], up)
        east /= np.linalg.norm(east)
        north = np.cross(up, east)
        level = np.sin(self.azimuth_rad) * east + np.cos(self.azimuth_rad) * north
        angle = self.flight_path_angle_rad
        return np.concatenate([self.radius_m * up, speed * (np.sin(angle) * up + np.cos(angle) * level)])

    def state(self, p: Floats) -> Floats:
        """State (6,) at entry, Earth-centred ICRF."""
        return self._at(self.values(p))

    def slope(self, p: Floats) -> Floats:
        """Derivative (6, 3), at a fixed epoch: that by the epoch is less what the flight does in the time."""
        values = self.values(p)
        epoch, state = float(values[0]), self._at(values)
        columns = []
        for k, step in enumerate((0.5, 0.01, 1e-6)):
            up, down = values.copy(), values.copy()
            up[k] += step
            down[k] -= step
            column = (self._at(up) - self._at(down)) / (2.0 * step)
            if k == 0:
                after, before = (
                    dynamics.propagate(epoch, state[:3], state[3:], epoch + s, centre="earth").state
                    for s in (1.0, -1.0)
                )
                column = column - 0.5 * (after - before)
            columns.append(column * self._SCALE[k])
        return np.stack(columns, axis=1)

    def burn(self, p: Floats) -> None:
        """None, for any parameters (3,): the atmosphere brakes."""
        return


@dataclass(frozen=True, slots=True, eq=False)
class Flyby:
    """The middle: the burn's epoch, and the perilune that is asked for, after the burn or before it."""

    epoch_tdb_s: float
    perilune_tdb_s: float
    perilune_m: float
    after_burn: bool


@dataclass(frozen=True, slots=True, eq=False)
class FlybyFlight:
    """A solved flight, or a reason. Burns are (3,) m/s, ICRF; states (6,) Moon-centred at the flyby burn.

    ``first_m_s``, ``flyby_m_s``, ``last_m_s`` (None at an entry); ``node`` (9,): position, velocity before, after.
    ``end_values`` (3,): of an entry epoch (TDB s), inertial speed (m/s) and geocentric latitude (rad), else velocity.
    """

    first_m_s: Floats
    flyby_m_s: Floats
    last_m_s: Floats | None
    node: Floats
    start_state: Floats
    end_state: Floats
    end_epoch_tdb_s: float
    end_values: Floats
    converged: bool
    reason: str = ""
    steps: int = 0

    @property
    def dv_m_s(self) -> tuple[float, ...]:
        """Sizes of the burns in order."""
        burns = (self.first_m_s, self.flyby_m_s, self.last_m_s)
        return tuple(float(np.linalg.norm(burn)) for burn in burns if burn is not None)


def time_since_perilune(r_m: Floats, v_m_s: Floats) -> Floats:
    """Time since the osculating periapsis about the Moon, s, of states (..., 3): Kepler's equation."""
    mu = GM_MOON_M3_S2
    radius = np.linalg.norm(r_m, axis=-1)
    radial = np.einsum("...i,...i->...", r_m, v_m_s)
    energy = 0.5 * np.einsum("...i,...i->...", v_m_s, v_m_s) - mu / radius
    a = -0.5 * mu / energy
    e_sin = radial / np.sqrt(mu * np.abs(a))
    e_cos = 1.0 - radius / a
    with np.errstate(invalid="ignore", divide="ignore"):
        anomaly = np.arctan2(e_sin, e_cos)
        ellipse = anomaly - e_sin
        # e sinh F over e cosh F
        hyperbola = e_sin - np.arctanh(np.clip(e_sin / e_cos, -1.0, 1.0))
    return np.asarray(np.sqrt(np.abs(a) ** 3 / mu) * np.where(a > 0.0, ellipse, hyperbola))


def _perilune(r_m: Floats, v_m_s: Floats) -> tuple[Floats, Floats]:
    h = np.cross(r_m, v_m_s)
    radius = np.linalg.norm(r_m, axis=-1, keepdims=True)
    e = np.linalg.norm(np.cross(v_m_s, h) / GM_MOON_M3_S2 - r_m / radius, axis=-1)
    return np.einsum("...i,...i->...", h, h) / GM_MOON_M3_S2 / (1.0 + e), time_since_perilune(r_m, v_m_s)


def _shoot(epoch: float, state: Floats, to: float, centre: str) -> tuple[Floats, Floats] | None:
    """State (Moon-centred) and transition matrix."""
    path = dynamics.propagate(epoch, state[:3], state[3:], to, centre=centre, stm=True)
    if path.reason or path.stm is None:
        return None
    end = path.state
    if centre != "moon":
        end = np.concatenate(dynamics.change_centre(to, end[:3], end[3:], centre, "moon"))
    return end, path.stm


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Unknowns: the near end's three, the node's nine, the far end's three; all scaled."""

    near: End
    far: End
    flyby: Flyby
    meet_tdb_s: tuple[float, float]

    def evaluate(self, x: Floats) -> Point:
        first, node, last = x[:3], x[3:12] * _NODE, x[12:]
        conditions, rows = np.full(14, np.nan), np.zeros((14, 15))
        before, after = node[:6], np.concatenate([node[:3], node[6:]])
        t = self.flyby.epoch_tdb_s
        ends = (
            _shoot(self.near.epoch(first), self.near.state(first), self.meet_tdb_s[0], self.near.centre),
            _shoot(t, before, self.meet_tdb_s[0], "moon"),
            _shoot(t, after, self.meet_tdb_s[1], "moon"),
            _shoot(self.far.epoch(last), self.far.state(last), self.meet_tdb_s[1], self.far.centre),
        )
        a, b, c, d = ends
        if a is None or b is None or c is None or d is None:
            return Point(conditions, rows, np.nan, np.zeros(15))
        conditions[:6] = (a[0] - b[0]) / _STATE
        rows[:6, :3] = a[1] @ self.near.slope(first) / _STATE[:, None]
        rows[:6, 3:9] = -b[1] * _STATE / _STATE[:, None]
        conditions[6:12] = (c[0] - d[0]) / _STATE
        rows[6:12, 3:6] = c[1][:, :3] * _POSITION_M / _STATE[:, None]
        rows[6:12, 9:12] = c[1][:, 3:] * _SPEED_M_S / _STATE[:, None]
        rows[6:12, 12:] = -d[1] @ self.far.slope(last) / _STATE[:, None]
        side = after if self.flyby.after_burn else before
        found, gradient = with_gradient(_perilune, side[:3], side[3:])
        wanted = np.array([self.flyby.perilune_m, t - self.flyby.perilune_tdb_s])
        unit = np.array([_RADIUS_M, _TIME_S])
        conditions[12:] = (found - wanted) / unit
        rows[12:, 3:6] = gradient[:, :3] * _POSITION_M / unit[:, None]
        velocity = slice(9, 12) if self.flyby.after_burn else slice(6, 9)
        rows[12:, velocity] = gradient[:, 3:] * _SPEED_M_S / unit[:, None]
        cost, slope = 0.0, np.zeros(15)
        turn = node[6:] - node[3:6]
        size = float(np.linalg.norm(turn))
        cost += size
        slope[9:12] += turn / size * _SPEED_M_S
        slope[6:9] -= turn / size * _SPEED_M_S
        for end, part in ((self.near, slice(0, 3)), (self.far, slice(12, 15))):
            burn = end.burn(x[part])
            if burn is not None:
                size = float(np.linalg.norm(burn))
                cost += size
                sign = 1.0 if isinstance(end, Place) and end.leaving else -1.0
                slope[part] += sign * burn / size * _SPEED_M_S
        return Point(conditions, rows, cost, slope)


def solve_flyby(
    near: End, far: End, flyby: Flyby, node: Floats, *, meet_tdb_s: Sequence[float], accuracy: float = 1e-3
) -> FlybyFlight:
    """The flight past the Moon with the least sum of burns.

    Parameters
    ----------
    near, far
        The ends: :class:`Place` or :class:`Entry`.
    flyby
        Epoch of the burn, and the perilune that must be met.
    node
        First guess (9,) at the burn, Moon-centred ICRF: position, velocity before, velocity after; m, m/s.
    meet_tdb_s
        Epochs (2,) at which the halves of each arc meet.
    accuracy
        Of the summed burns, m/s.

    Returns
    -------
    FlybyFlight
        With ``converged`` False and a reason where no flight was found.

    Raises
    ------
    EphemerisRangeError
        If an epoch lies outside DE440.
    """
    problem = _Problem(near, far, flyby, (meet_tdb_s[0], meet_tdb_s[1]))
    start = np.concatenate([np.zeros(3), node / _NODE, np.zeros(3)])
    least = descend(problem.evaluate, start, accuracy=accuracy)
    first, found, last = least.x[:3], least.x[3:12] * _NODE, least.x[12:]
    one = near.burn(first)
    return FlybyFlight(
        np.zeros(3) if one is None else one,
        found[6:] - found[3:6],
        far.burn(last),
        found,
        near.state(first),
        far.state(last),
        far.epoch(last),
        far.values(last),
        least.converged,
        least.reason,
        least.steps,
    )
