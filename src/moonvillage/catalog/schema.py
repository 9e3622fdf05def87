"""Classes as schema: one field declaration is the type, the unit, the default, the check and the documentation.

A frozen dataclass whose fields are made with :func:`quantity`, :func:`text`, :func:`choice` ... can be built from
a TOML table by :func:`build`; the same declarations give the JSON Schema for editors (:func:`json_schema`).
The key in a file is the field's name without its SI suffix (``dry_mass_kg`` is written ``dry_mass = "4.2 t"``).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeVar

from moonvillage.catalog.reader import Document, Path_, did_you_mean
from moonvillage.ephemeris.time import utc_to_tdb_s
from moonvillage.errors import Problem
from moonvillage.units import DIMENSIONS, parse_quantity

T = TypeVar("T")
ID: Final = re.compile(r"[a-z0-9][a-z0-9_\-]{0,63}\Z")
_SUFFIX: Final = re.compile(r"_(kg_s|eur_kg|j_kg|m2_s2|m_s2|m_s|kg|m3|m2|bit_s|per_s|tdb_s|eur|rad|pa|m|s|w|j|n|k)\Z")
CONFIDENCES: Final = ("high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a figure comes from: a source id (see ``sources.toml``), and how far to trust it."""

    source: str
    confidence: str  # one of CONFIDENCES
    as_written: str


def _make(kind: str, doc: str, default: Any, **extra: Any) -> Any:
    metadata = {"kind": kind, "doc": doc, **extra}
    if default is MISSING:
        return field(metadata=metadata)
    if isinstance(default, (dict, list)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def quantity(
    dimension: str,
    doc: str,
    default: Any = MISSING,
    *,
    low: float | None = None,
    high: float | None = None,
    key: str = "",
) -> Any:
    """A number with a unit; ``low`` and ``high`` bound it in SI (inclusive).

    ``key`` names it in files where the field's name without its suffix would stand for another field.
    """
    assert dimension in DIMENSIONS, dimension
    return _make("quantity", doc, default, dimension=dimension, low=low, high=high, key=key)


def quantities(dimension: str, doc: str, default: Any = MISSING, *, of: str = "", low: float | None = None) -> Any:
    """A table from names to numbers with units; ``of`` is the kind that the names must belong to."""
    return _make("quantities", doc, default, dimension=dimension, of=of, low=low, high=None)


def text(doc: str, default: Any = MISSING) -> Any:
    """Free text."""
    return _make("text", doc, default)


def choice(options: tuple[str, ...], doc: str, default: Any = MISSING) -> Any:
    """One of some words."""
    return _make("choice", doc, default, options=options)


def ref(of: str, doc: str, default: Any = MISSING) -> Any:
    """The id of something of kind ``of`` (several kinds with ``|``)."""
    return _make("ref", doc, default, of=of)


def refs(of: str, doc: str, default: Any = MISSING) -> Any:
    """A list of ids; kept as a tuple."""
    return _make("refs", doc, default, of=of)


def words(doc: str, default: Any = MISSING, options: tuple[str, ...] = ()) -> Any:
    """A list of words; kept as a tuple."""
    return _make("words", doc, default, options=options)


def counts(of: str, doc: str, default: Any = MISSING) -> Any:
    """A table from ids of kind ``of`` to whole numbers ≥ 0."""
    return _make("counts", doc, default, of=of)


def mapping(of: str, doc: str, default: Any = MISSING) -> Any:
    """A table from free names to ids of kind ``of``."""
    return _make("mapping", doc, default, of=of)


def times(doc: str, default: Any = MISSING) -> Any:
    """A list of durations; kept as a tuple of seconds."""
    return _make("times", doc, default, dimension="time", low=0.0, high=None)


def integer(doc: str, default: Any = MISSING, *, low: int | None = None, high: int | None = None) -> Any:
    """A whole number."""
    return _make("integer", doc, default, low=low, high=high)


def flag(doc: str, default: Any = MISSING) -> Any:
    """true or false."""
    return _make("flag", doc, default)


def date(doc: str, default: Any = MISSING) -> Any:
    """A UTC date or date-time; held as TDB seconds past J2000."""
    return _make("date", doc, default)


def table(cls: type, doc: str, default: Any = MISSING) -> Any:
    """A sub-table built as ``cls``."""
    return _make("table", doc, default, cls=cls)


def tables(cls: type, doc: str, default: Any = MISSING) -> Any:
    """A list of sub-tables built as ``cls``; kept as a tuple."""
    return _make("tables", doc, default, cls=cls)


def raw(doc: str, default: Any = MISSING) -> Any:
    """A value kept as the file has it; the owner checks it."""
    return _make("raw", doc, default)


def key_of(name: str) -> str:
    """The key under which a field stands in a file."""
    return _SUFFIX.sub("", name).rstrip("_")


@lru_cache(maxsize=256)
def _fields_of(cls: Any) -> dict[str, dataclasses.Field[Any]]:
    found: dict[str, dataclasses.Field[Any]] = {}
    for f in dataclasses.fields(cls):
        if "kind" in f.metadata:
            key = f.metadata.get("key") or key_of(f.name)
            assert key not in found, f"{cls.__name__}: two fields are written {key!r}"
            found[key] = f
    return found


def fields_of(cls: type) -> dict[str, dataclasses.Field[Any]]:
    """File key → field, for the fields that a file may set."""
    return _fields_of(cls)


class Builder:
    """Builds records from the tables of one document, gathering every problem instead of stopping at the first.

    ``known`` answers whether an id of a kind exists; references are checked by :meth:`check_refs` once all ids
    are known. ``cited`` makes every quantity a triple ``[value, source, confidence]`` (the catalog's form).
    """

    def __init__(self, document: Document, *, cited: bool = False) -> None:
        self.document = document
        self.cited = cited
        self.problems: list[Problem] = []
        self.pending: list[tuple[Path_, str, str]] = []  # path, name, kinds

    def complain(self, path: Path_, value: object, message: str, remedy: str) -> None:
        self.problems.append(self.document.problem(path, value, message, remedy))

    def check_refs(self, known: Callable[[str], Any]) -> None:
        """Check every reference met so far; ``known(kind)`` gives the ids of a kind."""
        for path, name, kinds in self.pending:
            ids: set[str] = set()
            for kind in kinds.split("|"):
                ids |= set(known(kind))
            if name not in ids:
                noun = kinds.replace("|", " or ")
                self.complain(path, name, f"is not a known {noun}", did_you_mean(name, ids))
        self.pending.clear()

    def build(self, cls: type[T], data: object, path: Path_, base: T | None = None, **given: Any) -> T | None:
        """An instance of ``cls`` from a table, over ``base`` where one is given; None if something was wrong."""
        if not isinstance(data, Mapping):
            self.complain(path, data, "is not a table", f"write it as [{'.'.join(str(p) for p in path)}]")
            return None
        known = fields_of(cls)
        before = len(self.problems)
        values: dict[str, Any] = dict(given)
        provenance: dict[str, Provenance] = dict(getattr(base, "provenance", {}) or {})
        for key, value in data.items():
            if key in ("base",) and base is not None:
                continue
            if key not in known:
                self.complain((*path, key), "", "is not a known field here", did_you_mean(key, known))
                continue
            f = known[key]
            values[f.name] = self._value(f, value, (*path, key), provenance)
        if base is not None:
            for f in dataclasses.fields(cls):  # type: ignore[arg-type]
                if f.name not in values and f.init:
                    values[f.name] = getattr(base, f.name)
        for key, f in known.items():
            if f.name not in values and f.default is MISSING and f.default_factory is MISSING:
                self.complain(path, "", f"lacks '{key}' ({f.metadata['doc']})", _how(key, f))
        if len(self.problems) > before:
            return None
        if "provenance" in {f.name for f in dataclasses.fields(cls)}:  # type: ignore[arg-type]
            values["provenance"] = provenance
        return cls(**values)

    def _value(self, f: dataclasses.Field[Any], value: object, path: Path_, provenance: dict[str, Provenance]) -> Any:
        meta = f.metadata
        kind = meta["kind"]
        if kind == "quantity":
            return self._quantity(meta, value, path, f.name, provenance)
        if kind == "quantities":
            if not isinstance(value, Mapping):
                self.complain(path, value, "is not a table of quantities", 'write { name = "1 kg" }')
                return {}
            result = {}
            for name, item in value.items():
                if meta["of"]:
                    self.pending.append(((*path, name), name, meta["of"]))
                result[name] = self._quantity(meta, item, (*path, name), f"{f.name}.{name}", provenance)
            return result
        if kind == "text":
            if not isinstance(value, str):
                self.complain(path, value, "is not text", "put it in quotes")
            return value
        if kind == "choice":
            if value not in meta["options"]:
                self.complain(path, value, "is not one of the choices", did_you_mean(str(value), meta["options"]))
            return value
        if kind == "ref":
            if not isinstance(value, str):
                self.complain(path, value, f"is not the id of a {meta['of']}", "put the id in quotes")
            else:
                self.pending.append((path, value, meta["of"]))
            return value
        if kind in ("refs", "words"):
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                self.complain(path, value, "is not a list of names", 'write it as ["a", "b"]')
                return ()
            for index, item in enumerate(value):
                if kind == "refs":
                    self.pending.append(((*path, index), item, meta["of"]))
                elif meta["options"] and item not in meta["options"]:
                    self.complain(
                        (*path, index), item, "is not one of the choices", did_you_mean(item, meta["options"])
                    )
            return tuple(value)
        if kind == "counts":
            if not isinstance(value, Mapping):
                self.complain(path, value, "is not a table of counts", "write { name = 1 }")
                return {}
            for name, item in value.items():
                self.pending.append(((*path, name), name, meta["of"]))
                if isinstance(item, bool) or not isinstance(item, int) or item < 0:
                    self.complain((*path, name), item, "is not a whole number of 0 or more", "write it as in 1")
            return dict(value)
        if kind == "mapping":
            if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
                self.complain(path, value, "is not a table of names", 'write { name = "id" }')
                return {}
            for name, item in value.items():
                self.pending.append(((*path, name), item, meta["of"]))
            return dict(value)
        if kind == "times":
            if not isinstance(value, list):
                self.complain(path, value, "is not a list of times", 'write it as ["30 d", "60 d"]')
                return ()
            return tuple(
                self._quantity(meta, item, (*path, index), f.name, provenance) for index, item in enumerate(value)
            )
        if kind == "integer":
            if isinstance(value, bool) or not isinstance(value, int):
                self.complain(path, value, "is not a whole number", "write it without quotes or unit, such as 4")
                return 0
            self._bounds(meta, float(value), value, path, "")
            return value
        if kind == "flag":
            if not isinstance(value, bool):
                self.complain(path, value, "is not true or false", "write true or false, without quotes")
            return value
        if kind == "date":
            return self.epoch(value, path)
        if kind == "table":
            return self.build(meta["cls"], value, path)
        if kind == "tables":
            if not isinstance(value, list):
                self.complain(path, value, "is not a list of tables", "write it as [{ ... }, { ... }]")
                return ()
            built = [self.build(meta["cls"], item, (*path, index)) for index, item in enumerate(value)]
            return tuple(item for item in built if item is not None)
        return value

    def epoch(self, value: object, path: Path_) -> float:
        """A UTC date as TDB seconds past J2000."""
        if isinstance(value, (dt.datetime, dt.date)):
            value = value.isoformat()
        if not isinstance(value, str):
            self.complain(
                path, value, "is not a date", "write a UTC date such as 2033-04-12 or '2033-04-12T06:30:00'"
            )
            return 0.0
        try:
            return utc_to_tdb_s(value.removesuffix("Z").removesuffix("+00:00"))
        except ValueError:
            self.complain(
                path, value, "is not a date", "write a UTC date such as 2033-04-12 or '2033-04-12T06:30:00'"
            )
            return 0.0

    def _quantity(
        self,
        meta: Mapping[str, Any],
        value: object,
        path: Path_,
        name: str,
        provenance: dict[str, Provenance],
    ) -> float:
        if isinstance(value, list) and len(value) == 3 and all(isinstance(part, str) for part in value[1:]):
            value, source, confidence = value
            if confidence not in CONFIDENCES:
                self.complain(path, confidence, "is not a confidence", did_you_mean(confidence, CONFIDENCES))
            self.pending.append((path, source, "source"))
            provenance[name] = Provenance(source, confidence, str(value))
        elif self.cited:
            self.complain(path, value, "has no source", 'write it as ["4.2 t", "source-id", "high"]')
        else:
            provenance[name] = Provenance("scenario", "high", str(value))
        try:
            result = parse_quantity(value, meta["dimension"])
        except ValueError as error:
            message, remedy = error.args
            self.complain(path, value, message, remedy)
            return 0.0
        self._bounds(meta, result, value, path, DIMENSIONS[meta["dimension"]][0])
        return result

    def _bounds(self, meta: Mapping[str, Any], number: float, value: object, path: Path_, unit: str) -> None:
        low, high = meta["low"], meta["high"]
        unit = "" if unit == "dimensionless" else f" {unit}" if unit else ""
        if low is not None and number < low:
            what = "is negative" if low == 0 else f"is below {low:g}{unit}"
            self.complain(path, value, what, f"write a value of {low:g}{unit} or more")
        elif high is not None and number > high:
            self.complain(path, value, f"is above {high:g}{unit}", f"write a value of {high:g}{unit} or less")


def _how(key: str, f: dataclasses.Field[Any]) -> str:
    kind = f.metadata["kind"]
    if kind == "quantity":
        return f'add {key} = "{DIMENSIONS[f.metadata["dimension"]][1]}"'
    if kind == "date":
        return f"add {key} = 2033-04-12"
    if kind == "choice":
        return f"add {key} = one of {', '.join(f.metadata['options'])}"
    if kind in ("refs", "words", "tables"):
        return f"add {key} = [...]"
    return f"add {key} = ..."


def json_schema(cls: type) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a table built as ``cls``."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for key, f in fields_of(cls).items():
        meta = f.metadata
        kind = meta["kind"]
        item: dict[str, Any]
        if kind == "quantity":
            number: dict[str, Any] = {"type": ["string", "number"] if meta["dimension"] == "fraction" else "string"}
            number["examples"] = [DIMENSIONS[meta["dimension"]][1]]
            item = {"anyOf": [number, {"type": "array", "minItems": 3, "maxItems": 3}]}
        elif kind == "quantities":
            item = {"type": "object"}
        elif kind == "choice":
            item = {"enum": list(meta["options"])}
        elif kind in ("text", "ref"):
            item = {"type": "string"}
        elif kind in ("refs", "words"):
            item = {"type": "array", "items": {"type": "string"}}
        elif kind == "counts":
            item = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
        elif kind == "mapping":
            item = {"type": "object", "additionalProperties": {"type": "string"}}
        elif kind == "times":
            item = {"type": "array", "items": {"type": "string"}}
        elif kind == "integer":
            item = {"type": "integer"}
        elif kind == "flag":
            item = {"type": "boolean"}
        elif kind == "date":
            item = {"type": "string"}
        elif kind == "table":
            item = json_schema(meta["cls"])
        elif kind == "tables":
            item = {"type": "array", "items": json_schema(meta["cls"])}
        else:
            item = {}
        item["description"] = meta["doc"]
        properties[key] = item
        if f.default is MISSING and f.default_factory is MISSING:
            required.append(key)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
