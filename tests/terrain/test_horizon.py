"""Horizons against formulas: a ring wall, spheres, edges; and the sweep against the rays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage.ephemeris.constants import MOON_RADIUS_M
from moonvillage.ephemeris.frames import spherical_to_cartesian
from moonvillage.ephemeris.sites import enu_matrix
from moonvillage.errors import InputError
from moonvillage.terrain import Terrain, Tracer, fractal_terrain, ring_terrain, smooth_terrain, sphere_horizon
from moonvillage.terrain.projections import Stereographic
from moonvillage.terrain.sweep import skyline
from moonvillage.terrain.synthetic import ring_height

R = MOON_RADIUS_M
SHAPE = (3_000.0, 600.0, 500.0)
LAT, LON = np.deg2rad(-85.0), 1.0


def _ring_truth(offset_east_m: float, azimuth_rad: float, mast_m: float) -> float:
    """The ring's horizon from a place east of its centre: the highest of the exact formula along a great circle."""
    up, east = np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0])
    centre = up  # axes: up, east, north at the ring's centre
    angle = offset_east_m / R
    here = np.cos(angle) * up + np.sin(angle) * east
    local_east = -np.sin(angle) * up + np.cos(angle) * east
    direction = np.sin(azimuth_rad) * local_east + np.cos(azimuth_rad) * np.array([0.0, 0.0, 1.0])
    arc = np.linspace(20.0, 9_000.0, 60_001)
    theta = arc[:, None] / R
    points = np.cos(theta) * here + np.sin(theta) * direction
    distance = R * np.arccos(np.clip(points @ centre, -1.0, 1.0))
    radius = R + ring_height(distance, *SHAPE)
    eye = R + float(ring_height(np.array([abs(offset_east_m)]), *SHAPE)[0]) + mast_m
    theta = theta[:, 0]
    return float(np.arctan2(radius * np.cos(theta) - eye, radius * np.sin(theta)).max())


def test_ring_wall_to_a_hundredth_of_a_degree() -> None:
    tracer = Tracer(ring_terrain(LAT, LON))
    centre = tracer.horizon(LAT, LON, 2.0)
    error = np.rad2deg(np.abs(centre.elevation_rad - _ring_truth(0.0, 0.0, 2.0)))
    q = np.quantile(error, [0.5, 0.99, 1.0])
    print(f"ring wall from its centre: error q50 {q[0]:.5f} q99 {q[1]:.5f} max {q[2]:.5f} deg")
    assert q[2] <= 0.01
    assert np.all(np.abs(centre.distance_m - 3_020.0) < 60.0)
    projection = Stereographic(LAT, LON)
    lat, lon = (float(v) for v in projection.inverse(1_000.0, 0.0))
    aside = tracer.horizon(lat, lon, 2.0)
    # north at the place against the line north of the centre
    local = enu_matrix(lat, lon)
    line = spherical_to_cartesian(*projection.inverse(1_000.0, 50.0), R) - spherical_to_cartesian(lat, lon, R)
    turn = np.arctan2(local[0] @ line, local[1] @ line)
    error = np.array(
        [aside.at(a + turn) - _ring_truth(1_000.0, a, 2.0) for a in np.deg2rad(np.arange(7.0, 360.0, 41.0))]
    )
    print(f"ring wall from 1 km east: largest error {np.rad2deg(np.abs(error).max()):.5f} deg")
    assert np.rad2deg(np.abs(error).max()) <= 0.01


@pytest.mark.parametrize("mast", [0.0, 2.0, 10.0, 100.0])
def test_sphere_has_the_dip_of_its_mast(mast: float) -> None:
    tracer = Tracer(smooth_terrain(-0.5 * np.pi, 0.0, 25_000.0, 250.0))
    found = tracer.horizon(-0.5 * np.pi, 0.0, mast)
    dip = -np.arccos(R / (R + mast))
    facet = 250.0 / (np.sqrt(2.0) * R) if mast == 0.0 else 0.0  # from a corner, the first facet falls away so much
    assert np.rad2deg(np.abs(found.elevation_rad - dip)).max() < 0.003 + np.rad2deg(facet)
    assert np.allclose(sphere_horizon(0.0, 0.0, 0.0, mast).elevation_rad, dip)


def test_beyond_the_edge_the_ground_goes_on() -> None:
    """A tower on a small terrain sees the sphere's horizon, not below it; from a hole in the ground, the rim."""
    tracer = Tracer(smooth_terrain(LAT, LON, 1_000.0, 50.0))
    high = tracer.horizon(LAT, LON, 500.0)
    assert np.allclose(high.elevation_rad, -np.arccos(R / (R + 500.0)), atol=1e-5)
    assert np.isnan(high.distance_m).all()
    assert any("beyond the terrain" in note for note in high.notes)


def test_far_terrain_is_seen_and_only_outside_the_near_one() -> None:
    near = smooth_terrain(LAT, LON, 1_000.0, 50.0)
    far = ring_terrain(LAT, LON, 8_000.0, 100.0)
    alone = Tracer(far).horizon(LAT, LON, 2.0)
    both = Tracer(near, far).horizon(LAT, LON, 2.0)
    assert np.rad2deg(np.abs(both.elevation_rad - alone.elevation_rad)).max() < 0.01
    mound = np.array(smooth_terrain(LAT, LON, 8_000.0, 100.0).heights_m)
    mound[73:88, 73:88] = 300.0  # would bury the site if it were not cut out
    raised = Terrain(mound, far.x, far.y, far.projection, R, "mound", True)
    inside = Tracer(near, raised).horizon(LAT, LON, 2.0)
    assert np.rad2deg(np.abs(inside.elevation_rad).max()) < 0.2


def test_off_the_terrain_and_at_a_hole_there_is_an_error() -> None:
    terrain = smooth_terrain(LAT, LON, 1_000.0, 50.0)
    tracer = Tracer(terrain)
    with pytest.raises(InputError, match="does not contain the site"):
        tracer.horizon(LAT + 0.01, LON, 2.0)
    heights = np.array(terrain.heights_m)
    heights[20, 20] = np.nan
    holed = Terrain(heights, terrain.x, terrain.y, terrain.projection, R, "holed", True)
    with pytest.raises(InputError, match="has no data at the site"):
        Tracer(holed).horizon(LAT, LON, 2.0)
    lat, lon = (float(v) for v in terrain.projection.inverse(500.0, 500.0))
    assert np.isfinite(Tracer(holed).horizon(lat, lon, 2.0).elevation_rad).all()
    heights[:] = np.nan
    with pytest.raises(InputError, match="cells of data side by side"):
        Tracer(Terrain(heights, terrain.x, terrain.y, terrain.projection, R, "empty", True))


def test_a_taller_mast_never_sees_a_higher_skyline() -> None:
    tracer = Tracer(fractal_terrain(LAT, LON, 2_000.0, 20.0, seed=4))
    low, high = tracer.horizon(LAT, LON, 2.0), tracer.horizon(LAT, LON, 20.0)
    assert np.all(high.elevation_rad <= low.elevation_rad + 1e-6)
    assert low.synthetic
    assert "synthetic" in low.source


def test_synthetic_terrain_is_its_seed() -> None:
    one, same, other = (fractal_terrain(LAT, LON, 1_000.0, 20.0, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.heights_m, same.heights_m)
    assert not np.array_equal(one.heights_m, other.heights_m)
    assert one.synthetic
    assert any("made up" in note for note in one.notes)


def test_sweep_agrees_with_the_rays() -> None:
    """Both on the same cells: they differ in how they cut a cell in triangles, which matters nearby."""
    terrain = fractal_terrain(LAT, LON, 2_000.0, 20.0, seed=5)
    mean = float(terrain.heights_m.mean())
    tracer = Tracer(terrain)
    rng = np.random.default_rng(3)
    azimuths = np.deg2rad([0.0, 17.0, 45.0, 63.0, 100.0, 181.0, 233.0, 290.0, 340.0])
    size = terrain.x.size
    maps = [skyline(terrain.heights_m - mean, 20.0, a, (0, 0, size), 2.0, R + mean) for a in azimuths]
    errors = []
    for j, i in rng.integers(30, size - 30, (24, 2)).tolist():
        lat, lon = (float(v) for v in terrain.projection.inverse(terrain.x[i], terrain.y[j]))
        horizon = tracer.horizon(lat, lon, 2.0, 3600)
        local = enu_matrix(lat, lon)
        ahead = terrain.projection.inverse(terrain.x[i], terrain.y[j] + 10.0)
        line = spherical_to_cartesian(*ahead, R) - spherical_to_cartesian(lat, lon, R)
        turn = float(np.arctan2(local[0] @ line, local[1] @ line))
        for a, swept in zip(azimuths.tolist(), maps, strict=True):
            far = horizon.distance_m[round((a + turn) / (2.0 * np.pi) * 3600) % 3600]
            if far > 200.0:  # the skyline stands on the terrain, and not at the feet of the mast
                errors.append(float(swept[j, i] - horizon.at(a + turn)))
    q = np.rad2deg(np.quantile(np.abs(errors), [0.5, 0.9, 0.99, 1.0]))
    print(
        f"sweep against rays: {len(errors)} skylines, q50 {q[0]:.4f} q90 {q[1]:.4f} q99 {q[2]:.4f} max {q[3]:.4f} deg"
    )
    assert len(errors) > 50
    assert q[0] < 0.005
    assert q[1] < 0.05


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.floats(-1.5707, 1.5707), st.floats(-3.1, 3.1), st.floats(-50_000.0, 50_000.0), st.floats(-50_000.0, 50_000.0)
)
def test_stereographic_there_and_back(latitude: float, longitude: float, x: float, y: float) -> None:
    projection = Stereographic(latitude, longitude)
    there = projection.forward(*projection.inverse(x, y))
    assert np.hypot(there[0] - x, there[1] - y) < 1e-6
