"""Writing a story as SpaceNet's writers would: a JSON scenario of its version 2.5."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.exchange import spacenet_keys as k
from moonvillage.records.logistics import (
    Amount,
    BurnAction,
    DemandModel,
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

_KM: Final = 1000.0
_KM_H: Final = 1000.0 / 3600.0

#: The fields that hold ids.
_REFERENCES: Final = frozenset(
    {
        *("id", "templateId", "origin", "destination", "returnOrigin", "returnDestination", "location", "container"),
        *("edge", "burn", "element", "elements", "vehicle", "resource", "source", "rcsFuel", "contents"),
    }
)
#: What SpaceNet assumes where nothing is said; its reader needs the first eleven.
DEFAULTS: Final[Mapping[str, float | bool | str]] = {
    "timePrecision": 0.05,
    "demandPrecision": 0.01,
    "massPrecision": 0.01,
    "volumePrecision": 1e-6,
    "volumeConstrained": False,
    "environmentConstrained": True,
    "itemDiscretization": "None",
    "itemAggregation": 0.0,
    "scavengeSpares": False,
    "detailedEva": True,
    "detailedExploration": True,
    "genericPackingFactorGas": 1.0,
    "genericPackingFactorLiquid": 0.5,
    "genericPackingFactorPressurized": 0.2,
    "genericPackingFactorUnpressurized": 0.6,
}


def write_spacenet(story: Story, path: Path | str) -> Path:
    """Write a story as a SpaceNet JSON scenario.

    SpaceNet has one g0 (9.81 m/s²) and one specific impulse a vehicle in JSON; with another g0 the specific impulses
    are scaled so that its burns come out the same.

    Parameters
    ----------
    story
        What to write.
    path
        The file.

    Returns
    -------
    Path
        The file written.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(spacenet_text(story), encoding="utf-8")
    return target


def spacenet_text(story: Story) -> str:
    """The JSON text of :func:`write_spacenet`."""
    return json.dumps(spacenet_data(story), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def spacenet_data(story: Story) -> dict[str, Any]:
    """The decoded JSON of :func:`write_spacenet`; ids that are no UUIDs become some, always the same ones."""
    scale = story.gravity_m_s2 / 9.81
    library = {e.id: e for e in story.library}
    data = {
        "name": story.name,
        "createdBy": story.author,
        "description": story.description,
        "startDate": tdb_s_to_utc(story.start_tdb_s, decimals=3),
        "scenarioType": story.kind,
        "network": {"nodes": [_node(n) for n in story.nodes], "edges": [_edge(e) for e in story.edges]},
        "missionList": [_mission(m) for m in story.missions],
        "resourceList": [_supply(s) for s in story.supplies],
        "elementTemplates": [_element(e, None, scale) for e in story.library],
        "instantiatedElements": [_element(e, library.get(e.template), scale) for e in story.elements],
        "demandModels": [_model(m) for m in story.models],
        "configuration": {**DEFAULTS, **story.configuration},
    }
    made = _uuids(story)
    found: dict[str, Any] = _renamed(data, made) if made else data
    return found


def _uuids(story: Story) -> dict[str, str]:
    """UUIDs (version 5, of name and id) for those ids that SpaceNet's reader would refuse."""
    named = (story.nodes, story.edges, story.supplies, story.elements, story.library, story.models)
    ids = [item.id for group in named for item in group]
    ids += [burn.id for edge in story.edges for burn in edge.burns]
    ids += [state.id for e in (*story.elements, *story.library) for state in e.states]
    ids += [m.id for e in (*story.elements, *story.library) for state in e.states for m in state.models]
    ids += [m.id for mission in story.missions for m in mission.models]
    return {i: str(uuid.uuid5(uuid.NAMESPACE_URL, f"{story.name}:{i}")) for i in ids if not _is_uuid(i)}


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _renamed(value: Any, made: Mapping[str, str], key: str = "") -> Any:
    """The same data with other ids, in those fields that hold ids."""
    if isinstance(value, dict):
        return {name: _renamed(inner, made, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner, made, key) for inner in value]
    return made.get(value, value) if key in _REFERENCES and isinstance(value, str) else value


def _tidy(value: float) -> float:
    """A figure in the file's unit without the last bits of a change of units."""
    return float(f"{value:.12g}")


def _node(n: StoryNode) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": n.id,
        "name": n.name,
        "description": n.description,
        "contents": [],
        "type": _type(k.NODE_TYPES, n.kind),
        "body1": n.body,
    }
    if n.kind == "surface":
        found |= {
            "latitude": _tidy(math.degrees(n.latitude_rad)),
            "longitude": _tidy(math.degrees(n.longitude_rad)),
        }
    elif n.kind == "orbital":
        found |= {
            "apoapsis": _tidy(n.apoapsis_m / _KM),
            "periapsis": _tidy(n.periapsis_m / _KM),
            "inclination": _tidy(math.degrees(n.inclination_rad)),
        }
    else:
        found |= {"body2": n.body2, "lpNumber": n.point}
    return found


def _type(table: Mapping[str, str], kind: str) -> str:
    return next(name for name, value in table.items() if value == kind)


def _edge(e: StoryEdge) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": e.id,
        "name": e.name,
        "description": e.description,
        "contents": [],
        "type": _type(k.EDGE_TYPES, e.kind),
        "origin": e.origin,
        "destination": e.destination,
    }
    if e.kind == "surface":
        found["distance"] = _tidy(e.distance_m / _KM)
        return found
    found["duration"] = k.iso_span(e.duration_s)
    if e.kind == "flight":
        found |= {"maxCrew": e.crew, "maxCargo": e.cargo_kg}
    else:
        found["burns"] = [
            {"id": b.id, "time": k.iso_span(b.time_s), "deltaV": b.dv_m_s}
            | ({"burnType": b.engine} if b.engine else {})
            for b in e.burns
        ]
    return found


def _supply(s: Supply) -> dict[str, Any]:
    return {
        "id": s.id,
        "name": s.name,
        "description": s.description,
        "classOfSupply": s.supply_class,
        "environment": s.environment,
        "packingFactor": s.packing,
        "units": s.units,
        "unitMass": s.unit_kg,
        "unitVolume": s.unit_m3,
        "type": _type(k.RESOURCE_TYPES, s.kind),
    }


def _amount(a: Amount, key: str = "amount") -> dict[str, Any]:
    if a.resource:
        extra = {"classOfSupply": a.supply_class} if a.supply_class else {}
        return {"resource": a.resource, **extra, key: a.amount}
    return {"classOfSupply": a.supply_class, "environment": a.environment, key: a.amount}


def _model(m: DemandModel) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": m.id,
        "name": m.name,
        "type": _type(k.MODEL_TYPES, m.kind),
        "description": m.description,
    }
    if m.template:
        found["templateId"] = m.template
    if m.kind in ("rated", "impulse"):
        found["demands"] = [_amount(a, "rate" if m.kind == "rated" else "amount") for a in m.demands]
    elif m.kind == "sparing":
        found |= {
            "unpressurizedSparesRate": m.unpressurized_per_year,
            "pressurizedSparesRate": m.pressurized_per_year,
            "partsListEnabled": m.parts_list,
        }
    else:
        found |= m.figures
    return found


def _state(s: ElementState) -> dict[str, Any]:
    models = [_model(m) for m in s.models]
    return {"id": s.id, "name": s.name, "type": _type(k.STATE_TYPES, s.kind), "demandModels": models}


def _part(p: PartUse) -> dict[str, Any]:
    found: dict[str, Any] = {"resource": p.resource, "quantity": p.quantity, "dutyCycle": p.duty_cycle}
    if p.failure_s is not None:
        found["meanTimeToFailure"] = k.iso_span(p.failure_s)
    if p.repair_s is not None:
        found["meanTimeToRepair"] = k.iso_span(p.repair_s)
    return found | {"massToRepair": p.repair_kg}


def _element(e: StoryElement, base: StoryElement | None, scale: float) -> dict[str, Any]:
    """A template whole; an instance with what differs from its template."""
    found: dict[str, Any] = {"id": e.id, "name": e.name, "type": _type(k.ELEMENT_TYPES, e.kind)}
    body = _body(e, scale)
    if base is not None:
        before = _body(base, scale)
        body = {key: value for key, value in body.items() if key not in before or before[key] != value}
        found["templateId"] = e.template
    return found | body


def _body(e: StoryElement, scale: float) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": e.description,
        "classOfSupply": e.supply_class,
        "environment": e.environment,
        "accommodationMass": e.accommodation_kg,
        "mass": e.mass_kg,
        "volume": e.volume_m3,
        "states": [_state(s) for s in e.states],
        "parts": [_part(p) for p in e.parts],
    }
    if e.states:
        found["currentStateIndex"] = e.state
    if e.cost_eur is not None:
        found["cost"] = e.cost_eur
    if e.kind == "crew":
        return found | {"activeTimeFraction": e.active_fraction}
    if e.kind == "tank":
        first = e.contents[0] if e.contents else Amount("", 0.0)
        return found | {"resource": first.resource, "amount": first.amount, "maxAmount": e.cargo_kg}
    if e.kind == "element":
        return found
    found |= {
        "maxCargoMass": e.cargo_kg,
        "maxCargoVolume": e.cargo_m3,
        "cargoEnvironment": e.cargo_environment,
        "contents": [*(_amount(a) for a in e.contents), *e.inside],
    }
    if e.kind == "container":
        return found
    found["maxCrew"] = e.crew
    if e.kind in ("propulsive", "surface_vehicle"):
        if e.kind == "propulsive":
            found["isp"] = _tidy(e.isp_s * scale)
        else:
            found["maxSpeed"] = _tidy(e.speed_m_s / _KM_H)
        found["maxFuel"] = e.fuel_max_kg
        found["fuel"] = {"resource": e.fuel, "amount": e.fuel_kg}
        if e.rcs_isp_s:
            found |= {"rcsIsp": _tidy(e.rcs_isp_s * scale), "rcsFuel": e.rcs_fuel, "maxRcs": e.rcs_max_kg}
    return found


def _mission(m: StoryMission) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": m.name,
        "startDate": tdb_s_to_utc(m.start_tdb_s, decimals=3),
        "events": [_event(e) for e in m.events],
        "demandModels": [_model(d) for d in m.models],
    }
    ends = (
        ("origin", m.origin),
        ("destination", m.destination),
        ("returnOrigin", m.return_origin),
        ("returnDestination", m.return_destination),
    )
    return found | {key: value for key, value in ends if value}


def _actions(actions: tuple[BurnAction, ...]) -> list[dict[str, str]]:
    return [{"element": a.element, "type": "Stage" if a.stage else "Burn"} for a in actions]


def _event(e: StoryEvent) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": e.name,
        "type": _type(k.EVENT_TYPES, e.kind),
        "priority": e.priority,
        "missionTime": k.iso_span(e.time_s),
        "location": e.location,
    }
    amounts = [_amount(a) for a in e.amounts]
    sequences = [{"burn": burn, "actions": _actions(actions)} for burn, actions in e.sequences]
    by_kind: dict[str, dict[str, Any]] = {
        "create": {"elements": [*e.elements], "container": e.container},
        "move": {"elements": [*e.elements], "container": e.container},
        "remove": {"elements": [*e.elements]},
        "add": {"resources": amounts, "container": e.container},
        "consume": {"resources": amounts, "source": e.container},
        "transfer": {"resources": amounts, "origin": e.origin, "destination": e.container},
        "burn": {"elements": [*e.elements], "burn": e.burn, "actions": sequences[0] if sequences else None},
        "reconfigure": {"element": e.elements[0] if e.elements else None, "stateIndex": e.state},
        "reconfigure_group": {
            "elements": [*e.elements],
            "stateType": _type(k.STATE_TYPES, e.state_kind) if e.state_kind else None,
        },
        "space_transport": {"edge": e.edge, "elements": [*e.elements], "burnStageSequence": sequences},
        "flight_transport": {"edge": e.edge, "elements": [*e.elements]},
        "surface_transport": {
            "edge": e.edge,
            "vehicle": e.vehicle,
            "speed": _tidy(e.speed_m_s / _KM_H),
            "dutyCycle": e.duty_cycle,
            "transportState": e.state,
        },
    }
    if e.kind in ("eva", "exploration"):
        found |= {
            "vehicle": e.vehicle,
            "evaDuration": k.iso_span(e.eva_s),
            "elementStates": [{"element": name, "stateIndex": state} for name, state in e.states],
            "additionalDemands": amounts,
        }
        if e.kind == "exploration":
            found |= {"duration": k.iso_span(e.duration_s), "evaPerWeek": e.eva_per_week}
        return found
    return found | by_kind[e.kind]
