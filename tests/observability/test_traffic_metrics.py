"""What decided, what opinions say of foretold quality, what caches saved and what experiments did, as metrics."""

import pytest

from fairlead.domain.engine_state import EngineState, ShadowState, UpstreamState
from fairlead.domain.moments import Judged, Shadowed
from fairlead.domain.money import Usd
from fairlead.domain.names import DecisionId, ModelId, TenantName, UpstreamName
from fairlead.domain.usage import Usage
from fairlead.observability.metrics import Metrics
from fairlead.observability.traffic_metrics import OPINIONS_KEPT, FadingMean, TrafficMetrics
from tests.observability.test_metrics import ARM, replied


def lines(text: bytes | Metrics) -> dict[str, float]:
    text = text.page()[0] if isinstance(text, Metrics) else text
    found = [line for line in text.decode().splitlines() if line.startswith("fairlead_")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in found)}


def traffic() -> tuple[TrafficMetrics, Metrics]:
    metrics = Metrics()
    return metrics.traffic, metrics


def judged(score: float, foretold: float | None = 0.8, weight: float = 1.0, model: str = "lab/a") -> Judged:
    return Judged(ModelId(model), foretold, score, weight)


def test_decisions_are_counted_by_what_decided() -> None:
    metrics, whole = traffic()
    for reason in ("explored", "highest_utility", "highest_utility", None):
        metrics.replied(replied()._replace(reason=reason))
    found = lines(whole)
    assert found['fairlead_decision_reasons_total{reason="highest_utility"}'] == 2
    assert found['fairlead_decision_reasons_total{reason="explored"}'] == 1


def test_the_calibration_gap_is_what_was_foretold_less_what_was_said() -> None:
    metrics, whole = traffic()
    for score in (1.0, 0.0):
        metrics.judged(judged(score))
    metrics.judged(judged(0.3, foretold=None))
    metrics.judged(judged(0.3, weight=0.0))
    metrics.judged(judged(0.25, foretold=0.5, model="lab/b"))
    found = lines(whole)
    assert found['fairlead_calibration_gap{model="lab/a"}'] == pytest.approx(0.3, abs=0.01)
    assert found['fairlead_calibration_gap{model="lab/b"}'] == 0.25
    assert found['fairlead_scores_total{model="lab/a"}'] == 4


def test_what_was_said_long_ago_counts_no_more() -> None:
    mean = FadingMean(OPINIONS_KEPT)
    assert mean.mean is None
    for _ in range(1_000):
        mean.add(1.0, 1.0)
    assert mean.mean == pytest.approx(1.0)
    for _ in range(10 * OPINIONS_KEPT):
        mean.add(0.0, 1.0)
    assert mean.mean == pytest.approx(0.0, abs=1e-4)


def test_the_share_of_cached_reads_is_of_all_input_tokens() -> None:
    metrics, whole = traffic()
    for usage in (Usage(50, 40, 10, 7, 0), Usage(100, 0, 0, 7, 0), Usage(0, 0, 0, 7, 0), None):
        metrics.replied(replied()._replace(usage=usage))
    found = lines(whole)
    assert found['fairlead_cached_read_share{model="lab/a"}'] == pytest.approx(40 / 200, abs=0.001)


def test_shadows_are_counted_by_their_end_with_what_they_cost() -> None:
    metrics, whole = traffic()
    told = Shadowed(DecisionId("d"), TenantName("t"), ARM, "ok", 200, 0.1, 0.2, None, Usd(2_500_000))
    for moment in (told, told._replace(outcome="timeout", cost=None)):
        metrics.shadowed(moment)
    found = lines(whole)
    assert found['fairlead_shadows_total{model="lab/a",outcome="ok"}'] == 1
    assert found['fairlead_shadows_total{model="lab/a",outcome="timeout"}'] == 1
    assert found['fairlead_shadow_cost_usd_total{model="lab/a"}'] == 0.0025


def test_breakers_queues_and_the_days_money_are_shown_as_they_stand() -> None:
    up = UpstreamState(UpstreamName("up"), True, 0, 0, None, "open")
    shadows = ShadowState(3, 2, 0.75, (("queue_full", 4), ("no_money", 0)))
    state = EngineState((up,), exploration_usd_today=0.25, shadows=shadows)
    found = lines(Metrics().page(state)[0])
    states = {name: found[f'fairlead_breaker_state{{state="{name}",upstream="up"}}'] for name in ("open", "closed")}
    assert states == {"open": 1, "closed": 0}
    assert (found["fairlead_shadow_queue"], found["fairlead_shadow_running"]) == (3, 2)
    assert (found["fairlead_shadow_usd_today"], found["fairlead_exploration_usd_today"]) == (0.75, 0.25)
    assert found['fairlead_shadow_drops_total{why="queue_full"}'] == 4


def test_where_experiments_are_off_nothing_is_said_of_them() -> None:
    found = lines(Metrics().page(EngineState())[0])
    assert not any("shadow_queue" in name or "exploration" in name for name in found)
