"""Metrics: moments become counters, and nothing a client writes becomes a label."""

from fairlead.domain.decision import Arm
from fairlead.domain.engine_state import ArmState, EngineState, UpstreamState
from fairlead.domain.moments import Attempted, AttemptOutcome, Replied, ReplyOutcome
from fairlead.domain.money import Usd
from fairlead.domain.names import AskedModel, DecisionId, ModelId, ProviderName, SentModel, TenantName, UpstreamName
from fairlead.domain.usage import Usage
from fairlead.observability.metrics import Metrics

ARM = Arm(ModelId("lab/a"), UpstreamName("up"), ProviderName("who"), SentModel("a"))


def attempted(outcome: AttemptOutcome = "ok", usage: Usage | None = None, cost: Usd | None = None) -> Attempted:
    return Attempted(DecisionId("d"), ARM, outcome, 200, 0.3, 1.2, usage, cost)


def replied(outcome: ReplyOutcome = "ok", arm: Arm | None = ARM, asked: str = "auto", policy: str = "auto") -> Replied:
    return Replied(
        decision_id=DecisionId("d"),
        tenant=TenantName("t"),
        door="chat",
        asked=AskedModel(asked),
        policy=policy,
        arm=arm,
        outcome=outcome,
        status=200,
        error_code=None,
        is_streaming=False,
        n_attempts=1,
        usage=None,
        cost=None,
        decide_s=0.0001,
        overhead_s=0.0004,
        first_byte_s=0.3,
        total_s=1.2,
    )


def page(*moments: Attempted | Replied) -> dict[str, float]:
    metrics = Metrics()
    for moment in moments:
        metrics.attempted(moment) if isinstance(moment, Attempted) else metrics.replied(moment)
    text, content_type = metrics.page()
    assert content_type.startswith("text/plain")
    lines = [line for line in text.decode().splitlines() if line.startswith("fairlead_")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_requests_decisions_and_attempts_are_counted() -> None:
    found = page(attempted("timeout"), attempted(), replied(), replied(), replied("error"))
    assert found['fairlead_attempts_total{outcome="timeout",upstream="up"}'] == 1
    assert found['fairlead_attempts_total{outcome="ok",upstream="up"}'] == 1
    assert found['fairlead_requests_total{door="chat",outcome="ok",policy="auto"}'] == 2
    assert found['fairlead_decisions_total{model="lab/a",policy="auto",upstream="up"}'] == 3
    assert found["fairlead_decide_seconds_count"] == 3
    assert found['fairlead_request_seconds_sum{door="chat"}'] == 3 * 1.2


def test_tokens_and_cost_are_counted_by_class() -> None:
    usage = Usage(10, 20, 30, 40, 15)
    found = page(attempted(usage=usage, cost=Usd(2_500_000)), attempted(usage=usage, cost=Usd(2_500_000)))
    tokens = {
        name: found[f'fairlead_tokens_total{{class="{name}",model="lab/a"}}']
        for name in ("input", "cached_read", "cache_write", "output", "reasoning")
    }
    assert tokens == {"input": 20, "cached_read": 40, "cache_write": 60, "output": 80, "reasoning": 30}
    assert found['fairlead_cost_usd_total{model="lab/a"}'] == 0.005
    assert found['fairlead_unpriced_replies_total{model="lab/a"}'] == 0


def test_an_unknown_cost_is_counted_as_unknown_and_not_as_zero() -> None:
    found = page(attempted(usage=Usage(1), cost=None))
    assert found['fairlead_unpriced_replies_total{model="lab/a"}'] == 1
    assert found['fairlead_cost_usd_total{model="lab/a"}'] == 0


def test_the_cost_of_a_whole_reply_without_a_word_of_tokens_is_unknown_and_a_failure_has_none() -> None:
    found = page(attempted(), attempted("rejected"), attempted("timeout"))
    assert found['fairlead_unpriced_replies_total{model="lab/a"}'] == 1


def test_a_repeat_that_was_never_decided_has_one_spelling_for_its_policy() -> None:
    found = page(replied(policy=""))
    assert found['fairlead_requests_total{door="chat",outcome="ok",policy="none"}'] == 1
    assert found['fairlead_decisions_total{model="lab/a",policy="none",upstream="up"}'] == 1


def test_a_request_that_nobody_served_is_counted_without_a_model() -> None:
    found = page(replied("refused", arm=None, policy=""))
    assert found['fairlead_requests_total{door="chat",outcome="refused",policy="none"}'] == 1
    assert not any(name.startswith("fairlead_decisions_total") for name in found)


def test_what_a_client_asked_for_is_no_label() -> None:
    moments = [replied(asked=f"wild {n}") for n in range(50)]
    assert not any("wild" in name for name in page(*moments))


def test_two_gateways_in_one_process_do_not_share_counters() -> None:
    page(replied())
    assert page(replied())['fairlead_requests_total{door="chat",outcome="ok",policy="auto"}'] == 1


def test_hedges_conversations_and_cached_replies_are_counted() -> None:
    hedge = attempted("cancelled")._replace(is_hedge=True)
    found = page(hedge, replied()._replace(kept="kept_for_cache"), replied()._replace(is_cached=True))
    assert found['fairlead_hedges_total{outcome="cancelled"}'] == 1
    assert found['fairlead_sessions_total{effect="kept_for_cache"}'] == 1
    assert found['fairlead_cached_replies_total{door="chat"}'] == 1


def test_the_state_of_an_engine_is_shown_as_it_stands_and_the_unknown_is_left_out() -> None:
    up = UpstreamState(UpstreamName("up"), True, 3, 2, None)
    full = UpstreamState(UpstreamName("full"), False, 4, 0, 4.0)
    arm = ArmState(ModelId("lab/a"), UpstreamName("up"), True, 12.0, 0.25, 0.5, 0.9, None)
    metrics = Metrics()
    for n_sessions in (7, 8):
        state = EngineState((up, full), (arm,), 5, 19.5, n_sessions, 1_000, 2, 3)
        text, _ = metrics.page(state)
    lines = [line for line in text.decode().splitlines() if line.startswith("fairlead_")]
    found = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
    assert found['fairlead_upstream_down{upstream="up"}'] == 1
    assert found['fairlead_upstream_waiting{upstream="up"}'] == 2
    assert found['fairlead_upstream_limit{upstream="full"}'] == 4
    assert 'fairlead_upstream_limit{upstream="up"}' not in found
    assert found['fairlead_arm_failure_share{model="lab/a",upstream="up"}'] == 0.25
    assert found['fairlead_arm_first_content_seconds{model="lab/a",quantile="0.95",upstream="up"}'] == 0.9
    assert not any(name.startswith("fairlead_arm_seconds_per_token") for name in found)
    assert found["fairlead_known_sessions"] == 8
    assert found['fairlead_cache_looks_total{result="hit"}'] == 2
