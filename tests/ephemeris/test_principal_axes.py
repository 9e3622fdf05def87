"""Kernels of the Moon's principal axes: two records of NAIF's DE421 kernel, written anew as a small file and read."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from moonvillage import dynamics
from moonvillage.ephemeris import orientation, utc_to_tdb_s
from moonvillage.errors import EphemerisRangeError, InputError

TRUTH = json.loads((Path(__file__).parent / "truth" / "moon_pa_de421.json").read_text())


def write_pck(file: Path, frame: int) -> Path:
    """A DAF/PCK of one type 2 segment, after NAIF's "DAF required reading" and "PCK required reading"."""
    coefficients = np.array(TRUTH["coefficients"])
    init, length = TRUTH["init_s"], TRUTH["length_s"]
    count, _, terms = coefficients.shape
    words: list[float] = []
    for k in range(count):
        words += [init + (k + 0.5) * length, 0.5 * length, *coefficients[k].ravel()]
    words += [init, length, 2 + 3 * terms, count]
    start, end = 385, 384 + len(words)  # in 8-byte words, after three records of 128
    head = struct.pack("<8sii60siii8s", b"DAF/PCK ", 2, 5, b"excerpt".ljust(60), 2, 2, end + 1, b"LTL-IEEE")
    record = head.ljust(699, b"\0") + b"FTPSTR:\r:\n:\r\n:\r\0:\x81:\x10\xce:ENDFTP"
    summary = struct.pack("<ddd", 0.0, 0.0, 1.0)
    summary += struct.pack("<ddiiiii", init, init + count * length, frame, 1, 2, start, end) + b"\0" * 4
    names = b"moon".ljust(1024)
    file.write_bytes(
        record.ljust(1024, b"\0") + summary.ljust(1024, b"\0") + names + struct.pack(f"<{len(words)}d", *words)
    )
    return file


@pytest.fixture
def axes(tmp_path: Path) -> orientation.PrincipalAxes:
    return orientation.read_pck(write_pck(tmp_path / "moon.bpc", 31006))


def test_the_angles_are_those_that_another_reader_finds(axes: orientation.PrincipalAxes) -> None:
    misses = []
    for figure in TRUTH["figures"]:
        found = axes.euler_angles(figure["epoch_tdb_s"])
        misses.append(float(np.abs(np.array(found) - figure["angles_rad"]).max()))
    print(f"angles against jplephem: max {max(misses):.1e} rad")
    assert max(misses) < 1e-11
    assert axes.ephemeris == "de421"


def test_the_axes_lie_near_the_series(axes: orientation.PrincipalAxes) -> None:
    epochs = np.linspace(axes.start_tdb_s, axes.end_tdb_s, 50)
    gap = axes.matrix(epochs) - orientation.moon_pa_matrix(epochs, "de421")
    at_surface = np.linalg.norm(gap, axis=(1, 2)) / np.sqrt(2.0) * 1737.4e3
    print(f"series - DE421 at the surface: q50 {np.median(at_surface):.0f} max {at_surface.max():.0f} m")
    assert 1.0 < at_surface.max() < 160.0
    again = orientation.pa_from_me("de421") @ axes.me_matrix(epochs)
    assert np.allclose(again, axes.matrix(epochs), atol=1e-14)


def test_the_angular_velocity_is_the_derivative(axes: orientation.PrincipalAxes) -> None:
    epoch, step = axes.start_tdb_s + 4e5, 50.0
    slope = (axes.matrix(epoch + step) - axes.matrix(epoch - step)) / (2.0 * step)
    spin = slope.T @ axes.matrix(epoch)
    found = np.array([spin[2, 1], spin[0, 2], spin[1, 0]])
    assert np.abs(found - axes.angular_velocity(epoch)).max() < 1e-12


def test_a_low_orbit_feels_the_kernels_axes(axes: orientation.PrincipalAxes) -> None:
    """The series is some 100 m off at the surface: metres in two hours, and no more than some tens."""
    start = np.array([1.8374e6, 0.0, 1e3, 0.0, 1100.0, 1200.0])
    epoch = axes.start_tdb_s + 6e5
    ends = [
        dynamics.propagate(epoch, start[:3], start[3:], epoch + 7200.0, centre="moon", lunar_axes=given).r_m
        for given in (None, axes)
    ]
    gap = float(np.linalg.norm(ends[0] - ends[1]))
    print(f"low lunar orbit, 2 h: kernel against series {gap:.2f} m")
    assert 0.05 < gap < 60.0
    with pytest.raises(EphemerisRangeError):
        dynamics.propagate(epoch, start[:3], start[3:], epoch + 3e6, centre="moon", lunar_axes=axes)


def test_what_is_no_such_kernel_is_said(tmp_path: Path, axes: orientation.PrincipalAxes) -> None:
    with pytest.raises(EphemerisRangeError):
        axes.matrix(utc_to_tdb_s("1990-01-01"))
    (tmp_path / "text").write_text("no kernel")
    with pytest.raises(InputError, match="binary PCK"):
        orientation.read_pck(tmp_path / "text")
    with pytest.raises(InputError, match="principal axes"):
        orientation.read_pck(write_pck(tmp_path / "earth.bpc", 3000))
