"""The records that rooms exchange: places and arcs, legs, campaigns, flights, outpost logs; and how they are kept."""
