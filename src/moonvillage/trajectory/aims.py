"""What a correction on the way aims at: the B-plane of a passage, a place at an instant, an entry corridor.

Corrections are solved on conditions that depend almost linearly on them wherever the flight happens to be. Before a
passage these are the components of the impact parameter in the plane across the incoming asymptote (W. Kizner, "A
method of describing miss distances for lunar and interplanetary trajectories", JPL External Publication 674, 1959);
before an entry, angular momentum and time to the interface (:func:`moonvillage.trajectory.apses.entry`). They are
read some hours before the event, where the osculating conic is already the right one and no dispersed path has met a
surface, and compared with what the undisturbed flight has at the same instant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_M3_S2
from moonvillage.trajectory.apses import entry, periapsis

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Aim:
    """A target of corrections.

    ``epoch_tdb_s`` is when it is read, ``centre`` about what. ``labels`` and ``units`` name its m conditions;
    ``read`` gives them as (n, m) for states (n, 6), relative to the undisturbed flight's. ``event`` is what it is the
    aim for, at ``event_tdb_s``. ``show`` gives what people want to know there, (n, k), named by ``shown``, relative
    likewise.
    """

    event: str
    event_tdb_s: float
    epoch_tdb_s: float
    centre: str
    labels: tuple[str, ...]
    units: tuple[str, ...]
    read: Callable[[Floats], Floats]
    shown: tuple[tuple[str, str], ...]
    show: Callable[[Floats], Floats]

    def gradient(self, state: Floats) -> Floats:
        """∂(conditions)/∂(r, v) at a state (6,), (m, 6), by central differences."""
        return _gradient(self.read, state)

    def shown_gradient(self, state: Floats) -> Floats:
        """∂(shown)/∂(r, v) at a state (6,), (k, 6), by central differences."""
        return _gradient(self.show, state)


def _gradient(read: Callable[[Floats], Floats], state: Floats) -> Floats:
    steps = np.array([1e-6 * float(np.linalg.norm(state[:3]))] * 3 + [1e-6 * float(np.linalg.norm(state[3:]))] * 3)
    found = read(np.concatenate([state + np.diag(steps), state - np.diag(steps)]))
    return np.asarray(((found[:6] - found[6:]) / (2.0 * steps[:, None])).T)


def _conic(states: Floats, gm: float) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Momentum (n, 3), eccentricity vector (n, 3), its size (n,), incoming asymptote (n, 3), |semi-major axis|."""
    r, v = states[:, :3], states[:, 3:]
    radius = np.linalg.norm(r, axis=1)
    h = np.cross(r, v)
    e_vector = np.cross(v, h) / gm - r / radius[:, None]
    e = np.linalg.norm(e_vector, axis=1)
    axis = e_vector / e[:, None]
    across = np.cross(h / np.linalg.norm(h, axis=1)[:, None], axis)
    cosine = np.minimum(1.0 / e, 1.0)
    asymptote = cosine[:, None] * axis + np.sqrt(1.0 - cosine**2)[:, None] * across
    energy = 0.5 * np.einsum("ij,ij->i", v, v) - gm / radius
    return h, e_vector, e, asymptote, gm / (2.0 * np.abs(energy))


def is_passage(state: Floats, centre: str) -> bool:
    """Whether a state (6,) about a centre is on an orbit eccentric enough to have a way in."""
    return bool(_conic(state[None, :], GM_M3_S2[centre])[2][0] > 0.5)


def passage(
    event: str, event_tdb_s: float, epoch_tdb_s: float, centre: str, nominal: Floats, *, timed: bool = False
) -> Aim:
    """The B-plane of a passage: B·T and B·R, m. ``nominal`` (6,) is the undisturbed state at the epoch.

    T lies in the ICRF's equator across the asymptote; the size of B is the angular momentum over the undisturbed
    flight's speed at infinity, so that it says the same of a capture that is not quite a hyperbola (whose asymptote
    is then its major axis). ``timed``: the time of the passage (s) as well, for flights that go on from there. Shown:
    periapsis radius (m), and the turn of the orbit's plane about the asymptote (rad).
    """
    gm = GM_M3_S2[centre]
    _, _, _, asymptotes, lengths = _conic(nominal[None, :], gm)
    asymptote, fast = asymptotes[0], float(np.sqrt(gm / lengths[0]))
    pole = np.array([0.0, 0.0, 1.0])
    t = np.cross(asymptote, pole)
    t /= np.linalg.norm(t)
    r_axis = np.cross(asymptote, t)

    def impact(states: Floats) -> Floats:
        h, _, _, s, _ = _conic(states, gm)
        b = np.cross(s, h) / fast
        return np.stack([b @ t, b @ r_axis], axis=1)

    def looks(states: Floats) -> Floats:
        _, _, e, _, a = _conic(states, gm)
        b = impact(states)
        return np.stack([a * np.abs(e - 1.0), np.arctan2(b[:, 1], b[:, 0])], axis=1)

    own = impact(nominal[None, :])
    base = looks(nominal[None, :])

    when = periapsis(nominal[None, :3], nominal[None, 3:], gm)[1]

    def read(states: Floats) -> Floats:
        found = impact(states) - own
        if not timed:
            return found
        late = when - periapsis(states[:, :3], states[:, 3:], gm)[1]
        return np.hstack([found, late[:, None]])

    def tilt(states: Floats) -> Floats:
        found = looks(states) - base
        found[:, 1] = (found[:, 1] + np.pi) % (2.0 * np.pi) - np.pi
        return found

    return Aim(
        event,
        event_tdb_s,
        epoch_tdb_s,
        centre,
        ("B·T", "B·R", "time")[: 3 if timed else 2],
        ("m", "m", "s")[: 3 if timed else 2],
        read,
        ((f"{event} radius", "m"), (f"{event} plane", "rad")),
        tilt,
    )


def place(event: str, epoch_tdb_s: float, centre: str, nominal: Floats) -> Aim:
    """A place at an instant: x, y, z (m) of the undisturbed flight. Shown: distance along three axes and speed."""

    def read(states: Floats) -> Floats:
        return np.asarray(states[:, :3] - nominal[:3])

    return Aim(
        event,
        epoch_tdb_s,
        epoch_tdb_s,
        centre,
        ("x", "y", "z"),
        ("m", "m", "m"),
        read,
        tuple((f"{event} {name}", unit) for name, unit in zip(_STATE, ["m"] * 3 + ["m/s"] * 3, strict=True)),
        lambda states: states - nominal,
    )


_STATE = ("x", "y", "z", "vx", "vy", "vz")


def corridor(
    event: str,
    event_tdb_s: float,
    epoch_tdb_s: float,
    radius_m: float,
    flight_path_angle_rad: float,
    nominal: Floats,
) -> Aim:
    """An entry into the Earth's air: flight-path angle (rad) at the interface, and time of arrival there (s)."""

    def both(states: Floats) -> Floats:
        ratio, late = entry(states[:, :3], states[:, 3:], radius_m, flight_path_angle_rad, GM_EARTH_M3_S2)
        return np.stack([-ratio / np.tan(flight_path_angle_rad), -late], axis=1)

    own = both(nominal[None, :])
    labels = ("flight-path angle", "time")
    units = ("rad", "s")
    return Aim(
        event,
        event_tdb_s,
        epoch_tdb_s,
        "earth",
        labels,
        units,
        lambda states: both(states) - own,
        tuple((f"{event} {name}", unit) for name, unit in zip(labels, units, strict=True)),
        lambda states: both(states) - own,
    )
