"""From a lunar orbit to a landing place on the Earth: the entry's time of day follows from where the site turns.

With the departure held, a flight home is fixed by the instant of entry and the heading there. The two are found from
the latitude and longitude of the landing place, a given range beyond the entry interface; the rest is closed between
both ends in the n-body model (:mod:`moonvillage.trajectory.translunar`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_MOON_M3_S2
from moonvillage.ephemeris.frames import earth_itrf_matrix
from moonvillage.trajectory import translunar as tl
from moonvillage.trajectory.conics import climb
from moonvillage.trajectory.planes import ApsisEnd, EntryEnd, cross, normalised, tilted_normal

Floats = NDArray[np.float64]
_TURN_RAD_S: Final = 7.292115e-5
#: Ranges that are tried, as shares of the one given.
_RANGES: Final = (1.0, 1.05, 0.95, 1.1, 0.9, 1.2, 0.8)


@dataclass(frozen=True, slots=True)
class Splashdown:
    """Where and how a return ends: landing place (geocentric latitude, east longitude, rad), range from the entry
    interface to it (m, over ground), height (m) and inertial flight-path angle (rad, negative) of the interface, and
    whether it is passed going north (None: whichever is cheaper)."""

    latitude_rad: float
    longitude_rad: float
    range_m: float
    entry_height_m: float
    entry_angle_rad: float
    northward: bool | None = None


#: What a file says of the heading at the interface → :class:`Splashdown`.
HEADINGS: Final[dict[str, bool | None]] = {"any": None, "northward": True, "southward": False}


@dataclass(frozen=True, slots=True, eq=False)
class Homeward:
    """A solved return: states at departure (Moon, after the burn) and at entry (Earth), (6,) ICRF, and their epochs.

    ``range_m`` is the range that was flown. ``reason`` is not empty where none was found; then the rest is void.
    """

    departure_tdb_s: float
    entry_tdb_s: float
    departure: Floats
    circular: Floats
    entry: Floats
    miss_m: float
    inclination_rad: float
    reason: str = ""
    range_m: float = math.nan


def _ground(entry_tdb_s: float, state: Floats, range_m: float) -> tuple[float, float]:
    """Geocentric latitude and east longitude (rad) a range ahead of an entry state, along its track over ground."""
    matrix = earth_itrf_matrix(entry_tdb_s)
    r = matrix @ state[:3]
    v = matrix @ state[3:] - cross(np.array([0.0, 0.0, _TURN_RAD_S]), r)
    up = normalised(r)
    ahead = normalised(v - float(v @ up) * up)
    angle = range_m / EARTH_RADIUS_M
    place = math.cos(angle) * up + math.sin(angle) * ahead
    return math.asin(float(place[2])), math.atan2(float(place[1]), float(place[0]))


def _flight(
    lunar: ApsisEnd, departure: float, entry_tdb: float, tilt: float, branch: int, end: EntryEnd
) -> tuple[Floats, Floats, Floats, Floats] | str:
    """Entry state, departure state and circular state, with the entry's plane tilted about the line to the Moon."""
    duration = entry_tdb - departure
    moon_r, moon_v = de440.load().state("moon", departure)
    angle = abs(end.flight_path_angle_rad)
    arc = climb(end.radius_m, angle, float(np.linalg.norm(moon_r)), np.array([duration]))
    if not bool(arc.valid[0]):
        return f"No ellipse comes home in {duration / 86400.0:.2f} d."
    normal = tilted_normal(normalised(moon_r), tilt)
    excess = tl.excess_velocity(moon_r[None], moon_v[None], arc, normal[None], -1)[0]

    def plane(direction: Floats, swept: float) -> Floats:
        return tilted_normal(direction, tilt)

    guess = tl.patched(-1, entry_tdb, departure, (end.radius_m, angle), plane, lunar, branch, excess)
    if guess is None:
        return "No hyperbola leads from this lunar orbit towards the Earth."
    heading = cross(guess.earth_normal, guess.earth_direction)
    first = end.parameters(guess.earth_direction, float(guess.climb.start_speed_m_s[0]) * heading)
    # the heading is held: it is what steers the landing place
    side = tl.earth_side(end, entry_tdb, first, (0, 1, 3), entry=True)
    result, _ = tl.correct(guess, side, lunar, departure)
    if not result.converged:
        return result.reason
    return (
        end.state(result.parameters[0]),
        lunar.state(result.parameters[1]),
        lunar.circular(result.parameters[1], GM_MOON_M3_S2),
        np.array([guess.rim_tdb_s]),
    )


def _wrapped(angle: float) -> float:
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


def return_to(lunar: ApsisEnd, departure_tdb_s: float, about_tdb_s: float, place: Splashdown) -> Homeward:
    """The return that ends at a place on the day around a date.

    Parameters
    ----------
    lunar
        Planes and radius (m) of the circular lunar orbit, about the Moon, ICRF.
    departure_tdb_s
        The injection, an impulse; TDB s past J2000.
    about_tdb_s
        The landing is the one nearest to this epoch (within half a day), for the site comes round once a day.
    place
        Where to land.

    Returns
    -------
    A :class:`Homeward`; of the two ways to a latitude (from the north or from the south) the cheaper. Where the place
    lies just outside what is reached with the range given, a range up to a fifth longer or shorter is flown: a craft
    with lift chooses it.
    """
    first: Homeward | None = None
    for share in _RANGES:
        found = _return_at(lunar, departure_tdb_s, about_tdb_s, replace(place, range_m=share * place.range_m))
        if not found.reason:
            return found
        first = first or found
    assert first is not None
    return first


def _return_at(lunar: ApsisEnd, departure_tdb_s: float, about_tdb_s: float, place: Splashdown) -> Homeward:
    end = EntryEnd(EARTH_RADIUS_M + place.entry_height_m, -abs(place.entry_angle_rad))
    found: list[Homeward] = []
    reasons: list[str] = []
    nothing = np.full(6, np.nan)
    for start in np.deg2rad([0.0, -75.0, 75.0, 40.0, -40.0]):
        for branch in (0, 1):
            done = _aim(lunar, departure_tdb_s, about_tdb_s, place, end, float(start), branch)
            if isinstance(done, str):
                reasons.append(done)
                continue
            found.append(done)
            break
        if len({round(math.degrees(h.inclination_rad)) for h in found}) > 1:
            break
    if not found:
        reason = reasons[0] if reasons else "No return was found."
        return Homeward(departure_tdb_s, math.nan, nothing, nothing, nothing, math.nan, math.nan, reason)
    if place.northward is not None:
        found = [h for h in found if (h.entry[5] > 0.0) == place.northward]
        if not found:
            reason = "No return with that heading at the interface was found; try the other."
            return Homeward(departure_tdb_s, math.nan, nothing, nothing, nothing, math.nan, math.nan, reason)
    best = min(found, key=lambda h: float(np.linalg.norm(h.departure[3:] - h.circular[3:])))
    return replace(best, range_m=place.range_m)


def _aim(
    lunar: ApsisEnd, departure: float, about: float, place: Splashdown, end: EntryEnd, tilt: float, branch: int
) -> Homeward | str:
    """Newton's method on (instant of entry, tilt) for (longitude, latitude) of the landing place."""
    entry_tdb = about

    def off(when: float, angle: float) -> tuple[float, float, tuple[Floats, Floats, Floats, Floats]] | str:
        flight = _flight(lunar, departure, when, angle, branch, end)
        if isinstance(flight, str):
            return flight
        latitude, longitude = _ground(when, flight[0], place.range_m)
        return latitude - place.latitude_rad, _wrapped(longitude - place.longitude_rad), flight

    now = off(entry_tdb, tilt)
    for shift in (6.0, 12.0, -6.0):  # the guess may be too early in the day for any ellipse
        if isinstance(now, str):
            entry_tdb = about + shift * 3600.0
            now = off(entry_tdb, tilt)
    if isinstance(now, str):
        return now
    entry_tdb += now[1] / _TURN_RAD_S  # the Earth turns the site under the track
    day = 2.0 * math.pi / _TURN_RAD_S
    entry_tdb -= day * round((entry_tdb - about) / day)
    now = off(entry_tdb, tilt)
    slope: Floats | None = None
    for _ in range(15):
        if isinstance(now, str):
            return now
        miss = np.array(now[:2])
        if abs(now[0]) < 2e-5 and abs(now[1]) < 2e-5:
            entry, left, circle, _ = now[2]
            normal = normalised(cross(entry[:3], entry[3:]))
            size = math.hypot(now[0], now[1]) * EARTH_RADIUS_M
            return Homeward(departure, entry_tdb, left, circle, entry, size, math.acos(float(normal[2])))
        if slope is None:
            later, tilted = off(entry_tdb + 60.0, tilt), off(entry_tdb, tilt + 0.01)
            if isinstance(later, str) or isinstance(tilted, str):
                return later if isinstance(later, str) else str(tilted)
            slope = np.array(
                [
                    [(later[0] - now[0]) / 60.0, (tilted[0] - now[0]) / 0.01],
                    [_wrapped(later[1] - now[1]) / 60.0, _wrapped(tilted[1] - now[1]) / 0.01],
                ]
            )
        try:
            step = -np.linalg.solve(slope, miss)
        except np.linalg.LinAlgError:
            return "The landing place cannot be steered to from here."
        step *= min(1.0, 3600.0 / max(1e-9, abs(float(step[0]))), 0.25 / max(1e-9, abs(float(step[1]))))
        entry_tdb += float(step[0])
        tilt += float(step[1])
        if abs(tilt) > 1.5:
            return (
                "The landing place lies beyond what a return from here reaches; "
                "a steeper entry or another range moves that."
            )
        now = off(entry_tdb, tilt)
        if isinstance(now, str):
            return now
        change = np.array([now[0] - miss[0], _wrapped(now[1] - miss[1])])
        if math.hypot(now[0], now[1]) > 0.5 * float(np.linalg.norm(miss)):
            slope = None  # far from linear yet: take it anew
        else:
            scaled = step / np.array([3600.0**2, 0.25**2])  # Broyden's update in the steps' own measure
            slope = slope + np.outer(change - slope @ step, scaled) / float(scaled @ step)
    return "The search for the landing place did not settle."
