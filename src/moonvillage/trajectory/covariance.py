"""How errors grow along a leg, and what corrections cost: linear covariance.

A :class:`Course` is a solved leg cut at the epochs where something happens: corrections, burns, changes of centre,
the readings of its aims. Between them the transition matrices of the n-body model carry the deviations. At a
correction the estimate (the true deviation and the error of navigation) sets a Δv that nulls, to first order, what is
aimed at; the engine executes it with the errors of Gates' model. All is linear but the sizes of the corrections, so
the covariance of the states and of all corrections together is exact to first order; the distribution of their sum of
sizes is read from seeded normal draws of it.

Sources: C. R. Gates, "A simplified model of midcourse maneuver execution errors", JPL TR 32-504, 1963 (execution);
D. K. Geller, "Linear covariance techniques for orbital rendezvous analysis and autonomous onboard mission planning",
JGCD 29(6), 2006 (the method).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M
from moonvillage.ephemeris.frames import vnc_matrix
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, EarthGround, EarthOrbit, FreeReturn
from moonvillage.trajectory import aims
from moonvillage.trajectory.aims import Aim
from moonvillage.trajectory.shooting import RIM_M

Floats = NDArray[np.float64]

#: The aims of a passage and of an entry are read so long before.
PASSAGE_LEAD_S: Final = 4.0 * 3600.0
ENTRY_LEAD_S: Final = 3600.0
_DRAWS: Final = 100_000
#: The course must fly where its leg ended, to this.
_TRUE_M: Final = 2_000.0


@dataclass(frozen=True, slots=True)
class Injection:
    """Error at the start of a leg: 1σ by axis of VNC (along velocity, orbit normal, co-normal), uncorrelated.

    The default is an assumption: a cryogenic upper stage with inertial guidance, some 3 m/s along and 2 m/s across.
    """

    position_m: tuple[float, float, float] = (1_000.0, 1_000.0, 1_000.0)
    velocity_m_s: tuple[float, float, float] = (3.0, 2.0, 2.0)

    def covariance(self, state: Floats) -> Floats:
        """(6, 6) on ICRF axes, for a state (6,) about the body left."""
        turn = vnc_matrix(state[:3], state[3:])
        result = np.zeros((6, 6))
        result[:3, :3] = turn.T @ np.diag(np.square(self.position_m)) @ turn
        result[3:, 3:] = turn.T @ np.diag(np.square(self.velocity_m_s)) @ turn
        return result


@dataclass(frozen=True, slots=True)
class Gates:
    """Errors of execution, 1σ (Gates 1963): of the size, and by axis across; each a fixed and a proportional part.

    The default is an assumption: a bipropellant engine under closed-loop cutoff.
    """

    size_m_s: float = 0.005
    size_share: float = 0.003
    across_m_s: float = 0.005
    across_rad: float = 0.005

    def covariance(self, dv_m_s: Floats) -> Floats:
        """(3, 3) m²/s² of the error of one burn (3,)."""
        square = float(dv_m_s @ dv_m_s)
        along = np.outer(dv_m_s, dv_m_s) / square if square > 1e-24 else np.eye(3) / 3.0
        size = self.size_m_s**2 + self.size_share**2 * square
        across = self.across_m_s**2 + self.across_rad**2 * square
        return np.asarray(size * along + across * (np.eye(3) - along))

    def expected(self, covariance: Floats, draws: Floats) -> Floats:
        """(3, 3): the mean over burns of a covariance (3, 3); ``draws`` (n, 3) are standard normal."""
        burns = draws @ root_of(covariance).T
        square = np.einsum("ij,ij->i", burns, burns)
        along = np.einsum("ni,nj,n->ij", burns, burns, 1.0 / np.maximum(square, 1e-30)) / len(burns)
        fixed = self.size_m_s**2 * along + self.across_m_s**2 * (np.eye(3) - along)
        trace = float(np.trace(covariance))
        share = self.size_share**2 * covariance + self.across_rad**2 * (trace * np.eye(3) - covariance)
        return np.asarray(fixed + share)

    def draw(self, dv_m_s: Floats, noise: Floats) -> Floats:
        """Errors (n, 3) of burns (n, 3), from standard normal noise (n, 3)."""
        square = np.einsum("ij,ij->i", dv_m_s, dv_m_s)
        unit = dv_m_s / np.sqrt(np.maximum(square, 1e-30))[:, None]
        part = np.einsum("ij,ij->i", noise, unit)[:, None] * unit
        size = np.sqrt(self.size_m_s**2 + self.size_share**2 * square)[:, None]
        across = np.sqrt(self.across_m_s**2 + self.across_rad**2 * square)[:, None]
        return np.asarray(size * part + across * (noise - part))


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Error of the estimate on which a correction is computed, 1σ by axis, fresh at each correction.

    The default is an assumption: some hours of Doppler and range from two stations.
    """

    position_m: float = 1_000.0
    velocity_m_s: float = 0.01

    def covariance(self) -> Floats:
        """(6, 6)."""
        return np.diag([self.position_m**2] * 3 + [self.velocity_m_s**2] * 3)


@dataclass(frozen=True, slots=True)
class Errors:
    """All that disperses a leg.

    ``injection`` None: that of :class:`Injection` where an upper stage leaves a low Earth orbit; elsewhere what the
    departure burn's execution and the knowledge before it leave.
    """

    injection: Injection | None = None
    gates: Gates = Gates()
    knowledge: Knowledge = Knowledge()


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """A leg cut into k − 1 flights between k nodes.

    ``epoch_tdb_s`` (k,); ``centre`` (k − 1,) of each flight; ``states`` (k, 6) at each node after its burn, ICRF
    about the centre of the flight that follows (the last: of the one before); ``burn_m_s`` (k, 3) the leg's own
    impulse there (first: the departure); ``launched``: an upper stage made it; ``stm`` (k − 1, 6, 6).
    ``aims`` with the index of their node; ``candidates``: nodes at which corrections may be made. ``reason`` is not
    empty where the leg cannot be followed.
    """

    arc: str
    epoch_tdb_s: Floats
    centre: tuple[str, ...]
    states: Floats
    burn_m_s: Floats
    stm: Floats
    aims: tuple[tuple[int, Aim], ...]
    candidates: tuple[int, ...]
    launched: bool = False
    reason: str = ""

    def start_covariance(self, errors: Errors) -> Floats:
        """(6, 6), of the state after departure."""
        if errors.injection is not None or self.launched:
            return (errors.injection or Injection()).covariance(self.states[0])
        result = errors.knowledge.covariance()
        result[3:, 3:] += errors.gates.covariance(self.burn_m_s[0])
        return result

    def retargeted(self) -> tuple[int, ...]:
        """Nodes of the leg's own burns on the way: each is computed anew on the latest estimate, as a correction."""
        size = np.linalg.norm(self.burn_m_s[1:], axis=1)
        return tuple(int(k) + 1 for k in np.flatnonzero(size > 0.0) if self.aim_after(int(k) + 1) is not None)

    def transition(self, first: int, last: int) -> Floats:
        """(6, 6) from node ``first`` to node ``last``."""
        matrix = np.eye(6)
        for k in range(first, last):
            matrix = self.stm[k] @ matrix
        return matrix

    def aim_after(self, node: int) -> tuple[int, Aim] | None:
        """The next aim of a correction at a node."""
        return next(((k, aim) for k, aim in self.aims if k > node), None)

    def gain(self, node: int) -> Floats | None:
        """(3, 6): the correction is −gain @ deviation. None where nothing is left to aim at, or it has no effect."""
        following = self.aim_after(node)
        if following is None:
            return None
        at, aim = following
        matrix = self.transition(node, at)
        read = aim.gradient(self.states[at]) @ matrix
        weights = 1.0 / np.linalg.norm(read[:, 3:], axis=1)
        return np.asarray(np.linalg.pinv(weights[:, None] * read[:, 3:], rcond=1e-6) @ (weights[:, None] * read))


def _nothing(arc: str, reason: str) -> Course:
    empty = np.zeros((0, 6))
    return Course(arc, np.zeros(0), (), empty, np.zeros((0, 3)), np.zeros((0, 6, 6)), (), (), False, reason)


def follow(arc: Arc, leg: Leg, corrections_s: Sequence[float]) -> Course:
    """Cut a solved leg into a course.

    Parameters
    ----------
    arc, leg
        The arc and its leg, solved with samples (``Leg.trajectory``: its first state is that after departure).
    corrections_s
        Times of corrections, or of candidates for them, s after departure.

    Returns
    -------
    A :class:`Course`; where the leg cannot be followed (not converged, no samples, powered throughout) one with a
    ``reason``.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves the ephemeris.
    """
    if not leg.converged or leg.trajectory is None:
        return _nothing(arc.id, leg.reason or "The leg was solved without samples; solve it with samples.")
    track = leg.trajectory
    t0 = float(track.epoch_tdb_s[0])
    burns = [burn for burn in leg.burns if burn.epoch_tdb_s > t0 + 1.0]
    if any(burn.duration_s > 0.0 for burn in leg.burns):
        return _nothing(arc.id, "Legs with finite burns are not followed; disperse the coasts between them.")
    first_loi = next((burn.epoch_tdb_s for burn in burns if burn.name == "loi"), None)
    end = first_loi if first_loi is not None else leg.arrival_tdb_s
    inner = [burn for burn in burns if burn.epoch_tdb_s < end - 1.0]
    perilunes = [event.epoch_tdb_s for event in leg.events if event.name == "perilune" and event.epoch_tdb_s < end]
    entering = isinstance(arc.destination, EarthGround | FreeReturn)
    passages = [*perilunes, *([first_loi] if first_loi is not None else [])]
    readings = {epoch - PASSAGE_LEAD_S for epoch in passages}
    last = end - ENTRY_LEAD_S if entering else end - PASSAGE_LEAD_S if first_loi is not None else end
    times = sorted({t0 + s for s in corrections_s if s > 0.0 and t0 + s < last - 60.0})
    switches = _switches(leg, t0, end)
    marks = {t0, last, *times, *(b.epoch_tdb_s for b in inner), *(epoch for epoch, _ in switches), *readings}
    nodes = np.array(sorted(epoch for epoch in marks if t0 <= epoch <= last))
    start_state = np.concatenate([track.r_m[0], track.v_m_s[0]])
    centres = [_centre_at(switches, 0.5 * float(a + b)) for a, b in itertools.pairwise(nodes)]
    r, v = dynamics.change_centre(t0, start_state[:3], start_state[3:], track.centre, centres[0])
    state = np.concatenate([r, v])
    left = [np.array(burn.dv_icrf_m_s) for burn in leg.burns if abs(burn.epoch_tdb_s - t0) <= 1.0]
    states, stms, kicks = [state], [], [np.asarray(sum(left, np.zeros(3)))]
    for k, centre in enumerate(centres):
        path = dynamics.propagate(float(nodes[k]), state[:3], state[3:], float(nodes[k + 1]), centre=centre, stm=True)
        if path.reason or path.stm is None:
            return _nothing(arc.id, f"The leg cannot be followed: {path.reason}.")
        stms.append(path.stm)
        state = path.state
        kick = sum(
            (np.array(b.dv_icrf_m_s) for b in inner if abs(b.epoch_tdb_s - float(nodes[k + 1])) < 1e-6), np.zeros(3)
        )
        state = state + np.concatenate([np.zeros(3), kick])
        if k + 1 < len(centres) and centres[k + 1] != centre:
            r, v = dynamics.change_centre(float(nodes[k + 1]), state[:3], state[3:], centre, centres[k + 1])
            state = np.concatenate([r, v])
        states.append(state)
        kicks.append(np.asarray(kick))
    found: list[tuple[int, Aim]] = []
    for epoch in sorted(passages):
        at = int(np.argmin(np.abs(nodes - (epoch - PASSAGE_LEAD_S))))
        centre = centres[min(at, len(centres) - 1)]
        if at == 0 or centre != "moon" or not aims.is_passage(states[at], "moon"):
            continue
        onward = entering or first_loi is None
        found.append((at, aims.passage("perilune", epoch, float(nodes[at]), "moon", states[at], timed=onward)))
    if entering:
        place = arc.destination
        assert isinstance(place, EarthGround | FreeReturn)
        found.append(
            (
                nodes.size - 1,
                aims.corridor(
                    "entry",
                    end,
                    float(nodes[-1]),
                    EARTH_RADIUS_M + place.entry_altitude_m,
                    place.entry_flight_path_angle_rad,
                    states[-1],
                ),
            )
        )
    elif first_loi is None:
        found.append((nodes.size - 1, aims.place("arrival", float(nodes[-1]), centres[-1], states[-1])))
    if not found:
        return _nothing(arc.id, "The leg has nothing to aim at: its way in is too round.")
    candidates = tuple(int(np.argmin(np.abs(nodes - epoch))) for epoch in times)
    course = Course(
        arc.id,
        nodes,
        tuple(centres),
        np.stack(states),
        np.stack(kicks),
        np.stack(stms),
        tuple(found),
        candidates,
        isinstance(arc.origin, EarthOrbit),
    )
    wrong = _strays(course, leg, end)
    return replace(course, reason=wrong) if wrong else course


def _strays(course: Course, leg: Leg, end: float) -> str:
    """A sentence where the course does not end where the leg did; the leg's samples are the truth."""
    track = leg.trajectory
    assert track is not None
    state, centre, epoch = course.states[-1], course.centre[-1], float(course.epoch_tdb_s[-1])
    path = dynamics.propagate(epoch, state[:3], state[3:], end, centre=centre)
    r, _ = dynamics.change_centre(end, path.r_m, path.v_m_s, centre, track.centre)
    miss = float(np.min(np.linalg.norm(track.r_m[-3:] - r, axis=1)))
    if leg.final_state is not None and abs(leg.arrival_tdb_s - end) < 1.0:
        here, _ = dynamics.change_centre(end, path.r_m, path.v_m_s, centre, leg.final_centre)
        miss = float(np.linalg.norm(here - leg.final_state[:3]))
    elif abs(float(track.epoch_tdb_s[-1]) - end) > 1.0:
        return ""  # the leg goes on after its first burn at the target
    return (
        "" if miss < _TRUE_M else f"Followed from its start, the leg ends {miss / 1e3:.1f} km from where it should."
    )


def _switches(leg: Leg, start: float, end: float) -> list[tuple[float, str]]:
    """(epoch, centre from then on), first at the start: the Moon's formulation within 60,000 km of it."""
    track = leg.trajectory
    assert track is not None
    epochs = np.asarray(track.epoch_tdb_s)
    moon = de440.load().position("moon", epochs, track.centre)
    near = np.linalg.norm(track.r_m - moon, axis=1) - RIM_M
    found = [(start, "moon" if near[0] < 0.0 else "earth")]
    for k in np.flatnonzero(near[:-1] * near[1:] < 0.0):
        share = float(near[k] / (near[k] - near[k + 1]))
        epoch = float(epochs[k] + share * (epochs[k + 1] - epochs[k]))
        if start + 60.0 < epoch < end - 60.0:
            found.append((epoch, "moon" if near[k] > 0.0 else "earth"))
    return found


def _centre_at(switches: list[tuple[float, str]], epoch: float) -> str:
    return [centre for begin, centre in switches if begin <= epoch][-1]


def root_of(covariance: Floats) -> Floats:
    """A square root R, R Rᵀ = C, of a covariance C (n, n) that may be singular."""
    values, vectors = np.linalg.eigh(0.5 * (covariance + covariance.T))
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """1σ of something at an aim."""

    name: str
    unit: str
    sigma: float


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """The result of a linear covariance analysis.

    ``covariance`` is that of all corrections, (3n, 3n) m²/s². ``mean_m_s``, ``q95_m_s``, ``q99_m_s`` are of the sum
    of their sizes, ``each`` (n, 3) of each (mean, 95 %, 99 %), in m/s. ``delivery`` is 1σ at each aim;
    ``uncorrected`` the same had nothing been corrected.
    """

    covariance: Floats
    each: Floats
    mean_m_s: float
    q95_m_s: float
    q99_m_s: float
    delivery: tuple[Spread, ...]
    uncorrected: tuple[Spread, ...]


def analyse(course: Course, errors: Errors, corrections: Sequence[int], *, draws: int = _DRAWS) -> Linear:
    """Linear covariance along a course with corrections at some of its nodes.

    Parameters
    ----------
    course
        Followed without a ``reason``.
    errors
        Injection, execution and knowledge.
    corrections
        Indices of nodes, increasing.
    draws
        Normal draws (of a fixed seed) from which the quantiles of the sum are read; their own error at 99 % is 0.5 %
        with 100,000.

    Notes
    -----
    Source: head of this module. Errors of knowledge are fresh at each correction, independent of all else.
    """
    normal = np.random.default_rng(20_260_101).standard_normal((draws, 3 * max(1, len(corrections))))
    few = normal[: min(draws, 4096), :3]
    size = 6 + 3 * len(corrections)
    big = np.zeros((size, size))
    big[:6, :6] = course.start_covariance(errors)
    plain = big[:6, :6].copy()
    slots = {node: 6 + 3 * k for k, node in enumerate(corrections)}
    delivery: list[Spread] = []
    uncorrected: list[Spread] = []
    aimed = {at: aim for at, aim in course.aims}
    for node in range(course.epoch_tdb_s.size):
        if node > 0:
            move = np.eye(size)
            move[:6, :6] = course.stm[node - 1]
            big = move @ big @ move.T
            plain = course.stm[node - 1] @ plain @ course.stm[node - 1].T
        if node in slots:
            gain = course.gain(node)
            if gain is not None:
                at = slots[node]
                apply = np.eye(size)
                apply[at : at + 3, :6] = -gain
                apply[3:6, :6] -= gain
                big = apply @ big @ apply.T
                noise = gain @ errors.knowledge.covariance() @ gain.T
                for rows in (slice(at, at + 3), slice(3, 6)):
                    for columns in (slice(at, at + 3), slice(3, 6)):
                        big[rows, columns] += noise
                big[3:6, 3:6] += errors.gates.expected(big[at : at + 3, at : at + 3], few)
        burn = course.burn_m_s[node]
        if node > 0 and float(burn @ burn) > 0.0:
            big[3:6, 3:6] += errors.gates.covariance(burn)
            plain[3:, 3:] += errors.gates.covariance(burn)
        if node in aimed:
            read = aimed[node].shown_gradient(course.states[node])
            for matrix, target in ((big[:6, :6], delivery), (plain, uncorrected)):
                sigmas = np.sqrt(np.maximum(np.diag(read @ matrix @ read.T), 0.0))
                target += [
                    Spread(name, unit, float(s)) for (name, unit), s in zip(aimed[node].shown, sigmas, strict=True)
                ]
    joint = big[6:, 6:]
    if corrections:
        burns = normal @ root_of(joint).T
        sizes = np.linalg.norm(burns.reshape(draws, -1, 3), axis=2)
    else:
        sizes = np.zeros((draws, 1))
    total = sizes.sum(axis=1)
    each = np.stack([sizes.mean(axis=0), *np.quantile(sizes, [0.95, 0.99], axis=0)], axis=1)
    return Linear(
        joint,
        each,
        float(total.mean()),
        float(np.quantile(total, 0.95)),
        float(np.quantile(total, 0.99)),
        tuple(delivery),
        tuple(uncorrected),
    )


def times_of(course: Course, corrections: Sequence[int]) -> tuple[float, ...]:
    """Seconds after departure of some nodes."""
    return tuple(math.fsum([float(course.epoch_tdb_s[k]), -float(course.epoch_tdb_s[0])]) for k in corrections)
