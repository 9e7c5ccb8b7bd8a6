"""Planted secrets: whatever is asked, however it fails, at whatever log level, none of them is ever seen."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairlead.assembly.services import Assembly, assemble, close
from fairlead.domain.errors import FairleadError, TruncatedError
from fairlead.gateway.ports import Limits
from fairlead.gateway.routes.table import build_app
from fairlead.observability.logs import set_up_logging
from fairlead.providers.scripted import Scene
from fairlead.settings.settings import Settings, parse
from tests.peers.asgi_caller import call, chat
from tests.peers.worlds import UPSTREAM_KEY, chunk, refusal, reply_body, stream, whole, world

ACCESS_KEY = "fl-canary-access-0123456789abcdefghijklmn"
ENV_KEY = "sk-canary-environment-0123456789abcdef"
HEADER_KEY = "canary-header-0123456789abcdef"
PROXY_PASSWORD = "canary-proxy-0123456789"
PROMPT = "canary-prompt-the-quick-brown-fox"
SECRETS = (UPSTREAM_KEY, ACCESS_KEY, ENV_KEY, HEADER_KEY, PROXY_PASSWORD)
ENV = {"CANARY_KEY": ENV_KEY, "OPENAI_API_KEY": ENV_KEY, "CANARY_HEADER": HEADER_KEY}
CONFIG = f"""
server: {{}}
discover: false
keys:
  - name: me
    sha256: "{{digest}}"
    tenant: acme
    may: [chat, read]
log: {{level: debug}}
upstreams:
  near:
    base_url: http://127.0.0.1:9/v1
    api_key: ${{CANARY_KEY}}
    headers: {{x-team: "${{CANARY_HEADER}}"}}
    proxy: http://user:{PROXY_PASSWORD}@127.0.0.1:9
    models: [{{name: small}}, {{name: large}}]
"""


def canary_settings() -> Settings:
    from fairlead.gateway.access import digest

    return parse(CONFIG.replace("{digest}", digest(ACCESS_KEY)).replace("{{", "{").replace("}}", "}"), ENV)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that any logger says, at debug level, in the house's own format and raw."""
    said = io.StringIO()
    set_up_logging("debug", "json", said)
    raw = logging.StreamHandler(said)
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(raw)
    yield said
    root.removeHandler(raw)
    root.setLevel(level)
    house = logging.getLogger("fairlead")
    house.handlers[:] = []
    house.propagate = True


REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/chat/completions", {"model": "auto", "messages": [{"role": "user", "content": PROMPT}]}),
    (
        "POST",
        "/v1/chat/completions",
        {"model": "auto", "stream": True, "messages": [{"role": "user", "content": PROMPT}]},
    ),
    ("POST", "/v1/chat/completions", {"model": "nobody", "messages": [{"role": "user", "content": PROMPT}]}),
    ("POST", "/v1/chat/completions", {"model": "auto", "messages": [], "fairlead": {"odd": 1}}),
    ("POST", "/v1/chat/completions", b'{"messages": "' + PROMPT.encode()),
    ("POST", "/v1/embeddings", {"model": "lab/embed", "input": PROMPT}),
    ("POST", "/v1/route", {"model": "auto", "messages": [{"role": "user", "content": PROMPT}]}),
    ("GET", "/v1/models", b""),
    ("GET", "/v1/models/nobody", b""),
    ("GET", "/health/ready", b""),
    ("GET", "/metrics", b""),
    ("GET", "/nowhere", b""),
    ("DELETE", "/v1/models", b""),
]

ECHO = json.dumps(
    {"error": {"message": f"Incorrect API key provided: {UPSTREAM_KEY}", "code": "invalid_api_key"}}
).encode()
SCENES: list[Any] = [
    whole(), stream(), stream(chunk("a"), ending="cut"), refusal(500), refusal(429), refusal(401, ECHO),
    refusal(403, ECHO), refusal(500, ECHO), refusal(429, ECHO),
    refusal(404, b"{}"), refusal(302, b"", location=f"http://evil/?k={UPSTREAM_KEY}"), Scene(is_refused=True),
    Scene.of(b"<html>" + UPSTREAM_KEY.encode()), Scene.of(b'{"error":{"message":"' + UPSTREAM_KEY.encode() + b'"}}'),
    stream(chunk("a"), b'data: {"error":{"message":"' + UPSTREAM_KEY.encode() + b'"}}\n\n'), TruncatedError("cut"),
    Scene.of(reply_body(), status=200), stream(b"data: {" + UPSTREAM_KEY.encode() + b"\n\n"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(SCENES)))
async def test_no_reply_and_no_log_line_shows_a_secret_or_a_prompt(number: int, logged: io.StringIO) -> None:
    from fairlead.domain.names import TenantName
    from fairlead.gateway.access import PERMISSIONS, AccessKey, digest

    keys = [AccessKey("me", digest(ACCESS_KEY), TenantName("t"), frozenset(PERMISSIONS))]
    w = world({name: [SCENES[number]] for name in ("one", "two", "three")}, keys=keys, limits=Limits(max_attempts=2))
    said = []
    for method, path, body in REQUESTS:
        for key in (ACCESS_KEY, ACCESS_KEY + "x"):
            heard = await call(w.app, method, path, body, headers=[(b"authorization", f"Bearer {key}".encode())])
            said.append(repr(heard.headers) + heard.body.decode())
    output = "\n".join(said) + repr(w.moments) + repr(w.services)
    for secret in SECRETS:
        assert secret not in output + logged.getvalue()
    assert PROMPT not in output + logged.getvalue()


async def test_a_bug_with_a_secret_in_its_message_is_logged_without_it(logged: io.StringIO) -> None:
    w = world()

    async def broken(*_: object) -> object:
        raise RuntimeError(f"{UPSTREAM_KEY} {PROMPT}")

    for transport in w.transports.values():
        transport.exchange = broken  # type: ignore[method-assign, assignment]
    heard = await chat(w.app)
    assert heard.status == 500
    assert "internal error RuntimeError" in logged.getvalue()
    for secret in (UPSTREAM_KEY, PROMPT):
        assert secret not in logged.getvalue() + heard.body.decode()


async def canary_assembly() -> Assembly:
    async def nobody(*_: object, **__: object) -> Any:
        raise FairleadError("nobody is asked")

    return await assemble(canary_settings(), ENV, probe=nobody)


async def test_the_real_house_shows_no_secret_of_its_configuration(logged: io.StringIO) -> None:
    assembly = await canary_assembly()
    try:
        app = build_app(assembly.services)
        said = [repr(assembly.settings), repr(assembly), repr(assembly.services), *assembly.warnings]
        for method, path, body in REQUESTS:
            headers = [(b"authorization", f"Bearer {ACCESS_KEY}".encode())]
            heard = await call(app, method, path, body, headers=headers)
            said.append(repr(heard.headers) + heard.body.decode())
    finally:
        close(assembly)
    output = "\n".join(said) + logged.getvalue()
    for secret in SECRETS:
        assert secret not in output, output[max(0, output.find(secret) - 200) : output.find(secret)]


def test_what_the_command_line_prints_shows_none_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from typer.testing import CliRunner

    from fairlead.cli.main import app
    from fairlead.gateway.access import digest

    text = CONFIG.replace("{digest}", digest(ACCESS_KEY)).replace("{{", "{").replace("}}", "}")
    file = tmp_path / "fairlead.yaml"
    file.write_text(text)
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    printed = ""
    for line in (["config", "check", str(file)], ["config", "check", "--json", str(file)],
                 ["doctor", "--config", str(file)],
                 ["doctor", "--json", "--config", str(file)], ["route", "--config", str(file), "hi"]):  # fmt: skip
        result = CliRunner().invoke(app, line)
        printed += result.output + repr(result.exception)
    file.write_text(text.replace("base_url", "base_ur"))
    printed += CliRunner().invoke(app, ["config", "check", str(file)]).output
    printed += "".join(capsys.readouterr())
    assert "near" in printed
    for secret in SECRETS:
        assert secret not in printed, printed[max(0, printed.find(secret) - 200) : printed.find(secret)]
