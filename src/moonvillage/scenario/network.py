"""The ``[network]`` table: a plain time-expanded network with stated delta-v, for studies without trajectories."""

from __future__ import annotations

from dataclasses import dataclass

from moonvillage.catalog.schema import text


@dataclass(frozen=True, slots=True)
class Network:
    """A network with prescribed arcs (see :mod:`moonvillage.campaign.network`)."""

    title: str = text("remark", "")
