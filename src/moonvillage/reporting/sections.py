"""The sections of the page that tell what happens: the answer, the way, the flights, the place, the people."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import polars as pl

from moonvillage.reporting import formats as f
from moonvillage.reporting.aggregate import CREW
from moonvillage.reporting.bundle import Bundle
from moonvillage.reporting.figures import Figure
from moonvillage.reporting.markup import Child, Markup, element, join, table

#: What a status means, in words.
STATUS = {
    "optimal": "Proven plan",
    "feasible": "Plan found",
    "infeasible": "No plan exists",
    "unbounded": "The objective has no bound",
    "no_convergence": "Plan and flight do not agree",
    "interrupted": "Interrupted",
}
GOOD = frozenset({"optimal", "feasible"})
_OBJECTIVE = {"cost": "cost", "launch_mass": "mass launched", "earliest": "earliest date", "none": "no objective"}


def dot(colour: str) -> Markup:
    """A disc in an operator's colour."""
    disc = element("circle", cx="5", cy="5", r="4.5", fill=colour)
    return element("svg", disc, class_="dot", width="10", height="10", viewBox="0 0 10 10", aria_hidden="true")


def legend(bundle: Bundle) -> Markup:
    """Operators who fly, with their colours."""
    flown = set(bundle.campaign.table("flights")["operator"].to_list())
    names = [element("li", dot(bundle.colour(id_)), bundle.partner(id_)) for id_ in bundle.operators if id_ in flown]
    return element("ul", names, class_="legend")


def section(id_: str, title: str, lead: Child, *body: Child) -> Markup:
    """A section with its heading and one or two sentences that say what it shows."""
    return element(
        "section",
        element("h2", title, id=f"{id_}-title"),
        element("p", lead, class_="lead") if lead else None,
        body,
        id=id_,
        aria_labelledby=f"{id_}-title",
    )


def figure(item: Figure | None, class_: str = "") -> Markup | None:
    """A figure with its caption."""
    if item is None:
        return None
    inner = element("div", item.inline(), class_="plot", tabindex="0" if item.wide else None)
    classes = " ".join(part for part in ("wide" if item.wide else "small", class_) if part)
    return element("figure", inner, element("figcaption", item.caption), class_=classes, id=f"fig-{item.name}")


def grid(items: Iterable[Figure]) -> Markup | None:
    """Small figures side by side."""
    found = [figure(item) for item in items]
    return element("div", found, class_="grid") if found else None


def more(label: str, *body: Child, open_: bool = False) -> Markup:
    """Something that is there on request; open on paper."""
    return element("details", element("summary", label), body, open=open_)


def value(bundle: Bundle, key: str, otherwise: Any = None) -> Any:
    """A figure of the summary, or what the records say."""
    found = bundle.summary.get(key)
    return otherwise if found is None else found


def objective(bundle: Bundle) -> tuple[str, float, str]:
    """Name, value and unit of what was optimised."""
    told = value(bundle, "objective", {}) or {}
    name = str(told.get("name") or bundle.campaign.objective_name)
    number = told.get("value")
    unit = str(told.get("unit") or bundle.campaign.objective_unit)
    return name, bundle.campaign.objective_value if number is None else float(number), unit


def headline(bundle: Bundle) -> str:
    """The answer in one sentence."""
    flights = bundle.campaign.table("flights")
    count = int(value(bundle, "flights", len(flights)))
    span = f"{f.month(bundle.scenario.header.start_tdb_s)} to {f.month(bundle.scenario.header.end_tdb_s - 1.0)}"
    if bundle.status not in GOOD and not count:
        return f"{STATUS.get(bundle.status, bundle.status)} for {span} under these rules."
    name, number, unit = objective(bundle)
    gap = value(bundle, "gap", bundle.campaign.gap)
    bound = value(bundle, "bound", bundle.campaign.bound)
    shown = "" if bundle.release is None else "In what is shown here, "
    parts = [f"{shown}{f.plural(count, 'flight')} from {span}"]
    orbit = value(bundle, "mass_to_orbit_kg", float(flights["mass_to_orbit_kg"].sum()))
    if orbit:
        parts.append(f"lift {f.mass(orbit)} to orbit")
    crew_days = value(bundle, "crew_days", bundle.log.crew_days if bundle.log else 0.0)
    if crew_days:
        parts.append(f"give {f.whole(crew_days)} crew-days")
    sentence = parts[0] + " " + " and ".join(parts[1:]) if len(parts) > 1 else parts[0]
    if math.isfinite(number) and name and name != "none":
        sentence += f" at a {_OBJECTIVE.get(name, f.words(name))} of {f.amount(number, unit)}"
        if gap is not None and math.isfinite(gap) and gap < 5e-5:
            sentence += ", proven to be the best possible"
        elif gap is not None and math.isfinite(gap):
            sentence += f", within {f.percent(gap)} of the proven bound"
            if bound is not None and math.isfinite(bound):
                sentence += f" of {f.amount(bound, unit)}"
    return sentence + "."


def _proof(gap: float | None) -> str:
    if gap is None or not math.isfinite(gap):
        return ""
    return "proven best" if gap < 5e-5 else f"gap {f.percent(gap)}"


def header(bundle: Bundle) -> Markup:
    """Title, answer, key figures, and the reasons where the answer is no."""
    flights = bundle.campaign.table("flights")
    name, number, unit = objective(bundle)
    tiles: list[tuple[str, str, str]] = []
    if math.isfinite(number) and name and name != "none":
        gap = value(bundle, "gap", bundle.campaign.gap)
        tiles.append((_OBJECTIVE.get(name, f.words(name)).capitalize(), f.amount(number, unit), _proof(gap)))
    count = int(value(bundle, "flights", len(flights)))
    launches = bundle.campaign.table("launches").filter(pl.col("launcher") != "").height
    if count or bundle.status in GOOD:
        tiles.append(("Flights", f.whole(count), f.plural(launches, "launch", "launches")))
        orbit = float(value(bundle, "mass_to_orbit_kg", flights["mass_to_orbit_kg"].sum()))
        tiles.append(("To orbit", f.mass(orbit), "of what is shown" if bundle.release else "gross, on launchers"))
        landed = value(bundle, "mass_landed_kg", {}) or {}
        total = sum(landed.values()) if landed else float(flights["mass_landed_kg"].sum())
        where = f"at {f.plural(len(landed), 'place')}" if landed else ""
        if total:
            tiles.append(("Landed", f.mass(total), where))
        crew_days = value(bundle, "crew_days", bundle.log.crew_days if bundle.log else 0.0)
        if crew_days:
            tiles.append(
                (
                    "Crew-days",
                    f.whole(crew_days),
                    f"{f.number(crew_days / 365.25)} person-years" if crew_days > 180.0 else "",
                )
            )
        error = value(bundle, "dv_error_m_s", {}) or {}
        if error:
            tiles.append(("Flown against plan", f.speed(error.get("q99")), "99 % of legs, Δv"))
    good = bundle.status in GOOD
    state = STATUS.get(bundle.status, bundle.status)
    why = None
    if bundle.reasons:
        title = "Why the answer is no" if not good else "To note"
        why = element(
            "div",
            element("h2", title),
            element("ul", [element("li", reason[:1].upper() + reason[1:]) for reason in bundle.reasons]),
            class_="why" if not good else "why soft",
            role="note",
        )
    return element(
        "header",
        element(
            "p",
            element("span", state, class_=f"state {'good' if good else 'bad'}"),
            element(
                "span",
                f"{f.date(bundle.scenario.header.start_tdb_s)} to {f.date(bundle.scenario.header.end_tdb_s)}",
                class_="when",
            ),
            class_="above",
        ),
        element("h1", bundle.scenario.header.title),
        element("p", headline(bundle), class_="answer"),
        why,
        element(
            "dl",
            [
                element(
                    "div",
                    element("dt", label),
                    element("dd", shown),
                    element("dd", note, class_="note") if note else None,
                )
                for label, shown, note in tiles
            ],
            class_="tiles",
        )
        if tiles
        else None,
        shortfalls(bundle),
        class_="top",
    )


def shortfalls(bundle: Bundle) -> Markup | None:
    """What ran out, said at the top."""
    if bundle.log is None or not bundle.log.shortfalls:
        return None
    items = [
        element(
            "li",
            f"{bundle.cargo(s.commodity)} at {bundle.place(s.place)} falls short by {f.mass(s.amount_kg)} "
            f"from {f.date(s.epoch_tdb_s)}: {s.reason}",
        )
        for s in bundle.log.shortfalls
    ]
    shown = items[:5]
    rest = more(f"{len(items) - 5} more", element("ul", items[5:])) if len(items) > 5 else None
    return element(
        "div", element("h2", "Shortfalls when lived"), element("ul", shown), rest, class_="why soft", role="note"
    )


def way(bundle: Bundle, static: Figure | None, viewer: bool) -> Markup | None:
    """The Earth–Moon view: static first, the viewer takes its place where scripts run."""
    if static is None:
        return None
    buttons = element(
        "div",
        element("label", "Flight ", element("select", id="v-flight")),
        element(
            "label",
            "Frame ",
            element(
                "select",
                element("option", "turning with the Moon", value="rot"),
                element("option", "inertial", value="in"),
                id="v-frame",
            ),
        ),
        element(
            "label",
            "Focus ",
            element(
                "select",
                element("option", "Earth and Moon", value="both"),
                element("option", "Moon", value="moon"),
                element("option", "Earth", value="earth"),
                id="v-focus",
            ),
        ),
        element("button", "Play", id="v-play", type="button"),
        element("button", "−", id="v-out", type="button", aria_label="Zoom out"),
        element("button", "+", id="v-in", type="button", aria_label="Zoom in"),
        element("button", "Reset view", id="v-reset", type="button"),
        element("button", "Save SVG", id="v-save", type="button"),
        class_="bar",
    )
    stage = element(
        "div",
        element(
            "canvas",
            id="v-canvas",
            tabindex="0",
            role="img",
            aria_label="Earth and Moon with the flown legs; arrow keys turn, plus and minus zoom",
        ),
        element("div", id="v-tip", class_="tip", hidden=True, aria_hidden="true"),
        class_="stage",
    )
    time = element(
        "div",
        element("input", id="v-time", type="range", min="0", max="10000", value="0", step="1", aria_label="Time"),
        element("output", id="v-date", for_="v-time"),
        class_="bar time",
    )
    hint = element(
        "p", "Drag to turn, shift and drag to move; click, then wheel, to zoom; arrow keys work too.", class_="hint"
    )
    live = element("div", buttons, stage, time, hint, id="viewer", hidden=True) if viewer else None
    return section(
        "way",
        "The way there and back",
        "Every leg as it was flown in the ephemeris of the Earth, the Moon and the Sun.",
        legend(bundle),
        live,
        element("div", figure(static), id="way-static"),
    )


def bats(campaign: Figure | None, profiles: list[Figure]) -> Markup | None:
    """The bat chart of all, and of one flight per mission."""
    if campaign is None:
        return None
    return section(
        "bat",
        "What moves when",
        "Each line is a stack on its way up from the Earth; its width is the mass it still has.",
        figure(campaign),
        element("h3", "One flight of each mission") if profiles else None,
        grid(profiles),
    )


def schedule(bundle: Bundle, gantt: Figure | None, crew: list[Figure]) -> Markup | None:
    """Flights and people by time."""
    if gantt is None and not crew:
        return None
    flights = bundle.campaign.table("flights").sort("departure_tdb_s", "flight")
    launchers: dict[str, list[str]] = {}
    for row in bundle.campaign.table("launches").sort("epoch_tdb_s").iter_rows(named=True):
        if row["launcher"]:
            launchers.setdefault(row["flight"], []).append(bundle.title("launcher", row["launcher"]))
    rows = [
        (
            element("span", row["flight"], class_="id"),
            bundle.mission(row["mission"]),
            bundle.partner(row["operator"]),
            _counted(launchers.get(row["flight"], [])),
            f.date(row["departure_tdb_s"]),
            f.date(row["arrival_tdb_s"]),
            f.mass(row["mass_to_orbit_kg"]),
            f.mass(row["mass_landed_kg"]) if row["mass_landed_kg"] else f.NONE,
            f"{row['crew_up']}/{row['crew_down']}" if row["crew_up"] or row["crew_down"] else f.NONE,
            f.money(row["cost_eur"]),
        )
        for row in flights.iter_rows(named=True)
    ]
    heads = (
        "Flight",
        "Mission",
        "Operator",
        "Launchers",
        "Departs",
        "Arrives",
        "To orbit",
        "Landed",
        "Crew up/down",
        "Cost",
    )
    return section(
        "flights",
        "Flights and people",
        None,
        figure(gantt),
        [figure(item) for item in crew],
        more(
            f"All flights ({len(rows)})",
            table("Flights in order of departure", heads, rows, numeric=(6, 7, 8, 9)),
        )
        if rows
        else None,
    )


def _counted(names: list[str]) -> str:
    counts = {name: names.count(name) for name in names}
    return ", ".join(f"{count} × {name}" if count > 1 else name for name, count in counts.items()) or f.NONE


def outposts(bundle: Bundle, stocks: list[tuple[str, Figure]], power: list[tuple[str, Figure]]) -> Markup | None:
    """Stocks, power and incidents by place."""
    places = list(dict.fromkeys([*(place for place, _ in stocks), *(place for place, _ in power)]))
    if not places and (bundle.log is None or not (bundle.log.margins or len(bundle.log.days))):
        return None
    blocks: list[Child] = []
    for place in places:
        blocks.append(element("h3", bundle.place(place)))
        blocks.append(grid([item for where, item in stocks if where == place]))
        blocks.append(grid([item for where, item in power if where == place]))
    log = bundle.log
    if log is not None:
        margins = [
            (
                bundle.place(m.place),
                bundle.cargo(m.commodity),
                element("span", f.mass(m.amount_kg), class_="bad" if m.amount_kg < 0 else None),
                f.amount(m.days_of_use, "d"),
                f.date(m.epoch_tdb_s),
            )
            for m in sorted(log.margins, key=lambda m: (m.place, m.commodity))
        ]
        if margins:
            blocks.append(
                table(
                    "Smallest margin above the reserve",
                    ("Place", "Stock", "Margin", "In days of use", "On"),
                    margins,
                    numeric=(2, 3),
                )
            )
        events = [
            (
                f.date(e["epoch_tdb_s"]),
                bundle.place(e["place"]),
                f.words(e["kind"]),
                bundle.known(e["subject"]),
                e["detail"],
            )
            for e in (log.events.sort("epoch_tdb_s").head(400).iter_rows(named=True) if len(log.events) else ())
        ]
        if events:
            blocks.append(
                more(
                    f"What happened ({f.plural(len(log.events), 'event')})",
                    table("Events at the outposts", ("Date", "Place", "Kind", "Subject", "What"), events),
                )
            )
        balances = [
            (bundle.place(b.place), b.quantity, f.number(b.worst_relative, 2), f.date(b.epoch_tdb_s))
            for b in log.balances
        ]
        if balances:
            blocks.append(
                more(
                    "Does everything balance?",
                    table(
                        "Largest imbalance of any step, relative to what flowed in it",
                        ("Place", "Quantity", "Imbalance", "On"),
                        balances,
                        numeric=(2,),
                    ),
                )
            )
    return section(
        "outposts",
        "Life at the outposts",
        join(
            [
                "Each small chart is one stock: the plan in ",
                element("span", "grey", class_="key plan"),
                ", what was lived in ",
                element("span", "blue", class_="key lived"),
                ", the reserve as a ",
                element("span", "dashed line", class_="key limit"),
                ".",
            ]
        ),
        blocks,
    )


def flow(bundle: Bundle, item: Figure | None) -> Markup | None:
    """The flow of mass."""
    manifest = bundle.campaign.table("manifest")
    if item is None and manifest.is_empty():
        return None
    totals: dict[tuple[str, str, str], tuple[float, float]] = {}
    for row in manifest.iter_rows(named=True):
        name = CREW if row["kind"] == "crew" else bundle.cargo(row["cargo"])
        key = (name, bundle.place(row["origin"]), bundle.place(row["destination"]))
        count, kg = totals.get(key, (0.0, 0.0))
        totals[key] = (
            count + (row["amount"] if row["kind"] in ("module", "crew") else 0.0),
            kg + (row["mass_kg"] or 0.0),
        )
    rows = [
        (name, origin, destination, f.whole(count) if count else f.NONE, f.mass(kg))
        for (name, origin, destination), (count, kg) in sorted(totals.items(), key=lambda item: -item[1][1])
    ]
    return section(
        "flow",
        "Where the mass goes",
        None,
        figure(item),
        more("By load", table("Loads handed over", ("Load", "From", "To", "Count", "Mass"), rows, numeric=(3, 4))),
    )


def maps(pole: Figure | None, globe: Figure | None) -> Markup | None:
    """Where things stand on the Moon."""
    if pole is None and globe is None:
        return None
    return section("maps", "Where on the Moon", None, element("div", figure(pole), figure(globe), class_="pair"))
