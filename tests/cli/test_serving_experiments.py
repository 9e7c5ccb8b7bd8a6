"""`fairlead serve` with everything on: explored, shadowed, traced, from a client's call to what is kept of it."""

import json
import os
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_route_and_serve import BARE, run, serving
from tests.peers.otlp_collector import collecting

N = 12
ASK = {"model": "auto", "messages": [{"role": "user", "content": "a secret question"}], "max_tokens": 5}


def ask(url: str) -> str:
    """One chat; the id of its decision."""
    request = urllib.request.Request(
        f"{url}/v1/chat/completions", json.dumps(ASK).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        assert reply.status == 200
        return str(reply.headers["x-fairlead-decision-id"])


def metrics(url: str) -> dict[str, float]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


def summed(found: dict[str, float], name: str) -> float:
    return sum(value for sample, value in found.items() if sample.partition("{")[0] == name)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_served_is_traced_shadowed_counted_and_kept(workers: int, tmp_path: Path) -> None:
    env = {**BARE, "XDG_DATA_HOME": str(tmp_path)}
    with collecting() as collector:
        (tmp_path / "fairlead.yaml").write_text(
            f"traces: {{endpoint: '{collector.url}'}}\n"
            "explore: {share: 0.1}\n"
            "shadow: {model: simulated/atlas-medium, share: 1.0, max_concurrency: 20}\n"
            "store: {bodies: full}\n"
        )
        with serving("--demo", "--workers", str(workers), env=env, cwd=tmp_path) as (url, _):
            decisions = [ask(url) for _ in range(N)]
            shown: dict[str, Any] = {}
            for decision in decisions * 10:  # a shadow comes after its reply, and the demo's models sometimes fail
                told = run("logs", "show", "--demo", decision, env=env, cwd=tmp_path)
                shown = json.loads(told.stdout) if told.returncode == 0 else {}
                if any(each["outcome"] == "ok" for each in shown.get("shadows", [])):
                    break
            found = metrics(url)
        spans = collector.spans()
    assert summed(found, "fairlead_decision_reasons_total") == N
    assert summed(found, "fairlead_tokens_total") > 0
    served, shadow = shown["request"], shown["shadows"][0]
    assert served["propensity"] in (pytest.approx(0.9), 1.0) or served["reason"] == "explored"
    assert sum(each["propensity"] or 0 for each in shown["candidates"]) == pytest.approx(1.0)
    assert (shadow["model"], shadow["outcome"]) == ("simulated/atlas-medium", "ok")
    assert "[simulated by" in shadow["reply"]
    servers = [span for span in spans if span.name == "POST /v1/chat/completions"]
    assert {span.attributes["fairlead.decision_id"] for span in servers} == set(decisions)
    n_attempts = sum(span.attributes["fairlead.attempts"] for span in servers)
    assert len([span for span in spans if span.kind == 3]) == n_attempts, "the last are sent at the end of the server"
    assert b"secret" not in b"".join(collector.bodies)
    assert os.listdir(tmp_path / "fairlead")
