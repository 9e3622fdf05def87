"""A small sound scenario that the broken ones are made from."""

SOUND = """\
[scenario]
title = "Cargo to the ridge"
start = 2031-01-01
end = 2032-01-01
objective = "cost"

[places]
earth = { kind = "ground" }
leo = { kind = "earth_orbit", altitude = "200 km", inclination = "29 deg" }
llo = { kind = "moon_orbit", altitude = "100 km", inclination = "90 deg", stores = true }
base = { kind = "surface", site = "connecting_ridge", stores = true }

[missions.argonaut]
title = "Argonaut cargo lander"
operator = "esa"
cargo = ["logistics", "water"]
cargo_craft = "argonaut"
steps = [
  { do = "launch", on = "ariane_64_p160", lifts = ["argonaut"], to = "leo", into = "tli" },
  { do = "fly", to = "llo", by = "argonaut" },
  { do = "fly", to = "base", by = "argonaut", within = "2 d" },
  { do = "unload", cargo = ["logistics", "water"] },
]

[missions.crew]
title = "A crew to lunar orbit and back"
operator = "cmsa"
seats = { cmsa = 2 }
least = 0
requires = [{ mission = "argonaut" }]
steps = [
  { do = "launch", on = "cz_10", lifts = ["mengzhou"], to = "leo", into = "tli" },
  { do = "fly", to = "llo", by = "mengzhou" },
  { do = "stay", stay = "3 d" },
  { do = "fly", to = "earth", by = "mengzhou", within = "14 d" },
  { do = "land" },
]

[demands.goods]
commodity = "logistics"
amount = "1 t"
at = "base"
by = 2031-12-01
"""
