import numpy as np
import pytest

from fairlead.domain.errors import OutcomesError
from fairlead.domain.outline import outline_of_text
from fairlead.learning.staleness import mark_stale
from fairlead.routing.router_bytes import dump_router, load_router
from fairlead.routing.trained_router import TrainedRouter
from tests.learning.small_router import small_outcomes, small_router
from tests.routing.small_texts import small_texts

OUTLINES = [outline_of_text(text) for text in small_texts(20, 5)]


@pytest.fixture(scope="module")
def router() -> TrainedRouter:
    return small_router(small_outcomes(120))


def test_a_stale_model_promises_the_same_but_less_surely_and_nobody_else_changes(router: TrainedRouter) -> None:
    stale = mark_stale(router, "code", "since 2026-11-30 (scores)")
    before, after = router.foretell(OUTLINES), stale.foretell(OUTLINES)

    np.testing.assert_array_equal(after.quality, before.quality)
    assert (after.quality_low[:, 1] < before.quality_low[:, 1]).all()
    np.testing.assert_array_equal(np.delete(after.quality_low, 1, 1), np.delete(before.quality_low, 1, 1))
    entry, was = stale.model_map.entries["code"], router.model_map.entries["code"]
    np.testing.assert_allclose(entry.success, was.success, rtol=1e-5)
    assert (entry.success_sd > was.success_sd).all()
    assert entry.quality.spread is not None and entry.quality.spread > 0.1
    assert entry.stale == "since 2026-11-30 (scores)"


def test_a_stale_router_survives_its_file_and_a_fresh_one_has_the_bytes_it_had(router: TrainedRouter) -> None:
    stale = mark_stale(router, "code", "since yesterday")
    again = load_router(dump_router(stale))

    assert dump_router(again) == dump_router(stale)
    assert again.model_map.entries["code"].stale == "since yesterday"
    assert again.model_map.entries["sums"].stale is None
    assert load_router(dump_router(router)).model_map.entries["code"].stale is None


def test_a_model_is_marked_once(router: TrainedRouter) -> None:
    stale = mark_stale(router, "code", "since yesterday")

    assert mark_stale(stale, "code", "since today") is stale


def test_a_model_that_is_not_there_is_refused_by_name(router: TrainedRouter) -> None:
    with pytest.raises(OutcomesError, match="no model called kitten"):
        mark_stale(router, "kitten", "")
