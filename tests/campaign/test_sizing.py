"""Sizing the craft of a network study: the published lander model, and designs against campaigns."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moonvillage.campaign import plan
from moonvillage.campaign.sizing import Design, closure_kg, dry_mass_kg, least_mass
from moonvillage.catalog import Catalog
from moonvillage.records.legs import LegTable
from moonvillage.scenario import loads
from moonvillage.scenario.network import NetworkSizing

TEXT = (Path(__file__).parent / "isaji.toml").read_text()
EMPTY = Catalog({}, "empty")
LANDER = NetworkSizing()
RANGES = """
[network.sizing]
payload_least = "2600 kg"
payload_most = "3000 kg"
propellant_least = "41 t"
propellant_most = "45 t"
"""


def test_the_published_design_closes() -> None:
    """Payload 2837.1 kg and propellant 44,362.4 kg need 13,071.917273428024 kg (the network study's craft, by the
    published software of Isaji et al., doi 10.2514/1.A35284)."""
    dry = dry_mass_kg(LANDER, 2837.11768506991, 44362.37800273237)
    assert dry is not None
    print(f"dry mass against the published design: {abs(dry / 13071.917273428024 - 1.0):.1e} relative")
    assert dry == pytest.approx(13071.917273428024, rel=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.floats(1.0, 20_000.0), st.floats(1.0, 150_000.0), st.floats(1.0, 1.5))
def test_more_capacity_never_weighs_less(payload: float, propellant: float, factor: float) -> None:
    dry = dry_mass_kg(LANDER, payload, propellant)
    more = dry_mass_kg(LANDER, payload * factor, propellant)
    most = dry_mass_kg(LANDER, payload * factor, propellant * factor)
    if dry is None:
        assert more is None
        return
    assert abs(closure_kg(LANDER, dry, payload, propellant)) < 1e-5
    for lighter, heavier in ((dry, more), (more, most)):
        assert heavier is None or (lighter is not None and heavier >= lighter - 1e-6)


def test_no_design_closes_where_tanks_are_too_large() -> None:
    assert dry_mass_kg(LANDER, 10_000.0, 5e6) is None


def test_branch_and_bound_against_a_known_minimum() -> None:
    """Craft that must carry 3000 kg and 30 t: least dry mass is where both just do."""

    def solve(design: Design) -> float | None:
        fits = design.payload_kg >= 3000.0 and design.propellant_kg >= 30_000.0
        return 1000.0 + 10.0 * design.dry_kg if fits else None

    least = dry_mass_kg(LANDER, 3000.0, 30_000.0)
    assert least is not None
    found = least_mass(LANDER, solve, gap=1e-3)
    exact = 1000.0 + 10.0 * least
    assert found.design is not None
    assert found.bound <= exact * (1.0 + 1e-12)
    assert exact * (1.0 - 1e-12) <= found.objective <= exact * (1.0 + 2e-3)
    assert (found.objective - found.bound) / found.objective <= 1e-3 + 1e-12


def test_no_design_flies_what_is_too_much() -> None:
    assert least_mass(LANDER, lambda design: None).design is None
    text = TEXT.replace("most = 6", "most = 1").replace("gap = 1e-9", "gap = 0.03") + RANGES
    campaign = plan(loads(text, catalog=EMPTY), LegTable({}), {})
    assert campaign.status == "infeasible"
    assert "no design" in campaign.reasons[0]


@pytest.mark.slow
def test_the_design_is_chosen_with_the_campaign() -> None:
    """Within ranges about the published design: lighter than it, with a bound, and the design closes."""
    campaign = plan(loads(TEXT.replace("gap = 1e-9", "gap = 1e-3") + RANGES, catalog=EMPTY), LegTable({}), {})
    assert campaign.status == "optimal", campaign.reasons
    assert campaign.gap <= 1e-3
    print(f"launched mass {campaign.objective_value:.0f} kg, bound {campaign.bound:.0f} kg")
    assert campaign.bound <= campaign.objective_value < 694_264.4171277
    model = campaign.model
    dry = dry_mass_kg(LANDER, model["payload_kg"], model["propellant_kg"])
    assert model["dry_kg"] == pytest.approx(dry, rel=1e-12)
    fixed = TEXT.replace("13071.917273428024", f"{model['dry_kg']!r}")
    fixed = fixed.replace("2837.11768506991", f"{model['payload_kg']!r}")
    fixed = fixed.replace("44362.37800273237", f"{model['propellant_kg']!r}")
    again = plan(loads(fixed, catalog=EMPTY), LegTable({}), {})
    assert again.objective_value == pytest.approx(campaign.objective_value, rel=1e-4)
    assert math.isfinite(campaign.bound)
