"""Station-keeping: published cost, dependence on the errors, determinism, and the law itself."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.records.places import Dro, Halo
from moonvillage.trajectory import nrho, stationkeeping
from moonvillage.trajectory.stationkeeping import QUIET, KeepingErrors, station_keeping

NRHO = Halo("gateway", 2, False, perilune_radius_m=3.228e6)


def test_nrho_for_a_year_costs_less_than_published() -> None:
    """At most 5 m/s a year (NASA's budget for the Gateway's orbit); with good tracking a tenth of that."""
    restless = station_keeping(NRHO, 9.5e8, 1.0, samples=16)
    quiet = station_keeping(NRHO, 9.5e8, 0.5, samples=16, errors=QUIET)
    for name, kept in (("10 km, 10 cm/s", restless), ("1 km, 1 cm/s", quiet)):
        mean, median, q99, most = kept.quantiles()
        print(
            f"NRHO, {name}: mean {mean:.2f}, q50 {median:.2f}, q99 {q99:.2f}, max {most:.2f} m/s a year, "
            f"{kept.burns_per_year:.0f} burns; from the reference q99 {kept.deviation_m[1] / 1e3:.0f} km"
        )
        assert kept.lost == 0
    assert restless.years == pytest.approx(1.0, abs=0.02)
    assert 1.0 < restless.quantiles()[1] < 5.0
    assert restless.quantiles()[3] < 6.0
    assert 0.05 < quiet.quantiles()[1] < 0.2 * restless.quantiles()[1]
    assert 54 < restless.burns_per_year < 58


def test_unstable_orbits_cost_more() -> None:
    halo = station_keeping(Halo("q", 2, False, amplitude_z_m=13e6), 9.5e8, 0.5, samples=16)
    retrograde = station_keeping(Dro("dro", 70e6), 9.5e8, 0.5, samples=16)
    print(f"halo {halo.quantiles()[1]:.1f}, retrograde {retrograde.quantiles()[1]:.2f} m/s a year")
    assert halo.lost == retrograde.lost == 0
    assert halo.quantiles()[1] > 5.0 * retrograde.quantiles()[1]
    assert halo.burns_per_year > 3.0 * retrograde.burns_per_year


def test_without_errors_it_costs_nothing() -> None:
    perfect = KeepingErrors(0.0, 0.0, 0.0, 0.0, 0.0)
    kept = station_keeping(NRHO, 9.5e8, 0.25, samples=2, errors=perfect)
    assert kept.quantiles()[3] < 1e-3
    assert kept.deviation_m[2] < 10.0


def test_equal_seeds_equal_figures_and_small_burns_left_out() -> None:
    one = station_keeping(NRHO, 9.5e8, 0.2, samples=8, seed=7)
    two = station_keeping(NRHO, 9.5e8, 0.2, samples=8, seed=7)
    other = station_keeping(NRHO, 9.5e8, 0.2, samples=8, seed=8)
    np.testing.assert_array_equal(one.cost_m_s_per_year, two.cost_m_s_per_year)
    assert not np.array_equal(one.cost_m_s_per_year, other.cost_m_s_per_year)
    lazy = station_keeping(NRHO, 9.5e8, 0.2, samples=8, seed=7, errors=KeepingErrors(smallest_burn_m_s=0.03))
    assert lazy.burns_per_year < one.burns_per_year


def test_the_law_is_stable_and_the_regulators() -> None:
    """A double integrator with a burn a step: the gain of a long recursion solves the algebraic Riccati equation."""
    from scipy.linalg import solve_discrete_are

    step = 1e5
    drift = np.eye(6)
    drift[:3, 3:] = step * np.eye(3)
    gain = stationkeeping._gains(np.tile(drift, (400, 1, 1)), 1)[0]
    inputs = np.vstack([np.zeros((3, 3)), np.eye(3)])
    weight = np.diag([stationkeeping._WEIGHT_1_S**2] * 3 + [0.0] * 3)
    # the burn comes before the drift: x' = A (x + B u); the weight of a state is counted where it is reached
    cost = solve_discrete_are(drift, drift @ inputs, weight, np.eye(3))
    after = drift.T @ cost @ drift
    expected = np.linalg.solve(np.eye(3) + after[3:, 3:], after[3:])
    np.testing.assert_allclose(gain, expected, rtol=1e-4, atol=1e-12)
    closed = drift @ (np.eye(6) - inputs @ gain)
    assert np.max(np.abs(np.linalg.eigvals(closed))) < 1.0


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="years > 0"):
        station_keeping(NRHO, 9.5e8, 0.0)
    with pytest.raises(ValueError, match="1, 2 or 4"):
        station_keeping(NRHO, 9.5e8, 1.0, burns_per_revolution=3)


def test_a_craft_that_is_only_late_is_not_off() -> None:
    """Ahead by half an hour along the reference: the deviation is the lead times the rate, to second order."""
    window = nrho.reference(NRHO, 9.5e8)
    epoch = float(window.epochs_tdb_s[100])
    lead = 1800.0
    away = stationkeeping._away(window, epoch, window.states(np.array([epoch + lead])))
    np.testing.assert_allclose(away[0], lead * window.rate(epoch), rtol=1e-6, atol=1e-6)
