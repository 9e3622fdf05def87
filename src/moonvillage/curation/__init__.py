"""Samples from collection to loan: a ledger that keeps every tenth of a milligram, and who decided what.

See docs/design/curation.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moonvillage.curation.ledger import Ledger
from moonvillage.curation.masses import mass_from_kg, mass_tenth_mg, show_mass
from moonvillage.curation.model import (
    ACCOUNTS,
    LOAN_STATES,
    REQUEST_STATES,
    SAMPLE_STATES,
    USES,
    Analysis,
    Entry,
    Holding,
    Loan,
    Portion,
    Request,
    Sample,
    Verification,
)

if TYPE_CHECKING:
    from moonvillage.curation.chang_e import example
    from moonvillage.curation.flown import from_run

__all__ = [
    "ACCOUNTS",
    "LOAN_STATES",
    "REQUEST_STATES",
    "SAMPLE_STATES",
    "USES",
    "Analysis",
    "Entry",
    "Holding",
    "Ledger",
    "Loan",
    "Portion",
    "Request",
    "Sample",
    "Verification",
    "example",
    "from_run",
    "mass_from_kg",
    "mass_tenth_mg",
    "show_mass",
]

_HOMES = {"example": "moonvillage.curation.chang_e", "from_run": "moonvillage.curation.flown"}


def __getattr__(name: str) -> Any:
    # these two need the catalog and data frames; a ledger alone does not
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'moonvillage.curation' has no attribute {name!r}")
