"""`fairlead route` and `fairlead serve` as whole programs, in a place without keys and without local servers."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest

BARE = {"FAIRLEAD_NO_DISCOVERY": "1", "PATH": os.environ["PATH"], "NO_COLOR": "1", "PYTHONUTF8": "1"}

TEN_PROMPTS = {
    "small talk": "hi, how are you today?",
    "fact": "What is the capital of Australia?",
    "maths": "Prove that there are infinitely many primes congruent to 3 modulo 4.",
    "arithmetic": "What is 17 times 23?",
    "code": "Write a Python function that merges two sorted linked lists, with tests.",
    "debugging": "Why does this raise KeyError?\n```python\nd = {}\nprint(d['a'])\n```",
    "writing": "Write a short, warm birthday message for my grandmother.",
    "translation": "Übersetze ins Englische: Der Zug fährt um acht Uhr ab.",
    "summary": "Summarise in one sentence: The committee met on Monday and postponed the vote until the audit is done.",
    "puzzle": "Three people each own a different pet. Anna is allergic to cats. Ben's pet sings. Who owns the fish?",
}


def run(*arguments: str, env: Mapping[str, str] = BARE, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fairlead", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=dict(env), cwd=cwd, check=False)


@contextmanager
def serving(*arguments: str, env: Mapping[str, str] = BARE, cwd: Path | None = None) -> Iterator[tuple[str, str]]:
    """A server on a free port; its address and what it said at the start."""
    command = [sys.executable, "-m", "fairlead", "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(env), cwd=cwd) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Press Ctrl-C"):
                break
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found, said
        try:
            yield found[0], said
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


@pytest.mark.parametrize("prompt", TEN_PROMPTS.values(), ids=TEN_PROMPTS)
def test_route_explains_prompts_of_different_kinds(prompt: str, tmp_path: Path) -> None:
    decision = json.loads(run("route", prompt, "--demo", "--json", cwd=tmp_path).stdout)
    assert decision["schema"] == "fairlead.decision/1"
    assert decision["chosen"]["model"] == decision["candidates"][0]["model"]
    assert abs(sum(decision["prompt"]["kinds"].values()) - 1) < 0.01
    utilities = [candidate["utility"] for candidate in decision["candidates"]]
    assert utilities == sorted(utilities, reverse=True)
    for candidate in decision["candidates"]:
        quality = candidate["quality"]
        assert 0 <= quality["low"] <= quality["mean"] <= quality["high"] <= 1
        assert candidate["ttft_s"] <= candidate["total_s"]


def test_route_says_the_same_twice(tmp_path: Path) -> None:
    first, second = (run("route", TEN_PROMPTS["code"], "--any-provider", "--json", cwd=tmp_path) for _ in range(2))
    assert first.stdout == second.stdout
    assert json.loads(first.stdout)["chosen"]


def test_route_names_whom_exploration_may_put_in_the_place_of_the_best(tmp_path: Path) -> None:
    (tmp_path / "fairlead.yaml").write_text("explore: {share: 0.1, max_cost_ratio: 100, max_extra_usd: 1}\n")
    told = run("route", "--demo", "--model", "auto:quality", "Prove it.", cwd=tmp_path).stdout
    assert "explores" in told and "now and then" in told
    decision = json.loads(run("route", "--demo", "--model", "auto:quality", "--json", "Prove it.", cwd=tmp_path).stdout)
    chances = [each["chance"] for each in decision["candidates"]]
    assert chances[0] == 0.9 and round(sum(chances), 3) == 1.0


def test_a_harder_prompt_is_seen_as_harder(tmp_path: Path) -> None:
    easy, hard = (
        json.loads(run("route", TEN_PROMPTS[name], "--demo", "--json", cwd=tmp_path).stdout)["prompt"]["difficulty"]
        for name in ("small talk", "maths")
    )
    assert easy < hard


def test_route_without_keys_chooses_among_all_known_providers_and_says_so(tmp_path: Path) -> None:
    done = run("route", "hello", cwd=tmp_path)
    assert done.returncode == 0
    assert "as if every known provider could be reached" in done.stdout


def test_route_under_a_cap_that_nobody_meets_names_the_cap(tmp_path: Path) -> None:
    done = run("route", "hello", "--demo", "--max-cost-usd", "0.000000001", cwd=tmp_path)
    assert done.returncode == 1
    assert "cost_cap" in done.stdout


def test_route_refuses_a_wrong_model_by_the_nearest_names(tmp_path: Path) -> None:
    done = run("route", "hello", "--demo", "-m", "wren-mni", cwd=tmp_path)
    assert done.returncode != 0
    assert "wren-mini" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_without_anything_to_serve_says_what_to_do(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", cwd=tmp_path)
    assert done.returncode == 2
    assert "fairlead serve --demo" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_refuses_a_public_address_without_keys(tmp_path: Path) -> None:
    done = run("serve", "--demo", "--host", "0.0.0.0", "--port", "0", cwd=tmp_path)
    assert done.returncode == 2
    assert "key" in done.stderr


def test_serve_refuses_a_port_that_is_taken(tmp_path: Path) -> None:
    with serving("--demo", cwd=tmp_path) as (url, _):
        done = run("serve", "--demo", "--port", url.rpartition(":")[2], cwd=tmp_path)
    assert done.returncode == 2
    assert "--port" in done.stderr


def test_the_demo_serves_the_real_client_and_says_that_it_is_a_demo(tmp_path: Path) -> None:
    with serving("--demo-if-empty", cwd=tmp_path) as (url, said):
        assert "simulated" in said
        with openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
            answer = client.chat.completions.create(model="auto", messages=[{"role": "user", "content": "hello"}])
            assert "[simulated by" in (answer.choices[0].message.content or "")


def test_several_workers_share_port_and_metrics(tmp_path: Path) -> None:
    with serving("--demo", "--workers", "2", cwd=tmp_path) as (url, said):
        assert "each worker's own" in said
        with openai.OpenAI(base_url=f"{url}/v1", api_key="unused") as client:
            for _ in range(6):
                client.chat.completions.create(
                    model="swift-turbo", messages=[{"role": "user", "content": "hello"}], max_tokens=3
                )
        # What the other worker counts is handed over within half a second.
        until_s, counted = time.monotonic() + 10, 0.0
        while counted < 6 and time.monotonic() < until_s:
            with urllib.request.urlopen(f"{url}/metrics", timeout=10) as page:
                lines = page.read().decode().splitlines()
            counted = sum(float(line.split()[-1]) for line in lines if line.startswith("fairlead_requests_total{"))
    assert counted >= 6


def test_a_wrong_fact_in_the_configuration_is_named_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "fairlead.yaml").write_text("models:\n  openai/gpt-5:\n    context_tokens: many\n")
    for command in (("serve", "--demo", "--port", "0"), ("route", "hello", "--demo"), ("config", "check")):
        done = run(*command, cwd=tmp_path)
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
        assert "fairlead.yaml:2:" in done.stderr and "context_tokens" in done.stderr
