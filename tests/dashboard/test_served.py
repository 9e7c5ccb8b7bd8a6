"""The dashboard in a server's process: real requests in it, one login for all workers, off where it is off."""

import hashlib
import http.client
import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.browser.worlds import LOCAL, served
from tests.dashboard.small_pages import READER, hidden_token

KEYS = f"keys: [{{name: ria, sha256: {hashlib.sha256(READER.encode()).hexdigest()}, may: [read, chat]}}]\n"
PATIENCE = 200


def asked(
    base: str, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], str]:
    """One request on a connection of its own: of several workers any may take it."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=30)
    try:
        connection.request(method, path, body or None, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def test_what_was_routed_is_on_the_pages_within_the_flush_window(tmp_path: Path) -> None:
    with served(tmp_path, "", "--demo") as base:
        chat = {"model": "auto", "messages": [{"role": "user", "content": "What is 17 times 23?"}]}
        _, headers, _ = asked(base, "POST", "/v1/chat/completions", json.dumps(chat))
        decision = headers["x-fairlead-decision-id"]
        for _ in range(PATIENCE):  # the writer's thread needs a moment
            _, _, overview = asked(base, "GET", "/ui?period=1h")
            if "data-value" in overview:
                break
        assert re.search(r'data-value="requests">1<', overview)
        assert "simulated" in overview
        status, _, page = asked(base, "GET", f"/ui/decisions/{decision}")
        assert status == 200
        # The weights of `auto` come out of what is kept of a real decision.
        assert "What counted: quality 0.60, cost 0.30, speed 0.10." in page


@pytest.mark.parametrize("text", [LOCAL + "dashboard: {enabled: false}\n"])
def test_a_dashboard_that_is_off_answers_nowhere(tmp_path: Path, text: str) -> None:
    with served(tmp_path, text) as base:
        assert asked(base, "GET", "/ui")[0] == 404


def test_one_login_holds_at_every_worker(tmp_path: Path) -> None:
    with served(tmp_path, LOCAL + KEYS, "--workers", "2") as base:
        _, _, page = asked(base, "GET", "/ui/login")
        form = urlencode({"key": READER, "form_token": hidden_token(page)})
        sent = {"content-type": "application/x-www-form-urlencoded", "origin": base}
        status, headers, _ = asked(base, "POST", "/ui/login", form, sent)
        assert (status, headers["location"]) == (303, "/ui")
        cookie = {"cookie": headers["set-cookie"].partition(";")[0]}
        assert {asked(base, "GET", "/ui", headers=cookie)[0] for _ in range(16)} == {200}
        assert {asked(base, "GET", "/ui")[0] for _ in range(4)} == {303}
