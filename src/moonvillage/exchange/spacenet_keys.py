"""The names of SpaceNet's JSON files, and how misspelt ones are understood.

SpaceNet's two writers (version 2.5 in Java, and the Python schemas of its web edition) agree on most names. Both
have slips: ``smallGasTTankMaxVolume`` and ``smallLiquidTTankMass``, keys in snake case where objects were dumped
without their aliases, ``originContainer`` here and ``origin`` there. A key is compared without case, underscores and
doubled letters, then by likeness; what was guessed by likeness is told, and what is not understood is listed.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.errors import InputError, Problem
from moonvillage.units import DAY_S

NODE_TYPES: Final = {"Surface Node": "surface", "Orbital Node": "orbital", "Lagrange Node": "lagrange"}
EDGE_TYPES: Final = {"Space Edge": "space", "Surface Edge": "surface", "Flight Edge": "flight"}
ELEMENT_TYPES: Final = {
    "Element": "element",
    "Human Agent": "crew",
    "Crew Member": "crew",
    "Resource Container": "container",
    "Resource Tank": "tank",
    "Element Carrier": "carrier",
    "Carrier": "carrier",
    "Propulsive Vehicle": "propulsive",
    "Surface Vehicle": "surface_vehicle",
}
STATE_TYPES: Final = {
    "Active": "active",
    "Quiescent": "quiescent",
    "Special": "special",
    "Dormant": "dormant",
    "Decommissioned": "decommissioned",
}
MODEL_TYPES: Final = {
    "Rated": "rated",
    "Timed Impulse": "impulse",
    "Sparing By Mass": "sparing",
    "Crew Consumables": "consumables",
}
EVENT_TYPES: Final = {
    "Create Elements": "create",
    "Move Elements": "move",
    "Remove Elements": "remove",
    "Add Resources": "add",
    "Consume Resources": "consume",
    "Transfer Resources": "transfer",
    "Propulsive Burn": "burn",
    "Reconfigure Element": "reconfigure",
    "Reconfigure Elements": "reconfigure_group",
    "Crewed EVA": "eva",
    "Crewed Exploration": "exploration",
    "Space Transport": "space_transport",
    "Surface Transport": "surface_transport",
    "Flight Transport": "flight_transport",
}
RESOURCE_TYPES: Final = {"Continuous": "continuous", "Discrete": "discrete", "Generic": "generic"}

#: The crew's needs (Crew Consumables), per person and day unless said otherwise, with SpaceNet's defaults in kg.
CONSUMABLES: Final[Mapping[str, float]] = {
    "reservesDuration": 0.0,
    "waterRecoveryRate": 0.42,
    "clothingLifetime": 4.0,
    "transitDemandsOmitted": 0.0,
    "waterRate": 3.6,
    "evaWaterRate": 0.6875,
    "foodSupportRate": 0.05556,
    "ambientFoodRate": 0.76389,
    "rfFoodRate": 1.61667,
    "oxygenRate": 3.85714,
    "evaOxygenRate": 0.07875,
    "nitrogenRate": 2.21429,
    "hygieneRate": 0.27778,
    "hygieneKit": 1.8,
    "clothingRate": 2.3,
    "personalItems": 10.0,
    "officeEquipment": 5.0,
    "evaSuit": 107.0,
    "evaLithiumHydroxide": 0.3625,
    "healthEquipment": 20.0,
    "healthConsumables": 0.1,
    "safetyEquipment": 25.0,
    "commEquipment": 20.0,
    "computerEquipment": 5.0,
    "trashBagRate": 0.05,
    "wasteContainmentRate": 0.05,
}
#: The settings of a scenario.
CONFIGURATION_NAMES: Final = (
    "timePrecision demandPrecision massPrecision volumePrecision volumeConstrained environmentConstrained "
    "itemDiscretization itemAggregation scavengeSpares detailedEva detailedExploration genericPackingFactorGas "
    "genericPackingFactorLiquid genericPackingFactorPressurized genericPackingFactorUnpressurized "
    "smallGasTankMass smallGasTankVolume smallGasTankMaxMass smallGasTankMaxVolume largeGasTankMass "
    "largeGasTankVolume largeGasTankMaxMass largeGasTankMaxVolume smallLiquidTankMass smallLiquidTankVolume "
    "smallLiquidTankMaxMass smallLiquidTankMaxVolume largeLiquidTankMass largeLiquidTankVolume "
    "largeLiquidTankMaxMass largeLiquidTankMaxVolume cargoTransferBagMass cargoTransferBagVolume "
    "cargoTransferBagMaxMass cargoTransferBagMaxVolume"
)
CONFIGURATION: Final = tuple(CONFIGURATION_NAMES.split())

#: How like a key must be to count as a known one misspelt.
LIKENESS: Final = 0.85
_PERIOD: Final = re.compile(
    r"^([+-]?)P(?:([+-]?[\d.]+)Y)?(?:([+-]?[\d.]+)M)?(?:([+-]?[\d.]+)W)?(?:([+-]?[\d.]+)D)?"
    r"(?:T(?:([+-]?[\d.]+)H)?(?:([+-]?[\d.]+)M)?(?:([+-]?[\d.]+)S)?)?$"
)


def canonical(key: str) -> str:
    """A key without case, separators and doubled letters.

    Examples
    --------
    >>> canonical("smallGasTTankMaxVolume") == canonical("small_gas_tank_max_volume")
    True
    """
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[^a-z0-9]", "", key.lower()))


class Notes:
    """What a reader has to say: guesses and things that it does not understand, with their paths in the file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, path: str, value: object, message: str, remedy: str, line: int | None = None) -> None:
        """Note something about a place in the file."""
        shown = str(value)
        self.problems.append(Problem(self.file, line, path, shown[:77] + "..." * (len(shown) > 77), message, remedy))

    def refuse(self, path: str, value: object, message: str, remedy: str) -> InputError:
        """The error for a file that cannot be read on."""
        return InputError.one(message, remedy, file=self.file, field=path, value=str(value)[:80])

    def pick(
        self, obj: Any, path: str, known: Iterable[str], alias: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """An object's values under known names; nulls are left out, unknown keys are noted.

        Parameters
        ----------
        obj
            What should be a JSON object.
        path
            Where it is.
        known
            The names asked for.
        alias
            Other names that writers use, to the known ones.

        Raises
        ------
        InputError
            If it is no object.
        """
        if not isinstance(obj, Mapping):
            raise self.refuse(path, obj, "is not an object", "write { ... } here")
        names = {canonical(name): name for name in known}
        names |= {canonical(other): name for other, name in (alias or {}).items()}
        found: dict[str, Any] = {}
        strange: list[str] = []
        for key, value in obj.items():
            name = names.get(canonical(key))
            if name is None:
                strange.append(key)
            elif value is not None:
                found[name] = value
        for key in strange:
            if obj[key] is None or obj[key] in ("", [], {}):
                continue
            free = [c for c, name in names.items() if name not in found]
            like = difflib.get_close_matches(canonical(key), free, 1, LIKENESS)
            if like:
                found[names[like[0]]] = obj[key]
                self.add(f"{path}.{key}", "", f"was read as {names[like[0]]!r}", "correct the key if that is wrong")
            else:
                self.add(f"{path}.{key}", obj[key], "is not understood", "it has no part in what follows")
        return found

    def kind(self, value: object, path: str, table: Mapping[str, str]) -> str:
        """A type's name, spelt as it may be.

        Raises
        ------
        InputError
            If it is none of the table's.
        """
        names = {canonical(name): kind for name, kind in table.items()}
        key = canonical(str(value))
        if key in names:
            return names[key]
        for name, kind in names.items():  # "Surface" for "Surface Node", as spreadsheets have it
            if len(key) >= 4 and (name.startswith(key) or key in name):
                return kind
        like = difflib.get_close_matches(key, list(names), 1, 0.8)
        if like:
            self.add(path, value, f"was read as {names[like[0]]!r}", "correct it if that is wrong")
            return names[like[0]]
        raise self.refuse(path, value, "is not a known type", f"use one of {', '.join(table)}")

    def number(self, value: object, path: str) -> float:
        """A finite number, also one written as text.

        Raises
        ------
        InputError
            If it is none.
        """
        try:
            result = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise self.refuse(path, value, "is not a number", "write a number") from None
        if not math.isfinite(result):
            raise self.refuse(path, value, "is not finite", "write a finite number")
        return result

    def span_s(self, value: object, path: str, *, day: bool = False) -> float:
        """A length of time in s: an ISO 8601 duration, or a number of seconds (of days where ``day``).

        Raises
        ------
        InputError
            If it is neither.
        """
        if isinstance(value, str):
            match = _PERIOD.match(value.strip().upper())
            if match and any(match.groups()[1:]):
                sign, years, months, weeks, days, hours, minutes, seconds = match.groups()
                if years or months:
                    self.add(path, value, "counts a year as 365 days and a month as 30", "write days")
                parts = (
                    (years, 365 * DAY_S),
                    (months, 30 * DAY_S),
                    (weeks, 7 * DAY_S),
                    (days, DAY_S),
                    (hours, 3600.0),
                    (minutes, 60.0),
                    (seconds, 1.0),
                )
                total = sum(float(text) * unit for text, unit in parts if text)
                return -total if sign == "-" else total
        return self.number(value, path) * (DAY_S if day else 1.0)

    def epoch_tdb_s(self, value: object, path: str) -> float:
        """A UTC date as TDB seconds past J2000; offsets such as -04:00 are allowed.

        Raises
        ------
        InputError
            If it is no date.
        """
        from datetime import UTC, datetime

        try:
            moment = datetime.fromisoformat(str(value).strip().replace("Z", "+00:00"))
        except ValueError:
            raise self.refuse(path, value, "is not a date", "write 2030-01-10T00:00:00Z") from None
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
        return utc_to_tdb_s(moment.isoformat())


def iso_span(seconds: float) -> str:
    """A length of time as SpaceNet writes it.

    Examples
    --------
    >>> iso_span(14.5 * 86400.0), iso_span(0.0)
    ('P14DT12H', 'PT0S')
    """
    sign, rest = ("-", -seconds) if seconds < 0.0 else ("", seconds)
    rest = round(rest, 6)
    days = int(rest // DAY_S)
    rest = round(rest - days * DAY_S, 6)
    hours, rest = int(rest // 3600.0), round(rest % 3600.0, 6)
    minutes, rest = int(rest // 60.0), round(rest % 60.0, 6)
    clock = "".join(f"{v}{u}" for v, u in ((hours, "H"), (minutes, "M")) if v)
    if rest > 0.0:
        clock += f"{rest:.6f}".rstrip("0").rstrip(".") + "S"
    if not days and not clock:
        return "PT0S"
    return sign + "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")
