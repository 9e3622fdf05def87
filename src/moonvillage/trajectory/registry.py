"""What every solver shares: its signature, its options, and the table in which it is found.

A solver is a function ``(arc, departure_tdb_s, options) -> Leg``, entered by origin and destination::

    @register(EarthOrbit, MoonOrbit)
    def solve_leo_to_llo(arc: Arc, departure_tdb_s: float, options: SolveOptions) -> Leg: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, Place


@dataclass(frozen=True, slots=True)
class SolveOptions:
    """What the caller of :func:`moonvillage.trajectory.solve` may fix.

    ``plane_normal`` is the ICRF unit normal of the orbit that the craft is really in (or, for an ascent, must
    reach); None leaves the plane free. ``duration_s`` fixes the flight time; None lets the solver choose near the
    cheapest. ``samples`` is the number of states in ``Leg.trajectory`` (0: none). ``fixed_departure`` forbids the
    shift of the departure within half a revolution.
    """

    plane_normal: tuple[float, float, float] | None = None
    duration_s: float | None = None
    samples: int = 0
    fixed_departure: bool = False


Solver = Callable[[Arc, float, SolveOptions], Leg]

#: (type of origin, type of destination) → solver. Filled at import by :func:`register`, never changed later.
SOLVERS: Final[dict[tuple[type[Place], type[Place]], Solver]] = {}
#: The same for arcs that say by which way (``Arc.via``): (origin, destination, via) → solver.
VARIANTS: Final[dict[tuple[type[Place], type[Place], str], Solver]] = {}


def register(origin: type[Place], destination: type[Place], via: str = "") -> Callable[[Solver], Solver]:
    """Enter a solver for arcs from ``origin`` to ``destination``, by the usual way or by the one named ``via``.

    Raises
    ------
    ValueError
        If there is one already.
    """

    def enter(solver: Solver) -> Solver:
        if (origin, destination) in SOLVERS if not via else (origin, destination, via) in VARIANTS:
            raise ValueError(f"two solvers for {origin.__name__} → {destination.__name__} {via}".rstrip())
        if via:
            VARIANTS[origin, destination, via] = solver
        else:
            SOLVERS[origin, destination] = solver
        return solver

    return enter


def solver_of(arc: Arc) -> Solver | str:
    """The solver of an arc, or a sentence that says why there is none."""
    ends = (type(arc.origin), type(arc.destination))
    found = VARIANTS.get((*ends, arc.via)) if arc.via else SOLVERS.get(ends)
    if found is not None:
        return found
    pair = f"{ends[0].__name__} to {ends[1].__name__}"
    ways = sorted(via for a, b, via in VARIANTS if (a, b) == ends)
    if ends in SOLVERS or ways:
        named = ", ".join(repr(via) for via in ways) or "none"
        return f"No solver flies from {pair} by way of {arc.via!r}; named ways of this pair are: {named}."
    return f"No solver flies from {pair}."


def kind(arc: Arc) -> str:
    """The name of the sort of an arc, such as ``"EarthOrbit-MoonOrbit"`` (``Leg.kind``)."""
    return f"{type(arc.origin).__name__}-{type(arc.destination).__name__}"


def failure(arc: Arc, departure_tdb_s: float, reason: str) -> Leg:
    """A leg that did not converge, with the reason as a sentence."""
    return Leg(
        arc=arc.id,
        kind=kind(arc),
        departure_tdb_s=departure_tdb_s,
        arrival_tdb_s=float("nan"),
        converged=False,
        reason=reason,
    )
