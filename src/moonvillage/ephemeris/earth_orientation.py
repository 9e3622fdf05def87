"""The Earth's measured orientation, from a table that the user has: UT1 and the motion of the pole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris.time import tai_minus_utc
from moonvillage.errors import EphemerisRangeError, InputError

Floats = NDArray[np.float64]

_ARCSEC: Final = np.pi / 180.0 / 3600.0
_J2000_MJD: Final = 51544.5
_DAY_S: Final = 86400.0
#: Columns of pole x, y (arcsec), UT1 − UTC (s), dX, dY (mas) in Bulletin A and in Bulletin B.
_RAPID: Final = ((18, 27), (37, 46), (58, 68), (97, 106), (116, 125))
_FINAL: Final = ((134, 144), (144, 154), (154, 165), (165, 175), (175, 185))
#: TT − UTC as used to name the limits of a table; a second does not matter there.
_TT_MINUS_UTC_S: Final = 69.184


@dataclass(frozen=True, slots=True, eq=False)
class EarthOrientation:
    """Rows of a table of Earth orientation parameters, by UTC day; get one from :func:`read_finals`.

    ``mjd`` (n,) modified Julian dates of UTC midnights, increasing; ``ut1_minus_tai_s`` (n,), continuous over leap
    seconds; ``xp_rad``, ``yp_rad`` the pole; ``dx_rad``, ``dy_rad`` corrections to the IAU 2006/2000A pole. Between
    rows they are interpolated linearly: within 0.1 ms for UT1, for tides of a day and less are not added.
    """

    name: str
    mjd: Floats
    ut1_minus_tai_s: Floats
    xp_rad: Floats
    yp_rad: Floats
    dx_rad: Floats
    dy_rad: Floats

    def _at(self, utc_s: ArrayLike, column: Floats) -> Floats:
        mjd = _J2000_MJD + np.asarray(utc_s, dtype=np.float64) / _DAY_S
        if mjd.size and not (self.mjd[0] <= mjd.min() and mjd.max() <= self.mjd[-1]):
            limits = [(edge - _J2000_MJD) * _DAY_S + _TT_MINUS_UTC_S for edge in (self.mjd[0], self.mjd[-1])]
            worst = mjd.min() if mjd.min() < self.mjd[0] else mjd.max()
            raise EphemerisRangeError(float((worst - _J2000_MJD) * _DAY_S + _TT_MINUS_UTC_S), limits[0], limits[1])
        return np.asarray(np.interp(mjd, self.mjd, column))

    def ut1_minus_tai(self, utc_s: ArrayLike) -> Floats:
        """UT1 − TAI, s, of the shape given, at UTC seconds past 2000-01-01T12:00 UTC (days of 86,400 s).

        :class:`EphemerisRangeError` outside the table.
        """
        return self._at(utc_s, self.ut1_minus_tai_s)

    def pole(self, utc_s: ArrayLike) -> tuple[Floats, Floats]:
        """x and y of the pole, rad, of the shape given, at UTC seconds past 2000-01-01T12:00 UTC."""
        return self._at(utc_s, self.xp_rad), self._at(utc_s, self.yp_rad)

    def celestial_pole(self, utc_s: ArrayLike) -> tuple[Floats, Floats]:
        """dX and dY of the celestial pole, rad, of the shape given, at UTC seconds past 2000-01-01T12:00 UTC."""
        return self._at(utc_s, self.dx_rad), self._at(utc_s, self.dy_rad)


@lru_cache(maxsize=8)
def read_finals(path: str | Path) -> EarthOrientation:
    """Read the IERS's ``finals2000A.all`` (or ``.daily``, ``.data``): measured, then predicted rows.

    Format: IERS Rapid Service, ``readme.finals2000A``. The final values (Bulletin B) are taken where they stand, else
    the rapid and predicted ones (Bulletin A). Rows without UT1 are left out.

    Raises
    ------
    InputError
        If the file holds no such rows.
    """
    remedy = "give the IERS file finals2000A.all"
    rows: list[tuple[float, ...]] = []
    try:
        for line in Path(path).read_text(encoding="ascii", errors="replace").splitlines():
            columns = _FINAL if line[154:165].strip() else _RAPID
            if line[slice(*columns[2])].strip():
                fields = (line[slice(*column)].strip() for column in columns)
                rows.append((float(line[7:15]), *(float(text) if text else 0.0 for text in fields)))
    except (OSError, ValueError) as cause:
        raise InputError.one(f"is not a table of Earth orientation ({cause})", remedy, file=str(path)) from None
    if len(rows) < 2:
        raise InputError.one("holds no rows of Earth orientation", remedy, file=str(path))
    mjd, xp, yp, ut1_utc, dx_mas, dy_mas = np.array(rows).T
    if np.any(np.diff(mjd) <= 0.0):
        raise InputError.one("has rows out of order", remedy, file=str(path))
    ut1_tai = ut1_utc - tai_minus_utc((mjd - _J2000_MJD) * _DAY_S)
    scale = 1e-3 * _ARCSEC
    return EarthOrientation(str(path), mjd, ut1_tai, xp * _ARCSEC, yp * _ARCSEC, dx_mas * scale, dy_mas * scale)
