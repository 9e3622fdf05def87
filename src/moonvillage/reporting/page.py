"""The page: one file that asks for nothing, in a policy that lets nothing else run."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

from moonvillage.reporting import charts, drawings, evidence, orbits, released, sections
from moonvillage.reporting.bundle import Bundle
from moonvillage.reporting.figures import Figure
from moonvillage.reporting.markup import Markup, data_block, element, join

#: Called with the name of each thing begun, for a progress display.
Progress = Callable[[str], None]
#: The page never grows past this; the samples are thinned to fit (tests/reporting).
MAX_BYTES: Final = 3_000_000

_NAVIGATION: Final = {
    "way": "The way",
    "bat": "What moves when",
    "flights": "Flights and people",
    "outposts": "Life at the outposts",
    "flow": "Mass flow",
    "maps": "Maps",
    "flown": "Flown against planned",
    "legs": "What ways there are",
    "partners": "Partners and rules",
    "costs": "Costs",
    "samples": "Samples",
    "doubts": "What is not sure",
    "release": "What is withheld",
    "provenance": "Provenance",
}


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a run; None or empty where the records hold nothing to draw."""

    way: Figure | None
    bat: Figure | None
    profiles: tuple[Figure, ...]
    gantt: Figure | None
    crew: tuple[Figure, ...]
    stocks: tuple[tuple[str, Figure], ...]
    power: tuple[tuple[str, Figure], ...]
    flow: Figure | None
    pole: Figure | None
    globe: Figure | None
    dv: Figure | None
    cost: Figure | None

    def marked(self, text: str) -> Figures:
        """The same figures with a watermark."""

        def mark(found: Any) -> Any:
            if isinstance(found, Figure):
                return dataclasses.replace(found, svg=released.marked_svg(found.svg, text))
            return tuple(mark(item) for item in found) if isinstance(found, tuple) else found

        return Figures(**{f.name: mark(getattr(self, f.name)) for f in dataclasses.fields(self)})

    def all(self) -> list[Figure]:
        """In the order of the page."""
        single = [self.way, self.bat, *self.profiles, self.gantt, *self.crew, *(x for _, x in self.stocks)]
        single += [*(x for _, x in self.power), self.flow, self.pole, self.globe, self.dv, self.cost]
        return [item for item in single if item is not None]


def draw(bundle: Bundle, pieces: list[orbits.Piece], say: Progress) -> Figures:
    """Every figure, once; the page and the files share them."""

    def made(name: str, make: Callable[[], Any]) -> Any:
        say(name)
        return make()

    return Figures(
        way=made("trajectories", lambda: drawings.way(bundle, pieces)),
        bat=made("bat chart", lambda: charts.bat(bundle)),
        profiles=tuple(made("mission profiles", lambda: charts.bat_profiles(bundle))),
        gantt=made("schedule", lambda: charts.gantt(bundle)),
        crew=tuple(made("crew", lambda: charts.crew(bundle))),
        stocks=tuple(made("stocks", lambda: charts.stocks(bundle))),
        power=tuple(made("power", lambda: charts.power_charts(bundle))),
        flow=made("mass flow", lambda: drawings.sankey(bundle)),
        pole=made("maps", lambda: drawings.pole_map(bundle)),
        globe=drawings.globe(bundle),
        dv=made("flown against planned", lambda: charts.dv_errors(bundle)),
        cost=made("costs", lambda: charts.cost_by_year(bundle)),
    )


def page(bundle: Bundle, figures: Figures, pieces: list[orbits.Piece]) -> str:
    """The whole HTML document."""
    body = [
        sections.way(bundle, figures.way, bool(pieces)),
        sections.bats(figures.bat, list(figures.profiles)),
        sections.schedule(bundle, figures.gantt, list(figures.crew)),
        sections.outposts(bundle, list(figures.stocks), list(figures.power)),
        sections.flow(bundle, figures.flow),
        sections.maps(figures.pole, figures.globe),
        evidence.flown(bundle, figures.dv),
        evidence.legs(bundle),
        evidence.partners(bundle),
        evidence.money(bundle, figures.cost),
        evidence.samples(bundle),
        evidence.doubt(bundle),
        released.withheld(bundle),
        evidence.provenance(bundle),
    ]
    present = [part for part in body if part is not None]
    links = [
        element("li", element("a", label, href=f"#{id_}"))
        for id_, label in _NAVIGATION.items()
        if any(part.startswith(f'<section id="{id_}"') for part in present)
    ]
    style = _static("page.css")
    scripts = [_static("page.js")]
    blocks: list[Markup] = []
    if pieces and figures.way is not None:
        blocks.append(data_block("orbits", orbits.pack(bundle, pieces)))
        scripts.append(_static("viewer.js"))
    policy = (
        "default-src 'none'; img-src data:; "
        f"style-src {_source(style)}; script-src {' '.join(_source(s) for s in scripts)}; "
        "base-uri 'none'; form-action 'none'"
    )
    title = bundle.scenario.header.title
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=Markup(policy)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content="moonvillage"),
        element("meta", name="moonvillage-release", content=released.mark_text(bundle)) if bundle.release else None,
        element("title", f"{title} · moonvillage report"),
        element("link", rel="icon", href="data:,"),
        Markup(f"<style>{style}</style>"),
    )
    document = element(
        "body",
        element("a", "To the report", href="#report", class_="skip"),
        element(
            "div",
            element("nav", element("p", "moonvillage"), element("ol", links), aria_label="Sections"),
            element(
                "main",
                released.banner(bundle) if bundle.release else None,
                sections.header(bundle),
                present,
                _footer(bundle),
                id="report",
            ),
            class_="page",
        ),
        released.corner(bundle) if bundle.release else None,
        blocks,
        [Markup(f"<script>{script}</script>") for script in scripts],
    )
    return join([Markup("<!DOCTYPE html>\n"), element("html", head, document, lang="en"), Markup("\n")])


def _footer(bundle: Bundle) -> Markup:
    versions = bundle.manifest.get("versions") or bundle.manifest.get("identity")
    version = f" {versions['moonvillage']}" if isinstance(versions, dict) and "moonvillage" in versions else ""
    return element("footer", f"Made by moonvillage{version}. This page is one file; it asks nothing of the network.")


def _static(name: str) -> str:
    text = (resources.files("moonvillage.reporting") / "static" / name).read_text(encoding="utf-8")
    assert "</" + "script" not in text.lower(), name
    assert "</" + "style" not in text.lower(), name
    return text


def _source(text: str) -> str:
    """The source expression of the policy that lets exactly this text run."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
