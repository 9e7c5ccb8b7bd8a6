"""What a training run says of itself: no gain where there is none to be had, and of whom what was asked."""

from dataclasses import replace

import numpy as np

from fairlead.evaluation.training_report import cross_validated, lines_of
from fairlead.learning.training import train
from tests.learning.small_trainings import encoder, outcomes_of, sums_and_poems, texts


def test_on_coin_flips_the_report_finds_no_gain_over_the_best_single_model() -> None:
    gains = []
    for seed in range(12):
        flips = (np.random.default_rng(seed).random((60, 6)) < 0.5).astype(np.float64)
        read = outcomes_of(texts(60, seed), flips)
        training = train(read, encoder(), parts=("linear", "neighbours"))
        figure = cross_validated(read, training, n_draws=2).method("router").figures["gain"]
        gains.append(np.nan if figure.value is None else figure.value)

    # Where every mean is known beforehand the winner of the flips is chosen, and the gain is .12 here.
    assert abs(np.mean(gains)) < 2.0 * np.std(gains) / np.sqrt(len(gains)) + 1e-9


def said_of(lines: list[str]) -> dict[str, str]:
    """Of whom it is said which queries were asked."""
    split = [line.split(" queries than the others")[0] for line in lines if "queries than the others" in line]
    return {one.split(" was asked ")[0]: one.split(" was asked ")[1] for one in split}


def test_who_was_asked_easier_queries_is_said_and_whose_few_outcomes_are_drawn_to_the_others_is_not() -> None:
    read = sums_and_poems(60)
    one_outcome, sums_alone = (np.repeat(read.score[:, 1:2], 3, axis=1) for _ in range(2))
    one_outcome[1:, 0] = np.nan
    sums_alone[1::2, 0] = np.nan

    for score, expected in ((one_outcome, {}), (sums_alone, {"bard": "easier"})):
        asked = replace(read, score=score)
        assert said_of(lines_of(asked, train(asked, encoder(), parts=("linear",)))) == expected
