"""Families of periodic orbits: bifurcations, the whole of each family, members by their figures."""

from __future__ import annotations

import time

import numpy as np
import pytest

from moonvillage.trajectory import cr3bp, dro, halo, orbit_families, periodic
from moonvillage.trajectory.periodic import PeriodicOrbit

#: Where the halos leave the Lyapunov families, Jacobi constant and period: found once, held here; the test of their
#: truth is the monodromy matrix below.
BIFURCATION = {1: (3.17435, 2.74299), 2: (3.15212, 3.41553)}


def _closure(orbit: PeriodicOrbit) -> float:
    """Both halves flown from the ends, compared where they meet."""
    there = cr3bp.propagate(orbit.state, 0.5 * orbit.period)
    back = cr3bp.propagate(orbit.state, -0.5 * orbit.period)
    return float(np.max(np.abs(there - back)))


@pytest.mark.parametrize("point", [1, 2])
def test_the_halos_leave_where_the_index_passes_one(point: int) -> None:
    found = halo.bifurcation(point)
    energy, period = BIFURCATION[point]
    start = periodic.unpack(found.half.free)
    print(f"L{point}: Jacobi {cr3bp.jacobi(start):.7f}, period {2.0 * found.half.free[3]:.7f}")
    assert abs(found.vertical_index - 1.0) < 1e-11
    assert abs(found.slope) < 1e-11
    assert float(cr3bp.jacobi(start)) == pytest.approx(energy, abs=1e-5)
    assert 2.0 * found.half.free[3] == pytest.approx(period, abs=1e-5)
    _, matrix = cr3bp.propagate_with_stm(start, 2.0 * float(found.half.free[3]))
    out_of_plane = matrix[np.ix_([2, 5], [2, 5])]  # a displacement along z comes back as it was: a new family leaves
    np.testing.assert_allclose(out_of_plane @ [1.0, 0.0], [1.0, 0.0], atol=1e-6)
    # the other off-diagonal element is far from zero: the branch is one of halos, not of axial orbits
    assert abs(found.half.stm[2, 5]) > 0.01
    first = halo.family(point)[0]
    assert first.amplitude_z < 0.003
    assert first.period == pytest.approx(2.0 * found.half.free[3], abs=1e-4)


def test_the_southern_family_of_l2_in_seconds() -> None:
    """From the libration point by the Lyapunov orbits and the bifurcation to the Moon's surface: under 10 s."""
    cr3bp.propagate_with_stm(np.array([1.1, 0.0, 0.0, 0.0, 0.1, 0.0]), 0.1)  # compiled
    for kept in (halo.lyapunov_halves, halo.bifurcation, halo.halves, halo.family, orbit_families.family):
        kept.cache_clear()
    start = time.process_time()
    members = orbit_families.family("l2-halo-south")
    spent = time.process_time() - start
    worst = max(_closure(member) for member in members)
    radii = [member.perilune_radius * cr3bp.LENGTH_M / 1e3 for member in members]
    print(f"{len(members)} members in {spent:.2f} s; perilune {radii[0]:.0f} to {radii[-1]:.0f} km; gap {worst:.1e}")
    assert spent < 10.0
    assert worst < 1e-9
    assert radii[0] > 50_000.0
    assert radii[-1] < 1737.5
    assert not any(member.northern for member in members)
    periods = np.array([member.period for member in members])
    assert periods[0] > 3.41
    assert periods[-1] < 1.37


def test_nine_two_by_any_name() -> None:
    """Published: T = 1.5094264, Jacobi 3.0466277, stability index 1.32 (E. M. Zimovan et al., 2017)."""
    (by_period,) = orbit_families.members("l2-halo-south", "period_s", 1.5094264 * cr3bp.TIME_S)
    assert round(by_period.jacobi, 7) == 3.0466277
    assert _closure(by_period) < 1e-10
    assert by_period.stability[0].real == pytest.approx(-1.32, abs=0.005)
    *_, by_energy = orbit_families.members("l2-halo-south", "jacobi", 3.0466277)
    assert by_energy.period == pytest.approx(1.5094264, abs=5e-7)
    (resonant,) = orbit_families.resonant("l2-halo-south", 9, 2)
    assert resonant.period * cr3bp.TIME_S * 4.5 == pytest.approx(orbit_families.SYNODIC_MONTH_S, rel=1e-12)
    assert resonant.perilune_radius * cr3bp.LENGTH_M == pytest.approx(3.23e6, abs=1e4)


def test_an_amplitude_may_name_two() -> None:
    pair = orbit_families.members("l2-halo-north", "amplitude_z_m", 75e6)
    assert len(pair) == 2
    assert pair[0].period > pair[1].period
    for member in pair:
        assert member.northern
        assert member.amplitude_z * cr3bp.LENGTH_M == pytest.approx(75e6, abs=1.0)
    assert orbit_families.members("l2-halo-north", "amplitude_z_m", 9e8) == ()


@pytest.mark.parametrize("name", ["l1-halo-south", "l2-lyapunov", "dro"])
def test_stability_is_that_of_the_monodromy_matrix(name: str) -> None:
    """The indices of the half revolution against the eigenvalues of a whole one."""
    for member in orbit_families.family(name)[5::25]:
        _, matrix = cr3bp.propagate_with_stm(member.state, member.period)
        values = np.linalg.eigvals(matrix)
        indices = 0.5 * (values + 1.0 / values)
        for index in member.stability:
            assert np.min(np.abs(indices - index)) < 1e-4 * max(1.0, abs(index))


def test_extremes_and_unknown_names() -> None:
    member = orbit_families.family("l2-lyapunov")[40]
    track = cr3bp.propagate_grid(member.state, np.linspace(0.0, member.period, 2001))
    assert member.amplitude_y == pytest.approx(np.max(np.abs(track[:, 1])), rel=1e-3)
    with pytest.raises(ValueError, match="there is no family"):
        orbit_families.family("l4")
    with pytest.raises(ValueError, match="are not named by"):
        orbit_families.members("dro", "colour", 1.0)
    with pytest.raises(ValueError, match="positive"):
        orbit_families.resonant("dro", 0, 1)
    with pytest.raises(ValueError, match="not L3"):
        halo.family(3)


def test_two_bands_of_stable_halos() -> None:
    """J. V. Breakwell & J. V. Brown (1979): about L2 some halfway to the Moon, and again just above its surface."""
    members = orbit_families.family("l2-halo-north")
    stable = [all(abs(index) < 1.0 for index in member.stability) for member in members]
    radii = [m.perilune_radius * cr3bp.LENGTH_M / 1e3 for m, good in zip(members, stable, strict=True) if good]
    wide, low = [r for r in radii if r > 5e3], [r for r in radii if r < 5e3]
    print(f"stable: {max(wide):.0f} to {min(wide):.0f} km, and below {max(low):.0f} km")
    assert min(wide) > 12e3
    assert max(wide) < 18e3
    assert max(low) < 2e3


def test_bifurcations_have_an_index_of_one() -> None:
    found = orbit_families.bifurcations("l2-halo-south")
    assert {item.kind for item in found} == {"tangent", "period doubling"}
    for item in found:
        at = 1.0 if item.kind == "tangent" else -1.0
        assert min(abs(index - at) for index in item.orbit.stability) < 1e-6
    assert dro.family()
