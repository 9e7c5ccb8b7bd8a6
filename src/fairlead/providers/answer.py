"""HttpAnswer: one reply, read piece by piece or whole; it gives its connection back, or drops it, exactly once."""

from collections.abc import Callable
from typing import Final

from fairlead.domain.call import Headers
from fairlead.domain.errors import GarbledError, SilentError, TruncatedError, UpstreamError
from fairlead.providers.connection import Connection
from fairlead.providers.inflate import InflateError, Inflater

_PLAIN: Final = (b"", b"identity")


class HttpAnswer:
    """Keeps the promise of `domain.call.Answer`. Made when the head is complete."""

    __slots__ = ("_connection", "_error", "_is_all_in", "_name", "_on_end", "headers", "status")

    def __init__(self, connection: Connection, name: str, on_end: Callable[[Connection], None]) -> None:
        self.status: int = connection.status
        self.headers: Headers = connection.headers
        self._connection: Connection | None = connection
        self._name = name
        self._on_end = on_end
        self._is_all_in = False
        self._error: UpstreamError | None = None

    async def read(self, cap_bytes: int) -> bytes:
        """The whole rest of the body; see `domain.call.Answer`."""
        pieces: list[bytes] = []
        n_bytes = 0
        while piece := await self.next_chunk():
            n_bytes += len(piece)
            if n_bytes > cap_bytes:
                raise self._failed(self._garbled(f"a reply of more than {cap_bytes} bytes"))
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def next_chunk(self) -> bytes:
        """The next piece of the body, b"" at its proper end; see `domain.call.Answer`."""
        connection = self._connection
        if connection is None:
            return self._nothing_more()
        while True:
            if connection.has_body():
                if connection.is_late and not connection.is_complete:
                    text = f"upstream {self._name!r}: total: the reply was not whole in time"
                    raise self._failed(SilentError(text, upstream=self._name))
                data = connection.take()
                if connection.is_complete:
                    self._finish(connection)
                return data
            if connection.is_complete:
                self._finish(connection)
                return b""
            if connection.error is not None:
                raise self._failed(connection.error)
            try:
                await connection.wait()
            except BaseException:  # the reader was cancelled: nobody will come back for the rest
                connection.drop()
                self._connection = None
                raise

    def close(self) -> None:
        """Drop the connection if the body was not read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._on_end(connection)

    def _nothing_more(self) -> bytes:
        if self._error is not None:
            raise self._error
        if not self._is_all_in:
            raise self._garbled("the reply was closed before it was read")
        return b""

    def _finish(self, connection: Connection) -> None:
        self._is_all_in = True
        self._connection = None
        self._on_end(connection)

    def _failed(self, error: UpstreamError) -> UpstreamError:
        self._error = error
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.drop()
        return error

    def _garbled(self, what: str) -> GarbledError:
        return GarbledError(f"upstream {self._name!r}: {what}", upstream=self._name)


class InflatedAnswer(HttpAnswer):
    """A reply whose body was compressed although nobody asked for it."""

    __slots__ = ("_inflater",)

    def __init__(self, connection: Connection, name: str, on_end: Callable[[Connection], None]) -> None:
        """Raises: GarbledError when the body comes in an encoding that we cannot undo."""
        super().__init__(connection, name, on_end)
        try:
            self._inflater = Inflater(connection.encoding.decode("latin-1").strip().lower())
        except InflateError as error:
            raise self._garbled(str(error)) from error
        # What is handed on is no longer what these two headers speak of.
        self.headers = [pair for pair in self.headers if pair[0] not in (b"content-encoding", b"content-length")]

    async def next_chunk(self) -> bytes:
        if self._error is not None:
            raise self._error
        inflater = self._inflater
        try:
            while not (out := inflater.step()):
                raw = await super().next_chunk()
                if not raw:
                    if not inflater.has_ended:
                        text = f"upstream {self._name!r}: the compressed body ended before its end"
                        raise self._failed(TruncatedError(text, upstream=self._name))
                    return b""
                inflater.feed(raw)
        except InflateError as error:
            raise self._failed(self._garbled(str(error))) from error
        return out


def answer_from(connection: Connection, name: str, on_end: Callable[[Connection], None]) -> HttpAnswer:
    """The answer that a complete head calls for. Raises: GarbledError for an encoding that we cannot undo."""
    is_plain = connection.encoding in _PLAIN or connection.is_empty
    return (HttpAnswer if is_plain else InflatedAnswer)(connection, name, on_end)
