"""What the commands print: tables and colour for a terminal, plain text for everything else.

Names come from servers and lists that we do not control: nothing is printed before control characters are gone, so that
no model's name can move the cursor or hide a line. Colour only on a terminal, and never when NO_COLOR is set
(https://no-color.org).
"""

import json
import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import IO, Final

Cell = str | int | float | None

STYLES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def clean(text: object) -> str:
    """The text on one line, without control, formatting or unpaired surrogate characters."""
    flat = str(text).replace("\n", " ").replace("\t", " ").replace("\r", " ")
    return "".join(c for c in flat if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def is_coloured(stream: IO[str], environment: Mapping[str, str]) -> bool:
    """Whether colour may be written to this stream."""
    return (
        not environment.get("NO_COLOR")
        and environment.get("TERM") != "dumb"
        and hasattr(stream, "isatty")
        and stream.isatty()
    )


class Printer:
    """Writes to one stream, coloured or plain."""

    def __init__(self, stream: IO[str], *, coloured: bool) -> None:
        self._stream = stream
        self._coloured = coloured

    def line(self, text: object = "", style: str | None = None) -> None:
        """One line."""
        self._stream.write(self._styled(self._encodable(clean(text)), style) + "\n")

    def pair(self, label: str, text: object, width: int = 18) -> None:
        """A label and what it says, in two columns."""
        shown = clean(label).ljust(width)
        self._stream.write(f"{self._styled(shown, 'dim')} {self._encodable(clean(text))}\n")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[Cell]], right: Sequence[str] = ()) -> None:
        """A table; columns named in `right` are set to the right. Unknown cells are a dash."""
        cells = [["-" if cell is None else self._encodable(clean(cell)) for cell in row] for row in rows]
        widths = [max([_width(head), *(_width(row[i]) for row in cells)]) for i, head in enumerate(heads)]
        self._row(heads, heads, widths, right, "bold")
        for row in cells:
            self._row(row, heads, widths, right, None)

    def json(self, value: object) -> None:
        """The value as indented JSON, keys in the order given; for machines, so never coloured."""
        self._stream.write(json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False) + "\n")

    def _row(
        self, row: Sequence[str], heads: Sequence[str], widths: Sequence[int], right: Sequence[str], style: str | None
    ) -> None:
        padded = [
            " " * (width - _width(cell)) + cell if head in right else cell + " " * (width - _width(cell))
            for cell, head, width in zip(row, heads, widths, strict=True)
        ]
        self._stream.write(self._styled("  ".join(padded).rstrip(), style) + "\n")

    def _styled(self, text: str, style: str | None) -> str:
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if style and self._coloured and text else text

    def _encodable(self, text: str) -> str:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return text.encode(encoding, "replace").decode(encoding)


def to_stdout() -> Printer:
    """The printer of results."""
    return Printer(sys.stdout, coloured=is_coloured(sys.stdout, os.environ))


def to_stderr() -> Printer:
    """The printer of what is wrong."""
    return Printer(sys.stderr, coloured=is_coloured(sys.stderr, os.environ))


def _width(text: str) -> int:
    """Columns that a terminal gives the text: wide East Asian characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )
