"""Records on disk: atomic writes, tables as Parquet, and a run folder that says what it holds.

A file is written beside its place and renamed, so that a reader sees the old one or the new one, never a half.
Equal tables give equal bytes.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from moonvillage.dynamics.cache import folder
from moonvillage.errors import InputError

MANIFEST: Final = "manifest.json"
WORK: Final = ".work"


def cache_dir() -> Path:
    """Where compiled integrators and leg tables are kept between runs (``MOONVILLAGE_CACHE`` overrides)."""
    return folder()


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically, making its folder where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; numbers survive exactly, NaN is refused."""
    text = json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def read_json(path: Path) -> Any:
    """Read JSON, or None where there is none or it is damaged."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def plain(value: Any) -> Any:
    """JSON-ready: mappings, sequences and numbers only; a number that is not finite becomes None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, (str, int)):
        return value
    number = float(value)
    return number if number - number == 0.0 else None


def write_table(path: Path, frame: pl.DataFrame) -> None:
    """Write a table as Parquet, atomically; equal frames give equal bytes."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", compression_level=3, statistics=True, row_group_size=1_000_000)
    write_bytes(path, buffer.getvalue())


def read_table(path: Path, schema: Mapping[str, pl.DataType] | None = None) -> pl.DataFrame:
    """Read a Parquet table; with ``schema``, an empty one where the file is missing."""
    if not path.exists() and schema is not None:
        return pl.DataFrame(schema=dict(schema))
    return pl.read_parquet(io.BytesIO(path.read_bytes()))


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder that appears at ``path`` whole, or not at all: fill the one yielded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield made
        made.chmod(0o755)
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
            os.replace(path, old / "x")
            os.replace(made, path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(made, path)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def open_run_folder(path: Path) -> Path:
    """Make or open a run folder and sweep what a killed run left half-written.

    Raises
    ------
    InputError
        If the folder cannot be written, is a file, or holds something that is not a run.
    """
    shown = str(path)
    if path.exists() and not path.is_dir():
        raise InputError.one("is a file, not a folder", "name another folder with -o", file=shown)
    if path.is_dir():
        try:
            names = {item.name for item in path.iterdir()}
        except OSError as error:
            raise InputError.one(f"cannot be read ({error.strerror})", "check its permissions", file=shown) from None
        if names and MANIFEST not in names and WORK not in names:
            raise InputError.one(
                "holds files that are not a run of moonvillage", "name an empty or new folder with -o", file=shown
            )
    try:
        (path / WORK).mkdir(parents=True, exist_ok=True)
        handle, probe = tempfile.mkstemp(prefix=".probe", dir=path)
        os.close(handle)
        os.unlink(probe)
    except OSError as error:
        raise InputError.one(
            f"cannot be written ({error.strerror})",
            "name another folder with -o, or mend its permissions",
            file=shown,
        ) from None
    for item in [*path.glob(".*"), *(path / WORK).glob(".*")]:
        if item.name == WORK:
            continue
        shutil.rmtree(item, ignore_errors=True) if item.is_dir() else item.unlink(missing_ok=True)
    return path
