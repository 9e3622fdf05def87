"""What a launcher lifts to a departure energy, from the few payloads that are published."""

from __future__ import annotations

import math
from typing import Final

from moonvillage.catalog import Launcher

#: C3 at which ``tli_kg`` and ``escape_kg`` are quoted, and the parking orbit of all three figures.
TLI_C3_M2_S2: Final = -1.8e6
ESCAPE_C3_M2_S2: Final = 10.0e6
_MU_M3_S2: Final = 3.986004418e14
_PARKING_M: Final = 6_578_137.0


def capability_kg(launcher: Launcher, into: str, c3_m2_s2: float | None) -> float:
    """Payload of a launcher to low Earth orbit or to a departure energy.

    The quoted payloads stand at C3 = −μ/r of a 200 km orbit, −1.8 and 10 km²/s². Between and beyond them the
    logarithm of the payload is taken linear in the velocity needed above the parking orbit,
    Δv(C3) = √(C3 + 2μ/r) − √(μ/r): the rocket equation for a stage whose dry mass is small against its payload.
    Where only one figure is known it is used at energies up to its own, and nothing is promised above.
    """
    if into == "leo":
        return launcher.leo_kg
    default = TLI_C3_M2_S2 if into == "tli" else ESCAPE_C3_M2_S2
    c3 = default if c3_m2_s2 is None else c3_m2_s2
    circular = math.sqrt(_MU_M3_S2 / _PARKING_M)

    def above(energy: float) -> float:
        return math.sqrt(max(0.0, energy + 2.0 * _MU_M3_S2 / _PARKING_M)) - circular

    known = [
        (dv, mass)
        for dv, mass in (
            (0.0, launcher.leo_kg),
            (above(TLI_C3_M2_S2), launcher.tli_kg),
            (above(ESCAPE_C3_M2_S2), launcher.escape_kg),
        )
        if mass > 0.0
    ]
    if not known:
        return 0.0
    wanted = above(c3)
    if into == "tli" and launcher.tli_kg > 0.0 and len(known) == 1:
        return launcher.tli_kg if wanted <= known[0][0] + 50.0 else 0.0
    if len(known) == 1:
        return known[0][1] if wanted <= known[0][0] else 0.0
    pair = next((i for i in range(len(known) - 1) if wanted <= known[i + 1][0]), len(known) - 2)
    (dv0, m0), (dv1, m1) = known[pair], known[pair + 1]
    return float(math.exp(math.log(m0) + (math.log(m1) - math.log(m0)) * (wanted - dv0) / (dv1 - dv0)))
