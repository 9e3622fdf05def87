"""When each step of a flight happens: chaining tabulated legs from a departure date on.

A leg that leaves low Earth orbit, the Moon's orbit or a halo for elsewhere departs on a tabulated date, never
between two. Descents, ascents and transfers between orbits of one body repeat day after day with nearly the same
figures, so the row nearest in date stands for any date, with its times shifted (``Timed.shifted``). A return that
falls after the end of the scenario, where no dates are tabulated, takes the dearest row of its arc, shifted likewise.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from moonvillage.records.legs import LegRow, LegTable
from moonvillage.records.places import Arc, EarthGround, EarthOrbit, MoonOrbit, MoonSurface
from moonvillage.scenario.model import Mission, Scenario
from moonvillage.scenario.walk import arc_of, walk


@dataclass(frozen=True, slots=True)
class Timed:
    """A leg of a flight with its planned dates and Δv by burn (before margin).

    ``shifted`` says that the figures are those of another date; ``flown`` that they come from the flown leg.
    """

    arc: str
    origin: str
    destination: str
    departure_tdb_s: float
    arrival_tdb_s: float
    dv_m_s: tuple[tuple[str, float], ...]
    c3_m2_s2: float | None
    shifted: bool = False
    flown: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """Begin and end of every step (TDB s), the legs by step index, and where each step takes place."""

    begins: tuple[float, ...]
    ends: tuple[float, ...]
    places: tuple[str, ...]
    legs: Mapping[int, Timed]
    dos: tuple[str, ...]
    boards: int

    def c3_after(self, launch: int) -> float | None:
        """Departure energy of the first leg flown after a launch step."""
        after = [index for index in sorted(self.legs) if index > launch]
        return self.legs[after[0]].c3_m2_s2 if after else None

    def travel_s(self, homes: Collection[str]) -> float:
        """Time for which the people live from what they carry: all but stays where an outpost feeds them."""
        if self.boards < 0:
            return 0.0
        total = self.ends[-1] - self.begins[self.boards]
        for do, place, begin, end in zip(self.dos, self.places, self.begins, self.ends, strict=True):
            if do == "stay" and place in homes:
                total -= end - begin
        return max(0.0, total)


@dataclass(frozen=True, slots=True)
class FlownStep:
    """What flying showed of one leg: its dates and the Δv of each burn (before margin)."""

    departure_tdb_s: float
    arrival_tdb_s: float
    dv_m_s: tuple[tuple[str, float], ...]
    c3_m2_s2: float | None = None


@dataclass(frozen=True, slots=True)
class FlownColumn:
    """What flying showed of the flights of one column: by step index.

    Dates replace the planned ones. A burn's Δv replaces the planned one only where it is larger, so that planning
    and flying cannot chase each other. A ``failure`` (a sentence) takes the column out of the plan.
    """

    steps: Mapping[int, FlownStep]
    failure: str = ""


#: Column key: mission, period, and the index of the choice of stays (or of the prescribed date).
Key = tuple[str, int, int]


def repeats(arc: Arc) -> bool:
    """Whether an arc can be flown on any day with nearly the same figures."""
    origin, destination = arc.origin, arc.destination
    near_moon = (MoonOrbit, MoonSurface)
    near_earth = (EarthOrbit, EarthGround)
    return (isinstance(origin, near_moon) and isinstance(destination, near_moon)) or (
        isinstance(origin, near_earth) and isinstance(destination, near_earth)
    )


@dataclass(frozen=True, slots=True)
class _Leg:
    """An arc of a mission ready for look-up: converged rows by departure."""

    arc: str
    origin: str
    destination: str
    repeats: bool
    rows: tuple[LegRow, ...]
    departures: tuple[float, ...]
    worst: LegRow | None


class Planner:
    """Chains the legs of one mission. ``boards`` is the step at which the people board (-1 without)."""

    def __init__(self, scenario: Scenario, mission: Mission, legs: LegTable, boards: int) -> None:
        self.mission = mission
        self.boards = boards
        self.horizon_tdb_s = scenario.header.end_tdb_s
        self.legs: dict[int, _Leg] = {}
        places: list[str] = []
        for point in walk(mission):
            step = point.step
            places.append(point.place or step.to)
            if step.do == "fly":
                arc = arc_of(scenario, mission, point)
                rows = tuple(row for row in legs.rows.get(arc.id, ()) if row.converged)
                self.legs[point.index] = _Leg(
                    arc.id,
                    point.place,
                    step.to,
                    repeats(arc),
                    rows,
                    tuple(row.departure_tdb_s for row in rows),
                    max(rows, key=lambda row: row.total_m_s, default=None),
                )
        self.places = tuple(places)
        self.first = min(self.legs, default=-1)

    def departures(self, since_tdb_s: float, until_tdb_s: float) -> list[float]:
        """Dates in [since, until) on which the flight may begin, the one of least Δv first."""
        if self.first < 0:
            return [since_tdb_s]
        leg = self.legs[self.first]
        if leg.repeats:
            return [since_tdb_s]
        low = bisect_left(leg.departures, since_tdb_s)
        high = bisect_left(leg.departures, until_tdb_s)
        rows = sorted(leg.rows[low:high], key=lambda row: (row.total_m_s, row.departure_tdb_s))
        return [row.departure_tdb_s for row in rows]

    def timeline(
        self,
        start_tdb_s: float,
        stays_s: Sequence[float],
        *,
        prescribed: bool = False,
        flown: FlownColumn | None = None,
    ) -> Timeline | str:
        """The timeline of a flight whose first leg departs at ``start_tdb_s``, or a sentence why there is none.

        Parameters
        ----------
        start_tdb_s
            Departure of the first leg (TDB s); without legs, the beginning of the first step.
        stays_s
            The length of each ``stay`` step, in order.
        prescribed
            Whether the date is prescribed: then the nearest row stands for it.
        flown
            What flying showed of this column.
        """
        now = start_tdb_s
        begins: list[float] = []
        ends: list[float] = []
        timed: dict[int, Timed] = {}
        stays = iter(stays_s)
        for index, step in enumerate(self.mission.steps):
            begin = now
            if step.do == "fly":
                seen = flown.steps.get(index) if flown is not None else None
                row = self._row(index, now, step.wait_s, step.within_s, prescribed)
                if isinstance(row, str):
                    return row
                if seen is not None:
                    row = _raised(row, seen)
                timed[index] = row
                begin, now = row.departure_tdb_s, row.arrival_tdb_s
            elif step.do == "stay":
                now += next(stays)
            begins.append(begin)
            ends.append(now)
        # a launch leaves the ground when the leg after it departs
        following: float | None = None
        for index in range(len(begins) - 1, -1, -1):
            if index in timed:
                following = timed[index].departure_tdb_s
            elif self.mission.steps[index].do == "launch" and following is not None:
                begins[index] = ends[index] = following
            elif self.mission.steps[index].do not in ("launch",):
                following = None if self.mission.steps[index].do in ("stay", "undock") else following
        dos = tuple(step.do for step in self.mission.steps)
        return Timeline(tuple(begins), tuple(ends), self.places, timed, dos, self.boards)

    def _row(self, index: int, now: float, wait_s: float, within_s: float, prescribed: bool) -> Timed | str:
        leg = self.legs[index]
        first = index == self.first
        earliest = now if first else now + wait_s
        if not leg.rows:
            return f"no leg of {leg.arc} has been found"
        if leg.repeats or (first and prescribed):
            nearest = min(leg.rows, key=lambda row: (abs(row.departure_tdb_s - earliest), row.departure_tdb_s))
            shift = earliest - nearest.departure_tdb_s
            return _timed(leg, nearest, shift)
        low = bisect_left(leg.departures, earliest - 1e-3)
        if first:
            if low < len(leg.rows) and abs(leg.departures[low] - earliest) < 1.0:
                return _timed(leg, leg.rows[low], 0.0)
            return f"{leg.arc} has no departure on the date"
        if low >= len(leg.rows):
            if earliest >= self.horizon_tdb_s and leg.worst is not None:
                return _timed(leg, leg.worst, earliest - leg.worst.departure_tdb_s)
            return f"{leg.arc} has no tabulated departure late enough"
        if within_s <= 0.0:
            return _timed(leg, leg.rows[low], 0.0)
        high = bisect_left(leg.departures, earliest + within_s + 1e-3)
        if high <= low:
            return f"{leg.arc} has no departure within the allowed wait"
        best = min(leg.rows[low:high], key=lambda row: (row.total_m_s, row.departure_tdb_s))
        return _timed(leg, best, 0.0)


def _timed(leg: _Leg, row: LegRow, shift_s: float) -> Timed:
    return Timed(
        leg.arc,
        leg.origin,
        leg.destination,
        row.departure_tdb_s + shift_s,
        row.arrival_tdb_s + shift_s,
        row.dv_m_s,
        row.c3_m2_s2,
        shifted=abs(shift_s) > 1.0,
    )


def _raised(row: Timed, seen: FlownStep) -> Timed:
    """The planned leg with the flown dates, and each burn's Δv raised to the flown one where that is larger."""
    flown = dict(seen.dv_m_s)
    names = [name for name, _ in row.dv_m_s]
    if set(flown) == set(names) and len(names) == len(set(names)):
        dv = tuple((name, max(value, flown[name])) for name, value in row.dv_m_s)
    else:
        # other burns were flown than tabulated: what counts is that their sum is not lowered
        planned, real = sum(v for _, v in row.dv_m_s), sum(v for _, v in seen.dv_m_s)
        factor = max(1.0, planned / real) if real > 0.0 else 1.0
        dv = tuple((name, value * factor) for name, value in seen.dv_m_s)
    c3 = row.c3_m2_s2
    if seen.c3_m2_s2 is not None:
        c3 = seen.c3_m2_s2 if c3 is None else max(c3, seen.c3_m2_s2)
    return Timed(
        row.arc,
        row.origin,
        row.destination,
        seen.departure_tdb_s,
        seen.arrival_tdb_s,
        dv,
        c3,
        shifted=False,
        flown=True,
    )
