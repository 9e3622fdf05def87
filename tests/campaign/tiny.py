"""Tiny scenarios and hand-made legs for the golden models: figures that can be checked by hand."""

from __future__ import annotations

import math

from moonvillage.catalog import Catalog
from moonvillage.records.legs import LegRow, LegTable
from moonvillage.scenario import Scenario, loads
from moonvillage.scenario.walk import arcs
from moonvillage.units import DAY_S

EMPTY = Catalog({}, "empty")

#: Ten periods of 30 days. The lander's Isp is 1000 m/s over g0, so that 1000 m/s is a mass ratio of e; the ship's is
#: twice that.
BASE = """
[scenario]
title = "tiny"
start = 2030-01-01
end = 2030-10-28
step = "30 d"
objective = "{objective}"
margin = 0.0
gap = 0.0
{header}

[places]
earth = {{ kind = "ground" }}
leo = {{ kind = "earth_orbit", altitude = "200 km", inclination = "28.5 deg" }}
llo = {{ kind = "moon_orbit", altitude = "100 km", inclination = "90 deg" }}
base = {{ kind = "surface", site = "ridge", stores = true }}

[sites.ridge]
title = "Ridge"
latitude = "-89 deg"
longitude = "220 deg"

[partners]
esa = {{ title = "ESA", kind = "agency", states = ["FRA"] }}
cnsa = {{ title = "CNSA", kind = "agency", states = ["CHN"] }}

[commodities]
lox = {{ title = "oxygen", supply_class = 1 }}
lh2 = {{ title = "hydrogen", supply_class = 1 }}
water = {{ title = "water", supply_class = 2 }}
food = {{ title = "food", supply_class = 2, tare = 0.25 }}
goods = {{ title = "goods", supply_class = 6 }}

[propellants.hydrolox]
title = "hydrolox"
mixture = {{ lox = 0.8, lh2 = 0.2 }}

[launchers.heavy]
title = "Heavy"
operator = "esa"
leo = "20 t"
tli = "8 t"
cost = "100 MEUR"
rate_per_year = 12
crewed = true
"""

CRAFT = """
[craft.lander]
title = "Lander"
operator = "esa"
dry = "1 t"
propellant_mass = "6 t"
propellant = "hydrolox"
isp = "101.9716212977928 s"
cargo = "1.5 t"
cost = "50 MEUR"

[craft.ship]
title = "Crew ship"
operator = "esa"
dry = "1 t"
propellant_mass = "6 t"
propellant = "hydrolox"
isp = "203.9432425955856 s"
seats = 4
cost = "80 MEUR"

[modules]
hab = { title = "Habitat", kind = "habitat", operator = "esa", mass = "600 kg", crew = 4, cost = "30 MEUR" }
sun = { title = "Array", kind = "solar", operator = "cnsa", mass = "300 kg", source = "10 kW", cost = "5 MEUR" }
plant = { title = "Plant", kind = "isru", operator = "esa", mass = "500 kg", load = "8 kW", cost = "20 MEUR" }
"""

CARGO = """
[missions.cargo]
title = "Cargo"
operator = "esa"
cargo = ["water", "food", "goods", "hab", "sun", "plant"]
{more}
steps = [
  {{ do = "launch", on = "heavy", lifts = ["lander"], to = "leo", into = "tli" }},
  {{ do = "fly", to = "llo", by = "lander" }},
  {{ do = "fly", to = "base", by = "lander" }},
  {{ do = "unload", cargo = ["water", "food", "goods", "hab", "sun", "plant"] }},
]
"""

CREW = """
[missions.crew]
title = "Crew"
operator = "esa"
seats = {{ esa = 2 }}
crew_mass = "100 kg"
{more}
steps = [
  {{ do = "launch", on = "heavy", lifts = ["ship"], to = "leo", into = "tli" }},
  {{ do = "fly", to = "llo", by = "ship" }},
  {{ do = "fly", to = "base", by = "ship" }},
  {{ do = "stay", {stay} }},
  {{ do = "fly", to = "llo", by = "ship" }},
  {{ do = "fly", to = "earth", by = "ship", within = "31 d" }},
  {{ do = "land" }},
]
"""


#: What one cargo flight lands: 6 t of propellant for 1500 m/s and 1 t of dry mass, (1 + L) (e^1.5 − 1) = 6.
PAYLOAD_KG = 6000.0 / (math.exp(1.5) - 1.0) - 1000.0
#: Launcher and lander; launcher and ship (MEUR).
CARGO_MEUR = 150.0
CREW_MEUR = 180.0


def text(
    *parts: str,
    objective: str = "cost",
    header: str = "",
    cargo: str | None = "",
    crew: str | None = None,
    stay: str = 'stay = "20 d"',
) -> str:
    """The text of a tiny scenario: with the cargo mission (and extra lines in it), and a crew mission."""
    whole = BASE.format(objective=objective, header=header) + CRAFT
    if cargo is not None:
        whole += CARGO.format(more=cargo)
    if crew is not None:
        whole += CREW.format(more=crew, stay=stay)
    return whole + "\n".join(parts)


def tiny(*parts: str, **given: str | None) -> Scenario:
    """The scenario of :func:`text`, with nothing but its own entries in the catalog."""
    return loads(text(*parts, **given), catalog=EMPTY)  # type: ignore[arg-type]


def legs_for(scenario: Scenario, *, loi_m_s: float = 500.0, every_d: float = 10.0) -> LegTable:
    """Hand-made legs: TLI 3100 (by the launcher), LOI 500, descent and ascent 1000 each, return 500 m/s; 4 d each
    between the Earth and the Moon, 1 d in between; a departure every ten days, the first of each period being
    the cheapest by 1 m/s."""
    rows: dict[str, tuple[LegRow, ...]] = {}
    header = scenario.header
    for arc in arcs(scenario).values():
        key = (type(arc.origin).__name__, type(arc.destination).__name__)
        found = []
        epoch = header.start_tdb_s
        number = 0
        while epoch < header.end_tdb_s:
            extra = float(math.fmod(number, 3.0))
            if key == ("EarthOrbit", "MoonOrbit"):
                dv, days, c3 = (("tli", 3100.0), ("loi", loi_m_s + extra)), 4.0, -1.8e6
            elif key in (("MoonOrbit", "MoonSurface"), ("MoonSurface", "MoonOrbit")):
                dv, days, c3 = (("descent", 1000.0),), 1.0, None
            elif key == ("MoonOrbit", "EarthGround"):
                dv, days, c3 = (("tei", 500.0),), 4.0, None
            else:
                dv, days, c3 = (("burn", 100.0),), 1.0, None
            found.append(LegRow(arc.id, epoch, epoch + days * DAY_S, True, dv, c3))
            epoch += every_d * DAY_S
            number += 1
        rows[arc.id] = tuple(found)
    return LegTable(rows)
