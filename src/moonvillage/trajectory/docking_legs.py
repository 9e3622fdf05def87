"""Legs that end docked: to a station in low Earth orbit, and from one low lunar orbit to a craft in another.

A leg's burns are those of its rendezvous, the pulses of one phase of the approach taken together.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.records.legs import Burn, Event, Leg
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit
from moonvillage.trajectory.catching_up import Insertion, Slot
from moonvillage.trajectory.flown import Coast, circular_state, fly, orbit_radius, sample
from moonvillage.trajectory.planes import normalised, rotate, triple
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register
from moonvillage.trajectory.rendezvous import (
    FAST,
    LUNAR_COELLIPTIC,
    LUNAR_TWO_DAYS,
    TWO_DAYS,
    Profile,
    Rendezvous,
    fitted,
    plan_rendezvous,
)
from moonvillage.trajectory.station_legs import meeting_plane

Floats = NDArray[np.float64]

_PLANE_LIMIT_RAD = float(np.deg2rad(1.0))
#: Planes about the Moon farther apart than this are not turned within a rendezvous.
_LUNAR_PLANE_LIMIT_RAD = float(np.deg2rad(20.0))
#: Shorter flights have no room for the slots of the two-day profile, s.
_FAST_UNDER_S = 32.0 * 3600.0
_COELLIPTIC_UNDER_S = 20.0 * 3600.0


def _profile_of(duration_s: float | None) -> Profile:
    """The profile about the Earth for a duration: two days, or the fast one stretched where there is less time."""
    if duration_s is None:
        return TWO_DAYS
    return fitted(FAST if duration_s < _FAST_UNDER_S else TWO_DAYS, duration_s)


def _to_station(arc: Arc, departure_tdb_s: float, options: SolveOptions, profile: Profile) -> Leg:
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(target, EarthOrbit)
    raan, refusal = meeting_plane(origin, target)
    if refusal:
        return failure(arc, departure_tdb_s, refusal)
    station = np.concatenate(
        circular_state(orbit_radius(target.altitude_m), target.inclination_rad, raan, 0.0, GM_EARTH_M3_S2)
    )
    low = orbit_radius(origin.altitude_m)
    plan = plan_rendezvous("earth", departure_tdb_s, station, Insertion(low, low), profile)
    return _leg(arc, departure_tdb_s, plan, options, "earth")


@register(EarthOrbit, EarthOrbit, via="docking")
def solve_docking(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From insertion to the port of a station: two days, or the fast profile where ``options.duration_s`` is short.

    The station is at its ascending node at the departure, in the plane ``raan_rad`` (0 where free), circular. The
    insertion point and the bias of its plane are chosen; burns are named by phase (``rendezvous.plan_rendezvous``).
    """
    return _to_station(arc, departure_tdb_s, options, _profile_of(options.duration_s))


@register(EarthOrbit, EarthOrbit, via="fast")
def solve_fast_docking(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """The same in 6.5 hours (or ``options.duration_s``)."""
    profile = FAST if options.duration_s is None else fitted(FAST, options.duration_s)
    return _to_station(arc, departure_tdb_s, options, profile)


@register(MoonOrbit, MoonOrbit)
def solve_lunar_docking(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From one low lunar orbit to the port of a craft in another: other altitude, plane and phase.

    ``options.plane_normal`` is the plane of the chaser; None: its inclination, the node on the x axis of ICRF as seen
    from the Moon's pole. The target's plane is the nearest one of its inclination. Two days by default; under 20 h
    the coelliptic profile of Apollo, whose planes must agree within a degree. The chaser's phase is chosen.
    """
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, MoonOrbit)
    assert isinstance(target, MoonOrbit)
    pole = moon_me_matrix(departure_tdb_s)[2]
    if options.plane_normal is not None:
        normal = np.array(options.plane_normal)
    else:
        tilt = 0.5 * np.pi if origin.inclination_rad is None else origin.inclination_rad
        node = normalised(np.array([1.0, 0.0, 0.0]) - pole[0] * pole)
        normal = rotate(pole, node, tilt)
    own = float(np.arccos(np.clip(normal @ pole, -1.0, 1.0)))
    wanted = own if target.inclination_rad is None else target.inclination_rad
    axis = np.cross(pole, normal)
    axis = axis / np.linalg.norm(axis) if np.linalg.norm(axis) > 1e-6 else np.array([1.0, 0.0, 0.0])
    other = rotate(normal, axis, wanted - own)
    apart = abs(wanted - own)
    duration = options.duration_s
    short = duration is not None and duration < _COELLIPTIC_UNDER_S
    profile = LUNAR_COELLIPTIC if short else LUNAR_TWO_DAYS
    limit = _PLANE_LIMIT_RAD if short else _LUNAR_PLANE_LIMIT_RAD
    if apart > limit:
        return failure(
            arc,
            departure_tdb_s,
            f"The planes are {np.rad2deg(apart):.1f} deg apart; the {profile.name} profile turns at most "
            f"{np.rad2deg(limit):.0f} deg. Change planes by another leg first, or wait for the node.",
        )
    if duration is not None:
        profile = fitted(profile, duration)
    if apart > np.deg2rad(0.02) and not short:
        slots = profile.slots
        profile = replace(profile, slots=(*slots[:2], Slot("plane change", "plane", 6.0, "trn"), *slots[2:]))
    radius = MOON_RADIUS_M + target.altitude_m
    node = np.cross(pole, other)
    node = node / np.linalg.norm(node) if np.linalg.norm(node) > 1e-6 else np.array([1.0, 0.0, 0.0])
    speed = np.sqrt(GM_MOON_M3_S2 / radius)
    state = np.concatenate([radius * node, speed * np.cross(other, node)])
    low = MOON_RADIUS_M + origin.altitude_m
    plan = plan_rendezvous(
        "moon", departure_tdb_s, state, Insertion(low, low, normal=None if short else normal), profile
    )
    return _leg(arc, departure_tdb_s, plan, options, "moon")


def _leg(arc: Arc, departure_tdb_s: float, plan: Rendezvous, options: SolveOptions, centre: str) -> Leg:
    if not plan.converged:
        return failure(arc, departure_tdb_s, plan.reason)
    assert plan.chaser_r_m is not None
    assert plan.chaser_v_m_s is not None
    paths: tuple[dynamics.Path, ...] = ()
    if options.samples > 0:
        coasts = [Coast(b.epoch_tdb_s, centre, np.array(b.dv_icrf_m_s)) for b in plan.burns]
        coasts.append(Coast(plan.docking_tdb_s, centre))
        paths = fly(
            departure_tdb_s,
            centre,
            plan.chaser_r_m,
            plan.chaser_v_m_s,
            [c for k, c in enumerate(coasts) if k + 1 == len(coasts) or c.dv_m_s is not None],
            dense=True,
        ).paths
        paths = tuple(path for path in paths if path.epoch_tdb_s > path.start_tdb_s)
    grouped: dict[str, list[Burn]] = {}
    for burn in plan.burns:
        grouped.setdefault(burn.name, []).append(burn)
    burns = []
    for name, several in grouped.items():
        vector = np.sum([b.dv_icrf_m_s for b in several], axis=0)
        first, last = several[0].epoch_tdb_s, several[-1].epoch_tdb_s
        burns.append(
            Burn(
                name,
                first,
                float(sum(b.dv_m_s for b in several)),
                triple(vector),
                last - first,
            )
        )
    burns.sort(key=lambda b: b.epoch_tdb_s)
    note = "the pulses of a phase are listed as one burn"
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=departure_tdb_s,
        arrival_tdb_s=plan.docking_tdb_s,
        converged=True,
        burns=tuple(burns),
        events=(Event("departure", departure_tdb_s), *plan.events, Event("arrival", plan.docking_tdb_s, "docked")),
        closure_position_m=plan.closure_position_m,
        closure_velocity_m_s=plan.closure_velocity_m_s,
        approximation=f"{plan.approximation}; {note}",
        trajectory=sample(paths, options.samples, centre),
        final_centre=centre,
        final_state=plan.final_state,
    )
