"""Columns: every way of flying a mission once, with dates, masses and limits worked out beforehand.

A column is a mission, the period in which it departs, and the choice of its stays. Its legs' true Δv are known, so
everything about it is affine in the number of flights and in what they carry. The initial fill of a tank that is
never refuelled is eliminated: the least fill that lets the flight end with empty tanks makes every other limit
easier, so it is always right to take it (docs/design/campaign.md §2).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moonvillage.campaign.program import (
    Decisions,
    Impossible,
    Kit,
    Lane,
    Record,
    Refuel,
    boarding_step,
    cargo_craft_of,
    crew_of,
    execute,
    fills_of,
    lanes_of,
    refuels_of,
)
from moonvillage.campaign.timeline import FlownColumn, Key, Planner, Timeline
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.records.legs import LegTable
from moonvillage.records.places import EarthGround
from moonvillage.scenario.model import Mission, Scenario
from moonvillage.scenario.walk import walk

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shape:
    """What all columns of a mission have in common.

    ``names`` labels the decisions of a column: its count first, then lanes, refuels, and the fills of craft that
    are also refuelled. ``holder`` is the cargo craft, ``people`` how many travel.
    """

    mission: Mission
    lanes: tuple[Lane, ...]
    refuels: tuple[Refuel, ...]
    kept: tuple[str, ...]
    least: tuple[str, ...]
    names: tuple[tuple[Any, ...], ...]
    people: int
    boards: int
    cost_eur: float

    @property
    def width(self) -> int:
        """Number of decisions of a column."""
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One way of flying a mission.

    ``rows`` (k, width) are limits, each ``row · decisions ≥ 0`` in kg; where a column has a single lane from the
    Earth and nothing else, they are folded into ``payload_kg``. ``launches`` are (launcher, epoch, mass (width,)).
    ``fills`` gives the least propellant at departure of each craft (width,). ``stays`` are (place, since, until)
    of the people. ``fleet`` are (place, craft, epoch, ±1).
    """

    key: Key
    shape: Shape
    timeline: Timeline
    departure_tdb_s: float
    arrival_tdb_s: float
    end_tdb_s: float
    rows: Floats
    payload_kg: float
    simple: bool
    launches: tuple[tuple[str, float, Floats], ...]
    fills: Mapping[str, Floats]
    stays: tuple[tuple[str, float, float], ...]
    fleet: tuple[tuple[str, str, float, int], ...]
    prescribed: bool = False

    @property
    def mission(self) -> Mission:
        """The mission that is flown."""
        return self.shape.mission

    @property
    def name(self) -> str:
        """A text for messages and for the event tables."""
        return column_name(self.key)

    def __repr__(self) -> str:
        return f"Column({self.name}, {len(self.rows)} limits, payload {self.payload_kg:.1f} kg)"


def column_name(key: Key) -> str:
    """``mission@period.choice``."""
    return f"{key[0]}@{key[1]}.{key[2]}"


def column_key(name: str) -> Key:
    """The reverse of :func:`column_name`."""
    mission, _, rest = name.rpartition("@")
    period, _, choice = rest.partition(".")
    return mission, int(period), int(choice)


def shape_of(kit: Kit, mission: Mission) -> Shape:
    """The common shape of a mission's columns."""
    lanes = lanes_of(kit, mission)
    refuels = refuels_of(kit, mission)
    fills = fills_of(kit, mission)
    refuelled = {r.craft for r in refuels}
    kept = tuple(c for c in fills if c in refuelled)
    least = tuple(c for c in fills if c not in refuelled)
    names: list[tuple[Any, ...]] = [("count",)]
    names += [("lane", i) for i in range(len(lanes))]
    names += [("refuel", r) for r in refuels]
    names += [("fill", c) for c in kept]
    cost = mission.cost_eur
    place = ""
    for step in mission.steps:
        if step.do == "launch":
            cost += kit.launchers[step.on].cost_eur + sum(kit.craft[c].cost_eur for c in step.lifts)
            place = step.to
        elif step.do == "take":
            place = step.to or place
            if isinstance(kit.places.get(place), EarthGround):
                cost += sum(kit.craft[c].cost_eur for c in step.craft)
        elif step.do in ("fly", "burn"):
            place = step.to or place
    return Shape(
        mission, lanes, refuels, kept, least, tuple(names), crew_of(mission), boarding_step(kit, mission), cost
    )


def affine(kit: Kit, shape: Shape, timeline: Timeline) -> tuple[Record, Floats]:
    """Execute a mission over its decisions.

    Returns
    -------
    Record
        Its numbers are vectors over all decisions with the eliminated fills at the end.
    transform
        (all, width): multiplies a vector of the column's decisions into all decisions.
    """
    width, extra = shape.width, len(shape.least)
    unit = np.eye(width + extra)
    lanes = [unit[1 + i] for i in range(len(shape.lanes))]
    base = 1 + len(shape.lanes)
    refuels = {r: unit[base + i] for i, r in enumerate(shape.refuels)}
    base += len(shape.refuels)
    fills = {c: unit[base + i] for i, c in enumerate(shape.kept)}
    fills.update({c: unit[width + i] for i, c in enumerate(shape.least)})
    record = execute(
        kit, shape.mission, timeline, shape.lanes, shape.refuels, Decisions(unit[0], lanes, fills, refuels)
    )
    transform = np.zeros((width + extra, width))
    transform[:width] = np.eye(width)
    if extra:
        left = np.array([record.remaining[c] for c in shape.least])
        transform[width:] = -np.linalg.solve(left[:, width:], left[:, :width])
    return record, transform


def make_column(kit: Kit, shape: Shape, key: Key, timeline: Timeline, *, prescribed: bool = False) -> Column | str:
    """A column from its timeline, or a sentence why the flight is impossible whatever it carries."""
    for problem in _too_long(kit, shape, timeline):
        return problem
    if any(step.do == "burn" and len(step.burners) > 1 for step in shape.mission.steps):
        return f"{shape.mission.id}: burns by several craft in turn need the objective 'none', which prescribes all"
    try:
        record, transform = affine(kit, shape, timeline)
    except Impossible as impossible:
        return f"{shape.mission.id}: {impossible}"
    eliminated = set(shape.least)
    rows: list[Floats] = []
    payload = float("inf")
    simple = len(shape.lanes) <= 1 and shape.width == 1 + len(shape.lanes)
    simple = simple and all(lane.from_place == "" for lane in shape.lanes)
    for check, vector in record.checks.items():
        if check[0] == "propellant" and check[1] in eliminated:
            continue
        row = np.asarray(vector @ transform, dtype=float)
        row[np.abs(row) < 1e-9] = 0.0
        if np.all(row >= 0.0):
            continue
        if row[0] < -1e-6 and np.all(row[1:] <= 0.0):
            return _impossible(shape.mission, check, -float(row[0]))
        if simple:
            payload = min(payload, max(0.0, float(row[0])) / -float(row[1]))
        else:
            rows.append(row)
    if simple and not shape.lanes:
        payload = 0.0
    stated = {**shape.mission.loads_kg, **shape.mission.carries}
    gross = sum(kit.unit_kg(item) * amount for item, amount in stated.items())
    if simple and gross > payload + 1e-6:
        return f"{shape.mission.id}: the stated load of {gross:.0f} kg exceeds the payload of {payload:.0f} kg"
    return Column(
        **_dates(key, shape, timeline),
        rows=np.array(rows).reshape(len(rows), shape.width),
        payload_kg=payload,
        simple=simple,
        launches=tuple(
            (done.launcher, done.epoch_tdb_s, np.asarray(done.mass @ transform)) for done in record.launches
        ),
        fills={c: transform[shape.width + i] for i, c in enumerate(shape.least)},
        fleet=tuple(record.fleet),
        prescribed=prescribed,
    )


def _dates(key: Key, shape: Shape, timeline: Timeline) -> dict[str, Any]:
    """The fields of a column that follow from its timeline alone."""
    steps = shape.mission.steps
    arrived = [timeline.begins[i] for i, s in enumerate(steps) if s.do in ("unload", "stay", "park")]
    return {
        "key": key,
        "shape": shape,
        "timeline": timeline,
        "departure_tdb_s": timeline.begins[min(timeline.legs, default=0)],
        "arrival_tdb_s": arrived[0] if arrived else timeline.ends[-1],
        "end_tdb_s": timeline.ends[-1],
        "stays": tuple(
            (place, timeline.begins[i], timeline.ends[i])
            for i, (step, place) in enumerate(zip(steps, timeline.places, strict=True))
            if step.do == "stay" and 0 <= shape.boards < i
        ),
    }


def stated_column(shape: Shape, key: Key, timeline: Timeline) -> Column:
    """A column of which nothing is decided (objective 'none'): only its dates; the ledger does the rest."""
    return Column(
        **_dates(key, shape, timeline),
        rows=np.zeros((0, shape.width)),
        payload_kg=float("inf"),
        simple=True,
        launches=(),
        fills={},
        fleet=(),
        prescribed=True,
    )


def _impossible(mission: Mission, check: tuple[str, ...], short_kg: float) -> str:
    if check[0] == "launch":
        what = f"the launch on {check[2]} is {short_kg:.0f} kg too heavy even without cargo"
    elif check[0] in ("tank", "propellant"):
        what = f"{check[1]} lacks {short_kg:.0f} kg of propellant even without cargo"
    else:
        what = f"{check[1]} cannot hold {short_kg:.0f} kg"
    return f"{mission.id}: {what}"


def _too_long(kit: Kit, shape: Shape, timeline: Timeline) -> list[str]:
    """Which craft would have to last longer than their endurance."""
    hosted: dict[str, float] = {}
    mission = shape.mission
    for point in walk(mission):
        index = point.index
        if index <= shape.boards or shape.boards < 0:
            continue
        if point.step.do == "stay" and timeline.places[index] in kit.homes:
            continue
        hosts = [c for c in point.active if kit.craft[c].seats >= shape.people]
        if hosts and all(kit.craft[c].endurance_s > 0.0 for c in hosts):
            host = max(hosts, key=lambda c: kit.craft[c].endurance_s)
            since = timeline.ends[index - 1] if index else timeline.begins[index]
            hosted[host] = hosted.get(host, 0.0) + timeline.ends[index] - since
    problems = [
        f"{mission.id}: {craft} would carry people for {span / 86400.0:.1f} d, its endurance is "
        f"{kit.craft[craft].endurance_s / 86400.0:.1f} d"
        for craft, span in hosted.items()
        if span > kit.craft[craft].endurance_s + 1.0
    ]
    holder = cargo_craft_of(mission)
    limit = kit.craft[holder].endurance_s if holder in kit.craft and not shape.people else 0.0
    loaded = [lane for lane in shape.lanes if lane.sink >= 0]
    if limit > 0.0 and loaded:
        span = max(timeline.ends[lane.sink] - timeline.begins[lane.source] for lane in loaded)
        if span > limit + 1.0:
            problems.append(
                f"{mission.id}: {holder} would hold cargo for {span / 86400.0:.1f} d, its endurance is "
                f"{limit / 86400.0:.1f} d"
            )
    return problems


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """All columns, and for each mission without any the sentences that say why (most frequent first)."""

    columns: tuple[Column, ...]
    refusals: Mapping[str, tuple[str, ...]]
    shapes: Mapping[str, Shape]


def edges_of(scenario: Scenario) -> Floats:
    """Period boundaries (TDB s), one more than there are periods; the last is the scenario's end."""
    header = scenario.header
    edges: Floats = header.start_tdb_s + header.step_s * np.arange(scenario.periods + 1, dtype=np.float64)
    edges[-1] = header.end_tdb_s
    return edges


def stays_of(mission: Mission) -> list[tuple[float, ...]]:
    """Every combination of the lengths of a mission's stays (s)."""
    options = [step.choices_s or (step.stay_s,) for step in mission.steps if step.do == "stay"]
    return list(itertools.product(*options))


def build_columns(
    scenario: Scenario,
    legs: LegTable,
    permissions: Mapping[str, Sequence[bool]],
    flown: Mapping[Key, FlownColumn],
) -> Columns:
    """Every possible column of every mission.

    Parameters
    ----------
    scenario, legs
        What may be flown, and the legs by departure date.
    permissions
        By mission id, whether it may depart in each period (missing: always).
    flown
        By column key, what flying it showed.
    """
    kit = Kit.of(scenario)
    edges = edges_of(scenario)
    columns: list[Column] = []
    refusals: dict[str, tuple[str, ...]] = {}
    shapes: dict[str, Shape] = {}
    stated = scenario.header.objective == "none"
    for mission in scenario.missions.values():
        shape = shapes[mission.id] = shape_of(kit, mission)
        nowhere = [p.index + 1 for p in walk(mission) if p.step.do == "fly" and not p.place]
        if nowhere:
            refusals[mission.id] = (f"{mission.id}: step {nowhere[0]} flies from nowhere; launch something first",)
            continue
        if shape.people and shape.boards < 0:
            refusals[mission.id] = (f"{mission.id}: no craft has seats for {shape.people} people",)
            continue
        planner = Planner(scenario, mission, legs, shape.boards)
        reasons: dict[str, int] = {}
        found = 0

        def refuse(reason: str, reasons: dict[str, int] = reasons) -> None:
            reasons[reason] = reasons.get(reason, 0) + 1

        allowed = permissions.get(mission.id)
        if mission.on_dates:
            starts = [(utc_to_tdb_s(text), 1000 + i) for i, text in enumerate(mission.on_dates)]
            for epoch, choice in starts:
                period = int(np.clip(np.searchsorted(edges, epoch, side="right") - 1, 0, len(edges) - 2))
                if allowed is not None and not allowed[period]:
                    refuse(f"{mission.id}: the rules bar it in the period of {mission.on_dates[choice - 1000]}")
                    continue
                key = (mission.id, period, choice)
                column = _column(
                    kit, shape, planner, key, [epoch], stays_of(mission)[0], True, flown.get(key), stated
                )
                if isinstance(column, str):
                    refuse(column)
                else:
                    columns.append(column)
                    found += 1
        elif not stated:
            for period in range(len(edges) - 1):
                if allowed is not None and not allowed[period]:
                    refuse(f"{mission.id}: the rules bar it")
                    continue
                since = max(float(edges[period]), mission.first_tdb_s)
                until = min(float(edges[period + 1]), mission.last_tdb_s)
                if since >= until:
                    continue
                dates = planner.departures(since, until)
                if not dates:
                    refuse(f"{mission.id}: no departure is tabulated in some periods")
                for choice, stays in enumerate(stays_of(mission)):
                    key = (mission.id, period, choice)
                    column = _column(kit, shape, planner, key, dates, stays, False, flown.get(key))
                    if isinstance(column, str):
                        refuse(column)
                    else:
                        columns.append(column)
                        found += 1
        if not found or (mission.on_dates and reasons):
            ordered = sorted(reasons, key=lambda r: (-reasons[r], r))
            refusals[mission.id] = tuple(ordered) or (f"{mission.id}: no period lies within its dates",)
    return Columns(tuple(columns), refusals, shapes)


def _column(
    kit: Kit,
    shape: Shape,
    planner: Planner,
    key: Key,
    dates: Sequence[float],
    stays: tuple[float, ...],
    prescribed: bool,
    flown: FlownColumn | None,
    stated: bool = False,
) -> Column | str:
    """The column on the best date that works; ``stated`` where nothing is decided about it."""
    if not shape.mission.steps:
        return f"{shape.mission.id}: it has no steps"
    if flown is not None and flown.failure:
        return f"{shape.mission.id}: {flown.failure}"
    reason = ""  # of the best date, where none works
    for date in dates:
        timeline = planner.timeline(date, stays, prescribed=prescribed, flown=flown)
        if isinstance(timeline, str):
            reason = reason or f"{shape.mission.id}: {timeline}"
            continue
        early = _too_early(kit, shape.mission, timeline)
        if early:
            reason = reason or early
            continue
        if stated:
            return stated_column(shape, key, timeline)
        column = make_column(kit, shape, key, timeline, prescribed=prescribed)
        if isinstance(column, Column):
            return column
        reason = reason or column
    return reason or f"{shape.mission.id}: no departure is tabulated"


def _too_early(kit: Kit, mission: Mission, timeline: Timeline) -> str:
    for step, begin in zip(mission.steps, timeline.begins, strict=True):
        if step.do == "launch" and begin < kit.launchers[step.on].first_tdb_s:
            return f"{mission.id}: {step.on} is not yet available"
        names = step.lifts if step.do == "launch" else step.craft if step.do == "take" else ()
        for craft in names:
            if begin < kit.craft[craft].first_tdb_s:
                return f"{mission.id}: {craft} is not yet available"
    return ""
