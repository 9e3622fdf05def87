"""Powered flight of least propellant as a sequence of cone programmes, whose residuals are real flights.

Thrust is constant over each of some tens of segments. With the logarithm of the mass as a state and the thrust
acceleration as the control, the bounds on the thrust become convex without loss: B. Açıkmeşe and S. R. Ploen,
"Convex Programming Approach to Powered Descent Guidance for Mars Landing", JGCD 30(5), 2007; B. Açıkmeşe,
J. M. Carson and L. Blackmore, "Lossless Convexification of Nonconvex Control Bound and Pointing Constraints of the
Soft Landing Optimal Control Problem", IEEE TCST 21(6), 2013. What is not linear (gravity, free durations, the mass in
the bounds) is linearised about the last solution, within a trust region, with the defects at a price (Y. Mao,
M. Szmuk, B. Açıkmeşe, "Successive Convexification of Non-Convex Optimal Control Problems", CDC 2016). The defects
themselves are flown: each segment in the caller's own :class:`Field`, so that a converged solution is a flight there,
whatever was simplified in the derivatives. The programmes are solved by Clarabel (P. Goulart and Y. Chen, 2024,
arXiv:2405.12762).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float64]

_LENGTH_M: Final = 1.0e4
_SPEED_M_S: Final = 100.0
_TIME_S: Final = 10.0
_SCALE: Final = np.array([_LENGTH_M] * 3 + [_SPEED_M_S] * 3)
#: Price of a scaled defect, in logarithms of mass: some hundred times what the dearest one can save.
_PRICE: Final = 10.0
#: A flight closes when no segment misses the next by more than these.
_CLOSED_M: Final = 0.02
#: The thrust may turn faster than allowed by so much in all (rad).
_TURNED: Final = 1e-3
#: A step that saves less than this (in the logarithm of the mass: some 0.05 m/s) is not worth another.
_SETTLED: Final = 1.5e-5
_CLOSED_M_S: Final = 2e-4


class Field(Protocol):
    """The world flown in: any inertial axes, SI, epochs in s of any origin."""

    def fly(
        self,
        epoch_s: float,
        state: Floats,
        push_m_s2: float,
        exhaust_m_s: float,
        direction: Floats,
        duration_s: float,
    ) -> Floats | None:
        """End state (6,) after constant thrust along a fixed unit vector, from an initial acceleration."""
        ...

    def gravity(self, r_m: Floats) -> tuple[Floats, Floats]:
        """Acceleration (3,) and its gradient (3, 3), as good as is easy: for the derivatives only."""
        ...

    def goal(self, epoch_s: float) -> tuple[Floats, Floats]:
        """The landing place's state (6,) and its axes (3, 3), rows up and two level ones."""
        ...

    def height(self, r_m: Floats, goal: Floats) -> tuple[float, Floats]:
        """Height above the landing place's level, m, and its gradient (3,)."""
        ...


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the flight, of ``segments`` of equal length.

    ``throttle`` is the least and greatest share of the full thrust ((0, 0): coast). ``free``: the duration is to be
    found, else it stays as guessed. ``start_height_m`` fixes the height above the landing place at which the phase
    begins. ``tilt_rad`` is the widest angle of the thrust to the local vertical, ``glide_slope_rad`` the least
    elevation of the craft seen from the landing place. ``plumb``: straight above the landing place, with no motion
    across. ``floor_m``: the least height of its nodes (None: no floor). ``fall_m_s``: the fastest fall at its nodes.
    """

    name: str
    segments: int
    throttle: tuple[float, float] = (0.0, 1.0)
    free: bool = True
    start_height_m: float | None = None
    tilt_rad: float | None = None
    glide_slope_rad: float | None = None
    plumb: bool = False
    floor_m: float | None = 0.0
    fall_m_s: float | None = None


@dataclass(frozen=True, slots=True)
class Craft:
    """Initial mass (kg), full thrust (N), exhaust speed (m/s), fastest turn of the thrust (rad/s; None: any)."""

    mass_kg: float
    thrust_n: float
    exhaust_m_s: float
    turn_rad_s: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Nodes of a flight: ``states`` (n + 1, 6), ``log_mass`` (n + 1,), mean thrust accelerations ``push`` (n, 3).

    ``start_s`` is the epoch of the first node, ``durations_s`` one number a phase.
    """

    start_s: float
    durations_s: Floats
    states: Floats
    log_mass: Floats
    push: Floats

    def steps(self, phases: Sequence[Phase]) -> Floats:
        """Length of each segment, (n,), s."""
        return np.concatenate(
            [np.full(p.segments, d / p.segments) for p, d in zip(phases, self.durations_s, strict=True)]
        )

    def epochs(self, phases: Sequence[Phase]) -> Floats:
        """Epochs of the nodes, (n + 1,), s."""
        return self.start_s + np.concatenate([[0.0], np.cumsum(self.steps(phases))])


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """The last plan; whether it closes, with the greatest defects; the number of programmes solved.

    ``settled``: the last two steps saved less than 1.5e-5 of the mass each. ``reason`` says why it does not close.
    """

    plan: Plan
    converged: bool
    defect_m: float
    defect_m_s: float
    iterations: int
    settled: bool = False
    reason: str = ""


def full_push(mean_m_s2: float, step_s: float, exhaust_m_s: float) -> float:
    """Acceleration at the start of a segment of constant thrust, from the mean one (Δv over time)."""
    return float(-exhaust_m_s / step_s * math.expm1(-mean_m_s2 * step_s / exhaust_m_s))


def fly_segment(
    field: Field, craft: Craft, epoch_s: float, state: Floats, push: Floats, step_s: float
) -> Floats | None:
    """One segment of constant thrust, flown; ``push`` is the mean acceleration (3,)."""
    size = float(np.linalg.norm(push))
    if size < 1e-9:
        return field.fly(epoch_s, state, 0.0, craft.exhaust_m_s, np.array([1.0, 0.0, 0.0]), step_s)
    start = full_push(size, step_s, craft.exhaust_m_s)
    return field.fly(epoch_s, state, start, craft.exhaust_m_s, push / size, step_s)


_Linear = Sequence[tuple[int, float]]


class _Rows:
    """Rows of A x + s = b, collected by cone."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.parts: dict[str, tuple[list[int], list[int], list[float], list[float]]] = {
            kind: ([], [], [], []) for kind in ("zero", "positive", "cone")
        }
        self.cones: list[int] = []

    def add(self, kind: str, entries: _Linear, right: float) -> None:
        """The row Σ coefficient · x + s = right."""
        rows, columns, values, rights = self.parts[kind]
        at = len(rights)
        for column, value in entries:
            rows.append(at)
            columns.append(column)
            values.append(value)
        rights.append(right)

    def norm(self, bound: _Linear, offset: float, parts: Sequence[tuple[_Linear, float]]) -> None:
        """‖(e + f)‖ ≤ bound · x + offset, with e + f the linear parts."""
        self.add("cone", [(c, -v) for c, v in bound], offset)
        for entries, constant in parts:
            self.add("cone", [(c, -v) for c, v in entries], constant)
        self.cones.append(1 + len(parts))

    def built(self) -> tuple[sparse.csc_matrix, Floats, list[object]]:
        import clarabel  # late: most flights need no cones

        blocks, rights = [], []
        for kind in ("zero", "positive", "cone"):
            rows, columns, values, right = self.parts[kind]
            where = (np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64))
            blocks.append(sparse.coo_matrix((np.array(values), where), shape=(len(right), self.columns)))
            rights += right
        cones: list[object] = [
            clarabel.ZeroConeT(len(self.parts["zero"][3])),
            clarabel.NonnegativeConeT(len(self.parts["positive"][3])),
            *(clarabel.SecondOrderConeT(size) for size in self.cones),
        ]
        return sparse.csc_matrix(sparse.vstack(blocks)), np.array(rights), cones


def _transition(gradient: Floats, h: float) -> tuple[Floats, Floats]:
    """(6, 6) transition and (6, 3) effect of a constant acceleration over h, for a constant gravity gradient."""
    eye = np.eye(3)
    g2 = gradient @ gradient
    a = eye + gradient * (h**2 / 2) + g2 * (h**4 / 24)
    b = eye * h + gradient * (h**3 / 6) + g2 * (h**5 / 120)
    c = eye * (h**2 / 2) + gradient * (h**4 / 24) + g2 * (h**6 / 720)
    return np.block([[a, b], [gradient @ b, a]]), np.vstack([c, b])


@dataclass(frozen=True, slots=True, eq=False)
class _Flown:
    """The segments of a plan as flown: ends (n, 6), defects (n, 6) scaled, the sum of their sizes and of ``excess``.

    ``excess`` is the sum of the chords by which the thrust turns too fast.
    """

    ends: Floats
    defects: Floats
    total: float
    excess: float


def _turns(craft: Craft, plan: Plan, steps: Floats) -> tuple[Floats, Floats]:
    """Between segments, (n − 1,): the chord that the thrust may turn through (infinite: any), and that it does."""
    size = np.linalg.norm(plan.push, axis=1)
    between = 0.5 * (steps[1:] + steps[:-1])
    burning = np.minimum(size[1:], size[:-1]) > 1e-3
    if craft.turn_rad_s is None:
        return np.full(between.size, math.inf), np.zeros(between.size)
    unit = plan.push / np.maximum(size, 1e-12)[:, None]
    spans = np.where(burning, np.linalg.norm(np.diff(unit, axis=0), axis=1), 0.0)
    allowed = 2.0 * np.sin(0.5 * np.minimum(math.pi, craft.turn_rad_s * between))
    return np.where(burning, allowed, math.inf), spans


def _fly_all(field: Field, craft: Craft, phases: Sequence[Phase], plan: Plan) -> _Flown | None:
    steps, epochs = plan.steps(phases), plan.epochs(phases)
    ends = np.empty((steps.size, 6))
    for k in range(steps.size):
        end = fly_segment(field, craft, float(epochs[k]), plan.states[k], plan.push[k], float(steps[k]))
        if end is None:
            return None
        ends[k] = end
    defects = (ends - plan.states[1:]) / _SCALE
    allowed, spans = _turns(craft, plan, steps)
    excess = float(np.sum(np.maximum(0.0, spans - allowed)))
    return _Flown(ends, defects, float(np.sum(np.linalg.norm(defects, axis=1))) + excess, excess)


@dataclass(frozen=True, slots=True, eq=False)
class _Layout:
    """Where the variables of the programme lie."""

    nodes: int
    segments: int
    phases: int

    def node(self, k: int, i: int) -> int:
        return 7 * k + i

    def push(self, k: int, i: int) -> int:
        return 7 * self.nodes + 4 * k + i

    def defect(self, k: int, i: int) -> int:
        return 7 * self.nodes + 4 * self.segments + 7 * k + i

    def excess(self, k: int) -> int:
        return 7 * self.nodes + 11 * self.segments + k

    def duration(self, p: int) -> int:
        return 7 * self.nodes + 12 * self.segments + p

    @property
    def slide(self) -> int:
        return 7 * self.nodes + 12 * self.segments + self.phases

    @property
    def size(self) -> int:
        return self.slide + 1


Start = Callable[[float], Floats]


def _programme(
    field: Field,
    craft: Craft,
    phases: Sequence[Phase],
    plan: Plan,
    flown: _Flown,
    start: Start,
    sliding: bool,
    touchdown_m_s: float,
    reach: float,
) -> tuple[_Rows, Floats, _Layout]:
    """The cone programme about a plan: unknowns are scaled steps of the nodes, and new accelerations."""
    steps, epochs = plan.steps(phases), plan.epochs(phases)
    count = steps.size
    layout = _Layout(count + 1, count, len(phases))
    rows = _Rows(layout.size)
    owner = np.repeat(np.arange(len(phases)), [p.segments for p in phases])
    first = np.concatenate([[0], np.cumsum([p.segments for p in phases])])
    c = craft.exhaust_m_s
    shares = np.array([1.0 / p.segments for p in phases])

    def shift(k: int) -> list[tuple[int, float]]:
        """How the epoch of node k moves, s, by the durations and the start."""
        moved = [(layout.slide, _TIME_S)]
        for p in range(len(phases)):
            part = min(max(k - int(first[p]), 0), phases[p].segments) * shares[p]
            if part > 0.0:
                moved.append((layout.duration(p), _TIME_S * part))
        return moved

    for k in range(count):
        p, h = int(owner[k]), float(steps[k])
        middle = 0.5 * (plan.states[k, :3] + flown.ends[k, :3])
        transition, effect = _transition(field.gravity(middle)[1], h)
        size = float(np.linalg.norm(plan.push[k]))
        # the thrust acceleration grows over the segment: its first moment is a little less than that of its mean
        late = 1.0 - size * h / (6.0 * c)
        effect = effect.copy()
        effect[:3] *= late
        end = flown.ends[k]
        growth = plan.push[k] * (1.0 + size * h / (2.0 * c))
        rate = np.concatenate([end[3:], field.gravity(end[:3])[0] + growth])
        for i in range(6):
            entries = [(layout.node(k + 1, i), 1.0), (layout.defect(k, i), -1.0)]
            entries += [
                (layout.node(k, j), -transition[i, j] * _SCALE[j] / _SCALE[i]) for j in range(6) if transition[i, j]
            ]
            entries += [(layout.push(k, j), -effect[i, j] / _SCALE[i]) for j in range(3) if effect[i, j]]
            entries.append((layout.duration(p), -rate[i] * shares[p] * _TIME_S / _SCALE[i]))
            known = flown.defects[k, i] - float(effect[i] @ plan.push[k]) / _SCALE[i]
            rows.add("zero", entries, known)
        rows.norm([(layout.defect(k, 6), 1.0)], 0.0, [([(layout.defect(k, i), 1.0)], 0.0) for i in range(6)])
        # z' = z − s h / c, with s h linearised
        burn = float(plan.log_mass[k + 1] - plan.log_mass[k]) + size * h / c
        rows.add(
            "zero",
            [
                (layout.node(k + 1, 6), 1.0),
                (layout.node(k, 6), -1.0),
                (layout.push(k, 3), h / c),
                (layout.duration(p), size * shares[p] * _TIME_S / c),
            ],
            size * h / c - burn,
        )
        low, high = phases[p].throttle
        if high <= 0.0:
            for i in range(4):
                rows.add("zero", [(layout.push(k, i), 1.0)], 0.0)
            continue
        rows.norm([(layout.push(k, 3), 1.0)], 0.0, [([(layout.push(k, i), 1.0)], 0.0) for i in range(3)])
        for share, sign in ((high, 1.0), (low, -1.0)):
            if share > 0.0:
                push = min(share * craft.thrust_n * math.exp(-float(plan.log_mass[k])), 0.95 * c / h)
                limit = -c / h * math.log1p(-push * h / c)
                slope = push / (1.0 - push * h / c)
                rows.add("positive", [(layout.push(k, 3), sign), (layout.node(k, 6), sign * slope)], sign * limit)
        goal, axes = field.goal(float(epochs[k]))
        tilt = phases[p].tilt_rad
        if tilt is not None:
            rows.add(
                "positive",
                [(layout.push(k, 3), math.cos(tilt))] + [(layout.push(k, i), -axes[0, i]) for i in range(3)],
                0.0,
            )
        for i in range(3):  # trust region
            for sign in (1.0, -1.0):
                bound = reach * craft.thrust_n * math.exp(-float(plan.log_mass[k]))
                rows.add("positive", [(layout.push(k, i), sign)], bound + sign * float(plan.push[k, i]))
    allowed = _turns(craft, plan, steps)[0]
    for k in range(1, count):
        before, after = (float(np.linalg.norm(plan.push[j])) for j in (k - 1, k))
        bound = float(allowed[k - 1])
        if not math.isfinite(bound):
            continue
        rows.norm(
            [(layout.excess(k), 1.0)],
            bound,
            [([(layout.push(k, i), 1.0 / after), (layout.push(k - 1, i), -1.0 / before)], 0.0) for i in range(3)],
        )
    # the start
    rate = start(plan.start_s + 0.5) - start(plan.start_s - 0.5) if sliding else np.zeros(6)
    for i in range(6):
        rows.add("zero", [(layout.node(0, i), 1.0), (layout.slide, -rate[i] * _TIME_S / _SCALE[i])], 0.0)
    rows.add("zero", [(layout.node(0, 6), 1.0)], 0.0)
    # the durations
    for p, phase in enumerate(phases):
        d = float(plan.durations_s[p])
        if not phase.free:
            rows.add("zero", [(layout.duration(p), 1.0)], 0.0)
            continue
        for sign in (1.0, -1.0):
            rows.add("positive", [(layout.duration(p), sign)], reach * d / _TIME_S)
        rows.add("positive", [(layout.duration(p), -1.0)], (d - 0.05 * phase.segments) / _TIME_S)
    if sliding:
        for sign in (1.0, -1.0):
            rows.add("positive", [(layout.slide, sign)], reach * 20.0)
    else:
        rows.add("zero", [(layout.slide, 1.0)], 0.0)
    # the end: on the goal, falling at the touchdown speed
    goal, axes = field.goal(float(epochs[-1]))
    goal_rate = np.concatenate([goal[3:], (field.goal(float(epochs[-1]) + 1.0)[0][3:] - goal[3:])])
    wanted = goal.copy()
    wanted[3:] -= touchdown_m_s * axes[0]
    for i in range(6):
        entries = [(layout.node(count, i), 1.0)]
        entries += [(j, -goal_rate[i] * share / _SCALE[i]) for j, share in shift(count)]
        rows.add("zero", entries, (wanted[i] - plan.states[count, i]) / _SCALE[i])
    # heights, cones and plumb lines on the nodes between
    for k in range(1, count):
        p = int(owner[k])
        phase = phases[p]
        goal, axes = field.goal(float(epochs[k]))
        here = plan.states[k]
        height, gradient = field.height(here[:3], goal)
        lift = [(layout.node(k, i), gradient[i] * _SCALE[i]) for i in range(3)]
        if k == int(first[p]) and phase.start_height_m is not None:
            rows.add("zero", [(j, v / 1e3) for j, v in lift], (phase.start_height_m - height) / 1e3)
        if phase.floor_m is not None:
            rows.add("positive", [(j, -v / 1e3) for j, v in lift], (height - phase.floor_m) / 1e3)
        offset = axes @ (here[:3] - goal[:3])
        drift = axes @ (here[3:] - goal[3:])
        if phase.fall_m_s is not None:
            entries = [(layout.node(k, 3 + i), -axes[0, i]) for i in range(3)]
            rows.add("positive", entries, float(phase.fall_m_s + drift[0]) / _SPEED_M_S)
        if phase.plumb:
            # from a node's epoch on, the goal moves by its own speed as the epoch shifts
            moved = axes @ goal[3:]
            for row in (1, 2):
                entries = [(layout.node(k, i), axes[row, i] * _LENGTH_M) for i in range(3)]
                entries += [(j, -moved[row] * v) for j, v in shift(k)]
                rows.add("zero", [(j, v / 1e3) for j, v in entries], -offset[row] / 1e3)
                entries = [(layout.node(k, 3 + i), axes[row, i]) for i in range(3)]
                rows.add("zero", entries, -drift[row] / _SPEED_M_S)
        if phase.glide_slope_rad is not None and not phase.plumb:
            rows.norm(
                [
                    (layout.node(k, i), axes[0, i] * _LENGTH_M / 1e3 / math.tan(phase.glide_slope_rad))
                    for i in range(3)
                ],
                offset[0] / 1e3 / math.tan(phase.glide_slope_rad),
                [
                    ([(layout.node(k, i), axes[row, i] * _LENGTH_M / 1e3) for i in range(3)], offset[row] / 1e3)
                    for row in (1, 2)
                ],
            )
    cost = np.zeros(layout.size)
    cost[layout.node(count, 6)] = -1.0
    for k in range(count):
        cost[layout.defect(k, 6)] = cost[layout.excess(k)] = _PRICE
        rows.add("positive", [(layout.excess(k), -1.0)], 0.0)
    return rows, cost, layout


def _moved(plan: Plan, x: Floats, layout: _Layout, craft: Craft, phases: Sequence[Phase], start: Start) -> Plan:
    """The plan after a step; masses are counted anew."""
    nodes = x[: 7 * layout.nodes].reshape(layout.nodes, 7)
    push = x[7 * layout.nodes : 7 * layout.nodes + 4 * layout.segments].reshape(layout.segments, 4)[:, :3]
    durations = plan.durations_s + _TIME_S * x[layout.duration(0) : layout.slide]
    begin = plan.start_s + _TIME_S * float(x[layout.slide])
    states = plan.states + nodes[:, :6] * _SCALE
    states[0] = start(begin)
    fresh = Plan(begin, durations, states, plan.log_mass, push.copy())
    burnt = np.linalg.norm(push, axis=1) * fresh.steps(phases) / craft.exhaust_m_s
    log_mass = plan.log_mass[0] - np.concatenate([[0.0], np.cumsum(burnt)])
    return Plan(begin, durations, states, log_mass, push.copy())


def least_propellant(
    field: Field,
    craft: Craft,
    phases: Sequence[Phase],
    guess: Plan,
    start: Start,
    *,
    sliding: bool = False,
    touchdown_m_s: float = 0.0,
    iterations: int = 60,
) -> Solution:
    """The flight of least propellant from ``start(epoch)`` to the field's goal.

    Parameters
    ----------
    field
        The world flown in.
    craft, phases
        The vehicle; the parts of the flight with their constraints.
    guess
        A plan of the right shape, from which the search begins; it need not fly.
    start
        Epoch (s) → state (6,) from which the flight begins; smooth.
    sliding
        The epoch of the first node is to be found; else it is that of the guess.
    touchdown_m_s
        Speed of fall at the goal.

    Returns
    -------
    A :class:`Solution`; ``converged`` False with a reason where no plan closes.

    Notes
    -----
    Sources: see the head of this module. A local optimum, as all such searches find; for a field of constant
    gravity and fixed durations it is the global one (Açıkmeşe & Ploen 2007).
    """
    plan, reach, before = guess, 0.5, 0
    if craft.turn_rad_s is not None:  # slow turns are found from free ones
        easy = replace(craft, turn_rad_s=None)
        first = least_propellant(
            field, easy, phases, guess, start, sliding=sliding, touchdown_m_s=touchdown_m_s, iterations=iterations
        )
        if not first.converged:
            return first
        plan, before = first.plan, first.iterations
    flown = _fly_all(field, craft, phases, plan)
    if flown is None:
        return Solution(plan, False, math.inf, math.inf, 0, False, "The first guess cannot be flown.")
    import clarabel  # late: most flights need no cones

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-9
    settings.max_threads = 1
    value = -float(plan.log_mass[-1]) + _PRICE * flown.total + 1e3  # the guess need not obey the end
    solved, calm = 0, 0
    trouble = "The search ran out of steps before the flight closed."
    while solved < iterations:
        rows, cost, layout = _programme(field, craft, phases, plan, flown, start, sliding, touchdown_m_s, reach)
        matrix, right, cones = rows.built()
        nothing = sparse.csc_matrix((layout.size, layout.size))
        answer = clarabel.DefaultSolver(nothing, cost, matrix, right, cones, settings).solve()
        solved += 1
        status = str(answer.status)
        if status not in ("Solved", "AlmostSolved"):
            trouble = f"The cone programme has no solution ({status}): the thrust or the constraints do not allow it."
            reach *= 2.0
            if reach > 4.0:
                break
            continue
        trial = _moved(plan, np.asarray(answer.x), layout, craft, phases, start)
        new = _fly_all(field, craft, phases, trial)
        reached = math.inf if new is None else -float(trial.log_mass[-1]) + _PRICE * new.total
        hoped = -float(plan.log_mass[-1]) + float(answer.obj_val)
        promised, kept = value - hoped, value - reached
        if new is None or kept < 1e-3 * promised - 1e-9:
            reach *= 0.35
            if reach < 1e-6:
                trouble = "The search came to rest before the flight closed."
                break
            continue
        drop = float(plan.log_mass[-1] - trial.log_mass[-1])
        plan, flown, value = trial, new, reached
        if abs(drop) < _SETTLED:  # the optimum is flat: go no farther, close the flight
            reach *= 0.3
        elif kept > 0.7 * promised:
            reach = min(1.0, 2.0 * reach)
        elif kept < 0.25 * promised:
            reach *= 0.5
        worst = np.abs(flown.defects * _SCALE)
        closed = float(worst[:, :3].max()) < _CLOSED_M and float(worst[:, 3:].max()) < _CLOSED_M_S
        closed = closed and flown.excess < _TURNED
        calm = calm + 1 if closed and abs(drop) < _SETTLED else 0
        if calm >= 2:
            trouble = ""
            break
    worst = np.abs(flown.defects * _SCALE)
    miss, miss_speed = float(worst[:, :3].max()), float(worst[:, 3:].max())
    if miss < 10.0 * _CLOSED_M and miss_speed < 10.0 * _CLOSED_M_S and flown.excess < 3.0 * _TURNED and value < 1e2:
        trouble = ""
    return Solution(plan, trouble == "", miss, miss_speed, before + solved, calm >= 2, trouble)
