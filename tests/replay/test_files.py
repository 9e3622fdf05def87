"""Mission files: what is wrong is told once, with file, line, field, value and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from moonvillage.errors import InputError
from moonvillage.replay import names, read_mission
from moonvillage.replay.reference import reference

GOOD = """id = "mine"
title = "Mine"
start = 2023-07-14T09:05:00Z
[sources]
book = "A book"
[craft.probe]
mass = "1000 kg"
[[steps]]
kind = "orbit"
id = "low"
craft = "probe"
date = 2023-08-05T00:00:00Z
periapsis = "100 km"
apoapsis = "100 km"
[[steps.flown]]
quantity = "period"
value = "117.8 min"
confidence = 0.9
source = "book"
"""

#: what is replaced, by what → the line, and words of the message
BROKEN = {
    "kind": ('kind = "orbit"', 'kind = "orbt"', 9, "is not a kind of step", "did you mean 'orbit'"),
    "no kind": ('kind = "orbit"\n', "", 8, "lacks 'kind'", "add kind"),
    "unit": ('"100 km"\napo', '"100"\napo', 13, "has no unit", "100 km"),
    "dimension": ('"100 km"\napo', '"100 kg"\napo', 13, "is not a length", "100 km"),
    "field": ("apoapsis =", "apoapsi =", 14, "is not a known field", "did you mean 'apoapsis'"),
    "missing": ('periapsis = "100 km"\n', "", 8, "lacks 'periapsis'", "add periapsis"),
    "quantity": ('quantity = "period"', 'quantity = "dv"', 16, "is not computed by a orbit", "use one of"),
    "event": ('quantity = "period"', 'quantity = "period"\nof = "x"', 17, "is no event", "nothing"),
    "source": ('source = "book"', 'source = "bok"', 19, "is not a source of this file", "did you mean 'book'"),
    "flown unit": ('"117.8 min"', '"117.8 km"', 17, "is not a time", "14 d"),
    "bound": ('source = "book"', 'source = "book"\nbound = "a lot"', 20, "is not a number", "write it as in"),
    "confidence": ("confidence = 0.9", "confidence = 1.9", 18, "is above 1", "1 or less"),
    "date": ("date = 2023-08-05T00:00:00Z", 'date = "soon"', 12, "is not a date", "write a UTC date"),
    "craft": ('craft = "probe"', 'craft = "prob"', 11, "is not a craft of this file", "did you mean 'probe'"),
    "id": ('id = "low"', 'id = "Low orbit"', 10, "is not an id", "lower-case"),
    "no steps": (GOOD[GOOD.index("[[steps]]") :], "", None, "holds no steps", "[[steps]]"),
    "toml": ("[sources]", "[sources", 4, "is not valid TOML", "mend the syntax"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file(case: str, tmp_path: Path) -> None:
    old, new, line, message, remedy = BROKEN[case]
    assert old in GOOD
    file = tmp_path / "mine.toml"
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_mission(file)
    assert len(caught.value.problems) == 1, caught.value
    problem = caught.value.problems[0]
    assert problem.file == str(file)
    assert line is None or problem.line == line, str(problem)
    assert message in problem.message
    assert remedy in problem.remedy


def test_a_good_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(GOOD)
    mission = read_mission(file)
    assert mission.figures == {(0, 0): (pytest.approx(117.8 * 60.0), None)}


def test_two_steps_of_one_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(GOOD + GOOD[GOOD.index("[[steps]]") :])
    with pytest.raises(InputError, match="stands twice"):
        read_mission(file)


def test_neither_name_nor_file() -> None:
    with pytest.raises(InputError, match="did you mean 'apollo_11'"):
        read_mission("apolo_11")
    with pytest.raises(InputError, match="does not exist"):
        read_mission("nowhere/mine.toml")


@pytest.mark.parametrize(
    ("said", "meant"),
    [("apollo11", "apollo_11"), ("Apollo 11", "apollo_11"), ("ce5", "change_5"), ("Chang'e 3", "change_3")],
)
def test_other_names(said: str, meant: str) -> None:
    assert read_mission(said).id == meant


def test_every_built_in_mission_reads() -> None:
    found = [read_mission(name) for name in names()]
    assert {"apollo_11", "change_3", "change_4", "change_5", "lro"} <= {mission.id for mission in found}
    for mission in found:
        for step in mission.steps:
            for flown in step.flown:
                assert flown.source, f"{mission.id}, {step.id}: a figure without a source"
                assert 0.0 < flown.confidence <= 1.0


def test_the_reference_is_the_one_of_the_classes() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "replay.md").read_text()
    assert text.endswith(reference()), "run `moonvillage replay --kinds` and put it at the end of docs/replay.md"
