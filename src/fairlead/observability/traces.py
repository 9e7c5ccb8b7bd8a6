"""Traces: one server span a request, one client span a call to an upstream; the client's trace goes on through both.

Spans are begun when what they stand for begins, since their ids travel to the upstreams, and ended by the moments that
every observer is told. Nothing here waits: ended spans go to a queue that a thread of OpenTelemetry's sends (see
trace_export).
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final

from fairlead.domain.decision import Arm
from fairlead.domain.moments import Attempted, Replied
from fairlead.domain.names import DecisionId, UpstreamName
from fairlead.observability.trace_attributes import WELL, Address, of_attempt, of_reply, operation_of, route_of
from fairlead.observability.trace_kit import TraceKit

MAX_RUNNING: Final = 100_000
"""Requests under way; of more no spans are made."""
_PASSED: Final = ("traceparent", "tracestate")
"""What is read of a client and told to upstreams (https://www.w3.org/TR/trace-context/); baggage never is."""


@dataclass(slots=True)
class _Running:
    """One request's spans."""

    span: Any
    context: Any
    door: str
    is_streaming: bool
    calls: dict[int, Any] = field(default_factory=dict)
    """The spans of its attempts by their numbers, as long as they run."""


class Traces:
    """An observer. On the event loop only."""

    def __init__(
        self,
        kit: TraceKit,
        addresses: Mapping[UpstreamName, Address],
        unix_s: Callable[[], float],
        *,
        passes_on: bool,
    ) -> None:
        """`passes_on`: upstreams are told of the trace, so that their own spans join it."""
        self._kit = kit
        self._addresses = addresses
        self._unix_s = unix_s
        self._passes_on = passes_on
        self._running: dict[DecisionId, _Running] = {}

    def towards(self, addresses: Mapping[UpstreamName, Address]) -> "Traces":
        """The same traces under a configuration with these addresses; whoever holds the ones before keeps theirs."""
        other = copy(self)
        other._addresses = addresses
        return other

    def begins(
        self, decision_id: DecisionId, door: str, headers: Sequence[tuple[bytes, bytes]], *, is_streaming: bool
    ) -> None:
        """A request begins, with these headers of its client."""
        if len(self._running) >= MAX_RUNNING:
            return
        kit = self._kit
        carrier = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in headers
            if name == b"traceparent" or name == b"tracestate"
        }
        around = kit.extract(carrier) if carrier else kit.nowhere
        span = kit.tracer.start_span(f"POST {route_of(door)}", context=around, kind=kit.server_kind)
        self._running[decision_id] = _Running(span, kit.within(span, around), door, is_streaming)

    def calls(self, decision_id: DecisionId, number: int, arm: Arm) -> tuple[tuple[bytes, bytes], ...]:
        """An attempt begins: the headers to send with it."""
        running = self._running.get(decision_id)
        if running is None:
            return ()
        kit = self._kit
        name = f"{operation_of(running.door)} {arm.sent_model}"
        span = kit.tracer.start_span(name, context=running.context, kind=kit.client_kind)
        running.calls[number] = span
        if not self._passes_on:
            return ()
        carrier: dict[str, str] = {}
        kit.inject(carrier, kit.within(span, running.context))
        return tuple((name.encode(), carrier[name].encode("latin-1")) for name in _PASSED if name in carrier)

    def attempted(self, moment: Attempted) -> None:
        """See moments.Observer."""
        running = self._running.get(moment.decision_id)
        if running is None:
            return
        kit = self._kit
        span = running.calls.pop(moment.number, None)
        if span is None:  # the second word of an attempt whose request was sent again: its first has ended the span
            began_ns = round((self._unix_s() - moment.total_s) * 1e9)
            name = f"{operation_of(running.door)} {moment.arm.sent_model}"
            span = kit.tracer.start_span(name, context=running.context, kind=kit.client_kind, start_time=began_ns)
        if span.is_recording():
            address = self._addresses.get(moment.arm.upstream)
            span.set_attributes(of_attempt(moment, running.door, address, is_streaming=running.is_streaming))
            if moment.outcome not in WELL:
                span.set_status(kit.failed)
        span.end()

    def replied(self, moment: Replied) -> None:
        """See moments.Observer."""
        running = self._running.pop(moment.decision_id, None)
        if running is None:
            return
        for call in running.calls.values():
            call.end()
        span = running.span
        if span.is_recording():
            span.set_attributes(of_reply(moment))
            if moment.status >= 500 or moment.outcome in ("error", "truncated"):
                span.set_status(self._kit.failed)
        span.end()

    def close(self) -> None:
        """Send what waits, for a little while, and stop."""
        self._kit.close()
