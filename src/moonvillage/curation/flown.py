"""From a plan to its samples: what each flight brings home becomes samples, requests, decisions and loans.

What a scenario does not say is taken from Chang'e 5, or assumed, and stands here as a constant: the shares of the
four uses, the days between the steps, the mass of a loan. Ids follow from the flights' ids, so that the same plan
gives the same ledger, entry by entry; doing it again on the same file adds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from moonvillage.cooperation import Rulebook
from moonvillage.curation.ledger import Ledger
from moonvillage.curation.masses import mass_from_kg
from moonvillage.curation.model import Portion, Sample
from moonvillage.errors import InputError
from moonvillage.records.campaign import Campaign
from moonvillage.records.flights import Flights
from moonvillage.scenario.model import InteractionSpec, Mission, Scenario
from moonvillage.units import DAY_S

#: Thousandths of what came back. Backup: about what of Apollo's samples is kept at White Sands; display: 100 g of
#: the 1731 g of Chang'e 5; the rest is halved (assumption). What division leaves over goes to permanent storage.
SHARES: Final[Mapping[str, int]] = {
    "permanent_storage": 400,
    "backup_storage": 150,
    "research": 400,
    "public_display": 50,
}
#: Days after the return. Chang'e 5: on display after two months, first requests after seven.
OPENED_D: Final = 3.0
SPLIT_D: Final = 60.0
CATALOGUED_D: Final = 180.0
REQUESTED_D: Final = 210.0
#: Days from request to decision (CNSA: about five months), to the loan, and of the loan (Chang'e 5: one year).
DECIDED_D: Final = 150.0
LENT_D: Final = 1.0
DUE_D: Final = 365.0
#: 60 mg, as lent to the Open University.
LOAN_TENTH_MG: Final = 600


def from_run(campaign: Campaign, scenario: Scenario, path: Path | str, flights: Flights | None = None) -> Ledger:
    """The ledger of the samples of a plan.

    Parameters
    ----------
    campaign, scenario
        The plan; its manifest says which flights bring samples to the Earth, and when.
    path
        The ledger file: made, or continued if it is there.
    flights
        Where the plan was flown: the flown dates then stand for the planned ones.

    Returns
    -------
    Ledger
        Open. Each flight's samples carry the flight's id; each ``receive_sample`` interaction of its mission is a
        request on the research portion, decided under the scenario's rules on the day of the decision, and a loan of
        :data:`LOAN_TENTH_MG` where granted.

    Raises
    ------
    InputError
        If the file holds the ledger of another plan, or a flight brings less than can be divided.
    """
    path = Path(path)
    title, start = scenario.header.title, scenario.header.start_tdb_s
    ledger = Ledger.open(path) if path.exists() else Ledger.create(path, title=title, by="moonvillage", date=start)
    try:
        book = Rulebook(scenario.of("partner"), scenario.agreements, scenario.laws)
        returned = campaign.table("manifest").filter(pl.col("kind") == "samples").sort("epoch_tdb_s", "flight")
        missions = dict(campaign.table("flights").select("flight", "mission").iter_rows())
        for row in returned.iter_rows(named=True):
            mission = scenario.missions[missions[row["flight"]]]
            place = _surface(scenario, mission, row["origin"])
            _flight(ledger, book, scenario, mission, row, place, _dates(campaign, flights, row, place))
    except BaseException:
        ledger.close()
        raise
    return ledger


def _surface(scenario: Scenario, mission: Mission, origin: str) -> str:
    """Where the samples are from: the manifest's place, or the last surface that the mission's steps reach.

    Raises
    ------
    InputError
        If the mission never stands on a surface.
    """
    surfaces = {name for name, spec in scenario.place_specs.items() if spec.kind == "surface"}
    met = [step.to for step in mission.steps if step.to in surfaces]
    found = origin if origin in surfaces else (met[-1] if met else "")
    if not found:
        raise InputError.one(
            "brings samples and lands nowhere", "let it fly to a surface place", field=f"missions.{mission.id}"
        )
    return found


def _dates(campaign: Campaign, flights: Flights | None, row: Mapping[str, Any], surface: str) -> tuple[float, float]:
    """When the samples left the surface, and when they were on the Earth (TDB seconds past J2000)."""
    legs = campaign.table("legs").filter(pl.col("flight") == row["flight"])
    home = row["epoch_tdb_s"]
    if flights is not None:
        flown = flights.flown.filter((pl.col("flight") == row["flight"]) & pl.col("converged"))
        if flown.height == legs.height and flown.height:
            legs, home = flown, float(flown["arrival_tdb_s"].to_list()[-1])
    ascents = legs.filter(pl.col("origin") == surface)["departure_tdb_s"].to_list()
    return (float(max(ascents)) if ascents else float(home)), float(home)


def _flight(
    ledger: Ledger,
    book: Rulebook,
    scenario: Scenario,
    mission: Mission,
    row: Mapping[str, Any],
    place: str,
    dates: tuple[float, float],
) -> None:
    flight, mass = str(row["flight"]), mass_from_kg(float(row["mass_kg"]))
    asked = [spec for spec in mission.interactions if spec.kind == "receive_sample"]
    owner = mission.operator
    if asked and not any(owner in spec.parties for spec in asked):
        owner = asked[0].parties[0]
    collected, home = dates
    ledger.collect(
        mass,
        id=flight,
        date=collected,
        by=mission.operator,
        place=scenario.place_specs[place].title or place,
        owner=owner,
        custodian=mission.operator,
        container=f"sample container of {flight}",
        mission=mission.title,
        asset=next((spec.assets[0] for spec in asked if spec.assets), "samples"),
        operation=f"{flight}/collect",
    )
    ledger.receive(flight, date=home, by=mission.operator, place="Earth", operation=f"{flight}/receive")
    if owner != mission.operator:
        ledger.transfer(flight, to=owner, date=home, by=mission.operator, operation=f"{flight}/hand-over")
    ledger.open_container(flight, date=home + OPENED_D * DAY_S, by=owner, operation=f"{flight}/open")
    parts = {use: mass * share // 1000 for use, share in SHARES.items()}
    parts["permanent_storage"] += mass - sum(parts.values())
    if min(parts.values()) <= 0:
        raise InputError.one("brings too little to be divided", "raise it", field=f"missions.{mission.id}.samples")
    portions = ledger.split(
        flight,
        [Portion(mass=part, use=use, id=f"{flight}/{use}") for use, part in parts.items()],
        date=home + SPLIT_D * DAY_S,
        by=owner,
        operation=f"{flight}/split",
    )
    research = portions[list(parts).index("research")]
    ledger.catalogue(
        research.id,
        description=f"{mission.title}: for research",
        date=home + CATALOGUED_D * DAY_S,
        by=owner,
        operation=f"{flight}/catalogue",
    )
    for number, wish in enumerate(asked, 1):
        _asked(ledger, book, research, wish, f"{flight}/{number}", home + REQUESTED_D * DAY_S)


def _asked(
    ledger: Ledger, book: Rulebook, research: Sample, spec: InteractionSpec, name: str, date_tdb_s: float
) -> None:
    applicants = [party for party in spec.parties if party != research.owner]
    if not applicants:
        return
    mass = min(LOAN_TENTH_MG, research.mass_tenth_mg)
    ledger.request(
        research.id,
        applicants[0],
        mass,
        date=date_tdb_s,
        by=applicants[0],
        stage=spec.stage,
        funders=spec.funders or book.funders_of(spec.parties),
        others=applicants[1:],
        basis=spec.basis,
        venue=spec.venue,
        region="moon",
        facts=dict(spec.facts),
        id=name,
        operation=f"{name}/request",
    )
    decided = date_tdb_s + DECIDED_D * DAY_S
    request = ledger.decide(name, book, date=decided, by=research.owner, operation=f"{name}/decide")
    if request.answer and request.status in ("granted", "lent"):
        ledger.lend(
            name,
            date=decided + LENT_D * DAY_S,
            due=decided + (LENT_D + DUE_D) * DAY_S,
            by=research.owner,
            id=f"{name}/loan",
            operation=f"{name}/lend",
        )
