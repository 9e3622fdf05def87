"""Places and arcs: where things are, and the physical ways between them.

A place is what a trajectory starts from or aims at; it holds only geometry. Frames: docs/conventions.md §3.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EarthGround:
    """The Earth's surface: launches leave it, entries end at it.

    With a landing site (geodetic latitude, east longitude, WGS 84), a return from the Moon is timed and turned so
    that the site lies between ``range_min_m`` and ``range_max_m`` ahead of the entry: up to some 2,700 km directly,
    farther by a skip.
    """

    id: str
    entry_altitude_m: float = 121_920.0
    entry_flight_path_angle_rad: float = -0.1134  # -6.5 deg, lunar return of Apollo, Orion and Chang'e 5
    site_latitude_rad: float | None = None
    site_longitude_rad: float | None = None
    range_min_m: float = 1_600_000.0
    range_max_m: float = 6_500_000.0


@dataclass(frozen=True, slots=True)
class EarthOrbit:
    """A circular Earth orbit, or an ellipse. The node is free unless ``raan_rad`` is given (EME2000).

    ``altitude_m`` is above the equatorial radius 6378137 m; inclination is to the Earth's equator of J2000. With
    ``apogee_altitude_m`` the orbit is an ellipse (a geostationary transfer orbit, say), ``altitude_m`` its perigee's
    height, with the perigee at the node: only spirals leave such an orbit.
    """

    id: str
    altitude_m: float
    inclination_rad: float
    raan_rad: float | None = None
    apogee_altitude_m: float | None = None


@dataclass(frozen=True, slots=True)
class MoonOrbit:
    """A circular low lunar orbit.

    ``altitude_m`` is above the mean radius 1737400 m; ``inclination_rad`` is to the Moon's equator (ME frame),
    or None where the plane is set by ``over``: the orbit then passes over that site ``over_after_s`` after arrival.
    """

    id: str
    altitude_m: float
    inclination_rad: float | None = None
    over: MoonSurface | None = None
    over_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class MoonSurface:
    """A site on the Moon; planetocentric latitude and east longitude in the mean-Earth (ME) frame.

    ``height_m`` is above the mean radius 1737400 m.
    """

    id: str
    latitude_rad: float
    longitude_rad: float
    height_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Halo:
    """A member of an Earth–Moon halo family: ``point`` is 1 or 2 (L1, L2), ``northern`` its class.

    The member is named by its perilune radius (near-rectilinear members) or by its out-of-plane amplitude;
    exactly one of the two is given.
    """

    id: str
    point: int
    northern: bool
    perilune_radius_m: float | None = None
    amplitude_z_m: float | None = None


@dataclass(frozen=True, slots=True)
class Dro:
    """A distant retrograde orbit about the Moon, in the plane of the Moon's motion.

    ``radius_m`` is its distance from the Moon's centre where it crosses the Earth-Moon line on the Earth's side, in
    the restricted problem at the mean Earth-Moon distance 384,400 km.
    """

    id: str
    radius_m: float


@dataclass(frozen=True, slots=True)
class Planet:
    """Another planet as a target of a departure; the leg ends on an arrival sphere around its centre."""

    id: str
    name: str  # "mars"
    arrival_radius_m: float = 3_800_000.0


@dataclass(frozen=True, slots=True)
class FreeReturn:
    """A flight around the Moon that comes back to Earth entry without an insertion (tourists)."""

    id: str
    perilune_altitude_m: float = 250_000.0
    entry_altitude_m: float = 121_920.0
    entry_flight_path_angle_rad: float = -0.1134


Place = EarthGround | EarthOrbit | MoonOrbit | MoonSurface | Halo | Dro | Planet | FreeReturn


@dataclass(frozen=True, slots=True)
class Arc:
    """A physical way from one place to another, solved by the trajectory room.

    ``thrust_to_mass_m_s2`` matters for powered descent and ascent (initial thrust acceleration; None elsewhere).
    ``isp_s`` likewise (the loss depends on it). ``via`` chooses among the ways between one pair of places:
    empty for the usual one, ``"ballistic"`` for the slow one by way of the Sun's tide, ``"direct"`` for one without
    a lunar flyby, ``"spiral"`` for low thrust (then thrust-to-mass and ``isp_s`` are needed).
    """

    id: str
    origin: Place
    destination: Place
    thrust_to_mass_m_s2: float | None = None
    isp_s: float | None = None
    via: str = ""
