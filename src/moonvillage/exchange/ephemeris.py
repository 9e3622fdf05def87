"""The record that every exchange format is made from, or read into: states of one craft over time.

Inside: ICRF axes (EME2000 is taken as ICRF, conventions §3.1), SI units, TDB seconds past J2000, a stated centre.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris import de440

Floats = NDArray[np.float64]

#: Centres that can be written, with their NAIF codes.
CENTRES: Final[dict[str, int]] = {"earth": 399, "moon": 301, "sun": 10, "mars": 499}
#: Within this distance of the Moon a coast is flown about it, with its field.
NEAR_MOON_M: Final = 60_000e3


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One stretch without a jump: epochs ``(n,)`` strictly increasing, ``r_m`` and ``v_m_s`` ``(n, 3)``.

    Between its states one may interpolate; across its ends one may not, for there a burn or a gap lies.
    """

    epoch_tdb_s: Floats
    r_m: Floats
    v_m_s: Floats

    def __post_init__(self) -> None:
        n = self.epoch_tdb_s.shape[0]
        if self.r_m.shape != (n, 3) or self.v_m_s.shape != (n, 3):
            raise ValueError(f"{n} epochs need positions and velocities of shape ({n}, 3)")
        if n and not np.all(np.diff(self.epoch_tdb_s) > 0.0):
            raise ValueError("the epochs of a segment must increase")


@dataclass(frozen=True, slots=True)
class Manoeuvre:
    """A burn: its start, its length (0: an impulse), its impulse vector (ICRF, m/s), and the mass that it uses."""

    name: str
    epoch_tdb_s: float
    duration_s: float
    dv_icrf_m_s: tuple[float, float, float]
    propellant_kg: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Ephemeris:
    """The states of one craft about one centre, in segments by time, and its burns.

    ``notes`` say what is approximate; writers put them into comments.
    """

    name: str
    object_id: str
    centre: str
    segments: tuple[Segment, ...]
    manoeuvres: tuple[Manoeuvre, ...] = ()
    mass_kg: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def start_tdb_s(self) -> float:
        """First epoch."""
        return float(self.segments[0].epoch_tdb_s[0])

    @property
    def end_tdb_s(self) -> float:
        """Last epoch."""
        return float(self.segments[-1].epoch_tdb_s[-1])

    @property
    def states(self) -> int:
        """How many states there are."""
        return sum(segment.epoch_tdb_s.size for segment in self.segments)

    def about(self, centre: str) -> Ephemeris:
        """The same motion about another centre ("earth", "moon", "sun", "mars"); axes stay ICRF.

        Raises
        ------
        EphemerisRangeError
            If an epoch lies outside DE440.
        """
        if centre == self.centre:
            return self
        moved = []
        for segment in self.segments:
            r0, v0 = de440.load().state(self.centre, segment.epoch_tdb_s, centre)
            moved.append(Segment(segment.epoch_tdb_s, segment.r_m + r0, segment.v_m_s + v0))
        return replace(self, centre=centre, segments=tuple(moved))

    def __repr__(self) -> str:
        return f"Ephemeris({self.name}, {len(self.segments)} segments, {self.states} states about the {self.centre})"
