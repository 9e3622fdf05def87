"""The optional physics: zonals, planets in full, steered burns, and derivatives by state and parameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from moonvillage import dynamics
from moonvillage.dynamics import Thrust, models
from moonvillage.ephemeris import utc_to_tdb_s
from moonvillage.ephemeris.constants import EARTH_RADIUS_M, EARTH_ZONALS, GM_EARTH_M3_S2, GM_M3_S2
from moonvillage.ephemeris.frames import earth_pole, rsw_matrix, vnc_matrix
from moonvillage.ephemeris.granules import granule_index, granule_span

Floats = NDArray[np.float64]
EPOCH = utc_to_tdb_s("2030-01-02")
LOW = np.array([6.778e6, 0.0, 0.0, 0.0, 7.669e3 * np.cos(0.5), 7.669e3 * np.sin(0.5)])
LOW_LUNAR = np.array([1.8374e6, 0.0, 1e3, 0.0, 1100.0, 1200.0])
CRUISE = np.array([1.5e11, 0.0, 0.0, 0.0, 31e3, 10e3])
STARTS = {"earth": LOW, "moon": LOW_LUNAR, "sun": CRUISE}


def _zonal_potential(r: Floats, pole: Floats, degrees: range) -> float:
    size = float(np.linalg.norm(r))
    s = float(r @ pole) / size
    series = {n: np.polynomial.legendre.legval(s, [0.0] * n + [1.0]) for n in degrees}
    return -GM_EARTH_M3_S2 / size * sum(EARTH_ZONALS[n] * (EARTH_RADIUS_M / size) ** n * p for n, p in series.items())


@pytest.mark.parametrize("highest", [3, 4, 5, 6])
def test_zonals_are_the_gradient_of_their_potential(highest: int) -> None:
    """The extra velocity in ± 8 s about several places, against NumPy's Legendre series."""
    pole = earth_pole(granule_span(granule_index(EPOCH))[0])
    misses = []
    for place in ((1.0, 0.2, 0.3), (0.1, -0.3, 1.0), (-0.6, 0.5, -0.7)):
        r = 7.0e6 * np.array(place) / np.linalg.norm(place)
        gained = [
            dynamics.propagate(EPOCH, r, np.zeros(3), EPOCH + t, centre="earth", earth_zonals=n).v_m_s
            for n in (2, highest)
            for t in (8.0, -8.0)
        ]
        flown = ((gained[2] - gained[3]) - (gained[0] - gained[1])) / 16.0
        gradient = np.array(
            [
                (
                    _zonal_potential(r + h, pole, range(3, highest + 1))
                    - _zonal_potential(r - h, pole, range(3, highest + 1))
                )
                / 200.0
                for h in 100.0 * np.eye(3)
            ]
        )
        misses.append(np.linalg.norm(flown - gradient) / np.linalg.norm(gradient))
    print(f"J3 to J{highest}: worst relative difference {max(misses):.1e}")
    assert max(misses) < 1e-3


def test_the_zonals_are_egm2008s() -> None:
    """Vallado 2013, "Fundamentals of Astrodynamics", table D-1 (EGM-08), to its printed digits."""
    table = {3: -2.5324105e-6, 4: -1.6198976e-6, 5: -2.2775359e-7, 6: 5.4066658e-7}
    for degree, value in table.items():
        assert EARTH_ZONALS[degree] == pytest.approx(value, rel=2e-6)


def test_planets_in_full_agree_with_their_linear_tide_near_the_earth() -> None:
    end = EPOCH + 4 * 86400.0
    start = np.array([6.678e6, 0.0, 0.0, 0.0, 9.45e3, 5.45e3])
    tide = dynamics.propagate(EPOCH, start[:3], start[3:], end, centre="earth")
    planets = ("mercury", "venus", "mars", "jupiter", "saturn")
    full = dynamics.propagate(EPOCH, start[:3], start[3:], end, centre="earth", point_masses=planets)
    none = dynamics.propagate(EPOCH, start[:3], start[3:], end, centre="earth", gm_m3_s2=dict.fromkeys(planets, 0.0))
    print(
        f"planets {np.linalg.norm(tide.r_m - none.r_m):.2f} m, tide {np.linalg.norm(tide.r_m - full.r_m):.1e} m off"
    )
    assert np.linalg.norm(tide.r_m - full.r_m) < 0.02 * np.linalg.norm(tide.r_m - none.r_m)


@pytest.mark.parametrize("steering", ["icrf", "vnc", "rsw"])
@pytest.mark.parametrize("centre", ["earth", "moon", "sun"])
def test_a_short_burn_pushes_where_it_is_steered(centre: str, steering: str) -> None:
    start = STARTS[centre]
    p = np.array([0.3, -0.5, 0.8])
    thrust = Thrust.of_engine(EPOCH, 5000.0, 320.0, 2000.0, p, steering=steering)
    flown, free = (
        dynamics.propagate(EPOCH, start[:3], start[3:], EPOCH + 2.0, centre=centre, thrust=t).v_m_s
        for t in (thrust, None)
    )
    axes = {"icrf": np.eye(3), "vnc": vnc_matrix(start[:3], start[3:]), "rsw": rsw_matrix(start[:3], start[3:])}
    expected = thrust.dv_m_s(2.0) * axes[steering].T @ p / np.linalg.norm(p)
    assert np.allclose(flown - free, expected, atol=0.02)
    assert thrust.mass_ratio(2.0) == pytest.approx(np.exp(-thrust.dv_m_s(2.0) / (320.0 * 9.80665)), rel=1e-12)


def test_a_tangential_spiral_gains_what_theory_says() -> None:
    """Thrust along the velocity lowers the circular speed by the Δv spent (Edelbaum 1961), without perturbers."""
    alone = dict.fromkeys(GM_M3_S2, 0.0) | {"earth": GM_EARTH_M3_S2}
    radius = 7e6
    speed = np.sqrt(GM_EARTH_M3_S2 / radius)
    thrust = Thrust.of_engine(EPOCH, 0.3, 2000.0, 1000.0, (1.0, 0.0, 0.0), steering="vnc")
    span = 10 * 86400.0
    path = dynamics.propagate(
        EPOCH,
        (radius, 0, 0),
        (0, speed, 0),
        EPOCH + span,
        centre="earth",
        thrust=thrust,
        gm_m3_s2=alone,
        earth_j2=0.0,
    )
    energy = 0.5 * path.v_m_s @ path.v_m_s - GM_EARTH_M3_S2 / np.linalg.norm(path.r_m)
    assert np.sqrt(-2.0 * energy) == pytest.approx(speed - thrust.dv_m_s(span), rel=1e-5)


def test_a_burn_that_eats_the_craft_is_a_value_with_a_reason() -> None:
    thrust = Thrust(EPOCH, 3.0, 3000.0, np.array([1.0, 0.0, 0.0]), np.zeros(3))
    path = dynamics.propagate(EPOCH, LOW[:3], LOW[3:], EPOCH + 1001.0, centre="earth", thrust=thrust)
    assert "craft" in path.reason
    assert np.isnan(path.r_m).all()


def _slope(fly: Callable[[float], Floats], at: float, step: float) -> Floats:
    """Richardson's central difference."""
    near, far = (np.asarray((fly(at + h) - fly(at - h)) / (2.0 * h)) for h in (step, 2.0 * step))
    return np.asarray((4.0 * near - far) / 3.0)


@pytest.mark.parametrize(("centre", "steering"), [("earth", "vnc"), ("moon", "rsw"), ("sun", "icrf")])
def test_derivatives_through_a_burn(centre: str, steering: str) -> None:
    """By the start state, and by all that steers the burn, against finite differences."""
    start, span = STARTS[centre], 600.0 if centre != "sun" else 86400.0
    strength = 1.5 if centre != "sun" else 1e-3
    base = {
        "start_tdb_s": EPOCH - 5.0,
        "acceleration_m_s2": strength,
        "exhaust_m_s": 3100.0,
        "direction": np.array([0.7, -0.2, 0.5]),
        "rate": np.array([2e-4, 5e-4, -1e-4]) * 600.0 / span,
    }

    def fly(x: Floats, stm: bool = False, **changed: float) -> dynamics.Path:
        values = dict(base)
        for name, value in changed.items():
            if name[-2:] in ("_x", "_y", "_z"):
                vector = np.array(values[name[:-2]])
                vector["xyz".index(name[-1])] = value
                values[name[:-2]] = vector
            else:
                values[name] = value
        thrust = Thrust(*values.values(), steering)  # type: ignore[arg-type]
        names = tuple(steps) if stm else ()
        end = EPOCH + span
        return dynamics.propagate(EPOCH, x[:3], x[3:], end, centre=centre, thrust=thrust, stm=stm, wrt=names)

    steps = {"start_tdb_s": 0.5, "acceleration_m_s2": 1e-3 * strength, "exhaust_m_s": 10.0}
    steps |= {f"direction_{axis}": 3e-3 for axis in "xyz"} | {f"rate_{axis}": 3e-6 * 600.0 / span for axis in "xyz"}
    path = fly(start, stm=True)
    assert path.stm is not None
    assert set(path.sensitivity) == set(steps)
    scale = np.array([1.0] * 3 + [span] * 3)
    worst = 0.0
    for j, h in enumerate([30.0 if centre != "sun" else 1e5] * 3 + [0.03 if centre != "sun" else 10.0] * 3):
        slope = _slope(lambda d, j=j: fly(start + d * np.eye(6)[j]).state, 0.0, h)  # type: ignore[misc]
        worst = max(worst, float(np.abs((slope - path.stm[:, j]) * scale).max() / np.abs(slope * scale).max()))
    by_parameter = {}
    for name, h in steps.items():
        at = base[name] if name in base else base[name[:-2]]["xyz".index(name[-1])]  # type: ignore[index]
        slope = _slope(lambda value, name=name: fly(start, **{name: value}).state, at, h)  # type: ignore[misc, arg-type]
        gap = np.abs((slope - path.sensitivity[name]) * scale).max() / np.abs(slope * scale).max()
        by_parameter[name] = float(gap)
    print(f"{centre} {steering}: by state {worst:.1e}, by parameters {max(by_parameter.values()):.1e}")
    assert worst < 1e-6
    assert max(by_parameter.values()) < 2e-5, by_parameter
    plain = fly(start)
    assert np.linalg.norm(plain.r_m - path.r_m) < 1e-4 * max(1.0, np.linalg.norm(start) / 1e9)


@pytest.mark.parametrize(
    ("centre", "name", "step"),
    [
        ("earth", "gm_earth", 1e7),
        ("earth", "gm_moon", 1e9),
        ("earth", "gm_sun", 1e16),
        ("earth", "j2", 1e-6),
        ("earth", "srp_m2_kg", 5.0),
        ("moon", "gm_moon", 1e6),
        pytest.param("moon", "gm_earth", 1e10, marks=pytest.mark.slow),
        pytest.param("moon", "srp_m2_kg", 5.0, marks=pytest.mark.slow),
        pytest.param("sun", "gm_earth", 1e12, marks=pytest.mark.slow),
        ("sun", "srp_m2_kg", 0.01),
    ],
)
def test_derivatives_by_masses_and_sunlight(centre: str, name: str, step: float) -> None:
    """Half a day in low orbits, in and out of shadow; 20 days around the Sun."""
    start = STARTS[centre]
    end = EPOCH + {"earth": 43200.0, "moon": 20000.0, "sun": 20 * 86400.0}[centre]
    path = dynamics.propagate(EPOCH, start[:3], start[3:], end, centre=centre, stm=True, wrt=(name,))

    def fly(change: float) -> Floats:
        options: dict[str, object] = {}
        if name == "srp_m2_kg":
            options["srp_m2_kg"] = change + 1e-30
        elif name == "j2":
            options["earth_j2"] = dynamics.models.EARTH_J2 + change
        else:
            options["gm_m3_s2"] = {name[3:]: GM_M3_S2[name[3:]] + change}
        return dynamics.propagate(EPOCH, start[:3], start[3:], end, centre=centre, **options).state  # type: ignore[arg-type]

    # about zero light the steps may be long, but the shadows' edges move with the craft
    slope = _slope(fly, 0.0, step * (1e-3 if name == "srp_m2_kg" and centre != "sun" else 1.0))
    found = path.sensitivity[name]
    scale = np.array([1.0] * 3 + [1e3] * 3)
    gap = float(np.abs((slope - found) * scale).max() / np.abs(slope * scale).max())
    print(f"{centre} by {name}: {gap:.1e}")
    assert gap < 2e-4


def test_the_whole_lunar_field_in_the_variations() -> None:
    """The default matrix carries degree 2 of the field; the full one is the derivative to seven digits."""
    end = EPOCH + 7200.0
    full, light = (
        dynamics.propagate(EPOCH, LOW_LUNAR[:3], LOW_LUNAR[3:], end, centre="moon", stm=True, full_stm=flag)
        for flag in (True, False)
    )
    assert full.stm is not None
    assert light.stm is not None
    found = np.empty((6, 6))
    for j, h in enumerate([1.0] * 3 + [1e-3] * 3):
        found[:, j] = _slope(
            lambda d, j=j: (
                dynamics.propagate(  # type: ignore[misc]
                    EPOCH, *np.split(LOW_LUNAR + d * np.eye(6)[j], 2), end, centre="moon"
                ).state
            ),
            0.0,
            h,
        )
    gaps = [float(np.max(np.abs(m - found).max(0) / np.abs(found).max(0))) for m in (full.stm, light.stm)]
    print(f"transition matrix about the Moon: whole field {gaps[0]:.1e}, degree 2 {gaps[1]:.1e}")
    assert gaps[0] < 1e-7
    assert gaps[1] < 0.1
    assert np.linalg.norm(full.r_m - light.r_m) < 1e-3


@pytest.mark.parametrize(
    "model",
    [
        models.Model("earth", zonals=6, sunlight=True, points=("venus", "jupiter"), steering="vnc"),
        models.Model("moon", sunlight=True, steering="icrf", points=("mars",)),
        models.Model("sun", sunlight=True, steering="rsw"),
        models.Model("earth"),
    ],
    ids=lambda model: model.name,
)
def test_the_layout_is_what_the_equations_take(model: models.Model) -> None:
    built = models.build(model)
    assert dict(built.slots) == models.layout(model)
    values = models.parameters(model.centre, 100, points=model.points)
    count = values.size + models.extras(model, 100, None, 0.0).size + (9 if model.steering else 0)
    assert built.parameters == count
    assert len(built.edges) == len(model.edges)


def test_options_that_do_not_belong_are_errors() -> None:
    for options, message in (
        ({"earth_zonals": 7}, "zonals"),
        ({"point_masses": ("pluto",)}, "planets"),
        ({"stm": True, "wrt": ("colour",)}, "colour"),
        ({"wrt": ("gm_moon",)}, "stm=True"),
        ({"stm": True, "full_stm": True}, "Moon"),
    ):
        with pytest.raises(ValueError, match=message):
            dynamics.propagate(EPOCH, LOW[:3], LOW[3:], EPOCH + 1.0, centre="earth", **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steering"):
        Thrust(EPOCH, 1.0, 1.0, np.ones(3), np.zeros(3), "sideways")
