"""The craft of a ``[network]`` study designed together with its campaign.

The dry mass of a single-stage lander is an implicit function of its capacities for payload and propellant: parametric
relations for structure, propulsion, power, avionics, life support and the rest (M. Isaji, Y. Takubo, K. Ho,
"Multidisciplinary Design Optimization Approach to Integrated Space Mission Planning and Spacecraft Design",
J. Spacecraft and Rockets 59(5), 2022, doi 10.2514/1.A35284). It grows with both capacities, and less dry mass and
more capacity never make a campaign heavier. Hence, over a box of capacities, the campaign with the greatest
capacities and the least dry mass is a bound for every design in the box, and a branch and bound over boxes is exact:
no piecewise linear surrogate, no multipliers.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

from scipy.optimize import brentq

from moonvillage.scenario.network import NetworkSizing
from moonvillage.units import DAY_S

#: Dry masses above this are taken for designs that do not close, kg.
_MOST_KG = 1e5
_LEAST_KG = 1.0
#: Steps in which the first sign change of the closure is looked for.
_STEPS = 400


@dataclass(frozen=True, slots=True)
class Design:
    """A craft: capacities and the dry mass that they need, kg."""

    payload_kg: float
    propellant_kg: float
    dry_kg: float


@dataclass(frozen=True, slots=True)
class Sized:
    """The result of :func:`least_mass`: the best design, its objective and the bound for all designs (kg).

    ``design`` is None where no design in the ranges closes or flies; ``solved`` counts the campaigns solved.
    """

    design: Design | None
    objective: float
    bound: float
    solved: int


def closure_kg(sizing: NetworkSizing, dry_kg: float, payload_kg: float, propellant_kg: float) -> float:
    """How much heavier the parts of a lander are than its dry mass, kg; zero where the design closes.

    Parameters
    ----------
    sizing
        People, days on the surface, density of the propellant, share of the unnamed rest.
    dry_kg, payload_kg, propellant_kg
        Dry mass and the two capacities.
    """
    days = sizing.surface_s / DAY_S
    structure = sizing.structure * dry_kg + 693.7 * payload_kg**0.04590
    propulsion = 0.1648 * (dry_kg + payload_kg) + 20.26 * propellant_kg / sizing.cubic_metre_kg
    power = 7.277e-8 * dry_kg**2.443 + 137.0
    avionics = 1.014 * power**0.8423 + 22.33 * days
    life_support = 0.004190 * sizing.crew * days * dry_kg**0.9061 + 434.7
    return float(structure + propulsion + power + avionics + life_support + sizing.other * dry_kg - dry_kg)


def dry_mass_kg(sizing: NetworkSizing, payload_kg: float, propellant_kg: float) -> float | None:
    """The least dry mass at which a lander of these capacities closes, kg; None where none does.

    Parameters
    ----------
    sizing
        As for :func:`closure_kg`.
    payload_kg, propellant_kg
        The capacities.
    """

    def closure(dry: float) -> float:
        return closure_kg(sizing, dry, payload_kg, propellant_kg)

    low, ratio = _LEAST_KG, (_MOST_KG / _LEAST_KG) ** (1.0 / _STEPS)
    for _ in range(_STEPS):
        high = low * ratio
        if closure(high) <= 0.0:
            return float(brentq(closure, low, high, xtol=1e-9, rtol=1e-14))
        low = high
    return None


def least_mass(
    sizing: NetworkSizing,
    solve: Callable[[Design], float | None],
    *,
    gap: float = 1e-3,
    most: int = 5000,
    stop: Callable[[], bool] = lambda: False,
) -> Sized:
    """The design of least objective, with its proof.

    Parameters
    ----------
    sizing
        The ranges of capacities and the model.
    solve
        The least objective (kg) with a fixed design; None where it cannot fly the campaign.
    gap
        Relative gap to reach.
    most
        Campaigns to solve at most.
    stop
        Asked before each box; true ends with the bound reached so far.

    Returns
    -------
    Sized
        ``bound`` is valid for every design in the ranges, whenever it ends.
    """
    solved = 0
    best: Design | None = None
    value = float("inf")
    count = 0
    heap: list[tuple[float, int, tuple[float, float, float, float]]] = []

    def push(box: tuple[float, float, float, float], parent: float) -> None:
        nonlocal solved, best, value, count
        low_p, high_p, low_q, high_q = box
        least = dry_mass_kg(sizing, low_p, low_q)
        if least is None:
            return
        solved += 1
        bound = solve(Design(high_p, high_q, least))
        if bound is None or bound >= value * (1.0 - gap):
            return
        dry = dry_mass_kg(sizing, high_p, high_q)
        if dry is not None:
            solved += 1
            found = solve(Design(high_p, high_q, dry))
            if found is not None and found < value:
                best, value = Design(high_p, high_q, dry), found
        count += 1
        heapq.heappush(heap, (max(bound, parent), count, box))

    whole = (sizing.payload_least_kg, sizing.payload_most_kg, sizing.propellant_least_kg, sizing.propellant_most_kg)
    push(whole, 0.0)
    # a closed box was worse than the best by the gap: the bound of all is the least open one, or that margin
    while heap and solved < most and not stop():
        bound, _, box = heap[0]
        if bound >= value * (1.0 - gap):
            break
        heapq.heappop(heap)
        low_p, high_p, low_q, high_q = box
        # the side along which the dry mass differs more
        middle_p, middle_q = 0.5 * (low_p + high_p), 0.5 * (low_q + high_q)
        along_p = dry_mass_kg(sizing, high_p, low_q) or _MOST_KG
        along_q = dry_mass_kg(sizing, low_p, high_q) or _MOST_KG
        if along_p >= along_q:
            parts = ((low_p, middle_p, low_q, high_q), (middle_p, high_p, low_q, high_q))
        else:
            parts = ((low_p, high_p, low_q, middle_q), (low_p, high_p, middle_q, high_q))
        for part in parts:
            push(part, bound)
    if best is None:
        return Sized(None, float("nan"), heap[0][0] if heap else float("nan"), solved)
    proven = min(heap[0][0] if heap else value, value * (1.0 - gap))
    return Sized(best, value, proven if heap else value * (1.0 - gap), solved)
