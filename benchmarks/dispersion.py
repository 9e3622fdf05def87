"""A thousand dispersed translunar injections with three corrections: time, and both ways to the 99 %.

`python benchmarks/dispersion.py [runs]`. Everything is counted: the leg, the placing of the corrections, linear
covariance, and every dispersed flight, corrected by Newton's method in the n-body model.
"""

from __future__ import annotations

import math
import sys
import time

from moonvillage import dynamics, trajectory
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.records.places import Arc, EarthOrbit, FreeReturn, Halo, MoonOrbit
from moonvillage.trajectory.dispersion import budget

LEO = EarthOrbit("leo", 200e3, math.radians(28.5))
ARCS = (
    Arc("polar low lunar orbit", LEO, MoonOrbit("llo", 100e3, math.pi / 2)),
    Arc("NRHO by a flyby", LEO, Halo("nrho", 2, False, perilune_radius_m=3228e3)),
    Arc("free return", LEO, FreeReturn("around")),
)


def main(runs: int) -> None:
    """Print a table."""
    dynamics.warm_up()
    date = utc_to_tdb_s("2030-03-01")
    print(f"{runs} dispersed flights; 99 % of the sum of corrections, m/s")
    print(f"{'arc':24} {'linear':>8} {'flown':>8} {'95 % interval':>16} {'lost':>5} {'CPU s':>7} {'wall s':>7}")
    for arc in ARCS:
        leg = trajectory.solve(arc, date, samples=400)
        budget(arc, date, leg=leg, runs=16)  # compiles the batch integrators, once a machine
        cpu, wall = time.process_time(), time.perf_counter()
        found = budget(arc, date, runs=runs, seed=1)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        assert found.linear is not None
        assert found.monte_carlo is not None
        q99 = found.monte_carlo.total.q99
        print(
            f"{arc.id:24} {found.linear.q99_m_s:8.2f} {q99.value:8.2f} {f'{q99.low:.1f} to {q99.high:.1f}':>16} "
            f"{found.monte_carlo.lost:5d} {cpu:7.2f} {wall:7.2f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
