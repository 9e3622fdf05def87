"""The JSON Schema of a scenario file, generated from the classes that read it."""

from __future__ import annotations

from typing import Any

from moonvillage.catalog.model import KINDS
from moonvillage.catalog.schema import json_schema
from moonvillage.scenario.load import EXTRA, OWN
from moonvillage.scenario.model import Header
from moonvillage.scenario.network import Network


def scenario_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a scenario; editors with TOML support take it for completion and checks."""
    properties: dict[str, Any] = {"scenario": json_schema(Header), "network": json_schema(Network)}
    for table, (_, cls) in OWN.items():
        properties[table] = {"type": "object", "additionalProperties": json_schema(cls)}
    for table, kind in EXTRA.items():
        entry = json_schema(KINDS[kind][0])
        entry["properties"]["base"] = {"type": "string", "description": "the catalog entry that this one changes"}
        del entry["required"]  # a base gives what is not written
        properties[table] = {"type": "object", "additionalProperties": entry}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "moonvillage scenario",
        "type": "object",
        "properties": properties,
        "required": ["scenario"],
        "additionalProperties": False,
    }
