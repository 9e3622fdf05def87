"""Failures and repairs: as mean availability, or drawn one by one."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from moonvillage.catalog.model import Module
from moonvillage.outpost.plants import availability


@dataclass(slots=True)
class _Unit:
    """The life of one kind of module: hazard used up, the hazard of its next failure, units under repair."""

    rng: np.random.Generator
    next_hazard: float
    hazard: float = 0.0
    waiting: int = 0  # for spares
    repairs: list[float] = field(default_factory=list)  # ends, TDB seconds past J2000


@dataclass(frozen=True, slots=True)
class Incident:
    """A failure, a repair begun or ended: what, and in words."""

    kind: str  # "failure", "repair", "no spares"
    module: str
    detail: str


class Failures:
    """Failures of one place. ``mode``: "none", "expected" (mean availability and spares) or "sampled".

    Sampled failures are a Poisson process with the modules' ``failure_per_s`` for each working unit; a failure takes
    ``spare_kg`` from the stock and ``repair_s`` to mend, and waits where the spares are lacking. Each kind of module
    has its own stream of random numbers, seeded by the run's seed, the place and the module's id, so that changing
    one module does not change the luck of another.
    """

    def __init__(self, mode: str, place: str, seed: int, modules: Mapping[str, Module]) -> None:
        if mode not in ("none", "expected", "sampled"):
            raise ValueError(f"failures {mode!r} is not one of none, expected, sampled")
        self.mode = mode
        self._modules = modules
        self._place = place
        self._seed = seed
        self._units: dict[str, _Unit] = {}

    def working(self, counts: Mapping[str, int]) -> dict[str, float]:
        """Units of each module that work: whole numbers when sampled, a mean when expected."""
        if self.mode == "expected":
            return {name: count * availability(self._modules[name]) for name, count in counts.items()}
        if self.mode == "none":
            return {name: float(count) for name, count in counts.items()}
        return {name: float(max(count - self._down(name), 0)) for name, count in counts.items()}

    def _down(self, name: str) -> int:
        unit = self._units.get(name)
        return 0 if unit is None else unit.waiting + len(unit.repairs)

    def expected_spares_kg(self, counts: Mapping[str, int], duration_s: float) -> float:
        """Mean mass of spares used in a time; zero unless the mode is "expected"."""
        if self.mode != "expected":
            return 0.0
        rate = 0.0
        for name, count in counts.items():
            module = self._modules[name]
            rate += count * availability(module) * module.failure_per_s * module.spare_kg
        return rate * duration_s

    def advance(
        self, counts: Mapping[str, int], epoch_tdb_s: float, duration_s: float, spares_kg: float
    ) -> tuple[list[Incident], float, float]:
        """Let a step pass: incidents, spares used (at most ``spares_kg``) and spares wanted but lacking."""
        incidents: list[Incident] = []
        used = lacking = 0.0
        if self.mode != "sampled":
            return incidents, used, lacking
        for name in sorted(counts):
            module = self._modules[name]
            if module.failure_per_s <= 0.0 or counts[name] <= 0:
                continue
            unit = self._units.get(name)
            if unit is None:
                key = zlib.crc32(f"{self._place}/{name}".encode())
                rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self._seed, key])))
                unit = self._units[name] = _Unit(rng, float(rng.exponential()))
            if unit.repairs:
                done = [end for end in unit.repairs if end <= epoch_tdb_s]
                unit.repairs = [end for end in unit.repairs if end > epoch_tdb_s]
                incidents += [Incident("repair", name, "works again") for _ in done]
            while unit.waiting > 0 and used + module.spare_kg <= spares_kg:
                unit.waiting -= 1
                used += module.spare_kg
                unit.repairs.append(epoch_tdb_s + module.repair_s)
                incidents.append(Incident("repair", name, "spares are there; repair begins"))
            lacking += unit.waiting * module.spare_kg
            works = max(counts[name] - unit.waiting - len(unit.repairs), 0)
            unit.hazard += works * module.failure_per_s * duration_s
            while unit.hazard >= unit.next_hazard and works > 0:
                unit.next_hazard += float(unit.rng.exponential())
                works -= 1
                if used + module.spare_kg <= spares_kg:
                    used += module.spare_kg
                    unit.repairs.append(epoch_tdb_s + module.repair_s)
                    incidents.append(Incident("failure", name, f"repair takes {module.repair_s / 86400.0:.1f} d"))
                else:
                    unit.waiting += 1
                    lacking += module.spare_kg
                    incidents.append(Incident("failure", name, f"waits for {module.spare_kg:.1f} kg of spares"))
        return incidents, used, lacking
