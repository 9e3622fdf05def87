"""Masses are whole tenths of a milligram."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moonvillage.curation import mass_from_kg, mass_tenth_mg, show_mass
from moonvillage.errors import InputError


@pytest.mark.parametrize(
    ("written", "tenths"),
    [
        ("1731 g", 17_310_000),
        ("60 mg", 600),
        ("0.1 mg", 1),
        ("100 ug", 1),
        ("2.18 g", 21_800),
        ("1.7 kg", 17_000_000),
    ],
)
def test_what_is_written_is_read_exactly(written: str, tenths: int) -> None:
    assert mass_tenth_mg(written) == tenths


@pytest.mark.parametrize(
    "wrong", ["0.05 mg", "60", "-1 g", "1e3 g", "60 lb", "", "NaN g", "200000 t", 1.5, True, None, -1]
)
def test_what_is_no_mass_is_refused_with_a_remedy(wrong: object) -> None:
    with pytest.raises(InputError) as refused:
        mass_tenth_mg(wrong)  # type: ignore[arg-type]
    assert refused.value.problems[0].remedy


@given(st.integers(0, 10**15))
def test_shown_and_read_back(tenths: int) -> None:
    assert mass_tenth_mg(show_mass(tenths)) == tenths


def test_a_float_of_a_plan_is_rounded_to_the_nearest() -> None:
    assert mass_from_kg(1.7) == 17_000_000
    assert mass_from_kg(0.1 + 0.2) == 3_000_000
