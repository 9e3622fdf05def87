"""Chang'e 5 as an example: 1731 g, seven loans, and one laboratory that may not use NASA's money.

What is public is written as it is public, with its source; what is not (how the 1731 g were divided among the four
uses, which portion went where, six of the seven masses) is an assumption, and the ledger's own texts say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from moonvillage.catalog import load_catalog
from moonvillage.cooperation import Rulebook
from moonvillage.curation.ledger import Ledger
from moonvillage.curation.model import Portion

#: What the figures rest on.
SOURCES: Final[Mapping[str, str]] = {
    "1731 g, 2020-12-17, handed over on 2020-12-19": "CNSA, 2020-12-19: handover ceremony of the Chang'e 5 samples",
    "four uses": "CNSA, Rules for the management of lunar samples, 2020-12-17",
    "100 g on display": "National Museum of China, from 2021-02-27: sample No. 001 of Chang'e 5, 100 g",
    "24 applications from 11 countries and organisations by the end of 2023": "China Daily, 2025-04-25",
    "seven institutions, agreements signed on 2025-04-24": "CNSA, 2025-04-24",
    "2.18 g to the seven together": "CNSA, quoted by CCTV, 2025-08",
    "60 mg to the Open University": "BBC News, 2025-05: UK scientist shows Moon dust on loan from China",
    "handed over in Beijing on 2025-04-25": "University of Cologne, 2025-05: Lunar samples in Cologne",
    "a loan lasts one year": "Milton Keynes Citizen, 2025-05, after the Open University",
    "no NASA funds, the university's own": "T. Glotch to Inside Outer Space, 2025-04",
}
#: Tenths of a milligram. The Open University's is public, and the sum of all seven (2.18 g); that the other six are
#: equal is an assumption.
LOANS_TENTH_MG: Final[Mapping[str, int]] = {
    "open_university": 600,
    "ipgp": 3534,
    "cologne": 3534,
    "osaka": 3533,
    "suparco": 3533,
    "brown": 3533,
    "stony_brook": 3533,
}
#: The division among the uses is an assumption, but for the 100 g on display.
USES_TENTH_MG: Final[Mapping[str, int]] = {
    "permanent_storage": 7_310_000,
    "backup_storage": 2_500_000,
    "research": 6_500_000,
    "public_display": 1_000_000,
}
_ASSUMED: Final = "assumption: the division of the 1731 g among the uses is not public, but for the 100 g on display"


def example(path: Path | str) -> Ledger:
    """A new ledger with the history of the Chang'e 5 samples.

    The university in New York is asked in four requests: to apply on NASA's money before and after the certification
    of November 2023, and to work on the samples on NASA's money and on its own (cases T5 to T8 of the rules' tests).

    Raises
    ------
    InputError
        If the file exists.
    """
    book = Rulebook.from_catalog(load_catalog())
    ledger = Ledger.create(path, title="Chang'e 5", by="cnsa", date="2020-12-01")
    try:
        _history(ledger, book)
    except BaseException:
        ledger.close()
        raise
    return ledger


def _history(ledger: Ledger, book: Rulebook) -> None:
    root = ledger.collect(
        "1731 g",
        id="CE5",
        date="2020-12-02T14:00Z",
        by="cnsa",
        place="Oceanus Procellarum, northeast of Mons Rümker",
        owner="cnsa",
        container="sealed sample container of the ascender",
        mission="Chang'e 5",
        asset="ce5_samples",
        description="Regolith, drilled and scooped",
        operation="ce5-collect",
    ).id
    ledger.receive(root, date="2020-12-17", by="cnsa", place="Beijing", operation="ce5-receive")
    ledger.transfer(
        root,
        to="cas",
        date="2020-12-19",
        by="cnsa",
        place="National Astronomical Observatories, Beijing",
        operation="ce5-handover",
    )
    ledger.open_container(root, date="2020-12-20", by="cas", operation="ce5-open")
    ledger.split(
        root,
        [
            Portion(mass=USES_TENTH_MG["permanent_storage"], use="permanent_storage", id="CE5-P"),
            Portion(mass=USES_TENTH_MG["backup_storage"], use="backup_storage", id="CE5-B", place="backup site"),
            Portion(mass=USES_TENTH_MG["research"], use="research", id="CE5-R"),
            Portion(
                mass=USES_TENTH_MG["public_display"],
                use="public_display",
                id="CE5-D",
                custodian="National Museum of China",
                place="Beijing",
            ),
        ],
        date="2021-02-27",
        by="cas",
        operation="ce5-uses",
    )
    ledger.catalogue("CE5-R", description=_ASSUMED, date="2021-07-01", by="cas", operation="ce5-catalogue")
    nasa = ("nasa",)
    for number, (date, stage, funders, approved) in enumerate(
        (
            ("2023-10-15", "apply", nasa, None),
            ("2023-12-15", "apply", nasa, None),
            ("2025-04-24", "research", nasa, True),
        ),
        1,
    ):
        name = f"stony_brook-{number}"
        ledger.request(
            "CE5-R",
            "stony_brook",
            LOANS_TENTH_MG["stony_brook"],
            date=date,
            by="stony_brook",
            stage=stage,
            funders=funders,
            purpose="on NASA's funds",
            id=name,
            operation=f"ask-{name}",
        )
        ledger.decide(name, book, date=date, by="cnsa", approved=approved, operation=f"decide-{name}")
    for applicant, mass in LOANS_TENTH_MG.items():
        ledger.request(
            "CE5-R",
            applicant,
            mass,
            date="2023-12-20",
            by=applicant,
            funders=(applicant,),
            purpose="on its own funds" if applicant == "stony_brook" else "",
            id=applicant,
            operation=f"ask-{applicant}",
        )
        ledger.decide(applicant, book, date="2025-04-24", by="cnsa", approved=True, operation=f"decide-{applicant}")
        public = applicant == "open_university"
        ledger.lend(
            applicant,
            date="2025-04-25",
            due="2026-04-25",
            by="cnsa",
            container="vials" if public else "vials (mass: assumption, an equal share of what is public for all)",
            id=f"loan-{applicant}",
            operation=f"lend-{applicant}",
        )
