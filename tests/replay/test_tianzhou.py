"""Tianzhou-1 and Shenzhou-11 to Tiangong-2: planes, launch times, docking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage.ephemeris import utc_to_tdb_s
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, GM_EARTH_M3_S2
from moonvillage.replay import replay
from moonvillage.replay.kinds.station import circular_in, plane_at_launch

_POLE = np.array([0.0, 0.0, 1.0])


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.floats(-80.0, 80.0), st.floats(0.0, 360.0), st.floats(0.1, 89.0), st.booleans())
def test_a_launch_plane_holds_its_pad(latitude: float, longitude: float, more: float, north: bool) -> None:
    """Of every inclination above the latitude there are two planes through a pad; below there is none."""
    a, b = np.radians(latitude), np.radians(longitude)
    pad = np.array([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)])
    inclination = abs(a) + more / 90.0 * (0.5 * np.pi - abs(a))
    normal = plane_at_launch(pad, _POLE, float(inclination), north)
    assert normal is not None
    assert abs(normal @ pad) < 1e-12
    assert np.arccos(normal[2]) == pytest.approx(inclination, abs=1e-7)
    assert (np.cross(normal, pad)[2] > 0.0) == north
    if abs(a) > 1e-6:  # nearer to the equator the cosines of both angles round to 1
        assert plane_at_launch(pad, _POLE, 0.9 * abs(float(a)), north) is None
    state = circular_in(normal, pad, EARTH_RADIUS_M + 4e5)
    assert np.linalg.norm(state[3:]) ** 2 == pytest.approx(GM_EARTH_M3_S2 / (EARTH_RADIUS_M + 4e5))
    assert abs(state[:3] @ state[3:]) < 1e-3


@pytest.mark.slow
def test_the_station_s_plane_tells_when_to_launch() -> None:
    """Shenzhou-11 a month after Tiangong-2 to 10 min, Tianzhou-1 half a year later to what its height is known to."""
    found = replay("tianzhou_1")
    rows = {row.event: row for row in found.rows if row.quantity == "time" and row.role == "compared"}
    assert set(rows) == {"Shenzhou-11 launch", "Tianzhou-1 launch"}
    for name, row in rows.items():
        print(f"{name}: computed {row.computed_utc}, flown {row.flown_utc}, {row.error / 60.0:+.1f} min")
    assert abs(rows["Shenzhou-11 launch"].error) < 600.0
    assert abs(rows["Tianzhou-1 launch"].error) < 1800.0
    assert rows["Tianzhou-1 launch"].computed == pytest.approx(utc_to_tdb_s("2017-04-20T11:41:35"), abs=1800.0)
    # no step failed, and what was an operator's choice is said to be one
    assert all(row.computed is not None for row in found.rows)
    assert {row.role for row in found.rows if row.quantity == "flight_time"} == {"input"}
    assert found.within
