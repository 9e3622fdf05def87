"""What a replay is made of: what a step computed, what was flown, and the rows that compare the two.

Values are SI floats; epochs are TDB seconds past J2000 (docs/conventions.md §1, §2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris.time import tdb_s_to_utc

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A sort of number that can be compared: its dimension, the unit of tables, how errors are counted.

    ``dimension`` is a key of ``units.DIMENSIONS``, or ``"date"`` for an instant. ``factor`` SI units make one
    ``unit``. Where ``relative`` is True the default bound and the summary count relative errors, else absolute ones.
    ``bound`` is the default bound (a fraction where relative, else SI).
    """

    dimension: str
    unit: str
    factor: float
    relative: bool
    bound: float
    doc: str


#: Everything that a row may compare. Names are part of the file format and of the JSON.
QUANTITIES: Final[dict[str, Quantity]] = {
    "dv": Quantity("speed", "m/s", 1.0, True, 0.05, "velocity change of a burn, losses included"),
    "burn_time": Quantity("time", "s", 1.0, True, 0.05, "how long the engine burns"),
    "propellant": Quantity("mass", "kg", 1.0, True, 0.05, "propellant that a burn (or a step) uses"),
    "mass_after": Quantity("mass", "kg", 1.0, True, 0.05, "mass of the craft after the step"),
    "time": Quantity("date", "s", 1.0, False, 600.0, "the instant of an event (UTC in files)"),
    "flight_time": Quantity("time", "s", 1.0, False, 600.0, "time between two events"),
    "period": Quantity("time", "s", 1.0, True, 0.02, "period of an orbit"),
    "periapsis": Quantity("length", "km", 1e3, False, 5e3, "height of the lowest point of an orbit or a pass"),
    "apoapsis": Quantity("length", "km", 1e3, False, 5e3, "height of the highest point of an orbit"),
    "apogee": Quantity("length", "km", 1e3, True, 0.05, "height of the apogee of a flight towards the Moon"),
    "distance": Quantity("length", "km", 1e3, True, 0.02, "a distance between centres, or a miss"),
    "inclination": Quantity("angle", "deg", math.pi / 180.0, False, math.radians(1.0), "inclination of an orbit"),
    "angle": Quantity("angle", "deg", math.pi / 180.0, False, math.radians(1.0), "any other angle"),
    "c3": Quantity("c3", "km2/s2", 1e6, False, 0.1e6, "twice the energy per mass about the Earth"),
    "speed": Quantity("speed", "m/s", 1.0, True, 0.005, "a speed about the body named by the step"),
    "recovered_dv": Quantity("speed", "m/s", 1.0, False, 0.5, "a burn found in an as-flown ephemeris, not predicted"),
    "recovered_time": Quantity("time", "s", 1.0, False, 3.0, "length of a burn found in an as-flown ephemeris"),
    "position_error": Quantity("length", "m", 1.0, False, 15.0, "position missed at the end of an arc"),
}


@dataclass(frozen=True, slots=True)
class Computed:
    """One computed number, SI (or TDB seconds for ``time``), and what must be known to read it."""

    value: float
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """Where a craft is between two steps: epoch, ``state`` (6,) r, v ICRF about ``centre``, and its mass.

    ``mass_kg`` is None where the file does not give masses.
    """

    epoch_tdb_s: float
    centre: str
    state: Floats
    mass_kg: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a step gives back: numbers by (event, quantity), where its craft are then, and what was approximated.

    A step that found no solution has a ``reason``, a sentence, and may have no numbers. The event ``""`` is the step.
    """

    computed: dict[tuple[str, str], Computed] = field(default_factory=dict)
    after: dict[str, Situation] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison. ``computed``, ``flown``, ``error`` and ``bound`` are in ``unit``; instants in TDB seconds.

    ``within`` is |error| ≤ bound. ``role`` is ``"compared"``, or ``"input"`` where the file gives the value itself as
    an operator's choice (then nothing is proven, and no summary counts it). ``relative_error`` of an instant is its
    error over the time since the mission's start. What could not be computed is None and not within.
    """

    event: str
    quantity: str
    unit: str
    computed: float | None
    flown: float
    error: float | None
    relative_error: float | None
    confidence: float
    source: str
    bound: float
    within: bool
    role: str = "compared"
    reason: str = ""
    step: str = ""
    kind: str = ""
    utc: bool = False

    @property
    def computed_utc(self) -> str | None:
        """The computed instant as UTC text; None for other quantities."""
        return tdb_s_to_utc(self.computed) if self.utc and self.computed is not None else None

    @property
    def flown_utc(self) -> str | None:
        """The flown instant as UTC text; None for other quantities."""
        return tdb_s_to_utc(self.flown) if self.utc else None


@dataclass(frozen=True, slots=True)
class Replay:
    """A mission replayed: its rows in the order of the file, what steps approximated, and which failed, and why."""

    mission: str
    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    failures: tuple[str, ...] = ()
    cpu_s: float = 0.0

    @property
    def within(self) -> bool:
        """True where every row is within its bound."""
        return all(row.within for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """The contract of ``moonvillage replay --json`` for one mission."""
        rows = []
        for row in self.rows:
            item = {name: getattr(row, name) for name in Row.__slots__ if name != "utc"}
            if row.utc:
                item |= {"computed_utc": row.computed_utc, "flown_utc": row.flown_utc}
            rows.append(item)
        return {
            "mission": self.mission,
            "title": self.title,
            "rows": rows,
            "summary": summarise(list(self.rows)),
            "within": self.within,
            "notes": list(self.notes),
            "failures": list(self.failures),
            "sources": dict(self.sources),
        }


def summarise(rows: list[Row], least_confidence: float = 0.0) -> dict[str, dict[str, Any]]:
    """Median and greatest |error| by quantity, over compared rows of at least some confidence.

    Relative errors where the quantity is counted so, else absolute ones in ``unit`` (see :data:`QUANTITIES`).
    ``rows`` counts them; ``failed`` those without a computed value.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, quantity in QUANTITIES.items():
        mine = [r for r in rows if r.quantity == name and r.role == "compared" and r.confidence >= least_confidence]
        if not mine:
            continue
        values = [r.relative_error if quantity.relative else r.error for r in mine]
        sizes = np.abs([v for v in values if v is not None])
        found[name] = {
            "median": float(np.median(sizes)) if sizes.size else None,
            "max": float(sizes.max()) if sizes.size else None,
            "rows": len(mine),
            "failed": len(mine) - int(sizes.size),
            "unit": "1" if quantity.relative else quantity.unit,
        }
    return found
