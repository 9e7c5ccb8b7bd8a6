import dataclasses

import numpy as np
import pytest

from fairlead.domain.kinds import KINDS
from fairlead.evaluation.item_response import fit_item_scale
from fairlead.evaluation.measured_abilities import (
    SETUP_COVARIANCE,
    Answers,
    evidence_of,
    measure_abilities,
    outcome_names,
    widened,
)
from tests.evaluation.small_tables import table_of
from tests.routing.small_reader import small_reader

K = len(KINDS)


def answers(ability: np.ndarray, n: int, seed: int = 0, guess: float = 0.0, only: int | None = None) -> Answers:
    """n outcomes of a model with these abilities, on questions of mixed kinds or of one."""
    drawer = np.random.default_rng(seed)
    kinds = drawer.dirichlet(np.full(K, 0.3), n) if only is None else np.tile(np.eye(K)[only], (n, 1))
    difficulty = drawer.normal(0.0, 1.5, n)
    chance = guess + (1 - guess) / (1 + np.exp(difficulty - kinds @ ability))
    return Answers(kinds, difficulty, np.ones(n), np.full(n, guess), (drawer.random(n) < chance) * 1.0)


@pytest.mark.parametrize("guess", [0.0, 0.25])
def test_abilities_that_made_the_outcomes_are_found_again(guess: float) -> None:
    truth = np.linspace(-1.5, 1.5, K)

    precision, pull = evidence_of(answers(truth, 20_000, guess=guess), 0.0)

    found, errors = np.linalg.solve(precision, pull), np.sqrt(np.diag(np.linalg.inv(precision)))
    assert np.abs(found - truth).max() < 0.25
    assert np.abs((found - truth) / errors).max() < 4.0


def test_the_prior_that_steadies_the_fit_is_taken_out_again() -> None:
    some = answers(np.full(K, 1.0), 5_000)

    (_, one), (_, other) = evidence_of(some, -1.0), evidence_of(some, 2.0)

    assert one == pytest.approx(other, rel=0.02)


def test_outcomes_of_one_kind_claim_nothing_of_the_others() -> None:
    precision, pull = evidence_of(answers(np.full(K, 1.0), 500, only=2), 0.0)

    others = [place for place in range(K) if place != 2]
    assert precision[2, 2] > 20
    assert np.all(precision[others] == 0) and np.all(pull[others] == 0)
    wider, drawn = widened(precision, pull)
    assert np.allclose(wider[others], 0) and np.allclose(drawn[others], 0)


def test_any_number_of_outcomes_of_one_source_leaves_its_set_up_in_doubt() -> None:
    precision, pull = evidence_of(answers(np.full(K, 1.0), 50_000), 0.0)

    wider, drawn = widened(precision, pull)

    covariance = np.linalg.inv(wider)
    assert float(np.linalg.eigvalsh(covariance - SETUP_COVARIANCE).min()) > -1e-9
    assert np.linalg.solve(wider, drawn) == pytest.approx(np.linalg.solve(precision, pull), abs=1e-6)


def test_all_right_or_all_wrong_stays_finite() -> None:
    some = answers(np.zeros(K), 300)
    for score in (0.0, 1.0):
        precision, pull = evidence_of(dataclasses.replace(some, score=np.full(300, score)), 0.0)

        assert np.isfinite(precision).all() and np.isfinite(pull).all()
        assert float(np.linalg.eigvalsh(precision).min()) > -1e-9


def test_outcomes_are_told_by_card_and_the_better_model_is_measured_to_be_better() -> None:
    names = outcome_names()
    spellings = ("claude-3-haiku-20240307", "claude-3-opus-20240229", "a model without a card")
    drawer = np.random.default_rng(3)
    ease = drawer.random(200)
    scores = np.stack([(ease > bar) * 1.0 for bar in (0.7, 0.2, 0.5)], axis=1)
    scores[:50, 0] = np.nan
    table = table_of("zeroeval", [f"How many apples? {n}" for n in range(200)], spellings, scores, task="gsm")

    found = measure_abilities([table], fit_item_scale([table]), small_reader(seed=1), "2026-01-01")

    weak, strong = (found[names[spelling]] for spelling in spellings[:2])
    assert set(found) == {weak.model, strong.model}
    assert (weak.n_outcomes, strong.n_outcomes, strong.sources) == (150, 200, ("zeroeval",))
    assert sum(strong.n_by_kind) == pytest.approx(200, abs=1)
    assert "gsm8k" in strong.benchmarks and "mmlu" not in strong.benchmarks
    before = np.zeros(K), np.eye(K)
    assert (strong.joined(*before)[0] - weak.joined(*before)[0]).sum() > 0.3
