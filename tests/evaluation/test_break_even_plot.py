"""The picture of break-even is well-formed, names every provider and keeps every line on the canvas."""

import re
import xml.etree.ElementTree as ET

from fairlead.analysis.break_even import BreakEven, Comparison, Tariff
from fairlead.analysis.serving import Interval
from fairlead.evaluation.break_even_plot import MAX_LINES, break_even_svg
from fairlead.evaluation.frontier_plot import HEIGHT, WIDTH


def result(n: int) -> BreakEven:
    comparisons = tuple(
        Comparison(
            Tariff(f"<provider & {at}>", "name", 1.0, 1.0, None, "2026-08-21", "a list"),
            request_usd=1e-4 * 3**at,
            break_even_per_day=48 / (1e-4 * 3**at),
            is_reachable=48 / (1e-4 * 3**at) < 1e5,
            is_certain=True,
            own_usd_at_capacity=Interval(1e-4, 5e-4, 1e-3),
        )
        for at in range(n)
    )
    return BreakEven(48.0, Interval(5e4, 1e5, 2e5), comparisons)


def test_the_picture_is_xml_and_names_every_provider() -> None:
    picture = break_even_svg(result(4), 'a "model" <of> ours')
    root = ET.fromstring(picture)
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert [f"<provider & {at}>" in texts for at in range(4)] == [True] * 4
    assert "own machines" in texts
    assert "1,000,000" in texts  # no powers of ten in a reader's way


def test_every_coordinate_is_on_the_canvas() -> None:
    picture = break_even_svg(result(12), "a")
    across = [float(value) for value in re.findall(r'\bx[12]?="([-\d.]+)"', picture)]
    down = [float(value) for value in re.findall(r'\by[12]?="([-\d.]+)"', picture)]
    assert across and down
    assert all(0 <= x <= WIDTH for x in across)
    assert all(0 <= y <= HEIGHT for y in down)


def test_more_tariffs_than_can_be_told_apart_are_not_drawn() -> None:
    picture = break_even_svg(result(MAX_LINES + 5), "a")
    assert picture.count("provider") == MAX_LINES


def test_a_model_that_nobody_offers_still_has_its_own_line() -> None:
    assert "own machines" in break_even_svg(result(0), "a")
