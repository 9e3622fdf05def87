"""Halo families against published members."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.records.places import Halo
from moonvillage.trajectory import cr3bp, halo

#: 9:2 L2 southern NRHO in the restricted problem, with L = 384,400 km
#: (members as in E. M. Zimovan, K. C. Howell, D. C. Davis, "Near rectilinear halo orbits and their
#: application in cis-lunar space", IAA-AAS-DyCoSS3-125, 2017, refined to ten digits).
X0, Z0, VY0, PERIOD, JACOBI = 1.0218936926, -0.1820085390, -0.1029777471, 1.5094264, 3.0466277
PERILUNE_KM, APOLUNE_KM = 3228.0, 71_177.0


def _nine_two() -> halo.HaloOrbit:
    from scipy.optimize import brentq

    def miss(radius_m: float) -> float:
        member = halo.find_halo(Halo("n", 2, False, perilune_radius_m=radius_m))
        return float(member.period - PERIOD)

    radius = brentq(miss, 3.15e6, 3.30e6, xtol=1e-3)
    return halo.find_halo(Halo("n", 2, False, perilune_radius_m=radius))


def test_nine_two_nrho() -> None:
    """The member of the published period has the published state, energy and size."""
    orbit = _nine_two()
    assert orbit.state[0] == pytest.approx(X0, abs=2e-8)
    assert orbit.state[2] == pytest.approx(Z0, abs=2e-8)
    assert orbit.state[4] == pytest.approx(VY0, abs=4e-8)
    assert orbit.jacobi == pytest.approx(JACOBI, abs=5e-8)
    assert orbit.perilune_radius * cr3bp.LENGTH_M / 1e3 == pytest.approx(PERILUNE_KM, abs=1.0)
    assert orbit.apolune_radius * cr3bp.LENGTH_M / 1e3 == pytest.approx(APOLUNE_KM, abs=1.0)
    assert not orbit.northern


def test_members_close() -> None:
    """A revolution of a corrected member comes back to where it began."""
    orbit = halo.find_halo(Halo("n", 2, False, perilune_radius_m=3.228e6))
    end = cr3bp.propagate(orbit.state, orbit.period)
    print(f"closure of the NRHO: {np.max(np.abs(end - orbit.state)):.1e}")
    assert np.max(np.abs(end - orbit.state)) < 1e-10
    queqiao = halo.find_halo(Halo("q", 2, False, amplitude_z_m=13e6))
    half = cr3bp.propagate(queqiao.state, 0.5 * queqiao.period)
    assert np.max(np.abs(half[[1, 3, 5]])) < 1e-10


def test_queqiao() -> None:
    """Queqiao's halo of Az 13,000 km has a period of about 14 days (L. Zhang et al., 2019)."""
    orbit = halo.find_halo(Halo("q", 2, False, amplitude_z_m=13e6))
    assert orbit.amplitude_z * cr3bp.LENGTH_M == pytest.approx(13e6, abs=1.0)
    assert 14.0 < orbit.period * cr3bp.TIME_S / 86400.0 < 15.0


@pytest.mark.parametrize("point", [1, 2])
def test_family_is_continuous_and_periodic(point: int) -> None:
    members = halo.family(point)
    assert len(members) > 30
    radii = np.array([m.perilune_radius for m in members])
    assert np.all(np.diff(radii) < 0.0)
    assert len({m.northern for m in members}) == 1
    for member in members[::10]:
        half = cr3bp.propagate(member.state, 0.5 * member.period)
        assert np.max(np.abs(half[[1, 3, 5]])) < 1e-9


def test_classes_are_mirror_images() -> None:
    south = halo.find_halo(Halo("s", 2, False, amplitude_z_m=2e7))
    north = halo.find_halo(Halo("n", 2, True, amplitude_z_m=2e7))
    np.testing.assert_array_equal(south.state * [1, 1, -1, 1, 1, -1], north.state)
    assert north.northern
    assert not south.northern


def test_phase_turns_once() -> None:
    orbit = halo.find_halo(Halo("n", 2, False, perilune_radius_m=3.228e6))
    np.testing.assert_array_equal(halo.sample(orbit, 0.0), orbit.state)
    np.testing.assert_allclose(halo.sample(orbit, 1.25), halo.sample(orbit, 0.25), atol=1e-12)
    moon = np.array([1.0 - cr3bp.EARTH_MOON_MU, 0.0, 0.0])
    assert np.linalg.norm(halo.sample(orbit, 0.5)[:3] - moon) == pytest.approx(orbit.perilune_radius, abs=1e-9)


def test_what_is_not_in_the_family_is_said() -> None:
    with pytest.raises(ValueError, match="has perilune radii from"):
        halo.find_halo(Halo("x", 2, False, perilune_radius_m=9e8))
    with pytest.raises(ValueError, match="exactly one"):
        halo.find_halo(Halo("x", 2, False))
