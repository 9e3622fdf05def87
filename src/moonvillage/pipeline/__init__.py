"""The loop over the stages: check, tabulate, plan, fly, live, report."""

from moonvillage.pipeline.folder import read_result
from moonvillage.pipeline.loop import run
from moonvillage.pipeline.permissions import permissions
from moonvillage.pipeline.reports import report_folder
from moonvillage.pipeline.state import Result
from moonvillage.pipeline.verdict import check_scenario

__all__ = ["Result", "check_scenario", "permissions", "read_result", "report_folder", "run"]
