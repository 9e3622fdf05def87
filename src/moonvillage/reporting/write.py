"""Writing a report: the page and its figures, all or nothing."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from moonvillage.reporting import drawings, orbits, released
from moonvillage.reporting.bundle import Bundle
from moonvillage.reporting.figures import on_paper
from moonvillage.reporting.page import MAX_BYTES, draw, page


def report(bundle: Bundle, folder: Path, *, progress: Callable[[str], None] | None = None) -> Path:
    """Write ``folder/report.html`` and ``folder/figures/*.svg`` and ``*.png``.

    Parameters
    ----------
    bundle
        The records of a run.
    folder
        The run's folder; made where it is missing. Figures of an earlier report there are replaced.
    progress
        Called with the name of each figure as it is begun.

    Returns
    -------
    Path
        The page. Where ``bundle.release`` is set, page and figures bear its watermark; the tables are not written
        here (:func:`moonvillage.reporting.released.write_tables`).

    Notes
    -----
    Everything is written beside its place and renamed, the page last: a reader sees the old report or the new one.
    """
    say = progress or (lambda name: None)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    pieces = orbits.pieces(bundle)
    mark = released.mark_text(bundle) if bundle.release is not None else ""
    figures = draw(bundle, pieces, say)
    figures = figures.marked(mark) if mark else figures
    say("page")
    text = page(bundle, figures, pieces)
    budget = orbits.BUDGET
    while len(text.encode()) > MAX_BYTES and budget > 4_000:
        budget //= 2
        pieces = orbits.pieces(bundle, budget)
        way = drawings.way(bundle, pieces)
        if way is not None and mark:
            way = dataclasses.replace(way, svg=released.marked_svg(way.svg, mark))
        figures = dataclasses.replace(figures, way=way)
        text = page(bundle, figures, pieces)
    temporary = Path(tempfile.mkdtemp(prefix=".report-", dir=folder))
    try:
        made = temporary / "figures"
        made.mkdir()
        say("figure files")
        for figure in figures.all():
            (made / f"{figure.name}.svg").write_text(on_paper(figure.svg), encoding="utf-8")
            png = figure.png()
            (made / f"{figure.name}.png").write_bytes(released.marked_png(png, mark) if mark else png)
        new = temporary / "report.html"
        new.write_text(text, encoding="utf-8")
        target = folder / "figures"
        if target.exists():
            os.replace(target, temporary / "old")
        os.replace(made, target)
        os.replace(new, folder / "report.html")
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder / "report.html"
