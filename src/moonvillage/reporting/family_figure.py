"""A family of periodic orbits as a figure, from the north and from the side, turning with the Moon.

It stands outside of reports: a file of its own for `moonvillage orbits family --plot`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from moonvillage.reporting.drawings import MOON_FILL, path, svg, text
from moonvillage.reporting.figures import GRID, INK, QUIET, on_paper
from moonvillage.reporting.markup import Markup, element
from moonvillage.trajectory.cr3bp import EARTH_MOON_MU, LENGTH_M, collinear_point, propagate_grid
from moonvillage.trajectory.periodic import PeriodicOrbit

_PANEL: Final = 420.0
_EDGE: Final = 34.0
_SAMPLES: Final = 361
_MOON_RADIUS_KM: Final = 1737.4
_STEPS_KM: Final = (1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5)


def family_svg(title: str, orbits: Sequence[PeriodicOrbit]) -> str:
    """An SVG document of orbits: x–y (from the north) and x–z (from the side), km from the Moon's centre.

    The line darkens along the family; L1 and L2 are marked.
    """
    tracks = [
        (
            propagate_grid(orbit.state, np.linspace(0.0, orbit.period, _SAMPLES))[:, :3]
            - [1.0 - EARTH_MOON_MU, 0.0, 0.0]
        )
        * LENGTH_M
        / 1e3
        for orbit in orbits
    ]
    every = np.concatenate(tracks)
    middle = 0.5 * float(every[:, 0].min() + every[:, 0].max())
    reach = 1.06 * max(
        0.5 * float(np.ptp(every[:, 0])), float(np.abs(every[:, 1]).max()), float(np.abs(every[:, 2]).max())
    )
    scale = (_PANEL - 2.0 * _EDGE) / (2.0 * reach)
    parts: list[Markup] = [text(_EDGE, 18.0, title, size=13)]
    for number, (axis, label) in enumerate(((1, "y: from the north"), (2, "z: from the side"))):
        left = number * _PANEL

        def x_of(value: float, left: float = left) -> float:
            return left + 0.5 * _PANEL + (value - middle) * scale

        def y_of(value: float) -> float:
            return 30.0 + 0.5 * _PANEL - value * scale

        parts += _axes(x_of, y_of, middle, reach, label)
        parts.append(
            element(
                "circle",
                cx=f"{x_of(0.0):.1f}",
                cy=f"{y_of(0.0):.1f}",
                r=f"{max(1.5, _MOON_RADIUS_KM * scale):.1f}",
                fill=MOON_FILL,
                stroke=QUIET,
            )
        )
        for point in (1, 2):
            at = (collinear_point(point) - 1.0 + EARTH_MOON_MU) * LENGTH_M / 1e3
            if abs(at - middle) < reach:
                parts.append(text(x_of(at), y_of(0.0) + 4.0, "+", anchor="middle", fill=QUIET))
                parts.append(text(x_of(at), y_of(0.0) + 16.0, f"L{point}", anchor="middle", fill=QUIET, size=9))
        for k, track in enumerate(tracks):
            share = k / max(1, len(tracks) - 1)
            points = [(x_of(float(p[0])), y_of(float(p[axis]))) for p in track]
            parts.append(path(points, INK, 0.9, opacity=round(0.25 + 0.75 * share, 3)))
    return on_paper(svg(2.0 * _PANEL, _PANEL + 40.0, *parts))


def _axes(
    x_of: Callable[[float], float], y_of: Callable[[float], float], middle: float, reach: float, label: str
) -> list[Markup]:
    step = next((s for s in _STEPS_KM if 2.0 * reach / s < 7.0), 5e5)
    low, high = y_of(-reach), y_of(reach)
    parts: list[Markup] = []
    for k in range(int(np.ceil((middle - reach) / step)), int((middle + reach) // step) + 1):
        x = x_of(k * step)
        parts.append(path([(x, low), (x, high)], GRID, 0.6))
        parts.append(text(x, low + 14.0, f"{k * step:,.0f}", anchor="middle", fill=QUIET, size=9))
    for k in range(int(np.ceil(-reach / step)), int(reach // step) + 1):
        y = y_of(k * step)
        parts.append(path([(x_of(middle - reach), y), (x_of(middle + reach), y)], GRID, 0.6))
        parts.append(text(x_of(middle - reach) + 2.0, y - 3.0, f"{k * step:,.0f}", fill=QUIET, size=9))
    parts.append(
        text(x_of(middle), high - 4.0, f"x and {label}, km from the Moon", anchor="middle", fill=QUIET, size=10)
    )
    return parts
