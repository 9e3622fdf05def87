"""What is seen above skylines: known shares at the smooth pole, discs, stations, maps."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.ephemeris.constants import MOON_RADIUS_M
from moonvillage.ephemeris.frames import spherical_to_cartesian
from moonvillage.ephemeris.orientation import moon_me_matrix
from moonvillage.ephemeris.sites import Site
from moonvillage.outpost.light import disc_fraction
from moonvillage.terrain import Horizon, Tracer, fractal_terrain, light_map, sight, smooth_terrain, sphere_horizon
from moonvillage.terrain.sight import disc_share
from moonvillage.terrain.sky import Track, track

START = 788_961_669.0
YEAR = 365.25 * 86400.0
POLE = -0.5 * np.pi


def test_smooth_south_pole_over_a_node_period() -> None:
    """Outside figures: Earth's centre above the horizon 48.7 %, any Sun 55.1 %, Earth at most 6.6 deg high."""
    found = sight(Tracer(smooth_terrain(POLE, 0.0)).horizon(POLE, 0.0, 0.0), START)
    print(f"smooth pole: Earth {found.earth_visible:.3%}, any Sun {found.any_sun:.3%}")
    assert found.earth_visible == pytest.approx(0.487, abs=0.002)
    assert found.any_sun == pytest.approx(0.551, abs=0.002)
    assert np.rad2deg(found.figures()["earth_highest_rad"]) == pytest.approx(6.6, abs=0.05)


def _flat(elevation_rad: float) -> Horizon:
    level = sphere_horizon(0.0, 0.0)
    return Horizon(
        0.0, 0.0, 0.0, 0.0, level.azimuth_rad, level.elevation_rad + elevation_rad, level.distance_m, "", True
    )


def test_disc_over_a_level_skyline_is_a_circle_cut_by_a_chord() -> None:
    elevation = np.linspace(-0.01, 0.01, 2001)
    radius = np.full_like(elevation, 0.00465)
    share = disc_share(_flat(0.001), Track(np.linspace(0.0, 6.2, 2001), elevation, radius))
    error = np.abs(share - disc_fraction(elevation, radius, 0.001))
    q = np.quantile(error, [0.5, 0.99, 1.0])
    print(f"disc: error q50 {q[0]:.5f} q99 {q[1]:.5f} max {q[2]:.5f}")
    assert q[2] < 0.002
    assert share[0] == 0.0
    assert share[-1] == 1.0


def test_disc_beside_a_wall_is_half_seen() -> None:
    """Below a wall that begins at the azimuth of the disc's middle, half of it is free."""
    level = sphere_horizon(0.0, 0.0, azimuths=36_000)
    elevation = np.where(level.azimuth_rad < 1.0, -0.1, 0.1)
    wall = Horizon(0.0, 0.0, 0.0, 0.0, level.azimuth_rad, elevation, level.distance_m, "", True)
    sun = Track(np.array([1.0, 0.9, 1.1]), np.zeros(3), np.full(3, 0.00465))
    assert disc_share(wall, sun) == pytest.approx([0.5, 1.0, 0.0], abs=0.07)  # a strip


def test_relay_and_station_stand_where_geometry_puts_them() -> None:
    horizon = sphere_horizon(np.deg2rad(10.0), np.deg2rad(20.0))

    def overhead(epochs: np.ndarray) -> np.ndarray:
        up = spherical_to_cartesian(np.deg2rad(10.0), np.deg2rad(20.0), MOON_RADIUS_M + 1e6)
        return np.einsum("nji,j->ni", moon_me_matrix(epochs), up)

    near_side = sight(
        horizon,
        START,
        5.0 * 86400.0,
        600.0,
        stations={"a": Site("earth", 0.0, 0.0), "b": Site("earth", 0.0, np.pi)},
        relays={"up": overhead, "under": lambda t: -overhead(t)},
        station_elevation_rad=0.0,
    )
    assert near_side.relays["up"].all()
    assert not near_side.relays["under"].any()
    assert near_side.earth_centre.all()
    # two stations on opposite sides of the Earth take turns: one of them at nearly every moment, hardly ever both
    a, b = near_side.stations["a"], near_side.stations["b"]
    assert 0.45 < a.mean() < 0.55
    assert (a | b).mean() > 0.95
    assert (a & b).mean() < 0.01
    far_side = sight(sphere_horizon(0.0, np.pi), START, 5.0 * 86400.0, 600.0, stations={"a": Site("earth", 0.0, 0.0)})
    assert not far_side.earth_centre.any()
    assert not far_side.stations["a"].any()


def test_map_against_rays_cell_by_cell() -> None:
    latitude, longitude = np.deg2rad(-88.5), 0.5
    terrain = fractal_terrain(latitude, longitude, 2_000.0, 40.0, seed=3, slope_rad=0.06)
    made = light_map(terrain, latitude, longitude, 1_600.0, 40.0, span_s=YEAR)
    assert made.sun_share.shape == (41, 41)
    assert made.synthetic
    tracer = Tracer(terrain)
    rng = np.random.default_rng(2)
    errors = []
    for j, i in rng.integers(0, 41, (15, 2)).tolist():
        lat, lon = (float(v) for v in made.projection.inverse(made.x[i], made.y[j]))
        seen = sight(tracer.horizon(lat, lon, 2.0), START, YEAR)
        errors.append((made.sun_share[j, i] - seen.illumination, made.earth_share[j, i] - seen.earth_visible))
    q = 100.0 * np.quantile(np.abs(errors), [0.5, 0.9, 1.0], axis=0)
    print(f"map against rays: Sun q50 {q[0, 0]:.2f} max {q[2, 0]:.2f}, Earth q50 {q[0, 1]:.2f} max {q[2, 1]:.2f}")
    assert q[0].max() < 0.1
    assert q[1].max() < 0.5
    assert 0.0 < made.shadowed_share < 0.8


def test_map_of_a_smooth_pole() -> None:
    made = light_map(
        smooth_terrain(POLE, 0.0, 4_000.0, 100.0), POLE, 0.0, 400.0, 100.0, mast_m=0.0, azimuths=240, step_s=7200.0
    )
    level = sight(sphere_horizon(POLE, 0.0), START)
    assert np.abs(made.sun_share - level.illumination).max() < 0.002
    assert np.abs(made.earth_share - level.earth_visible).max() < 0.002
    assert not made.shadowed.any()


def test_map_does_not_depend_on_the_number_of_processes() -> None:
    terrain = fractal_terrain(POLE, 0.0, 1_000.0, 50.0, seed=1)
    args = (terrain, POLE, 0.0, 800.0, 50.0)
    one = light_map(*args, span_s=0.1 * YEAR, azimuths=48)
    two = light_map(*args, span_s=0.1 * YEAR, azimuths=48, processes=2)
    assert np.array_equal(one.sun_share, two.sun_share, equal_nan=True)
    assert np.array_equal(one.earth_share, two.earth_share, equal_nan=True)


def test_sun_track_is_the_one_of_the_outpost() -> None:
    from moonvillage.outpost.light import sun_angles

    epochs = START + np.arange(0.0, YEAR, 86400.0)
    way = track("sun", epochs, -1.5, 0.7, 100.0)
    elevation, azimuth, radius = sun_angles(epochs, -1.5, 0.7, 100.0)
    assert np.abs(way.elevation_rad - elevation).max() < 1e-12
    assert np.abs(np.sin(way.azimuth_rad - azimuth)).max() < 1e-12
    assert np.abs(way.radius_rad - radius).max() < 1e-12


def test_what_cannot_be_is_refused() -> None:
    level = sphere_horizon(0.0, 0.0)
    with pytest.raises(ValueError, match="span"):
        sight(level, START, 10.0, 3600.0)
    terrain = smooth_terrain(POLE, 0.0, 1_000.0, 100.0)
    with pytest.raises(ValueError, match="map"):
        light_map(terrain, POLE, 0.0, -5.0)
