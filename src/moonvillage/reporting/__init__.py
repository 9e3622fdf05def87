"""What a run has to say: one page, its figures, and a few lines for the terminal.

:func:`report` writes the page; :class:`Bundle` holds the records that it reads; :func:`summary_lines` is for the
terminal. Nothing is computed here beyond adding up what the records hold.
"""

from __future__ import annotations

from moonvillage.reporting.bundle import Bundle
from moonvillage.reporting.console import summary_lines
from moonvillage.reporting.write import report

__all__ = ["Bundle", "report", "summary_lines"]
