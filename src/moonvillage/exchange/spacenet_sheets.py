"""Reading SpaceNet's spreadsheet databases (.xls, .xlsx) as a story without missions.

Nine sheets, in this order or by these names: nodes, edges, burns, resource types, elements, part applications,
states, models, demands; the first row has the names of the columns. Heights in km, durations and rates in days. The
readers are xlrd (.xls) and openpyxl (.xlsx), which come with the extra ``moonvillage[spacenet]``.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from moonvillage.errors import InputError
from moonvillage.exchange import spacenet_keys as k
from moonvillage.records.logistics import (
    Amount,
    DemandModel,
    EdgeBurn,
    ElementState,
    PartUse,
    Story,
    StoryEdge,
    StoryElement,
    StoryNode,
    Supply,
)
from moonvillage.units import DAY_S

#: The sheets and their columns, as SpaceNet 2.5 writes them.
SHEETS: Final[Mapping[str, str]] = {
    "nodes": "id type name body_1 latitude longitude apoapsis periapsis inclination body_2 lp_number description",
    "edges": "id type name origin_id destination_id duration distance max_crew max_cargo description",
    "burns": "id edge_id time order type delta_v",
    "resource_types": "id type name cos units unit_mass unit_volume packing_factor environment description",
    "elements": "id type name cos environment accommodation_mass mass volume max_crew cargo_mass cargo_volume "
    "cargo_environment active_fraction oms_isp max_oms oms_id rcs_isp max_rcs rcs_id max_speed max_fuel fuel_id "
    "description icon",
    "part_applications": "id part_id element_id qpa duty_cycle time_to_failure mean_repair_time mass_to_repair",
    "states": "id element_id name state_type initial_state",
    "models": "id type state_id name parts_list unpress_rate press_rate",
    "demands": "id model_id resource_id amount container_id",
}
#: Other names of sheets: of the user guide.
_ALIASES: Final = {"resources": "resource_types", "parts": "part_applications"}
_TYPES: Final = {**k.ELEMENT_TYPES, "Crew": "crew", "Propulsive": "propulsive"}
_KM_H: Final = 1000.0 / 3600.0

Row = dict[str, Any]


def read_sheets(path: Path | str) -> Story:
    """Read a spreadsheet database.

    Parameters
    ----------
    path
        An .xls or .xlsx file.

    Returns
    -------
    Story
        Nodes, edges, resources and, as ``library``, elements; no missions. ``unknown`` lists what was not understood,
        with sheet and row.

    Raises
    ------
    InputError
        If the file cannot be read, the reader's library is missing, or the workbook is no such database.
    """
    file = Path(path)
    raw = _xlsx(file) if file.suffix.lower() == ".xlsx" else _xls(file)
    return from_tables(raw, str(file))


def _missing(library: str, file: Path) -> InputError:
    remedy = "install it: pip install 'moonvillage[spacenet]'"
    return InputError.one(f"needs the library {library} to be read", remedy, file=str(file))


def _xls(file: Path) -> dict[str, list[list[Any]]]:
    try:
        import xlrd
    except ImportError:
        raise _missing("xlrd", file) from None
    try:
        book = xlrd.open_workbook(str(file))
    except (OSError, xlrd.XLRDError, AssertionError, IndexError) as error:
        raise InputError.one(f"is no spreadsheet: {error}", "give an .xls file", file=str(file)) from None
    return {sheet.name: [sheet.row_values(r) for r in range(sheet.nrows)] for sheet in book.sheets()}


def _xlsx(file: Path) -> dict[str, list[list[Any]]]:
    try:
        import openpyxl
    except ImportError:
        raise _missing("openpyxl", file) from None
    import zipfile

    try:
        book = openpyxl.load_workbook(str(file), read_only=True, data_only=True)
    except (
        OSError,
        KeyError,
        ValueError,
        zipfile.BadZipFile,
        openpyxl.utils.exceptions.InvalidFileException,
    ) as error:
        raise InputError.one(f"is no spreadsheet: {error}", "give an .xlsx file", file=str(file)) from None
    try:
        return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book.worksheets}
    finally:
        book.close()


def from_tables(raw: Mapping[str, Sequence[Sequence[Any]]], file: str = "") -> Story:
    """As :func:`read_sheets`, from the cells: rows by sheet name, the first row being the names of the columns.

    Raises
    ------
    InputError
        If nodes or elements are missing, or a cell that must be a number is none.
    """
    return _Sheets(k.Notes(file), raw).story()


class _Sheets:
    """A workbook being read."""

    def __init__(self, notes: k.Notes, raw: Mapping[str, Sequence[Sequence[Any]]]) -> None:
        self.notes = notes
        self.rows: dict[str, list[tuple[str, Row]]] = {name: [] for name in SHEETS}
        names = {k.canonical(n): n for n in SHEETS} | {k.canonical(a): n for a, n in _ALIASES.items()}
        for position, (title, cells) in enumerate(raw.items()):
            name = names.get(k.canonical(title))
            if name is None:
                like = difflib.get_close_matches(k.canonical(title), list(names), 1, 0.75)
                if like:
                    name = names[like[0]]
                    notes.add(title, "", f"was read as the sheet {name!r}", "rename it if that is wrong")
                elif len(raw) == len(SHEETS):
                    name = list(SHEETS)[position]
                    notes.add(title, "", f"was read as the sheet {name!r}, by its position", "rename it")
                else:
                    notes.add(title, "", "is not a sheet of SpaceNet", "it has no part in what follows")
                    continue
            self.rows[name] = self.table(name, title, cells)
        if not self.rows["nodes"] and not self.rows["elements"]:
            raise notes.refuse("", "", "has neither nodes nor elements", "give a SpaceNet database")

    def table(self, name: str, title: str, cells: Sequence[Sequence[Any]]) -> list[tuple[str, Row]]:
        """The rows of a sheet by column; columns are known by their heading, misspelt ones by likeness."""
        if not cells:
            return []
        known = SHEETS[name].split()
        columns: dict[int, str] = {}
        for index, heading in enumerate(cells[0]):
            key = k.canonical(str(heading or ""))
            exact = [c for c in known if k.canonical(c) == key]
            free = {k.canonical(c): c for c in known if c not in columns.values()}
            like = difflib.get_close_matches(key, list(free), 1, 0.8) if key else []
            if exact:
                columns[index] = exact[0]
            elif like:
                columns[index] = free[like[0]]
                self.notes.add(f"{title}.{heading}", "", f"was read as the column {free[like[0]]!r}", "rename it", 1)
            elif key:
                self.notes.add(f"{title}.{heading}", "", "is not a column of SpaceNet", "its cells are not read", 1)
        found = []
        for number, row in enumerate(cells[1:], start=2):
            values = {c: row[i] for i, c in columns.items() if i < len(row) and row[i] not in ("", None)}
            if "id" in values:
                found.append((f"{title}!{number}", values))
            elif values:
                self.notes.add(f"{title}!{number}", values, "has no id", "it has no part in what follows", number)
        return found

    def number(self, row: Row, column: str, where: str, default: float = 0.0) -> float:
        return self.notes.number(row[column], f"{where}.{column}") if column in row else default

    def id(self, row: Row, column: str, where: str) -> str:
        """An id as text: spreadsheets make numbers of them."""
        if column not in row:
            return ""
        value = row[column]
        try:
            number = float(value)
        except (TypeError, ValueError):
            return str(value).strip()
        return "" if number < 0 else str(int(number))

    def story(self) -> Story:
        rows = self.rows
        nodes = {self.id(r, "id", w): self.node(r, w) for w, r in rows["nodes"]}
        supplies = {self.id(r, "id", w): self.supply(r, w) for w, r in rows["resource_types"]}
        edges = tuple(self.edge(r, w, nodes) for w, r in rows["edges"])
        library = tuple(self.element(r, w, supplies) for w, r in rows["elements"])
        models = tuple(m for e in library for s in e.states for m in s.models)
        return Story(
            name=Path(self.notes.file).stem or "database",
            start_tdb_s=0.0,
            nodes=tuple(nodes.values()),
            edges=edges,
            supplies=tuple(supplies.values()),
            library=library,
            models=models,
            kind="Solar System",
            unknown=tuple(self.notes.problems),
        )

    def node(self, row: Row, where: str) -> StoryNode:
        return StoryNode(
            id=f"node-{self.id(row, 'id', where)}",
            name=str(row.get("name", "")),
            kind=self.notes.kind(row.get("type", ""), f"{where}.type", k.NODE_TYPES),
            body=str(row.get("body_1", "Earth")).capitalize(),
            latitude_rad=math.radians(self.number(row, "latitude", where)),
            longitude_rad=math.radians(self.number(row, "longitude", where)),
            apoapsis_m=1000.0 * self.number(row, "apoapsis", where),
            periapsis_m=1000.0 * self.number(row, "periapsis", where),
            inclination_rad=math.radians(self.number(row, "inclination", where)),
            body2=str(row.get("body_2", "")).capitalize(),
            point=int(self.number(row, "lp_number", where)),
            description=str(row.get("description", "")),
        )

    def edge(self, row: Row, where: str, nodes: Mapping[str, StoryNode]) -> StoryEdge:
        own = self.id(row, "id", where)
        burns: list[tuple[float, EdgeBurn]] = []
        for w, r in self.rows["burns"]:
            if self.id(r, "edge_id", w) == own:
                burn = EdgeBurn(
                    f"burn-{self.id(r, 'id', w)}",
                    self.number(r, "time", w) * DAY_S,
                    self.number(r, "delta_v", w),
                    str(r.get("type", "")).upper(),
                )
                burns.append((self.number(r, "order", w), burn))
        ends = []
        for column in ("origin_id", "destination_id"):
            id_ = self.id(row, column, where)
            if id_ not in nodes:
                raise self.notes.refuse(f"{where}.{column}", id_, "names no node", "add it to the nodes")
            ends.append(nodes[id_].id)
        return StoryEdge(
            id=f"edge-{own}",
            name=str(row.get("name", "")),
            kind=self.notes.kind(row.get("type", ""), f"{where}.type", k.EDGE_TYPES),
            origin=ends[0],
            destination=ends[1],
            duration_s=self.number(row, "duration", where) * DAY_S,
            burns=tuple(burn for _, burn in sorted(burns, key=lambda b: b[0])),
            distance_m=1000.0 * self.number(row, "distance", where),
            crew=int(self.number(row, "max_crew", where)),
            cargo_kg=self.number(row, "max_cargo", where),
            description=str(row.get("description", "")),
        )

    def supply(self, row: Row, where: str) -> Supply:
        kinds = {**k.RESOURCE_TYPES, "Resource": "continuous", "Item": "discrete"}
        return Supply(
            id=f"resource-{self.id(row, 'id', where)}",
            name=str(row.get("name", "")),
            supply_class=int(self.number(row, "cos", where)),
            kind=self.notes.kind(row.get("type", "Continuous"), f"{where}.type", kinds),
            environment=str(row.get("environment", "Unpressurized")),
            units=str(row.get("units", "kg")),
            unit_kg=self.number(row, "unit_mass", where, 1.0),
            unit_m3=self.number(row, "unit_volume", where),
            packing=self.number(row, "packing_factor", where),
            description=str(row.get("description", "")),
        )

    def resource(self, row: Row, column: str, where: str, supplies: Mapping[str, Supply]) -> str:
        id_ = self.id(row, column, where)
        if id_ and id_ not in supplies:
            self.notes.add(f"{where}.{column}", id_, "names no resource", "add it to the resource types")
        return supplies[id_].id if id_ in supplies else ""

    def amounts(self, column: str, id_: str, supplies: Mapping[str, Supply]) -> tuple[Amount, ...]:
        return tuple(
            Amount(self.resource(r, "resource_id", w, supplies), self.number(r, "amount", w))
            for w, r in self.rows["demands"]
            if column in r and self.id(r, column, w) == id_
        )

    def states(self, element: str, supplies: Mapping[str, Supply]) -> tuple[tuple[ElementState, ...], int]:
        found: list[ElementState] = []
        initial = -1
        for w, r in self.rows["states"]:
            if self.id(r, "element_id", w) != element:
                continue
            if r.get("initial_state") in (True, 1, 1.0, "true", "TRUE", "1"):
                initial = len(found)
            models = []
            for where, m in self.rows["models"]:
                if self.id(m, "state_id", where) != self.id(r, "id", w):
                    continue
                own = self.id(m, "id", where)
                kind = self.notes.kind(m.get("type", ""), f"{where}.type", k.MODEL_TYPES)
                models.append(
                    DemandModel(
                        f"model-{own}",
                        str(m.get("name", "")),
                        kind,
                        self.amounts("model_id", own, supplies),
                        self.number(m, "unpress_rate", where),
                        self.number(m, "press_rate", where),
                        bool(m.get("parts_list", False)),
                    )
                )
            state = self.notes.kind(r.get("state_type", "Active"), f"{w}.state_type", k.STATE_TYPES)
            found.append(ElementState(f"state-{self.id(r, 'id', w)}", str(r.get("name", "")), state, tuple(models)))
        return tuple(found), initial if initial >= 0 else 0 if found else -1

    def element(self, row: Row, where: str, supplies: Mapping[str, Supply]) -> StoryElement:
        own = self.id(row, "id", where)
        kind = self.notes.kind(row.get("type", "Element"), f"{where}.type", _TYPES)
        main = ("max_fuel", "fuel_id") if kind == "surface_vehicle" else ("max_oms", "oms_id")
        states, initial = self.states(own, supplies)
        fuel_max = self.number(row, main[0], where)
        shared = self.id(row, "rcs_id", where) == self.id(row, main[1], where) and not self.number(
            row, "max_rcs", where
        )
        return StoryElement(
            id=f"element-{own}",
            name=str(row.get("name", "")),
            kind=kind,
            mass_kg=self.number(row, "mass", where),
            supply_class=int(self.number(row, "cos", where)),
            environment=str(row.get("environment", "Unpressurized")),
            accommodation_kg=self.number(row, "accommodation_mass", where),
            volume_m3=self.number(row, "volume", where),
            cargo_kg=self.number(row, "cargo_mass", where),
            cargo_m3=self.number(row, "cargo_volume", where),
            cargo_environment=str(row.get("cargo_environment", "Unpressurized")),
            crew=int(self.number(row, "max_crew", where)),
            isp_s=self.number(row, "oms_isp", where),
            fuel=self.resource(row, main[1], where, supplies),
            fuel_max_kg=fuel_max,
            fuel_kg=fuel_max,
            rcs_isp_s=self.number(row, "rcs_isp", where),
            rcs_fuel="" if shared else self.resource(row, "rcs_id", where, supplies),
            rcs_max_kg=self.number(row, "max_rcs", where),
            speed_m_s=self.number(row, "max_speed", where) * _KM_H,
            active_fraction=self.number(row, "active_fraction", where, 1.0),
            contents=self.amounts("container_id", own, supplies),
            states=states,
            state=initial,
            parts=tuple(
                self.part(r, w, supplies)
                for w, r in self.rows["part_applications"]
                if self.id(r, "element_id", w) == own
            ),
            description=str(row.get("description", "")),
        )

    def part(self, row: Row, where: str, supplies: Mapping[str, Supply]) -> PartUse:
        """A part; times are in hours, and negative ones mean never."""
        failure = self.number(row, "time_to_failure", where, -1.0)
        repair = self.number(row, "mean_repair_time", where, -1.0)
        return PartUse(
            resource=self.resource(row, "part_id", where, supplies),
            quantity=self.number(row, "qpa", where, 1.0),
            duty_cycle=self.number(row, "duty_cycle", where, 1.0),
            failure_s=failure * 3600.0 if failure >= 0.0 else None,
            repair_s=repair * 3600.0 if repair >= 0.0 else None,
            repair_kg=self.number(row, "mass_to_repair", where),
        )
