"""Halo orbits in the ephemeris, and the legs to and from them."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage import dynamics
from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, Dro, EarthGround, EarthOrbit, Halo, MoonOrbit, MoonSurface, Place
from moonvillage.trajectory import nrho, solve

NRHO = Halo("gateway", 2, False, perilune_radius_m=3.228e6)
QUEQIAO = Halo("queqiao", 2, False, amplitude_z_m=13e6)
L1 = Halo("l1", 1, False, amplitude_z_m=20e6)
LEO = EarthOrbit("leo", 185e3, np.deg2rad(28.5))
LLO = MoonOrbit("llo", 100e3, np.deg2rad(90.0))
DATES = (8.31e8, 11.03e8, 13.9e8)  # 2026, 2034, 2044


@pytest.mark.parametrize(("place", "low_km", "high_km"), [(NRHO, 2000, 75_000), (QUEQIAO, 40_000, 85_000)])
def test_reference_is_one_trajectory(place: Halo, low_km: float, high_km: float) -> None:
    """Two revolutions flown in one go stay on the reference, and near the size of the periodic orbit."""
    period = nrho.period_s(place)
    stretch = nrho.reference(place, 9.0e8)
    assert stretch.reason == ""
    assert stretch.gap_m < 0.1
    assert stretch.gap_m_s < 1e-3
    assert stretch.start_tdb_s < 9.0e8 - period
    assert stretch.end_tdb_s > 9.0e8 + period
    epochs = np.linspace(stretch.start_tdb_s, stretch.end_tdb_s, 300)
    radii = np.array([np.linalg.norm(stretch.state(t)[:3]) for t in epochs]) / 1e3
    assert low_km < radii.min()
    assert radii.max() < high_km
    start = stretch.state(9.0e8)
    end = dynamics.propagate(9.0e8, start[:3], start[3:], 9.0e8 + 0.5 * period, centre="moon")
    assert np.linalg.norm(end.r_m - stretch.state(9.0e8 + 0.5 * period)[:3]) < 1000.0


@pytest.mark.parametrize(
    ("place", "revolutions"),
    [(NRHO, 3), (NRHO, 56), (QUEQIAO, 25), (L1, 30), (Dro("dro", 70e6), 26)],
    ids=["nrho-3-revolutions", "nrho-year", "l2-halo-year", "l1-halo-year", "dro-year"],
)
def test_continuous_for_a_year(place: Halo | Dro, revolutions: int) -> None:
    """Three revolutions, and a year: every arc flown anew ends where the next begins, to 1 m and 1 mm/s."""
    followed = nrho.follow(place, 9.5e8, revolutions)
    assert followed.reason == ""
    epochs, nodes = followed.epochs_tdb_s, followed.nodes
    gaps = []
    for k in range(epochs.size - 1):
        end = dynamics.propagate(epochs[k], nodes[k, :3], nodes[k, 3:], epochs[k + 1], centre="moon")
        gaps.append(end.state - nodes[k + 1])
    widest_m = float(np.max(np.linalg.norm(np.array(gaps)[:, :3], axis=1)))
    widest_m_s = float(np.max(np.linalg.norm(np.array(gaps)[:, 3:], axis=1)))
    days = (epochs[-1] - epochs[0]) / 86400.0
    print(
        f"{place.id}: {days:.0f} d in {epochs.size - 1} arcs, worst gap {widest_m:.4f} m, {widest_m_s * 1e3:.6f} mm/s"
    )
    assert widest_m < 1.0
    assert widest_m_s < 1e-3
    assert days > (revolutions - 0.1) * nrho.period_s(place) / 86400.0


def test_windows_do_not_depend_on_what_was_asked_before() -> None:
    """The same date, after other dates and from the disk: the same bytes; neighbours differ at their seam only."""
    first = nrho.reference(NRHO, 9.0e8)
    nrho._window.cache_clear()
    nrho.reference(NRHO, first.end_tdb_s + 1.0)
    again = nrho.reference(NRHO, 9.0e8)
    np.testing.assert_array_equal(first.nodes, again.nodes)
    epochs = np.array([9.0e8, 9.001e8])
    np.testing.assert_array_equal(first.states(epochs)[1], first.state(9.001e8))


def test_phase_and_rate() -> None:
    stretch = nrho.reference(NRHO, 9.0e8)
    period = nrho.period_s(NRHO)
    assert 6.55 < period / 86400.0 < 6.57  # 9 revolutions in 2 synodic months are 6.562 d each
    assert stretch.phase(10.0 * period) == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(stretch.rate(9.0e8)[:3], stretch.state(9.0e8)[3:], rtol=1e-6, atol=1e-3)
    with pytest.raises(ValueError, match="outside the reference"):
        stretch.state(stretch.end_tdb_s + 1.0)


def _check(
    origin: Place,
    destination: Place,
    burns: list[str],
    after: tuple[float, float],
    days: float,
    dates: tuple[float, ...] = DATES,
) -> list[Leg]:
    """Legs on all dates: named burns, Δv (without TLI) in the published range, closure, shift of departure."""
    legs = []
    for date in dates:
        leg = solve(Arc("leg", origin, destination), date)
        assert leg.converged, leg.reason
        assert [burn.name for burn in leg.burns] == burns
        spent = sum(burn.dv_m_s for burn in leg.burns if burn.name != "tli")
        assert after[0] < spent < after[1], leg
        assert leg.closure_position_m < 100.0
        assert leg.closure_velocity_m_s < 0.1
        assert leg.duration_s < days * 86400.0
        halo = origin if isinstance(origin, Halo) else destination
        assert isinstance(halo, Halo)
        assert abs(leg.departure_tdb_s - date) < 0.55 * nrho.period_s(halo)
        assert leg.arrival_tdb_s > leg.departure_tdb_s
        legs.append(leg)
    worst = max(leg.closure_position_m for leg in legs)
    print(f"{burns}: {min(x.dv_m_s for x in legs):.0f} to {max(x.dv_m_s for x in legs):.0f} m/s, miss {worst:.3f} m")
    return legs


def test_earth_to_nrho() -> None:
    """0.42 to 0.45 km/s after TLI (NASA, Artemis III trajectories); TLI 3.13 to 3.16 km/s."""
    for leg in _check(LEO, NRHO, ["tli", "flyby", "insertion"], (380.0, 470.0), 8.0):
        assert 3120.0 < leg.burns[0].dv_m_s < 3170.0
        assert leg.c3_m2_s2 is not None
        assert -2.2e6 < leg.c3_m2_s2 < -1.5e6
        assert leg.final_centre == "moon"
        assert leg.final_state is not None
        there = nrho.reference(NRHO, leg.arrival_tdb_s).state(leg.arrival_tdb_s)
        # within the jump between two blocks, where arrival and its block differ
        assert np.linalg.norm(leg.final_state[:3] - there[:3]) < 2e7


def test_nrho_to_earth() -> None:
    """0.40 to 0.45 km/s home."""
    for leg in _check(NRHO, EarthGround("sea"), ["departure", "flyby"], (370.0, 470.0), 8.0):
        assert leg.final_state is not None
        assert np.linalg.norm(leg.final_state[:3]) == pytest.approx(6_500_057.0, abs=100.0)


def test_nrho_and_low_lunar_orbit() -> None:
    """0.65 to 0.75 km/s either way, polar (R. Whitley & R. Martinez, IEEE Aerospace 2016: 0.73)."""
    _check(NRHO, LLO, ["departure", "loi"], (640.0, 760.0), 3.0)
    _check(LLO, NRHO, ["departure", "insertion"], (640.0, 860.0), 3.0)


def test_over_a_site() -> None:
    """The orbit's plane holds the site at the asked time."""
    from moonvillage.ephemeris.frames import moon_site_state

    pole = MoonSurface("pole", np.deg2rad(-85.0), 1.0)
    (leg, *_) = _check(NRHO, MoonOrbit("o", 100e3, None, pole, 7200.0), ["departure", "loi"], (640.0, 800.0), 6.0)
    assert leg.final_state is not None
    normal = np.cross(leg.final_state[:3], leg.final_state[3:])
    site, _ = moon_site_state(leg.arrival_tdb_s + 7200.0, pole.latitude_rad, pole.longitude_rad)
    sine = normal @ site / np.linalg.norm(normal) / np.linalg.norm(site)
    assert abs(np.rad2deg(np.arcsin(sine))) < 0.01


def test_queqiao_halo() -> None:
    """0.2 to 0.35 km/s after TLI with a powered flyby (Queqiao flew 0.20 at the Moon, and corrections)."""
    _check(LEO, QUEQIAO, ["tli", "flyby", "insertion"], (240.0, 380.0), 11.0, DATES[1:])
    _check(QUEQIAO, EarthGround("sea"), ["departure", "flyby"], (240.0, 380.0), 11.0, DATES[1:])
    _check(LLO, QUEQIAO, ["departure", "insertion"], (640.0, 850.0), 6.0, DATES[1:])


def test_l1_halo_and_low_orbit() -> None:
    """0.75 to 0.80 km/s between low lunar orbit and the libration points, quick transfers."""
    _check(L1, LLO, ["departure", "loi"], (620.0, 850.0), 6.0, DATES[1:])


def test_departure_can_be_held_and_failure_is_a_sentence() -> None:
    free = solve(Arc("x", NRHO, LLO), DATES[0])
    held = solve(Arc("x", NRHO, LLO), free.departure_tdb_s + 3600.0, fixed_departure=True)
    assert held.converged, held.reason
    assert held.departure_tdb_s == pytest.approx(free.departure_tdb_s + 3600.0, abs=1.0)
    wrong = solve(Arc("x", LEO, Halo("none", 2, False, perilune_radius_m=9e8)), DATES[0])
    assert not wrong.converged
    assert "family" in wrong.reason
    assert wrong.reason.endswith(".")


def test_same_input_same_bytes() -> None:
    one = solve(Arc("x", LEO, NRHO), DATES[1])
    nrho._window.cache_clear()
    two = solve(Arc("x", LEO, NRHO), DATES[1])
    assert one.burns == two.burns
    assert one.departure_tdb_s == two.departure_tdb_s
