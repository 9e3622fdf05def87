"""Down to the Moon and up again: powered descent to a site, and ascent to an orbit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from moonvillage import trajectory
from moonvillage.catalog.schema import choice, date
from moonvillage.catalog.schema import quantity as measure
from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state, unit
from moonvillage.records.places import Arc, MoonOrbit, MoonSurface
from moonvillage.replay.kinds.orbit import to_apsis
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.orbits import burnt, shape
from moonvillage.replay.records import Computed, Outcome, Situation
from moonvillage.trajectory import descent as landings
from moonvillage.trajectory.lunar import lunar_family
from moonvillage.trajectory.planes import cross, normalised
from moonvillage.trajectory.powered import PERILUNE_M

Floats = NDArray[np.float64]


def site_of(step: Descent | Ascent, context: Context) -> MoonSurface:
    """The site with its height above the mean radius."""
    height = step.height_m
    if height is None:
        height = context.mission.lunar_radius_m - MOON_RADIUS_M
    return MoonSurface("site", step.latitude_rad, step.longitude_rad, height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent(Step):
    """Powered descent from the perilune of the orbit that the craft is in (or that the step gives) to a site."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv burn_time propellant mass_after",
        "ignition": "time",
        "touchdown": "time",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {("ignition", "time"): ("ignition_tdb_s",)}

    latitude_rad: float = measure("angle", "latitude of the site", low=-0.5 * math.pi, high=0.5 * math.pi)
    longitude_rad: float = measure("angle", "longitude of the site, east")
    height_m: float | None = measure("length", "its height above 1737.4 km; by default that of `lunar_radius`", None)
    ignition_tdb_s: float | None = date("ignition, where the operator chose it; else at the next perilune", None)
    periapsis_m: float | None = measure(
        "length", "height of the perilune, where no step before gives the orbit", None
    )
    apoapsis_m: float | None = measure("length", "height of the apolune, likewise", None)
    inclination_rad: float | None = measure(
        "angle", "inclination of the orbit; polar by default", None, low=0.0, high=math.pi
    )
    approach: str = choice(
        ("free", "piloted"),
        "what is asked of the end: nothing, or a gate at 2.2 km from which the site is seen",
        "free",
    )
    hover_s: float = measure("time", "hovering that the operator planned, added at the Moon's gravity", 0.0, low=0.0)
    mass_kg: float | None = measure("mass", "mass at ignition", None, low=0.0)
    thrust_n: float | None = measure("force", "thrust", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0)


@register("descent", Descent)
def fly_descent(step: Descent, context: Context) -> Outcome:
    """The landing of least propellant, flown in the n-body model; the phase on the orbit is free."""
    mass, thrust, isp = context.engine(step)
    if not (mass and thrust and isp):
        return Outcome(reason="A powered descent needs mass, thrust and isp; write them at the step or its craft.")
    site = site_of(step, context)
    here = context.situations.get(step.craft)
    notes: list[str] = []
    if step.apoapsis_m is not None or step.periapsis_m is not None or here is None:
        if step.ignition_tdb_s is None or step.apoapsis_m is None:
            return Outcome(
                reason="The craft is in no orbit: write ignition, periapsis and apoapsis, or a step before."
            )
        low = context.height_m(PERILUNE_M if step.periapsis_m is None else step.periapsis_m)
        high, perilune = context.height_m(step.apoapsis_m), step.ignition_tdb_s
        normal = None
    else:
        at = to_apsis(here, "periapsis", step.ignition_tdb_s)
        now = shape(at.state, "moon")
        # the height really passed at the perilune, not that of an ellipse that swings with the field
        low, high, perilune = float(np.linalg.norm(at.state[:3])), now.apoapsis_m, at.epoch_tdb_s
        normal = normalised(cross(at.state[:3], at.state[3:]))
    landing = perilune + 600.0
    place = unit(moon_site_state(landing, site.latitude_rad, site.longitude_rad)[0])
    if normal is None:
        family = lunar_family(MoonOrbit("", 0.0, step.inclination_rad), landing)
        normal = family.normal(family.containing(place)[0][0])
        off = abs(math.asin(float(normal @ place)))
    else:
        off = abs(math.asin(max(-1.0, min(1.0, float(normal @ place)))))
        normal = normalised(normal - float(normal @ place) * place)
        if off > math.radians(0.5):
            notes.append(
                f"the orbit as computed passes {math.degrees(off):.1f} deg beside the site; it was turned over it"
            )
    base = MOON_RADIUS_M + site.height_m
    lander = landings.Lander(mass, thrust, isp)
    flight = landings.land_from_perilune(
        perilune,
        high - base,
        normal,
        site,
        lander,
        landings.PILOTED if step.approach == "piloted" else landings.FREE,
        perilune_m=low - base,
        segments=20,
    )
    if not flight.converged:
        return Outcome(reason=flight.reason, notes=tuple(notes))
    first = flight.states[0]
    offset = _since_perilune(first)
    ignition = perilune + offset if step.ignition_tdb_s is None else step.ignition_tdb_s
    dv, used, length = flight.dv_m_s, flight.propellant_kg, flight.duration_s
    if step.hover_s:
        gravity = GM_MOON_M3_S2 / base**2
        dv += gravity * step.hover_s
        used = burnt(mass, dv, isp)
        length += step.hover_s
        notes.append(f"{step.hover_s:.0f} s of planned hovering are added at the Moon's gravity")
    if flight.approximation:
        notes.append(flight.approximation)
    computed = {
        ("", "dv"): Computed(dv),
        ("", "burn_time"): Computed(length),
        ("", "propellant"): Computed(used),
        ("", "mass_after"): Computed(mass - used),
        ("ignition", "time"): Computed(ignition),
        ("touchdown", "time"): Computed(ignition + length),
    }
    r, v = moon_site_state(ignition + length, site.latitude_rad, site.longitude_rad, site.height_m)
    after = {step.craft: Situation(ignition + length, "moon", np.concatenate([r, v]), mass - used)}
    return Outcome(computed, after, tuple(notes))


def _since_perilune(state: Floats) -> float:
    """Time since the osculating perilune, s (negative before it)."""
    r, v = state[:3], state[3:]
    radius = float(np.linalg.norm(r))
    a = 1.0 / (2.0 / radius - float(v @ v) / GM_MOON_M3_S2)
    if a <= 0.0:
        return 0.0
    e_cos, e_sin = 1.0 - radius / a, float(r @ v) / math.sqrt(GM_MOON_M3_S2 * a)
    eccentric = math.atan2(e_sin, e_cos)
    return math.sqrt(a**3 / GM_MOON_M3_S2) * (eccentric - e_sin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ascent(Step):
    """Powered ascent from a site into an orbit, cut off low (15 km) on the way to its apolune."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv burn_time propellant mass_after periapsis apoapsis period inclination",
        "cutoff": "time",
        "apolune": "time",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {("", "apoapsis"): ("apoapsis_m",)}

    latitude_rad: float = measure("angle", "latitude of the site", low=-0.5 * math.pi, high=0.5 * math.pi)
    longitude_rad: float = measure("angle", "longitude of the site, east")
    height_m: float | None = measure("length", "its height above 1737.4 km; by default that of `lunar_radius`", None)
    liftoff_tdb_s: float = date("lift-off: the operator's date")
    apoapsis_m: float = measure("length", "height of the apolune aimed at", low=17e3)
    inclination_rad: float | None = measure(
        "angle", "inclination of the orbit; the least by default", None, low=0.0, high=math.pi
    )
    mass_kg: float | None = measure("mass", "mass at lift-off", None, low=0.0)
    thrust_n: float | None = measure("force", "thrust", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0)


@register("ascent", Ascent)
def fly_ascent(step: Ascent, context: Context) -> Outcome:
    """Vertical rise and a linear-tangent burn in the n-body model."""
    mass, thrust, isp = context.engine(step)
    if not (mass and thrust and isp):
        return Outcome(reason="A powered ascent needs mass, thrust and isp; write them at the step or its craft.")
    site = site_of(step, context)
    apolune = context.height_m(step.apoapsis_m) - MOON_RADIUS_M
    tilt = step.inclination_rad
    if tilt is not None:
        # an orbit cannot be tilted less than its site lies from the equator
        least = abs(step.latitude_rad) + 1e-4
        tilt = min(max(tilt, least), math.pi - least)
    orbit = MoonOrbit("orbit", apolune, tilt, site if tilt is None else None)
    leg = trajectory.solve(Arc(step.id, site, orbit, thrust / mass, isp), step.liftoff_tdb_s, samples=2)
    if not leg.converged:
        return Outcome(reason=leg.reason)
    burn = leg.burns[0]
    used = burnt(mass, burn.dv_m_s, isp)
    cutoff = burn.epoch_tdb_s + burn.duration_s
    assert leg.final_state is not None
    last = leg.burns[-1]
    state = leg.final_state.copy()
    state[3:] -= np.array(last.dv_icrf_m_s)  # at the apolune, before it is made circular: that is another step
    now = shape(state, "moon")
    base = context.mission.lunar_radius_m
    computed = {
        ("", "dv"): Computed(burn.dv_m_s),
        ("", "burn_time"): Computed(burn.duration_s),
        ("", "propellant"): Computed(used),
        ("", "mass_after"): Computed(mass - used),
        ("", "periapsis"): Computed(now.periapsis_m - base),
        ("", "apoapsis"): Computed(now.apoapsis_m - base),
        ("", "period"): Computed(now.period_s),
        ("cutoff", "time"): Computed(cutoff),
        ("apolune", "time"): Computed(leg.arrival_tdb_s),
    }
    after = {step.craft: Situation(leg.arrival_tdb_s, "moon", state, mass - used)}
    return Outcome(computed, after, (leg.approximation,) if leg.approximation else ())
