"""What things are made of: elements, exact compositions, reactions, and which commodity plays which part.

The ledger counts five kinds of matter: H, C, O, N and the rest ("inert"). Pure substances have the composition that
follows from their formula; their rounded mass fractions in a catalog would not balance to 1e-9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

#: Standard atomic weights, kg/kmol (IUPAC 2021 abridged, Prohaska et al. 2022, doi 10.1515/pac-2019-0603).
ATOMIC_KG_KMOL: Final[Mapping[str, float]] = {"H": 1.008, "C": 12.011, "O": 15.999, "N": 14.007}
#: Order of the ledger's columns; "X" is everything else.
ELEMENTS: Final = ("H", "C", "O", "N", "X")

Vector = tuple[float, float, float, float, float]
INERT: Final[Vector] = (0.0, 0.0, 0.0, 0.0, 1.0)


class CatalogView(Protocol):
    """Anything that gives the entries of a kind by id: the built-in catalog, or one merged with a scenario."""

    def of(self, kind: str) -> Mapping[str, Any]:
        """Entries of one kind by id."""
        ...


def molar_kg_kmol(formula: Mapping[str, int]) -> float:
    """Molar mass of a formula such as ``{"H": 2, "O": 1}``, kg/kmol."""
    return sum(ATOMIC_KG_KMOL[element] * count for element, count in formula.items())


def fractions(formula: Mapping[str, int]) -> Vector:
    """Mass fractions of a formula in the order of :data:`ELEMENTS`."""
    total = molar_kg_kmol(formula)
    h, c, o, n = (ATOMIC_KG_KMOL[e] * formula.get(e, 0) / total for e in ELEMENTS[:4])
    return h, c, o, n, 0.0


FORMULAS: Final[Mapping[str, Mapping[str, int]]] = {
    "oxygen": {"O": 2},
    "nitrogen": {"N": 2},
    "hydrogen": {"H": 2},
    "water": {"H": 2, "O": 1},
    "carbon_dioxide": {"C": 1, "O": 2},
    "methane": {"C": 1, "H": 4},
}
PURE: Final[Mapping[str, Vector]] = {name: fractions(formula) for name, formula in FORMULAS.items()}
MOLAR: Final[Mapping[str, float]] = {name: molar_kg_kmol(formula) for name, formula in FORMULAS.items()}

#: Substance → commodity ids that are it, the first being the one that a crew draws on.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "oxygen": ("oxygen", "o2", "lox", "liquid_oxygen", "liquid-oxygen"),
    "nitrogen": ("nitrogen", "n2"),
    "hydrogen": ("hydrogen", "h2", "lh2", "liquid_hydrogen", "liquid-hydrogen"),
    "water": ("water", "h2o", "potable_water"),
    "waste_water": ("waste_water", "waste-water", "wastewater", "grey_water"),
    "carbon_dioxide": ("carbon_dioxide", "carbon-dioxide", "co2"),
    "methane": ("methane", "ch4", "lch4", "liquid_methane", "liquid-methane"),
    "food": ("food", "packaged_food", "dry_food"),
    "spares": ("spares", "spare_parts", "spare-parts", "maintenance"),
    "regolith": ("regolith", "lunar_regolith", "icy_regolith", "icy-regolith", "ice", "ilmenite"),
}

# Reactions, kg per kg.
#: 2 H2O → 2 H2 + O2, per kg of oxygen.
HYDROGEN_PER_OXYGEN: Final = 2.0 * MOLAR["hydrogen"] / MOLAR["oxygen"]
WATER_PER_OXYGEN: Final = 1.0 + HYDROGEN_PER_OXYGEN
#: CO2 + 4 H2 → CH4 + 2 H2O, per kg of hydrogen.
CARBON_DIOXIDE_PER_HYDROGEN: Final = MOLAR["carbon_dioxide"] / (4.0 * MOLAR["hydrogen"])
METHANE_PER_HYDROGEN: Final = MOLAR["methane"] / (4.0 * MOLAR["hydrogen"])
WATER_PER_HYDROGEN: Final = 2.0 * MOLAR["water"] / (4.0 * MOLAR["hydrogen"])


def substance_of(commodity: str) -> str:
    """The substance that a commodity id names, or "" (``lox`` → ``oxygen``)."""
    for substance, names in NAMES.items():
        if commodity in names:
            return substance
    return ""


def commodity_for(substance: str, known: Iterable[str]) -> str:
    """The commodity id that plays a part: the first of :data:`NAMES` that is known, else the part's own name."""
    ids = set(known)
    return next((name for name in NAMES[substance] if name in ids), substance)


def composition_of(commodity: str, catalog: CatalogView, food: Vector) -> Vector:
    """Mass fractions (H, C, O, N, rest) of a commodity.

    Pure substances are exact; food has the composition with which the crew's metabolism closes; anything else has
    the catalog's ``composition``, the remainder being inert.

    Raises
    ------
    ValueError
        If the catalog's fractions sum to more than one.
    """
    substance = substance_of(commodity)
    if substance == "waste_water":
        substance = "water"
    if substance in PURE:
        return PURE[substance]
    if substance == "food":
        return food
    entry = catalog.of("commodity").get(commodity)
    if entry is None:
        return INERT
    h, c, o, n = (float(entry.composition.get(e, entry.composition.get(e.lower(), 0.0))) for e in ELEMENTS[:4])
    rest = 1.0 - (h + c + o + n)
    if rest < -1e-6:
        raise ValueError(
            f"commodity {commodity!r}: its mass fractions sum to {1.0 - rest:.6f}, which is more than one; "
            "correct 'composition'"
        )
    if rest < 0.0:
        total = h + c + o + n
        h, c, o, n, rest = h / total, c / total, o / total, n / total, 0.0
    return h, c, o, n, rest
