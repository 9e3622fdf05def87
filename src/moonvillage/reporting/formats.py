"""How numbers, masses, money and dates are written for people: few digits, always a unit, a thin no-break space."""

from __future__ import annotations

import math
from typing import Final

from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.units import DAY_S

#: Stands between a number and its unit.
GAP: Final = "\u202f"
#: Written where there is no value.
NONE: Final = "–"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Seconds from 1970-01-01 UTC to J2000 (TDB) with the 37 leap seconds known since 2017.
_UNIX_OF_J2000_S: Final = 946_728_000.0 - 69.184


def number(value: float | None, digits: int = 3) -> str:
    """A number with about ``digits`` significant digits and thin spaces between thousands."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    if places > 6:
        text = f"{value:.{digits - 1}e}"
        mantissa, exponent = text.split("e")
        return f"{mantissa}·10{_superscript(int(exponent))}".replace("-", "−")
    return f"{value:,.{places}f}".replace(",", GAP).replace("-", "−")


def _superscript(value: int) -> str:
    return str(value).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def whole(value: float | None) -> str:
    """A whole number."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{round(value):,}".replace(",", GAP).replace("-", "−")


def mass(value_kg: float | None, digits: int = 3) -> str:
    """kg below a tonne, t above."""
    if value_kg is None or not math.isfinite(value_kg):
        return NONE
    if abs(value_kg) >= 1000.0:
        return f"{number(value_kg / 1000.0, digits)}{GAP}t"
    return f"{number(value_kg, digits) if abs(value_kg) < 100 else whole(value_kg)}{GAP}kg"


def money(value_eur: float | None, digits: int = 3) -> str:
    """Millions or billions of euros."""
    if value_eur is None or not math.isfinite(value_eur):
        return NONE
    if abs(value_eur) >= 1e9:
        return f"{number(value_eur / 1e9, digits)}{GAP}bn{GAP}€"
    if abs(value_eur) >= 1e6:
        return f"{number(value_eur / 1e6, digits)}{GAP}M€"
    return f"{whole(value_eur)}{GAP}€"


def speed(value_m_s: float | None, digits: int = 3) -> str:
    """m/s, mm/s or µm/s, whichever reads best."""
    if value_m_s is None or not math.isfinite(value_m_s):
        return NONE
    if abs(value_m_s) < 1e-8:  # the noise of the arithmetic
        return f"0{GAP}m/s"
    if abs(value_m_s) < 1e-4:
        return f"{number(value_m_s * 1e6, 2)}{GAP}µm/s"
    if 0.0 < abs(value_m_s) < 0.1:
        return f"{number(value_m_s * 1000.0, 2)}{GAP}mm/s"
    return f"{number(value_m_s, digits)}{GAP}m/s"


def length(value_m: float | None, digits: int = 2) -> str:
    """µm, mm, m or km, whichever reads best."""
    if value_m is None or not math.isfinite(value_m):
        return NONE
    if 0.0 < abs(value_m) < 1e-4:
        return f"{number(value_m * 1e6, digits)}{GAP}µm"
    if 0.0 < abs(value_m) < 0.1:
        return f"{number(value_m * 1000.0, digits)}{GAP}mm"
    if abs(value_m) < 10_000.0:
        return f"{number(value_m, digits)}{GAP}m"
    return f"{number(value_m / 1000.0, digits)}{GAP}km"


def percent(value: float | None, digits: int = 2) -> str:
    """A fraction as a percentage."""
    return NONE if value is None or not math.isfinite(value) else f"{number(value * 100.0, digits)}{GAP}%"


def seconds(value_s: float | None) -> str:
    """A wall time."""
    if value_s is None or not math.isfinite(value_s):
        return NONE
    if 0.0 < value_s < 0.01:
        return f"< 0.01{GAP}s"
    if value_s < 120.0:
        return f"{number(value_s, 2)}{GAP}s"
    return f"{int(value_s // 60)}{GAP}min {int(value_s % 60)}{GAP}s"


def days(value_s: float | None, digits: int = 3) -> str:
    """A duration in days."""
    return NONE if value_s is None or not math.isfinite(value_s) else f"{number(value_s / DAY_S, digits)}{GAP}d"


def amount(value: float | None, unit: str) -> str:
    """A value in a stated SI unit, as the unit reads best."""
    writers = {"kg": mass, "EUR": money, "€": money, "m/s": speed, "s": days}
    scaled = {"MEUR": ("EUR", 1e6), "t": ("kg", 1e3), "d": ("s", DAY_S)}
    if unit in scaled and value is not None:
        unit, factor = scaled[unit]
        value *= factor
    if unit in writers:
        return writers[unit](value)
    return f"{number(value)}{GAP}{unit}".strip() if value is not None and math.isfinite(value) else NONE


def date(epoch_tdb_s: float | None) -> str:
    """UTC calendar date, ISO."""
    if epoch_tdb_s is None or not math.isfinite(epoch_tdb_s) or abs(epoch_tdb_s) > 5e9:
        return NONE
    return tdb_s_to_utc(epoch_tdb_s)[:10]


def month(epoch_tdb_s: float | None) -> str:
    """Month and year, such as Mar 2033."""
    text = date(epoch_tdb_s)
    return text if text == NONE else f"{_MONTHS[int(text[5:7]) - 1]} {text[:4]}"


def year(epoch_tdb_s: float) -> int:
    """UTC calendar year."""
    return int(tdb_s_to_utc(epoch_tdb_s)[:4])


def unix_ms(epoch_tdb_s: float) -> float:
    """Milliseconds since 1970, good to a second: for the time axes of figures only."""
    return round((epoch_tdb_s + _UNIX_OF_J2000_S) * 1000.0)


def words(id_: str) -> str:
    """An id as words, where there is no title."""
    return id_.replace("_", " ").replace("-", " ").strip()


_UNITS: Final = {"_m_s": "m/s", "_kg": "kg", "_eur": "€", "_tdb_s": "TDB s", "_m": "m", "_s": "s"}


def headed(key: str) -> str:
    """A key such as ``dv_max_m_s`` as a column's head: ``Dv max, m/s``."""
    for suffix, unit in _UNITS.items():
        if key.endswith(suffix) and len(key) > len(suffix):
            return f"{words(key[: -len(suffix)]).capitalize()}, {unit}"
    return words(key).capitalize()


def cut(text: str, most: int) -> str:
    """At most so many characters, with an ellipsis where something was cut."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def plural(count: int, one: str, many: str = "") -> str:
    """``1 flight``, ``30 flights``."""
    return f"{whole(count)} {one if count == 1 else many or one + 's'}"
