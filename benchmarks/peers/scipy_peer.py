"""SciPy's DOP853 with the Moon and the Sun from SPICE: what most people write."""

from __future__ import annotations

import numpy as np
import scipy
import spiceypy
from common import BSP, CASE, least, run, say
from scipy.integrate import solve_ivp

spiceypy.furnsh(BSP)
GM = CASE["gm_m3_s2"]
START, SPAN = CASE["epoch_tdb_s"], CASE["duration_s"]
STATE = np.array(CASE["r_m"] + CASE["v_m_s"])
BODIES = ((301, GM["moon"]), (10, GM["sun"]))


def rates(t: float, state: np.ndarray) -> np.ndarray:
    r = state[:3]
    acceleration = -GM["earth"] * r / np.linalg.norm(r) ** 3
    for code, gm in BODIES:
        body = np.array(spiceypy.spkgps(code, START + t, "J2000", 399)[0]) * 1e3
        gap = body - r
        acceleration = acceleration + gm * (gap / np.linalg.norm(gap) ** 3 - body / np.linalg.norm(body) ** 3)
    return np.concatenate([state[3:], acceleration])


def fly(tolerance: float) -> np.ndarray:
    found = solve_ivp(rates, (0.0, SPAN), STATE, method="DOP853", rtol=tolerance, atol=tolerance * 1e3)
    return found.y[:, -1]


runs = []
for tolerance in (3e-14, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8):
    state, cpu = least(lambda t=tolerance: fly(t), most=3)
    runs.append(run("state", "DOP853", tolerance, cpu, state[:3]))
say("SciPy + SPICE", scipy.__version__, runs)
