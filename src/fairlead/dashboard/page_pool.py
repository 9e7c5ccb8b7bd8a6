"""PagePool: the few threads that pages are made in. The event loop, and so the gateway, waits for none of them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from fairlead.domain.errors import OverloadedError
from fairlead.domain.page_call import PageAnswer

THREADS: Final = 4
"""Pages that are made at once; the rest wait."""
MAX_WAITING: Final = 32
"""Pages that wait; more are refused: whoever reloads a slow page a hundred times must not fill the memory."""
PAGE_S: Final = 30.0
"""A page that takes longer is given up: its thread goes on, its reader is told."""


class PagePool:
    """The threads that pages are made in; one for the life of a server."""

    def __init__(self, threads: int = THREADS, max_waiting: int = MAX_WAITING) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="fairlead-page")
        self._most = threads + max_waiting
        self._n = 0

    async def run(self, work: Callable[[], PageAnswer]) -> PageAnswer:
        """Do it in a thread. Raises: OverloadedError when too many wait, or this one takes too long."""
        if self._n >= self._most:
            raise OverloadedError("Too many pages are being made: try again in a moment.", retry_after_s=1.0)
        self._n += 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._done)
        try:
            return await asyncio.wait_for(asyncio.shield(future), PAGE_S)
        except TimeoutError:
            raise OverloadedError("This page took too long: try a shorter time.", retry_after_s=5.0) from None

    def _done(self, future: "asyncio.Future[PageAnswer]") -> None:
        self._n -= 1
        if not future.cancelled():
            future.exception()  # seen, also where nobody waits any more

    def close(self) -> None:
        """Take no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
