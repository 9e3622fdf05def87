"""The hybrid free return: first a free return, and once the craft is known to work, a burn onto the way to its orbit.

Apollo 12 and 14 flew so (hybrid transfer burn some 30 h after injection, 19 m/s on Apollo 12; Apollo 12 Mission
Report, MSC-01855). The free return is solved by ``free_return``; from it the least burn is sought after which the
craft comes to perilune at the height and in the plane of its lunar orbit.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.records.legs import Event, Leg
from moonvillage.records.places import Arc, EarthOrbit, FreeReturn, MoonOrbit
from moonvillage.trajectory.apses import periapsis_with_gradient, with_gradient
from moonvillage.trajectory.flown import Coast, fly, impulse, sample
from moonvillage.trajectory.free_return import solve_free_return
from moonvillage.trajectory.halo_arcs import state_rate
from moonvillage.trajectory.lunar import lunar_family
from moonvillage.trajectory.planes import PlaneFamily
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register

Floats = NDArray[np.float64]

#: When the burn is made, after injection.
HYBRID_AFTER_S: Final = 28.0 * 3600.0
_RIM_S: Final = 18.0 * 3600.0
_TIME: Final = 3000.0
_ITERATIONS: Final = 60
_TRUST_M_S: Final = 15.0
_LATEST_S: Final = 16.0 * 3600.0


def _conditions(family: PlaneFamily) -> tuple[Floats, Floats]:
    """Vectors a (k, 3) and the angles (k,) that the orbit's normal makes with them in every plane of the family."""
    if family.angle_rad == 0.0:
        axis = family.axis
        spare = np.array([1.0, 0.0, 0.0]) if abs(axis[0]) < 0.8 else np.array([0.0, 1.0, 0.0])
        a = np.cross(axis, spare)
        a = a / np.linalg.norm(a)
        return np.stack([a, np.cross(axis, a)]), np.full(2, 0.5 * np.pi)
    return family.axis[None, :], np.array([family.angle_rad])


def _angle(h: Floats, vector: Floats) -> Floats:
    """Angle between unit vectors (..., 3) and one (3,), rad: well determined near 0 and π too."""
    return np.asarray(np.arctan2(np.linalg.norm(np.cross(h, vector), axis=-1), h @ vector))


@register(EarthOrbit, MoonOrbit, via="hybrid")
def solve_hybrid(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """Injection onto a free return ("tli"), a burn onto the way to the lunar orbit ("hybrid"), insertion ("loi").

    Until the hybrid burn, 28 h after injection, the craft would come home by itself. ``options.duration_s`` is not
    used: the free return sets the flight time.
    """
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(target, MoonOrbit)
    radius = MOON_RADIUS_M + target.altitude_m
    tour = FreeReturn(f"{arc.id}-free-return", perilune_altitude_m=max(target.altitude_m, 60e3))
    free = solve_free_return(
        Arc(arc.id, origin, tour), departure_tdb_s, SolveOptions(samples=2, fixed_departure=True)
    )
    if not free.converged or free.trajectory is None:
        return failure(arc, departure_tdb_s, f"The free return: {free.reason}")
    perilune = next(event.epoch_tdb_s for event in free.events if event.name == "perilune")
    start_r, start_v = free.trajectory.r_m[0], free.trajectory.v_m_s[0]
    begin = free.departure_tdb_s + HYBRID_AFTER_S
    coast = dynamics.propagate(free.departure_tdb_s, start_r, start_v, begin, centre="earth")
    family = lunar_family(target, perilune, options.plane_normal)
    vectors, wanted = _conditions(family)
    found: tuple[Floats, float] | str = "no start converged"
    for toward in (0.0, 1.0, -1.0):  # one plane may be reached over either side of the Moon
        nudge = toward * 25.0 * np.cross(coast.r_m, coast.v_m_s)
        nudge = nudge / max(float(np.linalg.norm(np.cross(coast.r_m, coast.v_m_s))), 1.0)
        attempt = _least(begin, coast, perilune, radius, vectors, wanted, nudge)
        if (
            not isinstance(attempt, str)
            and (isinstance(found, str) or np.linalg.norm(attempt[0]) < np.linalg.norm(found[0]))
        ) or isinstance(found, str):
            found = attempt
    if isinstance(found, str):
        return failure(arc, departure_tdb_s, f"The hybrid burn: {found}")
    dv, arrival = found
    rim = arrival - _RIM_S
    flown = fly(
        free.departure_tdb_s,
        "earth",
        start_r,
        start_v,
        [Coast(begin, "earth", dv), Coast(rim, "earth"), Coast(arrival, "moon")],
        dense=options.samples > 0,
    )
    r, v = flown.r_m, flown.v_m_s
    distance, speed = float(np.linalg.norm(r)), float(np.linalg.norm(v))
    normal = np.cross(r, v)
    normal = normal / np.linalg.norm(normal)
    off = float(max(abs(float(_angle(normal, a)) - c) for a, c in zip(vectors, wanted, strict=True)))
    closure = (abs(distance - radius) + off * radius, abs(float(r @ v)) / distance)
    if not (closure[0] < 100.0 and closure[1] < 0.1):
        return failure(
            arc,
            departure_tdb_s,
            f"Flown again in one go, the leg misses its orbit by {closure[0]:.0f} m and {closure[1]:.2f} m/s.",
        )
    circular = float(np.sqrt(GM_MOON_M3_S2 / distance))
    last = v * (circular / speed - 1.0)
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=free.departure_tdb_s,
        arrival_tdb_s=arrival,
        converged=True,
        burns=(*free.burns, impulse("hybrid", begin, dv), impulse("loi", arrival, last)),
        events=(
            Event("departure", free.departure_tdb_s, "onto a free return"),
            Event("hybrid", begin, "leaves the free return"),
            Event("perilune", arrival, f"{(distance - MOON_RADIUS_M) / 1e3:.1f} km"),
            Event("arrival", arrival),
        ),
        c3_m2_s2=free.c3_m2_s2,
        closure_position_m=closure[0],
        closure_velocity_m_s=closure[1],
        approximation="burns are impulses",
        trajectory=sample(flown.paths, options.samples, "earth"),
        final_centre="moon",
        final_state=np.concatenate([r, v + last]),
    )


def _least(
    begin: float, coast: dynamics.Path, perilune: float, radius: float, vectors: Floats, wanted: Floats, start: Floats
) -> tuple[Floats, float] | str:
    """The least burn at ``begin`` that leads to the perilune wanted: (Δv (3,), arrival), or why not."""

    def normals(r: Floats, v: Floats) -> tuple[Floats, ...]:
        h = np.cross(r, v)
        h = h / np.linalg.norm(h, axis=-1, keepdims=True)
        return tuple(_angle(h, vector) for vector in vectors)

    dv, arrival = start.copy(), perilune
    # the cone of planes near the equator is narrow: a long step would leap across it
    narrow = len(wanted) == 1 and float(np.sin(wanted[0])) < 0.1
    trust = 0.05 * _TRUST_M_S if narrow else _TRUST_M_S
    before, residual = np.inf, np.full(2, np.inf)
    for _ in range(_ITERATIONS * (2 if narrow else 1)):
        rim = arrival - _RIM_S
        out = dynamics.propagate(begin, coast.r_m, coast.v_m_s + dv, rim, centre="earth", stm=True)
        if out.reason or out.stm is None:
            return "the flight runs into a body."
        r, v = dynamics.change_centre(rim, out.r_m, out.v_m_s, "earth", "moon")
        down = dynamics.propagate(rim, r, v, arrival, centre="moon", stm=True)
        if down.reason or down.stm is None:
            return "the flight runs into the Moon."
        value, slope = periapsis_with_gradient(down.r_m, down.v_m_s, GM_MOON_M3_S2)
        plane, plane_slope = with_gradient(normals, down.r_m, down.v_m_s)
        scale = np.array([radius, _TIME])
        residual = np.concatenate([(value - [radius, 0.0]) / scale, plane - wanted])
        gradient = np.vstack([slope / scale[:, None], plane_slope])
        matrix = down.stm @ out.stm
        rate = state_rate(arrival, down.state, "moon")
        # unknowns: Δv (m/s) and the arrival, which costs nothing
        jacobian = np.column_stack([gradient @ matrix[:, 3:], gradient @ rate * 3600.0])
        size = float(np.linalg.norm(dv))
        if float(np.max(np.abs(residual))) < 1e-7 and abs(size - before) < 0.02:
            return dv, arrival
        before = size
        weight = np.array([1.0, 1.0, 1.0, 1e4])
        target = jacobian @ np.append(dv, 0.0) - residual
        gram = (jacobian * weight) @ jacobian.T
        solution = weight * (jacobian.T @ np.linalg.lstsq(gram, target, rcond=1e-13)[0])
        step, shift = solution[:3] - dv, float(solution[3]) * 3600.0
        part = min(1.0, trust / max(float(np.linalg.norm(step)), 1e-9), 2400.0 / max(abs(shift), 1e-9))
        dv = dv + part * step
        arrival = float(np.clip(arrival + part * shift, perilune - _LATEST_S, perilune + _LATEST_S))
    off = np.rad2deg(float(np.max(np.abs(residual[2:]))))
    if narrow and off > 0.5:
        return (
            f"the free return arrives some {off:.1f} deg outside all planes of that inclination; an orbit "
            "steeper to the equator by that can be reached."
        )
    return f"the search stopped short of the orbit ({float(np.max(np.abs(residual))):.1e})."
