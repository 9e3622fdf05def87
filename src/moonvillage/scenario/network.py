"""The ``[network]`` table: a plain time-expanded network with stated delta-v, for studies without trajectories.

It is the classic formulation of space-logistics papers: everything flows along arcs at given steps, propellant is
pooled over the craft on an arc, and one craft design is counted in whole numbers. Use it to compare with such
studies; campaigns proper are planned by missions (docs/design/campaign.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from moonvillage.catalog.schema import flag, integer, quantities, quantity, raw, table, tables, text, times


@dataclass(frozen=True, slots=True)
class NetworkNode:
    """A place of the network."""

    name: str = text("name")
    holds: bool = flag("things may stay here from one step to the next", False)


@dataclass(frozen=True, slots=True)
class NetworkArc:
    """A way that can be flown at some steps; the flight is over within its step."""

    from_: str = text("node where it begins")
    to: str = text("node where it ends")
    steps: tuple[int, ...] = raw("steps at which it can be flown, counted from 1")
    dv_m_s: float = quantity("speed", "velocity change", 0.0, low=0.0)
    duration_s: float = quantity("time", "time of flight, for the use of the people aboard", 0.0, low=0.0)
    binding: bool = flag("whether the craft's capacities bind on it", True)
    launch: bool = flag("whether its mass is what the campaign launches", False)


@dataclass(frozen=True, slots=True)
class NetworkCraft:
    """The one craft design. Its capacities are per craft; all craft on an arc pool their propellant."""

    dry_kg: float = quantity("mass", "dry mass", low=0.0)
    payload_kg: float = quantity("mass", "everything it can carry besides propellant, people included", low=0.0)
    propellant_kg: float = quantity("mass", "propellant it can carry", low=0.0, key="propellant_mass")
    isp_s: float = quantity("time", "specific impulse", low=1.0)
    mixture: Mapping[str, float] = quantities("fraction", "mass fraction by component", low=0.0)
    most: int = integer("craft at most on one arc at one step", 100, low=0)


@dataclass(frozen=True, slots=True)
class NetworkSizing:
    """The craft's capacities and dry mass are chosen with the campaign (:mod:`moonvillage.campaign.sizing`).

    Then ``[network.craft]`` gives the specific impulse, the mixture and how many; its masses do not count.
    """

    payload_least_kg: float = quantity("mass", "payload capacity, at least", 100.0, low=1.0)
    payload_most_kg: float = quantity("mass", "payload capacity, at most", 20_000.0, low=1.0)
    propellant_least_kg: float = quantity("mass", "propellant capacity, at least", 1000.0, low=1.0)
    propellant_most_kg: float = quantity("mass", "propellant capacity, at most", 200_000.0, low=1.0)
    crew: int = integer("people that it supports", 4, low=0)
    surface_s: float = quantity("time", "how long on the surface", 3.0 * 86400.0, low=0.0)
    cubic_metre_kg: float = quantity("mass", "mass of a cubic metre of propellant", 360.0, low=1.0)
    other: float = quantity("fraction", "share of the dry mass that no relation names", 0.05, low=0.0, high=0.5)
    structure: float = quantity("fraction", "share of the dry mass that is structure", 0.3238, low=0.0, high=0.9)


@dataclass(frozen=True, slots=True)
class NetworkFlow:
    """A supply or a need at a node and step: of an item by mass, or of people."""

    at: str = text("node")
    step: int = integer("step, counted from 1", low=1)
    item: str = text("item, or empty for people", "")
    amount_kg: float = quantity("mass", "how much", 0.0, low=0.0)
    people: int = integer("how many people", 0, low=0)


@dataclass(frozen=True, slots=True)
class Network:
    """A network with prescribed arcs (see :mod:`moonvillage.campaign.network`).

    ``supplies`` are at hand at their step; ``free`` names the node where craft, propellant and every item that is not
    itself needed there can be had without limit. ``needs`` are used up at their node and step (people among
    the needs have come home there).
    ``visits`` say how many people must be at a node between a step and the next.
    """

    title: str = text("remark", "")
    times_s: tuple[float, ...] = times("the steps, as times from the start", ())
    nodes: tuple[NetworkNode, ...] = tables(NetworkNode, "places", ())
    arcs: tuple[NetworkArc, ...] = tables(NetworkArc, "ways", ())
    craft: NetworkCraft | None = table(NetworkCraft, "the craft design", None)
    sizing: NetworkSizing | None = table(NetworkSizing, "choose the craft's design too", None)
    free: str = text("the node where everything can be had", "")
    supplies: tuple[NetworkFlow, ...] = tables(NetworkFlow, "what is at hand", ())
    needs: tuple[NetworkFlow, ...] = tables(NetworkFlow, "what is used up", ())
    visits: tuple[NetworkFlow, ...] = tables(NetworkFlow, "who must be where", ())
    person_kg: float = quantity("mass", "mass of one person", 100.0, low=0.0)
    use_kg_s: float = quantity("mass_rate", "consumables used by one person on the way", 0.0, low=0.0)
    consumable: str = text("the item that people use", "consumables")
    maintenance: float = quantity(
        "fraction", "spares used on each arc, as a share of dry mass", 0.0, low=0.0, high=1.0
    )
    spares: str = text("the item that maintenance uses", "spares")
