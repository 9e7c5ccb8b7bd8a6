"""Tables: what is kept of the traffic, column by column, in the order in which rows are bound.

The SQL that makes them stands in `sql/<dialect>/NNNN_*.sql`; a test compares the two.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

DECIDED: Final = (
    "at_s",
    "tenant",
    "key_name",
    "door",
    "asked",
    "policy",
    "config_version",
    "session",
    "kept",
    "without_model",
    "without_usd",
    "reason",
    "chosen_model",
    "chosen_upstream",
    "propensity",
    "kind",
    "difficulty",
    "language",
    "expected_input_tokens",
    "expected_usd",
    "n_messages",
    "n_tools",
    "flags",
    "n_candidates",
    "pool",
    "candidates",
    "ineligible",
)
UNDECIDED: Final = ("at_s", "tenant", "key_name", "door", "asked", "policy", "config_version", "session", "kept")
"""What a reply knows of a decision that was never made."""
FOLDED: Final = ("attempt_at_s", "attempt_after_s", "attempt_first_byte_s", "attempt_total_s")
"""What a request's only attempt knows alone, where its reply says the rest of it; NULL where attempts have own rows."""
REPLIED: Final = (
    "outcome",
    "status",
    "error_code",
    "model",
    "upstream",
    "provider",
    "is_streaming",
    "is_cached",
    "n_attempts",
    "input_tokens",
    "cached_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "is_estimated",
    "cost_nanousd",
    "first_byte_s",
    "total_s",
    "overhead_s",
    "decide_s",
    *FOLDED,
)
REQUESTS: Final = ("decision_id", *DECIDED, *REPLIED)
ATTEMPTS: Final = (
    "decision_id",
    "number",
    "at_s",
    "place",
    "model",
    "upstream",
    "provider",
    "outcome",
    "upstream_status",
    "stage",
    "is_hedge",
    "after_s",
    "first_byte_s",
    "total_s",
    "input_tokens",
    "cached_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "is_estimated",
    "cost_nanousd",
    "losses",
)
BODIES: Final = ("decision_id", "at_s", "query", "prompt", "reply")
OPINIONS: Final = (
    "opinion_id",
    "decision_id",
    "at_s",
    "tenant",
    "key_name",
    "score",
    "label",
    "preferred_model",
    "comment",
    "weight",
)
SHADOWS: Final = (
    "decision_id",
    "model",
    "upstream",
    "at_s",
    "outcome",
    "output_tokens",
    "cost_nanousd",
    "first_byte_s",
    "total_s",
    "reply",
)
DIMENSIONS: Final = ("span_s", "bucket_s", "tenant", "model", "upstream", "policy", "kind", "door", "outcome")
SUMS: Final = (
    "n",
    "n_cached",
    "n_unpriced",
    "n_attempts",
    "cost_nanousd",
    "input_tokens",
    "cached_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "n_first",
    "first_byte_s",
    "total_s",
    "overhead_s",
)
ARM_DIMENSIONS: Final = ("span_s", "bucket_s", "tenant", "model", "upstream")
ARM_SUMS: Final = ("n", "quality", "alternative_usd", "actual_usd", "saved_usd", "saved_usd_squared", "n_unpriced")
DELAY_DIMENSIONS: Final = ("span_s", "bucket_s", "tenant", "model", "what", "slot")


class Table(NamedTuple):
    """How rows of one table are put into it."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    on_conflict: str
    """What follows `ON CONFLICT (key) DO`: the same words in every dialect."""


def _take_over(columns: Sequence[str], name: str) -> str:
    return ", ".join(f"{column} = COALESCE(excluded.{column}, {name}.{column})" for column in columns)


def _add_up(columns: Sequence[str], name: str) -> str:
    return ", ".join(f"{column} = {name}.{column} + excluded.{column}" for column in columns)


TABLES: Final = {
    table.name: table
    for table in (
        # A reply completes the row of its decision, once.
        Table(
            "requests",
            REQUESTS,
            ("decision_id",),
            "UPDATE SET "
            + ", ".join(f"{column} = excluded.{column}" for column in REPLIED)
            + " WHERE requests.outcome IS NULL",
        ),
        # Those that are not folded into their requests: the view `attempts` has both.
        Table("attempts_apart", ATTEMPTS, ("decision_id", "number"), "NOTHING"),
        Table("bodies", BODIES, ("decision_id",), f"UPDATE SET {_take_over(BODIES[2:], 'bodies')}"),
        Table("opinions", OPINIONS, ("opinion_id",), "NOTHING"),
        Table("shadows", SHADOWS, ("decision_id", "model", "upstream"), "NOTHING"),
        Table("pools", ("pool", "arms"), ("pool",), "NOTHING"),
        Table("rollups", (*DIMENSIONS, *SUMS), DIMENSIONS, f"UPDATE SET {_add_up(SUMS, 'rollups')}"),
        Table(
            "rollup_arms",
            (*ARM_DIMENSIONS, *ARM_SUMS),
            ARM_DIMENSIONS,
            f"UPDATE SET {_add_up(ARM_SUMS, 'rollup_arms')}",
        ),
        Table(
            "rollup_delays",
            (*DELAY_DIMENSIONS, "n"),
            DELAY_DIMENSIONS,
            f"UPDATE SET {_add_up(('n',), 'rollup_delays')}",
        ),
    )
}
COUNTED: Final = frozenset(("requests", "attempts_apart", "bodies", "opinions", "shadows"))
"""Tables whose rows are counted as written, spooled or dropped: the others are made from these."""
FORMER_NAMES: Final = {"attempts": "attempts_apart"}
"""What tables were called by versions whose spools may still lie there."""


class Put(NamedTuple):
    """Rows for one table."""

    table: str
    rows: Sequence[Sequence[Any]]


def of_today(put: Put) -> Put:
    """Rows that a former version has spooled, for the tables of this one: what they do not know yet is NULL."""
    name = FORMER_NAMES.get(put.table, put.table)
    n_missing = len(TABLES[name].columns) - len(put.rows[0]) if name in TABLES and put.rows else 0
    return Put(name, [(*row, *[None] * n_missing) for row in put.rows] if n_missing > 0 else put.rows)


class Batch(NamedTuple):
    """What one writer puts into the store in one transaction, whole or not at all, and never twice."""

    writer: str
    number: int
    """Counts up from 1 for each writer: the store keeps the last, and takes only what comes after it."""
    at_s: float
    puts: Sequence[Put]

    @property
    def n_rows(self) -> int:
        """Rows that are counted."""
        return sum(len(put.rows) for put in self.puts if put.table in COUNTED)


WATERMARK: Final = (
    "INSERT INTO writers (writer, last_batch, at_s) VALUES ({}, {}, {}) ON CONFLICT (writer) DO UPDATE "
    "SET last_batch = excluded.last_batch, at_s = excluded.at_s WHERE writers.last_batch < excluded.last_batch"
)
"""Changes one row, or none when this batch was already taken."""
