"""`moonvillage light`: what a site sees of the Sun, the Earth, stations and relays, and maps of light."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray

from moonvillage.cli.shared import DONE, Json, Quiet, print_json, progress_bar
from moonvillage.errors import InputError
from moonvillage.units import DAY_S, JULIAN_YEAR_S, parse_quantity

if TYPE_CHECKING:
    from moonvillage.catalog.model import Site
    from moonvillage.terrain.grid import Terrain
    from moonvillage.terrain.horizon import Horizon

Floats = NDArray[np.float64]


def light(
    place: Annotated[str, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    terrain: str = "",
    far: Path | None = None,
    mast: Annotated[str, Parameter(allow_leading_hyphen=True)] = "",
    start: str = "2025-01-01",
    years: float = 18.6,
    step: str = "1h",
    azimuths: int = 720,
    station: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    relay: Annotated[tuple[Path, ...], Parameter(consume_multiple=True, negative=())] = (),
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    map_: Annotated[Path | None, Parameter(name="--map")] = None,
    size: str = "10km",
    cell: str = "20m",
    plot: Path | None = None,
    workers: int = 1,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """What a site sees: sunlight, nights, the Earth, ground stations and relays; or a map of light around it.

    The skyline comes from terrain that you have (GeoTIFF or PDS, in a lunar coordinate system) or from synthetic
    terrain, which every result names so. Without terrain, a named polar site has the light that was published of it,
    and any other place the horizon of a sphere. Terrain needs the extra `geo`: pip install 'moonvillage[geo]'.

    Examples:

    `moonvillage light connecting_ridge`

    `moonvillage light connecting_ridge --terrain synthetic:7 --mast 10m --years 1 --station madrid --plot light.svg`

    `moonvillage light "-89.45,222.2" --terrain ldem.tif --mast 2m --out light.csv --json`

    `moonvillage light "-89.45,222.2" --terrain ldem.tif --map light.tif --size 10km --cell 20m --workers 2`

    Parameters
    ----------
    place
        A site of the catalog, "LATITUDE,LONGITUDE" in degrees (planetocentric, east), or a scenario file: all
        sites of its outposts.
    terrain
        A GeoTIFF or a PDS label or image; or synthetic:SEED.
    far
        Coarser terrain around it, where distant hills matter.
    mast
        Height of the eye above the ground; the site's own by default, else 2 m.
    start
        First day, UTC.
    years
        How long; by default 18.6, in which the Moon's node goes round once.
    step
        Between epochs.
    azimuths
        Of the skyline.
    station
        Ground stations of the catalog whose line of sight is wanted, or "all".
    relay
        Ephemerides of relays (OEM); they must cover the span.
    out
        Also write the time series: .csv, .parquet or .nc. With a scenario, one file a site, its name added.
    map_
        Write a map of light around the place instead: .tif or .nc.
    size
        Side of the map.
    cell
        Its cells.
    plot
        Also draw the series or the map: .svg, .png or .html.
    workers
        Processes for a map.
    json
        Print the result as JSON.
    quiet
        No progress.
    """
    from moonvillage.ephemeris.time import utc_to_tdb_s

    try:
        first = float(utc_to_tdb_s(start))
    except ValueError as error:
        remedy = "write a UTC date, such as 2030-01-01"
        raise InputError.one(str(error), remedy, field="start", value=start) from None
    pace = _quantity(step, "time", "step")
    span = years * JULIAN_YEAR_S
    if not 0.0 < pace <= span or span / pace > 5_000_000:
        raise InputError.one(
            "leaves no step, or more than five million",
            "take other --years or --step",
            field="years",
            value=str(years),
        )
    if not 8 <= azimuths <= 36_000:
        raise InputError.one("is not 8 to 36000", "write --azimuths 720", field="azimuths", value=str(azimuths))
    sites = _sites(place, terrain, mast)
    if map_ is not None:
        side, spacing = _quantity(size, "length", "size"), _quantity(cell, "length", "cell")
        if not (0.0 < 4.0 * spacing <= side <= 2e5 and side / spacing <= 4000):
            raise InputError.one(
                "makes no map", "take 4 to 4000 cells along a side of 200 km at most", field="size", value=size
            )
        if not 1 <= workers <= 64:
            raise InputError.one(
                "is no number of processes", "write --workers 2", field="workers", value=str(workers)
            )
        return _map(sites, far, map_, side, spacing, plot, first, span, pace, azimuths, workers, json, quiet)
    stations, relays = _stations(station), _relays(relay, first, span)
    from moonvillage.reporting.light import draw_sight, sight_lines
    from moonvillage.terrain.sight import sight
    from moonvillage.terrain.write import write_sight

    results: dict[str, Any] = {}
    for name, site in sites.items():
        horizon = _horizon(site, far, azimuths)
        found = sight(horizon, first, span, pace, stations=stations, relays=relays)
        written = []
        for wanted in (out, plot):
            if wanted is not None:
                path = wanted if len(sites) == 1 else wanted.with_stem(f"{wanted.stem}-{name}")
                if wanted is out:
                    write_sight(found, path)
                else:
                    draw_sight(name, found, path)
                written.append(str(path))
        published = _published(site)
        if json:
            results[name] = {
                "latitude_rad": horizon.latitude_rad,
                "longitude_rad": horizon.longitude_rad,
                "ground_m": horizon.ground_m,
                "mast_m": horizon.mast_m,
                "terrain": horizon.source,
                "synthetic": horizon.synthetic,
                "start_tdb_s": first,
                "span_s": span,
                "step_s": pace,
                **found.figures(),
                "skyline_rad": horizon.elevation_rad.tolist(),
                "published": published,
                "notes": list(found.notes),
                "files": written,
            }
            continue
        print("\n".join(sight_lines(name, found)))
        if published:
            print(
                f"published: {published['illumination']:.2%} sunlight, longest night "
                f"{published['longest_night_s'] / DAY_S:.1f} d, Earth {published['earth_visible']:.0%} of the time, "
                f"at {published['mast_m']:g} m"
            )
        for path_text in written:
            print(f"wrote {path_text}")
    if json:
        print_json(results)
    return DONE


def _quantity(text: str, dimension: str, field: str) -> float:
    spaced = re.sub(r"^\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*", r"\1 ", text)
    try:
        return parse_quantity(spaced, dimension)
    except ValueError as error:
        message, remedy = (*error.args, "write a number with its unit")[:2]
        raise InputError.one(str(message), str(remedy), field=field, value=text) from None


def _sites(place: str, terrain: str, mast: str) -> dict[str, Site]:
    """The sites that a place stands for, with the terrain and the mast that were given."""
    from dataclasses import replace

    from moonvillage.catalog.load import load_catalog
    from moonvillage.catalog.model import Site

    known = load_catalog().of("site")
    sites: dict[str, Site]
    if place in known:
        sites = {place: known[place]}
    elif match := re.fullmatch(r"\s*([-+]?[0-9.]+)\s*,\s*([-+]?[0-9.]+)\s*", place):
        try:
            latitude, longitude = float(match[1]), float(match[2])
        except ValueError:
            latitude = longitude = math.nan
        if not (abs(latitude) <= 90.0 and abs(longitude) <= 360.0):
            raise InputError.one("is no place", 'write "-89.45,222.2"', field="place", value=place)
        name = f"{latitude:g},{longitude:g}"
        at = (math.radians(latitude), math.radians(longitude))
        sites = {name: Site(id="", title=name, latitude_rad=at[0], longitude_rad=at[1])}
    elif Path(place).is_file():
        from moonvillage.scenario import load

        scenario = load(Path(place))
        used = sorted({outpost.site for outpost in scenario.outposts.values() if outpost.site})
        if not used:
            raise InputError.one("has no outpost with a site", "name a site instead", file=place, field="outposts")
        sites = {name: scenario.of("site")[name] for name in used}
    else:
        raise InputError.one(
            "is no site and no file",
            f'take one of {", ".join(known)}, "LATITUDE,LONGITUDE" in degrees, or a scenario file',
            field="place",
            value=place,
        )
    if mast:
        height = _quantity(mast, "length", "mast")
        if not 0.0 <= height <= 10_000.0:
            raise InputError.one("is no height of a mast", "write --mast 10m", field="mast", value=mast)
        sites = {name: replace(site, mast_m=height) for name, site in sites.items()}
    if terrain:
        sites = {name: replace(site, terrain=terrain) for name, site in sites.items()}
    return sites


def _horizon(site: Site, far: Path | None, azimuths: int) -> Horizon:
    """The skyline: traced, fitted to published light, or a sphere's."""
    from moonvillage.terrain.horizon import Tracer, sphere_horizon
    from moonvillage.terrain.site import site_horizon

    at = (site.latitude_rad, site.longitude_rad)
    if site.terrain and far is not None:
        near, around = _grounds(site, far)
        return Tracer(near, around).horizon(*at, site.mast_m, azimuths)
    if site.terrain:
        return site_horizon(site.terrain, *at, site.mast_m, azimuths)
    if far is not None:
        raise InputError.one("needs --terrain", "give the terrain at the site as well", field="far", value=str(far))
    from moonvillage.outpost.light import effective_horizon

    return effective_horizon(site, azimuths) if site.id else sphere_horizon(*at, site.height_m, site.mast_m, azimuths)


def _grounds(site: Site, far: Path | None) -> tuple[Terrain, Terrain | None]:
    from moonvillage.terrain.site import open_terrain

    at = (site.latitude_rad, site.longitude_rad)
    return open_terrain(site.terrain, *at), None if far is None else open_terrain(str(far), *at)


def _published(site: Site) -> dict[str, float] | None:
    if not site.id:
        return None
    names = ("illumination", "longest_night_s", "earth_visible", "mast_m")
    from moonvillage.catalog.load import load_catalog

    entry = load_catalog().of("site").get(site.id)
    return None if entry is None else {name: getattr(entry, name) for name in names}


def _stations(names: tuple[str, ...]) -> dict[str, Any]:
    from moonvillage.catalog.load import load_catalog
    from moonvillage.ephemeris.sites import Site as Sky

    known = {name: s for name, s in load_catalog().of("ground_site").items() if s.kind == "tracking"}
    wanted = tuple(known) if "all" in names else names
    for name in wanted:
        if name not in known:
            remedy = f"take one of {', '.join(known)}, or all"
            raise InputError.one("is no tracking station", remedy, field="station", value=name)
    return {name: Sky("earth", known[name].latitude_rad, known[name].longitude_rad, name=name) for name in wanted}


def _relays(files: tuple[Path, ...], start: float, span: float) -> dict[str, Callable[[Floats], Floats]]:
    """Positions about the Moon of each object in the files, by cubic interpolation of its states."""
    if not files:
        return {}
    from scipy.interpolate import CubicHermiteSpline

    from moonvillage.exchange.oem import ephemerides, read_message

    found: dict[str, Callable[[Floats], Floats]] = {}
    for file in files:
        for one in ephemerides(read_message(file), file=str(file)):
            about = one.about("moon")
            if about.start_tdb_s > start or about.end_tdb_s < start + span - 1.0:
                days = (about.end_tdb_s - about.start_tdb_s) / DAY_S
                raise InputError.one(
                    f"does not cover the span ({days:.2f} d)",
                    "choose --start and --years within it",
                    file=str(file),
                    field="relay",
                )
            t = np.concatenate([s.epoch_tdb_s for s in about.segments])
            r = np.concatenate([s.r_m for s in about.segments])
            v = np.concatenate([s.v_m_s for s in about.segments])
            keep = np.concatenate([[True], np.diff(t) > 0.0])
            found[one.name or file.stem] = CubicHermiteSpline(t[keep], r[keep], v[keep])
    return found


def _map(
    sites: dict[str, Site],
    far: Path | None,
    path: Path,
    side: float,
    spacing: float,
    plot: Path | None,
    start: float,
    span: float,
    pace: float,
    azimuths: int,
    workers: int,
    json: bool,
    quiet: bool,
) -> int:
    from moonvillage.reporting.light import draw_map, map_lines
    from moonvillage.terrain.maps import light_map
    from moonvillage.terrain.write import check_map_name, write_map

    check_map_name(path)
    results: dict[str, Any] = {}
    for name, site in sites.items():
        if not site.terrain:
            raise InputError.one("needs terrain", "give --terrain FILE or --terrain synthetic:SEED", field="map")
        ground, around = _grounds(site, far)
        with progress_bar(quiet or json) as bar:

            def tick(share: float, bar: Any = bar) -> None:
                if bar is not None:
                    bar("light", share, "")

            made = light_map(
                ground,
                site.latitude_rad,
                site.longitude_rad,
                side,
                spacing,
                mast_m=site.mast_m,
                start_tdb_s=start,
                span_s=span,
                step_s=pace,
                azimuths=azimuths,
                far=around,
                processes=workers,
                progress=tick,
            )
        target = path if len(sites) == 1 else path.with_stem(f"{path.stem}-{name}")
        write_map(made, target)
        files = [str(target)]
        if plot is not None:
            picture = plot if len(sites) == 1 else plot.with_stem(f"{plot.stem}-{name}")
            draw_map(made, picture)
            files.append(str(picture))
        latitude, longitude, share = made.best()
        if json:
            results[name] = {
                "cells": [made.y.size, made.x.size],
                "cell_m": spacing,
                "mast_m": made.mast_m,
                "terrain": made.source,
                "synthetic": made.synthetic,
                "start_tdb_s": start,
                "span_s": span,
                "azimuths": azimuths,
                "illumination_q10_q50_q90": np.nanquantile(made.sun_share, [0.1, 0.5, 0.9]).tolist(),
                "most_lit": {"latitude_rad": latitude, "longitude_rad": longitude, "illumination": share},
                "shadowed_share": made.shadowed_share,
                "notes": list(made.notes),
                "files": files,
            }
        else:
            print("\n".join([name, *map_lines(made), *(f"wrote {file}" for file in files)]))
    if json:
        print_json(results)
    return DONE
