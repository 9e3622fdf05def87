"""Rendezvous and docking in lunar orbit, from the orbit that an ascent leaves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from moonvillage.catalog.schema import choice, date
from moonvillage.catalog.schema import quantity as measure
from moonvillage.ephemeris.constants import GM_MOON_M3_S2
from moonvillage.records.places import MoonOrbit
from moonvillage.replay.model import Context, Step, register
from moonvillage.replay.orbits import burnt
from moonvillage.replay.records import Computed, Outcome
from moonvillage.trajectory.catching_up import Insertion
from moonvillage.trajectory.lunar import lunar_family
from moonvillage.trajectory.planes import cross
from moonvillage.trajectory.rendezvous import LUNAR_COELLIPTIC, LUNAR_TWO_DAYS, fitted, plan_rendezvous


@dataclass(frozen=True, slots=True, kw_only=True)
class LunarRendezvous(Step):
    """A chaser, inserted into a low orbit, meets and docks with a target in another."""

    OFFERS: ClassVar[Mapping[str, str]] = {
        "": "dv propellant mass_after flight_time",
        "docking": "time",
        "csi": "dv time",
        "cdh": "dv time",
        "tpi": "dv time",
        "burn_#": "dv time",
    }
    CHOSEN: ClassVar[Mapping[tuple[str, str], tuple[str, ...]]] = {
        ("docking", "time"): ("docking_tdb_s",),
        ("", "flight_time"): ("docking_tdb_s",),
    }

    insertion_tdb_s: float = date("the chaser's insertion into its orbit")
    docking_tdb_s: float | None = date("contact, where the operator chose it; else the profile's own time", None)
    profile: str = choice(("coelliptic", "two_day"), "Apollo's of some hours, or the long one", "coelliptic")
    periapsis_m: float = measure("length", "lowest height of the chaser's orbit")
    apoapsis_m: float = measure("length", "highest height of it")
    target_m: float = measure("length", "height of the target's orbit")
    inclination_rad: float | None = measure(
        "angle", "inclination of both; polar by default", None, low=0.0, high=math.pi
    )
    mass_kg: float | None = measure("mass", "mass of the chaser at insertion", None, low=0.0)
    isp_s: float | None = measure("time", "specific impulse", None, low=50.0)


@register("lunar_rendezvous", LunarRendezvous)
def fly_rendezvous(step: LunarRendezvous, context: Context) -> Outcome:
    """Phasing and terminal approach against a target propagated in the n-body model; the phase is free."""
    epoch = step.insertion_tdb_s
    family = lunar_family(MoonOrbit("", 0.0, step.inclination_rad), epoch)
    normal, up = family.normal(0.0), family.node(0.0)
    radius = context.height_m(step.target_m)
    target = np.concatenate([radius * up, math.sqrt(GM_MOON_M3_S2 / radius) * cross(normal, up)])
    profile = LUNAR_COELLIPTIC if step.profile == "coelliptic" else LUNAR_TWO_DAYS
    if step.docking_tdb_s is not None:
        profile = fitted(profile, step.docking_tdb_s - epoch)
    start = Insertion(context.height_m(step.periapsis_m), context.height_m(step.apoapsis_m))
    plan = plan_rendezvous("moon", epoch, target, start, profile)
    if not plan.converged:
        return Outcome(reason=plan.reason)
    total = float(sum(burn.dv_m_s for burn in plan.burns))
    computed = {
        ("", "dv"): Computed(total),
        ("", "flight_time"): Computed(plan.docking_tdb_s - epoch),
        ("docking", "time"): Computed(plan.docking_tdb_s),
    }
    for number, burn in enumerate(plan.burns, 1):
        for event in (f"burn_{number}", burn.name):
            if (event, "dv") not in computed:
                computed[event, "dv"] = Computed(burn.dv_m_s)
                computed[event, "time"] = Computed(burn.epoch_tdb_s)
    mass, _, isp = context.engine(step)
    if mass and isp:
        used = burnt(mass, total, isp)
        computed["", "propellant"] = Computed(used)
        computed["", "mass_after"] = Computed(mass - used)
    notes = ("the chaser's phase at insertion is that which suits the profile", plan.approximation)
    return Outcome(computed, notes=tuple(note for note in notes if note))
