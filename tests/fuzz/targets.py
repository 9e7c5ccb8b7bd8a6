"""What is fuzzed: every parser that reads bytes of a client, an upstream or an operator, with what it must never do.

A target takes any bytes. It may end in the errors that its parser promises and in nothing else; streams must tell the
same however they are cut; what was read must be writable in every format.
"""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, NamedTuple

from fairlead.domain.errors import ConfigError, FairleadError, GarbledError, RejectedError, RequestError, UpstreamError
from fairlead.domain.events import ReplyFailed
from fairlead.domain.names import SentModel
from fairlead.gateway.work import DOORS
from fairlead.settings.settings import parse
from fairlead.wire.bedrock_converse.event_stream import Message, MessageSplitter
from fairlead.wire.format import Back, Door, Phase
from fairlead.wire.formats import BACKS
from fairlead.wire.lane import take_apart
from fairlead.wire.routing_options import take_wishes
from fairlead.wire.sse import EventSplitter, data_of
from fairlead.wire.translation import TranslatedStream
from tests.fuzz import seeds
from tests.fuzz.mutation import (
    N_CUT_BYTES,
    Mutate,
    mutate_bytes,
    mutate_events,
    mutate_json,
    mutate_messages,
)
from tests.wire.reading import cut, shown, told

SENT: Final = SentModel("sent-model")


class Target(NamedTuple):
    """One parser."""

    run: Callable[[bytes], None]
    """Raises whatever must not happen."""
    seeds: Callable[[], list[bytes]]
    mutate: Mutate


def _pieces(data: bytes) -> tuple[bytes, list[bytes]]:
    """The stream, whole and cut where its first bytes say."""
    places, body = data[:N_CUT_BYTES], data[N_CUT_BYTES:]
    return body, cut(body, [place * (len(body) + 1) // 256 for place in places])


def door_target(label: str, door: Door) -> Target:
    """A door's request reader, and the way of what it read into every format."""

    def run(data: bytes) -> None:
        try:
            request = door.read_request(data)
        except RequestError as error:
            status, body = door.write_failure(error)
            assert 400 <= status < 500
            json.loads(body)
            return
        assert request.outline is not None and request.wishes is not None
        assert request.session is None or isinstance(request.session, str)
        try:
            chat = request.chat()
        except RequestError:
            chat = None
        json.loads(request.body_for(SENT))
        if chat is None:
            return
        for back in BACKS.values():
            try:
                carried = back.write_request(chat, SENT)
            except RequestError:
                continue
            json.loads(carried.body)

    return Target(run, lambda: seeds.requests(label), mutate_json)


def reply_target(back: Back) -> Target:
    """A format's reader of whole replies; what it read is written at every door, or refused by name."""

    def run(data: bytes) -> None:
        for door in DOORS.values():
            if door.door.name == back.name and door.label != "embeddings":
                with suppress(UpstreamError):
                    json.loads(seeds.request(door.label).lane_reply(data, SENT).body)
        try:
            reply = back.read_reply(data)
        except UpstreamError:
            return
        for label in seeds.STREAMING_DOORS:
            with suppress(UpstreamError):
                json.loads(seeds.request(label).write_reply(reply))

    return Target(run, lambda: seeds.replies(back.name), mutate_json)


def failure_target(back: Back) -> Target:
    """A format's reader of error replies: it always makes an error of them."""

    def run(data: bytes) -> None:
        status = 400 + (data[0] if data else 0) % 200
        header = (b"retry-after", data[1:9])
        error = back.read_failure(status, [header], data[N_CUT_BYTES:], "up")
        assert isinstance(error, RejectedError)
        assert error.retry_after_s is None or error.retry_after_s >= 0
        for way in DOORS.values():
            json.loads(way.door.write_failure(error)[1])

    return Target(run, lambda: seeds.failures(back.name), mutate_bytes)


def stream_target(back: Back) -> Target:
    """A format's stream reader: the same events for every cut, and each door can write them."""

    def run(data: bytes) -> None:
        whole, pieces = _pieces(data)
        events = told(back.reader, [whole])
        assert shown(told(back.reader, pieces)) == shown(events), "another cut, other events"
        for label in seeds.STREAMING_DOORS:
            once = _translated(back, label, [whole])
            assert _translated(back, label, pieces) == once, f"another cut, another stream at {label}"
            assert events or not once[0]
            if events and isinstance(events[-1], ReplyFailed):
                assert once[1] is Phase.FAILED, "a failure that nobody hears of"

    is_sse = back.name != "bedrock_converse"
    return Target(run, lambda: seeds.streams(back.name), mutate_events if is_sse else mutate_messages)


def _translated(back: Back, label: str, pieces: Iterable[bytes]) -> tuple[bytes, Phase]:
    stream = TranslatedStream(back.reader(), seeds.request(label, is_stream=True).writer(), SENT)
    said = b"".join([stream.feed(piece) for piece in pieces]) + stream.end()
    said += stream.ping()
    said += stream.fail(stream.failure) if stream.failure is not None else stream.finish(b"")
    said.decode()
    return said, stream.phase


def lane_target(label: str) -> Target:
    """A door's watch over a stream of its own format: the same bytes and the same end for every cut."""

    def run(data: bytes) -> None:
        whole, pieces = _pieces(data)
        once = _watched(label, [whole])
        other = _watched(label, pieces)
        assert other[1:] == once[1:], "another cut, another end"
        if once[1] is None:
            assert other[0] == once[0], "another cut, other bytes"

    return Target(run, lambda: seeds.streams(DOORS_BY_LABEL[label].name), mutate_events)


def _watched(label: str, pieces: Iterable[bytes]) -> tuple[bytes, str | None, object]:
    stream = seeds.request(label, is_stream=True).lane_stream()
    said, failed = b"", None
    try:
        for piece in pieces:
            said += stream.feed(piece)
        said += stream.end()
    except UpstreamError as error:
        failed = f"{type(error).__name__}: {error.message}"
    if failed is None and stream.failure is not None:
        failed = f"{type(stream.failure).__name__}: {stream.failure.message}"
    assert failed is not None or stream.phase in (Phase.FINISHED, Phase.DONE), "an end without a finish"
    if failed is None:
        said += stream.finish(b"")
    else:
        stream.fail(FairleadError("x")).decode()
    return said, failed, (stream.usage, stream.served) if failed is None else None


def split_events(data: bytes) -> None:
    """Server-sent events: nothing is lost, and the same events for every cut."""
    whole, pieces = _pieces(data)
    splitter = EventSplitter()
    events = splitter.feed(whole)
    for event in events:
        assert b"\r" not in data_of(event) and b"\n\n" not in event[:-2].replace(b"\r\n", b"\n").lstrip(b"\n")
    one = EventSplitter()
    parts = [event for piece in pieces for event in one.feed(piece)]
    assert (parts, one.rest()) == (events, splitter.rest()), "another cut, other events"
    assert b"".join(events) + splitter.rest() in (whole, whole.removeprefix(b"\xef\xbb\xbf"))


def split_messages(data: bytes) -> None:
    """An AWS event stream: the same messages, and the same error, for every cut."""
    whole, pieces = _pieces(data)
    assert _messages([whole]) == _messages(pieces), "another cut, other messages"


def _messages(pieces: Iterable[bytes]) -> tuple[list[Message], str | None]:
    splitter, found = MessageSplitter(), []
    try:
        for piece in pieces:
            splitter.add(piece)
            while (one := splitter.take()) is not None:
                found.append(one)
    except GarbledError as error:
        return found, error.message
    return found, None


def read_options(data: bytes) -> None:
    """Our own members of a body."""
    try:
        members = take_apart(data)
        take_wishes(members)
    except RequestError as error:
        assert len(error.message) < 1500
        return
    assert members.keys().isdisjoint(("fairlead", "models", "provider"))


def read_config(data: bytes) -> None:
    """A configuration file."""
    try:
        parse(data.decode("utf-8", "replace"), {"KEY": "sk-fuzz-0123456789"})
    except ConfigError as error:
        assert "sk-fuzz" not in error.message


DOORS_BY_LABEL: Final = {way.label: way.door for way in DOORS.values()}
TARGETS: Final[dict[str, Target]] = {
    **{f"request-{label}": door_target(label, door) for label, door in DOORS_BY_LABEL.items()},
    **{f"reply-{name}": reply_target(back) for name, back in BACKS.items()},
    **{f"failure-{name}": failure_target(back) for name, back in BACKS.items()},
    **{f"stream-{name}": stream_target(back) for name, back in BACKS.items()},
    **{f"lane-{label}": lane_target(label) for label in seeds.STREAMING_DOORS},
    "events": Target(split_events, lambda: seeds.streams("anthropic_messages"), mutate_events),
    "event-stream": Target(split_messages, lambda: seeds.streams("bedrock_converse"), mutate_messages),
    "options": Target(read_options, seeds.options, mutate_json),
    "config": Target(read_config, seeds.configs, mutate_bytes),
}
