"""Programs that a test runs beside itself: an inference server with the tiny model, and a gateway before it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

MODEL: Final = "tiny-random"
BARE: Final = {"FAIRLEAD_NO_DISCOVERY": "1", "PATH": os.environ["PATH"], "NO_COLOR": "1", "PYTHONUTF8": "1"}
_ADDRESS: Final = re.compile(r"http://127\.0\.0\.1:(\d+)")


class Running(NamedTuple):
    """A program that listens on loopback."""

    url: str
    port: int
    said: str
    """What it wrote until it was ready."""
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """End it as a crash does: at once, in mid-word."""
        self.process.kill()
        self.process.wait(timeout=30)


@contextmanager
def inference_server(model: Path, *, port: int = 0) -> Iterator[Running]:
    """A real inference server."""
    program = Path(__file__).with_name("llama_server.py")
    command = [sys.executable, str(program), str(model), MODEL, str(port)]
    with _running(command, "listening at", model.parent) as running:
        yield running


@contextmanager
def gateway(upstream: Running, folder: Path, *formats: str) -> Iterator[Running]:
    """Fairlead with this server as its only upstream, told nothing but the address, or also the formats it speaks."""
    config = folder / f"upstream-{upstream.port}-{len(formats)}.yaml"
    said = f"upstreams:\n  llama:\n    base_url: {upstream.url}/v1\n"
    if formats:
        said += f"    formats: [{', '.join(formats)}]\n"
    config.write_text(said, encoding="utf-8")
    command = [sys.executable, "-m", "fairlead", "serve", "--config", str(config), "--port", "0"]
    with _running(command, "Press Ctrl-C", folder) as running:
        yield running


@contextmanager
def _running(command: list[str], ready: str, folder: Path) -> Iterator[Running]:
    """Run a command and wait until it writes a line that begins with `ready`."""
    log = folder / "stderr.log"
    with (
        log.open("a", encoding="utf-8") as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=BARE, cwd=folder
        ) as process,
    ):
        try:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if line.startswith(ready):
                    break
            address = _ADDRESS.search(said)
            assert address, f"{said}\n{log.read_text(encoding='utf-8')}"
            yield Running(address[0], int(address[1]), said, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
