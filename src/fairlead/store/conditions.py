"""Conditions: a search or a window as conditions of SQL, over rows or over their sums, with the values they name."""

from math import ceil
from typing import Any, Final

from fairlead.store.rollups import DAY_S, HOUR_S, MINUTE_S
from fairlead.store.store import Search, Window

MINUTES_UP_TO_S: Final = 6 * HOUR_S
"""A longer window is summed by hours: 360 minutes are as many points as a chart can show."""
HOURS_UP_TO_S: Final = 2 * DAY_S
"""And one longer than that by days: of many models, kinds and tenants each hour has hundreds of sums."""
_FILTERS: Final = ("tenant", "model", "upstream", "policy", "kind", "door", "key_name", "session", "error_code")
_SUMMED: Final = ("tenant", "model", "upstream", "policy", "kind", "door")


def plain(text: str) -> str:
    """A client's word as every database takes it."""
    return text[:200].replace("\0", "").encode("utf-8", "replace").decode()


def conditions(search: Search) -> tuple[list[str], dict[str, Any]]:
    """Over the requests, called `r`."""
    where = ["r.at_s >= :since_s", "r.at_s < :until_s"]
    args: dict[str, Any] = {"since_s": search.since_s, "until_s": search.until_s, "limit": search.limit}
    for name in _FILTERS:
        value = getattr(search, name)
        if value is not None:
            where.append(f"r.{name} = :{name}")
            args[name] = plain(value)
    if search.outcome == "failed":
        where.append("r.outcome <> 'ok'")
    elif search.outcome == "running":
        where.append("r.outcome IS NULL")
    elif search.outcome is not None:
        where.append("r.outcome = :outcome")
        args["outcome"] = plain(search.outcome)
        if search.outcome != "ok":
            where.append("r.outcome <> 'ok'")  # says nothing new, but names the index of what failed
    if search.before is not None:
        # One upper bound alone: the index is searched by the first that it meets.
        where[1] = "r.at_s <= :before_s"
        where.append("(r.at_s, r.decision_id) < (:before_s, :before_id)")
        args |= {"before_s": min(search.before[0], search.until_s), "before_id": plain(search.before[1])}
        del args["until_s"]
    return where, args


def summed_conditions(search: Search) -> tuple[list[str], dict[str, Any]]:
    """Over the sums by minute, hour or day: the filters that they are kept by."""
    args = {name: plain(value) for name in _SUMMED if (value := getattr(search, name)) is not None}
    where = [f"{name} = :{name}" for name in args]
    if search.outcome == "failed":
        where.append("outcome <> 'ok'")
    elif search.outcome is not None:
        where.append("outcome = :outcome")
        args["outcome"] = plain(search.outcome)
    return where, dict(args)


def of_tenant(window: Window, args: dict[str, Any], prefix: str = "") -> str:
    """One more condition, where the window is one tenant's."""
    if window.tenant is None:
        return ""
    args["tenant"] = plain(window.tenant)
    return f" AND {prefix}tenant = :tenant"


def whole_steps(window: Window) -> tuple[int, Window]:
    """The window widened to whole minutes, hours or days."""
    length_s = window.until_s - window.since_s
    span_s = MINUTE_S if length_s <= MINUTES_UP_TO_S else HOUR_S if length_s <= HOURS_UP_TO_S else DAY_S
    since_s, until_s = window.since_s // span_s * span_s, ceil(window.until_s / span_s) * span_s
    return span_s, window._replace(since_s=float(since_s), until_s=float(until_s))


def buckets(window: Window) -> tuple[str, dict[str, Any]]:
    """Over the sums: of the widened window."""
    span_s, whole = whole_steps(window)
    args: dict[str, Any] = {"span": span_s, "since": int(whole.since_s), "until": int(whole.until_s)}
    return f"span_s = :span AND bucket_s >= :since AND bucket_s < :until{of_tenant(window, args)}", args
