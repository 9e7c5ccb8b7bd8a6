"""RouterEstimator keeps to the manners of scikit-learn."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from fairlead.domain.errors import OutcomesError
from fairlead.learning.estimator import RouterEstimator
from tests.learning.small_trainings import ARMS, POEM, SUM, costs, encoder, sums_and_poems


@pytest.fixture(scope="module")
def fitted() -> RouterEstimator:
    read = sums_and_poems()
    return RouterEstimator(encoder()).fit(read.queries.texts, read.score, costs(80), ARMS)


def test_it_predicts_the_model_for_each_text(fitted: RouterEstimator) -> None:
    assert fitted.predict([SUM, POEM]).tolist() == [1, 0]
    assert fitted.predict_quality([SUM, POEM]).shape == (2, 3)
    assert fitted.router_.arms == ARMS


def test_its_score_is_the_mean_score_of_the_chosen(fitted: RouterEstimator) -> None:
    assert fitted.score([SUM, POEM], [[0.0, 1.0, 0.0], [0.5, 0.0, 0.0]]) == 0.75


def test_no_text_makes_no_choice(fitted: RouterEstimator) -> None:
    assert fitted.predict([]).shape == (0,)
    assert fitted.predict_quality([]).shape == (0, 3)


def test_a_cost_weight_moves_the_choice(fitted: RouterEstimator) -> None:
    before = fitted.cost_weight
    try:
        assert fitted.set_params(cost_weight=50.0).predict([SUM]).tolist() == [0]
    finally:
        fitted.set_params(cost_weight=before)


def test_it_can_be_cloned_from_its_parameters() -> None:
    one = RouterEstimator(encoder(), parts=("linear",), cost_weight=0.5, seed=3)
    other = RouterEstimator(**one.get_params(deep=False))
    assert all(one.get_params()[name] is value for name, value in other.get_params().items())
    assert set(one.get_params()) == {"encoder", "parts", "cost_weight", "seed"}


def test_a_parameter_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no parameter 'depth', only encoder"):
        RouterEstimator(encoder()).set_params(depth=3)


def test_what_does_not_fit_together_is_refused() -> None:
    read = sums_and_poems(20)
    estimator = RouterEstimator(encoder(), parts=("linear",))
    with pytest.raises(ValueError, match="not of shape \\(20,\\)"):
        estimator.fit(read.queries.texts, read.score[:, 0])
    with pytest.raises(ValueError, match="shape"):
        estimator.fit(read.queries.texts[:-1], read.score)
    with pytest.raises(ValueError, match="shape"):
        estimator.fit(read.queries.texts, read.score, arms=("one",))
    with pytest.raises(OutcomesError, match="too few"):
        estimator.fit(read.queries.texts[:3], read.score[:3])


@pytest.mark.parametrize(
    ("texts", "said"),
    [("hello", "put one text alone into a list"), (b"hello", "into a list"), ([SUM, None], "text 1 is a NoneType"),
     ([SUM, 3.0], "text 1 is a float")],
)  # fmt: skip
def test_what_is_no_sequence_of_texts_is_refused(fitted: RouterEstimator, texts: Any, said: str) -> None:
    for use in (fitted.predict, fitted.predict_quality, partial(fitted.fit, scores=[[1.0, 0.0]] * 5)):
        with pytest.raises(ValueError, match=said):
            use(texts)


def test_texts_of_an_array_are_texts(fitted: RouterEstimator) -> None:
    assert fitted.predict(list(np.array([SUM, POEM]))).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("scores", "said"),
    [([0.0, 1.0], r"not of shape \(2,\)"), ([[0.0, 1.0, 0.0]], r"\(1, 3\), not \(2, 3\)"),
     ([[0.0], [1.0]], r"\(2, 1\), not \(2, 3\)"), (np.full((2, 3), np.nan), "no score of a chosen arm is known")],
)  # fmt: skip
def test_scores_that_cannot_tell_are_refused_in_words(fitted: RouterEstimator, scores: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        fitted.score([SUM, POEM], scores)


def test_a_cost_weight_without_costs_is_refused_and_not_passed_over() -> None:
    read = sums_and_poems(20)
    estimator = RouterEstimator(encoder(), parts=("linear",), cost_weight=0.5)
    with pytest.raises(ValueError, match="cost weight needs costs"):
        estimator.fit(read.queries.texts, read.score)
    estimator.set_params(cost_weight=0.0).fit(read.queries.texts, read.score).set_params(cost_weight=0.5)
    with pytest.raises(ValueError, match="cost weight needs costs"):
        estimator.predict([SUM])


def test_before_it_is_fitted_it_says_so() -> None:
    with pytest.raises(ValueError, match="not fitted yet"):
        RouterEstimator(encoder()).predict([SUM])


def test_holes_are_allowed_and_arms_get_names() -> None:
    read = sums_and_poems(60)
    score = np.where(np.random.default_rng(0).random(read.score.shape) < 0.3, np.nan, read.score)
    estimator = RouterEstimator(encoder()).fit(read.queries.texts, score.tolist())
    assert estimator.router_.arms == ("arm-0", "arm-1", "arm-2")
    assert estimator.predict([SUM, POEM]).tolist() == [1, 0]
