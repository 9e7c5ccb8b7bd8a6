"""A model that was asked easy queries alone, as any rule of routing asks: it is not the best of all for that."""

import numpy as np
import pytest

from fairlead.assembly.shipped import query_encoder
from fairlead.domain.outline import outline_of_text
from fairlead.learning.onboarding import add_arm
from fairlead.learning.outcomes import Outcomes, Queries
from fairlead.learning.training import train
from fairlead.routing.policies.objective import Objective

WORDS = ("rain", "glass", "owls", "trains", "bread", "winter", "letters", "harbours", "stone", "river", "clock")


def logged(n: int) -> Outcomes:
    """Sums, which both models can do, and proofs, of which the weaker and cheaper model was asked none."""
    draw = np.random.default_rng(1)
    texts, scores = [], np.full((n, 2), np.nan)
    for row in range(n):
        named = ", ".join(draw.permutation(WORDS)[:3].tolist())
        is_sum = row % 2 == 0
        texts.append(
            f"What is {row} plus {3 * row}? ({named})" if is_sum else f"Prove a hard theorem on {named}, {row}."
        )
        scores[row, 0] = draw.random() < (0.98 if is_sum else 0.4)
        if is_sum:
            scores[row, 1] = draw.random() < 0.93
    queries = Queries(tuple(str(row) for row in range(n)), tuple(texts), ("",) * n)
    return Outcomes(queries, ("strong", "weak"), scores)


def test_who_was_asked_easy_queries_alone_is_not_the_best_of_all() -> None:
    outcomes = logged(300)
    assert np.nanmean(outcomes.score[:, 1]) > np.nanmean(outcomes.score[:, 0]) + 0.2

    router = train(outcomes, query_encoder(), seed=1).router

    assert router.verdict.best_single == "strong"
    entries = router.model_map.entries
    assert entries["weak"].quality.value < entries["strong"].quality.value + 0.03
    doubt = {name: entry.quality.spread or 0.0 for name, entry in entries.items()}
    assert doubt["weak"] > 1.5 * doubt["strong"]
    chosen = router.choose(router.foretell([outline_of_text(text) for text in outcomes.queries.texts]), Objective())
    assert (chosen == 0).mean() > 0.95


@pytest.mark.parametrize(("kinds", "at_most"), [((0, 1), 0.06), ((0,), 0.15), ((1,), 0.1)])
def test_a_new_model_is_placed_in_such_a_pool_by_probes_of_one_kind_too(kinds: tuple[int, ...], at_most: float) -> None:
    outcomes = logged(300)
    router = train(outcomes, query_encoder(), seed=1).router
    means = []
    for seed in range(4):
        draw = np.random.default_rng(seed)
        rows = np.array([row for row in draw.permutation(300).tolist() if row % 2 in kinds][:60])
        own = outcomes.take(rows).queries
        scores = (draw.random(60) < np.where(rows % 2 == 0, 0.95, 0.3)).astype(np.float64)
        means.append(add_arm(router, "new", Outcomes(own, ("new",), scores[:, None])).arm.mean)

    assert np.mean(means) == pytest.approx(0.625, abs=at_most)
