"""brahe: its numerical orbit propagator with the Moon and the Sun from DE440."""

from __future__ import annotations

import os
import sys

from common import BSP, CASE, LADDER, WORK, least, run, say

os.environ["BRAHE_CACHE"] = os.path.join(WORK, "brahe")  # it looks for kernels there, and would download them
kernel = os.path.join(WORK, "brahe", "naif", "de440.bsp")
os.makedirs(os.path.dirname(kernel), exist_ok=True)
if not os.path.exists(kernel):
    os.symlink(BSP, kernel)

import brahe  # noqa: E402
import numpy as np  # noqa: E402

brahe.set_global_eop_provider_from_static_provider(brahe.StaticEOPProvider.from_zero())
EPOCH = brahe.Epoch.from_jd(2451545.0 + CASE["epoch_tdb_s"] / 86400.0, brahe.TimeSystem.TT)
STATE = np.array(CASE["r_m"] + CASE["v_m_s"])
FORCES = brahe.ForceModelConfig(
    gravity=brahe.GravityConfiguration(),
    third_body=[
        brahe.ThirdBodyConfiguration(body, brahe.EphemerisSource.DE440)
        for body in (brahe.ThirdBody.SUN, brahe.ThirdBody.MOON)
    ],
    frame_transform=brahe.FrameTransformationModel.EARTH_ROTATION_ONLY,
)


def settings(method: str, tolerance: float, stm: bool) -> brahe.NumericalPropagationConfig:
    found = brahe.NumericalPropagationConfig.with_method(getattr(brahe.IntegrationMethod, method))
    found = found.with_abs_tol(tolerance).with_rel_tol(tolerance).with_max_step(86400.0)
    return found.with_stm() if stm else found


def fly(method: str, tolerance: float, stm: bool) -> np.ndarray:
    craft = brahe.NumericalOrbitPropagator(EPOCH, STATE, settings(method, tolerance, stm), FORCES)
    craft.propagate_to(EPOCH + CASE["duration_s"])
    return craft.current_state()


def fly_many(method: str, tolerance: float, states: list[np.ndarray]) -> np.ndarray:
    chosen = settings(method, tolerance, False)
    craft = [brahe.NumericalOrbitPropagator(EPOCH, state, chosen, FORCES) for state in states]
    brahe.par_propagate_to(craft, EPOCH + CASE["duration_s"])
    return craft[0].current_state()


runs = []
for method in ("RKN1210", "RKF78", "DP54"):
    for tolerance in LADDER:
        state, cpu = least(lambda m=method, t=tolerance: fly(m, t, False))
        runs.append(run("state", method, tolerance, cpu, state[:3]))
    for tolerance in LADDER[1:]:
        try:
            state, cpu = least(lambda m=method, t=tolerance: fly(m, t, True))
        except BaseException as reason:  # its panics are not Exceptions
            print(f"brahe {method} with variations: {str(reason)[:80]}", file=sys.stderr)
            break
        runs.append(run("stm", method, tolerance, cpu, state[:3]))
states = [STATE + np.concatenate([np.zeros(3), kick]) for kick in CASE["kicks_m_s"]]
for tolerance in LADDER[3:]:
    state, cpu = least(lambda t=tolerance: fly_many("RKN1210", t, states), most=6)
    runs.append(run("batch", "RKN1210", tolerance, cpu / len(states), state[:3]))
say("brahe", brahe.__version__, runs)
