"""A served process and its signals: it drains and then tells; it takes over a changed configuration whole or not."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from fairlead.cli.serving import WatchedFiles
from fairlead.evaluation.router_file import save_router
from fairlead.learning.staleness import mark_stale
from tests.learning.small_router import small_outcomes, small_router

PATIENCE_S = 30.0
BARE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONUNBUFFERED": "1"}


class SlowUpstream(ThreadingHTTPServer):
    """Streams two words and then waits until it is closed or left."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Slow)
        self.is_closing = threading.Event()
        self.n_begun = threading.Semaphore(0)


class _Slow(BaseHTTPRequestHandler):
    server: SlowUpstream

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        choice = {"index": 0, "delta": {"content": "hel"}, "finish_reason": None}
        self.wfile.write(b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode() + b"\n\n")
        self.wfile.flush()
        self.server.n_begun.release()
        self.server.is_closing.wait(PATIENCE_S)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def slow_upstream() -> Iterator[SlowUpstream]:
    server = SlowUpstream()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.is_closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def config(path: Path, port: int, *, drain_s: float = 0.3, more: str = "") -> Path:
    path.write_text(
        f"server: {{drain_s: {drain_s}}}\ndiscover: false\nupstreams:\n  one:\n    base_url: http://127.0.0.1:{port}/v1\n"
        f"    models: [m]\n{more}"
    )
    return path


@contextmanager
def heard(process: subprocess.Popen[str]) -> Iterator[list[str]]:
    """The lines of its standard error, as they come."""
    lines: list[str] = []
    said = process.stderr
    assert said is not None
    thread = threading.Thread(target=lambda: lines.extend(iter(said.readline, "")), daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        process.terminate()
        thread.join(PATIENCE_S)


@contextmanager
def served(file: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "fairlead", "serve", "--port", "0", "--config", str(file), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=BARE) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Press Ctrl-C"):
                break
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found, said
        try:
            yield process, found[0]
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_S)


def ready(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/health/ready", timeout=PATIENCE_S) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def until(holds: Any) -> None:
    """Ask again until it holds; fails when it never does."""
    end_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end_s, "it never came about"
        time.sleep(0.02)


def test_a_stopped_server_ends_its_streams_with_an_error_and_exits(tmp_path: Path) -> None:
    with slow_upstream() as upstream, served(config(tmp_path / "f.yaml", upstream.server_port)) as (process, url):
        body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "x"}]}).encode()
        asking = urllib.request.Request(
            f"{url}/v1/chat/completions", body, {"content-type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(asking, timeout=PATIENCE_S) as answer:
            assert upstream.n_begun.acquire(timeout=PATIENCE_S)
            process.send_signal(signal.SIGTERM)
            text = answer.read()
        *_, last, done, _ = text.split(b"\n\n")
        assert done == b"data: [DONE]"
        assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "shutting_down"
        assert process.wait(PATIENCE_S) in (0, -signal.SIGTERM)


@pytest.mark.parametrize(("workers", "n_processes"), [((), 1), (("--workers", "2"), 2)])
def test_a_changed_configuration_is_taken_over_whole_or_refused(
    tmp_path: Path, workers: tuple[str, ...], n_processes: int
) -> None:
    file = tmp_path / "f.yaml"
    with (
        slow_upstream() as upstream,
        served(config(file, upstream.server_port), *workers) as (process, url),
        heard(process) as said,
    ):
        first = ready(url)
        config(file, upstream.server_port, more="limits: {max_attempts: 3}\n")
        process.send_signal(signal.SIGHUP)
        until(lambda: sum("is in force" in line for line in said) >= n_processes)  # a worker may still be starting
        until(lambda: all(ready(url)["config_version"] != first["config_version"] for _ in range(10)))
        second = ready(url)
        config(file, upstream.server_port, more="limits: {max_atempts: 3}\n")
        process.send_signal(signal.SIGHUP)
        # Each process has refused it, and said so, before the file is whole again.
        until(lambda: sum("is refused" in line for line in said) >= n_processes)
        assert {ready(url)["config_version"] for _ in range(10)} == {second["config_version"]}
        config(file, upstream.server_port, more="limits: {max_attempts: 3}\nlog: {level: debug}\n")
        process.send_signal(signal.SIGHUP)
        until(lambda: all(ready(url)["config_version"] != second["config_version"] for _ in range(10)))


def test_a_watched_configuration_is_taken_over_by_itself(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    with slow_upstream() as upstream:
        config(file, upstream.server_port)
        file.write_text(file.read_text().replace("drain_s: 0.3", "drain_s: 0.3, watch_config: true"))
        with served(file) as (_, url):
            first = ready(url)["config_version"]
            file.write_text(file.read_text() + "limits: {max_attempts: 2}\n")
            until(lambda: ready(url)["config_version"] != first)


def test_a_router_file_that_is_gone_does_not_keep_a_new_configuration_out(tmp_path: Path) -> None:
    router = tmp_path / "r.fl"
    save_router(small_router(small_outcomes(120)), router)
    with slow_upstream() as upstream:
        file = config(tmp_path / "f.yaml", upstream.server_port, more=f"router: {router}\n")
        file.write_text(file.read_text().replace("drain_s: 0.3", "drain_s: 0.3, watch_config: true"))
        with served(file) as (_, url):
            first = ready(url)["config_version"]
            router.unlink()
            file.write_text(file.read_text().replace(f"router: {router}\n", ""))
            until(lambda: ready(url)["config_version"] != first)


def test_one_edit_is_one_change_though_it_names_another_router(tmp_path: Path) -> None:
    config_file, old, new = (tmp_path / name for name in ("f.yaml", "old.fl", "new.fl"))
    for path in (config_file, old, new):
        path.write_text("1")
    files = WatchedFiles()
    assert not files.have_changed([config_file, old])
    config_file.write_text("22")
    assert files.have_changed([config_file, old])
    assert not files.have_changed([config_file, new])
    new.write_text("22")
    assert files.have_changed([config_file, new])
    assert not files.have_changed([config_file, new])


def test_a_file_that_is_replaced_in_two_steps_is_one_change(tmp_path: Path) -> None:
    config_file, router = tmp_path / "f.yaml", tmp_path / "r.fl"
    for path in (config_file, router):
        path.write_text("1")
    files = WatchedFiles()
    files.have_changed([config_file, router])
    router.unlink()
    assert not files.have_changed([config_file, router])
    config_file.write_text("22")
    assert files.have_changed([config_file, router])
    router.write_text("22")
    assert files.have_changed([config_file, router])
    assert not files.have_changed([config_file, router])


def pipe_to(path: Path) -> BinaryIO:
    """The writing end of a named pipe, once somebody has opened it to read: a server that starts reads its router."""
    found: list[int] = []

    def is_open() -> bool:
        try:
            found.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            return False
        os.set_blocking(found[0], True)
        return True

    until(is_open)
    return os.fdopen(found[0], "wb")


def test_a_hang_up_while_a_server_starts_does_not_end_it_and_what_it_read_is_read_anew(tmp_path: Path) -> None:
    router = tmp_path / "r.fl"
    save_router(small_router(small_outcomes(120)), tmp_path / "whole.fl")
    os.mkfifo(router)
    file = config(tmp_path / "f.yaml", 1, more=f"router: {router}\n")
    command = [sys.executable, "-m", "fairlead", "serve", "--port", "0", "--config", str(file)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=BARE) as process:
        guard = threading.Timer(PATIENCE_S, process.kill)
        guard.start()
        try:
            with pipe_to(router) as pipe:
                config(file, 1, more="limits: {max_attempts: 2}\n")
                process.send_signal(signal.SIGHUP)
                pipe.write((tmp_path / "whole.fl").read_bytes())
            assert process.stderr is not None
            assert any("is in force" in line for line in process.stderr)
        finally:
            guard.cancel()
            process.terminate()
            process.communicate(timeout=PATIENCE_S)


def test_a_router_whose_model_was_marked_stale_is_taken_over_by_itself(tmp_path: Path) -> None:
    router = tmp_path / "r.fl"
    trained = small_router(small_outcomes(120))
    save_router(trained, router)
    with slow_upstream() as upstream:
        file = config(tmp_path / "f.yaml", upstream.server_port, more=f"router: {router}\n")
        file.write_text(file.read_text().replace("drain_s: 0.3", "drain_s: 0.3, watch_config: true"))
        with served(file) as (process, url), heard(process) as said:
            ready(url)
            save_router(mark_stale(trained, "sums", "since yesterday"), router)
            until(lambda: any("is in force" in line for line in said))


def test_a_wish_for_a_hedge_that_never_begins_is_refused(tmp_path: Path) -> None:
    file = config(tmp_path / "f.yaml", 1, more="limits:\n  hedge: {max_share: 0.1}\n")
    command = [sys.executable, "-m", "fairlead", "config", "check", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=BARE, check=False)
    assert done.returncode != 0
    assert "after_s" in done.stdout + done.stderr


def test_route_asks_the_running_server_about_a_conversation(tmp_path: Path) -> None:
    port = socket.create_server(("127.0.0.1", 0))
    number = port.getsockname()[1]
    port.close()
    file = tmp_path / "f.yaml"
    file.write_text(f"server: {{port: {number}}}\n")
    command = [sys.executable, "-m", "fairlead", "route", "hello", "--session", "s1", "--config", str(file), "--json"]

    def asked() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env=BARE, check=False)

    alone = asked()
    assert alone.returncode == 2
    assert "known to the running server alone" in alone.stderr
    serve = [sys.executable, "-m", "fairlead", "serve", "--demo", "--config", str(file)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True, env=BARE) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("Press Ctrl-C"))
        try:
            assert json.loads(asked().stdout)["session"] is None
            body = json.dumps({"model": "auto", "session_id": "s1", "messages": [{"role": "user", "content": "hello"}]})
            asking = urllib.request.Request(
                f"http://127.0.0.1:{number}/v1/chat/completions", body.encode(), {"content-type": "application/json"}
            )
            with urllib.request.urlopen(asking, timeout=PATIENCE_S) as answer:
                served = answer.headers["x-fairlead-model"]
            session = json.loads(asked().stdout)["session"]
            assert session["anchor"]["model"] == served
            assert session["code"] in ("short", "no_pricing", "same_anchor")
            said = subprocess.run(command[:-1], capture_output=True, text=True, timeout=60, env=BARE, check=False)
            assert served in said.stdout
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
