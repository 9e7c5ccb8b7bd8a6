"""Window pages: all that a window holds, oldest first and a page at a time, so that nobody has the whole in memory."""

from collections.abc import Iterator
from typing import Any, Final

from fairlead.store.conditions import of_tenant
from fairlead.store.database import Database, Row
from fairlead.store.store import Window
from fairlead.store.tables import ATTEMPTS

ATTEMPTS_OF: Final = 1_000
"""How many requests have their attempts read at once."""
_BEYOND: Final = "(r.at_s, r.decision_id) > (:after_s, :after_id) AND r.at_s >= :after_s AND r.at_s < :until_s"
_UP_TO: Final = "(r.at_s, r.decision_id) <= (:last_s, :last_id)"
_ATTEMPT: Final = ", ".join(f"a.{name}" for name in ATTEMPTS)


def requests(database: Database, sql: str, window: Window, size: int) -> Iterator[Row]:
    """The rows of a query over the requests, called `r`, that begin with their at_s and decision_id."""
    args, tenant = _args(window)
    args["limit"] = size
    while True:
        rows = database.fetch(f"{sql} WHERE {_BEYOND}{tenant} ORDER BY r.at_s, r.decision_id LIMIT :limit", args)
        yield from rows
        if len(rows) < size:
            return
        args["after_s"], args["after_id"] = rows[-1][:2]


def attempts(database: Database, window: Window) -> Iterator[Row]:
    """tables.ATTEMPTS of every attempt. A page ends between two requests, never within one.

    Both ways of keeping them are asked apart: joined with the view of both, each page would read all of them.
    """
    args, tenant = _args(window)
    within = f"{_BEYOND}{tenant} AND {_UP_TO}"
    sql = " UNION ALL ".join(
        f"SELECT r.at_s, {_ATTEMPT} FROM requests r JOIN {name} a ON a.decision_id = r.decision_id WHERE {within}"
        for name in ("attempts_apart", "attempts_folded")
    )
    while True:
        ends = database.fetch(
            f"SELECT r.at_s, r.decision_id FROM requests r WHERE {_BEYOND}{tenant} "
            "ORDER BY r.at_s, r.decision_id LIMIT :limit",
            {**args, "limit": ATTEMPTS_OF},
        )
        if not ends:
            return
        last_s, last_id = ends[-1]
        for row in database.fetch(f"{sql} ORDER BY 1, 2, 3", {**args, "last_s": last_s, "last_id": last_id}):
            yield row[1:]
        args["after_s"], args["after_id"] = last_s, last_id


def _args(window: Window) -> tuple[dict[str, Any], str]:
    """Where its first page begins, and the condition of its tenant."""
    args: dict[str, Any] = {"after_s": window.since_s, "after_id": "", "until_s": window.until_s}
    return args, of_tenant(window, args, "r.")
