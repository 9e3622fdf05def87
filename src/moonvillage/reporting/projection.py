"""What one partner may see of a run, as records: everything that is shown or written to it is made from these.

A page, a figure or a file that is computed from a projection cannot hold what the projection does not: sums on it are
sums of what is released, so that nothing follows from them by subtraction. Which class a column is of, and whose it
is, stands in :mod:`moonvillage.reporting.classes`; whether it passes is decided by the rulebook.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import polars as pl

from moonvillage.catalog import Catalog
from moonvillage.catalog.model import KINDS
from moonvillage.catalog.schema import key_of
from moonvillage.cooperation import Rulebook
from moonvillage.cooperation.release import OWN, Grant, Releases
from moonvillage.records.campaign import TABLES, Campaign
from moonvillage.records.flights import Flights
from moonvillage.records.legs import LegTable
from moonvillage.records.outpost import OutpostLog
from moonvillage.reporting.bundle import Bundle, Release
from moonvillage.reporting.classes import CLASSES, NEEDED, PUBLIC, UNSAID, class_of
from moonvillage.scenario.model import Mission, Scenario

R = TypeVar("R")
#: Columns by which it is told whose a row is.
_KEYS: Final = ("flight", "mission", "operator", "place", "launcher", "craft", "owner", "parties")
_REGIONS: Final = {"earth_orbit": "leo", "planet": "mars", "ground": "earth"}
#: Where in space a step is, from the farthest.
_FARTHEST: Final = ("mars", "moon", "leo", "earth")


def project(bundle: Bundle, partner: str, date_tdb_s: float) -> Bundle:
    """A run as one partner may see it.

    Parameters
    ----------
    bundle
        The whole run.
    partner
        Partner id.
    date_tdb_s
        The day of the release, TDB seconds past J2000: the rules and agreements of that day decide.

    Returns
    -------
    Bundle
        Only what is released; ``release`` says under what, and counts the rest.

    Raises
    ------
    InputError
        If the scenario knows no such partner.
    """
    return _Projector(bundle, partner, date_tdb_s).project()


class _Projector:
    def __init__(self, bundle: Bundle, partner: str, date_tdb_s: float) -> None:
        scenario = bundle.scenario
        book = Rulebook(scenario.of("partner"), scenario.agreements, scenario.laws)
        self.bundle = bundle
        self.scenario = scenario
        self.releases = Releases(book, partner, date_tdb_s)
        self.withheld: Counter[tuple[str, str]] = Counter()
        self.under: dict[str, dict[str, None]] = {}
        self.flights = {r["flight"]: r for r in bundle.campaign.table("flights").iter_rows(named=True)}
        self.operators = {
            id_: str(getattr(entry, "operator", ""))
            for kind in ("craft", "launcher", "module")
            for id_, entry in scenario.of(kind).items()
        }
        self.makers = {kind: {i: e.operator for i, e in scenario.of(kind).items()} for kind in ("craft", "launcher")}
        self.all = {mission.operator for mission in scenario.missions.values()} | {
            str(row["operator"]) for row in self.flights.values()
        }
        self.users = self._users()
        self.at = self._at()

    # Who owns what ------------------------------------------------------------------------------------------

    def _users(self) -> dict[str, set[str]]:
        """Entry id → who flies with it."""
        found: dict[str, set[str]] = {}
        for mission in self.scenario.missions.values():
            for id_ in _flown_with(mission):
                found.setdefault(id_, set()).add(mission.operator)
        return found

    def _at(self) -> dict[str, set[str]]:
        """Place → whose modules stand there; else who flies there; else everybody."""
        stand: dict[str, set[str]] = {}
        come: dict[str, set[str]] = {}
        modules = self.scenario.of("module")
        for outpost in self.scenario.outposts.values():
            owners = {modules[id_].operator for id_ in outpost.modules if id_ in modules}
            stand.setdefault(outpost.place, set()).update(owners)
        for row in self.bundle.campaign.table("manifest").iter_rows(named=True):
            for place in (row["origin"], row["destination"]):
                if row["kind"] == "module" and place == row["destination"]:
                    stand.setdefault(place, set()).add(row["owner"])
                come.setdefault(place, set()).add(self._operator(row["flight"]))
        for mission in self.scenario.missions.values():
            for step in mission.steps:
                come.setdefault(step.to, set()).add(mission.operator)
        return {place: stand.get(place) or come.get(place) or self.all for place in {*stand, *come}}

    def _operator(self, flight: str) -> str:
        row = self.flights.get(flight)
        return str(row["operator"]) if row is not None else ""

    def _about(self, row: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
        """The assets that a row is about, and where in space."""
        flight = self.flights.get(row.get("flight") or "")
        mission = self.scenario.missions.get(flight["mission"] if flight is not None else row.get("mission") or "")
        if mission is not None:
            return tuple(_flown_with(mission)), self._region([step.to for step in mission.steps])
        if row.get("place"):
            here = [o for o in self.scenario.outposts.values() if o.place == row["place"]]
            return tuple({m for o in here for m in o.modules} | {o.id for o in here}), self._region([row["place"]])
        return (), "moon"

    def _region(self, places: Iterable[str]) -> str:
        specs = self.scenario.place_specs
        met = {_REGIONS.get(specs[place].kind, "moon") for place in places if place in specs}
        return next((region for region in _FARTHEST if region in met), "moon")

    def grant(self, group: tuple[str, str] | None, row: Mapping[str, Any]) -> Grant:
        """Whether the partner sees a cell of a class and an owner rule, in a row."""
        data_class, rule = group or UNSAID
        if rule == "public":
            return Grant(True, ("public",))
        assets, place = self._about(row)
        if rule == "total":
            each = [self.releases.grant((owner,), data_class, (), "moon") for owner in sorted(self.all)]
            return next((g for g in each if not g.released), each[0] if each else OWN)
        return self.releases.grant(self._owners(rule, row), data_class, (*assets, *self._entry(rule, row)), place)

    def _entry(self, rule: str, row: Mapping[str, Any]) -> tuple[str, ...]:
        return (row["id"],) if rule == "users" else ()

    def _owners(self, rule: str, row: Mapping[str, Any]) -> set[str]:
        operator = str(row.get("operator") or self._operator(row.get("flight") or ""))
        if rule == "operator":
            return {operator}
        if rule == "launch":
            return {operator, self.makers["launcher"].get(row["launcher"], operator)}
        if rule == "burner":
            return {operator, self.makers["craft"].get(row["craft"], operator)}
        if rule == "load":
            return {operator, str(row["owner"])} - {""}
        if rule == "users":
            return {operator, *self.users.get(row["id"], ())}
        if rule == "parties":
            return set(row["parties"] or ())
        if rule == "partner":
            return {str(row.get("partner") or row.get("owner") or "")} - {""}
        if rule == "place":
            return self.at.get(row["place"], self.all)
        if rule == "sample":
            return {str(row["owner"])}
        raise ValueError(f"{rule!r} is no owner rule")

    # Tables -------------------------------------------------------------------------------------------------

    def table(self, name: str, frame: pl.DataFrame) -> pl.DataFrame:
        """A table with what is withheld left out: rows that would say nothing, and single cells."""
        if frame.is_empty():
            return frame
        groups = {column: class_of(name, column) or UNSAID for column in frame.columns}
        keys = [column for column in _KEYS if column in groups]
        memo: dict[tuple[Any, ...], dict[tuple[str, str], Grant]] = {}
        kinds = list(dict.fromkeys(groups.values()))
        seen: dict[tuple[str, str], list[bool]] = {group: [] for group in kinds}
        needed = [groups[column] for column in NEEDED.get(name, ()) if column in groups]
        for values in frame.select(keys).iter_rows() if keys else [()] * frame.height:
            key = tuple(tuple(v) if isinstance(v, list) else v for v in values)
            grants = memo.get(key)
            if grants is None:
                row = dict(zip(keys, key, strict=True))
                grants = memo[key] = {group: self.grant(group, row) for group in kinds}
            lost = next((grants[group] for group in needed if not grants[group].released), None)
            for group in kinds:
                grant = grants[group]
                seen[group].append(grant.released and lost is None)
                if lost is None or not grant.released:
                    self._count(group[0], grant)
        masks = {group: pl.Series(flags, dtype=pl.Boolean) for group, flags in seen.items()}
        kept = frame.with_columns(
            [
                pl.when(masks[groups[column]]).then(pl.col(column)).otherwise(None).alias(column)
                for column in frame.columns
                if not masks[groups[column]].all()
            ]
        )
        for group in needed:
            mask = masks[group]
            kept, masks = kept.filter(mask), {g: m.filter(mask) for g, m in masks.items()}
        return kept

    def _count(self, data_class: str, grant: Grant) -> None:
        if grant.released:
            if data_class != PUBLIC and grant.under != OWN.under:
                self.under.setdefault(data_class, {}).update(dict.fromkeys(grant.under))
        else:
            self.withheld[data_class, grant.why] += 1

    def rows(self, name: str, items: tuple[R, ...]) -> tuple[R, ...]:
        """Records that are released whole."""
        kept = []
        for item in items:
            row = _as_row(item)
            found = [(group, self.grant(group, row)) for group in dict.fromkeys(CLASSES[name].values())]
            for group, grant in found:
                self._count(group[0], grant)
            if all(grant.released for _, grant in found):
                kept.append(item)
        return tuple(kept)

    def entry(self, name: str, item: R, **about: Any) -> R | None:
        """A record with its withheld fields emptied; None where not even its id is released."""
        row = {**_as_row(item), **about}
        changed: dict[str, Any] = {}
        grants: dict[tuple[str, str], Grant] = {}
        hidden = []
        for f in dataclasses.fields(item):  # type: ignore[arg-type]
            group = class_of(name, f.name) or UNSAID
            grant = grants.setdefault(group, self.grant(group, row)) if group not in grants else grants[group]
            if not grant.released and f.name != "provenance":
                changed[f.name] = _nothing(getattr(item, f.name))
                hidden.append(f.name)
        for group, grant in grants.items():
            self._count(group[0], grant)
        if "id" in hidden:
            return None
        told = getattr(item, "provenance", None)
        if told and hidden:  # what is written of a field stands there too; of a scenario's tables it may be nested
            gone = _written(hidden)
            open_ = {k: v for k, v in told.items() if k.partition(".")[0] not in gone}
            changed["provenance"] = open_ if name.startswith("catalog.") else {}
        return dataclasses.replace(item, **changed)  # type: ignore[type-var]

    # The whole ----------------------------------------------------------------------------------------------

    def project(self) -> Bundle:
        b = self.bundle
        tables = {name: self.table(f"campaign.{name}", b.campaign.table(name)) for name in TABLES}
        campaign = Campaign(status=b.campaign.status, tables=tables)
        total = self.grant(UNSAID, {})
        self._count(UNSAID[0], total)
        if total.released:
            campaign = dataclasses.replace(b.campaign, tables=tables)
        flights = Flights(
            self.table("flights.flown", b.flights.flown),
            self.table("flights.samples", b.flights.samples),
            self.table("flights.burns", b.flights.burns),
        )
        scenario = self._scenario()
        samples = None if b.samples is None else self.table("samples", b.samples)
        return Bundle(
            scenario=scenario,
            campaign=campaign,
            flights=flights,
            log=self._log(),
            legs=self._legs(),
            summary=self._mapping("summary", b.summary),
            manifest=self._manifest(),
            samples=samples,
            release=Release(
                self.releases.partner,
                self.releases.date_tdb_s,
                tuple((c, why, n) for (c, why), n in sorted(self.withheld.items())),
                tuple((c, tuple(sorted(ids))) for c, ids in sorted(self.under.items())),
            ),
        )

    def _mapping(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        kept = {}
        for key, value in values.items():
            group = class_of(name, key) or UNSAID
            grant = self.grant(group, {})
            self._count(group[0], grant)
            if grant.released:
                kept[key] = value
        return kept

    def _manifest(self) -> dict[str, Any]:
        """The manifest, and of its versions those that say nothing of the scenario."""
        kept = self._mapping("manifest", self.bundle.manifest)
        for key in ("identity", "versions", "hashes"):
            told = self.bundle.manifest.get(key)
            if key not in kept and isinstance(told, Mapping):
                kept[key] = {k: v for k, v in told.items() if k != "scenario"}
        return kept

    def _log(self) -> OutpostLog | None:
        log = self.bundle.log
        if log is None:
            return None
        days, notes = (self.grant(class_of("outpost", name), {}).released for name in ("crew_days", "notes"))
        return OutpostLog(
            days=self.table("outpost.days", log.days),
            events=self.table("outpost.events", log.events),
            shortfalls=self.rows("outpost.shortfalls", log.shortfalls),
            margins=self.rows("outpost.margins", log.margins),
            balances=self.rows("outpost.balances", log.balances),
            crew_days=log.crew_days if days else 0.0,
            notes=log.notes if notes else (),
        )

    def _legs(self) -> LegTable | None:
        legs = self.bundle.legs
        if legs is None or not self.grant(class_of("legs", "arc"), {}).released:
            return None
        if self.grant(class_of("legs", "reason"), {}).released:
            return legs
        return LegTable(
            {
                a: tuple(dataclasses.replace(r, reason="", approximation="") for r in rows)
                for a, rows in legs.rows.items()
            }
        )

    def _scenario(self) -> Scenario:
        s = self.scenario
        header = self.entry("scenario.header", s.header)
        missions = {id_: self._mission(m) for id_, m in s.missions.items()}
        outposts = {id_: self.entry("scenario.outposts", o) for id_, o in s.outposts.items()}
        demands = {id_: self.entry("scenario.demands", d) for id_, d in s.demands.items()}
        budgets = {id_: self.entry("scenario.budgets", x) for id_, x in s.budgets.items()}
        entries: dict[str, dict[str, Any]] = {}
        for kind in KINDS:
            found = {id_: self._catalog(kind, id_, entry) for id_, entry in s.of(kind).items()}
            entries[kind] = {id_: entry for id_, entry in found.items() if entry is not None}
        whole = self.grant(UNSAID, {}).released
        assert header is not None
        return dataclasses.replace(
            s,
            file="",
            source=s.source if whole else "",
            header=header,
            missions=_present(missions),
            demands=_present(demands),
            outposts=_present(outposts),
            fleets=s.fleets if self.grant(class_of("scenario.fleets", "id"), {}).released else {},
            budgets=_present(budgets),
            entries={},
            catalog=Catalog(entries, ""),
            network=None,
            lines={},
        )

    def _mission(self, mission: Mission) -> Mission | None:
        shown = self.entry("scenario.missions", mission, mission=mission.id)
        if shown is None:
            return None
        about = {"operator": mission.operator, "mission": mission.id}
        steps = (self.entry("scenario.missions.steps", step, **about) for step in shown.steps)
        met = (self.entry("scenario.missions.interactions", i, mission=mission.id) for i in shown.interactions)
        return dataclasses.replace(
            shown,
            steps=tuple(step for step in steps if step is not None),
            interactions=tuple(i for i in met if i is not None and i.parties),
        )

    def _catalog(self, kind: str, id_: str, entry: Any) -> Any:
        if kind == "agreement" and self.scenario.catalog.of("agreement").get(id_) is entry:
            return entry  # built in: it was published
        if kind in ("launcher", "craft", "module") and not self._met(id_, entry):
            return None
        return self.entry(f"catalog.{kind}", entry)

    def _met(self, id_: str, entry: Any) -> bool:
        """Whether an entry matters in this run at all."""
        stand = {m for o in self.scenario.outposts.values() for m in o.modules}
        own = id_ in {i for kind in self.scenario.entries.values() for i in kind}
        carried = {item for mission in self.scenario.missions.values() for item in (*mission.cargo, *mission.carries)}
        return own or id_ in self.users or id_ in stand or id_ in carried


def _flown_with(mission: Mission) -> dict[str, None]:
    """Launchers and craft of a mission, in order."""
    found: dict[str, None] = {}
    for step in mission.steps:
        found.update(dict.fromkeys([step.on, *step.lifts, step.by, *step.craft, *step.burners, *step.burns.values()]))
    found.pop("", None)
    return found


def _as_row(item: Any) -> dict[str, Any]:
    return {f.name: getattr(item, f.name) for f in dataclasses.fields(item)}


def _written(hidden: Iterable[str]) -> set[str]:
    """Field names as provenance may know them."""
    return {name for h in hidden for name in (h, key_of(h))}


def _present(found: Mapping[str, R | None]) -> dict[str, R]:
    return {id_: item for id_, item in found.items() if item is not None}


def _nothing(value: Any) -> Any:
    """The empty value of a kind of value."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return 0
    if isinstance(value, float):
        return float("nan")
    if isinstance(value, str):
        return ""
    if isinstance(value, tuple):
        return ()
    return {} if isinstance(value, Mapping) else None
