"""The documents speak about things that exist."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import moonvillage
from moonvillage.cli import app
from moonvillage.scenario.examples import example_names

ROOT = Path(__file__).resolve().parents[2]


def test_every_path_of_the_map_exists() -> None:
    text = (ROOT / "docs" / "map.md").read_text()
    paths = []
    for path in re.findall(r"`([\w./-]+/[\w./{},-]*)`", text):
        before, _, rest = path.partition("{")
        names, _, after = rest.partition("}")
        paths += [f"{before}{name}{after}" for name in names.split(",")]
    assert len(paths) > 20
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("document", sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("docs/**/*.md")))
def test_links_between_documents(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), f"{document} links to {target}"


def test_every_command_is_in_the_readme_or_the_reference() -> None:
    commands = {name for name in app if not name.startswith("-")}
    text = (ROOT / "README.md").read_text() + (ROOT / "docs" / "commands.md").read_text()
    missing = [name for name in sorted(commands) if f"moonvillage {name}" not in text]
    assert not missing


def test_every_public_name_has_a_docstring() -> None:
    for name in moonvillage.__all__:
        assert getattr(moonvillage, name).__doc__, name


def test_every_module_says_what_it_is_for() -> None:
    for path in (ROOT / "src").rglob("*.py"):
        name = path.relative_to(ROOT / "src").with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        assert (importlib.import_module(name).__doc__ or "").strip(), f"{name} has no docstring"


def test_files_stay_readable() -> None:
    long = {
        path.name: count
        for path in (ROOT / "src").rglob("*.py")
        if (count := len(path.read_text().splitlines())) > 600
    }
    assert not long


def test_the_versions_agree() -> None:
    assert f"version: {moonvillage.__version__}" in (ROOT / "CITATION.cff").read_text()
    assert f'version = "{moonvillage.__version__}"' in (ROOT / "pyproject.toml").read_text()
    assert f"## {moonvillage.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_all_promised_scenarios_ship() -> None:
    assert set(example_names()) == {
        "moon-village",
        "sortie",
        "station-resupply",
        "sample-return",
        "far-side",
        "mars-depot",
    }


def test_json_schema_accepts_the_shipped_scenarios() -> None:
    """The schema for editors knows every key that a shipped scenario uses."""
    import tomllib

    import jsonschema

    from moonvillage.scenario.examples import example_text
    from moonvillage.scenario.schema import scenario_schema

    validator = jsonschema.Draft202012Validator(json.loads(json.dumps(scenario_schema())))
    for name in example_names():
        data = json.loads(json.dumps(tomllib.loads(example_text(name)), default=str))
        assert not list(validator.iter_errors(data)), name


def test_the_module_runs_as_a_command() -> None:
    done = subprocess.run([sys.executable, "-m", "moonvillage.cli", "--version"], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.strip() == moonvillage.__version__
