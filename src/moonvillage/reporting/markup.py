"""Building HTML and SVG so that a user's text can never become markup.

Everything that is not already :class:`Markup` is escaped when it becomes a child or an attribute.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from typing import Any

#: Elements that HTML closes itself.
_VOID = frozenset({"meta", "br", "hr", "img", "link", "input", "col"})


class Markup(str):
    """Text that is safe to write as it is."""

    __slots__ = ()


_TAG = re.compile(r"<[^>]*>")

Child = Any  # Markup, str, number, None or an iterable of these


def escape(value: object) -> Markup:
    """The text of a value with ``& < > " '`` escaped; :class:`Markup` passes through unchanged."""
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(str(value), quote=True))


def join(children: Iterable[Child], separator: str = "") -> Markup:
    """The children one after another, each escaped unless it is markup."""
    return Markup(separator.join(_flat(child) for child in children))


def _flat(child: Child) -> str:
    if child is None or child is False:
        return ""
    if isinstance(child, str):
        return escape(child)
    if isinstance(child, Iterable):
        return "".join(_flat(item) for item in child)
    return escape(child)


def element(name: str, /, *children: Child, **attributes: object) -> Markup:
    """One element. ``class_`` gives ``class``, ``aria_label`` gives ``aria-label``; None and False are left out."""
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        label = key.rstrip("_").replace("_", "-")
        parts.append(label if value is True else f'{label}="{escape(value)}"')
    opening = f"<{' '.join(parts)}>"
    return Markup(opening) if name in _VOID else Markup(f"{opening}{join(children)}</{name}>")


def data_block(id_: str, value: object) -> Markup:
    """A JSON data block that cannot close its own element: ``<``, ``>`` and ``&`` are written as \\u escapes."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for sign, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(sign, code)
    return Markup(f'<script type="application/json" id="{escape(id_)}">{text}</script>')


def _plain_length(cell: str) -> int:
    """Characters that a reader sees."""
    return len(html.unescape(_TAG.sub("", cell)))


def table(
    caption: str,
    head: Iterable[str],
    rows: Iterable[Iterable[Child]],
    *,
    numeric: Iterable[int] = (),
    empty: str = "Nothing to list.",
    class_: str | None = None,
) -> Markup:
    """A table with a caption, column heads and row heads; columns in ``numeric`` are set flush right."""
    right = set(numeric)
    titles = list(head)
    body = []
    for row in rows:
        cells = [
            element(
                "th" if i == 0 else "td",
                cell,
                scope="row" if i == 0 else None,
                class_="n" if i in right else "k" if isinstance(cell, str) and _plain_length(cell) <= 14 else None,
                data_label=titles[i] if class_ == "text" and i else None,
            )
            for i, cell in enumerate(row)
        ]
        body.append(element("tr", cells))
    if not body:
        return element("p", empty, class_="empty")
    heads = [element("th", h, scope="col", class_="n" if i in right else None) for i, h in enumerate(titles)]
    inner = element(
        "table",
        element("caption", element("span", caption)),
        element("thead", element("tr", heads)),
        element("tbody", body),
        class_=class_,
    )
    return element("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)
