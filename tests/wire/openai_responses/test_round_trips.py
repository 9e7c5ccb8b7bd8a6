"""What this format carries survives it: requests there and back, replies whole and as streams, however they are cut."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.events import Event
from fairlead.domain.names import SentModel
from fairlead.domain.reply import Reply, fold
from fairlead.domain.request import ChatRequest
from fairlead.wire.openai_responses import BACK, DOOR
from fairlead.wire.sse import EventSplitter, data_of
from tests.wire.openai_responses import openapi
from tests.wire.openai_responses.strategies import events_of, replies, requests, without_ids

ASKED = DOOR.read_request(b'{"model":"auto","input":"hello"}')


def written(request: ChatRequest) -> bytes:
    carried = BACK.write_request(request, SentModel("sent"))
    assert carried.losses == ()
    return carried.body


def streamed(reply: Reply) -> bytes:
    writer = ASKED.writer()
    return b"".join(map(writer.write, events_of(reply))) + writer.finish(b": comment\n\n")


def read(pieces: list[bytes]) -> list[Event]:
    reader = BACK.reader()
    return [event for piece in pieces for event in reader.feed(piece)] + reader.end()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(ends)]


@given(requests())
def test_a_request_that_can_be_carried_comes_back_as_it_was(request: ChatRequest) -> None:
    assert DOOR.read_request(written(request)).chat() == request


@given(replies())
def test_a_whole_reply_comes_back_as_it_was(reply: Reply) -> None:
    assert without_ids(BACK.read_reply(ASKED.write_reply(reply))) == reply


@given(replies())
def test_a_streamed_reply_folds_to_the_whole_one(reply: Reply) -> None:
    assert fold(read([streamed(reply)])) == BACK.read_reply(ASKED.write_reply(reply))


@given(
    replies(), st.lists(st.integers(0, 1 << 16), max_size=12), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.booleans()
)
def test_any_cut_of_a_stream_tells_the_same_events(
    reply: Reply, places: list[int], line_end: bytes, has_mark: bool
) -> None:
    data = (b"\xef\xbb\xbf" if has_mark else b"") + streamed(reply).replace(b"\n", line_end)
    assert read(cut(data, places)) == read([data])
    assert read([data[at : at + 1] for at in range(len(data))]) == read([data])


def test_events_stand_in_order_numbered_from_nought() -> None:
    reply = BACK.read_reply(ASKED.write_reply(_example()))
    events = [json.loads(data_of(event) or b"null") for event in EventSplitter().feed(streamed(reply))]
    numbers = [event["sequence_number"] for event in events if event]
    assert numbers == list(range(len(numbers)))
    assert events[-1]["type"] == "response.completed"
    assert events[-2] is None, "the comment stands before the last event"


@pytest.mark.data
@pytest.mark.skipif(not openapi.PLACE.exists(), reason="FAIRLEAD_DATA holds no specification")
@given(requests())
def test_requests_are_what_the_specification_says(request: ChatRequest) -> None:
    body: Any = json.loads(written(request))
    body["input"] = [item for item in body["input"] if item.get("type") != "web_search_call"]  # of our own making
    for tool in body.get("tools", []):
        tool.pop("format", None)
    openapi.check_named(body, "CreateResponse")


@pytest.mark.data
@pytest.mark.skipif(not openapi.PLACE.exists(), reason="FAIRLEAD_DATA holds no specification")
@given(replies())
def test_replies_and_every_event_are_what_the_specification_says(reply: Reply) -> None:
    openapi.check_named(json.loads(ASKED.write_reply(reply)), "Response")
    for event in EventSplitter().feed(streamed(reply)):
        data = data_of(event)
        if data:
            openapi.check_named(json.loads(data), "ResponseStreamEvent")


def _example() -> Reply:
    body = {
        "id": "resp_1",
        "model": "m",
        "status": "completed",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "Hello."}]},
        ],
    }
    return BACK.read_reply(json.dumps(body).encode())
