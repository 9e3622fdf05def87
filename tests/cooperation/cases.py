"""Interactions whose real-world answer is public. Each names its source, its rule, and a fact that decides it.

``without`` is the change after which the answer must be ``unknown``: one fact taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moonvillage.catalog import Part
from moonvillage.cooperation import Interaction

US_PART = Part(origin="USA", regime="EAR", control_class="9A515.x", share=0.1, direct_product=False)
EU_PART = Part(origin="SWE", regime="EU-DU", control_class="9A004", share=1.0, direct_product=False)
AMS = ("us_doe", "nasa", "infn", "cas", "cern", "ciemat", "dlr", "mit")


@dataclass(frozen=True)
class Case:
    id: str
    what: str
    source: str
    date: str
    interaction: Interaction
    answer: str
    rules: tuple[tuple[str, str], ...]  # (id, effect) that must be cited
    agreements: tuple[tuple[str, str], ...]  # (id, status) that must be named
    without: dict[str, Any]  # one fact taken away; "date" for the date


CASES = [
    Case(
        "T1",
        "a NASA-funded instrument with a US part on Chang'e 6",
        "P.L. 112-10 section 1340; 15 CFR 734.4(a)(6)",
        "2024-05-03",
        Interaction(
            "host_instrument",
            ("nasa", "cnsa"),
            place="moon",
            funders=("nasa",),
            bill=(US_PART,),
            destinations=("CHN",),
            venue_owner="cnsa",
            facts={"technology_flow": True},
        ),
        "barred",
        (("wolf_amendment", "bar"), ("ear_9x515_d5", "bar"), ("ear_technology_china", "bar")),
        (),
        {"date": None},
    ),
    Case(
        "T1b",
        "the same instrument with no US part and no technology passing",
        "P.L. 112-10 section 1340: it binds the funds whatever the content",
        "2024-05-03",
        Interaction(
            "host_instrument",
            ("nasa", "cnsa"),
            place="moon",
            funders=("nasa",),
            bill=(),
            destinations=("CHN",),
            venue_owner="cnsa",
            facts={"technology_flow": False},
        ),
        "barred",
        (("wolf_amendment", "bar"),),
        (),
        {"funders": None},
    ),
    Case(
        "T2",
        "NILS (ESA, Sweden) on Chang'e 6",
        "ESA: NILS operated on the Moon, 2024-06",
        "2024-05-03",
        Interaction(
            "host_instrument",
            ("esa", "irf", "cnsa"),
            place="moon",
            funders=("esa", "snsa"),
            bill=(EU_PART,),
            destinations=("SWE", "CHN"),
            venue_owner="cnsa",
        ),
        "allowed",
        (),
        (("esa_cnsa", "active"),),
        {"bill": None},
    ),
    Case(
        "T3",
        "DORN (France) on Chang'e 6",
        "CNES - CNSA, 2019-03-25",
        "2024-05-03",
        Interaction(
            "host_instrument",
            ("cnes", "irap", "cnsa"),
            place="moon",
            funders=("cnes",),
            bill=(),
            destinations=("FRA", "CHN"),
            venue_owner="cnsa",
        ),
        "allowed",
        (),
        (("cnes_cnsa", "active"),),
        {"bill": None},
    ),
    Case(
        "T5",
        "a NASA-funded team applies for Chang'e 5 samples before the certification",
        "SpaceNews, 2023-12-01",
        "2023-10-15",
        Interaction(
            "receive_sample", ("stony_brook", "cnsa"), funders=("nasa",), assets=("ce5_samples",), stage="apply"
        ),
        "barred",
        (("wolf_amendment", "bar"),),
        (("ce5_sample_call", "active"),),
        {"funders": None},
    ),
    Case(
        "T6",
        "the same in December 2023",
        "NASA's certification to Congress, announced 2023-11-29",
        "2023-12-15",
        Interaction(
            "receive_sample", ("stony_brook", "cnsa"), funders=("nasa",), assets=("ce5_samples",), stage="apply"
        ),
        "allowed",
        (("wolf_amendment", "lifted"), ("wolf_certification_ce5_apply", "permit")),
        (("ce5_sample_call", "active"),),
        {"assets": None},
    ),
    Case(
        "T7",
        "research on Chang'e 5 samples with NASA's funds",
        "T. Glotch to Inside Outer Space, 2025-04",
        "2025-06-01",
        Interaction(
            "receive_sample",
            ("stony_brook", "cnsa"),
            funders=("nasa",),
            assets=("ce5_samples",),
            stage="research",
            facts={"request_approved": True},
        ),
        "barred",
        (("wolf_amendment", "bar"),),
        (("ce5_sample_loans", "active"),),
        {"funders": None},
    ),
    Case(
        "T8",
        "the same with the university's own funds",
        "T. Glotch to Inside Outer Space, 2025-04",
        "2025-06-01",
        Interaction(
            "receive_sample",
            ("stony_brook", "cnsa"),
            funders=("stony_brook",),
            assets=("ce5_samples",),
            stage="research",
            facts={"request_approved": True},
        ),
        "allowed",
        (),
        (("ce5_sample_loans", "active"),),
        {"funders": None},
    ),
    Case(
        "T10",
        "ESTRACK supports Chang'e 5",
        "ESA: ESA tracks Chang'e-5 Moon mission, 2020-11",
        "2020-11-23",
        Interaction(
            "track",
            ("esa", "cnsa"),
            place="moon",
            funders=("esa",),
            bill=(),
            destinations=("FRA",),
            venue_owner="esa",
        ),
        "allowed",
        (),
        (("esa_cnsa", "active"),),
        {"bill": None, "destinations": None},
    ),
    Case(
        "T11",
        "Chinese crew on the International Space Station, between NASA and CMSA",
        "P.L. 112-10 section 1340",
        "2018-01-01",
        Interaction(
            "fly_crew", ("nasa", "cmsa"), place="leo", funders=("nasa", "cnsa"), assets=("iss",), venue_owner="nasa"
        ),
        "barred",
        (("wolf_amendment", "bar"),),
        (),
        {"funders": None},
    ),
    Case(
        "T11b",
        "the same offered by another partner of the station on its own money",
        "IGA 1998: China is no partner",
        "2018-01-01",
        Interaction(
            "fly_crew", ("esa", "cmsa"), place="leo", funders=("esa", "cnsa"), assets=("iss",), venue_owner="nasa"
        ),
        "no_basis",
        (),
        (),
        {"date": None},
    ),
    Case(
        "T12",
        "a Chinese biology payload through a commercial service on the station",
        "Nanoracks and Beijing Institute of Technology, CRS-11, 2017-06-03",
        "2017-06-03",
        Interaction(
            "buy_service",
            ("nanoracks", "bit"),
            place="leo",
            funders=("bit",),
            assets=("iss",),
            bill=(),
            destinations=("USA",),
            venue_owner="nasa",
            facts={"commercial": True, "technology_flow": False},
        ),
        "allowed",
        (("contract", "permit"),),
        (),
        {"facts": {"commercial": True}},
    ),
    Case(
        "T13",
        "AMS-02 with a Chinese magnet, 16 countries",
        "Launched on STS-134, 2011-05-16",
        "2011-05-16",
        Interaction(
            "host_instrument",
            AMS,
            place="leo",
            funders=("us_doe", "nasa", "infn", "cas", "dlr"),
            assets=("ams02",),
            bill=(),
            destinations=("CHE", "USA"),
            venue_owner="nasa",
            facts={"technology_flow": False},
        ),
        "allowed",
        (),
        (("ams_mou", "active"),),
        {"assets": None},
    ),
    Case(
        "T16a",
        "a NASA-funded paper of US and Chinese authors",
        "NASA: FAQ on the China funding restrictions",
        "2024-01-01",
        Interaction("co_author", ("brown", "cas"), funders=("nasa",)),
        "barred",
        (("wolf_amendment", "bar"),),
        (),
        {"funders": None},
    ),
    Case(
        "T16b",
        "the same with a German co-author",
        "NASA: FAQ on the China funding restrictions",
        "2024-01-01",
        Interaction("co_author", ("brown", "cas", "cologne"), funders=("nasa",)),
        "allowed",
        (("open_science", "permit"),),
        (),
        {"date": None},
    ),
    Case(
        "T18",
        "an ESA astronaut on Tiangong",
        "J. Aschbacher, 2023-01-23: neither the budgetary nor the political green light",
        "2023-02-01",
        Interaction(
            "fly_crew", ("esa", "cmsa"), place="leo", funders=("esa",), assets=("tiangong",), venue_owner="cmsa"
        ),
        "no_basis",
        (),
        (("esa_cmsa_flight", "proposed"),),
        {"date": None},
    ),
    Case(
        "T19",
        "a Pakistani astronaut on Tiangong",
        "Agreement of 2025-02-28",
        "2025-03-15",
        Interaction(
            "fly_crew",
            ("suparco", "cmsa"),
            place="leo",
            funders=("suparco", "cnsa"),
            assets=("tiangong",),
            venue_owner="cmsa",
        ),
        "allowed",
        (),
        (("suparco_cmsa_crew", "active"),),
        {"date": None},
    ),
    Case(
        "T22",
        "a part of class 9A515.x of US origin in Orion's European Service Module",
        "15 CFR 742.6; the module is built in Bremen",
        "2022-06-01",
        Interaction(
            "export_hardware",
            ("nasa", "esa"),
            place="earth",
            funders=("nasa",),
            assets=("esm",),
            bill=(US_PART,),
            destinations=("DEU", "USA"),
            facts={"mtcr_category_1": False},
        ),
        "conditional",
        (("ear_9x515_allies", "permit_if"),),
        (("esa_nasa_esm", "active"),),
        {"destinations": None},
    ),
    Case(
        "T23",
        "ESA's seats to the Gateway after the pause",
        "NASA, 2026-03-24: Gateway paused",
        "2026-04-01",
        Interaction(
            "fly_crew",
            ("nasa", "esa"),
            place="moon",
            funders=("nasa", "esa"),
            assets=("gateway",),
            venue_owner="nasa",
        ),
        "suspended",
        (),
        (("gateway_mou", "suspended"),),
        {"date": None},
    ),
    Case(
        "T23b",
        "the same before the pause",
        "NASA - ESA memorandum of understanding, 2020-10-27",
        "2026-03-01",
        Interaction(
            "fly_crew",
            ("nasa", "esa"),
            place="moon",
            funders=("nasa", "esa"),
            assets=("gateway",),
            venue_owner="nasa",
        ),
        "allowed",
        (),
        (("gateway_mou", "active"),),
        {"assets": None},
    ),
    Case(
        "T24",
        "NASA and CNSA exchange orbits at Mars so that craft do not collide",
        "NASA statement, 2021-03-29",
        "2021-04-01",
        Interaction(
            "share_data",
            ("nasa", "cnsa"),
            funders=("nasa", "cnsa"),
            place="mars",
            data_class="interface-safety",
            facts={"technology_flow": False},
        ),
        "allowed",
        (("wolf_amendment", "lifted"), ("wolf_certification_mars_orbits", "permit")),
        (("nasa_cnsa_mars_orbits", "active"),),
        {"data_class": None},
    ),
]
