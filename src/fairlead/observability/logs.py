"""Logs: one structured line a happening, on standard error.

An allow-list: no prompt, no reply, no secret, no dump of headers.

Routine replies are logged only when the operator asks: a line costs more than the routing decision.
"""

import json
import logging
import sys
from typing import Any, Final, Literal, TextIO

from fairlead.domain.moments import Attempted, Replied, Shadowed

_LOG: Final = logging.getLogger("fairlead.requests")
_FIELDS: Final = "fairlead_fields"
MAX_TEXT_CHARS: Final = 4_000


class JsonLines(logging.Formatter):
    """A record as one line of JSON: control characters are escaped, so that no text can forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:MAX_TEXT_CHARS],
        }
        line.update(getattr(record, _FIELDS, {}))
        return json.dumps(line, ensure_ascii=True)


class PlainLines(logging.Formatter):
    """A record as one readable line."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(
            f" {name}={value}" for name, value in getattr(record, _FIELDS, {}).items() if value is not None
        )
        text = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower():7} {record.getMessage()}{fields}"
        return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text[:MAX_TEXT_CHARS])


def set_up_logging(level: str, form: Literal["json", "text"], stream: TextIO | None = None) -> None:
    """Route the house's log lines to `stream` (standard error by default)."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else PlainLines())
    root = logging.getLogger("fairlead")
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False


class RequestLog:
    """An observer that writes: failures always, the rest when `logs_all`."""

    def __init__(self, *, logs_all: bool = False) -> None:
        self._logs_all = logs_all

    def attempted(self, moment: Attempted) -> None:
        """One line for an attempt that failed."""
        if moment.outcome in ("ok", "cancelled", "refused_request"):
            return
        fields = {
            "decision": moment.decision_id,
            "upstream": moment.arm.upstream,
            "model": moment.arm.model,
            "outcome": moment.outcome,
            "upstream_status": moment.upstream_status,
            "total_s": round(moment.total_s, 4),
            "hedge": True if moment.is_hedge else None,
        }
        _LOG.warning("attempt failed", extra={_FIELDS: fields})

    def shadowed(self, moment: Shadowed) -> None:
        """One line for a shadow, where routine replies have one: nobody waits for it, so no end is a failure."""
        if not self._logs_all:
            return
        fields = {
            "decision": moment.decision_id,
            "model": moment.arm.model,
            "upstream": moment.arm.upstream,
            "outcome": moment.outcome,
            "output_tokens": moment.usage.output_tokens if moment.usage else None,
            "cost_usd": moment.cost.dollars if moment.cost is not None else None,
            "total_s": round(moment.total_s, 4),
        }
        _LOG.info("shadow", extra={_FIELDS: fields})

    def replied(self, moment: Replied) -> None:
        """One line for a request."""
        is_failure = moment.outcome in ("error", "truncated")
        if not (is_failure or self._logs_all):
            return
        arm = moment.arm
        fields = {
            "decision": moment.decision_id,
            "tenant": moment.tenant,
            "key": moment.key_name or None,
            "door": moment.door,
            "policy": moment.policy,
            "reason": moment.reason,
            "session": moment.session,
            "model": arm.model if arm else None,
            "upstream": arm.upstream if arm else None,
            "outcome": moment.outcome,
            "status": moment.status,
            "error": moment.error_code,
            "attempts": moment.n_attempts,
            "cached": True if moment.is_cached else None,
            "streaming": True if moment.is_streaming else None,
            "input_tokens": moment.usage.input_tokens if moment.usage else None,
            "cached_read_tokens": moment.usage.cached_read_tokens if moment.usage else None,
            "cache_write_tokens": moment.usage.cache_write_tokens if moment.usage else None,
            "output_tokens": moment.usage.output_tokens if moment.usage else None,
            "reasoning_tokens": moment.usage.reasoning_tokens if moment.usage else None,
            "usage_estimated": True if moment.usage and moment.usage.is_estimated else None,
            "cost_usd": moment.cost.dollars if moment.cost is not None else None,
            "decide_ms": round(moment.decide_s * 1e3, 3) if moment.decide_s is not None else None,
            "overhead_ms": round(moment.overhead_s * 1e3, 3),
            "first_byte_s": round(moment.first_byte_s, 4) if moment.first_byte_s is not None else None,
            "total_s": round(moment.total_s, 4),
        }
        _LOG.log(logging.WARNING if is_failure else logging.INFO, "replied", extra={_FIELDS: fields})
