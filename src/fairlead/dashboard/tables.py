"""Tables: rows with a caption and heads that say what they head."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fairlead.dashboard.elements import Child, Markup, element


class Column(NamedTuple):
    """One column."""

    head: Child
    is_number: bool = False
    """Aligned to the right, with figures of equal width."""
    is_long: bool = False
    """May break anywhere: names that people made."""


def numbers(*heads: str) -> tuple[Column, ...]:
    """Columns of numbers."""
    return tuple(Column(head, is_number=True) for head in heads)


def table(
    caption: str, columns: Sequence[Column | str], rows: Iterable[Sequence[Child]], *, is_caption_shown: bool = True
) -> Markup:
    """A table in a frame of its own, which scrolls where the screen is too narrow. The first cell heads its row."""
    known = [Column(column) if isinstance(column, str) else column for column in columns]
    heads = [element("th", column.head, scope="col", class_=_class(column)) for column in known]
    body = [
        element(
            "tr",
            [
                element("th", cell, scope="row", class_=_class(column))
                if place == 0
                else element("td", cell, class_=_class(column))
                for place, (cell, column) in enumerate(zip(row, known, strict=True))
            ],
        )
        for row in rows
    ]
    return element(
        "div",
        element(
            "table",
            element("caption", element("span", caption), class_=None if is_caption_shown else "unseen"),
            element("thead", element("tr", heads)),
            element("tbody", body),
        ),
        class_="scroller",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def _class(column: Column) -> str | None:
    return " ".join(name for name, has in (("n", column.is_number), ("long", column.is_long)) if has) or None


def facts(pairs: Iterable[tuple[Child, Child]]) -> Markup:
    """Names and values, two by two."""
    return element(
        "dl", [element("div", element("dt", name), element("dd", value)) for name, value in pairs], class_="facts"
    )
