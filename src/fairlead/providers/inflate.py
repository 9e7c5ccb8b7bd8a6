"""Inflater: undo a content-encoding that nobody asked for, without letting a small body become a huge one.

We ask for `identity`, but some servers and middle boxes compress all the same.
"""

import zlib
from typing import Final

STEP_BYTES: Final = 256 * 1024
"""The most that one step gives out."""
RATIO_CAP: Final = 200
"""JSON and event streams shrink 5 to 50 times; a bomb of zeros about 1,000 times."""
RATIO_FREE_BYTES: Final = 4 * 1024 * 1024
"""Below this the ratio does not matter."""
MEMBERS_CAP: Final = 16
"""gzip allows members in a row, and each costs a copy of the rest: thousands of empty ones would be an attack."""

_GZIP_WBITS: Final = 16 + zlib.MAX_WBITS
ENCODINGS: Final = ("gzip", "x-gzip", "deflate")


class InflateError(Exception):
    """Not the promised encoding, or out of all proportion; the text says which."""


class Inflater:
    """Encoded bytes in by `feed`, decoded bytes out by `step` in bounded pieces."""

    __slots__ = ("_is_gzip", "_n_in", "_n_members", "_n_out", "_pending", "_z")

    def __init__(self, encoding: str) -> None:
        if encoding not in ENCODINGS:
            raise InflateError("a content-encoding that was not asked for")
        self._is_gzip = encoding != "deflate"
        self._z = zlib.decompressobj(_GZIP_WBITS) if self._is_gzip else None
        self._pending = b""
        self._n_in = 0
        self._n_out = 0
        self._n_members = 1

    @property
    def has_ended(self) -> bool:
        """Whether the encoding's own end has come; an empty body counts as ended."""
        return self._n_in == 0 or (self._z is not None and self._z.eof)

    def feed(self, data: bytes) -> None:
        """Take encoded bytes."""
        self._n_in += len(data)
        self._pending += data

    def step(self) -> bytes:
        """Some decoded bytes; b"" when more input is needed. Raises: InflateError."""
        if self._z is None and len(self._pending) >= 2:
            self._z = zlib.decompressobj(_deflate_wbits(self._pending))
        if self._z is None:
            return b""
        out = b""
        while self._pending and not out:
            out = self._inflate(self._pending)
        if not out and not self._z.eof:
            # A full step may leave decoded bytes inside zlib although it has taken all input.
            out = self._inflate(b"")
        self._n_out += len(out)
        if self._n_out > RATIO_FREE_BYTES and self._n_out > RATIO_CAP * self._n_in:
            raise InflateError(f"a compressed body that grows more than {RATIO_CAP} times")
        return out

    def _inflate(self, data: bytes) -> bytes:
        assert self._z is not None
        if self._z.eof:
            self._n_members += 1
            if not self._is_gzip or self._n_members > MEMBERS_CAP:
                raise InflateError("bytes after the end of a compressed body")
            self._z = zlib.decompressobj(_GZIP_WBITS)
        try:
            out = self._z.decompress(data, STEP_BYTES)
        except zlib.error as error:
            raise InflateError("a compressed body that does not decode") from error
        self._pending = self._z.unused_data if self._z.eof else self._z.unconsumed_tail
        return out


def _deflate_wbits(start: bytes) -> int:
    # "deflate" means zlib by the standard, and raw deflate by an old habit of servers; zlib's two-byte head tells.
    is_zlib = start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0
    return zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
