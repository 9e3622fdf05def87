"""``moonvillage export`` and ``moonvillage import``: flown legs and plans in the formats of other tools, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from moonvillage.cli.shared import DONE, Json, Out, print_json
from moonvillage.errors import InputError

if TYPE_CHECKING:
    from moonvillage.records.flights import Flights


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be written."""

    format: str
    flight: str
    step: int | None
    centre: str
    naif_id: int


def export(
    folder: Path,
    /,
    *,
    format_: Annotated[str, Parameter(name=["--format", "-f"])] = "oem",
    flight: str = "",
    step: int | None = None,
    centre: str = "earth",
    naif_id: int = -900001,
    partner: str = "",
    date: str | None = None,
    by: str | None = None,
    out: Out = None,
    json: Json = False,
) -> int:
    """Write flown legs in the format of another tool, one file a flight; or the plan for SpaceNet.

    Example: `moonvillage export runs/moon-village --format spk --flight crew-3 -o crew-3.bsp`

    Parameters
    ----------
    folder
        A finished run.
    format_
        oem, oem-xml, opm, opm-xml, spk, stk, gmat, czml, csv or parquet; spacenet for the whole plan.
    flight
        One flight's id; every flight by default.
    step
        One step of the flight's mission, to write that leg alone.
    centre
        The centre of the states: earth, moon, sun or mars. GMAT scripts and CZML are about the Earth.
    naif_id
        The code of the first craft in a SPICE kernel; each further flight has the next lower one.
    partner
        Write only what may be released to this partner, with a watermark; the release is recorded.
    date
        For a partner: the UTC day of the release, today by default.
    by
        For a partner: who releases.
    out
        The file to write for one flight, the folder for several; the run's exports/ by default.
    """
    if partner and format_ == "spacenet":
        raise InputError.one("is not written for a partner", "choose another format", field="--format", value=format_)
    if format_ == "spacenet":
        from moonvillage.cli.spacenet import export_plan

        return export_plan(folder, out, json)
    from moonvillage.exchange.ephemeris import CENTRES
    from moonvillage.exchange.formats import format_named
    from moonvillage.pipeline import read_result

    format_named(format_)
    if centre not in CENTRES:
        raise InputError.one("is not a centre", f"use {', '.join(CENTRES)}", field="--centre", value=centre)
    if step is not None and not flight:
        raise InputError.one("is given without a flight", "say --flight as well", field="--step", value=str(step))
    options = Options(format_, flight, step, centre, naif_id)
    if partner:
        from moonvillage.pipeline.reports import release

        target = folder / "partners" / f"{partner}-{format_}" if out is None else out
        with release(folder, partner, f"export {format_}", target, date, by) as draft:
            if draft.shown.flights.samples.is_empty():
                raise InputError.one(
                    "may be shown no flown leg of this run on that day",
                    "see 'moonvillage report DIR --partner ID' for what withholds them",
                    field="--partner",
                    value=partner,
                )
            files = _write(draft.shown.flights, options, draft.folder, None, draft.text)
        for entry in files:
            entry["file"] = str(target / Path(entry["file"]).name)
    else:
        result, _ = read_result(folder)
        if result.flights is None:
            raise _nothing(folder)
        single = out if flight and out is not None else None
        files = _write(result.flights, options, folder / "exports" if out is None else out, single, "")
    if json:
        print_json({"format": format_, "files": files})
    else:
        for entry in files:
            code = f", NAIF code {entry['naif_id']}" if "naif_id" in entry else ""
            print(f"{entry['file']}: {entry['states']} states{code}")
            for note in entry["notes"]:
                print(f"  {note}")
    return DONE


def _write(flights: Flights, asked: Options, within: Path, single: Path | None, mark: str) -> list[dict[str, Any]]:
    """Write the flights asked for; ``mark`` says to whom they are released, and that masses may be missing."""
    from moonvillage.exchange import flight_ids, from_flight, write
    from moonvillage.exchange.formats import format_named

    if flights.samples.is_empty():
        raise _nothing(within)
    chosen = format_named(asked.format)
    # a mass of propellant that is withheld is not there; the formats write a burn without one as zero
    flights = replace(flights, burns=flights.burns.fill_null(0.0))
    files: list[dict[str, Any]] = []
    for k, name in enumerate([asked.flight] if asked.flight else flight_ids(flights)):
        ephemeris = from_flight(flights, name, step=asked.step, centre=asked.centre)
        if mark:
            said = (mark, "propellant masses that are not released are written as zero")
            ephemeris = replace(ephemeris, notes=(*said, *ephemeris.notes))
        label = name.replace("/", "_") + ("" if asked.step is None else f"-{asked.step}") + chosen.suffix
        target = single if single is not None else within / label
        write(ephemeris, target, asked.format, naif_id=asked.naif_id - k)
        entry: dict[str, Any] = {"file": str(target), "flight": name, "states": ephemeris.states}
        entry["notes"] = list(ephemeris.notes)
        if chosen.name == "spk":
            entry["naif_id"] = asked.naif_id - k
        files.append(entry)
    return files


def _nothing(folder: Path) -> InputError:
    return InputError.one("holds no flown legs", "run it at least to the stage 'fly'", file=str(folder))


def import_(
    file: Path,
    /,
    *,
    format_: Annotated[str, Parameter(name=["--format", "-f"])] = "",
    days: float = 0.0,
    centre: str = "",
    out: Out = None,
    json: Json = False,
) -> int:
    """Read an OEM, an OPM or an STK ephemeris, or a SpaceNet scenario, and write it in another format.

    Example: `moonvillage import craft.oem --format spk -o craft.bsp`

    Parameters
    ----------
    file
        An OEM or OPM (key-value notation or XML), or an STK .e file. A SpaceNet scenario (.json) or database (.xls,
        .xlsx) becomes a scenario file of prescribed flights, with a list of all that was not understood.
    format_
        The format to write, as in `moonvillage export`; nothing is written without it.
    days
        For an OPM: fly its state and its burns on for so many days, in the n-body model.
    centre
        The centre to write about; that of the file by default.
    out
        The file to write.
    """
    if file.suffix.lower() in (".json", ".xls", ".xlsx"):
        from moonvillage.cli.spacenet import import_story

        return import_story(file, out, json)
    from moonvillage.ephemeris.time import tdb_s_to_utc
    from moonvillage.exchange import FORMATS, read, write
    from moonvillage.exchange.formats import format_named
    from moonvillage.exchange.opm import Opm

    suffix = format_named(format_).suffix if format_ else ""
    found = read(file)
    if isinstance(found, Opm):
        about: dict[str, Any] = {
            "kind": "opm",
            "object": found.object_name,
            "centre": found.centre,
            "epoch_utc": tdb_s_to_utc(found.epoch_tdb_s, decimals=3),
            "r_m": found.r_m.tolist(),
            "v_m_s": found.v_m_s.tolist(),
            "mass_kg": found.mass_kg,
            "burns": len(found.manoeuvres),
        }
        if format_ and days <= 0.0:
            raise InputError.one("is needed to make an ephemeris of an OPM", "say how long to fly", field="--days")
        ephemerides = [found.fly(found.epoch_tdb_s + days * 86400.0)] if days > 0.0 else []
    else:
        ephemerides = found
        about = {"kind": "ephemeris"}
    about["ephemerides"] = [
        {
            "object": e.name,
            "id": e.object_id,
            "centre": e.centre,
            "segments": len(e.segments),
            "states": e.states,
            "start_utc": tdb_s_to_utc(e.start_tdb_s, decimals=3),
            "end_utc": tdb_s_to_utc(e.end_tdb_s, decimals=3),
        }
        for e in ephemerides
    ]
    files = []
    if format_:
        for k, ephemeris in enumerate(ephemerides):
            default = file.with_name(f"{file.name.split('.')[0]}{f'-{k + 1}' if k else ''}{suffix}")
            target = default if out is None else out if k == 0 else out.with_name(f"{out.stem}-{k + 1}{out.suffix}")
            if target.resolve() == file.resolve():
                raise InputError.one("is the file that is read", "say -o", field="--out", value=str(target))
            moved = ephemeris.about(centre) if centre else ephemeris
            files.append(str(write(moved, target, format_, naif_id=-900001 - k)))
    if json:
        print_json({**about, "files": files, "formats": list(FORMATS)})
        return DONE
    if about["kind"] == "opm":
        print(
            f"{about['object']}: a state about the {about['centre']} at {about['epoch_utc']}, {about['burns']} burns"
        )
    for entry in about["ephemerides"]:
        print(
            f"{entry['object']}: {entry['states']} states in {entry['segments']} segments about the "
            f"{entry['centre']}, {entry['start_utc']} to {entry['end_utc']}"
        )
    for name in files:
        print(f"wrote {name}")
    return DONE
