"""A sparse mixed-integer program, built by rows and given straight to HiGHS.

Rows and columns carry groups and names, so that an elastic relaxation and a warm start can speak about them.
Inside the model masses are in tonnes, money in MEUR, time in days.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

INF = float("inf")
Floats = NDArray[np.float64]


@dataclass(slots=True)
class Program:
    """Rows ``low ≤ A x ≤ high`` and columns ``lower ≤ x ≤ upper``; ``cost`` is minimised.

    ``names`` are hashable and unique per column. ``groups`` name the family and subject of each row; the rows of
    a group listed in ``soft`` may be relaxed when the program is explained.
    """

    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)
    integer: list[bool] = field(default_factory=list)
    names: list[Hashable] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])
    indices: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    groups: list[tuple[str, ...]] = field(default_factory=list)
    offset: float = 0.0

    def variable(
        self,
        name: Hashable,
        lower: float = 0.0,
        upper: float = INF,
        *,
        cost: float = 0.0,
        integer: bool = False,
    ) -> int:
        """Add a column and return its index."""
        self.names.append(name)
        self.lower.append(lower)
        self.upper.append(upper)
        self.cost.append(cost)
        self.integer.append(integer)
        return len(self.names) - 1

    def row(
        self,
        group: tuple[str, ...],
        terms: Iterable[tuple[int, float]],
        low: float = -INF,
        high: float = INF,
    ) -> int:
        """Add a row; repeated columns are summed. Returns its index."""
        summed: dict[int, float] = {}
        for index, value in terms:
            summed[index] = summed.get(index, 0.0) + value
        for index, value in summed.items():
            if value != 0.0:
                self.indices.append(index)
                self.values.append(value)
        self.starts.append(len(self.indices))
        self.low.append(low)
        self.high.append(high)
        self.groups.append(group)
        return len(self.low) - 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """Rows, columns, nonzeros."""
        return len(self.low), len(self.names), len(self.indices)

    def copy(self) -> Program:
        """An independent copy, for changed programs."""
        return Program(
            list(self.lower),
            list(self.upper),
            list(self.cost),
            list(self.integer),
            list(self.names),
            list(self.starts),
            list(self.indices),
            list(self.values),
            list(self.low),
            list(self.high),
            list(self.groups),
            self.offset,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """What the solver answered. ``status`` is "optimal", "feasible", "infeasible", "unbounded", "interrupted" or
    "unsolved"; ``values`` is empty where no plan was found."""

    status: str
    values: Floats
    objective: float
    bound: float
    seconds: float
    nodes: int

    @property
    def found(self) -> bool:
        """Whether there is a plan."""
        return self.values.size > 0

    @property
    def gap(self) -> float:
        """Relative distance of the bound, |objective − bound| / |objective|."""
        if not self.found:
            return INF
        distance = abs(self.objective - self.bound)
        return 0.0 if distance <= 1e-9 * max(1.0, abs(self.objective)) else distance / abs(self.objective)


def _pass(highs: highspy.Highs, program: Program, relax: Callable[[int], bool] | None) -> bool:
    """Give a program to HiGHS; whether it has whole numbers left."""
    rows, columns, _ = program.shape
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = columns, rows
    lp.col_cost_ = np.array(program.cost, dtype=float)
    lp.col_lower_ = np.array(program.lower, dtype=float)
    lp.col_upper_ = np.array(program.upper, dtype=float)
    lp.row_lower_ = np.array(program.low, dtype=float)
    lp.row_upper_ = np.array(program.high, dtype=float)
    lp.offset_ = program.offset
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.num_col_, lp.a_matrix_.num_row_ = columns, rows
    lp.a_matrix_.start_ = np.array(program.starts, dtype=np.int32)
    lp.a_matrix_.index_ = np.array(program.indices, dtype=np.int32)
    lp.a_matrix_.value_ = np.array(program.values, dtype=float)
    whole = [flag and not (relax is not None and relax(i)) for i, flag in enumerate(program.integer)]
    mixed = any(whole)
    if mixed:
        lp.integrality_ = [
            highspy.HighsVarType.kInteger if flag else highspy.HighsVarType.kContinuous for flag in whole
        ]
    highs.passModel(lp)
    return mixed


def load(program: Program, *, relaxed: bool) -> highspy.Highs:
    """A solver that holds a program (its relaxation), for solving again and again with changed bounds."""
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    _pass(highs, program, (lambda _: True) if relaxed else None)
    return highs


def solve(
    program: Program,
    *,
    gap: float = 0.0,
    time_limit_s: float = INF,
    seed: int = 1,
    relax: Callable[[int], bool] | None = None,
    start: Mapping[Hashable, float] | Floats | None = None,
    progress: Callable[[float, float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    options: Mapping[str, bool | int | float | str] | None = None,
) -> Solution:
    """Solve with HiGHS on one thread, so that the same program gives the same answer.

    Parameters
    ----------
    program
        What to solve.
    gap
        Relative gap at which to stop.
    time_limit_s
        Wall time.
    relax
        Which integer columns to treat as continuous (by index).
    start
        Values to begin with, by column name or for every column.
    progress
        Called with (objective, bound) whenever the solver reports.
    cancelled
        Asked often; true stops the solver, and the best plan so far is returned.
    """
    began = time.perf_counter()
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("random_seed", seed)
    highs.setOptionValue("mip_rel_gap", gap)
    highs.setOptionValue("mip_abs_gap", 1e-7)
    highs.setOptionValue("mip_feasibility_tolerance", 1e-7)
    highs.setOptionValue("primal_feasibility_tolerance", 1e-8)
    if time_limit_s < INF:
        highs.setOptionValue("time_limit", max(0.1, float(time_limit_s)))
    for key, value in (options or {}).items():
        highs.setOptionValue(key, value)
    mixed = _pass(highs, program, relax)
    if start is not None and mixed:
        _pass_start(highs, program, start)
    best: dict[str, Floats] = {}

    def interrupt(event: Any) -> None:
        out = event.data_out
        if progress is not None:
            progress(float(out.mip_primal_bound), float(out.mip_dual_bound))
        if cancelled is not None and cancelled():
            event.interrupt()

    def keep(event: Any) -> None:
        best["values"] = np.array(event.data_out.mip_solution, dtype=float)

    if mixed and (cancelled is not None or progress is not None):
        highs.cbMipInterrupt.subscribe(interrupt)
        highs.cbMipImprovingSolution.subscribe(keep)
    highs.run()
    status = highs.getModelStatus()
    info = highs.getInfo()
    values: Floats = np.zeros(0)
    if info.primal_solution_status == 2:  # feasible
        values = np.array(highs.getSolution().col_value, dtype=float)
    elif "values" in best:
        values = best["values"]
    kinds = highspy.HighsModelStatus
    if status == kinds.kModelEmpty:  # without columns the solver does not look at the rows
        empty = all(low <= 1e-9 for low in program.low) and all(high >= -1e-9 for high in program.high)
        word = "optimal" if empty else "infeasible"
    elif status == kinds.kOptimal:
        word = "optimal"
    elif status == kinds.kInfeasible:
        word = "infeasible"
    elif status in (kinds.kUnbounded, kinds.kUnboundedOrInfeasible):
        word = "unbounded" if status == kinds.kUnbounded else "infeasible"
    elif status in (
        kinds.kInterrupt,
        kinds.kHighsInterrupt if hasattr(kinds, "kHighsInterrupt") else kinds.kInterrupt,
    ):
        word = "interrupted"
    else:
        word = "feasible" if values.size else "unsolved"
    if word in ("infeasible", "unbounded", "unsolved"):
        values = np.zeros(0)
    objective = float(np.dot(program.cost, values)) + program.offset if values.size else INF
    bound = float(info.mip_dual_bound) if mixed else objective
    if not np.isfinite(bound):
        bound = -INF if word != "optimal" else objective
    seconds = time.perf_counter() - began
    return Solution(word, values, objective, bound, seconds, max(0, int(info.mip_node_count)))


def _pass_start(highs: highspy.Highs, program: Program, start: Mapping[Hashable, float] | Floats) -> None:
    """Give HiGHS a first guess: the integer columns suffice, it completes the rest."""
    if isinstance(start, Mapping):
        pairs = [
            (i, float(round(start.get(name, 0.0))))
            for i, (name, whole) in enumerate(zip(program.names, program.integer, strict=True))
            if whole
        ]
        index = np.array([i for i, _ in pairs], dtype=np.int32)
        value = np.array([min(max(v, program.lower[i]), program.upper[i]) for i, v in pairs], dtype=float)
        highs.setSolution(len(index), index, value)
        return
    solution = highspy.HighsSolution()
    solution.col_value = list(np.asarray(start, dtype=float))
    highs.setSolution(solution)


def round_integers(program: Program, values: Floats, tolerance: float = 1e-5) -> Floats:
    """The values with the integer columns made exactly whole.

    Raises
    ------
    ArithmeticError
        If one is further than ``tolerance`` from a whole number (a defect of the solve).
    """
    result = values.copy()
    for i, whole in enumerate(program.integer):
        if whole:
            result[i] = round(values[i])
            if abs(result[i] - values[i]) > tolerance:
                raise ArithmeticError(f"{program.names[i]!r} is {values[i]!r}, not a whole number")
    return result


def residual(program: Program, values: Floats) -> float:
    """The largest violation of any row, relative to one plus the size of its bound."""
    worst = 0.0
    starts: Sequence[int] = program.starts
    data = np.array(program.values)
    index = np.array(program.indices, dtype=int)
    for r in range(len(program.low)):
        part = slice(starts[r], starts[r + 1])
        amount = float(data[part] @ values[index[part]])
        for limit, sign in ((program.low[r], 1.0), (program.high[r], -1.0)):
            if np.isfinite(limit):
                worst = max(worst, sign * (limit - amount) / (1.0 + abs(limit)))
    return worst
