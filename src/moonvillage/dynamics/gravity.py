"""The Moon's gravity field: the built-in low degrees, and fields from SHADR files.

Built in are degrees 2 to 8 of GRGM1200L (Goddard Space Flight Center, from GRAIL: Goossens et al. 2020, JGR Planets
125, e2019JE006086), fully normalised, reference radius 1738 km, axes: the DE421 principal axes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moonvillage.errors import InputError

_GRGM1200L_8X8: Final = """\
2,0,-9.08782510e-05,0.00000000e+00
2,1,-6.86017607e-09,-2.59972792e-10
2,2,3.46766632e-05,6.27859440e-11
3,0,-3.20094336e-06,0.00000000e+00
3,1,2.63690702e-05,5.45597755e-06
3,2,1.41756566e-05,4.87838320e-06
3,3,1.22719685e-05,-1.77224089e-06
4,0,3.23316657e-06,0.00000000e+00
4,1,-6.01054856e-06,1.66367632e-06
4,2,-7.11380912e-06,-6.77793699e-06
4,3,-1.35274768e-06,-1.34432150e-05
4,4,-6.00679076e-06,3.92519068e-06
5,0,-2.22329228e-07,0.00000000e+00
5,1,-1.00789208e-06,-4.11997044e-06
5,2,4.39684404e-06,1.05809419e-06
5,3,4.65824515e-07,8.69954995e-06
5,4,2.75614368e-06,6.59799866e-08
5,5,3.10982982e-06,-2.75320646e-06
6,0,3.82036506e-06,0.00000000e+00
6,1,1.52810081e-06,-2.59880503e-06
6,2,-4.39888927e-06,-2.16725506e-06
6,3,-3.31638116e-06,-3.42871496e-06
6,4,3.42365334e-07,-4.05909068e-06
6,5,1.45368796e-06,-1.03400564e-05
6,6,-4.68472976e-06,7.23010007e-06
7,0,5.59417286e-06,0.00000000e+00
7,1,7.47046304e-06,-1.20020681e-07
7,2,-6.50645217e-07,2.41092607e-06
7,3,6.00859911e-07,2.35705242e-06
7,4,-8.44726544e-07,7.57339505e-07
7,5,-2.07501029e-07,1.07106237e-06
7,6,-1.06439842e-06,1.09876631e-06
7,7,-1.82046217e-06,-1.60011715e-06
8,0,2.34542406e-06,0.00000000e+00
8,1,3.00592956e-09,1.09818417e-06
8,2,3.01122091e-06,1.93068535e-06
8,3,-1.88821948e-06,9.54232047e-07
8,4,3.40849279e-06,-5.27569481e-07
8,5,-1.24740024e-06,2.91833153e-06
8,6,-1.65994188e-06,-2.11675384e-06
8,7,-1.50957821e-06,3.27027013e-06
8,8,-2.48649788e-06,2.11613225e-06
"""


@dataclass(frozen=True, slots=True)
class GravityField:
    """A fully normalised spherical-harmonic field; ``coefficients`` holds (C, S) by rows: 0,0; 1,0; 1,1; 2,0 ..."""

    name: str
    radius_m: float
    degree: int
    coefficients: tuple[tuple[float, float], ...]

    @property
    def digest(self) -> str:
        """A short name of its numbers."""
        return hashlib.sha256(repr((self.radius_m, self.coefficients)).encode()).hexdigest()[:16]

    def truncated(self, degree: int) -> GravityField:
        """The same field up to ``degree``; asking for more than it has is a ValueError."""
        if not 0 <= degree <= self.degree:
            raise ValueError(f"the field {self.name} has degree {self.degree}; degree {degree} was asked for")
        return GravityField(self.name, self.radius_m, degree, self.coefficients[: (degree + 1) * (degree + 2) // 2])


def _from_rows(name: str, radius_m: float, rows: dict[tuple[int, int], tuple[float, float]]) -> GravityField:
    degree = max(n for n, _ in rows)
    table = [rows.get((n, m), (0.0, 0.0)) for n in range(degree + 1) for m in range(n + 1)]
    table[0] = (1.0, 0.0)
    return GravityField(name, radius_m, degree, tuple(table))


def built_in() -> GravityField:
    """GRGM1200L up to degree and order 8."""
    rows = {}
    for line in _GRGM1200L_8X8.splitlines():
        n, m, c, s = line.split(",")
        rows[int(n), int(m)] = (float(c), float(s))
    return _from_rows("GRGM1200L", 1_738_000.0, rows)


def read_shadr(path: str | Path, max_degree: int) -> GravityField:
    """Read a field from a PDS SHADR ASCII table (header line, then n, m, C, S, and errors), up to ``max_degree``.

    Raises
    ------
    InputError
        If the file is not such a table.
    """
    rows: dict[tuple[int, int], tuple[float, float]] = {}
    with Path(path).open(encoding="ascii", errors="replace") as stream:
        header = stream.readline().split(",")
        try:
            radius_m = float(header[0]) * 1e3
            for line in stream:
                parts = line.split(",")
                if len(parts) < 4:
                    continue
                n, m = int(parts[0]), int(parts[1])
                if n > max_degree:
                    break
                if m <= n:
                    rows[n, m] = (float(parts[2]), float(parts[3]))
        except ValueError as cause:
            raise InputError.one(
                f"is not a SHADR gravity table ({cause})", "give a PDS *_sha.tab file", file=str(path)
            ) from None
    if not rows:
        raise InputError.one("holds no coefficients", "give a PDS *_sha.tab file", file=str(path))
    return _from_rows(Path(path).stem, radius_m, rows)
