# ruff: noqa: E501 (a scenario reads best with an entry to a line)
"""The made-up run with rules, agreements and secrets: who may see what of it is known by hand."""

from __future__ import annotations

import dataclasses

import polars as pl

from moonvillage.catalog import Catalog
from moonvillage.catalog.model import KINDS
from moonvillage.records.outpost import OutpostLog
from moonvillage.reporting import Bundle
from moonvillage.reporting.bundle import SAMPLE_COLUMNS
from moonvillage.scenario.load import loads
from moonvillage.scenario.model import Scenario
from tests.reporting import factory

#: ESA, CMSA and ISRO share all but their designs; NASA and ESA share designs as well, from 2031 on; NASA's money bars
#: everything with China but what is public.
RULES = """
[agreements.village]
title = "Village charter"
parties = ["esa", "cmsa", "isro"]
scope = ["share_data"]
history = [{ status = "active", since = 2028-01-01 }]
citation = "Charter, art. 19"
[agreements.design]
title = "Technical assistance agreement"
parties = ["nasa", "esa"]
scope = ["share_data"]
data = ["interface-safety", "detailed-design", "operations", "public-science"]
history = [{ status = "proposed", since = 2028-01-01 }, { status = "active", since = 2031-01-01 }, { status = "suspended", since = 2036-01-01 }]
citation = "TAA of 2031"
[agreements.nasa_acme]
title = "Interfaces of a company's seats"
parties = ["nasa", "acme"]
scope = ["share_data"]
data = ["interface-safety", "operations"]
history = [{ status = "active", since = 2028-01-01 }]
citation = "Contract"
[agreements.private]
title = "Confidential-Pact-Of-Two"
parties = ["cmsa", "isro"]
scope = ["dock"]
history = [{ status = "active", since = 2028-01-01 }]
citation = "Not published"
[laws.rider]
title = "Rider on bilateral work"
layer = "statute"
effect = "bar"
when = [{ test = "funded_by", of = ["nasa"] }, { test = "party_of_state", of = ["CHN"] }]
unless = [{ test = "data_in", of = ["public-science"] }]
kinds = ["share_data"]
valid_from = 2011-04-15
citation = "Rider, sec. 1"
[laws.published]
title = "What is published may be shared"
layer = "policy"
effect = "permit"
kinds = ["share_data"]
when = [{ test = "data_in", of = ["public-science"] }]
valid_from = 1967-10-10
citation = "Practice"
"""
#: Words that only China, ISRO or its friends may read.
NAMES = {
    "Lanyue": "Zhurong-Secret-Lander",
    "CZ-10": "Chang-Zheng-Hidden",
    "Habitat and power by CZ-10": "Mission-Of-China",
}
DATE = "2033-06-01"


def scenario(text: str = "", budget: float = 777.125) -> Scenario:
    """The scenario with its rules, and names that give away whoever shows them."""
    whole = (factory.SCENARIO + RULES).replace("HOSTILE", "")
    # supervision by the state concerns flights, not data
    whole = whole.replace(
        'requires = "the state authorises', 'kinds = ["fly_crew"]\nrequires = "the state authorises'
    )
    # no round figures, which may stand anywhere by chance
    whole = whole.replace('dry = ["8 t"', 'dry = ["8.12374 t"').replace('"180 MEUR"', '"183.757 MEUR"')
    for name, secret in NAMES.items():
        whole = whole.replace(f'title = "{name}"', f'title = "{secret}"')
    whole = whole.replace(
        'lander = { title = "Zhurong-Secret-Lander"',
        'lander = { bill = [{ origin = "CHN", regime = "Bill-Of-Material-Line", share = "0.3" }], title = "Zhurong-Secret-Lander"',
    )
    text += f"\n[budgets.china]\npartner = 'cmsa'\namount = '{budget:.3f} MEUR'\n"
    return loads(
        whole + text, file="secret-path.toml", name="test", catalog=Catalog({k: {} for k in KINDS}, "0" * 64)
    )


def bundle() -> Bundle:
    """Eight flights over two years, every figure another."""
    made = factory.bundle(flights_per_year=4, years=2)
    world = scenario()
    missions = world.missions
    tables = dict(made.campaign.tables)
    tables["flights"] = tables["flights"].with_columns(
        pl.col("mission").replace_strict({k: m.title for k, m in missions.items()}).alias("title")
    )
    # what NASA is a party to, it sees; here it is none to what China and India do
    others = pl.lit(["cmsa", "isro"], dtype=pl.List(pl.String))
    theirs = pl.col("mission").is_in(["habitat", "relay"]) & (pl.col("flight") != "")
    tables["permissions"] = tables["permissions"].with_columns(
        pl.when(theirs).then(others).otherwise(pl.col("parties")).alias("parties")
    )
    tables = {name: unlike(frame, k) for k, (name, frame) in enumerate(tables.items())}
    flights = dataclasses.replace(
        made.flights, flown=unlike(made.flights.flown, 20), burns=unlike(made.flights.burns, 21)
    )
    log = made.log
    assert isinstance(log, OutpostLog)
    log = dataclasses.replace(log, notes=("A-Note-On-The-Design",))
    samples = pl.DataFrame(
        [
            dict(flight="habitat-3", owner="cmsa", custodian="cmsa", place="Ridge", collected_tdb_s=9.6e8, returned_tdb_s=9.7e8, mass_kg=1.731, requests=2, granted=1, loans=1, lent_kg=0.00218),
            dict(flight="crew-2", owner="nasa", custodian="nasa", place="Ridge", collected_tdb_s=9.6e8, returned_tdb_s=9.7e8, mass_kg=60.0, requests=0, granted=0, loans=0, lent_kg=0.0),
        ],
        schema=dict(SAMPLE_COLUMNS),
    )  # fmt: skip
    campaign = dataclasses.replace(
        made.campaign, tables=tables, reasons=("A-Reason-With-A-Secret",), model={"rows": 424242.0}
    )
    return dataclasses.replace(
        made,
        scenario=world,
        campaign=campaign,
        flights=flights,
        log=log,
        samples=samples,
        summary={**made.summary, "reasons": ["A-Reason-With-A-Secret"]},
    )


#: Columns of masses and money; the others keep their values.
_FIGURES = ("_kg", "_eur")


def unlike(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Masses and money made unlike each other in the fourth digit, so that each can be searched for."""
    columns = [c for c in frame.columns if c.endswith(_FIGURES)]
    n = frame.height
    return frame.with_columns(
        [
            pl.col(c) * (1.0 + 0.011 * seed + 0.0037 * k + 0.00013 * pl.Series(range(n), dtype=pl.Float64))
            for k, c in enumerate(columns)
        ]
    )
