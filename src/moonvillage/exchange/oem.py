"""CCSDS Orbit Ephemeris Messages (502.0-B): written in key–value notation or XML, and read back into ephemerides.

The strict reader of the notation is :mod:`moonvillage.records.oem`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.errors import InputError
from moonvillage.exchange import ndm_xml
from moonvillage.exchange.ephemeris import CENTRES, Ephemeris, Segment
from moonvillage.records.oem import CENTRES as NAMES
from moonvillage.records.oem import Oem, parse_oem_lines

VERSION: Final = "2.0"
VERSION_HERE: Final = metadata.version("moonvillage")
_DECIMALS: Final = 6
_DEGREE: Final = 7


def _utc(tdb_s: float, decimals: int = _DECIMALS) -> str:
    return tdb_s_to_utc(tdb_s, decimals=decimals).rstrip("Z")


def _name_of(centre: str) -> str:
    return next(name for name, body in NAMES.items() if body == centre)


def _metadata(ephemeris: Ephemeris, segment: Segment) -> list[tuple[str, str]]:
    degree = min(_DEGREE, 2 * (segment.epoch_tdb_s.size // 2) - 1) if segment.epoch_tdb_s.size > 1 else 1
    start, stop = _utc(float(segment.epoch_tdb_s[0])), _utc(float(segment.epoch_tdb_s[-1]))
    return [
        ("OBJECT_NAME", ephemeris.name),
        ("OBJECT_ID", ephemeris.object_id),
        ("CENTER_NAME", _name_of(ephemeris.centre)),
        ("REF_FRAME", "ICRF"),
        ("TIME_SYSTEM", "UTC"),
        ("START_TIME", start),
        ("STOP_TIME", stop),
        ("INTERPOLATION", "HERMITE"),
        ("INTERPOLATION_DEGREE", str(max(1, degree))),
    ]


def _rows(segment: Segment) -> list[list[str]]:
    rows = []
    for epoch, r, v in zip(segment.epoch_tdb_s, segment.r_m, segment.v_m_s, strict=True):
        numbers = [*(f"{x * 1e-3:.9f}" for x in r), *(f"{x * 1e-3:.12f}" for x in v)]
        rows.append([_utc(float(epoch)), *numbers])
    return rows


def _header(ephemeris: Ephemeris, created: str) -> tuple[list[str], list[tuple[str, str]]]:
    comments = [f"moonvillage {VERSION_HERE}", *ephemeris.notes]
    comments += [
        f"BURN {burn.name} {_utc(burn.epoch_tdb_s, 3)} UTC, {math.dist(burn.dv_icrf_m_s, (0, 0, 0)):.3f} m/s, "
        f"{burn.duration_s:.1f} s"
        for burn in ephemeris.manoeuvres
    ]
    return comments, [("CREATION_DATE", created), ("ORIGINATOR", "MOONVILLAGE")]


def oem_text(ephemeris: Ephemeris, *, created: str = "2000-01-01T00:00:00", xml: bool = False) -> str:
    """The ephemeris as an OEM: one segment of the message for each of its own, UTC, ICRF, km and km/s.

    Parameters
    ----------
    ephemeris
        About "earth", "moon", "sun" or "mars".
    created
        CREATION_DATE; fixed unless given, so that equal ephemerides give equal bytes.
    xml
        Write XML (505.0-B) instead of key–value notation.
    """
    comments, header = _header(ephemeris, created)
    if xml:
        head = [ndm_xml.element("COMMENT", text) for text in comments]
        head += [ndm_xml.element(key, value) for key, value in header]
        return ndm_xml.document("oem", VERSION, head, [_xml_segment(ephemeris, s) for s in ephemeris.segments])
    lines = [f"CCSDS_OEM_VERS = {VERSION}", *(f"COMMENT {text}" for text in comments)]
    lines += [f"{key} = {value}" for key, value in header]
    for segment in ephemeris.segments:
        lines += ["", "META_START"]
        lines += [f"{key} = {value}" for key, value in _metadata(ephemeris, segment)]
        lines += ["META_STOP", ""]
        lines += [" ".join(row) for row in _rows(segment)]
    return "\n".join([*lines, ""])


def _xml_segment(ephemeris: Ephemeris, segment: Segment) -> list[str]:
    keys = ("X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")
    units = ("km", "km", "km", "km/s", "km/s", "km/s")
    data: list[str] = []
    for epoch, *numbers in _rows(segment):
        inner = [ndm_xml.element("EPOCH", epoch)]
        inner += [ndm_xml.element(k, x, u) for k, x, u in zip(keys, numbers, units, strict=True)]
        data.append("<stateVector>" + "".join(inner) + "</stateVector>")
    metadata = [ndm_xml.element(key, value) for key, value in _metadata(ephemeris, segment)]
    return [*ndm_xml.group("metadata", metadata), *ndm_xml.group("data", data)]


def read_message(path: str | Path) -> Oem:
    """Read an OEM in key–value notation (plain or gzip) or XML, strictly.

    Raises
    ------
    InputError
        As :func:`moonvillage.records.oem.read_oem`, with the line.
    """
    from moonvillage.records.oem import read_oem

    if Path(path).suffix == ".gz":
        return read_oem(path)
    text = ndm_xml.read_text(path)
    if not ndm_xml.is_xml(text):
        return read_oem(path)
    return parse_oem_lines(ndm_xml.kvn_lines(text, "oem", file=str(path)), file=str(path))


def ephemerides(message: Oem, *, file: str = "") -> list[Ephemeris]:
    """The ephemerides of a message, one for each object and centre, with its segments in order.

    Raises
    ------
    InputError
        If a segment is about a centre that is not :data:`~moonvillage.exchange.ephemeris.CENTRES`.
    """
    found: dict[tuple[str, str, str], list[Segment]] = {}
    for part in message.segments:
        if part.centre not in CENTRES:
            raise InputError.one(
                "is a centre that ephemerides are not exchanged about",
                f"use {', '.join(CENTRES)}",
                file=file,
                field="CENTER_NAME",
                value=part.centre,
            )
        key = (part.object_name, part.object_id, part.centre)
        found.setdefault(key, []).append(Segment(part.epoch_tdb_s, part.r_m, part.v_m_s))
    notes = tuple(dict.fromkeys([*message.comments, *(c for s in message.segments for c in s.comments)]))
    return [Ephemeris(*key, _sorted(segments), notes=notes) for key, segments in found.items()]


def _sorted(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    return tuple(sorted(segments, key=lambda segment: float(segment.epoch_tdb_s[0])))
