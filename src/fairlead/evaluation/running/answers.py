"""Answers: what comes back for a question, and the port through which it is asked."""

from typing import NamedTuple, Protocol

from fairlead.domain.usage import Usage
from fairlead.evaluation.running.questions import Question
from fairlead.evaluation.scorers.score import Given, ToolCall


class Answered(NamedTuple):
    """One finished reply."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish: str
    served: str
    usage: Usage | None
    said_nano: int | None
    """What the upstream itself says that it cost."""
    latency_s: float
    is_replaying: bool
    """The upstream has said that it knows idempotency keys (a header `idempotent-replayed`)."""

    @property
    def given(self) -> Given:
        """As scorers see it."""
        return Given(self.text, self.tool_calls)


class Ask(Protocol):
    """Sends one question: over HTTP, to another machine, or to a script."""

    async def __call__(self, question: Question) -> Answered:
        """The reply.

        Raises: UpstreamError; its `is_sent` says whether the call may have to be paid for.
        """
        ...
