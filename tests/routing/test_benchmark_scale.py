import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.routing.modelmap.benchmark_scale import (
    SLOPE,
    TRAITS,
    UNKNOWN_DIFFICULTY,
    Anchor,
    evidence_of,
    fit_benchmark_scale,
    traits_of,
)
from tests.routing.small_cards import BENCHMARKS, card

ANCHORS = {"mmlu": Anchor(-1.0, 0.5)}
CARDS = [
    card("a/one", {"mmlu": 0.7, "maths_test": 0.2, "code_test": 0.3}, price=0.3),
    card("b/two", {"mmlu": 0.85, "maths_test": 0.6}, price=3.0),
    card("c/three", {"mmlu": 0.9, "maths_test": 0.7, "chat_test": 0.9}, price=12.0, reasoning=True),
    card("d/four", {}, price=1.0),
]


def test_without_cards_the_anchors_and_the_hand_set_priors_stand() -> None:
    scale = fit_benchmark_scale([], BENCHMARKS, ANCHORS)

    assert scale.difficulties["mmlu"] == pytest.approx(Anchor(-1.0, 0.5))
    assert scale.difficulty_of("never heard of").difficulty == UNKNOWN_DIFFICULTY


def test_a_benchmark_where_everyone_scores_less_is_harder() -> None:
    scale = fit_benchmark_scale(CARDS, BENCHMARKS, ANCHORS)

    assert scale.difficulties["maths_test"].difficulty > scale.difficulties["mmlu"].difficulty
    assert scale.difficulties["maths_test"].sd < scale.difficulties["code_test"].sd


def test_difficulties_of_simulated_benchmarks_are_recovered() -> None:
    drawer = np.random.default_rng(3)
    true = {"mmlu": -1.0, "maths_test": 1.5, "code_test": 0.5, "chat_test": 2.5}
    cards = []
    for number in range(120):
        traits = traits_of(card(price=float(10 ** (number % 5 / 2 - 1))))
        mean = 2.0 + 0.6 * traits[TRAITS.index("log10_price")] + 0.8 * traits[TRAITS.index("years")]
        general = mean + 0.9 * drawer.standard_normal()
        scores = {}
        for key, benchmark in BENCHMARKS.items():
            logit = SLOPE * (general - true[key]) + 0.4 * drawer.standard_normal()
            chance = 1 / (1 + np.exp(-logit))
            scores[key] = float(benchmark.guess_rate + (1 - benchmark.guess_rate) * chance)
        cards.append(card(f"lab/{number}", scores, price=float(10 ** (number % 5 / 2 - 1))))

    scale = fit_benchmark_scale(cards, BENCHMARKS, {"mmlu": Anchor(-1.0, 0.2)})

    for key, difficulty in true.items():
        found = scale.difficulties[key]
        assert abs(found.difficulty - difficulty) < 3 * found.sd
        assert found.sd < 0.3


@given(st.permutations(CARDS))
def test_the_order_of_the_cards_changes_no_bit(cards: list) -> None:  # type: ignore[type-arg]
    one, other = fit_benchmark_scale(CARDS, BENCHMARKS, ANCHORS), fit_benchmark_scale(cards, BENCHMARKS, ANCHORS)

    assert one.difficulties == other.difficulties
    assert np.array_equal(one.worth, other.worth)


def test_names_are_never_read() -> None:
    renamed = [
        card("x/9", {"mmlu": 0.7, "maths_test": 0.2, "code_test": 0.3}, price=0.3, lab="zz", provider="other"),
        card("x/8", {"mmlu": 0.85, "maths_test": 0.6}, price=3.0, lab="zz", provider="other"),
        card("x/7", {"mmlu": 0.9, "maths_test": 0.7, "chat_test": 0.9}, price=12.0, reasoning=True, lab="zz"),
        card("x/6", {}, price=1.0),
    ]

    one, other = fit_benchmark_scale(CARDS, BENCHMARKS, ANCHORS), fit_benchmark_scale(renamed, BENCHMARKS, ANCHORS)

    assert one.difficulties == other.difficulties
    assert np.array_equal(one.worth, other.worth)


def test_a_score_at_or_below_guessing_is_kept_finite() -> None:
    evidence = evidence_of(card(scores={"mmlu": 0.1, "maths_test": 1.0}), BENCHMARKS)

    assert np.isfinite(evidence.logits).all() and np.isfinite(evidence.variances).all()


def test_unknown_facts_are_zero_beside_their_indicator() -> None:
    traits = dict(zip(TRAITS, traits_of(card(price=None)), strict=True))

    assert traits["price_unknown"] == traits["size_unknown"] == 1.0
    assert traits["log10_price"] == traits["log10_size"] == 0.0


def test_a_price_of_zero_says_nothing_about_ability() -> None:
    assert traits_of(card(price=0.0))[TRAITS.index("price_unknown")] == 1.0
