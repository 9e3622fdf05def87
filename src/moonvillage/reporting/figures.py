"""From a chart or a drawing to an SVG that fits the page and a PNG for slides.

Charts are Altair specifications rendered by vl-convert (no browser, no request); drawings are SVG text of our own.
Both leave here as a :class:`Figure`, so that the page, the files and the tests treat them alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from moonvillage.reporting.markup import Markup, escape

#: Inks that the page's style sheet replaces in the dark; they are written nowhere else.
INK: Final = "#1f2a36"
QUIET: Final = "#63707d"
GRID: Final = "#e3e8ed"
PAPER: Final = "#fdfefe"
#: Planned against lived, and the line that must not be crossed.
PLAN: Final = "#8d99a6"
LIVED: Final = "#0f6fae"
LIMIT: Final = "#c2410c"
FONT: Final = "Liberation Sans, Arial, Helvetica, sans-serif"
_ROOT = re.compile(r"<svg[^>]*?>", re.DOTALL)
_ID = re.compile(r' id="([^"]*)"')
_URL = re.compile(r"url\(#([^)]*)\)")
_SIZE = re.compile(r'(?:width|height|viewBox)="[^"]*"')


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. ``name`` is its file name, ``svg`` complete and free of script, ``caption`` one sentence."""

    name: str
    caption: str
    svg: str
    alt: str
    wide: bool = False

    def inline(self) -> Markup:
        """The SVG for the page: named for screen readers, ids made unique to this figure."""
        body = self.svg[self.svg.index("<svg") :]
        match = _ROOT.match(body)
        assert match is not None, f"{self.name} is not an SVG"
        sizes = " ".join(_SIZE.findall(match.group(0)))
        root = f'<svg xmlns="http://www.w3.org/2000/svg" {sizes} role="img" aria-label="{escape(self.alt)}">'
        rest = body[match.end() :]
        rest = re.sub(r'\bid="', f'id="{self.name}-', rest)
        rest = re.sub(r"url\(#", f"url(#{self.name}-", rest)
        return Markup(root + rest)

    def png(self) -> bytes:
        """The figure as PNG at twice its size, on white."""
        import vl_convert

        return bytes(vl_convert.svg_to_png(on_paper(self.svg), scale=2))


def on_paper(svg: str) -> str:
    """The SVG with a white ground, for a file that stands alone."""
    match = _ROOT.search(svg)
    assert match is not None
    return svg[: match.end()] + '<rect width="100%" height="100%" fill="#ffffff"/>' + svg[match.end() :]


def render(
    name: str, caption: str, chart: Any, rows: list[dict[str, Any]], alt: str, *, wide: bool = False
) -> Figure:
    """An Altair chart of the data set ``rows`` as a figure."""
    import vl_convert

    told = chart.to_dict()
    spec = {
        **told,
        "datasets": {**told.get("datasets", {}), "rows": rows},
        "config": _CONFIG,
        "background": None,
        "padding": 2,
        "autosize": {"type": "fit", "contains": "padding"},
    }
    svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    return Figure(name, caption, _renumbered(svg), alt, wide)


def _renumbered(svg: str) -> str:
    """The SVG with its ids counted from one: Vega counts them over the life of the process."""
    names = {old: f"c{number}" for number, old in enumerate(dict.fromkeys(_ID.findall(svg)), 1)}
    svg = _ID.sub(lambda match: f' id="{names[match.group(1)]}"', svg)
    return _URL.sub(lambda match: f"url(#{names.get(match.group(1), match.group(1))})", svg)


_CONFIG: Final[dict[str, Any]] = {
    "font": FONT,
    "view": {"stroke": None},
    "axis": {
        "labelColor": QUIET,
        "labelFontSize": 11,
        "titleColor": QUIET,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "gridColor": GRID,
        "domainColor": QUIET,
        "tickColor": QUIET,
        "tickSize": 4,
        "domainWidth": 0.75,
        "labelLimit": 260,
        "titlePadding": 8,
    },
    "axisY": {"domain": False, "ticks": False, "labelPadding": 6},
    "axisX": {"grid": False},
    "title": {
        "color": INK,
        "fontSize": 13,
        "fontWeight": 600,
        "anchor": "start",
        "frame": "bounds",
        "offset": 8,
        "subtitleColor": QUIET,
        "subtitleFontSize": 11,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": QUIET,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "orient": "top",
        "direction": "horizontal",
        "symbolType": "square",
        "symbolStrokeWidth": 0,
        "labelLimit": 260,
        "columns": 6,
        "offset": 6,
        "padding": 0,
    },
    "rule": {"strokeCap": "butt"},
    "text": {"color": INK, "font": FONT, "fontSize": 11},
    "line": {"strokeWidth": 1.6, "strokeCap": "round", "strokeJoin": "round"},
}
