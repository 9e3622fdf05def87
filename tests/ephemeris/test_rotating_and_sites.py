"""The rotating frame with velocities, the frame bias, and the sky over a site."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage.ephemeris import frames, load, orientation, rotating, utc_to_tdb_s
from moonvillage.ephemeris.sites import Site, azimuth_elevation, enu_matrix

EPOCH = st.floats(utc_to_tdb_s("1980-01-01"), utc_to_tdb_s("2060-01-01"))
QUIET = settings(max_examples=40, derandomize=True, deadline=None)
VECTOR = st.lists(st.floats(-5e8, 5e8), min_size=3, max_size=3)
HERE = Path(__file__).parent / "truth"


@QUIET
@given(EPOCH, VECTOR, st.sampled_from(["earth", "emb", "moon"]), st.sampled_from(["earth", "moon"]), st.booleans())
def test_rotating_and_back(epoch: float, r: list[float], origin: str, centre: str, pulsating: bool) -> None:
    v = np.array(r)[::-1] * 1e-5
    given_state = {"centre": centre, "origin": origin, "pulsating": pulsating}
    place, motion = rotating.to_rotating(epoch, r, v, **given_state)  # type: ignore[arg-type]
    back = rotating.from_rotating(epoch, place, motion, **given_state)  # type: ignore[arg-type]
    assert np.allclose(back[0], r, atol=1e-5)
    assert np.allclose(back[1], v, atol=1e-10)


@QUIET
@given(EPOCH, VECTOR, st.booleans())
def test_rotating_velocities_are_derivatives(epoch: float, r: list[float], pulsating: bool) -> None:
    """Of the position of a craft that flies straight."""
    v = np.array([300.0, -800.0, 450.0])
    _, motion = rotating.to_rotating(epoch, r, v, pulsating=pulsating)
    step = 30.0
    ahead, behind = (
        rotating.to_rotating(epoch + s, np.array(r) + v * s, v, pulsating=pulsating)[0] for s in (step, -step)
    )
    assert np.abs((ahead - behind) / (2.0 * step) - motion).max() < 2e-5 * (1.0 / 3.8e8 if pulsating else 1.0)


def test_the_moon_stands_still_where_it_should() -> None:
    epochs = utc_to_tdb_s("2030-01-01") + np.arange(30) * 86400.0
    r, v = load().state("moon", epochs)
    place, motion = rotating.to_rotating(epochs, r, v, origin="earth")
    assert np.allclose(place, [1.0, 0.0, 0.0], atol=1e-14)
    assert np.abs(motion).max() < 1e-18
    place, motion = rotating.to_rotating(epochs, r, v, origin="earth", pulsating=False)
    assert np.allclose(place[:, 0], np.linalg.norm(r, axis=1))
    assert np.abs(motion[:, 1:]).max() < 1e-9
    with pytest.raises(ValueError, match="origin"):
        rotating.to_rotating(0.0, np.zeros(3), np.zeros(3), origin="mars")


def test_the_frame_bias_is_the_published_one() -> None:
    """IERS Conventions 2010, eq. 5.32 and table 5.1: dα₀ −14.6 mas, ξ₀ −16.6170 mas, η₀ −6.8192 mas."""
    matrix = frames.eme2000_matrix()
    mas = math.pi / 180.0 / 3.6e6
    assert matrix[0, 1] / mas == pytest.approx(-14.6, abs=1e-3)
    assert -matrix[0, 2] / mas == pytest.approx(-16.6170, abs=2e-3)
    assert -matrix[1, 2] / mas == pytest.approx(-6.8192, abs=2e-3)
    assert np.linalg.norm(matrix - matrix.T) / math.sqrt(8.0) / mas == pytest.approx(23.15, abs=0.01)


def test_lunar_axes_agree_with_spice() -> None:
    """The series against SPICE's MOON_PA and MOON_ME (DE421), and the constant turn between them."""
    rows = json.loads((HERE / "moon_pa_de421.json").read_text())["spice"]["rows"]
    misses = {"series ME": [], "series PA": [], "ME to PA": []}  # type: dict[str, list[float]]
    for row in rows:
        pa, me = np.array(row["pa"]), np.array(row["me"])
        for name, gap in (
            ("series ME", orientation.moon_me_matrix(row["epoch_tdb_s"]) - me),
            ("series PA", orientation.moon_pa_matrix(row["epoch_tdb_s"], "de421") - pa),
            ("ME to PA", orientation.pa_from_me("de421") - pa @ me.T),
        ):
            misses[name].append(float(np.linalg.norm(gap)) / math.sqrt(2.0) * 1737.4e3)
    for name, found in misses.items():
        q50, q99, most = np.quantile(found, [0.5, 0.99, 1.0])
        print(f"{name}: q50 {q50:.3g} q99 {q99:.3g} max {most:.3g} m at the surface")
    assert max(misses["series ME"] + misses["series PA"]) < 150.0
    assert max(misses["ME to PA"]) < 1e-3


@QUIET
@given(EPOCH, st.floats(-1.55, 1.55), st.floats(-3.1, 3.1), st.sampled_from(["earth", "moon"]))
def test_straight_up_is_straight_up(epoch: float, lat: float, lon: float, body: str) -> None:
    site = Site(body, lat, lon, 100.0)
    r, v = site.state(epoch)
    up = site.axes(epoch)[2]
    _, elevation, distance = site.look(epoch, r + 5e5 * up)
    assert float(elevation) == pytest.approx(math.pi / 2, abs=1e-6)
    assert float(distance) == pytest.approx(5e5, abs=1e-3)
    east, north = site.axes(epoch)[:2]
    azimuth, elevation, _ = site.look(epoch, r + 1e5 * east)
    assert float(azimuth) == pytest.approx(math.pi / 2, abs=1e-6)
    assert float(elevation) == pytest.approx(0.0, abs=1e-6)
    assert abs(math.remainder(float(site.look(epoch, r + 1e5 * north)[0]), math.tau)) < 1e-6
    ahead, behind = (site.state(epoch + s)[0] for s in (10.0, -10.0))
    assert np.abs((ahead - behind) / 20.0 - v).max() < 1e-3


def test_the_sky_turns_the_right_way() -> None:
    """The Sun at Greenwich on an equinox's noon stands south, half a day later below the north."""
    site = Site("earth", math.radians(51.48), 0.0)
    for text, south in (("2030-03-20T12:07:00Z", True), ("2030-03-20T00:07:00Z", False)):
        epoch = utc_to_tdb_s(text)
        azimuth, elevation, _ = site.look(epoch, load().position("sun", epoch))
        assert math.degrees(float(azimuth)) == pytest.approx(180.0 if south else 0.0, abs=1.0) or (
            not south and math.degrees(float(azimuth)) > 359.0
        )
        assert math.degrees(float(elevation)) == pytest.approx(38.5 if south else -38.5, abs=0.4)
    a, e, d = azimuth_elevation(np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 1.0]]))
    assert np.allclose(np.degrees(a), [90.0, 270.0])
    assert np.allclose(np.degrees(e), [0.0, 45.0])
    assert np.allclose(d, [1.0, math.sqrt(2.0)])
    assert np.allclose(enu_matrix(0.0, 0.0), [[0, 1, 0], [0, 0, 1], [1, 0, 0]])
    with pytest.raises(ValueError, match="mars"):
        Site("mars", 0.0, 0.0)
