"""The whole loop, end to end through the command line, on a small real scenario."""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from moonvillage.cli import main
from moonvillage.records.store import cache_dir
from moonvillage.scenario.examples import example_text

COMMAND = [sys.executable, "-m", "moonvillage.cli"]


def _scenario(folder: Path) -> Path:
    """Cargo to an uncrewed station, then a crew: a year of it, with orbits and bookkeeping but no long transfers."""
    text = example_text("station-resupply")
    text = text.replace("end = 2033-01-01", "end = 2032-01-01").replace("crew_days = 1000", "crew_days = 300")
    text = text.replace("by = 2032-12-01", "by = 2031-12-01").replace("by = 2032-06-01", "by = 2031-10-01")
    path = folder / "small.toml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], float]:
    """One uninterrupted run with an empty leg table: its folder, its summary, and how long it took."""
    folder = tmp_path_factory.mktemp("whole")
    cache = _fresh_cache(folder)
    began = time.perf_counter()
    result = subprocess.run(
        [*COMMAND, "run", str(_scenario(folder)), "-o", str(folder / "run"), "--json", "--workers", "1"],
        capture_output=True,
        text=True,
        env={**os.environ, "MOONVILLAGE_CACHE": str(cache)},
    )
    assert result.returncode == 0, result.stderr
    return folder / "run", json.loads(result.stdout), time.perf_counter() - began


def _fresh_cache(folder: Path) -> Path:
    """A cache with the compiled integrators, if there are any, and no solved legs."""
    cache = folder / "cache"
    shutil.copytree(cache_dir(), cache, ignore=shutil.ignore_patterns("legs"), dirs_exist_ok=True) if (
        cache_dir().exists()
    ) else cache.mkdir()
    return cache


def _tables(folder: Path) -> dict[str, bytes]:
    found = {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*.parquet"))
        if ".work" not in p.parts
    }
    assert len(found) > 10
    return found


def test_the_summary_says_what_is_promised(done: tuple[Path, dict[str, Any], float]) -> None:
    folder, summary, _ = done
    assert summary["status"] in ("optimal", "feasible")
    assert summary["objective"].keys() == {"name", "value", "unit"}
    assert summary["objective"]["unit"] == "MEUR"
    assert 0.0 <= summary["gap"] <= 0.02
    assert summary["bound"] <= summary["objective"]["value"] * (1 + 1e-9)
    assert summary["flights"] >= 2
    assert summary["mass_to_orbit_kg"] > 10_000
    assert summary["crew_days"] >= 300
    assert summary["iterations"] >= 1
    assert summary["dv_error_m_s"].keys() == {"q50", "q99", "max"}
    assert summary["closure"]["position_m"] < 100.0
    assert summary["closure"]["velocity_m_s"] < 0.1
    assert {"oxygen", "water", "food"} <= summary["margins"].keys()
    for margin in summary["margins"].values():
        assert margin.keys() >= {"value", "unit", "date"}
    assert {"tabulate", "plan", "fly", "live", "report"} <= summary["wall_s"].keys()
    assert summary["run"] == str(folder)
    assert max(summary["balance"].values()) < 1e-9


def test_no_flown_leg_needs_more_than_planned(done: tuple[Path, dict[str, Any], float]) -> None:
    flown = pl.read_parquet(done[0] / "flights" / "flown.parquet")
    assert flown["converged"].all()
    assert (flown["propellant_kg"] <= flown["planned_propellant_kg"] * (1 + 1e-9)).all()


def test_the_folder_holds_what_is_promised(done: tuple[Path, dict[str, Any], float]) -> None:
    folder = done[0]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["identity"].keys() >= {"scenario", "catalog", "ephemeris", "code", "heyoka", "highspy"}
    assert manifest["convergence"]
    assert (folder / "scenario.toml").exists()
    assert (folder / "report.html").stat().st_size < 3_000_000
    assert list((folder / "figures").glob("*.svg"))
    assert list((folder / "figures").glob("*.png"))
    assert not [p for p in folder.rglob(".*") if p.name != ".work"]


def test_the_ledger_adds_up(done: tuple[Path, dict[str, Any], float]) -> None:
    """No burn uses more than there is, and no launcher lifts more than it can."""
    folder = done[0] / "campaign"
    burns = pl.read_parquet(folder / "burns.parquet")
    for row in burns.iter_rows(named=True):
        assert 0.0 < row["propellant_kg"] < row["mass_before_kg"]
    launches = pl.read_parquet(folder / "launches.parquet")
    assert (launches["mass_kg"] <= launches["capacity_kg"] * (1 + 1e-9)).all()


def test_a_second_run_finds_the_first(
    done: tuple[Path, dict[str, Any], float], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, summary, _ = done
    before = _tables(folder)
    assert main(["run", str(folder.parent / "small.toml"), "-o", str(folder), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["objective"] == summary["objective"]
    assert _tables(folder) == before


def test_the_report_is_written_again(
    done: tuple[Path, dict[str, Any], float], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = done[0]
    assert main(["report", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"report": str(folder / "report.html")}


@pytest.mark.parametrize("moment", range(5))
def test_killed_and_run_again(moment: int, done: tuple[Path, dict[str, Any], float], tmp_path: Path) -> None:
    """kill -9 at a random moment, then the same command: the tables are those of an uninterrupted run."""
    whole, _, seconds = done
    share = random.Random(moment).uniform(0.2 * moment, 0.2 * (moment + 1))
    cache = _fresh_cache(tmp_path)
    command = [*COMMAND, "run", str(_scenario(tmp_path)), "-o", str(tmp_path / "run"), "--json", "--workers", "1"]
    environment = {**os.environ, "MOONVILLAGE_CACHE": str(cache)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(timeout=share * seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert _tables(tmp_path / "run") == _tables(whole)
    assert not [p for p in (tmp_path / "run").rglob(".*") if p.name != ".work"]


def test_interrupted_and_resumed(done: tuple[Path, dict[str, Any], float], tmp_path: Path) -> None:
    """Ctrl-C leaves a run that the same command finishes; exit code 3 says so."""
    whole, _, seconds = done
    cache = _fresh_cache(tmp_path)
    command = [*COMMAND, "run", str(_scenario(tmp_path)), "-o", str(tmp_path / "run"), "--json", "--workers", "1"]
    environment = {**os.environ, "MOONVILLAGE_CACHE": str(cache)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(min(3.0, 0.3 * seconds))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode in (0, 3), err  # 0 where the machine was quicker than the signal
    assert "Traceback" not in err
    if process.returncode == 3:
        assert json.loads(out)["status"] == "interrupted"
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert _tables(tmp_path / "run") == _tables(whole)


def test_infeasible_is_an_answer_with_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _scenario(tmp_path)
    path.write_text(path.read_text().replace("crew_days = 300", "crew_days = 3000"))
    assert main(["plan", str(path), "-o", str(tmp_path / "run"), "--json"]) == 1
    summary = json.loads(capsys.readouterr().out)
    assert summary["status"] == "infeasible"
    assert any("people" in reason or "crew" in reason for reason in summary["reasons"]), summary["reasons"]


def test_python_verbs_agree_with_the_command(done: tuple[Path, dict[str, Any], float]) -> None:
    import moonvillage as mv

    scenario = mv.load(done[0].parent / "small.toml")
    legs = mv.tabulate(scenario, workers=1)
    campaign = mv.plan(scenario, legs)
    assert campaign.status == "optimal"
    flights = mv.fly(scenario, campaign, workers=1)
    assert flights.flown["converged"].all()
    log = mv.live(scenario, campaign, flights)
    assert log.days.height >= 365
    assert math.isfinite(campaign.objective_value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["sortie", "station-resupply", "sample-return", "far-side", "mars-depot", "moon-village"]
)
def test_every_shipped_scenario_closes(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The loop settles on each, within its gap, flown as planned, closing to 100 m and 0.1 m/s."""
    path = tmp_path / f"{name}.toml"
    path.write_text(example_text(name))
    assert main(["run", str(path), "-o", str(tmp_path / "run"), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["status"] == "optimal", summary["reasons"]
    assert summary["gap"] <= 0.02
    assert summary["closure"]["position_m"] < 100.0
    assert summary["closure"]["velocity_m_s"] < 0.1
