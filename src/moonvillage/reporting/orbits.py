"""The flown legs as curves small enough for a page: split at the Moon's sphere of influence, thinned, packed.

A piece near the Moon is kept relative to the Moon, so that a low orbit stays exact to a few hundred metres beside
a transfer 400 000 km long. Axes are ICRF, lengths metres, epochs TDB seconds past J2000.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moonvillage import ephemeris
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_MOON_M3_S2
from moonvillage.errors import EphemerisRangeError
from moonvillage.reporting.bundle import Bundle
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

#: The Moon's sphere of influence: inside it a piece is kept relative to the Moon.
MOON_SPHERE_M: Final = 66_100_000.0
#: Beyond this distance from the Earth a leg has left the picture (departures to Mars).
EDGE_M: Final = 1.6e9
#: The distance at which the rotating view draws the Moon.
MEAN_DISTANCE_M: Final = 384_400_000.0
EARTH_RADIUS_M: Final = 6_371_000.0
MOON_RADIUS_M: Final = 1_737_400.0
#: Points kept for the whole page; each takes 8 bytes.
BUDGET: Final = 70_000
#: A point is kept at the latest after this turn of the path, and after this length of it.
_TURN_RAD: Final = np.radians(2.5)
_LENGTH_M: Final = 8_000_000.0
#: Samples further apart than this around their body get points between them: up to so many even in time.
_GAP_RAD: Final = 0.1
_GAP_POINTS: Final = 80
_STRIDES: Final = 1500
_GM_M3_S2: Final = {"earth": GM_EARTH_M3_S2, "moon": GM_MOON_M3_S2}


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Part of a leg about one body: ``centre`` "earth" or "moon", ``epoch_tdb_s`` (n,), ``r_m`` (n, 3) ICRF."""

    flight: str
    step: int
    centre: str
    epoch_tdb_s: Floats
    r_m: Floats


def pieces(bundle: Bundle, budget: int = BUDGET) -> list[Piece]:
    """Every sampled leg as pieces of at least two points, thinned to about ``budget`` points in all."""
    whole = _pieces(bundle.flights.samples)
    thinned: list[Piece] = []
    for coarser in (1.0, 1.6, 2.6, 4.2, 7.0, 12.0, 20.0):
        thinned = [_thin(piece, coarser) for piece in whole]
        if sum(len(piece.epoch_tdb_s) for piece in thinned) <= budget:
            break
    return thinned


def _pieces(samples: pl.DataFrame) -> list[Piece]:
    if samples.is_empty():
        return []
    sky = ephemeris.load()
    found: list[Piece] = []
    for (flight, step), table in samples.group_by("flight", "step", maintain_order=True):
        epoch = table["epoch_tdb_s"].to_numpy().astype(np.float64)
        r = table.select("x_m", "y_m", "z_m").to_numpy().astype(np.float64)
        v = table.select("vx_m_s", "vy_m_s", "vz_m_s").to_numpy().astype(np.float64)
        keep = np.isfinite(epoch) & np.isfinite(r).all(axis=1) & np.isfinite(v).all(axis=1)
        epoch, r, v = epoch[keep], r[keep], v[keep]
        if len(epoch) < 2:
            continue
        centre = str(table["centre"][0])
        try:
            if centre not in _GM_M3_S2:  # about the Sun: from here on about the Earth
                origin, drift = sky.state(centre, epoch)
                r, v = r + origin, v + drift
                near = np.linalg.norm(r, axis=1) < EDGE_M
                epoch, r, v = epoch[near], r[near], v[near]
                if len(epoch) < 2:
                    continue
            epoch, r = fill_gaps(epoch, r, v, _GM_M3_S2.get(centre, GM_EARTH_M3_S2))
            moon = sky.position("moon", epoch)
        except (EphemerisRangeError, ValueError):
            continue  # beyond the ephemeris, or about a body that it lacks: no place in this view
        if centre == "moon":
            r = r + moon
        zone = np.where(np.linalg.norm(r - moon, axis=1) < MOON_SPHERE_M, 1, 0)
        zone[np.linalg.norm(r, axis=1) > EDGE_M] = 2
        cuts = np.flatnonzero(np.diff(zone)) + 1
        for start, stop in zip([0, *cuts], [*cuts, len(epoch)], strict=True):
            first = max(0, start - 1) if start else 0  # share one point, so that the curve has no gap
            if stop - first < 2 or zone[start] == 2:
                continue
            part = slice(first, stop)
            inside = bool(zone[start] == 1)
            relative = r[part] - moon[part] if inside else r[part]
            found.append(Piece(str(flight), int(step), "moon" if inside else "earth", epoch[part], relative))
    return found


def fill_gaps(epoch_tdb_s: Floats, r_m: Floats, v_m_s: Floats, gm_m3_s2: float) -> tuple[Floats, Floats]:
    """Points between samples that lie far apart around their body, so that a low orbit is drawn round.

    Parameters
    ----------
    epoch_tdb_s, r_m, v_m_s
        Samples, shapes (n,), (n, 3), (n, 3), about one body.
    gm_m3_s2
        Its gravitational parameter; 0 leaves the samples as they are.

    Returns
    -------
    epoch_tdb_s, r_m
        The samples and the points between them: two-body motion (classical Runge–Kutta) from the sample before
        and from the sample after, blended linearly in time, so that the curve goes through both. For drawing only.
    """
    span = np.diff(epoch_tdb_s)
    rate = np.linalg.norm(v_m_s, axis=1) / np.maximum(np.linalg.norm(r_m, axis=1), 1.0)
    angle = np.maximum(rate[1:], rate[:-1]) * span
    counts = np.where((angle > 1.5 * _GAP_RAD) & (span > 0.0), np.ceil(angle / _GAP_RAD), 1.0).astype(np.int64)
    uneven = np.flatnonzero(counts > _GAP_POINTS)
    counts[uneven] = 1
    if gm_m3_s2 <= 0.0 or not ((counts > 1).any() or len(uneven)):
        return epoch_tdb_s, r_m
    wide = np.flatnonzero(counts > 1)
    steps = counts[wide]
    most = int(steps.max(initial=1))
    ahead = _march(r_m[wide], v_m_s[wide], span[wide] / steps, most, gm_m3_s2)
    back = _march(r_m[wide + 1], v_m_s[wide + 1], -span[wide] / steps, most, gm_m3_s2)
    paths = {int(gap): _stride(r_m[gap], v_m_s[gap], span[gap], r_m[gap + 1], gm_m3_s2) for gap in uneven}
    epochs, points = [], []
    row = {int(gap): i for i, gap in enumerate(wide)}
    for gap in range(len(span)):
        epochs.append(epoch_tdb_s[gap : gap + 1])
        points.append(r_m[gap : gap + 1])
        if gap in row:
            i, n = row[gap], int(counts[gap])
            share = np.arange(1, n) / n
            epochs.append(epoch_tdb_s[gap] + share * span[gap])
            inner = ahead[1:n, i] * (1.0 - share)[:, None] + back[n - 1 : 0 : -1, i] * share[:, None]
            points.append(inner)
        elif gap in paths:
            after, inner = paths[gap]
            epochs.append(epoch_tdb_s[gap] + after)
            points.append(inner)
    epochs.append(epoch_tdb_s[-1:])
    points.append(r_m[-1:])
    return np.concatenate(epochs), np.concatenate(points)


def _stride(r: Floats, v: Floats, span_s: float, end: Floats, gm: float) -> tuple[Floats, Floats]:
    """Two-body points of one long gap in steps that suit the distance; what is missed at its end is spread over it.

    Returns times after the gap's start, shape (n,), and positions, shape (n, 3), both ends left out.
    """
    times: list[float] = []
    points, t = [r], 0.0
    while t < span_s and len(times) < _STRIDES:
        h = min(_GAP_RAD * float(np.linalg.norm(r)) / float(np.linalg.norm(v)), span_s - t)
        r, v = _step(r[None], v[None], np.array([[h]]), gm)
        r, v = r[0], v[0]
        t += h
        times.append(t)
        points.append(r)
    if t < span_s:
        return np.empty(0), np.empty((0, 3))
    share = (np.array(times) / span_s)[:, None]
    path = np.array(points[1:]) + (end - points[-1]) * share
    return np.array(times[:-1]), path[:-1]


def _step(r: Floats, v: Floats, h: Floats, gm: float) -> tuple[Floats, Floats]:
    """One classical Runge–Kutta step of two-body motion; rows are independent."""

    def pull(x: Floats) -> Floats:
        return np.asarray(-gm * x / np.maximum((x * x).sum(axis=1), 1.0)[:, None] ** 1.5)

    a1 = pull(r)
    a2 = pull(r + 0.5 * h * v)
    a3 = pull(r + 0.5 * h * v + 0.25 * h * h * a1)
    a4 = pull(r + h * v + 0.5 * h * h * a2)
    return r + h * v + h * h / 6.0 * (a1 + a2 + a3), v + h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)


def _march(r: Floats, v: Floats, step_s: Floats, count: int, gm: float) -> Floats:
    """Two-body positions after 0 … ``count`` steps of each row's own length, shape (count + 1, m, 3)."""
    states = np.empty((count + 1, *r.shape))
    states[0] = r
    for k in range(count):
        r, v = _step(r, v, step_s[:, None], gm)
        states[k + 1] = r
    return states


def _thin(piece: Piece, coarser: float) -> Piece:
    """Fewer points where the path is straight."""
    step = np.diff(piece.r_m, axis=0)
    length = np.linalg.norm(step, axis=1)
    heading = step / np.where(length > 0.0, length, 1.0)[:, None]
    turn = np.arccos(np.clip(np.einsum("ij,ij->i", heading[1:], heading[:-1]), -1.0, 1.0))
    effort = length / (_LENGTH_M * coarser)
    effort[1:] += turn / (2.0 * _TURN_RAD * coarser)  # a bend belongs to the steps on both its sides
    effort[:-1] += turn / (2.0 * _TURN_RAD * coarser)
    passed = np.floor(np.concatenate([[0.0], np.cumsum(effort)]))
    keep = np.concatenate([[True], np.diff(passed) > 0.0])
    keep[-1] = True
    return Piece(piece.flight, piece.step, piece.centre, piece.epoch_tdb_s[keep], piece.r_m[keep])


def rotating(piece: Piece) -> Floats:
    """A piece in the frame that turns with the Moon, metres about the Earth, the Moon at its mean distance on +x.

    The distance is evened out gradually along the way, so that shapes near either body stay true. Shape (n, 3).
    """
    moon, velocity = ephemeris.load().state("moon", piece.epoch_tdb_s)
    distance = np.linalg.norm(moon, axis=1)
    x = moon / distance[:, None]
    z = np.cross(moon, velocity)
    z /= np.linalg.norm(z, axis=1)[:, None]
    axes = np.stack([x, np.cross(z, x), z], axis=1)
    turned = np.asarray(np.einsum("nij,nj->ni", axes, piece.r_m))
    if piece.centre == "moon":
        return np.asarray(turned + np.array([MEAN_DISTANCE_M, 0.0, 0.0]))
    share = np.clip(turned[:, 0] / distance / 0.8, 0.0, 1.0)
    turned[:, 0] += share * (MEAN_DISTANCE_M - distance)
    return turned


def pack(bundle: Bundle, found: list[Piece]) -> dict[str, Any]:
    """What the viewer reads: pieces as 16-bit integers with a scale each, the Moon's path by the day."""
    order = bundle.campaign.table("flights").sort("departure_tdb_s", "flight")
    known = order["flight"].to_list()
    known += [id_ for id_ in dict.fromkeys(piece.flight for piece in found) if id_ not in set(known)]
    index = {id_: i for i, id_ in enumerate(known)}
    operators = dict(order.select("flight", "operator").iter_rows())
    missions = dict(order.select("flight", "mission").iter_rows())
    points: list[NDArray[np.int16]] = []
    times: list[NDArray[np.uint16]] = []
    heads = []
    offset = 0
    epochs = [piece.epoch_tdb_s for piece in found]
    begin = float(min(e[0] for e in epochs)) - 2.0 * DAY_S
    end = float(max(e[-1] for e in epochs)) + 2.0 * DAY_S
    for piece in found:
        t0 = float(piece.epoch_tdb_s[0])
        span = max(float(piece.epoch_tdb_s[-1]) - t0, 1.0)
        scale = max(float(np.abs(piece.r_m).max()), 1.0) / 32_767.0
        points.append(np.round(piece.r_m / scale).astype("<i2"))
        times.append(np.round((piece.epoch_tdb_s - t0) / span * 65_535.0).astype("<u2"))
        count = len(piece.epoch_tdb_s)
        heads.append(
            [
                index[piece.flight],
                piece.step,
                int(piece.centre == "moon"),
                round(t0 - begin, 1),
                round(span, 1),
                round(scale, 4),
                offset,
                count,
            ]
        )
        offset += count
    days = np.arange(begin - 3.0 * DAY_S, end + 3.0 * DAY_S, DAY_S)
    sky = ephemeris.load()
    days = days[(days >= sky.start_tdb_s) & (days <= sky.end_tdb_s)]
    moon_km = (sky.position("moon", days) / 1000.0).astype("<f4")
    sites = [
        {"name": bundle.place(id_), "lat": spec.latitude_rad, "lon": spec.longitude_rad}
        for id_, spec in bundle.scenario.places.items()
        if hasattr(spec, "latitude_rad") and hasattr(spec, "longitude_rad")
    ]
    return {
        "begin": begin,
        "end": end,
        "flights": [
            {
                "id": id_,
                "title": bundle.mission(missions[id_]) if id_ in missions else id_,
                "operator": bundle.partner(operators.get(id_, "")),
                "colour": bundle.colour(operators.get(id_, "")),
            }
            for id_ in known
        ],
        "heads": heads,
        "points": _encode(np.concatenate(points)),
        "times": _encode(np.concatenate(times)),
        "moonBegin": float(days[0]) - begin,
        "moon": _encode(moon_km),
        "sites": sites,
    }


def _encode(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
