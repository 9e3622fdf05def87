"""To the halo orbits about L1 and L2: past the Moon with a burn at perilune, or to a member without the way there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from moonvillage import trajectory
from moonvillage.catalog.schema import date, flag, integer
from moonvillage.catalog.schema import quantity as measure
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.records.places import Arc, EarthOrbit, Halo
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.orbits import burnt
from moonvillage.replay.records import Computed, Outcome
from moonvillage.trajectory import halo
from moonvillage.trajectory.cr3bp import TIME_S


@dataclass(frozen=True, slots=True, kw_only=True)
class HaloFlight(Step):
    """From a parking orbit past the Moon (a burn at perilune) into a halo orbit."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv flight_time propellant period",
        "tli": "dv c3 apogee time",
        "flyby": "dv time",
        "insertion": "dv time",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {}

    departure_tdb_s: float = date("perigee of the injection: the operator's date")
    perigee_m: float = measure("length", "height of the parking orbit", low=100e3)
    inclination_rad: float = measure("angle", "its inclination to the Earth's equator", low=0.0, high=math.pi)
    point: int = integer("1 or 2: the point that the halo is about", 2, low=1, high=2)
    northern: bool = flag("whether the halo is of the northern class", False)
    amplitude_m: float | None = measure("length", "its out-of-plane amplitude", None, low=0.0)
    perilune_m: float | None = measure(
        "length", "its least distance from the Moon's centre, in place of an amplitude", None
    )
    flight_time_s: float | None = measure("time", "from injection to insertion, where the operator chose it", None)
    fixed_departure: bool = flag(
        "leave exactly at the date; else the halo's phase may shift it by half its period", True
    )
    mass_kg: float | None = measure("mass", "mass after the injection", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0)


@register("halo_flight", HaloFlight)
def fly_halo(step: HaloFlight, context: Context) -> Outcome:
    """Impulses at injection, perilune and insertion, targeted in the n-body model against the n-body halo."""
    place = Halo("halo", step.point, step.northern, step.perilune_m, step.amplitude_m)
    try:
        member = halo.find_halo(place)
    except ValueError as error:
        return Outcome(reason=str(error))
    computed = {("", "period"): Computed(member.period * TIME_S)}
    leg = trajectory.solve(
        Arc(step.id, EarthOrbit("parking", step.perigee_m, step.inclination_rad), place),
        step.departure_tdb_s,
        duration_s=step.flight_time_s,
        fixed_departure=step.fixed_departure,
    )
    if not leg.converged:
        return Outcome(computed, reason=leg.reason)
    own = 0.0
    for burn in leg.burns:
        computed[burn.name, "dv"] = Computed(burn.dv_m_s)
        computed[burn.name, "time"] = Computed(burn.epoch_tdb_s)
        own += 0.0 if burn.name in ("tli", "plane_change") else burn.dv_m_s
    computed["", "dv"] = Computed(own)
    computed["", "flight_time"] = Computed(leg.duration_s)
    if leg.c3_m2_s2 is not None:
        computed["tli", "c3"] = Computed(leg.c3_m2_s2)
        perigee = EARTH_RADIUS_M + step.perigee_m
        apogee = -2.0 * GM_EARTH_M3_S2 / leg.c3_m2_s2 - perigee - EARTH_RADIUS_M
        computed["tli", "apogee"] = Computed(apogee)
    mass, _, isp = context.engine(step)
    if mass and isp:
        computed["", "propellant"] = Computed(burnt(mass, own, isp))
    notes = ["burns are impulses; the period is that of the restricted three-body problem"]
    if leg.approximation:
        notes.append(leg.approximation)
    return Outcome(computed, {}, tuple(notes))
