"""Outposts: what they need (:func:`rates`) and how their days go (:func:`live`, :func:`odds`).

``planning`` the linear rates; ``living`` the simulation of all outposts, ``place`` that of one, ``verdict`` what to
make of it; ``matter`` one step of air, water, food and mining; ``power`` one step of electricity; ``light`` the Sun
at a site; ``plants`` modules as plants, with their floors; ``body`` people as a reaction; ``species`` compositions;
``failures`` and ``spares``; ``ledger`` the books; ``crowd``, ``many`` and ``chances`` many lives at once;
``activity``, ``health`` and ``sealed`` people; ``heat`` and ``sinks`` the ground and radiators.
"""

from __future__ import annotations

from moonvillage.outpost.chances import Odds, odds
from moonvillage.outpost.light import SunModel, sun_model
from moonvillage.outpost.living import live
from moonvillage.outpost.many import Chances
from moonvillage.outpost.planning import rates
from moonvillage.outpost.species import CatalogView

__all__ = ["CatalogView", "Chances", "Odds", "SunModel", "live", "odds", "rates", "sun_model"]
