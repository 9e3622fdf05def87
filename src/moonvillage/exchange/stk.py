"""STK ephemeris files (``.e``): writing and reading, with the segment boundaries that keep burns apart.

The format is that of the STK help, "Ephemeris File Format (*.e)": ``EphemerisTimePosVel`` in metres or kilometres,
seconds from the scenario's epoch (UTC), about a central body, in ICRF (or J2000, taken as ICRF) axes.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris.time import tdb_s_to_datetime, utc_to_tdb_s
from moonvillage.errors import InputError
from moonvillage.exchange.ephemeris import Ephemeris, Segment

Floats = NDArray[np.float64]

_BODIES: Final = {"earth": "Earth", "moon": "Moon", "sun": "Sun", "mars": "Mars"}
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNITS: Final = {"METERS": 1.0, "KILOMETERS": 1e3}
_AXES: Final = ("ICRF", "J2000")


def stk_text(ephemeris: Ephemeris) -> str:
    """The ephemeris as an STK ``.e`` file, in metres and seconds from its first whole second.

    Seconds are elapsed, so that a leap second on the way does not shift states.
    """
    start = tdb_s_to_datetime(ephemeris.start_tdb_s).replace(microsecond=0, tzinfo=None)
    origin = utc_to_tdb_s(start)
    day = f"{start.day} {_MONTHS[start.month - 1]} {start.year} {start:%H:%M:%S}.000000"
    lines = ["stk.v.11.0", "# Written by moonvillage"]
    lines += [f"# {note}" for note in ephemeris.notes]
    lines += [
        "BEGIN Ephemeris",
        f"NumberOfEphemerisPoints {ephemeris.states}",
        f"ScenarioEpoch {day}",
        "InterpolationMethod Hermite",
        "InterpolationSamplesM1 3",
        f"CentralBody {_BODIES[ephemeris.centre]}",
        "CoordinateSystem ICRF",
        "DistanceUnit Meters",
    ]
    if len(ephemeris.segments) > 1:
        lines += ["BEGIN SegmentBoundaryTimes"]
        lines += [f"{float(segment.epoch_tdb_s[0]) - origin:.9f}" for segment in ephemeris.segments[1:]]
        lines += ["END SegmentBoundaryTimes"]
    lines += ["EphemerisTimePosVel"]
    for segment in ephemeris.segments:
        for epoch, r, v in zip(segment.epoch_tdb_s, segment.r_m, segment.v_m_s, strict=True):
            numbers = [*(f"{x:.6f}" for x in r), *(f"{x:.9f}" for x in v)]
            lines.append(" ".join([f"{epoch - origin:.9f}", *numbers]))
    lines += ["END Ephemeris", ""]
    return "\n".join(lines)


def read_stk(path: str | Path) -> Ephemeris:
    """Read an STK ``.e`` file of positions and velocities.

    Raises
    ------
    InputError
        If the file is missing or no such ephemeris; or if its axes, body or units are not known.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise InputError.one(f"cannot be read ({cause})", "give the path of an STK .e file", file=str(path)) from None
    return _Reader(str(path), text.splitlines()).read()


class _Reader:
    """One pass over the lines; ``number`` is that of the line at hand."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self.file, self.lines, self.number = file, lines, 0

    def wrong(self, message: str, remedy: str, value: str = "", field: str = "") -> InputError:
        return InputError.one(
            message, remedy, file=self.file, line=self.number or None, field=field, value=value[:60]
        )

    def read(self) -> Ephemeris:
        if not self.lines or not self.lines[0].lower().startswith("stk.v."):
            raise self.wrong("does not begin with 'stk.v.'", "give an STK .e file")
        keys: dict[str, str] = {}
        rows: list[tuple[float, list[float]]] = []
        edges: list[float] = []
        inside = ""
        for number, line in enumerate(self.lines, 1):
            self.number = number
            words = line.split("#")[0].split()
            if not words or self.number == 1:
                continue
            head = words[0].lower()
            if head == "begin" and len(words) > 1 and words[1].lower() == "segmentboundarytimes":
                inside = "edges"
            elif head == "end":
                inside = ""
            elif head == "ephemeristimeposvel":
                inside = "states"
            elif head.startswith("ephemeristime") or head.startswith("ephemerislla"):
                raise self.wrong("is a kind of table that is not read", "write EphemerisTimePosVel", words[0])
            elif inside == "edges":
                edges.append(self._numbers(words, 1)[0])
            elif inside == "states":
                numbers = self._numbers(words, 7)
                rows.append((numbers[0], numbers[1:]))
            elif head != "begin":
                keys[head] = " ".join(words[1:])
        return self._built(keys, rows, edges)

    def _numbers(self, words: list[str], count: int) -> list[float]:
        try:
            values = [float(word) for word in words]
        except ValueError:
            values = []
        if len(values) != count or not np.all(np.isfinite(values)):
            raise self.wrong(f"is not a line of {count} numbers", "correct or remove the line", " ".join(words))
        return values

    def _built(self, keys: dict[str, str], rows: list[tuple[float, list[float]]], edges: list[float]) -> Ephemeris:
        self.number = 0
        if not rows:
            raise self.wrong("holds no states", "give an EphemerisTimePosVel table")
        body = keys.get("centralbody", "Earth").lower()
        axes = keys.get("coordinatesystem", "").upper()
        unit = keys.get("distanceunit", "Meters").upper()
        if body not in _BODIES:
            raise self.wrong("is not a body that is read", f"use {', '.join(_BODIES.values())}", body, "CentralBody")
        if axes not in _AXES:
            raise self.wrong("is not a system that is read", f"use {' or '.join(_AXES)}", axes, "CoordinateSystem")
        if unit not in _UNITS:
            raise self.wrong("is not a unit that is read", "use Meters or Kilometers", unit, "DistanceUnit")
        origin = self._epoch(keys.get("scenarioepoch", ""))
        epochs = origin + np.array([row[0] for row in rows])
        states = np.array([row[1] for row in rows]) * _UNITS[unit]
        cuts = [0]
        for k in range(1, epochs.size):
            step = epochs[k] - epochs[k - 1]
            at_edge = any(abs(rows[k][0] - edge) < 1e-6 for edge in edges) and k - cuts[-1] > 0
            if step < 0.0 or (step == 0.0 and not at_edge):
                raise self.wrong(
                    "does not increase", "order the states; a repeated time is a segment boundary", f"{rows[k][0]:g}"
                )
            if at_edge and (step == 0.0 or not any(abs(rows[k - 1][0] - edge) < 1e-6 for edge in edges)):
                following = k + 1 < epochs.size and rows[k + 1][0] == rows[k][0]
                if step == 0.0 or not following:
                    cuts.append(k)
        parts = [
            Segment(epochs[a:b], states[a:b, :3], states[a:b, 3:])
            for a, b in zip(cuts, [*cuts[1:], epochs.size], strict=True)
        ]
        name = Path(self.file).stem
        return Ephemeris(name, name, body, tuple(parts))

    def _epoch(self, text: str) -> float:
        match = re.match(r"(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2})(\.\d*)?$", text)
        if match is None or match[2] not in _MONTHS:
            raise self.wrong("is not an epoch", "write 1 Jan 2030 00:00:00.000", text, "ScenarioEpoch")
        when = datetime(
            int(match[3]), _MONTHS.index(match[2]) + 1, int(match[1]), int(match[4]), int(match[5]), int(match[6])
        )
        return utc_to_tdb_s(when) + (float(f"0{match[7]}") if match[7] and len(match[7]) > 1 else 0.0)
