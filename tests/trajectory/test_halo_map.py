"""The cells of a map to a halo learn from each other, and the map does not hang on how the work was shared out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from moonvillage.records.places import Arc, EarthOrbit, Halo
from moonvillage.trajectory import windows
from moonvillage.trajectory.halo_map import neighbours
from moonvillage.trajectory.windows import window_map

DAY_S = 86400.0
TO_NRHO = Arc(
    "leo>nrho", EarthOrbit("leo", 185e3, np.deg2rad(28.5)), Halo("nrho", 2, False, perilune_radius_m=3228e3)
)


def test_neighbours_are_beside_in_either_time_and_in_arrival() -> None:
    beside = neighbours(DAY_S * np.arange(3.0), DAY_S * np.array([5.0, 5.5, 6.0, 6.5]))
    assert beside.shape == (6, 12)
    assert beside[:, 5].tolist() == [4, 6, 1, 9, 3, -1]  # day 1, 5.5 d: arrives as day 0 with 6.5 d; 4.5 d is none
    assert beside[:, 6].tolist() == [5, 7, 2, 10, -1, 8]
    assert beside[:, 0].tolist() == [-1, 1, -1, 4, -1, -1]


def test_one_flight_time_has_neighbours_in_departure_alone() -> None:
    beside = neighbours(DAY_S * np.arange(3.0), DAY_S * np.array([5.0]))
    assert beside[:4].tolist() == [[-1] * 3, [-1] * 3, [-1, 0, 1], [1, 2, -1]]
    assert (beside[4:] == -1).all()


@pytest.mark.slow
def test_a_map_does_not_depend_on_who_solved_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(windows, "_CELLS_AT_ONCE", 8)
    departures, durations = 9.5e8 + DAY_S * np.arange(4.0), DAY_S * np.linspace(5.5, 8.5, 4)
    whole = window_map(TO_NRHO, departures, durations, workers=1)
    (tmp_path / "windows").joinpath(windows._key(TO_NRHO, departures, durations) + "-map.npz").unlink()
    parts = window_map(TO_NRHO, departures, durations, workers=1)  # its parts are on the disk, and learn again
    again = window_map(TO_NRHO, departures, durations, workers=1)  # the whole is
    for other in (parts, again):
        np.testing.assert_array_equal(other.burns_m_s, whole.burns_m_s)
        np.testing.assert_array_equal(other.closure_m, whole.closure_m)
        assert other.notes == whole.notes
        assert other.reasons == whole.reasons
