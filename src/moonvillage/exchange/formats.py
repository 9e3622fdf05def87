"""The formats by name: which can be written, which can be read, and with what ending."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from moonvillage.errors import InputError
from moonvillage.exchange.czml import czml_text
from moonvillage.exchange.ephemeris import Ephemeris
from moonvillage.exchange.gmat import gmat_text
from moonvillage.exchange.oem import ephemerides, oem_text, read_message
from moonvillage.exchange.opm import Opm, opm_of, opm_text, read_opm
from moonvillage.exchange.spk import spk_bytes
from moonvillage.exchange.stk import read_stk, stk_text
from moonvillage.records.store import write_bytes

#: The first NAIF code given to a craft that has none; the next one to the next.
FIRST_NAIF_ID: Final = -900_001


@dataclass(frozen=True, slots=True)
class Format:
    """A format that ephemerides are written in."""

    name: str
    suffix: str
    what: str
    to_bytes: Callable[[Ephemeris, int], bytes]


def table(ephemeris: Ephemeris) -> pl.DataFrame:
    """The states as a table: segment, epoch, ICRF position and velocity about the centre, SI."""
    parts = [
        pl.DataFrame(
            {
                "object": [ephemeris.object_id] * segment.epoch_tdb_s.size,
                "segment": np.full(segment.epoch_tdb_s.size, k, dtype=np.int32),
                "centre": [ephemeris.centre] * segment.epoch_tdb_s.size,
                "epoch_tdb_s": segment.epoch_tdb_s,
                **{name: segment.r_m[:, i] for i, name in enumerate(("x_m", "y_m", "z_m"))},
                **{name: segment.v_m_s[:, i] for i, name in enumerate(("vx_m_s", "vy_m_s", "vz_m_s"))},
            }
        )
        for k, segment in enumerate(ephemeris.segments)
    ]
    return pl.concat(parts)


def _parquet(ephemeris: Ephemeris, naif_id: int) -> bytes:
    buffer = io.BytesIO()
    table(ephemeris).write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


FORMATS: Final[dict[str, Format]] = {
    f.name: f
    for f in (
        Format("oem", ".oem", "CCSDS orbit ephemeris, KVN", lambda e, _: oem_text(e).encode()),
        Format("oem-xml", ".oem.xml", "CCSDS orbit ephemeris, XML", lambda e, _: oem_text(e, xml=True).encode()),
        Format("opm", ".opm", "CCSDS first state and burns, KVN", lambda e, _: opm_text(opm_of(e)).encode()),
        Format("opm-xml", ".opm.xml", "the same, XML", lambda e, _: opm_text(opm_of(e), xml=True).encode()),
        Format("spk", ".bsp", "SPICE kernel, type 13", spk_bytes),
        Format("stk", ".e", "STK ephemeris", lambda e, _: stk_text(e).encode()),
        Format("gmat", ".script", "GMAT script that flies it again", lambda e, _: gmat_text(e).encode()),
        Format("czml", ".czml", "CZML for Cesium", lambda e, _: czml_text([e]).encode()),
        Format("csv", ".csv", "states as a table", lambda e, _: table(e).write_csv().encode()),
        Format("parquet", ".parquet", "states as a table", _parquet),
    )
}


def format_named(name: str) -> Format:
    """A format by its name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in FORMATS:
        raise InputError.one("is not a format", f"use {', '.join(FORMATS)}", field="--format", value=name)
    return FORMATS[name]


def write(ephemeris: Ephemeris, path: str | Path, format_name: str, *, naif_id: int = FIRST_NAIF_ID) -> Path:
    """Write an ephemeris to a file, atomically; equal ephemerides give equal bytes.

    Raises
    ------
    InputError
        If the format is not one of :data:`FORMATS`, or the file cannot be written.
    """
    data = format_named(format_name).to_bytes(ephemeris, naif_id)
    target = Path(path)
    try:
        write_bytes(target, data)
    except OSError as cause:
        raise InputError.one(f"cannot be written ({cause})", "choose another place", file=str(path)) from None
    return target


def read(path: str | Path) -> list[Ephemeris] | Opm:
    """Read an OEM (KVN, gzip or XML), an OPM (KVN or XML) or an STK ``.e`` file, told apart by what they begin with.

    Raises
    ------
    InputError
        If the file is missing, none of these, or wrong: with the line and the remedy.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            head = stream.read(600)
    except OSError as cause:
        raise InputError.one(f"cannot be read ({cause})", "give the path of a file", file=str(path)) from None
    if head[:2] == b"\x1f\x8b" or b"CCSDS_OEM_VERS" in head or b"<oem" in head:
        return ephemerides(read_message(file), file=str(path))
    if b"CCSDS_OPM_VERS" in head or b"<opm" in head:
        return read_opm(file)
    if head.lower().startswith(b"stk.v."):
        return [read_stk(file)]
    raise InputError.one(
        "is no file that is read here", "give an OEM or OPM (KVN or XML) or an STK .e file", file=str(path)
    )
