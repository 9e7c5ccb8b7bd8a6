"""Old files open, changed ones and those of the future are refused in words."""

import sqlite3
from pathlib import Path

import pytest

from fairlead.domain.errors import StoreError
from fairlead.store.migrations import Migration, migrations, missing, statements
from fairlead.store.sqlite import SqliteDatabase

KNOWN = tuple(Migration(number, f"{number:04}_x", "SELECT 1;", f"sum{number}") for number in (1, 2, 3))


def test_what_is_missing_is_applied_in_order() -> None:
    assert missing(KNOWN, {}, "f") == KNOWN
    assert missing(KNOWN, {1: "sum1"}, "f") == KNOWN[1:]
    assert missing(KNOWN, {1: "sum1", 2: "sum2", 3: "sum3"}, "f") == ()


def test_a_store_of_the_future_is_refused_in_words() -> None:
    with pytest.raises(StoreError, match=r"f: this store was written by a later version.*update Fairlead"):
        missing(KNOWN, {1: "sum1", 4: "sum4"}, "f")


def test_a_changed_migration_is_refused() -> None:
    with pytest.raises(StoreError, match="0002_x was applied to this store with another text"):
        missing(KNOWN, {2: "other"}, "f")


def test_both_dialects_have_the_same_numbers_and_names() -> None:
    one, other = ([(each.number, each.name) for each in migrations(name)] for name in ("sqlite", "postgres"))
    assert one == other == [(at, name) for at, (_, name) in enumerate(one, 1)]


def test_statements_are_split_and_comments_left_out() -> None:
    assert statements("-- one; two\nCREATE TABLE a (b);\n\nSELECT 1;\n") == ["CREATE TABLE a (b)", "SELECT 1"]


def test_a_file_is_opened_again_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "below" / "traffic.db"
    SqliteDatabase(path).close()
    before = path.stat().st_mode
    SqliteDatabase(path).close()
    assert oct(before & 0o777) == "0o600", "prompts may be in it"


def test_a_file_of_the_future_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "traffic.db"
    SqliteDatabase(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO migrations VALUES (9999, 'x', 'y')")
    connection.close()
    with pytest.raises(StoreError, match="later version"):
        SqliteDatabase(path)


@pytest.mark.parametrize(
    "content", [b"this is not a database at all, but long enough" * 50, b"SQLite format 3\0" + b"x" * 200]
)
def test_what_is_no_store_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "traffic.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"traffic\.db: .*(no store|written)"):
        SqliteDatabase(path)


def test_a_place_that_cannot_be_made_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="name another under 'store'"):
        SqliteDatabase(tmp_path / "file" / "traffic.db")
