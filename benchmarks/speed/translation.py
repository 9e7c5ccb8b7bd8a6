"""What translating costs, format by format: a 1 KB request or reply each way, and one chunk of a stream.

    OMP_NUM_THREADS=1 python -m benchmarks.speed.translation [--rounds 2000]

`read request` is a door's bytes to the hub, `write request` the hub to an upstream's bytes; `read reply` and `write
reply` the way back. `chunk` is one event of text in an upstream's format, read and written in a client's, both
together; `lane chunk` is the same event merely watched. Every body differs from the one before. Medians and 99th
percentiles in microseconds of wall time on an otherwise idle machine, beside the most that the median may be.

A format that clients may speak makes the samples of its replies itself; for one that only upstreams speak, add a
sample to REPLIES and STREAMS.
"""

import argparse
import statistics
import struct
import time
from binascii import crc32
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from benchmarks.speed.timing import timed_us
from fairlead.domain.content import FormatName, Text, Tool, ToolCall, ToolResult, Turn
from fairlead.domain.events import ChoiceFinished, Event, ReplyBegan, TextDelta, UsageReported
from fairlead.domain.names import SentModel
from fairlead.domain.reply import Reply, ReplyChoice
from fairlead.domain.request import ChatRequest, Sampling
from fairlead.domain.usage import Usage
from fairlead.wire import anthropic_messages, openai_chat, openai_responses
from fairlead.wire.format import AskedRequest, Back, Door
from fairlead.wire.formats import BACKS
from fairlead.wire.translation import TranslatedStream

_ALL: Final = (openai_chat.DOOR, anthropic_messages.DOOR, openai_responses.DOOR)
DOORS: Final[Mapping[FormatName, Door]] = {door.name: door for door in _ALL}
_WORDS: Final = "it is warm enough, but take an umbrella with you. " * 14
_GEMINI: Final = (
    '{"candidates":[{"content":{"parts":[%s],"role":"model"},%s"index":0}],'
    '"usageMetadata":{"promptTokenCount":200,"candidatesTokenCount":180,"totalTokenCount":380},'
    '"modelVersion":"model-1","responseId":"id-1"}'
)
_GEMINI_PARTS: Final = '{"text":"%s"},{"functionCall":{"name":"weather","args":{"city":"Bern","day":"tomorrow"}}}'
_BEDROCK: Final = (
    '{"output":{"message":{"role":"assistant","content":[{"text":"%s"},{"toolUse":{"toolUseId":"call_2",'
    '"name":"weather","input":{"city":"Bern","day":"tomorrow"}}}]}},"stopReason":"tool_use",'
    '"usage":{"inputTokens":200,"outputTokens":180,"totalTokens":380},"metrics":{"latencyMs":900}}'
)
REPLIES: Final[Mapping[FormatName, bytes]] = {
    "gemini_generate": (_GEMINI % (_GEMINI_PARTS % _WORDS, '"finishReason":"STOP",')).encode(),
    "bedrock_converse": (_BEDROCK % _WORDS).encode(),
}
"""A whole reply of about 1 KB, of formats without a door."""

SENT: Final = SentModel("model-1")
CHUNKS: Final = 100
MOST_US: Final = 60.0
"""A request or a reply of 1 KB, each way."""
MOST_CHUNK_US: Final = 15.0
"""A chunk, read and written."""
_SCHEMA: Final = b'{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'


def _message(kind: str, payload: str) -> bytes:
    """One message of AWS's event stream."""
    names = ((":event-type", kind), (":content-type", "application/json"), (":message-type", "event"))
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in names
    )
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = prelude + struct.pack(">I", crc32(prelude)) + headers + payload.encode()
    return whole + struct.pack(">I", crc32(whole))


def _sse(part: str, finish: str = "") -> bytes:
    return b"data: " + (_GEMINI % (part, finish)).encode() + b"\r\n\r\n"


def _delta(number: int) -> bytes:
    piece = f'{{"contentBlockIndex":0,"delta":{{"text":" piece number {number} of it"}},"p":"abcdefgh"}}'
    return _message("contentBlockDelta", piece)


STREAMS: Final[Mapping[FormatName, list[bytes]]] = {
    "gemini_generate": [
        *(_sse(f'{{"text":" piece number {number} of it"}}') for number in range(CHUNKS)),
        _sse('{"text":""}', '"finishReason":"STOP",'),
    ],
    "bedrock_converse": [
        _message("messageStart", '{"role":"assistant"}'),
        *(_delta(number) for number in range(CHUNKS)),
        _message("contentBlockStop", '{"contentBlockIndex":0}'),
        _message("messageStop", '{"stopReason":"end_turn"}'),
        _message("metadata", '{"usage":{"inputTokens":200,"outputTokens":180},"metrics":{"latencyMs":900}}'),
    ],
}
"""A stream of about CHUNKS events of text, of formats without a door."""


def request(number: int) -> ChatRequest:
    """A request of about 1 KB with a tool, a call of it and its result."""
    words = f"Number {number}: " + "what is the weather like, and what should I wear? " * 5
    return ChatRequest(
        turns=(
            Turn("system", (Text("You are a helpful assistant that answers in short sentences. " * 2),)),
            Turn("user", (Text(words),)),
            Turn("assistant", (Text("Let me see."), ToolCall("call_1", "weather", '{"city":"Bern"}'))),
            Turn("user", (ToolResult("call_1", (Text("17 degrees, light rain, wind from the west"),)),)),
            Turn("user", (Text("And tomorrow?"),)),
        ),
        tools=(Tool("weather", "The weather of a city.", _SCHEMA),),
        max_output_tokens=500,
        sampling=Sampling(temperature=0.5),
    )


def reply(number: int) -> Reply:
    """A reply of about 1 KB."""
    words = f"Number {number}: " + "it is warm enough, but take an umbrella with you. " * 14
    parts = (Text(words), ToolCall("call_2", "weather", '{"city":"Bern","day":"tomorrow"}'))
    return Reply(f"id-{number}", "model-1", (ReplyChoice(parts, "tool_calls"),), Usage(200, 0, 0, 180))


def events() -> list[Event]:
    """A reply in CHUNKS pieces of about four words."""
    said: list[Event] = [TextDelta(f" piece number {number} of it") for number in range(CHUNKS)]
    return [ReplyBegan("id-1", "model-1"), *said, ChoiceFinished("stop"), UsageReported(Usage(200, 0, 0, 180))]


def asked(door: Door, number: int = 0) -> AskedRequest:
    """A request as this door reads it."""
    made = door.read_request(BACKS[door.name].write_request(request(number)._replace(is_streaming=True), SENT).body)
    made.reply_id = "reply-1"
    return made


def stream_pieces(name: FormatName) -> list[bytes] | None:
    """A stream of this format, event by event; None when nobody knows one."""
    door = DOORS.get(name)
    if door is None:
        return STREAMS.get(name)
    writer = asked(door).writer()
    pieces = [writer.write(event) for event in events()] + [writer.finish(b"")]
    return [piece for piece in pieces if piece]


def back_rows(back: Back, n: int) -> Iterator[tuple[str, list[float]]]:
    """Writing requests for an upstream, reading its replies."""
    requests = [request(number) for number in range(n)]
    yield "write request", timed_us(lambda number: back.write_request(requests[number], SENT), n)
    door = DOORS.get(back.name)
    if door is not None:
        client = asked(door)
        bodies = [client.write_reply(reply(number)) for number in range(n)]
    elif back.name in REPLIES:
        bodies = [REPLIES[back.name]] * n
    else:
        return
    yield "read reply", timed_us(lambda number: back.read_reply(bodies[number]), n)


def door_rows(door: Door, n: int) -> Iterator[tuple[str, list[float]]]:
    """Reading clients' requests, writing their replies."""
    back = BACKS[door.name]
    bodies = [back.write_request(request(number), SENT).body for number in range(n)]
    yield "read request", timed_us(lambda number: door.read_request(bodies[number]).chat(), n)
    client = asked(door)
    replies = [reply(number) for number in range(n)]
    yield "write reply", timed_us(lambda number: client.write_reply(replies[number]), n)


def chunk_us(pieces: list[bytes], open_stream: Callable[[], Callable[[bytes], bytes]], n_streams: int) -> list[float]:
    """Microseconds of a chunk, as the mean over each of so many streams: one alone is as short as the clock's step."""
    taken = []
    for _ in range(n_streams):
        feed = open_stream()
        began = time.perf_counter()
        for piece in pieces:
            feed(piece)
        taken.append((time.perf_counter() - began) * 1e6 / len(pieces))
    return taken


def show(what: str, part: str, taken: list[float], most: float | None) -> None:
    """One row of the table."""
    ranked = sorted(taken)
    p99 = ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))]
    median = statistics.median(ranked)
    verdict = "" if most is None else f"{most:>8.0f} {'ok' if median <= most else 'MISSED'}"
    print(f"{what:44}{part:>15}{median:>11.1f}{p99:>9.1f}{verdict}")


def show_streams(back: Back, pieces: list[bytes], n_streams: int) -> None:
    """A stream of this upstream to every door; on the lane too where it is its own."""
    for door in DOORS.values():
        client = asked(door)

        def translated(client: AskedRequest = client) -> Callable[[bytes], bytes]:
            return TranslatedStream(back.reader(), client.writer()).feed

        show(f"{back.name} -> {door.name}", "chunk", chunk_us(pieces, translated, n_streams), MOST_CHUNK_US)
    if back.name in DOORS:
        own = asked(DOORS[back.name])
        show(back.name, "lane chunk", chunk_us(pieces, lambda: own.lane_stream().feed, n_streams), None)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=2_000)
    n = arguments.parse_args().rounds
    print(f"{'format':44}{'part':>15}{'median µs':>11}{'p99 µs':>9}{'most':>8}")
    for back in BACKS.values():
        for part, taken in back_rows(back, n):
            show(back.name, part, taken, MOST_US)
    for door in DOORS.values():
        for part, taken in door_rows(door, n):
            show(door.name, part, taken, MOST_US)
    for back in BACKS.values():
        pieces = stream_pieces(back.name)
        if pieces is not None:
            show_streams(back, pieces, max(n // 10, 1))


if __name__ == "__main__":
    main()
