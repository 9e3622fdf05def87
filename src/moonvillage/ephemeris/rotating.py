"""The rotating Earth–Moon frame: x from Earth to Moon, z along their orbit's normal, both of date.

Non-pulsating, lengths are metres. Pulsating, lengths are in units of the instantaneous Earth–Moon distance, so that
Earth and Moon stand still: the frame of the restricted three-body problem, in the real sky.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_MOON_M3_S2

Floats = NDArray[np.float64]

#: Place of each origin on the line from Earth to Moon.
_SHARE: Final = {"earth": 0.0, "emb": GM_MOON_M3_S2 / (GM_EARTH_M3_S2 + GM_MOON_M3_S2), "moon": 1.0}
_STEP_S: Final = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class RotatingAxes:
    """The frame at epochs ``(...)``: ``matrix`` (..., 3, 3) from ICRF, ``spin_rad_s`` (..., 3) in its own axes (x and
    z only), ``distance_m`` (...) from Earth to Moon and its rate ``distance_m_s``; ``moon_m``, ``moon_m_s`` (..., 3)
    ICRF from the Earth."""

    matrix: Floats
    spin_rad_s: Floats
    distance_m: Floats
    distance_m_s: Floats
    moon_m: Floats
    moon_m_s: Floats


def rotating_axes(epoch_tdb_s: ArrayLike) -> RotatingAxes:
    """The frame at epochs ``(...)``, TDB s. EphemerisRangeError outside the ephemeris.

    With h = r × v and a the Moon's acceleration (a central difference of DE440 over two minutes), the frame turns at
    h/r² about z and at r (a·ẑ)/h about x.
    """
    epochs = np.asarray(epoch_tdb_s, dtype=np.float64)
    ephemeris = de440.load()
    r, v = ephemeris.state("moon", epochs, "earth")
    low = np.maximum(epochs - _STEP_S, ephemeris.start_tdb_s)
    high = np.minimum(epochs + _STEP_S, ephemeris.end_tdb_s)
    gained = ephemeris.state("moon", high, "earth")[1] - ephemeris.state("moon", low, "earth")[1]
    a = gained / (high - low)[..., None]
    distance = np.linalg.norm(r, axis=-1)
    momentum = np.cross(r, v)
    size = np.linalg.norm(momentum, axis=-1)
    x, z = r / distance[..., None], momentum / size[..., None]
    matrix = np.stack([x, np.cross(z, x), z], axis=-2)
    tilt = distance * np.einsum("...i,...i->...", a, z) / size
    spin = np.stack([tilt, np.zeros_like(tilt), size / distance**2], axis=-1)
    rate = np.einsum("...i,...i->...", r, v) / distance
    return RotatingAxes(matrix, spin, distance, np.asarray(rate), r, v)


def _shift(centre: str, origin: str) -> float:
    if centre not in _SHARE or origin not in _SHARE:
        raise ValueError(f"centre {centre!r} and origin {origin!r} must each be one of {', '.join(_SHARE)}")
    return _SHARE[centre] - _SHARE[origin]


def earth_moon_rotating(
    epoch_tdb_s: ArrayLike, r_m: ArrayLike, *, centre: str = "earth", origin: str = "emb"
) -> Floats:
    """Position in the rotating, pulsating Earth–Moon frame: x from Earth to Moon, z along their orbit normal.

    Parameters
    ----------
    epoch_tdb_s, r_m
        Shapes ``(...)`` and ``(..., 3)``; ``r_m`` is ICRF about ``centre``.
    centre, origin
        ``"emb"``, ``"earth"`` or ``"moon"``.

    Returns
    -------
    Shape ``(..., 3)``, in units of the instantaneous Earth–Moon distance.
    """
    share = _shift(centre, origin)
    moon, velocity = de440.load().state("moon", epoch_tdb_s, "earth")
    distance = np.linalg.norm(moon, axis=-1)[..., None]
    x = moon / distance
    z = np.cross(moon, velocity)
    z = z / np.linalg.norm(z, axis=-1, keepdims=True)
    matrix = np.stack([x, np.cross(z, x), z], axis=-2)
    relative = np.asarray(r_m, dtype=np.float64) + share * moon
    return np.asarray(np.einsum("...ij,...j->...i", matrix, relative) / distance)


def to_rotating(
    epoch_tdb_s: ArrayLike,
    r_m: ArrayLike,
    v_m_s: ArrayLike,
    *,
    centre: str = "earth",
    origin: str = "emb",
    pulsating: bool = True,
) -> tuple[Floats, Floats]:
    """State in the rotating frame.

    Parameters
    ----------
    epoch_tdb_s, r_m, v_m_s
        Shapes ``(...)``, ``(..., 3)``, ``(..., 3)``: TDB s, and a state in ICRF axes about ``centre``, SI.
    centre, origin
        ``"emb"``, ``"earth"`` or ``"moon"``: where the vectors given and returned start.
    pulsating
        Whether lengths are in units of the Earth–Moon distance of date.

    Returns
    -------
    Position and velocity ``(..., 3)`` as seen in the frame: m and m/s, or distances and distances per second.
    """
    share = _shift(centre, origin)
    axes = rotating_axes(epoch_tdb_s)
    r = np.asarray(r_m, dtype=np.float64) + share * axes.moon_m
    v = np.asarray(v_m_s, dtype=np.float64) + share * axes.moon_m_s
    place = np.einsum("...ij,...j->...i", axes.matrix, r)
    motion = np.einsum("...ij,...j->...i", axes.matrix, v) - np.cross(axes.spin_rad_s, place)
    if not pulsating:
        return place, motion
    size, rate = axes.distance_m[..., None], axes.distance_m_s[..., None]
    place = place / size
    return place, motion / size - place * rate / size


def from_rotating(
    epoch_tdb_s: ArrayLike,
    place: ArrayLike,
    motion: ArrayLike,
    *,
    centre: str = "earth",
    origin: str = "emb",
    pulsating: bool = True,
) -> tuple[Floats, Floats]:
    """ICRF state about ``centre`` (m, m/s) of one in the rotating frame: the inverse of :func:`to_rotating`."""
    share = _shift(centre, origin)
    axes = rotating_axes(epoch_tdb_s)
    r, v = np.asarray(place, dtype=np.float64), np.asarray(motion, dtype=np.float64)
    if pulsating:
        size, rate = axes.distance_m[..., None], axes.distance_m_s[..., None]
        r, v = r * size, v * size + r * rate
    v = v + np.cross(axes.spin_rad_s, r)
    r, v = (np.einsum("...ji,...j->...i", axes.matrix, vector) for vector in (r, v))
    return r - share * axes.moon_m, v - share * axes.moon_m_s
