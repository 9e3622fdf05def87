"""CZML for Cesium: the craft's path about the Earth, in inertial axes, with its burns as events.

The format is the CZML Guide of the Cesium project: a JSON array of packets. Positions are Earth-centred, in the
INERTIAL frame of Cesium (ICRF), with Hermite interpolation where velocities are given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from moonvillage.ephemeris.time import tdb_s_to_utc
from moonvillage.exchange.ephemeris import Ephemeris

_COLOURS: Final = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233))


def _utc(tdb_s: float) -> str:
    return tdb_s_to_utc(tdb_s, decimals=3)


def czml_text(ephemerides: Sequence[Ephemeris], *, most: int = 4000) -> str:
    """One CZML document of several craft, as text.

    Parameters
    ----------
    ephemerides
        Of any centre; they are written about the Earth.
    most
        States kept for each craft at most; where there are more, they are thinned evenly within segments.
    """
    earth = [ephemeris.about("earth") for ephemeris in ephemerides]
    first = min(ephemeris.start_tdb_s for ephemeris in earth)
    last = max(ephemeris.end_tdb_s for ephemeris in earth)
    clock = {
        "interval": f"{_utc(first)}/{_utc(last)}",
        "currentTime": _utc(first),
        "multiplier": 3600,
        "range": "CLAMPED",
    }
    packets: list[dict[str, Any]] = [{"id": "document", "name": "moonvillage", "version": "1.0", "clock": clock}]
    for k, ephemeris in enumerate(earth):
        packets.append(_craft(ephemeris, _COLOURS[k % len(_COLOURS)], most))
        packets += [_burn(ephemeris, j) for j in range(len(ephemeris.manoeuvres))]
    return json.dumps(packets, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _craft(ephemeris: Ephemeris, colour: tuple[int, int, int], most: int) -> dict[str, Any]:
    every = max(1, -(-ephemeris.states // most))
    intervals = []
    for segment in ephemeris.segments:
        n = segment.epoch_tdb_s.size
        kept = np.unique(np.append(np.arange(0, n, every), n - 1))
        origin = float(segment.epoch_tdb_s[0])
        values: list[float] = []
        for i in kept:
            values.append(round(float(segment.epoch_tdb_s[i]) - origin, 6))
            values += [round(float(x), 3) for x in segment.r_m[i]]
            values += [round(float(x), 6) for x in segment.v_m_s[i]]
        intervals.append(
            {
                "interval": f"{_utc(origin)}/{_utc(float(segment.epoch_tdb_s[-1]))}",
                "epoch": _utc(origin),
                "referenceFrame": "INERTIAL",
                "interpolationAlgorithm": "HERMITE",
                "interpolationDegree": 3,
                "cartesianVelocity": values,
            }
        )
    rgba = [*colour, 255]
    return {
        "id": ephemeris.object_id,
        "name": ephemeris.name,
        "description": "; ".join(ephemeris.notes) or "flown by moonvillage in the n-body model",
        "availability": f"{_utc(ephemeris.start_tdb_s)}/{_utc(ephemeris.end_tdb_s)}",
        "position": intervals,
        "point": {"pixelSize": 6, "color": {"rgba": rgba}},
        "label": {"text": ephemeris.name, "font": "12px sans-serif", "pixelOffset": {"cartesian2": [12, 0]}},
        "path": {"width": 1.5, "resolution": 600, "material": {"solidColor": {"color": {"rgba": rgba}}}},
    }


def _burn(ephemeris: Ephemeris, index: int) -> dict[str, Any]:
    burn = ephemeris.manoeuvres[index]
    size = float(np.linalg.norm(burn.dv_icrf_m_s))
    end = burn.epoch_tdb_s + max(burn.duration_s, 60.0)
    return {
        "id": f"{ephemeris.object_id}/{index + 1}",
        "name": f"{burn.name} {size:.1f} m/s",
        "parent": ephemeris.object_id,
        "availability": f"{_utc(burn.epoch_tdb_s)}/{_utc(end)}",
        "description": f"{burn.name}: {size:.2f} m/s over {burn.duration_s:.0f} s, {burn.propellant_kg:.0f} kg",
    }
