"""Reading a scenario file into a :class:`~moonvillage.scenario.model.Scenario`, or into all that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from moonvillage.catalog import KINDS, Catalog, load_catalog
from moonvillage.catalog.reader import Document, did_you_mean, parse_document, read_document
from moonvillage.catalog.schema import ID, Builder
from moonvillage.errors import InputError
from moonvillage.records.places import (
    Dro,
    EarthGround,
    EarthOrbit,
    FreeReturn,
    Halo,
    MoonOrbit,
    MoonSurface,
    Place,
    Planet,
)
from moonvillage.scenario.model import (
    Budget,
    Demand,
    Fleet,
    Header,
    Mission,
    PlaceSpec,
    Scenario,
)
from moonvillage.scenario.network import Network
from moonvillage.scenario.outposts import Outpost

#: Scenario tables of the user's own things: table name → (kind, class).
OWN: Final[Mapping[str, tuple[str, type]]] = {
    "places": ("place", PlaceSpec),
    "missions": ("mission", Mission),
    "demands": ("demand", Demand),
    "outposts": ("outpost", Outpost),
    "fleets": ("fleet", Fleet),
    "budgets": ("budget", Budget),
}
#: Scenario tables that add to the catalog or change it: table name → kind.
EXTRA: Final[Mapping[str, str]] = {name: kind for kind, (_, name) in KINDS.items()}


def load(path: Path | str, *, catalog: Catalog | None = None) -> Scenario:
    """Read a scenario file.

    Parameters
    ----------
    path
        A TOML file (docs/scenario.md).
    catalog
        The built-in catalog unless another is given.

    Raises
    ------
    InputError
        With every problem found, each with file, line, field, value and remedy.
    """
    return _load(read_document(Path(path)), catalog or load_catalog(), Path(path).stem)


def loads(text: str, *, file: str = "<text>", name: str = "text", catalog: Catalog | None = None) -> Scenario:
    """The same from text."""
    return _load(parse_document(text, file), catalog or load_catalog(), name)


def _load(document: Document, catalog: Catalog, name: str) -> Scenario:
    builder = Builder(document)
    known_tables = {"scenario", "network", *OWN, *EXTRA}
    for key in document.data:
        if key not in known_tables:
            builder.complain((key,), "", "is not a known table", did_you_mean(key, known_tables))

    header: Header | None = None
    if "scenario" in document.data:
        header = builder.build(Header, document.data["scenario"], ("scenario",))
    else:
        builder.complain((), "", "has no [scenario] table", "begin with [scenario] and its title, start and end")

    entries: dict[str, dict[str, Any]] = {}
    for table, kind in EXTRA.items():
        cls = KINDS[kind][0]
        for id_, data in _items(builder, table):
            base_id = data.get("base", id_) if isinstance(data, Mapping) else id_
            base = catalog.of(kind).get(base_id)
            if isinstance(data, Mapping) and "base" in data and base is None:
                builder.complain(
                    (table, id_, "base"),
                    base_id,
                    f"is not a {kind} of the catalog",
                    did_you_mean(str(base_id), catalog.of(kind)),
                )
                continue
            entry: Any = builder.build(cls, data, (table, id_), base=base, id=id_)
            if entry is not None:
                entries.setdefault(kind, {})[id_] = entry

    own: dict[str, dict[str, Any]] = {table: {} for table in OWN}
    for table, (_, cls) in OWN.items():
        for id_, data in _items(builder, table):
            item: Any = builder.build(cls, data, (table, id_), id=id_)
            if item is not None:
                own[table][id_] = item

    network: Network | None = None
    if "network" in document.data:
        network = builder.build(Network, document.data["network"], ("network",))

    _terrain(builder, entries.get("site", {}), document.file)

    written = {
        table: set(document.data.get(table, {})) if isinstance(document.data.get(table), Mapping) else set()
        for table in (*OWN, *EXTRA)
    }

    def known(kind: str) -> set[str]:
        for table, (own_kind, _) in OWN.items():
            if own_kind == kind:
                return written[table]
        table = KINDS[kind][1]
        return set(catalog.of(kind)) | written[table]

    builder.check_refs(known)
    places = _places(builder, own["places"], {**catalog.of("site"), **entries.get("site", {})})
    if builder.problems or header is None:
        raise InputError(_ordered(builder))
    return Scenario(
        name=name,
        file=document.file,
        source=document.text,
        header=header,
        places=MappingProxyType(places),
        place_specs=MappingProxyType(own["places"]),
        missions=MappingProxyType(own["missions"]),
        demands=MappingProxyType(own["demands"]),
        outposts=MappingProxyType(own["outposts"]),
        fleets=MappingProxyType(own["fleets"]),
        budgets=MappingProxyType(own["budgets"]),
        entries=MappingProxyType({kind: MappingProxyType(found) for kind, found in entries.items()}),
        catalog=catalog,
        network=network,
        lines=MappingProxyType(dict(document.lines)),
    )


def _terrain(builder: Builder, sites: dict[str, Any], file: str) -> None:
    """Find the terrain that sites name, first beside the scenario, and glance at it."""
    from moonvillage.terrain.site import check_site, is_synthetic

    for id_, site in sites.items():
        if not site.terrain:
            continue
        try:
            name = site.terrain
            if not is_synthetic(name):
                beside = Path(file).parent / name
                name = str((beside if beside.is_file() else Path(name)).resolve())
            check_site(name, site.latitude_rad, site.longitude_rad)
        except InputError as error:
            for problem in error.problems:
                builder.complain(("sites", id_, "terrain"), site.terrain, problem.message, problem.remedy)
        else:
            sites[id_] = replace(site, terrain=name)


def _ordered(builder: Builder) -> list[Any]:
    """Problems in the order of the file, each once."""
    unique = {(p.line, p.field, p.message): p for p in builder.problems}
    return sorted(unique.values(), key=lambda p: (p.line or 0, p.field))


def _items(builder: Builder, table: str) -> list[tuple[str, Any]]:
    data = builder.document.data.get(table, {})
    if not isinstance(data, Mapping):
        builder.complain((table,), data, "is not a table of tables", f"write [{table}.some-id]")
        return []
    items = []
    for id_, value in data.items():
        if not ID.match(id_):
            builder.complain(
                (table, id_), id_, "is not an id", "use lower-case letters, digits, '_' and '-', at most 64"
            )
        else:
            items.append((id_, value))
    return items


def _places(builder: Builder, specs: Mapping[str, PlaceSpec], sites: Mapping[str, Any]) -> dict[str, Place]:
    """Geometry of each place; surfaces first, since lunar orbits may refer to them."""
    places: dict[str, Place] = {}
    for spec in sorted(specs.values(), key=lambda s: s.kind != "surface"):
        path = ("places", spec.id)

        def need(ok: bool, key: str, example: str, path: tuple[str, ...] = path, kind: str = spec.kind) -> bool:
            if not ok:
                builder.complain(
                    path, "", f"lacks '{key}', which a place of kind '{kind}' needs", f"add {key} = {example}"
                )
            return ok

        if spec.kind == "ground":
            places[spec.id] = EarthGround(spec.id)
        elif spec.kind == "earth_orbit":
            if need(spec.altitude_m > 0, "altitude", '"400 km"') and need(
                spec.inclination_rad >= 0, "inclination", '"28.5 deg"'
            ):
                raan = spec.raan_rad if spec.raan_rad >= 0 else None
                places[spec.id] = EarthOrbit(spec.id, spec.altitude_m, spec.inclination_rad, raan)
        elif spec.kind == "surface":
            site = sites.get(spec.site)
            if need(spec.site != "", "site", '"connecting_ridge"') and site is not None:
                places[spec.id] = MoonSurface(spec.id, site.latitude_rad, site.longitude_rad, site.height_m)
        elif spec.kind == "moon_orbit":
            over = places.get(spec.over)
            if spec.over and spec.over in specs and not isinstance(over, MoonSurface):
                builder.complain(
                    (*path, "over"),
                    spec.over,
                    "is not a place on the surface",
                    "name a place of kind 'surface'",
                )
            if need(spec.altitude_m > 0, "altitude", '"100 km"') and need(
                bool(spec.over) != (spec.inclination_rad >= 0), "inclination' or 'over", '"90 deg"'
            ):
                places[spec.id] = MoonOrbit(
                    spec.id,
                    spec.altitude_m,
                    spec.inclination_rad if spec.inclination_rad >= 0 else None,
                    over if isinstance(over, MoonSurface) else None,
                    spec.over_after_s,
                )
        elif spec.kind == "halo":
            if need((spec.perilune_m > 0) != (spec.amplitude_m > 0), "perilune' or 'amplitude", '"3228 km"'):
                places[spec.id] = Halo(
                    spec.id, spec.point, spec.northern, spec.perilune_m or None, spec.amplitude_m or None
                )
        elif spec.kind == "dro":
            if need(spec.radius_m > 0, "radius", '"70000 km"'):
                places[spec.id] = Dro(spec.id, spec.radius_m)
        elif spec.kind == "planet":
            if spec.planet != "mars":
                builder.complain(
                    (*path, "planet"), spec.planet, "is not a planet that can be reached", "write 'mars'"
                )
            else:
                places[spec.id] = Planet(spec.id, spec.planet)
        else:
            places[spec.id] = FreeReturn(spec.id, spec.altitude_m or 250_000.0)
    return places
