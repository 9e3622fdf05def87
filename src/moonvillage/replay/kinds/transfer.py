"""From the Earth to the Moon: translunar injection and the coast, and the insertion into a lunar orbit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics, trajectory
from moonvillage.catalog.schema import date, flag, quantity
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state, unit
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, EarthOrbit, FreeReturn, MoonOrbit, MoonSurface
from moonvillage.replay.injection import finite_injection
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.orbits import burn_to, burnt, inclination, shape, speed_at, velocity_for
from moonvillage.replay.records import Computed, Outcome, Situation
from moonvillage.trajectory.lunar import lunar_family
from moonvillage.trajectory.planes import cross, normalised
from moonvillage.units import STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Translunar(Step):
    """A flight from a parking or injection orbit to its perilune over the Moon."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv c3 flight_time apogee speed propellant burn_time mass_after",
        "perilune": "time speed periapsis inclination",
        "cutoff": "time",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {
        ("", "flight_time"): ("arrival_tdb_s", "flight_time_s"),
        ("perilune", "time"): ("arrival_tdb_s", "flight_time_s"),
        ("perilune", "periapsis"): ("perilune_m",),
        ("", "apogee"): ("apogee_m",),
    }

    departure_tdb_s: float | None = date(
        "perigee of the injection (about the middle of its burn): the operator's date", None
    )
    ignition_tdb_s: float | None = date("ignition of the injection, in place of a departure", None)
    perigee_m: float = quantity("length", "height of the parking orbit, or of the injection's perigee", low=100e3)
    parking_apogee_m: float | None = quantity(
        "length", "apogee height of the orbit before the injection; by default it is circular", None, low=100e3
    )
    inclination_rad: float = quantity(
        "angle", "inclination of the parking orbit to the Earth's equator", low=0.0, high=math.pi
    )
    arrival_tdb_s: float | None = date("perilune, where the operator chose it", None)
    flight_time_s: float | None = quantity("time", "flight time, in place of an arrival", None, low=0.0)
    apogee_m: float | None = quantity(
        "length", "apogee height of the injection: the flight time follows from it", None, low=300e6
    )
    perilune_m: float = quantity("length", "height of the perilune aimed at", low=10e3)
    lunar_inclination_rad: float | None = quantity(
        "angle", "inclination of the approach to the Moon's equator; polar by default", None, low=0.0, high=math.pi
    )
    over_latitude_rad: float | None = quantity("angle", "latitude of a site that the orbit must pass over", None)
    over_longitude_rad: float | None = quantity("angle", "longitude of that site, east", None)
    over_tdb_s: float | None = date("when it passes over the site", None)
    free_return: bool = flag("the flight is a free return: the flight time follows from it", False)
    mass_kg: float | None = quantity("mass", "mass at ignition", None, low=0.0)
    thrust_n: float | None = quantity(
        "force",
        "thrust of the injecting engine; the craft's own is taken only where it leaves an ellipse",
        None,
        low=0.0,
    )
    isp_s: float | None = quantity("time", "its specific impulse", None, low=50.0)


def _solve(departure_tdb_s: float, arc: Arc, duration_s: float | None) -> Leg:
    return trajectory.solve(arc, departure_tdb_s, duration_s=duration_s, fixed_departure=True)


def _departure(step: Translunar, context: Context) -> float | None:
    """The instant of the equivalent impulse: the middle of the burn."""
    if step.departure_tdb_s is not None or step.ignition_tdb_s is None:
        return step.departure_tdb_s
    mass, thrust, isp = context.engine(step)
    if not (mass and thrust and isp):
        return step.ignition_tdb_s
    # an injection of 3.15 km/s from low orbit sets the length closely enough for its middle
    return step.ignition_tdb_s + 0.5 * burnt(mass, 3150.0, isp) * isp * STANDARD_GRAVITY_M_S2 / thrust


def _apogee(leg: Leg) -> float:
    """Osculating apogee radius after the injection."""
    return 0.0 if leg.c3_m2_s2 is None else -2.0 * GM_EARTH_M3_S2 / leg.c3_m2_s2


def _by_apogee(step: Translunar, arc: Arc, departure_tdb_s: float) -> Leg:
    """The flight whose injection has the apogee given: secant search for the flight time."""
    assert step.apogee_m is not None
    wanted = EARTH_RADIUS_M + step.apogee_m

    def distance(leg: Leg) -> float:
        # osculating apogees grow fast with energy: compare semi-major axes through the energy instead
        assert leg.c3_m2_s2 is not None
        perigee = EARTH_RADIUS_M + step.perigee_m
        return leg.c3_m2_s2 + 2.0 * GM_EARTH_M3_S2 / (perigee + wanted)

    times = [4.6 * 86400.0, 4.3 * 86400.0]
    legs = [_solve(departure_tdb_s, arc, t) for t in times]
    for _ in range(10):
        if not all(leg.converged for leg in legs[-2:]):
            return legs[-1] if not legs[-1].converged else legs[-2]
        f0, f1 = distance(legs[-2]), distance(legs[-1])
        if abs(f1) < 20.0 or f1 == f0:
            break
        step_s = -f1 * (times[-1] - times[-2]) / (f1 - f0)
        times.append(times[-1] + max(-43200.0, min(43200.0, step_s)))
        legs.append(_solve(departure_tdb_s, arc, times[-1]))
    return legs[-1]


def _approach(leg: Leg, perilune_tdb_s: float) -> Floats | None:
    """The state at perilune without any insertion, (6,) about the Moon; None where the leg does not tell."""
    if leg.final_centre == "moon" and leg.final_state is not None:
        state = leg.final_state.copy()
        for burn in leg.burns:
            if burn.name == "loi" and burn.epoch_tdb_s == leg.arrival_tdb_s:
                state[3:] -= np.array(burn.dv_icrf_m_s)
        return state
    if leg.trajectory is None:
        return None
    flown = leg.trajectory
    k = int(np.searchsorted(flown.epoch_tdb_s, perilune_tdb_s - 7200.0))
    epoch = float(flown.epoch_tdb_s[k])
    r, v = dynamics.change_centre(epoch, flown.r_m[k], flown.v_m_s[k], flown.centre, "moon")
    return dynamics.propagate(epoch, r, v, perilune_tdb_s, centre="moon").state


@register("translunar", Translunar)
def fly_translunar(step: Translunar, context: Context) -> Outcome:
    """Injection (an impulse; its losses by a rule, where thrust and mass are given), coast, perilune."""
    departure = _departure(step, context)
    if departure is None:
        return Outcome(reason="The step has no date: write departure, or ignition.")
    parking = EarthOrbit("parking", step.perigee_m, step.inclination_rad)
    altitude = context.height_m(step.perilune_m) - MOON_RADIUS_M
    target: MoonOrbit | FreeReturn
    notes: list[str] = []
    if step.free_return:
        target = FreeReturn("free return", altitude)
        arc = Arc(step.id, parking, target)
        leg = trajectory.solve(arc, departure, fixed_departure=True, samples=1200)
        wanted = step.arrival_tdb_s
        for _ in range(4):  # an arrival on time, by leaving earlier or later
            passed = next((e.epoch_tdb_s for e in leg.events if e.name == "perilune"), None)
            if wanted is None or passed is None or abs(wanted - passed) < 1.0:
                break
            departure += wanted - passed
            leg = trajectory.solve(arc, departure, fixed_departure=True, samples=1200)
        if wanted is not None:
            notes.append("the departure of the free return was moved to arrive at the date given")
    else:
        site = None
        if step.over_latitude_rad is not None and step.over_longitude_rad is not None:
            site = MoonSurface("site", step.over_latitude_rad, step.over_longitude_rad)
        tilt = step.lunar_inclination_rad
        if tilt is None and site is None:
            notes.append("the approach is taken as polar: no inclination was given")
        later = 0.0
        if site is not None and step.over_tdb_s is not None:
            later = step.over_tdb_s - (step.arrival_tdb_s or departure + 4.5 * 86400.0)
        target = MoonOrbit("orbit", altitude, tilt, None if tilt is not None else site, later)
        arc = Arc(step.id, parking, target)
        duration = step.flight_time_s
        if step.arrival_tdb_s is not None:
            duration = step.arrival_tdb_s - departure
        by_apogee = step.apogee_m is not None and duration is None
        leg = _by_apogee(step, arc, departure) if by_apogee else _solve(departure, arc, duration)
        if duration is None and step.apogee_m is None:
            notes.append("the flight time is near the cheapest: neither arrival nor apogee was given")
    if not leg.converged:
        return Outcome(reason=leg.reason, notes=tuple(notes))
    if leg.approximation:
        notes.append(leg.approximation)
    perilune = next((e.epoch_tdb_s for e in leg.events if e.name == "perilune"), leg.arrival_tdb_s)
    radius = EARTH_RADIUS_M + step.perigee_m
    computed = {
        ("", "flight_time"): Computed(perilune - leg.departure_tdb_s),
        ("perilune", "time"): Computed(perilune),
    }
    after_speed = None
    if leg.c3_m2_s2 is not None:
        after_speed = math.sqrt(leg.c3_m2_s2 + 2.0 * GM_EARTH_M3_S2 / radius)
        computed["", "c3"] = Computed(leg.c3_m2_s2)
        computed["", "speed"] = Computed(after_speed)
        if leg.c3_m2_s2 < 0.0:
            computed["", "apogee"] = Computed(_apogee(leg) - radius - EARTH_RADIUS_M)
    dv = sum(burn.dv_m_s for burn in leg.burns if burn.name in ("tli", "plane_change"))
    parked = math.sqrt(GM_EARTH_M3_S2 / radius)
    if step.parking_apogee_m is not None:
        faster = speed_at(radius, radius, EARTH_RADIUS_M + step.parking_apogee_m, "earth")
        dv += parked - faster
        parked = faster
    mass, thrust, isp = context.engine(step)
    if step.parking_apogee_m is None:  # from a circle a stage injects, not the craft: only what the step itself says
        thrust, isp = step.thrust_n, step.isp_s
    if mass and thrust and isp:
        loss, burn_time = finite_injection(radius, dv, thrust, mass, isp, start_m_s=parked)
        if math.isfinite(loss):
            dv += loss
            computed["", "burn_time"] = Computed(burn_time)
            notes.append(
                f"the injection's {burn_time:.0f} s burn costs {loss:.1f} m/s above the impulse, about a round Earth"
            )
            if step.ignition_tdb_s is not None:
                computed["cutoff", "time"] = Computed(step.ignition_tdb_s + burn_time)
        else:
            notes.append("the injection is so long that its losses were not computed: it is an impulse here")
    if mass and isp:
        used = burnt(mass, dv, isp)
        computed["", "propellant"] = Computed(used)
        computed["", "mass_after"] = Computed(mass - used)
        mass -= used
    computed["", "dv"] = Computed(dv)
    after: dict[str, Situation] = {}
    state = _approach(leg, perilune)
    if state is not None:
        after[step.craft] = Situation(perilune, "moon", state, mass)
        low = shape(state, "moon").periapsis_m
        computed["perilune", "periapsis"] = Computed(low - context.mission.lunar_radius_m)
        computed["perilune", "speed"] = Computed(float(np.linalg.norm(state[3:])))
        computed["perilune", "inclination"] = Computed(inclination(perilune, state, "moon"))
    return Outcome(computed, after, tuple(notes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion(Step):
    """A burn around the perilune of an approach (or of any orbit) into a lunar orbit of given heights."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv burn_time propellant mass_after period inclination periapsis apoapsis",
        "ignition": "time",
        "cutoff": "time",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {
        ("", "periapsis"): ("periapsis_m",),
        ("", "apoapsis"): ("apoapsis_m", "period_s"),
        ("", "period"): ("period_s",),
        ("", "burn_time"): ("burn_time_s",),
        ("", "inclination"): ("inclination_rad",),
        ("ignition", "time"): ("ignition_tdb_s",),
    }

    periapsis_m: float | None = quantity("length", "height of the orbit's lowest point", None)
    apoapsis_m: float | None = quantity("length", "height of its highest point", None)
    period_s: float | None = quantity("time", "its period, in place of the apoapsis", None, low=5000.0)
    inclination_rad: float | None = quantity(
        "angle", "inclination of the orbit, where the burn also turns the plane", None, low=0.0, high=math.pi
    )
    over_latitude_rad: float | None = quantity("angle", "latitude of a site that the orbit must pass over", None)
    over_longitude_rad: float | None = quantity("angle", "longitude of that site, east", None)
    over_tdb_s: float | None = date("when it passes over the site", None)
    burn_time_s: float | None = quantity(
        "time", "length of the burn, in place of an orbit: the orbit follows", None, low=0.0
    )
    ignition_tdb_s: float | None = date("ignition, where the operator chose it; else it is found", None)
    mass_kg: float | None = quantity("mass", "mass at ignition", None, low=0.0)
    thrust_n: float | None = quantity("force", "thrust", None, low=0.0)
    isp_s: float | None = quantity("time", "specific impulse", None, low=50.0)


@register("lunar_insertion", Insertion)
def fly_insertion(step: Insertion, context: Context) -> Outcome:
    """Brake at perilune; with mass, thrust and specific impulse as a finite burn in the n-body model."""
    here = context.situations.get(step.craft)
    if here is None or here.centre != "moon":
        return Outcome(reason="The craft is on no approach to the Moon: the step before did not give one.")
    approach = float(np.linalg.norm(here.state[:3]))
    low = approach if step.periapsis_m is None else context.height_m(step.periapsis_m)
    if step.burn_time_s is not None:
        return _by_duration(step, context, here, low)
    if step.period_s is not None:
        high = 2.0 * (GM_MOON_M3_S2 * (step.period_s / (2.0 * math.pi)) ** 2) ** (1.0 / 3.0) - low
    elif step.apoapsis_m is not None:
        high = context.height_m(step.apoapsis_m)
    else:
        high = low
    return _finish(step, context, here, low, high)


def _by_duration(step: Insertion, context: Context, here: Situation, low: float) -> Outcome:
    """The orbit that a burn of given length leads to: a search for its apoapsis."""
    assert step.burn_time_s is not None
    mass, thrust, isp = context.engine(step)
    if not (mass and thrust and isp):
        return Outcome(reason="A burn time gives an orbit only with mass, thrust and isp; write them.")
    free = replace(step, burn_time_s=None)
    lower, upper = low + 1e3, 60e6
    outcome = Outcome(reason="No orbit takes a burn of this length.")
    for _ in range(30):
        middle = math.sqrt(lower * upper)
        outcome = _finish(free, context, here, low, middle)
        found = outcome.computed.get(("", "burn_time"))
        if found is None:
            return outcome
        if abs(found.value - step.burn_time_s) < 0.02:
            break
        lower, upper = (middle, upper) if found.value > step.burn_time_s else (lower, middle)
    return outcome


def _planes(step: Insertion, here: Situation) -> list[Floats]:
    """Normals of the planes that the step asks for; none where it asks for none."""
    r, v = here.state[:3], here.state[3:]
    if step.over_latitude_rad is not None and step.over_longitude_rad is not None:
        when = here.epoch_tdb_s if step.over_tdb_s is None else step.over_tdb_s
        site = unit(moon_site_state(when, step.over_latitude_rad, step.over_longitude_rad)[0])
        if step.inclination_rad is None:
            normal = normalised(cross(r, v))
            return [normalised(normal - float(normal @ site) * site)]
        family = lunar_family(MoonOrbit("", 0.0, step.inclination_rad), when)
        return [family.normal(psi) for psi in family.containing(site)[0]]
    if step.inclination_rad is None:
        return []
    family = lunar_family(MoonOrbit("", 0.0, step.inclination_rad), here.epoch_tdb_s)
    return [family.normal(psi) for psi in family.containing(normalised(r))[0]]


def _turn(step: Insertion, here: Situation, low: float, high: float) -> tuple[Situation, Floats, float] | None:
    """The cheapest burn into one of the planes asked for: where, the velocity after it, and the turn (rad)."""
    normal = normalised(cross(here.state[:3], here.state[3:]))
    best: tuple[float, Situation, Floats, float] | None = None
    for wanted_normal in _planes(step, here):
        between = math.acos(max(-1.0, min(1.0, float(normal @ wanted_normal))))
        if between < math.radians(0.2):
            return None
        for sense in (-1.0, 1.0):  # before perilune and after it
            path = dynamics.propagate(
                here.epoch_tdb_s,
                here.state[:3],
                here.state[3:],
                here.epoch_tdb_s + sense * 3600.0,
                centre="moon",
                dense=True,
            )
            for epoch in path.crossings(lambda _, s, n=wanted_normal: s[:, :3] @ n):  # type: ignore[misc]
                state = path.at(float(epoch))
                up = normalised(state[:3])
                rising = float(state[3:] @ up)
                level = cross(wanted_normal, up) * float(np.linalg.norm(state[3:] - rising * up))
                new = velocity_for(np.concatenate([state[:3], level + rising * up]), low, high, "moon")
                cost = float(np.linalg.norm(new - state[3:]))
                if best is None or cost < best[0]:
                    best = cost, Situation(float(epoch), "moon", state, here.mass_kg), new, between
    return None if best is None else best[1:]


def _finish(step: Insertion, context: Context, here: Situation, low: float, high: float) -> Outcome:
    mass, thrust, isp = context.engine(step)
    base = context.mission.lunar_radius_m
    computed: dict[tuple[str, str], Computed] = {}
    notes: list[str] = []
    turned = _turn(step, here, low, high)
    if turned is not None:
        at, wanted, angle = turned
        dv, end = float(np.linalg.norm(wanted - at.state[3:])), at.epoch_tdb_s
        state = np.concatenate([at.state[:3], wanted])
        computed["ignition", "time"] = Computed(end)
        notes.append(f"the burn also turns the plane by {math.degrees(angle):.1f} deg; it is an impulse at the node")
        if mass and thrust and isp:
            burning = burnt(mass, dv, isp) * isp * STANDARD_GRAVITY_M_S2 / thrust
            computed["", "burn_time"] = Computed(burning)
            computed["ignition", "time"] = Computed(end - 0.5 * burning)
    elif mass and thrust and isp:
        burn = burn_to(
            "moon", here.epoch_tdb_s, here.state, low, high, mass, thrust, isp, ignition_tdb_s=step.ignition_tdb_s
        )
        if burn is None:
            return Outcome(reason="No burn of this thrust reaches the orbit from this approach.")
        dv, state, end = burn.dv_m_s, burn.state, burn.cutoff_tdb_s
        computed["ignition", "time"] = Computed(burn.ignition_tdb_s)
        computed["", "burn_time"] = Computed(burn.duration_s)
        notes.append(f"finite burn, {burn.loss_m_s:.1f} m/s above the impulse at perilune")
        if abs(burn.lift_m) > 500.0:
            notes.append(f"the approach was aimed {burn.lift_m / 1e3:.0f} km higher, as so long a burn sinks")
    else:
        wanted = velocity_for(here.state, low, high, "moon")
        dv, end = float(np.linalg.norm(wanted - here.state[3:])), here.epoch_tdb_s
        state = np.concatenate([here.state[:3], wanted])
        notes.append("the burn is an impulse: mass, thrust or isp is not given")
    if mass and isp:
        used = burnt(mass, dv, isp)
        mass -= used
        computed["", "propellant"] = Computed(used)
        computed["", "mass_after"] = Computed(mass)
    now = shape(state, "moon")
    computed |= {
        ("", "dv"): Computed(dv),
        ("", "period"): Computed(now.period_s),
        ("", "periapsis"): Computed(now.periapsis_m - base),
        ("", "apoapsis"): Computed(now.apoapsis_m - base),
        ("", "inclination"): Computed(inclination(end, state, "moon")),
        ("cutoff", "time"): Computed(end),
    }
    return Outcome(computed, {step.craft: Situation(end, "moon", state, mass)}, tuple(notes))
