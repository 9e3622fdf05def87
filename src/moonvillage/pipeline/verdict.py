"""Is a scenario well-formed, consistent and allowed?"""

from __future__ import annotations

from moonvillage.errors import Problem
from moonvillage.pipeline.permissions import permissions
from moonvillage.scenario import Scenario
from moonvillage.scenario.check import check


def check_scenario(scenario: Scenario) -> list[Problem]:
    """Every problem of a scenario that has been read: its own sense, then what the rules never allow."""
    problems = [*check(scenario), *permissions(scenario).problems]
    return sorted(problems, key=lambda p: (p.line or 0, p.field))
