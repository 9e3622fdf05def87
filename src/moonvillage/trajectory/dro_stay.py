"""A stay on a distant retrograde orbit whose phase an operator chose: a stretch of it in the ephemeris.

The references of :mod:`moonvillage.trajectory.nrho` have their phase fixed once for all dates. A mission that flew
had its own: here the orbit crosses the line through the Moon at right angles to the Earth–Moon line at a given epoch.
The periodic member is laid along the calendar about that crossing, scaled with the true distance of the Moon, made
one trajectory by multiple shooting with steps of least norm, and shifted until the crossing falls on the epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.records.places import Dro
from moonvillage.trajectory import cr3bp, dro, periodic
from moonvillage.trajectory.cr3bp import EARTH_MOON_MU, TIME_S
from moonvillage.trajectory.periodic import PeriodicOrbit

Floats = NDArray[np.float64]

_NODES: Final = 5
#: Revolutions solved on either side of the crossing.
_TURNS: Final = 1.0
#: A change of position of 1 km weighs like one of velocity of 5 mm/s.
_WEIGHT_S: Final = 2e5
_CLOSED_M: Final = 0.05
_ON_TIME_S: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Stay:
    """Nodes of a stretch of an orbit about the Moon: epochs (n,), states (n, 6), Moon-centred ICRF.

    ``gap_m`` is the largest discontinuity between its arcs; ``reason`` is empty where it converged.
    """

    epoch_tdb_s: Floats
    states: Floats
    gap_m: float
    phase: float
    reason: str = ""

    def state(self, epoch_tdb_s: float) -> Floats:
        """State (6,) at an epoch, flown from the nearest node."""
        k = int(np.argmin(np.abs(self.epoch_tdb_s - epoch_tdb_s)))
        node = self.states[k]
        return dynamics.propagate(self.epoch_tdb_s[k], node[:3], node[3:], epoch_tdb_s, centre="moon").state


def rotating_axes(epoch_tdb_s: float) -> tuple[Floats, Floats]:
    """Rows x (from Earth to Moon), y, z (the Moon's orbital momentum) and the angular velocity (3,), rad/s, ICRF."""
    r, v = de440.load().state("moon", epoch_tdb_s, "earth")
    h = np.cross(r, v)
    x, z = r / np.linalg.norm(r), h / np.linalg.norm(h)
    return np.stack([x, np.cross(z, x), z]), h / float(r @ r)


def _crossing_phase(orbit: PeriodicOrbit, ahead: bool) -> float:
    """Phase at which the periodic orbit passes x = Moon with y of the wanted sign."""
    phases = np.linspace(0.0, 1.0, 181)
    states = np.array([periodic.sample(orbit, float(p)) for p in phases])
    x = states[:, 0] - (1.0 - EARTH_MOON_MU)
    for k in range(phases.size - 1):
        if x[k] * x[k + 1] <= 0.0 and (states[k, 1] > 0.0) == ahead:
            return float(phases[k] - x[k] * (phases[k + 1] - phases[k]) / (x[k + 1] - x[k]))
    raise ArithmeticError("a distant retrograde orbit passes both sides of the Moon")


def _shoot(orbit: PeriodicOrbit, epoch_tdb_s: float, phase: float) -> Stay:
    """Multiple shooting about an epoch at which the periodic orbit has a phase."""
    period = orbit.period * TIME_S
    reach = round(_TURNS * _NODES)
    places = np.arange(-reach, reach + 1) / _NODES
    epochs = epoch_tdb_s + places * period
    moon_r, moon_v = de440.load().state("moon", epochs, "earth")
    guess = np.array([periodic.sample(orbit, float(phase + place)) for place in places])
    nodes = np.hstack(cr3bp.to_moon_centred(guess, moon_r, moon_v))
    n = places.size
    weight = np.array([1.0] * 3 + [_WEIGHT_S] * 3)
    widest = np.inf
    for _ in range(15):
        gaps, jacobian = np.empty((n - 1, 6)), np.zeros((6 * (n - 1), 6 * n))
        for k in range(n - 1):
            path = dynamics.propagate(epochs[k], nodes[k, :3], nodes[k, 3:], epochs[k + 1], centre="moon", stm=True)
            if path.reason or path.stm is None:
                return Stay(epochs, nodes, np.inf, phase, "an arc of the orbit runs into the Moon")
            gaps[k] = path.state - nodes[k + 1]
            jacobian[6 * k : 6 * k + 6, 6 * k : 6 * k + 6] = path.stm
            jacobian[6 * k : 6 * k + 6, 6 * k + 6 : 6 * k + 12] = -np.eye(6)
        widest = float(np.abs(gaps[:, :3]).max())
        if widest < _CLOSED_M:
            return Stay(epochs, nodes, widest, phase)
        rows, columns = np.tile(weight, n - 1), np.tile(weight, n)
        step = np.linalg.lstsq(jacobian / columns * rows[:, None], -gaps.ravel() * rows, rcond=None)[0]
        nodes = nodes + (step / columns).reshape(n, 6)
    return Stay(epochs, nodes, widest, phase, f"the orbit was not closed: {widest:.0f} m are left between its arcs")


def find_stay(place: Dro, crossing_tdb_s: float, *, ahead: bool) -> Stay:
    """The orbit that a place names, passing beside the Moon at an epoch.

    Parameters
    ----------
    place
        The member of the family.
    crossing_tdb_s
        When it crosses the line through the Moon at right angles to the Earth–Moon line, TDB s.
    ahead
        On the side to which the Moon moves (y > 0), or behind it.

    Returns
    -------
    Stay
        A revolution before the epoch and one after it; ``reason`` says why where it was not found.

    Raises
    ------
    ValueError
        If the family has no such member.
    EphemerisRangeError
        If the stretch leaves DE440.
    """
    orbit = dro.find_dro(place)
    phase = _crossing_phase(orbit, ahead)
    stay = _shoot(orbit, crossing_tdb_s, phase)
    for _ in range(8):
        if stay.reason:
            return stay
        state = stay.state(crossing_tdb_s)
        axes, spin = rotating_axes(crossing_tdb_s)
        x = float(axes[0] @ state[:3])
        rate = float(axes[0] @ (state[3:] - np.cross(spin, state[:3])))
        late = -x / rate
        if abs(late) < _ON_TIME_S:
            return stay
        phase += late / (orbit.period * TIME_S)
        stay = _shoot(orbit, crossing_tdb_s, phase)
    return Stay(stay.epoch_tdb_s, stay.states, stay.gap_m, phase, "the orbit's phase did not settle on the epoch")
