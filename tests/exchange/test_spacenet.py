"""SpaceNet scenarios: read, replayed, turned into a scenario, written, and read again."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from quickstart1 import quickstart1

from moonvillage.campaign import plan
from moonvillage.campaign.replay import replay_story
from moonvillage.campaign.telling import second_opinion
from moonvillage.catalog import Catalog
from moonvillage.cli import main
from moonvillage.errors import InputError
from moonvillage.exchange.spacenet import read_spacenet, read_spacenet_text
from moonvillage.exchange.spacenet_keys import Notes, iso_span
from moonvillage.exchange.spacenet_scenario import scenario_text
from moonvillage.exchange.spacenet_sheets import SHEETS, from_tables, read_sheets
from moonvillage.exchange.spacenet_write import spacenet_text
from moonvillage.records.legs import LegTable
from moonvillage.records.logistics import Story
from moonvillage.scenario import load, loads
from moonvillage.units import DAY_S

CAMPAIGN = Path(__file__).parent.parent / "campaign"
EMPTY = Catalog({}, "empty")

#: Propellant left after each burn as SpaceNet 2.5 (Java) shows it, kg; Δv of stages that burn out, m/s.
LEFT_KG = {
    "Ares V SRBs": [0.0],
    "Ares V Core": [0.0],
    "EDS": [115770.67, 9987.21],
    "Ares I First Stage": [0.0],
    "Ares I Upper Stage": [3619.57],
    "Altair DM": [24870.44, 24840.89, 12221.62, 709.26, 660.24],
    "Altair AM": [76.97, 41.82],
    "Orion SM": [6244.10, 4768.59, 3149.16, 3134.43, 3119.71],
    "Orion CM": [160.32],
}
DV_M_S = {"Ares V SRBs": 1243.72, "Ares V Core": 5819.26, "Ares I First Stage": 3127.14}


def read(data: dict[str, Any]) -> Story:
    return read_spacenet_text(json.dumps(data))


def test_quick_start_1_from_json() -> None:
    """Stage by stage, with no loss: the misspelt settings are understood, nothing else is there to be noted."""
    story = read(quickstart1())
    assert story.unknown == ()
    assert story.configuration["smallGasTankMaxVolume"] == 0.275
    assert story.configuration["smallLiquidTankMass"] == 11.4567
    found = replay_story(story)
    assert found.failures == ()
    left: dict[str, list[float]] = {}
    for burn in found.burns:
        left.setdefault(burn.name, []).append(burn.left_kg)
        if burn.name in DV_M_S:
            assert burn.dv_m_s == pytest.approx(DV_M_S[burn.name], abs=0.005)
    assert set(left) == set(LEFT_KG)
    errors = sorted(abs(a - b) for name, row in LEFT_KG.items() for a, b in zip(left[name], row, strict=True))
    print(f"propellant left against SpaceNet: q50 {errors[len(errors) // 2]:.4f}, max {errors[-1]:.4f} kg")
    assert errors[-1] < 0.05
    assert abs(found.imbalance_kg) < 1e-6
    measures = found.measures
    assert measures.crew_surface_days == pytest.approx(28.0, abs=1e-9)
    assert measures.launch_mass_kg == pytest.approx(889_575.0 + 3_669_400.0, abs=1e-6)
    assert measures.relative_capability == pytest.approx(3.46863, rel=5e-6)
    assert measures.exploration_mass_kg == 500.0
    assert measures.eva_h == pytest.approx(5 * 2 * 8.0)
    assert measures.up_utilisation == pytest.approx(500.0 / 700.0)
    assert measures.down_utilisation == pytest.approx(1.0)


def test_the_imported_scenario_plans_the_same_burns() -> None:
    converted = scenario_text(read(quickstart1()), file="quickstart1.json")
    campaign = plan(loads(converted.text, catalog=EMPTY), LegTable({}), {})
    own = plan(load(CAMPAIGN / "quickstart1.toml", catalog=EMPTY), LegTable({}), {})
    assert campaign.status == "feasible", campaign.reasons
    for a, b in zip(
        campaign.table("burns").sort("propellant_kg").iter_rows(named=True),
        own.table("burns").sort("propellant_kg").iter_rows(named=True),
        strict=True,
    ):
        assert a["propellant_kg"] == pytest.approx(b["propellant_kg"], abs=1e-6)
        assert a["mass_before_kg"] == pytest.approx(b["mass_before_kg"], abs=1e-6)
    said = "\n".join(str(p) for p in converted.left_out)
    assert "time of flight" in said
    assert "excursions have no step" in said


def test_round_trips() -> None:
    """JSON → story → JSON → story is the identity; so is scenario → plan → JSON → scenario in its burns."""
    story = read(quickstart1())
    again = read_spacenet_text(spacenet_text(story))
    assert again.unknown == ()
    assert {**again.configuration, **story.configuration} == again.configuration
    for name in ("nodes", "edges", "supplies", "elements", "missions", "library", "models", "start_tdb_s"):
        assert getattr(again, name) == getattr(story, name), name
    third = read_spacenet_text(spacenet_text(again))
    assert third == again

    told = second_opinion(*_planned())
    assert told.mismatches == ()
    back = read_spacenet_text(spacenet_text(told.story))
    assert back.unknown == ()
    first, second = replay_story(told.story), replay_story(back)
    assert [b.left_kg for b in second.burns] == pytest.approx([b.left_kg for b in first.burns], abs=1e-6)
    assert second.measures == first.measures
    campaign = plan(loads(scenario_text(back).text, catalog=EMPTY), LegTable({}), {})
    left = sorted(r["propellant_kg"] for r in campaign.table("burns").iter_rows(named=True))
    assert left == pytest.approx(sorted(b.propellant_kg for b in first.burns), abs=1e-6)


def _planned() -> tuple[Any, Any]:
    scenario = load(CAMPAIGN / "quickstart1.toml", catalog=EMPTY)
    return scenario, plan(scenario, LegTable({}), {})


def test_another_gravity_is_exported_as_other_impulses() -> None:
    text = (CAMPAIGN / "quickstart1.toml").read_text().replace('"9.81 m/s^2"', '"9.80665 m/s^2"')
    scenario = loads(text, catalog=EMPTY)
    told = second_opinion(scenario, plan(scenario, LegTable({}), {}))
    back = read_spacenet_text(spacenet_text(told.story))
    assert back.gravity_m_s2 == 9.81
    ours, theirs = replay_story(told.story), replay_story(back)
    assert [b.propellant_kg for b in theirs.burns] == pytest.approx([b.propellant_kg for b in ours.burns], rel=1e-9)


def test_misspelt_and_unknown_keys_are_told() -> None:
    data = quickstart1()
    template = data["elementTemplates"][0]
    template["maxCrewe"] = template.pop("maxCrew")  # by likeness
    template["colour"] = "white"  # not at all
    data["missionList"][0]["events"][0]["mission_time"] = data["missionList"][0]["events"][0].pop("missionTime")
    story = read(data)
    said = [str(p) for p in story.unknown]
    assert len(said) == 2
    assert "elementTemplates[0].maxCrewe" in said[0] or "elementTemplates[0].maxCrewe" in said[1]
    assert any("elementTemplates[0].colour" in s and "is not understood" in s for s in said)
    assert replay_story(story).measures == replay_story(read(quickstart1())).measures


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda d: d["instantiatedElements"][0].update(templateId="x"), "instantiatedElements[0].templateId"),
        (lambda d: d["network"]["edges"][0]["burns"][0].update(deltaV="fast"), "network.edges[0].burns[0].deltaV"),
        (lambda d: d["missionList"][0]["events"][0].update(type="Teleport"), "missionList[0].events[0].type"),
        (lambda d: d["missionList"][0].update(startDate="soon"), "missionList[0].startDate"),
        (lambda d: d.pop("network"), "network"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(spoil: Any, where: str) -> None:
    data = copy.deepcopy(quickstart1())
    spoil(data)
    with pytest.raises(InputError) as caught:
        read(data)
    assert caught.value.problems[0].field == where


def test_what_cannot_be_done_is_a_failure_with_its_event() -> None:
    """Half the departure stage's propellant: the burns that follow lack so much, and the plan says so too."""
    data = quickstart1()
    eds = next(t for t in data["elementTemplates"] if t["name"] == "EDS")
    eds["fuel"]["amount"] = 150000.0
    found = replay_story(read(data))
    assert found.failures
    assert found.failures[0].event == "Lunar | LEO-LLPO"
    assert "m/s of 3150 m/s are lacking" in found.failures[0].message
    campaign = plan(loads(scenario_text(read(data)).text, catalog=EMPTY), LegTable({}), {})
    assert campaign.status == "infeasible"


def test_lengths_of_time() -> None:
    notes = Notes("x")
    for seconds in (0.0, 1.0, 12.5 * 3600.0, 14.5 * DAY_S, 3 * DAY_S + 61.25):
        assert notes.span_s(iso_span(seconds), "") == pytest.approx(seconds, abs=1e-6)
    assert notes.span_s(43200, "") == 43200.0
    assert notes.span_s("43200", "") == 43200.0
    assert notes.problems == []
    notes.span_s("P1M", "t")
    assert "month" in str(notes.problems[0])


# spreadsheets


def sheets() -> dict[str, list[list[Any]]]:
    rows: dict[str, list[list[Any]]] = {name: [list(columns.split())] for name, columns in SHEETS.items()}
    blank = ""
    rows["nodes"] += [
        [1.0, "Surface", "KSC", "Earth", 28.6, -80.6, blank, blank, blank, blank, blank, "Cape"],
        [2.0, "Orbital", "LEO", "Earth", blank, blank, 296.0, 296.0, 28.5, blank, blank, "orbit"],
        [3.0, "Lagrange", "L2", "Earth", blank, blank, blank, blank, blank, "Moon", 2.0, "halo"],
    ]
    rows["edges"] += [[1.0, "Space", "KSC-LEO", 1.0, 2.0, 0.25, blank, blank, blank, "ascent"]]
    rows["burns"] += [[2.0, 1.0, 0.2, 1.0, "RCS", 10.0], [1.0, 1.0, 0.0, 0.0, "OMS", 9500.0]]
    rows["resource_types"] += [[1.0, "Continuous", "LH2/LOX", 101.0, "kg", 1.0, 0.0, 0.0, "Unpressurized", "fuel"]]
    stage = [1.0, "PROPULSIVE", "Stage", 9021.0, "Unpressurized", 0.0, 100.0, 0.0, 0.0, 0.0, 0.0, "Unpressurized"]
    rows["elements"] += [[*stage, blank, 450.0, 900.0, 1.0, 300.0, 0.0, 1.0, blank, blank, blank, "a stage", blank]]
    rows["states"] += [[1.0, 1.0, "off", "Dormant", 0.0], [2.0, 1.0, "on", "Active", 1.0]]
    rows["models"] += [[1.0, "Rated", 2.0, "loss", blank, blank, blank]]
    rows["demands"] += [[1.0, 1.0, 1.0, 0.5, blank]]
    return rows


def test_a_database_of_sheets() -> None:
    story = from_tables(sheets(), "db.xls")
    assert story.unknown == ()
    assert [b.dv_m_s for b in story.edges[0].burns] == [9500.0, 10.0]
    stage = story.library[0]
    assert (stage.isp_s, stage.rcs_isp_s, stage.fuel_kg, stage.rcs_fuel) == (450.0, 300.0, 900.0, "")
    assert stage.state == 1
    assert stage.states[1].models[0].demands[0].amount == 0.5
    scenario = loads(scenario_text(story, file="db.xls").text, catalog=EMPTY)
    assert scenario.of("craft")["stage"].propellant_kg == 900.0
    assert set(scenario.places) == {"ksc", "leo", "l2"}


def test_misspelt_sheets_and_columns_are_told() -> None:
    raw = sheets()
    raw["elements"][0][raw["elements"][0].index("accommodation_mass")] = "accomodatoin_mass"
    raw["elements"][0][raw["elements"][0].index("icon")] = "smell"
    raw["resource_typs"] = raw.pop("resource_types")
    said = [str(p) for p in from_tables(raw, "db.xls").unknown]
    assert any("resource_typs" in s and "was read as the sheet 'resource_types'" in s for s in said)
    assert any("elements.smell" in s and "not a column" in s for s in said)
    assert any("accomodatoin_mass" in s for s in said)


def test_a_workbook(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets().items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([None if cell == "" else cell for cell in row])
    path = tmp_path / "db.xlsx"
    book.save(path)
    assert read_spacenet(path).library == from_tables(sheets(), "db").library


def test_a_missing_library_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlrd", None)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    for name in ("a.xls", "a.xlsx"):
        with pytest.raises(InputError, match=r"moonvillage\[spacenet\]"):
            read_sheets(tmp_path / name)


# the command line


def test_import_and_export_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "quickstart1.json"
    source.write_text(json.dumps(quickstart1()))
    assert main(["import", str(source), "-o", str(tmp_path / "q.toml"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["failures"] == []
    assert answer["scenario"]["agree"] == answer["scenario"]["burns"] == 19
    assert answer["measures"]["relative_capability"] == pytest.approx(3.46863, rel=5e-6)
    assert main(["plan", str(tmp_path / "q.toml"), "-o", str(tmp_path / "run"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["replay"]["mismatches"] == []
    assert summary["measures"]["crew_surface_days"] == pytest.approx(28.0)
    assert main(["export", str(tmp_path / "run"), "--format", "spacenet", "-o", str(tmp_path / "b.json")]) == 0
    capsys.readouterr()
    back = replay_story(read_spacenet(tmp_path / "b.json"))
    assert back.failures == ()
    assert back.measures.launch_mass_kg == pytest.approx(4_558_975.0, abs=1e-6)
    assert main(["import", str(tmp_path / "b.json"), "-o", str(tmp_path / "again.toml"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["scenario"]["agree"] == 19


def test_references_are_uuids() -> None:
    told = second_opinion(*_planned())
    data = json.loads(spacenet_text(told.story))
    ids = {e["id"] for e in data["instantiatedElements"]}
    assert all(len(i) == 36 for i in ids)
    assert all(set(e.get("elements", ())) <= ids for m in data["missionList"] for e in m["events"])
