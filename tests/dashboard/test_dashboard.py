"""The dashboard without a browser: who gets in, what every answer carries, what is refused."""

import re
from html import unescape

import pytest

from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.dashboard import POLICY
from fairlead.dashboard.doorway import Doorway
from fairlead.dashboard.pace import TRIES, TRIES_OF_ALL, Pace
from fairlead.dashboard.sessions import Sessions, cookie_header
from fairlead.dashboard.sources import Sources
from fairlead.domain.errors import ForbiddenError, OverloadedError, UnauthenticatedError
from fairlead.domain.page_call import PageCall
from tests.dashboard.small_pages import HOLDERS, NOW_S, OPERATOR, READER, TALKER, header, hidden_token, site


@pytest.mark.parametrize("path", ["/ui", "/ui/", "/ui/login", "/ui/nothing", "/ui/static/nothing.js"])
async def test_every_answer_carries_the_strict_policy_and_is_stored_nowhere(path: str) -> None:
    answer = await site().get(path)
    assert header(answer, "content-security-policy") == POLICY.decode()
    assert header(answer, "x-content-type-options") == "nosniff"
    assert header(answer, "referrer-policy") == "same-origin"
    assert header(answer, "cache-control") == "no-store"


async def test_a_file_of_ours_may_be_kept_for_ever_because_its_address_names_its_content() -> None:
    page = (await site().get("/ui")).body.decode()
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    answer = await site().get(address, more={"accept-encoding": "gzip"})
    assert (answer.status, header(answer, "content-encoding")) == (200, "gzip")
    assert "immutable" in (header(answer, "cache-control") or "")


async def test_without_keys_anybody_on_the_machine_looks() -> None:
    answer = await site().get("/ui")
    assert answer.status == 200
    assert b"Log out" not in answer.body


async def test_with_keys_one_logs_in_first_and_then_sees_who_one_is() -> None:
    pages = site(holders=HOLDERS)
    away = await pages.get("/ui")
    assert (away.status, header(away, "location")) == (303, "/ui/login")
    entered = await pages.log_in(READER)
    assert entered.status == 303
    assert b"ria" in (await pages.get("/ui")).body


async def test_a_script_without_a_session_gets_a_401_in_json() -> None:
    answer = await site(holders=HOLDERS).get("/ui", more={"accept": "application/json"})
    assert (answer.status, header(answer, "content-type")) == (401, "application/json")


@pytest.mark.parametrize(("key", "status"), [("fl-wrong", 401), ("", 401), (TALKER, 401), ("ü" * 600, 401)])
async def test_a_key_that_is_wrong_or_may_not_read_stays_outside(key: str, status: int) -> None:
    pages = site(holders=HOLDERS)
    assert (await pages.log_in(key)).status == status
    assert pages.cookie is None


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites() -> None:
    cookie = header(await site(holders=HOLDERS).log_in(READER), "set-cookie") or ""
    assert {"HttpOnly", "SameSite=Strict", "Path=/ui"} <= {part.strip() for part in cookie.split(";")}
    assert READER not in cookie


async def test_behind_tls_the_cookie_travels_over_tls_alone() -> None:
    pages = site(holders=HOLDERS)
    token = hidden_token((await pages.get("/ui/login")).body.decode())
    fields = {"key": READER, "form_token": token}
    answer = await pages.post("/ui/login", fields, more={"origin": "https://127.0.0.1:8484"})
    assert "Secure" in (header(answer, "set-cookie") or "")


async def test_a_changed_cookie_is_nobody() -> None:
    pages = site(holders=HOLDERS)
    await pages.log_in(READER)
    assert pages.cookie is not None
    name, _, value = pages.cookie.partition("=")
    for changed in (value[:-1] + ("0" if value[-1] != "0" else "1"), "9" + value, "", "a.b.c.d", value * 2):
        pages.cookie = f"{name}={changed}"
        assert (await pages.get("/ui")).status == 303


async def test_a_session_ends_by_itself_and_by_logging_out_even_where_its_cookie_was_copied() -> None:
    pages = site(holders=HOLDERS)
    await pages.log_in(READER)
    copied = pages.cookie
    page = (await pages.get("/ui")).body.decode()
    assert (await pages.post("/ui/logout", {"form_token": hidden_token(page)})).status == 303
    pages.cookie = copied
    assert (await pages.get("/ui")).status == 303
    await pages.log_in(OPERATOR)
    assert (await pages.get("/ui")).status == 200
    pages.unix_s[0] += 13 * 3_600
    assert (await pages.get("/ui")).status == 303


async def test_a_key_that_leaves_the_configuration_ends_its_sessions() -> None:
    sessions = Sessions(b"s", lambda: NOW_S, lambda n: b"r" * n)
    before, after = (Doorway(holders, sessions, Pace()) for holders in (HOLDERS, HOLDERS[1:]))
    cookie = cookie_header(sessions.begun(HOLDERS[0].digest), is_tls=False).partition(b";")[0]
    call = PageCall("GET", "/ui", headers=[(b"cookie", cookie)])
    seen = before.visitor(call)
    assert seen is not None
    assert (seen.name, seen.tenant, "admin" in seen.may) == ("ria", "blue", False)
    assert after.visitor(call) is None


async def test_a_page_may_run_requests_for_who_is_logged_in_and_may() -> None:
    sessions = Sessions(b"s", lambda: NOW_S, lambda n: b"r" * n)
    doorway = Doorway(HOLDERS, sessions, Pace())
    cookie = cookie_header(sessions.begun(HOLDERS[0].digest), is_tls=False).partition(b";")[0]
    call = PageCall("POST", "/ui/run/chat", headers=[(b"cookie", cookie), (b"sec-fetch-site", b"same-origin")])
    with pytest.raises(ForbiddenError):
        doorway.caller(call, "chat")
    seen = doorway.visitor(call)
    assert seen is not None
    told = call._replace(headers=[*call.headers, (b"x-fairlead-form", seen.form_token.encode())])
    assert doorway.caller(told, "chat").tenant == "blue"
    with pytest.raises(ForbiddenError):
        doorway.caller(told, "feedback")
    with pytest.raises(UnauthenticatedError):
        doorway.caller(told._replace(headers=told.headers[1:]), "chat")


async def test_guessing_keys_is_slowed_down() -> None:
    pages = site(holders=HOLDERS)
    statuses = [(await pages.log_in("fl-guess")).status for _ in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    pages.unix_s[0] += 12.5
    assert (await pages.log_in(READER)).status == 303


async def test_right_keys_use_up_no_tries_but_where_none_is_left_they_wait_too() -> None:
    pages = site(holders=HOLDERS)
    for _ in range(TRIES_OF_ALL + 1):
        pages.cookie = None
        assert (await pages.log_in(READER)).status == 303
    pages.cookie = None
    for _ in range(TRIES):
        assert (await pages.log_in("fl-guess")).status == 401
    answer = await pages.log_in(READER)
    assert (answer.status, header(answer, "retry-after")) == (429, "12")


@pytest.mark.parametrize(
    "sent",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
    ],
)
async def test_a_write_from_elsewhere_is_refused_whatever_it_carries(sent: dict[str, str]) -> None:
    token = hidden_token((await site(holders=HOLDERS).get("/ui/login")).body.decode())
    answer = await site(holders=HOLDERS).post("/ui/login", {"key": READER, "form_token": token}, more=sent)
    assert answer.status == 403


async def test_a_write_needs_the_token_of_its_own_session() -> None:
    pages = site(holders=HOLDERS)
    await pages.log_in(OPERATOR)
    before, old = pages.cookie, hidden_token((await pages.get("/ui")).body.decode())
    pages.cookie = None
    await pages.log_in(READER)
    own = hidden_token((await pages.get("/ui")).body.decode())
    for wrong in ({}, {"form_token": "0" * 64}, {"form_token": old}):
        assert (await pages.post("/ui/logout", wrong)).status == 403
    assert (await pages.get("/ui")).status == 200
    assert (await pages.post("/ui/logout", {"form_token": own})).status == 303
    pages.cookie = before
    same = {"sec-fetch-site": "same-origin", "x-fairlead-form": old}
    assert (await pages.post("/ui/logout", {}, more=same)).status == 303


async def test_a_page_takes_no_forms() -> None:
    answer = await site().post("/ui/decisions", {"word": "a"})
    assert (answer.status, header(answer, "allow")) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("path", "query", "onward"),
    [
        ("/ui/decisions", "model=a%26b&period=7d", "/ui/decisions?model=a%26b&period=7d"),
        ("/ui", "period=7d", "/ui?period=7d"),
        ("/ui/decisions/ü ?%", "", "/ui/decisions/%C3%BC%20%3F%25"),
        ("/ui/decisions", f"model={'x' * 5_000}", "/ui"),
    ],
)
async def test_the_login_leads_on_to_what_was_asked_for_search_and_all(path: str, query: str, onward: str) -> None:
    pages = site(holders=HOLDERS)
    location, _, search = (header(await pages.get(path, query), "location") or "").partition("?")
    page = (await pages.get(location, search)).body.decode()
    hidden = re.search(r'name="next" value="([^"]+)"', page)
    posted = {"key": READER, "form_token": hidden_token(page), "next": unescape(hidden[1]) if hidden else ""}
    assert header(await pages.post("/ui/login", posted), "location") == onward


@pytest.mark.parametrize(
    "onward",
    ["https://evil.example", "//evil.example", "/ui\\..", "/v1/models", "/ui\r\nx: y", "/ui/ü", "/ui/\x01", "/ui/a b"],
)
async def test_the_login_leads_to_no_other_place(onward: str) -> None:
    pages = site(holders=HOLDERS)
    token = hidden_token((await pages.get("/ui/login")).body.decode())
    answer = await pages.post("/ui/login", {"key": READER, "form_token": token, "next": onward})
    assert header(answer, "location") == "/ui"


async def test_a_page_with_a_bug_says_sorry_and_tells_nothing() -> None:
    def broken(_: Ask) -> Shown:
        raise RuntimeError("the secret prompt")

    answer = await site(pages=(Page("/ui/broken", broken),)).get("/ui/broken")
    assert answer.status == 500
    assert b"secret" not in answer.body


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_an_error_says_when_to_come_again_and_what_is_allowed_to_people_and_scripts_alike(accept: str) -> None:
    def busy(_: Ask) -> Shown:
        raise OverloadedError("Too many pages.", retry_after_s=5.0)

    pages = site(Sources(is_demo=True), pages=(Page("/ui/busy", busy),))
    answer = await pages.get("/ui/busy", more={"accept": accept})
    assert (answer.status, header(answer, "retry-after")) == (503, "5")
    assert (b"every model here is simulated" in answer.body) == (accept == "text/html")
    answer = await pages.post("/ui/busy", {}, more={"accept": accept})
    assert (answer.status, header(answer, "allow")) == (405, "GET, HEAD")
