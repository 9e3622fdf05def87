"""The made-up run and its page, made once for all tests of the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from moonvillage.reporting import Bundle, report
from tests.reporting import factory

HOSTILE = "</script><script>window.stolen=1</script><img src=x onerror=window.stolen=2>']];alert(1)//"


@pytest.fixture(scope="session")
def run() -> Bundle:
    """About thirty flights over ten years."""
    return factory.bundle()


@pytest.fixture(scope="session")
def made(run: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of that run."""
    return report(run, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a run whose names want to be scripts."""
    return report(factory.bundle(HOSTILE, 3, 2), tmp_path_factory.mktemp("hostile"))
