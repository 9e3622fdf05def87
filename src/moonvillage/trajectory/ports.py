"""Docking ports: which mate with which, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Standards of which any two of a kind mate (androgynous), with what they are.
ANDROGYNOUS: Final = {
    "idss": "International Docking System Standard",
    "apas": "APAS-89/95",
    "cn-apas": "the Chinese system derived from APAS",
}


@dataclass(frozen=True, slots=True)
class Mating:
    """Whether two craft can dock: ``standard`` that both have, or a ``reason`` why not (one of the two is empty).

    ``berthing`` is True where the standard needs an arm to bring the craft together.
    """

    standard: str = ""
    reason: str = ""
    berthing: bool = False

    @property
    def possible(self) -> bool:
        """Whether the ports mate."""
        return not self.reason


def mate(chaser: Sequence[str], target: Sequence[str]) -> Mating:
    """Find a standard by which two craft can dock.

    Parameters
    ----------
    chaser, target
        The ports of each, as in the catalog ("idss", "cn-apas", "ssvp", "cbm"), optionally with the half after a
        colon ("ssvp:probe", "ssvp:drogue", "claw:bars", "idss:passive").

    Returns
    -------
    Mating
        A standard without halves stated is taken to have the half that is needed. Two passive halves of an
        androgynous standard do not mate.
    """
    if not chaser or not target:
        return Mating(reason=f"The {'chaser' if not chaser else 'target'} has no docking port.")
    reasons: list[str] = []
    best: Mating | None = None
    for own in chaser:
        for other in target:
            (name, half), (name2, half2) = _split(own), _split(other)
            if name != name2:
                continue
            if name in ANDROGYNOUS:
                if half == half2 == "passive":
                    reasons.append(f"Both {name} ports are passive; one has to be active.")
                    continue
            elif half and half == half2:
                reasons.append(f"Both {name} ports are of the half {half!r}; the other half is needed.")
                continue
            found = Mating(standard=name, berthing=name == "cbm")
            if best is None or (best.berthing and not found.berthing):
                best = found
    if best is not None:
        return best
    if reasons:
        return Mating(reason=reasons[0])
    return Mating(
        reason=f"No common docking standard: the chaser has {', '.join(chaser)}, the target {', '.join(target)}; "
        "an adapter is needed."
    )


def _split(port: str) -> tuple[str, str]:
    name, _, half = port.partition(":")
    return name.strip().lower(), half.strip().lower()
