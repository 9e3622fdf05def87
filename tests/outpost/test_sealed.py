"""One man of BioSim's, hour by hour: his day, and when he dies of what, with the same limits as inputs."""

from __future__ import annotations

import numpy as np
import pytest

from moonvillage.catalog.load import load_catalog
from moonvillage.outpost import live
from moonvillage.outpost.activity import BIOSIM_SCHEDULE, Activity, Person, hourly, mean_needs, metabolism, needs
from moonvillage.outpost.body import close
from moonvillage.outpost.health import CAUSES, Doses, Limits
from moonvillage.outpost.sealed import BIOSIM_AIR, sealed_life
from moonvillage.records.outpost import Handover
from moonvillage.scenario.outposts import Outpost

DAY = 86400.0


@pytest.mark.parametrize(
    ("what", "known"),
    [("oxygen_kg_s", 0.750), ("carbon_dioxide_kg_s", 0.887), ("water_kg_s", 3.93), ("food_kg_s", 1.04)],
)
def test_a_day(what: str, known: float) -> None:
    """BioSim's default man (35 y, 75 kg, default schedule), measured: per day, within 5 %."""
    found = getattr(mean_needs(Person(), BIOSIM_SCHEDULE), what) * DAY
    print(f"{what[:-5]}: {found:.3f} kg/d, BioSim {known}")
    assert found == pytest.approx(known, rel=0.05)


@pytest.mark.parametrize(
    ("name", "cause", "least", "most", "median", "given"),
    [
        ("no food", "food", 242.0, 1157.0, 930.0, {"volume_m3": 1.0, "refreshed": True, "food_kg": 0.0}),
        ("no water", "water", 27.0, 50.0, 41.0, {"volume_m3": 1.0, "refreshed": True, "water_kg": 0.0}),
        ("sealed 100 m3", "carbon_dioxide", 380.0, 398.0, 391.0, {"volume_m3": 100.0}),
        ("sealed 20 m3", "carbon_dioxide", 92.0, 103.0, 96.0, {"volume_m3": 20.0}),
    ],
)
def test_deaths(name, cause, least, most, median, given) -> None:
    """BioSim, measured: range and median of its runs. Deaths are random there and here: compare medians."""
    found = sealed_life(air=BIOSIM_AIR, condenses=False, runs=400, seed=1, **given)
    low, high = np.quantile(found.hours, [0.05, 0.95])
    print(
        f"{name}: median {found.median_h:.0f} h ({low:.0f}-{high:.0f}); BioSim {median:.0f} ({least:.0f}-{most:.0f})"
    )
    assert least <= found.median_h <= most
    assert found.median_h == pytest.approx(median, rel=0.06)
    assert np.mean(found.cause == CAUSES.index(cause)) > 0.97


def test_real_air_condenses_and_kills_sooner() -> None:
    """Vapour that leaves the air no longer dilutes the carbon dioxide: BioSim's cabin flatters by 40 h in 100 m3."""
    wet = sealed_life(100.0, air=BIOSIM_AIR, condenses=False, runs=200).median_h
    real = sealed_life(100.0, runs=200).median_h
    assert 330.0 < real < 365.0 < wet


def test_doses_by_hand() -> None:
    """Half of a limit lacking in one hour: a chance of 1 / (1 + 1e3); healing takes a hundredth an hour."""
    doses = Doses(1)
    chance = doses.hour(2.65, 0.0, 0.21, 0.0)
    assert chance[0, 0] == pytest.approx(1.0 / (1.0 + 1e3))
    assert doses.filled[0, 0] == pytest.approx(0.49)
    assert Doses(1, Limits(water_kg=2.65)).hour(2.65, 0.0, 0.21, 0.0)[0, 0] == pytest.approx(0.5)


def test_needs_grow_with_effort() -> None:
    person = Person()
    rates = [needs(person, i) for i in (0.0, 2.0, 5.0)]
    assert rates[0].oxygen_kg_s < rates[1].oxygen_kg_s < rates[2].oxygen_kg_s
    with pytest.raises(ValueError, match="not from 0"):
        needs(person, 6.0)
    with pytest.raises(ValueError, match="no hours"):
        mean_needs(person, ())
    with pytest.raises(ValueError, match="whole hours"):
        hourly((Activity("nap", 1.5, 0.0),))
    with pytest.raises(ValueError, match="positive"):
        sealed_life(0.0)


@pytest.mark.parametrize("person", [Person(), Person(25.0, 60.0, male=False), Person(40.0, 90.0)])
def test_a_set_from_activities_closes(person: Person) -> None:
    found = metabolism("x", person, BIOSIM_SCHEDULE)
    body = close(found)
    assert body.notes == ()
    assert min(body.food) >= 0.0
    assert body.food_kg_s == pytest.approx(mean_needs(person, BIOSIM_SCHEDULE).food_kg_s)


def test_the_catalogs_man_lives_a_day_as_biosims() -> None:
    """The versioned set biosim-man, lived for ten days: oxygen, carbon dioxide, water and food within 5 %."""
    catalog = load_catalog()
    outpost = Outpost(
        id="b",
        place="b",
        metabolism="biosim-man",
        modules={"small_habitat": 1, "fission_40kw": 1},
        stocks_kg={"oxygen": 500.0, "nitrogen": 300.0, "water": 500.0, "food": 100.0},
        failures="none",
        site="connecting_ridge",
    )
    days = live({"b": outpost}, [Handover(0.0, "b", "up", crew=1)], 0.0, 10 * DAY, catalog).days
    leak = days["oxygen_used_kg"].mean() - 0.750  # leaks are made up from the same stock
    assert 0.0 <= leak < 0.1
    assert days["water_used_kg"].mean() == pytest.approx(3.93, rel=0.05)
    assert days["food_used_kg"].mean() == pytest.approx(1.04, rel=0.05)
    assert days["carbon_dioxide_lost_kg"].mean() == pytest.approx(0.887, rel=0.05)
