"""What others read and write: OEM, OPM, SPK, STK, GMAT and CZML, from flown legs and into ephemerides."""

from __future__ import annotations

from moonvillage.exchange.dense import flight_ids, from_flight
from moonvillage.exchange.ephemeris import Ephemeris, Manoeuvre, Segment
from moonvillage.exchange.formats import FORMATS, Format, read, write

__all__ = ["FORMATS", "Ephemeris", "Format", "Manoeuvre", "Segment", "flight_ids", "from_flight", "read", "write"]
