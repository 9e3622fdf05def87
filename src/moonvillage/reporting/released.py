"""What a release adds to a page and its files: who may read it, what is left out, a watermark, the tables."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Final

import polars as pl

from moonvillage.records.store import write_bytes, write_table
from moonvillage.reporting import formats as f
from moonvillage.reporting.bundle import Bundle
from moonvillage.reporting.figures import QUIET
from moonvillage.reporting.markup import Markup, element, escape, join, table
from moonvillage.reporting.sections import section

#: What the classes are called.
CLASS_WORDS: Final = {
    "interface-safety": "interface and safety data",
    "detailed-design": "detailed design",
    "operations": "operations",
    "public-science": "public science",
}
_ROOT: Final = re.compile(r"<svg[^>]*?>", re.DOTALL)
_BOX: Final = re.compile(r'viewBox="([-\d.]+) ([-\d.]+) ([-\d.]+) ([-\d.]+)"')
_HEIGHT: Final = re.compile(r' height="([\d.]+)"')
#: What the watermark adds to the height of a drawing, in its units.
_STRIP: Final = 12.0


def mark_text(bundle: Bundle) -> str:
    """The watermark: to whom, on which day, and the mark by which the release is found in the record."""
    release = bundle.release
    assert release is not None
    return (
        f"Released to {bundle.partner(release.partner)}, {f.date(release.date_tdb_s)}, mark {release.mark or 'none'}"
    )


def banner(bundle: Bundle) -> Markup:
    """Who may read the page, at its top."""
    release = bundle.release
    assert release is not None
    return element(
        "p",
        element("strong", f"{mark_text(bundle)}. "),
        f"This page holds what may be shown to {bundle.partner(release.partner)}, and sums of that alone; ",
        element("a", f"{f.plural(release.items, 'item')} withheld", href="#release"),
        ".",
        class_="released",
    )


def corner(bundle: Bundle) -> Markup:
    """The mark that stays in sight, and stands on every printed page."""
    return element("div", mark_text(bundle), class_="mark", aria_hidden="true")


def withheld(bundle: Bundle) -> Markup | None:
    """What is left out, counted and not named; and what the rest rests on."""
    release = bundle.release
    if release is None:
        return None
    hidden = [(CLASS_WORDS[name], why, f.whole(count)) for name, why, count in release.withheld]
    shown = [(CLASS_WORDS[name], join([_ground(bundle, id_) for id_ in ids], " ")) for name, ids in release.under]
    return section(
        "release",
        "What is shown here, and what is not",
        "What is the partner's own is shown whole. Of the others' the rules decide, class by class: an item is a row "
        "or an entry of the run of which something is left out, where a dash may stand for it. "
        "Sums are of what is shown.",
        table(
            f"{f.plural(release.items, 'item')} withheld",
            ("Class", "Withheld under", "Items"),
            hidden,
            numeric=(2,),
            empty="Nothing is withheld.",
        ),
        table(
            f"Released on {f.date(release.date_tdb_s)}, besides the partner's own",
            ("Class", "Under"),
            shown,
            empty="Nothing of another partner is released.",
        ),
        element("p", "A planner's model of the rules, not legal advice.", class_="hint"),
    )


def _ground(bundle: Bundle, id_: str) -> Markup:
    for entries in (bundle.scenario.agreements, bundle.scenario.laws):
        if id_ in entries:
            return element("span", entries[id_].title, element("small", entries[id_].citation), class_="cite")
    return element("span", id_)


def marked_svg(svg: str, text: str) -> str:
    """The SVG with the watermark in a strip of its own below the drawing."""
    root = _ROOT.search(svg)
    assert root is not None
    found = _BOX.search(root.group(0))
    if found is None:
        tag, where = root.group(0), 'x="99%" y="99%"'
    else:
        x, y, width, height = (float(part) for part in found.groups())
        where = f'x="{x + width - 4:g}" y="{y + height + _STRIP - 3:g}"'
        tag = root.group(0).replace(found.group(0), f'viewBox="{x:g} {y:g} {width:g} {height + _STRIP:g}"')
        tag = _HEIGHT.sub(lambda match: f' height="{float(match.group(1)) * (1 + _STRIP / height):g}"', tag)
    label = (
        f'<text {where} text-anchor="end" font-family="Liberation Sans, Arial, sans-serif" font-size="7.5" '
        f'fill="{QUIET}">{escape(text)}</text>'
    )
    end = svg.rindex("</svg>")
    return svg[: root.start()] + tag + svg[root.end() : end] + label + svg[end:]


def marked_png(data: bytes, text: str) -> bytes:
    """The PNG with the watermark as a text chunk, besides the one that is drawn."""
    body = b"Copyright\0" + text.encode("latin-1", "replace")
    chunk = struct.pack(">I", len(body)) + b"tEXt" + body + struct.pack(">I", zlib.crc32(b"tEXt" + body))
    head = 8 + 4 + 4 + 13 + 4  # signature, IHDR
    return data[:head] + chunk + data[head:]


def write_tables(bundle: Bundle, folder: Path) -> None:
    """The tables of a release as Parquet and CSV (lists joined by ``;``), those that hold anything."""
    tables = {f"campaign-{name}": frame for name, frame in bundle.campaign.tables.items()}
    tables |= {"flights-flown": bundle.flights.flown, "flights-burns": bundle.flights.burns}
    tables["flights-samples"] = bundle.flights.samples
    if bundle.log is not None:
        tables |= {"outpost-days": bundle.log.days, "outpost-events": bundle.log.events}
    if bundle.samples is not None:
        tables["samples"] = bundle.samples
    for name, frame in tables.items():
        if frame.is_empty():
            continue
        write_table(folder / f"{name}.parquet", frame)
        lists = [c for c, kind in frame.schema.items() if isinstance(kind, pl.List)]
        flat = frame.with_columns([pl.col(c).list.join(";") for c in lists])
        write_bytes(folder / f"{name}.csv", flat.write_csv().encode())
