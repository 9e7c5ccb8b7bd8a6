"""The benchmark that replays a day: it is kept, with feedback on every reply, or its figures would be of nothing."""

import asyncio
from pathlib import Path

from benchmarks.store.demo_day import DAY_S, EXPLORE, FIRST_S, Clock, demo, outcomes_of, ran, run_day
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Window


def test_a_day_is_kept_at_its_own_time_with_feedback_on_every_reply(tmp_path: Path) -> None:
    outcomes = outcomes_of(asyncio.run(demo("", Clock(), 1)), 12, 1)

    asyncio.run(run_day(EXPLORE, tmp_path, outcomes, 1))

    assert ran(tmp_path).n == 12
    store = SqlStore(lambda: SqliteDatabase(tmp_path / "fairlead" / "demo-traffic.db"))
    day = Window(FIRST_S - 1, FIRST_S + DAY_S + 1)
    told = {row.decision_id for row, _ in store.scan(day)}
    assert {opinion.decision_id for opinion in store.opinions(day) if opinion.score is not None} == told
    assert {row.decision_id for row in store.attempts(day)} == told
    store.close()
