"""Flown missions against what the product computes for them."""
