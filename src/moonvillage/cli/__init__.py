"""The command line. ``moonvillage`` and ``python -m moonvillage.cli`` run :func:`main`."""

from __future__ import annotations

import sys

import cyclopts

from moonvillage.cli.commands import app
from moonvillage.cli.shared import DONE, INTERRUPTED, WRONG_INPUT, as_json, print_json
from moonvillage.errors import EphemerisRangeError, InputError, Interrupted, Problem

__all__ = ["app", "main"]


def main(argv: list[str] | None = None) -> int:
    """Run a command; the value is the exit code. Installed as ``moonvillage``."""
    arguments = sys.argv[1:] if argv is None else argv
    wants_json = "--json" in arguments
    if arguments[:1] in ([], ["--help"], ["-h"]):
        for name in list(app):  # a command that is imported late says what it does only once it is there
            app[name]
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
        return int(code) if isinstance(code, int) else DONE
    except cyclopts.CycloptsError as error:
        problems = [Problem("command line", None, "", "", " ".join(str(error).split()), "see 'moonvillage --help'")]
    except InputError as error:
        problems = error.problems
    except EphemerisRangeError as error:
        problems = [Problem("", None, "", "", str(error), "choose dates within DE440 (1550 to 2649)")]
    except (Interrupted, KeyboardInterrupt):
        if wants_json:
            print_json({"status": "interrupted"})
        print("interrupted; the same command resumes", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        return DONE
    if wants_json:
        print_json({"ok": False, "problems": [as_json(p) for p in problems]})
    for problem in problems:
        print(str(problem).lstrip(": "), file=sys.stderr)
    return WRONG_INPUT
