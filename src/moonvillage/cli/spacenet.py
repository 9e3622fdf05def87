"""What ``moonvillage import`` and ``moonvillage export`` do with SpaceNet: read, convert, replay, compare, write."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from moonvillage.cli.shared import ANSWER_IS_NO, DONE, as_json, print_json
from moonvillage.errors import InputError

#: Propellant of a burn agrees within this, kg.
_CLOSE_KG = 0.05


def import_story(file: Path, out: Path | None, json: bool) -> int:
    """Read a SpaceNet file, replay it, write it as a scenario of prescribed flights, and compare the two."""
    from moonvillage.campaign import plan
    from moonvillage.campaign.measures import as_mapping
    from moonvillage.campaign.replay import replay_story
    from moonvillage.exchange.spacenet import read_spacenet
    from moonvillage.exchange.spacenet_scenario import scenario_text
    from moonvillage.records.legs import LegTable
    from moonvillage.scenario import loads

    story = read_spacenet(file)
    converted = scenario_text(story, file=file.name)
    target = file.with_suffix(".toml") if out is None else out
    if target.resolve() == file.resolve():
        raise InputError.one("is the file that is read", "say -o", field="--out", value=str(target))
    found = replay_story(story)
    compared: dict[str, Any] = {}
    if story.missions:
        campaign = plan(loads(converted.text, file=str(target)), LegTable({}), {})
        planned = sorted(r["propellant_kg"] for r in campaign.table("burns").iter_rows(named=True))
        replayed = sorted(b.propellant_kg for b in found.burns)
        pairs = list(zip(planned, replayed, strict=False))
        compared = {
            "status": campaign.status,
            "reasons": list(campaign.reasons),
            "burns": len(replayed),
            "planned_burns": len(planned),
            "agree": sum(abs(a - b) <= _CLOSE_KG for a, b in pairs) if len(planned) == len(replayed) else 0,
        }
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(converted.text, encoding="utf-8")
    unmet: dict[int, float] = {}
    for demand in found.unmet:
        unmet[demand.supply_class] = unmet.get(demand.supply_class, 0.0) + demand.mass_kg
    answer = {
        "file": str(target),
        "title": story.name,
        "missions": len(story.missions),
        "elements": len(story.elements) or len(story.library),
        "left_out": [as_json(p) for p in converted.left_out],
        "failures": [
            {"mission": f.mission, "event": f.event, "kind": f.kind, "message": f.message} for f in found.failures
        ],
        "unmet_kg": {str(cos): kg for cos, kg in sorted(unmet.items())},
        "measures": as_mapping(found.measures),
        "scenario": compared,
    }
    if json:
        print_json(answer)
    else:
        _show(answer)
        for problem in converted.left_out:
            print(f"  {problem}", file=sys.stderr)
    return ANSWER_IS_NO if found.failures else DONE


def _show(answer: dict[str, Any]) -> None:
    print(f"wrote {answer['file']}: {answer['missions']} missions, {answer['elements']} elements")
    for line in measure_lines(answer["measures"]):
        print(f"  {line}")
    scenario = answer["scenario"]
    if scenario:
        print(
            f"  as a scenario: {scenario['status']}, {scenario['agree']} of {scenario['burns']} burns within 0.05 kg"
        )
    for cos, kg in answer["unmet_kg"].items():
        print(f"  not met: {kg:,.2f} kg of class {cos}")
    for failure in answer["failures"]:
        print(f"  failed: {failure['mission']}, {failure['event']}: {failure['message']}")
    if answer["left_out"]:
        print(f"  {len(answer['left_out'])} things were not understood or are not in the scenario:")


def measure_lines(measures: dict[str, Any]) -> list[str]:
    """Measures of effectiveness, one a line."""
    from moonvillage.reporting.console import MEASURES

    return [
        f"{title}: {measures[name]:,.{decimals}f}{unit}"
        for name, (title, unit, decimals) in MEASURES.items()
        if measures.get(name) is not None
    ]


def export_plan(folder: Path, out: Path | None, json: bool) -> int:
    """Write the plan of a run as a SpaceNet scenario, after replaying it event by event."""
    from moonvillage.campaign.measures import as_mapping
    from moonvillage.campaign.telling import second_opinion
    from moonvillage.exchange.spacenet_write import write_spacenet
    from moonvillage.pipeline import read_result

    result, _ = read_result(folder)
    if result.campaign is None or result.campaign.table("flights").is_empty():
        raise InputError.one("holds no plan with flights", "run it at least to the stage 'plan'", file=str(folder))
    told = second_opinion(result.scenario, result.campaign)
    target = folder / "exports" / "spacenet.json" if out is None else out
    write_spacenet(told.story, target)
    mismatches = [
        {"mission": f.mission, "event": f.event, "kind": f.kind, "message": f.message} for f in told.mismatches
    ]
    answer = {
        "format": "spacenet",
        "file": str(target),
        "missions": len(told.story.missions),
        "elements": len(told.story.elements),
        "burns": told.burns,
        "worst_kg": told.worst_kg,
        "mismatches": mismatches,
        "measures": as_mapping(told.measures),
    }
    if json:
        print_json(answer)
    else:
        print(f"{target}: {answer['missions']} missions, {answer['elements']} elements, {told.burns} burns")
        for failure in mismatches:
            print(f"  mismatch: {failure['mission']}, {failure['event']}: {failure['message']}")
    return ANSWER_IS_NO if mismatches else DONE
