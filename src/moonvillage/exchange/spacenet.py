"""Reading SpaceNet's JSON scenarios (version 2.5 in Java, and the web edition) into a story.

The format is that of the public software (github.com/space-logistics-org/spacenet-java and .../spacenet): heights of
orbits in km, durations in ISO 8601 (a bare number is seconds), surface distances in km and speeds in km/h, rates a
day, spares a year of 365 days. Nothing is dropped silently: :attr:`Story.unknown` lists it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from moonvillage.errors import InputError
from moonvillage.exchange import spacenet_keys as k
from moonvillage.records.logistics import (
    Amount,
    BurnAction,
    DemandModel,
    EdgeBurn,
    ElementState,
    PartUse,
    Story,
    StoryEdge,
    StoryElement,
    StoryEvent,
    StoryMission,
    StoryNode,
    Supply,
)

_KM = 1000.0
_KM_H = 1000.0 / 3600.0


def read_spacenet(path: Path | str) -> Story:
    """Read a SpaceNet scenario (.json) or database (.xls, .xlsx: :mod:`moonvillage.exchange.spacenet_sheets`).

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Story
        With ``unknown``: everything that was guessed or not understood, by its path in the file.

    Raises
    ------
    InputError
        If the file is no such thing, or refers to something that it does not define.
    """
    file = Path(path)
    if file.suffix.lower() in (".xls", ".xlsx"):
        from moonvillage.exchange.spacenet_sheets import read_sheets

        return read_sheets(file)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError.one(f"cannot be read: {error}", "give a SpaceNet JSON file", file=str(file)) from None
    return read_spacenet_text(text, file=str(file))


def read_spacenet_text(text: str, *, file: str = "<text>") -> Story:
    """As :func:`read_spacenet`, from JSON text.

    Raises
    ------
    InputError
        If it is not JSON or not a scenario.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError.one(
            f"is not JSON: {error.msg}", "mend the text there", file=file, line=error.lineno
        ) from None
    return _Reader(k.Notes(file)).story(data)


def is_spacenet(data: object) -> bool:
    """Whether decoded JSON looks like a SpaceNet scenario."""
    if not isinstance(data, Mapping):
        return False
    keys = {k.canonical(str(key)) for key in data}
    return "network" in keys and bool(keys & {k.canonical("missionList"), k.canonical("elementTemplates")})


def _text(values: Mapping[str, Any], key: str, default: str = "") -> str:
    return str(values.get(key, default))


class _Reader:
    """One file being read: what was defined so far, by id."""

    def __init__(self, notes: k.Notes) -> None:
        self.notes = notes
        self.models: dict[str, DemandModel] = {}
        self.library: dict[str, StoryElement] = {}
        self.extra: list[StoryElement] = []
        self.states: dict[str, int] = {}  # state id → its index

    def story(self, data: Any) -> Story:
        notes = self.notes
        known: str = (
            "name createdBy description startDate scenarioType network missionList resourceList elementTemplates "
            "instantiatedElements demandModels manifest configuration"
        )
        top = notes.pick(data, "", known.split(), {"missions": "missionList", "elements": "instantiatedElements"})
        if "network" not in top:
            raise notes.refuse("network", "", "is missing", "give a SpaceNet scenario")
        network = notes.pick(top["network"], "network", ("nodes", "edges"))
        nodes = tuple(self.node(o, f"network.nodes[{i}]") for i, o in enumerate(network.get("nodes", ())))
        edges = tuple(self.edge(o, f"network.edges[{i}]") for i, o in enumerate(network.get("edges", ())))
        supplies = tuple(self.supply(o, f"resourceList[{i}]") for i, o in enumerate(top.get("resourceList", ())))
        for i, o in enumerate(top.get("demandModels", ())):
            model = self.model(o, f"demandModels[{i}]")
            self.models[model.id] = model
        for i, o in enumerate(top.get("elementTemplates", ())):
            element = self.element(o, f"elementTemplates[{i}]", None)
            self.library[element.id] = element
        elements = [
            self.instance(o, f"instantiatedElements[{i}]") for i, o in enumerate(top.get("instantiatedElements", ()))
        ]
        missions = tuple(self.mission(o, f"missionList[{i}]") for i, o in enumerate(top.get("missionList", ())))
        if top.get("manifest"):
            notes.add(
                "manifest", top["manifest"], "is not read", "write its moves as Transfer Resources or Move Elements"
            )
        configuration = notes.pick(top.get("configuration", {}), "configuration", k.CONFIGURATION)
        if "startDate" not in top:
            raise notes.refuse("startDate", "", "is missing", "write 2030-01-10T00:00:00Z")
        return Story(
            name=_text(top, "name"),
            start_tdb_s=notes.epoch_tdb_s(top["startDate"], "startDate"),
            nodes=nodes,
            edges=edges,
            supplies=supplies,
            elements=(*elements, *self.extra),
            missions=missions,
            library=tuple(self.library.values()),
            models=tuple(self.models.values()),
            kind=_text(top, "scenarioType", "Lunar"),
            author=_text(top, "createdBy"),
            description=_text(top, "description"),
            configuration=configuration,
            unknown=tuple(notes.problems),
        )

    def some(self, values: Mapping[str, Any], key: str, path: str, default: float = 0.0) -> float:
        return self.notes.number(values[key], f"{path}.{key}") if key in values else default

    def span(self, values: Mapping[str, Any], key: str, path: str, default: float = 0.0) -> float:
        return self.notes.span_s(values[key], f"{path}.{key}") if key in values else default

    def names(self, values: Mapping[str, Any], key: str, path: str) -> tuple[str, ...]:
        found = values.get(key, ())
        if not isinstance(found, Sequence) or isinstance(found, str):
            raise self.notes.refuse(f"{path}.{key}", found, "is not a list of ids", "write [ ... ]")
        return tuple(str(x) for x in found)

    def required(self, values: Mapping[str, Any], key: str, path: str) -> str:
        if key not in values:
            raise self.notes.refuse(f"{path}.{key}", "", "is missing", "add it")
        return str(values[key])

    def node(self, obj: Any, path: str) -> StoryNode:
        known = (
            "id type name description contents body1 body2 latitude longitude apoapsis periapsis inclination lpNumber"
        )
        v = self.notes.pick(obj, path, known.split(), {"body": "body1", "number": "lpNumber"})
        self.held(v, path)
        return StoryNode(
            id=self.required(v, "id", path),
            name=_text(v, "name"),
            kind=self.notes.kind(self.required(v, "type", path), f"{path}.type", k.NODE_TYPES),
            body=_text(v, "body1", "Earth"),
            latitude_rad=math.radians(self.some(v, "latitude", path)),
            longitude_rad=math.radians(self.some(v, "longitude", path)),
            apoapsis_m=self.some(v, "apoapsis", path) * _KM,
            periapsis_m=self.some(v, "periapsis", path) * _KM,
            inclination_rad=math.radians(self.some(v, "inclination", path)),
            body2=_text(v, "body2"),
            point=int(self.some(v, "lpNumber", path)),
            description=_text(v, "description"),
        )

    def held(self, values: Mapping[str, Any], path: str) -> None:
        if values.get("contents"):
            self.notes.add(f"{path}.contents", values["contents"], "is not read", "create the elements by an event")

    def edge(self, obj: Any, path: str) -> StoryEdge:
        known = "id type name description contents origin destination duration burns distance maxCrew maxCargo"
        v = self.notes.pick(obj, path, known.split())
        self.held(v, path)
        burns = []
        for i, each in enumerate(v.get("burns", ())):
            where = f"{path}.burns[{i}]"
            b = self.notes.pick(
                each, where, ("id", "time", "deltaV", "burnType"), {"type": "burnType", "dv": "deltaV"}
            )
            burns.append(
                EdgeBurn(
                    self.required(b, "id", where),
                    self.span(b, "time", where),
                    self.notes.number(self.required(b, "deltaV", where), f"{where}.deltaV"),
                    _text(b, "burnType"),
                )
            )
        return StoryEdge(
            id=self.required(v, "id", path),
            name=_text(v, "name"),
            kind=self.notes.kind(self.required(v, "type", path), f"{path}.type", k.EDGE_TYPES),
            origin=self.required(v, "origin", path),
            destination=self.required(v, "destination", path),
            duration_s=self.span(v, "duration", path),
            burns=tuple(burns),
            distance_m=self.some(v, "distance", path) * _KM,
            crew=int(self.some(v, "maxCrew", path)),
            cargo_kg=self.some(v, "maxCargo", path),
            description=_text(v, "description"),
        )

    def supply(self, obj: Any, path: str) -> Supply:
        known = "id type name description classOfSupply environment units unitMass unitVolume packingFactor"
        v = self.notes.pick(obj, path, known.split(), {"cos": "classOfSupply"})
        return Supply(
            id=self.required(v, "id", path),
            name=_text(v, "name"),
            supply_class=int(self.some(v, "classOfSupply", path)),
            kind=self.notes.kind(v.get("type", "Continuous"), f"{path}.type", k.RESOURCE_TYPES),
            environment=_text(v, "environment", "Unpressurized"),
            units=_text(v, "units", "kg"),
            unit_kg=self.some(v, "unitMass", path, 1.0),
            unit_m3=self.some(v, "unitVolume", path),
            packing=self.some(v, "packingFactor", path),
            description=_text(v, "description"),
        )

    def amounts(self, found: Any, path: str) -> tuple[Amount, ...]:
        result = []
        for i, obj in enumerate(found or ()):
            where = f"{path}[{i}]"
            v = self.notes.pick(obj, where, ("resource", "amount", "rate", "classOfSupply", "environment"))
            value = self.some(v, "rate" if "rate" in v else "amount", where)
            cos = int(self.some(v, "classOfSupply", where))
            result.append(Amount(_text(v, "resource"), value, cos, _text(v, "environment")))
        return tuple(result)

    def model(self, obj: Any, path: str) -> DemandModel:
        known = "id templateId name type description demands partsListEnabled"
        rates = ("unpressurizedSparesRate", "pressurizedSparesRate")
        v = self.notes.pick(obj, path, [*known.split(), *rates, *k.CONSUMABLES])
        base = self.models.get(_text(v, "templateId"))
        if "templateId" in v and base is None:
            self.notes.add(f"{path}.templateId", v["templateId"], "names no demand model", "define it")
        kind = self.notes.kind(v["type"], f"{path}.type", k.MODEL_TYPES) if "type" in v else base.kind if base else ""
        if not kind:
            raise self.notes.refuse(f"{path}.type", "", "is missing", f"use one of {', '.join(k.MODEL_TYPES)}")
        figures: dict[str, float | bool] = dict(base.figures) if base else {}
        if kind == "consumables" and base is None:
            figures = dict(k.CONSUMABLES) | {"transitDemandsOmitted": False}
        for name in k.CONSUMABLES:
            if name in v and kind == "consumables":
                flag = name == "transitDemandsOmitted"
                figures[name] = bool(v[name]) if flag else self.some(v, name, path)
        start = base or DemandModel("", "", kind)
        demands = self.amounts(v["demands"], f"{path}.demands") if "demands" in v else start.demands
        return DemandModel(
            id=_text(v, "id") or (base.id if base else path),
            name=_text(v, "name", start.name),
            kind=kind,
            demands=demands,
            unpressurized_per_year=self.some(v, "unpressurizedSparesRate", path, start.unpressurized_per_year),
            pressurized_per_year=self.some(v, "pressurizedSparesRate", path, start.pressurized_per_year),
            parts_list=bool(v.get("partsListEnabled", start.parts_list)),
            figures=figures,
            template=_text(v, "templateId"),
            description=_text(v, "description", start.description),
        )

    def state(self, obj: Any, path: str) -> ElementState:
        v = self.notes.pick(obj, path, ("id", "name", "description", "type", "demandModels", "templateId"))
        models = tuple(self.model(o, f"{path}.demandModels[{i}]") for i, o in enumerate(v.get("demandModels", ())))
        kind = self.notes.kind(v.get("type", "Active"), f"{path}.type", k.STATE_TYPES)
        return ElementState(_text(v, "id") or path, _text(v, "name"), kind, models)

    def part(self, obj: Any, path: str) -> PartUse:
        known = "resource meanTimeToFailure meanTimeToRepair massToRepair quantity dutyCycle"
        v = self.notes.pick(obj, path, known.split())
        return PartUse(
            resource=self.required(v, "resource", path),
            quantity=self.some(v, "quantity", path, 1.0),
            duty_cycle=self.some(v, "dutyCycle", path, 1.0),
            failure_s=self.span(v, "meanTimeToFailure", path) if "meanTimeToFailure" in v else None,
            repair_s=self.span(v, "meanTimeToRepair", path) if "meanTimeToRepair" in v else None,
            repair_kg=self.some(v, "massToRepair", path),
        )

    def instance(self, obj: Any, path: str) -> StoryElement:
        if isinstance(obj, Mapping):
            key = next((key for key in obj if k.canonical(str(key)) == k.canonical("templateId")), None)
            base = self.library.get(str(obj[key])) if key is not None and obj[key] is not None else None
            if key is not None and obj[key] is not None and base is None:
                raise self.notes.refuse(f"{path}.{key}", obj[key], "names no element template", "define it")
            return self.element(obj, path, base)
        return self.element(obj, path, None)

    def element(self, obj: Any, path: str, base: StoryElement | None) -> StoryElement:
        known = (
            "id templateId type name description accommodationMass mass volume classOfSupply environment states "
            "currentStateIndex parts icon maxCargoMass maxCargoVolume cargoEnvironment maxCrew contents isp fuel "
            "maxFuel resource maxAmount amount maxSpeed activeTimeFraction cost omsIsp rcsIsp rcsFuel maxRcs"
        )
        v = self.notes.pick(obj, path, known.split(), {"omsIsp": "isp"})
        s = base or StoryElement("", "", "")
        kind = s.kind
        if "type" in v:
            kind = self.notes.kind(v["type"], f"{path}.type", k.ELEMENT_TYPES)
        if not kind:
            raise self.notes.refuse(f"{path}.type", "", "is missing", f"use one of {', '.join(k.ELEMENT_TYPES)}")
        fuel, fuel_kg = s.fuel, s.fuel_kg
        if "fuel" in v:
            f = self.notes.pick(v["fuel"], f"{path}.fuel", ("resource", "amount", "classOfSupply", "environment"))
            fuel, fuel_kg = _text(f, "resource", fuel), self.some(f, "amount", f"{path}.fuel", fuel_kg)
        fuel_max = self.some(v, "maxFuel", path, s.fuel_max_kg)
        if "maxFuel" in v and "fuel" not in v and base is None:
            fuel_kg = fuel_max
        contents, inside = self.contents(v, path, s)
        if kind == "tank":
            amount = self.some(v, "amount", path, s.contents[0].amount if s.contents else 0.0)
            resource = _text(v, "resource", s.contents[0].resource if s.contents else "")
            contents = (Amount(resource, amount),) if resource else ()
        states = tuple(self.state(o, f"{path}.states[{i}]") for i, o in enumerate(v.get("states", ()))) or s.states
        parts = tuple(self.part(o, f"{path}.parts[{i}]") for i, o in enumerate(v.get("parts", ()))) or s.parts
        current = int(self.some(v, "currentStateIndex", path, s.state))
        if current < 0 and states:
            current = 0
        if "icon" in v:
            pass  # a picture for SpaceNet's own windows
        return replace(
            s,
            id=self.required(v, "id", path),
            name=_text(v, "name", s.name),
            kind=kind,
            template=_text(v, "templateId"),
            mass_kg=self.some(v, "mass", path, s.mass_kg),
            supply_class=int(self.some(v, "classOfSupply", path, s.supply_class)),
            environment=_text(v, "environment", s.environment),
            accommodation_kg=self.some(v, "accommodationMass", path, s.accommodation_kg),
            volume_m3=self.some(v, "volume", path, s.volume_m3),
            cargo_kg=self.some(v, "maxAmount" if kind == "tank" else "maxCargoMass", path, s.cargo_kg),
            cargo_m3=self.some(v, "maxCargoVolume", path, s.cargo_m3),
            cargo_environment=_text(v, "cargoEnvironment", s.cargo_environment),
            crew=int(self.some(v, "maxCrew", path, s.crew)),
            isp_s=self.some(v, "isp", path, s.isp_s),
            fuel=fuel,
            fuel_max_kg=fuel_max,
            fuel_kg=fuel_kg,
            rcs_isp_s=self.some(v, "rcsIsp", path, s.rcs_isp_s),
            rcs_fuel=_text(v, "rcsFuel", s.rcs_fuel),
            rcs_max_kg=self.some(v, "maxRcs", path, s.rcs_max_kg),
            speed_m_s=self.some(v, "maxSpeed", path, s.speed_m_s / _KM_H) * _KM_H,
            active_fraction=self.some(v, "activeTimeFraction", path, s.active_fraction),
            contents=contents,
            inside=inside,
            states=states,
            state=current,
            parts=parts,
            cost_eur=self.some(v, "cost", path) if "cost" in v else s.cost_eur,
            description=_text(v, "description", s.description),
        )

    def contents(
        self, v: Mapping[str, Any], path: str, base: StoryElement
    ) -> tuple[tuple[Amount, ...], tuple[str, ...]]:
        found = v.get("contents")
        if not found:
            return base.contents, base.inside
        amounts: list[Any] = []
        inside: list[str] = []
        for i, obj in enumerate(found):
            if not isinstance(obj, Mapping):
                inside.append(str(obj))
            elif {"resource", "amount", "classOfSupply"} & set(obj) and "templateId" not in obj and "id" not in obj:
                amounts.append(obj)
            else:
                element = self.instance(obj, f"{path}.contents[{i}]")
                self.extra.append(element)
                inside.append(element.id)
        return self.amounts(amounts, f"{path}.contents"), tuple(inside)

    def mission(self, obj: Any, path: str) -> StoryMission:
        known = "name startDate events demandModels origin destination returnOrigin returnDestination"
        v = self.notes.pick(obj, path, known.split(), {"eventList": "events"})
        return StoryMission(
            name=_text(v, "name"),
            start_tdb_s=self.notes.epoch_tdb_s(self.required(v, "startDate", path), f"{path}.startDate"),
            events=tuple(self.event(o, f"{path}.events[{i}]") for i, o in enumerate(v.get("events", ()))),
            models=tuple(self.model(o, f"{path}.demandModels[{i}]") for i, o in enumerate(v.get("demandModels", ()))),
            origin=_text(v, "origin"),
            destination=_text(v, "destination"),
            return_origin=_text(v, "returnOrigin"),
            return_destination=_text(v, "returnDestination"),
        )

    def event(self, obj: Any, path: str) -> StoryEvent:
        known = (
            "name type priority missionTime location elements container edge burn burnStageSequence actions "
            "resources source origin destination vehicle evaDuration duration evaPerWeek elementStates "
            "additionalDemands element stateIndex stateType dutyCycle speed transportState"
        )
        alias = {
            "originContainer": "origin",
            "destinationContainer": "destination",
            "time": "missionTime",
            "demands": "resources",
            "evasPerWeek": "evaPerWeek",
        }
        v = self.notes.pick(obj, path, known.split(), alias)
        kind = self.notes.kind(self.required(v, "type", path), f"{path}.type", k.EVENT_TYPES)
        elements = self.names(v, "elements", path)
        if "element" in v:
            elements = (*elements, str(v["element"]))
        burn = _text(v, "burn")
        return StoryEvent(
            kind=kind,
            name=_text(v, "name"),
            time_s=self.span(v, "missionTime", path),
            priority=int(self.some(v, "priority", path, 1.0)),
            location=_text(v, "location"),
            elements=elements,
            container=_text(v, "container") or _text(v, "source") or _text(v, "destination"),
            origin=_text(v, "origin"),
            edge=_text(v, "edge"),
            burn=burn,
            sequences=self.sequences(v, path, burn),
            amounts=self.amounts(v.get("resources") or v.get("additionalDemands"), f"{path}.resources"),
            vehicle=_text(v, "vehicle"),
            duration_s=self.span(v, "duration", path),
            eva_s=self.span(v, "evaDuration", path),
            eva_per_week=self.some(v, "evaPerWeek", path),
            states=self.crew_states(v, path),
            state=self.state_index(v, path),
            state_kind=self.notes.kind(v["stateType"], f"{path}.stateType", k.STATE_TYPES)
            if "stateType" in v
            else "",
            speed_m_s=self.some(v, "speed", path) * _KM_H,
            duty_cycle=self.some(v, "dutyCycle", path, 1.0),
        )

    def state_kind(self, v: Mapping[str, Any], path: str) -> str:
        return self.notes.kind(v["stateType"], f"{path}.stateType", k.STATE_TYPES) if "stateType" in v else ""

    def state_index(self, v: Mapping[str, Any], path: str) -> int:
        found = v.get("stateIndex", v.get("transportState", -1))
        if isinstance(found, str) and not found.lstrip("-").isdigit():
            for element in self.library.values():
                for index, state in enumerate(element.states):
                    if state.id == found:
                        return index
            self.notes.add(f"{path}.transportState", found, "names no state", "the state stays as it is")
            return -1
        return int(self.notes.number(found, f"{path}.stateIndex"))

    def crew_states(self, v: Mapping[str, Any], path: str) -> tuple[tuple[str, int], ...]:
        found = []
        for i, obj in enumerate(v.get("elementStates", ())):
            where = f"{path}.elementStates[{i}]"
            s = self.notes.pick(obj, where, ("element", "stateIndex"))
            found.append((self.required(s, "element", where), int(self.some(s, "stateIndex", where, -1.0))))
        return tuple(found)

    def sequences(self, v: Mapping[str, Any], path: str, burn: str) -> tuple[tuple[str, tuple[BurnAction, ...]], ...]:
        """The actions of each burn. A Propulsive Burn has them flat, in an object of its own, or in a list of one."""
        found = v.get("burnStageSequence", v.get("actions", ()))
        if isinstance(found, Mapping):
            found = [found]
        flat = [o for o in found if isinstance(o, Mapping) and "element" in o]
        if flat:
            found = [{"burn": burn, "actions": flat}]
        result = []
        for i, obj in enumerate(found):
            where = f"{path}.burnStageSequence[{i}]"
            s = self.notes.pick(obj, where, ("burn", "actions"))
            actions = []
            for j, each in enumerate(s.get("actions", ())):
                at = f"{where}.actions[{j}]"
                a = self.notes.pick(each, at, ("element", "type"))
                kind = self.notes.kind(self.required(a, "type", at), f"{at}.type", {"Burn": "burn", "Stage": "stage"})
                actions.append(BurnAction(kind == "stage", self.required(a, "element", at)))
            result.append((_text(s, "burn", burn), tuple(actions)))
        return tuple(result)
