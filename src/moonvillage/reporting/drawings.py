"""Figures that no chart library draws: the way there and back, the flow of mass, the maps. Plain SVG, no script."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from moonvillage.records.places import MoonSurface
from moonvillage.reporting import formats as f
from moonvillage.reporting.aggregate import CREW, SAMPLES, SUPPLY, mass_flow
from moonvillage.reporting.bundle import Bundle
from moonvillage.reporting.figures import FONT, GRID, INK, PAPER, QUIET, Figure
from moonvillage.reporting.markup import Markup, element, join
from moonvillage.reporting.orbits import (
    EARTH_RADIUS_M,
    MEAN_DISTANCE_M,
    MOON_RADIUS_M,
    Floats,
    Piece,
    rotating,
)

EARTH_FILL: Final = "#9fc3dd"
MOON_FILL: Final = "#cfd4d9"
#: Classes of supply, colour-blind safe and unlike the operators' colours (Tol's muted scheme).
CLASS_COLOURS: Final = {
    SUPPLY[1]: "#332288",
    SUPPLY[2]: "#44aa99",
    SUPPLY[3]: "#88ccee",
    SUPPLY[4]: "#ddcc77",
    SUPPLY[5]: "#aaaaaa",
    SUPPLY[6]: "#aa4499",
    SUPPLY[7]: "#999933",
    SUPPLY[8]: "#6699cc",
    SUPPLY[9]: "#882255",
    SUPPLY[10]: "#bbbbbb",
    CREW: "#cc6677",
    SAMPLES: "#117733",
}


def svg(width: float, height: float, *children: object) -> str:
    """An SVG document."""
    return element(
        "svg",
        element("g", *children, font_family=FONT, font_size="11"),
        xmlns="http://www.w3.org/2000/svg",
        width=f"{width:g}",
        height=f"{height:g}",
        viewBox=f"0 0 {width:g} {height:g}",
    )


def text(
    x: float, y: float, value: str, *, anchor: str = "start", fill: str = INK, size: float = 11, **more: object
) -> Markup:
    """A label, with a halo of paper so that it reads over lines."""
    return element(
        "text",
        value,
        x=f"{x:.1f}",
        y=f"{y:.1f}",
        text_anchor=anchor,
        fill=fill,
        font_size=f"{size:g}",
        stroke=PAPER,
        stroke_width="3",
        stroke_linejoin="round",
        paint_order="stroke",
        **more,
    )


def path(
    points: Iterable[tuple[float, float]], stroke: str, width: float = 1.0, *, opacity: float = 1.0, **more: object
) -> Markup:
    """An open line."""
    d = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return element(
        "path",
        d=d,
        fill="none",
        stroke=stroke,
        stroke_width=f"{width:g}",
        stroke_linejoin="round",
        stroke_opacity=None if opacity >= 1.0 else f"{opacity:g}",
        **more,
    )


def _circle(x: float, y: float, r: float, fill: str, **more: object) -> Markup:
    return element("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=f"{r:.1f}", fill=fill, **more)


def way(bundle: Bundle, pieces: list[Piece]) -> Figure | None:
    """All legs in the frame that turns with the Moon: from the north, and close to the Moon from the side."""
    if not pieces:
        return None
    farthest = max(float(np.linalg.norm(piece.r_m, axis=1).max()) for piece in pieces)
    if farthest < 1.5e8 and all(piece.centre == "earth" for piece in pieces):
        return _near_earth(bundle, pieces, farthest)
    curves = [(piece, rotating(piece)) for piece in pieces]
    operators = dict(bundle.campaign.table("flights").select("flight", "operator").iter_rows())
    main_w, gap, close_w = 650.0, 24.0, 306.0
    reach = np.concatenate([r for _, r in curves])
    left = min(max(-float(reach[:, 0].min()), 3.5e7), 2.5e8)
    right = min(max(float(reach[:, 0].max()), MEAN_DISTANCE_M + 4e7), 8e8)
    scale = main_w / (left + right) * 0.97
    above = min(max(float(reach[:, 1].max()), 3e7), 6e8)
    below = min(max(-float(reach[:, 1].min()), 3e7), 6e8)
    scale = min(scale, 350.0 / (above + below))
    height = max((above + below) * scale + 66, close_w + 44)
    ox, oy = left * scale + 8, 34 + above * scale
    main: list[object] = []
    near: list[object] = []
    k = (close_w / 2 - 8) / _close_reach(curves)
    cx, cy = main_w + gap + close_w / 2, 24 + close_w / 2
    main.append(path([(ox, oy), (ox + MEAN_DISTANCE_M * scale, oy)], GRID, 1, stroke_dasharray="2 4"))
    for piece, r in curves:
        colour = bundle.colour(operators.get(piece.flight, ""))
        xy = _simplify(np.stack([ox + r[:, 0] * scale, oy - r[:, 1] * scale], axis=1), 0.6)
        main.append(path(xy, colour, 0.9, opacity=0.6))
        if piece.centre == "moon":
            rel = r - np.array([MEAN_DISTANCE_M, 0.0, 0.0])
            behind = (rel[:, 1] > 0.0) & (np.hypot(rel[:, 0], rel[:, 2]) < MOON_RADIUS_M)
            flat = np.stack([cx + rel[:, 0] * k, cy - rel[:, 2] * k], axis=1)
            runs = [run for run in _runs(~behind) if run.stop - run.start > 1]
            near += [path(_simplify(flat[run], 0.4), colour, 0.9, opacity=0.6) for run in runs]
    mx = ox + MEAN_DISTANCE_M * scale
    clip = element(
        "clipPath",
        element(
            "rect", x=f"{cx - close_w / 2:g}", y=f"{cy - close_w / 2:g}", width=f"{close_w:g}", height=f"{close_w:g}"
        ),
        id="near",
    )
    clip_main = element(
        "clipPath", element("rect", x="0", y="24", width=f"{main_w:g}", height=f"{height - 24:g}"), id="far"
    )
    moon_r = MOON_RADIUS_M * k
    bar_m = next(b for b in (2e7, 1e7, 5e6, 2e6, 1e6) if b * k < 100.0)
    children = [
        element("defs", clip, clip_main),
        text(0, 14, "From the north, turning with the Moon", fill=QUIET),
        element("g", main, clip_path="url(#far)"),
        _circle(ox, oy, max(EARTH_RADIUS_M * scale, 4.0), EARTH_FILL, stroke=QUIET, stroke_width="0.6"),
        _circle(mx, oy, max(MOON_RADIUS_M * scale, 2.5), MOON_FILL, stroke=QUIET, stroke_width="0.6"),
        text(ox, oy + 24, "Earth", anchor="middle"),
        text(mx, oy + 20, "Moon", anchor="middle"),
        _bar(main_w - 8 - 1e8 * scale, height - 6, 1e8 * scale, f"100{f.GAP}000{f.GAP}km"),
        text(cx - close_w / 2, 14, "At the Moon, Earth to the left", fill=QUIET),
        element(
            "rect",
            x=f"{cx - close_w / 2:g}",
            y=f"{cy - close_w / 2:g}",
            width=f"{close_w:g}",
            height=f"{close_w:g}",
            fill="none",
            stroke=GRID,
        ),
        _circle(cx, cy, moon_r, MOON_FILL, stroke=QUIET, stroke_width="0.6"),
        element("g", near, clip_path="url(#near)"),
        text(cx, cy - moon_r - 4, "N", anchor="middle", fill=QUIET, size=10),
        _bar(cx + close_w / 2 - bar_m * k, height - 6, bar_m * k, f.length(bar_m)),
    ]
    caption = "Every flown leg, projected; the distance to the Moon is drawn at its mean, bodies to scale or as dots."
    alt = f"Projection of {f.plural(len({(p.flight, p.step) for p in pieces}), 'flown leg')} between Earth and Moon."
    return Figure("way", caption, svg(main_w + gap + close_w, height, children), alt, wide=True)


def _near_earth(bundle: Bundle, pieces: list[Piece], reach_m: float) -> Figure:
    """Flights that stay close to the Earth, from the north and from the equator, in inertial axes."""
    operators = dict(bundle.campaign.table("flights").select("flight", "operator").iter_rows())
    half, top = 170.0, 28.0
    k = (half - 6) / reach_m
    children: list[object] = []
    for number, (title, up) in enumerate((("From the north", 1), ("From the equator", 2))):
        cx, cy = half + number * 2.3 * half, top + half
        children += [
            text(cx - half, 14, title, fill=QUIET),
            _circle(cx, cy, EARTH_RADIUS_M * k, EARTH_FILL, stroke=QUIET, stroke_width="0.6"),
        ]
        depth = -1 if up == 1 else 1  # which side of the Earth is nearer to the reader
        for piece in pieces:
            flat = np.stack([cx + piece.r_m[:, 0] * k, cy - piece.r_m[:, up] * k], axis=1)
            behind = depth * piece.r_m[:, 3 - up] > 0.0
            hidden = behind & (np.hypot(piece.r_m[:, 0], piece.r_m[:, up]) < EARTH_RADIUS_M)
            colour = bundle.colour(operators.get(piece.flight, ""))
            runs = [run for run in _runs(~hidden) if run.stop - run.start > 1]
            children += [path(_simplify(flat[run], 0.4), colour, 0.9, opacity=0.6) for run in runs]
    bar_m = next(b for b in (2e7, 1e7, 5e6, 2e6, 1e6) if b * k < 100.0 or b == 1e6)
    children.append(_bar(4.3 * half - bar_m * k, top + 2 * half + 16, bar_m * k, f.length(bar_m)))
    caption = "Every flown leg near the Earth, projected in inertial axes (J2000); drawn round between its samples."
    alt = f"Projection of {f.plural(len({(p.flight, p.step) for p in pieces}), 'flown leg')} near the Earth."
    return Figure("way", caption, svg(4.3 * half, top + 2 * half + 22, children), alt, wide=True)


def _close_reach(curves: list[tuple[Piece, Floats]]) -> float:
    """Half-width of the view at the Moon: low orbits alone want a closer look than a halo."""
    far = [float(np.linalg.norm(piece.r_m, axis=1).min()) for piece, _ in curves if piece.centre == "moon"]
    return 4.0e6 if not far or max(far) < 2.5e6 else 1.2e7 if max(far) < 7e6 else 7.5e7


def _bar(x: float, y: float, width: float, label: str) -> Markup:
    return join(
        [
            path([(x, y - 3), (x, y), (x + width, y), (x + width, y - 3)], QUIET, 1),
            text(x + width / 2, y - 5, label, anchor="middle", fill=QUIET, size=10),
        ]
    )


def _simplify(xy: Floats, step: float) -> list[tuple[float, float]]:
    """Points at least ``step`` apart on the paper; the ends always."""
    kept = [0]
    for i in range(1, len(xy) - 1):
        if math.dist(xy[i], xy[kept[-1]]) >= step:
            kept.append(i)
    return [(float(x), float(y)) for x, y in xy[[*kept, len(xy) - 1]]]


def _runs(mask: Floats | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[slice]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(mask, dtype=np.int8), [0]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def sankey(bundle: Bundle) -> Figure | None:
    """Where mass goes: left to right from place to place, one band per class of supply."""
    flows = mass_flow(bundle)
    if not flows:
        return None
    width, bar, top = 980.0, 11.0, 34.0
    height = 350.0 if len(flows) > 5 else 220.0
    order = {id_: float(i) for i, id_ in enumerate(bundle.places)}

    for tanks in {d for _, d, _, _ in flows if d.endswith(":")}:
        order[tanks] = order.get(tanks[:-1], 0) + 0.5

    def target(origin: str, destination: str) -> str:
        """Whatever goes down again ends in a node of its own on the right."""
        return destination if order[destination] > order[origin] else f"{destination}\0down"

    links = [(o, target(o, d), kind, kg) for o, d, kind, kg in flows if o in order and d in order]
    if not links:
        return None
    nodes = list(dict.fromkeys([node for o, d, _, _ in links for node in (o, d)]))
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for o, d, _, _ in links:
            depth[d] = max(depth[d], depth[o] + 1)
    last = max(depth.values())
    into = {n: sum(kg for _, d, _, kg in links if d == n) for n in nodes}
    out = {n: sum(kg for o, _, _, kg in links if o == n) for n in nodes}
    size = {n: max(into[n], out[n]) for n in nodes}
    columns = [[n for n in nodes if depth[n] == c] for c in range(last + 1)]
    space = 26.0
    k = min((height - top - 20 - space * (len(c) - 1)) / sum(size[n] for n in c) for c in columns if c)
    room = 34.0 + 6.6 * max(len(_node(bundle, n)) for n in columns[-1])
    x = {n: 4 + depth[n] * (width - room) / max(last, 1) for n in nodes}
    y: dict[str, float] = {}
    for column in columns:
        column.sort(key=lambda n: (-order[n.partition("\0")[0]], "\0" in n))
        at = top + (height - top - 20 - sum(size[n] * k for n in column) - space * (len(column) - 1)) / 2
        for node in column:
            y[node] = at
            at += max(size[node] * k, 1.0) + space
    out_at, in_at = dict(y), dict(y)
    kinds = [kind for kind in CLASS_COLOURS if any(link[2] == kind for link in links)]
    bands = []
    for o, d, kind, kg in sorted(links, key=lambda link: (y[link[0]], y[link[1]], kinds.index(link[2]))):
        t = max(kg * k, 0.8)
        x0, x1, y0, y1 = x[o] + bar, x[d], out_at[o] + t / 2, in_at[d] + t / 2
        out_at[o] += kg * k
        in_at[d] += kg * k
        mid = (x0 + x1) / 2
        label = f"{_node(bundle, o)} → {_node(bundle, d)}: {kind}, {f.mass(kg)}"
        bands.append(
            element(
                "path",
                element("title", label),
                d=f"M{x0:.1f},{y0:.1f}C{mid:.1f},{y0:.1f} {mid:.1f},{y1:.1f} {x1:.1f},{y1:.1f}",
                fill="none",
                stroke=CLASS_COLOURS[kind],
                stroke_width=f"{t:.1f}",
                stroke_opacity="0.62",
                aria_label=label,
            )
        )
    marks = []
    for n in nodes:
        h = max(size[n] * k, 1.0)
        marks.append(element("rect", x=f"{x[n]:.1f}", y=f"{y[n]:.1f}", width=f"{bar:g}", height=f"{h:.1f}", fill=INK))
        middle = y[n] + h / 2
        marks.append(text(x[n] + bar + 6, middle, _node(bundle, n), dominant_baseline="auto", font_weight="600"))
        marks.append(text(x[n] + bar + 6, middle + 13, f.mass(into[n] or out[n]), fill=QUIET))
    legend, lx = [], 4.0
    for kind in kinds:
        legend += [
            element(
                "rect", x=f"{lx:.1f}", y="4", width="10", height="10", fill=CLASS_COLOURS[kind], fill_opacity="0.75"
            ),
            text(lx + 15, 13, kind),
        ]
        lx += 15 + 6.1 * len(kind) + 18
    total = sum(kg for o, _, _, kg in links if order[o.partition("\0")[0]] == min(order[o] for o, *_ in links))
    caption = (
        f"Loads handed over, by class of supply; band width is mass ({f.mass(total)} leave the lowest place). "
        "Propellant burnt on the way is not a load."
    )
    return Figure(
        "flow",
        caption,
        svg(max(width, lx), height, legend, bands, marks),
        "Mass flow between places by class of supply.",
        wide=True,
    )


def _node(bundle: Bundle, node: str) -> str:
    place, _, down = node.partition("\0")
    return bundle.place(place) + (" (back)" if down else "")


def _sites(bundle: Bundle) -> list[tuple[str, float, float, bool]]:
    """(name, latitude, longitude in degrees, used) of the scenario's surface places and then the catalog's sites."""
    found = []
    named = set()
    for id_, place in bundle.scenario.places.items():
        if isinstance(place, MoonSurface):
            spec = bundle.scenario.place_specs.get(id_)
            named.add(spec.site if spec is not None else "")
            site = bundle.title("site", spec.site).partition(" (")[0] if spec is not None and spec.site else ""
            name = bundle.place(id_)
            label = name if not site or site.casefold().startswith(name.casefold()) else f"{name} ({site})"
            found.append((label, math.degrees(place.latitude_rad), math.degrees(place.longitude_rad), True))
    for id_, site_ in bundle.scenario.of("site").items():
        lat, lon = math.degrees(site_.latitude_rad), math.degrees(site_.longitude_rad)
        apart = [math.hypot(lat - s[1], (lon - s[2]) * math.cos(math.radians(lat))) for s in found if s[3]]
        if id_ not in named and min(apart, default=1.0) > 0.02:
            found.append((site_.title, math.degrees(site_.latitude_rad), math.degrees(site_.longitude_rad), False))
    return found


def _place_labels(
    points: list[tuple[float, float, str, bool]], box: tuple[float, float, float, float]
) -> list[Markup]:
    """Markers, and those labels that collide with nothing; labels of used places come first."""
    taken: list[tuple[float, float, float, float]] = [(x - 5, y - 5, x + 5, y + 5) for x, y, _, _ in points]
    drawn: list[Markup] = []
    for x, y, name, used in sorted(points, key=lambda p: not p[3]):
        if used:
            drawn.append(_circle(x, y, 4.5, "#c2410c", stroke=PAPER, stroke_width="1.2"))
        else:
            drawn.append(_circle(x, y, 2.2, QUIET))
        short = f.cut(name, 34)
        w, h = (6.5 if used else 5.4) * len(short), 11.0
        options = [(x + 8, y + 4), (x - 8 - w, y + 4), (x - w / 2, y - 9), (x - w / 2, y + 18)]
        for tx, ty in options:
            corner = (tx, ty - h, tx + w, ty + 2)
            inside = corner[0] >= box[0] and corner[2] <= box[2] and corner[1] >= box[1] and corner[3] <= box[3]
            if inside and not any(
                corner[0] < t[2] and corner[2] > t[0] and corner[1] < t[3] and corner[3] > t[1] for t in taken
            ):
                taken.append(corner)
                drawn.append(
                    text(
                        tx,
                        ty,
                        short,
                        fill=INK if used else QUIET,
                        size=11 if used else 10,
                        font_weight="600" if used else None,
                    )
                )
                break
    return drawn


def pole_map(bundle: Bundle) -> Figure | None:
    """The south pole (or the north, where the places are) in polar stereographic projection; no terrain."""
    sites = _sites(bundle)
    used = [s for s in sites if s[3]]
    south = [s for s in used if s[1] <= -75.0]
    north = [s for s in used if s[1] >= 75.0]
    if not south and not north:
        return None
    sign = -1.0 if len(south) >= len(north) else 1.0
    edge = max(90.0 - abs(s[1]) for s in (south if sign < 0 else north))
    reach = next((r for r in (2.0, 4.0, 6.0, 10.0, 15.0) if edge <= r * 0.75), 20.0)
    size, c = 460.0, 230.0
    radius = 190.0
    k = radius / math.tan(math.radians(reach) / 2)

    def project(lat: float, lon: float) -> tuple[float, float]:
        rho = k * math.tan(math.radians(90.0 - sign * lat) / 2)
        angle = math.radians(lon)
        return c + rho * math.sin(angle), c + sign * rho * math.cos(angle)  # 0° (Earth) up for the south

    step = {2.0: 0.5, 4.0: 1.0, 6.0: 2.0, 10.0: 2.0, 15.0: 5.0}.get(reach, 5.0)
    grid: list[object] = [_circle(c, c, radius, "none", stroke=QUIET, stroke_width="0.8")]
    for i in range(1, math.ceil(reach / step)):
        rho = k * math.tan(math.radians(i * step) / 2)
        grid.append(_circle(c, c, rho, "none", stroke=GRID))
        grid.append(text(c + 3, c - rho - 2, f"{sign * (90 - i * step):g}°".replace("-", "−"), fill=QUIET, size=9))
    for lon in range(0, 360, 30):
        inner = project(sign * (90 - step), lon)
        outer = project(sign * (90 - reach), lon)
        grid.append(path([inner, outer], GRID))
        lx, ly = c + (outer[0] - c) * 1.07, c + (outer[1] - c) * 1.07
        grid.append(text(lx, ly + 3.5, f"{lon}°E" if lon else "0° (Earth)", anchor="middle", fill=QUIET, size=9))
    shown = [(*project(lat, lon), name, is_used) for name, lat, lon, is_used in sites if 90 - sign * lat <= reach]
    scale_km = next(
        s for s in (200.0, 100.0, 50.0, 20.0, 10.0) if s * 1000 / MOON_RADIUS_M * k / 2 < 110 or s == 10.0
    )
    pole = "South" if sign < 0 else "North"
    children = [
        grid,
        _place_labels(shown, (2, 2, size - 2, size - 2)),
        path([(c - 5, c), (c + 5, c)], QUIET, 1),
        path([(c, c - 5), (c, c + 5)], QUIET, 1),
        _bar(6, size - 4, scale_km * 1000 / MOON_RADIUS_M * k / 2, f"{scale_km:g}{f.GAP}km"),
        text(size - 4, size - 6, "no terrain: schematic", anchor="end", fill=QUIET, size=10),
    ]
    caption = (
        f"{pole} pole, polar stereographic, planetocentric mean-Earth coordinates; places of this scenario in "
        "orange. Schematic: no terrain is drawn."
    )
    return Figure(
        "pole", caption, svg(size, size, children), f"{pole} pole map with {', '.join(s[2] for s in shown if s[3])}."
    )


def globe(bundle: Bundle) -> Figure | None:
    """The near and the far side with every landing place."""
    sites = _sites(bundle)
    if not any(s[3] for s in sites):
        return None
    width, height, radius = 560.0, 300.0, 122.0
    children: list[object] = []
    for centre_lon, cx, name in ((0.0, 140.0, "Near side"), (180.0, 420.0, "Far side")):
        cy = 158.0

        def project(
            lat: float, lon: float, centre: float = centre_lon, cx: float = cx, cy: float = cy
        ) -> tuple[float, float] | None:
            a, b = math.radians(lat), math.radians(lon - centre)
            if math.cos(a) * math.cos(b) < -1e-9:
                return None
            return cx + radius * math.cos(a) * math.sin(b), cy - radius * math.sin(a)

        lines: list[object] = [_circle(cx, cy, radius, "#eef1f4", stroke=QUIET, stroke_width="0.8")]
        for north in range(-60, 61, 30):
            ring = [project(north, centre_lon + d) for d in range(-90, 91, 6)]
            lines.append(path([p for p in ring if p], GRID if north else MOON_FILL))
        for east in range(-60, 61, 30):
            ring = [project(a, centre_lon + east) for a in range(-90, 91, 6)]
            lines.append(path([p for p in ring if p], GRID if east else MOON_FILL))
        shown = []
        for label, lat, lon, used in sites:
            spot = project(lat, lon)
            if spot is not None:
                shown.append((*spot, label.partition(" (")[0], used))
        children += [
            lines,
            _place_labels(shown, (cx - 140, 4, cx + 140, height - 2)),
            text(cx, 18, name, anchor="middle", fill=QUIET),
        ]
    caption = "Near and far side, orthographic; places of this scenario in orange, other known sites in grey."
    return Figure(
        "globe", caption, svg(width, height, children), "Near and far side of the Moon with landing places."
    )
