"""A stream of the same format, watched: any cut of it, and never an end that was not there."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import GarbledError, TruncatedError
from fairlead.domain.usage import Usage
from fairlead.wire.format import Phase
from fairlead.wire.openai_responses.stream import ResponseWatch
from fairlead.wire.sse import EventSplitter, data_of


def event(kind: str, number: int = 0, **members: Any) -> bytes:
    said = json.dumps({"type": kind, "sequence_number": number, **members}).encode()
    return b"event: " + kind.encode() + b"\ndata: " + said + b"\n\n"


RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 5,
    "status": "in_progress",
    "model": "served",
    "output": [],
}
CREATED = event("response.created", 0, response=RESPONSE)
ITEM = event("response.output_item.added", 1, output_index=0, item={"type": "message", "id": "msg_1"})
PART = event("response.content_part.added", 2, part={"type": "output_text", "text": ""})
WORDS = event("response.output_text.delta", 3, output_index=0, delta="hé", logprobs=[])
ITEM_DONE = event("response.output_item.done", 4, output_index=0, item={"type": "message", "id": "msg_1"})
USAGE = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
COMPLETED = event("response.completed", 5, response=RESPONSE | {"status": "completed", "usage": USAGE})
WHOLE = b": hello\n\n" + CREATED + ITEM + PART + WORDS + ITEM_DONE + COMPLETED


def watched(*pieces: bytes) -> tuple[bytes, ResponseWatch]:
    watch = ResponseWatch()
    sent = b"".join([watch.feed(piece) for piece in pieces])
    return sent + watch.end(), watch


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(ends)]


def test_a_whole_stream_goes_on_byte_for_byte_and_its_last_event_comes_with_the_end() -> None:
    sent, watch = watched(WHOLE)
    assert sent + watch.finish(b": cost\n\n") == WHOLE.replace(COMPLETED, b": cost\n\n" + COMPLETED)
    assert (watch.phase, watch.served, watch.usage) == (Phase.DONE, "served", Usage(input_tokens=7, output_tokens=3))
    assert watch.failure is None
    assert watch.n_content_bytes == len(json.dumps("hé")) - 2


@given(st.lists(st.integers(0, len(WHOLE)), max_size=20), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_any_cut_sends_the_same_bytes(places: list[int], line_end: bytes) -> None:
    data = WHOLE.replace(b"\n", line_end)
    sent, watch = watched(*cut(data, places))
    whole_sent, whole_watch = watched(data)
    told = sent + watch.finish(b"")
    assert told == whole_sent + whole_watch.finish(b"")
    assert told.rstrip() == data.rstrip(), "an end of line may be added where a lone CR was the last byte"
    for name in ("phase", "served", "usage", "failure", "n_content_bytes"):
        assert getattr(watch, name) == getattr(whole_watch, name)


def test_a_cut_at_any_byte_never_shows_an_end_that_was_not_there() -> None:
    n_refused = 0
    for place in range(len(WHOLE) - 2):
        watch = ResponseWatch()
        sent = watch.feed(WHOLE[:place])
        with pytest.raises((TruncatedError, GarbledError)):
            sent += watch.end()
        n_refused += 1
        assert b"response.completed" not in sent
    assert n_refused == len(WHOLE) - 2


def test_a_last_event_without_its_blank_line_is_whole() -> None:
    assert watched(WHOLE.removesuffix(b"\n"))[1].phase is Phase.DONE


@pytest.mark.parametrize(
    ("events", "phase"),
    [
        ([CREATED], Phase.OPENING),
        ([CREATED, event("response.in_progress", response=RESPONSE)], Phase.OPENING),
        ([CREATED, ITEM, PART], Phase.OPENING),
        ([CREATED, ITEM, PART, event("response.output_text.delta", delta="")], Phase.OPENING),
        ([CREATED, event("keepalive")], Phase.OPENING),
        ([CREATED, ITEM, PART, WORDS], Phase.SPEAKING),
        ([CREATED, event("response.output_item.added", item={"type": "function_call"})], Phase.SPEAKING),
        ([CREATED, event("response.reasoning_summary_text.delta", delta="hm")], Phase.SPEAKING),
        ([CREATED, event("response.web_search_call.in_progress")], Phase.SPEAKING),
    ],
)
def test_content_begins_with_the_first_words_or_call(events: list[bytes], phase: Phase) -> None:
    watch = ResponseWatch()
    watch.feed(b"".join(events))
    assert watch.phase is phase


@pytest.mark.parametrize(
    "failed",
    [
        event(
            "response.failed",
            9,
            response=RESPONSE | {"status": "failed", "error": {"code": "server_error", "message": "m"}},
        ),
        event("error", 9, code="x", message="m", param=None),
        b'data: {"error":{"message":"m"}}\n\n',
    ],
)
def test_an_error_of_the_upstream_is_held_back_and_ours_is_told_with_its_id_and_number(failed: bytes) -> None:
    watch = ResponseWatch()
    sent = watch.feed(CREATED + WORDS + failed + COMPLETED)
    assert sent == CREATED + WORDS
    assert watch.phase is Phase.FAILED
    assert watch.failure is not None
    error, last = [json.loads(data_of(each)) for each in EventSplitter().feed(watch.fail(watch.failure))]
    assert (error["type"], error["sequence_number"], last["sequence_number"]) == ("error", 4, 5)
    assert error["message"] == error["error"]["message"] == last["response"]["error"]["message"]
    assert (last["type"], last["response"]["id"], last["response"]["status"]) == ("response.failed", "resp_1", "failed")


@pytest.mark.parametrize(
    "wrong",
    [
        b"data: <html>\n\n",
        b'data: {"object":"chat.completion.chunk"}\n\n',
        b"data: 5\n\n",
        b"data: " + b"[" * 9999 + b"\n\n",
    ],
)
def test_what_is_not_this_format_is_garbled(wrong: bytes) -> None:
    with pytest.raises(GarbledError):
        ResponseWatch().feed(CREATED + wrong)


def test_done_before_the_end_is_a_cut() -> None:
    with pytest.raises(TruncatedError):
        ResponseWatch().feed(CREATED + WORDS + b"data: [DONE]\n\n")


def test_nothing_goes_on_behind_the_end() -> None:
    sent, watch = watched(WHOLE, b"data: [DONE]\n\n", WORDS)
    assert sent == WHOLE.removesuffix(COMPLETED)
    assert watch.phase is Phase.DONE


def test_an_incomplete_reply_is_an_end() -> None:
    incomplete = event("response.incomplete", 5, response=RESPONSE | {"status": "incomplete"})
    _, watch = watched(CREATED, WORDS, incomplete)
    assert watch.phase is Phase.DONE
    assert watch.finish(b"") == incomplete
