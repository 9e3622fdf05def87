"""Orientation of the Moon: the IAU/WGCCRE series for the mean-Earth (ME) axes, and the principal axes (PA).

Source: Archinal et al. 2018, "Report of the IAU Working Group on Cartographic Coordinates and Rotational Elements:
2015", CMDA 130:22, §6 (the lunar series, unchanged since 2009), as in NAIF's ``pck00011.tpc``. The series follows
the integrated librations to about 0.005 deg (some 150 m on the surface). A user who has NAIF's binary kernel of the
integrated librations (``moon_pa_de440_200625.bpc``, ``moon_pa_de421_1900-2050.bpc``) reads it with :func:`read_pck`.
Epochs: TDB seconds past J2000.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from jplephem.daf import DAF
from jplephem.pck import PCK
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris.chebyshev import Records
from moonvillage.errors import EphemerisRangeError, InputError

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


def _matrix(phi: Floats, theta: Floats, w: Floats) -> Floats:
    cp, sp, ct, st, cw, sw = np.cos(phi), np.sin(phi), np.cos(theta), np.sin(theta), np.cos(w), np.sin(w)
    rows = (
        (cw * cp - sw * ct * sp, cw * sp + sw * ct * cp, sw * st),
        (-sw * cp - cw * ct * sp, -sw * sp + cw * ct * cp, cw * st),
        (st * sp, -st * cp, ct),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _spin(angles: tuple[Floats, Floats], rates: tuple[Floats, Floats, Floats]) -> Floats:
    """Angular velocity of 3-1-3 angles (φ, θ) with their rates (φ, θ, W), in the fixed axes."""
    phi, theta = angles
    dphi, dtheta, dw = rates
    pole = np.stack([np.sin(theta) * np.sin(phi), -np.sin(theta) * np.cos(phi), np.cos(theta)], axis=-1)
    node = np.stack([np.cos(phi), np.sin(phi), np.zeros_like(phi)], axis=-1)
    north = np.array([0.0, 0.0, 1.0])
    return np.asarray(dphi[..., None] * north + dtheta[..., None] * node + dw[..., None] * pole)


def moon_me_matrix(epoch_tdb_s: ArrayLike) -> Floats:
    """Rotation ICRF → Moon ME, shape ``(..., 3, 3)``: ``r_me = M @ r_icrf`` (both Moon-centred)."""
    return _matrix(*euler_angles(epoch_tdb_s))


def moon_angular_velocity(epoch_tdb_s: ArrayLike) -> Floats:
    """Angular velocity of the Moon's ME axes, rad/s, ICRF components, shape ``(..., 3)``."""
    return _spin(euler_angles(epoch_tdb_s)[:2], _euler_rates(epoch_tdb_s))


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


#: Lunar frames of binary kernels: SPICE frame class → the ephemeris that the principal axes belong to.
_KERNEL_FRAMES: Final = {31006: "de421", 31008: "de440"}


@dataclass(frozen=True, slots=True, eq=False)
class PrincipalAxes:
    """The Moon's integrated principal axes from a binary PCK. Get one from :func:`read_pck`, which keeps it.

    ``ephemeris`` is ``"de421"`` or ``"de440"``; the span covered is ``start_tdb_s`` to ``end_tdb_s``.
    """

    path: str
    ephemeris: str
    start_tdb_s: float
    end_tdb_s: float
    records: Records = field(repr=False)

    def _evaluate(self, epoch_tdb_s: ArrayLike, derivative: bool) -> tuple[Floats, Floats | None]:
        given = np.asarray(epoch_tdb_s, dtype=np.float64)
        epochs = np.atleast_1d(given).ravel()
        for extreme in (float(epochs.min()), float(epochs.max())) if epochs.size else ():
            if not self.start_tdb_s <= extreme <= self.end_tdb_s:
                raise EphemerisRangeError(extreme, self.start_tdb_s, self.end_tdb_s)
        angles, rates = self.records.evaluate(epochs, derivative)
        shape = (*given.shape, 3)
        return angles.reshape(shape), None if rates is None else rates.reshape(shape)

    def euler_angles(self, epoch_tdb_s: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """The 3-1-3 angles φ, θ, ψ of the principal axes, rad, each of the shape given.

        ICRF → PA is R_z(ψ) R_x(θ) R_z(φ).

        Raises
        ------
        EphemerisRangeError
            If an epoch lies outside the kernel.
        """
        angles = self._evaluate(epoch_tdb_s, False)[0]
        return angles[..., 0], angles[..., 1], angles[..., 2]

    def matrix(self, epoch_tdb_s: ArrayLike) -> Floats:
        """Rotation ICRF → PA, shape ``(..., 3, 3)``."""
        return _matrix(*self.euler_angles(epoch_tdb_s))

    def me_matrix(self, epoch_tdb_s: ArrayLike) -> Floats:
        """Rotation ICRF → the ME axes that go with these principal axes, shape ``(..., 3, 3)``."""
        return np.asarray(pa_from_me(self.ephemeris).T @ self.matrix(epoch_tdb_s))

    def angular_velocity(self, epoch_tdb_s: ArrayLike) -> Floats:
        """Angular velocity of the axes, rad/s, ICRF components, shape ``(..., 3)``."""
        angles, rates = self._evaluate(epoch_tdb_s, True)
        assert rates is not None
        return _spin((angles[..., 0], angles[..., 1]), (rates[..., 0], rates[..., 1], rates[..., 2]))


@lru_cache(maxsize=8)
def read_pck(path: str | Path) -> PrincipalAxes:
    """Open a binary PCK of the Moon's principal axes (NAIF's ``moon_pa_*.bpc``; type 2 records about J2000 axes).

    Raises
    ------
    InputError
        If the file is no such kernel.
    """
    remedy = "give NAIF's moon_pa_de440_200625.bpc or moon_pa_de421_1900-2050.bpc"
    try:
        with Path(path).open("rb") as stream:  # the maps stay when the file is closed
            for segment in PCK(DAF(stream)).segments:
                name = _KERNEL_FRAMES.get(segment.body)
                if name is not None and segment.data_type == 2 and segment.frame == 1:
                    records = Records(segment.daf, segment.start_i, segment.end_i, 1.0)
                    start = max(records.init_s, float(segment.initial_second))
                    end = min(records.init_s + records.count * records.length_s, float(segment.final_second))
                    return PrincipalAxes(str(path), name, start, end, records)
    except (OSError, ValueError) as cause:
        raise InputError.one(f"is no binary PCK ({cause})", remedy, file=str(path)) from None
    raise InputError.one("holds no principal axes of the Moon from DE421 or DE440", remedy, file=str(path))
