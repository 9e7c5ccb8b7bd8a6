"""SqlStore: the store's verbs over any database, in the SQL that all of them speak."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil, sqrt
from pathlib import Path
from typing import Any, Final

from fairlead.store import window_pages
from fairlead.store.candidates import CandidateRow, unpack_candidates
from fairlead.store.conditions import buckets, conditions, of_tenant, plain, summed_conditions, whole_steps
from fairlead.store.database import Database, Row
from fairlead.store.delay_slots import quantile_s
from fairlead.store.recovery import bring_in_left
from fairlead.store.rollups import ALL_MODELS, DAY_S, HOUR_S, MINUTE_S
from fairlead.store.rows import (
    AlternativeRow,
    AttemptRow,
    BodyRow,
    DelayRow,
    MeanScoreRow,
    OpinionRow,
    OutcomeRow,
    RequestRow,
    ScoreRow,
    ServedRow,
    ShadowRow,
    UsageRow,
)
from fairlead.store.store import Delay, Group, Overview, Search, WholeDecision, Window
from fairlead.store.tables import ATTEMPTS, BODIES, OPINIONS, SHADOWS, SUMS, Batch
from fairlead.store.usage_sums import BESIDE, gathered, summed, usage_columns

MINUTES_KEPT_S: Final = 2 * DAY_S
IDS_AT_ONCE: Final = 500
"""SQLite took no more than 999 arguments before its version 3.32."""
_REQUEST: Final = ", ".join(f"r.{name}" for name in RequestRow._fields)
_AS_QUALITY: Final = (
    " AND o.score IS NOT NULL "
    "AND EXISTS (SELECT 1 FROM requests r WHERE r.decision_id = o.decision_id AND r.outcome = 'ok')"
)
"""What is said of an error, or of a reply that broke off, is no word on a model's quality."""
_OWN_NANO: Final = (
    "COALESCE((SELECT MAX(a.cost_nanousd) FROM attempts_apart a "
    "WHERE a.decision_id = r.decision_id AND a.outcome = 'ok'), r.cost_nanousd)"
)
"""What the attempt that served has cost, without those that lost: SQL over the requests, called `r`."""
_OF_TENANT: Final = "(SELECT decision_id FROM requests WHERE tenant = :tenant)"


class SqlStore:
    """See store.Store."""

    def __init__(self, open_database: Callable[[], Database]) -> None:
        """The database is opened at the first question: one that is away at the start may be there later."""
        self._open = open_database
        self._opened: Database | None = None
        self._lock = threading.Lock()

    @property
    def _database(self) -> Database:
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def served(self, decision_id: str) -> ServedRow | None:
        if plain(decision_id) != decision_id:
            return None  # looked up by what is left of it, it would be another's
        rows = self._database.fetch(
            "SELECT r.tenant, COALESCE(r.model, r.chosen_model), COALESCE(r.upstream, r.chosen_upstream), "
            "CASE WHEN COALESCE(r.outcome, 'ok') = 'ok' THEN r.candidates END, p.arms "
            "FROM requests r LEFT JOIN pools p ON p.pool = r.pool WHERE r.decision_id = :id",
            {"id": plain(decision_id)},
        )
        if not rows:
            return None
        tenant, model, upstream, blob, arms = rows[0]
        candidates = unpack_candidates(blob, None, arms)
        quality = [each.quality for each in candidates if (each.model, each.upstream) == (model, upstream)]
        return ServedRow(tenant, model, quality[0] if quality else None)

    def requests(self, search: Search) -> tuple[RequestRow, ...]:
        found: list[Row] = []
        for part in self._parts(search):
            where, args = conditions(part._replace(limit=search.limit - len(found)))
            sql = (
                f"SELECT {_REQUEST} FROM requests r WHERE {' AND '.join(where)} "
                "ORDER BY r.at_s DESC, r.decision_id DESC LIMIT :limit"
            )
            found += self._database.fetch(sql, args)
            if len(found) >= search.limit:
                break
        return tuple(RequestRow(*row) for row in found)

    def named(self, decision_ids: Sequence[str]) -> tuple[RequestRow, ...]:
        sql = f"SELECT {_REQUEST} FROM requests r WHERE r.decision_id IN"
        return tuple(RequestRow(*row) for row in self._of_ids(sql, decision_ids))

    def _of_ids(self, sql: str, decision_ids: Sequence[str]) -> Iterator[Row]:
        """The rows of a query that ends before the list of ids."""
        for begin in range(0, len(decision_ids), IDS_AT_ONCE):
            args = {f"id_{n}": plain(each) for n, each in enumerate(decision_ids[begin : begin + IDS_AT_ONCE])}
            yield from self._database.fetch(f"{sql} ({', '.join(f':{name}' for name in args)})", args)

    def _parts(self, search: Search) -> Iterator[Search]:
        """The search in two: its last hour, then the days of which the sums know such requests, if it needs them.

        A name that is rare, or is not there at all, must not cost a look at every row.
        """
        where, args = summed_conditions(search)
        if not where:
            yield search
            return
        newest = self._database.fetch("SELECT MAX(at_s) FROM requests")[0][0]
        if newest is None:
            return
        ends = (search.until_s, newest + 1.0, search.before[0] if search.before is not None else search.until_s)
        begin_s = min(ends) - HOUR_S
        yield search._replace(since_s=max(search.since_s, begin_s))
        if begin_s <= search.since_s:
            return
        args |= {"span": DAY_S, "since": int(search.since_s // DAY_S) * DAY_S, "until": ceil(begin_s)}
        sql = (
            "SELECT MIN(bucket_s), MAX(bucket_s) FROM rollups "
            f"WHERE span_s = :span AND bucket_s >= :since AND bucket_s < :until AND {' AND '.join(where)}"
        )
        first, last = self._database.fetch(sql, args)[0]
        if first is not None:
            since_s, until_s = max(search.since_s, float(first)), min(begin_s, float(last + DAY_S))
            yield search._replace(since_s=since_s, until_s=until_s, before=None)

    def decision(self, decision_id: str, tenant: str | None = None) -> WholeDecision | None:
        args = {"id": plain(decision_id)}
        rows = self._database.fetch(
            f"SELECT r.candidates, r.ineligible, p.arms, {_REQUEST} FROM requests r "
            "LEFT JOIN pools p ON p.pool = r.pool WHERE r.decision_id = :id",
            args,
        )
        if not rows:
            return None
        blob, ineligible, arms, *values = rows[0]
        request = RequestRow(*values)
        if tenant is not None and request.tenant != tenant:
            return None
        bodies = self._of("bodies", BODIES, "at_s", args)
        return WholeDecision(
            request,
            unpack_candidates(blob, ineligible, arms),
            tuple(AttemptRow(*row) for row in self._of("attempts", ATTEMPTS, "number", args)),
            tuple(OpinionRow(*row) for row in self._of("opinions", OPINIONS, "at_s", args)),
            tuple(ShadowRow(*row) for row in self._of("shadows", SHADOWS, "at_s", args)),
            BodyRow(*bodies[0]) if bodies else None,
        )

    def _of(self, table: str, columns: tuple[str, ...], order: str, args: Mapping[str, Any]) -> list[Row]:
        sql = f"SELECT {', '.join(columns)} FROM {table} WHERE decision_id = :id ORDER BY {order}"
        return self._database.fetch(sql, args)

    def overview(self, window: Window) -> Overview:
        """Two passes over the sums, not one for each question: with many models and tenants they are many rows."""
        span_s, whole = whole_steps(window)
        where, args = buckets(whole)
        sums = ", ".join(summed(name) for name in SUMS)
        sql = f"SELECT bucket_s, model, outcome, {sums} FROM rollups WHERE {where} GROUP BY bucket_s, model, outcome"
        cells = self._database.fetch(sql, args)
        total = gathered(cells, lambda _: ("", None))
        by_time = gathered(cells, lambda row: ("", row[0]))
        slots: dict[str, dict[int, int]] = {"total": {}, "first_byte": {}}
        sql = (
            "SELECT what, slot, CAST(SUM(n) AS BIGINT) FROM rollup_delays "
            f"WHERE model = :all AND {where} GROUP BY what, slot"
        )
        for what, slot, n in self._database.fetch(sql, {**args, "all": ALL_MODELS}):
            slots.setdefault(what, {})[slot] = n
        return Overview(
            window=whole,
            span_s=span_s,
            total=total[0] if total else UsageRow("", None, *([0] * (len(UsageRow._fields) - 2))),
            by_model=gathered(cells, lambda row: (row[1], None)),
            by_outcome=gathered([row for row in cells if row[2] not in BESIDE], lambda row: (row[2], None)),
            series=tuple(sorted(by_time, key=lambda row: row.bucket_s or 0)),
            delays=_delay("", slots["total"]),
            first_bytes=_delay("", slots["first_byte"]),
            alternatives=self.alternatives(whole),
        )

    def usage(self, window: Window, by: Group = "all", *, is_series: bool = False) -> tuple[UsageRow, ...]:
        where, args = buckets(window)
        group = "''" if by == "all" else by
        bucket = "bucket_s" if is_series else "NULL"
        grouped = [name for name in (bucket, group) if name not in ("NULL", "''")]
        sql = (
            f"SELECT {group}, {bucket}, {usage_columns()} FROM rollups WHERE {where}"
            + (f" GROUP BY {', '.join(grouped)}" if grouped else "")
            + (" ORDER BY 2, 3 DESC, 1" if is_series else " ORDER BY 3 DESC, 1")
        )
        return tuple(UsageRow(*row) for row in self._database.fetch(sql, args) if row[2])

    def delays(self, window: Window, what: Delay = "total") -> tuple[DelayRow, ...]:
        where, args = buckets(window)
        sql = (
            f"SELECT model, slot, CAST(SUM(n) AS BIGINT) FROM rollup_delays WHERE {where} AND what = :what "
            "GROUP BY model, slot"
        )
        counts: dict[str, dict[int, int]] = {}
        for model, slot, n in self._database.fetch(sql, {**args, "what": what}):
            counts.setdefault(model, {})[slot] = n
        everybody = counts.pop(ALL_MODELS, {})
        if not everybody:
            return ()
        by_model = sorted(counts.items(), key=lambda item: (-sum(item[1].values()), item[0]))
        return (_delay("", everybody), *(_delay(model, slots) for model, slots in by_model if model))

    def alternatives(self, window: Window) -> tuple[AlternativeRow, ...]:
        where, args = buckets(window)
        sql = (
            "SELECT model, upstream, CAST(SUM(n) AS BIGINT), SUM(quality), SUM(alternative_usd), SUM(actual_usd), "
            f"SUM(saved_usd), SUM(saved_usd_squared) FROM rollup_arms WHERE {where} "
            "GROUP BY model, upstream HAVING SUM(n) > 0 ORDER BY 3 DESC, 5 DESC, 1, 2"
        )
        return tuple(
            AlternativeRow(model, upstream, n, quality / n, other, actual, saved, _standard_error(n, saved, squares))
            for model, upstream, n, quality, other, actual, saved, squares in self._database.fetch(sql, args)
        )

    def scan(self, window: Window, size: int = 1_000) -> Iterator[tuple[RequestRow, tuple[CandidateRow, ...]]]:
        arms: dict[str, str] = dict(self._database.fetch("SELECT pool, arms FROM pools"))
        sql = f"SELECT r.at_s, r.decision_id, r.candidates, r.ineligible, r.pool, {_REQUEST} FROM requests r"
        for row in window_pages.requests(self._database, sql, window, size):
            _, _, blob, ineligible, pool, *values = row
            yield RequestRow(*values), unpack_candidates(blob, ineligible, arms.get(pool))

    def newest_from(self, window: Window, n: int) -> float:
        args: dict[str, Any] = {"since_s": window.since_s, "until_s": window.until_s, "after": max(n, 1) - 1}
        rows = self._database.fetch(
            f"SELECT at_s FROM requests WHERE at_s >= :since_s AND at_s < :until_s{of_tenant(window, args)} "
            "ORDER BY at_s DESC, decision_id DESC LIMIT 1 OFFSET :after",
            args,
        )
        return float(rows[0][0]) if rows else window.since_s

    def attempts(self, window: Window) -> Iterator[AttemptRow]:
        for row in window_pages.attempts(self._database, window):
            yield AttemptRow(*row)

    def opinions(
        self, window: Window, limit: int = 100_000, *, counts_as_quality: bool = False
    ) -> tuple[OpinionRow, ...]:
        args: dict[str, Any] = {"since_s": window.since_s, "until_s": window.until_s, "limit": limit}
        tenant = of_tenant(window, args, "o.")
        columns, which = ", ".join(f"o.{name}" for name in OPINIONS), _AS_QUALITY if counts_as_quality else ""
        sql = (
            f"SELECT {columns} FROM opinions o WHERE o.at_s >= :since_s AND o.at_s < :until_s{tenant}{which} "
            "ORDER BY o.at_s DESC, o.opinion_id DESC LIMIT :limit"
        )
        return tuple(OpinionRow(*row) for row in self._database.fetch(sql, args))

    def scores(self, window: Window) -> tuple[ScoreRow, ...]:
        args: dict[str, Any] = {"since_s": window.since_s, "until_s": window.until_s}
        tenant = of_tenant(window, args, "o.")
        sql = (
            "SELECT r.model, COALESCE(r.kind, ''), COUNT(*), SUM(o.weight), SUM(o.weight * o.score), "
            "SUM(o.weight * o.weight) FROM opinions o JOIN requests r ON r.decision_id = o.decision_id "
            "WHERE o.at_s >= :since_s AND o.at_s < :until_s AND o.score IS NOT NULL AND o.weight > 0 "
            f"AND r.outcome = 'ok' AND r.model IS NOT NULL{tenant} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
        )
        return tuple(
            ScoreRow(model, kind, n, weight, total / weight, weight * weight / squares)
            for model, kind, n, weight, total, squares in self._database.fetch(sql, args)
        )

    def mean_score(self, window: Window) -> MeanScoreRow:
        args: dict[str, Any] = {"since_s": window.since_s, "until_s": window.until_s}
        sql = (
            "SELECT COUNT(*), SUM(o.score), SUM(o.score * o.score) FROM opinions o "
            f"WHERE o.at_s >= :since_s AND o.at_s < :until_s{of_tenant(window, args, 'o.')}{_AS_QUALITY}"
        )
        n, total, squares = self._database.fetch(sql, args)[0]
        error = _standard_error(n, total, squares)
        return MeanScoreRow(n, total / n if n else None, None if error is None else error / n)

    def queries(self, decision_ids: Sequence[str]) -> dict[str, str]:
        sql = "SELECT decision_id, query FROM bodies WHERE query IS NOT NULL AND decision_id IN"
        return dict(self._of_ids(sql, decision_ids))

    def outcomes(self, window: Window) -> Iterator[OutcomeRow]:
        args: dict[str, Any] = {"since_s": window.since_s, "until_s": window.until_s}
        tenant = of_tenant(window, args, "o.")
        sql = (
            f"SELECT r.decision_id, b.query, r.model, o.score, o.weight, r.is_cached, {_OWN_NANO}, "
            "r.input_tokens + COALESCE(r.cached_read_tokens, 0) + COALESCE(r.cache_write_tokens, 0), "
            "r.output_tokens, r.total_s FROM opinions o JOIN requests r ON r.decision_id = o.decision_id "
            "JOIN bodies b ON b.decision_id = o.decision_id WHERE o.at_s >= :since_s AND o.at_s < :until_s "
            "AND o.score IS NOT NULL AND b.query IS NOT NULL AND r.model IS NOT NULL AND r.outcome = 'ok'"
            f"{tenant} ORDER BY o.at_s, o.opinion_id"
        )
        for decision, query, model, score, weight, is_cached, nano, *rest in self._database.fetch(sql, args):
            told = [None] * 4 if is_cached else [None if nano is None else nano * 1e-9, *rest]
            yield OutcomeRow(decision, query, model, score, weight, *told)

    def forget(self, before_s: float | None, bodies_before_s: float | None) -> int:
        statements: list[tuple[str, dict[str, Any]]] = []
        if bodies_before_s is not None:
            statements.append(("DELETE FROM bodies WHERE at_s < :at", {"at": bodies_before_s}))
            wordless = "UPDATE shadows SET reply = NULL WHERE at_s < :at AND reply IS NOT NULL"
            statements.append((wordless, {"at": bodies_before_s}))
        if before_s is not None:
            older = "(SELECT decision_id FROM requests WHERE at_s < :at)"
            statements += [
                (f"DELETE FROM {name} WHERE decision_id IN {older}", {"at": before_s})
                for name in ("attempts_apart", "bodies", "opinions", "shadows")
            ]
            statements.append(("DELETE FROM requests WHERE at_s < :at", {"at": before_s}))
            statements += [
                (f"DELETE FROM {name} WHERE bucket_s + span_s <= :at", {"at": int(before_s)})
                for name in ("rollups", "rollup_arms", "rollup_delays")
            ]
        return self._database.change(statements) if statements else 0

    def forget_minutes(self, now_s: float) -> int:
        """Delete sums by minute that nobody looks at any more: the hours stay."""
        before = {"at": int(now_s - MINUTES_KEPT_S), "span": MINUTE_S}
        return self._database.change(
            [
                (f"DELETE FROM {name} WHERE span_s = :span AND bucket_s < :at", before)
                for name in ("rollups", "rollup_arms", "rollup_delays")
            ]
        )

    def forget_tenant(self, tenant: str) -> int:
        args = {"tenant": tenant}
        names = ("attempts_apart", "bodies", "opinions", "shadows")
        n = self._database.change(
            [(f"DELETE FROM {name} WHERE decision_id IN {_OF_TENANT}", args) for name in names]
            + [
                (f"DELETE FROM {name} WHERE tenant = :tenant", args)
                for name in ("requests", "opinions", "rollups", "rollup_arms", "rollup_delays")
            ]
        )
        self._database.vanish()
        return n

    def take_in(self, folder: Path) -> int:
        """Put in what writers that are gone have left in this folder of spools; how many rows."""
        return sum(fate.n_in for fate in bring_in_left(self._database, folder))

    def put(self, batch: Batch) -> bool:
        return self._database.apply(batch)

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None


def _delay(model: str, counts: Mapping[int, int]) -> DelayRow:
    return DelayRow(model, sum(counts.values()), *(quantile_s(counts, share) for share in (0.5, 0.95, 0.99)))


def _standard_error(n: int, total: float, squares: float) -> float | None:
    """Of a sum of n independent figures."""
    if n < 2:
        return None
    variance = max(squares - total * total / n, 0.0) / (n - 1)
    return sqrt(variance * n)
