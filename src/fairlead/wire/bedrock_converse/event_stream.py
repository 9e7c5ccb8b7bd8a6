"""AWS event streams: bytes in, whole checked messages out, however the bytes are cut.

A message is: total length, length of its headers, CRC32 of those eight bytes; headers; payload; CRC32 of all before it.
Specification: https://smithy.io/2.0/aws/amazon-eventstream.html, read 2026-11-30.
"""

import struct
from binascii import crc32
from typing import Final, NamedTuple

from fairlead.domain.errors import GarbledError

MESSAGE_CAP_BYTES: Final = 16 * 1024 * 1024
"""As of a server-sent event; AWS itself allows 24 MB, which no reply's piece comes near."""
HEADERS_CAP_BYTES: Final = 128 * 1024
"""The specification's own bound."""
_PRELUDE: Final = struct.Struct(">III")
_CRC: Final = struct.Struct(">I")
_LEAST_BYTES: Final = _PRELUDE.size + _CRC.size
_STRING: Final = 7
_SIZES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value by type; 6 (bytes) and 7 (string) state their length in two bytes."""
_WITH_LENGTH: Final = (6, _STRING)


class Message(NamedTuple):
    """One message; of its headers those that are strings."""

    headers: dict[str, str]
    payload: bytes


class MessageSplitter:
    """Cuts a byte stream into messages. One per stream."""

    __slots__ = ("_held", "_wanted")

    def __init__(self) -> None:
        self._held = bytearray()
        self._wanted = 0
        """Bytes of the message at the front; 0 while its prelude is not whole."""

    def add(self, data: bytes) -> None:
        """More bytes."""
        self._held += data

    def take(self) -> Message | None:
        """The next complete message; None when there is none yet.

        Raises: GarbledError for a wrong checksum, a length that makes no sense, or a message above its cap.
        """
        held = self._held
        if not self._wanted:
            if len(held) < _PRELUDE.size:
                return None
            self._wanted = _checked_length(held)
        if len(held) < self._wanted:
            return None
        message = bytes(held[: self._wanted])
        del held[: self._wanted]
        self._wanted = 0
        return _read_message(message)


def _checked_length(held: bytearray) -> int:
    total, n_headers, crc = _PRELUDE.unpack_from(held)
    if crc32(held[:8]) != crc:
        raise GarbledError("The upstream's event stream has a wrong checksum.")
    if not _LEAST_BYTES + n_headers <= total <= MESSAGE_CAP_BYTES or n_headers > HEADERS_CAP_BYTES:
        raise GarbledError(f"A message of the upstream's event stream states an impossible length: {total} bytes.")
    return int(total)


def _read_message(message: bytes) -> Message:
    if crc32(message[: -_CRC.size]) != _CRC.unpack_from(message, len(message) - _CRC.size)[0]:
        raise GarbledError("The upstream's event stream has a wrong checksum.")
    end = _PRELUDE.size + _PRELUDE.unpack_from(message)[1]
    return Message(_read_headers(message[_PRELUDE.size : end]), message[end : -_CRC.size])


def _read_headers(data: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            name = data[at + 1 : at + 1 + data[at]].decode()
            at += 1 + data[at]
            kind = data[at]
            at += 1
            n_bytes = _SIZES.get(kind)
            if n_bytes is None:
                if kind not in _WITH_LENGTH:
                    raise GarbledError("A header of the upstream's event stream has an unknown type.")
                n_bytes = data[at] << 8 | data[at + 1]
                at += 2
            if at + n_bytes > len(data):
                raise IndexError
            if kind == _STRING:
                headers[name] = data[at : at + n_bytes].decode()
            at += n_bytes
    except (IndexError, UnicodeDecodeError):
        raise GarbledError("A header of the upstream's event stream cannot be read.") from None
    return headers
