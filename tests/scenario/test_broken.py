"""Broken scenarios: each gives one clear line with file, line, field and remedy, and nothing else happens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moonvillage.cli import main
from tests.scenario.sound import SOUND

# name: (text to replace, replacement, line that the error must name, words that it must hold)
CASES: dict[str, tuple[str, str, int, tuple[str, ...]]] = {
    "missing unit": ('altitude = "200 km"', 'altitude = "200"', 9, ("places.leo.altitude", "no unit", "200 km")),
    "number without quotes": ('amount = "1 t"', "amount = 1000", 41, ("demands.goods.amount", "no unit")),
    "wrong unit": ('altitude = "200 km"', 'altitude = "200 kg"', 9, ("measures something else",)),
    "unknown unit": ('amount = "1 t"', 'amount = "1 tonnen"', 41, ("unknown unit",)),
    "not a number": ('amount = "1 t"', 'amount = "one tonne"', 41, ("not a number with a unit",)),
    "infinite": ('amount = "1 t"', 'amount = "1e999 t"', 41, ("demands.goods.amount",)),
    "negative mass": ('amount = "1 t"', 'amount = "-1 t"', 41, ("is negative",)),
    "unknown craft": ('lifts = ["argonaut"]', 'lifts = ["argonout"]', 19, ("did you mean 'argonaut'",)),
    "unknown launcher": ('on = "cz_10"', 'on = "cz_11"', 32, ("did you mean 'cz_10'",)),
    "unknown field": ('operator = "esa"', 'operater = "esa"', 15, ("did you mean 'operator'",)),
    "unknown table": ("[demands.goods]", "[demand.goods]", 39, ("did you mean 'demands'",)),
    "unknown place": ('at = "base"', 'at = "bsae"', 42, ("did you mean 'base'",)),
    "unknown site": ('site = "connecting_ridge"', 'site = "connecting_rigde"', 11, ("connecting_ridge",)),
    "unknown kind of place": ('kind = "surface"', 'kind = "surfaces"', 11, ("did you mean 'surface'",)),
    "cycle": (
        'cargo = ["logistics", "water"]\ncargo_craft',
        'requires = [{ mission = "crew" }]\ncargo = ["logistics", "water"]\ncargo_craft',
        0,
        ("cycle",),
    ),
    "needs itself": ('requires = [{ mission = "argonaut" }]', 'requires = [{ mission = "crew" }]', 30, ("cycle",)),
    "date outside the ephemeris": (
        "start = 2031-01-01\nend = 2032-01-01",
        "start = 2649-06-01\nend = 2651-01-01",
        3,
        ("outside the ephemeris",),
    ),
    "end before start": ("end = 2032-01-01", "end = 2030-01-01", 4, ("not after the start",)),
    "not a date": ("by = 2031-12-01", 'by = "christmas"', 43, ("not a date", "2033-04-12")),
    "demand after the end": ("by = 2031-12-01", "by = 2041-12-01", 43, ("outside the scenario",)),
    "site off the Moon": (
        "[missions.argonaut]",
        '[sites.nowhere]\ntitle = "x"\nlatitude = "97 deg"\nlongitude = "0 deg"\n\n[missions.argonaut]',
        15,
        ("sites.nowhere.latitude", "is above"),
    ),
    "crew without return": (
        '  { do = "fly", to = "earth", by = "mengzhou", within = "14 d" },\n  { do = "land" },\n',
        "",
        28,
        ("does not bring them back",),
    ),
    "more crew than seats": ("seats = { cmsa = 2 }", "seats = { cmsa = 9 }", 0, ("flies 9 people with 3 seats",)),
    "two partners without an agreement": (
        'requires = [{ mission = "argonaut" }]',
        'interactions = [{ kind = "fly_crew", parties = ["cmsa", "jaxa"] }]',
        30,
        ("jaxa", "agreement"),
    ),
    "barred by law": (
        'requires = [{ mission = "argonaut" }]',
        'interactions = [{ kind = "fly_crew", parties = ["cmsa", "nasa"], funders = ["nasa"] }]',
        30,
        ("nasa", "wolf"),
    ),
    "duplicate id": ("[demands.goods]", "[missions.crew]\n[demands.goods]", 39, ("not valid TOML",)),
    "no such leg": (
        '{ do = "fly", to = "base", by = "argonaut", within = "2 d" }',
        '{ do = "fly", to = "leo", by = "argonaut", within = "2 d" }',
        21,
        ("cannot be flown to",),
    ),
    "craft not in the stack": (
        'to = "llo", by = "argonaut"',
        'to = "llo", by = "mengzhou"',
        20,
        ("not in the stack",),
    ),
    "cargo never unloaded": (
        'unload", cargo = ["logistics", "water"]',
        'unload", cargo = ["logistics"]',
        16,
        ("never unloaded",),
    ),
    "too heavy for the launcher": ('on = "cz_10"', 'on = "cz_2f"', 32, ("lifts 0 kg into tli", "weigh")),
    "crew on a cargo launcher": (
        'on = "cz_10", lifts = ["mengzhou"]',
        'on = "cz_9", lifts = ["mengzhou"]',
        32,
        ("not rated to carry people",),
    ),
    "no subject": ('commodity = "logistics"\namount = "1 t"\n', "", 39, ("names no subject",)),
    "no header": ("[scenario]", "[scenarios]", 1, ("did you mean 'scenario'",)),
    "broken syntax": ('title = "Cargo to the ridge"', 'title = "Cargo to the ridge', 2, ("not valid TOML",)),
    "text for a table": ("earth = { kind", 'earth = "ground"\nmars = { kind', 8, ("is not a table",)),
    "stack step without craft": ('{ do = "land" }', '{ do = "drop" }', 36, ("lacks 'craft'",)),
    "count not whole": ("least = 0", 'least = "0"', 29, ("not a whole number",)),
    "nesting": ('title = "Cargo to the ridge"', "title = " + "[" * 3000 + "]" * 3000, 2, ("nests deeper",)),
}


def _run(path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main([*arguments[:1], str(path), *arguments[1:]])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_sound_scenario_is_sound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sound.toml"
    path.write_text(SOUND)
    code, out, _ = _run(path, capsys, "check", "--json")
    assert json.loads(out) == {"ok": True, "problems": []}
    assert code == 0


@pytest.mark.parametrize("name", CASES)
def test_broken(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old, new, line, words = CASES[name]
    assert SOUND.count(old) >= 1, f"the sound scenario no longer holds {old!r}"
    path = tmp_path / "broken.toml"
    path.write_text(SOUND.replace(old, new, 1))
    before = sorted(tmp_path.iterdir())

    code, out, _ = _run(path, capsys, "check", "--json")
    problems = json.loads(out)["problems"]
    assert code == 2
    assert problems
    match = [p for p in problems if all(w.lower() in json.dumps(p).lower() for w in words)]
    assert match, problems
    problem = match[0]
    assert problem["file"] == str(path)
    assert problem["remedy"]
    assert line in (0, problem["line"]), problem

    code, out, err = _run(path, capsys, "run", "-o", str(tmp_path / "run"))
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    assert all(row.startswith(str(path)) for row in err.strip().splitlines()), err
    assert sorted(tmp_path.iterdir()) == before, "something was written"


def _refused(path: Path, capsys: pytest.CaptureFixture[str], *words: str, out: Path | None = None) -> None:
    arguments = ["run", str(path)] + (["-o", str(out)] if out else ["-o", str(path.parent / "never")])
    code = main(arguments)
    captured = capsys.readouterr()
    assert code == 2
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    for word in words:
        assert word in captured.err
    assert not (path.parent / "never").exists()


def test_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _refused(tmp_path / "none.toml", capsys, "does not exist")


def test_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder").mkdir()
    _refused(tmp_path / "folder", capsys, "is a folder")


def test_not_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "image.toml"
    path.write_bytes(b"[scenario]\n\xff\xfe\x00\x01")
    _refused(path, capsys, "not UTF-8", ":2:")


def test_two_hundred_megabytes_of_nesting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "huge.toml"
    with path.open("wb") as stream:
        stream.write(b"a = ")
        for _ in range(200):
            stream.write(b"[" * 1_000_000)
    _refused(path, capsys, "200 MB")


def test_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.toml"
    path.write_text("")
    _refused(path, capsys, "[scenario]")


def test_output_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sound.toml"
    path.write_text(SOUND)
    _refused(path, capsys, "not a folder", out=path)


def test_output_holds_other_things(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sound.toml"
    path.write_text(SOUND)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("mine")
    _refused(path, capsys, "not a run of moonvillage", out=tmp_path / "home")
    assert (tmp_path / "home" / "thesis.txt").read_text() == "mine"


def test_output_under_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a read-only output comes to, also for root: the folder cannot be made."""
    path = tmp_path / "sound.toml"
    path.write_text(SOUND)
    (tmp_path / "wall").write_text("")
    _refused(path, capsys, "cannot be written", out=tmp_path / "wall" / "run")


@pytest.mark.parametrize(
    "arguments",
    [["fly-to-the-moon"], ["run"], ["run", "x.toml", "--frobnicate"], ["new", "x.toml", "--from", "moon-vilage"]],
)
def test_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
