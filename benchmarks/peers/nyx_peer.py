"""Nyx: its Dormand-Prince 7(8) and Runge-Kutta 8(9), with the Moon and the Sun from DE440 and our masses."""

from __future__ import annotations

import os
from importlib import metadata

import numpy as np
from anise.utils import convert_tpc
from common import BSP, CASE, LADDER, WORK, least, run, say
from nyx_space import Orbit, Spacecraft
from nyx_space.anise import Almanac
from nyx_space.anise.constants import Frames
from nyx_space.mission_design import (
    AccelModels,
    Dynamics,
    ForceModels,
    IntegratorMethod,
    IntegratorOptions,
    PointMasses,
    Propagator,
)
from nyx_space.time import Epoch, Unit

BODIES = {"sun": 10, "moon": 301, "earth": 399}


def constants() -> str:
    """Masses and axes of the three bodies, as Nyx's almanac wants them."""
    masses, axes, made = (os.path.join(WORK, f"nyx.{end}") for end in ("gm.tpc", "pck.tpc", "pca"))
    with open(masses, "w") as file:
        file.write("KPL/PCK\n\\begindata\n")
        file.writelines(f"BODY{n}_GM = ( {CASE['gm_m3_s2'][body] / 1e9:.10f} )\n" for body, n in BODIES.items())
        file.write("\\begintext\n")
    with open(axes, "w") as file:
        file.write("KPL/PCK\n\\begindata\n")
        for n, radius in ((10, 696000.0), (399, 6378.1366), (301, 1737.4)):
            file.write(f"BODY{n}_RADII = ( {radius} {radius} {radius} )\n")
            file.write(
                f"BODY{n}_POLE_RA = ( 0. 0. 0. )\nBODY{n}_POLE_DEC = ( 90. 0. 0. )\nBODY{n}_PM = ( 0. 0. 0. )\n"
            )
        file.write("\\begintext\n")
    convert_tpc(axes, masses, made, True)
    return made


ALMANAC = Almanac(BSP).load(constants())
EARTH = ALMANAC.frame_info(Frames.EARTH_J2000)
EPOCH = Epoch.from_et_seconds(CASE["epoch_tdb_s"])
DYNAMICS = Dynamics(AccelModels(point_masses=PointMasses([BODIES["moon"], BODIES["sun"]])), ForceModels())


def craft(kick_m_s: list[float] | None = None) -> Spacecraft:
    r = np.array(CASE["r_m"]) / 1e3
    v = (np.array(CASE["v_m_s"]) + (kick_m_s or [0.0, 0.0, 0.0])) / 1e3
    return Spacecraft(Orbit.from_cartesian(*r, *v, EPOCH, EARTH))


def propagator(method: IntegratorMethod, tolerance: float) -> Propagator:
    steps = IntegratorOptions(min_step=Unit.Second * 0.001, max_step=Unit.Day * 1, tolerance=tolerance)
    return Propagator(DYNAMICS, ALMANAC, method, steps)


def end(result: object) -> list[float]:
    orbit = result.state.orbit
    return [orbit.x_km * 1e3, orbit.y_km * 1e3, orbit.z_km * 1e3]


runs = []
ONE, SPAN = craft(), Unit.Second * CASE["duration_s"]
for name, method in (("DP78", IntegratorMethod.DormandPrince78), ("RK89", IntegratorMethod.RungeKutta89)):
    for tolerance in LADDER[1:]:
        flier = propagator(method, tolerance)
        found, cpu = least(lambda f=flier: f.for_duration(ONE, SPAN, trajectory=False))
        runs.append(run("state", name, tolerance, cpu, end(found)))
many = [craft(kick) for kick in CASE["kicks_m_s"]]
for tolerance in LADDER[3:]:
    flier = propagator(IntegratorMethod.DormandPrince78, tolerance)
    found, cpu = least(lambda f=flier: f.many_for_duration(many, SPAN, trajectory=False), most=4)
    runs.append(run("batch", "DP78", tolerance, cpu / len(many), end(found[0])))
say("Nyx", metadata.version("nyx_space"), runs)
