"""An ephemeris as it was flown: the error of the model over every arc between breaks, and the burns found in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import ClassVar, Final

import numpy as np

from moonvillage.catalog.schema import quantity as measure
from moonvillage.catalog.schema import text
from moonvillage.errors import InputError
from moonvillage.records.oem import OemSegment, read_oem
from moonvillage.replay.as_flown import AsFlown, Sunlit, take_apart
from moonvillage.replay.finite_burns import finite_burn
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.records import Computed, Outcome
from moonvillage.units import STANDARD_GRAVITY_M_S2

_LEAST_BURN_M_S: Final = 1.0
_FLYBY_M: Final = 3.0e6


@dataclass(frozen=True, slots=True, kw_only=True)
class AsFlownEphemeris(Step):
    """Every coast of a CCSDS OEM is flown in the full model from its first state to its last; burns are recovered.

    Events: ``arcs`` (median, and ``worst``), ``flyby_1`` ... (arcs that begin, end or pass within 3,000 km of the
    Moon's centre, in order), ``burn_1`` ... (burns of 1 m/s and more, in order), ``trims`` (the sum of smaller ones).
    """

    OFFERS: ClassVar[Mapping[str, str]] = {
        "arcs": "position_error",
        "worst": "position_error",
        "flyby_#": "position_error distance time",
        "burn_#": "recovered_dv recovered_time time",
        "trims": "recovered_dv",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {}

    file: str = text("an OEM (KVN, plain or gzip): a path, or the name of a built-in one")
    area_m2: float | None = measure("area", "what sunlight pushes on; without it sunlight is left out", None, low=0.0)
    reflectivity: float = measure("fraction", "pressure coefficient: 1 absorbs all, 2 is a mirror", 1.3, low=0.0)
    mass_kg: float | None = measure("mass", "mass at the first state", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse: burns lighten the craft", None, low=50.0)


def segment_of(name: str) -> OemSegment:
    """The segment of an OEM: a path, or the name of a file among the built-in data.

    Raises
    ------
    InputError
        If the file is wrong, or has several segments.
    """
    path = Path(name)
    built_in = Path(str(resources.files("moonvillage.replay"))) / "data" / name
    message = read_oem(path if path.exists() or not built_in.exists() else built_in)
    if len(message.segments) != 1:
        raise InputError.one(
            f"holds {len(message.segments)} segments", "give an OEM with one segment", file=name, field="file"
        )
    return message.segments[0]


@lru_cache(maxsize=4)
def _taken_apart(name: str, stamp: float, sunlit: Sunlit | None) -> AsFlown:
    return take_apart(segment_of(name), sunlit=sunlit)


def computed_of(flown: AsFlown, exhaust_m_s: float = np.inf) -> dict[tuple[str, str], Computed]:
    """The numbers of an ephemeris taken apart, by (event, quantity); burns as finite ones where that fits."""
    errors = np.array([arc.error_m for arc in flown.arcs])
    found = {
        ("arcs", "position_error"): Computed(float(np.median(errors)), f"median of {errors.size} arcs"),
        ("worst", "position_error"): Computed(float(errors.max())),
    }
    number = 0
    for arc in flown.arcs:
        if not arc.least_moon_m < _FLYBY_M:
            continue
        number += 1
        found[f"flyby_{number}", "position_error"] = Computed(arc.error_m)
        if arc.perilune_m < _FLYBY_M:
            found[f"flyby_{number}", "distance"] = Computed(arc.perilune_m)
            found[f"flyby_{number}", "time"] = Computed(arc.perilune_tdb_s)
    for k, burn in enumerate((burn for burn in flown.burns if burn.dv_m_s >= _LEAST_BURN_M_S), 1):
        finite = finite_burn(flown, burn, exhaust_m_s=exhaust_m_s)
        dv = burn.dv_m_s if finite.reason else finite.dv_m_s
        found[f"burn_{k}", "recovered_dv"] = Computed(dv, finite.reason and "as an impulse")
        found[f"burn_{k}", "time"] = Computed(burn.epoch_tdb_s, "the impulse that joins both coasts")
        if not finite.reason:
            found[f"burn_{k}", "recovered_time"] = Computed(finite.duration_s)
    small = sum(burn.dv_m_s for burn in flown.burns if burn.dv_m_s < _LEAST_BURN_M_S)
    found["trims", "recovered_dv"] = Computed(small)
    return found


@register("as_flown", AsFlownEphemeris)
def fly_as_flown(step: AsFlownEphemeris, context: Context) -> Outcome:
    """Arc-by-arc truth: nothing is aimed at, the model alone is tried."""
    sunlit = None
    mass, _, isp = context.engine(step)
    exhaust = None if isp is None else isp * STANDARD_GRAVITY_M_S2
    if step.area_m2 is not None:
        if mass is None:
            return Outcome(reason="Sunlight's push on an area needs the mass.")
        sunlit = Sunlit(step.area_m2, step.reflectivity, mass, exhaust)
    path = Path(step.file)
    flown = _taken_apart(step.file, path.stat().st_mtime if path.exists() else 0.0, sunlit)
    joins = [join.miss_m for join in flown.joins]
    notes = [*flown.notes]
    if joins:
        notes.append(
            f"{len(joins)} joins of the navigators' solutions lie between the arcs (position jumps of "
            f"{min(joins):,.0f} m to {max(joins) / 1e3:,.0f} km, median {np.median(joins) / 1e3:.1f} km): no model "
            "crosses them"
        )
    return Outcome(computed_of(flown, np.inf if exhaust is None else exhaust), {}, tuple(notes))
