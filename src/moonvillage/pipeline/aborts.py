"""The ways home from a run's crewed flights, moment by moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.records.campaign import Campaign
from moonvillage.records.flights import Flights
from moonvillage.records.legs import Leg, Trajectory
from moonvillage.trajectory.aborts import AbortOption, abort_profile

#: Legs shorter than this are descents, ascents and dockings, whose aborts are another matter.
_SHORTEST_S = 86400.0


def crewed_flights(campaign: Campaign) -> list[str]:
    """The flights with people aboard, by id."""
    table = campaign.table("flights")
    return table.filter((pl.col("crew_up") > 0) | (pl.col("crew_down") > 0))["flight"].sort().to_list()


def abort_tables(
    flights: Flights, wanted: Sequence[str], moments: int, dv_limit_m_s: float, time_limit_s: float
) -> list[dict[str, Any]]:
    """For each leg of the wanted flights that lasts more than a day: aborts at moments along it, JSON-ready.

    Parameters
    ----------
    flights
        What was flown, with samples.
    wanted
        Flight ids.
    moments
        How many along each leg.
    dv_limit_m_s, time_limit_s
        Limits of a return.
    """
    found: list[dict[str, Any]] = []
    for row in flights.flown.filter(pl.col("flight").is_in(list(wanted)) & pl.col("converged")).iter_rows(named=True):
        samples = flights.samples.filter((pl.col("flight") == row["flight"]) & (pl.col("step") == row["step"]))
        lasts = row["arrival_tdb_s"] - row["departure_tdb_s"]
        if lasts < _SHORTEST_S or samples.is_empty() or str(samples["centre"][0]) not in ("earth", "moon"):
            continue
        track = Trajectory(
            str(samples["centre"][0]),
            samples["epoch_tdb_s"].to_numpy(),
            samples.select("x_m", "y_m", "z_m").to_numpy(),
            samples.select("vx_m_s", "vy_m_s", "vz_m_s").to_numpy(),
        )
        leg = Leg(row["arc"], row["kind"], row["departure_tdb_s"], row["arrival_tdb_s"], True, trajectory=track)
        profile = abort_profile(leg, moments=moments, dv_limit_m_s=dv_limit_m_s, time_limit_s=time_limit_s)
        found.append(
            {
                "flight": row["flight"],
                "step": row["step"],
                "from": row["origin"],
                "to": row["destination"],
                "summary": profile.summary,
                "moments": [
                    {
                        "utc": tdb_s_to_utc(moment.epoch_tdb_s),
                        "reason": moment.reason,
                        "cheapest": _plain(moment.cheapest),
                        "quickest": _plain(moment.options[0] if moment.options else None),
                    }
                    for moment in profile.moments
                ],
            }
        )
    return found


def _plain(option: AbortOption | None) -> dict[str, Any] | None:
    if option is None:
        return None
    return {
        "dv_m_s": option.dv_m_s,
        "duration_s": option.duration_s,
        "wait_s": option.wait_s,
        "entry_speed_m_s": option.entry_speed_m_s,
        "approximation": option.approximation,
    }
