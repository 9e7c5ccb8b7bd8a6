import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalogue.cards import Figure
from fairlead.domain.kinds import KINDS
from fairlead.routing.modelmap.ability import abilities_of
from fairlead.routing.modelmap.benchmark_scale import PRIOR_COVARIANCE, Anchor, fit_benchmark_scale, traits_of
from fairlead.routing.modelmap.measured import MeasuredAbility
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


N = len(KINDS)


def measured(
    precision: float, ability: float, n_outcomes: int = 500, benchmarks: frozenset[str] = frozenset()
) -> MeasuredAbility:
    pull = np.full(N, precision * ability)
    return MeasuredAbility("lab/model", np.eye(N) * precision, pull, (1.0,) * N, n_outcomes, ("s",), benchmarks, "")


def test_outcomes_draw_an_ability_to_what_they_say_and_make_it_surer() -> None:
    some = card(scores={"mmlu": 0.5})
    before = abilities_of(some, BENCHMARKS, SCALE)

    after = abilities_of(some, BENCHMARKS, SCALE, measured(400.0, 3.0))

    assert after.mean == pytest.approx(np.full(N, 3.0), abs=0.15)
    assert float(np.linalg.eigvalsh(before.covariance - after.covariance).min()) > 0
    assert (after.basis, after.n_outcomes) == ("measured", 500)


def test_outcomes_without_information_change_nothing() -> None:
    some = card(scores={"mmlu": 0.5, "maths_test": 0.4})
    before, after = (abilities_of(some, BENCHMARKS, SCALE, one) for one in (None, measured(0.0, 9.0, 5)))

    assert after.mean == pytest.approx(before.mean) and after.covariance == pytest.approx(before.covariance)
    assert after.basis == before.basis


def test_what_outcomes_say_of_one_kind_reaches_the_others_through_general_ability() -> None:
    precision, pull = np.zeros((N, N)), np.zeros(N)
    maths = KINDS.index("maths")
    precision[maths, maths], pull[maths] = 100.0, 100.0 * 6.0
    of_maths = MeasuredAbility("lab/model", precision, pull, (0.0,) * N, 300, ("s",), frozenset(), "")

    gains = abilities_of(card(), BENCHMARKS, SCALE, of_maths).mean - abilities_of(card(), BENCHMARKS, SCALE).mean
    assert gains.argmax() == maths and (gains > 0).all()


def test_a_figure_of_a_benchmark_that_was_measured_does_not_count_twice() -> None:
    quoted, bare = card(scores={"mmlu": 0.2}), card()
    same = measured(30.0, 2.0, benchmarks=frozenset({"mmlu"}))

    with_figure, without = (abilities_of(one, BENCHMARKS, SCALE, same) for one in (quoted, bare))

    assert np.array_equal(with_figure.mean, without.mean) and with_figure.n_figures == 0
    other = abilities_of(quoted, BENCHMARKS, SCALE, measured(30.0, 2.0, benchmarks=frozenset({"maths_test"})))
    assert other.n_figures == 1 and (other.mean < without.mean).any()


@given(st.floats(0.0, 1e4), st.floats(-6.0, 6.0), FIGURES)
def test_a_joined_ability_is_a_gaussian(precision: float, ability: float, figures: list[Figure]) -> None:
    found = abilities_of(
        dataclasses.replace(card(), figures=tuple(figures)), BENCHMARKS, SCALE, measured(precision, ability)
    )

    assert np.isfinite(found.mean).all()
    assert np.array_equal(found.covariance, found.covariance.T)
    assert float(np.linalg.eigvalsh(found.covariance).min()) > 0
