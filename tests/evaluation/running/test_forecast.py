"""The forecast: wide before anything is known, narrower after, never above the ceiling."""

from fairlead.evaluation.evaluation_run import foretold
from fairlead.evaluation.running.forecast import forecast, forecast_json
from fairlead.evaluation.running.plan import Plan
from fairlead.evaluation.running.records import Ledger, Reply
from tests.evaluation.running.worlds import model, plan, suite


def replies(n: int, tokens: int) -> list[Reply]:
    return [
        Reply(f"k{i}", 1, "answer", "m", f"s{i}", 0, "", [], "stop", "m", (20, 0, 0, tokens + i % 3, 0), 1, 0.1, False)
        for i in range(n)
    ]


def test_intervals_hold_their_middle_and_stay_below_the_ceiling() -> None:
    found = forecast(plan(50).questions, [], 1024)
    for each in (found.input_tokens, found.output_tokens, found.cost_usd):
        assert 0 < each.low < each.mid < each.high
    assert found.cost_usd.high <= found.most_usd
    assert found.n_calls == 50


def test_what_has_been_seen_narrows_the_forecast() -> None:
    blind, seen = forecast(plan(50).questions, [], 1024), forecast(plan(50).questions, replies(30, 40), 1024)
    assert seen.output_tokens.low < 41 * 50 < seen.output_tokens.high
    width = seen.output_tokens.high - seen.output_tokens.low
    assert width < (blind.output_tokens.high - blind.output_tokens.low) / 10


def test_judges_are_in_the_forecast_before_there_is_anything_to_judge() -> None:
    judged = Plan(suite(10, "judge"), (model("a"), model("b")), 10**12, (model("j"),))
    found = foretold(judged, Ledger())
    assert (found.n_judge_calls, found.n_calls) == (20, 40)
    assert 0 < found.judge_usd.low < found.judge_usd.high
    assert forecast_json(found)["n_judge_calls"] == 20
