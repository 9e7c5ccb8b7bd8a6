"""A file appears whole or not at all, and what is no file is never replaced by one."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from fairlead.domain.errors import SetupError
from fairlead.evaluation.whole_files import appearing_whole, is_stream, write_whole

MANY = "much more than a pipe holds\n" * 10_000


def heard(path: Path, write: Callable[[], None]) -> str:
    """What comes out of a pipe while this is written into it."""
    found: list[str] = []
    reader = Thread(target=lambda: found.append(path.read_text(encoding="utf-8")), daemon=True)
    reader.start()
    write()
    reader.join(timeout=30.0)
    return found[0]


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    assert heard(pipe, lambda: write_whole(pipe, MANY)) == MANY
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_link_to_a_pipe_leads_into_it(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)

    assert heard(pipe, lambda: write_whole(link, "words")) == "words"
    assert link.is_symlink()


def test_a_stream_of_this_process_is_written_to_though_it_leads_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    with path.open("wb") as file:
        stream = Path(f"/proc/self/fd/{file.fileno()}")
        if not stream.exists():
            pytest.skip("this system has no /proc")
        before = path.stat().st_ino
        assert is_stream(stream)
        write_whole(stream, "words")

    assert path.read_text() == "words"
    assert path.stat().st_ino == before


def test_a_link_stays_and_the_file_behind_it_is_replaced(tmp_path: Path) -> None:
    path, link = tmp_path / "behind" / "out.txt", tmp_path / "link.txt"
    path.parent.mkdir()
    path.write_text("older")
    link.symlink_to(path)

    write_whole(link, "newer")

    assert link.is_symlink() and path.read_text() == "newer"
    assert sorted(each.name for each in tmp_path.rglob("*")) == ["behind", "link.txt", "out.txt"]


def test_when_something_breaks_midway_the_older_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("older")

    with pytest.raises(RuntimeError, match="broke"), appearing_whole(path) as file:
        file.write(b"newer")
        raise RuntimeError("broke")

    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_and_a_missing_one_are_refused_by_name(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "out.txt"):
        with pytest.raises(SetupError, match=rf"{path}: cannot be written"):
            write_whole(path, "words")
    assert not list(tmp_path.iterdir())


def test_what_is_written_is_as_private_as_the_umask_or_the_file_before_says(tmp_path: Path) -> None:
    kept, fresh = tmp_path / "kept.jsonl", tmp_path / "fresh.jsonl"
    kept.write_text("old", encoding="utf-8")
    kept.chmod(0o640)
    before = os.umask(0o077)
    try:
        write_whole(kept, "new")
        write_whole(fresh, "new")
    finally:
        os.umask(before)

    assert [stat.S_IMODE(path.stat().st_mode) for path in (kept, fresh)] == [0o640, 0o600]
    assert sorted(tmp_path.iterdir()) == [fresh, kept]
