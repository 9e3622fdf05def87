"""CCSDS navigation messages in XML: turned into the key–value lines that the readers know, and back.

The schema is CCSDS 505.0-B (XML Specification for Navigation Data Messages). Reading goes through expat, so that
every line of notation keeps the number of the line it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape

from moonvillage.errors import InputError

_UNITS: Final = (
    "",
    "km",
    "km/s",
    "km/s**2",
    "km**2",
    "km**2/s",
    "km**2/s**2",
    "kg",
    "s",
    "m**2",
    "deg",
    "km**3/s**2",
)
#: Elements that only group others.
_GROUPS: Final = ("header", "body", "segment", "data", "stateVector", "spacecraftParameters", "ndm")
_STATE: Final = ("EPOCH", "X", "Y", "Z", "X_DOT", "Y_DOT", "Z_DOT", "X_DDOT", "Y_DDOT", "Z_DDOT")


class _Lines:
    """Collects lines while expat walks the document."""

    def __init__(self, file: str, kind: str) -> None:
        self.file, self.kind = file, kind
        self.found: list[tuple[int, str]] = []
        self.text = ""
        self.open: list[str] = []
        self.state: dict[str, str] = {}
        self.row: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.EntityDeclHandler = self._entity

    @property
    def line(self) -> int:
        return int(self.parser.CurrentLineNumber)

    def wrong(self, message: str, remedy: str, field: str = "", value: str = "") -> InputError:
        return InputError.one(message, remedy, file=self.file, line=self.line, field=field, value=value[:60])

    def _entity(self, *_: object) -> None:
        raise self.wrong("declares an entity", "give a message without entities")

    def _characters(self, text: str) -> None:
        self.text += text

    def say(self, line: str) -> None:
        self.found.append((self.line, line))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.open:
            if name != self.kind:
                raise self.wrong(f"is not the message wanted, which is <{self.kind}>", "give such a file", value=name)
            self.say(f"CCSDS_{self.kind.upper()}_VERS = {attributes.get('version', '')}")
        unit = attributes.get("units", "")
        if unit.lower() not in _UNITS:
            raise self.wrong(
                "is a unit that is not read", f"use {', '.join(filter(None, _UNITS))}", field=name, value=unit
            )
        self.open.append(name)
        self.text = ""
        if self.kind == "oem":
            if name == "metadata":
                self.say("META_START")
            elif name == "covarianceMatrix":
                self.say("COVARIANCE_START")
                self.row = []

    def _end(self, name: str) -> None:
        text, self.text = " ".join(self.text.split()), ""
        self.open.pop()
        parent = self.open[-1] if self.open else ""
        if self.kind == "oem" and name == "metadata":
            self.say("META_STOP")
        elif self.kind == "oem" and name == "stateVector":
            self.say(" ".join(self.state[key] for key in _STATE if key in self.state))
            self.state = {}
        elif self.kind == "oem" and name == "covarianceMatrix":
            self.say("COVARIANCE_STOP")
        elif self.kind == "oem" and parent == "stateVector":
            if name not in _STATE:
                raise self.wrong("is no part of a state", f"use {', '.join(_STATE)}", field=name)
            self.state[name] = text
        elif self.kind == "oem" and parent == "covarianceMatrix" and name.startswith("C") and "_" in name:
            self.row.append(text)
            row, column = _split(name)
            if row == column:
                self.say(" ".join(self.row))
                self.row = []
        elif name == "COMMENT":
            self.say(f"COMMENT {text}")
        elif name not in _GROUPS and name != self.kind and (text or name.isupper()):
            self.say(f"{name} = {text}")


def _split(name: str) -> tuple[str, str]:
    """``CX_DOT_Y`` → ``("X_DOT", "Y")``: the two components of a covariance."""
    parts = name[1:].split("_")
    sides: list[str] = []
    for part in parts:
        if part == "DOT":
            sides[-1] += "_DOT"
        else:
            sides.append(part)
    return sides[0], sides[-1]


def kvn_lines(text: str, kind: str, *, file: str) -> list[tuple[int, str]]:
    """Numbered key–value lines of an XML message; ``kind`` is "oem" or "opm".

    Raises
    ------
    InputError
        If the text is no such XML: with the line.
    """
    lines = _Lines(file, kind)
    try:
        lines.parser.Parse(text, True)
    except expat.ExpatError as cause:
        raise InputError.one(
            f"is not well-formed XML ({expat.errors.messages[cause.code]})",
            "correct the file",
            file=file,
            line=cause.lineno,
        ) from None
    return lines.found


def read_text(path: str | Path) -> str:
    """The text of a message.

    Raises
    ------
    InputError
        If the file is missing or not text.
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise InputError.one(f"cannot be read ({cause})", "give the path of the message", file=str(path)) from None


def is_xml(text: str) -> bool:
    """Whether a message is in XML rather than key–value notation."""
    return text.lstrip("\ufeff \t\r\n").startswith("<")


def element(key: str, value: str, unit: str = "") -> str:
    """One element with its text, and its unit where it has one."""
    units = f' units="{unit}"' if unit else ""
    return f"<{key}{units}>{escape(value)}</{key}>"


def group(name: str, inner: Iterable[str]) -> list[str]:
    """Lines inside an element, indented."""
    return [f"<{name}>", *(f"  {line}" for line in inner), f"</{name}>"]


def document(kind: str, version: str, header: Sequence[str], segments: Iterable[Sequence[str]]) -> str:
    """A whole message of one or more segments."""
    body: list[str] = []
    for segment in segments:
        body += group("segment", segment)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<{kind} id="CCSDS_{kind.upper()}_VERS" version="{version}">',
        *(f"  {line}" for line in [*group("header", header), *group("body", body)]),
        f"</{kind}>",
        "",
    ]
    return "\n".join(lines)
