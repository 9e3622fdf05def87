"""Sunlight's pressure and the shadows that dim it, against overlapping discs and an independent integration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from moonvillage import dynamics
from moonvillage.dynamics import events, shadow
from moonvillage.ephemeris import load, utc_to_tdb_s
from moonvillage.ephemeris.constants import (
    AU_M,
    EARTH_J2,
    EARTH_RADIUS_M,
    GM_EARTH_M3_S2,
    GM_M3_S2,
    MOON_RADIUS_M,
    SUN_RADIUS_M,
    SUNLIGHT_N_M2,
)
from moonvillage.ephemeris.frames import earth_pole

Floats = NDArray[np.float64]
EPOCH = utc_to_tdb_s("2030-01-02")
LOW = np.array([6.778e6, 0.0, 0.0, 0.0, 7.669e3 * np.cos(0.5), 7.669e3 * np.sin(0.5)])


def _discs(r: Floats, sun: Floats, radius: float) -> float:
    """Fraction in sight of a disc behind another (Montenbruck & Gill 2000, §3.4.2), in apparent angles."""
    gap = sun - r
    a = np.arcsin(SUN_RADIUS_M / np.linalg.norm(gap))
    b = np.arcsin(radius / np.linalg.norm(r))
    c = np.arctan2(np.linalg.norm(np.cross(gap, -r)), gap @ -r)
    if c >= a + b:
        return 1.0
    if c <= b - a:
        return 0.0
    if c <= a - b:
        return float(1.0 - b * b / a / a)
    x = (c * c + a * a - b * b) / (2.0 * c)
    y = np.sqrt(a * a - x * x)
    return float(1.0 - (a * a * np.arccos(x / a) + b * b * np.arccos((c - x) / b) - c * y) / np.pi / a / a)


@pytest.mark.parametrize(
    ("body", "radius", "reach", "bound"),
    [
        ("earth", EARTH_RADIUS_M, (6.5e6, 5e7), 0.02),
        ("moon", MOON_RADIUS_M, (1.75e6, 8e7), 0.2),
        ("earth", EARTH_RADIUS_M, (2e9, 1e10), 0.2),
    ],
)
def test_the_cones_say_what_the_discs_say(body: str, radius: float, reach: tuple[float, float], bound: float) -> None:
    rng = np.random.default_rng(5)
    misses = []
    sun = load().position("sun", EPOCH, body)
    axis = -sun / np.linalg.norm(sun)
    while len(misses) < 1500:
        side = np.cross(axis, rng.normal(size=3))
        side /= np.linalg.norm(side)
        behind = np.exp(rng.uniform(*np.log(reach)))
        place = shadow.cones(behind * axis, sun, radius)
        width = place.penumbra_m - abs(place.umbra_m)
        off = max(float(abs(place.umbra_m) + width * rng.uniform(-0.3, 1.3)), 0.0)
        r = behind * axis + off * side
        if np.linalg.norm(r) > radius + 1e3:
            misses.append(abs(_discs(r, sun, radius) - float(shadow.sunlit_fraction(r, sun, radius))))
    q50, q99, most = np.quantile(misses, [0.5, 0.99, 1.0])
    print(
        f"{body} {reach[0]:.0e}-{reach[1]:.0e} m: fraction in sight off by q50 {q50:.4f} q99 {q99:.4f} max {most:.4f}"
    )
    assert most < bound


def test_light_and_shadow_agree_with_an_independent_integration() -> None:
    """Two turns in low orbit, discs instead of cones, DOP853 in steps of 10 s, against the same without light."""
    ephemeris = load()
    pole = earth_pole(EPOCH)
    knots = EPOCH + np.linspace(0.0, 11000.0, 12)
    moon = np.polynomial.Polynomial.fit  # smooth over three hours: a polynomial each
    tracks = {
        body: [moon(knots, ephemeris.position(body, knots)[:, k], 6) for k in range(3)] for body in ("moon", "sun")
    }

    def slope(lit: bool, t: float, y: Floats) -> Floats:
        r = y[:3]
        size = np.linalg.norm(r)
        total = -GM_EARTH_M3_S2 * r / size**3
        z = float(r @ pole)
        factor = -1.5 * EARTH_J2 * GM_EARTH_M3_S2 * EARTH_RADIUS_M**2 / size**5
        total = total + factor * ((1.0 - 5.0 * z * z / size**2) * r + 2.0 * z * pole)
        at = {body: np.array([p(EPOCH + t) for p in tracks[body]]) for body in tracks}
        for body, d in at.items():
            gap = d - r
            total = total + GM_M3_S2[body] * (gap / np.linalg.norm(gap) ** 3 - d / np.linalg.norm(d) ** 3)
        if lit:
            away = r - at["sun"]
            push = SUNLIGHT_N_M2 * AU_M**2 * 0.02 * _discs(r, at["sun"], EARTH_RADIUS_M)
            total = total + push * away / np.linalg.norm(away) ** 3
        return np.concatenate([y[3:], total])

    ends = [
        solve_ivp(
            lambda t, y, lit=lit: slope(lit, t, y),
            (0.0, 11000.0),
            LOW,
            method="DOP853",
            rtol=1e-12,
            atol=1e-5,
            max_step=15.0 if lit else 200.0,
        ).y[:3, -1]
        for lit in (False, True)
    ]
    flown = [
        dynamics.propagate(EPOCH, LOW[:3], LOW[3:], EPOCH + 11000.0, centre="earth", srp_m2_kg=k).r_m
        for k in (0.0, 0.02)
    ]
    effect, miss = ends[1] - ends[0], flown[1] - flown[0] - (ends[1] - ends[0])
    print(f"sunlight moves it by {np.linalg.norm(effect):.3f} m; the two differ by {np.linalg.norm(miss):.1e} m")
    assert np.linalg.norm(effect) > 0.3
    assert np.linalg.norm(miss) < 1e-3


def test_the_push_is_that_of_a_sphere_in_free_space() -> None:
    """Half a million kilometres from the Earth, an hour: ½ a t², away from the Sun."""
    start = np.array([0.0, 0.0, 5e8, 0.0, 0.0, 0.0])
    with_light, without = (
        dynamics.propagate(EPOCH, start[:3], start[3:], EPOCH + 3600.0, centre="earth", srp_m2_kg=k)
        for k in (0.01, 0.0)
    )
    sun = load().position("sun", EPOCH) - start[:3]
    expected = -0.5 * 3600.0**2 * SUNLIGHT_N_M2 * 0.01 * (AU_M / np.linalg.norm(sun)) ** 2 * sun / np.linalg.norm(sun)
    assert np.allclose(with_light.r_m - without.r_m, expected, atol=1e-3)


@pytest.mark.parametrize(
    ("centre", "start", "span"),
    [
        ("earth", LOW, 40_000.0),
        ("moon", np.array([1.8374e6, 0.0, 1e3, 0.0, 1100.0, 1200.0]), 30_000.0),
        ("sun", np.array([1.5e11, 0.0, 0.0, 0.0, 31e3, 10e3]), 20 * 86400.0),
    ],
)
def test_in_and_out_of_shadow_and_back(centre: str, start: Floats, span: float) -> None:
    out = dynamics.propagate(EPOCH, start[:3], start[3:], EPOCH + span, centre=centre, srp_m2_kg=0.02, dense=True)
    back = dynamics.propagate(out.epoch_tdb_s, out.r_m, out.v_m_s, EPOCH, centre=centre, srp_m2_kg=0.02)
    assert np.linalg.norm(back.r_m - start[:3]) < (0.02 if centre != "sun" else 1.0)
    epochs = np.linspace(EPOCH, out.epoch_tdb_s, 2001)
    states = out.at(epochs)
    assert np.linalg.norm(states[-1, :3] - out.r_m) < 1e-4 * (1.0 if centre != "sun" else 1e3)
    slopes = np.gradient(states[:, :3], epochs, axis=0, edge_order=2)[1:-1]
    assert np.abs(slopes - states[1:-1, 3:]).max() < 2e-3 * np.abs(states[:, 3:]).max()


def test_a_solar_eclipse_by_the_moon_dims_the_light() -> None:
    """In the Moon's shadow on the far side of the lunar disc, the push is gone."""
    sun = load().position("sun", EPOCH, "moon")
    away = -sun / np.linalg.norm(sun)
    start = 2e7 * away
    ends = [
        dynamics.propagate(EPOCH, start, np.zeros(3), EPOCH + 600.0, centre="moon", srp_m2_kg=k).v_m_s
        for k in (0.0, 1.0)
    ]
    assert np.allclose(ends[0], ends[1], atol=1e-12)
    start = 2e7 * -away
    ends = [
        dynamics.propagate(EPOCH, start, np.zeros(3), EPOCH + 600.0, centre="moon", srp_m2_kg=k).v_m_s
        for k in (0.0, 1.0)
    ]
    assert np.linalg.norm(ends[0] - ends[1]) == pytest.approx(600.0 * SUNLIGHT_N_M2, rel=0.05)


@pytest.mark.parametrize("case", range(16))
def test_random_orbits_come_back_through_their_shadows(case: int) -> None:
    """High, low, round and long orbits about both bodies, forward and backward."""
    rng = np.random.default_rng(100 + case)
    centre, radius, gm = (("earth", EARTH_RADIUS_M, GM_EARTH_M3_S2), ("moon", MOON_RADIUS_M, GM_M3_S2["moon"]))[
        case % 2
    ]
    periapsis, eccentricity = radius * rng.uniform(1.03, 4.0), rng.uniform(0.0, 0.8)
    normal = rng.normal(size=3)
    normal /= np.linalg.norm(normal)
    out = np.cross(normal, rng.normal(size=3))
    out /= np.linalg.norm(out)
    r, v = periapsis * out, np.sqrt(gm * (1.0 + eccentricity) / periapsis) * np.cross(normal, out)
    start = utc_to_tdb_s("2026-01-01") + rng.uniform(0.0, 3e8)
    end = start + rng.uniform(1e4, 1.5e5) * rng.choice([1.0, -1.0])
    there = dynamics.propagate(start, r, v, end, centre=centre, srp_m2_kg=0.03, dense=True)
    back = dynamics.propagate(end, there.r_m, there.v_m_s, start, centre=centre, srp_m2_kg=0.03)
    assert there.reason == ""
    assert np.linalg.norm(back.r_m - r) < 0.01
    kinds = [one.kind for one in events.eclipses(there, centre)]
    assert all(a != b for a, b in itertools.pairwise(kinds))
