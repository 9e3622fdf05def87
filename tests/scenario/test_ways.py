"""The way that a step flies: named, checked, and carried into the arc."""

from __future__ import annotations

from moonvillage.scenario.check import check
from moonvillage.scenario.load import loads
from moonvillage.scenario.walk import arcs
from tests.scenario.sound import SOUND

FIRST = '{ do = "fly", to = "llo", by = "argonaut"'


def test_a_way_is_part_of_the_arc() -> None:
    assert FIRST in SOUND
    scenario = loads(SOUND.replace(FIRST, FIRST + ', via = "ballistic"', 1))
    assert check(scenario) == []
    found = {name: arc.via for name, arc in arcs(scenario).items() if arc.via}
    assert found == {"leo>llo~ballistic": "ballistic"}


def test_a_spiral_knows_its_craft() -> None:
    scenario = loads(SOUND.replace(FIRST, FIRST + ', via = "spiral"', 1))
    (arc,) = [arc for arc in arcs(scenario).values() if arc.via == "spiral"]
    assert arc.thrust_to_mass_m_s2 is not None
    assert arc.isp_s is not None


def test_a_way_that_does_not_exist_is_refused() -> None:
    problems = check(loads(SOUND.replace(FIRST, FIRST + ', via = "direct"', 1)))
    assert len(problems) == 1
    assert "no way from 'leo' to 'llo'" in problems[0].message
    assert "ballistic" in problems[0].remedy


def test_a_hybrid_free_return_and_a_docking_can_be_asked_for() -> None:
    scenario = loads(SOUND.replace(FIRST, FIRST + ', via = "hybrid"', 1))
    assert check(scenario) == []
    wrong = check(loads(SOUND.replace(FIRST, FIRST + ', via = "fast"', 1)))
    assert [problem.field.endswith("via") for problem in wrong] == [True]
