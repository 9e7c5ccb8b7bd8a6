"""A Messages stream on the lane: any cut of it, at any byte, and never a finish that was not there."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import GarbledError, TruncatedError, UnavailableError
from fairlead.domain.usage import Usage
from fairlead.wire.anthropic_messages.stream import STOP_EVENT, MessageWatch
from fairlead.wire.format import Phase
from tests.wire.strategies import cut, cuts


def event(kind: str, **members: Any) -> bytes:
    data = json.dumps({"type": kind, **members}, ensure_ascii=False).encode()
    return b"event: " + kind.encode() + b"\ndata: " + data + b"\n\n"


def delta(kind: str, index: int = 0, **members: Any) -> bytes:
    return event("content_block_delta", index=index, delta={"type": kind, **members})


START = event(
    "message_start",
    message={
        "id": "msg_1",
        "model": "served",
        "content": [],
        "usage": {"input_tokens": 7, "cache_read_input_tokens": 5, "output_tokens": 1},
    },
)
OPEN = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
PING = event("ping")
WORDS = delta("text_delta", text="Hel") + delta("text_delta", text="lo — é")
CLOSE = event("content_block_stop", index=0)
FINISH = event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 3})
STOP = event("message_stop")
BEGUN = b": hello\n\n" + START + PING + OPEN + WORDS
WHOLE = BEGUN + CLOSE + FINISH + STOP


def watched(*pieces: bytes) -> tuple[bytes, MessageWatch]:
    watch = MessageWatch()
    sent = b"".join(watch.feed(piece) for piece in pieces)
    return sent + watch.end(), watch


def test_a_whole_stream_goes_on_byte_for_byte_and_its_last_event_waits_for_the_end() -> None:
    sent, watch = watched(WHOLE)
    assert sent == WHOLE.removesuffix(STOP)
    assert watch.finish(b": cost\n\n") == b": cost\n\n" + STOP
    assert watch.phase is Phase.DONE
    assert watch.served == "served"
    assert watch.usage == Usage(input_tokens=7, cached_read_tokens=5, output_tokens=3)
    assert watch.failure is None
    assert watch.n_content_bytes == len("Hello — é")


@given(cuts(), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_any_chunking_sends_the_same_bytes(places: list[int], line_end: bytes) -> None:
    data = WHOLE.replace(b"\n", line_end)
    sent, watch = watched(*cut(data, places))
    whole_sent, whole_watch = watched(data)
    assert sent == whole_sent
    for name in ("phase", "served", "usage", "failure", "n_content_bytes"):
        assert getattr(watch, name) == getattr(whole_watch, name)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_cut_at_any_byte_never_shows_a_finish_that_was_not_there(line_end: bytes) -> None:
    data = WHOLE.replace(b"\n", line_end)
    finish_at = data.index(b'"end_turn"') + len(b'"end_turn"')
    n_refused = 0
    for place in range(len(data)):
        watch = MessageWatch()
        sent = watch.feed(data[:place])
        try:
            sent += watch.end()
        except (TruncatedError, GarbledError):
            n_refused += 1
            assert watch.phase is not Phase.DONE
            continue
        assert place > finish_at
        assert b'"end_turn"' in sent
        assert b"message_stop" not in sent
    assert n_refused > finish_at


@pytest.mark.parametrize(
    "data",
    [b"", START, BEGUN, BEGUN + CLOSE, BEGUN + STOP, BEGUN + CLOSE + STOP, START + STOP, BEGUN + PING],
    ids=["empty", "start", "words", "closed", "stop", "closed stop", "start stop", "ping"],
)
def test_a_stream_without_its_stop_reason_is_truncated(data: bytes) -> None:
    with pytest.raises(TruncatedError):
        watched(data)


def test_a_stop_reason_without_message_stop_is_whole_and_the_stop_is_ours() -> None:
    sent, watch = watched(BEGUN + CLOSE + FINISH)
    assert sent == BEGUN + CLOSE + FINISH
    assert watch.phase is Phase.FINISHED
    assert watch.finish(b"") == STOP_EVENT


def test_nothing_counts_as_used_before_the_upstream_has_counted_it_all() -> None:
    watch = MessageWatch()
    watch.feed(BEGUN)
    assert watch.usage is None  # message_start knows the input alone: a broken stream is estimated


def test_later_counts_replace_earlier_ones() -> None:
    full = {"input_tokens": 9, "cache_creation_input_tokens": 4, "cache_read_input_tokens": 0, "output_tokens": 8}
    _, watch = watched(BEGUN + event("message_delta", delta={"stop_reason": "max_tokens"}, usage=full))
    assert watch.usage == Usage(input_tokens=9, cache_write_tokens=4, output_tokens=8)


@pytest.mark.parametrize(
    ("piece", "speaks"),
    [
        (START, False),
        (PING, False),
        (OPEN, False),
        (event("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""}), False),
        (delta("text_delta", text=""), False),
        (delta("text_delta", text=" "), True),
        (delta("thinking_delta", thinking="hm"), True),
        (delta("signature_delta", signature="c2ln"), True),
        (event("content_block_start", index=0, content_block={"type": "tool_use", "id": "a", "name": "f"}), True),
        (event("content_block_start", index=0, content_block={"type": "redacted_thinking", "data": "x"}), True),
        (event("content_block_start", index=0, content_block={"type": "server_tool_use", "id": "a"}), True),
        (event("from_the_future", thing=[1]), False),
    ],
)
def test_what_counts_as_content(piece: bytes, speaks: bool) -> None:
    watch = MessageWatch()
    assert watch.feed(piece) == piece
    assert (watch.phase is Phase.SPEAKING) is speaks


@pytest.mark.parametrize("kind", ["overloaded_error", "something_secret"])
def test_an_error_in_the_stream_ends_it_and_is_not_sent_on(kind: str) -> None:
    error = event("error", error={"type": kind, "message": "Overloaded: key sk-1"})
    watch = MessageWatch()
    assert watch.feed(BEGUN + error + WORDS + FINISH + STOP) == BEGUN
    assert watch.phase is Phase.FAILED
    assert watch.failure is not None
    assert watch.failure.code == "upstream_error_in_stream"
    assert ("overloaded_error" in str(watch.failure)) is (kind == "overloaded_error")
    assert "sk-1" not in str(watch.failure)
    assert "secret" not in str(watch.failure)


def test_a_failure_is_an_error_event_and_a_ping_is_a_ping_event() -> None:
    watch = MessageWatch()
    name, data = watch.fail(UnavailableError("All upstreams are down.")).removesuffix(b"\n\n").split(b"\n")
    assert name == b"event: error"
    assert json.loads(data.removeprefix(b"data: "))["error"]["type"] == "overloaded_error"
    assert watch.ping().startswith(b"event: ping\ndata: ")


@pytest.mark.parametrize(
    "garbage",
    [
        b"data: <html>\n\n",
        b"data: {\n\n",
        b"data: []\n\n",
        b'data: {"type":1}\n\n',
        b'data: {"type":"message_start"}\n\n',
        b'data: {"type":"content_block_start"}\n\n',
        b'data: {"type":"content_block_delta","delta":"text"}\n\n',
        b'data: {"type":"content_block_delta","delta":{"text":1}}\n\n',
        b'data: {"type":"content_block_delta"}\n\n',
        b'data: {"type":"message_start","message":{"model":"\xff"}}\n\n',
        b"data: " + b"[" * 100_000 + b"\n\n",
        b'data: {"error":' + b"[" * 100_000 + b"\n\n",
    ],
    ids=lambda value: repr(value[:50]),
)
def test_what_is_no_messages_stream_is_garbled(garbage: bytes) -> None:
    with pytest.raises(GarbledError):
        MessageWatch().feed(garbage)


@given(st.binary(max_size=200))
def test_no_bytes_at_all_give_another_error_or_a_finish(data: bytes) -> None:
    try:
        _, watch = watched(START, data)
    except (TruncatedError, GarbledError):
        return
    assert watch.phase in (Phase.FINISHED, Phase.DONE, Phase.FAILED)
