"""A served process keeps its traffic, and the commands show it."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import typer

from fairlead.cli.store_access import since_s
from fairlead.domain.errors import StoreError
from fairlead.evaluation.outcome_files import read_outcome_files
from fairlead.evaluation.traffic_report import report_html, report_markdown
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Search, Window
from tests.cli.running import run
from tests.store.small_traffic import AT_S, Told, arm, batch_of, figures

PATIENCE_S = 60.0
HOSTILE = "<script>alert(1)</script>|`x`"


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-m", "fairlead", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def asked(url: str, path: str, body: Any) -> tuple[str, Any]:
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return str(answer.headers["x-fairlead-decision-id"]), json.load(answer)


def test_an_outcome_that_no_request_has_is_asked_wrongly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    told = run("logs", "--demo", "--outcome", "bogus", code=2)
    for name in ("ok", "error", "truncated", "cancelled", "refused", "failed"):
        assert name in told
        with pytest.raises(StoreError, match="no traffic has been kept yet"):
            run("logs", "--demo", "--outcome", name)


def test_a_stopped_server_has_kept_everything_and_the_commands_show_it(tmp_path: Path) -> None:
    (tmp_path / "fairlead.yaml").write_text("store: {bodies: redacted}\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    serve = [sys.executable, "-m", "fairlead", "serve", "--demo", "--port", "0"]
    with subprocess.Popen(
        serve, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        words = {"role": "user", "content": "Sort a list; my mail is jane@example.org"}
        name, _ = asked(found[0], "/v1/chat/completions", {"model": "auto:speed", "messages": [words]})
        asked(found[0], "/v1/feedback", {"decision_id": name, "score": 0.75})
        process.send_signal(signal.SIGTERM)  # at once: what was told must be kept all the same
        process.communicate(timeout=PATIENCE_S)
    (row,) = [json.loads(line) for line in command(tmp_path, "logs", "--demo", "--json").stdout.splitlines()]
    assert (row["decision_id"], row["outcome"], row["policy"]) == (name, "ok", "auto:speed")
    whole = json.loads(command(tmp_path, "logs", "show", name, "--demo").stdout)
    assert whole["body"]["query"] == "Sort a list; my mail is [email]"
    assert whole["body"]["reply"]
    assert whole["feedback"][0]["score"] == 0.75
    assert command(tmp_path, "logs", "export-outcomes", "--demo", "-o", "o.jsonl").returncode == 0
    outcomes = read_outcome_files([tmp_path / "o.jsonl"])
    assert outcomes.score.tolist() == [[0.75]]
    assert json.loads(command(tmp_path, "top", "--demo", "--json").stdout)["requests"] == 1
    assert "1 requests" in command(tmp_path, "top", "--demo", "--once").stdout
    assert command(tmp_path, "report", "--demo", "-o", "r.html").returncode == 0
    assert command(tmp_path, "logs", "forget", "--demo", "--tenant", "default", "--yes").returncode == 0
    assert command(tmp_path, "logs", "--demo", "--json").stdout == ""


def test_without_any_traffic_the_commands_say_what_to_do(tmp_path: Path) -> None:
    done = command(tmp_path, "logs")
    assert done.returncode == 2
    assert "no traffic has been kept yet" in done.stderr


def test_a_named_store_that_cannot_be_used_stops_the_start_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "fairlead.yaml").write_text(
        f"store: {{path: {tmp_path}/file/below.db}}\n"
        "upstreams: {one: {base_url: http://127.0.0.1:9/v1, models: [m]}}\n"
    )
    done = command(tmp_path, "serve", "--port", "0")
    assert done.returncode == 2
    assert "name another under 'store'" in done.stderr


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("24h", 86_400), ("30d", 2_592_000)])
def test_stretches_of_time_are_read(text: str, seconds: float) -> None:
    assert since_s(text, 5e6) == 5e6 - seconds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1796075261349", "not milliseconds"),
        ("1e12", "not milliseconds"),
        ("inf", "not in the past"),
        ("1e400", "not in the past"),
        ("nan", "no time since 1970"),
        ("-1", "no time since 1970"),
        ("-inf", "no time since 1970"),
        ("99999999999d", "no time since 1970"),
        (f"{'9' * 400}d", "no time since 1970"),
        ("", "no stretch of time"),
        ("yesterday", "no stretch of time"),
    ],
)
def test_what_is_no_time_that_traffic_came_at_is_asked_wrongly(text: str, said: str) -> None:
    with pytest.raises(typer.BadParameter, match=said) as caught:
        since_s(text, 1.8e9)
    assert "Unix seconds" in caught.value.message
    assert caught.value.exit_code == 2


def test_times_are_read_up_to_now_and_back_to_the_beginning() -> None:
    assert [since_s(text, 1.8e9) for text in ("0", "1.8e9", "0s", "1800000000s")] == [0.0, 1.8e9, 1.8e9, 0.0]


def test_an_empty_since_of_a_replay_is_not_taken_for_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert "no stretch of time" in run("replay", "--demo", "--prefer", "quality=1", "--since", "", code=2)


def test_a_report_escapes_every_name_and_holds_no_script(tmp_path: Path) -> None:
    store = SqlStore(lambda: SqliteDatabase(tmp_path / "t.db"))
    evil = arm(HOSTILE, HOSTILE)
    told = Told(served=evil, figures=figures((0, 0.8, 0.001), arms=(evil,)))
    store.put(batch_of(*told.moments()))
    seen = store.overview(Window(AT_S - 60, AT_S + 60))
    page, text = report_html(seen), report_markdown(seen)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert "<script" not in text
    assert len(store.requests(Search())) == 1
    store.close()
