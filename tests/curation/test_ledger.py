"""Every operation, what it does to the books, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moonvillage.catalog import load_catalog
from moonvillage.cooperation import Rulebook
from moonvillage.curation import Ledger, Portion
from moonvillage.errors import InputError

BOOK = Rulebook.from_catalog(load_catalog())
LATER: dict[str, Any] = {"date": "2031-03-01", "by": "esa"}


def lent(ledger: Ledger, mass: str = "60 mg") -> str:
    request = ledger.request("S.1", "open_university", mass, funders=["open_university"], **LATER)
    assert ledger.decide(request.id, BOOK, **LATER).status == "granted"
    return ledger.lend(request.id, due="2032-03-01", **LATER).id


def refusal(error: pytest.ExceptionInfo[InputError]) -> str:
    [problem] = error.value.problems
    assert problem.message
    assert problem.remedy
    return f"{problem.message}; {problem.remedy}"


def test_a_split_leaves_the_rest_and_inherits(ledger: Ledger) -> None:
    assert [s.mass_tenth_mg for s in ledger.samples()] == [1_000_000, 6_000_000, 1_000_000, 2_000_000]
    part = ledger.sample("S.1")
    assert (part.owner, part.origin, part.parent, part.use) == ("esa", "site", "S", "research")
    (fine,) = ledger.split("S.1", [Portion(mass="1 g")], loss="0.1 mg", **LATER)
    assert (fine.id, fine.use, fine.mass_tenth_mg) == ("S.1.1", "research", 10_000)
    assert ledger.sample("S.1").mass_tenth_mg == 6_000_000 - 10_001
    assert ledger.balances() == {
        "@moon": -10_000_000,
        "@lost": 1,
        "@consumed": 0,
        "@weighing": 0,
        "held": 9_999_999,
    }


def test_what_comes_back_weighs_what_it_weighs(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "b") as ledger:
        ledger.collect("2 kg", date="2031-01-02", by="esa", place="site", owner="esa")
        back = ledger.receive("S1", weighed="1731 g", date="2031-01-09", by="esa", place="Earth")
        assert back.mass_tenth_mg == 17_310_000
        assert ledger.weigh("S1", "1731.0001 g", reason="new balance", **LATER).mass_tenth_mg == 17_310_001
        assert ledger.balances()["@weighing"] == 2_690_000 - 1
        assert ledger.verify().sound


def test_a_loan_from_request_to_return(ledger: Ledger) -> None:
    loan = ledger.loan(lent(ledger))
    assert (loan.borrower, loan.lent_tenth_mg, loan.state) == ("open_university", 600, "out")
    sample = ledger.sample(loan.sample)
    assert (sample.state, sample.custodian, sample.loan) == ("lent", "open_university", loan.id)
    done = ledger.record_analysis(
        loan.sample, laboratory="open_university", method="stepped combustion", consumed="12.5 mg", **LATER
    )
    assert (done.loan, done.consumed_tenth_mg) == (loan.id, 125)
    back = ledger.give_back(loan.id, weighed="47.3 mg", date="2031-09-01", by="esa")
    assert (back.state, back.mass_tenth_mg, back.custodian, back.loan) == ("open", 473, "esa", "")
    assert ledger.loan(loan.id).returned_tenth_mg == 473
    assert ledger.balances()["@lost"] == 2
    assert ledger.requests(status="lent")[0].id == loan.request
    kinds = [entry.kind for entry in ledger.history(loan.sample)]
    last = ["request", "decide", "lend", "analyse", "return"]
    assert kinds == ["collect", "receive", "open", "split", "catalogue", *last]
    assert [e.kind for e in ledger.history(loan.sample, ancestors=False)] == last
    assert ledger.verify().sound


def test_a_loan_that_is_used_up_is_over(ledger: Ledger) -> None:
    loan = ledger.loan(lent(ledger))
    assert ledger.consume(loan.sample, "60 mg", reason="dissolved", **LATER).state == "spent"
    assert ledger.loan(loan.id).state == "consumed"
    with pytest.raises(InputError) as refused:
        ledger.give_back(loan.id, **LATER)
    assert "was consumed" in refusal(refused)


def test_the_chain_of_custody(ledger: Ledger) -> None:
    ledger.transfer("S.3", to="cnes", place="Toulouse", **LATER)
    ledger.transfer("S.3", to="dlr", place="Berlin", **LATER)
    assert ledger.sample("S.3").owner == "esa"
    handed = [e.asked["to"] for e in ledger.history("S.3") if e.kind == "transfer"]
    assert handed == ["cnes", "dlr"]
    assert {h.key: h.mass_tenth_mg for h in ledger.holdings("custodian")} == {"dlr": 2_000_000, "esa": 8_000_000}


@pytest.mark.parametrize(
    ("method", "arguments", "told"),
    [
        ("split", {"sample": "S", "portions": [Portion(mass="100.0001 g")]}, "holds 100.0000 g"),
        ("split", {"sample": "S.4", "portions": [Portion(mass="1 g")]}, "did you mean"),
        ("split", {"sample": "S", "portions": []}, "at least one"),
        ("split", {"sample": "S", "portions": [Portion(mass=0)]}, "empty portion"),
        ("split", {"sample": "S", "portions": [Portion(mass=1, use="reserch")]}, "'research'"),
        ("split", {"sample": "S", "portions": [Portion(mass=1, id="S.1")]}, "already"),
        ("split", {"sample": "S", "portions": [Portion(mass=1, id="x"), Portion(mass=1, id="x")]}, "already"),
        ("split", {"sample": "S.3", "portions": [Portion(mass=1, use="research")]}, "permanent storage"),
        ("consume", {"sample": "S.3", "mass": 1, "reason": "x"}, "not consumed"),
        ("consume", {"sample": "S.1", "mass": "601 g", "reason": "x"}, "take less"),
        ("consume", {"sample": "S.1", "mass": 0, "reason": "x"}, "is nothing"),
        ("consume", {"sample": "S.1", "mass": 1, "reason": " "}, "say the reason"),
        ("weigh", {"sample": "S.1", "mass": 0, "reason": "x"}, "weighs nothing"),
        ("receive", {"sample": "S", "place": "Earth"}, "is open"),
        ("open_container", {"sample": "S"}, "open already"),
        ("request", {"sample": "S.3", "applicant": "dlr", "mass": 1}, "permanent storage"),
        ("request", {"sample": "S.2", "applicant": "dlr", "mass": 1}, "catalogue"),
        ("request", {"sample": "S.1", "applicant": "esa", "mass": 1}, "owns"),
        ("request", {"sample": "S.1", "applicant": "dlr", "mass": 0}, "say how much"),
        ("request", {"sample": "S.1", "applicant": "dlr", "mass": 1, "facts": {"aproved": True}}, "aproved"),
        ("catalogue", {"sample": "S.3", "description": "x"}, "not lent"),
        ("lend", {"request": "R9", "due": "2032-01-01"}, "nothing of this kind"),
        ("give_back", {"loan": "L1"}, "nothing of this kind"),
        ("transfer", {"sample": "S.1", "to": "a\nb"}, "control characters"),
        ("transfer", {"sample": "S.1", "to": "dlr", "operation": "#1"}, "is no id"),
        ("transfer", {"sample": "S.1", "to": "dlr", "date": "2031-13-01"}, "not a UTC date"),
        ("transfer", {"sample": "S.1", "to": "dlr", "date": "2031-01-19"}, "lies before 2031-01-20"),
        ("transfer", {"sample": "S.1", "to": "dlr", "by": ""}, "say the by"),
        ("collect", {"mass": 0, "place": "x", "owner": "esa"}, "collect something"),
        ("collect", {"mass": 1, "place": "x", "owner": "esa", "id": "@lost"}, "is no id"),
        ("collect", {"mass": 1, "place": "x", "owner": "esa", "id": "S.2"}, "already"),
        ("holdings", {"by": "usage"}, "did you mean 'use'"),
    ],
)
def test_the_impossible_is_refused_and_leaves_no_trace(
    ledger: Ledger, method: str, arguments: dict[str, Any], told: str
) -> None:
    before = ledger.head
    with pytest.raises(InputError) as refused:
        getattr(ledger, method)(**(arguments if method == "holdings" else {**LATER, **arguments}))
    assert told in refusal(refused)
    assert ledger.head == before


def test_what_is_lent_is_not_lent_again(ledger: Ledger) -> None:
    loan = ledger.loan(lent(ledger))
    with pytest.raises(InputError) as again:
        ledger.lend(loan.request, due="2032-03-01", **LATER)
    assert "has been served" in refusal(again)
    with pytest.raises(InputError) as asked:
        ledger.request(loan.sample, "dlr", 1, **LATER)
    assert f"samples return {loan.id}" in refusal(asked)
    with pytest.raises(InputError) as handed:
        ledger.transfer(loan.sample, to="dlr", **LATER)
    assert "is lent" in refusal(handed)
    with pytest.raises(InputError) as more:
        ledger.give_back(loan.id, weighed="60.1 mg", **LATER)
    assert "60.0 mg" in refusal(more)


def test_two_grants_on_the_same_last_grams(ledger: Ledger) -> None:
    names = []
    for applicant in ("open_university", "cologne"):
        request = ledger.request("S.1", applicant, "400 g", funders=[applicant], **LATER)
        names.append(ledger.decide(request.id, BOOK, **LATER).id)
    ledger.lend(names[0], due="2032-01-01", **LATER)
    with pytest.raises(InputError) as refused:
        ledger.lend(names[1], due="2032-01-01", **LATER)
    assert "holds 200.0000 g" in refusal(refused)
    assert ledger.lend(names[1], mass="200 g", due="2032-01-01", **LATER).lent_tenth_mg == 2_000_000
    assert ledger.sample("S.1").state == "spent"


def test_a_laboratory_analyses_only_what_it_has(ledger: Ledger) -> None:
    with pytest.raises(InputError) as refused:
        ledger.record_analysis("S.1", laboratory="dlr", method="XRD", **LATER)
    assert "custody of esa" in refusal(refused)


def test_an_operation_id_is_done_once(ledger: Ledger) -> None:
    parts = [Portion(mass="1 g")]
    first = ledger.split("S.1", parts, operation="mine", **LATER)
    ledger.transfer(first[0].id, to="dlr", **LATER)
    head = ledger.head
    again = ledger.split("S.1", parts, operation="mine", **LATER)
    assert [s.id for s in again] == [s.id for s in first]
    assert again[0].custodian == "dlr"  # as it is now
    assert ledger.head == head
    with pytest.raises(InputError) as refused:
        ledger.split("S.1", [Portion(mass="2 g")], operation="mine", **LATER)
    assert "another operation" in refusal(refused)


def test_files_that_are_no_ledgers(tmp_path: Path, ledger: Ledger) -> None:
    text = tmp_path / "text"
    text.write_text("not a database, but long enough to be looked at " * 20)
    for wrong in (tmp_path / "absent", tmp_path, text):
        with pytest.raises(InputError) as refused:
            Ledger.open(wrong)
        assert refusal(refused)
    for taken in (ledger.path, text, tmp_path):
        with pytest.raises(InputError) as refused:
            Ledger.create(taken)
        assert refusal(refused)
    assert ledger.verify().sound


def test_equal_histories_give_equal_ledgers(tmp_path: Path) -> None:
    heads = set()
    for name in ("a", "b"):
        with Ledger.create(tmp_path / name, title="t") as ledger:
            ledger.collect("1 kg", date="2031-01-02", by="esa", place="site", owner="esa")
            heads.add(ledger.head)
    assert len(heads) == 1


def test_it_shows_itself(ledger: Ledger) -> None:
    assert repr(ledger).endswith("4 samples, 1000.0000 g, 6 entries)")
