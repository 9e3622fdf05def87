"""A tiny scenario with a bar, an agreement and a cheap launcher that they are about: prices to be done by hand."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "campaign"))

from tiny import EMPTY, legs_for, text

from moonvillage.scenario import Scenario, loads

#: Two flights bring a tonne. A cheap one costs 10 + 50 MEUR, the other 100 + 50.
CHEAP = """
[missions.cheap]
title = "Cheap"
operator = "esa"
cargo = ["goods"]
optional = true
{more}
interactions = [
  {{ kind = "deliver_cargo", parties = ["esa", "cnsa"], assets = ["lander"], funders = ["esa"], venue = "cnsa" }},
]
steps = [
  {{ do = "launch", on = "light", lifts = ["lander"], to = "leo", into = "tli" }},
  {{ do = "fly", to = "llo", by = "lander" }},
  {{ do = "fly", to = "base", by = "lander" }},
  {{ do = "unload", cargo = ["goods"] }},
]
[launchers.light]
title = "Light"
operator = "esa"
leo = "20 t"
tli = "8 t"
cost = "10 MEUR"
rate_per_year = 12
"""
BAR = """
[laws.{id}]
title = "No joint deliveries ({id})"
layer = "statute"
effect = "bar"
when = [{{ test = "party_in", of = ["cnsa"] }}]
{waiver}
valid_from = 2000-01-01
citation = "Act {id}"
"""
WAIVER = 'waiver = {{ authority = "the ministry", lead = "{lead}", cost = "{cost} MEUR" }}'
PACT = """
[agreements.{id}]
title = "Pact {id}"
parties = ["esa", "cnsa"]
scope = ["deliver_cargo"]
history = [{{ status = "{status}", since = 2000-01-01 }}]
lead = "{lead}"
cost = "{cost} MEUR"
citation = "Pact {id}"
"""
GOODS = '[demands.goods]\ncommodity = "goods"\namount = "1 t"\nat = "base"\nby = {by}\n'
#: What the bars cost: two flights at 90 MEUR more each (EUR).
SAVED_EUR = 180e6


def bar(id_: str = "act", lead: str = "45 d", cost: float = 7.0) -> str:
    """A bar with a waiver of this lead time and cost."""
    return BAR.format(id=id_, waiver=WAIVER.format(lead=lead, cost=cost))


def firm(id_: str = "act") -> str:
    """A bar without a waiver."""
    return BAR.format(id=id_, waiver="")


def pact(id_: str = "pact", status: str = "active", lead: str = "0 d", cost: float = 0.0) -> str:
    """An agreement that covers the cheap flights."""
    return PACT.format(id=id_, status=status, lead=lead, cost=cost)


def scenario_text(*parts: str, by: str = "2030-10-01", cheap: str = "", cargo: str | None = "", **more: str) -> str:
    """The scenario's text, with the cheap flights and what is given."""
    whole = text(GOODS.format(by=by), CHEAP.format(more=cheap), *parts, cargo=cargo, **more)
    return whole.replace('"goods", "hab", "sun", "plant"', '"goods", "hab", "plant"')


def scenario(*parts: str, **more: str | None) -> Scenario:
    """The scenario of :func:`scenario_text`."""
    return loads(scenario_text(*parts, **more), catalog=EMPTY)  # type: ignore[arg-type]


__all__ = ["SAVED_EUR", "bar", "firm", "legs_for", "pact", "scenario", "scenario_text"]
