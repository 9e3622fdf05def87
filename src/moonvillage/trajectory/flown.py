"""Flying a solved leg again in one go, and sampling it: the check that every solver of a leg must pass.

A flight plan is a chain of coasts, each with the centre in which it is integrated and the impulse at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.records.legs import Burn, Trajectory
from moonvillage.trajectory.planes import triple

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Coast:
    """Free flight until ``to_tdb_s``, integrated about ``centre``, and then the impulse ``dv_m_s`` (3,), if any."""

    to_tdb_s: float
    centre: str
    dv_m_s: Floats | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Flown:
    """The end of a flight, about ``centre``; ``paths`` have dense output if it was asked for."""

    epoch_tdb_s: float
    centre: str
    r_m: Floats
    v_m_s: Floats
    paths: tuple[dynamics.Path, ...]
    reason: str = ""


def fly(
    epoch_tdb_s: float, centre: str, r_m: Floats, v_m_s: Floats, coasts: Sequence[Coast], *, dense: bool = False
) -> Flown:
    """Fly the coasts one after another from ``r_m``, ``v_m_s`` (3,) about ``centre``, ICRF."""
    paths: list[dynamics.Path] = []
    now, at, r, v = epoch_tdb_s, centre, r_m, v_m_s
    for coast in coasts:
        if coast.centre != at:
            r, v = dynamics.change_centre(now, r, v, at, coast.centre)
            at = coast.centre
        path = dynamics.propagate(now, r, v, coast.to_tdb_s, centre=at, dense=dense)
        if path.reason:
            return Flown(coast.to_tdb_s, at, path.r_m, path.v_m_s, tuple(paths), path.reason)
        paths.append(path)
        now, r, v = coast.to_tdb_s, path.r_m, path.v_m_s
        if coast.dv_m_s is not None:
            v = v + coast.dv_m_s
    return Flown(now, at, r, v, tuple(paths))


def sample(paths: Sequence[dynamics.Path], samples: int, centre: str) -> Trajectory | None:
    """``samples`` states, even in time from the first path's start to the last one's end, about ``centre``."""
    if samples <= 0 or not paths:
        return None
    epochs = np.linspace(paths[0].start_tdb_s, paths[-1].epoch_tdb_s, max(samples, 2))
    states = np.empty((epochs.size, 6))
    edges = np.array([path.epoch_tdb_s for path in paths[:-1]])
    owner = np.searchsorted(edges, epochs, side="right")
    for k, path in enumerate(paths):
        mine = owner == k
        if mine.any():
            part = path.at(epochs[mine])
            if path.centre != centre:
                r0, v0 = de440.load().state(path.centre, epochs[mine], centre)
                part = part + np.hstack([r0, v0])
            states[mine] = part
    return Trajectory(centre, epochs, states[:, :3], states[:, 3:])


def circular_state(
    radius_m: float, inclination_rad: float, raan_rad: float, latitude_argument_rad: float, mu_m3_s2: float
) -> tuple[Floats, Floats]:
    """Osculating circular orbit: r, v (3,) on the axes to which the elements refer."""
    ci, si = np.cos(inclination_rad), np.sin(inclination_rad)
    co, so = np.cos(raan_rad), np.sin(raan_rad)
    cu, su = np.cos(latitude_argument_rad), np.sin(latitude_argument_rad)
    node = np.array([co, so, 0.0])
    across = np.array([-so * ci, co * ci, si])
    speed = np.sqrt(mu_m3_s2 / radius_m)
    return radius_m * (cu * node + su * across), speed * (cu * across - su * node)


def _parking_velocity(r_m: Floats, v_m_s: Floats, inclination_rad: float) -> Floats | None:
    """Velocity at ``r_m`` of the circular Earth orbit of that inclination that is nearest to the plane of r, v.

    None where the place of the burn has a higher latitude than the inclination: no such orbit comes there.
    """
    radius = float(np.linalg.norm(r_m))
    up = r_m / radius
    sine = np.cos(inclination_rad) / max(np.sqrt(1.0 - up[2] ** 2), 1e-12)  # of the azimuth
    if abs(sine) > 1.0:
        if abs(sine) > 1.0 + 1e-6:
            return None
        sine = float(np.sign(sine))
    east = np.array([-up[1], up[0], 0.0])
    east /= np.linalg.norm(east)
    north = np.cross(up, east)
    cosine = np.sqrt(1.0 - sine**2) * (1.0 if v_m_s @ north >= 0.0 else -1.0)
    return np.asarray(np.sqrt(GM_EARTH_M3_S2 / radius) * (sine * east + cosine * north))


def departure_burns(
    name: str, epoch_tdb_s: float, r_m: Floats, v_m_s: Floats, inclination_rad: float
) -> tuple[list[Burn], str]:
    """Burns from a parking orbit of that inclination to a state at its perigee, and a note where it turns.

    ``r_m`` and ``v_m_s`` are (3,), ICRF about the Earth.

    In the plane of the orbit this is one burn along the motion. Where the flight leaves in another plane the burn
    turns as well, or the parking orbit is tilted first at a node ("plane_change", priced but not flown), whichever
    costs less.
    """
    speed = float(np.linalg.norm(v_m_s))
    circular = float(np.sqrt(GM_EARTH_M3_S2 / np.linalg.norm(r_m)))
    tilt = abs(inclination(r_m, v_m_s) - inclination_rad)
    tilting = 2.0 * circular * float(np.sin(0.5 * tilt))
    straight = v_m_s * (1.0 - circular / speed)
    parked = _parking_velocity(r_m, v_m_s, inclination_rad)
    turned = None if parked is None else v_m_s - parked
    if turned is not None and float(np.linalg.norm(turned)) <= speed - circular + tilting + 1e-6:
        angle = float(np.arccos(np.clip(v_m_s @ (v_m_s - turned) / speed / circular, -1.0, 1.0)))
        note = f"the burn turns the plane by {np.rad2deg(angle):.1f} deg" if angle > 1e-4 else ""
        return [impulse(name, epoch_tdb_s, turned)], note
    note = (
        f"the parking orbit is tilted by {np.rad2deg(tilt):.1f} deg at a node just before departure, which is "
        "priced but not flown"
    )
    pole = np.array([0.0, 0.0, tilting])
    return [impulse("plane_change", epoch_tdb_s, pole), impulse(name, epoch_tdb_s, straight)], note


def impulse(name: str, epoch_tdb_s: float, dv_m_s: Floats) -> Burn:
    """A burn record of an impulse (3,) m/s, ICRF."""
    return Burn(name, epoch_tdb_s, float(np.linalg.norm(dv_m_s)), triple(dv_m_s))


def orbit_radius(altitude_m: float) -> float:
    """Radius of an Earth orbit, m, from its altitude above the equatorial radius."""
    return EARTH_RADIUS_M + altitude_m


def inclination(r_m: Floats, v_m_s: Floats) -> float:
    """Inclination, rad, to the z axis of the osculating orbit of ``r_m``, ``v_m_s`` (3,)."""
    h = np.cross(r_m, v_m_s)
    return float(np.arccos(np.clip(h[2] / np.linalg.norm(h), -1.0, 1.0)))
