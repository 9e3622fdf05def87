"""Reading the catalog's data files into one value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any, TypeVar, cast

from moonvillage.catalog.model import KINDS
from moonvillage.catalog.reader import did_you_mean, parse_document
from moonvillage.catalog.schema import ID, Builder
from moonvillage.errors import InputError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Catalog:
    """All entries by kind and id. ``digest`` identifies the data for the manifest (SHA-256, hex)."""

    entries: Mapping[str, Mapping[str, Any]]
    digest: str

    def of(self, kind: str) -> Mapping[str, Any]:
        """All entries of one kind (a key of ``KINDS``) by id."""
        return self.entries.get(kind, {})

    def get(self, cls: type[T], id_: str) -> T:
        """One entry by class and id. Raises KeyError with a hint."""
        kind = next(k for k, (c, _) in KINDS.items() if c is cls)
        found = self.of(kind)
        if id_ not in found:
            raise KeyError(f"no {kind} {id_!r}: {did_you_mean(id_, found)}")
        return cast(T, found[id_])

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(v)} {KINDS[k][1]}" for k, v in self.entries.items())
        return f"Catalog({counts})"


@lru_cache(maxsize=1)
def load_catalog() -> Catalog:
    """The built-in catalog, read once per process.

    Raises
    ------
    InputError
        If a data file is malformed (a defect of the package; a test guards it).
    """
    entries: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    problems = []
    builders = []
    digest = hashlib.sha256()
    folder = resources.files("moonvillage.catalog") / "data"
    for kind, (cls, name) in KINDS.items():
        resource = folder / f"{name}.toml"
        if not resource.is_file():
            continue
        raw = resource.read_bytes()
        digest.update(name.encode() + b"\0" + raw)
        document = parse_document(raw.decode("utf-8"), f"catalog/data/{name}.toml")
        builder = Builder(document, cited=True)
        builders.append(builder)
        for id_, data in document.data.items():
            if not ID.match(id_):
                builder.complain((id_,), id_, "is not an id", "use lower-case letters, digits, '_' and '-'")
                continue
            entry: Any = builder.build(cls, data, (id_,), id=id_)
            if entry is not None:
                entries[kind][id_] = entry
    for builder in builders:
        builder.check_refs(lambda kind: entries.get(kind, {}))
        problems += builder.problems
    if problems:
        raise InputError(problems)
    frozen = {kind: MappingProxyType(found) for kind, found in entries.items()}
    return Catalog(MappingProxyType(frozen), digest.hexdigest())
