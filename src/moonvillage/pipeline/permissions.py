"""Which missions the rules allow in which period, and under which rules and agreements each flight goes.

Interactions come from two sources: those that the scenario states, and those that follow from a mission's own steps
(a craft on another operator's launcher; another partner's module aboard). Each is decided for the middle of every
period; a mission may depart only where all of its interactions may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import polars as pl

from moonvillage.campaign.papers import Paper, Papers, Ways
from moonvillage.catalog import GroundSite, Launcher, Module, Part
from moonvillage.catalog.reader import did_you_mean, dotted, nearest_line
from moonvillage.cooperation import (
    FACTS,
    Decision,
    Interaction,
    MissionDecision,
    Rulebook,
    decide,
    decide_mission,
    remedies,
)
from moonvillage.ephemeris.time import tdb_s_to_utc, utc_to_tdb_s
from moonvillage.errors import InputError, Problem
from moonvillage.records.campaign import PERMISSIONS, Campaign
from moonvillage.scenario.model import InteractionSpec, Mission, Scenario
from moonvillage.units import DAY_S


@dataclass(frozen=True, slots=True, eq=False)
class Permissions:
    """``flags``: mission → whether it may depart in each period. ``problems``: missions that never may.

    ``barred_cargo``: mission → modules that it may never carry, with the decision.
    """

    flags: Mapping[str, tuple[bool, ...]]
    problems: tuple[Problem, ...]
    rulebook: Rulebook
    interactions: Mapping[str, tuple[Interaction, ...]]
    refused: Mapping[str, MissionDecision]

    def table(self, scenario: Scenario, campaign: Campaign) -> pl.DataFrame:
        """A row for each interaction of each flight on its date, and for each mission left out."""
        rows: list[dict[str, Any]] = []
        for flight in campaign.table("flights").iter_rows(named=True):
            date = flight["departure_tdb_s"]
            for interaction in self.interactions[flight["mission"]]:
                decision = decide(interaction, self.rulebook, date)
                rows.append(_row(flight["mission"], flight["flight"], interaction, decision, date))
        for mission, refusal in self.refused.items():
            for interaction, decision in refusal.decisions:
                rows.append(_row(mission, "", interaction, decision, scenario.header.start_tdb_s))
        return pl.DataFrame(rows, schema=dict(PERMISSIONS))


def _row(mission: str, flight: str, interaction: Interaction, decision: Decision, date: float) -> dict[str, Any]:
    return {
        "mission": mission,
        "flight": flight,
        "interaction": str(interaction),
        "parties": list(interaction.parties),
        "date_tdb_s": date,
        "answer": decision.answer,
        "rules": [f"{hit.id}: {hit.effect} [{hit.citation}]" for hit in decision.rules],
        "agreements": [f"{id_}: {status}" for id_, status in decision.agreements],
        "why": decision.why,
    }


def permissions(scenario: Scenario) -> Permissions:
    """Decide every mission in every period.

    Raises
    ------
    InputError
        If the scenario's own laws or agreements name something that does not exist.
    """
    book = Rulebook(scenario.of("partner"), scenario.agreements, scenario.laws)
    header = scenario.header
    flags: dict[str, tuple[bool, ...]] = {}
    problems: list[Problem] = []
    found: dict[str, tuple[Interaction, ...]] = {}
    refused: dict[str, MissionDecision] = {}
    for mission in scenario.missions.values():
        problems += _bad_facts(scenario, mission)
        interactions = mission_interactions(scenario, mission, book)
        found[mission.id] = tuple(i for i, _ in interactions)
        dates = [header.start_tdb_s + (k + 0.5) * header.step_s for k in range(scenario.periods)]
        allowed = [decide_mission(found[mission.id], book, date).permits for date in dates]
        flags[mission.id] = tuple(allowed)
        if not any(allowed):
            last = decide_mission(found[mission.id], book, dates[-1])
            if mission.optional:
                refused[mission.id] = last
            else:
                problems += [
                    _refusal(scenario, mission, spec_index, interaction, decision)
                    for (interaction, spec_index), (_, decision) in zip(interactions, last.decisions, strict=True)
                    if not decision.permits
                ]
    return Permissions(flags, tuple(problems), book, found, refused)


def obtainable(scenario: Scenario, found: Permissions) -> Papers:
    """The waivers and agreements that would free barred departures, as decisions for the planner.

    Every bar needs its waiver, and a matter without a basis one agreement that is known but not in force
    (:func:`moonvillage.cooperation.remedies`); a mission needs that of all of its interactions. Lead times count from
    the beginning of the scenario.

    Parameters
    ----------
    scenario, found
        A scenario with its permissions.

    Returns
    -------
    Papers
        Without ways where nothing known would free a departure.
    """
    header, book = scenario.header, found.rulebook
    needed: dict[str, None] = {}
    memo: dict[tuple[int, Decision], tuple[frozenset[str], ...]] = {}
    frees: dict[str, tuple[Ways, ...]] = {}
    for mission, flags in found.flags.items():
        periods: list[Ways] = []
        for period, flag in enumerate(flags):
            ways: Ways = ()
            if not flag:
                date = header.start_tdb_s + (period + 0.5) * header.step_s
                parts = []
                for interaction in found.interactions[mission]:
                    decision = decide(interaction, book, date)
                    if not decision.permits:
                        key = (id(interaction), decision)
                        if key not in memo:
                            memo[key] = tuple(
                                frozenset((*r.waivers, *((r.agreement,) if r.agreement else ())))
                                for r in remedies(interaction, book, date)
                            )
                        parts.append(memo[key])
                ways = least_sets(frozenset().union(*combined) for combined in product(*parts)) if parts else ()
                needed.update(dict.fromkeys(id_ for way in ways for id_ in sorted(way)))
            periods.append(ways)
        if any(periods):
            frees[mission] = tuple(periods)
    return Papers({id_: paper_of(book, id_) for id_ in needed}, frees)


def least_sets(sets: Iterable[frozenset[str]]) -> tuple[frozenset[str], ...]:
    """Those that contain no other of them, smallest first."""
    kept: list[frozenset[str]] = []
    for one in sorted(set(sets), key=lambda s: (len(s), sorted(s))):
        if not any(other <= one for other in kept):
            kept.append(one)
    return tuple(kept)


def paper_of(book: Rulebook, id_: str) -> Paper:
    """The waiver of a law, or an agreement to be brought into force, as something to be obtained."""
    if id_ in book.laws:
        waiver = book.laws[id_].waiver
        assert waiver is not None, f"{id_} cannot be waived"
        return Paper(id_, "waiver", waiver.title, waiver.authority, waiver.lead_s, waiver.cost_eur)
    agreement = book.agreements[id_]
    who = ", ".join(agreement.parties)
    return Paper(id_, "agreement", agreement.title, who, agreement.lead_s, agreement.cost_eur)


def with_papers(book: Rulebook, papers: Iterable[Paper], start_tdb_s: float) -> Rulebook:
    """The rulebook once papers were sought at a date: each holds from its lead time after it on."""
    for paper in papers:
        since = start_tdb_s + paper.lead_s
        book = (
            book.with_waiver(paper.id, since)
            if paper.kind == "waiver"
            else book.with_status(paper.id, "active", since)
        )
    return book


def mission_interactions(
    scenario: Scenario, mission: Mission, book: Rulebook
) -> list[tuple[Interaction, int | None]]:
    """What partners do together in a mission: stated (with its index) and implied by the steps (None)."""
    states = _launch_states(scenario, mission)
    found: list[tuple[Interaction, int | None]] = []
    for index, spec in enumerate(mission.interactions):
        if not set(spec.facts) - set(FACTS):
            found.append((_stated(scenario, spec, states, book), index))
    found += [(interaction, None) for interaction in _implied(scenario, mission, states, book)]
    where = _where(scenario, mission)
    return [(replace(interaction, place=where), index) for interaction, index in found]


def _where(scenario: Scenario, mission: Mission) -> str:
    """The farthest region that a mission's steps name: agreements may be limited to one."""
    regions = {"earth_orbit": "leo", "planet": "mars", "ground": "earth"}
    kinds = {scenario.place_specs[step.to].kind for step in mission.steps if step.to in scenario.place_specs}
    met = {regions.get(kind, "moon") for kind in kinds}
    return next((region for region in ("mars", "moon", "leo") if region in met), "earth")


def _stated(scenario: Scenario, spec: InteractionSpec, states: tuple[str, ...], book: Rulebook) -> Interaction:
    return Interaction(
        kind=spec.kind,
        parties=spec.parties,
        funders=spec.funders or book.funders_of(spec.parties),
        assets=spec.assets,
        bill=_bill(scenario, spec.assets),
        destinations=spec.destinations or states,
        venue_owner=spec.venue,
        basis=spec.basis,
        data_class=spec.data,
        stage=spec.stage,
        ports=(),
        facts=spec.facts,
    )


def _implied(scenario: Scenario, mission: Mission, states: tuple[str, ...], book: Rulebook) -> list[Interaction]:
    """A craft on another's launcher is a launch bought; another's module aboard is a delivery."""
    launchers: Mapping[str, Launcher] = scenario.of("launcher")
    crafts = scenario.of("craft")
    modules: Mapping[str, Module] = scenario.of("module")
    implied: dict[tuple[str, ...], Interaction] = {}
    for step in mission.steps:
        if step.do != "launch":
            continue
        launcher = launchers[step.on]
        for name in step.lifts:
            owner = crafts[name].operator
            key = ("launch", owner, launcher.operator)
            if key in implied or book.house((owner, launcher.operator)).houses == 1:
                continue
            company = book.partners[launcher.operator].kind == "company"
            implied[key] = Interaction(
                kind="launch",
                parties=(owner, launcher.operator),
                funders=book.funders_of((owner,)),
                assets=(name,),
                bill=_bill(scenario, (name,)),
                destinations=states,
                ports=(),
                facts={"commercial": True} if company else {},
                label=f"launch of {name} on {launcher.id}",
            )
    for item in mission.cargo:
        module = modules.get(item)
        if module is None or book.house((module.operator, mission.operator)).houses == 1:
            continue
        implied[("deliver_cargo", item)] = Interaction(
            kind="deliver_cargo",
            parties=(module.operator, mission.operator),
            funders=book.funders_of((module.operator,)),
            assets=(item,),
            bill=module.bill,
            destinations=states,
            ports=(),
            label=f"delivery of {item} by {mission.operator}",
        )
    return list(implied.values())


def _launch_states(scenario: Scenario, mission: Mission) -> tuple[str, ...]:
    sites: Mapping[str, GroundSite] = scenario.of("ground_site")
    launchers: Mapping[str, Launcher] = scenario.of("launcher")
    found: dict[str, None] = {}
    for step in mission.steps:
        if step.do == "launch":
            for site in launchers[step.on].sites:
                found[sites[site].state] = None
    return tuple(found)


def _bill(scenario: Scenario, assets: tuple[str, ...]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for asset in assets:
        for kind in ("craft", "module", "launcher"):
            entry = scenario.of(kind).get(asset)
            if entry is not None:
                parts.extend(entry.bill)
                break
    return tuple(parts)


def _bad_facts(scenario: Scenario, mission: Mission) -> list[Problem]:
    problems = []
    for index, spec in enumerate(mission.interactions):
        for name, value in spec.facts.items():
            path = ("missions", mission.id, "interactions", index, "facts", name)
            line = nearest_line(scenario.lines, path)
            if name not in FACTS:
                problems.append(
                    Problem(scenario.file, line, dotted(path), "", "is not a fact", did_you_mean(name, FACTS))
                )
            elif not isinstance(value, bool):
                problems.append(
                    Problem(
                        scenario.file, line, dotted(path), repr(value), "is not true or false", "write true or false"
                    )
                )
    return problems


def _refusal(
    scenario: Scenario, mission: Mission, spec_index: int | None, interaction: Interaction, decision: Decision
) -> Problem:
    path: tuple[str | int, ...] = ("missions", mission.id)
    if spec_index is not None:
        path = (*path, "interactions", spec_index)
    parties = " and ".join(interaction.parties)
    if decision.answer == "no_basis":
        message = f"no agreement in force at any time covers '{interaction.kind}' between {parties}"
        remedy = "add an [agreements.ID] with these parties and this scope, or set optional = true to leave it out"
    elif decision.answer == "unknown":
        message = f"cannot be decided: {', '.join(decision.missing)} not stated"
        remedy = "state it in the interaction"
    else:
        message = f"is {decision.answer} at all times: {decision.why}"
        remedy = "; or ".join([*decision.would_change[:2], "set optional = true to leave it out"])
    return Problem(scenario.file, nearest_line(scenario.lines, path), dotted(path), str(interaction), message, remedy)


def decide_scenario(
    scenario: Scenario, *, mission: str | None = None, date: str | None = None
) -> list[dict[str, Any]]:
    """The decisions on a scenario's interactions, for the command line.

    Parameters
    ----------
    mission
        Only this mission. Raises InputError if there is none.
    date
        UTC; by default the first period in which each mission may depart, or the last of all where none is.
    """
    if mission is not None and mission not in scenario.missions:
        raise InputError.one(
            "is not a mission", did_you_mean(mission, scenario.missions), field="--mission", value=mission
        )
    try:
        epoch = None if date is None else utc_to_tdb_s(date)
    except ValueError:
        raise InputError.one("is not a date", "write 2033-04-12", field="--date", value=str(date)) from None
    found = permissions(scenario)
    header = scenario.header
    results: list[dict[str, Any]] = []
    for name, interactions in found.interactions.items():
        if mission not in (None, name):
            continue
        flags = found.flags[name]
        period = flags.index(True) if any(flags) else scenario.periods - 1
        when = epoch if epoch is not None else header.start_tdb_s + (period + 0.5) * header.step_s
        for interaction in interactions:
            decision = decide(interaction, found.rulebook, when)
            results.append(
                {
                    "mission": name,
                    "interaction": str(interaction),
                    "date": tdb_s_to_utc(when)[:10],
                    "answer": decision.answer,
                    "rules": [{"id": h.id, "citation": h.citation, "effect": h.effect} for h in decision.rules],
                    "agreements": [{"id": id_, "status": status} for id_, status in decision.agreements],
                    "would_change": list(decision.would_change),
                    "waivers": [
                        {
                            "rule": need.rule,
                            "title": need.title,
                            "authority": need.authority,
                            "lead_d": need.lead_s / DAY_S,
                            "cost_eur": need.cost_eur,
                        }
                        for need in decision.waivers
                    ],
                    "openings": [
                        {
                            "agreement": way.agreement,
                            "status": way.status,
                            "lead_d": way.lead_s / DAY_S,
                            "cost_eur": way.cost_eur,
                        }
                        for way in decision.openings
                    ],
                    "why": decision.why,
                }
            )
    return results
