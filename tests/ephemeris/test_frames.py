"""Frames: rotations are rotations, rates are derivatives, and the Moon faces the Earth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage.ephemeris import frames, load, orientation, rotating, utc_to_tdb_s

EPOCH = st.floats(utc_to_tdb_s("1970-01-01"), utc_to_tdb_s("2060-01-01"))
QUIET = settings(max_examples=60, derandomize=True, deadline=None)


@QUIET
@given(EPOCH)
def test_matrices_are_rotations(epoch: float) -> None:
    for matrix in (
        orientation.moon_me_matrix(epoch),
        orientation.moon_pa_matrix(epoch),
        orientation.pa_from_me("de421"),
        frames.earth_itrf_matrix(epoch),
    ):
        assert np.abs(matrix @ matrix.T - np.eye(3)).max() < 1e-14 * 10
        assert np.linalg.det(matrix) == pytest.approx(1.0, abs=1e-12)


@QUIET
@given(EPOCH)
def test_the_moons_angular_velocity_is_the_derivative_of_its_orientation(epoch: float) -> None:
    step = 50.0
    slope = (orientation.moon_me_matrix(epoch + step) - orientation.moon_me_matrix(epoch - step)) / (2.0 * step)
    spin = slope.T @ orientation.moon_me_matrix(epoch)  # = [ω]×
    found = np.array([spin[2, 1], spin[0, 2], spin[1, 0]])
    assert np.abs(found - orientation.moon_angular_velocity(epoch)).max() < 1e-11


@QUIET
@given(EPOCH)
def test_the_moon_faces_the_earth_within_its_librations(epoch: float) -> None:
    latitude, longitude, _ = frames.moon_latitude_longitude(epoch, -load().position("moon", epoch))
    assert abs(math.degrees(float(latitude))) < 6.95  # greatest geocentric librations
    assert abs(math.degrees(float(longitude))) < 8.2


def test_a_published_libration() -> None:
    """Meeus 1998, "Astronomical Algorithms", example 53.a: 1992 April 12.0 TD, l = −1.23°, b = +4.20°."""
    epoch = (2448724.5 - 2451545.0) * 86400.0
    latitude, longitude, _ = frames.moon_latitude_longitude(epoch, -load().position("moon", epoch))
    assert math.degrees(float(longitude)) == pytest.approx(-1.23, abs=0.03)
    assert math.degrees(float(latitude)) == pytest.approx(4.20, abs=0.03)


def test_principal_and_mean_earth_axes_differ_by_the_published_angles() -> None:
    turn = orientation.pa_from_me("de440")
    angle = math.acos((np.trace(turn) - 1.0) / 2.0)
    assert math.degrees(angle) * 3600.0 == pytest.approx(math.hypot(67.8526, 78.6944, 0.2785), rel=1e-3)
    assert angle * 1737.4e3 == pytest.approx(875.0, abs=5.0)  # metres at the surface
    # PA's x axis lies east of and above ME's: 67.9″ in longitude, 78.7″ in latitude
    x_pa = turn.T @ np.array([1.0, 0.0, 0.0])
    assert abs(math.degrees(math.atan2(x_pa[1], x_pa[0])) * 3600.0) == pytest.approx(67.85, abs=0.1)


@QUIET
@given(EPOCH, st.floats(-1.5, 1.5), st.floats(-3.1, 3.1), st.floats(-3000.0, 3000.0))
def test_sites_come_back_and_move_with_the_moon(epoch: float, lat: float, lon: float, height: float) -> None:
    r, v = frames.moon_site_state(epoch, lat, lon, height)
    back = frames.moon_latitude_longitude(epoch, r)
    assert np.allclose([float(x) for x in back[:2]], [lat, lon], atol=1e-9)
    assert float(back[2]) == pytest.approx(height, abs=1e-5)
    ahead, behind = (frames.moon_site_state(epoch + s, lat, lon, height)[0] for s in (20.0, -20.0))
    assert np.abs((ahead - behind) / 40.0 - v).max() < 1e-5


@QUIET
@given(st.lists(st.floats(-1.0, 1.0), min_size=6, max_size=6))
def test_orbit_frames_are_right_handed(values: list[float]) -> None:
    r = np.array(values[:3]) + np.array([2.0, 0.0, 0.0])
    v = np.array(values[3:]) + np.array([0.0, 2.0, 0.0])
    for matrix in (frames.rsw_matrix(r, v), frames.vnc_matrix(r, v)):
        assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(matrix) == pytest.approx(1.0)
    assert frames.rsw_matrix(r, v)[0] @ r > 0.0
    assert frames.vnc_matrix(r, v)[0] @ v > 0.0


def test_the_rotating_frame_holds_earth_and_moon_still() -> None:
    epochs = utc_to_tdb_s("2030-01-01") + np.arange(30) * 86400.0
    moon = rotating.earth_moon_rotating(epochs, load().position("moon", epochs))
    earth = rotating.earth_moon_rotating(epochs, np.zeros((30, 3)))
    assert np.allclose(moon - earth, [1.0, 0.0, 0.0], atol=1e-12)
    assert np.allclose(earth[:, 0], -0.01215058, atol=1e-7)
    seen = rotating.earth_moon_rotating(epochs, np.zeros((30, 3)), centre="moon", origin="earth")
    assert np.allclose(seen, [1.0, 0.0, 0.0], atol=1e-12)


def test_greenwich_turns_with_sidereal_time() -> None:
    """GMST at 2000-01-01T12:00 UT1 is 280.4606° (IAU 1982); nutation and UT1 − UTC (0.36 s) stay within 0.01°."""
    epoch = utc_to_tdb_s("2000-01-01T12:00:00Z")
    x = frames.earth_itrf_matrix(epoch)[0]
    assert math.degrees(math.atan2(x[1], x[0])) % 360.0 == pytest.approx(280.4606, abs=0.01)


def test_geodetic_coordinates_of_known_points() -> None:
    epoch = utc_to_tdb_s("2030-01-01")
    matrix = frames.earth_itrf_matrix(epoch)
    latitude, longitude, height = frames.earth_latitude_longitude(epoch, matrix.T @ np.array([0.0, 6378137.0, 0.0]))
    assert (float(latitude), float(longitude), float(height)) == pytest.approx((0.0, math.pi / 2, 0.0), abs=1e-6)
    pole = frames.earth_latitude_longitude(epoch, matrix.T @ np.array([0.0, 0.0, 6356752.3142]))
    assert float(pole[2]) == pytest.approx(0.0, abs=1e-3)


def test_many_epochs_are_interpolated_and_agree_with_single_ones() -> None:
    epochs = utc_to_tdb_s("2026-03-01") + np.linspace(0.0, 40.0 * 86400.0, 301)
    gaps = [
        np.abs(function(epochs) - np.array([function(t) for t in epochs])).max() * 6378137.0
        for function in (frames.earth_itrf_matrix, frames.earth_pole)
    ]
    print(f"interpolated precession-nutation: max {max(gaps):.1e} m at the surface")
    assert max(gaps) < 5e-4
