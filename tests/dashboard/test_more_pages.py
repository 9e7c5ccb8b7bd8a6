"""Models, playground, policy and health as whole pages: for everybody, with anybody's words in them, and escaped."""

import re
from dataclasses import replace
from functools import partial
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest

from fairlead.dashboard.models_reading import WINDOW_S
from fairlead.dashboard.sources import Sources
from fairlead.domain.engine_state import ArmState, EngineState, UpstreamState
from fairlead.domain.names import ModelId, UpstreamName
from fairlead.domain.page_call import PageAnswer, PageCall
from fairlead.domain.store_state import StoreState
from fairlead.domain.wishes import Weights, Wishes
from fairlead.routing.preferences import Preset
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from tests.browser.seeding import HOSTILE, seeded
from tests.dashboard.small_knowledge import PLAIN, knowledge, retitled
from tests.dashboard.small_pages import HOLDERS, HOST, NOW_S, READER, header, site
from tests.learning.small_router import small_outcomes, small_router
from tests.routing.small_pool import Known
from tests.store.small_traffic import Told, batch_of

PATHS = ("/ui/models", "/ui/model", "/ui/playground", "/ui/policy", "/ui/health")


def store(path: Path, n: int = 40, *, is_hostile: bool = False) -> SqlStore:
    seeded(path / "traffic.db", NOW_S, n, is_hostile=is_hostile)
    return SqlStore(partial(SqliteDatabase, path / "traffic.db"))


def page(answer: PageAnswer) -> str:
    assert answer.status == 200, answer.body
    return answer.body.decode()


async def test_without_models_or_traffic_every_page_says_what_is_missing() -> None:
    for path in PATHS:
        assert "<h1>" in page(await site().get(path))
    found = page(await site(Sources(knowledge=knowledge())).get("/ui/policy"))
    assert "keeps no traffic" in found


async def test_a_leaderboard_ranks_and_says_whose_word_each_number_is(tmp_path: Path) -> None:
    here = site(Sources(store=store(tmp_path), knowledge=knowledge()))

    found = page(await here.get("/ui/models", "kind=code"))

    # The pool has the cheaper first; the small standings rise with the place.
    assert found.index("name=lab%2Fstrong") < found.index("name=lab%2Fcheap")
    assert 'class="source published"' in found and 'class="source stated"' in found
    assert "best first at code" in found
    assert "newest 40 decisions" in found


async def test_an_unknown_kind_is_all_kinds_and_an_unknown_model_a_404() -> None:
    here = site(Sources(knowledge=knowledge()))
    assert "best first at all kinds" in page(await here.get("/ui/models", "kind=%3Cb%3E"))
    answer = await here.get("/ui/model", "name=lab/chap")
    assert answer.status == 404 and "lab/cheap" in answer.body.decode()


async def test_a_models_page_has_its_map_its_endpoints_and_what_the_own_router_learned() -> None:
    router = small_router(small_outcomes(180))

    found = page(await site(Sources(knowledge=knowledge(trained=router))).get("/ui/model", "name=LAB/strong"))

    assert found.count('class="strip"') > 8
    assert "What your router learned" in found and "outcomes" in found
    assert "$5.00" in found and "https" not in found.partition("Where it is served")[2].partition("</table>")[0]


async def test_the_requests_of_a_model_lead_to_exactly_those_of_the_whole_days_that_they_are_counted_in(
    tmp_path: Path,
) -> None:
    kept = SqlStore(partial(SqliteDatabase, tmp_path / "traffic.db"))
    ages_s = {"fl-new": 60.0, "fl-first-day": WINDOW_S + 3 * 3_600.0, "fl-too-old": WINDOW_S + 86_400.0}
    for number, (name, age_s) in enumerate(ages_s.items(), 1):
        kept.put(batch_of(*Told(name=name).moments(), number=number, at_s=NOW_S - age_s))
    here = site(Sources(store=kept, knowledge=knowledge()))

    for path, query in (("/ui/models", ""), ("/ui/model", "name=lab/cheap")):
        found = re.search(r'href="([^"]*decisions[^"]*lab%2Fcheap[^"]*)">(\d+)<', page(await here.get(path, query)))
        assert found is not None and found[2] == "2", "the day that the month begins in is counted whole"
        to, _, asked = unescape(found[1]).partition("?")
        assert [name in page(await here.get(to, asked)) for name in ages_s] == [True, True, False]


async def test_the_frontier_is_data_for_the_chart_too(tmp_path: Path) -> None:
    answer = await site(Sources(store=store(tmp_path), knowledge=knowledge())).get("/ui/data/frontier")

    found = msgspec.json.decode(answer.body)
    assert set(found) == {"x", "y", "series"} and found["x"]["log"] is True
    assert {each["name"] for each in found["series"]} == {"models", "auto, by preference", "what was chosen"}
    assert all(point["x"] > 0 and 0 <= point["y"] <= 1 for each in found["series"] for point in each["points"])


async def test_an_alias_holds_on_the_frontier_and_for_a_policy_that_is_tried(tmp_path: Path) -> None:
    known = knowledge(Known("lab/wren-mini", "south", aliases=("mini",)))
    kept, points, tried = store(tmp_path), [], []
    for name in ("mini", "lab/wren-mini", "nobody"):
        thrifty = Preset("mine", Weights(0.0, 1.0, 0.0), Wishes(excluded_models=(name,)))
        here = site(Sources(store=kept, knowledge=replace(known, presets={"mine": thrifty})))
        points.append((await here.get("/ui/data/frontier")).body)
        found = page(await here.get("/ui/policy", f"quality=0&cost=100&speed=0&scope=balanced&days=2&without={name}"))
        tried.append("never candidates do nothing" in found)
    assert points[0] == points[1] != points[2]
    assert tried == [False, False, True]


async def test_a_policy_is_tried_and_its_lines_can_be_taken_home(tmp_path: Path) -> None:
    here = site(Sources(store=store(tmp_path), knowledge=knowledge()))
    query = "quality=10&cost=90&speed=0&scope=balanced&days=2&max_cost_usd=0.5"

    found = page(await here.get("/ui/policy", query))
    assert "of 40 decisions would go to another model" in found
    assert "No verdict" in found and "exploration" in found
    assert "max_cost_usd: 0.5" in found and "default: mine" in found

    answer = await here.get("/ui/policy/file", f"{query}&name=nights")
    assert header(answer, "content-disposition") == 'attachment; filename="fairlead-policy.yaml"'
    assert header(answer, "content-type") == "text/plain; charset=utf-8"
    assert answer.body.startswith(b"presets:\n  nights:\n")


async def test_a_wrong_field_keeps_what_was_typed_and_says_what_is_wrong(tmp_path: Path) -> None:
    here = site(Sources(store=store(tmp_path), knowledge=knowledge()))

    found = page(await here.get("/ui/policy", "days=-3&cost=much"))

    assert 'value="-3"' in found and found.count('role="alert"') == 2


async def test_a_tenant_sees_what_would_change_on_its_own_requests(tmp_path: Path) -> None:
    here = site(Sources(store=store(tmp_path), knowledge=knowledge()), holders=HOLDERS)
    await here.log_in(READER)

    found = page(await here.get("/ui/policy", "scope=balanced&cost=90"))

    assert "of 20 decisions" in found


async def test_who_may_not_run_models_is_told_so() -> None:
    here = site(Sources(knowledge=knowledge()), holders=HOLDERS)
    await here.log_in("fl-operator")

    found = page(await here.get("/ui/playground"))

    assert "lacks the permission &#39;chat&#39;" in found and 'data-may="no"' in found


async def test_health_shows_the_engine_as_it_stood_when_it_was_asked() -> None:
    state = EngineState(
        upstreams=(UpstreamState(UpstreamName("one"), True, 0, 2, 8.0),),
        arms=(ArmState(ModelId("lab/strong"), UpstreamName("one"), True, 20.0, 0.5, 1.0, 2.0, 0.01),),
        n_running=3,
    )
    here = site(Sources(knowledge=knowledge(store_state=StoreState(n_dropped=4), n_workers=2)), state=lambda: state)

    found = page(await here.get("/ui/health"))

    assert "nothing can serve" in found and "rows lost" in found and "2 workers" in found
    assert 'class="badge bad"' in found


@pytest.mark.parametrize("words", HOSTILE)
async def test_no_word_of_anybody_becomes_markup(words: str, tmp_path: Path) -> None:
    models = tuple(Known(model=f"{words}/{place}", upstream=words) for place in range(2))
    known = retitled(knowledge(*models, store_state=StoreState(fault=words)), words)
    state = EngineState(
        upstreams=(UpstreamState(UpstreamName(words), False, 0, 0, None),),
        arms=(ArmState(ModelId(words), UpstreamName(words), False, 20.0, 0.0, 1.0, 2.0, 0.01),),
    )
    here = site(Sources(store=store(tmp_path, is_hostile=True), knowledge=known), state=lambda: state)
    query = urlencode({"name": f"{words}/0", "scope": words, "without": words, "kind": words, "cost": words})

    for path in PATHS:
        found = page(await here.get(path, query))
        assert "<img" not in found and 'onerror="' not in found and "onmouseover='" not in found
        assert found.count("<script") == found.count('<script src="/ui/static/')
        assert "javascript:" not in "".join(part.partition('"')[0] for part in found.split('href="')[1:])
        assert "\u202e" not in found
    assert (await here.get("/ui/policy/file", query)).status == 200


async def test_what_is_asked_is_nobodys_to_break(tmp_path: Path) -> None:
    here = site(Sources(store=store(tmp_path), knowledge=knowledge()))
    for query in ("quality=nan&cost=inf", "days=0", "scope=%00", "without=%FF%FE,,,", "kind=", "name=%00"):
        for path in PATHS:
            assert (await here.get(path, query)).status in (200, 404)


async def test_who_asks_for_the_head_of_a_page_gets_no_body() -> None:
    answer = await site(Sources(knowledge=knowledge(*PLAIN))).dashboard.answer(
        PageCall("HEAD", "/ui/models", b"", [(b"host", HOST)])
    )
    assert (answer.status, answer.body) == (200, b"")
