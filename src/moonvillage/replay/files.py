"""Reading a mission file: TOML, with every complaint at its line (docs/replay.md is the format)."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from moonvillage.catalog.reader import Document, Path_, did_you_mean, parse_document, read_document
from moonvillage.catalog.schema import ID, Builder
from moonvillage.errors import InputError, Problem
from moonvillage.replay.model import KINDS, Craft, Flown, Mission, Step
from moonvillage.replay.records import QUANTITIES
from moonvillage.units import parse_quantity

_BUILT_IN = "moonvillage.replay"


@lru_cache(maxsize=1)
def load_kinds() -> None:
    """Import every module of ``replay/kinds``: each registers its kinds of step."""
    package = importlib.import_module("moonvillage.replay.kinds")
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"moonvillage.replay.kinds.{module}")


def names() -> tuple[str, ...]:
    """The built-in missions, in alphabetical order."""
    folder = resources.files(_BUILT_IN) / "data"
    return tuple(sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")))


def _squashed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@lru_cache(maxsize=1)
def _known_as() -> dict[str, str]:
    """Names without their punctuation, and aliases → the built-in mission."""
    found: dict[str, str] = {}
    folder = resources.files(_BUILT_IN) / "data"
    for name in names():
        data = tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))
        for alias in (name, str(data.get("title", "")), *data.get("aliases", ())):
            found.setdefault(_squashed(alias), name)
    return found


def read_mission(name_or_file: str | Path) -> Mission:
    """A mission by its built-in name, or from a file.

    Raises
    ------
    InputError
        If there is no such mission or the file is wrong; every defect that was found, each with file, line, field,
        value and remedy.
    """
    text = str(name_or_file)
    path = Path(name_or_file)
    built_in = _known_as().get(_squashed(text))
    if built_in is not None and (text in names() or not path.exists()):
        resource = resources.files(_BUILT_IN) / "data" / f"{built_in}.toml"
        return _read(parse_document(resource.read_text("utf-8"), f"replay/data/{built_in}.toml"))
    if not path.exists():
        if path.suffix != ".toml" and len(path.parts) == 1:
            message, remedy = "is neither a built-in mission nor a file", did_you_mean(text, names())
            raise InputError.one(message, remedy, field="mission", value=text)
        raise InputError.one(
            "does not exist",
            "check the path, or see the built-in missions with 'moonvillage replay --list'",
            file=text,
        )
    return _read(read_document(path))


def _read(document: Document) -> Mission:
    load_kinds()
    builder = Builder(document)
    data = dict(document.data)
    raw_steps, raw_craft = data.pop("steps", []), data.pop("craft", {})
    mission = builder.build(Mission, data, ())
    sources = data.get("sources", {})
    if not isinstance(sources, Mapping) or not all(isinstance(v, str) for v in sources.values()):
        builder.complain(("sources",), "", "is not a table of texts", 'write [sources] and lines such as id = "text"')
        sources = {}
    crafts = _crafts(builder, raw_craft)
    steps: list[Step] = []
    figures: dict[tuple[int, int], tuple[float, float | None]] = {}
    if not isinstance(raw_steps, list) or not raw_steps:
        builder.complain(("steps",), "", "holds no steps", "write at least one [[steps]] table with a kind and an id")
        raw_steps = []
    for index, item in enumerate(raw_steps):
        step = _step(builder, item, ("steps", index), {s.id for s in steps})
        if step is None:
            continue
        for number, flown in enumerate(step.flown):
            found = _figure(builder, step, flown, ("steps", index, "flown", number), sources)
            if found is not None:
                figures[len(steps), number] = found
        known = raw_craft if isinstance(raw_craft, Mapping) else {}
        if step.craft not in known and (known or step.craft != "craft"):
            path: Path_ = ("steps", index, "craft")
            builder.complain(path, step.craft, "is not a craft of this file", did_you_mean(step.craft, known))
        steps.append(step)
    if builder.problems or mission is None:
        raise InputError(_told_once(builder.problems))
    return dataclasses.replace(mission, sources=dict(sources), crafts=crafts, steps=tuple(steps), figures=figures)


def _told_once(problems: list[Problem]) -> list[Problem]:
    """Without the complaints that a field is lacking where a misspelt one beside it is told already."""
    meant = {
        (problem.field.rpartition(".")[0], name)
        for problem in problems
        if problem.message == "is not a known field here"
        for name in re.findall(r"'(\w+)'", problem.remedy)
    }
    kept = []
    for problem in problems:
        lacking = re.match(r"lacks '(\w+)'", problem.message)
        if lacking is None or (problem.field, lacking.group(1)) not in meant:
            kept.append(problem)
    return kept


def _crafts(builder: Builder, data: object) -> dict[str, Craft]:
    if not isinstance(data, Mapping):
        builder.complain(("craft",), data, "is not a table", "write [craft.NAME] and its mass, thrust and isp")
        return {}
    found = {}
    for name, item in data.items():
        craft = builder.build(Craft, item, ("craft", name))
        if craft is not None:
            found[name] = craft
    return found


def _step(builder: Builder, item: object, path: Path_, taken: set[str]) -> Step | None:
    if not isinstance(item, Mapping):
        builder.complain(path, item, "is not a table", "write it as [[steps]]")
        return None
    kind = item.get("kind")
    if kind is None:
        builder.complain(path, "", "lacks 'kind'", "add kind = one of " + ", ".join(sorted(KINDS)))
        return None
    if not isinstance(kind, str) or kind not in KINDS:
        builder.complain((*path, "kind"), kind, "is not a kind of step", did_you_mean(str(kind), KINDS))
        return None
    step = builder.build(KINDS[kind].cls, item, path)
    if step is None:
        return None
    if not ID.match(step.id):
        builder.complain((*path, "id"), step.id, "is not an id", "use lower-case letters, digits, '_' and '-'")
    if step.id in taken:
        builder.complain((*path, "id"), step.id, "stands twice", "give every step an id of its own")
    return step


def offered(cls: type[Step]) -> dict[str, tuple[str, ...]]:
    """Event → quantities that steps of a class compute."""
    return {event: tuple(quantities.split()) for event, quantities in cls.OFFERS.items()}


def event_key(cls: type[Step], event: str) -> str | None:
    """The entry of ``OFFERS`` for an event (``burn_2`` belongs to ``burn_#``); None if there is none."""
    if event in cls.OFFERS:
        return event
    general = re.sub(r"\d+\Z", "#", event)
    return general if general in cls.OFFERS else None


def _figure(
    builder: Builder, step: Step, flown: Flown, path: Path_, sources: Mapping[str, Any]
) -> tuple[float, float | None] | None:
    """The flown value and its bound (a fraction where the quantity is counted so, else SI)."""
    offers = offered(type(step))
    key = event_key(type(step), flown.of)
    if key is None:
        events = [event for event in offers if event]
        builder.complain((*path, "of"), flown.of, f"is no event of a {step.kind}", did_you_mean(flown.of, events))
        return None
    if flown.quantity not in offers[key]:
        message = f"is not computed by a {step.kind}" + (f" for {flown.of!r}" if flown.of else "")
        builder.complain((*path, "quantity"), flown.quantity, message, did_you_mean(flown.quantity, offers[key]))
        return None
    if sources and flown.source not in sources and re.fullmatch(r"[a-z0-9_\-]+", flown.source):
        builder.complain(
            (*path, "source"), flown.source, "is not a source of this file", did_you_mean(flown.source, sources)
        )
    quantity = QUANTITIES[flown.quantity]
    before = len(builder.problems)
    value = _amount(builder, flown.value, quantity.dimension, (*path, "value"))
    bound = None if flown.bound is None else _bound(builder, flown, value, (*path, "bound"))
    return None if len(builder.problems) > before else (value, bound)


def _amount(builder: Builder, value: object, dimension: str, path: Path_) -> float:
    if dimension == "date":
        return builder.epoch(value, path)
    try:
        return parse_quantity(value, dimension)
    except ValueError as error:
        message, remedy = error.args
        builder.complain(path, value, message, remedy)
        return 0.0


def _bound(builder: Builder, flown: Flown, value: float, path: Path_) -> float:
    """The bound as an amount in SI (a fraction counts of the flown value)."""
    dimension = QUANTITIES[flown.quantity].dimension
    if dimension == "date":
        dimension = "time"
    elif isinstance(flown.bound, (int, float)) or str(flown.bound).rstrip().endswith("%"):
        return abs(_amount(builder, flown.bound, "fraction", path) * value)
    return abs(_amount(builder, flown.bound, dimension, path))
