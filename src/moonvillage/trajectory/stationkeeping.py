"""What it costs to stay: orbit maintenance on halos and distant retrograde orbits under errors, by Monte Carlo.

A craft follows the reference of its orbit (:mod:`moonvillage.trajectory.nrho`). At regular burns it knows its state
with a navigation error and gives the burn of the linear-quadratic regulator: of all linear laws the one that keeps
the sum of squares of burns and of weighted deviations least (J. V. Breakwell, A. A. Kamel & M. J. Ratner,
"Station-keeping for a translunar communication station", Celestial Mechanics 10, 1974). The law comes from the
transition matrices along the reference; the craft itself flies in the full n-body model, every sample with errors of
its own. The kinds of error (navigation, size and direction of burns, an unmodelled acceleration, burns too small to
be made) are those of D. Guzzetti et al., "Stationkeeping analysis for spacecraft in lunar near rectilinear halo
orbits", AAS 17-395, 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.dynamics.batch import propagate_batch
from moonvillage.records.places import Dro, Halo
from moonvillage.trajectory import chains, nrho
from moonvillage.trajectory.cr3bp import TIME_S
from moonvillage.trajectory.periodic import PeriodicOrbit
from moonvillage.units import JULIAN_YEAR_S

Floats = NDArray[np.float64]

#: A deviation of 10 km at a node weighs like a burn of 1 mm/s: tighter control costs more, looser leaves the linear.
_WEIGHT_1_S: Final = 1e-7
#: Revolutions of the reference beyond the end, for which the law provides, too.
_BEYOND: Final = 6
#: A sample that is this far from its reference is lost.
_LOST_M: Final = 2e7


@dataclass(frozen=True, slots=True)
class KeepingErrors:
    """What is not known and not hit, one standard deviation each, Gaussian and independent.

    Attributes
    ----------
    position_m, velocity_m_s
        Navigation error at each burn, per axis.
    magnitude
        Error of a burn's size, as a fraction of it.
    pointing_rad
        Error of a burn's direction, per transverse axis.
    acceleration_m_s2
        Unmodelled acceleration per axis, constant between nodes (a quarter of a revolution), as of sunlight.
    smallest_burn_m_s
        Burns below this are not made (not an error, but kept with them).
    """

    position_m: float = 10e3 / 3.0
    velocity_m_s: float = 0.10 / 3.0
    magnitude: float = 0.015 / 3.0
    pointing_rad: float = 0.017453292519943295 / 3.0
    acceleration_m_s2: float = 1e-8
    smallest_burn_m_s: float = 0.0


#: A quiet craft, tracked well: 1 km and 1 cm/s (three standard deviations), the rest alike.
QUIET: Final = KeepingErrors(position_m=1e3 / 3.0, velocity_m_s=0.01 / 3.0)


@dataclass(frozen=True, slots=True, eq=False)
class Keeping:
    """The cost of staying on an orbit.

    Attributes
    ----------
    years, samples, lost
        Length of a sample in Julian years, how many were flown, and how many left the orbit (more than 20,000 km
        from the reference); the figures are those of the others.
    cost_m_s_per_year
        (samples − lost,) sum of burns of each, per year, m/s.
    burn_m_s
        (q50, q99, max) of a single burn's size, m/s.
    deviation_m
        (q50, q99, max) of the distance from the reference at the burns, m.
    burns_per_year
        Burns made, on average.
    reason
        Empty; or why nothing could be flown.
    approximation
        What the figures leave out.
    """

    years: float
    samples: int
    lost: int
    cost_m_s_per_year: Floats
    burn_m_s: tuple[float, float, float]
    deviation_m: tuple[float, float, float]
    burns_per_year: float
    reason: str = ""
    approximation: str = (
        "impulsive burns; navigation errors independent from burn to burn, their growth between fixes not modelled"
    )

    def quantiles(self) -> tuple[float, float, float, float]:
        """Mean, median, 99 % and greatest cost, m/s per year; not a number where nothing was flown."""
        cost = self.cost_m_s_per_year
        if not cost.size:
            nan = float("nan")
            return nan, nan, nan, nan
        return float(np.mean(cost)), float(np.median(cost)), float(np.quantile(cost, 0.99)), float(np.max(cost))


def _transitions(reference: nrho.Reference) -> Floats:
    """Transition matrices (n − 1, 6, 6) of the reference's arcs, the Moon's field to degree 2."""
    epochs, nodes = reference.epochs_tdb_s, reference.nodes
    found = []
    for k in range(epochs.size - 1):
        path = dynamics.propagate(epochs[k], nodes[k, :3], nodes[k, 3:], epochs[k + 1], centre="moon", stm=True)
        assert path.stm is not None
        found.append(path.stm)
    return np.array(found)


def _gains(transitions: Floats, spacing: int) -> Floats:
    """Gains (n, 3, 6), Δv = −K δx, at every ``spacing``-th node, zero elsewhere: Riccati's recursion backward."""
    count = len(transitions)
    gains = np.zeros((count, 3, 6))
    stage = np.diag([_WEIGHT_1_S**2] * 3 + [0.0] * 3)
    cost = stage.copy()
    for k in range(count - 1, -1, -1):
        cost = transitions[k].T @ cost @ transitions[k]
        if k % spacing == 0:
            gains[k] = np.linalg.solve(np.eye(3) + cost[3:, 3:], cost[3:])
            cost = cost - cost[:, 3:] @ gains[k]
        cost = 0.5 * (cost + cost.T) + stage
    return gains


def _growth(orbit: PeriodicOrbit) -> float:
    """The largest multiplier of a deviation in a revolution, from the stability index."""
    index = abs(orbit.stability[0])
    return float(index + np.sqrt(max(index**2 - 1.0, 0.0)))


def station_keeping(
    place: Halo | Dro | PeriodicOrbit,
    start_tdb_s: float,
    years: float,
    *,
    samples: int = 100,
    burns_per_revolution: int | None = None,
    errors: KeepingErrors | None = None,
    seed: int = 1,
) -> Keeping:
    """Fly a craft on a periodic orbit for years under errors, many times, and add up its burns.

    Parameters
    ----------
    place
        The orbit.
    start_tdb_s
        About when it begins, TDB seconds past J2000.
    years
        How long, in Julian years.
    samples
        How many craft, each with errors of its own.
    burns_per_revolution
        1, 2 or 4; by default 1 where an unstable deviation grows less than tenfold in a revolution, else 4. The
        first in a revolution is an eighth of one after apolune (of planar orbits: after the crossing nearer to the
        Earth), where burns on the near-rectilinear halos are cheapest.
    errors
        By default those of a restless, crewed craft, three standard deviations: 10 km, 10 cm/s, 1.5 % and 1°; and
        1e-8 m/s². These levels are assumptions of the size that published analyses use; :data:`QUIET` is the other.
    seed
        Of the errors. Equal arguments give equal results.

    Returns
    -------
    The cost, with its reason where the reference could not be closed.

    Raises
    ------
    ValueError
        If there is no such orbit, or an argument is out of its range.
    EphemerisRangeError
        If the flight leaves DE440.
    """
    orbit = place if isinstance(place, PeriodicOrbit) else nrho.find(place)
    if years <= 0.0 or samples < 1 or burns_per_revolution not in (None, 1, 2, 4):
        raise ValueError("station-keeping takes years > 0, samples ≥ 1 and 1, 2 or 4 burns per revolution")
    often = burns_per_revolution or (1 if _growth(orbit) < 10.0 else 4)
    spacing = chains.NODES // often
    said = errors or KeepingErrors()
    revolutions = max(1, round(years * JULIAN_YEAR_S / (orbit.period * TIME_S)))
    period = orbit.period * TIME_S
    begin = (np.ceil(start_tdb_s / period) + 0.5 / chains.NODES) * period - 1.0  # its first node is a burn's
    reference = nrho.follow(orbit, begin, revolutions + _BEYOND)
    if reference.reason:
        nothing = (float("nan"),) * 3
        return Keeping(years, samples, samples, np.empty(0), nothing, nothing, 0.0, reference.reason)
    gains = _gains(_transitions(reference), spacing)
    epochs, nodes = reference.epochs_tdb_s, reference.nodes
    random = np.random.default_rng(seed)
    knowledge = np.array([said.position_m] * 3 + [said.velocity_m_s] * 3)
    count = revolutions * chains.NODES
    states = nodes[0] + random.normal(size=(samples, 6)) * knowledge
    alive = np.ones(samples, dtype=bool)
    spent, made = np.zeros(samples), np.zeros(samples)
    burns, deviations = [], []
    for k in range(count):
        if k % spacing == 0:
            away = _away(reference, float(epochs[k]), states)
            seen = away + random.normal(size=away.shape) * knowledge
            wished = -seen @ gains[k].T
            wished[np.linalg.norm(wished, axis=1) < said.smallest_burn_m_s] = 0.0
            given = _executed(wished, said, random)
            states[:, 3:] += given
            size = np.linalg.norm(given, axis=1)
            spent += size
            made += size > 0.0
            burns.append(size)
            deviations.append(np.linalg.norm(away[:, :3], axis=1))
        step = epochs[k + 1] - epochs[k]
        push = random.normal(size=(samples, 3)) * said.acceleration_m_s2
        # a constant push over an arc: half of its velocity at either end is exact to second order
        flown = propagate_batch(
            epochs[k], states[:, :3], states[:, 3:] + 0.5 * push * step, epochs[k + 1], centre="moon"
        )
        ends = flown.state
        ends[:, 3:] += 0.5 * push * step
        lost = ~np.all(np.isfinite(ends), axis=1)
        lost |= ~(np.linalg.norm(ends[:, :3] - nodes[k + 1, :3], axis=1) < _LOST_M)
        alive &= ~lost
        states = np.where(alive[:, None], ends, nodes[k + 1])
    length = count / chains.NODES * orbit.period * TIME_S / JULIAN_YEAR_S
    if not alive.any():
        nothing = (float("nan"),) * 3
        reason = "every sample left the orbit; burn more often, or know the state better"
        return Keeping(length, samples, samples, np.empty(0), nothing, nothing, 0.0, reason)
    return Keeping(
        years=length,
        samples=samples,
        lost=int(np.sum(~alive)),
        cost_m_s_per_year=spent[alive] / length,
        burn_m_s=_spread(np.array(burns)[:, alive]),
        deviation_m=_spread(np.array(deviations)[:, alive]),
        burns_per_year=float(np.mean(made[alive])) / length,
    )


def _away(reference: nrho.Reference, epoch: float, states: Floats) -> Floats:
    """Deviations (n, 6) as the linear law means them.

    A craft that is ahead or behind is compared with the point of the reference that it passes; its lead counts as
    time times the reference's rate. The plain difference would take the curvature of the orbit for an error.
    """
    lead = np.zeros(len(states))
    there = np.tile(reference.state(epoch), (len(states), 1))
    for _ in range(3):
        off = (states - there)[:, :3]
        lead += np.einsum("ij,ij->i", off, there[:, 3:]) / np.einsum("ij,ij->i", there[:, 3:], there[:, 3:])
        lead = np.clip(lead, reference.start_tdb_s - epoch, reference.end_tdb_s - epoch)
        there = reference.states(epoch + lead)
    return states - there + lead[:, None] * reference.rate(epoch)


def _executed(wished: Floats, errors: KeepingErrors, random: np.random.Generator) -> Floats:
    """Burns (n, 3) as made: wrong in size by a fraction, turned by a small angle about a random axis across."""
    size = np.linalg.norm(wished, axis=1, keepdims=True)
    along = wished / np.where(size > 0.0, size, 1.0)
    sideways = random.normal(size=wished.shape) * errors.pointing_rad
    sideways -= np.sum(sideways * along, axis=1, keepdims=True) * along
    scale = 1.0 + errors.magnitude * random.normal(size=size.shape)
    return np.asarray(size * scale * (along + sideways))


def _spread(values: Floats) -> tuple[float, float, float]:
    return float(np.median(values)), float(np.quantile(values, 0.99)), float(np.max(values))
