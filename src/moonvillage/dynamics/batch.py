"""Many flights at once: the lanes of the processor's vector unit, each with its own epoch, granule and target.

One Taylor integrator advances 8 (or 4, or 2) flights together: every operation is one vector instruction. Each lane
keeps its own time, step size and ephemeris granule (Biscani & Izzo 2021, MNRAS 504, 2614, section 4). A flight costs
an order of magnitude less than one by one, mostly because the batch is compiled without compact mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import heyoka as hy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.dynamics import cache, models
from moonvillage.dynamics.propagate import TOLERANCE
from moonvillage.ephemeris import de440

Floats = NDArray[np.float64]

#: Tolerance for the iterations of a search: about 1 m over five days between Earth and Moon.
SEARCH_TOLERANCE: Final = 1e-10
#: Tolerance for the first iterations, which end before the full model is met: about 10 m over the same flight.
COARSE_TOLERANCE: Final = 1e-8
_MAX_STEPS: Final = 5_000
_REACHED: Final = hy.taylor_outcome.time_limit
_LOST: Final = (hy.taylor_outcome.err_nf_state, hy.taylor_outcome.step_limit)
#: Unrolled code is twice as fast and compiles in 2 s, in 8 s with variations; about the Moon half a minute.
_UNROLLED: Final = (models.Model("earth"), models.Model("earth", True))


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The ends of many flights: ICRF axes about ``centre``, SI units, TDB seconds past J2000.

    ``r_m``, ``v_m_s`` are (n, 3) at ``epoch_tdb_s`` (n,); ``stm`` is ∂(end)/∂(start), (n, 6, 6), or None. Where
    ``ok`` (n,) is False the path ran into the centre of a body, and its row is not a number.
    """

    centre: str
    epoch_tdb_s: Floats
    r_m: Floats
    v_m_s: Floats
    stm: Floats | None
    ok: NDArray[np.bool_]

    @property
    def state(self) -> Floats:
        """End states (n, 6)."""
        return np.hstack([self.r_m, self.v_m_s])


def lanes() -> int:
    """How many flights one instruction serves on this processor."""
    return max(2, int(hy.recommended_simd_size()))


def _build(model: models.Model, tolerance: float, width: int) -> Any:
    system, count = models.equations(model)
    start = np.zeros((len(system), width))
    start[0], start[4] = 1e8, 1e3
    return hy.taylor_adaptive_batch(
        system,
        start,
        tol=tolerance,
        compact_mode=not _unrolled(model),
        fast_math=_unrolled(model),
        pars=np.zeros((count, width)),
    )


def _unrolled(model: models.Model) -> bool:
    return model.only_points or model in _UNROLLED


def _integrator(model: models.Model, tolerance: float) -> Any:
    width = lanes()
    mode = "unrolled" if _unrolled(model) else "compact"
    name = f"{model.name}-{mode}-x{width}-{tolerance:g}"
    return cache.integrator(name, lambda: _build(model, tolerance, width))


def warm_up() -> None:
    """Compile (or load) the integrators of transfers to the Moon now: some 20 s, once for a machine."""
    for centre in ("earth", "moon"):
        for stm in (False, True):
            _integrator(models.Model(centre, stm), TOLERANCE)
    for tolerance in (SEARCH_TOLERANCE, COARSE_TOLERANCE):
        _integrator(models.Model("earth", True), tolerance)


def propagate_batch(
    epochs_tdb_s: ArrayLike,
    r_m: ArrayLike,
    v_m_s: ArrayLike,
    to_tdb_s: ArrayLike,
    *,
    centre: str,
    stm: bool = False,
    tolerance: float = TOLERANCE,
    only_points: bool = False,
) -> Batch:
    """Fly many states, each from its own epoch to its own epoch, in the n-body model.

    The results are those of :func:`~moonvillage.dynamics.propagate`, up to rounding. Flights of similar dates and
    lengths share a group of lanes, for a group takes as long as its longest flight; forward and backward mix freely.

    Parameters
    ----------
    epochs_tdb_s, to_tdb_s
        Start and end, TDB seconds past J2000; (n,) or one for all.
    r_m, v_m_s
        Start states (n, 3), (n, 3), ICRF axes about ``centre``.
    centre
        ``"earth"``, ``"moon"`` or ``"sun"``: the formulation (:mod:`moonvillage.dynamics.models`).
    stm
        Also return the state transition matrices.
    tolerance
        Relative tolerance of the Taylor integrator; 1e-12 is about 1 cm over five days between Earth and Moon,
        :data:`SEARCH_TOLERANCE` about 1 m. Every tolerance is compiled once.
    only_points
        Centre, Earth, Moon and Sun as points, and nothing else.

    Raises
    ------
    EphemerisRangeError
        If a span leaves the ephemeris.
    ValueError
        If the shapes do not fit together.
    """
    r = np.atleast_2d(np.asarray(r_m, dtype=np.float64))
    v = np.atleast_2d(np.asarray(v_m_s, dtype=np.float64))
    count = r.shape[0]
    if r.shape != (count, 3) or v.shape != (count, 3):
        raise ValueError(f"states must be (n, 3) and (n, 3); they are {r.shape} and {v.shape}")
    begin = np.broadcast_to(np.asarray(epochs_tdb_s, dtype=np.float64), (count,))
    end = np.broadcast_to(np.asarray(to_tdb_s, dtype=np.float64), (count,))
    states = np.full((count, 6), np.nan)
    matrices = np.full((count, 6, 6), np.nan) if stm else None
    sound = np.isfinite(r).all(axis=1) & np.isfinite(v).all(axis=1) & np.isfinite(begin) & np.isfinite(end)
    if not sound.any():
        return Batch(centre, end.copy(), states[:, :3], states[:, 3:], matrices, sound)
    ephemeris = de440.load()
    ephemeris.check_covers(np.concatenate([begin[sound], end[sound]]))
    origin, length = ephemeris.granule_origin_tdb_s, ephemeris.granule_length_s
    forward = end >= begin
    place = (begin - origin) / length
    granule = np.where(sound, np.where(forward, np.floor(place), np.ceil(place) - 1.0), 0.0).astype(np.int64)
    model = models.Model(centre, stm, only_points=only_points)
    integrator = _integrator(model, tolerance)
    width = lanes()
    # flights alike side by side: the direction, how many granules, and how long
    crossings = np.abs(np.floor((end - origin) / length) - granule)
    order = np.lexsort((end, begin, np.round(np.abs(end - begin) / 7200.0), crossings, forward))
    order = order[sound[order]]
    good = np.zeros(count, dtype=bool)
    for first in range(0, order.size, width):
        mine = order[first : first + width]
        padded = np.concatenate([mine, np.full(width - mine.size, mine[-1])])
        final, reached = _group(integrator, model, begin[padded], r[padded], v[padded], end[padded], granule[padded])
        kept = slice(0, mine.size)
        good[mine] = reached[kept]
        states[mine] = final[:6].T[kept]
        if matrices is not None:
            matrices[mine] = final[6:].T[kept].reshape(-1, 6, 6)
    states[~good] = np.nan
    if matrices is not None:
        matrices[~good] = np.nan
    return Batch(centre, end.copy(), states[:, :3].copy(), states[:, 3:].copy(), matrices, good)


def _group(
    integrator: Any,
    model: models.Model,
    begin: Floats,
    r: Floats,
    v: Floats,
    end: Floats,
    granule: NDArray[np.int64],
) -> tuple[Floats, NDArray[np.bool_]]:
    """Fly one full group of lanes: end states (6 or 42, width), and which lanes got there."""
    ephemeris = de440.load()
    origin, length = ephemeris.granule_origin_tdb_s, ephemeris.granule_length_s
    state = integrator.state
    state[:3], state[3:6] = r.T, v.T
    if model.stm:
        state[6:] = np.eye(6).reshape(36, 1)
    width = begin.size
    forward = end >= begin
    now, index = begin.copy(), granule.copy()
    final = state.copy()
    done = np.zeros(width, dtype=bool)
    pars = integrator.pars
    while True:
        mid = origin + (index + 0.5) * length
        edge = np.where(forward, mid + 0.5 * length, mid - 0.5 * length)
        target = np.where(forward, np.minimum(end, edge), np.maximum(end, edge))
        target = np.where(done, now, target)
        first = int(index[0])
        if (index == first).all():
            pars[:] = models.parameters(model.centre, first, only_points=model.only_points)[:, np.newaxis]
        else:
            for lane in np.flatnonzero(~done):
                pars[:, lane] = models.parameters(model.centre, int(index[lane]), only_points=model.only_points)
        integrator.set_time(now - mid)
        integrator.propagate_until(target - mid, max_steps=_MAX_STEPS)
        outcomes = [row[0] for row in integrator.propagate_res]
        if outcomes != [_REACHED] * width or not np.isfinite(state).all():
            lost = ~np.isfinite(state).all(axis=0) | np.array([outcome in _LOST for outcome in outcomes])
            if (lost & ~done).any():
                return _without(integrator, model, begin, r, v, end, granule, lost & ~done)
        now = np.where(done, now, target)
        ended = ~done & (now == end)
        if ended.any():
            final[:, ended] = state[:, ended]
            done |= ended
            if done.all():
                return final, np.ones(width, dtype=bool)
        index = np.where(done, index, index + np.where(forward, 1, -1))


def _without(
    integrator: Any,
    model: models.Model,
    begin: Floats,
    r: Floats,
    v: Floats,
    end: Floats,
    granule: NDArray[np.int64],
    lost: NDArray[np.bool_],
) -> tuple[Floats, NDArray[np.bool_]]:
    """One lane that breaks down stops all: the group is flown again with copies of a sound flight in its place."""
    width = begin.size
    final = np.full((integrator.state.shape[0], width), np.nan)
    reached = np.zeros(width, dtype=bool)
    if lost.all():
        return final, reached
    source = np.arange(width)
    source[lost] = source[~lost][0]
    found, good = _group(integrator, model, begin[source], r[source], v[source], end[source], granule[source])
    final[:, ~lost], reached[~lost] = found[:, ~lost], good[~lost]
    return final, reached
