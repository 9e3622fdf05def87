"""moonvillage: plan, fly, live and share a human outpost on the Moon."""

__version__ = "0.1.0"
