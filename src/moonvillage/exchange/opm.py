"""CCSDS Orbit Parameter Messages (502.0-B): one state with its planned burns, written, read, and flown on.

Both notations, KVN and XML. What a message says beyond a state, masses and manoeuvres (osculating elements,
covariance, user-defined keys) is read over; what it says in a frame or time system that is not known is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.ephemeris import de440
from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.errors import InputError
from moonvillage.exchange import ndm_xml
from moonvillage.exchange.ephemeris import CENTRES, NEAR_MOON_M, Ephemeris, Manoeuvre, Segment
from moonvillage.records.oem import CENTRES as NAMES
from moonvillage.records.oem import FRAMES, TIME_SYSTEMS, epoch_tdb_s

Floats = NDArray[np.float64]

VERSION: Final = "2.0"
VERSION_HERE: Final = metadata.version("moonvillage")
_STATE: Final = ("X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT")
_REQUIRED: Final = ("OBJECT_NAME", "OBJECT_ID", "CENTER_NAME", "REF_FRAME", "TIME_SYSTEM", "EPOCH", *_STATE)
_MANOEUVRE: Final = (
    "MAN_EPOCH_IGNITION",
    "MAN_DURATION",
    "MAN_DELTA_MASS",
    "MAN_REF_FRAME",
    "MAN_DV_1",
    "MAN_DV_2",
    "MAN_DV_3",
)
_PAIR: Final = re.compile(r"([A-Z][A-Z0-9_]*)\s*=\s*(.*?)\s*(?:\[[^\]]*\])?\s*\Z")


@dataclass(frozen=True, slots=True, eq=False)
class Opm:
    """One state, ICRF axes about ``centre``, SI, TDB; ``mass_kg`` None where the message says none.

    ``manoeuvres`` are in ICRF axes, too, in the order of their ignition.
    """

    object_name: str
    object_id: str
    centre: str
    epoch_tdb_s: float
    r_m: Floats
    v_m_s: Floats
    mass_kg: float | None = None
    manoeuvres: tuple[Manoeuvre, ...] = ()

    def fly(self, to_tdb_s: float, *, samples: int = 400) -> Ephemeris:
        """Coast and burn to another epoch in the n-body model; a burn is an impulse at its middle, as the notes say.

        Raises
        ------
        InputError
            If the path runs into a body, or the end lies before the state's epoch.
        EphemerisRangeError
            If it leaves DE440.
        """
        if to_tdb_s <= self.epoch_tdb_s:
            raise InputError.one("ends before the state's epoch", "give a later end", field="--until")
        centre, now, r, v = self.centre, self.epoch_tdb_s, self.r_m, self.v_m_s
        every = (to_tdb_s - now) / max(samples, 2)
        burns = [(b.epoch_tdb_s + 0.5 * b.duration_s, np.array(b.dv_icrf_m_s)) for b in self.manoeuvres]
        burns = sorted((b for b in burns if now <= b[0] <= to_tdb_s), key=lambda burn: burn[0])
        segments: list[Segment] = []
        for stop, dv in [*burns, (to_tdb_s, np.zeros(3))]:
            epochs, states = [now], [np.concatenate([r, v])]
            while now < stop:
                following = stop if stop - now <= 1.5 * every else now + every
                about = _about(now, r, centre)
                moved = dynamics.change_centre(now, r, v, centre, about)
                path = dynamics.propagate(now, *moved, following, centre=about)
                if path.reason:
                    raise InputError.one(path.reason, "mend the state", field="X, Y, Z, X_DOT, Y_DOT, Z_DOT")
                r, v = dynamics.change_centre(following, path.r_m, path.v_m_s, about, centre)
                now = following
                epochs.append(now)
                states.append(np.concatenate([r, v]))
            if len(epochs) > 1:
                table = np.array(states)
                segments.append(Segment(np.array(epochs), table[:, :3], table[:, 3:]))
            v = v + dv
        notes = ("burns of a length are flown as impulses at their middle",) if self._long else ()
        return Ephemeris(
            self.object_name, self.object_id, centre, tuple(segments), self.manoeuvres, self.mass_kg, notes
        )

    @property
    def _long(self) -> bool:
        return any(burn.duration_s > 0.0 for burn in self.manoeuvres)


def _about(epoch: float, r: Floats, centre: str) -> str:
    """The centre about which a coast is best flown on."""
    if centre in ("sun", "mars"):
        return "sun"
    to_moon = de440.load().state(centre, epoch, "moon")[0] + r
    return "moon" if float(np.linalg.norm(to_moon)) < NEAR_MOON_M else "earth"


def opm_of(ephemeris: Ephemeris) -> Opm:
    """The first state of an ephemeris, with the burns that follow it."""
    first = ephemeris.segments[0]
    epoch = float(first.epoch_tdb_s[0])
    later = tuple(burn for burn in ephemeris.manoeuvres if burn.epoch_tdb_s > epoch + 1e-3)
    return Opm(
        ephemeris.name,
        ephemeris.object_id,
        ephemeris.centre,
        epoch,
        first.r_m[0],
        first.v_m_s[0],
        ephemeris.mass_kg,
        later,
    )


def _utc(tdb_s: float) -> str:
    return tdb_s_to_utc(tdb_s, decimals=6).rstrip("Z")


def opm_text(opm: Opm, *, created: str = "2000-01-01T00:00:00", xml: bool = False) -> str:
    """An OPM in UTC, ICRF, km and km/s; impulses have duration 0. ``created`` is fixed unless given."""
    name = next(name for name, body in NAMES.items() if body == opm.centre)
    meta = [
        ("OBJECT_NAME", opm.object_name),
        ("OBJECT_ID", opm.object_id),
        ("CENTER_NAME", name),
        ("REF_FRAME", "ICRF"),
        ("TIME_SYSTEM", "UTC"),
    ]
    numbers = [*(f"{x * 1e-3:.9f}" for x in opm.r_m), *(f"{x * 1e-3:.12f}" for x in opm.v_m_s)]
    units = ["km"] * 3 + ["km/s"] * 3
    state = [("EPOCH", _utc(opm.epoch_tdb_s), ""), *zip(_STATE, numbers, units, strict=True)]
    mass = [] if opm.mass_kg is None else [("MASS", f"{opm.mass_kg:.6f}", "kg")]
    burns = []
    for burn in opm.manoeuvres:
        dv = [f"{x * 1e-3:.12f}" for x in burn.dv_icrf_m_s]
        values = [_utc(burn.epoch_tdb_s), f"{burn.duration_s:.6f}", f"{-burn.propellant_kg:.6f}", "ICRF", *dv]
        burns.append(list(zip(_MANOEUVRE, values, ["", "s", "kg", "", "km/s", "km/s", "km/s"], strict=True)))
    comment = f"moonvillage {VERSION_HERE}"
    header = [("CREATION_DATE", created), ("ORIGINATOR", "MOONVILLAGE")]
    if xml:
        head = [ndm_xml.element("COMMENT", comment), *(ndm_xml.element(k, v) for k, v in header)]
        data = ndm_xml.group("stateVector", [ndm_xml.element(*row) for row in state])
        if mass:
            data += ndm_xml.group("spacecraftParameters", [ndm_xml.element(*row) for row in mass])
        for rows in burns:
            data += ndm_xml.group("maneuverParameters", [ndm_xml.element(*row) for row in rows])
        metadata = ndm_xml.group("metadata", [ndm_xml.element(k, v) for k, v in meta])
        return ndm_xml.document("opm", VERSION, head, [[*metadata, *ndm_xml.group("data", data)]])
    lines = [f"CCSDS_OPM_VERS = {VERSION}", f"COMMENT {comment}"]
    lines += [f"{key} = {value}" for key, value in [*header, *meta]]
    for key, value, unit in [*state, *mass, *(row for rows in burns for row in rows)]:
        lines.append(f"{key} = {value} [{unit}]" if unit else f"{key} = {value}")
    return "\n".join([*lines, ""])


def read_opm(path: str | Path) -> Opm:
    """Read an OPM, KVN or XML.

    Raises
    ------
    InputError
        If the file is missing or no such message: with the line and the remedy.
    """
    text = ndm_xml.read_text(path)
    file = str(path)
    if ndm_xml.is_xml(text):
        lines = ndm_xml.kvn_lines(text, "opm", file=file)
    else:
        lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    return _Reader(file, [(n, line) for n, line in lines if line]).read()


class _Reader:
    """One pass over the lines of a message."""

    def __init__(self, file: str, lines: list[tuple[int, str]]) -> None:
        self.file, self.lines = file, lines
        self.where: dict[str, int] = {}

    def wrong(self, message: str, remedy: str, key: str = "", value: str = "", line: int | None = None) -> InputError:
        number = line if line is not None else self.where.get(key)
        return InputError.one(message, remedy, file=self.file, line=number, field=key, value=value[:60])

    def read(self) -> Opm:
        found: dict[str, str] = {}
        burns: list[tuple[int, dict[str, str]]] = []
        for number, line in self.lines:
            if line == "COMMENT" or line.startswith("COMMENT "):
                continue
            match = _PAIR.match(line)
            if match is None:
                raise self.wrong("is not a KEY = value line", "correct or remove the line", value=line, line=number)
            key, value = match[1], match[2]
            if not self.where and key != "CCSDS_OPM_VERS":
                raise self.wrong("does not begin with CCSDS_OPM_VERS", "give an OPM", key=key, line=number)
            self.where.setdefault(key, number)
            if key == "MAN_EPOCH_IGNITION":
                burns.append((number, {}))
            if key in _MANOEUVRE:
                if not burns:
                    raise self.wrong("stands before MAN_EPOCH_IGNITION", "begin each burn with it", key, line=number)
                burns[-1][1][key] = value
                continue
            if key in found and not key.startswith("USER_DEFINED"):
                raise self.wrong("stands twice", "say it once", key, value, line=number)
            found[key] = value
        for key in _REQUIRED:
            if not found.get(key):
                raise self.wrong("is missing", "add it", key)
        for key, known in (("CENTER_NAME", tuple(NAMES)), ("REF_FRAME", FRAMES), ("TIME_SYSTEM", TIME_SYSTEMS)):
            if found[key].upper() not in known:
                raise self.wrong("is not one that is read", f"use {', '.join(known)}", key, found[key])
        centre = NAMES[found["CENTER_NAME"].upper()]
        if centre not in CENTRES:
            raise self.wrong(
                "is not a centre that states are flown about", f"use {', '.join(CENTRES)}", "CENTER_NAME"
            )
        state = np.array([self._number(found[key], key) for key in _STATE]) * 1e3
        mass = self._number(found["MASS"], "MASS") if "MASS" in found else None
        system = found["TIME_SYSTEM"].upper()
        manoeuvres = [self._burn(k, number, values, system) for k, (number, values) in enumerate(burns)]
        return Opm(
            found["OBJECT_NAME"],
            found["OBJECT_ID"],
            centre,
            self._epoch(found["EPOCH"], system, "EPOCH", self.where["EPOCH"]),
            state[:3],
            state[3:],
            mass,
            tuple(sorted(manoeuvres, key=lambda burn: burn.epoch_tdb_s)),
        )

    def _burn(self, index: int, line: int, values: dict[str, str], system: str) -> Manoeuvre:
        for key in _MANOEUVRE:
            if key not in values and key != "MAN_DELTA_MASS":
                raise self.wrong("is missing from a burn", "add it", key, line=line)
        if values["MAN_REF_FRAME"].upper() not in FRAMES:
            raise self.wrong(
                "is a frame of burns that is not read", f"use {', '.join(FRAMES)}", "MAN_REF_FRAME", line=line
            )
        x, y, z = (self._number(values[f"MAN_DV_{k}"], f"MAN_DV_{k}", line) * 1e3 for k in (1, 2, 3))
        return Manoeuvre(
            f"burn {index + 1}",
            self._epoch(values["MAN_EPOCH_IGNITION"], system, "MAN_EPOCH_IGNITION", line),
            self._number(values["MAN_DURATION"], "MAN_DURATION", line),
            (x, y, z),
            -self._number(values.get("MAN_DELTA_MASS", "0"), "MAN_DELTA_MASS", line),
        )

    def _number(self, text: str, key: str, line: int | None = None) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not np.isfinite(value):
            raise self.wrong("is not a number", "correct it", key, text, line=line)
        return value

    def _epoch(self, text: str, system: str, key: str, line: int) -> float:
        try:
            return epoch_tdb_s(text, system)
        except ValueError as cause:
            raise self.wrong(
                f"is not an epoch ({cause})", "write 2030-01-01T00:00:00", key, text, line=line
            ) from None
