"""What to cite: the product, and the data, models and solvers that a run rests on."""

from __future__ import annotations

from moonvillage import __version__

_ENTRIES: tuple[tuple[str, str, str], ...] = (
    (
        "the ephemeris DE440",
        "park2021de440",
        "@article{park2021de440, author={Park, R. S. and Folkner, W. M. and Williams, J. G. and Boggs, D. H.}, "
        "title={The {JPL} Planetary and Lunar Ephemerides {DE440} and {DE441}}, journal={The Astronomical Journal}, "
        "volume={161}, number={3}, pages={105}, year={2021}, doi={10.3847/1538-3881/abd414}}",
    ),
    (
        "the integrator heyoka",
        "biscani2021heyoka",
        "@article{biscani2021heyoka, author={Biscani, Francesco and Izzo, Dario}, title={Revisiting high-order "
        "{Taylor} methods for astrodynamics and celestial mechanics}, journal={Monthly Notices of the Royal "
        "Astronomical Society}, volume={504}, number={2}, pages={2614--2628}, year={2021}, "
        "doi={10.1093/mnras/stab1032}}",
    ),
    (
        "the optimiser HiGHS",
        "huangfu2018highs",
        "@article{huangfu2018highs, author={Huangfu, Q. and Hall, J. A. J.}, title={Parallelizing the dual revised "
        "simplex method}, journal={Mathematical Programming Computation}, volume={10}, number={1}, "
        "pages={119--142}, year={2018}, doi={10.1007/s12532-017-0130-5}}",
    ),
    (
        "the lunar gravity field GRGM1200",
        "lemoine2014grgm900c",
        "@article{lemoine2014grgm900c, author={Lemoine, F. G. and others}, title={{GRGM900C}: A degree 900 lunar "
        "gravity model from {GRAIL} primary and extended mission data}, journal={Geophysical Research Letters}, "
        "volume={41}, pages={3382--3389}, year={2014}, doi={10.1002/2014GL060027}}",
    ),
    (
        "Earth rotation and time scales (IAU SOFA by way of ERFA)",
        "sofa",
        "@misc{sofa, author={{IAU SOFA Board}}, title={{IAU SOFA} Software Collection}, year={2023}, "
        "howpublished={http://www.iausofa.org}}",
    ),
)


def citations() -> list[dict[str, str]]:
    """What to cite, the product first: a list of {what, key, bibtex}."""
    own = (
        "@software{moonvillage, author={{moonvillage contributors}}, title={moonvillage: plan, fly, live and share a "
        f"human outpost on the Moon}}, version={{{__version__}}}, year={{2026}}}}"
    )
    entries = [("moonvillage", "moonvillage", own), *_ENTRIES]
    return [{"what": what, "key": key, "bibtex": text} for what, key, text in entries]
