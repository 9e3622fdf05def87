"""The integrators: variations, dense output, events, granule edges, power, and agreement between centres."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from moonvillage import dynamics
from moonvillage.dynamics import Thrust, gravity
from moonvillage.ephemeris import granules, load, orientation, utc_to_tdb_s
from moonvillage.ephemeris.constants import (
    EARTH_J2,
    EARTH_RADIUS_M,
    GM_EARTH_M3_S2,
    GM_M3_S2,
    GM_MOON_M3_S2,
)
from moonvillage.ephemeris.frames import earth_pole
from moonvillage.errors import EphemerisRangeError

EPOCH = utc_to_tdb_s("2030-01-02")
TRANSFER = np.array([6.678e6, 0.0, 0.0, 0.0, 9.45e3, 5.45e3])
LOW_LUNAR = np.array([1.8374e6, 0.0, 1e3, 0.0, 1100.0, 1200.0])
CRUISE = np.array([1.5e11, 0.0, 0.0, 0.0, 31e3, 10e3])


def _third_body(d: NDArray[np.float64], r: NDArray[np.float64], gm: float) -> NDArray[np.float64]:
    gap = d - r
    return np.asarray(gm * (gap / np.linalg.norm(gap) ** 3 - d / np.linalg.norm(d) ** 3))


def _earth_acceleration(epoch: float, r: NDArray[np.float64]) -> NDArray[np.float64]:
    """Written anew, with every planet as a point mass instead of its tide."""
    radius = np.linalg.norm(r)
    total = -GM_EARTH_M3_S2 * r / radius**3
    pole = earth_pole(EPOCH)
    z = float(r @ pole)
    factor = -1.5 * EARTH_J2 * GM_EARTH_M3_S2 * EARTH_RADIUS_M**2 / radius**5
    total = total + factor * ((1.0 - 5.0 * z * z / radius**2) * r + 2.0 * z * pole)
    for body in ("moon", "sun", "mercury", "venus", "mars", "jupiter", "saturn"):
        total = total + _third_body(load().position(body, epoch), r, GM_M3_S2[body])
    return np.asarray(total)


def _lunar_potential(r: NDArray[np.float64]) -> float:
    """Field of degree 8 at a PA position, from associated Legendre functions by their textbook recursion."""
    field = gravity.built_in()
    radius = float(np.linalg.norm(r))
    s, longitude = r[2] / radius, math.atan2(r[1], r[0])
    c = math.sqrt(1.0 - s * s)
    p = np.zeros((10, 10))
    p[0, 0] = 1.0
    for n in range(1, 9):
        p[n, n] = (2 * n - 1) * c * p[n - 1, n - 1]
        for m in range(n):
            p[n, m] = ((2 * n - 1) * s * p[n - 1, m] - ((n + m - 1) * p[n - 2, m] if n > 1 else 0.0)) / (n - m)
    total, k = 0.0, 0
    for n in range(9):
        for m in range(n + 1):
            norm = math.sqrt((2 if m else 1) * (2 * n + 1) * math.factorial(n - m) / math.factorial(n + m))
            cnm, snm = field.coefficients[k]
            angle = cnm * math.cos(m * longitude) + snm * math.sin(m * longitude)
            total += (field.radius_m / radius) ** n * norm * p[n, m] * angle
            k += 1
    return GM_MOON_M3_S2 / radius * total


def test_the_lunar_field_is_what_its_coefficients_say() -> None:
    """Acceleration over two short flights (Richardson) against the gradient of an independent potential."""
    worst = 0.0
    for latitude, longitude in ((0.1, 0.2), (-1.2, 2.0), (0.9, -2.6), (1.5, 0.0)):
        fixed = 1.80e6 * np.array(
            [math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude)]
        )
        matrix = orientation.moon_pa_matrix(EPOCH, "de421")
        r = matrix.T @ fixed
        slopes = []
        for h in (4.0, 8.0):
            ends = [dynamics.propagate(EPOCH, r, np.zeros(3), EPOCH + s * h, centre="moon").v_m_s for s in (1, -1)]
            slopes.append((ends[0] - ends[1]) / (2.0 * h))
        flown = (4.0 * slopes[0] - slopes[1]) / 3.0
        gradient = np.empty(3)
        for k in range(3):
            step = np.zeros(3)
            step[k] = 60.0
            gradient[k] = (
                8.0 * (_lunar_potential(fixed + step) - _lunar_potential(fixed - step))
                - (_lunar_potential(fixed + 2 * step) - _lunar_potential(fixed - 2 * step))
            ) / (12.0 * 60.0)
        expected = matrix.T @ gradient
        for body in ("earth", "sun", "venus", "jupiter"):
            expected = expected + _third_body(load().position(body, EPOCH, "moon"), r, GM_M3_S2[body])
        worst = max(worst, float(np.abs(flown - expected).max()))
    print(f"lunar acceleration: worst {worst:.1e} m/s² of 1.5")
    assert worst < 2e-9


def test_the_earth_model_agrees_with_an_independent_integration() -> None:
    """SciPy's DOP853 over equations written anew: four days from low orbit."""
    span = 4 * 86400.0
    result = solve_ivp(
        lambda t, y: np.concatenate([y[3:], _earth_acceleration(EPOCH + t, y[:3])]),
        (0.0, span),
        TRANSFER,
        method="DOP853",
        rtol=1e-11,
        atol=1e-4,
    )
    path = dynamics.propagate(EPOCH, TRANSFER[:3], TRANSFER[3:], EPOCH + span, centre="earth")
    miss = float(np.linalg.norm(result.y[:3, -1] - path.r_m))
    print(f"DOP853 − Taylor after 4 d: {miss:.2f} m")
    assert miss < 20.0


@pytest.mark.parametrize(
    ("centre", "start", "span", "bound"),
    [("earth", TRANSFER, 4 * 86400.0, 1e-5), ("moon", LOW_LUNAR, 7200.0, 6e-3), ("sun", CRUISE, 100 * 86400.0, 1e-5)],
)
def test_the_transition_matrix_is_the_derivative(
    centre: str, start: NDArray[np.float64], span: float, bound: float
) -> None:
    """About the Moon the variations carry degree 2 of the field only, hence the looser bound."""
    path = dynamics.propagate(EPOCH, start[:3], start[3:], EPOCH + span, centre=centre, stm=True)
    assert path.stm is not None
    found = np.empty((6, 6))
    for k in range(6):
        step = np.zeros(6)
        step[k] = 1.0 if k < 3 else 1e-3
        up, down = (
            dynamics.propagate(
                EPOCH, (start + s * step)[:3], (start + s * step)[3:], EPOCH + span, centre=centre
            ).state
            for s in (1.0, -1.0)
        )
        found[:, k] = (up - down) / (2.0 * step[k])
    scale = np.abs(found).max(axis=1, keepdims=True)
    assert (np.abs(found - path.stm) / scale).max() < bound
    assert np.linalg.norm(
        path.state - dynamics.propagate(EPOCH, start[:3], start[3:], EPOCH + span, centre=centre).state
    ) < 1e-2 * (1.0 if centre != "sun" else 100.0)


def test_there_and_back_and_in_pieces() -> None:
    end = EPOCH + 9.3 * 86400.0
    whole = dynamics.propagate(EPOCH, TRANSFER[:3], TRANSFER[3:], end, centre="earth")
    back = dynamics.propagate(end, whole.r_m, whole.v_m_s, EPOCH, centre="earth")
    assert np.linalg.norm(back.r_m - TRANSFER[:3]) < 1.0
    mid, half = granules.granule_span(granules.granule_index(EPOCH) + 1)
    edge = mid - half  # a stop on the very edge of a granule
    first = dynamics.propagate(EPOCH, TRANSFER[:3], TRANSFER[3:], edge, centre="earth")
    second = dynamics.propagate(edge, first.r_m, first.v_m_s, end, centre="earth")
    assert np.linalg.norm(second.r_m - whole.r_m) < 0.1
    again = dynamics.propagate(edge, first.r_m, first.v_m_s, EPOCH, centre="earth")
    assert np.linalg.norm(again.r_m - TRANSFER[:3]) < 1.0
    nothing = dynamics.propagate(edge, first.r_m, first.v_m_s, edge, centre="earth", stm=True)
    assert np.array_equal(nothing.r_m, first.r_m)
    assert nothing.stm is not None
    assert np.array_equal(nothing.stm, np.eye(6))


def test_dense_output_and_events() -> None:
    end = EPOCH + 6 * 86400.0
    start = np.array([6.678e6, 0.0, 0.0, 0.0, 8.6e3, 5.0e3])
    path = dynamics.propagate(EPOCH, start[:3], start[3:], end, centre="earth", dense=True)
    for when in np.linspace(EPOCH, end, 7)[1:-1]:
        direct = dynamics.propagate(EPOCH, start[:3], start[3:], float(when), centre="earth")
        assert np.linalg.norm(path.at(when)[:3] - direct.r_m) < 0.05
    apses = np.concatenate([path.periapses(), path.apoapses()])
    states = path.at(apses)
    assert apses.size >= 4
    assert (
        np.abs(np.einsum("ij,ij->i", states[:, :3], states[:, 3:]) / np.linalg.norm(states[:, :3], axis=1)).max()
        < 1e-3
    )
    rising = path.radius_crossings(20e6, +1)
    falling = path.radius_crossings(20e6, -1)
    both = path.radius_crossings(20e6)
    assert np.array_equal(np.sort(np.concatenate([rising, falling])), both)
    assert np.abs(np.linalg.norm(path.at(both)[:, :3], axis=1) - 20e6).max() < 0.1
    assert np.all(np.linalg.norm(path.at(rising + 1.0)[:, :3], axis=1) > 20e6)
    with pytest.raises(ValueError, match="outside"):
        path.at(end + 10.0)
    with pytest.raises(ValueError, match="dense"):
        dynamics.propagate(EPOCH, start[:3], start[3:], end, centre="earth").at(end)


def test_a_backward_path_is_dense_too() -> None:
    path = dynamics.propagate(EPOCH, TRANSFER[:3], TRANSFER[3:], EPOCH - 5 * 86400.0, centre="earth", dense=True)
    assert np.linalg.norm(path.at(EPOCH)[:3] - TRANSFER[:3]) < 1e-3
    assert np.linalg.norm(path.at(path.epoch_tdb_s)[:3] - path.r_m) < 1e-3
    assert np.all(np.diff(path.step_epochs()) > 0.0)


@pytest.mark.parametrize("span", [5 * 86400.0, -5 * 86400.0])
def test_dense_output_is_the_flight(span: float) -> None:
    """Against flights that end where it is asked, forward and backward, over granule edges."""
    path = dynamics.propagate(EPOCH, TRANSFER[:3], TRANSFER[3:], EPOCH + span, centre="earth", dense=True, stm=True)
    misses = []
    for share in (0.0, 0.001, 0.013, 0.1, 0.33, 0.5, 0.77, 0.9, 0.999, 1.0):
        end = EPOCH + share * span
        there = dynamics.propagate(EPOCH, TRANSFER[:3], TRANSFER[3:], end, centre="earth")
        misses.append(float(np.linalg.norm(path.at(end)[:3] - there.r_m)))
    q50, q99, most = np.quantile(misses, [0.5, 0.99, 1.0])
    print(f"dense output: q50 {q50:.1e} q99 {q99:.1e} max {most:.1e} m")
    assert most < 0.02
    epochs = np.linspace(EPOCH, EPOCH + span, 20_001)
    states = path.at(epochs)
    assert states.shape == (20_001, 6)
    assert np.array_equal(states[::5000], path.at(epochs[::5000]))


def test_both_centres_tell_the_same_story_at_the_rim() -> None:
    """A day at 60,000 km from the Moon: they differ by the Moon's field and the planets' linear tide, about 1 m."""
    start = np.array([6e7, 0.0, 0.0, 0.0, 200.0, 300.0])
    end = EPOCH + 86400.0
    near = dynamics.propagate(EPOCH, start[:3], start[3:], end, centre="moon")
    r, v = dynamics.change_centre(EPOCH, start[:3], start[3:], "moon", "earth")
    far = dynamics.propagate(EPOCH, r, v, end, centre="earth")
    back, _ = dynamics.change_centre(end, far.r_m, far.v_m_s, "earth", "moon")
    assert np.linalg.norm(back - near.r_m) < 5.0


def test_thrust_gives_what_the_rocket_equation_says() -> None:
    """Far from the Moon a steady push adds Δv = −c ln(1 − A t / c) along its direction."""
    thrust = Thrust(EPOCH, 3.0, 3000.0, np.array([0.0, 0.0, 2.0]), np.zeros(3))
    start = np.array([9e7, 0.0, 0.0, 0.0, 0.0, 0.0])
    pushed = dynamics.propagate(EPOCH, start[:3], start[3:], EPOCH + 400.0, centre="moon", thrust=thrust)
    free = dynamics.propagate(EPOCH, start[:3], start[3:], EPOCH + 400.0, centre="moon")
    gained = pushed.v_m_s - free.v_m_s
    expected = -3000.0 * math.log(1.0 - 3.0 * 400.0 / 3000.0)
    assert thrust.dv_m_s(400.0) == pytest.approx(expected, rel=1e-12)
    assert gained[2] == pytest.approx(expected, rel=1e-6)
    assert np.abs(gained[:2]).max() < 1e-2


def test_a_fall_into_the_centre_is_a_value_with_a_reason() -> None:
    path = dynamics.propagate(EPOCH, [7e6, 0.0, 0.0], [0.0, 0.0, 0.0], EPOCH + 86400.0, centre="sun")
    assert path.reason
    assert np.isnan(path.r_m).all()


def test_wrong_questions_are_errors() -> None:
    with pytest.raises(ValueError, match="centre"):
        dynamics.propagate(EPOCH, TRANSFER[:3], TRANSFER[3:], EPOCH + 1.0, centre="mars")
    with pytest.raises(EphemerisRangeError):
        dynamics.propagate(EPOCH, TRANSFER[:3], TRANSFER[3:], 1e12, centre="earth")


def test_threads_do_not_disturb_one_another() -> None:
    end = EPOCH + 3 * 86400.0
    expected = dynamics.propagate(EPOCH, TRANSFER[:3], TRANSFER[3:], end, centre="earth").state
    found: list[NDArray[np.float64]] = []

    def work() -> None:
        found.extend(
            dynamics.propagate(EPOCH, TRANSFER[:3], TRANSFER[3:], end, centre="earth").state for _ in range(5)
        )

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 15
    assert all(np.array_equal(state, expected) for state in found)


def test_another_lunar_field_can_be_flown() -> None:
    """Degree 0 is a point mass: its low orbit keeps its plane and energy to the Earth's tide; degree 8 does not."""
    end = EPOCH + 7200.0
    bare = dynamics.propagate(
        EPOCH, LOW_LUNAR[:3], LOW_LUNAR[3:], end, centre="moon", lunar_field=gravity.built_in().truncated(0)
    )
    alone = dynamics.propagate(
        EPOCH,
        LOW_LUNAR[:3],
        LOW_LUNAR[3:],
        end,
        centre="moon",
        lunar_field=gravity.built_in().truncated(0),
        gm_m3_s2=dict.fromkeys((*GM_M3_S2,), 0.0) | {"moon": GM_MOON_M3_S2},
    )
    full = dynamics.propagate(EPOCH, LOW_LUNAR[:3], LOW_LUNAR[3:], end, centre="moon")
    same = dynamics.propagate(
        EPOCH, LOW_LUNAR[:3], LOW_LUNAR[3:], end, centre="moon", lunar_field=gravity.built_in().truncated(8)
    )
    assert np.array_equal(same.state, full.state)
    momentum = np.cross(LOW_LUNAR[:3], LOW_LUNAR[3:])
    assert np.allclose(np.cross(alone.r_m, alone.v_m_s), momentum, rtol=1e-11, atol=1e-3)
    assert 50.0 < np.linalg.norm(bare.r_m - alone.r_m) < 700.0  # the tide, 2.6e-5 m/s² for 2 h: 680 m at most
    assert 500.0 < np.linalg.norm(bare.r_m - full.r_m) < 50e3  # the field
    with pytest.raises(ValueError, match="Moon"):
        dynamics.propagate(
            EPOCH, TRANSFER[:3], TRANSFER[3:], end, centre="earth", lunar_field=gravity.built_in().truncated(2)
        )
