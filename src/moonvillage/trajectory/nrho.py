"""Halo and distant retrograde orbits in the ephemeris: the reference that a craft on one is taken to follow.

The periodic orbit of the restricted problem is laid along the calendar and closed into one trajectory of the n-body
model (:mod:`moonvillage.trajectory.chains`). The phase is fixed once for all dates: phase 0 at J2000 and every period
after, so that an orbit of one name is one orbit for everybody.

The calendar is divided into windows of 64 revolutions or some 14 months at most (strongly unstable orbits: 128, or
five years), the same for everybody and whatever was asked before; in a window the reference is continuous to
centimetres. Where two windows meet it jumps, by some hundred to some thousand kilometres and metres a second
(``docs/design/orbits.md`` measures it); a leg uses one window throughout. A window that cannot be closed near the
periodic orbit is halved, down to 4 revolutions.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moonvillage import dynamics
from moonvillage.dynamics import cache
from moonvillage.ephemeris import de440
from moonvillage.records.places import Dro, Halo
from moonvillage.trajectory import chains, dro, halo
from moonvillage.trajectory.cr3bp import LENGTH_M, TIME_S
from moonvillage.trajectory.periodic import PeriodicOrbit
from moonvillage.units import DAY_S, JULIAN_YEAR_S

Floats = NDArray[np.float64]

#: The longest window in revolutions and in time; windows are 4, 8, ..., 64 (128) revolutions long. Strongly unstable
#: orbits take longer ones: what happens at one end of their chains is forgotten within a revolution or two.
_MOST_REVOLUTIONS: Final = 64
_LONGEST_S: Final = 480.0 * DAY_S
_UNSTABLE: Final = 10.0
_MOST_UNSTABLE: Final = 128
_LONGEST_UNSTABLE_S: Final = 5.5 * JULIAN_YEAR_S
#: A chain that strays from the periodic orbit by more than this share of its size (rms) is no reference.
_STRAYED: Final = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A stretch of a periodic orbit in the n-body model, Moon-centred ICRF, valid from ``start`` to ``end``.

    Attributes
    ----------
    orbit
        The member of the restricted problem that it follows.
    start_tdb_s, end_tdb_s
        Span, TDB seconds past J2000.
    epochs_tdb_s, nodes
        (n,) and (n, 6) m and m/s: the states from which its arcs are flown.
    gap_m, gap_m_s
        The widest gaps where one arc ends and the next begins.
    reason
        Empty where it was closed; otherwise a sentence, and there are no states.
    """

    orbit: PeriodicOrbit
    start_tdb_s: float
    end_tdb_s: float
    epochs_tdb_s: Floats
    nodes: Floats
    gap_m: float
    gap_m_s: float
    reason: str = ""
    _arcs: dict[int, dynamics.Path] = field(default_factory=dict, repr=False)

    def _arc(self, epoch_tdb_s: float) -> dynamics.Path:
        """The arc that holds an epoch; flown when first asked for."""
        if not self.start_tdb_s <= epoch_tdb_s <= self.end_tdb_s:
            raise ValueError(
                f"epoch {epoch_tdb_s:.0f} s lies outside the reference, {self.start_tdb_s:.0f} to "
                f"{self.end_tdb_s:.0f} s"
            )
        k = int(np.searchsorted(self.epochs_tdb_s, epoch_tdb_s, side="right")) - 1
        k = min(max(k, 0), self.epochs_tdb_s.size - 2)
        if k not in self._arcs:
            begin, end = float(self.epochs_tdb_s[k]), float(self.epochs_tdb_s[k + 1])
            state = self.nodes[k]
            self._arcs[k] = dynamics.propagate(begin, state[:3], state[3:], end, centre="moon", dense=True)
        return self._arcs[k]

    def state(self, epoch_tdb_s: float) -> Floats:
        """State (6,) at an epoch, m and m/s, Moon-centred ICRF. ValueError outside the span."""
        return np.asarray(self._arc(epoch_tdb_s).at(epoch_tdb_s))

    def states(self, epochs_tdb_s: ArrayLike) -> Floats:
        """States (n, 6) at epochs (n,), m and m/s, Moon-centred ICRF. ValueError outside the span."""
        epochs = np.asarray(epochs_tdb_s, dtype=np.float64)
        owner = np.searchsorted(self.epochs_tdb_s[1:-1], epochs, side="right")
        found = np.empty((epochs.size, 6))
        for k in np.unique(owner):
            mine = owner == k
            found[mine] = self._arc(float(epochs[mine][0])).at(epochs[mine])
        return found

    def rate(self, epoch_tdb_s: float) -> Floats:
        """Time derivative (6,) of the state, by differences of the dense output over ten seconds."""
        arc = self._arc(epoch_tdb_s)
        low = max(epoch_tdb_s - 5.0, arc.start_tdb_s)
        high = min(epoch_tdb_s + 5.0, arc.epoch_tdb_s)
        return np.asarray((arc.at(high) - arc.at(low)) / (high - low))

    def phase(self, epoch_tdb_s: float) -> float:
        """Nominal phase in revolutions, in [0, 1): of a halo, past apolune."""
        return float((epoch_tdb_s / (self.orbit.period * TIME_S)) % 1.0)


def find(place: Halo | Dro) -> PeriodicOrbit:
    """The periodic orbit of the restricted problem that a place names.

    Raises
    ------
    ValueError
        Where the family has no such member.
    """
    return dro.find_dro(place) if isinstance(place, Dro) else halo.find_halo(place)


def period_s(place: Halo | Dro) -> float:
    """Nominal period of a halo or distant retrograde orbit, s. Raises ValueError where there is no such member."""
    return find(place).period * TIME_S


def reference(place: Halo | Dro, epoch_tdb_s: float) -> Reference:
    """The window of a place's reference that holds an epoch, with at least a revolution on either side.

    Parameters
    ----------
    place
        A halo or a distant retrograde orbit.
    epoch_tdb_s
        TDB seconds past J2000.

    Raises
    ------
    ValueError
        Where the family has no such member.
    EphemerisRangeError
        If the window leaves DE440.
    """
    orbit = find(place)
    period = orbit.period * TIME_S
    revolution = int(np.floor(epoch_tdb_s / period))
    unstable = abs(orbit.stability[0]) > _UNSTABLE
    length, longest = (_MOST_UNSTABLE, _LONGEST_UNSTABLE_S) if unstable else (_MOST_REVOLUTIONS, _LONGEST_S)
    while length > chains.SHORT and length * period > longest:
        length //= 2
    while True:
        found = _window(orbit, length, revolution // length)
        if not found.reason or length <= chains.SHORT:
            return found
        length //= 2


def follow(place: Halo | Dro | PeriodicOrbit, start_tdb_s: float, revolutions: int) -> Reference:
    """A continuous stretch of any length: ``revolutions`` from the first node after ``start_tdb_s``.

    Unlike :func:`reference` it depends on where it starts: two stretches of one orbit differ where they overlap.

    Raises
    ------
    ValueError
        Where the family has no such member.
    EphemerisRangeError
        If the stretch, or the short chains that it starts from, leave DE440.
    """
    orbit = place if isinstance(place, PeriodicOrbit) else find(place)
    first = int(np.ceil(start_tdb_s / (orbit.period * TIME_S) * chains.NODES - 0.5))
    return _of(orbit, chains.follow(orbit, first, revolutions * chains.NODES + 1))


@lru_cache(maxsize=256)
def _window(orbit: PeriodicOrbit, length: int, number: int) -> Reference:
    """One window with its margins: from the disk, or solved."""
    first = (number * length - chains.MARGIN) * chains.NODES
    count = (length + 2 * chains.MARGIN) * chains.NODES + 1
    file = cache.folder() / "references" / f"{_key(orbit, first, count)}.npz"
    chain = _read(file)
    if chain is None:
        chain = chains.follow(orbit, first, count)
        if not chain.reason and length > chains.SHORT:
            _, laid = chains.lay(orbit, first, count)
            strayed = float(np.sqrt(np.mean(np.sum((chain.nodes - laid)[:, :3] ** 2, axis=1))))
            if strayed > _STRAYED * orbit.apolune_radius * LENGTH_M:
                reason = f"the trajectory strays from the periodic orbit by {strayed / 1e3:.0f} km"
                chain = chains.Chain(chain.epochs_tdb_s, chain.nodes, chain.gap_m, chain.gap_m_s, reason)
        _write(file, chain)
    return _of(orbit, chain)


def _of(orbit: PeriodicOrbit, chain: chains.Chain) -> Reference:
    return Reference(
        orbit,
        float(chain.epochs_tdb_s[0]),
        float(chain.epochs_tdb_s[-1]),
        chain.epochs_tdb_s,
        chain.nodes,
        chain.gap_m,
        chain.gap_m_s,
        chain.reason,
    )


@lru_cache(maxsize=1)
def _version() -> bytes:
    """What the nodes depend on besides the orbit: equations, methods, ephemeris."""
    here = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for name in ("chains", "cr3bp", "nrho", "periodic"):
        digest.update((here / f"{name}.py").read_bytes())
    for room in ("dynamics", "ephemeris"):
        for path in sorted((here.parent / room).glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    digest.update(str(de440.load().identity).encode())
    return digest.digest()


def _key(orbit: PeriodicOrbit, first: int, count: int) -> str:
    numbers = np.array([*orbit.state, orbit.period, first, count])
    return hashlib.sha256(_version() + numbers.tobytes()).hexdigest()[:40]


def _read(file: Path) -> chains.Chain | None:
    try:
        with np.load(file, allow_pickle=False) as found:
            gaps = found["gaps"]
            return chains.Chain(found["epochs"], found["nodes"], float(gaps[0]), float(gaps[1]), str(found["reason"]))
    except (OSError, ValueError, KeyError, EOFError):  # absent or damaged: solved again
        return None


def _write(file: Path, chain: chains.Chain) -> None:
    with contextlib.suppress(OSError):  # a cache that cannot be written is no failure
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=file.stem)
        with os.fdopen(handle, "wb") as stream:
            np.savez(
                stream,
                epochs=chain.epochs_tdb_s,
                nodes=chain.nodes,
                gaps=np.array([chain.gap_m, chain.gap_m_s]),
                reason=np.array(chain.reason),
            )
        Path(temporary).replace(file)
