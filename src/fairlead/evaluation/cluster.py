"""Many machines: the same port through which a run asks, with the calls sent by the nodes of a Ray cluster.

The only file that touches Ray. Record, cap, pace and retries stay with the one process that runs the evaluation; a node
holds nothing but connections. Ray's own retries are off: a call that was on a node which died may have been paid for,
and what happens to it is the runner's rule, not Ray's.
"""

import itertools
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

from fairlead.domain.errors import EvaluationError, RejectedError, SetupError, UnreachableError, UpstreamError
from fairlead.evaluation.running.answers import Answered, Ask
from fairlead.evaluation.running.questions import Question

try:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ModuleNotFoundError as error:
    raise SetupError(
        f"the module {error.name!r} is not installed, which runs on many machines need: pip install 'fairlead[scale]'"
    ) from error

Build = Callable[[], Awaitable[Ask]]
"""Makes the port on a node; pickled, so it carries no credential: keys come from the node's own environment."""

REACH_S: Final = 5.0
"""How long a cluster's head may take to accept a connection."""
AT_ONCE: Final = 1024
"""Calls that one node takes at once; the run's own pace is below it."""


class Trouble(NamedTuple):
    """An upstream's error, as it travels between machines."""

    message: str
    upstream: str
    is_sent: bool
    is_retryable: bool
    status: int | None
    retry_after_s: float | None


class Node:
    """What runs on a node."""

    def __init__(self, build: Build) -> None:
        self._build = build
        self._ask: Ask | None = None

    async def ask(self, question: Question) -> Answered | Trouble:
        """Send one question."""
        if self._ask is None:
            self._ask = await self._build()
        try:
            return await self._ask(question)
        except UpstreamError as error:
            return trouble_of(error)


class ClusterAsk:
    """Sends questions from the nodes of a cluster, in turn."""

    def __init__(self, build: Build, *, address: str | None) -> None:
        """Join the cluster at `address`, or start one on this machine.

        Raises: EvaluationError when there is no cluster at the address.
        """
        self._build = build
        self._turns = itertools.count()
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            _check_reachable(address)
            try:
                ray.init(
                    address=address or "local", include_dashboard=False, log_to_driver=False, logging_level="ERROR"
                )
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise EvaluationError(f"--engine ray: no cluster at {address!r} ({str(error)[:200]}).") from error
        self._actors: dict[str, Any] = {}
        self._renew()

    async def __call__(self, question: Question) -> Answered:
        """The reply to one question.

        Raises: UpstreamError; UnreachableError with `is_sent` when the node died under the call.
        """
        if not self._actors:
            self._renew()
        if not self._actors:
            raise UnreachableError("no node of the cluster is alive", upstream=question.model.upstream)
        places = list(self._actors)
        place = places[next(self._turns) % len(places)]
        try:
            found = await self._actors[place].ask.remote(question)
        except ray.exceptions.RayActorError as error:
            self._actors.pop(place, None)
            text = f"the node {place[:8]} died under the call ({type(error).__name__})"
            raise UnreachableError(text, upstream=question.model.upstream, is_sent=True) from error
        if isinstance(found, Trouble):
            raise error_of(found)
        answered: Answered = found
        return answered

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        for actor in self._actors.values():
            ray.kill(actor)
        self._actors.clear()
        if self._is_ours:
            ray.shutdown()

    def _renew(self) -> None:
        """One actor on each node that is alive and has none."""
        remote = ray.remote(Node)
        for node in ray.nodes():
            place = str(node["NodeID"])
            if node["Alive"] and place not in self._actors:
                bound = NodeAffinitySchedulingStrategy(node_id=place, soft=False)
                self._actors[place] = remote.options(
                    num_cpus=0, max_concurrency=AT_ONCE, max_restarts=0, max_task_retries=0, scheduling_strategy=bound
                ).remote(self._build)


def _check_reachable(address: str | None) -> None:
    """Ray itself waits for minutes. Raises: EvaluationError when nobody listens at `host:port`."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return  # "local" and "auto" are Ray's own words
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except (OSError, OverflowError) as error:
        raise EvaluationError(
            f"--engine ray: no cluster at {address!r} ({error}). Start it, or mend --address."
        ) from error


def trouble_of(error: UpstreamError) -> Trouble:
    """An error as a value that can travel."""
    status = error.upstream_status if isinstance(error, RejectedError) else None
    retry_after_s = error.retry_after_s if isinstance(error, RejectedError) else None
    return Trouble(error.message, error.upstream, error.is_sent, error.is_retryable, status, retry_after_s)


def error_of(trouble: Trouble) -> UpstreamError:
    """The error again."""
    if trouble.status is not None:
        return RejectedError(
            trouble.message,
            upstream=trouble.upstream,
            upstream_status=trouble.status,
            is_retryable=trouble.is_retryable,
            retry_after_s=trouble.retry_after_s,
        )
    error = UpstreamError(trouble.message, upstream=trouble.upstream, is_sent=trouble.is_sent)
    error.is_retryable = trouble.is_retryable
    return error
