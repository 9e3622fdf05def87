"""``fly``: every leg of the plan as a trajectory from where the craft really is.

A planned leg comes from a table that leaves the orbit plane free. A flown one does not: the craft that inserted
into a lunar orbit stays in that plane, the lander comes back up to the plane of the craft that waits, and the way
home starts in it. That is where flown and planned differ, and what the loop feeds back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from moonvillage.catalog import Craft
from moonvillage.records.campaign import Campaign
from moonvillage.records.flights import FLOWN, FLOWN_BURNS, SAMPLES, Flights
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, MoonOrbit, MoonSurface
from moonvillage.scenario.model import Scenario, Step
from moonvillage.scenario.walk import Waypoint, arc_of, walk
from moonvillage.trajectory.api import solve
from moonvillage.trajectory.planes import precessed
from moonvillage.trajectory.workers import side_by_side
from moonvillage.units import DAY_S

Normal = tuple[float, float, float]
Progress = Callable[[str, float, str], None]

#: States kept of each leg for the report and the exports.
SAMPLES_PER_LEG = 97
#: How the departure is sought within the time that a step allows: first every so often, then around the best.
COARSE_S = 1.0 * DAY_S
FINE_S = (0.5 * DAY_S, 0.25 * DAY_S)


@dataclass(frozen=True, slots=True)
class PlannedLeg:
    """One leg of a flight as the plan has it."""

    step: int
    arc: Arc
    departure_tdb_s: float
    rest_s: float  # planned time between the leg before and this one
    least_rest_s: float  # the stays and waits in it: what the steps ask for
    within_s: float  # how much later it may depart
    meets: bool  # a part of the stack waits at the destination


@dataclass(frozen=True, slots=True)
class PlannedFlight:
    """All legs of a flight in order, ready to be solved in another process."""

    flight: str
    legs: tuple[PlannedLeg, ...]


def planned_flights(scenario: Scenario, campaign: Campaign) -> list[PlannedFlight]:
    """The flights of a plan, with the geometry that flying them needs."""
    rows: dict[str, dict[int, tuple[float, float]]] = {}
    for row in campaign.table("legs").iter_rows(named=True):
        rows.setdefault(row["flight"], {})[row["step"]] = (row["departure_tdb_s"], row["arrival_tdb_s"])
    flights = []
    for row in campaign.table("flights").sort("flight").iter_rows(named=True):
        mission = scenario.missions[row["mission"]]
        legs: list[PlannedLeg] = []
        points = walk(mission)
        stays: list[Step] = []
        before_s: float | None = None
        for point in points:
            if point.step.do == "stay":
                stays.append(point.step)
            if point.step.do != "fly" or point.index not in rows.get(row["flight"], {}):
                continue
            departure_s, arrival_s = rows[row["flight"]][point.index]
            rest_s = 0.0 if before_s is None else max(0.0, departure_s - before_s)
            legs.append(
                PlannedLeg(
                    step=point.index,
                    arc=arc_of(scenario, mission, point),
                    departure_tdb_s=departure_s,
                    rest_s=rest_s,
                    least_rest_s=min(rest_s, point.step.wait_s + sum(_stayed_s(stay, rest_s) for stay in stays)),
                    within_s=point.step.within_s,
                    meets=_meets(points, point),
                )
            )
            before_s = arrival_s
            stays = []
        flights.append(PlannedFlight(row["flight"], tuple(legs)))
    return flights


def _stayed_s(stay: Step, rest_s: float) -> float:
    """The stay that was chosen: the longest choice that the planned rest has room for."""
    fitting = [choice for choice in stay.choices_s if choice <= rest_s + 1.0]
    return max(fitting, default=stay.stay_s)


def _meets(points: Sequence[Waypoint], point: Waypoint) -> bool:
    """Whether the stack docks with something that waits where this leg ends."""
    following = points[point.index + 1 :]
    return bool(following) and following[0].step.do == "dock" and bool(point.waiting.get(point.step.to))


def fly_one(flight: PlannedFlight, samples: int = SAMPLES_PER_LEG) -> list[Leg]:
    """Solve the legs of one flight in order, each from the plane and the time that the one before left."""
    planes: dict[str, tuple[Normal, float]] = {}  # where a stack is or waits: the normal of its orbit, and when
    legs: list[Leg] = []
    for planned in flight.legs:
        arc = planned.arc
        origin, destination = arc.origin, arc.destination
        date = planned.departure_tdb_s
        earliest = latest = date
        if legs:  # a flight that is late stays late; the rest between two legs is kept
            date = legs[-1].arrival_tdb_s + planned.rest_s
            earliest = legs[-1].arrival_tdb_s + planned.least_rest_s
            latest = max(date, earliest + planned.within_s)
        orbit = origin if isinstance(origin, MoonOrbit) else destination if planned.meets else None
        normal: Normal | None = None
        if isinstance(orbit, MoonOrbit) and orbit.id in planes:
            known, since = planes[orbit.id]
            normal = precessed(known, orbit.altitude_m, since, date)
        leg = _best(planned, normal, date, earliest, latest, samples)
        legs.append(leg)
        if not leg.converged:
            break
        if isinstance(destination, MoonOrbit) and leg.final_state is not None:
            planes[destination.id] = (_normal(leg), leg.arrival_tdb_s)
    return legs


def _best(
    planned: PlannedLeg, normal: Normal | None, date: float, earliest: float, latest: float, samples: int
) -> Leg:
    """The cheapest departure between two dates; the planned one where nothing binds the plane."""
    arc = planned.arc
    # a polar orbit passes over a polar site at any time; one laid over a site does so once
    anytime = (
        isinstance(arc.destination, MoonSurface) and isinstance(arc.origin, MoonOrbit) and arc.origin.over is None
    )
    searched = normal is not None and latest - earliest > 0.2 * DAY_S and not anytime
    if not searched:
        return _solve(planned, date, normal, samples)
    found: dict[float, Leg] = {}

    def attempt(when: float) -> None:
        if earliest <= when <= latest and when not in found:
            found[when] = _solve(planned, when, normal, 0)

    count = int((latest - earliest) / COARSE_S)
    for k in range(count + 1):
        attempt(earliest + k * COARSE_S)
    for step_s in FINE_S:
        good = {date: leg for date, leg in found.items() if leg.converged}
        if not good:
            break
        best = min(good, key=lambda date: (good[date].dv_m_s, date))
        attempt(best - step_s)
        attempt(best + step_s)
    good = {date: leg for date, leg in found.items() if leg.converged}
    if not good:
        return found[min(found)]
    return _solve(planned, min(good, key=lambda date: (good[date].dv_m_s, date)), normal, samples)


def _solve(planned: PlannedLeg, date: float, normal: Normal | None, samples: int) -> Leg:
    return solve(planned.arc, date, plane_normal=normal, samples=samples)


def _normal(leg: Leg) -> Normal:
    assert leg.final_state is not None
    h = np.cross(leg.final_state[:3], leg.final_state[3:])
    h = h / np.linalg.norm(h)
    return (float(h[0]), float(h[1]), float(h[2]))


def fly_all(
    flights: Sequence[PlannedFlight],
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> dict[str, list[Leg]]:
    """Fly several flights, side by side.

    Raises
    ------
    Interrupted
        If ``cancelled`` said so.
    """
    done: dict[str, list[Leg]] = {}
    few = 1 if len(flights) < 3 else workers  # starting processes takes longer than flying two flights
    for index, legs in side_by_side(fly_one, flights, workers=few, cancelled=cancelled, stage="fly"):
        done[flights[index].flight] = legs
        if progress is not None:
            progress("fly", len(done) / len(flights), flights[index].flight)
    return {flight.flight: done[flight.flight] for flight in flights}


def to_flights(scenario: Scenario, campaign: Campaign, flown: Mapping[str, Sequence[Leg]]) -> Flights:
    """The record of what was flown, beside what was planned.

    The propellant of a flown leg is that of the planned mass at its start with the flown Δv.
    """
    crafts: Mapping[str, Craft] = scenario.of("craft")
    gravity = scenario.header.gravity_m_s2
    planned_legs = {(r["flight"], r["step"]): r for r in campaign.table("legs").iter_rows(named=True)}
    burns_of: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in campaign.table("burns").iter_rows(named=True):
        burns_of.setdefault((row["flight"], row["step"]), []).append(row)
    missions = {r["flight"]: r["mission"] for r in campaign.table("flights").iter_rows(named=True)}
    flown_rows: list[dict[str, object]] = []
    sample_rows: list[pl.DataFrame] = []
    burn_rows: list[dict[str, object]] = []
    legs: dict[tuple[str, int], Leg] = {}
    for flight in sorted(flown):
        points = [p for p in walk(scenario.missions[missions[flight]]) if p.step.do == "fly"]
        for point, leg in zip(points, flown[flight], strict=False):
            key = (flight, point.index)
            legs[key] = leg
            planned = planned_legs[key]
            plan_rows = burns_of.get(key, [])
            propellant = dv = 0.0
            # who burns is the mission's word; the mass is the plan's, less what the flown burns before used
            mass = plan_rows[0]["mass_before_kg"] if plan_rows else 0.0
            for number, burn in enumerate(leg.burns):
                if number == 0 and point.carried_by_launcher:
                    continue
                craft = crafts[point.step.burns.get(burn.name, point.step.by)]
                used = mass * -math.expm1(-burn.dv_m_s / (craft.isp_s * gravity))
                mass -= used
                propellant += used
                dv += burn.dv_m_s
                burn_rows.append(
                    {
                        "flight": flight,
                        "step": point.index,
                        "burn": burn.name,
                        "craft": craft.id,
                        "epoch_tdb_s": burn.epoch_tdb_s,
                        "dv_m_s": burn.dv_m_s,
                        "dvx_m_s": burn.dv_icrf_m_s[0],
                        "dvy_m_s": burn.dv_icrf_m_s[1],
                        "dvz_m_s": burn.dv_icrf_m_s[2],
                        "duration_s": burn.duration_s,
                        "propellant_kg": used,
                    }
                )
            planned_propellant = sum(row["propellant_kg"] for row in plan_rows)
            flown_rows.append(
                {
                    "flight": flight,
                    "step": point.index,
                    "arc": leg.arc,
                    "kind": leg.kind,
                    "origin": point.place,
                    "destination": point.step.to,
                    "planned_departure_tdb_s": planned["departure_tdb_s"],
                    "departure_tdb_s": leg.departure_tdb_s,
                    "arrival_tdb_s": leg.arrival_tdb_s,
                    "planned_dv_m_s": planned["dv_m_s"],
                    "dv_m_s": dv,
                    "planned_propellant_kg": planned_propellant,
                    "propellant_kg": propellant,
                    "closure_position_m": leg.closure_position_m,
                    "closure_velocity_m_s": leg.closure_velocity_m_s,
                    "converged": leg.converged,
                    "reason": leg.reason,
                    "approximation": leg.approximation,
                }
            )
            if leg.trajectory is not None:
                t = leg.trajectory
                sample_rows.append(
                    pl.DataFrame(
                        {
                            "flight": [flight] * len(t.epoch_tdb_s),
                            "step": pl.Series([point.index] * len(t.epoch_tdb_s), dtype=pl.Int32),
                            "centre": [t.centre] * len(t.epoch_tdb_s),
                            "epoch_tdb_s": t.epoch_tdb_s,
                            "x_m": t.r_m[:, 0],
                            "y_m": t.r_m[:, 1],
                            "z_m": t.r_m[:, 2],
                            "vx_m_s": t.v_m_s[:, 0],
                            "vy_m_s": t.v_m_s[:, 1],
                            "vz_m_s": t.v_m_s[:, 2],
                        },
                        schema=dict(SAMPLES),
                    )
                )
    return Flights(
        flown=pl.DataFrame(flown_rows, schema=dict(FLOWN)),
        samples=pl.concat(sample_rows) if sample_rows else pl.DataFrame(schema=dict(SAMPLES)),
        burns=pl.DataFrame(burn_rows, schema=dict(FLOWN_BURNS)),
        legs=legs,
    )
