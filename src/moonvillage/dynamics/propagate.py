"""Propagation: one call from an epoch to another, granule by granule, with dense output and variations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import heyoka as hy
import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.dynamics import cache, gravity, models, shadow
from moonvillage.dynamics.dense import Recorder, Steps
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_J2
from moonvillage.ephemeris.orientation import PrincipalAxes

Floats = NDArray[np.float64]

#: Relative tolerance of the Taylor integrators: about 1 cm over five days between Earth and Moon.
TOLERANCE: Final = 1e-12
_MAX_STEPS: Final = 50_000
#: heyoka's compact mode compiles in a third of the time and runs slower: for the models that are large.
_COMPACT: Final = {
    models.Model("earth"): False,
    models.Model("earth", True): True,
    models.Model("moon"): True,
    models.Model("moon", True): True,
    models.Model("sun"): True,
    models.Model("sun", True): True,
    models.Model("moon", False, "icrf"): True,
}


def _build(model: models.Model, tolerance: float) -> Any:
    system = models.build(model)
    start = [1e8, 0.0, 0.0, 0.0, 1e3, 0.0]
    pairs: Any = system.pairs
    if model.stm and model.by_hand:
        start += list(np.eye(6).ravel())
    elif model.stm:
        wanted = [variable for variable, _ in system.pairs] + [hy.par[system.slots[name]] for name in model.wrt]
        pairs = hy.var_ode_sys(system.pairs, wanted, order=1)
    events = {"t_events": [hy.t_event(edge) for edge in system.edges]} if system.edges else {}
    return hy.taylor_adaptive(
        pairs,
        start,
        time=0.0,
        tol=tolerance,
        compact_mode=_compact(model),
        fast_math=not _compact(model),  # folds the zeros of what is linear in time; no digit is lost by it
        pars=[0.0] * system.parameters,
        **events,
    )


@lru_cache(maxsize=256)
def _model(*given: Any) -> models.Model:
    """The model of these options; to check them anew at each call would cost a tenth of it."""
    return models.Model(*given)


def _compact(model: models.Model) -> bool:
    return not model.only_points and _COMPACT.get(model, True)


@lru_cache(maxsize=256)
def _name(model: models.Model, tolerance: float) -> str:
    """Of the cache file: all that is settled when it is compiled."""
    return f"{model.name}-{'compact' if _compact(model) else 'unrolled'}-{tolerance:g}"


def _integrator(model: models.Model, tolerance: float = TOLERANCE) -> Any:
    return cache.integrator(_name(model, tolerance), lambda: _build(model, tolerance))


def warm_up() -> None:
    """Compile (or load) every integrator now, so that no later call waits for it."""
    for model in _COMPACT:
        _integrator(model)


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The result of one propagation: ICRF axes about ``centre``, SI units, TDB seconds past J2000.

    ``r_m``, ``v_m_s`` are the end state at ``epoch_tdb_s``; ``stm`` is ∂(end)/∂(start) (6, 6) or None;
    ``sensitivity`` holds ∂(end)/∂(parameter) (6,) by the parameter's name, in SI units. ``reason`` is empty where the
    end was reached; otherwise it says what went wrong, and the end state is not a number. ``pieces`` holds the dense
    output, and is empty without.
    """

    centre: str
    start_tdb_s: float
    epoch_tdb_s: float
    r_m: Floats
    v_m_s: Floats
    stm: Floats | None = None
    reason: str = ""
    sensitivity: Mapping[str, Floats] = field(default_factory=dict)
    pieces: tuple[Steps, ...] = field(default=(), repr=False)

    @property
    def state(self) -> Floats:
        """End state (6,)."""
        return np.concatenate([self.r_m, self.v_m_s])

    def at(self, epoch_tdb_s: ArrayLike) -> Floats:
        """States ``(..., 6)`` at epochs within the span; ValueError outside it, or where the path is not dense."""
        given = np.asarray(epoch_tdb_s, dtype=np.float64)
        epochs = np.atleast_1d(given).ravel()
        if not self.pieces:
            raise ValueError("the path has no dense output; propagate with dense=True")
        low, high = sorted((self.start_tdb_s, self.epoch_tdb_s))
        if epochs.size and (epochs.min() < low - 1e-3 or epochs.max() > high + 1e-3):
            raise ValueError(f"epochs lie outside the path, which spans {low:.3f} s to {high:.3f} s TDB past J2000")
        return self.pieces[0].at(epochs).reshape((*given.shape, 6))

    def step_epochs(self, divide: int = 4) -> Floats:
        """Epochs (n,) of the integrator's own steps, each divided, increasing; ValueError if not dense."""
        if not self.pieces:
            raise ValueError("the path has no dense output; propagate with dense=True")
        low, high = sorted((self.start_tdb_s, self.epoch_tdb_s))
        return np.asarray(np.clip(self.pieces[0].epochs(divide), low, high), dtype=np.float64)

    def crossings(self, function: Callable[[Floats, Floats], Floats], direction: int = 0) -> Floats:
        """Epochs, increasing, at which ``function(epochs (n,), states (n, 6)) -> (n,)`` passes through zero.

        ``direction`` is +1 for rising, −1 for falling (in increasing time), 0 for both. The function is sampled four
        times per integration step: a pair of crossings within a quarter step is missed.
        """
        epochs = self.step_epochs()
        values = function(epochs, self.at(epochs))
        signs = np.sign(values)
        rising, falling = (signs[:-1] <= 0) & (signs[1:] > 0), (signs[:-1] >= 0) & (signs[1:] < 0)
        wanted = rising if direction > 0 else falling if direction < 0 else rising | falling
        index = np.flatnonzero(wanted)
        a, b, fa, fb = epochs[index], epochs[index + 1], values[index], values[index + 1]
        for turn in range(60):  # Illinois with a bisection every third turn, all brackets at once
            live = b - a > 1e-6  # what is found rests, so that no root depends on its company
            if not live.any():
                break
            c = 0.5 * (a + b) if turn % 3 == 2 else (a * fb - b * fa) / (fb - fa)
            fc = function(c, self.at(c))
            left, right = live & (np.sign(fc) == np.sign(fb)), live & (np.sign(fc) != np.sign(fb))
            fa, fb = (
                np.where(left, 0.5 * fa, np.where(right, fc, fa)),
                np.where(left, fc, np.where(right, 0.5 * fb, fb)),
            )
            a, b = np.where(right, c, a), np.where(left, c, b)
            exact = live & (fc == 0.0)
            a, b = np.where(exact, c, a), np.where(exact, c, b)
            fa, fb = np.where(exact, -1.0, fa), np.where(exact, 1.0, fb)
        return np.asarray(0.5 * (a + b))

    def periapses(self) -> Floats:
        """Epochs (n,) of closest approach to the centre."""
        return self.crossings(lambda _, s: np.einsum("ij,ij->i", s[:, :3], s[:, 3:]), +1)

    def apoapses(self) -> Floats:
        """Epochs (n,) of greatest distance from the centre."""
        return self.crossings(lambda _, s: np.einsum("ij,ij->i", s[:, :3], s[:, 3:]), -1)

    def radius_crossings(self, radius_m: float, direction: int = 0) -> Floats:
        """Epochs (n,) at which the distance from the centre passes ``radius_m`` (+1 going up, −1 going down)."""
        return self.crossings(lambda _, s: np.linalg.norm(s[:, :3], axis=1) - radius_m, direction)


def propagate(
    epoch_tdb_s: float,
    r_m: ArrayLike,
    v_m_s: ArrayLike,
    to_tdb_s: float,
    *,
    centre: str,
    stm: bool = False,
    dense: bool = False,
    thrust: models.Thrust | None = None,
    lunar_field: gravity.GravityField | None = None,
    gm_m3_s2: Mapping[str, float] | None = None,
    earth_j2: float = EARTH_J2,
    earth_zonals: int = 2,
    point_masses: tuple[str, ...] = (),
    srp_m2_kg: float = 0.0,
    lunar_axes: PrincipalAxes | None = None,
    wrt: tuple[str, ...] = (),
    full_stm: bool = False,
    only_points: bool = False,
    tolerance: float = TOLERANCE,
) -> Path:
    """Fly a state to another epoch (later or earlier) in the n-body model.

    Parameters
    ----------
    epoch_tdb_s, to_tdb_s
        Start and end, TDB seconds past J2000.
    r_m, v_m_s
        Start state (3,), (3,), ICRF axes about ``centre``.
    centre
        ``"earth"``, ``"moon"`` or ``"sun"``: the formulation (:mod:`moonvillage.dynamics.models`).
    stm
        Also return the state transition matrix.
    dense
        Keep dense output, for :meth:`Path.at`, :meth:`Path.crossings`, :meth:`Path.periapses` ...
    thrust
        Fly under power: a :class:`~moonvillage.dynamics.thrust.Thrust` that burns from start to end.
    lunar_field
        A field in place of the built-in one, about the Moon only (:func:`~moonvillage.dynamics.gravity.read_shadr`);
        it is compiled on first use, and its degree is best kept below some 30.
    gm_m3_s2, earth_j2
        Replace masses by body name (0 removes a body) or the Earth's J2, to compare with other tools.
    earth_zonals
        Highest zonal harmonic of the Earth, 2 to 6 (EGM2008), about the Earth only.
    point_masses
        Planets (``"venus"``, ``"jupiter"`` ...) in full instead of in the linear tide, about Earth or Moon.
    srp_m2_kg
        Reflectivity × area / mass of a sphere that sunlight pushes: 4.54e-6 N/m² at 1 au, inverse-square, dimmed by
        the conical shadows of Earth and Moon (none about the Sun). 0 switches the pressure off.
    lunar_axes
        The Moon's orientation from a kernel (:func:`~moonvillage.ephemeris.orientation.read_pck`), not the series.
    wrt
        Names of parameters by which the end state is differentiated too, with ``stm``: ``"gm_moon"`` (any body that
        acts as a point mass), ``"j2"`` ..., ``"srp_m2_kg"``, and of the thrust ``"acceleration_m_s2"``,
        ``"exhaust_m_s"``, ``"start_tdb_s"``, ``"direction_x"`` ..., ``"rate_x"`` ....
    full_stm
        Let the variations about the Moon carry the whole field instead of its degree 2.

    only_points
        Centre, Earth, Moon and Sun as points, and nothing else: to compare with other tools, and faster.
    tolerance
        Relative tolerance of a step: 1e-12 is 1 cm over five days between Earth and Moon, 3e-11 some decimetres.

    Every option beyond ``thrust`` about the Moon compiles an integrator of its own, once.

    Raises
    ------
    EphemerisRangeError
        If the span leaves the ephemeris, or the kernel of ``lunar_axes``.
    ValueError
        If options do not belong to the centre.
    """
    sunlight = srp_m2_kg != 0.0 or "srp_m2_kg" in wrt
    model = _model(
        centre,
        stm,
        thrust.steering if thrust else "",
        lunar_field,
        earth_zonals,
        point_masses,
        sunlight,
        lunar_axes.ephemeris if lunar_axes else "iau",
        wrt,
        full_stm and stm,
        only_points,
    )
    integrator = _integrator(model, tolerance)
    ephemeris = de440.load()
    first, last = min(epoch_tdb_s, to_tdb_s), max(epoch_tdb_s, to_tdb_s)
    if not (ephemeris.start_tdb_s <= first and last <= ephemeris.end_tdb_s):
        ephemeris.check_covers(np.array([epoch_tdb_s, to_tdb_s]))
    if thrust is not None and max(epoch_tdb_s, to_tdb_s) - thrust.start_tdb_s >= thrust.burnout_s:
        return _broken(centre, epoch_tdb_s, to_tdb_s, "the burn would use up more than the whole craft")
    origin, length = ephemeris.granule_origin_tdb_s, ephemeris.granule_length_s
    forward = to_tdb_s >= epoch_tdb_s
    width = 6 + len(wrt)
    state = integrator.state
    state[:3] = r_m
    state[3:6] = v_m_s
    if stm:
        state[6:] = np.eye(6, width).ravel()
    shadows = sunlight and centre != "sun"
    if shadows:
        integrator.reset_cooldowns()
    phases = models.layout(model)["srp_m2_kg"] + 1 if shadows else 0
    recorder = Recorder() if dense else None
    now = epoch_tdb_s
    # the granule is counted, not derived from the running time: rounding at an edge cannot repeat or skip one
    place = (epoch_tdb_s - origin) / length
    index = math.floor(place) if forward else math.ceil(place) - 1
    while True:
        mid = origin + (index + 0.5) * length
        edge = mid + 0.5 * length if forward else mid - 0.5 * length
        target = min(to_tdb_s, edge) if forward else max(to_tdb_s, edge)
        values = models.parameters(
            centre,
            index,
            gm_m3_s2,
            earth_j2,
            point_masses,
            lunar_axes,
            indirect=model.indirect,
            only_points=only_points,
        )
        count = values.size
        integrator.pars[:count] = values
        if not model.plain:
            more = models.extras(model, index, gm_m3_s2, srp_m2_kg)
            integrator.pars[count : count + more.size] = more
            count += more.size
        if thrust is not None:
            burn = thrust.parameters(mid)
            if wrt:
                burn[1:3] /= models.PUSH_UNIT
            integrator.pars[count:] = burn
        integrator.time = now - mid
        for _ in range(_MAX_STEPS):  # from one shadow's edge to the next
            if shadows:
                integrator.pars[phases : phases + 4 * len(models.SHADOWS)] = _phases(
                    centre, mid + integrator.time, state, forward
                )
            if recorder is None:
                outcome = integrator.propagate_until(target - mid, max_steps=_MAX_STEPS)
            else:
                outcome = integrator.propagate_until(
                    target - mid, max_steps=_MAX_STEPS, write_tc=True, callback=recorder.granule(mid)
                )
            if not shadows or not -len(model.edges) <= outcome[0].value < 0:
                break
        if outcome[0] != hy.taylor_outcome.time_limit or not math.isfinite(state.dot(state)):
            return _broken(
                centre, epoch_tdb_s, to_tdb_s, "the integration broke down: the path runs into the centre of a body"
            )
        now = target
        if now == to_tdb_s:
            break
        index += 1 if forward else -1
    matrix, by_name = None, {}
    if stm:
        derivatives = state[6:].reshape(6, width).copy()
        matrix = derivatives[:, :6]
        by_name = {name: derivatives[:, 6 + k] * models.scale(name, thrust) for k, name in enumerate(wrt)}
    end = state[:3].copy(), state[3:6].copy()
    return Path(centre, epoch_tdb_s, to_tdb_s, *end, matrix, "", by_name, recorder.pieces() if recorder else ())


def _broken(centre: str, start: float, end: float, reason: str) -> Path:
    nothing = np.full(3, np.nan)
    return Path(centre, start, end, nothing, nothing.copy(), None, reason)


def _phases(centre: str, epoch_tdb_s: float, state: Floats, forward: bool) -> Floats:
    """In which light the craft is about to fly: a millisecond ahead, beyond the edge on which it may stand."""
    ahead = 1e-3 if forward else -1e-3
    r = state[:3] + ahead * state[3:6]
    ephemeris = de440.load()
    epoch = min(max(epoch_tdb_s + ahead, ephemeris.start_tdb_s), ephemeris.end_tdb_s)
    sun = ephemeris.position("sun", epoch, centre)
    values: list[float] = []
    for body in models.SHADOWS:
        place = np.zeros(3) if body == centre else ephemeris.position(body, epoch, centre)
        values += shadow.weights(r - place, sun - place, shadow.RADIUS_M[body])
    return np.array(values)


def change_centre(
    epoch_tdb_s: ArrayLike, r_m: ArrayLike, v_m_s: ArrayLike, old: str, new: str
) -> tuple[Floats, Floats]:
    """The same motion about another body (any of :data:`moonvillage.ephemeris.BODIES`); axes stay ICRF.

    Vectorised: epochs ``(...)``, vectors ``(..., 3)``. The state transition matrix is unaffected.
    """
    r0, v0 = de440.load().state(old, epoch_tdb_s, new)
    return np.asarray(r_m, dtype=np.float64) + r0, np.asarray(v_m_s, dtype=np.float64) + v0
