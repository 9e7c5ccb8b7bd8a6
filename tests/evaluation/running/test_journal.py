"""The journal: append-only, mended at its end, held by one writer, and refused when it is not one."""

import json
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.domain.errors import EvaluationError
from fairlead.evaluation.running.journal import Journal, read_journal
from fairlead.evaluation.running.records import Asked, Failed, Ledger, Reply, Scored, record_hash


def reply(key: str, n: int = 1, *, replays: bool = False, text: str = "x") -> Reply:
    return Reply(key, n, "answer", "m", "i", 0, text, [("f", "{}")], "stop", "m", (1, 0, 0, 2, 0), 5, 0.1, replays)


def written(path: Path) -> None:
    journal = Journal.open(path)
    for line in (Asked("a", 1, 10), reply("a"), Asked("b", 1, 10), Scored("a", "s", 1.0)):
        journal.write(line)
    journal.close()


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    written(tmp_path / "j")
    ledger = read_journal(tmp_path / "j")
    assert ledger.calls["a"].reply == reply("a")
    assert (ledger.unknown, ledger.spent_nano, ledger.held_nano) == (["b"], 5, 10)
    assert ledger.scores["a", "s"].value == 1.0


@given(st.integers(1, 400))
def test_a_file_cut_at_any_byte_opens_with_its_whole_lines(
    tmp_path_factory: pytest.TempPathFactory, n_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "j"
    written(path)
    data = path.read_bytes()[:n_bytes]
    path.write_bytes(data)
    journal = Journal.open(path)
    journal.write(Asked("later", 1, 1))
    journal.close()
    assert path.read_bytes() == data[: data.rfind(b"\n") + 1] + b'{"type":"ask","key":"later","n":1,"most_nano":1}\n'
    assert "later" in read_journal(path).calls


def test_two_runs_do_not_write_one_record(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j")
    with pytest.raises(EvaluationError, match="another run is writing this record"):
        Journal.open(tmp_path / "j")
    journal.close()
    Journal.open(tmp_path / "j").close()


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"type":"ask"}', '{"type":"other"}', "[" * 5000, '{"type":"ask","key":1}']
)
def test_a_line_that_is_none_is_named_and_nothing_is_lost(tmp_path: Path, line: str) -> None:
    written(tmp_path / "j")
    before = (tmp_path / "j").read_bytes() + line.encode() + b"\n" + b'{"type":"ask","key":"z","n":1,"most_nano":1}\n'
    (tmp_path / "j").write_bytes(before)
    with pytest.raises(EvaluationError, match="line 5: not a line of a record"):
        Journal.open(tmp_path / "j")
    assert (tmp_path / "j").read_bytes() == before


def test_a_folder_in_the_place_of_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be written"):
        Journal.open(tmp_path)
    with pytest.raises(EvaluationError, match="must be a plain file"):
        Journal.open(Path("/dev/full"))


def test_a_full_disk_stops_the_run_and_leaves_whole_lines(tmp_path: Path) -> None:
    written(tmp_path / "j")
    before = (tmp_path / "j").read_bytes()
    journal = Journal.open(tmp_path / "j")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))  # the disk takes ten bytes more
    try:
        with pytest.raises(EvaluationError, match="the disk is full"):
            journal.write(Asked("c", 1, 1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "c" not in journal.ledger.calls
    journal.close()
    assert (tmp_path / "j").read_bytes() == before


def test_money_is_held_for_what_may_have_been_paid_and_let_go_by_a_replay() -> None:
    ledger = Ledger()
    for line in (Asked("a", 1, 10), Failed("a", 1, "cut", "maybe"), Asked("a", 2, 10)):
        ledger.take(line)
    assert ledger.held_nano == 20
    ledger.take(reply("a", 2))
    assert (ledger.held_nano, ledger.spent_nano) == (10, 5)
    ledger.take(reply("a", 2, replays=True))
    assert (ledger.held_nano, ledger.spent_nano) == (0, 5)
    ledger.take(Asked("b", 1, 10))
    ledger.take(Failed("b", 1, "refused", "no"))
    assert (ledger.held_nano, ledger.unknown) == (0, [])


def test_the_record_hash_hangs_on_replies_and_scores_alone() -> None:
    one, other = reply("a"), reply("b", text="y")
    scores = [Scored("a", "s", 1.0), Scored("b", "s", None, "why")]
    usual = record_hash([one, other], scores)
    later = json.loads(json.dumps("y"))
    assert record_hash([reply("b", 3, replays=True, text=later), one], reversed(scores)) == usual
    assert record_hash([one, reply("b", text="z")], scores) != usual
    assert record_hash([one, other], scores[:1]) != usual
