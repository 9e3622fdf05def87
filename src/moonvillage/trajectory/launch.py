"""Launch: from a pad through a parking orbit to the Moon, or into the plane of a station; the windows of a day.

A launch fixes a plane: the one that holds the pad at lift-off and the direction of flight. It must hold the Moon at
arrival as well (nearly: a transfer by conics through the Moon's centre), so that each instant of a day has one
azimuth, and the azimuths that range safety allows make two windows a day, one with a short coast in the parking orbit
and one with a long: Apollo's "Atlantic" and "Pacific" windows (R. Wheeler, "Apollo lunar landing launch window: the
controlling factors and constraints", NASA, Apollo Flight Journal, 2009). ``launch_solved`` flies what conics give in
the n-body model.

The ascent itself is not simulated: it is a time and an arc ("typical"), and the results say so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_J2, EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.ephemeris.frames import earth_itrf_matrix, earth_latitude_longitude
from moonvillage.ephemeris.sites import Site
from moonvillage.records.legs import Leg
from moonvillage.trajectory.conics import climb
from moonvillage.trajectory.planes import normalised
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

#: Of the Earth rotation angle, IAU 2000.
EARTH_RATE_RAD_S: Final = 2.0 * math.pi * 1.00273781191135448 / 86400.0
_TURN: Final = 2.0 * math.pi


@dataclass(frozen=True, slots=True)
class LaunchSite:
    """A pad: geodetic latitude, east longitude (WGS 84, rad), and the azimuths (from north through east, rad)."""

    id: str
    latitude_rad: float
    longitude_rad: float
    azimuth_min_rad: float
    azimuth_max_rad: float
    note: str = ""


#: Azimuths that range safety allows, degrees, by site of the catalog, and where they come from.
AZIMUTHS_DEG: Final = {
    "ksc_lc39": (35.0, 120.0, "Eastern Range; Apollo kept to 72 to 108 (NASA SP-4204; 45 SW range safety)"),
    "cape_slc40": (35.0, 120.0, "Eastern Range"),
    "cape_lc36": (35.0, 120.0, "Eastern Range"),
    "cape_slc41": (35.0, 120.0, "Eastern Range"),
    "wenchang": (90.0, 175.0, "over the sea to the east and south (CALT user's manuals); from memory"),
    "xichang": (94.0, 105.0, "CZ-3A series user's manual: 94 to 105; from memory"),
    "kourou": (-10.5, 93.5, "Ariane 5 user's manual"),
}
_ANY_AZIMUTH: Final = (30.0, 150.0)


def launch_site(
    id: str, latitude_rad: float, longitude_rad: float, azimuths_rad: tuple[float, float] | None = None
) -> LaunchSite:
    """A launch site with its azimuth limits: those given, else the known ones of that id, else 30 to 150 deg.

    The note says where the limits come from.
    """
    if azimuths_rad is not None:
        return LaunchSite(id, latitude_rad, longitude_rad, *azimuths_rad, "azimuths as given")
    low, high, source = AZIMUTHS_DEG.get(
        id, (*_ANY_AZIMUTH, "no published azimuths known here: 30 to 150 deg assumed")
    )
    return LaunchSite(id, latitude_rad, longitude_rad, math.radians(low), math.radians(high), source)


@dataclass(frozen=True, slots=True)
class Ascent:
    """A typical way up: time from lift-off to the parking orbit, and the arc covered, as seen in inertial axes.

    The defaults are Saturn V's to 185 km: 709 s and 24.3 deg, 1,461 nmi (Apollo 11 Mission Report, MSC-00171).
    """

    duration_s: float = 709.0
    arc_rad: float = math.radians(24.3)
    altitude_m: float = 185_200.0


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One launch towards the Moon. Epochs are TDB seconds past J2000; angles rad.

    ``azimuth_rad`` is the heading over the turning Earth, from north through east; ``inclination_rad`` and
    ``raan_rad`` those of the parking orbit at insertion (ICRF axes); ``coast_s`` from insertion to injection;
    ``latitude_rad``, ``longitude_rad`` geodetic, of the injection. ``dv_m_s``, ``c3_m2_s2``: of the injection, by
    conics or, where ``leg`` is there, in n-body motion.
    """

    launch_tdb_s: float
    azimuth_rad: float
    inclination_rad: float
    raan_rad: float
    insertion_tdb_s: float
    coast_s: float
    injection_tdb_s: float
    latitude_rad: float
    longitude_rad: float
    arrival_tdb_s: float
    dv_m_s: float
    c3_m2_s2: float
    approximation: str = "conics through the Moon's centre; a typical ascent"
    leg: Leg | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """One launch window: ``coast`` is "short" or "long"; ``opportunities`` run from opening to closing."""

    coast: str
    opens_tdb_s: float
    closes_tdb_s: float
    opportunities: tuple[Opportunity, ...]

    @property
    def length_s(self) -> float:
        """From opening to closing."""
        return self.closes_tdb_s - self.opens_tdb_s


@dataclass(frozen=True, slots=True)
class DailyWindows:
    """The windows of one day, in order of opening; empty with a ``reason`` where there is none."""

    site: LaunchSite
    date_tdb_s: float
    flight_time_s: float
    windows: tuple[Window, ...]
    reason: str = ""


def site_direction(site: LaunchSite, epoch_tdb_s: Floats) -> Floats:
    """Unit vectors (n, 3) from the Earth's centre to the pad, ICRF, at TDB epochs (n,).

    Over up to three days the pole is held, which moves the pad by metres.
    """
    fixed = normalised(Site("earth", site.latitude_rad, site.longitude_rad).fixed_m)
    epochs = np.atleast_1d(epoch_tdb_s)
    if float(np.ptp(epochs)) <= 3.0 * DAY_S:
        middle = DAY_S * round(float(epochs[0]) / DAY_S)
        turned = _about_pole(np.broadcast_to(fixed, (epochs.size, 3)), EARTH_RATE_RAD_S * (epochs - middle))
        return np.asarray(turned @ earth_itrf_matrix(middle))
    return np.asarray(np.einsum("nji,j->ni", earth_itrf_matrix(epochs), fixed))


def _turning_azimuth(inertial_rad: Floats, declination_rad: Floats, radius_m: float) -> Floats:
    """Heading over the turning Earth of an orbit that is to have this inertial heading: the pad's speed taken off."""
    speed = math.sqrt(GM_EARTH_M3_S2 / radius_m)
    east = speed * np.sin(inertial_rad) - EARTH_RATE_RAD_S * EARTH_RADIUS_M * np.cos(declination_rad)
    return np.asarray(np.arctan2(east, speed * np.cos(inertial_rad)))


def heading_of(pad: Floats, normal: Floats, radius_m: float) -> float:
    """Azimuth over the turning Earth, rad, of a launch at direction ``pad`` (3,) into the plane ``normal`` (3,)."""
    across = np.cross(normal, pad)
    east = np.array([-pad[1], pad[0], 0.0])
    east = east / np.linalg.norm(east)
    heading = math.atan2(float(across @ east), float(across @ np.cross(pad, east)))
    return float(_turning_azimuth(np.array([heading]), np.arcsin(pad[2:3]), radius_m)[0])


def _about_pole(vectors: Floats, angle_rad: Floats) -> Floats:
    """Vectors (n, 3) turned about the z axis by angles (n,)."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    x, y = vectors[:, 0], vectors[:, 1]
    return np.stack([c * x - s * y, s * x + c * y, vectors[:, 2]], axis=1)


def mean_rates(radius_m: float, inclination_rad: Floats) -> tuple[Floats, Floats]:
    """Rates of the argument of latitude and of the node of circular orbits under J2, rad/s, (n,) each.

    First order; D. A. Vallado, "Fundamentals of Astrodynamics and Applications", 4th ed., section 9.6.
    """
    n = math.sqrt(GM_EARTH_M3_S2 / radius_m**3)
    k = 1.5 * EARTH_J2 * (EARTH_RADIUS_M / radius_m) ** 2 * n
    cosine = np.cos(inclination_rad)
    return np.asarray(n + k * (4.0 * cosine**2 - 1.0)), np.asarray(-k * cosine)


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Launches at epochs (n,): everything of an opportunity, by conics; ``normal`` (n, 3) is at insertion."""

    launch: Floats
    azimuth: Floats
    normal: Floats
    coast: Floats
    injection: Floats
    point: Floats
    arrival: Floats
    dv: Floats
    c3: Floats
    valid: NDArray[np.bool_]


def _table(
    site: LaunchSite, launch: Floats, flight_time_s: float, ascent: Ascent, revolutions: int, least_coast_s: float
) -> _Table:
    radius = EARTH_RADIUS_M + ascent.altitude_m
    rate = math.sqrt(GM_EARTH_M3_S2 / radius**3)
    pad = site_direction(site, launch)
    insertion = launch + ascent.duration_s
    coast = np.full(launch.size, _TURN / rate * 0.5)
    node_rate = np.zeros(launch.size)
    ephemeris = de440.load()
    for _ in range(6):
        injection = insertion + coast
        arrival = injection + flight_time_s
        moon = ephemeris.position("moon", arrival)
        distance = np.linalg.norm(moon, axis=1)
        m = moon / distance[:, None]
        arcs = climb(radius, 0.0, distance, np.full(launch.size, flight_time_s))
        # by the injection the plane has turned with J2 from where the launch put it
        turned_pad = _about_pole(pad, coast * node_rate)
        normal = np.cross(turned_pad, m)
        normal *= np.where(normal[:, 2] >= 0.0, 1.0, -1.0)[:, None]  # eastward
        size = np.linalg.norm(normal, axis=1)
        normal = normal / np.maximum(size, 1e-12)[:, None]
        across = np.cross(normal, turned_pad)
        ahead = np.arctan2(np.einsum("ij,ij->i", m, across), np.einsum("ij,ij->i", m, turned_pad))
        angle = np.mod(ahead - arcs.angle_rad - ascent.arc_rad, _TURN)
        pace, node_rate = mean_rates(radius, np.arccos(np.clip(normal[:, 2], -1.0, 1.0)))
        fresh = angle / pace
        fresh = np.where(fresh < least_coast_s, fresh + _TURN / pace, fresh) + revolutions * _TURN / pace
        if float(np.max(np.abs(fresh - coast))) < 0.01:
            coast = fresh
            break
        coast = fresh
    injection = insertion + coast
    arrival = injection + flight_time_s
    # in the orbit's plane from the pad's direction
    turned = ahead - arcs.angle_rad
    point = np.cos(turned)[:, None] * turned_pad + np.sin(turned)[:, None] * across
    drift = coast * node_rate
    across = np.cross(_about_pole(normal, -drift), pad)
    east = np.stack([-pad[:, 1], pad[:, 0], np.zeros(launch.size)], axis=1)
    east = east / np.linalg.norm(east, axis=1, keepdims=True)
    north = np.cross(pad, east)
    heading = np.arctan2(np.einsum("ij,ij->i", across, east), np.einsum("ij,ij->i", across, north))
    azimuth = _turning_azimuth(heading, np.arcsin(pad[:, 2]), radius)
    speed = arcs.start_speed_m_s
    circular = math.sqrt(GM_EARTH_M3_S2 / radius)
    normal = _about_pole(normal, -drift)
    c3 = speed**2 - 2.0 * GM_EARTH_M3_S2 / radius
    valid = arcs.valid & (size > 1e-3)
    return _Table(launch, azimuth, normal, coast, injection, point, arrival, speed - circular, c3, valid)


def _opportunity(table: _Table, k: int, ascent: Ascent) -> Opportunity:
    normal = table.normal[k]
    latitude, longitude, _ = earth_latitude_longitude(
        float(table.injection[k]), table.point[k] * (EARTH_RADIUS_M + ascent.altitude_m)
    )
    return Opportunity(
        launch_tdb_s=float(table.launch[k]),
        azimuth_rad=float(table.azimuth[k]),
        inclination_rad=float(np.arccos(np.clip(normal[2], -1.0, 1.0))),
        raan_rad=float(np.arctan2(normal[0], -normal[1])) % _TURN,
        insertion_tdb_s=float(table.launch[k] + ascent.duration_s),
        coast_s=float(table.coast[k]),
        injection_tdb_s=float(table.injection[k]),
        latitude_rad=float(latitude),
        longitude_rad=float(longitude),
        arrival_tdb_s=float(table.arrival[k]),
        dv_m_s=float(table.dv[k]),
        c3_m2_s2=float(table.c3[k]),
    )


def daily_windows(
    site: LaunchSite,
    date_tdb_s: float,
    *,
    flight_time_s: float = 4.0 * DAY_S,
    ascent: Ascent | None = None,
    revolutions: int = 0,
    least_coast_s: float = 300.0,
    opportunities: int = 7,
    span_s: float = DAY_S,
) -> DailyWindows:
    """The launch windows towards the Moon of one day from one pad, by conics.

    Parameters
    ----------
    site
        The pad, with its azimuth limits (:func:`launch_site`).
    date_tdb_s
        Where the day begins, TDB seconds past J2000; windows that open within ``span_s`` of it are given.
    flight_time_s
        From injection to the Moon, 2.5 to 6 days.
    ascent
        A typical ascent (:class:`Ascent`).
    revolutions
        Whole revolutions in the parking orbit before the coast to the injection point (Apollo: 1).
    least_coast_s
        A shorter coast waits a revolution.
    opportunities
        How many launches of each window are listed, from opening to closing.

    Returns
    -------
    DailyWindows
        Some milliseconds of work. On a day on which the azimuths allow no launch it says why.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves the ephemeris.

    Notes
    -----
    The plane holds the pad at lift-off and the Moon at arrival; injection lies as far before the Moon as the transfer
    ellipse sweeps. Against the n-body legs of :func:`solved_windows` the instants are some 1 to 20 minutes early.
    """
    up = ascent or Ascent()
    step = 240.0
    # a window that is open at the day's begin is taken whole, and so is one that closes after its end
    launch = date_tdb_s + np.arange(-0.5 * DAY_S, span_s + 0.5 * DAY_S, step)
    table = _table(site, launch, flight_time_s, up, revolutions, least_coast_s)
    low, high = site.azimuth_min_rad, site.azimuth_max_rad
    middle = 0.5 * (low + high)
    off = np.angle(np.exp(1j * (table.azimuth - middle)))
    half = 0.5 * (high - low)
    inside = table.valid & (np.abs(off) <= half)
    windows: list[Window] = []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))

    def allowed(epochs: Floats) -> NDArray[np.bool_]:
        one = _table(site, epochs, flight_time_s, up, revolutions, least_coast_s)
        return np.asarray(np.abs(np.angle(np.exp(1j * (one.azimuth - middle)))) <= half)

    for first, past in zip(edges[::2], edges[1::2], strict=True):
        if first == 0 or past == launch.size or past - first < 2:
            continue
        opens = _edge(allowed, float(launch[first - 1]), float(launch[first]))
        closes = _edge(allowed, float(launch[past]), float(launch[past - 1]))
        if not date_tdb_s <= opens < date_tdb_s + span_s:
            continue
        some = _table(
            site,
            np.linspace(opens, closes, max(opportunities, 2)),
            flight_time_s,
            up,
            revolutions,
            least_coast_s,
        )
        listed = tuple(_opportunity(some, k, up) for k in range(some.launch.size))
        windows.append(Window("", opens, closes, listed))
    if not windows:
        reach = np.rad2deg(table.azimuth[table.valid] % _TURN)
        reason = "No ellipse reaches the Moon in the given flight time."
        if reach.size:
            reason = (
                f"The planes that hold both {site.id} and the Moon leave at azimuths of {reach.min():.0f} to "
                f"{reach.max():.0f} deg on this day; the site allows {np.rad2deg(low):.0f} to {np.rad2deg(high):.0f}."
            )
        return DailyWindows(site, date_tdb_s, flight_time_s, (), reason)
    period = _TURN / math.sqrt(GM_EARTH_M3_S2 / (EARTH_RADIUS_M + up.altitude_m) ** 3)
    named = []
    mean = [float(np.mean([o.coast_s for o in w.opportunities])) % period for w in windows]
    for window, coast in zip(windows, mean, strict=True):
        short = coast <= min(mean) + 1.0 if len(windows) > 1 else coast < 0.5 * period
        named.append(replace(window, coast="short" if short else "long"))
    return DailyWindows(site, date_tdb_s, flight_time_s, tuple(named))


def _edge(allowed: Callable[[Floats], NDArray[np.bool_]], outside: float, inside: float) -> float:
    """Where a window begins or ends, to a second, between two epochs."""
    for _ in range(2):
        epochs = np.linspace(inside, outside, 17)
        good = allowed(epochs)
        last = int(np.argmin(good)) if not good.all() else epochs.size - 1
        last = max(last, 1)
        inside, outside = float(epochs[last - 1]), float(epochs[last])
    return inside


@dataclass(frozen=True, slots=True)
class PlaneLaunch:
    """A launch into a station's plane, at the instant at which the pad passes through it.

    ``ascending``: flying north at the pad. ``lead_rad`` is by how much the station leads the chaser at insertion,
    from 0 to 2π. ``dv_per_minute_m_s`` is what a minute's delay costs in turning the plane. ``allowed``: within the
    site's azimuths.
    """

    launch_tdb_s: float
    azimuth_rad: float
    inclination_rad: float
    raan_rad: float
    insertion_tdb_s: float
    lead_rad: float
    ascending: bool
    allowed: bool
    dv_per_minute_m_s: float
    approximation: str = "a typical ascent, in the plane at lift-off"


@dataclass(frozen=True, slots=True)
class PlaneLaunches:
    """The launches of a span into a station's plane, allowed or not; empty with a ``reason`` where there is none."""

    site: LaunchSite
    launches: tuple[PlaneLaunch, ...]
    reason: str = ""


def plane_windows(
    site: LaunchSite,
    station: dynamics.Path,
    date_tdb_s: float,
    *,
    ascent: Ascent | None = None,
    node_bias_rad: float = 0.0,
    span_s: float = DAY_S,
) -> PlaneLaunches:
    """The launches into the plane of a station within a day of a date: two, where the pad lies below its inclination.

    Parameters
    ----------
    site
        The pad.
    station
        The station's flight about the Earth, dense, over the span and an hour more (``dynamics.propagate``).
    date_tdb_s
        Begin of the span, TDB seconds past J2000.
    ascent
        A typical ascent; its altitude is not used.
    node_bias_rad
        By how much the chaser's node is to lie east of the station's, for the lower orbit's faster regression
        (``Rendezvous.bias_rad`` of a profile tells).
    span_s
        Length of the span.

    Returns
    -------
    PlaneLaunches
        With a ``reason`` where the pad never passes through the plane.
    """
    up = ascent or Ascent()
    epochs = date_tdb_s + np.arange(0.0, span_s + 1.0, 300.0)

    def normal_at(t: Floats) -> Floats:
        state = station.at(t)
        normal = np.cross(state[:, :3], state[:, 3:])
        normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
        return _about_pole(normal, np.full(len(normal), node_bias_rad))

    def height(t: Floats) -> Floats:
        return np.asarray(np.einsum("ij,ij->i", site_direction(site, t), normal_at(t)))

    values = height(epochs)
    found: list[PlaneLaunch] = []
    for k in np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) < 0.0):
        launch = float(brentq(lambda t: float(height(np.array([t]))[0]), epochs[k], epochs[k + 1], xtol=1e-3))
        at = np.array([launch])
        pad, normal = site_direction(site, at)[0], normal_at(at)[0]
        across = np.cross(normal, pad)
        east = np.array([-pad[1], pad[0], 0.0])
        east = east / np.linalg.norm(east)
        north = np.cross(pad, east)
        insertion = launch + up.duration_s
        there = station.at(insertion)
        radius = float(np.linalg.norm(there[:3]))
        heading = math.atan2(float(across @ east), float(across @ north))
        azimuth = float(_turning_azimuth(np.array([heading]), np.arcsin(pad[2:3]), radius)[0])
        angle = math.atan2(float(there[:3] @ across), float(there[:3] @ pad)) - up.arc_rad
        inclination = math.acos(float(np.clip(normal[2], -1.0, 1.0)))
        # a later launch finds the plane turned about the pole by the Earth's rate
        turn = EARTH_RATE_RAD_S * 60.0 * math.sin(inclination)
        middle = 0.5 * (site.azimuth_min_rad + site.azimuth_max_rad)
        off = abs(float(np.angle(np.exp(1j * (azimuth - middle)))))
        found.append(
            PlaneLaunch(
                launch,
                azimuth % _TURN,
                inclination,
                math.atan2(float(normal[0]), float(-normal[1])) % _TURN,
                insertion,
                angle % _TURN,
                float(across[2]) > 0.0,
                off <= 0.5 * (site.azimuth_max_rad - site.azimuth_min_rad),
                float(np.linalg.norm(there[3:])) * turn,
            )
        )
    if not found:
        return PlaneLaunches(
            site,
            (),
            f"{site.id} at {np.rad2deg(site.latitude_rad):.1f} deg never passes through the station's plane.",
        )
    reason = "" if any(one.allowed for one in found) else f"The azimuths of {site.id} do not allow these launches."
    return PlaneLaunches(site, tuple(found), reason)
