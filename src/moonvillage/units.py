"""Units at the edge: what the user writes becomes SI floats, once (docs/conventions.md §1).

Money is held in euros at the economic conditions of the scenario (2025 unless stated); the conversion of
dollars and yuan is a stated assumption, not a market rate.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

import pint

#: Assumed exchange rates (docs/conventions.md §1.4): euro per unit.
EUR_PER_USD: Final = 0.90
EUR_PER_CNY: Final = 0.125

#: Standard gravity (CGPM 1901), used in every specific impulse unless a scenario states another.
STANDARD_GRAVITY_M_S2: Final = 9.80665
DAY_S: Final = 86400.0
JULIAN_YEAR_S: Final = 365.25 * DAY_S

_NUMBER = re.compile(r"\s*([+-]?(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*(.*?)\s*\Z", re.DOTALL)
_UNIT = re.compile(r"[A-Za-zµ%/*·^0-9 ²³()\-]{1,40}\Z")

#: dimension → (an SI unit that pint knows, an example for the remedy)
DIMENSIONS: Final[dict[str, tuple[str, str]]] = {
    "mass": ("kg", "4.2 t"),
    "length": ("m", "100 km"),
    "time": ("s", "14 d"),
    "speed": ("m/s", "950 m/s"),
    "angle": ("rad", "89.5 deg"),
    "power": ("W", "40 kW"),
    "energy": ("J", "120 kWh"),
    "pressure": ("Pa", "101.3 kPa"),
    "force": ("N", "440 N"),
    "temperature": ("K", "293 K"),
    "volume": ("m^3", "90 m^3"),
    "area": ("m^2", "35 m^2"),
    "money": ("EUR", "250 MEUR"),
    "acceleration": ("m/s^2", "9.81 m/s^2"),
    "specific_energy": ("J/kg", "24.3 kWh/kg"),
    "mass_rate": ("kg/s", "0.84 kg/d"),
    "money_per_mass": ("EUR/kg", "4500 EUR/kg"),
    "c3": ("m^2/s^2", "-1.8 km^2/s^2"),
    "rate": ("1/s", "0.05 %/d"),
    "fraction": ("dimensionless", "12 %"),
    "data_rate": ("bit/s", "50 Mbit/s"),
}


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[Any]:
    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(autoconvert_offset_to_baseunit=True, cache_folder=None)
    registry.define("EUR = [money] = euro")
    registry.define(f"USD = {EUR_PER_USD} EUR")
    registry.define(f"CNY = {EUR_PER_CNY} EUR")
    registry.define("kWe = 1 kW")
    registry.define("We = 1 W")
    return registry


@lru_cache(maxsize=4096)
def _conversion(unit: str, si_unit: str) -> tuple[float, float] | None:
    """Slope and offset from ``unit`` to ``si_unit``, or None if it measures something else; raises if unknown."""
    registry = _registry()
    text = unit.replace("²", "^2").replace("³", "^3").replace("·", "*").replace("%", " percent ")
    parsed = registry.parse_units(text)
    target = registry.parse_units(si_unit)
    if not parsed.is_compatible_with(target):
        return None
    offset = float(registry.Quantity(0.0, parsed).to(target).magnitude)
    return float(registry.Quantity(1.0, parsed).to(target).magnitude) - offset, offset


def parse_quantity(text: object, dimension: str) -> float:
    """Parse what the user wrote, such as ``"4.2 t"``, into an SI float.

    Parameters
    ----------
    text
        The value as written in the file: a string of a number, a space and a unit.
    dimension
        A key of :data:`DIMENSIONS`. A bare number is accepted only for ``"fraction"``.

    Raises
    ------
    ValueError
        With two arguments, the message and the remedy, both ready for a :class:`~moonvillage.errors.Problem`.
    """
    si_unit, example = DIMENSIONS[dimension]
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        raise ValueError(f"is not a {dimension.replace('_', ' ')}", f"write a number and a unit, such as '{example}'")
    if isinstance(text, (int, float)):
        if dimension == "fraction":
            return _finite(float(text), example)
        raise ValueError("has no unit", f"write the unit, such as '{text} {example.split(' ', 1)[1]}'")
    match = _NUMBER.match(text) if len(text) <= 120 else None
    if match is None:
        raise ValueError("is not a number with a unit", f"write it as in '{example}'")
    number, unit = match.groups()
    if not unit:
        if dimension == "fraction":
            return _finite(float(number), example)
        raise ValueError("has no unit", f"write the unit, such as '{number} {example.split(' ', 1)[1]}'")
    if not _UNIT.match(unit) or re.search(r"[\^*] ?-?\d\d", unit):
        raise ValueError(f"has an unreadable unit {unit!r}", f"write it as in '{example}'")
    try:
        conversion = _conversion(unit, si_unit)
    except Exception:  # pint raises a dozen kinds of error for malformed units
        raise ValueError(f"has an unknown unit {unit!r}", f"write it as in '{example}'") from None
    if conversion is None:
        raise ValueError(
            f"is not a {dimension.replace('_', ' ')}: the unit {unit!r} measures something else",
            f"write it as in '{example}'",
        )
    slope, offset = conversion
    return _finite(float(number.replace("_", "")) * slope + offset, example)


def _finite(value: float, example: str) -> float:
    if not abs(value) < 1e300:
        raise ValueError("is not a finite number", f"write it as in '{example}'")
    return value
