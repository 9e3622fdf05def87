"""The powered landing of least propellant, with what pilots and cameras ask of it, and diverts to another place.

The legs of :mod:`moonvillage.trajectory.landing` fly a linear-tangent burn and a fixed approach, in milliseconds, for
tables. Here the burn is designed: thrust between its limits, a gate, an approach within a cone and a tilt, a vertical
end, a limit on the turn, each optional, at the least propellant (:mod:`~moonvillage.trajectory.convexified`). Every
segment is flown in the full model about the Moon (8 × 8 field, Earth, Sun), so the result is a flight in it; the
whole is flown again in one go, and what it misses is the closure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris.constants import GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.ephemeris.frames import moon_site_state
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.records.legs import Trajectory
from moonvillage.records.places import MoonSurface
from moonvillage.trajectory.convexified import Craft, Phase, Plan, Start, fly_segment, least_propellant
from moonvillage.trajectory.planes import cross, normalised, rotate
from moonvillage.trajectory.powered import PERILUNE_M
from moonvillage.units import STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]

_CLOSURE_M: Final = 100.0
_CLOSURE_M_S: Final = 0.1
#: Durations of the first guess that are tried one after another, in terms of the likely one.
_STARTS: Final = (1.0, 1.3, 0.8)


@dataclass(frozen=True, slots=True)
class Lander:
    """A vehicle under power.

    ``mass_kg`` at ignition, full thrust ``thrust_n``, ``isp_s``; ``throttle`` is the least and greatest share of the
    full thrust while burning; ``turn_rad_s`` the fastest turn of the thrust's direction (None: any); ``dry_kg`` the
    mass without propellant: a landing that would end below it is a failure.
    """

    mass_kg: float
    thrust_n: float
    isp_s: float
    throttle: tuple[float, float] = (0.0, 1.0)
    turn_rad_s: float | None = None
    dry_kg: float = 0.0

    def craft(self) -> Craft:
        """The same for the optimiser."""
        return Craft(self.mass_kg, self.thrust_n, self.isp_s * STANDARD_GRAVITY_M_S2, self.turn_rad_s)


@dataclass(frozen=True, slots=True)
class Approach:
    """What is asked of the end of a landing; None asks nothing.

    From ``gate_m`` above the site on: the thrust within ``tilt_rad`` of the vertical (so that the site stays in
    sight), the craft above the cone of elevation ``glide_slope_rad`` over the site. From ``vertical_m`` on: plumb
    over the site, upright within 5°, falling no faster than ``vertical_fall_m_s``. It ends at ``touchdown_m_s``.
    """

    gate_m: float | None = None
    tilt_rad: float | None = None
    glide_slope_rad: float | None = None
    vertical_m: float | None = None
    vertical_fall_m_s: float | None = None
    touchdown_m_s: float = 0.0


#: Apollo-like: high gate at 2.2 km, site in sight, last 30 m straight down at 2 m/s at most.
PILOTED: Final = Approach(2200.0, math.radians(55.0), math.radians(12.0), 30.0, 3.0, 1.0)
#: Nothing is asked but to land.
FREE: Final = Approach()


@dataclass(frozen=True, slots=True, eq=False)
class PoweredFlight:
    """A powered flight, or its failure (``converged`` False and a ``reason``).

    n + 1 nodes: ``epoch_tdb_s`` (n + 1,), ``states`` (n + 1, 6) r, v ICRF about the Moon, ``mass_kg`` (n + 1,).
    n segments of constant thrust: ``thrust_n`` (n, 3), ICRF; ``tilt_rad`` (n,) from the local vertical;
    ``phase`` (n,) names. ``closure_*``: what the flight, flown in one go through all segments in the full model,
    misses at its end. ``settled`` False: it flies, but the search might have saved a little more.
    """

    converged: bool
    reason: str = ""
    site: MoonSurface | None = None
    lander: Lander | None = None
    epoch_tdb_s: Floats = field(default_factory=lambda: np.zeros(0))
    states: Floats = field(default_factory=lambda: np.zeros((0, 6)))
    mass_kg: Floats = field(default_factory=lambda: np.zeros(0))
    thrust_n: Floats = field(default_factory=lambda: np.zeros((0, 3)))
    tilt_rad: Floats = field(default_factory=lambda: np.zeros(0))
    phase: tuple[str, ...] = ()
    closure_position_m: float = math.nan
    closure_velocity_m_s: float = math.nan
    iterations: int = 0
    settled: bool = False
    approximation: str = ""

    @property
    def propellant_kg(self) -> float:
        """Propellant used."""
        return float(self.mass_kg[0] - self.mass_kg[-1]) if self.mass_kg.size else math.nan

    @property
    def dv_m_s(self) -> float:
        """What the engine gives in all."""
        if self.lander is None or not self.mass_kg.size:
            return math.nan
        return self.lander.isp_s * STANDARD_GRAVITY_M_S2 * math.log(float(self.mass_kg[0] / self.mass_kg[-1]))

    @property
    def duration_s(self) -> float:
        """Last epoch minus first."""
        return float(self.epoch_tdb_s[-1] - self.epoch_tdb_s[0]) if self.epoch_tdb_s.size else math.nan

    def thrust(self, segment: int) -> dynamics.Thrust | None:
        """The thrust of a segment as the integrator takes it; None for a coast."""
        size = float(np.linalg.norm(self.thrust_n[segment]))
        if size < 1e-6 or self.lander is None:
            return None
        push = size / float(self.mass_kg[segment])
        exhaust = self.lander.isp_s * STANDARD_GRAVITY_M_S2
        return dynamics.Thrust(
            float(self.epoch_tdb_s[segment]), push, exhaust, self.thrust_n[segment] / size, np.zeros(3)
        )

    def at(self, epoch_tdb_s: float) -> tuple[Floats, float]:
        """State (6,) and mass (kg) at an epoch (TDB s) within the flight.

        Raises
        ------
        ValueError
            If the epoch lies outside the flight.
        """
        low, high = float(self.epoch_tdb_s[0]), float(self.epoch_tdb_s[-1])
        if not low <= epoch_tdb_s <= high:
            raise ValueError(f"the epoch {epoch_tdb_s:.3f} lies outside the flight, {low:.3f} to {high:.3f}")
        k = min(int(np.searchsorted(self.epoch_tdb_s, epoch_tdb_s, side="right")) - 1, self.thrust_n.shape[0] - 1)
        start = self.states[k]
        begin = float(self.epoch_tdb_s[k])
        path = dynamics.propagate(begin, start[:3], start[3:], epoch_tdb_s, centre="moon", thrust=self.thrust(k))
        exhaust = self.lander.isp_s * STANDARD_GRAVITY_M_S2 if self.lander is not None else 1.0
        flow = float(np.linalg.norm(self.thrust_n[k])) / exhaust
        return path.state, float(self.mass_kg[k]) - flow * (epoch_tdb_s - begin)

    def trajectory(self) -> Trajectory:
        """The nodes as a :class:`~moonvillage.records.legs.Trajectory` about the Moon."""
        return Trajectory("moon", self.epoch_tdb_s, self.states[:, :3].copy(), self.states[:, 3:].copy())

    def __repr__(self) -> str:
        if not self.converged:
            return f"PoweredFlight(not converged: {self.reason})"
        return f"PoweredFlight({self.duration_s:.0f} s, {self.dv_m_s:.1f} m/s, {self.propellant_kg:.1f} kg)"


@dataclass(frozen=True, slots=True, eq=False)
class Moonscape:
    """The full model about the Moon as a field to land in; ``site`` is the goal. Epochs are TDB s."""

    site: MoonSurface

    def fly(
        self,
        epoch_s: float,
        state: Floats,
        push_m_s2: float,
        exhaust_m_s: float,
        direction: Floats,
        duration_s: float,
    ) -> Floats | None:
        """One segment in the n-body model; None where it runs into the Moon's centre.

        ``state`` and what it returns are (6,), ICRF about the Moon; ``direction`` (3,) is the thrust's unit vector.
        """
        thrust = None
        if push_m_s2 > 0.0:
            thrust = dynamics.Thrust(epoch_s, push_m_s2, exhaust_m_s, direction, np.zeros(3))
        path = dynamics.propagate(epoch_s, state[:3], state[3:], epoch_s + duration_s, centre="moon", thrust=thrust)
        return None if path.reason else path.state

    def gravity(self, r_m: Floats) -> tuple[Floats, Floats]:
        """Acceleration (3,), m/s², of the point mass at ``r_m`` (3,), and its gradient (3, 3), 1/s²."""
        radius = math.sqrt(float(r_m @ r_m))
        pull = GM_MOON_M3_S2 / radius**3
        return -pull * r_m, pull * (3.0 * np.outer(r_m, r_m) / radius**2 - np.eye(3))

    def goal(self, epoch_s: float) -> tuple[Floats, Floats]:
        """The site's state (6,), ICRF about the Moon, and the unit vectors up, east, north there: rows of (3, 3)."""
        r, v = moon_site_state(epoch_s, self.site.latitude_rad, self.site.longitude_rad, self.site.height_m)
        up = normalised(r)
        pole = moon_me_matrix(epoch_s)[2]
        east = cross(pole, up)
        if float(east @ east) < 1e-12:
            east = cross(np.array([1.0, 0.0, 0.0]), up)
        east = normalised(east)
        return np.concatenate([r, v]), np.stack([up, east, cross(up, east)])

    def height(self, r_m: Floats, goal: Floats) -> tuple[float, Floats]:
        """Height (m) of ``r_m`` (3,) above the sphere through the site, of state ``goal`` (6,); gradient (3,)."""
        radius = math.sqrt(float(r_m @ r_m))
        return radius - math.sqrt(float(goal[:3] @ goal[:3])), r_m / radius


def phases_of(lander: Lander, approach: Approach, *, segments: int = 40) -> tuple[Phase, ...]:
    """The parts of a landing: braking, and approach and vertical where they are asked for."""
    found = [Phase("braking", segments, lander.throttle)]
    if approach.gate_m is not None:
        found.append(
            Phase(
                "approach",
                max(10, segments // 3),
                lander.throttle,
                start_height_m=approach.gate_m,
                tilt_rad=approach.tilt_rad,
                glide_slope_rad=approach.glide_slope_rad,
            )
        )
    if approach.vertical_m is not None:
        found.append(
            Phase(
                "vertical",
                8,
                lander.throttle,
                start_height_m=approach.vertical_m,
                tilt_rad=math.radians(5.0),
                plumb=True,
                fall_m_s=approach.vertical_fall_m_s,
            )
        )
    return tuple(found)


def _guess(
    world: Moonscape, craft: Craft, phases: Sequence[Phase], begin_tdb_s: float, state: Floats, braking_s: float
) -> Plan:
    """A smooth way down that need not fly: the way to the site is covered at a speed that falls evenly."""
    durations = [braking_s]
    for phase in phases[1:]:
        height = phase.start_height_m or 100.0
        durations.append(max(10.0, 1.2 * math.sqrt(2.0 * height)) if not phase.plumb else max(8.0, height / 2.0))
    plan = Plan(begin_tdb_s, np.array(durations), np.zeros((1, 6)), np.zeros(1), np.zeros((0, 3)))
    epochs = plan.epochs(phases)
    goal, axes = world.goal(float(epochs[-1]))
    gate = next((p.start_height_m for p in phases[1:] if p.start_height_m is not None), None)
    up0, up1 = normalised(state[:3]), axes[0]
    angle = math.acos(max(-1.0, min(1.0, float(up0 @ up1))))
    axis = cross(up0, up1)
    axis = normalised(axis) if float(axis @ axis) > 1e-18 else axes[2]
    base = float(np.linalg.norm(goal[:3]))
    top, low = float(np.linalg.norm(state[:3])) - base, gate or 0.0
    r = np.empty((epochs.size, 3))
    braking = phases[0].segments
    for k in range(epochs.size):
        if k <= braking:
            t = k / braking
            height = top + (low - top) * t * t * (3.0 - 2.0 * t)
            r[k] = rotate(up0, axis, angle * (2.0 * t - t * t)) * (base + height)
        else:
            t = (float(epochs[k]) - float(epochs[braking])) / (float(epochs[-1]) - float(epochs[braking]))
            r[k] = up1 * (base + low * (1.0 - t) ** 2)
    v = np.stack([np.asarray(np.gradient(r[:, i], epochs)) for i in range(3)], axis=1)
    v[0], v[-1] = state[3:], goal[3:]
    steps = plan.steps(phases)
    push = np.empty((steps.size, 3))
    for k in range(steps.size):
        push[k] = (v[k + 1] - v[k]) / steps[k] - world.gravity(0.5 * (r[k] + r[k + 1]))[0]
    most = craft.thrust_n / craft.mass_kg
    size = np.linalg.norm(push, axis=1, keepdims=True)
    push *= np.minimum(1.0, most / np.maximum(size, 1e-9))
    burnt = np.linalg.norm(push, axis=1) * steps / craft.exhaust_m_s
    log_mass = math.log(craft.mass_kg) - np.concatenate([[0.0], np.cumsum(burnt)])
    return Plan(begin_tdb_s, np.array(durations), np.hstack([r, v]), log_mass, push)


def braking_time(craft: Craft, change_m_s: float) -> float:
    """How long full thrust takes for a change of speed, s."""
    c = craft.exhaust_m_s
    return c * craft.mass_kg / craft.thrust_n * -math.expm1(-change_m_s / c)


def fly_plan(
    world: Moonscape, lander: Lander, phases: Sequence[Phase], plan: Plan, touchdown_m_s: float
) -> tuple[float, float, float]:
    """The plan flown in one go: miss at the goal (m), in velocity (m/s), and the final mass (kg)."""
    craft = lander.craft()
    state, mass = plan.states[0], craft.mass_kg
    epochs, steps = plan.epochs(phases), plan.steps(phases)
    for k in range(steps.size):
        end = fly_segment(world, craft, float(epochs[k]), state, plan.push[k], float(steps[k]))
        if end is None:
            return math.inf, math.inf, mass
        state = end
        mass *= math.exp(-float(np.linalg.norm(plan.push[k])) * float(steps[k]) / craft.exhaust_m_s)
    goal, axes = world.goal(float(epochs[-1]))
    goal = goal.copy()
    goal[3:] -= touchdown_m_s * axes[0]
    return float(np.linalg.norm(state[:3] - goal[:3])), float(np.linalg.norm(state[3:] - goal[3:])), mass


def design(
    world: Moonscape,
    lander: Lander,
    phases: Sequence[Phase],
    guess: Plan,
    start: Start,
    *,
    sliding: bool,
    touchdown_m_s: float,
    notes: Sequence[str] = (),
) -> PoweredFlight:
    """Optimise from a guess, fly the result in one go, and make the record."""
    craft = lander.craft()
    found = least_propellant(world, craft, phases, guess, start, sliding=sliding, touchdown_m_s=touchdown_m_s)
    if not found.converged:
        return PoweredFlight(False, found.reason, world.site, lander, iterations=found.iterations)
    plan = found.plan
    miss, miss_speed, _ = fly_plan(world, lander, phases, plan, touchdown_m_s)
    if not (miss <= _CLOSURE_M and miss_speed <= _CLOSURE_M_S):
        reason = f"Flown again in one go, the landing misses its site by {miss:.0f} m and {miss_speed:.2f} m/s."
        return PoweredFlight(False, reason, world.site, lander, iterations=found.iterations)
    mass = np.exp(plan.log_mass)
    if float(mass[-1]) < lander.dry_kg:
        needed, has = float(mass[0] - mass[-1]), lander.mass_kg - lander.dry_kg
        reason = f"The landing needs {needed:.1f} kg of propellant; the lander has {has:.1f} kg."
        return PoweredFlight(False, reason, world.site, lander, iterations=found.iterations)
    steps = plan.steps(phases)
    size = np.linalg.norm(plan.push, axis=1)
    push = -craft.exhaust_m_s / steps * np.expm1(-size * steps / craft.exhaust_m_s)
    safe = np.maximum(size, 1e-12)
    thrust = plan.push * (push * mass[:-1] / safe)[:, None]
    thrust[size < 1e-9] = 0.0
    up = plan.states[:-1, :3] / np.linalg.norm(plan.states[:-1, :3], axis=1, keepdims=True)
    cosine = np.einsum("ij,ij->i", plan.push, up) / safe
    tilt = np.where(size < 1e-9, 0.0, np.arccos(np.clip(cosine, -1.0, 1.0)))
    said = ["thrust is constant over each of the segments", *notes]
    if not found.settled:
        said.append("the search stopped before the propellant settled")
    return PoweredFlight(
        True,
        "",
        world.site,
        lander,
        plan.epochs(phases),
        plan.states,
        mass,
        thrust,
        tilt,
        tuple(p.name for p in phases for _ in range(p.segments)),
        miss,
        miss_speed,
        found.iterations,
        found.settled,
        "; ".join(said),
    )


def land(
    epoch_tdb_s: float,
    state: Floats,
    site: MoonSurface,
    lander: Lander,
    approach: Approach = FREE,
    *,
    ignite_now: bool = False,
    segments: int = 40,
) -> PoweredFlight:
    """The landing of least propellant from an orbit or an approach that passes near a site.

    Parameters
    ----------
    epoch_tdb_s, state
        A state (6,) of the coast before ignition, ICRF about the Moon, m and m/s, at an epoch in TDB s.
    site
        Where to land.
    lander, approach
        The vehicle with its mass at ignition, and the constraints.
    ignite_now
        Ignite at ``epoch_tdb_s``; else the moment of ignition is to be found, within half an hour of it.
    segments
        Of the braking phase; the optimum is some 0.01 % dearer with half as many.

    Returns
    -------
    A :class:`PoweredFlight`; where none was found, one with ``converged`` False and a reason.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves the ephemeris.

    Notes
    -----
    Method: :func:`moonvillage.trajectory.convexified.least_propellant`.
    """
    world, craft = Moonscape(site), lander.craft()
    refusal = _refusal(lander, approach)
    if refusal:
        return PoweredFlight(False, refusal, site, lander)
    phases = phases_of(lander, approach, segments=segments)
    speed = float(np.linalg.norm(state[3:] - world.goal(epoch_tdb_s)[0][3:]))
    braking = braking_time(craft, 1.06 * speed + 60.0)
    if ignite_now:
        found = PoweredFlight(False)
        for share in _STARTS:
            guess = _guess(world, craft, phases, epoch_tdb_s, state, share * braking)
            found = design(
                world, lander, phases, guess, lambda _: state, sliding=False, touchdown_m_s=approach.touchdown_m_s
            )
            if found.converged:
                break
        return found
    window = 1800.0
    ahead = dynamics.propagate(epoch_tdb_s, state[:3], state[3:], epoch_tdb_s + window, centre="moon", dense=True)
    behind = dynamics.propagate(epoch_tdb_s, state[:3], state[3:], epoch_tdb_s - window, centre="moon", dense=True)
    if ahead.reason or behind.reason:
        # the coast hits the Moon within the window: only what comes before can be flown
        ahead = dynamics.propagate(epoch_tdb_s, state[:3], state[3:], epoch_tdb_s + 60.0, centre="moon", dense=True)
    if ahead.reason or behind.reason:
        return PoweredFlight(False, "The coast before ignition runs into the Moon.", site, lander)
    last = ahead.epoch_tdb_s

    def start(epoch: float) -> Floats:
        bounded = min(max(epoch, epoch_tdb_s - window), last)
        return ahead.at(bounded) if bounded >= epoch_tdb_s else behind.at(bounded)

    # ignite where the way left is what even braking covers
    trial = np.arange(epoch_tdb_s - window + 1.0, last - 1.0, 5.0)
    gaps = []
    for epoch in trial:
        here = start(float(epoch))
        goal = world.goal(float(epoch) + braking)[0]
        way = float(np.linalg.norm(goal[:3])) * math.acos(
            max(-1.0, min(1.0, float(normalised(goal[:3]) @ normalised(here[:3]))))
        )
        coming = float(here[3:] @ goal[:3]) > 0.0 or way < 2e5
        gaps.append(abs(way - 0.53 * speed * braking) if coming else math.inf)
    begin = float(trial[int(np.argmin(gaps))])
    guess = _guess(world, craft, phases, begin, start(begin), braking)
    return design(world, lander, phases, guess, start, sliding=True, touchdown_m_s=approach.touchdown_m_s)


def _refusal(lander: Lander, approach: Approach) -> str:
    low, high = lander.throttle
    if not (lander.mass_kg > 0.0 and lander.thrust_n > 0.0 and lander.isp_s > 0.0):
        return "The lander's mass, thrust and specific impulse must be above zero."
    if not 0.0 <= low < high <= 1.0:
        return f"The throttle runs from {low:g} to {high:g}; it must be 0 <= least < greatest <= 1."
    gravity = GM_MOON_M3_S2 / MOON_RADIUS_M**2
    if high * lander.thrust_n / lander.mass_kg < 0.6 * gravity:
        return "The thrust is too small to stop a fall to the Moon."
    if approach.vertical_m is not None and approach.gate_m is not None and approach.vertical_m >= approach.gate_m:
        return "The vertical part begins above the gate; it must begin below."
    return ""


def land_from_perilune(
    epoch_tdb_s: float,
    apolune_m: float,
    plane_normal: Floats,
    site: MoonSurface,
    lander: Lander,
    approach: Approach = FREE,
    *,
    perilune_m: float = PERILUNE_M,
    segments: int = 40,
) -> PoweredFlight:
    """The landing from the perilune of a descent ellipse whose phase is free: ignition is at the perilune.

    Parameters
    ----------
    epoch_tdb_s
        About when the craft comes to its perilune, TDB s.
    apolune_m, perilune_m
        Altitudes of the (osculating) ellipse above the site's level, m.
    plane_normal
        Unit normal (3,) of its plane, ICRF; the site may lie off it, which the burn steers out.
    site, lander, approach, segments
        As for :func:`land`.

    Returns
    -------
    A :class:`PoweredFlight`; where none was found, one with ``converged`` False and a reason.
    """
    refusal = _refusal(lander, approach)
    if refusal:
        return PoweredFlight(False, refusal, site, lander)
    world, craft = Moonscape(site), lander.craft()
    base = MOON_RADIUS_M + site.height_m
    low, high = base + perilune_m, base + apolune_m
    speed = math.sqrt(2.0 * GM_MOON_M3_S2 * high / (low * (low + high)))
    braking = braking_time(craft, 1.06 * speed + 60.0)
    phases = phases_of(lander, approach, segments=segments)
    normal = normalised(np.asarray(plane_normal, dtype=np.float64))
    up = world.goal(epoch_tdb_s + braking)[1][0]
    ahead = normalised(up - float(up @ normal) * normal)
    first = rotate(ahead, normal, -0.53 * speed * braking / base)

    def start(epoch: float) -> Floats:
        radial = rotate(first, normal, speed / low * (epoch - epoch_tdb_s))
        return np.concatenate([low * radial, speed * cross(normal, radial)])

    found = PoweredFlight(False)
    for share in _STARTS:
        guess = _guess(world, craft, phases, epoch_tdb_s, start(epoch_tdb_s), share * braking)
        found = design(
            world,
            lander,
            phases,
            guess,
            start,
            sliding=True,
            touchdown_m_s=approach.touchdown_m_s,
            notes=("the phase of the orbit is free",),
        )
        if found.converged:
            break
    return found


def divert(
    flight: PoweredFlight, epoch_tdb_s: float, site: MoonSurface, approach: Approach = FREE, *, segments: int = 30
) -> PoweredFlight:
    """From any moment of a landing to another site, at the least propellant.

    Parameters
    ----------
    flight
        The landing under way.
    epoch_tdb_s
        When it is given up, TDB s, within the flight.
    site, approach
        The new site, and what is asked of the end (a gate above the present height is left out).
    segments
        Of the first phase.

    Returns
    -------
    A :class:`PoweredFlight` from that moment; where the site cannot be reached, one with ``converged`` False.

    Raises
    ------
    ValueError
        If the epoch lies outside the flight, or the flight did not converge.
    """
    if not flight.converged or flight.lander is None:
        raise ValueError("the landing to divert from did not converge")
    state, mass = flight.at(epoch_tdb_s)
    old = flight.lander
    lander = replace(old, mass_kg=mass)
    height = float(np.linalg.norm(state[:3])) - MOON_RADIUS_M - site.height_m
    gate = approach.gate_m if approach.gate_m is not None and approach.gate_m < 0.9 * height else None
    vertical = approach.vertical_m if approach.vertical_m is not None and approach.vertical_m < 0.8 * height else None
    asked = Approach(
        gate,
        approach.tilt_rad,
        approach.glide_slope_rad,
        vertical,
        approach.vertical_fall_m_s,
        approach.touchdown_m_s,
    )
    return land(epoch_tdb_s, state, site, lander, asked, ignite_now=True, segments=segments)
