"""What the peers' scripts share: the case, the clock, and how results are said. Run by their own Python."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CASE: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
WORK: str = sys.argv[2]
BSP: str = CASE["bsp"]
#: Relative (and absolute) tolerances that are tried, from what serves as reference to what is too coarse.
LADDER = (1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 3e-9, 6e-9, 1e-8)


def least(work: Callable[[], Any], seconds: float = 0.6, most: int = 200) -> tuple[Any, float]:
    """The result, and the least processor time of one call among as many as fit into some time."""
    result = work()  # the first call warms caches, kernels and compilers
    best, spent, count = float("inf"), 0.0, 0
    while spent < seconds and count < most:
        began = time.process_time()
        result = work()
        took = time.process_time() - began
        best, spent, count = min(best, took), spent + took, count + 1
    return result, best


def say(peer: str, version: str, runs: list[dict[str, Any]]) -> None:
    """One JSON document on standard output."""
    sys.stdout.flush()
    print(json.dumps({"peer": peer, "version": version, "runs": runs}))


def run(what: str, method: str, tolerance: float, cpu_s: float, r_m: Any) -> dict[str, Any]:
    """One measurement: ``what`` is "state", "stm" or "batch" (then of one state of it)."""
    return {"what": what, "method": method, "tolerance": tolerance, "cpu_s": cpu_s, "r_m": [float(x) for x in r_m]}


os.makedirs(WORK, exist_ok=True)
