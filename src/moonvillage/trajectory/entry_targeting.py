"""Entry to a site: the bank and its reversal that bring a capsule there, direct or with a skip."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris.sites import Site
from moonvillage.trajectory.entry import Capsule, EntryBatch, EntryFlight, entry_state, fly_batch, fly_entry, ranges

Floats = NDArray[np.float64]

_CLOSE_M = 500.0
_NARROWINGS = 11
_BANKS = np.deg2rad(np.concatenate([np.arange(20.0, 90.0, 5.0), np.arange(90.0, 161.0, 10.0)]))
_REVERSALS = np.array([0.0, 2000.0, 4000.0, 6000.0, 7500.0])


@dataclass(frozen=True, slots=True, eq=False)
class EntryPlan:
    """How to come down at a site, or why not (``reason`` not empty).

    ``bank_rad`` (sign of the first bank; positive to the right) and ``reversal_m_s`` steer; ``flight`` is flown with
    them; ``miss_m`` its distance from the site at the drogues. ``kind`` is "direct" or "skip". ``downrange_m``,
    ``crossrange_m``: of the site from the entry.
    """

    kind: str
    bank_rad: float
    reversal_m_s: float
    miss_m: float
    downrange_m: float
    crossrange_m: float
    flight: EntryFlight | None
    reason: str = ""


def site_vector(latitude_rad: float, longitude_rad: float) -> Floats:
    """Earth-fixed position (3,), m, of a site at sea level; geodetic latitude (WGS 84)."""
    return Site("earth", latitude_rad, longitude_rad).fixed_m


def site_ranges(state: Floats, site_m: Floats) -> tuple[float, float]:
    """Down- and crossrange, m, of an Earth-fixed site (3,) from an entry state (6,) (``entry.entry_state``)."""
    along, across = ranges(state[None], site_m[None])
    return float(along[0]), float(across[0])


def plan_entry(
    epoch_tdb_s: float,
    r_m: Floats,
    v_m_s: Floats,
    capsule: Capsule,
    latitude_rad: float,
    longitude_rad: float,
    *,
    load_limit_g: float = 12.0,
    pullout_rad: float | None = 0.0,
    step_s: float = 2.0,
) -> EntryPlan:
    """Find bank and reversal that lead to a site.

    Parameters
    ----------
    epoch_tdb_s, r_m, v_m_s
        At the interface: TDB seconds past J2000; (3,), (3,) ICRF about the Earth.
    capsule
        The vehicle.
    latitude_rad, longitude_rad
        The site, geodetic, WGS 84.
    load_limit_g
        Entries that exceed it do not count.
    pullout_rad
        As in :func:`moonvillage.trajectory.entry.fly_batch`.
    step_s
        Of the search; the plan is flown with half of it.

    Returns
    -------
    EntryPlan
        Where the site is out of reach, the ``reason`` says by how much and what can be reached.

    Notes
    -----
    A grid over both figures is flown at once, then smaller and smaller ones about the entry of least miss.
    """
    state = entry_state(epoch_tdb_s, r_m, v_m_s)
    site = site_vector(latitude_rad, longitude_rad)
    along, across = site_ranges(state, site)
    signs = np.array([1.0, -1.0])
    banks = np.repeat(_BANKS, _REVERSALS.size * 2) * np.tile(np.repeat(signs, _REVERSALS.size), _BANKS.size)
    reversals = np.tile(_REVERSALS, _BANKS.size * 2)

    def none(reason: str) -> EntryPlan:
        return EntryPlan("", math.nan, math.nan, math.nan, along, across, None, reason)

    batch = fly_batch(state, capsule, banks, reversals, pullout_rad=pullout_rad, step_s=step_s)
    good = batch.landed & (batch.peak_load_g <= load_limit_g)
    if not good.any():
        return none(f"No bank keeps the load under {load_limit_g:g} g and brings the capsule down.")
    distance = np.where(good, np.hypot(batch.downrange_m - along, batch.crossrange_m - across), np.inf)
    best: tuple[float, float, float] | None = None
    for start in np.argsort(distance)[:3]:
        if not np.isfinite(distance[start]):
            break
        start_bank, start_speed = float(banks[start]), float(reversals[start])
        found = _narrow(state, capsule, start_bank, start_speed, along, across, pullout_rad, step_s, load_limit_g)
        if best is None or found[2] < best[2]:
            best = found
        if best[2] < _CLOSE_M:
            break
    assert best is not None
    bank, reversal, _ = best
    flight = fly_entry(epoch_tdb_s, r_m, v_m_s, capsule, bank, reversal, pullout_rad=pullout_rad, step_s=0.5 * step_s)
    miss = _apart(flight, latitude_rad, longitude_rad)
    kind = "skip" if flight.skipped else "direct"
    if flight.reason:
        return none(flight.reason)
    if miss > 5e3:
        reach = batch.downrange_m[good]
        reach = reach[reach < 2e7]
        return EntryPlan(
            kind,
            bank,
            reversal,
            miss,
            along,
            across,
            flight,
            f"The site lies {along / 1e3:.0f} km down and {across / 1e3:+.0f} km across the entry; "
            f"{reach.min() / 1e3:.0f} to {reach.max() / 1e3:.0f} km and "
            f"{np.abs(batch.crossrange_m[good]).max() / 1e3:.0f} km across can be reached within {load_limit_g:g} g; "
            f"the nearest entry misses by {miss / 1e3:.0f} km.",
        )
    if flight.peak_load_g > load_limit_g * 1.001:
        return EntryPlan(
            kind,
            bank,
            reversal,
            miss,
            along,
            across,
            flight,
            f"The entry that reaches the site peaks at {flight.peak_load_g:.1f} g, above {load_limit_g:g} g.",
        )
    return EntryPlan(kind, bank, reversal, miss, along, across, flight)


def _narrow(
    state: Floats,
    capsule: Capsule,
    bank: float,
    reversal: float,
    along: float,
    across: float,
    pullout: float | None,
    step_s: float,
    load_limit_g: float,
) -> tuple[float, float, float]:
    """(bank, reversal, miss) by ever smaller grids about the best entry so far, each flown at once."""
    best = (bank, reversal, math.inf)
    spans = np.array([math.radians(4.0), 1200.0])
    offsets = np.linspace(-1.0, 1.0, 9)
    coarse = True
    for _ in range(2 * _NARROWINGS):
        if coarse and best[2] < 20e3:  # the last kilometres at the step with which the plan is flown
            coarse, best, step_s = False, (best[0], best[1], math.inf), 0.5 * step_s
            spans = np.maximum(spans, np.array([math.radians(0.15), 100.0]))
        banks = np.clip(abs(best[0]) + spans[0] * np.repeat(offsets, 9), 0.0, math.pi) * math.copysign(1.0, bank)
        speeds = np.clip(best[1] + spans[1] * np.tile(offsets, 9), 0.0, 9500.0)
        batch: EntryBatch = fly_batch(state, capsule, banks, speeds, pullout_rad=pullout, step_s=step_s)
        miss = np.hypot(batch.downrange_m - along, batch.crossrange_m - across)
        miss = np.where(batch.landed & (batch.peak_load_g <= load_limit_g), miss, np.inf)
        k = int(np.argmin(miss))
        if miss[k] < best[2]:
            best = (float(banks[k]), float(speeds[k]), float(miss[k]))
        if (best[2] < _CLOSE_M and not coarse) or spans[0] < 1e-6:
            break
        spans = 0.42 * spans
    return best


def _apart(flight: EntryFlight, latitude_rad: float, longitude_rad: float) -> float:
    a = site_vector(latitude_rad, longitude_rad)
    b = site_vector(flight.latitude_rad, flight.longitude_rad)
    return float(np.linalg.norm(a - b))
