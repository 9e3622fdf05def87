"""The ways home along a flown leg."""

from __future__ import annotations

import math

import polars as pl

from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.pipeline.aborts import abort_tables
from moonvillage.records.flights import FLOWN, FLOWN_BURNS, SAMPLES, Flights
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit
from moonvillage.trajectory import solve


def test_a_crew_on_its_way_to_the_moon_can_come_home() -> None:
    """Half-way out: a return exists, the cheapest is no dearer than the quickest, and within the limits given."""
    arc = Arc("out", EarthOrbit("leo", 200e3, 0.5), MoonOrbit("llo", 100e3, math.pi / 2))
    leg = solve(arc, utc_to_tdb_s("2031-03-05"), samples=60)
    track = leg.trajectory
    assert track is not None
    rows = [
        ("one", 1, track.centre, float(t), *map(float, r), *map(float, v))
        for t, r, v in zip(track.epoch_tdb_s, track.r_m, track.v_m_s, strict=True)
    ]
    flown = {name: None for name in FLOWN} | {
        "flight": "one",
        "step": 1,
        "arc": "out",
        "kind": leg.kind,
        "origin": "leo",
        "destination": "llo",
        "departure_tdb_s": leg.departure_tdb_s,
        "arrival_tdb_s": leg.arrival_tdb_s,
        "converged": True,
    }
    flights = Flights(
        pl.DataFrame([flown], schema=dict(FLOWN)),
        pl.DataFrame(rows, schema=dict(SAMPLES), orient="row"),
        pl.DataFrame(schema=dict(FLOWN_BURNS)),
    )
    (entry,) = abort_tables(flights, ["one"], 1, 1500.0, 6.0 * 86400.0)
    (moment,) = entry["moments"]
    assert moment["reason"] == ""
    cheapest, quickest = moment["cheapest"], moment["quickest"]
    assert 0.0 < cheapest["dv_m_s"] <= quickest["dv_m_s"] <= 1500.0
    assert quickest["duration_s"] <= cheapest["duration_s"] <= 6.0 * 86400.0
    assert "worst moment" in entry["summary"]
    assert abort_tables(flights, ["two"], 1, 1500.0, 6.0 * 86400.0) == []
