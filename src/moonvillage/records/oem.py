"""CCSDS Orbit Ephemeris Messages: reading them, strictly.

The format is that of CCSDS 502.0-B-3 (Orbit Data Messages, 2023), section 5, in its key–value notation (KVN);
versions 1.0 to 3.0. A file that says something this reader does not know how to honour is refused with the line and
the remedy; nothing is guessed. Files compressed with gzip are read as well.

Frames: ``ICRF``, ``GCRF`` and ``EME2000`` (taken as ICRF, 23 mas apart; docs/conventions.md §3.1). Time systems:
``UTC``, ``TAI``, ``TT``, ``TDB``, ``GPS``. Centres: those of DE440.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from erfa import ufunc as _erfa
from numpy.typing import NDArray

from moonvillage.ephemeris.time import TT_MINUS_TAI_S, utc_to_tdb_s
from moonvillage.errors import InputError

Floats = NDArray[np.float64]

#: CENTER_NAME → body of the ephemeris.
CENTRES: Final = {
    "EARTH": "earth",
    "MOON": "moon",
    "SUN": "sun",
    "SOLAR SYSTEM BARYCENTER": "ssb",
    "EARTH BARYCENTER": "emb",
    "EARTH-MOON BARYCENTER": "emb",
    "MARS": "mars",
    "MARS BARYCENTER": "mars",
}
#: REF_FRAME that are read as ICRF axes.
FRAMES: Final = ("EME2000", "ICRF", "GCRF")
#: TIME_SYSTEM that are read.
TIME_SYSTEMS: Final = ("UTC", "TAI", "TT", "TDB", "GPS")
_GPS_MINUS_TAI_S: Final = -19.0

_VERSIONS: Final = ("1.0", "2.0", "3.0")
_KEY: Final = re.compile(r"([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*\Z")
_CALENDAR: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d*)?Z?\Z")
_ORDINAL: Final = re.compile(r"(\d{4})-(\d{3})T(.*)\Z")
_REQUIRED: Final = (
    "OBJECT_NAME",
    "OBJECT_ID",
    "CENTER_NAME",
    "REF_FRAME",
    "TIME_SYSTEM",
    "START_TIME",
    "STOP_TIME",
)
_OPTIONAL: Final = (
    "USEABLE_START_TIME",
    "USEABLE_STOP_TIME",
    "INTERPOLATION",
    "INTERPOLATION_DEGREE",
    "REF_FRAME_EPOCH",
)
#: A state may stand outside START_TIME..STOP_TIME by no more than this (times are written to a millisecond or so).
_SLACK_S: Final = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Covariance:
    """The 6 × 6 covariance of a state: m², m²/s, m²/s²; ``frame`` as written (that of the segment if empty)."""

    epoch_tdb_s: float
    frame: str
    matrix: Floats


@dataclass(frozen=True, slots=True, eq=False)
class OemSegment:
    """One ephemeris: states of one object about one centre, ICRF axes, SI units.

    ``epoch_tdb_s`` (n,) is strictly increasing; ``r_m`` and ``v_m_s`` are (n, 3); ``a_m_s2`` (n, 3) if the file has
    accelerations. ``frame`` and ``time_system`` are those that the file was written in.
    """

    object_name: str
    object_id: str
    centre: str
    frame: str
    time_system: str
    start_tdb_s: float
    stop_tdb_s: float
    epoch_tdb_s: Floats
    r_m: Floats
    v_m_s: Floats
    a_m_s2: Floats | None = None
    usable_start_tdb_s: float | None = None
    usable_stop_tdb_s: float | None = None
    interpolation: str = ""
    interpolation_degree: int | None = None
    comments: tuple[str, ...] = ()
    covariances: tuple[Covariance, ...] = ()

    def __repr__(self) -> str:
        return (
            f"OemSegment({self.object_name}, {self.epoch_tdb_s.size} states about the {self.centre}, "
            f"{self.epoch_tdb_s[0]:.3f} to {self.epoch_tdb_s[-1]:.3f} s TDB)"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Oem:
    """A message: its header, and one or more segments in the order of the file."""

    version: str
    creation_date: str
    originator: str
    segments: tuple[OemSegment, ...]
    comments: tuple[str, ...] = ()
    message_id: str = ""
    classification: str = ""


@dataclass(slots=True)
class _Lines:
    """The lines of a file that hold something, with their numbers; one can be looked at before it is taken."""

    file: str
    rest: Iterator[tuple[int, str]]
    number: int = 0
    ahead: tuple[int, str] | None = None

    def peek(self) -> str | None:
        if self.ahead is None:
            self.ahead = next(self.rest, None)
        return None if self.ahead is None else self.ahead[1]

    def take(self) -> str:
        text = self.peek()
        if text is None or self.ahead is None:
            raise self.wrong("ends too early", "give the whole file")
        self.number = self.ahead[0]
        self.ahead = None
        return text

    def wrong(self, message: str, remedy: str, *, key: str = "", value: str = "") -> InputError:
        return InputError.one(message, remedy, file=self.file, line=self.number or None, field=key, value=value[:60])


def read_oem(path: str | Path) -> Oem:
    """Read an OEM file (KVN; plain or gzip).

    Returns
    -------
    The message, with states in SI units, ICRF axes, at TDB seconds past J2000.

    Raises
    ------
    InputError
        If the file is missing or not such a message: an unknown version, frame, time system or centre, epochs that
        repeat or go back, a state that is not six (or nine) finite numbers, times outside the segment's span.
    """
    file = Path(path)
    try:
        raw = file.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            raw = gzip.decompress(raw)
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        raise InputError.one("is not ASCII text", "give an OEM in key–value notation", file=str(path)) from None
    except (OSError, EOFError) as cause:
        raise InputError.one(f"cannot be read ({cause})", "give the path of an OEM file", file=str(path)) from None
    return parse_oem(text, file=str(path))


def parse_oem(text: str, *, file: str = "<text>") -> Oem:
    """As :func:`read_oem`, from text; ``file`` names it in errors."""
    return parse_oem_lines(((n, line) for n, line in enumerate(text.splitlines(), 1)), file=file)


def parse_oem_lines(numbered: Iterable[tuple[int, str]], *, file: str = "<text>") -> Oem:
    """As :func:`read_oem`, from numbered lines of key–value notation, wherever they come from."""
    stripped = ((n, line.strip()) for n, line in numbered)
    lines = _Lines(file, ((n, line) for n, line in stripped if line))
    header, comments = _header(lines)
    segments = []
    while lines.peek() is not None:
        segments.append(_segment(lines))
    if not segments:
        raise lines.wrong("holds no ephemeris", "give an OEM with at least one META_START block")
    return Oem(
        header["CCSDS_OEM_VERS"],
        header["CREATION_DATE"],
        header["ORIGINATOR"],
        tuple(segments),
        comments,
        header.get("MESSAGE_ID", ""),
        header.get("CLASSIFICATION", ""),
    )


def _pair(lines: _Lines, text: str) -> tuple[str, str]:
    match = _KEY.match(text)
    if match is None:
        raise lines.wrong("is not a KEY = value line", "correct or remove the line", value=text)
    return match[1], match[2]


def _comment(text: str) -> str | None:
    return text[7:].strip() if text == "COMMENT" or text.startswith("COMMENT ") else None


def _header(lines: _Lines) -> tuple[dict[str, str], tuple[str, ...]]:
    found: dict[str, str] = {}
    comments: list[str] = []
    allowed = ("CCSDS_OEM_VERS", "CLASSIFICATION", "CREATION_DATE", "ORIGINATOR", "MESSAGE_ID")
    while (text := lines.peek()) is not None and text != "META_START":
        lines.take()
        comment = _comment(text)
        if comment is not None:
            comments.append(comment)
            continue
        key, value = _pair(lines, text)
        if not found and key != "CCSDS_OEM_VERS":
            raise lines.wrong("does not begin with CCSDS_OEM_VERS", "give an OEM in key–value notation", key=key)
        if key not in allowed or key in found:
            problem = "stands twice in the header" if key in found else "is no key of an OEM header"
            raise lines.wrong(problem, f"use each of {', '.join(allowed)} once", key=key, value=value)
        found[key] = value
    for key in ("CCSDS_OEM_VERS", "CREATION_DATE", "ORIGINATOR"):
        if key not in found:
            raise lines.wrong("is missing from the header", "add it", key=key)
    if found["CCSDS_OEM_VERS"] not in _VERSIONS:
        raise lines.wrong(
            "is a version that is not read",
            f"give version {', '.join(_VERSIONS)}",
            key="CCSDS_OEM_VERS",
            value=found["CCSDS_OEM_VERS"],
        )
    return found, tuple(comments)


def _metadata(lines: _Lines) -> tuple[dict[str, str], list[str]]:
    text = lines.take()
    if text != "META_START":
        raise lines.wrong("stands where META_START should", "begin each segment with META_START", value=text)
    found: dict[str, str] = {}
    comments: list[str] = []
    while (text := lines.take()) != "META_STOP":
        comment = _comment(text)
        if comment is not None:
            comments.append(comment)
            continue
        key, value = _pair(lines, text)
        if key not in _REQUIRED + _OPTIONAL or key in found:
            problem = "stands twice" if key in found else "is no key of OEM metadata"
            raise lines.wrong(problem, f"use each of {', '.join(_REQUIRED + _OPTIONAL)} once", key=key, value=value)
        found[key] = value
    for key in _REQUIRED:
        if not found.get(key):
            raise lines.wrong("is missing from the metadata", "add it", key=key)
    for key, known in (("CENTER_NAME", tuple(CENTRES)), ("REF_FRAME", FRAMES), ("TIME_SYSTEM", TIME_SYSTEMS)):
        if found[key].upper() not in known:
            raise lines.wrong("is not one that is read", f"use {', '.join(known)}", key=key, value=found[key])
    return found, comments


def _segment(lines: _Lines) -> OemSegment:
    meta, comments = _metadata(lines)
    system = meta["TIME_SYSTEM"].upper()

    def moment(key: str) -> float | None:
        return _epoch(lines, meta[key], system, key) if key in meta else None

    start, stop = moment("START_TIME"), moment("STOP_TIME")
    assert start is not None
    assert stop is not None
    if stop < start:
        raise lines.wrong("lies before START_TIME", "order the times", key="STOP_TIME", value=meta["STOP_TIME"])
    degree = meta.get("INTERPOLATION_DEGREE")
    if degree is not None and not degree.isdigit():
        raise lines.wrong("is not a whole number", "give the degree", key="INTERPOLATION_DEGREE", value=degree)
    table = _Table(system, start, stop)
    covariances: list[Covariance] = []
    while (text := lines.peek()) is not None and text != "META_START":
        lines.take()
        comment = _comment(text)
        if comment is not None:
            comments.append(comment)
        elif text == "COVARIANCE_START":
            covariances += _covariances(lines, system)
        elif covariances:
            raise lines.wrong("stands after the covariances", "end the segment with them", value=text)
        else:
            table.add(lines, text)
    if not table.epochs:
        raise lines.wrong("closes metadata without states", "give the states of the segment", value="META_STOP")
    states = np.array(table.states) * 1e3
    states.setflags(write=False)
    epochs = np.array(table.epochs)
    epochs.setflags(write=False)
    return OemSegment(
        meta["OBJECT_NAME"],
        meta["OBJECT_ID"],
        CENTRES[meta["CENTER_NAME"].upper()],
        meta["REF_FRAME"].upper(),
        system,
        start,
        stop,
        epochs,
        states[:, :3],
        states[:, 3:6],
        states[:, 6:] if states.shape[1] == 9 else None,
        moment("USEABLE_START_TIME"),
        moment("USEABLE_STOP_TIME"),
        meta.get("INTERPOLATION", ""),
        None if degree is None else int(degree),
        tuple(comments),
        tuple(covariances),
    )


@dataclass(slots=True)
class _Table:
    """Collects the states of a segment."""

    system: str
    start_tdb_s: float
    stop_tdb_s: float
    epochs: list[float] = field(default_factory=list)
    states: list[list[float]] = field(default_factory=list)

    def add(self, lines: _Lines, text: str) -> None:
        parts = text.split()
        if len(parts) not in (7, 10) or (self.states and len(parts) - 1 != len(self.states[0])):
            raise lines.wrong(
                "is not an epoch with six numbers (or nine in all states)", "correct or remove the line", value=text
            )
        epoch = _epoch(lines, parts[0], self.system, "")
        try:
            values = [float(part) for part in parts[1:]]
        except ValueError:
            raise lines.wrong("holds something that is not a number", "correct the state", value=text) from None
        if not np.all(np.isfinite(values)):
            raise lines.wrong("holds a number that is not finite", "correct the state", value=text)
        if self.epochs and epoch <= self.epochs[-1]:
            how = "repeats the epoch before it" if epoch == self.epochs[-1] else "goes back in time"
            raise lines.wrong(how, "order the states, one for an epoch", value=parts[0])
        if not self.start_tdb_s - _SLACK_S <= epoch <= self.stop_tdb_s + _SLACK_S:
            raise lines.wrong("lies outside START_TIME to STOP_TIME", "correct either", value=parts[0])
        self.epochs.append(epoch)
        self.states.append(values)


def _covariances(lines: _Lines, system: str) -> list[Covariance]:
    found: list[Covariance] = []
    epoch: float | None = None
    frame = ""
    rows: list[list[float]] = []
    while (text := lines.take()) != "COVARIANCE_STOP":
        if _comment(text) is not None:
            continue
        if "=" in text:
            key, value = _pair(lines, text)
            if rows or key not in ("EPOCH", "COV_REF_FRAME"):
                raise lines.wrong(
                    "cannot stand here", "give EPOCH, COV_REF_FRAME, then six rows", key=key, value=value
                )
            if key == "EPOCH":
                epoch = _epoch(lines, value, system, "EPOCH")
            else:
                frame = value
            continue
        try:
            row = [float(part) for part in text.split()]
        except ValueError:
            row = []
        if epoch is None or len(row) != len(rows) + 1:
            raise lines.wrong("is not the next row of a lower triangle", "give rows of 1 to 6 numbers", value=text)
        rows.append(row)
        if len(rows) == 6:
            lower = np.zeros((6, 6))
            for i, entries in enumerate(rows):
                lower[i, : i + 1] = entries
            found.append(Covariance(epoch, frame, 1e6 * (lower + np.tril(lower, -1).T)))
            epoch, rows = None, []
    if rows or epoch is not None:
        raise lines.wrong("closes a covariance of fewer than six rows", "give six rows", value="COVARIANCE_STOP")
    return found


def _epoch(lines: _Lines, text: str, system: str, key: str) -> float:
    try:
        return epoch_tdb_s(text, system)
    except ValueError as cause:
        raise lines.wrong(
            f"is not an epoch ({cause})", "write 2022-11-16T08:44:51.150", key=key, value=text
        ) from None


def epoch_tdb_s(text: str, system: str) -> float:
    """TDB seconds past J2000 of a CCSDS time code A or B (``2022-11-16T08:44:51.15``, ``2022-320T08:44:51``).

    ``system`` is one of :data:`TIME_SYSTEMS`. TT to TDB is ERFA's ``dtdb`` at the geocentre.

    Raises
    ------
    ValueError
        If the text is no such epoch.
    """
    ordinal = _ORDINAL.match(text)
    if ordinal is not None:
        year, day = int(ordinal[1]), int(ordinal[2])
        first = date(year, 1, 1)
        if not 1 <= day <= (date(year + 1, 1, 1) - first).days:
            raise ValueError(f"the year {year} has no day {day}")
        text = f"{(first + timedelta(days=day - 1)).isoformat()}T{ordinal[3]}"
    match = _CALENDAR.match(text)
    if match is None:
        raise ValueError("not YYYY-MM-DDThh:mm:ss or YYYY-DDDThh:mm:ss")
    whole, fraction = text[:19], float(f"0{match[7]}") if match[7] and len(match[7]) > 1 else 0.0
    if system == "UTC":
        return utc_to_tdb_s(whole) + fraction
    hours, minutes, seconds = int(match[4]), int(match[5]), int(match[6])
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError("an hour, minute or second out of range")
    days = (date(int(match[1]), int(match[2]), int(match[3])) - date(2000, 1, 1)).days
    past = (days - 0.5) * 86400.0 + hours * 3600.0 + minutes * 60.0 + seconds + fraction
    if system == "TDB":
        return past
    tt = past + {"TT": 0.0, "TAI": TT_MINUS_TAI_S, "GPS": TT_MINUS_TAI_S - _GPS_MINUS_TAI_S}[system]
    tt_days = tt / 86400.0
    return tt + float(_erfa.dtdb(2451545.0, tt_days, (tt_days + 0.5) % 1.0, 0.0, 0.0, 0.0))
