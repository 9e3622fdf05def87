"""Where the bodies are, what time it is, and which way the frames point.

``time``: UTC text ↔ TDB; ``scales``: TDB, TT, TAI, UTC, UT1 as numbers; ``de440``: positions and velocities;
``orientation`` and ``frames``: the Moon's and the Earth's axes and the frames of an orbit; ``rotating``: the
Earth–Moon frame; ``sites``: places on Earth and Moon and their sky; ``earth_orientation``: the IERS's table;
``granules``: the ephemeris as polynomials for the integrators; ``constants``.
"""

from __future__ import annotations

from moonvillage.ephemeris.de440 import BODIES, Ephemeris, load
from moonvillage.ephemeris.time import tdb_s_to_datetime, tdb_s_to_utc, utc_to_tdb_s

__all__ = ["BODIES", "Ephemeris", "load", "tdb_s_to_datetime", "tdb_s_to_utc", "utc_to_tdb_s"]
