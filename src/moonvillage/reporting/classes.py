"""What each thing in a run is, by class of data and owner: the one table that releases to partners are made by.

A column that is not listed is withheld from everybody but the owner of the run, and a test fails until it is listed.
Lines that end in ``*`` stand for all columns that end so. The owner rules:

- ``public``: nobody withholds it;
- ``operator``: who flies the flight (or mission);
- ``launch``: the flight's operator and the launcher's, each of whom knows what it sells or buys;
- ``load``: the flight's operator and the owner of the load;
- ``burner``: the flight's operator and the maker of the craft that burns;
- ``users``: the maker of a catalog entry and those who fly with it, who must know what they fly;
- ``parties``: those who are named, together;
- ``partner``: the one who is named;
- ``place``: those whose modules stand there, or failing these, who fly there;
- ``sample``: the owner of the sample;
- ``total``: a sum over all partners; it is released only where *each* of them releases what is summed, so that
  nothing follows from it by subtraction.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SAFETY: Final = "interface-safety"
DESIGN: Final = "detailed-design"
OPERATIONS: Final = "operations"
PUBLIC: Final = "public-science"

_FLIGHT: Final = (OPERATIONS, "operator")
_FLIGHT_SAFETY: Final = (SAFETY, "operator")
_FLIGHT_DESIGN: Final = (DESIGN, "operator")
_LOAD: Final = (OPERATIONS, "load")
_LOAD_SAFETY: Final = (SAFETY, "load")
_THERE: Final = (OPERATIONS, "place")
_THERE_SAFETY: Final = (SAFETY, "place")
_THERE_DESIGN: Final = (DESIGN, "place")
_ENTRY: Final = (OPERATIONS, "users")
_ENTRY_SAFETY: Final = (SAFETY, "users")
_ENTRY_DESIGN: Final = (DESIGN, "users")
_ALL: Final = (OPERATIONS, "total")
_ALL_DESIGN: Final = (DESIGN, "total")
_FREE: Final = (PUBLIC, "public")

#: Table → (class, owner rule) → columns.
_CLASSES: Final[Mapping[str, Mapping[tuple[str, str], str]]] = {
    # the plan ------------------------------------------------------------------------------------------------
    "campaign.flights": {
        _FLIGHT: "flight mission title operator partners period departure_tdb_s arrival_tdb_s crew_up crew_down "
        "agreements rules",
        _FLIGHT_DESIGN: "mass_to_orbit_kg mass_landed_kg cost_eur",
    },
    "campaign.launches": {
        _FLIGHT: "flight into epoch_tdb_s c3_m2_s2",
        (OPERATIONS, "launch"): "launcher",
        (DESIGN, "launch"): "mass_kg capacity_kg cost_eur",
    },
    "campaign.legs": {_FLIGHT: "flight step arc origin destination departure_tdb_s arrival_tdb_s dv_m_s"},
    "campaign.burns": {
        _FLIGHT: "flight step burn craft dv_m_s",
        _FLIGHT_DESIGN: "mass_before_kg",
        (DESIGN, "burner"): "propellant_kg",
    },
    "campaign.manifest": {
        _LOAD: "flight cargo kind origin destination epoch_tdb_s owner",
        _LOAD_SAFETY: "amount mass_kg",
    },
    "campaign.events": {_FLIGHT: "flight step event place epoch_tdb_s detail", _FLIGHT_DESIGN: "mass_kg"},
    "campaign.stocks": {
        _THERE: "place commodity period epoch_tdb_s",
        _THERE_DESIGN: "amount_kg delivered_kg produced_kg used_kg reserve_kg",
    },
    "campaign.crew": {_THERE: "place period epoch_tdb_s crew"},
    "campaign.permissions": {
        (OPERATIONS, "parties"): "mission flight interaction parties date_tdb_s answer rules agreements why"
    },
    "campaign": {
        _FREE: "status",
        _ALL_DESIGN: "objective_name objective_value objective_unit bound gap reasons model papers",
    },
    # what was flown ------------------------------------------------------------------------------------------
    "flights.flown": {
        _FLIGHT: "flight step arc kind origin destination planned_departure_tdb_s departure_tdb_s arrival_tdb_s "
        "planned_dv_m_s dv_m_s closure_position_m closure_velocity_m_s converged",
        _FLIGHT_DESIGN: "planned_propellant_kg propellant_kg reason approximation",
    },
    "flights.samples": {
        _FLIGHT: "flight step",
        _FLIGHT_SAFETY: "centre epoch_tdb_s x_m y_m z_m vx_m_s vy_m_s vz_m_s",
    },
    "flights.burns": {
        _FLIGHT: "flight step burn craft epoch_tdb_s dv_m_s dvx_m_s dvy_m_s dvz_m_s duration_s",
        (DESIGN, "burner"): "propellant_kg",
    },
    # what was lived ------------------------------------------------------------------------------------------
    "outpost.days": {
        _THERE: "place epoch_tdb_s crew",
        _FREE: "sun_fraction",
        _THERE_DESIGN: "generated_j load_j shed_j stored_j storage_capacity_j *_kg",
    },
    "outpost.events": {_THERE_SAFETY: "place epoch_tdb_s kind", _THERE_DESIGN: "subject detail"},
    "outpost.shortfalls": {_THERE_DESIGN: "place commodity epoch_tdb_s amount_kg reason flight"},
    "outpost.margins": {_THERE_DESIGN: "place commodity epoch_tdb_s amount_kg days_of_use"},
    "outpost.balances": {_THERE_DESIGN: "place quantity worst_relative epoch_tdb_s throughput"},
    "outpost": {_ALL: "crew_days", _ALL_DESIGN: "notes"},
    # the ways that were tabulated, and what the run says of itself --------------------------------------------
    "legs": {
        _ALL: "arc departure_tdb_s arrival_tdb_s converged dv_m_s c3_m2_s2 closure_position_m closure_velocity_m_s",
        _ALL_DESIGN: "reason approximation",
    },
    "summary": {
        _FREE: "title status",
        _ALL: "flights crew_days legs dv_error_m_s closure iterations",
        _ALL_DESIGN: "objective bound gap mass_to_orbit_kg mass_landed_kg margins reasons model ledger balance run "
        "wall_s report resumed arcs departures converged",
    },
    "manifest": {
        _FREE: "product scenario seed until",
        # the digest of a scenario is a promise of its figures: who knows all but one of them can try that one
        _ALL_DESIGN: "key identity wall_s gap convergence summary versions hashes stages history releases",
    },
    "samples": {
        (PUBLIC, "sample"): "flight owner place collected_tdb_s returned_tdb_s mass_kg",
        (OPERATIONS, "sample"): "custodian loans lent_kg requests granted",
    },
    # the scenario --------------------------------------------------------------------------------------------
    "scenario": {
        _FREE: "name header places place_specs catalog entries missions demands outposts fleets budgets",
        _ALL_DESIGN: "file source network lines",
    },
    "scenario.header": {
        _FREE: "title start_tdb_s end_tdb_s step_s dates_per_step gravity_m_s2 seed",
        _ALL: "objective earliest",
        _ALL_DESIGN: "discount gap margin provenance",
    },
    "scenario.places": {
        _FREE: "id kind title altitude_m inclination_rad raan_rad site over over_after_s point northern perilune_m "
        "amplitude_m radius_m planet stores provenance"
    },
    "scenario.missions": {
        _FLIGHT: "id title operator partners steps cargo cargo_craft seats tourists carries least most per_step "
        "first_tdb_s last_tdb_s requires interactions optional on_dates",
        _FLIGHT_DESIGN: "samples_kg loads_kg crew_mass_kg cost_eur revenue_eur note provenance",
    },
    "scenario.missions.steps": {
        _FLIGHT: "do on into lifts to by burns via burners stage craft cargo components stay_s choices_s wait_s "
        "within_s",
        _FLIGHT_DESIGN: "dv_m_s amount_kg provenance",
    },
    "scenario.missions.requires": {_FLIGHT: "mission module at count lead_s each"},
    "scenario.missions.interactions": {
        (OPERATIONS, "parties"): "kind parties funders assets venue destinations basis stage data facts"
    },
    "scenario.demands": {
        (DESIGN, "partner"): "id title module commodity mission at count amount_kg samples_kg crew continuous "
        "crew_days since_tdb_s until_tdb_s by_tdb_s owner provenance"
    },
    "scenario.outposts": {
        _THERE: "id place title site metabolism modules",
        _THERE_DESIGN: "stocks_kg reserve_s orbit_sunlight orbit_period_s cabin_pa oxygen_share eva_per_crew "
        "failures air rating_pa relief_pa oxygen_limit oxygen_least_pa crop_food_kg_s crop_harvest "
        "crop_grown_s provenance",
    },
    "scenario.fleets": {_ALL: "id craft at count"},
    "scenario.budgets": {(DESIGN, "partner"): "id partner amount_eur since_tdb_s until_tdb_s provenance"},
    # catalog entries, built in or the scenario's own -----------------------------------------------------------
    "catalog.source": {_FREE: "id title publisher url published"},
    "catalog.commodity": {
        _FREE: "id title supply_class composition boiloff_per_s tare density_kg_m3 note provenance"
    },
    "catalog.propellant": {_FREE: "id title mixture note provenance"},
    "catalog.site": {
        _FREE: "id title latitude_rad longitude_rad height_m illumination longest_night_s mast_m earth_visible "
        "ice_fraction terrain note provenance"
    },
    "catalog.metabolism": {
        _FREE: "id title oxygen_kg_s carbon_dioxide_kg_s food_dry_kg_s water_in_kg_s urine_kg_s vapour_kg_s "
        "faecal_water_kg_s hygiene_kg_s heat_w packaging note provenance"
    },
    "catalog.partner": {
        _FREE: "id title kind states funds owned_by members memberships genuine_third_party note provenance"
    },
    "catalog.law": {
        _FREE: "id title layer effect kinds when unless lifts requires waiver valid_from_tdb_s valid_to_tdb_s "
        "citation confidence note provenance"
    },
    "catalog.agreement": {
        (OPERATIONS, "parties"): "id title parties scope assets places stages data multilateral open_to_all history "
        "citation confidence",
        (DESIGN, "parties"): "lead_s cost_eur note provenance",
    },
    "catalog.ground_site": {
        _FREE: "id title kind operator state latitude_rad longitude_rad dish_m note provenance",
    },
    "catalog.launcher": {
        _ENTRY: "id title operator sites crewed",
        _ENTRY_DESIGN: "leo_kg tli_kg escape_kg cost_eur rate_per_year first_tdb_s bill note provenance",
    },
    "catalog.craft": {
        _ENTRY: "id title operator seats",
        _ENTRY_SAFETY: "ports",
        _ENTRY_DESIGN: "dry_kg propellant_kg propellant isp_s thrust_n cargo_kg endurance_s reusable cost_eur "
        "first_tdb_s bill note provenance",
    },
    "catalog.module": {
        _ENTRY: "id title kind operator",
        _ENTRY_SAFETY: "mass_kg crew ports",
        _ENTRY_DESIGN: "volume_m3 source_w load_w standby_w storage_j storage_efficiency process makes_kg_s "
        "takes_kg_s holds_kg recovery leak_per_s failure_per_s spare_kg repair_s life_s cost_eur bill note "
        "provenance",
    },
}

#: Without these a row says nothing, or would mislead: it is left out as a whole.
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "campaign.flights": ("flight",),
    "campaign.launches": ("flight", "launcher"),
    "campaign.legs": ("flight",),
    "campaign.burns": ("flight", "mass_before_kg"),
    "campaign.manifest": ("flight", "mass_kg"),
    "campaign.events": ("flight", "mass_kg"),
    "campaign.stocks": ("place", "amount_kg"),
    "campaign.crew": ("place",),
    "campaign.permissions": ("mission",),
    "flights.flown": ("flight",),
    "flights.samples": ("flight", "x_m"),
    "flights.burns": ("flight",),
    "outpost.days": ("place", "load_j"),
    "outpost.events": ("place",),
    "outpost.shortfalls": ("place",),
    "outpost.margins": ("place",),
    "outpost.balances": ("place",),
    "samples": ("flight",),
}
TABLES: Final = tuple(_CLASSES)
#: What is withheld where nothing is said.
UNSAID: Final = (DESIGN, "total")


def _flat() -> Mapping[str, Mapping[str, tuple[str, str]]]:
    found = {}
    for table, groups in _CLASSES.items():
        columns = [(column, group) for group, names in groups.items() for column in names.split()]
        assert len(dict(columns)) == len(columns), f"{table} lists a column twice"
        found[table] = MappingProxyType(dict(columns))
    return MappingProxyType(found)


#: Table → column → (class, owner rule).
CLASSES: Final = _flat()


def class_of(table: str, column: str) -> tuple[str, str] | None:
    """Class and owner rule of a column; None where nothing is said of it (it is then withheld)."""
    columns = CLASSES.get(table, {})
    if column in columns:
        return columns[column]
    ends = [pattern for pattern in columns if pattern.startswith("*") and column.endswith(pattern[1:])]
    return columns[max(ends, key=len)] if ends else None
