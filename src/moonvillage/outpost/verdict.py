"""The verdict on the days lived: balances, shortfalls, margins, and the events that follow from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.outpost.health import BIOSIM_LIMITS, CAUSES, SEA_LEVEL_PA, Doses
from moonvillage.outpost.ledger import spells
from moonvillage.outpost.matter import GAS_KG_PA_M3
from moonvillage.outpost.place import Place
from moonvillage.records.outpost import Balance, Margin, Shortfall

#: Carbon dioxide: the level at which people are unwell (10 mmHg; NASA/CR-2004-208941).
_UNWELL_PA: Final = 1_333.0
#: Cabin pressure below this share of the set point is worth an event.
_LOW_PRESSURE: Final = 0.9
#: Joules of food per kg of oxygen that burns it, 11.82 MJ a day over 0.835 kg (the 2004 set).
_J_PER_KG_OXYGEN: Final = 11.82e6 / 0.835


def judge(place: Place) -> tuple[tuple[Balance, ...], list[Margin]]:
    """Check the books; gather margins, shortfalls and the events that follow from them."""
    book, parts = place.book, place.parts
    balances = book.balances(place.compositions)
    oxygen_use = place.body.oxygen_kg_s
    for shortfall, length, share in book.deficits():
        place.shortfalls.append(shortfall)
        place.events.append((shortfall.epoch_tdb_s, "shortfall", shortfall.commodity, shortfall.reason))
        if shortfall.commodity == parts.oxygen and place.air.kept:
            at = book.starts.index(shortfall.epoch_tdb_s)
            volume = place.phases[book.phase[at]].yard.volume_m3
            spare_pa = max(place.air.oxygen_pa - place.outpost.oxygen_least_pa, 0.0)
            people = max(book.crew[at], 1e-9)
            endurance = spare_pa * volume * GAS_KG_PA_M3[0] / (people * oxygen_use)
            if length > endurance and share > 0.5 and book.crew[at] > 0.0:
                detail = f"nobody lives {length / 3600.0:.0f} h without it; {endurance / 3600.0:.0f} h is the least"
                place.events.append((shortfall.epoch_tdb_s + endurance, "death", shortfall.commodity, detail))
    _health(place)
    margins, below = book.margins(place.outpost.reserve_s, [p.use.crew_kg_s for p in place.phases])
    place.shortfalls += below
    _air(place)
    _housing(place)
    _tanks(place)
    _power(place)
    return balances, margins


def _pressures(place: Place) -> NDArray[np.float64]:
    """Partial pressures of the cabin's gases at the end of each step, Pa, shape (steps, 4)."""
    book = place.book
    volume = np.array([place.phases[p].yard.volume_m3 for p in book.phase])
    cabin = book.array("cabin")[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(volume[:, None] > 0.0, cabin / (volume[:, None] * np.array(GAS_KG_PA_M3)), 0.0)
    return np.asarray(found, dtype=np.float64)


def _health(place: Place) -> None:
    """Doses of what lacks and of bad air, for one person present throughout; a death at even odds of each cause."""
    book, parts = place.book, place.parts
    crew = book.array("crew")
    peopled = crew > 0.0
    if not peopled.any():
        return
    seconds = book.array("ends") - book.array("starts")
    deficit = book.array("deficit")
    person = np.where(peopled, crew, 1.0) * seconds  # person-seconds
    water = deficit[:, book.commodities.index(parts.water)] / person * 3600.0  # kg per person and hour
    share = np.minimum(
        deficit[:, book.commodities.index(parts.food)] / (person * place.body.food_kg_s), 1.0
    )  # of the food that was wanted
    food = share * place.body.oxygen_kg_s * _J_PER_KG_OXYGEN * 3600.0
    pressure = _pressures(place)
    total = pressure.sum(axis=1)
    housed = total > 0.0
    carbon = np.where(housed, pressure[:, 2] / np.maximum(total, 1.0), 0.0)
    oxygen = np.where(housed, pressure[:, 0] / SEA_LEVEL_PA, 1.0)
    least = place.outpost.oxygen_least_pa / SEA_LEVEL_PA
    limits = replace(BIOSIM_LIMITS, oxygen_low_share=least)
    doses = Doses(1, limits)
    alive = np.ones(4)
    told = np.zeros(4, dtype=bool)
    bad = (water > 0.0) | (food > 0.0) | (oxygen < least) | (carbon > limits.carbon_dioxide_share)
    for k in np.flatnonzero(peopled):
        if not bad[k] and doses.filled.max() < 1e-6:
            continue
        parts_of_step = max(round(seconds[k] / 3600.0), 1)
        hours = float(seconds[k]) / 3600.0 / parts_of_step
        for hour in range(parts_of_step):
            chance = doses.hour(water[k] * hours, food[k] * hours, oxygen[k], carbon[k], hours)[:, 0]
            alive *= 1.0 - chance
            for cause in np.flatnonzero((alive < 0.5) & ~told):
                told[cause] = True
                when = book.starts[k] + (hour + 1) * hours * 3600.0
                place.events.append((when, "death", _name(place, CAUSES[cause]), _DETAILS[CAUSES[cause]]))
        if told.all():
            return


_DETAILS: Final = {
    "water": "by then half of those without it have died of thirst",
    "food": "by then half of those without it have starved",
    "oxygen": "by then half of those in air so thin have died",
    "carbon_dioxide": "by then half of those in such air have died",
}


def _name(place: Place, cause: str) -> str:
    return str(getattr(place.parts, cause))


def _air(place: Place) -> None:
    book = place.book
    pressure = _pressures(place)
    carbon, total = pressure[:, 2], pressure.sum(axis=1)
    peopled = book.array("crew") > 0.0
    for first, last in spells((carbon > _UNWELL_PA) & peopled):
        detail = f"{carbon[first:last].max():.0f} Pa of carbon dioxide in the air"
        place.events.append((book.starts[first], "health", "carbon_dioxide", detail))
    vented = book.array("vented")
    for first, last in spells(vented > 0.0):
        share = pressure[last - 1, 0] / max(total[last - 1], 1.0)
        detail = (
            f"{vented[first:last].sum():.1f} kg of cabin air let out over "
            f"{(book.ends[last - 1] - book.starts[first]) / 86400.0:.1f} d; oxygen is {share:.0%} of it"
        )
        place.events.append((book.starts[first], "vent", "cabin", detail))
    lacking = book.array("lacking")
    names = (place.parts.oxygen, place.parts.nitrogen)
    for gas, name in enumerate(names):
        for first, last in spells((lacking[:, gas] > 1e-6) & peopled):
            amount = float(lacking[first:last, gas].max())
            days = (book.ends[last - 1] - book.starts[first]) / 86400.0
            reason = f"the cabin wanted up to {amount:.1f} kg that no stock could give, for {days:.1f} d"
            place.shortfalls.append(Shortfall(place.outpost.place, name, book.starts[first], amount, reason))
            place.events.append((book.starts[first], "shortfall", name, reason))
    low = (total < _LOW_PRESSURE * place.outpost.cabin_pa) & (total > 0.0) & peopled
    for first, last in spells(low):
        detail = f"the cabin fell to {total[first:last].min() / 1000.0:.1f} kPa"
        place.events.append((book.starts[first], "pressure", "cabin", detail))
    thin = (pressure[:, 0] < place.outpost.oxygen_least_pa) & (total > 0.0) & peopled
    for first, last in spells(thin):
        detail = f"{pressure[first:last, 0].min() / 1000.0:.1f} kPa of oxygen in the air"
        place.events.append((book.starts[first], "health", "oxygen", detail))


def _housing(place: Place) -> None:
    book = place.book
    places = np.array([place.phases[p].yard.housing for p in book.phase])
    if not places.any():
        if any(book.crew_end):
            place.notes.append("There is no habitat: people are taken to live in the craft that brought them.")
        return
    over = book.array("crew_end") - places
    for first, last in spells(over > 0):
        count = int(over[first:last].max())
        reason = f"{count} people had no place in a habitat for {last - first} steps"
        place.shortfalls.append(
            Shortfall(place.outpost.place, "crew_places", book.starts[first], float(count), reason)
        )
        place.events.append((book.starts[first], "housing", "crew", reason))


def _tanks(place: Place) -> None:
    book = place.book
    lost = book.array("lost")
    stocks = book.array("stocks")[1:]
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
    shed = place.book.array("energy")[:, 2]
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
