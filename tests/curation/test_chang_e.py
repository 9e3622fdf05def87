"""1731 g of Chang'e 5: who receives what, and the cases T5 to T8 of the rules in the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from moonvillage.catalog import load_catalog
from moonvillage.cooperation import Rulebook
from moonvillage.curation import Ledger
from moonvillage.curation.chang_e import LOANS_TENTH_MG
from moonvillage.errors import InputError


def test_the_masses(chang_e: Path) -> None:
    with Ledger.open(chang_e) as ledger:
        assert ledger.balances()["held"] == 17_310_000
        assert ledger.verify().sound
        assert {h.key for h in ledger.holdings()} == {
            "permanent_storage",
            "backup_storage",
            "research",
            "public_display",
        }


def test_seven_loans_of_2025_04_24(chang_e: Path) -> None:
    with Ledger.open(chang_e) as ledger:
        loans = {loan.borrower: loan.lent_tenth_mg for loan in ledger.loans(state="out")}
    # CNSA (CCTV, 2025-08): 2.18 g to seven institutions; BBC, 2025-05: 60 mg to the Open University
    assert sum(loans.values()) == 21_800
    assert loans["open_university"] == 600
    assert set(loans) == {"open_university", "ipgp", "cologne", "osaka", "suparco", "brown", "stony_brook"}
    assert loans == dict(LOANS_TENTH_MG)


@pytest.mark.parametrize(
    ("case", "answer", "status", "rule"),
    [
        ("stony_brook-1", "barred", "refused", "wolf_amendment: bar"),
        ("stony_brook-2", "allowed", "admitted", "wolf_amendment: lifted"),
        ("stony_brook-3", "barred", "refused", "wolf_amendment: bar"),
        ("stony_brook", "allowed", "lent", ""),
    ],
    ids=["T5", "T6", "T7", "T8"],
)
def test_the_american_cases(chang_e: Path, case: str, answer: str, status: str, rule: str) -> None:
    with Ledger.open(chang_e) as ledger:
        request = ledger.request_of(case)
        assert (request.answer, request.status) == (answer, status)
        assert not rule or any(line.startswith(rule) for line in request.rules)
        if status in ("refused", "admitted"):
            with pytest.raises(InputError):
                ledger.lend(case, date="2025-04-25", due="2026-04-25", by="cnsa")


def test_what_nobody_stated_is_undecided_and_not_lent(chang_e: Path) -> None:
    book = Rulebook.from_catalog(load_catalog())
    with Ledger.open(chang_e) as ledger:
        ledger.request("CE5-R", "stony_brook", "10 mg", id="x", date="2025-06-01", by="stony_brook")
        request = ledger.decide("x", book, date="2025-06-01", by="cnsa", approved=True)
        assert (request.answer, request.status) == ("unknown", "undecided")
        with pytest.raises(InputError, match="funders"):
            ledger.lend("x", date="2025-06-02", due="2026-06-02", by="cnsa")
        # without the owner's approval: barred; with its refusal: refused, whatever the rules say
        ledger.request("CE5-R", "cologne", "1 mg", funders=["cologne"], id="y", date="2025-06-01", by="cologne")
        assert ledger.decide("y", book, date="2025-06-01", by="cnsa").answer == "barred"
        assert ledger.decide("y", book, date="2025-06-02", by="cnsa", approved=True).status == "granted"
        declined = ledger.decide("y", book, date="2025-06-03", by="cnsa", approved=False)
        assert declined.status == "refused"
        assert ledger.verify().sound
