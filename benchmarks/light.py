"""Light and sight against what is known of them, and how long they take (`make bench-light`).

Prints each figure with its bound: the smooth sphere's pole over 18.6 years, a ring wall's horizon against a formula,
the horizon of a terrain of two million cells, 18.6 years of hours at one site, and a map of 250,000 cells in two
processes with sampled cells traced by rays beside it.

    python benchmarks/light.py [--processes 2] [--no-map]
"""

from __future__ import annotations

import argparse
import os
import sys
import time

import numpy as np

from moonvillage.ephemeris.constants import MOON_RADIUS_M
from moonvillage.terrain import Tracer, fractal_terrain, light_map, ring_terrain, sight, smooth_terrain
from moonvillage.terrain.synthetic import ring_height

START_TDB_S = 788_961_669.0  # 2025-01-01
_failed: list[str] = []


def say(what: str, found: float, bound: str, good: bool) -> None:
    print(f"{'ok ' if good else 'BAD'}  {what:<66}{found:>12.5g}   {bound}", flush=True)
    if not good:
        _failed.append(what)


def pole() -> None:
    tracer = Tracer(smooth_terrain(-0.5 * np.pi, 0.0))
    found = sight(tracer.horizon(-0.5 * np.pi, 0.0, 0.0), START_TDB_S)
    earth, sun = 100.0 * found.earth_visible, 100.0 * found.any_sun
    say("smooth south pole, 18.6 years: Earth's centre up, %", earth, "48.7 ± 0.2", abs(earth - 48.7) <= 0.2)
    say("smooth south pole, 18.6 years: any Sun, %", sun, "55.1 ± 0.2", abs(sun - 55.1) <= 0.2)


def ring() -> None:
    latitude, longitude, mast = np.deg2rad(-85.0), 1.0, 2.0
    horizon = Tracer(ring_terrain(latitude, longitude)).horizon(latitude, longitude, mast)
    arc = np.linspace(100.0, 7_900.0, 400_001)
    shape = (3_000.0, 600.0, 500.0)
    radius = MOON_RADIUS_M + ring_height(arc, *shape)
    eye = MOON_RADIUS_M + float(ring_height(np.zeros(1), *shape)[0]) + mast
    theta = arc / MOON_RADIUS_M
    truth = float(np.arctan2(radius * np.cos(theta) - eye, radius * np.sin(theta)).max())
    error = np.rad2deg(np.abs(horizon.elevation_rad - truth))
    q50, q99, most = np.quantile(error, [0.5, 0.99, 1.0])
    say(f"ring wall, horizon {np.rad2deg(truth):.3f} deg: error q50, deg", q50, "", True)
    say("ring wall: error q99, deg", q99, "", True)
    say("ring wall: largest error, deg", most, "<= 0.01", bool(most <= 0.01))


def speed() -> None:
    latitude, longitude = np.deg2rad(-89.0), 0.5
    began = time.process_time()
    terrain = fractal_terrain(latitude, longitude, 14_140.0, 20.0, seed=3)
    made = time.process_time()
    tracer = Tracer(terrain)
    loaded = time.process_time()
    size = terrain.heights_m.size / 1e6
    print(f"     {size:.2f} million cells: {made - began:.1f} s to make, {loaded - made:.1f} s to load")
    times = []
    for k in range(7):
        began = time.process_time()
        horizon = tracer.horizon(latitude + k * 1e-4, longitude, 2.0)
        times.append(time.process_time() - began)
    median = float(np.median(times))
    say("horizon of 720 azimuths after loading, s of processor time", median, "< 0.1", median < 0.1)
    began = time.process_time()
    found = sight(horizon, START_TDB_S)
    took = time.process_time() - began
    say(f"Sun and Earth at {found.epoch_tdb_s.size} hours of 18.6 years, s", took, "< 5", took < 5.0)


def area(processes: int) -> None:
    latitude, longitude = np.deg2rad(-89.0), 0.5
    terrain = fractal_terrain(latitude, longitude, 7_000.0, 20.0, seed=3)
    began, before = time.perf_counter(), os.times()
    found = light_map(terrain, latitude, longitude, 10_000.0, 20.0, processes=processes)
    wall, after = time.perf_counter() - began, os.times()
    cpu = sum(after[:4]) - sum(before[:4])
    print(f"     {found.sun_share.size} cells, 720 azimuths, ground 2 km farther: {cpu:.0f} s of processor time")
    load = f"{os.getloadavg()[0]:.1f} processes want {os.cpu_count()} cores"
    say(f"illumination map in {processes} processes, wall s", wall, f"< 300 on idle cores; {load}", True)
    say("the same, processor time over the processes, s", cpu / processes, "< 300", cpu / processes < 300.0)
    tracer = Tracer(terrain)
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(40):
        j, i = rng.integers(0, found.x.size, 2)
        lat, lon = (float(v) for v in found.projection.inverse(found.x[i], found.y[j]))
        errors.append(found.sun_share[j, i] - sight(tracer.horizon(lat, lon, 2.0), START_TDB_S).illumination)
    q50, q90, most = 100.0 * np.quantile(np.abs(errors), [0.5, 0.9, 1.0])
    say("map against rays at 40 cells, points of sunlight: q50", q50, "<= 0.5", bool(q50 <= 0.5))
    say("map against rays: q90", q90, "", True)
    say("map against rays: largest", most, "", True)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--no-map", action="store_true")
    options = parser.parse_args()
    pole()
    ring()
    speed()
    if not options.no_map:
        area(options.processes)
    return 1 if _failed else 0


if __name__ == "__main__":
    sys.exit(main())
