"""Any leg that the trajectory room solves, from a place to a place; and the way home from the Moon's ground."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from moonvillage import trajectory
from moonvillage.catalog.schema import choice, date, flag, integer, table, text
from moonvillage.catalog.schema import quantity as measure
from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.records.places import (
    Arc,
    Dro,
    EarthGround,
    EarthOrbit,
    FreeReturn,
    Halo,
    MoonOrbit,
    MoonSurface,
    Place,
    Planet,
)
from moonvillage.replay.homeward import HEADINGS, Splashdown, return_to
from moonvillage.replay.kinds.other_ways import gravity_turn
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.orbits import burnt
from moonvillage.replay.records import Computed, Outcome, Situation
from moonvillage.trajectory.lunar import lunar_family
from moonvillage.trajectory.planes import ApsisEnd
from moonvillage.units import STANDARD_GRAVITY_M_S2

_PLACES = ("earth_orbit", "moon_orbit", "surface", "halo", "dro", "ground", "free_return", "planet")
_BURNS = (
    *("tli", "loi", "flyby", "insertion", "departure", "tei", "doi", "descent", "ascent", "circularisation"),
    *("plane_change", "deep_space", "raise", "phasing", "rendezvous", "deorbit", "tmi", "braking", "hop"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceAt:
    """One end of a leg. Which fields count depends on ``kind``."""

    kind: str = choice(_PLACES, "what sort of place")
    altitude_m: float | None = measure("length", "height of a circular orbit; perilune height of a free return", None)
    inclination_rad: float | None = measure("angle", "inclination of an orbit", None, low=0.0, high=math.pi)
    raan_rad: float | None = measure("angle", "node of an Earth orbit", None)
    latitude_rad: float | None = measure("angle", "latitude of a lunar site", None)
    longitude_rad: float | None = measure("angle", "longitude of it, east", None)
    height_m: float = measure("length", "its height above 1737.4 km", 0.0)
    point: int = integer("1 or 2: the point of a halo", 2, low=1, high=2)
    northern: bool = flag("whether a halo is of the northern class", False)
    amplitude_m: float | None = measure("length", "out-of-plane amplitude of a halo", None, low=0.0)
    perilune_m: float | None = measure("length", "a halo's least distance from the Moon's centre", None, low=0.0)
    radius_m: float | None = measure("length", "size of a distant retrograde orbit", None, low=0.0)
    planet: str = text("a planet, such as mars", "mars")
    entry_angle_rad: float = measure("angle", "flight-path angle of an entry", math.radians(-6.5), low=-0.6, high=0.0)


def place(spec: PlaceAt, context: Context, id: str) -> Place | str:
    """The place as the trajectory room knows it, or a sentence on what it lacks."""
    kind = spec.kind
    if kind == "ground":
        return EarthGround(id, entry_flight_path_angle_rad=spec.entry_angle_rad)
    if kind == "planet":
        return Planet(id, spec.planet)
    if kind == "halo":
        return Halo(id, spec.point, spec.northern, spec.perilune_m, spec.amplitude_m)
    if kind == "dro":
        return "A dro needs its radius." if spec.radius_m is None else Dro(id, spec.radius_m)
    if kind == "surface":
        if spec.latitude_rad is None or spec.longitude_rad is None:
            return "A surface place needs latitude and longitude."
        return MoonSurface(id, spec.latitude_rad, spec.longitude_rad, spec.height_m)
    if spec.altitude_m is None:
        return f"A place of kind {kind} needs its altitude."
    lunar = context.height_m(spec.altitude_m) - MOON_RADIUS_M
    if kind == "moon_orbit":
        return MoonOrbit(id, lunar, spec.inclination_rad)
    if kind == "free_return":
        return FreeReturn(id, lunar, entry_flight_path_angle_rad=spec.entry_angle_rad)
    tilt = math.radians(28.5) if spec.inclination_rad is None else spec.inclination_rad
    return EarthOrbit(id, spec.altitude_m, tilt, spec.raan_rad)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyLeg(Step):
    """Any leg between two places that this product solves: between halos, hops, to Mars ..."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv c3 flight_time propellant mass_after",
        "start": "time",
        "end": "time",
        "burn_#": "dv time burn_time",
        **dict.fromkeys(_BURNS, "dv time burn_time"),
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {("", "flight_time"): ("flight_time_s",)}

    origin: PlaceAt = table(PlaceAt, "where it starts")
    destination: PlaceAt = table(PlaceAt, "where it ends")
    via: str = text("which way, where there are several: ballistic, docking, fast ...", "")
    departure_tdb_s: float = date("when it starts: the operator's date")
    flight_time_s: float | None = measure("time", "how long it takes, where the operator chose it", None, low=0.0)
    fixed_departure: bool = flag("start exactly then", False)
    mass_kg: float | None = measure("mass", "mass at the start", None, low=0.0)
    thrust_n: float | None = measure("force", "thrust, for powered flight", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0)


@register("leg", AnyLeg)
def fly_leg(step: AnyLeg, context: Context) -> Outcome:
    """Solve the arc in the n-body model."""
    ends = [place(step.origin, context, "origin"), place(step.destination, context, "destination")]
    for end in ends:
        if isinstance(end, str):
            return Outcome(reason=end)
    mass, thrust, isp = context.engine(step)
    push = thrust / mass if thrust and mass else None
    first, last = (end for end in ends if not isinstance(end, str))
    leg = trajectory.solve(
        Arc(step.id, first, last, push, isp, step.via),
        step.departure_tdb_s,
        duration_s=step.flight_time_s,
        fixed_departure=step.fixed_departure,
    )
    if not leg.converged:
        return Outcome(reason=leg.reason)
    computed = {
        ("", "dv"): Computed(leg.dv_m_s),
        ("", "flight_time"): Computed(leg.duration_s),
        ("start", "time"): Computed(leg.departure_tdb_s),
        ("end", "time"): Computed(leg.arrival_tdb_s),
    }
    if leg.c3_m2_s2 is not None:
        computed["", "c3"] = Computed(leg.c3_m2_s2)
    for number, burn in enumerate(leg.burns, 1):
        for event in (f"burn_{number}", burn.name):
            if (event, "dv") not in computed:
                computed[event, "dv"] = Computed(burn.dv_m_s)
                computed[event, "time"] = Computed(burn.epoch_tdb_s)
                computed[event, "burn_time"] = Computed(burn.duration_s)
    if mass and isp:
        used = burnt(mass, leg.dv_m_s, isp)
        mass -= used
        computed["", "propellant"] = Computed(used)
        computed["", "mass_after"] = Computed(mass)
    after: dict[str, Situation] = {}
    if leg.final_state is not None and leg.final_centre in ("earth", "moon"):
        after[step.craft] = Situation(leg.arrival_tdb_s, leg.final_centre, leg.final_state, mass)
    notes = (f"{leg.dv_m_s:.1f} m/s in {leg.duration_s / 3600.0:.2f} h", leg.approximation)
    return Outcome(computed, after, tuple(note for note in notes if note))


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectReturn(Step):
    """From the Moon's ground straight home without an orbit, as Luna 16, 20 and 24 flew."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv burn_time propellant mass_after flight_time",
        "entry": "time speed",
        "landing": "time",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {}

    liftoff_tdb_s: float = date("lift-off: the operator's date")
    latitude_rad: float = measure("angle", "latitude of the landing place on the Earth", low=-1.6, high=1.6)
    longitude_rad: float = measure("angle", "longitude of it, east")
    landing_tdb_s: float = date("the day of landing: the landing nearest to this instant is taken")
    entry_range_m: float = measure("length", "ground range from the entry interface to the landing", 500e3, low=0.0)
    entry_height_m: float = measure("length", "height of the entry interface", 121_920.0, low=50e3, high=500e3)
    entry_angle_rad: float = measure("angle", "flight-path angle at it", math.radians(-10.0), low=-0.9, high=0.0)
    entry_to_landing_s: float | None = measure("time", "from the interface to the ground", None, low=0.0)
    heading: str = choice(
        ("any", "northward", "southward"), "how it comes to the interface; any: the cheapest", "any"
    )
    mass_kg: float | None = measure("mass", "mass at lift-off", None, low=0.0)
    thrust_n: float | None = measure("force", "thrust", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0)


@register("direct_return", DirectReturn)
def fly_direct_return(step: DirectReturn, context: Context) -> Outcome:
    """The hyperbola home in n-body motion; the ascent as a vertical burn over a round Moon."""
    family = lunar_family(MoonOrbit("", 0.0, 0.5 * math.pi), step.liftoff_tdb_s)
    ground = Splashdown(
        step.latitude_rad,
        step.longitude_rad,
        step.entry_range_m,
        step.entry_height_m,
        step.entry_angle_rad,
        HEADINGS[step.heading],
    )
    about = step.landing_tdb_s - (step.entry_to_landing_s or 0.0)
    # departures from a grazing perilune and from a site have the same energy and nearly the same time of flight
    radius = MOON_RADIUS_M + 20e3
    found = return_to(ApsisEnd(family, radius), step.liftoff_tdb_s, about, ground)
    if found.reason:
        return Outcome(reason=found.reason)
    energy = float(found.departure[3:] @ found.departure[3:]) - 2.0 * GM_MOON_M3_S2 / radius
    speed = math.sqrt(energy + 2.0 * GM_MOON_M3_S2 / MOON_RADIUS_M)
    dv, computed = speed, dict[tuple[str, str], Computed]()
    mass, thrust, isp = context.engine(step)
    if mass and thrust and isp:
        # thrust along the velocity, run backwards, is a landing with the mass that is left
        left = mass - burnt(mass, speed * 1.04, isp)
        turned = gravity_turn(speed, 0.0, MOON_RADIUS_M, 0.5 * (mass + left), thrust, isp)
        if turned is None:
            return Outcome(reason="The thrust does not lift the craft off the Moon.")
        dv = turned[0]
        used = burnt(mass, dv, isp)
        computed["", "burn_time"] = Computed(used * isp * STANDARD_GRAVITY_M_S2 / thrust)
        computed["", "propellant"] = Computed(used)
        computed["", "mass_after"] = Computed(mass - used)
        mass -= used
    computed |= {
        ("", "dv"): Computed(dv),
        ("", "flight_time"): Computed(found.entry_tdb_s - step.liftoff_tdb_s),
        ("entry", "time"): Computed(found.entry_tdb_s),
        ("entry", "speed"): Computed(float(np.linalg.norm(found.entry[3:]))),
    }
    if step.entry_to_landing_s is not None:
        computed["landing", "time"] = Computed(found.entry_tdb_s + step.entry_to_landing_s)
    notes = ("the ascent is a vertical burn over a round Moon; the flight leaves from a grazing perilune",)
    return Outcome(computed, {step.craft: Situation(found.entry_tdb_s, "earth", found.entry, mass)}, notes)
