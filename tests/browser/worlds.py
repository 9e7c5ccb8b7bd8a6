"""Worlds: a real server in a process of its own, over a store that a test has filled."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.seeding import seeded

LOCAL = """
upstreams:
  local:
    base_url: http://127.0.0.1:9/v1
    models: [{name: qwen3-32b, model: alibaba/qwen3-32b}]
"""


@contextmanager
def served(folder: Path, config: str, *options: str) -> Iterator[str]:
    """`fairlead serve` with this configuration and these options; gives its address."""
    file = folder / "fairlead.yaml"
    file.write_text(config, encoding="utf-8")
    command = [sys.executable, "-m", "fairlead", "serve", "--config", str(file), "--port", "0", *options]
    env = {**os.environ, "FAIRLEAD_NO_DISCOVERY": "1", "XDG_DATA_HOME": str(folder)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            found = None
            said: list[str] = []
            while found is None:
                line = process.stdout.readline()
                assert line, f"the server has ended: {''.join(said)}"
                said.append(line)
                found = re.search(r" at (http://127\.0\.0\.1:\d+)/v1", line)
            yield found[1]
        finally:
            process.terminate()
            process.wait(30)


def ask_something(base: str) -> None:
    """One request to the model `auto`, whole."""
    body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "What is 17 times 23?"}]}).encode()
    request = urllib.request.Request(f"{base}/v1/chat/completions", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def seeded_config(folder: Path, n: int = 400, *, is_hostile: bool = False, more: str = "") -> str:
    """A configuration over a store that is full already."""
    path = folder / "traffic.db"
    seeded(path, time.time(), n, is_hostile=is_hostile)
    return f"{LOCAL}\nstore: {{path: {path}}}\n{more}"
