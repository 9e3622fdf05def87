"""What a partner gets: only what the rules release, by bytes and by arithmetic; and the record of it."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from moonvillage.catalog.model import KINDS
from moonvillage.cooperation.release import Releases
from moonvillage.cooperation.rulebook import Rulebook
from moonvillage.ephemeris import utc_to_tdb_s
from moonvillage.errors import InputError
from moonvillage.records.campaign import TABLES, Campaign
from moonvillage.records.flights import FLOWN, FLOWN_BURNS, SAMPLES
from moonvillage.records.legs import LegRow
from moonvillage.records.outpost import Balance, Margin, Shortfall
from moonvillage.reporting import Bundle, report
from moonvillage.reporting import formats as f
from moonvillage.reporting.aggregate import costs, mass_flow, shares
from moonvillage.reporting.bundle import SAMPLE_COLUMNS
from moonvillage.reporting.classes import CLASSES, NEEDED, class_of
from moonvillage.reporting.page import MAX_BYTES
from moonvillage.reporting.projection import project
from moonvillage.reporting.released import write_tables
from moonvillage.scenario import model
from moonvillage.scenario.outposts import Outpost
from tests.reporting import factory, shared

PARTNERS = ("esa", "nasa", "isro")
WHEN = utc_to_tdb_s(shared.DATE)


@pytest.fixture(scope="module")
def whole() -> Bundle:
    return shared.bundle()


@pytest.fixture(scope="module")
def shown(whole: Bundle) -> dict[str, Bundle]:
    return {partner: project(whole, partner, WHEN) for partner in PARTNERS}


@pytest.fixture(scope="module")
def made(whole: Bundle, shown: dict[str, Bundle], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three bundles of one run, and the owner's own report."""
    folders = {}
    for name, bundle in {**shown, "": whole}.items():
        folders[name] = tmp_path_factory.mktemp(name or "whole")
        report(bundle, folders[name])
        write_tables(bundle, folders[name] / "tables")
    return folders


# The table of classes ----------------------------------------------------------------------------------------

_RECORDS: dict[str, list[str]] = {
    **{f"campaign.{name}": list(columns) for name, columns in TABLES.items()},
    "campaign": [x.name for x in dataclasses.fields(Campaign) if x.name != "tables"],
    "flights.flown": list(FLOWN),
    "flights.samples": list(SAMPLES),
    "flights.burns": list(FLOWN_BURNS),
    "outpost.shortfalls": [x.name for x in dataclasses.fields(Shortfall)],
    "outpost.margins": [x.name for x in dataclasses.fields(Margin)],
    "outpost.balances": [x.name for x in dataclasses.fields(Balance)],
    "legs": [x.name for x in dataclasses.fields(LegRow)],
    "samples": list(SAMPLE_COLUMNS),
    "scenario": [x.name for x in dataclasses.fields(model.Scenario)],
    "scenario.header": [x.name for x in dataclasses.fields(model.Header)],
    "scenario.places": [x.name for x in dataclasses.fields(model.PlaceSpec)],
    "scenario.missions": [x.name for x in dataclasses.fields(model.Mission)],
    "scenario.missions.steps": [x.name for x in dataclasses.fields(model.Step)],
    "scenario.missions.requires": [x.name for x in dataclasses.fields(model.Requirement)],
    "scenario.missions.interactions": [x.name for x in dataclasses.fields(model.InteractionSpec)],
    "scenario.demands": [x.name for x in dataclasses.fields(model.Demand)],
    "scenario.outposts": [x.name for x in dataclasses.fields(Outpost)],
    "scenario.fleets": [x.name for x in dataclasses.fields(model.Fleet)],
    "scenario.budgets": [x.name for x in dataclasses.fields(model.Budget)],
    **{f"catalog.{kind}": [x.name for x in dataclasses.fields(cls)] for kind, (cls, _) in KINDS.items()},
}


@pytest.mark.parametrize("table", sorted(_RECORDS))
def test_every_column_has_a_class_and_no_class_is_left_over(table: str) -> None:
    known = CLASSES[table]
    assert not [c for c in _RECORDS[table] if class_of(table, c) is None], "give it a class in reporting/classes.py"
    assert not [c for c in known if "*" not in c and c not in _RECORDS[table]]


def test_the_days_the_summary_and_the_manifest_have_classes_too(whole: Bundle) -> None:
    assert whole.log is not None
    for table, columns in (
        ("outpost.days", whole.log.days.columns),
        ("outpost.events", whole.log.events.columns),
        ("summary", list(whole.summary)),
        ("manifest", list(whole.manifest)),
    ):
        assert not [c for c in columns if class_of(table, c) is None]
    assert set(NEEDED) <= set(CLASSES)


def test_a_new_column_is_withheld_until_it_has_a_class(whole: Bundle) -> None:
    assert class_of("campaign.flights", "new_kg") is None
    tables = {**whole.campaign.tables}
    tables["flights"] = tables["flights"].with_columns(new_kg=pl.lit(3.25))
    new = dataclasses.replace(whole, campaign=dataclasses.replace(whole.campaign, tables=tables))
    assert project(new, "esa", WHEN).campaign.table("flights")["new_kg"].null_count() == len(
        project(new, "esa", WHEN).campaign.table("flights")
    )


# Decisions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("partner", "owner", "data_class", "date", "released"),
    [
        ("esa", "esa", "detailed-design", "2029-01-01", True),  # its own
        ("esa", "cmsa", "operations", "2029-01-01", True),  # the charter
        ("esa", "cmsa", "detailed-design", "2029-01-01", False),  # which names no design
        ("esa", "cmsa", "operations", "2027-01-01", False),  # not yet in force
        ("esa", "nasa", "detailed-design", "2030-01-01", False),  # only proposed
        ("esa", "nasa", "detailed-design", "2033-01-01", True),  # named and in force
        ("esa", "nasa", "detailed-design", "2037-01-01", False),  # suspended
        ("nasa", "cmsa", "interface-safety", "2033-01-01", False),  # the law
        ("nasa", "cmsa", "public-science", "2033-01-01", True),  # which excepts what is public
        ("acme", "nasa", "interface-safety", "2033-01-01", True),
        ("acme", "nasa", "public-science", "2033-01-01", True),
        ("acme", "nasa", "detailed-design", "2033-01-01", False),
        ("acme", "cmsa", "operations", "2033-01-01", False),  # no agreement at all
    ],
)
def test_what_passes_is_decided_by_class_agreement_law_and_date(
    whole: Bundle, partner: str, owner: str, data_class: str, date: str, released: bool
) -> None:
    s = whole.scenario
    book = Rulebook(s.of("partner"), s.agreements, s.laws)
    found = Releases(book, partner, utc_to_tdb_s(date)).grant((owner,), data_class)
    assert found.released is released
    assert bool(found.under) is released
    assert bool(found.why) is not released


def test_what_several_own_a_third_sees_by_the_leave_of_all(whole: Bundle) -> None:
    s = whole.scenario
    found = Releases(Rulebook(s.of("partner"), s.agreements, s.laws), "isro", WHEN)
    assert found.grant(("esa", "cmsa"), "operations").released
    assert not found.grant(("esa", "nasa"), "operations").released
    assert found.grant(("isro", "nasa"), "detailed-design").released
    assert not found.grant((), "public-science").released


def test_an_unknown_partner_is_named(whole: Bundle) -> None:
    with pytest.raises(InputError, match="is not a known partner"):
        project(whole, "asa", WHEN)


# What is seen ------------------------------------------------------------------------------------------------


def test_own_contributions_are_seen_whole(whole: Bundle, shown: dict[str, Bundle]) -> None:
    for partner, bundle in shown.items():
        flights = whole.campaign.table("flights").filter(pl.col("operator") == partner)
        assert flights.height
        own = bundle.campaign.table("flights").filter(pl.col("operator") == partner)
        assert own.equals(flights)
        names = flights["flight"].to_list()
        for table in ("launches", "legs", "burns", "manifest", "events"):
            before = whole.campaign.table(table).filter(pl.col("flight").is_in(names))
            assert bundle.campaign.table(table).filter(pl.col("flight").is_in(names)).equals(before), table
        for name in ("flown", "samples", "burns"):
            before = getattr(whole.flights, name).filter(pl.col("flight").is_in(names))
            assert getattr(bundle.flights, name).filter(pl.col("flight").is_in(names)).equals(before), name


def test_interfaces_and_safety_flow_and_designs_do_not(whole: Bundle, shown: dict[str, Bundle]) -> None:
    esa = shown["esa"]
    china = esa.campaign.table("flights").filter(pl.col("operator") == "cmsa")
    assert china.height
    assert china["cost_eur"].null_count() == china.height
    assert china["departure_tdb_s"].null_count() == 0
    loads = esa.campaign.table("manifest").filter(pl.col("owner") == "cmsa")
    assert loads.height
    assert loads["mass_kg"].null_count() == 0
    assert esa.flights.samples.filter(pl.col("flight").is_in(china["flight"].to_list())).height
    lander = esa.scenario.of("craft")["lander"]
    assert lander.title == "Zhurong-Secret-Lander"
    assert math.isnan(lander.dry_kg)
    assert lander.bill == ()
    ship = esa.scenario.of("craft")["ship"]  # under the agreement that names designs
    assert ship.dry_kg == whole.scenario.of("craft")["ship"].dry_kg
    # NASA: the law bars even the timetable of China, but not what is public
    nasa = shown["nasa"]
    assert "cmsa" not in nasa.campaign.table("flights")["operator"].to_list()
    assert "lander" not in nasa.scenario.of("craft")
    assert nasa.samples is not None
    assert nasa.samples["mass_kg"].to_list() == [1.731, 60.0]
    assert nasa.samples.filter(pl.col("owner") == "cmsa")["loans"].to_list() == [None]


def test_withheld_items_are_counted_by_class_and_rule_and_not_named(
    shown: dict[str, Bundle], made: dict[str, Path]
) -> None:
    release = shown["nasa"].release
    assert release is not None
    assert release.items > 0
    assert any("Rider on bilateral work" in why for _, why, _ in release.withheld)
    for _, why, _ in release.withheld:
        assert not any(word in why for word in ("cmsa", "CMSA", "isro", "China"))
    text = (made["nasa"] / "report.html").read_text()
    assert f"{f.plural(release.items, 'item')} withheld" in text


# Bytes -------------------------------------------------------------------------------------------------------


def _cells(bundle: Bundle) -> Iterator[tuple[str, Any]]:
    """Every figure of mass and money in a run: (what it is, value)."""
    tables = {**{f"campaign.{k}": v for k, v in bundle.campaign.tables.items()}}
    tables |= {"flown": bundle.flights.flown, "burns": bundle.flights.burns}
    if bundle.log is not None:
        tables["days"] = bundle.log.days
    for name, frame in tables.items():
        for column in frame.columns:
            if column.endswith(("_kg", "_eur", "_j")):
                for value in frame[column].drop_nulls().to_list():
                    yield f"{name}.{column}", value
    for kind in ("craft", "launcher", "module"):
        for id_, entry in bundle.scenario.of(kind).items():
            for x in dataclasses.fields(entry):
                value = getattr(entry, x.name)
                if isinstance(value, float):
                    yield f"{kind}.{id_}.{x.name}", value
    for row in costs(bundle):
        yield "cost of a year", row["cost_eur"]
    for share in shares(bundle):
        for name in ("to_orbit_kg", "landed_kg", "owned_kg", "cost_eur", "launch_cost_eur"):
            yield f"share {name}", getattr(share, name)
    for *_, kg in mass_flow(bundle):
        yield "flow", kg
    yield "objective", bundle.campaign.objective_value
    yield "bound", bundle.campaign.bound


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-12)


def secrets(whole: Bundle, part: Bundle) -> list[tuple[str, float]]:
    """Figures of the whole run that a partner's records do not hold."""
    seen = sorted({v for _, v in _cells(part) if v and math.isfinite(v)})
    known = {f"{v:.12e}" for v in seen}
    found = {(what, v) for what, v in _cells(whole) if v and math.isfinite(v) and abs(v) > 20.0}
    return sorted((what, v) for what, v in found if f"{v:.12e}" not in known)


def _texts(folder: Path) -> dict[str, str]:
    """Everything in a bundle as text: pages, drawings, tables; PNG by their text chunks; Parquet by its values."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            found[path.name] = pl.read_parquet(path).write_ndjson()
        elif path.is_file():
            found[path.name] = path.read_bytes().decode("utf-8", "ignore")
    return found


def _written(what: str, v: float) -> set[str]:
    """How the report may write a figure, with four digits or more."""
    if what.endswith("_j") or float(f"{v:.3g}") == v:
        return set()  # drawn only; and a round figure may stand anywhere
    money = what.endswith("_eur") or what.startswith(("cost", "objective", "bound"))
    texts = (f.money(v, 4), f.number(v / 1e6, 4)) if money else (f.mass(v, 4), f.mass(v, 5))
    return {text for text in texts if sum(c.isdigit() for c in text) >= 4}


def hits(texts: dict[str, str], wanted: list[tuple[str, float]], part: Bundle) -> list[str]:
    """Where a figure stands in a bundle: exactly, or as the report writes it (and writes no released one so)."""
    open_ = {text for what, v in _cells(part) if v and math.isfinite(v) for text in _written(what, v)}
    numbers: dict[str, str] = {}
    said: dict[str, str] = {}
    for what, v in wanted:
        if sum(c.isdigit() for c in repr(v)) >= 8:  # a round one may stand anywhere
            numbers[repr(v)] = what
        said.update(dict.fromkeys(_written(what, v) - open_, what))
    found = []
    for name, text in texts.items():
        here = set(re.findall(r"-?\d+\.\d+(?:e[+-]?\d+)?", text))
        found += [f"{name}: {numbers[n]} = {n}" for n in here & set(numbers)]
        if name.endswith((".html", ".svg")):
            found += [
                f"{name}: {what} = {t}"
                for t, what in said.items()
                if t in text and re.search(rf"(?<![\d.,\u202f]){re.escape(t)}(?![\d.,])", text)
            ]
    return found


def test_no_byte_of_three_bundles_holds_a_withheld_figure(
    whole: Bundle, shown: dict[str, Bundle], made: dict[str, Path]
) -> None:
    for partner in PARTNERS:
        wanted = secrets(whole, shown[partner])
        assert len(wanted) > 40
        assert hits(_texts(made[partner]), wanted, shown[partner]) == []
        print(f"{partner}: {len(wanted)} withheld figures searched in {len(_texts(made[partner]))} files: none")
        # the search finds them where they are
        assert len(hits(_texts(made[""]), wanted, shown[partner])) > 20


def test_no_byte_holds_a_withheld_name(whole: Bundle, made: dict[str, Path]) -> None:
    china = ["Zhurong-Secret-Lander", "Chang-Zheng-Hidden", "Mission-Of-China"]
    everywhere = ["Bill-Of-Material-Line", "A-Note-On-The-Design", "A-Reason-With-A-Secret", "secret-path", "424242"]
    pact = ["Confidential-Pact-Of-Two"]
    never = {
        "nasa": [*china, *everywhere, *pact, "habitat-3", "lanyue", "cz10"],
        "esa": [*everywhere, *pact],
        "isro": [*everywhere, "crew-5", "Crew ship"],
    }
    for partner, names in never.items():
        for file, text in _texts(made[partner]).items():
            # NASA reads of China's samples, which are public, by their flight
            found = [n for n in names if n in text and not (n == "habitat-3" and file in _PUBLIC)]
            assert not found, (partner, file, found)
    texts = _texts(made[""])
    assert all(any(n in t for t in texts.values()) for n in [*china, *pact, "A-Reason-With-A-Secret"])


_PUBLIC = ("report.html", "samples.csv", "samples.parquet")


def test_no_withheld_figure_follows_from_released_ones_by_difference(whole: Bundle, shown: dict[str, Bundle]) -> None:
    """Totals and what they are made of: no difference of two released ones is a withheld figure."""
    for partner in PARTNERS:
        part = shown[partner]
        totals = {
            v for what, v in _cells(part) if what.startswith(("share", "cost of", "flow", "objective", "bound"))
        }
        totals |= {float(part.campaign.table("flights")[c].sum() or 0.0) for c in ("cost_eur", "mass_to_orbit_kg")}
        money = {v for w, v in _cells(part) if w.endswith("_eur")}
        differences = sorted({abs(a - b) for a, b in itertools.product(totals, totals | money) if a and b and a != b})
        for what, v in secrets(whole, part):
            if what.startswith(("share", "cost of", "objective", "bound")) or what.endswith("cost_eur"):
                assert not any(_same(d, v) for d in differences), (partner, what, v)
        # and the totals over all partners are not there
        assert math.isnan(part.campaign.objective_value)
        assert not {"objective", "bound", "gap", "mass_to_orbit_kg"} & set(part.summary)


# Nothing depends on what is withheld -----------------------------------------------------------------------


def _other(whole: Bundle, seed: float, word: str) -> Bundle:
    """The same run, with other figures and names in all that NASA may not see of China and India.

    Which those are is written here by hand, and not asked of the code under test.
    """
    tables = dict(whole.campaign.tables)
    theirs = pl.col("operator").is_in(["cmsa", "isro"])
    names = whole.campaign.table("flights").filter(theirs)["flight"].to_list()
    hidden = pl.col("flight").is_in(names)

    def change(frame: pl.DataFrame, where: pl.Expr, *keep: str) -> pl.DataFrame:
        return frame.with_columns(
            [
                pl.when(where).then(pl.col(c) * seed).otherwise(pl.col(c)).alias(c)
                if frame.schema[c] == pl.Float64
                else pl.when(where).then(pl.col(c) + word).otherwise(pl.col(c)).alias(c)
                for c in frame.columns
                if c not in keep and frame.schema[c] in (pl.Float64, pl.String)
            ]
        )

    tables["flights"] = change(tables["flights"], theirs, "flight", "operator", "mission")
    tables["permissions"] = change(tables["permissions"], hidden, "flight", "mission")
    for name in ("legs", "events", "launches", "burns"):
        tables[name] = change(tables[name], hidden, "flight", "launcher", "craft")
    tables["manifest"] = change(tables["manifest"], hidden, "flight", "kind", "destination", "origin", "owner")
    tables["stocks"] = change(tables["stocks"], pl.col("place") == "base", "place")
    assert whole.log is not None
    scenario = shared.scenario(f"# {word}", seed)
    crafts = {
        id_: dataclasses.replace(
            c, dry_kg=c.dry_kg * seed, isp_s=min(c.isp_s * seed, 2000.0), cost_eur=seed, title=word
        )
        if c.operator == "cmsa"
        else c
        for id_, c in scenario.of("craft").items()
    }
    return dataclasses.replace(
        whole,
        scenario=dataclasses.replace(scenario, entries={**scenario.entries, "craft": crafts}),
        campaign=dataclasses.replace(
            whole.campaign, tables=tables, objective_value=whole.campaign.objective_value * seed, reasons=(word,)
        ),
        flights=dataclasses.replace(
            whole.flights,
            flown=change(whole.flights.flown, hidden, "flight"),
            samples=change(whole.flights.samples, hidden, "flight"),
            burns=change(whole.flights.burns, hidden, "flight", "craft"),
        ),
        log=dataclasses.replace(
            whole.log,
            days=change(whole.log.days, pl.col("place") == "base", "place"),
            margins=tuple(dataclasses.replace(m, amount_kg=m.amount_kg * seed) for m in whole.log.margins),
            notes=(word,),
        ),
        summary={**whole.summary, "mass_to_orbit_kg": seed, "reasons": [word]},
        manifest={**whole.manifest, "hashes": {**whole.manifest["hashes"], "scenario": word}},
    )


def _everything(bundle: Bundle) -> str:
    """A bundle of records as one text, in which nothing is left out."""
    parts: list[object] = [bundle.release, bundle.summary, bundle.manifest, bundle.legs, bundle.campaign.status]
    parts += [bundle.campaign.objective_value, bundle.campaign.reasons, bundle.campaign.model]
    parts += [frame.write_ndjson() for frame in bundle.campaign.tables.values()]
    parts += [getattr(bundle.flights, name).write_ndjson() for name in ("flown", "samples", "burns")]
    if bundle.log is not None:
        parts += [bundle.log.days.write_ndjson(), bundle.log.events.write_ndjson(), bundle.log.shortfalls]
        parts += [bundle.log.margins, bundle.log.balances, bundle.log.crew_days, bundle.log.notes]
    s = bundle.scenario
    parts += [s.name, s.file, s.source, s.header, s.place_specs, s.missions, s.demands, s.outposts, s.fleets]
    parts += [s.budgets, s.entries, s.catalog.entries, s.catalog.digest, s.network, s.lines]
    return "\n".join(repr(part) for part in parts)


@given(seed=st.floats(0.2, 3.0).filter(lambda x: x != 1.0), word=st.text("abcxyz", min_size=1, max_size=12))
@settings(max_examples=6, deadline=None, derandomize=True, phases=(Phase.generate,))
def test_what_is_withheld_changes_nothing_that_is_released(seed: float, word: str) -> None:
    whole = _CACHE.setdefault("whole", shared.bundle())
    before = _CACHE.setdefault("nasa", _everything(project(whole, "nasa", WHEN)))
    other = _other(whole, seed, word)
    assert _everything(other) != _everything(whole)
    assert _everything(project(other, "nasa", WHEN)) == before


_CACHE: dict[str, Any] = {}


def test_not_even_the_bytes_of_the_page_depend_on_it(whole: Bundle, made: dict[str, Path], tmp_path: Path) -> None:
    other = project(_other(whole, 1.7, "otherwise"), "nasa", WHEN)
    report(other, tmp_path)
    write_tables(other, tmp_path / "tables")
    before = {p.relative_to(made["nasa"]): p.read_bytes() for p in made["nasa"].rglob("*") if p.is_file()}
    after = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert after.keys() == before.keys()
    assert all(after[name] == before[name] for name in before)


# The bundle --------------------------------------------------------------------------------------------------


def test_page_figures_and_images_bear_the_mark(made: dict[str, Path]) -> None:
    page = (made["isro"] / "report.html").read_text()
    said = f"Released to ISRO, {shared.DATE}"
    assert page.count(said) > 3
    assert len(page.encode()) < MAX_BYTES
    for path in (made["isro"] / "figures").iterdir():
        assert said.encode() in path.read_bytes(), path.name
    assert "Released to" not in (made[""] / "report.html").read_text()


def test_a_run_without_an_answer_can_be_released_too(tmp_path: Path) -> None:
    empty = dataclasses.replace(factory.empty(), scenario=shared.scenario())
    page = report(project(empty, "esa", WHEN), tmp_path).read_text()
    assert "No plan exists" in page
    assert "wolf bars" not in page


def test_the_owner_still_sees_everything(made: dict[str, Path], whole: Bundle) -> None:
    page = (made[""] / "report.html").read_text()
    assert f.amount(whole.campaign.objective_value, "EUR") in page
    assert "The scenario as read" in page
    assert "Zhurong-Secret-Lander" in page
