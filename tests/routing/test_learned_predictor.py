"""The trained router goes before published figures, for the models that it knows and no other."""

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from fairlead.assembly.shipped import prompt_reader, query_encoder, shipped_catalogue
from fairlead.domain.names import ModelId
from fairlead.domain.outline import outline_of_text
from fairlead.learning.outcomes import Outcomes, Queries
from fairlead.learning.training import train
from fairlead.routing.learned_predictor import LearnedPredictor, first_arms
from fairlead.routing.predictors.benchmark_ability import BenchmarkPredictor

KNOWN, UNKNOWN = ModelId("openai/gpt-4o"), ModelId("openai/gpt-4o-mini")


def predictors_of(output_tokens: float | None) -> tuple[LearnedPredictor, BenchmarkPredictor]:
    """A router of two models on sums and poems, with replies of so many tokens, over published figures."""
    n = 60
    texts = tuple(f"What is {k} plus {k}?" if k % 2 else f"Write a poem about the number {k}." for k in range(n))
    score = np.array([[float(k % 2), 0.5] for k in range(n)])
    queries = Queries(tuple(map(str, range(n))), texts, ("",) * n)
    tokens = None if output_tokens is None else np.full((n, 2), output_tokens)
    outcomes = Outcomes(queries, ("gpt-4o", "a-model-of-ours"), score, output_tokens=tokens)
    catalogue = shipped_catalogue()
    beneath = BenchmarkPredictor(prompt_reader(), catalogue.benchmarks, tuple(catalogue.cards.values()))
    router = train(outcomes, query_encoder()).router

    def card_of(name: str) -> str | None:
        card = catalogue.resolve(name)
        return None if card is None else card.model

    return LearnedPredictor(router, beneath, card_of), beneath


@pytest.fixture(scope="module")
def predictors() -> tuple[LearnedPredictor, BenchmarkPredictor]:
    return predictors_of(output_tokens=40.0)


def test_a_trained_model_is_foretold_by_what_was_learned(
    predictors: tuple[LearnedPredictor, BenchmarkPredictor],
) -> None:
    learned, beneath = predictors
    cards = [shipped_catalogue().cards[name] for name in (UNKNOWN, KNOWN)]
    ours, theirs = learned.bind(cards), beneath.bind(cards)
    assert ours.bases == (theirs.bases[0], "measured")
    sums = ours.forecast(outline_of_text("What is 17 plus 17?"))
    poems = ours.forecast(outline_of_text("Write a poem about the number 18."))
    assert sums.quality[1] > 0.7 > 0.3 > poems.quality[1]
    plain = theirs.forecast(outline_of_text("What is 17 plus 17?"))
    assert sums.quality[0] == plain.quality[0]
    assert sums.output_tokens[0] == plain.output_tokens[0]


def test_lengths_keep_to_the_clients_limit_and_count_every_choice(
    predictors: tuple[LearnedPredictor, BenchmarkPredictor],
) -> None:
    bound = predictors[0].bind([shipped_catalogue().cards[KNOWN]])
    asked = outline_of_text("What is 17 plus 17?")
    assert bound.forecast(asked).output_tokens[0] == pytest.approx(40.0, rel=0.2)
    assert bound.forecast(asked._replace(max_output_tokens=7, n_choices=3)).output_tokens[0] == 21.0


def test_a_model_that_the_catalogue_does_not_hold_is_known_by_the_name_that_outcomes_have_for_it(
    predictors: tuple[LearnedPredictor, BenchmarkPredictor],
) -> None:
    ours = replace(shipped_catalogue().cards[UNKNOWN], model=ModelId("a-model-of-ours"))
    assert predictors[0].bind([ours]).bases == ("measured",)


def test_a_models_own_name_may_hold_the_sign_of_an_effort_and_goes_before_its_efforts(
    predictors: tuple[LearnedPredictor, BenchmarkPredictor],
) -> None:
    arms = ("ours@2024@high", "gpt-4o@low", "gpt-4o@high", "theirs@low", "theirs")
    found = first_arms(replace(predictors[0].router, arms=arms), predictors[0].card_of)
    assert [found[name] for name in ("ours@2024", "ours", KNOWN, "theirs")] == [0, 0, 1, 4]


def test_its_figures_lie_one_behind_the_other_where_native_code_reads_them(
    predictors: tuple[LearnedPredictor, BenchmarkPredictor],
) -> None:
    cards = [shipped_catalogue().cards[name] for name in (UNKNOWN, KNOWN)]
    found = predictors[0].bind(cards).forecast(outline_of_text("What is 17 plus 17?"))

    lying = (ctypes.c_double * 8).from_address(found.for_native().data)

    assert list(lying) == found.figures.ravel().tolist()


def test_without_learned_lengths_those_beneath_stay() -> None:
    learned, beneath = predictors_of(output_tokens=None)
    card, asked = [shipped_catalogue().cards[KNOWN]], outline_of_text("What is 17 plus 17?")
    assert learned.bind(card).bases == ("measured",)
    assert learned.bind(card).forecast(asked).output_tokens == beneath.bind(card).forecast(asked).output_tokens


def test_what_is_read_off_the_prompt_stays_that_of_the_predictor_beneath(
    predictors: tuple[LearnedPredictor, BenchmarkPredictor],
) -> None:
    cards, asked = [shipped_catalogue().cards[KNOWN]], outline_of_text("Wie viel ist das und was ist es nicht?")
    ours, theirs = (one.bind(cards).forecast(asked) for one in predictors)

    assert (ours.kind_shares, ours.difficulty, ours.language) == (
        theirs.kind_shares,
        theirs.difficulty,
        theirs.language,
    )
    assert len(ours.kind_shares) > 1
    assert ours.figures.tolist() != theirs.figures.tolist()
