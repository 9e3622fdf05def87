"""What the product knows before the user writes a word: vehicles, modules, sites, partners, laws; each figure cited.

The data lie beside this file in ``data/*.toml``; each file holds the tables of one kind, keyed by id.
"""

from moonvillage.catalog.load import Catalog, load_catalog
from moonvillage.catalog.model import (
    KINDS,
    Agreement,
    Commodity,
    Condition,
    Craft,
    GroundSite,
    Launcher,
    Law,
    Membership,
    Metabolism,
    Module,
    Part,
    Partner,
    Propellant,
    Site,
    Source,
    StatusChange,
    Waiver,
)

__all__ = [
    "KINDS",
    "Agreement",
    "Catalog",
    "Commodity",
    "Condition",
    "Craft",
    "GroundSite",
    "Launcher",
    "Law",
    "Membership",
    "Metabolism",
    "Module",
    "Part",
    "Partner",
    "Propellant",
    "Site",
    "Source",
    "StatusChange",
    "Waiver",
    "load_catalog",
]
