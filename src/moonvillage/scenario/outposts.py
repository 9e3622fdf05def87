"""What the user says of an outpost or a station: where, under which light, with what to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from moonvillage.catalog.schema import Provenance, choice, counts, quantities, quantity, ref, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Outpost:
    """An inhabited or inhabitable place whose days are simulated."""

    id: str
    place: str = ref("place", "where it stands")
    title: str = text("name shown in the report", "")
    site: str = ref("site", "the site whose light it has; empty for an orbit", "")
    metabolism: str = ref("metabolism", "the set of human needs", "nasa-2004")
    modules: Mapping[str, int] = counts("module", "what stands there at the start", {})
    stocks_kg: Mapping[str, float] = quantities(
        "mass", "what is stored there at the start", {}, of="commodity", low=0.0
    )
    reserve_s: Mapping[str, float] = quantities(
        "time", "days of crew use to keep in store, by commodity", {}, of="commodity", low=0.0
    )
    orbit_sunlight: float = quantity("fraction", "sunlit share of an orbit", 0.62, low=0.0, high=1.0)
    orbit_period_s: float = quantity("time", "period of the orbit, for a station", 5_550.0, low=600.0)
    cabin_pa: float = quantity("pressure", "cabin pressure", 101_300.0, low=20_000.0, high=120_000.0)
    oxygen_share: float = quantity("fraction", "oxygen by volume", 0.21, low=0.16, high=0.5)
    eva_per_crew: float = quantity("rate", "EVA hours per crew member and time, such as 16 1/week", 0.0, low=0.0)
    failures: str = choice(("expected", "sampled", "none"), "how failures are treated in a single run", "expected")
    air: str = choice(
        ("kept", "falls"),
        "cabin gas that no stock can give: made good from an accounted deficit (kept), or missing (falls)",
        "kept",
    )
    rating_pa: float = quantity("pressure", "most that the cabin may hold; 0: a quarter above 'cabin'", 0.0, low=0.0)
    relief_pa: float = quantity("pressure", "where the relief valve opens; 0: a tenth above 'cabin'", 0.0, low=0.0)
    oxygen_limit: float = quantity(
        "fraction", "share of oxygen above which air is vented and refilled with nitrogen", 0.5, low=0.16, high=1.0
    )
    oxygen_least_pa: float = quantity("pressure", "oxygen below which people suffer", 10_132.5, low=0.0)
    crop_food_kg_s: float = quantity("mass_rate", "dry food that crops in the cabin make when grown", 0.0, low=0.0)
    crop_harvest: float = quantity("fraction", "eaten share of what the crops grow", 0.4, low=0.01, high=1.0)
    crop_grown_s: float = quantity("time", "from sowing to full growth", 4_320_000.0, low=3600.0)
    provenance: Mapping[str, Provenance] = field(default_factory=dict)
