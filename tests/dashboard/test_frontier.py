"""The cost-quality frontier: every point on the same requests, and nobody stands on it whom another beats at both."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.dashboard.frontier import frontier_of_figures, frontier_of_traffic
from fairlead.dashboard.models_view import Seen, view_models
from fairlead.domain.wishes import Weights, Wishes
from fairlead.learning.replay_rows import ReplayCandidate, ReplayRow, ReplayTable, table_of
from fairlead.routing.preferences import Preset
from tests.dashboard.test_models_view import pool, view
from tests.routing.small_pool import Known

PRESETS = {
    "quality": Preset("quality", Weights(1, 0, 0)),
    "cost": Preset("cost", Weights(0, 1, 0)),
    "narrow": Preset("narrow", Weights(0, 1, 0), Wishes(excluded_models=("lab/c0",))),
}


def table(*qualities_costs: tuple[float, float | None], n: int = 10) -> ReplayTable:
    candidates = tuple(
        ReplayCandidate(
            f"lab/c{at}", "one", 1.0 if at == 0 else 0.0, quality, quality - 0.1, quality + 0.1, 10.0, cost, 1.0
        )
        for at, (quality, cost) in enumerate(qualities_costs)
    )
    return table_of([ReplayRow(f"d{place}", float(place), candidates, 0, policy="auto") for place in range(n)])


def test_models_presets_and_what_was_chosen_stand_side_by_side() -> None:
    found = frontier_of_traffic(table((0.5, 0.001), (0.8, 0.01), (0.7, 0.02)), PRESETS)

    assert [(point.label, point.is_best) for point in found.of("model")] == [
        ("lab/c0", True), ("lab/c1", True), ("lab/c2", False)
    ]  # fmt: skip
    assert {point.label: point.cost_usd for point in found.of("preset")} == {
        "auto:quality": pytest.approx(0.01), "auto:cost": pytest.approx(0.001), "auto:narrow": pytest.approx(0.01)
    }  # fmt: skip
    (now,) = found.of("now")
    assert (now.quality, now.cost_usd, now.share) == pytest.approx((0.5, 0.001, 1.0))


def test_a_model_of_unknown_price_or_of_other_requests_is_named_and_left_out() -> None:
    wide = table((0.5, 0.001), (0.9, None))
    assert frontier_of_traffic(wide, {}).left_out == ("lab/c1",)

    rare = ReplayCandidate("lab/rare", "one", 0.0, 0.9, 0.8, 1.0, 10.0, 0.001, 1.0)
    rows = [
        ReplayRow(
            f"d{at}", 0.0, (ReplayCandidate("lab/a", "one", 1.0, 0.5, 0.4, 0.6, 9.0, 0.1), *((rare,) if at else ())), 0
        )
        for at in (0, 0, 1)
    ]
    assert frontier_of_traffic(table_of(rows), {}).left_out == ("lab/rare",)


def test_a_model_at_two_upstreams_stands_once_at_the_cheaper() -> None:
    both = tuple(
        ReplayCandidate("lab/a", name, float(name == "one"), 0.5, 0.4, 0.6, 10.0, cost, 1.0)
        for name, cost in (("one", 0.1), ("two", 0.01))
    )
    (point,) = frontier_of_traffic(table_of([ReplayRow("d", 0.0, both, 0)]), {}).of("model")

    assert point.cost_usd == pytest.approx(0.01)


def test_without_traffic_the_figures_stand_at_the_price_of_a_typical_request() -> None:
    rows = view_models(
        pool(Known(), Known(model="lab/b", price_in=None), Known(model="lab/c")),
        {"lab/a": view(0.6), "lab/b": view(0.7)}, Seen(),
    )  # fmt: skip

    found = frontier_of_figures(rows)

    (point,) = found.points
    assert point.label == "lab/a"
    assert (point.cost_usd, point.quality) == pytest.approx((0.0015, 0.6))
    assert (found.is_own_traffic, found.left_out) == (False, ("lab/b",))


def test_where_every_model_is_free_there_is_nothing_to_tell_apart() -> None:
    free, priced = Known(price_in=0.0, price_out=0.0), Known(model="lab/b")
    abilities = {"lab/a": view(0.6), "lab/b": view(0.7)}

    assert not frontier_of_figures(view_models(pool(free), abilities, Seen())).is_telling
    assert not frontier_of_figures(()).is_telling
    assert frontier_of_figures(view_models(pool(free, priced), abilities, Seen())).is_telling


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(1e-6, 1)), min_size=1, max_size=8))
def test_nobody_on_the_frontier_is_beaten_at_both(arms: list[tuple[float, float]]) -> None:
    models = frontier_of_traffic(table(*arms, n=2), {}).of("model")

    for point in models:
        beaten = any(
            other.quality > point.quality and other.cost_usd <= point.cost_usd for other in models if other is not point
        )
        assert not (point.is_best and beaten)
    assert any(point.is_best for point in models)
