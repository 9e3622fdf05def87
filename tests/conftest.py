"""Fixtures for all rooms."""

from __future__ import annotations

import os

# one arithmetic thread a process: the suite runs in several processes, and sums must not depend on their number
os.environ.setdefault("POLARS_MAX_THREADS", "2")
