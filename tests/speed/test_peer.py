"""The load generator of the benchmarks calls no reply good that is not whole."""

import shutil
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.speed import peers
from benchmarks.speed.bodies import write_records
from benchmarks.speed.doors import replies

pytestmark = pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="no C compiler here")
N_CHUNKS = 3


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return peers.build(tmp_path_factory.mktemp("peer"))


@contextmanager
def answering(events: list[bytes]) -> Iterator[int]:
    """A server that says this stream to every request; its port."""
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in events)
    said = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n" + chunks
    said += b"0\r\n\r\n"

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline():
                length = 0
                while (line := self.rfile.readline().strip()) != b"":
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                self.rfile.read(length)
                self.wfile.write(said)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """The load goes away in mid-reply at its end."""

    with Server(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def load(peer: Path, folder: Path, events: list[bytes]) -> dict[str, float]:
    bodies = folder / "asked.bodies"
    write_records(bodies, [b'{"model": "auto", "stream": true}'])
    with answering(events) as port:
        figures: dict[str, float] = peers.load(peer, port, "/", connections=1, seconds=0.2, bodies=bodies)
    return figures


@pytest.mark.parametrize("name", ["chat", "responses", "messages"])
def test_a_stream_is_good_only_when_its_last_event_is_the_end(peer: Path, tmp_path: Path, name: str) -> None:
    _, *events = replies(name, N_CHUNKS)
    whole = load(peer, tmp_path, events)
    assert whole["n"] > 0 and whole["bad"] == whole["errors"] == 0
    assert whole["events_per_reply"] == len(events)
    *rest, end = events
    for broken in (rest, [*rest[:-1], end, rest[-1]]):
        found = load(peer, tmp_path, broken)
        assert found["n"] == 0 and found["bad"] > 0
