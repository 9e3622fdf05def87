"""Low-thrust spirals about the Earth: months of thrust along the motion, flown turn by turn in the n-body model.

Thrust along the velocity raises a circular orbit at nearly the least cost (T. N. Edelbaum, "Propulsion requirements
for controllable satellites", ARS Journal 31, 1961: of coplanar circles, the difference of the circular speeds), and
it opens an elliptic one into a wider. The flight is not averaged: every revolution is integrated, with J2, Moon and
Sun, and the mass that is spent. It takes a millisecond or two for a day.

Between Earth orbits a leg is flown to its end. To the Moon it is flown until the Moon's pull takes over; the rest, to
be captured and to wind down about the Moon, is priced as a coplanar spiral between circles, not flown, and the leg
says so. Shadow and power are left out: the thrust is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage import dynamics
from moonvillage.dynamics.thrust import Thrust
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2, GM_MOON_M3_S2, MOON_RADIUS_M
from moonvillage.records.legs import Burn, Event, Leg, Trajectory
from moonvillage.records.places import Arc, Dro, EarthOrbit, Halo, MoonOrbit
from moonvillage.trajectory import nrho
from moonvillage.trajectory.cr3bp import LENGTH_M
from moonvillage.trajectory.flown import circular_state, orbit_radius
from moonvillage.trajectory.registry import SolveOptions, failure, kind, register
from moonvillage.units import DAY_S, STANDARD_GRAVITY_M_S2

Floats = NDArray[np.float64]

_TOLERANCE: Final = 1e-10
_LONGEST_S: Final = 3000.0 * DAY_S
#: Most of the trapped radiation is below this height (outer belt's peak at some 4 to 5 Earth radii).
BELTS_M: Final = 25_000e3
#: To the Moon, the spiral is flown until its apogee is here: some 100,000 km short of the Moon.
HANDOVER_M: Final = 280_000e3
#: Where the winding down about the Moon is taken to begin: the radius of its sphere of influence, roughly.
_CAPTURE_M: Final = 61_500e3
_LOWEST_M: Final = EARTH_RADIUS_M + 120e3
#: Inclinations may differ by so much and count as equal.
_SAME_PLANE_RAD: Final = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Spiral:
    """A low-thrust flight about the Earth.

    Attributes
    ----------
    start_tdb_s, end_tdb_s
        Epochs, TDB seconds past J2000.
    final_state
        Geocentric r, v (6,), ICRF, m and m/s.
    dv_m_s
        What the engine has given; ``mass_ratio`` is the final over the initial mass.
    semi_major_axis_m, eccentricity, inclination_rad
        Osculating at the end.
    revolutions
        About the Earth.
    belts_s
        Time spent below 25,000 km of height, by the osculating orbits.
    reason
        Empty where the end was reached.
    samples
        (n, 8): epoch, geocentric state, mass ratio, about once a day.
    """

    start_tdb_s: float
    end_tdb_s: float
    final_state: Floats
    dv_m_s: float
    mass_ratio: float
    semi_major_axis_m: float
    eccentricity: float
    inclination_rad: float
    revolutions: float
    belts_s: float
    reason: str
    samples: Floats


def edelbaum_dv_m_s(from_radius_m: float, to_radius_m: float, plane_change_rad: float = 0.0) -> float:
    """Δv of the optimal low-thrust transfer between circles about the Earth, m/s (Edelbaum 1961, equation 45).

    ``plane_change_rad`` is the angle between the two planes, below 2 rad.
    """
    first, last = np.sqrt(GM_EARTH_M3_S2 / from_radius_m), np.sqrt(GM_EARTH_M3_S2 / to_radius_m)
    return float(np.sqrt(first**2 + last**2 - 2.0 * first * last * np.cos(0.5 * np.pi * plane_change_rad)))


def _elements(state: Floats) -> tuple[float, float]:
    """Semi-major axis and eccentricity; the axis is negative of an orbit that is open."""
    r, v = state[:3], state[3:]
    distance = float(np.linalg.norm(r))
    axis = 1.0 / (2.0 / distance - float(v @ v) / GM_EARTH_M3_S2)
    h = np.cross(r, v)
    return axis, float(np.sqrt(max(1.0 - float(h @ h) / (GM_EARTH_M3_S2 * axis), 0.0)))


def _share_below(axis: float, eccentricity: float, radius: float) -> float:
    """The share of a revolution that is spent below a radius."""
    if axis <= 0.0 or axis * (1.0 - eccentricity) >= radius:
        return 0.0
    if axis * (1.0 + eccentricity) <= radius:
        return 1.0
    anomaly = float(np.arccos(np.clip((1.0 - radius / axis) / max(eccentricity, 1e-9), -1.0, 1.0)))
    return float((anomaly - eccentricity * np.sin(anomaly)) / np.pi)


def fly_spiral(
    epoch_tdb_s: float,
    r_m: ArrayLike,
    v_m_s: ArrayLike,
    acceleration_m_s2: float,
    isp_s: float,
    *,
    semi_major_axis_m: float | None = None,
    apogee_m: float | None = None,
    mass_ratio: float | None = None,
    against: bool = False,
) -> Spiral:
    """Thrust along the motion (or ``against`` it) until the orbit is as wide as asked, or the propellant is spent.

    Parameters
    ----------
    epoch_tdb_s, r_m, v_m_s
        Start: TDB seconds past J2000; geocentric ICRF (3,), (3,), m and m/s, of any closed orbit.
    acceleration_m_s2, isp_s
        Thrust over mass at the start, and specific impulse (of 9.80665 m/s²).
    semi_major_axis_m, apogee_m, mass_ratio
        End where the osculating semi-major axis, or the osculating apogee radius, is reached (from either side as
        ``against`` says), or where this ratio of final to initial mass is left; at least one must be given, the
        first that is reached counts.

    Returns
    -------
    Spiral
        With a ``reason`` where the end was not reached within 3000 days, or the orbit met the Earth's air.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves DE440.
    ValueError
        If no end is given.
    """
    if semi_major_axis_m is None and apogee_m is None and mass_ratio is None:
        raise ValueError("a spiral needs an end: semi_major_axis_m, apogee_m or mass_ratio")
    direction = np.array([-1.0 if against else 1.0, 0.0, 0.0])
    exhaust = isp_s * STANDARD_GRAVITY_M_S2
    thrust = Thrust(epoch_tdb_s, acceleration_m_s2, exhaust, direction, np.zeros(3), "vnc")
    sign = -1.0 if against else 1.0

    def left(now: float, state: Floats) -> float:
        """Negative until the end is reached."""
        axis, eccentricity = _elements(state)
        found = []
        if mass_ratio is not None:
            found.append(mass_ratio - thrust.mass_ratio(now - epoch_tdb_s))
        if axis <= 0.0:
            return 1.0
        if semi_major_axis_m is not None:
            found.append(sign * (axis - semi_major_axis_m) / semi_major_axis_m)
        if apogee_m is not None:
            found.append(sign * (axis * (1.0 + eccentricity) - apogee_m) / apogee_m)
        return max(found)

    def fly(now: float, state: Floats, to: float) -> dynamics.Path:
        return dynamics.propagate(now, state[:3], state[3:], to, centre="earth", thrust=thrust, tolerance=_TOLERANCE)

    now, state = epoch_tdb_s, np.concatenate([np.asarray(r_m, dtype=float), np.asarray(v_m_s, dtype=float)])
    rows = [np.concatenate([[now], state, [1.0]])]
    revolutions, belts, reason = 0.0, 0.0, ""
    burnout = min(_LONGEST_S, 0.98 * thrust.burnout_s)
    while left(now, state) < 0.0:
        axis, eccentricity = _elements(state)
        if axis * (1.0 - eccentricity) < _LOWEST_M:
            reason = "the spiral met the Earth's air"
            break
        if now - epoch_tdb_s >= burnout:
            reason = f"the end was not reached in {burnout / DAY_S:.0f} days of thrust"
            break
        step = min(DAY_S, epoch_tdb_s + burnout - now + 1.0)
        path = fly(now, state, now + step)
        if path.reason:
            reason = path.reason
            break
        if left(now + step, path.state) >= 0.0:
            low, high = 0.0, step
            for _ in range(40):
                middle = 0.5 * (low + high)
                path = fly(now, state, now + middle)
                if left(now + middle, path.state) < 0.0:
                    low = middle
                else:
                    high = middle
                if high - low < 1.0:
                    break
            step = high
            path = fly(now, state, now + step)
        revolutions += step / (2.0 * np.pi * np.sqrt(axis**3 / GM_EARTH_M3_S2))
        belts += step * _share_below(axis, eccentricity, EARTH_RADIUS_M + BELTS_M)
        now, state = now + step, path.state
        rows.append(np.concatenate([[now], state, [thrust.mass_ratio(now - epoch_tdb_s)]]))
    axis, eccentricity = _elements(state)
    h = np.cross(state[:3], state[3:])
    return Spiral(
        epoch_tdb_s,
        now,
        state,
        thrust.dv_m_s(now - epoch_tdb_s),
        thrust.mass_ratio(now - epoch_tdb_s),
        axis,
        eccentricity,
        float(np.arccos(h[2] / np.linalg.norm(h))),
        revolutions,
        belts,
        reason,
        np.array(rows),
    )


def _start(origin: EarthOrbit) -> tuple[Floats, Floats]:
    """State (3,), (3,) at the node, which is the perigee of an ellipse."""
    radius = orbit_radius(origin.altitude_m)
    r, v = circular_state(radius, origin.inclination_rad, origin.raan_rad or 0.0, 0.0, GM_EARTH_M3_S2)
    if origin.apogee_altitude_m is not None:
        apogee = orbit_radius(origin.apogee_altitude_m)
        v = v * np.sqrt(2.0 * apogee / (radius + apogee))
    return r, v


def _refused(arc: Arc, departure: float) -> Leg | None:
    if arc.thrust_to_mass_m_s2 is None or arc.isp_s is None:
        return failure(arc, departure, "A spiral needs the thrust-to-mass and the specific impulse of the craft.")
    if arc.thrust_to_mass_m_s2 > 0.02:
        return failure(
            arc,
            departure,
            f"A thrust-to-mass of {arc.thrust_to_mass_m_s2:g} m/s² is no low thrust; it must be at most 0.02.",
        )
    return None


def _leg(
    arc: Arc,
    spiral: Spiral,
    tail_m_s: float,
    tail_s: float,
    notes: list[str],
    options: SolveOptions,
) -> Leg:
    """The record: one burn that lasts, and the proof, which flies the whole again without a stop."""
    assert arc.thrust_to_mass_m_s2 is not None
    assert arc.isp_s is not None
    t0, t1 = spiral.start_tdb_s, spiral.end_tdb_s
    # what the start was is the first row; the second flight knows nothing of the daily stops
    first = spiral.samples[0]
    direction = np.array([-1.0 if "inward" in notes else 1.0, 0.0, 0.0])
    thrust = Thrust(t0, arc.thrust_to_mass_m_s2, arc.isp_s * STANDARD_GRAVITY_M_S2, direction, np.zeros(3), "vnc")
    again = dynamics.propagate(t0, first[1:4], first[4:7], t1, centre="earth", thrust=thrust, tolerance=_TOLERANCE)
    # months of turns: a place in the turn means nothing, the orbit does
    axis, eccentricity = _elements(again.state)
    closure_m = abs(axis - spiral.semi_major_axis_m) + axis * abs(eccentricity - spiral.eccentricity)
    speed = float(np.sqrt(GM_EARTH_M3_S2 / axis))
    if not closure_m < 1e3:
        return failure(arc, t0, f"Flown again in one go, the spiral ends in an orbit {closure_m:.0f} m off.")
    total = spiral.dv_m_s + tail_m_s
    duration = t1 - t0 + tail_s
    belts = f"{spiral.belts_s / DAY_S:.0f} d below 25,000 km; {spiral.revolutions:.0f} revolutions"
    trajectory = None
    if options.samples > 0:
        picked = spiral.samples[np.unique(np.linspace(0, len(spiral.samples) - 1, options.samples).astype(int))]
        trajectory = Trajectory("earth", picked[:, 0].copy(), picked[:, 1:4].copy(), picked[:, 4:7].copy())
    said = [note for note in notes if note != "inward"]
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=t0,
        arrival_tdb_s=t0 + duration,
        converged=True,
        burns=(Burn("spiral", t0, total, (0.0, 0.0, 0.0), duration),),
        events=(
            Event("departure", t0),
            Event("handover" if tail_s > 0.0 else "arrival", t1, belts),
            *((Event("arrival", t0 + duration, "priced, not flown"),) if tail_s > 0.0 else ()),
        ),
        closure_position_m=closure_m,
        closure_velocity_m_s=0.5 * speed / axis * closure_m,
        approximation="; ".join(
            [
                *said,
                "the thrust turns with the orbit, so that its vector sum is not given; the closure is of the orbit's "
                "size and shape, not of the place in it; shadow is left out",
            ]
        ),
        trajectory=trajectory,
        final_centre="earth",
        final_state=spiral.final_state,
    )


@register(EarthOrbit, EarthOrbit, "spiral")
def solve_earth_orbit_spiral(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From one circular Earth orbit to another of the same inclination by low thrust along the motion: "spiral".

    Parameters
    ----------
    arc
        Between two :class:`EarthOrbit`; with ``thrust_to_mass_m_s2`` (at most 0.02) and ``isp_s``.
    departure_tdb_s
        TDB seconds past J2000; the start in the orbit, and its node unless given, are at the vernal equinox.
    options
        A fixed duration is refused: it follows from the thrust.

    Returns
    -------
    Leg
        Flown turn by turn, to the target's radius as semi-major axis; the eccentricity that is left is in the note.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves DE440.
    """
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    assert isinstance(target, EarthOrbit)
    refused = _refused(arc, departure_tdb_s)
    if refused is not None:
        return refused
    if options.duration_s is not None:
        return failure(arc, departure_tdb_s, "The duration of a spiral follows from its thrust and cannot be given.")
    if abs(origin.inclination_rad - target.inclination_rad) > _SAME_PLANE_RAD:
        return failure(
            arc,
            departure_tdb_s,
            "A spiral between planes of different inclination is not solved; give both the same.",
        )
    assert arc.thrust_to_mass_m_s2 is not None
    assert arc.isp_s is not None
    inward = target.altitude_m < origin.altitude_m
    r, v = _start(origin)
    spiral = fly_spiral(
        departure_tdb_s,
        r,
        v,
        arc.thrust_to_mass_m_s2,
        arc.isp_s,
        semi_major_axis_m=orbit_radius(target.altitude_m),
        against=inward,
    )
    if spiral.reason:
        return failure(arc, departure_tdb_s, spiral.reason[0].upper() + spiral.reason[1:] + ".")
    notes = [f"an eccentricity of {spiral.eccentricity:.4f} is left"]
    return _leg(arc, spiral, 0.0, 0.0, [*notes, "inward"] if inward else notes, options)


@register(EarthOrbit, Halo, "spiral")
@register(EarthOrbit, Dro, "spiral")
@register(EarthOrbit, MoonOrbit, "spiral")
def solve_earth_to_moon_spiral(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg:
    """From a low Earth orbit towards the Moon by low thrust: flown to an apogee of 280,000 km, then priced: "spiral".

    Parameters
    ----------
    arc
        From an :class:`EarthOrbit`; with ``thrust_to_mass_m_s2`` (at most 0.02) and ``isp_s``.
    departure_tdb_s
        TDB seconds past J2000.
    options
        A fixed duration is refused: it follows from the thrust.

    Returns
    -------
    Leg
        What is priced and not flown: the difference of circular speeds from there to the Moon's distance, and about
        the Moon from 61,500 km down to the target (a low orbit's radius; the mean of perilune and apolune of a halo
        or retrograde orbit). ``approximation`` says how much of the Δv that is.

    Raises
    ------
    EphemerisRangeError
        If the flight leaves DE440.
    """
    origin, target = arc.origin, arc.destination
    assert isinstance(origin, EarthOrbit)
    refused = _refused(arc, departure_tdb_s)
    if refused is not None:
        return refused
    if options.duration_s is not None:
        return failure(arc, departure_tdb_s, "The duration of a spiral follows from its thrust and cannot be given.")
    assert arc.thrust_to_mass_m_s2 is not None
    assert arc.isp_s is not None
    if isinstance(target, MoonOrbit):
        about = MOON_RADIUS_M + target.altitude_m
    else:
        assert isinstance(target, (Halo, Dro))
        try:
            orbit = nrho.find(target)
        except ValueError as error:
            return failure(arc, departure_tdb_s, str(error)[0].upper() + str(error)[1:] + ".")
        about = 0.5 * (orbit.perilune_radius + orbit.apolune_radius) * LENGTH_M
    r, v = _start(origin)
    spiral = fly_spiral(departure_tdb_s, r, v, arc.thrust_to_mass_m_s2, arc.isp_s, apogee_m=HANDOVER_M)
    if spiral.reason:
        return failure(arc, departure_tdb_s, spiral.reason[0].upper() + spiral.reason[1:] + ".")
    tail = edelbaum_dv_m_s(spiral.semi_major_axis_m, LENGTH_M)
    tail += max(0.0, float(np.sqrt(GM_MOON_M3_S2 / about) - np.sqrt(GM_MOON_M3_S2 / _CAPTURE_M)))
    exhaust = arc.isp_s * STANDARD_GRAVITY_M_S2
    burnout = exhaust / arc.thrust_to_mass_m_s2
    tail_s = burnout * spiral.mass_ratio * (1.0 - float(np.exp(-tail / exhaust)))
    notes = [
        f"flown to an apogee of {HANDOVER_M / 1e6:.0f},000 km; the last {tail:.0f} m/s, to the Moon and down to the "
        "target, are priced as spirals between circles, not flown"
    ]
    return _leg(arc, spiral, tail, tail_s, notes, options)
