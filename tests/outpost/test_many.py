"""Many lives at once: each is the single run's, the odds are the Poisson odds, and finished chunks are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from moonvillage.outpost import Chances, SunModel, live, odds
from moonvillage.outpost.chances import _light
from moonvillage.outpost.many import Throng, wilson
from moonvillage.outpost.spares import lightest, sufficiency
from moonvillage.records.outpost import Handover
from tests.outpost.world import DAY, START, base, modules, shining, world

STOCKS = {"oxygen": 500.0, "nitrogen": 500.0, "water": 4000.0, "food": 3000.0, "spares": 500.0}
PARTS = {"hab": 1, "sun": 2, "cells": 2, "oga": 1, "sab": 1, "wrs": 1, "lab": 2, "plant": 1, "mine": 1, "split": 1}
COMES = (
    Handover(START + 1.3 * DAY, "ridge", "a", crew=4),
    Handover(START + 40.2 * DAY, "ridge", "b", {"water": 300.0, "food": -50.0}, {"hab": 1, "cells": 1}),
    Handover(START + 90.2 * DAY, "ridge", "c", modules={"cells": -1, "lab": -1}, crew=-1),
)


class Waving(SunModel):
    """Days of light and of dark, so that storage, shedding and surplus all have their turn."""

    def sun_fraction(self, epoch_tdb_s):
        return np.clip(0.4 + 0.9 * np.sin((np.asarray(epoch_tdb_s) - START) / DAY * 0.4), 0.0, 1.0)


def alike(outpost, comes=COMES, days=150, sun=None):
    """Final and daily stocks of the single run and of the first of many."""
    sun = sun or Waving(0.0, 0.0)
    edges = [START + k * DAY for k in range(days + 1)]
    log = live({"b": outpost}, comes, START, edges[-1], world(), sun=sun)
    throng = Throng(outpost, comes, world(), edges, _light(outpost, edges, world(), sun), runs=2, seed=0)
    return log, throng.march(days)


@pytest.mark.parametrize("failures", ["none", "expected"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"modules": {**PARTS, "tank": 1}, "eva_per_crew": 16 / (7 * DAY), "reserve_s": {"water": 20 * DAY}},
        {"modules": {"hab": 1, "sun": 1, "cells": 1, "lab": 3}, "stocks_kg": {"oxygen": 50.0, "food": 100.0}},
        {"site": "", "orbit_sunlight": 0.62, "modules": {"can": 2, "oga": 1, "wrs": 1}},
        {"air": "falls", "oxygen_limit": 0.3, "stocks_kg": {"oxygen": 20.0, "water": 500.0, "food": 500.0}},
    ],
    ids=["whole", "tanks", "poor", "orbit", "thin"],
)
def test_each_run_is_the_single_run(failures: str, changes) -> None:
    """Stocks agree to rounding on every day, whatever lacks, sheds, comes and goes."""
    outpost = base(**{"modules": PARTS, "stocks_kg": STOCKS, "failures": failures, **changes})
    log, lives = alike(outpost)
    worst = 0.0
    for commodity, series in lives.series.items():
        single = log.days[f"{commodity}_kg"].to_numpy()
        assert series[:, 0] == pytest.approx(single, rel=1e-6, abs=1e-4)  # kept as 32-bit
        worst = max(worst, abs(lives.final[commodity][0] - single[-1]) / max(single[-1], 1.0))
    print(f"final stocks differ by {worst:.1e} at the most")
    assert worst < 1e-9
    single_short = {s.commodity for s in log.shortfalls}
    assert {c for c, when in lives.short.items() if when[0] < lives.steps} - {"air_cleaning"} == single_short
    assert (lives.died[0] < lives.steps) == (log.events.filter(kind="death").height > 0)


def test_the_poisson_odds() -> None:
    """One lab, 2 failures a year, repairs at once, 3 spares: POS(2, 3) = 0.8571 within 3.5 standard errors."""
    kinds = modules()
    kinds["lab"] = replace(kinds["lab"], repair_s=0.0, load_w=0.0, standby_w=0.0)
    outpost = base(modules={"lab": 1}, stocks_kg={"spares": 60.0})
    runs = 4000
    found = odds({"b": outpost}, [], START, START + 365 * DAY, world(module=kinds), runs=runs, step_s=5 * DAY)
    known = sufficiency([2.0], [3])
    error = (known * (1 - known) / runs) ** 0.5
    print(f"POS {known:.4f}; {runs} runs {found.mission:.4f} ± {error:.4f}")
    assert round(known, 4) == 0.8571
    assert found.mission == pytest.approx(known, abs=3.5 * error)
    last = found.survival[-1]
    assert last.mission == found.mission
    assert last.mission_low < known < last.mission_high


def test_a_manifest_for_a_target_reaches_it() -> None:
    """The cheapest spares for 95 %: so many kits that at least 95 % of the runs never lack one."""
    kinds = modules()
    kinds["lab"] = replace(kinds["lab"], repair_s=0.0, load_w=0.0, standby_w=0.0)
    chosen = lightest({"lab": 2.0}, {"lab": 20.0}, 0.95)
    runs = 2000
    found = odds(
        {"b": base(modules={"lab": 1}, stocks_kg={"spares": chosen.mass_kg})},
        [],
        START,
        START + 365 * DAY,
        world(module=kinds),
        runs=runs,
        step_s=5 * DAY,
    )
    error = (chosen.sufficiency * (1 - chosen.sufficiency) / runs) ** 0.5
    assert found.mission == pytest.approx(chosen.sufficiency, abs=3.5 * error)


def village(**given):
    kinds = modules()
    for name in ("hab", "oga", "wrs", "lab", "sun"):
        kinds[name] = replace(kinds[name], failure_per_s=2.0 / (365 * DAY), spare_kg=25.0, repair_s=6 * DAY)
    outpost = base(**{"modules": PARTS, "stocks_kg": {**STOCKS, "spares": 120.0}, **given})
    return {"b": outpost}, COMES[:1], START, START + 120 * DAY, world(module=kinds)


def test_what_is_kept_is_continued(tmp_path) -> None:
    """Whole chunks are taken up again: the odds are the same, with or without the folder, and in a longer run."""
    calls = village()
    plain = odds(*calls, runs=1200, seed=3, sun=shining())
    kept = odds(*calls, runs=1200, seed=3, sun=shining(), keep=tmp_path)
    files = sorted(tmp_path.glob("*.npz"))
    again = odds(*calls, runs=1200, seed=3, sun=shining(), keep=tmp_path)
    assert plain == kept == again
    assert len(files) == 2
    assert files == sorted(tmp_path.glob("*.npz"))
    assert odds(*calls, runs=1200, seed=4, sun=shining()) != plain


def test_needs_are_ranked_by_what_a_kilogram_buys() -> None:
    found = odds(*village(), runs=300, sun=shining(), values=True)
    spares = next(n for n in found.needs if n.commodity == "spares")
    print(f"mission {found.mission:.3f}; a kilogram of spares is worth {spares.value_per_kg:.5f}")
    assert found.mission < 0.95
    assert spares.value_per_kg > 0.0
    values = [n.value_per_kg or 0.0 for n in found.needs]
    assert values == sorted(values, reverse=True)
    shown = found.as_json()
    assert set(shown) >= {"runs", "survival", "stockout", "first_shortfall", "needs"}
    assert shown["needs"][0]["commodity"] == found.needs[0].commodity


def test_bands_hold_the_median() -> None:
    found = odds(*village(), runs=200, sun=shining())
    food = next(b for b in found.bands if b.commodity == "food")
    assert food.kg.shape == (3, food.epochs_tdb_s.size)
    assert (food.kg[0] <= food.kg[1]).all()
    assert (food.kg[1] <= food.kg[2]).all()
    crew_days = 4 * (120 - 1.3)
    assert food.kg[1, -1] == pytest.approx(3000.0 - crew_days * 0.617, rel=1e-5)


def test_slips_and_losses_starve() -> None:
    """Food for thirty days and a flight that brings more: slips and losses cost lives as often as they come."""
    comes = [
        Handover(START, "ridge", "up", crew=2),
        Handover(START + 25 * DAY, "ridge", "food", {"food": 500.0, "water": 3000.0}),
    ]
    outpost = base(modules={"hab": 1, "pile": 1}, stocks_kg={**STOCKS, "food": 2 * 0.617 * 30.0})
    given = ({"b": outpost}, comes, START, START + 150 * DAY, world())
    sure = odds(*given, runs=400, sun=shining())
    risky = odds(*given, runs=400, sun=shining(), chances=Chances(slip_mean_s=10 * DAY, loss=0.2))
    assert sure.crew == 1.0
    assert sure.mission == 1.0
    assert risky.crew == pytest.approx(0.8, abs=0.08)  # who waits more than 38 days without food is rare
    # food comes 25 d and lasts 30 d after people who slip as well: it is late where its slip is 5 d above theirs
    lost_or_late = 1.0 - 0.8 * (1.0 - 0.5 * np.exp(-0.5))
    assert 1.0 - risky.mission == pytest.approx(lost_or_late, abs=0.08)
    assert "slip" in risky.notes[1]


def test_wilson_by_hand() -> None:
    """8 of 10: 0.490 to 0.943 (Wilson 1927, any table)."""
    low, high = wilson(8, 10)
    assert (float(low), float(high)) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_crops_are_refused() -> None:
    with pytest.raises(ValueError, match="has crops"):
        odds(*village(crop_food_kg_s=1e-5), runs=1)
