"""Sensitivities of a leg, against flying it again with a small change."""

from __future__ import annotations

import math

import numpy as np

from moonvillage import dynamics
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.records.places import Arc, EarthOrbit, Halo, MoonOrbit
from moonvillage.trajectory import solve
from moonvillage.trajectory.covariance import follow
from moonvillage.trajectory.sensitivity import sensitivities

START = utc_to_tdb_s("2031-03-05")
LEO = EarthOrbit("leo", 200e3, 0.5)


def _end(arc: Arc, start_change: np.ndarray, burn_change: np.ndarray) -> np.ndarray:
    leg = solve(arc, START, samples=60)
    course = follow(arc, leg, ())
    state = course.states[0] + start_change
    for k, centre in enumerate(course.centre):
        now, to = float(course.epoch_tdb_s[k]), float(course.epoch_tdb_s[k + 1])
        if k:
            r, v = dynamics.change_centre(now, state[:3], state[3:], course.centre[k - 1], centre)
            burn = course.burn_m_s[k] + (burn_change if np.any(course.burn_m_s[k]) else 0.0)
            state = np.concatenate([r, v + burn])
        state = dynamics.propagate(now, state[:3], state[3:], to, centre=centre).state
    return np.asarray(state)


def test_to_the_nrho_by_its_flyby() -> None:
    """Start and flyby burn: central differences agree to a percent of each column's size."""
    arc = Arc("out", LEO, Halo("nrho", 2, False, perilune_radius_m=3.228e6))
    found = sensitivities(arc, solve(arc, START, samples=60))
    assert found.reason == ""
    assert len(found.burns) >= 1
    zero3, zero6 = np.zeros(3), np.zeros(6)
    step = np.zeros(6)
    step[4] = 1e-5
    column = (_end(arc, step, zero3) - _end(arc, -step, zero3)) / 2e-5
    assert np.linalg.norm(column[:3] - found.start[:3, 4]) < 0.02 * np.linalg.norm(column[:3])
    push = np.array([0.0, 0.0, 1e-4])
    column = (_end(arc, zero6, push) - _end(arc, zero6, -push)) / 2e-4
    assert np.linalg.norm(column[:3] - found.burns[0][1][:3, 2]) < 0.02 * np.linalg.norm(column[:3])


def test_without_samples_there_is_a_reason() -> None:
    arc = Arc("out", LEO, MoonOrbit("llo", 100e3, math.pi / 2))
    leg = solve(arc, START)
    assert "samples" in sensitivities(arc, leg).reason
    assert leg.propellant_kg(1000.0, 320.0) == 1000.0 * (1.0 - math.exp(-leg.dv_m_s / (320.0 * 9.80665)))
