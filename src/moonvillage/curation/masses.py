"""Masses of samples: whole tenths of a milligram, never a float.

A balance that is exact to 0.1 mg needs integers: 1731 g are 17 310 000 tenths of a milligram. A name that ends in
``_tenth_mg`` is such a number. The user writes ``"1731 g"`` or ``"60 mg"``, read by decimal arithmetic.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from moonvillage.errors import InputError

#: What the user may write: a text with its unit, or whole tenths of a milligram.
Mass = int | str

PER_KG: Final = 10_000_000
#: Far more than will be brought home (100 000 t), and far from the limit of 64 bits.
MOST: Final = 10**15
_TENTHS: Final = {
    "t": Decimal(10**10),
    "kg": Decimal(10**7),
    "g": Decimal(10**4),
    "mg": Decimal(10),
    "ug": Decimal("0.01"),
    "µg": Decimal("0.01"),
}
_TEXT = re.compile(r"\s*(\d{1,15}(?:\.\d{1,12})?|\.\d{1,12})\s*([a-zµμ]+)\s*\Z", re.ASCII | re.IGNORECASE)
_EXAMPLE: Final = "write it as in '60 mg' or '1.2345 g'"


def mass_tenth_mg(written: Mass, field: str = "mass") -> int:
    """Whole tenths of a milligram of what the user wrote.

    Raises
    ------
    InputError
        If it has no unit, is negative, is too large, or is finer than 0.1 mg.
    """
    if isinstance(written, bool) or not isinstance(written, (int, str)):
        raise InputError.one("is not a mass", _EXAMPLE, field=field, value=repr(written))
    if isinstance(written, int):
        tenths = Decimal(written)
    else:
        match = _TEXT.match(written.replace("μ", "µ").replace("µ", "u"))
        unit = match.group(2).lower() if match else ""
        if match is None or unit not in _TENTHS:
            raise InputError.one("is not a mass with a unit (t, kg, g, mg)", _EXAMPLE, field=field, value=written)
        tenths = Decimal(match.group(1)) * _TENTHS[unit]
    if tenths != int(tenths):
        raise InputError.one(
            "is finer than the 0.1 mg to which the ledger is kept",
            f"round it, for example to '{show_mass(int(tenths))}'",
            field=field,
            value=str(written),
        )
    if not 0 <= tenths <= MOST:
        raise InputError.one("is out of range (0 to 100 000 t)", _EXAMPLE, field=field, value=str(written))
    return int(tenths)


def show_mass(tenth_mg: int) -> str:
    """Text that :func:`mass_tenth_mg` reads back exactly: in milligrams below a gram, in grams above."""
    sign, size = ("-" if tenth_mg < 0 else ""), abs(tenth_mg)
    if size < 10_000:
        whole, rest = divmod(size, 10)
        return f"{sign}{whole}.{rest} mg"
    whole, rest = divmod(size, 10_000)
    return f"{sign}{whole}.{rest:04d} g"


def mass_from_kg(mass_kg: float) -> int:
    """The nearest whole tenths of a milligram of a float in kilograms (of a plan, not of a balance)."""
    return round(mass_kg * PER_KG)
