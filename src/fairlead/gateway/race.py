"""Race: an attempt, and if it is slow to begin another beside it; the first content wins, the other is cancelled.

Off unless the operator asks for it: every hedge is an extra call, counted in the retry budget and in a share of its
own.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from fairlead.domain.errors import UpstreamError
from fairlead.gateway.attempt import Attempt
from fairlead.gateway.engine import Engine


def patience_s(engine: Engine, index: int, n_input: float, *, is_streaming: bool) -> float | None:
    """How long this arm may take to begin before another is tried beside it; None when it is not hedged.

    A measured quantile speaks of first contents, so it counts for streams alone: a reply in one piece takes longer.
    """
    hedge = engine.services.limits.hedge
    if hedge is None:
        return None
    if hedge.after_quantile is not None and is_streaming:
        known = engine.conduct.ttft_quantile(index, hedge.after_quantile, n_input, engine.services.clock())
        if known is not None:
            return known
    return hedge.after_s


async def raced(first: Attempt, deadline_s: float, patience: float, rival_of: Callable[[], Attempt | None]) -> Attempt:
    """The attempt that brought content first; the other is cancelled, and its account closed.

    Raises: UpstreamError, the last one, when all have failed; each was told its own before.
    """
    tasks: dict[asyncio.Task[None], Attempt] = {_begun(first, deadline_s): first}
    try:
        await asyncio.wait(tasks, timeout=patience)
        if not next(iter(tasks)).done() and (rival := rival_of()) is not None:
            tasks[_begun(rival, deadline_s)] = rival
        while True:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                attempt = tasks.pop(task)
                try:
                    task.result()
                except UpstreamError as error:
                    attempt.failed(error)
                    if not tasks:
                        raise
                except BaseException:
                    attempt.ended("cancelled", None)
                    raise
                else:
                    return attempt
    finally:
        for task in tasks:
            task.cancel()
        for task, attempt in tasks.items():
            with suppress(asyncio.CancelledError, UpstreamError):
                await task
            attempt.lost()


def _begun(attempt: Attempt, deadline_s: float) -> "asyncio.Task[None]":
    return asyncio.get_running_loop().create_task(attempt.run(deadline_s))
