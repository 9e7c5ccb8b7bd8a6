"""A writer in a process of its own: whatever becomes of the process, no row is lost or doubled."""

import io
import os
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from fairlead.assembly.store_writer import Place, WriterPlan, scribe_of, start_process
from fairlead.domain.moments import Decided
from fairlead.store.keeper import Keeper, KeeperLimits
from fairlead.store.lines import Lines, packed
from fairlead.store.postgres import PostgresDatabase
from fairlead.store.process_writer import LENGTH, ProcessWriter, read_piece, write_turns
from fairlead.store.scribe import Turn
from fairlead.store.sql_store import SqlStore
from fairlead.store.sqlite import SqliteDatabase
from fairlead.store.store import Search
from tests.store.small_traffic import ALWAYS, AT_S, CHEAP, STRONG, Told
from tests.store.test_keeper import kept, locked, tell, until


def plan_of(folder: Path, redact: tuple[str, ...] | None = None) -> WriterPlan:
    return WriterPlan(
        name="w",
        place=Place(str(folder / "traffic.db"), None),
        spools=str(folder / "spools"),
        spool_bytes=10**9,
        redact=redact,
        redact_patterns=(),
        retention_days=None,
        bodies_retention_days=None,
        log_level="error",
        log_format="text",
    )


class World:
    """A keeper whose writer is a process, and that process."""

    def __init__(self, folder: Path, redact: tuple[str, ...] | None = None) -> None:
        self.folder = folder
        self.plan = plan_of(folder, redact)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.keeper = Keeper(
            lambda: ProcessWriter(self._start, lambda: scribe_of(self.plan, "-2")),
            time.time,
            KeeperLimits(flush_every_s=0.005),
            is_packing=True,
        )

    def _start(self) -> "subprocess.Popen[bytes]":
        self.processes.append(start_process(self.plan))
        return self.processes[-1]

    def kill(self) -> None:
        self.processes[-1].send_signal(signal.SIGKILL)

    def compared(self) -> dict[str, int]:
        connection = sqlite3.connect(self.folder / "traffic.db")
        try:
            rows = connection.execute("SELECT model, SUM(n) FROM rollup_arms WHERE span_s = 60 GROUP BY model")
            return dict(rows.fetchall())
        finally:
            connection.close()


def test_what_is_told_is_in_the_store_when_it_is_closed(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.keeper.start()
    names = [f"d{at:04}" for at in range(500)]
    tell(world.keeper, *names)
    world.keeper.close()
    assert kept(tmp_path) == names
    state = world.keeper.state()
    assert (state.n_waiting, state.n_written, state.n_dropped, state.fault) == (0, 1_000, 0, None)
    assert world.processes[0].returncode == 0
    assert not list((tmp_path / "spools").glob("*"))


@pytest.mark.postgres
def test_a_process_writes_to_postgresql_and_its_stand_in_does_too(postgres_url: str, tmp_path: Path) -> None:
    first = PostgresDatabase(postgres_url)
    first.change([("DROP SCHEMA IF EXISTS public CASCADE", {}), ("CREATE SCHEMA public", {})])
    first.close()
    world = World(tmp_path)
    world.plan = msgspec.structs.replace(world.plan, place=Place(None, postgres_url))
    world.keeper.start()
    tell(world.keeper, "d1")
    until(lambda: world.keeper.state().n_written == 2)
    world.kill()
    tell(world.keeper, "d2", "d3")
    until(lambda: world.keeper.state().n_written == 6)
    world.keeper.close()
    store = SqlStore(lambda: PostgresDatabase(postgres_url))
    assert sorted(row.decision_id for row in store.requests(Search())) == ["d1", "d2", "d3"]
    assert sum(row.n for row in store.usage(ALWAYS)) == 3
    store.close()


@pytest.mark.parametrize(("after", "together"), [(0, False), (40, False), (200, False), (40, True)])
def test_a_process_that_is_killed_loses_and_doubles_nothing(tmp_path: Path, after: int, together: bool) -> None:
    world = World(tmp_path)
    world.keeper.start()
    names = [f"d{at:04}" for at in range(600)]
    late = Told(name="late")
    world.keeper.take(late.decided())
    for name in names:
        tell(world.keeper, name, together=together)
        if name == names[after]:
            until(lambda: world.processes)
            world.kill()
    until(lambda: world.keeper.state().n_waiting == 0)
    world.keeper.told([(time.time(), moment) for moment in (late.attempted(), late.replied())])
    world.keeper.close()
    assert world.processes[0].returncode == -signal.SIGKILL
    assert kept(tmp_path) == [*names, "late"]
    by_model = world.compared()
    assert set(by_model) == {CHEAP.model, STRONG.model}
    assert min(by_model.values()) >= len(names), "each is compared with its candidates, once"
    assert max(by_model.values()) <= len(names) + 1
    assert not list((tmp_path / "spools").glob("*"))


def test_what_a_killed_process_had_spooled_comes_in_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.keeper.start()
    tell(world.keeper, "d1")
    until(lambda: world.keeper.state().n_written == 2)
    with locked(tmp_path / "traffic.db"):
        tell(world.keeper, "d2")
        until(lambda: world.keeper.state().n_spooled == 2)
        world.kill()
        tell(world.keeper, "d3")
        until(lambda: world.keeper.state().n_spooled >= 4)
    until(lambda: world.keeper.state().fault is None)
    tell(world.keeper, "d4")
    world.keeper.close()
    assert kept(tmp_path) == ["d1", "d2", "d3", "d4"]
    assert not list((tmp_path / "spools").glob("*.spool"))


def test_a_process_that_cannot_be_started_has_a_stand_in(tmp_path: Path) -> None:
    def fails() -> "subprocess.Popen[bytes]":
        raise FileNotFoundError(2, "No such file")

    keeper = Keeper(lambda: ProcessWriter(fails, lambda: scribe_of(plan_of(tmp_path))), time.time)
    keeper.start()
    tell(keeper, "d1")
    keeper.close()
    assert kept(tmp_path) == ["d1"]


def test_words_are_redacted_on_their_way(tmp_path: Path) -> None:
    world = World(tmp_path, redact=("email",))
    world.keeper.start()
    told = Told(words=lambda: "write to ann@example.org \ud800\0")
    for moment in told.moments():
        world.keeper.take(moment)
    world.keeper.close()
    store = SqlStore(lambda: SqliteDatabase(tmp_path / "traffic.db"))
    whole = store.decision("d1")
    store.close()
    assert whole is not None and whole.body is not None
    assert whole.body.reply == "write to [email] ?\ufffd"


def test_a_line_that_cannot_be_sent_takes_no_other_with_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = World(tmp_path)
    world.keeper.start()
    broken: Decided = Told(name="d1").decided()._replace(session=object())  # type: ignore[arg-type]  # a bug
    world.keeper.take(broken)
    tell(world.keeper, "d2")
    world.keeper.close()
    assert kept(tmp_path) == ["d2"]
    assert "a moment could not be kept" in caplog.text


def test_a_gateway_that_is_gone_leaves_a_process_that_writes_what_it_has_and_ends(tmp_path: Path) -> None:
    process = start_process(plan_of(tmp_path))
    assert process.stdin is not None and process.stdout is not None
    lines = Lines().of([(AT_S, Told(name="d1").decided()), (AT_S, Told(name="d2").decided())])
    body = msgspec.msgpack.encode(Turn(1, AT_S, [packed(lines)], len(lines)))
    # As the end of a killed process: amid its second turn.
    os.write(process.stdin.fileno(), LENGTH.pack(len(body)) + body + LENGTH.pack(100) + b"half")
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()
    store = SqlStore(lambda: SqliteDatabase(tmp_path / "traffic.db"))
    assert sorted(row.decision_id for row in store.requests(Search())) == ["d1", "d2"]
    store.close()


def test_a_turn_is_settled_when_its_decisions_are_written_and_at_once_when_it_has_none(tmp_path: Path) -> None:
    read, write = os.pipe()
    decision = Lines().of([(AT_S, Told(name="d1").decided())])
    turns = [
        Turn(1, AT_S, (), 0),
        Turn(2, AT_S, [decision], len(decision)),
        Turn(3, AT_S + 0.01, (), 0),
        Turn(4, AT_S + 1.0, (), 0),
    ]
    bodies = [msgspec.msgpack.encode(turn) for turn in turns]
    stdin = io.BytesIO(b"".join(LENGTH.pack(len(body)) + body for body in bodies))
    with os.fdopen(write, "wb") as out, os.fdopen(read, "rb") as said:
        write_turns(scribe_of(plan_of(tmp_path)), stdin, out)
        out.close()
        reports = []
        while (body := read_piece(said)) is not None:
            reports.append(msgspec.msgpack.decode(body)[0])
    assert reports == [0, 1, 4]


def test_an_address_goes_by_the_pipe_and_not_by_the_command_line(tmp_path: Path) -> None:
    plan = msgspec.structs.replace(plan_of(tmp_path), place=Place(None, "postgresql://u:secret@127.0.0.1:9/x"))
    process = start_process(plan)
    assert process.stdin is not None and process.stdout is not None
    seen = " ".join(map(str, process.args if isinstance(process.args, list) else [process.args]))
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()
    assert "secret" not in seen
