"""The books of one place: what each step recorded, whether it balances, and what ran short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from moonvillage.errors import ConservationError
from moonvillage.outpost.matter import GASES, Flows, State
from moonvillage.outpost.species import ELEMENTS, PURE, Vector
from moonvillage.records.outpost import Balance, Margin, Shortfall

Floats = NDArray[np.float64]
#: The largest imbalance that is put down to rounding, relative to throughput.
TOLERANCE: Final = 1e-9
#: Share of what is held that is added to the throughput, so that rounding in a full tank on an idle day is no loss.
_HELD_SHARE: Final = 1e-6
_CABIN: Final = np.array([PURE[gas] for gas in GASES])
ENERGY_COLUMNS: Final = (
    "generated_j",
    "load_j",
    "shed_j",
    "stored_j",
    "storage_capacity_j",
    "curtailed_j",
    "losses_j",
    "delivered_j",
)


@dataclass(slots=True)
class Book:
    """Rows of one place, appended to step by step. Commodities are in the order of ``commodities``."""

    place: str
    commodities: tuple[str, ...]
    stocks: list[list[float]] = field(default_factory=list)  # with the state before the first step: n + 1 rows
    cabin: list[list[float]] = field(default_factory=list)
    waste: list[list[float]] = field(default_factory=list)
    moved: dict[str, list[list[float]]] = field(
        default_factory=lambda: {name: [] for name in ("in", "made", "used", "lost", "deficit")}
    )
    cabin_in: list[list[float]] = field(default_factory=list)
    cabin_out: list[list[float]] = field(default_factory=list)
    outside: list[list[float]] = field(default_factory=list)
    energy: list[tuple[float, ...]] = field(default_factory=list)
    stored_before_j: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    crew: list[float] = field(default_factory=list)
    crew_end: list[int] = field(default_factory=list)
    sun: list[float] = field(default_factory=list)
    phase: list[int] = field(default_factory=list)  # index of the yard that stood
    vented: list[float] = field(default_factory=list)  # cabin air let out by relief and oxygen control, kg
    lacking: list[list[float]] = field(default_factory=list)  # oxygen, nitrogen that the cabin did without, kg

    _made: dict[str, tuple[int, Floats]] = field(default_factory=dict)

    def array(self, name: str) -> Floats:
        """A list of rows as an array, made once for as many rows; ``name`` of a field or of a table of ``moved``."""
        rows = self.moved[name] if name in self.moved else getattr(self, name)
        known = self._made.get(name)
        if known is None or known[0] != len(rows):
            known = self._made[name] = (len(rows), np.array(rows, dtype=np.float64))
        return known[1]

    def open(self, state: State) -> None:
        """Write down the state before the first step."""
        self._state(state)

    def _state(self, state: State) -> None:
        stocks = state.stocks
        self.stocks.append([stocks[c] for c in self.commodities])
        self.cabin.append(list(state.cabin))
        self.waste.append(list(state.waste))

    def write(self, state: State, flows: Flows, delivered: Mapping[str, float], cabin_in: Sequence[float]) -> None:
        """Write down the matter of one step."""
        self._state(state)
        for name, table in (
            ("in", delivered),
            ("made", flows.made),
            ("used", flows.used),
            ("lost", flows.lost),
            ("deficit", flows.deficit),
        ):
            get = table.get
            self.moved[name].append([get(c, 0.0) for c in self.commodities])
        self.cabin_in.append(list(cabin_in))
        self.cabin_out.append(flows.cabin_out)
        self.outside.append(flows.outside)

    # -- checks ---------------------------------------------------------------------------------------------

    def balances(self, compositions: Mapping[str, Vector]) -> tuple[Balance, ...]:
        """The worst imbalance of mass, each element and energy, relative to the throughput of its step.

        Throughput is all that moved in the step, plus a millionth of all that is held.

        Raises
        ------
        ConservationError
            If one is above :data:`TOLERANCE`, or a commodity's own account does not balance.
        """
        matrix = np.array([compositions[c] for c in self.commodities])
        stocks, cabin, waste = (self.array(name) for name in ("stocks", "cabin", "waste"))
        moved = {name: self.array(name) for name in self.moved}
        cabin_in, cabin_out, outside = (self.array(name) for name in ("cabin_in", "cabin_out", "outside"))
        change = np.diff(stocks, axis=0) @ matrix + np.diff(cabin, axis=0) @ _CABIN + np.diff(waste, axis=0)
        across = (moved["in"] + moved["deficit"] - moved["lost"]) @ matrix
        across += (cabin_in - cabin_out) @ _CABIN + outside
        through = sum(np.abs(m) for m in moved.values()) @ matrix
        through = through + (np.abs(cabin_in) + cabin_out) @ _CABIN + np.abs(outside)
        held = stocks[1:] @ matrix + np.abs(cabin[1:]) @ _CABIN + waste[1:]
        difference = change - across
        own = np.abs(np.diff(stocks, axis=0) - moved["in"] - moved["made"] + moved["used"] + moved["lost"])
        own_through = sum(np.abs(m) for m in moved.values()) + _HELD_SHARE * stocks[1:]
        found = [self._worst("mass", difference.sum(axis=1), through.sum(axis=1) + _HELD_SHARE * held.sum(axis=1))]
        for e, element in enumerate(ELEMENTS[:4]):
            found.append(self._worst(element, difference[:, e], through[:, e] + _HELD_SHARE * held[:, e]))
        for column, commodity in enumerate(self.commodities):
            self._worst(commodity, own[:, column], own_through[:, column])
        found.append(self._energy())
        return tuple(found)

    def _energy(self) -> Balance:
        table = self.array("energy").reshape(-1, len(ENERGY_COLUMNS))
        generated, load, _, stored, _, curtailed, losses, delivered = table.T
        before = self.array("stored_before_j")
        difference = (stored - before) - (generated + delivered - load - curtailed - losses)
        through = generated + load + losses + np.abs(delivered) + np.abs(stored - before)
        return self._worst("energy", difference, through + _HELD_SHARE * stored)

    def _worst(self, quantity: str, difference: Floats, through: Floats) -> Balance:
        size = np.abs(difference)
        relative = np.divide(size, through, out=np.where(size > 0.0, np.inf, 0.0), where=through > 0.0)
        at = int(np.argmax(relative))
        worst, epoch = float(relative[at]), self.ends[at]
        if worst > TOLERANCE:
            raise ConservationError(
                quantity, worst, float(through[at]), f"{self.place}, {epoch:.0f} s TDB past J2000"
            )
        return Balance(self.place, quantity, worst, epoch, float(through[at]))

    # -- what ran short -------------------------------------------------------------------------------------

    def deficits(self) -> list[tuple[Shortfall, float, float]]:
        """Every spell in which a need was not met: the shortfall, its length (s), and its share of the need."""
        deficit, used = self.array("deficit"), self.array("used")
        found = []
        for column, commodity in enumerate(self.commodities):
            lacking = deficit[:, column]
            short = lacking > 1e-9 * (lacking + used[:, column])
            for first, last in spells(short):
                amount = float(lacking[first:last].sum())
                if amount < 1e-6:
                    continue
                wanted = amount + float(used[first:last, column].sum())
                days = (self.ends[last - 1] - self.starts[first]) / 86400.0
                reason = f"the stock was empty for {days:.1f} d and {amount:.1f} kg lacked"
                shortfall = Shortfall(self.place, commodity, self.starts[first], amount, reason)
                found.append((shortfall, self.ends[last - 1] - self.starts[first], amount / wanted))
        return found

    def margins(
        self, reserve_s: Mapping[str, float], use_kg_s: Sequence[Mapping[str, float]]
    ) -> tuple[list[Margin], list[Shortfall]]:
        """Smallest stock above the reserve, per commodity that people use or that has a reserve or a stock.

        ``use_kg_s`` is the net use per person under each yard (by phase). The reserve is that use times the people
        on site times the commodity's ``reserve_s``, at the end of each step. The smallest margin is sought while
        people are there; where none ever are, from the first of the commodity on. Less than a step's use below the
        reserve is within the resolution of the steps and no shortfall.
        """
        stocks = self.array("stocks")[1:]
        crew, phase = self.array("crew_end"), np.array(self.phase)
        margins, shortfalls = [], []
        for column, commodity in enumerate(self.commodities):
            per_person = np.array([use.get(commodity, 0.0) for use in use_kg_s])[phase]
            seconds = reserve_s.get(commodity, 0.0)
            held = stocks[:, column]
            if not (seconds > 0.0 or per_person.any() or held.any()):
                continue
            margin = held - seconds * per_person * crew
            counts = crew > 0.0 if crew.any() else np.maximum.accumulate(held > 0.0)
            at = int(np.argmin(np.where(counts | ~counts.any(), margin, np.inf)))
            use = float(per_person[at] * max(crew[at], 1.0)) * 86400.0
            amount = float(margin[at])
            days = amount / use if use > 0.0 else inf
            margins.append(Margin(self.place, commodity, self.ends[at], amount, days))
            step_use = per_person * crew * (self.array("ends") - self.array("starts"))
            for first, last in spells(margin < -1e-6 - step_use):
                worst = float(-margin[first:last].min())
                reason = (
                    f"{worst:.1f} kg below the reserve of {seconds / 86400.0:.0f} d for "
                    f"{(self.ends[last - 1] - self.starts[first]) / 86400.0:.0f} d"
                )
                shortfalls.append(Shortfall(self.place, commodity, self.starts[first], worst, reason))
        return margins, shortfalls

    # -- the table ------------------------------------------------------------------------------------------

    def frame(self, always: frozenset[str]) -> pl.DataFrame:
        """The columns of ``OutpostLog.days``; epochs are the ends of the steps.

        A commodity that was never there has columns only if it is in ``always``.
        """
        columns: dict[str, object] = {
            "place": [self.place] * len(self.ends),
            "epoch_tdb_s": self.ends,
            "crew": self.crew,
            "sun_fraction": self.sun,
        }
        table = self.array("energy").reshape(-1, len(ENERGY_COLUMNS))
        for column, name in enumerate(ENERGY_COLUMNS[:-1]):
            columns[name] = table[:, column]
        pressures = self.array("cabin")[1:]
        columns["cabin_oxygen_kg"] = pressures[:, 0]
        columns["cabin_nitrogen_kg"] = pressures[:, 1]
        columns["cabin_carbon_dioxide_kg"] = pressures[:, 2]
        columns["cabin_water_kg"] = pressures[:, 3]
        columns["cabin_vented_kg"] = self.vented
        stocks = self.array("stocks")[1:]
        moved = {name: self.array(name) for name in self.moved}
        for column, commodity in enumerate(self.commodities):
            seen = stocks[:, column].any() or any(m[:, column].any() for m in moved.values())
            if not seen and commodity not in always:
                continue
            columns[f"{commodity}_kg"] = stocks[:, column]
            for name in ("in", "made", "used", "lost"):
                columns[f"{commodity}_{name}_kg"] = moved[name][:, column]
        return pl.DataFrame(columns)


def spells(condition: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open index ranges in which a condition holds without a break."""
    padded = np.concatenate(([False], condition, [False])).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
