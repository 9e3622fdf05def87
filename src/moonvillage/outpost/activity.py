"""People by what they do: needs from age, mass, sex and the intensity of an activity; a day's schedule as a set.

The model is that of Goudarzi & Ting (1999), "Top Level Modeling of Crew Component of ALSS", SAE 1999-01-2042, with
the constants of NASA's BioSim (public source, class CrewPerson): heart rate ``30 I + 15`` a minute at intensity ``I``
(0 asleep to 5 exercising), oxygen ``0.223804 + 60 · 5.64e-7 HR³`` litres an hour at 22.4 l/mol, carbon dioxide 0.86
of it by moles, energy ``(86 m + 5990 (1 + (I - 1)/2))`` kJ a day for men of 30 and over, 0.1667 l of water an hour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from moonvillage.catalog.model import Metabolism
from moonvillage.outpost.species import MOLAR

_HOUR: Final = 3600.0
#: Litres of gas in a mole, as the model takes them.
_LITRES_PER_MOL: Final = 22.4
_RESPIRATORY_QUOTIENT: Final = 0.86
_WATER_KG_H: Final = 0.1667
#: Shares of the water drunk and used that leave as urine, as grey water and as vapour; 0.075 of it is metabolic.
_URINE, _GREY, _VAPOUR = 0.3625, 0.5375, 0.175
#: Energy of the food eaten, wheat, J/kg as eaten, and its moisture (BioSim, class Wheat); 4.2 kJ a kilocalorie.
_FOOD_J_KG: Final = 3300.0 * 4200.0
_FOOD_MOISTURE: Final = 0.12


@dataclass(frozen=True, slots=True)
class Person:
    """Someone: age in years, mass in kg, sex."""

    age: float = 35.0
    mass_kg: float = 75.0
    male: bool = True


@dataclass(frozen=True, slots=True)
class Activity:
    """Something done for some hours at an intensity from 0 (asleep) to 5 (exercise)."""

    name: str
    hours: float
    intensity: float


#: BioSim's default schedule: 22 hours, repeated.
BIOSIM_SCHEDULE: Final = (Activity("leisure", 12.0, 2.0), Activity("sleep", 8.0, 0.0), Activity("exercise", 2.0, 5.0))


@dataclass(frozen=True, slots=True)
class Needs:
    """What one person takes and gives while at something; kg/s, W."""

    oxygen_kg_s: float
    carbon_dioxide_kg_s: float
    energy_w: float
    food_kg_s: float  # as eaten, moisture included
    water_kg_s: float  # drunk and used, food moisture excluded
    vapour_kg_s: float


def needs(person: Person, intensity: float) -> Needs:
    """Needs at an intensity.

    Raises
    ------
    ValueError
        If the intensity is not from 0 to 5.
    """
    if not 0.0 <= intensity <= 5.0:
        raise ValueError(f"intensity {intensity} is not from 0 (asleep) to 5 (exercise)")
    heart = 30.0 * intensity + 15.0
    mol_s = (0.223804 + 60.0 * 5.64e-7 * heart**3) / _LITRES_PER_MOL / _HOUR
    effort = 1.0 + 0.5 * (intensity - 1.0)
    if person.male:
        per_kg, base = (106.0, 5040.0) if person.age < 30.0 else (86.0, 5990.0)
    else:
        per_kg, base = (106.0, 3200.0) if person.age < 30.0 else (106.0, 6067.0)
    energy = (per_kg * person.mass_kg + base * effort) * 1000.0 / 86400.0
    food = energy / _FOOD_J_KG
    used = _WATER_KG_H / _HOUR
    return Needs(
        oxygen_kg_s=mol_s * MOLAR["oxygen"] / 1000.0,
        carbon_dioxide_kg_s=mol_s * _RESPIRATORY_QUOTIENT * MOLAR["carbon_dioxide"] / 1000.0,
        energy_w=energy,
        food_kg_s=food,
        water_kg_s=used - _FOOD_MOISTURE * food,
        vapour_kg_s=_VAPOUR * used,
    )


def mean_needs(person: Person, schedule: Sequence[Activity]) -> Needs:
    """Mean needs over a schedule.

    Raises
    ------
    ValueError
        If the schedule has no hours.
    """
    hours = sum(activity.hours for activity in schedule)
    if hours <= 0.0:
        raise ValueError("the schedule has no hours; give at least one activity")
    parts = [(activity.hours / hours, needs(person, activity.intensity)) for activity in schedule]
    names = Needs.__dataclass_fields__
    return Needs(**{name: sum(share * float(getattr(need, name)) for share, need in parts) for name in names})


def hourly(schedule: Sequence[Activity]) -> tuple[float, ...]:
    """Intensity in each whole hour of a schedule.

    Raises
    ------
    ValueError
        If an activity does not last whole hours.
    """
    found: list[float] = []
    for activity in schedule:
        if activity.hours != int(activity.hours):
            raise ValueError(f"{activity.name} lasts {activity.hours} h; give whole hours")
        found += [activity.intensity] * int(activity.hours)
    return tuple(found)


def metabolism(id_: str, person: Person, schedule: Sequence[Activity]) -> Metabolism:
    """A versioned set of needs for one kind of person and day, closed in mass for :func:`body.close`.

    The source model does not close: its food holds a third more energy than its oxygen burns. Dry food is what the
    oxygen can burn, with solid wastes in the 2004 set's proportion; what is eaten beyond it, moisture included, is
    carried as packaging, so that the food stock falls as the source model's does; that moisture is drunk as well.
    """
    mean = mean_needs(person, schedule)
    used = _WATER_KG_H / _HOUR
    grey = _GREY * used
    drunk = used - grey
    urine, vapour = _URINE * used, mean.vapour_kg_s
    made = urine + vapour - drunk  # metabolic water
    burnt = mean.carbon_dioxide_kg_s + made - mean.oxygen_kg_s
    dry = burnt / (1.0 - 0.109 / 0.617)
    return Metabolism(
        id=id_,
        title=f"{person.age:.0f} years, {person.mass_kg:.0f} kg, after Goudarzi & Ting 1999",
        oxygen_kg_s=mean.oxygen_kg_s,
        carbon_dioxide_kg_s=mean.carbon_dioxide_kg_s,
        food_dry_kg_s=dry,
        water_in_kg_s=drunk,
        urine_kg_s=urine,
        vapour_kg_s=vapour,
        faecal_water_kg_s=0.0,
        hygiene_kg_s=grey,
        heat_w=mean.energy_w,
        packaging=mean.food_kg_s / dry - 1.0,
        note="Food moisture is counted twice, on the safe side; carbon dioxide 0.86 of the oxygen by moles.",
    )
