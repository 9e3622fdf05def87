"""The report as files: complete, small, safe, the same every time, all or nothing."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import time
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from moonvillage.records.campaign import Campaign
from moonvillage.records.legs import LegRow, LegTable
from moonvillage.reporting import Bundle, charts, orbits, report, write
from moonvillage.reporting.figures import Figure
from moonvillage.reporting.page import draw, page
from tests.reporting import factory
from tests.reporting.conftest import HOSTILE


class Reader(HTMLParser):
    """What a browser would see: elements with attributes, ids, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br", "hr", "img", "input", "col"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def reader(made: Path) -> Reader:
    return Reader(made.read_text(encoding="utf-8"))


def test_the_page_is_well_formed_and_its_ids_are_unique(reader: Reader) -> None:
    assert reader.open == []
    ids = [a["id"] for _, a in reader.elements if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"][1:] for a in reader.all("a") if (a.get("href") or "").startswith("#")}  # type: ignore[index]
    assert targets <= set(ids)
    for _, attributes in reader.elements:
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in ids


def test_every_section_is_there(reader: Reader) -> None:
    sections = [a["id"] for a in reader.all("section")]
    assert sections == [
        "way",
        "bat",
        "flights",
        "outposts",
        "flow",
        "maps",
        "flown",
        "partners",
        "costs",
        "doubts",
        "provenance",
    ]
    for said in (
        "30 flights from Jan 2030 to Dec 2039",
        "Oxygen at Village falls short",
        "The landing did not close within 40 iterations.",
        "Pub. L. 112-10, sec. 1340",
        "suspended from 2037-06-01",
        "Descent flown with a gravity-turn law, no terrain.",
        "Light is the published mean of the site",
        "no terrain: schematic",
    ):
        assert said in reader.text, said


def test_headings_do_not_skip_a_level_and_figures_are_named(reader: Reader) -> None:
    levels = [int(tag[1]) for tag, _ in reader.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    drawn = [a for a in reader.all("svg") if a.get("aria-hidden") != "true" and "role" in a]
    assert len(drawn) > 10
    assert all(a.get("aria-label") for a in drawn)
    assert len(reader.all("caption")) == len(reader.all("table"))
    assert all("scope" in a for a in reader.all("th"))


def test_nothing_is_asked_of_the_network(reader: Reader) -> None:
    for tag, attributes in reader.elements:
        for name, found in attributes.items():
            if name in ("src", "srcset", "data", "action", "poster") or (name == "href" and tag != "a"):
                assert (found or "").startswith(("data:", "#")), (tag, name, found)
            assert not name.startswith("on"), (tag, name)
            assert name != "style", tag
    assert "url(http" not in reader.text


def test_the_policy_names_exactly_what_stands_in_the_page(made: Path) -> None:
    text = made.read_text(encoding="utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "unsafe" not in policy.group(1)
    assert policy.group(1).startswith("default-src 'none'")
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert (len(scripts), len(styles)) == (2, 1)
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts + styles}
    assert set(re.findall(r"'sha256-[^']*'", policy.group(1))) == hashes


def test_figures_lie_beside_the_page_twice(made: Path) -> None:
    names = sorted(p.name for p in (made.parent / "figures").iterdir())
    stems = {n.rsplit(".", 1)[0] for n in names}
    assert names == sorted([f"{s}.svg" for s in stems] + [f"{s}.png" for s in stems])
    assert {
        "way",
        "bat",
        "gantt",
        "crew-base",
        "stock-base-water",
        "power-base",
        "flow",
        "pole",
        "globe",
        "dv",
        "cost",
    } <= stems
    assert not list(made.parent.glob(".report-*"))
    for path in (made.parent / "figures").glob("*.png"):
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_same_run_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    again = report(factory.bundle(), tmp_path)
    assert again.read_bytes() == made.read_bytes()
    for path in (made.parent / "figures").iterdir():
        assert (tmp_path / "figures" / path.name).read_bytes() == path.read_bytes(), path.name


def test_ten_years_and_eighty_flights_stay_small_and_quick(tmp_path: Path) -> None:
    started = time.process_time()
    path = report(factory.bundle(flights_per_year=8), tmp_path)
    spent = time.process_time() - started
    print(f"80 flights: {path.stat().st_size / 1e6:.2f} MB in {spent:.1f} s of processor time")
    assert path.stat().st_size < 3_000_000
    assert spent < 15.0


def test_a_hostile_name_stays_text(hostile: Path) -> None:
    text = hostile.read_text(encoding="utf-8")
    reader = Reader(text)
    assert reader.open == []
    assert len(reader.all("script")) == 3  # two of ours and the data
    assert not reader.all("img")
    assert f"ISRO{HOSTILE}" in reader.text
    assert "<img" not in text
    for path in (hostile.parent / "figures").glob("*.svg"):
        svg = path.read_text(encoding="utf-8")
        assert "<script" not in svg
        assert "<img" not in svg


@pytest.mark.parametrize("status", ["infeasible", "unbounded", "no_convergence", "interrupted"])
def test_a_no_is_said_first_with_its_reasons(status: str, tmp_path: Path) -> None:
    text = report(factory.empty(status), tmp_path).read_text(encoding="utf-8")
    reader = Reader(text)
    assert "Why the answer is no" in reader.text
    assert "Rule wolf bars every docking" in reader.text
    assert "cannot be met" in reader.text
    assert [a["id"] for a in reader.all("section")] == ["maps", "doubts", "provenance"]
    assert "viewer" not in [a.get("id") for _, a in reader.elements]


def test_every_part_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts are specified and checked, but not drawn: what is empty must not break what is not."""
    blank = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1" viewBox="0 0 1 1"></svg>'

    def specify(name: str, caption: str, chart: Any, rows: list[Any], alt: str, *, wide: bool = False) -> Figure:
        assert chart.to_dict()["$schema"]
        assert rows
        return Figure(name, caption, blank, alt, wide)

    monkeypatch.setattr(charts, "render", specify)
    run = factory.bundle(years=2)
    tables = run.campaign.tables
    for gone in (*tables, "log", "samples", "flown", "summary", "manifest"):
        campaign, flights, log = run.campaign, run.flights, run.log
        summary, manifest = run.summary, run.manifest
        if gone in tables:
            kept = {k: v for k, v in tables.items() if k != gone}
            campaign = Campaign(
                status="feasible", tables=kept, objective_name="cost", objective_value=1e9, objective_unit="EUR"
            )
        log = None if gone == "log" else log
        if gone == "samples":
            flights = dataclasses.replace(flights, samples=flights.samples.clear())
        if gone == "flown":
            flights = dataclasses.replace(flights, flown=flights.flown.clear())
        summary = {} if gone in ("summary", "flights") else summary
        manifest = {} if gone == "manifest" else manifest
        page = _page(Bundle(run.scenario, campaign, flights, log, None, summary, manifest))
        assert Reader(page).open == [], gone


def _page(bundle: Bundle) -> str:
    pieces = orbits.pieces(bundle)
    return page(bundle, draw(bundle, pieces, lambda name: None), pieces)


def test_a_report_that_fails_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = report(factory.empty(), tmp_path)
    before = path.read_bytes()

    def broken(self: Figure) -> bytes:
        raise OSError("no space left")

    monkeypatch.setattr(Figure, "png", broken)
    with pytest.raises(OSError, match="no space"):
        report(factory.bundle(), tmp_path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["figures", "report.html"]


def test_progress_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    report(factory.empty(), tmp_path, progress=said.append)
    assert said[-2:] == ["page", "figure files"]


def test_a_page_that_would_grow_too_large_thins_its_curves(
    run: Bundle, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "MAX_BYTES", made.stat().st_size - 30_000)
    monkeypatch.setattr(orbits, "BUDGET", 8_000)
    monkeypatch.setattr(Figure, "png", lambda self: b"")
    assert report(run, tmp_path).stat().st_size < made.stat().st_size


def test_a_load_of_unknown_origin_stays_in_the_table() -> None:
    run = factory.bundle(years=2)
    samples = run.campaign.table("manifest").filter(kind="samples").with_columns(origin=pl.lit(""))
    campaign = Campaign(status="optimal", tables={"manifest": samples})
    empty = factory.empty()
    seen = Reader(_page(Bundle(run.scenario, campaign, empty.flights)))
    assert "Lunar samples" in seen.text
    assert "fig-flow" not in [a.get("id") for _, a in seen.elements]


def test_the_ways_that_were_tabulated_are_told_with_their_failures() -> None:
    good = LegRow("leo>llo", 1e9, 1e9 + 4.5 * 86400.0, True, (("tli", 3150.0), ("loi", 880.0)))
    bad = LegRow("llo>base@argonaut", 1e9, 1e9, False, (), reason="no plane passes over the site")
    table = LegTable({"leo>llo": (good, dataclasses.replace(good, dv_m_s=(("tli", 3200.0),))), bad.arc: (bad, bad)})
    text = Reader(_page(dataclasses.replace(factory.empty(), legs=table))).text.replace("\u202f", " ")
    assert "No leg was found for 1 arc." in text
    assert "Low lunar orbit → Village, Argonaut" in text
    assert "no plane passes over the site" in text
    assert "3 200 m/s" in text
    assert "4 030 m/s" in text
