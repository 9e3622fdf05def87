"""The record of releases: who was given what, and whether anybody changed it since."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import multiprocessing
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from moonvillage.cli import main
from moonvillage.errors import InputError
from moonvillage.pipeline.releases import GENESIS, RECORD, register, verify
from moonvillage.pipeline.samples import LEDGER, keep_samples, sample_rows
from moonvillage.records.campaign import MANIFEST, TABLES, Campaign
from moonvillage.scenario import load
from moonvillage.scenario.examples import write_example

_BODY: dict[str, Any] = {
    "what": "report", "to": "esa", "date": "2033-01-01", "by": "me", "files": {"a": "b"}, "digest": "0" * 64,
    "under": {"operations": ["charter"]}, "withheld": [{"class": "detailed-design", "under": "a law", "items": 3}],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run with three releases."""
    for to in ("esa", "nasa", "isro"):
        with register(tmp_path) as record:
            body = {**_BODY, "to": to}
            record.append(record.mark(body), body)
    return tmp_path


def test_a_record_is_a_chain_from_its_first_entry(folder: Path) -> None:
    found = verify(folder)
    assert found.sound
    assert [e.body["to"] for e in found.entries] == ["esa", "nasa", "isro"]
    assert found.entries[0].previous == GENESIS
    assert [e.seq for e in found.entries] == [0, 1, 2]
    assert len({e.mark for e in found.entries}) == 3
    assert verify(folder, found.head).sound
    assert verify(folder / "nowhere").sound


def _tampered(folder: Path) -> Iterator[tuple[str, bytes, int]]:
    data = (folder / RECORD).read_bytes()
    lines = data.splitlines(keepends=True)
    yield "another partner", data.replace(b"nasa", b"jaxa"), 1
    yield "another date", data.replace(b"2033-01-01", b"2032-01-01", 1), 0
    yield "an entry taken out", lines[0] + lines[2], 1
    yield "entries exchanged", lines[1] + lines[0] + lines[2], 0
    yield "an entry twice", data + lines[2], 3
    yield "cut within a line", data[:-20], 2
    yield "no text", lines[0] + b"\x00\xff\n" + lines[2], 1
    yield "spaces", data.replace(b'","', b'", "', 1), 0


def test_whatever_is_changed_in_it_is_found_and_named(folder: Path) -> None:
    for what, data, bad in list(_tampered(folder)):
        (folder / RECORD).write_bytes(data)
        found = verify(folder)
        assert (found.sound, found.first_bad) == (False, bad), what
        assert f"entry {bad} is" in found.problems[0], (what, found.problems)
        with pytest.raises(InputError, match=f"entry {bad}"), register(folder):
            pytest.fail("a corrupted record is not continued")


def test_every_flipped_bit_is_found(folder: Path) -> None:
    data = (folder / RECORD).read_bytes()
    for place in range(0, len(data), 17):
        (folder / RECORD).write_bytes(data[:place] + bytes([data[place] ^ (1 << place % 8)]) + data[place + 1 :])
        assert not verify(folder).sound, place


def test_a_record_cut_short_is_known_by_an_anchor_or_by_a_bundle(folder: Path) -> None:
    whole = verify(folder)
    lines = (folder / RECORD).read_bytes().splitlines(keepends=True)
    told = {"entry": 2, "mark": whole.entries[2].mark, "previous": whole.entries[1].hash}
    (folder / RECORD).write_bytes(b"".join(lines[:2]))
    assert verify(folder).sound  # nothing in it says that there was more
    assert "entry 2 is not the one noted earlier" in verify(folder, whole.head).problems[0]
    (folder / "partners" / "isro").mkdir(parents=True)
    (folder / "partners" / "isro" / "release.json").write_text(json.dumps(told))
    assert "entry 2 is missing" in verify(folder).problems[0]


def _one(folder: Path, number: int) -> None:
    for k in range(5):
        with register(folder) as record:
            body = {**_BODY, "to": f"p{number}-{k}"}
            record.append(record.mark(body), body)


def test_two_who_release_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_one, args=(tmp_path, n)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    found = verify(tmp_path)
    assert found.sound
    assert len({e.body["to"] for e in found.entries}) == 10


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run folder whose records are those of the made-up run."""
    from moonvillage.pipeline import folder as folders
    from moonvillage.pipeline.state import Result
    from tests.reporting import shared

    b = shared.bundle()
    result = Result(b.scenario, dict(b.summary), b.legs, b.campaign, b.flights, b.log)
    monkeypatch.setattr(folders, "read_result", lambda folder: (result, dict(b.manifest)))
    return tmp_path


def test_a_release_is_made_recorded_and_listed(made_up: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["report", str(made_up), "--date", "2033-06-01", "--by", "the curator", "--json", "--partner"]
    assert main([*command, "isro"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["entry"] == 0
    assert told["withheld"] > 0
    page = (made_up / "partners" / "isro" / "report.html").read_text()
    assert f"mark {told['mark']}" in page
    release = json.loads((made_up / "partners" / "isro" / "release.json").read_text())
    for name, digest in release["files"].items():
        assert hashlib.sha256((made_up / "partners" / "isro" / name).read_bytes()).hexdigest() == digest
    assert main(["report", str(made_up), "--releases", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["sound"]
    assert listed["anchor"] == told["anchor"]
    [entry] = listed["releases"]
    assert {k: entry[k] for k in ("to", "by", "date", "what", "mark")} == {
        "to": "isro", "by": "the curator", "date": "2033-06-01", "what": "report", "mark": told["mark"],
    }  # fmt: skip
    assert entry["under"]["operations"] == ["village"]
    # what is refused leaves nothing behind
    for wrong in (["asa"], ["esa", "--date", "soon"], ["esa", "-o", str(made_up)]):
        assert main([*command[:2], "--partner", *wrong]) == 2
    assert len(verify(made_up).entries) == 1
    assert {p.name for p in made_up.iterdir()} == {"partners", RECORD}
    # a record that was changed is said to be, and not continued
    (made_up / RECORD).write_bytes((made_up / RECORD).read_bytes().replace(b"curator", b"creator"))
    assert main(["report", str(made_up), "--releases"]) == 1
    assert "entry 0 is corrupted" in capsys.readouterr().out
    assert main([*command, "isro"]) == 2


# Samples -----------------------------------------------------------------------------------------------------


def _plan(mission: str, place: str, operator: str, mass: float) -> Campaign:
    row = {
        "flight": f"{mission}-1", "cargo": "samples", "kind": "samples", "origin": place, "destination": "earth",
        "epoch_tdb_s": 9.8e8, "amount": mass, "mass_kg": mass, "owner": operator,
    }  # fmt: skip
    flight = {name: None for name in TABLES["flights"]} | {
        "flight": f"{mission}-1", "mission": mission, "operator": operator, "departure_tdb_s": 9.79e8, "period": 1,
    }  # fmt: skip
    tables = {
        "manifest": pl.DataFrame([row], schema=dict(MANIFEST)),
        "flights": pl.DataFrame([flight], schema=dict(TABLES["flights"])),
    }
    return Campaign("optimal", tables=tables)


def test_the_samples_of_a_run_are_kept_in_its_folder(tmp_path: Path) -> None:
    scenario = load(write_example("sample-return", tmp_path / "s.toml"))
    plan = _plan("near", "procellarum", "cnsa", 1.7)
    path = keep_samples(tmp_path, scenario, plan, None)
    assert path == tmp_path / LEDGER
    assert verify_ledger(path)
    rows = sample_rows(tmp_path)
    assert rows is not None
    assert rows.height == 1
    row = rows.row(0, named=True)
    assert (row["flight"], row["owner"], row["place"]) == ("near-1", "cnsa", "Oceanus Procellarum")
    assert row["mass_kg"] == pytest.approx(1.7)
    assert row["requests"] == 1
    # the agreement of the scenario, not that on Chang'e 5, lets it be lent
    assert row["granted"] == 1
    assert row["lent_kg"] == pytest.approx(6e-5)
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".samples")]


def verify_ledger(path: Path) -> bool:
    from moonvillage.curation import Ledger

    with Ledger.open(path) as ledger:
        return ledger.verify().sound


def test_work_on_a_ledger_survives_another_run_of_the_same_plan(tmp_path: Path) -> None:
    from moonvillage.curation import Ledger

    scenario = load(write_example("sample-return", tmp_path / "s.toml"))
    plan = _plan("near", "procellarum", "cnsa", 1.7)
    path = keep_samples(tmp_path, scenario, plan, None)
    assert path is not None
    with Ledger.open(path) as ledger:
        ledger.transfer("near-1/public_display", to="museum", date="2033-01-01", by="cnsa")
        head = ledger.head
    keep_samples(tmp_path, scenario, plan, None)
    with Ledger.open(path) as ledger:
        assert ledger.head == head
    # another plan gets its own, and the old one is kept
    keep_samples(tmp_path, scenario, _plan("far", "apollo", "cnsa", 1.9), None)
    with Ledger.open(tmp_path / f"samples-{head[1][:8]}.ledger") as ledger:
        assert ledger.head == head
    assert sample_rows(tmp_path)["flight"].to_list() == ["far-1"]  # type: ignore[index]


def test_no_samples_no_ledger(tmp_path: Path) -> None:
    scenario = load(write_example("sortie", tmp_path / "s.toml"))
    assert keep_samples(tmp_path, scenario, Campaign("optimal"), None) is None
    assert sample_rows(tmp_path) is None


def test_robots_say_where_they_collected(tmp_path: Path) -> None:
    from moonvillage.campaign.ledger import _collected_at

    @dataclasses.dataclass
    class Kit:
        places: Any

    scenario = load(write_example("sample-return", tmp_path / "s.toml"))
    found = {id_: _collected_at(Kit(scenario.places), m) for id_, m in scenario.missions.items()}  # type: ignore[arg-type]
    assert found == {"near": "procellarum", "far": "apollo"}


# A shipped scenario ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_three_partners_of_a_shipped_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The far-side scenario flown, released to three partners, searched, and the record verified."""
    from moonvillage.ephemeris import utc_to_tdb_s
    from moonvillage.pipeline import read_result
    from moonvillage.pipeline.reports import bundle_of
    from moonvillage.reporting.projection import project
    from tests.reporting.test_release import _texts, hits, secrets

    file = write_example("far-side", tmp_path / "s.toml")
    run = tmp_path / "run"
    assert main(["run", str(file), "-o", str(run), "--quiet", "--json"]) == 0
    result, manifest = read_result(run)
    whole = bundle_of(result, manifest, run)
    for partner in ("esa", "nasa", "jaxa"):
        assert main(["report", str(run), "--partner", partner, "--date", "2031-01-01", "--quiet"]) == 0
        part = project(whole, partner, utc_to_tdb_s("2031-01-01"))
        wanted = secrets(whole, part)
        assert wanted
        assert hits(_texts(run / "partners" / partner), wanted, part) == []
        assert (run / "partners" / partner / "report.html").stat().st_size < 3_000_000
    assert main(["export", str(run), "--partner", "esa", "-f", "oem", "--date", "2031-01-01"]) == 0
    assert main(["export", str(run), "--partner", "nasa", "-f", "oem", "--date", "2031-01-01"]) == 2
    capsys.readouterr()
    assert main(["report", str(run), "--releases", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sound"]
    assert [r["to"] for r in told["releases"]] == ["esa", "nasa", "jaxa", "esa"]
    record = run / RECORD
    shutil.copy(record, tmp_path / "copy")
    record.write_bytes(record.read_bytes().replace(b"jaxa", b"asia"))
    assert main(["report", str(run), "--releases"]) == 1
    assert "entry 2 is corrupted" in capsys.readouterr().out
