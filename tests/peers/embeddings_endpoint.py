"""An OpenAI-compatible endpoint for embeddings, whose vectors anybody can reckon."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer


class Answers(BaseHTTPRequestHandler):
    """An endpoint whose vectors count letters; the model `grows` gives longer ones for longer texts."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = asked["input"]
        vector = [1.0, float(text.count("e")), float(text.count("1"))]
        if asked["model"] == "grows":
            vector += [1.0] * len(text)
        reply = {"data": [{"embedding": vector}]} if asked["model"] != "chat" else {"choices": []}
        body = json.dumps(reply).encode()
        self.send_response(404 if asked["model"] == "missing" else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def embeddings_endpoint() -> Iterator[str]:
    """The URL of one on loopback."""
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
