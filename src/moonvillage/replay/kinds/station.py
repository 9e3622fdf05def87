"""To a station in low Earth orbit: when a pad passes through its plane, the flight to docking, and the refuelling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.catalog.schema import choice, date, flag
from moonvillage.catalog.schema import quantity as measure
from moonvillage.ephemeris.constants import EARTH_J2, EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.ephemeris.frames import earth_pole, unit
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.orbits import burnt
from moonvillage.replay.records import Computed, Outcome, Situation
from moonvillage.trajectory.catching_up import Insertion
from moonvillage.trajectory.launch import Ascent, launch_site, plane_windows, site_direction
from moonvillage.trajectory.rendezvous import FAST, TWO_DAYS, plan_rendezvous
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

_ZONALS: Final = 6
_PROFILES: Final = {"two_day": TWO_DAYS, "fast": FAST}
#: Names that phases of a profile have here.
_PHASES: Final = (
    *("perigee_raise", "phasing", "departure", "coelliptic", "transfer", "match"),
    *("homing", "hold", "closing", "approach", "final"),
)


def plane_at_launch(pad: Floats, pole: Floats, inclination_rad: float, north: bool) -> Floats | None:
    """Unit normal (3,) of the plane of an inclination that holds a pad's direction (3,), ICRF; None if there is none.

    ``north``: the launch flies northward there.
    """
    east = np.cross(pole, pad)
    east = east / np.linalg.norm(east)
    up = np.cross(pad, east)
    share = math.cos(inclination_rad) / float(up @ pole)
    if abs(share) > 1.0:
        return None
    rest = math.sqrt(1.0 - share * share)
    for normal in (share * up + rest * east, share * up - rest * east):
        if (float(np.cross(normal, pad) @ pole) > 0.0) == north:
            return np.asarray(normal)
    return None


def circular_in(normal: Floats, near: Floats, radius_m: float) -> Floats:
    """State (6,) of a circular Earth orbit in a plane, at the place nearest to a direction."""
    up = unit(near - (near @ normal) * normal)
    return np.concatenate([radius_m * up, math.sqrt(GM_EARTH_M3_S2 / radius_m) * np.cross(normal, up)])


@dataclass(frozen=True, slots=True, kw_only=True)
class StationLaunch(Step):
    """When on a day a pad passes through a station's plane, known from an earlier launch into that plane.

    The plane of the earlier launch is carried to the day by flying a circular orbit of the station's height with the
    Earth's zonal harmonics, Moon and Sun: air drag and the station's manoeuvres are in its mean height alone.
    """

    OFFERS: ClassVar[Mapping[str, str]] = {"": "time inclination angle"}
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {}

    day_tdb_s: float = date("the day of launch (its beginning, UTC)")
    latitude_rad: float = measure("angle", "geodetic latitude of the pad")
    longitude_rad: float = measure("angle", "longitude of the pad, east")
    heading: str = choice(("north", "south"), "whether launches fly northward or southward there", "south")
    earlier_tdb_s: float = date("lift-off of the earlier launch into the plane")
    earlier_latitude_rad: float = measure("angle", "geodetic latitude of its pad")
    earlier_longitude_rad: float = measure("angle", "longitude of its pad, east")
    earlier_heading: str = choice(("north", "south"), "which way it flew", "south")
    inclination_rad: float = measure("angle", "the station's inclination", low=0.0, high=math.pi)
    station_m: float = measure("length", "its mean height since", low=150e3)


@register("station_launch", StationLaunch)
def fly_station_launch(step: StationLaunch, context: Context) -> Outcome:
    """Carry the plane forward in n-body motion, then find the pad's passage."""
    begun = step.earlier_tdb_s
    pole = earth_pole(begun)
    pad = site_direction(
        launch_site("earlier", step.earlier_latitude_rad, step.earlier_longitude_rad), np.array([begun])
    )[0]
    normal = plane_at_launch(pad, pole, step.inclination_rad, step.earlier_heading == "north")
    if normal is None:
        return Outcome(reason="The earlier pad never passes through a plane of that inclination.")
    start = circular_in(normal, pad, EARTH_RADIUS_M + step.station_m)
    options = {"centre": "earth", "earth_zonals": _ZONALS}
    before = dynamics.propagate(begun, start[:3], start[3:], step.day_tdb_s - 3600.0, **options)  # type: ignore[arg-type]
    if before.reason:
        return Outcome(reason=f"The station's plane cannot be carried to the day: {before.reason}.")
    station = dynamics.propagate(
        step.day_tdb_s - 3600.0,
        before.r_m,
        before.v_m_s,
        step.day_tdb_s + DAY_S + 3600.0,
        dense=True,
        **options,  # type: ignore[arg-type]
    )
    site = launch_site("pad", step.latitude_rad, step.longitude_rad, (0.0, 2.0 * math.pi))
    found = plane_windows(site, station, step.day_tdb_s, ascent=Ascent())
    mine = [one for one in found.launches if one.ascending == (step.heading == "north")]
    if not mine:
        return Outcome(reason=found.reason or "The pad does not pass through the plane in that sense on the day.")
    chosen = mine[0]
    days = (step.day_tdb_s - begun) / DAY_S
    rate = _drift_per_km(step.station_m, step.inclination_rad)
    note = (
        f"the plane was carried over {days:.0f} days at a mean height of {step.station_m / 1e3:g} km: "
        f"{abs(rate) * days / _TURN_RATE_RAD_S / 60.0:.1f} min of lift-off for each km of it"
    )
    computed = {
        ("", "time"): Computed(chosen.launch_tdb_s, note),
        ("", "inclination"): Computed(chosen.inclination_rad),
        ("", "angle"): Computed(chosen.azimuth_rad, "azimuth over the turning Earth"),
    }
    return Outcome(computed, {}, (note, "the pad is in the plane at lift-off; the ascent is not simulated"))


_TURN_RATE_RAD_S: Final = 7.2921159e-5


def _drift_per_km(height_m: float, inclination_rad: float) -> float:
    """By how much a kilometre of height changes the drift of the node, rad/day, to first order in J2."""
    radius = EARTH_RADIUS_M + height_m

    def rate(r: float) -> float:
        n = math.sqrt(GM_EARTH_M3_S2 / r**3)
        return -1.5 * EARTH_J2 * (EARTH_RADIUS_M / r) ** 2 * n * math.cos(inclination_rad) * DAY_S

    return rate(radius + 1e3) - rate(radius)


@dataclass(frozen=True, slots=True, kw_only=True)
class StationRendezvous(Step):
    """From insertion to docking with a station, crewed or not, and what is pumped over afterwards."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv propellant mass_after flight_time",
        "handover": "time",
        "docking": "time speed",
        "refuelling": "propellant",
        **dict.fromkeys(_PHASES, "dv time"),
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {
        ("docking", "time"): ("docking_tdb_s", "profile"),  # a profile has its length
        ("", "flight_time"): ("docking_tdb_s", "profile"),
        ("refuelling", "propellant"): ("refuelled_kg",),
    }

    insertion_tdb_s: float = date("insertion, or the start of the chase")
    perigee_m: float = measure("length", "lowest height of the chaser's orbit", low=120e3)
    apogee_m: float = measure("length", "highest height of it", low=120e3)
    station_m: float = measure("length", "height of the station's circular orbit", low=150e3)
    inclination_rad: float = measure("angle", "its inclination", low=0.0, high=math.pi)
    profile: str = choice(tuple(_PROFILES), "the way of catching up: two_day (48 h) or fast (6.5 h)", "two_day")
    docking_tdb_s: float | None = date("contact, where the operator chose it", None)
    crewed: bool = flag("whether somebody is aboard the station", False)
    refuelled_kg: float | None = measure("mass", "propellant pumped over after docking", None, low=0.0)
    mass_kg: float | None = measure("mass", "mass at insertion", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0)


@register("station_rendezvous", StationRendezvous)
def fly_station_rendezvous(step: StationRendezvous, context: Context) -> Outcome:
    """Phasing and terminal approach in the n-body model; the phase at insertion is that which suits the profile."""
    begun = step.insertion_tdb_s
    pole = earth_pole(begun)
    east = unit(np.cross(pole, np.array([1.0, 0.0, 0.0])))
    node = np.cross(east, pole)
    tilt = step.inclination_rad
    normal = math.cos(tilt) * pole + math.sin(tilt) * np.cross(node, pole)
    target = circular_in(normal, node, EARTH_RADIUS_M + step.station_m)
    mass, _, isp = context.engine(step)
    plan = plan_rendezvous(
        "earth",
        begun,
        target,
        Insertion(EARTH_RADIUS_M + step.perigee_m, EARTH_RADIUS_M + step.apogee_m),
        _PROFILES[step.profile],
        docking_tdb_s=step.docking_tdb_s,
        crewed_target=step.crewed,
    )
    if plan.reason:
        return Outcome(reason=plan.reason)
    computed = {
        ("", "dv"): Computed(plan.dv_m_s),
        ("", "flight_time"): Computed(plan.docking_tdb_s - begun),
        ("docking", "time"): Computed(plan.docking_tdb_s),
        ("docking", "speed"): Computed(plan.contact_m_s),
    }
    for event in plan.events:
        if event.name == "hand-over":
            computed["handover", "time"] = Computed(event.epoch_tdb_s)
    sums: dict[str, float] = {}
    for burn in plan.burns:
        name = burn.name.replace(" ", "_")
        if name in _PHASES:
            sums[name] = sums.get(name, 0.0) + burn.dv_m_s
            computed.setdefault((name, "time"), Computed(burn.epoch_tdb_s))
    computed |= {(name, "dv"): Computed(dv) for name, dv in sums.items()}
    notes = [plan.approximation, f"{plan.dv_m_s:.1f} m/s, closure {plan.closure_position_m:.1e} m"]
    if mass is not None:
        if isp is not None:
            used = burnt(mass, plan.dv_m_s, isp)
            mass -= used
            computed["", "propellant"] = Computed(used)
            notes.append(f"{used:.0f} kg of propellant")
        if step.refuelled_kg is not None:
            computed["refuelling", "propellant"] = Computed(step.refuelled_kg)
            mass -= step.refuelled_kg
            notes.append(f"{step.refuelled_kg:g} kg pumped over after docking")
        computed["", "mass_after"] = Computed(mass)
    after: dict[str, Situation] = {}
    if plan.final_state is not None:
        after[step.craft] = Situation(plan.docking_tdb_s, "earth", plan.final_state, mass)
    return Outcome(computed, after, tuple(notes))
