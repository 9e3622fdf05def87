"""Trajectories: every way between two places, solved in the n-body model.

:func:`solve` takes an :class:`~moonvillage.records.places.Arc` and a date and gives a
:class:`~moonvillage.records.legs.Leg`; the solvers are entered in ``registry``.
"""

from __future__ import annotations

from moonvillage.trajectory.api import solve
from moonvillage.trajectory.registry import SolveOptions

__all__ = ["SolveOptions", "solve"]
