"""Health: doses of thirst, hunger, carbon dioxide and thin air, and the chance of death that they bring.

A dose grows by what lacks (or by how far the air is beyond a limit) and heals slowly; the chance of death in an hour
is a logistic curve of the dose, ``1 / (1 + 10^(6 (1 - dose / limit)))``: a millionth at none, a half at the limit.
Limits are inputs (:class:`Limits`); the default set is that of NASA's BioSim (public source, class CrewPerson), whose
deaths are drawn by chance: compare medians, and never take one death for a forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
CAUSES: Final = ("water", "food", "oxygen", "carbon_dioxide")
_DECADES: Final = 6.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The doses at which death is as likely as not in an hour, and how they heal.

    ``*_heal_per_h`` is the share of the limit that heals in an hour. Air doses are share-hours: how far the mole
    share of the gas is beyond its limit, times hours. With ``oxygen_low_pa`` the oxygen limit is a partial pressure
    instead, which holds at any cabin pressure; its dose is then relative to the pressure of the limit's share.
    """

    id: str = "biosim"
    water_kg: float = 5.3
    water_heal_per_h: float = 0.01
    food_j: float = 180_000.0 * 4200.0
    food_heal_per_h: float = 0.0001
    oxygen_low_share: float = 0.10
    oxygen_dose_h: float = 0.2
    oxygen_heal_per_h: float = 0.01
    carbon_dioxide_share: float = 0.06
    carbon_dioxide_dose_h: float = 0.24
    carbon_dioxide_heal_per_h: float = 0.005


BIOSIM_LIMITS: Final = Limits()
#: A surface pressure, Pa: an oxygen share of a thinner cabin is judged by the partial pressure it means.
SEA_LEVEL_PA: Final = 101_325.0


class Doses:
    """The doses of one person in each of many runs; ``filled`` has shape (causes, runs), 1 being the limit."""

    def __init__(self, runs: int = 1, limits: Limits = BIOSIM_LIMITS) -> None:
        self.limits = limits
        self.filled = np.zeros((len(CAUSES), runs))
        self._heal = np.array(
            [
                limits.water_heal_per_h,
                limits.food_heal_per_h,
                limits.oxygen_heal_per_h,
                limits.carbon_dioxide_heal_per_h,
            ]
        )[:, None]

    def hour(
        self,
        water_lacking_kg: ArrayLike,
        food_lacking_j: ArrayLike,
        oxygen_share: ArrayLike,
        carbon_dioxide_share: ArrayLike,
        hours: float = 1.0,
    ) -> Floats:
        """Let an hour pass; the chance of death by each cause in it, shape (causes, runs).

        What lacks is per person; shares are mole shares of the air (for oxygen, of sea level's pressure where the
        cabin is thinner than that). ``hours`` scales a step of another length: the chance is then that of the whole.
        """
        limits = self.limits
        taken = np.stack(
            [
                np.broadcast_to(np.asarray(x, dtype=np.float64), self.filled.shape[1:])
                for x in (
                    np.maximum(water_lacking_kg, 0.0) / limits.water_kg,
                    np.maximum(food_lacking_j, 0.0) / limits.food_j,
                    np.maximum(limits.oxygen_low_share - np.asarray(oxygen_share), 0.0)
                    * (hours / limits.oxygen_dose_h),
                    np.maximum(np.asarray(carbon_dioxide_share) - limits.carbon_dioxide_share, 0.0)
                    * (hours / limits.carbon_dioxide_dose_h),
                )
            ]
        )
        self.filled = np.minimum(self.filled + taken, 1.0)
        chance = 1.0 / (1.0 + 10.0 ** (_DECADES * (1.0 - self.filled)))
        chance = np.where(taken + self.filled > 0.0, chance, 0.0)
        if hours != 1.0:
            chance = -np.expm1(hours * np.log1p(-chance))
        self.filled = np.maximum(self.filled - self._heal * hours, 0.0)
        return chance
