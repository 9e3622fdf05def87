"""Electric power within a step: generation, loads by priority, storage, and what had to be shed.

Priorities: 0 life support (habitats, stations, life-support plants); 1 survival of everything else (standby,
relays, depots, the sources' own loads); 2 laboratories, rovers, payloads; 3 plants that wait for a surplus (ISRU).
Priority 3 never draws on storage; priority 2 draws on its upper half only, priority 1 on all but a tenth, so that
the last tenth is life support's alone. Storage charges before priority 3 is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

CLASSES: Final = 4
CLASS_NAMES: Final = ("life support", "survival loads", "laboratories, rovers and payloads", "surplus plants")
#: Share of the storage's capacity that each priority must leave untouched.
FLOOR: Final = (0.0, 0.1, 0.5, 1.0)


@dataclass(slots=True)
class PowerStep:
    """Energies of one step, J: generated = Σ served + losses + curtailed + change of stored."""

    generated_j: float = 0.0
    served_j: list[float] = field(default_factory=lambda: [0.0] * CLASSES)
    losses_j: float = 0.0
    curtailed_j: float = 0.0
    stored_j: float = 0.0


def balance(
    generation_w: Sequence[float],
    sub_s: float,
    loads_w: Sequence[float],
    budgets_j: Sequence[float] | None,
    stored_j: float,
    capacity_j: float,
    efficiency: float,
    cycle: float = 1.0,
) -> PowerStep:
    """Serve the loads of one step, sub-step by sub-step.

    Parameters
    ----------
    generation_w
        Power of the sources in each sub-step of ``sub_s`` seconds.
    loads_w
        Power wanted by each priority, length :data:`CLASSES`.
    budgets_j
        The most energy that each priority may take over the step, or None for no limit.
    stored_j, capacity_j, efficiency
        Storage; the round-trip efficiency is split evenly between charge and discharge.
    cycle
        Source energy needed per energy used (> 1 for orbits, where the eclipse share passes through storage).
    """
    step = PowerStep(stored_j=stored_j)
    one_way = sqrt(efficiency)
    left = [float("inf")] * CLASSES if budgets_j is None else list(budgets_j)
    whole = [load * sub_s for load in loads_w]
    served = step.served_j
    stored = stored_j
    for power in generation_w:
        have = power * sub_s
        step.generated_j += have
        want0, want1, want2 = (min(whole[i], left[i]) for i in range(3))
        need = (want0 + want1 + want2) * cycle
        if need <= have:
            surplus = have - need
            charge = min(surplus, max(capacity_j - stored, 0.0) / one_way)
            stored += charge * one_way
            step.losses_j += charge * (1.0 - one_way) + (need - (want0 + want1 + want2))
            surplus -= charge
            give = min(whole[3], left[3], surplus / cycle)
            served[3] += give
            left[3] -= give
            step.losses_j += give * (cycle - 1.0)
            surplus -= give * cycle
            step.curtailed_j += max(surplus, 0.0)  # rounding may leave a hair below nothing
            gives = (want0, want1, want2)
        else:
            gives3 = [0.0, 0.0, 0.0]
            for i, want in enumerate((want0, want1, want2)):
                direct = min(want * cycle, have)
                have -= direct
                out = min(want * cycle - direct, max(stored - FLOOR[i] * capacity_j, 0.0) * one_way)
                stored -= out / one_way
                step.losses_j += out / one_way - out
                gives3[i] = (direct + out) / cycle
                step.losses_j += (direct + out) - gives3[i]
            step.curtailed_j += have
            gives = (gives3[0], gives3[1], gives3[2])
        for i in range(3):
            served[i] += gives[i]
            left[i] -= gives[i]
    step.stored_j = max(stored, 0.0)
    return step
