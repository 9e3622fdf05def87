"""Compiled integrators, kept on disk so that a second process starts at once.

Place: ``$XDG_CACHE_HOME/moonvillage`` or the platform's user cache folder; ``MOONVILLAGE_CACHE`` overrides it.
A file is keyed by the versions of heyoka and Python, the sources that write the equations, and the processor's
features; it is written to a temporary name and renamed. A file that cannot be read is compiled anew and replaced.
Only files that this user owns are read, for they are pickles.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import os
import pickle
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import heyoka as hy

from moonvillage.ephemeris.orientation import pa_from_me

#: Files that nobody has used for so long are removed when a new one is written.
_KEEP_S: Final = 90.0 * 86400.0
#: The sources that write equations: of the models here, and of what they are made of.
_EQUATIONS: Final = ("cache.py", "forces.py", "gravity.py", "models.py", "shadow.py", "thrust.py")
_LOCK: Final = threading.Lock()
_PROTOTYPES: dict[str, Any] = {}
_LOCAL: Final = threading.local()


def folder() -> Path:
    """The cache folder (not created)."""
    named = os.environ.get("MOONVILLAGE_CACHE")
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local"))) / "moonvillage" / "Cache"
    if sys.platform == "darwin" and "XDG_CACHE_HOME" not in os.environ:
        return Path.home() / "Library" / "Caches" / "moonvillage"
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "moonvillage"


@lru_cache(maxsize=1)
def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(("flags", "Features")):
                return line
    return platform.processor()


@lru_cache(maxsize=1)
def _sources() -> str:
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in _EQUATIONS:
        digest.update((here / name).read_bytes())
    digest.update(repr([pa_from_me(name).tolist() for name in ("de421", "de440")]).encode())
    return digest.hexdigest()


#: Read when the equations are, so that a file edited later does not lend its key to code of before.
_SOURCES: Final = _sources()


def _key(name: str) -> str:
    parts = (name, hy.__version__, platform.python_version(), platform.machine(), _processor(), _SOURCES)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _read(file: Path) -> Any:
    try:
        if hasattr(os, "getuid") and file.stat().st_uid != os.getuid():
            return None
        data = file.read_bytes()
        digest, body = data[:32], data[32:]
        if hashlib.sha256(body).digest() != digest:
            return None
        found = pickle.loads(body)
        os.utime(file)  # still in use
        return found
    except Exception:  # any damage means: compile again
        return None


def _write(file: Path, integrator: Any) -> None:
    body = pickle.dumps(integrator)
    with contextlib.suppress(OSError):  # a cache that cannot be written is no failure
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.stem)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(hashlib.sha256(body).digest() + body)
            Path(temporary).replace(file)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
        for old in file.parent.glob("*.heyoka"):
            if time.time() - old.stat().st_mtime > _KEEP_S:
                old.unlink(missing_ok=True)


def integrator(name: str, build: Callable[[], Any]) -> Any:
    """This thread's own integrator of that name: from memory, from disk, or built.

    The object is mutable working space: set its time, state and parameters before every use.
    """
    own: dict[str, Any] | None = getattr(_LOCAL, "integrators", None)
    if own is None:
        own = _LOCAL.integrators = {}
    if name not in own:
        with _LOCK:
            if name not in _PROTOTYPES:
                file = folder() / f"{name}-{_key(name)}.heyoka"
                found = _read(file)
                if found is None:
                    found = build()
                    _write(file, found)
                _PROTOTYPES[name] = found
            own[name] = copy.copy(_PROTOTYPES[name])
    return own[name]
