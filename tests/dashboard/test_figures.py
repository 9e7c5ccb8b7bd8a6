"""Figures, words and tables: numbers become pictures that say the same."""

import re
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.dashboard.figures import Dot, Part, Step, bars, heights, scatter, track
from fairlead.dashboard.links import address, decision, decisions, to_rows
from fairlead.dashboard.tables import Column, table
from fairlead.dashboard.wording import UNKNOWN, count, moment, name, nano_usd, saving, seconds, share, usd

AMOUNTS = st.floats(0, 1e9, allow_nan=False)


@given(st.lists(st.tuples(AMOUNTS, st.floats(0, 1)), max_size=40))
def test_bars_stand_in_proportion_and_within_their_frame(series: list[tuple[float, float]]) -> None:
    steps = [Step(value, value * bad, "x", "/ui") for value, bad in series]
    found = heights(steps)
    assert len(found) == len(steps)
    assert all(0 <= bad <= whole + 0.01 <= 100.02 for whole, bad in found)
    if any(step.value for step in steps):
        assert max(whole for whole, _ in found) == 100.0
    assert bars("x", steps).html.count("<a ") == len(steps)


@given(st.lists(st.tuples(st.floats(1e-9, 1e6), st.floats(0, 1), st.floats(0, 0.5)), min_size=1, max_size=20))
def test_every_dot_of_a_scatter_lies_within_its_frame(values: list[tuple[float, float, float]]) -> None:
    dots = [Dot(x, y, "m", y - reach, y + reach) for x, y, reach in values]
    drawn = scatter("x", dots, "USD", "quality").html
    assert drawn.count("<circle") == len(dots)
    for x, y in re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)"', drawn):
        assert 0 <= float(x) <= 420
        assert 0 <= float(y) <= 270


@given(st.floats(-10, 200), st.floats(-10, 200))
def test_a_piece_of_a_track_never_leaves_it(begin: float, end: float) -> None:
    drawn = track("x", 100.0, [Part(min(begin, end), max(begin, end), "go")]).html
    found = re.search(r'x="([-\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn)
    assert found is not None
    assert 0 <= float(found[1]) <= float(found[1]) + float(found[2]) <= 100.01


def test_pictures_of_nothing_are_still_pictures() -> None:
    assert "<svg" in bars("x", []).html + scatter("x", [], "a", "b").html
    assert "<rect" in track("x", 0.0, [Part(0.0, 0.0, "go")]).html


def test_unknown_is_a_dash_and_never_a_zero() -> None:
    assert {show(None) for show in (count, usd, nano_usd, seconds, share)} == {UNKNOWN}
    assert name(None).html == f"<bdi>{UNKNOWN}</bdi>"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "$0"), (1_234.5, "$1,234.50"), (0.5, "$0.500"), (0.0123, "$0.0123"), (0.000456, "$0.000456"),
        (-0.02, "−$0.0200"), (-5, "−$5.00"), (1e-12, "$<0.000000001"),
    ],
)  # fmt: skip
def test_money_has_three_figures_or_cents(value: float, shown: str) -> None:
    assert usd(value) == shown


def test_what_rounding_leaves_of_a_saving_is_neither_saved_nor_lost() -> None:
    assert [saving(value) for value in (-1e-19, 1e-11, -0.02, None)] == ["$0", "$0", "−$0.0200", "–"]


def test_delays_come_in_the_unit_that_suits_them() -> None:
    assert [seconds(value) for value in (0.0001, 0.25, 2.5, 250.0)] == [
        "100\u00a0µs",
        "250\u00a0ms",
        "2.50\u00a0s",
        "250\u00a0s",
    ]


@pytest.mark.parametrize("at_s", [-1e18, 0.0, 1e18, inf])
def test_a_moment_beyond_the_calendar_is_cut_to_it(at_s: float) -> None:
    assert "<time" in moment(at_s).html


def test_a_long_name_is_shortened_and_kept_whole_under_the_pointer() -> None:
    shown = name("x" * 100)
    assert shown.html == f'<bdi title="{"x" * 100}">{"x" * 47}…</bdi>'


def test_an_address_holds_whatever_name_it_is_given() -> None:
    assert decisions(model="a&b=c #", since=1.5) == "/ui/decisions?model=a%26b%3Dc+%23&since=1.5"
    assert decision('"><x/..') == "/ui/decisions/%22%3E%3Cx%2F.."
    assert address("/ui", model="\ud800") == "/ui?model=%3F"
    assert to_rows("x", model="y" * 201) == "x"


def test_a_table_says_what_its_heads_head() -> None:
    found = table("Caption <", ["a", Column("b", is_number=True)], [["<x>", 1]]).html
    assert '<th scope="col">a</th>' in found
    assert '<th scope="row">&lt;x&gt;</th><td class="n">1</td>' in found
    assert "<caption><span>Caption &lt;" in found


def test_no_number_makes_a_word_fail() -> None:
    for value in (nan, 1e300, -1e300):
        assert all(isinstance(show(value), str) for show in (count, usd, seconds, share))
