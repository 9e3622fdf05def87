"""Someone in a sealed volume with given stores: hour by hour, many times, until they die, and of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.outpost.activity import BIOSIM_SCHEDULE, Activity, Person, hourly, needs
from moonvillage.outpost.health import BIOSIM_LIMITS, CAUSES, Doses, Limits
from moonvillage.outpost.species import MOLAR

#: BioSim's default air: 41.15 mol/m3 at 23 °C of these mole shares (public source, class SimEnvironment). The 52 % of
#: vapour (a relative humidity, it seems, taken for a share) never condenses there.
BIOSIM_AIR: Final[Mapping[str, float]] = {
    "oxygen": 0.21,
    "nitrogen": 0.27 - 0.039 / 101.0,
    "carbon_dioxide": 0.039 / 101.0,
    "water": 0.52,
}
BIOSIM_MOL_M3: Final = 41.15
#: Air as it is: 1 % vapour.
PLAIN_AIR: Final[Mapping[str, float]] = {"oxygen": 0.21, "nitrogen": 0.7796, "carbon_dioxide": 0.0004, "water": 0.01}
#: Share of vapour at which it condenses at 295 K and one atmosphere.
_SATURATED: Final = 0.0259


@dataclass(frozen=True, slots=True, eq=False)
class Sealed:
    """Hours until death by run (inf: alive at the end), the cause as an index into ``health.CAUSES`` (-1: none)."""

    hours: NDArray[np.float64]
    cause: NDArray[np.int64]

    @property
    def median_h(self) -> float:
        """Median hours until death."""
        return float(np.median(self.hours))


def sealed_life(
    volume_m3: float,
    *,
    person: Person | None = None,
    schedule: Sequence[Activity] = BIOSIM_SCHEDULE,
    limits: Limits = BIOSIM_LIMITS,
    air: Mapping[str, float] = PLAIN_AIR,
    mol_m3: float = BIOSIM_MOL_M3,
    condenses: bool = True,
    refreshed: bool = False,
    water_kg: float = np.inf,
    food_kg: float = np.inf,
    hours: int = 2000,
    runs: int = 500,
    seed: int = 0,
) -> Sealed:
    """Live in a sealed volume until death or the end.

    Parameters
    ----------
    air, mol_m3
        Mole shares of the gases at the start, and how much gas there is.
    condenses
        Whether vapour above saturation leaves the air.
    refreshed
        Whether something keeps the air as it is, so that only stores run out.
    water_kg, food_kg
        Stores of water and of food as eaten.
    seed
        Of the deaths.

    Raises
    ------
    ValueError
        If the volume is not positive.
    """
    if volume_m3 <= 0.0:
        raise ValueError(f"the volume is {volume_m3} m3; give a positive one")
    person = person or Person()
    rng = np.random.Generator(np.random.PCG64(seed))
    doses = Doses(runs, limits)
    gas = {name: share * mol_m3 * volume_m3 for name, share in air.items()}
    day = [needs(person, intensity) for intensity in hourly(schedule)]
    died = np.full(runs, np.inf)
    cause = np.full(runs, -1, dtype=np.int64)
    water, food = water_kg, food_kg
    for hour in range(hours):
        need = day[hour % len(day)]
        thirst, hunger = need.water_kg_s * 3600.0, need.food_kg_s * 3600.0
        drunk, eaten = min(thirst, water), min(hunger, food)
        # who does not eat lacks the food's moisture too
        wanted = thirst + 0.12 * (hunger - eaten)
        drunk = min(wanted, water)
        water, food = water - drunk, food - eaten
        if not refreshed:
            gas["oxygen"] = max(gas["oxygen"] - need.oxygen_kg_s * 3.6e6 / MOLAR["oxygen"], 0.0)
            gas["carbon_dioxide"] += need.carbon_dioxide_kg_s * 3.6e6 / MOLAR["carbon_dioxide"]
            gas["water"] += need.vapour_kg_s * 3.6e6 / MOLAR["water"]
            if condenses:
                dry = sum(gas.values()) - gas["water"]
                gas["water"] = min(gas["water"], dry * _SATURATED / (1.0 - _SATURATED))
        total = sum(gas.values())
        chance = doses.hour(
            wanted - drunk,
            (hunger - eaten) / hunger * need.energy_w * 3600.0,
            gas["oxygen"] / total,
            gas["carbon_dioxide"] / total,
        )
        drawn = rng.random((len(CAUSES), runs)) < chance
        now = drawn.any(axis=0) & np.isinf(died)
        died[now] = hour + 1.0
        cause[now] = np.argmax(drawn[:, now], axis=0)
        if np.isfinite(died).all():
            break
    return Sealed(died, cause)
