"""TOML documents that remember their lines, so that every complaint can name one.

The values come from the standard library's parser; a scanner of our own adds the line of every key. It follows
TOML's grammar closely enough for that (tables, arrays of tables, dotted and quoted keys, multi-line strings,
arrays and inline tables); where it cannot tell, the line of the enclosing key stands.
"""

from __future__ import annotations

import contextlib
import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from moonvillage.errors import InputError, Problem

#: Larger files are refused unread: a scenario of 10 years is about 40 kB.
MAX_BYTES: Final = 4_000_000
MAX_DEPTH: Final = 24

Path_ = tuple[str | int, ...]
_TOMLLIB_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed TOML file: ``data`` as plain values, ``lines`` from key path to 1-based line."""

    file: str
    text: str
    data: Mapping[str, Any]
    lines: Mapping[Path_, int]

    def line(self, path: Path_) -> int | None:
        """The line of a key, or of the nearest enclosing key that has one."""
        return nearest_line(self.lines, path)

    def problem(self, path: Path_, value: object, message: str, remedy: str) -> Problem:
        """A Problem that points at ``path``."""
        return Problem(self.file, self.line(path), dotted(path), shown(value), message, remedy)


def nearest_line(lines: Mapping[Path_, int], path: Path_) -> int | None:
    """The line of a key, or of the nearest enclosing key that has one; None where no key has."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def dotted(path: Path_) -> str:
    """``("missions", "a", "steps", 2, "by")`` → ``missions.a.steps[3].by`` (counted from 1, as people do)."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def shown(value: object) -> str:
    """A value as it may stand in a one-line message."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A remedy for an unknown name."""
    known = sorted(set(known))
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.55)
    if near:
        return "did you mean " + " or ".join(f"'{n}'" for n in near) + "?"
    if not known:
        return "nothing of this kind is defined"
    shown_names = ", ".join(known[:8]) + (", ..." if len(known) > 8 else "")
    return f"use one of {shown_names}"


def read_document(path: Path) -> Document:
    """Read and parse a TOML file.

    Raises
    ------
    InputError
        If the file cannot be read, is too large, is not UTF-8 text, nests too deeply or is not TOML.
    """
    file = str(path)
    try:
        if path.is_dir():
            raise InputError.one("is a folder, not a file", "name the scenario file itself", file=file)
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError.one(
                f"is {size / 1e6:.0f} MB, larger than a scenario can be ({MAX_BYTES / 1e6:.0f} MB)",
                "check that this is a scenario file",
                file=file,
            )
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError.one(
            "does not exist",
            "check the path, or make one with 'moonvillage new FILE --from moon-village'",
            file=file,
        ) from None
    except OSError as error:
        raise InputError.one(
            f"cannot be read ({error.strerror or error})", "check the file's permissions", file=file
        ) from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError.one(
            "is not UTF-8 text", "save the scenario as plain text in UTF-8", file=file, line=line
        ) from None
    return parse_document(text, file)


def parse_document(text: str, file: str) -> Document:
    """Parse TOML text; ``file`` is the name that errors carry. Raises InputError as :func:`read_document`."""
    depth_line = _too_deep(text)
    if depth_line is not None:
        raise InputError.one(
            f"nests deeper than {MAX_DEPTH} levels",
            "flatten the tables; no scenario needs this",
            file=file,
            line=depth_line,
        )
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        where = _TOMLLIB_WHERE.search(message)
        line = int(where.group(1)) if where and where.group(1) else text.count("\n") + 1
        raise InputError.one(
            "is not valid TOML: " + _TOMLLIB_WHERE.sub("", message).rstrip("."),
            "mend the syntax here; strings and quantities need quotes, ids may stand only once",
            file=file,
            line=line,
        ) from None
    except RecursionError:
        raise InputError.one(
            "nests too deeply", "flatten the tables; no scenario needs this", file=file, line=1
        ) from None
    return Document(file=file, text=text, data=data, lines=_scan(text))


def _too_deep(text: str) -> int | None:
    """The first line on which brackets or dots nest deeper than MAX_DEPTH, outside strings."""
    depth = 0
    line = 1
    quote = ""
    i = 0
    while i < len(text):
        char = text[i]
        if char == "\n":
            line += 1
            if len(quote) == 1:
                quote = ""
        if quote:
            if char == "\\" and quote[0] == '"':
                i += 1
            elif text.startswith(quote, i):
                i += len(quote) - 1
                quote = ""
        elif char in "\"'":
            quote = char * 3 if text.startswith(char * 3, i) else char
            i += len(quote) - 1
        elif char == "#":
            end = text.find("\n", i)
            i = (len(text) if end < 0 else end) - 1
        elif char in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return line
        elif char in "]}":
            depth = max(0, depth - 1)
        i += 1
    for number, row in enumerate(text.split("\n"), 1):
        head = row.split("=", 1)[0]
        if head.count(".") > MAX_DEPTH and not row.lstrip().startswith("#") and '"' not in head:
            return number
    return None


class _Scanner:
    """Walks TOML text that tomllib has accepted and notes the line of each key."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.i = 0
        self.line = 1
        self.lines: dict[Path_, int] = {}
        self.counts: dict[Path_, int] = {}  # arrays of tables: how many so far

    def note(self, path: Path_) -> None:
        for end in range(1, len(path) + 1):
            self.lines.setdefault(path[:end], self.line)

    def skip(self, newlines: bool) -> None:
        while self.i < len(self.text):
            char = self.text[self.i]
            if char == "#":
                end = self.text.find("\n", self.i)
                self.i = len(self.text) if end < 0 else end
            elif char == "\n":
                if not newlines:
                    return
                self.line += 1
                self.i += 1
            elif char in " \t\r":
                self.i += 1
            else:
                return

    def key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self.skip(False)
            char = self.text[self.i]
            if char in "\"'":
                parts.append(self.string())
            else:
                start = self.i
                while self.i < len(self.text) and (self.text[self.i].isalnum() or self.text[self.i] in "_-"):
                    self.i += 1
                parts.append(self.text[start : self.i])
                if start == self.i:
                    raise IndexError
            self.skip(False)
            if self.text[self.i] != ".":
                return tuple(parts)
            self.i += 1

    def string(self) -> str:
        char = self.text[self.i]
        quote = char * 3 if self.text.startswith(char * 3, self.i) else char
        start = self.i + len(quote)
        self.i = start
        while not self.text.startswith(quote, self.i):
            if self.text[self.i] == "\n":
                self.line += 1
            self.i += 2 if self.text[self.i] == "\\" and char == '"' else 1
        # up to two quotes may precede the closing ones of a multi-line string
        while len(quote) == 3 and self.text.startswith(char, self.i + 3):
            self.i += 1
        content = self.text[start : self.i]
        self.i += len(quote)
        return content

    def value(self, path: Path_) -> None:
        self.skip(False)
        char = self.text[self.i]
        if char in "\"'":
            self.string()
        elif char == "[":
            self.i += 1
            index = 0
            while True:
                self.skip(True)
                if self.text[self.i] == "]":
                    self.i += 1
                    return
                self.note((*path, index))
                self.value((*path, index))
                index += 1
                self.skip(True)
                if self.text[self.i] == ",":
                    self.i += 1
        elif char == "{":
            self.i += 1
            while True:
                self.skip(True)
                if self.text[self.i] == "}":
                    self.i += 1
                    return
                key = self.key()
                self.note((*path, *key))
                self.i += 1  # the equals sign
                self.value((*path, *key))
                self.skip(True)
                if self.text[self.i] == ",":
                    self.i += 1
        else:
            while self.i < len(self.text) and self.text[self.i] not in ",]}#\n":
                self.i += 1

    def resolve(self, key: tuple[str, ...]) -> Path_:
        """A table header's key with the current index of each array of tables put in."""
        path: Path_ = ()
        for part in key:
            path = (*path, part)
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
        return path

    def run(self) -> None:
        table: Path_ = ()
        while True:
            self.skip(True)
            if self.i >= len(self.text):
                return
            if self.text.startswith("[[", self.i):
                self.i += 2
                key = self.key()
                parent = self.resolve(key[:-1])
                array = (*parent, key[-1])
                self.counts[array] = self.counts.get(array, 0) + 1
                table = (*array, self.counts[array] - 1)
                self.note(table)
                self.i += 2
            elif self.text[self.i] == "[":
                self.i += 1
                table = self.resolve(self.key())
                self.note(table)
                self.lines[table] = self.line
                self.i += 1
            else:
                path = (*table, *self.key())
                self.note(path)
                self.i += 1  # the equals sign
                self.value(path)


def _scan(text: str) -> dict[Path_, int]:
    scanner = _Scanner(text)
    with contextlib.suppress(IndexError):  # where the scanner loses its way, the lines found so far stand
        scanner.run()
    return scanner.lines
