"""`moonvillage replay`: flown missions, computed against what happened."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from moonvillage.cli.shared import ANSWER_IS_NO, DONE, Json, Quiet, paper, print_json, progress_bar


def replay(
    *missions: str,
    list: Annotated[bool, Parameter(name=["--list"], negative=())] = False,
    kinds: Annotated[bool, Parameter(name=["--kinds"], negative=())] = False,
    notes: Annotated[bool, Parameter(name=["--notes"], negative=())] = False,
    ephemeris: Path | None = None,
    area: str | None = None,
    mass: str | None = None,
    quiet: Quiet = False,
    json: Json = False,
) -> int:
    """Compute flown missions anew and compare with what was flown.

    Example: `moonvillage replay apollo_11`, or `moonvillage replay all`, or `moonvillage replay mine.toml --json`

    Exit code 0 where every row is within its bound, 1 where one is not, 2 where a file is wrong.

    Parameters
    ----------
    missions
        Names of built-in missions or mission files (docs/replay.md); all built-in missions by default, or `all`.
    list
        Only list the built-in missions.
    kinds
        Only print the reference of the file format: kinds of step, their fields, and what they compute.
    notes
        Also print what each step approximated.
    ephemeris
        Take an ephemeris of your own apart instead (CCSDS OEM, plain or gzip): its burns, the joins of the
        navigators' solutions, and the model's miss over every arc between them.
    area
        With an ephemeris: what sunlight pushes on (`"76 m^2"`).
    mass
        With an ephemeris: the craft's mass (`"26.5 t"`).
    """
    if ephemeris is not None:
        return _take_apart(ephemeris, area, mass, json)
    from moonvillage.replay import names, read_mission
    from moonvillage.replay import replay as run

    if kinds:
        from moonvillage.replay.reference import reference

        print_json({"reference": reference()}) if json else print(reference(), end="")
        return DONE
    if list:
        found = [read_mission(name) for name in names()]
        if json:
            print_json([{"mission": m.id, "title": m.title, "about": m.about} for m in found])
        else:
            width = max(len(m.id) for m in found)
            print("\n".join(f"{m.id:<{width}}  {m.title}. {m.about}" for m in found))
        return DONE
    wanted: dict[str, None] = {}
    for name in missions or ("all",):
        wanted |= dict.fromkeys(names() if name == "all" else (name,))
    read = [read_mission(name) for name in wanted]  # a wrong file is told before anything is computed
    results = []
    with progress_bar(quiet) as bar:
        for mission in read:
            results.append(run(mission, progress=bar))
            if bar is None and not quiet:
                print(f"{mission.title}: {len(results[-1].rows)} rows, {results[-1].cpu_s:.1f} s", file=sys.stderr)
    if json:
        print_json([result.as_json() for result in results])
    else:
        from moonvillage.replay.table import mission_table, notes_of, summary_table

        console = paper()
        for result in results:
            console.print(mission_table(result))
            if notes:
                console.print(notes_of(result))
        console.print(summary_table(results))
    return DONE if all(result.within for result in results) else ANSWER_IS_NO


def _take_apart(file: Path, area: str | None, mass: str | None, json: bool) -> int:
    from moonvillage.errors import InputError
    from moonvillage.replay.arc_table import arc_table, as_json
    from moonvillage.replay.as_flown import Sunlit, take_apart
    from moonvillage.replay.kinds.ephemeris import segment_of
    from moonvillage.units import parse_quantity

    if (area is None) != (mass is None):
        missing = "--mass" if mass is None else "--area"
        raise InputError.one("is missing: sunlight needs both", "give --area and --mass, or neither", field=missing)
    sunlit = None
    if area is not None and mass is not None:
        values = []
        for option, text, dimension in (("--area", area, "area"), ("--mass", mass, "mass")):
            try:
                values.append(parse_quantity(text, dimension))
            except ValueError as error:
                raise InputError.one(error.args[0], error.args[-1], field=option, value=text) from None
        sunlit = Sunlit(values[0], 1.3, values[1])
    flown = take_apart(segment_of(str(file)), sunlit=sunlit)
    if json:
        print_json(as_json(flown))
    else:
        paper().print(arc_table(flown))
    return DONE
