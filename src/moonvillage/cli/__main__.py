"""``python -m moonvillage.cli``."""

from __future__ import annotations

import sys

from moonvillage.cli import main

if __name__ == "__main__":
    sys.exit(main())
