"""SpaceNet's demand models: rated, timed impulse, sparing by mass, and the consumables of crews.

As the user guide of SpaceNet 2.5 and its public software have them: rates a day; spares a share of the element's mass
a year of 365 days, split over its parts by mass where the list of parts is used; consumables of a crew asked for at
once at the destination when the crew arrives there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from moonvillage.records.logistics import Amount, DemandModel, Story, StoryElement, StoryMission, Supply
from moonvillage.units import DAY_S

_YEAR_D = 365.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a mission asks for, ``time_s`` after its start: kg by class of supply, or units of a resource."""

    time_s: float
    amounts: tuple[Amount, ...]


def over_time(
    model: DemandModel, element: StoryElement, days: float, supplies: Mapping[str, Supply]
) -> tuple[Amount, ...]:
    """What an element asks for over a span of time.

    Parameters
    ----------
    model
        A rated, sparing or impulse model (an impulse is asked for whole, whatever the span).
    element
        Whose mass and parts count, for spares.
    days
        Length of the span, d.
    supplies
        Known resources, for the masses of parts.

    Returns
    -------
    tuple of Amount
        Units of resources, kg of classes of supply.
    """
    if model.kind == "impulse":
        return model.demands
    if model.kind == "rated":
        return tuple(Amount(d.resource, d.amount * days, d.supply_class, d.environment) for d in model.demands)
    if model.kind != "sparing":
        return ()
    rates = {"Pressurized": model.pressurized_per_year, "Unpressurized": model.unpressurized_per_year}
    mass = dict.fromkeys(rates, 0.0)
    uses = [
        (part, supplies[part.resource])
        for part in element.parts
        if model.parts_list and part.resource in supplies and part.quantity > 0.0
    ]
    for part, supply in uses:
        if supply.environment in mass:
            mass[supply.environment] += part.quantity * supply.unit_kg
    generic = max(0.0, element.mass_kg - sum(mass.values()))
    found: list[Amount] = []
    for where, rate in rates.items():
        base = generic + mass[where]
        if rate <= 0.0 or base <= 0.0:
            continue
        asked = days * rate / _YEAR_D * element.mass_kg / base
        for part, supply in uses:
            if supply.environment == where:
                found.append(Amount(part.resource, asked * part.quantity))
        if generic > 0.0:
            found.append(Amount("", asked * generic, 4, where))
    return tuple(found)


def consumables(story: Story, mission: StoryMission) -> Asked:
    """What a mission's crew (and its rated and impulse models) asks for at its destination.

    Spans are rounded to the file's precision of time (0.05 d unless set), as SpaceNet does.

    Parameters
    ----------
    story, mission
        The mission and what it is part of.

    Returns
    -------
    Asked
        Empty where the mission has no demand models.
    """
    if not mission.models:
        return Asked(0.0, ())
    precision = float(story.configuration.get("timePrecision", 0.05) or 0.05)

    def rounded(days: float) -> float:
        return round(math.floor(days / precision + 0.5) * precision, 3)

    spans = _Spans(story, mission)
    transit, there, back = rounded(spans.transit_d), rounded(spans.there_d), rounded(spans.back_d)
    found: list[Amount] = []
    for model in mission.models:
        if model.kind == "impulse":
            found += model.demands
        elif model.kind == "rated":
            whole = rounded(spans.whole_d)
            found += [Amount(d.resource, d.amount * whole, d.supply_class, d.environment) for d in model.demands]
        elif model.kind == "consumables":
            found += _crew(model.figures, spans.crew, spans.eva_h, there, transit + back)
    return Asked(transit * DAY_S, tuple(a for a in found if a.amount > 0.0))


def _crew(f: Mapping[str, float | bool], crew: int, eva_h: float, there_d: float, transit_d: float) -> list[Amount]:
    """The needs of a crew by class of supply, kg."""
    stay = there_d + (0.0 if f.get("transitDemandsOmitted") else transit_d)
    days = (stay + f["reservesDuration"]) * crew
    worn = stay * crew
    by_class = {
        201: days * f["waterRate"] * (1.0 - f["waterRecoveryRate"]) + eva_h * f["evaWaterRate"],
        202: days * (f["foodSupportRate"] + f["ambientFoodRate"] + f["rfFoodRate"]),
        203: days * (f["oxygenRate"] + f["nitrogenRate"]) + eva_h * f["evaOxygenRate"],
        204: days * f["hygieneRate"] + crew * f["hygieneKit"],
        205: worn * f["clothingRate"] / max(1.0, f["clothingLifetime"]),
        206: crew * f["personalItems"],
        301: crew * f["officeEquipment"],
        302: crew * f["evaSuit"] + eva_h * f["evaLithiumHydroxide"],
        303: f["healthEquipment"] + crew * f["healthConsumables"],
        304: f["safetyEquipment"],
        305: f["commEquipment"],
        306: crew * f["computerEquipment"],
        701: worn * f["trashBagRate"],
        702: days * f["wasteContainmentRate"],
    }
    return [Amount("", float(kg), cos) for cos, kg in by_class.items()]


class _Spans:
    """A mission's crew, its hours of excursions, and its days on the way, there and back."""

    def __init__(self, story: Story, mission: StoryMission) -> None:
        edges = {e.id: e for e in story.edges}
        elements = {e.id: e for e in story.elements}
        self.crew = 0
        self.eva_h = 0.0
        end = 0.0
        arrival: float | None = None
        departure: float | None = None
        back_from: float | None = None
        back_to: float | None = None

        def people(name: str) -> int:
            element = elements.get(name)
            if element is None:
                return 0
            return 1 if element.kind == "crew" else sum(people(o) for o in element.inside)

        for event in sorted(mission.events, key=lambda e: (e.time_s, e.priority, e.name)):
            end = max(end, event.time_s + event.duration_s)
            if event.kind == "create":
                self.crew += sum(people(name) for name in event.elements)
            elif event.kind == "eva":
                self.eva_h += event.eva_s / 3600.0 * len(event.states)
            elif event.kind == "exploration":
                number = math.floor(event.duration_s / DAY_S * event.eva_per_week / 7.0 + 1e-9)
                self.eva_h += number * event.eva_s / 3600.0 * len(event.states)
            elif event.kind.endswith("_transport") and event.edge in edges:
                edge = edges[event.edge]
                span, origin, to = edge.duration_s, edge.origin, edge.destination
                if event.kind == "surface_transport":
                    if event.location == edge.destination:
                        origin, to = to, origin
                    span = edge.distance_m / max(1e-9, event.speed_m_s * event.duty_cycle)
                end = max(end, event.time_s + span)
                if to == mission.destination and arrival is None:
                    arrival = event.time_s + span
                elif origin == mission.destination:
                    departure = event.time_s
                if mission.return_destination and to == mission.return_destination:
                    back_to = event.time_s + span
                if mission.return_origin and origin == mission.return_origin:
                    back_from = event.time_s
        later = [m.start_tdb_s for m in story.missions if m.start_tdb_s > mission.start_tdb_s]
        whole = min(later) - mission.start_tdb_s if later else end
        self.whole_d = whole / DAY_S
        self.transit_d = (arrival if arrival is not None else whole) / DAY_S
        if arrival is None:
            self.there_d = 0.0
        else:
            self.there_d = ((departure if departure is not None else whole) - arrival) / DAY_S
        self.back_d = (back_to - back_from) / DAY_S if back_to is not None and back_from is not None else 0.0
