"""The page in a real browser: no request, no error, works without scripts, upgrades with them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moonvillage.ephemeris import load
from moonvillage.reporting import Bundle, orbits, report
from tests.reporting import factory

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="needs Chromium at /usr/bin/chromium"),
]
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


class Visit:
    """A page opened from its file, with everything that it asked for and complained of."""

    def __init__(self, browser: Any, path: Path, width: int = 1440, **options: Any) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page = self.context.new_page()
        self.page.on("request", lambda r: self.requests.append(r.url))
        self.page.on("console", lambda m: self.complaints.append(m.text))
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.url = path.as_uri()
        self.page.goto(self.url)

    def done(self) -> None:
        self.context.close()
        assert [url for url in self.requests if not url.startswith(("data:", "blob:"))] == [self.url]
        assert self.complaints == []


@pytest.mark.parametrize("width", [1440, 390])
def test_it_opens_without_a_request_a_complaint_or_a_sideways_scroll(browser: Any, made: Path, width: int) -> None:
    visit = Visit(browser, made, width)
    visit.page.locator("#viewer[data-ready=true]").wait_for()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    visit.done()


def test_without_scripts_everything_is_readable(browser: Any, made: Path) -> None:
    visit = Visit(browser, made, java_script_enabled=False)
    for id_ in ("fig-way", "fig-bat", "fig-gantt", "fig-flow", "fig-pole", "fig-dv", "fig-cost"):
        assert visit.page.locator(f"#{id_} svg").is_visible(), id_
    assert not visit.page.locator("#viewer").is_visible()
    visit.done()


def test_the_viewer_draws_turns_and_exports(browser: Any, made: Path) -> None:
    visit = Visit(browser, made)
    page = visit.page
    page.locator("#viewer[data-ready=true]").wait_for()
    assert not page.locator("#way-static").is_visible()
    picture = "document.getElementById('v-canvas').toDataURL().length"
    sizes = set()
    for frame in ("rot", "in"):
        page.select_option("#v-frame", frame)
        for focus in ("both", "moon", "earth"):
            page.select_option("#v-focus", focus)
            page.evaluate("new Promise(requestAnimationFrame)")
            svg = page.evaluate("document.getElementById('viewer').exportSvg()")
            assert svg.count("<path") > 4, (frame, focus)
            assert "NaN" not in svg
            sizes.add(page.evaluate(picture))
    assert len(sizes) == 6  # six different pictures
    page.select_option("#v-flight", "0")
    assert page.locator("#v-date").text_content() == "2030-01-15 00:00"
    page.locator("#v-play").click()
    page.wait_for_timeout(300)
    page.locator("#v-play").click()
    assert page.locator("#v-date").text_content() > "2030-01-15 00:00"
    box = page.locator("#v-canvas").bounding_box()
    before = page.evaluate("document.getElementById('viewer').exportSvg()")
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 400, box["y"] + 240, steps=3)
    page.mouse.up()
    assert page.evaluate("document.getElementById('viewer').exportSvg()") != before
    visit.done()


def test_the_viewers_moon_is_de440s(browser: Any, made: Path, run: Bundle) -> None:
    visit = Visit(browser, made)
    visit.page.locator("#viewer[data-ready=true]").wait_for()
    packed = orbits.pack(run, orbits.pieces(run))
    t = np.linspace(0.0, packed["end"] - packed["begin"], 200)
    seen = np.array(visit.page.evaluate("ts => ts.map(document.getElementById('viewer').moonAt)", t.tolist()))
    error_km = np.linalg.norm(seen - load().position("moon", packed["begin"] + t) / 1000.0, axis=1)
    q50, q99, worst = np.quantile(error_km, [0.5, 0.99, 1.0])
    print(f"the viewer's Moon against DE440: q50 {q50:.2f} km, q99 {q99:.2f} km, max {worst:.2f} km")
    assert worst < 15.0
    visit.done()


def test_labels_show_on_hover(browser: Any, made: Path) -> None:
    visit = Visit(browser, made)
    bar = visit.page.locator("#fig-gantt [aria-label*='argonaut-1:']").first
    bar.scroll_into_view_if_needed()
    visit.page.wait_for_timeout(100)  # scrolling hides the label: let it end first
    bar.hover()
    tip = visit.page.locator("body > .tip")
    assert tip.is_visible()
    assert "10.2" in tip.text_content()
    visit.done()


def test_a_hostile_name_does_nothing(browser: Any, hostile: Path) -> None:
    visit = Visit(browser, hostile)
    visit.page.locator("#viewer[data-ready=true]").wait_for()
    assert visit.page.evaluate("window.stolen") is None
    assert "ISRO</script>" in visit.page.locator("#v-flight").text_content()
    visit.done()


def test_the_policy_stops_what_is_not_ours(browser: Any, made: Path, tmp_path: Path) -> None:
    """The test of the test above: a script put into the page by other means does not run either."""
    text = made.read_text(encoding="utf-8").replace("</main>", "<script>window.stolen=1</script></main>")
    path = tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")
    visit = Visit(browser, path)
    visit.page.locator("#viewer[data-ready=true]").wait_for()
    assert visit.page.evaluate("window.stolen") is None
    assert any("Content Security Policy" in text for text in visit.complaints)
    visit.complaints.clear()
    visit.done()


@pytest.mark.parametrize("status", ["infeasible", "no_convergence"])
def test_an_empty_run_opens_cleanly(browser: Any, tmp_path: Path, status: str) -> None:
    visit = Visit(browser, report(factory.empty(status), tmp_path), 390)
    assert visit.page.locator(".why").first.is_visible()
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    visit.done()
