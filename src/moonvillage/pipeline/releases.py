"""The record of releases: who was given what of a run, when, and under which agreement or rule.

One line a release in ``releases.jsonl``, chained like the trail of a sample ledger: each line carries the SHA-256 of
itself and its predecessor. A line is on the disk before the files that it tells of appear. A chain that was cut short
or written anew as a whole can only be known from outside: every bundle that left carries the number of its entry and
the hash of the one before (``release.json``), and ``verify`` takes such an anchor.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from moonvillage.curation.book import canonical, digest
from moonvillage.errors import InputError

RECORD: Final = "releases.jsonl"
#: What the first entry continues.
GENESIS: Final = hashlib.sha256(b"moonvillage release record 1").hexdigest()
_KEYS: Final = frozenset({"seq", "operation", "body", "previous", "hash"})


@dataclass(frozen=True, slots=True)
class ReleaseEntry:
    """A release: its number, its mark, and what the record says of it (``body``, as written)."""

    seq: int
    mark: str
    body: Mapping[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class RecordCheck:
    """Whether the record is what it was; ``problems`` name the entries."""

    sound: bool
    entries: tuple[ReleaseEntry, ...]
    problems: tuple[str, ...] = ()
    first_bad: int | None = None

    @property
    def head(self) -> tuple[int, str]:
        """Number and hash of the last sound entry; (-1, the genesis) where there is none."""
        return (self.entries[-1].seq, self.entries[-1].hash) if self.entries else (-1, GENESIS)


def verify(folder: Path, anchor: tuple[int, str] | None = None) -> RecordCheck:
    """Check the record of a run's releases.

    Parameters
    ----------
    folder
        The run folder.
    anchor
        Number and hash of an entry, from a bundle or noted earlier.

    Returns
    -------
    RecordCheck
        The entries up to the first that is corrupted, and what is wrong. No record at all is sound and empty, unless
        bundles that lie in the folder tell of one.
    """
    entries: list[ReleaseEntry] = []
    problems: list[str] = []
    first_bad: int | None = None
    try:
        data = (folder / RECORD).read_bytes()
    except FileNotFoundError:
        data = b""
    lines = data.split(b"\n")
    if lines.pop():
        problems.append(f"entry {len(lines)} is corrupted: its line is cut off")
        first_bad = len(lines)
    head = GENESIS
    for number, line in enumerate(lines):
        try:
            entry = _entry(number, line, head)
        except ValueError as error:
            problems.insert(0, f"entry {number} is corrupted: {error}")
            first_bad = number
            break
        entries.append(entry)
        head = entry.hash
    if first_bad is None or first_bad == len(entries):
        problems += _missing(folder, entries, anchor)
        if problems and first_bad is None:
            first_bad = len(entries)
    return RecordCheck(not problems, tuple(entries), tuple(problems), first_bad)


def _entry(number: int, line: bytes, head: str) -> ReleaseEntry:
    try:
        found = json.loads(line)
        text = found["body"]
        body = json.loads(text)
    except (ValueError, KeyError, TypeError):
        raise ValueError("it cannot be read") from None
    if (
        set(found) != _KEYS
        or not all(isinstance(found[k], str) for k in _KEYS - {"seq"})
        or not isinstance(body, dict)
    ):
        raise ValueError("it is not an entry any more")
    named = f"to {body.get('to', '?')} on {body.get('date', '?')}"
    if line.decode() != canonical(found):
        raise ValueError(f"its text was changed ({named})")
    if found["seq"] != number:
        raise ValueError(f"it is missing; the next one is number {found['seq']}")
    if found["previous"] != head:
        raise ValueError(f"it does not continue the chain ({named})")
    if digest(number, found["operation"], text, head) != found["hash"]:
        raise ValueError(f"its content does not match its hash ({named})")
    return ReleaseEntry(number, found["operation"], body, head, found["hash"])


def _missing(folder: Path, entries: Sequence[ReleaseEntry], anchor: tuple[int, str] | None) -> Iterator[str]:
    """Entries that something outside the record tells of, and that are not there or are others."""
    hashes = {-1: GENESIS, **{entry.seq: entry.hash for entry in entries}}
    if anchor is not None and hashes.get(anchor[0]) != anchor[1]:
        yield f"entry {anchor[0]} is not the one noted earlier: the record was cut or written anew"
    for path in sorted(folder.glob("partners/*/release.json")):
        try:
            told = json.loads(path.read_bytes())
            seq, mark, previous = int(told["entry"]), str(told["mark"]), str(told["previous"])
        except (OSError, ValueError, KeyError, TypeError):
            yield f"{path.relative_to(folder)} cannot be read"
            continue
        if seq >= len(entries):
            yield f"entry {seq} is missing: {path.relative_to(folder)} was released under it"
        elif entries[seq].mark != mark or hashes[seq - 1] != previous:
            yield f"entry {seq} is not the one that {path.relative_to(folder)} was released under"


class Register:
    """The record, open for one release. Use :func:`register`."""

    def __init__(self, stream: Any, count: int, head: str) -> None:
        self._stream = stream
        self.seq = count
        self.previous = head

    def mark(self, what: Mapping[str, Any]) -> str:
        """The watermark of the release to be made: it follows from the chain and from what is said of the release."""
        return hashlib.sha256(f"{self.previous}\n{canonical(what)}".encode()).hexdigest()[:12]

    def append(self, mark: str, body: Mapping[str, Any]) -> ReleaseEntry:
        """Write the entry; it is on the disk when this returns."""
        text = canonical(body)
        hash_ = digest(self.seq, mark, text, self.previous)
        line = canonical({"seq": self.seq, "operation": mark, "body": text, "previous": self.previous, "hash": hash_})
        self._stream.write(line.encode() + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())
        entry = ReleaseEntry(self.seq, mark, json.loads(text), self.previous, hash_)
        self.seq, self.previous = self.seq + 1, hash_
        return entry


@contextlib.contextmanager
def register(folder: Path) -> Iterator[Register]:
    """The record of a run, locked against other writers.

    Raises
    ------
    InputError
        If the record is corrupted (nothing is added to it then), or cannot be written.
    """
    path = folder / RECORD
    try:
        stream = path.open("ab")
    except OSError as error:
        raise InputError.one(
            f"cannot be written ({error.strerror})", "mend its permissions", file=str(path)
        ) from None
    with stream:
        _lock(stream)
        found = verify(folder)
        if not found.sound:
            raise InputError.one(found.problems[0], "find out who changed it; put a true copy back", file=str(path))
        count, head = found.head
        yield Register(stream, count + 1, head)


def _lock(stream: Any) -> None:
    """Wait for the other writers; where the system has no such lock, there is one writer."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover
        return
    fcntl.flock(stream.fileno(), fcntl.LOCK_EX)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under a folder, by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
