"""Orekit: Dormand-Prince 8(5,3) with the Moon and the Sun from DE440 and our masses.

Orekit reads JPL's binary files, not SPICE kernels, so the kernel's coefficients are laid out as such a file first.
"""

from __future__ import annotations

import os
import struct

import numpy as np
from common import BSP, CASE, WORK, least, run, say
from jplephem.spk import SPK

AU_KM, DAY_S = 149597870.7, 86400.0
#: (position in JPL's list of bodies, kernel centre, target)
BODIES = ((2, 0, 3), (9, 3, 301), (10, 0, 10))


def jpl_file(folder: str) -> None:
    """A file ``lnxp2000.440`` with 64 blocks of 32 days around the case: Earth-Moon barycentre, Moon, Sun."""
    kernel = SPK.open(BSP)
    earth_moon = {t: kernel[3, t].load_array() for t in (399, 301)}
    blocks, layout, position = 16, {}, 3
    tables = {}
    for slot, centre, target in BODIES:
        first, step, coefficients = kernel[centre, target].load_array()  # (components, records, coefficients)
        if slot == 9:  # the Moon about the Earth
            coefficients = coefficients - earth_moon[399][2]
        tables[slot] = (first, step, coefficients)
        subs = round(32.0 / step)
        layout[slot] = (position, coefficients.shape[2], subs)
        position += 3 * coefficients.shape[2] * subs
    size = position - 1
    middle = 2451545.0 + CASE["epoch_tdb_s"] / DAY_S
    start = tables[2][0] + 32.0 * (np.floor((middle - tables[2][0]) / 32.0) - blocks // 2)
    names = (b"DENUM ", b"AU    ", b"EMRAT ", b"GMB   ", b"GMS   ", b"CLIGHT")
    gm = {body: value / 1e9 / AU_KM**3 * DAY_S**2 for body, value in CASE["gm_m3_s2"].items()}
    emrat = gm["earth"] / gm["moon"]
    values = (440.0, AU_KM, emrat, gm["earth"] + gm["moon"], gm["sun"], 299792.458)
    head = bytearray(8 * max(size, 360))
    head[:252] = b"JPL Planetary Ephemeris DE440".ljust(252)
    head[252 : 252 + 6 * len(names)] = b"".join(names)
    struct.pack_into("<3d", head, 2652, start, start + 32.0 * blocks, 32.0)
    struct.pack_into("<i", head, 2676, len(names))
    struct.pack_into("<2d", head, 2680, AU_KM, emrat)
    for slot, triple in layout.items():
        struct.pack_into("<3i", head, 2696 + 12 * slot, *triple)
    struct.pack_into("<i", head, 2840, 440)
    second = struct.pack(f"<{len(values)}d", *values).ljust(8 * size, b"\0")
    with open(os.path.join(folder, "lnxp2000.440"), "wb") as file:
        file.write(bytes(head[: 8 * size]))
        file.write(second)
        for block in range(blocks):
            begin = start + 32.0 * block
            words = [np.array([begin, begin + 32.0])]
            for slot, _, _ in BODIES:
                first, step, coefficients = tables[slot]
                for sub in range(layout[slot][2]):
                    record = round((begin + sub * step - first) / step)
                    words.append(coefficients[:, record, :].ravel())
            file.write(np.concatenate(words).astype("<f8").tobytes())


folder = os.path.join(WORK, "orekit")
os.makedirs(folder, exist_ok=True)
jpl_file(folder)

import orekit_jpype  # noqa: E402

orekit_jpype.initVM()

from java.io import File  # noqa: E402
from org.hipparchus.geometry.euclidean.threed import Vector3D  # noqa: E402
from org.hipparchus.ode.nonstiff import DormandPrince853Integrator  # noqa: E402
from org.orekit.bodies import CelestialBodyFactory, CR3BPSystem  # noqa: E402
from org.orekit.data import DataContext, DirectoryCrawler  # noqa: E402
from org.orekit.estimation.iod import IodLambert  # noqa: E402
from org.orekit.forces.gravity import NewtonianAttraction, ThirdBodyAttraction  # noqa: E402
from org.orekit.frames import FramesFactory  # noqa: E402
from org.orekit.orbits import CartesianOrbit, HaloOrbit, OrbitType  # noqa: E402
from org.orekit.propagation import SpacecraftState  # noqa: E402
from org.orekit.propagation.numerical import NumericalPropagator  # noqa: E402
from org.orekit.time import AbsoluteDate, TimeScalesFactory  # noqa: E402
from org.orekit.utils import PVCoordinates  # noqa: E402

DataContext.getDefault().getDataProvidersManager().addProvider(DirectoryCrawler(File(folder)))
TDB = TimeScalesFactory.getTDB()
EPOCH = AbsoluteDate(2000, 1, 1, 12, 0, 0.0, TDB).shiftedBy(CASE["epoch_tdb_s"])
FRAME, MU = FramesFactory.getGCRF(), CASE["gm_m3_s2"]["earth"]
PV = PVCoordinates(Vector3D(*CASE["r_m"]), Vector3D(*CASE["v_m_s"]))
SCALES = [1e7] * 3 + [1e3] * 3 + [1e3]


def fly(tolerance: float, stm: bool) -> list[float]:
    steps = DormandPrince853Integrator(1e-3, DAY_S, [tolerance * s for s in SCALES], [tolerance] * 7)
    flier = NumericalPropagator(steps)
    flier.setOrbitType(OrbitType.CARTESIAN)
    flier.addForceModel(NewtonianAttraction(MU))
    flier.addForceModel(ThirdBodyAttraction(CelestialBodyFactory.getMoon()))
    flier.addForceModel(ThirdBodyAttraction(CelestialBodyFactory.getSun()))
    flier.setInitialState(SpacecraftState(CartesianOrbit(PV, FRAME, EPOCH, MU)))
    harvester = flier.setupMatricesComputation("stm", None, None) if stm else None
    state = flier.propagate(EPOCH.shiftedBy(CASE["duration_s"]))
    if harvester is not None:
        harvester.getStateTransitionMatrix(state)
    r = state.getPVCoordinates(FRAME).getPosition()
    return [r.getX(), r.getY(), r.getZ()]


runs = []
for tolerance in (1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8):
    for what, stm in (("state", False), ("stm", True)):
        for _ in range(30):
            fly(tolerance, stm)  # the virtual machine compiles what is hot
        r, cpu = least(lambda t=tolerance, s=stm: fly(t, s), seconds=1.5)
        runs.append(run(what, "DP853", tolerance, cpu, r))


def halo() -> list[float]:
    """The near-rectilinear guess, made periodic: half a period and the state where it starts."""
    system = CR3BPSystem(
        CelestialBodyFactory.getEarth(), CelestialBodyFactory.getMoon(), CASE["halo_guess"]["length_m"]
    )
    guess = CASE["halo_guess"]
    pv = PVCoordinates(Vector3D(*guess["r"]), Vector3D(*guess["v"]))
    orbit = HaloOrbit(system, pv, guess["period"])
    orbit.applyDifferentialCorrection()
    start = orbit.getInitialPV()
    return [start.getPosition().getX(), start.getVelocity().getY(), orbit.getOrbitalPeriod()]


def lambert() -> None:
    """Every case of the list, one by one: that is how Orekit is called."""
    for r1, r2, span in zip(CASE["lambert"]["r1"], CASE["lambert"]["r2"], CASE["lambert"]["tof_s"], strict=True):
        first = PVCoordinates(Vector3D(*r1), Vector3D.ZERO).getPosition()
        solver.estimate(FRAME, True, 0, first, EPOCH, Vector3D(*r2), EPOCH.shiftedBy(span))


found, cpu = least(halo, seconds=4.0)
runs.append(run("halo", "CR3BPDifferentialCorrection", 0.0, cpu, found))
solver = IodLambert(CASE["lambert"]["gm"])
for _ in range(3):
    lambert()
_, cpu = least(lambert, seconds=2.0)
runs.append(run("lambert", "IodLambert", 0.0, cpu / len(CASE["lambert"]["tof_s"]), [0.0]))
say("Orekit", "13.1.9", runs)
