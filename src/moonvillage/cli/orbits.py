"""`moonvillage orbits ...`: families of periodic orbits, their members in the ephemeris, the cost of staying."""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import cyclopts
from cyclopts import Parameter

from moonvillage.cli.shared import ANSWER_IS_NO, DONE, Json, print_json
from moonvillage.errors import InputError
from moonvillage.units import parse_quantity

if TYPE_CHECKING:
    from moonvillage.trajectory.periodic import PeriodicOrbit

app = cyclopts.App(
    name="orbits",
    help="Periodic orbits about L1, L2 and the Moon: families, members in the ephemeris, station-keeping.",
    help_format="markdown",
)


@Parameter(name="*")
@dataclass(frozen=True)
class Member:
    """Which member of a family: by exactly one of its figures."""

    perilune: str = ""
    'Perilune radius: "3228 km".'
    amplitude: str = ""
    'Out-of-plane amplitude: "13000 km".'
    radius: str = ""
    'Of distant retrograde orbits: distance from the Moon on the Earth\'s side, "70000 km".'
    period: str = ""
    'Period: "6.56 d".'
    jacobi: float | None = None
    "Jacobi constant."
    resonance: str = ""
    'Revolutions in synodic months: "9:2".'
    which: int = 1
    "Where several members have that figure: the first, second, ... along the family."


ANY: Final = Member()
_BY: Final = (
    ("perilune", "perilune_radius_m", "length"),
    ("amplitude", "amplitude_z_m", "length"),
    ("radius", "crossing_radius_m", "length"),
    ("period", "period_s", "time"),
)


def _known(name: str) -> None:
    from moonvillage.trajectory.orbit_families import NAMES

    if name not in NAMES:
        raise InputError.one("is no family", f"write one of {', '.join(NAMES)}", field="FAMILY", value=name)


def _quantity(text: str, dimension: str, field: str) -> float:
    try:
        return parse_quantity(text, dimension)
    except ValueError as error:
        raise InputError.one(str(error), "write a number with its unit", field=field, value=text) from None


def _chosen(name: str, member: Member) -> PeriodicOrbit:
    """The member meant; InputError where none or not exactly one figure is given."""
    from moonvillage.trajectory import orbit_families

    _known(name)
    found: list[tuple[str, str, tuple[PeriodicOrbit, ...]]] = []
    for field, by, dimension in _BY:
        text = getattr(member, field)
        if text:
            value = _quantity(text, dimension, f"--{field}")
            found.append((f"--{field}", text, orbit_families.members(name, by, value)))
    if member.jacobi is not None:
        found.append(("--jacobi", str(member.jacobi), orbit_families.members(name, "jacobi", member.jacobi)))
    if member.resonance:
        first, _, second = member.resonance.partition(":")
        if not (first.isdecimal() and second.isdecimal() and int(first) and int(second)):
            raise InputError.one("is no resonance", 'write "9:2"', field="--resonance", value=member.resonance)
        orbits = orbit_families.resonant(name, int(first), int(second))
        found.append(("--resonance", member.resonance, orbits))
    if len(found) != 1:
        raise InputError.one(
            "names no member" if not found else "names a member twice",
            "say one of --perilune, --amplitude, --radius, --period, --jacobi, --resonance",
            field="FAMILY",
            value=name,
        )
    field, text, orbits = found[0]
    if not 1 <= member.which <= len(orbits):
        raise InputError.one(
            f"is had by {len(orbits)} members of {name}",
            f"see `moonvillage orbits family {name}`" if not orbits else f"--which 1 to {len(orbits)}",
            field=field,
            value=text,
        )
    return orbits[member.which - 1]


def _row(orbit: PeriodicOrbit) -> dict[str, Any]:
    from moonvillage.trajectory.cr3bp import LENGTH_M, TIME_S
    from moonvillage.trajectory.orbit_families import crossing_radius_m

    def index(value: complex) -> float | str:
        return value.real if abs(value.imag) < 1e-9 else f"{value.real:.6f}{value.imag:+.6f}i"

    return {
        "period_s": orbit.period * TIME_S,
        "jacobi": orbit.jacobi,
        "perilune_radius_m": orbit.perilune_radius * LENGTH_M,
        "apolune_radius_m": orbit.apolune_radius * LENGTH_M,
        "crossing_radius_m": crossing_radius_m(orbit),
        "amplitude_y_m": orbit.amplitude_y * LENGTH_M,
        "amplitude_z_m": orbit.amplitude_z * LENGTH_M,
        "stability_1": index(orbit.stability[0]),
        "stability_2": index(orbit.stability[1]),
        "x": float(orbit.state[0]),
        "z": float(orbit.state[2]),
        "vy": float(orbit.state[4]),
        "period": orbit.period,
    }


_HEAD: Final = "period d    Jacobi      perilune km  apolune km  amplitude y, z km   stability indices"


def _line(row: dict[str, Any]) -> str:
    def index(value: float | str) -> str:
        return value if isinstance(value, str) else f"{value:.4f}"

    return (
        f"{row['period_s'] / 86400.0:9.5f} {row['jacobi']:11.8f} {row['perilune_radius_m'] / 1e3:12,.1f} "
        f"{row['apolune_radius_m'] / 1e3:11,.1f} "
        f"{row['amplitude_y_m'] / 1e3:9,.0f} {row['amplitude_z_m'] / 1e3:9,.0f}   "
        f"{index(row['stability_1'])}, {index(row['stability_2'])}"
    )


@app.command
def family(
    name: str,
    /,
    *,
    members: int = 24,
    plot: Path | None = None,
    csv_file: Annotated[Path | None, Parameter(name="--csv")] = None,
    json: Json = False,
) -> int:
    """A family by continuation: period, energy, size and stability of its members, and its bifurcations.

    Example: `moonvillage orbits family l2-halo-south --plot family.svg`

    Parameters
    ----------
    name
        l1-lyapunov, l2-lyapunov, l1-halo-north, l1-halo-south, l2-halo-north, l2-halo-south or dro.
    members
        How many to show, evenly along the family; all of them where there are fewer.
    plot
        Draw the members shown, as SVG.
    csv_file
        Write all members as CSV: SI units, and the non-dimensional state at phase 0 (x, z, vy, period).
    """
    import time

    from moonvillage.trajectory import orbit_families

    _known(name)
    if members < 1:
        raise InputError.one("shows nothing", "write a number of 1 or more", field="--members", value=str(members))
    begin = time.process_time()
    orbits = orbit_families.family(name)
    spent = time.process_time() - begin
    rows = [_row(orbit) for orbit in orbits]
    changes = orbit_families.bifurcations(name)
    count = min(members, len(orbits))
    shown = sorted({round(k * (len(orbits) - 1) / max(1, count - 1)) for k in range(count)})
    if csv_file is not None:
        table = io.StringIO()
        writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        csv_file.write_text(table.getvalue(), encoding="utf-8")
    if plot is not None:
        from moonvillage.reporting.family_figure import family_svg

        plot.write_text(family_svg(name, [orbits[k] for k in shown]), encoding="utf-8")
    if json:
        print_json(
            {
                "family": name,
                "members": rows,
                "bifurcations": [{"kind": item.kind, **_row(item.orbit)} for item in changes],
            }
        )
        return DONE
    print(_HEAD)
    for k in shown:
        print(_line(rows[k]))
    for item in changes:
        print(f"{item.kind}: {_line(_row(item.orbit)).strip()}")
    print(f"{len(orbits)} members in {spent:.2f} s of processor time", file=sys.stderr)
    return DONE


@app.command
def follow(
    name: str,
    /,
    *,
    member: Member = ANY,
    start: str = "2030-01-01",
    years: float = 1.0,
    revolutions: int = 0,
    json: Json = False,
) -> int:
    """A member as one continuous trajectory of the full ephemeris; prints the worst gap between its arcs.

    Example: `moonvillage orbits follow l2-halo-south --resonance 9:2 --start 2030-01-01 --years 1`

    Parameters
    ----------
    name
        The family; see `moonvillage orbits family`.
    start
        UTC.
    years
        How long; or say --revolutions.
    revolutions
        How long, in revolutions of the member.
    """
    from moonvillage.ephemeris.time import tdb_s_to_utc, utc_to_tdb_s
    from moonvillage.trajectory import nrho
    from moonvillage.trajectory.cr3bp import TIME_S
    from moonvillage.units import JULIAN_YEAR_S

    orbit = _chosen(name, member)
    if not (0 <= revolutions <= 2000 and 0.0 < years <= 20.0):
        raise InputError.one("is too long or nothing", "write up to 20 years", field="--years", value=str(years))
    count = revolutions or max(1, round(years * JULIAN_YEAR_S / (orbit.period * TIME_S)))
    found = nrho.follow(orbit, utc_to_tdb_s(start), count)
    result = {
        "family": name,
        "member": _row(orbit),
        "revolutions": count,
        "arcs": int(found.epochs_tdb_s.size - 1),
        "start_utc": tdb_s_to_utc(found.start_tdb_s),
        "end_utc": tdb_s_to_utc(found.end_tdb_s),
        "gap_m": found.gap_m,
        "gap_m_s": found.gap_m_s,
        "reason": found.reason,
    }
    if json:
        result["epochs_tdb_s"] = found.epochs_tdb_s.tolist()
        result["states_moon_icrf_m_m_s"] = found.nodes.tolist()
        print_json(result)
    elif found.reason:
        print(f"not continuous: {found.reason}")
    else:
        print(_HEAD + "\n" + _line(_row(orbit)))
        print(
            f"{count} revolutions, {result['start_utc']} to {result['end_utc']}, {result['arcs']} arcs: "
            f"worst gap {found.gap_m:.4f} m and {found.gap_m_s * 1e3:.6f} mm/s"
        )
    return ANSWER_IS_NO if found.reason else DONE


@app.command
def keep(
    name: str,
    /,
    *,
    member: Member = ANY,
    start: str = "2030-01-01",
    years: float = 1.0,
    samples: int = 100,
    burns: int | None = None,
    position: str = "10 km",
    velocity: str = "10 cm/s",
    seed: int = 1,
    json: Json = False,
) -> int:
    """What it costs to stay on a member, by Monte Carlo in the full ephemeris.

    Example: `moonvillage orbits keep l2-halo-south --resonance 9:2 --years 1 --samples 100`

    Parameters
    ----------
    name
        The family; see `moonvillage orbits family`.
    start
        UTC.
    years
        How long.
    samples
        Flights of the Monte Carlo.
    burns
        Burns in a revolution: 1, 2 or 4; by default as the orbit's instability asks for.
    position
        Navigation error at each burn, three standard deviations per axis.
    velocity
        The same of the speed.
    seed
        The same seed gives the same flights.
    """
    from moonvillage.ephemeris.time import utc_to_tdb_s
    from moonvillage.trajectory.stationkeeping import KeepingErrors, station_keeping

    orbit = _chosen(name, member)
    if not (0.0 < years <= 20.0 and 1 <= samples <= 10_000 and burns in (None, 1, 2, 4)):
        raise InputError.one(
            "is out of range",
            "up to 20 years, up to 10000 samples; 1, 2 or 4 burns",
            field="--years, --samples, --burns",
            value=f"{years:g}, {samples}, {burns}",
        )
    errors = KeepingErrors(
        position_m=_quantity(position, "length", "--position") / 3.0,
        velocity_m_s=_quantity(velocity, "speed", "--velocity") / 3.0,
    )
    kept = station_keeping(
        orbit, utc_to_tdb_s(start), years, samples=samples, burns_per_revolution=burns, errors=errors, seed=seed
    )
    mean, median, q99, most = kept.quantiles()
    if json:
        print_json(
            {
                "family": name,
                "member": _row(orbit),
                "years": kept.years,
                "samples": kept.samples,
                "lost": kept.lost,
                "cost_m_s_per_year": {"mean": mean, "q50": median, "q99": q99, "max": most}
                if kept.cost_m_s_per_year.size
                else None,
                "burn_m_s": dict(zip(("q50", "q99", "max"), kept.burn_m_s, strict=True)) if not kept.reason else None,
                "deviation_m": dict(zip(("q50", "q99", "max"), kept.deviation_m, strict=True))
                if not kept.reason
                else None,
                "burns_per_year": kept.burns_per_year,
                "reason": kept.reason,
                "approximation": kept.approximation,
            }
        )
    elif kept.reason:
        print(f"not kept: {kept.reason}")
    else:
        print(
            f"{mean:.2f} m/s a year (median {median:.2f}, 99 % {q99:.2f}, most {most:.2f}), "
            f"{kept.burns_per_year:.0f} burns a year of {kept.burn_m_s[0]:.3f} m/s "
            f"(median; 99 % {kept.burn_m_s[1]:.3f})\n"
            f"{kept.samples} samples of {kept.years:.2f} years, {kept.lost} lost; "
            f"from the reference {kept.deviation_m[0] / 1e3:.0f} km (median; 99 % {kept.deviation_m[1] / 1e3:.0f})\n"
            f"approximation: {kept.approximation}"
        )
    return ANSWER_IS_NO if kept.reason else DONE
