"""Benchmarks: ratios against named peers, measured in one run (`make bench`).

Times are of one core, the best of several rounds; read the ratios, not the seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_M3_S2
from moonvillage.ephemeris.de440 import load
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit
from moonvillage.trajectory.api import solve


def best_of(work: Callable[[], object], rounds: int) -> float:
    """Shortest wall time of some rounds, s."""
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def propagation() -> None:
    """Four days from a translunar injection, against SciPy's DOP853 with the same three bodies from DE440."""
    ephemeris = load()
    leg = solve(
        Arc("bench", EarthOrbit("leo", 200e3, 0.5), MoonOrbit("llo", 100e3, np.pi / 2)),
        utc_to_tdb_s("2030-01-10"),
        samples=2,
    )
    assert leg.trajectory is not None
    start, r, v = leg.trajectory.epoch_tdb_s[0], leg.trajectory.r_m[0], leg.trajectory.v_m_s[0]
    end = start + 3.0 * 86400.0

    def forces(t: float, y: np.ndarray) -> np.ndarray:
        position = y[:3]
        acceleration = -GM_M3_S2["earth"] * position / np.linalg.norm(position) ** 3
        for body in ("moon", "sun"):
            s = ephemeris.position(body, start + t, "earth")
            d = s - position
            acceleration += GM_M3_S2[body] * (d / np.linalg.norm(d) ** 3 - s / np.linalg.norm(s) ** 3)
        return np.concatenate([y[3:], acceleration])

    def peer(tolerance: float) -> np.ndarray:
        result = solve_ivp(
            forces, (0.0, end - start), [*r, *v], method="DOP853", rtol=tolerance, atol=tolerance * 1e3
        )
        return np.asarray(result.y[:3, -1])

    def ours() -> np.ndarray:
        return np.asarray(dynamics.propagate(start, r, v, end, centre="earth").r_m)

    fine, coarse = peer(1e-13), peer(3e-11)
    ours()
    peer_s, ours_s = best_of(lambda: peer(3e-11), 3), best_of(ours, 30)
    print("propagation, 3 d from translunar injection")
    print(
        f"  SciPy DOP853 + DE440 (three bodies)  {peer_s * 1e3:9.2f} ms, "
        f"own error {np.linalg.norm(coarse - fine):.2g} m"
    )
    print(f"  moonvillage (with J2 and planets)    {ours_s * 1e3:9.2f} ms")
    print(f"  ratio                                {peer_s / ours_s:9.0f} x")


def targeting() -> None:
    """Low Earth orbit to a polar low lunar orbit, solved and checked in the full model."""
    arc = Arc("bench", EarthOrbit("leo", 200e3, 0.5), MoonOrbit("llo", 100e3, np.pi / 2))
    dates = [utc_to_tdb_s("2030-01-01") + 3.7 * 86400.0 * k for k in range(40)]
    solve(arc, dates[0])
    began = time.perf_counter()
    legs = [solve(arc, date) for date in dates]
    seconds = (time.perf_counter() - began) / len(legs)
    closures = np.array([leg.closure_position_m for leg in legs if leg.converged])
    print("targeting, 40 dates to a polar lunar orbit")
    print(f"  a leg                                {seconds * 1e3:9.1f} ms, {len(closures)} of {len(legs)} converged")
    print(f"  closure q50, max                     {np.median(closures):.2g} m, {closures.max():.2g} m")


if __name__ == "__main__":
    propagation()
    targeting()
