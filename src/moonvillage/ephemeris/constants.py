"""Masses and sizes of the bodies, in SI units, with their sources.

GMs are those that DE440 was integrated with (Park, Folkner, Williams & Boggs 2021, "The JPL Planetary and Lunar
Ephemerides DE440 and DE441", AJ 161:105, table 2), TDB-compatible. Planets beyond the Earth are whole systems.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

GM_SUN_M3_S2: Final = 132712440041.279419e9
GM_MERCURY_M3_S2: Final = 22031.868551e9
GM_VENUS_M3_S2: Final = 324858.592000e9
GM_EARTH_M3_S2: Final = 398600.435507e9
GM_MOON_M3_S2: Final = 4902.800118e9
GM_MARS_M3_S2: Final = 42828.375816e9
GM_JUPITER_M3_S2: Final = 126712764.100000e9
GM_SATURN_M3_S2: Final = 37940584.841800e9

#: Body → GM. The Earth–Moon barycentre carries both.
GM_M3_S2: Final = MappingProxyType(
    {
        "sun": GM_SUN_M3_S2,
        "mercury": GM_MERCURY_M3_S2,
        "venus": GM_VENUS_M3_S2,
        "earth": GM_EARTH_M3_S2,
        "moon": GM_MOON_M3_S2,
        "emb": GM_EARTH_M3_S2 + GM_MOON_M3_S2,
        "mars": GM_MARS_M3_S2,
        "jupiter": GM_JUPITER_M3_S2,
        "saturn": GM_SATURN_M3_S2,
    }
)

#: Equatorial radius of the Earth, WGS 84 (NGA.STND.0036, 2014).
EARTH_RADIUS_M: Final = 6_378_137.0
#: Mean radius of the Moon (IAU WGCCRE 2015, Archinal et al. 2018, CMDA 130:22).
MOON_RADIUS_M: Final = 1_737_400.0
#: Mean radius of the Sun (IAU 2015 resolution B3, nominal).
SUN_RADIUS_M: Final = 695_700_000.0

#: Second zonal harmonic of the Earth, unnormalised (DE440; Park et al. 2021, table 5), at EARTH_RADIUS_M.
EARTH_J2: Final = 1.08262539e-3

#: Astronomical unit (IAU 2012 resolution B2).
AU_M: Final = 149_597_870_700.0
#: The zonal harmonics of degree 3 to 6, unnormalised, at EARTH_RADIUS_M: −√(2n + 1) C̄ₙ₀ of EGM2008 (Pavlis et al.
#: 2012, JGR 117, B04406; tide-free; its radius, 6378136.3 m, is brought to EARTH_RADIUS_M). Degree 2 is EARTH_J2.
EARTH_ZONALS: Final = MappingProxyType(
    {
        n: -((2 * n + 1) ** 0.5) * c * (6_378_136.3 / EARTH_RADIUS_M) ** n
        for n, c in {
            3: 9.57161207093473e-7,
            4: 5.39965866638991e-7,
            5: 6.86702913736681e-8,
            6: -1.49953927978527e-7,
        }.items()
    }
)
#: Pressure of sunlight on what absorbs it, at 1 au: 1361 W/m² (IAU 2015 resolution B3, nominal) over c.
SUNLIGHT_N_M2: Final = 1361.0 / 299_792_458.0
