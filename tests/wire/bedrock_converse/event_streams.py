"""Messages of AWS's event stream, written: what an upstream sends."""

import json
import struct
from binascii import crc32
from collections.abc import Iterable


def header(name: str, kind: int, value: bytes) -> bytes:
    return bytes([len(name)]) + name.encode() + bytes([kind]) + value


def string_header(name: str, value: str) -> bytes:
    return header(name, 7, struct.pack(">H", len(value.encode())) + value.encode())


def message(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    whole = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return whole + struct.pack(">I", crc32(whole))


def event(kind: str, value: object) -> bytes:
    headers = string_header(":event-type", kind) + string_header(":content-type", "application/json")
    return message(headers + string_header(":message-type", "event"), json.dumps(value, ensure_ascii=False).encode())


def exception(kind: str, value: object) -> bytes:
    headers = string_header(":exception-type", kind) + string_header(":message-type", "exception")
    return message(headers, json.dumps(value).encode())


def stream(events: Iterable[tuple[str, object]]) -> bytes:
    return b"".join(event(kind, value) for kind, value in events)
