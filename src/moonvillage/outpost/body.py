"""People as a reaction: food and oxygen in, carbon dioxide, water and solids out, each element accounted for.

A metabolism set gives oxygen, carbon dioxide, dry food and the water streams. Its mass closes with the body's solid
wastes (2004 set: 0.109 kg/d). Their composition is that of Volk & Rummel 1987 (Adv. Space Res. 7(4):141): urine
solids C2H6O2N2, faecal solids C42H69O13N5, sweat solids C13H28O13N2, in the 2004 NASA BVAD proportions
59 : 32 : 18. The food then has the one composition with which the oxidation closes in H, C, O and N; for the 2004
set it is 50.9 % C, 7.5 % H, 38.1 % O, 3.6 % N, that of an ordinary mixed diet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from moonvillage.catalog.model import Metabolism
from moonvillage.outpost.species import INERT, PURE, Vector, fractions

_SOLIDS: Final = (
    (0.059, fractions({"C": 2, "H": 6, "O": 2, "N": 2})),
    (0.032, fractions({"C": 42, "H": 69, "O": 13, "N": 5})),
    (0.018, fractions({"C": 13, "H": 28, "O": 13, "N": 2})),
)
#: Solid waste per dry food of the 2004 set, used where a set does not close.
_SOLIDS_PER_FOOD: Final = 0.109 / 0.617

#: Suit oxygen, kg per hour of EVA, 0.005 of it leaking (NASA BVAD, NASA/CR-2004-208941, §5.2).
EVA_OXYGEN_KG_H: Final = 0.076
#: Cooling water of a sublimator, kg per hour of EVA (same source).
EVA_WATER_KG_H: Final = 0.57
#: Airlock: two people a cycle of eight hours, 4.25 m3, pumped down to 13.8 kPa and the rest lost (same source; the
#: volume is that of the ISS Quest crew lock's order and is an assumption).
AIRLOCK_LOST_PA_M3_H: Final = 13_800.0 * 4.25 / 16.0


@dataclass(frozen=True, slots=True)
class Body:
    """One person's flows, kg/s, closed in mass and elements.

    ``food_kg_s`` is drawn from the food stock, packaging included; ``food`` is the composition of that stock.
    ``solids`` is the solid waste with the packaging, kg/s by element.
    """

    oxygen_kg_s: float
    carbon_dioxide_kg_s: float
    food_kg_s: float
    water_kg_s: float
    hygiene_kg_s: float
    urine_kg_s: float
    vapour_kg_s: float
    faecal_water_kg_s: float
    solids: Vector
    food: Vector
    heat_w: float
    notes: tuple[str, ...]


def close(metabolism: Metabolism) -> Body:
    """The flows of a metabolism set, closed in H, C, O and N.

    Raises
    ------
    ValueError
        If no food could have the composition that the set implies (a negative mass of an element).
    """
    m = metabolism
    notes = []
    urine = m.urine_kg_s
    inflow = m.oxygen_kg_s + m.food_dry_kg_s + m.water_in_kg_s
    solids = inflow - m.carbon_dioxide_kg_s - urine - m.vapour_kg_s - m.faecal_water_kg_s
    if not 0.0 <= solids <= 0.4 * m.food_dry_kg_s:
        wanted = _SOLIDS_PER_FOOD * m.food_dry_kg_s
        change = solids - wanted
        urine, solids = urine + change, wanted
        if urine < 0.0:
            raise ValueError(f"metabolism {m.id!r}: its flows do not close; more leaves the body than enters it")
        notes.append(
            f"Metabolism {m.id} does not close in mass; its urine was changed by {change * 86400.0:+.3f} kg/d."
        )
    water_made = urine + m.vapour_kg_s + m.faecal_water_kg_s - m.water_in_kg_s
    share = sum(weight for weight, _ in _SOLIDS)
    waste = [sum(weight * vector[e] for weight, vector in _SOLIDS) / share * solids for e in range(5)]
    dry = [
        waste[e]
        + PURE["carbon_dioxide"][e] * m.carbon_dioxide_kg_s
        + PURE["water"][e] * water_made
        - PURE["oxygen"][e] * m.oxygen_kg_s
        for e in range(5)
    ]
    if min(dry) < -1e-15:
        raise ValueError(
            f"metabolism {m.id!r}: no food has the composition that its oxygen, carbon dioxide and water imply; "
            "check that all its figures come from one set"
        )
    packaging = m.packaging * m.food_dry_kg_s
    food_kg_s = m.food_dry_kg_s + packaging
    stock = [dry[e] + INERT[e] * packaging for e in range(5)]
    total = sum(stock) or 1.0
    return Body(
        oxygen_kg_s=m.oxygen_kg_s,
        carbon_dioxide_kg_s=m.carbon_dioxide_kg_s,
        food_kg_s=food_kg_s,
        water_kg_s=m.water_in_kg_s,
        hygiene_kg_s=m.hygiene_kg_s,
        urine_kg_s=urine,
        vapour_kg_s=m.vapour_kg_s,
        faecal_water_kg_s=m.faecal_water_kg_s,
        solids=(waste[0], waste[1], waste[2], waste[3], waste[4] + packaging),
        food=(stock[0] / total, stock[1] / total, stock[2] / total, stock[3] / total, stock[4] / total),
        heat_w=m.heat_w,
        notes=tuple(notes),
    )
