"""A stream, watched as it passes: any cut of it, at any byte, and never a finish that was not there."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import GarbledError, TruncatedError
from fairlead.domain.usage import Usage
from fairlead.wire.format import Phase
from fairlead.wire.openai_chat.stream import StreamWatch
from fairlead.wire.sse import EventSplitter, data_of

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def event(value: object, end: bytes = b"\n\n") -> bytes:
    return b"data: " + json.dumps(value).encode() + end


def chunk(delta: Any = None, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    choice = {"index": index, "delta": {} if delta is None else delta, "finish_reason": finish}
    return event({"id": "c", "model": "served", "choices": [choice], **more})


DONE = b"data: [DONE]\n\n"
USAGE_CHUNK = event({"id": "c", "model": "served", "choices": [], "usage": USAGE})
ROLE = chunk({"role": "assistant", "content": ""})
WORDS = chunk({"content": "Hel"}) + chunk({"content": "lo — é"})
FINISH = chunk(finish="stop")
WHOLE = b": hello\n\n" + ROLE + WORDS + FINISH + USAGE_CHUNK + DONE


def watched(*pieces: bytes, hides_usage: bool = True) -> tuple[bytes, StreamWatch]:
    watch = StreamWatch(hides_usage=hides_usage)
    sent = b"".join(watch.feed(piece) for piece in pieces)
    return sent + watch.end(), watch


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(ends)]


def test_a_whole_stream_goes_on_byte_for_byte_but_for_usage_and_done() -> None:
    sent, watch = watched(WHOLE)
    assert sent == b": hello\n\n" + ROLE + WORDS + FINISH
    assert watch.phase is Phase.DONE
    assert watch.served == "served"
    assert watch.usage == Usage(input_tokens=7, output_tokens=3)
    assert watch.failure is None


def test_a_client_that_asked_for_usage_gets_its_chunk() -> None:
    sent, watch = watched(WHOLE, hides_usage=False)
    assert sent == b": hello\n\n" + ROLE + WORDS + FINISH + USAGE_CHUNK
    assert watch.usage == Usage(input_tokens=7, output_tokens=3)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=20), st.booleans(), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_any_chunking_sends_the_same_bytes(places: list[int], hides: bool, line_end: bytes) -> None:
    data = WHOLE.replace(b"\n", line_end)
    sent, watch = watched(*cut(data, places), hides_usage=hides)
    whole_sent, whole_watch = watched(data, hides_usage=hides)
    assert sent == whole_sent
    for name in ("phase", "served", "usage", "failure", "n_content_bytes"):
        assert getattr(watch, name) == getattr(whole_watch, name)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_cut_at_any_byte_never_shows_a_finish_that_was_not_there(line_end: bytes) -> None:
    data = WHOLE.replace(b"\n", line_end)
    finish_at = data.index(b'"stop"') + len(b'"stop"')
    n_refused = 0
    for place in range(len(data)):
        watch = StreamWatch(hides_usage=True)
        sent = watch.feed(data[:place])
        try:
            sent += watch.end()
        except (TruncatedError, GarbledError):
            n_refused += 1
            assert watch.phase is not Phase.DONE
            continue
        assert place > finish_at
        assert b'"stop"' in sent
        assert b"[DONE]" not in sent
    assert n_refused > finish_at


def test_a_stream_without_its_finish_is_truncated() -> None:
    with pytest.raises(TruncatedError):
        watched(ROLE + WORDS)


def test_an_empty_stream_is_truncated() -> None:
    with pytest.raises(TruncatedError):
        watched(b"")


def test_done_without_a_finish_is_truncated() -> None:
    with pytest.raises(TruncatedError):
        watched(ROLE + WORDS + DONE)


def test_usage_without_a_finish_is_truncated() -> None:
    with pytest.raises(TruncatedError):
        watched(ROLE + WORDS + USAGE_CHUNK)


def test_a_finish_without_done_is_whole() -> None:
    sent, watch = watched(ROLE + WORDS + FINISH)
    assert sent == ROLE + WORDS + FINISH
    assert watch.phase is Phase.FINISHED


def test_a_last_event_without_its_blank_line_is_whole_if_it_reads_as_one() -> None:
    sent, watch = watched(ROLE + WORDS + FINISH.rstrip(b"\n"))
    assert sent == ROLE + WORDS + FINISH
    assert watch.phase is Phase.FINISHED


def test_an_empty_finish_reason_is_none_at_all() -> None:
    with pytest.raises(TruncatedError):
        watched(chunk({"content": "a"}, finish="") + chunk({"content": "b"}, finish=""))


def test_nothing_after_done_is_sent() -> None:
    sent, watch = watched(ROLE + FINISH + DONE + chunk({"content": "late"}))
    assert sent == ROLE + FINISH
    assert watch.phase is Phase.DONE


@pytest.mark.parametrize(
    "done", [b"data: [DONE]\n\n", b"data:[DONE]\n\n", b"data: [DONE] \n\n", b"data: [DONE]\r\n\r\n"]
)
def test_done_is_known_in_every_spelling(done: bytes) -> None:
    assert watched(FINISH + done)[1].phase is Phase.DONE


def test_every_choice_needs_its_own_finish() -> None:
    two = chunk({"content": "a"}) + chunk({"content": "b"}, index=1)
    with pytest.raises(TruncatedError):
        watched(two + chunk(finish="stop"))
    sent, watch = watched(two + chunk(finish="stop") + chunk(finish="length", index=1))
    assert watch.phase is Phase.FINISHED
    assert sent.count(b"finish_reason") == 4


def test_a_choice_that_begins_after_the_first_has_finished_opens_the_stream_again() -> None:
    one = chunk({"content": "a"}) + chunk(finish="stop")
    with pytest.raises(TruncatedError):
        watched(one + chunk({"content": "b"}, index=1))
    assert watched(one + chunk({"content": "b"}, index=1) + chunk(finish="stop", index=1))[1].phase is Phase.FINISHED


def test_an_empty_choice_beside_the_last_usage_takes_no_finish_back() -> None:
    late = chunk({"role": "assistant", "content": ""}, usage=USAGE)
    sent, watch = watched(ROLE + WORDS + FINISH + late + DONE)
    assert sent == ROLE + WORDS + FINISH
    assert watch.phase is Phase.DONE
    assert watch.usage == Usage(input_tokens=7, output_tokens=3)
    assert watched(ROLE + WORDS + FINISH + late + DONE, hides_usage=False)[0] == ROLE + WORDS + FINISH + late


def test_usage_beside_the_finish_goes_on_with_it() -> None:
    last = chunk(finish="stop", usage=USAGE)
    sent, watch = watched(ROLE + last + DONE)
    assert sent == ROLE + last
    assert watch.usage == Usage(input_tokens=7, output_tokens=3)


def test_an_empty_usage_object_is_unknown_usage() -> None:
    assert watched(FINISH + event({"choices": [], "usage": {}}))[1].usage is None


def test_a_chunk_without_choices_and_usage_goes_on() -> None:
    filters = event({"id": "", "choices": [], "prompt_filter_results": []})
    assert watched(filters + FINISH)[0] == filters + FINISH


@pytest.mark.parametrize(
    ("delta", "speaks"),
    [
        ({"role": "assistant"}, False),
        ({"role": "assistant", "content": ""}, False),
        ({"role": "assistant", "content": None, "tool_calls": [], "refusal": None}, False),
        ({}, False),
        (None, False),
        ({"content": "a"}, True),
        ({"content": " "}, True),
        ({"reasoning": "hm"}, True),
        ({"reasoning_content": "hm"}, True),
        ({"refusal": "no"}, True),
        ({"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": ""}}]}, True),
        ({"function_call": {"name": "f"}}, True),
        ({"audio": {"id": "a"}}, True),
    ],
    ids=str,
)
def test_what_counts_as_content(delta: Any, speaks: bool) -> None:
    watch = StreamWatch(hides_usage=True)
    watch.feed(event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}))
    assert (watch.phase is Phase.SPEAKING) is speaks


def test_comments_and_empty_events_open_nothing() -> None:
    watch = StreamWatch(hides_usage=True)
    assert watch.feed(b": keep-alive\n\nevent: ping\n\n") == b": keep-alive\n\nevent: ping\n\n"
    assert watch.phase is Phase.OPENING


def test_content_is_measured_for_an_estimate() -> None:
    watch = StreamWatch(hides_usage=True)
    watch.feed(chunk({"content": "x" * 1000}))
    assert 1000 <= watch.n_content_bytes <= 1010


@pytest.mark.parametrize("error", [{"message": "overloaded"}, "overloaded", {"code": 502}], ids=str)
def test_an_error_in_the_stream_ends_it_and_is_not_sent_on(error: Any) -> None:
    watch = StreamWatch(hides_usage=True)
    sent = watch.feed(ROLE + WORDS + event({"error": error}) + chunk({"content": "late"}) + FINISH + DONE)
    assert sent == ROLE + WORDS
    assert watch.phase is Phase.FAILED
    assert watch.failure is not None
    assert "overloaded" not in str(watch.failure)


def test_a_finish_that_says_error_is_a_failure_and_not_a_finish() -> None:
    watch = StreamWatch(hides_usage=True)
    assert watch.feed(ROLE + WORDS + chunk(finish="error")) == ROLE + WORDS
    assert watch.phase is Phase.FAILED
    assert watch.failure is not None


def test_a_null_error_is_none() -> None:
    assert watched(chunk(finish="stop", error=None))[1].phase is Phase.FINISHED


@pytest.mark.parametrize(
    "garbage",
    [
        b"data: <html>\n\n",
        b"data: {\n\n",
        b"data: []\n\n",
        b"data: 1\n\n",
        b'data: {"choices":{}}\n\n',
        b'data: {"choices":[1]}\n\n',
        b'data: {"choices":[{"index":"a"}]}\n\n',
        b'data: {"choices":[{"delta":[1]}]}\n\n',
        b'data: {"choices":[{"delta":"text"}]}\n\n',
        b'data: {"choices":[{"finish_reason":1}]}\n\n',
        b'data: {"model":"\xff"}\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
        b'data: {"choices":' + b"[" * 100_000 + b"\n\n",
    ],
    ids=lambda value: repr(value[:36]),
)
def test_what_is_no_chat_stream_is_garbled(garbage: bytes) -> None:
    with pytest.raises(GarbledError):
        StreamWatch(hides_usage=True).feed(garbage)


@given(st.binary(max_size=200))
def test_no_bytes_at_all_give_another_error_or_a_finish(data: bytes) -> None:
    try:
        _, watch = watched(ROLE, data)
    except (TruncatedError, GarbledError):
        return
    assert watch.phase in (Phase.FINISHED, Phase.DONE)


@given(
    st.lists(st.tuples(st.text(max_size=20), st.integers(0, 2)), max_size=8), st.lists(st.integers(0, 900), max_size=8)
)
def test_the_sent_events_are_the_received_ones_in_order(words: list[tuple[str, int]], places: list[int]) -> None:
    indices = sorted({index for _, index in words} | {0})
    said = [chunk({"content": text}, index=index) for text, index in words]
    ends = [chunk(finish="stop", index=index) for index in indices]
    data = b"".join(said + ends) + USAGE_CHUNK + DONE
    sent, watch = watched(*cut(data, places))
    splitter = EventSplitter()
    assert [data_of(each) for each in splitter.feed(sent)] == [data_of(each) for each in said + ends]
    assert watch.phase is Phase.DONE
