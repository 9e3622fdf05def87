"""Other ways: around the Moon and home, by the Sun's tide, and straight down from the approach."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from moonvillage import dynamics, trajectory
from moonvillage.catalog.schema import date, flag, integer
from moonvillage.catalog.schema import quantity as measure
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, EarthOrbit, FreeReturn, Halo, MoonOrbit, MoonSurface
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.orbits import burnt, speed_at
from moonvillage.replay.records import Computed, Outcome, Situation
from moonvillage.trajectory import descent as landings
from moonvillage.trajectory.planes import cross, normalised, rotate
from moonvillage.units import STANDARD_GRAVITY_M_S2


def _injection(leg: Leg, perigee_m: float, apogee_m: float | None = None) -> dict[tuple[str, str], Computed]:
    """What there is to say of an injection out of a circular Earth orbit, or of an ellipse of that apogee height."""
    dv = sum(burn.dv_m_s for burn in leg.burns if burn.name in ("tli", "plane_change"))
    if apogee_m is not None:
        radius = EARTH_RADIUS_M + perigee_m
        dv += math.sqrt(GM_EARTH_M3_S2 / radius) - speed_at(radius, radius, EARTH_RADIUS_M + apogee_m, "earth")
    found = {("", "dv"): Computed(float(dv)), ("", "flight_time"): Computed(leg.duration_s)}
    if leg.c3_m2_s2 is not None:
        found["", "c3"] = Computed(leg.c3_m2_s2)
        if leg.c3_m2_s2 < 0.0:
            apogee = -2.0 * GM_EARTH_M3_S2 / leg.c3_m2_s2 - perigee_m - 2.0 * EARTH_RADIUS_M
            found["", "apogee"] = Computed(apogee)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumlunar(Step):
    """Around the Moon and home without another burn."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv c3 apogee flight_time",
        "perilune": "time periapsis",
        "entry": "time speed",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {
        ("perilune", "periapsis"): ("perilune_m",),
        ("", "flight_time"): ("flight_time_s",),
    }

    departure_tdb_s: float = date("perigee of the injection: the operator's date")
    perigee_m: float = measure("length", "height of the parking orbit, or of the ellipse's perigee", low=100e3)
    parking_apogee_m: float | None = measure("length", "apogee height of the orbit before; circular by default", None)
    inclination_rad: float = measure("angle", "its inclination to the Earth's equator", low=0.0, high=math.pi)
    perilune_m: float = measure("length", "height at which the Moon is passed", low=10e3)
    flight_time_s: float | None = measure("time", "from injection to entry, where the operator chose it", None)
    entry_height_m: float = measure("length", "height of the entry interface", 121_920.0, low=50e3, high=500e3)
    entry_angle_rad: float = measure("angle", "flight-path angle there", math.radians(-6.5), low=-0.6, high=0.0)


@register("circumlunar", Circumlunar)
def fly_circumlunar(step: Circumlunar, context: Context) -> Outcome:
    """A free return in the n-body model; the landing place is free."""
    height = context.height_m(step.perilune_m) - MOON_RADIUS_M
    place = FreeReturn("free return", height, step.entry_height_m, step.entry_angle_rad)
    leg = trajectory.solve(
        Arc(step.id, EarthOrbit("parking", step.perigee_m, step.inclination_rad), place),
        step.departure_tdb_s,
        duration_s=step.flight_time_s,
        fixed_departure=True,
    )
    if not leg.converged:
        return Outcome(reason=leg.reason)
    perilune = next(event.epoch_tdb_s for event in leg.events if event.name == "perilune")
    computed = _injection(leg, step.perigee_m, step.parking_apogee_m) | {
        ("perilune", "time"): Computed(perilune),
        ("perilune", "periapsis"): Computed(step.perilune_m),
        ("entry", "time"): Computed(leg.arrival_tdb_s),
    }
    after: dict[str, Situation] = {}
    if leg.final_state is not None:
        computed["entry", "speed"] = Computed(float(np.linalg.norm(leg.final_state[3:])))
        after[step.craft] = Situation(leg.arrival_tdb_s, "earth", leg.final_state, context.engine(step)[0])
    return Outcome(computed, after, (leg.approximation,) if leg.approximation else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ballistic(Step):
    """A low-energy transfer of months, by the Sun's tide, into a low lunar orbit or a halo about L2."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv c3 apogee flight_time",
        "deep_space": "dv time",
        "arrival": "dv time",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {
        ("", "flight_time"): ("arrival_tdb_s",),
        ("arrival", "time"): ("arrival_tdb_s",),
    }

    departure_tdb_s: float = date("injection: the operator's date (the flight found may leave some days beside it)")
    arrival_tdb_s: float | None = date("insertion, where the operator chose it", None)
    perigee_m: float = measure("length", "height of the parking orbit", low=100e3)
    inclination_rad: float = measure("angle", "its inclination to the Earth's equator", low=0.0, high=math.pi)
    lunar_m: float | None = measure("length", "height of the lunar orbit at arrival (circular)", None)
    lunar_inclination_rad: float | None = measure(
        "angle", "its inclination; polar by default", None, low=0.0, high=math.pi
    )
    point: int = integer("1 or 2: the point of the halo, where no lunar orbit is given", 2, low=1, high=2)
    northern: bool = flag("whether the halo is of the northern class", False)
    amplitude_m: float | None = measure("length", "the halo's out-of-plane amplitude", None, low=0.0)
    perilune_m: float | None = measure("length", "the halo's least distance from the Moon's centre", None, low=0.0)


@register("ballistic", Ballistic)
def fly_ballistic(step: Ballistic, context: Context) -> Outcome:
    """Impulses, flown in the n-body model."""
    place: MoonOrbit | Halo
    if step.lunar_m is not None:
        place = MoonOrbit("orbit", context.height_m(step.lunar_m) - MOON_RADIUS_M, step.lunar_inclination_rad)
    elif step.amplitude_m is not None or step.perilune_m is not None:
        place = Halo("halo", step.point, step.northern, step.perilune_m, step.amplitude_m)
    else:
        return Outcome(reason="The step names no goal: write lunar, or amplitude or perilune of a halo.")
    duration = None if step.arrival_tdb_s is None else step.arrival_tdb_s - step.departure_tdb_s
    parking = EarthOrbit("parking", step.perigee_m, step.inclination_rad)
    leg = trajectory.solve(Arc(step.id, parking, place, via="ballistic"), step.departure_tdb_s, duration_s=duration)
    if not leg.converged:
        return Outcome(reason=leg.reason)
    computed = _injection(leg, step.perigee_m)
    last = leg.burns[-1]
    computed["arrival", "time"] = Computed(leg.arrival_tdb_s)
    computed["arrival", "dv"] = Computed(last.dv_m_s)
    for burn in leg.burns:
        if burn.name == "deep_space":
            computed["deep_space", "dv"] = Computed(burn.dv_m_s)
            computed["deep_space", "time"] = Computed(burn.epoch_tdb_s)
    after: dict[str, Situation] = {}
    if leg.final_state is not None and leg.final_centre:
        after[step.craft] = Situation(leg.arrival_tdb_s, leg.final_centre, leg.final_state, context.engine(step)[0])
    return Outcome(computed, after, (leg.approximation,) if leg.approximation else ())


def gravity_turn(
    speed_m_s: float, angle_rad: float, surface_m: float, mass_kg: float, thrust_n: float, isp_s: float
) -> tuple[float, float] | None:
    """Δv (m/s) and length (s) of a burn against the velocity that ends at rest on a round Moon.

    ``speed_m_s`` and ``angle_rad`` (from the vertical) are those of the fall at the surface without braking. Constant
    thrust; the height of ignition is searched. None where the thrust does not stop the fall.
    """
    exhaust = isp_s * STANDARD_GRAVITY_M_S2
    push = thrust_n / mass_kg
    longest = 0.97 * exhaust / push

    def flight(height: float) -> tuple[float, float]:
        """Height of rest and length of the burn from an ignition height."""
        radius = surface_m + height
        fast = math.sqrt(speed_m_s**2 - 2.0 * GM_MOON_M3_S2 * (1.0 / surface_m - 1.0 / radius))
        level = min(fast, speed_m_s * math.sin(angle_rad) * surface_m / radius)
        start = [radius, -math.sqrt(fast**2 - level**2), level]

        def rate(t: float, y: Any) -> list[float]:
            distance, falling, along = y
            size = max(math.hypot(falling, along), 1e-3)
            brake = push / (1.0 - push * t / exhaust) / size
            gravity = GM_MOON_M3_S2 / distance**2
            return [
                falling,
                -gravity + along**2 / distance - brake * falling,
                -falling * along / distance - brake * along,
            ]

        def rest(t: float, y: Any) -> float:
            return math.hypot(y[1], y[2]) - 1.0

        rest.terminal = True  # type: ignore[attr-defined]
        rest.direction = -1.0  # type: ignore[attr-defined]
        done = solve_ivp(rate, (0.0, longest), start, events=rest, rtol=1e-8, atol=1e-3)
        reached = bool(done.t_events and len(done.t_events[0]))
        return (float(done.y[0, -1]) - surface_m if reached else -1e6), float(done.t[-1])

    low, high = 10.0, 2.0e6
    if flight(low)[0] > 0.0 or flight(high)[0] < 0.0:
        return None
    height = float(brentq(lambda h: flight(h)[0], low, high, xtol=0.1))
    burning = flight(height)[1]
    return -exhaust * math.log1p(-push * burning / exhaust), burning


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectLanding(Step):
    """Straight from the approach to the ground, as Surveyor and the first Lunas landed."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv burn_time propellant mass_after",
        "approach": "speed",
        "touchdown": "time",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {("touchdown", "time"): ("touchdown_tdb_s",)}

    touchdown_tdb_s: float = date("about when it lands: the operator's date")
    latitude_rad: float = measure("angle", "latitude of the site", low=-0.5 * math.pi, high=0.5 * math.pi)
    longitude_rad: float = measure("angle", "longitude of the site, east")
    height_m: float = measure("length", "its height above 1737.4 km", 0.0)
    approach_m_s: float | None = measure(
        "speed", "speed at the surface without braking; by default that of the transfer before", None, low=2300.0
    )
    angle_rad: float = measure("angle", "angle of the approach from the vertical at the site", 0.0, low=0.0, high=1.4)
    mass_kg: float | None = measure("mass", "mass at ignition", None, low=0.0)
    thrust_n: float | None = measure("force", "thrust", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0)


@register("direct_landing", DirectLanding)
def fly_direct(step: DirectLanding, context: Context) -> Outcome:
    """The landing of least propellant from a hyperbola that would hit the site, flown in the n-body model."""
    mass, thrust, isp = context.engine(step)
    if not (mass and thrust and isp):
        return Outcome(reason="A landing needs mass, thrust and isp; write them at the step or its craft.")
    here = context.situations.get(step.craft)
    speed = step.approach_m_s
    if speed is None:
        if here is None or here.centre != "moon":
            return Outcome(reason="The speed of the approach is not known: write approach, or a transfer before.")
        radius = float(np.linalg.norm(here.state[:3]))
        energy = float(here.state[3:] @ here.state[3:]) - 2.0 * GM_MOON_M3_S2 / radius
        speed = math.sqrt(max(0.0, energy + 2.0 * GM_MOON_M3_S2 / (MOON_RADIUS_M + step.height_m)))
    site = MoonSurface("site", step.latitude_rad, step.longitude_rad, step.height_m)
    r, v = moon_site_state(step.touchdown_tdb_s, site.latitude_rad, site.longitude_rad, site.height_m)
    up = normalised(r)
    east = normalised(np.array([-up[1], up[0], 0.0]) if abs(up[2]) < 0.99 else np.array([1.0, 0.0, 0.0]))
    down = -rotate(up, cross(up, east), step.angle_rad)
    # fall backwards from the site to a point well before the braking
    lead = 900.0
    path = dynamics.propagate(
        step.touchdown_tdb_s, r, v + speed * down, step.touchdown_tdb_s - lead, centre="moon", dense=True
    )
    lander = landings.Lander(mass, thrust, isp)
    braking = landings.braking_time(lander.craft(), speed + 150.0)
    start = step.touchdown_tdb_s - min(lead - 1.0, max(20.0, 0.62 * braking))
    state = path.at(start)
    flight = landings.land(start, state, site, lander, segments=20)
    if not flight.converged:
        turned = gravity_turn(speed, step.angle_rad, MOON_RADIUS_M + step.height_m, mass, thrust, isp)
        if turned is None:
            return Outcome(reason=flight.reason)
        dv, burning = turned
        used = burnt(mass, dv, isp)
        return Outcome(
            {
                ("", "dv"): Computed(dv),
                ("", "burn_time"): Computed(burning),
                ("", "propellant"): Computed(used),
                ("", "mass_after"): Computed(mass - used),
                ("approach", "speed"): Computed(speed),
                ("touchdown", "time"): Computed(step.touchdown_tdb_s),
            },
            {step.craft: Situation(step.touchdown_tdb_s, "moon", np.concatenate([r, v]), mass - used)},
            (f"a gravity turn over a round Moon stands in for the designed landing ({flight.reason.rstrip('.')})",),
        )
    end = float(flight.epoch_tdb_s[-1])
    return Outcome(
        {
            ("", "dv"): Computed(flight.dv_m_s),
            ("", "burn_time"): Computed(flight.duration_s),
            ("", "propellant"): Computed(flight.propellant_kg),
            ("", "mass_after"): Computed(mass - flight.propellant_kg),
            ("approach", "speed"): Computed(speed),
            ("touchdown", "time"): Computed(end),
        },
        {step.craft: Situation(end, "moon", flight.states[-1], mass - flight.propellant_kg)},
        (flight.approximation,) if flight.approximation else (),
    )
