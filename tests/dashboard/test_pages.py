"""Pages as strings: the numbers are those of the rows, tenants see their own, hostile names stay text."""

import random
import re
import statistics
from collections import defaultdict
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest

from fairlead.dashboard.pages.overview import values
from fairlead.dashboard.pages.overview_seen import Seen
from fairlead.dashboard.pages.period import Period
from fairlead.dashboard.sources import Sources
from fairlead.dashboard.wording import count, nano_usd, usd
from fairlead.domain.errors import StoreError
from fairlead.store.book import Book
from fairlead.store.rows import MeanScoreRow
from fairlead.store.savings import INTERVAL_Z, best_single, dearest, interval
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Window
from fairlead.store.tables import Batch
from tests.browser.seeding import HOSTILE, PLAIN_OFFERS, Names, opinion, seeded, tell
from tests.dashboard.small_pages import HOLDERS, NOW_S, OPERATOR, READER, Site, header, site


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    path = tmp_path / "traffic.db"
    seeded(path, NOW_S, 300)
    found = SqlStore(lambda: SqliteDatabase(path))
    yield found
    found.close()


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[SqlStore]:
    path = tmp_path / "hostile.db"
    seeded(path, NOW_S, 2 * len(HOSTILE), is_hostile=True)
    found = SqlStore(lambda: SqliteDatabase(path))
    yield found
    found.close()


async def shown(pages: Site, path: str, query: str = "", status: int = 200) -> str:
    answer = await pages.get(path, query)
    assert answer.status == status
    return answer.body.decode()


def number(page: str, name: str) -> str:
    found = re.search(rf'data-value="{name}">([^<]*)<', page)
    assert found is not None
    return unescape(found[1])


async def test_the_overview_says_what_a_count_over_the_raw_rows_says(store: SqlStore) -> None:
    window = store.overview(Window(NOW_S - 86_400, NOW_S)).window
    n = n_ok = nano = 0
    saved: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    for row, candidates in store.scan(Window(window.since_s, window.until_s)):
        n += 1
        n_ok += row.outcome == "ok"
        nano += row.cost_nanousd or 0
        if row.outcome == "ok" and row.cost_usd is not None and not row.is_cached:
            (expected,) = [each.cost_usd for each in candidates if each.place is not None and each.model == row.model]
            assert expected is not None
            scale = row.cost_usd / expected
            for each in candidates:
                if each.place is not None and each.cost_usd is not None and each.quality is not None:
                    other = each.cost_usd * scale
                    saved[each.model, each.upstream].append((other - row.cost_usd, each.quality, other))
    page = await shown(site(Sources(store=store)), "/ui")
    assert number(page, "requests") == count(n)
    assert number(page, "failed") == count(n - n_ok)
    assert number(page, "spend") == nano_usd(nano)
    best = max(saved, key=lambda arm: statistics.fmean(quality for _, quality, _ in saved[arm]))
    most = max(saved, key=lambda arm: statistics.fmean(other for _, _, other in saved[arm]))
    for name, arm in (("saved_best", best), ("saved_dearest", most)):
        gains = [gain for gain, _, _ in saved[arm]]
        reach = INTERVAL_Z * statistics.stdev(gains) * len(gains) ** 0.5
        total = sum(gains)
        assert number(page, name) == usd(total)
        assert number(page, f"{name}_interval") == (
            f"95 %: {usd(total - reach)} to {usd(total + reach)}, on {count(len(gains))} requests; {arm[0]}"
        )


async def test_tokens_on_the_overview_are_those_of_the_rows(store: SqlStore) -> None:
    window = store.overview(Window(NOW_S - 86_400, NOW_S)).window
    total = 0
    for row, _ in store.scan(window):
        kinds = (row.input_tokens, row.cached_read_tokens, row.cache_write_tokens, row.output_tokens)
        total += sum(each or 0 for each in kinds)
    assert number(await shown(site(Sources(store=store)), "/ui"), "tokens") == count(total)


async def test_the_quality_on_the_overview_is_the_mean_of_every_score_with_its_interval(store: SqlStore) -> None:
    window = store.overview(Window(NOW_S - 86_400, NOW_S)).window
    whole = {row.decision_id for row, _ in store.scan(window) if row.outcome == "ok"}
    said = [each for each in store.opinions(window) if each.score is not None]
    scores = [each.score for each in said if each.decision_id in whole and each.score is not None]
    assert len(scores) < len(said)
    reach = INTERVAL_Z * statistics.stdev(scores) / len(scores) ** 0.5
    pages = site(Sources(store=store))
    page = await shown(pages, "/ui")
    assert number(page, "score") == f"{statistics.fmean(scores):.2f}"
    assert number(page, "opinions") == f"± {reach:.2f}, {count(len(scores))} scores of whole replies, from 0 to 1"
    led = re.search(r'href="(/ui/feedback[^"]+)"><span data-value="score"', page)
    assert led is not None
    pages.unix_s[0] += 7_200.0
    path, _, query = unescape(led[1]).partition("?")
    assert (await shown(pages, path, query)).count("<tr>") - 1 == len(scores), "exactly those, whenever one looks"


async def test_the_script_is_told_the_same_words_that_the_page_shows(store: SqlStore) -> None:
    pages = site(Sources(store=store))
    page = await shown(pages, "/ui", "period=7d")
    told = msgspec.json.decode((await pages.get("/ui/data/overview", "period=7d")).body)
    assert len(told["values"]) == 18
    for name, words in told["values"].items():
        assert number(page, name) == words
    assert len(told["bars"]["requests"]) == page.partition('data-bars="requests"')[2].partition("</svg>")[0].count(
        "<a "
    )


async def test_the_script_is_told_when_the_numbers_are_of_another_time_than_the_page(store: SqlStore) -> None:
    pages = site(Sources(store=store))

    async def since() -> tuple[int, int]:
        found = re.search(r'data-since="(\d+)"', await shown(pages, "/ui", "period=1h"))
        told = msgspec.json.decode((await pages.get("/ui/data/overview", "period=1h")).body)
        assert found is not None
        return int(found[1]), told["since"]

    page, told = await since()
    assert page == told
    pages.unix_s[0] += 60.0
    assert await since() == (page + 60, page + 60)


async def test_every_bar_leads_to_the_rows_of_its_step(store: SqlStore) -> None:
    pages = site(Sources(store=store))
    page = await shown(pages, "/ui")
    bars = page.partition('data-bars="requests"')[2].partition("</svg>")[0]
    found = re.findall(r'href="([^"]+)" tabindex="-1"><title>[^:]+:\d\d: (\d+) requests', bars)
    assert found
    total = 0
    for href, n in found:
        path, _, query = unescape(href).partition("?")
        listed = await shown(pages, path, query)
        assert listed.count("<tr>") - bool(int(n)) == int(n)
        total += int(n)
    assert total == 300


async def test_turning_over_the_list_shows_every_row_once(store: SqlStore) -> None:
    pages = site(Sources(store=store))
    path, query, seen = "/ui/decisions", "period=30d", list[str]()
    while True:
        page = await shown(pages, path, query)
        seen += re.findall(r'<th scope="row"><a href="/ui/decisions/([^"]+)"', page)
        older = re.search(r'href="([^"]*before=[^"]*)"', page)
        if older is None:
            break
        path, _, query = unescape(older[1]).partition("?")
    assert len(seen) == len(set(seen)) == 300


@pytest.mark.parametrize(
    "query",
    [
        "before=x", "before=1e400~a", "before=nan~b", "since=inf&until=-1", "period=none", "outcome=<b>", "limit=9",
        "model=%00", "model=%ff%fe", "tenant=%22", "before=" + "9" * 500, "x=" + "y" * 5_000, "id=%2e%2e%2f",
    ],
)  # fmt: skip
async def test_an_address_that_makes_no_sense_is_still_answered(store: SqlStore, query: str) -> None:
    answer = await site(Sources(store=store)).get("/ui/decisions", query)
    assert answer.status in (200, 303)


async def test_a_tenants_key_shows_its_own_rows_alone_whatever_it_asks(store: SqlStore) -> None:
    pages = site(Sources(store=store), holders=HOLDERS)
    await pages.log_in(READER)
    page = await shown(pages, "/ui")
    assert number(page, "requests") == "150"
    listed = await shown(pages, "/ui/decisions", "tenant=green&period=30d")
    assert "Tenant" not in listed
    blue, green = "fl-seed-0", "fl-seed-1"
    assert "blue" in await shown(pages, f"/ui/decisions/{blue}")
    assert "No decision" in await shown(pages, f"/ui/decisions/{green}", status=404)
    assert (await pages.get(f"/ui/data/candidates/{green}")).status == 404
    every = msgspec.json.decode((await pages.get("/ui/data/overview")).body)
    assert every["values"]["requests"] == "150"


async def test_an_operators_key_shows_everybodys(store: SqlStore) -> None:
    pages = site(Sources(store=store), holders=HOLDERS)
    await pages.log_in(OPERATOR)
    assert number(await shown(pages, "/ui"), "requests") == "300"
    assert "green" in await shown(pages, "/ui/decisions/fl-seed-1")


async def test_a_decision_is_shown_with_all_that_is_kept_of_it(store: SqlStore) -> None:
    page = await shown(site(Sources(store=store)), "/ui/decisions/fl-seed-7")
    for words in (
        "How it went", "What was asked", "It had the highest utility",
        "What counted: quality 0.60, cost 0.30, speed 0.10",
        "What would have flipped it", "Candidates, with what was expected", "Attempts", "What was thought of the reply",
        "Why is the sky blue?", "Because: Why is the sky blue?", "lab/atlas-large", "c0ffee",
    ):  # fmt: skip
        assert words in page
    assert page.count('class="track"') >= 6


async def test_what_was_not_chosen_for_its_utility_is_flipped_by_no_figure(store: SqlStore, tmp_path: Path) -> None:
    pages, told = site(Sources(store=store)), "No single change that can be told"
    assert told not in await shown(pages, "/ui/decisions/fl-seed-7")
    database = SqliteDatabase(tmp_path / "traffic.db")
    database.change([("UPDATE requests SET reason = :reason", {"reason": "sorted"})])
    database.close()
    assert told in await shown(pages, "/ui/decisions/fl-seed-7")


async def test_the_chart_of_a_decision_has_every_candidate_once_and_the_first_apart(store: SqlStore) -> None:
    whole = store.decision("fl-seed-7")
    assert whole is not None
    answer = await site(Sources(store=store)).get("/ui/data/candidates/fl-seed-7")
    others, first = (each["points"] for each in msgspec.json.decode(answer.body)["series"])
    n = sum(each.cost_usd is not None and each.quality is not None for each in whole.candidates)
    assert (len(others), len(first)) == (n - 1, 1)
    assert first[0]["label"].startswith(whole.candidates[0].model)


@pytest.mark.parametrize("place", range(len(HOSTILE)))
async def test_hostile_names_are_text_on_every_page(hostile: SqlStore, place: int) -> None:
    pages = site(Sources(store=hostile))
    listed = await shown(pages, "/ui/decisions")
    address = re.findall(r'<th scope="row"><a href="([^"]+)"', listed)[place]
    for path in ("/ui", "/ui/decisions", "/ui/feedback", unescape(address)):
        page = await shown(pages, unquote(path))
        body = page.partition("<main")[2]
        assert not re.search(r"<(script|img|iframe|style|object)\b", body)
        assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', body))
        assert "\u202e" not in body
        assert len(page) < 600_000


async def test_a_store_that_does_not_answer_is_said_to_be_so() -> None:
    class Away(SqlStore):
        """A store whose database is gone."""

    def gone() -> SqliteDatabase:
        raise StoreError("/secret/place/traffic.db: cannot be opened")

    answer = await site(Sources(store=Away(gone))).get("/ui")
    assert answer.status == 503
    assert b"does not answer" in answer.body
    assert b"secret" not in answer.body


async def test_without_a_store_every_page_says_how_to_keep_traffic() -> None:
    pages = site(Sources(why_no_store="'store.enabled' is false."))
    for path in ("/ui", "/ui/decisions", "/ui/decisions/x", "/ui/feedback"):
        page = await shown(pages, path)
        assert "store.enabled" in page
        assert "enabled: true" in page
    assert (await pages.get("/ui/data/overview")).status == 200


async def test_an_empty_store_says_that_nothing_has_come_yet(tmp_path: Path) -> None:
    empty = SqlStore(lambda: SqliteDatabase(tmp_path / "empty.db"))
    pages = site(Sources(store=empty))
    assert "No request has come in" in await shown(pages, "/ui")
    assert "No request is kept that fits" in await shown(pages, "/ui/decisions")
    assert "No feedback has come in" in await shown(pages, "/ui/feedback")
    empty.close()


async def test_searching_for_an_id_leads_to_its_decision(store: SqlStore) -> None:
    answer = await site(Sources(store=store)).get("/ui/decisions", "id=fl-seed-7")
    assert (answer.status, header(answer, "location")) == (303, "/ui/decisions/fl-seed-7")


async def test_a_request_that_failed_on_one_and_was_served_by_another_shows_both_attempts(tmp_path: Path) -> None:
    path = tmp_path / "one.db"
    book, chance = Book(), random.Random(3)
    for n in range(40):
        tell(book, NOW_S - 60, f"d{n}", PLAIN_OFFERS, Names(), chance)
    opinion(book, NOW_S, "d1", Names(), chance)
    found = SqlStore(lambda: SqliteDatabase(path))
    found.put(Batch("w", 1, NOW_S, book.turn()))
    twice = next(row for row in (found.decision(f"d{n}") for n in range(40)) if row and len(row.attempts) == 2)
    page = await shown(site(Sources(store=found)), f"/ui/decisions/{twice.request.decision_id}")
    assert 'class="badge bad">timeout' in page
    assert 'class="failed"' in page
    found.close()


def test_the_words_of_an_overview_without_rivals_claim_no_saving(store: SqlStore) -> None:
    seen = store.overview(Window(NOW_S - 86_400, NOW_S))._replace(alternatives=())
    told = values(Seen(Period("24h", seen.window), seen, MeanScoreRow(0, None, None)))
    assert told["saved_best"] == "–"
    assert told["saved_best_interval"] == "no other model could have served"
    assert best_single(()) is None
    assert dearest(()) is None


def test_a_saving_of_one_request_has_no_interval(store: SqlStore) -> None:
    row = store.alternatives(Window(NOW_S - 86_400, NOW_S))[0]._replace(saved_se_usd=None)
    assert interval(row) is None
