"""How things move: force models, Taylor integrators, variations and events.

The interface that all legs use::

    path = dynamics.propagate(epoch_tdb_s, r_m, v_m_s, to_tdb_s, centre="earth", stm=True, dense=True)
    path.r_m, path.v_m_s        end state, ICRF axes about path.centre
    path.stm                    (6, 6) ∂(end)/∂(start), or None
    path.reason                 "" or why the end was not reached (then the end state is NaN)
    path.at(epochs)             states (n, 6) along the path         (dense=True)
    path.periapses(), .apoapses(), .radius_crossings(radius_m, direction), .crossings(function, direction)
    r, v = dynamics.change_centre(epoch, r, v, "earth", "moon")

``centre`` picks the formulation: ``"earth"`` (J2, Moon, Sun, planets' tide), ``"moon"`` (8 × 8 field, Earth, Sun,
planets' tide; use within about 100,000 km of the Moon), ``"sun"`` (all planets to Saturn and the Moon). A leg from
Earth to Moon is flown in two pieces, changing centre some 60,000 km from the Moon; the transition matrices multiply.
``thrust=Thrust(...)`` flies under power. ``dynamics.warm_up()`` compiles or loads all integrators.

Options (each compiled once, on first use): ``srp_m2_kg`` (sunlight and its shadows), ``earth_zonals`` (to J6),
``point_masses`` (planets in full), ``lunar_field``, ``lunar_axes``, ``full_stm``, and ``wrt`` (derivatives by
parameters, in ``path.sensitivity``). :mod:`moonvillage.dynamics.events` finds what happens on a dense path.
"""

from __future__ import annotations

from moonvillage.dynamics.propagate import TOLERANCE, Path, change_centre, propagate, warm_up
from moonvillage.dynamics.thrust import Thrust

__all__ = ["TOLERANCE", "Path", "Thrust", "change_centre", "propagate", "warm_up"]
