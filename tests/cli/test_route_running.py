"""`fairlead route --session` against a running server: who rests after failures, and who keeps a conversation."""

import json
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.cli.test_serving import BARE, PATIENCE_S

MODEL: Final = "openai/gpt-5-mini"
PROMPT: Final = "Please read this report. " + "The committee met and postponed the vote. " * 600
CONFIG: Final = """\
server: {{port: {port}}}
discover: false
upstreams:
  first:
    provider: openai
    base_url: {first}
    api_key: none
    formats: [openai_chat]
    models: [{model}]
  second:
    provider: openrouter
    base_url: {second}
    api_key: none
    formats: [openai_chat]
    models: [{model}]
"""


class Talker(ThreadingHTTPServer):
    """An upstream that answers, or refuses its key for as long as it is told to: who does that rests for a minute."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.is_failing = False
        self.n_asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Talk(BaseHTTPRequestHandler):
    server: Talker

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.n_asked += 1
        choice = {"index": 0, "message": {"role": "assistant", "content": "Read."}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 6_000, "completion_tokens": 2, "total_tokens": 6_002}
        reply = {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": usage,
        }
        body = json.dumps({"error": {"message": "broken"}} if self.server.is_failing else reply).encode()
        self.send_response(401 if self.server.is_failing else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def talker() -> Iterator[Talker]:
    server = Talker()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Running:
    """A server and what one asks of it."""

    def __init__(self, port: int, file: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.file = file

    def ask(self, session: str, **more: Any) -> str:
        """Send a turn; the upstream's provider that served."""
        body = {"model": "auto", "session_id": session, "messages": [{"role": "user", "content": PROMPT}], **more}
        asking = urllib.request.Request(
            f"{self.url}/v1/chat/completions", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(asking, timeout=PATIENCE_S) as answer:
            return str(answer.headers["x-fairlead-provider"])

    def route(self, session: str, *more: str) -> str:
        """What the command says."""
        command = [sys.executable, "-m", "fairlead", "route", PROMPT, "--session", session, "--config", str(self.file)]
        done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=60, env=BARE, check=True)
        return done.stdout

    def decision(self, session: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.route(session, "--json"))
        return found


@contextmanager
def serving(folder: Path, first: Talker, second: Talker) -> Iterator[Running]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    file = folder / "f.yaml"
    file.write_text(CONFIG.format(port=port, first=first.url, second=second.url, model=MODEL))
    serve = [sys.executable, "-m", "fairlead", "serve", "--config", str(file)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, env=BARE) as process:
        assert process.stdout is not None
        try:
            assert any(line.startswith("Press Ctrl-C") for line in process.stdout)
            yield Running(port, file)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def test_route_says_that_a_conversation_is_kept_for_its_cache_and_by_whom(tmp_path: Path) -> None:
    with talker() as first, talker() as second, serving(tmp_path, first, second) as running:
        assert running.decision("new")["session"] is None
        plain = running.decision("new")["chosen"]["provider"]
        other = {"openai": "openrouter", "openrouter": "openai"}[plain]
        assert running.ask("held", provider={"only": [other]}) == other
        decision = running.decision("held")
        assert decision["chosen"]["provider"] == other
        assert decision["session"]["code"] == decision["reason"]["code"] == "kept_for_cache"
        assert decision["session"]["anchor"]["provider"] == other
        assert decision["session"]["without"]["provider"] == plain
        assert decision["session"]["saving_usd"] > 0
        assert running.ask("held") == other, "the server does what it says"
        said = running.route("held")
        assert "kept_for_cache" in said
        assert MODEL in said


def test_route_says_who_rests_after_failures_and_who_serves_instead(tmp_path: Path) -> None:
    with talker() as first, talker() as second, serving(tmp_path, first, second) as running:
        plain = running.decision("any")["chosen"]["provider"]
        broken, well = (first, second) if plain == "openai" else (second, first)
        broken.is_failing = True
        served = [running.ask(f"s{number}") for number in range(4)]
        assert plain not in served, "every request was answered by the other"
        assert (broken.n_asked, well.n_asked) == (1, 4), "who rests is not asked"
        decision = running.decision("any")
        assert decision["chosen"]["provider"] != plain
        (resting,) = [each for each in decision["ineligible"] if each["provider"] == plain]
        assert resting["code"] == "down"
        said = running.route("any")
        assert "rests" in said
        assert f"{MODEL} at {resting['upstream']}" in said
