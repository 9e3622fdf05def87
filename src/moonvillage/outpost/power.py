"""Electric power within a step: generation, loads by priority, storage, and what had to be shed.

Priorities: 0 life support (habitats, stations, life-support plants); 1 survival of everything else (standby,
relays, depots, the sources' own loads); 2 laboratories, rovers, payloads; 3 plants that wait for a surplus (ISRU).
Priority 3 never draws on storage; priority 2 draws on its upper half only, priority 1 on all but a tenth, so that
the last tenth is life support's alone. Storage charges before priority 3 is served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf, sqrt
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
    served = step.served_j
    whole0, whole1, whole2, whole3 = (load * sub_s for load in loads_w)
    count = len(generation_w)
    least = min(generation_w) * sub_s
    vital = whole0 + whole1 + whole2
    if budgets_j is None and stored_j >= capacity_j and least >= (vital + whole3) * cycle:  # a bright day
        step.generated_j = sum(generation_w) * sub_s
        served[:] = [whole0 * count, whole1 * count, whole2 * count, whole3 * count]
        used = (vital + whole3) * count
        step.losses_j = used * (cycle - 1.0)
        step.curtailed_j = max(step.generated_j - used - step.losses_j, 0.0)
        return step
    if stored_j <= 0.0 and max(generation_w) <= 0.0:  # nothing at all
        return step
    one_way = sqrt(efficiency)
    left0, left1, left2, left3 = (inf,) * CLASSES if budgets_j is None else budgets_j
    floor1, floor2 = FLOOR[1] * capacity_j, FLOOR[2] * capacity_j
    given0 = given1 = given2 = given3 = losses = curtailed = generated = 0.0
    stored = stored_j
    for power in generation_w:
        have = power * sub_s
        generated += have
        want0 = whole0 if whole0 < left0 else left0
        want1 = whole1 if whole1 < left1 else left1
        want2 = whole2 if whole2 < left2 else left2
        wanted = want0 + want1 + want2
        surplus = have - wanted * cycle
        if surplus >= 0.0:
            losses += wanted * (cycle - 1.0)
            if stored < capacity_j:
                charge = min(surplus, (capacity_j - stored) / one_way)
                stored += charge * one_way
                losses += charge * (1.0 - one_way)
                surplus -= charge
            give = whole3 if whole3 < left3 else left3
            if give > 0.0:
                give = min(give, surplus / cycle)
                given3 += give
                left3 -= give
                losses += give * (cycle - 1.0)
                surplus -= give * cycle
            if surplus > 0.0:  # rounding may leave a hair below nothing
                curtailed += surplus
        else:
            gives = [0.0, 0.0, 0.0]
            for i, (want, floor) in enumerate(((want0, 0.0), (want1, floor1), (want2, floor2))):
                need = want * cycle
                direct = need if need < have else have
                have -= direct
                out = min(need - direct, max(stored - floor, 0.0) * one_way)
                stored -= out / one_way
                gives[i] = (direct + out) / cycle
                losses += out / one_way + direct - gives[i]
            curtailed += have
            want0, want1, want2 = gives
        given0 += want0
        given1 += want1
        given2 += want2
        left0 -= want0
        left1 -= want1
        left2 -= want2
    served[:] = [given0, given1, given2, given3]
    step.generated_j, step.losses_j, step.curtailed_j = generated, losses, curtailed
    step.stored_j = max(stored, 0.0)
    return step
