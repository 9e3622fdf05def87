"""The plain time-expanded network: a flow variable for every item, arc and step.

Variables are mass flows by item, whole people and whole craft on each arc at each step, and what is held at nodes
from one step to the next. On an arc the propellant burned is (1 − exp(−Δv/(Isp g0))) of everything that departs,
pooled over the craft; people use consumables and craft use spares in proportion, carried from the departure and
gone on arrival. This is the generalised multi-commodity flow of Ishimatsu et al. (2016), "Generalized
Multicommodity Network Flow Model for the Earth–Moon–Mars Logistics System", J. Spacecraft and Rockets 53(1),
with the reading of docs/design/campaign.md §7.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from moonvillage.campaign.matrix import INF, Floats, Program, round_integers, solve
from moonvillage.campaign.sizing import Design, least_mass
from moonvillage.errors import InputError
from moonvillage.records.campaign import TABLES, Campaign
from moonvillage.scenario.model import Scenario
from moonvillage.scenario.network import Network, NetworkArc, NetworkCraft

_TONNE = 1000.0
_CRAFT = "(craft)"
_PEOPLE = "(people)"


def plan_network(scenario: Scenario, *, gap: float | None = None, time_limit_s: float = 600.0) -> Campaign:
    """Solve the network of a scenario for the least launched mass.

    Parameters
    ----------
    scenario
        With a ``[network]`` table; specific impulse counts with the header's gravity.
    gap, time_limit_s
        As for :func:`moonvillage.campaign.plan`.

    Returns
    -------
    Campaign
        Objective ``launch_mass`` in kg; the flows of each arc are in the tables ``legs`` and ``manifest``, with a
        "flight" per step and arc.

    Raises
    ------
    InputError
        If the network names unknown nodes or steps, or lacks a craft.
    """
    began = time.perf_counter()
    network = scenario.network
    assert network is not None
    craft = _check(scenario, network)
    if network.sizing is not None:
        return _plan_sized(scenario, network, craft, gap, time_limit_s)
    build = _Build(network, craft, scenario.header.gravity_m_s2)
    build.run()
    build_s = time.perf_counter() - began
    wanted = scenario.header.gap if gap is None else gap
    solution = solve(build.program, gap=wanted, time_limit_s=time_limit_s, seed=scenario.header.seed)
    rows, columns, nonzeros = build.program.shape
    model = {
        "rows": float(rows),
        "columns": float(columns),
        "nonzeros": float(nonzeros),
        "build_s": build_s,
        "solve_s": solution.seconds,
        "nodes": float(solution.nodes),
    }
    if not solution.found:
        reason = "the network cannot carry what is needed with the craft and arcs that it has"
        return Campaign(solution.status, "launch_mass", reasons=(reason,), model=model)
    values = round_integers(build.program, solution.values)
    objective = solution.objective * _TONNE
    bound = solution.bound * _TONNE
    status = "optimal" if solution.gap <= wanted + 1e-9 else "feasible"
    model["mass_to_orbit_kg"] = objective
    tables = _tables(scenario, network, build, values)
    return Campaign(
        status, "launch_mass", objective, "kg", bound, abs(objective - bound) / objective, tables, (), model
    )


def _plan_sized(
    scenario: Scenario, network: Network, craft: NetworkCraft, gap: float | None, time_limit_s: float
) -> Campaign:
    """The craft's design and the campaign together: the best design's plan, with the bound for all designs."""
    began = time.perf_counter()
    sizing = network.sizing
    assert sizing is not None
    wanted = scenario.header.gap if gap is None else gap

    def craft_of(design: Design) -> NetworkCraft:
        return replace(craft, dry_kg=design.dry_kg, payload_kg=design.payload_kg, propellant_kg=design.propellant_kg)

    def least(design: Design) -> float | None:
        build = _Build(network, craft_of(design), scenario.header.gravity_m_s2)
        build.run()
        solution = solve(build.program, gap=0.1 * wanted, time_limit_s=time_limit_s, seed=scenario.header.seed)
        return solution.bound * _TONNE if solution.found else None

    def late() -> bool:
        return time.perf_counter() - began > time_limit_s

    sized = least_mass(sizing, least, gap=0.8 * wanted, stop=late)
    if sized.design is None:
        reason = "no design within the ranges of [network.sizing] closes and flies the campaign"
        return Campaign("infeasible", "launch_mass", reasons=(reason,), model={"designs": float(sized.solved)})
    fixed = replace(scenario, network=replace(network, craft=craft_of(sized.design), sizing=None))
    found = plan_network(fixed, gap=0.1 * wanted, time_limit_s=time_limit_s)
    value, bound = found.objective_value, min(sized.bound, found.objective_value)
    reached = (value - bound) / value
    model = {
        **found.model,
        "designs": float(sized.solved),
        "payload_kg": sized.design.payload_kg,
        "propellant_kg": sized.design.propellant_kg,
        "dry_kg": sized.design.dry_kg,
        "solve_s": time.perf_counter() - began,
    }
    status = "optimal" if reached <= wanted + 1e-9 else "feasible"
    return replace(found, status=status, bound=bound, gap=reached, model=model)


def _check(scenario: Scenario, network: Network) -> NetworkCraft:
    """Every name and step of the network must exist."""

    def complain(what: str, value: object, remedy: str) -> InputError:
        line = scenario.lines.get(("network",))
        return InputError.one(what, remedy, file=scenario.file, line=line, field="network", value=str(value))

    if network.craft is None:
        raise complain("has no craft", "", "add [network.craft]")
    names = {node.name for node in network.nodes}
    flows = (*network.supplies, *network.needs, *network.visits)
    for name in [n for a in network.arcs for n in (a.from_, a.to)] + [f.at for f in flows]:
        if name not in names:
            raise complain("is not a node", name, f"use one of {', '.join(sorted(names))}")
    for step in [s for a in network.arcs for s in a.steps] + [f.step for f in flows]:
        if not isinstance(step, int) or not 1 <= step <= len(network.times_s):
            raise complain("is not a step", step, f"use 1 to {len(network.times_s)}")
    return network.craft


class _Build:
    """The program under construction: flows by (arc, step, item) and holds by (node, step, item)."""

    def __init__(self, network: Network, craft: NetworkCraft, gravity_m_s2: float) -> None:
        self.network, self.craft = network, craft
        self.gravity = gravity_m_s2
        self.program = Program()
        items = {f.item for f in (*network.supplies, *network.needs) if f.item}
        items |= {network.consumable, network.spares} | set(craft.mixture)
        self.items = [*sorted(items), _PEOPLE, _CRAFT]
        self.flow: dict[tuple[int, int, str], int] = {}
        self.hold: dict[tuple[str, int, str], int] = {}
        #: t per unit of each flow variable
        self.mass = dict.fromkeys(self.items, 1.0)
        self.mass[_PEOPLE] = network.person_kg / _TONNE
        self.mass[_CRAFT] = craft.dry_kg / _TONNE

    def used(self, arc: NetworkArc, item: str) -> dict[str, float]:
        """What is gone of an item on an arc, per unit of each departing flow (t)."""
        craft, network = self.craft, self.network
        result: dict[str, float] = {}
        if item == network.consumable and network.use_kg_s > 0.0:
            result[_PEOPLE] = network.use_kg_s * arc.duration_s / _TONNE
        if item == network.spares and network.maintenance > 0.0:
            result[_CRAFT] = result.get(_CRAFT, 0.0) + network.maintenance * craft.dry_kg / _TONNE
        if item in craft.mixture:
            share = 1.0 - math.exp(-arc.dv_m_s / (craft.isp_s * self.gravity))
            for other in self.items:
                burned = craft.mixture[item] * share * self.mass[other]
                result[other] = result.get(other, 0.0) + burned
        return result

    def run(self) -> None:
        network, program = self.network, self.program
        last = len(network.times_s)
        for number, arc in enumerate(network.arcs):
            for step in arc.steps:
                for item in self.items:
                    whole = item in (_PEOPLE, _CRAFT)
                    top = float(self.craft.most) if item == _CRAFT else INF
                    cost = self.mass[item] if arc.launch else 0.0
                    self.flow[number, step, item] = program.variable(
                        ("flow", number, step, item), 0.0, top, cost=cost, integer=whole
                    )
        for node in network.nodes:
            for step in range(1, last):
                if node.holds:
                    for item in self.items:
                        whole = item in (_PEOPLE, _CRAFT)
                        self.hold[node.name, step, item] = program.variable(
                            ("hold", node.name, step, item), integer=whole
                        )
        self.on_arcs()
        self.at_nodes()
        for visit in network.visits:
            var = self.hold.get((visit.at, visit.step, _PEOPLE))
            terms = [(var, 1.0)] if var is not None else []
            program.row(("visit", visit.at), terms, low=float(visit.people))

    def on_arcs(self) -> None:
        """What is used on the way must be aboard; capacities bind where they do."""
        program, craft = self.program, self.craft
        for (number, step, item), var in self.flow.items():
            arc = self.network.arcs[number]
            used = self.used(arc, item)
            if used:
                terms = [(var, 1.0), *((self.flow[number, step, o], -f) for o, f in used.items())]
                program.row(("aboard", item), terms, low=0.0)
            if item == _CRAFT and arc.binding:
                payload = [
                    (self.flow[number, step, o], self.mass[o])
                    for o in self.items
                    if o != _CRAFT and o not in craft.mixture
                ]
                program.row(("payload",), [*payload, (var, -craft.payload_kg / _TONNE)], high=0.0)
                tanks = [(self.flow[number, step, o], 1.0) for o in craft.mixture]
                program.row(("tanks",), [*tanks, (var, -craft.propellant_kg / _TONNE)], high=0.0)

    def at_nodes(self) -> None:
        """What leaves a node at a step was there, was at hand or has arrived; people are never left over."""
        network, program = self.network, self.program
        for node in network.nodes:
            for step in range(1, len(network.times_s) + 1):
                for item in self.items:
                    wanted_here = any(f.at == node.name and f.item == item for f in network.needs)
                    if node.name == network.free and item != _PEOPLE and not wanted_here:
                        supply = INF
                    else:
                        supply = sum(
                            (f.people if item == _PEOPLE else f.amount_kg / _TONNE)
                            for f in network.supplies
                            if (f.at, f.step, f.item or _PEOPLE) == (node.name, step, item)
                        )
                    need = sum(
                        (f.people if item == _PEOPLE else f.amount_kg / _TONNE)
                        for f in network.needs
                        if (f.at, f.step, f.item or _PEOPLE) == (node.name, step, item)
                    )
                    if supply == INF:
                        continue
                    terms = self.balance(node.name, step, item)
                    net = need - supply
                    program.row(("node", node.name, item), terms, net, net if item == _PEOPLE else INF)

    def balance(self, node: str, step: int, item: str) -> list[tuple[int, float]]:
        """Arrivals and what was held, less departures and what is held on."""
        terms: list[tuple[int, float]] = []
        for (number, when, what), var in self.flow.items():
            arc = self.network.arcs[number]
            if when != step or what != item:
                continue
            if arc.to == node:
                terms.append((var, 1.0))
                terms += [(self.flow[number, step, other], -factor) for other, factor in self.used(arc, item).items()]
            if arc.from_ == node:
                terms.append((var, -1.0))
        for when, sign in ((step - 1, 1.0), (step, -1.0)):
            held = self.hold.get((node, when, item))
            if held is not None:
                terms.append((held, sign))
        return terms


def _tables(scenario: Scenario, network: Network, build: _Build, values: Floats) -> Mapping[str, pl.DataFrame]:
    """The flows as legs and manifest rows."""
    legs: list[dict[str, Any]] = []
    manifest: list[dict[str, Any]] = []
    for (number, step, item), var in build.flow.items():
        arc = network.arcs[number]
        amount = float(values[var])
        start = scenario.header.start_tdb_s + network.times_s[step - 1]
        flight = f"step-{step}-{arc.from_}-{arc.to}"
        if item == _CRAFT and amount > 0.5:
            legs.append(
                {
                    "flight": flight,
                    "step": step,
                    "arc": f"{arc.from_}>{arc.to}",
                    "origin": arc.from_,
                    "destination": arc.to,
                    "departure_tdb_s": start,
                    "arrival_tdb_s": start + arc.duration_s,
                    "dv_m_s": arc.dv_m_s,
                }
            )
        if amount > 1e-9:
            whole = item in (_PEOPLE, _CRAFT)
            manifest.append(
                {
                    "flight": flight,
                    "cargo": {_PEOPLE: "crew", _CRAFT: "craft"}.get(item, item),
                    "kind": {_PEOPLE: "crew", _CRAFT: "module"}.get(item, "commodity"),
                    "origin": arc.from_,
                    "destination": arc.to,
                    "epoch_tdb_s": start + arc.duration_s,
                    "amount": amount if whole else amount * _TONNE,
                    "mass_kg": amount * build.mass[item] * _TONNE,
                    "owner": "",
                }
            )
    return {
        "legs": pl.DataFrame(legs, schema=dict(TABLES["legs"])),
        "manifest": pl.DataFrame(manifest, schema=dict(TABLES["manifest"])),
    }
