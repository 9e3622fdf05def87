"""Two-body guesses against Kepler's problem solved otherwise, and plane families."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from moonvillage.ephemeris.constants import GM_EARTH_M3_S2, GM_MOON_M3_S2
from moonvillage.trajectory import conics, translunar
from moonvillage.trajectory.planes import ApsisEnd, EntryEnd, PlaneFamily, in_plane_angle, planes_through, rotate

QUIET = settings(max_examples=60, derandomize=True, deadline=None)
ANGLE = st.floats(-3.1, 3.1)


def _unit(a: float, b: float) -> np.ndarray:
    return np.array([math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a)])


@pytest.mark.parametrize("gamma", [0.0, 0.1134])
@pytest.mark.parametrize("days", [2.6, 3.5, 4.5, 5.2, 6.0])
def test_a_climb_arrives_when_it_says(gamma: float, days: float) -> None:
    start, end = 6.5e6, 3.9e8
    arc = conics.climb(start, gamma, end, np.array([days * 86400.0]))
    speed = float(arc.start_speed_m_s[0])
    result = solve_ivp(
        lambda _, y: np.concatenate([y[2:], -GM_EARTH_M3_S2 * y[:2] / np.hypot(y[0], y[1]) ** 3]),
        (0.0, days * 86400.0),
        [start, 0.0, speed * math.sin(gamma), speed * math.cos(gamma)],
        rtol=1e-11,
        atol=1e-3,
        method="DOP853",
    )
    x, y, vx, vy = result.y[:, -1]
    assert arc.valid.all()
    assert math.hypot(x, y) == pytest.approx(end, rel=1e-5)
    assert math.atan2(y, x) % (2 * math.pi) == pytest.approx(float(arc.angle_rad[0]), abs=2e-5)
    assert (x * vx + y * vy) / end == pytest.approx(float(arc.radial_m_s[0]), abs=0.05)


def test_no_ellipse_climbs_in_a_day() -> None:
    assert not conics.climb(6.5e6, 0.0, 3.9e8, np.array([86400.0])).valid.any()


@QUIET
@given(st.floats(1.75e6, 5e6), st.floats(300.0, 1500.0))
def test_a_hyperbola_reaches_the_rim(perilune: float, excess: float) -> None:
    heading, speed = conics.perilune_turn(perilune, excess, 6e7)
    out = conics.escape(np.array([perilune, 0.0, 0.0]), np.array([0.0, speed, 0.0]), 6e7)
    assert out is not None
    time, r, v = out
    assert np.linalg.norm(r) == pytest.approx(6e7)
    assert math.atan2(v[1], v[0]) == pytest.approx(heading, abs=1e-9)
    assert v @ v - 2.0 * GM_MOON_M3_S2 / 6e7 == pytest.approx(excess**2, rel=1e-6)
    result = solve_ivp(
        lambda _, y: np.concatenate([y[2:], -GM_MOON_M3_S2 * y[:2] / np.hypot(y[0], y[1]) ** 3]),
        (0.0, time),
        [perilune, 0.0, 0.0, speed],
        rtol=1e-10,
        atol=1e-3,
    )
    assert np.linalg.norm(result.y[:2, -1] - r[:2]) < 2e3


@QUIET
@given(ANGLE, ANGLE, st.floats(-1.4, 1.4), ANGLE, st.floats(200.0, 1500.0))
def test_the_best_burn_leaves_for_its_asymptote(a: float, b: float, c: float, d: float, excess: float) -> None:
    normal, asymptote = _unit(a / 2.3, b), _unit(c, d)
    burn = conics.best_burn(normal, 1.84e6, excess * asymptote, 1.75e6)
    assert burn is not None
    assert abs(burn[:3] @ normal) < 1e-6 * 1.84e6
    out = conics.escape(burn[:3], burn[3:], 1e12)
    assert out is not None
    assert np.linalg.norm(out[2] - excess * asymptote) < 0.02 * excess
    # and it is what the scan's formula expects, both being grids over the orbit's points
    offset = abs(math.asin(float(np.clip(normal @ asymptote, -1.0, 1.0))))
    along = math.sqrt(GM_MOON_M3_S2 / 1.84e6) * np.cross(normal, burn[:3]) / 1.84e6
    expected = float(translunar.apsis_dv(1.84e6, np.array(excess), np.array(offset)))
    assert np.linalg.norm(burn[3:] - along) == pytest.approx(expected, rel=0.05)


@QUIET
@given(ANGLE, ANGLE, st.floats(0.0, math.pi), st.floats(-1.5, 1.5), ANGLE)
def test_planes_hold_what_they_are_asked_to(a: float, b: float, angle: float, c: float, d: float) -> None:
    family = PlaneFamily.about(_unit(a / 2.1, b), angle)
    direction = _unit(c, d)
    psis, margin = family.containing(direction)
    for psi in psis:
        normal = family.normal(psi)
        assert normal @ normal == pytest.approx(1.0)
        assert normal @ family.axis == pytest.approx(math.cos(angle), abs=1e-12)
        if margin > 1e-6:
            assert abs(normal @ direction) < 1e-7
        elif margin < 0.0:
            assert abs(math.asin(float(np.clip(normal @ direction, -1, 1)))) == pytest.approx(-margin, abs=1e-6)
    normals, margins = planes_through(family, direction[None])
    assert float(margins[0]) == pytest.approx(margin, abs=1e-12)
    assert np.abs(np.sum(normals[:, 0] * direction, axis=-1)).max() < 1e-9


@QUIET
@given(ANGLE, ANGLE, ANGLE, st.floats(-0.6, 0.6), st.floats(-0.6, 0.6))
def test_an_apsis_end_and_its_parameters_are_inverse(
    a: float, b: float, omega: float, beta: float, gamma: float
) -> None:
    end = ApsisEnd(PlaneFamily.about(_unit(a / 2.3, b), 1.2), 1.8e6)
    state = end.state(np.array([0.7, omega, 2300.0, beta, gamma]))
    assert np.linalg.norm(state[:3]) == pytest.approx(1.8e6)
    assert np.linalg.norm(state[3:]) == pytest.approx(2300.0)
    back = end.parameters(0.7, state)
    assert np.allclose(back, [0.7, omega, 2300.0, beta, gamma], atol=1e-9)
    assert in_plane_angle(end.family, 0.7, state[:3] / 1.8e6) == pytest.approx(omega, abs=1e-9)


@QUIET
@given(st.floats(-1.4, 1.4), ANGLE, ANGLE)
def test_entry_states_obey_their_path_angle(dec: float, ra: float, heading: float) -> None:
    entry = EntryEnd(6.5e6, -0.1134)
    state = entry.state(np.array([dec, ra, heading, 11000.0]))
    assert state[:3] @ state[3:] / (6.5e6 * 11000.0) == pytest.approx(math.sin(-0.1134))
    assert np.allclose(entry.state(entry.parameters(state[:3], state[3:])), state, rtol=1e-9, atol=1e-3)


def test_rotation_turns_the_right_way() -> None:
    assert np.allclose(rotate(np.array([1.0, 0, 0]), np.array([0, 0, 1.0]), math.pi / 2), [0, 1, 0], atol=1e-15)
