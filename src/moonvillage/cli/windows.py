"""`moonvillage windows`: when to leave and how long to fly, as a map of real transfers; when a pad can launch."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from cyclopts import Parameter
from numpy.typing import NDArray

from moonvillage.cli.shared import ANSWER_IS_NO, DONE, INTERRUPTED, Json, Quiet, print_json, progress_bar, stoppable
from moonvillage.errors import InputError, Interrupted
from moonvillage.records.places import (
    Arc,
    Dro,
    EarthGround,
    EarthOrbit,
    FreeReturn,
    Halo,
    MoonOrbit,
    MoonSurface,
    Place,
    Planet,
)
from moonvillage.units import DAY_S, parse_quantity

Floats = NDArray[np.float64]

_PHRASES: Final = (
    'a place of the file, or a phrase: "LEO 185km 28.5deg", "LLO 100km 90deg", "LLO 100km over shackleton_rim", '
    '"NRHO", "halo L2 south 13000km", "DRO 70000km", "free return", "Earth", "Mars", or a site of the catalog'
)


def windows(
    file: Path | None = None,
    /,
    *,
    arc: str = "",
    from_: Annotated[str, Parameter(name="--from")] = "",
    to: str = "",
    via: str = "",
    site: str = "",
    start: str = "",
    end: str = "",
    step: str = "1d",
    durations: str = "3d..6d/7",
    out_csv: Annotated[Path | None, Parameter(name="--csv")] = None,
    plot: Path | None = None,
    workers: int | None = None,
    json: Json = False,
    quiet: Quiet = False,
) -> int:
    """When to leave, and how long to fly: a map of real transfers over departures and flight times.

    Every cell is solved in the n-body model and flown again. From a low Earth orbit to a low lunar orbit or a halo
    thousands of cells take a minute; other arcs go cell by cell. With `--site`, the daily launch windows of a pad
    instead: lift-off, azimuth, parking orbit and coast to translunar injection.

    Examples:

    `moonvillage windows --from "LEO 185km 28.5deg" --to "LLO 100km over shackleton_rim" --start 2030-01-01
    --end 2030-02-01 --durations "3d..6d/20" --plot map.svg`

    `moonvillage windows mine.toml --arc "leo>nrho" --durations "5d..10d/11" --csv map.csv`

    `moonvillage windows --site wenchang --start 2030-01-01 --end 2030-01-15 --durations 4d`

    Parameters
    ----------
    file
        A scenario file, for its arcs, places and dates.
    arc
        The id of an arc of the file.
    from_
        Where from: a place of the file, or a phrase such as "LEO 185km 28.5deg".
    to
        Where to: a place of the file, or a phrase such as "LLO 100km 90deg", "LLO 100km over shackleton_rim", "NRHO",
        "halo L2 south 13000km", "DRO 70000km", "free return", "Earth", "Mars", or a site of the catalog.
    via
        Another way between the same places: ballistic, direct or spiral.
    site
        A launch site of the catalog: its daily launch windows.
    start
        First departure, UTC; the scenario's first day by default.
    end
        The departures end before this date, UTC; 30 days after the first by default.
    step
        Between departures.
    durations
        Flight times: "3d..6d/20" for 20 of them evenly, or a list "3d,4d,5d".
    out_csv
        Also write every cell: CSV, or Parquet where the name ends in .parquet.
    plot
        Also draw the map: .svg, .png or .html.
    workers
        Processes; by default one a core.
    json
        Print the result as JSON.
    quiet
        No progress.
    """
    from moonvillage.ephemeris.time import utc_to_tdb_s
    from moonvillage.scenario import load

    scenario = load(file) if file is not None else None
    if not start and scenario is None:
        raise InputError.one("is missing", "say from when, such as --start 2030-01-01", field="start")
    first = _date(start, "start", utc_to_tdb_s) if start else float(scenario.header.start_tdb_s)  # type: ignore[union-attr]
    last = _date(end, "end", utc_to_tdb_s) if end else first + 30.0 * DAY_S
    pace = _time(step, "step")
    if not pace > 0.0 or not last > first:
        raise InputError.one("leaves no departure", "let --end be after --start, and --step above 0", field="end")
    count = math.ceil((last - first) / pace - 1e-6)
    times = _durations(durations)
    if count * times.size > 1_000_000:
        raise InputError.one("makes more than a million cells", "take longer steps", field="step", value=step)
    departures = np.asarray(first + pace * np.arange(count), dtype=np.float64)
    if site:
        return _launches(site, departures, float(times[0]), out_csv, json)
    chosen = _arc(scenario, arc, from_, to, via)
    from moonvillage.trajectory.windows import window_map

    with stoppable() as stop, progress_bar(quiet or (json and not _terminal())) as progress:
        try:
            found = window_map(chosen, departures, times, workers=workers, progress=progress, cancelled=stop)
        except Interrupted:
            return INTERRUPTED
        except ValueError as error:
            raise InputError.one(str(error), f"choose {_PHRASES}", field="to", value=to or arc) from None
    from moonvillage.reporting.windows import draw, lines, table

    if out_csv is not None:
        frame = table(found)
        out_csv.parent.mkdir(parents=True, exist_ok=True)
        if out_csv.suffix == ".parquet":
            frame.write_parquet(out_csv)
        else:
            frame.write_csv(out_csv)
    if plot is not None:
        draw(found, plot)
    if json:
        print_json(_as_json(found, out_csv, plot))
    else:
        print("\n".join(lines(found)))
        for written in (out_csv, plot):
            if written is not None:
                print(f"wrote {written}")
    return DONE if found.converged > 0.0 else ANSWER_IS_NO


def _terminal() -> bool:
    import sys

    return sys.stderr.isatty()


def _as_json(found: Any, *files: Path | None) -> dict[str, Any]:
    from moonvillage.ephemeris.time import tdb_s_to_utc

    def plain(values: Floats) -> list[list[float | None]]:
        return [[float(x) if math.isfinite(x) else None for x in row] for row in values.tolist()]

    best = None
    if found.converged > 0.0:
        i, j = found.best()
        best = {
            "departure": tdb_s_to_utc(float(found.departures_tdb_s[i])),
            "duration_s": float(found.durations_s[j]),
            "dv_m_s": float(found.dv_m_s[i, j]),
            "burns_m_s": {name: float(dv) for name, dv in zip(found.names, found.burns_m_s[i, j], strict=True)},
        }
    failures: dict[str, int] = {}
    for row in found.reasons:
        for reason in row:
            if reason:
                failures[reason] = failures.get(reason, 0) + 1
    return {
        "arc": found.arc,
        "departures": [tdb_s_to_utc(float(t)) for t in found.departures_tdb_s],
        "durations_s": found.durations_s.tolist(),
        "dv_m_s": plain(found.dv_m_s),
        "converged": found.converged,
        "wall_s": found.wall_s,
        "cpu_s": found.cpu_s,
        "best": best,
        "failures": failures,
        "notes": list(found.notes),
        "files": [str(path) for path in files if path is not None],
    }


def _date(text: str, field: str, convert: Any) -> float:
    try:
        return float(convert(text))
    except ValueError as error:
        raise InputError.one(str(error), "write a UTC date, such as 2030-01-01", field=field, value=text) from None


def _quantity(text: str, dimension: str, field: str) -> float:
    spaced = re.sub(r"^\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*", r"\1 ", text)
    try:
        return parse_quantity(spaced, dimension)
    except ValueError as error:
        message, remedy = (*error.args, "write a number with its unit")[:2]
        raise InputError.one(str(message), str(remedy), field=field, value=text) from None


def _time(text: str, field: str) -> float:
    return _quantity(text, "time", field)


def _durations(text: str) -> Floats:
    match = re.fullmatch(r"\s*(.+?)\s*\.\.\s*(.+?)\s*/\s*(\d+)\s*", text)
    if match:
        low, high, count = _time(match[1], "durations"), _time(match[2], "durations"), int(match[3])
        if not 0.0 < low <= high or not 1 <= count <= 10_000:
            raise InputError.one(
                "is no range of flight times", 'write it as in "3d..6d/20"', field="durations", value=text
            )
        return np.linspace(low, high, count)
    times = np.array([_time(part, "durations") for part in text.split(",")])
    if not (times > 0.0).all():
        raise InputError.one("holds a time that is not above 0", "write 3d,4d,5d", field="durations", value=text)
    return times


def _arc(scenario: Any, arc: str, origin: str, destination: str, via: str) -> Arc:
    if arc:
        if scenario is None:
            raise InputError.one("needs a scenario file", "give the file first", field="arc", value=arc)
        from moonvillage.scenario.walk import arcs

        known = arcs(scenario)
        if arc not in known:
            raise InputError.one(
                "is not an arc of the file", f"take one of {', '.join(known)}", field="arc", value=arc
            )
        return known[arc]
    if not origin or not destination:
        known_ids = ""
        if scenario is not None:
            from moonvillage.scenario.walk import arcs

            known_ids = f"; the file's arcs are {', '.join(arcs(scenario))}"
        raise InputError.one("is missing", f"give --arc, or --from and --to{known_ids}", field="arc")
    places = {} if scenario is None else scenario.places
    ends = [_place(text, field, places) for text, field in ((origin, "from"), (destination, "to"))]
    return Arc(f"{ends[0].id}>{ends[1].id}", ends[0], ends[1], via=via)


def _place(text: str, field: str, places: Any) -> Place:
    """A place of the file, or what a phrase says."""
    if text in places:
        found: Place = places[text]
        return found
    words = re.sub(r"(?<=[0-9]) +(?=(?:km|deg|m)\b)", "", text.strip()).split()
    lower = [word.lower() for word in words]
    sites = _sites()
    over = None
    if "over" in lower and lower.index("over") + 1 < len(words):
        name = words[lower.index("over") + 1]
        if name not in sites:
            raise InputError.one("names no site", f"take one of {', '.join(sites)}", field=field, value=name)
        over = sites[name]
        del words[lower.index("over") : lower.index("over") + 2]
        lower = [word.lower() for word in words]
    lengths = [_quantity(word, "length", field) for word in lower if re.fullmatch(r"[0-9.]+k?m", word)]
    angles = [_quantity(word, "angle", field) for word in lower if re.fullmatch(r"[0-9.]+deg", word)]
    rest = " ".join(word for word in lower if not re.fullmatch(r"[0-9.]+(k?m|deg)", word))
    name = text.strip()
    if rest == "leo" and len(lengths) < 2 and len(angles) < 2:
        return EarthOrbit(name, lengths[0] if lengths else 185e3, angles[0] if angles else math.radians(28.5))
    if rest == "llo" and len(lengths) < 2 and len(angles) < 2:
        inclination = angles[0] if angles else (None if over is not None else 0.5 * math.pi)
        return MoonOrbit(
            name, lengths[0] if lengths else 100e3, inclination, over, DAY_S if over is not None else 0.0
        )
    if rest == "nrho" and not lengths:
        return Halo(name, 2, False, perilune_radius_m=3228e3)
    halo = re.fullmatch(r"halo l([12]) (north|south)", rest)
    if halo and len(lengths) == 1:
        return Halo(name, int(halo[1]), halo[2] == "north", amplitude_z_m=lengths[0])
    if rest == "dro" and len(lengths) == 1:
        return Dro(name, lengths[0])
    if rest == "free return":
        return FreeReturn(name)
    if rest == "earth":
        return EarthGround(name)
    if rest == "mars":
        return Planet(name, "mars")
    if text in sites:
        return sites[text]
    known = f"; the file's places are {', '.join(places)}" if places else ""
    raise InputError.one("is no place", f"name {_PHRASES}{known}", field=field, value=text)


def _sites() -> dict[str, MoonSurface]:
    from moonvillage.catalog.load import load_catalog

    return {
        name: MoonSurface(name, site.latitude_rad, site.longitude_rad, site.height_m)
        for name, site in load_catalog().of("site").items()
    }


def _launches(name: str, dates: Floats, flight_s: float, out_csv: Path | None, json: bool) -> int:
    """The daily launch windows of a pad towards the Moon."""
    from moonvillage.catalog.load import load_catalog
    from moonvillage.ephemeris.time import tdb_s_to_utc
    from moonvillage.trajectory.launch import daily_windows, launch_site

    known = {key: pad for key, pad in load_catalog().of("ground_site").items() if pad.kind == "launch"}
    if name not in known:
        raise InputError.one("is no launch site", f"take one of {', '.join(known)}", field="site", value=name)
    pad = launch_site(name, known[name].latitude_rad, known[name].longitude_rad)
    rows: list[dict[str, Any]] = []
    days: list[dict[str, Any]] = []
    for date in dates.tolist():
        day = daily_windows(pad, date, flight_time_s=flight_s)
        mine = []
        for window in day.windows:
            middle = window.opportunities[len(window.opportunities) // 2]
            mine.append(
                {
                    "date": tdb_s_to_utc(date),
                    "coast": window.coast,
                    "opens": tdb_s_to_utc(window.opens_tdb_s),
                    "closes": tdb_s_to_utc(window.closes_tdb_s),
                    "azimuth_open_deg": math.degrees(window.opportunities[0].azimuth_rad),
                    "azimuth_close_deg": math.degrees(window.opportunities[-1].azimuth_rad),
                    "launch": tdb_s_to_utc(middle.launch_tdb_s),
                    "azimuth_deg": math.degrees(middle.azimuth_rad),
                    "inclination_deg": math.degrees(middle.inclination_rad),
                    "coast_s": middle.coast_s,
                    "injection": tdb_s_to_utc(middle.injection_tdb_s),
                    "tli_m_s": middle.dv_m_s,
                }
            )
        rows += mine
        days.append({"date": tdb_s_to_utc(date), "windows": mine, "reason": day.reason})
    if out_csv is not None:
        import polars as pl

        pl.DataFrame(rows).write_csv(out_csv)
    if json:
        limits = [math.degrees(pad.azimuth_min_rad), math.degrees(pad.azimuth_max_rad)]
        note = "conics through the Moon's centre; a typical ascent"
        print_json({"site": name, "azimuths_deg": limits, "flight_time_s": flight_s, "days": days, "notes": [note]})
    else:
        low, high = math.degrees(pad.azimuth_min_rad), math.degrees(pad.azimuth_max_rad)
        print(f"{known[name].title}: azimuths {low:.0f} to {high:.0f} deg, {flight_s / DAY_S:.2f} d to the Moon")
        print(
            f"{'day':<10}  {'opens':<8} {'closes':<8} {'azimuth':>13} {'incl.':>6} {'coast':>8} {'injection':>9} "
            f"{'TLI m/s':>8}"
        )
        for day_row in days:
            if not day_row["windows"]:
                print(f"{day_row['date'][:10]}  {day_row['reason'] or 'no window'}")
            for row in day_row["windows"]:
                azimuths = f"{row['azimuth_open_deg']:.0f} to {row['azimuth_close_deg']:.0f} deg"
                coast = f"{row['coast_s'] / 60.0:.0f} min"
                print(
                    f"{row['date'][:10]}  {row['opens'][11:19]} {row['closes'][11:19]} {azimuths:>13} "
                    f"{row['inclination_deg']:>5.1f}° {coast:>8} {row['injection'][11:16]:>9} {row['tli_m_s']:>8.0f}"
                )
        print(
            "conics through the Moon's centre; a typical ascent; inclination, coast and TLI are those of mid-window"
        )
    return DONE if rows else ANSWER_IS_NO
