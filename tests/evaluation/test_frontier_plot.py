import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from fairlead.evaluation.frontier_plot import BOTTOM, LEFT, RIGHT, TOP, Box, Scale, frontier_svg, why_undrawn
from fairlead.learning.baselines import baselines_of
from fairlead.learning.comparison import Comparison, compare
from fairlead.learning.outcomes import Outcomes
from fairlead.learning.prediction import Prediction
from tests.learning.small_outcomes import outcomes, two_tasks

SVG = "{http://www.w3.org/2000/svg}"


def compared(test: Outcomes, train: Outcomes | None = None) -> Comparison:
    quality = np.random.default_rng(0).random(test.score.shape)
    return compare(test, {"router": Prediction(quality)}, baselines_of(train or test, test), pool="p", n_draws=2)


def drawn(comparison: Comparison) -> ElementTree.Element:
    svg = frontier_svg(comparison)
    assert svg is not None
    return ElementTree.fromstring(svg)


def texts(root: ElementTree.Element) -> set[str]:
    return {element.text or "" for element in root.iter(f"{SVG}text")}


def test_models_and_methods_are_named() -> None:
    root = drawn(compared(two_tasks(60, 1), two_tasks(80, 0)))

    assert texts(root) >= {"a", "b", "c", "router", "zero_router", "oracle (told)", "hull of single models"}
    assert len(list(root.iter(f"{SVG}polyline"))) >= 4


def test_every_line_stays_inside_the_frame() -> None:
    root = drawn(compared(two_tasks(60, 1)))

    for line in root.iter(f"{SVG}polyline"):
        for x, y in (map(float, place.split(",")) for place in line.attrib["points"].split()):
            assert LEFT - 0.1 <= x <= RIGHT + 0.1
            assert TOP - 0.1 <= y <= BOTTOM + 0.1


def test_names_of_crowded_models_do_not_overlap() -> None:
    n = 14
    score = np.tile([1.0, 0.0], (n, 10)).T[:20].copy()
    score[0] += np.linspace(-0.05, 0.0, n)
    cost = np.tile(1e-3 * (1 + np.arange(n) / 50), (20, 1))
    base = outcomes([[1.0]] * 20)
    crowd = Outcomes(base.queries, tuple(f"model-number-{k}" for k in range(n)), score, cost)

    svg = frontier_svg(compared(crowd))

    assert svg is not None
    names = re.findall(r'<text (?!class)x="([\d.]+)"( text-anchor="end")? y="([\d.]+)">(model-number-\d+)<', svg)
    boxes = []
    for x, anchor, y, name in names:
        width = len(name) * 6.4
        left = float(x) - width if anchor else float(x)
        boxes.append(Box(left, float(y) - 8, left + width, float(y)))
    assert len(boxes) == n
    assert not any(one.meets(other) for k, one in enumerate(boxes) for other in boxes[k + 1 :])


def test_hostile_names_are_plain_text() -> None:
    base = two_tasks(20, 0)
    hostile = Outcomes(base.queries, ("<script>x</script>", 'a"&b', "c\u202e\x00"), base.score, base.cost_usd)

    root = drawn(replace(compared(hostile), pool="<b>&"))

    assert "<script>x</script>" in texts(root)
    assert not list(root.iter(f"{SVG}script"))


def test_a_free_model_stands_at_the_edge() -> None:
    root = drawn(compared(outcomes([[1.0, 0.0], [1.0, 1.0]], [[2e-3, 0.0]] * 2)))

    points = [float(one.attrib["cx"]) for one in root.iter(f"{SVG}circle") if one.attrib.get("r") == "3.6"]
    assert min(points) == pytest.approx(LEFT)


def test_without_costs_there_is_no_picture() -> None:
    hole = np.nan
    for read, why in (
        (outcomes([[1.0, 0.0], [0.0, 1.0]]), "no cost is known"),
        (outcomes([[1.0, 0.0]], [[0.0, 0.0]]), "every cost is 0"),
        (outcomes([[1.0, hole], [hole, 1.0]], [[0.1, hole], [hole, 0.2]]), "but no query has a score of every model"),
        (outcomes([[1.0, 0.0], [0.0, 1.0]], [[0.1, hole], [hole, 0.2]]), "but no query has the cost of every model"),
    ):
        comparison = compared(read)
        assert frontier_svg(comparison) is None
        assert why_undrawn(comparison, read).endswith(why)


def test_pixels_grow_with_the_logarithm_of_cost() -> None:
    scale = Scale(1.0, 100.0, 0.0, 1.0)

    assert scale.x(10.0) == pytest.approx((LEFT + RIGHT) / 2)
    assert (scale.y(0.0), scale.y(1.0)) == (BOTTOM, TOP)
