"""In low Earth orbit: to a station's side, quickly solved.

The chaser waits in a lower circular orbit, catches up, and goes over on half an ellipse. Everything is targeted in
the n-body model with the Earth's J2, against the station propagated in the same model. The chaser's plane at
insertion is biased so that the different regression of the two nodes brings them together at the meeting: that is
what a launch into a rendezvous does, and it costs the launcher nothing. The whole way to the port is another arc
(``Arc.via`` "docking", see ``docking_legs``); this one is for tables of many dates.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import EARTH_J2, EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.records.legs import Burn, Event, Leg
from moonvillage.records.places import Arc, EarthOrbit
from moonvillage.trajectory.flown import Coast, circular_state, fly, orbit_radius, sample
from moonvillage.trajectory.planes import local_axes, triple
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register

Floats = NDArray[np.float64]

#: The classic profile: two days from orbit insertion to docking (Soyuz, Shenzhou, Tianzhou until 2017).
TWO_DAYS_S: Final = 2.0 * 86400.0
#: Planes farther apart than this are another launch, not a rendezvous.
_PLANE_LIMIT_RAD: Final = np.deg2rad(1.0)


def mean_rates(radius_m: float, inclination_rad: float) -> tuple[float, float]:
    """Rates of the argument of latitude and of the node of a circular orbit under J2, rad/s (first order).

    D. A. Vallado, "Fundamentals of Astrodynamics and Applications", 4th ed., section 9.6.
    """
    n = np.sqrt(GM_EARTH_M3_S2 / radius_m**3)
    k = 1.5 * EARTH_J2 * (EARTH_RADIUS_M / radius_m) ** 2 * n
    c2 = np.cos(inclination_rad) ** 2
    # the radius of a circular osculating start is above the mean one by the short-period terms, left to Newton
    return float(n + k * (3.0 * c2 - 1.0) + k * c2), float(-k * np.cos(inclination_rad))


def meeting_plane(origin: EarthOrbit, target: EarthOrbit) -> tuple[float, str]:
    """Node of the station's plane, rad, and a sentence where the chaser's plane is too far from it, else empty."""
    raan = target.raan_rad if target.raan_rad is not None else (origin.raan_rad or 0.0)
    apart = abs(origin.inclination_rad - target.inclination_rad)
    if origin.raan_rad is not None and target.raan_rad is not None:
        turn = np.angle(np.exp(1j * (origin.raan_rad - target.raan_rad)))
        apart = max(apart, abs(float(turn)) * np.sin(target.inclination_rad))
    if apart <= _PLANE_LIMIT_RAD:
        return raan, ""
    return raan, (
        f"The plane of {origin.id} is {np.rad2deg(apart):.1f} deg from that of {target.id}; "
        "a rendezvous is flown within 1 deg, so launch into the station's plane."
    )


@register(EarthOrbit, EarthOrbit)
def solve_rendezvous(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From insertion into a lower (or higher) circular orbit to a station's side.

    The station is at its ascending node at the departure, in the plane ``raan_rad`` (0 where free), circular; it
    is then propagated. The departure is the insertion, and the insertion point is chosen so that the catch-up
    takes ``options.duration_s`` (two days by default). Burns: "phasing", which leaves the lower orbit, and
    "rendezvous", which matches the station's velocity. The last hundreds of metres are not modelled.
    """
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(target, EarthOrbit)
    raan, refusal = meeting_plane(origin, target)
    if refusal:
        return failure(arc, departure_tdb_s, refusal)
    r1, r2 = orbit_radius(origin.altitude_m), orbit_radius(target.altitude_m)
    half = np.pi * np.sqrt((0.5 * (r1 + r2)) ** 3 / GM_EARTH_M3_S2)
    duration = options.duration_s if options.duration_s is not None else TWO_DAYS_S
    if duration < 1.05 * half:
        return failure(
            arc, departure_tdb_s, f"A rendezvous takes at least half a revolution, {half / 60:.0f} minutes."
        )
    t0, t2 = departure_tdb_s, departure_tdb_s + duration
    t1 = t2 - half
    station_r, station_v = circular_state(r2, target.inclination_rad, raan, 0.0, GM_EARTH_M3_S2)
    station = dynamics.propagate(t0, station_r, station_v, t2, centre="earth")
    x, miss = _target(t0, t1, t2, r1, r2, target.inclination_rad, raan, station.r_m, station.v_m_s)
    if not miss < 1.0:
        return failure(arc, departure_tdb_s, f"The rendezvous search stopped {miss:.0f} m from the station.")
    r0, v0 = circular_state(r1, target.inclination_rad + x[2], raan + x[1], x[0], GM_EARTH_M3_S2)
    wait = dynamics.propagate(t0, r0, v0, t1, centre="earth")
    first = local_axes(wait.r_m, wait.v_m_s) @ np.array([x[4], x[3], 0.0])
    flown = fly(t0, "earth", r0, v0, [Coast(t1, "earth", first), Coast(t2, "earth")], dense=options.samples > 0)
    second = station.v_m_s - flown.v_m_s
    burns = (
        Burn("phasing", t1, float(np.linalg.norm(first)), triple(first)),
        Burn("rendezvous", t2, float(np.linalg.norm(second)), triple(second)),
    )
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=t0,
        arrival_tdb_s=t2,
        converged=True,
        burns=burns,
        events=(
            Event("departure", t0, f"insertion, node biased by {np.rad2deg(x[1]):+.3f} deg"),
            Event("arrival", t2, "beside the station"),
        ),
        closure_position_m=float(np.linalg.norm(flown.r_m - station.r_m)),
        closure_velocity_m_s=float(np.linalg.norm(flown.v_m_s + second - station.v_m_s)),
        approximation='air drag and proximity operations are left out (via = "docking" flies them)',
        trajectory=sample(flown.paths, options.samples, "earth"),
        final_centre="earth",
        final_state=np.concatenate([flown.r_m, flown.v_m_s + second]),
    )


def _target(
    t0: float,
    t1: float,
    t2: float,
    r1: float,
    r2: float,
    inclination: float,
    raan: float,
    station_r: Floats,
    station_v: Floats,
) -> tuple[Floats, float]:
    """Newton on (insertion argument, node bias, inclination bias, tangential and radial burn).

    Conditions at t2: the station's position, no radial and no cross-track relative velocity.
    """
    rate1, node1 = mean_rates(r1, inclination)
    rate2, node2 = mean_rates(r2, inclination)
    mean = 0.5 * (r1 + r2)
    rate_m, _ = mean_rates(mean, inclination)
    argument = rate2 * (t2 - t0) - rate1 * (t1 - t0) - rate_m * (t2 - t1)
    speed = np.sqrt(GM_EARTH_M3_S2 / r1)
    x = np.array(
        [
            np.angle(np.exp(1j * argument)),
            (node2 - node1) * (t1 - t0),
            0.0,
            speed * (np.sqrt(r2 / mean) - 1.0),
            0.0,
        ]
    )
    axes2 = local_axes(station_r, station_v)
    rate = np.sqrt(GM_EARTH_M3_S2 / r2**3)
    scale = np.array([1.0, 1.0, 1.0, speed, speed])
    miss = float("inf")
    for _ in range(12):
        r0, v0 = circular_state(r1, inclination + x[2], raan + x[1], x[0], GM_EARTH_M3_S2)
        jacobian0 = np.empty((6, 3))
        for j in range(3):
            e = np.zeros(3)
            e[j] = 1e-6
            high = circular_state(r1, inclination + x[2] + e[2], raan + x[1] + e[1], x[0] + e[0], GM_EARTH_M3_S2)
            low = circular_state(r1, inclination + x[2] - e[2], raan + x[1] - e[1], x[0] - e[0], GM_EARTH_M3_S2)
            jacobian0[:, j] = (np.concatenate(high) - np.concatenate(low)) / 2e-6
        wait = dynamics.propagate(t0, r0, v0, t1, centre="earth", stm=True)
        axes1 = local_axes(wait.r_m, wait.v_m_s)
        burn = axes1 @ np.array([x[4], x[3], 0.0])
        over = dynamics.propagate(t1, wait.r_m, wait.v_m_s + burn, t2, centre="earth", stm=True)
        if wait.stm is None or over.stm is None:
            break
        dr = axes2.T @ (over.r_m - station_r)
        dv = axes2.T @ (over.v_m_s - station_v)
        # radial and cross-track velocity relative to the station's turning axes vanish with the position
        residual = np.array([dr[0], dr[1], dr[2], dv[0] / rate, dv[2] / rate])
        miss = float(np.linalg.norm(dr))
        if miss < 1e-3 and abs(dv[0]) < 1e-5 and abs(dv[2]) < 1e-5:
            break
        at_burn = np.zeros((6, 5))
        at_burn[:, :3] = wait.stm @ jacobian0
        at_burn[3:, 3] = axes1[:, 1]
        at_burn[3:, 4] = axes1[:, 0]
        end = over.stm @ at_burn
        jacobian = np.vstack([axes2.T @ end[:3], (axes2.T @ end[3:])[[0, 2]] / rate])
        step = scale * np.linalg.lstsq(jacobian * scale, -residual, rcond=1e-10)[0]
        longest = float(np.max(np.abs(step / scale)))
        x = x + step * min(1.0, 0.2 / longest)
    return x, miss
