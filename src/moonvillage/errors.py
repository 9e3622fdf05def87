"""The exception tree.

    MoonvillageError
    ├── InputError              the user's input is wrong; carries one or more Problems (exit code 2)
    ├── EphemerisRangeError     an epoch outside the ephemeris (carries .epoch_tdb_s, .start_tdb_s, .end_tdb_s)
    ├── ConservationError       mass or energy did not balance: a defect of ours, never the user's
    └── Interrupted             Ctrl-C; the run is resumable (exit code 3)

A failure that is a normal outcome (an infeasible plan, a leg that did not converge) is a value, not an
exception: see ``Campaign.status`` and ``Leg.converged``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input, said so that the user can mend it.

    ``field`` is the dotted path in the file, ``value`` the offending text as written,
    ``remedy`` an instruction. ``line`` is 1-based, ``None`` where no line applies.
    """

    file: str
    line: int | None
    field: str
    value: str
    message: str
    remedy: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        what = f" {self.field}:" if self.field else ""
        shown = f" {self.value!r}" if self.value else ""
        text = f"{where}:{what}{shown} {self.message}; {self.remedy}"
        return " ".join(text.split())


class MoonvillageError(Exception):
    """The root of all exceptions that this package raises on purpose."""


class InputError(MoonvillageError):
    """The user's input is wrong. ``problems`` holds every defect found, never empty."""

    def __init__(self, problems: list[Problem]) -> None:
        assert problems, "an InputError needs a Problem"
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))

    @classmethod
    def one(
        cls,
        message: str,
        remedy: str,
        *,
        file: str = "",
        line: int | None = None,
        field: str = "",
        value: str = "",
    ) -> InputError:
        """The common case of a single problem."""
        return cls([Problem(file, line, field, value, message, remedy)])


class EphemerisRangeError(MoonvillageError):
    """An epoch outside the span of the ephemeris. Epochs are TDB seconds past J2000."""

    def __init__(self, epoch_tdb_s: float, start_tdb_s: float, end_tdb_s: float) -> None:
        self.epoch_tdb_s = epoch_tdb_s
        self.start_tdb_s = start_tdb_s
        self.end_tdb_s = end_tdb_s
        super().__init__(
            f"epoch {epoch_tdb_s:.3f} s TDB past J2000 lies outside the ephemeris, "
            f"which covers {start_tdb_s:.0f} s to {end_tdb_s:.0f} s"
        )


class ConservationError(MoonvillageError):
    """A ledger did not balance. ``imbalance`` is relative to ``throughput`` in the same unit."""

    def __init__(self, quantity: str, imbalance: float, throughput: float, where: str) -> None:
        self.quantity = quantity
        self.imbalance = imbalance
        self.throughput = throughput
        self.where = where
        super().__init__(
            f"{quantity} does not balance at {where}: {imbalance:.3e} of a throughput of {throughput:.6g}"
        )


class Interrupted(MoonvillageError):
    """The user stopped the work; what is finished is kept and the same command resumes it."""
