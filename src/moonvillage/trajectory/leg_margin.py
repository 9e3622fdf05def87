"""What a tabulated descent holds over the least: the leg of the tables beside the designed landing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from moonvillage.records.legs import Leg
from moonvillage.records.places import Arc, MoonOrbit, MoonSurface
from moonvillage.trajectory.descent import FREE, Approach, Lander, land_from_perilune
from moonvillage.trajectory.planes import cross
from moonvillage.trajectory.powered import DEFAULT_ISP_S, DEFAULT_THRUST_TO_MASS_M_S2, PERILUNE_M


@dataclass(frozen=True, slots=True)
class LegMargin:
    """A tabulated descent beside the least one from the same perilune, in the same plane, with the same engine.

    ``leg_m_s`` is the leg's powered descent, ``least_m_s`` the optimum under ``approach``; both NaN with a ``reason``
    where there is nothing to compare.
    """

    leg_m_s: float
    least_m_s: float
    reason: str = ""

    @property
    def margin_m_s(self) -> float:
        """What the leg has over the least."""
        return self.leg_m_s - self.least_m_s


def leg_margin(arc: Arc, leg: Leg, approach: Approach = FREE) -> LegMargin:
    """How much a solved descent leg has over the least.

    Parameters
    ----------
    arc, leg
        From a lunar orbit to a site, solved with samples.
    approach
        What is asked of the optimum's end.

    Returns
    -------
    A :class:`LegMargin`.
    """
    nothing = math.nan
    burn = next((b for b in leg.burns if b.name == "descent"), None)
    site, orbit = arc.destination, arc.origin
    if not leg.converged or burn is None or leg.trajectory is None:
        return LegMargin(nothing, nothing, leg.reason or "The leg has no descent, or was solved without samples.")
    if not isinstance(site, MoonSurface) or not isinstance(orbit, MoonOrbit):
        return LegMargin(nothing, nothing, "The arc does not lead from a lunar orbit to a site.")
    track = leg.trajectory
    k = max(0, int(np.searchsorted(track.epoch_tdb_s, burn.epoch_tdb_s)) - 1)
    normal = cross(track.r_m[k], track.v_m_s[k])
    push = arc.thrust_to_mass_m_s2 or DEFAULT_THRUST_TO_MASS_M_S2
    lander = Lander(1000.0, 1000.0 * push, arc.isp_s or DEFAULT_ISP_S)
    perilune = PERILUNE_M + max(0.0, site.height_m) - site.height_m
    least = land_from_perilune(
        burn.epoch_tdb_s, orbit.altitude_m - site.height_m, normal, site, lander, approach, perilune_m=perilune
    )
    return LegMargin(burn.dv_m_s, least.dv_m_s if least.converged else nothing, least.reason)
