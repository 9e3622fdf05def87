"""Launch windows flown in the n-body model, and injection as a burn of finite length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_J2, EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.ephemeris.frames import earth_latitude_longitude
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit, Place
from moonvillage.trajectory.api import solve
from moonvillage.trajectory.conics import climb
from moonvillage.trajectory.launch import (
    EARTH_RATE_RAD_S,
    Ascent,
    DailyWindows,
    LaunchSite,
    Opportunity,
    Window,
    daily_windows,
    heading_of,
    mean_rates,
    site_direction,
)
from moonvillage.trajectory.planes import rotate
from moonvillage.units import STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]

_TURN: Final = 2.0 * math.pi
_ITERATIONS: Final = 10
#: Largest change of the node in one step, rad.
_STEP_RAD: Final = math.radians(4.0)
_PIVOTS_RAD: Final = (0.0, math.radians(1.0), math.radians(-1.0), math.radians(2.5), math.radians(-2.5))
#: A plane this far from that of conics belongs to another window.
_OTHER_RAD: Final = math.radians(25.0)
#: The node is first tried where conics put it, then this much east of there.
_STARTS_RAD: Final = (0.0, math.radians(2.0), math.radians(4.0), math.radians(-2.0))


@dataclass(frozen=True, slots=True)
class SolvedLaunch:
    """An opportunity with its n-body leg, or why there is none (``reason`` not empty)."""

    opportunity: Opportunity
    reason: str = ""


def solved_launch(
    site: LaunchSite,
    chance: Opportunity,
    target: Place,
    *,
    ascent: Ascent | None = None,
    duration_s: float | None = None,
    samples: int = 0,
    keep: str = "",
) -> SolvedLaunch:
    """Turn a launch found by conics until its n-body leg leaves in the plane of the launch.

    ``keep`` says what stays: the "azimuth" (at the edges of a window; the launch is moved), or the "launch" time (the
    azimuth is turned); empty: the azimuth, and the launch time where no plane of that azimuth holds the way.

    Parameters
    ----------
    site
        The pad.
    chance
        From :func:`moonvillage.trajectory.launch.daily_windows`.
    target
        Where the leg ends: a lunar orbit, a halo, a free return ...
    ascent
        As for the windows.
    duration_s
        Flight time; None: that of ``chance`` into a lunar orbit, else the solver's own choice.
    samples
        Of the leg's trajectory.

    Returns
    -------
    SolvedLaunch
        Whose opportunity has the launch time moved by what conics missed (minutes) and the leg.

    Notes
    -----
    Flights of more than 4.4 days to a lunar orbit approach half a turn, whose plane is not determined: there the leg
    chooses one, and only that one of the day's windows is found.

    The azimuth, and so the inclination, is kept. The leg leaves a parking orbit of that inclination, node free; its
    plane at injection, turned back by J2 to insertion, must hold the pad at lift-off: that gives the launch time, and
    with it the injection's, until both agree to a second.
    """
    first: SolvedLaunch | None = None
    up = ascent or Ascent()
    fixed = isinstance(target, MoonOrbit)
    starts = (_start_from_free(site, chance, target, up, duration_s), *_STARTS_RAD) if fixed else (0.0,)
    if keep != "launch":
        for turn in starts:  # a plane that misses what n-body motion needs by degrees has no leg at all
            if turn is None:
                continue
            found = _solved(site, chance, target, up, duration_s, samples, turn)
            if not found.reason:
                return found
            first = first or found
    for turn in _PIVOTS_RAD if fixed and keep != "azimuth" else ():
        found = _solved(site, chance, target, up, duration_s, samples, turn, pivot=True)
        if not found.reason:
            return found
        first = first or found
    if fixed and not keep:  # in about 4.7 d half a turn leads to the Moon, and the leg has to choose the plane itself
        found = _solved(site, chance, target, up, duration_s, samples, 0.0, follow=True)
        if not found.reason:
            return found
    return first or SolvedLaunch(chance, "Only legs into lunar orbits can keep the launch time.")


def _start_from_free(
    site: LaunchSite, chance: Opportunity, target: Place, up: Ascent, duration_s: float | None
) -> float | None:
    """How far east of the conics' node to start, rad, from an n-body leg whose node is free; None if there is none.

    That leg may use the other of the two planes that hold the way to the Moon; where it goes is the same.
    """
    duration = chance.arrival_tdb_s - chance.injection_tdb_s if duration_s is None else duration_s
    orbit = EarthOrbit(site.id, up.altitude_m, chance.inclination_rad)
    arc = Arc(f"{site.id}-launch", orbit, target)
    leg = solve(arc, chance.injection_tdb_s, duration_s=duration, samples=2, fixed_departure=True)
    if not leg.converged or leg.trajectory is None:
        return None
    r, v = leg.trajectory.r_m[0], leg.trajectory.v_m_s[0]
    sweep = _sweep(up, chance)
    normal = np.cross(r, v)
    normal = normal / np.linalg.norm(normal)
    radial = r / np.linalg.norm(r)
    far = math.cos(sweep) * radial + math.sin(sweep) * np.cross(normal, radial)
    tangent = math.tan(math.asin(float(np.clip(far[2], -1.0, 1.0)))) / math.tan(chance.inclination_rad)
    ascension, lead = math.atan2(float(far[1]), float(far[0])), math.asin(max(-1.0, min(1.0, tangent)))
    shifts = [
        float(np.angle(np.exp(1j * (raan - chance.raan_rad))))
        for raan in (ascension - lead, ascension - math.pi + lead)
    ]
    return min(shifts, key=abs)


def _sweep(up: Ascent, chance: Opportunity) -> float:
    """Angle from injection to the Moon, rad, by conics."""
    distance = float(np.linalg.norm(de440.load().position("moon", chance.arrival_tdb_s)))
    duration = np.array([chance.arrival_tdb_s - chance.injection_tdb_s])
    return float(climb(EARTH_RADIUS_M + up.altitude_m, 0.0, distance, duration).angle_rad[0])


def _solved(
    site: LaunchSite,
    chance: Opportunity,
    target: Place,
    up: Ascent,
    duration_s: float | None,
    samples: int,
    turn_rad: float,
    pivot: bool = False,
    follow: bool = False,
) -> SolvedLaunch:
    radius = EARTH_RADIUS_M + up.altitude_m
    pace, drift = (float(rate) for rate in mean_rates(radius, np.array(chance.inclination_rad)))
    duration = chance.arrival_tdb_s - chance.injection_tdb_s if duration_s is None else duration_s
    launch, injection, raan_before = chance.launch_tdb_s, chance.injection_tdb_s, chance.raan_rad
    sweep = _sweep(up, chance)
    pad = site_direction(site, np.array([launch]))[0]
    turned = turn_rad
    if pivot:
        chance = _pivoted(chance, pad, turn_rad, radius)
        raan_before = chance.raan_rad
    else:
        launch += turn_rad / EARTH_RATE_RAD_S
        injection += turn_rad / EARTH_RATE_RAD_S
        raan_before += turn_rad
    fixed = isinstance(target, MoonOrbit) and not follow
    before: tuple[float, float] | None = None
    leg: Leg | None = None
    for _ in range(_ITERATIONS):
        raan = (raan_before + drift * (injection - launch - up.duration_s)) % _TURN
        orbit = EarthOrbit(site.id, up.altitude_m, chance.inclination_rad, raan if fixed else None)
        leg = solve(
            Arc(f"{site.id}-launch", orbit, target),
            injection,
            duration_s=duration if isinstance(target, MoonOrbit) else duration_s,
            samples=max(samples, 2),
            fixed_departure=True,
        )
        if not leg.converged or leg.trajectory is None:
            return SolvedLaunch(chance, leg.reason or "The leg gave no trajectory.")
        r, v = leg.trajectory.r_m[0], leg.trajectory.v_m_s[0]
        # the plane of that inclination through the direction to which the flight really goes
        off = _off_plane(r, v, chance.inclination_rad, raan)
        if not fixed:  # those legs choose their plane themselves: the launch follows it
            normal = np.cross(r, v)
            shift = float(np.angle(np.exp(1j * (math.atan2(normal[0], -normal[1]) - raan))))
            off = 0.0
            if abs(shift) > _OTHER_RAD:
                return SolvedLaunch(chance, "The leg leaves in the plane of the other window of the day.")
        elif before is not None and abs(off - before[1]) > 1e-9 and abs(turned - before[0]) > 1e-9:
            shift = -off * (turned - before[0]) / (off - before[1])
        else:
            axis = pad if pivot else np.array([0.0, 0.0, 1.0])
            shift = _first_shift(r, off, chance.inclination_rad, raan, sweep, axis)
        if fixed:
            shift = float(np.clip(shift, -_STEP_RAD, _STEP_RAD))
        before = (turned, off)
        turned += shift
        if pivot:
            chance = _pivoted(chance, pad, shift, radius)
            raan_before = chance.raan_rad
        else:
            launch += shift / EARTH_RATE_RAD_S
            raan_before += shift
        fresh = launch + up.duration_s + _coast(site, launch, raan_before, chance, up, r, pace, drift, injection)
        moved = abs(fresh - injection)
        injection = fresh
        if abs(shift) < 5e-5 and abs(off) < 2e-3 and moved < 2.0:
            break
    else:
        return SolvedLaunch(chance, "Launch time and injection did not settle.")
    assert leg is not None
    assert leg.trajectory is not None
    place = leg.trajectory.r_m[0]
    latitude, longitude, _ = earth_latitude_longitude(leg.departure_tdb_s, place)
    return SolvedLaunch(
        replace(
            chance,
            launch_tdb_s=launch,
            raan_rad=raan_before % _TURN,
            insertion_tdb_s=launch + up.duration_s,
            coast_s=leg.departure_tdb_s - launch - up.duration_s,
            injection_tdb_s=leg.departure_tdb_s,
            latitude_rad=float(latitude),
            longitude_rad=float(longitude),
            arrival_tdb_s=leg.arrival_tdb_s,
            dv_m_s=leg.burns[0].dv_m_s,
            c3_m2_s2=float("nan") if leg.c3_m2_s2 is None else leg.c3_m2_s2,
            approximation="a typical ascent; the leg is n-body",
            leg=leg,
        )
    )


def _normal(inclination: float, raan: float) -> Floats:
    si, co = math.sin(inclination), math.cos(inclination)
    return np.array([si * math.sin(raan), -si * math.cos(raan), co])


def _off_plane(r: Floats, v: Floats, inclination: float, raan: float) -> float:
    """Angle by which v leaves the plane of the parking orbit at r, rad, positive towards its normal."""
    normal = _normal(inclination, raan)
    return math.atan2(float(v @ normal), float(v @ np.cross(normal, r / np.linalg.norm(r))))


def _pivoted(chance: Opportunity, pad: Floats, angle: float, radius: float) -> Opportunity:
    """The launch at the same instant in a plane turned about the pad by an angle, rad."""
    normal = rotate(_normal(chance.inclination_rad, chance.raan_rad), pad, angle)
    return replace(
        chance,
        inclination_rad=math.acos(float(np.clip(normal[2], -1.0, 1.0))),
        raan_rad=math.atan2(float(normal[0]), float(-normal[1])) % _TURN,
        azimuth_rad=heading_of(pad, normal, radius),
    )


def _first_shift(r: Floats, off: float, inclination: float, raan: float, sweep: float, axis: Floats) -> float:
    """How far the plane has to turn about an axis to hold what the flight reaches ``sweep`` farther on, rad."""
    normal = _normal(inclination, raan)
    radial = r / np.linalg.norm(r)
    along = math.cos(off) * np.cross(normal, radial) + math.sin(off) * normal
    far = math.cos(sweep) * radial + math.sin(sweep) * along
    by_angle = float(np.cross(axis, normal) @ far)
    if abs(by_angle) < 1e-3:
        return 0.0
    return -float(far @ normal) / by_angle


def _coast(
    site: LaunchSite,
    launch: float,
    raan: float,
    chance: Opportunity,
    up: Ascent,
    r: Floats,
    pace: float,
    drift: float,
    injection: float,
) -> float:
    """Time from insertion to the point r of the orbit, s, nearest to the time so far."""
    pad = site_direction(site, np.array([launch]))[0]
    so_far = injection - launch - up.duration_s
    turned = raan + drift * so_far

    def argument(direction: Floats, node_angle: float) -> float:
        node = np.array([math.cos(node_angle), math.sin(node_angle), 0.0])
        normal = _normal(chance.inclination_rad, node_angle)
        return math.atan2(float(direction @ np.cross(normal, node)), float(direction @ node))

    angle = argument(r, turned) - argument(pad, raan) - up.arc_rad
    coast = (angle % _TURN) / pace
    period = _TURN / pace
    return coast + period * round((so_far - coast) / period)


def solved_windows(
    site: LaunchSite,
    date_tdb_s: float,
    target: Place,
    *,
    flight_time_s: float = 4.0 * 86400.0,
    ascent: Ascent | None = None,
    revolutions: int = 0,
    opportunities: int = 3,
) -> tuple[DailyWindows, tuple[str, ...]]:
    """The windows of a day with n-body legs at their openings, middles and closings.

    Parameters as for :func:`moonvillage.trajectory.launch.daily_windows`; ``target`` is where the legs end.

    Returns
    -------
    The windows, whose opportunities carry their legs and whose edges are those of the legs, and the reasons of
    opportunities for which no leg was found (these keep the figures of the conics).
    """
    found = daily_windows(
        site,
        date_tdb_s,
        flight_time_s=flight_time_s,
        ascent=ascent,
        revolutions=revolutions,
        opportunities=opportunities,
    )
    windows: list[Window] = []
    reasons: list[str] = []
    for window in found.windows:
        solved = [solved_launch(site, chance, target, ascent=ascent) for chance in window.opportunities]
        reasons += [one.reason for one in solved if one.reason]
        listed = tuple(one.opportunity for one in solved)
        windows.append(
            replace(
                window, opens_tdb_s=listed[0].launch_tdb_s, closes_tdb_s=listed[-1].launch_tdb_s, opportunities=listed
            )
        )
    return replace(found, windows=tuple(windows)), tuple(reasons)


@dataclass(frozen=True, slots=True, eq=False)
class FiniteInjection:
    """An injection of finite length that leaves on the impulsive one's ellipse.

    ``ignition_tdb_s``, ``duration_s``; ``dv_m_s`` by the rocket equation, ``loss_m_s`` above the impulse;
    ``propellant_kg``; ``r_m``, ``v_m_s`` (3,) at cut-off, ICRF about the Earth; ``perigee_m`` of the ellipse then.
    ``reason`` says why there is none.
    """

    ignition_tdb_s: float
    duration_s: float
    dv_m_s: float
    loss_m_s: float
    propellant_kg: float
    r_m: Floats
    v_m_s: Floats
    perigee_m: float
    reason: str = ""


def finite_injection(
    epoch_tdb_s: float,
    r_m: Floats,
    v_m_s: Floats,
    dv_icrf_m_s: Sequence[float],
    mass_kg: float,
    thrust_n: float,
    isp_s: float,
) -> FiniteInjection:
    """The burn of constant thrust along the velocity that leaves on the same energy and line of apses as an impulse.

    Parameters
    ----------
    epoch_tdb_s, r_m, v_m_s
        The impulse's epoch, and place and velocity just after it, (3,), ICRF about the Earth.
    dv_icrf_m_s
        The impulse.
    mass_kg, thrust_n, isp_s
        At ignition.

    Returns
    -------
    FiniteInjection
        Two unknowns (ignition and length) for two conditions; perigee rises by some kilometres, which a
        midcourse correction takes up. Gravity: the Earth with J2.
    """
    dv = np.asarray(dv_icrf_m_s, dtype=float)
    size = float(np.linalg.norm(dv))
    exhaust = isp_s * STANDARD_GRAVITY_M_S2
    none = np.full(3, np.nan)
    burn = mass_kg * exhaust / thrust_n * -math.expm1(-size / exhaust)
    if burn > 0.35 * _TURN * math.sqrt(float(np.linalg.norm(r_m)) ** 3 / GM_EARTH_M3_S2):
        reason = f"The burn would last {burn / 60:.0f} min, over a third of a revolution; split it into several."
        return FiniteInjection(math.nan, burn, math.nan, math.nan, math.nan, none, none, math.nan, reason)
    before = np.concatenate([r_m, np.asarray(v_m_s) - dv])
    wanted = _ellipse(np.concatenate([r_m, v_m_s]))

    def rate(_: float, y: Floats, mass0: float) -> Floats:
        r, v = y[:3], y[3:6]
        d = float(np.linalg.norm(r))
        z2 = (r[2] / d) ** 2
        j2 = 1.5 * EARTH_J2 * (EARTH_RADIUS_M / d) ** 2
        gravity = -GM_EARTH_M3_S2 * r / d**3 * (1.0 + j2 * (np.array([1.0, 1.0, 3.0]) - 5.0 * z2))
        push = thrust_n / y[6] * v / np.linalg.norm(v) if mass0 > 0.0 else 0.0 * v
        return np.concatenate([v, gravity + push, [-thrust_n / exhaust if mass0 > 0.0 else 0.0]])

    def fly(lead: float, length: float) -> Floats:
        y = np.append(before, mass_kg)
        if abs(lead) > 1e-9:
            y = solve_ivp(rate, (0.0, -lead), y, args=(0.0,), method="DOP853", rtol=1e-10, atol=1e-6).y[:, -1]
        return np.asarray(
            solve_ivp(rate, (0.0, length), y, args=(1.0,), method="DOP853", rtol=1e-10, atol=1e-6).y[:, -1]
        )

    lead, length = 0.52 * burn, burn
    for _ in range(12):
        end = fly(lead, length)
        miss = _ellipse(end)[:2] - wanted[:2]
        angle = math.atan2(math.sin(miss[1]), math.cos(miss[1]))
        residual = np.array([miss[0] / 1e6, angle])
        if abs(residual[0]) < 1e-6 and abs(residual[1]) < 1e-8:
            break
        jacobian = np.empty((2, 2))
        for k, step in enumerate((1.0, 0.1)):
            moved = _ellipse(fly(lead + (step if k == 0 else 0.0), length + (step if k == 1 else 0.0)))[:2]
            change = moved - _ellipse(end)[:2]
            jacobian[:, k] = np.array([change[0] / 1e6, math.atan2(math.sin(change[1]), math.cos(change[1]))]) / step
        update = np.linalg.solve(jacobian, -residual)
        lead += float(np.clip(update[0], -60.0, 60.0))
        length += float(np.clip(update[1], -60.0, 60.0))
    else:
        return FiniteInjection(
            math.nan, length, math.nan, math.nan, math.nan, none, none, math.nan, "The finite burn did not settle."
        )
    used = thrust_n / exhaust * length
    total = exhaust * math.log(mass_kg / (mass_kg - used))
    return FiniteInjection(epoch_tdb_s - lead, length, total, total - size, used, end[:3], end[3:6], _ellipse(end)[2])


def _ellipse(state: Floats) -> Floats:
    """Energy, angle of perigee in the plane from the node, and perigee radius."""
    r, v = state[:3], state[3:6]
    d = float(np.linalg.norm(r))
    energy = 0.5 * float(v @ v) - GM_EARTH_M3_S2 / d
    h = np.cross(r, v)
    e = np.cross(v, h) / GM_EARTH_M3_S2 - r / d
    node = np.cross([0.0, 0.0, 1.0], h)
    node = node / np.linalg.norm(node)
    across = np.cross(h / np.linalg.norm(h), node)
    perigee = float(h @ h) / GM_EARTH_M3_S2 / (1.0 + float(np.linalg.norm(e)))
    return np.array([energy, math.atan2(float(e @ across), float(e @ node)), perigee])
