"""The pool of pages: a page that waits keeps nobody else waiting, and too many are refused."""

import asyncio
import threading

import pytest

from fairlead.dashboard.ask import Ask, Page, Shown
from fairlead.dashboard.elements import element
from fairlead.dashboard.page_pool import PagePool
from fairlead.domain.errors import OverloadedError
from fairlead.domain.page_call import PageAnswer
from tests.dashboard.small_pages import site

ANSWER = PageAnswer(200, [], b"x")


async def test_the_event_loop_goes_on_while_a_page_waits_for_its_store() -> None:
    may_end, has_begun = threading.Event(), threading.Event()

    def slow(_: Ask) -> Shown:
        has_begun.set()
        assert may_end.wait(20)
        return Shown("Slow", element("p", "done"))

    pages = site(pages=(Page("/ui/slow", slow), Page("/ui/quick", lambda _: Shown("Quick", element("p", "quick")))))
    waiting = asyncio.create_task(pages.get("/ui/slow"))
    assert await asyncio.to_thread(has_begun.wait, 20)
    assert b"quick" in (await pages.get("/ui/quick")).body
    assert not waiting.done()
    may_end.set()
    assert b"done" in (await waiting).body


async def test_more_pages_than_can_wait_are_refused_and_later_ones_are_not() -> None:
    may_end = threading.Event()
    pool = PagePool(threads=1, max_waiting=1)

    def wait() -> PageAnswer:
        assert may_end.wait(20)
        return ANSWER

    two = [asyncio.create_task(pool.run(wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(OverloadedError):
        await pool.run(wait)
    may_end.set()
    assert await asyncio.gather(*two) == [ANSWER, ANSWER]
    await asyncio.sleep(0)
    assert await pool.run(wait) == ANSWER
    pool.close()


async def test_a_page_that_fails_gives_its_place_back() -> None:
    pool = PagePool(threads=1, max_waiting=0)

    def fail() -> PageAnswer:
        raise KeyError("x")

    for _ in range(3):
        with pytest.raises(KeyError):
            await pool.run(fail)
        await asyncio.sleep(0)
    pool.close()


async def test_a_reader_who_leaves_gives_the_place_back_when_the_page_is_made() -> None:
    may_end, has_begun = threading.Event(), threading.Event()
    pool = PagePool(threads=1, max_waiting=0)

    def wait() -> PageAnswer:
        has_begun.set()
        assert may_end.wait(20)
        return ANSWER

    left = asyncio.create_task(pool.run(wait))
    assert await asyncio.to_thread(has_begun.wait, 20)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    with pytest.raises(OverloadedError):
        await pool.run(wait)
    may_end.set()
    while True:
        try:
            assert await pool.run(wait) == ANSWER
            break
        except OverloadedError:
            await asyncio.sleep(0)
    pool.close()
