"""The light of a site or a square as lines to read and as pictures (Altair is imported where it is used)."""

from __future__ import annotations

import base64
import struct
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris.time import tdb_s_to_datetime, tdb_s_to_utc
from moonvillage.errors import InputError
from moonvillage.units import DAY_S

#: Colours from dark to full light, evenly spaced: night blue to the yellow of sunlight.
_COLOURS: Final = ("#0d1b2a", "#27416b", "#6a5a8c", "#b8677a", "#f0915a", "#ffd166", "#fff7d6")


def sight_lines(name: str, found: Any) -> list[str]:
    """What a site sees (:class:`~moonvillage.terrain.sight.Sight`), as text."""
    horizon, f = found.horizon, found.figures()
    until = float(found.epoch_tdb_s[-1]) + found.step_s
    years = (until - float(found.epoch_tdb_s[0])) / (365.25 * DAY_S)
    skyline = np.rad2deg(horizon.elevation_rad)
    text = [
        f"{name}: {np.rad2deg(horizon.latitude_rad):.4f}, {np.rad2deg(horizon.longitude_rad):.4f} deg, ground "
        f"{horizon.ground_m:.0f} m, eye {horizon.mast_m:g} m above it; {horizon.source}",
        f"{tdb_s_to_utc(float(found.epoch_tdb_s[0]))[:10]} to {tdb_s_to_utc(until)[:10]}, {years:.1f} years in steps "
        f"of {found.step_s:.0f} s; skyline {skyline.min():+.2f} to {skyline.max():+.2f} deg",
        f"  sunlight         {f['illumination']:8.2%} of the disc in the mean, any {f['any_sun']:.2%} of the time",
        f"  longest night    {f['longest_night_s'] / DAY_S:8.2f} d; longest day {f['longest_day_s'] / DAY_S:.2f} d",
    ]
    if "earth_visible" in f:
        text.append(
            f"  Earth in sight   {f['earth_visible']:8.2%} of the time, never longer away than "
            f"{f['earth_longest_absence_s'] / DAY_S:.2f} d, up to {np.rad2deg(f['earth_highest_rad']):.2f} deg high"
        )
    for key, value in f.items():
        if key.startswith(("station_", "relay_")):
            kind, _, who = key.partition("_")
            text.append(f"  {kind + ' ' + who:<26}{value:8.2%}")
        elif key == "any_station":
            text.append(f"  {'any of these stations':<26}{value:8.2%}")
    return text + [f"note: {note}" for note in found.notes]


def map_lines(found: Any) -> list[str]:
    """What a map (:class:`~moonvillage.terrain.maps.LightMap`) shows, as text."""
    latitude, longitude, share = found.best()
    cell = float(found.x[1] - found.x[0])
    years = found.span_s / (365.25 * DAY_S)
    q = np.nanquantile(found.sun_share, [0.1, 0.5, 0.9])
    return [
        f"{found.x.size} × {found.y.size} cells of {cell:g} m, eye {found.mast_m:g} m above ground; {found.source}",
        f"  sunlight        10 % of the cells below {q[0]:.2%}, half below {q[1]:.2%}, 90 % below {q[2]:.2%}",
        f"  most lit        {share:.2%} at {np.rad2deg(latitude):.5f}, {np.rad2deg(longitude):.5f} deg",
        f"  never lit       {found.shadowed_share:.2%} of the cells in {years:.1f} years",
        f"  Earth in sight  {np.nanmean(found.earth_share):.2%} of the time in the mean of all cells",
        *(f"note: {note}" for note in found.notes),
    ]


def _save(chart: Any, path: Path) -> None:
    if path.suffix not in (".svg", ".png", ".html"):
        raise InputError.one(
            "is no kind of picture", "let it end in .svg, .png or .html", field="plot", value=str(path)
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    chart.save(str(path), scale_factor=2 if path.suffix == ".png" else 1)


def draw_sight(name: str, found: Any, path: Path) -> None:
    """The skyline with the ways of Sun and Earth, and the light of every day, as SVG, PNG or HTML."""
    import altair as alt

    horizon = found.horizon
    title = f"{name}: {found.illumination:.1%} of the Sun's disc"
    if not horizon.fitted:
        title += f", Earth {found.earth_visible:.1%} of the time"
    bands: list[dict[str, Any]] = []
    ways = [("Sun", found.sun)] + ([] if horizon.fitted else [("Earth", found.earth)])
    for body, way in ways:
        bins = 360
        column = np.rint(way.azimuth_rad * (bins / (2.0 * np.pi))).astype(int) % bins
        high, low = np.full(bins, -9.0), np.full(bins, 9.0)
        np.maximum.at(high, column, way.elevation_rad + way.radius_rad)
        np.minimum.at(low, column, way.elevation_rad - way.radius_rad)
        bands += [
            {"azimuth": k, "low": float(np.rad2deg(low[k])), "high": float(np.rad2deg(high[k])), "of": body}
            for k in range(bins)
            if high[k] >= low[k]
        ]
    sky = np.rad2deg(horizon.elevation_rad)
    ends = [b[key] for b in bands for key in ("low", "high")]
    floor = float(min(sky.min(), min(ends))) - 0.3
    top = float(max(sky.max(), min(max(ends), sky.max() + 12.0))) + 0.5
    skyline = [
        {"azimuth": float(np.rad2deg(a)), "sky": float(e), "floor": floor}
        for a, e in zip(horizon.azimuth_rad.tolist(), sky.tolist(), strict=True)
    ]
    skyline.append({**skyline[0], "azimuth": 360.0})
    x = alt.X(
        "azimuth:Q",
        title="azimuth from north over east, degrees",
        scale=alt.Scale(domain=[0, 360]),
        axis=alt.Axis(values=list(range(0, 361, 45))),
    )
    y_scale = alt.Scale(domain=[floor, top], nice=False, clamp=True)
    ranges = (
        alt.Chart(alt.InlineData(values=bands))
        .mark_bar(width=2.6, opacity=0.75)
        .encode(
            x=x,
            y=alt.Y("low:Q", scale=y_scale, title="elevation, degrees"),
            y2="high:Q",
            color=alt.Color(
                "of:N",
                title="where it passes",
                scale=alt.Scale(domain=["Sun", "Earth"], range=["#f0a030", "#3a7ca5"]),
            ),
        )
    )
    ground = (
        alt.Chart(alt.InlineData(values=skyline))
        .mark_area(color="#4a4e57", opacity=0.85, line={"color": "#22252b", "strokeWidth": 1}, clip=True)
        .encode(x=x, y=alt.Y("floor:Q", scale=y_scale), y2="sky:Q")
    )
    upper = alt.layer(ranges, ground).properties(
        width=760, height=230, title=alt.Title(title, subtitle=_subtitle(horizon))
    )
    days = np.floor((found.epoch_tdb_s - found.epoch_tdb_s[0]) / DAY_S).astype(int)
    mean = np.bincount(days, found.sun_share) / np.maximum(np.bincount(days), 1)
    cells = []
    for k, share in enumerate(mean.tolist()):
        date = tdb_s_to_datetime(float(found.epoch_tdb_s[0]) + (k + 0.5) * DAY_S)
        cells.append({"year": date.year, "day": date.timetuple().tm_yday, "share": round(share, 3)})
    years = len({c["year"] for c in cells})
    lower = (
        alt.Chart(alt.InlineData(values=cells))
        .transform_calculate(until="datum.day + 1.1")
        .mark_rect(strokeWidth=0)
        .encode(
            x=alt.X("day:Q", title="day of the year", scale=alt.Scale(domain=[1, 367], nice=False)),
            x2="until:Q",
            y=alt.Y("year:O", title=None),
            color=alt.Color(
                "share:Q",
                title="sunlight",
                scale=alt.Scale(domain=[0, 1], range=list(_COLOURS)),
                legend=alt.Legend(format="%"),
            ),
        )
        .properties(width=760, height=max(40, 13 * years), title="Mean lit share of the Sun's disc, day by day")
    )
    _save(alt.vconcat(upper, lower).resolve_scale(color="independent"), path)


def draw_map(found: Any, path: Path) -> None:
    """A map of sunlight, cells in permanent shadow in black, as SVG, PNG or HTML."""
    import altair as alt

    cell = 1e-3 * float(found.x[1] - found.x[0])
    x0, x1 = 1e-3 * float(found.x[0]) - 0.5 * cell, 1e-3 * float(found.x[-1]) + 0.5 * cell
    y0, y1 = 1e-3 * float(found.y[0]) - 0.5 * cell, 1e-3 * float(found.y[-1]) + 0.5 * cell
    top = float(np.nanmax(found.sun_share)) or 1.0
    url = "data:image/png;base64," + base64.b64encode(_png(found.sun_share[::-1] / top)).decode()
    x = alt.X("x:Q", title="east of the centre, km", scale=alt.Scale(domain=[x0, x1], nice=False, zero=False))
    y = alt.Y("y:Q", title="north of the centre, km", scale=alt.Scale(domain=[y0, y1], nice=False, zero=False))
    size = 560
    picture = (
        alt.Chart(alt.InlineData(values=[{"x": 0.5 * (x0 + x1), "y": 0.5 * (y0 + y1), "url": url}]))
        .mark_image(width=size, height=size, aspect=False)
        .encode(x=x, y=y, url="url:N")
    )
    latitude, longitude, share = found.best()
    east, north = found.projection.forward(latitude, longitude)
    best = {"x": 1e-3 * float(east), "y": 1e-3 * float(north), "share": share, "text": f"{share:.1%}"}
    spot = alt.Chart(alt.InlineData(values=[best])).encode(x=x, y=y)
    colour = alt.Color(
        "share:Q",
        title="sunlight",
        scale=alt.Scale(domain=[0, top], range=list(_COLOURS)),
        legend=alt.Legend(format=".0%"),
    )
    mark = spot.mark_point(shape="cross", size=140, strokeWidth=2, opacity=1).encode(color=colour)
    ring = spot.mark_point(shape="circle", size=260, strokeWidth=2, color="#2a9d8f")
    label = spot.mark_text(dx=12, dy=-12, align="left", color="#2a9d8f", fontWeight="bold").encode(text="text:N")
    centre = f"{np.rad2deg(found.projection.latitude_rad):.3f}, {np.rad2deg(found.projection.longitude_rad):.3f} deg"
    years = found.span_s / (365.25 * DAY_S)
    dark = f"{found.shadowed_share:.1%} never lit (black)"
    title = f"Mean share of the Sun's disc in {years:.1f} years around {centre}; {dark}"
    chart = alt.layer(picture, mark, ring, label).properties(
        width=size, height=size, title=alt.Title(title, subtitle=_subtitle(found))
    )
    _save(chart, path)


def _subtitle(of: Any) -> str:
    if getattr(of, "fitted", False):
        return str(of.source)
    return f"{of.source}, eye {of.mast_m:g} m above ground" + ("; SYNTHETIC" if of.synthetic else "")


def _png(share: NDArray[np.float64]) -> bytes:
    """A picture of values 0 to 1: black where they are zero, transparent where there are none (PNG, RFC 2083)."""
    anchors = np.array([[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in _COLOURS], dtype=np.float64)
    at = np.nan_to_num(np.clip(share, 0.0, 1.0)) * (len(_COLOURS) - 1)
    rgb = np.stack([np.interp(at, np.arange(len(_COLOURS)), anchors[:, k]) for k in range(3)], axis=-1)
    rgba = np.empty((*share.shape, 4), dtype=np.uint8)
    rgba[..., :3] = np.where((share > 0.0)[..., None], np.rint(rgb), 0.0)
    rgba[..., 3] = np.where(np.isnan(share), 0, 255)
    height, width = share.shape
    raw = np.concatenate([np.zeros((height, 1), np.uint8), rgba.reshape(height, -1)], axis=1).tobytes()

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")
