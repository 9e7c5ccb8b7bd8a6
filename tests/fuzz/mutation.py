"""Mutations that know the structure: JSON values, events of a stream, messages of an event stream; or plain bytes.

Bytes changed at random hardly ever get past a JSON parser or a checksum; these do.
"""

import json
import random
import struct
from collections.abc import Callable
from typing import Any, Final

from tests.wire.bedrock_converse.event_streams import message

Mutate = Callable[[bytes, random.Random], bytes]
N_CUT_BYTES: Final = 4
"""The first bytes of a stream's input say where it is cut."""
ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, 0.5, -0.0,
    float("nan"), float("inf"), "", " ", "a", "auto", "\0", "\r\n", "\ud800", "\udfff\ud800", "é🙂", "{", "[", "null",
    "data: [DONE]\n\n", "x" * 300, [], [None], [[]], [{}], {}, {"": None}, {"type": None}, {"type": "text"},
    {"a": {"b": []}},
)  # fmt: skip
_DEEP: Final = 40


def mutate_bytes(data: bytes, source: random.Random) -> bytes:
    """A byte changed, dropped, doubled; a piece moved, repeated or cut off."""
    out = bytearray(data)
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(out) + 1)
        how = source.randrange(6)
        if how == 0 and at < len(out):
            out[at] = source.randrange(256)
        elif how == 1:
            out[at:at] = bytes(source.choices(b'\r\n\0"{}[],:\\ \xff\xef\xbb\xbf0e-', k=source.randint(1, 3)))
        elif how == 2:
            del out[at : at + source.randint(1, 16)]
        elif how == 3:
            out[at:at] = out[source.randrange(len(out) + 1) :][: source.randint(1, 64)]
        elif how == 4:
            del out[at:]
        else:
            out = out.replace(b"\n", source.choice((b"\r\n", b"\r", b"\n\n", b"")), source.randint(1, 3))
    return bytes(out)


def mutate_json(data: bytes, source: random.Random) -> bytes:
    """One to three values of a JSON text exchanged; bytes where it is none, or now and then."""
    if source.random() < 0.2:
        return mutate_bytes(data, source)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return mutate_bytes(data, source)
    for _ in range(source.randint(1, 3)):
        value = _changed(value, source)
    text = json.dumps(value, ensure_ascii=source.random() < 0.5)
    return text.encode("utf-8", "surrogatepass" if source.random() < 0.1 else "replace")


def _changed(value: Any, source: random.Random) -> Any:
    if source.random() < 0.3 or not isinstance(value, dict | list) or not value:
        return _odd(source) if source.random() < 0.9 else _wrapped(value, source)
    if isinstance(value, list):
        items: list[Any] = list(value)
        at = source.randrange(len(items))
        how = source.randrange(6)
        if how == 0:
            del items[at]
        elif how == 1:
            items.insert(at, items[source.randrange(len(items))])
        else:
            items[at] = _changed(items[at], source)
        return items
    members: dict[str, Any] = dict(value)
    key = source.choice(list(members))
    how = source.randrange(8)
    if how == 0:
        del members[key]
    elif how == 1:
        members[source.choice(list(members))] = members[key]
    elif how == 2:
        members[source.choice(("", "type", "x", "fairlead", "id", "\ud800", "é"))] = _odd(source)
    else:
        members[key] = _changed(members[key], source)
    return members


def _odd(source: random.Random) -> Any:
    return source.choice(ODD)


def _wrapped(value: Any, source: random.Random) -> Any:
    for _ in range(source.choice((1, 2, _DEEP))):
        value = [value] if source.random() < 0.5 else {"a": value}
    return value


def mutate_events(data: bytes, source: random.Random) -> bytes:
    """Server-sent events: one event's JSON changed, events dropped, doubled or exchanged, ends of line changed."""
    head, body = data[:N_CUT_BYTES], data[N_CUT_BYTES:]
    how = source.randrange(10)
    if how == 0:
        return mutate_bytes(data, source)
    if how == 1:
        return head + body.replace(b"\n", source.choice((b"\r\n", b"\r")))
    events = body.split(b"\n\n")
    at = source.randrange(len(events))
    if how == 2:
        del events[at]
    elif how == 3:
        events.insert(at, source.choice(events))
    elif how == 4:
        other = source.randrange(len(events))
        events[at], events[other] = events[other], events[at]
    else:
        before, mark, text = events[at].partition(b"data: ")
        events[at] = before + mark + mutate_json(text, source)
    return bytes(source.choices(range(256), k=N_CUT_BYTES)) + b"\n\n".join(events)


def mutate_messages(data: bytes, source: random.Random) -> bytes:
    """An AWS event stream: a message's payload or headers changed with right checksums, messages dropped or doubled."""
    body = data[N_CUT_BYTES:]
    if source.random() < 0.15:
        return mutate_bytes(data, source)
    messages = _messages(body)
    if not messages:
        return mutate_bytes(data, source)
    at = source.randrange(len(messages))
    headers, payload = messages[at]
    how = source.randrange(6)
    if how == 0:
        del messages[at]
    elif how == 1:
        messages.insert(at, source.choice(messages))
    elif how == 2:
        messages[at] = (mutate_bytes(headers, source), payload)
    else:
        messages[at] = (headers, mutate_json(payload, source))
    said = b"".join(message(headers, payload) for headers, payload in messages)
    return bytes(source.choices(range(256), k=N_CUT_BYTES)) + said


def _messages(body: bytes) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    while len(body) >= 16:
        total, n_headers = struct.unpack_from(">II", body)
        if not 16 + n_headers <= total <= len(body):
            break
        found.append((body[12 : 12 + n_headers], body[12 + n_headers : total - 4]))
        body = body[total:]
    return found
