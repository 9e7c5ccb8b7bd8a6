"""Questions as bodies, replies as answers: over the real upstream client, against scripted scenes."""

import json
from typing import Any

import pytest

from fairlead.catalogue.cards import Prices
from fairlead.domain.errors import EvaluationError, GarbledError, RejectedError, TruncatedError
from fairlead.domain.names import ProviderName, UpstreamName
from fairlead.domain.usage import Usage
from fairlead.evaluation.running.asking import UpstreamAsk, read_answer
from fairlead.evaluation.running.questions import Parameters, Question, questions_of
from fairlead.evaluation.running.runner import cost_nano
from fairlead.evaluation.scorers.score import ToolCall
from fairlead.providers.endpoints import Endpoint
from fairlead.providers.scripted import Piece, Scene, ScriptedTransport
from fairlead.providers.upstream import Upstream
from tests.evaluation.running.worlds import Clock, model, plan, suite


def completion(**more: Any) -> bytes:
    message = more.pop("message", {"content": "42"})
    choice = {"message": message, "finish_reason": more.pop("finish", "stop")}
    return json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 3}, **more}).encode()


def question() -> Question:
    return plan(1).questions[0]


def asker(*scenes: Scene) -> tuple[UpstreamAsk, ScriptedTransport]:
    transport = ScriptedTransport(scenes)
    endpoint = Endpoint(UpstreamName("u"), ProviderName("acme"), "https://api.example/v1", auth="none")
    return UpstreamAsk({"u": Upstream(endpoint, transport)}, Clock()), transport


async def test_a_question_is_sent_with_its_key_and_comes_back_as_an_answer() -> None:
    ask, transport = asker(Scene.of(completion()))
    asked = question()
    answered = await ask(asked)
    assert (answered.text, answered.usage, answered.finish) == ("42", Usage(9, 0, 0, 3), "stop")
    (received,) = transport.received
    assert received.headers["idempotency-key"] == asked.key
    assert json.loads(received.body) == {
        "model": "m", "messages": [{"role": "user", "content": "What is 0 + 1?"}], "max_tokens": 1024,
        "temperature": 0.0,
    }  # fmt: skip


async def test_an_error_status_is_raised_with_whether_to_try_again() -> None:
    ask, _ = asker(Scene(status=429, headers=(("retry-after", "3"),), pieces=(Piece(b"{}"),)))
    with pytest.raises(RejectedError) as caught:
        await ask(question())
    assert (caught.value.upstream_status, caught.value.retry_after_s) == (429, 3.0)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", GarbledError),
        (b'{"choices": []}', GarbledError),
        (b'{"error": {"message": "no"}}', GarbledError),
        (b"[" * 100_000, GarbledError),
        (completion(finish=None), TruncatedError),
    ],
)
def test_what_is_no_whole_reply_is_an_error_and_no_result(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_answer(body, [], "m", 0.1)


def test_parts_calls_and_broken_text_are_read() -> None:
    message = {"content": [{"type": "text", "text": "a\ud800"}, {"type": "image"}, {"text": "b"}],
               "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}  # fmt: skip
    body = completion(message=message).replace(b"\\ud800", b"")
    answered = read_answer(body, [(b"idempotent-replayed", b"false")], "m", 0.1)
    assert (answered.text, answered.tool_calls, answered.is_replaying) == ("ab", (ToolCall("f", "{}"),), True)


def test_a_gateways_word_on_cost_goes_before_the_price_list() -> None:
    asked = question()
    said = read_answer(completion(), [(b"x-fairlead-cost-usd", b"0.25")], "m", 0.1)
    unsaid = read_answer(completion(), [(b"x-fairlead-cost-usd", b"unknown")], "m", 0.1)
    uncounted = read_answer(completion(usage=None), [], "m", 0.1)
    assert [cost_nano(asked, each) for each in (said, unsaid, uncounted)] == [250_000_000, 15_000, asked.most_nano]


def test_a_repeat_that_cost_nothing_is_the_reply_of_a_call_that_was_paid() -> None:
    free = (b"x-fairlead-cost-usd", b"0.000000000")
    first = read_answer(completion(), [free, (b"idempotent-replayed", b"false")], "m", 0.1)
    repeat = read_answer(completion(), [free, (b"idempotent-replayed", b"true")], "m", 0.1)
    assert [cost_nano(question(), each) for each in (first, repeat)] == [0, 15_000]


def test_a_model_without_a_price_is_refused_by_name() -> None:
    with pytest.raises(EvaluationError, match="price of 'dear' is not known"):
        list(questions_of(suite(1), [model("dear", prices=Prices(1.0))], Parameters(), 1))


def test_a_key_hangs_on_model_endpoint_parameters_prompt_revision_and_sample() -> None:
    usual = {each.key for each in questions_of(suite(2), [model()], Parameters(), 2)}
    assert len(usual) == 4
    for other in (
        questions_of(suite(2), [model("n")], Parameters(), 2),
        questions_of(suite(2), [model(upstream="v")], Parameters(), 2),
        questions_of(suite(2), [model()], Parameters(max_tokens=9), 2),
        questions_of(suite(3), [model()], Parameters(), 2),
    ):
        assert not usual & {each.key for each in other}
    assert usual == {each.key for each in questions_of(suite(2), [model()], Parameters(), 2)}
