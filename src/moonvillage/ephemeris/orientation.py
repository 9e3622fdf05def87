"""Orientation of the Moon: the IAU/WGCCRE series for the mean-Earth (ME) axes, and the principal axes (PA).

Source: Archinal et al. 2018, "Report of the IAU Working Group on Cartographic Coordinates and Rotational Elements:
2015", CMDA 130:22, §6 (the lunar series, unchanged since 2009), as in NAIF's ``pck00011.tpc``. The series follows
the integrated librations to about 0.005 deg (some 150 m on the surface). Epochs: TDB seconds past J2000.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_CENTURY_D: Final = 36525.0
_DAY_S: Final = 86400.0
# Arguments E1 ... E13: degrees, and degrees per Julian century.
_E0: Final = np.array(
    [
        125.045,
        250.089,
        260.008,
        176.625,
        357.529,
        311.589,
        134.963,
        276.617,
        34.226,
        15.134,
        119.743,
        239.961,
        25.053,
    ]
)
_E1: Final = np.array(
    [
        -1935.5364525,
        -3871.072905,
        475263.3328725,
        487269.629985,
        35999.0509575,
        964468.49931,
        477198.869325,
        12006.300765,
        63863.5132425,
        -5806.6093575,
        131.84064,
        6003.1503825,
        473327.79642,
    ]
)
_RA: Final = np.array([-3.8787, -0.1204, 0.0700, -0.0172, 0, 0.0072, 0, 0, 0, -0.0052, 0, 0, 0.0043])
_DEC: Final = np.array([1.5419, 0.0239, -0.0278, 0.0068, 0, -0.0029, 0.0009, 0, 0, 0.0008, 0, 0, -0.0009])
_PM: Final = np.array(
    [
        3.5610,
        0.1208,
        -0.0642,
        0.0158,
        0.0252,
        -0.0066,
        -0.0047,
        -0.0046,
        0.0028,
        0.0052,
        0.0040,
        0.0019,
        -0.0044,
    ]
)

_ARCSEC: Final = np.pi / 180.0 / 3600.0
#: ME ← PA: R_x(-x) R_y(-y) R_z(-z), (z, y, x) in arcseconds.
#: DE440: Park et al. 2021, AJ 161:105, §6; DE421: Williams, Boggs & Folkner 2008, JPL IOM 335-JW,DB,WF-20080314-001.
_PA_ANGLES: Final = {"de440": (67.8526, 78.6944, 0.2785), "de421": (67.92, 78.56, 0.30)}


def euler_angles(epoch_tdb_s: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """The 3-1-3 angles φ = 90° + α, θ = 90° − δ and W of the Moon's ME axes, rad, each of the epochs' shape.

    ICRF → ME is R_z(W) R_x(θ) R_z(φ).
    """
    days = np.asarray(epoch_tdb_s, dtype=np.float64) / _DAY_S
    centuries = days / _CENTURY_D
    e = np.deg2rad(_E0 + _E1 * centuries[..., None])
    sin_e, cos_e = np.sin(e), np.cos(e)
    ra = 269.9949 + 0.0031 * centuries + sin_e @ _RA
    dec = 66.5392 + 0.0130 * centuries + cos_e @ _DEC
    pm = 38.3213 + 13.17635815 * days - 1.4e-12 * days * days + sin_e @ _PM
    return np.deg2rad(90.0 + ra), np.deg2rad(90.0 - dec), np.deg2rad(pm)


def _euler_rates(epoch_tdb_s: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Time derivatives of :func:`euler_angles`, rad/s."""
    days = np.asarray(epoch_tdb_s, dtype=np.float64) / _DAY_S
    centuries = days / _CENTURY_D
    e = np.deg2rad(_E0 + _E1 * centuries[..., None])
    rate = np.deg2rad(_E1) / _CENTURY_D  # rad/day
    ra = 0.0031 / _CENTURY_D + (np.cos(e) * rate) @ _RA
    dec = 0.0130 / _CENTURY_D - (np.sin(e) * rate) @ _DEC
    pm = 13.17635815 - 2.8e-12 * days + (np.cos(e) * rate) @ _PM
    scale = np.pi / 180.0 / _DAY_S
    return ra * scale, -dec * scale, pm * scale


def moon_me_matrix(epoch_tdb_s: ArrayLike) -> Floats:
    """Rotation ICRF → Moon ME, shape ``(..., 3, 3)``: ``r_me = M @ r_icrf`` (both Moon-centred)."""
    phi, theta, w = euler_angles(epoch_tdb_s)
    cp, sp, ct, st, cw, sw = np.cos(phi), np.sin(phi), np.cos(theta), np.sin(theta), np.cos(w), np.sin(w)
    rows = (
        (cw * cp - sw * ct * sp, cw * sp + sw * ct * cp, sw * st),
        (-sw * cp - cw * ct * sp, -sw * sp + cw * ct * cp, cw * st),
        (st * sp, -st * cp, ct),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def moon_angular_velocity(epoch_tdb_s: ArrayLike) -> Floats:
    """Angular velocity of the Moon's ME axes, rad/s, ICRF components, shape ``(..., 3)``."""
    phi, theta, _ = euler_angles(epoch_tdb_s)
    dphi, dtheta, dw = _euler_rates(epoch_tdb_s)
    pole = np.stack([np.sin(theta) * np.sin(phi), -np.sin(theta) * np.cos(phi), np.cos(theta)], axis=-1)
    node = np.stack([np.cos(phi), np.sin(phi), np.zeros_like(phi)], axis=-1)
    north = np.array([0.0, 0.0, 1.0])
    return np.asarray(dphi[..., None] * north + dtheta[..., None] * node + dw[..., None] * pole)


def pa_from_me(ephemeris: str = "de440") -> Floats:
    """Constant rotation ME → PA, (3, 3), of the principal axes of ``"de440"`` or ``"de421"``.

    The two differ from ME by some 875 m at the surface and from each other by under 5 m.
    """
    z, y, x = (angle * _ARCSEC for angle in _PA_ANGLES[ephemeris])
    cx, sx, cy, sy, cz, sz = np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.cos(z), np.sin(z)
    # inverse of R_x(-x) R_y(-y) R_z(-z) = R_z(z) R_y(y) R_x(x), with frame rotations R
    rx = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    ry = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    rz = np.array([[cz, sz, 0], [-sz, cz, 0], [0, 0, 1]])
    return np.asarray(rz @ ry @ rx)


def moon_pa_matrix(epoch_tdb_s: ArrayLike, ephemeris: str = "de440") -> Floats:
    """Rotation ICRF → Moon PA (:func:`pa_from_me` after :func:`moon_me_matrix`), shape ``(..., 3, 3)``."""
    return np.asarray(pa_from_me(ephemeris) @ moon_me_matrix(epoch_tdb_s))
