"""The verdict on the days lived: balances, shortfalls, margins, and the events that follow from them."""

from __future__ import annotations

from typing import Final

import numpy as np

from moonvillage.outpost.ledger import spells
from moonvillage.outpost.matter import GAS_KG_PA_M3
from moonvillage.outpost.place import Place
from moonvillage.records.outpost import Balance, Margin, Shortfall

#: Without water or food, the median time to death in NASA's BioSim (one man of 35 years): 41 h and 930 h.
_ENDURANCE_S: Final = {"water": 41.0 * 3600.0, "food": 930.0 * 3600.0}
#: Carbon dioxide: the level at which people are unwell (10 mmHg; NASA/CR-2004-208941), and BioSim's deadly share.
_UNWELL_PA: Final = 1_333.0
_DEADLY_SHARE: Final = 0.06


def judge(place: Place) -> tuple[tuple[Balance, ...], list[Margin]]:
    """Check the books; gather margins, shortfalls and the events that follow from them."""
    book, parts = place.book, place.parts
    balances = book.balances(place.compositions)
    oxygen_use = place.body.oxygen_kg_s
    for shortfall, length, share in book.deficits():
        place.shortfalls.append(shortfall)
        place.events.append((shortfall.epoch_tdb_s, "shortfall", shortfall.commodity, shortfall.reason))
        endurance = None
        if shortfall.commodity == parts.water:
            endurance = _ENDURANCE_S["water"]
        elif shortfall.commodity == parts.food:
            endurance = _ENDURANCE_S["food"]
        elif shortfall.commodity == parts.oxygen:
            at = book.starts.index(shortfall.epoch_tdb_s)
            volume = place.phases[book.phase[at]].yard.volume_m3
            spare_pa = max(place.air.oxygen_pa - 0.1 * place.outpost.cabin_pa, 0.0)
            people = max(book.crew[at], 1e-9)
            endurance = spare_pa * volume * GAS_KG_PA_M3[0] / (people * oxygen_use)
        if endurance is not None and length > endurance and share > 0.5:
            at = book.starts.index(shortfall.epoch_tdb_s)
            if book.crew[at] > 0.0:
                detail = f"nobody lives {length / 3600.0:.0f} h without it; {endurance / 3600.0:.0f} h is typical"
                place.events.append((shortfall.epoch_tdb_s + endurance, "death", shortfall.commodity, detail))
    margins, below = book.margins(place.outpost.reserve_s, [p.use.crew_kg_s for p in place.phases])
    place.shortfalls += below
    _air(place)
    _housing(place)
    _tanks(place)
    _power(place)
    return balances, margins


def _air(place: Place) -> None:
    book = place.book
    volume = np.array([place.phases[p].yard.volume_m3 for p in book.phase])
    cabin = np.array(book.cabin)[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        pressure = np.where(volume[:, None] > 0.0, cabin / (volume[:, None] * np.array(GAS_KG_PA_M3)), 0.0)
    carbon, total = pressure[:, 2], pressure.sum(axis=1)
    peopled = np.array(book.crew) > 0.0
    for first, last in spells((carbon > _UNWELL_PA) & peopled):
        detail = f"{carbon[first:last].max():.0f} Pa of carbon dioxide in the air"
        place.events.append((book.starts[first], "health", "carbon_dioxide", detail))
    for first, _ in spells((carbon > _DEADLY_SHARE * np.maximum(total, 1.0)) & peopled)[:1]:
        detail = f"{carbon[first] / total[first]:.1%} of carbon dioxide in the air"
        place.events.append((book.starts[first], "death", "carbon_dioxide", detail))


def _housing(place: Place) -> None:
    book = place.book
    places = np.array([place.phases[p].yard.housing for p in book.phase])
    if not places.any():
        if any(book.crew_end):
            place.notes.append("There is no habitat: people are taken to live in the craft that brought them.")
        return
    over = np.array(book.crew_end) - places
    for first, last in spells(over > 0):
        count = int(over[first:last].max())
        reason = f"{count} people had no place in a habitat for {last - first} steps"
        place.shortfalls.append(
            Shortfall(place.outpost.place, "crew_places", book.starts[first], float(count), reason)
        )
        place.events.append((book.starts[first], "housing", "crew", reason))


def _tanks(place: Place) -> None:
    book = place.book
    lost = np.array(book.moved["lost"])
    stocks = np.array(book.stocks)[1:]
    unlimited = []
    for column, commodity in enumerate(book.commodities):
        caps = np.array([p.step.cap.get(commodity, np.inf) for p in place.phases])[book.phase]
        full = (lost[:, column] > 0.0) & (stocks[:, column] >= caps)
        for first, last in spells(full):
            kg = float(lost[first:last, column].sum())
            place.events.append((book.starts[first], "vent", commodity, f"{kg:.1f} kg found no tank"))
        if stocks[:, column].max(initial=0.0) > 0.0 and np.isinf(caps).all():
            unlimited.append(commodity)
    if unlimited:
        place.notes.append(f"No tanks are given for {', '.join(unlimited)}: their storage was not limited.")


def _power(place: Place) -> None:
    """Say how much was shed, and the most that one spell lacked: what more storage would have to give."""
    shed = np.array([row[2] for row in place.book.energy])
    found = spells(shed > 0.0)
    if not found:
        return
    first, last = max(found, key=lambda spell: float(shed[spell[0] : spell[1]].sum()))
    worst = float(shed[first:last].sum()) / 3.6e6
    days = (place.book.ends[last - 1] - place.book.starts[first]) / 86400.0
    place.notes.append(
        f"Loads were shed in {len(found)} spells, {shed.sum() / 3.6e6:.0f} kWh in all; the worst lacked "
        f"{worst:.0f} kWh over {days:.1f} d, which more storage or sources would have to give."
    )
