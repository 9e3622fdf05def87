"""A synthetic campaign of the size of a real one: ten years by month, 20 missions, a base and two stations."""

from __future__ import annotations

from tiny import BASE, EMPTY

from moonvillage.records.legs import LegRow, LegTable
from moonvillage.records.rates import OutpostRates
from moonvillage.scenario import Scenario, loads
from moonvillage.scenario.walk import arcs
from moonvillage.units import DAY_S

GOODS = ("oxygen", "nitrogen", "water", "food", "clothing", "spares", "science", "hygiene", "medical", "filters")

#: id, launcher, craft, target, items, price of operations
CARGO = (
    ("argonaut", "ariane", "lander_s", "base", 40),
    ("bluemoon", "glenn", "lander_m", "base", 90),
    ("starship", "starship", "lander_l", "base", 300),
    ("hakuto", "h3", "lander_s", "base", 45),
    ("change", "cz5", "lander_m", "base", 60),
    ("luna", "angara", "lander_s", "base", 30),
    ("dragonxl", "falconh", "tug", "gate", 50),
    ("htvx", "h3", "tug", "gate", 40),
    ("cygnus", "falcon", "ferry", "leos", 30),
    ("dragon", "falcon", "ferry", "leos", 60),
    ("tianzhou", "cz7", "ferry", "leos", 40),
)
CREW = (
    ("artemis", "sls", "crewship_l", "base", 900, 4),
    ("lanyue", "cz10", "crewship_l", "base", 500, 4),
    ("blue_crew", "glenn_h", "crewship_l", "base", 600, 4),
    ("orion", "sls", "crewship_g", "gate", 700, 4),
    ("mengzhou", "cz10", "crewship_g", "gate", 400, 3),
    ("crewdragon", "falcon", "capsule", "leos", 150, 4),
    ("starliner", "vulcan", "capsule", "leos", 200, 4),
    ("tourist", "falcon", "capsule", "leos", 100, 3),
    ("rover", "ariane", "lander_s", "base", 50, 0),
)

LAUNCHERS = {
    "ariane": (21, 9.5, 115, 4),
    "glenn": (45, 13, 110, 6),
    "glenn_h": (70, 46, 250, 4),
    "starship": (100, 60, 200, 6),
    "h3": (16, 9.5, 60, 3),
    "cz5": (25, 12, 90, 4),
    "cz7": (14, 5, 60, 4),
    "cz10": (70, 46, 250, 4),
    "angara": (24, 9.5, 100, 3),
    "falconh": (60, 16, 130, 6),
    "falcon": (17, 4, 62, 20),
    "vulcan": (27, 12, 110, 4),
    "sls": (95, 46, 2000, 2),
}
CRAFT = {
    "lander_s": (2.0, 6.5, 330, 1.6, 0, 90),
    "lander_m": (3.0, 9.0, 420, 4.5, 0, 180),
    "lander_l": (14.0, 45.0, 375, 20.0, 0, 400),
    "tug": (4.0, 4.0, 320, 5.0, 0, 120),
    "ferry": (4.0, 1.5, 300, 4.5, 0, 80),
    "crewship_l": (10.0, 33.0, 450, 0.5, 4, 500),
    "crewship_g": (12.0, 10.0, 320, 0.5, 4, 400),
    "capsule": (9.0, 2.0, 300, 0.5, 4, 120),
}


def flagship(periods: int = 120, gap: float = 0.02) -> Scenario:
    """The scenario; ``periods`` months from 2030 on."""
    years, months = divmod(periods, 12)
    end = f"{2030 + years}-{1 + months:02d}-01"
    lines = [BASE.format(objective="cost", header="")]
    text = lines[0].replace('step = "30 d"', 'step = "30.4375 d"').replace("2030-10-28", end)
    text = text.replace("gap = 0.0", f"gap = {gap}").replace("margin = 0.0", "margin = 0.02")
    text = text.replace(
        "[sites.ridge]",
        'gate = { kind = "halo", perilune = "3228 km", stores = true }\n'
        'leos = { kind = "earth_orbit", altitude = "390 km", inclination = "41 deg", raan = "0 deg", '
        "stores = true }\n"
        "[sites.ridge]",
    )
    text = text.replace(
        "[commodities]\n",
        "[commodities]\n"
        + "".join(
            f'{g} = {{ title = "{g}", supply_class = 2, tare = 0.1 }}\n' for g in GOODS if g not in ("water", "food")
        ),
    )
    for name, (leo, tli, cost, rate) in LAUNCHERS.items():
        text += (
            f'\n[launchers.{name}]\ntitle = "{name}"\noperator = "esa"\nleo = "{leo} t"\ntli = "{tli} t"\n'
            f'cost = "{cost} MEUR"\nrate_per_year = {rate}\n'
        )
    for name, (dry, prop, isp, cargo, seats, cost) in CRAFT.items():
        text += (
            f'\n[craft.{name}]\ntitle = "{name}"\noperator = "esa"\ndry = "{dry} t"\npropellant_mass = "{prop} t"\n'
            f'propellant = "hydrolox"\nisp = "{isp} s"\ncargo = "{cargo} t"\nseats = {seats}\ncost = "{cost} MEUR"\n'
        )
    text += """
[modules]
hab = { title = "Habitat", kind = "habitat", operator = "esa", mass = "4 t", crew = 4, cost = "300 MEUR" }
sun = { title = "Array", kind = "solar", operator = "esa", mass = "1 t", source = "10 kW", cost = "50 MEUR" }
fission = { title = "Fission", kind = "fission", operator = "esa", mass = "6 t", source = "40 kW", cost = "500 MEUR" }
plant = { title = "Oxygen plant", kind = "isru", operator = "esa", mass = "1.5 t", load = "8 kW", cost = "200 MEUR" }
lab = { title = "Laboratory", kind = "laboratory", operator = "esa", mass = "3.5 t", cost = "200 MEUR" }
dome = { title = "Observatory", kind = "payload", operator = "esa", mass = "1.2 t", cost = "100 MEUR" }
stat = { title = "Station", kind = "station", operator = "esa", mass = "10 t", crew = 8, cost = "100 MEUR" }
"""
    items = ", ".join(f'"{g}"' for g in (*GOODS,))
    mods = '"hab", "sun", "fission", "plant", "lab", "dome"'
    for name, launcher, craft, target, cost in CARGO:
        cargo = f"[{items}, {mods}]" if target == "base" else f"[{items}]"
        into = "leo" if target == "leos" else "tli"
        path = {"base": ("llo", "base"), "gate": ("gate",), "leos": ("leos",)}[target]
        flies = "".join(f'  {{ do = "fly", to = "{p}", by = "{craft}" }},\n' for p in path)
        text += (
            f'\n[missions.{name}]\ntitle = "{name}"\noperator = "esa"\ncargo = {cargo}\ncost = "{cost} MEUR"\n'
            f'steps = [\n  {{ do = "launch", on = "{launcher}", lifts = ["{craft}"], to = "leo", '
            f'into = "{into}" }},\n{flies}  {{ do = "unload", cargo = {cargo} }},\n]\n'
        )
    for name, launcher, craft, target, cost, seats in CREW:
        if not seats:
            continue
        into = "leo" if target == "leos" else "tli"
        path = {"base": ("llo", "base"), "gate": ("gate",), "leos": ("leos",)}[target]
        flies = "".join(f'  {{ do = "fly", to = "{p}", by = "{craft}" }},\n' for p in path)
        back = [*path[::-1][1:], "earth"]
        wait = {"earth": ', within = "14 d"'} if target != "leos" else {}
        home = "".join(f'  {{ do = "fly", to = "{p}", by = "{craft}"{wait.get(p, "")} }},\n' for p in back)
        stay = {"base": '["180 d", "30 d"]', "gate": '["60 d", "30 d"]', "leos": '["180 d", "10 d"]'}[target]
        text += (
            f'\n[missions.{name}]\ntitle = "{name}"\noperator = "esa"\nseats = {{ esa = {seats} }}\n'
            f'cost = "{cost} MEUR"\n'
            f"steps = [\n"
            f'  {{ do = "launch", on = "{launcher}", lifts = ["{craft}"], to = "leo", into = "{into}" }},\n'
            f'{flies}  {{ do = "stay", choices = {stay} }},\n{home}  {{ do = "land" }},\n]\n'
        )
    last = 2030 + years
    text += f"""
[outposts.base]
place = "base"
reserve = {{ oxygen = "30 d", water = "30 d", food = "30 d" }}
[outposts.gate]
place = "gate"
modules = {{ stat = 1 }}
stocks = {{ oxygen = "200 kg", water = "200 kg", food = "300 kg" }}
[outposts.leos]
place = "leos"
modules = {{ stat = 1 }}
stocks = {{ oxygen = "500 kg", water = "1000 kg", food = "1000 kg" }}

[demands]
crew_leo = {{ crew = 3, at = "leos", since = 2030-03-01, until = {last}-01-01 }}
crew_base = {{ crew = 4, at = "base", since = 2033-01-01, until = {last}-01-01 }}
gate_days = {{ crew_days = 600, at = "gate", by = {last}-01-01 }}
lab = {{ module = "lab", at = "base", by = 2034-06-01 }}
dome = {{ module = "dome", at = "base", count = 2, by = 2035-06-01 }}
plant = {{ module = "plant", at = "base", by = 2034-01-01 }}
science = {{ commodity = "science", amount = "12 t", at = "base", by = {last}-01-01 }}
science_leo = {{ commodity = "science", amount = "20 t", at = "leos", by = {last}-01-01 }}
tourists = {{ mission = "tourist", count = 5, by = {last}-01-01 }}
"""
    return loads(text, catalog=EMPTY)


def rates() -> dict[str, OutpostRates]:
    """What the three outposts use and make."""
    day = 1.0 / DAY_S
    crew = {
        "oxygen": 0.3,
        "nitrogen": 0.02,
        "water": 0.8,
        "food": 1.8,
        "clothing": 0.15,
        "hygiene": 0.2,
        "medical": 0.05,
        "filters": 0.1,
    }
    use = {k: v * day for k, v in crew.items()}
    leak = {"nitrogen": 0.3 * day, "oxygen": 0.1 * day, "spares": 2.0 * day}
    power = {"sun": 8000.0, "fission": 40000.0, "hab": -10000.0, "plant": -8000.0, "stat": 20000.0, "lab": -3000.0}
    return {
        "base": OutpostRates("base", use, leak, {"plant": {"oxygen": 3.0 * day}}, power, 1500.0),
        "gate": OutpostRates("gate", use, leak, {}, power, 1500.0),
        "leos": OutpostRates("leos", use, leak, {}, power, 1500.0),
    }


def legs(scenario: Scenario) -> LegTable:
    """Plausible Δv with a wobble over the month and the year; three departures a period."""
    rows: dict[str, tuple[LegRow, ...]] = {}
    header = scenario.header
    for arc in arcs(scenario).values():
        key = arc.id.split("@")[0]
        found = []
        epoch, number = header.start_tdb_s, 0
        while epoch < header.end_tdb_s:
            wobble = 20.0 * ((number * 7919) % 13) / 13.0
            c3 = None
            if key.startswith("leo>llo"):
                dv, days, c3 = (("tli", 3150.0 + wobble), ("loi", 880.0 + wobble)), 4.5, -1.8e6
            elif key.startswith("leo>gate"):
                dv, days, c3 = (("tli", 3140.0), ("insertion", 420.0 + wobble)), 5.0, -1.8e6
            elif key.startswith("leo>leos"):
                dv, days = (("raise", 110.0), ("meet", 60.0)), 1.0
            elif key.startswith("leos>earth"):
                dv, days = (("deorbit", 120.0),), 0.2
            elif key.startswith("llo>base"):
                dv, days = (("descent", 1900.0),), 0.1
            elif key.startswith("base>llo"):
                dv, days = (("ascent", 1850.0),), 0.1
            elif key.endswith(">earth"):
                dv, days = (("tei", 870.0 + wobble),), 4.5
            else:
                dv, days = (("burn", 100.0),), 1.0
            found.append(LegRow(arc.id, epoch, epoch + days * DAY_S, True, dv, c3))
            epoch += header.step_s / 3.0
            number += 1
        rows[arc.id] = tuple(found)
    return LegTable(rows)
