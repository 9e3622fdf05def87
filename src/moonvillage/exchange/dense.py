"""From the samples of flown legs to ephemerides that others can interpolate.

A run keeps some hundred states of every leg. Between two of them the craft coasts, so that flying on from one to the
next in the same model gives back what was flown, at the integrator's own steps: close to a body they lie closer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.errors import InputError
from moonvillage.exchange.ephemeris import NEAR_MOON_M, Ephemeris, Manoeuvre, Segment
from moonvillage.records.flights import Flights

Floats = NDArray[np.float64]

#: Beyond this distance of the Earth it is flown about the Sun.
_FAR_M: Final = 2_000_000e3
#: Parts into which each step of the integrator is divided: cubic Hermite interpolation is then good to some cm.
_DIVIDE: Final = 12
_MOMENT_S: Final = 1e-3


def flight_ids(flights: Flights) -> list[str]:
    """The flights of which there are samples, in order."""
    return list(flights.samples["flight"].unique(maintain_order=True))


def from_flight(flights: Flights, flight: str, *, step: int | None = None, centre: str = "earth") -> Ephemeris:
    """One flight, or one leg of it, as an ephemeris about ``centre``.

    Parameters
    ----------
    flights
        What was flown; its ``samples`` are ICRF states about the centre that each names.
    flight
        The flight's id.
    step
        The step of the mission whose leg is wanted; None: every leg, with gaps where the craft waits.
    centre
        "earth", "moon", "sun" or "mars".

    Returns
    -------
    An :class:`Ephemeris` with a new segment at every impulse and every leg, in the order of time. Under thrust the
    states are the stored samples, which the notes say.

    Raises
    ------
    InputError
        If there is no such flight or leg.
    """
    samples = flights.samples.filter(pl.col("flight") == flight)
    if step is not None:
        samples = samples.filter(pl.col("step") == step)
    if samples.is_empty():
        known = ", ".join(flight_ids(flights)[:12])
        what = flight if step is None else f"{flight}, step {step}"
        raise InputError.one("is not a flown flight of this run", f"choose one of: {known}", field=what)
    segments: list[Segment] = []
    manoeuvres: list[Manoeuvre] = []
    notes: list[str] = []
    for (index,), table in samples.group_by("step", maintain_order=True):
        burns = flights.burns.filter((pl.col("flight") == flight) & (pl.col("step") == index))
        found = [_manoeuvre(row) for row in burns.iter_rows(named=True)]
        manoeuvres += found
        old = str(table["centre"][0])
        epochs = table["epoch_tdb_s"].to_numpy().astype(np.float64)
        states = table.select("x_m", "y_m", "z_m", "vx_m_s", "vy_m_s", "vz_m_s").to_numpy().astype(np.float64)
        for segment, powered in _refined(epochs, states, old, found):
            r0, v0 = de440.load().state(old, segment.epoch_tdb_s, centre)
            segments.append(Segment(segment.epoch_tdb_s, segment.r_m + r0, segment.v_m_s + v0))
            if powered:
                notes.append(f"step {index}: under thrust the states are {np.diff(epochs).max():.0f} s apart")
    unique = tuple(dict.fromkeys(notes))
    return Ephemeris(flight, flight, centre, _in_order(segments), tuple(manoeuvres), None, unique)


def _manoeuvre(row: dict[str, float | str]) -> Manoeuvre:
    dv = (float(row["dvx_m_s"]), float(row["dvy_m_s"]), float(row["dvz_m_s"]))
    return Manoeuvre(
        str(row["burn"]), float(row["epoch_tdb_s"]), float(row["duration_s"]), dv, float(row["propellant_kg"])
    )


def _in_order(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    return tuple(sorted(segments, key=lambda segment: float(segment.epoch_tdb_s[0])))


def _refined(epochs: Floats, states: Floats, centre: str, burns: Sequence[Manoeuvre]) -> list[tuple[Segment, bool]]:
    """Segments about the samples' own centre, and whether each holds powered flight."""
    impulses = sorted(burn.epoch_tdb_s for burn in burns if burn.duration_s == 0.0)
    powered = [(burn.epoch_tdb_s, burn.epoch_tdb_s + burn.duration_s) for burn in burns if burn.duration_s > 0.0]
    found: list[tuple[Segment, bool]] = []
    times: list[Floats] = [epochs[:1]]
    values: list[Floats] = [states[:1]]
    thrusting = False

    def close() -> None:
        nonlocal times, values, thrusting
        t, s = np.concatenate(times), np.concatenate(values)
        if t.size > 1:
            found.append((Segment(t, s[:, :3], s[:, 3:]), thrusting))
        times, values, thrusting = [], [], False

    for k in range(epochs.size - 1):
        a, b = float(epochs[k]), float(epochs[k + 1])
        if any(start < b - _MOMENT_S and end > a + _MOMENT_S for start, end in powered):
            thrusting = True
            times.append(epochs[k + 1 : k + 2])
            values.append(states[k + 1 : k + 2])
            continue
        inside = [t for t in impulses if a + _MOMENT_S < t < b - _MOMENT_S]
        if not inside:
            t, s = _coast(a, states[k], b, centre)
            times.append(t[1:-1])
            values.append(s[1:-1])
        else:  # up to the first impulse from one side, from the last one on from the other; between, nothing is known
            t, s = _coast(a, states[k], inside[0], centre)
            times.append(t[1:])
            values.append(s[1:])
            close()
            t, s = _coast(b, states[k + 1], inside[-1], centre)
            times.append(t[:-1])
            values.append(s[:-1])
        times.append(epochs[k + 1 : k + 2])
        values.append(states[k + 1 : k + 2])
    close()
    return found


def _coast(start: float, state: Floats, end: float, centre: str) -> tuple[Floats, Floats]:
    """Epochs (increasing) and states between two epochs, flown from one of them."""
    to_moon = de440.load().state(centre, start, "moon")[0] + state[:3]
    to_earth = de440.load().state(centre, start, "earth")[0] + state[:3]
    about = "moon" if np.linalg.norm(to_moon) < NEAR_MOON_M else "earth"
    if about == "earth" and np.linalg.norm(to_earth) > _FAR_M:
        about = "sun"
    r, v = dynamics.change_centre(start, state[:3], state[3:], centre, about)
    path = dynamics.propagate(start, r, v, end, centre=about, dense=True)
    if path.reason:
        raise ValueError(f"the samples cannot be flown on from {start:.0f} s: {path.reason}")
    epochs = path.step_epochs(_DIVIDE)
    states = path.at(epochs)
    r0, v0 = de440.load().state(about, epochs, centre)
    return epochs, states + np.hstack([r0, v0])
