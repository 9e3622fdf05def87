"""SPICE kernels of flown legs: SPK type 13, written through jplephem's access to DAF files.

Type 13 is Hermite interpolation of states at unequal steps (SPK Required Reading, NAIF). One segment of the file for
each segment of the ephemeris, so that no reader interpolates across a burn.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Final

import numpy as np
from jplephem.daf import DAF, FTPSTR
from numpy.typing import NDArray

from moonvillage.errors import InputError
from moonvillage.exchange.ephemeris import CENTRES, Ephemeris, Segment

Floats = NDArray[np.float64]

#: States in the window of the interpolation: polynomials of degree 7.
WINDOW: Final = 4
_J2000: Final = 1
_TYPE: Final = 13
_DIRECTORY: Final = 100
_RECORD: Final = 1024
_COMMENT_BYTES: Final = 1000


def spk_bytes(ephemeris: Ephemeris, naif_id: int) -> bytes:
    """The bytes of an SPK file with the ephemeris of one craft.

    Parameters
    ----------
    ephemeris
        Its centre must have a NAIF code (:data:`~moonvillage.exchange.ephemeris.CENTRES`).
    naif_id
        The craft's code: negative by NAIF's custom, and of nothing else that is loaded with the file.

    Raises
    ------
    InputError
        If the code is not negative.
    """
    if naif_id >= 0:
        raise InputError.one(
            "is not a code for a spacecraft", "give a negative one, such as -900001", value=str(naif_id)
        )
    notes = ["Written by moonvillage. ICRF (J2000) axes, km, km/s, TDB.", *ephemeris.notes]
    stream = io.BytesIO(_empty(ephemeris.name, notes))
    daf = DAF(stream)
    for k, segment in enumerate(ephemeris.segments):
        first, last = float(segment.epoch_tdb_s[0]), float(segment.epoch_tdb_s[-1])
        label = f"{ephemeris.name} {k + 1}".encode("ascii", "replace")[:40]
        values = (first, last, naif_id, CENTRES[ephemeris.centre], _J2000, _TYPE)
        daf.add_array(label, values, _words(segment))
    data = stream.getvalue()
    return data + b"\0" * (-len(data) % _RECORD)  # SPICE reads whole records


def _words(segment: Segment) -> Floats:
    """The array of a type 13 segment: states, epochs, every hundredth epoch, window size less one, count."""
    states = np.hstack([segment.r_m, segment.v_m_s]) * 1e-3
    epochs = segment.epoch_tdb_s
    count = epochs.size
    directory = epochs[_DIRECTORY - 1 : count - 1 : _DIRECTORY] if count > _DIRECTORY else epochs[:0]
    window = min(WINDOW, count)
    return np.concatenate([states.ravel(), epochs, directory, [window - 1.0, float(count)]])


def _empty(name: str, notes: Sequence[str]) -> bytes:
    """A DAF file with its comments and no array."""
    text = "\0".join(notes).encode("ascii", "replace") + b"\4"
    comments = [text[i : i + _COMMENT_BYTES] for i in range(0, len(text), _COMMENT_BYTES)]
    first = 2 + len(comments)
    free = (first + 1) * _RECORD // 8 + 1
    head = struct.pack(
        "<8sII60sIII8s603s28s297s",
        b"DAF/SPK ",
        2,
        6,
        name.encode("ascii", "replace")[:60].ljust(60),
        first,
        first,
        free,
        b"LTL-IEEE",
        b"",
        FTPSTR,
        b"",
    )
    records = [head, *(comment.ljust(_RECORD, b"\0") for comment in comments)]
    records.append(struct.pack("<ddd", 0.0, 0.0, 0.0).ljust(_RECORD, b"\0"))
    records.append(b" " * _RECORD)
    return b"".join(records)
