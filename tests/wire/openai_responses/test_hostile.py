"""Whatever comes, only the errors that are promised: mutated requests, replies and streams, and noise."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import GarbledError, RequestError, TruncatedError, UpstreamError
from fairlead.domain.events import ChoiceFinished, ReplyFailed
from fairlead.domain.names import SentModel
from fairlead.domain.reply import Reply
from fairlead.domain.request import ChatRequest
from fairlead.wire.openai_responses import BACK, DOOR
from fairlead.wire.sse import EventSplitter, data_of, write_event
from tests.wire.openai_responses.strategies import events_of, replies, requests

ASKED = DOOR.read_request(b'{"model":"auto","input":"hello"}')
ODD: Any = st.recursive(
    st.sampled_from(
        [None, True, 0, -1, 1e308, 10**40, "", "x", "message", "reasoning", "function_call", "data:;base64,"]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["type", "role", "id", "text"]), inner),
    max_leaves=4,
)


def mutated(draw: st.DrawFn, value: Any) -> Any:
    """The value with one of its nodes replaced by something odd, or taken out."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 4)) == 0:
            return {name: each for name, each in value.items() if name != key}
        return value | {key: mutated(draw, value[key])}
    if isinstance(value, list) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], mutated(draw, value[place]), *value[place + 1 :]]
    return draw(ODD)


@given(st.data(), requests())
def test_a_mutated_request_is_read_or_refused(data: st.DataObject, request: ChatRequest) -> None:
    body = json.loads(BACK.write_request(request, SentModel("m")).body)
    for _ in range(data.draw(st.integers(1, 3))):
        body = data.draw(st.composite(mutated)(body))
    try:
        asked = DOOR.read_request(json.dumps(body).encode())
        chat = asked.chat()
    except RequestError as error:
        assert error.status == 400
        return
    carried = BACK.write_request(chat, SentModel("m"))
    assert json.loads(carried.body)["model"] == "m"
    assert asked.writer().finish(b"")


@given(st.data(), replies())
def test_a_mutated_reply_is_read_or_an_upstreams_fault(data: st.DataObject, reply: Reply) -> None:
    body = json.loads(ASKED.write_reply(reply))
    for _ in range(data.draw(st.integers(1, 3))):
        body = data.draw(st.composite(mutated)(body))
    for read in (BACK.read_reply, lambda said: ASKED.lane_reply(said, "sent")):
        try:
            read(json.dumps(body).encode())
        except (GarbledError, TruncatedError, UpstreamError):
            continue


@given(st.data(), replies())
def test_a_mutated_stream_ends_with_a_finish_or_a_failure(data: st.DataObject, reply: Reply) -> None:
    writer = ASKED.writer()
    stream = b"".join(map(writer.write, events_of(reply))) + writer.finish(b"")
    values = [json.loads(data_of(event)) for event in EventSplitter().feed(stream)]
    place = data.draw(st.integers(0, len(values) - 1))
    values[place] = data.draw(st.composite(mutated)(values[place]))
    odd = b"".join(write_event(json.dumps(value).encode()) for value in values)
    reader = BACK.reader()
    events = reader.feed(odd) + reader.end()
    assert isinstance(events[-1], ReplyFailed) or any(isinstance(event, ChoiceFinished) for event in events)
    watch = ASKED.lane_stream()
    try:
        watch.feed(odd)
        watch.end()
    except (GarbledError, TruncatedError):
        pass
    assert watch.fail(TruncatedError("x"))


@given(st.binary(max_size=300))
def test_noise_is_refused_everywhere(noise: bytes) -> None:
    try:
        DOOR.read_request(noise)
        raise AssertionError("noise is no request")
    except RequestError:
        pass
    reader = BACK.reader()
    events = reader.feed(b"data: " + noise + b"\n\n") + reader.end()
    assert isinstance(events[-1], ReplyFailed)
    assert not any(isinstance(event, ChoiceFinished) for event in events)
