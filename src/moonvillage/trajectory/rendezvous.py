"""Rendezvous and docking, about the Earth and about the Moon: from insertion to contact, in the n-body model.

A profile has two parts: phasing over hours or days to an aim point on the target's path (``catching_up``), and the
terminal phase through hold points and corridor to the port (``proximity``). :func:`plan_rendezvous` joins both, flies
the whole plan again in one go, and returns all of it; the registered solvers make legs of it.

:func:`plan_rendezvous` in short::

    station = orbit_state("earth", 393e3, inclination_rad, raan_rad, argument_rad)      # r, v at the insertion
    plan = plan_rendezvous("earth", insertion_tdb_s, station, Insertion(q, Q), TWO_DAYS)
    plan.reason, plan.burns, plan.docking_tdb_s, plan.dv_m_s, plan.propellant_kg, plan.relative
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_M3_S2, MOON_RADIUS_M
from moonvillage.records.legs import Burn, Event
from moonvillage.trajectory.catching_up import Insertion, Phasing, Slot, phase
from moonvillage.trajectory.flown import Coast, fly
from moonvillage.trajectory.planes import triple
from moonvillage.trajectory.ports import mate
from moonvillage.trajectory.proximity import (
    Approach,
    Hold,
    RelativeTrajectory,
    Terminal,
    approach_target,
    relative_state,
    trailing_time,
)
from moonvillage.trajectory.proximity import duration as terminal_duration
from moonvillage.units import STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]

_RADIUS: Final = {"earth": EARTH_RADIUS_M, "moon": MOON_RADIUS_M}
#: Lower than this a chaser is not flown: air, and mountains.
_FLOOR_M: Final = {"earth": 130e3, "moon": 8e3}
HOUR_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Profile:
    """A way of catching up and docking.

    ``duration_s`` runs from insertion to contact; ``slots`` are the phasing burns; ``coelliptic_m`` is how far below
    the target the chaser settles before it goes up; ``phasing_fraction`` the height of the phasing orbit between
    insertion (0) and that (1) where the phase is free to choose.
    """

    name: str
    duration_s: float
    slots: tuple[Slot, ...]
    approach: Approach = Approach()
    coelliptic_m: float = 15e3
    phasing_fraction: float = 0.7


def _long(last: float = -2.5) -> tuple[Slot, ...]:
    return (
        Slot("perigee raise", "raise", 4.5, "t"),
        Slot("phasing", "settle", 12.0, "tn"),
        Slot("departure", "leave", last, "tn"),
        Slot("coelliptic", "coelliptic", last + 0.5, "tr"),
        Slot("transfer", "transfer", -0.5, "trn"),
    )


#: Insertion to contact in about two days with five orbit changes, hand-over 52 km behind (Shenzhou-8 to -11,
#: Tianzhou-1: CMSA press reports of 2011, 2016 and 2017; perigee raised in the fifth revolution).
TWO_DAYS: Final = Profile("two-day", 48.0 * HOUR_S, _long())
#: Insertion to contact in 6.5 h (Tianzhou-1's fast docking of 2017-09-12; Shenzhou from 2021).
FAST: Final = Profile(
    "6.5-hour",
    6.5 * HOUR_S,
    (
        Slot("perigee raise", "raise", 0.5, "t"),
        Slot("phasing", "settle", 1.0, "tn"),
        Slot("departure", "leave", -1.5, "tn"),
        Slot("coelliptic", "coelliptic", -1.0, "tr"),
        Slot("transfer", "transfer", -0.5, "trn"),
    ),
)
#: Two days in low lunar orbit, hand-over 50 km behind (Chang'e 5: ascent to docking in 2.27 d, four phasing burns of
#: the ascender, autonomous from 50 km; CNSA 2020).
LUNAR_TWO_DAYS: Final = Profile(
    "lunar two-day",
    48.0 * HOUR_S,
    (
        Slot("perilune raise", "raise", 1.5, "t"),
        Slot("phasing", "settle", 4.0, "tn"),
        Slot("departure", "leave", -2.5, "tn"),
        Slot("coelliptic", "coelliptic", -2.0, "tr"),
        Slot("transfer", "transfer", -0.5, "trn"),
    ),
    approach=Approach(start_distance_m=50_000.0),
)
#: Apollo's coelliptic rendezvous: CSI at the first apolune, CDH half a revolution on, TPI 15 nmi below and 130°
#: of the way before, docking some 3.5 h after insertion (Apollo 11 Mission Report, MSC-00171, section 5).
LUNAR_COELLIPTIC: Final = Profile(
    "lunar coelliptic",
    3.5 * HOUR_S,
    (
        Slot("csi", "raise", 0.5, "t"),
        Slot("cdh", "settle", 1.0, "tr"),
        Slot("tpi", "transfer", -0.36, "trn"),
    ),
    approach=Approach(
        start_distance_m=400.0, holds=(Hold(140.0, 60.0), Hold(30.0, 60.0)), contact_m_s=0.2, corridor_m=399.0
    ),
    coelliptic_m=27.8e3,
    phasing_fraction=1.0,
)
PROFILES: Final = {profile.name: profile for profile in (TWO_DAYS, FAST, LUNAR_TWO_DAYS, LUNAR_COELLIPTIC)}


@dataclass(frozen=True, slots=True)
class Refuelling:
    """What is pumped over once docked: begins ``after_s`` after contact, takes ``duration_s``, moves ``mass_kg``."""

    after_s: float
    duration_s: float
    mass_kg: float


@dataclass(frozen=True, slots=True, eq=False)
class Rendezvous:
    """A rendezvous flown to contact, or why there is none (``reason`` not empty, then the rest is of no use).

    ``burns`` are all impulses, in order, with what the propulsion gives; ``events`` what happens. ``phases`` gives
    the Δv by phase. ``propellant_kg`` follows the rocket equation where mass and specific impulse were given.
    ``relative`` is the terminal phase on the target's turning RSW axes. ``chaser_r_m``, ``chaser_v_m_s``: at
    insertion, ICRF about ``centre``; ``final_state`` (6,): docked. ``closure_position_m`` is the distance of chaser
    and port at contact when the whole plan is flown again in one go from insertion; ``closure_velocity_m_s`` how far
    the closing velocity there is from the contact velocity that was planned. ``lead_rad`` is by how much the target
    leads at insertion; ``bias_rad`` how far the insertion plane is turned from the target's (at the node's
    quadrature, at the node).
    """

    profile: str
    centre: str
    insertion_tdb_s: float
    docking_tdb_s: float
    burns: tuple[Burn, ...] = ()
    events: tuple[Event, ...] = ()
    phases: tuple[tuple[str, float], ...] = ()
    propellant_kg: float | None = None
    relative: RelativeTrajectory | None = None
    chaser_r_m: Floats | None = None
    chaser_v_m_s: Floats | None = None
    final_state: Floats | None = None
    phasing_radius_m: float = float("nan")
    lead_rad: float = float("nan")
    bias_rad: tuple[float, float] = (0.0, 0.0)
    contact_m_s: float = float("nan")
    worst_cone_rad: float = float("nan")
    worst_speed: float = float("nan")
    closure_position_m: float = float("nan")
    closure_velocity_m_s: float = float("nan")
    approximation: str = ""
    reason: str = ""

    @property
    def converged(self) -> bool:
        """Whether contact is reached under all rules."""
        return not self.reason

    @property
    def dv_m_s(self) -> float:
        """What the propulsion gives in all, m/s."""
        return float(sum(burn.dv_m_s for burn in self.burns))


def fitted(profile: Profile, duration_s: float) -> Profile:
    """The profile stretched or shortened to another duration; the terminal phase keeps its length."""
    return replace(profile, duration_s=duration_s)


def plan_rendezvous(
    centre: str,
    insertion_tdb_s: float,
    target_state: Floats,
    insertion: Insertion,
    profile: Profile,
    *,
    docking_tdb_s: float | None = None,
    mass_kg: float | None = None,
    isp_s: float | None = None,
    ports: tuple[Sequence[str], Sequence[str]] | None = None,
    crewed_target: bool = True,
    refuelling: Sequence[Refuelling] = (),
) -> Rendezvous:
    """From insertion to docking with a target.

    Parameters
    ----------
    centre
        ``"earth"`` or ``"moon"``.
    insertion_tdb_s
        The chaser's insertion, TDB seconds past J2000.
    target_state
        The target at that epoch: (6,) r m, v m/s, ICRF about the body.
    insertion
        The chaser's state, or only the apses of its orbit: then plane and phase are chosen as a launch would.
    profile
        One of :data:`PROFILES` or one's own.
    docking_tdb_s
        Contact; None: ``profile.duration_s`` after the insertion.
    mass_kg, isp_s
        Of the chaser at insertion; both or neither.
    ports
        Ports of chaser and target, checked before anything is flown (:func:`moonvillage.trajectory.ports.mate`).
    crewed_target
        Whether somebody aboard could take over; an uncrewed one is docked with all the same, and it is noted.
    refuelling
        What is pumped after docking.

    Returns
    -------
    Rendezvous
        Failures (ports that do not mate, a phase that cannot be caught, a rule of the corridor broken) are
        results with a ``reason``.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves the ephemeris.
    """
    mu = GM_M3_S2[centre]
    end = insertion_tdb_s + profile.duration_s if docking_tdb_s is None else docking_tdb_s

    def fail(reason: str) -> Rendezvous:
        return Rendezvous(profile.name, centre, insertion_tdb_s, float("nan"), reason=reason)

    standard = ""
    if ports is not None:
        mating = mate(*ports)
        if not mating.possible:
            return fail(mating.reason)
        standard = mating.standard
    radius, speed = float(np.linalg.norm(target_state[:3])), float(np.linalg.norm(target_state[3:]))
    energy = 0.5 * speed**2 - mu / radius
    if not energy < 0.0:
        return fail("The target is not in orbit.")
    period = 2.0 * np.pi * np.sqrt((-0.5 * mu / energy) ** 3 / mu)
    approach = profile.approach
    last = terminal_duration(approach, period)
    handover = end - last
    if handover - insertion_tdb_s < 0.4 * period:
        return fail(
            f"The terminal phase takes {last / 3600:.1f} h and phasing at least half a revolution; "
            f"{(end - insertion_tdb_s) / 3600:.1f} h are too short for the {profile.name} profile."
        )
    lag = abs(trailing_time(approach, speed)) + 120.0
    before = dynamics.propagate(
        insertion_tdb_s, target_state[:3], target_state[3:], insertion_tdb_s - lag, centre=centre
    )
    target = dynamics.propagate(insertion_tdb_s - lag, before.r_m, before.v_m_s, end + lag, centre=centre, dense=True)
    if target.reason:
        return fail(f"The target does not stay in orbit until docking: {target.reason}.")
    caught = phase(
        centre,
        insertion_tdb_s,
        handover,
        insertion,
        target,
        trailing_time(approach, speed),
        profile.slots,
        coelliptic_m=profile.coelliptic_m,
        phasing_fraction=profile.phasing_fraction,
    )
    if caught.reason:
        return fail(caught.reason)
    terminal = approach_target(centre, handover, caught.r1_m, caught.v1_m_s, target, approach, float(period))
    if terminal.reason:
        return fail(terminal.reason)
    return _joined(profile, centre, target, caught, terminal, mass_kg, isp_s, standard, crewed_target, refuelling)


def _joined(
    profile: Profile,
    centre: str,
    target: dynamics.Path,
    caught: Phasing,
    terminal: Terminal,
    mass_kg: float | None,
    isp_s: float | None,
    standard: str,
    crewed_target: bool,
    refuelling: Sequence[Refuelling],
) -> Rendezvous:
    contact = terminal.contact_tdb_s
    burns = [
        Burn(b.name, b.epoch_tdb_s, float(np.linalg.norm(b.dv_icrf_m_s)), triple(b.dv_icrf_m_s)) for b in caught.burns
    ]
    burns += [Burn(p.phase, p.epoch_tdb_s, p.spent_m_s, triple(p.dv_icrf_m_s)) for p in terminal.pulses]
    coasts: list[Coast] = []
    kicks: list[tuple[float, Floats]] = []
    for burn in burns:  # impulses of one instant are one
        dv = np.array(burn.dv_icrf_m_s)
        if kicks and burn.epoch_tdb_s - kicks[-1][0] < 1e-6:
            kicks[-1] = (kicks[-1][0], kicks[-1][1] + dv)
        else:
            kicks.append((burn.epoch_tdb_s, dv))
    coasts = [Coast(epoch, centre, dv) for epoch, dv in kicks]
    coasts.append(Coast(contact, centre))
    flown = fly(caught.start_tdb_s, centre, caught.r0_m, caught.v0_m_s, coasts, dense=True)
    lowest, when = _lowest(flown.paths, _RADIUS[centre])
    if lowest < _FLOOR_M[centre]:
        return Rendezvous(
            profile.name,
            centre,
            caught.start_tdb_s,
            float("nan"),
            reason=f"On its way the chaser comes down to {lowest / 1e3:.0f} km, "
            f"{(when - caught.start_tdb_s) / 3600:.1f} h after insertion; insert it higher, or raise it sooner.",
        )
    there = target.at(contact)
    apart = float(np.linalg.norm(flown.r_m - there[:3]))
    _, closing = relative_state(np.concatenate([flown.r_m, flown.v_m_s]), there)
    _, planned = relative_state(np.concatenate([terminal.r_m, terminal.v_m_s]), there)
    phases: dict[str, float] = {}
    for burn in burns:
        phases[burn.name] = phases.get(burn.name, 0.0) + burn.dv_m_s
    events = [Event("insertion", caught.start_tdb_s, f"the target leads by {np.rad2deg(caught.lead_rad):.1f} deg")]
    events += [Event(b.name, b.epoch_tdb_s) for b in caught.burns[:-1]]
    events.append(Event("lowest", when, f"{lowest / 1e3:.1f} km"))
    events.append(Event("hand-over", terminal.start_tdb_s, f"{profile.approach.start_distance_m / 1e3:g} km"))
    for distance, begin, finish in terminal.holds:
        events.append(Event("hold", begin, f"{distance:g} m"))
        events.append(Event("go", finish, f"from {distance:g} m"))
    detail = f"{float(np.linalg.norm(closing[0])):.2f} m/s"
    detail += f", {standard}" if standard else ""
    detail += "" if crewed_target else ", nobody aboard the target"
    events.append(Event("contact", contact, detail))
    for pumping in refuelling:
        begin = contact + pumping.after_s
        events.append(Event("refuelling begins", begin, f"{pumping.mass_kg:g} kg"))
        events.append(Event("refuelling complete", begin + pumping.duration_s, f"{pumping.mass_kg:g} kg"))
    events.sort(key=lambda event: event.epoch_tdb_s)
    propellant = None
    total = float(sum(burn.dv_m_s for burn in burns))
    if mass_kg is not None and isp_s is not None:
        propellant = mass_kg * -float(np.expm1(-total / (isp_s * STANDARD_GRAVITY_M_S2)))
    notes = "burns are impulses; no navigation errors; " + ("air drag is left out" if centre == "earth" else "")
    return Rendezvous(
        profile=profile.name,
        centre=centre,
        insertion_tdb_s=caught.start_tdb_s,
        docking_tdb_s=contact,
        burns=tuple(burns),
        events=tuple(events),
        phases=tuple(phases.items()),
        propellant_kg=propellant,
        relative=terminal.relative,
        chaser_r_m=caught.r0_m,
        chaser_v_m_s=caught.v0_m_s,
        final_state=there,
        phasing_radius_m=caught.phasing_radius_m,
        lead_rad=caught.lead_rad,
        bias_rad=caught.bias_rad,
        contact_m_s=float(np.linalg.norm(closing[0])),
        worst_cone_rad=terminal.worst_cone_rad,
        worst_speed=terminal.worst_speed,
        closure_position_m=apart,
        closure_velocity_m_s=float(np.linalg.norm(closing[0] - planned[0])),
        approximation=notes.rstrip("; "),
    )


def _lowest(paths: Sequence[dynamics.Path], radius_m: float) -> tuple[float, float]:
    """Least height above a radius along a flight, m, and its epoch."""
    best = (float("inf"), float("nan"))
    for path in paths:
        if path.epoch_tdb_s <= path.start_tdb_s:
            continue
        epochs = np.linspace(
            path.start_tdb_s, path.epoch_tdb_s, int((path.epoch_tdb_s - path.start_tdb_s) / 60.0) + 2
        )
        height = np.linalg.norm(path.at(epochs)[:, :3], axis=1) - radius_m
        k = int(np.argmin(height))
        best = min(best, (float(height[k]), float(epochs[k])))
    return best
