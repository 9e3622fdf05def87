"""Past the Moon to a distant retrograde orbit and home past it again: Artemis I's round trip, from its schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.catalog.schema import date
from moonvillage.catalog.schema import quantity as measure
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M
from moonvillage.records.places import Dro
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.orbits import burnt
from moonvillage.replay.records import Computed, Outcome, Situation
from moonvillage.trajectory.dro_stay import Stay, find_stay
from moonvillage.trajectory.flyby_seeds import seed_between, seed_homeward
from moonvillage.trajectory.powered_flyby import Entry, Flyby, FlybyFlight, Place, solve_flyby
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

#: Where the halves of the four arcs meet, relative to the flybys.
_MEET_S: Final = ((-0.7 * DAY_S, 1.5 * DAY_S), (-1.5 * DAY_S, 0.8 * DAY_S))
#: Where the search for the size of the orbit begins and how far it steps.
_RADIUS_M: Final = 70e6
_STEP_M: Final = 1.5e6
#: The first guess of entry is moved by so much where the one given leads nowhere.
_LATER_S: Final = (0.0, -5400.0, 5400.0, -10800.0, 10800.0, -18000.0, 18000.0)
_BURNS: Final = ("correction", "outbound_flyby", "insertion", "departure", "return_flyby")


@dataclass(frozen=True, slots=True, kw_only=True)
class DroRoundTrip(Step):
    """From a state after injection to a distant retrograde orbit and back to entry, past the Moon both ways.

    Five impulses at the operator's epochs; what is computed is their size and direction, the orbit's size (unless it
    is given), and the entry's time. The orbit's phase is that in which the departure falls on its crossing of the
    line through the Moon at right angles to the Earth–Moon line.
    """

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv propellant",
        "correction": "dv",
        "outbound_flyby": "dv",
        "insertion": "dv",
        "departure": "dv",
        "return_flyby": "dv",
        "orbit": "distance",
        "nearest_in_orbit": "distance",
        "farthest": "distance time",
        "farthest_from_moon": "distance time",
        "entry": "time angle speed",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {("orbit", "distance"): ("radius_m",)}

    state_tdb_s: float = date("epoch of the state after injection")
    x_m: float = measure("length", "its position, Earth-centred ICRF")
    y_m: float = measure("length", "its position, Earth-centred ICRF")
    z_m: float = measure("length", "its position, Earth-centred ICRF")
    vx_m_s: float = measure("speed", "its velocity, Earth-centred ICRF")
    vy_m_s: float = measure("speed", "its velocity, Earth-centred ICRF")
    vz_m_s: float = measure("speed", "its velocity, Earth-centred ICRF")
    correction_tdb_s: float = date("the first burn, on the way out")
    outbound_tdb_s: float = date("middle of the burn near the outbound perilune")
    outbound_perilune_tdb_s: float = date("outbound perilune, after the burn")
    outbound_perilune_height_m: float = measure("length", "its height", low=10e3)
    insertion_tdb_s: float = date("middle of the insertion into the orbit")
    departure_tdb_s: float = date("middle of the departure from it")
    return_tdb_s: float = date("middle of the burn near the return perilune")
    return_perilune_tdb_s: float = date("return perilune of the coast before the burn")
    return_perilune_height_m: float = measure("length", "its height", low=10e3)
    entry_near_tdb_s: float = date("about when entry is wanted: only a first guess")
    entry_angle_rad: float = measure("angle", "flight-path angle at the interface", low=-0.5, high=0.0)
    entry_longitude_rad: float = measure("angle", "geocentric longitude of the interface")
    entry_azimuth_rad: float = measure("angle", "azimuth of the inertial velocity at the interface")
    entry_height_m: float = measure("length", "height of the interface", 121_920.0)
    radius_m: float | None = measure(
        "length", "the orbit's distance from the Moon on the Earth's side; by default that of the least burns", None
    )
    mass_kg: float | None = measure("mass", "mass before the first burn", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Trip:
    """One round trip, solved for an orbit."""

    radius_m: float
    stay: Stay
    out: FlybyFlight
    home: FlybyFlight

    @property
    def dv_m_s(self) -> tuple[float, ...]:
        return (*self.out.dv_m_s, *self.home.dv_m_s)

    @property
    def reason(self) -> str:
        return self.out.reason or self.home.reason


class _Solver:
    """Solves the trip for one size of the orbit after another; each starts from the last one's flights."""

    def __init__(self, step: DroRoundTrip, context: Context) -> None:
        self.step = step
        first = np.array([step.x_m, step.y_m, step.z_m, step.vx_m_s, step.vy_m_s, step.vz_m_s])
        path = dynamics.propagate(step.state_tdb_s, first[:3], first[3:], step.correction_tdb_s, centre="earth")
        self.start = path.state
        self.flybys = (
            Flyby(
                step.outbound_tdb_s,
                step.outbound_perilune_tdb_s,
                context.height_m(step.outbound_perilune_height_m),
                True,
            ),
            Flyby(
                step.return_tdb_s, step.return_perilune_tdb_s, context.height_m(step.return_perilune_height_m), False
            ),
        )
        self.entry_radius_m = EARTH_RADIUS_M + step.entry_height_m
        self.last: _Trip | None = None

    def solve(self, radius_m: float) -> _Trip | str:
        step = self.step
        stay = find_stay(Dro("orbit", radius_m), step.departure_tdb_s, ahead=False)
        if stay.reason:
            return f"The orbit of {radius_m / 1e3:,.0f} km was not found: {stay.reason}."
        arrive, leave = stay.state(step.insertion_tdb_s), stay.state(step.departure_tdb_s)
        out = self._out(arrive)
        home = self._home(leave)
        trip = _Trip(radius_m, stay, out, home)
        if trip.reason:
            return trip.reason
        self.last = trip
        return trip

    def _out(self, arrive: Floats) -> FlybyFlight:
        step, flyby = self.step, self.flybys[0]
        if self.last is None:
            moon = np.concatenate(de440.load().state("moon", step.correction_tdb_s, "earth"))
            node, one, two = seed_between(
                flyby, step.correction_tdb_s, self.start[:3] - moon[:3], step.insertion_tdb_s, arrive[:3]
            )
            one = one + moon[3:]
        else:
            found = self.last.out
            node, one, two = found.node, found.start_state[3:], found.end_state[3:]
        near = Place("earth", step.correction_tdb_s, self.start[:3], self.start[3:], one, True)
        far = Place("moon", step.insertion_tdb_s, arrive[:3], arrive[3:], two, False)
        return solve_flyby(near, far, flyby, node, meet_tdb_s=[flyby.epoch_tdb_s + s for s in _MEET_S[0]])

    def _home(self, leave: Floats) -> FlybyFlight:
        step, flyby = self.step, self.flybys[1]
        if self.last is None:
            node, one, guess = seed_homeward(
                flyby, step.departure_tdb_s, leave[:3], step.entry_near_tdb_s, self.entry_radius_m
            )
        else:
            found = self.last.home
            node, one, guess = found.node, found.start_state[3:], found.end_values
        near = Place("moon", step.departure_tdb_s, leave[:3], leave[3:], one, True)
        meet = [flyby.epoch_tdb_s + s for s in _MEET_S[1]]
        flight: FlybyFlight | None = None
        for later in _LATER_S if self.last is None else (0.0,):
            far = Entry(
                self.entry_radius_m,
                step.entry_angle_rad,
                step.entry_longitude_rad,
                step.entry_azimuth_rad,
                guess + np.array([later, 0.0, 0.0]),
            )
            tried = solve_flyby(near, far, flyby, node, meet_tdb_s=meet)
            if flight is None or tried.converged:
                flight = tried
            if tried.converged:
                break
        assert flight is not None
        return flight


def _least(solver: _Solver) -> _Trip | str:
    """The size of the orbit with the least burns: a parabola through three sizes, until its foot lies between."""
    found: dict[float, float] = {}
    centre = _RADIUS_M
    trip: _Trip | str = "The search for the orbit's size did not settle."
    for _ in range(6):
        for radius in (centre - _STEP_M, centre, centre + _STEP_M):
            if radius not in found:
                trip = solver.solve(radius)
                if isinstance(trip, str):
                    return trip
                found[radius] = sum(trip.dv_m_s)
        low, middle, high = (found[centre + k * _STEP_M] for k in (-1, 0, 1))
        bend = low - 2.0 * middle + high
        shift = 0.5 * (low - high) / bend if bend > 0.0 else math.copysign(2.0, low - high)
        if abs(shift) <= 1.0:
            return solver.solve(centre + shift * _STEP_M)
        centre += math.copysign(_STEP_M, shift)
    return "The search for the orbit's size did not settle."


def _distances(step: DroRoundTrip, trip: _Trip) -> dict[tuple[str, str], Computed]:
    """The greatest distances from Earth and Moon between the flybys, and the orbit's own extremes, as flown."""
    pieces = [
        (step.outbound_tdb_s, np.concatenate([trip.out.node[:3], trip.out.node[6:]]), step.insertion_tdb_s),
        (step.insertion_tdb_s, trip.stay.state(step.insertion_tdb_s), step.departure_tdb_s),
        (step.departure_tdb_s, trip.home.start_state, step.return_tdb_s),
    ]
    epochs, states = [], []
    for start, state, end in pieces:
        path = dynamics.propagate(start, state[:3], state[3:], end, centre="moon", dense=True)
        grid = np.linspace(start, end, 2000)
        epochs.append(grid)
        states.append(path.at(grid)[:, :3])
    times, places = np.concatenate(epochs), np.concatenate(states)
    moon = np.linalg.norm(places, axis=1)
    earth = np.linalg.norm(places + de440.load().position("moon", times, "earth"), axis=1)
    far, high = int(np.argmax(earth)), int(np.argmax(moon))
    stay = np.linalg.norm(states[1], axis=1)
    return {
        ("farthest", "distance"): Computed(float(earth[far])),
        ("farthest", "time"): Computed(float(times[far])),
        ("farthest_from_moon", "distance"): Computed(float(moon[high])),
        ("farthest_from_moon", "time"): Computed(float(times[high])),
        ("nearest_in_orbit", "distance"): Computed(float(stay.min()), "from the Moon's centre"),
    }


@register("dro_round_trip", DroRoundTrip)
def fly_round_trip(step: DroRoundTrip, context: Context) -> Outcome:
    """Five impulses with the least sum, in the n-body model, by multiple shooting."""
    solver = _Solver(step, context)
    trip = _least(solver) if step.radius_m is None else solver.solve(step.radius_m)
    if isinstance(trip, str):
        return Outcome(reason=trip)
    computed = {(name, "dv"): Computed(dv) for name, dv in zip(_BURNS, trip.dv_m_s, strict=True)}
    total = sum(trip.dv_m_s)
    computed["", "dv"] = Computed(total)
    computed["orbit", "distance"] = Computed(trip.radius_m)
    computed |= _distances(step, trip)
    epoch, speed, latitude = (float(value) for value in trip.home.end_values)
    computed["entry", "time"] = Computed(epoch)
    computed["entry", "angle"] = Computed(latitude, "geocentric latitude of the entry interface")
    computed["entry", "speed"] = Computed(speed)
    mass, _, isp = context.engine(step)
    if mass and isp:
        used = burnt(mass, total, isp)
        computed["", "propellant"] = Computed(used)
        mass -= used
    notes = (
        "burns are impulses at the middle of the flown burns; perilunes are those of the osculating passes",
        f"the orbit is the n-body distant retrograde orbit of {trip.radius_m / 1e3:,.0f} km"
        + ("" if step.radius_m else ", the size of the least burns"),
        "corrections and trims are left out; sunlight and venting likewise",
    )
    after = Situation(epoch, "earth", trip.home.end_state, mass)
    return Outcome(computed, {step.craft: after}, notes)
