"""What was lived: the log of an outpost or a station."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True, slots=True)
class Handover:
    """Something that reaches or leaves an outpost with a flight.

    ``stocks_kg`` by commodity and ``modules`` by id are positive when delivered, negative when taken away.
    ``crew`` is the change in people on site.
    """

    epoch_tdb_s: float
    place: str
    flight: str
    stocks_kg: Mapping[str, float] = field(default_factory=dict)
    modules: Mapping[str, int] = field(default_factory=dict)
    crew: int = 0


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A stock that ran below what was needed: the amount missing, from when.

    ``flight`` names the flight that was to take it away, where that is what fell short.
    """

    place: str
    commodity: str
    epoch_tdb_s: float
    amount_kg: float
    reason: str
    flight: str = ""


@dataclass(frozen=True, slots=True)
class Margin:
    """The smallest margin of one stock above its reserve, and when it was reached."""

    place: str
    commodity: str
    epoch_tdb_s: float
    amount_kg: float
    days_of_use: float


@dataclass(frozen=True, slots=True)
class Balance:
    """The largest imbalance seen in any step of one conserved quantity, relative to that step's throughput."""

    place: str
    quantity: str  # "mass", "H", "C", "O", "N", "energy"
    worst_relative: float
    epoch_tdb_s: float
    throughput: float


@dataclass(frozen=True, slots=True, eq=False)
class OutpostLog:
    """The days of one outpost. ``days`` has a row per reported step:

    ``place, epoch_tdb_s, crew, sun_fraction, generated_j, load_j, shed_j, stored_j, storage_capacity_j`` and for each
    commodity ``<id>_kg`` (stock), ``<id>_in_kg`` (delivered), ``<id>_made_kg``, ``<id>_used_kg``, ``<id>_lost_kg``.
    ``events`` has ``place, epoch_tdb_s, kind, subject, detail`` (failures, repairs, shedding, arrivals, deaths).
    """

    days: pl.DataFrame
    events: pl.DataFrame
    shortfalls: tuple[Shortfall, ...] = ()
    margins: tuple[Margin, ...] = ()
    balances: tuple[Balance, ...] = ()
    crew_days: float = 0.0
    notes: tuple[str, ...] = ()  # approximations, in sentences
