"""In orbit: changes of an orbit about the Earth or the Moon, a start in a known orbit, and coasts to a date."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from moonvillage import dynamics
from moonvillage.catalog.schema import choice, date, flag, text
from moonvillage.catalog.schema import quantity as measure
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_M3_S2
from moonvillage.ephemeris.frames import earth_pole, moon_site_state, unit
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.orbits import burnt, inclination, shape, velocity_for
from moonvillage.replay.records import Computed, Outcome, Situation
from moonvillage.trajectory.planes import PlaneFamily, cross, normalised, rotate
from moonvillage.units import STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]


def _body_radius(context: Context, centre: str) -> float:
    """The radius above which heights of the file are counted."""
    return context.mission.lunar_radius_m if centre == "moon" else EARTH_RADIUS_M


def _shape_numbers(
    context: Context, centre: str, epoch_tdb_s: float, state: Floats, event: str = ""
) -> dict[tuple[str, str], Computed]:
    """Heights of the apses, period and inclination of an osculating orbit."""
    now, base = shape(state, centre), _body_radius(context, centre)
    return {
        (event, "periapsis"): Computed(now.periapsis_m - base),
        (event, "apoapsis"): Computed(now.apoapsis_m - base),
        (event, "period"): Computed(now.period_s),
        (event, "inclination"): Computed(inclination(epoch_tdb_s, state, centre)),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Orbit(Step):
    """A craft in an orbit that is known: the start of a chain, where the way there is not replayed."""

    OFFERS: ClassVar[Mapping[str, str]] = {"": "periapsis apoapsis period inclination"}
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {
        ("", "periapsis"): ("periapsis_m",),
        ("", "apoapsis"): ("apoapsis_m",),
        ("", "inclination"): ("inclination_rad",),
    }

    body: str = choice(("moon", "earth"), "which body is orbited", "moon")
    date_tdb_s: float = date("when the craft is in it, at its periapsis")
    periapsis_m: float = measure("length", "height of the lowest point")
    apoapsis_m: float = measure("length", "height of the highest point")
    inclination_rad: float | None = measure("angle", "to the equator of date", None, low=0.0, high=math.pi)
    over_latitude_rad: float | None = measure("angle", "latitude of a lunar site that its plane holds", None)
    over_longitude_rad: float | None = measure("angle", "longitude of that site, east", None)
    over_tdb_s: float | None = date("when the plane holds the site; by default at `date`", None)
    node_rad: float | None = measure("angle", "right ascension of the node about the Earth (J2000)", None)
    mass_kg: float | None = measure("mass", "mass of the craft", None, low=0.0)


@register("orbit", Orbit)
def fly_orbit(step: Orbit, context: Context) -> Outcome:
    """Place the craft; its periapsis is at the ascending node, its node free where nothing fixes it."""
    epoch = step.date_tdb_s
    if step.apoapsis_m < step.periapsis_m:
        return Outcome(reason="The apoapsis is below the periapsis; exchange them.")
    pole = moon_me_matrix(epoch)[2] if step.body == "moon" else earth_pole(epoch)
    tilt = 0.5 * math.pi if step.inclination_rad is None else step.inclination_rad
    family = PlaneFamily.about(pole, tilt)
    psi, notes = 0.0, []
    if step.over_latitude_rad is not None and step.over_longitude_rad is not None:
        when = epoch if step.over_tdb_s is None else step.over_tdb_s
        site = unit(moon_site_state(when, step.over_latitude_rad, step.over_longitude_rad)[0])
        psi = family.containing(site)[0][0]
    elif step.node_rad is not None:
        node = np.array([math.cos(step.node_rad), math.sin(step.node_rad), 0.0])
        psi = math.atan2(float(node @ -family.a), float(node @ family.b))
    else:
        notes.append("the node of the orbit is not known and was left anywhere")
    normal = family.normal(psi)
    up = family.node(psi)
    base = _body_radius(context, step.body)
    low, high = base + step.periapsis_m, base + step.apoapsis_m
    speed = math.sqrt(2.0 * GM_M3_S2[step.body] * high / (low * (low + high)))
    state = np.concatenate([low * up, speed * cross(normal, up)])
    mass = context.engine(step)[0]
    return Outcome(
        _shape_numbers(context, step.body, epoch, state),
        {step.craft: Situation(epoch, step.body, state, mass)},
        tuple(notes),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrbitChange(Step):
    """One burn, or two, to other heights (and, at a node, to another inclination) of the orbit that a craft is in."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv burn_time propellant mass_after period periapsis apoapsis inclination time",
        "burn_#": "dv time burn_time",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {
        ("", "periapsis"): ("periapsis_m",),
        ("", "apoapsis"): ("apoapsis_m",),
        ("", "inclination"): ("inclination_rad",),
    }

    date_tdb_s: float | None = date(
        "when; the burn is at the apsis nearest to it, or then where `at` is 'date'", None
    )
    at: str = choice(
        ("date", "periapsis", "apoapsis"), "where the (first) burn is; by default at the apsis that fits", ""
    )
    periapsis_m: float | None = measure("length", "new height of the lowest point; by default kept", None)
    apoapsis_m: float | None = measure("length", "new height of the highest point; by default kept", None)
    inclination_rad: float | None = measure("angle", "new inclination, turned at a node", None, low=0.0, high=math.pi)
    circular_at_tdb_s: float | None = date(
        "of the two ways into the orbit (rising or falling), take the one rounder on this date", None
    )
    mass_kg: float | None = measure("mass", "mass at ignition", None, low=0.0)
    thrust_n: float | None = measure("force", "thrust", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0)


def _coast_to(here: Situation, to_tdb_s: float) -> Situation:
    """Free flight in the n-body model."""
    path = dynamics.propagate(here.epoch_tdb_s, here.state[:3], here.state[3:], to_tdb_s, centre=here.centre)
    return Situation(to_tdb_s, here.centre, path.state, here.mass_kg)


def to_apsis(here: Situation, which: str, near_tdb_s: float | None) -> Situation:
    """The craft at its next apsis, or at the one nearest to a date; as given where it comes to none."""
    period = shape(here.state, here.centre).period_s
    if not math.isfinite(period):
        return here
    start = here if near_tdb_s is None else _coast_to(here, near_tdb_s - 0.51 * period)
    path = dynamics.propagate(
        start.epoch_tdb_s,
        start.state[:3],
        start.state[3:],
        start.epoch_tdb_s + 1.02 * period,
        centre=here.centre,
        dense=True,
    )
    if path.reason:
        return here
    epochs = path.periapses() if which == "periapsis" else path.apoapses()
    if not epochs.size:
        return here
    wanted = start.epoch_tdb_s if near_tdb_s is None else near_tdb_s
    chosen = float(epochs[np.argmin(np.abs(epochs - wanted))])
    return Situation(chosen, here.centre, path.at(chosen), here.mass_kg)


def _turned(here: Situation, tilt_rad: float) -> Floats:
    """Velocity after a turn of the plane about the radius to the nearest plane of an inclination."""
    pole = moon_me_matrix(here.epoch_tdb_s)[2] if here.centre == "moon" else earth_pole(here.epoch_tdb_s)
    r, v = here.state[:3], here.state[3:]
    normal = normalised(cross(r, v))
    family = PlaneFamily.about(pole, tilt_rad)
    normals = [family.normal(psi) for psi in family.containing(normalised(r))[0]]
    target = max(normals, key=lambda n: float(n @ normal))
    up = normalised(r)
    angle = math.atan2(float(cross(normal, target) @ up), float(normal @ target))
    return rotate(v, up, angle)


def _here(step: OrbitChange, craft: Situation, low: float, high: float) -> Floats:
    """Velocity after a burn at a given instant: along the motion where one apsis is asked for, else in the plane."""
    if step.periapsis_m is not None and step.apoapsis_m is not None:
        wanted = velocity_for(craft.state, low, high, craft.centre)
        if step.circular_at_tdb_s is None:
            return wanted
        up = normalised(craft.state[:3])
        ways = [wanted, wanted - 2.0 * float(wanted @ up) * up]

        def ovality(velocity: Floats) -> float:
            start = Situation(craft.epoch_tdb_s, craft.centre, np.concatenate([craft.state[:3], velocity]))
            now = shape(_coast_to(start, step.circular_at_tdb_s or 0.0).state, craft.centre)
            return now.apoapsis_m - now.periapsis_m

        return min(ways, key=ovality)
    v = craft.state[3:]
    raised = step.apoapsis_m is not None

    def miss(share: float) -> float:
        now = shape(np.concatenate([craft.state[:3], share * v]), craft.centre)
        return now.apoapsis_m - high if raised else now.periapsis_m - low

    circular = math.sqrt(GM_M3_S2[craft.centre] / float(np.linalg.norm(craft.state[:3]))) / float(np.linalg.norm(v))
    ends = (circular, 1.4 * circular) if raised else (0.5 * circular, circular)
    try:
        return np.asarray(float(brentq(miss, *ends)) * v)
    except ValueError:  # a burn along the motion here does not reach it
        return velocity_for(craft.state, low, high, craft.centre)


@register("orbit_change", OrbitChange)
def fly_change(step: OrbitChange, context: Context) -> Outcome:
    """Impulses at the apses of the orbit as propagated, burning times and propellant by the rocket equation."""
    here = context.situations.get(step.craft)
    if here is None:
        return Outcome(reason="The craft is in no orbit: no step before leaves it in one.")
    mass, thrust, isp = context.engine(step)
    base = _body_radius(context, here.centre)
    now = shape(here.state, here.centre)
    if not math.isfinite(now.period_s):
        return Outcome(reason="The craft is in no closed orbit; insert it first.")
    low = now.periapsis_m if step.periapsis_m is None else base + step.periapsis_m
    high = now.apoapsis_m if step.apoapsis_m is None else base + step.apoapsis_m
    if high < low:
        low, high = high, low
    burns: list[tuple[float, float, float | None]] = []
    computed: dict[tuple[str, str], Computed] = {}
    notes = ["burns are impulses"]
    craft = here
    raising = step.periapsis_m is not None and step.apoapsis_m is None
    order = [step.at] if step.at else ["apoapsis"] if raising else ["periapsis"]
    if not step.at and step.periapsis_m is not None and step.apoapsis_m is not None:
        order = ["periapsis", "apoapsis"] if high >= now.apoapsis_m - 1.0 else ["apoapsis", "periapsis"]
        if abs(low - now.periapsis_m) < 500.0:
            order = ["periapsis"]
    for index, place in enumerate(order):
        near = step.date_tdb_s if index == 0 else None
        if place == "date":
            when = here.epoch_tdb_s if near is None else near
            craft = _coast_to(craft, when)
            wanted = _here(step, craft, low, high)
        else:
            if index == 0 or near is not None:
                craft = to_apsis(craft, place, near)
            else:
                period = shape(craft.state, craft.centre).period_s
                craft = to_apsis(craft, place, craft.epoch_tdb_s + 0.5 * period)
            radius = float(np.linalg.norm(craft.state[:3]))
            other = high if place == "periapsis" else low
            wanted = velocity_for(craft.state, min(radius, other), max(radius, other), craft.centre)
        if step.inclination_rad is not None and index == 0:
            turned = Situation(craft.epoch_tdb_s, craft.centre, np.concatenate([craft.state[:3], wanted]))
            wanted = _turned(turned, step.inclination_rad)
        dv = float(np.linalg.norm(wanted - craft.state[3:]))
        burning = None
        if mass and isp:
            used = burnt(mass, dv, isp)
            if thrust:
                burning = used * isp * STANDARD_GRAVITY_M_S2 / thrust
            mass -= used
        burns.append((craft.epoch_tdb_s, dv, burning))
        craft = Situation(craft.epoch_tdb_s, craft.centre, np.concatenate([craft.state[:3], wanted]), mass)
    for number, (when, dv, burning) in enumerate(burns, 1):
        computed[f"burn_{number}", "dv"] = Computed(dv)
        computed[f"burn_{number}", "time"] = Computed(when)
        if burning is not None:
            computed[f"burn_{number}", "burn_time"] = Computed(burning)
    computed["", "dv"] = Computed(sum(dv for _, dv, _ in burns))
    computed["", "time"] = Computed(burns[0][0])
    if burns and all(b is not None for _, _, b in burns):
        computed["", "burn_time"] = Computed(sum(b for _, _, b in burns if b is not None))
    begun = context.engine(step)[0]
    if begun and mass and isp:
        computed["", "propellant"] = Computed(begun - mass)
        computed["", "mass_after"] = Computed(mass)
    computed |= _shape_numbers(context, craft.centre, craft.epoch_tdb_s, craft.state)
    return Outcome(computed, {step.craft: craft}, tuple(notes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coast(Step):
    """Free flight in orbit until a date: what the fields of Moon, Earth and Sun make of an orbit."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "periapsis apoapsis period inclination",
        "periapsis": "time",
        "apoapsis": "time",
    }

    until_tdb_s: float = date("the date")
    to: str = choice(("date", "periapsis", "apoapsis"), "stop at the date, or at the apsis nearest to it", "date")
    mean: bool = flag("heights as passed over the turn around the date, not of the osculating ellipse", False)
    mass_kg: float | None = measure("mass", "mass of the craft from here on (after a separation)", None, low=0.0)


@register("coast", Coast)
def fly_coast(step: Coast, context: Context) -> Outcome:
    """Fly on in the n-body model."""
    here = context.situations.get(step.craft)
    if here is None:
        return Outcome(reason="The craft is in no orbit: no step before leaves it in one.")
    there = _coast_to(here, step.until_tdb_s) if step.to == "date" else to_apsis(here, step.to, step.until_tdb_s)
    if not np.all(np.isfinite(there.state)):
        return Outcome(reason="The orbit does not last until then: it meets the surface.")
    numbers = _shape_numbers(context, there.centre, there.epoch_tdb_s, there.state)
    for which in ("periapsis", "apoapsis"):
        numbers[which, "time"] = Computed(to_apsis(there, which, step.until_tdb_s).epoch_tdb_s)
    if step.mean:
        base = _body_radius(context, there.centre)
        for which in ("periapsis", "apoapsis"):
            at = to_apsis(there, which, step.until_tdb_s)
            numbers["", which] = Computed(float(np.linalg.norm(at.state[:3])) - base)
    mass = here.mass_kg if step.mass_kg is None else step.mass_kg
    return Outcome(numbers, {step.craft: Situation(there.epoch_tdb_s, there.centre, there.state, mass)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Separate(Step):
    """A craft leaves another: it shares that one's orbit from there on, with a mass of its own."""

    OFFERS: ClassVar[Mapping[str, str]] = {"": "mass_after"}

    parent: str = text("the craft that it leaves")
    mass_kg: float | None = measure("mass", "mass of the craft that leaves", None, low=0.0)
    parent_mass_kg: float | None = measure("mass", "mass of the other afterwards; by default the rest", None, low=0.0)


@register("separate", Separate)
def fly_separate(step: Separate, context: Context) -> Outcome:
    """Both go on in the same orbit; the push apart is left out."""
    here = context.situations.get(step.parent)
    if here is None:
        return Outcome(reason=f"{step.parent} is in no orbit: no step before leaves it in one.")
    mass = context.engine(step)[0] if step.mass_kg is None else step.mass_kg
    rest = step.parent_mass_kg
    if rest is None and here.mass_kg is not None and mass is not None:
        rest = here.mass_kg - mass
    after = {
        step.craft: Situation(here.epoch_tdb_s, here.centre, here.state, mass),
        step.parent: Situation(here.epoch_tdb_s, here.centre, here.state, rest),
    }
    return Outcome({("", "mass_after"): Computed(math.nan if rest is None else rest)}, after)
