"""CannedServer: an HTTP server on loopback that answers each request with the next prepared answer, and keeps it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Canned(NamedTuple):
    """One answer."""

    status: int
    content_type: str
    body: bytes


class CannedServer:
    """Where it is, and what it was asked: path and body of each request."""

    def __init__(self, url: str, asked: list[tuple[str, bytes]]) -> None:
        self.url = url
        self.asked = asked


@contextmanager
def serving_canned(*answers: Canned) -> Iterator[CannedServer]:
    """Serve these answers, one a request."""
    left = list(answers)
    asked: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked.append((self.path, self.rfile.read(int(self.headers.get("content-length", 0)))))
            status, content_type, body = left.pop(0)
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield CannedServer(f"http://127.0.0.1:{server.server_address[1]}", asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
