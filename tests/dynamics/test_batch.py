"""Many flights at once are those flights one by one."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage import dynamics
from moonvillage.dynamics.batch import SEARCH_TOLERANCE, lanes, propagate_batch
from moonvillage.errors import EphemerisRangeError

#: radius, speed and longest flight of the sample, by centre
_SORTS = {"earth": (6_563e3, 10.93e3, 5.0), "moon": (1_837e3, 2.47e3, 0.9), "sun": (1.5e11, 30e3, 40.0)}


def _states(count: int, radius: float, speed: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    r = rng.normal(size=(count, 3))
    r /= np.linalg.norm(r, axis=1)[:, None]
    v = np.cross(r, rng.normal(size=(count, 3)))
    return radius * r, speed * v / np.linalg.norm(v, axis=1)[:, None]


@pytest.mark.parametrize("centre", ["earth", "moon", "sun"])
@pytest.mark.parametrize("stm", [False, True])
def test_lanes_agree_with_flights_one_by_one(centre: str, stm: bool) -> None:
    radius, speed, longest = _SORTS[centre]
    count = 2 * lanes() + 3  # full groups and a padded one
    rng = np.random.default_rng(5)
    r, v = _states(count, radius, speed, 7)
    start = 8.5e8 + rng.uniform(0.0, 3e7, count)
    end = start + rng.uniform(-longest, longest, count) * 86400.0
    found = propagate_batch(start, r, v, end, centre=centre, stm=stm)
    assert found.ok.all()
    assert (found.stm is not None) == stm
    paths = [dynamics.propagate(start[k], r[k], v[k], end[k], centre=centre, stm=stm) for k in range(count)]
    miss = np.array([np.linalg.norm(path.r_m - found.r_m[k]) for k, path in enumerate(paths)])
    print(f"{centre}: |batch - one| q50 {np.median(miss):.1e} m, max {miss.max():.1e} m")
    assert miss.max() < (1e-2 if centre == "sun" else 1e-3)
    if found.stm is not None:
        for k, path in enumerate(paths):
            assert path.stm is not None
            np.testing.assert_allclose(found.stm[k], path.stm, rtol=1e-8, atol=1e-8 * np.abs(path.stm).max())


def test_a_flight_into_the_ground_spoils_no_other() -> None:
    r, v = _states(lanes() + 2, 1_837e3, 2.47e3, 3)
    bad = [1, lanes()]
    r[bad], v[bad] = [1e3, 0.0, 0.0], [-1.0, 0.0, 0.0]
    r[2] = np.nan
    found = propagate_batch(8.5e8, r, v, 8.5e8 + 40_000.0, centre="moon")
    assert not found.ok[[*bad, 2]].any()
    assert np.isnan(found.r_m[bad]).all()
    rest = np.setdiff1d(np.arange(len(r)), [*bad, 2])
    assert found.ok[rest].all()
    path = dynamics.propagate(8.5e8, r[0], v[0], 8.5e8 + 40_000.0, centre="moon")
    assert np.linalg.norm(path.r_m - found.r_m[0]) < 1e-3


def test_the_company_of_a_flight_changes_nothing() -> None:
    r, v = _states(3 * lanes(), 6_563e3, 10.9e3, 11)
    end = 8.5e8 + np.linspace(1.0, 4.0, len(r)) * 86400.0
    together = propagate_batch(8.5e8, r, v, end, centre="earth")
    alone = propagate_batch(8.5e8, r[5:6], v[5:6], end[5:6], centre="earth")
    np.testing.assert_array_equal(together.r_m[5], alone.r_m[0])


def test_the_coarser_tolerance_is_good_to_metres() -> None:
    r, v = _states(lanes(), 6_563e3, 10.9e3, 13)
    fine = propagate_batch(8.5e8, r, v, 8.5e8 + 4 * 86400.0, centre="earth")
    coarse = propagate_batch(8.5e8, r, v, 8.5e8 + 4 * 86400.0, centre="earth", tolerance=SEARCH_TOLERANCE)
    miss = np.linalg.norm(fine.r_m - coarse.r_m, axis=1)
    assert 0.0 < miss.max() < 10.0


def test_nothing_to_fly_and_wrong_shapes() -> None:
    assert propagate_batch(0.0, np.empty((0, 3)), np.empty((0, 3)), 1.0, centre="earth").ok.size == 0
    with pytest.raises(ValueError, match="states must be"):
        propagate_batch(0.0, np.ones((2, 3)), np.ones((1, 3)), 1.0, centre="earth")
    with pytest.raises(EphemerisRangeError):
        propagate_batch(9e11, np.ones((1, 3)) * 7e6, np.ones((1, 3)) * 5e3, 9e11 + 1.0, centre="earth")
