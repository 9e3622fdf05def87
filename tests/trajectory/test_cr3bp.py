"""The restricted three-body problem: invariants, variations, and the way to and from inertial axes."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.trajectory import cr3bp

NRHO = np.array([1.0218936926, 0.0, -0.1820085390, 0.0, -0.1029777471, 0.0])


def test_collinear_points() -> None:
    """Published: L1 0.8369, L2 1.1557 (JPL three-body catalogue, Earth–Moon)."""
    assert cr3bp.collinear_point(1) == pytest.approx(0.83691513, abs=2e-6)
    assert cr3bp.collinear_point(2) == pytest.approx(1.15568217, abs=2e-6)
    for point in (1, 2):
        still = np.array([cr3bp.collinear_point(point), 0, 0, 0, 0, 0])
        assert np.max(np.abs(cr3bp.derivative(still))) < 1e-14
    with pytest.raises(ValueError, match="not L3"):
        cr3bp.collinear_point(3)


def test_jacobi_is_constant() -> None:
    track = cr3bp.propagate_grid(NRHO, np.linspace(0.0, 1.5, 40))
    drift = np.abs(cr3bp.jacobi(track) - cr3bp.jacobi(NRHO))
    assert np.max(drift) < 1e-13


def test_variations_agree_with_differences() -> None:
    end, stm = cr3bp.propagate_with_stm(NRHO, 0.5)
    np.testing.assert_allclose(end, cr3bp.propagate(NRHO, 0.5), atol=1e-13)
    assert np.linalg.det(stm) == pytest.approx(1.0, abs=1e-9)  # the flow keeps volume
    step = 1e-6
    for j in range(6):
        e = np.zeros(6)
        e[j] = step
        column = (cr3bp.propagate(NRHO + e, 0.5) - cr3bp.propagate(NRHO - e, 0.5)) / (2.0 * step)
        np.testing.assert_allclose(stm[:, j], column, rtol=1e-5, atol=1e-5)


def test_time_runs_backwards() -> None:
    there = cr3bp.propagate(NRHO, 0.7)
    np.testing.assert_allclose(cr3bp.propagate(there, -0.7), NRHO, atol=1e-11)


def test_inertial_and_back() -> None:
    moon_r, moon_v = np.array([3.7e8, 5e7, 1e8]), np.array([-100.0, 950.0, 300.0])
    r, v = cr3bp.to_moon_centred(NRHO, moon_r, moon_v)
    np.testing.assert_allclose(cr3bp.from_moon_centred(r, v, moon_r, moon_v), NRHO, atol=1e-12)
    # the velocity is the rate of the position along a Keplerian Moon: check with a small step
    # of a circular Moon, for which the frame's rate is constant
    radius = cr3bp.LENGTH_M
    rate = 1.0 / cr3bp.TIME_S

    def moon(t: float) -> tuple[np.ndarray, np.ndarray]:
        c, s = np.cos(rate * t), np.sin(rate * t)
        return radius * np.array([c, s, 0.0]), radius * rate * np.array([-s, c, 0.0])

    h = 10.0
    track = cr3bp.propagate_grid(NRHO, np.array([0.0, h / cr3bp.TIME_S, 2 * h / cr3bp.TIME_S]))
    positions = [cr3bp.to_moon_centred(track[k], *moon(k * h))[0] for k in range(3)]
    _, velocity = cr3bp.to_moon_centred(track[1], *moon(h))
    np.testing.assert_allclose(velocity, (positions[2] - positions[0]) / (2 * h), rtol=1e-6, atol=1e-3)
