"""The Sun at the pole and elsewhere, and the horizon that keeps a site's published light."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from moonvillage.outpost import live
from moonvillage.outpost.light import SunModel, disc_fraction, effective_horizon, mean_fraction, sun_angles, sun_model
from moonvillage.terrain.sight import disc_share
from moonvillage.terrain.sky import Track
from tests.outpost.world import DAY, SITES, START, base, world

YEARS = 18.6 * 365.25 * DAY
EPOCHS = 788_961_669.0 + np.arange(0.0, YEARS, DAY / 4)


def test_the_smooth_south_pole_over_a_nodal_cycle() -> None:
    """A sphere's south pole sees some of the Sun 55.1 % of the time, and the Sun stays within 1.59 deg of the level.

    Both figures are from an independent computation with DE421 (Skyfield), handed down with these tests.
    """
    elevation, _, radius = sun_angles(EPOCHS, -np.pi / 2, 0.0)
    some = float((disc_fraction(elevation, radius, 0.0) > 0.0).mean())
    highest = np.rad2deg(np.abs(elevation).max())
    print(f"any Sun {some:.4f}; highest {highest:.3f} deg")
    assert some == pytest.approx(0.551, abs=0.002)
    assert highest == pytest.approx(1.59, abs=0.02)


@pytest.mark.parametrize("illumination", [0.695, 0.829, 0.9227, 0.9565])
def test_calibration_keeps_the_published_light(illumination: float) -> None:
    """Published means of Gläser et al. 2014 and 2018 for sites near the south pole."""
    model = sun_model(replace(SITES["ridge"], illumination=illumination))
    mean = float(model.sun_fraction(EPOCHS + 5000.0).mean())
    assert model.calibrated
    assert mean == pytest.approx(illumination, abs=2e-3)


def test_fortnights_away_from_the_pole() -> None:
    site = SITES["plain"]
    model = sun_model(site)
    year = START + np.arange(0.0, 12 * 29.530589 * DAY, 3600.0)
    assert not model.calibrated
    assert float(model.sun_fraction(year).mean()) == pytest.approx(0.5, abs=0.01)
    # half a synodic month, less the Sun's diameter (0.53 deg at 0.508 deg/h): 353 h
    assert model.longest_night_s(START, START + 120 * DAY) / 3600.0 == pytest.approx(353.3, abs=4.0)
    assert mean_fraction(site) == 0.5


def test_the_sun_stands_over_the_equator_at_noon() -> None:
    elevation, azimuth, radius = sun_angles(START + np.arange(0.0, 30 * DAY, 600.0), 0.0, 0.5)
    noon = int(np.argmax(elevation))
    assert np.rad2deg(elevation[noon]) > 88.0
    assert np.rad2deg(radius[noon]) == pytest.approx(0.2666, abs=0.006)
    rising = (elevation[1:] > elevation[:-1]) & (np.abs(elevation[1:]) < 0.2)
    assert np.all(np.abs(np.rad2deg(azimuth[1:][rising]) - 90.0) < 5.0)  # it rises in the east


def test_always_dark() -> None:
    pit = replace(SITES["ridge"], illumination=0.0)
    assert not sun_model(pit).sun_fraction(EPOCHS[:100]).any()


def test_half_a_disc() -> None:
    assert disc_fraction(0.0, 0.005, 0.0) == pytest.approx(0.5)
    assert disc_fraction(0.0025, 0.005, 0.0) == pytest.approx(0.8045, abs=1e-4)  # chord at half the radius
    assert disc_fraction([-0.006, 0.006], 0.005, 0.0).tolist() == pytest.approx([0.0, 1.0])


def test_horizon_moves_the_light() -> None:
    low = SunModel(-1.5, 0.0, 0.0, -0.02).sun_fraction(EPOCHS[:2000]).mean()
    high = SunModel(-1.5, 0.0, 0.0, 0.02).sun_fraction(EPOCHS[:2000]).mean()
    assert low > high


@pytest.mark.parametrize(("illumination", "days"), [(0.9227, 5.0), (0.86, 7.0), (0.70, 8.0)])
def test_hills_bring_the_longest_night_near_the_published(illumination: float, days: float) -> None:
    model = sun_model(replace(SITES["ridge"], illumination=illumination, longest_night_s=days * DAY))
    night = model.longest_night_s(EPOCHS[0], EPOCHS[-1], 7200.0) / DAY
    print(f"{illumination:.1%}: longest night {night:.1f} d, published {days:.1f} d")
    assert night == pytest.approx(days, abs=1.0)
    assert float(model.sun_fraction(EPOCHS).mean()) == pytest.approx(illumination, abs=2e-3)


def test_days_have_the_light_of_the_terrain_that_the_site_names(tmp_path: Path) -> None:
    """Hour by hour, and its log says of what terrain; a site without it is as it was."""
    axis = (np.arange(61) - 30.0) * 500.0
    _, y = np.meshgrid(axis, -axis)
    wall = (1_500.0 * np.exp(-(((y - 8_000.0) / 1_500.0) ** 2))).astype("float32")
    place = {"crs": "IAU_2015:30135", "transform": rasterio.Affine(500.0, 0.0, -15_250.0, 0.0, -500.0, 15_250.0)}
    with rasterio.open(tmp_path / "w.tif", "w", "GTiff", 61, 61, 1, dtype="float32", **place) as file:
        file.write(wall, 1)
    site = replace(
        SITES["ridge"], latitude_rad=-np.pi / 2, longitude_rad=0.0, terrain=str(tmp_path / "w.tif"), mast_m=10.0
    )
    outpost = base(modules={"hab": 1, "sun": 4, "cells": 1})
    log = live({"base": outpost}, [], START, START + 10 * DAY, world(site={"ridge": site}))
    assert any("traced on w.tif" in note and "10 m above" in note for note in log.notes)
    hours = START + np.arange(0.0, 30.0 * DAY, 3600.0)
    model = sun_model(site)
    assert model.skyline is not None
    elevation, azimuth, radius = sun_angles(hours, -np.pi / 2, 0.0, model.skyline.height_m)
    # towards the Earth (azimuth 0 here, up on the map) the wall hides the Sun, on the other side nothing does
    before = np.abs((azimuth + np.pi) % (2.0 * np.pi) - np.pi) < 0.3
    behind = np.abs(azimuth % (2.0 * np.pi) - np.pi) < 0.3
    assert before.any()
    assert not model.sun_fraction(hours[before]).any()
    dip = -np.sqrt(2.0 * 10.0 / 1_737_400.0)
    error = model.sun_fraction(hours[behind]) - disc_fraction(elevation[behind], radius[behind], dip)
    assert np.abs(error).max() < 0.02
    assert mean_fraction(site) == pytest.approx(float(model.sun_fraction(EPOCHS).mean()))


def test_an_effective_horizon_is_the_light_of_its_model() -> None:
    model, line = sun_model(SITES["ridge"]), effective_horizon(SITES["ridge"])
    some = EPOCHS[:4000]
    elevation, azimuth, radius = sun_angles(some, line.latitude_rad, line.longitude_rad, line.ground_m)
    error = disc_share(line, Track(azimuth % (2.0 * np.pi), elevation, radius)) - model.sun_fraction(some)
    assert line.fitted
    assert np.abs(error).max() < 0.02
