"""SpaceNet's Quick Start 1 as its own writer would save it, from the figures of its public documentation.

Elements, burns and sequences are those of "SpaceNet 2.5 Quick Start" (strategic engineering group, MIT), tutorial 1,
which ``tests/campaign/quickstart1.toml`` has as a scenario. The two misspelt keys are those that the web edition of
SpaceNet writes.
"""

from __future__ import annotations

import uuid
from typing import Any

G0 = 9.81

#: name: class of supply, dry kg, propellant kg, Isp s, propellant, cargo kg, crew
STAGES = {
    "Ares I First Stage": (9021, 105000.0, 620000.0, 267.0, "PBAN Solid", 0.0, 0),
    "Ares I Upper Stage": (9021, 12000.0, 125000.0, 448.0, "LH2/LOX", 0.0, 0),
    "Orion SM": (9022, 3000.0, 10000.0, 328.0, "MMH/N2O4", 0.0, 0),
    "Orion CM": (9022, 8000.0, 175.0, 301.0, "MMH/N2O4", 100.0, 4),
    "Ares V SRBs": (9021, 210000.0, 1375000.0, 270.0, "PBAN Solid", 0.0, 0),
    "Ares V Core": (9021, 175000.0, 1587000.0, 414.0, "LH2/LOX", 0.0, 0),
    "EDS": (9022, 26000.0, 253000.0, 448.0, "LH2/LOX", 0.0, 0),
    "Altair DM": (9023, 12000.0, 24900.0, 448.0, "LH2/LOX", 500.0, 0),
    "Altair AM": (9024, 3000.0, 3000.0, 320.0, "MMH/N2O4", 100.0, 4),
}
CREW = [f"Crew Member {letter}" for letter in "ABCD"]
ARES_1 = ["Ares I First Stage", "Ares I Upper Stage", "Orion SM", "Orion CM", "Orion LAS"]
ARES_5 = ["Ares V SRBs", "Ares V Core", "EDS", "Altair DM", "Altair AM"]
#: edge: origin, destination, duration, burns (time, m/s)
EDGES = {
    "KSC-LEO": ("KSC", "LEO", "PT6H", [("PT0S", 9500.0)]),
    "LEO-LLPO": ("LEO", "LLPO", "P4D", [("PT0S", 3150.0), ("PT12H", 2.0), ("P2DT12H", 2.0), ("P4D", 950.0)]),
    "LLPO-LSP": ("LLPO", "LSP", "PT12H", [("PT0S", 2030.0), ("PT6H", 11.0)]),
    "LSP-LLPO": ("LSP", "LLPO", "PT12H", [("PT0S", 1875.0), ("PT6H", 31.0)]),
    "LLPO-PAC": (
        "LLPO",
        "PAC",
        "P4D",
        [("PT0S", 612.3), ("PT12H", 276.5), ("P1D", 333.6), ("P1DT12H", 3.2), ("P3D", 3.2), ("P4D", 5.0)],
    ),
}


def ref(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"quick-start-1/{name}"))


def _stage(names: str) -> list[dict[str, str]]:
    """ "b:EDS s:EDS" as a burn and a staging."""
    actions = []
    for item in names.split(", "):
        kind, name = item.split(":")
        actions.append({"element": ref(name), "type": {"b": "Burn", "s": "Stage"}[kind]})
    return actions


def _transport(time: str, priority: int, edge: str, elements: list[str], sequences: list[str]) -> dict[str, Any]:
    return {
        "name": f"Lunar | {edge}",
        "type": "Space Transport",
        "priority": priority,
        "missionTime": time,
        "location": ref(EDGES[edge][0]),
        "edge": ref(edge),
        "elements": [ref(e) for e in elements],
        "burnStageSequence": [
            {"burn": ref(f"{edge}.{i}"), "actions": _stage(names)} for i, names in enumerate(sequences)
        ],
    }


def _put(kind: str, time: str, priority: int, place: str, elements: list[str], container: str) -> dict[str, Any]:
    return {
        "name": f"Lunar | {kind} Elements",
        "type": f"{kind} Elements",
        "priority": priority,
        "missionTime": time,
        "location": ref(place),
        "elements": [ref(e) for e in elements],
        "container": ref(container),
    }


def _nodes() -> list[dict[str, Any]]:
    def node(name: str, text: str, kind: str, body: str, **more: float) -> dict[str, Any]:
        head = {"id": ref(name), "name": name, "description": text, "contents": [], "type": kind, "body1": body}
        return head | more

    return [
        node("KSC", "Kennedy Space Center", "Surface Node", "Earth", latitude=28.6, longitude=-80.6),
        node("PAC", "Pacific Ocean", "Surface Node", "Earth", latitude=35.0, longitude=-117.9),
        node("LEO", "Low Earth Orbit", "Orbital Node", "Earth", apoapsis=296.0, periapsis=296.0, inclination=28.5),
        node("LLPO", "Lunar Polar Orbit", "Orbital Node", "Moon", apoapsis=100.0, periapsis=100.0, inclination=90.0),
        node("LSP", "Lunar South Pole", "Surface Node", "Moon", latitude=-89.9, longitude=-180.0),
    ]


def _elements() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    templates: list[dict[str, Any]] = []
    instances: list[dict[str, Any]] = []

    def add(name: str, kind: str, cos: int, mass: float, names: list[str], **more: Any) -> None:
        common = {"environment": "Unpressurized", "accommodationMass": 0.0, "volume": 0.0, "states": [], "parts": []}
        head = {"id": ref(f"template {name}"), "name": name, "type": kind, "description": name}
        templates.append(head | {"classOfSupply": cos, "mass": mass} | common | more)
        instances.extend(
            {"id": ref(each), "type": kind, "templateId": ref(f"template {name}"), "name": each} for each in names
        )

    hold = {"maxCargoVolume": 0.0, "cargoEnvironment": "Unpressurized", "contents": []}
    for name, (cos, dry, fuel, isp, what, cargo, crew) in STAGES.items():
        tank = {"resource": ref(what), "amount": fuel}
        add(
            name,
            "Propulsive Vehicle",
            cos,
            dry,
            [name],
            maxCargoMass=cargo,
            maxCrew=crew,
            isp=isp,
            maxFuel=fuel,
            fuel=tank,
            **hold,
        )
    add("Orion LAS", "Element Carrier", 9021, 6000.0, ["Orion LAS"], maxCargoMass=0.0, maxCrew=0, **hold)
    add("Crew Member", "Human Agent", 0, 100.0, CREW, activeTimeFraction=0.66)
    add("Notional Cargo", "Element", 6, 500.0, ["Notional Cargo"])
    add("Lunar Surface Samples", "Element", 6, 100.0, ["Lunar Surface Samples"])
    return templates, instances


def _events() -> list[dict[str, Any]]:
    dm = "b:Altair DM"
    sm = "b:Orion SM"
    stack = ["Orion SM", "Orion CM", "EDS", "Altair DM", "Altair AM"]
    return [
        _put("Create", "PT0S", 1, "KSC", ARES_5, "KSC"),
        _put("Create", "PT0S", 2, "KSC", ["Notional Cargo"], "Altair DM"),
        _transport(
            "PT0S", 3, "KSC-LEO", ARES_5, ["b:Ares V SRBs, s:Ares V SRBs, b:Ares V Core, s:Ares V Core, b:EDS"]
        ),
        _put("Create", "P1D", 1, "KSC", ARES_1, "KSC"),
        _put("Create", "P1D", 2, "KSC", CREW, "Orion CM"),
        _transport(
            "P1D",
            3,
            "KSC-LEO",
            ARES_1,
            ["b:Ares I First Stage, s:Ares I First Stage, s:Orion LAS, b:Ares I Upper Stage, s:Ares I Upper Stage"],
        ),
        _transport("P2D", 1, "LEO-LLPO", stack, ["b:EDS, s:EDS", dm, dm, dm]),
        _put("Move", "P6D", 1, "LLPO", CREW, "Altair AM"),
        _transport("P7D", 1, "LLPO-LSP", ["Altair AM", "Altair DM"], [dm, dm]),
        {
            "name": "Lunar | Exploration",
            "type": "Crewed Exploration",
            "priority": 1,
            "missionTime": "P7DT12H",
            "location": ref("LSP"),
            "vehicle": ref("Altair AM"),
            "duration": "P7D",
            "evaDuration": "PT8H",
            "evaPerWeek": 5,
            "elementStates": [{"element": ref(name), "stateIndex": -1} for name in CREW[:2]],
            "additionalDemands": [],
        },
        _put("Create", "P14DT12H", 1, "LSP", ["Lunar Surface Samples"], "Altair AM"),
        _transport("P14DT12H", 2, "LSP-LLPO", ["Altair AM"], ["b:Altair AM", "b:Altair AM"]),
        _put("Move", "P15D", 1, "LLPO", [*CREW, "Lunar Surface Samples"], "Orion CM"),
        _transport("P15D", 2, "LLPO-PAC", ["Orion SM", "Orion CM"], [sm, sm, sm, sm, sm, "s:Orion SM, b:Orion CM"]),
    ]


def quickstart1() -> dict[str, Any]:
    """The decoded JSON of the scenario."""
    templates, instances = _elements()
    edges = [
        {
            "id": ref(name),
            "name": name,
            "description": name,
            "contents": [],
            "type": "Space Edge",
            "origin": ref(origin),
            "destination": ref(to),
            "duration": duration,
            "burns": [{"id": ref(f"{name}.{i}"), "time": t, "deltaV": dv} for i, (t, dv) in enumerate(burns)],
        }
        for name, (origin, to, duration, burns) in EDGES.items()
    ]
    resources = [
        {
            "id": ref(name),
            "name": name,
            "classOfSupply": cos,
            "environment": "Unpressurized",
            "packingFactor": 0.0,
            "units": "kg",
            "unitMass": 1.0,
            "unitVolume": 0.0,
            "type": "Continuous",
        }
        for name, cos in (("PBAN Solid", 105), ("LH2/LOX", 101), ("MMH/N2O4", 102))
    ]
    return {
        "name": "Quick Start Scenario 1",
        "createdBy": "SpaceNet User",
        "description": "A lunar sortie.",
        "startDate": "2030-01-10T00:00:00.000Z",
        "scenarioType": "Lunar",
        "network": {"nodes": _nodes(), "edges": edges},
        "missionList": [
            {
                "name": "Lunar Sortie",
                "startDate": "2030-01-10T00:00:00.000Z",
                "events": _events(),
                "demandModels": [],
                "origin": ref("KSC"),
                "destination": ref("LSP"),
                "returnOrigin": ref("LSP"),
                "returnDestination": ref("PAC"),
            }
        ],
        "elementTemplates": templates,
        "instantiatedElements": instances,
        "demandModels": [],
        "resourceList": resources,
        "manifest": {},
        "configuration": {
            "timePrecision": 0.05,
            "massPrecision": 0.01,
            "environmentConstrained": True,
            "detailedEva": True,
            "smallGasTTankMaxVolume": 0.275,
            "smallLiquidTTankMass": 11.4567,
        },
    }
