"""What a site sees above its skyline: the share of the Sun's disc, the Earth, ground stations, relays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris.sites import Site
from moonvillage.terrain.horizon import Horizon
from moonvillage.terrain.sky import Track, of_positions, station_track, track

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: 18.6 years, in which the Moon's node goes round once, s.
NODE_PERIOD_S: Final = 18.6 * 365.25 * 86400.0
#: Strips in which a disc is cut where the skyline crosses it (Gauss-Chebyshev nodes of the second kind).
_STRIPS: Final = 15
#: A ground station works with the Moon at least this high in its sky, rad.
STATION_ELEVATION_RAD: Final = np.deg2rad(10.0)


def disc_share(horizon: Horizon, body: Track) -> Floats:
    """Share of a body's disc above the skyline, 0 to 1, of the track's shape.

    Where the skyline crosses the disc it is cut in upright strips, each as wide as the skyline's own azimuths are
    near; the sum is Gauss-Chebyshev quadrature of the second kind, exact for a disc that is wholly free or hidden.
    """
    n = horizon.elevation_rad.size
    # the highest and lowest skyline within the disc's width, so that most epochs need no strips
    widest = float(body.radius_rad.max(initial=0.0))
    steepest = float(np.abs(body.elevation_rad).max(initial=0.0))
    reach = int(np.ceil(widest / max(np.cos(min(steepest, 1.5)), 0.05) * n / (2.0 * np.pi))) + 1
    around = np.stack([np.roll(horizon.elevation_rad, k) for k in range(-reach, reach + 1)])
    highest, lowest = around.max(axis=0), around.min(axis=0)
    column = np.rint(body.azimuth_rad * (n / (2.0 * np.pi))).astype(np.int64) % n
    share = np.asarray(body.elevation_rad - body.radius_rad >= highest[column], dtype=np.float64)
    cut = (share == 0.0) & (body.elevation_rad + body.radius_rad > lowest[column])
    if not cut.any():
        return share
    elevation, azimuth, radius = body.elevation_rad[cut], body.azimuth_rad[cut], body.radius_rad[cut]
    total = np.zeros(elevation.size)
    angles = np.arange(1, _STRIPS + 1) * (np.pi / (_STRIPS + 1))
    for angle in angles.tolist():
        half = radius * np.sin(angle)
        aside = radius * np.cos(angle) / np.maximum(np.cos(elevation), 1e-3)
        free = np.clip((elevation + half - horizon.at(azimuth + aside)) / np.maximum(2.0 * half, 1e-12), 0.0, 1.0)
        total += np.sin(angle) ** 2 * free
    share[cut] = total * (2.0 / (_STRIPS + 1))
    return share


def longest(spell: Bools, step_s: float) -> float:
    """The longest unbroken run of true values in an evenly sampled series, s."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], spell, [False])).astype(np.int8)))
    return 0.0 if edges.size == 0 else float((edges[1::2] - edges[::2]).max() * step_s)


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What a site saw over time, at evenly spaced epochs (n,), TDB seconds past J2000.

    ``sun_share`` is the lit share of the Sun's disc; ``earth_centre`` whether the Earth's centre stands above the
    skyline and ``earth_share`` how much of its disc does; ``stations`` and ``relays`` say by name when there was a
    free line of sight (to a station: with the Moon high enough in its sky).
    """

    horizon: Horizon
    epoch_tdb_s: Floats
    sun: Track
    sun_share: Floats
    earth: Track
    earth_share: Floats
    earth_centre: Bools
    stations: Mapping[str, Bools] = field(default_factory=dict)
    relays: Mapping[str, Bools] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def step_s(self) -> float:
        """Time between epochs."""
        return float(self.epoch_tdb_s[1] - self.epoch_tdb_s[0]) if self.epoch_tdb_s.size > 1 else 0.0

    @property
    def illumination(self) -> float:
        """Mean lit share of the Sun's disc."""
        return float(self.sun_share.mean())

    @property
    def any_sun(self) -> float:
        """Share of the time with any of the Sun's disc in sight."""
        return float((self.sun_share > 0.0).mean())

    @property
    def longest_night_s(self) -> float:
        """The longest time without any of the Sun, to within a step."""
        return longest(self.sun_share <= 0.0, self.step_s)

    @property
    def longest_day_s(self) -> float:
        """The longest time with some of the Sun always in sight, to within a step."""
        return longest(self.sun_share > 0.0, self.step_s)

    @property
    def earth_visible(self) -> float:
        """Share of the time with the Earth's centre in sight."""
        return float(self.earth_centre.mean())

    def figures(self) -> dict[str, float]:
        """The statistics by name: shares of the time, seconds and radians; of the Sun alone over a fitted skyline."""
        found = {
            "illumination": self.illumination,
            "any_sun": self.any_sun,
            "longest_night_s": self.longest_night_s,
            "longest_day_s": self.longest_day_s,
            "sun_highest_rad": float(self.sun.elevation_rad.max()),
            "sun_lowest_rad": float(self.sun.elevation_rad.min()),
        }
        if self.horizon.fitted:
            return found
        found |= {
            "earth_visible": self.earth_visible,
            "any_earth": float((self.earth_share > 0.0).mean()),
            "earth_longest_absence_s": longest(~self.earth_centre, self.step_s),
            "earth_highest_rad": float(self.earth.elevation_rad.max()),
        }
        found |= {f"station_{name}": float(seen.mean()) for name, seen in self.stations.items()}
        if self.stations:
            any_station = np.logical_or.reduce(list(self.stations.values()))
            found["any_station"] = float(any_station.mean())
        found |= {f"relay_{name}": float(seen.mean()) for name, seen in self.relays.items()}
        return found


def sight(
    horizon: Horizon,
    start_tdb_s: float,
    span_s: float = NODE_PERIOD_S,
    step_s: float = 3600.0,
    *,
    stations: Mapping[str, Site] | None = None,
    relays: Mapping[str, Callable[[Floats], Floats]] | None = None,
    station_elevation_rad: float = STATION_ELEVATION_RAD,
) -> Sight:
    """Everything that a site sees over a span.

    Parameters
    ----------
    horizon
        The site's skyline.
    start_tdb_s, span_s, step_s
        The span and its steps; 18.6 years of hours by default.
    stations
        Ground stations on the Earth by name.
    relays
        By name, what gives a relay's positions about the Moon, ICRF axes, m, (n, 3), at epochs (n,).
    station_elevation_rad
        The least elevation of the Moon at a station.

    Raises
    ------
    EphemerisRangeError
        If the span leaves the ephemeris.
    ValueError
        If the span holds no step.
    """
    if not 0.0 < step_s <= span_s:
        raise ValueError(f"a span of {span_s:g} s in steps of {step_s:g} s")
    epochs = start_tdb_s + np.arange(0.0, span_s, step_s)
    place = (horizon.latitude_rad, horizon.longitude_rad, horizon.height_m)
    sun, earth = track("sun", epochs, *place), track("earth", epochs, *place)
    heard: dict[str, Bools] = {}
    for name, station in (stations or {}).items():
        way, risen = station_track(station, epochs, *place)
        heard[name] = (way.elevation_rad > horizon.at(way.azimuth_rad)) & (risen > station_elevation_rad)
    passed: dict[str, Bools] = {}
    for name, positions in (relays or {}).items():
        way = of_positions(epochs, np.asarray(positions(epochs), dtype=np.float64), *place)
        passed[name] = way.elevation_rad > horizon.at(way.azimuth_rad)
    notes = [*horizon.notes, "Geometric: light time and aberration (20 arcseconds of the Sun) are left out."]
    if heard:
        least = np.rad2deg(station_elevation_rad)
        notes.append(f"Stations track with the Moon {least:.0f} deg or more above their own level horizon.")
    return Sight(
        horizon,
        epochs,
        sun,
        disc_share(horizon, sun),
        earth,
        disc_share(horizon, earth),
        earth.elevation_rad > horizon.at(earth.azimuth_rad),
        heard,
        passed,
        tuple(notes),
    )
