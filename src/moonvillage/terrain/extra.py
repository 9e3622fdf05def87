"""The extra ``geo``: its packages, imported when they are needed, and one clear error when they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from moonvillage.errors import InputError


def need(package: str, purpose: str) -> Any:
    """Import a package of the extra ``geo``.

    Raises
    ------
    InputError
        Naming the extra, if the package is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as cause:
        name = package.split(".")[0]
        raise InputError.one(
            f"{purpose} needs the package {name}, which cannot be imported ({cause})",
            "install the extra: pip install 'moonvillage[geo]'",
            field="terrain",
            value=name,
        ) from None
