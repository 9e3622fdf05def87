"""Dense output: the Taylor series of every step, evaluated for many epochs at once.

heyoka's own continuous output compiles a function for each flight, which costs more than most flights do; the series
that it would evaluate are kept here instead, six to a step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CHUNK: Final = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The n steps of a flight in order of time.

    ``mid_tdb_s`` (n,): middles of their granules. In seconds from those: ``low_s`` and ``high_s`` (n,), the step's
    span, and ``origin_s`` (n,), where its series begins. ``series`` (n, 6, k): coefficients in ascending powers of
    seconds, SI, ICRF axes about the path's centre.
    """

    mid_tdb_s: Floats
    low_s: Floats
    high_s: Floats
    origin_s: Floats
    series: Floats

    def at(self, epochs: Floats) -> Floats:
        """States (m, 6) at epochs (m,), TDB s; what lies outside is taken at the nearest end."""
        owner = np.searchsorted((self.mid_tdb_s + self.low_s)[1:], epochs, side="right")
        result = np.empty((epochs.size, 6))
        for begin in range(0, epochs.size, _CHUNK):
            part = slice(begin, begin + _CHUNK)
            mine = owner[part]
            t = (
                np.clip(epochs[part] - self.mid_tdb_s[mine], self.low_s[mine], self.high_s[mine])
                - self.origin_s[mine]
            )
            powers = np.vander(t, self.series.shape[2], increasing=True)
            result[part] = np.einsum("nik,nk->ni", self.series[mine], powers)
        return result

    def epochs(self, divide: int) -> Floats:
        """Ends of the steps, each divided, (n,), increasing, TDB s."""
        shares = np.arange(divide) / divide
        spans = self.high_s - self.low_s
        grid = (self.mid_tdb_s + self.low_s)[:, None] + spans[:, None] * shares
        return np.unique(np.append(grid.ravel(), self.mid_tdb_s[-1] + self.high_s[-1]))


class Recorder:
    """Collects the steps of one flight. :meth:`granule` gives the callback for the next stretch."""

    def __init__(self) -> None:
        self._times: list[tuple[float, float, float]] = []
        self._series: list[Floats] = []

    def granule(self, mid_tdb_s: float) -> Callable[[Any], bool]:
        """A step callback, for an integrator that writes its Taylor coefficients, of time from ``mid_tdb_s``."""

        def keep(integrator: Any) -> bool:
            length = integrator.last_h
            if length != 0.0:
                self._times.append((mid_tdb_s, integrator.time, length))
                self._series.append(integrator.tc[:6].copy())
            return True

        return keep

    def pieces(self) -> tuple[Steps, ...]:
        """What was collected, in order of time, as one record; nothing if there was no step."""
        if not self._times:
            return ()
        mid, end, length = np.array(self._times).T
        series = np.array(self._series)
        origin = end - length
        if length[0] < 0.0:
            mid, end, origin, series = mid[::-1], end[::-1], origin[::-1], series[::-1]
        return (Steps(mid, np.minimum(origin, end), np.maximum(origin, end), origin, series),)
