"""What commands print: plain where nobody looks, and never a control character."""

import io
import json

import pytest

from fairlead.cli.output import Printer, clean, is_coloured


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\x1b[31mred\x1b[0m", "a[31mred[0m"),
        ("a\nb\tc\r", "a b c "),
        ("\u202egnp.exe", "gnp.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("Ünïcode 模型 ok", "Ünïcode 模型 ok"),
        (None, "None"),
    ],
)
def test_nothing_that_moves_the_cursor_or_hides_text_is_printed(text: object, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(stream: io.StringIO, environment: dict[str, str], coloured: bool) -> None:
    assert is_coloured(stream, environment) is coloured


def test_a_table_lines_up_and_marks_the_unknown() -> None:
    stream = io.StringIO()
    Printer(stream, coloured=False).table(("name", "price"), [("模型", 1.5), ("longer\x07", None)], right=("price",))
    assert stream.getvalue() == "name    price\n模型      1.5\nlonger      -\n"


def test_colour_wraps_the_text_and_only_on_request() -> None:
    stream = io.StringIO()
    Printer(stream, coloured=True).line("bad\x1b[0m", "red")
    Printer(stream, coloured=False).line("bad", "red")
    assert stream.getvalue() == "\x1b[31mbad[0m\x1b[0m\nbad\n"


def test_a_narrow_encoding_gets_a_question_mark_and_no_error() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Printer(stream, coloured=False).line("± 模")
    stream.flush()
    assert raw.getvalue() == b"? ?\n"


def test_json_is_plain_ascii_and_refuses_what_json_does_not_know() -> None:
    stream = io.StringIO()
    Printer(stream, coloured=True).json({"a": "\x1b[2J模"})
    assert "\x1b" not in stream.getvalue()
    assert json.loads(stream.getvalue()) == {"a": "\x1b[2J模"}
    with pytest.raises(ValueError, match=r"not JSON compliant|Out of range"):
        Printer(stream, coloured=False).json(float("nan"))
