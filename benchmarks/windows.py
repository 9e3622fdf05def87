"""A year of daily departures × 20 flight times, to a polar orbit over a site and to the NRHO (`make bench-windows`).

Every cell is solved anew (nothing is read from earlier runs but compiled code). Beside the counts it prints what a
sample of the cells costs when solved one by one.

    python benchmarks/windows.py [--days 365] [--processes 2]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from moonvillage.catalog.load import load_catalog
from moonvillage.dynamics import batch
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.records.places import Arc, EarthOrbit, Halo, MoonOrbit, MoonSurface
from moonvillage.trajectory.api import solve
from moonvillage.trajectory.windows import WindowMap, window_map

DAY_S = 86400.0


def sample(arc: Arc, found: WindowMap, cells: int) -> str:
    """Some cells again, one by one: how much dearer the map is, and what one costs."""
    rng = np.random.default_rng(1)
    differences, missed, began = [], 0, time.process_time()
    for cell in rng.choice(found.dv_m_s.size, cells, replace=False):
        i, j = np.unravel_index(int(cell), found.dv_m_s.shape)
        leg = solve(
            arc,
            float(found.departures_tdb_s[i]),
            duration_s=float(found.durations_s[j]),
            fixed_departure=True,
        )
        if leg.converged:
            differences.append(float(found.dv_m_s[i, j]) - leg.dv_m_s)
        else:
            missed += 1
    spent = (time.process_time() - began) / cells
    text = f"{cells} cells one by one: {spent * 1e3:.0f} ms CPU each, {missed} without solution"
    if differences:
        q = np.nanquantile(differences, [0.0, 0.5, 0.99])
        text += f"; map minus one by one, m/s: least {q[0]:.1f}, median {q[1]:.3f}, 99 % {q[2]:.1f}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sample", type=int, default=30)
    options = parser.parse_args()
    began = time.perf_counter()
    batch.warm_up()
    print(f"compiled code at hand after {time.perf_counter() - began:.1f} s (compiled once for a machine)")
    start = utc_to_tdb_s("2030-01-01")
    departures = start + DAY_S * np.arange(options.days)
    site = load_catalog().of("site")["shackleton_rim"]
    over = MoonSurface(site.id, site.latitude_rad, site.longitude_rad, site.height_m)
    low = EarthOrbit("leo", 185e3, np.deg2rad(28.5))
    arcs = {
        f"LEO 28.5 deg, 185 km -> polar orbit of 100 km over {site.title}": (
            Arc("leo>llo", low, MoonOrbit("llo", 100e3, None, over, DAY_S)),
            np.linspace(3.0, 6.0, 20),
        ),
        "LEO 28.5 deg, 185 km -> 9:2 NRHO": (
            Arc("leo>nrho", low, Halo("nrho", 2, False, perilune_radius_m=3228e3)),
            np.linspace(5.0, 10.0, 20),
        ),
    }
    for title, (arc, days) in arcs.items():
        found = window_map(arc, departures, days * DAY_S, workers=options.processes, keep=False)
        cells = found.dv_m_s.size
        good = np.isfinite(found.dv_m_s)
        q = np.nanquantile(found.dv_m_s, [0.0, 0.5, 0.9, 1.0])
        print(f"{title}: {cells} cells, {days[0]:g} to {days[-1]:g} d, {options.processes} processes")
        print(
            f"  converged {good.sum()} ({found.converged:.2%}), {found.wall_s:.1f} s wall, {found.cpu_s:.1f} s CPU",
            end="",
        )
        print(f" ({found.cpu_s / cells * 1e3:.2f} ms a cell)")
        print(f"  dv, m/s: least {q[0]:.0f}, median {q[1]:.0f}, 90 % {q[2]:.0f}, most {q[3]:.0f}")
        far, fast = np.nanmax(found.closure_m), np.nanmax(found.closure_m_s)
        print(f"  flown again in one go: worst miss {far:.2g} m, {fast:.2g} m/s")
        for reason in sorted({reason for row in found.reasons for reason in row if reason}):
            print(f"  failed {sum(row.count(reason) for row in found.reasons)}: {reason}")
        if options.sample:
            print(f"  {sample(arc, found, options.sample)}", flush=True)


if __name__ == "__main__":
    main()
