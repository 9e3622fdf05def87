"""Every public function of the flight rooms says what a caller needs: shapes, units, errors."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[2] / "src" / "moonvillage"
ROOMS = ("ephemeris", "dynamics", "trajectory", "replay", "exchange")
#: A shape in round brackets: (n,), (3,), (..., 6), (degree + 1, 3); or the word.
SHAPE = re.compile(r"\((\.\.\.|[a-z_]+|\d+)( [+×] \d+)?(,[^)]*)?\)|shape")
ARRAY = re.compile(r"Floats|ArrayLike|NDArray|Flags")


def _public(room: str) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    for path in sorted((SRC / room).rglob("*.py")):
        stack: list[ast.AST] = [ast.parse(path.read_text())]
        while stack:
            node = stack.pop()
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.FunctionDef | ast.ClassDef) and not child.name.startswith("_"):
                    yield f"{path.relative_to(SRC)}:{child.lineno} {child.name}", child
                    if isinstance(child, ast.ClassDef):
                        stack.append(child)


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_say_shapes_and_errors(room: str) -> None:
    wrong = []
    for name, node in _public(room):
        text = ast.get_docstring(node) or ""
        if not text:
            wrong.append(f"{name}: no docstring")
        if isinstance(node, ast.ClassDef) or not text:
            continue
        given = [a for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs) if a.annotation]
        arrays = [a.arg for a in given if a.annotation is not None and ARRAY.search(ast.unparse(a.annotation))]
        returned = node.returns is not None and ARRAY.search(ast.unparse(node.returns))
        if (arrays or returned) and not SHAPE.search(text):
            wrong.append(f"{name}: no shape for {', '.join(arrays) or 'what it returns'}")
        raised = {
            ast.unparse(r.exc.func if isinstance(r.exc, ast.Call) else r.exc).split(".")[0]
            for r in ast.walk(node)
            if isinstance(r, ast.Raise) and r.exc is not None
        }
        unsaid = [error for error in sorted(raised) if error[0].isupper() and error not in text]
        wrong += [f"{name}: raises {error} and does not say so" for error in unsaid]
    print(f"{room}: {len(wrong)} of {sum(1 for _ in _public(room))}")
    assert not wrong, "\n".join(wrong)
