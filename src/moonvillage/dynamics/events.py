"""What happens along a dense path: apsides, nodes, shadows, occultations, passes over sites, altitudes and radii.

Each function takes a :class:`~moonvillage.dynamics.propagate.Path` flown with ``dense=True`` and returns
:class:`Happening` records in order of time, each found to a microsecond of the path's own dense output (a millisecond
is promised). Times are TDB seconds past J2000.

A function of time is sampled at the integrator's own steps, each divided by four and finer where the path moves fast,
and closed in on wherever it changes sign. Between samples of one sign its extremes are looked for too, so that a
short eclipse or a grazing pass is not lost. What dips in and out within about a fiftieth of the local orbital time
|r|/|v|, twice, may be.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.dynamics import shadow
from moonvillage.dynamics.propagate import Path
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, MOON_RADIUS_M, SUN_RADIUS_M
from moonvillage.ephemeris.frames import earth_latitude_longitude, earth_pole, unit
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.ephemeris.sites import Site

Floats = NDArray[np.float64]
#: (epochs (n,), states (n, 6) about the path's centre) → values (n,)
Measure = Callable[[Floats, Floats], Floats]

RADIUS_M: Final = {"earth": EARTH_RADIUS_M, "moon": MOON_RADIUS_M, "sun": SUN_RADIUS_M}
_TOLERANCE_S: Final = 1e-6
#: Samples lie no further apart than this share of |r|/|v| about the centre, within limits.
_SHARE: Final = 0.05
_GAPS_S: Final = (10.0, 3600.0)


@dataclass(frozen=True, slots=True, eq=False)
class Happening:
    """Something that happened on a path.

    ``kind`` says what, ``body`` (or a site's name) where; ``r_m`` (3,) and ``v_m_s`` (3,) are the craft's ICRF state
    about that body (about the path's centre for a site or an occulted target); ``value`` is what the kind makes of
    it, SI: the distance at an apsis or radius crossing, the altitude, the elevation (rad) of a pass, else not a
    number.
    """

    kind: str
    body: str
    epoch_tdb_s: float
    r_m: Floats
    v_m_s: Floats
    value: float = float("nan")


def _grid(path: Path) -> Floats:
    epochs = path.step_epochs()
    states = path.at(epochs)
    pace = _SHARE * np.linalg.norm(states[:, :3], axis=1) / np.linalg.norm(states[:, 3:], axis=1)
    pace = np.clip(pace, *_GAPS_S)
    limit = np.minimum(pace[:-1], pace[1:])
    counts = np.maximum(np.ceil(np.diff(epochs) / limit).astype(np.int64), 1)
    parts = [np.linspace(a, b, n, endpoint=False) for a, b, n in zip(epochs[:-1], epochs[1:], counts, strict=True)]
    return np.concatenate([*parts, epochs[-1:]])


def roots(path: Path, measure: Measure) -> tuple[Floats, NDArray[np.bool_]]:
    """Epochs (n,), increasing, at which a measure passes zero, and whether it rises there (n,).

    ``measure(epochs (m,), states (m, 6))`` is continuous; states are ICRF about the path's centre. A zero at the very
    start of the path counts as already passed. ValueError if the path has no dense output.
    """
    epochs = _grid(path)

    def at(times: Floats) -> Floats:
        return np.asarray(measure(times, path.at(times)), dtype=np.float64)

    values = at(epochs)
    dips = _dips(at, epochs, values)
    if dips.size:
        epochs = np.concatenate([epochs, dips])
        order = np.argsort(epochs, kind="stable")
        epochs, values = epochs[order], np.concatenate([values, at(dips)])[order]
    above = values >= 0.0
    index = np.flatnonzero(above[:-1] != above[1:])
    a, b, fa, fb = epochs[index], epochs[index + 1], values[index], values[index + 1]
    rising = fb > fa
    for turn in range(80):  # Illinois with a bisection every third turn, all brackets at once
        live = b - a > _TOLERANCE_S  # what is found rests, so that no root depends on its company
        if not live.any():
            break
        with np.errstate(invalid="ignore", divide="ignore"):
            c = 0.5 * (a + b) if turn % 3 == 2 else (a * fb - b * fa) / (fb - fa)
        c = np.where(np.isfinite(c) & (c >= a) & (c <= b), c, 0.5 * (a + b))
        fc = at(c)
        left, right = live & ((fc >= 0.0) == (fb >= 0.0)), live & ((fc >= 0.0) != (fb >= 0.0))
        fa, fb = np.where(left, 0.5 * fa, np.where(right, fc, fa)), np.where(left, fc, np.where(right, 0.5 * fb, fb))
        a, b = np.where(right, c, a), np.where(left, c, b)
    return np.asarray(0.5 * (a + b)), rising


def _dips(at: Callable[[Floats], Floats], epochs: Floats, values: Floats) -> Floats:
    """Extremes between samples of one sign that reach beyond zero: epochs to add to the samples."""
    size, sign = np.abs(values), np.where(values >= 0.0, 1.0, -1.0)
    same = (sign[:-2] == sign[1:-1]) & (sign[1:-1] == sign[2:])
    middle = 1 + np.flatnonzero(same & (size[1:-1] <= size[:-2]) & (size[1:-1] <= size[2:]))
    if not middle.size:
        return np.empty(0)
    a, b, side = epochs[middle - 1].copy(), epochs[middle + 1].copy(), sign[middle]
    golden = 0.5 * (np.sqrt(5.0) - 1.0)
    c, d = b - golden * (b - a), a + golden * (b - a)
    fc, fd = side * at(c), side * at(d)
    for _ in range(45):
        if np.all(b - a < 1e-4):
            break
        lower = fc < fd
        a, b = np.where(lower, a, c), np.where(lower, d, b)
        new = np.where(lower, b - golden * (b - a), a + golden * (b - a))
        fnew = side * at(new)
        c, d = np.where(lower, new, d), np.where(lower, c, new)
        fc, fd = np.where(lower, fnew, fd), np.where(lower, fc, fnew)
    best = np.where(fc < fd, c, d)
    return np.asarray(best[np.minimum(fc, fd) < 0.0])


def _about(path: Path, body: str, epochs: Floats, states: Floats) -> tuple[Floats, Floats]:
    if body == path.centre:
        return states[:, :3], states[:, 3:]
    r, v = de440.load().state(body, epochs, path.centre)
    return states[:, :3] - r, states[:, 3:] - v


def _happenings(
    path: Path,
    body: str,
    found: tuple[Floats, NDArray[np.bool_]],
    kinds: tuple[str, str],
    value: Callable[[Floats, Floats, Floats], Floats] | None = None,
    label: str = "",
) -> tuple[Happening, ...]:
    """Records of falling and rising passages; ``value(epochs, r, v)``."""
    epochs, rising = found
    if not epochs.size:
        return ()
    r, v = _about(path, body, epochs, path.at(epochs))
    values = np.full(epochs.size, np.nan) if value is None else value(epochs, r, v)
    return tuple(
        Happening(kinds[int(up)], label or body, float(t), r[k].copy(), v[k].copy(), float(values[k]))
        for k, (t, up) in enumerate(zip(epochs, rising, strict=True))
        if kinds[int(up)]
    )


def _distance(_: Floats, r: Floats, v: Floats) -> Floats:
    return np.asarray(np.linalg.norm(r, axis=1))


def apsides(path: Path, body: str = "") -> tuple[Happening, ...]:
    """``"periapsis"`` and ``"apoapsis"`` about a body (default: the path's centre); ``value`` is the distance, m."""
    body = body or path.centre

    def radial(epochs: Floats, states: Floats) -> Floats:
        r, v = _about(path, body, epochs, states)
        return np.asarray(np.einsum("ij,ij->i", r, v) / np.linalg.norm(r, axis=1))

    return _happenings(path, body, roots(path, radial), ("apoapsis", "periapsis"), _distance)


def radius_crossings(path: Path, radius_m: float, body: str = "") -> tuple[Happening, ...]:
    """``"entry"`` into and ``"exit"`` from a sphere of ``radius_m`` about a body: a sphere of influence, say."""
    body = body or path.centre

    def gap(epochs: Floats, states: Floats) -> Floats:
        return np.asarray(np.linalg.norm(_about(path, body, epochs, states)[0], axis=1) - radius_m)

    return _happenings(path, body, roots(path, gap), ("entry", "exit"), _distance)


def altitude_crossings(path: Path, altitude_m: float, body: str = "") -> tuple[Happening, ...]:
    """``"descending"`` and ``"ascending"`` through an altitude over WGS 84 or the Moon's sphere.

    ``value`` is the altitude, m. ValueError for another body.
    """
    body = body or path.centre
    if body not in ("earth", "moon"):
        raise ValueError(f"altitudes are held for 'earth' and 'moon', not for {body!r}")

    def height(epochs: Floats, r: Floats, _: Floats) -> Floats:
        if body == "earth":
            return earth_latitude_longitude(epochs, r)[2]
        return np.asarray(np.linalg.norm(r, axis=1) - MOON_RADIUS_M)

    def gap(epochs: Floats, states: Floats) -> Floats:
        r, v = _about(path, body, epochs, states)
        return np.asarray(height(epochs, r, v) - altitude_m)

    return _happenings(path, body, roots(path, gap), ("descending", "ascending"), height)


def nodes(path: Path, body: str = "") -> tuple[Happening, ...]:
    """``"ascending_node"`` and ``"descending_node"`` on the equator of date of Earth or Moon; ValueError else."""
    body = body or path.centre
    if body not in ("earth", "moon"):
        raise ValueError(f"equators are held for 'earth' and 'moon', not for {body!r}")

    def above(epochs: Floats, states: Floats) -> Floats:
        pole = earth_pole(epochs) if body == "earth" else moon_me_matrix(epochs)[:, 2, :]
        return np.asarray(np.einsum("ij,ij->i", unit(_about(path, body, epochs, states)[0]), pole))

    return _happenings(path, body, roots(path, above), ("descending_node", "ascending_node"))


def eclipses(path: Path, body: str) -> tuple[Happening, ...]:
    """Passages through the shadow cones of ``"earth"`` or ``"moon"``.

    Kinds: ``"penumbra_entry"``, ``"penumbra_exit"``, ``"umbra_entry"``, ``"umbra_exit"``, and beyond the umbra's tip
    ``"antumbra_entry"``, ``"antumbra_exit"``. Cones as in :mod:`moonvillage.dynamics.shadow`: spherical bodies, no
    air. ``value`` is the fraction of the Sun's disc in sight.
    """
    radius = shadow.RADIUS_M[body]

    def sun(epochs: Floats) -> Floats:
        return de440.load().position("sun", epochs, body)

    def margin(edge: str) -> Measure:
        def outside(epochs: Floats, states: Floats) -> Floats:
            place = shadow.cones(_about(path, body, epochs, states)[0], sun(epochs), radius)
            gap = place.off_m - place.penumbra_m if edge == "penumbra" else place.off_m - np.abs(place.umbra_m)
            # on the Sun's side the cones are not shadow; there the plane through the body takes over, continuously
            return np.where(place.behind_m > 0.0, gap, np.maximum(gap, -place.behind_m))

        return outside

    def fraction(epochs: Floats, r: Floats, _: Floats) -> Floats:
        return shadow.sunlit_fraction(r, sun(epochs), radius)

    found = list(
        _happenings(path, body, roots(path, margin("penumbra")), ("penumbra_entry", "penumbra_exit"), fraction)
    )
    for inner in _happenings(path, body, roots(path, margin("umbra")), ("umbra_entry", "umbra_exit"), fraction):
        place = shadow.cones(inner.r_m, sun(np.array([inner.epoch_tdb_s]))[0], radius)
        kind = inner.kind if place.umbra_m >= 0.0 else inner.kind.replace("umbra", "antumbra")
        found.append(Happening(kind, body, inner.epoch_tdb_s, inner.r_m, inner.v_m_s, inner.value))
    return tuple(sorted(found, key=lambda one: one.epoch_tdb_s))


def occultations(path: Path, target: str | Site, by: str) -> tuple[Happening, ...]:
    """``"occultation_start"`` and ``"occultation_end"``: the line from craft to target is cut by a body's sphere.

    ``target`` is a body (its centre) or a site; ``by`` is ``"earth"``, ``"moon"`` or ``"sun"``. Geometric: no light
    time, no air. The record's ``body`` names the target, its state is about ``by``. ValueError for another
    ``by``.
    """
    if isinstance(target, Site) and target.body == by:
        raise ValueError("a site is hidden by its own body when it is below the horizon: use passes")
    radius = RADIUS_M[by]

    def clearance(epochs: Floats, states: Floats) -> Floats:
        craft = _about(path, by, epochs, states)[0]
        if isinstance(target, Site):
            aim = target.state(epochs)[0] + de440.load().position(target.body, epochs, by)
        else:
            aim = de440.load().position(target, epochs, by)
        line = aim - craft
        share = -np.einsum("ij,ij->i", craft, line) / np.einsum("ij,ij->i", line, line)
        nearest = craft + np.clip(share, 0.0, 1.0)[:, None] * line
        return np.asarray(np.linalg.norm(nearest, axis=1) - radius)

    name = target if isinstance(target, str) else target.name or target.body
    return _happenings(path, by, roots(path, clearance), ("occultation_start", "occultation_end"), label=name)


def passes(path: Path, site: Site, mask_rad: float = 0.0) -> tuple[Happening, ...]:
    """``"rise"`` and ``"set"`` over an elevation mask at a site on the Earth or the Moon, and each ``"culmination"``.

    ``value`` is the elevation, rad: the mask's, or the greatest between rise and set. A path that starts or ends
    within a pass has no rise or no set there. Geometric: no refraction, no light time. A culmination is the greatest
    local maximum of its pass. States are about the site's body.
    """
    body = site.body

    def elevation(epochs: Floats, r: Floats, _: Floats) -> Floats:
        return site.look(epochs, r)[1]

    def above(epochs: Floats, states: Floats) -> Floats:
        r, v = _about(path, body, epochs, states)
        return np.asarray(elevation(epochs, r, v) - mask_rad)

    def climb(epochs: Floats, states: Floats) -> Floats:
        """Rise of the elevation in a second, the path being as good as straight for so long."""
        r, v = _about(path, body, epochs, states)
        ahead, behind = (site.look(epochs + step, r + step * v)[1] for step in (0.5, -0.5))
        return np.asarray(ahead - behind)

    name = site.name or body
    edges = _happenings(path, body, roots(path, above), ("set", "rise"), elevation, name)
    tops = _happenings(path, body, roots(path, climb), ("culmination", ""), elevation, name)
    limits = [-np.inf, *(edge.epoch_tdb_s for edge in edges), np.inf]
    kept = []
    for low, high in itertools.pairwise(limits):
        inside = [top for top in tops if low <= top.epoch_tdb_s < high and top.value >= mask_rad]
        if inside:
            kept.append(max(inside, key=lambda top: top.value))
    return tuple(sorted((*edges, *kept), key=lambda one: one.epoch_tdb_s))
