"""How src/moonvillage/replay/data/artemis1_as_flown.oem.gz was made from NASA's file.

    python tests/replay/truth/thin_artemis1.py Post_TLI_Orion_AsFlown_20221213_EPH_OEM.asc

Lines of states are left out and nothing else is changed. Kept are the first and last ten states, three on either side
of each break, all within 10,000 km of the Moon or 60,000 km of the Earth, and one in eight of the rest.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np

from moonvillage.ephemeris import de440
from moonvillage.records.oem import parse_oem
from moonvillage.replay.as_flown import take_apart

TARGET = Path(__file__).parents[3] / "src/moonvillage/replay/data/artemis1_as_flown.oem.gz"
NOTE = "COMMENT Thinned for moonvillage: states left out, none changed (tests/replay/truth/thin_artemis1.py)"


def main(source: str) -> None:
    """Write the thinned file."""
    text = Path(source).read_text(encoding="ascii")
    (segment,) = parse_oem(text, file=source).segments
    flown = take_apart(segment)
    n = segment.epoch_tdb_s.size
    keep = np.zeros(n, dtype=bool)
    keep[::8] = keep[:10] = keep[-10:] = True
    for found in flown.breaks:
        keep[max(found.first - 2, 0) : found.last + 3] = True
    moon = de440.load().position("moon", segment.epoch_tdb_s)
    keep |= np.linalg.norm(segment.r_m - moon, axis=1) < 10e6
    keep |= np.linalg.norm(segment.r_m, axis=1) < 60e6
    state = 0
    lines = []
    for line in text.splitlines():
        if line.startswith("20"):
            state += 1
            if not keep[state - 1]:
                continue
        lines.append(line.rstrip())
        if line.startswith("CCSDS_OEM_VERS"):
            lines.append(NOTE)
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(gzip.compress("\n".join([*lines, ""]).encode(), 9, mtime=0))
    print(f"{int(keep.sum())} of {n} states, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
