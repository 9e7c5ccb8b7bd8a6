"""Predictions of several folds, ranked across them."""

import numpy as np
import pytest

from fairlead.learning.baselines import join_predictions
from fairlead.learning.metrics.ranking import mean_auc
from fairlead.learning.prediction import Prediction


def test_a_constant_of_each_fold_ranks_as_chance_does() -> None:
    draw = np.random.default_rng(0)
    scores = (draw.random((60, 2)) < 0.5).astype(np.float64)
    folds = np.arange(60) // 12
    constants = [np.tile(scores[folds != fold].mean(axis=0), (12, 1)) for fold in range(5)]

    joined = join_predictions([Prediction(quality) for quality in constants])

    assert (mean_auc(joined.quality, scores) or 1.0) < 0.45
    assert mean_auc(joined.within_folds(), scores) == pytest.approx(0.5)


def test_within_a_fold_the_order_is_what_it_was() -> None:
    quality = np.random.default_rng(1).random((20, 3))
    joined = join_predictions([Prediction(quality[:10]), Prediction(quality[10:])])

    np.testing.assert_array_equal(joined.within_folds()[:10].argsort(axis=0), quality[:10].argsort(axis=0))
    np.testing.assert_array_equal(Prediction(quality).within_folds(), quality)


def test_one_fit_is_ranked_across_folds_as_it_stands() -> None:
    quality = np.random.default_rng(2).random((20, 2))

    joined = join_predictions([Prediction(quality[:5]), Prediction(quality[5:])], is_one_fit=True)

    np.testing.assert_array_equal(joined.within_folds(), quality)


def test_the_usual_quality_of_several_fits_is_told_query_by_query() -> None:
    quality = np.full((2, 2), 0.5)
    folds = [Prediction(quality, usual=np.array([0.1, 0.9])), Prediction(quality[:1], usual=np.array([0.7, 0.3]))]

    joined = join_predictions(folds)

    assert joined.usual is not None
    assert joined.usual.tolist() == [[0.1, 0.9], [0.1, 0.9], [0.7, 0.3]]
    assert join_predictions([folds[0], Prediction(quality)]).usual is None
