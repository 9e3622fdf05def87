"""Figures computed by other people's software (SpaceNet 2.5; the integrated campaign MILP of Isaji et al.)."""

from __future__ import annotations

from pathlib import Path

import pytest

from moonvillage.campaign import plan
from moonvillage.catalog import Catalog
from moonvillage.records.legs import LegTable
from moonvillage.scenario import load, loads
from moonvillage.units import DAY_S

HERE = Path(__file__).parent
EMPTY = Catalog({}, "empty")

#: Propellant left after each burn as SpaceNet 2.5 (Java) shows it, kg.
SPACENET_LEFT_KG = [
    ("ares5_srb", 0.0),
    ("ares5_core", 0.0),
    ("ares5_eds", 115770.67),
    ("ares1_first", 0.0),
    ("ares1_upper", 3619.57),
    ("ares5_eds", 9987.21),
    ("altair_dm", 24870.44),
    ("altair_dm", 24840.89),
    ("altair_dm", 12221.62),
    ("altair_dm", 709.26),
    ("altair_dm", 660.24),
    ("altair_am", 76.97),
    ("altair_am", 41.82),
    ("orion_sm", 6244.10),
    ("orion_sm", 4768.59),
    ("orion_sm", 3149.16),
    ("orion_sm", 3134.43),
    ("orion_sm", 3119.71),
    ("orion_cm", 160.32),
]


def test_spacenet_quick_start_1() -> None:
    scenario = load(HERE / "quickstart1.toml", catalog=EMPTY)
    campaign = plan(scenario, LegTable({}), {})
    assert campaign.status == "feasible", campaign.reasons
    left = {name: craft.propellant_kg for name, craft in scenario.of("craft").items()}
    found = []
    errors = []
    burns = list(campaign.table("burns").iter_rows(named=True))
    for row, (craft, expected) in zip(burns, SPACENET_LEFT_KG, strict=True):
        assert row["craft"] == craft
        left[craft] -= row["propellant_kg"]
        errors.append(abs(left[craft] - expected))
        found.append(row["dv_m_s"])
    print(f"propellant left against SpaceNet: q50 {sorted(errors)[9]:.4f}, max {max(errors):.4f} kg")
    assert max(errors) < 0.05
    assert found[0] == pytest.approx(1243.72, abs=0.005)
    assert found[1] == pytest.approx(5819.26, abs=0.005)
    assert found[3] == pytest.approx(3127.14, abs=0.005)
    launched = sorted(campaign.table("launches")["mass_kg"].to_list())
    assert launched == pytest.approx([889_575.0, 3_669_400.0], abs=0.05)


def test_spacenet_exploration_capability() -> None:
    """Crew-days and the relative exploration capability: crew × days × mass of classes 6 and 8, per launched mass."""
    campaign = plan(load(HERE / "quickstart1.toml", catalog=EMPTY), LegTable({}), {})
    rows = list(campaign.table("manifest").iter_rows(named=True))
    up = next(r for r in rows if r["kind"] == "crew" and r["destination"] == "pole")
    down = next(r for r in rows if r["kind"] == "crew" and r["origin"] == "pole")
    crew_days = up["amount"] * (down["epoch_tdb_s"] - up["epoch_tdb_s"]) / DAY_S
    assert crew_days == pytest.approx(28.0)
    cargo_kg = sum(r["mass_kg"] for r in rows if r["cargo"] == "science")
    launched_kg = campaign.table("launches")["mass_kg"].sum()
    capability = crew_days * (cargo_kg / 2594.0) / (launched_kg / 2_930_000.0)
    assert capability == pytest.approx(3.46863, rel=5e-6)


def test_isaji_network() -> None:
    campaign = plan(load(HERE / "isaji.toml", catalog=EMPTY), LegTable({}), {})
    assert campaign.status == "optimal"
    error = abs(campaign.objective_value / 694_264.4171277 - 1.0)
    print(f"launched mass against the published MILP: {error:.1e} relative")
    assert error < 1e-9
    assert campaign.gap <= 1e-9


def test_network_needs_a_reading_that_binds() -> None:
    """Each part of the reading matters: without maintenance, or with propellant held in low Earth orbit, less is
    launched; with fewer craft there is no plan."""
    text = (HERE / "isaji.toml").read_text()
    spared = plan(loads(text.replace('"1 %"', '"0 %"'), catalog=EMPTY), LegTable({}), {})
    held = plan(
        loads(text.replace('{ name = "leo" }', '{ name = "leo", holds = true }'), catalog=EMPTY), LegTable({}), {}
    )
    fewer = plan(loads(text.replace("most = 6", "most = 4"), catalog=EMPTY), LegTable({}), {})
    assert spared.objective_value < 690_000.0
    assert held.objective_value < 693_000.0
    assert fewer.status == "infeasible"
