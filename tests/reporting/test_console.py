"""The lines at the end of a run fit a terminal and leave nothing out."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from rich.console import Console

from moonvillage.reporting import summary_lines
from tests.reporting import factory


def printed(summary: dict[str, object], width: int) -> str:
    console = Console(width=width, force_terminal=False, color_system=None)
    with console.capture() as capture:
        console.print(summary_lines(summary, title="A shared village"))
    return capture.get()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    text = printed(dict(factory.bundle().summary), width)
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_every_figure_is_there() -> None:
    text = printed(dict(factory.bundle().summary), 80).replace("\u202f", " ")
    for said in (
        "Proven plan",
        "18.4 bn €",
        "gap 1.3 %",
        "522 t",
        "54.5 t",
        "10 800",
        "q99 8.70 m/s",
        "max 11.2 m/s",
        "0.41 m",
        "2035-01-01",
        "below the reserve",
        "6 min 52 s",
        "runs/test",
    ):
        assert said in text, said


def test_a_no_gives_its_reasons_and_nothing_else() -> None:
    text = printed(dict(factory.empty().summary), 80)
    assert "No plan exists" in text
    assert "Rule wolf bars" in text
    assert "Flight" not in text


def test_brackets_in_a_reason_are_not_markup() -> None:
    assert "[red]odd[/red]" in printed({"status": "infeasible", "reasons": ["[red]odd[/red]"]}, 80)
