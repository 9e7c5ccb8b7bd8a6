"""Every number of a model says whose word it is: own traffic before measurements, those before priors."""

import numpy as np
import pytest

from fairlead.dashboard.models_view import Seen, kinds_in_order, ranked, view_models
from fairlead.dashboard.sourced_number import Sourced
from fairlead.domain.decision import Basis
from fairlead.domain.engine_state import ArmState
from fairlead.domain.kinds import KINDS
from fairlead.domain.names import ModelId, UpstreamName
from fairlead.routing.modelmap.entry import Clusters, Entry, Measure, ModelMap
from fairlead.routing.pool import Pool, build_pool
from fairlead.routing.standing import AbilityView, Standing
from fairlead.store.rows import DelayRow, ScoreRow, UsageRow
from tests.routing.small_pool import Known, TablePredictor


def pool(*arms: Known) -> Pool:
    return build_pool([arm.spec() for arm in arms], TablePredictor({arm.model: (0.5, 100.0) for arm in arms}))


def standing(mean: float) -> Standing:
    return Standing("x", mean, mean - 0.1, mean + 0.1, 0.5, 0.9, "lab/best", 1, 2, 0.5)


def view(mean: float, basis: Basis = "published", *, figures: int = 4, outcomes: int = 0) -> AbilityView:
    kinds = tuple(standing(mean + 0.01 * at) for at in range(len(KINDS)))
    return AbilityView(
        kinds,
        (),
        (),
        (),
        (),
        figures,
        outcomes,
        "2026-09-01" if figures else None,
        basis,
        standing(mean),
    )


def usage(model: str, n: int, n_unpriced: int = 0, cost_nanousd: int = 0) -> UsageRow:
    return UsageRow(model, None, n, n - 1, 0, n_unpriced, n, cost_nanousd, 0, 0, 0, 0, 0, n, 0.0, 0.0, 0.0)


def arm(
    n_attempts: float, *, model: str = "lab/a", ttft_s: float | None = 0.2, s_per_token: float | None = 0.005
) -> ArmState:
    return ArmState(ModelId(model), UpstreamName("up"), False, n_attempts, 0.0, ttft_s, 0.4, s_per_token)


def test_a_model_at_two_upstreams_is_one_row_at_the_cheaper_price() -> None:
    dear = Known(upstream="dear", price_in=9.0, price_out=9.0)

    (row,) = view_models(pool(dear, Known(price_in=1.0, price_out=2.0)), {}, Seen())

    assert (row.input_usd.value, row.output_usd.value, row.input_usd.source) == (1.0, 2.0, "stated")
    assert "up" in row.input_usd.told and "configuration" in row.input_usd.told


def test_what_nobody_knows_is_unknown() -> None:
    (row,) = view_models(pool(Known(price_in=None)), {}, Seen())

    assert row.input_usd == Sourced(None, "unknown")
    assert (row.own, row.stale, row.scores, row.standing) == (None, None, {}, None)
    assert row.learned == {}


def test_own_traffic_goes_before_what_the_pool_was_given() -> None:
    rows = Seen(
        arms=(arm(20.0),), first_bytes=(DelayRow("lab/a", 7, 0.3, 0.5, 0.9),), usage=(usage("lab/a", 10, 4, 10**9),)
    )

    (row,) = view_models(pool(Known()), {}, rows)

    assert (row.first_s.value, row.first_s.source) == (0.3, "own") and "7 requests" in row.first_s.told
    assert row.tokens_per_s.value == pytest.approx(200.0) and row.tokens_per_s.source == "own"
    assert row.own is not None
    assert (row.own.n, row.own.n_ok) == (10, 9) and row.own.spent_usd == pytest.approx(1.0)
    assert row.own.usd_per_request == pytest.approx(1 / 6)


def test_kept_answers_make_no_model_cheaper_and_what_nobody_knows_is_not_nothing() -> None:
    asked_twice = usage("lab/a", 24, cost_nanousd=400_000)._replace(n_cached=22)
    unpriced = usage("lab/b", 3, 3)

    cheap, unknown = view_models(pool(Known(), Known(model="lab/b")), {}, Seen(usage=(asked_twice, unpriced)))

    assert cheap.own is not None and cheap.own.usd_per_request == pytest.approx(0.0002)
    assert unknown.own is not None and (unknown.own.spent_usd, unknown.own.usd_per_request) == (None, None)


def test_a_handful_of_attempts_is_no_measurement() -> None:
    (row,) = view_models(pool(Known(ttft_s=1.0, s_per_token=0.01)), {}, Seen(arms=(arm(2.0),)))

    assert (row.tokens_per_s.source, row.first_s.value) == ("measured", 1.0)


def test_scores_of_few_opinions_have_wide_intervals_and_all_kinds_are_one_mean() -> None:
    scores = (ScoreRow("lab/a", "code", 3, 3.0, 1.0, 3.0), ScoreRow("lab/a", "", 1, 1.0, 0.0, 1.0))

    (row,) = view_models(pool(Known()), {}, Seen(scores=scores))

    code = row.scores["code"]
    assert (code.value, code.told) == (1.0, "3 opinions")
    # Wilson of 3 of 3: z^2 = 3.84 -> low = 3 / (3 + 3.84).
    assert code.low == pytest.approx(3 / (3 + 1.959963984540054**2)) and code.high == pytest.approx(1.0)
    assert row.scores["all"].value == pytest.approx(0.75)
    assert row.scores["all"].told == "4 opinions"


def test_the_best_stand_first_and_guesses_below_what_is_known() -> None:
    models = [Known(model=f"lab/{name}") for name in ("guessed", "good", "fair", "bare")]
    abilities = {
        "lab/guessed": view(0.9, "prior", figures=0),
        "lab/good": view(0.7),
        "lab/fair": view(0.5, "measured", outcomes=1_234),
    }

    rows = ranked(view_models(pool(*models), abilities, Seen()), "all")

    assert [row.model for row in rows] == ["lab/good", "lab/fair", "lab/guessed", "lab/bare"]
    assert [row.ability for row in rows] == ["published", "measured", "prior", "unknown"]
    assert rows[1].ability_told == "1,234 outcomes, 4 published figures; newest of 2026-09-01"
    assert rows[2].ability_told == "no figure"
    assert [row.of("maths") is None for row in rows] == [False, False, False, True]


def test_an_embedding_model_has_no_standing() -> None:
    (row,) = view_models(pool(Known(purpose="embedding")), {"lab/a": view(0.9)}, Seen())

    assert row.standing is None and not row.is_default


def learned(value: float, arm: str = "code", *, kinds: bool = True) -> ModelMap:
    """Two clusters of equal size, the first all code, the second all maths; good at the first, bad at the second."""
    ones = np.ones(1)
    entry = Entry(
        arm, ones, np.eye(1), np.array([9.0, 1.0]), np.array([1.0, 9.0]), np.full(2, 10.0), np.full(2, 9.0),
        Measure(value, 0.1, 40, "suite", "2026-10-01"), stale="since May",
    )  # fmt: skip
    mix = np.zeros((2, len(KINDS)))
    mix[0, KINDS.index("code")] = mix[1, KINDS.index("maths")] = 1.0
    halves = np.full(2, 0.5)
    return ModelMap({arm: entry}, Clusters(halves, halves, halves, np.zeros((2, 1)), mix if kinds else None))


def test_what_a_router_learned_is_told_by_kind_with_its_doubt() -> None:
    (row,) = view_models(pool(Known()), {}, Seen(), learned(0.6), {"lab/a": "code"})

    overall = row.learned["all"]
    assert (overall.value, overall.source, row.stale) == (0.6, "measured", "since May")
    assert overall.low == pytest.approx(0.6 - 0.16448536) and "40 outcomes" in overall.told
    code, maths = row.learned["code"], row.learned["maths"]
    assert code.value == pytest.approx(0.9) and maths.value == pytest.approx(0.1)
    # A Beta(9, 1) has a standard deviation of .0905.
    assert code.low == pytest.approx(0.9 - 1.6448536 * (9 / 1100) ** 0.5) and code.high == 1.0
    assert set(row.learned) == {"all", "code", "maths"}


def test_without_kinds_of_its_queries_a_router_learned_one_score() -> None:
    (row,) = view_models(pool(Known()), {}, Seen(), learned(0.6, kinds=False), {"lab/a": "code"})

    assert set(row.learned) == {"all"}


def test_what_was_learned_from_own_outcomes_ranks_before_what_was_published() -> None:
    models = pool(Known(), Known(model="lab/b"))
    rows = view_models(models, {"lab/b": view(0.9), "lab/a": view(0.2)}, Seen(), learned(0.3), {"lab/a": "code"})

    assert [row.model for row in ranked(rows, "all")] == ["lab/a", "lab/b"]
    assert [row.model for row in ranked(rows, "writing")] == ["lab/b", "lab/a"]


def test_a_leaderboard_is_of_all_or_of_one_kind() -> None:
    assert kinds_in_order() == ("all", *KINDS)
