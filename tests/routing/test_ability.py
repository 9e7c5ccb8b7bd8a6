import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalogue.cards import Figure
from fairlead.domain.kinds import KINDS
from fairlead.routing.modelmap.ability import abilities_of
from fairlead.routing.modelmap.benchmark_scale import PRIOR_COVARIANCE, Anchor, fit_benchmark_scale, traits_of
from tests.routing.small_cards import BENCHMARKS, DAY, card

SCALE = fit_benchmark_scale([], BENCHMARKS, {"mmlu": Anchor(-1.0, 0.3), "maths_test": Anchor(1.0, 0.3)})

FIGURES = st.lists(
    st.builds(
        Figure,
        st.sampled_from(sorted(BENCHMARKS)),
        st.floats(0, 1),
        st.floats(0.005, 0.1),
        st.just("test"),
        st.just(DAY),
    ),
    max_size=6,
)


def test_without_figures_the_posterior_is_the_prior() -> None:
    bare = card(price=4.0)

    ability = abilities_of(bare, BENCHMARKS, SCALE)

    assert np.array_equal(ability.covariance, PRIOR_COVARIANCE)
    assert ability.mean == pytest.approx(np.full(len(KINDS), traits_of(bare) @ SCALE.worth))
    assert ability.basis == "prior"


@given(FIGURES, FIGURES)
def test_more_figures_never_widen_the_posterior(some: list[Figure], more: list[Figure]) -> None:
    few = dataclasses.replace(card(), figures=tuple(some))
    many = dataclasses.replace(card(), figures=tuple(some + more))

    shrunk = abilities_of(few, BENCHMARKS, SCALE).covariance - abilities_of(many, BENCHMARKS, SCALE).covariance

    assert float(np.linalg.eigvalsh(shrunk).min()) > -1e-9


@given(FIGURES.flatmap(lambda figures: st.tuples(st.just(figures), st.permutations(figures))))
def test_the_order_of_the_figures_changes_no_bit(pair: tuple[list[Figure], list[Figure]]) -> None:
    one, other = (abilities_of(dataclasses.replace(card(), figures=tuple(part)), BENCHMARKS, SCALE) for part in pair)

    assert np.array_equal(one.mean, other.mean) and np.array_equal(one.covariance, other.covariance)


def test_a_better_score_means_more_ability_most_of_all_in_its_own_kind() -> None:
    weak, strong = (abilities_of(card(scores={"maths_test": score}), BENCHMARKS, SCALE).mean for score in (0.3, 0.9))

    gains = dict(zip(KINDS, strong - weak, strict=True))
    assert all(gain > 0 for gain in gains.values())
    assert max(gains, key=lambda kind: gains[kind]) == "maths"


def test_three_figures_make_an_ability_published() -> None:
    scores = {"mmlu": 0.8, "maths_test": 0.5, "code_test": 0.4}

    assert abilities_of(card(scores=scores), BENCHMARKS, SCALE).basis == "published"
    scores.pop("mmlu")
    assert abilities_of(card(scores=scores), BENCHMARKS, SCALE).basis == "prior"


def test_the_same_benchmark_quoted_ten_times_does_not_make_us_sure() -> None:
    quote = card(scores={"maths_test": 0.5}).figures[0]
    ten = dataclasses.replace(card(), figures=(quote,) * 10)
    maths = KINDS.index("maths")

    assert abilities_of(ten, BENCHMARKS, SCALE).covariance[maths, maths] > 0.3


def test_figures_of_unknown_benchmarks_are_passed_over() -> None:
    odd = dataclasses.replace(card(), figures=(Figure("unheard_of", 0.5, 0.02, "test", DAY),))

    assert abilities_of(odd, BENCHMARKS, SCALE).n_figures == 0


def test_names_of_model_lab_and_provider_change_nothing() -> None:
    scores = {"mmlu": 0.8, "maths_test": 0.5}
    one = abilities_of(card("a/one", scores, lab="a", provider="p"), BENCHMARKS, SCALE)
    other = abilities_of(card("b/two", scores, lab="b", provider="q"), BENCHMARKS, SCALE)

    assert np.array_equal(one.mean, other.mean) and np.array_equal(one.covariance, other.covariance)
