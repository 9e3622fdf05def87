"""Whatever is done, in whatever order: mass is conserved to 0.1 mg, the chain holds, a refusal changes nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moonvillage.curation import USES, Ledger, Portion
from moonvillage.curation.model import Request
from moonvillage.errors import InputError

MASS = st.one_of(st.integers(0, 40), st.integers(0, 2_000))
PORTIONS = st.lists(st.tuples(MASS, st.sampled_from(["", *USES])), min_size=1, max_size=3)
ALONE = ["collect", "receive", "open", "transfer", "weigh", "consume", "catalogue", "analyse", "again"]
STEP = st.tuples(
    st.sampled_from([*ALONE, "split", "split", "lend", "back"]),
    st.integers(0, 9),
    MASS,
    PORTIONS,
)
SAID: dict[str, Any] = {"date": "2031-01-02", "by": "esa"}


def granted(ledger: Ledger, sample: str, mass: int, name: str) -> None:
    """A request with a decision of the owner's (the rules themselves are tested elsewhere)."""
    ledger.request(sample, "open_university", mass, id=name, **SAID)

    def work() -> Any:
        from moonvillage.curation.book import Draft

        draft = Draft()
        draft.change(Request, name, status="granted", decided_tdb_s=ledger.request_of(name).date_tdb_s)
        return draft

    from moonvillage.curation.steps import do

    date = ledger.request_of(name).date_tdb_s
    do(ledger._book, "decide", "esa", date, None, {"request": name}, work)


def take(ledger: Ledger, number: int, step: tuple[str, int, int, list[tuple[int, str]]]) -> None:
    what, which, mass, parts = step
    samples = ledger.samples()
    name = samples[which % len(samples)].id if samples else "none"
    once = {**SAID, "operation": f"op{number}"}
    if what == "collect":
        ledger.collect(mass, place="site", owner="esa", **once)
    elif what == "receive":
        ledger.receive(name, place="Earth", weighed=mass if which % 2 else None, **once)
    elif what == "open":
        ledger.open_container(name, loss=which, **once)
    elif what == "split":
        ledger.split(name, [Portion(mass=m, use=use) for m, use in parts], loss=which, **once)
    elif what == "transfer":
        ledger.transfer(name, to=f"lab{which}", **once)
    elif what == "weigh":
        ledger.weigh(name, mass, reason="new balance", **once)
    elif what == "consume":
        ledger.consume(name, mass, reason="used", **once)
    elif what == "catalogue":
        ledger.catalogue(name, description="grains", **once)
    elif what == "lend":
        granted(ledger, name, mass, f"q{number}")
        ledger.lend(f"q{number}", due="2032-01-01", **once)
    elif what == "analyse":
        ledger.record_analysis(name, laboratory="open_university", method="XRD", consumed=mass, **once)
    elif what == "back":
        loans = ledger.loans(state="out")
        ledger.give_back(
            loans[which % len(loans)].id if loans else "none", weighed=mass if which % 2 else None, **once
        )


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(STEP, min_size=5, max_size=40))
def test_random_histories(steps: list[tuple[str, int, int, list[tuple[int, str]]]]) -> None:
    with tempfile.TemporaryDirectory() as folder, Ledger.create(Path(folder) / "a") as ledger:
        ledger._book.connection.execute("PRAGMA synchronous = OFF")  # nothing is killed here
        for place in ("one", "two"):
            ledger.collect(3_000, id=place, place=place, owner="esa", **SAID)
            ledger.receive(place, place="Earth", **SAID)
            ledger.open_container(place, **SAID)
        ledger.split("one", [Portion(mass=2_000, use="research", id="r")], **SAID)
        ledger.catalogue("r", description="fines", **SAID)
        for number, step in enumerate(steps):
            before = ledger.head
            repeat = max(0, number - 1) if step[0] == "again" else number
            try:
                take(ledger, repeat, steps[repeat])
            except InputError:
                assert ledger.head[0] - before[0] <= (2 if steps[repeat][0] == "lend" else 0)
            balances = ledger.balances()
            assert sum(balances.values()) == 0
            assert all(s.mass_tenth_mg >= 0 for s in ledger.samples())
            assert all((s.mass_tenth_mg == 0) == (s.state == "spent") for s in ledger.samples())
            assert {s.loan for s in ledger.samples(state="lent")} == {loan.id for loan in ledger.loans(state="out")}
        found = ledger.verify()
        assert found.sound, found.problems
        assert found.balances == ledger.balances()
        for entry in ledger.entries():
            assert sum(entry.postings.values()) == 0
