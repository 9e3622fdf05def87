"""The curves of the page stay true to the samples."""

from __future__ import annotations

import base64
import dataclasses

import numpy as np
import polars as pl
import pytest

from moonvillage.ephemeris import load
from moonvillage.ephemeris.constants import GM_EARTH_M3_S2
from moonvillage.reporting import orbits
from moonvillage.reporting.bundle import Bundle
from tests.reporting import factory


@pytest.fixture(scope="module")
def found(run: Bundle) -> list[orbits.Piece]:
    return orbits.pieces(run)


def test_a_piece_near_the_moon_is_about_the_moon(found: list[orbits.Piece]) -> None:
    moonward = [p for p in found if p.centre == "moon"]
    assert moonward
    for piece in moonward:
        # one shared point may lie outside the sphere, at the cut
        inside = np.linalg.norm(piece.r_m, axis=1) < orbits.MOON_SPHERE_M
        assert inside[1:-1].all()


def test_thinning_loses_little(run: Bundle, found: list[orbits.Piece]) -> None:
    """Error of the straight lines between kept points against every sample, per distance from the body."""
    samples = run.flights.samples.filter(flight="argonaut-1", step=2)
    piece = next(p for p in found if p.flight == "argonaut-1" and p.step == 2)
    epoch = samples["epoch_tdb_s"].to_numpy()
    r = samples.select("x_m", "y_m", "z_m").to_numpy()
    between = np.stack([np.interp(epoch, piece.epoch_tdb_s, piece.r_m[:, k]) for k in range(3)], axis=1)
    error = np.linalg.norm(between - r, axis=1) / np.linalg.norm(r, axis=1)
    q50, q99, worst = np.quantile(error, [0.5, 0.99, 1.0])
    print(f"relative error of the thinned orbit: q50 {q50:.1e}, q99 {q99:.1e}, max {worst:.1e}")
    assert worst < 4e-3  # samples 9 degrees apart: half of that, squared, over 2


def test_a_straight_line_costs_two_points_and_a_bend_costs_more() -> None:
    t = np.linspace(0.0, 1e5, 500)
    line = np.stack([t * 50.0, 0 * t, 0 * t], axis=1)
    bend = np.stack([5e6 * np.cos(t / 1e4), 5e6 * np.sin(t / 1e4), 0 * t], axis=1)
    thin_line = orbits._thin(orbits.Piece("f", 0, "earth", t, line), 1.0)
    thin_bend = orbits._thin(orbits.Piece("f", 0, "earth", t, bend), 1.0)
    assert len(thin_line.epoch_tdb_s) == 2
    assert 200 < len(thin_bend.epoch_tdb_s) < 400
    assert thin_bend.epoch_tdb_s[0] == t[0]
    assert thin_bend.epoch_tdb_s[-1] == t[-1]


def test_the_rotating_view_puts_the_moon_on_the_axis() -> None:
    epoch = np.linspace(1.0e9, 1.0e9 + 30 * 86400.0, 60)
    at_moon = orbits.rotating(orbits.Piece("f", 0, "moon", epoch, np.zeros((60, 3))))
    assert np.allclose(at_moon, [orbits.MEAN_DISTANCE_M, 0.0, 0.0], atol=1.0)
    moon = load().position("moon", epoch)
    same = orbits.rotating(orbits.Piece("f", 0, "earth", epoch, moon))
    assert np.allclose(same, [orbits.MEAN_DISTANCE_M, 0.0, 0.0], atol=1.0)
    low = orbits.rotating(orbits.Piece("f", 0, "earth", epoch, np.tile([0.0, 0.0, 7.0e6], (60, 1))))
    assert np.allclose(np.linalg.norm(low, axis=1), 7.0e6, rtol=0.15)


def test_packed_points_come_back(run: Bundle, found: list[orbits.Piece]) -> None:
    packed = orbits.pack(run, found)
    points = np.frombuffer(base64.b64decode(packed["points"]), "<i2").reshape(-1, 3)
    times = np.frombuffer(base64.b64decode(packed["times"]), "<u2")
    moon = np.frombuffer(base64.b64decode(packed["moon"]), "<f4").reshape(-1, 3)
    assert len(points) == len(times) == sum(len(p.epoch_tdb_s) for p in found)
    for head, piece in zip(packed["heads"], found, strict=True):
        flight, step, near, t0, span, scale, offset, count = head
        assert packed["flights"][flight]["id"] == piece.flight
        assert (step, bool(near)) == (piece.step, piece.centre == "moon")
        again = points[offset : offset + count] * scale
        assert np.abs(again - piece.r_m).max() <= 2.0 * scale
        when = packed["begin"] + t0 + times[offset : offset + count] / 65_535.0 * span
        assert np.abs(when - piece.epoch_tdb_s).max() <= span / 60_000.0 + 0.2
    days = packed["begin"] + packed["moonBegin"] + 86400.0 * np.arange(len(moon))
    assert np.abs(moon * 1000.0 - load().position("moon", days)).max() < 50.0
    assert packed["moonBegin"] < 0.0
    assert days[-1] > packed["end"]


def test_nothing_flown_gives_no_curve() -> None:
    assert orbits.pieces(factory.empty()) == []


def test_gaps_are_filled_along_the_orbit() -> None:
    """A low orbit sampled three times a revolution against the same orbit in closed form."""
    radius, rate = 6.771e6, np.sqrt(GM_EARTH_M3_S2 / 6.771e6**3)
    t = np.arange(0.0, 4.0 * 2.0 * np.pi / rate, 2.0 * np.pi / rate / 3.0)

    def at(epoch: np.ndarray) -> np.ndarray:
        return radius * np.stack([np.cos(rate * epoch), np.sin(rate * epoch), 0.0 * epoch], axis=1)

    v = radius * rate * np.stack([-np.sin(rate * t), np.cos(rate * t), 0.0 * t], axis=1)
    epoch, r = orbits.fill_gaps(t, at(t), v, GM_EARTH_M3_S2)
    assert len(epoch) > 15 * len(t)
    assert (np.diff(epoch) > 0.0).all()
    error = np.linalg.norm(r - at(epoch), axis=1)
    print(f"filled gaps: q50 {np.quantile(error, 0.5):.1f} m, max {error.max():.1f} m")
    assert error.max() < 200.0
    same = orbits.fill_gaps(t, at(t), v, 0.0)
    assert same[0] is t


def test_a_departure_for_mars_is_drawn_while_it_is_near(run: Bundle) -> None:
    """A straight way out from the Earth, stored about the Sun: only its first 1.6 million km are kept."""
    epoch = np.linspace(1.0e9, 1.0e9 + 200 * 86400.0, 4001)
    earth, velocity = load().state("earth", epoch, "sun")
    out = np.stack([7e6 + 4000.0 * (epoch - epoch[0]), 0 * epoch, 0 * epoch], axis=1)
    columns = {f"{axis}_m": (earth + out)[:, k] for k, axis in enumerate("xyz")}
    columns |= {f"v{axis}_m_s": velocity[:, k] for k, axis in enumerate("xyz")}
    samples = pl.DataFrame({"flight": "m", "step": 1, "centre": "sun", "epoch_tdb_s": epoch, **columns})
    found = orbits.pieces(dataclasses.replace(run, flights=dataclasses.replace(run.flights, samples=samples)))
    assert [(p.flight, p.centre) for p in found] == [("m", "earth")]
    r = found[0].r_m
    assert np.allclose(r[0], [7e6, 0.0, 0.0], atol=100.0)
    assert 1.5e9 < np.linalg.norm(r[-1]) <= orbits.EDGE_M


def test_a_long_gap_out_of_a_low_orbit_is_bridged_along_the_hyperbola() -> None:
    """One sample at the burn, the next five days later: points between them obey the conic's polar equation."""
    r0, v0 = np.array([6.678e6, 0.0, 0.0]), np.array([0.0, 11.6e3, 0.0])
    r, v, t = r0[None], v0[None], 0.0
    while t < 5 * 86400.0:  # the same hyperbola in steps twenty times finer
        h = 0.005 * float(np.linalg.norm(r) / np.linalg.norm(v))
        r, v = orbits._step(r, v, np.array([[h]]), GM_EARTH_M3_S2)
        t += h
    epoch, found = orbits.fill_gaps(np.array([0.0, t]), np.stack([r0, r[0]]), np.stack([v0, v[0]]), GM_EARTH_M3_S2)
    assert len(epoch) > 60
    assert (np.diff(epoch) > 0.0).all()
    momentum = r0[0] * v0[1]
    parameter = momentum**2 / GM_EARTH_M3_S2
    eccentricity = parameter / r0[0] - 1.0
    angle = np.arctan2(found[:, 1], found[:, 0])
    error = np.linalg.norm(found, axis=1) * (1.0 + eccentricity * np.cos(angle)) / parameter - 1.0
    print(f"bridged hyperbola, relative: q50 {np.quantile(np.abs(error), 0.5):.1e}, max {np.abs(error).max():.1e}")
    assert np.abs(error).max() < 1e-3
