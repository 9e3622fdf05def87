"""Which flights, when, with what aboard: the optimiser, the exact ledger, and the reasons where there is no plan."""

from moonvillage.campaign.columns import column_key, column_name, edges_of
from moonvillage.campaign.ledger import handovers
from moonvillage.campaign.papers import Paper, Papers
from moonvillage.campaign.plan import flight_columns, flown_from, plan
from moonvillage.campaign.timeline import FlownColumn, FlownStep, Key

__all__ = [
    "FlownColumn",
    "FlownStep",
    "Key",
    "Paper",
    "Papers",
    "column_key",
    "column_name",
    "edges_of",
    "flight_columns",
    "flown_from",
    "handovers",
    "plan",
]
