"""The scenarios that ship with the product, as starting points."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from moonvillage.catalog.reader import did_you_mean
from moonvillage.errors import InputError


def example_names() -> list[str]:
    """Names of the shipped scenarios, the flagship first."""
    folder = resources.files("moonvillage.scenario") / "examples"
    names = sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
    return sorted(names, key=lambda name: name != "moon-village")


def example_text(name: str) -> str:
    """The text of a shipped scenario. Raises InputError for an unknown name."""
    if name not in example_names():
        raise InputError.one(
            "is not a shipped scenario", did_you_mean(name, example_names()), field="--from", value=name
        )
    return (resources.files("moonvillage.scenario") / "examples" / f"{name}.toml").read_text("utf-8")


def write_example(name: str, path: Path) -> Path:
    """Write a shipped scenario to a new file. Raises InputError if the file exists or cannot be written."""
    text = example_text(name)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputError.one("exists already", "name a new file", file=str(path)) from None
    except OSError as error:
        raise InputError.one(
            f"cannot be written ({error.strerror})", "check the folder and its permissions", file=str(path)
        ) from None
    return path


if __name__ == "__main__":  # make run: NAME PATH; an equal file is left alone
    import sys

    name, target = sys.argv[1], Path(sys.argv[2])
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        write_example(name, target)
