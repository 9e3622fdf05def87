"""Home from low Earth orbit: one burn against the motion, to the entry interface."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2
from moonvillage.records.legs import Burn, Event, Leg
from moonvillage.records.places import Arc, EarthGround, EarthOrbit
from moonvillage.trajectory.flown import Coast, circular_state, fly, orbit_radius, sample
from moonvillage.trajectory.planes import triple
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register

Floats = NDArray[np.float64]

#: Flight-path angle at the entry interface when coming from low Earth orbit. Soyuz and Shenzhou enter at about
#: −1.3 to −1.7 deg at 120 km (e.g. A. Kumar & U. Walter, "Soyuz reentry", 2016: −1.35 deg at 100 km).
LEO_ENTRY_FLIGHT_PATH_ANGLE_RAD: Final = float(np.deg2rad(-1.5))


@register(EarthOrbit, EarthGround)
def solve_deorbit(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From a low circular orbit to the entry interface, by one burn against the motion ("deorbit").

    The flight-path angle at the interface is :data:`LEO_ENTRY_FLIGHT_PATH_ANGLE_RAD`, not that of
    :class:`EarthGround`, which is for returns from the Moon. The landing point is free: the burn is at the
    ascending node of the plane ``raan_rad`` (0 where free).
    """
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(target, EarthGround)
    radius = orbit_radius(origin.altitude_m)
    entry_radius = orbit_radius(target.entry_altitude_m)
    gamma = LEO_ENTRY_FLIGHT_PATH_ANGLE_RAD
    if radius < entry_radius + 30e3:
        return failure(
            arc, departure_tdb_s, f"{origin.id} lies within 30 km of the entry interface; it decays by itself."
        )
    r0, v0 = circular_state(radius, origin.inclination_rad, origin.raan_rad or 0.0, 0.0, GM_EARTH_M3_S2)
    speed = float(np.linalg.norm(v0))
    along = v0 / speed
    # conic: the ellipse with apogee at the burn that crosses the interface at gamma
    ratio = radius / entry_radius
    c2 = np.cos(gamma) ** 2
    start = speed * np.sqrt(2.0 * (ratio - 1.0) / (ratio**2 / c2 - 1.0)) if c2 < ratio**2 else speed
    dv = speed - start
    t_end = departure_tdb_s + 0.4 * 2.0 * np.pi * radius / speed
    for turn in range(15):
        path = dynamics.propagate(departure_tdb_s, r0, v0 - dv * along, t_end, centre="earth", stm=True)
        if path.stm is None:
            break
        r, v = path.r_m, path.v_m_s
        distance, pace = float(np.linalg.norm(r)), float(np.linalg.norm(v))
        sine = float(r @ v) / (distance * pace)
        residual = np.array([distance - entry_radius, (sine - np.sin(gamma)) * 1e6])
        if turn and abs(residual[0]) < 1e-3 and abs(residual[1]) < 1e-3:
            break
        acceleration = -GM_EARTH_M3_S2 * r / distance**3
        columns = np.column_stack([-path.stm[:, 3:] @ along, np.concatenate([v, acceleration])])
        gradient_r = np.concatenate([r / distance, np.zeros(3)])
        gradient_s = (
            np.concatenate(
                [v / (distance * pace) - sine * r / distance**2, r / (distance * pace) - sine * v / pace**2]
            )
            * 1e6
        )
        jacobian = np.vstack([gradient_r, gradient_s]) @ columns
        step = np.linalg.solve(jacobian, -residual)
        dv += float(np.clip(step[0], -50.0, 50.0))
        t_end += float(np.clip(step[1], -300.0, 300.0))
    burn = -dv * along
    flown = fly(departure_tdb_s, "earth", r0, v0 + burn, [Coast(t_end, "earth")], dense=options.samples > 0)
    distance = float(np.linalg.norm(flown.r_m))
    sine = float(flown.r_m @ flown.v_m_s) / (distance * float(np.linalg.norm(flown.v_m_s)))
    miss_v = float(abs(np.arcsin(sine) - gamma) * np.linalg.norm(flown.v_m_s))
    if not (abs(distance - entry_radius) < 100.0 and miss_v < 0.1 and dv > 0.0):
        return failure(arc, departure_tdb_s, "The deorbit burn did not converge on the entry interface.")
    detail = f"flight-path angle {np.rad2deg(gamma):.2f} deg at {target.entry_altitude_m / 1e3:.1f} km"
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=departure_tdb_s,
        arrival_tdb_s=t_end,
        converged=True,
        burns=(Burn("deorbit", departure_tdb_s, dv, triple(burn)),),
        events=(Event("departure", departure_tdb_s), Event("entry", t_end, detail)),
        closure_position_m=abs(distance - entry_radius),
        closure_velocity_m_s=miss_v,
        approximation="the landing point is free; no air above the entry interface",
        trajectory=sample(flown.paths, options.samples, "earth"),
        final_centre="earth",
        final_state=np.concatenate([flown.r_m, flown.v_m_s]),
    )
