"""Home from the Moon: trans-Earth injection to a landing place, from a circle or an ellipse, direct or skipping."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from moonvillage.catalog.schema import choice, date
from moonvillage.catalog.schema import quantity as measure
from moonvillage.ephemeris.constants import GM_MOON_M3_S2
from moonvillage.records.places import MoonOrbit
from moonvillage.replay.homeward import HEADINGS, Splashdown, return_to
from moonvillage.replay.injection import finite_injection
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.orbits import burnt, speed_at
from moonvillage.replay.records import Computed, Outcome, Situation
from moonvillage.trajectory.lunar import lunar_family
from moonvillage.trajectory.planes import ApsisEnd, PlaneFamily, cross, normalised


@dataclass(frozen=True, slots=True, kw_only=True)
class TransEarth(Step):
    """Trans-Earth injection from a lunar orbit, flown to entry and on to a landing place."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv burn_time propellant mass_after flight_time",
        "entry": "time speed angle inclination",
        "landing": "time",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {("entry", "angle"): ("entry_angle_rad",)}

    departure_tdb_s: float = date("middle of the burn: the operator's date")
    periapsis_m: float | None = measure("length", "height of the orbit (of its perilune, where the burn is)", None)
    apoapsis_m: float | None = measure("length", "height of its apolune; by default it is circular", None)
    inclination_rad: float | None = measure(
        "angle", "inclination to the Moon's equator, node free", None, low=0.0, high=math.pi
    )
    plane: str = choice(
        ("free", "craft"), "the plane: free within the inclination, or the one that the craft is in by now", "free"
    )
    latitude_rad: float = measure("angle", "latitude of the landing place", low=-0.5 * math.pi, high=0.5 * math.pi)
    longitude_rad: float = measure("angle", "longitude of the landing place, east")
    landing_tdb_s: float = date("the day of landing: the landing nearest to this instant is taken")
    entry: str = choice(("direct", "skip"), "direct or skipping: sets the range where none is given", "direct")
    entry_range_m: float | None = measure(
        "length", "ground range from the entry interface to the landing; by default 2,500 or 6,000 km", None, low=0.0
    )
    entry_height_m: float = measure("length", "height of the entry interface", 121_920.0, low=50e3, high=500e3)
    entry_angle_rad: float = measure(
        "angle", "flight-path angle at the interface", math.radians(-6.5), low=-0.6, high=0.0
    )
    entry_to_landing_s: float | None = measure(
        "time", "from the interface to the ground, parachutes included", None, low=0.0
    )
    heading: str = choice(
        ("any", "northward", "southward"), "how it comes to the interface; any: the cheapest", "any"
    )
    mass_kg: float | None = measure("mass", "mass at ignition", None, low=0.0)
    thrust_n: float | None = measure("force", "thrust", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0)


@register("trans_earth", TransEarth)
def fly_home(step: TransEarth, context: Context) -> Outcome:
    """One impulse at the perilune (its loss by a finite burn about a round Moon), n-body to the entry interface."""
    here = context.situations.get(step.craft)
    notes: list[str] = []
    if step.periapsis_m is not None:
        radius = context.height_m(step.periapsis_m)
    elif here is not None and here.centre == "moon":
        radius = float(np.linalg.norm(here.state[:3]))
    else:
        return Outcome(reason="The craft is in no lunar orbit: write the height of the orbit, or a step before.")
    if step.plane == "craft":
        if here is None or here.centre != "moon":
            return Outcome(reason="The craft's plane is not known: no step before leaves it in a lunar orbit.")
        family = PlaneFamily.about(normalised(cross(here.state[:3], here.state[3:])), 0.0)
    else:
        family = lunar_family(MoonOrbit("", 0.0, step.inclination_rad), step.departure_tdb_s)
    ground = step.entry_range_m
    if ground is None:
        ground = 2.5e6 if step.entry == "direct" else 6.0e6
        notes.append(f"a range of {ground / 1e3:.0f} km from entry to landing was taken")
    place = Splashdown(
        step.latitude_rad,
        step.longitude_rad,
        ground,
        step.entry_height_m,
        step.entry_angle_rad,
        HEADINGS[step.heading],
    )
    about = step.landing_tdb_s - (step.entry_to_landing_s or 0.0)
    found = return_to(ApsisEnd(family, radius), step.departure_tdb_s, about, place)
    if found.reason:
        return Outcome(reason=found.reason, notes=tuple(notes))
    if abs(found.range_m - ground) > 1.0:
        notes.append(f"the range was changed to {found.range_m / 1e3:.0f} km, as the place is not reached otherwise")
    before = found.circular.copy()
    if step.apoapsis_m is not None:
        high = context.height_m(step.apoapsis_m)
        before[3:] *= speed_at(radius, radius, high, "moon") / float(np.linalg.norm(before[3:]))
    dv = float(np.linalg.norm(found.departure[3:] - before[3:]))
    speed = float(np.linalg.norm(found.entry[3:]))
    angle = math.asin(float(found.entry[:3] @ found.entry[3:]) / speed / float(np.linalg.norm(found.entry[:3])))
    mass, thrust, isp = context.engine(step)
    computed: dict[tuple[str, str], Computed] = {}
    if mass and isp:
        if thrust:
            orbit_speed = float(np.linalg.norm(before[3:]))
            loss, burning = finite_injection(
                radius, dv, thrust, mass, isp, mu_m3_s2=GM_MOON_M3_S2, start_m_s=orbit_speed
            )
            if math.isfinite(loss):
                dv += loss
                computed["", "burn_time"] = Computed(burning)
                notes.append(f"the {burning:.0f} s burn costs {loss:.1f} m/s above the impulse, about a round Moon")
            else:
                notes.append("the burn is so long that its losses were not computed: it is an impulse here")
        used = burnt(mass, dv, isp)
        mass -= used
        computed["", "propellant"] = Computed(used)
        computed["", "mass_after"] = Computed(mass)
    computed |= {
        ("", "dv"): Computed(dv),
        ("", "flight_time"): Computed(found.entry_tdb_s - step.departure_tdb_s),
        ("entry", "time"): Computed(found.entry_tdb_s),
        ("entry", "speed"): Computed(speed),
        ("entry", "angle"): Computed(angle),
        ("entry", "inclination"): Computed(found.inclination_rad),
    }
    if step.entry_to_landing_s is not None:
        computed["landing", "time"] = Computed(found.entry_tdb_s + step.entry_to_landing_s)
    after = {step.craft: Situation(found.entry_tdb_s, "earth", found.entry, mass)}
    return Outcome(computed, after, tuple(notes))
