"""A GMAT script that flies a leg again: its first state, its impulses, its force models.

GMAT (NASA GSFC, R2022a or later) reads the script as it is. The Moon's field is GMAT's own LP165P to degree 8, so
that the end of a leg in low lunar orbit differs from ours by the difference of the two fields.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from moonvillage.ephemeris import de440
from moonvillage.exchange.ephemeris import NEAR_MOON_M, Ephemeris, Segment
from moonvillage.units import DAY_S

Floats = NDArray[np.float64]

#: GMAT's modified Julian date counts from JD 2430000.0; J2000 is JD 2451545.0.
_J2000_GMAT: Final = 21545.0
_TOGETHER_S: Final = 1.0


def gmat_text(ephemeris: Ephemeris) -> str:
    """A script for one flight or leg: ``Sat`` starts at the first state and is burnt and flown to the end.

    Where the ephemeris has a gap (the craft waits), the script sets the state anew. Epochs are TDB modified Julian
    days of GMAT, states EarthMJ2000Eq in km and km/s, impulses in MJ2000Eq axes. Burns of a length are impulses at
    their middle, which a comment says.
    """
    earth = ephemeris.about("earth")
    chains: list[list[Segment]] = []
    for segment in earth.segments:
        if chains and segment.epoch_tdb_s[0] - chains[-1][-1].epoch_tdb_s[-1] < _TOGETHER_S:
            chains[-1].append(segment)
        else:
            chains.append([segment])
    burns = [
        (burn.epoch_tdb_s + 0.5 * burn.duration_s, np.array(burn.dv_icrf_m_s), burn.name, burn.duration_s)
        for burn in earth.manoeuvres
    ]
    sequence: list[str] = []
    impulses: list[str] = []
    for k, chain in enumerate(chains):
        start, end = float(chain[0].epoch_tdb_s[0]), float(chain[-1].epoch_tdb_s[-1])
        sequence += ["", f"% leg {k + 1} of {len(chains)}"]
        if k:
            sequence += [f"Sat.{line};" for line in _state(chain[0])]
        stops: list[tuple[float, str]] = [(epoch, f"switch {about}") for epoch, about in _switches(chain)]
        for epoch, dv, name, length in burns:
            if start + 1e-3 < epoch <= end + 1e-3:
                impulses += _impulse(len(impulses) // 8, dv, name, length)
                stops.append((epoch, f"Maneuver Burn{len(impulses) // 8}(Sat);"))
        now, about = start, _about(chain[0], 0)
        for epoch, what in sorted([*stops, (end, "")], key=lambda stop: stop[0]):
            if epoch - now > 1e-6:
                sequence.append(f"Propagate {about}(Sat) {{Sat.ElapsedSecs = {epoch - now:.6f}}};")
            now = max(now, epoch)
            if what.startswith("switch"):
                about = what.split()[1]
            elif what:
                sequence.append(what)
        sequence.append("Report Ends Sat.TDBModJulian Sat.EarthMJ2000Eq.X Sat.EarthMJ2000Eq.Y Sat.EarthMJ2000Eq.Z;")
    head = [f"% {ephemeris.name}: written by moonvillage", *(f"% {note}" for note in ephemeris.notes)]
    craft = [
        "Create Spacecraft Sat;",
        "GMAT Sat.DateFormat = TDBModJulian;",
        "GMAT Sat.CoordinateSystem = EarthMJ2000Eq;",
    ]
    craft += [f"GMAT Sat.{line};" for line in _state(chains[0][0])]
    report = ["Create ReportFile Ends;", f"GMAT Ends.Filename = '{_plain(ephemeris.object_id)}_ends.txt';"]
    return "\n".join(
        [*head, "", *craft, "", *_MODELS, "", *impulses, *report, "", "BeginMissionSequence;", *sequence, ""]
    )


_MODELS: Final = (
    "Create ForceModel EarthForces;",
    "GMAT EarthForces.CentralBody = Earth;",
    "GMAT EarthForces.PrimaryBodies = {Earth};",
    "GMAT EarthForces.PointMasses = {Luna, Sun, Mercury, Venus, Mars, Jupiter, Saturn};",
    "GMAT EarthForces.GravityField.Earth.Degree = 2;",
    "GMAT EarthForces.GravityField.Earth.Order = 0;",
    "GMAT EarthForces.GravityField.Earth.PotentialFile = 'JGM2.cof';",
    "GMAT EarthForces.SRP = Off;",
    "Create ForceModel MoonForces;",
    "GMAT MoonForces.CentralBody = Luna;",
    "GMAT MoonForces.PrimaryBodies = {Luna};",
    "GMAT MoonForces.PointMasses = {Earth, Sun, Mercury, Venus, Mars, Jupiter, Saturn};",
    "GMAT MoonForces.GravityField.Luna.Degree = 8;",
    "GMAT MoonForces.GravityField.Luna.Order = 8;",
    "GMAT MoonForces.GravityField.Luna.PotentialFile = 'LP165P.cof';",
    "GMAT MoonForces.SRP = Off;",
    "Create Propagator NearEarth;",
    "GMAT NearEarth.FM = EarthForces;",
    "GMAT NearEarth.Type = PrinceDormand78;",
    "GMAT NearEarth.Accuracy = 1e-13;",
    "Create Propagator NearMoon;",
    "GMAT NearMoon.FM = MoonForces;",
    "GMAT NearMoon.Type = PrinceDormand78;",
    "GMAT NearMoon.Accuracy = 1e-13;",
    "GMAT SolarSystem.EphemerisSource = 'DE440';",
)


def _plain(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text)


def _state(segment: Segment) -> list[str]:
    """Assignments of the first state of a segment."""
    names = ("X", "Y", "Z", "VX", "VY", "VZ")
    values = np.concatenate([segment.r_m[0], segment.v_m_s[0]]) * 1e-3
    epoch = float(segment.epoch_tdb_s[0]) / DAY_S + _J2000_GMAT
    return [f"Epoch = '{epoch:.12f}'", *(f"{n} = {x:.12f}" for n, x in zip(names, values, strict=True))]


def _impulse(count: int, dv_m_s: Floats, name: str, length_s: float) -> list[str]:
    burn = f"Burn{count + 1}"
    remark = f" (burns {length_s:.0f} s; here an impulse at its middle)" if length_s > 0.0 else ""
    return [
        f"% {name}{remark}",
        f"Create ImpulsiveBurn {burn};",
        f"GMAT {burn}.CoordinateSystem = EarthMJ2000Eq;",
        f"GMAT {burn}.Origin = Earth;",
        f"GMAT {burn}.Axes = MJ2000Eq;",
        *(f"GMAT {burn}.Element{k + 1} = {dv_m_s[k] * 1e-3:.12f};" for k in range(3)),
    ]


def _distance(segment: Segment) -> Floats:
    moon = de440.load().state("moon", segment.epoch_tdb_s, "earth")[0]
    return np.asarray(np.linalg.norm(segment.r_m - moon, axis=1))


def _about(segment: Segment, index: int) -> str:
    return "NearMoon" if _distance(segment)[index] < NEAR_MOON_M else "NearEarth"


def _switches(chain: list[Segment]) -> list[tuple[float, str]]:
    """Epochs at which the propagator changes, and to which."""
    found: list[tuple[float, str]] = []
    for segment in chain:
        near = _distance(segment) < NEAR_MOON_M
        changes = np.flatnonzero(near[1:] != near[:-1]) + 1
        found += [(float(segment.epoch_tdb_s[k]), "NearMoon" if near[k] else "NearEarth") for k in changes]
    return found
