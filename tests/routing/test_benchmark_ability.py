import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.kinds import KINDS
from fairlead.domain.outline import Outline
from fairlead.routing.modelmap.ability import Abilities
from fairlead.routing.modelmap.measured import MeasuredAbility
from fairlead.routing.predictors.benchmark_ability import BenchmarkForecaster, BenchmarkPredictor
from tests.routing.small_cards import BENCHMARKS, card
from tests.routing.small_reader import small_reader

CARDS = [
    card("a/weak", {"mmlu": 0.5, "maths_test": 0.1, "code_test": 0.1}, price=0.2),
    card("b/middle", {"mmlu": 0.8, "maths_test": 0.5, "code_test": 0.4}, price=1.0),
    card("c/strong", {"mmlu": 0.92, "maths_test": 0.9, "code_test": 0.8}, price=9.0, reasoning=True),
    card("d/unknown", {}, price=1.0),
    card("e/other", {"chat_test": 0.7}, price=2.0),
]
PREDICTOR = BenchmarkPredictor(small_reader(seed=4), BENCHMARKS, CARDS)
OUTLINE = Outline(turn_text="How many primes are there below a hundred?", turn_chars=42)


def test_abler_models_are_expected_to_do_better() -> None:
    weak, middle, strong, *_ = PREDICTOR.bind(CARDS).forecast(OUTLINE).quality

    assert weak < middle < strong


def test_longer_prompts_are_harder_for_everyone_here() -> None:
    forecaster = PREDICTOR.bind(CARDS)

    easy = forecaster.forecast(OUTLINE).quality
    hard = forecaster.forecast(OUTLINE._replace(turn_chars=4_000)).quality
    assert (hard < easy).all()


@given(st.permutations(range(len(CARDS))))
def test_the_order_of_the_cards_changes_no_bit(order: list[int]) -> None:
    plain = PREDICTOR.bind(CARDS).forecast(OUTLINE)
    shuffled = PREDICTOR.bind([CARDS[index] for index in order]).forecast(OUTLINE)

    for one, other in zip(plain.figures, shuffled.figures, strict=True):
        assert np.array_equal(one[order], other)


def test_a_model_is_judged_alike_in_a_pool_of_one_and_of_many() -> None:
    many = PREDICTOR.bind(CARDS * 30).forecast(OUTLINE)
    alone = PREDICTOR.bind(CARDS[1:2]).forecast(OUTLINE)

    assert [float(part[0]) for part in alone.figures] == [float(part[1]) for part in many.figures]


@given(st.text(alphabet=st.characters(codec=None), max_size=400), st.integers(0, 10**8))
def test_intervals_hold_the_quality_and_stay_in_range(text: str, n_chars: int) -> None:
    forecast = PREDICTOR.bind(CARDS).forecast(Outline(turn_text=text, turn_chars=n_chars))

    assert (forecast.quality_low >= 0).all() and (forecast.quality_high <= 1).all()
    assert (forecast.quality_low <= forecast.quality).all() and (forecast.quality <= forecast.quality_high).all()
    assert (forecast.output_tokens >= 1).all() and np.isfinite(forecast.output_tokens).all()


@pytest.mark.parametrize("level", [-20.0, -8.0, 0.0, 8.0, 20.0])
def test_far_up_and_far_down_the_scale_the_interval_still_holds_the_quality(level: float) -> None:
    # Far from 0 the mean of the skewed distribution lies outside its own 5 % and 95 % points.
    ability = Abilities(np.full(len(KINDS), level), np.eye(len(KINDS)), "published", 9)

    forecast = BenchmarkForecaster(small_reader(), [ability], [0.0]).forecast(OUTLINE)

    assert forecast.quality_low[0] <= forecast.quality[0] <= forecast.quality_high[0]


def test_a_model_without_figures_has_a_wider_interval_and_says_so() -> None:
    forecaster = PREDICTOR.bind([CARDS[1], card("x/y", {}, price=1.0)])
    forecast = forecaster.forecast(OUTLINE)

    # In logits, where the scale's ends do not squeeze.
    low, high = (np.log(share / (1 - share)) for share in (forecast.quality_low, forecast.quality_high))
    width = high - low
    assert width[1] > width[0]
    assert tuple(forecaster.bases) == ("published", "prior")


def test_models_that_reason_spend_hidden_tokens_and_more_when_asked() -> None:
    forecaster = PREDICTOR.bind([card("p/plain"), card("r/reasons", reasoning=True)])

    plain, reasons = forecaster.forecast(OUTLINE).output_tokens
    _, asked = forecaster.forecast(OUTLINE._replace(wants_reasoning=True)).output_tokens
    assert plain < reasons < asked


def test_the_client_s_limit_caps_the_tokens_of_each_choice() -> None:
    forecaster = PREDICTOR.bind(CARDS)

    assert (forecaster.forecast(OUTLINE._replace(max_output_tokens=7)).output_tokens == 7).all()
    assert (forecaster.forecast(OUTLINE._replace(max_output_tokens=7, n_choices=3)).output_tokens == 21).all()


def test_a_measured_model_says_so_and_its_outcomes_move_it() -> None:
    k = len(KINDS)
    strong = MeasuredAbility(
        "a/weak", np.eye(k) * 25.0, np.full(k, 25.0 * 6.0), (50.0,) * k, 350, ("s",), frozenset(), "2026-01-01"
    )
    plain = PREDICTOR.bind(CARDS)
    measured = BenchmarkPredictor(small_reader(seed=4), BENCHMARKS, CARDS, {"a/weak": strong}).bind(CARDS)

    assert measured.bases == ("measured", *plain.bases[1:])
    before, after = plain.forecast(OUTLINE), measured.forecast(OUTLINE)
    assert after.quality[0] > before.quality[0] + 0.1
    assert np.array_equal(after.quality[1:], before.quality[1:])


def test_an_empty_pool_gives_empty_arrays() -> None:
    forecast = PREDICTOR.bind([]).forecast(OUTLINE)

    assert [len(part) for part in forecast.figures] == [0, 0, 0, 0]


def test_quality_is_the_average_over_what_is_not_known() -> None:
    """Against the integral, by quadrature: the approximation is good to a hundredth."""
    forecaster = PREDICTOR.bind(CARDS)
    forecast = forecaster.forecast(OUTLINE)
    low, high = (np.log(part / (1 - part)) for part in (forecast.quality_low, forecast.quality_high))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    middle, spread = (low + high) / 2, (high - low) / 2 / 1.6448536269514722
    exact = (weights / weights.sum() / (1 + np.exp(-(middle[:, None] + spread[:, None] * nodes)))).sum(axis=1)

    assert forecast.quality == pytest.approx(exact, abs=0.012)
