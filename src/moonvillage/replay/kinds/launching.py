"""From the pad: when in the day a launch towards the Moon is, and when the injection follows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from moonvillage.catalog.schema import choice, date, integer
from moonvillage.catalog.schema import quantity as measure
from moonvillage.records.places import MoonOrbit
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.records import Computed, Outcome
from moonvillage.trajectory.launch import Ascent, daily_windows, launch_site
from moonvillage.trajectory.launch_solved import solved_launch

#: Azimuths about the one chosen that are looked at, so that the samples of the window straddle it.
_SLACK_RAD = math.radians(6.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch(Step):
    """A launch towards the Moon on a day and an azimuth that the operator chose: lift-off and injection follow."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "time inclination",
        "insertion": "time",
        "injection": "time dv c3",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {}

    day_tdb_s: float = date("the day of launch (its beginning, UTC)")
    latitude_rad: float = measure("angle", "geodetic latitude of the pad", low=-0.5 * math.pi, high=0.5 * math.pi)
    longitude_rad: float = measure("angle", "longitude of the pad, east")
    azimuth_rad: float = measure("angle", "launch azimuth over the turning Earth, from north through east")
    coast: str = choice(("short", "long"), "which of the day's two windows", "long")
    revolutions: int = integer(
        "whole turns in the parking orbit before the coast to the injection", 0, low=0, high=20
    )
    flight_time_s: float = measure(
        "time", "from injection to the Moon, as planned", low=2.0 * 86400.0, high=6.5 * 86400.0
    )
    perigee_m: float = measure("length", "height of the parking orbit", 185.2e3, low=100e3)
    ascent_time_s: float = measure("time", "from lift-off to the parking orbit", 709.0, low=0.0)
    ascent_arc_rad: float = measure(
        "angle", "arc covered by the ascent, as seen from the stars", math.radians(24.3), low=0.0
    )
    perilune_m: float = measure("length", "height of the perilune aimed at", 111e3, low=10e3)
    lunar_inclination_rad: float | None = measure(
        "angle", "inclination at the Moon; polar by default", None, low=0.0, high=math.pi
    )


@register("launch", Launch)
def fly_launch(step: Launch, context: Context) -> Outcome:
    """The window of the day at that azimuth, by conics, then in n-body motion where that settles."""
    limits = (step.azimuth_rad - _SLACK_RAD, step.azimuth_rad + _SLACK_RAD)
    site = launch_site("pad", step.latitude_rad, step.longitude_rad, limits)
    up = Ascent(step.ascent_time_s, step.ascent_arc_rad, step.perigee_m)
    found = daily_windows(
        site,
        step.day_tdb_s,
        flight_time_s=step.flight_time_s,
        ascent=up,
        revolutions=step.revolutions,
        opportunities=241,
    )
    chances = [chance for window in found.windows if window.coast == step.coast for chance in window.opportunities]
    if not chances:
        return Outcome(reason=found.reason or f"The {step.coast} coast has no launch at this azimuth on this day.")
    chance = min(chances, key=lambda c: abs(c.azimuth_rad - step.azimuth_rad))
    notes = [chance.approximation]
    orbit = MoonOrbit("orbit", context.height_m(step.perilune_m) - 1_737_400.0, step.lunar_inclination_rad)
    solved = solved_launch(site, chance, orbit, ascent=up, duration_s=step.flight_time_s)
    if solved.reason:
        notes.append(f"by conics alone: {solved.reason}")
    else:
        chance = solved.opportunity
        notes = [chance.approximation]
    return Outcome(
        {
            ("", "time"): Computed(chance.launch_tdb_s),
            ("", "inclination"): Computed(chance.inclination_rad),
            ("insertion", "time"): Computed(chance.insertion_tdb_s),
            ("injection", "time"): Computed(chance.injection_tdb_s),
            ("injection", "dv"): Computed(chance.dv_m_s),
            ("injection", "c3"): Computed(chance.c3_m2_s2),
        },
        notes=tuple(note for note in notes if note),
    )
