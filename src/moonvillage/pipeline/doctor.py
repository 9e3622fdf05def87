"""Is this installation sound? Each finding is measured, not assumed."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from importlib import metadata
from typing import Any

from moonvillage import __version__
from moonvillage.catalog import load_catalog
from moonvillage.ephemeris.de440 import load as load_ephemeris
from moonvillage.ephemeris.time import tdb_s_to_utc, utc_to_tdb_s
from moonvillage.records.places import Arc, EarthOrbit, MoonOrbit
from moonvillage.records.store import cache_dir
from moonvillage.trajectory.api import solve


def examine() -> list[dict[str, Any]]:
    """Versions, ephemeris, catalog, cache and one trajectory: a list of {what, found, ok}."""
    findings: list[dict[str, Any]] = []

    def add(what: str, found: str, ok: bool) -> None:
        findings.append({"what": what, "found": found, "ok": ok})

    add("moonvillage", __version__, True)
    add("Python", f"{platform.python_version()} on {platform.machine()}", sys.version_info >= (3, 11))
    for package in ("heyoka", "highspy", "numpy", "polars", "altair", "vl-convert-python"):
        add(package, metadata.version(package), True)
    ephemeris = load_ephemeris()
    add(
        "DE440",
        f"to {tdb_s_to_utc(ephemeris.end_tdb_s)[:10]}, {ephemeris.identity}",
        ephemeris.end_tdb_s > ephemeris.start_tdb_s,
    )
    catalog = load_catalog()
    add("catalog", repr(catalog), sum(len(found) for found in catalog.entries.values()) > 0)
    folder = cache_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        add("cache", str(folder), True)
    except OSError as error:
        add("cache", f"{folder} cannot be written ({error.strerror}): every start compiles anew", False)
    arc = Arc("doctor", EarthOrbit("leo", 200e3, 0.5), MoonOrbit("llo", 100e3, 1.5707963267948966))
    start = time.perf_counter()
    leg = solve(arc, utc_to_tdb_s("2030-01-10"))
    first_s = time.perf_counter() - start
    good = leg.converged and leg.closure_position_m < 100.0 and leg.closure_velocity_m_s < 0.1
    add("a flight to the Moon", f"{leg!r}, closes to {leg.closure_position_m:.2g} m, in {first_s:.1f} s", good)
    return findings
